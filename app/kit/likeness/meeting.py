"""Where files meet: the keys of what they say, and how these are stored and looked for."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from typing import NamedTuple
from zlib import crc32

from app.kit.likeness.saying import Household, Person, sounds_of


def keys(of: Household) -> dict[int, tuple[str, str]]:
    """What the file is found by: key → its kind and what it was made of.

    A number with one slip agrees with the right one in all but one of its four parts, or in all but the order of two
    digits where parts meet; the surname's sound keeps neighbours of a register apart. A name's sound alone would gather
    thousands; it is joined by birthday, telephone or house.
    """
    return {_hash(f"{kind}|{words}"): (kind, words) for _one, kind, words in _keys(of)}


def _keys(of: Household) -> Iterator[tuple[Person, str, str]]:
    """Whose a key is, its kind, what it is made of."""
    for one in of.people:
        n = one.number
        if n:
            for surname in sounds_of(one.name[:1]) or {""}:
                yield one, "division", f"{surname} {n[6:17]}"
                yield one, "year", f"{surname} {n[:6]} {n[10:17]}"
                yield one, "day", f"{surname} {n[:10]} {n[14:17]}"
                yield one, "order", f"{surname} {n[:14]}"
            a, b, c, d, e, f = n[5:7], n[9:11], n[13:15], n[:5], n[7:9], n[11:13]
            yield one, "swap", f"{d}{_level(a)}{e}{_level(b)}{f}{_level(c)}{n[15:17]}"
        if one.born:
            for sound in one.sounds:
                yield one, "birthday", f"{sound} {one.born}"
    for one in of.people[:1]:
        for sound in one.sounds:
            for _area, number in of.phones:
                yield one, "phone", f"{sound} {number}"
            if of.address.place:
                yield one, "address", f"{sound} {of.address.place}"


def _level(two: str) -> str:
    """Two digits in the order of their size."""
    return two if two[0] <= two[1] else two[::-1]


#: the bits of a stored key that a sign takes; the others are the key itself
SIGNS = 0xFFFF
#: keys of which a right number's are signed
_SIGNED = frozenset({"division", "year", "day", "order"})


class Entries(NamedTuple):
    """How a file's keys are stored, and where its likes stand.

    Strangers share a part of a number by the hundred. If both their numbers are right, and the names sound otherwise,
    they have nothing in common (`_match`); so the parts of a right number are stored under key + sign, a sign for each sound
    of the name, and look only for their own sign and for the unsigned. Numbers that may be mistyped stand unsigned and look
    at everybody's. Who has the very same number is met by `swap`, which is never signed.
    """

    #: stored key → what it was made of, after its kind and a stroke
    kept: dict[int, str]
    #: stored keys under which the likes stand
    sought: set[int]
    #: keys whose every sign is looked at
    wide: set[int]


def entries(of: Household) -> Entries:
    """The keys of a file as they are stored and looked for."""
    kept: dict[int, str] = {}
    sought, wide = set[int](), set[int]()
    signs = {one: [_sign(sound) for sound in one.sounds] for one in of.people if one.is_proved}
    for one, kind, words in _keys(of):
        made_of = f"{kind}|{words}"
        key = _hash(made_of)
        if kind not in _SIGNED:
            kept[key] = made_of
            sought.add(key)
        elif stored := [key + sign for sign in signs.get(one, ())]:
            kept.update(dict.fromkeys(stored, made_of))
            sought.update(stored)
            sought.add(key)
        else:
            kept[key] = made_of
            wide.add(key)
    return Entries(kept, sought, wide)


def _hash(words: str) -> int:
    """64 bits as a database keeps them, the last of them free for a sign."""
    return int.from_bytes(blake2b(words.encode(), digest_size=6).digest(), "big", signed=True) << 16


def _sign(sound: str) -> int:
    """1 to 65535, the same in every process."""
    return crc32(sound.encode()) % SIGNS + 1
