"""``flask export``: what the night does, by hand."""

from __future__ import annotations

import click
from flask import Flask
from flask.cli import AppGroup

from app.kit.database import db
from app.kit.scope import SYSTEM, acting
from app.models.export_application.night import begin_all

export = AppGroup("export", help="批量导出档案。")


@export.command("run")
def run() -> None:
    """安排导出所有已批准而未导出的申请，由后台任务进程办理；可重复执行。"""
    with acting(SYSTEM):
        begun, refused = begin_all(db.session)
        db.session.commit()
    click.echo(f"安排导出{begun}份。")
    for words in refused:
        click.echo(str(words), err=True)
    if refused:
        raise SystemExit(1)


def register(flask: Flask) -> None:
    """Make the commands known."""
    flask.cli.add_command(export)
