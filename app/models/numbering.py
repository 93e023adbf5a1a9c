"""Numbers that a unit gives in a row: 单位编号, the year, and a running number."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select

from app.kit import tree
from app.kit.record import session_of
from app.kit.scope import door
from app.models.unit import Unit

DIGITS = 4


def next_number(record: Any, name: str, year: int) -> str:
    """The next number of the record's unit in a year; the unit's row is held while it is given."""
    session, column = session_of(record), getattr(type(record), name)
    look = door("numbering of a unit")
    mine = select(Unit.unit_no).where(Unit.id == record.owner_unit_id).with_for_update()
    prefix = f"{session.scalar(mine.execution_options(**look))}{year}"
    given = select(func.max(column)).where(
        type(record).owner_unit_id == record.owner_unit_id,
        column >= prefix,
        column < tree.successor(prefix),
        func.length(column) == len(prefix) + DIGITS,
    )
    last = session.scalar(given.execution_options(**look))
    return f"{prefix}{int(last[len(prefix) :]) + 1 if last else 1:0{DIGITS}d}"
