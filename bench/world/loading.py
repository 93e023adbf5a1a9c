"""Rows into tables, fast: without indexes and constraints, by COPY FREEZE, in two processes; then the indexes, two at a time.

COPY FREEZE in the transaction that truncates the table leaves it all-visible, as a table is that nobody has written to
since its last VACUUM. Only settings of the session differ from the server's own: ``maintenance_work_mem``,
``max_parallel_maintenance_workers`` and ``synchronous_commit``.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

import psycopg
from psycopg import sql

#: for the sessions that load; the server's own settings stay
SESSION = (
    "SET synchronous_commit = off",
    "SET maintenance_work_mem = '1GB'",
    "SET max_parallel_maintenance_workers = 0",
)
#: an index that takes more seconds is told
TOLD = 5
#: files from which on it pays to start two processes
SEVERAL = 50_000

Blocks = Callable[[], Iterator[tuple[str, ...]]]


@dataclass(frozen=True)
class Into:
    """A table and the columns that its lines hold, in order."""

    table: str
    columns: Sequence[str]


@dataclass
class Taken:
    """What was taken off the tables before they were loaded: statements that put it back."""

    indexes: list[str] = field(default_factory=list)
    constraints: list[str] = field(default_factory=list)
    #: foreign keys need the primary keys that they point at
    references: list[str] = field(default_factory=list)


def connect(url: str) -> psycopg.Connection[Any]:
    """A session for loading, on autocommit."""
    server = psycopg.connect(url, autocommit=True)
    for statement in SESSION:
        server.execute(statement)
    return server


def take_off(server: psycopg.Connection[Any], tables: Sequence[str]) -> Taken:
    """Drop every index, key and foreign key of the tables, and those that point at them."""
    taken = Taken()
    drops: list[tuple[int, str]] = []
    found = server.execute(
        "SELECT conname, contype::text, conrelid::regclass::text, pg_get_constraintdef(oid), "
        "       CASE WHEN conindid <> 0 AND contype IN ('p', 'u') THEN pg_get_indexdef(conindid) END "
        "FROM pg_constraint WHERE contype IN ('f', 'p', 'u') "
        "AND (conrelid = ANY(%(tables)s::regclass[]) OR confrelid = ANY(%(tables)s::regclass[])) ORDER BY contype, conname",
        {"tables": list(tables)},
    ).fetchall()
    for name, kind, table, definition, index in found:
        drops.append((0 if kind == "f" else 1, f"ALTER TABLE {table} DROP CONSTRAINT {name}"))
        if kind == "f":
            taken.references.append(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")
        else:
            taken.indexes.append(index)
            word = "PRIMARY KEY" if kind == "p" else "UNIQUE"
            taken.constraints.append(f"ALTER TABLE {table} ADD CONSTRAINT {name} {word} USING INDEX {name}")
    for _order, statement in sorted(drops):
        server.execute(statement)
    left = server.execute(
        "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index "
        "WHERE indrelid = ANY(%s::regclass[]) ORDER BY indrelid, indexrelid",
        [list(tables)],
    ).fetchall()
    for name, definition in left:
        taken.indexes.append(definition)
        server.execute(f"DROP INDEX {name}")
    return taken


def load(url: str, jobs: Sequence[tuple[Blocks, Sequence[Into]]], *, several: bool) -> None:
    """Each job in a process of its own where it pays: blocks of lines, one text a table.

    Raises RuntimeError when a process fails; nothing of its tables is kept then.
    """
    if not several:
        for blocks, tables in jobs:
            _load(url, blocks, tables)
        return
    context = multiprocessing.get_context("fork")  # the world is big, and shared without being copied
    children = [context.Process(target=_load, args=(url, blocks, tables)) for blocks, tables in jobs]
    for child in children:
        child.start()
    for child in children:
        child.join()
    if any(child.exitcode for child in children):
        raise RuntimeError("the bench could not be loaded; see above")


def _load(url: str, blocks: Blocks, tables: Sequence[Into]) -> None:
    """One COPY a table, all open at the same time, each in a transaction of its own."""
    servers = [connect(url) for _table in tables]
    copies = []
    for server, into in zip(servers, tables, strict=True):
        server.autocommit = False
        server.execute(sql.SQL("TRUNCATE {}").format(sql.Identifier(into.table)))
        names = sql.SQL(", ").join(map(sql.Identifier, into.columns))
        statement = sql.SQL("COPY {} ({}) FROM STDIN (FREEZE)").format(sql.Identifier(into.table), names)
        copies.append(server.cursor().copy(statement))
    writers = [copy.__enter__() for copy in copies]
    for texts in blocks():
        for writer, text in zip(writers, texts, strict=True):
            if text:
                writer.write(text)
    for copy, server in zip(copies, servers, strict=True):
        copy.__exit__(None, None, None)
        server.commit()
        server.close()


def put_back(url: str, taken: Taken, say: Callable[..., None], workers: int = 2) -> None:
    """Indexes, two at a time and the dearest first, then keys, then foreign keys."""
    queue: SimpleQueue[str] = SimpleQueue()
    for statement in sorted(taken.indexes, key=_dear):
        queue.put(statement)
    failed: list[BaseException] = []

    def work() -> None:
        try:
            _create(url, queue, failed, say)
        except psycopg.Error as why:
            failed.append(why)

    threads = [Thread(target=work) for _worker in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    with connect(url) as server:
        for statement in taken.constraints + taken.references:
            server.execute(statement)


def _create(
    url: str, queue: SimpleQueue[str], failed: Sequence[BaseException], say: Callable[..., None]
) -> None:
    """Work at the queue until it is empty or the other one has failed; the slow ones are told."""
    with connect(url) as server, contextlib.suppress(Empty):
        while not failed:
            statement = queue.get_nowait()
            start = time.perf_counter()
            server.execute(statement)
            if (took := time.perf_counter() - start) > TOLD:
                say(f"  {took:4.0f} s  {statement.partition(' INDEX ')[2].partition(' ON ')[0]}")


def _dear(statement: str) -> int:
    """The big ones first, so that neither worker is left alone with one at the end."""
    return (
        0 if "name_search" in statement else 1 if " gin " in statement else 2 if "id_key" in statement else 3
    )
