"""Two PostgreSQL servers on this machine, and the application between them (collected where their programs are).

The replica's replay is paused to see which of the two has answered.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from typing import Any

import docx
import lxml.html
import openpyxl
import pytest
import sqlalchemy as sa
from flask import Flask
from psycopg import sql
from psycopg.errors import SerializationFailure
from sqlalchemy.exc import DBAPIError, OperationalError

import config
from app import create_app
from app.demo.people import People
from app.kit import codes, exporting, replica
from app.kit.clock import now
from app.kit.database import db
from app.kit.replica import Replica, lagging
from app.kit.scope import SYSTEM, acting
from app.kit.worker import Worker
from app.kit.workflow import StepLog
from app.models.archive import Archive
from tests.clusters import Server, primary, replica_of, wait_for
from tests.scratch import furnish
from tests.world import PASSWORD, Clerk, Country, words_of

STATISTIC = "/archive/statistics?by=gender"
OVER_REST = "/api/v1/archive/statistics?by=gender"
#: what may lag
LAGGING = [
    STATISTIC,
    f"{STATISTIC}&format=xlsx",
    f"{STATISTIC}&format=print",
    OVER_REST,
    "/overview",
    "/archive/export?format=csv",
    "/archive/export?format=xlsx",
    "/archive/export?format=docx",
    "/archive/print?rows=result",
]
PERSONS = ["root", "dewai", "dewai_clerk"]
AS_OF = "数据截至"


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Server, Server]]:
    """A primary with the demo country, and its replica."""
    with primary() as first:
        flask = application(first.url())
        furnish(flask, 20, PASSWORD)
        with flask.app_context():
            db.engine.dispose()
        with replica_of(first) as second:
            yield first, second


def application(url: str, replica_url: str = "", home: Any = "/nonexistent") -> Flask:
    settings = {
        "SQLALCHEMY_DATABASE_URI": url,
        "REPLICA_URL": replica_url,
        "UNIONDESK_HOME": str(home),
        "PROPAGATE_EXCEPTIONS": True,
    }
    return create_app(type("Tests", (config.Testing,), settings))


@pytest.fixture(scope="module")
def flask(servers: tuple[Server, Server], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    first, second = servers
    made = application(first.url(), second.url(), tmp_path_factory.mktemp("home"))
    yield made
    with made.app_context():
        db.session.remove()
        db.engine.dispose()
    made.extensions["replica"].dispose()


@pytest.fixture(scope="module")
def browsers(flask: Flask) -> dict[str, Clerk]:
    """Persons who have logged in."""
    found = {}
    for name in PERSONS:
        found[name] = Clerk(flask, flask.response_class, use_cookies=True)
        found[name].login(name)
    return found


@pytest.fixture(scope="module")
def people() -> People:
    """No number is given twice."""
    return People(23, "650102", "乌鲁木齐市天山区")


@pytest.fixture(autouse=True)
def quick(
    monkeypatch: pytest.MonkeyPatch, flask: Flask, servers: tuple[Server, Server], browsers: dict[str, Clerk]
) -> Iterator[None]:
    """Seconds become hundredths; every test begins with a replica that keeps up and nobody who wrote of late."""
    for clerk in browsers.values():
        clerk.delete_cookie(replica.COOKIE)
    for name, seconds in {"LOOK": 0.05, "REST": 0.05, "MARGIN": 0.05}.items():
        monkeypatch.setattr(replica, name, seconds)
    monkeypatch.setattr(copy_of(flask), "most_lag", 30.0)
    wait_for_the_replica(flask)
    yield
    _first, second = servers
    if second.ask("SELECT pg_is_wal_replay_paused()"):
        second.ask("SELECT pg_wal_replay_resume()")


def copy_of(flask: Flask) -> Replica:
    found: Replica = flask.extensions["replica"]
    return found


def state_of(flask: Flask) -> Any:
    with flask.app_context():
        return copy_of(flask).look()


def wait_for_the_replica(flask: Flask) -> None:
    """Until it has all that was committed so far, written out or not, by the word of both servers.

    A record without a commit behind it (a page pruned by a read) may stay in memory for 15 s: a commit sends it off.
    """
    with flask.app_context(), db.engine.begin() as here:
        written = here.scalar(sa.text("SELECT pg_current_wal_insert_lsn()"))
        here.execute(sa.text("SELECT pg_current_xact_id()"))
    there = sa.text("SELECT pg_last_wal_replay_lsn() >= CAST(:written AS pg_lsn)")

    def has_it() -> bool:
        try:
            with copy_of(flask).engine.connect() as second:
                return bool(second.scalar(there, {"written": str(written)}))
        except sa.exc.OperationalError:  # it is about to come back
            return False

    wait_for(has_it)
    moment = time.time() + replica.MARGIN
    wait_for(lambda: state_of(flask).word == "ok" and state_of(flask).as_of > moment)


@contextmanager
def listening(engine: sa.Engine) -> Iterator[list[str]]:
    """The statements that an engine sends."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        sent.append(statement)

    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)


@contextmanager
def asked(flask: Flask) -> Iterator[Callable[[], tuple[bool, bool]]]:
    """Whether files were read from the primary, and from the replica."""
    with flask.app_context():
        engine = db.engine
    with listening(engine) as here, listening(copy_of(flask).engine) as there:
        yield lambda: tuple(any("FROM archive" in one for one in sent) for sent in (here, there))


def make(flask: Flask, people: People, **facts: Any) -> Any:
    """One more file of 德外街道, for good."""
    typed = people.household(hardship_category="low_income", gender="female", **facts)
    return Country(flask).make(Archive, typed, "dewai")


@contextmanager
def alone(flask: Flask) -> Iterator[None]:
    """Within it there is no replica."""
    kept = flask.extensions.pop("replica")
    try:
        yield
    finally:
        flask.extensions["replica"] = kept


def women(clerk: Clerk) -> tuple[int, str]:
    """How many women the page of the statistic shows, and the time of its 数据截至."""
    answer = clerk.get(STATISTIC)
    assert answer.status_code == 200, answer.text
    table = lxml.html.fromstring(answer.text).get_element_by_id("kit-result")
    heads = [head.text_content().strip() for head in table.xpath(".//th[@scope='colgroup']")]
    figures = [int(cell.text_content()) for cell in table.xpath(".//tfoot//td")]
    return figures[heads.index("女") * len(figures) // len(heads)], told(answer.text)


def told(page: str) -> str:
    """The time of 数据截至 on a page; empty when it does not stand there."""
    words = words_of(page)
    return words.split(AS_OF, 1)[1].strip()[:8] if AS_OF in words else ""


def warnings_of(log: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in log.records if record.name == "app.kit.replica"]


# --- who answers what -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", LAGGING)
def test_what_may_lag_is_read_from_the_replica_and_is_what_the_primary_says(flask, browsers, url):
    for name, browser in browsers.items():
        with asked(flask) as where:
            there = browser.get(url)
            assert where() == (False, True), name
        with asked(flask) as where, alone(flask):
            here = browser.get(url)
            assert where() == (True, False), name
        assert (there.status_code, here.status_code) == (200, 200), name
        assert said(there) == said(here), name


def said(answer: Any) -> Any:
    """What an answer says, but for the moment of its making."""
    if answer.is_json:
        return {key: value for key, value in answer.json.items() if key != "as_of"}
    if "html" in answer.content_type:
        return words_of(answer.text).replace(f"{AS_OF} {told(answer.text)}", "").replace("；", " ").split()
    if "spreadsheet" in answer.content_type:
        return list(openpyxl.load_workbook(io.BytesIO(answer.data)).active.values)
    if "csv" in answer.content_type:
        return answer.data
    document = docx.Document(io.BytesIO(answer.data))
    return [[cell.text for cell in row.cells] for table in document.tables for row in table.rows]


@pytest.mark.parametrize("url", ["/archive/list/", "/archive/counts", "/archive/print", "/api/v1/archive/"])
def test_all_else_is_read_from_the_primary(flask, browsers, url):
    with asked(flask) as where:
        assert browsers["dewai_clerk"].get(url).status_code == 200
        assert where() == (True, False)


def test_who_asks_and_the_labels_of_codes_come_from_the_primary(flask, browsers):
    with flask.app_context():
        codes.refresh()
    with listening(copy_of(flask).engine) as there:
        assert browsers["dewai_clerk"].get(STATISTIC).status_code == 200
    touched = " ".join(there)
    assert "FROM archive" in touched
    assert not any(table in touched for table in ("ab_user", "assignment", "code_table", "code_value"))


def test_a_long_export_reads_the_replica_and_keeps_its_books_on_the_primary(
    flask, browsers, servers, monkeypatch
):
    monkeypatch.setattr(exporting, "MOST_AT_ONCE", 3)
    monkeypatch.setattr(exporting, "CHUNK", 4)
    browser = browsers["dewai_clerk"]
    plain = browser.get("/archive/export?format=csv").text.strip().splitlines()
    answer = browser.get("/archive/export?format=xlsx")
    assert answer.status_code == 302
    time.sleep(1)  # jobs are dated by the second
    wait_for_the_replica(flask)
    with asked(flask) as where:
        Worker(flask).run(once=True)
        assert where() == (False, True)
    job = browser.get(answer.location.replace("/job/show/", "/api/v1/job/")).json["result"]
    assert (job["state"]["label"] if isinstance(job["state"], dict) else job["state"]) == "成功"
    file = browser.get(job["result"]["url"])
    rows = list(openpyxl.load_workbook(io.BytesIO(file.data)).active.values)
    assert len(rows) == len(plain) > 5


# --- how far behind -------------------------------------------------------------------------------------------


def test_while_replay_rests_the_statistic_is_old_and_says_so_and_the_list_is_new(
    flask, browsers, servers, people
):
    reader = browsers["dewai"]
    before, _when = women(reader)
    paused_at = now()
    with servers[1].paused():
        time.sleep(1.1)  # the clock of the page shows whole seconds
        record = make(flask, people)
        assert record.full_name in reader.get("/archive/list/").text
        count, as_of = women(reader)
        assert count == before
        assert as_of <= (paused_at + timedelta(seconds=1)).strftime("%H:%M:%S")
        assert told(reader.get("/overview").text) == as_of
        assert told(reader.get(f"{STATISTIC}&format=print").text) == as_of
        assert reader.get(OVER_REST).json["as_of"].endswith(as_of)
        assert record.full_name not in reader.get("/archive/export?format=csv").text
        ready = reader.get("/readyz")
        assert (ready.status_code, ready.json["replica"]) == (200, "ok")
        assert ready.json["replica_lag"] >= 1
    wait_for_the_replica(flask)
    count, as_of = women(reader)
    assert (count, bool(as_of)) == (before + 1, True)
    assert record.full_name in reader.get("/archive/export?format=csv").text
    assert reader.get("/readyz").json.items() >= {"replica": "ok", "replica_lag": 0.0}.items()


def test_who_has_just_written_finds_his_own_change(flask, browsers, servers, people):
    writer, reader = browsers["dewai_clerk"], browsers["dewai"]
    before, _when = women(reader)
    with servers[1].paused():
        typed = people.household(hardship_category="low_income", gender="female")
        answer = writer.submit(writer.form("/archive/add").fill(typed))
        assert answer.status_code == 302, words_of(answer.text)
        assert women(writer) == (before + 1, "")  # the primary's figure, not dated
        assert women(reader)[0] == before
    assert writer.get_cookie(replica.COOKIE).http_only
    wait_for_the_replica(flask)
    wait_for(lambda: women(writer)[1])
    assert women(writer)[0] == before + 1


def test_a_job_sees_what_its_owner_wrote_before_he_asked(flask, browsers, servers, people, monkeypatch):
    monkeypatch.setattr(exporting, "MOST_AT_ONCE", 0)
    writer = browsers["dewai_clerk"]
    with servers[1].paused():
        record = make(flask, people)
        answer = writer.get("/archive/export?format=xlsx")
        Worker(flask).run(once=True)
        page = writer.get(answer.location.replace("/job/show/", "/job/result/"))
    assert record.full_name in {cell for row in said(page) for cell in row}


def test_a_replica_too_far_behind_is_left_alone_until_it_has_caught_up(
    flask, browsers, servers, people, monkeypatch, caplog
):
    reader = browsers["dewai"]
    before, _when = women(reader)
    monkeypatch.setattr(copy_of(flask), "most_lag", 0.5)
    with servers[1].paused():
        make(flask, people)
        wait_for(lambda: state_of(flask).word == "behind")
        for _time in range(3):
            assert women(reader) == (before + 1, "")
        ready = reader.get("/readyz")
        assert (ready.status_code, ready.json["replica"]) == (200, "behind")
        assert ready.json["replica_lag"] >= 0.5
    wait_for_the_replica(flask)
    count, as_of = women(reader)
    assert (count, bool(as_of)) == (before + 1, True)
    assert [words.split(" (")[0] for words in warnings_of(caplog)] == [
        "the replica is behind",
        "the replica answers again",
    ]


def test_a_replica_cut_off_from_its_primary_is_not_taken_for_up_to_date(
    flask, browsers, servers, people, monkeypatch
):
    first, second = servers
    reader = browsers["dewai"]
    source = second.ask("SHOW primary_conninfo")
    before, _when = women(reader)
    monkeypatch.setattr(copy_of(flask), "most_lag", 0.5)
    second.ask("ALTER SYSTEM SET primary_conninfo = ''")
    try:
        second.ask("SELECT pg_reload_conf()")
        wait_for(lambda: not first.ask("SELECT count(*) FROM pg_stat_replication"))
        make(flask, people)  # it has replayed all that it has received, and knows nothing of this
        wait_for(lambda: state_of(flask).word == "behind")
        assert women(reader) == (before + 1, "")
    finally:
        second.ask(sql.SQL("ALTER SYSTEM SET primary_conninfo = {}").format(sql.Literal(source)))
        second.ask("SELECT pg_reload_conf()")
    wait_for_the_replica(flask)
    assert women(reader)[0] == before + 1


# --- when it fails --------------------------------------------------------------------------------------------


def test_without_the_replica_the_primary_answers_and_no_one_notices(flask, browsers, servers, caplog):
    reader = browsers["dewai"]
    expected = {url: said(reader.get(url)) for url in LAGGING}
    servers[1].stop()
    try:
        for url in LAGGING:
            answer = reader.get(url)
            assert (answer.status_code, said(answer)) == (200, expected[url])
        ready = reader.get("/readyz")
        assert (ready.status_code, ready.json["replica"]) == (200, "down")
        assert [words.split(" (")[0] for words in warnings_of(caplog)] == ["the replica is down"]
    finally:
        servers[1].start()
    wait_for_the_replica(flask)
    assert women(reader)[1]
    assert warnings_of(caplog)[1:] == ["the replica answers again"]


@pytest.mark.parametrize("end", ["pg_terminate_backend", "pg_cancel_backend"])
def test_a_query_that_the_replica_breaks_off_is_answered_by_the_primary(flask, caplog, end):
    sources = []

    def work(source):
        sources.append(source)
        is_replica = source.scalar(sa.select(sa.func.pg_is_in_recovery()))
        if is_replica and end == "pg_terminate_backend":
            source.scalar(sa.select(getattr(sa.func, end)(sa.func.pg_backend_pid())))
        if is_replica:
            raise OperationalError("a long query", {}, SerializationFailure("conflict with recovery"))
        return is_replica

    with flask.app_context(), acting(SYSTEM):
        assert lagging(db.session(), work) == (False, None)
    assert len(sources) == 2
    assert len(warnings_of(caplog)) == 1


def test_a_server_that_is_no_replica_is_not_asked(flask, servers, browsers, caplog):
    wrong = Replica(servers[0].url(), 30)
    with alone(flask):
        flask.extensions["replica"] = wrong
        assert women(browsers["dewai"])[1] == ""
        assert browsers["dewai"].get("/readyz").json["replica"] == "down"
    wrong.dispose()
    assert "not in recovery" in warnings_of(caplog)[0]


def test_an_account_that_may_only_read_can_tell_how_the_replica_stands(flask, servers):
    first, second = servers
    first.ask("CREATE ROLE reader LOGIN IN ROLE pg_read_all_data")
    wait_for_the_replica(flask)
    modest = Replica(second.url().replace("postgres@", "reader@"), 30)
    assert (modest.look().word, modest.look().lag) == ("ok", 0.0)
    modest.dispose()


# --- no write -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("has_replica", [True, False])
@pytest.mark.parametrize(
    "write",
    [
        lambda source: (
            source.scalars(sa.select(Archive).limit(1)).one().__setattr__("remarks", "x"),
            source.flush(),
        ),
        lambda source: (
            source.add(StepLog(record_type="archive", record_id=0, step="print")),
            source.flush(),
        ),
        lambda source: source.execute(sa.update(Archive).values(remarks="x")),
        lambda source: source.execute(sa.delete(StepLog)),
    ],
)
def test_a_write_inside_lagging_is_refused_loudly(flask, has_replica, write):
    with flask.app_context(), acting(SYSTEM), nullcontext() if has_replica else alone(flask):
        try:
            with pytest.raises(RuntimeError, match="a write inside lagging"):
                lagging(db.session(), write)
        finally:
            db.session.rollback()
        assert db.session.scalar(sa.select(sa.func.count()).where(Archive.remarks == "x")) == 0


def test_past_the_session_too_the_replicas_transaction_is_read_only(flask):
    def work(source):
        source.connection().execute(sa.text("CREATE TEMPORARY TABLE scrap (n integer)"))

    with flask.app_context(), acting(SYSTEM), pytest.raises(DBAPIError, match="read-only transaction"):
        lagging(db.session(), work)


def test_who_took_what_is_noted_on_the_primary(flask, browsers, servers):
    with servers[1].paused():
        assert browsers["dewai_clerk"].get("/archive/export?format=csv").status_code == 200
        latest = "SELECT step FROM step_log ORDER BY id DESC LIMIT 1"
        assert servers[0].ask(latest) == "export"
