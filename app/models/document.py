"""What policy documents, briefings and notices have in common: a formatted text that one unit publishes for others."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement, ForeignKey, true
from sqlalchemy.orm import Mapped, mapped_column

from app.kit import tree
from app.kit.columns import text
from app.kit.errors import Forbidden
from app.kit.fulltext import Searched
from app.kit.record import Record
from app.kit.scope import Actor
from app.kit.workflow import Stateful
from app.models.assignment import ADMINISTRATION

DOCUMENTS = "政策文件"
NATIONAL, PROVINCE = "national", "province"


def is_published_here(document: Document, actor: Actor) -> Any:
    """Only the unit that published a document edits and deletes it (SM-AID-16)."""
    if actor.everywhere or document.owner_path == actor.path:
        return None
    return _(
        "「%(record)s」由%(unit)s发布，只有该单位可以修改或删除",
        record=document.title,
        unit=document.owner_unit_name,
    )


class Document(Searched, Stateful, Record):
    """A formatted text that belongs to the unit which wrote it and is read by others, above, below and beside.

    The unit's name stands with the document: its readers may not see the unit.
    """

    __abstract__ = True

    owner_unit_id: Mapped[int] = mapped_column(ForeignKey("unit.id"), nullable=False, info={"system": True})
    owner_path: Mapped[str] = mapped_column(tree.PathType, nullable=False)
    owner_unit_name: Mapped[str] = text(_("录入单位"), 100, automatic=True, nullable=False)
    entered_by: Mapped[str] = text(_("录入人"), 64, automatic=True, nullable=False)

    search_in = ("title", "keywords", "body")
    edit_guards = (is_published_here,)
    delete_guards = (is_published_here,)
    echoed = frozenset({"owner_unit_id"})

    reach = _("全国各单位发布的，都能看到")

    @classmethod
    def scope(cls, who: Actor) -> ColumnElement[bool]:
        """Everybody's to read; who may read at all is a matter of rights."""
        return true()

    def in_scope(self, who: Actor) -> bool:
        """Written by its own unit alone."""
        return bool(self.owner_path) and self.owner_path == who.path

    def derive(self, actor: Actor) -> None:
        """A new document is that of the actor's unit, and says who wrote it."""
        super().derive(actor)
        if self.owner_unit_id is None and actor.unit_id is not None:
            self.owner_unit_id, self.owner_path = actor.unit_id, actor.path
            self.owner_unit_name, self.entered_by = actor.unit_name, actor.name


# --- briefings and notices ----------------------------------------------------------------------------------------

NOT_A_PUBLISHER = _("工作简报和通知由全国总工会和省(区、市)总工会中有「政策文件」权限的用户管理员发布")


def publishes(actor: Actor) -> bool:
    """Who has 政策文件 and is the administrator of 全总 or of a province (AID-R196)."""
    holds = {DOCUMENTS, ADMINISTRATION} <= actor.rights
    return actor.everywhere or (holds and actor.level in (NATIONAL, PROVINCE))


class Bulletin(Document):
    """Published by those alone who `publishes` names; read by people without any right (AID Q40)."""

    __abstract__ = True

    owner_unit_name: Mapped[str] = text(_("发布单位"), 100, automatic=True, nullable=False)

    def derive(self, actor: Actor) -> None:
        """Raises Forbidden for whoever may not publish, by whatever door he came."""
        if not publishes(actor):
            raise Forbidden(NOT_A_PUBLISHER)
        super().derive(actor)
