"""Synthetic households: people who do not exist, with numbers that are formally right.

Used by the demo country and by the tests. The same seed gives the same people in the same order.
"""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from typing import Any

from faker import Faker

from app.kit import identity

#: ages are counted to this day, so that a seed gives the same people next year
EPOCH = date(2025, 6, 30)

#: code → how often it is drawn
CATEGORIES = {"low_income": 40, "near_low_income": 25, "accident": 15, "temporary": 20}
IDENTITIES = {"migrant": 22, "on_duty": 20, "laid_off": 20, "unemployed": 20, "retired": 10, "sick_leave": 8}
HEALTH = {
    "good": 34,
    "disabled": 12,
    "cancer": 8,
    "cardiovascular": 8,
    "uremia": 4,
    "diabetes": 8,
    "minor_illness": 26,
}
DISABILITIES = ("visual", "hearing", "physical", "physical", "intellectual", "mental", "multiple")
MARITAL = {"married": 66, "single": 10, "divorced": 14, "widowed": 10}
ETHNICITIES = {"01": 92, "03": 3, "11": 3, "02": 2}
POLITICS = {"masses": 74, "party_member": 14, "league_member": 8, "democratic_party": 4}
MODEL_WORKERS = {"none": 95, "prefectural": 2, "provincial": 2, "national": 1}
HOUSING = {
    "employer_rented": 22,
    "low_rent": 18,
    "purchased": 22,
    "self_built": 14,
    "rented": 20,
    "homeless": 4,
}
INDUSTRIES = (
    "textile",
    "machinery_electrical",
    "light_industry",
    "urban_construction",
    "social_services",
    "chemical",
    "coal",
    "health_care",
    "finance_trade",
    "other",
)
NATURES = {"state_enterprise": 34, "collective_enterprise": 22, "private_enterprise": 34, "other": 10}
CONDITIONS = ("loss_making", "profitable", "halted", "half_halted", "closed_bankrupt", "restructured")
REGISTRATIONS = {"non_agricultural": 62, "agricultural": 26, "converted_resident": 12}
CAUSES = {
    "own_serious_illness": 26,
    "children_schooling": 18,
    "dependant_serious_illness": 16,
    "accident_disaster": 8,
    "laid_off_unemployed": 14,
    "disability": 8,
    "low_income": 10,
}
#: members of a household: (relation, sex, least and most years older than the householder)
KIN = (
    ("son", "male", -32, -22),
    ("daughter", "female", -32, -22),
    ("mother", "female", 21, 30),
    ("father", "male", 22, 32),
    ("sister", "female", -6, 6),
    ("brother", "male", -6, 6),
)


class People:
    """A source of synthetic people; every number is given once.

    ``division`` is the six-digit code of GB/T 2260 that numbers begin with, ``place`` the address before the street.
    """

    def __init__(self, seed: int = 1, division: str = "650102", place: str = "") -> None:
        self.random = Random(seed)
        self.faker = Faker("zh_CN")
        self.faker.seed_instance(seed)
        self.division, self.place = division, place
        self._given: set[str] = set()

    def one_of(self, weights: dict[str, int]) -> str:
        """A code, drawn by its weight."""
        return self.random.choices(list(weights), list(weights.values()))[0]

    def chance(self, percent: int) -> bool:
        """True so many times in a hundred."""
        return self.random.random() * 100 < percent

    def born(self, years: float) -> date:
        """A birthday of somebody of about this age."""
        return EPOCH - timedelta(days=int(years * 365.25) + self.random.randrange(365))

    def name(self, gender: str) -> str:
        """A name."""
        return self.faker.name_male() if gender == "male" else self.faker.name_female()

    def id_card_no(self, birth_date: date, gender: str) -> str:
        """A number of GB 11643 that was not given before."""
        while True:
            order = self.random.randrange(1, 500) * 2 - (gender == "male")
            first17 = f"{self.division}{birth_date:%Y%m%d}{order:03d}"
            if first17 not in self._given:
                self._given.add(first17)
                return first17 + identity.check_digit(first17)

    def person(self, gender: str, years: float) -> dict[str, Any]:
        """Name, sex, birthday, number, health and party of one person."""
        birth_date = self.born(max(years, 1))
        health = self.one_of(HEALTH)
        return {
            "full_name": self.name(gender),
            "gender": gender,
            "birth_date": birth_date.isoformat(),
            "id_card_no": self.id_card_no(birth_date, gender),
            "health_status": health,
            "disability_category": self.random.choice(DISABILITIES) if health == "disabled" else None,
            "political_status": self.one_of(POLITICS) if years >= 28 else "masses",
        }

    def member(self, relation: str, gender: str, years: float, **overrides: Any) -> dict[str, Any]:
        """One member of a household, as typed."""
        job, income = self._occupation(years)
        place = f"{self.faker.city_name()}第{self.random.randrange(1, 40)}学校" if job == "student" else None
        typed = self.person(gender, years) | {"relation": relation, "member_identity": job}
        return typed | {"monthly_income": income, "employer_or_school": place} | overrides

    def _occupation(self, years: float) -> tuple[str, int]:
        if years < 6:
            return "preschool_child", 0
        if years < 22:
            return "student", 0
        if years > 60:
            return "retired", self.random.randrange(8, 30) * 100
        job = self.random.choice(("on_duty", "unemployed", "laid_off", "other"))
        return job, self.random.randrange(15, 40) * 100 if job == "on_duty" else 0

    def members(self, count: int, head: dict[str, Any], years: float) -> list[dict[str, Any]]:
        """Those who live with a householder: the spouse first."""
        found = []
        if count and head["marital_status"] == "married":
            relation, gender = ("wife", "female") if head["gender"] == "male" else ("husband", "male")
            found.append(self.member(relation, gender, years + self.random.randrange(-4, 5)))
        while len(found) < count:
            relation, gender, least, most = self.random.choice(KIN)
            age = years + self.random.uniform(least, most)
            if 1 <= age <= 92:
                found.append(self.member(relation, gender, age))
        return found

    def household(self, members: int | None = None, **overrides: Any) -> dict[str, Any]:
        """One household as a form or REST would send it, valid by every rule.

        ``members`` is how many live with the householder, 0 to 5 by chance. A typed ``id_card_no`` brings its
        own birthday and sex; typed ``family_members`` bring their own number.
        """
        gender, years = self.random.choice(("male", "female")), self.random.uniform(24, 62)
        head = self.person(gender, years) | {"marital_status": self.one_of(MARITAL)}
        count = self.random.choices(range(6), (8, 22, 34, 22, 10, 4))[0] if members is None else members
        family = overrides.get("family_members")
        family = self.members(count, head, years) if family is None else family
        job, nature = self.one_of(IDENTITIES), self.one_of(NATURES)
        job = "laid_off" if job == "retired" and years < 50 else job
        monthly = self.random.randrange(3, 32) * 100
        yearly = 12 * (monthly + sum(int(float(m.get("monthly_income") or 0)) for m in family))
        typed = head | {
            "hardship_category": self.one_of(CATEGORIES),
            "ethnicity": self.one_of(ETHNICITIES),
            "worker_identity": job,
            "model_worker_type": self.one_of(MODEL_WORKERS),
            "phone": self.faker.phone_number(),
            "work_start_date": (EPOCH - timedelta(days=int((years - 20) * 365))).isoformat(),
            "employer_name": self.faker.company(),
            "employer_nature": nature,
            "enterprise_condition": self.random.choice(CONDITIONS) if nature != "other" else None,
            "industry": self.random.choice(INDUSTRIES),
            "housing_type": self.one_of(HOUSING),
            "floor_area": f"{self.random.randrange(180, 900) / 10:.1f}",
            "household_registration_type": self.one_of(REGISTRATIONS),
            "registration_division": self.division,
            "home_address": f"{self.place}{self.faker.street_name()}{self.random.randrange(1, 300)}号",
            "postcode": f"{self.division[:2]}{self.random.randrange(10000):04d}",
            "is_single_parent": head["marital_status"] != "married" and self.chance(40),
            "personal_monthly_income": f"{monthly}.00",
            "household_annual_income": f"{yearly}.00",
            "household_size": len(family) + 1,
            "has_medical_insurance": self.chance(85),
            "has_self_help_capacity": self.chance(55),
            "is_zero_employment": not any(m["member_identity"] == "on_duty" for m in family)
            and job != "on_duty",
            "main_hardship_cause": self.one_of(CAUSES),
            "remarks": None,
            "family_members": family,
        }
        if number := overrides.get("id_card_no"):
            born = identity.birth_date(number)
            typed["birth_date"] = born.isoformat() if born else typed["birth_date"]
            typed["gender"] = identity.gender(number) or typed["gender"]
        if overrides.get("health_status", head["health_status"]) != head["health_status"]:
            typed["disability_category"] = "physical" if overrides["health_status"] == "disabled" else None
        return typed | overrides


def household(people: People, **overrides: Any) -> dict[str, Any]:
    """`People.household`, for those who hold a source of people."""
    return people.household(**overrides)
