"""The main job from end to end: a household entered, reported, returned, corrected, reported again (SM-AID-01)."""

from __future__ import annotations

import re

from playwright.sync_api import expect

CHAIN = ("dewai_clerk", "xicheng_clerk", "bj_clerk", "root")


def states(seats, typed):
    """The word that each level sees; a dash where it sees nothing."""
    return [seats[name].state_of(typed) for name in CHAIN]


def test_a_household_goes_up_comes_back_and_goes_up_again(sit, people):  # noqa: PLR0915 - one story
    """AID-R018 – R030, R039 – R052: every state of the worked example, seen by every level."""
    typed = people.household(2, hardship_category="low_income", health_status="good")
    members = typed["family_members"]
    for member in members:
        member |= {"health_status": "good", "disability_category": None}
    seats = {name: sit(name) for name in CHAIN}
    clerk = seats["dewai_clerk"]
    page = clerk.page

    # entry: what follows from a number or a relation is filled in
    page.goto("/archive/add?shelf=hardship")
    born = typed["birth_date"]
    head = {
        key: value
        for key, value in typed.items()
        if key not in {"birth_date", "gender", "family_members", "archive_no"}
    }
    clerk.fill(head | {"household_size": "5"})
    expect(clerk.field("birth_date")).to_have_value(born)
    expect(clerk.field("gender")).to_have_value(typed["gender"])
    for index, member in enumerate(members):
        page.click("[data-add-row]")
        clerk.fill({"relation": member["relation"]}, f"family_members-{index}-")
        expect(clerk.field(f"family_members-{index}-gender")).to_have_value(member["gender"])
        known = {
            key: value for key, value in member.items() if key not in {"relation", "gender", "birth_date"}
        }
        clerk.fill(known, f"family_members-{index}-")
        expect(clerk.field(f"family_members-{index}-birth_date")).to_have_value(member["birth_date"])

    # a wrong family count is told beside the field, and nothing that was typed is lost
    clerk.save()
    expect(page.locator("#f-household_size-error")).to_contain_text("家庭人口数必须等于家庭成员人数加1")
    expect(clerk.field("household_size")).to_be_focused()
    expect(clerk.field("full_name")).to_have_value(typed["full_name"])
    expect(clerk.field("family_members-1-id_card_no")).to_have_value(members[1]["id_card_no"])

    # a double click saves once
    clerk.field("household_size").fill("3")
    with page.expect_navigation(url=re.compile(r"/archive/show/")):
        page.dblclick("#kit-form [data-save]")
    expect(page.locator("main")).to_contain_text(members[0]["full_name"])
    expect(clerk.find_archive(typed)).to_have_count(1)
    assert states(seats, typed) == ["未上报", "–", "–", "–"]

    clerk.step(typed, "上报", "请审核。")
    assert states(seats, typed) == ["已上报", "未上报", "–", "–"]

    seats["xicheng_clerk"].step(typed, "退回", "请补充收入证明，核对联系电话。")
    assert states(seats, typed) == ["退回", "–", "–", "–"]

    # the reminder waits at login
    page.goto("/")
    expect(page.locator(".kit-reminders")).to_contain_text("请补充收入证明，核对联系电话。")
    expect(page.locator(".kit-badge")).to_be_visible()

    # correct it and report again
    clerk.find_archive(typed).locator(".kit-ends a[title=编辑]").click()
    clerk.field("phone").fill("13900001111")
    clerk.save()
    expect(page.locator("main")).to_contain_text("13900001111")
    clerk.step(typed, "上报", "已更正。")
    assert states(seats, typed) == ["已上报", "未上报", "–", "–"]

    seats["xicheng_clerk"].step(typed, "上报", "请市总审核。")
    assert states(seats, typed) == ["已上报", "已上报", "未上报", "–"]

    # it is counted: one worker, three to support
    page.goto(f"/archive/statistics?shelf=hardship&by=gender&id_card_no={typed['id_card_no']}")
    expect(page.locator("tfoot td").nth(-2)).to_have_text("1")
    expect(page.locator("tfoot td").last).to_have_text("3")

    # and it stands on paper, whole
    address = clerk.find_archive(typed).locator(".kit-ends a[title=打印]").get_attribute("href")
    page.goto(address)
    paper = page.locator(".kit-paper")
    for words in (typed["id_card_no"], typed["full_name"], members[0]["full_name"], "13900001111"):
        expect(paper).to_contain_text(words)
    assert page.pdf(prefer_css_page_size=True).count(b"/Type /Page\n") == 1, "the form does not fit its sheet"


def test_the_history_tells_who_did_what(sit, people):
    """AID-R071: every change with both values."""
    typed = people.household(0, hardship_category="low_income")
    clerk = sit("dewai_clerk")
    clerk.add_archive(typed)
    clerk.page.click("main a:has-text('编辑')")
    clerk.field("employer_name").fill("更名后的工厂")
    clerk.save()
    clerk.page.click("#tab-history")
    expect(clerk.page.locator(".kit-history li")).to_have_count(2)
    expect(clerk.page.locator(".kit-changes")).to_contain_text("更名后的工厂")
    expect(clerk.page.locator(".kit-changes")).to_contain_text(typed["employer_name"])
