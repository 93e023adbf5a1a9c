"""The second factor: who needs one, and how he proves it (AID-R004, R110, Q01).

Until one-time codes come, the proof is the account's own password, typed again and counted like a login: see
docs/decisions/0029. What takes its place changes this file alone.
"""

from __future__ import annotations

from typing import Any

from flask import current_app
from flask_babel import lazy_gettext as _
from sqlalchemy import select

from app.kit.database import db
from app.kit.errors import Anonymous
from app.kit.pages import FieldView
from app.kit.scope import Actor
from app.models.account import Account
from app.models.assignment import ADMINISTRATION
from app.security import door
from app.security.visitor import visitor

#: what the proof is called in a form and over REST
FIELD = "password"


def required(who: Actor) -> str:
    """Which factor the account has to show, empty for none: certificate users and administrators of provinces.

    The synthetic accounts of the demo country need none unless UNIONDESK_SECOND_FACTOR says so (DESIGN §8).
    """
    account = db.session.execute(
        select(Account.certificate_required, Account.is_synthetic).where(Account.id == who.account_id)
    ).one_or_none()
    if account is None:
        return ""
    is_asked = current_app.config["SECOND_FACTOR"] or not account.is_synthetic
    is_provincial = who.level == "province" and ADMINISTRATION in who.rights
    return FIELD if account.certificate_required or (is_provincial and is_asked) else ""


def field(errors: list[Any]) -> FieldView:
    """What is asked for."""
    return FieldView(
        FIELD,
        _("登录密码"),
        "password",
        required=True,
        errors=errors,
        hint=_("下载档案数据须再次验证本人身份"),
    )


def fault(typed: Any) -> Any:
    """Why the proof is not accepted; None when it is. A failure counts; commits. Raises Locked."""
    who = visitor()
    if who is None:
        raise Anonymous
    if not isinstance(typed, str) or not typed:
        return _("请填写登录密码，以验证本人身份")
    return None if door.confirm(who, typed) else _("密码不正确；连续5次不正确，账号将锁定10分钟")
