"""An import from end to end: template, upload, progress, the workbook handed back with red reasons, mended, uploaded."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pytest
from playwright.sync_api import expect

from tests.importing import column, reasons

ROOT = Path(__file__).parents[2]
#: labels of what `People.household` types as codes
CODES = """
import json
from app.kit import codes
from app.kit.scope import SYSTEM, acting
from app.models.archive import Archive
from app.models.family_member import FamilyMember
from run import app

with app.app_context(), acting(SYSTEM):
    tables = {f.table for m in (Archive, FamilyMember) for f in m.fields().values() if getattr(f, "table", "")}
    print(json.dumps({t: {v.code: v.label for v in codes.values(t)} for t in tables - {"admin_division"}}))
"""


@pytest.fixture
def worker(live: str, live_place: dict[str, str]) -> Iterator[None]:
    """The worker beside the server."""
    words = [sys.executable, "-m", "flask", "--app", "run", "worker"]
    process = subprocess.Popen(words, cwd=ROOT, env=live_place, stderr=subprocess.DEVNULL)
    yield
    process.terminate()
    process.wait(timeout=20)


def fill_in(path: Path, households: list[dict], labels: dict) -> None:
    """Type households into the template, under its own heads."""
    from app.models.archive import Archive
    from app.models.family_member import FamilyMember

    book = openpyxl.load_workbook(path)
    for row, typed in enumerate(households, 2):
        write(book["职工档案"], row, Archive, typed, labels)
    row = 2
    for typed in households:
        for member in typed["family_members"]:
            write(book["家庭成员"], row, FamilyMember, member, labels)
            book["家庭成员"].cell(row, 1).value = typed["id_card_no"]
            row += 1
    book.save(path)


def write(sheet, row: int, model: type, typed: dict, labels: dict) -> None:
    for name, field in model.fields().items():
        value = typed.get(name)
        if field.automatic or value in (None, ""):
            continue
        if field.kind == "code":
            value = labels.get(field.table, {}).get(value, value)
        elif field.kind == "yes_no":
            value = str(field.words[0] if value else field.words[1])
        sheet.cell(row, column(sheet, str(field.label))).value = (
            value if isinstance(value, int) else str(value)
        )


def test_a_workbook_goes_in_comes_back_red_and_goes_in_mended(sit, worker, people, tmp_path, live_place):
    import json

    done = subprocess.run(
        [sys.executable, "-c", CODES], cwd=ROOT, env=live_place, capture_output=True, check=True
    )
    labels = json.loads(done.stdout)
    homes = [people.household(1, hardship_category="low_income") for _each in range(4)]
    homes[2]["household_size"] = 7
    clerk = sit("dewai_clerk")
    page = clerk.page

    page.goto("/archive/list/?shelf=hardship")
    page.click(".kit-toolbar a:has-text('导入Excel')")
    with page.expect_download() as loaded:
        page.click("a:has-text('下载导入模板')")
    path = tmp_path / "住户.xlsx"
    loaded.value.save_as(path)
    fill_in(path, homes, labels)

    page.set_input_files("#f-file", path)
    page.click("button:has-text('上传并导入')")
    expect(page.locator("#kit-job .kit-chip")).to_have_text("部分成功", timeout=60_000)
    expect(page.locator("#kit-job")).to_contain_text("成功 3 户，未改动 0 户，失败 1 户")
    expect(page.locator("#kit-job .kit-error")).to_contain_text("第4行：家庭人口数必须等于家庭成员人数加1")
    expect(page.locator("progress")).to_have_attribute("value", "100")
    with page.expect_download() as loaded:
        page.click("#kit-job a:has-text('下载住户 导入结果.xlsx')")
    back = tmp_path / "back.xlsx"
    loaded.value.save_as(back)

    book = openpyxl.load_workbook(back)
    sheet = book["职工档案"]
    assert set(reasons(sheet)) == {4}
    sheet.cell(4, column(sheet, "家庭人口")).value = 2
    book.save(back)
    page.goto("/archive/import")
    page.set_input_files("#f-file", back)
    page.click("button:has-text('上传并导入')")
    expect(page.locator("#kit-job .kit-chip")).to_have_text("成功", timeout=60_000)
    expect(page.locator("#kit-job")).to_contain_text("成功 1 户，未改动 3 户，失败 0 户")
    expect(clerk.find_archive(homes[2])).to_have_count(1)

    # what is no workbook is refused on the spot
    other = tmp_path / "住户.pdf.xlsx"
    other.write_bytes(b"%PDF-1.4" + os.urandom(100))
    page.goto("/archive/import")
    page.set_input_files("#f-file", other)
    page.click("button:has-text('上传并导入')")
    expect(page.locator(".kit-alert-red")).to_contain_text("这是PDF文件")
