"""代码表: the tables of permitted values that forms choose from."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import Integer
from sqlalchemy.orm import Mapped, mapped_column

from app.kit import columns
from app.kit.record import Record
from app.kit.scope import Actor, Open
from app.kit.workflow import Stateful


def is_never_deleted(table: CodeTable, actor: Actor) -> Any:
    """The set of tables is part of the product."""
    return _("代码表「%(table)s」随系统提供，不能增删或改名；请维护它的代码值", table=table.label)


class CodeTable(Stateful, Open, Record):
    """One list of permitted values, e.g. 困难类别.

    Source: spec/aid.md REC-01, 2.A; seeds in ``app/codes``.
    """

    __tablename__ = "code_table"
    __label__ = _("代码表")

    name: Mapped[str] = columns.text(_("英文名"), 40, automatic=True, unique=True, nullable=False)
    label: Mapped[str] = columns.text(_("代码表"), 60, automatic=True, nullable=False)
    number: Mapped[str] = columns.text(_("编号"), 10, automatic=True)
    edition: Mapped[str | None] = columns.text(_("版本"), 100, automatic=True)
    is_editable: Mapped[bool] = columns.yes_no(_("可否维护"), automatic=True, default=True)
    sort_order: Mapped[int] = mapped_column(Integer, default=0)

    edit_guards = (is_never_deleted,)
    delete_guards = (is_never_deleted,)

    @property
    def title(self) -> str:
        """The label."""
        return self.label or ""
