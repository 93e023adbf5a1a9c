"""帮扶救助: what units have done for workers in hardship."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _

from app.kit.dimension import Dimension
from app.kit.listing import Order
from app.kit.module import Entry, display_options, sweeps
from app.kit.pages import SheetPage
from app.kit.scope import Actor
from app.kit.statistics import Measure, Statistics
from app.kit.view import RecordView
from app.models.aid import Aid
from app.views import aid_doubt
from app.views.aid import batch, leaving, lists
from app.views.aid.entry import AidEntry


class AidView(AidEntry, leaving.Leaving, batch.BatchPages, RecordView):
    """Aid records of the unit and what subordinates have reported."""

    model = Aid
    right = "帮扶救助"
    list_title = _("帮扶情况")
    columns = (
        "archive_no",
        "full_name",
        "owner_unit_id",
        "aid_category",
        "aid_date",
        "measures_text",
        "total_amount",
        "report_state",
    )
    shown = lists.SHOWN
    shelves = (lists.ENTRY, leaving.SHELF, lists.CHANGE)
    sheet = (
        (_("帮扶对象"), ("full_name", "id_card_no", "aid_category", "aid_date")),
        (_("帮扶情况"), ("is_aided", "aid_form", "not_aided_reason")),
        (_("帮扶措施"), "measures"),
        (_("措施说明"), ("total_amount", "measure_detail")),
        (_("脱困情况"), ("is_out_of_hardship", "exit_method", "exit_date", "remarks")),
    )
    conditions = ("full_name", "id_card_no", "aid_category", "aid_form")
    more_conditions = (
        (
            _("帮扶情况"),
            ("is_aided", ("measures.measure", _("帮扶措施")), "total_amount", "aid_date"),
        ),
        (_("脱困情况"), ("is_out_of_hardship", "exit_method", "exit_date")),
    )
    statistics = Statistics(
        dimensions=(
            "is_aided",
            "aid_category",
            "aid_form",
            Dimension("measures.measure", _("帮扶措施")),
            Dimension("measures.fund_category", _("帮扶资金类别")),
            Dimension("aid_month", _("帮扶月份"), month_of="aid_date"),
            "is_out_of_hardship",
            "exit_method",
        ),
        measures=(
            Measure("times", _("人次")),
            Measure("people", _("人数"), distinct="archive_id"),
            Measure("amount", _("金额"), "total_amount", line="amount"),
        ),
        total=_("总计"),
        always_blank=False,
        title=_("帮扶情况统计"),
    )
    tab_label = _("帮扶信息")
    tab_order = Order("aid_date")
    addressed = ("archive_id", "batch_id")
    more_api = (batch.BatchApi,)
    eager = ("owner_unit", "archive", "measures")
    eager_columns = {"archive": ("archive_no",)}
    add_label = _("增加新的帮扶救助信息")
    save_more_label = _("保存，查询下一名职工")
    next_form = "add"
    delete_label = _("删除选中的帮扶救助信息")
    step_labels = {"report": _("上报帮扶信息"), "send_back": _("退回帮扶信息")}
    empty_words = _("还没有帮扶救助信息。点击「增加新的帮扶救助信息」，按身份证号查到职工后填写。")

    def label_of(self, name: str) -> Any:
        """The list says 帮扶单位 (3.11)."""
        return _("帮扶单位") if name == "owner_unit_id" else super().label_of(name)

    def dress_sheet(self, page: SheetPage, record: Any, actor: Actor) -> None:
        """Which of the measures stand in a summary table."""
        super().dress_sheet(page, record, actor)
        lists.mark_summarised(page, record)

    def more_json(self, record: Any, actor: Actor) -> dict[str, Any]:
        """职工编号, where the reader sees the file."""
        return {"archive_no": record.archive_no}


MENU = (
    Entry(
        _("帮扶救助信息管理"),
        entries=(
            Entry(_("帮扶情况填报"), "list"),
            Entry(_("填写脱困信息"), "list", (("shelf", "exit"),), permission="record_exit"),
            Entry(_("修改帮扶救助信息"), "list", (("shelf", "change"),), permission="write"),
            batch.ENTRY,
            Entry(_("帮扶情况查询"), "list", (("panel", "all"),)),
            Entry(_("帮扶情况统计"), "statistic"),
        ),
    ),
    Entry(_("快速上报和退回"), entries=sweeps(Aid)),
    aid_doubt.ENTRY,
    display_options("aid"),
)
