"""快速上报 and 快速退回 beside others and through death, over connections of their own.

Run as a program it is a worker that dies: ``python tests/workflows/test_sweep_alone.py <url> <home> <statement> …``.
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from random import Random

import pytest
import sqlalchemy as sa

from app.demo.people import People
from app.kit import sweep, tree
from app.kit.database import db
from app.kit.errors import AppError
from app.kit.history import RecordVersion
from app.kit.jobs import Job
from app.kit.reminders import Reminder
from app.kit.scope import acting
from app.kit.worker import Worker
from app.kit.workflow import StepLog
from app.models.archive import Archive
from tests.alone import at_once, country, die_often, files_of, live_and_die, nation, place

__all__ = ["country", "nation", "place"]  # fixtures
CHUNK = 3


@pytest.fixture(scope="module")
def people():
    return People(31, "650102", "乌鲁木齐市天山区")


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(sweep, "CHUNK", CHUNK)


def asked(country, who, step, unit):
    """A committed job's id."""
    actor = country.actor(who)
    with country.acting(actor) as session:
        view = country.app.extensions["views"]["archive"]
        job = sweep.ask(view, session(), step, actor, country.unit(unit).id, {"message": "请查收"})
        pk = job.id
        session.commit()
    return pk


# --- death ----------------------------------------------------------------------------------------------------


def test_whenever_the_worker_is_killed_nothing_is_lost_or_doubled(place, nation, country, people):
    files = files_of(country, people, "xueyuanlu", 4 * CHUNK + 1)
    ids = [file.id for file in files]
    bad = ids[CHUNK]
    with country.acting() as session:
        session.execute(sa.update(Archive).where(Archive.id == bad).values(phone=""))
        session.commit()
    job_id = asked(country, "xueyuanlu_clerk", "report", "xueyuanlu")
    assert die_often(__file__, place, nation, 60) > 15
    job = country.read(Job, job_id)
    moved = [pk for pk in ids if pk != bad]
    assert (job.state, job.result["skipped"], [one["id"] for one in job.errors]) == (
        "partly",
        len(job.errors),
        [one["id"] for one in job.errors if one["id"] not in moved],
    )
    assert bad in {one["id"] for one in job.errors}
    assert {country.read(Archive, pk).holder_depth for pk in moved} == {3}
    assert country.read(Archive, bad).holder_depth == 4
    logs = country.all(StepLog, StepLog.record_type == "archive", StepLog.record_id.in_(ids))
    versions = country.all(
        RecordVersion, RecordVersion.record_type == "archive", RecordVersion.record_id.in_(ids)
    )
    assert Counter(log.record_id for log in logs) == dict.fromkeys(moved, 1)
    assert Counter(one.record_id for one in versions if one.step == "report") == dict.fromkeys(moved, 1)
    (reminder,) = country.all(Reminder, Reminder.id.in_({log.reminder_id for log in logs}))
    assert reminder.record_count == job.result["moved"] == job.done - len(job.errors)


# --- company --------------------------------------------------------------------------------------------------


def story_holds(country, files, start):
    """Every file's logs are one unbroken way from where it stood to where it stands: one winner for every move."""
    ids = [file.id for file in files]
    ways = defaultdict(list)
    for log in country.all(StepLog, StepLog.record_type == "archive", StepLog.record_id.in_(ids)):
        if log.id > start:
            ways[log.record_id].append(log)
    for file in files:
        now, depth = country.again(file), file.holder_depth
        for log in ways[file.id]:
            assert log.from_unit_id == tree.last_id(tree.ancestor(file.owner_path, depth)), (
                file.id,
                log.step,
            )
            depth += {"report": -1, "send_back": 1}[log.step]
            assert log.to_unit_id == tree.last_id(tree.ancestor(file.owner_path, depth))
        assert now.holder_depth == depth, file.id
        steps = [v.step for v in country.versions(file)]
        assert steps.count("report") + steps.count("send_back") >= len(ways[file.id])
        edits = steps.count("edit")
        assert now.version == file.version + len(ways[file.id]) + edits, file.id


@pytest.mark.parametrize("seed", range(3))
def test_many_hands_on_the_same_files(nation, country, people, monkeypatch, seed):
    """Two administrators, several sweeps up and down, clerks who report, return and edit one by one."""
    chance = Random(seed)
    monkeypatch.setattr(sweep, "CHUNK", chance.choice((1, 2, 5)))
    files = [
        *files_of(country, people, "dewai", 6),
        *files_of(country, people, "dewai", 6, at="xicheng"),
        *files_of(country, people, "xinfeng", 5, at="dewai"),
        *files_of(country, people, "dewai", 4, at="bj"),
    ]
    start = max((log.id for log in country.all(StepLog)), default=0)
    jobs = [
        asked(country, *deed)
        for deed in (
            ("dewai_clerk", "report", "dewai"),
            ("dewai_clerk", "report", "xinfeng"),
            ("xicheng_clerk", "send_back", "dewai"),
            ("xicheng_clerk", "report", "dewai"),
            ("bj_clerk", "send_back", "xicheng"),
        )
    ]
    outcome = Counter()

    def hand():
        Worker(nation, lease=600).run(once=True)

    def clerk(who, number):
        own, actor = Random(number), country.actor(who)

        def work():
            for _turn in range(12):
                step, pk = own.choice(("report", "send_back", "edit")), own.choice(files).id
                with nation.app_context(), acting(actor):
                    outcome[one_deed(step, pk, actor)] += 1

        return work

    at_once(
        hand,
        hand,
        hand,
        clerk("dewai_clerk", 10 * seed),
        clerk("xicheng_clerk", 10 * seed + 1),
        clerk("bj_clerk", 10 * seed + 2),
    )
    for pk in jobs:
        job = country.read(Job, pk)
        assert (job.attempts, job.state in {"done", "partly", "failed"}) == (1, True)
        assert "再试" not in (job.message or "")
    assert outcome["done"]
    story_holds(country, files, start)


def one_deed(step, pk, actor):
    from app.kit import saving

    session = db.session()
    try:
        record = session.scalar(sa.select(Archive).where(Archive.id == pk))
        if record is None:
            return "not seen"
        if step == "edit":
            saving.save(session, record, {"remarks": f"改{actor.at}"}, actor)
        else:
            record.perform(step, actor, message="请查收")
        session.commit()
    except AppError:
        session.rollback()
        return "refused"
    return "done"


def test_the_same_unit_twice_at_once_is_one_job(nation, country, people):
    files_of(country, people, "caohejing", 2)
    found = []

    def click():
        found.append(asked(country, "caohejing_clerk", "report", "caohejing"))

    at_once(click, click, click, click)
    assert len(set(found)) == 1
    Worker(nation, lease=600).run(once=True)
    assert country.read(Job, found[0]).attempts == 1


# --- the program ----------------------------------------------------------------------------------------------


if __name__ == "__main__":
    sweep.CHUNK = CHUNK
    live_and_die(*sys.argv[1:])
