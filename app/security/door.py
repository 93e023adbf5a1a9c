"""Name, password and second factor: judged, counted, logged. Form and REST come through the same door."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from flask import current_app
from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement, func, or_, select
from werkzeug.security import check_password_hash

from app.kit import clock, scope
from app.kit.columns import Wrong, clean
from app.kit.database import db
from app.kit.errors import Anonymous, AppError
from app.models.account import Account
from app.models.login_attempt import COUNTED
from app.security import attempts, certificate, factors, policy
from app.security.visitor import Visitor, load

WRONG_CODE = _("动态口令或恢复码不正确；连续5次不正确，账号将锁定10分钟")
USED_CODE = _("这个动态口令已经用过，请等手机上出现下一个再填写")
NO_CARD = _("该账号须使用数字证书登录：请插入USBKey，从数字证书入口打开本系统")


class Denied(Anonymous):
    """Name and password do not open the door."""


class Locked(AppError):
    """Too many failures; the door stays shut for a while."""

    status = 429


class CodeWanted(Denied):
    """Name and password are right; the code of the second factor is still to come. ``key`` says whose."""

    def __init__(self, key: str) -> None:
        super().__init__(_("该账号已绑定动态口令，请同时提交动态口令或恢复码"))
        self.key = key


@dataclass(frozen=True)
class Came:
    """Who has come in, and by which factor."""

    visitor: Visitor
    factor: str


#: what became of a knock: the account if there is one, the outcome, and by which factor
Knock = tuple[Account | None, str, str]


def authenticate(
    typed: Any, password: Any, code: Any = None, *, is_solved: Callable[[], bool] | None = None
) -> Came:
    """Who has this login name, e-mail address or mobile number, this password, and this code if he needs one. Commits.

    ``is_solved`` tells whether the page's puzzle was answered; it is asked after failures only.

    Raises Denied when it is unknown, wrong, inactive or its one-time password has expired; CodeWanted when only the
    code is missing; Locked after too many failures of the account or the address.
    """
    name, secret = _readable(typed), _readable(password, strip=False)
    if not name or not secret:
        raise Denied(_("请填写用户名和密码"))
    return _let_in(lambda now: _knock(name, secret, code, now, is_solved), name)


def complete(key: str, code: Any) -> Came:
    """Who gave his password on the page before, with the code. Commits. Raises Denied or Locked."""
    number, _dot, version = key.partition(".")

    def knock(now: datetime) -> Knock:
        account = _locked(Account.id == int(number))
        if account is None or str(account.session_version or 1) != version or not account.active:
            return account, "inactive", ""
        if attempts.locked_until(db.session, "", account.id, now):
            return account, "locked", ""
        return account, *_second(account, code)

    return _let_in(knock, "")


def is_doubtful(typed: Any) -> bool:
    """Whether the login page has to show a puzzle: to this address, or for the name in it."""
    name = _readable(typed)
    with scope.acting(scope.SYSTEM):
        account = _named(name) if name else None
        return attempts.is_doubtful(db.session, name, account.id if account else None, clock.now())


def _let_in(knock: Callable[[datetime], Knock], name: str) -> Came:
    now = clock.now()
    with scope.acting(scope.SYSTEM):
        account, outcome, factor = knock(now)
        key = f"{account.id}.{account.session_version or 1}" if account else ""
        attempts.note(
            db.session, name, "code" if outcome == "used" else outcome, account, now, factor or None
        )
        if account and outcome == "in":
            account.last_login, account.login_count = now, (account.login_count or 0) + 1
        if account and outcome in {"in", *COUNTED}:
            account.fail_login_count = 0 if outcome == "in" else (account.fail_login_count or 0) + 1
        db.session.commit()
    visitor = load(key) if outcome == "in" else None
    if visitor is None:
        raise CodeWanted(key) if outcome == "half" else _refusal(outcome)
    return Came(visitor, factor)


def confirm(visitor: Visitor, password: Any) -> bool:
    """Whether the visitor knows his own password; a failure counts. Commits. Raises Locked."""
    secret = _readable(password, strip=False)
    return _confirmed(visitor, lambda account, now: _judge(account, secret, now)) in {"in", "expired"}


def confirm_code(visitor: Visitor, code: Any) -> str:
    """What comes of the visitor's second factor, asked anew: ``in``, ``code``, ``used`` or ``no_card``.

    A failure counts. Commits. Raises Locked.
    """
    return _confirmed(visitor, lambda account, _now: _second(account, code)[0])


def _confirmed(visitor: Visitor, judge: Callable[[Account, datetime], str]) -> str:
    """What comes of a proof within a session; a success is no login and is not noted."""
    now = clock.now()
    with scope.acting(scope.SYSTEM):
        account = _locked(Account.id == visitor.id)
        if account is None:
            raise Anonymous
        is_shut = attempts.locked_until(db.session, "", account.id, now)
        outcome = "locked" if is_shut else judge(account, now)
        if outcome not in {"in", "expired"}:
            attempts.note(db.session, "", "code" if outcome == "used" else outcome, account, now)
        db.session.commit()
    if outcome == "locked":
        raise _refusal(outcome)
    return outcome


def _knock(name: str, password: str, code: Any, now: datetime, is_solved: Callable[[], bool] | None) -> Knock:
    """What comes of name, password and code.

    The account's row is locked, so that parallel guesses are counted one after the other.
    """
    account = _named(name, is_locked=True)
    number = account.id if account else None
    if attempts.locked_until(db.session, name, number, now):
        return account, "locked", ""
    if is_solved and attempts.is_doubtful(db.session, name, number, now) and not is_solved():
        return account, "captcha", ""
    outcome = _judge(account, password, now)
    if account is None or outcome != "in":
        return account, outcome, ""
    return account, *_second(account, code)


def _second(account: Account, code: Any) -> tuple[str, str]:
    """What comes of the second factor, and which it was."""
    kind = factors.kind_of(account)
    if not kind:
        return "in", "password"
    if kind == "certificate":
        return ("in", kind) if certificate.is_shown_by(account) else ("no_card", "")
    if code is None or code == "":
        return "half", ""
    proof = factors.prove(account, code)
    return ("in", proof) if proof in {"totp", "recovery"} else (proof or "code", "")


def _refusal(outcome: str) -> AppError:
    if outcome == "locked":
        return Locked(_("账号已锁定，请10分钟后再试；如忘记密码，请联系本单位管理员重置"))
    words = {
        "inactive": _("账号已停用，请联系本单位管理员"),
        "expired": _("一次性密码已超过72小时，不能再用，请联系本单位管理员重新发放"),
        "captcha": _("请填写验证码；验证码不正确或已过期的，请按新的验证码填写"),
        "code": WRONG_CODE,
        "used": USED_CODE,
        "no_card": NO_CARD,
    }
    return Denied(words.get(outcome, _("用户名或密码不正确；连续5次不正确，账号将锁定10分钟")))


def _readable(typed: Any, *, strip: bool = True) -> str:
    """Typed text of a bounded length; empty for what cannot be text."""
    try:
        cleaned = clean(typed)
    except Wrong:
        return ""
    return (cleaned if strip else str(typed))[: 4 * policy.MAX_LENGTH]


def _named(name: str, *, is_locked: bool = False) -> Account | None:
    """The account that is called so: by login name, else e-mail address, else mobile number."""
    low = name.lower()
    by_name = or_(Account.username == name, func.lower(Account.username) == low)
    by_mail = or_(Account.email == name, func.lower(Account.email) == low)
    found = select(Account).where(or_(by_name, by_mail, Account.mobile == name)).order_by(Account.id)
    if is_locked:
        found = found.with_for_update(key_share=True).execution_options(populate_existing=True)
    accounts = list(db.session.scalars(found))
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


def _locked(which: ColumnElement[bool]) -> Account | None:
    """One account as it now is, its row locked."""
    found = select(Account).where(which).with_for_update(key_share=True)
    return db.session.scalar(found.execution_options(populate_existing=True))


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
