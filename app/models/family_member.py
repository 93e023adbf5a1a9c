"""家庭成员关系: one person who lives with the householder of an archive."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import ForeignKey, Integer
from sqlalchemy.orm import Mapped, mapped_column, object_session

from app.kit import codes, columns, identity, rules
from app.kit.clock import today
from app.kit.errors import Problem
from app.kit.record import Record
from app.kit.scope import Actor, Child


def id_card_is_well_formed(person: Any) -> Iterator[Problem]:
    """15 digits, or 17 and a digit or X, with a real date of birth (AID-R041, R043)."""
    if person.id_card_no and (words := identity.fault(person.id_card_no, today())):
        yield Problem("id_card_no", words)


def id_card_check_digit(person: Any) -> Iterator[Problem]:
    """A wrong check digit is told and may be confirmed (AID-R044)."""
    if person.id_card_no and (words := identity.doubt(person.id_card_no)):
        yield Problem("id_card_no", words, warning=True)


def disability_follows_health(person: Any) -> Iterator[Problem]:
    """残疾类别 is filled in exactly when 健康状况 is 残疾 (AID-R046, R047)."""
    if person.health_status == "disabled" and not person.disability_category:
        yield Problem("disability_category", _("健康状况为残疾时，请选择残疾类别"))
    if person.health_status != "disabled" and person.disability_category:
        yield Problem("disability_category", _("健康状况不是残疾，残疾类别应为空"))


class FamilyMember(Child, Record):
    """One member of the household.

    Source: spec/aid.md REC-07.
    """

    __tablename__ = "family_member"
    __label__ = _("家庭成员关系")
    parent_key = "archive_id"

    archive_id: Mapped[int] = mapped_column(ForeignKey("archive.id", ondelete="CASCADE"), index=True)
    full_name: Mapped[str] = columns.text(_("姓名"), 50, required=True, search="name")
    relation: Mapped[str] = columns.code(_("关系"), "family_relation", required=True, autofill="gender")
    gender: Mapped[str] = columns.code(_("性别"), "gender", required=True)
    political_status: Mapped[str | None] = columns.code(_("政治面貌"), "political_status")
    id_card_no: Mapped[str] = columns.id_card(
        _("身份证号"), required=True, index=True, autofill="birth:birth_date gender:gender"
    )
    birth_date: Mapped[date] = columns.day(_("出生日期"), required=True, rules=(rules.not_in_future,))
    health_status: Mapped[str | None] = columns.code(_("健康状况"), "health_status")
    disability_category: Mapped[str | None] = columns.code(_("残疾类别"), "disability_category")
    monthly_income: Mapped[Decimal | None] = columns.money(_("月收入"), default=0)
    member_identity: Mapped[str] = columns.code(_("身份"), "worker_identity", required=True)
    employer_or_school: Mapped[str | None] = columns.text(_("单位或学校"), 100)
    line_no: Mapped[int] = mapped_column(Integer, default=0)

    rules = (id_card_is_well_formed, id_card_check_digit, disability_follows_health)

    @property
    def title(self) -> str:
        """The name."""
        return self.full_name or ""

    def derive(self, actor: Actor) -> None:
        """Date of birth and sex follow from the number and the relation where nothing was typed (AID-R045, R050)."""
        super().derive(actor)
        self.birth_date = self.birth_date or identity.birth_date(self.id_card_no or "")
        self.gender = self.gender or codes.attribute("family_relation", self.relation, "default_gender")
        self.gender = self.gender or identity.gender(self.id_card_no or "")
        self.monthly_income = self.monthly_income or Decimal(0)
        session = object_session(self)
        if session is None or self.id is None or session.is_modified(self):  # the others are as they were
            self.stamp(actor)
