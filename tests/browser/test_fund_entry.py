"""收支明细信息 in Chromium: 查看, both buttons, sums under the rows, 冲账 from a row."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

FUND = "社会捐助"


@pytest.fixture
def clerk(sit):
    """Somebody with a book that no other test writes in."""
    return sit("xueyuanlu_clerk")


def look(page, fund=FUND):
    """查看."""
    page.goto("/fund_entry/list/")
    page.select_option("#kit-query [name=income_type]", label=fund)
    page.click("#kit-query button:has-text('查看')")
    expect(page.locator("tfoot")).to_be_visible()


def add(page, button, amount, **more):
    """One entry through the form of a button."""
    page.click(f"main a:has-text('{button}')")
    page.fill("[name$=_amount]", amount)
    if kind := more.get("kind"):
        page.select_option("[name=expense_type]", label=kind)
    page.check("[name=is_fiscal_budget][value='0']", force=True)
    with page.expect_navigation():
        page.click("button:has-text('保存') >> nth=0")
    expect(page.locator(".kit-alert-green")).to_contain_text("保存成功")


def balances(page):
    """余额 of each row, and of the sums."""
    return page.locator(".kit-rows tr td:nth-child(6)").all_inner_texts()


def test_a_book_is_looked_at_filled_and_corrected(clerk):  # AID-R175, R178 – R181
    page = clerk.page
    page.goto("/fund_entry/list/")
    expect(page.locator("#kit-rows")).to_contain_text("请先选择收入类型，再点击「查看」")
    expect(page.locator("main a:has-text('增加新的收入信息')")).to_have_count(0)
    look(page)
    assert balances(page) == ["0.00", "0.00"]
    add(page, "增加新的收入信息", "1000")
    add(page, "增加新的支出信息", "250.50", kind="日常救济支出")
    assert balances(page) == ["1,000.00", "749.50", "749.50", "749.50"]
    page.locator("tbody tr").nth(1).locator("a[href*='offsets_entry_id']").click()
    expect(page.locator("[name=expense_amount]")).to_have_value("-250.50")
    expect(page.locator("[name=remarks]")).to_have_value(
        "冲销第2号 " + page.input_value("[name=entry_date]") + " 支出250.50元："
    )
    with page.expect_navigation():
        page.click("button:has-text('保存') >> nth=0")
    assert balances(page)[-1] == "1,000.00"
    scrolls = page.evaluate("(one => one.scrollWidth - one.clientWidth)(document.querySelector('#kit-rows'))")
    assert scrolls <= 0


def test_an_expense_that_is_too_large_is_told_beside_it(clerk):  # AID-R182
    page = clerk.page
    look(page, "利息收入")
    page.click("main a:has-text('增加新的支出信息')")
    page.fill("[name=expense_amount]", "5")
    page.select_option("[name=expense_type]", label="购买国债")
    page.check("[name=is_fiscal_budget][value='1']", force=True)
    page.click("button:has-text('保存') >> nth=0")
    expect(page.locator("#f-expense_amount-error")).to_contain_text("余额为0.00元")
    expect(page.locator("[name=expense_amount]")).to_have_value("5")
