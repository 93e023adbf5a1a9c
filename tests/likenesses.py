"""Household files of people who do not exist, some of them twice, with the slips that clerks make; the same for a seed.

    world = World(seed)       world.files: what each file says       world.truth: the pairs that are one household

Half of the files that stand once are traps: twins, strangers of one name and birthday, families at one address,
neighbours with consecutive numbers, the telephone of an office in sixty files.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

from app.kit import identity, likeness, names

SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文仇解区单查盖翟"
GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华建国志玉兰红春梅海燕云凤林鹏辉斌波宇浩凯健俊帆雪荣佳慧琳婷欣怡文君莉琴萍洁珍贞振震镇峰锋枫丰风蕾雷立力丽利莉伟玮炜维惠慧会辉晖徽娟涓绢梅玫美媛圆园源远志智芝之治致建健剑坚兼国果过福富付夫"
PLACES = (
    ("110102", "北京市", "西城区"),
    ("110108", "北京市", "海淀区"),
    ("310104", "上海市", "徐汇区"),
    ("320508", "江苏省苏州市", "姑苏区"),
    ("440106", "广东省广州市", "天河区"),
    ("650102", "新疆乌鲁木齐市", "天山区"),
)
ROADS = (
    "德外大街",
    "学院路",
    "田林路",
    "人民路",
    "解放北路",
    "光华里",
    "新风街",
    "体育西路",
    "平江路",
    "和平巷",
)
AREA_CODES = {"11": "010", "31": "021", "32": "0512", "44": "020", "65": "0991"}


@dataclass
class Typed:
    """A person as a clerk types him."""

    name: str
    number: str
    born: date


@dataclass
class File:
    """A household as typed, the householder first."""

    people: list[Typed]
    phone: str
    address: str
    town: int = 0
    house: tuple[str, ...] = ()
    slips: list[str] = field(default_factory=list)

    @property
    def compared(self) -> likeness.Household:
        """As the finder reads it."""
        people = [likeness.person(one.name, one.number, one.born) for one in self.people]
        return likeness.household(people, self.phone, self.address)


def _alike() -> dict[str, str]:
    """Character → the others that sound as it does."""
    found = defaultdict[str, list[str]](list)
    for character in dict.fromkeys(GIVEN + SURNAMES):
        for sound in names.sounds(character):
            found[sound].append(character)
    return {one: "".join(set(some) - {one}) for some in found.values() for one in some}


class World:
    """``doubles`` files stand a second time, with two or three slips; ``traps`` of each kind stand beside them."""

    def __init__(self, seed: int, doubles: int = 600, traps: int = 120) -> None:
        self.random, self.alike = Random(seed), _alike()
        self.files: list[File] = []
        self.truth: set[tuple[int, int]] = set()
        self.orders = defaultdict[str, int](int)
        for _ in range(doubles):
            self._double(self._family())
        for _ in range(traps):
            self._twins()
            self._namesakes()
            self._under_one_roof()
            self._neighbours()
            self._add(self._family())
        office = "010-55512345"
        for _ in range(60):
            self._add(self._family(phone=office, town=0))

    def found(self) -> set[tuple[int, int]]:
        """The pairs that the finder tells: files that share a key and score enough."""
        said = [file.compared for file in self.files]
        met = defaultdict[int, list[int]](list)
        for index, one in enumerate(said):
            for key in likeness.keys(one):
                met[key].append(index)
        pairs = {(a, b) for some in met.values() for a in some for b in some if a < b}
        return {(a, b) for a, b in pairs if likeness.compare(said[a], said[b]).is_told}

    def figures(self) -> tuple[float, float]:
        """Recall and precision."""
        found = self.found()
        right = len(found & self.truth)
        return right / len(self.truth), right / len(found)

    # --- people -----------------------------------------------------------------------------------------------

    def _add(self, file: File) -> int:
        self.files.append(file)
        return len(self.files) - 1

    def _day(self, first: int, last: int) -> date:
        return date(first, 1, 1) + timedelta(days=self.random.randrange((last - first) * 365))

    def _name(self, surname: str = "") -> str:
        size = self.random.choice((1, 2, 2))
        return (surname or self.random.choice(SURNAMES)) + "".join(self.random.choices(GIVEN, k=size))

    def _person(self, town: int, surname: str = "", born: date | None = None) -> Typed:
        born = born or self._day(1942, 2004)
        return Typed(self._name(surname), self._number(town, born), born)

    def _number(self, town: int, born: date) -> str:
        begins = f"{PLACES[town][0]}{born:%Y%m%d}"
        self.orders[begins] += 1 + (self.orders[begins] == 0) * self.random.randrange(400)
        first17 = f"{begins}{self.orders[begins]:03d}"
        return first17 + identity.check_digit(first17)

    def _phone(self, town: int) -> str:
        if self.random.random() < 0.7:
            return f"1{self.random.choice('3578')}{self.random.randrange(10**9):09d}"
        return f"{AREA_CODES[PLACES[town][0][:2]]}-{self.random.randrange(2, 9)}{self.random.randrange(10**7):07d}"

    def _family(self, **given: object) -> File:
        town = int(str(given.get("town", self.random.randrange(len(PLACES)))))
        head = self._person(town)
        kin = [
            self._person(town, self.random.choice((head.name[0], "")))
            for _ in range(self.random.randrange(4))
        ]
        numbers = [str(self.random.randrange(1, 300)), *(str(self.random.randrange(1, 30)) for _ in range(3))]
        house = (self.random.choice(ROADS), *numbers)
        phone = str(given.get("phone", "") or self._phone(town))
        return File([head, *kin], phone, self._written(town, house), town, house)

    def _written(self, town: int, house: tuple[str, ...]) -> str:
        road, *n = house
        _code, city, district = PLACES[town]
        forms: tuple[Callable[[], str], ...] = (
            lambda: f"{city}{district}{road}{n[0]}号{n[1]}号楼{n[2]}单元{n[3]}室",
            lambda: f"{district}{road}{n[0]}号院{n[1]}幢{n[2]}门{n[3]}",
            lambda: f"{road}{n[0]}-{n[1]}-{n[2]}-{n[3]}",
            lambda: f"{city} {district} {road} {n[0]}弄{n[1]}号{n[2]}层{n[3]}室".translate(
                {ord(d): ord(d) + 0xFEE0 for d in "0123456789"}
            ),
        )
        return self.random.choice(forms)()

    # --- the same household twice ----------------------------------------------------------------------------

    def _double(self, file: File) -> None:
        again = deepcopy(file)
        numbers = (
            self._digit,
            self._digit,
            self._swap,
            self._made_right,
            self._check,
            self._short,
            self._blank,
        )
        others = (
            self._homophone,
            self._homophone,
            self._other_character,
            self._new_phone,
            self._phone_form,
            self._address_form,
            self._moved,
            self._other_head,
            self._member_left_out,
        )
        chosen = [self.random.choice(numbers)] if self.random.random() < 0.85 else []
        for slip in self.random.sample(others, self.random.choice((1, 2)) + (not chosen)):
            chosen += [slip] if slip not in chosen else []
        for slip in sorted(chosen, key=lambda slip: slip == self._other_head):
            slip(again)
            again.slips.append(slip.__name__)
        self.truth.add((self._add(file), self._add(again)))

    def _retype(self, person: Typed, number: str) -> None:
        """A number with its birthday, which follows it in the form; half of the clerks correct the day."""
        person.number = number
        if self.random.random() < 0.5:
            person.born = identity.birth_date(number) or person.born

    def _digit(self, file: File) -> None:
        head, at = file.people[0], self.random.randrange(17)
        wrong = self.random.choice([d for d in "0123456789" if d != head.number[at] and (at or d != "0")])
        self._retype(head, head.number[:at] + wrong + head.number[at + 1 :])

    def _swap(self, file: File) -> None:
        head = file.people[0]
        places = [at for at in range(1, 16) if head.number[at] != head.number[at + 1]]
        at, n = self.random.choice(places), head.number
        self._retype(head, n[:at] + n[at + 1] + n[at] + n[at + 2 :])

    def _made_right(self, file: File) -> None:
        """A slip, and then the check digit that the form asked for."""
        self._digit(file)
        head = file.people[0]
        head.number = head.number[:17] + identity.check_digit(head.number[:17])

    def _check(self, file: File) -> None:
        head = file.people[0]
        head.number = head.number[:17] + self.random.choice(
            [d for d in "0123456789X" if d != head.number[17]]
        )

    def _short(self, file: File) -> None:
        head = file.people[0]
        if head.number[6:8] == "19":
            head.number = head.number[:6] + head.number[8:17]

    def _blank(self, file: File) -> None:
        """No number, as in the files of an older system; the birthday was typed."""
        file.people[0].number = ""

    def _other_character(self, file: File) -> None:
        """A character misread: 王秀英 for 王秀美."""
        head = file.people[0]
        head.name = head.name[:-1] + self.random.choice([one for one in GIVEN if one != head.name[-1]])

    def _homophone(self, file: File) -> None:
        head = file.people[0]
        places = [at for at, one in enumerate(head.name) if self.alike[one]]
        if places:
            at = self.random.choice(places)
            head.name = head.name[:at] + self.random.choice(self.alike[head.name[at]]) + head.name[at + 1 :]

    def _new_phone(self, file: File) -> None:
        file.phone = self._phone(file.town)

    def _phone_form(self, file: File) -> None:
        area, dash, number = file.phone.rpartition("-")
        forms = (f"({area}){number}", f"{area}{number}", number) if dash else (f"+86 {number}", f"0{number}")
        file.phone = self.random.choice(forms)

    def _address_form(self, file: File) -> None:
        file.address = self._written(file.town, file.house)

    def _moved(self, file: File) -> None:
        file.address = self._family(town=file.town).address

    def _other_head(self, file: File) -> None:
        """The spouse's file: the householder stands among the members."""
        if len(file.people) > 1:
            file.people = [file.people[1], file.people[0], *file.people[2:]]

    def _member_left_out(self, file: File) -> None:
        del file.people[2:]

    # --- traps ------------------------------------------------------------------------------------------------

    def _twins(self) -> None:
        """One surname, often one character more, one birthday, one house and telephone, consecutive numbers."""
        file = self._family()
        head = file.people[0]
        twin = Typed("", self._number(file.town, head.born), head.born)
        shared = head.name[:2] if len(head.name) == 3 and self.random.random() < 0.6 else head.name[0]
        while not twin.name or names.sounds(twin.name) & names.sounds(head.name):
            twin.name = shared + self.random.choice(GIVEN)
        self._add(file)
        self._add(File([twin], file.phone, self._written(file.town, file.house), file.town, file.house))

    def _namesakes(self) -> None:
        """One name and one birthday, mostly far apart; now and then in the books of one office."""
        here, there = self.random.choices(range(len(PLACES)), k=2)
        one, other = self._family(town=here), self._family(town=there)
        other.people[0] = Typed(
            one.people[0].name, self._number(there, one.people[0].born), one.people[0].born
        )
        if self.random.random() < 0.2:
            one.phone = other.phone = "010-55512345"
        self._add(one)
        self._add(other)

    def _under_one_roof(self) -> None:
        """A grown child with a file of its own, at the parents' address and telephone."""
        parents = self._family()
        child = self._person(parents.town, parents.people[0].name[0])
        self._add(parents)
        self._add(
            File(
                [child],
                parents.phone,
                self._written(parents.town, parents.house),
                parents.town,
                parents.house,
            )
        )

    def _neighbours(self) -> None:
        """Registered one after the other on one day, in one street."""
        one = self._family()
        head = one.people[0]
        other = Typed(self._name(), self._number(one.town, head.born), head.born)
        road, *numbers = one.house
        house = (road, *numbers[:-1], str(int(numbers[-1]) + 1))
        while names.sounds(other.name) & names.sounds(head.name):
            other.name = self._name()
        self._add(one)
        self._add(File([other], self._phone(one.town), self._written(one.town, house), one.town, house))
