"""Serving a form: show it, keep what is typed, save it once, tell every problem at once."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from flask import flash, jsonify, redirect, request
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.kit import drafts, forms, reviewpage, saving, scope
from app.kit.errors import BadRequest, Invalid, Problem, Refused
from app.kit.face import back_to, render
from app.kit.forms import Typed
from app.kit.pages import Action, Draft, FormPage
from app.kit.scope import Actor
from app.kit.sheetpage import crumbs, files_of

if TYPE_CHECKING:
    from app.kit.view import RecordView


def serve(view: RecordView, session: Session, record: Any, actor: Actor) -> Any:
    """GET shows the form, POST saves it."""
    is_new = record.id is None
    if not is_new and (why := view.refusal(record, "edit", actor, wide=True)):
        raise Refused(why)
    if request.method == "POST":
        return _save(view, session, record, actor)
    name = form_name(record)
    draft = drafts.draft_of(session, name, actor)
    if draft is not None and request.args.get("draft") == "1":
        typed = draft.content
    else:
        typed = _beginning(view, session, record, actor) if is_new else forms.typed_of(record)
    page = build(view, record, typed)
    if not is_new:
        page.version = (
            str(draft.content.get("version") or record.version)
            if request.args.get("draft") == "1" and draft
            else str(record.version)
        )
        if view.has_attachments:
            page.attachments = files_of(view, session, record, actor)
    if draft is not None and request.args.get("draft") != "1":
        here = request.full_path.rstrip("?")
        restore = f"{here}{'&' if '?' in here else '?'}draft=1"
        page.draft = Draft(
            draft.saved_at.strftime("%Y-%m-%d %H:%M"), restore, view.url("discard_draft", form=name)
        )
    return render("kit/form.html", page)


def form_name(record: Any) -> str:
    """Which form a draft belongs to; a new record's shelf has its own."""
    shelf = request.args.get("shelf", "")
    shelf = shelf if len(shelf) <= 20 and shelf.isidentifier() else ""
    return f"{type(record).resource()}/{record.form_key}{'/' + shelf if shelf and record.id is None else ''}"


def _beginning(view: RecordView, session: Session, record: Any, actor: Actor) -> Typed:
    """What a new form stands with: defaults, the shelf's values, the latest employer (AID-R048)."""
    fields = view.model.fields()
    typed: Typed = {
        name: field.typed(field.default) for name, field in fields.items() if field.default is not None
    }
    shelf = next((s for s in view.shelves if s.name == request.args.get("shelf")), None)
    typed |= dict(shelf.begins) if shelf else {}
    if view.carried:
        statement = (
            select(view.model)
            .where(view.model.created_by_id == actor.account_id)
            .order_by(view.model.id.desc())
        )
        latest = session.scalars(statement.limit(1)).first()
        typed |= {name: fields[name].typed(getattr(latest, name)) for name in view.carried} if latest else {}
    typed |= view.begins(actor)
    typed |= {name: request.args[name][:200] for name in fields if name in request.args}
    return typed


def build(view: RecordView, record: Any, typed: Typed, problems: Iterable[Problem] = ()) -> FormPage:
    """The form with what was typed and what is wrong with it."""
    problems = list(problems)
    is_new = record.id is None
    shelf = next((s for s in view.shelves if s.name == request.args.get("shelf")), None)
    title = (
        (shelf.add_title if shelf and shelf.add_title else view.add_label)
        if is_new
        else _("编辑%(what)s", what=record.title)
    )
    page = FormPage(title, crumbs=crumbs(view, title))
    page.url = request.full_path.rstrip("?")
    errors = [problem for problem in problems if not problem.warning]
    page.sections = forms.sections(view.model, view.sheet, typed, errors, None if is_new else record)
    if is_new and shelf and shelf.without:
        for section in page.sections:
            section.fields = [one for one in section.fields if one.name not in shelf.without]
    _mark_warnings(page, problems)
    shown = {view.name for section in page.sections for view in section.fields}
    page.errors = forms.plain(
        p.words for p in errors if p.field.split(".")[0] not in shown and "." not in p.field
    )
    page.warnings = (
        forms.plain(problem.words for problem in problems if problem.warning) if not errors else []
    )
    page.token = drafts.token_in(request.form) or uuid.uuid4().hex
    page.version = str(typed.get("version") or "")
    page.draft_url = view.url("draft", form=form_name(record))
    home = view.home() + (f"?shelf={shelf.name}" if shelf else "")
    page.back_url = home if is_new else view.landing(record)
    page.buttons = [Action("save", view.save_label, "", "device-floppy", "post", primary=True)]
    if is_new and view.save_more_label:
        page.buttons.append(Action("save_more", view.save_more_label, "", "plus", "post"))
    page.conflict = view.conflict(record, problems)
    if not is_new:
        page.faults = view.faults(record, scope.actor())
        page.points = reviewpage.points(view, view.session, record, scope.actor())
        if record.is_faulty and not problems:
            _mark_warnings(page, [replace(fault, warning=True) for fault in record.faults()])
    view.dress(page, record, typed)
    return page


def begun(view: RecordView, session: Session, actor: Actor, typed: Typed, url: str) -> FormPage:
    """The form of a new record with something typed already, to be shown elsewhere and sent to its own address."""
    record = view.new()
    page = build(view, record, _beginning(view, session, record, actor) | typed)
    page.url = url
    return page


def _mark_warnings(page: FormPage, problems: Iterable[Problem]) -> None:
    """Say beside the field what may be wrong with it; such words can be confirmed."""
    told: dict[str, list[Any]] = {}
    for problem in problems:
        if problem.warning:
            told.setdefault(problem.field.replace(".", "-"), []).append(problem.words)
    for section in page.sections:
        rows = [row.fields for row in section.child.rows] if section.child else [section.fields]
        for one in (one for row in rows for one in row):
            one.warnings = told.get(one.name, [])


def _save(view: RecordView, session: Session, record: Any, actor: Actor) -> Any:
    typed = forms.typed_from(request.form, view.model)
    if record.id is None:
        typed = _unasked(view) | typed
    token, name, pk = drafts.token_in(request.form), form_name(record), record.id
    try:
        if before := _saved_before(session, token, actor):
            return redirect(view.url("show", pk=before))
        saving.save(session, record, typed, actor, confirmed=frozenset(request.form.getlist("confirmed")))
        if token:
            drafts.spend(session, token, record.id, actor)
        drafts.drop(session, name, actor)
        return _saved(view, session, record, actor, is_new=pk is None)
    except Invalid as wrong:
        return _again(view, session, pk, typed, wrong.problems, 422)
    except Refused as why:
        return _again(view, session, pk, typed, [Problem("", why.words)], 409)
    except IntegrityError:  # the same form at the same moment: the other one was first
        session.rollback()
        if before := _saved_before(session, token, actor):
            return redirect(view.url("show", pk=before))
        raise


def _unasked(view: RecordView) -> Typed:
    """What a new record of a shelf begins with and its form does not ask for: it stays."""
    shelf = next((s for s in view.shelves if s.name == request.args.get("shelf")), None)
    asked = {name for _label, names in view.sheet if not isinstance(names, str) for name in names}
    asked -= set(shelf.without) if shelf else set()
    return {name: value for name, value in shelf.begins.items() if name not in asked} if shelf else {}


def _saved_before(session: Session, token: str, actor: Actor) -> int | None:
    """The record that this very form has made already: a double click saves once and shows once (AID-R020)."""
    return drafts.saved_as(session, token, actor) if token else None


def _saved(view: RecordView, session: Session, record: Any, actor: Actor, *, is_new: bool) -> Any:
    """Commit and go where the button says."""
    told = view.added_page(record, actor) if is_new else None
    target = view.landing(record)
    session.commit()
    if told:
        return told
    flash(gettext("保存成功"), "success")
    if request.form.get("button") == "save_more":
        # the shelf, or the parent that was given, stays
        return redirect(view.url(view.next_form) if view.next_form else request.full_path.rstrip("?"))
    return redirect(target)


def _again(
    view: RecordView, session: Session, pk: int | None, typed: Typed, problems: list[Problem], status: int
) -> Any:
    """The same form with everything that was typed and everything that is wrong."""
    session.rollback()
    record = view.new() if pk is None else view.find(pk)
    return render("kit/form.html", build(view, record, typed, problems)), status


def keep_draft(view: RecordView, session: Session, actor: Actor) -> Any:
    """Store what was typed so far; answers the time for the page's foot."""
    name = _name_asked(view)
    typed = forms.typed_from(request.form, view.model)
    if len(str(typed)) > drafts.MAX_LENGTH:
        raise BadRequest(_("内容过长，草稿未保存"))
    _refuse_unstorable(typed)
    drafts.keep(session, name, typed, actor)
    try:
        session.commit()
    except IntegrityError:  # two windows of one form at the same moment: the other one's draft stands
        session.rollback()
    return jsonify(saved_at=actor.at.strftime("%H:%M"))


def _name_asked(view: RecordView) -> str:
    """The form whose draft is meant, as `form_name` calls it. Raises BadRequest."""
    name = request.args.get("form", "")
    if not (
        name.startswith(f"{view.resource}/") and len(name) <= 100 and name.isascii() and name.isprintable()
    ):
        raise BadRequest(_("没有这份草稿"))
    return name


def _refuse_unstorable(value: Any) -> None:
    """NUL and lone surrogates cannot be stored as JSON either."""
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _refuse_unstorable(item)
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise BadRequest(_("含有无法保存的字符")) from None
        if "\x00" in value:
            raise BadRequest(_("含有无法保存的字符"))


def kept(session: Session, record: Any, typed: Typed, actor: Actor) -> list[Problem]:
    """Save a record from a page of its own. What is wrong is told instead, and nothing is stored."""
    try:
        saving.save(session, record, typed, actor)
    except Invalid as wrong:
        session.rollback()
        return wrong.problems
    session.commit()
    return []


def discard_draft(view: RecordView, session: Session, actor: Actor) -> Any:
    """Forget what was typed and show the form afresh."""
    name = _name_asked(view)
    drafts.drop(session, name, actor)
    session.commit()
    _resource, _slash, rest = name.partition("/")
    which, _slash, shelf = rest.partition("/")
    if which.isdigit():
        return redirect(view.url("edit", pk=int(which)))
    return redirect(
        back_to(view.url("add", shelf=shelf or None))
    )  # what hangs on a record begins where it did
