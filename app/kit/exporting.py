"""Records on paper and in files: the A4 form of one, the four prints of a list, Word, Excel and CSV."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from flask import current_app, redirect, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import Select, inspect, select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from app.kit import audit, exchange, jobs, listing, listpage, paperbook, richtext, totals
from app.kit.access import require
from app.kit.database import db
from app.kit.errors import BadRequest, Refused
from app.kit.papers import PrintPage, PrintTable
from app.kit.question import Question, unit_class
from app.kit.replica import as_of_words, lagging
from app.kit.scope import Actor

if TYPE_CHECKING:
    from app.kit.view import RecordView

#: pairs of label and value in a row of the paper form
PAIRS = 3
#: the same where many records are printed with every field
PAIRS_IN_BLOCK = 5
#: a table with more columns cannot be read on A4
MOST_COLUMNS = 14
#: a print of more rows is a file, not paper
MOST_PRINTED = 2000
#: a longer Excel file is made by a job
MOST_AT_ONCE = 5000
#: rows fetched at a time while a file streams
CHUNK = 500


def sheet(view: RecordView, session: Session, record: Any, actor: Actor) -> PrintPage:
    """The paper form of one record."""
    audit.note(session, actor, view.resource, record.id, "print")
    page = _form(view, record)
    session.commit()
    return page


def _form(view: RecordView, record: Any) -> PrintPage:
    if (own := view.paper(record)) is not None:
        return own
    page = PrintPage(view.model.__label__, subtitle=record.title)
    if view.is_owned and record.owner_unit:
        page.heading.append((_("所属单位"), record.owner_unit.full_name))
    if getattr(record, "created_at", None):
        page.heading.append((view.label_of("created_at"), record.created_at.strftime("%Y-%m-%d")))
    for label, names in view.sheet:
        if isinstance(names, str):
            page.children.append((label, _children(view, record, names)))
        else:
            cells = [
                (view.model.fields()[n].label, _with_unit(record, n), view.model.fields()[n].wide)
                for n in names
            ]
            page.form += rows_of(cells)
    page.signature = list(view.signature)
    return page


def _with_unit(record: Any, name: str) -> str:
    text, unit = record.text(name), type(record).fields()[name].unit
    return f"{text} {unit}" if text and unit else text


def rows_of(cells: list[tuple[Any, Any, bool]], pairs: int = PAIRS) -> list[list[tuple[Any, Any, int]]]:
    """Label and value pairs in rows of some; a wide one has a row of its own. The frame stretches a short row."""
    rows: list[list[tuple[Any, Any, int]]] = [[]]
    for label, text, wide in cells:
        if wide:
            rows += [[(label, text, pairs)], []]
        else:
            if len(rows[-1]) == pairs:
                rows.append([])
            rows[-1].append((label, text, 1))
    return [row for row in rows if row]


def _children(view: RecordView, record: Any, name: str) -> PrintTable:
    cls = view.model.child_classes()[name]
    shown = [key for key, field in cls.fields().items() if not field.automatic]
    rows = [[child.text(key) for key in shown] for child in getattr(record, name)]
    return PrintTable([cls.fields()[key].label for key in shown], rows)


def word(view: RecordView, session: Session, record: Any, actor: Actor) -> Response:
    """The paper form of one record as a Word file (AID-R066)."""
    audit.note(session, actor, view.resource, record.id, "export", {"format": "docx"})
    content = exchange.docx_file(_form(view, record))
    name = f"{view.model.__label__} {record.title}.docx"
    session.commit()
    return exchange.attachment(content, name)


def excel(view: RecordView, session: Session, record: Any, actor: Actor) -> Response:
    """The paper form of one record as an Excel file: label and value in two columns, inline rows below."""
    audit.note(session, actor, view.resource, record.id, "export", {"format": "xlsx"})
    page = _form(view, record)
    if page.table is not None:
        session.commit()
        return exchange.attachment(paperbook.xlsx_paper(page), f"{page.title}.xlsx")
    rows: list[list[Any]] = [[label, text] for line in page.form for label, text, _span in line]
    rows += [[label, richtext.text_of(html)] for label, html in page.texts]
    for label, table in page.children:
        rows += [[], [label], list(table.columns), *table.rows]
    name = f"{view.model.__label__} {record.title}.xlsx"
    session.commit()
    return exchange.attachment(exchange.xlsx_file([_("项目"), _("内容")], rows, record.title), name)


def blank(view: RecordView, shelf: str) -> PrintPage:
    """The paper form without data, with room to write (AID-R085)."""
    label = next((s.label for s in view.shelves if s.name == shelf), view.model.__label__)
    page = PrintPage(_("%(what)s登记表", what=label))
    for title, names in view.sheet:
        if isinstance(names, str):
            cls = view.model.child_classes()[names]
            shown = [field.label for field in cls.fields().values() if not field.automatic]
            page.children.append((title, PrintTable(shown, [[""] * len(shown) for _row in range(6)])))
        else:
            page.form += rows_of(
                [(view.model.fields()[n].label, "", view.model.fields()[n].wide) for n in names]
            )
    page.signature = list(view.signature)
    return page


class Selection(Question):
    """Records and columns chosen by a program, in place of the URL of a list."""

    def __init__(self, view: RecordView, actor: Actor, chosen: Select[Any], names: Sequence[str]) -> None:
        super().__init__(view, actor, {})
        self.chosen, self.names = chosen, tuple(names)

    def statement(self, session: Session, *, with_state: bool = True) -> Select[Any]:
        """The records chosen."""
        return self.chosen


def selected(
    session: Session, selection: Selection, after: datetime
) -> tuple[list[Any], int, Iterator[list[Any]]]:
    """Heads, number and rows of a selection; ``after`` as in `lagging`."""
    number = _length(session, selection, exact=True, after=after)
    return _header(selection), number, _rows(session, selection, after)


def whole_sheet(view: RecordView) -> list[str]:
    """Every field of the sheet, in its order."""
    return [name for _label, names in view.sheet if not isinstance(names, str) for name in names]


def _fields(asked: Question, which: str) -> list[str]:
    """The columns of a list's print or file: those shown, or every field of the sheet."""
    if isinstance(asked, Selection):
        return list(asked.names)
    if which == "all":
        shown = whole_sheet(asked.view)
        return [*shown, *(n for n in asked.columns if n not in shown)]
    return list(asked.columns)


def _texts(asked: Question, record: Any, names: list[str]) -> list[Any]:
    """The values of a line; where every field is asked for, personal numbers too are printed as on the form."""
    in_full = asked.args.get("fields") == "all"
    view, actor = asked.view, asked.actor
    return [listpage.cell(view, record, name, actor, in_full=in_full).text for name in names]


def listed(view: RecordView, session: Session, actor: Actor, args: Mapping[str, str]) -> PrintPage:
    """The list on paper: this page or the whole result, the fields shown or all of them (L12, AID-R082)."""
    asked = Question(view, actor, args)
    names = _fields(asked, args.get("fields", "shown"))
    statement = asked.statement(session)
    as_of = None
    if args.get("rows") == "result":
        lines, as_of = lagging(session, partial(_result, asked=asked, statement=statement, names=names))
    else:
        place = (asked.order, asked.size, args.get("key", ""), asked.number)
        found = listing.page(
            session, statement, view.model, *place, listpage.loading(view, tuple(names))
        ).rows
        lines = [_texts(asked, record, names) for record in found]
    page = PrintPage(asked.shelf.label if asked.shelf else view.list_title, landscape=True)
    page.heading = [
        (
            _("单位"),
            asked.unit(session).name if asked.of_one_unit and asked.unit(session) else actor.unit_name,
        ),
        (_("打印日期"), actor.at.strftime("%Y-%m-%d")),
        (_("记录数"), str(len(lines))),
    ]
    page.subtitle = "；".join(str(words) for words in (*asked.asked.words, as_of_words(as_of)) if words)
    labels = [view.label_of(n) for n in names]
    if len(names) > MOST_COLUMNS:
        wide = [getattr(view.model.fields().get(n), "wide", False) for n in names]
        page.blocks = [rows_of(list(zip(labels, line, wide, strict=True)), PAIRS_IN_BLOCK) for line in lines]
    else:
        page.table = PrintTable(labels, lines + _under(session, asked, names))
    audit.note(session, actor, view.resource, 0, "print", {"rows": len(lines)})
    session.commit()
    return page


def _under(session: Session, asked: Question, names: list[str]) -> list[list[str]]:
    """The rows of sums on paper."""
    return [totals.texts(asked.view, line, names) for line in totals.lines(asked.view, session, asked)]


def _result(session: Session, asked: Question, statement: Any, names: list[str]) -> list[list[Any]]:
    """The lines of the whole result. Raises Refused when it is too long for paper."""
    if listing.count(session, statement) > MOST_PRINTED:
        raise Refused(_("查询结果超过%(most)s条，请缩小范围，或另存为Excel", most=MOST_PRINTED))
    ends = asked.order.ends(asked.view.model)
    ordered = listpage.eager(asked.view, statement, tuple(names)).order_by(*ends)
    records = session.scalars(ordered).all()
    asked.view.model.complete(session, records)
    return [_texts(asked, record, names) for record in records]


def file(view: RecordView, session: Session, actor: Actor, args: Mapping[str, str]) -> Response:
    """The whole result as Excel or CSV with every field of the sheet; who took it is noted.

    CSV is streamed whatever its length; a long Excel file is made by a job, whose page shows the progress.
    """
    asked = Question(view, actor, args)
    if asked.asked.problems:
        raise BadRequest(asked.asked.problems[0].words)
    kind = args.get("format", "xlsx")
    if kind not in {"xlsx", "csv", "docx"}:
        raise BadRequest(_("可以另存为 xlsx、csv 或 docx"))
    if kind == "docx":
        page = listed(view, session, actor, {**args, "rows": "result"})
        return exchange.attachment(exchange.docx_file(page), f"{_title(asked)}.docx")
    is_long = kind == "xlsx" and _length(session, asked) > MOST_AT_ONCE
    audit.note(session, actor, view.resource, 0, "export", {"format": kind, "query": dict(args)})
    if is_long:
        job = jobs.enqueue(session, "export", actor, resource=view.resource, query=dict(args))
        session.flush()  # its id is the address
        where = url_for("job.show", pk=job.id)
        session.commit()
        return redirect(where)
    session.commit()
    if kind == "csv":
        lines = exchange.csv_lines(_header(asked), _streamed(asked))
        return exchange.attachment(lines, f"{_title(asked)}.csv")
    return exchange.attachment(
        exchange.xlsx_file(_header(asked), _rows(session, asked), gettext("数据")), f"{_title(asked)}.xlsx"
    )


def _streamed(asked: Question) -> Iterator[list[Any]]:
    """The rows of a stream by the stream's own session, which ends with it: the request's is gone by then."""
    yield from _rows(db.session(), asked)


def _length(session: Session, asked: Question, *, exact: bool = False, after: datetime | None = None) -> int:
    statement = asked.statement(session)
    number, _as_of = lagging(session, partial(listing.count, statement=statement, exact=exact), after=after)
    return number


def _title(asked: Question) -> str:
    return f"{asked.shelf.label if asked.shelf else asked.view.list_title} {asked.actor.at:%Y%m%d}"


def _header(asked: Question) -> list[Any]:
    header = [asked.view.label_of(name) for name in _fields(asked, "all")]
    return [*header, _("所属单位")] if asked.view.is_owned else header


def _rows(session: Session, asked: Question, after: datetime | None = None) -> Iterator[list[Any]]:
    """Every record by keyset, so that memory stays flat and the order is that of the ids.

    Each chunk is a question of its own: no query of the replica is open while somebody reads the file slowly, and
    one that breaks off costs a chunk. ``after`` as in `lagging`.
    """
    if asked.view.totals:
        yield from _in_order(session, asked, after)
        return
    statement = asked.statement(session)
    lines_of = _Columns.of(asked) or partial(_records, asked)
    last = 0
    while True:
        work = partial(_chunk, asked=asked, statement=statement, last=last, lines_of=lines_of)
        (lines, last), _as_of = lagging(session, work, after=after)
        yield from lines
        if len(lines) < CHUNK:
            return


def _in_order(session: Session, asked: Question, after: datetime | None) -> Iterator[list[Any]]:
    """A list with sums under it: by keyset in its own order, and the sums at the end."""
    key, names = "", _fields(asked, "all")
    while True:
        (lines, key), _as_of = lagging(session, partial(_piece, asked=asked, key=key), after=after)
        yield from lines
        if not key:
            break
    sums, _as_of = lagging(session, partial(_sums, asked=asked), after=after)
    yield from ([*totals.values(line, names), ""] for line in sums)


def _sums(session: Session, asked: Question) -> list[totals.Line]:
    return totals.lines(asked.view, session, asked)


def _piece(session: Session, asked: Question, key: str) -> tuple[list[list[Any]], str]:
    """The values of the records at a key, and the key of those after them."""
    view, names = asked.view, _fields(asked, "all")
    options = listpage.loading(view, (*names, "owner_unit_id"))
    found = listing.page(
        session, asked.statement(session), view.model, view.order, CHUNK, key, options=options
    )
    lines = [
        [*(_value(view, one, name, asked.actor) for name in names), one.owner_unit.name] for one in found.rows
    ]
    for record in found.rows:
        session.expunge(record)
    return lines, found.next_key


Lines = tuple[list[list[Any]], int]


def _chunk(
    session: Session, asked: Question, statement: Any, last: int, lines_of: Callable[[Session, Any], Lines]
) -> Lines:
    """The values of the records that follow an id, and the last one's id."""
    key = asked.view.model.id
    lines, end = lines_of(session, statement.where(key > last).order_by(key).limit(CHUNK))
    return lines, end or last


def _records(asked: Question, session: Session, statement: Any) -> Lines:
    """The values of a chunk by way of the records, for what only a record can tell."""
    view, names = asked.view, _fields(asked, "all")
    records = session.scalars(listpage.eager(view, statement, tuple(names))).all()
    view.model.complete(session, records)
    lines = []
    for record in records:
        values = [_value(view, record, name, asked.actor) for name in names]
        lines.append([*values, record.owner_unit.name] if view.is_owned else values)
    end = records[-1].id if records else 0
    for record in records:
        session.expunge(record)
    return lines, end


class _Remembered(dict[Any, Any]):
    """Value → its text, put together once: a code has few values, a nation millions of rows."""

    def __init__(self, text: Callable[[Any], str]) -> None:
        super().__init__()
        self._text = text

    def __missing__(self, value: Any) -> str:
        self[value] = text = self._text(value)
        return text


class _Columns:
    """The values of a chunk from its columns alone, several times quicker than by way of the records."""

    def __init__(self, asked: Question, names: list[str]) -> None:
        self.asked, self.model = asked, asked.view.model
        fields = self.model.fields()
        shown = [name for name in names if name != "report_state"]
        also = ["owner_unit_id", "holder_depth", "returned"] if asked.view.is_reportable else []
        self.taken = list(dict.fromkeys(["id", *shown, *also]))
        self.states = _Remembered(lambda state: str(listpage.state_chip(state).text))
        self.made = [
            (name, None if name == "report_state" or _is_raw(fields[name]) else _maker(fields[name]))
            for name in names
        ]
        self.units: dict[int, str] = {}

    @classmethod
    def of(cls, asked: Question) -> _Columns | None:
        """None when a column needs the record: a reference, what is computed, the words of another table."""
        view, names = asked.view, _fields(asked, "all")
        mapped, fields = inspect(view.model).column_attrs, view.model.fields()
        if view.is_owned and not view.is_reportable:
            return None
        for name in names:
            plain = name in mapped and name in fields and fields[name].kind != "reference"
            if not (plain or (name == "report_state" and view.is_reportable)):
                return None
        return cls(asked, names)

    def __call__(self, session: Session, statement: Any) -> Lines:
        taken = [getattr(self.model, name) for name in self.taken]
        rows = session.execute(statement.with_only_columns(*taken)).all()
        if self.asked.view.is_owned:
            self._know_units(session, {row.owner_unit_id for row in rows})
        return [self._line(row) for row in rows], rows[-1].id if rows else 0

    def _line(self, row: Any) -> list[Any]:
        values = row._mapping
        line = [
            (values[name] if make is None else make(values[name]))
            if name != "report_state"
            else self.states[self.model.report_state(row, self.asked.actor)]
            for name, make in self.made
        ]
        return [*line, self.units[row.owner_unit_id]] if self.asked.view.is_owned else line

    def _know_units(self, session: Session, ids: set[int]) -> None:
        unit = unit_class()
        if new := ids - self.units.keys():
            named = session.execute(select(unit.id, unit.name).where(unit.id.in_(new)))
            self.units |= {row.id: row.name for row in named}


def _is_raw(field: Any) -> bool:
    """Whether Excel should hold the value itself: numbers as numbers, dates as dates."""
    return field.kind in {"int", "decimal", "money", "day"}


def _maker(field: Any) -> Callable[[Any], Any]:
    """What makes the text of a value in a file."""
    if field.kind in {"code", "yes_no"}:
        return _Remembered(field.short).__getitem__
    short: Callable[[Any], Any] = field.short
    return short


@jobs.task("export", label=_("导出Excel"), reads=True)
def export(ctx: jobs.JobContext) -> None:
    """Write a long result into a file of the job; a worker that takes over begins anew."""
    view: RecordView = current_app.extensions["views"][ctx.args["resource"]]
    require(ctx.actor, "read", view.resource)
    asked = Question(view, ctx.actor, ctx.args["query"])
    since = ctx.job.created_at  # after all that its owner wrote before he asked for the file
    total = _length(ctx.session, asked, exact=True, after=since)

    def counted() -> Iterator[list[Any]]:
        for number, row in enumerate(_rows(ctx.session, asked, since), 1):
            if number % CHUNK == 0:
                ctx.progress(number, total)
                ctx.checkpoint()
            yield row
        ctx.progress(total, total)

    with (
        exchange.xlsx_file(_header(asked), counted(), gettext("数据")) as made,
        jobs.result_file(ctx.job.id).open("wb") as kept,
    ):
        shutil.copyfileobj(made, kept)
    ctx.result = {"url": f"/job/result/{ctx.job.id}", "filename": f"{_title(asked)}.xlsx"}


def _value(view: RecordView, record: Any, name: str, actor: Actor) -> Any:
    """A value of a record as a file should hold it."""
    field = view.model.fields().get(name)
    if field is not None and _is_raw(field):
        return getattr(record, name)
    shown = view.shown.get(name)
    if shown is not None and shown.field is not None and _is_raw(shown.field):
        return shown.text(record)
    return listpage.cell(view, record, name, actor, in_full=True).text
