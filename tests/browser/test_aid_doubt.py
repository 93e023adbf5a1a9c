"""疑点核查 as a reviewer works it: check, read the aids of a doubt, put it aside with a reason."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import expect

from app.kit.clock import today
from tests.world import PASSWORD

YEAR = today().year


def program(page, name):
    """``post(url, body)`` → the answer, as that person's program asks over REST."""
    login = {"username": name, "password": PASSWORD, "provider": "db"}
    token = page.request.post("/api/v1/security/login", data=login).json()["access_token"]

    def post(url, body):
        answer = page.request.post(url, data=body, headers={"Authorization": f"Bearer {token}"})
        assert answer.ok, answer.text()
        return answer.json()

    return post


def test_one_person_in_two_units_is_found_and_put_aside(sit, people, live_place):
    reviewer = sit("xicheng_clerk")
    page = reviewer.page
    file = people.household(0, hardship_category="low_income", health_status="good")
    program(page, "dewai_clerk")("/api/v1/archive/", file)
    for unit in ("dewai", "xinjiekou"):
        post = program(page, f"{unit}_clerk")
        typed = {"aid_category": "own_serious_illness", "aid_date": f"{YEAR}-01-05"}
        typed |= {"id_card_no": file["id_card_no"], "measures": [{"measure": "living", "amount": 300}]}
        made = post("/api/v1/aid/", typed)
        post(f"/api/v1/aid/{made['id']}/steps/report", {"message": "请审核"})

    page.goto("/aid_doubt/list/?shelf=two_units")
    page.get_by_role("button", name=f"核查{YEAR}年度").first.click()
    expect(page).to_have_url(re.compile(r"/job/show/"))
    words = [sys.executable, "-m", "flask", "--app", "run", "worker", "--once"]
    subprocess.run(words, cwd=Path(__file__).parents[2], env=live_place, check=True)
    expect(page.locator("#kit-job .kit-chip")).to_have_text("成功", timeout=30_000)

    page.goto("/aid_doubt/list/?shelf=two_units")
    doubt = page.locator("tbody tr", has_text=file["full_name"])
    expect(doubt).to_contain_text("600.00")
    doubt.locator("a").first.click()
    expect(page.locator("main")).to_contain_text("新街口街道总工会")
    expect(page.locator("main td a")).to_have_count(2)
    page.click(".kit-actions :text('排除疑点')")
    page.fill("#kit-dialog [name=dismiss_reason]", "两单位各给一项，均已核实")
    with page.expect_navigation():
        page.click("#kit-dialog [data-save]")
    page.goto("/aid_doubt/list/?shelf=dismissed")
    expect(page.locator("tbody tr", has_text=file["full_name"])).to_contain_text("均已核实")
