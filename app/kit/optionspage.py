"""自定义显示选项 as a page: 显示, 排序, 分页, and the preview of real rows before anything is saved (aid.md 3.16)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flask_babel import lazy_gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.kit import listing, listpage, preferences, saving
from app.kit.errors import Missing, Problem
from app.kit.pages import Action, Crumb, ListPage, Option, OptionsPage, Row, Tab
from app.kit.preferences import DirectionField, ListPreference
from app.kit.question import Question
from app.kit.record import check, fill
from app.kit.scope import Actor

if TYPE_CHECKING:
    from app.kit.declaration import Shelf
    from app.kit.view import RecordView

#: rows of the preview
PREVIEWED = 5


@dataclass
class Desk:
    """One list and what the actor wishes to see of it: stored, or typed and not saved yet."""

    view: RecordView
    shelf: Shelf | None
    wish: ListPreference
    problems: Sequence[Problem] = field(default_factory=list)
    typed: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """What the options are kept under."""
        return self.view.list_key(self.shelf)


def desk(session: Session, actor: Actor, key: str) -> Desk:
    """A list with the actor's stored wish, or a new one. Raises Missing for a list that he may not read."""
    view, shelf = _list_of(actor, key)
    key = view.place_of(shelf)
    stored = session.scalar(select(ListPreference).where(ListPreference.list_key == key))
    return Desk(view, shelf, stored or ListPreference(list_key=key))


def tried(actor: Actor, key: str, typed: Mapping[str, Any]) -> Desk:
    """A list with what is typed; nothing is stored, what is wrong is told. Raises Missing as `desk`."""
    view, shelf = _list_of(actor, key)
    wish = ListPreference(list_key=view.place_of(shelf))
    problems, unread = fill(wish, {name: typed[name] for name in typed if name != "version"})
    wish.derive(actor)
    return Desk(view, shelf, wish, [*problems, *check(wish, unread)], typed)


def clear(session: Session, actor: Actor, at: Desk) -> bool:
    """恢复默认 (AID-R114). Returns whether there was anything to forget."""
    if not at.wish.id:
        return False
    saving.delete(session, at.wish, actor)
    session.commit()
    return True


def _list_of(actor: Actor, key: str) -> tuple[RecordView, Shelf | None]:
    """The list whose options are in force in a list. Raises Missing."""
    found = preferences.listed(key, actor)
    if found is None:
        raise Missing(_("没有找到这个列表，或您没有它的权限"))
    view, shelf = found
    return view, next((one for one in view.shelves if shelf and one.name == shelf.follows), shelf)


def build(session: Session, actor: Actor, at: Desk, urls: Mapping[str, str]) -> OptionsPage:
    """The page; ``urls`` are where it posts, previews, clears and goes back to."""
    view, shelf, wish = at.view, at.shelf, at.wish
    asked = _asked(actor, at)
    page = OptionsPage(_("自定义显示选项"), crumbs=[Crumb(view.group_label), Crumb(_("自定义显示选项"))])
    page.url, page.preview_url, page.back_url = urls["save"], urls["preview"], urls["back"]
    page.key, page.version = at.key, str(wish.version or at.typed.get("version", ""))
    page.tabs = [
        Tab(view.list_key(one), view.title_of(one), f"{urls['save']}?list={view.list_key(one)}", one is shelf)
        for one in view.shelves
        if one is shelf or (one.steps is None and not one.follows)
    ]
    page.groups = _groups(view, actor, asked.columns)
    page.chosen = [_option(view, name) for name in asked.columns]
    page.sort = wish.sort_column or ""
    page.directions = [
        Option(code, words, (wish.sort_direction or "asc") == code) for code, words in DirectionField.WORDS
    ]
    page.size = str(at.typed.get("page_size", wish.page_size or ""))
    page.usual_size = view.page_size
    page.sort_hint = _(
        "带 * 的项目在列表超过%(most)s条时不能排序，届时按默认顺序显示，并在列表上方说明",
        most=listing.MOST_SORTED,
    )
    for problem in at.problems:
        page.errors.setdefault(problem.field, []).append(problem.words)
    page.preview = preview(session, actor, at)
    if wish.id:
        page.clear = Action(
            "clear",
            _("恢复默认"),
            urls["clear"],
            "refresh",
            "post",
            _("确定恢复「%(list)s」的默认显示吗？您保存的显示选项将被清除。", list=view.title_of(shelf)),
        )
    return page


def preview(session: Session, actor: Actor, at: Desk) -> ListPage:
    """The first rows of the list as they would be shown (AID-R115)."""
    asked, view = _asked(actor, at), at.view
    statement = asked.statement(session)
    page = ListPage(view.title_of(at.shelf))
    page.errors = [problem.words for problem in at.problems]
    if unsorted := listing.too_many_to_sort(session, statement, view.model, asked.order):
        page.notes, asked.order = [unsorted], view.order
    options = listpage.loading(view, asked.columns)
    found = listing.page(session, statement, view.model, asked.order, PREVIEWED, options=options).rows
    page.columns = [listpage.column_of(asked, name) for name in asked.columns]
    page.rows = [
        Row(record.id, "", [listpage.cell(view, record, name, actor) for name in asked.columns])
        for record in found
    ]
    page.empty = _("这个列表还没有记录，保存后按所选项目显示")
    return page


def _asked(actor: Actor, at: Desk) -> Question:
    """The list as somebody opens it from the menu, with these options."""
    return Question(at.view, actor, {"shelf": at.shelf.name} if at.shelf else {}, at.wish.options())


def _groups(view: RecordView, actor: Actor, chosen: Sequence[str]) -> list[tuple[Any, list[Option]]]:
    """All columns by the sections of the paper form; what the form does not have comes last."""
    left = list(view.offered(actor))
    made = []
    for label, names in view.sheet:
        mine = [] if isinstance(names, str) else [name for name in names if name in left]
        left = [name for name in left if name not in mine]
        made.append((label, mine))
    made.append((_("其他项目"), left))
    return [
        (label, [_option(view, name, chosen=name in chosen) for name in names])
        for label, names in made
        if names
    ]


def _option(view: RecordView, name: str, *, chosen: bool = False) -> Option:
    """A column to choose; its ``sort`` is empty where a list cannot be sorted by it."""
    is_quick = name in {"id", *view.model.ordered}
    sort = ("quick" if is_quick else "slow") if view.sortable(name) else ""
    return Option(name, view.label_of(name), chosen, {"sort": sort})
