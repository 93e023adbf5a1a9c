"""Display options (自定义显示选项): which columns of a list a person sees, in which order, how many rows (REC-11).

What an account has chosen comes with the statement that asks who is asking (`packed`), as one text that nobody reads
but a list (`of`): no list pays a statement for it. What is stored may be older than the list: a column that the list
does not have any more, or whose right has gone, is passed over.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask import current_app
from flask_babel import lazy_gettext as _
from sqlalchemy import CheckConstraint, ForeignKey, String, Text, UniqueConstraint, cast, func, select
from sqlalchemy.orm import Mapped, mapped_column

from app.kit import scope
from app.kit.columns import Field, TextField, Wrong, clean, column, count
from app.kit.errors import Problem
from app.kit.listing import MAX_SIZE, Order
from app.kit.record import Record
from app.kit.scope import Actor, Personal

if TYPE_CHECKING:
    from app.kit.declaration import Shelf
    from app.kit.view import RecordView

#: more columns than any record type has
MOST_COLUMNS = 200


@dataclass(frozen=True)
class Options:
    """What a person wants to see of a list; what is empty is as the list was built."""

    columns: tuple[str, ...] = ()
    order: Order | None = None
    size: int | None = None


# --- lists by their key -----------------------------------------------------------------------------------------


def listed(key: str, who: Actor) -> tuple[RecordView, Shelf | None] | None:
    """The list that is called so, e.g. ``archive:migrant``; None when there is none, or none that ``who`` may read."""
    resource, _colon, name = key.partition(":")
    view: RecordView | None = current_app.extensions["views"].get(resource)
    if view is None or not who.may("read", resource) or view.closed(who, "read"):
        return None
    shelf = next((shelf for shelf in view.shelves if shelf.name == name), None)
    is_whole = shelf is not None or not view.shelves
    return (view, shelf) if is_whole and view.place_of(shelf) == key else None


def key_meant(typed: str) -> str:
    """The key of a list; the name of a module with several lists means the first."""
    view: RecordView | None = current_app.extensions["views"].get(typed)
    return view.list_key(view.shelves[0]) if view is not None and view.shelves else typed


# --- what is stored ---------------------------------------------------------------------------------------------


class KeyField(TextField):
    """A list, by its key; read as what it is called."""

    def text(self, value: Any) -> str:
        who = scope.current()
        found = listed(value, who) if value and who else None
        return str(found[0].title_of(found[1])) if found else value or ""


class ColumnsField(Field):
    """Names of columns in an order; a list over REST, one text in the table."""

    kind = "names"

    def parse(self, raw: Any) -> Any:
        names = raw if isinstance(raw, list) else clean(raw).replace("，", ",").split(",")
        if len(names) > MOST_COLUMNS or not all(isinstance(name, str) for name in names):
            raise Wrong(_("显示项目应为若干项目名称"))
        found = [name for name in dict.fromkeys(clean(name) for name in names) if name]
        if unclear := next((name for name in found if not name.isidentifier() or not name.isascii()), ""):
            raise Wrong(_("没有「%(name)s」这个项目", name=unclear[:40]))
        return ",".join(found) or None

    def json(self, value: Any) -> Any:
        return value.split(",") if value else []

    def schema(self) -> dict[str, Any]:
        return {"type": "array", "items": {"type": "string"}, "nullable": True}


class DirectionField(Field):
    """升序 or 降序."""

    WORDS = (("asc", _("升序")), ("desc", _("降序")))

    def parse(self, raw: Any) -> Any:
        if isinstance(raw, dict):
            raw = raw.get("code") or raw.get("label") or ""
        typed = clean(raw)
        found = next((code for code, words in self.WORDS if typed in (code, str(words))), None)
        if found is None and typed:
            raise Wrong(_("排序方式应为升序或降序"))
        return found

    def text(self, value: Any) -> str:
        return str(dict(self.WORDS).get(value, ""))

    def typed(self, value: Any) -> str:
        return value or ""

    def json(self, value: Any) -> Any:
        return {"code": value, "label": self.text(value)} if value else None


def _is_a_page(size: int) -> Any:
    """Between 1 and 200 (AID-R117)."""
    if 1 <= size <= MAX_SIZE:
        return None
    return _("每页记录数应为1至%(most)s，现为%(now)s", most=MAX_SIZE, now=size)


def list_is_known(wish: ListPreference) -> Iterator[Problem]:
    """A list that there is and that the person may read."""
    found = listed(wish.list_key or "", scope.actor())
    if wish.list_key and (found is None or found[0].list_key(found[1]) != wish.list_key):
        yield Problem("list_key", _("没有「%(key)s」这个列表，或您没有它的权限", key=wish.list_key))


def columns_are_of_the_list(wish: ListPreference) -> Iterator[Problem]:
    """Every column is one that the list can show."""
    found = listed(wish.list_key or "", scope.actor())
    names = found[0].offered(scope.actor()) if found else ()
    if found and (strange := next((n for n in wish.names if n not in names), "")):
        yield Problem("columns", _("没有「%(name)s」这个项目", name=strange[:40]))


def sorted_by_a_shown_column(wish: ListPreference) -> Iterator[Problem]:
    """The list is put in the order of a column that it shows (AID-R116)."""
    found = listed(wish.list_key or "", scope.actor())
    if not found or not wish.sort_column:
        return
    view, shelf = found
    if wish.sort_column not in (wish.names or view.built_in(shelf)):
        yield Problem("sort_column", _("排序项目应是显示项目之一，请先把它加入显示项目，或改选其他项目"))
    elif wish.sort_column in view.choices and not view.sortable(wish.sort_column):
        yield Problem(
            "sort_column", _("不能按「%(label)s」排序，请改选其他项目", label=view.label_of(wish.sort_column))
        )


class ListPreference(Personal, Record):
    """What one account wants to see of one list; nobody else is affected (AID-R113).

    Source: spec/aid.md REC-11, §3.16, AID-R113 – R117.
    """

    __tablename__ = "list_preference"
    __label__ = _("显示选项")
    __table_args__ = (
        UniqueConstraint("account_id", "list_key", name="uq_list_preference_account_list"),
        CheckConstraint(f"page_size BETWEEN 1 AND {MAX_SIZE}", "page_size"),
        CheckConstraint("sort_direction IN ('asc', 'desc')", "sort_direction"),
    )

    account_id: Mapped[int | None] = mapped_column(
        ForeignKey("ab_user.id", ondelete="CASCADE"), info={"system": True}, nullable=False
    )
    list_key: Mapped[str] = column(KeyField(_("列表"), 80, required=True), String(80), nullable=False)
    columns: Mapped[str | None] = column(ColumnsField(_("显示项目")), Text)
    sort_column: Mapped[str | None] = column(TextField(_("排序项目"), 60), String(60))
    sort_direction: Mapped[str | None] = column(DirectionField(_("排序方式")), String(4))
    page_size: Mapped[int | None] = count(_("每页记录数"), rules=(_is_a_page,))

    rules = (list_is_known, columns_are_of_the_list, sorted_by_a_shown_column)
    constraint_words = {
        "uq_list_preference_account_list": ("list_key", _("您已保存过这个列表的显示选项，请修改原来的一份")),
    }

    @property
    def title(self) -> str:
        """The list that it is about."""
        return type(self).fields()["list_key"].text(self.list_key)

    @property
    def names(self) -> tuple[str, ...]:
        """The chosen columns."""
        return tuple(self.columns.split(",")) if self.columns else ()

    def derive(self, actor: Actor) -> None:
        """It is the actor's own."""
        super().derive(actor)
        self.account_id = self.account_id or actor.account_id
        if not self.sort_column:
            self.sort_direction = None

    def options(self) -> Options:
        """As a list reads it."""
        return _options(self.names, self.sort_column, self.sort_direction, self.page_size)


def _options(names: Sequence[str], name: str | None, direction: str | None, size: int | None) -> Options:
    return Options(tuple(names), Order(name, direction == "desc") if name else None, size)


def packed(account_id: Any) -> Any:
    """All that an account has chosen, as one text of the statement that asks who is asking: a line a list."""
    mine = ListPreference
    parts = (mine.columns, mine.sort_column, mine.sort_direction, cast(mine.page_size, String))
    line: Any = mine.list_key
    for part in parts:
        line = line + "\t" + func.coalesce(part, "")
    return select(func.aggregate_strings(line, "\n")).where(mine.account_id == account_id).scalar_subquery()


def of(actor: Actor, key: str) -> Options:
    """What the actor has chosen for a list."""
    for line in actor.lists.split("\n") if actor.lists else ():
        found, names, name, direction, size = line.split("\t")
        if found == key:
            shown = names.split(",") if names else ()
            return _options(shown, name, direction, int(size) if size else None)
    return Options()
