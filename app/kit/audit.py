"""Who looked at, printed or took away what: entries of the step log that change no record."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Session

from app.kit.scope import Actor
from app.kit.workflow import StepLog

#: entries that tell of somebody who has looked at one record, and their words
LOOKS: dict[str, Any] = {
    "look_up": _("按号码查询"),
    "reveal": _("查看完整号码"),
    "print": _("打印"),
    "export": _("另存为文件"),
    "download": _("下载附件"),
}


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
