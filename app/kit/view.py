"""A declared view becomes pages: list, record, form, steps, statistics, print, export.

A view says only what a clerk would point at on the screen::

    class PetitionView(RecordView):
        model = Petition
        right = "信访接待"
        columns = ("received_on", "petitioner_name", "category", "report_state")
        sheet = ((_("来访情况"), ("received_on", "petitioner_name")), …)
        conditions = ("received_on", "category")

Route, rights, labels, code lists, scope, steps, print and export come from here; REST from :mod:`app.kit.api`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

from flask import jsonify, request, url_for
from flask_appbuilder.baseviews import BaseView, expose
from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement, inspect, select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from app.kit import (
    exporting,
    filing,
    formpage,
    forms,
    listing,
    listpage,
    picking,
    scope,
    sheetpage,
    statpage,
    stepping,
)
from app.kit.access import needs, writes
from app.kit.database import db
from app.kit.errors import Missing, NotDeclared, Problem
from app.kit.face import render
from app.kit.forms import Sheet
from app.kit.listing import Order
from app.kit.pages import Action, Chip, Conflict, FormPage, ListPage
from app.kit.scope import Actor
from app.kit.statistics import Statistics
from app.kit.workflow import Stateful, Step


@dataclass(frozen=True)
class Shelf:
    """A named part of a list with menu entries of its own, e.g. 农民工档案."""

    name: str
    label: Any
    where: Callable[[], ColumnElement[bool]] | None = None
    #: values that a new record of this shelf begins with
    begins: Mapping[str, str] = field(default_factory=dict)
    add_title: Any = ""


@dataclass(frozen=True)
class Shown:
    """A column that is no field: its label and its text."""

    label: Any
    text: Callable[[Any], Any]


class RecordView(BaseView):
    """The pages of one record type."""

    model: ClassVar[type[Any]]
    #: the right that opens the module; None is open to everybody who is logged in
    right: ClassVar[str | None] = None
    columns: ClassVar[tuple[str, ...]] = ()
    sheet: ClassVar[Sheet] = ()
    conditions: ClassVar[tuple[Any, ...]] = ()
    more_conditions: ClassVar[tuple[tuple[Any, tuple[Any, ...]], ...]] = ()
    statistics: ClassVar[Statistics | None] = None
    shelves: ClassVar[tuple[Shelf, ...]] = ()
    shown: ClassVar[dict[str, Shown]] = {}
    #: fields of a new record that begin with the account's latest value (AID-R048)
    carried: ClassVar[tuple[str, ...]] = ()
    #: relationships that every row of the list needs
    eager: ClassVar[tuple[str, ...]] = ()
    order: ClassVar[Order] = Order()
    page_size: ClassVar[int] = 20

    can_add: ClassVar[bool] = True
    can_edit: ClassVar[bool] = True
    can_delete: ClassVar[bool] = True
    can_print: ClassVar[bool] = True
    has_attachments: ClassVar[bool] = False
    is_tickable: ClassVar[bool] = True
    #: the module's group in the menu, above the page title
    group_label: Any = ""
    list_title: Any = ""
    add_label: ClassVar[Any] = _("新增")
    delete_label: ClassVar[Any] = _("删除选中的记录")
    save_label: ClassVar[Any] = _("保存")
    save_more_label: ClassVar[Any] = _("保存并继续新增")
    step_labels: ClassVar[dict[str, Any]] = {}
    empty_words: ClassVar[Any] = _("还没有记录")
    signature: ClassVar[tuple[Any, ...]] = ()

    resource: str
    default_view = "list"

    def __init__(self) -> None:
        self.resource = self.model.resource()
        self.route_base = f"/{self.resource}"
        self.class_permission_name = self.resource
        self.base_permissions = sorted(permission for permission, _resource in self.grants())
        self.list_title = self.list_title or self.model.__label__
        for name in (*self.columns, *self._sheet_names()):
            if name not in self.model.fields() and name not in self.shown and name != "report_state":
                raise NotDeclared(
                    f"{type(self).__name__} shows {name}, which {self.model.__name__} does not have"
                )
        super().__init__()

    # --- what the declaration says ---------------------------------------------------------------------------

    @classmethod
    def grants(cls) -> set[tuple[str, str]]:
        """The permissions that the module's right opens on this record type."""
        resource = cls.model.resource()
        opened = {("can_read", resource)}
        if cls.can_add or cls.can_edit or cls.can_delete:
            opened.add(("can_write", resource))
        return opened | {(f"can_{name}", resource) for name in cls.steps()}

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

    def listed_steps(self) -> list[Step]:
        """The steps offered above a list."""
        return list(self.steps().values())

    def base_clauses(self) -> list[ColumnElement[bool]]:
        """What every list and statistic of the type leaves out."""
        return []

    def sortable(self, name: str) -> bool:
        """Whether a list may be ordered by this column."""
        return (
            name in self.model.fields()
            and name not in self.model.virtual
            and name in inspect(self.model).columns
        )

    def label_of(self, name: str) -> Any:
        """The label of a column."""
        if name == "report_state":
            return _("状态")
        return self.shown[name].label if name in self.shown else self.model.fields()[name].label

    def chips(self, record: Any, actor: Actor) -> list[Chip]:
        """The state of a record, beside its title."""
        return [listpage.state_chip(record.report_state(actor))] if self.is_reportable else []

    def refusal(self, record: Any, name: str, actor: Actor, *, wide: bool = False) -> Any:
        """Why a step may not happen; a record without steps refuses nothing."""
        return record.refusal(name, actor, wide=wide) if isinstance(record, Stateful) else None

    def url(self, endpoint: str, **values: Any) -> str:
        """The address of one of this view's pages."""
        return url_for(f"{self.resource}.{endpoint}", **values)

    def new(self, actor: Actor) -> Any:
        """An empty record of the type."""
        return self.model()

    def conflict(self, record: Any, problems: Sequence[Problem]) -> Conflict | None:
        """The record that stands in the way of this one, and the way out (AID-R056 – R060)."""
        return None

    def added(self, record: Any, actor: Actor) -> Any:
        """Words to show once after a record was added; the usual ones when None."""
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

    def closed(self, actor: Actor, permission: str, *, over_rest: bool = False) -> Any:
        """Why the module is closed to this actor although a right of his opens it; None when it is not."""
        return None

    def begins(self, actor: Actor) -> forms.Typed:
        """What the form of a new record begins with, beyond the fields' defaults."""
        return {}

    def dress(self, page: FormPage, record: Any, typed: forms.Typed) -> None:
        """The last touch to a form: choices that depend on the record, a button beside an input."""

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
            confirm,
            refusal,
            danger=True,
        )

    def more_json(self, record: Any, actor: Actor) -> dict[str, Any]:
        """What REST shows of a record beside its fields."""
        return {}

    # --- what every route needs ------------------------------------------------------------------------------

    @property
    def session(self) -> Session:
        """The request's session."""
        session: Session = db.session()
        return session

    def find(self, pk: int) -> Any:
        """A record in scope. Raises Missing."""
        if pk > listpage.tree_limit():
            raise Missing
        found = self.session.scalar(select(self.model).where(self.model.id == pk))
        if found is None:
            raise Missing
        return found

    def find_many(self, raw: list[str]) -> list[Any]:
        """The ticked records in scope, in the order of their ids; at most a page of them."""
        ids = {int(i) for i in raw[: listing.MAX_SIZE] if i.isascii() and i.isdigit() and len(i) < 10}
        statement = select(self.model).where(self.model.id.in_(ids)).order_by(self.model.id)
        return list(self.session.scalars(listpage.eager(self, statement)))

    # --- routes ----------------------------------------------------------------------------------------------

    @expose("/list/")
    @needs("read")
    def list(self) -> Any:
        """The list."""
        return render("kit/list.html", listpage.build(self, self.session, scope.actor(), request.args))

    @expose("/counts")
    @needs("read")
    def counts(self) -> Any:
        """The state tabs with their counts, after the first paint."""
        if not self.is_reportable:
            raise Missing
        asked = listpage.Question(self, scope.actor(), request.args)
        tabs = listpage.state_tabs(asked, listpage.state_counts(asked, self.session))
        return render("kit/_tabs.html", ListPage(self.list_title, tabs=tabs))

    @expose("/show/<int:pk>")
    @needs("read")
    def show(self, pk: int) -> Any:
        """One record."""
        page = sheetpage.build(self, self.session, self.find(pk), scope.actor(), request.args.get("tab", ""))
        return render("kit/sheet.html", page)

    @expose("/pick")
    @needs("read")
    def pick(self) -> Any:
        """Records to choose from in a form, by a part of their name."""
        return jsonify(results=picking.found(self, self.session, request.args.get("q", "")))

    @expose("/reveal/<int:pk>", methods=["POST"])
    @needs("read")
    def reveal(self, pk: int) -> Any:
        """A masked number in full; who looked is noted."""
        return sheetpage.reveal(
            self, self.session, self.find(pk), scope.actor(), request.args.get("field", "")
        )

    @expose("/add", methods=["GET", "POST"])
    @needs("write")
    def add(self) -> Any:
        """A new record."""
        if not self.can_add:
            raise Missing
        return formpage.serve(self, self.session, self.new(scope.actor()), scope.actor())

    @expose("/edit/<int:pk>", methods=["GET", "POST"])
    @needs("write")
    def edit(self, pk: int) -> Any:
        """A stored record to change."""
        if not self.can_edit:
            raise Missing
        return formpage.serve(self, self.session, self.find(pk), scope.actor())

    @expose("/draft", methods=["POST"])
    @needs("write")
    def draft(self) -> Any:
        """Keep what was typed so far."""
        return formpage.keep_draft(self, self.session, scope.actor())

    @expose("/draft/discard", methods=["POST"])
    @needs("write")
    def discard_draft(self) -> Any:
        """Forget what was typed."""
        return formpage.discard_draft(self, self.session, scope.actor())

    @expose("/delete/<int:pk>", methods=["POST"])
    @needs("write")
    def delete(self, pk: int) -> Response:
        """Delete one record."""
        return stepping.delete(self, self.session, [self.find(pk)], scope.actor())

    @expose("/delete", methods=["POST"])
    @needs("write")
    def delete_many(self) -> Response:
        """Delete the ticked records."""
        return stepping.delete(self, self.session, self.find_many(request.form.getlist("ids")), scope.actor())

    @expose("/dialog/<step>")
    @needs("read")
    def dialog(self, step: str) -> Any:
        """What a step asks, for the ticked records."""
        return stepping.dialog(self, self.find_many(request.args.getlist("ids")), step, scope.actor())

    @expose("/steps/<step>", methods=["POST"])
    @needs("read")
    def step(self, step: str) -> Any:
        """Perform a step on the ticked records."""
        return stepping.perform(
            self, self.session, self.find_many(request.form.getlist("ids")), step, scope.actor()
        )

    @expose("/statistics")
    @needs("read")
    @writes
    def statistic(self) -> Any:
        """A dimension × the units below."""
        if self.statistics is None:
            raise Missing
        return statpage.serve(self, self.session, scope.actor(), request.args)

    @expose("/print/<int:pk>")
    @needs("read")
    @writes
    def print_one(self, pk: int) -> Any:
        """One record on A4."""
        return render("kit/print.html", exporting.sheet(self, self.session, self.find(pk), scope.actor()))

    @expose("/word/<int:pk>")
    @needs("read")
    @writes
    def word(self, pk: int) -> Response:
        """One record as a Word file."""
        return exporting.word(self, self.session, self.find(pk), scope.actor())

    @expose("/excel/<int:pk>")
    @needs("read")
    @writes
    def excel(self, pk: int) -> Response:
        """One record as an Excel file."""
        return exporting.excel(self, self.session, self.find(pk), scope.actor())

    @expose("/print")
    @needs("read")
    @writes
    def print_list(self) -> Any:
        """The list on A4, in one of the four ways."""
        return render("kit/print.html", exporting.listed(self, self.session, scope.actor(), request.args))

    @expose("/export")
    @needs("read")
    @writes
    def export(self) -> Response:
        """The list as a file."""
        return exporting.file(self, self.session, scope.actor(), request.args)

    @expose("/blank")
    @needs("read")
    def blank(self) -> Any:
        """The empty paper form (AID-R085)."""
        if not self.can_add:
            raise Missing
        return render("kit/print.html", exporting.blank(self, request.args.get("shelf", "")))

    @expose("/attach/<int:pk>", methods=["POST"])
    @needs("write")
    def attach(self, pk: int) -> Response:
        """Add a file to a record."""
        return filing.attach(self, self.session, self.find(pk), scope.actor())

    @expose("/file/<int:pk>/<int:file>")
    @needs("read")
    @writes
    def download(self, pk: int, file: int) -> Response:
        """A file of a record."""
        return filing.download(self, self.session, self.find(pk), file, scope.actor())

    @expose("/file/<int:pk>/<int:file>/delete", methods=["POST"])
    @needs("write")
    def discard_file(self, pk: int, file: int) -> Response:
        """Remove a file of a record."""
        return filing.discard(self, self.session, self.find(pk), file, scope.actor())
