"""The first login: page by page, and nothing else meanwhile (SM-AID-19, SM-AID-20)."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from app.kit import clock, scope
from app.kit.database import db
from app.models.account import Account
from app.models.login_attempt import LoginAttempt
from app.models.unit import Unit
from tests.security.browser import PASSWORD, Browser
from tests.world import Form, errors_of, words_of

NEW = "Bang-fu-2026"
PERSON = {"full_name": "周建国", "gender": "male", "login_name": "xicheng", "phone": "13800138001"}
UNIT = {
    "address": "西直门内大街1号",
    "postcode": "100035",
    "area_code": "010",
    "leader_name": "周建国",
    "leader_phone": "13800138001",
    "office_phone": "010-55500001",
}


@pytest.fixture
def newcomer(browser, change, reset) -> Browser:
    """Somebody at his first page, with a one-time password."""
    change("xicheng", profile_confirmed_at=None)
    answer = browser.login("xicheng", reset("xicheng"))
    assert answer.status_code == 302
    return browser


def fill(browser: Browser, url: str, typed: dict[str, str]):
    browser.get(url)
    form = Form.of(browser.page).fill(typed)
    return browser.client.post(form.url, data=form.values)


def personal(browser: Browser, **typed: str):
    """The second page, filled in and sent."""
    browser.get("/first/unit")
    browser.post("/first/unit", {"button": "ok"})
    return fill(browser, "/first/person", PERSON | {"password": NEW, "password_confirm": NEW} | typed)


@pytest.mark.parametrize(
    "path", ["/", "/archive/list/", "/password/", "/safety/", "/first/person", "/swagger/v1"]
)
def test_nothing_but_the_unit_page_is_open(newcomer, path):  # AID-R005, R006
    answer = newcomer.get(path)
    assert (answer.status_code, answer.location) == (302, "/first/unit")


def test_fragments_and_rest_are_shut_too(newcomer, change, reset, rest):  # AID-R006
    answer = newcomer.client.get("/archive/counts", headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (204, "/first/unit")
    bearer = rest.bearer("xicheng", reset("xicheng"))
    answer = rest.client.get("/api/v1/archive/", headers=bearer)
    assert (answer.status_code, "核实" in answer.json["message"]) == (403, True)


def test_the_unit_is_shown_and_declining_says_whom_to_call(newcomer, log, look):  # AID-R005, Q33
    before = look("xicheng", "session_version")
    page = newcomer.get("/first/unit")
    assert "北京市总工会->西城区总工会" in words_of(page.text)
    answer = newcomer.post("/first/unit", {"button": "cancel"})
    assert answer.location == "/login/"
    told = words_of(newcomer.get("/login/").text)
    assert "上级单位「北京市总工会」的用户管理员bj管理员" in told
    assert newcomer.get("/").status_code == 401
    assert log("xicheng")[-1] == "declined"
    assert look("xicheng", "session_version") > before  # copies of the cookie are dead


def test_all_is_confirmed_and_one_logs_in_again(newcomer, log, look, rest):  # AID-R006, R007, R008
    answer = personal(newcomer, job_title="干事")
    assert (answer.status_code, answer.location) == (302, "/login/")
    assert newcomer.get("/").status_code == 401
    assert look("xicheng", "full_name", "job_title", "must_change_password") == ["周建国", "干事", False]
    assert newcomer.login("xicheng", NEW).location == "/"
    assert newcomer.get("/").status_code == 200
    assert rest.login("xicheng", NEW).status_code == 200
    assert log("xicheng") == ["reset", "in", "confirmed", "in", "in"]
    assert newcomer.get("/first/person").location == "/"  # behind one for ever


@pytest.mark.parametrize(
    ("typed", "field", "words"),
    [
        ({"phone": ""}, "phone", "请填写联系电话"),  # AID-R006: every * field
        ({"login_name": "BJ"}, "login_name", "已被使用"),  # AID-R009
        ({"password": "", "password_confirm": ""}, "password", "请填写新密码"),  # AID-R007
        ({"password_confirm": "other"}, "password_confirm", "不一致"),  # AID-R010
        ({"password": "short", "password_confirm": "short"}, "password", "密码至少"),
        ({"full_name": "x" * 60}, "full_name", "最多"),
    ],
)
def test_what_is_wrong_is_told_beside_it_and_nothing_is_kept(newcomer, look, typed, field, words):
    answer = personal(newcomer, **typed)
    assert answer.status_code == 422
    assert words in errors_of(answer.text)[field]
    assert look("xicheng", "profile_confirmed_at", "must_change_password") == [None, True]


def test_the_one_time_password_is_no_new_one(newcomer, reset, change, look):  # AID-R007
    change("xicheng", profile_confirmed_at=None)
    one_time = reset("xicheng")
    newcomer.login("xicheng", one_time)
    assert personal(newcomer, password=one_time, password_confirm=one_time).status_code == 422


def test_nobody_gives_himself_rights_on_the_way_in(newcomer, house, look):
    more = {
        "rights": "财政专项资金",
        "unit_id": "1",
        "is_unit_admin": "1",
        "certificate_required": "1",
        "active": "0",
    }
    newcomer.get("/first/unit")
    newcomer.post("/first/unit", {"button": "ok"})
    newcomer.get("/first/person")
    form = Form.of(newcomer.page).fill(PERSON | {"password": NEW, "password_confirm": NEW})
    form.values.update(more)
    assert newcomer.client.post("/first/person", data=form.values).status_code == 302
    with house.test_request_context(), scope.acting(scope.SYSTEM):
        account = db.session.scalars(select(Account).where(Account.username == "xicheng")).one()
        assert set(account.rights) == {"困难职工档案", "用户管理"}
        assert (account.unit.name, account.certificate_required, account.active) == (
            "西城区总工会",
            False,
            True,
        )


def test_a_stale_form_is_refused(newcomer, change, look):  # AID-R232
    newcomer.get("/first/unit")
    newcomer.post("/first/unit", {"button": "ok"})
    newcomer.get("/first/person")
    form = Form.of(newcomer.page).fill(PERSON | {"password": NEW, "password_confirm": NEW})
    change("xicheng", version=(look("xicheng", "version") or 1) + 1)
    answer = newcomer.client.post("/first/person", data=form.values)
    assert answer.status_code == 422
    assert "修改" in words_of(answer.text)
    assert look("xicheng", "profile_confirmed_at") is None


def test_the_name_is_asked_for_without_a_right(newcomer):  # AID-R009
    newcomer.get("/first/unit")
    newcomer.post("/first/unit", {"button": "ok"})
    assert "已被使用" in newcomer.get("/first/person/available?login_name=bj").text
    assert "可以使用" in newcomer.get("/first/person/available?login_name=zhou").text
    assert newcomer.get("/first/person/available?login_name=%00").status_code == 200


def test_who_has_a_password_of_his_own_keeps_it(browser, change, look):  # AID-R005: after an upgrade
    change("xicheng", profile_confirmed_at=None)
    browser.login("xicheng")
    assert browser.get("/").location == "/first/unit"
    browser.get("/first/unit")
    browser.post("/first/unit", {"button": "ok"})
    assert 'name="password"' not in browser.get("/first/person").text
    assert fill(browser, "/first/person", PERSON).location == "/login/"
    assert browser.login("xicheng", PASSWORD).status_code == 302
    assert look("xicheng", "profile_confirmed_at")


def test_the_first_of_a_unit_completes_it_and_later_ones_are_not_asked(
    browser, house, change_unit
):  # AID-R011
    change_unit("西城区总工会", profile_confirmed_at=None, leader_name=None)
    late = Browser(house.test_client())
    for one in (browser, late):
        one.login("xicheng_reader" if one is browser else "xicheng")
        assert one.get("/archive/list/").location == "/first/profile"
    late.get("/first/profile")
    stale = Form.of(late.page).fill(UNIT)
    answer = fill(browser, "/first/profile", UNIT | {"leader_name": ""})
    assert (answer.status_code, "请填写负责人" in errors_of(answer.text)["leader_name"]) == (422, True)
    answer = fill(
        browser, "/first/profile", UNIT | {"name": "我的工会", "level": "national", "parent_id": ""}
    )
    assert answer.location == "/"
    assert browser.get("/").status_code == 200
    assert late.client.post("/first/profile", data=stale.values).location == "/"  # no second hand over it
    assert late.get("/").status_code == 200
    with house.app_context(), scope.acting(scope.SYSTEM):
        unit = db.session.scalars(select(Unit).where(Unit.name == "西城区总工会")).one()
        assert (unit.leader_name, unit.level, unit.updated_by_name) == (
            "周建国",
            "provincial",
            "xicheng_reader管理员",
        )
    assert browser.get("/first/profile").location == "/"


def test_an_account_without_a_unit_begins_with_itself(browser, house, change):  # unified U02
    from app.models.assignment import Assignment, assignment_role

    change("bj", profile_confirmed_at=None)
    with house.app_context(), scope.acting(scope.SYSTEM):
        db.session.execute(assignment_role.delete())
        db.session.execute(Assignment.__table__.delete())
        db.session.commit()
    browser.login("bj")
    assert browser.get("/").location == "/first/person"
    answer = fill(browser, "/first/person", PERSON | {"login_name": "bj"})
    assert (answer.status_code, answer.location) == (302, "/login/")


def test_who_may_do_nothing_yet_gets_in(browser, change, reset, rest, look):
    """Rights are not on the page: that there are none is the administrator's to mend, who takes nobody's last one."""
    change("xicheng_reader", profile_confirmed_at=None)
    browser.login("xicheng_reader", reset("xicheng_reader"))
    assert personal(browser, login_name="xicheng_reader").location == "/login/"
    for rights, status in ((["困难职工档案"], 200), ([], 422)):
        url, typed = f"/api/v1/account/{look('xicheng_reader', 'id')}", {"rights": rights}
        assert rest.client.put(url, json=typed, headers=rest.bearer("bj")).status_code == status


def test_nobody_takes_the_name_by_which_another_comes_in(newcomer, change, rest):
    """Login name, mobile number and e-mail address are one door (DESIGN §10)."""
    change("bj", mobile="13900139000")
    change("sh", username="13700137000")
    for field, name in (
        ("login_name", "13900139000"),
        ("login_name", "BJ@example.org"),
        ("mobile", "13700137000"),
    ):
        assert field in errors_of(personal(newcomer, **{field: name}).text), name
    assert rest.login("13900139000").status_code == 200


def test_an_upgrade_leads_nobody_through_it_who_was_at_work(house):
    """What the migration does: people who have logged in with a password of their own, and their units."""
    import importlib

    path = "app.migrations.versions.20261121_2330_door"
    module = importlib.import_module(path)
    sent: list[str] = []
    real, module.op = module.op, type("Op", (), {"execute": staticmethod(sent.append)})
    try:
        module._take_as_confirmed()
    finally:
        module.op = real
    with house.app_context(), scope.acting(scope.SYSTEM):
        for name in ("bj", "xicheng", "sh"):
            account = db.session.scalars(select(Account).where(Account.username == name)).one()
            account.profile_confirmed_at, account.last_login = None, None if name == "sh" else clock.now()
            account.must_change_password = name == "xicheng"
        for unit in db.session.scalars(select(Unit)):
            unit.profile_confirmed_at = None
        db.session.flush()
        for statement in sent:
            db.session.connection().exec_driver_sql(statement)
        db.session.expire_all()
        found = {a.username: a.profile_confirmed_at is not None for a in db.session.scalars(select(Account))}
        units = {u.name: u.profile_confirmed_at is not None for u in db.session.scalars(select(Unit))}
        db.session.rollback()
    assert found == {"bj": True, "xicheng": False, "sh": False, "xicheng_reader": True}
    assert units == {"北京市总工会": True, "西城区总工会": True, "上海市总工会": False}


def test_every_page_on_the_way_takes_nonsense(newcomer, house):
    newcomer.get("/first/unit")
    newcomer.post("/first/unit", {"button": "ok"})
    newcomer.get("/first/person")
    for odd in ("\x00", "\ud800".encode("utf-8", "surrogatepass"), "x" * 20000, "-1", "=cmd|' /C calc'!A0"):
        typed = dict.fromkeys((*PERSON, "password", "password_confirm", "version", "mobile", "email"), odd)
        answer = newcomer.client.post("/first/person", data=typed | {"csrf_token": newcomer.token})
        assert answer.status_code in {409, 422}, odd
    with house.app_context(), scope.acting(scope.SYSTEM):
        assert "confirmed" not in set(db.session.scalars(select(LoginAttempt.outcome)))
