"""注销, a number that is taken while it is typed, 恢复 at another unit, 转为临时救助 and back."""

from __future__ import annotations

import re

from playwright.sync_api import expect


def cancel(clerk, typed):
    """Put the file that is open aside."""
    page = clerk.page
    page.click("main a:has-text('注销职工')")
    page.select_option("#kit-dialog [name=cancel_reason]", label="离开本单位")
    with page.expect_navigation():
        page.click("#kit-dialog [data-save]")
    expect(page.locator(".kit-alert-green")).to_contain_text("注销成功")
    expect(clerk.find_archive(typed)).to_have_count(0)


def open_conflict(clerk, number):
    """Type a number into a new file and leave the field."""
    page = clerk.page
    page.goto("/archive/add?shelf=hardship")
    clerk.field("full_name").fill("周新")
    clerk.field("id_card_no").fill(number)
    clerk.field("id_card_no").press("Tab")
    dialog = page.locator(".kit-conflict:modal")
    expect(dialog).to_be_visible()
    return dialog


def test_a_cancelled_file_is_found_while_its_number_is_typed_and_restored(
    sit, people
):  # AID-R056, R069, R072
    typed = people.household(1, hardship_category="low_income")
    beijing, shanghai = sit("dewai_clerk"), sit("caohejing_clerk")
    beijing.add_archive(typed)
    cancel(beijing, typed)
    dialog = open_conflict(shanghai, typed["id_card_no"])
    expect(dialog.locator("h1")).to_have_text("档案已注销")
    expect(dialog).to_contain_text("德外街道总工会】注销")
    page = shanghai.page
    page.keyboard.press("Escape")
    expect(page.locator(".kit-conflict")).to_have_count(0)
    expect(shanghai.field("id_card_no")).to_be_focused()
    expect(shanghai.field("full_name")).to_have_value("周新")
    dialog = open_conflict(shanghai, typed["id_card_no"])
    with page.expect_popup() as popup:
        dialog.locator("a").click()
    detail = popup.value
    expect(detail.locator("main")).to_contain_text(typed["full_name"])
    expect(detail.locator("main")).not_to_contain_text(typed["id_card_no"])
    detail.click("main a:has-text('恢复困难职工')")
    with detail.expect_navigation():
        detail.click("#kit-dialog [data-save]")
    expect(detail.locator(".kit-alert-green")).to_contain_text("恢复困难职工成功")
    expect(detail).to_have_url(re.compile(r"/archive/show/\d+"))
    detail.close()
    assert shanghai.state_of(typed) == "未上报"


def test_a_file_is_restored_by_its_number(sit, people):  # AID-R072, R073
    typed = people.household(0, hardship_category="accident")
    clerk = sit("dewai_clerk")
    clerk.add_archive(typed)
    cancel(clerk, typed)
    page = clerk.page
    page.goto("/archive/restore?shelf=restoring")
    expect(page.locator(".kit-leaf[aria-current]")).to_have_text("恢复注销职工档案")
    clerk.field("id_card_no").fill("11010119900307109X")
    clerk.save()
    expect(page.locator(".kit-alert-red")).to_contain_text("没有找到该身份证号的注销档案,请核对")
    clerk.field("id_card_no").fill(typed["id_card_no"])
    clerk.save()
    expect(page.locator("main h1")).to_contain_text(typed["full_name"])
    page.goto("/archive/restore?shelf=restoring")
    page.click("#tab-many")
    expect(page.locator(".kit-leaf[aria-current]")).to_have_text("恢复注销职工档案")
    page.locator("tbody tr", has_text=typed["full_name"]).locator("[data-tick]").check()
    page.click(".kit-toolbar button:has-text('恢复所有档案')")
    with page.expect_navigation():
        page.click("#kit-dialog [data-save]")
    expect(page.locator(".kit-alert-green")).to_contain_text("恢复困难职工成功：1条")
    assert clerk.state_of(typed) == "未上报"


def test_a_file_becomes_temporary_and_formal_again(sit, people):  # AID-R076, R079, R234
    typed = people.household(0, hardship_category="accident")
    clerk = sit("xinfeng_clerk")
    clerk.add_archive(typed)
    page, line = clerk.page, f"?id_card_no={typed['id_card_no']}&shelf="
    page.goto(f"/archive/list/{line}to_temporary")
    page.locator("tbody [data-tick]").check()
    page.click(".kit-toolbar button:has-text('将选中的档案转为临时职工')")
    with page.expect_navigation():
        page.click("#kit-dialog [data-save]")
    expect(page.locator(".kit-alert-green")).to_contain_text("修改成功")
    page.goto(f"/archive/list/{line}to_formal")
    expect(page.locator("[data-tick]")).to_have_count(0)
    page.click("tbody a[title='转为困难职工']")
    page.click("#kit-dialog [data-save]")
    expect(page.locator("#kit-dialog .kit-error")).to_contain_text("请选择困难类别")
    page.select_option("#kit-dialog [name=hardship_category]", label="低保户")
    with page.expect_navigation():
        page.click("#kit-dialog [data-save]")
    expect(page.locator(".kit-alert-green")).to_contain_text("保存成功")
    assert clerk.state_of(typed) == "未上报"
