"""What tests of skills training hold in their hands: institutions, classes and trainees of any unit."""

from __future__ import annotations

from typing import Any

from app.demo.people import People
from app.models.trainee import Trainee
from app.models.training_class import TrainingClass
from app.models.training_institution import TrainingInstitution
from tests.world import Country


class School:
    """Makes institutions, classes and trainees; each unit has one institution unless others are asked for."""

    def __init__(self, country: Country, people: People) -> None:
        self.country, self.people = country, people
        self._known: dict[str, Any] = {}

    def institution(self, unit: str = "dewai", *, at: str = "", **overrides: Any) -> Any:
        """A new institution, reported up to ``at``."""
        typed = {"registered_on": "2026-03-02", "name": f"{self.people.faker.company()}培训学校"} | overrides
        made = self.country.make(TrainingInstitution, typed, unit)
        return self.country.bring(made, at=at) if at else made

    def of(self, unit: str) -> Any:
        """The institution of a unit, reported to the very top, so that its classes may go anywhere."""
        if unit not in self._known:
            self._known[unit] = self.institution(unit, at="root")
        return self._known[unit]

    def form(self, unit: str = "dewai", **overrides: Any) -> dict[str, Any]:
        """A class as typed; it begins and ends on one day (AID-R160)."""
        institution = overrides.pop("institution", None) or self.of(unit)
        return {
            "institution_id": institution.id,
            "topic": "家政服务员培训",
            "session": "2026年第1期",
            "training_type": "domestic_service",
            "trainee_count": 30,
            "starts_on": "2026-03-02",
            "ends_on": "2026-03-02",
        } | overrides

    def hold(self, unit: str = "dewai", *, at: str = "", **overrides: Any) -> Any:
        """A new class, reported up to ``at``."""
        made = self.country.make(TrainingClass, self.form(unit, **overrides), unit)
        return self.country.bring(made, at=at) if at else made

    def person(self, one: Any, **overrides: Any) -> dict[str, Any]:
        """A trainee as typed; sex and birthday follow from the number."""
        known = self.people.person("female", 35)
        return {
            "class_id": one.id,
            "full_name": known["full_name"],
            "id_card_no": known["id_card_no"],
            "trainee_category": "migrant",
        } | overrides

    def enter(self, one: Any, unit: str = "dewai", **overrides: Any) -> Any:
        """A new trainee of a class."""
        return self.country.make(Trainee, self.person(one, **overrides), unit)
