"""Resident identity numbers (GB 11643-1999): shape, check digit, date of birth, sex.

Every function is pure. Whether a number is taken is asked of :mod:`app.kit.claims`.
"""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache
from operator import mul
from typing import Any

from flask_babel import lazy_gettext as _

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS = "10X98765432"
_FULL_WIDTH = {ord("０") + n: str(n) for n in range(10)} | {ord(c): "X" for c in "ｘＸx"}
_BLANKS = re.compile(r"[\s\u3000\u200b\ufeff-]")
_SHAPE = re.compile(r"[1-9]\d{14}|[1-9]\d{16}[\dX]")


@lru_cache(4096)  # the rules ask for the same few numbers again and again, a chunk of an import for its own
def clean(number: str) -> str:
    """The number without blanks, in half-width digits and capital X."""
    return _BLANKS.sub("", number).translate(_FULL_WIDTH).upper()


def check_digit(first17: str) -> str:
    """ISO 7064 MOD 11-2 over the first seventeen digits."""
    return _CHECKS[sum(map(mul, map(int, first17), _WEIGHTS)) % 11]


@lru_cache(4096)
def normal(number: str) -> str:
    """The 18 characters under which a number is the same person's: a 15-digit one is converted (AID-R042)."""
    number = clean(number)
    if re.fullmatch(r"\d{15}", number):
        first17 = f"{number[:6]}19{number[6:]}"
        return first17 + check_digit(first17)
    return number


def birth_date(number: str) -> date | None:
    """The date of birth inside the number; None when there is none."""
    number = normal(number)
    try:
        return date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return None


def gender(number: str) -> str | None:
    """``male`` or ``female`` after the last digit of the sequence; None for a malformed number."""
    number = normal(number)
    return ("male" if int(number[16]) % 2 else "female") if _SHAPE.fullmatch(number) else None


def fault(number: str, today: date) -> Any:
    """Why a number cannot be one at all, in words; None when its shape and date are right (AID-R041, R043)."""
    number = clean(number)
    if not _SHAPE.fullmatch(number):
        return _("身份证号应为15位数字，或17位数字加一位数字或X")
    born = birth_date(number)
    if born is None:
        return _("身份证号中的出生日期不存在")
    if born > today:
        return _("身份证号中的出生日期晚于今天")
    if born.year < 1880:
        return _("身份证号中的出生日期不合理")
    return None


def doubt(number: str) -> Any:
    """Why a well-formed number may be mistyped: its check digit (AID-R044, a warning); None when it is right."""
    number = clean(number)
    if len(number) == 18 and _SHAPE.fullmatch(number) and check_digit(number[:17]) != number[17]:
        return _("身份证号校验位不符，请核对末位「%(last)s」", last=number[17])
    return None


def mask(number: str | None) -> str:
    """The number with its middle hidden."""
    number = number or ""
    return f"{number[:6]}{'*' * 8}{number[-4:]}" if len(number) >= 15 else "*" * len(number)
