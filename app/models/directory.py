"""跨区域维权: how any unit of the country is reached; the only look past the scope at what units are (AID-R227, R228).

    below(session, parent, shown)     units below one, fifty at a time
    line(session, path)               the tree as it is open down to one unit
    found(session, question)          units by name, number, pinyin, initials and place
    contact(session, pk)              one of them

Rows hold `COLUMNS` and nothing else, whoever asks: no person but through the telephones of the unit, and no data of workers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, String, and_, case, cast, func, or_, select
from sqlalchemy.orm import Session, aliased

from app.kit import codes, picking, tree
from app.kit.scope import door
from app.models.unit import Unit, full_names

#: what 3.15 shows of a unit, beside its name, number and superiors
CONTACT = (
    "address",
    "postcode",
    "area_code",
    "leader_phone",
    "office_phone",
    "fax",
    "duty_phone",
    "email",
    "introduction",
)
COLUMNS = ("id", "name", "unit_no", "path", *CONTACT)
#: places that a part of a name stands for; who types so little that there are more finds by address
MOST_PLACES = 40
_DOOR = door("directory of all units: contact columns")


@dataclass(frozen=True)
class Wanted:
    """What is looked for; ``page`` counts from 0."""

    name: str = ""
    place: str = ""
    page: int = 0
    size: int = 20

    @property
    def is_empty(self) -> bool:
        """Whether nothing is asked."""
        return not (self.name or self.place)


def below(session: Session, parent: int, shown: int = 0) -> Sequence[Row[Any]]:
    """Fifty units below one after those ``shown``, and one that says whether there are more."""
    some = _nodes().where(Unit.parent_id == parent).order_by(Unit.sort_order, Unit.id)
    return session.execute(some.offset(shown).limit(picking.MOST + 1)).all()


def line(session: Session, path: str) -> Sequence[Row[Any]]:
    """The root; below each unit on the way to ``path`` fifty and one, and whoever is on the way himself."""
    way = [tree.last_id(step) for step in tree.ancestors(path)]
    place = func.row_number().over(partition_by=Unit.parent_id, order_by=(Unit.sort_order, Unit.id))
    shown = or_(Unit.parent_id.is_(None), Unit.parent_id.in_(way))
    near = select(Unit.id, place.label("place")).where(shown).subquery()
    some = _nodes().join(near, near.c.id == Unit.id)
    some = some.where(or_(near.c.place <= picking.MOST + 1, Unit.id.in_(way)))
    return session.execute(some.order_by(near.c.place)).all()


def _nodes() -> Select[Any]:
    under = aliased(Unit)
    has_below = select(under.id).where(under.parent_id == Unit.id).exists()
    node = select(Unit.id, Unit.parent_id, Unit.name, Unit.unit_no, has_below.label("has_below"))
    return node.execution_options(**_DOOR)


def contact(session: Session, pk: int) -> Row[Any] | None:
    """One unit; None when there is none of that number."""
    return session.execute(_columns().where(Unit.id == pk)).one_or_none()


def found(session: Session, wanted: Wanted) -> tuple[int, Sequence[Row[Any]]]:
    """How many there are, and a page of them: who is called exactly so, then by name, the highest first."""
    clauses = [*_called(wanted.name), *_at(wanted.place)]
    rank = case(
        (Unit.name == wanted.name, 0), (Unit.name.startswith(wanted.name, autoescape=True), 1), else_=2
    )
    order = (rank, func.length(Unit.path), Unit.path)
    # counted and put in order by one reading of the table, without what only the page shows
    every = select(Unit.id, func.count().over().label("number")).where(*clauses).order_by(*order)
    some = every.offset(wanted.page * wanted.size).limit(wanted.size).subquery()
    page = _columns(some.c.number).join(some, some.c.id == Unit.id).order_by(*order)
    rows = session.execute(page).all()
    if rows or not wanted.page:
        return (rows[0].number if rows else 0), rows
    return found(session, replace(wanted, page=0))[0], []


def superiors(session: Session, rows: Sequence[Row[Any]]) -> dict[int, str]:
    """Id → 所属单位: the names from the root down to the unit above."""
    names = full_names(session, [row.path for row in rows])
    return {row.id: "->".join(names[row.path][:-1]) for row in rows}


def _columns(*more: Any) -> Select[Any]:
    return select(*(getattr(Unit, name) for name in COLUMNS), *more).execution_options(**_DOOR)


def _called(typed: str) -> list[ColumnElement[bool]]:
    """By a part of the name, its pinyin or initials, or the beginning of the number."""
    if not typed:
        return []
    low = typed.lower()
    clause = Unit.search_key.contains(low, autoescape=True)
    if low.isascii() and low.isdigit():
        clause = or_(clause, cast(Unit.unit_no, String).startswith(low))
    return [clause]


def _at(typed: str) -> list[ColumnElement[bool]]:
    """By 行政区划, with everything inside it, or by address."""
    if not typed:
        return []
    clauses: list[ColumnElement[bool]] = [Unit.address.contains(typed, autoescape=True)]
    places = [value.code for value in codes.values("admin_division") if typed in value.label]
    if len(places) <= MOST_PLACES:
        clauses += [_inside(code) for code in places]
    return [or_(*clauses)]


def _inside(code: str) -> ColumnElement[bool]:
    """A division and what is below it: 110000 are all of 11…, 130100 all of 1301…."""
    stem = code.removesuffix("00").removesuffix("00")
    if stem == code:
        return Unit.admin_division == code
    return and_(Unit.admin_division >= code, Unit.admin_division <= stem.ljust(len(code), "9"))
