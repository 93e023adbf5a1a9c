"""批量帮扶 in a real browser: ticking, the one form, its confirmation, and the aids one by one afterwards."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

FORM = {"measures": [{"measure": "living", "amount": "1234.5"}]}


@pytest.fixture
def clerk(sit):
    """德外街道总工会's clerk."""
    return sit("dewai_clerk")


def save(screen):
    """The form's button, by the keyboard."""
    with screen.page.expect_navigation():
        screen.page.keyboard.press("Alt+S")


def test_ticked_workers_are_aided_by_one_form(clerk):  # AID-R132, R136
    page = clerk.page
    page.goto("/aid/batch")
    page.click(".kit-toolbar button:has-text('为选中人员增加新帮扶救助信息')")
    expect(page.locator("#kit-confirm")).to_contain_text("请先选择记录")  # L8
    page.keyboard.press("Escape")
    for number in range(3):
        page.locator("[data-tick]").nth(number).check()
    with page.expect_navigation():
        page.click(".kit-toolbar button:has-text('为选中人员增加新帮扶救助信息')")
    expect(page.locator(".kit-leaf[aria-current]")).to_have_text("批量帮扶")
    clerk.fill(FORM)
    save(clerk)
    told = "将为3名职工各增加一条帮扶救助信息，每人1,234.50元，合计3,703.50元"
    expect(page.locator(".kit-alert-amber")).to_contain_text(told)
    save(clerk)
    expect(page.locator("#made h2")).to_have_text("已增加3条帮扶救助信息")
    page.locator("#made a").first.click()
    expect(page).to_have_url(re.compile(r"/aid/show/\d+"))
    expect(page.locator("#linked tr[aria-current]")).to_contain_text("1,234.50")
    page.click("#linked a:has-text('查看职工档案')")
    tab = page.locator("#tab-aid .kit-count")
    expect(tab).to_have_text(re.compile(r"\d+"))  # it comes after the first paint
    page.click("#tab-aid")
    expect(page.locator("#linked tbody tr").first).to_contain_text("1,234.50")
    page.click("#linked a:has-text('查看全部')")
    expect(page.locator(".kit-asked")).to_contain_text("职工档案")


def test_what_is_wrong_stands_beside_its_field(clerk):
    page = clerk.page
    page.goto("/aid/batch")
    page.locator("[data-tick]").first.check()
    with page.expect_navigation():
        page.click(".kit-toolbar button:has-text('为选中人员增加新帮扶救助信息')")
    clerk.fill({"measures": [{"measure": "living", "amount": "0"}]})
    save(clerk)
    expect(page.locator("#f-measures-0-amount-error")).to_contain_text("金额应大于0")
    expect(page.locator(".kit-alert-amber")).to_have_count(0)
