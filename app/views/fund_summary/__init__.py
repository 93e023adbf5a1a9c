"""实名制汇总表: the tables of central and of local money, six and seven categories of them."""

from __future__ import annotations

from typing import Any

from flask import request
from flask_appbuilder.baseviews import expose
from flask_babel import lazy_gettext as _

from app.kit import formpage, forms, scope, sheetpage
from app.kit.access import needs
from app.kit.clock import today
from app.kit.face import render
from app.kit.pages import Action, FieldView, FormPage, SheetPage
from app.kit.papers import PrintPage
from app.kit.scope import Actor
from app.kit.statistics import Measure, Statistics
from app.kit.view import RecordView
from app.models.fund_summary import FundSummary
from app.views.fund_summary import paper
from app.views.fund_summary.adding import Adding
from app.views.fund_summary.reconciling import Reconciling
from app.views.fund_summary.sheet import LinesApi, lines_box, lines_json
from app.views.fund_summary.shelves import ADD, LISTS, MENU, WHOLE, name_of


class FundSummaryView(Adding, Reconciling, RecordView):
    """Tables of the unit and what subordinates have reported (3.14, manual 14.2 – 14.4)."""

    model = FundSummary
    right = "财政专项资金"
    list_title = _("实名制汇总表")
    columns = (
        "year",
        "owner_unit_id",
        "filled_by",
        "filled_on",
        "line_count",
        "total_amount",
        "report_state",
    )
    sheet = ((_("汇总表"), ("year", "source", "category", "filled_by", "phone", "filled_on")),)
    #: what the system works out, read beside the rest
    outcome = ((_("汇总表"), ("line_count", "total_amount")),)
    conditions = ("year", "filled_by", "filled_on", "total_amount")
    statistics = Statistics(
        dimensions=("category", "year"),
        measures=(Measure("times", _("人次"), "line_count"), Measure("amount", _("金额"), "total_amount")),
        total=_("总计"),
        always_blank=False,
    )
    shelves = (*LISTS, *WHOLE)
    carried = ("phone",)
    eager = ("owner_unit",)
    add_label = ADD
    delete_label = _("删除选中的汇总表")
    step_labels = {"report": _("上报汇总表"), "send_back": _("退回汇总表")}
    measure_word = _("张")
    empty_words = _("还没有汇总表。点击「增加新的汇总信息」，填好表头保存后，再「增加新的职工」。")
    more_api = (LinesApi,)

    def label_of(self, name: str) -> Any:
        """The list says 填报单位 (3.14)."""
        return _("填报单位") if name == "owner_unit_id" else super().label_of(name)

    def begins(self, actor: Actor) -> forms.Typed:
        """The person, today and this year (REC-29)."""
        return {
            "filled_by": actor.name,
            "filled_on": today().strftime("%Y-%m-%d"),
            "year": str(today().year),
        }

    def home(self, record: Any = None) -> str:
        """The list of the record's fund and category."""
        return self.url("list", shelf=name_of(record.source, record.category)) if record else self.url("list")

    @expose("/add", methods=["GET", "POST"])
    @needs("write")
    def add(self) -> Any:
        """A new table; under a list of the menu it is of that fund and category."""
        shelf = next((one for one in LISTS if one.name == request.args.get("shelf")), None)
        return formpage.serve(
            self, self.session, FundSummary(**(shelf.begins if shelf else {})), scope.actor()
        )

    def dress(self, page: FormPage, record: Any, typed: forms.Typed) -> None:
        """Fund and category as the menu has chosen them; no workers before the head is saved (AID-R186)."""
        is_new = record.id is None
        shelf = next((one for one in LISTS if one.name == request.args.get("shelf")), None)
        given = dict(shelf.begins) if is_new and shelf else {}
        for view in (one for section in page.sections for one in section.fields):
            if view.name in ("source", "category") and (given or not is_new):
                view.readonly = True
                value = given.get(view.name) or getattr(record, view.name)
                view.text = self.model.fields()[view.name].text(value)
        unit = scope.actor().unit_name if is_new else record.owner_unit.name
        page.sections[0].fields.insert(3, FieldView("owner_unit_id", _("填报单位"), text=unit, readonly=True))
        page.buttons.append(self._add_workers(None if is_new else record))

    def _add_workers(self, record: Any) -> Action:
        """增加新的职工, greyed with the reason."""
        if record is None:
            why: Any = _("请先保存汇总表，再增加职工")
            return Action("add_workers", _("增加新的职工"), "", "user-plus", refusal=why)
        why = record.refusal("insert_lines", scope.actor())
        where = self.url("candidates", pk=record.id)
        return Action("add_workers", _("增加新的职工"), where, "user-plus", refusal=why)

    def more_actions(self, record: Any, actor: Actor) -> list[Action]:
        """增加新的职工."""
        return [self._add_workers(record)] if actor.may("insert_lines", self.resource) else []

    def dress_sheet(self, page: SheetPage, record: Any, actor: Actor) -> None:
        """What the lines come to."""
        page.sections[0].fields += forms.read_sections(record, self.outcome)[0].fields

    def row_actions(self, record: Any, actor: Actor) -> list[Action]:
        """另存 is Excel (L14); Word stands beside it."""
        return [Action("excel", _("另存为Excel"), self.url("excel", pk=record.id), "file-spreadsheet")]

    @expose("/show/<int:pk>")
    @needs("read")
    def show(self, pk: int) -> Any:
        """The table with its workers, page by page."""
        record, actor = self.find(pk), scope.actor()
        page = sheetpage.build(self, self.session, record, actor, request.args.get("tab", ""))
        box = lines_box(self, record, actor, request.args) if page.sections else None
        return render("fund_summary/show.html", page, box=box)

    def paper(self, record: Any) -> PrintPage:
        """The sheet that the workers sign (AID-R192)."""
        return paper.page_of(record)

    def more_json(self, record: Any, actor: Actor) -> dict[str, Any]:
        """The first lines, where one table is asked for by its number; all of them at ``/lines``."""
        is_asked = (request.view_args or {}).get("pk") == record.id
        return {"lines": lines_json(record)} if is_asked else {}


__all__ = ["MENU", "FundSummaryView"]
