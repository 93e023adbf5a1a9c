"""Two who want the same money at the same moment: one has it, the other reads who (AID-R188, R189).

Tables are real, connections are two; PostgreSQL races, SQLite takes turns.
"""

from __future__ import annotations

import pytest
from sqlalchemy import select

from app.demo.people import People
from app.kit import saving
from app.kit.errors import AppError
from app.models.aid import Aid
from app.models.fund_summary import FundSummary
from tests.alone import at_once, country, nation, place
from tests.summaries import Money

__all__ = ["country", "nation", "place"]  # fixtures
pytestmark = pytest.mark.real_commits


@pytest.fixture(scope="module")
def money(country):
    return Money(country, People(61, "650102", "乌鲁木齐市天山区"))


class Race:
    """Deeds of the unit's clerk, each in a session of its own; what was refused is noted under its name."""

    def __init__(self, country):
        self.country, self.refused, self.inserted = country, {}, {}
        self.who = country.actor("dewai_clerk")

    def insert(self, name, table, *measures):
        def deed(session, found):
            found.perform("insert_lines", self.who, measure_line_ids=list(measures))
            self.inserted[name] = found.inserted

        return self._deed(name, FundSummary, table, deed)

    def save(self, name, aid, typed):
        return self._deed(name, Aid, aid, lambda session, found: saving.save(session, found, typed, self.who))

    def delete(self, name, record):
        return self._deed(
            name, type(record), record, lambda session, found: saving.delete(session, found, self.who)
        )

    def report(self, name, table):
        return self._deed(
            name,
            FundSummary,
            table,
            lambda _session, found: found.perform("report", self.who, message="请查收"),
        )

    def _deed(self, name, model, record, deed):
        def run():
            with self.country.acting(self.who) as session:
                found = session.scalars(select(model).where(model.id == record.id)).one()
                if model is Aid:
                    assert found.measures  # read before the other one writes, as a form is
                try:
                    deed(session, found)
                    session.commit()
                except AppError as why:
                    session.rollback()
                    told = [problem.words for problem in getattr(why, "problems", [])] or [why.words]
                    self.refused[name] = "；".join(str(words) for words in told)

        return run


@pytest.mark.parametrize("turn", range(4))
def test_of_two_tables_one_has_the_money_and_the_other_is_told_who(country, money, turn):  # AID-R188
    amount = money.amount()
    central, local = money.table(), money.table("dewai", source="local")
    race = Race(country)
    at_once(race.insert("central", central, amount), race.insert("local", local, amount))
    (loser,) = race.refused
    winner = {"central": "地方帮扶资金生活救助类", "local": "中央财政资金生活救助类"}[loser]
    assert f"已列入德外街道总工会的「2026年{winner}" in race.refused[loser]
    money.check_books()


def test_two_long_lists_in_opposite_order_both_end(
    country, money
):  # AID-R188: aids are held in the order of ids
    worker = money.worker()
    amounts = [money.amount(worker=worker, living=str(n + 1)) for n in range(12)]
    first, second = money.table(), money.table()
    race = Race(country)
    at_once(race.insert("up", first, *amounts), race.insert("down", second, *reversed(amounts)))
    assert len(race.refused) == 1
    assert {country.again(first).line_count, country.again(second).line_count} == {0, 12}
    money.check_books()


def test_lists_that_overlap_share_what_there_is(country, money):  # AID-R188, SM-AID-15 2
    worker = money.worker()
    amounts = [money.amount(worker=worker, living=str(n + 1)) for n in range(9)]
    first, second = money.table(), money.table()
    race = Race(country)
    at_once(race.insert("a", first, *amounts[:6]), race.insert("b", second, *amounts[3:]))
    assert race.refused == {}
    assert sorted(country.again(one).line_count for one in (first, second)) == [3, 6]
    told = [words for done in race.inserted.values() for _pk, words in done.refused]
    assert len(told) == 3
    assert all("一笔帮扶资金只能进一个汇总表" in str(words) for words in told)
    money.check_books()


@pytest.mark.parametrize("turn", range(4))
def test_summarising_against_editing_the_amount(country, money, turn):  # AID-R189, R129
    aid, table = money.aid(living="300"), money.table()
    typed = {"measures": [{"id": aid.measures[0].id, "measure": "living", "amount": "450"}]}
    race = Race(country)
    at_once(race.insert("insert", table, aid.measures[0].id), race.save("edit", aid, typed))
    total = country.again(table).total_amount
    if "edit" in race.refused:
        assert "已汇总" in race.refused["edit"]
        assert total == 300
    else:  # the edit was first: the line has the new amount
        assert total == 450
    assert "insert" not in race.refused
    money.check_books()


@pytest.mark.parametrize("turn", range(4))
def test_summarising_against_deleting_the_aid(country, money, turn):  # AID-R127, R189
    aid, table = money.aid(living="300"), money.table()
    race = Race(country)
    at_once(race.insert("insert", table, aid.measures[0].id), race.delete("delete", aid))
    (loser,) = race.refused
    assert "已汇总" in race.refused[loser] if loser == "delete" else "可能已被删除" in race.refused[loser]
    money.check_books()


@pytest.mark.parametrize("turn", range(3))
def test_reporting_against_inserting(country, money, turn):  # SM-AID-15 6, AID-R187
    table, late = money.table("dewai", money.amount()), money.amount(living="9")
    race = Race(country)
    at_once(race.report("report", table), race.insert("insert", table, late))
    now = country.again(table)
    assert now.holder_depth == country.unit("dewai").depth - 1  # it went up in either case
    if race.refused:
        assert "已上报" in race.refused["insert"]
        assert now.line_count == 1
    else:
        assert now.line_count == 2
    money.check_books()


def test_deleting_a_table_against_taking_from_it(country, money):  # AID-R190
    amount = money.amount()
    table, other = money.table("dewai", amount), money.table()
    race = Race(country)
    at_once(race.delete("delete", table), race.insert("insert", other, amount))
    assert "delete" not in race.refused
    assert country.again(table) is None
    assert country.again(other).line_count == (0 if race.refused else 1)
    money.check_books()
