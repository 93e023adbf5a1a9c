"""代码表管理: the tables, and the way to their values."""

from __future__ import annotations

from flask_babel import lazy_gettext as _

from app.kit.listing import Order
from app.kit.module import Entry
from app.kit.scope import Actor
from app.kit.view import RecordView
from app.models.code_table import CodeTable


def is_root(actor: Actor) -> bool:
    """The administrator of 全总 alone keeps the code tables (AID-R201)."""
    return actor.depth == 1


class CodeTableView(RecordView):
    """The list of code tables."""

    model = CodeTable
    right = "用户管理"
    list_title = _("代码表管理")
    columns = ("number", "label", "edition", "is_editable")
    sheet = ((_("代码表"), ("number", "label", "name", "edition", "is_editable")),)
    conditions = ("label", "number")
    order = Order("id", descending=False)
    page_size = 50
    can_add = can_edit = can_delete = can_print = False
    is_tickable = False


MENU = (Entry(_("代码表管理"), "list", only=is_root),)
