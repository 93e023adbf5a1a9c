"""合并 and 撤销合并: several records become one, and can be several again for thirty days.

    source ─┐
    source ─┼─merge──▶ survivor          sources: tombstones that point at the survivor, in no list
    survivor┘ ◀─unmerge─                 everything as it was, unless something has changed that makes it impossible

The survivor keeps its owner, holder and report state (AID-R095). Of the sources it takes the fields and inline rows
that were chosen, through the very door of an edit; their numbers; their attachments; and the rows of every class
that says ``merge_moves`` (:mod:`app.workflows.mergers`). Each former record stays readable in its history.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, ClassVar

from flask_babel import force_locale
from flask_babel import lazy_gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.kit import attachments, columns, forms, history, saving
from app.kit.changes import changes
from app.kit.columns import Wrong
from app.kit.errors import Missing, Problem, Refused
from app.kit.record import Record, expect_version, session_of
from app.kit.scope import SYSTEM, Actor, class_of_table, door
from app.kit.workflow import Ask, Guard, Stateful, Step
from app.workflows import mergers
from app.workflows.mergers import Merger

#: how long a merge can be undone
UNDO_DAYS = 30
#: records that one merge swallows
MOST_SOURCES = 20
#: the steps that look at several records
TOGETHER = frozenset({"merge", "unmerge"})


class IdsField(columns.Field):
    """Ids of records, as a list or typed with commas between."""

    kind = "ids"

    def parse(self, raw: Any) -> Any:
        """The ids, each once, in their order. Raises Wrong."""
        parts = columns.clean(raw).replace("，", ",").split(",") if isinstance(raw, str) else raw
        if not isinstance(parts, list) or not parts:
            raise Wrong(_("请写出要并入的记录的编号"))
        ids = [self._one(part) for part in parts]
        if len(set(ids)) > MOST_SOURCES:
            raise Wrong(_("一次最多并入%(most)s份", most=MOST_SOURCES))
        return tuple(sorted(set(ids)))

    def _one(self, part: Any) -> int:
        if isinstance(part, str) and part.strip().isascii() and part.strip().isdigit() and len(part) < 12:
            part = int(part)
        if isinstance(part, bool) or not isinstance(part, int) or not 0 < part < 2**31:
            raise Wrong(_("编号应为正整数"))
        return part

    def schema(self) -> dict[str, Any]:
        return {"type": "array", "items": {"type": "integer"}}


class Chosen(dict[str, Any]):
    """What was chosen for the survivor: field → typed value. The log keeps the names alone, no personal data."""

    #: the words of the warnings that a person has seen; None accepts every warning
    confirmed: frozenset[str] | None = None
    #: id → version of the records as the person saw them
    versions: Mapping[int, Any] = MappingProxyType({})

    def __str__(self) -> str:
        return ", ".join(sorted(self))


class MergeStep(Step):
    """A step whose answers are the sources and, beside them, whatever fields were chosen."""

    def read(self, answers: Mapping[str, Any]) -> dict[str, Any]:
        """``source_ids``, and everything else as ``chosen``; the door of the edit judges that."""
        asked = {ask.name for ask in self.asks}
        values = super().read({name: value for name, value in answers.items() if name in asked})
        chosen = answers.get("chosen")  # a page's own; a program writes the fields beside the sources
        if not isinstance(chosen, Chosen):
            chosen = Chosen({name: value for name, value in answers.items() if name not in asked})
        return values | {"chosen": chosen}


def is_standing(record: Any, actor: Actor) -> Any:
    """A swallowed record takes no part in anything any more, but for the end of that."""
    if record.merged_into_id is None:
        return None
    into = survivor_of(record)
    return _(
        "「%(record)s」已合并到「%(into)s」，不能再办理；如合并有误，请先在「%(into)s」上撤销合并",
        record=record.title,
        into=into.title,
    )


def can_be_undone(record: Any, actor: Actor) -> Any:
    """There is a merge into the record, thirty days old at most, after which nothing was changed."""
    merger = mergers.latest(record)
    if merger is None:
        return _("「%(record)s」没有可以撤销的合并", record=record.title)
    if days_left(merger, actor.at) < 0:
        return _(
            "「%(record)s」于%(day)s合并，已超过%(days)s天，不能撤销",
            record=record.title,
            day=merger.at.strftime("%Y-%m-%d"),
            days=UNDO_DAYS,
        )
    changed = mergers.changes_since(record, merger.kept["after"], record.judged_anew)
    return _way_back(record, changed) if changed else None


def _way_back(record: Any, changed: list[list[Any]]) -> Any:
    """What was changed after a merge, and what is to be done before that can be undone."""
    owner = next((before for name, before, _after in changed if name == "owner_unit_id"), None)
    rest = [line for line in changed if line[0] != "owner_unit_id"]
    labels = "、".join(dict.fromkeys(str(label) for label, _old, _new in changes(type(record), rest)))
    told = {"record": record.title, "what": labels or _("系统字段")}
    if owner is not None:
        units = class_of_table("unit")
        mine = select(units.name).where(units.id == owner)
        former = session_of(record).scalar(mine.execution_options(**door("name of the former owner")))
        told |= {"now": record.owner_unit.name, "unit": former or _("原单位")}
        if not rest:
            words = _("「%(record)s」合并后已转到%(now)s；请先转移回%(unit)s，再撤销合并", **told)
        else:
            words = _(
                "「%(record)s」合并后已转到%(now)s，%(what)s也已改动；请先转移回%(unit)s，改回原来的内容，再撤销合并",
                **told,
            )
        return words
    told |= {
        "who": record.updated_by_name or _("他人"),
        "when": record.updated_at.strftime("%Y-%m-%d %H:%M"),
    }
    if any(name in type(record).children for name, _old, _new in rest):  # a row that has gone has gone
        return _("「%(record)s」合并后又由%(who)s于%(when)s改动（%(what)s），不能撤销合并", **told)
    return _(
        "「%(record)s」合并后又由%(who)s于%(when)s改动（%(what)s），不能撤销合并；请先改回原来的内容，再撤销合并",
        **told,
    )


def has_swallowed_nothing(record: Any, actor: Actor) -> Any:
    """What has gone into a record would be lost with it."""
    cls = type(record)
    mine = select(cls).where(cls.merged_into_id == record.id).order_by(cls.id).limit(1)
    source = session_of(record).scalar(mine.execution_options(**door("what has been merged into a record")))
    if source is None:
        return None
    return _(
        "「%(record)s」并入过「%(source)s」，不能删除；如合并有误，请先撤销合并",
        record=record.title,
        source=source.title,
    )


def days_left(merger: Merger, now: datetime) -> int:
    """Whole days for which a merge can still be undone; negative when it is too late."""
    return (merger.at.date() + timedelta(days=UNDO_DAYS) - now.date()).days


def survivor_of(record: Any) -> Any:
    """The record that a swallowed one has gone into, in the end."""
    session, cls, found = session_of(record), type(record), record
    while found.merged_into_id is not None:
        mine = select(cls).where(cls.id == found.merged_into_id)
        found = session.scalars(mine.execution_options(**door("name of the survivor of a merge"))).one()
    return found


class Mergeable(Stateful, Record):
    """Adds 合并 and 撤销合并. The class brings the column ``merged_into_id``."""

    __abstract__ = True

    merged_into_id: Any
    #: what must hold of the one that stays, beside `is_standing`
    survivor_guards: ClassVar[tuple[Guard, ...]] = ()
    delete_wide_guards = (has_swallowed_nothing,)
    #: columns that the system fills by itself, whatever a person does
    judged_anew: ClassVar[frozenset[str]] = frozenset()

    steps = (
        MergeStep(
            "merge",
            _("合并"),
            asks=(Ask("source_ids", IdsField(_("要并入的档案"), required=True)),),
            icon="git-merge",
            success=_("合并成功"),
            right="用户管理",
            listed=False,
            applies=lambda _record, _actor: False,  # it has a page of its own
            is_alone=False,
        ),
        Step(
            "unmerge",
            _("撤销合并"),
            wide_guards=(can_be_undone,),
            icon="arrow-back-up",
            confirm=_("撤销后，被并入的档案恢复为合并前的样子，附件和相关记录各归原档案。确定撤销吗？"),
            success=_("撤销合并成功"),
            danger=True,
            right="用户管理",
            listed=False,
            applies=lambda record, _actor: mergers.latest(record) is not None,
            is_alone=False,
        ),
    )

    def why_gone(self) -> Any:
        """Which record this one has gone into, in words."""
        return is_standing(self, SYSTEM)

    def refusal(self, name: str, actor: Actor, **how: Any) -> Any:
        """A swallowed record refuses everything."""
        why = is_standing(self, actor)
        return why if why is not None else super().refusal(name, actor, **how)

    def hold(self, step: str, values: Mapping[str, Any]) -> None:
        """Lock the record together with those that it swallows, or has swallowed, in the order of their ids."""
        if step not in TOGETHER:
            super().hold(step, values)
            return
        others = values.get("source_ids") or getattr(mergers.latest(self), "source_ids", ())
        if self not in self._locked({self.id, *others}):
            raise Missing

    def _locked(self, ids: set[int]) -> list[Any]:
        """Those of these records that the actor sees, held and as they now are."""
        session, cls = session_of(self), type(self)
        mine = select(cls).where(cls.id.in_(ids)).order_by(cls.id).with_for_update(of=cls)
        found = list(session.scalars(mine.execution_options(populate_existing=True)))
        for record in found:
            session.expire(record, cls.children)
        return found

    # --- 合并 ----------------------------------------------------------------------------------------------------

    def merge_refusal(self, sources: Sequence[Any], actor: Actor) -> Any:
        """Why these may not become one, in words; None when they may. Feeds the page and the door."""
        if any(source.id == self.id for source in sources):
            return _("「%(record)s」不能合并到自己", record=self.title)
        for guard in (is_standing, *type(self).survivor_guards):
            if (why := guard(self, actor)) is not None:
                return why
        return next((why for source in sources if (why := is_standing(source, actor)) is not None), None)

    def on_merge(self, actor: Actor, source_ids: Sequence[int], chosen: Chosen) -> None:
        """Swallow the sources; raises Missing, Refused or Invalid, and then nothing has happened."""
        session = session_of(self)
        sources = self._locked(set(source_ids))
        if len(sources) < len(source_ids):
            raise Missing(_("没有找到要并入的档案，或它不在您单位的范围内"))
        if (why := self.merge_refusal(sources, actor)) is not None:
            raise Refused(why)
        everybody = [self, *sources]
        for record in everybody:
            expect_version(record, chosen.versions.get(record.id))
        expect_version(self, chosen.get("version"))
        kept: dict[str, Any] = {
            "survivor": mergers.stored(self),
            "claims": mergers.claims_of(session, everybody),
        }
        typed = dict(chosen) | self._rows_of(sources, chosen)
        with ExitStack() as noted:
            for source in sources:
                self._keep(source, actor)
                words = _in_chinese(_("合并到「%(into)s」", into=self.title))
                noted.enter_context(history.recorded(source, "merge", actor, words))
                source.merged_into_id = self.id
            session.flush()  # they are gone before the survivor is judged
            mergers.let_go(session, sources)
            moved = mergers.move(session, sources, self)
            saving.enter(session, self, typed, actor, confirmed=chosen.confirmed, leaves=self.may_stay)
        kept |= {"moved": moved, "after": history.snapshot(self)}
        session.add(
            Merger(
                record_type=self.resource(),
                record_id=self.id,
                at=actor.at,
                account_id=actor.account_id,
                account_name=actor.name,
                unit_id=actor.unit_id,
                unit_name=actor.unit_name,
                source_ids=[source.id for source in sources],
                kept=kept,
            )
        )

    def _rows_of(self, sources: Sequence[Any], chosen: Mapping[str, Any]) -> dict[str, Any]:
        """Inline rows that name a row of a source by its id are filled from it."""
        rows: dict[str, Any] = {}
        for name in type(self).children:
            theirs = {str(child.id): child for source in sources for child in getattr(source, name)}
            if isinstance(given := chosen.get(name), list):
                rows[name] = [_filled(line, theirs) for line in given]
        return rows

    def _keep(self, source: Any, actor: Actor) -> None:
        """The former record, whole, in the history of the survivor (AID-R094)."""
        session = session_of(self)
        files = [file.filename for file in attachments.of(session, source.resource(), source.id)]
        message = _in_chinese(_("并入的档案：%(source)s", source=source.title))
        history.write(self, "merge", actor, message, history.snapshot(source) | {"attachments": files}, [])

    # --- 撤销合并 ---------------------------------------------------------------------------------------------------

    def on_unmerge(self, actor: Actor) -> None:
        """Everything as it was before the last merge; raises Refused with the fact that stands against it."""
        session, merger = session_of(self), mergers.latest(self)
        if merger is None:
            raise Missing
        sources = self._locked(set(merger.source_ids))
        if len(sources) < len(merger.source_ids):
            raise Refused(_("被并入的档案已不在本单位及下级单位的范围内，不能撤销合并"))
        kept, titles = merger.kept, {source.id: source.title for source in sources}
        mergers.move_back(session, kept["moved"], self, titles)
        with session.no_autoflush, ExitStack() as noted:
            for source in sources:
                words = _in_chinese(_("从「%(into)s」恢复", into=self.title))
                noted.enter_context(history.recorded(source, "unmerge", actor, words))
                source.merged_into_id = None
            mergers.restore(self, kept["survivor"])
        if (other := mergers.claim_again(session, [self, *sources], kept["claims"])) is not None:
            raise Refused(self.taken_words(session, other))
        merger.undone_at, merger.undone_by_name = actor.at, actor.name

    def may_stay(self, fault: Problem) -> bool:
        """Whether the survivor may keep a fault that it has: what only a further merge can mend."""
        return False

    def taken_words(self, session: Session, claim: Any) -> Any:
        """Who has taken a number meanwhile, in words."""
        return _("其中的身份证号合并后已由其他档案登记，不能撤销合并")


def _in_chinese(words: Any) -> str:
    """Words that are stored are read by others: in the language of the house."""
    with force_locale("zh"):
        return str(words)


def _filled(line: Any, theirs: Mapping[str, Any]) -> Any:
    row = theirs.get(str(line.get("id") or "")) if isinstance(line, Mapping) else None
    if row is None:
        return line
    mine = forms.typed_of(row) | dict(line)
    del mine["id"]
    return mine
