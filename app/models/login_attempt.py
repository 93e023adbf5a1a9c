"""登录日志: every login, refusal and logout; written once, never changed (DESIGN §10)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask_appbuilder import Model
from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement, DateTime, Index, String, event, select
from sqlalchemy.orm import Mapped, mapped_column

from app.kit import tree
from app.kit.scope import Actor, Scoped
from app.models.assignment import Assignment

#: what became of an attempt
OUTCOMES = {
    "in": _("登录"),
    "out": _("退出"),
    "wrong": _("用户名或密码不正确"),
    "locked": _("锁定期间尝试"),
    "inactive": _("账号已停用"),
    "expired": _("一次性密码已过期"),
    "reset": _("发放一次性密码"),
    "changed": _("修改密码"),
}

#: a run of failures ends with one of these
ENDS_A_RUN = ("in", "reset", "changed")


class LoginAttempt(Scoped, Model):
    """One knock at the door. Source: DESIGN §10.

    ``account_id`` is no foreign key: the log outlives the account (AID-R219).
    """

    __tablename__ = "login_attempt"
    __table_args__ = (
        Index("ix_login_attempt_name", "login_name", "id"),
        Index("ix_login_attempt_account", "account_id", "id"),
        Index("ix_login_attempt_address", "address", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(DateTime)
    login_name: Mapped[str] = mapped_column(String(100))
    account_id: Mapped[int | None] = mapped_column()
    address: Mapped[str] = mapped_column(String(45))
    outcome: Mapped[str] = mapped_column(String(10))

    @classmethod
    def scope(cls, who: Actor) -> ColumnElement[bool]:
        """One's own, and those of the people of the actor's unit and below."""
        below = select(Assignment.account_id).where(tree.under(Assignment.unit_path, who.path))
        return (cls.account_id == who.account_id) | cls.account_id.in_(below)

    def in_scope(self, who: Actor) -> bool:
        """Written by the login itself and beside an account that has been judged."""
        return True


@event.listens_for(LoginAttempt, "before_update")
@event.listens_for(LoginAttempt, "before_delete")
def _is_append_only(_mapper: Any, _connection: Any, attempt: LoginAttempt) -> None:
    raise RuntimeError(f"login_attempt {attempt.id} is never changed")
