"""Who takes part: an account at some hundred units of all levels, and the files that each can be seen working on."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from random import Random
from typing import Any

import psycopg
from flask import Flask
from sqlalchemy import select

from app.kit import clock, tree
from app.kit.database import db
from app.kit.scope import SYSTEM, acting, door
from app.models.account import Account
from app.models.assignment import ADMINISTRATION, Assignment
from app.security import policy
from bench.load.web import Person

#: files that one account is given to read, and to move or change
SEEN, MOVED = 60, 40

_OPEN = "NOT is_cancelled AND merged_into_id IS NULL AND hardship_category <> 'temporary'"


@dataclass
class Role:
    """One person with the files that he reads, reports, sends back and changes; each is moved by one person only."""

    person: Person
    seen: list[tuple[int, str, str]] = field(default_factory=list)
    to_report: deque[int] = field(default_factory=deque)
    to_send_back: deque[int] = field(default_factory=deque)
    to_edit: deque[int] = field(default_factory=deque)


def cast(flask: Flask, server: psycopg.Connection[Any], levels: dict[str, int], password: str) -> list[Role]:
    """Choose units, give each an account with this password and every right of a clerk, and look up its files."""
    places = _places(server, {int(level): number for level, number in levels.items()})
    with flask.app_context(), acting(SYSTEM):
        _accounts(flask, places, password)
        db.session.commit()
        db.session.remove()
        db.engine.dispose()
    server.execute("ANALYZE ab_user, assignment, assignment_role")
    taken: set[int] = set()
    roles = []
    for unit, path in places:
        role = Role(Person(f"load{unit}", unit, tree.depth_of(path), path))
        _files(server, role, taken)
        roles.append(role)
    leaving = {archive for role in roles for archive in role.to_send_back}  # out of sight above
    for role in roles:
        role.seen = [row for row in role.seen if row[0] not in leaving]
    return roles


def _places(server: psycopg.Connection[Any], levels: dict[int, int]) -> list[tuple[int, str]]:
    """Units by level: streets by chance, the more files the likelier, and those above them."""
    rows = server.execute(
        "SELECT owner_unit_id, owner_path, count(*) FROM archive WHERE length(owner_path) = %s GROUP BY 1, 2 HAVING count(*) > 10",
        [4 * max(levels)],
    ).fetchall()
    random = Random(37)
    keyed = sorted(rows, key=lambda row: random.random() ** (1 / row[2]), reverse=True)  # without replacement
    streets = keyed[: levels[max(levels)]]
    chosen = [(unit, path) for unit, path, _number in streets]
    ids = dict(server.execute("SELECT path, id FROM unit").fetchall())
    for depth in sorted(set(levels) - {max(levels)}, reverse=True):
        above = list(dict.fromkeys(tree.ancestor(path, depth) for _unit, path, _number in streets))
        chosen += [(ids[path], path) for path in above[: levels[depth]]]
    return chosen


def _accounts(flask: Flask, places: list[tuple[int, str]], password: str) -> None:
    """Accounts of the load; those of an earlier run get the new password. One hash serves all: it is costly to make."""
    session, now = db.session, clock.now()
    rights = [right for right in flask.extensions["rights"] if right != ADMINISTRATION]
    model = Account(username="nobody")
    policy.set_password(model, password, now)
    names = [f"load{unit}" for unit, _path in places]
    statement = (
        select(Account).where(Account.username.in_(names)).execution_options(**door("the bench's accounts"))
    )
    known = {account.username: account for account in session.scalars(statement)}
    roles: list[Any] = []
    for (unit, path), name in zip(places, names, strict=True):
        account = known.get(name)
        if account is None:
            account = Account(
                username=name, first_name=name, last_name="", gender="male", phone="010-55501234"
            )
            account.stamp(SYSTEM)
            assignment = Assignment(account=account, unit_id=unit, unit_path=path)
            session.add_all((account, assignment))
            if roles:
                assignment.roles, assignment.admin_slot = list(roles), None
            else:
                assignment.grant(rights)
                roles = list(assignment.roles)
        account.active, account.certificate_required, account.profile_confirmed_at = True, False, now
        account.is_synthetic = True
        account.password, account.password_changed_at = model.password, model.password_changed_at
        account.password_expires_at, account.must_change_password = None, False
    session.flush()


def _files(server: psycopg.Connection[Any], role: Role, taken: set[int]) -> None:
    """The newest files that he sees, and those that lie with him."""
    place = role.person
    inside = f"owner_path >= '{place.path}' AND owner_path < '{tree.successor(place.path)}'"
    mine = f"{inside} AND holder_depth = {place.depth} AND {_OPEN}"
    columns = "SELECT id, full_name, id_card_no FROM archive WHERE"
    role.seen = server.execute(
        f"{columns} {inside} AND holder_depth <= {place.depth} AND {_OPEN} LIMIT {SEEN}"
    ).fetchall()
    held = server.execute(f"SELECT id, owner_unit_id FROM archive WHERE {mine} LIMIT {3 * MOVED}").fetchall()
    for number, (archive, owner) in enumerate(row for row in held if row[0] not in taken):
        taken.add(archive)
        if owner != place.unit and number % 2:
            role.to_send_back.append(archive)
        elif owner == place.unit and number % 2:
            role.to_edit.append(archive)
        elif place.depth > 1:
            role.to_report.append(archive)
