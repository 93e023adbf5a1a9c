"""批量帮扶: one form for many workers, each through the door of a single save (AID-R132, R133)."""

from __future__ import annotations

import random
import re
from collections import Counter
from decimal import Decimal

import lxml.html
import pytest

from app.kit import batch
from app.kit.errors import AppError
from app.kit.jobs import Job
from app.kit.worker import Worker
from app.models.aid import Aid
from app.models.aid.batch import BATCH
from tests.world import Form, words_of

LABEL = "为选中人员增加新帮扶救助信息"


def typed(**more):
    """A form of aid without the worker."""
    return {
        "aid_category": "disability",
        "aid_date": "2026-03-02",
        "aid_form": "home_visit",
        "measures": [{"measure": "living", "amount": "300"}],
    } | more


def aids(country, archives, *clauses):
    """The stored aids of these archives."""
    return country.all(Aid, Aid.archive_id.in_([one.id for one in archives]), *clauses)


def form_of(clerk, archives):
    """The form for ticked workers."""
    url = "/aid/batch/add?" + "&".join(f"ids={one.id}" for one in archives)
    return clerk.form(url)


def send(clerk, form, **more):
    """Save, and save again where that is asked for."""
    answer = clerk.submit(form.fill(typed(**more)))
    again = Form.of(answer.text, "kit-form")
    return clerk.submit(again)


def post(rest, who, archives, **more):
    """The same over REST."""
    return rest(who).post(
        "/api/v1/aid/batch", json={"archive_ids": [one.id for one in archives]} | typed(**more)
    )


@pytest.fixture
def small(monkeypatch):
    """Three are many."""
    monkeypatch.setattr(batch, "AT_ONCE", 2)
    monkeypatch.setattr(batch, "CHUNK", 2)


@pytest.fixture
def work(app):
    """Do what waits."""
    return lambda: Worker(app, lease=600).run(once=True)


# --- who may be chosen ------------------------------------------------------------------------------------------------


def listed(page):
    """The ids that can be ticked."""
    return {int(one) for one in lxml.html.fromstring(page).xpath("//input[@data-tick]/@value")}


def test_formal_files_of_ones_own_and_reported_ones_can_be_chosen(country, login, make_archive):  # AID-R133
    own, below = make_archive("xicheng"), make_archive("dewai", at="xicheng")
    hidden = make_archive("dewai")
    temporary = make_archive("xicheng", hardship_category="temporary")
    cancelled = country.step(
        make_archive("xicheng"), "deactivate", "xicheng_clerk", cancel_reason="out_of_hardship"
    )
    stranger = make_archive("haidian")
    clerk, seen = login("xicheng_clerk"), set()
    for one in (own, below, hidden, temporary, cancelled, stranger):
        seen |= listed(clerk.get(f"/aid/batch?id_card_no={one.id_card_no}").text)
    assert seen == {own.id, below.id}


def test_who_has_no_right_to_files_chooses_by_name_number_cause_and_unit(country, login, make_archive):
    archive = make_archive("dewai", employer_name="秘密工厂", home_address="秘密街1号")
    country.give("dewai_reader", "帮扶救助")
    page = login("dewai_reader").get(f"/aid/batch?id_card_no={archive.id_card_no}").text
    document = lxml.html.fromstring(page)
    heads = [" ".join(one.text_content().split()) for one in document.xpath("//table//th")]
    assert heads[1:] == ["姓名", "身份证号", "致困主要原因", "所属单位"]
    [row] = document.xpath("//table//tbody/tr")
    assert archive.full_name in row.text_content()
    assert archive.id_card_no not in page.replace(f"id_card_no={archive.id_card_no}", "").replace(
        f'value="{archive.id_card_no}"', ""
    ).replace(f"身份证号：{archive.id_card_no}", "")
    assert "秘密" not in page
    assert f"/archive/show/{archive.id}" not in page
    answer = send(login("dewai_reader"), form_of(login("dewai_reader"), [archive]))
    assert answer.status_code == 200, words_of(answer.text)
    assert len(aids(country, [archive])) == 1


@pytest.mark.parametrize("url", ["/aid/batch", "/aid/batch/add?ids=1", "/aid/batch/result/1"])
def test_without_the_right_to_aid_nothing_opens(country, login, rest, make_archive, url):  # AID-R002
    country.give("dewai_reader", "困难职工档案")
    assert login("dewai_reader").get(url).status_code == 403
    assert post(rest, "dewai_reader", [make_archive()]).status_code == 403


# --- one form, one confirmation ---------------------------------------------------------------------------------------


def test_one_form_gives_each_worker_an_aid_after_one_confirmation(country, login, make_archive):  # AID-R132
    archives = [make_archive("dewai") for _n in range(3)]
    clerk = login("dewai_clerk")
    form = form_of(clerk, archives)
    assert "已选中3名职工" in words_of(clerk.get(form.url).text)
    told = clerk.submit(form.fill(typed(measures=[{"measure": "living", "amount": "1234.50"}])))
    assert "将为3名职工各增加一条帮扶救助信息，每人1,234.50元，合计3,703.50元" in words_of(told.text)
    assert not aids(country, archives), "stored before it was confirmed"
    done = clerk.submit(Form.of(told.text, "kit-form"))
    assert done.status_code == 200
    assert "已增加3条帮扶救助信息" in words_of(done.text)
    made = aids(country, archives)
    assert {aid.archive_id for aid in made} == {one.id for one in archives}
    assert {aid.total_amount for aid in made} == {Decimal("1234.50")}
    unit = country.unit("dewai")
    assert {(aid.owner_unit_id, aid.owner_path, aid.holder_depth) for aid in made} == {
        (unit.id, unit.path, unit.depth)
    }
    assert len({aid.batch_id for aid in made}) == 1
    assert [v.step for aid in made for v in country.versions(aid)] == ["add"] * 3
    links = set(lxml.html.fromstring(done.text).xpath("//*[@id='made']//li/a/@href"))
    assert links == {f"/aid/show/{aid.id}" for aid in made}
    [listing] = set(re.findall(r"/aid/list/\?batch_id=\w+", done.text))
    assert len(listed(clerk.get(listing).text)) == 3


def test_what_is_wrong_with_the_form_is_told_once_and_nothing_is_lost(country, login, make_archive):
    archives = [make_archive("dewai") for _n in range(2)]
    clerk = login("dewai_clerk")
    answer = clerk.submit(form_of(clerk, archives).fill(typed(aid_date="2999-01-01", measure_detail="慰问")))
    assert answer.status_code == 422
    assert words_of(answer.text).count("不能晚于今天") == 1
    again = Form.of(answer.text, "kit-form")
    assert again.values["measure_detail"] == "慰问"
    assert not aids(country, archives)


def test_the_confirmation_is_asked_again_when_the_number_has_changed(country, login, make_archive):
    archives = [make_archive("dewai") for _n in range(2)]
    clerk = login("dewai_clerk")
    told = clerk.submit(form_of(clerk, archives).fill(typed()))
    country.step(archives[1], "deactivate", "dewai_clerk", cancel_reason="out_of_hardship")
    again = clerk.submit(Form.of(told.text, "kit-form"))
    assert "将为1名职工" in words_of(again.text)
    assert not aids(country, archives)


def test_left_to_each_the_category_is_his_own_cause(country, login, rest, make_archive):  # REC-12 #4
    ill, poor = (make_archive("dewai", main_hardship_cause=cause) for cause in ("disability", "low_income"))
    clerk = login("dewai_clerk")
    assert form_of(clerk, [ill]).values["aid_category"] == "own"
    send(clerk, form_of(clerk, [ill, poor]), aid_category="own")
    assert {aid.archive_id: aid.aid_category for aid in aids(country, [ill, poor])} == {
        ill.id: "disability",
        poor.id: "low_income",
    }
    body = typed()
    del body["aid_category"]
    done = rest("dewai_clerk").post("/api/v1/aid/batch", json={"archive_ids": [poor.id]} | body)
    assert country.read(Aid, done.json["done"][0]).aid_category == "low_income"


def test_everybody_whom_the_question_finds(country, login, make_archive):
    archives = [make_archive("dewai", employer_name="同心纺织厂") for _n in range(3)]
    make_archive("dewai", employer_name="别的厂")
    clerk = login("dewai_clerk")
    page = lxml.html.fromstring(clerk.get("/aid/batch?employer_name=同心纺织厂").text)
    [url] = {one for one in page.xpath("//a/@href") if "all=1" in one}
    answer = send(clerk, clerk.form(url))
    assert "已增加3条" in words_of(answer.text)
    assert len(aids(country, archives)) == 3


def test_more_than_a_batch_holds_are_refused_in_words(login, make_archive, monkeypatch):
    monkeypatch.setattr(batch, "MOST", 2)
    for _n in range(3):
        make_archive("dewai", employer_name="大厂")
    answer = login("dewai_clerk").get("/aid/batch/add?all=1&employer_name=大厂")
    assert answer.status_code == 409
    assert "超过2条" in words_of(answer.text)


# --- who is refused ---------------------------------------------------------------------------------------------------


def unfit(country, make_archive):
    """Files that may be aided by nobody's batch, with the reason."""
    cancelled = country.step(
        make_archive("dewai"), "deactivate", "dewai_clerk", cancel_reason="out_of_hardship"
    )
    keeps, goes = make_archive("dewai"), make_archive("dewai")
    country.step(keeps, "merge", "dewai", source_ids=[goes.id])
    return {
        "已注销": cancelled,
        "已合并": goes,
        "临时救助": make_archive("dewai", hardship_category="temporary"),
        "不在您单位的范围内": make_archive("caohejing"),
    }


def test_who_may_not_be_aided_is_told_by_name_and_the_others_are_done(country, rest, make_archive):
    fit, wrong = make_archive("dewai"), unfit(country, make_archive)
    answer = post(rest, "dewai_clerk", [*wrong.values(), fit])
    assert answer.status_code == 200, answer.json
    assert [one["archive_id"] for one in answer.json["records"]] == [fit.id]
    refused = {one["archive_id"]: one["message"] for one in answer.json["refused"]}
    assert refused.keys() == {one.id for one in wrong.values()}
    for reason, one in wrong.items():
        assert reason in refused[one.id]
        is_seen = one.owner_unit_id == country.unit("dewai").id
        assert (one.full_name in refused[one.id]) == is_seen, "a file that is not seen has no name"
    assert not aids(country, wrong.values())


def test_a_job_tells_who_was_refused_meanwhile(country, login, rest, make_archive, small, work):
    archives = [make_archive("dewai", at="bj") for _n in range(5)]
    answer = post(rest, "dewai_clerk", archives)
    assert answer.status_code == 202
    gone = country.step(archives[1], "deactivate", "dewai_clerk", cancel_reason="out_of_hardship")
    country.step(archives[3], "transfer", "bj", target_unit_id=country.unit("haidian").id)
    work()
    job = country.read(Job, answer.json["job"])
    assert (job.state, job.done, job.failed) == ("partly", 5, 2)
    words = {error["id"]: error["words"] for error in job.errors}
    for one, reason in ((gone, "已注销"), (archives[3], "范围")):
        assert one.full_name in words[one.id]
        assert reason in words[one.id]
    assert {aid.archive_id for aid in aids(country, archives)} == {archives[i].id for i in (0, 2, 4)}
    page = login("dewai_clerk").get(f"/aid/batch/result/{job.id}").text
    assert "没有办理的2名" in words_of(page)
    assert "已增加3条" in words_of(page)
    assert len(lxml.html.fromstring(page).xpath("//*[@id='made']//li/a")) == 3
    assert login("xinjiekou_clerk").get(f"/aid/batch/result/{job.id}").status_code == 404


def test_a_right_that_is_taken_away_stops_the_job(country, rest, make_archive, small, work):
    archives = [make_archive("dewai") for _n in range(3)]
    country.give("dewai_reader", "帮扶救助", "困难职工档案")
    job = post(rest, "dewai_reader", archives).json["job"]
    country.give("dewai_reader", "困难职工档案")
    work()
    assert country.read(Job, job).state == "failed"
    assert not aids(country, archives)


# --- nothing twice ----------------------------------------------------------------------------------------------------


def test_the_same_form_sent_again_doubles_nothing(country, login, make_archive):  # AID-R020
    archives = [make_archive("dewai") for _n in range(3)]
    clerk = login("dewai_clerk")
    told = clerk.submit(form_of(clerk, archives).fill(typed()))
    confirmed = Form.of(told.text, "kit-form")
    for words in ("已增加3条", "没有重复增加"):
        assert words in words_of(clerk.submit(confirmed).text)
    assert len(aids(country, archives)) == 3


def test_the_same_form_sent_again_is_the_same_job(country, login, make_archive, small, work):
    archives = [make_archive("dewai") for _n in range(4)]
    clerk = login("dewai_clerk")
    told = clerk.submit(form_of(clerk, archives).fill(typed()))
    confirmed = Form.of(told.text, "kit-form")
    first, second = clerk.submit(confirmed), clerk.submit(confirmed)
    assert first.status_code == 302
    assert first.location == second.location
    work()
    assert clerk.submit(confirmed).location == first.location
    work()
    assert len(aids(country, archives)) == 4


def test_a_program_may_repeat_its_request(country, rest, make_archive):
    archives = [make_archive("dewai") for _n in range(2)]
    first, second = (post(rest, "dewai_clerk", archives * 2, batch_id="abc").json for _n in range(2))
    assert first["done"] == second["done"]
    assert len(aids(country, archives)) == 2
    other = post(rest, "xinjiekou_clerk", archives, batch_id="abc")  # another's number is another batch
    assert other.json["done"] == []
    third = post(rest, "dewai_clerk", archives).json
    assert not set(third["done"]) & set(first["done"])


# --- many is one --------------------------------------------------------------------------------------------------------

CHANCES = {
    "aid_category": ["disability", "other", "", "own"],
    "aid_date": [*["2026-03-02"] * 12, "2999-01-01", ""],
    "is_aided": [*"1111110"],
    "measures": [
        [{"measure": "living", "amount": "300"}],
        [{"measure": "living", "amount": "1.25"}, {"measure": "medical", "amount": "2"}],
        [{"measure": "medical", "amount": "80000"}],
        [{"measure": "living", "amount": "0"}],
        [{"measure": "living", "amount": "1"}, {"measure": "living", "amount": "2"}],
    ],
    "exit_method": [*[""] * 9, "employed"],
}


def facts(aid):
    """What is stored of an aid but for its numbers."""
    plain = ("archive_id", "full_name", "id_card_no", "aid_category", "aid_date", "is_aided", "total_amount")
    more = ("aid_form", "not_aided_reason", "exit_method", "aid_sequence", "owner_path", "holder_depth")
    lines = [(line.line_no, line.measure, line.amount) for line in aid.measures]
    return tuple(getattr(aid, name) for name in plain + more), lines


def test_many_are_as_one_by_one(country, rest, make_archive, small, work):
    """Random forms for random workers: a batch, at once or as a job, stores and refuses what single saves do."""
    chance, seen = random.Random(132), Counter()
    places = [("dewai", ""), ("xinfeng", "dewai"), ("dewai", "xicheng")]
    for turn in range(16):
        where = [chance.choice(places) for _n in range(chance.randint(1, 5))]
        files = [make_archive(owner, at=at) for owner, at in where]
        asked = {name: chance.choice(options) for name, options in CHANCES.items()}
        if asked["is_aided"] == "0":
            asked |= {"aid_form": "", "measures": [], "not_aided_reason": "没有资金"}
        single = {file.id: one_by_one(country, rest, file, asked) for file in files}
        answer = post(rest, "dewai_clerk", files, **asked)
        if answer.status_code == 202:
            work()
            job = country.read(Job, answer.json["job"])
            number, refused = job.args["batch"], {error["id"] for error in job.errors}
        else:
            number, refused = (
                (answer.json or {}).get("batch_id"),
                {r["id"] for r in (answer.json or {}).get("refused", [])},
            )
        if answer.status_code == 422:
            assert all(told is None for told in single.values()), (asked, answer.json)
            seen["wrong form"] += 1
            continue
        found = {
            aid.archive_id: facts(country.again(aid)) for aid in aids(country, files, Aid.batch_id == number)
        }
        assert found == {pk: told for pk, told in single.items() if told}, turn
        assert refused == {pk for pk, told in single.items() if not told}
        seen["job" if answer.status_code == 202 else "at once"] += 1
    assert min(seen[name] for name in ("job", "at once", "wrong form")) >= 1, seen


def one_by_one(country, rest, file, asked):
    """What a single save stores; it is taken back. None where it is refused."""
    category = file.main_hardship_cause if asked["aid_category"] in ("", "own") else asked["aid_category"]
    body = typed() | asked | {"archive_id": file.id, "aid_category": category}
    answer = rest("dewai_clerk").post("/api/v1/aid/", json=body)
    if answer.status_code != 201:
        return None
    aid = country.read(Aid, answer.json["id"])
    told = facts(aid)
    assert rest("dewai_clerk").delete(f"/api/v1/aid/{aid.id}").status_code == 200
    return told


# --- hostile ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ids", [None, [], "1", [True], ["1"], [1.5], {"a": 1}, list(range(20_000))])
def test_hostile_ids_are_refused(rest, ids):
    answer = rest("dewai_clerk").post("/api/v1/aid/batch", json={"archive_ids": ids} | typed())
    assert answer.status_code == 422, answer.json


def test_hostile_fields_are_refused(rest, make_archive, country):
    archive, client = make_archive("dewai"), rest("dewai_clerk")
    for more in ({"nothing": 1}, {"measures": "x"}, {"measures": [{"amount": "1e400"}]}, {"aid_date": []}):
        answer = client.post("/api/v1/aid/batch", json={"archive_ids": [archive.id]} | typed(**more))
        assert answer.status_code == 422, (more, answer.json)
    for more in ({"owner_unit_id": 1}, {"total_amount": "9"}, {"aid_sequence": 7}):
        client.post("/api/v1/aid/batch", json={"archive_ids": [archive.id]} | typed(**more))
    assert {aid.owner_unit_id for aid in aids(country, [archive])} <= {archive.owner_unit_id}
    assert {aid.total_amount for aid in aids(country, [archive])} <= {Decimal(300)}


def test_a_form_without_workers_is_refused_in_words(login):
    for url in ("/aid/batch/add", "/aid/batch/add?ids=x", "/aid/batch/add?ids="):
        answer = login("dewai_clerk").get(url)
        assert answer.status_code == 409
        assert "请先在批量帮扶的列表中选择职工" in words_of(answer.text)


def test_the_step_of_the_unified_names_is_the_same(country, rest, make_archive):
    archive = make_archive("dewai")
    answer = rest("dewai_clerk").post("/api/v1/aid/steps/aid_many", json={"ids": [archive.id]} | typed())
    assert [country.read(Aid, pk).archive_id for pk in answer.json["done"]] == [archive.id]


def test_a_batch_that_cannot_be_commits_nothing(country, make_archive):
    with country.acting("dewai_clerk") as session, pytest.raises(AppError):
        batch.carry_out(
            session(),
            BATCH,
            [make_archive("dewai").id],
            typed(aid_date=""),
            country.actor("dewai_clerk"),
            "t",
        )
