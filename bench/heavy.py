"""What is measured once, since it writes or takes minutes: steps by many at once, a sweep, the export, the import.

Each returns its figures, or ``{"words": "not measured: …"}`` with the reason; what was written is taken back afterwards
(`tidy`), so that the next run over a kept database finds the same rows. Nobody else may write there meanwhile.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from flask import Flask

from bench import nation
from bench.cases import STANDING, Stage
from bench.client import Answer, Browser
from bench.contest import CLIENTS
from bench.serving import Served, Watch, worker

#: seconds for steps of single files, and how many files at the most
STEPPING, MOST_STEPS = 15.0, 6000
MESSAGE = "请审核"
#: seconds after which a job is given up, and an export is cut off and told as far as it came
JOB_LIMIT, EXPORT_LIMIT = 420, int(os.environ.get("BENCH_EXPORT_SECONDS") or 420)
#: households of the workbook that is imported; their members are rows of their own
IMPORT_ROWS = int(os.environ.get("BENCH_IMPORT_ROWS") or 20_000)
LOGS = ("step_log", "record_version", "reminder", "job")
#: what a step changes in a file
ENVELOPE = "holder_depth, returned, last_reported_at, last_returned_at, updated_at, updated_by_id, updated_by_name, version"


class NotMeasured(Exception):
    """Why not."""


def measured(measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The figures, or the words why there are none."""
    try:
        return measure()
    except (
        NotMeasured,
        OSError,
        http.client.HTTPException,
        ImportError,
        RuntimeError,
        ValueError,
        psycopg.Error,
    ) as why:
        return {"words": f"not measured: {type(why).__name__}: {why}"[:300]}


# --- books ------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def tidy(stage: Stage) -> Iterator[None]:
    """Remember the envelope of the files that will be reported, and take back everything that was written."""
    server, path = stage.server, stage.paths["province"]
    within = f"owner_path >= '{path}' AND owner_path < '{path[:-1]}{chr(ord(path[-1]) + 1)}'"
    server.execute("DROP TABLE IF EXISTS bench_before")
    server.execute(f"CREATE TABLE bench_before AS SELECT id, {ENVELOPE} FROM archive WHERE {within}")
    last = {
        table: stage.one(f"SELECT coalesce(max(id), 0) FROM {table}")
        for table in (*LOGS, "archive", "identity_claim")
    }
    try:
        yield
    finally:
        names = [name.strip() for name in ENVELOPE.split(",")]
        sets = ", ".join(f"{name} = b.{name}" for name in names)
        server.execute(
            f"UPDATE archive a SET {sets} FROM bench_before b WHERE a.id = b.id AND a.version <> b.version"
        )
        server.execute("DROP TABLE bench_before")
        new = f"SELECT id FROM archive WHERE id > {last['archive']}"
        if stage.one("SELECT to_regclass('name_search') IS NOT NULL"):
            server.execute(f"DELETE FROM name_search WHERE source = 'archive' AND record_id IN ({new})")
            members = f"SELECT id FROM family_member WHERE archive_id > {last['archive']}"
            server.execute(
                f"DELETE FROM name_search WHERE source = 'family_member' AND record_id IN ({members})"
            )
        server.execute(f"DELETE FROM identity_claim WHERE id > {last['identity_claim']}")
        server.execute(f"DELETE FROM archive WHERE id > {last['archive']}")
        for table in LOGS:
            server.execute(f"DELETE FROM {table} WHERE id > {last[table]}")
        server.execute("VACUUM (ANALYZE)")


# --- 上报 of single files -------------------------------------------------------------------------------------


def single_steps(stage: Stage, port: int, password: str) -> dict[str, Any]:
    """Eight clerks of one province report its files one by one over REST; every file is looked at afterwards."""
    where = f"owner_path >= %s AND owner_path < %s AND holder_depth = 2 AND {STANDING}"
    path = stage.paths["province"]
    bounds = (path, path[:-1] + chr(ord(path[-1]) + 1))
    rows = stage.server.execute(
        f"SELECT id FROM archive WHERE {where} ORDER BY id LIMIT {MOST_STEPS}", bounds
    ).fetchall()
    ids = [row[0] for row in rows]
    if len(ids) < CLIENTS:
        raise NotMeasured("too few files wait at the province")
    clerks = [Browser(port) for _each in range(CLIENTS)]
    for number, clerk in enumerate(clerks, 1):
        clerk.let_in(f"clerk{number}", password)
    told = Told(iter(ids), time.perf_counter() + STEPPING)
    threads = [threading.Thread(target=told.work, args=(clerk,)) for clerk in clerks]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - start
    if not told.done:
        raise NotMeasured(
            f"every step was refused: {told.refused[0] if told.refused else 'nothing was answered'}"
        )
    times = sorted(each for _file, each in told.done)
    return {
        "per_second": round(len(times) / took, 1),
        "p50_ms": round(times[len(times) // 2], 1),
        "p95_ms": round(times[int(len(times) * 0.95)], 1),
        "done": len(times),
        "refused": len(told.refused),
        "refused_words": told.refused[:1],
        "unanswered": told.unanswered,
        **_proof(stage, [file for file, _ms in told.done]),
        "floor_per_second": _commits(ids),
    }


@dataclass
class Told:
    """What the clerks do and were told, all of them together."""

    waiting: Iterator[int]
    until: float
    #: file and milliseconds of each step that was answered with 200
    done: list[tuple[int, float]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    #: the connection broke: such a step may have been done, so that it is neither kept nor lost
    unanswered: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def work(self, clerk: Browser) -> None:
        """One clerk, until the time is over or nothing waits any more."""
        while time.perf_counter() < self.until:
            with self.lock:
                file = next(self.waiting, None)
            if file is None:
                return
            clerk.close()  # a fresh connection, so that both workers get their share
            try:
                answer = clerk.post_json(f"/api/v1/archive/{file}/steps/report", {"message": MESSAGE})
            except (OSError, http.client.HTTPException):
                with self.lock:
                    self.unanswered += 1
                continue
            with self.lock:
                self._note(file, answer)

    def _note(self, file: int, answer: Answer) -> None:
        if answer.status == 200:
            self.done.append((file, answer.seconds * 1000))
        else:
            self.refused.append(f"{answer.status} {answer.body.decode(errors='replace')[:200]}")


def _proof(stage: Stage, files: list[int]) -> dict[str, int]:
    """Files that were answered with 200 but stand where they stood (lost), or moved or were noted twice (doubled)."""
    moved = (
        "SELECT count(*) FILTER (WHERE a.holder_depth > b.holder_depth - 1), "
        "       count(*) FILTER (WHERE a.holder_depth < b.holder_depth - 1 OR a.version <> b.version + 1) "
        "FROM archive a JOIN bench_before b USING (id) WHERE a.id = ANY(%s)"
    )
    lost, doubled = stage.server.execute(moved, [files]).fetchone() or (0, 0)
    found = {"lost": lost, "doubled": doubled}
    for table in ("step_log", "record_version"):
        counted = (
            f"SELECT count(*) FILTER (WHERE n = 0), count(*) FILTER (WHERE n > 1) FROM (SELECT f.id, count(l.id) AS n "
            f"FROM unnest(%s::int[]) AS f(id) LEFT JOIN {table} l ON l.record_type = 'archive' AND l.record_id = f.id "
            f"AND l.step = 'report' GROUP BY f.id) AS each"
        )
        none, many = stage.server.execute(counted, [files]).fetchone() or (0, 0)
        found["lost"] += none
        found["doubled"] += many
    return found


def _commits(ids: list[int], seconds: float = 3.0) -> float:
    """Bare commits of one UPDATE each, by eight connections: what the database alone can do."""
    done = [0] * CLIENTS
    until = time.perf_counter() + seconds

    def work(place: int) -> None:
        with psycopg.connect(nation.plain_url(), autocommit=True) as server:
            own = ids[place::CLIENTS]
            while time.perf_counter() < until:
                file = own[done[place] % len(own)]
                server.execute(
                    "UPDATE bench_before SET returned = NOT returned WHERE id = %s", [file], prepare=True
                )
                server.execute(
                    "UPDATE bench_before SET returned = NOT returned WHERE id = %s", [file], prepare=True
                )
                done[place] += 2

    with psycopg.connect(nation.plain_url(), autocommit=True) as server:
        server.execute("CREATE INDEX ON bench_before (id)")
    threads = [threading.Thread(target=work, args=(place,)) for place in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return round(sum(done) / seconds, 1)


# --- 快速上报 -------------------------------------------------------------------------------------------------


def sweep(stage: Stage, port: int, password: str, settings: dict[str, str]) -> dict[str, Any]:
    """A province passes on everything that waits there of one city, as a background job with progress."""
    unit, path = stage.facts["viewers"]["busy"], stage.paths["busy"]
    bounds = (path, path[:-1] + chr(ord(path[-1]) + 1))
    held = "SELECT count(*) FROM archive WHERE owner_path >= %s AND owner_path < %s AND holder_depth = 2"
    before = stage.one(held, *bounds)
    person = Browser(port)
    person.let_in("province", password)
    start = time.perf_counter()
    answer = person.post_json("/api/v1/archive/steps/report", {"unit": unit, "message": MESSAGE})
    if answer.status not in {200, 201, 202}:
        raise NotMeasured(f"POST …/steps/report answered {answer.status}: {answer.body.decode()[:200]}")
    number = json.loads(answer.body).get("job")
    if not number:
        raise NotMeasured(f"no job in the answer: {answer.body.decode()[:200]}")
    with worker(settings) as pid, Watch(pid) as watch:
        job = _finished(person, number)
    took = time.perf_counter() - start
    left = stage.one(held, *bounds)
    return {
        "files": before - left,
        "left": left,
        "seconds": round(took, 1),
        "per_second": round((before - left) / took, 1),
        "peak_mb": watch.peak_mb,
        "state": job.get("state"),
        "logged": stage.one(
            "SELECT count(*) FROM step_log WHERE record_type = 'archive' AND step = 'report'"
        ),
    }


def _finished(person: Browser, number: int) -> dict[str, Any]:
    until = time.perf_counter() + JOB_LIMIT
    while time.perf_counter() < until:
        found = json.loads(person.get(f"/api/v1/job/{number}").body)
        job: dict[str, Any] = (
            found.get("result")
            if isinstance(found.get("result"), dict) and "state" in found["result"]
            else found
        )
        if job.get("state") in {"成功", "部分成功", "失败", "已取消"}:
            return job
        time.sleep(0.25)
    raise NotMeasured(f"the job was not finished after {JOB_LIMIT} s")


# --- export ---------------------------------------------------------------------------------------------------


def export(stage: Stage, ours: Served) -> dict[str, Any]:
    """Every file that the root sees as CSV, read as it streams; what one process of the server took for it."""
    root = stage.ours["root"]
    connection = http.client.HTTPConnection("127.0.0.1", ours.port, timeout=EXPORT_LIMIT)
    rows = size = 0
    with Watch(ours.pid) as watch:
        time.sleep(0.3)
        before = watch.peak_mb
        start = time.perf_counter()
        connection.request("GET", "/archive/export?format=csv", headers=root.headers())
        answer = connection.getresponse()
        if answer.status != 200:
            raise NotMeasured(f"answered {answer.status}")
        first = None
        while piece := answer.read1(1 << 16):
            first = first or time.perf_counter() - start
            size += len(piece)
            rows += piece.count(b"\n")
            if time.perf_counter() - start > EXPORT_LIMIT:
                break
        took = time.perf_counter() - start
        connection.close()
    whole = stage.one(f"SELECT count(*) FROM archive WHERE {stage.see('root')}")
    floor = _copied(stage)
    return {
        "rows": rows - 1,
        "of": whole,
        "cut": rows - 1 < whole,
        "seconds": round(took, 1),
        "first_byte_seconds": round(first or 0, 2),
        "rows_per_second": round((rows - 1) / took),
        "mb_per_second": round(size / took / 1e6, 2),
        "peak_mb": watch.peak_mb,
        "before_mb": before,
        "floor_rows_per_second": floor,
    }


def _copied(stage: Stage, most: int = 300_000) -> int:
    """Rows a second that PostgreSQL itself writes as CSV."""
    start, rows = time.perf_counter(), 0
    with (
        stage.server.cursor() as cursor,
        cursor.copy(
            f"COPY (SELECT * FROM archive WHERE {stage.see('root')} ORDER BY id LIMIT {most}) TO STDOUT (FORMAT csv)"
        ) as copy,
    ):
        for piece in copy:
            rows += bytes(piece).count(b"\n")
    return round(rows / (time.perf_counter() - start))


# --- import ---------------------------------------------------------------------------------------------------


def imported(stage: Stage, flask: Flask, ours: Served, settings: dict[str, str]) -> dict[str, Any]:
    """A workbook of new files with their members, as a background job."""
    from bench.workbook import write_workbook

    with tempfile.TemporaryDirectory(prefix="bench-") as folder, flask.app_context():
        file = Path(folder) / "import.xlsx"
        rows = write_workbook(file, IMPORT_ROWS, seed=nation.ROWS)
        content = file.read_bytes()
    street = stage.ours["street"].again()
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', street.get("/archive/list/").body.decode())
    if token is None:
        raise NotMeasured("no CSRF token on the list")
    before = stage.one("SELECT count(*) FROM archive")
    start = time.perf_counter()
    number = _upload(street, content, token[1])
    person = Browser(ours.port)
    person.let_in("street", settings["BENCH_PASSWORD"])
    with worker(settings) as pid, Watch(pid) as watch:
        job = _finished(person, number)
    took = time.perf_counter() - start
    added = stage.one("SELECT count(*) FROM archive") - before
    return {
        "rows": rows,
        "added": added,
        "mb": round(len(content) / 1e6, 1),
        "seconds": round(took, 1),
        "per_second": round(rows / took),
        "failed": job.get("failed"),
        "words": str((job.get("errors") or [""])[0])[:200],
        "peak_mb": watch.peak_mb,
        "state": job.get("state"),
    }


def _upload(person: Browser, content: bytes, token: str) -> int:
    """The job that a workbook is given. Raises NotMeasured when none is."""
    border = "----------------bench"
    head = f'--{border}\r\nContent-Disposition: form-data; name="csrf_token"\r\n\r\n{token}\r\n'
    head += f'--{border}\r\nContent-Disposition: form-data; name="file"; filename="import.xlsx"\r\n'
    head += "Content-Type: application/vnd.openxmlformats-officedocument.spreadsheetml.sheet\r\n\r\n"
    body = head.encode() + content + f"\r\n--{border}--\r\n".encode()
    answer = person.post("/archive/import", body, f"multipart/form-data; boundary={border}")
    if answer.status not in {200, 201, 202, 302}:
        raise NotMeasured(f"POST /archive/import answered {answer.status}")
    found = re.search(r"/job/(?:show/)?(\d+)", answer.location) or re.search(rb'"job":\s*(\d+)', answer.body)
    if found is None:
        raise NotMeasured("the answer names no job")
    return int(found[1])
