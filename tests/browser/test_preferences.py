"""自定义显示选项 and 常用查询 as a clerk handles them: ticked, dragged, moved by keyboard, seen before they are saved."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

PAGE = "/list_preference/options?list=archive:migrant"
LIST = "/archive/list/?shelf=migrant"


@pytest.fixture
def page(sit):
    """The options of 农民工档案, as they were built."""
    page = sit("dewai_clerk").page
    page.goto(PAGE)
    clear = page.locator("button:has-text('恢复默认')")
    if clear.count():
        clear.click()
        with page.expect_navigation():
            page.click("#kit-confirm button[value=ok]")
    return page


def names(page):
    """The shown columns in their order."""
    return [one.get_attribute("data-name") for one in page.locator("[data-chosen] li").all()]


def head(page, where="#kit-preview"):
    return page.locator(f"{where} thead th:not(.kit-tick):not(.kit-ends)")


def keep_only(page, count):
    for _each in range(len(names(page)) - count):
        page.locator("[data-chosen] li").last.locator("[data-drop]").click()


def save(page):
    with page.expect_navigation():
        page.click("[data-save]")
    expect(page.locator(".kit-alert-green")).to_contain_text("显示选项保存成功")


def test_the_preview_follows_every_change_and_saving_takes_it_over(page):
    """AID-R115, R116: ticking, dragging, 上移/下移, and the sort columns that follow."""
    keep_only(page, 3)
    expect(head(page)).to_have_text(["职工编号", "姓名", "性别"])
    page.check("[data-column][value=phone]")
    expect(head(page)).to_have_text(["职工编号", "姓名", "性别", "联系电话"])
    sort = page.locator("[name=sort_column] option")
    expect(sort).to_have_text(["默认顺序", "职工编号", "姓名", "性别 *", "联系电话 *"])
    up = page.locator("[data-name=phone] [data-move='-1']")
    up.focus()
    page.keyboard.press("Enter")
    expect(up).to_be_focused()
    assert names(page) == ["archive_no", "full_name", "phone", "gender"]
    page.locator("[data-name=archive_no]").drag_to(page.locator("[data-name=gender]"))
    moved = names(page)
    assert moved.index("archive_no") > 0
    labels = {"archive_no": "职工编号", "full_name": "姓名", "phone": "联系电话", "gender": "性别"}
    expect(head(page)).to_have_text([labels[name] for name in moved])
    page.select_option("[name=sort_column]", "full_name")
    page.check("[name=sort_direction][value=desc]")
    expect(page.locator("#kit-preview th[aria-sort=descending]")).to_contain_text("姓名")
    page.fill("[name=page_size]", "201")
    expect(page.locator("#kit-preview")).to_contain_text("每页记录数应为1至200")
    page.fill("[name=page_size]", "1")  # the other tests leave as many rows as they like
    save(page)
    expect(head(page, "#kit-rows")).to_have_text([labels[name] for name in moved])
    expect(page.locator("#kit-rows th[aria-sort=descending]")).to_contain_text("姓名")
    expect(page.locator("#kit-rows tbody tr")).to_have_count(1)
    scrolls = page.evaluate("(one => one.scrollWidth - one.clientWidth)(document.querySelector('#kit-rows'))")
    assert scrolls <= 0
    page.goto(PAGE)
    page.click("button:has-text('恢复默认')")
    with page.expect_navigation():
        page.click("#kit-confirm button[value=ok]")
    assert names(page)[0] == "archive_no"
    assert len(names(page)) == 9


def test_many_columns_scroll_inside_the_table_and_the_first_stays(page):
    """At 1366×768 with 20 columns: the page itself never scrolls sideways."""
    for box in page.locator("[data-column]:not(:checked)").all()[:11]:
        box.check()
    assert len(names(page)) == 20
    expect(head(page)).to_have_count(20)
    save(page)
    first = page.locator("tbody tr").first.locator("td:not(.kit-tick)").first
    before = first.bounding_box()["x"]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate(
        "(one => { one.scrollLeft = 900; return one.scrollLeft; })(document.querySelector('#kit-rows'))"
    )
    assert first.bounding_box()["x"] == pytest.approx(before, abs=1)
    tick = page.locator("tbody .kit-tick").first.bounding_box()
    assert tick["x"] + tick["width"] >= before - 1  # nothing shows between the tick and the first column
    expect(page.locator("tbody .kit-ends").first).to_be_in_viewport()


def test_a_query_is_kept_and_opened_again(sit):
    """From the query panel, without leaving the list."""
    page = sit("dewai_clerk").page
    page.goto("/archive/list/?shelf=hardship")
    page.select_option("[name=hardship_category]", "low_income")
    page.click("#kit-query button[type=submit]")
    expect(page.locator(".kit-asked")).to_contain_text("低保户")
    page.click(".kit-queries button")
    page.click(".kit-queries >> text=保存当前查询")
    dialog = page.locator("#kit-dialog")
    expect(dialog).to_contain_text("困难类别：低保户")
    dialog.locator("[data-save]").click()
    expect(dialog.locator("#f-name-error")).to_contain_text("请填写")
    dialog.locator("[name=name]").fill("低保户名单")
    with page.expect_navigation():
        dialog.locator("[data-save]").click()
    expect(page.locator(".kit-alert-green")).to_contain_text("已保存常用查询「低保户名单」")
    page.goto("/archive/list/?shelf=hardship")
    expect(page.locator(".kit-asked")).to_have_count(0)
    page.click(".kit-queries button")
    page.click(".kit-queries >> text=低保户名单")
    expect(page.locator(".kit-asked")).to_contain_text("低保户")
    page.goto("/saved_query/list/")
    page.locator("tbody tr", has_text="低保户名单").locator("[data-confirm]").click()
    with page.expect_navigation():
        page.click("#kit-confirm button[value=ok]")
    expect(page.locator("tbody tr", has_text="低保户名单")).to_have_count(0)
