"""Records from an Excel workbook, as a job: resumable, idempotent, and under the rules of a save.

    upload(view, session, actor, file, options)    keeps the file and asks for the job, in one transaction
    the task ``import``                            lays the rows out, then judges and stores them chunk by chunk

A row is done in one of five ways: added · unchanged (the unit has this very record) · changed (with the option
更新已有档案) · flagged (a migration keeps what is faulty, SM-AID-04) · failed, with its reason. A chunk's rows and the count
of rows done are committed together; what is judged again after a crash finds its own work and says so.
"""

from __future__ import annotations

import gc
import hashlib
import re
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from flask import current_app, jsonify, redirect, request, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from app.kit import exchange, jobs, layout, parts, template
from app.kit.access import require
from app.kit.bulk import Judge
from app.kit.clock import now
from app.kit.errors import Forbidden, Invalid, Missing
from app.kit.face import render
from app.kit.intake import (
    ADDED,
    CHANGED,
    DOUBLED,
    FAILED,
    FLAGGED,
    MERGED,
    UNCHANGED,
    Chunk,
    Options,
    Outcome,
)
from app.kit.jobs import Job, JobContext
from app.kit.layout import KEY_NAME, Layout, Match
from app.kit.package import Unreadable, fault
from app.kit.pages import Page
from app.kit.scope import Actor, door
from app.kit.sheetpage import crumbs
from app.kit.staging import Stage, StagedRow
from app.kit.workbook import Book, open_book

if TYPE_CHECKING:
    from app.kit.view import RecordView

#: bytes of an upload; the route takes no more
MAX_BYTES = 50 * 1024 * 1024
#: records in one workbook
MAX_RECORDS = 200_000
#: records judged and stored together
CHUNK = 1000
#: rows laid out between two looks at whether the job goes on
LAID_OUT = 5_000
#: new objects between two looks of the garbage collector
OBJECTS = 200_000
#: uploads whose job is over are kept so long, for who asks what came of it
KEPT = timedelta(days=1)


# --- the upload -----------------------------------------------------------------------------------------------


def folder() -> Path:
    """Where uploads wait, inside the data folder."""
    found = Path(current_app.config["UNIONDESK_HOME"]) / "uploads"
    found.mkdir(mode=0o700, parents=True, exist_ok=True)
    return found


def upload(
    view: RecordView,
    session: Session,
    actor: Actor,
    file: IO[bytes],
    name: str,
    options: Options,
    whole: Any = None,
) -> Job:
    """Keep an uploaded workbook and ask for its import; the caller commits.

    The same file with the same options while its job is open is that job, so that a double click makes one.
    ``whole`` is the record whose parts its rows are.
    Raises Unreadable when it is no workbook, Forbidden for a migration that the actor may not do.
    """
    if options.migrate and not view.may_migrate(actor):
        raise Forbidden(_("旧系统数据迁移由全国总工会的用户管理员办理"))
    if words := fault(file):
        raise Unreadable(words)
    _tidy(session)
    path = folder() / f"{uuid.uuid4().hex}.xlsx"
    digest = hashlib.sha256()
    with path.open("xb") as kept:
        while piece := file.read(1024 * 1024):
            digest.update(piece)
            kept.write(piece)
    session.info.setdefault("stored", []).append(path)  # goes again if the transaction does
    into = {"into": whole.id, "back": parts.tab_of(view, whole.id)} if whole is not None else {}
    asked = hashlib.sha256(
        f"{view.resource}{actor.unit_id}{digest.hexdigest()}{options}{into or ''}".encode()
    ).hexdigest()
    facts: dict[str, Any] = {
        "resource": view.resource,
        "file": path.name,
        "filename": re.split(r"[\\/]", name)[-1][-200:],
    }
    facts |= {"update": options.update, "migrate": options.migrate, **into}
    for time in range(1, 1000):
        job = jobs.enqueue(session, "import", actor, key=f"import:{asked}:{time}", **facts)
        if job.state in {"waiting", "running"}:
            break
    if job.args["file"] != path.name:
        path.unlink()
    return job


def _tidy(session: Session) -> None:
    """Remove uploads whose job is over."""
    is_open = select(Job.args).where(Job.kind == "import", Job.state.in_(("waiting", "running")))
    asked = session.scalars(is_open.execution_options(**door("uploads still to be read")))
    needed = {args["file"] for args in asked}
    until = (now() - KEPT).timestamp()
    for path in folder().iterdir():
        if path.name.partition(".")[0] + ".xlsx" not in needed and path.stat().st_mtime < until:
            path.unlink(missing_ok=True)


# --- the task -------------------------------------------------------------------------------------------------


@jobs.task("import", label=_("导入Excel"))
def run(ctx: JobContext) -> None:
    """Lay the workbook out, go through it from where the job stands, and hand it back with its reasons."""
    view: RecordView = current_app.extensions["views"][ctx.args["resource"]]
    options = Options(ctx.args["update"], ctx.args["migrate"])
    _admit(ctx, view, options)
    path = folder() / ctx.args["file"]
    if not path.exists():
        raise Missing(_("上传的文件已经不在了，请重新上传"))
    sheets = view.layout(with_owner=options.migrate)
    with _rarely_collected(), _stage(ctx, path, sheets) as stage:
        records = stage.count(sheets.kinds)
        _blame_orphans(ctx, stage, sheets)
        judge = Judge(sheets.model, ctx.actor)
        while ctx.done < records:
            judge.go_on(ctx.actor)
            rows = stage.records(ctx.done, sheets.at_once or CHUNK, sheets.kinds)
            outcomes = _worked(ctx, judge, stage, sheets, options, rows)
            for row, (what, words) in zip(rows, outcomes, strict=True):
                if what == FAILED:
                    ctx.fail_row(sheets.placed(row.sheet, words), row=row.number)
            _count(ctx, Counter(what for what, _words in outcomes))
            stage.judge(
                (row.sheet, row.number, words)
                for row, (_what, words) in zip(rows, outcomes, strict=True)
                if words
            )
            ctx.progress(ctx.done + len(rows))
            ctx.checkpoint()
            _admit(ctx, view, options)
        _hand_back(ctx, path, stage, sheets)


def _worked(
    ctx: JobContext, judge: Judge, stage: Stage, sheets: Layout, options: Options, rows: Sequence[StagedRow]
) -> list[Outcome]:
    """What came of some rows; all have failed where the record that they were to go into takes none any more."""
    if (own := sheets.view.intake(ctx, stage, sheets, options)) is not None:
        outcomes: list[Outcome] = own.work(rows)
        return outcomes
    whole, given = ctx.args.get("into"), dict[str, Any]()
    if whole is not None:
        if (why := parts.held(sheets.view, ctx.session, ctx.actor, whole)) is not None:
            return [(FAILED, str(why))] * len(rows)
        given = {sheets.view.import_into: whole}
    return Chunk(ctx.session, judge, stage, sheets, options, given).work(rows)


@contextmanager
def _rarely_collected() -> Iterator[None]:
    """Rows have no cycles: going through them again and again for such takes a fifth of an import."""
    before = gc.get_threshold()
    gc.set_threshold(OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _admit(ctx: JobContext, view: RecordView, options: Options) -> None:
    """The right to write may have gone since the last chunk."""
    require(ctx.actor, "write", view.resource)
    if options.migrate and not view.may_migrate(ctx.actor):
        raise Forbidden(_("旧系统数据迁移由全国总工会的用户管理员办理"))


def _count(ctx: JobContext, more: Counter[str]) -> None:
    """Add to what came of the rows; kept with the job, chunk by chunk."""
    counts = Counter((ctx.result or {}).get("counts")) + more
    ctx.result = {**(ctx.result or {}), "counts": dict(counts)}


def _blame_orphans(ctx: JobContext, stage: Stage, sheets: Layout) -> None:
    """Inline rows that belong to no record of the workbook; told once, with the first chunk."""
    if ctx.done:
        return
    reasons = []
    for number, match in enumerate(stage.fact("matches")[sheets.kinds :], sheets.kinds):
        words = gettext(
            "没有找到这个%(key)s对应的行，请核对「%(sheet)s」",
            key=sheets.view.import_key,
            sheet=sheets.pages[0].title,
        )
        for row in stage.orphans(number):
            reasons.append((number, row.number, words))
            ctx.fail_row(gettext("「%(sheet)s」%(words)s", sheet=match["sheet"], words=words), row=row.number)
    stage.judge(reasons)
    if reasons:
        _count(ctx, Counter({FAILED: len(reasons)}))


def _hand_back(ctx: JobContext, path: Path, stage: Stage, sheets: Layout) -> None:
    """Words, and the person's own workbook with a reason for each row that failed or was flagged."""
    counts = (ctx.result or {}).get("counts") or {}
    word = sheets.view.measure_word
    told = [gettext("成功 %(n)s %(word)s", n=counts.get(ADDED, 0), word=word)]
    if counts.get(CHANGED):
        told.append(gettext("更新 %(n)s %(word)s", n=counts[CHANGED], word=word))
    if counts.get(FLAGGED):
        told.append(gettext("列为有问题 %(n)s %(word)s", n=counts[FLAGGED], word=word))
    told.append(gettext("未改动 %(n)s %(word)s", n=counts.get(UNCHANGED, 0), word=word))
    told.append(gettext("失败 %(n)s %(word)s", n=counts.get(FAILED, 0), word=word))
    ctx.message = "，".join(told)
    if counts.get(FAILED) or counts.get(FLAGGED):
        with open_book(path) as book, jobs.result_file(ctx.job.id).open("wb") as kept:
            template.hand_back(book, kept, stage, sheets)
        stem = ctx.args["filename"].rpartition(".")[0] or str(sheets.model.__label__)
        name = gettext("%(name)s 导入结果.xlsx", name=stem)
        ctx.result = {**(ctx.result or {}), "url": f"/job/result/{ctx.job.id}", "filename": name}


# --- laying out -----------------------------------------------------------------------------------------------


@contextmanager
def _stage(ctx: JobContext, path: Path, sheets: Layout) -> Iterator[Stage]:
    """The rows of the upload, laid out now or by a worker before."""
    place = path.with_suffix(".stage")
    stage = Stage(place)
    try:
        if not stage.is_ready:
            if ctx.done:  # the reasons of the rows that are done went with it
                raise Missing(_("导入的中间文件已经不在了，请重新上传；已导入的会自动跳过"))
            stage.begin()
            with open_book(path) as book:
                matches = sheets.match(book)
                for number, match in enumerate(matches):
                    _lay_out(ctx, book, stage, sheets, number, match)
            _blame_doubles(stage, sheets, matches, is_migration=ctx.args["migrate"])
            facts = [match.facts(sheets.class_of(match.page).fields()) for match in matches]
            stage.finish({"matches": facts})
        ctx.progress(ctx.done, stage.count(sheets.kinds))
        yield stage
    finally:
        stage.close()


def _lay_out(ctx: JobContext, book: Book, stage: Stage, sheets: Layout, number: int, match: Match) -> None:
    """One sheet into the stage."""
    cls, page = sheets.class_of(match.page), match.page
    key_name = KEY_NAME if page.child else sheets.model.known_by
    known_by = sheets.model.fields()[sheets.model.known_by]
    columns, names = list(match.names), list(match.names.values())
    key_at = names.index(key_name)
    people = [
        at for at, name in enumerate(names) if name in cls.fields() and cls.fields()[name].kind == "id_card"
    ]
    rows: list[tuple[int, int, str, list[Any]]] = []
    persons: list[tuple[str, int, int]] = []
    count = 0
    for row, cells in book.rows(match.sheet):
        if row <= match.row:
            continue
        values = [cells.get(column) for column in columns]
        if all(value is None or (value.__class__ is str and not value.strip()) for value in values):
            continue
        count += 1
        match.last = max(match.last, *cells)
        if not page.child and count > MAX_RECORDS:
            words = _(
                "一个文件最多%(most)s%(word)s，请分成几个文件",
                most=MAX_RECORDS,
                word=sheets.view.measure_word,
            )
            raise Unreadable(words)
        rows.append((number, row, layout.key_of(values[key_at], known_by), values))
        persons += [(key, number, row) for at in people if (key := layout.key_of(values[at], known_by))]
        if len(rows) == LAID_OUT:
            stage.add(rows, persons)
            rows, persons = [], []
            ctx.checkpoint()
    stage.add(rows, persons)
    _blame_merged(book, stage, number, match)


def _blame_merged(book: Book, stage: Stage, number: int, match: Match) -> None:
    """Merged cells: in the heads they make the whole sheet unsure, in the rows those rows."""
    most = max(match.names)
    for first, left, last, _right in book.merged:
        if first <= match.row <= last and left <= most:
            words = _("工作表「%(sheet)s」的表头有合并的单元格，请取消合并后再上传", sheet=match.sheet.name)
            raise Unreadable(words)
        if last > match.row and left <= most:
            stage.blame(
                number,
                first,
                last,
                MERGED,
                gettext(
                    "第%(first)s至%(last)s行有合并的单元格，请取消合并后逐行填写", first=first, last=last
                ),
            )


def _blame_doubles(stage: Stage, sheets: Layout, matches: list[Match], *, is_migration: bool) -> None:
    """The same identity number twice in the workbook: each row is told the others.

    A migration takes the first; a save would refuse the others as duplicates of it.
    """
    for places in stage.doubles():
        told = [
            gettext("「%(sheet)s」第%(row)s行", sheet=matches[sheet].sheet.name, row=row)
            for sheet, row in dict.fromkeys(places)
        ]
        words = gettext("身份证号在本文件里重复：%(places)s，请只留一处", places="、".join(told[:6]))
        for sheet, row in places[1:] if is_migration else places:
            stage.blame(sheet, row, row, DOUBLED, words)


# --- the page -------------------------------------------------------------------------------------------------


@dataclass
class ImportPage(Page):
    """Template, file and options."""

    url: str = ""
    template_url: str = ""
    migration_url: str = ""
    back_url: str = ""
    can_migrate: bool = False
    most: int = MAX_RECORDS
    megabytes: int = MAX_BYTES // 1024**2
    word: Any = ""
    error: Any = ""
    #: how cells are typed that Excel would change, and what 更新已有的记录 does
    hint: Any = ""
    update_hint: Any = ""


def make_room(endpoint: str | None, _values: Any) -> None:
    """A workbook may be larger than what other pages take; asked before anything of the request is read."""
    if endpoint and endpoint.endswith(".import_file"):
        request.max_content_length = MAX_BYTES + 1024 * 1024


def page(view: RecordView, actor: Actor, whole: Any = None, error: Any = "") -> str:
    """The page to upload a workbook on; ``whole`` is the record whose parts its rows are."""
    what = view.import_label or view.model.__label__
    made = ImportPage(_("导入%(what)s", what=what), error=error, word=view.measure_word)
    made.hint, made.update_hint = view.import_hints
    made.crumbs = crumbs(view, _("导入Excel"))
    made.url, made.back_url = view.url("import_file"), view.home()
    if whole is not None:
        made.title = _("导入%(what)s：%(whole)s", what=view.model.__label__, whole=whole.title)
        made.url = view.url("import_file", **{view.import_into: whole.id})
        made.back_url = parts.tab_of(view, whole.id)
    made.template_url = view.url("template")
    made.can_migrate = view.may_migrate(actor)
    made.migration_url = view.url("template", migrate=1) if made.can_migrate else ""
    return render("kit/import.html", made)


def serve(view: RecordView, session: Session, actor: Actor, whole: Any = None) -> Any:
    """Take the uploaded workbook: 202 and the job's number for a program, the job's page for a person."""
    options = Options(*(request.form.get(name, "") in {"1", "true", "on"} for name in ("update", "migrate")))
    file = request.files.get("file")
    try:
        if file is None or not file.filename:
            raise Unreadable(_("请选择文件"))
        job = upload(view, session, actor, file.stream, file.filename, options, whole)
        session.flush()  # its number is the answer
        pk = job.id
        session.commit()
    except Invalid as wrong:
        session.rollback()
        if _is_program():
            return jsonify(message=str(wrong.words), errors=wrong.errors), wrong.status
        return page(view, actor, whole, wrong.words), wrong.status
    if _is_program():
        return jsonify(job=pk), 202
    return redirect(url_for("job.show", pk=pk))


def _is_program() -> bool:
    """Whether JSON is wanted: by a token, or by what the request says it accepts."""
    accepts = request.accept_mimetypes
    is_token = request.headers.get("Authorization", "").startswith("Bearer ")
    return is_token or (accepts.accept_json and not accepts.accept_html)


def hand_out(view: RecordView, actor: Actor, *, migrate: bool) -> Response:
    """The template."""
    made = template.blank(view.layout(with_owner=migrate and view.may_migrate(actor)))
    what = view.import_label or view.model.__label__
    return exchange.attachment(made, gettext("%(what)s导入模板.xlsx", what=what))
