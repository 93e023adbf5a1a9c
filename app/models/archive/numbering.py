"""职工编号: 单位编号 and a running number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, func, select

from app.kit import bulk, tree
from app.kit.scope import class_of_table, door
from app.models.unit import Unit

if TYPE_CHECKING:
    from app.models.archive import Archive

_COUNTS = door("numbering of a unit")


def next_archive_no(session: Any, unit_id: int) -> str:
    """单位编号 and a running number, new within the unit; the unit's row is locked while it is given (AID Q35).

    Files that are stored together get theirs one after the other, from one look.
    """
    given = bulk.given()
    if given is None:
        prefix, last = _last_number(session, unit_id)
        return f"{prefix}{last + 1:06d}"
    prefix, last = given.get(unit_id) or _last_number(session, unit_id)
    while bulk.is_typed(f"{prefix}{last + 1:06d}"):
        last += 1
    given[unit_id] = (prefix, last + 1)
    return f"{prefix}{last + 1:06d}"


def _last_number(session: Any, unit_id: int) -> tuple[str, int]:
    """What a unit's numbers begin with, and the last one that runs."""
    unit = session.scalar(
        select(Unit)
        .where(Unit.id == unit_id)
        .with_for_update()
        .execution_options(**door("numbering of a unit"))
    )
    prefix = f"{unit.unit_no}"
    cls = class_of_table("archive")
    pattern = and_(
        cls.owner_unit_id == unit_id,
        cls.archive_no >= prefix,
        cls.archive_no < tree.successor(prefix),
        func.length(cls.archive_no) == len(prefix) + 6,
    )
    last = session.scalar(
        select(func.max(cls.archive_no)).where(pattern).execution_options(**door("numbering of a unit"))
    )
    return prefix, int(last[len(prefix) :]) if last and last[len(prefix) :].isdigit() else 0


def numbers_in(session: Any, archives: Sequence[Archive], unit_id: int) -> dict[int, str]:
    """Id of a file that comes to a unit → its new 职工编号, where its own is taken there (AID Q35).

    One after the other, in the order given, as if each had come alone.
    """
    cls = class_of_table("archive")
    theirs = and_(cls.owner_unit_id == unit_id, cls.archive_no.in_([one.archive_no for one in archives]))
    taken = set(session.scalars(select(cls.archive_no).where(theirs).execution_options(**_COUNTS)))
    if not taken:
        return {}
    found: dict[int, str] = {}
    prefix, last = _last_number(session, unit_id)
    for archive in archives:
        number = archive.archive_no or ""
        if number in taken:
            last += 1
            number = found[archive.id] = f"{prefix}{last:06d}"
        elif number.startswith(prefix) and len(number) == len(prefix) + 6 and number[len(prefix) :].isdigit():
            last = max(last, int(number[len(prefix) :]))
        taken.add(number)
    return found
