"""What a page shows: plain values that a view fills and a template draws.

No class here knows the database or the request. A template reads nothing but these, so that
whoever works on the face needs no query and whoever works on the data needs no HTML.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Words = Any
"""A string, or a lazily translated one."""


@dataclass
class Chip:
    """A state in a coloured pill; ``tone`` is one of grey, blue, green, amber, red."""

    text: Words
    tone: str = "grey"


@dataclass
class Option:
    """One choice of a select; a retired code is shown only where it is already chosen.

    ``data`` is what a field can be filled from when this is chosen, e.g. ``{"gender": "male"}`` of 儿子;
    ``refusal`` greys a check box and says why.
    """

    value: str
    label: Words
    chosen: bool = False
    data: dict[str, str] = field(default_factory=dict)
    refusal: Words = ""


@dataclass
class FieldView:
    """One field of a form, a query panel or a record page.

    ``kind``: text, long_text, code, day, moment, int, decimal, money, yes_no, id_card, reference,
    choices and rights (many check boxes), password. ``value`` is what stands in the input, ``text`` what a reader sees.
    A range of a query panel is two fields: ``name`` ends in ``_from`` and ``_to``.
    ``check_url`` answers what was typed with a line of HTML, behind a button beside the input.
    With ``shared`` the options are those of the same field of the blank row; only the chosen one stands here.
    """

    name: str
    label: Words
    kind: str = "text"
    value: str = ""
    text: Words = ""
    required: bool = False
    readonly: bool = False
    wide: bool = False
    unit: Words = ""
    hint: Words = ""
    max_length: int | None = None
    options: list[Option] = field(default_factory=list)
    shared: bool = False
    picker_url: str = ""
    reveal_url: str = ""
    #: where a reader gets by a click on the text
    url: str = ""
    check_url: str = ""
    check_label: Words = ""
    errors: list[Words] = field(default_factory=list)
    warnings: list[Words] = field(default_factory=list)
    autofill: str = ""
    chips: list[Chip] = field(default_factory=list)
    group: str = ""
    mono: bool = False


@dataclass
class ChildRow:
    """One row of an inline child table; ``id`` is empty for one that is not saved yet; a ``fixed`` one stays."""

    id: str
    fields: list[FieldView]
    fixed: bool = False


@dataclass
class ChildTable:
    """Rows that belong to the record, ``most`` of them if said; inputs are named ``<name>-<index>-<field>``."""

    name: str
    label: Words
    blank: list[FieldView]
    rows: list[ChildRow] = field(default_factory=list)
    errors: list[Words] = field(default_factory=list)
    hint: Words = ""
    most: int = 0


@dataclass
class AttachedFile:
    """One stored file of a record."""

    id: int
    name: str
    kind: Words
    size: str
    uploaded: str
    url: str
    delete_url: str = ""


@dataclass
class AttachmentBox:
    """Files of a record, with the form to add one when ``upload_url`` is set."""

    files: list[AttachedFile] = field(default_factory=list)
    upload_url: str = ""
    kinds: list[Option] = field(default_factory=list)
    hint: Words = ""


@dataclass
class Section:
    """A numbered part of the paper form; ``child`` instead of ``fields`` for an inline table."""

    number: int
    label: Words
    fields: list[FieldView] = field(default_factory=list)
    child: ChildTable | None = None


@dataclass
class Action:
    """A button or a row icon.

    ``method`` get follows the link, post sends a form (after ``confirm``), dialog opens ``url`` in the dialog.
    With ``needs_rows`` the ticked ids go with it. ``refusal`` greys it and says why.
    """

    name: str
    label: Words
    url: str
    icon: str = ""
    method: str = "get"
    confirm: Words = ""
    refusal: Words | None = None
    primary: bool = False
    danger: bool = False
    needs_rows: bool = False
    new_tab: bool = False


@dataclass
class Tab:
    """A tab; ``count`` stays empty until it is known."""

    key: str
    label: Words
    url: str
    active: bool = False
    count: str = ""
    tone: str = ""


@dataclass
class Column:
    """A column of a list; an ``elastic`` one takes what the others leave and cuts long text short.

    ``look`` are the classes of its cells.
    """

    name: str
    label: Words
    align: str = "left"
    sort_url: str = ""
    sorted: str = ""
    elastic: bool = False
    look: str = ""


@dataclass
class Cell:
    """One value of a row."""

    text: Words
    chip: Chip | None = None
    title: Words = ""
    chips: list[Chip] = field(default_factory=list)


@dataclass
class Row:
    """One record of a list; ``more`` is what a template of the module's own draws in place of the cells."""

    id: int
    url: str
    cells: list[Cell]
    actions: list[Action] = field(default_factory=list)
    more: Any = None


@dataclass
class UnitBox:
    """The unit selector of a list or a statistic; without ``subordinates`` nobody is asked whether to include them."""

    id: int
    name: str
    picker_url: str
    clear_url: str = ""
    subordinates: bool | None = True
    can_choose: bool = True


@dataclass
class Pager:
    """The footer of a list; an empty URL is a greyed link."""

    total: Words
    first_url: str = ""
    previous_url: str = ""
    next_url: str = ""
    last_url: str = ""
    number: Words = ""
    jump_url: str = ""
    size: int = 20
    sizes: list[Tab] = field(default_factory=list)
    count_url: str = ""
    #: where the number is asked for after the first paint
    later_url: str = ""


@dataclass
class Crumb:
    """One step of the path above a page."""

    label: Words
    url: str = ""


@dataclass
class Page:
    """What every page carries."""

    title: Words
    crumbs: list[Crumb] = field(default_factory=list)
    notes: list[Words] = field(default_factory=list)
    #: pages that stand beside this one, as tabs under the title
    beside: list[Tab] = field(default_factory=list)


@dataclass
class ListPage(Page):
    """A list: query panel, unit selector, state tabs, toolbar, table, footer.

    Of the query panel's further conditions, either the inputs are here or the address to get them from.
    """

    url: str = ""
    ask_label: Words = ""
    conditions: list[FieldView] = field(default_factory=list)
    more_conditions: list[tuple[Words, list[FieldView]]] = field(default_factory=list)
    more_url: str = ""
    asked: list[Words] = field(default_factory=list)
    keep: dict[str, str] = field(default_factory=dict)
    open_panel: bool = False
    reset_url: str = ""
    errors: list[Words] = field(default_factory=list)
    unit: UnitBox | None = None
    tabs: list[Tab] = field(default_factory=list)
    counts_url: str = ""
    toolbar: list[Action] = field(default_factory=list)
    exports: list[Action] = field(default_factory=list)
    columns: list[Column] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    totals: list[list[Cell]] = field(default_factory=list)
    tickable: bool = True
    pager: Pager | None = None
    empty: Words = ""
    empty_action: Action | None = None
    legend: list[tuple[Chip, Words]] = field(default_factory=list)
    options: Action | None = None
    queries_url: str = ""


@dataclass
class OptionsPage(Page):
    """自定义显示选项 of one list: which columns in which order, sorted by what, how many a page; and how it looks.

    ``groups`` are all columns to tick, ``chosen`` those shown, in their order; the ``data`` of an option says
    whether a list can be sorted by it. ``preview`` is the table as it would be.
    """

    url: str = ""
    key: str = ""
    version: str = ""
    back_url: str = ""
    tabs: list[Tab] = field(default_factory=list)
    groups: list[tuple[Words, list[Option]]] = field(default_factory=list)
    chosen: list[Option] = field(default_factory=list)
    directions: list[Option] = field(default_factory=list)
    sort: str = ""
    size: str = ""
    usual_size: int = 20
    sort_hint: Words = ""
    errors: dict[str, list[Words]] = field(default_factory=dict)
    preview: ListPage | None = None
    preview_url: str = ""
    clear: Action | None = None


@dataclass
class QueryMenu:
    """常用查询 of one list: name, address and whose it is; what may be done with the present question."""

    own: list[tuple[Words, str]] = field(default_factory=list)
    shared: list[tuple[Words, str, Words]] = field(default_factory=list)
    keep_url: str = ""
    manage_url: str = ""


@dataclass
class Fault:
    """One thing that is wrong: where, what, what to do about it; ``anchor`` is its input on a form."""

    where: Words
    words: Words
    advice: Words = ""
    anchor: str = ""
    edit_url: str = ""
    url: str = ""
    url_label: Words = ""


@dataclass
class FaultBox:
    """What is wrong with a record that is kept in spite of it."""

    title: Words
    faults: list[Fault] = field(default_factory=list)
    help_url: str = ""
    help_label: Words = ""


@dataclass
class PointLine:
    """One point of a 退回, what was answered, and whether it is settled: ``""``, ``yes``, ``no``."""

    number: int
    words: Words
    answer: Words = ""
    verdict: str = ""


@dataclass
class PointBox:
    """The points of a 退回. With ``url`` the reader says of each whether it is settled."""

    title: Words
    told: Words = ""
    points: list[PointLine] = field(default_factory=list)
    url: str = ""


@dataclass
class Since:
    """What changed since the reader's level last had the record: label, before, after."""

    title: Words
    changes: list[tuple[Words, Words, Words]] = field(default_factory=list)


@dataclass
class HistoryLine:
    """One line of 职工历史信息: who did what when, and what changed."""

    at: str
    who: Words
    unit: Words
    action: Words
    message: Words = ""
    changes: list[tuple[Words, Words, Words]] = field(default_factory=list)
    #: the whole content of another record that went into this one
    former: list[tuple[Words, Words]] = field(default_factory=list)


@dataclass
class SheetPage(Page):
    """One record to read."""

    subtitle: Words = ""
    chips: list[Chip] = field(default_factory=list)
    tabs: list[Tab] = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)
    attachments: AttachmentBox | None = None
    actions: list[Action] = field(default_factory=list)
    history: list[HistoryLine] | None = None
    faults: FaultBox | None = None
    points: PointBox | None = None
    since: Since | None = None
    since_url: str = ""
    footer: list[tuple[Words, Words]] = field(default_factory=list)
    #: records that hang on this one, or beside it; ``counts_url``: the tabs with their numbers, after the first paint
    linked: ListPage | None = None
    counts_url: str = ""


@dataclass
class Draft:
    """What the clerk typed and did not save."""

    saved_at: str
    restore_url: str
    discard_url: str


@dataclass
class Conflict:
    """An identity number that is registered already, and the way out."""

    message: Words
    title: Words = ""
    advice: Words = ""
    url: str = ""
    url_label: Words = ""
    facts: list[tuple[Words, Words]] = field(default_factory=list)
    #: what became of what was typed
    hint: Words = ""


@dataclass
class FormPage(Page):
    """A record to fill in; ``lookup_url`` answers whether a number that was just typed is taken."""

    url: str = ""
    sections: list[Section] = field(default_factory=list)
    errors: list[Words] = field(default_factory=list)
    warnings: list[Words] = field(default_factory=list)
    conflict: Conflict | None = None
    token: str = ""
    version: str = ""
    draft_url: str = ""
    lookup_url: str = ""
    draft: Draft | None = None
    buttons: list[Action] = field(default_factory=list)
    back_url: str = ""
    attachments: AttachmentBox | None = None
    faults: FaultBox | None = None
    points: PointBox | None = None


@dataclass
class DialogPage(Page):
    """A small form in the dialog: a step, the facts that have to be known to answer, and what it asks."""

    url: str = ""
    text: Words = ""
    facts: list[FieldView] = field(default_factory=list)
    fields: list[FieldView] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    submit: Words = ""
    danger: bool = False
    refused: list[tuple[Words, Words]] = field(default_factory=list)
    next_url: str = ""


@dataclass
class SweepPage(Page):
    """One step on everything that a unit holds: the unit, how many records in which state, what the step asks.

    Without ``submit`` there is nothing to do, and ``refusal`` says why.
    """

    url: str = ""
    unit: UnitBox | None = None
    text: Words = ""
    counts: list[tuple[Chip, Words]] = field(default_factory=list)
    fields: list[FieldView] = field(default_factory=list)
    refusal: Words = ""
    confirm: Words = ""
    submit: Words = ""
    icon: str = ""
    danger: bool = False


@dataclass
class StatisticsCell:
    """One figure; ``url`` opens the records behind it."""

    text: str
    url: str = ""


@dataclass
class Card:
    """A module on the home page."""

    label: Words
    url: str
    icon: str
    text: Words = ""
    figures: list[tuple[Words, Words, str]] = field(default_factory=list)
    links: list[tuple[Words, str]] = field(default_factory=list)


@dataclass
class Overview(Page):
    """How the unit's records stand: one line a kind, one column a state, a chart beside it."""

    columns: list[Words] = field(default_factory=list)
    rows: list[tuple[StatisticsCell, list[StatisticsCell]]] = field(default_factory=list)
    chart: dict[str, Any] | None = None
    as_of: Words = ""
    #: what needs mending: words and the list of it
    faulty: list[tuple[Words, str]] = field(default_factory=list)


@dataclass
class HomePage(Page):
    """首页: cards of the modules, reminders, and how the unit's records stand, which comes after the first paint."""

    greeting: Words = ""
    cards: list[Card] = field(default_factory=list)
    reminders: list[tuple[str, Words, Words, str]] = field(default_factory=list)
    reminders_url: str = ""
    overview_url: str = ""
    empty: Words = ""


@dataclass
class LoginPage(Page):
    """登录: name and password; ``message`` says why it did not work."""

    url: str = "/login/"
    next: str = ""
    username: str = ""
    message: Words = ""
    puzzle: Any = None


@dataclass
class ErrorPage(Page):
    """What went wrong, in words, and the way back."""

    status: int = 500
    message: Words = ""
    back_url: str = "/"
    back_label: Words = ""
