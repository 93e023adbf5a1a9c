"""Whether two household files may tell of one person: the keys under which they meet, and a score with its reasons.

    household((person("张伟", "110102…", born), …), phone, address)    what a file says, made comparable
    keys(household)                        files that share no key are never compared
    entries(household) -> Entries          the same as they are stored and looked for, see there
    compare(one, other) -> Likeness        0 to 100, and why; from `THRESHOLD` on a clerk should look

Pure functions: no database, no clock. Who changes points or forms here raises `EDITION`; who changes keys, `KEYED_AS`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from flask_babel import lazy_gettext as _

from app.kit import identity
from app.kit.likeness.meeting import SIGNS, Entries, entries, keys
from app.kit.likeness.saying import Address, Household, Person, household, person, phones, place

__all__ = [
    "EDITION",
    "KEYED_AS",
    "POINTS",
    "SIGNS",
    "THRESHOLD",
    "WORDS",
    "Address",
    "Entries",
    "Household",
    "Likeness",
    "Person",
    "compare",
    "entries",
    "household",
    "keys",
    "person",
    "phones",
    "place",
    "said",
]

#: of points and forms: pairs that were put aside under another edition are looked at again
EDITION = 1
#: of the keys too: files keyed under another one are keyed and compared anew, and what was put aside stays so
KEYED_AS = 100 * EDITION + 2
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
    name, of_name = _name(a, b)
    if a.is_proved and b.is_proved and name in {"name_near", "name_other"}:
        return None  # sisters and twins share a character
    number, of_number = _numbers(a, b)
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
