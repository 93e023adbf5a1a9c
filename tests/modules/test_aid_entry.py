"""增加新的帮扶救助信息: from a number to the worker's file, or to a new one, and on to the aid (SM-AID-09 #1, #2)."""

from __future__ import annotations

import lxml.html
import pytest

from app.kit import anywhere, identity
from app.kit.workflow import StepLog
from app.models.aid import Aid
from app.models.archive import Archive
from tests.world import Form, errors_of, words_of

AID = {"aid_form": "home_visit", "measures": [{"measure": "living", "amount": "300"}]}


def looked_up(clerk, number):
    """What the clerk sees once he has typed a number and pressed 查询."""
    answer = clerk.submit(clerk.form("/aid/add").fill({"id_card_no": number}))
    return clerk.get(answer.location) if answer.status_code == 302 else answer


def link(page, label):
    """Where a button of a page leads."""
    found = [
        one.get("href")
        for one in lxml.html.fromstring(page).xpath("//main//a")
        if label in one.text_content()
    ]
    return found[0] if found else None


def looks(country, archive):
    return [
        log.answers
        for log in country.all(StepLog, StepLog.record_id == archive.id, StepLog.step == "look_up")
    ]


# --- found ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("owner", ["dewai", "xinfeng", "caohejing"])
def test_a_number_leads_to_the_worker_and_on_to_the_aid(login, country, make_archive, owner):
    # AID-R118, Q07: own, of a subordinate, of another province
    archive, clerk = make_archive(owner), login("dewai_clerk")
    page = looked_up(clerk, archive.id_card_no)
    words = words_of(page.text)
    assert "来访职工信息" in words
    assert country.unit(owner).name in words
    assert archive.home_address in words
    url = link(page.text, "增加新帮扶救助信息")
    assert ("该职工的档案属于" in words_of(clerk.get(url).text)) == (owner != "dewai")
    form = clerk.form(url)
    assert "id_card_no" not in form.values  # it is never asked for again
    assert form.values["aid_category"] == archive.main_hardship_cause
    assert form.values["aid_date"]
    assert form.values["is_aided"] == "1"
    assert form.values["is_out_of_hardship"] == "0"
    answer = clerk.submit(form.fill(AID))
    assert answer.status_code == 302, errors_of(answer.text)
    (aid,) = country.all(Aid, Aid.archive_id == archive.id)
    assert (aid.id_card_no, aid.full_name) == (archive.id_card_no, archive.full_name)
    assert aid.owner_unit_id == country.unit("dewai").id
    assert country.again(archive).owner_unit_id == country.unit(owner).id
    assert aid.aid_sequence == 1
    assert clerk.get(answer.location).status_code == 200


def test_no_number_stands_in_an_address_and_none_is_shown_of_others(login, country, make_archive):  # Q32
    archive, clerk = make_archive("caohejing", members=1), login("dewai_clerk")
    answer = clerk.submit(clerk.form("/aid/add").fill({"id_card_no": archive.id_card_no}))
    page = clerk.get(answer.location)
    form = clerk.get(link(page.text, "增加新帮扶救助信息"))
    for text in (answer.location, page.text, form.text):
        assert archive.id_card_no not in text
        assert archive.phone not in text
        assert archive.family_members[0].id_card_no not in text
    assert identity.mask(archive.id_card_no) in words_of(form.text)
    assert link(page.text, "打印职工档案") is None
    assert looks(country, archive) == [{"as": "aid"}]


def test_ones_own_file_can_be_printed_from_there(login, make_archive):  # SM-AID-09 #1
    archive, clerk = make_archive("xinfeng", at="dewai"), login("dewai_clerk")
    url = link(looked_up(clerk, archive.id_card_no).text, "打印职工档案")
    assert url == f"/archive/print/{archive.id}"
    assert clerk.get(url).status_code == 200


def test_the_pass_is_of_one_account(login, make_archive):
    archive, clerk = make_archive("caohejing"), login("dewai_clerk")
    url = clerk.submit(clerk.form("/aid/add").fill({"id_card_no": archive.id_card_no})).location
    form = link(clerk.get(url).text, "增加新帮扶救助信息")
    for other in ("xinjiekou_clerk", "dewai"):
        assert login(other).get(url).status_code == 404
        assert login(other).get(form).status_code == 404
    assert clerk.get(f"{form}x").status_code == 404
    assert clerk.get(f"/aid/add?archive_id={archive.id}").status_code == 404  # an id alone opens what is seen


def test_look_ups_are_counted(login, monkeypatch, make_archive):
    monkeypatch.setattr(anywhere, "MOST_LOOKS", 1)
    archive, clerk = make_archive("caohejing"), login("dewai_clerk")
    assert looked_up(clerk, archive.id_card_no).status_code == 200
    answer = looked_up(clerk, archive.id_card_no)
    assert answer.status_code == 429
    assert "请过10分钟再试" in words_of(answer.text)


def test_the_form_is_of_the_worker_and_no_other(login, country, make_archive):
    his, other, clerk = make_archive("dewai"), make_archive("dewai"), login("dewai_clerk")
    form = clerk.form(f"/aid/add?archive_id={his.id}").fill(AID | {"id_card_no": other.id_card_no})
    answer = clerk.submit(form)
    assert answer.status_code == 422
    assert not country.all(Aid)
    aid = country.make(Aid, AID | {"id_card_no": his.id_card_no, **_today(his)}, "dewai")
    answer = clerk.submit(clerk.form(f"/aid/edit/{aid.id}").fill({"id_card_no": other.id_card_no}))
    assert answer.status_code == 422
    assert "不能改到另一名职工名下" in errors_of(answer.text)["id_card_no"]
    assert country.again(aid).archive_id == his.id


def _today(archive):
    return {"aid_category": archive.main_hardship_cause, "aid_date": "2026-03-02"}


def test_a_draft_is_of_one_worker(login, make_archive):
    one, two, clerk = make_archive("dewai"), make_archive("dewai"), login("dewai_clerk")
    page = clerk.get(f"/aid/add?archive_id={one.id}").text
    url = lxml.html.fromstring(page).get_element_by_id("kit-form").get("data-draft")
    clerk.post(url, Form.of(page).fill({"measure_detail": "写到一半"}).values)
    assert "data-draft-bar" in clerk.get(f"/aid/add?archive_id={one.id}").text
    assert "data-draft-bar" not in clerk.get(f"/aid/add?archive_id={two.id}").text


def test_the_next_worker_is_one_button_away(login, make_archive):
    archive, clerk = make_archive("dewai"), login("dewai_clerk")
    form = clerk.form(f"/aid/add?archive_id={archive.id}").fill(AID)
    form.values["button"] = "save_more"
    assert clerk.submit(form).location == "/aid/add"


# --- not found --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("category", "shelf"), [("low_income", "hardship"), ("temporary", "temporary")])
def test_an_unknown_number_leads_to_a_new_archive_and_then_to_the_aid(
    login, country, people, category, shelf
):
    # AID-R118, AID-R119; SM-AID-09 #2
    clerk, typed = login("dewai_clerk"), people.household(members=1, hardship_category=category)
    page = looked_up(clerk, typed["id_card_no"])
    form = Form.of(page.text)
    assert form.values["id_card_no"] == typed["id_card_no"]
    assert form.values["birth_date"] == str(identity.birth_date(typed["id_card_no"]))
    assert typed["id_card_no"] not in form.url
    wrong = clerk.submit(form.fill(typed | {"phone": ""}))
    assert wrong.status_code == 422
    answer = clerk.submit(
        Form.of(wrong.text).fill({"phone": typed["phone"]})
    )  # and it still leads to the aid
    (archive,) = country.all(Archive, Archive.id_card_no == typed["id_card_no"])
    assert archive.hardship_category == category
    assert (
        archive.archive_no in clerk.get(f"/archive/list/?shelf={shelf}&archive_no={archive.archive_no}").text
    )
    said = clerk.get(answer.location)
    assert "第一次帮扶" in words_of(said.text)
    answer = clerk.submit(clerk.form(link(said.text, "确定")).fill(AID))
    assert answer.status_code == 302, errors_of(answer.text)
    assert [aid.aid_sequence for aid in country.all(Aid, Aid.archive_id == archive.id)] == [1]


def test_without_the_right_to_archives_aid_is_given_and_no_archive_is_made(
    login, country, people, make_archive
):
    archive = make_archive("dewai")
    country.give("dewai_clerk", "帮扶救助")
    clerk = login("dewai_clerk")
    page = looked_up(clerk, archive.id_card_no)
    assert link(page.text, "打印职工档案") is None
    answer = clerk.submit(clerk.form(link(page.text, "增加新帮扶救助信息")).fill(AID))
    assert answer.status_code == 302
    assert clerk.get(answer.location).status_code == 200
    answer = looked_up(clerk, people.household()["id_card_no"])
    assert answer.status_code == 404
    assert "需要「困难职工档案」权限" in words_of(answer.text)


# --- what stands in the way -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "words"), [("", "请填写"), ("110", "15位数字"), ("650102199013011234", "出生日期")]
)
def test_a_wrong_number_is_told_beside_it(login, typed, words):  # AID-R122
    answer = looked_up(login("dewai_clerk"), typed)
    assert answer.status_code == 422
    assert words in errors_of(answer.text)["id_card_no"]
    assert Form.of(answer.text).values["id_card_no"] == typed


def test_the_number_of_a_family_member_leads_to_the_householder(login, make_archive):
    archive, clerk = make_archive("caohejing", members=1), login("dewai_clerk")
    answer = looked_up(clerk, archive.family_members[0].id_card_no)
    assert answer.status_code == 409
    assert "该身份证号已作为家庭成员登记" in words_of(answer.text)
    page = clerk.get(link(answer.text, "查看户主档案"))
    assert archive.full_name in words_of(page.text)
    assert link(page.text, "增加新帮扶救助信息")


def test_several_files_have_to_be_merged_first(login, rest, country, make_archive):
    one, other = make_archive("dewai"), make_archive("xinjiekou")
    with country.acting() as session:
        session.get(Archive, other.id).id_card_no = one.id_card_no
        session.commit()
    answer = looked_up(login("dewai_clerk"), one.id_card_no)
    assert answer.status_code == 409
    words = words_of(answer.text)
    assert "该身份证号有2份档案，请先合并重复档案" in words
    assert one.archive_no in words
    assert other.archive_no in words
    body = AID | _today(one) | {"id_card_no": one.id_card_no}
    told = rest("dewai_clerk").post("/api/v1/aid/", json=body)
    assert told.status_code == 422
    assert "请先合并重复档案" in told.json["errors"]["id_card_no"][0]


def test_a_cancelled_file_says_so_offers_to_come_back_and_aid_is_possible(login, country, make_archive):
    archive = country.step(
        make_archive("caohejing"), "deactivate", "caohejing_clerk", cancel_reason="left_unit"
    )
    clerk = login("dewai_clerk")
    page = looked_up(clerk, archive.id_card_no)
    assert f"由【{archive.cancelled_unit}】注销" in words_of(page.text)
    assert clerk.get(link(page.text, "恢复困难职工")).status_code == 200
    answer = clerk.submit(clerk.form(link(page.text, "增加新帮扶救助信息")).fill(AID))
    assert answer.status_code == 302
    assert country.again(archive).is_cancelled


# --- from the archive -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("category", ["low_income", "temporary"])
@pytest.mark.parametrize("owner", ["dewai", "xinfeng"])
def test_a_saved_archive_has_the_button(login, make_archive, category, owner):  # AID-R055
    archive = make_archive(owner, at="dewai", hardship_category=category)
    clerk = login("dewai_clerk")
    assert link(clerk.get("/archive/add?shelf=hardship").text, "增加帮扶救助信息") is None
    url = link(clerk.get(f"/archive/show/{archive.id}").text, "增加帮扶救助信息")
    assert clerk.submit(clerk.form(url).fill(AID)).status_code == 302


def test_without_the_right_to_aid_there_is_no_button(login, country, make_archive):  # AID-R055
    archive = make_archive("dewai")
    country.give("dewai_clerk", "困难职工档案")
    clerk = login("dewai_clerk")
    assert link(clerk.get(f"/archive/show/{archive.id}").text, "增加帮扶救助信息") is None
    for url in ("/aid/add", f"/aid/add?archive_id={archive.id}", f"/aid/first/{archive.id}"):
        assert clerk.get(url).status_code == 403


# --- REST -------------------------------------------------------------------------------------------------------


def test_a_program_names_the_worker_by_number_or_by_a_file_that_it_sees(rest, country, make_archive):
    mine, theirs, client = make_archive("dewai"), make_archive("caohejing"), rest("dewai_clerk")
    for archive, named in ((theirs, {"id_card_no": theirs.id_card_no}), (mine, {"archive_id": mine.id})):
        answer = client.post("/api/v1/aid/", json=AID | _today(archive) | named)
        assert answer.status_code == 201, answer.json
        told = answer.json["result"]
        assert told["archive_id"] == archive.id
        assert told["full_name"] == archive.full_name
        assert told["total_amount"] in ("300.00", 300, 300.0)
        assert told["archive_no"] == (archive.archive_no if archive is mine else "")
        echo = client.get(f"/api/v1/aid/{answer.json['id']}").json["result"]
        assert client.put(f"/api/v1/aid/{answer.json['id']}", json=echo).status_code == 200
    answer = client.post("/api/v1/aid/", json=AID | _today(theirs) | {"archive_id": theirs.id})
    assert answer.status_code == 422
    assert "其他单位的职工请按身份证号查询" in answer.json["errors"]["archive_id"][0]
    both = {"archive_id": mine.id, "id_card_no": theirs.id_card_no}
    answer = client.post("/api/v1/aid/", json=AID | _today(mine) | both)
    assert "不是同一名职工" in answer.json["errors"]["id_card_no"][0]


@pytest.mark.parametrize(
    ("typed", "field", "words"),
    [
        ({"id_card_no": "110"}, "id_card_no", "15位数字"),
        ({"id_card_no": ""}, "archive_id", "请按身份证号查询"),
        ({"aid_date": ""}, "aid_date", "请填写帮扶日期"),
        ({"aid_category": ""}, "aid_category", "请选择帮扶类别"),
    ],
)
def test_what_has_to_be_there(rest, make_archive, typed, field, words):  # AID-R122
    archive = make_archive("dewai")
    body = AID | _today(archive) | {"id_card_no": archive.id_card_no} | typed
    answer = rest("dewai_clerk").post("/api/v1/aid/", json=body)
    assert answer.status_code == 422
    assert words in answer.json["errors"][field][0]


def test_an_unknown_number_is_told_to_a_program(rest, people):  # AID-R118
    body = AID | {
        "id_card_no": people.household()["id_card_no"],
        "aid_category": "other",
        "aid_date": "2026-03-02",
    }
    answer = rest("dewai_clerk").post("/api/v1/aid/", json=body)
    assert answer.status_code == 422
    assert answer.json["errors"]["id_card_no"] == ["没有该身份证号的职工档案，请先新增职工档案"]
