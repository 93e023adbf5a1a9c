"""推荐人才信息."""

from __future__ import annotations

from typing import Any

from flask import request
from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement

from app.kit import scope
from app.kit.declaration import Shelf
from app.kit.forms import Typed
from app.kit.hung import Hung
from app.kit.listing import Order
from app.kit.pages import FormPage, Option, Tab
from app.kit.scope import Actor
from app.kit.view import RecordView
from app.models.employer import Employer
from app.models.recommendation import Recommendation
from app.views.job_seeker import talents_and_recommendations


class RecommendationView(Hung, RecordView):
    """The recommendations of the unit's talents: a list, and a tab of each talent; added and deleted only (AID-R151)."""

    model = Recommendation
    right = "职业介绍"
    list_title = _("推荐人才信息")
    columns = ("recommended_on", "job_seeker_id", "recommended_to", "result", "contact_phone")
    sheet = (
        (
            _("推荐信息"),
            (
                "job_seeker_id",
                "job_position_id",
                "recommended_on",
                "recommended_to",
                "result",
                "contact_phone",
                "remarks",
            ),
        ),
    )
    shelves = (Shelf("own", _("推荐人才信息"), is_own=True),)
    conditions = (("job_seeker.full_name", _("求职人才")), "recommended_to", "recommended_on", "result")
    tab_label, tab_order, addressed = _("推荐信息"), Order("recommended_on"), ("job_seeker_id",)
    eager = ("owner_unit", "job_seeker")
    eager_columns = {"job_seeker": ("full_name", "owner_unit_id", "owner_path")}
    can_edit = False
    add_label = _("增加推荐信息")
    delete_label = _("删除选中的推荐信息")
    empty_words = _("还没有推荐信息。打开求职人才，在「推荐信息」页签增加。")

    def base_clauses(self) -> list[ColumnElement[bool]]:
        """One's own (1.3)."""
        return [Recommendation.owner_path == scope.actor().path]

    def addressed_clauses(self) -> list[ColumnElement[bool]]:
        """With the talent, where the reader sees him."""
        return []

    def beside(self, shelf: Shelf | None) -> list[Tab]:
        """Whom they are about."""
        return talents_and_recommendations(self.resource)

    def begins(self, actor: Actor) -> Typed:
        """Today; of a position that is given, the employer and its telephone."""
        raw = request.args.get("job_position_id", "")
        given = int(raw) if raw.isascii() and raw.isdigit() and len(raw) < 10 else 0
        begun = self.model.begins_for(self.session, given) if given else {}
        return {"recommended_on": f"{actor.at:%Y-%m-%d}"} | begun

    def dress(self, page: FormPage, record: Any, typed: Typed) -> None:
        """The employers that the clerk sees may be taken; any other is typed."""
        super().dress(page, record, typed)
        for one in page.sections[0].fields:
            if one.name == "recommended_to":
                one.options = [Option(name, name) for name in Employer.names(self.session)]


MENU = ()
