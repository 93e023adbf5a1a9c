"""Rights: who may what, read once a request."""

from __future__ import annotations

import pytest
from flask_appbuilder.security.sqla.models import PermissionView, Role
from sqlalchemy import func, select

from app.kit import scope
from app.kit.database import db
from app.kit.errors import Anonymous, Forbidden
from app.kit.scope import Actor
from app.security import grants


def test_without_the_right_a_page_is_403_and_no_redirect(browser):  # AID-R002
    browser.login("xicheng_reader")
    answer = browser.get("/archive/list/")
    assert (answer.status_code, answer.location) == (403, None)
    assert "困难职工档案" in answer.text
    assert browser.get("/").status_code == 200


def test_without_the_right_rest_is_403_in_words(rest, house):  # AID-R002
    answer = house.test_client().get("/api/v1/archive/", headers=rest.bearer("xicheng_reader"))
    assert (answer.status_code, "困难职工档案" in answer.json["message"]) == (403, True)


def test_a_changed_right_acts_on_the_next_request(browser, rest, house, change):  # DESIGN §5
    browser.login("sh")
    bearer = rest.bearer("sh")
    for rights, status in ((["困难职工档案"], 200), ([], 403), (["困难职工档案"], 200), (["用户管理"], 403)):
        change("sh", rights=rights)
        assert (browser.get("/archive/list/").status_code == 403) == (status == 403)
        assert house.test_client().get("/api/v1/archive/", headers=bearer).status_code == status


@pytest.mark.parametrize("way", ["cookie", "token"])
def test_one_statement_tells_who_asks(browser, rest, house, statements, way):  # DESIGN §5
    if way == "cookie":
        browser.login("bj")
        ask = {}
        client = browser.client
    else:
        ask, client = {"headers": rest.bearer("bj")}, house.test_client()
    client.get("/api/v1/nothing/" if way == "token" else "/nothing/", **ask)
    statements.clear()
    assert client.get("/api/v1/nothing/" if way == "token" else "/nothing/", **ask).status_code == 404
    ours = [sent for sent in statements if "ab_user" in sent]
    assert len(ours) == 1
    assert "assignment" in ours[0]
    assert "code_table" in ours[0]
    assert not [sent for sent in statements if "ab_permission" in sent or "ab_view_menu" in sent]


def test_access_is_answered_from_memory(house, statements):  # AID-R002
    sm = house.appbuilder.sm
    holder = Actor(1, "张", grants=frozenset({("can_read", "archive")}))
    matrix = [
        (None, "can_read", "archive", False),
        (holder, "can_read", "archive", True),
        (holder, "can_write", "archive", False),
        (holder, "can_read", "account", False),
        (holder, "menu_access", "archive", False),
        (scope.SYSTEM, "can_write", "account", True),
    ]
    with house.test_request_context():
        for actor, permission, view, allowed in matrix:
            with scope.acting(actor):
                assert sm.has_access(permission, view) is allowed
        assert sm.is_item_public("can_read", "archive") is False
        assert sm.get_user_menu_access(["archive"]) == set()
    assert statements == []


def test_a_route_that_verifies_the_token_again_asks_no_more(rest, house, statements):
    bearer, client = rest.bearer("bj"), house.test_client()
    client.get("/api/v1/archive/", headers=bearer)
    statements.clear()
    assert client.get("/api/v1/archive/", headers=bearer).status_code == 200
    assert len([sent for sent in statements if "ab_user.session_version" in sent]) == 1


@pytest.mark.parametrize("right", [None, "困难职工档案", "用户管理"])
def test_a_right_opens_its_module_and_nothing_else(house, right):  # AID-R002
    with house.app_context():
        every = frozenset().union(*grants.rights().values())
        held = grants.of(frozenset({right} if right else ()))
        free = house.extensions["everybody"]
        opened = grants.rights()[right] if right else frozenset()
        assert held == opened | free
        assert every - held or len(grants.rights()) == 1
        assert grants.of(frozenset()) == free >= grants.EVERYBODY


def test_a_right_that_left_the_register_opens_nothing(house):
    with house.app_context():
        assert grants.of(frozenset({"已取消的权限", "Admin", "Public"})) == house.extensions["everybody"]


def test_modules_may_share_a_right():
    from flask import Flask

    class Toy:
        def __init__(self, right, *pairs):
            self.right, self._pairs = right, set(pairs)

        def more_grants(self):
            return {}

        def grants(self):
            return self._pairs

    flask = Flask("toy")
    grants.declare(
        flask,
        [
            Toy("甲", ("can_read", "a")),
            Toy(None, ("can_read", "b")),
            Toy("乙", ("can_read", "c")),
            Toy("甲", ("can_read", "d")),
        ],
    )
    with flask.app_context():
        assert list(grants.rights()) == ["甲", "乙"]
        assert grants.rights()["甲"] == {("can_read", "a"), ("can_read", "d")}
        assert ("can_read", "b") in grants.of(frozenset())  # a module without a right is everybody's
        assert grants.of(frozenset({"乙"})) == grants.EVERYBODY | {("can_read", "b"), ("can_read", "c")}


def _counts() -> tuple[int, ...]:
    from flask_appbuilder.security.sqla.models import Permission, ViewMenu, assoc_permissionview_role

    tables = (
        Role.__table__,
        Permission.__table__,
        ViewMenu.__table__,
        PermissionView.__table__,
        assoc_permissionview_role,
    )
    return tuple(db.session.scalar(select(func.count()).select_from(table)) for table in tables)


def test_two_syncs_leave_one_role(house):
    with house.app_context(), scope.acting(scope.SYSTEM):
        before = _counts()
        grants.sync(db.session)
        db.session.commit()
        assert _counts() == before
        assert sorted(db.session.scalars(select(Role.name))) == sorted(grants.rights())
        for role in db.session.scalars(select(Role)):
            held = {(pair.permission.name, pair.view_menu.name) for pair in role.permissions}
            assert held == grants.rights()[role.name]


def test_syncs_at_the_same_time_leave_one_role(house):
    from threading import Barrier, Thread

    from flask_appbuilder import Model

    failures, start = [], Barrier(4)
    with house.app_context(), scope.acting(scope.SYSTEM):
        before = _counts()
        for name in (
            "ab_permission_view_role",
            "ab_permission_view",
            "assignment_role",
            "ab_permission",
            "ab_view_menu",
            "ab_role",
        ):
            db.session.execute(Model.metadata.tables[name].delete())
        db.session.commit()

    def run():
        try:
            with house.app_context(), scope.acting(scope.SYSTEM):
                start.wait(5)
                grants.sync(db.session)
                db.session.commit()
        except Exception as error:  # noqa: BLE001 - told by the test
            failures.append(error)

    crowd = [Thread(target=run) for _ in range(4)]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()
    with house.app_context(), scope.acting(scope.SYSTEM):
        assert (failures, _counts()) == ([], before)


def test_a_permission_that_left_the_register_leaves_its_role(house, monkeypatch):
    with house.app_context(), scope.acting(scope.SYSTEM):
        rights = dict(house.extensions["rights"])
        fewer = rights | {"困难职工档案": frozenset({("can_read", "archive")})}
        monkeypatch.setitem(house.extensions, "rights", fewer)
        grants.sync(db.session)
        db.session.commit()
        role = db.session.scalars(select(Role).where(Role.name == "困难职工档案")).one()
        assert [pair.permission.name for pair in role.permissions] == ["can_read"]
        monkeypatch.setitem(house.extensions, "rights", rights)
        grants.sync(db.session)
        db.session.commit()


def test_needs_is_the_door_of_a_view(house):
    from app.kit.access import needs

    class Toy:
        resource = "archive"

        @needs("write")
        def change(self, what):
            return what

    assert Toy.change._permission_name == "write"
    with house.test_request_context():
        with pytest.raises(Anonymous):
            Toy().change(1)
        with (
            scope.acting(Actor(1, "张", grants=frozenset({("can_read", "archive")}))),
            pytest.raises(Forbidden, match="困难职工档案"),
        ):
            Toy().change(1)
        with scope.acting(Actor(1, "张", grants=frozenset({("can_write", "archive")}))):
            assert Toy().change(1) == 1


def test_an_account_without_assignment_sees_nothing(browser, house):  # unified U02
    from app.models.assignment import Assignment, assignment_role

    with house.app_context(), scope.acting(scope.SYSTEM):
        db.session.execute(assignment_role.delete())
        db.session.execute(Assignment.__table__.delete())
        db.session.commit()
    assert browser.login("bj").status_code == 302
    assert browser.get("/").status_code == 200
    assert browser.get("/archive/list/").status_code == 403


def test_the_session_names_the_assignment_in_force(browser, house):  # DESIGN §6
    from app.models.account import Account
    from app.models.assignment import Assignment
    from app.models.unit import Unit

    with house.app_context(), scope.acting(scope.SYSTEM):
        account = db.session.scalars(select(Account).where(Account.username == "bj")).one()
        foreign = db.session.scalars(
            select(Assignment.id)
            .join(Account, Account.id == Assignment.account_id)
            .where(Account.username == "sh")
        ).one()
        unit = db.session.scalars(select(Unit).where(Unit.name == "上海市总工会")).one()
        second = Assignment(account=account, unit=unit, unit_path=unit.path)
        db.session.add(second)
        db.session.commit()
        here = second.id
    browser.login("bj")
    for chosen, status in ((here, 403), (foreign, 200), ("x", 200), (None, 200)):
        with browser.client.session_transaction() as stored:
            stored["assignment_id"] = chosen
        assert (browser.get("/account/list/").status_code == 403) == (status == 403), chosen


def test_nobody_is_left_when_the_request_is_over(browser):
    with scope.acting(scope.SYSTEM):
        browser.login("bj")
        browser.get("/")
        assert scope.current().everywhere
    assert scope.current() is None
