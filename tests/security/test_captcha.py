"""The puzzle of the login page: after three failures, once, for three minutes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.kit import clock
from app.security import captcha
from tests.security.browser import LATER, PASSWORD, Browser

ELSEWHERE = {"environ_base": {"REMOTE_ADDR": "10.1.2.3"}}


@pytest.fixture
def failed(browser) -> Browser:
    """A login page after three failures."""
    for _ in range(3):
        assert 'name="captcha"' not in browser.get("/login/").text
        browser.post("/login/", {"username": "bj", "password": "wrong"})
    return browser


def knock(browser: Browser, name: str = "bj", **more):
    return browser.post("/login/", {"username": name, "password": PASSWORD} | browser.answer(), **more)


def test_the_third_failure_brings_a_picture_and_a_question(failed, log):
    assert "data:image/png;base64," in failed.page
    assert "等于几？" in failed.page
    typed = {"username": "bj", "password": PASSWORD}
    sealed = failed.answer()["puzzle"]
    for odd in (
        {},
        {"puzzle": sealed},
        {"puzzle": "1.x", "captcha": "9"},
        {"puzzle": "\x00", "captcha": "1"},
    ):
        answer = failed.post("/login/", typed | odd)
        assert (answer.status_code, "请填写验证码" in answer.text) == (401, True)
    assert knock(failed).location == "/"
    assert log("bj") == ["wrong"] * 3 + ["captcha", "in"]  # once a minute: nobody can prune the log


def test_the_account_is_guarded_from_everywhere_and_the_address_for_every_name(failed, house):
    other = Browser(house.test_client())
    other.get("/login/", **ELSEWHERE)
    assert 'name="captcha"' not in other.page
    assert "请填写验证码" in knock(other, **ELSEWHERE).text  # the account, from elsewhere
    assert knock(other, **ELSEWHERE).location == "/"
    third = Browser(house.test_client())
    assert 'name="captcha"' in third.get("/login/").text  # the address, for whoever comes
    assert knock(third, "sh").location == "/"
    fourth = Browser(house.test_client())
    fourth.get("/login/", **ELSEWHERE)
    assert knock(fourth, "sh", **ELSEWHERE).location == "/"


def test_the_picture_may_be_answered_instead(failed, monkeypatch):
    monkeypatch.setattr(captcha, "characters", lambda: "ACEF")
    failed.get("/login/")
    typed = {"username": "bj", "password": PASSWORD, "puzzle": failed.answer()["puzzle"], "captcha": "ac ef"}
    assert failed.post("/login/", typed).location == "/"


def test_none_is_good_twice_nor_after_three_minutes(failed, time_machine):
    time_machine.move_to(clock.datetime.now(clock.ZONE), tick=False)
    failed.get("/login/")
    solved = failed.answer()
    wrong = {"username": "bj", "password": "wrong"}
    assert "不正确" in failed.post("/login/", wrong | solved).text
    assert "请填写验证码" in failed.post("/login/", {"username": "bj", "password": PASSWORD} | solved).text
    late = failed.answer()
    time_machine.shift(timedelta(seconds=captcha.GOOD_FOR + 1))
    assert "请填写验证码" in failed.post("/login/", {"username": "bj", "password": PASSWORD} | late).text
    assert knock(failed).location == "/"


def test_a_wrong_answer_spends_the_puzzle(failed):
    right = failed.answer()
    typed = {"username": "bj", "password": PASSWORD}
    assert failed.post("/login/", typed | right | {"captcha": "99"}).status_code == 401
    assert failed.post("/login/", typed | right).status_code == 401


def test_it_goes_when_the_ten_minutes_are_over(failed, time_machine):
    time_machine.move_to(clock.datetime.now(clock.ZONE), tick=False)
    time_machine.shift(LATER)
    assert 'name="captcha"' not in failed.get("/login/").text
    assert knock(failed).location == "/"


def test_rest_is_throttled_as_before_and_asked_no_riddles(rest):
    assert [rest.login("bj", "wrong").status_code for _ in range(4)] == [401] * 4
    assert rest.login("bj").status_code == 200


def test_an_unknown_name_is_asked_like_a_known_one(browser, house):
    pages = []
    for name in ("nobody", "xicheng"):
        one = Browser(house.test_client())
        for _ in range(3):
            one.get("/login/", **ELSEWHERE)
            answer = one.post("/login/", {"username": name, "password": "wrong"} | one.answer(), **ELSEWHERE)
        pages.append(answer.text.count('name="captcha"'))
        assert answer.status_code == 401
    assert pages == [1, 1]
