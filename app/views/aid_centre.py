"""帮扶中心信息: one's own, and those of the subordinates."""

from __future__ import annotations

from typing import Any

from flask import request
from flask_appbuilder.api import expose as expose_api
from flask_appbuilder.baseviews import expose
from flask_babel import lazy_gettext as _

from app.kit import formpage, scope
from app.kit.access import needs
from app.kit.api import RecordApi
from app.kit.apidoor import secured
from app.kit.dimension import Dimension
from app.kit.face import leave
from app.kit.forms import Typed
from app.kit.listing import Order
from app.kit.module import Entry
from app.kit.pages import FormPage
from app.kit.scope import Actor
from app.kit.statistics import Measure, Statistics
from app.kit.view import RecordView
from app.models.aid_centre import NO_LEVEL, AidCentre
from app.models.unit import Unit


class CentreApi(RecordApi):
    """REST adds or updates, as the page does (AID-R221)."""

    @expose_api("/", methods=["POST"])
    @secured("write")
    def post(self, who: Actor) -> Any:
        """The centre of the caller's unit: 201 when it is new, else 200."""
        known = AidCentre.of_unit(self.session, who)
        return self.put(known) if known else super().post()


class AidCentreView(RecordView):
    """The centre of one's own unit, query and statistics with the subordinates' (AID-R221, 3.15)."""

    model = AidCentre
    right = "用户管理"
    columns = (
        "owner_unit_id",
        "centre_name",
        "centre_level",
        "is_public_institution",
        "staff_count",
        "floor_area_m2",
        "annual_budget_wan",
    )
    sheet = (
        (
            _("中心情况"),
            (
                "centre_name",
                "centre_level",
                "founded_on",
                "is_public_institution",
                "has_coordination_system",
                "services",
            ),
        ),
        (
            _("人员、场所和经费"),
            (
                "authorised_posts",
                "staff_count",
                "full_time",
                "part_time",
                "hired",
                "floor_area_m2",
                "in_fiscal_budget",
                "annual_budget_wan",
            ),
        ),
        (
            _("联系方式（与单位资料相同）"),
            ("duty_phone", "area_code", "fax", "email", "postcode", "address"),
        ),
        (_("中心简介"), ("introduction",)),
    )
    conditions = (
        "centre_name",
        "centre_level",
        "is_public_institution",
        "in_fiscal_budget",
        "staff_count",
        "floor_area_m2",
    )
    statistics = Statistics(
        (
            Dimension("centre_level", absent=frozenset(NO_LEVEL)),
            "is_public_institution",
            "in_fiscal_budget",
            "has_coordination_system",
        ),
        (
            Measure("centres", _("个数")),
            Measure("staff", _("工作人员数"), "staff_count"),
            Measure("posts", _("编制人数"), "authorised_posts"),
            Measure("area", _("建筑面积(平方米)"), "floor_area_m2"),
            Measure("budget", _("年度工作经费(万元)"), "annual_budget_wan"),
        ),
        always_blank=False,
    )
    eager, eager_columns = ("owner_unit",), {"owner_unit": ("name", *AidCentre.virtual)}
    order = Order("id", descending=False)
    more_api = (CentreApi,)
    can_delete = is_tickable = False
    measure_word = _("个")
    add_label, save_more_label = _("本帮扶中心信息"), ""
    empty_words = _("还没有帮扶中心信息。点击「本帮扶中心信息」填写本单位的。")

    @expose("/own", methods=["GET", "POST"])
    @needs("write")
    def own(self) -> Any:
        """本帮扶中心信息: the form of what there is, or of a new one."""
        who = scope.actor()
        known = AidCentre.of_unit(self.session, who)
        return formpage.serve(self, self.session, self.find(known) if known else self.new(), who)

    @expose("/add", methods=["GET", "POST"])
    @needs("write")
    def add(self) -> Any:
        """Who has a centre already gets its form."""
        if request.method == "GET" and AidCentre.of_unit(self.session, scope.actor()):
            return leave(self.url("own"))
        return super().add()

    def new(self) -> Any:
        """Typed over the unit as the form showed it."""
        return self._over(AidCentre())

    def find(self, pk: int, *, lock: bool = False) -> Any:
        """The same for a stored one."""
        return self._over(super().find(pk, lock=lock))

    def _over(self, centre: AidCentre) -> AidCentre:
        centre.seen_unit = request.args.get("unit_version")
        return centre

    def begins(self, actor: Actor) -> Typed:
        """The unit's level and contact data."""
        return AidCentre.begun_by(self._unit(actor))

    def _unit(self, actor: Actor) -> Unit:
        return self.session.get_one(Unit, actor.unit_id)

    def dress(self, page: FormPage, record: Any, typed: Typed) -> None:
        """The form knows which edition of the unit it shows; who is no centre may leave it empty (AID-R221)."""
        unit = self._unit(scope.actor())
        page.title, page.back_url = self.add_label, self.url("list")
        if "unit_version" not in request.args:
            page.url += f"{'&' if '?' in page.url else '?'}unit_version={unit.version}"
        if record.id is None and not unit.is_aid_centre:
            page.notes.append(_("本单位没有设为帮扶中心，可以不填。"))

    def more_json(self, record: Any, actor: Actor) -> dict[str, Any]:
        """``unit_id`` as the spec calls the owner."""
        return {"unit_id": record.owner_unit_id}


MENU = (
    Entry(
        _("帮扶中心信息"),
        entries=(
            Entry(_("本帮扶中心信息"), "own", permission="write"),
            Entry(_("帮扶中心信息查询"), "list", (("panel", "all"),)),
            Entry(_("帮扶中心信息统计"), "statistic"),
        ),
    ),
)
