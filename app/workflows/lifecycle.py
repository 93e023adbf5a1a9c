"""注销 and 恢复: a record that no longer holds is put aside, and comes back to the unit that needs it.

    standing ──deactivate──▶ cancelled ──restore──▶ standing, at the unit that restores it

A cancelled record leaves the normal lists and stays where it had been reported to (AID Q36); restoring makes it the
restoring unit's own, which reports it anew (AID-R075). It may be restored by number from anywhere (AID-R072).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import Integer
from sqlalchemy.orm import Mapped, mapped_column

from app.kit import columns
from app.kit.scope import Actor
from app.kit.workflow import Ask, ByNumber, Move, Stateful, Step

REASON = Ask("cancel_reason", columns.CodeField(_("注销原因"), "cancel_reason", required=True))


def take_over(record: Any, actor: Actor) -> Move:
    """Make the actor's unit the owner, which reports the record itself; the log keeps whose it was (AID Q12)."""
    former = record.owner_unit_id
    record.own(actor)
    return Move(former, actor.unit_id)


def is_ours(record: Any, actor: Actor) -> Any:
    """Only the owner decides over the life of a record, not even its superiors (AID-R026, R068)."""
    if record.owner_path != actor.path:
        return _(
            "「%(record)s」属于%(unit)s，只有该单位可以办理", record=record.title, unit=record.owner_unit.name
        )
    return None


def is_put_aside(record: Any, actor: Actor) -> Any:
    """What stands need not be restored."""
    if not record.is_cancelled:
        return _(
            "「%(record)s」没有注销，不用恢复，现属于%(unit)s",
            record=record.title,
            unit=record.owner_unit.name,
        )
    return None


def stands(record: Any, actor: Actor) -> Any:
    """A cancelled record has left; nothing but 恢复 brings it back."""
    if record.is_cancelled:
        return _("「%(record)s」已注销，恢复后才能办理", record=record.title)
    return None


def is_still_there(record: Any, actor: Actor) -> Any:
    """What has gone into another record has no life of its own any more."""
    return record.why_gone()


def may_be_cancelled(record: Any, actor: Actor) -> Any:
    """What the type says against it."""
    return record.why_never_cancelled()


def may_come_back(record: Any, actor: Actor) -> Any:
    """What the type says against it."""
    return record.why_not_back()


def is_offered(record: Any, actor: Actor) -> bool:
    """Whether 注销 is a matter at all: of one's own, standing records of a kind that can be cancelled."""
    guards = (is_still_there, is_ours, may_be_cancelled, stands)
    return all(guard(record, actor) is None for guard in guards)


class Cancellable(Stateful):
    """Adds 注销 and 恢复, with who, when, for which unit and why."""

    is_cancelled: Mapped[bool] = columns.yes_no(_("注销状态"), automatic=True, default=False, nullable=False)
    cancelled_at: Mapped[datetime | None] = columns.moment(_("注销日期"))
    cancel_reason: Mapped[str | None] = columns.code(_("注销原因"), "cancel_reason", automatic=True)
    cancelled_by: Mapped[str | None] = columns.text(_("注销人"), 64, automatic=True)
    cancelled_unit: Mapped[str | None] = columns.text(_("注销单位"), 100, automatic=True)
    cancelled_unit_id: Mapped[int | None] = mapped_column(Integer)

    steps = (
        Step(
            "deactivate",
            _("注销职工"),
            asks=(REASON,),
            guards=(is_still_there, is_ours, may_be_cancelled, stands),
            icon="user-off",
            confirm=_("注销后不再出现在列表、查询和统计中，可以在注销档案库查到，也可以恢复。"),
            success=_("注销成功"),
            danger=True,
            listed=False,
            applies=is_offered,
        ),
        Step(
            "restore",
            _("恢复困难职工"),
            guards=(is_still_there, is_put_aside),
            wide_guards=(may_come_back,),
            by_number=ByNumber((is_still_there, is_put_aside), _("没有找到该身份证号的注销档案,请核对")),
            icon="user-check",
            confirm=_("恢复后成为本单位的未上报档案。"),
            success=_("恢复困难职工成功"),
            listed=False,
            applies=lambda record, _actor: record.is_cancelled and not record.why_gone(),
        ),
    )
    delete_guards = (stands,)

    def why_gone(self) -> Any:
        """Which record this one has gone into, in words; None while it is one of its own."""
        return None

    def why_never_cancelled(self) -> Any:
        """Why records like this one are not cancelled at all, in words."""
        return None

    def why_not_back(self) -> Any:
        """Why a cancelled record may not come back, in words."""
        return None

    def on_deactivate(self, actor: Actor, cancel_reason: str) -> None:
        """It stays where it has been reported to (AID Q36)."""
        self.is_cancelled, self.cancelled_at, self.cancel_reason = True, actor.at, cancel_reason
        self.cancelled_by, self.cancelled_unit = actor.name, actor.unit_name
        self.cancelled_unit_id = actor.unit_id

    def on_restore(self, actor: Actor) -> Move:
        """It begins anew at the unit that restores it (AID-R072, R075)."""
        move = take_over(self, actor)  # first of all: as another unit's, nothing of it may be written
        self.is_cancelled, self.cancelled_at, self.cancel_reason = False, None, None
        self.cancelled_by = self.cancelled_unit = self.cancelled_unit_id = None
        self.settle(actor)  # what it let go of while it was put aside is its own again
        return move
