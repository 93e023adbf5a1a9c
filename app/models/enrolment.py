"""单位和人员的导入: one workbook brings the units of a new province, parents above their children, and their people.

Every row goes through the door of the form, alone: what is wrong with one does not stop the others. A unit is known again
by its superior and its name, a person by his login name, so that the same file twice changes nothing. People get no
password here: see `PasswordIssue`.
"""

from __future__ import annotations

import re
import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from flask import current_app
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import func, select
from werkzeug.security import generate_password_hash

from app.kit import layout, saving
from app.kit.columns import Wrong, YesNoField, clean
from app.kit.errors import Invalid, Missing, Problem, Refused
from app.kit.intake import ADDED, CHANGED, FAILED, UNCHANGED, Options, Outcome
from app.kit.jobs import JobContext
from app.kit.layout import KEY_NAME, Head, Layout, Match, Page
from app.kit.package import Unreadable
from app.kit.staging import Stage, StagedRow
from app.kit.workbook import Book
from app.models.account import Account
from app.models.assignment import ADMINISTRATION, rights_on_offer
from app.models.password_issue import PasswordIssue
from app.models.unit import Unit, full_names, next_level

#: the column of a unit's superior
ABOVE = "*above"
UNITS, PEOPLE = 0, 1
#: people of one workbook
MOST_PEOPLE = 200_000
#: what stands between the names of a path
_ARROW = re.compile(r"\s*(?:->|→|－>|＞|>)\s*")

UNIT_FIELDS = (
    "name",
    "level",
    "admin_division",
    "is_aid_centre",
    "leader_name",
    "leader_phone",
    "office_phone",
    "duty_phone",
    "area_code",
    "fax",
    "postcode",
    "email",
    "address",
    "introduction",
)
PERSON_FIELDS = (
    "full_name",
    "gender",
    "login_name",
    "phone",
    "mobile",
    "email",
    "job_title",
    "rights",
    "is_unit_admin",
)
#: columns that must be there, though what stands in them may be left to the system
_LEFT_OPEN = frozenset({"level", "gender", "rights"})
_PLACE = _("单位编号、名称，或从上到下的名称路径，如 西城区总工会->德外街道总工会")


class Sheets(Layout):
    """单位 and 人员; either may be missing."""

    kinds = 2
    at_once = 50

    def __init__(self, view: Any) -> None:
        self.view, self.model, self.with_owner = view, Unit, False
        above = Head(str(_("上级单位")), ABOVE, required=True, how=_PLACE)
        unit = Head(str(_("所属单位")), KEY_NAME, required=True, how=_PLACE)
        self.pages = [
            Page(
                str(Unit.__label__),
                (above, *_heads(Unit, UNIT_FIELDS)),
                silent=frozenset({layout.plain(Unit.fields()["unit_no"].label)}),
            ),
            Page(str(Account.__label__), (unit, *_heads(Account, PERSON_FIELDS)), "people"),
        ]
        self._names: Counter[str] | None = None
        self._first: dict[int, dict[str, int]] = {}

    def class_of(self, page: Page) -> type[Any]:
        """People stand in the second sheet."""
        return Account if page.child else Unit

    def placed(self, sheet: int, words: str) -> str:
        """A row is named with its sheet."""
        return gettext("「%(sheet)s」%(words)s", sheet=self.pages[sheet].title, words=words)

    def notes(self) -> list[Any]:
        """What is to be known of the two sheets."""
        return [
            _(
                "「单位」里，新的上级单位写在它的下级上面；「人员」里的所属单位可以是已有的，也可以是本文件里新增的。"
            ),
            _("单位级别不填的，比上级单位低一级；每个单位最多一名用户管理员。"),
            _("导入不产生口令：办完后在“一次性口令”页生成，下载后分发。"),
        ]

    def match(self, book: Book) -> list[Match]:
        """The two sheets, by their names. Raises Unreadable."""
        wanted = {layout.plain(page.title): page for page in self.pages}
        found = {
            page.title: Match(sheet, page)
            for sheet in book.sheets
            if not sheet.hidden and (page := wanted.get(layout.plain(sheet.name))) is not None
        }
        if len(found) < len(self.pages):
            lost = next(page.title for page in self.pages if page.title not in found)
            words = _(
                "没有找到工作表「%(sheet)s」，请用下载的模板填写；不用的一张只留表头，不要删除", sheet=lost
            )
            raise Unreadable(words)
        matches = [found[page.title] for page in self.pages]
        problems = [words for match in matches for words in self._find_heads(book, match)]
        if problems:
            raise Unreadable("；".join(str(words) for words in problems[:8]))
        return matches

    # --- what the workbook says of itself ---------------------------------------------------------------------

    def names(self, stage: Stage) -> Counter[str]:
        """How often a name stands in the sheet of units."""
        self._read(stage)
        return self._names or Counter()

    def first(self, stage: Stage, row: StagedRow, key: str) -> int:
        """The first row of its sheet that stands for the same unit or login name."""
        self._read(stage)
        return self._first[row.sheet].get(key, row.number)

    def _read(self, stage: Stage) -> None:
        if self._names is not None:
            return
        self._names, self._first = Counter(), {UNITS: {}, PEOPLE: {}}
        columns = [match["names"] for match in stage.fact("matches")]
        people = stage.count(self.kinds) - stage.count()
        if people > MOST_PEOPLE:
            raise Unreadable(_("一个文件最多%(most)s人，请分成几个文件", most=MOST_PEOPLE))
        for row in stage.records(0, stage.count(self.kinds), self.kinds):
            cells = dict(zip(columns[row.sheet], row.cells, strict=True))
            first = self._first[row.sheet].setdefault(same(row.sheet, cells), row.number)
            if row.sheet == UNITS and first == row.number:
                self._names[_said(cells.get("name"))] += 1


def _heads(cls: Any, names: Sequence[str]) -> tuple[Head, ...]:
    fields = cls.fields()
    how = {"rights": _("一项或几项，用顿号分开：%(rights)s", rights="、".join(rights_on_offer()))}
    return tuple(
        Head(
            str(fields[name].label),
            name,
            fields[name],
            fields[name].required and name not in _LEFT_OPEN,
            how.get(name, ""),
        )
        for name in names
    )


def _said(cell: Any) -> str:
    """A cell as text; a number as Excel shows it."""
    if isinstance(cell, dict):
        return str(cell.get("text") or "")
    try:
        return (
            ""
            if cell is None or isinstance(cell, bool)
            else clean(f"{cell:.15g}" if not isinstance(cell, str) else cell)
        )
    except Wrong:
        return ""


def same(sheet: int, cells: Mapping[str, Any]) -> str:
    """What two rows have in common that stand for the same unit, or the same person."""
    if sheet == PEOPLE:
        return _said(cells.get("login_name")).lower()
    return f"{'->'.join(_ARROW.split(_said(cells.get(ABOVE))))}\n{_said(cells.get('name'))}"


class Enrolment:
    """Some rows of the workbook, saved one by one as their forms would."""

    def __init__(self, ctx: JobContext, stage: Stage, sheets: Sheets, options: Options) -> None:
        self.ctx, self.session, self.actor = ctx, ctx.session, ctx.actor
        self.stage, self.sheets, self.options = stage, sheets, options
        self._columns = [match["names"] for match in stage.fact("matches")]
        self._known: dict[str, Unit] = {}
        self._closed = ""

    def work(self, rows: Sequence[StagedRow]) -> list[Outcome]:
        """What came of each row."""
        faults = self.stage.faults([(row.sheet, row.number) for row in rows])
        return [
            (FAILED, "；".join(words for _kind, words in faults[row.sheet, row.number]))
            if (row.sheet, row.number) in faults
            else self._row(row)
            for row in rows
        ]

    def _row(self, row: StagedRow) -> Outcome:
        """One row, in a savepoint of its own: what fails leaves nothing behind."""
        fields = (Account if row.sheet == PEOPLE else Unit).fields()
        try:
            with self.session.begin_nested():
                cells = self._cells(row)
                return self._person(cells) if row.sheet == PEOPLE else self._unit(cells)
        except Invalid as wrong:
            told = [layout.sentence(fields.get(problem.field), problem) for problem in wrong.problems]
            return FAILED, "；".join(dict.fromkeys(told))
        except (Refused, Missing) as why:
            return FAILED, str(why.words)

    def _cells(self, row: StagedRow) -> dict[str, Any]:
        """Column → what was typed; empty cells say nothing. Raises Invalid or Refused."""
        named = dict(zip(self._columns[row.sheet], row.cells, strict=True))
        first = self.sheets.first(self.stage, row, same(row.sheet, named))
        if first != row.number:
            raise Refused(_("与第%(row)s行重复，请只留一行", row=first))
        odd = [Problem(name, cell["odd"]) for name, cell in named.items() if isinstance(cell, dict)]
        if odd:
            raise Invalid(odd)
        fields = (Account if row.sheet == PEOPLE else Unit).fields()
        return {
            name: _typed(fields.get(name), cell) for name, cell in named.items() if cell not in (None, "")
        }

    # --- units ------------------------------------------------------------------------------------------------

    def _unit(self, cells: dict[str, Any]) -> Outcome:
        above = self._called(cells.pop(ABOVE, ""), _("上级单位"))
        mine = select(Unit).where(Unit.parent_id == above.id, Unit.name == _said(cells.get("name")))
        if (stored := self.session.scalar(mine)) is not None:
            return self._stored(stored, cells)
        typed = {"level": next_level(above.level)} | cells | {"parent_id": str(above.id)}
        saving.save(self.session, Unit(), typed, self.actor)
        self._known.clear()  # a name that was the only one may now be one of two
        return ADDED, ""

    def _called(self, typed: Any, label: Any) -> Unit:
        """The unit of the subtree that is named by its number, its name or the end of its path. Raises Refused."""
        text = _said(typed)
        if text not in self._known:
            self._known[text] = self._find(text, label)
        return self._known[text]

    def _find(self, text: str, label: Any) -> Unit:
        names = [name for name in _ARROW.split(text) if name]
        if not names:
            raise Refused(_("请填写%(label)s", label=label))
        is_number = text.isascii() and text.isdigit() and len(text) < 10
        number = self.sheets.names(self.stage)[names[-1]]
        if number > 1 and len(names) == 1 and not is_number:
            raise Refused(
                _(
                    "%(label)s：本文件里有%(n)s个单位叫「%(name)s」，请写出路径，如 上级->%(name)s",
                    label=label,
                    n=number,
                    name=text,
                )
            )
        where = Unit.unit_no == int(text) if is_number else Unit.name == names[-1]
        found = list(self.session.scalars(select(Unit).where(where).order_by(Unit.id).limit(200)))
        if len(names) > 1:
            paths = full_names(self.session, [one.path for one in found])
            found = [one for one in found if paths[one.path][-len(names) :] == names]
        if not found:
            raise Refused(
                _(
                    "没有找到%(label)s「%(name)s」，或它不在您单位的范围内；本文件新增的单位，上级要写在下级上面并导入成功",
                    label=label,
                    name=text[:100],
                )
            )
        if len(found) > 1:
            raise Refused(
                _(
                    "%(label)s：有%(n)s个单位叫「%(name)s」，请填写单位编号或更长的路径",
                    label=label,
                    n=len(found),
                    name=text[:100],
                )
            )
        return found[0]

    # --- people -----------------------------------------------------------------------------------------------

    def _person(self, cells: dict[str, Any]) -> Outcome:
        unit = self._called(cells.pop(KEY_NAME, ""), _("所属单位"))
        typed = _with_administration(cells) | {"unit_id": str(unit.id)}
        login = _said(typed.get("login_name")).lower()
        mine = select(Account).where(func.lower(Account.username) == login)
        if login and (stored := self.session.scalar(mine)) is not None:
            return self._stored(stored, typed)
        account = Account(password=self._no_password())
        saving.save(self.session, account, typed, self.actor)
        self._give_slip(account)
        return ADDED, ""

    def _no_password(self) -> str:
        """What stands for the password until there is one: nobody knows what it is the hash of."""
        method = current_app.config.get("FAB_PASSWORD_HASH_METHOD", "scrypt")
        self._closed = self._closed or generate_password_hash(secrets.token_hex(32), method)
        return self._closed

    def _give_slip(self, account: Account) -> None:
        issue = PasswordIssue.of_import(self.session, self.ctx.job, self.actor)
        issue.add(self.session, account.id)
        link = {"url": f"/account/passwords?issue={issue.id}", "label": gettext("生成并下载一次性口令")}
        self.ctx.result = {**(self.ctx.result or {}), "links": [link]}

    # --- what is there already --------------------------------------------------------------------------------

    def _stored(self, stored: Any, typed: dict[str, Any]) -> Outcome:
        """A record that is there: the same, to be changed by the door of the form, or told."""
        if all(_read(type(stored), name, raw) == getattr(stored, name) for name, raw in typed.items()):
            return UNCHANGED, ""
        if not self.options.update:
            raise Refused(
                _(
                    "「%(record)s」已存在，内容与本行不同；如要改成本行的内容，请勾选“更新已有的记录”后重新上传",
                    record=stored.title,
                )
            )
        saving.save(self.session, stored, typed, self.actor)
        return CHANGED, ""


def _typed(field: Any, cell: Any) -> Any:
    """A cell as a person would have typed it: telephone and login names that Excel keeps as numbers are text."""
    return cell if isinstance(field, YesNoField) and isinstance(cell, bool) else _said(cell)


def _read(cls: Any, name: str, raw: Any) -> Any:
    """What a cell means. Raises Invalid."""
    try:
        return cls.fields()[name].read(raw)
    except Wrong as wrong:
        raise Invalid([Problem(name, wrong.args[0])]) from None


def _with_administration(cells: dict[str, Any]) -> dict[str, Any]:
    """是否用户管理员 is the right 用户管理. Raises Refused when the two columns say different things."""
    rights = _read(Account, "rights", cells.get("rights") or [])
    is_admin = _read(Account, "is_unit_admin", cells.get("is_unit_admin"))
    if is_admin is False and ADMINISTRATION in rights:
        raise Refused(_("“是否用户管理员”填了否，“用户权限”里却有用户管理，请改成一致"))
    if is_admin and ADMINISTRATION not in rights:
        rights = [*rights, ADMINISTRATION]
    rest = {name: value for name, value in cells.items() if name != "is_unit_admin"}
    return rest | ({"rights": rights} if rights else {})
