"""What must hold of a summary table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from flask_babel import lazy_gettext as _
from sqlalchemy import inspect

from app.kit import codes
from app.kit.clock import today
from app.kit.errors import Problem

if TYPE_CHECKING:
    from app.models.fund_summary import FundSummary

#: the first year that a table may be of
FIRST_YEAR = 2000


def not_after_this_year(year: int) -> Any:
    """No aid is given in a year that has yet to come."""
    return _("年份不能晚于今年") if year > today().year else None


def category_is_of_source(table: FundSummary) -> Iterator[Problem]:
    """Six categories for central money, seven for local money (AID-R185)."""
    if table.source and table.category and table.source not in sources_of(table.category):
        words = _(
            "%(source)s没有「%(category)s」的汇总表",
            source=table.text("source"),
            category=table.text("category"),
        )
        yield Problem("category", words)


def sources_of(category: str) -> list[str]:
    """The funds for which a category has tables: code table CT-42."""
    return codes.attribute("summary_category", category, "fund_categories") or []


def menu_stays(table: FundSummary) -> Iterator[Problem]:
    """Fund and category come from the menu and stay (REC-29 #1, #2); the year does once there are lines (SM-AID-15)."""
    if table.id is None:
        return
    for name in ("source", "category"):
        if _was_another(table, name):
            yield Problem(name, _("已保存的汇总表不能改到另一类，请删除后在相应的菜单下重新增加"))
    if table.line_count and _was_another(table, "year"):
        yield Problem("year", _("表中已有%(n)s名职工，都是原年份的帮扶，年份不能修改", n=table.line_count))


def _was_another(table: FundSummary, name: str) -> bool:
    before = inspect(table).attrs[name].history.deleted
    return bool(before) and before[0] is not None and before[0] != getattr(table, name)


def has_lines(table: FundSummary) -> Iterator[Problem]:
    """An empty table is not reported (SM-AID-15 #5)."""
    if not table.line_count:
        yield Problem("line_count", _("表中还没有职工，请先「增加新的职工」"))
