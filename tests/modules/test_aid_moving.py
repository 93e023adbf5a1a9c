"""Aids on their way: up and down between the units, and with the archives and units that move under them."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from app.kit.jobs import Job
from app.kit.name_search import NameSearch
from app.kit.reminders import Reminder
from app.models.aid import Aid
from app.models.archive import Archive
from tests.workflows.sweeping import work
from tests.world import words_of

AID = {"aid_category": "own_serious_illness", "measures": [{"measure": "living", "amount": "300"}]}


@pytest.fixture
def give(country, make_archive):
    """``give("dewai", archive)`` → an aid by a unit, reported up to ``at`` or returned to ``back_at``."""

    def make(owner="dewai", archive=None, *, day="2026-03-02", at="", back_at=""):
        archive = archive or make_archive(owner)
        made = country.make(Aid, AID | {"id_card_no": archive.id_card_no, "aid_date": day}, owner)
        return country.bring(made, at=at, back_at=back_at) if at or back_at else made

    return make


def facts(country, aid):
    """What an aid repeats of its archive, and on which it hangs."""
    now = country.again(aid)
    return now.archive_id, now.full_name, now.id_card_no


def of(archive):
    return archive.id, archive.full_name, archive.id_card_no


def found(client, name):
    """The aids that the list over REST finds by a name."""
    q = f"(filters:!((col:full_name,opr:ct,value:'{name}')))"
    return client.get(f"/api/v1/aid/?q={q}").json["ids"]


# --- 快速上报 and 快速退回 ------------------------------------------------------------------------------------------


def test_a_sweep_of_aids_leaves_the_archives_alone(
    app, rest, country, give, make_archive
):  # AID-R034, SM-AID-02
    archive = make_archive("dewai", at="xicheng")
    here, not_yet = give("dewai", archive, at="xicheng"), give("dewai", archive)
    body = {"unit": country.unit("dewai").id, "message": "请查收"}
    answer = rest("xicheng_clerk").post("/api/v1/aid/steps/report", json=body)
    assert answer.status_code == 202, answer.json
    work(app)
    job = country.read(Job, answer.json["job"])
    assert (job.state, job.result["moved"]) == ("done", 1)
    bj, xicheng = country.unit("bj"), country.unit("xicheng")
    assert country.again(here).holder_depth == bj.depth
    assert country.again(not_yet).holder_depth == not_yet.holder_depth
    assert country.again(archive).holder_depth == xicheng.depth
    (told,) = country.all(Reminder, Reminder.receiver_unit_id == bj.id, Reminder.record_type == "aid")
    assert told.category == "aid"
    assert told.record_ids == [here.id]


def test_a_sweep_of_archives_leaves_the_aids_alone(app, rest, country, give, make_archive):  # AID-R034
    archive = make_archive("dewai", at="xicheng")
    aid = give("dewai", archive, at="xicheng")
    body = {"unit": country.unit("dewai").id, "message": "请核对"}
    assert rest("xicheng_clerk").post("/api/v1/archive/steps/send_back", json=body).status_code == 202
    work(app)
    assert country.again(archive).returned
    assert not country.again(aid).returned
    assert rest("xicheng_clerk").post("/api/v1/aid/steps/send_back", json=body).status_code == 202
    work(app)
    assert country.again(aid).returned


def test_a_sweep_ends_with_a_page_of_what_became_of_it(app, login, country, give):  # AID-R034
    give(at="xicheng")
    clerk = login("xicheng_clerk")
    assert "快速上报" in words_of(clerk.get("/aid/list/").text)
    page = clerk.get(f"/aid/sweep/report?unit={country.unit('dewai').id}")
    assert "帮扶救助信息" in words_of(page.text)
    answer = clerk.post(
        "/aid/sweep/report",
        {"unit": country.unit("dewai").id, "message": "请查收", "go": "1", "confirmed": "1"},
    )
    assert answer.status_code == 302, words_of(answer.text)
    work(app)
    assert "1" in words_of(clerk.get(answer.location).text)
    told = words_of(login("bj_clerk").get("/reminder/list/").text)
    assert "帮扶救助信息" in told


# --- the archive under them -----------------------------------------------------------------------------------


def test_merged_files_bring_their_aids_together_and_parted_they_part(rest, country, give, make_archive):
    # AID-R093, R095; REC-12 #2, #17
    survivor, source = make_archive(full_name="欧阳建国"), make_archive(full_name="司马相如")
    hers, his = give("dewai", survivor, day="2026-02-01"), give("dewai", source, day="2026-01-05")
    far = give("caohejing", source, day="2026-03-01")
    client = rest("dewai")
    merged = client.post(f"/api/v1/archive/{survivor.id}/steps/merge", json={"source_ids": [source.id]})
    assert merged.status_code == 200, merged.json
    assert {facts(country, aid) for aid in (hers, his, far)} == {of(survivor)}
    assert [country.again(aid).aid_sequence for aid in (his, hers, far)] == [1, 2, 3]
    clerk = rest("dewai_clerk")
    assert set(found(clerk, "欧阳")) == {hers.id, his.id}
    assert found(clerk, "司马") == []
    assert client.post(f"/api/v1/archive/{survivor.id}/steps/unmerge", json={}).status_code == 200
    assert facts(country, hers) == of(survivor)
    assert facts(country, his) == facts(country, far) == of(source)
    assert [country.again(aid).aid_sequence for aid in (his, hers, far)] == [1, 1, 2]
    assert found(clerk, "司马") == [his.id]
    with country.acting() as session:
        keyed = (NameSearch.key == "司马", NameSearch.source == "aid")
        assert set(session.scalars(select(NameSearch.record_id).where(*keyed))) == {his.id, far.id}


def test_a_new_name_is_repeated_wherever_the_aid_is(rest, country, give, make_archive):  # REC-12 #2
    archive = make_archive("dewai", full_name="诸葛孔明")
    own, far = give("dewai", archive, at="bj"), give("caohejing", archive)
    answer = rest("dewai_clerk").put(f"/api/v1/archive/{archive.id}", json={"full_name": "诸葛亮"})
    assert answer.status_code == 200
    assert {facts(country, aid)[1] for aid in (own, far)} == {"诸葛亮"}
    assert found(rest("caohejing_clerk"), "诸葛亮") == [far.id]
    assert found(rest("caohejing_clerk"), "孔明") == []
    assert country.again(far).version == far.version  # nobody who edits it is disturbed


def test_an_archive_goes_over_to_another_unit_and_the_aid_stays(
    rest, country, give, make_archive
):  # AID-R104
    archive = make_archive("dewai")
    aid = give("dewai", archive, at="xicheng")
    body = {"target_unit_id": country.unit("xinjiekou").id}
    answer = rest("xicheng").post(
        f"/api/v1/archive/{country.bring(archive, at='xicheng').id}/steps/transfer", json=body
    )
    assert answer.status_code == 200, answer.json
    now = country.again(aid)
    assert now.archive_id == archive.id
    assert (now.owner_unit_id, now.holder_depth) == (aid.owner_unit_id, aid.holder_depth)
    shown = rest("dewai_clerk").get(f"/api/v1/aid/{aid.id}").json["result"]
    assert shown["full_name"] == archive.full_name
    assert shown["archive_no"] == ""  # the file is another unit's by now


def test_an_aided_worker_keeps_his_archive(rest, country, give, make_archive):  # AID-R061
    archive = make_archive("dewai")
    give("dewai", archive)
    answer = rest("dewai_clerk").delete(f"/api/v1/archive/{archive.id}")
    assert answer.status_code == 409
    assert "已有帮扶" in answer.json["message"]
    assert country.read(Archive, archive.id) is not None


def test_a_unit_that_moves_takes_its_aids_along(rest, country, give):  # AID-R212, SM-AID-18
    mine, reported, returned = give(), give(at="bj"), give(back_at="dewai")
    below, beside = give("xinfeng", at="xicheng"), give("xinjiekou", at="xicheng")
    body = {"parent_id": country.unit("haidian").id}
    assert (
        rest("bj").post(f"/api/v1/unit/{country.unit('dewai').id}/steps/move", json=body).status_code == 200
    )
    for aid in (mine, reported, returned, below):
        now = country.again(aid)
        owner = country.unit("xinfeng" if aid is below else "dewai")
        assert now.owner_path == owner.path
        assert (now.holder_depth, now.returned) == (owner.depth, False)
    assert country.again(beside).version == beside.version
    assert rest("haidian_clerk").get(f"/api/v1/aid/{mine.id}").status_code == 404  # not reported yet
    assert rest("dewai_clerk").get(f"/api/v1/aid/{mine.id}").status_code == 200
