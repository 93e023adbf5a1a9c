"""培训机构管理."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _

from app.kit.forms import Typed
from app.kit.module import Entry
from app.kit.scope import Actor
from app.kit.view import RecordView
from app.models.training_institution import TrainingInstitution

#: what the list calls in fewer words than the form (3.13)
SHORT = {"name": _("名称"), "qualification": _("资质")}


class TrainingInstitutionView(RecordView):
    """Training institutions of the unit and what subordinates have reported (3.13)."""

    model = TrainingInstitution
    right = "技能培训"
    list_title = _("培训机构")
    columns = ("name", "qualification", "registered_on", "staff_count", "has_subsidy", "report_state")
    sheet = (
        (
            _("机构情况"),
            (
                "registered_on",
                "name",
                "staff_count",
                "is_accredited",
                "has_subsidy",
                "qualification",
            ),
        ),
        (_("联系方式"), ("contact_name", "contact_phone", "address", "remarks")),
    )
    conditions = ("name", "registered_on", "is_accredited", "has_subsidy")
    add_label = _("增加新的培训机构信息")
    delete_label = _("删除选中的培训机构信息")
    empty_words = _("还没有培训机构。点击「增加新的培训机构信息」登记；先有培训机构，才能填报培训班。")

    def label_of(self, name: str) -> Any:
        """名称 and 资质."""
        return SHORT.get(name) or super().label_of(name)

    def begins(self, actor: Actor) -> Typed:
        """Registered today."""
        return {"registered_on": f"{actor.at:%Y-%m-%d}"}


MENU = (Entry(_("培训机构管理"), "list"),)
