"""The file that stands in the way of a number: whose it is, and the way out (AID-R056 – R060)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import request
from flask_babel import lazy_gettext as _

from app.kit import claims, forms, scope
from app.kit.errors import Problem
from app.kit.pages import Conflict
from app.models.archive import Archive
from app.models.archive.lists import TEMPORARY
from app.models.archive.lookup import REGISTRY, find_anywhere
from app.models.unit import full_names

if TYPE_CHECKING:
    from app.views.archive import ArchiveView


def conflict_of(view: ArchiveView, record: Any, clash: Problem) -> Conflict | None:
    """What the dialog says of one clash; None when the number is nobody else's any more."""
    number = forms.value_at(forms.typed_from(request.form, Archive), clash.field)
    holder = next(iter(claims.holders(view.session, REGISTRY, [number]).values()), None) if number else None
    if holder is None or holder.record_id == record.id:
        return None
    archive = find_anywhere(view.session, holder.record_id)
    unit, is_ours = archive.owner_unit, archive.owner_path == scope.actor().path
    conflict = Conflict(clash.words)
    conflict.title, conflict.advice = _way_out(archive, holder.role, is_ours=is_ours)
    conflict.facts = [
        (_("所属单位"), "->".join(full_names(view.session, [archive.owner_path])[archive.owner_path])),
        (_("职工编号"), archive.archive_no),
        (_("联系电话"), unit.office_phone or unit.leader_phone or _("未登记")),
    ]
    if is_ours and not archive.is_cancelled:
        conflict.url, conflict.url_label = view.url("edit", pk=archive.id), _("打开这份档案")
    elif archive.is_seen_by(scope.actor()):
        conflict.url, conflict.url_label = view.url("show", pk=archive.id), _("查看")
    return conflict


def _way_out(archive: Archive, role: str, *, is_ours: bool) -> tuple[Any, Any]:
    """What kind of conflict it is, and what may be done about it (spec 5.17)."""
    if role == "member":
        return _("已登记为家庭成员"), _(
            "一个人只能登记在一份档案中。请核对号码；确已分户的，请先从那份档案的家庭成员中移除。"
        )
    if archive.is_cancelled:
        return _("档案已注销"), _("该职工的档案已注销，应恢复原档案，不能另建新档。")
    if archive.archive_kind == TEMPORARY:
        return _("已有临时救助档案"), _("该职工已有临时救助档案，应将其转为困难职工，不能另建新档。")
    if is_ours:
        return _("本单位已建档"), _("本单位已有该职工的档案，请打开原档案修改。")
    return _("其他单位已建档"), _("一名职工在全国只有一份档案。如该职工已到本单位，请与所属单位联系。")
