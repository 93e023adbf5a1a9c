"""代码值: the values of one code table."""

from __future__ import annotations

from flask_babel import lazy_gettext as _

from app.kit.listing import Order
from app.kit.view import RecordView
from app.models.code_value import CodeValue


class CodeValueView(RecordView):
    """The values of a table, to add, rename, order, retire."""

    model = CodeValue
    right = "用户管理"
    list_title = _("代码值")
    columns = ("code_table_id", "label", "code", "sort_order", "is_active")
    sheet = ((_("代码值"), ("code_table_id", "label", "sort_order", "is_active")),)
    conditions = ("label", "code")
    order = Order("sort_order", descending=False)
    page_size = 50
    can_print = False
