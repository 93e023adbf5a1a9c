"""The second factor: one-time codes, recovery codes, certificates (AID-R004, R110, Q01)."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from app.kit import clock, scope
from app.kit.database import db
from app.models.account import Account
from app.security import factors, policy, sealing
from tests.security.browser import LATER, PASSWORD, Browser, Device
from tests.world import words_of


@pytest.fixture(autouse=True)
def clockwork(time_machine):
    """The clock stands still, so that codes stay good."""
    time_machine.move_to(clock.datetime.now(clock.ZONE), tick=False)
    return time_machine


def in_two_steps(browser: Browser, name: str, code: str, password: str = PASSWORD):
    browser.client.delete_cookie("uniondesk")
    answer = browser.login(name, password)
    assert answer.location == "/login/code", answer.status_code
    browser.get("/login/code")
    return browser.post("/login/code", {"otp": code})


def test_the_password_alone_opens_nothing(browser, rest, bind, log):  # AID-R004
    bind("bj")
    assert browser.login("bj").location == "/login/code"
    assert browser.get("/").status_code == 401
    assert browser.get("/safety/").status_code == 401
    answer = rest.login("bj")
    assert (answer.status_code, "动态口令" in answer.json["message"]) == (401, True)
    assert log("bj") == ["half", "half"]


def test_password_and_code_open_the_door(browser, rest, bind, log, house):  # AID-R004
    device, _codes = bind("bj")
    answer = in_two_steps(browser, "bj", device.code())
    assert (answer.status_code, answer.location) == (302, "/")
    assert browser.get("/archive/list/").status_code == 200
    token = rest.login("bj", otp=device.code()).json["access_token"]
    answer = rest.client.get("/api/v1/archive/", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    assert rest.login("bj", second_factor=device.code()).status_code == 200
    assert log("bj") == ["half", "in", "in", "in"]


def test_the_page_that_was_asked_for_comes_after_the_code(browser, bind):
    device, _codes = bind("bj")
    browser.login("bj", next="/archive/list/")
    browser.get("/login/code")
    assert browser.post("/login/code", {"otp": device.code()}).location == "/archive/list/"


def test_a_code_is_good_once(browser, rest, bind, log):
    device, _codes = bind("bj")
    code = device.code()
    assert rest.login("bj", otp=code).status_code == 200
    answer = rest.login("bj", otp=code)
    assert (answer.status_code, "已经用过" in answer.json["message"]) == (401, True)
    assert "已经用过" in in_two_steps(browser, "bj", code).text
    assert log("bj") == ["in", "code", "half", "code"]


@pytest.mark.parametrize(("seconds", "status"), [(-60, 401), (-30, 200), (30, 200), (60, 401)])
def test_a_clock_may_be_off_by_one_step(rest, bind, clockwork, seconds, status):
    device, _codes = bind("bj")
    device.shown = -1
    code = device.code()
    clockwork.shift(-seconds)
    assert rest.login("bj", otp=code).status_code == status


def test_codes_are_counted_and_locked_like_passwords(browser, rest, bind, clockwork):
    device, _codes = bind("bj")
    for _ in range(3):
        assert rest.login("bj", otp="000000").status_code == 401
    assert rest.login("bj", "wrong", otp="000000").status_code == 401
    assert in_two_steps(browser, "bj", "123").status_code == 401
    assert rest.login("bj", otp=device.code()).status_code == 429
    assert browser.post("/login/code", {"otp": device.code()}).status_code == 429
    clockwork.shift(LATER)
    device.shown = -2
    assert rest.login("bj", otp=device.code()).status_code == 200


def test_a_right_password_does_not_end_the_run(rest, bind):
    """Who knows the password cannot buy himself guesses of the code with it."""
    bind("bj")
    for _ in range(5):
        assert rest.login("bj", otp="000000").status_code == 401
        answer = rest.login("bj")
    assert answer.status_code == 429


def test_a_recovery_code_is_good_once(browser, rest, bind, look, log):
    _device, codes = bind("bj")
    assert len(set(codes)) == 10
    assert in_two_steps(browser, "bj", codes[0]).location == "/"
    assert rest.login("bj", otp=codes[0]).status_code == 401
    assert rest.login("bj", otp=codes[1].lower().replace("-", " ")).status_code == 200
    assert len(look("bj", "recovery_codes")) == 8
    assert "恢复码还剩8个" in words_of(browser.get("/safety/").text)


def test_parallel_uses_of_one_code_are_one(house, bind):
    from concurrent.futures import ThreadPoolExecutor

    device, codes = bind("bj")
    for code in (device.code(), codes[0]):
        body = {"username": "bj", "password": PASSWORD, "provider": "db", "otp": code}

        def log_in(_number, body=body):
            return house.test_client().post("/api/v1/security/login", json=body).status_code

        with ThreadPoolExecutor(4) as crowd:
            assert sorted(crowd.map(log_in, range(4))).count(200) == 1


def test_nothing_of_it_is_stored_in_clear(house, bind):
    device, codes = bind("bj")
    with house.app_context(), scope.acting(scope.SYSTEM):
        row = db.session.execute(
            text("SELECT factor_secret, recovery_codes FROM ab_user WHERE username = 'bj'")
        ).one()
        account = db.session.scalars(select(Account).where(Account.username == "bj")).one()
        assert sealing.unseal(f"totp {account.id}", row.factor_secret) == device.secret
        assert sealing.unseal("totp 0", row.factor_secret) is None  # another account's it cannot become
        assert sealing.unseal(f"totp {account.id}", row.factor_secret[:-2] + "AA") is None
    assert device.secret not in row.factor_secret
    assert not any(code.replace("-", "") in str(row.recovery_codes) for code in codes)


# --- who must have one ------------------------------------------------------------------------------------------


def bound(browser: Browser, **typed: str):
    """The device of the page that is open, and the answer to its first code."""
    browser.get("/safety/device")
    secret = re.search(r'id="door-secret">([^<]+)<', browser.page)[1].replace(" ", "")
    device = Device(secret)
    return device, browser.post("/safety/device", {"code": device.code()} | typed)


def codes_of(page: str) -> list[str]:
    """The recovery codes that a page shows."""
    return re.findall(r'<li class="kit-mono">([A-Za-z0-9]{5}-[A-Za-z0-9]{5})</li>', page)


@pytest.mark.parametrize("why", ["province", "certificate"])
def test_who_must_have_one_binds_it_before_anything_else(
    browser, rest, change, change_unit, why, log
):  # AID-R004
    if why == "province":
        change_unit("北京市总工会", level="province")
    else:
        change("bj", certificate_required=True)
    browser.login("bj")
    for path in ("/", "/archive/list/", "/safety/", "/safety/codes", "/password/"):
        assert browser.get(path).location == "/safety/device", path
    answer = rest.client.get("/api/v1/archive/", headers=rest.bearer("bj"))
    assert (answer.status_code, "绑定" in answer.json["message"]) == (403, True)
    assert "<svg" in browser.get("/safety/device").text
    _device, answer = bound(browser)  # the session may be older than the duty, and stolen: it is no proof
    assert (answer.status_code, "登录密码不正确" in answer.text) == (422, True)
    device, answer = bound(browser, password=PASSWORD)
    codes = codes_of(answer.text)
    assert (answer.status_code, len(codes)) == (200, 10)
    assert browser.get("/archive/list/").status_code == 200
    assert log("bj")[-1] == "bound"
    assert browser.get("/safety/remove").status_code == 409  # AID-R004: he may not be without
    assert in_two_steps(browser, "bj", device.code()).location == "/"


@pytest.mark.parametrize(
    ("setting", "synthetic", "is_led"), [(False, True, False), (True, True, True), (False, False, True)]
)
def test_synthetic_administrators_are_free_of_it(  # DESIGN §8
    browser, house, change, change_unit, monkeypatch, setting, synthetic, is_led
):
    monkeypatch.setitem(house.config, "SECOND_FACTOR", setting)
    change_unit("北京市总工会", level="province")
    change("bj", is_synthetic=synthetic)
    browser.login("bj")
    assert (browser.get("/").status_code == 302) is is_led


def test_sessions_from_before_do_not_slip_through(browser, rest, bind, house, change):  # AID-R004
    """A session that has shown no factor ends when the account gets one, and so does a token."""
    browser.login("bj")
    bearer = rest.bearer("bj")
    before = Browser(house.test_client())
    before.login("bj")
    _device, answer = bound(browser, password=PASSWORD)
    assert answer.status_code == 200
    assert browser.get("/").status_code == 200
    assert before.get("/").status_code == 401
    assert rest.client.get("/api/v1/archive/", headers=bearer).status_code == 401
    with browser.client.session_transaction() as stored:
        stored.pop("factor")
    assert browser.get("/").status_code == 401


# --- one's own account ------------------------------------------------------------------------------------------


def test_a_wrong_code_binds_nothing_and_the_picture_stays(browser, look):
    browser.login("bj")
    browser.get("/safety/device")
    secret = re.search(r'id="door-secret">([^<]+)<', browser.page)[1]
    for typed, words in (
        ({"code": "000000", "password": PASSWORD}, "动态口令不正确"),
        ({"code": ""}, "动态口令不正确"),
    ):
        answer = browser.post("/safety/device", typed)
        assert (answer.status_code, words in answer.text, secret in answer.text) == (422, True, True)
    code = Device(secret.replace(" ", "")).code()
    answer = browser.post("/safety/device", {"code": code, "password": "wrong"})
    assert (answer.status_code, "登录密码不正确" in answer.text) == (422, True)
    assert look("bj", "factor_at") is None


def test_the_device_is_changed_with_the_old_one(browser, bind, look):
    old, codes = bind("bj")
    in_two_steps(browser, "bj", old.code())
    before = look("bj", "factor_secret")
    _new, answer = bound(browser, otp="000000")
    assert answer.status_code == 422
    assert look("bj", "factor_secret") == before
    new, answer = bound(browser, otp=old.code())
    assert answer.status_code == 200
    assert in_two_steps(browser, "bj", new.code()).location == "/"
    assert in_two_steps(Browser(browser.client.application.test_client()), "bj", codes[0]).status_code == 401


def test_recovery_codes_are_renewed_and_the_device_removed(browser, bind, log, look):
    device, codes = bind("bj")
    in_two_steps(browser, "bj", device.code())
    browser.get("/safety/codes")
    assert browser.post("/safety/codes", {"otp": "000000"}).status_code == 422
    answer = browser.post("/safety/codes", {"otp": device.code()})
    assert len(codes_of(answer.text)) == 10
    assert codes[0] not in answer.text
    browser.get("/safety/remove")
    assert browser.post("/safety/remove", {"otp": device.code()}).location == "/safety/"
    assert look("bj", "factor_at", "factor_secret", "recovery_codes") == [None, None, None]
    assert log("bj")[-3:] == ["code", "renewed", "unbound"]
    browser.client.delete_cookie("uniondesk")
    assert browser.login("bj").location == "/"


# --- the administrator ------------------------------------------------------------------------------------------


def test_the_superiors_administrator_gives_it_anew(browser, rest, bind, house, log):  # Q01
    device, codes = bind("xicheng")
    session = Browser(house.test_client())
    in_two_steps(session, "xicheng", device.code())
    with house.app_context(), scope.acting(scope.SYSTEM):
        pk = {a.username: a.id for a in db.session.scalars(select(Account))}
    url = "/api/v1/account/{}/steps/reset_factor"
    admin, stranger = rest.bearer("bj"), rest.bearer("sh")
    assert rest.client.post(url.format(pk["xicheng"]), json={}, headers=stranger).status_code == 403
    assert rest.client.post(url.format(pk["xicheng_reader"]), json={}, headers=admin).status_code == 409
    assert rest.client.post(url.format(pk["bj"]), json={}, headers=admin).status_code == 409
    answer = rest.client.post(url.format(pk["xicheng"]), json={}, headers=admin)
    assert answer.status_code == 200
    one_time = answer.json["one_time_password"]
    assert session.get("/").status_code == 401  # sessions end
    assert browser.login("xicheng").status_code == 401  # and the old password binds no new device
    assert browser.login("xicheng", one_time).location == "/"
    assert browser.get("/").location == "/password/"
    assert (
        rest.login("xicheng", one_time, otp=codes[0]).status_code == 200
    )  # what is not asked does not matter
    from app.kit.workflow import StepLog

    with house.app_context(), scope.acting(scope.SYSTEM):
        steps = db.session.scalars(select(StepLog.step).where(StepLog.record_id == pk["xicheng"])).all()
    assert steps == ["reset_factor"]
    assert "reset" in log("xicheng")


# --- certificates -----------------------------------------------------------------------------------------------


@pytest.fixture
def proxy(house, monkeypatch, change):
    """A proxy at 127.0.0.1 that hands over certificates; bj has one."""
    monkeypatch.setitem(house.config, "CERTIFICATE_HEADER", "X-Client-Serial")
    monkeypatch.setitem(house.config, "CERTIFICATE_PROXIES", frozenset({"127.0.0.1"}))
    change("bj", certificate_required=True, certificate_serial="0A:1B:2C:FF")


def with_card(serial: str = "0a1b2cff", peer: str = "127.0.0.1"):
    return {"headers": {"X-Client-Serial": serial}, "environ_base": {"REMOTE_ADDR": peer}}


def test_a_certificate_opens_together_with_the_password(browser, proxy, log):  # AID-R004, DEPS 7e
    browser.get("/login/")
    typed = {"username": "bj", "password": PASSWORD}
    refused = [{}, with_card("0A1B2C00"), with_card(""), with_card(peer="10.0.0.9")]
    refused[3]["headers"]["X-Forwarded-For"] = "127.0.0.1"
    for card in refused:
        answer = browser.post("/login/", typed, **card)
        assert (answer.status_code, "数字证书" in answer.text) == (401, True), card
    assert browser.post("/login/", typed | {"password": "wrong"}, **with_card()).status_code == 401
    assert browser.post("/login/", typed, **with_card()).location == "/"
    assert browser.get("/").status_code == 200
    assert log("bj") == ["no_card"] * 4 + ["wrong", "in"]


def test_a_socket_is_a_peer_and_nobody_is_believed_by_default(browser, proxy, house, monkeypatch):
    monkeypatch.setitem(house.config, "CERTIFICATE_PROXIES", frozenset({"unix"}))
    browser.get("/login/")
    typed = {"username": "bj", "password": PASSWORD}
    assert browser.post("/login/", typed, **with_card()).status_code == 401
    assert browser.post("/login/", typed, **with_card(peer="")).location == "/"
    for name, nothing in (("CERTIFICATE_PROXIES", frozenset()), ("CERTIFICATE_HEADER", "")):
        with monkeypatch.context() as less:
            less.setitem(house.config, name, nothing)
            browser.login("bj")
            assert browser.get("/").location == "/safety/device"  # a code instead: never the header


def test_a_certificate_user_has_its_number_and_nobody_elses(rest, house, look):  # REC-04 #13
    with house.app_context(), scope.acting(scope.SYSTEM):
        pk = {a.username: a.id for a in db.session.scalars(select(Account))}
    admin = rest.bearer("bj")

    def put(name, **typed):
        url = f"/api/v1/account/{pk[name]}"
        typed |= {"gender": "male", "phone": "13800138001", "rights": ["困难职工档案"]}
        return rest.client.put(url, json=typed, headers=admin)

    answer = put("xicheng_reader", certificate_required=True)
    assert (answer.status_code, "证书标识" in str(answer.json["errors"])) == (422, True)
    assert put("xicheng_reader", certificate_required=True, certificate_serial="00:ab:12").status_code == 200
    assert look("xicheng_reader", "certificate_serial") == "AB12"
    answer = put(
        "xicheng", certificate_required=True, certificate_serial="AB12"
    )  # the same card, spelled otherwise
    assert (answer.status_code, "已登记" in str(answer.json["errors"])) == (422, True)


def test_ones_own_certificate_is_a_superiors_business(rest, change, look):  # AID-R004
    """A stolen session of an administrator does not swap his second factor for the thief's, nor switch it off."""
    change("xicheng", gender="male", phone="13800138001")
    url, own, above = f"/api/v1/account/{look('xicheng', 'id')}", rest.bearer("xicheng"), rest.bearer("bj")
    card = {"certificate_required": True, "certificate_serial": "EE66"}
    answer = rest.client.put(url, json=card, headers=own)
    assert (answer.status_code, sorted(answer.json["errors"])) == (422, sorted(card))
    assert (
        rest.client.put(url, json={"certificate_required": False}, headers=own).status_code == 200
    )  # as it was
    assert rest.client.put(url, json=card, headers=above).status_code == 200
    assert rest.client.get(url, headers=own).status_code == 401  # what was opened without it is shut
    assert look("xicheng", *card) == [True, "EE66"]


def test_who_shows_a_certificate_binds_no_device(browser, proxy):
    """It would not be asked for, and its own session would end."""
    browser.get("/login/")
    browser.post("/login/", {"username": "bj", "password": PASSWORD}, **with_card())
    answer = browser.get("/safety/device")
    assert (answer.status_code, "数字证书" in answer.text) == (409, True)
    assert browser.get("/safety/").status_code == 200


def test_a_certificate_is_known_by_a_chinese_subject(rest, proxy, change):
    """WSGI hands a header over as Latin-1, whatever it is."""
    change("bj", certificate_serial="CN=王五,O=北京市总工会")
    card = {"HTTP_X_CLIENT_SERIAL": "CN=王五, O=北京市总工会".encode().decode("latin-1")}
    body = {"username": "bj", "password": PASSWORD, "provider": "db"}
    answer = rest.client.post("/api/v1/security/login", json=body, environ_overrides=card)
    assert answer.status_code == 200


def test_a_one_time_password_of_72_hours_needs_the_code_too(browser, bind, reset, clockwork):
    device, _codes = bind("bj")
    one_time = reset("bj")
    assert browser.login("bj", one_time).location == "/login/code"
    browser.get("/login/code")
    clockwork.shift(timedelta(minutes=6))
    answer = browser.post("/login/code", {"otp": device.code()})
    assert answer.location == "/login/"
    assert "已超时" in browser.get("/login/").text


def test_odd_codes_are_refused_quietly(rest, browser, bind):
    bind("bj")
    for odd in (None, [], {}, 7, 123456, "\x00", "\ud800", "１２３４５６", "x" * 10**5, "٣٣٣٣٣٣", True):
        assert rest.login("bj", otp=odd).status_code in {401, 429}, odd
    assert factors.spelled(" １２３ 456 ") == "123456"
    assert policy.readable(5).isascii()


def test_the_administrator_at_the_very_top_is_helped_from_the_machine(house, browser, bind, look):
    bind("bj")
    run = house.test_cli_runner().invoke
    done = run(args=["account", "forget-factor", "BJ"])
    assert (done.exit_code, len(done.output.strip())) == (0, 12)
    assert look("bj", "factor_at") is None
    assert browser.login("bj", done.output.strip()).location == "/"
    assert run(args=["account", "forget-factor", "bj"]).exit_code == 1
    assert "没有登录名" in run(args=["account", "forget-factor", "nobody"]).output
