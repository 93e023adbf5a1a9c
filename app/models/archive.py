"""职工档案: a household in hardship, one householder and the members of the family."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import JSON, CheckConstraint, ColumnElement, Index, UniqueConstraint, and_, func, or_, select
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, relationship, selectinload

from app.kit import bulk, claims, columns, identity, rules, tree
from app.kit.claims import Claim
from app.kit.clock import today
from app.kit.errors import Problem
from app.kit.record import session_of
from app.kit.scope import Actor, door
from app.models.family_member import (
    FamilyMember,
    disability_follows_health,
    id_card_check_digit,
    id_card_is_well_formed,
)
from app.models.unit import Unit, full_names
from app.workflows.reporting import Reportable

REGISTRY = "hardship"
TEMPORARY = "temporary"
MIGRANT = "migrant"


def household_size_counts_members(archive: Archive) -> Iterator[Problem]:
    """家庭人口 = members + 1 (AID-R049)."""
    if archive.household_size is not None and archive.household_size != len(archive.family_members) + 1:
        yield Problem("household_size", _("家庭人口数必须等于家庭成员人数加1"))


def id_cards_differ(archive: Archive) -> Iterator[Problem]:
    """One number once within the household (AID-R040)."""
    wanted = archive.identity_claims()
    numbers = [identity.normal(claim.number) for claim in wanted]
    if len(set(numbers)) == len(numbers):
        return
    for claim, number in zip(wanted, numbers, strict=True):
        if numbers.count(number) > 1:
            yield Problem(claim.field, _("同一份档案中身份证号重复"))


def id_cards_are_free(archive: Archive) -> Iterator[Problem]:
    """One number once in the country, over householders and members of all archives (AID-R039)."""
    wanted = archive.identity_claims()
    taken = claims.holders(session_of(archive), REGISTRY, [claim.number for claim in wanted])
    for claim in wanted if taken else ():
        holder = taken.get(claims.id_key(claim.number))
        if holder and (holder.record_type, holder.record_id) != ("archive", archive.id):
            yield Problem(claim.field, conflict_words(session_of(archive), holder.record_id, holder.role))


def has_no_problem_flags(archive: Archive) -> Iterator[Problem]:
    """A flagged file cannot be reported (AID-R031, R032)."""
    if archive.problem_flags:
        told = "、".join(str(PROBLEM_FLAGS[flag]) for flag in archive.problem_flags)
        yield Problem("", _("属于有问题档案（%(flags)s）", flags=told))


def has_no_linked_information(archive: Archive, actor: Actor) -> Any:
    """Aid, talent and legal-aid records keep their archive (AID-R061)."""
    for table in Archive.metadata.sorted_tables:
        column = table.c.get("archive_id")
        if column is None or table.name == FamilyMember.__tablename__:
            continue
        if session_of(archive).scalar(
            select(column).where(column == archive.id).limit(1).execution_options(**door("links to a file"))
        ):
            return _("「%(archive)s」已有帮扶、人才或法律援助信息，不能删除", archive=archive.title)
    return None


def is_not_cancelled(archive: Archive, actor: Actor) -> Any:
    """A cancelled or merged file is not edited any more."""
    if archive.merged_into_id:
        return _("「%(archive)s」已合并到其他档案，不能再修改", archive=archive.title)
    if archive.is_cancelled:
        return _("「%(archive)s」已注销，恢复后才能修改", archive=archive.title)
    return None


#: SM-AID-04
PROBLEM_FLAGS = {
    "duplicate_id": _("身份证号重复"),
    "bad_id": _("身份证号不符合标准"),
    "incomplete": _("信息不完整"),
    "family_size": _("家庭人口数不符"),
}


class Archive(Reportable):
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
    is_cancelled: Mapped[bool] = columns.yes_no(_("注销状态"), automatic=True, default=False, nullable=False)
    cancelled_at: Mapped[datetime | None] = columns.moment(_("注销日期"))
    cancel_reason: Mapped[str | None] = columns.text(_("注销原因"), 30, automatic=True)
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

    def settle(self, actor: Actor) -> None:
        """Register the numbers of the household; a file that passes every rule has no problem left (AID-R087)."""
        super().settle(actor)
        claims.register(session_of(self), REGISTRY, "archive", self.id, self.identity_claims())
        if self.problem_flags:  # but for another file of these people, which only merging removes (AID-R088)
            is_double = "duplicate_id" in self.problem_flags and has_double(self)
            self.problem_flags = ["duplicate_id"] if is_double else []

    @classmethod
    def settle_many(cls, rows: Sequence[Archive], actor: Actor) -> None:
        """Register the numbers of new households; a flagged one takes none that is another's or no number at all."""
        session, taken, values = session_of(rows[0]), set[str](), list[dict[str, Any]]()
        for archive in sorted(rows, key=lambda archive: bool(archive.problem_flags)):
            wanted = archive.identity_claims()
            if archive.problem_flags:
                held = claims.holders(session, REGISTRY, [claim.number for claim in wanted])
                wanted = [
                    claim
                    for claim in wanted
                    if not identity.fault(claim.number, actor.at.date())
                    and claims.id_key(claim.number) not in held
                    and claims.id_key(claim.number) not in taken
                ]
                wanted = list({claims.id_key(claim.number): claim for claim in wanted}.values())
            made = claims.rows(REGISTRY, "archive", archive.id, wanted)
            taken.update(row["id_key"] for row in made)
            values += made
        bulk.insert_values(session, claims.IdentityClaim, values)

    @classmethod
    def stored_as(cls, session: Session, rows: Sequence[Archive]) -> dict[int, Archive]:
        """The files that the owners have of these householders; what stands elsewhere is the rules' matter."""
        held = claims.holders(session, REGISTRY, [row.id_card_no for row in rows if row.id_card_no])
        heads = {
            index: holder.record_id
            for index, row in enumerate(rows)
            if row.id_card_no
            and (holder := held.get(claims.id_key(row.id_card_no)))
            and holder.role == "head"
        }
        found = (
            {archive.id: archive for archive in _files(session, cls.id.in_(set(heads.values())))}
            if heads
            else {}
        )
        return {
            index: found[pk]
            for index, pk in heads.items()
            if pk in found
            and found[pk].owner_unit_id == rows[index].owner_unit_id
            and not found[pk].is_cancelled
            and found[pk].merged_into_id is None
        }

    @classmethod
    def copies_of(cls, session: Session, rows: Sequence[Archive]) -> dict[int, list[Archive]]:
        """Files of the same owners under the same names: a faulty file may hold no number that finds it again."""
        if not rows:
            return {}
        units, called = {row.owner_unit_id for row in rows}, {row.full_name for row in rows}
        nameless = [cls.full_name.is_(None)] if None in called else []
        where = and_(cls.owner_unit_id.in_(units), or_(cls.full_name.in_(called - {None}), *nameless))
        found: dict[tuple[int, str | None], list[Archive]] = {}
        for archive in _files(session, where):
            found.setdefault((archive.owner_unit_id, archive.full_name), []).append(archive)
        return {
            index: found[key]
            for index, row in enumerate(rows)
            if (key := (row.owner_unit_id, row.full_name)) in found
        }

    def flag(self, problems: Sequence[Problem], unread: set[str]) -> Any:
        """Note on a file of an older system what is wrong with it (SM-AID-04); it needs a name or a number."""
        if not self.full_name and not self.id_card_no:
            return _("姓名和身份证号都没有，不能导入")
        found = {self._flag_of(problem, unread) for problem in problems}
        self.problem_flags = [flag for flag in PROBLEM_FLAGS if flag in found]
        return None

    def _flag_of(self, problem: Problem, unread: set[str]) -> str:
        child, _dot, rest = problem.field.partition(".")
        index, _dot, name = rest.partition(".")
        person: Any = getattr(self, child)[int(index)] if rest else self
        match name or child:
            case "household_size" if self.household_size is not None:
                return "family_size"
            case "id_card_no" if problem.field in unread:
                return "bad_id"
            case "id_card_no" if person.id_card_no:
                return "bad_id" if identity.fault(person.id_card_no, today()) else "duplicate_id"
        return "incomplete"


def has_double(archive: Archive) -> bool:
    """Whether one of the household's numbers stands in another file that is neither cancelled nor merged away."""
    numbers = {claim.number for claim in archive.identity_claims()}
    numbers |= {identity.normal(number) for number in numbers}
    numbers |= {number[:6] + number[8:17] for number in numbers if len(number) == 18}
    others = and_(Archive.id != archive.id, in_normal_lists())
    members = select(FamilyMember.archive_id).where(FamilyMember.id_card_no.in_(numbers))
    where = or_(Archive.id_card_no.in_(numbers), Archive.id.in_(members))
    look = select(Archive.id).where(others, where).limit(1)
    return (
        session_of(archive).scalar(look.execution_options(**door("identity uniqueness is national")))
        is not None
    )


def _files(session: Session, where: ColumnElement[bool]) -> list[Archive]:
    """Files with their members, past the scope: what an import may have brought before."""
    statement = select(Archive).where(where).options(selectinload(Archive.family_members))
    return list(session.scalars(statement.execution_options(**door("files that an import finds again"))))


def is_formal() -> ColumnElement[bool]:
    """困难职工 and 农民工: every file but the temporary ones."""
    return Archive.hardship_category != TEMPORARY


def in_normal_lists() -> ColumnElement[bool]:
    """Neither cancelled nor merged away (AID-R069)."""
    return and_(Archive.is_cancelled.is_(False), Archive.merged_into_id.is_(None))


def next_archive_no(session: Any, unit_id: int) -> str:
    """单位编号 and a running number, new within the unit; the unit's row is locked while it is given (AID Q35).

    Files that are stored together get theirs one after the other, from one look.
    """
    given = bulk.given()
    if given is None:
        prefix, last = _last_number(session, unit_id)
        return f"{prefix}{last + 1:06d}"
    prefix, last = given.get(unit_id) or _last_number(session, unit_id)
    while bulk.is_typed(f"{prefix}{last + 1:06d}"):
        last += 1
    given[unit_id] = (prefix, last + 1)
    return f"{prefix}{last + 1:06d}"


def _last_number(session: Any, unit_id: int) -> tuple[str, int]:
    """What a unit's numbers begin with, and the last one that runs."""
    unit = session.scalar(
        select(Unit)
        .where(Unit.id == unit_id)
        .with_for_update()
        .execution_options(**door("numbering of a unit"))
    )
    prefix = f"{unit.unit_no}"
    pattern = and_(
        Archive.owner_unit_id == unit_id,
        Archive.archive_no >= prefix,
        Archive.archive_no < tree.successor(prefix),
        func.length(Archive.archive_no) == len(prefix) + 6,
    )
    last = session.scalar(
        select(func.max(Archive.archive_no)).where(pattern).execution_options(**door("numbering of a unit"))
    )
    return prefix, int(last[len(prefix) :]) if last and last[len(prefix) :].isdigit() else 0


def conflict_words(session: Any, archive_id: int, role: str) -> Any:
    """What stands in the way of a number, in the words of 5.17 (AID-R056, R057, R059, R060)."""
    archive = find_anywhere(session, archive_id)
    unit = "->".join(full_names(session, [archive.owner_path])[archive.owner_path])
    if role == "member":
        return _(
            "该身份证号已作为家庭成员登记在职工编号【%(no)s】的档案中（%(unit)s）",
            no=archive.archive_no,
            unit=unit,
        )
    if archive.is_cancelled:
        return _("该身份证号的职工已被【%(unit)s】注销", unit=unit)
    if archive.archive_kind == TEMPORARY:
        return _("该身份证号的职工已被【%(unit)s】临时救助", unit=unit)
    return _("该身份证号的职工已由【%(unit)s】建档", unit=unit)


def find_anywhere(session: Any, archive_id: int) -> Archive:
    """An archive by id, past the scope: the ID look-up of AID-R056–R060 is a door (unified §3)."""
    statement = select(Archive).where(Archive.id == archive_id).options(joinedload(Archive.owner_unit))
    found: Archive = session.scalars(statement.execution_options(**door("archive ID look-up"))).one()
    return found
