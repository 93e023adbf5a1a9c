"""本帮扶中心信息: the aid centre of a unit, one record for each; what both have is the unit's alone."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from datetime import date
from decimal import Decimal
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import Index, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session

from app.kit import history
from app.kit.columns import choices, code, count, day, decimal, text, yes_no
from app.kit.errors import Problem
from app.kit.record import expect_version, lock, session_of
from app.kit.reminders import in_chinese
from app.kit.rules import not_in_future
from app.kit.scope import Actor
from app.models.unit import Unit
from app.workflows.owned import Owned

#: REC-05 #13
SERVICES = (
    ("living", _("生活救助")),
    ("medical", _("医疗救助")),
    ("tuition", _("助学救助")),
    ("job_placement", _("职业介绍")),
    ("skills_training", _("技能培训")),
    ("legal_aid", _("法律援助")),
    ("petition", _("信访接待")),
    ("consultation", _("政策咨询")),
)
#: REC-05 #3: the root has no centre, and what is below a street is none
NO_LEVEL = {"national": _("帮扶中心没有这一级别"), "grassroots": _("帮扶中心没有这一级别")}
STAFF = ("full_time", "part_time", "hired")


def staff_fits(centre: AidCentre) -> Iterator[Problem]:
    """专职, 兼职 and 聘用 are parts of 工作人员数 (REC-05 #8)."""
    parts = sum(getattr(centre, name) or 0 for name in STAFF)
    if parts and parts > (centre.staff_count or 0):
        words = _(
            "专职、兼职、聘用合计%(parts)s人，多于工作人员数%(all)s人",
            parts=parts,
            all=centre.staff_count or 0,
        )
        yield Problem("staff_count", words)


def contact_is_kept(centre: AidCentre) -> Iterator[Problem]:
    """What the unit must have is not emptied from here (REC-03)."""
    for name, value in (centre.typed_contact or {}).items():
        if not value and field_of_unit(name).required:
            yield Problem(name, field_of_unit(name).missing)


def field_of_unit(name: str) -> Any:
    """How the unit declares what it shares with its centre."""
    return getattr(Unit, name).property.columns[0].info["field"]


def _shared(name: str) -> Any:
    """A field of the unit on the centre's form: as it is judged there; only what is typed is asked for."""
    field = copy(field_of_unit(name))
    field.required = False
    return field


def _of_unit(name: str) -> Any:
    """Read from the unit; what is typed is written to it when the centre is saved."""

    def read(centre: AidCentre) -> Any:
        typed = centre.typed_contact or {}
        return typed[name] if name in typed else getattr(centre.owner_unit, name, None)

    def write(centre: AidCentre, value: Any) -> None:
        centre.typed_contact = (centre.typed_contact or {}) | {name: value}

    return property(read, write)


class AidCentre(Owned):
    """The aid centre (帮扶中心) of one unit: level, people, house, money and what it offers.

    Source: spec/aid.md REC-05, AID-R221.
    """

    __tablename__ = "aid_centre"
    __label__ = _("帮扶中心信息")
    __table_args__ = (
        UniqueConstraint("owner_unit_id"),
        Index("ix_aid_centre_owner", "owner_path", "id"),
        {"info": {"part_of_unit": True}},
    )
    echoed = frozenset({"unit_id"})

    centre_name: Mapped[str] = text(_("帮扶中心名称"), 100, required=True, nullable=False)
    centre_level: Mapped[str] = code(
        _("中心级别"), "unit_level", required=True, without=NO_LEVEL, nullable=False
    )
    founded_on: Mapped[date | None] = day(_("成立日期"), rules=(not_in_future,))
    is_public_institution: Mapped[bool | None] = yes_no(_("是否事业单位性质"))
    authorised_posts: Mapped[int | None] = count(_("编制人数"), unit=_("人"))
    staff_count: Mapped[int | None] = count(_("工作人员数"), unit=_("人"))
    full_time: Mapped[int | None] = count(_("其中专职"), unit=_("人"))
    part_time: Mapped[int | None] = count(_("其中兼职"), unit=_("人"))
    hired: Mapped[int | None] = count(_("其中聘用"), unit=_("人"))
    floor_area_m2: Mapped[Decimal | None] = decimal(_("建筑面积"), 10, 2, unit=_("平方米"))
    in_fiscal_budget: Mapped[bool | None] = yes_no(_("是否列入财政预算"))
    annual_budget_wan: Mapped[Decimal | None] = decimal(_("年度工作经费"), 16, 4, unit=_("万元"))
    has_coordination_system: Mapped[bool | None] = yes_no(_("是否与政府部门建立定期工作协调制度"))
    services: Mapped[list[str] | None] = choices(_("服务项目"), lambda: SERVICES)

    #: REC-05 #14
    duty_phone, area_code, fax = _of_unit("duty_phone"), _of_unit("area_code"), _of_unit("fax")
    email, postcode, address = _of_unit("email"), _of_unit("postcode"), _of_unit("address")
    introduction = _of_unit("introduction")
    virtual = {
        name: _shared(name)
        for name in ("duty_phone", "area_code", "fax", "email", "postcode", "address", "introduction")
    }
    rules = (staff_fits, contact_is_kept)
    constraint_words = {
        "uq_aid_centre_owner_unit_id": ("centre_name", _("本单位的帮扶中心信息已有登记，请打开后修改"))
    }

    #: what was typed of the unit and is not written yet, and the version of the unit that it was typed over
    typed_contact = None
    seen_unit = None

    @property
    def title(self) -> str:
        """The centre's name."""
        return self.centre_name or ""

    @classmethod
    def of_unit(cls, session: Session, actor: Actor) -> int | None:
        """The id of the record that the actor's unit has, if any (AID-R221)."""
        return session.scalar(select(cls.id).where(cls.owner_unit_id == actor.unit_id))

    @classmethod
    def begun_by(cls, unit: Unit) -> dict[str, Any]:
        """What a new record of a unit begins with: its level, and what is the unit's anyway."""
        level = "" if unit.level in NO_LEVEL else unit.level
        shared = {name: field.typed(getattr(unit, name)) for name, field in cls.virtual.items()}
        return {"centre_level": level} | shared

    def settle(self, actor: Actor) -> None:
        """The contact data are the unit's: written there with a history of its own (REC-05 #14)."""
        super().settle(actor)
        unit, typed = self.owner_unit, self.typed_contact or {}
        if all(getattr(unit, name) == value for name, value in typed.items()):
            return
        lock(unit)
        expect_version(unit, self.seen_unit)
        with history.recorded(unit, "edit", actor, in_chinese(_("在本帮扶中心信息中修改"))):
            for name, value in typed.items():
                setattr(unit, name, value)
            unit.stamp(actor)
            session_of(self).flush()  # the version goes with it
        self.typed_contact = None
