"""Make the pictures of the user guide (docs/guide/images) anew from a running system with the demo country.

    python scripts/guide_pictures.py http://127.0.0.1:8080 <password of the demo accounts>

It starts nothing itself. It enters one household, one returned file and one person, so use a scratch data folder.
"""

from __future__ import annotations

import argparse
import os
import shutil
import struct
import sys
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from app.demo.people import People  # noqa: E402 - the script stands outside the package
from tests.browser.screen import Screen  # noqa: E402 - the same words as the tests

IMAGES = ROOT / "docs" / "guide" / "images"
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
PICTURES: dict[str, Callable[[Studio], Page]] = {}  # in this order; some use what an earlier one has made


class Studio:
    """A browser, and who sits before it."""

    def __init__(self, browser: Browser, base: str, password: str) -> None:
        self.browser, self.base, self.password = browser, base, password
        self.people = People(int.from_bytes(os.urandom(3)), "110102", "北京市西城区")
        self.seats: dict[str, Screen] = {}

    def window(self) -> Screen:
        """An empty window."""
        context = self.browser.new_context(
            base_url=self.base,
            viewport={"width": 1366, "height": 768},
            locale="zh-CN",
            color_scheme="light",
            reduced_motion="reduce",
        )
        return Screen(context.new_page())

    def sit(self, name: str) -> Screen:
        """A window in which that person is logged in."""
        if name not in self.seats:
            self.seats[name] = self.window()
            self.seats[name].log_in(name, self.password)
        return self.seats[name]


def picture(take: Callable[[Studio], Page]) -> Callable[[Studio], Page]:
    """A function of this name takes the picture of that name."""
    PICTURES[take.__name__.replace("_", "-")] = take
    return take


def smaller(image: bytes) -> bytes:
    """The same PNG with 256 colours, a third of the size: those it uses most, and one of every other tint."""
    chunks, at = dict[bytes, bytes](), 8
    while at < len(image):
        length, kind = struct.unpack(">I4s", image[at : at + 8])
        chunks[kind] = chunks.get(kind, b"") + image[at + 8 : at + 8 + length]
        at += 12 + length
    width, height, depth, colours = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
    if (depth, colours) != (8, 2):
        return image
    pixels = _unfiltered(zlib.decompress(chunks[b"IDAT"]), width * 3)
    used = Counter(pixels[i : i + 3] for i in range(0, len(pixels), 3)).most_common()
    tints = dict[tuple[int, ...], bytes]()
    for colour, _times in used:
        tints.setdefault(tuple(part >> 5 for part in colour), colour)
    palette = list(
        dict.fromkeys([c for c, _times in used[:96]] + list(tints.values()) + [c for c, _times in used])
    )[:256]
    place = {colour: number for number, colour in enumerate(palette)}
    for colour, _times in used:
        place[colour] = (
            place[colour]
            if colour in place
            else min(
                range(len(palette)),
                key=lambda n, colour=colour: sum(
                    (a - b) ** 2 for a, b in zip(palette[n], colour, strict=True)
                ),
            )
        )
    rows = bytearray()
    for i in range(0, len(pixels), 3):
        if i % (width * 3) == 0:
            rows.append(0)
        rows.append(place[pixels[i : i + 3]])
    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    made = (
        (b"IHDR", head),
        (b"PLTE", b"".join(palette)),
        (b"IDAT", zlib.compress(bytes(rows), 9)),
        (b"IEND", b""),
    )
    return image[:8] + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in made
    )


def _unfiltered(raw: bytes, stride: int) -> bytes:
    """The lines of a PNG of three bytes a pixel, each as it was before its filter."""
    made, above = bytearray(), bytearray(stride)
    for at in range(0, len(raw), stride + 1):
        way, line = raw[at], bytearray(raw[at + 1 : at + 1 + stride])
        for i in range(stride if way else 0):
            left, up = (line[i - 3] if i > 2 else 0), above[i]
            corner = above[i - 3] if i > 2 else 0
            near = left + up - corner
            paeth = min(
                (abs(near - left), 0, left), (abs(near - up), 1, up), (abs(near - corner), 2, corner)
            )[2]
            line[i] = (line[i] + (0, left, up, (left + up) // 2, paeth)[way]) & 255
        made += line
        above = line
    return bytes(made)


@picture
def login(studio: Studio) -> Page:
    """Name and password."""
    page = studio.window().page
    page.goto("/login/")
    page.fill("#username", "dewai_clerk")
    return page


@picture
def archive_form(studio: Studio) -> Page:
    """The head of a household, begun."""
    clerk = studio.sit("dewai_clerk")
    clerk.page.goto("/archive/add?shelf=hardship")
    typed = studio.people.household(0, hardship_category="low_income", marital_status="married")
    clerk.fill(
        {name: typed[name] for name in ("hardship_category", "full_name", "id_card_no", "marital_status")}
    )
    clerk.page.mouse.move(0, 0)
    return clerk.page


@picture
def archive_members(studio: Studio) -> Page:
    """Two members."""
    clerk = studio.sit("dewai_clerk")
    clerk.page.goto("/archive/add?shelf=hardship")
    typed = studio.people.household(2, hardship_category="low_income")
    clerk.fill({"household_size": "3", "family_members": typed["family_members"]})
    clerk.page.locator("[data-child]").first.evaluate("one => one.scrollIntoView({ block: 'center' })")
    return clerk.page


@picture
def archive_conflict(studio: Studio) -> Page:
    """A number that another unit has."""
    other, clerk = studio.sit("caohejing_clerk"), studio.sit("dewai_clerk")
    typed = studio.people.household(0, hardship_category="low_income")
    other.add_archive(typed)
    clerk.page.goto("/archive/add?shelf=hardship")
    clerk.fill({name: typed[name] for name in ("hardship_category", "full_name", "id_card_no")})
    expect(clerk.page.locator(".kit-conflict:modal")).to_be_visible()
    return clerk.page


@picture
def archive_report(studio: Studio) -> Page:
    """The file is returned afterwards, so that a reminder waits on the home page."""
    clerk, district = studio.sit("dewai_clerk"), studio.sit("xicheng_clerk")
    typed = studio.people.household(1, hardship_category="low_income")
    clerk.add_archive(typed)
    clerk.step(typed, "上报", "请审核。")
    district.step(typed, "退回", "请补充收入证明，核对联系电话。")
    for _each in range(2):
        clerk.add_archive(studio.people.household(0, hardship_category="low_income"))
    clerk.page.goto("/archive/list/?shelf=hardship&state=pending&sub=0")
    for box in clerk.page.locator("[data-tick]").all()[:2]:
        box.check()
    clerk.page.click(".kit-toolbar button:has-text('上报')")
    clerk.page.fill("#kit-dialog [name=message]", "本季度新增的两户，材料齐全，请审核。")
    return clerk.page


@picture
def archive_import(studio: Studio) -> Page:
    """Households from a workbook."""
    page = studio.sit("dewai_clerk").page
    page.goto("/archive/import")
    return page


@picture
def archive_sweep(studio: Studio) -> Page:
    """What a street would send up at once."""
    page = studio.sit("dewai_clerk").page
    page.goto("/archive/sweep/report")
    page.fill("[name=message]", "本季度的全部档案，请审核。")
    return page


@picture
def archive_conflict_cancelled(studio: Studio) -> Page:
    """A number whose file another unit has put aside."""
    other, clerk = studio.sit("caohejing_clerk"), studio.sit("dewai_clerk")
    typed = studio.people.household(1, hardship_category="low_income")
    other.add_archive(typed)
    other.page.click("main a:has-text('注销职工')")
    other.page.select_option("#kit-dialog [name=cancel_reason]", label="离开本单位")
    with other.page.expect_navigation():
        other.page.click("#kit-dialog [data-save]")
    clerk.page.goto("/archive/add?shelf=hardship")
    clerk.fill({"full_name": typed["full_name"], "id_card_no": typed["id_card_no"]})
    expect(clerk.page.locator(".kit-conflict:modal")).to_be_visible()
    return clerk.page


@picture
def archive_restore(studio: Studio) -> Page:
    """Three files that were put aside, one of them ticked."""
    clerk = studio.sit("dewai_clerk")
    page = clerk.page
    for _each in range(3):
        clerk.add_archive(studio.people.household(0, hardship_category="low_income"))
        page.click("main a:has-text('注销职工')")
        page.select_option("#kit-dialog [name=cancel_reason]", label="离开本单位")
        with page.expect_navigation():
            page.click("#kit-dialog [data-save]")
    page.goto("/archive/restore?shelf=restoring")
    page.click("#tab-many")
    expect(page.locator("#tab-all .kit-count")).to_be_visible()
    page.locator("[data-tick]").first.check()
    return page


@picture
def archive_problems(studio: Studio) -> Page:
    """The household of the demo country that stands twice."""
    page = studio.sit("dewai_clerk").page
    page.goto("/archive/list/?shelf=faulty")
    page.locator("tbody tr td a").first.click()
    expect(page.locator(".kit-faults")).to_be_visible()
    return page


@picture
def archive_merge(studio: Studio) -> Page:
    """Two files of one household, side by side."""
    admin = studio.sit("dewai")
    page = admin.page
    first = studio.people.household(1, hardship_category="low_income", health_status="good")
    second = first | studio.people.household(0, hardship_category="near_low_income", health_status="good")
    second |= {"full_name": first["full_name"], "gender": first["gender"]}
    for typed in (first, second):
        admin.add_archive(typed)
    page.goto("/archive/merge_different")
    admin.fill({"source_id_card_no": second["id_card_no"], "target_id_card_no": first["id_card_no"]})
    admin.save()
    expect(page.locator("[data-merge-size]")).to_be_attached()
    page.mouse.move(0, 0)
    return page


@picture
def archive_likeness(studio: Studio) -> Page:
    """What a search has found; the worker does it."""
    page = studio.sit("dewai").page
    page.goto("/likeness/list/")
    page.get_by_role("button", name="重新查找").first.click()
    expect(page.locator("#kit-job .kit-chip")).to_have_text("成功", timeout=60_000)
    page.goto("/likeness/list/")
    expect(page.locator("tbody .kit-chip").first).to_be_visible()
    return page


@picture
def archive_export(studio: Studio) -> Page:
    """An application, begun."""
    page = studio.sit("dewai").page
    page.goto("/export_application/add")
    page.get_by_label("困难职工档案", exact=True).check()
    page.get_by_label("临时救助档案", exact=True).check()
    return page


@picture
def archive_options(studio: Studio) -> Page:
    """One more column, seen before it is saved."""
    page = studio.sit("dewai_clerk").page
    page.goto("/list_preference/options?list=archive")
    page.check("[data-column][value=phone]")
    expect(page.locator("#kit-preview thead th", has_text="联系电话")).to_be_visible()
    return page


@picture
def archive_since(studio: Studio) -> Page:
    """A file that comes up again after points were made, mended and answered."""
    clerk, district = studio.sit("dewai_clerk"), studio.sit("xicheng_clerk")
    page, typed = clerk.page, studio.people.household(1, hardship_category="low_income")
    clerk.add_archive(typed)
    address = page.url
    clerk.step(typed, "上报", "请审核。")
    district.step(typed, "退回", "请补充收入证明\n核对联系电话")
    page.goto(address)
    page.click("main a:has-text('编辑')")
    clerk.fill({"phone": "13900002222", "employer_name": "北京市西城区时光食品厂"})
    clerk.save()
    page.click(".kit-actions :text('上报')")
    page.fill("#kit-dialog [name=message]", "已更正，请审核。")
    page.fill("#kit-dialog [name=answers-1]", "收入证明已作为附件上传")
    page.fill("#kit-dialog [name=answers-2]", "已改为本人手机")
    with page.expect_navigation():
        page.click("#kit-dialog [data-save]")
    district.page.goto(address)
    district.page.click("#tab-since")
    expect(district.page.locator(".kit-changes")).to_be_visible()
    return district.page


def find_worker(studio: Studio, clerk: Screen) -> None:
    """A worker of another province, found by his number."""
    typed = studio.people.household(1, hardship_category="low_income", main_hardship_cause="disability")
    studio.sit("caohejing_clerk").add_archive(typed)
    clerk.page.goto("/aid/add")
    clerk.fill({"id_card_no": typed["id_card_no"]})
    with clerk.page.expect_navigation():
        clerk.page.keyboard.press("Alt+S")


@picture
def aid_question(studio: Studio) -> Page:
    """A number, before it is looked up."""
    clerk = studio.sit("dewai_clerk")
    clerk.page.goto("/aid/add")
    clerk.fill({"id_card_no": studio.people.household(0)["id_card_no"]})
    return clerk.page


@picture
def aid_worker(studio: Studio) -> Page:
    """The file of another unit to read, and the way on."""
    clerk = studio.sit("dewai_clerk")
    find_worker(studio, clerk)
    return clerk.page


@picture
def aid_form(studio: Studio) -> Page:
    """Two measures and their sum."""
    clerk = studio.sit("dewai_clerk")
    find_worker(studio, clerk)
    clerk.page.click("main a:has-text('增加新帮扶救助信息')")
    measures = [{"measure": "living", "amount": "300"}, {"measure": "medical", "amount": "1200"}]
    clerk.fill({"aid_form": "home_visit", "measures": measures})
    clerk.page.locator("#section-2").evaluate("one => one.scrollIntoView()")
    clerk.page.mouse.move(0, 0)
    return clerk.page


@picture
def aid_exit(studio: Studio) -> Page:
    """The dialog above the list."""
    clerk = studio.sit("dewai_clerk")
    find_worker(studio, clerk)
    clerk.page.click("main a:has-text('增加新帮扶救助信息')")
    clerk.fill({"measures": [{"measure": "living", "amount": "300"}], "measure_detail": "上门送去慰问金"})
    clerk.save()
    clerk.page.goto("/aid/list/?shelf=exit")
    clerk.page.locator("tbody [title=填写脱困信息]").first.click()
    clerk.page.select_option("#kit-dialog [name=exit_method]", "employed")
    return clerk.page


@picture
def home(studio: Studio) -> Page:
    """What waits for a clerk."""
    page = studio.sit("dewai_clerk").page
    page.goto("/")
    expect(page.locator("[data-chart] canvas")).to_be_visible()
    return page


@picture
def archive_list(studio: Studio) -> Page:
    """The list, all states."""
    page = studio.sit("dewai_clerk").page
    page.goto("/archive/list/?shelf=hardship")
    expect(page.locator("#tab-pending .kit-count")).to_be_visible()
    return page


@picture
def archive_query(studio: Studio) -> Page:
    """Every condition."""
    page = studio.sit("dewai_clerk").page
    page.goto("/archive/list/?shelf=hardship&panel=all")
    expect(page.locator("#tab-pending .kit-count")).to_be_visible()
    return page


@picture
def archive_statistics(studio: Studio) -> Page:
    """A district by state of health."""
    page = studio.sit("xicheng_clerk").page
    page.goto("/archive/statistics?shelf=hardship&by=health_status")
    expect(page.locator("[data-chart] canvas")).to_be_visible()
    return page


@picture
def archive_print(studio: Studio) -> Page:
    """The paper form."""
    page = studio.sit("dewai_clerk").page
    page.goto("/archive/list/?shelf=hardship")
    page.goto(page.locator("tbody .kit-ends a[title=打印]").first.get_attribute("href") or "")
    return page


@picture
def unit_tree(studio: Studio) -> Page:
    """A unit with its people."""
    page = studio.sit("xicheng").page
    page.goto("/unit/tree")
    page.locator("#unit-tree a", has_text="德外街道总工会").click()
    expect(page.locator("#unit-pane h2").first).to_have_text("德外街道总工会")
    return page


@picture
def one_time_password(studio: Studio) -> Page:
    """The person is also the one who is asked for a new password in the next picture."""
    screen = studio.sit("xinfeng")
    page = screen.page
    page.goto("/account/add")
    name = f"clerk{os.urandom(2).hex()}"
    screen.fill({"full_name": "王芳", "gender": "female", "login_name": name, "phone": "010-83510000"})
    page.locator("[name=rights]:not([disabled])").first.check()
    with page.expect_navigation():
        page.click("#kit-form [data-save]")
    expect(page.locator("#secret-1")).to_be_visible()
    return page


@picture
def first_login(studio: Studio) -> Page:
    """What a new person is asked at the first login."""
    shown = studio.sit("xinfeng").page
    name, word = shown.locator(".unit-secret .kit-mono").all_inner_texts()[:2]
    page = studio.window().page
    page.goto("/login/")
    page.fill("#username", name)
    page.fill("#password", word)
    page.click("button[type=submit]")
    page.click("button[value=ok]")
    expect(page.locator("[name=password_confirm]")).to_be_visible()
    return page


@picture
def second_factor(studio: Studio) -> Page:
    """A device is bound; its secret is thrown away with the session."""
    page = studio.sit("xinfeng").page
    page.goto("/safety/device")
    expect(page.locator(".door-picture svg")).to_be_visible()
    return page


@picture
def code_tables(studio: Studio) -> Page:
    """One value chosen."""
    page = studio.sit("root").page
    page.goto("/code_table/list/")
    page.locator(".unit-tables a", has_text="致困").first.click()
    expect(page.locator(".unit-values tbody tr").first).to_be_visible()
    page.locator(".unit-values tbody a").first.click()
    expect(page.locator(".unit-chosen")).to_be_visible()
    return page


def main() -> None:
    """Take every picture, or those named."""
    parser = argparse.ArgumentParser(description="Make the pictures of the user guide.")
    parser.add_argument("base", help="address of the running system")
    parser.add_argument("password", help="of the demo accounts")
    parser.add_argument("only", nargs="*", help="names of pictures; all of them by default")
    asked = parser.parse_args()
    IMAGES.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        studio = Studio(browser, asked.base, asked.password)
        for name, take in PICTURES.items():
            if not asked.only or name in asked.only:
                file = IMAGES / f"{name}.png"
                file.write_bytes(smaller(take(studio).screenshot(animations="disabled")))
                print(f"{name}.png  {file.stat().st_size // 1024} KB")
        browser.close()


if __name__ == "__main__":
    main()
