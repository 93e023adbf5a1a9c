"""职介机构管理."""

from __future__ import annotations

from flask_babel import lazy_gettext as _

from app.kit.declaration import Shown
from app.kit.forms import Typed
from app.kit.module import Entry
from app.kit.scope import Actor
from app.kit.view import RecordView
from app.models.job_agency import JobAgency


class JobAgencyView(RecordView):
    """Agencies of the unit and what subordinates have reported (3.13)."""

    model = JobAgency
    right = "职业介绍"
    list_title = _("职介机构")
    columns = ("name", "qualification", "registered_on", "staff_count", "has_subsidy", "report_state")
    shown = {
        "name": Shown(_("名称"), lambda agency: agency.name, is_elastic=True),
        "qualification": Shown(_("资质"), lambda agency: agency.qualification or "", is_elastic=True),
    }
    sheet = ((_("职介机构"), ("registered_on", "name", "staff_count", "has_subsidy", "qualification")),)
    conditions = ("name", "registered_on", "qualification", "has_subsidy")
    add_label = _("增加新的职介机构")
    delete_label = _("删除选中的职介机构")
    step_labels = {"report": _("上报职介机构信息"), "send_back": _("退回上报信息")}
    empty_words = _("还没有职介机构。点击「增加新的职介机构」登记；有了职介机构，才能增加招聘单位。")

    def begins(self, actor: Actor) -> Typed:
        """Today."""
        return {"registered_on": f"{actor.at:%Y-%m-%d}"}


MENU = (Entry(_("职介机构管理"), "list"),)
