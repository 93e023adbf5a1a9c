"""批量导出: apply as a street, approve as its district, the night, download; the file is what the list shows."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

from playwright.sync_api import expect

ROOT = Path(__file__).parents[2]


def flask(live_place, *words):
    """A command of the product, on the live server's data."""
    command = [sys.executable, "-m", "flask", "--app", "run", *words]
    subprocess.run(command, cwd=ROOT, env=os.environ | live_place, check=True, capture_output=True)


def rows_of(content):
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))


def test_a_street_gets_the_file_that_its_district_approved(sit, live_place):
    """SM-AID-08, AID-R107 – R112."""
    street, district = sit("dewai"), sit("xicheng")

    street.page.goto("/")
    street.page.goto("/export_application/add")
    street.page.get_by_label("困难职工档案", exact=True).check()
    street.page.get_by_label("临时救助档案", exact=True).check()
    street.page.fill("[name=reason]", "年度核对")
    street.save()
    expect(street.page.locator(".kit-heading")).to_contain_text("未批准")
    number = street.page.url.rpartition("/")[2]

    district.page.goto("/export_application/list/?shelf=approve")
    row = district.page.locator("tbody tr", has_text="德外街道总工会").first
    row.locator("a[title=批准]").click()
    expect(district.page.locator("#kit-dialog")).to_contain_text("确定批准")
    with district.page.expect_navigation():
        district.page.click("#kit-dialog [data-save]")
    expect(district.page.locator(".kit-alert-green")).to_contain_text("批准成功")

    flask(live_place, "export", "run")
    flask(live_place, "worker", "--once")

    street.page.goto("/export_application/list/?shelf=ready")
    street.page.locator("tbody tr").first.locator("a[title=下载]").click()
    expect(street.page.locator("main")).to_contain_text("每次下载都有记录")
    with street.page.expect_download() as taken:
        street.page.click("[data-dialog-form] [data-save]")
    with zipfile.ZipFile(taken.value.path()) as parcel:
        files = {name: parcel.read(name) for name in parcel.namelist()}
    assert set(files) == {"困难职工档案.csv", "临时救助档案.csv", "说明.txt"}
    for shelf, name in (("hardship", "困难职工档案.csv"), ("temporary", "临时救助档案.csv")):
        shown = street.page.request.get(f"/archive/export?format=csv&shelf={shelf}")
        expected = sorted(row["身份证号"] for row in rows_of(shown.body()))
        assert sorted(row["身份证号"] for row in rows_of(files[name])) == expected
        assert expected

    street.page.goto(f"/export_application/show/{number}")
    log = street.page.locator(".kit-section", has_text="下载记录")
    expect(log.locator("tbody tr")).to_have_count(1)
