"""The frame around every page: login, menu, theme, errors in words, no complaint of the console."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect


@pytest.mark.parametrize("name", ["dewai_clerk", "root"])
def test_every_page_of_the_menu_opens_without_complaint(sit, name):
    """Neither a script error nor a breach of the content policy; a heading and one current line each."""
    page = sit(name).page
    page.goto("/")
    for group in page.locator(".kit-menu > ul > li > details > summary").all():
        group.click()
        expect(group.locator("xpath=..").locator(".kit-leaf").first).to_be_attached()
    addresses = page.locator(".kit-leaf").evaluate_all("all => all.map((one) => one.getAttribute('href'))")
    assert len(addresses) > 40
    for address in addresses:
        answer = page.goto(address)
        assert answer.status == 200, address
        expect(page.locator("h1").first).to_be_visible()
        assert (
            page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1") or "blank" in address
        ), address


def test_every_input_has_a_name(sit):
    """No field without a label, for those who do not see it."""
    page = sit("dewai_clerk").page
    for address in (
        "/archive/add?shelf=hardship",
        "/archive/list/?shelf=hardship&panel=all",
        "/archive/statistics?shelf=hardship",
        "/password/",
    ):
        page.goto(address)
        nameless = page.evaluate(
            """() => [...document.querySelectorAll('main input:not([type=hidden]), main select, main textarea')]
                .filter((one) => one.offsetParent && one.tabIndex >= 0 && !one.getAttribute('aria-label')
                    && !one.getAttribute('aria-labelledby') && !one.labels?.length && !one.closest('.ts-wrapper'))
                .map((one) => one.name)"""
        )
        assert nameless == [], address


def test_five_wrong_passwords_lock_the_account(window):
    """DESIGN §10: told in words, without saying whether the name exists."""
    screen = window()
    page = screen.page
    for _each in range(6):
        page.goto("/login/")
        screen.enter("haidian_clerk", "Wrong-Word-2026")
        expect(page.locator(".kit-alert-red")).to_be_visible()
    expect(page.locator(".kit-alert-red")).to_contain_text(re.compile("锁定|分钟"))
    expect(page.locator("#username")).to_have_value("haidian_clerk")


def test_dark_and_light(sit):
    """The choice stays for the next page."""
    page = sit("dewai_clerk", color_scheme="light").page
    page.goto("/")
    page.click("[data-toggle-theme]")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    page.goto("/archive/list/?shelf=hardship")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")


def test_home_shows_how_the_archives_stand(sit):
    """The figures are those of the list, and lead to it."""
    page = sit("dewai_clerk").page
    page.goto("/")
    line = page.locator(".kit-overview tbody tr").first
    pending = line.locator("td").first.inner_text()
    line.locator("td a").first.click()
    expect(page.locator("#tab-pending")).to_have_attribute("aria-current", "page")
    expect(page.locator("#tab-pending .kit-count")).to_have_text(pending)


def test_a_page_without_the_right_says_so(sit):
    """403 in words, with the way home."""
    page = sit("dewai_clerk").page
    answer = page.goto("/unit/tree")
    assert answer.status == 403
    expect(page.locator("#kit-error")).to_contain_text("用户管理")
    page.goto("/archive/show/999999")
    expect(page.locator("#kit-error")).to_contain_text("没有找到")


def test_a_reminder_is_seen_to(sit, people):
    """AID-R222 – R226: only 处理 can be changed, and the bell counts one less."""
    typed = people.household(0, hardship_category="low_income")
    sit("xinjiekou_clerk").add_archive(typed)
    sit("xinjiekou_clerk").step(typed, "上报", "请看这一条提醒。")
    page = sit("xicheng_clerk").page
    page.goto("/reminder/list/?shelf=open")
    before = int(page.locator(".kit-badge").inner_text())
    page.locator("tbody tr", has_text="请看这一条提醒。").locator(".kit-ends a[title=处理]").click()
    dialog = page.locator("#kit-dialog")
    expect(dialog).to_contain_text("请看这一条提醒。")
    expect(dialog.locator("[name=state]")).to_have_count(2)  # 未处理 or 处理, and nothing else
    with page.expect_navigation():
        dialog.locator("[data-save]").click()
    expect(page.locator(".kit-alert-green")).to_be_visible()
    after = page.locator(".kit-badge")
    assert (int(after.inner_text()) if after.count() else 0) == before - 1


def test_the_administrator_keeps_the_code_tables(sit):
    """aid.md 18: a table is chosen, its values stand beside it."""
    page = sit("root").page
    page.goto("/")
    page.click(".kit-cards a:has-text('代码表管理')")
    expect(page.locator("main")).to_contain_text("代码表")
    page.locator(".unit-tables a").nth(2).click()
    expect(page.locator(".unit-values tbody tr").first).to_be_visible()


def test_a_group_at_the_foot_of_the_menu_comes_into_sight_when_it_is_opened(sit):
    """Its lines are fetched then, and would stand below the window."""
    page = sit("dewai_clerk").page
    page.goto("/archive/list/?shelf=hardship")
    group = page.locator(".kit-menu > ul > li > details", has_text="财政专项资金管理")
    assert not group.locator(".kit-leaf").count()
    group.locator("summary").first.click()
    expect(group.get_by_text("资金对账")).to_be_in_viewport()
