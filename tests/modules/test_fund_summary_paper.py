"""The sheet that the workers sign, and the page on which the money is told three times."""

from __future__ import annotations

import io
from decimal import Decimal

import docx
import lxml.html
import openpyxl
import pytest

from app.kit.capitals import capitals
from app.kit.workflow import StepLog
from app.models.fund_entry import FundEntry
from tests.summaries import Money
from tests.world import words_of


@pytest.fixture
def money(country, people):
    return Money(country, people)


@pytest.fixture
def signed(money):
    """A table of two workers."""
    worker = money.worker(full_name="欧阳修竹", employer_name="=1+1厂", phone="13800138000")
    return money.table("dewai", money.amount(worker=worker, living="1234.50"), money.amount(living="5"))


HEADS = ["姓名", "性别", "年龄", "身份证号", "工作单位或家庭地址", "帮扶金额", "联系电话", "签字"]


def test_the_paper_has_the_columns_of_the_form_and_room_to_sign(login, country, money, signed):  # AID-R192
    answer = login("dewai_clerk").get(f"/fund_summary/print/{signed.id}")
    page = lxml.html.fromstring(answer.text)
    words = words_of(answer.text)
    assert page.xpath("//h1")[0].text_content() == "2026年中央财政资金生活救助类帮扶情况实名制汇总表"
    for one in (
        "填报单位：德外街道总工会",
        "填报人：李会计",
        "联系电话：010-66001234",
        "填报日期：2026-06-30",
    ):
        assert one in words
    assert [head.text_content() for head in page.xpath("//thead//th")] == HEADS
    rows = [[cell.text_content() for cell in row.xpath("td")] for row in page.xpath("//tbody/tr")]
    assert [row[-1] for row in rows] == ["", ""]
    first, second = money.lines(signed)
    assert rows[0][0] == "欧阳修竹"
    assert [row[3] for row in rows] == [first.id_card_no, second.id_card_no]  # in full: it is signed
    assert (rows[0][5], rows[0][6]) == ("1,234.50", "13800138000")
    for one in ("职工数：2人", "帮扶资金总额：1,239.50元", "壹仟贰佰叁拾玖元伍角整"):
        assert one in words
    assert "kit-landscape" in answer.text
    assert "kit-numbered" in answer.text
    logs = country.all(StepLog, StepLog.record_type == "fund_summary", StepLog.record_id == signed.id)
    assert [log.step for log in logs] == ["insert_lines", "print"]  # who printed the numbers is noted


def test_excel_and_word_are_the_same_sheet(login, country, money, signed):  # AID-R192, L14
    clerk, lines = login("dewai_clerk"), money.lines(signed)
    sheet = openpyxl.load_workbook(io.BytesIO(clerk.get(f"/fund_summary/excel/{signed.id}").data)).active
    rows = list(sheet.iter_rows(values_only=True))
    assert rows[0][0] == "2026年中央财政资金生活救助类帮扶情况实名制汇总表"
    assert list(rows[2]) == HEADS
    assert rows[3][3] == lines[0].id_card_no
    assert rows[3][4] == "=1+1厂"
    assert sheet["E4"].data_type == "s"  # never a formula
    assert [float(row[5]) for row in rows[3:5]] == [1234.5, 5]
    assert [row[7] for row in rows[3:5]] == [None, None]
    assert sheet["H4"].border.left.style == "thin"
    assert "壹仟贰佰叁拾玖元伍角整" in rows[5][0]
    assert (sheet.page_setup.orientation, sheet.print_title_rows) == ("landscape", "$3:$3")
    paper = docx.Document(io.BytesIO(clerk.get(f"/fund_summary/word/{signed.id}").data))
    table = paper.tables[0]
    assert [cell.text for cell in table.rows[0].cells] == HEADS
    assert table.rows[1].cells[3].text == lines[0].id_card_no
    assert table.rows[1].cells[7].text == ""
    assert "壹仟贰佰叁拾玖元伍角整" in paper.paragraphs[-1].text
    logs = country.all(StepLog, StepLog.record_type == "fund_summary", StepLog.record_id == signed.id)
    assert [log.step for log in logs] == ["insert_lines", "export", "export"]


def test_an_empty_table_prints_too(login, money):
    answer = login("dewai_clerk").get(f"/fund_summary/print/{money.table().id}")
    assert "零元整" in answer.text
    assert login("dewai_clerk").get(f"/fund_summary/excel/{money.table().id}").data[:2] == b"PK"


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        ("0", "零元整"),
        ("0.05", "伍分"),
        ("0.50", "伍角整"),
        ("0.55", "伍角伍分"),
        ("1", "壹元整"),
        ("10", "壹拾元整"),
        ("100.01", "壹佰元零壹分"),
        ("101.10", "壹佰零壹元壹角整"),
        ("1006.05", "壹仟零陆元零伍分"),
        ("1409.50", "壹仟肆佰零玖元伍角整"),
        ("6007.14", "陆仟零柒元壹角肆分"),
        ("16409.02", "壹万陆仟肆佰零玖元零贰分"),
        ("107000.53", "壹拾万柒仟元伍角叁分"),
        ("100000000", "壹亿元整"),
        ("100010000.10", "壹亿零壹万元壹角整"),
        ("1000000000001", "壹万亿零壹元整"),
        ("999999999999.99", "玖仟玖佰玖拾玖亿玖仟玖佰玖拾玖万玖仟玖佰玖拾玖元玖角玖分"),
        ("-32.10", "负叁拾贰元壹角整"),
    ],
)
def test_amounts_in_capitals(amount, words):
    assert capitals(Decimal(amount)) == words


@pytest.mark.parametrize("amount", ["0.001", "1e20"])
def test_what_no_voucher_holds_has_no_capitals(amount):
    with pytest.raises(ValueError, match=r"^(0\.001|1E\+20)$"):
        capitals(Decimal(amount))


# --- 资金对账 -----------------------------------------------------------------------------------------------------


def figures(answer):
    """Unit → its figures as shown, and where they lead."""
    page = lxml.html.fromstring(answer.text)
    found = {}
    for row in page.xpath("//tr[th[contains(@class, 'kit-first')]][td]"):
        head = row.xpath("th")[0].text_content().strip()
        found[head] = [(c.text_content().strip(), (c.xpath("a/@href") or [""])[0]) for c in row.xpath("td")]
    return found


def spend(country, owner, fund, amount, day="2026-05-04"):
    """An entry of the ledger, with the income that it is paid from."""
    both = {"entry_date": day, "income_type": fund, "is_fiscal_budget": "1"}
    country.make(FundEntry, both | {"direction": "income", "income_amount": amount}, owner)
    paid = {"direction": "expense", "expense_amount": amount, "expense_type": "warmth_campaign"}
    country.make(FundEntry, both | paid, owner)


def test_the_same_money_is_told_three_times_and_each_figure_leads_to_its_records(login, country, money):
    central, free, local = money.amount(living="300"), money.aid(living="40"), money.amount(living="70")
    typed = [{"id": free.measures[0].id, "measure": "living", "amount": "40", "fund_category": "central"}]
    with country.acting("dewai_clerk") as session:
        from app.kit import saving
        from app.models.aid import Aid

        saving.save(session, session.get(Aid, free.id), {"measures": typed}, country.actor("dewai_clerk"))
        session.commit()
    money.table("dewai", central)
    money.table("dewai", local, source="local")
    money.insert(money.table("dewai", year="2025"), money.amount(day="2025-05-04"))
    spend(country, "dewai", "central_finance", "250")
    spend(country, "dewai", "union_funds", "60")
    spend(country, "dewai", "donation", "7")
    spend(country, "dewai", "central_finance", "999", day="2025-05-04")
    clerk = login("dewai_clerk")
    shown = figures(clerk.get("/fund_summary/reconcile?year=2026&source=central"))
    assert [text for text, _url in shown["德外街道总工会"]] == [
        "340.00",
        "300.00",
        "40.00",
        "250.00",
        "50.00",
    ]
    local_ = figures(clerk.get("/fund_summary/reconcile?year=2026&source=local"))
    assert [text for text, _url in local_["合计"]] == ["70.00", "70.00", "0", "67.00", "3.00"]
    aids, tables, _gap, ledger, _gap = [url for _text, url in shown["德外街道总工会"]]
    page = words_of(clerk.get(aids).text)
    assert "共2条" in page
    assert "共1条" in words_of(clerk.get(tables).text)
    page = words_of(clerk.get(ledger).text)
    assert "共1条" in page
    assert "250.00" in page
    assert "共2条" in words_of(clerk.get(local_["德外街道总工会"][3][1]).text)


def test_a_superior_reconciles_what_has_come_to_him(login, country, money):  # AID-R014, R174
    aid = money.aid(living="300")
    table = money.table("dewai", aid.measures[0].id)
    spend(country, "dewai", "central_finance", "250")
    clerk, url = login("xicheng_clerk"), "/fund_summary/reconcile?year=2026&source=central"
    assert [text for text, _url in figures(clerk.get(url))["德外街道总工会"]] == [
        "0",
        "0",
        "0",
        "250.00",
        "-250.00",
    ]
    country.bring(aid, at="xicheng")
    country.bring(table, at="xicheng")
    shown = figures(clerk.get(url))
    assert [text for text, _url in shown["德外街道总工会"]] == ["300.00", "300.00", "0", "250.00", "50.00"]
    assert [text for text, _url in shown["新街口街道总工会"]] == ["0"] * 5
    assert "共1条" in words_of(clerk.get(shown["德外街道总工会"][1][1]).text)
    stranger = figures(login("caohejing_clerk").get(f"{url}&unit={country.unit('dewai').id}"))
    assert "德外街道总工会" not in stranger
    ledger = login("caohejing_clerk").get(
        f"/fund_entry/list/?shelf=figures&source=central&unit={country.unit('dewai').id}"
    )
    assert "250.00" not in ledger.text


@pytest.mark.parametrize("asked", ["year=x", "year=1999", "year=99999", "source=moon&year=2026", "unit=abc"])
def test_what_cannot_be_reconciled_is_told(login, asked):
    answer = login("dewai_clerk").get(f"/fund_summary/reconcile?{asked}")
    assert answer.status_code == 200
    assert ("kit-alert-red" in answer.text) is asked.startswith("year")
