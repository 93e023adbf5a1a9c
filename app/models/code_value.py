"""代码值: one permitted value of a code table."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import JSON, Index, UniqueConstraint, exists, func, select, update
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.kit import columns, names
from app.kit.columns import CodeField
from app.kit.errors import Problem
from app.kit.record import Record, Row, session_of
from app.kit.scope import Actor, Open, door
from app.kit.workflow import Stateful
from app.models.code_table import CodeTable


def table_is_editable(value: CodeValue, actor: Actor) -> Any:
    """States that the program itself writes cannot be edited by anyone (unified §5)."""
    if not value.code_table.is_editable:
        return _("「%(table)s」是系统固定的代码表，不能维护", table=value.code_table.label)
    return None


def label_is_new(value: CodeValue) -> Iterator[Problem]:
    """One label once per table and parent (AID-R204)."""
    same = select(CodeValue.id).where(
        CodeValue.code_table_id == value.code_table_id,
        CodeValue.label == value.label,
        func.coalesce(CodeValue.parent, "") == (value.parent or ""),
        CodeValue.id != (value.id or 0),
    )
    if value.label and session_of(value).scalar(select(same.exists())):
        yield Problem("label", _("本代码表中已有「%(label)s」", label=value.label))


def table_may_grow(value: CodeValue) -> Iterator[Problem]:
    """A fixed table takes no new value either."""
    table = session_of(value).get(CodeTable, value.code_table_id) if value.code_table_id else None
    if table and not table.is_editable:
        yield Problem("code_table_id", _("「%(table)s」是系统固定的代码表，不能维护", table=table.label))


class CodeValue(Stateful, Open, Record):
    """One permitted value: a stable code, and the label that people read.

    Source: spec/aid.md REC-01, AID-R201–R204.
    """

    __tablename__ = "code_value"
    __label__ = _("代码值")
    __table_args__ = (
        UniqueConstraint("code_table_id", "code", name="uq_code_value_code"),
        Index("ix_code_value_table", "code_table_id", "sort_order"),
    )

    code_table_id: Mapped[int] = columns.reference(_("代码表"), "code_table", required=True, nullable=False)
    label: Mapped[str] = columns.text(_("代码值"), 60, required=True, nullable=False)
    code: Mapped[str] = columns.text(_("代码"), 30, automatic=True, nullable=False)
    parent: Mapped[str | None] = columns.text(_("上级代码"), 30, automatic=True)
    is_active: Mapped[bool] = columns.yes_no(_("是否启用"), default=True)
    sort_order: Mapped[int] = columns.count(_("顺序"), default=0)
    attributes: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)

    code_table: Mapped[CodeTable] = relationship("CodeTable")

    rules = (label_is_new, table_may_grow)
    edit_guards = (table_is_editable,)
    delete_guards = (table_is_editable,)
    constraint_words = {"uq_code_value_code": ("label", _("本代码表中已有这个值"))}

    @property
    def title(self) -> str:
        """The label."""
        return self.label or ""

    def derive(self, actor: Actor) -> None:
        """A new value gets a code from its pinyin and stands at the end."""
        super().derive(actor)
        session = session_of(self)
        if self.is_active is None:
            self.is_active = True
        if not self.code and self.label and self.code_table_id:
            stem = (
                re.sub(r"[^a-z0-9]+", "_", "_".join(names.pinyin(self.label)).lower()).strip("_")[:24]
                or "value"
            )
            taken = set(
                session.scalars(select(CodeValue.code).where(CodeValue.code_table_id == self.code_table_id))
            )
            numbered = (f"{stem}_{n}" for n in range(2, len(taken) + 3))
            self.code = stem if stem not in taken else next(code for code in numbered if code not in taken)
            last = select(func.max(CodeValue.sort_order)).where(CodeValue.code_table_id == self.code_table_id)
            self.sort_order = 1 + (session.scalar(last) or 0)
            self.attributes = {}

    def settle(self, actor: Actor) -> None:
        """Every process reads the table again."""
        super().settle(actor)
        touch(self)

    def remove(self, actor: Actor) -> Any:
        """A value that records carry is retired, so that they keep showing it (AID-R203)."""
        used = where_used(self)
        touch(self)
        if not used:
            return super().remove(actor)
        self.is_active = False
        self.stamp(actor)
        session_of(self).flush()
        return _(
            "「%(value)s」已被「%(where)s」使用，不能删除，已改为停用；原有记录照常显示",
            value=self.label,
            where=used,
        )

    def shift(self, step: int, actor: Actor) -> None:
        """Change places with the neighbour before (-1) or after (+1)."""
        session = session_of(self)
        table = select(CodeValue).where(CodeValue.code_table_id == self.code_table_id)
        values = list(session.scalars(table.order_by(CodeValue.sort_order, CodeValue.id)))
        here = values.index(self)
        if 0 <= here + step < len(values):
            values.insert(here + step, values.pop(here))
        for place, value in enumerate(values, 1):
            if value.sort_order != place:
                value.sort_order = place
                value.stamp(actor)
        touch(self)


def touch(value: CodeValue) -> None:
    """Move the stamp by which processes see that a code table has changed."""
    session_of(value).execute(
        update(CodeTable).where(CodeTable.id == value.code_table_id).values(version=CodeTable.version + 1)
    )


def where_used(value: CodeValue) -> str:
    """The label of a record type that carries the value; empty when none does."""
    table = value.code_table.name
    below = exists().where(CodeValue.code_table_id == value.code_table_id, CodeValue.parent == value.code)
    if session_of(value).scalar(select(below)):
        return str(_("下级代码"))
    for mapper in CodeValue.registry.mappers:
        cls = mapper.class_
        if not issubclass(cls, Row):
            continue
        for name, field in cls.fields().items():
            if isinstance(field, CodeField) and field.table == table:
                column = mapper.local_table.c[mapper.columns[name].name]  # type: ignore[attr-defined]
                if session_of(value).scalar(
                    select(exists().where(column == value.code)).execution_options(**door("use of a code"))
                ):
                    return str(cls.__label__)
    return ""
