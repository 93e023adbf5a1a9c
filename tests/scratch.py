"""A database for a run of tests: a file, or one beside TEST_DATABASE_URL; and the demo country in it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from flask_migrate import upgrade

from app.demo import country as demo
from app.kit import codes
from app.kit.database import db
from app.kit.scope import SYSTEM, acting
from app.security import grants


@contextmanager
def scratch_database(folder: Path, suffix: str) -> Iterator[str]:
    """Its URL; on PostgreSQL the database is named after the given one and dropped in the end."""
    given = os.environ.get("TEST_DATABASE_URL")
    if not given:
        yield f"sqlite:///{folder / 'test.db'}"
        return
    url = sa.engine.make_url(given)
    name = f"{url.database}_{suffix}"
    server = sa.create_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.exec_driver_sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        connection.exec_driver_sql(f"CREATE DATABASE \"{name}\" LOCALE 'C.UTF-8' TEMPLATE template0")
        # what a test commits need not survive the machine, and none waits for the disk
        connection.exec_driver_sql(f'ALTER DATABASE "{name}" SET synchronous_commit = off')
    yield url.set(database=name).render_as_string(hide_password=False)
    with server.connect() as connection:
        connection.exec_driver_sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    server.dispose()


def furnish(flask: Flask, households: int, password: str) -> None:
    """Schema, code tables, rights and the demo country, as the first start makes them; committed."""
    with pytest.MonkeyPatch.context() as patch, flask.app_context(), acting(SYSTEM):
        patch.setenv("UNIONDESK_DEMO_PASSWORD", password)
        upgrade()
        codes.seed()
        grants.sync(db.session)
        db.session.commit()
        demo.load(db.session, households)
        db.session.commit()
        db.session.remove()
