"""A database under strain: no request of it is a 500, each is told in words, and all is well again by itself."""

from __future__ import annotations

import gc
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import lxml.html
import psycopg
import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.kit import limits
from app.kit.admission import Kind, Room
from app.kit.database import db
from app.kit.limits import Limit, limited
from tests.cases.applying import when
from tests.crowd import LONG, until

#: says something that only PostgreSQL can prove
on_postgresql = when(lambda _cases: bool(os.environ.get("TEST_DATABASE_URL")))


def driver_error(state: str) -> DBAPIError:
    return OperationalError("SELECT 1", {}, psycopg.errors.lookup(state)("in the server's words"))


@pytest.mark.parametrize(
    ("state", "kind", "status"),
    [
        ("57014", "slow", 503),
        ("55P03", "locked", 409),
        ("40P01", "locked", 409),
        ("40001", "locked", 409),
        ("53300", "crowded", 503),
        ("57P01", "gone", 503),
        ("57P03", "gone", 503),
        ("08006", "gone", 503),
        ("25006", "gone", 503),
    ],
)
def test_what_the_server_says_has_a_meaning_and_a_time_to_try_again(state, kind, status):
    before = limits.met().get(kind, 0)
    found = limits.trouble(driver_error(state))
    assert found is not None
    assert (found.kind, found.status) == (kind, status)
    assert found.retry_after > 0
    assert limits.met()[kind] == before + 1


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (PoolTimeout("no connection was free"), "crowded"),
        (
            OperationalError("", {}, psycopg.OperationalError("FATAL:  sorry, too many clients already")),
            "crowded",
        ),
        (OperationalError("", {}, psycopg.OperationalError("connection refused")), "gone"),
        (InterfaceError("", {}, psycopg.InterfaceError("closed"), connection_invalidated=True), "gone"),
        (OperationalError("", {}, sqlite3.OperationalError("database is locked")), "locked"),
    ],
)
def test_what_the_driver_says_has_a_meaning(error, kind):
    found = limits.trouble(error)
    assert found is not None
    assert found.kind == kind


@pytest.mark.parametrize(
    "error",
    [
        ProgrammingError("", {}, psycopg.errors.lookup("42P01")("no such table")),
        OperationalError("", {}, sqlite3.OperationalError("no such table: archive")),
        ValueError("not the database"),
    ],
)
def test_a_fault_of_ours_is_no_trouble_of_the_database(error):
    assert limits.trouble(error) is None


@contextmanager
def engine_of(app: Flask, **options: Any) -> Iterator[sa.Engine]:
    """Within it the application uses an engine of its own on the same database."""
    engine = sa.create_engine(app.config["SQLALCHEMY_DATABASE_URI"], **options)
    with app.app_context():
        engines, usual = db.engines, db.engine
    engines[None] = engine
    try:
        yield engine
    finally:
        engines[None] = usual
        engine.dispose()


@pytest.mark.real_commits
def test_a_pool_without_a_free_connection_refuses_with_503_and_serves_when_one_comes_back(app, login, rest):
    clerk, program = login("dewai_clerk"), rest("dewai_clerk")
    with engine_of(app, pool_size=1, max_overflow=0, pool_timeout=0.05) as engine:
        with engine.connect():
            answer = clerk.get("/archive/list/")
            assert answer.status_code == 503
            assert "现在使用的人太多" in answer.text
            assert answer.headers["Retry-After"] == "3"
            answer = program.get("/api/v1/archive/")
            assert answer.status_code == 503
            assert "现在使用的人太多" in answer.json["message"]
            answer = clerk.post("/archive/add?shelf=hardship", {"full_name": "王秀英"})
            assert answer.status_code == 503
            form = lxml.html.fromstring(answer.text).forms[0]
            assert form.get("action") == "/archive/add?shelf=hardship"
            assert dict(form.form_values())["full_name"] == "王秀英"
        assert clerk.get("/archive/list/").status_code == 200


@pytest.mark.real_commits
def test_a_stream_gives_its_connection_back_at_its_end_and_when_it_is_broken_off(app, login):
    """A request's session is removed before its stream is read; the stream's own must not wait for the garbage."""
    clerk = login("dewai_clerk")
    with engine_of(app, pool_size=1, max_overflow=0, pool_timeout=0.05):
        gc.disable()
        try:
            for _each in range(2):
                assert clerk.get("/archive/export?format=csv").status_code == 200
            broken = clerk.get("/archive/export?format=csv", buffered=False)
            assert next(broken.iter_encoded())
            broken.close()
            del broken
            assert clerk.get("/archive/list/").status_code == 200
        finally:
            gc.enable()


class TestPostgresql:
    """What only a server can prove."""

    @on_postgresql
    @pytest.mark.real_commits
    def test_limits_are_on_the_connection_while_it_is_borrowed_and_survive_a_rollback(self, app):
        def shown(connection: sa.Connection) -> list[str]:
            names = ("statement_timeout", "lock_timeout")
            return [connection.exec_driver_sql(f"SHOW {name}").scalar_one() for name in names]

        with engine_of(app, pool_size=1, max_overflow=0) as engine:
            with limited(Limit(7, 2)), engine.connect() as connection:
                assert shown(connection) == ["7s", "2s"]
                connection.rollback()
                assert shown(connection) == ["7s", "2s"]
            with limited(Limit(7, 2)), engine.connect() as connection:
                assert shown(connection) == ["7s", "2s"]
            with engine.connect() as connection:  # a job or a command
                assert shown(connection) == ["0", "0"]

    @contextmanager
    def locked(self, app: Flask, monkeypatch: pytest.MonkeyPatch, limit: Limit) -> Iterator[sa.Connection]:
        """Somebody holds the table of files, and pages have these limits."""
        room: Room = app.extensions["admission"]
        page = room.kinds["page"]
        monkeypatch.setitem(room.kinds, "page", Kind(page.seats, page.bench, limit))
        other = sa.create_engine(app.config["SQLALCHEMY_DATABASE_URI"])
        try:
            with other.connect() as holder:
                holder.exec_driver_sql("LOCK TABLE archive IN ACCESS EXCLUSIVE MODE")
                yield holder
        finally:
            other.dispose()

    @on_postgresql
    @pytest.mark.real_commits
    def test_a_statement_that_takes_too_long_is_stopped_and_told_in_words(
        self, app, login, rest, monkeypatch
    ):
        clerk, program = login("dewai_clerk"), rest("dewai_clerk")
        with self.locked(app, monkeypatch, Limit(statement=0.1)):
            answer = clerk.get("/archive/list/")
            assert answer.status_code == 503
            assert "缩小范围" in answer.text
            answer = program.get("/api/v1/archive/")
            assert answer.status_code == 503
            assert "缩小范围" in answer.json["message"]
        assert clerk.get("/archive/list/").status_code == 200

    @on_postgresql
    @pytest.mark.real_commits
    def test_somebody_elses_lock_is_not_waited_for_without_end(self, app, login, monkeypatch):
        clerk = login("dewai_clerk")
        with self.locked(app, monkeypatch, Limit(lock=0.1)):
            answer = clerk.get("/archive/list/", headers={"HX-Request": "true"})
            assert answer.status_code == 409
            assert "正由他人或后台任务办理" in answer.json["message"]
            assert answer.headers["Retry-After"] == "2"
        assert clerk.get("/archive/list/").status_code == 200

    @on_postgresql
    @pytest.mark.real_commits
    def test_a_connection_that_is_cut_in_the_middle_is_a_503_and_the_next_request_is_served(
        self, app, login, monkeypatch
    ):
        clerk, answers = login("dewai_clerk"), []
        with self.locked(app, monkeypatch, Limit()) as holder:
            asking = threading.Thread(target=lambda: answers.append(clerk.get("/archive/list/")))
            asking.start()
            waiting = (
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            until(lambda: holder.exec_driver_sql(waiting).all())
            asking.join(LONG)
        assert answers[0].status_code == 503
        assert "无法使用数据库" in answers[0].text
        assert clerk.get("/archive/list/").status_code == 200

    @on_postgresql
    @pytest.mark.real_commits
    def test_a_database_that_goes_away_is_a_503_and_comes_back_by_itself(self, app, login, anonymous):
        clerk = login("dewai_clerk")
        url = sa.engine.make_url(app.config["SQLALCHEMY_DATABASE_URI"])
        server = sa.create_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT")
        assert clerk.get("/archive/list/").status_code == 200
        with server.connect() as at:
            at.exec_driver_sql(f'ALTER DATABASE "{url.database}" WITH ALLOW_CONNECTIONS false')
            try:
                gone = sa.text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name")
                at.execute(gone, {"name": url.database})
                answer = clerk.get("/archive/list/")
                assert answer.status_code == 503
                assert "无法使用数据库" in answer.text
                assert answer.headers["Retry-After"] == "5"
                assert anonymous.get("/readyz").status_code == 503
                assert anonymous.get("/healthz").status_code == 200
            finally:
                at.exec_driver_sql(f'ALTER DATABASE "{url.database}" WITH ALLOW_CONNECTIONS true')
        server.dispose()
        assert clerk.get("/archive/list/").status_code == 200
        assert anonymous.get("/readyz").status_code == 200
