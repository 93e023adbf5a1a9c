"""How records are asked for: conditions of a query panel and filters of REST, from the declared fields."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from flask_babel import LazyString
from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement, and_, false, not_, or_, select

from app.kit import codes, columns, identity, listing, name_search
from app.kit.columns import Field
from app.kit.database import db
from app.kit.errors import BadRequest, Problem
from app.kit.oneof import OneOfField
from app.kit.pages import FieldView, Option
from app.kit.record import Row
from app.kit.scope import class_of_table

Clause = ColumnElement[bool]


@dataclass(frozen=True)
class Choice:
    """A condition that is no column: a few named predicates, e.g. 困难类别 = 困难职工 (any formal one)."""

    name: str
    label: Any
    options: tuple[tuple[str, Any, Callable[[], Clause]], ...]

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names under which it is typed."""
        return (self.name,)


@dataclass
class Condition:
    """One field that may be asked for, by its own name or as ``called``; ``child`` is the relationship behind which it lives."""

    name: str
    field: Field
    column: Any
    child: str = ""
    called: Any = None

    @property
    def label(self) -> Any:
        """The words beside the input and in what was asked."""
        return self.called or self.field.label

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names under which it is typed."""
        return (f"{self.name}_from", f"{self.name}_to") if self.is_range else (self.name,)

    @property
    def is_dear(self) -> bool:
        """Whether to count the hits means to look at every one of them."""
        return bool(self.child) or self.field.search == "name"

    @property
    def is_range(self) -> bool:
        """Whether it is asked for with two ends."""
        return self.field.asked_by == "range"

    def where(self, typed: Mapping[str, str]) -> tuple[list[Clause], list[Problem], list[Any]]:
        """The predicates, the problems and the words of what was typed for this condition."""
        if self.is_range:
            return self._range(typed.get(f"{self.name}_from", ""), typed.get(f"{self.name}_to", ""))
        raw = typed.get(self.name, "")
        if not str(raw).strip():
            return [], [], []
        try:
            return self._one(raw)
        except columns.Wrong as wrong:
            return [], [Problem(self.name, wrong.args[0])], []

    def _one(self, raw: Any) -> tuple[list[Clause], list[Problem], list[Any]]:
        label = self.label
        if raw == "(none)":
            return [self.column.is_(None)], [], [_("%(label)s：(未填)", label=label)]
        if self.field.asked_by == "contains":
            text = columns.clean(raw)[:200]
            return [holds(self.field, self.column, text)], [], [f"{label}：{text}"]
        if isinstance(self.field, columns.IdCardField):
            number = identity.clean(columns.clean(raw))[:18]
            return [self.column.in_(spellings(number))], [], [f"{label}：{number}"]
        value = self.field.parse(raw)
        told: Any = f"{label}：{self.field.text(value)}"
        if isinstance(self.field, columns.ReferenceField):  # looked up where it is shown
            table = self.field.target
            told = LazyString(lambda: f"{label}：{called(table, value)}")
        return [self.column == value], [], [told]

    def _range(self, low: str, high: str) -> tuple[list[Clause], list[Problem], list[Any]]:
        ends, problems = [], []
        for name, raw in ((f"{self.name}_from", low), (f"{self.name}_to", high)):
            try:
                ends.append(self.field.parse(raw) if str(raw).strip() else None)
            except columns.Wrong as wrong:
                ends.append(None)
                problems.append(Problem(name, wrong.args[0]))
        least, most = ends
        if least is not None and most is not None and least > most:
            problems.append(
                Problem(f"{self.name}_from", _("「%(label)s」的起点不能大于终点", label=self.label))
            )
        clauses = []
        if isinstance(self.field, columns.DayField):
            moments = isinstance(self.field, columns.MomentField)
            if least is not None:
                clauses.append(self.column >= (columns.day_start(least) if moments else least))
            if most is not None:
                clauses.append(self.column < columns.day_after(most) if moments else self.column <= most)
            words = [f"{self.label}：{_span(least, most)}"] if clauses else []
        elif self.field.with_ends:  # 大于等于 … 小于等于 (AID-R134)
            clauses += [self.column >= least] if least is not None else []
            clauses += [self.column <= most] if most is not None else []
            told = [_("大于等于%(n)s", n=least)] if least is not None else []
            told += [_("小于等于%(n)s", n=most)] if most is not None else []
            words = [f"{self.label}{''.join(str(t) for t in told)}"] if clauses else []
        else:  # 高于 … 少于 …: both ends are open (spec 3.7)
            clauses += [self.column > least] if least is not None else []
            clauses += [self.column < most] if most is not None else []
            told = [_("高于%(n)s", n=least)] if least is not None else []
            told += [_("少于%(n)s", n=most)] if most is not None else []
            words = [f"{self.label}{''.join(str(t) for t in told)}"] if clauses else []
        return clauses, problems, words

    def views(self, typed: Mapping[str, str], errors: Mapping[str, list[Any]]) -> list[FieldView]:
        """The inputs of the query panel."""
        return [self._view(name, typed, errors) for name in self.inputs]

    def _view(self, name: str, typed: Mapping[str, str], errors: Mapping[str, list[Any]]) -> FieldView:
        value = typed.get(name, "")
        kind = {"moment": "day", "long_text": "text", "id_card": "text", "reference": "text"}.get(
            self.field.kind, self.field.kind
        )
        view = FieldView(
            name, self.label, kind, value=value, unit=self.field.unit, errors=errors.get(name, [])
        )
        if isinstance(self.field, columns.CodeField):
            view.options, view.picker_url = code_options(self.field.table, value)
        elif isinstance(self.field, OneOfField):
            view.kind = "code"
            view.options = [Option(v, w, value == v) for v, w in self.field.words.items()]
        elif isinstance(self.field, columns.YesNoField):
            view.kind = "code"
            view.options = [
                Option(v, w, value == v) for v, w in zip(("1", "0"), self.field.words, strict=True)
            ]
        return view


def called(table: str, pk: int) -> str:
    """What a record is called, if the actor sees it."""
    cls = class_of_table(table)
    record = db.session.scalar(select(cls).where(cls.id == pk))
    return str(record.title) if record is not None else ""


def holds(field: Field, column: Any, text: str) -> Clause:
    """The rows whose field holds a typed text: a name by its keys, a number by its beginning, else anywhere."""
    if field.search == "name":
        return name_search.named(column, text)
    found: Clause = (
        column.startswith(text, autoescape=True)
        if field.search == "start"
        else column.contains(text, autoescape=True)
    )
    return found


#: a longer table is searched, not listed
MOST_OPTIONS = 200


def code_options(table: str, chosen: str | None) -> tuple[list[Option], str]:
    """The options of a code select, and the URL to search by when they are too many to list."""
    values = codes.values(table)
    if len(values) > MOST_OPTIONS:
        mine = [Option(chosen, codes.full_label(table, chosen), chosen=True)] if chosen else []
        return mine, f"/code_value/pick/{table}"
    options = [Option(value.code, value.label, value.code == chosen) for value in values]
    if chosen and all(option.value != chosen for option in options):
        label = _("(未填)") if chosen == "(none)" else codes.label(table, chosen)
        options.append(Option(chosen, label, chosen=True))  # none, or retired, but here in use
    return options, ""


def spellings(number: str) -> set[str]:
    """A number as it may be stored: as typed, as 18 characters, as 15."""
    full = identity.normal(number)
    short = full[:6] + full[8:17] if len(full) == 18 and full[6:8] == "19" else full
    return {number, full, short}


def _span(low: date | None, high: date | None) -> str:
    return f"{low or '…'} — {high or '…'}"


@dataclass
class Asked:
    """What was asked: predicates, problems, and the words for the head of a print."""

    clauses: list[Clause] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    words: list[Any] = field(default_factory=list)
    #: whether to count what was asked means to look at every hit, in no index of the list's own
    is_dear: bool = False
    #: child relationship → what one and the same of its rows must be
    behind: dict[str, list[Clause]] = field(default_factory=dict)

    @property
    def where(self) -> Clause:
        """All predicates together; nothing at all while something typed is wrong."""
        return false() if self.problems else and_(*self.clauses, not_(false()))


def conditions_of(model: type[Row], names: Iterable[Any]) -> list[Condition | Choice]:
    """Declared names as conditions: ``child.field`` asks behind a relationship, ``(name, label)`` calls it otherwise."""
    found: list[Condition | Choice] = []
    for name in names:
        if isinstance(name, Choice):
            found.append(name)
            continue
        if hasattr(name, "condition"):  # a `Dimension`: the month of a date
            found.append(name.condition(model))
            continue
        path, called = name if isinstance(name, tuple) else (name, None)
        child, _dot, own = path.rpartition(".")
        cls = model.related(child) if child else model
        found.append(Condition(path, cls.fields()[own], getattr(cls, own), child, called))
    return found


def ask(model: type[Row], conditions: Sequence[Condition | Choice], typed: Mapping[str, str]) -> Asked:
    """Read a query panel. Conditions are joined by AND; those of one child must hold for one and the same row."""
    asked, filled = Asked(), set[str]()
    for condition in conditions:
        if isinstance(condition, Choice):
            chosen = typed.get(condition.name, "").strip()
            for value, label, clause in condition.options:
                if chosen == value:
                    asked.clauses.append(clause())
                    asked.words.append(f"{condition.label}：{label}")
            if chosen and all(chosen != value for value, _label, _clause in condition.options):
                words = _("没有「%(value)s」这个选项，请重新选择", value=chosen[:30])
                asked.problems.append(Problem(condition.name, words))
            continue
        clauses, problems, words = condition.where(typed)
        asked.problems += problems
        asked.words += words
        asked.is_dear |= bool(clauses) and condition.is_dear
        if condition.child:
            asked.behind.setdefault(condition.child, []).extend(clauses)
            if clauses and typed.get(condition.name) != "(none)":
                filled.add(condition.child)
        else:
            asked.clauses += clauses
    for child, clauses in asked.behind.items():
        if clauses:
            rows = getattr(model, child)
            some = rows.any if rows.property.uselist else rows.has
            is_met = some(and_(*clauses))
            # (未填) of a child is also where it has no rows
            asked.clauses.append(is_met if child in filled else or_(is_met, ~some()))
    return asked


def panel(
    conditions: Sequence[Condition | Choice], typed: Mapping[str, str], problems: Sequence[Problem]
) -> list[FieldView]:
    """The inputs of the conditions, with what was typed and what is wrong with it."""
    errors: dict[str, list[Any]] = {}
    for problem in problems:
        errors.setdefault(problem.field, []).append(problem.words)
    views: list[FieldView] = []
    for condition in conditions:
        if isinstance(condition, Choice):
            chosen = typed.get(condition.name, "")
            options = [Option(value, label, value == chosen) for value, label, _clause in condition.options]
            wrong = errors.get(condition.name, [])
            views.append(
                FieldView(
                    condition.name, condition.label, "code", value=chosen, options=options, errors=wrong
                )
            )
        else:
            views += condition.views(typed, errors)
    return views


# --- REST filters ---------------------------------------------------------------------------------------------

_OPERATORS: dict[str, Callable[[Any, Any], Clause]] = {
    "eq": lambda c, v: c == v,
    "neq": lambda c, v: or_(c != v, c.is_(None)),
    "gt": lambda c, v: c > v,
    "gte": lambda c, v: c >= v,
    "lt": lambda c, v: c < v,
    "lte": lambda c, v: c <= v,
    "sw": lambda c, v: c.startswith(v, autoescape=True),
    "ew": lambda c, v: c.endswith(v, autoescape=True),
    "ct": lambda c, v: c.contains(v, autoescape=True),
    "nct": lambda c, v: not_(c.contains(v, autoescape=True)),
    "rel_o_m": lambda c, v: c == v,
    "in": lambda c, v: c.in_(v),
}
_TEXTUAL = {"sw", "ew", "ct", "nct"}
_ORDERED = {"gt", "gte", "lt", "lte"}


def rest_filter(model: type[Row], name: Any, operator: Any, value: Any) -> Clause:
    """One ``{"col", "opr", "value"}`` as a predicate. Raises BadRequest for unknown columns and operators."""
    fields = model.fields()
    apply = _OPERATORS.get(operator) if isinstance(operator, str) else None
    column: Any = model.asked_by(name) if isinstance(name, str) and (name in fields or name == "id") else None
    one = fields[name] if column is not None and name != "id" else columns.CountField(_("编号"))
    if apply is None or column is None or not _suits(one, column, operator):
        raise BadRequest(_("不能按「%(name)s」「%(opr)s」筛选", name=str(name)[:40], opr=str(operator)[:20]))
    try:
        if operator in _TEXTUAL:
            text = columns.clean(value)
            quick = (
                name_search.maybe_contains(column, text) if operator == "ct" and one.search == "name" else []
            )
            return and_(apply(column, text), *quick)
        if operator == "in":
            if not isinstance(value, list) or len(value) > 1000:
                raise BadRequest(_("in 的值应为列表"))
            return apply(column, [one.parse(item) for item in value])
        if value is None or value == "":
            return and_(column.is_(None) if operator == "eq" else column.is_not(None))
        parsed = one.parse(value)
    except columns.Wrong as wrong:
        raise BadRequest(wrong.args[0]) from None
    if parsed is None:
        raise BadRequest(_("筛选「%(name)s」的值无法理解", name=one.label))
    if isinstance(one, columns.MomentField) and isinstance(parsed, date):
        return _moment_filter(column, operator, parsed)
    return apply(column, parsed)


def _suits(field: columns.Field, column: Any, operator: Any) -> bool:
    """Whether an operator means anything to a column: part of a text, more or less of what has an order."""
    if operator in _TEXTUAL:
        return bool(column.type.python_type is str)
    if operator in _ORDERED and isinstance(field, columns.YesNoField):
        return False
    return listing.has_order(column)


def _moment_filter(column: Any, operator: str, day: date) -> Clause:
    start, end = columns.day_start(day), columns.day_after(day)
    by_operator: dict[str, Clause] = {
        "eq": and_(column >= start, column < end),
        "neq": or_(column < start, column >= end),
        "gt": column >= end,
        "gte": column >= start,
        "lt": column < start,
        "lte": column < end,
    }
    return by_operator.get(operator, false())
