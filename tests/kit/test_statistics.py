"""Statistics against a model of twenty lines: totals counted anew, lines, months, links, paper and Excel."""

from __future__ import annotations

import random
import re
from datetime import date
from decimal import Decimal
from io import BytesIO

import lxml.html
import openpyxl
import pytest
from sqlalchemy import insert

from app.kit.clock import now
from app.models.aid import Aid
from app.models.aid_measure import AidMeasure
from app.models.unit import Unit
from app.views.aid import AidView

OWNERS = ("dewai", "xinfeng", "xicheng", "bj", "haidian")
FORMS = (None, "home_visit", "walk_in")
FUNDS = (None, "central", "local")
KINDS = ("living", "medical", "goods")
URL = "/api/v1/aid/statistics"


@pytest.fixture
def aids(country, make_archive):
    """Two hundred aids to eight workers, by units far apart; the lines of each under ``measures``."""
    dice, made = random.Random(7), []
    workers = [make_archive() for _each in range(8)]
    stamp = {"created_at": now(), "updated_at": now(), "updated_by_name": "", "version": 1}
    with country.acting() as session:
        for _each in range(200):
            unit, worker = country.unit(dice.choice(OWNERS)), dice.choice(workers)
            lines = [
                {
                    "measure": kind,
                    "amount": Decimal(dice.randint(1, 99999)) / 100,
                    "fund_category": dice.choice(FUNDS),
                }
                for kind in dice.sample(KINDS, dice.randint(0, 3))
            ]
            aid = {
                "archive_id": worker.id,
                "full_name": worker.full_name,
                "id_card_no": worker.id_card_no,
                "aid_category": dice.choice(["illness", "other"]),
                "aid_date": date(2025, 11, 1).replace(day=dice.randint(1, 30), month=dice.randint(10, 12)),
                "is_aided": bool(lines),
                "aid_form": dice.choice(FORMS),
                "total_amount": sum((line["amount"] for line in lines), Decimal(0)),
                "is_out_of_hardship": (is_out := dice.random() < 0.3),
                "exit_method": "employed" if is_out else None,
                "exit_date": date(2026, 1, 1) if is_out else None,
                "owner_unit_id": unit.id,
                "owner_path": unit.path,
                "holder_depth": dice.randint(1, unit.depth),
                "returned": False,
            }
            aid["id"] = session.connection().scalar(insert(Aid).values(aid | stamp).returning(Aid.id))
            for number, line in enumerate(lines):
                session.connection().execute(
                    insert(AidMeasure).values(line | stamp | {"aid_id": aid["id"], "line_no": number})
                )
            made.append(aid | {"measures": lines, "aid_month": f"{aid['aid_date']:%Y-%m}"})
        session.commit()
    return made


def seen(aids, unit):
    return [a for a in aids if a["owner_path"].startswith(unit.path) and a["holder_depth"] <= unit.depth]


def code(value):
    return "(none)" if value is None else str(int(value)) if isinstance(value, bool) else value


def model(aids, by, is_counted=bool):
    """The figures of some aids: what the statistic must say, counted one by one."""
    child, _dot, name = by.rpartition(".")
    facts = []
    for aid in aids:
        lines = [line for line in aid["measures"] if is_counted(line)] or [{name: None, "amount": Decimal(0)}]
        rows = lines if child else [aid | {"amount": aid["total_amount"]}]
        facts += [(code(row[name]), aid["id"], aid["archive_id"], row["amount"]) for row in rows]
    told = {}
    for value in {"total", *(fact[0] for fact in facts)}:
        mine = [fact for fact in facts if value in ("total", fact[0])]
        told[f"{value}.times"] = len({fact[1] for fact in mine})
        told[f"{value}.people"] = len({fact[2] for fact in mine})
        told[f"{value}.amount"] = float(sum(fact[3] for fact in mine))
    return told


def figures(row):
    """What a row says, where it says anything."""
    return {name: number for name, number in row.items() if name not in ("unit", "unit_id") and number}


def branches(country, aids, unit):
    """The aids of each line: the unit's own, and those below each direct subordinate."""
    with country.acting() as session:
        below = [one.path for one in session.query(Unit).filter(Unit.parent_id == unit.id)]
    split = {path: [a for a in aids if a["owner_path"].startswith(path)] for path in below}
    return {unit.path: [a for a in aids if a["owner_path"] == unit.path]} | split


@pytest.mark.parametrize("who", ["bj", "xicheng", "dewai"])
@pytest.mark.parametrize("by", AidView.statistics.names)
def test_a_statistic_is_what_counting_one_by_one_gives(rest, country, aids, by, who):  # AID-R135
    unit = country.unit(who)
    mine = seen(aids, unit)
    answer = rest(f"{who}_clerk").get(f"{URL}?by={by}").json
    assert figures(answer["total"]) == {k: n for k, n in model(mine, by).items() if n}
    expected = branches(country, mine, unit)
    assert len(answer["rows"]) == len(expected)
    for row in answer["rows"]:
        with country.acting() as session:
            path = session.get(Unit, row["unit_id"]).path
        assert figures(row) == {k: n for k, n in model(expected[path], by).items() if n}, row["unit"]


def test_a_person_aided_by_two_units_is_one_in_their_total(rest, country, aids):  # AID-R135
    answer = rest("bj_clerk").get(f"{URL}?by=is_aided").json
    assert sum(row["total.people"] for row in answer["rows"]) > answer["total"]["total.people"] == 8
    assert sum(row["total.times"] for row in answer["rows"]) == answer["total"]["total.times"]


def test_a_record_with_two_measures_is_one_in_their_total(rest, aids):
    total = rest("bj_clerk").get(f"{URL}?by=measures.measure").json["total"]
    assert sum(total[f"{kind}.times"] for kind in KINDS) > total["total.times"]
    money = [number for name, number in total.items() if name.endswith(".amount") and name[:5] != "total"]
    assert round(sum(money), 2) == total["total.amount"]


def test_only_the_lines_that_the_question_means_are_counted(rest, country, aids):
    """Medical aid by the fund that paid: what else these workers were given is no part of it."""
    mine = seen(aids, country.unit("bj"))
    medical = [a for a in mine if any(line["measure"] == "medical" for line in a["measures"])]
    expected = model(medical, "measures.fund_category", lambda line: line["measure"] == "medical")
    answer = rest("bj_clerk").get(f"{URL}?by=measures.fund_category&measures.measure=medical").json
    assert figures(answer["total"]) == {name: number for name, number in expected.items() if number}


def test_conditions_hold_for_months_too(rest, country, aids):
    """A range that begins within a month leaves the rest of that month out."""
    mine = [a for a in seen(aids, country.unit("bj")) if date(2025, 10, 9) <= a["aid_date"]]
    answer = rest("bj_clerk").get(f"{URL}?by=aid_month&aid_date_from=2025-10-09").json
    assert figures(answer["total"]) == model(mine, "aid_month")
    names = [column["name"] for column in answer["columns"] if column["name"].endswith(".times")]
    assert names == ["2025-10.times", "2025-11.times", "2025-12.times", "total.times"]


def test_without_records_every_figure_is_nought(rest):
    answer = rest("bj_clerk").get(f"{URL}?by=measures.measure").json
    assert figures(answer["total"]) == {}
    assert "living.people" in answer["total"]
    assert len(answer["rows"]) > 1


def test_a_field_of_a_line_may_be_asked_for_by_its_own_name(rest, aids):
    said = [
        rest("bj_clerk").get(f"{URL}?by={name}").json for name in ("fund_category", "measures.fund_category")
    ]
    assert said[0] == said[1]
    assert rest("bj_clerk").get(f"{URL}?by=amount").status_code == 400


def matrix(page):
    """Unit → its figures with their links, as the page shows them."""
    rows = lxml.html.fromstring(page).xpath("//table[contains(@class, 'kit-matrix')]//tr[td]")
    return [
        [(td.text_content().strip(), next(iter(td.xpath("./a/@href")), "")) for td in row.xpath("./td")]
        for row in rows
    ]


@pytest.mark.parametrize("by", AidView.statistics.names)
def test_every_figure_opens_exactly_the_records_behind_it(login, aids, by):  # AID-R135
    asked = "aid_date_from=2025-10-09&aid_category=illness"
    clerk, opened = login("bj_clerk"), set()
    for cells in matrix(clerk.get(f"/aid/statistics?by={by}&{asked}").text):
        for times, people, amount in zip(cells[::3], cells[1::3], cells[2::3], strict=True):
            assert times[1] == people[1] == amount[1]
            assert bool(times[1]) == (times[0] != "0")
            if times[1] and times[1] not in opened:
                opened.add(times[1])
                listed = set(re.findall(r"/aid/show/(\d+)", clerk.get(f"{times[1]}&size=200").text))
                assert len(listed) == int(times[0]), times
    assert len(opened) > 3


def test_a_link_asks_for_what_the_panel_does_not_offer_and_shows_it(login, country, aids):
    page = login("bj_clerk").get("/aid/list/?aid_month=2025-10").text
    inputs = lxml.html.fromstring(page).xpath("//input[@name='aid_month']/@value")
    assert inputs == ["2025-10"]
    assert not lxml.html.fromstring(login("bj_clerk").get("/aid/list/").text).xpath("//*[@name='aid_month']")
    assert "月份应写作" in login("bj_clerk").get("/aid/list/?aid_month=2025-13").text


def test_an_excel_file_has_the_values_over_their_measures(login, country, aids):
    answer = login("bj_clerk").get("/aid/statistics?by=is_aided&format=xlsx")
    sheet = openpyxl.load_workbook(BytesIO(answer.data)).active
    assert {str(one) for one in sheet.merged_cells.ranges} == {"A1:A2", "B1:D1", "E1:G1", "H1:J1"}
    assert [cell.value for cell in sheet[1] if cell.value] == ["地区", "已帮扶", "未帮扶", "总计"]
    assert [cell.value for cell in sheet[2]][1:] == ["人次", "人数", "金额"] * 3
    told = model(seen(aids, country.unit("bj")), "is_aided")
    assert [cell.value for cell in sheet[sheet.max_row]][-3:] == [
        told["total.times"],
        told["total.people"],
        told["total.amount"],
    ]
    assert sheet.cell(sheet.max_row, 1).value == "合计"


def test_paper_is_cut_to_its_width(login, aids):
    page = lxml.html.fromstring(
        login("bj_clerk").get("/aid/statistics?by=measures.measure&format=print").text
    )
    tables = page.xpath("//table")
    assert len(tables) > 1
    for table in tables:
        assert len(table.xpath(".//tr[2]/th")) <= 16
        assert table.xpath(".//tr[1]/th[@rowspan=2]")[0].text_content() == "地区"


def test_the_statements_are_as_many_whatever_the_rows(statements, country, login, aids):
    clerk, counts = login("bj_clerk"), []
    for begin in ("2026-11-02", "2020-01-01", "2026-11-01"):
        with statements() as sent:
            clerk.get(f"/aid/statistics?by=measures.measure&aid_date_from={begin}")
        counts.append(len(sent))
    assert counts[1] == counts[2] <= 6


def test_a_month_is_a_range_of_an_index():
    condition = AidView.statistics.dimension("aid_month").condition(Aid)
    (clause,), _problems, _words = condition.where({"aid_month": "2025-12"})
    assert str(clause.compile(compile_kwargs={"literal_binds": True})) == (
        "aid.aid_date >= '2025-12-01' AND aid.aid_date < '2026-01-01'"
    )
