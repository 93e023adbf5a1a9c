"""人员管理: who may log in, and with which rights."""

from __future__ import annotations

from flask_babel import lazy_gettext as _

from app.kit.listing import Order
from app.kit.view import RecordView
from app.models.account import Account


class AccountView(RecordView):
    """The people of the administrator's unit and of those below."""

    model = Account
    right = "用户管理"
    list_title = _("人员管理")
    columns = ("full_name", "login_name", "unit_id", "rights", "phone", "last_login_at")
    sheet = (
        (_("个人信息"), ("unit_id", "full_name", "gender", "login_name", "phone", "mobile", "email", "job_title")),
        (_("用户权限"), ("rights",)),
    )
    conditions = ("full_name", "login_name", "phone")
    order = Order("id", descending=False)
    add_label = _("新增人员")
    delete_label = _("删除选中的人员")
