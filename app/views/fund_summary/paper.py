"""The sheet that the workers sign: A4 landscape, as the paper form, and the same as Word and Excel."""

from __future__ import annotations

from flask_babel import gettext
from flask_babel import lazy_gettext as _

from app.kit.capitals import capitals
from app.kit.papers import PrintPage, PrintTable
from app.kit.record import session_of
from app.models.fund_summary import FundSummary, lines
from app.models.fund_summary_line import FundSummaryLine
from app.views.fund_summary.sheet import HEADS, cells_of

#: how wide the columns are, of a hundred
WIDTHS = (8, 5, 5, 18, 28, 11, 12, 13)


def page_of(table: FundSummary) -> PrintPage:
    """Every worker with his number in full, since he signs for it; 签字 is left empty (AID-R192)."""
    page = PrintPage(
        gettext("%(year)s年%(fund)s%(category)s帮扶情况实名制汇总表", year=table.year, **table.names),
        landscape=True,
    )
    figures = f"{table.total_amount:,.2f}"
    page.heading = [
        (_("填报单位"), table.owner_unit.name),
        (_("填报人"), table.filled_by),
        (_("联系电话"), table.phone),
        (_("填报日期"), table.text("filled_on")),
    ]
    page.table = PrintTable([*HEADS, _("签字")], [])
    page.table.widths = list(WIDTHS)
    mine = lines.told(FundSummaryLine.fund_summary_id == table.id)
    for row in session_of(table).execute(mine):
        cells = cells_of(table, row, row.id_card_no)
        page.table.rows.append([*("" if one is None else one for one in cells), ""])
    page.foot = [
        (_("职工数"), gettext("%(n)s人", n=table.line_count)),
        (_("帮扶资金总额"), gettext("%(figures)s元", figures=figures)),
        (_("人民币（大写）"), capitals(table.total_amount)),
    ]
    return page
