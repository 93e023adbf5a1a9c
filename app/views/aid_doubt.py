"""疑点核查: what a reviewer should look at among the aids that have come to him."""

from __future__ import annotations

from functools import partial
from typing import Any

from flask import current_app, jsonify, request
from flask_appbuilder.baseviews import expose
from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement

from app.kit import scope, stepping
from app.kit.access import needs
from app.kit.apidoor import read_body, secured
from app.kit.clock import today
from app.kit.declaration import Shelf
from app.kit.errors import BadRequest, Invalid, Problem
from app.kit.module import Entry
from app.kit.pages import Action, ChildRow, ChildTable, FieldView, Section, SheetPage, Tab
from app.kit.question import Question
from app.kit.record import session_of
from app.kit.scope import Actor
from app.kit.sweeppage import started
from app.kit.view import RecordView
from app.models.aid import Aid
from app.models.aid_doubt import AFTER_CANCELLATION, KINDS, ONE_PHONE, TWO_UNITS, AidDoubt, search
from app.models.unit import full_names

EMPTY = _("没有待核对的疑点。点击「核查」，在本单位和下级报来的帮扶信息中查找。")
ADVICE = {
    TWO_UNITS: _(
        "同一年度内，同一身份证号在两个以上单位受到帮扶。请核对是否重复帮扶；确属各自帮扶的，排除并写明原因。"
    ),
    AFTER_CANCELLATION: _("帮扶日期晚于职工档案的注销日期。请核对日期，或先恢复档案。"),
    ONE_PHONE: _(
        "同一年度内，受帮扶的几户登记了同一电话。请核对是否同一家庭；由社区代留电话的，排除并写明原因。"
    ),
}


def _open(kind: str) -> ColumnElement[bool]:
    return (AidDoubt.kind == kind) & AidDoubt.is_dismissed.is_(False)


def _put_aside() -> ColumnElement[bool]:
    return AidDoubt.is_dismissed.is_(True)


class CheckApi:
    """核查 over REST: ``POST /api/v1/aid_doubt/steps/search {"year"}`` → ``{"job": id}``."""

    session: Any

    @expose("/steps/search", methods=["POST"])
    @secured("read")
    def search(self, who: Actor) -> Any:
        """The aids of a year; of this one when none is named."""
        asked = read_body(optional=True)
        year = asked.pop("year", who.at.year)
        if asked:
            raise Invalid([Problem(name, _("没有这一项")) for name in asked])
        return jsonify(job=stepping.begun(self.session, search.ask(self.session, who, _year(str(year))))), 202


class AidDoubtView(RecordView):
    """The unit's own work list, one shelf a check."""

    model = AidDoubt
    right = "帮扶救助"
    list_title = _("疑点核查")
    columns = ("year", "subject", "aid_count", "total_amount", "first_date", "last_date")
    sheet = (
        (
            _("疑点"),
            (
                "kind",
                "year",
                "subject",
                "aid_count",
                "total_amount",
                "first_date",
                "last_date",
                "dismiss_reason",
            ),
        ),
    )
    conditions = ("year", "subject", "total_amount")
    shelves = (
        *(
            Shelf(
                kind, label, partial(_open, kind), steps=("dismiss",), advice=ADVICE[kind], empty_words=EMPTY
            )
            for kind, label in KINDS.items()
        ),
        Shelf(
            "dismissed",
            _("已排除的疑点"),
            _put_aside,
            steps=("recall",),
            columns=("kind", "year", "subject", "aid_count", "total_amount", "dismiss_reason"),
            empty_words=_("没有排除过的疑点"),
        ),
    )
    can_add = can_edit = can_delete = False
    more_api = (CheckApi,)
    measure_word = _("项")

    def beside(self, shelf: Shelf | None) -> list[Tab]:
        """The three checks and what was put aside, as tabs."""
        here = shelf.name if shelf else ""
        return [
            Tab(s.name, s.label, self.url("list", shelf=s.name), active=s.name == here) for s in self.shelves
        ]

    def dress_sheet(self, page: SheetPage, record: Any, actor: Actor) -> None:
        """The aids one below the other, each a link."""
        page.sections.append(_aids_of(record, len(page.sections) + 1))

    def more_json(self, record: Any, actor: Actor) -> dict[str, Any]:
        """The ids of the aids."""
        return {"aid_ids": [item.aid_id for item in record.items]}

    def tools(self, asked: Question) -> list[Action]:
        """核查 of this year and of the last."""
        year = asked.actor.at.year
        return [
            Action(
                f"search_{one}",
                _("核查%(year)s年度", year=one),
                self.url("search", year=one),
                "refresh",
                "post",
                primary=one == year,
            )
            for one in (year, year - 1)
        ]

    @expose("/search", methods=["POST"])
    @needs("read")
    def search(self) -> Any:
        """核查: a job, whose page shows how far it is."""
        return started(
            self.session, search.ask(self.session, scope.actor(), _year(request.args.get("year", "")))
        )


def _year(raw: str) -> int:
    """A year of which there can be aids. Raises BadRequest."""
    if not (raw.isascii() and raw.isdigit() and len(raw) == 4 and 1950 <= int(raw) <= today().year):
        raise BadRequest(_("请选择要核查的年度"))
    return int(raw)


def _aids_of(doubt: AidDoubt, number: int) -> Section:
    """日期, 单位, 职工, 措施, 金额 of each aid; the first is the way to its page."""
    fields = Aid.fields()
    heads = [
        FieldView("aid", fields["aid_date"].label),
        FieldView("owner_unit_id", _("帮扶单位")),
        FieldView("full_name", fields["full_name"].label),
        FieldView("measures", _("帮扶措施")),
        FieldView("total_amount", fields["total_amount"].label, "money"),
    ]
    aids = doubt.aids()
    units = full_names(session_of(doubt), [aid.owner_path for aid in aids])
    rows = [ChildRow(str(aid.id), _facts(aid, "->".join(units[aid.owner_path]))) for aid in aids]
    return Section(number, _("涉及的帮扶信息"), child=ChildTable("items", _("涉及的帮扶信息"), heads, rows))


def _facts(aid: Aid, unit: str) -> list[FieldView]:
    url = current_app.extensions["views"][Aid.resource()].url("show", pk=aid.id)
    said = [
        FieldView("aid", "", text=aid.text("aid_date")),
        FieldView("owner_unit_id", "", text=unit),
        FieldView("full_name", "", text=aid.full_name),
        FieldView("measures", "", text=" ".join(line.title for line in aid.measures)),
        FieldView("total_amount", "", "money", text=aid.text("total_amount")),
    ]
    said[0].url = url
    return said


ENTRY = Entry(_("疑点核查"), "aid_doubt.list", (("shelf", TWO_UNITS),))
