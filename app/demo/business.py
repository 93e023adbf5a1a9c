"""What the clerks of the demo country have done: petitions and advice, aids on the way up, ledgers, a signed table.

Everything goes through the doors that clerks use, so that histories, seals and sums are those of real work.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, timedelta
from random import Random
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.demo import placement
from app.demo.documents import publish
from app.demo.people import People
from app.demo.training import train
from app.kit import saving
from app.kit.clock import today
from app.kit.scope import Actor, acting
from app.models.account import Account
from app.models.aid import Aid
from app.models.aid_centre import AidCentre
from app.models.archive import Archive
from app.models.archive.lists import in_normal_lists, is_formal
from app.models.assignment import Assignment
from app.models.consultation import Consultation
from app.models.fund_entry import FundEntry
from app.models.fund_summary import FundSummary
from app.models.legal_aid import LegalAid
from app.models.petition import Petition
from app.models.unit import Unit

#: the units that have aided somebody, and whether they have reported some of it
GIVERS = {"dewai": True, "xinjiekou": True, "xueyuanlu": True, "caohejing": False, "xinfeng": True}
#: workers aided by each
WORKERS = 8
MEASURES = {"living": 500, "medical": 2000, "goods": 200, "tuition": 1500}
#: the books of a street: fund, what was done, amount
BOOKS = (
    ("central_finance", "income", "", 60_000),
    ("central_finance", "expense", "warmth_campaign", 8_000),
    ("union_funds", "income", "", 20_000),
    ("union_funds", "expense", "daily_relief", 3_500),
)
PETITIONS = (
    ("remuneration", "所在单位拖欠两个月工资，请求帮助追讨。"),
    ("social_insurance", "离职后单位未办理社会保险转移手续。"),
    ("labour_contract", "劳动合同到期，单位未按规定支付经济补偿。"),
)
QUESTIONS = (
    ("wages", "本市最低工资标准是多少？", "已告知现行标准和查询办法。"),
    ("medical_insurance", "大病医疗救助怎样申请？", "已告知申请材料和办理地点。"),
)
CASE = {
    "legal_aid_form": "arbitration",
    "cause": "work_injury",
    "case_summary": "工伤认定后单位拒付医疗费，协助申请仲裁。",
    "handler": "值班律师",
}
#: the aid centres: people, square metres, 万元
CENTRES = {"bj": (24, 860, 180), "xicheng": (12, 420, 65), "dewai": (5, 120, 8), "haidian": (10, 390, 60)}
CENTRES |= {"sh": (28, 900, 210), "xuhui": (11, 350, 70)}
MESSAGE = "请审核。"


def conduct(session: Session) -> None:
    """Receive, aid, book and sum up; the caller commits."""
    random, people = Random(20260302), People(20260302)
    for login, reports in GIVERS.items():
        with _at_work(session, login) as clerk:
            _receive(session, clerk, random, people, reports=reports)
            _aid(session, clerk, random, reports=reports)
            train(session, clerk, random, people, reports=reports)
            if login in ("dewai", "caohejing"):
                _keep_books(session, clerk)
                placement.place(session, clerk, random, people, reports=reports)
    with _at_work(session, "dewai") as clerk:
        _sum_up(session, clerk)
    for login, size in CENTRES.items():
        with _at_work(session, login, role="") as clerk:  # the administrator
            _found_centre(session, clerk, random, *size)
    publish(session)


@contextmanager
def _at_work(session: Session, login: str, role: str = "_clerk") -> Iterator[Actor]:
    mine = select(Account, Unit).join(Assignment, Assignment.account_id == Account.id).join(Unit)
    account, unit = session.execute(mine.where(Account.username == f"{login}{role}")).one()
    clerk = Actor(account.id, account.full_name, unit.id, unit.name, unit.path, unit.level)
    with acting(clerk):
        yield clerk


def _save(session: Session, record: Any, typed: Mapping[str, Any], clerk: Actor) -> Any:
    saving.save(session, record, typed, clerk)
    return record


def _day(random: Random) -> str:
    """A day of this year that is over."""
    first = date(today().year, 1, 1)
    return f"{first + timedelta(days=random.randrange((today() - first).days + 1))}"


def _receive(session: Session, clerk: Actor, random: Random, people: People, *, reports: bool) -> None:
    """Visitors with a petition or a question."""
    for number, (category, content) in enumerate(PETITIONS):
        visitor = people.person("female", 30 + 8 * number)
        who = {"visitor_name": visitor["full_name"], "gender": "female", "id_card_no": visitor["id_card_no"]}
        typed = {"visited_on": _day(random), "channel": "visit", "category": category, "content": content}
        petition = _save(session, Petition(), typed | who, clerk)
        if reports and number:
            petition.perform("report", clerk, message=MESSAGE)
    for category, content, reply in QUESTIONS:
        typed = {"consulted_on": _day(random), "visitor_name": people.name("male"), "channel": "phone"}
        typed |= {"category": category, "content": content, "reply": reply}
        _save(session, Consultation(), typed, clerk)


def _aid(session: Session, clerk: Actor, random: Random, *, reports: bool) -> None:
    mine = select(Archive).where(in_normal_lists(), is_formal(), Archive.owner_path == clerk.path)
    for number, worker in enumerate(session.scalars(mine.order_by(Archive.id).limit(WORKERS)).all()):
        chosen = random.sample(list(MEASURES), 1 + number % 2)
        typed = {
            "id_card_no": worker.id_card_no,
            "aid_category": worker.main_hardship_cause,
            "aid_date": _day(random),
            "aid_form": "home_visit",
            "measures": [{"measure": name, "amount": MEASURES[name]} for name in chosen],
        }
        aid = _save(session, Aid(), typed, clerk)
        if reports and number % 3:
            aid.perform("report", clerk, message=MESSAGE)
        if number == 0:
            _save(
                session, LegalAid(), CASE | {"id_card_no": worker.id_card_no, "aided_on": _day(random)}, clerk
            )


def _keep_books(session: Session, clerk: Actor) -> None:
    for fund, direction, kind, amount in BOOKS:
        typed = {"entry_date": f"{today()}", "income_type": fund, f"{direction}_amount": amount}
        typed |= {"expense_type": kind} if kind else {}
        _save(session, FundEntry(), typed | {"is_fiscal_budget": fund == "central_finance"}, clerk)


def _sum_up(session: Session, clerk: Actor) -> None:
    """The central money for a living of one street, signed and reported."""
    head = {"source": "central", "category": "living", "year": today().year, "filled_on": f"{today()}"}
    typed = head | {"filled_by": clerk.name, "phone": "010-55500004"}
    table = _save(session, FundSummary(), typed, clerk)
    aids = session.scalars(select(Aid).where(Aid.owner_path == clerk.path)).all()
    living = [line.id for aid in aids for line in aid.measures if line.measure == "living"]
    table.perform("insert_lines", clerk, measure_line_ids=living)
    table.perform("report", clerk, message=MESSAGE)


def _found_centre(session: Session, clerk: Actor, random: Random, staff: int, area: int, budget: int) -> None:
    """The aid centre of a unit, with its people and its house."""
    name = f"{clerk.unit_name.removesuffix('总工会')}困难职工帮扶中心"
    typed: dict[str, Any] = {"centre_name": name, "centre_level": clerk.level}
    typed |= {"is_public_institution": clerk.level != "township", "authorised_posts": f"{staff * 2 // 3}"}
    typed |= {"staff_count": f"{staff}", "full_time": f"{staff // 2}", "part_time": f"{staff // 4}"}
    typed |= {"hired": f"{staff - staff // 2 - staff // 4}", "floor_area_m2": f"{area}"}
    typed |= {"in_fiscal_budget": True, "annual_budget_wan": f"{budget}", "has_coordination_system": True}
    typed |= {"services": ["living", "medical", "legal_aid"]}
    typed |= {"founded_on": f"{random.randrange(2003, 2012)}-05-01"}
    _save(session, AidCentre(), typed, clerk)
