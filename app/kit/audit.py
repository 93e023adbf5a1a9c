"""Who looked at, printed or took away what: entries of the step log that change no record."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from app.kit.scope import Actor
from app.kit.workflow import StepLog


def note(
    session: Session,
    actor: Actor,
    resource: str,
    record_id: int,
    what: str,
    facts: dict[str, Any] | None = None,
) -> None:
    """Add one entry; ``record_id`` is 0 for a whole list. The caller commits."""
    session.add(
        StepLog(
            record_type=resource,
            record_id=record_id,
            step=what,
            at=actor.at,
            account_id=actor.account_id,
            account_name=actor.name,
            from_unit_id=actor.unit_id,
            answers=facts or {},
        )
    )
