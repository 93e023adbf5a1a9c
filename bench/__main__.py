"""The small bench: ours beside stock Flask-AppBuilder beside bare SQL, in one run, over the same rows.

    make bench                      200,000 files; BENCH_ROWS=50000 make bench is quicker
    BENCH_DATABASE_URL=…            the PostgreSQL server (its database uniondesk_bench is made and dropped)
    BENCH_KEEP=1                    keep the database

Both applications are served by gunicorn under the same options, both warm; their pages are asked for in turn
(A/B/A/B), so that whatever else the machine does hits both. Writes RESULTS.md and results.json beside this file.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import re
import secrets
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy.engine import make_url

from bench.client import Answer, Browser, rate

ROOT = Path(__file__).parents[1]
DATABASE = "uniondesk_bench"
ROWS = int(os.environ.get("BENCH_ROWS") or 200_000)
SERVER = os.environ.get("BENCH_DATABASE_URL") or "postgresql://postgres@127.0.0.1:5432/postgres"
GUNICORN = ("-k", "gthread", "-w", "2", "--threads", "4", "--no-control-socket", "--log-level", "warning")
CLIENTS = 8
#: a case is measured for so long, and under load each contestant twice for so long
LATENCY, LOAD = 5.0, 1.0
ROUNDS = (5, 60)
#: the whole run ends by itself after so many seconds, whatever happens
LIMIT = 420
PAGE_SIZE = 20


@dataclass
class Entry:
    """One contestant in one case: a page, or a piece of bare SQL."""

    who: str
    get: Callable[[], Answer]
    browser: Browser | None = None
    path: str = ""
    answers: list[Answer] = field(default_factory=list)
    per_second: list[float] = field(default_factory=list)

    def figures(self) -> dict[str, Any]:
        """What is reported of it."""
        times = sorted(answer.seconds * 1000 for answer in self.answers)
        last = self.answers[-1]
        figures = {
            "p50_ms": round(statistics.median(times), 2),
            "p95_ms": round(times[min(len(times) - 1, int(len(times) * 0.95))], 2),
            "times": len(times),
        }
        if self.browser:
            figures |= {
                "sql": last.statements,
                "sql_ms": round(statistics.median(answer.sql_ms for answer in self.answers), 2),
                "cpu_ms": round(statistics.median(answer.cpu_ms for answer in self.answers), 2),
                "bytes": len(last.body),
                "per_second": round(statistics.mean(self.per_second), 1) if self.per_second else None,
            }
        return figures


# --- the stage ------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def database() -> Iterator[str]:
    """An empty database of the bench's own. Yields its URL."""
    with psycopg.connect(SERVER, autocommit=True) as server:
        server.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        server.execute(f"CREATE DATABASE {DATABASE} LOCALE 'C.UTF-8' TEMPLATE template0")
    try:
        url = make_url(SERVER).set(drivername="postgresql+psycopg", database=DATABASE)
        yield url.render_as_string(hide_password=False)
    finally:
        if os.environ.get("BENCH_KEEP") != "1":
            with psycopg.connect(SERVER, autocommit=True) as server:
                server.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")


@contextlib.contextmanager
def served(module: str, environment: dict[str, str]) -> Iterator[int]:
    """An application under gunicorn on a free port of loopback. Yields the port; ends it by its process id."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", *GUNICORN, "-b", f"127.0.0.1:{port}", f"{module}:app"]
    child = subprocess.Popen(command, cwd=ROOT, env=environment)
    try:
        _await(port, child)
        yield port
    finally:
        child.terminate()
        try:
            child.wait(timeout=15)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _await(port: int, child: subprocess.Popen[bytes]) -> None:
    for _each in range(240):
        if child.poll() is not None:
            raise RuntimeError("the server ended before it began")
        with contextlib.suppress(OSError, http.client.HTTPException):
            if Browser(port).get("/login/").status == 200:
                return
        time.sleep(0.25)
    raise RuntimeError("the server did not come up")


# --- the cases ------------------------------------------------------------------------------------------------


@dataclass
class Stage:
    """What the cases are made of."""

    server: psycopg.Connection[Any]
    world: Any
    ours: dict[str, Browser]
    stock: Browser
    word: str

    def see(self, login: str) -> str:
        """The rows that a person sees in 困难职工档案, as bare SQL with the constants in it."""
        from app.kit import tree

        place = self.world.viewers[login]
        return (
            f"owner_path >= '{place.path}' AND owner_path < '{tree.successor(place.path)}' "
            f"AND holder_depth <= {place.depth} AND NOT is_cancelled AND merged_into_id IS NULL "
            "AND hardship_category <> 'temporary'"
        )

    def scope(self, login: str) -> str:
        """The same rows as search conditions of stock; nothing for the root but the level."""
        place = self.world.viewers[login]
        depth = f"_flt_2_holder_depth={place.depth + 1}"
        return depth if place.depth == 1 else f"_flt_0_owner_path={place.path}&{depth}"

    def floor(self, where: str, order: str = "id DESC", *, count: bool = True) -> Callable[[], Answer]:
        """The rows of one page and the capped count, as two prepared statements without any framework."""
        shown = "id, archive_no, full_name, gender, birth_date, home_address, employer_name, main_hardship_cause, created_at, holder_depth, returned"
        rows = f"SELECT {shown} FROM archive WHERE {where} ORDER BY {order} LIMIT {PAGE_SIZE + 1}"
        number = f"SELECT count(*) FROM (SELECT id FROM archive WHERE {where} LIMIT 10001) AS capped"

        def ask() -> Answer:
            start = time.perf_counter()
            self.server.execute(rows, prepare=True).fetchall()
            if count:
                self.server.execute(number, prepare=True).fetchall()
            return Answer(200, b"", time.perf_counter() - start)

        return ask

    def page(
        self, login: str, ours: str, stock: str, floor: Callable[[], Answer], *, tuned: bool = True
    ) -> list[Entry]:
        """The contestants of one case; ``{view}`` in stock's address is the stock or the tuned view."""
        entries = [
            self.web("ours", self.ours[login], ours),
            self.web("stock", self.stock, stock.format(view="stock")),
        ]
        if tuned:
            entries.append(self.web("tuned", self.stock, stock.format(view="tuned")))
        return [*entries, Entry("floor", floor)]

    def web(self, who: str, browser: Browser, path: str) -> Entry:
        """A page as a contestant, with a connection of its own."""
        window = browser.again()
        return Entry(who, lambda: window.get(path), window, path)


def cases(stage: Stage) -> dict[str, list[Entry]]:
    """Name of a case → who competes in it."""
    found = {}
    for login, label in (
        ("root", "national"),
        ("city", "city"),
        ("street", "street"),
        ("oldcity", "old city"),
    ):
        listed, filters = "/archive/list/", f"/{{view}}/list/?{stage.scope(login)}"
        found[f"list, {label}"] = stage.page(login, listed, filters, stage.floor(stage.see(login)))
    root, seen = f"/{{view}}/list/?{stage.scope('root')}", stage.see("root")
    word = stage.word
    found["name search, national"] = stage.page(
        "root",
        f"/archive/list/?full_name={word}",
        f"{root}&_flt_2_full_name={word}",
        stage.floor(f"{seen} AND full_name LIKE '%{word}%'"),
    )
    sort = "&_oc_{name}=full_name&_od_{name}=asc"
    stock_sort = root + "".join(sort.format(name=name) for name in ("StockView", "TunedView"))
    found["sorted by name, national"] = stage.page(
        "root", "/archive/list/?order=full_name:asc", stock_sort, stage.floor(seen, "full_name, id")
    )
    found["form, new file"] = [
        stage.web("ours", stage.ours["street"], "/archive/add?shelf=hardship"),
        stage.web("stock", stage.stock, "/stock/add"),
    ]
    return found | {f"page {deep_page(stage):,}, national": deep(stage, root, seen)}


def deep_page(stage: Stage) -> int:
    """Page 5,000, or the last but one where there are fewer."""
    total = stage.server.execute(f"SELECT count(*) FROM archive WHERE {stage.see('root')}").fetchone()[0]
    return max(2, min(5000, total // PAGE_SIZE - 1))


def deep(stage: Stage, root: str, seen: str) -> list[Entry]:
    """The same page far behind: ours by the key that its 下一页 would carry, stock by its number (OFFSET)."""
    number = deep_page(stage)
    before = (number - 1) * PAGE_SIZE - 1
    last = stage.server.execute(
        f"SELECT id FROM archive WHERE {seen} ORDER BY id DESC OFFSET {before} LIMIT 1"
    ).fetchone()[0]
    key = base64.urlsafe_b64encode(json.dumps(["after", "id", last, last]).encode()).decode()
    pages = "".join(f"&page_{name}={number - 1}" for name in ("StockView", "TunedView"))
    return stage.page(
        "root", f"/archive/list/?key={key}", root + pages, stage.floor(f"{seen} AND id < {last}")
    )


def check(stage: Stage, name: str, entries: Sequence[Entry]) -> None:
    """Warm everybody up, and see that the pages of one case show the same files in the same order."""
    shown: dict[str, list[str]] = {}
    for entry in entries:
        for _each in range(4):  # both workers, on fresh connections
            answer = entry.browser.get(entry.path, fresh=True) if entry.browser else entry.get()
        entry.get()
        if answer.status != 200:
            raise RuntimeError(f"{name}: {entry.who} answered {answer.status} to {entry.path}")
        if entry.browser and "/list/" in entry.path:
            shown[entry.who] = _numbers(answer.body.decode())
    ours = shown.get("ours")
    for who, numbers in shown.items():
        if numbers != ours and not name.startswith("sorted"):  # equal names come in any order in stock
            raise RuntimeError(f"{name}: ours shows {ours}, {who} shows {numbers}")
        if len(numbers) != PAGE_SIZE:
            raise RuntimeError(f"{name}: {who} shows {len(numbers)} files")


def _numbers(page: str) -> list[str]:
    """The 职工编号 on a page, in order."""
    return list(dict.fromkeys(re.findall(r"(?<!\d)10[0-9]{4}[0-9]{6}(?!\d)", page)))


def measure(entries: Sequence[Entry]) -> None:
    """In turn, one page each, until the time is over; then under load, in turn, twice."""
    until = time.perf_counter() + LATENCY
    rounds = 0
    while rounds < ROUNDS[0] or (rounds < ROUNDS[1] and time.perf_counter() < until):
        for entry in entries:
            entry.answers.append(entry.get())
        rounds += 1
    for _each in range(2):
        for entry in entries:
            if entry.browser:
                entry.per_second.append(rate(entry.browser, entry.path, LOAD, CLIENTS))


# --- the run --------------------------------------------------------------------------------------------------


def run(url: str, home: str) -> dict[str, Any]:
    """Build, serve, measure. Returns everything that was found."""
    password = secrets.token_urlsafe(12) + "aA1!"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("UNIONDESK_")}
    environment |= {
        "DATABASE_URL": url,
        "UNIONDESK_HOME": home,
        "UNIONDESK_SECRET_KEY": secrets.token_urlsafe(40),
    }
    environment["BENCH_PASSWORD"] = password
    os.environ.update(environment)  # read by config.py, which is imported below
    from app import create_app
    from bench import plans, world

    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as server:
        start = time.perf_counter()
        flask = create_app()
        made = world.build(flask, server, ROWS, password)
        subprocess.run([sys.executable, "-m", "bench.stock"], cwd=ROOT, env=environment, check=True)
        loaded = time.perf_counter() - start
        say(f"{made.archives:,} files, {made.units:,} units in {loaded:.0f} s")
        word = _word(server)
        with served("bench.ours", environment) as our_port, served("bench.stock", environment) as stock_port:
            ours = {login: Browser(our_port) for login in made.viewers}
            for login, browser in ours.items():
                browser.log_in(login, password)
            stock = Browser(stock_port)
            stock.log_in("bench_stock", password)
            stage = Stage(server, made, ours, stock, word)
            figures = {}
            for name, entries in cases(stage).items():
                check(stage, name, entries)
                measure(entries)
                figures[name] = {entry.who: entry.figures() for entry in entries}
                say(name, figures[name])
        sizes = {login: _sees(server, stage, login) for login in made.viewers}
        found = plans.explain(flask, server, list(made.viewers), password, word)
        return {
            "figures": figures,
            "plans": found,
            "sees": sizes,
            "word": word,
            "rows": made.archives,
            "units": made.units,
            "load_seconds": round(loaded, 1),
            "table_mb": server.execute("SELECT pg_table_size('archive') / 1048576").fetchone()[0],
            "index_mb": server.execute("SELECT pg_indexes_size('archive') / 1048576").fetchone()[0],
            "machine": machine(server),
            "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        }


def _word(server: psycopg.Connection[Any]) -> str:
    """Two characters of a name that fewer than one file in a hundred carries, yet more than a page of them."""
    rows = server.execute(
        "SELECT left(full_name, 2), count(*) FROM archive WHERE holder_depth = 1 GROUP BY 1 ORDER BY 2 DESC, 1"
    )
    return next(word for word, number in rows if number < ROWS / 150)


def _sees(server: psycopg.Connection[Any], stage: Stage, login: str) -> int:
    return server.execute(f"SELECT count(*) FROM archive WHERE {stage.see(login)}").fetchone()[0]


def machine(server: psycopg.Connection[Any]) -> dict[str, Any]:
    """What it ran on."""
    from importlib.metadata import version

    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        "unknown",
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    names = ("Flask", "Flask-AppBuilder", "SQLAlchemy", "psycopg", "gunicorn")
    return {
        "cpu": cpu,
        "cores": os.cpu_count(),
        "memory_gb": round(memory),
        "load_before": LOAD_BEFORE,
        "python": sys.version.split()[0],
        "postgresql": server.execute("SHOW server_version").fetchone()[0].split()[0],
        "shared_buffers": server.execute("SHOW shared_buffers").fetchone()[0],
        **{name: version(name) for name in names},
    }


def say(*words: Any) -> None:
    print(*words, flush=True)


LOAD_BEFORE = round(os.getloadavg()[0], 1)


def _over(*_signal: Any) -> None:
    raise SystemExit("the bench took too long, or was told to stop; everything has been put away")


def main() -> None:
    """Run, write, and put everything away."""
    from bench import report

    signal.signal(signal.SIGALRM, _over)
    signal.signal(signal.SIGTERM, _over)
    signal.alarm(LIMIT)
    if conninfo_to_dict(SERVER).get("dbname") == DATABASE:
        raise SystemExit(f"BENCH_DATABASE_URL names the server by another database than {DATABASE}")
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as home, database() as url:
        found = run(url, home)
    found["seconds"] = round(time.perf_counter() - start)
    report.write(found)
    say(f"done in {found['seconds']} s")


if __name__ == "__main__":
    main()
