"""Several records changed by one save, all of them or none; and a table that belongs to no list, as a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from app.kit import audit, exchange, saving
from app.kit.errors import Invalid, Missing, Refused
from app.kit.record import lock_in_order
from app.kit.scope import Actor


def save_all(
    session: Session, changes: Sequence[tuple[Any, Mapping[str, Any]]], actor: Actor
) -> dict[int, list[Any]]:
    """Save records of one type as their forms would, in the order given; commits.

    Returns id → what is wrong with it. When anything is, nothing is kept.
    """
    wrong: dict[int, list[Any]] = {}
    lock_in_order([record for record, _typed in changes])
    for record, typed in changes:
        pk = record.id
        try:
            with session.begin_nested():
                saving.save(session, record, typed, actor)
        except Invalid as why:
            wrong[pk] = [problem.words for problem in why.problems]
        except (Refused, Missing) as why:
            wrong[pk] = [why.words]
    if wrong:
        session.rollback()
    else:
        session.commit()
    return wrong


def table_file(
    session: Session,
    actor: Actor,
    resource: str,
    title: str,
    header: Sequence[Any],
    rows: Sequence[Sequence[Any]],
    facts: Mapping[str, Any],
) -> Response:
    """An Excel file; who took it is noted."""
    file = exchange.xlsx_file(header, rows, title)
    audit.note(session, actor, resource, 0, "export", {"format": "xlsx", "rows": len(rows), **facts})
    session.commit()
    return exchange.attachment(file, f"{title}.xlsx")
