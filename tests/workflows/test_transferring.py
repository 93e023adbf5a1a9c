"""转移档案: one by one and a whole unit at once are one truth (SM-AID-07)."""

from __future__ import annotations

from random import Random

import pytest
import sqlalchemy as sa
from sqlalchemy import select

from app.kit import jobs, saving, tree
from app.kit.database import db
from app.kit.errors import Missing
from app.kit.jobs import Job, enqueue
from app.kit.workflow import StepLog
from app.models.archive import Archive
from app.models.family_member import FamilyMember
from app.workflows import transferring
from tests.workflows.sweeping import alter, everything, seen_by_all, spoil, work
from tests.workflows.test_reporting import PARENT, chain
from tests.workflows.test_sweep import between
from tests.world import errors_of, words_of

STEPS = "/api/v1/archive/steps/transfer"


def transfer(client, country, file, target, **more):
    body = {"target_unit_id": country.unit(target).id} | more
    return client.post(f"/api/v1/archive/{file.id}/steps/transfer", json=body)


def transfer_all(client, country, source, target, **more):
    body = {"unit": country.unit(source).id, "target_unit_id": country.unit(target).id} | more
    return client.post(STEPS, json=body)


@pytest.fixture
def swept(app, rest, country):
    """``swept("xicheng", "dewai", "xinjiekou")`` → the finished job."""

    def go(who, source, target):
        answer = transfer_all(rest(who), country, source, target)
        assert answer.status_code == 202, answer.json
        work(app)
        return country.read(Job, answer.json["job"])

    return go


def make_clash(country, file, target_file):
    """Let a file of the target unit have the number of another."""
    alter(country, [target_file], archive_no=file.archive_no)


# --- one file -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "where",
    [{"at": "xicheng"}, {"at": "bj"}, {"back_at": "xicheng"}],
    ids=["with me", "above me", "returned"],
)
def test_a_file_goes_over_and_is_pending_there(rest, country, make_archive, where):
    # AID-R100, R102; SM-AID-07 #1; Q06
    file = make_archive("dewai", **where)
    answer = transfer(rest("xicheng"), country, file, "xinfeng")
    assert answer.status_code == 200, answer.json
    now, target = country.again(file), country.unit("xinfeng")
    assert (now.owner_unit_id, now.owner_path) == (target.id, target.path)
    assert (now.holder_depth, now.returned) == (target.depth, False)
    assert (now.archive_no, now.created_at) == (file.archive_no, file.created_at)  # Q35
    seen = seen_by_all(country)
    assert {unit: seen[unit][file.id] for unit in PARENT if file.id in seen[unit]} == {"xinfeng": "pending"}
    assert "warnings" not in answer.json


def test_what_became_of_it_is_noted(login, rest, country, make_archive):  # SM-AID-07 #1 history row; REC-02
    file = make_archive("dewai", at="xicheng")
    transfer(rest("xicheng"), country, file, "xinjiekou")
    words = "由德外街道总工会转移到新街口街道总工会"
    (log,) = country.all(StepLog, StepLog.record_id == file.id, StepLog.step == "transfer")
    ids = (country.unit("dewai").id, country.unit("xinjiekou").id)
    assert (log.from_unit_id, log.to_unit_id, log.message) == (*ids, words)
    version = country.versions(file)[-1]
    assert (version.step, version.message) == ("transfer", words)
    assert ["owner_unit_id", *ids] in version.diff
    assert version.snapshot["family_members"][0]["full_name"] == file.family_members[0].full_name
    page = login("xinjiekou_clerk").get(f"/archive/show/{file.id}?tab=history").text
    assert words in words_of(page)


def test_a_number_that_is_taken_there_is_given_anew_with_a_warning(rest, country, make_archive):  # Q35
    file, theirs = make_archive("dewai", at="xicheng"), make_archive("xinjiekou")
    make_clash(country, file, theirs)
    answer = transfer(rest("xicheng"), country, file, "xinjiekou")
    assert answer.status_code == 200, answer.json
    now = country.again(file)
    assert now.archive_no != file.archive_no
    assert country.again(theirs).archive_no == file.archive_no
    (warning,) = answer.json["warnings"]["archive_no"]
    assert file.archive_no in warning
    assert now.archive_no in warning
    assert now.archive_no in country.versions(file)[-1].message


def test_a_cancelled_one_goes_over_too(rest, country, make_archive):  # SM-AID-07 #2 (推断)
    file = make_archive("xicheng")
    alter(country, [file], is_cancelled=True)
    assert transfer(rest("xicheng"), country, file, "dewai").status_code == 200
    now = country.again(file)
    assert (now.is_cancelled, now.owner_unit_id) == (True, country.unit("dewai").id)


@pytest.mark.parametrize(
    ("by", "target", "status", "words"),
    [
        ("xicheng", "dewai", 409, "已经属于德外街道总工会"),
        ("xicheng", "haidian", 422, "范围"),
        ("xicheng", "bj", 422, "范围"),
        ("xicheng_clerk", "xinjiekou", 403, "用户管理"),
        ("haidian", "xueyuanlu", 404, "范围"),
        ("caohejing", "caohejing", 404, "范围"),
    ],
)
def test_what_is_refused(rest, country, make_archive, by, target, status, words):
    file = make_archive("dewai", at="xicheng")
    answer = transfer(rest(by), country, file, target)
    assert (answer.status_code, words in str(answer.json)) == (status, True), answer.json
    assert country.again(file).version == file.version


def test_a_file_that_is_not_seen_is_not_there(rest, country, make_archive):  # AID-R014
    file = make_archive("dewai")
    assert transfer(rest("xicheng"), country, file, "xinjiekou").status_code == 404


@pytest.mark.parametrize("target", [None, "", "x", 0, -1, 2**40, True, [1], {"id": 1.5}, "\x00"])
def test_strange_targets_are_422(rest, make_archive, target):
    file = make_archive("dewai", at="xicheng")
    for body in ({"target_unit_id": target}, {"target_unit_id": target, "more": 1}):
        answer = rest("xicheng").post(f"/api/v1/archive/{file.id}/steps/transfer", json=body)
        assert answer.status_code == 422, answer.json


def test_many_by_their_ids_are_judged_one_by_one(rest, country, make_archive):  # AID-R100
    mine = [make_archive("dewai", at="xicheng") for _n in range(3)]
    already, unseen = make_archive("xinjiekou", at="xicheng"), make_archive("dewai")
    body = {
        "ids": [file.id for file in (*mine, already, unseen)],
        "target_unit_id": country.unit("xinjiekou").id,
    }
    answer = rest("xicheng").post(STEPS, json=body)
    assert answer.json["done"] == [file.id for file in mine]
    assert {one["id"] for one in answer.json["refused"]} == {already.id, unseen.id}


# --- one truth ------------------------------------------------------------------------------------------------


def singly(country, who, source, target):
    """Every file of the source by itself, in the order of ids, those too that the administrator does not see."""
    actor = country.actor(who)
    with country.acting() as session:
        ids = list(
            session.scalars(
                select(Archive.id)
                .where(Archive.owner_unit_id == country.unit(source).id)
                .order_by(Archive.id)
            )
        )
        for pk in ids:
            session.get(Archive, pk).perform("transfer", actor, target_unit_id=country.unit(target).id)
        session.commit()
        session.expunge_all()
    return len(ids)


@pytest.mark.parametrize("seed", range(6))
def test_one_by_one_and_all_at_once_come_to_the_same(app, rest, swept, country, monkeypatch, seed):
    # AID-R101, R102; SM-AID-07 #2; Q06, Q35
    chance = Random(seed)
    monkeypatch.setattr(transferring, "CHUNK", chance.choice((1, 3, 7, 500)))
    spoil(country, chance)
    confuse_numbers(country, chance)
    with app.app_context():
        connection = db.engine
    done = 0
    for _turn in range(6):
        who = chance.choice(("root", "bj", "xicheng"))
        source, target = chance.sample([one for one in PARENT if who in chain(one)], 2)
        rest(who)  # a log-in is counted
        undone = connection.begin_nested()
        number = singly(country, who, source, target)
        expected, seen = everything(country), seen_by_all(country)
        undone.rollback()
        if not number:
            continue
        job = swept(who, source, target)
        assert (job.state, job.result["moved"], job.done) == ("done", number, number), job.message
        made = everything(country)
        for table, rows in expected.items():
            assert made[table] == rows, (seed, table)
        assert seen_by_all(country) == seen
        done += number
    assert done


def confuse_numbers(country, chance):
    """Let files of different units have the same numbers, and numbers that look like those of other units."""
    with country.acting() as session:
        files = session.execute(select(Archive.id, Archive.owner_unit_id, Archive.archive_no)).all()
    taken = {(file.owner_unit_id, file.archive_no) for file in files}
    for file in chance.sample(files, len(files) // 2):
        number = chance.choice(files).archive_no
        if chance.random() < 0.4:
            number = f"{number[:-6]}{int(number[-6:]) + chance.randrange(9):06d}"
        if (file.owner_unit_id, number) not in taken:
            taken.add((file.owner_unit_id, number))
            alter(country, [file.id], archive_no=number)


def test_the_spec_has_said_which_files(swept, country, make_archive):  # AID-R101; SM-AID-07 #2
    own = [
        make_archive("dewai", **kind)
        for kind in ({}, {"worker_identity": "migrant"}, {"hardship_category": "temporary"})
    ]
    reported, cancelled, below = (
        make_archive("dewai", at="bj"),
        make_archive("dewai"),
        make_archive("xinfeng"),
    )
    alter(country, [cancelled], is_cancelled=True)
    target = country.unit("xinjiekou")
    job = swept("xicheng", "dewai", "xinjiekou")
    for file in (*own, reported, cancelled):
        now = country.again(file)
        assert (now.owner_unit_id, now.holder_depth, now.returned) == (target.id, target.depth, False)
    assert country.again(below).owner_unit_id == below.owner_unit_id  # not its subordinates
    assert "移动完成" in job.message
    assert country.all(Archive, Archive.owner_unit_id == country.unit("dewai").id) == []


def test_what_is_linked_stays_with_the_file(swept, country, make_archive):  # SM-AID-07 #1
    file = make_archive("dewai", members=2)
    before = [(one.id, one.archive_id, one.full_name) for one in country.all(FamilyMember)]
    swept("xicheng", "dewai", "xinjiekou")
    assert [(one.id, one.archive_id, one.full_name) for one in country.all(FamilyMember)] == before
    assert len(country.again(file).family_members) == 2


def test_new_numbers_are_told(swept, country, make_archive):  # Q35
    file, theirs = make_archive("dewai"), make_archive("xinjiekou")
    make_clash(country, file, theirs)
    job = swept("xicheng", "dewai", "xinjiekou")
    (told,) = [one for one in job.result["renumbered"] if one["id"] == file.id]
    assert country.again(file).archive_no in told["message"]
    assert "重新编号" in job.message


@pytest.mark.parametrize("chunk", [1, 500])
def test_no_number_is_given_twice(swept, country, make_archive, monkeypatch, chunk):  # Q35
    """A file that gives way gets the very number that the next one brings along, which then gives way too."""
    monkeypatch.setattr(transferring, "CHUNK", chunk)
    theirs = make_archive("xinjiekou")
    prefix, last = theirs.archive_no[:-6], int(theirs.archive_no[-6:])
    first, second, third = (make_archive("xinfeng") for _n in range(3))
    alter(country, [first], archive_no=theirs.archive_no)
    alter(country, [second], archive_no=f"{prefix}{last + 1:06d}")
    alter(country, [third], archive_no=f"{prefix}{last + 7:06d}")
    job = swept("xicheng", "xinfeng", "xinjiekou")
    assert job.state == "done", job.message
    numbers = [int(country.again(file).archive_no[-6:]) - last for file in (first, second, third)]
    assert numbers == [1, 2, 7]


# --- the doors ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "source", "target", "more", "refusal"),
    [
        ("xicheng", "dewai", "dewai", {}, (422, "相同")),
        ("xicheng", "dewai", "haidian", {}, (422, "范围")),
        ("xicheng", "haidian", "dewai", {}, (404, "范围")),
        ("xicheng", "dewai", "xinjiekou", {"unit": "4"}, (422, "单位")),
        ("xicheng", "dewai", "xinjiekou", {"unit": True}, (422, "单位")),
        ("xicheng", "dewai", "xinjiekou", {"unit": 2**40}, (404, "范围")),
        ("xicheng", "dewai", "xinjiekou", {"target_unit_id": None}, (422, "目的单位")),
        ("xicheng", "dewai", "xinjiekou", {"target_unit_id": [1]}, (422, "类型")),
        ("xicheng", "dewai", "xinjiekou", {"message": "x"}, (422, "没有这一项")),
        ("xicheng", "dewai", "xinjiekou", {"ids": [1]}, (422, "只能写一个")),
        ("xicheng_clerk", "dewai", "xinjiekou", {}, (403, "用户管理")),
    ],
)
def test_what_the_door_refuses(rest, country, make_archive, who, source, target, more, refusal):
    make_archive("dewai")
    answer = transfer_all(rest(who), country, source, target, **more)
    assert (answer.status_code, refusal[1] in str(answer.json)) == (refusal[0], True), answer.json
    assert country.all(Job) == []


def test_nothing_to_do_is_said_and_a_second_click_is_the_same_job(app, rest, country, make_archive):
    make_archive("dewai")
    client, other = rest("xicheng"), rest("bj")
    first = transfer_all(client, country, "dewai", "xinjiekou").json["job"]
    assert transfer_all(client, country, "dewai", "xinjiekou").json["job"] == first
    for again in (
        transfer_all(other, country, "dewai", "xinjiekou"),
        transfer_all(client, country, "dewai", "xinfeng"),
    ):
        assert (again.status_code, "正在办理" in again.json["message"]) == (409, True)
    work(app)
    answer = transfer_all(client, country, "dewai", "xinjiekou")
    assert (answer.status_code, answer.json["message"]) == (409, "「德外街道总工会」没有可以转移的档案")


def test_a_right_taken_away_stops_the_job(swept, country, make_archive, monkeypatch):
    monkeypatch.setattr(transferring, "CHUNK", 2)
    for _n in range(5):
        make_archive("xinfeng")
    between(monkeypatch, 1, lambda _ctx: country.give("xicheng", "困难职工档案"))
    job = swept("xicheng", "xinfeng", "dewai")
    assert (job.state, job.done, job.result["moved"]) == ("failed", 4, 4)
    assert "用户管理" in job.message


def test_a_cancelled_job_keeps_what_is_done(swept, country, make_archive, monkeypatch):
    monkeypatch.setattr(transferring, "CHUNK", 2)
    files = [make_archive("xinfeng") for _n in range(7)]

    def cancel(ctx):
        with jobs.books_of(ctx._engine) as books:
            books.get(Job, ctx.job.id).cancel(ctx.actor)
            books.commit()

    between(monkeypatch, 1, cancel)
    job = swept("xicheng", "xinfeng", "dewai")
    gone = [file for file in files if country.again(file).owner_unit_id == country.unit("dewai").id]
    logs = country.all(StepLog, StepLog.step == "transfer")
    assert (job.state, job.done, len(logs)) == ("cancelled", 2, 2)
    assert {file.id for file in gone} <= {log.record_id for log in logs}


def test_a_target_that_has_left_the_subtree_is_refused(app, country, make_archive):
    file, who = make_archive("dewai"), country.actor("xicheng")
    about = {"resource": "archive", "unit": country.unit("dewai").id, "target": country.unit("haidian").id}
    with country.acting(who) as session:
        enqueue(session, "transfer_unit", who, **about)
        session.commit()
    work(app)
    (job,) = country.all(Job)
    assert (job.state, job.done) == ("failed", 0)
    assert country.again(file).version == file.version


def test_a_chunk_costs_the_same_statements_whatever_it_holds(swept, make_archive, statements):
    def cost(number):
        for _n in range(number):
            make_archive("xinfeng")
        with statements() as sent:
            swept("xicheng", "xinfeng", "dewai")
        return len(sent)

    cost(1)
    few = cost(2)
    assert cost(9) <= few + 1  # one UPDATE for those that keep their numbers, one for those that do not


# --- the pages ------------------------------------------------------------------------------------------------


def test_the_list_holds_all_kinds_and_cancelled_ones(login, country, make_archive):  # spec 3.17
    files = [
        make_archive("dewai", at="xicheng"),
        make_archive("dewai", at="xicheng", worker_identity="migrant"),
        make_archive("xicheng", hardship_category="temporary"),
        make_archive("xicheng"),
    ]
    alter(country, files[3:], is_cancelled=True)
    clerk = login("xicheng")
    page = clerk.get("/archive/list/?shelf=transfer&size=200").text
    for file in files:
        assert file.archive_no in page
    assert "移动选中的困难职工档案" in page
    assert "/archive/dialog/transfer" in page
    assert "/archive/dialog/transfer" not in login("xicheng_clerk").get("/archive/list/?shelf=transfer").text
    dialog = clerk.get(f"/archive/dialog/transfer?ids={files[0].id}").text
    assert 'name="target_unit_id"' in dialog
    assert "/unit/pick" in dialog
    answer = clerk.post(
        "/archive/steps/transfer",
        {"ids": [file.id for file in files], "target_unit_id": country.unit("xinjiekou").id},
    )
    assert answer.status_code == 302
    assert {country.again(file).owner_unit_id for file in files} == {country.unit("xinjiekou").id}
    assert "移动完成" in clerk.get(answer.location).text


def test_the_page_tells_a_new_number(login, country, make_archive):  # Q35
    file, theirs = make_archive("dewai", at="xicheng"), make_archive("xinjiekou")
    make_clash(country, file, theirs)
    clerk = login("xicheng")
    answer = clerk.post(
        "/archive/steps/transfer", {"ids": file.id, "target_unit_id": country.unit("xinjiekou").id}
    )
    assert f"改为「{country.again(file).archive_no}」" in words_of(clerk.get(answer.location).text)


def test_all_of_a_unit_by_the_page(app, login, country, make_archive):  # AID-R101; spec 3.17
    file, clerk = make_archive("dewai"), login("xicheng")
    form = clerk.form("/archive/transfer")
    answer = clerk.submit(form)
    assert (answer.status_code, set(errors_of(answer.text))) == (422, {"unit", "target_unit_id"})
    same = {"unit": country.unit("dewai").id, "target_unit_id": country.unit("dewai").id}
    answer = clerk.submit(form.fill(same))
    assert (answer.status_code, set(errors_of(answer.text))) == (422, {"target_unit_id"})
    assert "德外街道总工会" in answer.text  # what was chosen stays
    answer = clerk.submit(form.fill(same | {"target_unit_id": country.unit("xinjiekou").id}))
    assert answer.status_code == 302
    work(app)
    assert "移动完成" in clerk.get(answer.location).text
    assert country.again(file).owner_unit_id == country.unit("xinjiekou").id
    answer = clerk.submit(form)
    assert (answer.status_code, "没有可以转移的档案" in answer.text) == (409, True)
    for strange in ("x", "-1", "9" * 30, "\x00", str(country.unit("sh").id)):
        assert clerk.submit(form.fill({"unit": strange})).status_code in {404, 422}
    assert login("xicheng_clerk").get("/archive/transfer").status_code == 403


def test_the_menu_offers_it_to_administrators(login):  # aid.md 6
    lines = ("/archive/transfer", "/archive/list/?shelf=transfer")
    page = login("xicheng").menu()
    assert all(f'href="{line}"' in page for line in lines)
    page = login("xicheng_clerk").menu()
    assert not any(f'href="{line}"' in page for line in lines)


def test_one_transfer_costs_few_statements(rest, country, make_archive, statements):
    client = rest("xicheng")
    first, second = (make_archive("dewai", at="xicheng") for _n in range(2))
    transfer(client, country, first, "xinjiekou")
    target = country.unit("xinjiekou").id
    with statements() as sent:
        answer = client.post(f"/api/v1/archive/{second.id}/steps/transfer", json={"target_unit_id": target})
    assert answer.status_code == 200
    assert len(sent) <= 14, "\n".join(line[:150] for line in sent)


def test_transfer_leaves_the_tables_whole(swept, country, make_archive):
    make_archive("dewai")
    swept("xicheng", "dewai", "xinjiekou")
    with country.acting() as session:
        depth = sa.func.length(Archive.owner_path) // tree.WIDTH
        wrong = select(sa.func.count(Archive.id)).where(Archive.holder_depth > depth)
        assert session.scalar(wrong) == 0


@pytest.mark.parametrize("deed", ["delete", "edit", "report"])
def test_what_went_elsewhere_while_it_was_in_hand_is_not_found(country, make_archive, deed):
    """AID-R026, R102: read here, taken over there before it could be held: gone, not a fault of ours."""
    file, elsewhere = make_archive("dewai"), country.unit("caohejing")
    who = country.actor("dewai_clerk")
    with country.acting(who) as session:
        found = session.get(Archive, file.id)
        away = sa.update(Archive.__table__).where(Archive.__table__.c.id == file.id)
        away = away.values(
            owner_unit_id=elsewhere.id, owner_path=elsewhere.path, holder_depth=4, version=file.version + 1
        )
        session.connection().execute(away)
        deeds = {
            "delete": lambda: saving.delete(session, found, who),
            "edit": lambda: saving.save(session, found, {"remarks": "核对"}, who),
            "report": lambda: found.perform("report", who, message="请审核"),
        }
        with pytest.raises(Missing):
            deeds[deed]()
