"""疑似重复档案 over the bench's rows: time, memory and pairs of a whole run by 全总, then of one after a few changes.

BENCH_ROWS=200000 python -m bench.likeness      works on a copy, dropped at the end; the database must stand (python -m bench build)
BENCH_KEEP=1                                    keep the copy, uniondesk_find_<rows>
BENCH_UNTIL=1000000                             stop the whole run after so many files, as a SIGTERM would
"""

from __future__ import annotations

import contextlib
import os
import resource
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from string import digits
from typing import Any, Self

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

from bench import nation

#: one file in so many stands a second time, typed as by another clerk
PLANTED = 500
#: so many files after it
APART = 1777
#: after the first run one file in so many is changed
CHANGED = 4096
UNTIL = int(os.environ.get("BENCH_UNTIL") or 0)
COPY = f"uniondesk_find_{nation.ROWS}"
_HOMOPHONES = str.maketrans("伟军华芳明英丽红敏静", "维君花方铭瑛莉宏民婧")
_TABLES = ("likeness", "likeness_file", "likeness_key")


def say(*words: Any) -> None:
    """At once, even into a pipe."""
    print(*words, flush=True)


# --- the copy -------------------------------------------------------------------------------------------------


def url(driver: str) -> str:
    """Where the copy is."""
    return make_url(nation.SERVER).set(drivername=driver, database=COPY).render_as_string(hide_password=False)


def here() -> psycopg.Connection[Any]:
    """The copy, past the application."""
    return psycopg.connect(url("postgresql"), autocommit=True)


@contextlib.contextmanager
def copied() -> Iterator[None]:
    """A copy of the bench's database, in which rows may be planted; gone at the end unless BENCH_KEEP=1."""
    drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(COPY))
    with nation.server() as at:
        at.execute(drop)
        make = "CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy"
        at.execute(sql.SQL(make).format(sql.Identifier(COPY), sql.Identifier(nation.database())))
    try:
        with nation.settings():
            os.environ["DATABASE_URL"] = url("postgresql+psycopg")
            yield
    finally:
        if os.environ.get("BENCH_KEEP") != "1":
            with nation.server() as at:
                at.execute(drop)


def _slips(random: Random, number: str, name: str, turn: int) -> tuple[str, str]:
    """Number and name as the next clerk typed them: neighbours exchanged, a digit wrong, 15 digits, or digit and name."""
    if turn == 0:
        place = random.choice([n for n in range(6, 16) if number[n] != number[n + 1]])
        return number[:place] + number[place + 1] + number[place] + number[place + 2 :], name
    if turn == 2 and number[6:8] == "19":
        return number[:6] + number[8:17], name
    place = random.randrange(6, 17)
    digit = random.choice([one for one in digits if one != number[place]])
    return number[:place] + digit + number[place + 1 :], name.translate(_HOMOPHONES) if turn == 3 else name


def plant(at: psycopg.Connection[Any]) -> set[tuple[int, int]]:
    """Write over some files what others say, as another clerk might have typed it: the pairs that are to be found.

    The two are `APART`, so that no chunk has both, and both among the first files when a run stops early.
    """
    random = Random(20260302)
    chosen = at.execute(
        "SELECT here.id, there.id, here.id_card_no, here.full_name FROM archive here"
        " JOIN archive there ON there.id = here.id + %(apart)s"
        " WHERE here.id %% %(each)s = 0 AND NOT here.is_cancelled AND NOT there.is_cancelled"
        " AND here.holder_depth = 1 AND there.holder_depth = 1 ORDER BY here.id",
        {"apart": APART, "each": PLANTED},
    ).fetchall()
    with at.transaction():
        at.execute("CREATE TEMP TABLE planted (here int, there int, typed text, called text) ON COMMIT DROP")
        with at.cursor().copy("COPY planted FROM STDIN") as lines:
            for turn, (pk, over, number, name) in enumerate(chosen):
                lines.write_row((pk, over, *_slips(random, number, name, turn % 4)))
        at.execute(
            "UPDATE archive SET id_card_no = typed, full_name = called, birth_date = other.birth_date,"
            " phone = other.phone, home_address = other.home_address"
            " FROM planted JOIN archive other ON other.id = here WHERE archive.id = there"
        )
    return {(pk, over) for pk, over, _number, _name in chosen}


# --- watching -------------------------------------------------------------------------------------------------


def database_cpu() -> float:
    """Seconds of processor time of the database's processes that serve the copy; 0 when they are on another machine."""
    with here() as at:
        look = (
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        pids = [row[0] for row in at.execute(look)]
    ticks = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            stat = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
            ticks += int(stat[11]) + int(stat[12])
    return ticks / os.sysconf("SC_CLK_TCK")


@dataclass
class Point:
    """How far a run is, and what it took so far."""

    files: int
    wall: float
    ours: float
    database: float

    def __str__(self) -> str:
        return f"{self.files:>12,} {self.wall:>9.0f} {self.ours:>11.0f} {self.database:>13.0f}"


@dataclass
class Watch:
    """Looks at a job every now and then, and stops the worker when it has done enough."""

    job: int
    worker: Any
    until: int
    points: list[Point] = field(default_factory=list)

    def __enter__(self) -> Self:
        self.start, self.cpu, self.database = time.perf_counter(), time.process_time(), database_cpu()
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._look, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_why: object) -> None:
        self.ended.set()
        self.thread.join()
        self.points.append(self._point())

    def _point(self) -> Point:
        with here() as at:
            row = at.execute("SELECT done FROM job WHERE id = %s", [self.job]).fetchone()
        wall, cpu = time.perf_counter() - self.start, time.process_time() - self.cpu
        return Point(row[0] if row else 0, wall, cpu, database_cpu() - self.database)

    def _look(self) -> None:
        while not self.ended.wait(2):
            point = self._point()
            if point.files >= (self.points[-1].files if self.points else 0) + nation.ROWS / 14:
                self.points.append(point)
                say(point)
            if 0 < self.until <= point.files:
                self.worker.stop()
                return


# --- the runs -------------------------------------------------------------------------------------------------


def ask(app: Any) -> int:
    """The job that 全总's administrator asks for."""
    from sqlalchemy import select

    from app.kit.database import db
    from app.kit.scope import SYSTEM, acting
    from app.models.account import Account
    from app.models.likeness import search
    from app.security.visitor import load

    with app.app_context():
        with acting(SYSTEM):
            root = Account.assignments.any(unit_id=1)
            who = db.session.execute(select(Account.id, Account.session_version).where(root).limit(1)).one()
        visitor = load(f"{who.id}.{who.session_version}")
        if visitor is None:
            raise SystemExit("全总 has no administrator in this database")
        with acting(visitor.actor):
            pk: int = search.ask(db.session, visitor.actor, whole=False).id
            db.session.commit()
    return pk


def run(app: Any, words: str, until: int = 0) -> Point:
    """One run by a worker of this process."""
    from app.kit.worker import Worker

    pk, worker = ask(app), Worker(app, lease=60)
    say(f"\n{words}\n{'files':>12} {'wall s':>9} {'worker CPU':>11} {'database CPU':>13}")
    with Watch(pk, worker, until) as watch:
        worker.run(once=True)
    last = watch.points[-1]
    with here() as at:
        job = at.execute("SELECT state, message FROM job WHERE id = %s", [pk]).fetchone()
    say(f"{last}   {job[0] if job else ''}\n{job[1] if job else ''}")
    return last


def found() -> set[tuple[int, int]]:
    """The stored pairs."""
    with here() as at:
        return set(at.execute("SELECT left_id, right_id FROM likeness").fetchall())


def main() -> None:
    """Copy, plant, run, change a few files, run again; one table on stdout."""
    if nation.facts() is None:
        raise SystemExit(f"{nation.database()} is not there: python -m bench build")
    with copied():
        from app import create_app

        app = create_app()
        with here() as at:
            planted = plant(at)
            at.execute("ANALYZE archive")
        whole = run(app, "whole run", UNTIL)
        pairs = found()
        with here() as at:
            touch = "UPDATE archive SET version = version + 1 WHERE id %% %s = 7"
            changed = at.execute(touch, [CHANGED]).rowcount if not UNTIL else 0
        again = None if UNTIL else run(app, f"after {changed:,} changes")
        _tell(planted, pairs, whole, again)
        with app.app_context():
            from app.kit.database import db

            db.engine.dispose()


def _tell(
    planted: set[tuple[int, int]], pairs: set[tuple[int, int]], whole: Point, again: Point | None
) -> None:
    per = 100_000 / max(whole.files, 1)
    with here() as at:
        last = at.execute("SELECT coalesce(max(file_id), 0) FROM likeness_file").fetchone()
    within = {pair for pair in planted if last and pair[1] <= last[0]}
    rows: dict[str, Any] = {
        "files compared": f"{whole.files:,}",
        "wall": f"{whole.wall:,.0f} s, {whole.wall * per:.1f} s per 100,000",
        "processor, worker": f"{whole.ours:,.0f} s, {whole.ours * per:.1f} s per 100,000",
        "processor, database": f"{whole.database:,.0f} s, {whole.database * per:.1f} s per 100,000",
        "memory, worker": f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB at most",
        "pairs told": f"{len(pairs):,}",
        "planted, both compared": f"{len(within):,}, {len(within & pairs):,} of them found",
        "told and not planted": f"{len(pairs - planted):,}",
    }
    if again:
        rows["second run"] = f"{again.files:,} files, {again.wall:.0f} s, {again.ours:.1f} s worker"
    with here() as at:
        for table in _TABLES:
            size = at.execute(
                f"SELECT count(*), pg_total_relation_size('{table}') / 1048576 FROM {table}"
            ).fetchone()
            rows[table] = f"{size[0]:,} rows, {size[1]:,} MB" if size else ""
    say(f"\n疑似重复档案, {nation.ROWS:,} files in the database")
    for name, value in rows.items():
        say(f"  {name:<22} {value}")


if __name__ == "__main__":
    main()
