"""政策文件: laws and the papers of unions, of five kinds, each written by whom it is for (§15)."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import Index
from sqlalchemy.orm import Mapped

from app.kit import codes
from app.kit.columns import code, day, rich_text, text
from app.kit.errors import Forbidden
from app.kit.rules import not_in_future
from app.kit.scope import Actor
from app.models.document import NATIONAL, PROVINCE, Document

NATIONAL_LAW, LOCAL_LAW, ACFTU = "national_law", "local_law", "acftu"
PROVINCIAL_UNION, OTHER_UNION = "provincial_union", "other_local_union"
#: kind → the level of the units that write it; of the others every unit's staff does (AID-R193 – R195)
WRITERS = {NATIONAL_LAW: NATIONAL, ACFTU: NATIONAL, PROVINCIAL_UNION: PROVINCE}
#: who that is, in words
NAMED = {NATIONAL: _("全国总工会"), PROVINCE: _("省(区、市)总工会")}


def why_not_written(category: str | None, actor: Actor) -> Any:
    """Why an actor's unit writes no documents of a kind, in words; None when it does."""
    level = WRITERS.get(category or "")
    if level is None or actor.everywhere or actor.level == level:
        return None
    kind = codes.label("document_category", category)
    return _("「%(kind)s」由%(who)s的工作人员录入，其他单位可以查看、打印", kind=kind, who=NAMED[level])


def is_of_its_writers(document: PolicyDocument, actor: Actor) -> Any:
    """A unit whose level has changed no longer keeps what is others' to write."""
    return why_not_written(document.category, actor)


class PolicyDocument(Document):
    """One law, regulation or paper; everybody with the right reads it.

    Source: spec/aid.md REC-31, AID-R193 – R195, R200.
    """

    __tablename__ = "policy_document"
    __label__ = _("政策文件")
    __table_args__ = (Index("ix_policy_document_owner", "owner_path"),)

    category: Mapped[str] = code(_("文件类别"), "document_category", required=True)
    title: Mapped[str] = text(_("文件标题"), 200, required=True, wide=True)  # type: ignore[assignment]
    document_no: Mapped[str | None] = text(_("文号"), 60)
    issuing_body: Mapped[str] = text(_("发布单位"), 100, required=True)
    published_on: Mapped[date] = day(_("发布日期"), required=True, rules=(not_in_future,))
    keywords: Mapped[str | None] = text(_("关键字"), 100, hint=_("几个词之间用空格隔开"))
    region: Mapped[str | None] = code(_("适用地区"), "admin_division")
    body: Mapped[str] = rich_text(_("正文内容"), required=True)

    ordered = ("published_on",)
    search_in = ("title", "document_no", "keywords", "issuing_body", "body")
    edit_guards = (is_of_its_writers,)
    delete_guards = (is_of_its_writers,)

    def derive(self, actor: Actor) -> None:
        """Raises Forbidden for a kind that is not the unit's to write."""
        if (why := why_not_written(self.category, actor)) is not None:
            raise Forbidden(why)
        super().derive(actor)
