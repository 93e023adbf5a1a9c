"""Excel workbooks from outside: judged before they are opened, read as a stream, whatever they hold.

    with open_book(path) as book:            raises Unreadable, in the clerk's words
        for number, cells in book.rows(sheet):   cells: column from 0 → value; memory does not grow with the file

A value is text, a whole or broken number, a truth value, or :class:`Odd`: something that cannot be taken for what
it looks like. A date becomes ``2026-03-02``. Nothing in the file is executed, resolved or fetched.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any
from xml.parsers import expat
from zipfile import BadZipFile, ZipFile
from zlib import error as zlib_error

from flask_babel import lazy_gettext as _
from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format
from openpyxl.utils.datetime import CALENDAR_MAC_1904, CALENDAR_WINDOWS_1900, from_excel

from app.kit.package import CHUNK, Shared, Unreadable, elements, fault, is_utf8, parser, unescaped

#: characters of one row, markup included
MAX_ROW = 8 * 1024 * 1024
#: merged areas that are remembered; nobody merges more by hand
MAX_MERGED = 10_000
#: shared strings that are kept unpacked: the first ones, among them what is in every row
MAX_TEXTS_KNOWN = 5000

_SHEETS = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
#: number formats that are dates in a Chinese Excel and not in openpyxl's table
_CHINESE_DATES = {*range(27, 37), *range(50, 59)}


@dataclass(frozen=True)
class Odd:
    """A cell that is not what it looks like: what it shows, and why it cannot be taken."""

    text: str
    words: Any


@dataclass(frozen=True)
class Sheet:
    """One worksheet."""

    name: str
    part: str
    hidden: bool = False


Cells = dict[int, Any]


@contextmanager
def open_book(path: Path) -> Iterator[Book]:
    """A workbook on disk. Raises Unreadable, at once or while it is read."""
    with path.open("rb") as file:
        if words := fault(file):
            raise Unreadable(words)
        try:
            with ZipFile(file) as archive:
                yield Book(archive)
        except (BadZipFile, zlib_error, EOFError, KeyError, UnicodeDecodeError, expat.ExpatError) as broken:
            raise Unreadable(_("文件已损坏或不完整，请在Excel里重新另存后再上传")) from broken


# --- the book -------------------------------------------------------------------------------------------------

_CELL = re.compile(
    r'<c r="([A-Z]{1,3})\d+"(?: s="(\d+)")?(?: t="(\w+)")?'
    r"(?:/>|>(<f(?:/>|[^>]*/>|[^>]*>[^<]*</f>))?"
    r'(?:<v>([^<]*)</v>|<v/>|<is><t(?: xml:space="preserve")?>([^<]*)</t></is>|<is><t/></is>)?</c>)'
)
_ROW = re.compile(r"<row\b([^>]*)>")
_NUMBER = re.compile(r'\br="(\d+)"')
_MERGED = re.compile(r'<mergeCell ref="([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})"')
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")


class _NotPlain(Exception):
    """The part uses more of XML than the quick reader knows."""


class Book:
    """An open workbook."""

    def __init__(self, archive: ZipFile) -> None:
        self._archive = archive
        self.epoch = CALENDAR_WINDOWS_1900
        self.sheets = self._find_sheets()
        self._shared: Shared | None = None
        self._dates = self._date_styles()
        self._columns: dict[str, int] = {}
        self._texts_known: dict[str, Any] = {}
        #: merged areas of the sheet read last: (first row, first column, last row, last column)
        self.merged: list[tuple[int, int, int, int]] = []

    def _find_sheets(self) -> list[Sheet]:
        parts = {
            facts.get("Id", ""): facts.get("Target", "")
            for name, facts in elements(self._archive, "xl/_rels/workbook.xml.rels")
            if name == "Relationship"
        }
        names = set(self._archive.namelist())
        found = []
        for name, facts in elements(self._archive, "xl/workbook.xml"):
            if name == "workbookPr" and facts.get("date1904") in {"1", "true"}:
                self.epoch = CALENDAR_MAC_1904
            if name == "sheet":
                target = parts.get(facts.get("id", ""), "")
                part = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
                if part in names:
                    found.append(
                        Sheet(facts.get("name", ""), part, facts.get("state", "visible") != "visible")
                    )
        if not found:
            raise Unreadable(_("工作簿里没有工作表"))
        return found

    def _date_styles(self) -> frozenset[str]:
        """The numbers of the cell styles that show a number as a date."""
        if "xl/styles.xml" not in self._archive.namelist():
            return frozenset()
        formats: dict[int, str] = dict(BUILTIN_FORMATS)
        styles, within = list[int](), False
        for name, facts in elements(self._archive, "xl/styles.xml"):
            if name == "numFmt":
                formats[_whole(facts.get("numFmtId"))] = facts.get("formatCode", "")
            elif name in {"cellXfs", "cellStyles", "dxfs", "cellStyleXfs"}:
                within = name == "cellXfs"
            elif name == "xf" and within:
                styles.append(_whole(facts.get("numFmtId")))
        return frozenset(
            str(number)
            for number, kind in enumerate(styles)
            if kind in _CHINESE_DATES or (formats.get(kind) and is_date_format(formats[kind]))
        )

    # --- rows -------------------------------------------------------------------------------------------------

    def rows(self, sheet: Sheet) -> Iterator[tuple[int, Cells]]:
        """The rows that hold anything, by their number; `merged` is known when they have ended."""
        self.merged = []
        last = 0
        try:
            for number, cells in self._quick(sheet):
                last = number
                yield number, cells
        except _NotPlain:
            self.merged = []
            for number, cells in self._thorough(sheet):
                if number > last:
                    yield number, cells

    def _quick(self, sheet: Sheet) -> Iterator[tuple[int, Cells]]:
        """Rows as spreadsheet programs write them, five times as fast. Raises _NotPlain for anything else."""
        number = 0
        for piece in self._row_texts(sheet):
            at = piece.rfind("<row")
            head = _ROW.match(piece, at)
            if head is None:
                raise _NotPlain
            said = _NUMBER.search(head[1])
            number = int(said[1]) if said else number + 1
            found = _CELL.findall(piece, head.end())
            if len(found) != piece.count("<c", head.end()):
                raise _NotPlain
            if cells := self._cells(found):
                yield number, cells

    def _cells(self, found: list[tuple[str, ...]]) -> Cells:
        """The cells of a row that hold anything."""
        cells: Cells = {}
        texts, columns = self._texts_known, self._columns
        for letters, style, kind, formula, plain, inline in found:
            raw = plain or inline
            if not (raw or formula):
                continue
            if kind == "s":
                value = texts.get(raw)
                if value is None:
                    value = self._shared_text(raw)
                    if len(texts) < MAX_TEXTS_KNOWN:
                        texts[raw] = value
            else:
                value = self._value(kind, style, unescaped(raw) if "&" in raw else raw, formula)
            if value is not None and value != "":
                column = columns.get(letters)
                cells[self._column(letters) if column is None else column] = value
        return cells

    def _row_texts(self, sheet: Sheet) -> Iterator[str]:
        """The text of each row that is not empty, from anywhere before it up to its end."""
        chunks = self._texts(sheet)
        tail = ""
        for chunk in chunks:
            tail += chunk
            if (begin := tail.find("<sheetData")) >= 0:
                tail = tail[begin:]
                break
            if len(tail) > MAX_ROW:
                raise _NotPlain
        else:
            raise _NotPlain
        for chunk in chain([""], chunks):
            *pieces, tail = f"{tail}{chunk}".split("</row>")
            yield from pieces
            if "</sheetData>" in tail or "<sheetData/>" in tail:
                break
            tail = tail[max(tail.rfind("<row"), 0) :]
            if len(tail) > MAX_ROW:
                raise Unreadable(_("工作表「%(sheet)s」里有一行内容过多，不予打开", sheet=sheet.name))
        else:
            raise _NotPlain
        for chunk in chain([tail], chunks):  # no mark is cut in two between chunks
            for area in _MERGED.findall(chunk):
                self._merge(sheet, area)

    def _texts(self, sheet: Sheet) -> Iterator[str]:
        """The part as text; only plain UTF-8 without comments, CDATA and document type."""
        kept, is_first = b"", True
        with self._archive.open(sheet.part) as file:
            while raw := file.read(CHUNK):
                raw = kept + raw
                if b"<!" in raw or (is_first and not is_utf8(raw)):
                    raise _NotPlain
                is_first = False
                cut = raw.rfind(b"<")  # no character and no mark is cut in two
                kept = raw[cut:] if cut > 0 else raw
                if len(kept) > MAX_ROW:
                    raise Unreadable(_("工作表「%(sheet)s」里有一行内容过多，不予打开", sheet=sheet.name))
                if cut > 0:
                    yield raw[:cut].decode()
        yield kept.decode()

    def _thorough(self, sheet: Sheet) -> Iterator[tuple[int, Cells]]:
        """Rows by a real XML parser."""
        rows: list[tuple[int, Cells]] = []
        reader = _RowReader(self, sheet, rows)
        told = parser(reader.start, reader.end, reader.text)
        with self._archive.open(sheet.part) as file:
            while chunk := file.read(CHUNK):
                told.Parse(chunk)
                yield from rows
                rows.clear()
        told.Parse(b"", True)
        yield from rows

    def _merge(self, sheet: Sheet, area: tuple[str, ...]) -> None:
        left, top, right, bottom = area
        if len(self.merged) >= MAX_MERGED:
            raise Unreadable(_("工作表「%(sheet)s」里合并的单元格过多，请全部取消合并", sheet=sheet.name))
        self.merged.append((int(top), self._column(left), int(bottom), self._column(right)))

    def _column(self, letters: str) -> int:
        """The number of a column from 0."""
        number = 0
        for letter in letters:
            number = number * 26 + ord(letter) - 64
        self._columns[letters] = number - 1
        return number - 1

    def _value(self, kind: str, style: str, raw: str, formula: str) -> Any:  # noqa: PLR0911 - one line a kind
        """What a cell holds."""
        if kind == "s":
            return self._shared_text(raw)
        if kind in {"inlineStr", "str"} and raw:
            return _text(raw)
        if not raw:
            if not formula or kind == "str":
                return None
            return Odd("", _("是没有结果的公式，请复制后“选择性粘贴”为数值"))
        if kind == "e":
            return Odd(raw, _("是错误值%(value)s，请改成实际内容", value=raw[:20]))
        if kind == "b":
            return raw in {"1", "true"}
        if kind == "d":
            return raw[:10]
        try:
            number = float(raw)
        except ValueError:
            return Odd(raw, _("数值无法识别"))
        return self._date(number) if style in self._dates else plain_number(number)

    def _shared_text(self, raw: str) -> Any:
        if self._shared is None:
            self._shared = Shared(self._archive)
        try:
            return _text(self._shared[int(raw)])
        except (ValueError, IndexError, OverflowError):
            return Odd("", _("内容在文件里找不到，请在Excel里重新另存"))

    def _date(self, number: float) -> Any:
        return serial_date(number, self.epoch) or Odd(f"{number:g}", _("日期数值不合理"))


class _RowReader:
    """Gathers rows from the calls of an XML parser."""

    def __init__(self, book: Book, sheet: Sheet, rows: list[tuple[int, Cells]]) -> None:
        self._book, self._sheet, self._rows = book, sheet, rows
        self._number = self._column = self._count = 0
        self._cells: Cells = {}
        self._facts: dict[str, str] = {}
        self._formula, self._taking, self._skipped = "", False, 0
        self._pieces: list[str] = []

    def start(self, name: str, facts: dict[str, str]) -> None:
        """An element begins."""
        if name == "c":
            self._count += 1
            if self._count > 20_000:
                words = _("工作表「%(sheet)s」里有一行内容过多，不予打开", sheet=self._sheet.name)
                raise Unreadable(words)
            letters = re.match(r"[A-Z]{1,3}", facts.get("r", ""))
            self._column = self._book._column(letters[0]) if letters else self._column + 1  # noqa: SLF001 - its own part
            self._facts, self._formula, self._pieces = facts, "", []
        elif name == "row":
            self._number = _whole(facts.get("r"), self._number + 1)
            self._cells, self._column, self._count = {}, -1, 0
        elif name == "f":
            self._formula = "f"
        elif name == "rPh":
            self._skipped += 1
        elif name == "mergeCell":
            area = re.fullmatch(r"([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})", facts.get("ref", ""))
            if area:
                self._book._merge(self._sheet, area.groups())  # noqa: SLF001 - its own part
        self._taking = name in {"v", "t"} and not self._skipped

    def end(self, name: str) -> None:
        """An element ends."""
        self._taking = False
        self._skipped -= name == "rPh"
        if name == "c":
            raw = "".join(self._pieces)
            if raw or self._formula:
                value = self._book._value(  # noqa: SLF001 - its own part
                    self._facts.get("t", ""), self._facts.get("s", ""), raw, self._formula
                )
                if value is not None and value != "":
                    self._cells[self._column] = value
        elif name == "row" and self._cells:
            self._rows.append((self._number, self._cells))

    def text(self, words: str) -> None:
        """Characters between marks."""
        if self._taking:
            self._pieces.append(words)


# --- values ---------------------------------------------------------------------------------------------------


def _whole(raw: str | None, otherwise: int = 0) -> int:
    return int(raw) if raw and raw.isascii() and raw.isdigit() and len(raw) < 10 else otherwise


def _text(raw: str) -> str:
    """Text as typed; Excel writes what XML cannot hold as ``_x0000_``."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), raw) if "_x" in raw else raw


def plain_number(number: float) -> Any:
    """A number as Excel shows it, to fifteen digits; a whole one without a point."""
    if number.is_integer() and abs(number) < 1e15:
        return int(number)
    if number != number or number in (float("inf"), float("-inf")):  # noqa: PLR0124 - how NaN is known
        return Odd(str(number), _("数值无法识别"))
    return float(f"{number:.15g}")


def serial_date(number: float, epoch: Any = CALENDAR_WINDOWS_1900) -> str | None:
    """The day that a serial number of Excel means, as ``2026-03-02``; None when it means none."""
    try:
        day = from_excel(number, epoch)
    except (ValueError, OverflowError, TypeError):
        return None
    return f"{day:%Y-%m-%d}" if hasattr(day, "year") else None
