"""Records on paper and in files: the A4 form of one, the four prints of a list, Word, Excel and CSV."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from flask import current_app, redirect, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from app.kit import audit, exchange, jobs, listing, listpage
from app.kit.access import require
from app.kit.errors import BadRequest, Refused
from app.kit.listpage import Question
from app.kit.pages import PrintPage, PrintTable
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
CHUNK = 1000


def sheet(view: RecordView, session: Session, record: Any, actor: Actor) -> PrintPage:
    """The paper form of one record."""
    audit.note(session, actor, view.resource, record.id, "print")
    page = _form(view, record)
    session.commit()
    return page


def _form(view: RecordView, record: Any) -> PrintPage:
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
    rows: list[list[Any]] = [[label, text] for line in page.form for label, text, _span in line]
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


def _fields(view: RecordView, which: str) -> list[str]:
    """The columns of a list's print or file: those shown, or every field of the sheet."""
    if which == "all":
        shown = [n for _label, names in view.sheet if not isinstance(names, str) for n in names]
        return [*shown, *(n for n in view.columns if n not in shown)]
    return list(view.columns)


def _texts(view: RecordView, record: Any, names: list[str], actor: Actor) -> list[Any]:
    return [listpage.cell(view, record, name, actor).text for name in names]


def listed(view: RecordView, session: Session, actor: Actor, args: Mapping[str, str]) -> PrintPage:
    """The list on paper: this page or the whole result, the fields shown or all of them (L12, AID-R082)."""
    asked = Question(view, actor, args)
    names = _fields(view, args.get("fields", "shown"))
    statement = listpage.eager(view, asked.statement(session))
    if args.get("rows") == "result":
        if listing.count(session, asked.statement(session)) > MOST_PRINTED:
            raise Refused(_("查询结果超过%(most)s条，请缩小范围，或另存为Excel", most=MOST_PRINTED))
        records = list(_stream(session, statement, view))
    else:
        records = listing.page(
            session, statement, view.model, asked.order, asked.size, args.get("key", ""), asked.number
        ).rows
    page = PrintPage(asked.shelf.label if asked.shelf else view.list_title, landscape=True)
    page.heading = [
        (_("单位"), actor.unit_name),
        (_("打印日期"), actor.at.strftime("%Y-%m-%d")),
        (_("记录数"), str(len(records))),
    ]
    page.subtitle = "；".join(str(words) for words in asked.asked.words)
    labels = [view.label_of(n) for n in names]
    lines = [_texts(view, record, names, actor) for record in records]
    if len(names) > MOST_COLUMNS:
        wide = [getattr(view.model.fields().get(n), "wide", False) for n in names]
        page.blocks = [rows_of(list(zip(labels, line, wide, strict=True)), PAIRS_IN_BLOCK) for line in lines]
    else:
        page.table = PrintTable(labels, lines)
    audit.note(session, actor, view.resource, 0, "print", {"rows": len(records)})
    session.commit()
    return page


def _stream(session: Session, statement: Any, view: RecordView) -> Iterator[Any]:
    """Every record of a statement by keyset, so that memory stays flat and the order is that of the ids."""
    last = 0
    while True:
        rows = list(
            session.scalars(statement.where(view.model.id > last).order_by(view.model.id).limit(CHUNK))
        )
        yield from rows
        if len(rows) < CHUNK:
            return
        last = rows[-1].id
        for row in rows:
            session.expunge(row)


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
    audit.note(session, actor, view.resource, 0, "export", {"format": kind, "query": dict(args)})
    if kind == "xlsx" and listing.count(session, asked.statement(session)) > MOST_AT_ONCE:
        job = jobs.enqueue(session, "export", actor, resource=view.resource, query=dict(args))
        session.flush()  # its id is the address
        where = url_for("job.show", pk=job.id)
        session.commit()
        return redirect(where)
    session.commit()
    if kind == "csv":
        return exchange.attachment(
            exchange.csv_lines(_header(view), _rows(session, asked)), f"{_title(asked)}.csv"
        )
    return exchange.attachment(
        exchange.xlsx_file(_header(view), _rows(session, asked), gettext("数据")), f"{_title(asked)}.xlsx"
    )


def _title(asked: Question) -> str:
    return f"{asked.shelf.label if asked.shelf else asked.view.list_title} {asked.actor.at:%Y%m%d}"


def _header(view: RecordView) -> list[Any]:
    header = [view.label_of(name) for name in _fields(view, "all")]
    return [*header, _("所属单位")] if view.is_owned else header


def _rows(session: Session, asked: Question) -> Iterator[list[Any]]:
    view, names = asked.view, _fields(asked.view, "all")
    for record in _stream(session, listpage.eager(view, asked.statement(session)), view):
        values = [_value(view, record, name, asked.actor) for name in names]
        yield [*values, record.owner_unit.name] if view.is_owned else values


@jobs.task("export", label=_("导出Excel"), reads=True)
def export(ctx: jobs.JobContext) -> None:
    """Write a long result into a file of the job; a worker that takes over begins anew."""
    view: RecordView = current_app.extensions["views"][ctx.args["resource"]]
    require(ctx.actor, "read", view.resource)
    asked = Question(view, ctx.actor, ctx.args["query"])
    total = listing.count(ctx.session, asked.statement(ctx.session), exact=True)

    def counted() -> Iterator[list[Any]]:
        for number, row in enumerate(_rows(ctx.session, asked), 1):
            if number % CHUNK == 0:
                ctx.progress(number, total)
                ctx.checkpoint()
            yield row
        ctx.progress(total, total)

    with (
        exchange.xlsx_file(_header(view), counted(), gettext("数据")) as made,
        jobs.result_file(ctx.job.id).open("wb") as kept,
    ):
        shutil.copyfileobj(made, kept)
    ctx.result = {"url": f"/job/result/{ctx.job.id}", "filename": f"{_title(asked)}.xlsx"}


def _value(view: RecordView, record: Any, name: str, actor: Actor) -> Any:
    """A value as Excel should hold it: numbers as numbers, dates as dates, the rest as text."""
    field = view.model.fields().get(name)
    if field is not None and field.kind in {"int", "decimal", "money", "day"}:
        return getattr(record, name)
    return listpage.cell(view, record, name, actor).text
