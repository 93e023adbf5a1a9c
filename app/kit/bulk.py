"""Many new records at once: judged by the very rules of a save, stored set by set, with history, claims and names.

    judge = Judge(Archive, actor)
    record, problems = judge.read(typed)       a record outside the session, its cells read
    problems += judge.problems(record, …)      derived, and judged by every rule
    store(session, judge, [record, …])         in the caller's transaction; raises Clash when somebody was faster

What a save asks of the database one record at a time is asked once for the chunk, by who calls: :func:`claims.known`
for identity numbers, :func:`given` for running numbers. The guard of the scope does not see what is stored here:
every record must have been judged.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from operator import itemgetter
from typing import Any

from psycopg import sql
from sqlalchemy import JSON, Table, UniqueConstraint, column, event, func, insert, inspect, select, table
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.kit import codes, history, name_search, names, transplant
from app.kit.clock import today
from app.kit.columns import Field, Wrong
from app.kit.errors import Problem
from app.kit.history import RecordVersion
from app.kit.record import Record, Row, check, last_change, take
from app.kit.scope import Actor, door

#: values remembered for a column; what people write into a column of codes is few, of addresses many
MOST_REMEMBERED = 5000

_given: ContextVar[dict[Any, Any] | None] = ContextVar("given", default=None)
_typed: ContextVar[frozenset[str]] = ContextVar("typed", default=frozenset())


class Clash(Exception):
    """Somebody else has taken what one of the records needs; nothing was stored, and all must be judged again."""


@contextmanager
def giving(typed: Iterable[str]) -> Iterator[dict[Any, Any]]:
    """Within it running numbers are given from memory; who gives the first has locked what they are counted in.

    Numbers that were ``typed`` are not given, see `is_typed`.
    """
    numbers: dict[Any, Any] = {}
    token, wanted = _given.set(numbers), _typed.set(frozenset(typed))
    try:
        yield numbers
    finally:
        _typed.reset(wanted)
        _given.reset(token)


def is_typed(number: str) -> bool:
    """Whether one of the records that are stored together brings this number itself."""
    return number in _typed.get()


def given() -> dict[Any, Any] | None:
    """The running numbers given so far to the records that are stored together; None outside."""
    return _given.get()


# --- judging --------------------------------------------------------------------------------------------------


class Judge:
    """Reads and judges records of one type; remembers what it has said of a value."""

    def __init__(self, model: type[Any], actor: Actor) -> None:
        self.model = model
        self._verdicts: dict[Field, dict[Any, list[Any]]] = {}
        self._texts: dict[Field, dict[Any, Any]] = {}
        #: class → field name → the field and what its cells have meant so far
        self._meanings: dict[type[Any], dict[str, tuple[Field, dict[Any, Any]]]] = {}
        self._standing: tuple[Any, ...] = ()
        self.go_on(actor)

    def go_on(self, actor: Actor) -> None:
        """Judge for this actor from here on. What was said of a value holds while code tables and day are the same."""
        self.actor = actor
        self._stamped = {"created_at": actor.at, "created_by_id": actor.account_id, **last_change(actor)}
        standing = (codes.edition(), today())
        if standing == self._standing:
            return
        self._standing = standing
        self._verdicts.clear()
        self._texts.clear()
        for cls in (self.model, *self.model.child_classes().values()):
            self._meanings[cls] = {name: (field, {}) for name, field in cls.fields().items()}

    def read(self, typed: Mapping[str, Any]) -> tuple[Any, list[Problem]]:
        """A new record with what was typed, as `record.fill` would read it, and the problems of the reading."""
        problems: list[Problem] = []
        record = self._filled(self.model, typed, "", problems)
        for name, cls in self.model.child_classes().items():
            rows = [
                self._filled(cls, line, f"{name}.{index}.", problems)
                for index, line in enumerate(typed.get(name, ()))
            ]
            for number, row in enumerate(rows, 1):
                if "line_no" in vars(row):
                    vars(row)["line_no"] = number
            vars(record)[name] = rows
        return record, problems

    def _filled(self, cls: type[Any], typed: Mapping[str, Any], prefix: str, problems: list[Problem]) -> Row:
        """One row. Each distinct cell of a column is read once; most columns hold few."""
        record: Row = _blank(cls)
        kin = cls.child_classes()
        kept, meanings = vars(record), self._meanings[cls]
        if isinstance(record, Record):
            kept.update(self._stamped)  # as `stamp` does, past SQLAlchemy's book-keeping of changes
        for name, raw in typed.items():
            if name in kin:
                continue
            field, known = meanings[name]
            key = raw if raw.__class__ is str else (raw.__class__, raw)
            if key in known:
                value = known[key]
            else:
                value = _meaning(field, raw)
                _remember(known, key, value)
            if value.__class__ is Wrong:
                problems.append(Problem(f"{prefix}{name}", value.args[0]))
            else:
                kept[name] = value
        return record

    def problems(self, record: Any, unread: set[str]) -> list[Problem]:
        """Derive, then judge: every problem but those of fields that could not be read."""
        record.derive(self.actor)
        return list(check(record, unread, judge=self._verdict))

    def _verdict(self, field: Field, value: Any) -> list[Any]:
        try:
            return self._verdicts[field][value]
        except KeyError:
            words = field.judge(value)
            _remember(self._verdicts.setdefault(field, {}), value, words)
            return words

    def version(self, record: Any) -> dict[str, Any]:
        """The version that a save of the new record would write."""
        diff = history.beginning(record, self._json)
        return history.line(record, "add", self.actor, None, None, diff)

    def _json(self, field: Field, value: Any) -> Any:
        if value is None or type(field).json is Field.json:
            return value
        try:
            return self._texts[field][value]
        except KeyError:
            text = field.json(value)
            _remember(self._texts.setdefault(field, {}), value, text)
            return text


def _meaning(field: Field, raw: Any) -> Any:
    """What a cell means, or the `Wrong` that says why it means nothing."""
    try:
        return take(field, raw)
    except Wrong as wrong:
        return wrong


def _remember(known: dict[Any, Any], key: Any, value: Any) -> None:
    if len(known) >= MOST_REMEMBERED:
        known.clear()
    known[key] = value


@cache
def _beginning(cls: Any) -> tuple[dict[str, Any], dict[str, Any], Callable[[], Any]]:
    """What a new row holds before anything is typed, as the database would fill it in: values, and defaults to call.

    And what makes the row.
    """
    values, made = dict[str, Any](), dict[str, Any]()
    mapper = inspect(cls)
    for attribute in mapper.column_attrs:
        default = attribute.columns[0].default
        values[attribute.key] = default.arg if default is not None and default.is_scalar else None
        if default is not None and default.is_callable:
            made[attribute.key] = default.arg
    if mapper.version_id_col is not None:
        values[mapper.get_property_by_column(mapper.version_id_col).key] = 1
    return values, made, mapper.class_manager.new_instance


def _blank(cls: type[Any]) -> Any:
    """A new row outside any session.

    Its values are put where SQLAlchemy keeps them, past its book-keeping of changes, which takes longer than all rules.
    """
    values, made, new_instance = _beginning(cls)  # type: ignore[arg-type] # mypy takes no class for hashable
    record = new_instance()
    kept = vars(record)
    kept.update(values)
    for name, default in made.items():
        kept[name] = default(None)
    for name in cls.children:
        kept[name] = []
    return record


def copy_of(row: Any) -> Any:
    """The content of a stored row, outside the session."""
    copied = _blank(type(row))
    names_ = [attribute.key for attribute in inspect(type(row)).column_attrs]
    vars(copied).update({name: getattr(row, name) for name in names_})
    return copied


def clashes(session: Session, model: type[Any], records: Sequence[Any]) -> dict[int, list[Problem]]:
    """Index of a record → the constraints of one value a unit that stored ones, or earlier ones of these, break.

    A save learns this from the database; here one record must not undo the others. Constraints that another table
    keeps, such as that of identity numbers, are rules already.
    """
    found: dict[int, list[Problem]] = {}
    for constraint in model.__table__.constraints:
        if not isinstance(constraint, UniqueConstraint) or str(constraint.name) not in model.constraint_words:
            continue
        field, words = model.constraint_words[str(constraint.name)]
        keys = [column.key for column in constraint.columns]
        wanted = [tuple(getattr(record, key) for key in keys) for record in records]
        asked = {one for one in wanted if None not in one}
        columns = [getattr(model, key) for key in keys]
        # a list a column, not a list of pairs: PostgreSQL looks pairs up one by one, past the index
        within = [one.in_({pair[at] for pair in asked}) for at, one in enumerate(columns)]
        look = select(*columns).where(*within).execution_options(**door("unique values"))
        taken = {tuple(row) for row in session.execute(look)} if asked else set()
        for index, one in enumerate(wanted):
            if one in taken:
                found.setdefault(index, []).append(Problem(field, words))
            if None not in one:
                taken.add(one)
    return found


# --- storing --------------------------------------------------------------------------------------------------


def store(session: Session, judge: Judge, records: Sequence[Any]) -> None:
    """Insert judged records with their inline rows, versions, claims and name keys. Raises Clash; commits nothing."""
    if not records:
        return
    actor, model = judge.actor, judge.model
    transplant.must_stand(session, {path for record in records for path in transplant.paths_in(record)})
    for record, number in zip(records, reserve(session, model, len(records)), strict=True):
        vars(record)["id"] = number
        record.stamp(actor)
    kin = [_numbered(session, cls, name, records, actor) for name, cls in model.child_classes().items()]
    try:
        with session.begin_nested(), _sending(session):
            insert_rows(session, model, records)
            for cls, children in kin:
                insert_rows(session, cls, children)
            model.settle_many(records, actor)
            insert_values(session, RecordVersion, [judge.version(record) for record in records])
    except (IntegrityError, session.get_bind().dialect.loaded_dbapi.IntegrityError) as clash:
        raise Clash from clash


def _numbered(
    session: Session, cls: type[Any], name: str, records: Sequence[Any], actor: Actor
) -> tuple[type[Any], list[Any]]:
    """The inline rows of one kind, with their ids and their record's."""
    rows = [(record, child) for record in records for child in getattr(record, name)]
    for (record, child), number in zip(rows, reserve(session, cls, len(rows)), strict=True):
        vars(child)["id"] = number
        vars(child)[cls.parent_key] = record.id
        if isinstance(child, Record):
            child.stamp(actor)
    return cls, [child for _record, child in rows]


def insert_rows(session: Session, cls: type[Any], rows: Sequence[Any]) -> None:
    """Rows of one class, and what their names are found by."""
    insert_values(session, cls, [vars(row) for row in rows])
    if name := name_search.field_of(cls):
        people = ((row.id, getattr(row, name)) for row in rows)
        found = names.rows(cls.resource(), people)
        found.sort(
            key=itemgetter("key")
        )  # in the order of the index that they go to: a quarter less work for it
        insert_values(session, name_search.NameSearch, found)


def reserve(session: Session, cls: type[Any], count: int) -> Iterable[int]:
    """Ids that nobody else will have."""
    if not count:
        return ()
    name = cls.__table__.name
    if _is_postgresql(session):
        numbers = func.nextval(func.pg_get_serial_sequence(name, "id"))
        drawn = select(numbers).select_from(func.generate_series(1, count).table_valued("n"))
        return list(session.scalars(drawn))
    # SQLite counts in a table of its own; the transaction holds the only lock that there is
    book = table("sqlite_sequence", column("name"), column("seq"))
    last = session.scalar(select(book.c.seq).where(book.c.name == name)) or 0
    return range(last + 1, last + 1 + count)


def insert_values(session: Session, cls: type[Any], rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows, attribute → value, by COPY where there is one. The columns are those of the first row."""
    if not rows:
        return
    target: Table = cls.__table__
    attributes = {one.key: one.columns[0] for one in inspect(cls).column_attrs}
    names_ = [key for key in rows[0] if key in attributes]
    if _is_postgresql(session):
        _copy(session, target, [attributes[key] for key in names_], names_, rows)
    else:
        values = [{attributes[key].name: row[key] for key in names_} for row in rows]
        session.connection().execute(insert(target), values)


def _copy(
    session: Session,
    target: Table,
    columns: Sequence[Any],
    keys: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
) -> None:
    dialect = session.get_bind().dialect
    ways = [_way(column, dialect) for column in columns]
    into = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(target.name), sql.SQL(", ").join(sql.Identifier(column.name) for column in columns)
    )
    text = _copy_text([[row[key] for row in rows] for key in keys], ways)
    driver: Any = session.connection().connection.driver_connection
    _hand.get()(_write, driver, into, text)


def _write(driver: Any, into: sql.Composed, text: str) -> None:
    with driver.cursor() as cursor, cursor.copy(into) as copy:
        copy.write(text)


#: who calls a function with its arguments: at once, or `_sending`'s thread
_hand: ContextVar[Callable[..., Any]] = ContextVar("hand", default=lambda call, *what: call(*what))


@contextmanager
def _sending(session: Session) -> Iterator[None]:
    """Within it the server takes in what was copied while the next rows are written; other statements wait for it."""
    connection, sent = session.connection(), list[Future[None]]()

    def arrived(*_statement: Any) -> None:
        while sent:
            sent.pop(0).result()

    with ThreadPoolExecutor(1) as thread:
        token = _hand.set(lambda *call: sent.append(thread.submit(*call)))
        event.listen(connection, "before_cursor_execute", arrived)
        try:
            yield
            arrived()
        finally:
            event.remove(connection, "before_cursor_execute", arrived)
            _hand.reset(token)


def _copy_text(columns: list[list[Any]], ways: Sequence[Callable[[Any], Any] | None]) -> str:
    """Rows as COPY reads them, from their values by column. If all marks are ours, as mostly, no value is looked at twice."""
    for index, way in enumerate(ways):
        if way is not None:
            columns[index] = [None if value is None else way(value) for value in columns[index]]
    text = _joined([[v if v.__class__ is str else _WRITTEN[v.__class__](v) for v in one] for one in columns])
    rows, nulls = len(columns[0]), sum(one.count(None) for one in columns)
    marks = (rows, rows * (len(columns) - 1), nulls, 0)
    if marks == (text.count("\n"), text.count("\t"), text.count("\\"), text.count("\r")):
        return text
    return _joined([[_WRITTEN[value.__class__](value) for value in one] for one in columns])


def _joined(columns: Iterable[Iterable[str]]) -> str:
    return "\n".join([*map("\t".join, zip(*columns, strict=True)), ""])


_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})
#: class of a value → its text in COPY; the driver's own way, a call a value, takes twice as long
_WRITTEN: dict[type[Any], Callable[[Any], str]] = {
    type(None): lambda _value: r"\N",
    str: lambda value: value.translate(_ESCAPES),
    bool: lambda value: "t" if value else "f",
    **dict.fromkeys((int, float, Decimal, date, datetime), str),
}
#: Chinese stands in a version as it is: half as long as its escapes, to write and to keep
_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def _way(one: Any, dialect: Any) -> Callable[[Any], Any] | None:
    """How a value of a column goes to the database; None for as it is."""
    if isinstance(one.type, JSON):
        return _json
    found: Callable[[Any], Any] | None = one.type.dialect_impl(dialect).bind_processor(dialect)
    return found


def _is_postgresql(session: Session) -> bool:
    return session.get_bind().dialect.name == "postgresql"
