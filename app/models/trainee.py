"""培训学员: one person in one training class, and what he has got from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, relationship

from app.kit import identity, rules
from app.kit.columns import code, day, id_card, long_text, reference, text, yes_no
from app.kit.errors import Problem
from app.kit.scope import Actor, door
from app.models.family_member import id_card_check_digit, id_card_is_well_formed
from app.workflows.under import Part

#: 证书 of which nothing more is known
HAS = {True: _("有"), False: _("无"), None: ""}
#: 技术等级 of who has none
NO_LEVEL = "none"


def certificate_is_one(trainee: Trainee) -> Iterator[Problem]:
    """Who has no certificate has none that is called something."""
    if trainee.has_certificate is False and trainee.certificate_name:
        yield Problem("certificate_name", _("没有获得职业资格证书的，证书名称应为空"))
    if trainee.has_certificate is False and trainee.certificate_level not in (None, NO_LEVEL):
        yield Problem("certificate_level", _("没有获得职业资格证书的，证书等级应为空"))


class Trainee(Part):
    """One trainee. Goes up with the class; is added, changed and deleted until that is reported.

    Source: spec/aid.md REC-24, AID-R158.
    """

    __tablename__ = "trainee"
    __label__ = _("培训学员")
    __table_args__ = (UniqueConstraint("class_id", "id_card_no", name="uq_trainee_class_id_id_card_no"),)
    parent_key = "class_id"
    known_by = "id_card_no"

    class_id: Mapped[int] = reference(
        _("培训班"),
        "training_class",
        via="training_class",
        required=True,
        nullable=False,
        own_unit_only=True,
    )
    full_name: Mapped[str] = text(_("姓名"), 50, required=True, nullable=False, search="name")
    id_card_no: Mapped[str] = id_card(
        _("身份证号"), required=True, nullable=False, index=True, autofill="birth:birth_date gender:gender"
    )
    gender: Mapped[str] = code(_("性别"), "gender", required=True, nullable=False)
    birth_date: Mapped[date] = day(_("出生日期"), required=True, nullable=False, rules=(rules.not_in_future,))
    education: Mapped[str | None] = code(_("学历"), "education")
    trainee_category: Mapped[str] = code(_("人员类别"), "trainee_category", required=True, nullable=False)
    employer_name: Mapped[str | None] = text(_("工作单位"), 100)
    phone: Mapped[str | None] = text(_("联系电话"), 30, rules=(rules.telephone,))
    has_certificate: Mapped[bool | None] = yes_no(_("是否获得职业资格证书"))
    certificate_name: Mapped[str | None] = text(_("证书名称"), 100)
    certificate_level: Mapped[str | None] = code(_("证书等级"), "skill_level")
    is_employed: Mapped[bool | None] = yes_no(_("是否就业"))
    remarks: Mapped[str | None] = long_text(_("备注"), 2000)

    training_class: Mapped[Any] = relationship("TrainingClass", viewonly=True)

    rules = (*Part.rules, id_card_is_well_formed, id_card_check_digit, certificate_is_one)
    constraint_words = {"uq_trainee_class_id_id_card_no": ("id_card_no", _("这个班已有该身份证号的学员"))}

    @property
    def title(self) -> str:
        """The name."""
        return self.full_name or ""

    @property
    def certificate(self) -> str:
        """证书: what it is called and its level, or whether there is one."""
        level = "" if self.certificate_level in (None, NO_LEVEL) else self.text("certificate_level")
        return f"{self.certificate_name or ''} {level}".strip() or str(HAS[self.has_certificate])

    def derive(self, actor: Actor) -> None:
        """The number in its 18 characters (AID-R042), and what stands in it; who has named a certificate has one."""
        super().derive(actor)
        number = self.id_card_no = identity.normal(self.id_card_no or "")
        self.birth_date = self.birth_date or identity.birth_date(number)  # type: ignore[assignment]
        self.gender = self.gender or identity.gender(number)  # type: ignore[assignment]
        if self.has_certificate is None and self.certificate_name:
            self.has_certificate = True

    @classmethod
    def stored_as(cls, session: Session, rows: Sequence[Any]) -> dict[int, Trainee]:
        """The trainees that the classes have already under these numbers."""
        wanted = [(row.class_id, identity.normal(row.id_card_no or "")) for row in rows]
        classes, numbers = {pk for pk, _number in wanted}, {number for _pk, number in wanted if number}
        mine = select(cls).where(cls.class_id.in_(classes), cls.id_card_no.in_(numbers))
        found = session.scalars(mine.execution_options(**door("trainees that an import finds again")))
        known = {(one.class_id, one.id_card_no): one for one in found}
        return {index: known[key] for index, key in enumerate(wanted) if key in known}
