"""Agencies, employers, positions and talents as clerks type them, and the deeds that tests ask for again and again."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import Any

from app.demo.people import People
from app.models.archive import Archive
from app.models.employer import Employer
from app.models.job_agency import JobAgency
from app.models.job_position import JobPosition
from app.models.job_seeker import JobSeeker
from app.models.recommendation import Recommendation
from tests.world import Country


@dataclass
class Placement:
    """The job placement of the demo country; every record is its own."""

    country: Country
    people: People = field(default_factory=lambda: People(71, "650102", "乌鲁木齐市天山区"))
    number: Any = field(default_factory=lambda: count(1))

    def agency(self, unit: str = "dewai", *, at: str = "", **typed: Any) -> Any:
        """An agency of a unit, reported up to another."""
        name = f"第{next(self.number)}职业介绍所"
        made = self.country.make(JobAgency, {"registered_on": "2026-01-05", "name": name} | typed, unit)
        return self.country.bring(made, at=at) if at else made

    def employer_form(self, agency: Any) -> dict[str, Any]:
        """An employer as typed."""
        return {
            "agency_id": agency.id,
            "registered_on": "2026-02-05",
            "name": f"第{next(self.number)}机械厂",
            "contact_name": self.people.name("male"),
            "contact_phone": "010-55510001",
        }

    def employer(self, unit: str = "dewai", *, agency: Any = None, at: str = "", **typed: Any) -> Any:
        """An employer under an agency, or under a new one that has gone as high as can be."""
        above = agency or self.agency(unit, at="root")
        made = self.country.make(Employer, self.employer_form(above) | typed, unit)
        return self.country.bring(made, at=at) if at else made

    def position(self, unit: str = "dewai", *, employer: Any = None, **typed: Any) -> Any:
        """A position of an employer, or of a new one."""
        form = {"employer_id": (employer or self.employer(unit)).id, "published_on": "2026-03-02"}
        return self.country.make(JobPosition, form | {"title": "电工", "openings": "2"} | typed, unit)

    def talent(self, unit: str = "dewai", *, archive: Any = None, **typed: Any) -> Any:
        """A talent record of a worker with a file."""
        file = archive or self.archive(unit)
        form = {"id_card_no": file.id_card_no, "registered_on": "2026-03-02", "education": "bachelor"}
        return self.country.make(
            JobSeeker, form | {"desired_position": "电工", "phone": "010-55510002"} | typed, unit
        )

    def archive(self, unit: str = "dewai", gender: str = "male", age: int = 40) -> Any:
        """The file of a worker of a sex and an age."""
        person = self.people.person(gender, age)
        return self.country.make(Archive, self.people.household(**person), unit)

    def recommendation(self, talent: Any, unit: str = "dewai", **typed: Any) -> Any:
        """A recommendation of a talent."""
        form = {"job_seeker_id": talent.id, "recommended_on": "2026-03-03", "recommended_to": "第一机械厂"}
        return self.country.make(Recommendation, form | {"contact_phone": "010-55510003"} | typed, unit)
