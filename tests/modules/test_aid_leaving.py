"""填写脱困信息, and the offer to put the worker's file aside (SM-AID-09 #7, #8)."""

from __future__ import annotations

import lxml.html
import pytest

from app.models.aid import Aid
from tests.world import words_of

OUT = {"is_out_of_hardship": "1", "exit_method": "employed", "exit_date": "2026-05-04"}
AID = {
    "aid_category": "own_serious_illness",
    "aid_date": "2026-03-02",
    "measures": [{"measure": "living", "amount": "300"}],
}
WITH_EXIT = AID | {"is_out_of_hardship": True, "exit_method": "employed", "exit_date": "2026-05-04"}


@pytest.fixture
def give(country, make_archive):
    """``give("dewai")`` → an aid by a unit to a worker of its own, or of ``archive``."""

    def make(owner="dewai", archive=None, **more):
        archive = archive or make_archive(owner)
        return country.make(Aid, AID | {"id_card_no": archive.id_card_no} | more, owner)

    return make


def buttons(page):
    """Label → address of the buttons of a page."""
    found = lxml.html.fromstring(page).xpath("//main//a")
    return {one.text_content().strip(): one.get("href") for one in found}


# --- 填写脱困信息 --------------------------------------------------------------------------------------------------


def test_the_list_is_of_ones_own_unit_in_every_state(login, country, give):  # 3.11, Q09
    mine = {give().id, country.bring(give(), at="xicheng").id}
    country.bring(give("xinfeng"), at="dewai")
    page = lxml.html.fromstring(login("dewai_clerk").get("/aid/list/?shelf=exit").text)
    assert len(page.xpath("//tbody/tr")) == len(mine)
    icons = page.xpath("//tbody//a[@title='填写脱困信息']/@href")
    assert {int(url.rpartition("=")[2]) for url in icons} == mine
    assert "增加新的帮扶救助信息" not in page.text_content()


def test_the_dialog_shows_the_aid_to_read_and_three_fields(login, give):  # §3.2.2
    aid = give(measure_detail="上门送去慰问金", remarks="家中有老人")
    page = login("dewai_clerk").get(f"/aid/dialog/record_exit?ids={aid.id}").text
    words = words_of(page)
    for fact in (
        aid.full_name,
        "本人大病",
        "2026-03-02",
        "已帮扶",
        "生活救助",
        "300.00",
        "上门送去慰问金",
        "家中有老人",
    ):
        assert fact in words
    assert aid.id_card_no not in page
    document = lxml.html.fromstring(page)
    names = {one.get("name") for one in document.xpath("//form//input | //form//select | //form//textarea")}
    assert names >= {"is_out_of_hardship", "exit_method", "exit_date"}
    assert not names & {"aid_category", "aid_date", "measure_detail", "remarks", "is_aided"}


@pytest.mark.parametrize("at", ["", "xicheng", "bj"])
def test_it_changes_three_fields_and_nothing_else(rest, country, give, at):  # AID-R130, Q09
    aid = country.bring(give(), at=at) if at else give()
    answer = rest("dewai_clerk").post(f"/api/v1/aid/{aid.id}/steps/record_exit", json=OUT)
    assert answer.status_code == 200, answer.json
    now = country.again(aid)
    assert (now.is_out_of_hardship, now.exit_method, str(now.exit_date)) == (True, "employed", "2026-05-04")
    assert now.holder_depth == aid.holder_depth
    assert now.returned == aid.returned
    last = country.versions(aid)[-1]
    assert last.step == "record_exit"
    assert {name for name, _old, _new in last.diff} == {"is_out_of_hardship", "exit_method", "exit_date"}
    more = rest("dewai_clerk").post(f"/api/v1/aid/{aid.id}/steps/record_exit", json=OUT | {"remarks": "x"})
    assert more.status_code == 422


@pytest.mark.parametrize(
    ("answers", "field", "words"),
    [
        ({"exit_date": "2026-05-04"}, "exit_method", "请填写脱困方式"),
        ({"exit_method": "employed"}, "exit_date", "请填写脱困日期"),
        (OUT | {"exit_date": "2026-03-01"}, "exit_date", "不能早于帮扶日期"),
        (OUT | {"is_out_of_hardship": "0"}, "exit_method", "不填脱困方式"),
    ],
)
def test_what_is_wrong_is_told_and_nothing_changes(
    login, rest, country, give, answers, field, words
):  # AID-R124
    aid = give()
    answer = rest("dewai_clerk").post(f"/api/v1/aid/{aid.id}/steps/record_exit", json=answers)
    assert answer.status_code == 422
    assert words in answer.json["errors"][field][0]
    page = login("dewai_clerk").post("/aid/steps/record_exit", {"ids": aid.id, **answers})
    assert page.status_code == 422
    assert words in words_of(page.text)
    assert "300.00" in words_of(page.text)  # what there is to read stands there still
    assert not country.again(aid).is_out_of_hardship


def test_it_can_be_taken_back(rest, country, give):
    aid = give(**WITH_EXIT)
    answer = rest("dewai_clerk").post(
        f"/api/v1/aid/{aid.id}/steps/record_exit", json={"is_out_of_hardship": False}
    )
    assert answer.status_code == 200
    now = country.again(aid)
    assert (now.is_out_of_hardship, now.exit_method, now.exit_date) == (False, None, None)


# --- 注销职工 -----------------------------------------------------------------------------------------------------


def test_who_is_out_of_hardship_can_be_put_aside_from_there(login, country, give, make_archive):  # AID-R125
    archive, clerk = make_archive("dewai"), login("dewai_clerk")
    form = clerk.form(f"/aid/add?archive_id={archive.id}").fill(
        {"aid_date": "2026-03-02", "measures": AID["measures"], **OUT}
    )
    saved = clerk.submit(form)
    page = clerk.get(saved.location).text
    assert "可以点「注销职工」注销其档案" in words_of(page)
    dialog = clerk.get(buttons(page)["注销职工"])
    assert "注销原因" in words_of(dialog.text)
    answer = clerk.post("/archive/steps/deactivate", {"ids": archive.id, "cancel_reason": "left_unit"})
    assert answer.status_code == 302
    assert country.again(archive).is_cancelled
    assert "注销职工" not in buttons(clerk.get(saved.location).text)


def test_the_offer_follows_the_step_too(login, rest, give, make_archive):  # AID-R125
    archive = make_archive("dewai")
    aid, clerk = give(archive=archive), login("dewai_clerk")
    assert "注销职工" not in buttons(clerk.get(f"/aid/show/{aid.id}").text)
    answer = clerk.post("/aid/steps/record_exit", {"ids": aid.id, **OUT})
    assert answer.location == f"/aid/show/{aid.id}"
    assert "注销职工" in buttons(clerk.get(answer.location).text)
    told = (
        rest("dewai_clerk").post(f"/api/v1/aid/{aid.id}/steps/record_exit", json=OUT).json["may_deactivate"]
    )
    assert (told["archive_id"], told["step"]) == (archive.id, "deactivate")


@pytest.mark.parametrize("who", ["temporary", "another's", "no right"])
def test_where_the_file_is_not_ones_own_formal_file_there_is_no_offer(
    login, country, give, make_archive, who
):
    # AID-R125, R079
    owner = "xinfeng" if who == "another's" else "dewai"
    category = "temporary" if who == "temporary" else "low_income"
    aid = give("dewai", make_archive(owner, at="dewai", hardship_category=category), **WITH_EXIT)
    if who == "no right":
        country.give("dewai_clerk", "帮扶救助")
    page = login("dewai_clerk").get(f"/aid/show/{aid.id}").text
    assert "注销职工" not in buttons(page)
    assert "注销其档案" not in words_of(page)
