"""What records are counted by: a column, a field of their lines, the month of a date, or an expression with a name."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement, String, cast, func

from app.kit import codes, columns
from app.kit.columns import Field
from app.kit.query import Choice, Clause, Condition

#: the value under which a dimension's empty column is asked for
NONE = "(none)"


@dataclass(frozen=True)
class Value:
    """One value of a dimension; ``code`` is NONE for (未填) and empty for all of them together."""

    code: str
    label: Any


class MonthField(Field):
    """A month, written 2026-03."""

    kind = "month"

    def parse(self, raw: Any) -> Any:
        """The month as it is shown."""
        typed = columns.clean(raw)
        if not re.fullmatch(r"[12]\d{3}-(0[1-9]|1[0-2])", typed):
            raise columns.Wrong(_("月份应写作 2026-03 的样子"))
        return typed


class Exactly(Condition):
    """One value of a dimension: what the link of a figure asks for, whatever the panel offers for that field."""

    @property
    def is_range(self) -> bool:
        """A figure stands for one value, of a date or a number too."""
        return False

    def _one(self, raw: Any) -> tuple[list[Clause], list[Any], list[Any]]:
        if raw == NONE:
            return super()._one(raw)
        value = self.field.parse(raw)
        return [self.equals(value)], [], [f"{self.label}：{self.field.text(value)}"]

    def equals(self, value: Any) -> Clause:
        """The rows of a value."""
        clause: Clause = self.column == value
        return clause


class InMonth(Exactly):
    """The rows of a month, as a range of its days, so that an index over the date serves it."""

    def equals(self, value: Any) -> Clause:
        """From its first day to before the next month's."""
        year, month = int(value[:4]), int(value[5:])
        ends: tuple[Any, Any] = date(year, month, 1), date(year + month // 12, month % 12 + 1, 1)
        if self.column.type.python_type is not date:
            ends = columns.day_start(ends[0]), columns.day_start(ends[1])
        clause: Clause = (self.column >= ends[0]) & (self.column < ends[1])
        return clause


@dataclass(frozen=True)
class Dimension:
    """What records may be counted by.

        Dimension("gender")                                       a column
        Dimension("measures.measure", _("帮扶措施"))               a field of a child: its lines are counted and summed
        Dimension("aid_month", _("帮扶月份"), month_of="aid_date")  the month of a date
        Dimension("is_first", _("首次帮扶"), worked_out=lambda: …, shown_as=YesNoField(…))

    ``asks`` is what the question asks besides, while it is counted by this; ``measures`` are those that then mean
    something, of those of the statistic.
    """

    name: str
    called: Any = None
    month_of: str = ""
    worked_out: Callable[[], ColumnElement[Any]] | None = None
    shown_as: Field | None = None
    asks: Mapping[str, str] = field(default_factory=dict)
    measures: tuple[str, ...] = ()
    #: codes that nothing counted here has; they have no column unless it has one all the same
    absent: frozenset[str] = frozenset()

    @property
    def child(self) -> str:
        """The relationship of whose lines it is a field; empty for the record's own."""
        return self.name.rpartition(".")[0]

    @property
    def _own(self) -> str:
        return self.name.rpartition(".")[2]

    def owner(self, model: Any) -> Any:
        """The class whose column it is: the model's or that of its lines."""
        return model.related(self.child) if self.child else model

    def field_of(self, model: Any) -> Field:
        """How its values are read and shown."""
        if self.month_of:
            return MonthField(self.label(model))
        return self.shown_as or self.owner(model).fields()[self._own]

    def label(self, model: Any) -> Any:
        """What it is called."""
        if self.called is not None:
            return self.called
        return self.shown_as.label if self.shown_as else self.owner(model).fields()[self._own].label

    def lines(self, model: Any) -> Any:
        """The bare table of the lines: each is joined to its record, whose scope it shares, and is not judged again."""
        return self.owner(model).__table__.c

    def column(self, model: Any) -> Any:
        """What is grouped by."""
        if self.worked_out is not None:
            return self.worked_out()
        if self.month_of:
            return func.substr(cast(getattr(model, self.month_of), String), 1, 7, type_=String)
        return self.lines(model)[self._own] if self.child else getattr(model, self._own)

    def condition(self, model: Any) -> Condition:
        """The records behind one of its values."""
        told, name = self.field_of(model), self.name
        if self.month_of:
            return InMonth(name, told, getattr(model, self.month_of), called=self.label(model))
        column = self.worked_out() if self.worked_out else getattr(self.owner(model), self._own)
        return Exactly(name, told, column, self.child, self.label(model))

    def values(self, model: Any, found: set[str]) -> list[Value]:
        """The values of the code table (retired ones where they occur), else those of the codes found, in order."""
        told = self.field_of(model)
        if isinstance(told, columns.CodeField):
            left = self.absent - found
            known = [Value(one.code, one.label) for one in codes.values(told.table) if one.code not in left]
            kept = {value.code for value in known}
            return known + [Value(code, codes.label(told.table, code)) for code in sorted(found - kept)]
        if isinstance(told, columns.YesNoField):
            return [Value("1", told.words[0]), Value("0", told.words[1])]
        return [Value(code_of(value), told.text(value)) for value in sorted(map(told.parse, found))]


def code_of(value: Any) -> str:
    """How a found value is asked for."""
    if value is None:
        return NONE
    return str(int(value)) if isinstance(value, bool) else str(value)


def asked_for(
    model: Any,
    dimensions: Sequence[Dimension],
    conditions: Sequence[Condition | Choice],
    typed: Mapping[str, str],
) -> list[Condition]:
    """The conditions of a figure's link that the panel does not have; they stand in it while they are asked for."""
    known = {name for condition in conditions for name in condition.inputs}
    return [one.condition(model) for one in dimensions if typed.get(one.name) and one.name not in known]
