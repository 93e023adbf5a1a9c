"""Passwords: profiles, one-time passwords, the forced change."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest

from app.kit import clock
from app.security import policy
from app.security.policy import POLICIES
from tests.security.browser import PASSWORD

NEW = "Bang-fu-2026"


def _type(old: str, new: str = NEW, again: str | None = None) -> dict[str, str]:
    return {"old_password": old, "password": new, "password_confirm": again if again is not None else new}


def _change(browser, old: str, new: str = NEW, again: str | None = None):
    browser.get("/password/")
    return browser.post("/password/", _type(old, new, again))


def test_the_first_login_leads_to_the_password_and_nowhere_else(browser, reset):  # AID-R006, R007
    browser.login("bj", reset("bj"))
    for path in ("/", "/archive/list/", "/archive/show/1", "/account/list/", "/swagger/v1"):
        answer = browser.get(path)
        assert (answer.status_code, answer.location) == (302, "/password/"), path
    assert browser.get("/password/").status_code == 200
    assert browser.client.get("/healthz").status_code == 200


def test_rest_with_a_one_time_password_is_refused_in_words(rest, reset, house):  # AID-R006
    bearer = rest.bearer("bj", reset("bj"))
    answer = house.test_client().get("/api/v1/archive/", headers=bearer)
    assert (answer.status_code, "修改密码" in answer.json["message"]) == (403, True)


def test_after_the_forced_change_one_logs_in_again(browser, reset):  # AID-R008
    one_time = reset("bj")
    browser.login("bj", one_time)
    answer = _change(browser, one_time)
    assert (answer.status_code, answer.location) == (302, "/login/")
    assert "密码已修改，请用新密码重新登录" in browser.get("/login/").text
    assert browser.get("/").status_code == 401
    assert browser.login("bj", one_time).status_code == 401
    assert browser.login("bj", NEW).status_code == 302
    assert browser.get("/").status_code == 200


def test_a_one_time_password_dies_after_72_hours(browser, rest, reset, time_machine):  # DESIGN §10
    time_machine.move_to(clock.datetime.now(clock.ZONE), tick=False)
    one_time = reset("bj")
    time_machine.shift(timedelta(hours=72))
    assert rest.login("bj", one_time).status_code == 200
    time_machine.shift(timedelta(seconds=1))
    page, answer = browser.login("bj", one_time), rest.login("bj", one_time)
    assert page.status_code == answer.status_code == 401
    assert "一次性密码已超过72小时" in page.text
    assert "一次性密码已超过72小时" in answer.json["message"]
    assert "72小时" not in browser.login("bj", "wrong").text


def test_a_one_time_password_ends_every_session(browser, rest, reset, house):
    browser.login("bj")
    bearer = rest.bearer("bj")
    reset("bj")
    assert browser.get("/").status_code == 401
    assert house.test_client().get("/api/v1/archive/", headers=bearer).status_code == 401


def test_a_changed_password_ends_all_other_sessions(browser, house, rest):
    from tests.security.browser import Browser

    other, bearer = Browser(house.test_client()), rest.bearer("bj")
    refresh = rest.login("bj", refresh=True).json["refresh_token"]
    other.login("bj")
    browser.login("bj")
    copied = browser.cookie()
    answer = _change(browser, PASSWORD)
    assert (answer.status_code, answer.location) == (302, "/")
    assert browser.get("/").status_code == 200
    assert other.get("/").status_code == 401
    thief = house.test_client()
    thief.set_cookie("uniondesk", copied)
    assert thief.get("/").status_code == 401
    assert house.test_client().get("/api/v1/archive/", headers=bearer).status_code == 401
    renewed = house.test_client().post(
        "/api/v1/security/refresh", headers={"Authorization": f"Bearer {refresh}"}
    )
    assert (renewed.status_code, renewed.json["message"]) == (401, "登录已失效，请重新登录")


def test_a_refresh_token_gives_an_access_token(rest, house):
    refresh = rest.login("bj", refresh=True).json["refresh_token"]
    answer = house.test_client().post(
        "/api/v1/security/refresh", headers={"Authorization": f"Bearer {refresh}"}
    )
    bearer = {"Authorization": f"Bearer {answer.json['access_token']}"}
    assert house.test_client().get("/api/v1/archive/", headers=bearer).status_code == 200
    refused = house.test_client().get("/api/v1/archive/", headers={"Authorization": f"Bearer {refresh}"})
    assert refused.status_code == 401
    assert refused.json["message"] == "登录凭证无效，请重新登录"


def test_every_failed_point_is_told_at_once(browser):
    browser.login("bj")
    text = _change(browser, "wrong", "bj", "bx").text
    assert "原密码不正确" in text
    assert "两次填写的密码不一致" in text  # AID-R010
    text = _change(browser, PASSWORD, "bj").text
    assert "密码至少10个字符" in text
    assert "至少3类" in text
    assert "不能包含登录名" in text
    assert "请填写新密码" in _change(browser, PASSWORD, "").text
    assert browser.get("/").status_code == 200


def test_the_last_five_passwords_are_not_taken_again(browser):
    browser.login("bj")
    used = [PASSWORD, *(f"Bang-fu-{n}-Aa" for n in range(5))]
    for old, new in pairwise(used):
        assert _change(browser, old, new).status_code == 302
    for former in used[1:]:
        assert "不能使用最近5次用过的密码" in _change(browser, used[-1], former).text
    assert _change(browser, used[-1], used[0]).status_code == 302


def test_a_password_of_90_days_is_changed_first(browser, change):
    change("bj", password_changed_at=clock.now() - timedelta(days=91))
    browser.login("bj")
    assert browser.get("/").location == "/password/"
    assert "密码已到期" in browser.get("/password/").text
    assert _change(browser, PASSWORD).location == "/"
    assert browser.get("/").status_code == 200


def test_the_asvs_profile_knows_no_expiry_and_no_classes(browser, change, house, monkeypatch):
    monkeypatch.setitem(house.config, "PASSWORD_POLICY", "asvs")
    change("bj", password_changed_at=clock.now() - timedelta(days=900))
    browser.login("bj")
    assert browser.get("/").status_code == 200
    assert "密码至少12个字符" in _change(browser, PASSWORD, "short").text
    assert _change(browser, PASSWORD, "correct horse battery staple").status_code == 302


@pytest.mark.parametrize(
    ("profile", "password", "words"),
    [
        ("mlps3", "Aa1-aaaaaa", []),
        ("mlps3", "aaaaaaaaa1", ["至少3类"]),
        ("mlps3", "Aa1-", ["至少10个字符"]),
        ("mlps3", "a", ["至少10个字符", "至少3类"]),
        ("mlps3", "Zhangsan-2026", ["登录名"]),
        ("mlps3", "工会帮扶Aa1-中心", []),
        ("mlps3", "Aa1-" * 40, ["最多128个字符"]),
        ("mlps3", "Aa1-aaaaaa\x00", ["控制字符"]),
        ("asvs", "correct horse", []),
        ("asvs", "Password12345", ["过于常见"]),
        ("asvs", "123456789012", ["过于常见"]),
        ("asvs", "abcdefghijklm", ["过于常见"]),
        ("asvs", "aaaaaaaaaaaaa", ["过于常见"]),
        ("asvs", "uniondesk2026!", ["过于常见"]),
    ],
)
def test_profiles(house, profile, password, words):
    with house.test_request_context():
        told = [str(words) for words in POLICIES[profile].problems(password, "zhangsan")]
    assert len(told) == len(words)
    for part, sentence in zip(words, told, strict=True):
        assert part in sentence


def test_a_one_time_password_can_be_read_aloud(house):
    found = {policy.one_time_password() for _ in range(500)}
    assert len(found) == 500
    for password in found:
        assert len(password) == 12
        assert not set(password) & set("0Oo1lI")
        assert not POLICIES["mlps3"].problems(password)


def test_no_password_leaves_the_account(house, reset):
    from sqlalchemy import select

    from app.kit import history, scope
    from app.kit.database import db
    from app.models.account import Account

    reset("bj")
    with house.app_context(), scope.acting(scope.SYSTEM):
        account = db.session.scalars(select(Account).where(Account.username == "bj")).one()
        taken = history.snapshot(account)
        assert account.password not in str(taken)
