"""A small house of three units and a few people, with the real application around it.

It has a database of its own: what is proved here are commits, several sessions and several threads.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask_appbuilder import Model
from flask_appbuilder.security.sqla.models import Role
from sqlalchemy import event, select

import config
from app import create_app
from app.kit import clock, codes, scope, tree
from app.kit.database import db
from app.models.account import Account
from app.models.assignment import Assignment
from app.models.login_attempt import LoginAttempt
from app.models.unit import Unit
from app.security import factors, grants, policy
from tests.scratch import scratch_database
from tests.security.browser import PASSWORD, Browser, Device


@pytest.fixture(scope="session")
def scratch_url(tmp_path_factory, worker_id) -> Iterator[str]:
    with scratch_database(tmp_path_factory.mktemp("security"), f"security_{worker_id}") as url:
        yield url


@pytest.fixture(scope="session")
def building(scratch_url) -> Iterator[Flask]:
    settings = type("Door", (config.Testing,), {"SQLALCHEMY_DATABASE_URI": scratch_url})
    flask = create_app(settings)
    with flask.app_context():
        Model.metadata.create_all(db.engine)
        with scope.acting(scope.SYSTEM):
            codes.seed()
            db.session.commit()
    yield flask
    with flask.app_context():
        db.engine.dispose()


@pytest.fixture
def house(building) -> Flask:
    """The application; its people are as new."""
    with building.app_context(), scope.acting(scope.SYSTEM):
        db.session.execute(sa.update(Unit).values(parent_id=None, created_by_id=None, updated_by_id=None))
        for name in (
            "login_attempt",
            "login_puzzle",
            "reminder",
            "assignment_role",
            "assignment",
            "ab_user",
            "unit",
        ):
            db.session.execute(Model.metadata.tables[name].delete())
        grants.sync(db.session)
        units = [_unit("北京市总工会", None), _unit("西城区总工会", 0), _unit("上海市总工会", None)]
        for login, unit, rights in (
            ("bj", 0, ["困难职工档案", "用户管理"]),
            ("xicheng", 1, ["困难职工档案", "用户管理"]),
            ("xicheng_reader", 1, []),
            ("sh", 2, ["困难职工档案"]),
        ):
            _person(login, units[unit], rights)
        db.session.commit()
        db.session.remove()
    return building


def _unit(name: str, parent: int | None) -> Unit:
    above = db.session.scalars(select(Unit).order_by(Unit.id)).all()[parent] if parent is not None else None
    unit = Unit(name=name, level="provincial", parent_id=above.id if above else None)
    unit.profile_confirmed_at = clock.now()
    unit.path = name[:4]
    unit.stamp(scope.SYSTEM)
    db.session.add(unit)
    db.session.flush()
    unit.path = (above.path if above else "") + tree.segment(unit.id)
    db.session.flush()
    return unit


def _person(login: str, unit: Unit, rights: list[str]) -> Account:
    account = Account(
        username=login, first_name=f"{login}管理员", last_name="", active=True, email=f"{login}@example.org"
    )
    account.password, account.must_change_password, account.session_version = (
        policy.hashed(PASSWORD),
        False,
        1,
    )
    account.profile_confirmed_at = clock.now()  # the first login is behind them
    account.stamp(scope.SYSTEM)
    place = Assignment(account=account, unit=unit, unit_path=unit.path)
    place.roles = list(db.session.scalars(select(Role).where(Role.name.in_(rights))))
    place.admin_slot = 1 if "用户管理" in rights else None
    db.session.add_all([account, place])
    db.session.flush()
    return account


@pytest.fixture
def browser(house) -> Browser:
    return Browser(house.test_client())


@pytest.fixture
def rest(house):
    """Log in over REST: the answer, or with `bearer` the header."""

    class Rest:
        client = house.test_client()

        def login(self, name: str, password: Any = PASSWORD, **more: Any) -> Any:
            body = {"username": name, "password": password, "provider": "db", **more}
            return self.client.post("/api/v1/security/login", json=body)

        def bearer(self, name: str, password: str = PASSWORD) -> dict[str, str]:
            return {"Authorization": f"Bearer {self.login(name, password).json['access_token']}"}

    return Rest()


@pytest.fixture
def change(house):
    """Change an account behind everybody's back."""

    def change(login: str, **values: Any) -> None:
        with house.app_context(), scope.acting(scope.SYSTEM):
            account = db.session.scalars(select(Account).where(Account.username == login)).one()
            rights = values.pop("rights", None)
            for name, value in values.items():
                setattr(account, name, value)
            if rights is not None:
                account.assignments[0].roles = list(
                    db.session.scalars(select(Role).where(Role.name.in_(rights)))
                )
            db.session.commit()

    return change


@pytest.fixture
def reset(house):
    """Give a one-time password."""

    def reset(login: str) -> str:
        with house.app_context(), scope.acting(scope.SYSTEM):
            account = db.session.scalars(select(Account).where(Account.username == login)).one()
            password = policy.issue_one_time_password(account, scope.Actor(None, "管理员", everywhere=True))
            db.session.commit()
            return password

    return reset


@pytest.fixture
def log(house):
    """Outcomes in the log, the oldest first."""

    def log(name: str) -> list[str]:
        with house.app_context(), scope.acting(scope.SYSTEM):
            found = (
                select(LoginAttempt.outcome).where(LoginAttempt.login_name == name).order_by(LoginAttempt.id)
            )
            return list(db.session.scalars(found))

    return log


@pytest.fixture
def statements(house) -> Iterator[list[str]]:
    """Every SQL statement that is sent meanwhile, transaction words left out."""
    sent: list[str] = []

    def note(_connection, _cursor, statement, *_rest):
        if not statement.startswith(("BEGIN", "PRAGMA")):
            sent.append(statement)

    with house.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    yield sent
    event.remove(engine, "before_cursor_execute", note)


@pytest.fixture
def change_unit(house):
    """Change a unit behind everybody's back."""

    def change_unit(name: str, **values: Any) -> None:
        with house.app_context(), scope.acting(scope.SYSTEM):
            unit = db.session.scalars(select(Unit).where(Unit.name == name)).one()
            for key, value in values.items():
                setattr(unit, key, value)
            db.session.commit()

    return change_unit


@pytest.fixture
def look(house):
    """Columns of an account as they stand in the database."""

    def look(login: str, *names: str) -> Any:
        with house.app_context(), scope.acting(scope.SYSTEM):
            account = db.session.scalars(select(Account).where(Account.username == login)).one()
            found = [getattr(account, name) for name in names]
            return found[0] if len(found) == 1 else found

    return look


@pytest.fixture
def bind(house):
    """Bind a device to an account: the device, and its recovery codes."""

    def bind(login: str) -> tuple[Device, list[str]]:
        with house.app_context(), scope.acting(scope.SYSTEM):
            account = db.session.scalars(select(Account).where(Account.username == login)).one()
            device = Device(factors.new_secret())
            codes = factors.bind(account, device.secret, 0, clock.now())
            db.session.commit()
        return device, codes

    return bind
