"""Lists of a book: nothing is shown until it is said of which chain, one unit at a time, with sums under the rows.

A view says so with ``asks_first``, ``of_one_unit`` and ``totals``; its forms are those of its shelves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Session

from app.kit import totals
from app.kit.pages import Action, Cell, ListPage
from app.kit.question import Question
from app.kit.scope import Actor

if TYPE_CHECKING:
    from app.kit.view import RecordView


def waits(asked: Question) -> Any:
    """What must be chosen before anything is listed, in words; None when all of it is (AID-R178)."""
    missing = [one for one in asked.conditions if _is_missing(asked, one)]
    if not missing:
        return None
    return _(
        "请先选择%(what)s，再点击「%(ask)s」",
        what="、".join(str(one.label) for one in missing),
        ask=asked.view.ask_label,
    )


def _is_missing(asked: Question, condition: Any) -> bool:
    name = getattr(condition, "name", "")
    return name in asked.asks_first and not asked.args.get(name, "").strip()


def fill(page: ListPage, asked: Question, session: Session, waiting: Any) -> None:
    """What a book's list has beyond a usual one: the word on its button, and its sums or why there are none yet."""
    page.ask_label = asked.view.ask_label
    for one in page.conditions:
        one.required = one.name in asked.asks_first
    if waiting:
        page.exports, page.empty = [], waiting
        return
    names = list(asked.columns)
    page.totals = [
        [Cell(words) for words in totals.texts(asked.view, line, names)]
        for line in totals.lines(asked.view, session, asked)
    ]


def add_buttons(view: RecordView, asked: Question) -> list[Action]:
    """A button for each form that a book has, greyed until it is said of which chain of one's own unit."""
    refusal = waits(asked) or _not_own(asked, asked.actor)
    begun = {name: asked.args[name] for name in view.asks_first if asked.args.get(name)}
    return [
        Action(
            f"add_{shelf.name}",
            shelf.add_title,
            f"{view.url('add')}?{urlencode({'shelf': shelf.name} | begun)}",
            "plus",
            refusal=refusal,
            primary=True,
        )
        for shelf in view.shelves
        if shelf.add_title and (not asked.shelf or not asked.shelf.add_title or asked.shelf is shelf)
    ]


def _not_own(asked: Question, actor: Actor) -> Any:
    """Entries are added for one's own unit alone (AID-R183)."""
    if asked.args.get("unit", "") in {"", str(actor.unit_id)}:
        return None
    return _("只能在本单位的账上增加，请先点击「回本单位」")
