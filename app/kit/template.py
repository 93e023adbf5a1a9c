"""The workbook that is handed out to be filled in, and the one that is handed back with reasons.

    blank(layout)                              a template, made from the declaration
    hand_back(book, file, stage, layout)       somebody's own workbook with a red reason beside each faulty row

What is handed back is written value by value as text or number, never as a formula.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from typing import IO, Any
from xml.sax.saxutils import escape, quoteattr
from zipfile import ZIP_DEFLATED, ZipFile

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from openpyxl import Workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter, quote_sheetname
from openpyxl.worksheet.datavalidation import DataValidation

from app.kit import codes
from app.kit.columns import CodeField, DayField, Field, IdCardField, NumberField, TextField, YesNoField
from app.kit.exchange import UNWRITABLE
from app.kit.layout import KEY_NAME, OWNER_NAME, RESULT, Head, Layout, Page
from app.kit.staging import Stage
from app.kit.workbook import Book, Cells, Odd, Sheet

#: longer tables are typed by code
MOST_LISTED = 100
#: rows that offer lists
LISTED_ROWS = 200_000
_LISTS, _ABOUT = _("选项"), _("填表说明")
_HEAD = PatternFill("solid", fgColor="F2F2F2")


# --- handed out -----------------------------------------------------------------------------------------------


def blank(layout: Layout) -> io.BytesIO:
    """An empty workbook: a sheet of records, one per child, an explanation, and hidden lists of codes."""
    book = Workbook()
    book.remove(book.active)
    lists = _Lists()
    for page in layout.pages:
        _fill_in(book.create_sheet(page.title), page, lists)
    _explain(book.create_sheet(str(_ABOUT)), layout)
    lists.write(book.create_sheet(str(_LISTS)))
    file = io.BytesIO()
    book.save(file)
    file.seek(0)
    return file


def _fill_in(sheet: Any, page: Page, lists: _Lists) -> None:
    for number, head in enumerate(page.heads, 1):
        cell = sheet.cell(1, number, _marked(head))
        cell.font = Font(bold=True, color="C8161D" if head.required else "000000")
        cell.fill, cell.alignment = _HEAD, Alignment(vertical="center", wrap_text=True)
        letter = get_column_letter(number)
        column = sheet.column_dimensions[letter]
        column.width = _width(head)
        if not isinstance(head.field, NumberField):
            column.number_format = "@"  # else Excel rounds identity numbers and eats leading zeros
        if options := _options(head.field):
            rule = DataValidation(type="list", formula1=lists.place(options), allow_blank=True)
            rule.showErrorMessage, rule.errorTitle = True, gettext("请从列表选择")
            rule.error = gettext("「%(label)s」只能填列表里的内容", label=head.label)
            rule.add(f"{letter}2:{letter}{LISTED_ROWS}")
            sheet.add_data_validation(rule)
    sheet.row_dimensions[1].height = 32
    sheet.freeze_panes = "A2"


def _marked(head: Head) -> str:
    return f"{head.label}*" if head.required else head.label


def _width(head: Head) -> float:
    if isinstance(head.field, IdCardField):
        return 22
    if isinstance(head.field, TextField):
        return 30 if head.field.wide else 16
    return max(11, 2 * len(head.label) + 3)


def _options(field: Field | None) -> tuple[str, ...]:
    if isinstance(field, YesNoField):
        return tuple(str(word) for word in field.words)
    if isinstance(field, CodeField):
        found = tuple(value.label for value in codes.values(field.table))
        return found if len(found) <= MOST_LISTED else ()
    return ()


class _Lists:
    """The hidden sheet of lists, one column each."""

    def __init__(self) -> None:
        self._columns: dict[tuple[str, ...], int] = {}

    def place(self, options: tuple[str, ...]) -> str:
        """Where a list stands, as a formula."""
        number = self._columns.setdefault(options, len(self._columns) + 1)
        letter = get_column_letter(number)
        return f"{quote_sheetname(str(_LISTS))}!${letter}$1:${letter}${len(options)}"

    def write(self, sheet: Any) -> None:
        """Fill the sheet."""
        sheet.sheet_state = "hidden"
        for options, number in self._columns.items():
            for row, label in enumerate(options, 1):
                sheet.cell(row, number, label)


def _explain(sheet: Any, layout: Layout) -> None:
    main, *others = layout.pages
    rules = [
        gettext(
            "「%(sheet)s」一行一条；带 * 的必填。不要改工作表和栏目的名称，不要合并单元格。", sheet=main.title
        ),
        gettext("身份证号按文本填写（模板已设好格式）；从别处粘贴时请“只保留文本”，否则末几位会丢失。"),
        gettext("日期写作 2026-03-02；金额单位为元；不用的栏目留空。"),
        *(
            gettext(
                "「%(sheet)s」一行一人，第一栏「%(key)s」填写「%(main)s」里的号码。",
                sheet=page.title,
                key=page.heads[0].label,
                main=main.title,
            )
            for page in others[layout.kinds - 1 :]
        ),
        *(str(words) for words in layout.notes()),
        gettext(
            "上传后有错的行会退还给您，最后一栏「导入结果」写明原因；改好后可以原样再传，已导入的不会重复。"
        ),
    ]
    for number, words in enumerate(rules, 1):
        sheet.cell(number, 1, f"{number}. {words}")
    row = len(rules) + 2
    for column, words in enumerate((_("工作表"), _("栏目"), _("必填"), _("怎么填")), 1):
        sheet.cell(row, column, str(words)).font = Font(bold=True)
    for page in layout.pages:
        for head in page.heads:
            row += 1
            told = (
                page.title,
                head.label,
                str(_("是")) if head.required else "",
                str(head.how) or _how(head),
            )
            for column, words in enumerate(told, 1):
                sheet.cell(row, column, words).alignment = Alignment(vertical="top", wrap_text=column == 4)
    for letter, width in zip("ABCD", (16, 22, 8, 90), strict=True):
        sheet.column_dimensions[letter].width = width


def _how(head: Head) -> str:
    """How a column is filled in."""
    field = head.field
    told: list[str] = []
    if head.name == OWNER_NAME:
        return str(gettext("单位编号，或单位全称"))
    if head.name == KEY_NAME:
        return str(gettext("这一行属于谁"))
    if field is None:
        return ""
    if options := _options(field):
        told.append("、".join(options))
    elif isinstance(field, CodeField):
        told.append(
            gettext(
                "代码，如 %(code)s（%(label)s）",
                code=codes.values(field.table)[0].code,
                label=codes.values(field.table)[0].label,
            )
        )
    elif isinstance(field, IdCardField):
        told.append(gettext("18位，或15位"))
    elif isinstance(field, DayField):
        told.append(gettext("日期，如 2026-03-02"))
    elif isinstance(field, NumberField):
        told.append(gettext("数字") if field.scale else gettext("整数"))
    elif isinstance(field, TextField):
        told.append(gettext("最多%(most)s个字", most=field.length))
    told += [str(words) for words in (field.unit, field.hint) if words]
    return "；".join(told)


# --- handed back ----------------------------------------------------------------------------------------------

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_OFFICE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_DECLARED = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
#: styles by number: 0 plain, 1 text, 2 head, 3 reason
_STYLES = f"""{_DECLARED}<styleSheet xmlns="{_MAIN}"><fonts count="3"><font><sz val="11"/></font>\
<font><b/><sz val="11"/></font><font><sz val="11"/><color rgb="FFFF0000"/></font></fonts>\
<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills>\
<borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="4">\
<xf/><xf numFmtId="49" applyNumberFormat="1"/><xf fontId="1" applyFont="1"/><xf fontId="2" applyFont="1"/>\
</cellXfs><cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>"""
_LETTERS = [get_column_letter(number) for number in range(1, 1025)]


def hand_back(book: Book, file: IO[bytes], stage: Stage, layout: Layout) -> None:
    """Write the workbook again, sheet by sheet and value by value, with a last column 导入结果."""
    matches = stage.fact("matches")
    with ZipFile(file, "w", ZIP_DEFLATED, compresslevel=3) as archive:
        for number, sheet in enumerate(book.sheets, 1):
            known = next((at for at, one in enumerate(matches) if one["sheet"] == sheet.name), None)
            with archive.open(f"xl/worksheets/sheet{number}.xml", "w", force_zip64=True) as part:
                for piece in _sheet(
                    book,
                    sheet,
                    matches[known] if known is not None else None,
                    {} if known is None else stage.reasons(known),
                ):
                    part.write(piece.encode("utf-8", "replace"))
        archive.writestr("xl/workbook.xml", _workbook(book.sheets))
        archive.writestr("xl/styles.xml", _STYLES)
        archive.writestr("xl/_rels/workbook.xml.rels", _relations(len(book.sheets)))
        archive.writestr("_rels/.rels", _root_relations())
        archive.writestr("[Content_Types].xml", _types(len(book.sheets)))


def _sheet(
    book: Book, sheet: Sheet, match: Mapping[str, Any] | None, reasons: Mapping[int, str]
) -> Iterator[str]:
    """One sheet's XML."""
    texts = set(match["texts"]) if match else set()
    result = match["result"] if match else -1
    yield f'{_DECLARED}<worksheet xmlns="{_MAIN}">'
    if texts:
        widest = 60 if result >= 0 else 0
        yield "<cols>"
        for column in sorted({*texts, result}):
            style = 1 if column in texts else 0
            yield f'<col min="{column + 1}" max="{column + 1}" width="{20 if column in texts else widest}" style="{style}" customWidth="1"/>'
        yield "</cols>"
    yield "<sheetData>"
    head = match["row"] if match else 0
    for number, cells in book.rows(sheet):
        if match:
            cells.pop(result, None)
            if number == head:
                cells[result] = str(RESULT)
            elif number in reasons:
                cells[result] = reasons[number]
        yield _row(number, cells, texts, result, is_head=number == head)
    yield "</sheetData></worksheet>"


def _row(number: int, cells: Cells, texts: set[int], result: int, *, is_head: bool) -> str:
    made = [f'<row r="{number}">']
    for column in sorted(cells):
        if column >= len(_LETTERS):
            break
        style = 2 if is_head else 3 if column == result else 1 if column in texts else 0
        made.append(_cell(f"{_LETTERS[column]}{number}", cells[column], style))
    made.append("</row>")
    return "".join(made)


def _cell(place: str, value: Any, style: int) -> str:
    if value.__class__ is bool:
        return f'<c r="{place}" s="{style}" t="b"><v>{value:d}</v></c>'
    if value.__class__ in (int, float):
        return f'<c r="{place}" s="{style}"><v>{value!r}</v></c>'
    text = value.text if isinstance(value, Odd) else str(value)
    text = escape(UNWRITABLE.sub("", text))
    return f'<c r="{place}" s="{style or 1}" t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'


def _workbook(sheets: Iterable[Sheet]) -> str:
    listed = ""
    for number, sheet in enumerate(sheets, 1):
        state = ' state="hidden"' if sheet.hidden else ""
        listed += f'<sheet name={quoteattr(sheet.name)} sheetId="{number}"{state} r:id="rId{number}"/>'
    return f'{_DECLARED}<workbook xmlns="{_MAIN}" xmlns:r="{_RELATIONS}"><sheets>{listed}</sheets></workbook>'


def _relations(count: int) -> str:
    listed = "".join(
        f'<Relationship Id="rId{n}" Type="{_RELATIONS}/worksheet" Target="worksheets/sheet{n}.xml"/>'
        for n in range(1, count + 1)
    )
    listed += f'<Relationship Id="rId{count + 1}" Type="{_RELATIONS}/styles" Target="styles.xml"/>'
    return f'{_DECLARED}<Relationships xmlns="{_PACKAGE}/relationships">{listed}</Relationships>'


def _root_relations() -> str:
    one = f'<Relationship Id="rId1" Type="{_RELATIONS}/officeDocument" Target="xl/workbook.xml"/>'
    return f'{_DECLARED}<Relationships xmlns="{_PACKAGE}/relationships">{one}</Relationships>'


def _types(count: int) -> str:
    listed = "".join(
        f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="{_OFFICE}.worksheet+xml"/>'
        for n in range(1, count + 1)
    )
    return (
        f'{_DECLARED}<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_OFFICE}.sheet.main+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{_OFFICE}.styles+xml"/>{listed}</Types>'
    )
