"""Summarising and editing one aid at the same moment: one of them wins, the other reads a clear word (AID-R129).

As `insert_lines` of a summary table does it: the aid's row is held, then its measure is pointed at the line.
"""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import select, update

from app.demo.people import People
from app.kit import record, saving
from app.kit.database import db
from app.kit.errors import AppError
from app.kit.scope import SYSTEM, acting
from app.models.aid import Aid
from app.models.aid_measure import AidMeasure
from tests.alone import at_once, country, files_of, nation, place

__all__ = ["country", "nation", "place"]  # fixtures
pytestmark = pytest.mark.real_commits


@pytest.fixture(scope="module")
def people():
    return People(59, "650102", "乌鲁木齐市天山区")


@pytest.fixture
def aid(country, people):
    (archive,) = files_of(country, people, "dewai", 1)
    typed = {"id_card_no": archive.id_card_no, "aid_category": "other", "aid_date": "2026-03-02"}
    return country.make(Aid, typed | {"measures": [{"measure": "living", "amount": "300"}]}, "dewai")


class Race:
    """Two deeds on one aid, each in a session of its own."""

    def __init__(self, country, aid):
        self.country, self.aid, self.refused = country, aid, []
        self.who = country.actor("dewai_clerk")

    def summarise(self):
        """Point the measure at a line, if it still is what was chosen."""
        with self.country.acting(SYSTEM) as session, acting(SYSTEM):
            mine = select(Aid.id).where(Aid.id == self.aid.id).with_for_update()
            if session.scalar(mine) is None:
                self.refused.append("该帮扶信息已删除")
                return session.rollback()
            chosen = (AidMeasure.id == self.aid.measures[0].id, AidMeasure.amount == 300)
            line = update(AidMeasure).where(*chosen).values(summarised_line_id=self.aid.id + 10**6)
            if not session.execute(line.execution_options(synchronize_session=False)).rowcount:
                self.refused.append("金额已改动")
            return session.commit()

    def edit(self):
        lines = [{"id": self.aid.measures[0].id, "amount": "301"}]
        self._do(lambda session, found: saving.save(session, found, {"measures": lines}, self.who))

    def delete(self):
        self._do(lambda session, found: saving.delete(session, found, self.who))

    def _do(self, deed):
        with self.country.acting(self.who) as session:
            found = session.scalars(select(Aid).where(Aid.id == self.aid.id)).one()
            assert found.measures  # read before the other one writes, as a form is
            try:
                deed(session, found)
                session.commit()
            except AppError as why:
                session.rollback()
                told = [p.words for p in getattr(why, "problems", [])] or [why.words]
                self.refused += [str(words) for words in told]


WORDS = {"该帮扶措施已汇总，不能修改", "金额已改动", "该帮扶信息已删除"}


@pytest.mark.parametrize("deed", ["edit", "delete"])
@pytest.mark.parametrize("turn", range(4))
def test_one_wins_and_the_other_is_told(country, aid, deed, turn):  # AID-R126, R127, R129
    race = Race(country, aid)
    at_once(race.summarise, getattr(race, deed))
    (words,) = race.refused
    assert words in WORDS or "已汇总到财政专项资金汇总表，不能删除" in words
    now = country.again(aid)
    if now is None:
        assert (deed, words) == ("delete", "该帮扶信息已删除")
        return
    (line,) = now.measures
    assert (line.is_summarised, str(line.amount)) in {(True, "300.00"), (False, "301.00")}
    assert now.total_amount == line.amount


@pytest.mark.parametrize("deed", ["edit", "delete"])
def test_who_has_read_it_before_is_told_after_he_has_waited(
    nation, country, aid, deed, monkeypatch
):  # AID-R129
    """The clerk has the aid in hand when the table wants its money. SQLite lets him finish, PostgreSQL does not."""
    race, has_read, is_taken = Race(country, aid), threading.Event(), threading.Event()
    with nation.app_context():
        many_write = db.engine.dialect.name == "postgresql"

    def late(row):
        has_read.set()
        assert not many_write or is_taken.wait(20)
        record.lock(row)

    def first():
        assert has_read.wait(20)
        race.summarise()
        is_taken.set()

    monkeypatch.setattr(saving, "lock", late)
    at_once(first, getattr(race, deed))
    (words,) = race.refused
    assert ("已汇总" in words) == many_write
    assert many_write == bool((now := country.again(aid)) and now.measures[0].is_summarised)
