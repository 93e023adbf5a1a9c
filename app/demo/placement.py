"""Job placement in the demo country: agencies, who looks for workers, who looks for work, what came of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from random import Random
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.demo.people import People
from app.kit import saving
from app.kit.clock import today
from app.kit.scope import Actor
from app.models.archive import Archive
from app.models.archive.lists import in_normal_lists, is_formal
from app.models.employer import Employer
from app.models.job_agency import JobAgency
from app.models.job_position import JobPosition
from app.models.job_seeker import JobSeeker
from app.models.recommendation import Recommendation

AGENCIES = (("便民职业介绍所", "劳动力中介许可"), ("职工就业服务站", "家政服务员培训"))
#: name, nature, industry and its positions: title, how many, education, salary, what is asked
EMPLOYERS: tuple[tuple[str, str, tuple[tuple[str, int, str, int, str], ...]], ...] = (
    (
        "机电设备厂",
        "state_enterprise",
        (
            ("维修电工", 3, "senior_secondary", 4800, "持电工证，能上夜班。"),
            ("仓库管理员", 2, "junior_secondary", 3600, "会使用电脑，有仓储经验者优先。"),
        ),
    ),
    (
        "家政服务有限公司",
        "private_enterprise",
        (
            ("家政服务员", 10, "primary_or_below", 4200, "身体健康，会做家常菜。"),
            ("护理员", 4, "junior_secondary", 4500, "有护理证者优先。"),
        ),
    ),
    ("连锁超市", "private_enterprise", (("收银员", 5, "junior_secondary", 3500, "能适应倒班。"),)),
)
#: what a worker wants, what he has learned and can do, what he hopes for
WISHES = (
    ("电工", "senior_secondary", "机电一体化", "低压电工证", 4500),
    ("家政服务员", "junior_secondary", "", "做饭、保洁", 4000),
    ("仓库管理员或收银员", "senior_secondary", "会计", "电脑操作", 3300),
    ("护理员", "junior_college", "护理", "护理证", 4500),
)
MESSAGE = "请审核。"


def place(session: Session, clerk: Actor, random: Random, people: People, *, reports: bool) -> None:
    """The whole of one unit, part of it reported."""
    agencies = [_save(session, JobAgency(), typed, clerk) for typed in _agencies(clerk)]
    if reports:
        agencies[0].perform("report", clerk, message=MESSAGE)
    for number, (name, nature, positions) in enumerate(EMPLOYERS):
        typed = {
            "agency_id": agencies[number % 2].id,
            "registered_on": f"{today() - timedelta(days=random.randrange(60, 90))}",
            "name": f"{clerk.unit_name.removesuffix('总工会')}{name}",
            "employer_nature": nature,
            "contact_name": people.name("female"),
            "contact_phone": f"010-5550{random.randrange(1000, 10000)}",
        }
        employer = _save(session, Employer(), typed, clerk)
        for position in positions:
            _save(session, JobPosition(), _position(position) | {"employer_id": employer.id}, clerk)
        if reports and number == 0:
            employer.perform("report", clerk, message=MESSAGE)
    _seek(session, clerk)


def _save(session: Session, record: Any, typed: dict[str, Any], clerk: Actor) -> Any:
    saving.save(session, record, typed, clerk)
    return record


def _agencies(clerk: Actor) -> Iterator[dict[str, Any]]:
    for number, (name, qualification) in enumerate(AGENCIES):
        yield {
            "registered_on": f"{today() - timedelta(days=120 + number)}",
            "name": f"{clerk.unit_name.removesuffix('总工会')}{name}",
            "staff_count": 4 + number,
            "qualification": qualification,
            "has_subsidy": not number,
        }


def _position(position: tuple[str, int, str, int, str]) -> dict[str, Any]:
    title, openings, education, salary, requirements = position
    return {
        "title": title,
        "work_location": "德胜门外大街",
        "openings": openings,
        "education_required": education,
        "salary_min": salary - 600,
        "salary_max": salary,
        "age_min": 18,
        "age_max": 58,
        "published_on": f"{today() - timedelta(days=20)}",
        "valid_until": f"{today() + timedelta(days=70)}",
        "requirements": requirements,
    }


def _seek(session: Session, clerk: Actor) -> None:
    """Some of the unit's workers look for work; the first one has found it."""
    mine = select(Archive).where(in_normal_lists(), is_formal(), Archive.owner_path == clerk.path)
    workers = session.scalars(mine.order_by(Archive.id).limit(len(WISHES))).all()
    for number, worker in enumerate(workers):
        wish, education, major, skills, salary = WISHES[number]
        typed = {
            "id_card_no": worker.id_card_no,
            "registered_on": f"{today() - timedelta(days=15)}",
            "education": education,
            "major": major,
            "skills": skills,
            "desired_position": wish,
            "desired_salary": salary,
            "desired_location": "德外街道或德胜门附近",
        }
        seeker = _save(session, JobSeeker(), typed, clerk)
        position = session.scalar(select(JobPosition).where(JobPosition.title == wish))
        if number == 1 and position is not None:
            told = {"job_seeker_id": seeker.id, "job_position_id": position.id}
            _save(session, Recommendation(), told | {"recommended_on": f"{today()}"}, clerk)
