"""Some thousand valid households as they are stored; every file of the bench is one of them under another name.

What differs between two files of one template is written into each line by :mod:`bench.world.lines`: number, names,
identity numbers, birthdays, unit, address, envelope and dates. The rest of the line is ready text.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from random import Random
from typing import Any

from sqlalchemy import JSON

from app.demo.people import EPOCH, People
from app.kit import codes
from app.kit.database import FixedPoint
from app.kit.record import fill
from app.kit.scope import SYSTEM
from app.models.archive import Archive
from app.models.family_member import FamilyMember

TEMPLATES = 4000
#: how many live with the householder: 0 … 4, one and a half on average
MEMBERS = (0, 1, 2, 3, 4)
WEIGHTS = (18, 38, 26, 12, 6)
#: what each line of a file writes itself, in this order
ARCHIVE_OWN = [
    "id",
    "archive_no",
    "full_name",
    "id_card_no",
    "birth_date",
    "owner_unit_id",
    "owner_path",
    "holder_depth",
    "returned",
    "last_reported_at",
    "is_cancelled",
    "cancelled_at",
    "cancel_reason",
    "created_at",
    "updated_at",
    "registration_division",
    "home_address",
    "postcode",
]
MEMBER_OWN = [
    "id",
    "archive_id",
    "full_name",
    "id_card_no",
    "birth_date",
    "created_at",
    "updated_at",
    "line_no",
]
CHILD, ADULT, ELDER = 0, 1, 2


@dataclass(frozen=True)
class Person:
    """What a template says of one person: sex, rough age, and the text that ends the line."""

    is_male: bool
    window: int
    text: str


@dataclass(frozen=True)
class Household:
    """A householder with the members of the family, and the street they live in."""

    head: Person
    members: tuple[Person, ...]
    street: str


def columns(own: Sequence[str], table: Any) -> list[str]:
    """Every column of a table: first those that each line writes, then those of the template."""
    return [*own, *(column.name for column in table.c if column.name not in own)]


def households(seed: int) -> list[Household]:
    """The templates; needs the code tables, so an application context."""
    people, random = People(seed, "110101"), Random(seed)
    counts = random.choices(MEMBERS, WEIGHTS, k=TEMPLATES)
    return [_household(people, count) for count in counts]


def _household(people: People, count: int) -> Household:
    archive = Archive(archive_no="1", owner_unit_id=1)
    problems, _unread = fill(
        archive, people.household(members=count, registration_division=None, postcode=None)
    )
    if problems:
        raise ValueError(problems)
    archive.derive(SYSTEM)
    at = datetime(2026, 3, 2)  # noqa: DTZ001 - wall time, as the product keeps it
    for row in (archive, *archive.family_members):
        row.created_at = row.updated_at = at
        row.updated_by_name, row.version = "系统", 1
    archive.problem_flags, archive.returned_from = [], 0
    found = Household(
        _person(archive, ARCHIVE_OWN),
        tuple(_person(member, MEMBER_OWN) for member in archive.family_members),
        archive.home_address,
    )
    archive.family_members = []
    return found


def _person(row: Archive | FamilyMember, own: Sequence[str]) -> Person:
    table = row.__table__
    named = [column for column in columns(own, table) if column not in own]
    text = "\t".join(_text(table.c[name], getattr(row, name)) for name in named)
    age = (EPOCH - row.birth_date).days / 365.25
    window = CHILD if age < 22 and isinstance(row, FamilyMember) else ELDER if age >= 66 else ADULT
    return Person(row.gender == "male", window, text)


def _text(column: Any, value: Any) -> str:
    """A value as COPY reads it."""
    if isinstance(column.type, FixedPoint):
        value = column.type.process_bind_param(value, None)
    if isinstance(column.type, JSON):
        value = json.dumps(value)
    if value is None:
        return r"\N"
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, date | int):
        return str(value)
    return escaped(value)


def escaped(text: str) -> str:
    """A text as COPY reads it."""
    for plain, written in (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r")):
        text = text.replace(plain, written)
    return text


def division_names() -> dict[str, str]:
    """Code of GB/T 2260 → the full name that an address begins with."""
    return {
        value.code: codes.full_label("admin_division", value.code) for value in codes.values("admin_division")
    }
