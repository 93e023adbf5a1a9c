"""What a reviewer sees of a record that comes up again: what changed since, his points with their answers.

Pages read it as boxes, REST as JSON; the record itself knows it (`app.workflows.reviewing`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import flash, redirect, request
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from app.kit import scope
from app.kit.changes import changes as in_words
from app.kit.errors import Invalid, Missing, Problem
from app.kit.pages import PointBox, PointLine, Since
from app.kit.scope import Actor, door

if TYPE_CHECKING:
    from app.kit.view import RecordView

#: what a page sends for a verdict
VERDICTS = {"yes": True, "no": False, "": None}


def since(record: Any, actor: Actor) -> Since | None:
    """The record beside what the actor's level last saw of it; None when it sees it for the first time."""
    version = record.last_seen(actor) if hasattr(record, "last_seen") else None
    if version is None:
        return None
    changes = in_words(type(record), record.difference_since(version))
    came, went = record.files_since(version)
    changes += [(_("附件"), "", name) for name in came]
    changes += [(_("附件"), name, gettext("(已移除)")) for name in went]
    at = version.at.strftime("%Y-%m-%d %H:%M")
    if changes:
        title = _("自上次上报（%(at)s）以来修改了%(n)s处", at=at, n=len(changes))
    else:
        title = _("自上次上报（%(at)s）以来没有修改", at=at)
    return Since(title, changes)


def points(view: RecordView, session: Session, record: Any, actor: Actor) -> PointBox | None:
    """The points that wait for the actor's answer, or his own with the answers to them."""
    if not hasattr(record, "returned_to"):
        return None
    asked, own = record.returned_to(actor), record.returned_by(actor)
    is_later = (
        own is not None and own.answered_at is not None and (asked is None or own.number > asked.number)
    )
    if asked is not None and not is_later:
        told = f"{_unit_name(session, asked.asker_id)} {asked.by} {asked.at:%Y-%m-%d %H:%M}"
        hint = _("改好后再上报，上报时可以逐条答复。")
        return PointBox(_("上级的退回意见"), f"{told}。{hint}", _lines(asked))
    if not is_later:
        return None
    box = PointBox(_("本单位的退回意见和答复"), points=_lines(own))
    told = _(
        "%(at)s退回，%(when)s由%(who)s再次上报。",
        at=f"{own.at:%Y-%m-%d}",
        when=f"{own.answered_at:%Y-%m-%d}",
        who=own.answered_by,
    )
    box.told = told
    if actor.may("send_back", view.resource) and record.why_not_settle(actor) is None:
        box.url = view.url("settle", pk=record.id)
    return box


def _lines(asked: Any) -> list[PointLine]:
    marks = {True: "yes", False: "no", None: ""}
    return [
        PointLine(index + 1, words, asked.answer(index), marks[asked.verdict(index)])
        for index, words in enumerate(asked.points)
    ]


def _unit_name(session: Session, unit_id: int | None) -> str:
    unit = scope.class_of_table("unit")
    name = select(unit.name).where(unit.id == unit_id)
    return session.scalar(name.execution_options(**door("name of the unit that returned a record"))) or ""


def settle(view: RecordView, session: Session, record: Any, actor: Actor) -> Response:
    """Note which points are settled, as the page sends them: ``point-1=yes``."""
    if not hasattr(record, "settle_points"):
        raise Missing
    asked = record.returned_by(actor)
    number = len(asked.points) if asked else 0
    typed = [request.form.get(f"point-{index}", "") for index in range(1, number + 1)]
    if any(word not in VERDICTS for word in typed):
        raise Invalid([Problem("settled", _("请选择「已解决」或「未解决」"))])
    record.settle_points([VERDICTS[word] for word in typed], actor)
    session.commit()
    flash(gettext("已记录审核结果"), "success")
    return redirect(view.url("show", pk=record.id))


def as_json(record: Any, actor: Actor) -> list[dict[str, Any]]:
    """The rounds in which the actor's unit asked or was asked, the latest first."""
    mine = [one for one in record.rounds() if actor.unit_id in (one.asker_id, one.asked_id)]
    return [
        {
            "at": one.at.isoformat(),
            "by": one.by,
            "from_unit_id": one.asker_id,
            "to_unit_id": one.asked_id,
            "answered_at": one.answered_at.isoformat() if one.answered_at else None,
            "answered_by": one.answered_by or None,
            "points": [
                {
                    "number": index + 1,
                    "words": words,
                    "answer": one.answer(index) or None,
                    "settled": one.verdict(index),
                }
                for index, words in enumerate(one.points)
            ],
        }
        for one in reversed(mine)
    ]
