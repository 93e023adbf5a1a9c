"""A statistic as a page, a print, a file, and over REST: one table, four faces."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Session

from app.kit import audit, exchange, replica, statistics
from app.kit.dimension import Value
from app.kit.errors import BadRequest
from app.kit.face import render
from app.kit.listpage import fill_panel, unit_box
from app.kit.pages import Action, Option, StatisticsCell, Words
from app.kit.papers import PrintPage, PrintTable, StatisticsPage
from app.kit.question import Question, unit_class
from app.kit.scope import Actor
from app.kit.sheetpage import crumbs
from app.kit.statistics import Line, Measure, Statistics, Table

if TYPE_CHECKING:
    from app.kit.view import RecordView

#: figures that stand beside one another on a sheet of paper; more go on below
ON_PAPER = 16


def serve(view: RecordView, session: Session, actor: Actor, args: Mapping[str, str]) -> Any:
    """The page; with ``format=xlsx`` the file, with ``format=print`` the paper."""
    args = {**args, **_shelf(view)}
    asked = Question(view, actor, args)
    unit = asked.unit(session) or session.get(unit_class(), actor.unit_id)
    page = _page(view, asked, unit)
    if asked.asked.problems or not args.get("by"):
        return render("kit/statistics.html", page)
    asked = counted(view, actor, args)
    table, as_of = compute(view, session, asked, unit, args["by"])
    if args.get("format") == "xlsx":
        return _file(view, session, asked, table)
    if args.get("format") == "print":
        return render("kit/print.html", _paper(view, asked, table, as_of))
    _fill(page, asked, table)
    page.as_of = replica.as_of_words(as_of)
    return render("kit/statistics.html", page)


def declared(view: RecordView) -> Statistics:
    """The statistic of a view. Raises BadRequest when it has none."""
    if view.statistics is None:
        raise BadRequest(_("这类记录没有统计"))
    return view.statistics


def _shelf(view: RecordView) -> dict[str, str]:
    return {"shelf": shelf} if (shelf := declared(view).shelf) else {}


def asks(view: RecordView, by: str) -> dict[str, str]:
    """What a statistic asks for itself, beside what is asked of it."""
    return {**declared(view).dimension(by).asks, **_shelf(view)}


def counted(view: RecordView, actor: Actor, args: Mapping[str, str]) -> Question:
    """What is counted: what was asked, and what the statistic and its dimension ask for themselves."""
    return Question(view, actor, {**args, **asks(view, args.get("by", ""))})


def compute(
    view: RecordView, session: Session, asked: Question, unit: Any, by: str
) -> tuple[Table, datetime | None]:
    """The table of a question, and as of when when the replica has counted."""
    dimension, wanted = declared(view).dimension(by), asked.statement(session)
    behind = asked.asked.behind.get(dimension.child, ())
    if asked.shelf and dimension.name in asked.shelf.absent:
        dimension = replace(dimension, absent=asked.shelf.absent[dimension.name])
    return replica.lagging(
        session,
        lambda source: statistics.table(
            source, view.model, wanted, declared(view), dimension, unit, unit_class(), behind
        ),
    )


def _title(view: RecordView, asked: Question) -> Any:
    noun = asked.shelf.label if asked.shelf else view.list_title
    return declared(view).title or _("%(noun)s统计", noun=noun)


def _page(view: RecordView, asked: Question, unit: Any) -> StatisticsPage:
    page = StatisticsPage(_title(view, asked), crumbs=crumbs(view, _("统计")))
    page.url = view.url("statistic")
    fill_panel(page, asked)
    page.open_panel = bool(asked.asked.problems)
    page.errors = [problem.words for problem in asked.asked.problems]
    every, by = declared(view).every, asked.args.get("by")
    chosen = declared(view).dimension(by) if by else every[0]
    page.dimensions = [Option(one.name, one.label(view.model), one is chosen) for one in every]
    page.unit = unit_box(asked, unit if unit.id != asked.actor.unit_id else None)
    page.keep = {key: asked.args[key] for key in ("shelf", "unit", "sub") if asked.args.get(key)}
    page.reset_url = view.url("statistic", shelf=asked.shelf.name if asked.shelf else None)
    return page


def _fill(page: StatisticsPage, asked: Question, table: Table) -> None:
    page.asked, page.first_column = True, _("地区")
    page.told = asked.asked.words
    page.groups = [value.label for value in table.values]
    page.measures = [measure.label for measure in table.measures]
    here = _arguments(asked)
    for line in table.lines:
        deeper = "" if line.alone else asked.at("statistic", here | {"unit": str(line.unit_id)})
        whose = {"unit": str(line.unit_id), "sub": "0" if line.alone else "1"}
        page.rows.append((StatisticsCell(line.unit_name, deeper), _cells(asked, table, line, whose)))
    page.total = _cells(asked, table, table.total, {})
    if table.total.records[""]:
        page.charts = [(measure.label, chart(table, measure)) for measure in table.measures]
    paper, book = (asked.at("statistic", here | {"format": to}) for to in ("print", "xlsx"))
    page.exports = [
        Action("print", _("打印"), paper, "printer", new_tab=True),
        Action("xlsx", _("另存为Excel"), book, "file-spreadsheet"),
    ]


def _arguments(asked: Question) -> dict[str, str]:
    """What is asked, by which dimension too."""
    return {key: value for key, value in asked.args.items() if value != "" and key != "format"}


def _cells(asked: Question, table: Table, line: Line, whose: Mapping[str, str]) -> list[StatisticsCell]:
    """The figures of a line; each opens the list of the records behind it, where there are any."""
    arguments = {key: value for key, value in _arguments(asked).items() if key != "by"} | dict(whose)

    def url(value: Value) -> str:
        if not line.records[value.code]:
            return ""
        return asked.at("list", arguments | ({table.dimension.name: value.code} if value.code else {}))

    return [
        StatisticsCell(statistics.text(number), url(value))
        for value in table.values
        for number in line.figures[value.code]
    ]


def chart(table: Table, measure: Measure) -> dict[str, Any]:
    """One measure, a bar for each unit, or for each month: stacked where it adds up, else side by side."""
    at = table.measures.index(measure)
    lines = [line for line in table.lines if line.records[""]]
    values = [value for value in table.values[:-1] if any(line.records[value.code] for line in lines)]
    bars = [(line.unit_name, [line.figures[value.code][at] for value in values]) for line in lines]
    heads: list[Any] = [str(value.label) for value in values]
    if not table.dimension.month_of:
        heads, bars = (
            [line.unit_name for line in lines],
            [(head, [numbers[i] for _name, numbers in bars]) for i, head in enumerate(heads)],
        )
    return {
        "tooltip": {"trigger": "axis", "axisPointer": {"type": "shadow"}},
        "legend": {"type": "scroll"},
        "xAxis": {
            "type": "category",
            "data": heads,
            "axisLabel": {
                "interval": "auto" if len(heads) > 24 else 0,
                "rotate": 30 if len(heads) > 6 else 0,
            },
        },
        "yAxis": {"type": "value", "minInterval": 1},
        "series": [
            {
                "name": name,
                "type": "bar",
                "stack": "all" if table.adds_up(measure) else None,
                "barMaxWidth": 48,
                "data": [_drawn(number) for number in numbers],
            }
            for name, numbers in bars
        ],
    }


def _drawn(number: Any) -> Any:
    """A number as a chart and REST tell it; sums have been made exactly before."""
    return number if isinstance(number, int) else float(number)


def _heads(table: Table, values: Sequence[Value]) -> tuple[list[tuple[Any, int]], list[Any]]:
    """The two rows of heads: each value over its measures; one row alone where there is but one measure."""
    if len(table.measures) == 1:
        return [], [_("地区"), *(value.label for value in values)]
    over = [(value.label, len(table.measures)) for value in values]
    return [(_("地区"), 1), *over], ["", *(measure.label for _value in values for measure in table.measures)]


def _rows(table: Table, values: Sequence[Value]) -> list[list[Any]]:
    return [
        [line.unit_name, *(number for value in values for number in line.figures[value.code])]
        for line in (*table.lines, table.total)
    ]


def _parts(table: Table) -> Iterator[Sequence[Value]]:
    """The values in pieces that a sheet of paper is wide enough for."""
    most = max(ON_PAPER // len(table.measures), 1)
    for start in range(0, len(table.values), most):
        yield table.values[start : start + most]


def _paper_table(table: Table, values: Sequence[Value]) -> PrintTable:
    groups, heads = _heads(table, values)
    rows: list[list[Words]] = [
        [name, *map(statistics.text, numbers)] for name, *numbers in _rows(table, values)
    ]
    return PrintTable(heads, rows, groups)


def _paper(view: RecordView, asked: Question, table: Table, as_of: datetime | None) -> PrintPage:
    page = PrintPage(_("%(what)s表", what=_title(view, asked)), landscape=True)
    page.heading = [(_("单位"), asked.actor.unit_name), (_("制表日期"), asked.actor.at.strftime("%Y-%m-%d"))]
    page.subtitle = "；".join(
        str(words) for words in (*asked.asked.words, replica.as_of_words(as_of)) if words
    )
    tables = [(_span(values), _paper_table(table, values)) for values in _parts(table)]
    if len(tables) == 1:
        page.table = tables[0][1]
    else:
        page.children = tables
    return page


def _span(values: Sequence[Value]) -> str:
    return " — ".join(dict.fromkeys(str(value.label) for value in (values[0], values[-1])))


def _file(view: RecordView, session: Session, asked: Question, table: Table) -> Any:
    audit.note(
        session, asked.actor, view.resource, 0, "export", {"kind": "statistics", "by": table.dimension.name}
    )
    session.commit()
    title = str(_("%(what)s表", what=_title(view, asked)))
    groups, heads = _heads(table, table.values)
    rows = ([str(name), *numbers] for name, *numbers in _rows(table, table.values))
    return exchange.attachment(exchange.xlsx_file(heads, rows, title, groups), f"{title}.xlsx")


def as_json(table: Table, as_of: datetime | None) -> dict[str, Any]:
    """``{"columns", "rows", "total"}``: figures are keyed ``<code>.<measure>``; 总数 is ``total.<measure>``."""
    heads = [(value, measure) for value in table.values for measure in table.measures]
    names = [f"{value.code or 'total'}.{measure.name}" for value, measure in heads]

    def figures(line: Line) -> dict[str, Any]:
        numbers = [_drawn(number) for value in table.values for number in line.figures[value.code]]
        return {"unit": str(line.unit_name)} | dict(zip(names, numbers, strict=True))

    columns = [{"name": "unit", "label": str(_("地区"))}]
    columns += [
        {"name": name, "label": f"{value.label} {measure.label}"}
        for name, (value, measure) in zip(names, heads, strict=True)
    ]
    rows = [{"unit_id": line.unit_id} | figures(line) for line in table.lines]
    told = {"as_of": as_of.isoformat()} if as_of else {}
    return {"columns": columns, "rows": rows, "total": figures(table.total)} | told
