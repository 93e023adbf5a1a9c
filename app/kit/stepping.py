"""Steps on the screen: what a step asks, and what became of every ticked record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from flask import flash, request
from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from app.kit import saving, scope, sweep
from app.kit.access import require
from app.kit.errors import BadRequest, Invalid, Missing, Problem, Refused
from app.kit.face import back_to, leave, render
from app.kit.forms import input_view
from app.kit.pages import DialogPage, FieldView
from app.kit.scope import Actor
from app.kit.workflow import Ask, Step, perform_many

if TYPE_CHECKING:
    from app.kit.view import RecordView


def _step(view: RecordView, name: str, actor: Actor) -> Step:
    """The step, if the type has it and the actor the right. Raises BadRequest or Forbidden."""
    step = view.steps().get(name)
    if step is None:
        raise BadRequest(_("没有「%(step)s」这个操作", step=name[:30]))
    require(actor, name, view.resource)
    return step


def dialog(view: RecordView, records: Sequence[Any], name: str, actor: Actor) -> Any:
    """What the step asks; records that would be refused are told before anything is typed."""
    step = _step(view, name, actor)
    if not records:
        raise BadRequest(_("请先选择记录"))
    begins = records[0].suggested(name, actor) if len(records) == 1 else {}
    return render(
        "kit/dialog.html", _page(view, step, records, begins, [], _refusals(view, records, name, actor))
    )


def _refusals(view: RecordView, records: Sequence[Any], name: str, actor: Actor) -> list[tuple[Any, Any]]:
    told = [(record.title, view.refusal(record, name, actor, wide=True)) for record in records]
    return [(title, words) for title, words in told if words]


def _page(
    view: RecordView,
    step: Step,
    records: Sequence[Any],
    answers: Any,
    problems: Sequence[Problem],
    refused: list[tuple[Any, Any]],
) -> DialogPage:
    label = view.step_labels.get(step.name, step.label)
    page = DialogPage(label, url=view.url("step", step=step.name), submit=label, danger=step.danger)
    page.text = ngettext("已选中%(num)s条记录。", "已选中%(num)s条记录。", len(records))
    if step.confirm:
        page.text = f"{page.text}{step.confirm}"
    wrong: dict[str, list[Any]] = {}
    for problem in problems:
        wrong.setdefault(problem.field, []).append(problem.words)
    page.fields = [
        field for ask in step.asks for field in _inputs(ask, records, answers.get(ask.name, ""), wrong)
    ]
    page.ids = [str(record.id) for record in records]
    page.refused = refused
    page.next_url = back_to(view.url("list"))
    view.dress_dialog(page, records, step.name, scope.actor())
    return page


def _inputs(ask: Ask, records: Sequence[Any], typed: Any, wrong: dict[str, list[Any]]) -> list[FieldView]:
    """The inputs of one ask; one that wants a text for each line of a record is for one record at a time."""
    if ask.each is None:
        return [input_view(ask.field, ask.name, typed, wrong)]
    lines = ask.each(records[0], scope.actor()) if len(records) == 1 else []
    views = []
    for number, words in enumerate(lines, 1):
        value = typed[number - 1] if isinstance(typed, list) and number <= len(typed) else ""
        view = FieldView(f"{ask.name}-{number}", f"{number}. {words}", "text", value=value, wide=True)
        view.errors = wrong.get(ask.name, [])
        view.hint = ask.field.hint if number == len(lines) else ""
        views.append(view)
    return views


def _typed(step: Step, form: Mapping[str, str]) -> dict[str, Any]:
    """What the dialog has sent: one value an ask, a list where it wants a text for each line."""
    answers: dict[str, Any] = {}
    for ask in step.asks:
        if ask.each is None and ask.name in form:
            answers[ask.name] = form[ask.name]
        lines = [form[name] for number in range(1, 101) if (name := f"{ask.name}-{number}") in form]
        if ask.each is not None and lines:
            answers[ask.name] = lines
    return answers


def perform(view: RecordView, session: Session, records: Sequence[Any], name: str, actor: Actor) -> Any:
    """Perform the step on each record; some may be refused, and are told, while the others are done."""
    step = _step(view, name, actor)
    if not records:
        raise Missing
    answers = _typed(step, request.form)
    try:
        done, refused = perform_many(records, name, actor, answers)
    except Invalid as wrong:
        session.rollback()
        return render(
            "kit/dialog.html",
            _page(view, step, view.find_many(request.form.getlist("ids")), answers, wrong.problems, []),
        ), 422
    told = [(record.title, str(words)) for record, words in refused]
    number = len(done)
    shown = view.stepped_page(done, name, actor) if done else None
    session.commit()
    if shown:
        for title, words in told[:20]:
            flash(f"{title}：{words}", "warning")
        return shown
    if number:
        flash(gettext("%(label)s：%(n)s条", label=str(step.success or step.label), n=number), "success")
    if told and not number:
        page = _page(view, step, view.find_many(request.form.getlist("ids")), answers, [], told)
        return render("kit/dialog.html", page), 409
    for title, words in told[:20]:
        flash(f"{title}：{words}" if title not in words else words, "warning")
    return leave(request.form.get("next") or view.url("list"))


def carry_out(
    view: RecordView, session: Session, record: Any, name: str, actor: Actor, answers: Mapping[str, Any]
) -> int | None:
    """Perform one step on one record and commit. Returns the id of the job that it was given to instead, if any."""
    _step(view, name, actor)
    if (job := view.handed_over(record, name, actor, answers)) is not None:
        number: int = job.id
        session.commit()
        return number
    record.perform(name, actor, **answers)
    session.commit()
    return None


def begun(session: Session, job: Any) -> int:
    """A job that was just asked for, kept. Returns its id, which is the answer."""
    number: int = job.id
    session.commit()
    return number


def finish(session: Session, step: Step, target: str) -> Response:
    """The end of a step that has a page of its own: keep it, say so, go on."""
    session.commit()
    flash(str(step.success or step.label), "success")
    return leave(target)


def carry_out_all(
    view: RecordView, session: Session, name: str, actor: Actor, unit: int, answers: Mapping[str, Any]
) -> int:
    """Have a job perform one step on all that a unit holds, and commit. Returns the id of the job."""
    number: int = sweep.ask(view, session, name, actor, unit, answers).id
    session.commit()
    return number


def delete(view: RecordView, session: Session, records: Sequence[Any], actor: Actor) -> Response:
    """Delete what may be deleted and name the rest with the reason (AID-R062)."""
    if not view.can_delete or not records:
        raise Missing
    refused, told, number = list[str](), list[str](), 0
    home, places = (
        view.home(records[0]),
        [view.landing(records[0]), *(view.url(page, pk=records[0].id) for page in ("show", "edit"))],
    )
    for record in records:
        try:
            if words := saving.delete(session, record, actor):
                told.append(str(words))
            else:
                number += 1
        except Refused as why:
            refused.append(str(why.words))
    session.commit()
    if number:
        flash(gettext("删除成功：%(n)s条", n=number), "success")
    for words in told[:20]:
        flash(words, "info")
    for words in refused[:20]:
        flash(words, "warning")
    came = back_to(home)
    return leave(home if number and came.startswith(tuple(places)) else came)
