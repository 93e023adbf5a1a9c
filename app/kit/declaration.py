"""What a view says: columns, sheet, conditions, labels, and the places where a module may differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from flask import url_for
from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement, inspect

from app.kit import columns, forms, listing, listpage
from app.kit.errors import NotDeclared, Problem
from app.kit.forms import Sheet
from app.kit.layout import HINTS, Layout
from app.kit.listing import Order
from app.kit.pages import (
    Action,
    Chip,
    Conflict,
    DialogPage,
    FaultBox,
    FormPage,
    ListPage,
    Row,
    SheetPage,
    Tab,
)
from app.kit.papers import PrintPage
from app.kit.scope import Actor
from app.kit.statistics import Statistics
from app.kit.workflow import Stateful, Step

if TYPE_CHECKING:
    from app.kit.intake import Options
    from app.kit.jobs import JobContext
    from app.kit.question import Question
    from app.kit.staging import Stage
    from app.kit.totals import Total


@dataclass(frozen=True)
class Shelf:
    """A named part of a list with menu entries of its own, e.g. 农民工档案, 注销职工档案库.

    Without ``steps`` the list offers what the view offers; with it just these steps, above the list and as icons of
    its rows, and neither add, import nor delete. ``columns`` and ``conditions`` stand in place of the view's.
    """

    name: str
    label: Any
    where: Callable[[], ColumnElement[bool]] | None = None
    #: values that a new record of this shelf begins with
    begins: Mapping[str, str] = field(default_factory=dict)
    add_title: Any = ""
    #: takes the place of the view's ``base_clauses``: this shelf holds what the others leave out
    base: Callable[[], list[ColumnElement[bool]]] | None = None
    #: records of the actor's own unit alone: no unit selector
    is_own: bool = False
    steps: tuple[str, ...] | None = None
    #: without them, the icons that rows have beside the usual ones while the list is of one's own unit alone
    own_steps: tuple[str, ...] = ()
    #: what a step is called above this list
    step_labels: Mapping[str, Any] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    conditions: tuple[Any, ...] = ()
    #: whether records may be deleted from a list that has ``steps`` of its own
    can_delete: bool = False
    #: what stands above the list, e.g. how what it shows is mended, and the page of the view that explains it
    advice: Any = ""
    help: str = ""
    empty_words: Any = ""
    #: whether the home page counts it
    is_counted: bool = False
    #: whether it shows what a book shows one chain at a time: of all of them, and of subordinates too
    is_across: bool = False
    #: field → codes that no record of this shelf has: a statistic leaves them out
    absent: Mapping[str, frozenset[str]] = field(default_factory=dict)
    #: the shelf whose display options (自定义显示选项) it follows; its own when empty
    follows: str = ""
    #: fields of the sheet that the form of this shelf does not ask for
    without: tuple[str, ...] = ()


@dataclass(frozen=True)
class Shown:
    """A column that is no field: its label and its text."""

    label: Any
    text: Callable[[Any], Any]
    #: in place of the text where there is room for colour
    chips: Callable[[Any], list[Chip]] | None = None
    #: whether it takes the room that the others leave
    is_elastic: bool = False
    #: the kind of its value, where ``text`` gives the value itself: a number, told and aligned as one
    field: columns.Field | None = None


@cache
def _address(endpoint: str) -> str:
    """A page's address. It never changes, and a list asks for hundreds: the router is asked once."""
    return url_for(endpoint, _external=False)


@cache
def _around(endpoint: str) -> tuple[str, str]:
    """What stands before and after the record's number in the address of its page."""
    before, _number, after = url_for(endpoint, pk=0, _external=False).rpartition("/0")
    return f"{before}/", after


class Declaration:
    """What a view says of its record type, and what it may say otherwise than usual."""

    model: ClassVar[type[Any]]
    #: the right that opens the module; None is open to everybody who is logged in
    right: ClassVar[str | None] = None
    columns: ClassVar[tuple[str, ...]] = ()
    sheet: ClassVar[Sheet] = ()
    conditions: ClassVar[tuple[Any, ...]] = ()
    #: fields that the addresses of other pages ask for, e.g. all records of one person; the panel has no input for them
    addressed: ClassVar[tuple[str, ...]] = ()
    more_conditions: ClassVar[tuple[tuple[Any, tuple[Any, ...]], ...]] = ()
    statistics: ClassVar[Statistics | None] = None
    shelves: ClassVar[tuple[Shelf, ...]] = ()
    shown: ClassVar[dict[str, Shown]] = {}
    #: fields of a new record that begin with the account's latest value (AID-R048)
    carried: ClassVar[tuple[str, ...]] = ()
    #: relationships that every row of the list needs
    eager: ClassVar[tuple[str, ...]] = ()
    #: relationship → the columns that are read of it, where the whole would be too much for every row
    eager_columns: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    order: ClassVar[Order] = Order()
    page_size: ClassVar[int] = 20
    #: whether records are dear to count, so that their number comes after the first paint
    counts_later: ClassVar[bool] = False
    #: what the page of a record that these hang on (``merge_moves``) calls its tab of them; without it there is none
    tab_label: ClassVar[Any] = ""
    #: the order of that tab
    tab_order: ClassVar[Order] = Order()
    #: rows of sums under the list, on its print and in its files
    totals: ClassVar[tuple[Total, ...]] = ()
    #: conditions that must be asked before anything is listed or added; the list is then that of a book
    asks_first: ClassVar[tuple[str, ...]] = ()
    #: whether a list shows one unit at a time, never one with its subordinates
    of_one_unit: ClassVar[bool] = False
    #: the word on the button of the query panel
    ask_label: ClassVar[Any] = _("查询")
    #: classes with further REST routes of the resource
    more_api: ClassVar[tuple[type[Any], ...]] = ()

    can_add: ClassVar[bool] = True
    can_edit: ClassVar[bool] = True
    #: whether pages offer the kit's form for it; REST asks ``can_add`` and ``can_edit`` alone
    has_add_form: ClassVar[bool] = True
    has_edit_form: ClassVar[bool] = True
    can_delete: ClassVar[bool] = True
    can_print: ClassVar[bool] = True
    has_attachments: ClassVar[bool] = False
    #: what every file is, of CT-25, where nobody is asked
    attachment_kind: ClassVar[str] = ""
    #: whether records may come from an Excel workbook; the model then says what one is ``known_by``
    can_import: ClassVar[bool] = False
    #: the head of the column in which the rows of a child's sheet name their record
    import_key: ClassVar[Any] = ""
    #: the column that tells of which record the rows of a workbook are parts: they come into one record at a time
    import_into: ClassVar[str] = ""
    #: what records are counted in
    measure_word: ClassVar[Any] = _("条")
    #: the field whose value stands on paper and tells one record from others of its unit, e.g. 职工编号
    paper_number: ClassVar[str] = ""
    #: the door past the scope that pages of the module open: in words, and the record type behind it
    looks_up: ClassVar[tuple[Any, str]] = ("", "")
    #: what the page and the file of an import are called, where it brings more than one record type
    import_label: ClassVar[Any] = ""
    #: what its page says of cells that Excel would change, and of 更新已有的记录
    import_hints: ClassVar[tuple[Any, Any]] = HINTS
    is_tickable: ClassVar[bool] = True
    #: the module's group in the menu, above the page title
    group_label: Any = ""
    list_title: Any = ""
    add_label: ClassVar[Any] = _("新增")
    delete_label: ClassVar[Any] = _("删除选中的记录")
    #: what goes with a record that is deleted, asked before it does: a whole sentence
    delete_more: ClassVar[Any] = ""
    save_label: ClassVar[Any] = _("保存")
    save_more_label: ClassVar[Any] = _("保存并继续新增")
    #: the page that this button leads to, where it is not the same form again
    next_form: ClassVar[str] = ""
    step_labels: ClassVar[dict[str, Any]] = {}
    empty_words: ClassVar[Any] = _("还没有记录")
    signature: ClassVar[tuple[Any, ...]] = ()

    resource: str

    def __init__(self) -> None:
        self.resource = self.model.resource()
        self.list_title = self.list_title or self.model.__label__
        for name in (*self.columns, *self._sheet_names()):
            if name not in self.model.fields() and name not in self.shown and name != "report_state":
                raise NotDeclared(
                    f"{type(self).__name__} shows {name}, which {self.model.__name__} does not have"
                )
        super().__init__()

    @classmethod
    def grants(cls) -> set[tuple[str, str]]:
        """The permissions that the module's right opens on this record type."""
        resource = cls.model.resource()
        opened = {("can_read", resource)}
        if cls.can_add or cls.can_edit or cls.can_delete:
            opened.add(("can_write", resource))
        return opened | {(f"can_{step.name}", resource) for step in cls.steps().values() if not step.right}

    @classmethod
    def more_grants(cls) -> dict[str, set[tuple[str, str]]]:
        """What other rights open on this record type: right → permissions, by what its steps name."""
        found: dict[str, set[tuple[str, str]]] = {}
        for step in cls.steps().values():
            if step.right:
                found.setdefault(step.right, set()).add((f"can_{step.name}", cls.model.resource()))
        return found

    @classmethod
    def steps(cls) -> dict[str, Step]:
        """The record type's steps but for edit and delete."""
        table = cls.model.step_table() if issubclass(cls.model, Stateful) else {}
        return {name: step for name, step in table.items() if name not in {"edit", "delete"}}

    def _sheet_names(self) -> list[str]:
        return [name for _label, names in self.sheet if not isinstance(names, str) for name in names]

    @cached_property
    def is_reportable(self) -> bool:
        """Whether records carry the report envelope."""
        return hasattr(self.model, "state_is")

    @cached_property
    def is_owned(self) -> bool:
        """Whether records belong to units, so that a list has a unit selector."""
        return hasattr(self.model, "owner_path")

    def listed_steps(self, shelf: Shelf | None = None) -> list[Step]:
        """The steps offered above a list."""
        table = self.steps()
        if shelf is not None and shelf.steps is not None:
            return [table[name] for name in shelf.steps]
        return [step for step in table.values() if step.listed]

    def base_clauses(self) -> list[ColumnElement[bool]]:
        """What every list and statistic of the type leaves out."""
        return []

    def sortable(self, name: str) -> bool:
        """Whether a list may be ordered by this column."""
        return (
            name in self.model.fields()
            and name not in self.model.virtual
            and listing.has_order(getattr(self.model, name))
        )

    # --- the columns of a list, built in or chosen (REC-11) ---------------------------------------------------

    def place_of(self, shelf: Shelf | None) -> str:
        """What a list is called by programs: ``archive:migrant``."""
        return f"{self.resource}:{shelf.name}" if shelf else self.resource

    def list_key(self, shelf: Shelf | None) -> str:
        """The list whose display options are in force: one's own, or that which a shelf follows."""
        return f"{self.resource}:{shelf.follows}" if shelf and shelf.follows else self.place_of(shelf)

    def title_of(self, shelf: Shelf | None) -> Any:
        """What a list is called."""
        return shelf.label if shelf else self.list_title

    def built_in(self, shelf: Shelf | None) -> tuple[str, ...]:
        """The columns of a list for who has chosen none (AID-R114)."""
        return shelf.columns if shelf and shelf.columns else self.columns

    @cached_property
    def choices(self) -> tuple[str, ...]:
        """Every column that a list can show, in the order of the paper form; no rows of children."""
        listed = {*self.columns, *(name for shelf in self.shelves for name in shelf.columns)}
        fields, known = self.model.fields(), inspect(self.model).relationships
        every = [*self._sheet_names(), *fields, *self.shown]
        every += ["report_state"] if self.is_reportable else []

        def is_plain(name: str) -> bool:
            """Whether a row can show it without a statement of its own, and in a few words."""
            field = fields.get(name)
            if field is None or name in listed:
                return True
            if isinstance(field, columns.ReferenceField):
                return field.shown in known
            return name not in self.model.virtual and listing.has_order(getattr(self.model, name))

        return tuple(name for name in dict.fromkeys(every) if is_plain(name))

    def offered(self, actor: Actor) -> tuple[str, ...]:
        """The columns that an actor may choose: none that names records of a type which is closed to him."""
        fields = self.model.fields()

        def is_open(name: str) -> bool:
            field = fields.get(name)
            if not isinstance(field, columns.ReferenceField) or field.target == "unit":
                return True
            return actor.may("read", field.target)

        return tuple(name for name in self.choices if is_open(name))

    def label_of(self, name: str) -> Any:
        """The label of a column."""
        if name == "report_state":
            return _("状态")
        return self.shown[name].label if name in self.shown else self.model.fields()[name].label

    def chips(self, record: Any, actor: Actor) -> list[Chip]:
        """The state of a record, beside its title."""
        return [listpage.state_chip(record.report_state(actor))] if self.is_reportable else []

    def beside(self, shelf: Shelf | None) -> list[Tab]:
        """Pages that stand beside a list as tabs; none as a rule."""
        return []

    def tools(self, asked: Question) -> list[Action]:
        """Buttons above a list that belong to no record, before the usual ones."""
        return []

    def refusal(self, record: Any, name: str, actor: Actor, *, wide: bool = False) -> Any:
        """Why a step may not happen; a record without steps refuses nothing."""
        return record.refusal(name, actor, wide=wide) if isinstance(record, Stateful) else None

    def url(self, endpoint: str, **values: Any) -> str:
        """The address of one of this view's pages."""
        name = f"{self.resource}.{endpoint}"
        if not values:
            return _address(name)
        if values.keys() == {"pk"}:
            before, after = _around(name)
            return f"{before}{values['pk']}{after}"
        return url_for(name, **values)

    def conflict(self, record: Any, problems: Sequence[Problem]) -> Conflict | None:
        """The record that stands in the way of this one, and the way out (AID-R056 – R060)."""
        return None

    def added_page(self, record: Any, actor: Actor) -> Any:
        """A page to show once in place of the saved record; None is the usual way on."""
        return None

    def added_json(self, record: Any, actor: Actor) -> dict[str, Any]:
        """What REST tells once about a new record, beside the record."""
        return {}

    def stepped_page(self, records: Sequence[Any], step: str, actor: Actor) -> Any:
        """A page to show once after a step was performed; None is the usual way on."""
        return None

    def stepped_json(self, record: Any, step: str, actor: Actor) -> dict[str, Any]:
        """What REST tells once after a step, beside the record."""
        return {}

    def handed_over(self, record: Any, step: str, actor: Actor, answers: Mapping[str, Any]) -> Any:
        """The job that a step is given to, in the caller's transaction; None for one that is performed at once."""
        return None

    def closed(self, actor: Actor, permission: str, *, over_rest: bool = False) -> Any:
        """Why the module is closed to this actor although a right of his opens it; None when it is not."""
        return None

    def layout(self, *, with_owner: bool = False) -> Layout:
        """The sheets of the workbook that records come from."""
        return Layout(self, with_owner=with_owner)  # type: ignore[arg-type] # a view is a declaration with routes

    def intake(self, ctx: JobContext, stage: Stage, sheets: Layout, options: Options) -> Any:
        """Who takes the rows of an import in (``work(rows)``), where the kit's own way is not enough; None otherwise."""
        return None

    def may_migrate(self, actor: Actor) -> bool:
        """Whether the actor may bring the files of an older system, faulty ones included."""
        return False

    def new(self) -> Any:
        """A record for the form of a new one; a type that hangs on another knows by then on which."""
        return self.model()

    def begins(self, actor: Actor) -> forms.Typed:
        """What the form of a new record begins with, beyond the fields' defaults."""
        return {}

    def dress(self, page: FormPage, record: Any, typed: forms.Typed) -> None:
        """The last touch to a form: choices that depend on the record, a button beside an input."""

    def dress_dialog(self, page: DialogPage, records: Sequence[Any], step: str, actor: Actor) -> None:
        """The last touch to the dialog of a step, e.g. what of the record has to be known to answer."""

    def dress_list(self, page: ListPage, asked: Question) -> None:
        """The last touch to a list, e.g. where in its records the words stand that were asked for."""

    def dress_row(self, row: Row, record: Any, actor: Actor) -> None:
        """The last touch to a row of a list: a further icon, what a template of the module's own draws."""

    def addressed_clauses(self) -> list[ColumnElement[bool]]:
        """What is left out where another page asks for those of one record; the same as everywhere, as a rule."""
        return self.base_clauses()

    def known_clauses(self) -> list[ColumnElement[bool]]:
        """What even a list of certain records leaves out, e.g. those that a reminder is about."""
        return []

    def why_not_add(self, actor: Actor) -> Any:
        """Why no record may be added at all now, in words; None when it may: list, form and REST ask."""
        return None

    def why_not_on(self, parent: Any, actor: Actor) -> Any:
        """Why no record of this type may be added to what it would hang on, in words; None when it may."""
        return None

    def own_tabs(self, record: Any, actor: Actor) -> list[Tab]:
        """Tabs of a record's page beside those of what hangs on it, e.g. what suits it."""
        return []

    def own_tab(self, record: Any, actor: Actor, name: str) -> ListPage | None:
        """The rows of such a tab; None for a name that is none of them."""
        return None

    def faults(self, record: Any, actor: Actor) -> FaultBox | None:
        """What is wrong with a stored record and how each of it is mended; None when nothing is known."""
        return None

    def more_actions(self, record: Any, actor: Actor) -> list[Action]:
        """Buttons of the record's page beyond the usual ones, e.g. the records that a reminder is about."""
        return []

    def home(self, record: Any = None) -> str:
        """Where the module begins, or where a record stands in it."""
        return self.url("list")

    def landing(self, record: Any) -> str:
        """The page that is shown after a record was saved."""
        return self.url("show", pk=record.id)

    def delete_action(self, record: Any, refusal: Any) -> Action:
        """The button or icon that deletes one record."""
        confirm = _("确定删除「%(record)s」吗？删除后不能恢复。", record=record.title)
        return Action(
            "delete",
            _("删除"),
            self.url("delete", pk=record.id),
            "trash",
            "post",
            f"{confirm}{self.delete_more}",
            refusal,
            danger=True,
        )

    def row_actions(self, record: Any, actor: Actor) -> list[Action]:
        """Icons of the record's row in a list that are no steps."""
        return []

    def dress_sheet(self, page: SheetPage, record: Any, actor: Actor) -> None:
        """The last touch to a record's page, e.g. sections that nobody types."""

    def paper(self, record: Any) -> PrintPage | None:
        """The record's paper where it is another than the form of its fields; print, Word and Excel follow it."""
        return None

    def more_json(self, record: Any, actor: Actor) -> dict[str, Any]:
        """What REST shows of a record beside its fields."""
        return {}
