"""Rows leave the house as they are, and nothing that a person typed becomes a formula."""

from __future__ import annotations

import csv
import io
import tracemalloc
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal

import docx
import openpyxl
import pytest
from docx.oxml.ns import qn
from docx.shared import Mm
from flask import Flask
from flask_babel import Babel

from app.kit import exchange
from app.kit.errors import Refused
from app.kit.exchange import attachment, content_disposition, csv_lines, docx_file, xlsx_file
from app.kit.papers import PrintPage, PrintTable
from app.kit.scope import Actor, acting, current

ID_CARD = "110102198001011234"
ID_CARD_X = "11010219800101123X"
NINE = datetime.fromisoformat("2026-03-02T09:05:00")
HEADER = ["姓名", "身份证号", "金额", "接待日期"]
FORMULAS = [
    "=1+1",
    "+1",
    "-1+cmd|' /C calc'!A0",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "＝1+1",
    '=HYPERLINK("x")',
]


@pytest.fixture(autouse=True)
def paper_shop() -> Iterator[Flask]:
    """A bare application: words want a language."""
    shop = Flask("exchange")
    Babel(shop, default_locale="zh")

    @shop.get("/<ending>")
    def export(ending: str):
        with acting(Actor(7, "王秀英")):
            rows = ([current().name, n] for n in range(3))
            if ending == "csv":
                return attachment(csv_lines(["姓名", "数"], rows), "困难职工 档案.csv")
            return attachment(xlsx_file(["姓名", "数"], rows, "名单"), "名单.xlsx")

    with shop.app_context():
        yield shop


def written(header, rows) -> str:
    return b"".join(csv_lines(header, rows)).decode()


def read_csv(header, rows) -> list[list[str]]:
    return list(csv.reader(io.StringIO(written(header, rows).removeprefix("\ufeff"), newline="")))


def sheet_of(header, rows, title="名单"):
    with xlsx_file(header, rows, title) as file:
        return openpyxl.load_workbook(io.BytesIO(file.read())).active


# --- CSV ---------------------------------------------------------------------------------------------------


def test_csv_begins_with_a_bom_and_ends_its_lines_as_windows_does():
    assert b"".join(csv_lines(["甲"], [["乙"]])) == b"\xef\xbb\xbf" + "甲\r\n乙\r\n".encode()


def test_csv_without_rows_has_its_header():
    assert written(HEADER, []) == "\ufeff姓名,身份证号,金额,接待日期\r\n"


@pytest.mark.parametrize("typed", FORMULAS)
def test_csv_text_is_never_a_formula(typed):
    assert read_csv(["甲"], [[typed]])[1] == [f"'{typed}"]


def test_csv_header_is_never_a_formula():
    assert read_csv(["=1"], []) == [["'=1"]]


def test_csv_keeps_identity_numbers_from_being_rounded():
    assert read_csv(["号"], [[ID_CARD], [ID_CARD_X], ["13800138000"]])[1:] == [
        [f"\t{ID_CARD}"],
        [ID_CARD_X],
        ["13800138000"],
    ]


def test_csv_values_are_readable():
    values = [
        None,
        True,
        -5,
        Decimal("-1200.50"),
        float("nan"),
        date(2026, 3, 2),
        NINE,
        "a\x00b\ud800",
    ]
    assert read_csv(["值"] * 8, [values])[1] == [
        "",
        "是",
        "-5",
        "-1200.50",
        "",
        "2026-03-02",
        "2026-03-02 09:05",
        "ab",
    ]


def test_csv_quotes_what_would_break_a_line():
    assert read_csv(["甲", "乙"], [['说"好",\n再来', "完"]])[1] == ['说"好",\n再来', "完"]


# --- Excel -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", [*FORMULAS[:4], *FORMULAS[7:], "#N/A", "#REF!"])
def test_excel_text_is_never_a_formula(typed):
    cell = sheet_of(["=甲"], [[typed]])["A2"]
    assert (cell.data_type, cell.value) == ("s", typed)


def test_excel_header_is_text_bold_and_frozen():
    sheet = sheet_of(["=1+1", "姓名"], [])
    assert [(cell.data_type, cell.value, cell.font.b) for cell in sheet[1]] == [
        ("s", "=1+1", True),
        ("s", "姓名", True),
    ]
    assert sheet.freeze_panes == "A2"


def test_excel_keeps_identity_numbers_and_codes_as_text():
    sheet = sheet_of(["号"], [[ID_CARD], [ID_CARD_X], ["007"], [int(ID_CARD)]])
    assert [(c.data_type, c.value) for c in sheet["A"][1:]] == [
        ("s", ID_CARD), ("s", ID_CARD_X), ("s", "007"), ("s", ID_CARD)
    ]  # fmt: skip
    assert sheet["A2"].number_format == "@"


def test_excel_keeps_numbers_and_dates_as_such():
    row = [
        3,
        Decimal("1200.50"),
        date(2026, 3, 2),
        NINE,
        True,
        None,
        float("inf"),
        date(1890, 5, 4),
    ]
    cells = sheet_of(["值"] * 8, [row])[2]
    assert [cell.value for cell in cells] == [
        3, 1200.5, NINE.replace(hour=0, minute=0), NINE, "是", None, None, "1890-05-04"
    ]  # fmt: skip
    assert [cells[2].number_format, cells[3].number_format] == ["yyyy-mm-dd", "yyyy-mm-dd hh:mm"]


def test_excel_drops_what_xml_cannot_hold():
    assert sheet_of(["甲\x0b"], [["乙\x00\ud800\ufffe丙"]], "名:单/[1]\x01")["A2"].value == "乙丙"


def test_excel_columns_are_as_wide_as_their_text():
    sheet = sheet_of(["甲", "地址"], [["1", "北京市西城区德胜门外大街一号院"], ["2", "长" * 400]])
    assert sheet.column_dimensions["A"].width == 8
    assert 30 <= sheet.column_dimensions["B"].width <= 50


def test_excel_refuses_more_rows_than_a_sheet_holds(monkeypatch):
    monkeypatch.setattr(exchange, "_SHEET_ROWS", 10)
    assert sheet_of(["甲"], ([n] for n in range(9))).max_row == 10
    with pytest.raises(Refused, match="一张工作表最多9行"):
        sheet_of(["甲"], ([n] for n in range(10)))


def test_excel_passes_an_error_of_the_rows_on():
    def broken():
        yield ["一"]
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        xlsx_file(["甲"], broken(), "名单")


@pytest.mark.parametrize("write", [xlsx_file, lambda header, rows, _title: csv_lines(header, rows)])
def test_memory_stays_flat(write):
    def peak(count: int) -> int:
        tracemalloc.start()
        try:
            file = write(HEADER, (["王秀英", ID_CARD, n, date(2026, 3, 2)] for n in range(count)), "名单")
            for _line in file:
                pass
            if hasattr(file, "close"):
                file.close()
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(10)
    few, many = peak(1_000), peak(50_000)
    assert many < few + 1_000_000


# --- Word --------------------------------------------------------------------------------------------------

PAGE = PrintPage(
    title="困难职工档案表",
    subtitle="（正式）",
    heading=[("填报单位", "德外街道总工会"), ("日期", "2026-03-02")],
    form=[
        [("姓名", "王秀英", 1), ("性别", "女", 1), ("民族", "汉族", 1)],
        [("身份证号", ID_CARD, 2), ("年龄", "46", 1)],
        [("致困原因", "本人患病\n需长期服药", 1)],
    ],
    children=[
        ("家庭成员", PrintTable(["姓名", "关系"], [["张三", "丈夫"], ["张小四", "女儿"]])),
        ("帮扶记录", PrintTable(["日期", "金额"], [])),
    ],
    signature=["经办人：", "负责人：", "（盖章）"],
)


def test_word_holds_the_paper_form():
    document = docx.Document(io.BytesIO(docx_file(PAGE)))
    words = [paragraph.text for paragraph in document.paragraphs]
    assert words[:3] == ["困难职工档案表", "（正式）", "填报单位：德外街道总工会\u3000\u3000日期：2026-03-02"]
    assert "家庭成员" in words
    assert "经办人：" in words[-1]
    form, family, aid = document.tables
    assert [cell.text for cell in form.rows[0].cells] == ["姓名", "王秀英", "性别", "女", "民族", "汉族"]
    assert [cell.text for cell in form.rows[1].cells] == ["身份证号", *[ID_CARD] * 3, "年龄", "46"]
    assert [cell.text for cell in form.rows[2].cells] == ["致困原因", *["本人患病\n需长期服药"] * 5]
    assert [[cell.text for cell in row.cells] for row in family.rows] == [
        ["姓名", "关系"],
        ["张三", "丈夫"],
        ["张小四", "女儿"],
    ]
    assert [cell.text for cell in aid.rows[1].cells] == ["无", "无"]
    assert {table.style.name for table in document.tables} == {"Table Grid"}


@pytest.mark.parametrize(("landscape", "size"), [(False, (210, 297)), (True, (297, 210))])
def test_word_is_a4_in_a_chinese_font(landscape, size):
    page = PrintPage(title="一览表", table=PrintTable(["甲"], [["乙"]]), landscape=landscape)
    document = docx.Document(io.BytesIO(docx_file(page)))
    section = document.sections[0]
    assert (round(section.page_width / Mm(1)), round(section.page_height / Mm(1))) == size
    assert document.styles["Normal"].element.rPr.rFonts.get(qn("w:eastAsia")) == "宋体"
    assert document.core_properties.comments == ""


def test_word_takes_what_xml_cannot_hold_and_rows_shorter_than_the_head():
    page = PrintPage(title="<&>\x00", table=PrintTable(["甲", "乙"], [["\x0b<b>"]]))
    document = docx.Document(io.BytesIO(docx_file(page)))
    assert document.paragraphs[0].text == "<&>"
    assert document.tables[0].rows[1].cells[0].text == "<b>"


# --- the response ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("filename", "header"),
    [
        ("list.csv", "attachment; filename=\"list.csv\"; filename*=UTF-8''list.csv"),
        ("档案.xlsx", "attachment; filename=\"export.xlsx\"; filename*=UTF-8''%E6%A1%A3%E6%A1%88.xlsx"),
        ('a"b\r\nX: y.csv', "attachment; filename=\"a_b__X_ y.csv\"; filename*=UTF-8''a_b__X_%20y.csv"),
        ("../档", "attachment; filename=\"export\"; filename*=UTF-8''_%E6%A1%A3"),
        ("", "attachment; filename=\"export\"; filename*=UTF-8''export"),
    ],
)
def test_a_file_is_saved_under_its_name(filename, header):
    assert content_disposition(filename) == header


def test_a_stream_is_sent_as_the_actor_who_asked(paper_shop):
    answer = paper_shop.test_client().get("/csv")
    assert answer.data.decode() == "\ufeff姓名,数\r\n王秀英,0\r\n王秀英,1\r\n王秀英,2\r\n"
    assert answer.headers["Content-Disposition"].endswith(
        "%E5%9B%B0%E9%9A%BE%E8%81%8C%E5%B7%A5%20%E6%A1%A3%E6%A1%88.csv"
    )
    assert answer.content_type == "text/csv; charset=utf-8"
    assert current() is None


def test_a_file_is_sent_and_closed(paper_shop):
    answer = paper_shop.test_client().get("/xlsx")
    assert openpyxl.load_workbook(io.BytesIO(answer.data)).active["A2"].value == "王秀英"
    answer.close()
