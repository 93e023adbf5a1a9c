"""Lists: everything in sight, found, counted, chosen; steps that are refused say why."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect


@pytest.fixture
def clerk(sit):
    """A clerk with a list of his own and of a unit below."""
    return sit("dewai_clerk")


def test_every_column_is_in_sight_at_1366(clerk):
    """aid.md 3.1: 职工编号 … 状态, 操作 without scrolling sideways."""
    page = clerk.page
    page.goto("/archive/list/?shelf=hardship")
    heads = page.locator(".kit-rows thead th:not(.kit-tick)")
    expect(heads).to_have_text(
        [
            "职工编号",
            "姓名",
            "性别",
            "出生日期",
            "家庭住址",
            "工作单位",
            "致困原因",
            "建档日期",
            "状态",
            "操作",
        ]
    )
    scrolls = page.evaluate("(one => one.scrollWidth - one.clientWidth)(document.querySelector('#kit-rows'))")
    assert scrolls <= 0
    state, ends = (
        page.locator("tbody .kit-state").first.bounding_box(),
        page.locator("tbody .kit-ends").first.bounding_box(),
    )
    assert state["x"] + state["width"] <= ends["x"] + 1


def test_state_stays_in_sight_in_a_narrow_window(sit):
    """The chip stands beside 操作 when the table scrolls."""
    page = sit("dewai_clerk", viewport={"width": 1024, "height": 700}).page
    page.goto("/archive/list/?shelf=hardship")
    expect(page.locator("tbody .kit-state .kit-chip").first).to_be_in_viewport()


def test_tabs_count_each_state(clerk):
    """AID L4: the four counts add up, and each tab shows what it counts."""
    page = clerk.page
    page.goto("/archive/list/?shelf=hardship&size=200")
    expect(page.locator("#tab-pending .kit-count")).to_be_visible()
    counts = {
        key: int(page.locator(f"#tab-{key} .kit-count").inner_text())
        for key in ("all", "pending", "returned", "reported")
    }
    assert counts["all"] == counts["pending"] + counts["returned"] + counts["reported"]
    page.click("#tab-pending")
    expect(page.locator("#tab-pending")).to_have_attribute("aria-current", "page")
    expect(page.locator("tbody tr")).to_have_count(counts["pending"])
    expect(page.locator("tbody .kit-state").first).to_have_text("未上报")


def test_the_unit_picker_shows_a_subordinate(clerk):
    """AID L5: found by pinyin, chosen, and left again."""
    page = clerk.page
    page.goto("/archive/list/?shelf=hardship")
    page.click("[data-unit-toggle]")
    for words in ("xinfeng", "xf"):  # in full, and the initials
        page.fill(".kit-unit-panel input", words)
        expect(page.locator(".kit-unit-list")).to_have_attribute("data-asked", re.compile(f"q={words}$"))
        expect(page.locator("[role=treeitem]")).to_have_text([re.compile("新风社区工会")])
    page.locator("[role=treeitem]", has_text="新风社区工会").click()
    expect(page.locator("#kit-unit-name")).to_have_text("新风社区工会")
    expect(page).to_have_url(re.compile(r"unit=\d+"))
    page.click("text=回本单位")
    expect(page.locator("#kit-unit-name")).to_have_text("德外街道总工会")


def test_nothing_ticked_is_told(clerk):
    """AID L8."""
    page = clerk.page
    page.goto("/archive/list/?shelf=hardship")
    page.click(".kit-toolbar button:has-text('上报')")
    expect(page.locator("#kit-confirm")).to_contain_text("请先选择记录")
    page.click("#kit-confirm button[value=ok]")


def test_a_step_that_is_refused_says_why_before_anything_is_typed(clerk):
    """退回 of one's own data: no field to fill, no button to press in vain (SM-AID-01 c)."""
    page = clerk.page
    page.goto("/archive/list/?shelf=hardship&sub=0")
    page.locator("[data-tick]").first.check()
    page.click(".kit-toolbar button:has-text('退回')")
    question, dialog = page.locator("#kit-confirm"), page.locator("#kit-dialog")
    expect(question).to_contain_text("确定退回选中的记录吗")  # L18: 取消 changes nothing
    question.locator("button[value=cancel]").click()
    expect(dialog).to_be_hidden()
    page.click(".kit-toolbar button:has-text('退回')")
    question.locator("button[value=ok]").click()
    expect(dialog).to_contain_text("是本单位的数据")
    expect(dialog.locator("[data-save], textarea")).to_have_count(0)
    dialog.locator("footer a").click()
    expect(dialog).to_be_hidden()


def test_a_step_asks_for_its_reason(clerk, people):
    """An empty 提醒内容 is told in the dialog, which stays open."""
    page, typed = clerk.page, people.household(0, hardship_category="low_income")
    clerk.add_archive(typed)
    clerk.find_archive(typed).locator("[data-tick]").check()
    page.click(".kit-toolbar button:has-text('上报')")
    page.click("#kit-dialog [data-save]")
    expect(page.locator("#f-message-error")).to_contain_text("请填写")
    expect(page.locator("#kit-dialog textarea")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#kit-dialog")).to_be_hidden()


def test_of_two_ticked_files_one_is_done_and_one_is_refused(clerk, sit, people):
    """AID-R018: told before anything is typed, done for the rest, and told again with the reason."""
    page = clerk.page
    mine, theirs = (people.household(0, hardship_category="low_income") for _each in range(2))
    clerk.add_archive(mine)
    below = sit("xinfeng_clerk")
    below.add_archive(theirs)
    below.step(theirs, "上报", "请审核。")
    page.goto("/archive/list/?shelf=hardship&state=pending")
    for typed in (mine, theirs):
        page.locator("tbody tr", has_text=typed["full_name"]).first.locator("[data-tick]").check()
    page.click(".kit-toolbar button:has-text('退回')")
    page.click("#kit-confirm button[value=ok]")
    dialog = page.locator("#kit-dialog")
    expect(dialog).to_contain_text("其中 1 条不能办理，将跳过")
    expect(dialog.locator(".kit-refused")).to_contain_text(f"{mine['full_name']}」是本单位的数据，没有退回")
    page.fill("#kit-dialog [name=message]", "请补充材料。")
    with page.expect_navigation():
        page.click("#kit-dialog [data-save]")
    expect(page.locator(".kit-alert-green")).to_contain_text("退回成功：1条")
    expect(page.locator(".kit-alert-amber")).to_contain_text(f"{mine['full_name']}」是本单位的数据，没有退回")
    assert below.state_of(theirs) == "退回"
    assert clerk.state_of(mine) == "未上报"


def test_a_query_folds_away_and_says_what_was_asked(clerk):
    """The conditions open in groups; after 查询 the result is in view and the chips say what was asked."""
    page = clerk.page
    page.goto("/archive/list/?shelf=hardship&panel=all")
    expect(page.locator("[name='family_members.full_name']")).to_be_visible()
    page.select_option("[name=gender]", "male")
    page.fill("[name='family_members.full_name']", "张")
    page.click("#kit-query button[type=submit]")
    expect(page.locator(".kit-asked")).to_contain_text("家属姓名：张")
    expect(page.locator(".kit-asked")).to_contain_text("性别：男")
    expect(page.locator("[name='family_members.full_name']")).to_be_hidden()
    expect(page.locator("#kit-rows")).to_be_in_viewport()
    page.click("[data-toggle-query]")
    expect(page.locator("[name='family_members.full_name']")).to_have_value("张")


def test_the_rest_of_a_query_comes_when_it_is_unfolded(clerk):
    """By keyboard too: what was typed stays, the button keeps the focus, the next Tab goes on after the panel."""
    page = clerk.page
    page.goto("/archive/list/?shelf=hardship")
    page.fill("[name=full_name]", "张")
    folded = page.locator("[name='family_members.full_name']")
    expect(folded).to_have_count(0)
    page.focus("[data-toggle-query]")
    with page.expect_response("**/archive/panel?*"):
        page.keyboard.press("Enter")
    expect(folded).to_be_visible()
    expect(page.locator("[name=full_name]")).to_have_value("张")
    expect(page.locator("[data-toggle-query]")).to_be_focused()
    expect(page.locator("[data-toggle-query]")).to_have_attribute("aria-expanded", "true")
    page.fill("[name=birth_date_from]", "1960-01-01")
    page.fill("[name='family_members.full_name']", "王")
    page.click("[data-toggle-query]")
    expect(folded).to_be_hidden()
    page.click("[data-toggle-query]")
    expect(folded).to_have_value("王")  # asked for once, kept from then on
    page.focus("[name='family_members.full_name']")
    page.keyboard.press("Enter")
    expect(page.locator(".kit-asked")).to_contain_text("家属姓名：王")
    expect(page.locator(".kit-asked")).to_contain_text("姓名：张")
    assert "panel=" not in page.url


def test_the_rest_of_a_query_is_asked_for_again_after_a_failure(clerk):
    """A network that is down for a moment does not leave the panel empty for ever."""
    page = clerk.page
    page.goto("/archive/list/?shelf=hardship")
    page.route("**/archive/panel?*", lambda route: route.fulfill(status=204))
    with page.expect_response("**/archive/panel?*"):
        page.click("[data-toggle-query]")
    page.unroute("**/archive/panel?*")
    page.click("[data-toggle-query]")
    page.click("[data-toggle-query]")
    expect(page.locator("[name='family_members.full_name']")).to_be_visible()


def test_a_query_unfolds_where_no_script_runs(clerk, chromium, live):
    """The button then asks for the page with everything on it."""
    pass_ = clerk.page.context.storage_state()
    context = chromium.new_context(base_url=live, java_script_enabled=False, storage_state=pass_)
    page = context.new_page()
    page.goto("/archive/list/?shelf=hardship")
    page.fill("[name=full_name]", "张")
    page.click("[data-toggle-query]")
    expect(page.locator("[name='family_members.full_name']")).to_be_visible()
    expect(page.locator("[name=full_name]")).to_have_value("张")
    context.close()


def test_an_empty_list_says_what_to_do(clerk):
    """An empty result is told in words."""
    page = clerk.page
    page.goto("/archive/list/?shelf=hardship&full_name=没有这个人")
    expect(page.locator(".kit-empty")).to_contain_text("没有符合条件的记录")


def test_the_legend_has_its_words(clerk):
    """AID L3, by keyboard too."""
    page = clerk.page
    page.goto("/archive/list/?shelf=hardship")
    page.focus(".kit-legend summary")
    page.keyboard.press("Enter")
    expect(page.locator(".kit-legend")).to_contain_text("上报后被退回，需要修改")
    page.keyboard.press("Escape")
    expect(page.locator(".kit-legend dl")).to_be_hidden()


def test_a_statistic_is_in_view_and_leads_to_its_records(clerk):
    """AID-R083: the chosen item stays, a figure opens the records behind it."""
    page = clerk.page
    page.goto("/archive/statistics?shelf=hardship")
    page.check("[name=by][value=health_status]")
    page.click("#kit-query button[type=submit]")
    expect(page.locator("#kit-result table")).to_be_in_viewport()
    expect(page.locator("[name=by][value=health_status]")).to_be_checked()
    expect(page.locator("[data-chart] canvas")).to_be_visible()
    figure = page.locator("tbody td a").first
    number = figure.inner_text()
    figure.click()
    expect(page.locator("#kit-count")).to_contain_text(f"共{number}条")


@pytest.mark.parametrize("rows", ["page", "result"])
@pytest.mark.parametrize("fields", ["shown", "all"])
def test_the_four_prints_stay_on_their_paper(clerk, rows, fields):
    """AID L12: nothing is cut off at the right edge."""
    page = clerk.page
    page.goto(f"/archive/print?shelf=hardship&sub=0&rows={rows}&fields={fields}")
    paper = page.locator(".kit-paper")
    expect(paper).to_contain_text("困难职工档案")
    assert paper.evaluate("one => one.scrollWidth <= one.clientWidth")


def test_the_number_of_a_name_search_comes_after_the_rows(clerk):
    """The rows do not wait for the count; it arrives with the counts of the tabs."""
    page = clerk.page
    page.goto("/archive/list/?shelf=hardship&size=200")
    names = page.locator("tbody tr td:nth-child(3)").all_inner_texts()
    surnames = [name.strip()[0] for name in names]
    common = max(surnames, key=surnames.count)
    page.goto(f"/archive/list/?shelf=hardship&size=1&full_name={common}")
    number = surnames.count(common)
    expect(page.locator("#kit-count")).to_contain_text(f"共{number}条 共{number}页")
    expect(page.locator("#tab-all .kit-count")).to_have_text(str(number))


def test_the_foot_stays_in_sight_below_a_message(clerk):
    """What a step has told stands above the list and takes its room from the rows, not from the foot."""
    page = clerk.page
    page.goto("/archive/list/?shelf=hardship")
    told = '<div class="kit-alert kit-alert-green" role="status" data-alert><div>上报成功：1条</div></div>'
    page.evaluate("words => document.querySelector('main').insertAdjacentHTML('afterbegin', words)", told * 2)
    expect(page.locator("main > [data-alert]")).to_have_count(2)
    foot = page.locator(".kit-foot").bounding_box()
    assert foot["y"] + foot["height"] <= 768
    scrolls = page.evaluate("(one => one.scrollHeight - one.clientHeight)(document.querySelector('main'))")
    assert scrolls <= 0
