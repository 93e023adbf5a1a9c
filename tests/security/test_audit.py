"""What the log of log-ins keeps, and what a person is told of it (DESIGN §10)."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from app.kit import scope
from app.kit.database import db
from app.models.login_attempt import LoginAttempt
from tests.security.browser import PASSWORD, Browser
from tests.world import words_of

RIGHTS = frozenset({"用户管理"})


@pytest.fixture
def lines(house):
    """Lines of the log as dictionaries, the oldest first."""

    def lines(*names):
        with house.app_context(), scope.acting(scope.SYSTEM):
            found = db.session.scalars(select(LoginAttempt).order_by(LoginAttempt.id)).all()
            return [tuple(getattr(line, name) for name in names) for line in found]

    return lines


def test_a_line_says_who_where_from_and_by_what(browser, lines):
    browser.login("Bj@Example.org")
    [line] = lines("login_name", "person_name", "unit_name", "address", "factor", "outcome")
    assert line == ("bj", "bj管理员", "北京市总工会", "127.0.0.1", "password", "in")


def test_a_password_in_the_field_of_the_name_is_not_kept(browser, lines):
    typed = ("Gong-hui-Mi-Ma-9", " gong-hui-mi-ma-9 ", "another")
    for name in typed:
        browser.login(name, "x")
    names = [name for (name,) in lines("login_name")]
    assert names[0] == names[1] != names[2]  # as one name it locks
    assert all(len(name) == 17 and name.startswith("?") for name in names)
    assert "ong" not in "".join(names)


def test_the_last_login_is_told_with_what_failed_since(browser, house, rest):
    browser.login("bj")
    assert "上次登录" not in words_of(browser.get("/").text)
    rest.login("bj", "wrong")
    rest.login("bj", "wrong")
    again = Browser(house.test_client())
    again.login("bj")
    told = words_of(again.get("/").text)
    assert "上次登录：" in told
    assert "来自127.0.0.1；此后有2次登录失败" in told
    assert "上次登录" not in words_of(again.get("/").text)  # once


def test_ones_own_last_log_ins_stand_under_ones_name(browser, rest, house):
    rest.login("xicheng_reader", "wrong")
    rest.login("bj", "wrong")
    browser.login("xicheng_reader")
    page = browser.get("/safety/").text
    assert page.count("用户名或密码不正确") == 1
    assert "127.0.0.1" in page
    assert '<a class="dropdown-item" href="/safety/">' in page


def test_the_unit_of_the_moment_goes_on_seeing_it(browser, house, lines):
    """Who has moved on leaves his lines with the unit where they were written."""
    from app.models.account import Account
    from app.models.unit import Unit

    browser.login("xicheng")
    with house.app_context(), scope.acting(scope.SYSTEM):
        shanghai = db.session.scalars(select(Unit).where(Unit.name == "上海市总工会")).one()
        account = db.session.scalars(select(Account).where(Account.username == "xicheng")).one()
        account.assignments[0].unit, account.assignments[0].unit_path = shanghai, shanghai.path
        beijing = db.session.scalars(select(Unit.path).where(Unit.name == "北京市总工会")).one()
        db.session.commit()
        path = shanghai.path
    seen = {}
    for name, where in (("bj", beijing), ("sh", path)):
        with house.app_context(), scope.acting(scope.Actor(0, "管理员", path=where, rights=RIGHTS)):
            seen[name] = len(db.session.scalars(select(LoginAttempt)).all())
    assert seen == {"bj": 1, "sh": 0}


def test_names_that_nobody_has_are_seen_at_the_very_top_alone(browser, house):
    browser.login("nobody", PASSWORD)
    with house.app_context():
        for level, number in (("national", 1), ("province", 0)):
            with scope.acting(scope.Actor(0, "管理员", path="zzzz", level=level, rights=RIGHTS)):
                assert len(db.session.scalars(select(LoginAttempt)).all()) == number
