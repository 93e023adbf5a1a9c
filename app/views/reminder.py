"""提醒: what the unit has been told, and whether somebody has seen to it."""

from __future__ import annotations

from typing import Any

from flask import current_app
from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement

from app.kit import scope
from app.kit.declaration import Shelf
from app.kit.forms import Typed
from app.kit.module import Entry
from app.kit.pages import Action, Chip, FormPage
from app.kit.reminders import Reminder
from app.kit.scope import Actor
from app.kit.view import RecordView


def is_open() -> ColumnElement[bool]:
    """待处理."""
    return Reminder.state == "open"


class ReminderView(RecordView):
    """Pending and all reminders of the unit (AID-R222 – R226)."""

    model = Reminder
    list_title = _("提醒信息")
    columns = ("created_at", "sender_unit_name", "subject", "message", "category", "record_count", "state")
    sheet = (
        (
            _("提醒内容"),
            ("sender_unit_name", "subject", "category", "record_count", "message"),
        ),
        (_("处理情况"), ("state", "handled_by_name", "handled_at")),
    )
    conditions = (("created_at", _("提醒日期")), "sender_unit_name", "subject", "category", "state")
    shelves = (Shelf("open", _("待处理提醒"), is_open), Shelf("all", _("所有提醒")))
    can_add = can_delete = can_print = False
    is_tickable = False
    empty_words = _("没有提醒")

    def label_of(self, name: str) -> Any:
        """建档日期 is called 提醒日期 here."""
        return _("提醒日期") if name == "created_at" else super().label_of(name)

    def dress(self, page: FormPage, record: Any, typed: Typed) -> None:
        """Only 处理 can be changed; the rest is what was sent."""
        page.title = _("处理提醒")
        page.buttons += self.more_actions(record, scope.actor())
        for one in (one for section in page.sections for one in section.fields if one.name != "state"):
            one.readonly, one.required, one.text = True, False, record.text(one.name) or "—"

    def more_actions(self, record: Any, actor: Actor) -> list[Action]:
        """The way to the very records that it is about."""
        url = records_url(record)
        label = _("查看这%(n)s条记录", n=record.record_count)
        return [Action("records", label, url, "files")] if url else []

    def chips(self, record: Any, actor: Actor) -> list[Chip]:
        """Seen to, or not yet."""
        return [Chip(record.text("state"), "green" if record.state == "done" else "amber")]

    def more_json(self, record: Any, actor: Actor) -> dict[str, Any]:
        """``state`` as its word, and the records that the reminder is about."""
        return {
            "state": record.text("state"),
            "record_type": record.record_type,
            "record_ids": record.record_ids,
        }


def records_url(reminder: Reminder) -> str:
    """The list of the records that a reminder is about."""
    view = current_app.extensions["views"].get(reminder.record_type)
    return view.url("list", reminder=reminder.id) if view else ""


MENU = (
    Entry(_("待处理提醒"), "list", (("shelf", "open"),)),
    Entry(_("所有提醒"), "list", (("shelf", "all"),)),
)
