"""信访接待信息管理."""

from __future__ import annotations

from flask_babel import lazy_gettext as _

from app.kit.forms import Typed
from app.kit.module import plain_entries
from app.kit.scope import Actor
from app.kit.statistics import Measure, Statistics
from app.kit.view import RecordView
from app.models.petition import Petition


class PetitionView(RecordView):
    """Petitions of the unit and what subordinates have reported (3.12)."""

    model = Petition
    right = "信访接待"
    paper_number = "petition_no"
    list_title = _("信访接待信息")
    columns = (
        "petition_no",
        "visitor_name",
        "visited_on",
        "category",
        "content",
        "receptionist",
        "report_state",
    )
    sheet = (
        (
            _("来访人"),
            (
                "visited_on",
                "visitor_name",
                "gender",
                "id_card_no",
                "worker_identity",
                "phone",
                "employer_name",
                "employer_nature",
                "industry",
                "home_address",
            ),
        ),
        (_("信访事项"), ("channel", "category", "is_collective", "visitor_count", "content")),
        (_("办理情况"), ("handling", "result", "closed_on", "receptionist", "remarks")),
    )
    conditions = (
        "visitor_name",
        "id_card_no",
        "visited_on",
        "channel",
        "category",
        "result",
        "employer_name",
    )
    statistics = Statistics(
        ("channel", "category", "result", "worker_identity", "employer_nature"),
        (Measure("cases", _("件数")), Measure("people", _("人次"), "visitor_count")),
    )
    add_label = _("增加新的信访信息")
    empty_words = _("还没有信访接待信息。点击「增加新的信访信息」登记来访、来信或来电。")

    def begins(self, actor: Actor) -> Typed:
        """Today, received by who writes."""
        return {"visited_on": f"{actor.at:%Y-%m-%d}", "receptionist": actor.name}


MENU = plain_entries(_("信访接待"))
