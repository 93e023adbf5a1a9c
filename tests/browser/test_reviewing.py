"""A file goes back, is answered point by point, and the reviewer sees what changed; a faulty one is mended."""

from __future__ import annotations

import re

from playwright.sync_api import expect


def test_points_go_down_and_come_up_with_answers(sit, people):
    """退回 with three points, answers in the dialog of 上报, before and after at the reviewer's (DESIGN §3)."""
    typed = people.household(0, hardship_category="low_income", health_status="good")
    clerk, reviewer = sit("dewai_clerk"), sit("xicheng_clerk")
    clerk.add_archive(typed)
    address = re.sub(r"^https?://[^/]+", "", clerk.page.url)
    clerk.step(typed, "上报", "请审核。")
    reviewer.step(typed, "退回", "1. 请补充收入证明\n2. 核对联系电话")

    page = clerk.page
    page.goto(address)
    expect(page.locator(".kit-points li")).to_have_text(
        [re.compile("请补充收入证明"), re.compile("核对联系电话")]
    )
    page.click("main a:has-text('编辑')")
    expect(page.locator(".kit-points")).to_contain_text("核对联系电话")
    clerk.field("phone").fill("13900002222")
    clerk.save()
    page.click(".kit-actions :text('上报')")
    page.fill("#kit-dialog [name=message]", "已更正。")
    page.fill("#kit-dialog [name=answers-2]", "已改为本人手机")
    with page.expect_navigation():
        page.click("#kit-dialog [data-save]")

    page = reviewer.page
    page.goto("/archive/list/?shelf=hardship")
    page.select_option("[name=came]", "again")
    page.click("#kit-query button[type=submit]")
    expect(page.locator(".kit-asked")).to_contain_text("退回后再报")
    expect(page.locator("tbody tr", has_text=typed["full_name"])).to_have_count(1)
    page.goto(address)
    expect(page.locator("main")).to_contain_text("以来修改了1处")
    page.click("#tab-since")
    expect(page.locator(".kit-changes tbody tr")).to_have_count(1)
    expect(page.locator(".kit-changes del")).to_have_text(typed["phone"])
    expect(page.locator(".kit-changes ins")).to_have_text("13900002222")
    page.check("[name=point-1][value=no]")
    page.check("[name=point-2][value=yes]")
    with page.expect_navigation():
        page.click("#kit-points button")
    expect(page.locator("[name=point-1][value=no]")).to_be_checked()
    page.click(".kit-actions :text('退回职工档案')")
    page.click("#kit-confirm button[value=ok]")
    expect(page.locator("#kit-dialog [name=message]")).to_have_value("请补充收入证明")
    page.keyboard.press("Escape")

    page.goto("/")
    page.locator(".kit-reminders li a", has_text="已更正").first.click()
    page.click("main a:has-text('查看这1条记录')")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody tr")).to_contain_text(typed["full_name"])


def test_a_faulty_file_leads_to_what_is_wrong(sit):
    """The list of the own unit, the box, the field, the page that explains it (SM-AID-04, AID Q24, Q34)."""
    page = sit("dewai_clerk").page
    page.goto("/")
    page.locator(".kit-overview-faulty a").first.click()
    expect(page.locator("tbody .kit-chip-red").first).to_have_text("身份证号重复")
    page.locator("tbody tr td a").first.click()
    expect(page.locator(".kit-faults")).to_contain_text("户主 身份证号")
    page.locator(".kit-faults li a").first.click()
    expect(page).to_have_url(re.compile(r"/archive/edit/\d+#f-id_card_no"))
    expect(page.locator("#f-id_card_no-warning")).to_contain_text("建档")
    page.click(".kit-faults a:has-text('怎样改正')")
    expect(page.locator("main h1")).to_have_text("有问题档案的解决方法")
