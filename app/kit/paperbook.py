"""A paper with one table as an Excel sheet: title, heading, table and foot, ready to be printed as the paper is."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from typing import Any, BinaryIO

from openpyxl import Workbook
from openpyxl.cell import Cell, WriteOnlyCell
from openpyxl.styles import Alignment, Border, Font, Side
from openpyxl.utils import get_column_letter

from app.kit.exchange import _plain, _widths, _xlsx_cell
from app.kit.papers import PrintPage, PrintTable

#: what Excel calls this size of paper
_A4 = 9
#: characters across a sheet of A4, upright and lying
_ROOM = {False: 90, True: 130}
_THIN = Side(style="thin")
_BOX = Border(left=_THIN, right=_THIN, top=_THIN, bottom=_THIN)


def xlsx_paper(page: PrintPage) -> BinaryIO:
    """An open temporary file at its beginning; the caller closes it. Cells are filled as in `exchange.xlsx_file`."""
    table = page.table or PrintTable([], [])
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Sheet1")
    _set_up(sheet, page, table)
    sheet.append(_across(sheet, page.title, len(table.columns), Font(bold=True, size=16), "centerContinuous"))
    if page.heading:
        sheet.append(_across(sheet, _line(page.heading), len(table.columns), Font(), "left"))
    sheet.append([_boxed(sheet, label, Font(bold=True)) for label in table.columns])
    for row in table.rows:
        sheet.append([_boxed(sheet, value) for value in row])
    if page.foot:
        sheet.append(_across(sheet, _line(page.foot), len(table.columns), Font(bold=True), "left"))
    file = tempfile.TemporaryFile()  # noqa: SIM115 - handed to the caller
    try:
        book.save(file)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file


def _set_up(sheet: Any, page: PrintPage, table: PrintTable) -> None:
    """A4 as the paper lies, as wide as the paper, the heads on every sheet of it."""
    heads = 3 if page.heading else 2
    sheet.page_setup.orientation = "landscape" if page.landscape else "portrait"
    sheet.page_setup.paperSize = _A4
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    sheet.page_setup.fitToHeight = 0
    sheet.print_title_rows = f"{heads}:{heads}"
    sheet.oddFooter.center.text = "&P / &N"
    sheet.freeze_panes = f"A{heads + 1}"
    widths = table.widths or _widths(table.columns, table.rows[:100])
    for number, width in enumerate(widths, 1):
        column = sheet.column_dimensions[get_column_letter(number)]
        column.width = max(width * _ROOM[page.landscape] / (sum(widths) or 1), 6)


def _line(facts: Sequence[tuple[Any, Any]]) -> str:
    return "    ".join(f"{_plain(label)}：{_plain(words)}" for label, words in facts)


def _across(sheet: Any, words: Any, columns: int, font: Font, align: str) -> list[Any]:
    """A line over the whole table."""
    cells = []
    for number in range(max(columns, 1)):
        cell = WriteOnlyCell(sheet, _plain(words) if number == 0 else None)
        cell.font, cell.alignment = font, Alignment(horizontal=align, vertical="center")
        if number == 0:
            cell.data_type = "s"
        cells.append(cell)
    return cells


def _boxed(sheet: Any, value: Any, font: Font | None = None) -> Any:
    """A cell with its borders; an empty one too, for somebody signs in it."""
    kept = _xlsx_cell(sheet, value)
    cell = kept if isinstance(kept, Cell) else WriteOnlyCell(sheet, kept)
    if isinstance(value, str) and value:
        cell.data_type = "s"
    cell.border = _BOX
    cell.alignment = Alignment(vertical="center", wrap_text=True)
    if font:
        cell.font = font
    return cell
