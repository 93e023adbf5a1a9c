"""帮扶情况填报 and 帮扶情况查询: what they show, by what they find, and what they give out (3.11)."""

from __future__ import annotations

import io

import lxml.html
import openpyxl
import pytest

from app.models.aid import Aid
from app.models.aid_measure import AidMeasure
from tests.world import words_of

FORMS = {
    "small": {"measures": [{"measure": "goods", "amount": "100"}]},
    "middle": {
        "measures": [{"measure": "living", "amount": "500"}, {"measure": "other", "amount": "1000.01"}],
        "aid_form": "walk_in",
        "aid_category": "disability",
    },
    "big": {"measures": [{"measure": "medical", "amount": "2000"}], "aid_date": "2026-06-01"},
    "none": {"is_aided": False, "measures": [], "not_aided_reason": "材料不齐"},
    "out": {
        "measures": [{"measure": "living", "amount": "1"}],
        "is_out_of_hardship": True,
        "exit_method": "recovered",
        "exit_date": "2026-07-01",
    },
}


@pytest.fixture
def aids(country, make_archive):
    """The five of FORMS by name, of dewai."""
    made = {}
    for name, typed in FORMS.items():
        person = {"id_card_no": make_archive("dewai").id_card_no, "aid_category": "own_serious_illness"}
        made[name] = country.make(Aid, person | {"aid_date": "2026-03-02"} | typed, "dewai")
    return made


def listed(clerk, aids, question):
    """The names of the aids that a query finds."""
    page = lxml.html.fromstring(clerk.get(f"/aid/list/?{question}").text)
    ids = {int(one) for one in page.xpath("//tbody//input[@name='ids']/@value")}
    return {name for name, aid in aids.items() if aid.id in ids}


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("total_amount_from=100&total_amount_to=1500.01", {"small", "middle"}),
        ("total_amount_from=100.01", {"middle", "big"}),
        ("total_amount_to=1", {"none", "out"}),
        ("total_amount_from=2000&total_amount_to=2000", {"big"}),
    ],
)
def test_the_amount_is_asked_for_from_and_to_both_included(login, aids, question, names):  # AID-R134
    assert listed(login("dewai_clerk"), aids, question) == names


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("is_aided=0", {"none"}),
        ("is_out_of_hardship=1", {"out"}),
        ("exit_method=recovered", {"out"}),
        ("exit_date_from=2026-07-01&exit_date_to=2026-07-01", {"out"}),
        ("aid_date_from=2026-06-01", {"big"}),
        ("aid_form=walk_in", {"middle"}),
        ("aid_category=disability", {"middle"}),
        ("measures.measure=living", {"middle", "out"}),
        ("is_aided=1&measures.measure=medical&total_amount_from=1", {"big"}),
    ],
)
def test_every_condition_of_the_manual_finds(login, aids, question, names):  # 3.11
    assert listed(login("dewai_clerk"), aids, question) == names


def test_by_name_and_number_and_the_menu_line_opens_every_condition(login, aids):  # 3.11
    clerk, big = login("dewai_clerk"), aids["big"]
    assert listed(clerk, aids, f"full_name={big.full_name}") >= {"big"}
    assert listed(clerk, aids, f"id_card_no={big.id_card_no}") == {"big"}
    words = words_of(clerk.get("/aid/list/?panel=all").text)
    for label in ("职工姓名", "身份证号", "是否帮扶", "帮扶类别", "帮扶形式", "帮扶措施", "帮扶金额", "帮扶日期",
                  "是否脱困", "脱困方式", "脱困日期", "填报单位", "包含下级数据"):  # fmt: skip
        assert label in words, label


def test_the_menu_is_the_manuals(login):  # part 6
    words = words_of(login("dewai_clerk").get("/aid/list/").text)
    lines = ["帮扶情况填报", "填写脱困信息", "修改帮扶救助信息", "帮扶情况查询", "帮扶情况统计"]
    places = [words.index(line) for line in lines]
    assert places == sorted(places)


def test_the_columns_and_what_stands_in_them(login, country, aids):  # 3.11, §3.2.1.3
    with country.acting() as session:
        session.get(AidMeasure, aids["middle"].measures[0].id).fund_category = "central"
        session.commit()
    clerk = login("dewai_clerk")
    page = lxml.html.fromstring(clerk.get("/aid/list/?aid_form=walk_in").text)
    heads = [one.text_content().strip() for one in page.xpath("//thead//th")]
    wanted = ["职工编号", "职工姓名", "帮扶单位", "帮扶类别", "帮扶日期", "帮扶措施", "帮扶金额", "状态"]
    assert [head for head in heads if head in wanted] == wanted
    cells = " ".join(page.xpath("//tbody")[0].text_content().split())
    assert "生活救助(中央财政) 其他" in cells
    assert "1500.01" in cells.replace(",", "")
    assert "是否脱困" in words_of(clerk.get("/list_preference/options?list=aid").text)


def test_one_record_on_paper_in_word_and_in_excel(login, aids):  # AID-R235
    clerk, aid = login("dewai_clerk"), aids["middle"]
    paper = words_of(clerk.get(f"/aid/print/{aid.id}").text)
    for fact in (aid.full_name, "残疾", "来访救助", "生活救助", "1000.01", "1500.01", "未脱困"):
        assert fact in paper.replace(",", ""), fact
    assert clerk.get(f"/aid/word/{aid.id}").data[:2] == b"PK"
    book = openpyxl.load_workbook(io.BytesIO(clerk.get(f"/aid/excel/{aid.id}").data))
    told = {str(cell.value) for row in book.active.iter_rows() for cell in row if cell.value is not None}
    assert {aid.full_name, "生活救助"} <= told


def test_the_list_is_given_out_as_it_is_shown(login, aids):  # 3.11
    clerk = login("dewai_clerk")
    book = openpyxl.load_workbook(io.BytesIO(clerk.get("/aid/export?format=xlsx&aid_form=walk_in").data))
    rows = [[cell.value for cell in row] for row in book.active.iter_rows()]
    assert any("生活救助 其他" in row for row in rows)
    for rows_, fields in (("page", "shown"), ("page", "all"), ("result", "shown"), ("result", "all")):
        answer = clerk.get(f"/aid/print?rows={rows_}&fields={fields}&aid_form=walk_in")
        assert aids["middle"].full_name in words_of(answer.text)
