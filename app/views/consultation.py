"""政策咨询信息管理."""

from __future__ import annotations

from flask_babel import lazy_gettext as _

from app.kit.forms import Typed
from app.kit.module import plain_entries
from app.kit.scope import Actor
from app.kit.statistics import Measure, Statistics
from app.kit.view import RecordView
from app.models.consultation import Consultation


class ConsultationView(RecordView):
    """Consultations of the unit and what subordinates have reported (3.12)."""

    model = Consultation
    right = "政策咨询"
    list_title = _("政策咨询信息")
    columns = (
        "visitor_name",
        "consulted_on",
        "channel",
        "category",
        "content",
        "receptionist",
        "report_state",
    )
    sheet = (
        (
            _("咨询人"),
            (
                "consulted_on",
                "visitor_name",
                "gender",
                "id_card_no",
                "worker_identity",
                "phone",
                "employer_name",
                "employer_nature",
            ),
        ),
        (_("咨询事项"), ("channel", "category", "visitor_count", "content")),
        (_("答复情况"), ("reply", "is_satisfied", "receptionist", "remarks")),
    )
    conditions = ("visitor_name", "id_card_no", "consulted_on", "channel", "category", "employer_name")
    statistics = Statistics(
        ("category", "channel", "worker_identity", "employer_nature", "is_satisfied"),
        (Measure("cases", _("件数")), Measure("people", _("人次"), "visitor_count")),
    )
    add_label = _("增加新的咨询信息")
    empty_words = _("还没有政策咨询信息。点击「增加新的咨询信息」登记。")

    def begins(self, actor: Actor) -> Typed:
        """Today, received by who writes."""
        return {"consulted_on": f"{actor.at:%Y-%m-%d}", "receptionist": actor.name}


MENU = plain_entries(_("政策咨询"))
