"""The tree of units: cut, paste, and lines dragged into another order."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect


@pytest.fixture
def administrator(sit):
    """北京市总工会's, with units and people below."""
    return sit("bj").page


def open_unit(page, name):
    """Find a unit in the tree and show it at the right."""
    page.goto("/unit/tree")
    page.fill(".unit-left [name=q]", name)
    page.locator("#unit-tree .unit-node", has_text=name).first.click()
    expect(page.locator("#unit-pane h2")).to_have_text(name)


def confirm(page):
    page.click("#kit-confirm button:has-text('确定')")


def test_a_unit_is_cut_and_pasted_and_comes_back(administrator):  # AID-R211 – R213; SM-AID-18 #4, #5
    page = administrator
    open_unit(page, "学院路街道总工会")
    paste = page.locator("#unit-pane button:has-text('粘贴单位')")
    expect(paste).to_have_attribute("aria-disabled", "true")
    for target in ("西城区总工会", "海淀区总工会"):
        open_unit(page, "学院路街道总工会")
        page.click("#unit-pane button:has-text('剪切单位')")
        confirm(page)
        expect(page.locator(".unit-clip")).to_contain_text("已剪切“学院路街道总工会”")
        expect(page.locator(".unit-cut")).to_contain_text("已剪切")
        open_unit(page, target)
        page.click("#unit-pane a:has-text('粘贴单位'), #unit-pane button:has-text('粘贴单位')")
        dialog = page.locator("#kit-dialog")
        expect(dialog).to_contain_text(f"把“学院路街道总工会”移到“{target}”下面")
        expect(dialog).to_contain_text("一起移动的人员：2人")
        with page.expect_navigation():
            dialog.locator("[data-save]").click()
        expect(page.locator(".kit-alert-green")).to_contain_text("移动完成")
        expect(page.locator(".unit-facts")).to_contain_text(f"{target}->学院路街道总工会")
        expect(page.locator(".unit-clip")).to_have_count(0)


def test_a_mark_is_taken_back(administrator):  # SM-AID-18 #4
    page = administrator
    open_unit(page, "学院路街道总工会")
    page.click("#unit-pane button:has-text('剪切单位')")
    confirm(page)
    with page.expect_navigation():
        page.click(".unit-clip button")
    expect(page.locator(".unit-clip")).to_have_count(0)
    expect(page.locator(".unit-facts")).to_contain_text("海淀区总工会->学院路街道总工会")


def names(page):
    return page.locator(".sort-name").all_inner_texts()


def test_units_are_dragged_moved_by_key_and_put_back(administrator):  # AID-R215
    page = administrator
    open_unit(page, "北京市总工会")
    page.click("#unit-pane a:has-text('单位排序')")
    before = names(page)
    assert len(before) > 1
    page.locator(".sort-line").nth(1).drag_to(
        page.locator(".sort-line").nth(0), target_position={"x": 60, "y": 4}
    )
    dragged = names(page)
    assert dragged == [before[1], before[0], *before[2:]]
    page.click("[data-sort-again]")
    assert names(page) == before  # 重来
    page.locator(".sort-line").nth(0).locator("[data-sort-by='1']").focus()
    page.keyboard.press("ArrowDown")
    assert names(page) == dragged
    expect(page.locator("[data-sort-status]")).to_contain_text(before[0])
    with page.expect_navigation():
        page.click("#kit-form [data-save]")
    expect(page).to_have_url(re.compile("/unit/tree"))
    page.click("#unit-pane a:has-text('单位排序')")
    assert names(page) == dragged  # 确定
    page.click("button:has-text('重排单位')")
    with page.expect_navigation():
        confirm(page)
    page.click("#unit-pane a:has-text('单位排序')")
    assert names(page) == before


def test_people_are_dragged_into_layers(administrator):  # AID-R220, R236
    page = administrator
    open_unit(page, "西城区总工会")
    page.click("#unit-pane a:has-text('人员排序')")
    layers = page.locator(".sort-lines")
    expect(layers).to_have_count(6)
    first = names(page)[0]
    page.locator(".sort-line").first.drag_to(layers.nth(2))
    expect(layers.nth(2)).to_contain_text(first)
    layers.nth(2).locator("[data-sort-by='1']").click()
    expect(layers.nth(3)).to_contain_text(first)
    with page.expect_navigation():
        page.click("#kit-form [data-save]")
    page.click("#unit-pane a:has-text('人员排序')")
    expect(layers.nth(3)).to_contain_text(first)
    page.click("button:has-text('重排人员')")
    with page.expect_navigation():
        confirm(page)
    page.click("#unit-pane a:has-text('人员排序')")
    expect(layers.nth(3)).not_to_contain_text(first)
    assert names(page)[0] == first


def test_files_are_transferred_from_their_list(administrator):  # AID-R100
    page = administrator
    page.goto("/archive/list/?shelf=transfer")
    page.locator("[data-tick]").first.check()
    page.click(".kit-toolbar button:has-text('移动选中的困难职工档案')")
    select = page.locator("#kit-dialog [name=target_unit_id]")
    expect(select).to_be_attached()
    page.click("#kit-dialog .ts-control")
    page.keyboard.type("海淀区")
    page.locator("#kit-dialog .option", has_text="海淀区总工会").first.click()
    with page.expect_navigation():
        page.click("#kit-dialog [data-save]")
    expect(page.locator(".kit-alert-green")).to_contain_text("移动完成")
