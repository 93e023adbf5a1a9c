"""批量帮扶: who may be aided by one form with others, and what of the form is typed for each (AID-R132, R133)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement, and_

from app.kit import batch, identity
from app.models.archive.lists import TEMPORARY, in_normal_lists, is_formal

if TYPE_CHECKING:
    from app.models.aid import Aid

#: 帮扶类别 of the form that leaves each worker his own 致困主要原因
OWN = "own"


def may_be_chosen() -> ColumnElement[bool]:
    """Formal files that stand; the scope adds: one's own, and what subordinates have reported (AID-R133)."""
    return and_(is_formal(), in_normal_lists())


def why_not_standing(archive: Any) -> Any:
    """A file that was put aside is not worked on."""
    if archive.merged_into_id:
        return _("该档案已合并到其他档案，请对合并后的档案办理")
    if archive.is_cancelled:
        return _("该职工已注销，恢复后才能增加帮扶救助信息")
    return None


def why_not(archive: Any) -> Any:
    """Why a file may not be among those of a batch, in words; None when it may."""
    if archive.hardship_category == TEMPORARY:
        return _("这是临时救助档案，批量帮扶只办理正式困难职工，请逐个增加")
    return why_not_standing(archive)


def typed_for(archive: Any, typed: batch.Typed) -> batch.Typed:
    """The form for one worker: himself, and his own cause where the form leaves it to each (REC-12 #4)."""
    category = typed.get("aid_category")
    own = archive.main_hardship_cause if category in (None, "", OWN) else category
    return typed | {"archive_id": archive.id, "aid_category": own}


def called(row: Any) -> str:
    """A worker by his name and the ends of his number."""
    return f"{row.full_name or ''} {identity.mask(row.id_card_no or '')}".strip()


def told(aid: Aid, number: int) -> Any:
    """How many workers, and the sum of money."""
    each, whole = f"{aid.total_amount:,.2f}", f"{aid.total_amount * number:,.2f}"
    return _(
        "将为%(n)s名职工各增加一条帮扶救助信息，每人%(each)s元，合计%(whole)s元",
        n=number,
        each=each,
        whole=whole,
    )


BATCH = batch.offer(
    batch.Batch(
        kind="aid_batch",
        label=_("批量帮扶"),
        table="aid",
        key="archive_id",
        target="archive",
        may=may_be_chosen,
        why_not=why_not,
        typed_for=typed_for,
        shown=("full_name", "id_card_no"),
        called=called,
        told=told,
        given=("id_card_no",),
    )
)
