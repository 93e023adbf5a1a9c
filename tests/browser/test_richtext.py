"""The editor of a formatted text: written, saved, shown, opened again; nothing of it is refused by the page's policy."""

from __future__ import annotations

import re

from playwright.sync_api import expect


def test_a_document_is_written_in_the_editor(sit):
    clerk = sit("dewai_clerk")
    page = clerk.page
    page.goto("/policy_document/add?shelf=other_local_union")
    clerk.fill({"title": "接待制度", "issuing_body": "街道总工会"})
    editor, tools = page.locator(".ql-editor"), page.locator(".kit-rich-tools")
    page.click("label[for=f-body]")
    expect(editor).to_be_focused()
    tools.get_by_label("一级标题").click()
    page.keyboard.type("总则")
    page.keyboard.press("Enter")
    page.keyboard.type("　　首问")
    tools.get_by_label("加粗").click()
    page.keyboard.type("负责")
    page.keyboard.press("Enter")
    tools.get_by_label("项目符号").click()
    page.keyboard.type("登记")
    page.keyboard.press("Enter")
    page.keyboard.type("转办")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    tools.get_by_label("居中").click()
    page.keyboard.type("年月日")
    page.keyboard.press("Enter")
    tools.get_by_label("插入表格").click()
    page.keyboard.type("项目")
    tools.get_by_label("删除所在的列").click()
    page.keyboard.press("Alt+s")
    expect(page).to_have_url(re.compile(r"/policy_document/show/\d+"))
    shown = page.locator(".kit-rich-text")
    expect(shown.locator("h2")).to_have_text("总则")
    expect(shown.locator("strong")).to_have_text("负责")
    expect(shown.locator("ul > li")).to_have_text(["登记", "转办"])
    expect(shown.locator("tr").first.locator("td")).to_have_count(2)
    assert shown.get_by_text("年月日").evaluate("one => getComputedStyle(one).textAlign") == "center"
    before = shown.inner_html()

    page.click("main a:has-text('编辑')")
    expect(editor.locator("h2")).to_have_text("总则")
    expect(editor.locator("li[data-list=bullet]")).to_have_text(["登记", "转办"])
    clerk.save()  # a form that nobody touched says what it said
    assert shown.inner_html() == before

    page.click("main a:has-text('编辑')")
    editor.locator("p", has_text="首问").click()
    page.keyboard.press("End")
    page.keyboard.type("到底")
    assert page.evaluate("document.getElementById('kit-form').draft.dirty"), "it would not be kept as a draft"
    clerk.save()
    expect(shown).to_contain_text("首问负责到底")
    assert "<p>　　首问<strong>" in shown.inner_html()  # with the blanks that a paragraph begins with
    expect(shown.locator("ul > li")).to_have_text(["登记", "转办"])
    expect(shown.locator("tr").first.locator("td")).to_have_count(2)
