"""Column kinds: what a value is called, how it is typed, stored, shown, asked for and judged.

A model declares a column with one call, e.g. ``text(_("姓名"), 50, required=True)``; label, unit of measure,
rules and code table stand there and nowhere else. The form, the list, REST, import and export all read the
same :class:`Field`, kept in ``column.info["field"]``. ``search="name"`` says that a text is the name of a person, found
by its characters, pinyin and initials (:mod:`app.kit.name_search`); a record type has one at most.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, Boolean, Date, DateTime, ForeignKey, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.kit.database import FixedPoint
from app.kit.fields import (
    ChoicesField,
    CodeField,
    CountField,
    DayField,
    Field,
    IdCardField,
    LongTextField,
    MomentField,
    MoneyField,
    NumberField,
    ReferenceField,
    TextField,
    Wrong,
    YesNoField,
    clean,
)
from app.kit.richfield import Html, RichTextField

#: the words of a declaration, and the kinds of fields that they make
__all__ = [
    "ChoicesField",
    "CodeField",
    "CountField",
    "DayField",
    "Field",
    "IdCardField",
    "LongTextField",
    "MomentField",
    "MoneyField",
    "NumberField",
    "ReferenceField",
    "RichTextField",
    "TextField",
    "Wrong",
    "YesNoField",
    "choices",
    "clean",
    "code",
    "column",
    "count",
    "day",
    "day_after",
    "day_start",
    "decimal",
    "id_card",
    "long_text",
    "moment",
    "money",
    "reference",
    "rich_text",
    "text",
    "yes_no",
]


def column(field: Field, type_: Any, *args: Any, **more: Any) -> Mapped[Any]:
    """A mapped column that carries its field."""
    options: dict[str, Any] = {"nullable": True, "info": {"field": field}} | more
    if field.default is not None and not callable(field.default):
        options.setdefault("default", field.default)
    made: Mapped[Any] = mapped_column(type_, *args, **options)
    return made


def _split(more: dict[str, Any]) -> dict[str, Any]:
    """Take the database's own words (index, unique, …) out of a declaration."""
    return {key: more.pop(key) for key in ("index", "unique", "nullable", "server_default") if key in more}


def text(label: Any, length: int, **more: Any) -> Mapped[Any]:
    """One line of text."""
    sql = _split(more)
    return column(TextField(label, length, **more), String(length), **sql)


def long_text(label: Any, length: int = 4000, **more: Any) -> Mapped[Any]:
    """Several lines of text."""
    sql = _split(more)
    return column(LongTextField(label, length, wide=True, **more), Text, **sql)


def rich_text(label: Any, **more: Any) -> Mapped[Any]:
    """A formatted text."""
    sql = _split(more)
    return column(RichTextField(label, **more), Html, **sql)


def code(label: Any, table: str, **more: Any) -> Mapped[Any]:
    """A value of a code table."""
    sql = _split(more)
    return column(CodeField(label, table, **more), String(30), **sql)


def day(label: Any, **more: Any) -> Mapped[Any]:
    """A date."""
    sql = _split(more)
    return column(DayField(label, **more), Date, **sql)


def moment(label: Any, **more: Any) -> Mapped[Any]:
    """A date and time kept by the system."""
    sql = _split(more)
    return column(MomentField(label, automatic=True, **more), DateTime, **sql)


def count(label: Any, **more: Any) -> Mapped[Any]:
    """A whole number."""
    sql = _split(more)
    return column(CountField(label, **more), Integer, **sql)


def decimal(label: Any, digits: int, scale: int, **more: Any) -> Mapped[Any]:
    """A number of at most ``digits`` digits, ``scale`` of them after the point."""
    sql = _split(more)
    most = Decimal(10 ** (digits - scale)) - Decimal(1).scaleb(-scale)
    return column(NumberField(label, scale=scale, most=most, **more), FixedPoint(scale), **sql)


def money(label: Any, **more: Any) -> Mapped[Any]:
    """An amount in 元."""
    sql = _split(more)
    return column(MoneyField(label, **more), FixedPoint(2), **sql)


def yes_no(label: Any, **more: Any) -> Mapped[Any]:
    """是, 否 or not filled in."""
    sql = _split(more)
    return column(YesNoField(label, **more), Boolean, **sql)


def id_card(label: Any, **more: Any) -> Mapped[Any]:
    """A resident identity number."""
    sql = _split(more)
    return column(IdCardField(label, **more), String(18), **sql)


def choices(label: Any, offers: Callable[[], Sequence[tuple[str, Any]]], **more: Any) -> Mapped[Any]:
    """Some of a few named things."""
    sql = _split(more)
    return column(ChoicesField(label, offers, **more), JSON(none_as_null=True), **sql)


def reference(label: Any, target: str, *, system: bool = False, **more: Any) -> Mapped[Any]:
    """Another record; ``target`` is its table. A ``system`` key is set by a step and may point out of scope."""
    sql = _split(more)
    field = ReferenceField(label, target, **more)
    return column(field, Integer, ForeignKey(f"{target}.id"), info={"field": field, "system": system}, **sql)


def day_start(value: date) -> datetime:
    """The first moment of a date: the lower end of a range over moments."""
    return datetime(value.year, value.month, value.day)  # noqa: DTZ001 - wall time, see clock


def day_after(value: date) -> datetime:
    """The first moment after a date: the upper end of a range over moments."""
    return day_start(value) + timedelta(days=1)
