"""快速上报, 快速退回 on the screen: which unit, how many records would go, the words for the receiver."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from flask import redirect, request, url_for
from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Session

from app.kit import listing, sweep
from app.kit.errors import Invalid, Missing, Problem, Refused
from app.kit.face import render
from app.kit.forms import input_view
from app.kit.jobs import Job
from app.kit.listpage import state_chip
from app.kit.pages import SweepPage, UnitBox
from app.kit.scope import Actor
from app.kit.sheetpage import crumbs
from app.kit.workflow import Hop, Step

if TYPE_CHECKING:
    from app.kit.view import RecordView


def serve(view: RecordView, session: Session, name: str, actor: Actor) -> Any:
    """The page; a filled-in one becomes a job, whose page shows how far it is."""
    step, hop = sweep.step_of(view, name, actor)
    typed = request.form if request.method == "POST" else request.args
    unit = _chosen(session, typed.get("unit"), actor)
    if request.method == "GET":
        return render("kit/sweep.html", _page(view, session, (step, hop), actor, unit))
    answers = {ask.name: typed.get(ask.name, "") for ask in step.asks if ask.each is None}
    try:
        job = sweep.ask(view, session, name, actor, unit.id, answers)
    except Invalid as wrong:
        page = _page(view, session, (step, hop), actor, unit, answers, wrong.problems)
        return render("kit/sweep.html", page), 422
    except Refused as why:
        session.rollback()
        page = _page(view, session, (step, hop), actor, unit, answers)
        page.refusal = page.refusal or why.words
        return render("kit/sweep.html", page), 409
    return started(session, job)


def started(session: Session, job: Job) -> Any:
    """The page of a job that was just asked for, which is committed here."""
    where = url_for("job.show", pk=job.id)
    session.commit()
    return redirect(where)


def _chosen(session: Session, raw: str | None, actor: Actor) -> Any:
    """The unit of the selector; the actor's own to begin with. Raises Missing for one that he does not see."""
    if not raw:
        return sweep.unit_of(session, actor.unit_id)
    if not (raw.isascii() and raw.isdigit() and len(raw) < 11):
        raise Missing
    return sweep.unit_of(session, int(raw))


def _page(
    view: RecordView,
    session: Session,
    step_and_hop: tuple[Step, Hop],
    actor: Actor,
    unit: Any,
    typed: Mapping[str, str] | None = None,
    problems: Sequence[Problem] = (),
) -> SweepPage:
    step, hop = step_and_hop
    here = view.url("sweep", step=step.name)
    page = SweepPage(hop.sweep, crumbs=crumbs(view, hop.sweep))
    page.url, page.danger, page.icon = here, step.danger, step.icon
    is_own = unit.path == actor.path
    clear = "" if is_own else here
    page.unit = UnitBox(unit.id, unit.name, url_for("unit.pick"), clear, subordinates=None)
    page.refusal = hop.refusal(unit, actor) or ""
    if page.refusal:
        return page
    statement = sweep.selection(view, actor, unit.path, actor.at)
    counts = {
        state: listing.count(session, statement.where(view.model.state_is(state, actor)))
        for state in ("pending", "returned")
    }
    page.counts = [(state_chip(state), listing.total_words(number)) for state, number in counts.items()]
    if not any(counts.values()):
        page.refusal = sweep.nothing_left(step, unit)
        return page
    page.text = (
        _("本单位填报、现在由本单位保管的全部记录，逐条检查后%(step)s。", step=step.label)
        if is_own
        else _(
            "%(unit)s及其下级单位报来、现在由本单位保管的全部记录，逐条检查后%(step)s。",
            unit=unit.name,
            step=step.label,
        )
    )
    wrong: dict[str, list[Any]] = {}
    for problem in problems:
        wrong.setdefault(problem.field, []).append(problem.words)
    values = typed or {}
    page.fields = [
        input_view(ask.field, ask.name, values.get(ask.name, ""), wrong)
        for ask in step.asks
        if ask.each is None
    ]
    page.confirm = _(
        "确定对「%(unit)s」的全部记录%(step)s吗？不符合要求的记录会跳过并列出原因。",
        unit=unit.name,
        step=step.label,
    )
    page.submit = hop.sweep
    return page
