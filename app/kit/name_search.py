"""Records found by a person's name, in the order of their ids, whatever the number of records (DESIGN §5).

``name_search`` holds a row per record and key of :mod:`app.kit.names`. Its primary key is read from the left: an
equal (key, source) gives record ids in their order, so that a page of a frequent name ends as soon as it is full.
The key comes first because it differs from row to row: an index over tens of millions is sorted by its first bytes.

    declare   ``columns.text(…, search="name")`` on the one name of a record type
    keep      every flush of the session does; who writes in bulk inserts ``names.rows``, in the same transaction
    ask       :func:`named` in a query, :func:`maybe_contains` before a LIKE
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby, islice
from operator import itemgetter
from typing import Any

from flask_appbuilder import Model
from sqlalchemy import (
    ColumnElement,
    Connection,
    Index,
    Integer,
    String,
    and_,
    bindparam,
    delete,
    event,
    exists,
    func,
    insert,
    inspect,
    or_,
    select,
    true,
)
from sqlalchemy.orm import Mapped, ORMExecuteState, Session, UOWTransaction, mapped_column

from app.kit import names
from app.kit.errors import NotDeclared
from app.kit.record import Row
from app.kit.scope import Actor, Scoped, door


def _word(length: int) -> Any:
    """Text that is compared byte by byte, as SQLite does anyway."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")


#: records whose rows are read or removed by one statement
BATCH = 1000

#: a key and the id of the record that it finds
Key = tuple[str, int]


class NameSearch(Scoped, Model):
    """One record is found by one key."""

    __tablename__ = "name_search"
    __table_args__ = (
        Index("ix_name_search_record", "record_id", "source"),
        {"sqlite_with_rowid": False},
    )

    key: Mapped[str] = mapped_column(_word(names.KEY_LENGTH), primary_key=True)
    source: Mapped[str] = mapped_column(_word(40), primary_key=True)
    record_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)

    @classmethod
    def scope(cls, who: Actor) -> ColumnElement[bool]:
        """National: a row is a pointer; the record that it points at has a scope of its own."""
        return true()

    def in_scope(self, who: Actor) -> bool:
        """As its record."""
        return True


_fields: dict[Any, str] = {}


def field_of(cls: type[Any]) -> str:
    """The field of a record type that is searched as a name; empty when there is none. Raises NotDeclared for two."""
    if cls not in _fields:
        found = [name for name, field in cls.fields().items() if field.search == "name"]
        if len(found) > 1:
            raise NotDeclared(f"{cls.__name__} has two names to search by: {', '.join(found)}")
        _fields[cls] = found[0] if found else ""
    return _fields[cls]


# --- asking -----------------------------------------------------------------------------------------------------


def named(column: Any, typed: str) -> ColumnElement[bool]:
    """The records that are called so: part of the name in characters, else its pinyin or initials from the start."""
    text = names.squeeze(typed)
    if len(text) >= 2 and names.is_han(text):
        return and_(*_pairs(column, text), *([_squeezed(column).contains(text)] if len(text) > 2 else []))
    if letters := names.latin(typed):
        return _has(column, letters)
    contains: ColumnElement[bool] = column.contains(typed, autoescape=True)
    return contains


def maybe_contains(column: Any, text: str) -> list[ColumnElement[bool]]:
    """What is true of every record whose name contains a text, and quick to look up."""
    return _pairs(column, text)


def _pairs(column: Any, text: str) -> list[ColumnElement[bool]]:
    # a long text is judged by its first pairs: each is a join more to plan
    found = sorted(names.pairs(text[:5]), key=text.index)
    return [_has(column, pair) for pair in found]


def _has(column: Any, key: str) -> ColumnElement[bool]:
    cls = column.class_
    # the key is written into the statement: PostgreSQL plans for 王 and for 龑 apart, never for an average name
    literal = bindparam("name_key", key, _word(names.KEY_LENGTH), unique=True, literal_execute=True)
    found = select(NameSearch.record_id).where(NameSearch.source == cls.resource(), NameSearch.key == literal)
    within: ColumnElement[bool] = cls.id.in_(found)
    return within


def _squeezed(column: Any) -> Any:
    for mark in names.SEPARATORS:
        column = func.replace(column, mark, "")
    return column


# --- keeping ----------------------------------------------------------------------------------------------------

# What a flush has to write: the keys of these records go, these names come. It belongs to one flush; one that fails
# leaves its notes behind for the next to throw away.
_GONE, _NAMED = "name_search gone", "name_search named"


@event.listens_for(Row, "after_insert", propagate=True)
def _note_added(_mapper: Any, _connection: Connection, row: Row) -> None:
    if name := field_of(type(row)):
        _note(row, _NAMED, getattr(row, name))


@event.listens_for(Row, "after_update", propagate=True)
def _note_changed(_mapper: Any, _connection: Connection, row: Row) -> None:
    if (name := field_of(type(row))) and inspect(row).attrs[name].history.has_changes():
        _note(row, _GONE, None)
        _note(row, _NAMED, getattr(row, name))


@event.listens_for(Row, "after_delete", propagate=True)
def _note_deleted(_mapper: Any, _connection: Connection, row: Row) -> None:
    if field_of(type(row)):
        _note(row, _GONE, None)


def _note(row: Any, what: str, name: str | None) -> None:
    session = inspect(row).session
    session.info.setdefault(what, {})[row.resource(), row.id] = name


@event.listens_for(Session, "before_flush")
def _forget_notes(session: Session, _context: UOWTransaction, _instances: Any) -> None:
    session.info.pop(_GONE, None)
    session.info.pop(_NAMED, None)


@event.listens_for(Session, "after_flush")
def _write_notes(session: Session, _context: UOWTransaction) -> None:
    gone, named_ = session.info.pop(_GONE, {}), session.info.pop(_NAMED, {})
    if gone or named_:
        connection = session.connection(bind_arguments={"mapper": inspect(NameSearch)})
        _remove(connection, gone)
        _insert(connection, ((source, pk, name) for (source, pk), name in named_.items()))


@event.listens_for(Session, "do_orm_execute")
def _refuse_unnoted(state: ORMExecuteState) -> None:
    """A name that is changed past the session would still be found by what it was.

    Who says ``names_mended`` calls `mend` himself.
    """
    if state.execution_options.get("names_mended"):
        return
    if not state.is_update or state.bind_mapper is None or not issubclass(state.bind_mapper.class_, Row):
        return
    name = field_of(state.bind_mapper.class_)
    written = {getattr(column, "key", column) for column in getattr(state.statement, "_values", None) or ()}
    given: Any = state.parameters or {}
    for row in given if isinstance(given, list) else [given]:
        written |= row.keys()
    if name and name in written:
        raise RuntimeError(f"bulk change of {name}: use the session, so that name_search follows")


def _remove(connection: Connection, records: Iterable[tuple[str, int]]) -> None:
    """The rows of these records, (source, id) each, go."""
    for batch in _batches(sorted(records)):
        of_source = [
            and_(NameSearch.source == source, NameSearch.record_id.in_([pk for _source, pk in group]))
            for source, group in groupby(batch, itemgetter(0))
        ]
        connection.execute(delete(NameSearch).where(or_(*of_source)))


def _insert(connection: Connection, named_: Iterable[tuple[str, int, str | None]]) -> None:
    rows = [row for source, pk, name in named_ for row in names.rows(source, [(pk, name)])]
    if rows:
        connection.execute(insert(NameSearch), rows)


def _batches(things: Iterable[Any]) -> Iterator[list[Any]]:
    rest = iter(things)
    while batch := list(islice(rest, BATCH)):
        yield batch


# --- mending ----------------------------------------------------------------------------------------------------


def searched() -> list[type[Any]]:
    """The record types that are searched by name."""
    classes = {mapper.class_ for mapper in Model.registry.mappers if issubclass(mapper.class_, Row)}
    return sorted((cls for cls in classes if field_of(cls)), key=lambda cls: str(cls.resource()))


def faults(session: Session, cls: type[Any]) -> Iterator[tuple[set[Key], set[Key]]]:
    """The keys that are missing, and those too many, a thousand records at a time; those of deleted records last."""
    look, source = door("upkeep of the name search"), cls.resource()
    most = session.scalar(select(func.max(cls.id)).execution_options(**look)) or 0
    kept = and_(NameSearch.source == source, NameSearch.record_id == cls.id)
    # names and keys in one statement: they are of one moment, whoever writes meanwhile
    people = select(cls.id, getattr(cls, field_of(cls)), NameSearch.key).outerjoin(NameSearch, kept)
    for last in range(0, most, BATCH):
        named_, there = dict[int, str | None](), set[Key]()
        some = people.where(cls.id > last, cls.id <= last + BATCH).execution_options(**look)
        for pk, name, key in session.execute(some):
            named_[pk] = name
            there |= {(key, pk)} if key is not None else set()
        wanted = {(row["key"], row["record_id"]) for row in names.rows(source, named_.items())}
        if wanted != there:
            yield wanted - there, there - wanted
    gone = ~exists().where(cls.id == NameSearch.record_id)
    orphans = select(NameSearch.key, NameSearch.record_id).where(NameSearch.source == source, gone)
    if left := {(key, pk) for key, pk in session.execute(orphans.execution_options(**look))}:
        yield set(), left


def mend(session: Session, cls: type[Any], ids: Iterable[int]) -> None:
    """Write the keys of these records anew, from the names that they now have; the caller commits."""
    connection = session.connection(bind_arguments={"mapper": inspect(NameSearch)})
    look = door("upkeep of the name search")
    for batch in _batches(sorted(ids)):
        people = (
            select(cls.id, getattr(cls, field_of(cls))).where(cls.id.in_(batch)).with_for_update(read=True)
        )
        now = session.execute(people.execution_options(**look)).all()
        _remove(connection, ((cls.resource(), pk) for pk in batch))
        _insert(connection, ((cls.resource(), pk, name) for pk, name in now))
