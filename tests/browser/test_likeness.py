"""疑似重复档案 as an administrator works it: look, read the pair, put it aside with a reason, take it up again."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import expect


def test_a_double_is_found_and_put_aside(sit, live_place):
    admin = sit("dewai")
    page = admin.page
    page.goto("/likeness/list/")
    page.get_by_role("button", name="重新查找").first.click()
    expect(page).to_have_url(re.compile(r"/job/show/"))
    words = [sys.executable, "-m", "flask", "--app", "run", "worker", "--once"]
    subprocess.run(words, cwd=Path(__file__).parents[2], env=live_place, check=True)
    expect(page.locator("#kit-job .kit-chip")).to_have_text("成功", timeout=30_000)

    page.goto("/likeness/list/")  # the demo country holds one household twice, under one number
    pair = page.locator("tbody", has_text="身份证号相同")
    expect(pair.locator("tr")).to_have_count(2)
    heads, cells = page.locator("thead th"), pair.locator("tr").first.locator("td")
    for at in range(heads.count()):  # each column stands under its head
        assert abs(heads.nth(at).bounding_box()["x"] - cells.nth(at).bounding_box()["x"]) < 3, at
    expect(pair.get_by_title("合并")).to_have_attribute(
        "href", re.compile(r"/archive/merge\?survivor=\d+&ids=\d+")
    )

    pair.get_by_title("不是同一户").click()
    page.get_by_role("dialog").locator("[name=dismiss_reason]").fill("演示数据，已核实")
    page.get_by_role("dialog").get_by_role("button", name="不是同一户").click()
    expect(page.locator("tbody", has_text="身份证号相同")).to_have_count(0)
    page.get_by_role("link", name="已排除").click()
    gone = page.locator("tbody", has_text="演示数据，已核实")
    gone.get_by_title("恢复核对").click()
    page.get_by_role("dialog").get_by_role("button", name="恢复核对").click()
    expect(page.locator("tbody", has_text="演示数据，已核实")).to_have_count(0)
