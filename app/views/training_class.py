"""培训班信息填报."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import url_for
from flask_babel import lazy_gettext as _

from app.kit.declaration import Shown
from app.kit.dimension import Dimension
from app.kit.hung import Hung
from app.kit.listing import Order
from app.kit.module import Entry
from app.kit.pages import Action, DialogPage, FieldView, SheetPage
from app.kit.question import Question
from app.kit.scope import Actor
from app.kit.statistics import LINES, Measure, Statistics
from app.kit.view import RecordView
from app.models.training_class import TrainingClass

#: classes of one 上报 whose registers are looked at
FEW = 20


class TrainingClassView(Hung, RecordView):
    """Training classes of the unit and what subordinates have reported (3.13)."""

    model = TrainingClass
    right = "技能培训"
    list_title = _("培训班信息")
    columns = ("institution_id", "topic", "days", "training_type", "session", "report_state")
    shown = {"days": Shown(_("培训日期"), lambda one: one.days)}
    sheet = (
        (
            _("培训班"),
            (
                "institution_id",
                "trainee_count",
                "session",
                "training_type",
                "starts_on",
                "ends_on",
                "topic",
                "description",
            ),
        ),
    )
    conditions = (
        "topic",
        ("institution.name", _("培训机构")),
        "session",
        "training_type",
        "starts_on",
        "ends_on",
    )
    statistics = Statistics(
        (
            Dimension("training_type", measures=("classes", "trained")),
            Dimension("trainees.trainee_category", measures=("named", "certified")),
        ),
        (
            Measure("classes", _("班数")),
            Measure("trained", _("培训人数"), "trainee_count"),
            Measure("named", _("学员人数"), line=LINES),
            Measure("certified", _("获证人数"), line="has_certificate"),
        ),
        always_blank=False,
        title=_("技能培训信息统计"),
    )
    tab_label, tab_order, addressed = _("培训班"), Order("starts_on"), ("institution_id",)
    eager_columns = {"institution": ("name",)}
    add_label = _("增加新的培训班信息")
    delete_label = _("删除选中的培训班信息")
    step_labels = {"report": _("上报培训班信息"), "send_back": _("退回上报的信息")}
    empty_words = _("还没有培训班信息。点击「增加新的培训班信息」填报，保存后在「培训学员」页签登记学员。")

    def tools(self, asked: Question) -> list[Action]:
        """The trainees of all classes, to be looked up in."""
        return [Action("trainees", _("学员信息管理"), url_for("trainee.list"), "users")]

    def row_actions(self, record: Any, actor: Actor) -> list[Action]:
        """学员 (3.13)."""
        return [Action("trainees", _("学员"), f"{self.url('show', pk=record.id)}?tab=trainee", "users")]

    def dress_sheet(self, page: SheetPage, record: Any, actor: Actor) -> None:
        """How many trainees have been entered, beside how many are said to be."""
        named = record.named
        page.sections[0].fields.insert(
            2, FieldView("named", _("已登记学员"), "int", text=f"{named}", unit=_("人"))
        )
        page.notes += filter(None, [record.miscounted(named)])

    def dress_dialog(self, page: DialogPage, records: Sequence[Any], step: str, actor: Actor) -> None:
        """Trainees are not entered any more once a class has gone up: that some are wanting is told before."""
        told = ((one.title, one.miscounted(one.named)) for one in records[:FEW] if step == "report")
        page.notes += [_("「%(one)s」%(words)s", one=title, words=words) for title, words in told if words]


MENU = (
    Entry(_("培训班信息填报"), "list"),
    Entry(_("技能培训信息查询"), "list", (("panel", "all"),)),
    Entry(_("技能培训信息统计"), "statistic"),
)
