"""实名制汇总表 in a real browser: the head, the workers by ticks and all at once, one taken out, the sheet to sign."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

#: over REST, as the page itself: the aids are not what is looked at here
POST = """async ([url, body]) => {
  const token = document.querySelector("[name=csrf_token]").value;
  const headers = { "Content-Type": "application/json", "X-CSRFToken": token };
  const answer = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  return [answer.status, await answer.json()];
}"""


@pytest.fixture
def clerk(sit):
    return sit("dewai_clerk")


def aided(clerk, people, amount):
    """A worker with an amount of aid."""
    typed = people.household(0, hardship_category="low_income")
    clerk.add_archive(typed)
    body = {
        "id_card_no": typed["id_card_no"],
        "aid_category": "other",
        "aid_date": "2026-04-01",
        "measures": [{"measure": "tuition", "amount": amount}],
    }
    status, told = clerk.page.evaluate(POST, ["/api/v1/aid/", body])
    assert status == 201, told
    return typed


def test_workers_come_into_a_table_and_leave_it(clerk, people):  # AID-R186, R187, R190, SM-AID-15
    page = clerk.page
    first, second, third = (aided(clerk, people, amount) for amount in ("300", "1200.5", "80"))
    page.goto("/fund_summary/list/?shelf=central_tuition")
    with page.expect_navigation():
        page.click("main a:has-text('增加新的汇总信息')")
    greyed = page.locator("#kit-form button:has-text('增加新的职工')")
    expect(greyed).to_have_attribute("aria-disabled", "true")
    expect(greyed).to_have_attribute("title", "请先保存汇总表，再增加职工")
    clerk.fill({"year": "2026", "phone": "010-66001234"})
    clerk.save()
    expect(page).to_have_url(re.compile(r"/fund_summary/show/\d+"))
    here = page.url
    expect(page.locator("#lines")).to_contain_text("表中还没有职工")
    with page.expect_navigation():
        page.click(".kit-sheet-tabs a:has-text('增加新的职工')")
    page.fill("[name=full_name]", first["full_name"])
    with page.expect_response(re.compile("candidates")):
        page.click("#kit-query button:has-text('查询')")
    expect(page.locator("#kit-rows tbody tr")).to_have_count(1)
    page.locator("[data-tick]").first.check()
    with page.expect_navigation():
        page.click("button:has-text('插入选中的职工')")
    expect(page.locator(".kit-alert-green")).to_contain_text("插入成功：1名职工，300.00元")
    expect(page.locator("#lines")).to_contain_text(first["full_name"])
    with page.expect_navigation():
        page.click(".kit-sheet-tabs a:has-text('增加新的职工')")
    page.click("button:has-text('全部加入')")
    with page.expect_navigation():
        page.locator("dialog[open] .btn-primary").first.click()
    expect(page.locator(".kit-alert-green")).to_contain_text("插入成功：2名职工，1,280.50元")
    expect(page.locator("#lines")).to_contain_text("共3条，帮扶资金总额 1,580.50 元")
    page.locator("#lines tbody tr", has_text=third["full_name"]).locator("button").click()
    with page.expect_navigation():
        page.locator("dialog[open] button[value=ok]").click()
    expect(page.locator("#lines")).to_contain_text("共2条，帮扶资金总额 1,500.50 元")
    page.goto(here.replace("/show/", "/print/"))
    expect(page.locator("h1")).to_have_text("2026年中央财政资金助学救助类帮扶情况实名制汇总表")
    expect(page.locator("main")).to_contain_text(second["id_card_no"])
    expect(page.locator("main")).to_contain_text("壹仟伍佰元伍角整")
