"""批量导出/下载档案: a unit asks its superior for a file of the archives that it sees."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer
from sqlalchemy.orm import Mapped, mapped_column, relationship, synonym

from app.kit.clock import today
from app.kit.columns import (
    CountField,
    ReferenceField,
    choices,
    code,
    column,
    count,
    day,
    long_text,
    moment,
    reference,
    text,
    yes_no,
)
from app.kit.record import append, session_of
from app.kit.reminders import remind
from app.kit.scope import Actor
from app.kit.workflow import Move, Step, StepLog
from app.models.export_application.checks import (
    APPROVED,
    EXPORTED,
    NOT_APPROVED,
    NOT_EXPORTED,
    is_approved,
    is_for_the_root,
    is_not_approved,
    is_not_being_exported,
    is_not_exported,
    is_of_next_level,
    is_waiting,
    span_is_in_order,
)
from app.models.export_application.contents import column_offers, kind_offers
from app.models.export_application.night import begin
from app.workflows.owned import Owned


class ExportApplication(Owned):
    """One application: own files and what subordinates have reported, as CSV, made at night.

    Source: spec/aid.md REC-10, SM-AID-08, AID-R103 – R112; docs/decisions/0029, 0030.
    """

    __tablename__ = "export_application"
    __label__ = _("导出申请")
    __table_args__ = (
        CheckConstraint(
            "export_state = 'not_exported' OR (approval_state = 'approved' AND exported_at IS NOT NULL)",
            name="exported_was_approved",
        ),
        CheckConstraint(
            "(approval_state = 'approved') = (approved_at IS NOT NULL)", name="approved_is_dated"
        ),
        Index("ix_export_application_owner", "owner_path", "id"),
        Index("ix_export_application_state", "approval_state", "export_state", "id"),
    )

    applied_on: Mapped[date] = day(_("申请日期"), automatic=True, nullable=False)
    applicant_unit_id = synonym(
        "owner_unit_id", info={"field": ReferenceField(_("申请单位"), "unit", automatic=True)}
    )
    export_unit_id: Mapped[int] = reference(
        _("导出单位"), "unit", required=True, nullable=False, hint=_("本单位或下级单位")
    )
    include_subordinates: Mapped[bool | None] = yes_no(_("包含下级数据"), default=True)
    archive_kinds: Mapped[list[str]] = choices(_("导出档案类型"), kind_offers, required=True, nullable=False)
    created_from: Mapped[date | None] = day(_("建档日期从"))
    created_to: Mapped[date | None] = day(_("建档日期到"))
    include_cancelled: Mapped[bool | None] = yes_no(_("包含已注销档案"), default=False)
    in_utf8: Mapped[bool | None] = yes_no(
        _("文件编码"), words=(_("UTF-8（Excel、WPS）"), _("GB18030（旧版软件）")), default=True
    )
    reason: Mapped[str | None] = long_text(_("申请说明"), 500)
    export_state: Mapped[str] = code(_("导出状态"), "export_state", automatic=True, nullable=False)
    approval_state: Mapped[str] = code(_("批准状态"), "approval_state", automatic=True, nullable=False)
    approver_unit_id: Mapped[int | None] = reference(_("批准单位"), "unit", automatic=True, system=True)
    approver_unit_name: Mapped[str | None] = text(_("批准单位"), 100, automatic=True)
    approver: Mapped[str | None] = text(_("批准人"), 64, automatic=True)
    approved_at: Mapped[datetime | None] = moment(_("批准日期"))
    exported_at: Mapped[datetime | None] = moment(_("导出时间"))
    row_count: Mapped[int | None] = count(_("导出户数"), automatic=True, unit=_("户"))
    file_size: Mapped[int | None] = column(CountField(_("文件大小"), automatic=True), BigInteger)
    expires_on: Mapped[date | None] = day(_("文件保留至"), automatic=True)
    job_id: Mapped[int | None] = mapped_column(
        Integer, ForeignKey("job.id", ondelete="SET NULL"), info={"system": True}
    )
    columns: Mapped[list[str] | None] = choices(
        _("导出字段"), column_offers, nothing=_("全部字段"), hint=_("不勾选即导出全部字段")
    )

    export_unit = relationship("Unit", foreign_keys=[export_unit_id])
    approver_unit = relationship("Unit", foreign_keys=[approver_unit_id])
    downloads: Mapped[list[StepLog]] = relationship(
        StepLog,
        primaryjoin=(
            "and_(foreign(StepLog.record_id) == ExportApplication.id, StepLog.step == 'download',"
            " StepLog.record_type == 'export_application')"
        ),
        order_by=StepLog.id.desc(),
        viewonly=True,
    )

    rules = (span_is_in_order,)
    steps = (
        Step(
            "approve",
            _("批准"),
            guards=(is_waiting,),
            wide_guards=(is_of_next_level,),
            icon="rubber-stamp",
            confirm=_("确定批准这份导出申请吗？批准后，系统于夜间导出数据，供申请单位下载。"),
            success=_("批准成功"),
            listed=False,
            applies=lambda record, actor: record.superior_id == actor.unit_id,
        ),
        Step(
            "export_now",
            _("立即导出"),
            guards=(is_for_the_root, is_approved, is_not_exported),
            wide_guards=(is_not_being_exported,),
            icon="file-export",
            confirm=_("确定现在就导出吗？导出较大的数据会占用系统资源，平时请等夜间导出。"),
            success=_("已交后台导出"),
            listed=False,
            applies=lambda record, actor: actor.depth == 1 and record.export_state == NOT_EXPORTED,
        ),
    )
    edit_guards = (is_not_approved,)
    delete_guards = (is_not_exported,)

    _is_new = False

    @property
    def title(self) -> str:
        """Who applied, and when."""
        unit = self.owner_unit.name if self.owner_unit_id else ""
        return f"{unit} {self.applied_on or today()} 导出申请"

    @property
    def applicant_unit(self) -> Any:
        """申请单位: the owner."""
        return self.owner_unit

    @property
    def is_expired(self) -> bool:
        """Whether the last day on which the file is kept is over."""
        return self.expires_on is not None and self.expires_on < today()

    def derive(self, actor: Actor) -> None:
        """A new application is 未导出 and 未批准 (AID-R104)."""
        super().derive(actor)
        if self.id is None:
            self._is_new = True
            self.applied_on = actor.at.date()
            self.export_state, self.approval_state = NOT_EXPORTED, NOT_APPROVED

    def settle(self, actor: Actor) -> None:
        """The superior is told; the root, which has none, has its own approved at once (AID Q30)."""
        super().settle(actor)
        if not self._is_new:
            return
        self._is_new, session = False, session_of(self)
        if self.superior_id is not None:
            message = gettext("%(title)s，请在「审批申请」中办理。", title=self.title)
            remind(session, self.superior_id, [self], _("导出申请待审批"), message, actor)
        else:
            move = self.on_approve(actor)
            append(session, StepLog, StepLog.line(self, "approve", actor, move, {}))

    def on_approve(self, actor: Actor) -> Move:
        """From now on the night's work takes it up (SM-AID-08 #4)."""
        self.approval_state, self.approved_at = APPROVED, actor.at
        self.approver_unit_id, self.approver_unit_name, self.approver = (
            actor.unit_id,
            actor.unit_name,
            actor.name,
        )
        return Move(actor.unit_id, self.owner_unit_id)

    def on_export_now(self, actor: Actor) -> None:
        """What the night would do."""
        begin(session_of(self), self)


__all__ = ["APPROVED", "EXPORTED", "NOT_APPROVED", "NOT_EXPORTED", "ExportApplication"]
