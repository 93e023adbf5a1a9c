"""A subtree that hangs elsewhere: every path in the database that begins with the old one begins with the new one.

Which columns hold paths is read from the tables themselves (`tree.Path`), so a module that is still to come is
included. All is done in the caller's one transaction: whoever reads sees the tree before or the tree after.

Who stores a path while its unit moves is refused: before every flush the units whose paths are new are looked up
and held (``FOR KEY SHARE``), against the ``FOR UPDATE`` of the move.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import Column, ColumnElement, MetaData, Table, event, func, inspect, literal, select, update
from sqlalchemy.orm import Session, UOWTransaction

from app.kit import scope, tree
from app.kit.errors import Refused
from app.kit.scope import class_of_table, door


def carriers(metadata: MetaData) -> list[Column[Any]]:
    """Every column that holds a path."""
    return [
        column
        for table in metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, tree.Path)
    ]


def moved(column: ColumnElement[Any], old: str, new: str) -> ColumnElement[str]:
    """A path of the subtree as it reads afterwards."""
    return literal(new) + func.substr(column, len(old) + 1)


def transplant(
    session: Session,
    metadata: MetaData,
    old: str,
    new: str,
    also: Callable[[Table], Mapping[str, Any]] = lambda _table: {},
) -> None:
    """Rewrite every path below ``old``; ``also`` gives what else changes in the rows of a table."""
    for column in carriers(metadata):
        values = {column.name: moved(column, old, new)} | dict(also(column.table))
        rows = update(column.table).where(tree.under(column, old)).values(values)
        session.connection().execute(rows)


def hold(session: Session, path: str) -> None:
    """Lock the units of a subtree until the transaction ends, those too that somebody is just adding."""
    units = class_of_table("unit")
    below = select(units.id).where(tree.under(units.path, path)).order_by(units.id).with_for_update()
    below = below.execution_options(**door("a subtree that moves"))
    held, found = -1, 0
    while held != found:
        held, found = found, len(session.scalars(below).all())


# --- who writes a path meanwhile ------------------------------------------------------------------------------


def must_stand(session: Session, paths: Iterable[str]) -> None:
    """Hold the units with these paths where they are. Raises Refused when one of them has moved."""
    wanted, units = {path for path in paths if path}, class_of_table("unit")
    look = select(units.path).where(units.path.in_(wanted)).with_for_update(read=True, key_share=True)
    if wanted.difference(session.scalars(look.execution_options(**door("units whose paths are written")))):
        raise Refused(_("所属单位刚刚调整了隶属关系，您的操作没有进行；请重新打开本页再办理"))


def paths_in(row: Any) -> Iterator[str]:
    """The paths that a row holds: of units that exist, so of a unit itself that of its superior."""
    for name in _fields(row):
        if path := getattr(row, name):
            yield path[: -tree.WIDTH] if row.__tablename__ == "unit" else path


def _fields(row: Any) -> tuple[str, ...]:
    cls: Any = type(row)
    return _names(cls)


@cache
def _names(cls: Any) -> tuple[str, ...]:
    mapper = inspect(cls, raiseerr=False)
    attributes = mapper.column_attrs if mapper is not None else ()
    return tuple(a.key for a in attributes if isinstance(a.columns[0].type, tree.Path))


@event.listens_for(Session, "before_flush")
def _new_paths_stand(session: Session, _context: UOWTransaction, _instances: Any) -> None:
    who = scope.current()
    if who is None or who.everywhere:
        return
    with session.no_autoflush:
        paths = {
            path for row in (*session.new, *session.dirty) if _has_new_path(row) for path in paths_in(row)
        }
        if paths:
            must_stand(session, paths)


def _has_new_path(row: Any) -> bool:
    attributes = inspect(row).attrs
    return any(attributes[name].history.added for name in _fields(row))
