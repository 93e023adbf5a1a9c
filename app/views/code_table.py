"""代码表管理: the tables at the left, the values of the chosen one at the right."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from flask import flash, request
from flask_appbuilder.baseviews import expose
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import func, or_, select

from app.kit import picking, saving, scope
from app.kit.access import needs
from app.kit.errors import BadRequest, Invalid, Missing, Refused
from app.kit.face import leave, render
from app.kit.listing import Order
from app.kit.module import Entry
from app.kit.pages import Crumb, Page
from app.kit.scope import Actor
from app.kit.view import RecordView
from app.models.assignment import ADMINISTRATION
from app.models.code_table import CodeTable
from app.models.code_value import CodeValue

#: values shown at once; the others are found by searching
MOST_VALUES = 200


def keeps_codes(actor: Actor) -> bool:
    """The administrator of 全总 alone keeps the code tables (AID-R201)."""
    return actor.everywhere or (actor.depth == 1 and ADMINISTRATION in actor.rights)


def kept_by_root(actor: Actor, *, reads: bool) -> Any:
    """Why the code tables are closed to this actor."""
    if reads or keeps_codes(actor):
        return None
    return _("代码表由全国总工会的用户管理员维护；如需增改，请逐级提出")


@dataclass
class CodePage(Page):
    """Tables, and the values of one of them."""

    tables: list[CodeTable] = field(default_factory=list)
    table: CodeTable | None = None
    values: list[CodeValue] = field(default_factory=list)
    value: CodeValue | None = None
    text: str = ""
    q: str = ""
    total: int = 0
    error: Any = ""
    refusal: Any = ""


class CodeTableView(RecordView):
    """One page: tables, values, a text box, and what can be done with it (AID-R201 – R204)."""

    model = CodeTable
    right = "用户管理"
    list_title = _("代码表管理")
    columns = ("number", "label", "edition", "is_editable")
    sheet = ((_("代码表"), ("number", "label", "name", "edition", "is_editable")),)
    conditions = ("label", "number")
    order = Order("sort_order", descending=False)
    page_size = 50
    can_add = can_edit = can_delete = can_print = False
    is_tickable = False

    @classmethod
    def grants(cls) -> set[tuple[str, str]]:
        """The tables themselves are fixed; what is written here are their values."""
        return super().grants() | {("can_write", "code_table")}

    def closed(self, actor: Actor, permission: str, *, over_rest: bool = False) -> Any:
        """Read by everybody over REST, since forms need them; kept by the root's administrator."""
        return kept_by_root(actor, reads=over_rest and permission == "read")

    def sortable(self, name: str) -> bool:
        """The order of the product is one too."""
        return name == "sort_order" or super().sortable(name)

    @expose("/list/")
    @needs("read")
    def list(self) -> Any:
        """The page."""
        return self._page()

    @expose("/values/<int:pk>/<deed>", methods=["POST"])
    @needs("write")
    def keep(self, pk: int, deed: str) -> Any:
        """增加, 修改, 删除, 上移, 下移, 停用, 启用; a message after each (AID-R202)."""
        table, who = self.find(pk), scope.actor()
        do = _DEEDS.get(deed)
        if do is None:
            raise BadRequest
        try:
            words, value = do(self, table, who)
            self.session.commit()
        except (Invalid, Refused) as wrong:
            self.session.rollback()
            return self._page(wrong.words, request.form.get("label", "")), wrong.status
        flash(str(words), "info" if deed == "delete" and value else "success")
        return leave(self.url("list", table=pk, value=value, q=request.form.get("q", "")[:50] or None))

    def _page(self, error: Any = "", text: str | None = None) -> str:
        asked = request.form if request.method == "POST" else request.args
        tables = list(self.session.scalars(select(CodeTable).order_by(CodeTable.sort_order, CodeTable.id)))
        pk = (request.view_args or {}).get("pk") or asked.get("table")
        page = CodePage(
            _("代码表管理"),
            crumbs=[Crumb(self.group_label), Crumb(self.list_title)],
            tables=tables,
            error=error,
        )
        page.table = next((t for t in tables if str(t.id) == str(pk)), tables[0] if tables else None)
        if page.table is None:
            return render("unit/codes.html", page)
        page.q = picking.typed(asked.get("q", "")) or ""
        mine = select(CodeValue).where(CodeValue.code_table_id == page.table.id)
        if page.q:
            mine = mine.where(
                or_(
                    CodeValue.label.contains(page.q, autoescape=True),
                    CodeValue.code.startswith(page.q, autoescape=True),
                )
            )
        page.total = self.session.scalar(select(func.count()).select_from(mine.subquery())) or 0
        page.values = list(
            self.session.scalars(mine.order_by(CodeValue.sort_order, CodeValue.id).limit(MOST_VALUES))
        )
        page.value = next((v for v in page.values if str(v.id) == asked.get("value")), None)
        page.text = text if text is not None else page.value.label if page.value else ""
        if not page.table.is_editable:
            page.refusal = _("这是系统固定的代码表，由程序自动使用，不能维护")
        return render("unit/codes.html", page)

    def chosen(self, table: CodeTable) -> CodeValue:
        """The value that was picked in the list. Raises Refused when none was, Missing when it is gone."""
        raw = request.form.get("value", "")
        if not (raw.isascii() and raw.isdigit() and len(raw) < 10):
            raise Refused(_("请先在列表中选择一个代码值"))
        found = self.session.scalar(
            select(CodeValue).where(CodeValue.id == int(raw), CodeValue.code_table_id == table.id)
        )
        if found is None:
            raise Missing
        return found


def _add(view: CodeTableView, table: CodeTable, who: Actor) -> tuple[Any, Any]:
    value = CodeValue()
    saving.save(view.session, value, {"code_table_id": table.id, "label": request.form.get("label", "")}, who)
    return gettext("增加成功：%(value)s", value=value.label), value.id


def _change(view: CodeTableView, table: CodeTable, who: Actor) -> tuple[Any, Any]:
    value = view.chosen(table)
    before = value.label
    saving.save(view.session, value, {"label": request.form.get("label", "")}, who)
    return gettext("修改成功：%(before)s 改为 %(value)s", before=before, value=value.label), value.id


def _delete(view: CodeTableView, table: CodeTable, who: Actor) -> tuple[Any, Any]:
    value = view.chosen(table)
    label, pk = value.label, value.id
    words = saving.delete(view.session, value, who)
    return words or gettext("删除成功：%(value)s", value=label), pk if words else None


def _shift(step: int) -> Any:
    def shift(view: CodeTableView, table: CodeTable, who: Actor) -> tuple[Any, Any]:
        value = view.chosen(table)
        if why := value.refusal("edit", who):
            raise Refused(why)
        value.shift(step, who)
        return gettext("顺序已保存"), value.id

    return shift


def _switch(*, on: bool) -> Any:
    def switch(view: CodeTableView, table: CodeTable, who: Actor) -> tuple[Any, Any]:
        value = view.chosen(table)
        saving.save(view.session, value, {"is_active": on}, who)
        words = (
            gettext("已启用：%(value)s", value=value.label)
            if on
            else gettext("已停用：%(value)s。新的记录不能再选它，原有记录照常显示", value=value.label)
        )
        return words, value.id

    return switch


_DEEDS = {
    "add": _add,
    "change": _change,
    "delete": _delete,
    "up": _shift(-1),
    "down": _shift(1),
    "retire": _switch(on=False),
    "restore": _switch(on=True),
}

MENU = (Entry(_("代码表管理"), "list", only=keeps_codes),)
