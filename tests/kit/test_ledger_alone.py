"""Two hundred entries at once keep every balance and every chain right, by threads and by processes.

Run as a program it is a clerk who adds entries: ``python tests/kit/test_ledger_alone.py <url> <home> <unit> <number>``.
"""

from __future__ import annotations

import os
import subprocess
import sys
from decimal import Decimal

import pytest

from app.kit import saving
from app.kit.database import db
from app.kit.errors import Invalid
from app.kit.verifying import Verification
from app.models.fund_entry import FundEntry
from tests.alone import ROOT, application, at_once, country, nation, place
from tests.modules.test_fund_entry import FUND, OTHER_FUND, expense, income
from tests.world import Country

__all__ = ["country", "nation", "place"]  # fixtures
CLERKS, EACH = 10, 10


def add(country, who, typed):
    """One entry, in a transaction of its own."""
    with country.acting(who) as session:
        try:
            saving.save(session(), FundEntry(), typed, who)
            session.commit()
        finally:
            session.remove()


def entries(country, unit, fund=FUND):
    """Numbers, changes and balances of a chain in the order of its days and numbers."""
    with country.acting() as session:
        mine = (FundEntry.owner_unit_id == country.unit(unit).id) & (FundEntry.income_type == fund)
        found = session.query(FundEntry).filter(mine).order_by(FundEntry.entry_date, FundEntry.seq).all()
        FundEntry.complete(session(), found)
        return [(entry.seq, entry.change, entry.balance) for entry in found]


def is_right(country, unit, fund=FUND):
    """Whether every balance is what stands above it."""
    running = Decimal(0)
    for _seq, change, balance in entries(country, unit, fund):
        running += change
        assert balance == running
        assert balance >= 0
    with country.acting() as session:
        assert [str(fault) for fault in Verification(session(), FundEntry).faults()] == []
    numbers = sorted(seq for seq, _change, _balance in entries(country, unit, fund))
    assert numbers == list(range(1, len(numbers) + 1))


def some(clerk, number):
    """What a clerk types: days in no order, amounts that tell who typed them."""
    day = f"2026-03-{(clerk * 7 + number * 5) % 28 + 1:02d}"
    return income(clerk * 100 + number + 1, day)


def test_a_hundred_entries_by_threads(country):
    who = country.actor("dewai_clerk")

    def clerk(number):
        for one in range(EACH):
            add(country, who, some(number, one))

    at_once(*[lambda number=number: clerk(number) for number in range(CLERKS)])
    found = entries(country, "dewai")
    assert len(found) == CLERKS * EACH
    assert sorted(change for _seq, change, _balance in found) == sorted(
        Decimal(clerk * 100 + number + 1) for clerk in range(CLERKS) for number in range(EACH)
    )
    is_right(country, "dewai")


def test_a_hundred_entries_by_processes(country, place):
    with country.app.app_context():
        db.engine.dispose()
    programs = [
        subprocess.Popen(
            [sys.executable, __file__, *map(str, place), "xinjiekou", str(number)],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(4)
    ]
    for program in programs:
        _out, wrong = program.communicate(timeout=300)
        assert program.returncode == 0, wrong
    assert len(entries(country, "xinjiekou")) == 100
    is_right(country, "xinjiekou")


def test_a_fund_is_spent_once_only(country):  # AID-R182: the rule sees the truth
    who = country.actor("xuhui_clerk")
    add(country, who, income(100))
    told = at_once(*[lambda: add(country, who, expense(30))] * 8, told=(Invalid,))
    assert sum(wrong is None for wrong in told) == 3
    assert entries(country, "xuhui")[-1][2] == 10
    is_right(country, "xuhui")


def test_an_entry_is_taken_back_once_whoever_is_quicker(country):  # AID-R175
    who = country.actor("haidian_clerk")
    add(country, who, income(100, income_type=OTHER_FUND))
    add(country, who, income(500, income_type=OTHER_FUND))
    with country.acting() as session:
        mine = FundEntry.owner_unit_id == country.unit("haidian").id
        pk = session.query(FundEntry.id).filter(mine, FundEntry.seq == 1).scalar()
    back = income(-100, income_type=OTHER_FUND, remarks="冲销第1号", offsets_entry_id=pk)
    told = at_once(*[lambda: add(country, who, back)] * 6, told=(Invalid,))
    assert sum(wrong is None for wrong in told) == 1
    is_right(country, "haidian", OTHER_FUND)


@pytest.mark.parametrize("login", ["bj_clerk", "sh_clerk"])
def test_a_chain_begins_once(country, login):
    """Eight clerks add the very first entry at the same moment."""
    who = country.actor(login)
    at_once(*[lambda: add(country, who, income(1))] * 8)
    is_right(country, login.removesuffix("_clerk"))


def main(url: str, home: str, unit: str, number: str) -> None:
    """Add twenty-five entries."""
    country = Country(application(url, home))
    who = country.actor(f"{unit}_clerk")
    for one in range(25):
        add(country, who, some(int(number), one))


if __name__ == "__main__":
    main(*sys.argv[1:])
