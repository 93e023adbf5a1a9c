"""Rules that any record may cite: of one value (words or nothing), or of a whole record (problems)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date
from email.headerregistry import Address
from typing import Any

from flask_babel import lazy_gettext as _

from app.kit.clock import today
from app.kit.errors import Problem

Rule = Callable[[Any], Iterator[Problem]]


def not_in_future(value: date) -> Any:
    """The date is today or earlier."""
    return _("不能晚于今天") if value > today() else None


def postcode(value: str) -> Any:
    """Six digits."""
    return None if re.fullmatch(r"\d{6}", value) else _("邮政编码应为6位数字")


def area_code(value: str) -> Any:
    """Three or four digits."""
    return None if re.fullmatch(r"\d{3,4}", value) else _("区号应为3至4位数字")


def telephone(value: str) -> Any:
    """Digits with the usual separators, five at least."""
    shape = re.fullmatch(r"[\d\s()（）+\-、,，;；/转*#]{5,30}", value)
    return None if shape and sum(c.isdigit() for c in value) >= 5 else _("电话号码应为数字")


def email(value: str) -> Any:
    """Something before and after one @, as any mail server takes it: ASCII, and an address to the library of letters."""
    whole = value.isascii() and re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s.]+", value)
    return None if whole and _heads_a_letter(value) else _("电子邮件地址不完整")


def _heads_a_letter(address: str) -> bool:
    try:
        return Address(addr_spec=address).addr_spec == address
    except Exception:  # noqa: BLE001 - its parser also stumbles: HeaderParseError, AttributeError
        return False
