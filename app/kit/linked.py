"""Records that hang on another one: its page shows them in a tab, and each of them shows all that hang beside it.

A record type says ``merge_moves = ("archive_id",)`` or ``parent_key = "agency_id"``, its view a ``tab_label`` and
names the column among its ``addressed``. What is hung on knows of nobody: a new module's tab is there as soon as the module is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from flask import current_app
from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Session

from app.kit import columns, listing, listpage
from app.kit.pages import Action, ListPage, Tab
from app.kit.question import Question
from app.kit.scope import Actor

if TYPE_CHECKING:
    from app.kit.view import RecordView

#: rows of a tab; the rest is in the list
FIRST = 20


class Link(NamedTuple):
    """Records of a view, and the column by which they hang."""

    view: RecordView
    name: str

    @property
    def target(self) -> str:
        """What they hang on."""
        field: columns.ReferenceField = self.view.model.fields()[self.name]
        return field.target

    def asked(self, actor: Actor, pk: int) -> Question:
        """Those that hang on one record, as the list of exactly these asks for them."""
        args, order = {self.name: str(pk)}, self.view.tab_order
        if order.name != "id":
            args["order"] = f"{order.name}:{'desc' if order.descending else 'asc'}"
        asked = Question(self.view, actor, args)
        asked.columns = tuple(name for name in asked.columns if name != self.name)  # it is the same for all
        return asked


def hanging(view: RecordView) -> list[Link]:
    """By which columns the records of a view hang on others."""
    if not view.tab_label:
        return []
    above = getattr(view.model, "parent_key", "")
    names = (*getattr(view.model, "merge_moves", ()), *([above] if above else []))
    return [Link(view, name) for name in names]


def links_to(view: RecordView, actor: Actor) -> list[Link]:
    """What may hang on a record and is open to the actor, in the order of the register."""
    every = [link for one in current_app.extensions["views"].values() for link in hanging(one)]
    return [
        link
        for link in every
        if link.target == view.resource
        and actor.may("read", link.view.resource)
        and not link.view.closed(actor, "read")
    ]


def tabs(view: RecordView, record: Any, actor: Actor) -> list[Tab]:
    """A tab for each of them."""
    here = view.url("show", pk=record.id)
    return [
        Tab(link.view.resource, link.view.tab_label, f"{here}?tab={link.view.resource}")
        for link in links_to(view, actor)
    ]


def count(view: RecordView, session: Session, record: Any, actor: Actor, made: list[Tab]) -> None:
    """Put the numbers into the tabs, by one statement; they come after the first paint."""
    links = links_to(view, actor)
    if not links:
        return
    asked = [link.asked(actor, record.id).statement(session) for link in links]
    numbers = dict(zip((link.view.resource for link in links), listing.counts(session, asked), strict=True))
    for tab in made:
        tab.count = listing.total_words(numbers[tab.key]) if tab.key in numbers else ""


def tab(view: RecordView, session: Session, record: Any, actor: Actor, name: str) -> ListPage | None:
    """What hangs on a record: the first rows, the way to all of them, the button to add one."""
    link = next((link for link in links_to(view, actor) if link.view.resource == name), None)
    if link is None:
        return None
    asked = link.asked(actor, record.id)
    piece = _rows(session, asked, FIRST)
    page = _table(asked, piece.rows)
    page.title = link.view.tab_label
    page.empty = _("没有%(what)s", what=link.view.tab_label)
    page.toolbar = _adding(link, record, actor)
    if piece.rows:
        page.toolbar.append(Action("all", _("查看全部"), asked.url(), "list-check"))
    if piece.next_key:
        page.notes = [_("这里列出前%(n)s条", n=FIRST)]
    return page


def _adding(link: Link, record: Any, actor: Actor) -> list[Action]:
    view = link.view
    if not (view.can_add and view.has_add_form and actor.may("write", view.resource)):
        return []
    here = {link.name: record.id}
    refusal = view.why_not_add(actor) or view.why_not_on(record, actor)
    made = [Action("add", view.add_label, view.url("add", **here), "plus", refusal=refusal)]
    if view.can_import and view.import_into == link.name:
        url = view.url("import_file", **here)
        made.append(Action("import", _("导入Excel"), url, "file-import", refusal=refusal))
    return made


def beside(view: RecordView, session: Session, record: Any, actor: Actor) -> ListPage | None:
    """All that hang where this record hangs and the reader sees, for one-by-one viewing (AID-R136)."""
    links = hanging(view)
    if not links:
        return None
    link = links[0]
    asked = link.asked(actor, getattr(record, link.name))
    rows = _rows(session, asked, listing.MAX_SIZE).rows
    place = next((index for index, row in enumerate(rows) if row.id == record.id), 0)
    start = max(0, min(place - FIRST // 2, len(rows) - FIRST))
    page = _table(asked, rows[start : start + FIRST])
    for row in page.rows:
        row.actions, row.more = [], row.id == record.id
    field = view.model.fields()[link.name]
    page.title = _("同一%(parent)s的%(what)s", parent=field.label, what=view.tab_label)
    page.notes = [_("第%(n)s条，共%(all)s条", n=place + 1, all=len(rows))]
    steps = [
        _step("previous", _("上一条"), "chevron-left", rows[place - 1 : place] if place else [], view),
        _step("next", _("下一条"), "chevron-right", rows[place + 1 : place + 2], view),
    ]
    page.toolbar = [
        *(steps if len(rows) > 1 else []),
        Action("print_list", _("打印信息列表"), _on_paper(asked), "printer", new_tab=True),
        *_parent(link, getattr(record, field.shown), actor),
    ]
    return page


def _step(name: str, label: Any, icon: str, rows: list[Any], view: RecordView) -> Action:
    refusal = None if rows else _("没有%(label)s了", label=label)
    return Action(name, label, view.url("show", pk=rows[0].id) if rows else "", icon, refusal=refusal)


def _on_paper(asked: Question) -> str:
    return asked.at("print_list", {**asked.args, "rows": "result", "fields": "shown"})


def _parent(link: Link, parent: Any, actor: Actor) -> list[Action]:
    """To see and to print what the record hangs on, where the reader sees it."""
    view: RecordView = current_app.extensions["views"][link.target]
    if parent is None or not actor.may("read", link.target) or view.closed(actor, "read"):
        return []
    what = view.model.__label__
    return [
        Action("parent", _("查看%(what)s", what=what), view.url("show", pk=parent.id), "external-link"),
        Action(
            "print_parent",
            _("打印%(what)s", what=what),
            view.url("print_one", pk=parent.id),
            "printer",
            new_tab=True,
        ),
    ]


def _rows(session: Session, asked: Question, size: int) -> listing.Slice:
    view = asked.view
    options = listpage.loading(view, asked.columns)
    return listing.page(session, asked.statement(session), view.model, asked.order, size, options=options)


def _table(asked: Question, records: list[Any]) -> ListPage:
    """The rows with the columns that the reader has chosen for their list."""
    page = ListPage("")
    page.columns = [listpage.column_of(asked, name) for name in asked.columns]
    for head in page.columns:
        head.sort_url = ""
    page.rows = [listpage.row_of(asked, record) for record in records]
    return page
