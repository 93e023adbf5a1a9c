"""The database: one session a request, exact numbers, and SQLite behaving like a server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from decimal import Decimal
from typing import Any

from flask_appbuilder import Model
from flask_appbuilder.models.sqla.base import SQLA
from sqlalchemy import BigInteger, Dialect, Engine, Index, Integer, event
from sqlalchemy.types import TypeDecorator

#: every constraint has a name, so that a migration can drop it and an error can be told in words
Model.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

db = SQLA(model_class=Model)

_read_only: ContextVar[bool] = ContextVar("read_only", default=False)


@contextmanager
def reading() -> Iterator[None]:
    """Within it SQLite takes no write lock up front; a GET request runs in it."""
    token = _read_only.set(True)
    try:
        yield
    finally:
        _read_only.reset(token)


class FixedPoint(TypeDecorator[Decimal]):
    """A decimal kept as a whole number of its last digit: exact, and summed exactly, on both databases."""

    impl = BigInteger
    cache_ok = True

    def __init__(self, scale: int = 2) -> None:
        super().__init__()
        self.scale = scale

    @property
    def python_type(self) -> type[Decimal]:
        """Decimal, whatever it is kept as."""
        return Decimal

    def process_bind_param(self, value: Any, dialect: Dialect) -> int | None:
        """Decimal → units of 10^-scale."""
        return None if value is None else int((Decimal(value) * 10**self.scale).to_integral_value())

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        """Units of 10^-scale → Decimal."""
        return None if value is None else Decimal(int(value)).scaleb(-self.scale)


def never_reuse_ids() -> None:
    """Make SQLite number rows as PostgreSQL does: the id of a deleted record, and so its history, is nobody else's."""
    for table in Model.metadata.tables.values():
        keys = list(table.primary_key.columns)
        if len(keys) == 1 and isinstance(keys[0].type, Integer) and not keys[0].foreign_keys:
            table.dialect_kwargs["sqlite_autoincrement"] = True


def index_owners() -> None:
    """Give every table with a report envelope the index by which the records of a unit are found."""
    for table in Model.metadata.tables.values():
        name = f"ix_{table.name}_owner"
        if "holder_depth" in table.c and name not in {index.name for index in table.indexes}:
            Index(name, table.c.owner_path, table.c.holder_depth, table.c.id)


@event.listens_for(Engine, "connect")
def _on_connect(connection: Any, _record: Any) -> None:
    if type(connection).__module__.startswith("sqlite3"):
        connection.isolation_level = None  # we send BEGIN ourselves: SAVEPOINT needs it
        for pragma in ("journal_mode=WAL", "busy_timeout=10000", "synchronous=NORMAL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")
    elif type(connection).__module__.startswith("psycopg"):
        connection.execute("SET jit = off")  # compiling costs more than it saves, most of all on new tables
        connection.commit()


@event.listens_for(Engine, "begin")
def _on_begin(connection: Any) -> None:
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN" if _read_only.get() else "BEGIN IMMEDIATE")
