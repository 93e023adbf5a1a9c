"""The first login of a provincial administrator, from the one-time password to the home page, in Chromium."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pyotp
from playwright.sync_api import expect

from tests.browser.conftest import ROOT

MAKE = """
import json
from sqlalchemy import select
from app.kit import clock
from app.kit.database import db
from app.kit.scope import SYSTEM, Actor, acting
from app.models.account import Account
from app.models.unit import Unit
from app.models.assignment import Assignment
from app.security import policy
from run import app

with app.app_context(), acting(SYSTEM):
    unit = db.session.scalars(select(Unit).where(Unit.name == "上海市总工会")).one()
    account = Account(username="xin_ren", first_name="新人", last_name="", gender="female", certificate_required=True)
    account.certificate_serial, account.phone = "5A01", "13800138002"
    account.stamp(SYSTEM)
    place = Assignment(account=account, unit=unit, unit_id=unit.id, unit_path=unit.path)
    db.session.add(account)
    place.grant(["困难职工档案"])
    db.session.flush()
    print(json.dumps(policy.issue_one_time_password(account, SYSTEM)))
    db.session.commit()
"""
PASSWORD = "Shang-hai-2026"


def code_of(secret: str, after: int) -> tuple[str, int]:
    """A code of a later step than ``after``; the page takes that of the next one too."""
    step = max(int(time.time()) // 30, after + 1)
    return pyotp.TOTP(secret).generate_otp(step), step


def test_from_the_one_time_password_to_the_home_page(window, live_place):  # SM-AID-19, AID-R004 – R008
    made = subprocess.run(
        [sys.executable, "-c", MAKE], cwd=ROOT, env=live_place, check=True, capture_output=True, text=True
    )
    one_time = json.loads(made.stdout.splitlines()[-1])
    screen = window()
    page = screen.page
    page.goto("/login/")
    screen.enter("xin_ren", one_time)
    expect(page.locator("h1")).to_have_text("首次登录：单位信息确认")
    page.click("button[value=ok]")
    expect(page.locator("h1")).to_have_text("首次登录：个人信息核实")
    page.fill("[name=login_name]", "sh")
    page.click("text=有重复么？")
    expect(page.locator("#f-login_name-check")).to_contain_text("已被使用")
    page.fill("[name=login_name]", "xinren")
    page.fill("[name=password]", PASSWORD)
    page.fill("[name=password_confirm]", PASSWORD)
    screen.save()
    expect(page.locator(".kit-alert-green")).to_contain_text("信息已核实，请重新登录")
    screen.enter("xinren", PASSWORD)
    expect(page.locator("h1")).to_have_text("绑定动态口令")
    frame, drawing = (page.locator(f".door-picture {part}").bounding_box() for part in ("svg", "svg .qrline"))
    assert frame["width"] > 150
    assert drawing["x"] + drawing["width"] <= frame["x"] + frame["width"]  # whole, or no telephone reads it
    assert drawing["width"] > frame["width"] / 2
    secret = page.locator("#door-secret").inner_text().replace(" ", "")
    code, step = code_of(secret, 0)
    page.fill("[name=code]", code)
    page.fill("[name=password]", PASSWORD)
    screen.save()
    expect(page.locator("#door-codes li")).to_have_count(10)
    with page.expect_navigation():
        page.click("text=已抄下，继续")
    expect(page.locator("main h1")).to_contain_text("您好")
    screen = window()  # another day
    page = screen.page
    page.goto("/login/")
    screen.enter("xinren", PASSWORD)
    expect(page.locator("h1")).to_have_text("验证动态口令")
    page.fill("[name=otp]", code_of(secret, step)[0])
    with page.expect_navigation():
        page.click("button[type=submit]")
    expect(page.locator("main h1")).to_contain_text("您好")
    expect(page.locator(".kit-alert")).to_contain_text("上次登录")
