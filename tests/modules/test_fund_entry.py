"""收支明细信息: the ledger of a unit's aid funds (REC-27, SM-AID-14, AID-R173 – R183)."""

from __future__ import annotations

import io
import json
import random
from datetime import date, timedelta
from decimal import Decimal

import lxml.html
import openpyxl
import prison
import pytest

from app.kit.clock import today
from app.kit.errors import Invalid, Refused
from app.models.fund_entry import FundEntry
from app.views.fund_entry import FundEntryView
from tests.cases.records import RecordViewCases
from tests.world import errors_of, words_of

FUND, OTHER_FUND = "union_funds", "central_finance"
BOOK = f"/fund_entry/list/?income_type={FUND}"
API = "/api/v1/fund_entry/"


def income(amount, day="2026-03-02", **more):
    """An income as typed."""
    amounts = {"entry_date": day, "income_type": FUND, "income_amount": str(amount), "is_fiscal_budget": "0"}
    return amounts | more


def expense(amount, day="2026-03-02", **more):
    """An expense as typed."""
    typed = {"entry_date": day, "income_type": FUND, "expense_type": "warmth_campaign"}
    return typed | {"expense_amount": str(amount), "is_fiscal_budget": "0"} | more


def book(page):
    """The rows of a page or print: lists of words, sums last."""
    rows = lxml.html.fromstring(page).xpath("//table//tr[td]")
    return [[cell.text_content().strip() for cell in row.xpath("./td")][:8] for row in rows]


@pytest.fixture
def enter(country):
    """``enter(income(100), expense(50))`` → stored entries of a unit, in this order."""

    def keep(*typed, unit="dewai"):
        return [country.make(FundEntry, one, unit) for one in typed]

    return keep


def refused(country, typed, unit="dewai"):
    """Field → words of an entry that is not accepted."""
    with pytest.raises(Invalid) as wrong:
        country.make(FundEntry, typed, unit)
    told = {}
    for problem in wrong.value.problems:
        told[problem.field] = f"{told.get(problem.field, '')}{problem.words}"
    return told


class TestFundEntry(RecordViewCases):
    view = FundEntryView
    list_args = f"?income_type={FUND}"
    wrong = [
        ("entry_date", "2999-01-01", "不能晚于今天"),
        ("income_amount", "0", "不能为0"),  # AID-R177
        ("income_amount", "1.005", "最多2位小数"),
        ("income_type", "", "请选择收入类型"),
        ("is_fiscal_budget", "", "请选择是否财政预算"),
    ]

    def form(self, people):
        return income(100, remarks="年初拨款")


# --- the manual's own example ---------------------------------------------------------------------------------

#: §14.1.1, spec/aid.md REC-27
EXAMPLE = (
    income(100, "2008-02-21"),
    income(200, "2008-02-21"),
    expense(50, "2008-02-21"),
    income(-100, "2008-03-06", is_fiscal_budget="1", remarks="冲销第1号"),
)
PRINTED = [
    ["2008-02-21", "收入", "工会经费拨款", "100.00", "0.00", "100.00", "否", ""],
    ["2008-02-21", "收入", "工会经费拨款", "200.00", "0.00", "300.00", "否", ""],
    ["2008-02-21", "支出", "送温暖活动支出", "0.00", "50.00", "250.00", "否", ""],
    ["2008-03-06", "收入", "工会经费拨款", "-100.00", "0.00", "150.00", "是", "冲销第1号"],
    ["本月合计", "", "", "0.00", "0.00", "0.00", "", ""],
    ["累计", "", "", "200.00", "50.00", "150.00", "", ""],
]


def test_the_manuals_own_example(login, enter):  # REC-27 test vector; AID-R179 – R181
    enter(*EXAMPLE)
    clerk = login("dewai_clerk")
    assert book(clerk.get(BOOK).text) == PRINTED
    assert book(clerk.get(f"/fund_entry/print?income_type={FUND}").text) == PRINTED
    assert book(clerk.get(f"/fund_entry/print?rows=result&income_type={FUND}").text) == PRINTED


def test_excel_has_the_order_the_balances_and_the_sums(login, enter):  # AID-R180, R181; L14
    enter(*EXAMPLE, expense(10, "2008-02-20", remarks="补记") | {"expense_amount": "-10"})
    file = login("dewai_clerk").get(f"/fund_entry/export?format=xlsx&fields=shown&income_type={FUND}").data
    head, *rows = openpyxl.load_workbook(io.BytesIO(file)).active.iter_rows(values_only=True)
    at = {label: head.index(label) for label in ("日期", "收入", "支出", "余额")}
    told = [tuple(row[at[label]] for label in ("收入", "支出", "余额")) for row in rows]
    assert told == [
        (0, -10, 10),
        (100, 0, 110),
        (200, 0, 310),
        (0, 50, 260),
        (-100, 0, 160),
        (0, 0, 0),
        (200, 40, 160),
    ]
    assert [row[0] for row in rows[-2:]] == ["本月合计", "累计"]


def test_a_month_shows_its_own_entries_and_sums_them(login, enter):  # AID-R179, R181
    this_month = today().replace(day=1).isoformat()
    enter(*EXAMPLE, income(7, this_month))
    clerk = login("dewai_clerk")
    assert book(clerk.get(f"{BOOK}&month=2008-03").text) == [
        PRINTED[3],
        ["本月合计", "", "", "-100.00", "0.00", "-100.00", "", ""],
        ["累计", "", "", "207.00", "50.00", "157.00", "", ""],
    ]
    whole = book(clerk.get(BOOK).text)  # the current month, when none is chosen
    assert whole[-2] == ["本月合计", "", "", "7.00", "0.00", "7.00", "", ""]
    empty = book(clerk.get(f"{BOOK}&month=2007-01").text)
    assert [row[0] for row in empty] == ["本月合计", "累计"]
    assert "月份应写作" in clerk.get(f"{BOOK}&month=昨天").text


# --- nothing before 查看, nothing but for one's own unit --------------------------------------------------------


def buttons(page):
    """Words of a button → the reason why it is greyed, or None."""
    found = lxml.html.fromstring(page).xpath(
        "//*[contains(@class, 'kit-toolbar')]//*[contains(., '增加新的')]"
    )
    told = [
        one for one in found if one.tag in {"a", "button", "span"} and one.get("class", "").find("btn") >= 0
    ]
    return {one.text_content().strip(): one.get("title") or one.get("data-refusal") for one in told}


def test_nothing_is_listed_or_added_before_a_fund_is_looked_at(login, enter, country):  # AID-R178
    enter(income(100))
    clerk = login("dewai_clerk")
    before = clerk.get("/fund_entry/list/")
    assert book(before.text) == []
    assert "请先选择收入类型，再点击「查看」" in words_of(before.text)
    assert 'href="/fund_entry/add' not in before.text
    after = clerk.get(BOOK).text
    assert f"/fund_entry/add?shelf=income&amp;income_type={FUND}" in after
    assert f"/fund_entry/add?shelf=expense&amp;income_type={FUND}" in after
    assert "查看" in words_of(after)


def test_a_superior_sees_at_once_and_adds_nothing(login, rest, enter, country):  # AID-R174, R183
    (entry,) = enter(income(100))
    for above in ("xicheng", "bj", "root"):
        clerk, unit = login(f"{above}_clerk"), country.unit("dewai").id
        page = clerk.get(f"{BOOK}&unit={unit}").text
        assert book(page)[0][5] == "100.00"
        assert 'href="/fund_entry/add' not in page
        assert "只能在本单位的账上增加" in page
        assert "冲账" not in page
        assert book(clerk.get(BOOK).text)[-1][3] == "0.00"  # his own book is another one
    assert rest("xinjiekou_clerk").get(f"{API}{entry.id}").status_code == 404
    body = income(100) | {"owner_unit_id": country.unit("dewai").id}
    made = rest("xicheng_clerk").post(API, json=body)
    assert made.status_code != 201 or made.json["result"]["owner_unit_id"] == country.unit("xicheng").id


def test_an_entry_is_final(login, rest, enter, country):  # AID-R173; SM-AID-14
    (entry,) = enter(income(100))
    clerk, client = login("dewai_clerk"), rest("dewai_clerk")
    page = clerk.get(BOOK).text + clerk.get(f"/fund_entry/show/{entry.id}").text
    assert "/fund_entry/edit/" not in page
    assert "/fund_entry/delete" not in page
    assert clerk.get(f"/fund_entry/edit/{entry.id}").status_code == 404
    for answer in (client.put(f"{API}{entry.id}", json={"remarks": "改"}), client.delete(f"{API}{entry.id}")):
        assert answer.status_code in {403, 405, 409}
        assert answer.json["message"]
    clerk.post(f"/fund_entry/delete/{entry.id}")
    for step in ("report", "send_back"):
        assert client.post(f"{API}{entry.id}/steps/{step}", json={"message": "x"}).status_code == 400
    with country.acting("dewai_clerk") as session:
        from app.kit import saving

        mine = session.get(FundEntry, entry.id)
        with pytest.raises(Refused, match="已登记入账，不能修改"):
            saving.save(session, mine, {"remarks": "改"}, country.actor("dewai_clerk"))
        with pytest.raises(Refused, match="已登记入账，不能修改或删除"):
            saving.delete(session, mine, country.actor("dewai_clerk"))
        session.rollback()
    assert country.again(entry).remarks is None


# --- what an entry says ---------------------------------------------------------------------------------------


def test_the_form_of_a_button_asks_what_belongs_to_it(login, country):  # §14.1.1
    clerk = login("dewai_clerk")
    form = clerk.form(f"/fund_entry/add?shelf=income&income_type={FUND}")
    assert {"expense_type", "expense_amount"}.isdisjoint(form.values)
    assert form.values["income_type"] == FUND
    answer = clerk.submit(form.fill(income("")))
    assert errors_of(answer.text)["income_amount"] == "请填写收入金额"
    answer = clerk.submit(form.fill(income(300)))
    assert answer.location == f"/fund_entry/list/?income_type={FUND}&key=last"
    form = clerk.form(f"/fund_entry/add?shelf=expense&income_type={FUND}")
    assert "income_amount" not in form.values
    answer = clerk.submit(form.fill(expense("") | {"expense_type": ""}))
    assert set(errors_of(answer.text)) >= {"expense_amount", "expense_type"}
    assert clerk.submit(form.fill(expense(20))).status_code == 302
    assert [entry.direction for entry in country.all(FundEntry)] == ["income", "expense"]


def test_rest_derives_the_direction_and_shows_the_balance(rest):
    client = rest("dewai_clerk")
    made = client.post(API, json=income("0.1")).json["result"]
    assert made["direction"] == {"code": "income", "label": "收入"}
    assert (made["seq"], made["type_label"], made["expense_amount"]) == (1, "工会经费拨款", 0)
    spent = client.post(API, json=expense("0.05") | {"direction": "支出"}).json["result"]
    assert (spent["seq"], spent["type_label"]) == (2, "送温暖活动支出")
    told = client.post(API, json=income("0.2") | {"balance": 10**6}).json["result"]
    assert told["balance"] == 0.25
    q = prison.dumps({"filters": [{"col": "income_type", "opr": "eq", "value": FUND}]})
    answer = client.get(f"{API}?q={q}")
    assert [one["balance"] for one in answer.json["result"]] == [0.1, 0.05, 0.25]


def test_no_sum_is_ever_a_float(rest):
    """0.1 + 0.2 is 0.30 to the last digit: the numbers of the JSON text are those of Decimal."""
    client = rest("dewai_clerk")
    for amount in ("0.1", "0.2", "999999999999.99", "0.01"):
        answer = client.post(API, json=income(amount))
        assert answer.status_code == 201, answer.json
    q = prison.dumps({"order_column": "id", "order_direction": "asc"})
    told = json.loads(client.get(f"{API}?q={q}").text, parse_float=Decimal)["result"]
    assert [one["balance"] for one in told] == [
        Decimal("0.1"),
        Decimal("0.3"),
        Decimal("1000000000000.29"),
        Decimal("1000000000000.3"),
    ]


def test_income_and_expense_are_kept_apart(country):  # REC-27 #3, #6 – #8; AID-R177
    assert (
        "一笔只填一个金额"
        in refused(country, income(5) | {"expense_amount": "3", "direction": "income"})["expense_amount"]
    )
    assert "expense_type" in refused(country, income(5) | {"expense_type": "warmth_campaign"})
    assert refused(country, expense(0))["expense_amount"] == "金额不能为0"
    assert "expense_type" in refused(country, expense(5) | {"expense_type": ""})
    assert "income_amount" in refused(country, income(""))
    assert "应为收入、支出之一" in refused(country, income(5) | {"direction": "借"})["direction"]


# --- corrections ----------------------------------------------------------------------------------------------


def test_a_negative_amount_says_what_it_corrects(country, enter):  # AID-R175, R176
    enter(income(500000))
    assert "请在备注中注明冲的是哪一笔" in refused(country, income(-500000))["remarks"]
    enter(income(-500000, remarks="冲销3月2日误录的50万元"), income(50000))
    assert book_of(country) == [Decimal(500000), Decimal(0), Decimal(50000)]


def book_of(country, unit="dewai", fund=FUND):
    """The balances of a chain in the order of its days and numbers."""
    with country.acting() as session:
        mine = (FundEntry.owner_unit_id == country.unit(unit).id) & (FundEntry.income_type == fund)
        found = session.query(FundEntry).filter(mine).order_by(FundEntry.entry_date, FundEntry.seq).all()
        FundEntry.complete(session, found)
        return [entry.balance for entry in found]


def test_the_button_of_a_row_begins_the_correction(login, country, enter):  # AID-R175
    enter(income(100))
    (wrong,) = enter(expense(30))
    clerk = login("dewai_clerk")
    links = lxml.html.fromstring(clerk.get(BOOK).text).xpath("//a[contains(@href, 'offsets_entry_id')]/@href")
    form = clerk.form(next(link for link in links if f"offsets_entry_id={wrong.id}" in link))
    assert form.values["expense_amount"] == "-30.00"
    assert form.values["expense_type"] == "warmth_campaign"
    assert form.values["remarks"] == "冲销第2号 2026-03-02 支出30.00元："
    assert form.values["offsets_entry_id"] == str(wrong.id)
    assert clerk.submit(form.fill({"entry_date": "2026-03-05"})).status_code == 302
    assert book_of(country)[-1] == 100
    assert country.all(FundEntry)[-1].offsets_entry_id == wrong.id


def test_an_entry_is_taken_back_once_and_only_by_its_like(country, enter):  # REC-27 #12; decision 0035
    (wrong,) = enter(income(100))
    (spent,) = enter(expense(10))
    (elsewhere,) = enter(income(100), unit="xinjiekou")

    def offset(amount, of, **more):
        return income(amount, remarks="冲账", offsets_entry_id=of.id, **more)

    assert "只能冲本单位" in refused(country, offset(-1, elsewhere))["offsets_entry_id"]
    assert "收支方向相同" in refused(country, offset(-1, spent))["offsets_entry_id"]
    assert "收入类型" in refused(country, offset(-1, wrong, income_type=OTHER_FUND))["offsets_entry_id"]
    assert "尚可冲账100.00元" in refused(country, offset(1, wrong))["income_amount"]
    enter(offset(-60, wrong))
    assert "尚可冲账40.00元" in refused(country, offset(-41, wrong))["income_amount"]
    enter(income(5), offset(-30, wrong))
    (again,) = country.all(FundEntry, FundEntry.income_amount == Decimal(-30))
    enter(offset(30, again))  # a correction that was wrong itself
    assert book_of(country)[-1] == 35


# --- nothing is spent that is not there -----------------------------------------------------------------------


def test_a_fund_is_not_overdrawn(country, enter, monkeypatch):  # AID-R182
    enter(income(100, "2026-03-01"), income(1000, income_type=OTHER_FUND), expense(80, "2026-05-06"))
    words = refused(country, expense(30, "2026-06-01"))["expense_amount"]
    assert words == "「工会经费拨款」在2026-06-01的余额为20.00元，不够这笔30.00元；请核对金额，或先登记收入"
    words = refused(country, expense(30, "2026-04-01"))["expense_amount"]  # back-dated
    assert "在2026-05-06的余额会变为-10.00元" in words
    assert "余额为0.00元" in refused(country, expense(1, "2026-02-01"))["expense_amount"]
    assert "income_amount" in refused(country, income(-30, "2026-06-01", remarks="冲销"))
    enter(expense(20, "2026-03-01"))
    assert book_of(country) == [100, 80, 0]
    enter(expense(-20, "2026-05-07", remarks="冲销"))  # giving back is always possible
    monkeypatch.setitem(country.app.config, "FUND_OVERDRAFT", True)
    enter(expense(30, "2026-06-01"))
    assert book_of(country)[-1] == -10


def test_an_earlier_date_moves_the_later_balances(enter, login):  # AID-R180
    enter(income(100, "2026-03-01"), expense(40, "2026-03-03"), income(5, "2026-03-02"))
    shown = [(row[0], row[5]) for row in book(login("dewai_clerk").get(BOOK).text)[:3]]
    assert shown == [("2026-03-01", "100.00"), ("2026-03-02", "105.00"), ("2026-03-03", "65.00")]


def test_pages_follow_each_other_by_day_and_number(enter, login):  # AID-R180
    days = [f"2026-03-0{n % 3 + 1}" for n in range(9)]
    enter(*(income(n + 1, day) for n, day in enumerate(days)))
    clerk, url, shown = login("dewai_clerk"), f"{BOOK}&size=2", []
    while url:
        page = clerk.get(url).text
        shown += [(row[0], row[3], row[5]) for row in book(page)[:-2]]
        links = lxml.html.fromstring(page).xpath(
            "//*[contains(@class, 'kit-pager')]//a[contains(., '下一页')]/@href"
        )
        links += lxml.html.fromstring(page).xpath("//a[@aria-label='下一页']/@href")
        url = links[0] if links else ""
    expected, balance = [], 0
    for day, number in sorted((day, n + 1) for n, day in enumerate(days)):
        balance += number
        expected.append((day, f"{number}.00", f"{balance}.00"))
    assert shown == expected


# --- random histories against a model -------------------------------------------------------------------------


class Model:
    """The ledger as an accountant thinks of it: a list, and sums over it."""

    def __init__(self):
        self.entries = {}

    def balances(self, chain, more=()):
        """Day, number, balance in the order of the book."""
        running, found = Decimal(0), []
        for day, seq, change in sorted([*self.entries.get(chain, []), *more]):
            running += change
            found.append((day, seq, running))
        return found

    def add(self, chain, day, change):
        """Take an entry, or refuse it: False."""
        seq = len(self.entries.setdefault(chain, [])) + 1
        after = [b for d, s, b in self.balances(chain, [(day, seq, change)]) if (d, s) >= (day, seq)]
        if change == 0 or (change < 0 and min(after) < 0):
            return False
        self.entries[chain].append((day, seq, change))
        return True


@pytest.mark.parametrize("seed", range(3))
def test_random_histories_are_what_an_accountant_would_write(country, seed):  # AID-R177, R180, R182
    chance, model = random.Random(seed), Model()
    for _number in range(60):
        unit, fund = chance.choice(["dewai", "xinjiekou"]), chance.choice([FUND, OTHER_FUND])
        day = date(2026, 3, 1) + timedelta(days=chance.randrange(20))
        amount = Decimal(chance.choice([chance.randrange(-9999, 20000), 0])) / 100
        is_income = chance.random() < 0.5
        typed = (income if is_income else expense)(amount, day.isoformat(), income_type=fund, remarks="随机")
        if model.add((unit, fund), day, amount if is_income else -amount):
            country.make(FundEntry, typed, unit)
        else:
            assert set(refused(country, typed, unit)) == {"income_amount" if is_income else "expense_amount"}
    for unit, fund in model.entries:
        expected = [balance for _day, _seq, balance in model.balances((unit, fund))]
        assert book_of(country, unit, fund) == expected
