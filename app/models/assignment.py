"""任职: an account at a unit, with rights."""

from __future__ import annotations

import re
from typing import Any

from flask import current_app
from flask_appbuilder import Model
from flask_appbuilder.security.sqla.models import Role
from flask_babel import lazy_gettext as _
from sqlalchemy import (
    Column,
    ColumnElement,
    ForeignKey,
    Integer,
    String,
    Table,
    UniqueConstraint,
    func,
    select,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.kit import columns, tree
from app.kit.columns import Wrong
from app.kit.database import db
from app.kit.scope import Actor, Scoped
from app.models.unit import Unit

#: the right whose holder is the unit's administrator
ADMINISTRATION = "用户管理"

assignment_role = Table(
    "assignment_role",
    Model.metadata,
    Column("assignment_id", ForeignKey("assignment.id", ondelete="CASCADE"), primary_key=True),
    Column("role_id", ForeignKey("ab_role.id", ondelete="CASCADE"), primary_key=True),
)


class PlaceField(columns.ReferenceField):
    """The unit where somebody is assigned."""

    def judge(self, value: Any) -> list[Any]:
        """Whether there must be one is the account's own rule."""
        return []


class RightsField(columns.Field):
    """Names of rights, in the order of the register; typed as a list, or as one string with commas."""

    kind = "rights"

    def parse(self, raw: Any) -> Any:
        names = raw if isinstance(raw, list) else re.split("[,，、]", columns.clean(raw))
        names = {columns.clean(name) for name in names if name != ""}
        if strange := sorted(names.difference(rights_on_offer())):
            raise Wrong(_("没有「%(right)s」这项权限", right=strange[0][:30]))
        return [name for name in rights_on_offer() if name in names]

    def text(self, value: Any) -> str:
        return "、".join(value or [])

    def typed(self, value: Any) -> Any:
        """Check boxes are typed as a list."""
        return list(value or [])

    def judge(self, value: Any) -> list[Any]:
        """Whether any right is held is the account's own rule."""
        return []

    def schema(self) -> dict[str, Any]:
        return {"type": "array", "items": {"type": "string"}}


def rights_on_offer() -> list[str]:
    """The names on the rights form, in the order of the register."""
    return list(current_app.extensions["rights"])


class Assignment(Scoped, Model):
    """What an account may do at one unit (spec/unified.md §2).

    ``admin_slot`` is 1 for the holder of 用户管理 and empty for everybody else, so that the database itself
    keeps at most one administrator per unit (AID-R205).
    """

    __tablename__ = "assignment"
    __table_args__ = (
        UniqueConstraint("account_id", "unit_id"),
        UniqueConstraint("unit_id", "admin_slot", name="uq_assignment_unit_admin"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(
        ForeignKey("ab_user.id", ondelete="CASCADE"), info={"system": True}
    )
    unit_id: Mapped[int] = mapped_column(ForeignKey("unit.id"))
    unit_path: Mapped[str] = mapped_column(tree.PathType, index=True)
    admin_slot: Mapped[int | None] = mapped_column(Integer)
    display_layer: Mapped[int] = mapped_column(Integer, default=1)
    sort_order: Mapped[int] = mapped_column(Integer, default=0)
    note: Mapped[str | None] = mapped_column(String(100))

    account = relationship("Account", back_populates="assignments", foreign_keys=[account_id])
    unit: Mapped[Unit] = relationship("Unit", lazy="joined")
    roles: Mapped[list[Role]] = relationship(Role, secondary=assignment_role, lazy="selectin")

    @classmethod
    def scope(cls, who: Actor) -> ColumnElement[bool]:
        """Assignments inside the actor's subtree, and one's own."""
        return tree.under(cls.unit_path, who.path) | (cls.account_id == who.account_id)

    def in_scope(self, who: Actor) -> bool:
        """Nobody is given rights outside the subtree."""
        return tree.contains(who.path, self.unit_path or "")

    @property
    def rights(self) -> list[str]:
        """The names of the rights."""
        held = {role.name for role in self.roles}
        return [name for name in rights_on_offer() if name in held]

    def place(self, unit_id: int | None) -> None:
        """Move to a unit that the actor sees; another one is refused as not found."""
        unit = db.session.scalar(select(Unit).where(Unit.id == unit_id))
        if unit is None:
            raise Wrong(_("没有找到所选的单位，或它不在您单位的范围内"))
        if unit.id != self.unit_id:  # after those who are there, in their order (AID-R236)
            last = select(func.max(Assignment.sort_order)).where(Assignment.unit_id == unit.id)
            self.sort_order = 1 + (db.session.scalar(last) or 0)
        self.unit, self.unit_id, self.unit_path = unit, unit.id, unit.path

    def grant(self, names: list[str]) -> None:
        """Hold exactly these rights."""
        self.roles = list(db.session.scalars(select(Role).where(Role.name.in_(names))))
        self.admin_slot = 1 if ADMINISTRATION in names else None
