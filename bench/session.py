"""One run: build, serve, measure, put away."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psycopg
from flask import Flask

from bench import nation
from bench.client import Browser
from bench.contest import check, measure, told
from bench.serving import Served, environment_of, served

ROOT = Path(__file__).parents[1]
KEEP = os.environ.get("BENCH_KEEP") == "1"
#: only what holds one of these words
WORDS = tuple(word.strip() for word in (os.environ.get("BENCH_CASES") or "").split(",") if word.strip())
SIZES = tuple(int(size) for size in (os.environ.get("BENCH_SIZES") or "").split())
LOAD_BEFORE = round(os.getloadavg()[0], 1)
VIEWERS = ("root", "city", "county", "street", "oldcity", "province")
PACKAGES = ("Flask", "Flask-AppBuilder", "Django", "SQLAlchemy", "psycopg", "gunicorn")

Say = Callable[..., None]


def wanted(name: str) -> bool:
    """Whether BENCH_CASES asks for it."""
    return not WORDS or any(word in name for word in WORDS)


def everything(say: Say) -> dict[str, Any]:
    """Every case at BENCH_ROWS against every contestant, and our pages at the other sizes. Returns what was found."""
    start = time.perf_counter()
    growth = {size: _aside(size, say) for size in SIZES if size != nation.ROWS}
    with nation.settings() as settings, _database(say) as facts:
        began = time.perf_counter()
        found = _measured(facts, settings, say)
        found["measure_seconds"] = round(time.perf_counter() - began)
    found["growth"] = {**growth, nation.ROWS: {"figures": found["figures"], "plans": found["plans"]}}
    found["seconds"] = round(time.perf_counter() - start)
    return found


def small(say: Say) -> dict[str, Any]:
    """Our pages beside bare SQL at BENCH_ROWS."""
    with nation.settings() as settings, _database(say) as facts, _server() as server:
        flask = _flask(settings)
        with served("bench.ours", environment_of(settings), "/login/") as ours:
            figures = _pages(_stage(server, facts, settings, ours), say)
        return {"figures": figures, "plans": _plans(flask, server, facts, settings)}


def _aside(size: int, say: Say) -> dict[str, Any]:
    """Another size, in a process of its own, since the applications read their database when they are imported."""
    say(f"our pages at {size:,} files")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        file = Path(folder) / "pages.json"
        command = [sys.executable, "-m", "bench", "pages", str(file)]
        subprocess.run(command, cwd=ROOT, env={**os.environ, "BENCH_ROWS": str(size)}, check=True)
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return found


@contextlib.contextmanager
def _database(say: Say) -> Iterator[dict[str, Any]]:
    """The facts of the database, which is dropped afterwards unless BENCH_KEEP=1."""
    facts = nation.ensure(nation.ROWS, say)
    try:
        yield facts
    finally:
        if not KEEP:
            nation.drop()


@contextlib.contextmanager
def _server() -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(nation.plain_url(), autocommit=True) as server:
        yield server


def _flask(settings: dict[str, str]) -> Flask:
    """Our application, its schema up to date, everybody let in."""
    from app import create_app
    from app.cli.serve import prepare
    from bench import world

    flask = create_app()
    prepare(flask)
    logins = [*VIEWERS, *(f"clerk{number}" for number in range(1, world.CLERKS + 1))]
    world.set_passwords(flask, logins, settings["BENCH_PASSWORD"])
    return flask


def _stage(
    server: Any, facts: dict[str, Any], settings: dict[str, str], ours: Served, *rivals: Browser
) -> Any:
    from bench.cases import Stage

    browsers = {login: Browser(ours.port) for login in VIEWERS}
    for login, browser in browsers.items():
        browser.log_in(login, settings["BENCH_PASSWORD"])
    return Stage(server, facts, browsers, *rivals)


def _pages(stage: Any, say: Say) -> dict[str, Any]:
    """Every case that is asked for."""
    from bench.cases import cases

    figures: dict[str, Any] = {}
    for case in cases(stage):
        if not wanted(case.name):
            continue
        check(case)
        measure(case)
        figures[case.name] = {
            "detail": case.detail,
            "entries": {entry.who: entry.figures() for entry in case.entries},
        }
        say(f"{case.name}: {told(case.entries)}")
    return figures


def _plans(
    flask: Flask, server: Any, facts: dict[str, Any], settings: dict[str, str]
) -> list[dict[str, Any]]:
    from bench import plans

    if not wanted("plans"):
        return []
    return plans.explain(flask, server, list(VIEWERS[:4]), settings["BENCH_PASSWORD"], facts["word"])


def _measured(facts: dict[str, Any], settings: dict[str, str], say: Say) -> dict[str, Any]:
    flask = _flask(settings)
    environment, password = environment_of(settings), settings["BENCH_PASSWORD"]
    for module in ("bench.stock", "bench.django_admin"):
        prepare = f"from {module} import prepare; import os; prepare(os.environ['BENCH_PASSWORD'])"
        subprocess.run([sys.executable, "-c", prepare], cwd=ROOT, env=environment, check=True)
    with _server() as server, contextlib.ExitStack() as stack:
        ours = stack.enter_context(served("bench.ours", environment, "/login/"))
        stock = stack.enter_context(served("bench.stock", environment, "/login/"))
        django = stack.enter_context(served("bench.django_admin", environment, "/stock/login/"))
        rivals = Browser(stock.port), Browser(django.port)
        rivals[0].log_in("bench_stock", password)
        rivals[1].log_in("bench_django", password, "/stock/login/")
        stage = _stage(server, facts, settings, ours, *rivals)
        figures = _pages(stage, say)
        sees = {
            login: stage.one(f"SELECT count(*) FROM archive WHERE {stage.see(login)}") for login in VIEWERS
        }
        plans = _plans(flask, server, facts, settings)
        heavy = _heavy(stage, flask, ours, environment, say)
        return {
            "figures": figures,
            "heavy": heavy,
            "plans": plans,
            "sees": sees,
            "warmed": True,
            "facts": facts,
            "tables": _sizes(server),
            "machine": machine(server),
            "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        }


def _heavy(stage: Any, flask: Flask, ours: Served, environment: dict[str, str], say: Say) -> dict[str, Any]:
    """The measures that write or take minutes, each once."""
    from bench import heavy

    password = environment["BENCH_PASSWORD"]
    measures: dict[str, Callable[[], dict[str, Any]]] = {
        "steps": lambda: heavy.single_steps(stage, ours.port, password),
        "sweep": lambda: heavy.sweep(stage, ours.port, password, environment),
        "export": lambda: heavy.export(stage, ours),
        "import": lambda: heavy.imported(stage, flask, ours, environment),
    }
    asked = {name: measure for name, measure in measures.items() if wanted(name)}
    found: dict[str, Any] = {}
    if not asked:
        return found
    with heavy.tidy(stage):
        for name, one in asked.items():
            nation.warm(stage.server)  # the export has read the tables, and with that what was in memory away
            found[name] = heavy.measured(one)
            say(f"{name}: {found[name]}")
    nation.note(stage.facts | {"used": stage.facts.get("used", 0) + 1})
    return found


def _sizes(server: psycopg.Connection[Any]) -> dict[str, dict[str, int]]:
    """Rows by the planner's estimate and megabytes, of the tables that grow."""
    rows = server.execute(
        "SELECT relname, reltuples::bigint, pg_table_size(oid) / 1048576, pg_indexes_size(oid) / 1048576 FROM pg_class "
        "WHERE relkind = 'r' AND relname IN ('archive', 'family_member', 'identity_claim', 'name_search', 'unit') ORDER BY 3 DESC"
    ).fetchall()
    return {
        name: {"rows": count, "table_mb": int(table), "index_mb": int(index)}
        for name, count, table, index in rows
    }


def machine(server: psycopg.Connection[Any]) -> dict[str, Any]:
    """What it ran on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    cpu = next((line.partition(":")[2].strip() for line in lines if "model name" in line), "unknown")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    shown = ("server_version", "shared_buffers", "work_mem", "jit", "autovacuum", "synchronous_commit")
    settings = {name: server.execute(f"SHOW {name}").fetchone() for name in shown}
    return {
        "cpu": cpu,
        "cores": os.cpu_count(),
        "memory_gb": round(memory),
        "load_before": LOAD_BEFORE,
        "python": sys.version.split()[0],
        "postgresql": {name: row[0].split()[0] for name, row in settings.items() if row},
        "packages": {name: _version(name) for name in PACKAGES},
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
