"""What the browser is told, and what a foreign page cannot do."""

from __future__ import annotations

import re

import pytest


def test_pages_carry_the_headers_and_a_new_nonce(browser):
    browser.login("bj")
    first, second = browser.get("/"), browser.get("/")
    policy = first.headers["Content-Security-Policy"]
    for part in (
        "default-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "object-src 'none'",
    ):
        assert part in policy
    nonce = re.search(r"'nonce-([^']+)'", policy).group(1)
    assert f'nonce="{nonce}"' in first.text
    assert nonce not in second.text
    assert first.headers["X-Content-Type-Options"] == "nosniff"
    assert first.headers["Referrer-Policy"] == "same-origin"
    assert first.headers["Cache-Control"] == "no-store"


def test_every_script_of_a_page_carries_the_nonce(browser):
    for text in (
        browser.get("/login/").text,
        browser.login("bj").text,
        browser.get("/").text,
        browser.get("/swagger/v1").text,
    ):
        for tag in re.findall(r"<script[^>]*>", text):
            assert "nonce=" in tag or "application/json" in tag, tag
        assert not re.search(r"\son[a-z]+=\"", text)


def test_rest_is_not_kept_by_anybody(rest, house):
    answer = house.test_client().get("/api/v1/archive/", headers=rest.bearer("bj"))
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in answer.headers


def test_a_stranger_gets_no_cookie_but_with_a_form(house):
    client = house.test_client()
    for path in ("/healthz", "/readyz", "/api/v1/archive/", "/static/kit/kit.css", "/static/nothing"):
        assert "Set-Cookie" not in client.get(path).headers, path
    assert "Set-Cookie" in client.get("/login/").headers


def test_the_session_cookie_is_closed_to_scripts(browser):
    browser.login("bj")
    cookie = browser.client.get_cookie("uniondesk")
    assert (cookie.http_only, cookie.same_site) == (True, "Lax")


@pytest.mark.parametrize(
    "path", ["/archive/add", "/password/", "/logout/", "/api/v1/archive/", "/api/v1/archive/1/steps/report"]
)
def test_a_cookie_writes_nothing_without_the_token_of_a_page(browser, path):  # DESIGN §10
    browser.login("bj")
    assert browser.client.post(path, data={"x": "1"}).status_code == 400
    assert browser.client.post(path, json={"x": "1"}).status_code == 400
    assert browser.get("/").status_code == 200


@pytest.mark.parametrize("method", ["put", "delete", "patch"])
def test_other_verbs_want_it_too(browser, method):
    browser.login("bj")
    assert getattr(browser.client, method)("/api/v1/archive/1").status_code == 400


def test_a_bearer_needs_no_csrf_and_no_cookie(rest, house):
    client, bearer = house.test_client(), rest.bearer("bj")
    assert client.post("/api/v1/archive/", json={}, headers=bearer).status_code == 422
    assert client.post("/archive/add", data={"full_name": ""}, headers=bearer).status_code != 400


def test_a_token_wins_over_a_cookie(browser, rest):
    browser.login("bj")
    answer = browser.client.get("/", headers=rest.bearer("sh"))
    assert "sh管理员" in answer.text
    assert "bj管理员" not in answer.text


@pytest.mark.parametrize("token", ["x", "a.b.c", "", "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxLjEifQ."])
def test_a_bad_token_is_401_in_chinese(house, token):
    answer = house.test_client().get("/api/v1/archive/", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401
    assert "登录" in answer.json["message"]


def test_an_expired_token_is_401_in_chinese(house, rest, time_machine):
    from datetime import timedelta

    from app.kit import clock

    time_machine.move_to(clock.datetime.now(clock.ZONE))
    bearer = rest.bearer("bj")
    time_machine.shift(timedelta(hours=1, seconds=1))
    answer = house.test_client().get("/api/v1/archive/", headers=bearer)
    assert (answer.status_code, answer.json["message"]) == (401, "登录已失效，请重新登录")


def test_htmx_is_sent_to_the_login_page(house):
    asks = {"HX-Request": "true", "HX-Current-URL": "http://localhost/archive/list/?state=open"}
    answer = house.test_client().get("/archive/counts", headers=asks)
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"] == "/login/?next=/archive/list/%3Fstate%3Dopen"


def test_the_rest_description_is_for_everybody_who_is_logged_in(browser):
    browser.login("xicheng_reader")
    assert browser.get("/swagger/v1").status_code == 200
    assert browser.client.get("/api/v1/_openapi").status_code == 200


def test_fabs_own_screens_are_not_there(house):
    paths = {str(rule) for rule in house.url_map.iter_rules()}
    assert not [
        path
        for path in paths
        if re.match(r"/(users|roles|userinfo|resetpassword|resetmypassword|register|groups)", path)
    ]
