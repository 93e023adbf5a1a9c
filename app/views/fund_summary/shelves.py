"""The lists of the menu: a fund and a category each, made of code table CT-42, which nobody may change."""

from __future__ import annotations

import csv
import json
from functools import partial

from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement, and_

from app.kit import codes
from app.kit.declaration import Shelf
from app.kit.module import Entry, sweeps
from app.models.fund_summary import FundSummary

ADD = _("增加新的汇总信息")
#: what a list of all tables of a fund shows
COLUMNS = (
    "category",
    "year",
    "owner_unit_id",
    "filled_by",
    "filled_on",
    "line_count",
    "total_amount",
    "report_state",
)
#: fund → the heading of its lists in the menu, and what they hold together
MENUS = {"central": _("中央财政资金帮扶情况"), "local": _("地方帮扶资金情况")}


def categories() -> list[tuple[str, str, list[str]]]:
    """Code, label and funds of every category, in the order of the table (AID-R185)."""
    with (codes.FOLDER / "summary_category.csv").open(encoding="utf-8") as file:
        return [
            (line["code"], line["label"], json.loads(line["attributes"])["fund_categories"])
            for line in csv.DictReader(file)
        ]


def _of(source: str, category: str) -> ColumnElement[bool]:
    return and_(FundSummary.source == source, FundSummary.category == category)


def _all_of(source: str) -> ColumnElement[bool]:
    return FundSummary.source == source


def name_of(source: str, category: str) -> str:
    """What the list of a fund and a category is called by programs."""
    return f"{source}_{category}"


def _shelf(source: str, category: str, label: str) -> Shelf:
    return Shelf(
        name_of(source, category),
        label,
        partial(_of, source, category),
        {"source": source, "category": category},
        add_title=ADD,
    )


#: six lists of central, seven of local money
LISTS = tuple(
    _shelf(source, code, label) for source in MENUS for code, label, funds in categories() if source in funds
)
#: all tables of a fund, for 实名制汇总表: counted, not filled in
WHOLE = tuple(
    Shelf(
        source,
        _("%(fund)s实名制汇总表", fund=label),
        partial(_all_of, source),
        steps=("report", "send_back"),
        columns=COLUMNS,
        conditions=("year", "category", "filled_on", "filled_by"),
        absent={"category": frozenset(code for code, _label, funds in categories() if source not in funds)},
    )
    for source, label in (("central", _("中央财政资金")), ("local", _("地方帮扶资金")))
)


def _branch(source: str) -> Entry:
    lists = (
        Entry(shelf.label, "list", (("shelf", shelf.name),))
        for shelf in LISTS
        if shelf.begins["source"] == source
    )
    whole = Entry(_("实名制汇总表"), "statistic", (("shelf", source), ("by", "category")))
    return Entry(MENUS[source], entries=(*lists, whole))


MENU = (
    _branch("central"),
    _branch("local"),
    Entry(_("资金对账"), "reconcile"),
    Entry(_("快速上报和退回"), entries=sweeps(FundSummary)),
)
