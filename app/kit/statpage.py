"""A statistic as a page, a print, a file, and over REST: one table, four faces."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Session

from app.kit import audit, exchange, replica, statistics
from app.kit.errors import BadRequest
from app.kit.face import render
from app.kit.listpage import fill_panel, unit_box
from app.kit.pages import Action, Option, PrintPage, PrintTable, StatisticsCell, StatisticsPage
from app.kit.question import Question, unit_class
from app.kit.scope import Actor
from app.kit.sheetpage import crumbs
from app.kit.statistics import Table

if TYPE_CHECKING:
    from app.kit.view import RecordView


def serve(view: RecordView, session: Session, actor: Actor, args: Mapping[str, str]) -> Any:
    """The page; with ``format=xlsx`` the file, with ``format=print`` the paper."""
    asked = Question(view, actor, args)
    unit = asked.unit(session) or session.get(unit_class(), actor.unit_id)
    page = _page(view, asked, unit)
    if asked.asked.problems or not args.get("by"):
        return render("kit/statistics.html", page)
    table, as_of = compute(view, session, asked, unit, args["by"])
    if args.get("format") == "xlsx":
        return _file(view, session, asked, table)
    if args.get("format") == "print":
        return render("kit/print.html", _paper(view, asked, table, as_of))
    _fill(page, asked, table, args["by"])
    page.as_of = replica.as_of_words(as_of)
    return render("kit/statistics.html", page)


def compute(
    view: RecordView, session: Session, asked: Question, unit: Any, by: str
) -> tuple[Table, datetime | None]:
    """The table of a question, and as of when when the replica has counted."""
    declared = view.statistics
    if declared is None:
        raise BadRequest(_("这类记录没有统计"))
    wanted = asked.statement(session)
    return replica.lagging(
        session,
        lambda source: statistics.table(source, view.model, wanted, declared, by, unit, unit_class()),
    )


def _page(view: RecordView, asked: Question, unit: Any) -> StatisticsPage:
    fields, by = view.model.fields(), asked.args.get("by", "")
    title = _("%(noun)s统计", noun=asked.shelf.label if asked.shelf else view.list_title)
    page = StatisticsPage(title, crumbs=crumbs(view, _("统计")))
    page.url = view.url("statistic")
    fill_panel(page, asked)
    page.told = asked.asked.words
    page.open_panel = bool(asked.asked.problems)
    page.errors = [problem.words for problem in asked.asked.problems]
    declared = view.statistics.dimensions if view.statistics else ()
    chosen = by or (declared[0] if declared else "")
    page.dimensions = [Option(name, fields[name].label, name == chosen) for name in declared]
    page.unit = unit_box(asked, unit if unit.id != asked.actor.unit_id else None)
    page.keep = {key: asked.args[key] for key in ("shelf", "unit", "sub") if asked.args.get(key)}
    page.reset_url = view.url("statistic", shelf=asked.shelf.name if asked.shelf else None)
    return page


def _fill(page: StatisticsPage, asked: Question, table: Table, by: str) -> None:
    page.asked, page.first_column = True, _("地区")
    page.groups = [value.label for value in table.values]
    page.measures = [measure.label for measure in table.measures]
    for line in table.lines:
        cells = [
            StatisticsCell(
                statistics.text(number), _records_url(asked, by, value.code, line) if number else ""
            )
            for value in table.values
            for number in line.figures[value.code]
        ]
        deeper = (
            asked.at("statistic", _arguments(asked) | {"by": by, "unit": str(line.unit_id)})
            if not line.alone
            else ""
        )
        page.rows.append((StatisticsCell(line.unit_name, deeper), cells))
    page.total = [
        StatisticsCell(statistics.text(number))
        for value in table.values
        for number in table.total[value.code]
    ]
    page.chart = chart(table)
    here = _arguments(asked) | {"by": by}
    page.exports = [
        Action(
            "print", _("打印"), asked.at("statistic", here | {"format": "print"}), "printer", new_tab=True
        ),
        Action(
            "xlsx", _("另存为Excel"), asked.at("statistic", here | {"format": "xlsx"}), "file-spreadsheet"
        ),
    ]


def _arguments(asked: Question) -> dict[str, str]:
    return {key: value for key, value in asked.args.items() if value != "" and key not in {"by", "format"}}


def _records_url(asked: Question, by: str, code: str, line: Any) -> str:
    """The list of the records behind a figure."""
    arguments = _arguments(asked) | {"unit": str(line.unit_id), "sub": "0" if line.alone else "1"}
    return asked.at("list", arguments | ({by: code} if code else {}))


def chart(table: Table) -> dict[str, Any]:
    """The first measure as stacked bars, one a unit."""
    lines = [line for line in table.lines if line.figures[""][0]]
    return {
        "tooltip": {"trigger": "axis", "axisPointer": {"type": "shadow"}},
        "legend": {"type": "scroll"},
        "xAxis": {
            "type": "category",
            "data": [line.unit_name for line in lines],
            "axisLabel": {"interval": 0, "rotate": 30 if len(lines) > 6 else 0},
        },
        "yAxis": {"type": "value", "minInterval": 1},
        "series": [
            {
                "name": str(value.label),
                "type": "bar",
                "stack": "all",
                "barMaxWidth": 48,
                "data": [line.figures[value.code][0] for line in lines],
            }
            for value in table.values[:-1]
            if any(line.figures[value.code][0] for line in lines)
        ],
    }


def _title(view: RecordView) -> Any:
    return _("%(what)s统计表", what=view.list_title)


def _heads(table: Table) -> list[Any]:
    return [
        _("地区"),
        *(f"{value.label} {measure.label}" for value in table.values for measure in table.measures),
    ]


def _rows(table: Table) -> list[list[Any]]:
    lines = [
        [line.unit_name, *(n for value in table.values for n in line.figures[value.code])]
        for line in table.lines
    ]
    return [*lines, [_("合计"), *(n for value in table.values for n in table.total[value.code])]]


def _paper(view: RecordView, asked: Question, table: Table, as_of: datetime | None) -> PrintPage:
    page = PrintPage(_title(view), landscape=True)
    page.heading = [(_("单位"), asked.actor.unit_name), (_("制表日期"), asked.actor.at.strftime("%Y-%m-%d"))]
    page.subtitle = "；".join(
        str(words) for words in (*asked.asked.words, replica.as_of_words(as_of)) if words
    )
    page.table = PrintTable(
        _heads(table),
        [
            [v if isinstance(v, str) or not hasattr(v, "__int__") else statistics.text(v) for v in row]
            for row in _rows(table)
        ],
    )
    return page


def _file(view: RecordView, session: Session, asked: Question, table: Table) -> Any:
    audit.note(
        session, asked.actor, view.resource, 0, "export", {"kind": "statistics", "by": asked.args["by"]}
    )
    session.commit()
    title = str(_title(view))
    rows = (
        [str(cell) if not isinstance(cell, int) and not hasattr(cell, "as_tuple") else cell for cell in row]
        for row in _rows(table)
    )
    return exchange.attachment(exchange.xlsx_file(_heads(table), rows, title), f"{title}.xlsx")


def as_json(view: RecordView, table: Table) -> dict[str, Any]:
    """``{"columns", "rows", "total"}``: figures are keyed ``<code>.<measure>``; 总数 is ``total.<measure>``."""
    names = [
        f"{value.code or 'total'}.{measure.name}" for value in table.values for measure in table.measures
    ]
    labels = [f"{value.label} {measure.label}" for value in table.values for measure in table.measures]

    def figures(by_code: dict[str, list[Any]]) -> dict[str, Any]:
        numbers = [number for value in table.values for number in by_code[value.code]]
        return dict(zip(names, (n if isinstance(n, int) else float(n) for n in numbers), strict=True))

    columns = [{"name": "unit", "label": str(_("地区"))}]
    columns += [{"name": name, "label": label} for name, label in zip(names, labels, strict=True)]
    rows = [{"unit_id": line.unit_id, "unit": line.unit_name} | figures(line.figures) for line in table.lines]
    return {"columns": columns, "rows": rows, "total": {"unit": str(_("合计"))} | figures(table.total)}
