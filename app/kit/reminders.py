"""Reminders (提醒): what a unit is told when a record arrives or comes back (REC-34, SM-AID-17)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from flask_babel import force_locale
from flask_babel import lazy_gettext as _
from sqlalchemy import JSON, ColumnElement, Index, Select, String, and_, false, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from app.kit import columns
from app.kit.record import Record
from app.kit.scope import Actor, door
from app.kit.workflow import Ask, Stateful, Step, StepLog

#: records that a reminder names; the rest is counted
MOST_NAMED = 200
#: 未处理 or 处理: what the dialog of the column 处理 asks (3.15)
STATE = Ask("state", columns.CodeField(_("处理"), "reminder_state", required=True))


class Reminder(Stateful, Record):
    """One message to a unit about records of one type.

    Seen by persons of the receiving unit who may read that type (AID-R223).
    """

    __tablename__ = "reminder"
    __label__ = _("提醒信息")
    reach = _("发给本单位的，属于能打开的业务的")
    #: the list in its order, and the number on the bell from the index alone
    __table_args__ = (Index("ix_reminder_receiver", "receiver_unit_id", "state", "id", "record_type"),)
    echoed = frozenset({"record_type", "record_ids"})
    steps = (Step("handle", _("处理"), asks=(STATE,), icon="edit", success=_("保存成功")),)

    sender_unit_id: Mapped[int | None] = columns.reference(
        _("提醒发送单位"), "unit", automatic=True, system=True
    )
    receiver_unit_id: Mapped[int] = columns.reference(
        _("接收单位"), "unit", automatic=True, system=True, nullable=False
    )
    sender_unit_name: Mapped[str] = columns.text(_("提醒发送单位"), 100, automatic=True)
    subject: Mapped[str] = columns.text(_("主题"), 200, automatic=True)
    message: Mapped[str] = columns.long_text(_("内容"), automatic=True)
    category: Mapped[str] = columns.code(_("类别"), "reminder_category", automatic=True)
    state: Mapped[str] = columns.code(_("处理"), "reminder_state", required=True, default="open")
    handled_by_name: Mapped[str | None] = columns.text(_("处理人"), 64, automatic=True)
    handled_at: Mapped[datetime | None] = columns.moment(_("处理时间"))
    record_type: Mapped[str] = mapped_column(String(40))
    record_count: Mapped[int] = columns.count(_("记录数"), automatic=True, default=1)
    record_ids: Mapped[list[int]] = mapped_column(JSON, default=list)

    sender_unit = relationship("Unit", foreign_keys="Reminder.sender_unit_id")
    receiver_unit = relationship("Unit", foreign_keys="Reminder.receiver_unit_id")

    @classmethod
    def scope(cls, who: Actor) -> ColumnElement[bool]:
        """Reminders of the actor's unit about record types that the actor may read."""
        readable = [resource for permission, resource in who.grants if permission == "can_read"]
        return (
            and_(cls.receiver_unit_id == who.unit_id, cls.record_type.in_(readable)) if readable else false()
        )

    def in_scope(self, who: Actor) -> bool:
        """Written by the sender's step, changed by the receiver."""
        return who.unit_id in (self.sender_unit_id, self.receiver_unit_id)

    @property
    def title(self) -> str:
        """The subject."""
        return self.subject or ""

    def derive(self, actor: Actor) -> None:
        """Note who handled it; a reminder that is opened again forgets that."""
        if self.state == "done" and self.handled_at is None:
            self.handled_by_name, self.handled_at = actor.name, actor.at
        elif self.state == "open":
            self.handled_by_name = self.handled_at = None

    def suggested(self, step: str, who: Actor) -> dict[str, Any]:
        """An open one is to be closed, a closed one opened again (AID-R225, SM-AID-17)."""
        return {"state": "done" if self.state == "open" else "open"}

    def on_handle(self, actor: Actor, state: str) -> None:
        """Closed, or open again."""
        self.state = state
        self.derive(actor)


def in_chinese(words: Any) -> str:
    """Words that are stored are read by others: in the language of the house, not of the sender."""
    with force_locale("zh"):
        return str(words)


def remind(
    session: Session, receiver_unit_id: int, records: list[Any], subject: Any, message: str, actor: Actor
) -> Reminder:
    """Tell a unit about records of one type; one reminder for all of them (AID Q27)."""
    first = records[0]
    reminder = Reminder(
        sender_unit_id=actor.unit_id,
        sender_unit_name=actor.unit_name,
        receiver_unit_id=receiver_unit_id,
        subject=in_chinese(subject),
        message=message,
        category=first.reminder_category,
        state="open",
        record_type=type(first).resource(),
        record_count=len(records),
        record_ids=[record.id for record in records[:MOST_NAMED]],
    )
    reminder.stamp(actor)
    session.add(reminder)
    return reminder


def told_of(record_type: str, reminder_id: int) -> Select[Any]:
    """The ids of the records that a reminder of the reader's unit is about, however many: what the log says.

    The scope of reminders goes with the statement, so that another unit's reminder is about nothing.
    """
    told = select(StepLog.record_id).join(Reminder, Reminder.id == StepLog.reminder_id)
    return told.where(Reminder.id == reminder_id, StepLog.record_type == record_type)


def is_finished(models: Iterable[Any], who: Actor) -> ColumnElement[bool]:
    """Nothing of it waits here any more: of these reportable types, all its records went up, back, elsewhere or away."""
    cases = []
    for model in models:
        name = model.resource()
        here = select(StepLog.id).join(model, model.id == StepLog.record_id)
        here = here.where(StepLog.reminder_id == Reminder.id, StepLog.record_type == name)
        cases.append(
            and_(Reminder.record_type == name, ~here.where(model.holder_depth == who.depth).exists())
        )
    return and_(Reminder.state == "open", or_(false(), *cases))


def remind_more(session: Session, reminder_id: int, records: list[Any]) -> None:
    """Count further records into a reminder; whether it has been seen to meanwhile stays as it is."""
    mine = Reminder.id == reminder_id
    counted = door("a reminder goes on being counted by its sender")
    named = session.scalar(select(Reminder.record_ids).where(mine).execution_options(**counted))
    if named is None:
        return  # the unit has gone, and its reminders with it
    named = named + [record.id for record in records[: MOST_NAMED - len(named)]]
    session.execute(
        update(Reminder)
        .where(mine)
        .values(record_count=Reminder.record_count + len(records), record_ids=named)
        .execution_options(synchronize_session=False, **counted)
    )
