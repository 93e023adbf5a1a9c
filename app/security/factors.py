"""The second factor of an account: which one, who must have one, how it is proved (AID-R004, Q01).

totp         six digits of a device that was bound (RFC 6238): 30 seconds, one step of drift, none twice
recovery     one of ten codes that were shown once, each good once
certificate  the proxy's word about a client certificate, where certificates are switched on
"""

from __future__ import annotations

import hmac
import time
from datetime import datetime
from typing import Any

import pyotp
import segno
from flask import current_app

from app.models.account import Account
from app.models.assignment import ADMINISTRATION
from app.security import certificate, policy, sealing

#: seconds of a step, steps that a clock may be off, codes that are shown once
STEP, DRIFT, CODES = 30, 1, 10
_HALF_WIDTH = {ord("０") + n: str(n) for n in range(10)}


def kind_of(account: Any) -> str:
    """What the account has to show beside its password: ``totp``, ``certificate``, or nothing."""
    if account.certificate_required and account.certificate_serial and certificate.is_on():
        return "certificate"
    return "totp" if account.factor_at else ""


def is_due(account: Any, level: str | None, rights: frozenset[str]) -> bool:
    """Whether the account must have one: certificate users, and administrators of provinces (AID-R004).

    The synthetic accounts of the demo country are free of the second rule unless UNIONDESK_SECOND_FACTOR says so.
    """
    is_provincial = level == "province" and ADMINISTRATION in rights
    is_asked = current_app.config["SECOND_FACTOR"] or not account.is_synthetic
    return bool(account.certificate_required or (is_provincial and is_asked))


# --- the device -------------------------------------------------------------------------------------------------


def new_secret() -> str:
    """160 bits in base 32, as the apps want it."""
    return pyotp.random_base32()


def address_of(secret: str, login_name: str) -> str:
    """What the app reads from the picture."""
    name = str(current_app.config["APP_NAME"])
    return pyotp.TOTP(secret).provisioning_uri(name=login_name, issuer_name=name)


def picture_of(secret: str, login_name: str) -> str:
    """The QR code as SVG: dark on white in either theme."""
    code = segno.make(address_of(secret, login_name), error="m", micro=False)
    return str(code.svg_inline(omitsize=True, dark="#000", light="#fff", border=3))


def step_of(secret: str, typed: Any) -> int | None:
    """The step whose code was typed, now or one beside it; None when there is none."""
    code, now = spelled(typed), int(time.time()) // STEP
    if len(code) != 6 or not code.isdigit():
        return None
    found = None
    for step in range(now - DRIFT, now + DRIFT + 1):  # every step is compared, whichever matches
        if hmac.compare_digest(pyotp.TOTP(secret).generate_otp(step), code):
            found = step
    return found


def spelled(typed: Any) -> str:
    """What was typed without blanks and dashes, in half-width digits; empty for what is no text of ASCII."""
    if not isinstance(typed, str) or len(typed) > 100:
        return ""
    plain = "".join(typed.translate(_HALF_WIDTH).split()).replace("-", "")
    return plain if plain.isascii() else ""


def bind(account: Account, secret: str, step: int, at: datetime) -> list[str]:
    """Make the device with this secret the account's; ``step`` is the one just proved. Returns the recovery codes."""
    account.factor_secret = sealing.seal(f"totp {account.id}", secret)
    account.factor_at, account.factor_step = at, step
    policy.end_sessions(account)
    return renew_codes(account)


def renew_codes(account: Account) -> list[str]:
    """Ten new recovery codes, to be shown once; those before are dead."""
    codes = [policy.readable(10) for _code in range(CODES)]
    account.recovery_codes = [_kept(account, code) for code in codes]
    return [f"{code[:5]}-{code[5:]}" for code in codes]


def prove(account: Account, typed: Any) -> str:
    """By which factor this code proves the account's owner: ``totp`` or ``recovery``; empty when it does not.

    ``used`` is the right code of the device for the second time. The account's row is locked by the caller.
    """
    secret = sealing.unseal(f"totp {account.id}", account.factor_secret)
    step = step_of(secret, typed) if secret else None
    if step is not None:
        if step <= (account.factor_step or 0):
            return "used"
        account.factor_step = step
        return "totp"
    return "recovery" if _spend(account, typed) else ""


def _spend(account: Account, typed: Any) -> bool:
    """Whether this is a recovery code that has not been used; it is used now."""
    kept, mine = _kept(account, spelled(typed)), list(account.recovery_codes or ())
    left = [one for one in mine if not hmac.compare_digest(one, kept)]
    if len(left) == len(mine):
        return False
    account.recovery_codes = left
    return True


def _kept(account: Account, code: str) -> str:
    return sealing.digest(f"recovery {account.id}", code.upper())
