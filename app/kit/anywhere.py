"""A step on a record that is named by its number, wherever in the country it is: a door of DESIGN §8.

    find(view, session, number)                 every record known by the number, past the scope
    perform(view, session, step, actor, typed)  the step on the one of them that it may happen to
    note(session, actor, resource, found)       who looked, before he is shown anything

The step says what must hold of such a record (`ByNumber`); the type says how it is found (``known_as``). Who did it
for which unit stands in the log and in the history, as of every step.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from flask_babel import lazy_gettext as _
from sqlalchemy import func, literal_column, select
from sqlalchemy.orm import Session

from app.kit import audit, columns
from app.kit.errors import AppError, Invalid, Missing, Problem, Refused
from app.kit.scope import Actor, door
from app.kit.workflow import Step, StepLog

if TYPE_CHECKING:
    from app.kit.view import RecordView

#: look-ups of one account that find somebody, within ten minutes
MOST_LOOKS, WINDOW = 60, timedelta(minutes=10)
LOOK = "look_up"


class TooMany(AppError):
    """More look-ups than work needs."""

    status = 429


def is_asked(view: RecordView, name: str, answers: Mapping[str, Any]) -> bool:
    """Whether a step is asked for by number."""
    step = view.steps().get(name)
    return step is not None and step.by_number is not None and view.model.known_by in answers


def number_of(view: RecordView, raw: Any) -> str:
    """What was typed as a number. Raises Invalid."""
    field = view.model.fields()[view.model.known_by]
    try:
        value = field.read(raw)
    except columns.Wrong as wrong:
        raise Invalid([Problem(field.name, wrong.args[0])]) from None
    if not value:
        raise Invalid([Problem(field.name, _("请填写%(label)s", label=field.label))])
    return str(value)


def find(view: RecordView, session: Session, raw: Any, *, lock: bool = False) -> list[Any]:
    """The records known by a number, in the order of their ids. Raises Invalid when it cannot be one."""
    found: list[Any] = view.model.known_as(session, number_of(view, raw), lock=lock)
    return found


def the_one(step: Step, found: list[Any], actor: Actor) -> Any:
    """The only record that the step is meant for; more of them are left alone. Raises Missing or Refused."""
    if step.by_number is None or not found:
        raise Missing(step.by_number.none if step.by_number else None)
    told = {record.id: record.refusal(step.name, actor, wide=False, by_number=True) for record in found}
    fit = [record for record in found if told[record.id] is None]
    if len(fit) > 1:
        raise Refused(_("该身份证号有%(n)s份档案，请先合并重复档案，再办理", n=len(fit)))
    if not fit:
        raise Refused(told[found[0].id])
    return fit[0]


def perform(view: RecordView, session: Session, name: str, actor: Actor, answers: Mapping[str, Any]) -> Any:
    """Perform the step on the record with this number, in the caller's transaction. Returns the record."""
    known_by = view.model.known_by
    step, rest = view.steps()[name], {key: answers[key] for key in answers if key != known_by}
    step.read(rest)  # what is wrong with the answers is told before anything is looked up
    record = the_one(step, find(view, session, answers[known_by], lock=True), actor)
    record.perform_by_number(name, actor, rest)
    session.expire(record, ["owner_unit"])
    return record


def take(view: RecordView, session: Session, name: str, actor: Actor, answers: Mapping[str, Any]) -> Any:
    """`perform` as a request of its own: commits. Returns the record."""
    record = perform(view, session, name, actor, answers)
    session.commit()
    return record


def note(session: Session, actor: Actor, resource: str, found: Mapping[int, str]) -> None:
    """Note that somebody looks at records that may be out of his scope: id → as what. Commits. Raises TooMany."""
    is_look = StepLog.step == literal_column(f"'{LOOK}'")  # as the index over just these says it
    mine = (StepLog.account_id == actor.account_id, is_look, StepLog.at > actor.at - WINDOW)
    looks = select(func.count(StepLog.id)).where(*mine).execution_options(**door("how often one has looked"))
    if (session.scalar(looks) or 0) + len(found) > MOST_LOOKS:
        raise TooMany(_("查询他人档案过于频繁，请过10分钟再试"))
    for pk, what in found.items():
        audit.note(session, actor, resource, pk, LOOK, {"as": what})
    session.commit()
