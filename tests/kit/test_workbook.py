"""Workbooks from outside are read as they are, or refused in words: never a failure, never a flood."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from array import array
from datetime import date, datetime
from pathlib import Path
from xml.sax.saxutils import escape

import openpyxl
import pytest
from flask import Flask
from flask_babel import Babel

from app.kit import package, workbook
from app.kit.package import Shared, Unreadable, fault
from app.kit.workbook import Odd, open_book

ID_CARD = "110102198001011234"


@pytest.fixture(autouse=True)
def words():
    """Lazy words need an application to be said."""
    shop = Flask("words")
    Babel(shop, default_locale="zh")
    with shop.app_context():
        yield


@pytest.fixture
def save(tmp_path):
    """``save(book)`` → where a workbook lies."""

    def keep(book: openpyxl.Workbook | bytes, name: str = "book.xlsx") -> Path:
        path = tmp_path / name
        if isinstance(book, bytes):
            path.write_bytes(book)
        else:
            book.save(path)
        return path

    return keep


def read(path: Path, sheet: int = 0) -> list[tuple[int, dict[int, object]]]:
    with open_book(path) as book:
        return list(book.rows(book.sheets[sheet]))


def both(path: Path) -> list[tuple[int, dict[int, object]]]:
    """What the quick reader reads; the thorough one must read the same."""
    with open_book(path) as book:
        quick = list(book._quick(book.sheets[0]))
        quick_merged, book.merged = book.merged, []
        assert list(book._thorough(book.sheets[0])) == quick
        assert book.merged == quick_merged
        return quick


def rezip(path: Path, **changes: str | None) -> Path:
    """The same workbook with parts changed: ``sheet`` is the first sheet."""
    names = {"sheet": "xl/worksheets/sheet1.xml", "book": "xl/workbook.xml", "shared": "xl/sharedStrings.xml"}
    wanted = {names[key]: text for key, text in changes.items()}
    with zipfile.ZipFile(path) as old:
        parts = {part: old.read(part) for part in old.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for part, content in parts.items():
            if part not in wanted:
                new.writestr(part, content)
        for part, text in wanted.items():
            if text is not None:
                new.writestr(part, text)
    return path


def sheet_of(path: Path) -> str:
    with zipfile.ZipFile(path) as archive:
        return archive.read("xl/worksheets/sheet1.xml").decode()


def book_of(*rows: list[object]) -> openpyxl.Workbook:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    return book


# --- values ---------------------------------------------------------------------------------------------------


def test_every_kind_of_cell_is_read_as_what_it_is(save):
    path = save(
        book_of(
            ["姓名", "a & <b> \"c\" 'd'", " 前后有空格 ", "两\n行"],
            [12, 3.5, 1200.1 * 3, True, False, None, "007"],
            [date(2026, 3, 2), datetime.fromisoformat("2026-03-02T08:30:00")],
            [ID_CARD, float(ID_CARD)],
        )
    )
    assert both(path) == [
        (1, {0: "姓名", 1: "a & <b> \"c\" 'd'", 2: " 前后有空格 ", 3: "两\n行"}),
        (2, {0: 12, 1: 3.5, 2: 3600.3, 3: True, 4: False, 6: "007"}),
        (3, {0: "2026-03-02", 1: "2026-03-02"}),
        (4, {0: ID_CARD, 1: 1.10102198001011e17}),
    ]


def test_formulas_count_by_their_result_and_are_told_when_they_have_none(save):
    path = save(book_of(["=1+1", "x"]))
    text = sheet_of(path)
    assert "<f>1+1</f>" in text
    [(_row, cells)] = both(path)
    assert "公式" in str(cells[0].words)
    done = text.replace("<v></v>", "<v>2</v>").replace("<v/>", "<v>2</v>").replace("<v />", "<v>2</v>")
    assert both(rezip(path, sheet=done))[0][1][0] == 2


def test_an_error_is_told_as_one(save):
    [(_row, cells)] = both(save(book_of(["#N/A", "好"])))
    assert isinstance(cells[0], Odd)
    assert cells[0].text == "#N/A"
    assert "#N/A" in str(cells[0].words)
    assert cells[1] == "好"


def test_shared_strings_rich_text_and_what_excel_escapes(save):
    path = save(book_of(["a", "b", "c"]))
    shared = (
        '<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>王秀英</t></si>'
        '<si><r><t>富</t></r><r><t xml:space="preserve"> 文本</t></r><rPh sb="0" eb="1"><t>注音</t></rPh></si>'
        "<si><t>NUL_x0000_ _xD800_</t></si></sst>"
    )
    cells = "".join(f'<c r="{"ABCD"[n]}1" t="s"><v>{n}</v></c>' for n in range(4))
    sheet = (
        '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        f'<row r="1">{cells}</row></sheetData></worksheet>'
    )
    [(_row, found)] = both(rezip(path, sheet=sheet, shared=shared))
    assert [found[0], found[1], found[2]] == ["王秀英", "富 文本", "NUL\x00 \ud800"]
    assert isinstance(found[3], Odd)  # points at nothing


@pytest.mark.parametrize("size", [60, 97, 256 * 1024])
def test_plain_shared_strings_are_read_the_quick_way_and_are_the_same(save, monkeypatch, size):
    words = ["王秀英", "A&B <x>", " 前后 ", "&amp;", "两行\n字", "", *map(str, range(40))]
    head = '<?xml version="1.0" encoding="UTF-8"?>\n<sst xmlns="x" count="1">'
    plain = [f'<si><t xml:space="preserve">{escape(one)}</t></si>' for one in words]
    monkeypatch.setattr(package, "CHUNK", max(size, len(head)))
    for strings, is_quick in (
        (plain, True),
        ([*plain, "<si><r><t>富</t></r></si>"], False),
        (["<!-- 注 -->", *plain], False),
        ([*plain[:3], "<si><t>a<![CDATA[b]]></t></si>", *plain[3:]], False),
    ):
        path = rezip(save(book_of(["a"])), shared=f"{head}{''.join(strings)}</sst>")
        with zipfile.ZipFile(path) as archive:
            shared, other = Shared(archive), Shared(archive)
            assert other._quick(archive) is is_quick
            other._bytes, other._ends = bytearray(), array("Q", [0])
            other._thorough(archive)
        assert (shared._bytes, shared._ends) == (other._bytes, other._ends)
        kept = [shared[at] for at in range(len(shared._ends) - 1)]
        assert [one for one in kept if one not in {"富", "ab"}] == words


def test_dates_of_both_calendars_and_chinese_formats(save):
    book = book_of([46083, 46083, 46083, 5_000_000])
    book.active["B1"].number_format = "yyyy/m/d"
    book.active["C1"].number_format = 'yyyy"年"m"月"d"日"'
    book.active["D1"].number_format = "yyyy-mm-dd"
    [(_row, cells)] = both(save(book))
    assert (cells[0], cells[1], cells[2]) == (46083, "2026-03-02", "2026-03-02")
    assert isinstance(cells[3], Odd)
    book.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904
    [(_row, cells)] = both(save(book))
    assert cells[1] == "2030-03-03"


def test_hidden_sheets_are_known_as_such(save):
    book = book_of(["x"])
    book.create_sheet("隐藏").sheet_state = "veryHidden"
    with open_book(save(book)) as opened:
        assert [(sheet.name, sheet.hidden) for sheet in opened.sheets] == [("Sheet", False), ("隐藏", True)]


def test_merged_areas_are_told(save):
    book = book_of(["a", "b"], ["c", "d"])
    book.active.merge_cells("A1:B1")
    book.active.merge_cells("C5:D9")
    with open_book(save(book)) as opened:
        list(opened.rows(opened.sheets[0]))
        assert sorted(opened.merged) == [(1, 0, 1, 1), (5, 2, 9, 3)]


def test_rows_that_hold_nothing_cost_nothing(save):
    """A million formatted rows and columns beyond the data, as Excel leaves them behind."""
    path = save(book_of(["姓名"], ["王秀英"]))
    empty = "".join(f'<row r="{n}" s="1" customFormat="1"/>' for n in range(3, 400_000))
    wide = '<row r="500000">' + "".join(f'<c r="A{n}" s="1"/>' for n in range(16_384)) + "</row>"
    text = sheet_of(path).replace(
        "</sheetData>", f'{empty}{wide}<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
    )
    rezip(path, sheet=text)
    tracemalloc.start()
    rows = read(path)
    _now, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert rows == [(1, {0: "姓名"}), (2, {0: "王秀英"}), (1_048_576, {16_383: 1})]
    assert most < 20 * 1024 * 1024


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("<worksheet", "<!-- ok --><worksheet"),
        lambda text: text.replace("<v>13800000000</v>", "<v><![CDATA[13800000000]]></v>"),
        lambda text: text.replace(' r="A2"', ""),
        lambda text: (
            text.replace(
                'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"',
                'xmlns:x="http://schemas.openxmlformats.org/spreadsheetml/2006/main"',
            )
            .replace("<", "<x:")
            .replace("<x:/", "</x:")
            .replace("<x:?", "<?")
        ),
    ],
    ids=["comment", "cdata", "no place", "prefix"],
)
def test_unusual_xml_is_read_all_the_same(save, change):
    path = save(book_of(["姓名", "电话"], ["王秀英", 13800000000]))
    text = sheet_of(path)
    changed = change(text)
    assert changed != text
    assert read(rezip(path, sheet=changed)) == [
        (1, {0: "姓名", 1: "电话"}),
        (2, {0: "王秀英", 1: 13800000000}),
    ]


# --- what is refused ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "空的"),
        (b"%PDF-1.7\n", "PDF"),
        (b"<html><table><tr><td>1</td></tr></table></html>", "网页格式"),
        (b'<?xml version="1.0"?><Workbook/>', "网页格式"),
        ("姓名,身份证号\n王秀英,1\n".encode(), "csv"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "旧格式的xls"),
        (b"\xd0\xcf\x11\xe0" + b"\0" * 600 + "EncryptedPackage".encode("utf-16-le"), "取消密码"),
        (b"PK\x03\x04 broken", "损坏"),
        (b"\x00" * 100, "不是Excel"),
    ],
    ids=["empty", "pdf", "html", "xml", "csv", "xls", "sealed", "broken zip", "zeros"],
)
def test_what_is_no_workbook_is_refused_in_words(content, words):
    assert words in str(fault(io.BytesIO(content)))


def zipped(**parts: bytes) -> io.BytesIO:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    file.seek(0)
    return file


def test_other_zip_files_are_refused():
    assert "不是Excel工作簿" in str(fault(zipped(**{"word/document.xml": b"<x/>"})))
    assert "xlsb" in str(fault(zipped(**{"xl/workbook.bin": b"x"})))
    many = zipped(**{f"xl/{n}.xml": b"" for n in range(package.MAX_PARTS + 1)})
    assert "部件过多" in str(fault(many))


def test_a_zip_bomb_is_not_opened(monkeypatch):
    bomb = zipped(**{"xl/workbook.xml": b"<x/>", "xl/worksheets/sheet1.xml": b" " * (30 * 1024 * 1024)})
    assert "解压后过大" in str(fault(bomb))  # by its ratio
    monkeypatch.setattr(package, "MAX_UNPACKED", 1000)
    assert "解压后过大" in str(fault(zipped(**{"xl/workbook.xml": b"<x/>" * 300})))  # by its size


def test_a_document_type_is_not_read(save):
    bomb = (
        '<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>'
        '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        '<row r="1"><c r="A1" t="inlineStr"><is><t>&b;</t></is></c></row></sheetData></worksheet>'
    )
    for part in ("sheet", "book", "shared"):
        path = save(book_of(["x"]))
        if part == "shared":
            cell = '<c r="A1" t="s"><v>0</v></c>'
            rezip(
                path,
                sheet=bomb.replace('<!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>', "").replace(
                    '<c r="A1" t="inlineStr"><is><t>&b;</t></is></c>', cell
                ),
            )
        with pytest.raises(Unreadable, match="DTD"):
            read(rezip(path, **{part: bomb}))


def test_a_file_that_breaks_off_is_refused(save):
    path = save(book_of(*[[f"{n}", n] for n in range(2000)]))
    path.write_bytes(path.read_bytes()[:-600])
    with pytest.raises(Unreadable, match="损坏"):
        read(path)
    whole = save(book_of(["a"]))
    with pytest.raises(Unreadable, match="损坏"):
        read(rezip(whole, sheet=sheet_of(whole).partition("</sheetData>")[0]))


def test_one_endless_row_is_refused(save, monkeypatch):
    monkeypatch.setattr(workbook, "MAX_ROW", 100_000)
    path = save(book_of(["x"]))
    row = '<row r="2">' + '<c r="A2" t="inlineStr"><is><t>一</t></is></c>' * 30_000 + "</row>"
    with pytest.raises(Unreadable, match="一行内容过多"):
        read(rezip(path, sheet=sheet_of(path).replace("</sheetData>", f"{row}</sheetData>")))
    with pytest.raises(Unreadable, match="一行内容过多"):
        read(rezip(path, sheet=sheet_of(path).replace("<worksheet", "<!-- --><worksheet")))


def test_too_many_merged_areas_are_refused(save, monkeypatch):
    monkeypatch.setattr(workbook, "MAX_MERGED", 3)
    book = book_of(["x"])
    for row in range(2, 8):
        book.active.merge_cells(f"A{row}:B{row}")
    with pytest.raises(Unreadable, match="合并的单元格过多"):
        read(save(book))
