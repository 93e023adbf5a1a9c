"""Owned by a unit, seen at once by every unit above it: no 上报, no 退回 (unified §3)."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Mapped, declared_attr, mapped_column, relationship

from app.kit import columns, scope, tree
from app.kit.record import Record
from app.kit.scope import Actor
from app.kit.workflow import Stateful
from app.workflows.reporting import is_own


class Owned(scope.Owned, Stateful, Record):
    """Adds the owner. Only the owner edits and deletes."""

    __abstract__ = True

    owner_unit_id: Mapped[int] = columns.reference(_("所属单位"), "unit", automatic=True, nullable=False)
    owner_path: Mapped[str] = mapped_column(tree.PathType, nullable=False)

    @declared_attr
    def owner_unit(cls) -> Mapped[Any]:  # noqa: N805 - a class method to SQLAlchemy
        """The unit that the record belongs to."""
        return relationship("Unit", foreign_keys=f"{cls.__name__}.owner_unit_id")  # type: ignore[attr-defined]

    edit_guards = (is_own,)
    delete_guards = (is_own,)

    @property
    def superior_id(self) -> int | None:
        """The unit above the owner; the root has none."""
        above = tree.ancestor(self.owner_path, tree.depth_of(self.owner_path) - 1)
        return tree.last_id(above) if above else None

    @property
    def reminder_category(self) -> str:
        """The value of CT-43 under which reminders about this type are filed."""
        return type(self).resource()

    def derive(self, actor: Actor) -> None:
        """A new record belongs to the actor's unit."""
        super().derive(actor)
        if self.owner_unit_id is None and actor.unit_id is not None:
            self.owner_unit_id, self.owner_path = actor.unit_id, actor.path
