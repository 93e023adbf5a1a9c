"""账号: a person who may log in; FAB's user, with what a union needs to know."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar

from flask_appbuilder.security.sqla.models import User
from flask_babel import lazy_gettext as _
from sqlalchemy import (
    JSON,
    Boolean,
    ColumnElement,
    DateTime,
    Integer,
    String,
    UniqueConstraint,
    exists,
    func,
    inspect,
    or_,
    select,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship, synonym, validates

from app.kit import columns, names, rules, tree
from app.kit.database import db
from app.kit.errors import Problem
from app.kit.record import session_of
from app.kit.scope import Actor, current, door
from app.kit.workflow import Stateful, Step
from app.models.assignment import ADMINISTRATION, Assignment, PlaceField, RightsField

#: FAB wants an address of everybody; a street clerk may have none
User.__table__.c.email.nullable = True  # type: ignore[attr-defined]
for _constraint in User.__table__.constraints:  # type: ignore[attr-defined]
    if isinstance(_constraint, UniqueConstraint) and _constraint.name is None:
        _constraint.name = f"uq_ab_user_{_constraint.columns[0].name}"


#: what decides whether, and by which card, a person shows a certificate
CERTIFICATE = ("certificate_required", "certificate_serial")


def is_below_or_beside(account: Account, actor: Actor) -> Any:
    """An administrator manages the people of his unit and of those below (AID-R206)."""
    unit = account.assignment.unit if account.assignment else None
    if actor.everywhere or (unit and tree.contains(actor.path, unit.path)):
        return None
    return _("「%(account)s」不属于您的单位或下级单位", account=account.full_name)


def has_a_factor(account: Account, actor: Actor) -> Any:
    """There is a device to be forgotten (Q01)."""
    if account.factor_at is None:
        return _("「%(account)s」还没有绑定动态口令", account=account.full_name)
    return None


def certificate_is_named(account: Account) -> Any:
    """A certificate user's certificate is registered (REC-04 #13), and is nobody else's."""
    if account.certificate_required and not account.certificate_serial:
        yield Problem("certificate_serial", _("证书用户须登记证书标识（数字证书的序列号）"))
    if account.certificate_serial:
        same = select(
            exists().where(
                Account.certificate_serial == account.certificate_serial, User.id != (account.id or 0)
            )
        )
        if db.session.scalar(same.execution_options(**door("certificates are national"))):
            yield Problem("certificate_serial", _("该证书标识已登记给其他人员"))


def plain_serial(serial: str) -> str:
    """One spelling of a number: proxies write it with and without colons, zeros in front and capitals."""
    shown = "".join(serial.split()).replace(":", "").lstrip("0")
    return shown.encode("utf-8", "replace").upper().decode()  # of bytes, ASCII alone: it never grows


def is_not_oneself(account: Account, actor: Actor) -> Any:
    """Nobody removes or resets his own account."""
    if account.id == actor.account_id:
        return _("不能对自己的账号进行这项操作；修改自己的密码请用右上角的“修改密码”")
    return None


def keeps_ones_own_administration(account: Account) -> Any:
    """An administrator does not lock himself out, by rights, unit or switch, nor choose his own second factor here."""
    who = current()
    if who is None or who.everywhere or account.id is None or account.id != who.account_id:
        return
    if ADMINISTRATION in who.rights and ADMINISTRATION not in account.rights:
        yield Problem("rights", _("不能取消自己的“用户管理”权限；请由上级单位的用户管理员办理"))
    if account.unit_id != who.unit_id:
        yield Problem("unit_id", _("不能改变自己的所属单位；请由上级单位的用户管理员办理"))
    if not account.is_active:
        yield Problem("is_active", _("不能停用自己的账号"))
    for name in _changed(account, *CERTIFICATE):
        yield Problem(name, _("不能改变自己的证书登记；请由上级单位的用户管理员办理"))


def _changed(row: Any, *names: str) -> list[str]:
    """Which of these are others than were stored; nothing and 否 are the same."""
    past = ((name, inspect(row).attrs[name].history) for name in names)
    return [name for name, was in past if any((*(was.added or ()), *(was.deleted or ())))]


def has_a_unit_and_rights(account: Account) -> Any:
    """Who is placed belongs to a unit and may do something (SM-AID-19 #1).

    Who stands without from before is not kept from putting his own data right.
    """
    mine = account.assignment
    is_new = account.id is None or (mine is not None and mine.id is None)
    if not is_new and (mine is None or not _changed(mine, "unit_id", "roles")):
        return
    if mine is None or mine.unit_id is None:
        yield Problem("unit_id", _("请选择所属单位"))
    elif not account.rights:
        yield Problem("rights", _("请至少勾选一项用户权限"))


def login_name_is_free(account: Account) -> Any:
    """登录名 is unique in the whole system (AID-R009)."""
    if account.login_name and login_name_taken(account.login_name, account.id):
        yield Problem("login_name", _("登录名「%(name)s」已被使用，请换一个", name=account.login_name))


def opens_no_others_door(account: Account) -> Any:
    """Mobile number and e-mail address are names to log in by too: neither is another's login name."""
    for name in ("mobile", "email"):
        value = getattr(account, name)
        if value and _is_anothers(value, account.id, User.username):
            yield Problem(name, _("「%(name)s」是其他人员的登录名，请换一个", name=value))


def login_name_taken(login_name: str, but: int | None = None) -> bool:
    """Whether another person comes in by this, as login name, e-mail address or mobile number."""
    return _is_anothers(login_name, but, User.username, User.email, Account.mobile)


def _is_anothers(name: str, but: int | None, *ways: Any) -> bool:
    """Whether one of these columns of another account says so; capitals make no difference."""
    same = or_(*(func.lower(way) == name.strip().lower() for way in ways))
    return bool(
        db.session.scalar(
            select(exists().where(same, User.id != (but or 0))).execution_options(
                **door("login names are national")
            )
        )
    )


def unit_has_one_administrator(account: Account) -> Any:
    """用户管理 can be ticked for one person of a unit (AID-R205); the database keeps it too."""
    mine = account.assignment
    if mine is None or not mine.admin_slot or mine.unit_id is None:
        return
    if name := administrator_of(mine.unit_id, but=account.id):
        yield Problem("rights", _("该单位已有用户管理员「%(name)s」，每个单位最多一人", name=name))


def administrator_of(unit_id: int, but: int | None = None) -> str | None:
    """The name of the unit's administrator, if it is not the account ``but``."""
    holder = select(Account.full_name).join(Assignment, Assignment.account_id == Account.id)
    holder = holder.where(
        Assignment.unit_id == unit_id, Assignment.admin_slot.is_not(None), Account.id != (but or 0)
    )
    return db.session.scalar(holder.limit(1))


def search_key(name: str) -> str:
    """Pinyin up to each syllable, and initials, of a person's name."""
    return "".join(f" {key}" for key in sorted(names.keys(name)) if key.isascii())[:600]


def _at_most_six_layers(layer: int) -> Any:
    return None if layer <= 6 else _("人员最多分6层显示")


def _shape_of_login(name: str) -> Any:
    good = 2 <= len(name) <= 50 and not any(c.isspace() for c in name)
    return None if good else _("登录名为2至50个字，不含空格")


class Account(Stateful, User):
    """A person with a login name; what he may do hangs on his assignment to a unit.

    Source: spec/aid.md REC-04, spec/unified.md §2.
    """

    __label__ = _("人员")
    reach = _("本单位和全部下级单位的人员")

    full_name = synonym("first_name", info={"field": columns.TextField(_("姓名"), 50, required=True)})
    gender: Mapped[str | None] = columns.code(_("性别"), "gender", required=True, default="male")
    login_name = synonym(
        "username",
        info={"field": columns.TextField(_("登录名"), 50, required=True, rules=(_shape_of_login,))},
    )
    phone: Mapped[str | None] = columns.text(_("联系电话"), 30, required=True, rules=(rules.telephone,))
    mobile: Mapped[str | None] = columns.text(_("手机"), 20, rules=(rules.telephone,), unique=True)
    job_title: Mapped[str | None] = columns.text(_("职务"), 50)
    certificate_required: Mapped[bool | None] = columns.yes_no(_("是否证书用户"), default=False)
    certificate_serial: Mapped[str | None] = columns.text(
        _("证书标识"), 100, index=True, unique=True, hint=_("数字证书的序列号，证书用户必填")
    )
    must_change_password: Mapped[bool | None] = columns.yes_no(_("须修改密码"), automatic=True, default=True)
    is_active = synonym(
        "active",
        info={"field": columns.YesNoField(_("是否启用"), words=(_("启用"), _("停用")), default=True)},
    )
    last_login_at = synonym("last_login", info={"field": columns.MomentField(_("最后登录"), automatic=True)})

    profile_confirmed_at: Mapped[datetime | None] = mapped_column(DateTime)
    password_expires_at: Mapped[datetime | None] = mapped_column(DateTime)
    password_changed_at: Mapped[datetime | None] = mapped_column(DateTime)
    password_history: Mapped[list[str] | None] = mapped_column(JSON, deferred=True, info={"secret": True})
    session_version: Mapped[int | None] = mapped_column(Integer, default=1)
    is_synthetic: Mapped[bool | None] = mapped_column(Boolean, default=False)
    #: whether the daily digest of reminders is mailed; who has not said so gets it
    wants_digest: Mapped[bool | None] = mapped_column(Boolean)
    #: the device of the one-time codes (TOTP): its secret, sealed; since when; the last step that was accepted
    factor_secret: Mapped[str | None] = mapped_column(String(200), deferred=True, info={"secret": True})
    factor_at: Mapped[datetime | None] = mapped_column(DateTime)
    factor_step: Mapped[int | None] = mapped_column(Integer, info={"secret": True})
    recovery_codes: Mapped[list[str] | None] = mapped_column(
        JSON(none_as_null=True), deferred=True, info={"secret": True}
    )
    #: what the name is found by, beside its characters: pinyin and initials, each after a blank
    search_key: Mapped[str | None] = mapped_column(String(600), info={"secret": True})
    version: Mapped[int | None] = mapped_column(Integer, default=1)
    updated_by_name: Mapped[str | None] = mapped_column(String(64))

    created_at = synonym("created_on", info={"field": columns.MomentField(_("建立日期"), automatic=True)})
    updated_at = synonym("changed_on")

    assignments: Mapped[list[Assignment]] = relationship(
        "Assignment", back_populates="account", cascade="all, delete-orphan", order_by="Assignment.id"
    )

    #: the storey above knows how to make a password; it puts its function here
    issue_password: ClassVar[Callable[[Account, Actor], str]]
    #: a password that has just been made, to be shown once; never stored in clear
    one_time_password = ""
    _wants_admin = None

    virtual = {
        "unit_id": PlaceField(_("所属单位"), "unit", required=True),
        "rights": RightsField(_("用户权限"), required=True, wide=True),
        "is_unit_admin": columns.YesNoField(_("是否用户管理员")),
        "display_layer": columns.CountField(_("显示层"), least=1, rules=(_at_most_six_layers,)),
    }
    rules = (
        login_name_is_free,
        opens_no_others_door,
        has_a_unit_and_rights,
        unit_has_one_administrator,
        keeps_ones_own_administration,
        certificate_is_named,
    )
    steps = (
        Step(
            "reset_password",
            _("重置口令"),
            guards=(is_below_or_beside, is_not_oneself),
            icon="key",
            confirm=_(
                "原口令立即失效，该人员会被退出登录。系统将给出一个一次性口令，请当面或用其他可靠方式告知本人。"
            ),
        ),
        Step(
            "reset_factor",
            _("重置动态口令"),
            guards=(is_below_or_beside, is_not_oneself, has_a_factor),
            icon="qrcode",
            confirm=_(
                "原来绑定的手机和恢复码立即失效，该人员会被退出登录，口令同时重置：单凭旧口令不能再绑定新手机。"
                "系统将给出一个一次性口令，请核对本人身份后当面告知。"
            ),
            listed=False,
            applies=lambda account, _actor: account.factor_at is not None,
        ),
    )
    edit_guards = (is_below_or_beside,)
    delete_guards = (is_below_or_beside, is_not_oneself)
    constraint_words = {
        "uq_ab_user_username": ("login_name", _("该登录名已被使用，请换一个")),
        "uq_ab_user_email": ("email", _("该电子邮件已被使用")),
        "uq_ab_user_mobile": ("mobile", _("该手机号已被使用")),
        "uq_assignment_unit_admin": ("rights", _("该单位已有用户管理员，每个单位最多一人")),
    }

    @validates("first_name")
    def _index_name(self, _key: str, name: str | None) -> str | None:
        self.search_key = search_key(name or "")
        return name

    @validates("certificate_serial")
    def _spell_serial(self, _key: str, serial: str | None) -> str | None:
        return plain_serial(serial or "") or None

    @classmethod
    def called(cls, words: str) -> ColumnElement[bool]:
        """查询人员: by a part of the name or of the login name, or by the pinyin or initials of the name from its start."""
        named = cls.first_name.contains(words, autoescape=True)
        found = or_(named, func.lower(cls.username).contains(words.lower(), autoescape=True))
        letters = names.latin(words)
        return or_(found, cls.search_key.contains(f" {letters}", autoescape=True)) if letters else found

    @classmethod
    def resource(cls) -> str:
        """FAB keeps the table's name; everything else says ``account``."""
        return "account"

    @classmethod
    def scope(cls, who: Actor) -> ColumnElement[bool]:
        """People assigned to the actor's unit or below (AID-R206), and oneself."""
        below = select(Assignment.account_id).where(tree.under(Assignment.unit_path, who.path))
        return cls.id.in_(below) | (cls.id == who.account_id)

    @classmethod
    def asked_by(cls, name: str) -> Any:
        """The unit is that of the first assignment, which the aid system knows alone."""
        if name != "unit_id":
            return super().asked_by(name)
        mine = select(func.min(Assignment.unit_id)).where(Assignment.account_id == cls.id)
        return mine.correlate(cls).scalar_subquery()

    def in_scope(self, who: Actor) -> bool:
        """Assigned inside the actor's subtree, or oneself."""
        mine = self.assignment
        gone = mine is None and self.active is False  # found in scope, and leaving it now
        return (
            gone
            or self.id == who.account_id
            or (mine is not None and tree.contains(who.path, mine.unit_path or ""))
        )

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

    @is_unit_admin.setter
    def is_unit_admin(self, value: bool | None) -> None:
        self._wants_admin = value

    @property
    def display_layer(self) -> int | None:
        """The layer of the unit's people that the person is shown in (AID-R220)."""
        return self.assignment.display_layer if self.assignment else None

    @display_layer.setter
    def display_layer(self, value: int | None) -> None:
        self._assigned().display_layer = value or 1

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
        self.gender = self.gender or "male"
        self._settle_administration()
        is_shut = not self.active and inspect(self).attrs.active.history.deleted
        if is_shut or (self.id and _changed(self, *CERTIFICATE)):
            self.session_version = (self.session_version or 1) + 1

    def _settle_administration(self) -> None:
        """是否用户管理员 and the right are one thing: a typed value counts when it differs from what was stored."""
        was = self._was_admin()
        if self._wants_admin is not None and self._wants_admin != was and self.assignments:
            others = [name for name in self.rights if name != ADMINISTRATION]
            self.rights = [*others, ADMINISTRATION] if self._wants_admin else others
        self._wants_admin = None

    def _was_admin(self) -> bool:
        if self.id is None or not self.assignments:
            return False
        changed = inspect(self.assignments[0]).attrs.admin_slot.history
        return bool((changed.deleted or [self.assignments[0].admin_slot])[0])

    def settle(self, actor: Actor) -> None:
        """A new person gets a password that is shown once (in place of AID-R216)."""
        super().settle(actor)
        if self.password is None:
            self.one_time_password = self.issue_password(actor)
            session_of(self).flush()  # the caller reads the version that is stored

    def on_reset_password(self, actor: Actor) -> None:
        """The former password and every session end; the new one must be changed at the first login."""
        self.one_time_password = self.issue_password(actor)

    def on_reset_factor(self, actor: Actor) -> None:
        """The device is forgotten and the password goes with it, so that an old password alone binds no new one (Q01)."""
        self.forget_factor()
        self.one_time_password = self.issue_password(actor)

    def forget_factor(self) -> None:
        """No device, no recovery codes."""
        self.factor_secret = self.factor_at = self.factor_step = self.recovery_codes = None

    def remove(self, actor: Actor) -> Any:
        """The person goes, his records and his name in them stay (AID-R219, docs/decisions/0010).

        He leaves his unit, every list and every session; his login name, address and number are free again.
        """
        self.assignments = []
        self.active, self.password, self.session_version = False, None, (self.session_version or 1) + 1
        self.login_name, self.email, self.mobile = f"{self.login_name[:40]}~{self.id}", None, None
        self.certificate_required, self.certificate_serial = False, None
        self.forget_factor()
        self.stamp(actor)
        session_of(self).flush()


Account.password.property.columns[0].info["secret"] = True
Account.email.property.columns[0].info["field"] = columns.TextField(_("电子邮件"), 100, rules=(rules.email,))
