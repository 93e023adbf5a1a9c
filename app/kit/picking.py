"""Records to choose from in a form: found by a part of their name, at most fifty at a time (DESIGN §5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import inspect, or_, select
from sqlalchemy.orm import Session

from app.kit import columns, query
from app.kit.scope import Actor

if TYPE_CHECKING:
    from app.kit.view import RecordView

#: choices shown at once; more are found by typing more
MOST = 50


def typed(raw: str) -> str | None:
    """What was typed into a picker, bounded; None for what no database keeps."""
    try:
        return columns.clean(raw[:100])[:50]
    except columns.Wrong:
        return None


def found(view: RecordView, session: Session, raw: str, own: Actor | None = None) -> list[dict[str, Any]]:
    """The latest records in scope whose searched fields contain the words; a name is found by its pinyin too.

    With ``own`` those of this actor's own unit alone.
    """
    words = typed(raw)
    if words is None:
        return []
    statement = select(view.model).order_by(view.model.id.desc()).limit(MOST)
    for clause in view.base_clauses():
        statement = statement.where(clause)
    if own is not None:
        statement = statement.where(view.model.owner_path == own.path)
    names = searched(view)
    if words and names:
        fields = view.model.fields()
        statement = statement.where(
            or_(*(query.holds(fields[name], getattr(view.model, name), words) for name in names))
        )
    notes = [name for name in view.columns if name in view.model.fields() and name not in names][:1]
    return [
        {
            "value": str(record.id),
            "text": record.title,
            "note": "".join(record.text(name) for name in notes),
            "children": False,
        }
        for record in session.scalars(statement)
    ]


def searched(view: RecordView) -> list[str]:
    """The fields to look in: those declared for search, else the first line of text in the list."""
    fields = view.model.fields()
    mapped = [
        name
        for name, field in fields.items()
        if isinstance(field, columns.TextField) and name in inspect(view.model).all_orm_descriptors
    ]
    declared = [name for name in mapped if fields[name].search]
    return declared or [name for name in view.columns if name in mapped][:1]


def title_of(table: str, typed_id: str) -> str:
    """How a chosen record is called, if the actor sees it."""
    if not (typed_id.isascii() and typed_id.isdigit() and len(typed_id) < 10):
        return ""
    return query.called(table, int(typed_id))
