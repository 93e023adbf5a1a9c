"""The login page and its sessions."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import session

from app.kit import clock
from tests.security.browser import PASSWORD, Browser


def test_a_page_asks_for_the_login_with_401_and_remembers_itself(browser):  # AID-R001
    answer = browser.get("/archive/list/?state=open")
    assert answer.status_code == 401
    assert 'name="password"' in answer.text
    assert "/archive/list/?state=open" in answer.text


def test_rest_asks_for_the_login_with_401_in_chinese(house):  # AID-R001
    answer = house.test_client().get("/api/v1/archive/")
    assert (answer.status_code, answer.json["message"]) == (401, "请先登录")
    assert "Set-Cookie" not in answer.headers


def test_every_route_but_the_door_wants_a_person(house):  # AID-R001
    client = house.test_client()
    for rule in house.url_map.iter_rules():
        path = str(rule)
        for kind in ("int:", "string:", "path:"):
            path = path.replace(f"<{kind}", "<")
        path = "".join("1" if part.startswith("<") else part for part in _parts(path))
        if path.startswith(
            ("/static/", "/login/", "/logout/", "/healthz", "/readyz", "/api/v1/security/", "/lang/")
        ):
            continue
        for method in rule.methods - {"HEAD", "OPTIONS"}:
            answer = client.open(path, method=method)
            assert answer.status_code in {400, 401}, (method, path)  # 400: a page's POST without CSRF


def _parts(path: str):
    head, mark, rest = path.partition("<")
    yield head
    if mark:
        name, _close, tail = rest.partition(">")
        yield f"<{name}>"
        yield from _parts(tail)


def test_name_and_password_open_the_door(browser, log):  # AID-R003
    answer = browser.login("bj", next="/archive/list/")
    assert (answer.status_code, answer.location) == (302, "/archive/list/")
    assert browser.get("/").status_code == 200
    assert log("bj") == ["in"]


@pytest.mark.parametrize("typed", ["BJ", " bj ", "Bj@Example.org", "13800138000"])
def test_any_of_the_three_names_in_any_case(browser, change, typed):  # unified U07
    change("bj", mobile="13800138000")
    assert browser.login(typed).status_code == 302


@pytest.mark.parametrize("typed", ["beijing", "BEIJING", "it@bj.org", "IT@BJ.ORG"])
def test_a_name_stored_with_capitals_is_found_in_any_case(browser, change, typed):
    change("bj", username="BeiJing", email="It@Bj.org")
    assert browser.login(typed).status_code == 302


def test_a_login_name_wins_over_anothers_mobile_number(browser, change):
    change("sh", mobile="13800138000")
    change("bj", username="13800138000")
    assert browser.login("13800138000").status_code == 302
    assert "bj管理员" in browser.get("/").text


def test_unknown_name_and_wrong_password_read_the_same(browser, rest):
    wrong = browser.login("bj", "nonsense")
    unknown = browser.login("nobody", "nonsense")
    assert wrong.status_code == unknown.status_code == 401
    assert "用户名或密码不正确" in wrong.text
    assert wrong.text.replace('value="bj"', "").count("密码") == unknown.text.replace(
        'value="nobody"', ""
    ).count("密码")
    assert rest.login("bj", "x").json == rest.login("nobody", "x").json
    assert rest.login("bj", "x").status_code == 401


def test_an_inactive_account_stays_outside_and_its_session_ends(browser, change, log):
    browser.login("bj")
    change("bj", active=False)
    assert browser.get("/").status_code == 401
    answer = browser.login("bj")
    assert (answer.status_code, "账号已停用" in answer.text) == (401, True)
    assert "停用" not in browser.login("bj", "wrong").text
    assert log("bj") == ["in", "inactive", "wrong"]


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "javascript:alert(1)",
        "http:evil",
        "///evil.example",
        "/%0d%0aSet-Cookie:x",
        "evil.example",
        "/logout/",
        "/login/",
        "//[",
    ],
)
def test_the_next_page_is_one_of_ours(browser, target):
    where = browser.login("bj", next=target).location
    assert where == "/" or (where.startswith("/%0d%0a") and "\n" not in where)


def test_the_session_is_new_after_login(browser, house):
    browser.get("/login/")
    before = browser.cookie()
    with browser.client.session_transaction() as stored:
        stored["planted"] = "by a stranger"
    browser.login("bj")
    with browser.client:
        browser.get("/")
        assert "planted" not in session
        assert session.permanent
    assert browser.cookie() != before


def test_a_copied_cookie_is_dead_after_logout(browser, house, log):
    browser.login("bj")
    stolen = browser.cookie()
    browser.get("/password/")
    answer = browser.post("/logout/")
    assert answer.location == "/login/"
    thief = house.test_client()
    thief.set_cookie("uniondesk", stolen)
    assert thief.get("/").status_code == 401
    assert browser.get("/").status_code == 401
    assert log("bj") == ["in", "out"]


def test_a_token_is_dead_after_logout(browser, rest, house):
    bearer = rest.bearer("bj")
    assert house.test_client().get("/api/v1/archive/", headers=bearer).status_code == 200
    browser.login("bj")
    browser.get("/password/")
    browser.post("/logout/")
    answer = house.test_client().get("/api/v1/archive/", headers=bearer)
    assert (answer.status_code, answer.json["message"]) == (401, "登录已失效，请重新登录")


def test_a_foreign_link_logs_nobody_out(browser):
    browser.login("bj")
    page = browser.get("/logout/")
    assert (page.status_code, "确定要退出登录吗" in page.text) == (200, True)
    assert browser.client.post("/logout/").status_code == 400  # no CSRF token
    assert browser.get("/").status_code == 200
    assert browser.client.head("/logout/").status_code == 200
    assert browser.get("/").status_code == 200


def test_a_login_form_without_its_token_is_shown_again(house):
    answer = house.test_client().post("/login/", data={"username": "bj", "password": PASSWORD})
    assert (answer.status_code, "页面已过期" in answer.text) == (400, True)


def test_an_idle_session_ends(browser, time_machine):
    browser.login("bj")
    time_machine.shift(timedelta(minutes=29))
    assert browser.get("/").status_code == 200
    time_machine.shift(timedelta(minutes=29))
    assert browser.get("/").status_code == 200
    time_machine.shift(timedelta(minutes=31))
    assert browser.get("/").status_code == 401


@pytest.fixture
def time_machine(time_machine):
    time_machine.move_to(clock.datetime.now(clock.ZONE))
    return time_machine


def test_waiting_reminders_are_told_at_login(browser, house):  # AID-R224
    from sqlalchemy import select

    from app.kit import scope
    from app.kit.database import db
    from app.kit.reminders import Reminder
    from app.models.unit import Unit

    with house.app_context(), scope.acting(scope.SYSTEM):
        unit = db.session.scalars(select(Unit).where(Unit.name == "北京市总工会")).one()
        for state in ("open", "open", "done"):
            reminder = Reminder(
                receiver_unit_id=unit.id, subject="上报", message="请审核", state=state, record_type="archive"
            )
            reminder.stamp(scope.SYSTEM)
            db.session.add(reminder)
        db.session.commit()
    browser.login("bj")
    text = browser.get("/").text
    assert '<a href="/reminder/list/?shelf=open">您有2条待处理提醒</a>' in text
    assert "条待处理提醒" not in browser.get("/").text
    stranger = Browser(house.test_client())
    stranger.login("sh")
    assert "条待处理提醒" not in stranger.get("/").text


def test_nothing_typed_at_the_door_is_a_500(rest, browser):
    for name in ("\x00", "\ud800", "a" * 100_000, "' OR 1=1 --", "%s", "😀", "null"):
        assert rest.login(name, "x").status_code in {401, 429}, name
        assert rest.login("bj", name).status_code in {401, 429}, name
    for body in (
        [],
        "x",
        None,
        1,
        {"username": {}, "password": [], "provider": "db"},
        {"provider": "ldap"},
        {},
    ):
        assert rest.client.post("/api/v1/security/login", json=body).status_code in {400, 401}, body
    for raw in ("{", "[" * 100_000, '{"username":' * 100_000, b"\xff\xfe"):
        answer = rest.client.post("/api/v1/security/login", data=raw, content_type="application/json")
        assert answer.status_code == 400, raw[:20]
    for key in ("1", "x.y", "-1.1", "999999999999999999999.1", "１.1"):
        with browser.client.session_transaction() as stored:
            stored["_user_id"] = key
        assert browser.get("/").status_code == 401, key
