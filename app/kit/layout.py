"""The sheets of an import workbook, read from a view's declaration: which head stands for which field.

Layout(view).sheets      the record's own sheet, then one per child, whose first column names the record
layout.match(sheet, …)   the heads of somebody's workbook → fields; raises Unreadable with every fault at once
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from openpyxl.utils import get_column_letter

from app.kit import identity
from app.kit.columns import DayField, Field, IdCardField, NumberField
from app.kit.errors import Problem
from app.kit.package import Unreadable
from app.kit.workbook import Book, Sheet, serial_date

if TYPE_CHECKING:
    from app.kit.view import RecordView

#: how cells are typed that Excel would change, and what 更新已有的记录 does
HINTS = (
    _("身份证号要按文本填写，模板已设好格式。"),
    _("本单位已有而内容不同的，改成文件里的内容；不勾选时，这样的行会退回"),
)
#: the column in which a result is told; it is ignored when the workbook comes back
RESULT = _("导入结果")
#: the column of a migration that says whose a record is
OWNER = _("所属单位")
#: how a row names its owner, and a row of a child sheet its record
OWNER_NAME, KEY_NAME = "*owner", "*key"
#: rows above the heads: a title, a note
MOST_ABOVE = 10
#: serial numbers of days from 1900 to 2119; a day typed as digits has eight
_SERIALS = range(1, 80_000)


@dataclass(frozen=True)
class Head:
    """One column of a sheet."""

    label: str
    name: str
    field: Field | None = None
    required: bool = False
    #: how it is filled in, where the field does not say it
    how: Any = ""


@dataclass(frozen=True)
class Page:
    """One sheet: its title, its columns, and the child whose rows it holds (empty for the record's own)."""

    title: str
    heads: tuple[Head, ...]
    child: str = ""
    #: labels that may stand in a workbook and are not read: what the system fills in itself
    silent: frozenset[str] = frozenset()


@dataclass
class Match:
    """Where the columns of a page stand in a workbook."""

    sheet: Sheet
    page: Page
    #: the row of the heads
    row: int = 0
    #: column → name, of those that are read
    names: dict[int, str] = field(default_factory=dict)
    #: the column of an earlier result, and the last column that holds anything
    result: int | None = None
    last: int = 0

    def facts(self, fields: Mapping[str, Field]) -> dict[str, Any]:
        """What must be known of it later, as JSON: ``texts`` are the columns that must not become numbers."""
        numbers = {name for name, one in fields.items() if isinstance(one, NumberField)}
        return {
            "sheet": self.sheet.name,
            "child": self.page.child,
            "row": self.row,
            "names": list(self.names.values()),
            "texts": [column for column, name in self.names.items() if name not in numbers],
            "result": self.last + 1 if self.result is None else self.result,
        }


def plain(label: Any) -> str:
    """A head as it is compared: no blanks, stars, colons and notes in brackets; full width is half width."""
    text = re.sub(r"[\s*:]", "", unicodedata.normalize("NFKC", str(label)))
    return re.sub(r"\([^)]*\)$", "", text)


class Layout:
    """The pages of a view's workbook."""

    #: how many of the pages hold records of their own, and how many rows are judged together (0: as many as usual)
    kinds = 1
    at_once = 0

    def __init__(self, view: RecordView, *, with_owner: bool = False) -> None:
        self.view, self.model, self.with_owner = view, view.model, with_owner
        fields = self.model.fields()
        own = [name for _label, names in view.sheet if not isinstance(names, str) for name in names]
        typed = [name for name in own if not fields[name].automatic and name != view.import_into]
        heads = _heads(fields, typed)
        if with_owner:
            heads = (Head(str(OWNER), OWNER_NAME, required=True), *heads)
        self.pages = [Page(str(self.model.__label__), heads, silent=_silent(fields, self.model))]
        for label, name in view.sheet:
            if isinstance(name, str):
                cls = self.model.child_classes()[name]
                typed = [key for key, one in cls.fields().items() if not one.automatic]
                key = Head(str(view.import_key), KEY_NAME, fields[self.model.known_by], required=True)
                heads = (key, *_heads(cls.fields(), typed))
                self.pages.append(Page(str(label), heads, name, _silent(cls.fields(), cls)))

    def placed(self, sheet: int, words: str) -> str:
        """What is said of a row, with the sheet where there are several kinds of records."""
        return words

    def notes(self) -> list[Any]:
        """What the explanation says beyond what is true of every workbook."""
        return []

    def class_of(self, page: Page) -> type[Any]:
        """The class of a page's rows."""
        return self.model.child_classes()[page.child] if page.child else self.model

    def match(self, book: Book) -> list[Match]:
        """The sheets of a workbook that hold our pages; the record's own comes first. Raises Unreadable."""
        wanted = {plain(page.title): page for page in self.pages}
        found: dict[str, Match] = {}
        for sheet in book.sheets:
            page = wanted.get(plain(sheet.name))
            if page is not None and not page.child and sheet.hidden:
                raise Unreadable(_("工作表「%(sheet)s」是隐藏的，请取消隐藏后再上传", sheet=sheet.name))
            if page is not None and not sheet.hidden:
                found[page.title] = Match(sheet, page)
        main = self.pages[0]
        if main.title not in found:
            others = [s for s in book.sheets if not s.hidden and plain(s.name) not in wanted]
            if len(others) != 1:
                words = _(
                    "没有找到工作表「%(sheet)s」，请用下载的模板填写，不要改工作表的名称", sheet=main.title
                )
                raise Unreadable(words)
            found[main.title] = Match(others[0], main)
        matches = [found[page.title] for page in self.pages if page.title in found]
        problems = [words for match in matches for words in self._find_heads(book, match)]
        if problems:
            raise Unreadable("；".join(str(words) for words in problems[:8]))
        return matches

    def _find_heads(self, book: Book, match: Match) -> list[Any]:
        """Set row and names of a match; the faults of its heads."""
        known = {plain(head.label): head for head in match.page.heads}
        best, most = dict[int, Any](), 0
        for number, cells in book.rows(match.sheet):
            if number > MOST_ABOVE:
                break
            labels = sum(plain(value) in known for value in cells.values() if isinstance(value, str))
            if labels > most:
                best, most, match.row = cells, labels, number
        if not best:
            return [_("工作表「%(sheet)s」里没有找到表头，请用下载的模板填写", sheet=match.sheet.name)]
        return [*self._name(match, known, best), *_missing(match)]

    def _name(self, match: Match, known: Mapping[str, Head], cells: Mapping[int, Any]) -> Iterator[Any]:
        """Name the columns; what is said of those that have no name here."""
        for column, value in cells.items():
            label = plain(value)
            match.last = max(match.last, column)
            if label in known:
                match.names[column] = known[label].name
            elif label == plain(RESULT):
                match.result = column
            elif label not in match.page.silent:
                yield self._strange(match.sheet.name, get_column_letter(column + 1), str(value))

    def _strange(self, sheet: str, place: str, label: str) -> Any:
        if plain(label) == plain(OWNER):
            return _("「所属单位」一栏只用于旧系统数据迁移，请删除这一栏，或勾选“旧系统数据迁移”")
        return _(
            "工作表「%(sheet)s」%(place)s列的「%(head)s」不是本表的栏目，请改正或删除这一列",
            sheet=sheet,
            place=place,
            head=label[:20],
        )


def _missing(match: Match) -> Iterator[Any]:
    """What is said of heads that stand there twice, or not at all."""
    where, count = match.sheet.name, Counter(match.names.values())
    for head in match.page.heads:
        if count[head.name] > 1:
            yield _("工作表「%(sheet)s」有两栏「%(head)s」", sheet=where, head=head.label)
        if head.required and not count[head.name]:
            yield _("工作表「%(sheet)s」缺少必填的「%(head)s」一栏", sheet=where, head=head.label)


def _heads(fields: Mapping[str, Field], names: Sequence[str]) -> tuple[Head, ...]:
    """Columns of fields. What follows from another field need not be there."""
    derived = {
        pair.partition(":")[2] for one in fields.values() for pair in one.autofill.split() if ":" in pair
    }
    return tuple(
        Head(str(fields[name].label), name, fields[name], fields[name].required and name not in derived)
        for name in names
    )


def _silent(fields: Mapping[str, Field], cls: type[Any]) -> frozenset[str]:
    told = {plain(one.label) for one in fields.values() if one.automatic}
    return frozenset(told - {plain(OWNER)})


# --- cells ----------------------------------------------------------------------------------------------------


def key_of(cell: Any, known_by: Field) -> str:
    """What a record is known by, so that two ways to write it are one; empty when there is nothing to go by."""
    if isinstance(cell, str):
        return identity.normal(cell) if isinstance(known_by, IdCardField) else cell.strip()
    return f"{cell:.15g}" if isinstance(cell, int | float) and not isinstance(cell, bool) else ""


def typed_cell(one: Field, cell: Any) -> Any:
    """A cell that is no text, as a person would have typed it. An identity number stays the number it should not be."""
    if isinstance(cell, bool):
        return cell
    if isinstance(one, IdCardField):
        return float(cell)
    if isinstance(one, DayField) and cell in _SERIALS:
        return serial_date(cell) or cell
    return cell


def labelled(layout: Layout, problem: Problem, rows: Mapping[str, Sequence[int]]) -> str:
    """A problem in a sentence: which sheet and row where it is a child's, which column, what is wrong."""
    child, _dot, rest = problem.field.partition(".")
    if not rest:
        one = layout.model.fields().get(child)
        return sentence(one, problem)
    index, _dot, name = rest.partition(".")
    page = next(page for page in layout.pages if page.child == child)
    numbers = rows.get(child, ())
    place = gettext(
        "「%(sheet)s」第%(row)s行",
        sheet=page.title,
        row=numbers[int(index)] if int(index) < len(numbers) else "?",
    )
    return f"{place} {sentence(layout.class_of(page).fields().get(name), problem)}"


def sentence(one: Field | None, problem: Problem) -> str:
    """A problem with the label of its column."""
    label, words = str(one.label) if one else "", str(problem.words)
    return words if not label or label in words else f"{label}：{words}"
