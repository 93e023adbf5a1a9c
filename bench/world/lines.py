"""The lines that COPY reads, block by block: files, members, claims of identity numbers, keys of names.

A block is made from the seed and its number alone, so that two processes make the same people without a word between
them: one writes files and claims, the other members and keys of names.

Identity numbers are given by counting, not by drawing, so that none comes twice: the n-th person of a county gets the
n-th pair of birthday and sequence number in an order that jumps about the window of his age. (Ages within one household
are therefore independent of each other.)
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from app.kit import names, tree
from bench.world import called
from bench.world.templates import Household, Person
from bench.world.units import BUSY, Place

BLOCK = 20_000
NOW = datetime(2026, 3, 2, 9, 0)  # noqa: DTZ001 - wall time, as the product keeps it
#: files came in over eight years, in days
SPAN = 3000
#: distinct names that are drawn from; each keeps the frequencies of its parts
POOL = 400_000
#: at most so many persons of one household, the head included
SLOTS = 5
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS = "10X98765432"
#: first and last birthday of each window of age
_WINDOWS = (
    (date(2004, 9, 1), date(2024, 12, 31)),
    (date(1962, 1, 1), date(2001, 12, 31)),
    (date(1938, 1, 1), date(1959, 12, 31)),
)
_JUMP = 7919  # a prime that divides no window
#: which part of the files stands where: at the root; else anywhere between the root and the owner
AT_ROOT, RETURNED, CANCELLED = 0.74, 0.2, 0.03


def _sum(digits: str, start: int) -> int:
    return sum(int(digit) * _WEIGHTS[start + place] for place, digit in enumerate(digits))


def _birthdays() -> list[list[tuple[str, str, int]]]:
    """A window of age → its days: as in the number, as a date, and their part of the check sum."""
    found = []
    for first, last in _WINDOWS:
        days = (first + timedelta(days=n) for n in range((last - first).days))
        found.append([(f"{d:%Y%m%d}", f"{d}", _sum(f"{d:%Y%m%d}", 6)) for d in days])
    return found


@dataclass
class World:
    """Everything that the blocks are made of; shared by the two processes."""

    seed: int
    places: list[Place]
    owners: list[int]
    households: list[Household]
    divisions: dict[str, str]
    identity_key: bytes
    with_names: bool

    def __post_init__(self) -> None:
        self.rows = len(self.owners)
        by_unit, by_county = [0] * (len(self.places) + 1), dict[str, int]()
        #: the running number of each file within its unit, and within its county
        self.of_unit, self.of_county = [0] * self.rows, [0] * self.rows
        division = ["", *(place.division for place in self.places)]
        for number, owner in enumerate(self.owners):
            by_unit[owner] += 1
            self.of_unit[number] = by_unit[owner]
            code = division[owner]
            self.of_county[number] = by_county[code] = by_county.get(code, -1) + 1
        self.division = division
        self.days = _birthdays()
        self.calendar = [str(NOW.date() - timedelta(days=ago)) for ago in range(SPAN + 1)]
        orders = [(f"{n:03d}", _sum(f"{n:03d}", 14)) for n in range(1000)]
        #: the sequence number's text and part of the check sum: male odd, female even
        self.orders = {True: orders[1::2], False: orders[2::2]}
        self.codes = {code: _sum(code, 0) for code in set(division) if code}
        random = Random(f"{self.seed} names")
        self.pool = called.names(random, min(POOL, self.rows * 3))
        self.keys = [_keys(name) for name in self.pool] if self.with_names else []
        by_path = {place.path: place for place in self.places}
        at_three = (by_path.get(tree.ancestor(place.path, 3)) for place in self.places)
        self.busy = {
            p.id for p, above in zip(self.places, at_three, strict=True) if above and above.division == BUSY
        }

    def blocks(self) -> Iterator[tuple[int, int, list[Household], list[str]]]:
        """First and last file of each block, the template and the place of the head's name of each file."""
        for number, first in enumerate(range(0, self.rows, BLOCK)):
            count = min(BLOCK, self.rows - first)
            random = Random(f"{self.seed} block {number}")
            yield (
                number,
                first,
                random.choices(self.households, k=count),
                random.choices(range(len(self.pool)), k=count),
            )

    def identity(self, county: str, place: int, person: Person) -> tuple[str, str]:
        """The number and the birthday of the so-many-th person of a county."""
        days = self.days[person.window]
        turn, step = divmod(place, len(days))
        day, born, of_day = days[step * _JUMP % len(days)]
        order, of_order = self.orders[person.is_male][turn]
        check = _CHECKS[(self.codes[county] + of_day + of_order) % 11]
        return f"{county}{day}{order}{check}", born

    def claim(self, number: str) -> str:
        """As ``app.kit.claims.id_key``."""
        return hmac.digest(self.identity_key, number.encode(), "sha256").hex()

    # --- the four tables ------------------------------------------------------------------------------------

    def files_and_claims(self) -> Iterator[tuple[str, str]]:
        """Lines of ``archive`` and of ``identity_claim``, a block at a time."""
        claim_id = 0
        for number, first, chosen, called_by in self.blocks():
            files: list[str] = []
            claims: list[str] = []
            random = Random(f"{self.seed} files {number}").random
            for at, household, name in zip(range(first, first + len(chosen)), chosen, called_by, strict=True):
                county, place = self.division[self.owners[at]], self.of_county[at] * SLOTS
                head, born = self.identity(county, place, household.head)
                files.append(self._file(at, household, self.pool[name], head, born, random))
                claim_id += 1
                claims.append(f"{claim_id}\thardship\t{self.claim(head)}\tarchive\t{at + 1}\thead\n")
                for slot, member in enumerate(household.members, 1):
                    other, _born = self.identity(county, place + slot, member)
                    claim_id += 1
                    claims.append(f"{claim_id}\thardship\t{self.claim(other)}\tarchive\t{at + 1}\tmember\n")
            yield "".join(files), "".join(claims)

    def _file(self, at: int, household: Household, name: str, head: str, born: str, random: Any) -> str:
        unit = self.places[self.owners[at] - 1]
        depth = len(unit.path) // tree.WIDTH
        holder = 1 if random() < AT_ROOT else 2 + int(random() * (depth - 1))
        returned = "t" if holder > 1 and random() < RETURNED else "f"
        if holder <= 2 and unit.id in self.busy:
            holder, returned = 2, "f"
        day = self.day(at)
        reported = f"{day} 16:30:00" if holder < depth else r"\N"
        gone = f"t\t{day} 17:00:00\t已脱困" if random() < CANCELLED else "f\t\\N\t\\N"
        county = unit.division
        return (
            f"{at + 1}\t{100_000 + unit.id}{self.of_unit[at]:06d}\t{name}\t{head}\t{born}\t{unit.id}\t{unit.path}\t{holder}"
            f"\t{returned}\t{reported}\t{gone}\t{day} 09:00:00\t{day} 09:00:00\t{county}"
            f"\t{self.divisions[county]}{household.street}\t{county[:2]}{at % 10000:04d}\t{household.head.text}\n"
        )

    def day(self, at: int) -> str:
        """The day on which a file came in."""
        return self.calendar[SPAN * (self.rows - at) // self.rows]

    def members_and_names(self) -> Iterator[tuple[str, str]]:
        """Lines of ``family_member`` and of ``name_search``, a block at a time."""
        member_id = 0
        for number, first, chosen, called_by in self.blocks():
            members: list[str] = []
            keys: list[str] = []
            random = Random(f"{self.seed} members {number}")
            for at, household, name in zip(range(first, first + len(chosen)), chosen, called_by, strict=True):
                if self.with_names:
                    keys.append(self.keys[name].replace("\1", "archive").replace("\0", str(at + 1)))
                if not household.members:
                    continue
                county, place, day = self.division[self.owners[at]], self.of_county[at] * SLOTS, self.day(at)
                for slot, member in enumerate(household.members, 1):
                    own, born = self.identity(county, place + slot, member)
                    member_id += 1
                    other = int(random.random() * len(self.pool))
                    members.append(
                        f"{member_id}\t{at + 1}\t{self.pool[other]}\t{own}\t{born}\t{day} 09:00:00\t{day} 09:00:00"
                        f"\t{slot - 1}\t{member.text}\n"
                    )
                    if self.with_names:
                        keys.append(
                            self.keys[other].replace("\1", "family_member").replace("\0", str(member_id))
                        )
            yield "".join(members), "".join(keys)


def _keys(name: str) -> str:
    """The lines of one name in ``name_search``, with holes for the source and the record."""
    return "".join(f"\1\t{key}\t\0\n" for key in sorted(names.keys(name)))
