"""How many there are: a dimension × the units below, with the records behind every figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from app.kit import codes, columns, tree
from app.kit.errors import BadRequest

#: the value under which a dimension's empty column is asked for
NONE = "(none)"


@dataclass(frozen=True)
class Measure:
    """A figure: the number of records, or the sum of one of their fields."""

    name: str
    label: Any
    field: str = ""


@dataclass(frozen=True)
class Statistics:
    """What may be counted by, and what is counted."""

    dimensions: tuple[str, ...]
    measures: tuple[Measure, ...]


@dataclass(frozen=True)
class Value:
    """One value of the dimension; ``code`` is NONE for (未填) and empty for 总数."""

    code: str
    label: Any


@dataclass(frozen=True)
class Line:
    """One unit with its figures: value code → one number a measure."""

    unit_id: int
    unit_name: str
    figures: dict[str, list[Any]]
    alone: bool = False


@dataclass(frozen=True)
class Table:
    """A statistic: n lines of (1 + v) × m figures; v values in code order, (未填) first, 总数 last (AID-R083)."""

    values: list[Value]
    measures: tuple[Measure, ...]
    lines: list[Line]
    total: dict[str, list[Any]]


def table(
    session: Session,
    model: Any,
    statement: Select[Any],
    declared: Statistics,
    dimension: str,
    unit: Any,
    unit_class: Any,
) -> Table:
    """Count ``statement``'s records by a dimension, for ``unit`` itself and for each direct subordinate with its subtree.

    Two SQL statements, whatever the rows. Sums keep their field's scale. Raises BadRequest for an undeclared dimension.
    """
    if dimension not in declared.dimensions:
        raise BadRequest(_("不能按「%(name)s」统计", name=dimension[:40]))
    column = getattr(model, dimension)
    branch = tree.branch(model.owner_path, unit.depth + 1).label("branch")
    sums = [
        func.sum(getattr(model, measure.field)) if measure.field else func.count()
        for measure in declared.measures
    ]
    rows = session.execute(
        statement.with_only_columns(branch, column.label("value"), *sums)
        .order_by(None)
        .group_by("branch", "value")
    ).all()
    children = session.execute(
        select(unit_class.id, unit_class.name, unit_class.path)
        .where(unit_class.parent_id == unit.id)
        .order_by(unit_class.sort_order, unit_class.id)
    ).all()
    values = _values(model.fields()[dimension], {row.value for row in rows})
    lines = [Line(unit.id, unit.name, _figures(rows, unit.path, values, declared.measures), alone=True)]
    lines += [Line(c.id, c.name, _figures(rows, c.path, values, declared.measures)) for c in children]
    total = {
        value.code: [sum(line.figures[value.code][i] for line in lines) for i in range(len(sums))]
        for value in values
    }
    return Table(values, declared.measures, lines, total)


def _values(field: Any, found: set[Any]) -> list[Value]:
    """(未填), the values of the code table (retired ones where they occur), 总数."""
    if isinstance(field, columns.CodeField):
        known = [Value(value.code, value.label) for value in codes.values(field.table)]
        known += [
            Value(code, codes.label(field.table, code))
            for code in sorted(c for c in found if c)
            if code not in {v.code for v in known}
        ]
    elif isinstance(field, columns.YesNoField):
        known = [Value("1", field.words[0]), Value("0", field.words[1])]
    else:
        known = [
            Value(field.typed(value), field.text(value))
            for value in sorted(v for v in found if v is not None)
        ]
    return [Value(NONE, _("(未填)")), *known, Value("", _("总数"))]


def _code(value: Any) -> str:
    if value is None:
        return NONE
    return str(int(value)) if isinstance(value, bool) else str(value)


def _figures(
    rows: Sequence[Any], branch: str, values: list[Value], measures: tuple[Measure, ...]
) -> dict[str, list[Any]]:
    figures = {value.code: [0] * len(measures) for value in values}
    for row in rows:
        if row.branch != branch:
            continue
        code = _code(row.value)
        for target in (figures[code], figures[""]):
            for index, number in enumerate(row[2:]):
                target[index] += number or 0
    return figures


def text(number: Any) -> str:
    """A figure for a reader."""
    return f"{number:,}" if isinstance(number, int) else f"{number:,.2f}"
