"""Records that stand under others: 职介机构 → 招聘单位 → 招聘职位, 培训机构 → 培训班 → 学员 (SM-AID-10, SM-AID-11).

What stands `Under` another is reported by itself, but never before the one `Above` it, which in turn comes back only
when all below it have. A `Part` has no state of its own: it goes up with its record and is open while that is.

Whoever changes, moves or removes one of them holds the one above first, then the record itself: of two who come at
the same moment one waits, and then sees what the other has done.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any, ClassVar

from flask_appbuilder import Model
from flask_babel import lazy_gettext as _
from sqlalchemy import inspect, select, update
from sqlalchemy.orm import Mapped, Session, declared_attr, mapped_column, relationship

from app.kit import columns, scope, tree
from app.kit.columns import Wrong
from app.kit.errors import Missing, Problem, Refused
from app.kit.record import Record, lock, session_of
from app.kit.scope import Actor, class_of_table, door
from app.kit.workflow import Stateful
from app.workflows.reporting import Reportable, is_not_reported, is_own

#: id → the record above, held for all that are judged together; see `Part.looked_up`
_held: ContextVar[dict[int, Any]] = ContextVar("held", default={})  # noqa: B039 - never written to
#: what hangs under a record is judged by it, and the other way round, wherever the reader stands
_LOOK = door("what a record stands under, and what stands under it")


# --- above ------------------------------------------------------------------------------------------------------------


class Whole(Record):
    """Has parts, or other records below it."""

    __abstract__ = True

    @classmethod
    @cache
    def kinds_below(cls) -> tuple[type[Hanging], ...]:
        """The types that stand under this one."""
        kinds = (mapper.class_ for mapper in Model.registry.mappers)
        return tuple(one for one in kinds if issubclass(one, Hanging) and one.parent_class() is cls)

    def below(self) -> Iterator[tuple[type[Any], Any]]:
        """The types that stand under this one, and which of their records do."""
        for kind in self.kinds_below():
            yield kind, getattr(kind, kind.parent_key) == self.id

    def sum_up(self) -> None:
        """Keep what follows from the parts, whenever one of them has changed; the record is held."""

    def keep(self, **values: Any) -> None:
        """Store what follows from the parts: no edit of the record, which stays at its version."""
        session, cls = session_of(self), type(self)
        mine = update(cls).where(cls.id == self.id).values(values)
        session.execute(mine.execution_options(synchronize_session=False, **_LOOK))
        session.expire(self, list(values))


def has_none_reported(record: Any, actor: Actor) -> Any:
    """All below come back first (AID-R144, R156)."""
    for cls, mine in record.below():
        if not issubclass(cls, Reportable):
            continue  # a part has no state of its own
        reported = select(cls.id).where(mine, cls.holder_depth <= record.holder_depth).limit(1)
        if session_of(record).scalar(reported.execution_options(**_LOOK)):
            return _(
                "「%(record)s」下有已上报的%(what)s，不能退回；请先退回这些%(what)s",
                record=record.title,
                what=cls.__label__,
            )
    return None


def has_nothing_below(record: Any, actor: Actor) -> Any:
    """What others stand under stays (AID-R143, R155)."""
    for cls, mine in record.below():
        if session_of(record).scalar(select(cls.id).where(mine).limit(1).execution_options(**_LOOK)):
            return _(
                "「%(record)s」删除失败，当前机构下有信息：请先删除其下的%(what)s",
                record=record.title,
                what=cls.__label__,
            )
    return None


class Above(Whole, Reportable):
    """Other records stand under this one."""

    __abstract__ = True

    step_guards = {"send_back": (has_none_reported,)}
    delete_wide_guards = (has_nothing_below,)
    has_sweeps = False


# --- below ------------------------------------------------------------------------------------------------------------


def parent_is_seen(record: Any) -> Iterator[Problem]:
    """What is chosen is still there, and seen by who chooses it."""
    if getattr(record, record.parent_key) is not None and not record.has_seen_parent:
        words = _("没有找到所选的%(above)s，或它不在您单位的范围内", above=record.parent_class().__label__)
        yield Problem(record.parent_key, words)


class Hanging(Record):
    """Stands under a record of another type; ``parent_key`` names the column that says under which.

    The relationship beside that column, e.g. ``agency`` for ``agency_id``, is loaded along with a list's rows.
    """

    __abstract__ = True
    parent_key: ClassVar[str]
    #: the record above, once it was asked for
    _asked: Any = None
    #: whether it is under one record for good
    stays_under: ClassVar[bool] = False

    @classmethod
    def parent_class(cls) -> type[Any]:
        """The type of the record above."""
        [column] = getattr(cls, cls.parent_key).property.columns
        return class_of_table(next(iter(column.foreign_keys)).column.table.name)

    @property
    def parent(self) -> Any:
        """The record above; None as long as none is chosen, or when it has gone."""
        key = getattr(self, self.parent_key)
        if key is None:
            return None
        found = session_of(self).get(self.parent_class(), key, execution_options=_LOOK)
        self._asked = found  # a session forgets what nobody holds, and would ask again
        return found

    @property
    def has_seen_parent(self) -> bool:
        """Whether there is a record above that the actor sees."""
        parent, who = self.parent, scope.actor()
        return parent is not None and (who.everywhere or parent.is_seen_by(who))

    @classmethod
    def why_not_add(cls, session: Session, actor: Actor) -> Any:
        """Nothing is added as long as the unit has no record to stand above it (AID-R142, R154)."""
        above = cls.parent_class()
        mine = select(above.id).where(above.owner_path == actor.path).limit(1)
        if session.scalar(mine) is not None:
            return None
        return _(
            "本单位还没有%(above)s，请先增加%(above)s，再增加%(what)s",
            above=above.__label__,
            what=cls.__label__,
        )

    @classmethod
    def why_not_under(cls, parent: Any, actor: Actor) -> Any:
        """Why nothing of this type may be added under a record, in words; None when it may."""
        return is_own(parent, actor)

    def hold_before(self, step: str, values: Mapping[str, Any]) -> None:
        """The one above waits too, and so does another that is chosen: each is held in the order of the ids."""
        super().hold_before(step, values)  # type: ignore[misc]  # of Stateful, which each heir is
        for key in sorted({getattr(self, self.parent_key), self._chosen(values)} - {None}):
            self._hold(key)

    def _chosen(self, values: Mapping[str, Any]) -> Any:
        try:
            return type(self).fields()[self.parent_key].read(values.get(self.parent_key))
        except Wrong:  # told beside the field
            return None

    def _hold(self, key: int) -> None:
        """Hold a record above; one that has gone is forgotten, and `parent_is_seen` tells."""
        session = session_of(self)
        if key in _held.get():
            return
        found = session.get(self.parent_class(), key, execution_options=_LOOK)
        try:
            if found is not None:
                lock(found)
        except Missing:
            session.expunge(found)

    def derive(self, actor: Actor) -> None:
        """A new record holds the one above until it is stored."""
        super().derive(actor)
        if self.id is None and (key := getattr(self, self.parent_key)) is not None:
            self._hold(key)


def went_first(record: Any, actor: Actor) -> Any:
    """The one above must be where this one is going, or higher (AID-R145, R157)."""
    parent = record.parent
    if parent.holder_depth < record.holder_depth:
        return None
    return _(
        "「%(record)s」所属的%(above)s「%(parent)s」尚未上报，请先上报%(above)s",
        record=record.title,
        parent=parent.title,
        above=parent.__label__,
    )


def stands_under_its_own(record: Any) -> Iterator[Problem]:
    """A record stands under one of its own unit that has gone as high: they go up and come back along one way."""
    if not record.has_seen_parent:
        return  # told already
    parent = record.parent
    names = {"parent": parent.title, "above": parent.__label__}
    if parent.owner_path != record.owner_path:
        words = _("「%(parent)s」不是本单位的，请选择本单位登记的%(above)s", **names)
        yield Problem(record.parent_key, words)
    elif parent.holder_depth > record.holder_depth:
        words = _("「%(parent)s」尚未上报，已上报的记录只能改到已上报的%(above)s之下", **names)
        yield Problem(record.parent_key, words)


class Under(Hanging, Reportable):
    """Reported by itself, after the one above."""

    __abstract__ = True

    rules = (parent_is_seen, stands_under_its_own)
    step_guards = {"report": (went_first,)}
    has_sweeps = False


# --- parts ------------------------------------------------------------------------------------------------------------


def is_open(parent: Any, actor: Actor, what: Any) -> Any:
    """Parts change only while their record is its owner's (AID-R146, R148, R158)."""
    if (why := is_own(parent, actor)) is not None:
        return why
    if isinstance(parent, Reportable) and is_not_reported(parent, actor) is not None:
        return _(
            "「%(parent)s」已上报，其%(what)s不能增加、修改或删除；确需修改的，请上级单位退回",
            parent=parent.title,
            what=what,
        )
    return None


def stands_open(record: Any, actor: Actor) -> Any:
    """As `is_open`, of a stored part: whose it is, it says itself."""
    return is_own(record, actor) or is_open(record.parent, actor, record.__label__)


def stays_where_it_is(record: Any) -> Iterator[Problem]:
    """A stored part does not go over to another record."""
    if record.id is None or not inspect(record).attrs[record.parent_key].history.deleted:
        return
    words = _(
        "已保存的%(what)s不能改到另一%(above)s之下，请删除后重新填写",
        what=record.__label__,
        above=record.parent_class().__label__,
    )
    yield Problem(record.parent_key, words)


class Part(scope.Child, Hanging, Stateful):
    """One of many that make up a record and are listed by themselves: added, changed and removed while that is open.

    It repeats the record's owner, so that its list has a unit selector; it is seen by who sees the record.
    """

    __abstract__ = True
    stays_under = True

    owner_unit_id: Mapped[int] = columns.reference(_("所属单位"), "unit", automatic=True, nullable=False)
    owner_path: Mapped[str] = mapped_column(tree.PathType, nullable=False, index=True)

    rules = (parent_is_seen, stays_where_it_is)
    edit_guards = (stands_open,)
    delete_guards = (stands_open,)

    @declared_attr
    def owner_unit(cls) -> Mapped[Any]:  # noqa: N805 - a class method to SQLAlchemy
        """The unit that the record belongs to."""
        return relationship("Unit", foreign_keys=f"{cls.__name__}.owner_unit_id")  # type: ignore[attr-defined]

    @classmethod
    def why_not_under(cls, parent: Any, actor: Actor) -> Any:
        """Nothing is added to what is another unit's, or has been reported."""
        return is_open(parent, actor, cls.__label__)

    @classmethod
    @contextmanager
    def looked_up(cls, session: Session, records: Iterable[Any]) -> Iterator[None]:
        """The records above are held once for many parts, e.g. of an import, in the order of their ids."""
        above, held = cls.parent_class(), dict[int, Any]()
        for key in sorted({getattr(record, cls.parent_key) for record in records} - {None}):
            if (found := session.get(above, key, execution_options=_LOOK)) is not None:
                lock(found)
                held[key] = found
        token = _held.set(held)
        try:
            yield
        finally:
            _held.reset(token)

    def derive(self, actor: Actor) -> None:
        """A new part belongs to its record's owner. Raises Refused when that is not open to the actor."""
        super().derive(actor)
        parent = self.parent
        if self.id is not None or not self.has_seen_parent:
            return
        if (why := is_open(parent, actor, self.__label__)) is not None:
            raise Refused(why)
        self.owner_unit_id, self.owner_path = parent.owner_unit_id, parent.owner_path

    def settle(self, actor: Actor) -> None:
        """The record above sums up."""
        super().settle(actor)
        self.parent.sum_up()

    def remove(self, actor: Actor) -> Any:
        """Go, and the record above sums up."""
        session, parent = session_of(self), self.parent
        words = super().remove(actor)
        session.flush()
        parent.sum_up()
        return words


__all__ = ["Above", "Hanging", "Part", "Under", "Whole"]
