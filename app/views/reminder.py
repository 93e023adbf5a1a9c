"""提醒: what the unit has been told, and whether somebody has seen to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from flask import current_app, flash, request
from flask_appbuilder.baseviews import expose
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement

from app.kit import digest, mail, reminders, scope
from app.kit.access import needs
from app.kit.declaration import Shelf
from app.kit.digest import AGES, Line
from app.kit.face import leave, render
from app.kit.forms import Typed
from app.kit.module import Entry
from app.kit.pages import Action, Chip, Crumb, DialogPage, FormPage, Page, Row, SheetPage, StatisticsCell, Tab
from app.kit.reminders import Reminder
from app.kit.scope import Actor
from app.kit.view import RecordView


@dataclass
class DigestPage(Page):
    """每日摘要: one line a category, one column an age; the oldest ones; whether it is mailed."""

    columns: list[Any] = field(default_factory=list)
    rows: list[tuple[StatisticsCell, list[StatisticsCell], str]] = field(default_factory=list)
    total: list[StatisticsCell] = field(default_factory=list)
    oldest: list[tuple[str, Any, Any, str, Any]] = field(default_factory=list)
    list_url: str = ""
    #: empty where nothing is mailed: no server is set up, or the account has no address
    mail_url: str = ""
    is_wanted: bool = True
    hint: Any = ""


def is_open() -> ColumnElement[bool]:
    """待处理."""
    return Reminder.state == "open"


def _waited(days: int) -> Any:
    return _("%(n)s天", n=days) if days else AGES[0].label


def is_finished() -> ColumnElement[bool]:
    """待处理, though nothing of it is left to be done here."""
    who, views = scope.actor(), current_app.extensions["views"].values()
    return reminders.is_finished(
        (v.model for v in views if v.is_reportable and who.may("read", v.resource)), who
    )


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
    shelves = (
        Shelf(
            "open", _("待处理提醒"), is_open, empty_words=_("没有待处理的提醒。已处理的在「所有提醒」里。")
        ),
        Shelf("all", _("所有提醒")),
        Shelf(
            "finished",
            _("记录已办完的提醒"),
            is_finished,
            advice=_(
                "这些提醒还没有处理，但其中的记录都已上报、退回、删除或转走。可以打勾后点「处理」一起关闭。"
            ),
            empty_words=_("没有这样的提醒"),
        ),
    )
    can_add = can_delete = can_print = False
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

    def beside(self, shelf: Shelf | None) -> list[Tab]:
        """From one list to the other."""
        return [
            Tab(one.name, one.label, self.url("list", shelf=one.name), active=one is shelf)
            for one in self.shelves
        ]

    def row_actions(self, record: Any, actor: Actor) -> list[Action]:
        """The icon beside 处理 opens its dialog, the other the records (3.15)."""
        ask = f"{self.url('dialog', step='handle')}?ids={record.id}"
        return [Action("handle", _("处理"), ask, "edit", "dialog"), *self.more_actions(record, actor)]

    def dress_row(self, row: Row, record: Any, actor: Actor) -> None:
        """The form of the same name has its dialog instead."""
        row.actions = [action for action in row.actions if action.name != "edit"]

    def dress_sheet(self, page: SheetPage, record: Any, actor: Actor) -> None:
        """As in the list."""
        kept = [one for one in page.actions if one.name != "edit"]
        page.actions = [replace(one, primary=one.name == "handle") for one in kept]

    def dress_dialog(self, page: DialogPage, records: Sequence[Any], step: str, actor: Actor) -> None:
        """未处理 or 处理, side by side; what is ticked is to be closed."""
        asked = page.fields[0]
        asked.kind, asked.value, page.submit = "yes_no", asked.value or "done", _("保存")
        if len(records) == 1:
            page.text = f"{records[0].sender_unit_name}：{records[0].message}"

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

    # --- 每日摘要 -----------------------------------------------------------------------------------------------

    @expose("/digest")
    @needs("read")
    def digest(self) -> Any:
        """What waits, by category and age, the oldest first."""
        who = scope.actor()
        found = digest.of(self.session, who.at.date())
        page = DigestPage(_("每日摘要"), crumbs=[Crumb(self.group_label), Crumb(_("每日摘要"))])
        page.list_url = self.url("list", shelf="open")
        page.columns = [_("类别"), *(age.label for age in AGES), _("合计"), _("最早的一条")]
        for line in found.lines:
            asked = {"category": line.category}
            head = StatisticsCell(line.label, self.url("list", shelf="open", **asked))
            page.rows.append((head, self._figures(line, found.day, asked), f"{line.oldest:%Y-%m-%d}"))
        page.total = self._figures(found.whole, found.day, {})
        page.oldest = [
            (
                f"{one.created_at:%Y-%m-%d}",
                _waited((found.day - one.created_at.date()).days),
                one.sender_unit_name,
                self.url("show", pk=one.id),
                one.subject,
            )
            for one in digest.oldest(self.session)
        ]
        choice = digest.choice(self.session, who) if mail.is_configured() else None
        if choice is not None:
            page.mail_url, page.is_wanted = self.url("mailed"), choice.wants
            page.hint = _("每个工作日发到%(address)s", address=choice.address)
        return render("reminder/digest.html", page)

    def _figures(self, line: Line, day: Any, asked: dict[str, str]) -> list[StatisticsCell]:
        """The numbers of a line, each with the list of those reminders."""
        cells = []
        for number, age in zip(line.numbers, (*AGES, None), strict=True):
            ends = dict(zip(("created_at_from", "created_at_to"), age.ends(day), strict=True)) if age else {}
            url = self.url("list", shelf="open", **asked, **{k: v for k, v in ends.items() if v})
            cells.append(StatisticsCell(f"{number:,}", url if number else ""))
        return cells

    @expose("/digest/mailed", methods=["POST"])
    @needs("read")
    def mailed(self) -> Any:
        """Whether one gets it by mail."""
        wants = request.form.get("wants") == "1"
        digest.choose(self.session, scope.actor(), wants=wants)
        flash(gettext("以后每个工作日发送摘要邮件") if wants else gettext("不再发送摘要邮件"), "success")
        return leave(self.url("digest"))


def records_url(reminder: Reminder) -> str:
    """The list of the records that a reminder is about; the page of one that no log of its moves names."""
    view = current_app.extensions["views"].get(reminder.record_type)
    if view and not view.is_reportable and reminder.record_ids:
        return str(view.url("show", pk=reminder.record_ids[0]))
    return view.url("list", reminder=reminder.id) if view else ""


MENU = (
    Entry(_("待处理提醒"), "list", (("shelf", "open"),)),
    Entry(_("所有提醒"), "list", (("shelf", "all"),)),
    Entry(_("每日摘要"), "digest"),
)
