"""单位管理: the tree of units below the administrator."""

from __future__ import annotations

from flask_babel import lazy_gettext as _

from app.kit.listing import Order
from app.kit.view import RecordView
from app.models.unit import Unit


class UnitView(RecordView):
    """The units of the subtree."""

    model = Unit
    right = "用户管理"
    list_title = _("单位管理")
    columns = ("name", "unit_no", "level", "parent_id", "leader_name", "office_phone")
    sheet = (
        (_("单位情况"), ("parent_id", "name", "level", "admin_division", "is_aid_centre")),
        (
            _("联系方式"),
            (
                "leader_name",
                "leader_phone",
                "office_phone",
                "duty_phone",
                "area_code",
                "fax",
                "postcode",
                "email",
                "address",
            ),
        ),
        (_("中心简介"), ("introduction",)),
    )
    conditions = ("name", "level", "leader_name")
    order = Order("id", descending=False)
    add_label = _("新建单位")
    delete_label = _("删除选中的单位")
