"""Whether two household files may tell of one person: the keys under which they meet, and a score with its reasons.

    household((person("张伟", "110102…", born), …), phone, address)    what a file says, made comparable
    keys(household)                        files that share no key are never compared
    compare(one, other) -> Likeness        0 to 100, and why; from `THRESHOLD` on a clerk should look

Pure functions: no database, no clock. Who changes points, keys or forms here raises `EDITION`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from hashlib import blake2b
from itertools import product
from typing import Any

from flask_babel import lazy_gettext as _

from app.kit import identity, names

#: of points, keys and forms together: files keyed under another edition are keyed and compared anew
EDITION = 1
#: a pair below it is not told. Chosen on the training seed of tests/kit/test_alike.py, see docs/decisions/0025
THRESHOLD = 60

#: what agreement is worth. Two agreements of weight 20 – 30 about a person are not enough, since strangers reach them
#: by chance; a third one is, and so is a number that differs by one slip.
POINTS = {
    "number": 100,  # one number is one person (AID-R039), whatever else the files say
    "number_slip": 45,  # one digit, or two neighbours exchanged, and one of the numbers proves itself mistyped
    "number_near": 5,  # the same, but both check digits are right: twins, neighbours in a register
    "number_twice": 20,  # two digits, and one of the numbers proves itself mistyped
    "number_far": -30,  # both check digits are right and the numbers have little in common: two people
    "name": 30,
    "sound": 25,  # other characters, one pinyin
    "name_near": -5,  # one character of three and more
    "name_other": -45,
    "birthday": 20,
    "birthday_slip": 5,
    "birthday_other": -15,
    "address": 20,
    "phone": 20,
    "family": 15,  # another person of both files agrees by itself
}
#: points of two people from which they count as one beside others who agree
_AGREES = 50
#: at most so many further people give points
_MOST_FAMILY = 2

_NUMBER = re.compile(r"[1-9]\d{16}[\dX]")


# --- what a file says -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Person:
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
    plain, typed = names.squeeze(name or ""), identity.clean(number or "")
    normal = identity.normal(typed)
    if not _NUMBER.fullmatch(normal):
        normal = ""
    is_proved = len(typed) == 18 and bool(normal) and identity.check_digit(normal[:17]) == normal[17]
    day = f"{born.year:04}{born:%m%d}" if born else normal[6:14]
    return Person(plain, normal, is_proved, day, _sounds(plain))


@lru_cache(100_000)
def _sounds(name: str) -> frozenset[str]:
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
        if len(number) < 7 or len(set(number)) == 1 or number in "1234567890":
            continue
        found.add((area, number + "".join("-" + re.sub(r"\D", "", one) for one in extension)))
    return frozenset(found)


# --- where files meet -----------------------------------------------------------------------------------------


def keys(of: Household) -> dict[int, tuple[str, str]]:
    """What the file is found by: key → its kind and what it was made of.

    A number with one slip agrees with the right one in all but one of its four parts, or in all but the order of two
    digits where parts meet; the surname's sound keeps neighbours of a register apart. A name's sound alone would gather
    thousands; it is joined by birthday, telephone or house.
    """
    found = {}
    for index, one in enumerate(of.people):
        for kind, words in _keys(one, of if index == 0 else None):
            found[_hash(f"{kind}|{words}")] = (kind, words)
    return found


def _keys(one: Person, of: Household | None) -> Iterator[tuple[str, str]]:
    n = one.number
    if n:
        for surname in _sounds(one.name[:1]) or {""}:
            yield "division", f"{surname} {n[6:17]}"
            yield "year", f"{surname} {n[:6]} {n[10:17]}"
            yield "day", f"{surname} {n[:10]} {n[14:17]}"
            yield "order", f"{surname} {n[:14]}"
        joints = [n[:5], *sorted(n[5:7]), n[7:9], *sorted(n[9:11]), n[11:13], *sorted(n[13:15]), n[15:17]]
        yield "swap", "".join(joints)
    for sound in one.sounds:
        if one.born:
            yield "birthday", f"{sound} {one.born}"
        for _area, number in of.phones if of else ():
            yield "phone", f"{sound} {number}"
        if of and of.address.place:
            yield "address", f"{sound} {of.address.place}"


def _hash(words: str) -> int:
    """64 bits with a sign, as a database keeps them."""
    return int.from_bytes(blake2b(words.encode(), digest_size=8).digest(), "big", signed=True)


# --- how alike they are ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Likeness:
    """A score from 0 to 100 and the reasons, each a code of `WORDS` with what its words name."""

    score: int
    grounds: tuple[tuple[str, ...], ...]

    @property
    def is_told(self) -> bool:
        """Whether a clerk should look."""
        return self.score >= THRESHOLD


#: how each reason is said
WORDS: dict[str, Any] = {
    "number": _("身份证号相同"),
    "number_digit": _("身份证号第%(a)s位不同"),
    "number_swap": _("身份证号第%(a)s、%(b)s位互换"),
    "number_twice": _("身份证号有两位不同"),
    "number_doubt": _("其中一个号码校验位不符"),
    "name": _("姓名相同"),
    "sound": _("姓名同音"),
    "name_near": _("姓名一字之差"),
    "birthday": _("出生日期相同"),
    "birthday_slip": _("出生日期一位之差"),
    "address": _("同一住址"),
    "phone": _("同一电话"),
    "family": _("另有%(a)s名家庭成员相符"),
    "member": _("一方的户主是另一方的家庭成员"),
    "members": _("双方的家庭成员相符"),
}


def said(ground: Sequence[str]) -> str:
    """A reason in words."""
    return str(WORDS[ground[0]]) % dict(zip("ab", ground[1:], strict=False))


@dataclass(frozen=True, slots=True)
class _Match:
    points: int
    grounds: tuple[tuple[str, ...], ...]
    places: tuple[int, int]


def compare(one: Household, other: Household) -> Likeness:
    """How likely two files tell of one person: the two people who agree most, and what surrounds them."""
    ends = product(enumerate(one.people), enumerate(other.people))
    matches = sorted(
        (match for (i, a), (j, b) in ends if (match := _match(a, b, (i, j))) is not None),
        key=lambda match: (-match.points, match.places),
    )
    if not matches:
        return Likeness(0, ())
    best, *_rest = matches
    score, grounds = best.points, list(best.grounds)
    if best.places != (0, 0):
        grounds.append(("members",) if all(best.places) else ("member",))
    if _same_place(one.address, other.address):
        score, grounds = score + POINTS["address"], [*grounds, ("address",)]
    if _same_phone(one.phones, other.phones):
        score, grounds = score + POINTS["phone"], [*grounds, ("phone",)]
    if further := _further(matches):
        score, grounds = (
            score + POINTS["family"] * min(further, _MOST_FAMILY),
            [*grounds, ("family", str(further))],
        )
    return Likeness(min(max(score, 0), 100), tuple(grounds))


def _further(matches: Sequence[_Match]) -> int:
    """How many people beside the first two agree by themselves, each with one other."""
    taken = [set[int](), set[int]()]
    for match in matches:
        if match.points >= _AGREES and match.places[0] not in taken[0] and match.places[1] not in taken[1]:
            taken[0].add(match.places[0])
            taken[1].add(match.places[1])
    return max(len(taken[0]) - 1, 0)


def _match(a: Person, b: Person, places: tuple[int, int]) -> _Match | None:
    """What two people have in common; None for nothing worth telling."""
    if a.number and a.number == b.number:
        return _Match(POINTS["number"], (("number",), *_name(a, b)[1]), places)
    number, of_number = _numbers(a, b)
    name, of_name = _name(a, b)
    are_two = a.is_proved and b.is_proved
    if name == "name_near" and are_two:
        name, of_name = "name_other", ()  # sisters and twins share a character
    if name == "name_other" and number not in {"number_slip", "number_twice"}:
        return None
    born, of_birth = _born(a, b)
    points = sum(POINTS.get(fact, 0) for fact in (number, name, born))
    return _Match(points, (*of_number, *of_name, *of_birth), places)


_Told = tuple[str, tuple[tuple[str, ...], ...]]


def _numbers(a: Person, b: Person) -> _Told:
    if not a.number or not b.number:
        return "", ()
    are_two = a.is_proved and b.is_proved
    slip = _slip(a.number[:17], b.number[:17]) or (
        _slip(a.number, b.number) if a.number[:17] == b.number[:17] else None
    )
    if slip:
        doubt = () if are_two else (("number_doubt",),) if _has_wrong_check(a, b) else ()
        return "number_near" if are_two else "number_slip", (slip, *doubt)
    apart = sum(x != y for x, y in zip(a.number[:17], b.number[:17], strict=True))
    if are_two:
        return "number_far", ()
    return ("number_twice", (("number_twice",),)) if apart == 2 else ("", ())


def _has_wrong_check(*people: Person) -> bool:
    return any(identity.check_digit(p.number[:17]) != p.number[17] for p in people)


def _slip(x: str, y: str) -> tuple[str, ...] | None:
    """The one place in which two texts differ, or the two neighbours that are exchanged; None for anything else."""
    wrong = [index for index, (one, other) in enumerate(zip(x, y, strict=True)) if one != other]
    if len(wrong) == 1:
        return ("number_digit", str(wrong[0] + 1))
    if (
        len(wrong) == 2
        and wrong[1] == wrong[0] + 1
        and x[wrong[0]] == y[wrong[1]]
        and x[wrong[1]] == y[wrong[0]]
    ):
        return ("number_swap", str(wrong[0] + 1), str(wrong[1] + 1))
    return None


def _name(a: Person, b: Person) -> _Told:
    if not a.name or not b.name:
        return "", ()
    if a.name == b.name:
        return "name", (("name",),)
    if a.sounds & b.sounds:
        return "sound", (("sound",),)
    if min(len(a.name), len(b.name)) >= 2 and max(len(a.name), len(b.name)) >= 3 and _is_near(a.name, b.name):
        return "name_near", (("name_near",),)
    return "name_other", ()


def _is_near(x: str, y: str) -> bool:
    """One character is another, or too many."""
    if len(x) == len(y):
        return sum(one != other for one, other in zip(x, y, strict=True)) == 1
    short, long = sorted((x, y), key=len)
    return len(long) == len(short) + 1 and any(long[:n] + long[n + 1 :] == short for n in range(len(long)))


def _born(a: Person, b: Person) -> _Told:
    if not a.born or not b.born:
        return "", ()
    if a.born == b.born:
        return "birthday", (("birthday",),)
    if _slip(a.born, b.born):
        return "birthday_slip", (("birthday_slip",),)
    return "birthday_other", ()


def _same_place(a: Address, b: Address) -> bool:
    """The same house, unless both name an area and no area in common."""
    return bool(a.place) and a.place == b.place and (not a.areas or not b.areas or bool(a.areas & b.areas))


def _same_phone(a: frozenset[tuple[str, str]], b: frozenset[tuple[str, str]]) -> bool:
    return any(x == y and (not p or not q or p == q) for (p, x), (q, y) in product(a, b))
