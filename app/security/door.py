"""Name and password: judged, counted, logged. Form and REST come through the same door."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import Any

from flask import current_app
from flask_babel import lazy_gettext as _
from sqlalchemy import func, or_, select
from werkzeug.security import check_password_hash

from app.kit import clock, scope
from app.kit.columns import Wrong, clean
from app.kit.database import db
from app.kit.errors import Anonymous, AppError
from app.models.account import Account
from app.security import attempts, policy
from app.security.visitor import Visitor, load


class Denied(Anonymous):
    """Name and password do not open the door."""


class Locked(AppError):
    """Too many failures; the door stays shut for a while."""

    status = 429


def authenticate(typed: Any, password: Any) -> Visitor:
    """The visitor with this login name, e-mail address or mobile number and this password. Commits.

    Raises Denied when it is unknown, wrong, inactive or its one-time password has expired; Locked after too many
    failures of the account or the address.
    """
    name, secret = _readable(typed), _readable(password, strip=False)
    if not name or not secret:
        raise Denied(_("请填写用户名和密码"))
    with scope.acting(scope.SYSTEM):
        account, outcome = _knock(name, secret)
        key = f"{account.id}.{account.session_version or 1}" if account else ""
        if account and outcome == "in":
            account.last_login, account.login_count = clock.now(), (account.login_count or 0) + 1
        db.session.commit()
    visitor = load(key) if outcome == "in" else None
    if visitor is None:
        raise _refusal(outcome)
    return visitor


def confirm(visitor: Visitor, password: Any) -> bool:
    """Whether the visitor knows his own password; a failure counts. Commits. Raises Locked."""
    with scope.acting(scope.SYSTEM):
        _account, outcome = _knock(visitor.login_name, _readable(password, strip=False), silent=True)
        db.session.commit()
    if outcome == "locked":
        raise _refusal(outcome)
    return outcome in {"in", "expired"}


def _knock(name: str, password: str, *, silent: bool = False) -> tuple[Account | None, str]:
    """What comes of it, written into the log; ``silent`` leaves out a success, which is no login.

    The account's row is locked, so that parallel guesses are counted one after the other.
    """
    now, account = clock.now(), _find(name)
    number = account.id if account else None
    if attempts.locked_until(db.session, name, number, now):
        outcome = "locked"
    else:
        outcome = _judge(account, password, now)
    if outcome != "in" or not silent:
        attempts.note(db.session, name, outcome, number, now)
    if account:
        account.fail_login_count = 0 if outcome == "in" else (account.fail_login_count or 0) + 1
    return account, outcome


def _refusal(outcome: str) -> AppError:
    if outcome == "locked":
        return Locked(_("账号已锁定，请10分钟后再试；如忘记密码，请联系本单位管理员重置"))
    words = {
        "inactive": _("账号已停用，请联系本单位管理员"),
        "expired": _("一次性密码已超过72小时，不能再用，请联系本单位管理员重新发放"),
    }
    return Denied(words.get(outcome, _("用户名或密码不正确；连续5次不正确，账号将锁定10分钟")))


def _readable(typed: Any, *, strip: bool = True) -> str:
    """Typed text of a bounded length; empty for what cannot be text."""
    try:
        cleaned = clean(typed)
    except Wrong:
        return ""
    return (cleaned if strip else str(typed))[: 4 * policy.MAX_LENGTH]


def _find(name: str) -> Account | None:
    """The account that is called so: by login name, else e-mail address, else mobile number; its row locked."""
    low = name.lower()
    by_name = or_(Account.username == name, func.lower(Account.username) == low)
    by_mail = or_(Account.email == name, func.lower(Account.email) == low)
    found = select(Account).where(or_(by_name, by_mail, Account.mobile == name)).order_by(Account.id)
    accounts = list(db.session.scalars(found.with_for_update(key_share=True)))
    ranks: tuple[Callable[[Account], str | None], ...] = (
        lambda account: account.username,
        lambda account: account.email,
        lambda account: account.mobile,
    )
    for called in ranks:
        for account in accounts:
            if (called(account) or "").lower() == low:
                return account
    return None


@lru_cache(maxsize=1)
def _nobodys_hash(method: str) -> str:
    """What an unknown name is compared with, so that it takes as long as a known one."""
    return policy.hashed(f"nobody {method}")


def _judge(account: Account | None, password: str, now: datetime) -> str:
    stored = account.password if account else None
    good = check_password_hash(
        stored or _nobodys_hash(current_app.config.get("FAB_PASSWORD_HASH_METHOD", "")), password
    )
    if account is None or stored is None or not good:
        return "wrong"
    if not account.active:
        return "inactive"
    if account.password_expires_at and account.password_expires_at < now:
        return "expired"
    return "in"
