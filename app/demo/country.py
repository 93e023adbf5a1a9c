"""The demo country of DESIGN §8: eleven units, their people, and synthetic households in every state."""

from __future__ import annotations

import os
from collections import Counter
from datetime import datetime, timedelta
from random import Random
from typing import Any, NamedTuple

from flask import current_app
from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from app.demo.people import People
from app.kit import clock, tree
from app.kit.claims import IdentityClaim, id_key
from app.kit.history import RecordVersion, difference, snapshot
from app.kit.record import fill
from app.kit.reminders import Reminder
from app.kit.scope import SYSTEM, Actor, door
from app.kit.workflow import StepLog
from app.models.account import Account
from app.models.archive import Archive
from app.models.archive.lookup import REGISTRY
from app.models.assignment import ADMINISTRATION, Assignment
from app.models.unit import Unit
from app.security import policy


class Place(NamedTuple):
    """One unit of the demo country; ``share`` is its part of the households."""

    login: str
    name: str
    level: str
    parent: str
    division: str
    town: str
    share: int = 0


PLACES = (
    Place("root", "中华全国总工会", "national", "", "110000", "北京市"),
    Place("bj", "北京市总工会", "province", "root", "110000", "北京市"),
    Place("xicheng", "西城区总工会", "county", "bj", "110102", "北京市西城区", 4),
    Place("dewai", "德外街道总工会", "township", "xicheng", "110102", "北京市西城区德外街道", 24),
    Place("xinjiekou", "新街口街道总工会", "township", "xicheng", "110102", "北京市西城区新街口街道", 20),
    Place("haidian", "海淀区总工会", "county", "bj", "110108", "北京市海淀区", 3),
    Place("xueyuanlu", "学院路街道总工会", "township", "haidian", "110108", "北京市海淀区学院路街道", 18),
    Place("sh", "上海市总工会", "province", "root", "310000", "上海市"),
    Place("xuhui", "徐汇区总工会", "county", "sh", "310104", "上海市徐汇区", 3),
    Place("caohejing", "漕河泾街道总工会", "township", "xuhui", "310104", "上海市徐汇区漕河泾街道", 18),
    Place("xinfeng", "新风社区工会", "grassroots", "dewai", "110102", "北京市西城区德外街道新风社区", 10),
)
#: login name → the only rights that he holds
READERS = {"dewai_reader": ("dewai", ("信访接待",))}
MESSAGES = {
    "report": ("请审核本批档案。", "材料已核对，请查收。", "本月新增档案，请审核。"),
    "send_back": ("联系电话有误，请核对后再报。", "请补充收入证明。", "家庭成员信息不全，请补充。"),
}
SEED = 20260302
CHUNK = 500


def load(session: Session, households: int = 2000) -> str:
    """Fill an empty database; the caller commits. Returns the password of every demo account."""
    country = _Country(session)
    country.found_units()
    password = country.hire()
    country.register(households)
    return password


def login_names(session: Session) -> list[str]:
    """The demo accounts that there are, in the order of the units: administrator, clerk, readers."""
    statement = (
        select(Account.username).where(Account.is_synthetic.is_(True)).execution_options(**door("demo"))
    )
    there = set(session.scalars(statement))
    wanted = [name for place in PLACES for name in _logins(place.login)]
    return [name for name in wanted if name in there]


def _logins(unit: str) -> list[str]:
    return [unit, f"{unit}_clerk", *(name for name, (where, _rights) in READERS.items() if where == unit)]


def demo_password() -> str:
    """The password from the environment, or a random one that the policy accepts for every demo account."""
    if given := os.environ.get("UNIONDESK_DEMO_PASSWORD"):
        return given
    names = [name for place in PLACES for name in _logins(place.login)]
    while True:
        password = policy.one_time_password()
        if not any(policy.policy().problems(password, name) for name in names):
            return password


class _Country:
    """The work of loading: units first, then people, then households."""

    def __init__(self, session: Session) -> None:
        self.session, self.random, self.now = session, Random(SEED), clock.now()
        self.people = People(SEED)
        self.units: dict[str, Unit] = {}
        self.clerks: dict[str, Actor] = {}

    # --- units ------------------------------------------------------------------------------------------------

    def found_units(self) -> None:
        """Every unit with its contact data filled in and confirmed."""
        for number, place in enumerate(PLACES, 1):
            unit = Unit(name=place.name, level=place.level, admin_division=place.division)
            if not place.parent:
                unit.id = 1
            unit.parent_id = self.units[place.parent].id if place.parent else None
            self._contact(unit, place, number)
            unit.stamp(SYSTEM)
            self.session.add(unit)
            self.session.flush()  # the path is made of the id
            if not place.parent and self.session.get_bind().dialect.name == "postgresql":
                self.session.execute(select(func.setval(func.pg_get_serial_sequence("unit", "id"), 1)))
            unit.settle(SYSTEM)
            self.units[place.login] = unit

    def _contact(self, unit: Unit, place: Place, number: int) -> None:
        area = "021" if place.division.startswith("31") else "010"
        unit.address = f"{place.town}{self.people.faker.street_name()}{number}号"
        unit.postcode = f"{100000 + number:06d}" if area == "010" else f"{200000 + number:06d}"
        unit.area_code, unit.email = area, f"{place.login}@example.org"
        unit.leader_name = self.people.name(self.random.choice(("male", "female")))
        unit.leader_phone = self.people.faker.phone_number()
        unit.office_phone, unit.fax = f"{area}-5550{number:04d}", f"{area}-5551{number:04d}"
        unit.duty_phone, unit.is_aid_centre = f"{area}-5552{number:04d}", place.level != "grassroots"
        unit.introduction = f"{place.name}设帮扶窗口，受理困难职工的建档与帮扶申请。"
        unit.profile_confirmed_at = self.now

    # --- people -----------------------------------------------------------------------------------------------

    def hire(self) -> str:
        """An administrator and a clerk for every unit, and the readers. Returns their password."""
        password, every = demo_password(), list(current_app.extensions["rights"])
        for place in PLACES:
            for login in _logins(place.login):
                rights = every
                if login.endswith("_clerk"):
                    rights = [right for right in every if right != ADMINISTRATION]
                elif login in READERS:
                    rights = [right for right in READERS[login][1] if right in every]
                account = self._person(login, self.units[place.login], rights, password)
                if login.endswith("_clerk"):
                    self.clerks[place.login] = _actor(account, self.units[place.login])
        return password

    def _person(self, login: str, unit: Unit, rights: list[str], password: str) -> Account:
        gender = self.random.choice(("male", "female"))
        account = Account(username=login, first_name=self.people.name(gender), last_name="", gender=gender)
        account.phone, account.email = self.people.faker.phone_number(), f"{login}.person@example.org"
        account.job_title = "用户管理员" if ADMINISTRATION in rights else "干事"
        account.active = account.is_synthetic = True
        account.certificate_required, account.profile_confirmed_at = False, self.now
        policy.set_password(account, password, self.now)
        account.stamp(SYSTEM)
        place = Assignment(account=account, unit=unit, unit_id=unit.id, unit_path=unit.path)
        self.session.add(account)
        place.grant(rights)
        self.session.flush()  # the id goes into the history of the households
        return account

    # --- households -------------------------------------------------------------------------------------------

    def register(self, households: int) -> None:
        """Files over two years, each with its claims, its history and the reminders of its way up and down."""
        sources = {
            place.login: People(SEED + number, place.division, place.town)
            for number, place in enumerate(PLACES, 1)
        }
        owners = self._owners(households)
        age = timedelta(days=700) / max(households, 1)
        running: Counter[str] = Counter()
        files = []
        for order, owner in enumerate(owners):
            at = self.now - (households - order) * age
            running[owner] += 1
            files.append(self._file(sources[owner].household(), owner, running[owner], at))
        files += self._same_person_twice(sources["dewai"], running["dewai"])
        for start in range(0, len(files), CHUNK):
            self._store(files[start : start + CHUNK])
        for start in range(0, len(files), CHUNK):
            self._move(files[start : start + CHUNK])

    def _owners(self, households: int) -> list[str]:
        total = sum(place.share for place in PLACES)
        exact = [place.login for place in PLACES for _each in range(households * place.share // total)]
        exact += ["dewai"] * (households - len(exact))
        self.random.shuffle(exact)
        return exact

    def _file(self, typed: dict[str, Any], owner: str, number: int, at: datetime) -> Archive:
        clerk, archive = _at(self.clerks[owner], at), Archive()
        problems, _unread = fill(archive, typed)
        if problems:
            raise ValueError(problems)
        archive.archive_no = f"{self.units[owner].unit_no}{number:06d}"
        archive.is_cancelled, archive.problem_flags = False, []
        archive.derive(clerk)
        archive.stamp(clerk)
        return archive

    def _same_person_twice(self, people: People, last: int) -> list[Archive]:
        """One pair of files with the same number, as an old system left it; they wait to be merged."""
        typed = people.household(members=1, hardship_category="low_income")
        again = people.household(members=2, hardship_category="low_income", id_card_no=typed["id_card_no"])
        again |= {name: typed[name] for name in ("full_name", "gender", "birth_date", "home_address")}
        pair = []
        for number, one in enumerate((typed, again), 1):
            archive = self._file(one, "dewai", last + number, self.now - timedelta(days=3 - number))
            archive.problem_flags = ["duplicate_id"]
            pair.append(archive)
        return pair

    def _store(self, files: list[Archive]) -> None:
        """Files with their members, numbers and first version."""
        self.session.add_all(files)
        self.session.flush()  # ids for claims and history
        held = set(self.session.scalars(select(IdentityClaim.id_key).execution_options(**door("demo"))))
        claims = []
        for archive in files:
            for claim in archive.identity_claims():
                key = id_key(claim.number)
                if key not in held:
                    held.add(key)
                    claims.append(_claim(key, archive.id, claim.role))
        self.session.execute(insert(IdentityClaim), claims)
        self.session.execute(insert(RecordVersion), [self._first_version(archive) for archive in files])

    def _first_version(self, archive: Archive) -> dict[str, Any]:
        author = self._clerk_at(archive.owner_path, archive.created_at)
        return _version(archive, "add", author, None, None, difference({}, snapshot(archive)))

    def _move(self, files: list[Archive]) -> None:
        """Bring each file to one of the states that there are for its owner, by the steps that lead there."""
        versions, logs = [], []
        for archive in files:
            depth = tree.depth_of(archive.owner_path)
            ways = (
                [(depth, False)] * 3 + [(depth - 1, False)] + [(holder, False) for holder in range(1, depth)]
            )
            ways += [(holder, True) for holder in range(2, depth + 1)]
            number = int(archive.archive_no[-6:])
            holder, returned = ways[number % len(ways)]
            if archive.problem_flags:
                holder, returned = depth, False
            steps = ["report"] * (depth - holder + returned) + ["send_back"] * returned
            versions += [self._step(archive, step, logs) for step in steps]
        if versions:
            self.session.flush()  # the reminders' ids go into the log
            for log in logs:
                log["reminder_id"] = log["reminder_id"].id
            self.session.execute(insert(RecordVersion), versions)
            self.session.execute(insert(StepLog), logs)

    def _step(self, archive: Archive, step: str, logs: list[dict[str, Any]]) -> dict[str, Any]:
        """One step as the workflow would have done it at the time. Returns its version."""
        at = (archive.last_returned_at or archive.last_reported_at or archive.created_at) + timedelta(
            hours=self.random.randrange(1, 40)
        )
        at = min(at, self.now)
        sender = self._clerk_at(tree.ancestor(archive.owner_path, archive.holder_depth), at)
        message, before = self.random.choice(MESSAGES[step]), snapshot(archive)
        if step == "report":
            archive.holder_depth, archive.returned, archive.last_reported_at = (
                archive.holder_depth - 1,
                False,
                at,
            )
        else:
            archive.returned_from |= 1 << archive.holder_depth
            archive.holder_depth, archive.returned, archive.last_returned_at = (
                archive.holder_depth + 1,
                True,
                at,
            )
        receiver = self._clerk_at(tree.ancestor(archive.owner_path, archive.holder_depth), at)
        reminder = self._remind(archive, step, sender, receiver, message)
        logs.append(
            {
                "record_type": "archive",
                "record_id": archive.id,
                "step": step,
                "at": at,
                "account_id": sender.account_id,
                "account_name": sender.name,
                "from_unit_id": sender.unit_id,
                "to_unit_id": receiver.unit_id,
                "reminder_id": reminder,
                "answers": {},
                "message": message,
            }
        )
        return _version(archive, step, sender, message, before, difference(before, snapshot(archive)))

    def _remind(self, archive: Archive, step: str, sender: Actor, receiver: Actor, message: str) -> Reminder:
        is_old = sender.at < self.now - timedelta(days=14)
        reminder = Reminder(
            sender_unit_id=sender.unit_id,
            sender_unit_name=sender.unit_name,
            receiver_unit_id=receiver.unit_id,
            subject="职工档案上报数据" if step == "report" else "职工档案退回数据",
            message=message,
            category=archive.reminder_category,
            state="done" if is_old else "open",
            handled_by_name=receiver.name if is_old else None,
            handled_at=sender.at + timedelta(days=1) if is_old else None,
            record_type="archive",
            record_count=1,
            record_ids=[archive.id],
        )
        reminder.stamp(sender)
        self.session.add(reminder)
        return reminder

    def _clerk_at(self, path: str, at: datetime) -> Actor:
        return next(_at(clerk, at) for clerk in self.clerks.values() if clerk.path == path)


def _actor(account: Account, unit: Unit) -> Actor:
    return Actor(account.id, account.full_name, unit.id, unit.name, unit.path, unit.level)


def _at(clerk: Actor, at: datetime) -> Actor:
    return Actor(clerk.account_id, clerk.name, clerk.unit_id, clerk.unit_name, clerk.path, clerk.level, at=at)


def _claim(key: str, archive_id: int, role: str) -> dict[str, Any]:
    return {
        "within": REGISTRY,
        "id_key": key,
        "record_type": "archive",
        "record_id": archive_id,
        "role": role,
    }


def _version(
    archive: Archive, step: str, who: Actor, message: str | None, before: Any, diff: list[list[Any]]
) -> dict[str, Any]:
    return {
        "record_type": "archive",
        "record_id": archive.id,
        "at": who.at,
        "account_id": who.account_id,
        "account_name": who.name,
        "unit_id": who.unit_id,
        "unit_name": who.unit_name,
        "step": step,
        "message": message,
        "snapshot": before,
        "diff": diff,
    }
