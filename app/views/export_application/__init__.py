"""批量导出/下载档案: apply, approve, download."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement

from app.kit import forms, scope
from app.kit.declaration import Shelf, Shown
from app.kit.module import Entry
from app.kit.pages import Action, Chip, FormPage, SheetPage
from app.kit.query import Choice
from app.kit.scope import Actor
from app.kit.view import RecordView
from app.models.export_application import (
    APPROVED,
    EXPORTED,
    NOT_APPROVED,
    NOT_EXPORTED,
    ExportApplication,
)
from app.models.export_application.checks import download_refusal
from app.models.unit import Unit
from app.views.export_application.handing import DownloadApi, Downloading, data_file, downloads_of


def awaits_us() -> ColumnElement[bool]:
    """未批准 applications of all next-level units (AID-R107)."""
    below = Unit.parent_id == scope.actor().unit_id
    return (ExportApplication.approval_state == NOT_APPROVED) & ExportApplication.owner_unit.has(below)


def is_ready() -> ColumnElement[bool]:
    """There is, or was, something to download."""
    return ExportApplication.export_state == EXPORTED


class ExportApplicationView(Downloading, RecordView):
    """Applications of the unit and of those below (AID-R103 – R112)."""

    model = ExportApplication
    right = "用户管理"
    list_title = _("批量导出/下载档案")
    columns = (
        "applied_on",
        "applicant_unit_id",
        "export_unit_id",
        "archive_kinds",
        "export_state",
        "approval_state",
        "data_file",
    )
    shown = {"data_file": Shown(_("数据文件"), lambda record: data_file(record)[0])}
    sheet = (
        (_("导出范围"), ("export_unit_id", "include_subordinates", "archive_kinds")),
        (_("导出条件"), ("created_from", "created_to", "include_cancelled")),
        (_("导出内容"), ("columns", "in_utf8", "reason")),
    )
    #: what the system fills in, below the sheet
    outcome = (
        (
            _("审批"),
            (
                "applied_on",
                "applicant_unit_id",
                "approval_state",
                "approver_unit_name",
                "approver",
                "approved_at",
            ),
        ),
        (_("导出"), ("export_state", "exported_at", "row_count", "expires_on")),
    )
    conditions = (
        "applied_on",
        Choice(
            "progress",
            _("申请状态"),
            (
                ("waiting", _("未批准"), lambda: ExportApplication.approval_state == NOT_APPROVED),
                ("pending", _("未导出"), lambda: ExportApplication.export_state == NOT_EXPORTED),
                ("exported", _("已导出"), is_ready),
            ),
        ),
    )
    shelves = (
        Shelf("all", _("申请列表")),
        Shelf(
            "approve",
            _("审批申请"),
            awaits_us,
            steps=("approve",),
            columns=("applied_on", "applicant_unit_id", "export_unit_id", "archive_kinds", "reason"),
            conditions=("applied_on",),
            advice=_("这里是下一级单位提出、等待本单位批准的导出申请。"),
            empty_words=_("没有等待本单位审批的申请"),
        ),
        Shelf(
            "ready",
            _("下载数据"),
            is_ready,
            is_own=True,
            steps=(),
            columns=("applied_on", "export_unit_id", "archive_kinds", "row_count", "data_file", "expires_on"),
            conditions=("applied_on",),
            empty_words=_("还没有可以下载的数据。申请批准后，系统于夜间导出，次日可在这里下载。"),
        ),
    )
    eager = ("owner_unit", "export_unit", "downloads")
    can_print = False
    add_label = _("提出申请")
    save_label = _("提交")
    save_more_label = ""
    delete_label = _("删除选中的申请")
    empty_words = _("还没有导出申请。点击「提出申请」，由直接上级批准后，系统于夜间导出数据。")
    more_api = (DownloadApi,)

    def begins(self, actor: Actor) -> forms.Typed:
        """One's own unit."""
        return {"export_unit_id": str(actor.unit_id or "")}

    def dress(self, page: FormPage, record: Any, typed: forms.Typed) -> None:
        """Who decides, and when there is something to download."""
        page.notes.append(_("提交后由直接上级的用户管理员审批；批准后系统于夜间导出，次日可以下载。"))

    def chips(self, record: Any, actor: Actor) -> list[Chip]:
        """Both states, and whether the file is still there."""
        chips = [
            Chip(record.text("approval_state"), "green" if record.approval_state == APPROVED else "amber"),
            Chip(record.text("export_state"), "green" if record.export_state == EXPORTED else "grey"),
        ]
        return [*chips, Chip(_("文件已过期"), "red")] if record.is_expired else chips

    def dress_sheet(self, page: SheetPage, record: Any, actor: Actor) -> None:
        """What became of the application, and who has downloaded the data (AID-R112)."""
        more = [*forms.read_sections(record, self.outcome), downloads_of(record)]
        for number, section in enumerate(more, len(page.sections) + 1):
            section.number = number
            page.sections.append(section)

    def more_actions(self, record: Any, actor: Actor) -> list[Action]:
        """下载, for the applicant's administrator."""
        if record.owner_path != actor.path:
            return []
        refusal = download_refusal(record, actor)
        return [Action("download", _("下载"), self.url("fetch", pk=record.id), "download", refusal=refusal)]

    row_actions = more_actions

    def more_json(self, record: Any, actor: Actor) -> dict[str, Any]:
        """The data file and who has taken it."""
        log = [{"at": one.at.isoformat(), "account": one.account_name} for one in record.downloads]
        return {"data_file": data_file(record)[1], "download_log": log}


HERE = "export_application"
MENU = Entry(
    _("批量导出/下载档案"),
    entries=(
        Entry(_("申请列表"), f"{HERE}.list", (("shelf", "all"),)),
        Entry(_("提出申请"), f"{HERE}.add", permission="write"),
        Entry(_("审批申请"), f"{HERE}.list", (("shelf", "approve"),), permission="approve"),
        Entry(_("下载数据"), f"{HERE}.list", (("shelf", "ready"),)),
    ),
)
