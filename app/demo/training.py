"""Training classes of the demo country: an institution of each unit, a class that has gone up, one that is still open."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from random import Random
from typing import Any

from sqlalchemy.orm import Session

from app.demo.people import People
from app.kit import saving
from app.kit.clock import today
from app.kit.scope import Actor
from app.models.trainee import Trainee
from app.models.training_class import TrainingClass
from app.models.training_institution import TrainingInstitution

#: subject, type, certificate and how many trainees; of the last class some are still to be entered
CLASSES = (
    ("家政服务员初级培训", "domestic_service", "家政服务员", 8, 0),
    ("计算机办公应用", "computer", None, 5, 3),
)
CATEGORIES = ("laid_off_unemployed", "migrant", "on_duty")
SCHOOLING = ("junior_secondary", "senior_secondary", "junior_college")
MESSAGE = "请审核。"


def train(session: Session, clerk: Actor, random: Random, people: People, *, reports: bool) -> None:
    """Register an institution, hold its classes, enter who came; the caller commits."""
    place = clerk.unit_name.removesuffix("工会").removesuffix("总")
    institution = TrainingInstitution()
    typed = {
        "registered_on": f"{today() - timedelta(days=120)}",
        "name": f"{place}职业技能培训学校",
        "staff_count": random.randrange(6, 30),
        "qualification": "职业技能培训，初级至高级",
        "is_accredited": True,
        "has_subsidy": reports,
        "contact_name": people.name("female"),
        "contact_phone": people.faker.phone_number(),
    }
    saving.save(session, institution, typed, clerk)
    if reports:
        institution.perform("report", clerk, message=MESSAGE)
    for number, (topic, kind, certificate, names, wanting) in enumerate(CLASSES):
        first = today() - timedelta(days=60 - 30 * number)
        typed = {
            "institution_id": institution.id,
            "topic": topic,
            "session": f"{first.year}年第{number + 1}期",
            "training_type": kind,
            "trainee_count": names + wanting,
            "starts_on": f"{first}",
            "ends_on": f"{first + timedelta(days=14)}",
            "description": "理论与实操，结课考核。",
        }
        one = TrainingClass()
        saving.save(session, one, typed, clerk)
        for trainee in _trainees(random, people, names, certificate):
            saving.save(session, Trainee(), trainee | {"class_id": one.id}, clerk)
        if reports and not wanting:
            one.perform("report", clerk, message=MESSAGE)


def _trainees(
    random: Random, people: People, number: int, certificate: str | None
) -> Iterator[dict[str, Any]]:
    """So many persons as typed; most of them have got the certificate."""
    for _each in range(number):
        gender = random.choice(("female", "male"))
        known = people.person(gender, random.uniform(22, 55))
        has_it = certificate is not None and people.chance(80)
        yield {
            "full_name": known["full_name"],
            "id_card_no": known["id_card_no"],
            "education": random.choice(SCHOOLING),
            "trainee_category": random.choice(CATEGORIES),
            "phone": people.faker.phone_number(),
            "has_certificate": has_it,
            "certificate_name": certificate if has_it else None,
            "certificate_level": "junior" if has_it else None,
            "is_employed": people.chance(50),
        }
