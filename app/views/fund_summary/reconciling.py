"""资金对账: per unit the aid records, the summary tables and the ledger, each figure a click away from its records."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from flask import request, url_for
from flask_appbuilder.baseviews import expose
from flask_babel import lazy_gettext as _

from app.kit import columns, scope
from app.kit.access import needs
from app.kit.clock import today
from app.kit.face import render
from app.kit.listpage import unit_box
from app.kit.pages import FieldView, Option, StatisticsCell
from app.kit.papers import StatisticsPage
from app.kit.question import Question, unit_class
from app.kit.replica import as_of_words, lagging
from app.kit.scope import Actor
from app.kit.sheetpage import crumbs
from app.models.fund_entry import EXPENSE
from app.models.fund_summary import FUNDS, FundSummary, balance
from app.models.fund_summary.balance import Sums

COLUMNS = (
    _("帮扶记录"),
    _("汇总表"),
    _("差额（帮扶记录－汇总表）"),
    _("收支明细支出"),
    _("差额（汇总表－支出）"),
)


class Reconciling:
    """The page of 资金对账."""

    if TYPE_CHECKING:
        session: Any

        def url(self, endpoint: str, **values: Any) -> str: ...

    @expose("/reconcile")
    @needs("read")
    def reconcile(self) -> Any:
        """One fund and year: the unit alone, and each subordinate with all below it."""
        actor = scope.actor()
        question = Question(self, actor, {"unit": request.args.get("unit", "")})  # type: ignore[arg-type]
        unit = question.unit(self.session) or self.session.get(unit_class(), actor.unit_id)
        year, source, wrong = _asked(request.args)
        page = self._reconcile_page(question, unit, year, source)
        page.errors = wrong
        if not wrong:
            rows, as_of = lagging(self.session, lambda of: balance.sums(of, unit, year, source))
            page.as_of = as_of_words(as_of)
            page.rows = [(_head(self, row, year, source), _cells(row, actor, year, source)) for row in rows]
            page.total = [StatisticsCell(_money(figure)) for figure in balance.total(rows).figures]
        return render("fund_summary/reconcile.html", page)

    def _reconcile_page(self, question: Question, unit: Any, year: int, source: str) -> StatisticsPage:
        page = StatisticsPage(_("资金对账"), crumbs=crumbs(self, _("资金对账")))  # type: ignore[arg-type]
        page.url = page.reset_url = self.url("reconcile")
        page.asked, page.first_column = True, _("单位")
        page.groups, page.measures = [*COLUMNS], [""]
        funds = [Option(code, label, code == source) for code, label in FUNDS.items()]
        page.conditions = [
            FieldView("year", _("年份"), "int", value=str(year)),
            FieldView("source", _("资金来源"), "code", value=source, options=funds),
        ]
        page.unit = unit_box(question, unit if unit.id != question.actor.unit_id else None)
        page.unit.subordinates = None
        page.unit.clear_url = self.url("reconcile", year=year, source=source) if page.unit.clear_url else ""
        page.keep = {"unit": str(unit.id)}
        page.told = [_("%(year)s年", year=year), FUNDS[source]]
        page.notes = [
            _(
                "下级单位的帮扶记录和汇总表，上报到本单位以后才计入；收支明细记账后即计入。"
                "中央财政资金对应收入类型“中央财政拨款”的支出，地方帮扶资金对应其他各类的支出。"
            )
        ]
        return page


def _asked(args: Any) -> tuple[int, str, list[Any]]:
    """Year and fund; this year's central money to begin with."""
    source = args.get("source") if args.get("source") in FUNDS else "central"
    field, raw = FundSummary.fields()["year"], args.get("year", "").strip()
    try:
        year = field.read(raw) or today().year
    except columns.Wrong as why:
        return today().year, source, [why.args[0]]
    return year, source, field.judge(year)


def _money(figure: Decimal) -> str:
    return f"{figure:,.2f}" if figure else "0"


def _head(view: Any, row: Sums, year: int, source: str) -> StatisticsCell:
    """The unit; a subordinate's leads one level down."""
    deeper = view.url("reconcile", unit=row.unit_id, year=year, source=source)
    return StatisticsCell(row.unit_name, "" if row.is_alone else deeper)


def _cells(row: Sums, actor: Actor, year: int, source: str) -> list[StatisticsCell]:
    """The figures; those that are records lead to them, for who may read them."""
    within = {"unit": row.unit_id, "sub": "0" if row.is_alone else "1"}
    days = {"aid_date_from": f"{year}-01-01", "aid_date_to": f"{year}-12-31"}
    spent = {"shelf": "figures", "direction": EXPENSE, "source": source}
    spent |= {"entry_date_from": f"{year}-01-01", "entry_date_to": f"{year}-12-31"}
    links = (
        ("aid", {"measures.fund_category": source, **days}),
        ("fund_summary", {"shelf": source, "year": year}),
        ("", {}),
        ("fund_entry", spent),
        ("", {}),
    )
    cells = []
    for figure, (resource, asked) in zip(row.figures, links, strict=True):
        is_open = bool(resource and figure and actor.may("read", resource))
        where = url_for(f"{resource}.list", **asked, **within) if is_open else ""
        cells.append(StatisticsCell(_money(figure), where))
    return cells
