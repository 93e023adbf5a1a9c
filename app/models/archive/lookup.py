"""Who holds a number, anywhere in the country: the ID look-up of AID-R056 – R060 is a door (unified §3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask_babel import lazy_gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from app.kit import claims, identity
from app.kit.clock import today
from app.kit.errors import Invalid, Problem, Refused
from app.kit.query import spellings
from app.kit.scope import class_of_table, door
from app.models.archive.lists import TEMPORARY
from app.models.unit import full_names

if TYPE_CHECKING:
    from app.models.archive import Archive

#: the registry of `identity_claim` in which householders and members are unique
REGISTRY = "hardship"
_LOOK_UP = door("archive ID look-up")


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
    found: Archive = session.scalars(statement.execution_options(**_LOOK_UP)).one()
    return found


def find_whole(session: Any, archive_id: int) -> Archive | None:
    """The same with its family, which is out of scope too; None when it has gone."""
    cls = class_of_table("archive")
    whole = (joinedload(cls.owner_unit), selectinload(cls.family_members))
    statement = select(cls).where(cls.id == archive_id, cls.merged_into_id.is_(None)).options(*whole)
    found: Archive | None = session.scalars(statement.execution_options(**_LOOK_UP)).one_or_none()
    return found


def files_of(session: Any, number: str, *, lock: bool = False) -> list[Archive]:
    """The files of the householder with this number, wherever they are, with everything that a version keeps."""
    cls = class_of_table("archive")
    statement = select(cls).where(cls.id_card_no.in_(spellings(number)), cls.merged_into_id.is_(None))
    # by statements of their own: a row that was waited for may have another owner than the join had seen
    statement = statement.options(selectinload(cls.owner_unit), selectinload(cls.family_members))
    statement = statement.order_by(cls.id).execution_options(populate_existing=lock, **_LOOK_UP)
    return list(session.scalars(statement.with_for_update(of=cls) if lock else statement))


def holding(session: Any, number: str) -> list[tuple[Archive, str]]:
    """Every file in which a number stands, with the role that it has there: ``head``, or ``member``."""
    found = [(archive, "head") for archive in files_of(session, number)]
    holder = next(iter(claims.holders(session, REGISTRY, [number]).values()), None)
    if holder is not None and holder.record_id not in {archive.id for archive, _role in found}:
        found.append((find_anywhere(session, holder.record_id), holder.role))
    return found


class Known:
    """A file is known by the householder's number, in the whole country (AID-R072)."""

    @classmethod
    def known_as(cls, session: Session, number: str, *, lock: bool = False) -> list[Any]:
        """His files; the number of another file's family member is told as such. Raises Invalid or Refused."""
        if words := identity.fault(number, today()):
            raise Invalid([Problem("id_card_no", words)])
        found = files_of(session, number, lock=lock)
        if not found and (held := holding(session, number)):
            raise Refused(conflict_words(session, held[0][0].id, held[0][1]))
        return found
