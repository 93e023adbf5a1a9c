"""When the server is too busy: the words are shown, and what was typed stays (docs/decisions/0013)."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Route, expect

BUSY = "现在使用的人太多，您的操作没有进行；请稍等几秒再试"


def refuse(route: Route) -> None:
    """As the room does: JSON for a script, a page for a person."""
    headers = {"Retry-After": "3", "Cache-Control": "no-store"}
    if "hx-request" in route.request.headers:
        headers["Content-Type"] = "application/json"
        route.fulfill(status=503, headers=headers, body=json.dumps({"message": BUSY}))
    else:
        headers["Content-Type"] = "text/html; charset=utf-8"
        route.fulfill(status=503, headers=headers, body=f"<h1>{BUSY}</h1>")


@pytest.fixture
def clerk(sit):
    """A clerk whose console may tell of 503, and of nothing else."""
    screen = sit("dewai_clerk")
    yield screen
    screen.complaints[:] = [words for words in screen.complaints if "503" not in words]


def test_a_list_that_is_refused_says_so_and_stays(clerk):
    page = clerk.page
    page.goto("/archive/list/?shelf=hardship")
    rows = page.locator("#kit-list tbody tr").count()
    page.route("**/archive/list/**", refuse)
    page.fill(".kit-query [name=full_name]", "王秀")
    page.locator(".kit-query [name=full_name]").press("Enter")
    expect(page.locator("#kit-toasts")).to_contain_text(BUSY)
    expect(page.locator(".kit-query [name=full_name]")).to_have_value("王秀")
    assert page.locator("#kit-list tbody tr").count() == rows
    page.unroute("**/archive/list/**")
    page.locator(".kit-query [name=full_name]").press("Enter")
    page.wait_for_url("**full_name=**")


def test_a_step_that_is_refused_keeps_its_dialog_with_what_was_typed(clerk, people):
    page, typed = clerk.page, people.household(0, hardship_category="low_income")
    clerk.add_archive(typed)
    clerk.find_archive(typed).locator("[data-tick]").check()
    page.click(".kit-toolbar button:has-text('上报')")
    message = page.locator("#kit-dialog [name=message]")
    message.fill("请审核第二次")
    page.route("**/archive/steps/report", refuse)
    page.click("#kit-dialog [data-save]")
    expect(page.locator("#kit-toasts")).to_contain_text(BUSY)
    expect(message).to_have_value("请审核第二次")
    expect(page.locator("#kit-dialog [data-save]")).to_be_enabled()
