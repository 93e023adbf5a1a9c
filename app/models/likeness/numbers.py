"""Who else in the country has the very same number (AID-R039): the one look past the scope."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Mapping
from typing import Any

from sqlalchemy import ColumnElement, case, func, select, union_all
from sqlalchemy.orm import Session

from app.kit import query
from app.kit.scope import door
from app.models.archive import Archive
from app.models.archive.lists import in_normal_lists
from app.models.family_member import FamilyMember
from app.models.likeness.reading import File, among

_NATIONAL = door("identity uniqueness is national")
#: where numbers stand, and of which file
_HOLDERS = ((Archive.id_card_no, Archive.id), (FamilyMember.id_card_no, FamilyMember.archive_id))


def repeated(session: Session) -> frozenset[str]:
    """The first 17 digits of every number that stands more than once in the country.

    A number costs some ten probes of two indexes to ask for; a run over millions asks once for those that may be worth it.
    """
    numbers = union_all(*(select(_first17(number).label("number")) for number, _file in _HOLDERS)).subquery()
    look = select(numbers.c.number).group_by(numbers.c.number).having(func.count() > 1)
    return frozenset(filter(None, session.scalars(look.execution_options(**_NATIONAL))))


def _first17(number: Any) -> ColumnElement[str]:
    """Of the 18 characters of a number of 15 or 18 (AID-R042)."""
    long = func.substr(number, 1, 6) + "19" + func.substr(number, 7, 9)
    return case((func.length(number) == 15, long), else_=func.substr(number, 1, 17))


def same(
    session: Session, mine: Mapping[int, File], among_these: Container[str] | None
) -> dict[tuple[int, int], tuple[str, str]]:
    """Files anywhere that have the very same number as one of these, as pairs of ids with both units' paths.

    With ``among_these`` only numbers are asked for whose first 17 digits are there.
    """
    holders = defaultdict[str, set[int]](set)
    for file in mine.values():
        for one in file.said.people:
            if one.number and (among_these is None or one.number[:17] in among_these):
                for number in query.spellings(one.number):
                    holders[number].add(file.id)
    found = dict[tuple[int, int], tuple[str, str]]()
    if not holders:
        return found
    for number_of, archive_id in _HOLDERS:
        statement = select(number_of, Archive.id, Archive.owner_path).where(
            among(session, number_of, holders),
            Archive.id == archive_id,
            in_normal_lists(),
            ~among(session, Archive.id, mine),
        )
        for number, other, path in session.execute(statement.execution_options(**_NATIONAL)):
            for pk in holders[number]:
                pair = (pk, other) if pk < other else (other, pk)
                paths = (mine[pk].path, path)
                found[pair] = paths if pk < other else (paths[1], paths[0])
    return found
