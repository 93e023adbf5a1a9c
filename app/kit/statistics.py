"""How many there are: a dimension × the units below, with the records behind every figure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import (
    Boolean,
    Select,
    and_,
    case,
    distinct,
    func,
    literal,
    null,
    select,
    type_coerce,
    union_all,
)
from sqlalchemy.orm import Session

from app.kit import tree
from app.kit.dimension import NONE, Dimension, Value, code_of
from app.kit.errors import BadRequest
from app.kit.query import Clause

#: all values together (AID-R083)
ALL = _("总数")
#: the lines themselves, of a measure that counts them
LINES = "*"


@dataclass(frozen=True)
class Measure:
    """A figure: the number of records, or the sum of one of their fields.

    ``minus`` is a field whose sum is taken from it; ``line`` is summed in place of ``field`` while lines are counted:
    an amount, how many of them say yes, or with ``LINES`` how many there are.
    ``distinct`` counts how many different ones there are, e.g. 人数: who stands in two units is one in their total.
    """

    name: str
    label: Any
    field: str = ""
    minus: str = ""
    line: str = ""
    distinct: str = ""


@dataclass(frozen=True)
class Statistics:
    """What may be counted by, and what is counted."""

    dimensions: tuple[str | Dimension, ...]
    measures: tuple[Measure, ...]
    #: what all values together are called
    total: Any = ALL
    #: whether (未填) stands where nothing lacks its value, too (AID-R083)
    always_blank: bool = True
    #: the head of the page and of its prints; else that of the list
    title: Any = ""
    #: the part of the list that is counted and opened, whatever part is asked for
    shelf: str = ""

    @cached_property
    def every(self) -> tuple[Dimension, ...]:
        """The dimensions, those that are plain columns too."""
        return tuple(one if isinstance(one, Dimension) else Dimension(one) for one in self.dimensions)

    @property
    def names(self) -> list[str]:
        """What may be asked for."""
        return [one.name for one in self.every]

    def dimension(self, name: str) -> Dimension:
        """A dimension by name; a child's field by its own too. Raises BadRequest for an undeclared one."""
        for one in self.every:
            if name and name in (one.name, one.name.rpartition(".")[2]):
                return one
        raise BadRequest(_("不能按「%(name)s」统计", name=name[:40]))

    def measures_by(self, dimension: Dimension) -> tuple[Measure, ...]:
        """The figures that mean something by a dimension."""
        return tuple(m for m in self.measures if not dimension.measures or m.name in dimension.measures)


@dataclass(frozen=True)
class Line:
    """One unit with its figures: value code → one number a measure, and how many records are behind them."""

    unit_id: int
    unit_name: Any
    figures: dict[str, list[Any]]
    records: dict[str, int]
    alone: bool = False


@dataclass(frozen=True)
class Table:
    """A statistic: n lines of (1 + v) × m figures; v values in code order, (未填) first, 总数 last (AID-R083)."""

    dimension: Dimension
    values: list[Value]
    measures: tuple[Measure, ...]
    lines: list[Line]
    total: Line

    def adds_up(self, measure: Measure) -> bool:
        """Whether a measure of all values together is the sum of theirs; people and records of lines may recur."""
        return not measure.distinct and bool(measure.field or measure.line or not self.dimension.child)


@dataclass(frozen=True)
class Cell:
    """The figures of one branch and one value; the branch is empty for all units, the value for all values."""

    branch: str
    code: str
    numbers: tuple[Any, ...]


def table(
    session: Session,
    model: Any,
    statement: Select[Any],
    declared: Statistics,
    dimension: Dimension,
    unit: Any,
    unit_class: Any,
    behind: Sequence[Clause] = (),
) -> Table:
    """Count ``statement``'s records by a dimension, for ``unit`` itself and for each direct subordinate with its subtree.

    Two SQL statements, whatever the rows. Sums keep their field's scale; totals in which somebody recurs are counted
    anew. Of lines only those are counted that satisfy ``behind``, as the question asks of one and the same line.
    """
    count = _Count(model, dimension, declared.measures_by(dimension), unit.depth + 1)
    cells = count.cells(session, statement, behind)
    children = session.execute(
        select(unit_class.id, unit_class.name, unit_class.path)
        .where(unit_class.parent_id == unit.id)
        .order_by(unit_class.sort_order, unit_class.id)
    ).all()
    found = {cell.code for cell in cells if cell.branch} - {""}
    values = dimension.values(model, found - {NONE})
    if declared.always_blank or NONE in found:
        values.insert(0, Value(NONE, _("(未填)")))
    values.append(Value("", declared.total))
    numbers = {(cell.branch, cell.code): cell.numbers for cell in cells}
    nothing = (0,) * (1 + len(count.measures))

    def line(path: str, pk: int, name: Any, *, alone: bool = False) -> Line:
        mine = {value.code: numbers.get((path, value.code), nothing) for value in values}
        figures = {code: [number or 0 for number in row[1:]] for code, row in mine.items()}
        return Line(pk, name, figures, {code: row[0] for code, row in mine.items()}, alone)

    lines = [line(unit.path, unit.id, unit.name, alone=True)]
    lines += [line(child.path, child.id, child.name) for child in children]
    return Table(dimension, values, count.measures, lines, line("", unit.id, _("合计")))


@dataclass(frozen=True)
class _Count:
    """The one statement that counts."""

    model: Any
    dimension: Dimension
    measures: tuple[Measure, ...]
    depth: int

    @property
    def _recurs(self) -> bool:
        """Whether totals are to be counted anew, for what stands in two cells is one in their total."""
        return bool(self.dimension.child) or any(measure.distinct for measure in self.measures)

    def cells(self, session: Session, statement: Select[Any], behind: Sequence[Clause]) -> list[Cell]:
        """Every cell, those of the totals too; the first number of a cell is how many records are behind it."""
        rows = self._rows(statement, behind)
        if not self._recurs:
            return _added(_cell(row) for row in session.execute(self._grouped(rows, "branch", "value")))
        if session.get_bind().dialect.name == "postgresql":
            return [_cell(row) for row in session.execute(self._cube(rows))]
        levels = (("branch", "value"), ("branch",), ("value",), ())
        counted = rows.cte("counted")
        every = union_all(*(self._grouped(counted, *keys) for keys in levels))
        return [_cell(row) for row in session.execute(every)]

    def _rows(self, statement: Select[Any], behind: Sequence[Clause]) -> Select[Any]:
        """The records, or their lines: branch, value, record, and what each measure counts or sums."""
        model, dimension = self.model, self.dimension
        if dimension.child:
            key = dimension.lines(model)[dimension.owner(model).parent_key]
            statement = statement.outerjoin(key.table, and_(key == model.id, *behind))
        counted = (self._counted(measure).label(f"m{i}") for i, measure in enumerate(self.measures))
        branch = tree.branch(model.owner_path, self.depth).label("branch")
        columns = branch, dimension.column(model).label("value"), model.id.label("record"), *counted
        return statement.with_only_columns(*columns).order_by(None)

    def _counted(self, measure: Measure) -> Any:
        if measure.distinct:
            return getattr(self.model, measure.distinct)
        if measure.line and self.dimension.child:
            return self._of_line(measure.line)
        if not measure.field:
            return literal(1)
        column = getattr(self.model, measure.field)
        if not measure.minus:
            return column
        rest = getattr(self.model, measure.minus)
        return type_coerce(func.coalesce(column, 0) - func.coalesce(rest, 0), column.type)

    def _of_line(self, name: str) -> Any:
        """What a line adds to the sum; nothing where a record has no line."""
        lines = self.dimension.lines(self.model)
        if name == LINES:
            return case((lines.id.is_not(None), 1), else_=0)
        return case((lines[name], 1), else_=0) if isinstance(lines[name].type, Boolean) else lines[name]

    def _figures(self, rows: Any) -> list[Any]:
        records = func.count(distinct(rows.c.record)) if self.dimension.child else func.count()
        figures: list[Any] = [records.label("records")]
        for index, measure in enumerate(self.measures):
            column = rows.c[f"m{index}"]
            if measure.distinct:
                figures.append(func.count(distinct(column)))
            else:
                figures.append(func.sum(column) if measure.field or measure.line else records)
        return [figure.label(f"f{index}") for index, figure in enumerate(figures)]

    def _grouped(self, rows: Any, *keys: str) -> Any:
        """One level of totals: grouped by both keys, by one, or by none."""
        rows = rows.subquery() if isinstance(rows, Select) else rows
        has_branch, has_value = ("branch" in keys), ("value" in keys)
        branch = rows.c.branch if has_branch else literal("")
        value = rows.c.value if has_value else type_coerce(null(), rows.c.value.type)
        head = branch.label("branch"), value.label("value"), literal(has_value).label("is_part")
        return select(*head, *self._figures(rows)).group_by(*(rows.c[key] for key in keys))

    def _cube(self, rows: Any) -> Any:
        """Every level at once, in one pass of PostgreSQL over the records."""
        rows = rows.subquery()
        branch, value = rows.c.branch, rows.c.value
        head = (
            func.coalesce(branch, "").label("branch"),
            value.label("value"),
            (func.grouping(value) == 0).label("is_part"),
        )
        return select(*head, *self._figures(rows)).group_by(func.cube(branch, value))


def _cell(row: Any) -> Cell:
    return Cell(row.branch, code_of(row.value) if row.is_part else "", tuple(row[3:]))


def _added(cells: Iterable[Cell]) -> list[Cell]:
    """The cells with their totals, where these are sums."""
    sums: dict[tuple[str, str], tuple[Any, ...]] = {}
    for cell in cells:
        for key in ((cell.branch, cell.code), (cell.branch, ""), ("", cell.code), ("", "")):
            so_far = sums.get(key, (0,) * len(cell.numbers))
            sums[key] = tuple(a + (b or 0) for a, b in zip(so_far, cell.numbers, strict=True))
    return [Cell(branch, code, numbers) for (branch, code), numbers in sums.items()]


def text(number: Any) -> str:
    """A figure for a reader."""
    return f"{number:,}" if isinstance(number, int) else f"{number:,.2f}"
