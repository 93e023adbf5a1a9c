"""Steps: what may happen to a record, who may do it, and the one door through which it happens.

    refusal(record, step, actor) -> words or None      feeds the button AND the door: one truth
    perform(record, step, actor, **answers)             lock, judge, change, log, remind; never commits

``edit`` and ``delete`` are verbs of every record, judged by the same ``refusal``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, ClassVar

from flask_appbuilder import Model
from flask_babel import lazy_gettext as _
from sqlalchemy import JSON, ColumnElement, DateTime, Index, String, Text, true
from sqlalchemy.orm import Mapped, mapped_column

from app.kit import columns, history
from app.kit.columns import Field
from app.kit.errors import BadRequest, Invalid, Missing, NotDeclared, Problem, Refused
from app.kit.record import Row, lock, session_of
from app.kit.scope import Actor, Scoped

#: a guard looks at a record and an actor and returns words, or nothing
Guard = Callable[[Any, Actor], Any]


@dataclass(frozen=True)
class Ask:
    """One thing that a step wants to know."""

    name: str
    field: Field


@dataclass(frozen=True)
class Step:
    """A declared move.

    ``wide`` guards need SQL of their own; they are judged at the door and on the record's page, not for every
    row of a list. The effect is the record's method ``on_<name>(actor, **answers)``.
    """

    name: str
    label: Any
    asks: tuple[Ask, ...] = ()
    guards: tuple[Guard, ...] = ()
    wide_guards: tuple[Guard, ...] = ()
    icon: str = ""
    confirm: Any = ""
    success: Any = ""
    danger: bool = False

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
    __table_args__ = (Index("ix_step_log_record", "record_type", "record_id", "id"),)

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


@dataclass
class Move:
    """What a step's effect reports back to the log."""

    from_unit_id: int | None = None
    to_unit_id: int | None = None
    reminder: Any = None
    values: dict[str, Any] = field(default_factory=dict)


class Stateful(Row):
    """A mixin: a record with steps. Mixins contribute theirs; a name declared twice does not start."""

    id: Any
    steps: ClassVar[tuple[Step, ...]] = ()
    edit_guards: ClassVar[tuple[Guard, ...]] = ()
    delete_guards: ClassVar[tuple[Guard, ...]] = ()
    #: those that need SQL of their own: asked at the door and on the record's page, not for every row of a list
    delete_wide_guards: ClassVar[tuple[Guard, ...]] = ()

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
        found["edit"] = Step("edit", _("编辑"), guards=cls._gathered("edit_guards"))
        guards, wide = cls._gathered("delete_guards"), cls._gathered("delete_wide_guards")
        found["delete"] = Step("delete", _("删除"), guards=guards, wide_guards=wide, danger=True)
        return found

    @classmethod
    def _gathered(cls, name: str) -> tuple[Guard, ...]:
        return tuple(guard for base in cls.__mro__ for guard in base.__dict__.get(name, ()))

    def refusal(self, name: str, actor: Actor, *, wide: bool = True) -> Any:
        """Why the step may not happen now, in words; None when it may."""
        step = self.step_table()[name]
        for guard in step.guards + (step.wide_guards if wide else ()):
            if words := guard(self, actor):
                return words
        return None

    def perform(self, name: str, actor: Actor, **answers: Any) -> Stateful:
        """Perform one step in the caller's transaction, or raise Refused or Invalid and change nothing."""
        step = self.step_table().get(name)
        if step is None or name in {"edit", "delete"}:
            raise BadRequest(_("没有「%(step)s」这个操作", step=name[:30]))
        values = step.read(answers)
        session = session_of(self)
        lock(self)
        if why := self.refusal(name, actor):
            raise Refused(why)
        with session.begin_nested():
            with history.recorded(self, name, actor, values.get("message")):
                move: Move = getattr(self, f"on_{name}")(actor, **values) or Move()
            session.flush()  # the reminder's id goes into the log
            session.add(
                StepLog(
                    record_type=type(self).resource(),
                    record_id=self.id,
                    step=name,
                    at=actor.at,
                    account_id=actor.account_id,
                    account_name=actor.name,
                    from_unit_id=move.from_unit_id or actor.unit_id,
                    to_unit_id=move.to_unit_id,
                    reminder_id=move.reminder.id if move.reminder else None,
                    message=values.get("message"),
                    answers={key: columns_json(value) for key, value in values.items() if key != "message"},
                )
            )
        return self


def columns_json(value: Any) -> Any:
    """An answer as the log keeps it."""
    return value if value is None or isinstance(value, str | int | bool) else str(value)


def perform_many(
    records: Iterable[Stateful], name: str, actor: Actor, answers: Mapping[str, Any]
) -> tuple[list[Stateful], list[tuple[Stateful, Any]]]:
    """One step on many records, each judged alone. Returns those done and those refused with the reason."""
    done, refused = [], []
    for record in records:
        try:
            record.perform(name, actor, **answers)
        except (Refused, Missing) as why:
            refused.append((record, why.words))
        else:
            done.append(record)
    return done, refused
