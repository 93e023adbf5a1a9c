"""招聘单位信息管理."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _

from app.kit.declaration import Shown
from app.kit.forms import Typed, only_told
from app.kit.hung import Hung
from app.kit.listing import Order
from app.kit.module import Entry
from app.kit.pages import Action, FormPage
from app.kit.scope import Actor
from app.kit.view import RecordView
from app.models.employer import Employer


class EmployerView(Hung, RecordView):
    """Employers of the unit and what subordinates have reported (3.13); a tab of their agency."""

    model = Employer
    right = "职业介绍"
    list_title = _("招聘单位信息")
    columns = (
        "name",
        "agency_id",
        "registered_on",
        "openings_total",
        "contact_name",
        "contact_phone",
        "report_state",
    )
    shown = {"agency_id": Shown(_("职介机构"), lambda employer: employer.text("agency_id"), is_elastic=True)}
    sheet = (
        (
            _("招聘单位"),
            (
                "agency_id",
                "registered_on",
                "name",
                "employer_nature",
                "industry",
                "openings_total",
                "address",
            ),
        ),
        (_("联系方式"), ("contact_name", "contact_phone", "remarks")),
    )
    conditions = (
        "name",
        ("agency.name", _("职介机构")),
        "registered_on",
        "employer_nature",
        "industry",
        "openings_total",
    )
    tab_label, tab_order, addressed = _("招聘单位"), Order("registered_on"), ("agency_id",)
    eager, eager_columns = ("owner_unit", "agency"), {"agency": ("name",)}
    add_label = _("增加新的招聘单位信息")
    delete_label = _("删除选中的招聘单位信息")
    step_labels = {"report": _("上报招聘单位信息"), "send_back": _("退回上报信息")}
    empty_words = _(
        "还没有招聘单位信息。点击「增加新的招聘单位信息」登记，保存后在「招聘职位」页签增加职位。"
    )

    def begins(self, actor: Actor) -> Typed:
        """Today."""
        return {"registered_on": f"{actor.at:%Y-%m-%d}"}

    def dress(self, page: FormPage, record: Any, typed: Typed) -> None:
        """招聘人数 is the sum of the positions."""
        super().dress(page, record, typed)
        only_told(page, record, "openings_total")

    def row_actions(self, record: Any, actor: Actor) -> list[Action]:
        """职位 (3.13)."""
        return [
            Action("positions", _("职位"), self.url("show", pk=record.id, tab="job_position"), "briefcase")
        ]


MENU = (Entry(_("招聘单位信息管理"), "list"),)
