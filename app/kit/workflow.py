"""Steps: what may happen to a record, who may do it, and the one door through which it happens.

    refusal(record, step, actor) -> words or None      feeds the button AND the door: one truth
    perform(record, step, actor, **answers)             lock, judge, change, log, remind; never commits

A step that moves a record from unit to unit says so in a `Hop`, of which :mod:`app.kit.sweep` makes the same step
on everything that a unit holds. ``edit`` and ``delete`` are verbs of every record, judged by the same ``refusal``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any, ClassVar

from flask_appbuilder import Model
from flask_babel import lazy_gettext as _
from sqlalchemy import JSON, ColumnElement, DateTime, Index, String, Text, true
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.kit import columns, history
from app.kit.columns import Field
from app.kit.errors import BadRequest, Invalid, Missing, NotDeclared, Problem, Refused
from app.kit.record import Row, append, lock, lock_in_order, put, session_of
from app.kit.scope import Actor, Scoped

#: a guard looks at a record and an actor and returns words, or nothing
Guard = Callable[[Any, Actor], Any]


@dataclass(frozen=True)
class Ask:
    """One thing that a step wants to know; ``each`` gives the lines of one record that it wants a text for."""

    name: str
    field: Field
    each: Callable[[Any, Actor], list[Any]] | None = None


@dataclass(frozen=True)
class Hop:
    """A move from unit to unit, told once for one record and for a million.

    ``sets`` gives the new values of columns and changes nothing itself; ``receiver`` is the id of the unit that has
    the record once they are set; ``subject`` heads its reminder, with ``%(type)s`` for what the records are called.
    ``sweep`` is the name of the same step on all that a unit holds; ``guards`` of the chosen unit (None before one
    is chosen) and the actor say in words why it is not offered.
    """

    sets: Callable[[Any, Actor], dict[str, Any]]
    receiver: Callable[[Any, Mapping[str, Any]], int]
    subject: Callable[[Any], Any]
    sweep: Any
    guards: tuple[Guard, ...] = ()

    def refusal(self, unit: Any, actor: Actor) -> Any:
        """Why the sweep may not happen for a unit, or for none at all, in words; None when it may."""
        return next((words for guard in self.guards if (words := guard(unit, actor)) is not None), None)


@dataclass(frozen=True)
class ByNumber:
    """A step may be asked for by what the type is ``known_by``, of a record wherever it is: a door (DESIGN §8).

    ``guards`` judge such a record in place of the step's own; ``none`` are the words when there is none.
    """

    guards: tuple[Guard, ...]
    none: Any


@dataclass(frozen=True)
class Step:
    """A declared move.

    ``wide`` guards need SQL of their own; they are judged at the door and on the record's page, not for every
    row of a list. The effect is the step's ``hop``, or the record's method ``on_<name>(actor, **answers)``.
    ``right`` opens it in place of the module's own right. A step that is not ``listed`` stands above no list but
    one that names it; where it does not ``apply`` to a record, e.g. 恢复 to a file that stands, no button shows it.
    One that is not ``alone`` looks at other records too: `Stateful.hold` locks them together. A ``single`` one is
    taken record by record: an icon of the row, no button above the list.
    """

    name: str
    label: Any
    asks: tuple[Ask, ...] = ()
    guards: tuple[Guard, ...] = ()
    wide_guards: tuple[Guard, ...] = ()
    icon: str = ""
    confirm: Any = ""
    #: answered with 确定 or 取消 before the dialog of the step opens (L18)
    asked_first: Any = ""
    success: Any = ""
    danger: bool = False
    hop: Hop | None = None
    right: str = ""
    listed: bool = True
    applies: Callable[[Any, Actor], bool] = lambda _record, _actor: True
    #: asks for the job that does it to all records of a unit, where no ``hop`` says so:
    #: ``many(view, session, actor, unit, answers)``
    many: Callable[..., Any] | None = None
    is_alone: bool = True
    is_single: bool = False
    by_number: ByNumber | None = None

    def read(self, answers: Mapping[str, Any]) -> dict[str, Any]:
        """The answers as values. Raises Invalid with every problem at once."""
        problems, values = [], {}
        for ask in self.asks:
            try:
                value = ask.field.read(answers.get(ask.name))
            except columns.Wrong as wrong:
                problems.append(Problem(ask.name, wrong.args[0]))
                continue
            problems += [Problem(ask.name, words) for words in ask.field.judge(value)]
            values[ask.name] = value
        known = {ask.name for ask in self.asks} | {"ids", "id", "csrf_token", "version"}
        problems += [Problem(name, _("没有这一项")) for name in answers if name not in known]
        if problems:
            raise Invalid(problems)
        return values


class StepLog(Scoped, Model):
    """One performed step: who, when, from which unit to which (REC-02, AID-R036); never changed."""

    __tablename__ = "step_log"
    __table_args__ = (
        Index("ix_step_log_record", "record_type", "record_id", "id"),
        Index("ix_step_log_reminder", "reminder_id", "record_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    record_type: Mapped[str] = mapped_column(String(40))
    record_id: Mapped[int] = mapped_column()
    step: Mapped[str] = mapped_column(String(30))
    at: Mapped[datetime] = mapped_column(DateTime)
    account_id: Mapped[int | None] = mapped_column()
    account_name: Mapped[str] = mapped_column(String(64))
    from_unit_id: Mapped[int | None] = mapped_column()
    to_unit_id: Mapped[int | None] = mapped_column()
    reminder_id: Mapped[int | None] = mapped_column()
    answers: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    message: Mapped[str | None] = mapped_column(Text)

    @classmethod
    def scope(cls, who: Actor) -> ColumnElement[bool]:
        """Read only by the id of a record that the reader has been shown."""
        return true()

    def in_scope(self, who: Actor) -> bool:
        """As its record."""
        return True

    @staticmethod
    def line(
        record: Stateful, step: str, actor: Actor, move: Move, answers: Mapping[str, Any], **more: Any
    ) -> dict[str, Any]:
        """The columns of one log; ``more`` is kept beside the answers."""
        kept = {key: columns_json(value) for key, value in answers.items() if key != "message"}
        return {
            "record_type": type(record).resource(),
            "record_id": record.id,
            "step": step,
            "at": actor.at,
            "account_id": actor.account_id,
            "account_name": actor.name,
            "from_unit_id": move.from_unit_id or actor.unit_id,
            "to_unit_id": move.to_unit_id,
            "reminder_id": move.reminder_id,
            "message": answers.get("message") or move.message,
            "answers": kept | more,
        }


@dataclass
class Move:
    """What a step's effect reports back to the log."""

    from_unit_id: int | None = None
    to_unit_id: int | None = None
    reminder_id: int | None = None
    #: what happened, in words that log and history keep, where nobody was asked for any
    message: str | None = None


class Stateful(Row):
    """A mixin: a record with steps. Mixins contribute theirs; a name declared twice does not start."""

    id: Any
    steps: ClassVar[tuple[Step, ...]] = ()
    edit_guards: ClassVar[tuple[Guard, ...]] = ()
    delete_guards: ClassVar[tuple[Guard, ...]] = ()
    #: those that need SQL of their own: asked at the door and on the record's page, not for every row of a list
    delete_wide_guards: ClassVar[tuple[Guard, ...]] = ()
    #: further guards of a step that another base declares: its name → such as look at other records too
    step_guards: ClassVar[Mapping[str, tuple[Guard, ...]]] = {}
    #: whether its steps can be taken on all that a unit holds: 快速上报, 快速退回
    has_sweeps: ClassVar[bool] = True

    @classmethod
    @cache
    def step_table(cls) -> dict[str, Step]:
        """Step name → step, of every base."""
        found: dict[str, Step] = {}
        for base in reversed(cls.__mro__):
            for step in base.__dict__.get("steps", ()):
                if step.name in found:
                    raise NotDeclared(f"{cls.__name__} declares the step {step.name} twice")
                found[step.name] = step
        for base in cls.__mro__:
            for name, guards in base.__dict__.get("step_guards", {}).items():
                wide = found[name].wide_guards + guards
                found[name] = replace(found[name], wide_guards=wide, is_alone=False)
        found["edit"] = Step("edit", _("编辑"), guards=cls._gathered("edit_guards"))
        guards, wide = cls._gathered("delete_guards"), cls._gathered("delete_wide_guards")
        found["delete"] = Step("delete", _("删除"), guards=guards, wide_guards=wide, danger=True)
        return found

    @classmethod
    def _gathered(cls, name: str) -> tuple[Guard, ...]:
        return tuple(guard for base in cls.__mro__ for guard in base.__dict__.get(name, ()))

    def refusal(self, name: str, actor: Actor, *, wide: bool = True, by_number: bool = False) -> Any:
        """Why the step may not happen now, in words; None when it may."""
        step = self.step_table()[name]
        near = step.by_number.guards if by_number and step.by_number else step.guards
        for guard in near + (step.wide_guards if wide else ()):
            words = guard(self, actor)
            if words is not None:  # they are not read here: a lazy message is put together where it is shown
                return words
        return None

    def perform(self, name: str, actor: Actor, /, **answers: Any) -> Stateful:
        """Perform one step in the caller's transaction, or raise Refused or Invalid and change nothing."""
        step = self._step(name)
        values = step.read(answers)
        self.hold(name, values)
        return self._perform(step, actor, values)

    def hold(self, step: str, values: Mapping[str, Any]) -> None:
        """Lock what the step looks at until the transaction ends, several records in the order of their ids."""
        self.hold_before(step, values)
        lock(self)

    def hold_before(self, step: str, values: Mapping[str, Any]) -> None:
        """Lock what has to be locked before the record itself, for a step, ``edit`` or ``delete``; nothing as a rule."""

    def perform_locked(self, name: str, actor: Actor, /, **answers: Any) -> Stateful:
        """As `perform`, for a record that this transaction has read ``FOR UPDATE``."""
        step = self._step(name)
        return self._perform(step, actor, step.read(answers))

    def perform_by_number(self, name: str, actor: Actor, answers: Mapping[str, Any]) -> Stateful:
        """As `perform_locked`, for a record that was asked for by its number and may be another unit's."""
        step = self._step(name)
        return self._perform(step, actor, step.read(answers), by_number=True)

    def _step(self, name: str) -> Step:
        step = self.step_table().get(name)
        if step is None or name in {"edit", "delete"}:
            raise BadRequest(_("没有「%(step)s」这个操作", step=name[:30]))
        return step

    def _perform(
        self, step: Step, actor: Actor, values: dict[str, Any], *, by_number: bool = False
    ) -> Stateful:
        if (why := self.refusal(step.name, actor, by_number=by_number)) is not None:
            raise Refused(why)
        session, hop, title = session_of(self), step.hop, self.title
        try:
            with session.begin_nested():
                move = (
                    self._hop(step.name, hop, actor, values)
                    if hop
                    else self._change(step.name, actor, values)
                )
                append(session, StepLog, StepLog.line(self, step.name, actor, move, values))
        except IntegrityError as clash:  # somebody was a moment earlier, after the guards had looked
            raise Refused(
                _("「%(record)s」与他人刚刚登记的内容冲突，没有办理，请核对后再试", record=title)
            ) from clash
        return self

    def _change(self, name: str, actor: Actor, values: dict[str, Any]) -> Move:
        """The effect of a step that is a method of the record."""
        with history.recorded(self, name, actor, values.get("message")) as told:
            move: Move = getattr(self, f"on_{name}")(actor, **values) or Move()
            told["message"] = move.message or told["message"]
        return move

    def _hop(self, name: str, hop: Hop, actor: Actor, values: dict[str, Any]) -> Move:
        """The effect of a step that moves the record to another unit, which is told."""
        before, new = history.snapshot(self), hop.sets(self, actor)
        receiver = hop.receiver(self, new)
        message = values.get("message")
        diff = history.changed(type(self), before, new)
        version = history.line(self, name, actor, message, before, diff)
        put(session_of(self), [self], new, actor)
        append(session_of(self), history.RecordVersion, version)
        return Move(actor.unit_id, receiver, self.tell(receiver, hop, actor, message or ""))

    def suggested(self, step: str, who: Actor) -> dict[str, Any]:
        """What the dialog of a step begins with, beyond nothing."""
        return {}

    def tell(self, receiver: int, hop: Hop, actor: Actor, message: str) -> int | None:
        """Remind the unit that receives the record. Returns the reminder's id."""
        raise NotDeclared(f"{type(self).__name__} has a hop and nobody who tells of it")

    @classmethod
    def looked_up(cls, session: Session, records: Iterable[Any]) -> AbstractContextManager[None]:
        """Within it the rules of these records ask together what each would ask alone."""
        return nullcontext()


def columns_json(value: Any) -> Any:
    """An answer as the log keeps it."""
    return value if value is None or isinstance(value, str | int | bool | list) else str(value)


def perform_many(
    records: Iterable[Stateful], name: str, actor: Actor, answers: Mapping[str, Any]
) -> tuple[list[Stateful], list[tuple[Stateful, Any]]]:
    """One step on many records, each judged alone. Returns those done and those refused with the reason."""
    done, refused, records = [], [], list(records)
    for record in records:
        record.hold_before(name, answers)
    lock_in_order(records)
    for record in records:
        try:
            record.perform(name, actor, **answers)
        except (Refused, Missing) as why:
            refused.append((record, why.words))
        else:
            done.append(record)
    return done, refused
