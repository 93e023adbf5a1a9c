"""职工档案: a household in hardship, one householder and the members of the family."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import date
from decimal import Decimal
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import JSON, CheckConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from app.kit import claims, columns, identity, rules
from app.kit.claims import Claim
from app.kit.errors import Problem
from app.kit.record import session_of
from app.kit.scope import Actor
from app.models.archive.checks import (
    has_no_linked_information,
    has_no_problem_flags,
    household_size_counts_members,
    id_cards_are_free,
    id_cards_differ,
    is_not_cancelled,
)
from app.models.archive.incoming import Incoming
from app.models.archive.kinds import Convertible
from app.models.archive.lists import MIGRANT, TEMPORARY
from app.models.archive.lookup import REGISTRY, Known, conflict_words
from app.models.archive.numbering import next_archive_no, numbers_in
from app.models.archive.problems import Faulty, in_the_way
from app.models.family_member import (
    FamilyMember,
    disability_follows_health,
    id_card_check_digit,
    id_card_is_well_formed,
)
from app.workflows.lifecycle import Cancellable
from app.workflows.merging import Mergeable
from app.workflows.reporting import Reportable
from app.workflows.transferring import Transferable


class Archive(Faulty, Incoming, Mergeable, Known, Convertible, Cancellable, Transferable, Reportable):
    """One household file of the national registry, in three kinds: 困难职工, 农民工, 临时救助.

    Source: spec/aid.md REC-06, SM-AID-03, AID-R037 – R085.
    """

    __tablename__ = "archive"
    __label__ = _("职工档案")
    __table_args__ = (
        UniqueConstraint("owner_unit_id", "archive_no", name="uq_archive_owner_no"),
        CheckConstraint("holder_depth >= 1", name="holder_depth_is_positive"),
        CheckConstraint("merged_into_id IS NULL OR merged_into_id <> id", name="not_merged_into_itself"),
        Index("ix_archive_owner", "owner_path", "holder_depth", "id"),
        Index("ix_archive_author", "created_by_id", "id"),
    )
    children = ("family_members",)
    ordered = ("archive_no", "full_name", "birth_date", "created_at")
    echoed = frozenset({"archive_kind", "problem_flags"})
    known_by = "id_card_no"

    archive_no: Mapped[str] = columns.text(_("职工编号"), 30, hint=_("留空则按单位自动编号"), search="start")
    hardship_category: Mapped[str] = columns.code(_("困难类别"), "hardship_category", required=True)
    full_name: Mapped[str] = columns.text(_("姓名"), 50, required=True, search="name")
    id_card_no: Mapped[str] = columns.id_card(
        _("身份证号"), required=True, index=True, autofill="birth:birth_date gender:gender"
    )
    gender: Mapped[str] = columns.code(_("性别"), "gender", required=True)
    birth_date: Mapped[date] = columns.day(_("出生日期"), required=True, rules=(rules.not_in_future,))
    ethnicity: Mapped[str] = columns.code(_("民族"), "ethnicity", required=True)
    political_status: Mapped[str] = columns.code(_("政治面貌"), "political_status", required=True)
    worker_identity: Mapped[str] = columns.code(_("身份"), "worker_identity", required=True)
    health_status: Mapped[str] = columns.code(_("健康状况"), "health_status", required=True)
    disability_category: Mapped[str | None] = columns.code(_("残疾类别"), "disability_category")
    model_worker_type: Mapped[str] = columns.code(_("劳模类型"), "model_worker_type", required=True)
    marital_status: Mapped[str] = columns.code(_("婚姻状况"), "marital_status", required=True)
    phone: Mapped[str] = columns.text(_("联系电话"), 30, required=True, rules=(rules.telephone,))
    work_start_date: Mapped[date] = columns.day(
        _("工作年限"), required=True, rules=(rules.not_in_future,), hint=_("参加工作的日期")
    )
    employer_name: Mapped[str] = columns.text(_("工作单位"), 100, required=True)
    employer_nature: Mapped[str | None] = columns.code(_("单位性质"), "employer_nature")
    enterprise_condition: Mapped[str | None] = columns.code(_("企业状况"), "enterprise_condition")
    industry: Mapped[str] = columns.code(_("所属行业"), "aid_industry", required=True)
    housing_type: Mapped[str] = columns.code(_("住房类型"), "housing_type", required=True)
    floor_area: Mapped[Decimal | None] = columns.decimal(_("建筑面积"), 8, 2, unit=_("平方米"))
    household_registration_type: Mapped[str] = columns.code(
        _("户口类型"), "household_registration_type", required=True
    )
    registration_division: Mapped[str | None] = columns.code(_("户口所在地行政区划"), "admin_division")
    home_address: Mapped[str] = columns.text(_("家庭住址"), 200, required=True, wide=True)
    postcode: Mapped[str | None] = columns.text(_("邮政编码"), 6, rules=(rules.postcode,))
    is_single_parent: Mapped[bool | None] = columns.yes_no(_("是否单亲"))
    personal_monthly_income: Mapped[Decimal] = columns.money(_("本人月平均收入"), required=True)
    household_annual_income: Mapped[Decimal] = columns.money(_("家庭年度总收入"), required=True)
    household_size: Mapped[int] = columns.count(
        _("家庭人口"), required=True, unit=_("人"), most=101, autofill="size:family_members"
    )
    household_income_per_capita: Mapped[Decimal | None] = columns.money(_("家庭年人均收入"), automatic=True)
    monthly_income_per_capita: Mapped[Decimal | None] = columns.money(_("人均月收入"), automatic=True)
    has_medical_insurance: Mapped[bool | None] = columns.yes_no(_("是否进入医保"))
    has_self_help_capacity: Mapped[bool | None] = columns.yes_no(
        _("是否有一定自救能力"), words=(_("有"), _("没有"))
    )
    is_zero_employment: Mapped[bool | None] = columns.yes_no(_("是否为零就业家庭"))
    main_hardship_cause: Mapped[str] = columns.code(_("致困主要原因"), "hardship_cause", required=True)
    remarks: Mapped[str | None] = columns.long_text(_("备注"), 2000)
    problem_flags: Mapped[list[str]] = mapped_column(JSON, default=list)
    merged_into_id: Mapped[int | None] = columns.reference(
        _("合并去向"), "archive", automatic=True, system=True
    )

    family_members: Mapped[list[FamilyMember]] = relationship(
        FamilyMember, cascade="all, delete-orphan", order_by=(FamilyMember.line_no, FamilyMember.id)
    )

    rules = (
        id_card_is_well_formed,
        id_card_check_digit,
        disability_follows_health,
        household_size_counts_members,
        id_cards_differ,
        id_cards_are_free,
    )
    report_rules = (has_no_problem_flags,)
    edit_guards = (is_not_cancelled,)
    survivor_guards = (is_not_cancelled,)
    judged_anew = frozenset({"problem_flags"})
    delete_wide_guards = (has_no_linked_information,)
    constraint_words = {
        "uq_archive_owner_no": ("archive_no", _("本单位已有这个职工编号，请改一个，或留空由系统编号")),
        "uq_identity_claim_registry_id_key": (
            "id_card_no",
            _("该身份证号刚刚由其他档案登记，请核对后再保存"),
        ),
    }

    @property
    def title(self) -> str:
        """职工编号 and 姓名."""
        return f"{self.archive_no or ''} {self.full_name or ''}".strip()

    @property
    def archive_kind(self) -> str:
        """困难职工, 农民工 or 临时救助 (AID Q03): ``hardship``, ``migrant``, ``temporary``."""
        if self.hardship_category == TEMPORARY:
            return TEMPORARY
        return MIGRANT if self.worker_identity == MIGRANT else "hardship"

    @property
    def reminder_category(self) -> str:
        """The value of CT-43 of this kind."""
        return f"{self.archive_kind}_archive"

    def identity_claims(self) -> list[Claim]:
        """The numbers of the householder and of every member."""
        wanted = [Claim(self.id_card_no, "head", "id_card_no")]
        wanted += [
            Claim(member.id_card_no, "member", f"family_members.{index}.id_card_no")
            for index, member in enumerate(self.family_members)
        ]
        return [claim for claim in wanted if claim.number]

    @classmethod
    def looked_up(cls, session: Session, records: Iterable[Archive]) -> AbstractContextManager[None]:
        """Who holds the numbers of these households."""
        numbers = (claim.number for archive in records for claim in archive.identity_claims())
        return claims.known(session, REGISTRY, numbers)

    def derive(self, actor: Actor) -> None:
        """Dates, sums and numbers that follow from the rest (AID-R045, R052)."""
        super().derive(actor)
        if not self.birth_date:
            self.birth_date = identity.birth_date(self.id_card_no or "")
        if not self.gender:
            self.gender = identity.gender(self.id_card_no or "")
        for member in self.family_members:
            member.derive(actor)
        if self.household_annual_income is not None and self.household_size:
            self.household_income_per_capita = round(self.household_annual_income / self.household_size, 2)
            self.monthly_income_per_capita = round(self.household_income_per_capita / 12, 2)
        if not self.archive_no and self.owner_unit_id:
            self.archive_no = next_archive_no(session_of(self), self.owner_unit_id)

    def rehome(self, unit_id: int, path: str) -> None:
        """It keeps its 职工编号 where that is free in the new unit, else it gets the next one there (AID Q35)."""
        comes_in = self.id and self.owner_unit_id != unit_id
        number = numbers_in(session_of(self), [self], unit_id).get(self.id) if comes_in else None
        super().rehome(unit_id, path)
        self.archive_no = number or self.archive_no

    @classmethod
    def giving_way(
        cls, session: Session, records: Sequence[Archive], unit_id: int
    ) -> dict[int, dict[str, Any]]:
        """Its 职工编号 does, as in `rehome`."""
        return {pk: {"archive_no": number} for pk, number in numbers_in(session, records, unit_id).items()}

    def may_stay(self, fault: Problem) -> bool:
        """A third file of the same person, which is merged next (AID-R088)."""
        return self._flag_of(fault, ()) == "duplicate_id"

    def taken_words(self, session: Session, claim: Any) -> Any:
        """Whose file has one of these numbers by now (AID-R039)."""
        return _("不能撤销合并：%(taken)s", taken=conflict_words(session, claim.record_id, claim.role))

    def why_never_cancelled(self) -> Any:
        """临时救助档案 have no 注销 (AID-R078)."""
        if self.hardship_category == TEMPORARY:
            return _("「%(archive)s」是临时救助档案，没有注销", archive=self.title)
        return None

    def why_not_back(self) -> Any:
        """One of its persons may stand in another file by now (SM-AID-03 #9)."""
        for other, role in in_the_way(self).values():
            told = conflict_words(session_of(self), other, role)
            return _("「%(archive)s」不能恢复：%(told)s", archive=self.title, told=told)
        return None

    def settle(self, actor: Actor) -> None:
        """Register the numbers of the household; a file that passes every rule has no problem left (AID-R087)."""
        super().settle(actor)
        if self.is_faulty:
            self.judge_anew()
        else:
            claims.register(session_of(self), REGISTRY, "archive", self.id, self.identity_claims())
