"""What a record was before each change: snapshot, difference, who, for which unit, by which step.

Every version is written in the transaction of the change itself (AID-R065). A 上报 freezes what the upper
level saw, so that a resubmission can show only what changed since.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any

from flask_appbuilder import Model
from sqlalchemy import JSON, ColumnElement, DateTime, Index, String, Text, inspect, true
from sqlalchemy.orm import Mapped, mapped_column

from app.kit.columns import (
    CodeField,
    Field,
    IdCardField,
    LongTextField,
    ReferenceField,
    TextField,
    YesNoField,
)
from app.kit.record import Row, session_of
from app.kit.scope import Actor, Scoped

Snapshot = dict[str, Any]

#: book-keeping that is not content
_SILENT = frozenset(
    {
        "updated_at",
        "updated_by_id",
        "updated_by_name",
        "version",
        "last_reported_at",
        "last_returned_at",
        "returned_from",
    }
)


class RecordVersion(Scoped, Model):
    """One change of one record; never changed itself."""

    __tablename__ = "record_version"
    __table_args__ = (Index("ix_record_version_record", "record_type", "record_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    record_type: Mapped[str] = mapped_column(String(40))
    record_id: Mapped[int] = mapped_column()
    at: Mapped[datetime] = mapped_column(DateTime)
    account_id: Mapped[int | None] = mapped_column()
    account_name: Mapped[str] = mapped_column(String(64))
    unit_id: Mapped[int | None] = mapped_column()
    unit_name: Mapped[str] = mapped_column(String(100))
    step: Mapped[str] = mapped_column(String(30))
    message: Mapped[str | None] = mapped_column(Text)
    snapshot: Mapped[Snapshot | None] = mapped_column(JSON)
    diff: Mapped[list[list[Any]]] = mapped_column(JSON)

    @classmethod
    def scope(cls, who: Actor) -> ColumnElement[bool]:
        """Read only by the id of a record that the reader has been shown."""
        return true()

    def in_scope(self, who: Actor) -> bool:
        """As its record."""
        return True


def snapshot(
    row: Row, json: Callable[[Field, Any], Any] = lambda field, value: field.json(value)
) -> Snapshot:
    """Every column and child row as JSON values; ``json`` is `Field.json`, or one that remembers."""
    cls: Any = type(row)
    taken = _taken(row, content(cls), json)
    for name in cls.children:
        taken[name] = [snapshot(child, json) for child in getattr(row, name)]
    return taken


def _taken(
    row: Row, names: Iterable[tuple[str, Field | None]], json: Callable[[Field, Any], Any]
) -> Snapshot:
    loaded, taken = vars(row), Snapshot()
    for name, field in names:
        value = loaded[name] if name in loaded else getattr(row, name)
        if value.__class__ not in _AS_THEY_ARE or field.__class__ not in _SAYS_IT_AS_IT_IS:
            value = _plain(value) if field is None else json(field, value)
        taken[name] = value
    return taken


#: values that JSON keeps, and fields that show theirs unchanged (None: a column without a field)
_AS_THEY_ARE = frozenset({str, int, bool, type(None)})
_SAYS_IT_AS_IT_IS = frozenset({type(None), TextField, LongTextField, IdCardField, YesNoField, ReferenceField})


def remembering() -> Callable[[Field, Any], Any]:
    """`Field.json` that remembers what it has said of codes: for many snapshots in a row."""
    said: dict[Field, dict[Any, Any]] = {}

    def json(field: Field, value: Any) -> Any:
        if value is None or field.__class__ is not CodeField:
            return field.json(value)
        known = said.setdefault(field, {})
        if value not in known:
            known[value] = field.json(value)
        return known[value]

    return json


@cache
def content(cls: type[Row]) -> tuple[tuple[str, Field | None], ...]:
    """What a version keeps of a record but for its children: name and, where there is one, field."""
    fields, mapper = cls.fields(), inspect(cls)
    renamed = {synonym.name for synonym in mapper.synonyms if synonym.key in fields}
    kept = {
        attribute.key: fields.get(attribute.key)
        for attribute in mapper.column_attrs
        if attribute.key not in renamed and not attribute.columns[0].info.get("secret")
    }
    return tuple((kept | {name: field for name, field in fields.items() if name not in kept}).items())


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    return value.isoformat() if isinstance(value, date) else value


def difference(before: Snapshot, after: Snapshot) -> list[list[Any]]:
    """What changed: ``[field, before, after]``, silent book-keeping left out."""
    if not before:
        return _beginning(after)
    names = [name for name in {**before, **after} if name not in _SILENT]
    changed = []
    for name in names:
        old, new = before.get(name), after.get(name)
        if isinstance(old, list) or isinstance(new, list):
            old, new = [_content(row) for row in old or []], [_content(row) for row in new or []]
        if old != new:
            changed.append([name, old, new])
    return changed


def _beginning(after: Snapshot) -> list[list[Any]]:
    """The difference from nothing: what a new record was given."""
    given = [(name, value) for name, value in after.items() if value is not None and name not in _SILENT]
    return [
        [
            name,
            [] if value.__class__ is list else None,
            _contents(value) if value.__class__ is list else value,
        ]
        for name, value in given
        if value != []
    ]


def beginning(row: Row, json: Callable[[Field, Any], Any]) -> list[list[Any]]:
    """The `difference` from nothing to the `snapshot` of a new record, without making that: for very many of them."""
    cls: Any = type(row)
    told = _taken(row, _told(cls), json)
    diff = [[name, None, value] for name, value in told.items() if value is not None and value != []]
    kin = [(name, getattr(row, name)) for name in cls.children]
    diff += [[name, [], _contents([snapshot(child, json) for child in rows])] for name, rows in kin if rows]
    return diff


@cache
def _told(cls: Any) -> tuple[tuple[str, Field | None], ...]:
    """What a difference tells of a record's `content`."""
    return tuple((name, field) for name, field in content(cls) if name not in _SILENT)


def _contents(rows: list[Any]) -> list[Any]:
    return [_content(row) for row in rows]


def _content(child: Any) -> Any:
    if not isinstance(child, dict):  # a column that holds a list, e.g. problem_flags
        return child
    return {
        key: value for key, value in child.items() if key not in _SILENT and not key.startswith("created_")
    }


@contextmanager
def recorded(
    record: Any, step: str, actor: Actor, message: str | None = None, *, is_new: bool = False
) -> Iterator[dict[str, str | None]]:
    """Note the change that happens inside: what the record was before, and what of it changed.

    What is given it may have a ``message`` put in place of the one here, once it is known.
    """
    before, told = None if is_new else snapshot(record), {"message": message}
    yield told
    session = session_of(record)
    record.stamp(actor)
    session.flush()  # ids and defaults belong to the content
    write(record, step, actor, told["message"], before, difference(before or {}, snapshot(record)))
    record.follow_up(session, before or {}, record, actor)


def changed(cls: type[Row], before: Snapshot, new: Mapping[str, Any]) -> list[list[Any]]:
    """The difference that setting columns to ``new`` values makes to a row that was ``before``."""
    fields = cls.fields()
    after = {
        name: fields[name].json(value) if name in fields else _plain(value) for name, value in new.items()
    }
    return difference({name: before[name] for name in before if name in after}, after)


def write(
    record: Any, step: str, actor: Actor, message: str | None, before: Snapshot | None, diff: list[list[Any]]
) -> None:
    """Add one version; ``before`` is the content before the change."""
    session_of(record).add(RecordVersion(**line(record, step, actor, message, before, diff)))


def line(
    record: Any, step: str, actor: Actor, message: str | None, before: Snapshot | None, diff: list[list[Any]]
) -> dict[str, Any]:
    """The columns of one version."""
    return {
        "record_type": type(record).resource(),
        "record_id": record.id,
        "at": actor.at,
        "account_id": actor.account_id,
        "account_name": actor.name,
        "unit_id": actor.unit_id,
        "unit_name": actor.unit_name,
        "step": step,
        "message": message,
        "snapshot": before,
        "diff": diff,
    }
