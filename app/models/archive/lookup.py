"""Who holds a number, anywhere in the country: the ID look-up of AID-R056 – R060 is a door (unified §3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask_babel import lazy_gettext as _
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from app.kit.scope import class_of_table, door
from app.models.archive.lists import TEMPORARY
from app.models.unit import full_names

if TYPE_CHECKING:
    from app.models.archive import Archive

#: the registry of `identity_claim` in which householders and members are unique
REGISTRY = "hardship"


def conflict_words(session: Any, archive_id: int, role: str) -> Any:
    """What stands in the way of a number, in the words of 5.17 (AID-R056, R057, R059, R060)."""
    archive = find_anywhere(session, archive_id)
    unit = "->".join(full_names(session, [archive.owner_path])[archive.owner_path])
    if role == "member":
        return _(
            "该身份证号已作为家庭成员登记在职工编号【%(no)s】的档案中（%(unit)s）",
            no=archive.archive_no,
            unit=unit,
        )
    if archive.is_cancelled:
        return _("该身份证号的职工已被【%(unit)s】注销", unit=unit)
    if archive.archive_kind == TEMPORARY:
        return _("该身份证号的职工已被【%(unit)s】临时救助", unit=unit)
    return _("该身份证号的职工已由【%(unit)s】建档", unit=unit)


def find_anywhere(session: Any, archive_id: int) -> Archive:
    """An archive by id, past the scope: the ID look-up of AID-R056–R060 is a door (unified §3)."""
    cls = class_of_table("archive")
    statement = select(cls).where(cls.id == archive_id).options(joinedload(cls.owner_unit))
    found: Archive = session.scalars(statement.execution_options(**door("archive ID look-up"))).one()
    return found
