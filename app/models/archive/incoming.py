"""What an import asks of household files: which are there already, and how new ones are stored many at a time."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session, selectinload

from app.kit import bulk, claims
from app.kit.record import session_of
from app.kit.scope import Actor, door
from app.models.archive.lookup import REGISTRY
from app.models.archive.problems import claimable

if TYPE_CHECKING:
    from app.models.archive import Archive


class Incoming:
    """The import's side of a file."""

    id: Any
    full_name: Any
    owner_unit_id: Any

    @classmethod
    def settle_many(cls, rows: Sequence[Archive], actor: Actor) -> None:
        """Register the numbers of new households; a flagged one takes none that is another's or no number at all."""
        session, taken, values = session_of(rows[0]), set[str](), list[dict[str, Any]]()
        for archive in sorted(rows, key=lambda archive: bool(archive.problem_flags)):
            wanted = archive.identity_claims()
            if archive.problem_flags:
                wanted = claimable(archive, taken)
            made = claims.rows(REGISTRY, "archive", archive.id, wanted)
            taken.update(row["id_key"] for row in made)
            values += made
        values.sort(key=itemgetter("id_key"))  # in the order of their index
        bulk.insert_values(session, claims.IdentityClaim, values)

    @classmethod
    def stored_as(cls, session: Session, rows: Sequence[Archive]) -> dict[int, Archive]:
        """The files that the owners have of these householders; what stands elsewhere is the rules' matter."""
        held = claims.holders(session, REGISTRY, [row.id_card_no for row in rows if row.id_card_no])
        heads = {
            index: holder.record_id
            for index, row in enumerate(rows)
            if row.id_card_no
            and (holder := held.get(claims.id_key(row.id_card_no)))
            and holder.role == "head"
        }
        found = (
            {archive.id: archive for archive in _files(cls, session, cls.id.in_(set(heads.values())))}
            if heads
            else {}
        )
        return {
            index: found[pk]
            for index, pk in heads.items()
            if pk in found
            and found[pk].owner_unit_id == rows[index].owner_unit_id
            and not found[pk].is_cancelled
            and found[pk].merged_into_id is None
        }

    @classmethod
    def copies_of(cls, session: Session, rows: Sequence[Archive]) -> dict[int, list[Archive]]:
        """Files of the same owners under the same names: a faulty file may hold no number that finds it again."""
        if not rows:
            return {}
        units, called = {row.owner_unit_id for row in rows}, {row.full_name for row in rows}
        nameless = [cls.full_name.is_(None)] if None in called else []
        where = and_(cls.owner_unit_id.in_(units), or_(cls.full_name.in_(called - {None}), *nameless))
        found: dict[tuple[int, str | None], list[Archive]] = {}
        for archive in _files(cls, session, where):
            found.setdefault((archive.owner_unit_id, archive.full_name), []).append(archive)
        return {
            index: found[key]
            for index, row in enumerate(rows)
            if (key := (row.owner_unit_id, row.full_name)) in found
        }


def _files(cls: Any, session: Session, where: ColumnElement[bool]) -> list[Archive]:
    """Files with their members, past the scope: what an import may have brought before."""
    statement = select(cls).where(where).options(selectinload(cls.family_members))
    return list(session.scalars(statement.execution_options(**door("files that an import finds again"))))
