"""How a list is read: the rows of one page by keyset, their number up to a cap, the counts of the state tabs."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import Select, and_, func, literal_column, or_, select
from sqlalchemy.orm import Session

from app.kit.errors import BadRequest
from app.kit.record import Row

#: a list shows at most this many rows at once (REC-11 #5)
MAX_SIZE = 200
#: beyond it a count is shown as ``10000+`` until somebody asks for it exactly
COUNT_CAP = 10_000
#: more rows than these are put in no order but one that an index keeps
MOST_SORTED = 50_000


@dataclass(frozen=True)
class Order:
    """The order of a list; ties are broken by id in the same direction."""

    name: str = "id"
    descending: bool = True

    def expression(self, model: type[Row]) -> Any:
        """The value that is sorted by; an empty one sorts as the least of its type.

        The least stands in the SQL itself, so that an index over the same expression is recognised.
        """
        column = getattr(model, self.name)
        if self.name == "id":
            return column
        return func.coalesce(column, literal_column(_WRITTEN[column.type.python_type], column.type))

    def ends(self, model: type[Row]) -> tuple[Any, ...]:
        """The clauses of an ORDER BY."""
        keys = (self.expression(model), model.id) if self.name != "id" else (model.id,)  # type: ignore[attr-defined]
        return tuple(key.desc() if self.descending else key.asc() for key in keys)


_LEAST: dict[type, Any] = {
    str: "",
    int: 0,
    bool: False,
    date: date(1, 1, 1),
    datetime: datetime(1, 1, 1),  # noqa: DTZ001 - wall time
    Decimal: Decimal(0),
}
#: the same as both databases write it
_WRITTEN: dict[type, str] = {
    str: "''",
    int: "0",
    bool: "false",
    date: "'0001-01-01'",
    datetime: "'0001-01-01 00:00:00.000000'",
    Decimal: "0",
}


def has_order(column: Any) -> bool:
    """Whether rows can be put in the order of a column; JSON has none."""
    return column.type.python_type in _LEAST


def _least(column: Any) -> Any:
    return _LEAST[column.type.python_type]


@dataclass
class Slice:
    """One page of rows and the keys of its ends; a missing key is no page that way."""

    rows: list[Any]
    previous_key: str = ""
    next_key: str = ""


def page(
    session: Session,
    statement: Select[Any],
    model: type[Row],
    order: Order,
    size: int,
    key: str = "",
    number: int = 0,
    options: Sequence[Any] = (),
) -> Slice:
    """One page of ``statement``: at ``key`` (from a former page's link), or page ``number`` counted from 0.

    Page 100,000 by key costs what page 1 costs; by number it is for jumps within the counted range. The ids are
    found first, so that an index that holds what is asked is read alone, however many rows it passes over; only
    then are the rows of the page fetched, with the loader ``options``. One statement.
    """
    expression, identifier = order.expression(model), model.id  # type: ignore[attr-defined]
    towards, value = _decode(key, model, order)
    backwards = towards in {"before", "last"}
    descending = order.descending != backwards
    if towards in {"after", "before"}:
        statement = statement.where(_beyond(expression, identifier, value, descending=descending))
    in_order = Order(order.name, descending).ends(model)
    ids = statement.with_only_columns(identifier).order_by(*in_order).limit(size + 1)
    if number:
        ids = ids.offset(number * size)
    found = select(model).where(identifier.in_(ids)).order_by(*in_order).options(*options)
    rows = list(session.scalars(found))
    more, rows = len(rows) > size, rows[:size]
    if backwards:
        rows.reverse()
    model.complete(session, rows)
    has_previous = more if backwards else towards == "after" or number > 0
    has_next = towards == "before" if backwards else more
    return Slice(
        rows,
        _encode("before", rows[0], order) if rows and has_previous else "",
        _encode("after", rows[-1], order) if rows and has_next else "",
    )


def _beyond(expression: Any, identifier: Any, key: list[Any], *, descending: bool) -> Any:
    value, row_id = key
    if expression is identifier:
        return identifier < row_id if descending else identifier > row_id
    ahead = expression < value if descending else expression > value
    tie = identifier < row_id if descending else identifier > row_id
    return or_(ahead, and_(expression == value, tie))


def _encode(towards: str, row: Any, order: Order) -> str:
    value = getattr(row, order.name)
    plain = str(value) if isinstance(value, date | Decimal) else value
    return base64.urlsafe_b64encode(json.dumps([towards, order.name, plain, row.id]).encode()).decode()


def _decode(key: str, model: type[Row], order: Order) -> tuple[str, list[Any]]:
    """Where a page begins. Raises BadRequest for a key that this list did not make."""
    if not key or key == "last":
        return key, []
    try:
        return _read_key(json.loads(base64.urlsafe_b64decode(key.encode())), model, order)
    except (ValueError, TypeError, KeyError, ArithmeticError):
        raise BadRequest(_("翻页的位置已失效，请回到首页重新查询")) from None


def _read_key(parts: Any, model: type[Row], order: Order) -> tuple[str, list[Any]]:
    """The parts of a key as values of their columns. Raises ValueError and its kin for anything else."""
    towards, name, value, row_id = parts
    if towards not in {"after", "before"} or name != order.name or not isinstance(row_id, int):
        raise ValueError(parts)
    column = getattr(model, name)
    kind = column.type.python_type
    if value is None:
        return towards, [_least(column), row_id]
    return towards, [kind.fromisoformat(value) if kind in (date, datetime) else kind(value), row_id]


def too_many_to_sort(session: Session, statement: Select[Any], model: type[Row], order: Order) -> Any:
    """Why the rows cannot be shown in an order, in words; None when an index keeps it or they are few enough."""
    if order.name in {"id", *model.ordered} or count(session, statement, most=MOST_SORTED) <= MOST_SORTED:
        return None
    label = model.fields()[order.name].label
    return _("超过%(most)s条，不能按「%(label)s」排序，请先缩小范围", most=MOST_SORTED, label=label)


def count(session: Session, statement: Select[Any], *, exact: bool = False, most: int = COUNT_CAP) -> int:
    """How many rows a statement has; at most ``most`` + 1 unless ``exact``."""
    return session.scalar(_counting(statement, None if exact else most)) or 0


def counts(session: Session, statements: Iterable[Select[Any]], most: int = COUNT_CAP) -> list[int]:
    """How many rows each statement has, at most ``most`` + 1; by one statement."""
    return list(
        session.execute(select(*(_counting(one, most).scalar_subquery() for one in statements))).one()
    )


def _counting(statement: Select[Any], most: int | None) -> Select[int]:
    # a bare literal would lose the table, and the scope with it
    rows = statement.column_descriptions[0]["entity"]
    inner = statement.with_only_columns(rows.id).order_by(None)
    if most is not None:
        inner = inner.limit(most + 1)
    return select(func.count()).select_from(inner.subquery())


def total_words(number: int) -> str:
    """A count for a reader: ``10000+`` beyond the cap."""
    return f"{COUNT_CAP}+" if number > COUNT_CAP else str(number)
