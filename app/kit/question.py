"""What a list's URL asks, read once: for the page, its counts, its statistics, its prints and its files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from flask_babel import lazy_gettext as _
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from app.kit import dimension, listing, preferences, query, scope, tree
from app.kit.listing import Order
from app.kit.preferences import Options
from app.kit.reminders import told_of
from app.kit.scope import Actor

if TYPE_CHECKING:
    from app.kit.view import RecordView

#: state of CT-39 → the tone of its chip
TONES = {"pending": "grey", "reported": "green", "returned": "amber"}
#: arguments that say where in the list one is, not what is asked
_PLACE = frozenset({"key", "page", "count", "draft"})
#: what is asked beside the conditions
_ASKED = frozenset({"state", "unit", "sub", "order"})
#: where one asks and how much one sees at once
_APART = _PLACE | {"shelf", "size", "panel"}


@dataclass
class Question:
    """What a list's URL asks: conditions, unit, state, order and place."""

    view: RecordView
    actor: Actor
    args: Mapping[str, str]
    #: the display options in force; without any the actor's own
    options: Options | None = None
    #: the chosen unit in a list, once it has been looked for
    _unit: list[Any] | None = None

    def __post_init__(self) -> None:
        self.shelf = next((s for s in self.view.shelves if s.name == self.args.get("shelf")), None)
        self.reminder = min(_number(self.args.get("reminder"), 0), tree_limit())
        self.addressed = query.conditions_of(self.view.model, self.view.addressed)
        self.is_addressed = any(self.args.get(name, "").strip() for name in self.view.addressed)
        if self.shelf is None and self.view.shelves and not (self.reminder or self.is_addressed):
            self.shelf = self.view.shelves[0]
        names = self.shelf.conditions if self.shelf and self.shelf.conditions else self.view.conditions
        self.conditions = query.conditions_of(self.view.model, names)
        self.more = [
            (label, query.conditions_of(self.view.model, names)) for label, names in self.view.more_conditions
        ]
        if self.view.is_reportable and not self.is_own:
            self.conditions.append(came_again(self.view.model, self.actor))
        everything = [*self.conditions, *(one for _label, some in self.more for one in some), *self.addressed]
        if self.view.statistics:
            model, every = self.view.model, self.view.statistics.every
            self.conditions += (figure := dimension.asked_for(model, every, everything, self.args))
            everything += figure
        self.asked = query.ask(self.view.model, everything, self.args)
        if self.options is None:
            self.options = preferences.of(self.actor, self.view.list_key(self.shelf))
        #: the columns that the list shows
        self.columns = self._columns(self.options.columns)
        usual = self.options.size or self.view.page_size
        self.size = min(max(_number(self.args.get("size"), usual), 1), listing.MAX_SIZE)
        last = max(listing.COUNT_CAP // self.size, 1)
        self.number = min(max(_number(self.args.get("page"), 1), 1), last) - 1
        self.order = self._order(self.options.order)

    def _columns(self, chosen: tuple[str, ...]) -> tuple[str, ...]:
        """Those chosen that there still are, else the built-in ones (AID-R114)."""
        if chosen:
            offered = frozenset(self.view.offered(self.actor))
            chosen = tuple(name for name in chosen if name in offered)
        return chosen or self.view.built_in(self.shelf)

    def _order(self, chosen: Order | None) -> Order:
        """The order that the address asks for, else the one chosen; both only by a column that is shown (AID-R116)."""
        name, _sep, direction = self.args.get("order", "").partition(":")
        for order in (Order(name, direction == "desc"), chosen):
            if order and order.name in self.columns and self.view.sortable(order.name):
                return order
        return self.view.order

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

    def has_lost_unit(self, session: Session) -> bool:
        """Whether a unit is chosen that has gone, or that the actor does not see: the list is then that of his own."""
        return _number(self.args.get("unit"), 0) not in (0, self.actor.unit_id) and self.unit(session) is None

    @property
    def needs_more(self) -> bool:
        """Whether one of 更多条件 is asked for, or all of them are to be seen at once."""
        inputs = (name for _label, some in self.more for condition in some for name in condition.inputs)
        return self.args.get("panel") == "all" or any(self.args.get(name, "").strip() for name in inputs)

    @property
    def with_subordinates(self) -> bool:
        """包含下级数据: on unless unticked (L5, L11)."""
        return not self.of_one_unit and self.args.get("sub", "1") != "0"

    @property
    def is_across(self) -> bool:
        """Whether the list is one over all chains of a book, for whom its restrictions are none."""
        return self.shelf is not None and self.shelf.is_across

    @property
    def of_one_unit(self) -> bool:
        """Whether one unit is shown at a time, never one with its subordinates."""
        return self.view.of_one_unit and not self.is_across

    @property
    def asks_first(self) -> tuple[str, ...]:
        """The conditions that must be asked before anything is listed."""
        return () if self.is_across else self.view.asks_first

    def statement(self, session: Session, *, with_state: bool = True) -> Select[Any]:
        """The records asked for, before order and place."""
        model = self.view.model
        statement = select(model).where(self.asked.where)
        usual = self.view.addressed_clauses if self.is_addressed else self.view.base_clauses
        base = self.shelf.base if self.shelf and self.shelf.base else usual
        if self.reminder:  # its very records, in whatever list they stand now
            base = self.view.known_clauses
            statement = statement.where(model.id.in_(told_of(self.view.resource, self.reminder)))
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

    def essence(self) -> dict[str, str]:
        """What is asked, without size and place: conditions, unit, state, subordinates, order. One's own unit is no choice."""
        kept = {
            name: value.strip() for name, value in self.args.items() if name not in _APART and value.strip()
        }
        if not kept.keys() <= _ASKED:
            known = _ASKED.union(self.inputs)
            kept = {name: value for name, value in kept.items() if name in known}
        if kept.get("unit") == str(self.actor.unit_id):
            del kept["unit"]
        if self.with_subordinates:
            kept.pop("sub", None)
        return kept

    @property
    def inputs(self) -> list[str]:
        """The names under which the conditions are typed."""
        more = (one for _label, some in self.more for one in some)
        every = (*self.conditions, *more, *self.addressed)
        return [name for condition in every for name in condition.inputs]

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


def came_again(model: Any, actor: Actor) -> query.Choice:
    """退回后再报: what the unit has returned and has again (a condition of every reportable list)."""
    again = ("again", _("退回后再报"), lambda: model.came_again(actor))
    return query.Choice("came", _("报送经过"), (again,))


def _number(raw: str | None, default: int) -> int:
    return int(raw) if raw and raw.isascii() and raw.isdigit() and len(raw) < 16 else default


def tree_limit() -> int:
    """The largest id that a database integer holds."""
    return 2**31 - 1


def unit_class() -> Any:
    """The mapped class of the only tree."""
    return scope.class_of_table("unit")
