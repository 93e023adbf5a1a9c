"""Records that stand under others: 职介机构 → 招聘单位 → 招聘职位, 培训机构 → 培训班 → 学员 (SM-AID-10, SM-AID-11).

What stands `Under` another is reported by itself, but never before the one `Above` it, which in turn comes back only
when all below it have. A `Part` has no state of its own: it goes up with its record and is open while that is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from flask_appbuilder import Model
from flask_babel import lazy_gettext as _
from sqlalchemy import select

from app.kit import scope
from app.kit.errors import Problem, Refused
from app.kit.record import Record, lock, session_of
from app.kit.scope import Actor, class_of_table, door
from app.kit.workflow import Stateful
from app.workflows.reporting import Reportable, is_not_reported, is_own

#: what hangs under a record is judged by it, and the other way round, wherever the reader stands
_LOOK = door("what a record stands under, and what stands under it")


class Hanging(Record):
    """Stands under a record of another type; ``parent_key`` names the column that says under which."""

    __abstract__ = True
    parent_key: ClassVar[str]

    @classmethod
    def parent_class(cls) -> type[Any]:
        """The type of the record above."""
        key = cls.__table__.c[cls.parent_key]
        return class_of_table(next(iter(key.foreign_keys)).column.table.name)

    @property
    def parent(self) -> Any:
        """The record above; None as long as none is chosen."""
        cls, key = self.parent_class(), getattr(self, self.parent_key)
        if key is None:
            return None
        return session_of(self).scalar(select(cls).where(cls.id == key).execution_options(**_LOOK))


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


class Above(Reportable):
    """Other records stand under this one."""

    __abstract__ = True

    step_guards = {"send_back": (has_none_reported,)}
    delete_wide_guards = (has_nothing_below,)

    def below(self) -> Iterator[tuple[type[Any], Any]]:
        """The types that stand under this one, and which of their records do."""
        for mapper in Model.registry.mappers:
            cls = mapper.class_
            if issubclass(cls, Hanging) and cls.parent_class() is type(self):
                yield cls, getattr(cls, cls.parent_key) == self.id


def is_in_own_unit(record: Any) -> Iterator[Problem]:
    """A record stands under one of its own unit: they are reported, moved and returned along the same way."""
    parent = record.parent
    if parent is not None and parent.owner_path != record.owner_path:
        yield Problem(
            record.parent_key, _("「%(parent)s」不是本单位的，请选择本单位登记的", parent=parent.title)
        )


class Under(Hanging, Reportable):
    """Reported by itself, after the one above."""

    __abstract__ = True

    rules = (is_in_own_unit,)
    step_guards = {"report": (went_first,)}

    def hold(self, step: str, values: Mapping[str, Any]) -> None:
        """The one above waits too: it comes back, or this one goes up, not both."""
        lock(self.parent)
        super().hold(step, values)

    def derive(self, actor: Actor) -> None:
        """Hold the one above until this one is stored: it cannot go meanwhile."""
        super().derive(actor)
        if (parent := self.parent) is not None:
            lock(parent)


def stands_open(record: Any, actor: Actor) -> Any:
    """A part changes only while its record is its owner's (AID-R146, R148, R158)."""
    parent = record.parent
    if (why := is_own(parent, actor)) is not None:
        return why
    if is_not_reported(parent, actor) is not None:
        return _(
            "「%(parent)s」已上报，其%(what)s不能增加、修改或删除；确需修改的，请上级单位退回",
            parent=parent.title,
            what=record.__label__,
        )
    return None


class Part(scope.Child, Hanging, Stateful):
    """One of many that make up a record and are listed by themselves: added, changed and removed while that is open."""

    __abstract__ = True

    edit_guards = (stands_open,)
    delete_guards = (stands_open,)

    def derive(self, actor: Actor) -> None:
        """Raises Refused when the record above is not open to the actor."""
        super().derive(actor)
        self._hold_open(actor)

    def remove(self, actor: Actor) -> Any:
        """As `derive`."""
        self._hold_open(actor)
        return super().remove(actor)

    def _hold_open(self, actor: Actor) -> None:
        """The record above stays as it is until this transaction ends."""
        if (parent := self.parent) is None:
            return
        lock(parent)
        if (why := stands_open(self, actor)) is not None:
            raise Refused(why)
