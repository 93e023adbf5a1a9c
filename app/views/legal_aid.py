"""法律援助信息管理."""

from __future__ import annotations

from flask_babel import lazy_gettext as _

from app.kit.declaration import Shown
from app.kit.forms import Typed
from app.kit.listing import Order
from app.kit.module import plain_entries
from app.kit.scope import Actor
from app.kit.statistics import Measure, Statistics
from app.kit.view import RecordView
from app.models.legal_aid import LegalAid
from app.views.archive.entrance import Entrance


class LegalAidView(Entrance, RecordView):
    """Legal aid of the unit and what subordinates have reported (3.12)."""

    model = LegalAid
    right = "法律援助"
    list_title = _("法律援助信息")
    columns = ("archive_no", "full_name", "aided_on", "cause", "case_summary", "handler", "report_state")
    shown = {"archive_no": Shown(_("职工编号"), lambda aid: aid.archive_no)}
    sheet = (
        (_("受援职工"), ("full_name", "id_card_no", "aided_on", "legal_aid_form", "cause", "opposing_party")),
        (_("案情"), ("claim_amount", "beneficiary_count", "case_summary")),
        (
            _("办理情况"),
            ("agency", "handler", "result", "closed_on", "recovered_amount", "cost_amount", "remarks"),
        ),
    )
    conditions = ("full_name", "id_card_no", "aided_on", "legal_aid_form", "cause", "result", "handler")
    statistics = Statistics(
        ("legal_aid_form", "cause", "result"),
        (
            Measure("cases", _("件数")),
            Measure("people", _("人次"), "beneficiary_count"),
            Measure("recovered", _("挽回损失金额"), "recovered_amount"),
        ),
    )
    deed, give_label, give_icon = _("法律援助"), _("增加新的援助信息"), "gavel"
    tab_label, tab_order, addressed = _("法律援助"), Order("aided_on"), ("archive_id",)
    eager, eager_columns = ("owner_unit", "archive"), {"archive": ("archive_no",)}
    has_attachments = True
    add_label, next_form = give_label, "add"
    empty_words = _("还没有法律援助信息。点击「增加新的援助信息」，按身份证号查到职工后填写。")

    def begins(self, actor: Actor) -> Typed:
        """Today."""
        return {"aided_on": f"{actor.at:%Y-%m-%d}"}


MENU = plain_entries(_("法律援助"))
