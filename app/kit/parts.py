"""Records that are parts of another, e.g. the trainees of a class: which record is meant, and whether it takes them.

A view whose rows come from Excel into one record at a time says ``import_into``, the column that tells which.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flask import current_app
from flask_babel import lazy_gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.kit.errors import BadRequest, Missing, Refused
from app.kit.record import lock
from app.kit.scope import Actor

if TYPE_CHECKING:
    from app.kit.view import RecordView


def given(view: RecordView, args: Mapping[str, str]) -> dict[str, str]:
    """The record whose parts a list shows, for the addresses of what is added to it."""
    name = getattr(view.model, "parent_key", "")
    raw = args.get(name, "") if name in view.addressed else ""
    return {name: raw} if raw.isascii() and raw.isdigit() and len(raw) < 10 else {}


def whole_view(view: RecordView) -> RecordView:
    """The view of what these are parts of."""
    found: RecordView = current_app.extensions["views"][view.model.fields()[view.import_into].target]
    return found


def whole_of(view: RecordView, actor: Actor, args: Mapping[str, str]) -> Any:
    """The record that a workbook is to go into; None where rows are records of their own.

    Raises BadRequest when none is named, Missing when it is out of scope, Refused when it takes no parts now.
    """
    if not view.import_into:
        return None
    raw = args.get(view.import_into, "")
    if not (raw.isascii() and raw.isdigit() and len(raw) < 16):
        raise BadRequest(
            _(
                "请从%(whole)s的页面导入%(what)s",
                whole=whole_view(view).model.__label__,
                what=view.model.__label__,
            )
        )
    whole = whole_view(view).find(int(raw))
    if (why := view.why_not_on(whole, actor)) is not None:
        raise Refused(why)
    return whole


def tab_of(view: RecordView, pk: int) -> str:
    """Where the parts of a record are shown."""
    return whole_view(view).url("show", pk=pk, tab=view.resource)


def held(view: RecordView, session: Session, actor: Actor, pk: int) -> Any:
    """Hold the record until the transaction ends; why it takes no parts any more, in words. Raises Missing."""
    cls = whole_view(view).model
    whole = session.scalar(select(cls).where(cls.id == pk))
    if whole is None:
        raise Missing
    lock(whole)
    return view.why_not_on(whole, actor)
