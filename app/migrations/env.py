"""Alembic's environment: the application's own engine, batch mode for SQLite, plain types in the scripts."""

from __future__ import annotations

from typing import Any

from alembic import context
from flask import current_app

from app.cli.house import comparable
from app.kit.database import FixedPoint

database = current_app.extensions["migrate"].db


def plain_type(kind: str, thing: Any, _context: Any) -> str | bool:
    """A migration never imports the application: its types are spelled out."""
    if kind == "type" and isinstance(thing, FixedPoint):
        return "sa.BigInteger()"
    return False


def run() -> None:
    """Migrate, or compare, over one connection."""
    with database.engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=database.metadata,
            render_as_batch=True,
            render_item=plain_type,
            include_object=comparable,
            compare_type=True,
        )
        with context.begin_transaction():
            context.run_migrations()


run()
