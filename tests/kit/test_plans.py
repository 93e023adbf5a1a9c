"""The hot statements on PostgreSQL: by an index, whatever the country holds; no scan of a big table.

A country of 120,000 files is enough for the planner to prefer what it prefers at 4.7 million; the bench shows the times.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event

import config
from app import create_app
from app.kit.database import db
from app.kit.scope import SYSTEM, acting
from app.models.archive import Archive
from app.models.unit import Unit
from tests.cases.applying import when
from tests.scratch import furnish, scratch_database
from tests.world import PASSWORD, Clerk

FILES = 120_000
FIRST = 1_000_000
BIG = {"archive", "family_member", "identity_claim", "name_search", "record_version", "step_log"}

on_postgresql = when(lambda _cases: bool(os.environ.get("TEST_DATABASE_URL")))


@pytest.fixture(scope="module")
def nation(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Any]:
    """The application over the demo country and 120,000 files more, vacuumed and analysed."""
    with scratch_database(tmp_path_factory.mktemp("nation"), f"{worker_id}_plans") as url:
        settings = {
            "SQLALCHEMY_DATABASE_URI": url,
            "UNIONDESK_HOME": str(tmp_path_factory.mktemp("home")),
            "PROPAGATE_EXCEPTIONS": True,
        }
        flask = create_app(type("Plans", (config.Testing,), settings))
        furnish(flask, 20, PASSWORD)
        with flask.app_context():
            _fill()
            db.session.remove()
        yield flask
        with flask.app_context():
            db.engine.dispose()


def _fill() -> None:
    """Copies of one file under other numbers: most of them in other provinces and at the root, as a country is."""
    with acting(SYSTEM):
        dewai = db.session.execute(sa.select(Unit.id, Unit.path).where(Unit.name == "德外街道总工会")).one()
    db.session.rollback()  # an open transaction would keep VACUUM from seeing that all is visible
    paths = "||".join(
        [f"'{dewai.path[:4]}'", *(f"lpad((n % {most})::text, 4, 'Y')" for most in (31, 311, 2999))]
    )
    names = "||".join(
        f"substr('{characters}', 1 + n % {len(characters)}, 1)"
        for characters in ("赵钱孙李周吴郑王冯陈", "伟芳娜敏静丽强磊军洋勇艳", "杰娟涛明超兰霞平刚桂英华文")
    )
    files = {
        "archive_no": "'9' || lpad(n::text, 11, '0')",
        "full_name": names,
        "id_card_no": "lpad(n::text, 18, '0')",
        "owner_unit_id": str(dewai.id),
        "owner_path": f"CASE WHEN n % 101 = 0 THEN '{dewai.path}' ELSE {paths} END",
        "holder_depth": "CASE WHEN n % 7 < 5 THEN 1 ELSE 1 + n % 4 END",
        "returned": "n % 7 = 6 AND n % 4 > 0",
        "is_cancelled": "n % 33 = 0",
        "returned_from": "CASE WHEN n % 11 = 0 THEN 14 ELSE 0 END",
        "problem_flags": """CASE WHEN n % 97 = 0 THEN '["incomplete"]' ELSE '[]' END::json""",
        "merged_into_id": "NULL",
        "birth_date": "date '1960-01-01' + n % 15000",
        "hardship_category": "CASE WHEN n % 20 = 0 THEN 'temporary' ELSE 'low_income' END",
    }
    members = {"archive_id": f"{FIRST} + n", "id_card_no": "lpad((n + 500000)::text, 18, '0')"}
    made = f"FROM archive WHERE id > {FIRST}"
    claims = f"SELECT 'hardship', md5(id_card_no) || md5(id_card_no), 'archive', id, 'head' {made}"
    versions = f"SELECT 'archive', id, created_at, '系统', '', 'add', '[]' {made}"
    logs = f"SELECT 'archive', id, 'report', created_at, '系统', id, '{{}}' {made}"
    pairs = [
        f"SELECT 'archive', substr(full_name, {at}, 2), id {made} ON CONFLICT DO NOTHING" for at in (1, 2)
    ]
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in (
            _copies("archive", files),
            _copies("family_member", members),
            f"INSERT INTO identity_claim (registry, id_key, record_type, record_id, role) {claims}",
            f"INSERT INTO step_log (record_type, record_id, step, at, account_name, reminder_id, answers) {logs}",
            f"INSERT INTO record_version (record_type, record_id, at, account_name, unit_name, step, diff) {versions}",
            *(f"INSERT INTO name_search (source, key, record_id) {pair}" for pair in pairs),
            "VACUUM (ANALYZE)",
        ):
            connection.exec_driver_sql(statement.replace("%", "%%"))


def _copies(table: str, changed: dict[str, str]) -> str:
    """Many copies of the first row of a table, some columns changed; ``n`` is the number of the copy."""
    names = [column["name"] for column in sa.inspect(db.engine).get_columns(table)]
    values = ", ".join(({"id": f"{FIRST} + n"} | changed).get(name, f"one.{name}") for name in names)
    one = f"(SELECT * FROM {table} ORDER BY id LIMIT 1) AS one"
    return f"INSERT INTO {table} ({', '.join(names)}) SELECT {values} FROM {one}, generate_series(1, {FILES}) AS n"


@contextmanager
def _caught(flask: Any) -> Iterator[list[tuple[str, Any]]]:
    """The statements that run inside, with their values."""
    caught: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_rest: Any) -> None:
        if statement.startswith(("SELECT", "UPDATE", "WITH")):
            caught.append((statement, values))

    with flask.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield caught
    finally:
        event.remove(engine, "before_cursor_execute", note)


def _scanned(flask: Any, caught: list[tuple[str, Any]]) -> list[str]:
    """The big tables that a statement reads from end to end, with the statement."""
    found = []
    with flask.app_context(), db.engine.connect() as connection:
        for statement, values in caught:
            answer = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", values)
            found += [
                f"{node['Relation Name']}: {statement}"
                for node in _nodes(answer.scalar()[0]["Plan"])
                if node["Node Type"].endswith("Seq Scan") and node["Relation Name"] in BIG
            ]
        connection.rollback()
    return found


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for below in node.get("Plans", ()):
        yield from _nodes(below)


@pytest.fixture(scope="module")
def person(nation: Any) -> Callable[[str], Clerk]:
    """``person("bj_clerk")`` → a browser that has read the code tables before."""
    known: dict[str, Clerk] = {}

    def enter(name: str) -> Clerk:
        if name not in known:
            known[name] = Clerk(nation, nation.response_class, use_cookies=True)
            known[name].login(name)
            known[name].get("/archive/list/")
        return known[name]

    return enter


HOT = (
    "/archive/list/",
    "/archive/list/?shelf=migrant",
    "/archive/list/?state=pending",
    "/archive/list/?state=returned",
    "/archive/list/?key=last",
    "/archive/list/?order=full_name:asc",
    "/archive/list/?order=birth_date:desc",
    "/archive/counts",
    "/archive/list/?id_card_no=000000000000000777",
    "/archive/list/?archive_no=900000000777",
    "/archive/list/?full_name=赵芳",
    "/archive/list/?full_name=赵芳涛",
    "/archive/list/?full_name=zhaofang",
    "/archive/list/?family_members.id_card_no=000000000000500777",
    "/archive/list/?came=again",
    "/archive/list/?shelf=faulty",
    "/archive/list/?reminder=1",
)


@on_postgresql
@pytest.mark.parametrize("who", ["root_clerk", "bj_clerk", "dewai_clerk"])
@pytest.mark.parametrize("path", HOT)
def test_a_list_reads_no_big_table_from_end_to_end(nation, person, who, path):
    clerk = person(who)
    with _caught(nation) as caught:
        answer = clerk.get(path)
    assert answer.status_code == 200
    assert any("FROM archive" in statement for statement, _values in caught)
    assert _scanned(nation, caught) == []


@on_postgresql
def test_what_a_list_asks_stands_in_its_index(nation, person):
    """Scope, shelf and state are judged without touching the table: the plan is index-only."""
    for who, level in (("root_clerk", 1), ("bj_clerk", 2), ("dewai_clerk", 4)):
        with _caught(nation) as caught:
            person(who).get("/archive/list/")
        lists = [(s, v) for s, v in caught if "FROM archive" in s]
        with nation.app_context(), db.engine.connect() as connection:
            for statement, values in lists:
                plan = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", values).scalar()[0][
                    "Plan"
                ]
                only = [n["Index Name"] for n in _nodes(plan) if n["Node Type"] == "Index Only Scan"]
                assert only, (who, statement)
                assert only[0] == f"ix_expr_archive_level_{level}", (who, statement)
                assert set(only[1:]) <= {f"ix_expr_archive_{kind}_{level}" for kind in ("level", "held")}
                others = [
                    n
                    for n in _nodes(plan)
                    if n["Node Type"] in {"Index Scan", "Seq Scan", "Bitmap Heap Scan"}
                ]
                assert not [
                    n
                    for n in others
                    if n["Relation Name"] == "archive" and "pk_" not in n.get("Index Name", "")
                ]


@on_postgresql
def test_a_record_its_history_and_its_steps_are_found_by_index(nation, person):
    with nation.app_context(), acting(SYSTEM):
        dewai = sa.select(Unit.path).where(Unit.name == "德外街道总工会").scalar_subquery()
        waiting = sa.select(Archive.id).where(Archive.owner_path == dewai, Archive.holder_depth == 4)
        mine = db.session.scalar(waiting.where(Archive.id > FIRST, Archive.is_cancelled.is_(False)))
    clerk = person("dewai_clerk")
    with _caught(nation) as caught:
        assert clerk.get(f"/archive/show/{mine}?tab=history").status_code == 200
        assert clerk.get(f"/archive/edit/{mine}").status_code == 200
        assert clerk.get(f"/archive/dialog/report?ids={mine}").status_code == 200
        clerk.post("/archive/steps/report", {"ids": mine, "message": "请审核"})
    assert len(caught) > 15
    assert _scanned(nation, caught) == []


@on_postgresql
def test_a_statistic_of_a_small_unit_reads_its_own_files(nation, person):
    with _caught(nation) as caught:
        page = person("dewai_clerk").get("/archive/statistics?by=gender&health_status=healthy")
    assert re.search(r"总数|合计", page.text)
    assert _scanned(nation, caught) == []
