"""Who stands above and who below at the same moment: one has his way, the other reads why (AID-R142 – R148).

Records are real, connections are two; PostgreSQL races, SQLite takes turns.
"""

from __future__ import annotations

import pytest
from sqlalchemy import select

from app.kit import saving
from app.kit.errors import AppError
from app.models.employer import Employer
from app.models.job_position import JobPosition
from tests.agencies import Placement
from tests.alone import at_once, country, nation, place

__all__ = ["country", "nation", "place"]  # fixtures
pytestmark = pytest.mark.real_commits


@pytest.fixture(scope="module")
def placement(country):
    return Placement(country)


class Race:
    """Deeds of clerks, each in a session of its own; what was refused is noted under its name."""

    def __init__(self, country):
        self.country, self.refused = country, {}

    def step(self, name, record, by="dewai_clerk"):
        return self._deed(name, by, record, lambda _s, found, who: found.perform(name, who, message="请核对"))

    def save(self, name, record, typed):
        return self._deed(
            name, "dewai_clerk", record, lambda session, found, who: saving.save(session, found, typed, who)
        )

    def delete(self, name, record):
        return self._deed(name, "dewai_clerk", record, saving.delete)

    def add(self, name, model, typed):
        return self._deed(
            name, "dewai_clerk", model, lambda session, found, who: saving.save(session, found, typed, who)
        )

    def _deed(self, name, by, record, deed):
        who = self.country.actor(by)

        def run():
            with self.country.acting(who) as session:
                if isinstance(record, type):
                    found = record()
                else:
                    model = type(record)
                    found = session.scalars(select(model).where(model.id == record.id)).one()
                try:
                    deed(session, found, who)
                    session.commit()
                except AppError as why:
                    session.rollback()
                    told = [problem.words for problem in getattr(why, "problems", [])] or [why.words]
                    self.refused[name] = "；".join(str(words) for words in told)

        return run


@pytest.mark.parametrize("turn", range(4))
def test_an_employer_goes_up_or_its_agency_comes_back(country, placement, turn):  # AID-R144, R145
    agency = placement.agency(at="xicheng")
    employer = placement.employer(agency=agency)
    race = Race(country)
    at_once(race.step("report", employer), race.step("send_back", agency, "xicheng_clerk"))
    agency, employer = country.again(agency), country.again(employer)
    assert agency.holder_depth <= employer.holder_depth
    ((name, words),) = race.refused.items()
    assert ("尚未上报，请先上报" if name == "report" else "下有已上报的招聘单位信息") in words


@pytest.mark.parametrize("turn", range(4))
def test_an_employer_is_added_or_its_agency_deleted(country, placement, turn):  # AID-R142, R143
    agency = placement.agency()
    race = Race(country)
    at_once(race.add("add", Employer, placement.employer_form(agency)), race.delete("delete", agency))
    ((name, words),) = race.refused.items()
    if name == "add":
        assert "没有找到所选的职介机构" in words
        assert country.again(agency) is None
    else:
        assert "当前机构下有信息" in words
        assert len(country.all(Employer, Employer.agency_id == agency.id)) == 1


@pytest.mark.parametrize("deed", ["edit", "add", "delete"])
@pytest.mark.parametrize("turn", range(3))
def test_a_position_changes_before_its_employer_goes_up_or_not_at_all(
    country, placement, deed, turn
):  # AID-R146
    employer = placement.employer()
    position = placement.position(employer=employer, openings=2)
    new = {"employer_id": employer.id, "title": "焊工", "openings": "3", "published_on": "2026-03-02"}
    race = Race(country)
    deeds = {
        "edit": race.save("edit", position, {"openings": "9"}),
        "add": race.add("add", JobPosition, new),
        "delete": race.delete("delete", position),
    }
    at_once(race.step("report", employer), deeds[deed])
    now = country.again(employer)
    assert now.holder_depth < employer.holder_depth  # nothing stands against the report
    held = {"edit": 9, "add": 5, "delete": 0}[deed]
    assert now.openings_total == (2 if race.refused else held)
    assert sum(one.openings for one in country.all(JobPosition, JobPosition.employer_id == employer.id)) == (
        now.openings_total
    )
    assert all("已上报，其招聘职位不能" in words for words in race.refused.values())


def test_positions_of_one_employer_are_all_counted(country, placement):  # REC-18 #9
    employer = placement.employer()
    form = {"employer_id": employer.id, "openings": "2", "published_on": "2026-03-02"}
    race = Race(country)
    at_once(*(race.add(f"{n}", JobPosition, form | {"title": f"钳工{n}"}) for n in range(4)))
    assert race.refused == {}
    assert country.again(employer).openings_total == 8
