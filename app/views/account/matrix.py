"""权限一览: the people of a unit, or of its subtree, and their rights in one table with ticks, changed by one save."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any
from zlib import crc32

from flask import flash, request, url_for
from flask_appbuilder.baseviews import expose
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import Select, func, select
from sqlalchemy.orm import selectinload

from app.kit import scope, together, tree
from app.kit.access import needs, writes
from app.kit.errors import Missing, Refused
from app.kit.face import leave, render
from app.kit.pages import Action, Crumb, Page, UnitBox, Words
from app.kit.scope import Actor
from app.models.account import Account
from app.models.assignment import ADMINISTRATION, Assignment, rights_on_offer
from app.models.unit import Unit, full_names

#: people of one page, and of one file
AT_ONCE, MOST_IN_FILE = 100, 10_000
TITLE = _("权限一览")


@dataclass
class Box:
    """One tick: of whom, which right, and why it cannot be changed."""

    right: str
    ticked: bool
    refusal: Words = ""


@dataclass
class Line:
    """One person; ``mark`` is how the page has found him."""

    account: Account
    mark: str
    boxes: list[Box]
    errors: list[Words] = field(default_factory=list)


@dataclass
class MatrixPage(Page):
    """Units with their people, and the rights in the order of the register."""

    unit: Unit | None = None
    sub: bool = False
    rights: list[str] = field(default_factory=list)
    units: list[tuple[str, str, list[Line]]] = field(default_factory=list)
    total: int = 0
    number: int = 1
    last: int = 1
    #: the pages before and after
    before: str = ""
    after: str = ""
    url: str = ""
    can_write: bool = False
    error: Words = ""
    actions: list[Action] = field(default_factory=list)
    #: the unit selector
    box: UnitBox | None = None


class Matrix:
    """The routes, for the view of people."""

    if TYPE_CHECKING:
        session: Any
        resource: str
        group_label: Any

        def url(self, endpoint: str, **values: Any) -> str: ...

    @expose("/matrix", methods=["GET"])
    @needs("read")
    def matrix(self) -> Any:
        """The table."""
        return render("account/matrix.html", self._table(scope.actor(), {}, {}))

    @expose("/matrix", methods=["POST"])
    @needs("write")
    def save_matrix(self) -> Any:
        """Every changed line by the door of the form, all or none (AID-R205, R217)."""
        who, typed = scope.actor(), _typed()
        found = select(Account).where(Account.id.in_(typed)).order_by(Account.id)
        people = {one.id: one for one in self.session.scalars(found.options(*_LOADED)).unique()}
        if people.keys() != typed.keys():
            raise Missing(_("有的人员已不在您单位的范围内，请重新打开本页"))
        changes = [
            (people[pk], {"rights": rights, "version": version}) for pk, (version, rights) in typed.items()
        ]
        # who gives 用户管理 up comes before who gets it: one administrator per unit at any moment
        changes.sort(key=lambda change: (ADMINISTRATION in change[1]["rights"], change[0].id))
        if wrong := together.save_all(self.session, changes, who):
            page = self._table(who, {pk: rights for pk, (_version, rights) in typed.items()}, wrong)
            page.error = _(
                "没有保存：%(n)s人的改动有问题，见红字。改好后再保存，其他改动仍保留在本页", n=len(wrong)
            )
            return render("account/matrix.html", page), 409
        told = gettext("已保存%(n)s人的权限，马上生效", n=len(changes)) if changes else gettext("没有改动")
        flash(told, "success" if changes else "info")
        return leave(self._here(int(request.args.get("page") or 1) if _is_number("page") else 1))

    @expose("/matrix/export")
    @needs("read")
    @writes
    def matrix_file(self) -> Any:
        """The whole table as an Excel file."""
        unit, rights = self._chosen(), rights_on_offer()
        mine = _of(unit, sub=self._sub())
        number = self.session.scalar(select(func.count()).select_from(mine.subquery())) or 0
        if number > MOST_IN_FILE:
            raise Refused(
                _("共%(n)s人，一次最多导出%(most)s人，请按下级单位分别导出", n=number, most=MOST_IN_FILE)
            )
        people = list(self.session.scalars(mine.options(*_LOADED)).unique())
        names = full_names(self.session, sorted({one.unit.path for one in people}))
        header = [_("单位"), _("姓名"), _("登录名"), _("职务"), _("是否启用"), *rights]
        rows = [
            [
                "->".join(names[one.unit.path]),
                one.full_name,
                one.login_name,
                one.job_title or "",
                one.text("is_active"),
                *("√" if right in one.rights else "" for right in rights),
            ]
            for one in people
        ]
        title = gettext("%(unit)s权限一览", unit=unit.name)
        return together.table_file(
            self.session, scope.actor(), self.resource, title, header, rows, {"unit": unit.id}
        )

    # --- the table --------------------------------------------------------------------------------------------

    def _chosen(self) -> Unit:
        raw = request.args.get("unit") or str(scope.actor().unit_id or "")
        is_number = raw.isascii() and raw.isdigit() and len(raw) < 8
        unit = self.session.scalar(select(Unit).where(Unit.id == int(raw))) if is_number else None
        if unit is None:
            raise Missing
        return unit

    def _sub(self) -> bool:
        return request.args.get("sub") == "1"

    def _here(self, number: int, endpoint: str = "matrix") -> str:
        asked = {"unit": request.args.get("unit"), "sub": "1" if self._sub() else None}
        return self.url(endpoint, **asked, page=number if number > 1 else None)

    def _table(
        self, who: Actor, typed: Mapping[int, Sequence[str]], wrong: Mapping[int, list[Any]]
    ) -> MatrixPage:
        unit, sub = self._chosen(), self._sub()
        mine = _of(unit, sub=sub)
        page = MatrixPage(TITLE, crumbs=[Crumb(self.group_label), Crumb(TITLE)], unit=unit, sub=sub)
        page.total = self.session.scalar(select(func.count()).select_from(mine.subquery())) or 0
        page.last = max(-(-page.total // AT_ONCE), 1)
        page.number = min(max(int(request.args["page"]) if _is_number("page") else 1, 1), page.last)
        page.rights, page.can_write = rights_on_offer(), who.may("write", self.resource)
        is_other = unit.id != who.unit_id
        clear = self.url("matrix", sub="1" if sub else None) if is_other else ""
        page.box = UnitBox(unit.id, unit.name, url_for("unit.pick"), clear, sub)
        page.url = self._here(page.number)
        page.before = self._here(page.number - 1) if page.number > 1 else ""
        page.after = self._here(page.number + 1) if page.number < page.last else ""
        file = self._here(1, "matrix_file")
        page.actions = [Action("excel", _("另存为Excel"), file, "file-spreadsheet")]
        some = mine.options(*_LOADED).limit(AT_ONCE).offset((page.number - 1) * AT_ONCE)
        people = self.session.scalars(some).unique().all()
        holders = self._administrators({one.unit_id for one in people})
        names = full_names(self.session, sorted({one.unit.path for one in people}))
        for place, some_people in groupby(people, key=lambda one: one.unit):
            lines = [
                _line(one, holders.get(one.unit_id), typed.get(one.id), wrong.get(one.id, []), who)
                for one in some_people
            ]
            below = "->".join(names[place.path][unit.depth - 1 :])
            page.units.append((below, self.url("matrix", unit=place.id), lines))
        return page

    def _administrators(self, units: set[int]) -> dict[int, tuple[int, str]]:
        """Unit → its administrator."""
        held = select(Assignment.unit_id, Account.id, Account.first_name)
        held = held.join(Account, Account.id == Assignment.account_id)
        held = held.where(Assignment.unit_id.in_(units), Assignment.admin_slot.is_not(None))
        return {row.unit_id: (row.id, row.first_name) for row in self.session.execute(held)}


_LOADED = (selectinload(Account.assignments),)


def _of(unit: Unit, *, sub: bool) -> Select[Any]:
    """The people of a unit, or of its subtree, in the order of units, layers and places."""
    mine = select(Account).join(Assignment, Assignment.account_id == Account.id)
    mine = mine.where(tree.under(Assignment.unit_path, unit.path) if sub else Assignment.unit_id == unit.id)
    return mine.order_by(Assignment.unit_path, Assignment.display_layer, Assignment.sort_order, Account.id)


def _line(
    account: Account,
    holder: tuple[int, str] | None,
    typed: Sequence[str] | None,
    errors: list[Any],
    who: Actor,
) -> Line:
    """One person with his ticks, or with those that were typed."""
    held = account.rights
    ticked = held if typed is None else typed
    closed = account.refusal("edit", who)
    boxes = [Box(right, right in ticked, closed) for right in rights_on_offer()]
    for box in boxes:
        if box.right == ADMINISTRATION and not box.refusal:
            box.refusal = _why_fixed(account, holder, who)
    return Line(account, _mark(account.id, account.version or 1, held), boxes, errors)


def _why_fixed(account: Account, holder: tuple[int, str] | None, who: Actor) -> Words:
    """Why 用户管理 of this person is not changed here: it is another's, or one's own (AID-R205)."""
    if account.id == who.account_id:
        return _("不能取消自己的“用户管理”权限；请由上级单位的用户管理员办理")
    if holder is not None and holder[0] != account.id:
        return _("该单位已有用户管理员：%(name)s", name=holder[1])
    return ""


def _mark(pk: int, version: int, rights: Sequence[str]) -> str:
    """Who stands in a line, in which version, and what is ticked."""
    return f"{pk}:{version}:{crc32('、'.join(sorted(rights)).encode()):x}"


def _typed() -> dict[int, tuple[str, list[str]]]:
    """Person → the version that the page has shown, and the ticks; of those lines alone whose ticks were changed."""
    found: dict[int, tuple[str, list[str]]] = {}
    for mark in request.form.getlist("line")[: 2 * AT_ONCE]:
        raw, _sep, rest = mark.partition(":")
        version = rest.partition(":")[0]
        if not all(part.isascii() and part.isdigit() and len(part) < 10 for part in (raw, version)):
            raise Missing
        rights = request.form.getlist(f"r-{raw}")
        if _mark(int(raw), int(version), rights) != mark:
            found[int(raw)] = (version, rights)
    return found


def _is_number(name: str) -> bool:
    raw = request.args.get(name, "")
    return raw.isascii() and raw.isdigit() and len(raw) < 6
