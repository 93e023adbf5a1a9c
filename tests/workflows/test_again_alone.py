"""Steps on the same files at the same moment over REST: whom PostgreSQL breaks off is served all the same.

SQLite lets one writer in at a time and has no deadlock; what is asked is answered in the same way.
"""

from __future__ import annotations

import threading
from collections import Counter
from random import Random

import pytest
from sqlalchemy import select

from app.demo.people import People
from app.kit.database import db
from app.kit.workflow import StepLog
from app.models.archive import Archive
from app.workflows import transferring
from tests.alone import at_once, country, files_of, nation, place
from tests.world import Rest

__all__ = ["country", "nation", "place"]  # fixtures
pytestmark = pytest.mark.real_commits
FILES, UNITS = "/api/v1/archive", "/api/v1/unit"


@pytest.fixture(scope="module")
def people():
    return People(53, "650102", "乌鲁木齐市天山区")


@pytest.fixture(scope="module")
def tokens(nation):
    """Tokens of the administrators, by login name."""
    return {login: Rest(nation).login(login) for login in ("root", "bj", "xicheng", "dewai")}


@pytest.fixture
def ask(nation, tokens):
    """``ask("bj", "/api/v1/archive/7/steps/merge", told, source_ids=[8])`` → a deed that keeps its answer in ``told``."""

    def deed(login, url, told, **body):
        client = Rest(nation)
        client.token = tokens[login]

        def done():
            told.append(client.post(url, json=body))

        return done

    return deed


def logs_of(country, files, step):
    ids = [file.id for file in files]
    return country.all(StepLog, StepLog.record_id.in_(ids), StepLog.step == step)


def test_two_who_wait_for_each_other_are_both_served(nation, country, people, ask, monkeypatch):
    """Each holds his own file and wants the other's: a deadlock, whatever the order of locks elsewhere."""
    mine, his = files_of(country, people, "dewai", 2, at="bj")
    target, told, times = country.unit("xinjiekou").id, [], Counter()
    both_hold = threading.Barrier(2, timeout=20)
    usual = transferring.Transferable.on_transfer

    def crossing(record, actor, target_unit_id):
        times[record.id] += 1
        if db.engine.dialect.name == "postgresql" and times[record.id] == 1:
            both_hold.wait()
            other = his if record.id == mine.id else mine
            db.session.execute(select(Archive.id).where(Archive.id == other.id).with_for_update())
        return usual(record, actor, target_unit_id)

    monkeypatch.setattr(Archive, "on_transfer", crossing)
    deeds = [
        ask("bj", f"{FILES}/{file.id}/steps/transfer", told, target_unit_id=target) for file in (mine, his)
    ]
    at_once(*deeds)
    assert [answer.status_code for answer in told] == [200, 200], [answer.json for answer in told]
    for file in (mine, his):
        assert country.again(file).owner_unit_id == target
        assert country.again(file).version == file.version + 1
    assert Counter(log.record_id for log in logs_of(country, (mine, his), "transfer")) == {
        mine.id: 1,
        his.id: 1,
    }
    if db_of(nation) == "postgresql":
        assert sorted(times.values()) == [1, 2]  # one of them was done again, whole


def db_of(flask):
    with flask.app_context():
        return db.engine.dialect.name


@pytest.mark.parametrize("attempt", range(4))
def test_nobody_is_sent_away_by_a_lock_however_they_cross(country, people, ask, attempt):
    """Merges and transfers of the same files while their unit moves: done, or refused for a reason of its own."""
    chance, told = Random(attempt), []
    files = files_of(country, people, "dewai", 6, at="bj")
    ids = [file.id for file in files]
    units = [country.unit(name).id for name in ("xinjiekou", "xinfeng", "xicheng")]
    deeds = []
    for login in ("bj", "xicheng", "bj"):
        some = chance.sample(ids, 3)
        deeds.append(
            ask(login, f"{FILES}/steps/transfer", told, ids=some, target_unit_id=chance.choice(units))
        )
        into, *others = chance.sample(ids, 3)
        deeds.append(ask(login, f"{FILES}/{into}/steps/merge", told, source_ids=others))
    dewai, above = country.unit("dewai").id, country.unit(("haidian", "xicheng")[attempt % 2]).id
    deeds.append(ask("bj", f"{UNITS}/{dewai}/steps/move", told, parent_id=above))
    at_once(*deeds)
    words = [f"{answer.status_code} {str(answer.json)[:300]}" for answer in told]
    assert len(told) == len(deeds)
    assert all(answer.status_code in {200, 202, 404, 409} for answer in told), words
    assert not [one for one in words if "正由他人或后台任务办理" in one], words
    standing = {file.id: country.again(file) for file in files}
    for file in standing.values():
        into = file.merged_into_id
        assert (
            into is None or standing[into].merged_into_id is None or standing[into].merged_into_id in standing
        )
