"""账号: a person who may log in; FAB's user, with what a union needs to know."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask_appbuilder.security.sqla.models import User
from flask_babel import lazy_gettext as _
from sqlalchemy import JSON, Boolean, ColumnElement, DateTime, Integer, String, UniqueConstraint, exists, func, select
from sqlalchemy.orm import Mapped, mapped_column, relationship, synonym

from app.kit import columns, rules, tree
from app.kit.database import db
from app.kit.errors import Problem
from app.kit.record import session_of
from app.kit.scope import Actor, door
from app.kit.workflow import Stateful
from app.models.assignment import ADMINISTRATION, Assignment, RightsField

#: FAB wants an address of everybody; a street clerk may have none
User.__table__.c.email.nullable = True  # type: ignore[attr-defined]
for _constraint in User.__table__.constraints:  # type: ignore[attr-defined]
    if isinstance(_constraint, UniqueConstraint) and _constraint.name is None:
        _constraint.name = f"uq_ab_user_{_constraint.columns[0].name}"


def is_below_or_beside(account: Account, actor: Actor) -> Any:
    """An administrator manages the people of his unit and of those below (AID-R206)."""
    unit = account.assignment.unit if account.assignment else None
    if actor.everywhere or (unit and tree.contains(actor.path, unit.path)):
        return None
    return _("「%(account)s」不属于您的单位或下级单位", account=account.full_name)


def is_not_oneself(account: Account, actor: Actor) -> Any:
    """Nobody removes his own account."""
    return _("不能删除自己的账号") if account.id == actor.account_id else None


def has_a_unit_and_rights(account: Account) -> Any:
    """A new person belongs to a unit and may do something (SM-AID-19 #1)."""
    if account.assignment is None or account.assignment.unit_id is None:
        yield Problem("unit_id", _("请选择所属单位"))
    elif not account.rights:
        yield Problem("rights", _("请至少勾选一项用户权限"))


def login_name_is_free(account: Account) -> Any:
    """登录名 is unique in the whole system (AID-R009)."""
    if account.login_name and login_name_taken(account.login_name, account.id):
        yield Problem("login_name", _("登录名「%(name)s」已被使用，请换一个", name=account.login_name))


def login_name_taken(login_name: str, but: int | None = None) -> bool:
    """Whether another account has this login name; capitals make no difference."""
    same = func.lower(User.username) == login_name.strip().lower()
    return bool(db.session.scalar(select(exists().where(same, User.id != (but or 0))).execution_options(**door("login names are national"))))


def unit_has_one_administrator(account: Account) -> Any:
    """用户管理 can be ticked for one person of a unit (AID-R205); the database keeps it too."""
    mine = account.assignment
    if mine is None or not mine.admin_slot or mine.unit_id is None:
        return
    others = select(Account.full_name).join(Assignment, Assignment.account_id == Account.id)
    others = others.where(Assignment.unit_id == mine.unit_id, Assignment.admin_slot == mine.admin_slot)
    name = session_of(account).scalar(others.where(Account.id != (account.id or 0)))
    if name:
        yield Problem("rights", _("该单位已有用户管理员「%(name)s」，每个单位最多一人", name=name))


class Account(Stateful, User):
    """A person with a login name; what he may do hangs on his assignment to a unit.

    Source: spec/aid.md REC-04, spec/unified.md §2.
    """

    __label__ = _("人员")

    full_name = synonym("first_name", info={"field": columns.TextField(_("姓名"), 50, required=True)})
    gender: Mapped[str | None] = columns.code(_("性别"), "gender", required=True, default="male")
    login_name = synonym(
        "username",
        info={"field": columns.TextField(_("登录名"), 50, required=True, rules=(lambda v: _shape_of_login(v),))},
    )
    phone: Mapped[str | None] = columns.text(_("联系电话"), 30, required=True, rules=(rules.telephone,))
    mobile: Mapped[str | None] = columns.text(_("手机"), 20, rules=(rules.telephone,), unique=True)
    job_title: Mapped[str | None] = columns.text(_("职务"), 50)
    certificate_required: Mapped[bool | None] = columns.yes_no(_("是否证书用户"), automatic=True, default=False)
    must_change_password: Mapped[bool | None] = columns.yes_no(_("须修改密码"), automatic=True, default=True)
    last_login_at = synonym("last_login", info={"field": columns.MomentField(_("最后登录"), automatic=True)})

    profile_confirmed_at: Mapped[datetime | None] = mapped_column(DateTime)
    password_expires_at: Mapped[datetime | None] = mapped_column(DateTime)
    password_changed_at: Mapped[datetime | None] = mapped_column(DateTime)
    locked_until: Mapped[datetime | None] = mapped_column(DateTime)
    password_history: Mapped[list[str] | None] = mapped_column(JSON, deferred=True, info={"secret": True})
    session_version: Mapped[int | None] = mapped_column(Integer, default=1)
    is_synthetic: Mapped[bool | None] = mapped_column(Boolean, default=False)
    version: Mapped[int | None] = mapped_column(Integer, default=1)
    updated_by_name: Mapped[str | None] = mapped_column(String(64))

    created_at = synonym("created_on", info={"field": columns.MomentField(_("建立日期"), automatic=True)})
    updated_at = synonym("changed_on")

    assignments: Mapped[list[Assignment]] = relationship(
        "Assignment", back_populates="account", cascade="all, delete-orphan", order_by="Assignment.id"
    )

    virtual = {
        "unit_id": columns.ReferenceField(_("所属单位"), "unit", required=True),
        "rights": RightsField(_("用户权限"), required=True, wide=True),
        "is_unit_admin": columns.YesNoField(_("是否用户管理员"), automatic=True),
    }
    rules = (login_name_is_free, has_a_unit_and_rights, unit_has_one_administrator)
    edit_guards = (is_below_or_beside,)
    delete_guards = (is_below_or_beside, is_not_oneself)
    constraint_words = {
        "uq_ab_user_username": ("login_name", _("该登录名已被使用，请换一个")),
        "uq_ab_user_email": ("email", _("该电子邮件已被使用")),
        "uq_ab_user_mobile": ("mobile", _("该手机号已被使用")),
        "uq_assignment_unit_admin": ("rights", _("该单位已有用户管理员，每个单位最多一人")),
    }

    @classmethod
    def resource(cls) -> str:
        """FAB keeps the table's name; everything else says ``account``."""
        return "account"

    @classmethod
    def scope(cls, who: Actor) -> ColumnElement[bool]:
        """People assigned to the actor's unit or below (AID-R206), and oneself."""
        below = select(Assignment.account_id).where(tree.under(Assignment.unit_path, who.path))
        return cls.id.in_(below) | (cls.id == who.account_id)

    def in_scope(self, who: Actor) -> bool:
        """Assigned inside the actor's subtree, or oneself."""
        mine = self.assignment
        return self.id == who.account_id or (mine is not None and tree.contains(who.path, mine.unit_path or ""))

    @property
    def title(self) -> str:
        """The person's name."""
        return self.full_name or ""

    @property
    def assignment(self) -> Assignment | None:
        """The first assignment; the aid system knows one only."""
        return self.assignments[0] if self.assignments else None

    def _assigned(self) -> Assignment:
        if not self.assignments:
            self.assignments.append(Assignment())
        return self.assignments[0]

    @property
    def unit_id(self) -> int | None:
        """The unit of the assignment in force."""
        return self.assignment.unit_id if self.assignment else None

    @unit_id.setter
    def unit_id(self, value: int | None) -> None:
        self._assigned().place(value)

    @property
    def unit(self) -> Any:
        """The unit of the assignment in force."""
        return self.assignment.unit if self.assignment else None

    @property
    def rights(self) -> list[str]:
        """The names of the rights held there."""
        return self.assignment.rights if self.assignment else []

    @rights.setter
    def rights(self, names: list[str] | None) -> None:
        self._assigned().grant(names or [])

    @property
    def is_unit_admin(self) -> bool:
        """Whether 用户管理 is among them."""
        return ADMINISTRATION in self.rights

    def stamp(self, actor: Actor) -> None:
        """Note who wrote and when."""
        if self.created_on is None:
            self.created_on = actor.at
        self.changed_on, self.updated_by_name = actor.at, actor.name

    def derive(self, actor: Actor) -> None:
        """What FAB wants filled in."""
        super().derive(actor)
        self.last_name = self.last_name or ""
        self.active = True if self.active is None else self.active
        self.version = (self.version or 0) + 1


def _shape_of_login(name: str) -> Any:
    good = 2 <= len(name) <= 50 and not any(c.isspace() for c in name)  # noqa: PLR2004 - the field's own bounds
    return None if good else _("登录名为2至50个字，不含空格")


Account.password.property.columns[0].info["secret"] = True
Account.email.property.columns[0].info["field"] = columns.TextField(_("电子邮件"), 100, rules=(rules.email,))
