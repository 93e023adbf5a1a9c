"""The rows of the bench: a nation of units, household files in every state, their people. The same for every run.

    units.py      the tree: 31 provinces down to 34,000 streets; who owns how much
    called.py     what people are called, as often as in life
    templates.py  some thousand valid households, made by the demo's own generator and our own rules
    lines.py      the lines that COPY reads, block by block
    loading.py    COPY without indexes, two processes; then the indexes

Made through our own migrations, models, rules and key functions; the rows go in by COPY. Not made: history
(``record_version``, ``step_log``) of the files; what is measured there begins with empty tables.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from random import Random
from typing import Any

import psycopg
from flask import Flask
from psycopg import sql
from sqlalchemy import select

from app.cli.serve import prepare
from app.kit.claims import IdentityClaim
from app.kit.database import db
from app.kit.scope import SYSTEM, acting, door
from app.models.account import Account
from app.models.archive import Archive
from app.models.assignment import ADMINISTRATION, Assignment
from app.models.family_member import FamilyMember
from app.models.unit import Unit, search_key
from app.security import policy
from bench.world import lines, loading, templates, units
from bench.world.lines import NOW
from bench.world.units import Place

SEED = 20260302
NAMES = "name_search"
CLAIM_COLUMNS = ("id", "registry", "id_key", "record_type", "record_id", "role")
NAME_COLUMNS = ("source", "key", "record_id")
#: clerks who report at the same time, all of the province where the files wait
CLERKS = 8


def build(flask: Flask, url: str, rows: int, say: Callable[..., None] = print) -> dict[str, Any]:
    """Schema, units, files, people, accounts without a usable password, statistics of the planner.

    ``url`` is the database of ``flask`` for psycopg. Returns the facts that a run needs: how many, who looks.
    """
    start = time.perf_counter()

    def told(words: str) -> None:
        say(f"{time.perf_counter() - start:5.0f} s  {words}")

    prepare(flask)
    places = units.places(rows, Random(SEED))
    owned = units.owners(places, rows, Random(SEED + 1))
    seen = units.viewers(places, owned)
    with flask.app_context(), acting(SYSTEM):
        made, divisions = templates.households(SEED), templates.division_names()
        identity_key = flask.config["IDENTITY_KEY"]
        db.session.remove()
        db.engine.dispose()
    with loading.connect(url) as server:
        with_names = server.execute("SELECT to_regclass(%s)", [NAMES]).fetchone() != (None,)
        world = lines.World(SEED, places, owned, made, divisions, identity_key, with_names)
        told(f"{len(places):,} units and the templates are ready")
        _units(server, places)
        tables = ["archive", "family_member", "identity_claim", *([NAMES] if with_names else [])]
        taken = loading.take_off(server, tables)
    loading.load(url, _jobs(world), several=rows >= loading.SEVERAL)
    told("the rows are in")
    loading.put_back(url, taken, say)
    told("indexes and keys are back")
    with loading.connect(url) as server:
        for table in ("unit", "archive", "family_member", "identity_claim"):
            reset = "SELECT setval(pg_get_serial_sequence(%s, 'id'), (SELECT max(id) FROM {}))"
            server.execute(sql.SQL(reset).format(sql.Identifier(table)), [table])
        with flask.app_context(), acting(SYSTEM):
            _accounts(flask, seen)
            db.session.remove()
            db.engine.dispose()
        server.execute("VACUUM (ANALYZE)")
        told("vacuumed and analysed")
        return {
            "rows": rows,
            "units": len(places),
            "seconds": round(time.perf_counter() - start),
            "viewers": {login: place.id for login, place in seen.items()},
            "word": _word(server),
            "counts": {table: _count(server, table) for table in tables},
        }


def _jobs(world: lines.World) -> list[tuple[loading.Blocks, list[loading.Into]]]:
    into = loading.Into
    files = into("archive", templates.columns(templates.ARCHIVE_OWN, Archive.__table__))
    members = into("family_member", templates.columns(templates.MEMBER_OWN, FamilyMember.__table__))
    claims = into(IdentityClaim.__tablename__, CLAIM_COLUMNS)
    named = [into(NAMES, NAME_COLUMNS)] if world.with_names else []
    return [
        (world.files_and_claims, [files, claims]),
        (
            world.members_and_names if named else lambda: ((m,) for m, _n in world.members_and_names()),
            [members, *named],
        ),
    ]


def _units(server: psycopg.Connection[Any], places: list[Place]) -> None:
    rows = [units.row(place, NOW, search_key(place.name)) for place in places]
    names = sql.SQL(", ").join(map(sql.Identifier, rows[0]))
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(Unit.__tablename__), names)
    with server.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(list(row.values()))
    server.execute("ANALYZE unit")


def _count(server: psycopg.Connection[Any], table: str) -> int:
    row = server.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))).fetchone()
    return row[0] if row else 0


def _word(server: psycopg.Connection[Any]) -> str:
    """The surname and first given character that most names begin with: the hardest two to look for."""
    row = server.execute(
        "SELECT left(full_name, 2), count(*) FROM archive GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 1"
    ).fetchone()
    return row[0] if row else ""


# --- who looks ------------------------------------------------------------------------------------------------


def _accounts(flask: Flask, seen: dict[str, Place]) -> None:
    """A person at each unit that looks, and the clerks of the province that reports; each holds every right that a unit gives more than once."""
    every = list(flask.extensions["rights"])
    people = dict(seen)
    people |= {f"clerk{number}": seen["province"] for number in range(1, CLERKS + 1)}
    for login, place in people.items():
        account = Account(username=login, first_name=login, last_name="", gender="male", phone="010-55501234")
        account.active, account.certificate_required, account.profile_confirmed_at = True, False, NOW
        account.is_synthetic = True  # the administrator of a province needs no second factor here
        account.password = "!"  # none that could be typed; each run sets its own
        account.stamp(SYSTEM)
        assignment = Assignment(account=account, unit_id=place.id, unit_path=place.path)
        db.session.add(account)
        is_second = login.startswith("clerk")  # a unit has one administrator
        assignment.grant([right for right in every if right != ADMINISTRATION] if is_second else every)
        db.session.flush()
    db.session.commit()


def set_passwords(flask: Flask, logins: Iterable[str], password: str) -> None:
    """Let these persons of the bench in by this password, which is never overdue while it is measured.

    One hash serves all of them: it is costly to make.
    """
    with flask.app_context(), acting(SYSTEM):
        statement = select(Account).where(Account.username.in_(list(logins)))
        accounts = db.session.scalars(statement.execution_options(**door("accounts of the bench"))).all()
        policy.set_password(accounts[0], password, NOW + timedelta(days=365 * 40))
        for account in accounts[1:]:
            for name in ("password", "password_changed_at", "password_expires_at", "must_change_password"):
                setattr(account, name, getattr(accounts[0], name))
        for account in accounts:  # those of a world that was made before there were second factors, too
            account.is_synthetic = True
        db.session.commit()
        db.session.remove()
        db.engine.dispose()
