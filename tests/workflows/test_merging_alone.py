"""合并 beside others, over connections of their own: one wins, nobody waits for ever, the others are told why."""

from __future__ import annotations

from collections import Counter
from functools import partial

import pytest

from app.demo.people import People
from app.kit import saving
from app.kit.claims import IdentityClaim
from app.kit.database import db
from app.kit.errors import AppError, Invalid, Refused
from app.kit.scope import acting
from app.models.archive import Archive
from app.workflows.mergers import Merger
from tests import alone
from tests.alone import country, files_of, nation, place

__all__ = ["country", "nation", "place"]  # fixtures
pytestmark = pytest.mark.real_commits
at_once = partial(alone.at_once, told=(AppError,), within=60)


@pytest.fixture(scope="module")
def people():
    return People(41, "650102", "乌鲁木齐市天山区")


@pytest.fixture
def files(country, people):
    """``files(3)`` → new files of dewai."""

    return partial(files_of, country, people, "dewai")


def merging(country, survivor, *sources, by="dewai", **chosen):
    """A deed: merge and commit."""
    who, ids = country.actor(by), [source.id for source in sources]

    def deed():
        with country.app.app_context(), acting(who):
            try:
                found = db.session.get(Archive, survivor.id)
                found.perform("merge", who, source_ids=ids, **chosen)
                db.session.commit()
            finally:
                db.session.rollback()
                db.session.remove()

    return deed


def changing(country, file, change, by="dewai_clerk"):
    who = country.actor(by)

    def deed():
        with country.app.app_context(), acting(who):
            try:
                change(db.session, db.session.get(Archive, file.id), who)
                db.session.commit()
            finally:
                db.session.rollback()
                db.session.remove()

    return deed


def is_sound(country, *files):
    """Nobody points at a tombstone, and every number is claimed by a file that stands and names it."""
    now = {file.id: country.again(file) for file in files}
    for file in now.values():
        if file.merged_into_id:
            assert now[file.merged_into_id].merged_into_id is None or file.merged_into_id in now
    standing = {pk for pk, file in now.items() if file.merged_into_id is None}
    held = country.all(IdentityClaim, IdentityClaim.record_id.in_(now))
    assert {claim.record_id for claim in held} <= standing
    counted = Counter(claim.record_id for claim in held)
    for pk in standing:
        assert counted[pk] == 1 + len(now[pk].family_members)
    return now


@pytest.mark.parametrize("attempt", range(5))
def test_two_merges_of_overlapping_files(country, files, attempt):
    a, b, c = files(3)
    raised = at_once(merging(country, a, b, c), merging(country, b, a))
    assert sum(why is None for why in raised) == 1, raised
    lost = next(why for why in raised if why is not None)
    assert isinstance(lost, Refused)
    assert "已合并到" in str(lost)
    now = is_sound(country, a, b, c)
    won = a if raised[0] is None else b
    assert now[won.id].merged_into_id is None
    assert len(country.all(Merger, Merger.record_id.in_([a.id, b.id]))) == 1


@pytest.mark.parametrize("attempt", range(3))
def test_two_merges_in_a_ring(country, files, attempt):
    a, b, c = files(3)
    raised = at_once(merging(country, a, b), merging(country, b, c), merging(country, c, a))
    assert sum(why is None for why in raised) >= 1
    assert all(why is None or isinstance(why, Refused) for why in raised)
    now = is_sound(country, a, b, c)
    assert sum(file.merged_into_id is None for file in now.values()) >= 1


@pytest.mark.parametrize("attempt", range(3))
def test_the_same_merge_twice(country, files, attempt):
    survivor, source = files(2)
    raised = at_once(merging(country, survivor, source), merging(country, survivor, source))
    assert sum(why is None for why in raised) == 1
    is_sound(country, survivor, source)


@pytest.mark.parametrize("attempt", range(3))
def test_a_source_is_edited_meanwhile(country, files, attempt):
    survivor, source = files(2)

    def edit(session, file, who):
        saving.save(session, file, {"remarks": "同时补充"}, who)

    raised = at_once(merging(country, survivor, source), changing(country, source, edit))
    assert raised[0] is None
    gone = country.again(source)
    assert gone.merged_into_id == survivor.id
    swallowed = [v for v in country.versions(survivor) if v.snapshot and v.snapshot["id"] == source.id]
    if raised[1] is None:  # it was first, and what it wrote is in what is kept of the file
        assert swallowed[0].snapshot["remarks"] == gone.remarks == "同时补充"
    else:
        assert "已合并到" in str(raised[1])
        assert gone.remarks != "同时补充"


@pytest.mark.parametrize("attempt", range(3))
def test_a_source_is_reported_meanwhile(country, files, attempt):
    survivor, source = files(2)

    def report(session, file, who):
        file.perform("report", who, message="请查收")

    raised = at_once(merging(country, survivor, source), changing(country, source, report))
    assert raised[0] is None
    gone = country.again(source)
    assert gone.merged_into_id == survivor.id
    assert gone.holder_depth == source.holder_depth - (raised[1] is None)
    assert country.again(survivor).holder_depth == survivor.holder_depth
    assert raised[1] is None or "已合并到" in str(raised[1])


@pytest.mark.parametrize("attempt", range(3))
def test_a_number_is_taken_while_a_merge_lets_it_go(country, people, files, attempt):
    """A member who is not carried over is free for a new file, before or after, and never twice."""
    survivor, source = files(2)
    member = source.family_members[0]
    typed = people.household(members=0, hardship_category="low_income", id_card_no=member.id_card_no)
    typed.pop("birth_date"), typed.pop("gender")
    who = country.actor("caohejing_clerk")

    def add():
        with country.app.app_context(), acting(who):
            try:
                saving.save(db.session, Archive(), dict(typed), who)
                db.session.commit()
            finally:
                db.session.rollback()
                db.session.remove()

    raised = at_once(merging(country, survivor, source), add)
    assert raised[0] is None
    assert raised[1] is None or isinstance(raised[1], Invalid)
    assert len(country.all(Archive, Archive.id_card_no == member.id_card_no)) == (raised[1] is None)


@pytest.mark.parametrize("attempt", range(3))
def test_undoing_and_merging_on_meanwhile(country, files, attempt):
    a, b, c = files(3)
    merging(country, b, a)()

    def undo(session, file, who):
        file.perform("unmerge", who)

    raised = at_once(changing(country, b, undo, by="dewai"), merging(country, c, b))
    assert raised[1] is None or isinstance(raised[1], Refused)
    now = is_sound(country, a, b, c)
    if raised[0] is None:
        assert now[a.id].merged_into_id is None
    else:
        assert c.archive_no in str(raised[0])
        assert now[a.id].merged_into_id == b.id
