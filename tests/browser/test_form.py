"""Filling in: keyboard, dates, warnings, identity numbers that are taken, drafts."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from app.kit import identity


@pytest.fixture
def clerk(sit):
    """The clerk who enters files."""
    return sit("dewai_clerk")


@pytest.fixture
def typed(people):
    """A household of one."""
    return people.household(0, hardship_category="low_income", health_status="good")


def test_a_file_is_saved_with_the_keyboard_alone(clerk, typed):
    """Enter goes on, passing by what may stay empty; Alt+S saves (DESIGN §7)."""
    page = clerk.page
    page.goto("/archive/add?shelf=hardship")
    clerk.fill(
        {
            key: value
            for key, value in typed.items()
            if key not in {"full_name", "id_card_no", "phone", "remarks"}
        }
    )
    clerk.field("full_name").focus()
    page.keyboard.type(typed["full_name"])
    page.keyboard.press("Enter")
    expect(clerk.field("id_card_no")).to_be_focused()
    page.keyboard.type(typed["id_card_no"])
    for _each in range(30):
        if page.evaluate("document.activeElement.name") == "phone":
            break
        page.keyboard.press("Enter")
    page.keyboard.type("13812345678")
    page.keyboard.press("Alt+s")
    expect(page).to_have_url(re.compile(r"/archive/show/\d+"))
    expect(page.locator("main")).to_contain_text("13812345678")
    expect(page.locator("main dd").filter(has_text=re.compile("^良好$")).first).to_be_visible()


def test_enter_in_the_last_cell_adds_a_row(clerk):
    """A family is entered without the mouse."""
    page = clerk.page
    page.goto("/archive/add?shelf=hardship")
    page.click("[data-add-row]")
    clerk.field("family_members-0-full_name").fill("李一")
    clerk.field("family_members-0-employer_or_school").press("Enter")
    expect(clerk.field("family_members-1-full_name")).to_be_focused()
    expect(page.locator(".kit-hint[data-size-hint]")).to_contain_text("连同户主共 3 人")
    page.locator("[data-remove-row]").first.click()
    expect(clerk.field("family_members-0-full_name")).to_have_value("")
    page.click("[data-undo-row]")
    expect(clerk.field("family_members-0-full_name")).to_have_value("李一")
    wide = page.evaluate(
        "(one => one.scrollWidth > one.clientWidth)(document.querySelector('[data-child] .kit-scroll'))"
    )
    assert not wide, "a member's row does not fit at 1366"


def test_the_sex_follows_the_relation_however_it_is_chosen(clerk):
    """AID-R050: by keyboard, by mouse, and again when the relation is changed; never over what was typed."""
    page = clerk.page
    page.goto("/archive/add?shelf=hardship")
    search = "[name='family_members-{}-relation'] + .ts-wrapper"
    page.click("[data-add-row]")
    clerk.field("family_members-0-full_name").press("Enter")
    page.keyboard.type("女儿")
    page.keyboard.press("Enter")
    expect(clerk.field("family_members-0-gender")).to_have_value("female")
    page.click("[data-add-row]")
    page.click(f"{search.format(1)} .ts-control")
    page.locator(".ts-dropdown:visible .option", has_text=re.compile("^儿子$")).click()
    expect(clerk.field("family_members-1-gender")).to_have_value("male")
    clerk.fill({"relation": "mother"}, "family_members-1-")
    expect(clerk.field("family_members-1-gender")).to_have_value("female")
    clerk.field("family_members-1-gender").select_option("male")
    clerk.fill({"relation": "daughter"}, "family_members-1-")
    expect(clerk.field("family_members-1-gender")).to_have_value("male")
    page.locator("[data-remove-row]").first.click()
    page.click("[data-add-row]")
    clerk.fill({"relation": "wife"}, "family_members-1-")
    expect(clerk.field("family_members-1-gender")).to_have_value("female")


def test_dates_are_typed_in_any_usual_way(clerk):
    """19800101 is a date; what is none stays as typed and is told."""
    page = clerk.page
    page.goto("/archive/add?shelf=hardship")
    day = clerk.field("work_start_date")
    for raw in ("19800101", "1980/1/1", "1980.01.01", "1980年1月1日"):
        day.fill(raw)
        day.blur()
        expect(day).to_have_value("1980-01-01")
    day.fill("1980-13-45")
    clerk.save()
    expect(clerk.field("work_start_date")).to_have_value("1980-13-45")
    expect(page.locator("#f-work_start_date-error")).to_be_visible()


def test_a_doubtful_number_is_told_and_may_be_confirmed(clerk, typed):
    """AID-R044: amber, not red; the second 保存 confirms."""
    page, number = clerk.page, typed["id_card_no"]
    wrong = number[:17] + ("1" if identity.check_digit(number[:17]) != "1" else "2")
    page.goto("/archive/add?shelf=hardship")
    clerk.fill(typed | {"id_card_no": wrong})
    clerk.save()
    expect(page.locator(".kit-alert-amber")).to_contain_text("请再点一次「保存当前档案」")
    expect(page.locator("#f-id_card_no-warning")).to_contain_text("校验位不符")
    expect(clerk.field("id_card_no")).to_have_class(re.compile("is-doubtful"))
    expect(page.locator(".kit-alert-red")).to_have_count(0)
    clerk.save()
    expect(page).to_have_url(re.compile(r"/archive/show/\d+"))


def told_on_saving_alone(page):
    """As where the look-up while typing does not work."""
    page.route("**/archive/lookup*", lambda route: route.fulfill(status=204))


def test_a_number_that_is_taken_opens_a_dialog_with_the_way_out(clerk, sit, people, typed):
    """AID-R056 – R060: whose it is, which file, whom to call; what was typed is still there."""
    shanghai, page = sit("caohejing_clerk"), clerk.page
    formal = people.household(1, hardship_category="low_income")
    temporary = people.household(0, hardship_category="temporary")
    shanghai.add_archive(formal)
    shanghai.add_archive(temporary)
    cases = (
        (formal["id_card_no"], "其他单位已建档", "漕河泾街道总工会】建档"),
        (temporary["id_card_no"], "已有临时救助档案", "漕河泾街道总工会】临时救助"),
        (formal["family_members"][0]["id_card_no"], "已登记为家庭成员", "家庭成员登记在职工编号"),
    )
    page.goto("/archive/add?shelf=hardship")
    told_on_saving_alone(page)
    clerk.fill(typed)
    for number, title, sentence in cases:
        clerk.field("id_card_no").fill(number)
        clerk.save()
        dialog = page.locator(".kit-conflict:modal")
        expect(dialog.locator("h1")).to_have_text(title)
        expect(dialog).to_contain_text(sentence)
        expect(dialog).to_contain_text("中华全国总工会->上海市总工会->徐汇区总工会->漕河泾街道总工会")
        expect(dialog).to_contain_text("021-5550")
        expect(dialog.locator("a")).to_have_attribute(
            "href", re.compile(r"/archive/holder/")
        )  # to read, by a pass
        page.keyboard.press("Enter")
        expect(dialog).to_have_count(0)
        expect(clerk.field("id_card_no")).to_be_focused()
        expect(clerk.field("full_name")).to_have_value(typed["full_name"])


def test_our_own_file_is_offered_for_editing(clerk, typed):
    """AID-R060."""
    page = clerk.page
    clerk.add_archive(typed)
    page.goto("/archive/add?shelf=hardship")
    told_on_saving_alone(page)
    clerk.fill(typed)
    clerk.save()
    dialog = page.locator(".kit-conflict:modal")
    expect(dialog.locator("h1")).to_have_text("本单位已建档")
    expect(dialog.locator("a")).to_have_attribute("href", re.compile(r"/archive/edit/\d+"))


def test_a_draft_survives_a_closed_window(sit, typed):
    """What was typed and not saved is offered again."""
    first = sit("xinfeng_clerk")
    first.page.goto("/archive/add?shelf=hardship")
    first.field("full_name").fill(typed["full_name"])
    with first.page.expect_response(lambda answer: "/archive/draft" in answer.url):
        first.field("full_name").press("Enter")
    expect(first.page.locator("[data-draft-state]")).to_contain_text("草稿已保存")
    first.page.close()

    second = sit("xinfeng_clerk")
    second.page.goto("/archive/add?shelf=hardship")
    expect(second.page.locator("[data-draft-bar]")).to_be_visible()
    expect(second.field("full_name")).to_have_value("")
    second.page.click("[data-restore-draft]")
    expect(second.field("full_name")).to_have_value(typed["full_name"])


def test_a_draft_survives_a_time_out(window, typed):
    """The session has gone when 保存 is clicked: after the login the text is back."""
    screen = window()
    page = screen.page
    screen.log_in("xuhui_clerk")
    page.goto("/archive/add?shelf=hardship")
    screen.field("home_address").fill(typed["home_address"])
    with page.expect_response(lambda answer: "/archive/draft" in answer.url):
        screen.field("home_address").press("Enter")
    expect(page.locator("[data-draft-state]")).to_contain_text("草稿已保存")
    page.context.clear_cookies()
    page.on("dialog", lambda box: box.accept())
    page.click("#kit-form [data-save]")
    expect(page.locator("#username")).to_be_visible()
    screen.enter("xuhui_clerk")
    expect(page).to_have_url(re.compile(r"/archive/add\?shelf=hardship$"))
    page.click("[data-restore-draft]")
    expect(screen.field("home_address")).to_have_value(typed["home_address"])
    page.click("#kit-form [type=reset]")
    page.click("#kit-confirm button[value=cancel]")
    expect(screen.field("home_address")).to_have_value(typed["home_address"])


def test_the_lists_of_inline_rows_stand_in_the_page_once(clerk, people):
    """A saved row brings the chosen value alone; its drop-down offers all, as that of a new row does."""
    page, household = clerk.page, people.household(2)
    clerk.add_archive(household)
    page.goto(page.url.replace("/show/", "/edit/"))
    field = clerk.field("family_members-1-relation")
    chosen = household["family_members"][1]["relation"]
    expect(field).to_have_value(chosen)
    blank = page.locator("[data-child-blank]").evaluate(
        "one => one.content.querySelector('select[name$=relation]').options.length"
    )
    expect(field.locator("option")).to_have_count(blank)
    field.select_option("other")
    clerk.save()
    page.goto(page.url.replace("/show/", "/edit/"))
    expect(field).to_have_value("other")
    page.click("[data-add-row]")
    expect(clerk.field("family_members-2-relation").locator("option")).to_have_count(blank)
