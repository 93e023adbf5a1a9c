"""Background work: nothing lost, nothing doubled, whatever dies; and never with more rights than its actor has.

Run as a program it is the real worker: ``python tests/kit/test_jobs.py worker``, its database in ``JOBS_URL``.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.cli import ScriptInfo
from flask_appbuilder import Model
from flask_appbuilder.security.sqla.models import User
from flask_babel import Babel
from sqlalchemy.orm import Session

from app.cli import worker as command
from app.kit import jobs, worker
from app.kit.clock import now
from app.kit.database import db, reading
from app.kit.errors import Forbidden, Missing, NotDeclared, Refused
from app.kit.history import RecordVersion
from app.kit.jobs import MAX_ERRORS, TASKS, Job, JobContext, enqueue, task
from app.kit.scope import SYSTEM, Actor, acting, current
from app.kit.worker import Worker
from app.kit.workflow import StepLog

TABLES = [User.__table__, RecordVersion.__table__, StepLog.__table__, Job.__table__]
tally = sa.Table("tally", sa.MetaData(), sa.Column("job_id", sa.Integer), sa.Column("n", sa.Integer))

CLERK = Actor(1, "王秀英", unit_id=5, grants=frozenset({("can_count", "tally")}))
STRANGER = Actor(2, "张三", unit_id=6)
ACCOUNTS = {1: CLERK, 2: STRANGER}


# --- the application and its tasks ------------------------------------------------------------------------


def application(url: str) -> Flask:
    shop = Flask("jobs")
    shop.config |= {"SQLALCHEMY_DATABASE_URI": url, "SECRET_KEY": "none"}
    Babel(shop, default_locale="zh")
    db.init_app(shop)
    command.register(shop)
    return shop


def note(ctx: JobContext, n: int) -> None:
    ctx.session.execute(sa.insert(tally).values(job_id=ctx.job.id, n=n))


def toy(kind: str, **more):
    """A task of these tests; a module that is imported twice replaces it."""
    TASKS.pop(kind, None)
    return task(kind, label=more.pop("label", "计数"), **more)


@toy("toy_count", needs=("count", "tally"))
def count(ctx: JobContext) -> None:
    """Rows one to ``rows``, two in a chunk."""
    for n in range(ctx.done, ctx.args["rows"]):
        note(ctx, n)
        ctx.progress(n + 1, ctx.args["rows"])
        time.sleep(ctx.args.get("nap", 0))
        if n % 2:
            ctx.checkpoint()
    ctx.result = {"url": "/tally"}


@toy("toy_script")
def script(ctx: JobContext) -> None:
    """Whatever the test says."""
    SCRIPTS[ctx.args["name"]](ctx)


@toy("toy_read", reads=True)
def read(ctx: JobContext) -> None:
    SCRIPTS[ctx.args["name"]](ctx)


SCRIPTS: dict[str, Callable[[JobContext], None]] = {}


def loads(session: Session, account_id: int | None, unit_id: int | None) -> Actor | None:
    """The security layer of these tests."""
    return ACCOUNTS.get(account_id)


# --- the database -----------------------------------------------------------------------------------------


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    given = os.environ.get("TEST_DATABASE_URL", "")
    if not given.startswith("postgresql"):
        yield f"sqlite:///{tmp_path / 'jobs.db'}"
        return
    name = f"jobs_{uuid.uuid4().hex[:12]}"
    server = sa.create_engine(sa.make_url(given).set(database="postgres"), isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name} LOCALE 'C.UTF-8' TEMPLATE template0")
    try:
        yield sa.make_url(given).set(database=name).render_as_string(hide_password=False)
    finally:
        with server.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
        server.dispose()


@pytest.fixture
def shop(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    shop = application(url)
    monkeypatch.setattr(jobs, "actor_loader", loads)
    with shop.app_context():
        Model.metadata.create_all(db.engine, tables=TABLES)
        tally.create(db.engine)
        with db.engine.begin() as connection:
            for number in ACCOUNTS:
                name = f"a{number}"
                facts = {"id": number, "first_name": name, "last_name": "", "username": name, "email": name}
                connection.execute(sa.insert(User.__table__).values(facts))
        with acting(CLERK):
            yield shop
        db.session.remove()
        db.engine.dispose()


def ask(kind: str = "toy_count", actor: Actor = CLERK, **args) -> int:
    """A committed job's id."""
    with acting(actor):
        job = enqueue(db.session(), kind, actor, **args)
        db.session.flush()
        job_id = job.id  # read before the commit: reading it after would begin a transaction again
        db.session.commit()
        return job_id


def play(name: str, kind: str = "toy_script") -> Callable[[Callable[[JobContext], None]], int]:
    """A committed job that does what the decorated function says."""

    def register(run: Callable[[JobContext], None]) -> int:
        SCRIPTS[name] = run
        return ask(kind, name=name)

    return register


def job_of(job_id: int) -> Job:
    """The job as the database has it."""
    with reading(), acting(SYSTEM), Session(db.engine) as session:
        job = session.get_one(Job, job_id)
        session.expunge(job)
        return job


def tallied(job_id: int) -> list[int]:
    with reading(), db.engine.connect() as connection:
        return sorted(connection.scalars(sa.select(tally.c.n).where(tally.c.job_id == job_id)))


def change(job_id: int, **facts) -> None:
    with db.engine.begin() as connection:
        connection.execute(sa.update(Job.__table__).where(Job.__table__.c.id == job_id).values(facts))


def work(shop: Flask, **options) -> None:
    Worker(shop, backoff=(0, 0), **options).run(once=True)


@pytest.fixture
def hire(url: str, shop: Flask) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """The real command, in a process of its own, with a lease of ``lease`` seconds."""
    hired: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str, lease: int = 3) -> subprocess.Popen[bytes]:
        root = Path(__file__).parents[2]
        environment = os.environ | {"JOBS_URL": url, "JOBS_LEASE": str(lease), "PYTHONPATH": str(root)}
        words = [sys.executable, __file__, "worker", *arguments]
        hired.append(subprocess.Popen(words, cwd=root, env=environment, stderr=subprocess.DEVNULL))
        return hired[-1]

    yield start
    for process in hired:
        process.kill()
        process.wait()


def wait_for(truth: Callable[[], bool], seconds: float = 40) -> None:
    until = time.monotonic() + seconds
    while not truth():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.05)


# --- asking for work --------------------------------------------------------------------------------------


def test_a_job_belongs_to_the_transaction_that_asks_for_it(shop):
    enqueue(db.session(), "toy_count", CLERK, rows=3)
    db.session.rollback()
    work(shop)
    with db.engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(Job.__table__)) == 0


def test_a_job_knows_who_asked_for_what(shop):
    job = job_of(ask(rows=3))
    assert (job.kind, job.account_id, job.account_name, job.unit_id) == ("toy_count", 1, "王秀英", 5)
    assert (job.state, job.args, job.done, job.total, job.errors) == ("waiting", {"rows": 3}, 0, 0, [])
    assert (job.text("state"), job.title, Job.fields()["state"].json("partly")) == (
        "等待",
        "计数",
        "部分成功",
    )


def test_a_key_makes_one_job_of_many_questions(shop):
    first = ask(key="nightly-2026-03-02", rows=1)
    assert ask(key="nightly-2026-03-02", rows=1) == first
    assert ask(actor=STRANGER, key="nightly-2026-03-02", rows=1) == first
    assert ask(key="nightly-2026-03-03", rows=1) != first


def test_a_key_asked_for_twice_at_once_is_one_job(shop, monkeypatch):
    first = ask(key="once", rows=1)
    real, calls = jobs._job_of, []
    monkeypatch.setattr(jobs, "_job_of", lambda *a: calls.append(a) or (real(*a) if len(calls) > 1 else None))
    assert ask(key="once", rows=1) == first
    assert len(calls) == 2


def test_an_actor_without_account_is_refused(shop):
    with pytest.raises(Forbidden, match="请先登录"):
        enqueue(db.session(), "toy_count", Actor(None, "某人"))


def test_nobody_asks_in_the_name_of_another(shop):
    with pytest.raises(Missing):
        enqueue(db.session(), "toy_count", replace(CLERK, account_id=2), rows=1)


def test_an_unknown_task_is_a_developers_mistake(shop):
    with pytest.raises(NotDeclared):
        enqueue(db.session(), "toy_unheard_of", CLERK)
    with pytest.raises(NotDeclared):
        task("toy_count", label="计数")(count)


def test_people_see_their_own_jobs_only(shop):
    mine, theirs = ask(rows=1), ask(actor=STRANGER, rows=1)
    seen = sa.select(Job.id).where(Job.id.in_([mine, theirs]))
    assert list(db.session.scalars(seen)) == [mine]
    with acting(None):
        assert list(db.session.scalars(seen)) == []


# --- doing it ---------------------------------------------------------------------------------------------


def test_a_job_is_done_and_says_so(shop):
    job_id = ask(rows=5)
    work(shop)
    job = job_of(job_id)
    assert tallied(job_id) == [0, 1, 2, 3, 4]
    assert (job.state, job.done, job.total, job.percent, job.result) == ("done", 5, 5, 100, {"url": "/tally"})
    assert (job.attempts, job.lease_until) == (1, None)
    assert job.created_at <= job.started_at <= job.finished_at


def test_progress_is_seen_after_each_chunk_and_not_before(shop):
    seen = []

    @play("look")
    def job_id(ctx):
        for n in range(4):
            note(ctx, n)
            ctx.progress(n + 1, 4)
            seen.append((job_of(ctx.job.id).percent, len(tallied(ctx.job.id))))
            ctx.checkpoint()

    work(shop)
    assert seen == [(0, 0), (25, 1), (50, 2), (75, 3)]
    assert job_of(job_id).state == "done"


@pytest.mark.parametrize(("bad", "state"), [(0, "done"), (1, "partly"), (3, "failed")])
def test_rows_that_could_not_be_done_are_told(shop, bad, state):
    @play("rows")
    def job_id(ctx):
        for n in range(3):
            if n < bad:
                ctx.fail_row("身份证号应为18位", row=n + 2, column="id_card_no")
            ctx.progress(n + 1, 3)
            ctx.checkpoint()

    work(shop)
    job = job_of(job_id)
    assert (job.state, job.failed, job.done) == (state, bad, 3)
    assert job.errors == [
        {"row": n + 2, "column": "id_card_no", "words": "身份证号应为18位"} for n in range(bad)
    ]


def test_problems_are_kept_up_to_a_bound_and_counted_beyond(shop):
    @play("many")
    def job_id(ctx):
        for n in range(MAX_ERRORS + 5):
            ctx.fail_row("不对", id=n)
        ctx.progress(2 * MAX_ERRORS, 2 * MAX_ERRORS)

    work(shop)
    job = job_of(job_id)
    assert (job.state, job.failed, len(job.errors)) == ("partly", MAX_ERRORS + 5, MAX_ERRORS)


def test_a_job_waits_for_its_time(shop):
    later, sooner = ask(rows=1, run_at=now() + timedelta(hours=1)), ask(rows=1)
    work(shop)
    assert (job_of(later).state, job_of(sooner).state) == ("waiting", "done")


def test_a_job_of_a_newer_programme_is_left_to_a_newer_worker(shop):
    job_id = ask(rows=1)
    change(job_id, kind="toy_of_tomorrow")
    work(shop)
    assert job_of(job_id).state == "waiting"


def test_a_task_acts_as_its_actor_and_the_books_do_not(shop):
    actors = []

    @play("who")
    def job_id(ctx):
        actors.append(current())
        ctx.checkpoint()
        actors.append(current())
        ctx.session.add(StepLog(record_type="x", record_id=1, step="x", at=now(), account_name="x"))
        ctx.session.add(
            Job(kind="x", account_id=2, account_name="x", state="waiting", created_at=now(), run_at=now())
        )

    work(shop)
    assert actors == [CLERK, CLERK]
    assert current() is CLERK
    job = job_of(job_id)
    assert (job.state, job.message) == ("failed", "没有找到这条记录，或它不在您单位的范围内")
    with db.engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(StepLog.__table__)) == 0


def test_the_systems_own_job_runs_as_the_system(shop):
    SCRIPTS["night"] = lambda ctx: ctx.fail_row(current().name) or ctx.progress(2, 2)
    job_id = ask("toy_script", SYSTEM, name="night")
    work(shop)
    assert job_of(job_id).errors == [{"words": "系统"}]


# --- rights -----------------------------------------------------------------------------------------------


def test_a_right_taken_away_stops_the_job_at_the_next_chunk(shop, monkeypatch):
    job_id = ask(rows=10)

    def fading(_session, _account_id, _unit_id):
        return CLERK if job_of(job_id).done < 4 else replace(CLERK, grants=frozenset())

    monkeypatch.setattr(jobs, "actor_loader", fading)
    work(shop)
    job = job_of(job_id)
    assert (job.state, job.done, tallied(job_id)) == ("failed", 4, [0, 1, 2, 3])
    assert job.message == "您没有办理「计数」的权限"


@pytest.mark.parametrize("found", [None, replace(STRANGER), Actor(None, "某人"), SYSTEM])
def test_an_account_that_is_gone_does_nothing_any_more(shop, monkeypatch, found):
    job_id = ask(rows=10)
    monkeypatch.setattr(jobs, "actor_loader", lambda *_a: found)
    work(shop)
    job = job_of(job_id)
    assert (job.state, job.done, tallied(job_id)) == ("failed", 0, [])
    assert "账号已停用" in job.message


# --- errors -----------------------------------------------------------------------------------------------


def test_a_failing_task_is_tried_again_then_fails_with_words(shop, caplog):
    @play("broken")
    def job_id(ctx):
        note(ctx, ctx.job.attempts)
        raise ZeroDivisionError("secret detail")

    Worker(shop, backoff=(60, 60)).run(once=True)
    job = job_of(job_id)
    assert (job.state, job.attempts, job.lease_until) == ("waiting", 1, None)
    assert job.run_at > now() + timedelta(seconds=50)
    assert "再试" in job.message
    change(job_id, run_at=now())
    work(shop)
    job = job_of(job_id)
    assert (job.state, job.attempts) == ("failed", 3)
    assert job.message == f"处理时出错，已试3次。请联系系统管理员，任务编号{job_id}。"
    assert tallied(job_id) == []
    assert caplog.text.count("ZeroDivisionError: secret detail") == 3


def test_a_second_attempt_goes_on_where_the_first_stood(shop):
    @play("stumble")
    def job_id(ctx):
        for n in range(ctx.done, 4):
            note(ctx, n)
            if n == 2 and ctx.job.attempts == 1:
                raise ZeroDivisionError
            if n == 1:
                ctx.fail_row("不对", row=n)
            ctx.progress(n + 1, 4)
            ctx.checkpoint()

    work(shop)
    job = job_of(job_id)
    assert (job.state, job.attempts, job.failed, job.message) == ("partly", 2, 1, None)
    assert tallied(job_id) == [0, 1, 2, 3]


def test_a_refusal_is_told_in_its_own_words_and_not_repeated(shop):
    @play("refused")
    def job_id(ctx):
        note(ctx, 1)
        raise Refused("档案由城东街道总工会保管，请由该单位办理。")

    work(shop)
    job = job_of(job_id)
    assert (job.state, job.attempts, tallied(job_id)) == ("failed", 1, [])
    assert job.message == "档案由城东街道总工会保管，请由该单位办理。"


def test_a_job_that_kills_its_workers_is_given_up(shop):
    job_id = ask(rows=1)
    change(job_id, state="running", worker="dead", attempts=3, lease_until=now() - timedelta(seconds=5))
    work(shop)
    job = job_of(job_id)
    assert (job.state, tallied(job_id)) == ("failed", [])
    assert "多次意外中断" in job.message


def test_the_worker_outlives_a_database_that_does_not_answer(shop, monkeypatch, caplog):
    job_id = ask(rows=1)
    hand, real, calls = Worker(shop, poll=0.01), Worker._claim, []

    def shaky(self):
        calls.append(1)
        if len(calls) < 3:
            raise sa.exc.OperationalError("SELECT", {}, Exception("gone"))
        if len(calls) > 4:
            hand.stop()
        return real(self)

    monkeypatch.setattr(Worker, "_claim", shaky)
    hand.run()
    assert job_of(job_id).state == "done"
    assert "tries again" in caplog.text


# --- cancelling -------------------------------------------------------------------------------------------


def test_a_waiting_job_is_cancelled_before_it_begins(shop):
    job_id = ask(rows=3)
    db.session.get(Job, job_id).cancel(CLERK)
    db.session.commit()
    work(shop)
    job = job_of(job_id)
    assert (job.state, job.text("state"), tallied(job_id)) == ("cancelled", "已取消", [])
    with pytest.raises(Refused, match="「计数」已取消，不能再取消"):
        db.session.get(Job, job_id).cancel(CLERK)


def test_a_running_job_ends_at_its_next_checkpoint(shop):
    @play("endless")
    def job_id(ctx):
        for n in range(100):
            note(ctx, n)
            ctx.progress(n + 1, 100)
            ctx.checkpoint()
            if n == 2:
                with Session(db.engine) as session:
                    session.get(Job, ctx.job.id).cancel(CLERK)
                    session.commit()

    work(shop)
    job = job_of(job_id)
    assert (job.state, job.done, tallied(job_id)) == ("cancelled", 3, [0, 1, 2])
    assert job.lease_until is None


# --- several workers, and death -----------------------------------------------------------------------------


def test_a_worker_that_has_lost_its_lease_writes_nothing(shop):
    @play("slow")
    def job_id(ctx):
        note(ctx, 1)
        ctx.progress(1, 2)
        ctx.checkpoint()
        change(ctx.job.id, worker="another")
        note(ctx, 2)
        ctx.progress(2, 2)

    work(shop)
    job = job_of(job_id)
    assert (job.state, job.worker, job.done, tallied(job_id)) == ("running", "another", 1, [1])


def test_two_workers_never_run_a_job_twice(shop):
    ids = [ask(rows=2) for _n in range(30)]
    context = [Worker(shop, poll=0.05) for _n in range(3)]
    threads = [hand.start() for hand in context]
    wait_for(lambda: all(job_of(job_id).state == "done" for job_id in ids))
    for hand, thread in zip(context, threads, strict=True):
        hand.stop()
        thread.join()
    assert [tallied(job_id) for job_id in ids] == [[0, 1]] * 30
    assert {job_of(job_id).attempts for job_id in ids} == {1}


def test_the_lease_is_renewed_while_a_chunk_takes_its_time(shop):
    @play("long")
    def job_id(ctx):
        time.sleep(3.5)
        note(ctx, 1)

    first, second = Worker(shop, lease=2), Worker(shop, lease=2, poll=0.1)
    threads = [first.start()]
    wait_for(lambda: job_of(job_id).state == "running")
    threads.append(second.start())
    wait_for(lambda: job_of(job_id).state == "done")
    first.stop()
    second.stop()
    for thread in threads:
        thread.join()
    job = job_of(job_id)
    assert (job.attempts, job.worker, tallied(job_id)) == (1, first.name, [1])


def test_after_kill_9_another_worker_goes_on_with_nothing_lost_or_doubled(shop, hire):
    job_id = ask(rows=20, nap=0.1)
    victim = hire()
    wait_for(lambda: job_of(job_id).done >= 4)
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    job = job_of(job_id)
    assert job.state == "running"
    assert tallied(job_id) == list(range(job.done))
    hire()
    wait_for(lambda: job_of(job_id).state == "done")
    assert tallied(job_id) == list(range(20))
    assert job_of(job_id).attempts == 2


def test_two_processes_share_the_work_and_none_is_done_twice(shop, hire):
    ids = [ask(rows=2) for _n in range(40)]
    for process in [hire("--once"), hire("--once")]:
        assert process.wait(60) == 0
    counted = Counter((job_id, n) for job_id in ids for n in tallied(job_id))
    assert counted == {(job_id, n): 1 for job_id in ids for n in range(2)}
    assert {job_of(job_id).attempts for job_id in ids} == {1}


def test_sigterm_keeps_the_chunk_and_hands_the_rest_on(shop, hire):
    job_id = ask(rows=20, nap=0.1)
    process = hire(lease=300)
    wait_for(lambda: job_of(job_id).done >= 2)
    process.terminate()
    assert process.wait(20) == 0
    job = job_of(job_id)
    assert (job.state, job.worker, job.lease_until, job.attempts) == ("waiting", None, None, 0)
    assert 0 < job.done < 20
    assert tallied(job_id) == list(range(job.done))
    change(job_id, args={"rows": 20})
    work(shop)
    assert (job_of(job_id).state, tallied(job_id)) == ("done", list(range(20)))


# --- tasks that only read ---------------------------------------------------------------------------------


def test_a_reading_task_keeps_its_transaction_over_its_chunks(shop):
    with db.engine.begin() as connection:
        connection.execute(sa.insert(tally), [{"job_id": 0, "n": n} for n in range(6)])

    @play("export", "toy_read")
    def job_id(ctx):
        rows = ctx.session.execute(
            sa.select(tally.c.n).order_by(tally.c.n), execution_options={"yield_per": 2}
        )
        for done, (_n,) in enumerate(rows, 1):
            ctx.progress(done, 6)
            ctx.checkpoint()
            with db.engine.begin() as writer:  # a clerk meanwhile
                writer.execute(sa.insert(tally).values(job_id=0, n=100))
        ctx.result = {"rows": done}

    work(shop)
    job = job_of(job_id)
    assert (job.state, job.done, job.result) == ("done", 6, {"rows": 6})


@pytest.mark.parametrize("kind", ["toy_script", "toy_read"])
def test_what_belongs_to_the_end_is_written_with_it(shop, kind):
    seen = []

    @play("end", kind)
    def job_id(ctx):
        def close(session):
            seen.append(
                job_of(ctx.job.id).state
            )  # nobody sees the end yet; a reader beside it is not kept waiting
            session.connection().execute(sa.insert(tally).values(job_id=ctx.job.id, n=1))

        ctx.at_end = close
        ctx.checkpoint()  # no end yet
        assert tallied(ctx.job.id) == []

    work(shop)
    assert (job_of(job_id).state, tallied(job_id), seen) == ("done", [1], ["running"])


@pytest.mark.parametrize("kind", ["toy_script", "toy_read"])
def test_a_job_that_is_cancelled_has_no_such_end(shop, kind):
    @play("end", kind)
    def job_id(ctx):
        ctx.at_end = lambda session: session.connection().execute(
            sa.insert(tally).values(job_id=ctx.job.id, n=1)
        )
        db.session.rollback()
        change(ctx.job.id, state="cancelled", finished_at=now(), lease_until=None)

    work(shop)
    assert (job_of(job_id).state, tallied(job_id)) == ("cancelled", [])


def test_a_thread_of_the_web_process_may_be_the_worker(shop):
    hand = Worker(shop, poll=0.05)
    thread = hand.start()
    assert isinstance(thread, threading.Thread)
    job_id = ask(rows=3)
    wait_for(lambda: job_of(job_id).state == "done")
    hand.stop()
    thread.join(10)
    assert not thread.is_alive()


if __name__ == "__main__":
    jobs.actor_loader = loads
    lease = float(os.environ["JOBS_LEASE"])
    worker.Worker = partial(Worker, lease=lease, poll=0.1)
    shop = application(os.environ["JOBS_URL"])
    shop.cli.main(sys.argv[1:], prog_name="flask", obj=ScriptInfo(create_app=lambda: shop))
