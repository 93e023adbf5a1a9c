"""The lock: 5 failures, 10 minutes, form and REST together."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.security import attempts
from tests.security.browser import LATER


@pytest.fixture
def time_machine(time_machine):
    from app.kit import clock

    time_machine.move_to(clock.datetime.now(clock.ZONE), tick=False)
    return time_machine


def test_five_failures_over_form_and_rest_lock_both(browser, rest, log):  # DESIGN §10
    for _ in range(3):
        assert browser.login("bj", "wrong").status_code == 401
    for _ in range(2):
        assert rest.login("BJ@example.org", "wrong").status_code == 401
    page, answer = browser.login("bj"), rest.login("bj")
    assert page.status_code == answer.status_code == 429
    assert "账号已锁定，请10分钟后再试" in page.text
    assert "账号已锁定，请10分钟后再试" in answer.json["message"]
    assert log("bj") == ["wrong"] * 5 + ["locked"]  # under one name, whatever was typed
    assert browser.login("xicheng").status_code == 302  # others are not concerned


def test_the_lock_opens_after_ten_minutes(browser, time_machine):
    for _ in range(5):
        browser.login("bj", "wrong")
        time_machine.shift(timedelta(minutes=1))
    time_machine.shift(timedelta(minutes=8, seconds=59))
    assert browser.login("bj").status_code == 429
    time_machine.shift(timedelta(seconds=1))
    assert browser.login("bj").status_code == 302


def test_attempts_while_it_is_locked_do_not_prolong_it(browser, time_machine):
    for _ in range(5):
        browser.login("bj", "wrong")
    time_machine.shift(timedelta(minutes=9))
    for _ in range(5):
        assert browser.login("bj", "wrong").status_code == 429
    time_machine.shift(timedelta(minutes=1))
    assert browser.login("bj", "wrong").status_code == 401
    assert browser.login("bj").status_code == 302


def test_a_shut_door_writes_one_line_a_minute(rest, time_machine, log):
    """Nobody can prune the log: hammering does not fill it."""
    for _ in range(5):
        rest.login("bj", "wrong")
    for _ in range(2):
        assert [rest.login("bj").status_code for _ in range(5)] == [429] * 5
        time_machine.shift(timedelta(seconds=61))
    elsewhere = {"username": "bj", "password": "x", "provider": "db"}
    for address in ("10.0.0.7", "10.0.0.8"):
        rest.client.post("/api/v1/security/login", json=elsewhere, environ_base={"REMOTE_ADDR": address})
    assert log("bj") == ["wrong"] * 5 + ["locked"] * 4


def test_the_log_is_read_no_further_back_than_it_counts(rest, statements):
    """It only grows: what is years old costs nothing at the door."""
    rest.login("bj", "wrong")
    asked = [statement for statement in statements if "FROM login_attempt" in statement]
    assert len(asked) == 2
    assert all("login_attempt.at >" in statement for statement in asked)


def test_slow_failures_do_not_lock(browser, time_machine):
    for _ in range(8):
        assert browser.login("bj", "wrong").status_code == 401
        time_machine.shift(timedelta(minutes=3))
    assert browser.login("bj").status_code == 302


def test_a_success_ends_the_run(rest):
    for _ in range(2):
        for _ in range(4):
            assert rest.login("bj", "wrong").status_code == 401
        assert rest.login("bj").status_code == 200


def test_an_unknown_name_locks_like_a_known_one(rest):
    answers = [rest.login("nobody", "x").status_code for _ in range(6)]
    known = [rest.login("bj", "x").status_code for _ in range(6)]
    assert answers == known == [401] * 5 + [429]


def test_a_new_one_time_password_opens_the_lock(browser, reset):
    for _ in range(5):
        browser.login("bj", "wrong")
    assert browser.login("bj", reset("bj")).status_code == 302


def test_one_address_may_not_try_many_names(rest, monkeypatch, time_machine):
    monkeypatch.setattr(attempts, "PER_ADDRESS", 8)
    for number in range(8):
        assert rest.login(f"name{number}", "x").status_code == 401
    assert rest.login("bj").status_code == 429
    elsewhere = {"environ_base": {"REMOTE_ADDR": "10.0.0.7"}}
    body = {"username": "bj", "password": "Gong-hui-2026", "provider": "db"}
    assert rest.client.post("/api/v1/security/login", json=body, **elsewhere).status_code == 200
    time_machine.shift(LATER)
    assert rest.login("bj").status_code == 200


def test_parallel_guesses_are_counted_one_after_the_other(house):
    from concurrent.futures import ThreadPoolExecutor

    def guess(_number):
        body = {"username": "bj", "password": "wrong", "provider": "db"}
        return house.test_client().post("/api/v1/security/login", json=body).status_code

    with ThreadPoolExecutor(8) as crowd:
        answers = sorted(crowd.map(guess, range(24)))
    assert answers == [401] * 5 + [429] * 19


def test_a_forged_forwarding_header_is_not_believed(house, rest):
    for number in range(5):
        body = {"username": "bj", "password": "wrong", "provider": "db"}
        rest.client.post("/api/v1/security/login", json=body, headers={"X-Forwarded-For": f"10.0.0.{number}"})
    from sqlalchemy import select

    from app.kit import scope
    from app.kit.database import db
    from app.models.login_attempt import LoginAttempt

    with house.app_context(), scope.acting(scope.SYSTEM):
        assert set(db.session.scalars(select(LoginAttempt.address))) == {"127.0.0.1"}


def test_the_old_password_is_guarded_by_the_same_lock(browser, log):
    browser.login("bj")
    browser.get("/password/")
    for _ in range(5):
        answer = browser.post(
            "/password/", {"old_password": "wrong", "password": "x", "password_confirm": "x"}
        )
        assert "原密码不正确" in answer.text
    good = {"old_password": "Gong-hui-2026", "password": "Bang-fu-2026", "password_confirm": "Bang-fu-2026"}
    assert "账号已锁定" in browser.post("/password/", good).text
    assert log("bj") == ["in", *["wrong"] * 5, "locked"]


def test_the_log_is_never_changed(house, browser):
    from sqlalchemy import select

    from app.kit import scope
    from app.kit.database import db
    from app.models.login_attempt import LoginAttempt

    browser.login("bj")
    for spoil in (lambda row: setattr(row, "outcome", "out"), db.session.delete):
        with house.app_context(), scope.acting(scope.SYSTEM):
            spoil(db.session.scalars(select(LoginAttempt)).first())
            with pytest.raises(RuntimeError, match="never changed"):
                db.session.commit()
            db.session.rollback()


def test_the_log_is_seen_by_the_administrators_above(house, browser):
    from sqlalchemy import select

    from app.kit import scope
    from app.kit.database import db
    from app.models.login_attempt import LoginAttempt
    from app.models.unit import Unit

    for name in ("bj", "xicheng", "sh", "nobody"):
        browser.login(name, "wrong")
    seen = {}
    with house.app_context():
        for unit in ("北京市总工会", "西城区总工会", "上海市总工会"):
            with scope.acting(scope.SYSTEM):
                path = db.session.scalars(select(Unit.path).where(Unit.name == unit)).one()
            with scope.acting(scope.Actor(0, "管理员", path=path, rights=frozenset({"用户管理"}))):
                seen[unit] = set(db.session.scalars(select(LoginAttempt.login_name)))
        assert set(db.session.scalars(select(LoginAttempt.login_name))) == set()
    assert seen == {"北京市总工会": {"bj", "xicheng"}, "西城区总工会": {"xicheng"}, "上海市总工会": {"sh"}}
