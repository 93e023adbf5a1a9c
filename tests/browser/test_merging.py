"""合并 in a real browser: side by side, the size that follows the ticks, and back again."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect


@pytest.fixture
def admin(sit):
    """德外街道总工会's administrator."""
    return sit("dewai")


def test_two_files_are_merged_and_parted_again(admin, people):
    """AID-R096, R094; the source's householder becomes a member, with a relation that is chosen."""
    page = admin.page
    target, source = (
        people.household(1, hardship_category="low_income", health_status="good") for _n in range(2)
    )
    for typed in (target, source):
        admin.add_archive(typed)
    page.goto("/archive/merge_different")
    page.fill("[name=source_id_card_no]", source["id_card_no"])
    page.fill("[name=target_id_card_no]", target["id_card_no"])
    with page.expect_navigation():
        page.click("#kit-form button[type=submit]")
    size = page.locator("[data-merge-size]")
    expect(size).to_have_text("4")
    page.locator("[data-merge-person] > input").last.uncheck()
    expect(size).to_have_text("3")
    page.locator("[name=pick-phone]").nth(1).check()
    admin.field("other-home_address").fill("新搬的地方9号")
    expect(page.locator("[name=pick-home_address][value=other]")).to_be_checked()
    confirm_and_send(admin)
    expect(page.locator("#f-family_members-1-relation-error")).to_be_visible()
    expect(size).to_have_text("3")  # nothing that was decided is lost
    expect(admin.field("other-home_address")).to_have_value("新搬的地方9号")
    admin.fill({"relation": "wife"}, "family_members-1-")
    confirm_and_send(admin)
    expect(page.locator(".kit-alert-green")).to_contain_text("合并成功")
    expect(page.locator("main")).to_contain_text("新搬的地方9号")
    expect(page.locator("main")).to_contain_text(source["phone"])
    merged = re.sub(r"\D", "", page.url.rsplit("/", 1)[1])
    page.goto(f"/archive/show/{merged}?tab=history")
    page.click(".kit-former summary")
    expect(page.locator(".kit-former")).to_contain_text(source["home_address"])
    expect(admin.find_archive(source)).to_have_count(0)
    page.goto("/archive/mergers")
    page.locator("#mergers tbody tr").first.get_by_text("撤销合并").click()
    with page.expect_navigation():
        page.click("#kit-dialog [data-save]")
    expect(page.locator(".kit-alert-green")).to_contain_text("撤销合并成功")
    expect(admin.find_archive(source)).to_have_count(1)


def confirm_and_send(admin):
    """合并当前档案, and 确定."""
    admin.page.click("#kit-form [data-save]")
    with admin.page.expect_navigation():
        admin.page.locator("dialog[open] .btn-primary, dialog[open] .kit-danger").first.click()
