"""The database of the bench: one a size, built once, kept while rows, schema and the world's own code agree.

python -m bench build      BENCH_ROWS files (default 4,700,000) into uniondesk_bench_<rows>; nothing when it is there
python -m bench drop       away with it
BENCH_REUSE=1              take the one that is there, whatever the code says now; our migrations are run on it
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy.engine import make_url

ROOT = Path(__file__).parents[1]
ROWS = int(os.environ.get("BENCH_ROWS") or 4_700_000)
SERVER = os.environ.get("BENCH_DATABASE_URL") or "postgresql://postgres@127.0.0.1:5432/postgres"
#: the people of the bench do not exist, so the key under which their numbers are kept may be known
IDENTITY_KEY = "the-people-of-the-bench-do-not-exist"
#: what the rows depend on: a change in one of these builds the database anew
SOURCES = (
    "app/migrations/versions/*.py",
    "app/kit/names.py",
    "app/codes/admin_division.csv",
    "bench/world/*.py",
)


def database(rows: int = ROWS) -> str:
    """The name of the database of so many files."""
    return f"uniondesk_bench_{rows}"


def digest() -> str:
    """Of the schema and of the code that makes the rows."""
    found = hashlib.sha256()
    for pattern in SOURCES:
        for file in sorted(ROOT.glob(pattern)):
            found.update(file.name.encode() + b"\0" + file.read_bytes())
    return found.hexdigest()[:16]


def server() -> psycopg.Connection[Any]:
    """The PostgreSQL server, by another database than ours."""
    if (conninfo_to_dict(SERVER).get("dbname") or "").startswith("uniondesk_bench_"):
        raise SystemExit(
            "BENCH_DATABASE_URL names the server by another database than one of the bench's own"
        )
    return psycopg.connect(SERVER, autocommit=True)


def warm(connection: psycopg.Connection[Any]) -> None:
    """Read every index into memory, as on a server that has run for a day; pg_prewarm comes with PostgreSQL's contrib."""
    with contextlib.suppress(psycopg.errors.UndefinedFile, psycopg.errors.FeatureNotSupported):
        connection.execute("CREATE EXTENSION IF NOT EXISTS pg_prewarm")
        connection.execute(
            "SELECT sum(pg_prewarm(indexrelid, 'read')) FROM pg_index "
            "JOIN pg_class ON pg_class.oid = indexrelid WHERE relnamespace = 'public'::regnamespace"
        )


def plain_url(rows: int = ROWS) -> str:
    """The database for psycopg."""
    return (
        make_url(SERVER)
        .set(drivername="postgresql", database=database(rows))
        .render_as_string(hide_password=False)
    )


def sqlalchemy_url(rows: int = ROWS) -> str:
    """The database for SQLAlchemy."""
    url = make_url(SERVER).set(drivername="postgresql+psycopg", database=database(rows))
    return url.render_as_string(hide_password=False)


def facts(rows: int = ROWS) -> dict[str, Any] | None:
    """What was written down when the database was finished; None when there is none, or a half-built one."""
    with server() as at:
        row = at.execute(
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s",
            [database(rows)],
        ).fetchone()
    return json.loads(row[0]) if row and row[0] else None


def is_current(found: dict[str, Any] | None) -> bool:
    """Whether a database may be taken as it is."""
    return found is not None and (found["digest"] == digest() or os.environ.get("BENCH_REUSE") == "1")


def note(found: dict[str, Any], rows: int = ROWS) -> None:
    """Write down what is known of the database, on the database itself."""
    with server() as at:
        comment = sql.SQL("COMMENT ON DATABASE {} IS {}")
        at.execute(
            comment.format(sql.Identifier(database(rows)), sql.Literal(json.dumps(found, ensure_ascii=False)))
        )


def drop(rows: int = ROWS) -> None:
    """Away with the database, if there is one."""
    with server() as at:
        at.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database(rows))))


@contextlib.contextmanager
def settings(rows: int = ROWS) -> Iterator[dict[str, str]]:
    """The environment in which every application of the bench runs; a data folder of its own, removed at the end.

    Set here too, before anything imports ``config``.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("UNIONDESK_")}
    with tempfile.TemporaryDirectory(prefix="bench-") as home:
        kept |= {
            "DATABASE_URL": sqlalchemy_url(rows),
            "UNIONDESK_HOME": home,
            "UNIONDESK_SECRET_KEY": secrets.token_urlsafe(40),
            "UNIONDESK_IDENTITY_KEY": IDENTITY_KEY,
            "BENCH_PASSWORD": secrets.token_urlsafe(12) + "aA1!",
            "BENCH_ROWS": str(rows),
        }
        os.environ.update(kept)
        yield kept


def ensure(rows: int, say: Any = print) -> dict[str, Any]:
    """The database of so many files, built unless it stands. Returns its facts. To be called within ``settings``."""
    found = facts(rows)
    if found is not None and is_current(found):
        say(f"{database(rows)} stands, {found['rows']:,} files of {found['units']:,} units")
        return found
    from app import create_app
    from bench import world

    with server() as at:
        at.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database(rows))))
        name = sql.Identifier(database(rows))
        at.execute(sql.SQL("CREATE DATABASE {} LOCALE 'C.UTF-8' TEMPLATE template0").format(name))
    mark = digest()  # of the code as it was when the work began
    say(f"building {database(rows)} …")
    found = world.build(create_app(), plain_url(rows), rows, say) | {"digest": mark, "used": 0}
    with psycopg.connect(plain_url(rows), autocommit=True) as at:
        size = at.execute("SELECT pg_database_size(current_database()) / 1048576").fetchone()
    found["database_mb"] = int(size[0]) if size else 0
    note(found, rows)
    say(
        f"{found['rows']:,} files, {found['units']:,} units, {found['database_mb']:,} MB in {found['seconds']} s"
    )
    return found
