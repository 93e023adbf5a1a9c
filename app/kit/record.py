"""What a row is: its fields, its rules, and the one door through which typed values enter it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, ClassVar

from flask_appbuilder import Model
from flask_babel import lazy_gettext as _
from sqlalchemy import DateTime, ForeignKey, Integer, String, inspect, select
from sqlalchemy.orm import Mapped, Session, declared_attr, mapped_column, object_session

from app.kit import columns
from app.kit.clock import now
from app.kit.columns import Field
from app.kit.errors import Missing, Problem, Refused
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
    #: the words for a broken constraint: its name → (field, words)
    constraint_words: ClassVar[dict[str, tuple[str, Any]]] = {}

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
    def child_classes(cls) -> dict[str, type[Row]]:
        """Child relationship → the class of its rows."""
        relations = inspect(cls).relationships
        return {name: relations[name].mapper.class_ for name in cls.children}

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

    def __str__(self) -> str:
        return self.title

    def stamp(self, actor: Actor) -> None:
        """Note who wrote and when."""

    def settle(self, actor: Actor) -> None:
        """What can only be done once the row has its id; runs in the transaction of every save."""

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
        """Note who wrote and when."""
        if self.created_at is None:
            self.created_at, self.created_by_id = actor.at, actor.account_id
        self.updated_at, self.updated_by_id, self.updated_by_name = actor.at, actor.account_id, actor.name


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
    return problems, {problem.field for problem in problems}


def _put(row: Row, field: Field, raw: Any) -> None:
    """Set one field to what was typed. Raises Wrong."""
    value = field.read(raw)
    if words := field.retired(value, getattr(row, field.name)):
        raise columns.Wrong(words)
    setattr(row, field.name, value)


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


def check(row: Row, skip: set[str] | None = None, prefix: str = "") -> Iterator[Problem]:
    """Every problem of a row and its children; fields in ``skip`` have been told already."""
    skip = skip or set()
    for name, field in type(row).fields().items():
        if not field.automatic and f"{prefix}{name}" not in skip:
            for words in field.judge(getattr(row, name)):
                yield Problem(f"{prefix}{name}", words)
    for rule in type(row).rules:
        for problem in rule(row):
            if f"{prefix}{problem.field}" not in skip:
                yield Problem(f"{prefix}{problem.field}", problem.words, problem.warning)
    for name in type(row).children:
        for index, child in enumerate(getattr(row, name)):
            yield from check(child, skip, f"{prefix}{name}.{index}.")


def session_of(row: Any) -> Session:
    """The session that a record lives in."""
    session = object_session(row)
    if session is None:
        raise RuntimeError(f"{row!r} is not in a session")
    return session


def lock(row: Any) -> None:
    """Hold the row until the transaction ends, and read it as it now is. Raises Missing when it has gone."""
    session, cls = session_of(row), type(row)
    mine = select(cls.id).where(cls.id == row.id).with_for_update()
    if session.scalar(mine.execution_options(**door("a record in hand"))) is None:
        raise Missing
    session.refresh(row)


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
