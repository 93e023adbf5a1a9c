"""The rows of the bench: units on five levels and household files in every state, the same for every run.

Made through our own migrations and models; the files themselves go in by COPY. Skewed as a country is: a few
provinces and units hold most files. One province moved in first, as from an older system: its files all have the
lowest numbers, which is the worst case for a list in the order of numbers.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import accumulate
from random import Random
from typing import Any

import psycopg
from flask import Flask
from psycopg import sql
from sqlalchemy import JSON, Table

from app.cli.serve import prepare
from app.demo.people import People
from app.kit import identity, tree
from app.kit.database import FixedPoint, db
from app.kit.record import fill
from app.kit.scope import SYSTEM, acting
from app.models.account import Account
from app.models.archive import Archive
from app.models.assignment import Assignment
from app.models.unit import Unit, search_key
from app.security import policy

SEED = 20260302
NOW = datetime(2026, 3, 2, 9, 0)  # noqa: DTZ001 - wall time, as the product keeps it
LEVELS = ("national", "province", "prefecture", "county", "township")
WORDS = ("", "省", "市", "县", "街道")
#: sisters below one unit of each level, at the least and at the most
CHILDREN = ((31, 31), (5, 11), (2, 4), (2, 4))
TEMPLATES = 4000
SURNAMES = "王李张刘陈杨黄赵周吴徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦"
GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂英华文辉建国志红玉秀梅春云海龙凤波斌宇浩然子轩梓涵欣怡佳雪婷鑫鹏飞博"


@dataclass(frozen=True)
class Place:
    """One unit of the bench."""

    id: int
    name: str
    parent_id: int | None
    path: str

    @property
    def depth(self) -> int:
        return tree.depth_of(self.path)


@dataclass(frozen=True)
class World:
    """Who looks: login name → the unit, and how many files it owns or sees below it."""

    password: str
    viewers: dict[str, Place]
    units: int
    archives: int


def build(flask: Flask, server: psycopg.Connection[Any], rows: int, password: str) -> World:
    """Schema, units, files, accounts, statistics."""
    prepare(flask)
    places = list(_places(Random(SEED)))
    owners, viewers = _owners(places, rows, Random(SEED + 1))
    with flask.app_context(), acting(SYSTEM):
        templates = _templates()
    _copy(server, Unit.__table__, (_unit(place) for place in places))
    _copy(server, Archive.__table__, _archives(owners, templates, Random(SEED + 2)))
    for table in ("unit", "archive"):
        reset = "SELECT setval(pg_get_serial_sequence(%s, 'id'), (SELECT max(id) FROM {}))"
        server.execute(sql.SQL(reset).format(sql.Identifier(table)), [table])
    with flask.app_context(), acting(SYSTEM):
        for login, place in viewers.items():
            _account(flask, login, place, password)
        db.session.commit()
        db.session.remove()
        db.engine.dispose()
    server.execute("VACUUM (ANALYZE)")
    return World(password, viewers, len(places), rows)


# --- units ----------------------------------------------------------------------------------------------------


def _places(random: Random) -> Iterator[Place]:
    """The tree, level by level, so that a unit's number is higher than its parent's."""
    number = 1
    level = [Place(1, "中华全国总工会", None, tree.segment(1))]
    yield level[0]
    for depth, (least, most) in enumerate(CHILDREN, 1):
        below = []
        for parent in level:
            stem = "" if depth == 1 else parent.name.removesuffix("总工会")
            for order in range(1, random.randint(least, most) + 1):
                number += 1
                name = f"{stem}{order:02d}{WORDS[depth]}总工会"
                below.append(Place(number, name, parent.id, parent.path + tree.segment(number)))
        yield from below
        level = below


def _unit(place: Place) -> dict[str, Any]:
    return {
        "id": place.id,
        "name": place.name,
        "unit_no": 100_000 + place.id,
        "parent_id": place.parent_id,
        "level": LEVELS[place.depth - 1],
        "admin_division": "110000",
        "office_phone": f"010-5550{place.id:04d}",
        "is_aid_centre": True,
        "profile_confirmed_at": NOW,
        "path": place.path,
        "search_key": search_key(place.name),
        "sort_order": place.id,
        "created_seq": place.id,
        **_stamp(NOW),
    }


def _account(flask: Flask, login: str, place: Place, password: str) -> None:
    """One person who holds every right at a unit."""
    account = Account(username=login, first_name=login, last_name="", gender="male", phone="010-55501234")
    account.active, account.certificate_required, account.profile_confirmed_at = True, False, NOW
    policy.set_password(
        account, password, NOW + timedelta(days=365 * 40)
    )  # never overdue while it is measured
    account.stamp(SYSTEM)
    assignment = Assignment(account=account, unit_id=place.id, unit_path=place.path)
    db.session.add(account)
    assignment.grant(list(flask.extensions["rights"]))
    db.session.flush()


# --- files ----------------------------------------------------------------------------------------------------


def _owners(places: Sequence[Place], rows: int, random: Random) -> tuple[list[Place], dict[str, Place]]:
    """The owner of each file in the order of their numbers, and who will look at them (login name → unit)."""
    provinces = [place for place in places if place.depth == 2]
    old = provinces[-1]
    weight = {province.path: random.lognormvariate(0, 0.9) for province in provinces}
    keepers = [place for place in places if place.depth >= 4]
    by_weight = {
        place: weight[tree.ancestor(place.path, 2)]
        * random.lognormvariate(0, 0.7)
        * (1 if place.depth == 5 else 0.5)
        for place in keepers
    }
    moved = [place for place in keepers if tree.contains(old.path, place.path)]
    others = [place for place in keepers if not tree.contains(old.path, place.path)]

    def draw(some: Sequence[Place], count: int) -> list[Place]:
        return random.choices(some, cum_weights=list(accumulate(by_weight[one] for one in some)), k=count)

    owners = draw(moved, rows // 20) + draw(others, rows - rows // 20)
    held: Counter[str] = Counter()
    for owner in owners:
        for path in tree.ancestors(owner.path):
            held[path] += 1

    def largest(depth: int, within: Place) -> Place:
        inside = (p for p in places if p.depth == depth and tree.contains(within.path, p.path))
        return max(inside, key=lambda place: (held[place.path], -place.id))

    city = largest(3, max((p for p in provinces if p is not old), key=lambda p: held[p.path]))
    streets = sorted(
        (p for p in places if p.depth == 5 and tree.contains(city.path, p.path)), key=lambda p: held[p.path]
    )
    street = streets[len(streets) * 3 // 4]  # neither the largest nor a sleepy one
    return owners, {"root": places[0], "city": city, "street": street, "oldcity": largest(3, old)}


def _archives(
    owners: Sequence[Place], templates: Sequence[dict[str, Any]], random: Random
) -> Iterator[dict[str, Any]]:
    """The files in the order of their numbers."""
    running: Counter[int] = Counter()
    step = timedelta(days=3000) / max(len(owners), 1)
    for number, owner in enumerate(owners, 1):
        row = dict(templates[random.randrange(TEMPLATES)])
        running[owner.id] += 1
        holder = 1 if random.random() < 0.74 else random.randint(2, owner.depth)
        born: date = row["birth_date"] + timedelta(days=random.randrange(-400, 400))
        first17 = f"110101{born:%Y%m%d}{random.randrange(1, 500) * 2 - (row['gender'] == 'male'):03d}"
        name = random.choice(SURNAMES[: random.choice((8, 20, len(SURNAMES)))])
        at = NOW - (len(owners) - number) * step
        row |= {
            "id": number,
            "archive_no": f"{100_000 + owner.id}{running[owner.id]:06d}",
            "full_name": name + "".join(random.choices(GIVEN, k=1 if random.random() < 0.3 else 2)),
            "id_card_no": first17 + identity.check_digit(first17),
            "birth_date": born,
            "is_cancelled": random.random() < 0.03,
            "problem_flags": "[]",
            "owner_unit_id": owner.id,
            "owner_path": owner.path,
            "holder_depth": holder,
            "returned": holder > 1 and random.random() < 0.2,
            "last_reported_at": at + timedelta(days=1) if holder < owner.depth else None,
            **_stamp(at.replace(microsecond=0)),
        }
        yield row


def _templates() -> list[dict[str, Any]]:
    """Some thousand valid households as they are stored; every file is one of them under another name."""
    people, found = People(SEED, "110101", "北京市东城区"), []
    for _each in range(TEMPLATES):
        archive = Archive(archive_no="1", owner_unit_id=1)
        problems, _unread = fill(archive, people.household(members=0))
        if problems:
            raise ValueError(problems)
        archive.derive(SYSTEM)
        row = {}
        for column in Archive.__table__.c:
            value = getattr(archive, column.key)
            if isinstance(column.type, FixedPoint):
                value = column.type.process_bind_param(value, None)
            row[column.key] = json.dumps(value) if isinstance(column.type, JSON) else value
        found.append(row)
    return found


def _stamp(at: datetime) -> dict[str, Any]:
    return {"created_at": at, "updated_at": at, "updated_by_name": "系统", "version": 1}


def _copy(server: psycopg.Connection[Any], table: Table, rows: Iterable[dict[str, Any]]) -> None:
    """Rows by COPY; the first tells the columns."""
    rows = iter(rows)
    first = next(rows)
    names = sql.SQL(", ").join(map(sql.Identifier, first))
    into = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table.name), names)
    with server.cursor() as cursor, cursor.copy(into) as copy:
        copy.write_row(list(first.values()))
        for row in rows:
            copy.write_row([row[name] for name in first])
