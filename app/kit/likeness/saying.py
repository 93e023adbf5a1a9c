"""What a household file says, made comparable: people, telephones, the house."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

from app.kit import identity, names

_NUMBER = re.compile(r"[1-9]\d{16}[\dX]")
_CLEAN_NUMBER = re.compile(r"[1-9][0-9]{16}[0-9X]")


class Person(NamedTuple):
    """One person of a file. ``number`` is 18 characters or empty; ``is_proved``: 18 were typed and the check is right."""

    name: str
    number: str
    is_proved: bool
    born: str
    sounds: frozenset[str]


@dataclass(frozen=True, slots=True)
class Address:
    """Road and numbers as one text, and the areas named before them; empty when it names no house."""

    place: str = ""
    areas: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Household:
    """What two files are compared by; the householder comes first."""

    people: tuple[Person, ...]
    phones: frozenset[tuple[str, str]]
    address: Address

    @property
    def fingerprint(self) -> str:
        """The same as long as nothing has changed that the score uses."""
        people = [(p.name, p.number, p.is_proved, p.born) for p in self.people]
        said = (
            people[:1],
            sorted(people[1:]),
            sorted(self.phones),
            self.address.place,
            sorted(self.address.areas),
        )
        return blake2b(repr(said).encode(), digest_size=8).hexdigest()


def household(people: Iterable[Person], phone: str | None, address: str | None) -> Household:
    """A file as it is compared."""
    return Household(tuple(people), phones(phone or ""), place(address or ""))


def person(name: str | None, number: str | None, born: date | None) -> Person:
    """A person as typed; the birthday inside the number stands in for one that is missing."""
    plain, typed = names.squeeze(name or ""), number or ""
    normal = typed
    if not _CLEAN_NUMBER.fullmatch(typed):  # most need no cleaning
        typed = identity.clean(typed)
        normal = identity.normal(typed)
        if not _NUMBER.fullmatch(normal):
            normal = ""
    is_proved = len(typed) == 18 and bool(normal) and identity.check_digit(normal[:17]) == normal[17]
    day = born.isoformat().replace("-", "") if born else normal[6:14]
    return Person(plain, normal, is_proved, day, sounds_of(plain))


@lru_cache(100_000)
def sounds_of(name: str) -> frozenset[str]:
    """As `names.sounds`, of which many are asked for again."""
    return names.sounds(name)


_AREA = re.compile(
    r"^\D{2,8}?(?:自治区|自治州|自治县|街道办事处|办事处|街道|地区|省|市|区|县|旗|州|盟|镇|乡)(?=\D{2,}\d|\D{2,}$)"
)
_HOUSE_WORDS = "号弄室楼栋幢座单层组队门户院巷排"
_CHINESE_NUMBER = re.compile(rf"[零〇一二三四五六七八九十百]+(?=[{_HOUSE_WORDS}])")
_NUMERALS = {"零": 0, "〇": 0} | {digit: n for n, digit in enumerate("一二三四五六七八九", 1)}
_PUNCTUATION = re.compile(r"[\s,.;:'\"()\[\]{}、。,;·]+")


def place(text: str) -> Address:
    """德外大街5号院3号楼502室, 北京市西城区德外大街5-3-502 and 德外大街五号3幢502 are one place."""
    plain = _PUNCTUATION.sub("", unicodedata.normalize("NFKC", text)).upper()
    plain = _CHINESE_NUMBER.sub(lambda found: str(_count(found[0])), plain)
    areas = set[str]()
    while found := _AREA.match(plain):
        areas.add(found[0])
        plain = plain[found.end() :]
    road, numbers = re.match(r"\D*", plain), re.findall(r"\d+|[A-Z]+", plain)
    named = re.sub(r"[^\w]|[A-Z]", "", road[0] if road else "")
    if len(named) < 2 or not any(number.isdigit() for number in numbers):
        return Address()
    return Address(f"{named}/{'-'.join(number.lstrip('0') or '0' for number in numbers)}", frozenset(areas))


def _count(word: str) -> int:
    """十二 → 12, 二〇三 → 203, 一百零五 → 105."""
    if not set(word) & {"十", "百"}:
        return int("".join(str(_NUMERALS[digit]) for digit in word))
    total = digit = 0
    for character in word:
        if character in _NUMERALS:
            digit = _NUMERALS[character]
        else:
            total += (digit or 1) * {"十": 10, "百": 100}[character]
            digit = 0
    return total + digit


_MOBILE = re.compile(r"(?:0086|86|0)?(1[3-9]\d{9})")
_FIXED = re.compile(r"(?:0086|86)?0?(10|2\d)(\d{8})|(?:0086|86)?0?([3-9]\d\d)(\d{7,8})")


#: typed in rows where a number was asked for
_ROW_OF_DIGITS = "1234567890"


def phones(text: str) -> frozenset[tuple[str, str]]:
    """Area code (or none) and number of each; placeholders like 00000000 are none."""
    found = set()
    for part in re.split(r"[、,;/]", unicodedata.normalize("NFKC", text)):
        main, *extension = re.split(r"[转*#]", part, maxsplit=1)
        digits = re.sub(r"\D", "", main)
        area, number = "", digits
        if mobile := _MOBILE.fullmatch(digits):
            number = mobile[1]
        elif len(digits) > 8 and (fixed := _FIXED.fullmatch(digits)):
            area, number = fixed[1] or fixed[3], fixed[2] or fixed[4]
        if len(number) < 7 or len(set(number)) == 1 or number in _ROW_OF_DIGITS:
            continue
        found.add((area, number + "".join("-" + re.sub(r"\D", "", one) for one in extension)))
    return frozenset(found)
