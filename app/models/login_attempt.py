"""登录日志: every login, refusal and logout; written once, never changed (DESIGN §10)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask_appbuilder import Model
from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement, DateTime, Index, Integer, String, event, false, select, true
from sqlalchemy.orm import Mapped, mapped_column

from app.kit import columns, tree
from app.kit.oneof import OneOfField
from app.kit.record import Row
from app.kit.scope import Actor, Scoped
from app.models.assignment import ADMINISTRATION
from app.models.unit import Unit

#: what became of an attempt
OUTCOMES = {
    "in": _("登录"),
    "out": _("退出"),
    "wrong": _("用户名或密码不正确"),
    "half": _("密码正确，待验证动态口令"),
    "code": _("动态口令不正确"),
    "no_card": _("没有出示登记的数字证书"),
    "captcha": _("验证码未填或不正确"),
    "locked": _("锁定期间尝试"),
    "inactive": _("账号已停用"),
    "expired": _("一次性密码已过期"),
    "reset": _("发放一次性密码"),
    "changed": _("修改密码"),
    "declined": _("首次登录：单位信息有误，取消"),
    "confirmed": _("首次登录：信息已核实"),
    "bound": _("绑定动态口令"),
    "unbound": _("解除动态口令"),
    "renewed": _("更换恢复码"),
}
#: by what the person proved who he is
FACTORS = {
    "password": _("密码"),
    "totp": _("密码和动态口令"),
    "recovery": _("密码和恢复码"),
    "certificate": _("密码和数字证书"),
}

#: failures that count towards the lock: of the password, and of the second factor alike
COUNTED = ("wrong", "code")
#: a run of failures ends with one of these; a password that is right ends none while its code is missing
ENDS_A_RUN = ("in", "reset", "changed")


class InstantField(columns.MomentField):
    """A moment whose hour matters in a list too."""

    def short(self, value: Any) -> str:
        """Date and time."""
        return self.text(value)


class LoginAttempt(Row, Model):
    """One knock at the door. Source: DESIGN §10.

    Nothing here is a foreign key: the log outlives account and unit (AID-R219). The unit is that of the moment, so that
    its administrator goes on seeing what happened there when the person has moved. What was typed as a name that
    nobody has is kept as a keyed digest: it may be a password in the wrong field.
    """

    __tablename__ = "login_attempt"
    __label__ = _("登录日志")
    __table_args__ = (
        Index("ix_login_attempt_name", "login_name", "id"),
        Index("ix_login_attempt_account", "account_id", "id"),
        Index("ix_login_attempt_address", "address", "id"),
        Index("ix_login_attempt_address_at", "address", "at"),
        Index("ix_login_attempt_unit", "unit_id", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = columns.column(InstantField(_("时间"), automatic=True), DateTime, nullable=False)
    person_name: Mapped[str | None] = columns.text(_("姓名"), 64, automatic=True)
    login_name: Mapped[str] = columns.text(_("登录名"), 100, automatic=True, nullable=False)
    unit_id: Mapped[int | None] = columns.column(
        columns.ReferenceField(_("所属单位"), "unit", automatic=True), Integer
    )
    unit_name: Mapped[str | None] = columns.text(_("单位"), 100, automatic=True)
    address: Mapped[str] = columns.text(_("来源地址"), 45, automatic=True, nullable=False)
    factor: Mapped[str | None] = columns.column(
        OneOfField(_("验证方式"), FACTORS, automatic=True), String(12)
    )
    outcome: Mapped[str] = columns.column(
        OneOfField(_("结果"), OUTCOMES, automatic=True), String(10), nullable=False
    )
    account_id: Mapped[int | None] = mapped_column()

    reach = _("有“用户管理”权限的：本单位和全部下级单位人员的；其他人：只有本人的")

    @classmethod
    def scope(cls, who: Actor) -> ColumnElement[bool]:
        """An administrator's: what happened at his unit and below, at the very top everything; anybody else's: his own.

        Never both in one predicate: an OR would have the whole book read for the list of a street.
        """
        if ADMINISTRATION not in who.rights:
            return cls.account_id == (who.account_id or 0)
        if who.level == "national":  # names that nobody has, and units that are gone
            return true()
        return cls.unit_id.in_(select(Unit.id).where(tree.under(Unit.path, who.path)))

    def in_scope(self, who: Actor) -> bool:
        """Written by the login itself and beside an account that has been judged."""
        return True

    @property
    def title(self) -> str:
        """Who and when."""
        return f"{self.person_name or self.login_name} {self.text('at')}"

    @property
    def unit(self) -> str:
        """What the unit was called."""
        return self.unit_name or ""


class LoginPuzzle(Scoped, Model):
    """A picture or question of the login page that has been answered: none is good twice."""

    __tablename__ = "login_puzzle"
    __table_args__ = (Index("ix_login_puzzle_at", "at"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    at: Mapped[datetime] = mapped_column(DateTime)

    @classmethod
    def scope(cls, who: Actor) -> ColumnElement[bool]:
        """Nobody's: the door alone looks."""
        return false()

    def in_scope(self, who: Actor) -> bool:
        """Nobody's."""
        return False


@event.listens_for(LoginAttempt, "before_update")
@event.listens_for(LoginAttempt, "before_delete")
def _is_append_only(_mapper: Any, _connection: Any, attempt: LoginAttempt) -> None:
    raise RuntimeError(f"login_attempt {attempt.id} is never changed")
