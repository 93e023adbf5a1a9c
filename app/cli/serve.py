"""What ``make run`` does after the installation: prepare the database, then serve until stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import func, select

from app.kit import admission, codes
from app.kit.database import db
from app.kit.scope import SYSTEM, acting
from app.models.unit import Unit
from app.security import grants

ROOT = Path(__file__).parents[2]


def prepare(flask: Flask) -> None:
    """Bring schema, code tables and rights up to date; safe to repeat."""
    with flask.app_context(), acting(SYSTEM):
        upgrade()
        codes.seed()
        grants.sync(db.session)
        db.session.commit()


def seed_demo(flask: Flask) -> str | None:
    """Make the demo country in an empty database. Returns the password of its accounts."""
    from app.demo.business import conduct
    from app.demo.country import load

    with flask.app_context(), acting(SYSTEM):
        if db.session.scalar(select(func.count(Unit.id))):
            return None
        click.echo("      正在生成演示数据（约2000户合成档案）…")
        password = load(db.session)
        conduct(db.session)
        db.session.commit()
        return password


#: connections of one process, below the thousand and some files that most systems let it have open
CONNECTIONS = 800


def web_server(flask: Flask, address: str, application: str = "run:app") -> list[str]:
    """The command of the web server: so many threads that a process can refuse while all its seats are taken."""
    options = ["-k", "gthread", "-w", os.environ.get("WEB_CONCURRENCY", "2")]
    options += ["--threads", str(admission.threads(flask.config)), "--worker-connections", str(CONNECTIONS)]
    options += ["--no-control-socket", "--log-level", "warning"]
    return [sys.executable, "-m", "gunicorn", *options, "-b", address, application]


def serve(flask: Flask) -> None:
    """Prepare, seed, start gunicorn and the worker on loopback, and stop both together."""
    port = int(os.environ.get("PORT") or 8080)
    click.echo("      正在准备数据库 …")
    prepare(flask)
    password = seed_demo(flask)
    with flask.app_context():
        db.engine.dispose()  # the children open connections of their own
    url = f"http://127.0.0.1:{port}"
    gunicorn = web_server(flask, f"127.0.0.1:{port}")
    worker = [sys.executable, "-m", "flask", "--app", "run", "worker"]
    children = [subprocess.Popen(command, cwd=ROOT) for command in (gunicorn, worker)]  # noqa: S603 - our own commands
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        _announce(flask, url, password)
        while all(child.poll() is None for child in children):
            time.sleep(0.5)
        sys.exit(1)
    except KeyboardInterrupt:
        pass
    finally:
        for child in children:
            child.terminate()
        for child in children:
            child.wait(timeout=30)


def _announce(flask: Flask, url: str, password: str | None) -> None:
    """Print where to go and how to log in."""
    from app.demo.country import login_names

    click.echo(f"\n工会业务平台已启动：{url}    （Ctrl+C 停止）\n")
    given = os.environ.get("UNIONDESK_DEMO_PASSWORD")
    with flask.app_context(), acting(SYSTEM):
        for name in login_names(db.session):
            word = password or given or "（首次启动时已显示；删除数据目录可重新生成）"
            click.echo(f"login: {name}  password: {word}")
    click.echo("", nl=True)
    sys.stdout.flush()
