"""Passwords: named profiles, one-time passwords, and the one place that stores a password.

mlps3   GB/T 22239-2019 level 3 as it is practised: length, classes, history, 90 days
asvs    OWASP ASVS: longer, nothing prescribed, nothing common, no expiry
"""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from flask import current_app
from flask_babel import lazy_gettext as _
from werkzeug.security import check_password_hash, generate_password_hash

from app.kit.record import session_of
from app.kit.scope import Actor
from app.models.account import Account
from app.security import attempts

#: beyond it nothing is gained, and a hash should not be fed megabytes
MAX_LENGTH = 128
#: a one-time password is good for so long (DESIGN §10)
ONE_TIME = timedelta(hours=72)
#: without look-alikes: 0 O o, 1 l I
_CLEAR = "".join(c for c in string.ascii_letters + string.digits if c not in "0Oo1lI")


@dataclass(frozen=True)
class Policy:
    """What a password must be."""

    min_length: int
    classes: int = 0
    history: int = 0
    max_age: timedelta | None = None
    refuses_common: bool = False

    def problems(self, password: str, login_name: str = "", former: tuple[str, ...] = ()) -> list[Any]:
        """Every reason why the password is not accepted; ``former`` are hashes, the newest first."""
        found: list[Any] = []
        if len(password) < self.min_length:
            found.append(_("密码至少%(n)s个字符", n=self.min_length))
        if len(password) > MAX_LENGTH or not password.isprintable():
            found.append(_("密码最多%(n)s个字符，且不能含控制字符", n=MAX_LENGTH))
        if _classes(password) < self.classes:
            found.append(_("密码须包含大写字母、小写字母、数字、符号中的至少%(n)s类", n=self.classes))
        if len(login_name) > 1 and login_name.lower() in password.lower():
            found.append(_("密码不能包含登录名"))
        if self.refuses_common and _is_common(password):
            found.append(_("该密码过于常见，请换一个不易猜到的密码"))
        if (
            self.history
            and not found
            and any(check_password_hash(old, password) for old in former[: self.history])
        ):
            found.append(_("不能使用最近%(n)s次用过的密码", n=self.history))
        return found

    def is_overdue(self, changed_at: datetime | None, now: datetime) -> bool:
        """Whether a password has outlived its profile."""
        return self.max_age is not None and changed_at is not None and now - changed_at > self.max_age

    @property
    def hint(self) -> Any:
        """What to type, above the field."""
        if self.classes:
            return _(
                "至少%(n)s个字符，含大写字母、小写字母、数字、符号中的%(k)s类",
                n=self.min_length,
                k=self.classes,
            )
        return _("至少%(n)s个字符，建议使用容易记住的一句话", n=self.min_length)


POLICIES = {
    "mlps3": Policy(10, classes=3, history=5, max_age=timedelta(days=90)),
    "asvs": Policy(12, refuses_common=True),
}


def policy() -> Policy:
    """The profile in force. Raises KeyError for a name that there is not, at the first use."""
    return POLICIES[current_app.config["PASSWORD_POLICY"]]


def _classes(password: str) -> int:
    return sum(
        any(test(c) for c in password)
        for test in (str.isupper, str.islower, str.isdigit, lambda c: not c.isalnum() and not c.isspace())
    )


@cache
def _common() -> frozenset[str]:
    """The beginning of everybody's list, without digits and signs at the end."""
    return frozenset(Path(__file__).with_name("common.txt").read_text(encoding="utf-8").split())


def _is_common(password: str) -> bool:
    word = password.lower()
    stem = word.rstrip(string.digits + string.punctuation)
    steps = {ord(b) - ord(a) for a, b in pairwise(word)}
    return not stem or bool({word, stem} & _common()) or len(set(word)) < 5 or steps <= {1} or steps <= {-1}


def hashed(password: str) -> str:
    """A password as it is stored."""
    return generate_password_hash(password, current_app.config.get("FAB_PASSWORD_HASH_METHOD", "scrypt"))


def problems(account: Account, password: str) -> list[Any]:
    """Every reason why an account may not have this password, by the profile in force."""
    former = (account.password, *(account.password_history or ()))
    return policy().problems(password, account.login_name or "", tuple(old for old in former if old))


def set_password(account: Account, password: str, now: datetime) -> None:
    """Give a password that its owner chose; every session and token of the account ends."""
    keep = max(0, policy().history - 1)
    account.password_history = [old for old in (account.password, *(account.password_history or ())) if old][
        :keep
    ]
    account.password = hashed(password)
    account.password_changed_at, account.password_expires_at, account.must_change_password = now, None, False
    end_sessions(account)


def end_sessions(account: Account) -> None:
    """Every cookie and token that was handed out so far is dead."""
    account.session_version = (account.session_version or 1) + 1


def spelled(digest: bytes) -> str:
    """A one-time password that follows from a digest, each letter as likely as another; empty when it makes none."""
    whole = 256 - 256 % len(_CLEAR)
    password = "".join(_CLEAR[byte % len(_CLEAR)] for byte in digest if byte < whole)[:12]
    return password if len(password) == 12 and _classes(password) > 2 else ""


def one_time_password() -> str:
    """Twelve characters that can be read out over the telephone, of three classes."""
    while True:
        password = readable(12)
        if _classes(password) > 2:
            return password


def readable(length: int) -> str:
    """So many random characters without look-alikes."""
    return "".join(secrets.choice(_CLEAR) for _place in range(length))


def issue_one_time_password(account: Account, actor: Actor) -> str:
    """A random password that must be changed at first login and dies after 72 hours (in place of AID-R216)."""
    password = one_time_password()
    set_password(account, password, actor.at)
    account.must_change_password, account.password_expires_at = True, actor.at + ONE_TIME
    if account.id:
        attempts.note(session_of(account), account.login_name, "reset", account, actor.at)
    return password
