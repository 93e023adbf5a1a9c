"""跨区域维权 on a screen and on a phone: branches come when they are opened, a unit is shown beside its tree (AID-R227)."""

from __future__ import annotations

from playwright.sync_api import expect


def test_a_unit_is_found_in_the_tree_and_by_its_initials(sit):
    page = sit("dewai_clerk").page
    page.goto("/directory/")
    line = page.locator("#unit-tree li", has=page.get_by_role("link", name="上海市总工会", exact=True)).last
    line.locator("summary > .ti").click()
    page.get_by_role("link", name="徐汇区总工会", exact=True).click()
    expect(page.locator("#unit-pane h2")).to_have_text("徐汇区总工会")
    expect(page.locator("#unit-tree [aria-current]")).to_have_text("徐汇区总工会")
    page.fill("#directory-name", "chj")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="漕河泾街道总工会").last.click()
    expect(page.locator("#unit-pane")).to_contain_text("上海市总工会->徐汇区总工会")
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("link", name="返回查询结果").click()
    expect(page.locator(".directory-results")).to_contain_text("漕河泾街道总工会 (")
