"""The units of the bench: the provinces, cities and counties of the official code table, and streets below them.

At 4.7 million files there are about 37,000 units on five levels (four in 北京, 上海 and 天津, as in life); a smaller
run keeps the shape with fewer of each.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Any

from app.kit import tree

DIVISIONS = Path(__file__).parents[2] / "app" / "codes" / "admin_division.csv"
FULL = 4_500_000
#: streets below one county, at the least and at the most
STREETS = (5, 19)
STEMS = [
    "城关",
    "新华",
    "人民",
    "建设",
    "解放",
    "东风",
    "胜利",
    "和平",
    "红旗",
    "朝阳",
    "光明",
    "团结",
    "友谊",
    "文化",
    "中山",
    "西关",
    "东关",
    "南关",
    "北关",
    "河东",
    "河西",
    "桥头",
    "龙泉",
    "清水",
    "青山",
    "白云",
    "石桥",
    "双河",
    "永安",
    "太平",
    "兴隆",
    "长乐",
    "福田",
    "金山",
    "银河",
    "凤凰",
    "莲花",
    "梅园",
    "柳林",
    "杨柳",
    "松山",
    "枫林",
    "平安",
    "大同",
]
#: a province that moved in first, as from an older system: its files have the lowest numbers of the country,
#: the worst case for a list in the order of numbers
OLD = "650000"
#: a city whose province has not passed on what it got: one hundred thousand files wait there to be reported
BUSY, BUSY_SHARE = "510100", 0.03


@dataclass(frozen=True)
class Place:
    """One unit of the bench; ``division`` is its code of GB/T 2260."""

    id: int
    name: str
    parent_id: int | None
    path: str
    level: str
    division: str

    @property
    def depth(self) -> int:
        """The root is 1."""
        return tree.depth_of(self.path)


def wanted(rows: int) -> float:
    """How many units a run of so many files should have: 3,000 at 200,000, all 37,000 at 4.7 million."""
    return 37_000 if rows >= FULL else max(40.0, 3_000 * (rows / 200_000) ** 0.8)


def places(rows: int, random: Random) -> list[Place]:
    """The tree, level by level, so that a unit's number is higher than its parent's."""
    share = (wanted(rows) / 37_000) ** (1 / 3) if rows < FULL else 1.0
    below = _divisions()
    made = [Place(1, "中华全国总工会", None, tree.segment(1), "national", "")]

    def add(name: str, parent: Place, level: str, division: str) -> None:
        number = len(made) + 1
        path = parent.path + tree.segment(number)
        made.append(Place(number, name, parent.id, path, level, division))

    level = made[:]
    for code, label in below[""]:
        if below.get(code):  # 台湾, 香港 and 澳门 have no divisions in the table, and no units here
            add(f"{label}总工会", made[0], "province", code)
    while level := made[level[-1].id :]:
        for parent in level:
            inside = below.get(parent.division, []) if parent.level in {"province", "prefecture"} else []
            for code, label in _some(inside, share, keep=BUSY):
                leaf = parent.level == "prefecture" or not below.get(code)
                add(f"{label}总工会", parent, "county" if leaf else "prefecture", code)
            if parent.level == "county":
                for name in _streets(random, share):
                    add(name, parent, "township", parent.division)
    return made


def _divisions() -> dict[str, list[tuple[str, str]]]:
    """Parent code → the codes and labels below it."""
    found: dict[str, list[tuple[str, str]]] = {}
    with DIVISIONS.open(encoding="utf-8") as file:
        for line in csv.DictReader(file):
            found.setdefault(line["parent"], []).append((line["code"], line["label"]))
    return found


def _some(inside: list[tuple[str, str]], share: float, keep: str) -> list[tuple[str, str]]:
    number = max(1, round(len(inside) * share))
    first = inside[:number]
    return first + [one for one in inside[number:] if one[0] == keep]


def _streets(random: Random, share: float) -> Iterator[str]:
    number = max(1, round(random.randint(*STREETS) * share))
    for stem in random.sample(STEMS, number):
        yield f"{stem}{random.choice(('街道', '街道', '镇', '镇', '乡'))}总工会"


def row(place: Place, at: datetime, search_key: str) -> dict[str, Any]:
    """The unit as it is stored."""
    return {
        "id": place.id,
        "name": place.name,
        "unit_no": 100_000 + place.id,
        "parent_id": place.parent_id,
        "level": place.level,
        "admin_division": place.division or None,
        "office_phone": f"010-555{place.id:05d}",
        "is_aid_centre": True,
        "profile_confirmed_at": at,
        "path": place.path,
        "search_key": search_key,
        "sort_order": place.id,
        "created_seq": place.id,
        "created_at": at,
        "updated_at": at,
        "updated_by_name": "系统",
        "version": 1,
    }


def owners(made: list[Place], rows: int, random: Random) -> list[int]:
    """The number of the owning unit of each file, in the order of the files' numbers.

    Skewed as a country is: provinces, counties and streets differ by a factor of ten and more. The old province
    has the first twentieth of all numbers.
    """
    by_path = {place.path: place for place in made}
    factor = {p.path: random.lognormvariate(0, 0.5) for p in made if p.depth == 2}
    factor |= {p.path: random.lognormvariate(0, 0.5) for p in made if p.level == "county"}
    moved: dict[int, float] = {}
    busy: dict[int, float] = {}
    others: dict[int, float] = {}
    for place in made:
        if place.level not in {"county", "township"}:
            continue
        steps = [by_path[path] for path in tree.ancestors(place.path)]
        weight = random.lognormvariate(0, 0.7) * (2.0 if place.level == "county" else 1.0)
        for step in steps:
            weight *= factor.get(step.path, 1.0)
        group = moved if steps[1].division == OLD else busy if steps[2].division == BUSY else others
        group[place.id] = weight

    def draw(group: dict[int, float], count: int) -> list[int]:
        return random.choices(list(group), cum_weights=list(accumulate(group.values())), k=count)

    first, of_city = rows // 20, int(rows * BUSY_SHARE)
    rest = draw(others, rows - first - of_city) + draw(busy, of_city)
    random.shuffle(rest)
    return draw(moved, first) + rest


def viewers(made: list[Place], owned: list[int]) -> dict[str, Place]:
    """Who looks: login name → unit."""
    held = [0] * (len(made) + 1)
    for owner in owned:
        held[owner] += 1
    for place in reversed(made):  # children have the higher numbers
        if place.parent_id:
            held[place.parent_id] += held[place.id]

    def within(place: Place, level: str) -> list[Place]:
        inside = (p for p in made if p.level == level and tree.contains(place.path, p.path))
        return sorted(inside, key=lambda p: (held[p.id], p.id))

    provinces = {p.division: p for p in made if p.level == "province"}
    busy = next(p for p in made if p.division == BUSY)
    usual = [
        p
        for p in provinces.values()
        if p.division not in {OLD, BUSY[:2] + "0000"} and within(p, "prefecture")
    ]
    city = within(max(usual, key=lambda p: held[p.id]), "prefecture")[-1]
    streets = within(city, "township")
    return {
        "root": made[0],
        "city": city,
        "county": within(city, "county")[-1],
        "street": streets[len(streets) * 3 // 4],  # neither the largest nor a sleepy one
        "oldcity": within(provinces[OLD], "prefecture")[-1],
        "province": provinces[BUSY[:2] + "0000"],
        "busy": busy,
    }
