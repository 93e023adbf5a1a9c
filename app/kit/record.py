"""What a row is: its fields, its rules, and the one door through which typed values enter it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from functools import cache
from typing import Any, ClassVar

from flask_appbuilder import Model
from flask_babel import lazy_gettext as _
from sqlalchemy import DateTime, ForeignKey, Integer, String, insert, inspect, select, update
from sqlalchemy.orm import Mapped, Session, declared_attr, mapped_column, object_session
from sqlalchemy.orm.attributes import set_committed_value

from app.kit import columns
from app.kit.clock import now
from app.kit.columns import Field
from app.kit.errors import Missing, NotDeclared, Problem, Refused
from app.kit.rules import Rule
from app.kit.scope import Actor, Scoped, door


class Row(Scoped):
    """A mapped class whose columns carry fields."""

    #: what one record is called
    __label__: ClassVar[Any] = ""
    #: relationships whose rows are typed together with the record, in the order of the paper form
    children: ClassVar[tuple[str, ...]] = ()
    #: what must hold at every save, beyond the columns' own rules
    rules: ClassVar[tuple[Rule, ...]] = ()
    #: fields that are no column: name → Field, read and written as a property
    virtual: ClassVar[dict[str, Field]] = {}
    #: what a client reads beside the fields and may send back; it is never obeyed
    echoed: ClassVar[frozenset[str]] = frozenset()
    #: columns whose order an index keeps, so that any number of rows can be listed by them
    ordered: ClassVar[tuple[str, ...]] = ()
    #: the words for a broken constraint: its name → (field, words)
    constraint_words: ClassVar[dict[str, tuple[str, Any]]] = {}
    #: the field by which an import knows a record again, and by which rows of other sheets name theirs
    known_by: ClassVar[str] = ""

    @classmethod
    @cache
    def fields(cls) -> dict[str, Field]:
        """Name → field, as declared; what every record has (建档日期 …) comes last."""
        own: dict[str, Field] = {}
        common: dict[str, Field] = {}
        mapper = inspect(cls)
        for attribute in (*mapper.column_attrs, *mapper.synonyms):
            info = attribute.columns[0].info if hasattr(attribute, "columns") else attribute.info
            if field := info.get("field"):
                field.name = attribute.key
                (common if attribute.key in Record.__dict__ else own)[attribute.key] = field
        for name, field in cls.virtual.items():
            field.name = name
        return own | cls.virtual | common

    @classmethod
    @cache
    def judged(cls) -> tuple[tuple[str, Field], ...]:
        """The fields that a person fills in and of which something may be wrong."""
        return tuple(
            (name, field)
            for name, field in cls.fields().items()
            if not field.automatic and (field.required or field.rules or type(field).judge is not Field.judge)
        )

    @classmethod
    @cache
    def child_classes(cls) -> dict[str, type[Row]]:
        """Child relationship → the class of its rows."""
        relations = inspect(cls).relationships
        return {name: relations[name].mapper.class_ for name in cls.children}

    @classmethod
    def related(cls, name: str) -> type[Row]:
        """The class of the rows behind a relationship: inline rows, or records of their own."""
        found: type[Row] = inspect(cls).relationships[name].mapper.class_
        return found

    @classmethod
    def resource(cls) -> str:
        """The stem: table, file, URL and REST resource are the same word."""
        return str(cls.__tablename__)  # type: ignore[attr-defined]

    @classmethod
    def asked_by(cls, name: str) -> Any:
        """What a query compares for a field; None for one that no query can ask for."""
        return None if name in cls.virtual else getattr(cls, name, None)

    @property
    def title(self) -> str:
        """How a message names the record."""
        return str(getattr(self, "id", ""))

    @property
    def form_key(self) -> str:
        """What tells the draft of its form from others of the type."""
        return str(getattr(self, "id", None) or "new")

    def __str__(self) -> str:
        return self.title

    def stamp(self, actor: Actor) -> None:
        """Note who wrote and when."""

    def settle(self, actor: Actor) -> None:
        """What can only be done once the row has its id; runs in the transaction of every save."""

    @classmethod
    def settle_many(cls, rows: Sequence[Any], actor: Actor) -> None:
        """`settle` for new rows that were stored together; a type whose rows are many does it set by set."""
        for row in rows:
            row.settle(actor)

    @classmethod
    def stored_as(cls, session: Session, rows: Sequence[Any]) -> dict[int, Any]:
        """Index of a row of an import → the record that its owner has of it already, by what it is ``known_by``."""
        raise NotDeclared(f"{cls.__name__} must say what an import finds: stored_as")

    @classmethod
    def known_as(cls, session: Session, number: str, *, lock: bool = False) -> list[Any]:
        """The records that stand under what the type is ``known_by``, wherever they are: a door of the type's own."""
        raise NotDeclared(f"{cls.__name__} must say how it is found by number: known_as")

    @classmethod
    def copies_of(cls, session: Session, rows: Sequence[Any]) -> dict[int, list[Any]]:
        """Index of a faulty row of a migration → stored records of its owner that may be this very row."""
        return {}

    def flag(self, problems: Sequence[Problem], unread: set[str]) -> Any:
        """Keep the record in spite of these problems and note them on it; words when it may not be kept."""
        return problems[0].words

    @property
    def is_faulty(self) -> bool:
        """Whether the stored record is known to break rules: a save may then leave what it does not touch."""
        return False

    def faults(self) -> list[Problem]:
        """What is wrong with a stored record that may be mended step by step."""
        return []

    @classmethod
    def follow_up(cls, session: Session, before: Mapping[str, Any], now: Any, actor: Actor) -> None:
        """What a change means for other records: ``before`` is what the record was, ``now`` None when it has gone."""

    @classmethod
    def complete(cls, session: Session, rows: Sequence[Any]) -> None:
        """Give rows that are shown together what is no column of theirs, by one statement, e.g. a running balance."""

    def derive(self, actor: Actor) -> None:
        """Fill in what follows from the rest; runs before the rules at every save."""

    def remove(self, actor: Actor) -> Any:
        """Go, once nothing stands against it. Returns words when more or less happened than that the row is gone."""
        session_of(self).delete(self)

    def text(self, name: str) -> str:
        """The value of a field for a reader."""
        field = type(self).fields()[name]
        if isinstance(field, columns.ReferenceField):
            return str(getattr(self, field.shown) or "")
        return field.text(getattr(self, name))


class Record(Row, Model):
    """A row with an author, a date and a version."""

    __abstract__ = True

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    created_at: Mapped[datetime] = columns.moment(_("建档日期"), nullable=False)
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id"), info={"system": True})
    updated_at: Mapped[datetime] = mapped_column(DateTime, nullable=False)
    updated_by_id: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id"), info={"system": True})
    updated_by_name: Mapped[str] = mapped_column(String(64), default="")
    version: Mapped[int] = mapped_column(Integer, nullable=False)

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:  # noqa: N805 - a class method to SQLAlchemy
        """A concurrent UPDATE of the same version changes nothing and is reported."""
        return {"version_id_col": cls.__table__.c.version} if hasattr(cls, "__table__") else {}

    def stamp(self, actor: Actor) -> None:
        """Note who wrote and when; once is enough."""
        if self.updated_at is actor.at and self.updated_by_id == actor.account_id:
            return
        if self.created_at is None:
            self.created_at, self.created_by_id = actor.at, actor.account_id
        for name, value in last_change(actor).items():
            setattr(self, name, value)


def last_change(actor: Actor) -> dict[str, Any]:
    """The columns that say who wrote last."""
    return {"updated_at": actor.at, "updated_by_id": actor.account_id, "updated_by_name": actor.name}


# --- typed values ---------------------------------------------------------------------------------------------

#: names that a client may send back as it read them; they are never obeyed
_ECHOED = frozenset({"id", "version", "report_state", "title", "csrf_token"})


def fill(row: Row, typed: Mapping[str, Any], prefix: str = "") -> tuple[list[Problem], set[str]]:
    """Set what was typed. Returns the problems found and the paths of the fields that could not be read."""
    problems: list[Problem] = []
    fields, kin = type(row).fields(), type(row).child_classes()
    for name, raw in typed.items():
        path = f"{prefix}{name}"
        if name in kin:
            problems += _fill_children(row, name, raw, path)
        elif name not in fields:
            if name not in _ECHOED | type(row).echoed:
                problems.append(Problem(path, _("没有「%(name)s」这个字段", name=name[:40])))
        elif not fields[name].automatic:
            try:
                _put(row, fields[name], raw)
            except columns.Wrong as wrong:
                problems.append(Problem(path, wrong.args[0]))
    if getattr(row, "id", None) is None:
        _begin(row, typed)
    return problems, {problem.field for problem in problems}


def _begin(row: Row, typed: Mapping[str, Any]) -> None:
    """Give a new row the defaults of what nobody has typed; what was left empty on purpose stays so."""
    for name, field in type(row).fields().items():
        if field.default is not None and name not in typed and getattr(row, name) is None:
            setattr(row, name, field.default)


def _put(row: Row, field: Field, raw: Any) -> None:
    """Set one field to what was typed. Raises Wrong."""
    setattr(row, field.name, take(field, raw, getattr(row, field.name)))


def take(field: Field, raw: Any, before: Any = None) -> Any:
    """The value of what was typed where ``before`` stood. Raises Wrong."""
    value = field.read(raw)
    if words := field.retired(value, before):
        raise columns.Wrong(words)
    return value


def _fill_children(row: Row, name: str, raw: Any, path: str) -> list[Problem]:
    """Match typed rows to stored ones by id; rows that are not typed any more go."""
    if (
        not isinstance(raw, Sequence)
        or isinstance(raw, str)
        or not all(isinstance(line, Mapping) for line in raw)
    ):
        return [Problem(path, _("应为若干行"))]
    if len(raw) > 100:
        return [Problem(path, _("最多100行"))]
    stored = {str(child.id): child for child in getattr(row, name)}
    rows, problems = [], []
    for index, line in enumerate(raw):
        child = stored.get(str(line.get("id") or "")) or type(row).child_classes()[name]()
        found, _paths = fill(
            child, {key: value for key, value in line.items() if key != "id"}, f"{path}.{index}."
        )
        if hasattr(child, "line_no"):
            child.line_no = index + 1
        rows.append(child)
        problems += found
    setattr(row, name, rows)
    return problems


def check(
    row: Row,
    skip: set[str] | None = None,
    prefix: str = "",
    judge: Callable[[Field, Any], list[Any]] = lambda field, value: field.judge(value),
) -> Iterator[Problem]:
    """Every problem of a row and its children; fields in ``skip`` have been told already.

    ``judge`` is `Field.judge`, or one that remembers what it has said of a value.
    """
    skip, loaded = skip or set(), vars(row)
    for name, field in type(row).judged():
        if not (skip and f"{prefix}{name}" in skip):
            for words in judge(field, loaded[name] if name in loaded else getattr(row, name)):
                yield Problem(f"{prefix}{name}", words)
    for rule in type(row).rules:
        for problem in rule(row):
            if f"{prefix}{problem.field}" not in skip:
                yield Problem(f"{prefix}{problem.field}", problem.words, problem.warning)
    for name in type(row).children:
        for index, child in enumerate(getattr(row, name)):
            yield from check(child, skip, f"{prefix}{name}.{index}.", judge)


def place_of(row: Row, problem: Problem) -> tuple[Any, ...]:
    """Where a problem is, and with which value: of the row itself, or of one of its stored inline rows."""
    child, _dot, rest = problem.field.partition(".")
    if not rest:
        return (problem.field, getattr(row, problem.field, None) if problem.field else None)
    index, _dot, name = rest.partition(".")
    line = getattr(row, child)[int(index)]
    return (child, line.id, name, getattr(line, name, None))


_judging: ContextVar[Session | None] = ContextVar("judging", default=None)


@contextmanager
def judging(session: Session) -> Iterator[None]:
    """Within it, records that live in no session yet look things up through this one."""
    token = _judging.set(session)
    try:
        yield
    finally:
        _judging.reset(token)


def session_of(row: Any) -> Session:
    """The session that a record lives in, or is judged by before it lives in any."""
    session = object_session(row) or _judging.get()
    if session is None:
        raise RuntimeError(f"{row!r} is not in a session")
    return session


def lock(row: Any) -> None:
    """Hold the row until the transaction ends, and read it as it now is.

    Raises Missing when it has gone, or has gone over to a unit that the actor does not see.
    """
    session, cls, known = session_of(row), type(row), getattr(row, "version", None)
    mine = select(cls.id).where(cls.id == row.id)
    if session.scalar(mine.with_for_update().execution_options(**door("a record in hand"))) is None:
        raise Missing
    session.refresh(row)
    if getattr(row, "version", None) != known and session.scalar(mine) is None:
        raise Missing


def lock_in_order(rows: Sequence[Any]) -> None:
    """Hold rows of one type in the order of their ids, before any of them asks for a unit: who comes later waits here."""
    if len(rows) > 1:
        cls = type(rows[0])
        mine = select(cls.id).where(cls.id.in_([row.id for row in rows])).order_by(cls.id)
        session_of(rows[0]).execute(mine.with_for_update().execution_options(**door("records in hand")))


def put(session: Session, records: Sequence[Any], new: Mapping[str, Any], actor: Actor) -> None:
    """Set columns of locked records of one type to the same values, by one statement; the scope goes with it.

    The records at hand are then as the rows are. Raises Missing when one of them is not where the actor may write.
    """
    model: Any = type(records[0])
    table, changes = model.__table__, dict(new) | last_change(actor)
    statement = (
        update(table)
        .where(table.c.id.in_([record.id for record in records]), model.scope(actor))
        .values(**changes, version=table.c.version + 1)
    )
    if session.connection().execute(statement).rowcount != len(records):
        raise Missing
    for record in records:
        for name, value in (changes | {"version": record.version + 1}).items():
            set_committed_value(record, name, value)


def append(session: Session, cls: Any, line: Mapping[str, Any]) -> None:
    """Add a row to a book that only grows, past the session's unit of work."""
    session.connection().execute(insert(cls.__table__), dict(line))


def expect_version(row: Any, version: Any) -> None:
    """Refuse an edit that began from an older version, with who changed it and when (AID-R232)."""
    if version in (None, ""):
        return
    if str(version) != str(row.version):
        raise Refused(
            _(
                "「%(record)s」已由%(who)s于%(when)s修改，您打开的是旧内容。请重新打开后再改，您填写的内容仍保留在本页。",
                record=row.title,
                who=row.updated_by_name or _("他人"),
                when=row.updated_at.strftime("%Y-%m-%d %H:%M") if row.updated_at else now(),
            )
        )
