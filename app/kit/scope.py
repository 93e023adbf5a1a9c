"""Who sees a row, who may write it: one predicate, applied to every statement, fail-closed.

    no actor    sees nothing                a request before log-in, a forgotten job
    an actor    sees its unit's scope       pages, REST, jobs started by a person
    SYSTEM      sees everything             migrations, seeds, the worker's own book-keeping

A record type declares its scope by its base (:class:`Open`, :class:`Owned`, :class:`Child`, :class:`Personal`,
or a workflow's envelope) or by a ``scope`` of its own; one that declares none does not start.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, ClassVar

from flask_appbuilder import Model
from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement, TextClause, event, false, select, true
from sqlalchemy.orm import Mapper, ORMExecuteState, Session, UOWTransaction, object_session
from sqlalchemy.orm.util import LoaderCriteriaOption
from sqlalchemy.sql.util import find_tables

from app.kit import tree
from app.kit.clock import now
from app.kit.errors import Invalid, Missing, NotDeclared, Problem


@dataclass(frozen=True)
class Actor:
    """Who acts, for which unit, with which rights, and when.

    ``grants`` are pairs (permission, resource), e.g. ``("can_report", "archive")``.
    """

    account_id: int | None
    name: str
    unit_id: int | None = None
    unit_name: str = ""
    path: str = ""
    level: str = ""
    rights: frozenset[str] = frozenset()
    #: what the person has chosen to see of lists, as `preferences.packed` puts it
    lists: str = ""
    grants: frozenset[tuple[str, str]] = frozenset()
    at: datetime = field(default_factory=now)
    everywhere: bool = False
    #: class → its rows as this actor sees them, worked out once however many statements carry them
    criteria: dict[type[Any], Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def depth(self) -> int:
        """The level of the actor's unit; the root is 1."""
        return tree.depth_of(self.path)

    def may(self, permission: str, resource: str) -> bool:
        """Whether a right of the actor opens this permission of this record type."""
        return self.everywhere or (f"can_{permission}", resource) in self.grants

    def sees_unit(self, path: str) -> bool:
        """Whether a unit is the actor's own or below it."""
        return self.everywhere or tree.contains(self.path, path)


SYSTEM = Actor(None, "系统", everywhere=True)

_actor: ContextVar[Actor | None] = ContextVar("actor", default=None)


def current() -> Actor | None:
    """The actor in force; None sees nothing."""
    return _actor.get()


def actor() -> Actor:
    """The actor in force. Raises Missing when there is none, so that nothing is shown."""
    found = _actor.get()
    if found is None:
        raise Missing
    return found


@contextmanager
def acting(who: Actor | None) -> Iterator[None]:
    """Within it, ``who`` is the actor of every statement."""
    token = _actor.set(replace(who, at=now()) if who is SYSTEM else who)
    try:
        yield
    finally:
        _actor.reset(token)


def enter(who: Actor | None) -> None:
    """Make ``who`` the actor of the rest of this request; the request's end undoes it."""
    _actor.set(who)


class Scoped:
    """A mapped class whose rows are not everybody's."""

    #: whose rows somebody sees, in words for administrators
    reach: ClassVar[Any] = _("按这项业务自己的规定")

    @classmethod
    def scope(cls, who: Actor) -> ColumnElement[bool]:
        """The rows that ``who`` sees, as a predicate."""
        raise NotDeclared(f"{cls.__name__} must declare scope: Open, Owned, Child, Personal or its own")

    def in_scope(self, who: Actor) -> bool:
        """Whether ``who`` may leave the row as it now is."""
        raise NotDeclared(f"{type(self).__name__} must declare in_scope beside scope")


class Open(Scoped):
    """Reference data: readers with the right see all rows."""

    reach = _("全国统一的内容，有权限的人看到的都一样")

    @classmethod
    def scope(cls, who: Actor) -> ColumnElement[bool]:
        """Every row."""
        return true()

    def in_scope(self, who: Actor) -> bool:
        """Every row; who may write is a matter of rights."""
        return True


class Owned(Scoped):
    """Owned by a unit and seen at once by every unit above it; needs ``owner_path``."""

    reach = _("本单位的；全部下级单位的，录入后就能看到，不用上报")

    owner_path: Any

    @classmethod
    def scope(cls, who: Actor) -> ColumnElement[bool]:
        """Owners in the actor's subtree."""
        return tree.under(cls.owner_path, who.path)

    def in_scope(self, who: Actor) -> bool:
        """The owner lies in the actor's subtree."""
        return tree.contains(who.path, self.owner_path or "")


class Child(Scoped):
    """Belongs to one parent record and shares its scope; ``parent_key`` names the foreign key."""

    reach = _("能看到所属的记录，就能看到")

    parent_key: ClassVar[str]

    @classmethod
    def scope(cls, who: Actor) -> ColumnElement[bool]:
        """Rows whose parent is in scope."""
        key = getattr(cls, cls.parent_key)
        parent = class_of_table(next(iter(key.property.columns[0].foreign_keys)).column.table.name)
        within: ColumnElement[bool] = key.in_(select(parent.id).where(parent.scope(who)))
        return within

    def in_scope(self, who: Actor) -> bool:
        """The parent is judged instead; one that is saved in the same flush is judged there."""
        key, session = getattr(self, self.parent_key), object_session(self)
        if key is None or session is None:
            return True
        column = type(self).__table__.c[self.parent_key]  # type: ignore[attr-defined]
        parent = session.get(class_of_table(next(iter(column.foreign_keys)).column.table.name), key)
        return parent is not None and bool(parent.in_scope(who))


class Personal(Scoped):
    """The account's own rows; needs ``account_id``."""

    reach = _("只有本人的")

    account_id: Any

    @classmethod
    def scope(cls, who: Actor) -> ColumnElement[bool]:
        """Rows of the acting account."""
        mine: ColumnElement[bool] = cls.account_id == who.account_id
        return mine if who.account_id else false()

    def in_scope(self, who: Actor) -> bool:
        """The row is the acting account's."""
        return bool(self.account_id == who.account_id)


# --- every statement ----------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _classes() -> dict[str, type[Any]]:
    """Table name → the scoped class mapped to it."""
    found: dict[str, type[Any]] = {}
    for mapper in Model.registry.mappers:
        if issubclass(mapper.class_, Scoped):
            found[mapper.local_table.name] = mapper.class_
    return found


def class_of_table(name: str) -> type[Any]:
    """The scoped class mapped to a table."""
    return _classes()[name]


@lru_cache(maxsize=4096)
def _reachable(tables: frozenset[str]) -> tuple[type[Any], ...]:
    """The scoped classes of these tables and of whatever their relationships may load along with them."""
    seen: set[Mapper[Any]] = set()
    todo = [
        mapper for mapper in Model.registry.mappers if mapper.local_table.name in tables
    ]  # FAB's user and ours share one
    while todo:
        mapper = todo.pop()
        if mapper not in seen:
            seen.add(mapper)
            todo.extend(relation.mapper for relation in mapper.relationships)
    scoped = _classes()
    names = {mapper.local_table.name for mapper in seen} & scoped.keys()  # type: ignore[attr-defined]
    return tuple(scoped[name] for name in sorted(names))


class _Rows(LoaderCriteriaOption):
    """Criteria for a class and each of its aliases; SQLAlchemy forgets an alias joined by an ON clause of its own."""

    _traverse_internals = LoaderCriteriaOption._traverse_internals  # noqa: SLF001 - cached as its base is

    def _resolve_where_criteria(self, ext_info: Any) -> ColumnElement[bool]:
        rows = super()._resolve_where_criteria(ext_info)
        return ext_info._adapter.traverse(rows) if ext_info.is_aliased_class else rows  # noqa: SLF001


@event.listens_for(Session, "do_orm_execute")
def _scope_statements(state: ORMExecuteState) -> None:
    if state.is_column_load or state.execution_options.get("door"):
        return
    who = _actor.get()
    if who is not None and who.everywhere:
        return
    tables = _tables_of(state.statement)
    if not state.is_orm_statement:
        _refuse_core(state.statement, tables)
        return
    if state.is_insert or state.is_update:
        _refuse_unjudged(state)
    state.statement = state.statement.options(*(_criterion(cls, who) for cls in _reachable(tables)))


def _criterion(cls: type[Any], who: Actor | None) -> _Rows:
    """What ``who`` sees of a class, as an option of a statement; nobody sees nothing."""
    if who is None:
        return _Rows(cls, false(), include_aliases=True, propagate_to_loaders=True)
    if cls not in who.criteria:
        who.criteria[cls] = _Rows(cls, cls.scope(who), include_aliases=True, propagate_to_loaders=True)
    found: _Rows = who.criteria[cls]
    return found


def _tables_of(statement: Any) -> frozenset[str]:
    found = find_tables(
        statement,
        include_joins=True,
        include_aliases=True,
        include_selects=True,
        include_crud=True,
        check_columns=True,
    )
    return frozenset(table.name for table in found if hasattr(table, "name"))


def _refuse_core(statement: Any, tables: frozenset[str]) -> None:
    """A statement without entities cannot be scoped: it must name its door, or it does not run."""
    bare = [name for name in tables if name in _classes() and not issubclass(_classes()[name], Open)]
    if bare or isinstance(statement, TextClause):
        raise RuntimeError(f"unscoped statement on {bare or 'text'}: use the mapped class, or name a door")


def _refuse_unjudged(state: ORMExecuteState) -> None:
    """Rows inserted, or moved to another owner, without passing through the session are judged by nobody."""
    table = state.bind_mapper.local_table if state.bind_mapper else None
    if table is None or table.name not in _classes() or issubclass(_classes()[table.name], Open):  # type: ignore[attr-defined]
        return
    written = {getattr(column, "key", column) for column in getattr(state.statement, "_values", None) or ()}
    given: Any = state.parameters or {}
    for row in given if isinstance(given, list) else [given]:
        written |= row.keys()
    keys = {column.key for column in table.c if column.foreign_keys or column.key.endswith("path")}
    if state.is_insert or written & keys:
        raise RuntimeError(f"unscoped write to {table.name}: use the session, or name a door")  # type: ignore[attr-defined]


def door(reason: str) -> dict[str, str]:
    """Execution options of a named query that may look past the scope (unified §3 lists the doors)."""
    return {"door": reason}


@event.listens_for(Session, "before_flush")
def _guard_writes(session: Session, _context: UOWTransaction, _instances: Any) -> None:
    who = _actor.get()
    if who is not None and who.everywhere:
        return
    with session.no_autoflush:
        for row in (*session.new, *session.dirty, *session.deleted):
            if isinstance(row, Scoped) and (
                row in session.new or row in session.deleted or session.is_modified(row)
            ):
                if who is None or not row.in_scope(who):
                    raise Missing
                _guard_keys(session, row, who)


def _guard_keys(session: Session, row: Any, who: Actor) -> None:
    """Refuse a foreign key that points at a row which the actor does not see."""
    scoped = _classes()
    state = row._sa_instance_state
    for attribute in state.mapper.column_attrs:
        column = attribute.columns[0]
        target = next((key.column.table.name for key in column.foreign_keys), "")
        value = getattr(row, attribute.key)
        if (
            target not in scoped
            or value is None
            or column.info.get("system")
            or not state.attrs[attribute.key].history.added
        ):
            continue
        if target == "unit" and value == who.unit_id:
            continue
        if session.scalar(select(scoped[target].id).where(scoped[target].id == value)) is None:
            raise Invalid([Problem(attribute.key, _("没有找到所选的记录，或它不在您单位的范围内"))])


def check_declarations() -> None:
    """Refuse to start with a record type that declares no scope."""
    for cls in _classes().values():
        if cls.scope.__func__ is Scoped.scope.__func__ or cls.in_scope is Scoped.in_scope:  # type: ignore[attr-defined]
            raise NotDeclared(f"{cls.__name__} must declare scope: Open, Owned, Child, Personal or its own")
