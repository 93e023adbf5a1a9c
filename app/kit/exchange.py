"""How rows leave the house: CSV, Excel, Word. Nothing typed by a person becomes a formula on the way.

csv_lines(header, rows)          a stream of bytes
zip_file(file, parts)            several of them in one file
xlsx_file(header, rows, title)   an open temporary file
docx_file(page)                  the paper form of a PrintPage
attachment(content, filename)    any of them as a response
"""

from __future__ import annotations

import csv
import io
import math
import re
import tempfile
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import chain, islice
from typing import Any, BinaryIO
from urllib.parse import quote

import docx
from docx.enum.section import WD_ORIENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt
from flask import Response, has_request_context, stream_with_context
from flask_babel import lazy_gettext as _
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter

from app.kit import wordtext
from app.kit.clock import now
from app.kit.database import reading
from app.kit.errors import Refused
from app.kit.papers import PrintPage, PrintTable
from app.kit.scope import Actor, acting, current

#: what a spreadsheet takes for the beginning of a formula; the full-width forms count in a Chinese Excel
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")
#: what neither XML nor a database keeps
UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
#: a number to Excel, which shows 12 digits as 1.3E+11 and forgets what comes after the fifteenth
_LONG_DIGITS = re.compile(r"\d{12,}")
#: the last number of which Excel keeps every digit
_MOST = 10**15
_SHEET_ROWS = 1_048_576
_CELL_CHARACTERS = 32_767
#: from this year on Excel's calendar is right (it has a 29 February 1900); an earlier date goes out as text
_FIRST_YEAR = 1901

Rows = Iterable[Sequence[Any]]


def _plain(value: Any) -> str:
    """A value as text for a reader."""
    match value:
        case None:
            text = ""
        case bool():
            text = str(_("是") if value else _("否"))
        case datetime():
            text = value.strftime("%Y-%m-%d %H:%M")
        case date():
            text = value.isoformat()
        case float() | Decimal():
            text = format(value, "f" if isinstance(value, Decimal) else "") if math.isfinite(value) else ""
        case _:
            text = UNWRITABLE.sub("", str(value))
    return text


# --- CSV ------------------------------------------------------------------------------------------------------


#: text with anything in it that a file cannot hold or a spreadsheet would misread; most has nothing of it
_DOUBTFUL = re.compile(f"[{''.join(map(re.escape, _FORMULA))}\\d]|{UNWRITABLE.pattern}")


def _csv_cell(value: Any) -> str:
    if type(value) is str and _DOUBTFUL.search(value) is None:
        return value
    text = _plain(value)
    if isinstance(value, int | float | Decimal):
        return text
    if text.startswith(_FORMULA):
        return f"'{text}"
    return f"\t{text}" if _LONG_DIGITS.fullmatch(text) else text


def csv_lines(header: Sequence[Any], rows: Rows, encoding: str = "utf-8") -> Iterator[bytes]:
    """A CSV file for Excel, piece by piece: UTF-8 with BOM, CRLF, text that begins like a formula behind a ``'``.

    Twelve digits and more begin with a tab, so that Excel does not round an identity number; importing strips it.
    Another encoding, e.g. GB18030 for older programs, has no BOM.
    """
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    if encoding == "utf-8":
        buffer.write("\ufeff")
    lines = chain([header], rows)
    while batch := list(islice(lines, 500)):
        writer.writerows([_csv_cell(value) for value in line] for line in batch)
        yield buffer.getvalue().encode(encoding)
        buffer.seek(0)
        buffer.truncate()


def zip_file(file: BinaryIO, parts: Iterable[tuple[str, Iterable[bytes]]]) -> None:
    """Write files that come piece by piece into one zip; nothing of them is held in memory."""
    with zipfile.ZipFile(file, "w") as parcel:
        for name, pieces in parts:
            about = zipfile.ZipInfo(name, now().timetuple()[:6])
            about.compress_type = zipfile.ZIP_DEFLATED
            with parcel.open(about, "w", force_zip64=True) as entry:
                for piece in pieces:
                    entry.write(piece)


# --- Excel ----------------------------------------------------------------------------------------------------


def _is_exact(value: Any) -> bool:
    """Whether Excel keeps the value as the number it is."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return False
    return math.isfinite(value) and bool(-_MOST < value < _MOST)


def _xlsx_cell(sheet: Any, value: Any) -> Any:
    """A value as Excel should keep it: numbers as numbers, dates as dates, everything else as text."""
    if value is None:
        return None
    if isinstance(value, date):
        return _xlsx_date(sheet, value)
    if _is_exact(value):
        return value
    text = _plain(value)[:_CELL_CHARACTERS]
    is_long = _LONG_DIGITS.fullmatch(text) is not None
    if not is_long and not text.startswith(("=", "#")):
        return text  # openpyxl takes it for text by itself
    cell = WriteOnlyCell(sheet, text)
    cell.data_type = "s"
    if is_long:
        cell.number_format = "@"  # else Excel makes it a number as soon as someone edits the cell
    return cell


def _xlsx_date(sheet: Any, value: date) -> Any:
    is_moment = isinstance(value, datetime)
    if value.year < _FIRST_YEAR:
        return _plain(value)
    cell = WriteOnlyCell(sheet, value.replace(tzinfo=None) if isinstance(value, datetime) else value)
    cell.number_format = "yyyy-mm-dd hh:mm" if is_moment else "yyyy-mm-dd"
    return cell


def _width(text: str) -> int:
    """How many columns of a terminal the longest line takes; a Chinese character takes two."""
    lines = text.split("\n")
    return max(sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line[:60]) for line in lines)


def _widths(header: Sequence[Any], sample: Rows) -> list[int]:
    lines = [[_width(_plain(value)) for value in line] for line in (header, *sample)]
    return [max((line[n] for line in lines if n < len(line)), default=0) for n in range(len(header))]


def _bounded(lines: Iterator[Sequence[Any]]) -> Iterator[Sequence[Any]]:
    """The rows of one sheet; the first row of it is the header."""
    for number, line in enumerate(lines, 2):
        if number > _SHEET_ROWS:
            raise Refused(_("一张工作表最多%(most)s行，请缩小范围或改用CSV导出", most=_SHEET_ROWS - 1))
        yield line


def xlsx_file(
    header: Sequence[Any], rows: Rows, title: Any, groups: Sequence[tuple[Any, int]] = ()
) -> BinaryIO:
    """An Excel file with one sheet, as an open temporary file at its beginning; the caller closes it.

    ``groups`` are a row of heads above the header: a label, and over how many columns it stands.

    Raises Refused when the rows do not fit on a sheet.
    """
    book = Workbook(write_only=True)
    sheet = book.create_sheet(re.sub(r"[\\/*?:\[\]]", " ", _plain(title)).strip("' ")[:31] or "Sheet1")
    sheet.freeze_panes = "B3" if groups else "A2"
    lines = iter(rows)
    sample = list(islice(lines, 100))
    for number, width in enumerate(_widths(header, sample), 1):
        sheet.column_dimensions[get_column_letter(number)].width = min(max(width + 2, 8), 50)
    above = [words for label, span in groups for words in (label, *[""] * (span - 1))]
    start = 1
    if groups and not header[0]:
        sheet.merged_cells.add("A1:A2")
    for _label, span in groups:
        if span > 1:
            sheet.merged_cells.add(f"{get_column_letter(start)}1:{get_column_letter(start + span - 1)}1")
        start += span
    file = tempfile.TemporaryFile()  # noqa: SIM115 - handed to the caller
    try:
        for heads in filter(None, (above, header)):
            sheet.append([_xlsx_head(sheet, label) for label in heads])
        for line in _bounded(chain(sample, lines)):
            sheet.append([_xlsx_cell(sheet, value) for value in line])
        book.save(file)
    except BaseException:
        file.close()
        sheet.close()
        sheet._writer.cleanup()  # noqa: SLF001 - openpyxl leaves its own temporary file behind otherwise
        raise
    file.seek(0)
    return file


def _xlsx_head(sheet: Any, label: Any) -> Any:
    cell = WriteOnlyCell(sheet, "")
    cell.value, cell.data_type = _plain(label), "s"
    cell.font, cell.alignment = Font(bold=True), Alignment(vertical="center", wrap_text=True)
    return cell


# --- Word -----------------------------------------------------------------------------------------------------

#: twentieths of a point in a millimetre
_TWIPS = 1440 / 25.4
_MARGIN = 18
_BODY, _HEADING = "宋体", "黑体"


def docx_file(page: PrintPage) -> bytes:
    """The paper form as a Word file: A4, title, heading line, bordered tables, signature line."""
    document = docx.Document()
    section = document.sections[0]
    short, long = Mm(210), Mm(297)
    section.page_width, section.page_height = (long, short) if page.landscape else (short, long)
    section.orientation = WD_ORIENT.LANDSCAPE if page.landscape else WD_ORIENT.PORTRAIT
    section.left_margin = section.right_margin = section.top_margin = section.bottom_margin = Mm(_MARGIN)
    room = round(((297 if page.landscape else 210) - 2 * _MARGIN) * _TWIPS)

    normal = document.styles["Normal"]
    normal.font.size = Pt(10.5)
    normal.paragraph_format.space_after = Pt(0)
    _set_font(normal.element.get_or_add_rPr(), _BODY)
    about = document.core_properties
    about.title, about.author, about.comments = _plain(page.title), "", ""
    about.created = about.modified = now()

    _paragraph(document, page.title, size=18, font=_HEADING, align=WD_ALIGN_PARAGRAPH.CENTER)
    if page.subtitle:
        _paragraph(document, page.subtitle, align=WD_ALIGN_PARAGRAPH.CENTER)
    if page.heading:
        line = "\u3000\u3000".join(f"{_plain(label)}：{_plain(words)}" for label, words in page.heading)
        _paragraph(document, line, space=4)
    if page.form:
        _form(document, page.form, room)
    for label, table in page.children:
        _paragraph(document, label, size=12, font=_HEADING, space=8)
        _table(document, table, room)
    if page.table:
        _table(document, page.table, room)
    for _label, html in page.texts:
        _paragraph(document, "")
        wordtext.write(document, html)
    if page.foot:
        line = "\u3000\u3000".join(f"{_plain(label)}：{_plain(words)}" for label, words in page.foot)
        _paragraph(document, line, space=4)
    if page.signature:
        _paragraph(document, "\u3000\u3000\u3000\u3000".join(map(_plain, page.signature)), space=14)
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def _set_font(properties: Any, name: str) -> None:
    """A font for Latin letters and, which Word asks for separately, for Chinese characters."""
    fonts = properties.get_or_add_rFonts()
    for script in ("w:ascii", "w:hAnsi", "w:eastAsia", "w:cs"):
        fonts.set(qn(script), name)


def _paragraph(
    document: Any, words: Any, *, size: float = 10.5, font: str = _BODY, align: Any = None, space: float = 0
) -> None:
    paragraph = document.add_paragraph()
    paragraph.alignment = align
    paragraph.paragraph_format.space_before = Pt(space)
    paragraph.paragraph_format.space_after = Pt(4)
    run = paragraph.add_run(_plain(words))
    run.font.size = Pt(size)
    _set_font(run._element.get_or_add_rPr(), font)  # noqa: SLF001 - python-docx has no w:eastAsia


def _form(document: Any, form: list[list[tuple[Any, Any, int]]], room: int) -> None:
    """Rows of label and value; a span is the room of one label with its value, the last one fills its row."""
    spans = max(sum(span for _label, _words, span in row) for row in form)
    label_width = min(round(room / spans * 0.36), 1700)
    grid = [label_width, room // spans - label_width] * spans
    table = _grid(document, grid)
    for row in form:
        cells, used = [], 0
        for number, (label, words, span) in enumerate(row, 1):
            wide = spans - used if number == len(row) else span
            used += span
            cells += [(label, 1, True), (words, 2 * wide - 1, False)]
        _row(table, grid, cells)


def _table(document: Any, content: PrintTable, room: int) -> None:
    """Rows under their heads, which are repeated on every sheet of paper."""
    found = content.widths or _widths(content.columns, content.rows[:100])
    weights = [min(max(width, 4), 30) for width in found]
    grid = [round(room * weight / sum(weights)) for weight in weights]
    table = _grid(document, grid)
    _row(table, grid, [(label, 1, True) for label in content.columns], repeated=True)
    for line in content.rows:
        _row(table, grid, [(words, 1, False) for words in line])
    if not content.rows:
        _row(table, grid, [(_("无"), len(grid), False)])


def _grid(document: Any, grid: list[int]) -> Any:
    """A bordered table without rows; its columns have the given widths."""
    table = document.add_table(rows=0, cols=len(grid), style="Table Grid")
    table.autofit = False
    for column, width in zip(table._tbl.tblGrid.gridCol_lst, grid, strict=True):  # noqa: SLF001 - as above
        column.set(qn("w:w"), str(width))
    return table


def _row(table: Any, grid: list[int], cells: list[tuple[Any, int, bool]], *, repeated: bool = False) -> None:
    """One row of (words, columns, is a label). Written as XML: python-docx takes a second for a hundred rows."""
    row = table._tbl.add_tr()  # noqa: SLF001 - as above
    kept = row.get_or_add_trPr()
    kept.append(OxmlElement("w:cantSplit"))
    if repeated:
        kept.append(OxmlElement("w:tblHeader"))
    at = 0
    for words, columns, is_label in cells:
        cell = row.add_tc()
        cell.width = Mm(sum(grid[at : at + columns]) / _TWIPS)
        cell.grid_span = columns
        at += columns
        paragraph = cell.p_lst[0]
        paragraph.add_r().text = _plain(words)
        if is_label:
            shade = OxmlElement("w:shd")
            for name, value in (("w:val", "clear"), ("w:color", "auto"), ("w:fill", "F2F2F2")):
                shade.set(qn(name), value)
            cell.tcPr.append(shade)
            paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
        middle = OxmlElement("w:vAlign")
        middle.set(qn("w:val"), "center")
        cell.tcPr.append(middle)


# --- the response ---------------------------------------------------------------------------------------------

_MIME = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "pdf": "application/pdf",
    "zip": "application/zip",
}


def content_disposition(filename: Any) -> str:
    """The header that makes a browser save under a Chinese name (RFC 6266, RFC 5987)."""
    name = re.sub(r'[\\/:*?"<>|\r\n\t]', "_", _plain(filename)).strip(". ") or "export"
    ending = name.rpartition(".")[2].lower() if "." in name else ""
    plain = (
        name if name.isascii() else "export" + (f".{ending}" if ending.isascii() and ending.isalnum() else "")
    )
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def attachment(content: bytes | BinaryIO | Iterable[bytes], filename: Any) -> Response:
    """A file to be saved. A stream is read while it is sent, as the actor in force now."""
    ending = str(filename).rpartition(".")[2].lower()
    body: Any = content
    if not isinstance(content, bytes):
        chunks = iter(lambda: content.read(65536), b"") if hasattr(content, "read") else iter(content)
        stream = _as(current(), chunks)
        body = stream_with_context(stream) if has_request_context() else stream
    response = Response(body, content_type=_MIME.get(ending, "application/octet-stream"))
    response.headers["Content-Disposition"] = content_disposition(filename)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "private, no-store"
    if hasattr(content, "close"):
        response.call_on_close(content.close)
    return response


def _as(who: Actor | None, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """A stream that is produced as ``who``, piece by piece: between two pieces nobody acts."""
    while True:
        with reading(), acting(who):
            chunk = next(chunks, None)
        if chunk is None:
            return
        yield chunk
