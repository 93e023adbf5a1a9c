"""批量帮扶 beside others and through death, over connections of their own.

Run as a program it is a worker that dies: ``python tests/workflows/test_batch_aid_alone.py <url> <home> <statement> …``.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter

import pytest

from app.demo.people import People
from app.kit import batch, saving
from app.kit.database import db
from app.kit.errors import AppError
from app.kit.history import RecordVersion
from app.kit.jobs import Job
from app.kit.scope import acting
from app.kit.worker import Worker
from app.models.aid import Aid
from app.models.aid.batch import BATCH
from tests.alone import (
    ROOT,
    application,
    at_once,
    country,
    die,
    die_often,
    files_of,
    live_and_die,
    nation,
    place,
)

__all__ = ["country", "nation", "place"]  # fixtures
CHUNK = 2
FORM = {
    "aid_category": "own",
    "aid_date": "2026-03-02",
    "aid_form": "home_visit",
    "measures": [{"measure": "living", "amount": "300.10"}],
}


@pytest.fixture(scope="module")
def people():
    return People(53, "650102", "乌鲁木齐市天山区")


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(batch, "CHUNK", CHUNK)


def carry_out(nation, actor, ids, token):
    """A batch in a transaction of its own, as a request has one."""
    with nation.app_context(), acting(actor):
        session = db.session()
        try:
            return batch.carry_out(session, BATCH, ids, dict(FORM), actor, token)
        finally:
            session.rollback()


def each_once(country, files, number=None):
    """Every worker has one aid of the batch, with one version, and the numbers of his aids have no gap."""
    ids = [file.id for file in files]
    made = [aid for aid in country.all(Aid, Aid.archive_id.in_(ids)) if number in (None, aid.batch_id)]
    assert Counter(aid.archive_id for aid in made) == dict.fromkeys(ids, 1)
    numbers = [aid.id for aid in made]
    versions = country.all(
        RecordVersion, RecordVersion.record_type == "aid", RecordVersion.record_id.in_(numbers)
    )
    assert Counter(one.record_id for one in versions) == dict.fromkeys(numbers, 1)
    assert {len(country.again(aid).measures) for aid in made} == {1}


# --- death ----------------------------------------------------------------------------------------------------


def test_a_batch_survives_every_death(place, nation, country, people, monkeypatch):  # AID-R132
    files = files_of(country, people, "dewai", 3 * CHUNK)
    refused = files_of(country, people, "dewai", 1)
    for file in refused:
        country.step(file, "deactivate", "dewai_clerk", cancel_reason="out_of_hardship")
    monkeypatch.setattr(batch, "AT_ONCE", 0)
    with monkeypatch.context() as patch:
        patch.setattr(batch, "_tried", lambda *_args: None)
        made = carry_out(nation, country.actor("dewai_clerk"), [one.id for one in files + refused], "death")
    assert die_often(__file__, place, nation, 90) > 15
    job = country.read(Job, made.job_id)
    assert (job.state, job.done, job.failed) == ("partly", len(files + refused), 1), job.message
    assert job.result["made"] == len(files)
    each_once(country, files, made.number)
    assert not country.all(Aid, Aid.archive_id.in_([one.id for one in refused]))


def test_a_request_that_dies_has_done_all_or_nothing(place, nation, country, people):
    """The server is killed at some statement of the save at once; the same form sent again ends it."""
    files = files_of(country, people, "xinjiekou", 3)
    ids = [file.id for file in files]
    with nation.app_context():
        db.engine.dispose()
    for point in (5, 60, 110, 10_000):
        words = [sys.executable, __file__, "request", *place, point, *ids]
        subprocess.run(
            list(map(str, words)), cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=False
        )
        stored = len(country.all(Aid, Aid.archive_id.in_(ids)))
        assert stored in {0, len(ids)}, point
    each_once(country, files)


# --- company --------------------------------------------------------------------------------------------------


def test_a_double_click_at_the_same_moment_gives_each_worker_one(nation, country, people):  # AID-R020
    files = files_of(country, people, "dewai", 6)
    ids, actor = [file.id for file in files], country.actor("dewai_clerk")
    told = []
    at_once(*[lambda: told.append(carry_out(nation, actor, ids, "click")) for _n in range(4)])
    each_once(country, files)
    assert len({tuple(one.record_id for one in made.outcomes) for made in told}) == 1


def test_a_double_click_is_one_job(nation, country, people, monkeypatch):
    monkeypatch.setattr(batch, "AT_ONCE", 2)
    files = files_of(country, people, "dewai", 5)
    ids, actor = [file.id for file in files], country.actor("dewai_clerk")
    told = []
    at_once(*[lambda: told.append(carry_out(nation, actor, ids, "click job").job_id) for _n in range(4)])
    assert len(set(told)) == 1
    at_once(*[lambda: Worker(nation, lease=600).run(once=True)] * 2)
    each_once(country, files)


def test_two_people_aid_the_same_workers_at_once(nation, country, people):
    """Each gives his own aid; nobody waits for ever, and the aids of a worker are numbered through."""
    files = files_of(country, people, "dewai", 8, at="xicheng")
    ids = [file.id for file in files]
    actors = [country.actor("dewai_clerk"), country.actor("xicheng_clerk")]
    at_once(*[lambda actor=actor: carry_out(nation, actor, ids, "both") for actor in actors])
    for file in files:
        given = country.all(Aid, Aid.archive_id == file.id)
        assert sorted(aid.aid_sequence for aid in given) == [1, 2]
        assert {aid.owner_unit_id for aid in given} == {actor.unit_id for actor in actors}


def test_a_file_that_is_cancelled_at_the_same_moment_is_aided_before_or_refused(nation, country, people):
    files = files_of(country, people, "dewai", 12)
    ids, actor = [file.id for file in files], country.actor("dewai_clerk")
    made = []

    def cancel():
        for file in reversed(files):
            try:
                country.step(file, "deactivate", "dewai_clerk", cancel_reason="out_of_hardship")
            except AppError as why:
                pytest.fail(str(why))

    at_once(lambda: made.append(carry_out(nation, actor, ids, "cancelled")), cancel)
    [result] = made
    aided = {aid.archive_id for aid in country.all(Aid, Aid.archive_id.in_(ids))}
    assert aided == {one.chosen[0] for one in result.done}
    assert {one.chosen[0] for one in result.refused} == set(ids) - aided
    assert all("已注销" in str(one.words) for one in result.refused)


def test_single_saves_go_on_beside_a_batch(nation, country, people):
    """One clerk types for the same workers meanwhile: both are stored."""
    files = files_of(country, people, "dewai", 10)
    ids, actor = [file.id for file in files], country.actor("dewai_clerk")

    def clerk():
        for file in files:
            with nation.app_context(), acting(actor):
                session = db.session()
                saving.save(session, Aid(), FORM | {"archive_id": file.id, "aid_category": "other"}, actor)
                session.commit()

    at_once(clerk, lambda: carry_out(nation, actor, ids, "beside"))
    for file in files:
        assert sorted(aid.aid_sequence for aid in country.all(Aid, Aid.archive_id == file.id)) == [1, 2]


# --- the programs ---------------------------------------------------------------------------------------------


def save_and_die(url, home, fatal, *ids):
    """A batch as the request of a clerk, killed at a statement."""
    import sqlalchemy as sa

    from tests.world import Country

    flask, count = application(url, home), [0]
    actor = Country(flask).actor("xinjiekou_clerk")

    def step(*_args):
        count[0] += 1
        if count[0] == int(fatal):
            die()

    with flask.app_context():
        sa.event.listen(db.engine, "before_cursor_execute", step)
        sa.event.listen(db.engine, "commit", step)
    carry_out(flask, actor, [int(pk) for pk in ids], "request")


if __name__ == "__main__":
    batch.CHUNK = CHUNK
    if sys.argv[1] == "request":
        save_and_die(*sys.argv[2:])
    else:
        live_and_die(*sys.argv[1:])
