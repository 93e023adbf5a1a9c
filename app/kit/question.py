"""What a list's URL asks, read once: for the page, its counts, its statistics, its prints and its files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from app.kit import listing, query, scope, tree
from app.kit.listing import Order
from app.kit.scope import Actor

if TYPE_CHECKING:
    from app.kit.view import RecordView

#: state of CT-39 → the tone of its chip
TONES = {"pending": "grey", "reported": "green", "returned": "amber"}
#: arguments that say where in the list one is, not what is asked
_PLACE = frozenset({"key", "page", "count", "draft"})


@dataclass
class Question:
    """What a list's URL asks: conditions, unit, state, order and place."""

    view: RecordView
    actor: Actor
    args: Mapping[str, str]
    #: the chosen unit in a list, once it has been looked for
    _unit: list[Any] | None = None

    def __post_init__(self) -> None:
        self.shelf = next((s for s in self.view.shelves if s.name == self.args.get("shelf")), None)
        self.shelf = self.shelf or (self.view.shelves[0] if self.view.shelves else None)
        names = self.shelf.conditions if self.shelf and self.shelf.conditions else self.view.conditions
        self.conditions = query.conditions_of(self.view.model, names)
        self.more = [
            (label, query.conditions_of(self.view.model, names)) for label, names in self.view.more_conditions
        ]
        everything = [*self.conditions, *(one for _label, some in self.more for one in some)]
        self.asked = query.ask(self.view.model, everything, self.args)
        self.size = min(max(_number(self.args.get("size"), self.view.page_size), 1), listing.MAX_SIZE)
        last = max(listing.COUNT_CAP // self.size, 1)
        self.number = min(max(_number(self.args.get("page"), 1), 1), last) - 1
        self.order = self._order()

    def _order(self) -> Order:
        name, _sep, direction = self.args.get("order", "").partition(":")
        if name and name in self.columns and self.view.sortable(name):
            return Order(name, direction == "desc")
        return self.view.order

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the list shows."""
        return self.shelf.columns if self.shelf and self.shelf.columns else self.view.columns

    @property
    def is_own(self) -> bool:
        """Whether the list is of the actor's own unit alone."""
        return self.shelf is not None and self.shelf.is_own

    @property
    def state(self) -> str:
        """The state tab that is open; empty for 所有数据."""
        state = self.args.get("state", "")
        return state if state in TONES and self.view.is_reportable else ""

    def unit(self, session: Session) -> Any:
        """The unit chosen in the unit selector; None when none, or none that the actor sees, is chosen."""
        if self._unit is None:
            chosen = _number(self.args.get("unit"), 0)
            is_other = chosen not in (0, self.actor.unit_id) and chosen <= tree_limit()
            self._unit = [
                session.scalar(select(unit_class()).where(unit_class().id == chosen)) if is_other else None
            ]
        return self._unit[0]

    @property
    def needs_more(self) -> bool:
        """Whether one of 更多条件 is asked for, or all of them are to be seen at once."""
        inputs = (name for _label, some in self.more for condition in some for name in condition.inputs)
        return self.args.get("panel") == "all" or any(self.args.get(name, "").strip() for name in inputs)

    @property
    def with_subordinates(self) -> bool:
        """包含下级数据: on unless unticked (L5, L11)."""
        return self.args.get("sub", "1") != "0"

    def statement(self, session: Session, *, with_state: bool = True) -> Select[Any]:
        """The records asked for, before order and place."""
        model = self.view.model
        statement = select(model).where(self.asked.where)
        base = self.shelf.base if self.shelf and self.shelf.base else self.view.base_clauses
        for clause in base():
            statement = statement.where(clause)
        if self.shelf is not None and self.shelf.where is not None:
            statement = statement.where(self.shelf.where())
        unit = self.unit(session)
        if self.view.is_owned:
            path = unit.path if unit else self.actor.path
            if self.is_own or not self.with_subordinates:
                statement = statement.where(model.owner_path == (self.actor.path if self.is_own else path))
            elif unit:
                statement = statement.where(tree.at_level(model.owner_path, path))
        if with_state and self.state:
            statement = statement.where(model.state_is(self.state, self.actor))
        return statement

    def url(self, **changes: Any) -> str:
        """The list with some arguments changed; the place in it is forgotten."""
        kept = {key: value for key, value in self.args.items() if key not in _PLACE and value != ""}
        kept |= {key: str(value) for key, value in changes.items()}
        return self.at("list", {key: value for key, value in kept.items() if value != ""})

    def at(self, endpoint: str, arguments: Mapping[str, str] | None = None) -> str:
        """Another page of this resource with the same question."""
        if arguments is None:
            arguments = {key: value for key, value in self.args.items() if key not in _PLACE and value != ""}
        return f"{self.view.url(endpoint)}{'?' if arguments else ''}{urlencode(arguments)}"


def _number(raw: str | None, default: int) -> int:
    return int(raw) if raw and raw.isascii() and raw.isdigit() and len(raw) < 16 else default


def tree_limit() -> int:
    """The largest id that a database integer holds."""
    return 2**31 - 1


def unit_class() -> Any:
    """The mapped class of the only tree."""
    return scope.class_of_table("unit")
