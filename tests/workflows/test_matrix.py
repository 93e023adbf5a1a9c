"""Every route × who asks, generated from the register: a new route is covered the moment it is there.

anonymous   401 (a page's POST may be 400 first: it has no CSRF token)
no right    403
outside     404 for one record of another unit
inside      whatever it does, it is not forbidden, not missing, and never a failure of ours
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import select

from app.demo import business
from app.modules import MODULES

#: what opens without a right of its own: the door, the health, the static files, the language
DOOR = {
    "FirstLoginView.available",
    "FirstLoginView.person",
    "FirstLoginView.profile",
    "FirstLoginView.unit",
    "LoginView.code",
    "LoginView.login",
    "LoginView.logout",
    "PasswordView.change",
    "SafetyView.codes",
    "SafetyView.device",
    "SafetyView.mine",
    "SafetyView.remove",
    "TokenApi.login",
    "TokenApi.refresh",
    "LocaleView.index",
    "UtilView.back",
    "appbuilder.static",
    "healthz",
    "readyz",
    "static",
}
INSIDE, OUTSIDE, NOBODY = "dewai", "caohejing", "dewai_reader"
#: pages that a street's administrator does not open: the root's does (AID-R201, AID-R196)
ROOT_ONLY = {"code_table", "code_value", "briefing", "notice"}
#: pickers: open to everybody who is logged in, and scoped; and 跨区域维权
PICKERS = ("/pick", "/pick/<table>", "/directory")
VALUES = {
    "step": "report",
    "file": "1",
    "archive_id": "1",
    "table": "gender",
    "deed": "order",
    "version": "v1",
}
VIEWS = {module.view.model.resource(): module.view for module in MODULES}


def routes(app: Any) -> list[tuple[str, str, str, str, str | None]]:
    """(method, address pattern, endpoint, resource, permission) of everything behind the door."""
    found = []
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        if rule.endpoint in DOOR:
            continue
        resource = rule.rule.removeprefix("/api/v1").split("/")[1]
        permission = getattr(app.view_functions[rule.endpoint], "_permission_name", None)
        found += [
            (method, rule.rule, rule.endpoint, resource, permission)
            for method in sorted(rule.methods - {"HEAD", "OPTIONS"})
        ]
    return found


def address(pattern: str, pk: int = 1) -> str:
    """The pattern with its holes filled."""
    return re.sub(
        r"<(?:\w+:)?(\w+)>", lambda hole: str(pk) if hole[1] == "pk" else VALUES.get(hole[1], "x"), pattern
    )


def ask(clients: tuple[Any, Any], method: str, url: str) -> Any:
    """Ask by browser or by token, as the address wants."""
    browser, program = clients
    if url.startswith("/api/"):
        return program.open(url, method=method, **({} if method in {"GET", "DELETE"} else {"json": {}}))
    data = {"data": {"csrf_token": browser.csrf}} if method == "POST" else {}
    return browser.open(url, method=method, **data)


@pytest.fixture
def everything(country):
    """Resource → a record that INSIDE sees and OUTSIDE does not; None where everybody sees all or there is none."""
    found: dict[str, int | None] = {}
    for resource, view in VIEWS.items():
        with country.acting(INSIDE) as session:
            ours = set(session.scalars(select(view.model.id)))
        with country.acting(OUTSIDE) as session:
            theirs = set(session.scalars(select(view.model.id)))
        found[resource] = max(ours - theirs, default=None)
    return found


def test_nobody_comes_in_without_logging_in(app, anonymous):  # AID-R001
    wrong = []
    for method, pattern, *_rest in routes(app):
        answer = anonymous.open(address(pattern), method=method)
        allowed = {401} if method == "GET" or pattern.startswith("/api/") else {400, 401}
        if answer.status_code not in allowed:
            wrong.append((method, pattern, answer.status_code))
    assert not wrong


def test_without_a_right_nothing_opens(app, login, rest, country, everything):  # AID-R002
    country.give(NOBODY)
    clients, wrong = (login(NOBODY), rest(NOBODY)), []
    actor = country.actor(NOBODY)
    for method, pattern, _endpoint, resource, permission in routes(app):
        status = ask(clients, method, address(pattern, everything.get(resource) or 1)).status_code
        if pattern.endswith(PICKERS):
            if status not in {200, 403, 404}:
                wrong.append((method, pattern, status))
        elif (
            resource in VIEWS
            and VIEWS[resource].right is not None
            and permission
            and not actor.may(permission, resource)
        ):
            if status != 403:
                wrong.append((method, pattern, status))
        elif status >= 500:
            wrong.append((method, pattern, status))
    assert not wrong


def test_reading_is_not_writing(app, login, rest, country, everything):
    """With every permission but one, the routes of that one stay shut."""
    wrong = []
    country.give(NOBODY, "困难职工档案")
    rights = app.extensions["rights"]
    full = rights["困难职工档案"]
    try:
        rights["困难职工档案"] = frozenset({("can_read", "archive")})
        app.extensions["grants"].clear()
        clients = (login(NOBODY), rest(NOBODY))
        pk = everything["archive"]
        for method, pattern, _endpoint, resource, permission in routes(app):
            if resource == "archive" and permission != "read":
                status = ask(clients, method, address(pattern, pk)).status_code
                if status != 403:
                    wrong.append((method, pattern, status))
        for url in ("/archive/steps/report", "/archive/dialog/report", f"/api/v1/archive/{pk}/steps/report"):
            status = ask(clients, "GET" if "dialog" in url else "POST", url).status_code
            if status != 403:
                wrong.append((url, status))
    finally:
        rights["困难职工档案"] = full
        app.extensions["grants"].clear()
    assert not wrong


def test_another_units_records_are_not_there(app, login, rest, everything):  # AID-R014, AID-R206
    clients, wrong = (login(OUTSIDE), rest(OUTSIDE)), []
    for method, pattern, _endpoint, resource, _permission in routes(app):
        pk = everything.get(resource)
        if "<int:pk>" in pattern and pk is not None:
            status = ask(clients, method, address(pattern, pk)).status_code
            if status not in {
                404,
                400 if "<step>" in pattern else 404,
                403 if pattern.startswith("/api/") else 404,
            }:
                wrong.append((method, pattern, status))
    assert not wrong


def test_ones_own_records_open(app, login, rest, country, everything):
    mine, roots, wrong = (login(INSIDE), rest(INSIDE)), (login("root"), rest("root")), []
    actor = country.actor(INSIDE)
    for method, pattern, _endpoint, resource, permission in routes(app):
        if method == "DELETE" or "delete" in pattern or resource not in VIEWS:
            continue
        pk = everything.get(resource) or 1
        status = ask(roots if resource in ROOT_ONLY else mine, method, address(pattern, pk)).status_code
        may = permission is None or actor.may(permission, resource)
        forbidden = {401, 403} if may and pattern.find("/api/") < 0 else {401}
        if status >= 500 or status in forbidden:
            wrong.append((method, pattern, status))
        if (
            everything.get(resource)
            and status == 404
            and method == "GET"
            and pattern in {f"/{resource}/list/", f"/{resource}/show/<int:pk>"}
            and may
        ):
            wrong.append((method, pattern, status))
    assert not wrong


@pytest.mark.parametrize("resource", sorted(n for n, v in VIEWS.items() if hasattr(v.model, "holder_depth")))
def test_a_record_is_seen_by_its_line_of_superiors_only(country, resource):  # AID-R014
    """Page, REST and count agree with the scope for every unit of the country."""
    model = VIEWS[resource].model
    with country.acting() as session:
        business.conduct(session)
        session.commit()
    every = country.all(model)
    assert every
    for login in ("root", "bj", "xicheng", "dewai", "xinfeng", "haidian", "sh", "caohejing"):
        unit = country.unit(login)
        with country.acting(login) as session:
            seen = set(session.scalars(select(model.id)))
        expected = {
            record.id
            for record in every
            if record.owner_path.startswith(unit.path) and record.holder_depth <= unit.depth
        }
        assert seen == expected, login
