"""The pages that are measured: what each contestant is asked for, and the same as bare SQL."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg

from app.kit import tree
from bench.client import Answer, Browser
from bench.contest import PAGE_SIZE, Case, Entry, cannot, web

#: what a page of the list shows
SHOWN = (
    "id, archive_no, full_name, gender, birth_date, home_address, employer_name, main_hardship_cause, created_at, "
    "holder_depth, returned"
)
STANDING = "NOT is_cancelled AND merged_into_id IS NULL"
NO_TABS = "has no tabs of states"
#: dimension and conditions of the statistics, as our page asks for them and as SQL
DIMENSION = "main_hardship_cause"
ASKED = "gender=female&has_medical_insurance=1&household_size_from=1"
ASKED_SQL = "gender = 'female' AND has_medical_insurance AND household_size > 1"
PAGE = 100_000
FAR = "page far behind, national"


@dataclass
class Stage:
    """What the cases are made of. Without rivals only ours and bare SQL are measured."""

    server: psycopg.Connection[Any]
    facts: dict[str, Any]
    ours: dict[str, Browser]
    stock: Browser | None = None
    django: Browser | None = None
    #: viewer → path of his unit
    paths: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for login, unit in self.facts["viewers"].items():
            self.paths[login] = self.one("SELECT path FROM unit WHERE id = %s", unit)

    def one(self, statement: str, *values: Any) -> Any:
        """The first value of the first row."""
        row = self.server.execute(statement, values or None).fetchone()
        return row[0] if row else None

    def scope(self, login: str) -> str:
        """What a person may see, as bare SQL with the constants in it."""
        path = self.paths[login]
        depth = tree.depth_of(path)
        within = f"owner_path >= '{path}' AND owner_path < '{tree.successor(path)}' AND " if depth > 1 else ""
        return f"{within}holder_depth <= {depth} AND {STANDING}"

    def see(self, login: str) -> str:
        """The rows that a person sees in 困难职工档案."""
        return f"{self.scope(login)} AND hardship_category <> 'temporary'"

    def floor(self, where: str, order: str = "id DESC", *, count: bool = True) -> Entry:
        """The rows of one page and the capped count, as two prepared statements without any framework."""
        rows = f"SELECT {SHOWN} FROM archive WHERE {where} ORDER BY {order} LIMIT {PAGE_SIZE + 1}"
        number = f"SELECT count(*) FROM (SELECT id FROM archive WHERE {where} LIMIT 10001) AS capped"
        return self.bare(*([rows, number] if count else [rows]))

    def bare(self, *statements: str) -> Entry:
        """Statements by psycopg, prepared, without any framework."""

        def ask() -> Answer:
            start = time.perf_counter()
            for statement in statements:
                self.server.execute(statement, prepare=True).fetchall()
            return Answer(200, b"", time.perf_counter() - start)

        return Entry("floor", ask)

    def rivals(
        self,
        stock: str,
        django: str,
        *,
        loose: tuple[str, ...] = (),
        sites: tuple[str, ...] = ("stock", "tuned"),
    ) -> Iterator[Entry]:
        """Stock Flask-AppBuilder and Django's admin, each as shipped and tuned; ``{site}`` is which.

        An empty address is no contestant. ``loose`` ones may show other files.
        """
        for who, browser, path in (("", self.stock, stock), ("django", self.django, django)):
            for site in sites if browser is not None and path else ():
                name = f"{who} {site}".strip() if who else site
                entry = web(name, browser, path.format(site=site))
                entry.is_loose = who in loose or site in loose
                yield entry


def fab_scope(stage: Stage, login: str) -> str:
    """The rows of a person as search conditions of Flask-AppBuilder."""
    path = stage.paths[login]
    depth = tree.depth_of(path)
    level = f"_flt_2_holder_depth={depth + 1}"
    return level if depth == 1 else f"_flt_0_owner_path={path}&{level}"


def django_scope(stage: Stage, login: str) -> str:
    """The rows of a person as look-ups of Django's admin."""
    path = stage.paths[login]
    depth = tree.depth_of(path)
    level = f"holder_depth__lte={depth}"
    return level if depth == 1 else f"owner_path__startswith={path}&{level}"


def cases(stage: Stage) -> Iterator[Case]:
    """Every page that is measured, made one after another."""
    for login in ("root", "city", "county", "street", "oldcity"):
        yield listed(stage, login)
    yield from tabs(stage)
    yield deep(stage)
    yield from forms(stage)
    yield exact_id(stage)
    yield from name_search(stage)
    yield by_name(stage)
    yield from family(stage)
    yield from statistics(stage)
    yield from overview(stage)


def lists_of(stage: Stage, login: str, fab: str = "", django: str = "", **more: Any) -> Iterator[Entry]:
    """The rivals' lists with a person's rows and something more asked."""
    return stage.rivals(
        f"/{{site}}/list/?{fab_scope(stage, login)}{fab}",
        f"/{{site}}/aid/archive/?{django_scope(stage, login)}{django}",
        **more,
    )


LABELS = {"root": "national", "city": "city", "county": "county", "street": "street", "oldcity": "old city"}


def listed(stage: Stage, login: str) -> Case:
    """Page 1 of the list."""
    ours = web("ours", stage.ours[login], "/archive/list/")
    entries = [ours, *lists_of(stage, login), stage.floor(stage.see(login))]
    is_short = stage.one(f"SELECT count(*) FROM archive WHERE {stage.see(login)}") < PAGE_SIZE
    return Case(f"list, {LABELS[login]}", entries, numbered=True, loose=is_short)


def tabs(stage: Stage) -> Iterator[Case]:
    """The counts on the state tabs, as a list under conditions asks for them after the first paint."""
    for login in ("root", "city", "street"):
        depth, seen = tree.depth_of(stage.paths[login]), stage.see(login)
        states = ["true", f"holder_depth < {depth}"]
        states += [f"holder_depth = {depth} AND {word}returned" for word in ("", "NOT ")]
        capped = "SELECT count(*) FROM (SELECT id FROM archive WHERE {} AND {} LIMIT 10001) AS capped"
        entries = [web("ours", stage.ours[login], "/archive/counts")]
        entries += [cannot(who, NO_TABS) for who in ("stock", "django stock")] if stage.stock else []
        entries.append(stage.bare(*(capped.format(seen, state) for state in states)))
        yield Case(f"state tabs, {LABELS[login]}", entries)


def deep(stage: Stage) -> Case:
    """The same page far behind: ours by the key that its 下一页 would carry, the others by its number (OFFSET)."""
    seen = stage.see("root")
    number = max(2, min(PAGE, stage.one(f"SELECT count(*) FROM archive WHERE {seen}") // PAGE_SIZE - 1))
    before = (number - 1) * PAGE_SIZE - 1
    last = stage.one(f"SELECT id FROM archive WHERE {seen} ORDER BY id DESC OFFSET {before} LIMIT 1")
    key = base64.urlsafe_b64encode(json.dumps(["after", "id", last, last]).encode()).decode()
    pages = "".join(f"&page_{name}={number - 1}" for name in ("StockView", "TunedView"))
    entries = [
        web("ours", stage.ours["root"], f"/archive/list/?key={key}"),
        *lists_of(stage, "root", pages, f"&p={number}"),
        stage.floor(f"{seen} AND id < {last}"),
    ]
    return Case(FAR, entries, numbered=True, detail=f"page {number:,}")


def forms(stage: Stage) -> Iterator[Case]:
    """A new file, the street's latest one in the form, and a file as it is shown."""
    street = stage.facts["viewers"]["street"]
    own = stage.one(f"SELECT max(id) FROM archive WHERE owner_unit_id = %s AND {STANDING}", street)
    latest = stage.one(f"SELECT id FROM archive WHERE {stage.see('root')} ORDER BY id DESC LIMIT 1")
    add = stage.rivals("/{site}/add", "/{site}/aid/archive/add/")
    yield Case("form, new file", [web("ours", stage.ours["street"], "/archive/add?shelf=hardship"), *add])
    edit = stage.rivals(f"/{{site}}/edit/{own}", f"/{{site}}/aid/archive/{own}/change/")
    yield Case("form, edit", [web("ours", stage.ours["street"], f"/archive/edit/{own}"), *edit])
    show = list(stage.rivals(f"/{{site}}/show/{latest}", f"/{{site}}/aid/archive/{latest}/change/"))
    for entry in show:
        entry.words = "its only page of one record is the form" if entry.who.startswith("django") else ""
    row = f"SELECT * FROM archive WHERE id = {latest}"
    members = f"SELECT * FROM family_member WHERE archive_id = {latest} ORDER BY line_no, id"
    floor = stage.bare(row, members)
    yield Case("one file", [web("ours", stage.ours["root"], f"/archive/show/{latest}"), *show, floor])


def exact_id(stage: Stage) -> Case:
    """A whole identity number."""
    seen = stage.see("root")
    number = stage.one(f"SELECT id_card_no FROM archive WHERE {seen} ORDER BY id LIMIT 1")
    claimed = stage.one(
        "SELECT c.id_key FROM identity_claim c JOIN archive a ON a.id = c.record_id "
        "WHERE c.record_type = 'archive' AND c.role = 'head' AND a.id_card_no = %s LIMIT 1",
        number,
    )
    holder = f"SELECT record_id FROM identity_claim WHERE registry = 'hardship' AND id_key = '{claimed}'"
    entries = [
        web("ours", stage.ours["root"], f"/archive/list/?id_card_no={number}"),
        *lists_of(stage, "root", f"&_flt_3_id_card_no={number}", f"&q={number}"),
        stage.floor(f"{seen} AND id = ({holder})"),
    ]
    return Case("exact ID, national", entries, numbered=True, loose=True)


def name_search(stage: Stage) -> Iterator[Case]:
    """The two characters that most names begin with; letters, which only ours can look for."""
    word, seen = stage.facts["word"], stage.see("root")
    keyed = stage.one("SELECT to_regclass('name_search') IS NOT NULL")

    def floor(key: str, login: str) -> Entry:
        found = f"id IN (SELECT record_id FROM name_search WHERE source = 'archive' AND key = '{key}')"
        like = f"full_name LIKE '%{key}%'"
        return stage.floor(f"{stage.see(login)} AND {found if keyed else like}")

    for login in ("root", "city"):
        path = f"/archive/list/?full_name={word}"
        rivals = lists_of(stage, login, f"&_flt_2_full_name={word}", f"&q={word}", loose=("django",))
        entries = [web("ours", stage.ours[login], path), *rivals, floor(word, login)]
        label = f"name of two characters, {LABELS[login]}"
        yield Case(label, entries, numbered=True, loose=login != "root", detail=f"「{word}」")
    full = stage.one(
        f"SELECT full_name FROM archive WHERE {seen} AND length(full_name) = 3 ORDER BY id LIMIT 1"
    )
    from app.kit import names

    letters = {key for key in names.keys(full) if key.isascii()}
    pinyin = max(letters, key=len)
    for what, key in (("pinyin", pinyin), ("initials", "zs")):
        entries = [web("ours", stage.ours["root"], f"/archive/list/?full_name={key}")]
        entries += (
            [cannot(who, "cannot look for letters") for who in ("stock", "django stock")]
            if stage.stock
            else []
        )
        yield Case(f"name by {what}, national", [*entries, floor(key, "root")], detail=f"「{key}」")


def by_name(stage: Stage) -> Case:
    """The list in the order of names; equal names come in any order."""
    seen = stage.see("root")
    fab = "".join(f"&_oc_{name}=full_name&_od_{name}=asc" for name in ("StockView", "TunedView"))
    entries = [
        web("ours", stage.ours["root"], "/archive/list/?order=full_name:asc"),
        *lists_of(stage, "root", fab, "&o=2"),
        stage.floor(seen, "full_name, id"),
    ]
    return Case("sorted by name, national", entries, numbered=True, loose=True)


def family(stage: Stage) -> Iterator[Case]:
    """Conditions on one and the same family member; and his name."""
    asked = "family_members.relation=mother&family_members.health_status=uremia"
    member = "SELECT FROM family_member m WHERE m.archive_id = archive.id AND "
    both = f"EXISTS ({member} m.relation = 'mother' AND m.health_status = 'uremia')"
    none = "has no condition over inline rows without code of one's own"
    for login in ("root", "city"):
        entries = [web("ours", stage.ours[login], f"/archive/list/?{asked}")]
        entries += [cannot(who, none) for who in ("stock", "django stock")] if stage.stock else []
        yield Case(
            f"family member, {LABELS[login]}", [*entries, stage.floor(f"{stage.see(login)} AND {both}")]
        )
    word = stage.facts["word"]
    entries = [web("ours", stage.ours["root"], f"/archive/list/?family_members.full_name={word}")]
    entries += [cannot("stock", none)] if stage.stock else []
    people = f"/{{site}}/aid/archive/?{django_scope(stage, 'root')}&q={word}"
    entries += stage.rivals("", people, sites=("people",))
    named = f"EXISTS ({member} m.full_name LIKE '%{word}%')"
    floor = stage.floor(f"{stage.see('root')} AND {named}")
    yield Case("family member by name, national", [*entries, floor], detail=f"「{word}」")


def statistics(stage: Stage) -> Iterator[Case]:
    """How many files and people by cause and subordinate unit, over everything that a person sees."""
    for login in ("root", "city"):
        branch = f"substr(owner_path, 1, {4 * (tree.depth_of(stage.paths[login]) + 1)})"
        select = f"SELECT {branch}, {DIMENSION}, count(*), sum(household_size) FROM archive WHERE {stage.see(login)}"
        for what, asked, where in (("", "", "true"), (" with conditions", f"&{ASKED}", ASKED_SQL)):
            ours = web("ours", stage.ours[login], f"/archive/statistics?shelf=hardship&by={DIMENSION}{asked}")
            entries = [ours, stage.bare(f"{select} AND {where} GROUP BY 1, 2")]
            if stage.stock:
                entries[1:1] = [cannot(who, "has no statistics") for who in ("stock", "django stock")]
            yield Case(f"statistic{what}, {LABELS[login]}", entries, load=False)


def overview(stage: Stage) -> Iterator[Case]:
    """The figures of the home page."""
    for login in ("root", "city"):
        groups = "hardship_category = 'temporary', worker_identity = 'migrant', holder_depth, returned"
        floor = stage.bare(
            f"SELECT {groups}, count(*) FROM archive WHERE {stage.scope(login)} GROUP BY 1, 2, 3, 4"
        )
        entries = [web("ours", stage.ours[login], "/overview")]
        entries += (
            [cannot(who, "has no figures on its home page") for who in ("stock", "django stock")]
            if stage.stock
            else []
        )
        yield Case(f"home page figures, {LABELS[login]}", [*entries, floor], load=False)
