"""The run: cast, log in, peak × 3, the knee, ten times the knee, recovery, the ledger."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import os
import resource
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy.engine import make_url

from bench.nation import IDENTITY_KEY

ROOT = Path(__file__).parents[2]
DAY = json.loads((Path(__file__).parent / "day.json").read_text())
ROWS = os.environ.get("BENCH_ROWS") or "4700000"
SERVER = os.environ.get("BENCH_DATABASE_URL") or "postgresql://postgres@127.0.0.1:5432/postgres"
URL = os.environ.get("LOAD_DATABASE_URL") or make_url(SERVER).set(
    database=f"uniondesk_bench_{ROWS}"
).render_as_string(False)
#: seconds of the first part, of a step of the ramp, of the overload, and of what follows it
STEADY = float(os.environ.get("LOAD_SECONDS") or 180)
STEP, WARM, STORM, AFTER = 12.0, 15.0, 40.0, 25.0
LIMIT_MS = 400
#: each step of the ramp brings so much more, at most so often
GROWTH, STEPS = 1.15, 9
#: people who log in at the same time before the run
AT_THE_DOOR = 4


def say(*words: Any) -> None:
    print(*words, flush=True)


@contextlib.contextmanager
def served(flask: Any, environment: dict[str, str]) -> Iterator[tuple[int, list[Any]]]:
    """The product under gunicorn exactly as `make run` starts it. Yields port and the list of its stderr lines; ends it by its id."""
    from app.cli.serve import web_server

    port = int(os.environ.get("LOAD_PORT") or 0)
    if not port:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
    with tempfile.TemporaryFile("w+") as log:
        child = subprocess.Popen(
            web_server(flask, f"127.0.0.1:{port}"), cwd=ROOT, env=environment, stderr=log
        )
        lines: list[Any] = []
        try:
            for _each in range(240):
                if child.poll() is not None:
                    raise RuntimeError("the server ended before it began")
                with contextlib.suppress(OSError):
                    if ready(port):
                        break
                time.sleep(0.25)
            yield port, lines
        finally:
            child.terminate()
            try:
                child.wait(timeout=40)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
            log.seek(0)
            lines += log.read().splitlines()
            if sys.exc_info()[0]:
                say("the server said last:", *lines[-20:])


def ready(port: int) -> dict[str, Any]:
    """What /readyz of one of the processes says."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        body = answer.read()
        return json.loads(body) if answer.status == 200 else {}
    finally:
        connection.close()


def rooms(port: int) -> list[dict[str, Any]]:
    """The counters of every process: asked until no new one answers."""
    found: dict[int, dict[str, Any]] = {}
    for _each in range(40):
        if not (said := ready(port)):
            continue  # not ready: its figures would be missing, and the reason stands in the log
        found[said["process"]] = {"room": said["room"], "database": said["database"]}
    return list(found.values())


async def log_everybody_in(driver: Any) -> dict[str, Any]:
    """Everybody through the form, a few at a time."""
    from bench.load.drive import Part

    driver.part = part = Part("log-ins", 0, 0, began=time.perf_counter())
    waiting = list(driver.roles)

    async def door() -> None:
        while waiting:
            role = waiting.pop()
            await driver.visits.log_in(role, 0)

    await asyncio.gather(*(door() for _each in range(AT_THE_DOOR)))
    part.took = time.perf_counter() - part.began
    return {"people": len(driver.roles), "seconds": round(part.took, 1), **part.figures()["kinds"]["log in"]}


async def parts(driver: Any, port: int) -> dict[str, Any]:
    """Peak × 3, the ramp, the storm, the time after it."""
    from bench.load.drive import Part

    peak = DAY["visits_a_day"] * DAY["peak_hour_share"] / 3600
    steady = peak * DAY["times"]
    found: dict[str, Any] = {"peak": round(peak, 1)}
    await driver.run(Part("warm-up", peak, WARM))
    part = await driver.run(Part("peak × 3", steady, STEADY))
    found["steady"] = part.figures()
    say("peak × 3", brief(found["steady"]))
    rate, ramp, knee = steady * 0.6, [], 0.0
    for _each in range(STEPS):
        step = (await driver.run(Part("ramp", rate, STEP))).figures()
        ramp.append(step)
        say(f"  {rate:.0f} visits/s", brief(step))
        if step["p95"] > LIMIT_MS or step["errors"] or step["refused"]:
            break
        knee = rate
        rate *= GROWTH
    found |= {"ramp": ramp, "knee": round(knee, 1)}
    await asyncio.sleep(2)
    storm = await driver.run(Part("10 × the knee", 10 * (knee or steady * 0.6), STORM))
    found["storm"] = storm.figures()
    say("10 × the knee", brief(found["storm"]))
    after = await driver.run(Part("after", peak, AFTER))
    found["after"] = after.figures() | {
        "recovered_after": after.recovered_after(LIMIT_MS),
        "last_refusal": after.last_refusal(),
        "rest_seconds": round(after.began - storm.began - STORM, 1),
    }
    say("after", brief(found["after"]), "recovered after", found["after"]["recovered_after"], "s")
    found["rooms"] = rooms(port)
    return found


def brief(figures: dict[str, Any]) -> str:
    """One line."""
    return (
        f"served {figures['served_per_second']}/s, p50 {figures['p50']} p95 {figures['p95']} p99 {figures['p99']} ms, "
        f"errors {figures['errors']}, refused {figures['refused_share']:.1%}, by rule {figures['outcomes'].get('rule', 0)}, "
        f"client {figures['client_cpu']:.0%} of a machine busy by {figures['machine_cpu']:.0%}"
    )


def main() -> None:
    """Run and write."""
    start = time.perf_counter()
    _most, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 20_000) if hard > 0 else 20_000, hard))
    url = make_url(URL).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
    with tempfile.TemporaryDirectory(prefix="load-") as home:
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("UNIONDESK_HOME", "UNIONDESK_SECRET"))
        }
        environment |= {
            "DATABASE_URL": url,
            "UNIONDESK_HOME": home,
            "UNIONDESK_SECRET_KEY": secrets.token_urlsafe(40),
        }
        environment.setdefault(
            "UNIONDESK_IDENTITY_KEY", IDENTITY_KEY
        )  # the numbers of the bench are claimed under it
        os.environ.update(environment)  # read by config.py, which is imported below
        found = run(environment)
    found["seconds"] = round(time.perf_counter() - start)
    from bench.load import report

    report.write(found)
    say(f"done in {found['seconds']} s")
    if found["ledger"]["wrong"]:
        sys.exit("the ledger and the database differ: " + "; ".join(found["ledger"]["wrong"][:10]))


def run(environment: dict[str, str]) -> dict[str, Any]:
    """Everything that was found."""
    from app import create_app
    from app.cli.serve import prepare
    from app.kit import clock
    from app.kit.database import db
    from bench.load.cast import cast
    from bench.load.drive import Driver
    from bench.load.ledger import Ledger
    from bench.load.visits import Visits
    from bench.load.web import Web

    flask = create_app()
    prepare(flask)
    with flask.app_context():
        since = clock.now()
        db.engine.dispose()
    password = secrets.token_urlsafe(12) + "aA1!"
    plain = make_url(URL).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as server:
        roles = cast(flask, server, DAY["levels"], password)
        ledger, driver = Ledger(since), Driver(roles, DAY["mix"])
        with served(flask, environment) as (port, lines):
            driver.visits = Visits(
                Web(port),
                ledger,
                driver.note,
                password,
                tuple(DAY["think_seconds"]),
                secrets.randbelow(10**6),
            )

            async def everything() -> dict[str, Any]:
                doors = await log_everybody_in(driver)
                say(f"{doors['people']} people logged in within {doors['seconds']} s")
                return {"doors": doors} | await parts(driver, port)

            found = asyncio.run(everything())
        found["ledger"] = ledger.check(server)
        say("ledger", found["ledger"])
        found["log"] = [line for line in lines if "refused within" not in line][:40]
        found["rows"] = server.execute("SELECT count(*) FROM archive").fetchone()[0]
        found["people"] = {
            str(depth): sum(role.person.depth == depth for role in roles) for depth in range(1, 6)
        }
        found["postgresql"] = server.execute("SHOW server_version").fetchone()[0].split()[0]
    found |= {
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "cores": os.cpu_count(),
        "python": sys.version.split()[0],
    }
    found["load_before"] = LOAD_BEFORE
    found["seats"] = {
        name: flask.config[name]
        for name in ("PAGE_SEATS", "FIGURE_SEATS", "FILE_SEATS", "WAITING", "PATIENCE")
    }
    return found


LOAD_BEFORE = round(os.getloadavg()[0], 1)

if __name__ == "__main__":
    main()
