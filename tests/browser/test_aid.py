"""帮扶救助 with keyboard and mouse: a number, the worker, the form, the way out of hardship."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.screen import Screen


@pytest.fixture
def clerk(sit):
    return sit("dewai_clerk")


def look_up(clerk: Screen, number: str) -> None:
    """The number is typed where the cursor stands, and Enter looks it up."""
    page = clerk.page
    page.goto("/aid/add")
    expect(clerk.field("id_card_no")).to_be_focused()
    page.keyboard.type(number)
    with page.expect_navigation():
        page.keyboard.press("Enter")


def to_the_form(clerk: Screen) -> None:
    with clerk.page.expect_navigation():
        clerk.page.click("main a:has-text('增加新帮扶救助信息')")


def test_a_worker_is_found_and_aided_by_the_keyboard(clerk, people):  # AID-R118, AID-R120, AID-R121
    page, typed = clerk.page, people.household(0, hardship_category="low_income")
    clerk.add_archive(typed)
    look_up(clerk, typed["id_card_no"])
    expect(page.locator("h1")).to_have_text("来访职工信息")
    assert typed["id_card_no"] not in page.url
    to_the_form(clerk)
    total = page.locator("#f-total_amount")
    expect(total).to_have_text("0.00")
    codes = (("living", "300"), ("medical", "1,200.50"), ("goods", "0.25"))
    for index, (measure, amount) in enumerate(codes):
        clerk.fill({"measures": [{}] * index + [{"measure": measure, "amount": amount}]})
    expect(total).to_have_text("1500.75")
    expect(page.locator("[data-add-row]")).to_be_hidden()  # 帮扶措施三 is the last
    clerk.field("measures-2-fund_category").focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-child-row]")).to_have_count(3)
    page.click("[data-child-row] >> nth=2 >> [data-remove-row]")
    expect(total).to_have_text("1500.50")
    expect(page.locator("[data-add-row]")).to_be_visible()
    with page.expect_navigation():
        page.keyboard.press("Alt+S")
    expect(page).to_have_url(re.compile(r"/aid/show/\d+"))
    expect(page.locator("main")).to_contain_text("1,500.50")


def test_who_has_no_file_gets_one_and_then_the_aid(clerk, people):  # AID-R118, SM-AID-09 #2
    page, typed = clerk.page, people.household(1, hardship_category="temporary")
    look_up(clerk, typed["id_card_no"])
    expect(clerk.field("id_card_no")).to_have_value(typed["id_card_no"])
    clerk.fill({name: value for name, value in typed.items() if name != "id_card_no"})
    clerk.save()
    expect(page.locator("h1")).to_have_text("第一次帮扶")
    with page.expect_navigation():
        page.keyboard.press("Enter")  # 确定 has the cursor
    clerk.fill({"measures": [{"measure": "living", "amount": "300"}]})
    clerk.save()
    expect(page.locator("h1")).to_contain_text(typed["full_name"])


def test_out_of_hardship_and_put_aside(clerk, people):  # AID-R125, AID-R130
    page, typed = clerk.page, people.household(0, hardship_category="low_income")
    clerk.add_archive(typed)
    with page.expect_navigation():
        page.click("main a:has-text('增加帮扶救助信息')")  # AID-R055
    clerk.fill({"measures": [{"measure": "living", "amount": "300"}]})
    clerk.save()
    page.goto(f"/aid/list/?shelf=exit&id_card_no={typed['id_card_no']}")
    page.click("tbody [title=填写脱困信息]")
    expect(page.locator("#kit-dialog .kit-dialog-facts")).to_contain_text(typed["full_name"])
    page.select_option("#kit-dialog [name=exit_method]", "employed")
    with page.expect_navigation():
        page.click("#kit-dialog [data-save]")
    page.click("main a:has-text('注销职工')")
    page.select_option("#kit-dialog [name=cancel_reason]", "left_unit")
    with page.expect_navigation():
        page.click("#kit-dialog [data-save]")
    expect(page.locator("main a:has-text('注销职工')")).to_have_count(0)
