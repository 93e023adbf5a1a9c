"""The demo country on a database that really commits: deeds at the same moment, and workers that die.

A file asks for it by importing the fixtures: ``from tests.alone import country, nation, place``.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

import config
from app import create_app
from app.demo.people import People
from app.kit.database import db
from app.kit.jobs import Job
from app.kit.scope import SYSTEM, acting
from app.kit.worker import Worker
from app.models.archive import Archive
from tests.scratch import furnish, scratch_database
from tests.world import PASSWORD, Country

ROOT = Path(__file__).parents[1]
HOUSEHOLDS = 20
NEVER = 10**9


def application(url: str, home: str | Path) -> Flask:
    """An application on this database, with this data folder."""
    settings = {"SQLALCHEMY_DATABASE_URI": url, "UNIONDESK_HOME": str(home), "PROPAGATE_EXCEPTIONS": True}
    return create_app(type("Tests", (config.Testing,), settings))


# --- fixtures -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, worker_id: str
) -> Iterator[tuple[str, Path]]:
    """URL of a database that only the requesting file has, and a data folder."""
    file = request.module.__name__.rpartition(".")[2].removeprefix("test_")
    with scratch_database(tmp_path_factory.mktemp("database"), f"{worker_id}_{file}") as url:
        yield url, tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def nation(place: tuple[str, Path]) -> Iterator[Flask]:
    """The application on it, with the demo country."""
    flask = application(*place)
    furnish(flask, HOUSEHOLDS, PASSWORD)
    yield flask
    with flask.app_context():
        db.session.remove()
        db.engine.dispose()


@pytest.fixture(scope="module")
def country(nation: Flask) -> Country:
    """The units and accounts of its demo country by login name."""
    return Country(nation)


def files_of(country: Country, people: People, owner: str, number: int, at: str = "") -> list[Any]:
    """New files of a unit, each with one member; reported up to ``at``."""
    typed = [people.household(members=1, hardship_category="low_income") for _n in range(number)]
    made = [country.make(Archive, one, owner) for one in typed]
    return [country.bring(file, at=at) if at else file for file in made]


# --- company --------------------------------------------------------------------------------------------------


def at_once(
    *deeds: Callable[[], object], told: tuple[type[Exception], ...] = (), within: float = 120
) -> list[Exception | None]:
    """Do them all at the same moment. Returns what each was ``told``, or None; raises any other exception."""
    gate, raised = threading.Barrier(len(deeds)), [None] * len(deeds)

    def run(number: int, deed: Callable[[], object]) -> None:
        try:
            gate.wait(20)
            deed()
        except Exception as wrong:  # noqa: BLE001 - raised in the test's own thread
            raised[number] = wrong

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(deeds)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(within)
        assert not thread.is_alive(), "somebody waits for ever"
    for wrong in raised:
        if wrong is not None and not isinstance(wrong, told):
            raise wrong
    return raised


# --- death, as the test sees it -------------------------------------------------------------------------------


def run_program(file: str, *words: object) -> subprocess.CompletedProcess[str]:
    """Run a test's file as the program that it also is."""
    return subprocess.run(
        [sys.executable, file, *map(str, words)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=False,
        capture_output=True,
        text=True,
    )


def die_often(file: str, place: tuple[str, Path], nation: Flask, most: int) -> int:
    """How many workers were killed, each two statements later than the one before; the last one lives."""
    with nation.app_context():
        db.engine.dispose()
    done = run_program(file, *place, *range(1, most, 2))
    assert done.returncode == 0, done.stderr
    deaths = done.stdout.split()
    assert deaths[-1] == "lived", done.stdout
    return deaths.count("killed")


# --- death, as the program dies it ----------------------------------------------------------------------------


def die() -> None:
    """As a machine that loses its power."""
    os.kill(os.getpid(), signal.SIGKILL)


def live(flask: Flask, fatal: int) -> None:
    """Work until nothing is due; die at the ``fatal``-th statement or commit."""
    count = [0]

    def step(*_args: object) -> None:
        count[0] += 1
        if count[0] == fatal:
            die()

    with flask.app_context():
        sa.event.listen(db.engine, "before_cursor_execute", step)
        sa.event.listen(db.engine, "commit", step)
    Worker(flask, lease=600).run(once=True)


def revive(flask: Flask) -> None:
    """As if the dead worker's lease had run out."""
    with flask.app_context(), acting(SYSTEM):
        mine = sa.update(Job.__table__).where(Job.__table__.c.state == "running")
        with db.engine.begin() as connection:
            connection.execute(mine.values(lease_until=sa.text("'2020-01-01 00:00:00'"), attempts=0))
        db.engine.dispose()


def live_and_die(url: str, home: str, *points: str) -> None:
    """The program of ``die_often``: a worker for each point, killed there and revived, and one that lives."""
    flask = application(url, home)
    for point in [*map(int, points), NEVER]:
        child = os.fork()
        if not child:
            live(flask, point)
            os._exit(0)
        _pid, status = os.waitpid(child, 0)
        print("killed" if os.WIFSIGNALED(status) else "lived", flush=True)
        assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
        revive(flask)
