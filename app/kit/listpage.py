"""A list as a page: what the request asks for, read once, and drawn as conditions, tabs, rows and footer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from flask import url_for
from flask_babel import lazy_gettext as _
from sqlalchemy import Select, inspect
from sqlalchemy.orm import RelationshipProperty, Session, joinedload, selectinload

from app.kit import columns, listing, query
from app.kit.pages import (
    Action,
    Cell,
    Chip,
    Column,
    Crumb,
    FieldView,
    ListPage,
    Pager,
    Row,
    StatisticsPage,
    Tab,
    UnitBox,
)
from app.kit.question import TONES, Question
from app.kit.scope import Actor

if TYPE_CHECKING:
    from app.kit.view import RecordView

#: a text column of at least this length gives way to the others
ELASTIC = 60


def loading(view: RecordView, names: tuple[str, ...] = ()) -> list[Any]:
    """What the rows of one page show is loaded along: a parent by a join, children by one statement a relationship."""
    shown = _shown(view, names or view.columns)
    return [(selectinload if one.uselist else joinedload)(one.class_attribute) for one in shown]


def _shown(view: RecordView, names: tuple[str, ...]) -> list[RelationshipProperty[Any]]:
    """The relationships that a row with these columns shows."""
    fields = view.model.fields()
    wanted = {fields[n].shown for n in names if isinstance(fields.get(n), columns.ReferenceField)}
    wanted |= {"owner_unit"} if view.is_reportable else set()
    wanted |= set(view.eager)
    relations = inspect(view.model).relationships
    return [relations[name] for name in sorted(wanted) if name in relations]


def eager(view: RecordView, statement: Select[Any]) -> Select[Any]:
    """A statement of any number of rows, with what they show: by a statement a relationship, so that no row grows wider."""
    shown = _shown(view, view.columns)
    return statement.options(*(selectinload(relation.class_attribute) for relation in shown))


def build(view: RecordView, session: Session, actor: Actor, args: Mapping[str, str]) -> ListPage:
    """The whole page."""
    asked = Question(view, actor, args)
    statement = asked.statement(session)
    if unsorted := listing.too_many_to_sort(session, statement, view.model, asked.order):
        asked.order = view.order
    piece = listing.page(
        session,
        statement,
        view.model,
        asked.order,
        asked.size,
        args.get("key", ""),
        asked.number,
        loading(view, asked.columns),
    )
    number: int | None = len(piece.rows)
    if not _is_whole(asked, piece):
        is_exact = args.get("count") == "exact"
        is_late = view.is_reportable and asked.asked.is_dear and not is_exact
        number = None if is_late else listing.count(session, statement, exact=is_exact)
    unit = asked.unit(session)
    title = asked.shelf.label if asked.shelf else view.list_title
    page = ListPage(title, crumbs=[Crumb(view.group_label), Crumb(title)])
    page.url = view.url("list")
    problems = asked.asked.problems
    fill_panel(page, asked)
    page.asked = asked.asked.words
    page.errors = [problem.words for problem in problems]
    advice = asked.shelf.advice if asked.shelf else ""
    page.notes = [words for words in (advice, unsorted) if words]
    kept = ("shelf", "state", "unit", "sub", "size", "order", "panel")
    page.keep = {key: args[key] for key in kept if args.get(key)}
    page.open_panel = bool(problems) or (args.get("panel") == "all" and not asked.asked.words)
    page.reset_url = view.url("list") + (f"?shelf={asked.shelf.name}" if asked.shelf else "")
    if view.is_owned and not asked.is_own:
        page.unit = unit_box(asked, unit)
    if view.is_reportable:
        page.tabs = state_tabs(asked)
        page.counts_url = asked.at("counts")
        page.legend = legend()
    page.toolbar = toolbar(view, actor, asked)
    page.exports = exports(asked)
    page.columns = [_column(asked, name) for name in asked.columns]
    page.rows = [row_of(asked, record) for record in piece.rows]
    page.pager = pager(asked, piece, number)
    page.tickable = view.is_tickable
    empty = (asked.shelf.empty_words if asked.shelf else "") or view.empty_words
    page.empty = _("没有符合条件的记录") if asked.asked.words else empty
    page.empty_action = next((action for action in page.toolbar if action.name == "add"), None)
    return page


def fill_panel(page: ListPage | StatisticsPage, asked: Question) -> None:
    """The query panel; 更多条件 come with the page only when the question needs them, for they outweigh its rows."""
    page.conditions = query.panel(asked.conditions, asked.args, asked.asked.problems)
    if asked.needs_more:
        page.more_conditions = more_conditions(asked)
    elif asked.more:
        page.more_url = asked.at("panel")


def more_conditions(asked: Question) -> list[tuple[Any, list[FieldView]]]:
    """更多条件 by their groups."""
    return [(label, query.panel(some, asked.args, asked.asked.problems)) for label, some in asked.more]


def _is_whole(asked: Question, piece: listing.Slice) -> bool:
    """Whether the rows at hand are all there are, so that nothing need be counted."""
    return not piece.previous_key and not piece.next_key and not asked.number and not asked.args.get("key")


def unit_box(asked: Question, unit: Any) -> UnitBox:
    """The unit selector (L5)."""
    return UnitBox(
        unit.id if unit else asked.actor.unit_id or 0,
        unit.name if unit else asked.actor.unit_name,
        url_for("unit.pick"),
        asked.url(unit="") if unit else "",
        asked.with_subordinates,
    )


def state_tabs(asked: Question, counts: Mapping[str, int] | None = None) -> list[Tab]:
    """所有数据 and the three states of CT-39 (L4)."""
    words = {"": _("所有数据"), "pending": _("未上报"), "returned": _("退回"), "reported": _("已上报")}
    return [
        Tab(
            state,
            label,
            asked.url(state=state),
            active=asked.state == state,
            count=listing.total_words(counts[state]) if counts else "",
            tone=TONES.get(state, ""),
        )
        for state, label in words.items()
    ]


def state_counts(asked: Question, session: Session) -> dict[str, int]:
    """How many records stand in each state, capped; asked for after the first paint."""
    statement = asked.statement(session, with_state=False)
    model = asked.view.model
    return {
        state: listing.count(
            session, statement.where(model.state_is(state, asked.actor)) if state else statement
        )
        for state in ("", *TONES)
    }


def legend() -> list[tuple[Chip, Any]]:
    """数据状态 in words (L3)."""
    return [
        (state_chip("pending"), _("数据正在录入，尚未上报")),
        (state_chip("returned"), _("上报后被退回，需要修改")),
        (state_chip("reported"), _("数据已上报")),
    ]


def state_chip(state: str) -> Chip:
    """A state of CT-39."""
    words = {"pending": _("未上报"), "reported": _("已上报"), "returned": _("退回")}
    return Chip(words[state], TONES[state])


def toolbar(view: RecordView, actor: Actor, asked: Question) -> list[Action]:
    """The buttons above the table: add, the steps for ticked rows, delete."""
    resource, actions = view.resource, []
    shelf = {"shelf": asked.shelf.name} if asked.shelf else {}
    is_usual = asked.shelf is None or asked.shelf.steps is None
    may_write = is_usual and actor.may("write", resource)
    if view.can_add and may_write:
        url = view.url("add") + (f"?{urlencode(shelf)}" if shelf else "")
        actions.append(Action("add", view.add_label, url, "plus", primary=True))
    if view.can_import and may_write:
        actions.append(Action("import", _("导入Excel"), view.url("import_file"), "file-import"))
    for step in view.listed_steps(asked.shelf):
        if actor.may(step.name, resource):
            url = view.url("dialog", step=step.name)
            label = view.step_labels.get(step.name, step.label)
            actions.append(
                Action(step.name, label, url, step.icon, "dialog", needs_rows=True, danger=step.danger)
            )
    if view.can_delete and view.is_tickable and may_write:
        actions.append(
            Action(
                "delete",
                view.delete_label,
                view.url("delete_many"),
                "trash",
                "post",
                _("确定删除选中的记录吗？删除后不能恢复。"),
                needs_rows=True,
                danger=True,
            )
        )
    return actions


def exports(asked: Question) -> list[Action]:
    """打印 in its four ways (L12), Excel and CSV."""
    view = asked.view
    if not asked.actor.may("read", view.resource):
        return []
    ways = (
        ("page", "shown", _("打印当前页已显示字段")),
        ("page", "all", _("打印当前页全部字段")),
        ("result", "shown", _("打印全部查询结果已显示字段")),
        ("result", "all", _("打印全部查询结果全部字段")),
    )
    whole = {key: value for key, value in asked.args.items() if value != "" and key not in {"count", "draft"}}
    made = [
        Action(
            f"print_{rows}_{fields}",
            label,
            asked.at("print_list", whole | {"rows": rows, "fields": fields}),
            "printer",
            new_tab=True,
        )
        for rows, fields, label in ways
    ]
    made.append(
        Action("xlsx", _("另存为Excel"), asked.at("export", whole | {"format": "xlsx"}), "file-spreadsheet")
    )
    made.append(Action("csv", _("另存为CSV"), asked.at("export", whole | {"format": "csv"}), "download"))
    return made


def _column(asked: Question, name: str) -> Column:
    view = asked.view
    field = view.model.fields().get(name)
    column = Column(name, view.label_of(name), field.align if field else "left")
    column.elastic = field is not None and (
        field.kind == "long_text" or getattr(field, "length", 0) >= ELASTIC
    )
    is_state = name == "report_state"
    looks = {
        "kit-center": is_state,
        f"kit-{column.align}": not is_state and column.align != "left",
        "kit-elastic": column.elastic,
        "kit-state": is_state,
    }
    column.look = " ".join(look for look, applies in looks.items() if applies)
    if view.sortable(name):
        mine = asked.order.name == name
        column.sorted = ("desc" if asked.order.descending else "asc") if mine else ""
        column.sort_url = asked.url(
            order=f"{name}:{'asc' if mine and asked.order.descending else 'desc' if mine else 'asc'}"
        )
    return column


def row_of(asked: Question, record: Any) -> Row:
    """One record of the list."""
    view, actor = asked.view, asked.actor
    actions = row_actions(view, record, actor)
    if asked.shelf is not None and asked.shelf.steps is not None:
        actions = [action for action in actions if action.name != "delete"] + step_icons(asked, record)
    return Row(
        record.id,
        view.url("show", pk=record.id),
        [cell(view, record, name, actor) for name in asked.columns],
        actions,
    )


def step_icons(asked: Question, record: Any) -> list[Action]:
    """The steps of a shelf as icons of its rows."""
    view, actor = asked.view, asked.actor
    return [
        Action(
            step.name,
            view.step_labels.get(step.name, step.label),
            f"{view.url('dialog', step=step.name)}?ids={record.id}",
            step.icon,
            "dialog",
            refusal=view.refusal(record, step.name, actor),
            danger=step.danger,
        )
        for step in view.listed_steps(asked.shelf)
        if actor.may(step.name, view.resource) and step.applies(record, actor)
    ]


def cell(view: RecordView, record: Any, name: str, actor: Actor) -> Cell:
    """One value of a row."""
    if name == "report_state":
        chip = state_chip(record.report_state(actor))
        return Cell(chip.text, chip)
    field = type(record).fields().get(name)
    if field is None:
        return Cell(view.shown[name].text(record))
    text = record.text(name) if field.kind == "reference" else field.short(getattr(record, name))
    return Cell(text, title=text if len(text) > 12 else "")


def row_actions(view: RecordView, record: Any, actor: Actor) -> list[Action]:
    """The icons at the end of a row (L2)."""
    actions = []
    if view.can_print:
        actions.append(
            Action("print", _("打印"), view.url("print_one", pk=record.id), "printer", new_tab=True)
        )
        actions.append(Action("word", _("另存为Word"), view.url("word", pk=record.id), "file-text"))
    if actor.may("write", view.resource):
        if view.can_edit:
            actions.append(
                Action(
                    "edit",
                    _("编辑"),
                    view.url("edit", pk=record.id),
                    "edit",
                    refusal=view.refusal(record, "edit", actor),
                )
            )
        if view.can_delete:
            actions.append(view.delete_action(record, view.refusal(record, "delete", actor)))
    return actions


def counted(asked: Question, number: int | None) -> Pager:
    """共 n 条 共 m 页; without a number the words that stand there until it comes with the tabs' counts."""
    made = Pager(_("正在计数…"), size=asked.size)
    capped = number is None or number > listing.COUNT_CAP
    if number is not None:
        pages = max(1, -(-min(number, listing.COUNT_CAP) // asked.size))
        told = f"{pages}+" if capped else pages
        made.total = _("共%(n)s条 共%(m)s页", n=listing.total_words(number), m=told)
    made.count_url = asked.url(count="exact") if capped and asked.args.get("count") != "exact" else ""
    return made


def pager(asked: Question, piece: listing.Slice, number: int | None) -> Pager:
    """The footer: how many there are, and the ways to other pages (L6)."""
    made = counted(asked, number)
    if piece.previous_key:
        made.first_url, made.previous_url = asked.url(), asked.url(key=piece.previous_key)
    if piece.next_key:
        made.next_url, made.last_url = asked.url(key=piece.next_key), asked.url(key="last")
    if not asked.args.get("key"):
        made.number = _("第%(n)s页", n=asked.number + 1)
    made.jump_url = asked.url() if number is None or number > asked.size else ""
    made.sizes = [
        Tab(str(n), _("%(n)s条/页", n=n), asked.url(size=n), active=n == asked.size)
        for n in (20, 50, 100, 200)
    ]
    return made
