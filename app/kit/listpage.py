"""A list as a page: what the request asks for, read once, and drawn as conditions, tabs, rows and footer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from flask import url_for
from flask_babel import lazy_gettext as _
from sqlalchemy import Select, false, inspect
from sqlalchemy.orm import RelationshipProperty, Session, defer, joinedload, selectinload

from app.kit import bookpage, columns, identity, listing, parts, query
from app.kit.pages import Action, Cell, Chip, Column, Crumb, FieldView, ListPage, Pager, Row, Tab, UnitBox
from app.kit.papers import StatisticsPage
from app.kit.question import TONES, Question
from app.kit.scope import Actor
from app.kit.workflow import Step

if TYPE_CHECKING:
    from app.kit.view import RecordView

#: a text column of at least this length gives way to the others
ELASTIC = 60


def loading(view: RecordView, names: tuple[str, ...] = ()) -> list[Any]:
    """What the rows of one page show is loaded along: a parent by a join, children by one statement a relationship."""
    return [_loads(view, one) for one in _shown(view, names or view.columns)]


def without_texts(view: RecordView, but: Collection[str] = ()) -> list[Any]:
    """A formatted text is no column of a list, and outweighs all that is; ``but`` those that are asked for."""
    fields = view.model.fields().items()
    names = [name for name, field in fields if field.kind == "rich_text" and name not in but]
    return [defer(getattr(view.model, name)) for name in names]


def _loads(view: RecordView, one: RelationshipProperty[Any]) -> Any:
    """One relationship, whole or as narrow as the view says."""
    loads = (selectinload if one.uselist else joinedload)(one.class_attribute)
    narrow = view.eager_columns.get(one.key)
    return loads.load_only(*(getattr(one.mapper.class_, name) for name in narrow)) if narrow else loads


def _shown(view: RecordView, names: tuple[str, ...]) -> list[RelationshipProperty[Any]]:
    """The relationships that a row with these columns shows."""
    fields = view.model.fields()
    wanted = {fields[n].shown for n in names if isinstance(fields.get(n), columns.ReferenceField)}
    wanted |= {"owner_unit"} if view.is_reportable else set()
    wanted |= set(view.eager)
    relations = inspect(view.model).relationships
    return [relations[name] for name in sorted(wanted) if name in relations]


def eager(view: RecordView, statement: Select[Any], names: tuple[str, ...] = ()) -> Select[Any]:
    """A statement of any number of rows, with what they show: by a statement a relationship, so that no row grows wider."""
    shown = _shown(view, names or view.columns)
    return statement.options(*(selectinload(relation.class_attribute) for relation in shown))


def build(view: RecordView, session: Session, actor: Actor, args: Mapping[str, str]) -> ListPage:
    """The whole page."""
    asked = Question(view, actor, args)
    statement = asked.statement(session)
    if waiting := bookpage.waits(asked):
        statement = statement.where(false())
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
        [*loading(view, asked.columns), *without_texts(view)],
    )
    counts = _counts_now(asked, session, piece) if view.is_reportable else None
    number = _number_now(asked, session, statement, piece, counts)
    unit = asked.unit(session)
    title = asked.shelf.label if asked.shelf else view.list_title
    page = ListPage(title, crumbs=[Crumb(view.group_label), Crumb(title)])
    page.url = view.url("list")
    problems = asked.asked.problems
    fill_panel(page, asked)
    page.asked = asked.asked.words
    page.errors = [problem.words for problem in problems]
    advice = asked.shelf.advice if asked.shelf else ""
    lost = _("所选的填报单位已不存在，或不在您单位的范围内，现按本单位显示")
    is_lost = view.is_owned and asked.has_lost_unit(session)
    page.notes = [words for words in (advice, unsorted, is_lost and lost) if words]
    if asked.reminder:
        page.asked = [_("提醒中的记录，现在本单位看得到的"), *page.asked]
    kept = ("shelf", "state", "unit", "sub", "size", "order", "panel", "reminder", *view.addressed)
    page.keep = {key: args[key] for key in kept if args.get(key)}
    page.open_panel = bool(problems) or (args.get("panel") == "all" and not asked.asked.words)
    page.reset_url = view.url("list") + (f"?shelf={asked.shelf.name}" if asked.shelf else "")
    if view.is_owned and not asked.is_own:
        page.unit = unit_box(asked, unit)
    if view.is_reportable:
        page.tabs = state_tabs(asked, counts)
        page.counts_url = "" if counts and "reported" in counts else asked.at("counts")
        page.legend = legend()
    page.toolbar = [*view.tools(asked), *toolbar(view, actor, asked)]
    page.exports = exports(asked)
    page.options = Action("options", _("显示选项"), _options_url(view.list_key(asked.shelf)), "columns-3")
    page.queries_url = queries_url(asked)
    page.columns = [column_of(asked, name) for name in asked.columns]
    page.rows = [row_of(asked, record) for record in piece.rows]
    page.pager = pager(asked, piece, number)
    page.tickable = view.is_tickable and (is_usual(asked) or any(it.needs_rows for it in page.toolbar))
    page.beside = view.beside(asked.shelf)
    empty = (asked.shelf.empty_words if asked.shelf else "") or view.empty_words
    page.empty = _("没有符合条件的记录") if asked.asked.words else empty
    if asked.reminder and not asked.asked.words:
        page.empty = _("提醒中的记录已不在本单位的范围内：已退回下级、删除，或转到了别的单位")
    page.empty_action = next((action for action in page.toolbar if action.name == "add"), None)
    bookpage.fill(page, asked, session, waiting)
    view.dress_list(page, asked)
    return page


@cache
def _options_url(key: str) -> str:
    """自定义显示选项 of a list."""
    return url_for("list_preference.choose", list=key, _external=False)


def queries_url(asked: Question) -> str:
    """常用查询 of a list, with the present question, which may be saved among them."""
    here = {"of": asked.view.place_of(asked.shelf)} | asked.essence()
    return f"{_queries()}?{urlencode(here)}"


@cache
def _queries() -> str:
    return url_for("saved_query.menu", _external=False)


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
        None if asked.of_one_unit else asked.with_subordinates,
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
            count=listing.total_words(counts[state]) if counts and state in counts else "",
            tone=TONES.get(state, ""),
        )
        for state, label in words.items()
    ]


def state_counts(asked: Question, session: Session) -> dict[str, int]:
    """How many records stand in each state, capped.

    已上报 is what the others leave. Where there are more records than are counted it has no number here: to count it
    may mean to look at all of them.
    """
    statement, state_is = asked.statement(session, with_state=False), asked.view.model.state_is
    held = [statement.where(state_is(state, asked.actor)) for state in ("pending", "returned")]
    whole, pending, returned = listing.counts(session, [statement, *held])
    found = {"": whole, "pending": pending, "returned": returned}
    return found if whole > listing.COUNT_CAP else found | {"reported": whole - pending - returned}


def every_count(asked: Question, session: Session) -> dict[str, int]:
    """`state_counts` with the number of 已上报, whatever it takes; asked for after the first paint."""
    found = state_counts(asked, session)
    if "reported" not in found:
        reported = asked.view.model.state_is("reported", asked.actor)
        found["reported"] = listing.count(session, asked.statement(session, with_state=False).where(reported))
    return found


def _counts_now(asked: Question, session: Session, piece: listing.Slice) -> Mapping[str, int] | None:
    """The counts of the tabs that come with the list: every row is at hand, or no condition can make them dear."""
    if not asked.state and _is_whole(asked, piece):
        states = Counter(record.report_state(asked.actor) for record in piece.rows)
        return {"": len(piece.rows)} | {state: states[state] for state in TONES}
    return None if asked.asked.words else state_counts(asked, session)


def _number_now(
    asked: Question,
    session: Session,
    statement: Select[Any],
    piece: listing.Slice,
    counts: Mapping[str, int] | None,
) -> int | None:
    """How many records the list has; None where that is dear to know, and comes with the counts of the tabs."""
    if _is_whole(asked, piece):
        return len(piece.rows)
    is_exact = asked.args.get("count") == "exact"
    if counts and asked.state in counts and not is_exact:
        return counts[asked.state]
    if (asked.asked.is_dear or asked.view.counts_later) and not is_exact:
        return None
    return listing.count(session, statement, exact=is_exact)


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


def is_usual(asked: Question) -> bool:
    """Whether the list offers what the view offers, not just the steps of its shelf."""
    return asked.shelf is None or asked.shelf.steps is None


def toolbar(view: RecordView, actor: Actor, asked: Question) -> list[Action]:
    """The buttons above the table: add, the steps for ticked rows, delete."""
    resource, actions = view.resource, []
    shelf, whole = {"shelf": asked.shelf.name} if asked.shelf else {}, parts.given(view, asked.args)
    may_write = is_usual(asked) and actor.may("write", resource)
    if view.can_add and may_write and view.asks_first:
        actions += bookpage.add_buttons(view, asked)
    elif view.can_add and view.has_add_form and may_write:
        url = view.url("add") + (f"?{urlencode(shelf | whole)}" if shelf | whole else "")
        refusal = view.why_not_add(actor)
        actions.append(Action("add", view.add_label, url, "plus", refusal=refusal, primary=True))
    if view.can_import and may_write and (whole or not view.import_into):
        actions.append(Action("import", _("导入Excel"), view.url("import_file", **whole), "file-import"))
    for step in view.listed_steps(asked.shelf):
        if actor.may(step.name, resource) and not step.is_single:
            url = view.url("dialog", step=step.name)
            label = view.step_labels.get(step.name, step.label)
            label = asked.shelf.step_labels.get(step.name, label) if asked.shelf else label
            actions.append(
                Action(
                    step.name,
                    label,
                    url,
                    step.icon,
                    "dialog",
                    step.asked_first,
                    needs_rows=True,
                    danger=step.danger,
                )
            )
    may_delete = may_write or (
        asked.shelf is not None and asked.shelf.can_delete and actor.may("write", resource)
    )
    if view.can_delete and view.is_tickable and may_delete:
        sure = _("确定删除选中的记录吗？删除后不能恢复。")
        actions.append(
            Action(
                "delete",
                view.delete_label,
                view.url("delete_many"),
                "trash",
                "post",
                f"{sure}{view.delete_more}",
                needs_rows=True,
                danger=True,
            )
        )
    if asked.shelf is not None and asked.shelf.help:
        help_url = view.url(asked.shelf.help, shelf=asked.shelf.name)
        actions.append(Action("help", _("怎样改正"), help_url, "info-circle"))
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


def column_of(asked: Question, name: str) -> Column:
    """The head of a column."""
    view = asked.view
    field = view.shown[name].field if name in view.shown else view.model.fields().get(name)
    column = Column(name, view.label_of(name), field.align if field else "left")
    column.elastic = (
        view.shown[name].is_elastic
        if name in view.shown
        else field is not None and (field.kind == "long_text" or getattr(field, "length", 0) >= ELASTIC)
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
        left_out = set() if asked.shelf.can_delete else {"delete"}
        actions = [action for action in actions if action.name not in left_out]
        actions += step_icons(asked, record, view.listed_steps(asked.shelf))
    elif asked.shelf is not None and asked.shelf.own_steps and not asked.with_subordinates:
        actions += step_icons(asked, record, [view.steps()[name] for name in asked.shelf.own_steps])
    row = Row(
        record.id,
        view.url("show", pk=record.id),
        [cell(view, record, name, actor) for name in asked.columns],
        actions,
    )
    view.dress_row(row, record, actor)
    return row


def step_icons(asked: Question, record: Any, steps: list[Step]) -> list[Action]:
    """Steps as icons of a row, but for those that do not apply to it."""
    view, actor = asked.view, asked.actor
    return [
        Action(
            step.name,
            view.step_labels.get(step.name, step.label),
            f"{view.url('dialog', step=step.name)}?ids={record.id}",
            step.icon,
            "dialog",
            step.asked_first,
            refusal=view.refusal(record, step.name, actor),
            danger=step.danger,
        )
        for step in steps
        if actor.may(step.name, view.resource) and step.applies(record, actor)
    ]


def cell(view: RecordView, record: Any, name: str, actor: Actor, *, in_full: bool = False) -> Cell:
    """One value of a row; of a masked number its ends, unless ``in_full``."""
    if name == "report_state":
        chip = state_chip(record.report_state(actor))
        return Cell(chip.text, chip)
    field = type(record).fields().get(name)
    if field is None:
        shown = view.shown[name]
        told = shown.text(record)
        text = shown.field.short(told) if shown.field else str(told)
        chips = shown.chips(record) if shown.chips else []
        return Cell(text, title=text if len(text) > 12 and not chips else "", chips=chips)
    text = record.text(name) if field.kind == "reference" else field.short(getattr(record, name))
    if field.masked and text and not in_full:
        text = identity.mask(text)
    return Cell(text, title=text if len(text) > 12 else "")


def row_actions(view: RecordView, record: Any, actor: Actor) -> list[Action]:
    """The icons at the end of a row (L2)."""
    actions = []
    if view.can_print:
        actions.append(
            Action("print", _("打印"), view.url("print_one", pk=record.id), "printer", new_tab=True)
        )
        actions.append(Action("word", _("另存为Word"), view.url("word", pk=record.id), "file-text"))
    actions += view.row_actions(record, actor)
    if actor.may("write", view.resource):
        if view.can_edit and view.has_edit_form:
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
    if number is None and not asked.view.is_reportable:
        made.later_url = asked.at("counts")
    if piece.previous_key:
        made.first_url, made.previous_url = asked.url(), asked.url(key=piece.previous_key)
    if piece.next_key:
        made.next_url, made.last_url = asked.url(key=piece.next_key), asked.url(key="last")
    if not asked.args.get("key"):
        made.number = _("第%(n)s页", n=asked.number + 1)
    made.jump_url = asked.url() if number is None or number > asked.size else ""
    made.sizes = [
        Tab(str(n), _("%(n)s条/页", n=n), asked.url(size=n), active=n == asked.size)
        for n in sorted({20, 50, 100, 200, asked.size})
    ]
    return made
