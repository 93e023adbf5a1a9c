"""资金情况统计 and 实名制汇总表: negative amounts, balances, expenses by what they were for, years (3.14)."""

from __future__ import annotations

import random
import re
from datetime import date
from decimal import Decimal

import lxml.html
import pytest
from sqlalchemy import insert

from app.kit.clock import now
from app.models.fund_entry import FundEntry
from app.models.fund_summary import FundSummary

STAMP = {"created_at": now(), "updated_at": now(), "updated_by_name": "", "version": 1}
OWNERS = ("dewai", "xicheng", "bj", "haidian")


def stored(country, model, rows):
    with country.acting() as session:
        columns = {column.key for column in model.__table__.columns}
        for row in rows:
            unit = country.unit(row["owner"])
            owned = {"owner_unit_id": unit.id, "owner_path": unit.path}
            kept = {name: value for name, value in (STAMP | owned | row).items() if name in columns}
            session.connection().execute(insert(model).values(kept))
        session.commit()
    return rows


@pytest.fixture
def entries(country):
    """A hundred incomes and expenses, some of them negative; the entries 900 and 901 come to nothing."""
    dice, made = random.Random(3), []
    for number in range(100):
        direction = dice.choice(["income", "expense"])
        amount = Decimal(dice.randint(-50000, 99999) or 1) / 100
        made.append(
            {
                "owner": dice.choice(OWNERS),
                "entry_date": date(2026, dice.randint(1, 6), 3),
                "direction": direction,
                "income_type": dice.choice(["union_funds", "donation"]),
                "expense_type": dice.choice(["daily_relief", "other"]) if direction == "expense" else None,
                "income_amount": amount if direction == "income" else Decimal(0),
                "expense_amount": amount if direction == "expense" else Decimal(0),
                "is_fiscal_budget": dice.random() < 0.5,
                "remarks": "冲账",
                "seq": 900 + number,
                "seal": f"{number:064d}",
            }
        )
    nothing = made[0] | {
        "owner": "xicheng",
        "direction": "income",
        "expense_type": None,
        "income_type": "interest",
    }
    for number, amount in enumerate((Decimal(100), Decimal(-100))):
        made.append(
            nothing
            | {
                "income_amount": amount,
                "expense_amount": Decimal(0),
                "seq": 800 + number,
                "seal": f"{800 + number:064d}",
            }
        )
    return stored(country, FundEntry, made)


def summed(rows, name):
    return float(sum(row[name] for row in rows))


def test_funds_by_income_type_show_what_came_what_went_and_what_is_left(rest, country, entries):  # AID-R184
    total = rest("bj_clerk").get("/api/v1/fund_entry/statistics?by=income_type").json["total"]
    for code in ("union_funds", "donation"):
        mine = [row for row in entries if row["income_type"] == code]
        came, went = summed(mine, "income_amount"), summed(mine, "expense_amount")
        assert (total[f"{code}.income"], total[f"{code}.expense"]) == (came, went)
        assert total[f"{code}.balance"] == round(came - went, 2)
    assert total["interest.balance"] == 0


def test_funds_by_expense_type_have_a_row_a_unit_and_a_column_a_type(rest, country, entries):  # AID-R184
    address = "/api/v1/fund_entry/statistics?by=expense_type&income_type=donation&entry_date_from=2026-03-01"
    answer = rest("bj_clerk").get(address).json
    asked = [row for row in entries if row["income_type"] == "donation" and row["entry_date"].month >= 3]
    for code in ("daily_relief", "other"):
        mine = [row for row in asked if row["expense_type"] == code]
        assert answer["total"][f"{code}.expense"] == summed(mine, "expense_amount")
        own = [row for row in mine if row["owner"] == "bj"]
        assert answer["rows"][0][f"{code}.expense"] == summed(own, "expense_amount")
    assert not [name for name in answer["total"] if name.endswith((".income", ".balance"))]
    assert "(none).expense" not in answer["total"]
    assert "cash_on_hand.expense" in answer["total"]


def test_a_unit_alone_is_asked_for_by_sub(rest, country, entries):
    answer = rest("bj_clerk").get("/api/v1/fund_entry/statistics?by=income_type&sub=0").json
    own = [row for row in entries if row["owner"] == "bj"]
    assert answer["total"]["total.income"] == summed(own, "income_amount")


def links(page):
    """Every figure of a page that has a link, once: link → words."""
    cells = lxml.html.fromstring(page).xpath("//table[contains(@class, 'kit-matrix')]//td/a")
    return {cell.get("href"): cell.text_content().strip() for cell in cells}


@pytest.mark.parametrize("by", ["income_type", "expense_type"])
def test_the_figures_of_funds_open_their_entries(login, country, entries, by):
    """A figure that comes to nothing has its entries too; together they are all that were counted."""
    clerk = login("bj_clerk")
    page = clerk.get(f"/fund_entry/statistics?by={by}&is_fiscal_budget=1").text
    asked = [row for row in entries if row["is_fiscal_budget"] and row[by]]
    opened = {}
    for link in links(page):
        assert "unit=" not in link or "sub=" in link
        opened[link] = len(set(re.findall(r"/fund_entry/show/(\d+)", clerk.get(f"{link}&size=200").text)))
    assert all(opened.values())
    whole = {link: number for link, number in opened.items() if "unit=" not in link}
    parts = {code: sum(row[by] == code for row in asked) for code in {row[by] for row in asked}}
    assert {number for link, number in whole.items() if f"{by}=" not in link} == {len(asked)}
    for code, number in parts.items():
        assert [n for link, n in whole.items() if f"{by}={code}" in link] == [number]


@pytest.fixture
def tables(country):
    """Forty summary tables of two years, central and local."""
    dice = random.Random(5)
    made = [
        {
            "owner": dice.choice(OWNERS),
            "source": dice.choice(["central", "local"]),
            "category": dice.choice(["living", "medical"]),
            "year": dice.choice([2025, 2026]),
            "filled_by": "王秀英",
            "phone": "010-66001122",
            "filled_on": date(2026, dice.randint(1, 10), 1),
            "line_count": dice.randint(1, 9),
            "total_amount": Decimal(dice.randint(1, 99999)) / 100,
            "holder_depth": 1,
            "returned": False,
        }
        for _each in range(40)
    ]
    return stored(country, FundSummary, made)


def test_the_tables_of_a_year_by_category(rest, login, country, tables):  # AID-R185, 3.14
    address = "by=category&year=2026&filled_on_from=2026-03-01&shelf=central"
    answer = rest("bj_clerk").get(f"/api/v1/fund_summary/statistics?{address}").json
    asked = [
        t for t in tables if t["year"] == 2026 and t["filled_on"].month >= 3 and t["source"] == "central"
    ]
    assert asked
    assert "other.times" not in answer["total"]  # six kinds of central money, seven of local
    local = rest("bj_clerk").get("/api/v1/fund_summary/statistics?by=category&shelf=local").json
    assert "other.times" in local["total"]
    for code in ("living", "medical"):
        mine = [table for table in asked if table["category"] == code]
        assert answer["total"][f"{code}.times"] == sum(table["line_count"] for table in mine)
        assert answer["total"][f"{code}.amount"] == summed(mine, "total_amount")
    clerk = login("bj_clerk")
    opened = {
        link: len(set(re.findall(r"/fund_summary/show/(\d+)", clerk.get(f"{link}&size=200").text)))
        for link in links(clerk.get(f"/fund_summary/statistics?{address}").text)
        if "unit=" not in link
    }
    for code in ("living", "medical"):
        mine = [table for table in asked if table["category"] == code]
        assert [n for link, n in opened.items() if f"category={code}" in link] == [len(mine)]
