"""One application, one demo country per worker; what a test writes is rolled back.

On SQLite by default; on PostgreSQL with TEST_DATABASE_URL, in a database of the worker's own beside the given one.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event

import config
from app import create_app
from app.demo.people import People
from app.kit import codes
from app.kit.database import db
from tests.cases.applying import applicable
from tests.cases.sampling import on_postgresql
from tests.clusters import programs
from tests.scratch import furnish, scratch_database
from tests.world import PASSWORD, Clerk, Country, Rest

HOUSEHOLDS = 60
#: what takes seconds a test: worlds of their own, browsers, every route with every nonsense
LONG = re.compile(
    r"_alone|/browser/|all_steps|hostile_routes|kit/test_(importing|rest|exchange|plans|replica|two_mach)"
)
LOOPBACK = ("127.", "::1", "localhost", "0.0.0.0")
#: what is the same on every database is proved on SQLite alone: the plan of the house, and most of the browser's work
ONCE = re.compile(
    r"tests/house/|/browser/test_(?!main_job)|/kit/test_(exchange|workbook|richtext|face|names)\b"
)
#: two PostgreSQL servers of its own: once, in the stage of PostgreSQL, where its programs are installed
collect_ignore = [] if on_postgresql and programs() else ["kit/test_replica.py"]


def pytest_configure(config: pytest.Config) -> None:
    """Words of this conftest."""
    config.addinivalue_line(
        "markers", "real_commits: writes for good, over connections of its own; cleans up itself"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Inherited cases that do not apply to a record type are no tests of it. What takes long begins first.

    So no worker is left alone with it at the end (``--no-loadscope-reorder``: xdist would begin with the many small).
    """
    found = [item for item in applicable(items) if not (on_postgresql and ONCE.search(item.nodeid))]
    items[:] = sorted(found, key=lambda item: not LONG.search(item.nodeid))


@pytest.fixture(scope="session", autouse=True)
def no_network() -> Iterator[None]:
    """No socket leaves this machine."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> Any:
        if isinstance(address, tuple) and not str(address[0]).startswith(LOOPBACK):
            raise RuntimeError(f"a test wants to reach {address}")
        return connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded)
        yield


@pytest.fixture(scope="session")
def database_url(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[str]:
    """An empty database of this worker."""
    with scratch_database(tmp_path_factory.mktemp("database"), worker_id) as url:
        yield url


@pytest.fixture(scope="session")
def app(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """The application on a database that the migrations made, with the demo country."""
    settings = {
        "SQLALCHEMY_DATABASE_URI": database_url,
        "UNIONDESK_HOME": str(tmp_path_factory.mktemp("home")),
        "PROPAGATE_EXCEPTIONS": True,
    }
    flask = create_app(type("Tests", (config.Testing,), settings))
    furnish(flask, HOUSEHOLDS, PASSWORD)
    yield flask
    with flask.app_context():
        db.engine.dispose()


@pytest.fixture(autouse=True)
def _isolated(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every test that knows the application runs in one transaction on one connection, undone at its end.

    The application's own commits end savepoints. A test that needs a second connection or a thread of its own
    marks itself ``real_commits`` and cleans up.
    """
    if "app" not in request.fixturenames or request.node.get_closest_marker("real_commits"):
        yield
        return
    flask = request.getfixturevalue("app")
    with flask.app_context():
        engines, engine = db.engines, db.engine
    cache = flask.extensions.setdefault("codes", codes._Cache())
    stamp = cache.stamp
    connection = engine.connect()
    outer = connection.begin()
    engines[None] = connection  # type: ignore[index]
    db.session.session_factory.configure(join_transaction_mode="create_savepoint")
    try:
        yield
    finally:
        db.session.session_factory.configure(join_transaction_mode="conditional_savepoint")
        engines[None] = engine  # type: ignore[index]
        outer.rollback()
        connection.close()
        if cache.stamp != stamp:
            flask.extensions.pop("codes", None)


@pytest.fixture(scope="session")
def sessions(app: Flask) -> dict[str, Any]:
    """Cookies and tokens of persons who have logged in before; good for every test, since no log-out lasts."""
    return {}


@pytest.fixture
def country(app: Flask) -> Country:
    """The units and accounts of the demo country by login name."""
    return Country(app)


@pytest.fixture
def people() -> People:
    """A source of synthetic people whose numbers no one in the demo country has."""
    return People(7, "650102", "乌鲁木齐市天山区")


@pytest.fixture
def login(app: Flask, sessions: dict[str, Any]) -> Callable[[str], Clerk]:
    """``login("dewai_clerk")`` → the browser of somebody who has logged in."""

    def enter(name: str) -> Clerk:
        clerk = Clerk(app, app.response_class, use_cookies=True)
        if name in sessions:
            clerk.resume(*sessions[name])
        else:
            sessions[name] = clerk.login(name)
        return clerk

    return enter


@pytest.fixture
def rest(app: Flask, sessions: dict[str, Any]) -> Callable[[str], Rest]:
    """``rest("dewai_clerk")`` → a program that acts with that person's token."""

    def enter(name: str) -> Rest:
        client = Rest(app, app.response_class, use_cookies=False)
        client.token = sessions.get(f"token {name}") or client.login(name)
        sessions[f"token {name}"] = client.token
        return client

    return enter


@pytest.fixture
def anonymous(app: Flask) -> Clerk:
    """The browser of somebody who has not logged in."""
    return Clerk(app, app.response_class, use_cookies=True)


@pytest.fixture
def make_archive(country: Country, people: People) -> Callable[..., Any]:
    """``make_archive("dewai", full_name="…")`` → a stored archive, read back and detached.

    ``at="bj"`` has it reported up to that unit, ``back_at="xicheng"`` returned down to that one.
    """

    def make(owner: str = "dewai", *, at: str = "", back_at: str = "", **overrides: Any) -> Any:
        from app.models.archive import Archive

        overrides.setdefault("hardship_category", "low_income")
        archive = country.make(Archive, people.household(**overrides), owner)
        return country.bring(archive, at=at, back_at=back_at) if at or back_at else archive

    return make


@pytest.fixture
def statements(app: Flask) -> Callable[[], Any]:
    """``with statements() as sent:`` gathers every SQL statement, transaction words left out."""

    @contextmanager
    def gather() -> Iterator[list[str]]:
        with app.app_context():
            connection = db.engine
        sent: list[str] = []

        def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
            if not statement.startswith(("BEGIN", "PRAGMA", "SAVEPOINT", "RELEASE", "ROLLBACK")):
                sent.append(statement)

        event.listen(connection, "before_cursor_execute", note)
        try:
            yield sent
        finally:
            event.remove(connection, "before_cursor_execute", note)

    return gather
