"""批量转移档案 and 粘贴单位 beside others and through death, over connections of their own.

Run as a program it is a worker that dies: ``python tests/workflows/test_transferring_alone.py <url> <home> <statement> …``.
"""

from __future__ import annotations

import sys
import threading
from collections import Counter

import pytest
import sqlalchemy as sa

from app.demo.people import People
from app.kit import limits, saving, tree
from app.kit.database import db
from app.kit.errors import AppError
from app.kit.history import RecordVersion
from app.kit.jobs import Job
from app.kit.scope import acting
from app.kit.worker import Worker
from app.kit.workflow import StepLog
from app.models.archive import Archive
from app.models.assignment import Assignment
from app.models.unit import Unit
from app.workflows import moving, transferring
from tests.alone import at_once, country, die_often, files_of, live_and_die, nation, place

__all__ = ["country", "nation", "place"]  # fixtures
CHUNK = 3


@pytest.fixture(scope="module")
def people():
    return People(47, "650102", "乌鲁木齐市天山区")


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(transferring, "CHUNK", CHUNK)
    monkeypatch.setattr(moving, "AT_ONCE", 0)


def asked(country, who, source, target):
    """A committed job of 批量转移."""
    actor, unit = country.actor(who), country.unit(source).id
    answers = {"target_unit_id": country.unit(target).id}
    with country.acting(actor) as session:
        view = country.app.extensions["views"]["archive"]
        job = transferring.start(view, session(), actor, unit, answers)
        pk = job.id
        session.commit()
    return pk


def asked_to_move(country, who, unit, target):
    """A committed job of 粘贴."""
    actor, pk, answers = country.actor(who), country.unit(unit).id, {"parent_id": country.unit(target).id}
    with country.acting(actor) as session:
        pk = moving.hand_over(session(), session.get(Unit, pk), actor, answers).id
        session.commit()
    return pk


# --- death ----------------------------------------------------------------------------------------------------


def test_a_transfer_survives_every_death(place, nation, country, people):
    files = files_of(country, people, "xueyuanlu", 3 * CHUNK + 1)
    files += files_of(country, people, "xueyuanlu", CHUNK, at="haidian")
    ids = [file.id for file in files]
    everything = country.all(Archive, Archive.owner_unit_id == country.unit("xueyuanlu").id)
    job_id = asked(country, "bj", "xueyuanlu", "xinjiekou")
    assert die_often(__file__, place, nation, 70) > 15
    job, target = country.read(Job, job_id), country.unit("xinjiekou")
    assert (job.state, job.result["moved"], job.done) == ("done", len(everything), len(everything)), (
        job.message
    )
    for file in everything:
        now = country.again(file)
        assert (now.owner_unit_id, now.owner_path, now.holder_depth) == (target.id, target.path, target.depth)
        assert now.version == file.version + 1
    logs = country.all(StepLog, StepLog.step == "transfer", StepLog.record_id.in_(ids))
    versions = country.all(RecordVersion, RecordVersion.step == "transfer", RecordVersion.record_id.in_(ids))
    assert Counter(log.record_id for log in logs) == dict.fromkeys(ids, 1)
    assert Counter(one.record_id for one in versions) == dict.fromkeys(ids, 1)


def test_a_move_has_happened_or_has_not(place, nation, country, people):
    """One transaction: whenever the worker dies, everything stands at the old place; at the end, at the new one."""
    files = [
        *files_of(country, people, "caohejing", 4),
        *files_of(country, people, "caohejing", 3, at="xuhui"),
        *files_of(country, people, "xuhui", 2, at="sh"),
    ]
    before = country.unit("xuhui")
    job_id = asked_to_move(country, "root", "xuhui", "bj")
    assert die_often(__file__, place, nation, 60) > 10
    job = country.read(Job, job_id)
    assert job.state == "done", job.message
    after = country.unit("xuhui")
    assert after.path == country.unit("bj").path + before.path[-4:]
    for file in files:
        now = country.again(file)
        assert now.owner_path == after.path + file.owner_path[len(before.path) :]
        assert (now.holder_depth, now.returned) == (tree.depth_of(now.owner_path), False)
        assert now.version == file.version + 1
    ids = [file.id for file in files]
    logs = country.all(StepLog, StepLog.step == moving.RESET, StepLog.record_id.in_(ids))
    assert Counter(log.record_id for log in logs) == dict.fromkeys(ids, 1)


# --- company --------------------------------------------------------------------------------------------------


def whole(country):
    """Every record stands below its owner's path as it now is, and is held on its way up; so do the people."""
    paths = {unit.id: unit.path for unit in country.all(Unit)}
    parents = {unit.id: unit.parent_id for unit in country.all(Unit)}
    for pk, path in paths.items():
        assert path == (paths[parents[pk]] if parents[pk] else "") + tree.segment(pk)
    for file in country.all(Archive):
        assert file.owner_path == paths[file.owner_unit_id], file.id
        assert 1 <= file.holder_depth <= tree.depth_of(file.owner_path)
    for post in country.all(Assignment):
        assert post.unit_path == paths[post.unit_id]


def test_two_administrators_transfer_the_same_files(nation, country, people):
    """Each file has one story: it goes from unit to unit, never from where it is not."""
    files = files_of(country, people, "dewai", 8, at="xicheng")
    start = max((log.id for log in country.all(StepLog)), default=0)
    told = Counter()

    def administrator(who, targets):
        def work():
            for turn in range(2):
                for file in files:
                    actor = country.actor(who)
                    with nation.app_context(), acting(actor):
                        told[one_transfer(file.id, targets[turn], actor)] += 1

        return work

    units = {name: country.unit(name).id for name in ("dewai", "xinjiekou", "xinfeng", "xicheng")}
    asked(country, "xicheng", "dewai", "xicheng")
    at_once(
        administrator("xicheng", (units["xinjiekou"], units["xicheng"])),
        administrator("bj", (units["xinfeng"], units["xicheng"])),
        lambda: Worker(nation, lease=600).run(once=True),
    )
    assert told["done"]
    assert set(told) <= {"done", "refused", "not seen", "locked"}, told
    whole(country)
    for file in files:
        at = file.owner_unit_id
        for log in country.all(StepLog, StepLog.record_id == file.id, StepLog.id > start):
            assert (log.step, log.from_unit_id) == ("transfer", at)
            at = log.to_unit_id
        assert country.again(file).owner_unit_id == at


def told_of(strain):
    """What a person is told who met a lock; anything else is a fault of ours."""
    found = limits.trouble(strain)
    return "locked" if found is limits.LOCKED else repr(strain)


def one_transfer(pk, target, actor):
    session = db.session()
    try:
        record = session.scalar(sa.select(Archive).where(Archive.id == pk))
        if record is None:
            return "not seen"
        record.perform("transfer", actor, target_unit_id=target)
        session.commit()
    except AppError:
        session.rollback()
        return "refused"
    except (
        sa.exc.OperationalError
    ) as strain:  # a deadlock or a lock in the way is told in words, see kit/limits
        session.rollback()
        return told_of(strain)
    return "done"


def test_clerks_write_while_their_unit_moves(nation, country, people):
    """Whatever is stored meanwhile stands below the path that its unit then has; what is refused is told."""
    outcome, ended = Counter(), threading.Event()
    fill = [people.household(members=0, hardship_category="low_income") for _n in range(40)]

    def clerk():
        for typed in fill:
            if ended.is_set() and outcome["stored"]:
                break
            actor = country.actor("xinfeng_clerk")
            with nation.app_context(), acting(actor):
                session = db.session()
                try:
                    saving.save(session, Archive(), typed, actor)
                    session.commit()
                    outcome["stored"] += 1
                except AppError as why:
                    session.rollback()
                    outcome[type(why).__name__] += 1
                except sa.exc.OperationalError as strain:
                    session.rollback()
                    outcome[told_of(strain)] += 1

    def administrator():
        pk = country.unit("dewai").id
        targets = [country.unit(name).id for name in ("haidian", "xicheng")]
        for target in targets * 3:
            actor = country.actor("bj")
            with nation.app_context(), acting(actor):
                session = db.session()
                unit = session.get(Unit, pk)
                unit.is_alone = True
                unit.perform("move", actor, parent_id=target)
                session.commit()
        ended.set()

    at_once(clerk, administrator)
    assert outcome["stored"], outcome
    assert set(outcome) <= {"stored", "Refused", "Missing", "locked"}, outcome
    whole(country)


def test_two_moves_at_once_never_make_a_ring(nation, country):
    """A below B while B goes below A: one of them is done, the other is told."""
    told = Counter()

    def mover(unit, target):
        actor, pk, parent_id = country.actor("bj"), country.unit(unit).id, country.unit(target).id

        def work():
            with nation.app_context(), acting(actor):
                session = db.session()
                try:
                    found = session.get(Unit, pk)
                    found.is_alone = True
                    found.perform("move", actor, parent_id=parent_id)
                    session.commit()
                    told["done"] += 1
                except AppError:
                    session.rollback()
                    told["refused"] += 1
                except sa.exc.OperationalError as strain:
                    session.rollback()
                    told[told_of(strain)] += 1

        return work

    at_once(mover("xicheng", "haidian"), mover("haidian", "xicheng"))
    assert told["done"] == 1, told
    assert set(told) <= {"done", "refused", "locked"}, told
    whole(country)


# --- the program ----------------------------------------------------------------------------------------------

if __name__ == "__main__":
    transferring.CHUNK, moving.AT_ONCE = CHUNK, 0
    live_and_die(*sys.argv[1:])
