"""What must hold before an application is changed, approved, exported, downloaded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import select

from app.kit.errors import Problem
from app.kit.record import session_of
from app.kit.scope import Actor, class_of_table, door
from app.models.export_application.night import open_job

#: CT-40
NOT_EXPORTED, EXPORTED = "not_exported", "exported"
NOT_APPROVED, APPROVED = "not_approved", "approved"


def span_is_in_order(application: Any) -> Iterator[Problem]:
    """建档日期 从 … 到 …."""
    begin, end = application.created_from, application.created_to
    if begin and end and begin > end:
        yield Problem("created_to", _("建档日期的终点不能早于起点"))


def is_not_approved(application: Any, actor: Actor) -> Any:
    """What has been approved stays as it was approved (AID-R105)."""
    if application.approval_state == NOT_APPROVED:
        return None
    return _("「%(record)s」：该申请已批准,不能修改；如需其他数据，请另提申请", record=application.title)


def is_not_exported(application: Any, actor: Actor) -> Any:
    """An application whose data has gone out stays (AID-R106)."""
    if application.export_state == NOT_EXPORTED:
        return None
    return _("「%(record)s」：数据已导出,不能删除，也不必再导出；文件到期自动清除", record=application.title)


def is_waiting(application: Any, actor: Actor) -> Any:
    """Approved once, by one."""
    if application.approval_state == NOT_APPROVED:
        return None
    return _(
        "「%(record)s」已由%(who)s于%(when)s批准，不必再批准",
        record=application.title,
        who=application.approver,
        when=application.text("approved_at"),
    )


def is_of_next_level(application: Any, actor: Actor) -> Any:
    """The direct superior approves, nobody else (AID-R107)."""
    if actor.everywhere or application.superior_id == actor.unit_id:
        return None
    unit = class_of_table("unit")
    name = session_of(application).scalar(
        select(unit.name)
        .where(unit.id == application.superior_id)
        .execution_options(**door("name of the unit that approves"))
    )
    return _(
        "「%(record)s」由申请单位的直接上级审批，请由%(unit)s的用户管理员办理",
        record=application.title,
        unit=name or _("上级单位"),
    )


def is_approved(application: Any, actor: Actor) -> Any:
    """Nothing leaves the house before the superior has agreed."""
    if application.approval_state == APPROVED:
        return None
    return _("「%(record)s」尚未批准，须先由申请单位的直接上级批准", record=application.title)


def is_for_the_root(application: Any, actor: Actor) -> Any:
    """By day a large export is felt by everybody: the root's administrator decides (docs/decisions/0030)."""
    if actor.everywhere or actor.depth == 1:
        return None
    return _("数据于夜间导出，请次日下载；急需时请联系全国总工会的用户管理员立即导出")


def is_not_being_exported(application: Any, actor: Actor) -> Any:
    """One job at a time."""
    if open_job(session_of(application), application) is None:
        return None
    return _("「%(record)s」正在导出，请稍候", record=application.title)


def download_refusal(application: Any, actor: Actor) -> Any:
    """Why the data may not be downloaded now; None when it may (AID-R109)."""
    if application.owner_path != actor.path:
        return _(
            "「%(record)s」的数据文件只供%(unit)s的用户管理员下载",
            record=application.title,
            unit=application.owner_unit.name,
        )
    if application.export_state == NOT_EXPORTED:
        return is_approved(application, actor) or _(
            "「%(record)s」尚未导出，数据于夜间导出，请次日下载", record=application.title
        )
    if application.is_expired:
        return _(
            "「%(record)s」的文件已过期，只保留到%(day)s；如仍需要，请重新提出申请",
            record=application.title,
            day=application.expires_on,
        )
    return None
