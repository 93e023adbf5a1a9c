"""单位排序 and 人员排序: the order in which a unit shows the units below it and its people (AID-R215, R220, R236).

The whole order is sent at once. It must name exactly those who are there, and begin from the version that was
shown, so that two who sort at the same time do not undo each other unseen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import select, update

from app.kit import columns
from app.kit.columns import Field, Wrong
from app.kit.errors import Refused
from app.kit.record import expect_version, session_of
from app.kit.scope import Actor, class_of_table
from app.kit.workflow import Ask, Stateful, Step

#: 显示层 of the people of a unit (AID-R220)
MOST_LAYERS = 6
#: what can be sorted by hand
MOST = 2000


class OrderField(Field):
    """Ids in the wanted order, each once."""

    kind = "order"

    def parse(self, raw: Any) -> Any:
        ids = [one for one in raw.split(",") if one.strip()] if isinstance(raw, str) else raw
        if not isinstance(ids, list) or len(ids) > MOST:
            raise Wrong(_("应为编号的列表，最多%(most)s个", most=MOST))
        return [_id(one) for one in ids]

    def json(self, value: Any) -> Any:
        return value

    def schema(self) -> dict[str, Any]:
        return {"type": "array", "items": {"type": "integer"}}


class LayersField(OrderField):
    """Ids in layers: a list for each, from the first one down."""

    kind = "layers"

    def parse(self, raw: Any) -> Any:
        if not isinstance(raw, list) or not all(isinstance(layer, list) for layer in raw):
            raise Wrong(_("应为各层人员编号的列表"))
        if len(raw) > MOST_LAYERS:
            raise Wrong(_("人员最多分%(most)s层显示", most=MOST_LAYERS))
        if sum(map(len, raw)) > MOST:
            raise Wrong(_("应为编号的列表，最多%(most)s个", most=MOST))
        return [[_id(one) for one in layer] for layer in raw]

    def schema(self) -> dict[str, Any]:
        return {"type": "array", "maxItems": MOST_LAYERS, "items": super().schema()}


def _id(raw: Any) -> int:
    if isinstance(raw, str) and raw.strip().isascii() and raw.strip().isdigit() and len(raw) < 12:
        raw = int(raw)
    if isinstance(raw, bool) or not isinstance(raw, int) or not 0 < raw < 2**31:
        raise Wrong(_("应为编号的列表，最多%(most)s个", most=MOST))
    return raw


VERSION = Ask("version", columns.CountField(_("版本")))
_IN_THE_TREE: dict[str, Any] = {"listed": False, "applies": lambda _unit, _actor: False}


class Sortable(Stateful):
    """Adds the order of the units below and of the people: a mixin of the only tree."""

    id: Any
    name: Any

    steps = (
        Step(
            "reorder",
            _("单位排序"),
            asks=(Ask("ids", OrderField(_("下级单位"), required=True)), VERSION),
            **_IN_THE_TREE,
        ),
        Step("reset_order", _("重排单位"), asks=(VERSION,), **_IN_THE_TREE),
        Step(
            "reorder_people",
            _("人员排序"),
            asks=(Ask("layers", LayersField(_("人员"), required=True)), VERSION),
            **_IN_THE_TREE,
        ),
        Step("reset_people_order", _("重排人员"), asks=(VERSION,), **_IN_THE_TREE),
    )

    def on_reorder(self, actor: Actor, ids: Sequence[int], version: int | None) -> None:
        """The units below stand in this order (AID-R215)."""
        expect_version(self, version)
        units = class_of_table("unit")
        self._same(ids, self._ids(units.id, units.parent_id, units.id))
        self._place(units, units.id, [(pk, {"sort_order": n}) for n, pk in enumerate(ids, 1)])

    def on_reset_order(self, actor: Actor, version: int | None) -> None:
        """The units below stand in the order in which they were made (AID-R215)."""
        expect_version(self, version)
        units = class_of_table("unit")
        made = self._ids(units.id, units.parent_id, units.created_seq)
        self._place(units, units.id, [(pk, {"sort_order": n}) for n, pk in enumerate(made, 1)])

    def on_reorder_people(self, actor: Actor, layers: Sequence[Sequence[int]], version: int | None) -> None:
        """The people stand in these layers, and in this order within each (AID-R220, R236)."""
        expect_version(self, version)
        posts = class_of_table("assignment")
        self._same([pk for layer in layers for pk in layer], self._people())
        places = [
            (pk, {"display_layer": layer, "sort_order": n})
            for layer, ids in enumerate(layers, 1)
            for n, pk in enumerate(ids, 1)
        ]
        self._place(posts, posts.account_id, places)

    def on_reset_people_order(self, actor: Actor, version: int | None) -> None:
        """The people stand in one layer, in the order in which they were made (AID-R236)."""
        expect_version(self, version)
        posts = class_of_table("assignment")
        places = [(pk, {"display_layer": 1, "sort_order": n}) for n, pk in enumerate(self._people(), 1)]
        self._place(posts, posts.account_id, places)

    def _people(self) -> list[int]:
        posts = class_of_table("assignment")
        return self._ids(posts.account_id, posts.unit_id, posts.account_id)

    def _ids(self, column: Any, key: Any, order: Any) -> list[int]:
        """Who hangs at the unit, held until the transaction ends."""
        statement = (
            select(column).where(key == self.id).order_by(order, column).with_for_update(of=key.class_)
        )
        return list(session_of(self).scalars(statement))

    def _same(self, sent: Sequence[int], there: Sequence[int]) -> None:
        """Whoever came or went since the page was opened would be forgotten or brought back."""
        if sorted(sent) != sorted(there):
            raise Refused(
                _(
                    "「%(unit)s」的下级单位或人员与您排序时看到的不同，可能刚有增减；请重新打开排序页面",
                    unit=self.name,
                )
            )

    def _place(self, cls: Any, key: Any, places: Sequence[tuple[int, dict[str, int]]]) -> None:
        """Write the places of the rows at the unit."""
        table, mine = cls.__table__, cls.parent_id if hasattr(cls, "parent_id") else cls.unit_id
        connection = session_of(self).connection()
        for pk, values in places:
            connection.execute(update(table).where(key == pk, mine == self.id).values(values))
        session_of(self).expire_all()
