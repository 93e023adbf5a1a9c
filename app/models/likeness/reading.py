"""What the files say, read for comparing: rows, never records, since millions pass by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    String,
    any_,
    cast,
    func,
    literal,
    select,
)
from sqlalchemy.orm import Session

from app.kit import likeness
from app.kit.likeness import Household
from app.kit.scope import door
from app.models.archive import Archive
from app.models.family_member import FamilyMember


class File(NamedTuple):
    """A file as it is compared."""

    id: int
    version: int
    path: str
    said: Household
    is_keyed: bool


#: what a statement that is read by `files` selects, and after them whether the file is keyed
COLUMNS = (
    Archive.id,
    Archive.version,
    Archive.owner_path,
    Archive.full_name,
    Archive.id_card_no,
    Archive.birth_date,
    Archive.phone,
    Archive.home_address,
)


def by_index(session: Session) -> None:
    """Until the end of the transaction PostgreSQL looks everything up, by itself.

    A plan that was made while the tables of keys were empty or uncounted, and is kept with the connection, would read
    them whole for every chunk, or call workers for a few rows.
    """
    if session.get_bind().dialect.name == "postgresql":
        ways = ("enable_seqscan", "enable_hashjoin", "enable_mergejoin")
        none = func.set_config("max_parallel_workers_per_gather", "0", True)
        session.execute(select(none, *(func.set_config(way, "off", True) for way in ways)))


def files(session: Session, statement: Select[Any]) -> list[File]:
    """The files of a statement over `COLUMNS`, with their members."""
    rows = session.execute(statement).all()
    members = _members(session, [row[0] for row in rows])
    found = []
    for pk, version, path, name, number, born, phone, address, is_keyed in rows:
        people = [_person(name, number, born), *members[pk]]
        found.append(File(pk, version, path, likeness.household(people, phone, address), is_keyed))
    return found


def _members(session: Session, ids: Iterable[int]) -> dict[int, list[likeness.Person]]:
    """File → the members of its family, in their order."""
    look = select(
        FamilyMember.archive_id, FamilyMember.full_name, FamilyMember.id_card_no, FamilyMember.birth_date
    ).where(among(session, FamilyMember.archive_id, ids))
    look = look.order_by(FamilyMember.line_no, FamilyMember.id)
    found = defaultdict[int, list[likeness.Person]](list)
    for pk, name, number, born in session.execute(
        look.execution_options(**door("members of files that the actor sees"))
    ):
        found[pk].append(_person(name, number, born))
    return found


def _person(name: str | None, number: str | None, born: Any) -> likeness.Person:
    return likeness.person(name, number, born if isinstance(born, date) else None)


def among(session: Session, of: Any, values: Iterable[Any]) -> ColumnElement[bool]:
    """``of IN (…)`` for thousands of values: on PostgreSQL one array, numbers as one text, which costs the driver nothing."""
    listed = list(values)
    if session.get_bind().dialect.name != "postgresql":
        found: ColumnElement[bool] = of.in_(listed)
        return found
    if not isinstance(of.type, (BigInteger, Integer)):
        return of == any_(literal(listed, ARRAY(of.type)))
    return of == any_(cast(literal(f"{{{','.join(map(str, listed))}}}", String), ARRAY(of.type)))
