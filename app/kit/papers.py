"""Figures and papers, as plain data for their templates: statistics, and what is printed on A4."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from app.kit.pages import Action, FieldView, Option, Page, StatisticsCell, UnitBox, Words


@dataclass
class StatisticsPage(Page):
    """Dimension × unit: one row a unit, one column group a value, each with its measures."""

    url: str = ""
    keep: dict[str, str] = field(default_factory=dict)
    conditions: list[FieldView] = field(default_factory=list)
    more_conditions: list[tuple[Words, list[FieldView]]] = field(default_factory=list)
    more_url: str = ""
    told: list[Words] = field(default_factory=list)
    open_panel: bool = False
    dimensions: list[Option] = field(default_factory=list)
    unit: UnitBox | None = None
    reset_url: str = ""
    errors: list[Words] = field(default_factory=list)
    first_column: Words = ""
    groups: list[Words] = field(default_factory=list)
    measures: list[Words] = field(default_factory=list)
    rows: list[tuple[StatisticsCell, list[StatisticsCell]]] = field(default_factory=list)
    total: list[StatisticsCell] = field(default_factory=list)
    #: a measure each, the first is shown
    charts: list[tuple[Words, dict[str, Any]]] = field(default_factory=list)
    exports: list[Action] = field(default_factory=list)
    asked: bool = False
    as_of: Words = ""


@dataclass
class PrintTable:
    """A table on paper; ``widths`` are those of its columns, of a hundred, where its words do not say."""

    columns: list[Words]
    rows: list[list[Words]]
    #: a row of heads above that of the columns, the first as high as both: (label, how many columns it stands over)
    groups: list[tuple[Words, int]] = field(default_factory=list)
    widths: list[int] = field(default_factory=list)


@dataclass
class PrintPage(Page):
    """A4: the paper form of a record, a table, or many records with a small form each (``blocks``).

    What stands under the table is its ``foot``; such a paper numbers its sheets.
    """

    subtitle: Words = ""
    heading: list[tuple[Words, Words]] = field(default_factory=list)
    form: list[list[tuple[Words, Words, int]]] = field(default_factory=list)
    blocks: list[list[list[tuple[Words, Words, int]]]] = field(default_factory=list)
    children: list[tuple[Words, PrintTable]] = field(default_factory=list)
    table: PrintTable | None = None
    #: formatted texts under the form: label, HTML that `richtext.clean` has made
    texts: list[tuple[Words, str]] = field(default_factory=list)
    foot: list[tuple[Words, Words]] = field(default_factory=list)
    signature: list[Words] = field(default_factory=list)
    landscape: bool = False
