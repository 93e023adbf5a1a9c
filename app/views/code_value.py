"""代码值: the values of one code table."""

from __future__ import annotations

from typing import Any

from flask import jsonify, request
from flask_appbuilder.baseviews import expose
from flask_babel import lazy_gettext as _

from app.kit import codes, picking
from app.kit.access import everybody
from app.kit.errors import Missing
from app.kit.listing import Order
from app.kit.scope import Actor
from app.kit.view import RecordView
from app.models.code_value import CodeValue
from app.views.code_table import kept_by_root


class CodeValueView(RecordView):
    """The values of a table, to add, rename, order, retire (AID-R201 – R204)."""

    model = CodeValue
    right = "用户管理"
    list_title = _("代码值")
    columns = ("code_table_id", "label", "code", "sort_order", "is_active")
    sheet = ((_("代码值"), ("code_table_id", "label", "sort_order", "is_active")),)
    conditions = ("label", "code")
    order = Order("sort_order", descending=False)
    page_size = 50
    can_print = False
    add_label = _("增加代码值")

    def closed(self, actor: Actor, permission: str, *, over_rest: bool = False) -> Any:
        """Read by everybody over REST, since forms need them; kept by the root's administrator."""
        return kept_by_root(actor, reads=over_rest and permission == "read")

    def home(self, record: Any = None) -> str:
        """The page of the code tables, at the value's table."""
        return (
            f"/code_table/list/?table={record.code_table_id}" if record is not None else "/code_table/list/"
        )

    def landing(self, record: Any) -> str:
        """The value among its sisters."""
        return self.home(record)

    @expose("/pick/<table>")
    @everybody
    def pick_from(self, table: str) -> Any:
        """Values of a large table, e.g. 行政区划, by code, name or pinyin."""
        words = picking.typed(request.args.get("q", ""))
        if len(table) > 40 or not codes.exists(table):
            raise Missing
        found = codes.search(table, words, picking.MOST) if words is not None else []
        return jsonify(
            results=[
                {
                    "value": value.code,
                    "text": codes.full_label(table, value.code),
                    "note": value.code,
                    "children": False,
                }
                for value in found
            ]
        )
