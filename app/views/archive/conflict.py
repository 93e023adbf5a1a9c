"""The file that stands in the way of a number: whose it is, and the way out (AID-R056 – R060)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import request
from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Session

from app.kit import claims, forms, scope
from app.kit.errors import Problem
from app.kit.pages import Conflict
from app.models.archive import Archive
from app.models.archive.lists import TEMPORARY
from app.models.archive.lookup import REGISTRY, conflict_words, find_anywhere
from app.models.unit import full_names

if TYPE_CHECKING:
    from app.views.archive import ArchiveView


def conflict_of(view: ArchiveView, record: Any, clash: Problem) -> Conflict | None:
    """What the dialog says of one clash on saving; None when the number is nobody else's any more."""
    number = forms.value_at(forms.typed_from(request.form, Archive), clash.field)
    holder = holder_of(view.session, number, record.id)
    if holder is None:
        return None
    told = told_of(view, *holder)
    told.hint = _("本次没有保存，填写的内容都还在。")
    return told


def holder_of(session: Session, number: str, but: int | None) -> tuple[Archive, str] | None:
    """The file that holds a number, and as whose; None when none does, or the file ``but`` itself."""
    holder = next(iter(claims.holders(session, REGISTRY, [number]).values()), None) if number else None
    if holder is None or holder.record_id == but:
        return None
    return find_anywhere(session, holder.record_id), holder.role


def told_of(view: ArchiveView, archive: Archive, role: str) -> Conflict:
    """Whose the number is, in the words of 5.17."""
    who = scope.actor()
    told = Conflict(conflict_words(view.session, archive.id, role))
    is_ours = archive.owner_path == who.path
    told.title, told.advice = way_out(archive, role, is_ours=is_ours)
    unit = archive.owner_unit
    told.facts = [
        (_("所属单位"), "->".join(full_names(view.session, [archive.owner_path])[archive.owner_path])),
        (_("职工编号"), archive.archive_no),
        (_("联系电话"), unit.office_phone or unit.leader_phone or _("未登记")),
    ]
    is_standing = not archive.is_cancelled
    if is_ours and is_standing and (role == "member" or archive.hardship_category != TEMPORARY):
        told.url, told.url_label = view.url("edit", pk=archive.id), _("编辑")
    else:
        told.url, told.url_label = view.holder_url(archive, who), _("查看")
        if role == "head" and is_standing and archive.hardship_category != TEMPORARY:
            told.url_label = _("请与所属单位联系")
    return told


def way_out(archive: Archive, role: str, *, is_ours: bool) -> tuple[Any, Any]:
    """What kind of conflict it is, and what may be done about it (spec 5.17)."""
    if role == "member":
        return _("已登记为家庭成员"), _(
            "一个人只能登记在一份档案中。请核对号码；确已分户的，请先从那份档案的家庭成员中移除。"
        )
    if archive.is_cancelled:
        return _("档案已注销"), _(
            "该职工的档案已注销，不能另建新档。点「查看」打开原档案，可以恢复为本单位的困难职工。"
        )
    if archive.hardship_category == TEMPORARY:
        return _("已有临时救助档案"), _(
            "该职工已有临时救助档案，不能另建新档。点「查看」打开原档案，选择困难类别，转为困难职工。"
        )
    if is_ours:
        return _("本单位已建档"), _("本单位已有该职工的档案，请打开原档案修改。")
    return _("其他单位已建档"), _("一名职工在全国只有一份档案。如该职工已到本单位，请与所属单位联系。")
