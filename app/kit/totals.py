"""Rows of sums under a list, on its print and at the end of its files: 本月合计, 累计.

A view declares them; what is summed are all records asked for, whatever page is shown, and whatever month is asked:
a month belongs to the row that says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func
from sqlalchemy.orm import Session

from app.kit.clock import today
from app.kit.dimension import Dimension
from app.kit.question import Question

if TYPE_CHECKING:
    from app.kit.view import RecordView


@dataclass(frozen=True)
class Total:
    """One row: its label, and what stands in which columns, each an expression of the model that is summed.

    With ``month``, the declared condition of a month, only that month is summed: the one asked for, else the current.
    """

    label: Any
    sums: Mapping[str, Callable[[], Any]]
    month: Dimension | None = None

    def chosen(self, args: Mapping[str, str]) -> str:
        """The month that is summed; empty for all."""
        if self.month is None:
            return ""
        return args.get(self.month.name, "").strip() or f"{today():%Y-%m}"


@dataclass
class Line:
    """A row that was worked out: column → value."""

    label: Any
    values: dict[str, Any]


def months_of(view: RecordView) -> list[Dimension]:
    """The months that a query of the view may ask for."""
    return [one for one in view.conditions if isinstance(one, Dimension) and one.month_of]


def lines(view: RecordView, session: Session, asked: Question) -> list[Line]:
    """Every declared row, worked out by one statement; none where none is declared or what was asked is wrong."""
    if not view.totals or asked.asked.problems:
        return []
    without = {one.name for one in months_of(view)} | {"key", "page", "count"}
    whole = Question(view, asked.actor, {k: v for k, v in asked.args.items() if k not in without})
    sums = [
        func.coalesce(_sum(view.model, total, expression(), asked.args), 0)
        for total in view.totals
        for expression in total.sums.values()
    ]
    found = iter(session.execute(whole.statement(session).with_only_columns(*sums).order_by(None)).one())
    return [Line(total.label, {name: next(found) for name in total.sums}) for total in view.totals]


def _sum(model: Any, total: Total, expression: Any, args: Mapping[str, str]) -> Any:
    added = func.sum(expression, type_=expression.type)
    if total.month is None:
        return added
    clauses, _problems, _words = total.month.condition(model).where({total.month.name: total.chosen(args)})
    return added.filter(*clauses)


def texts(view: RecordView, line: Line, names: list[str]) -> list[str]:
    """A row for a reader, under the columns of a list: the label stands in the first."""
    shown = [_field(view, name).short(line.values[name]) if name in line.values else "" for name in names]
    return [str(line.label), *shown[1:]]


def values(line: Line, names: list[str]) -> list[Any]:
    """A row for a file, numbers as numbers."""
    return [str(line.label), *(line.values.get(name, "") for name in names[1:])]


def _field(view: RecordView, name: str) -> Any:
    return view.shown[name].field if name in view.shown else view.model.fields()[name]
