"""What an aid must say, and what of it may be changed by whom and when (SM-AID-09 #3 – #7)."""

from __future__ import annotations

import itertools

import lxml.html
import pytest

from app.models.aid import Aid
from app.models.aid_measure import AidMeasure
from tests.world import errors_of, words_of

API = "/api/v1/aid/"


@pytest.fixture
def archive(make_archive):
    return make_archive("dewai")


@pytest.fixture
def typed(archive):
    return {
        "id_card_no": archive.id_card_no,
        "aid_category": "own_serious_illness",
        "aid_date": "2026-03-02",
        "aid_form": "home_visit",
        "measures": [{"measure": "living", "amount": "300"}, {"measure": "medical", "amount": "200.50"}],
    }


@pytest.fixture
def aid(country, typed):
    return country.make(Aid, typed, "dewai")


@pytest.fixture
def summarise(country):
    """``summarise(aid)`` → its first measure stands in a summary table, as `insert_lines` has it."""
    lines = itertools.count(9001)

    def put(aid, fund="central", line=0):
        with country.acting() as session:
            found = session.get(AidMeasure, aid.measures[line].id)
            found.summarised_line_id, found.fund_category = next(lines), fund
            session.commit()
        return country.again(aid)

    return put


def kept(aid):
    """The measures as a program sends them back."""
    return [
        {"id": m.id, "measure": m.measure, "amount": str(m.amount), "fund_category": m.fund_category}
        for m in aid.measures
    ]


# --- what it must say -------------------------------------------------------------------------------------------


def test_the_amount_is_the_sum_of_the_measures(rest, aid):  # AID-R120
    assert str(aid.total_amount) == "500.50"
    answer = rest("dewai_clerk").put(f"{API}{aid.id}", json={"total_amount": "9", "measures": kept(aid)[:1]})
    assert answer.json["result"]["total_amount"] in ("300.00", 300)


def test_three_measures_and_each_but_once(rest, typed):  # AID-R121, REC-13 #2
    client = rest("dewai_clerk")
    codes = ("living", "medical", "goods", "other")
    four = {"measures": [{"measure": code, "amount": "1"} for code in codes]}
    answer = client.post(API, json=typed | four)
    assert answer.json["errors"]["measures"] == ["帮扶措施最多填写三项"]
    twice = {"measures": [{"measure": "living", "amount": "1"}] * 2}
    answer = client.post(API, json=typed | twice)
    assert answer.json["errors"]["measures.1.measure"] == ["同一项帮扶措施只填一次，请合并金额"]
    three = {"measures": four["measures"][:3]}
    assert client.post(API, json=typed | three).status_code == 201


def test_the_form_offers_three_rows_and_not_one_more(login, archive):  # AID-R121
    page = lxml.html.fromstring(login("dewai_clerk").get(f"/aid/add?archive_id={archive.id}").text)
    (table,) = page.xpath("//*[@data-child='measures']")
    assert table.get("data-most") == "3"
    assert page.xpath("//output[@id='f-total_amount']/@data-autofill") == ["sum:measures-amount"]


@pytest.mark.parametrize(
    ("more", "field", "words"),
    [
        ({"measures": []}, "measures", "至少填写一项帮扶措施"),
        ({"measures": [{"measure": "living"}]}, "measures.0.amount", "请填写"),
        ({"not_aided_reason": "材料不齐"}, "not_aided_reason", "不填未帮原因"),
        ({"is_aided": False, "measures": [], "aid_form": None}, "not_aided_reason", "请填写未帮原因"),
        ({"is_aided": False, "not_aided_reason": "材料不齐", "aid_form": None}, "measures", "不填帮扶措施"),
        ({"is_aided": False, "not_aided_reason": "材料不齐", "measures": []}, "aid_form", "不填帮扶形式"),
    ],
)
def test_who_was_aided_says_how_and_who_was_not_says_why(rest, typed, more, field, words):  # AID-R123
    answer = rest("dewai_clerk").post(API, json=typed | more)
    assert answer.status_code == 422
    assert words in answer.json["errors"][field][0]


def test_who_was_not_aided_is_kept_with_the_reason(rest, typed):  # AID-R123
    body = typed | {"is_aided": False, "measures": [], "aid_form": None, "not_aided_reason": "材料不齐"}
    answer = rest("dewai_clerk").post(API, json=body)
    assert answer.status_code == 201, answer.json
    assert answer.json["result"]["total_amount"] in ("0.00", 0)


OUT = {"is_out_of_hardship": True, "exit_method": "employed", "exit_date": "2026-05-04"}


@pytest.mark.parametrize(
    ("more", "field", "words"),
    [
        (OUT | {"exit_method": None}, "exit_method", "请填写脱困方式"),
        (OUT | {"exit_date": None}, "exit_date", "请填写脱困日期"),
        (OUT | {"is_out_of_hardship": False}, "exit_method", "不填脱困方式"),
        (OUT | {"is_out_of_hardship": False}, "exit_date", "不填脱困日期"),
        (OUT | {"exit_date": "2026-03-01"}, "exit_date", "不能早于帮扶日期"),
        (OUT | {"exit_date": "2999-01-01"}, "exit_date", "不能晚于今天"),
    ],
)
def test_out_of_hardship_says_how_and_when(rest, typed, more, field, words):  # AID-R124
    answer = rest("dewai_clerk").post(API, json=typed | more)
    assert answer.status_code == 422
    assert any(words in told for told in answer.json["errors"][field])


# --- whose, and until when --------------------------------------------------------------------------------------


def test_only_its_unit_deletes_it_and_only_unreported(login, rest, country, aid):  # AID-R126
    gone = country.bring(aid, at="xicheng")
    for who, words in (("dewai_clerk", "已上报的数据不能删除"), ("xicheng_clerk", "只有该单位可以")):
        answer = rest(who).delete(f"{API}{gone.id}")
        assert answer.status_code == 409
        assert words in answer.json["message"]
    clerk = login("dewai_clerk")
    clerk.post("/aid/delete", {"ids": gone.id})
    assert country.again(gone) is not None
    back = country.step(gone, "send_back", "xicheng_clerk")
    assert rest("dewai_clerk").delete(f"{API}{back.id}").status_code == 200
    assert not country.all(AidMeasure, AidMeasure.aid_id == back.id)


def test_summarised_money_keeps_its_aid(login, rest, country, aid, summarise):  # AID-R126, AID-R127
    aid, clerk = summarise(aid), login("dewai_clerk")
    words = "该帮扶资金已汇总到财政专项资金汇总表，不能删除"
    answer = rest("dewai_clerk").delete(f"{API}{aid.id}")
    assert (answer.status_code, words in answer.json["message"]) == (409, True)
    page = lxml.html.fromstring(clerk.get("/aid/list/").text)
    assert any(words in icon.get("title", "") for icon in page.xpath("//button[@data-refusal]"))
    for url in (f"/aid/delete/{aid.id}", "/aid/delete"):
        came = clerk.post(url, {"ids": aid.id, "next": "/aid/list/"})
        assert words in words_of(clerk.get(came.location).text)
    assert country.again(aid) is not None


def test_only_its_unit_edits_it_and_only_unreported(login, rest, country, aid):  # AID-R128
    change = {"measure_detail": "上门"}
    gone = country.bring(aid, at="xicheng")
    for who, words in (("dewai_clerk", "已上报，不能修改"), ("xicheng_clerk", "只有该单位可以")):
        answer = rest(who).put(f"{API}{gone.id}", json=change)
        assert answer.status_code == 409
        assert words in answer.json["message"]
        assert login(who).get(f"/aid/edit/{gone.id}").status_code == 409
    back = country.step(gone, "send_back", "xicheng_clerk")
    assert rest("dewai_clerk").put(f"{API}{back.id}", json=change).status_code == 200


@pytest.mark.parametrize("change", [{"amount": "301"}, {"measure": "goods"}, {"fund_category": "local"}])
def test_a_summarised_measure_stays_as_it_is(rest, country, aid, summarise, change):  # AID-R129
    aid = summarise(aid)
    lines = kept(aid)
    lines[0] |= change
    answer = rest("dewai_clerk").put(f"{API}{aid.id}", json={"measures": lines})
    assert answer.status_code == 422
    (field,) = change
    assert answer.json["errors"][f"measures.0.{field}"] == ["该帮扶措施已汇总，不能修改"]
    assert str(country.again(aid).measures[0].amount) == "300.00"


def test_a_summarised_measure_is_not_taken_away(rest, country, aid, summarise):  # AID-R129
    aid = summarise(aid)
    answer = rest("dewai_clerk").put(f"{API}{aid.id}", json={"measures": kept(aid)[1:]})
    assert answer.status_code == 422
    assert "「生活救助(中央财政)」已汇总" in answer.json["errors"]["measures"][0]
    answer = rest("dewai_clerk").put(f"{API}{aid.id}", json={"aid_date": "2025-12-31"})
    assert "不能改到其他年度" in answer.json["errors"]["aid_date"][0]
    assert len(country.again(aid).measures) == 2


def test_the_rest_of_it_is_open(login, country, aid, summarise):  # AID-R129, Q08
    aid, clerk = summarise(aid), login("dewai_clerk")
    page = clerk.get(f"/aid/edit/{aid.id}").text
    document = lxml.html.fromstring(page)
    (row,) = document.xpath("//*[@data-child='measures']//tbody//tr[.//*[contains(., '已汇总')]]")
    assert "生活救助" in row.text_content()
    assert not row.xpath(".//select | .//input[not(@type='hidden')] | .//*[@data-remove-row]")
    form = clerk.form(f"/aid/edit/{aid.id}").fill({"measure_detail": "上门送去", "aid_date": "2026-03-20"})
    form.values["measures-1-amount"] = "250"
    answer = clerk.submit(form)
    assert answer.status_code == 302, errors_of(answer.text)
    now = country.again(aid)
    assert [(str(m.amount), m.is_summarised) for m in now.measures] == [("300.00", True), ("250.00", False)]
    assert str(now.total_amount) == "550.00"
    assert now.measures[0].fund_category == "central"
    assert "已汇总" in words_of(clerk.get(f"/aid/show/{aid.id}").text)
    assert "生活救助(中央财政)已汇总 医疗救助" in words_of(clerk.get("/aid/list/").text)


def test_a_refused_form_shows_the_locked_measure_again(login, aid, summarise):  # AID-R129
    aid, clerk = summarise(aid), login("dewai_clerk")
    answer = clerk.submit(clerk.form(f"/aid/edit/{aid.id}").fill({"aid_category": ""}))
    assert answer.status_code == 422
    document = lxml.html.fromstring(answer.text)
    assert document.xpath("//output[@id='f-measures-0-amount']")[0].text_content().strip() == "300.00"


def test_a_freed_measure_is_open_again(rest, country, aid, summarise):  # SM-AID-09 #11
    aid = summarise(aid)
    with country.acting() as session:
        session.get(AidMeasure, aid.measures[0].id).summarised_line_id = None
        session.commit()
    assert rest("dewai_clerk").put(f"{API}{aid.id}", json={"measures": kept(aid)[1:]}).status_code == 200
    assert rest("dewai_clerk").delete(f"{API}{aid.id}").status_code == 200


def test_nobody_writes_the_lock_himself(rest, country, typed, aid):  # AID-R129
    lines = kept(aid)
    lines[0]["summarised_line_id"] = 7
    assert rest("dewai_clerk").put(f"{API}{aid.id}", json={"measures": lines}).status_code in {200, 422}
    assert not country.again(aid).measures[0].is_summarised


# --- 修改帮扶救助信息 ----------------------------------------------------------------------------------------------


def test_the_list_to_change_holds_ones_own_unreported_aids(
    login, country, typed, aid, make_archive
):  # AID-R131
    def another(owner="dewai", **how):
        made = country.make(Aid, typed | {"id_card_no": make_archive(owner).id_card_no}, owner)
        return country.bring(made, **how) if how else made

    shown = {aid, another(back_at="dewai")}
    another(at="xicheng")
    another("xinfeng", at="dewai")
    clerk = login("dewai_clerk")
    page = lxml.html.fromstring(clerk.get("/aid/list/?shelf=change").text)
    rows = {int(one) for one in page.xpath("//tbody//input[@name='ids']/@value")}
    assert rows == {one.id for one in shown}
    assert "增加新的帮扶救助信息" not in page.text_content()
    assert page.xpath("//tbody//a[@title='编辑']")
    assert "删除选中的帮扶救助信息" in page.text_content()
    names = {
        one.get("name")
        for one in page.xpath("//form[@id='kit-query']//input | //form[@id='kit-query']//select")
    }
    assert {"full_name", "id_card_no", "aid_category", "aid_form"} <= names
