"""What one visit asks for, as a browser would: the page, what the page asks for by itself, the form, the page after."""

from __future__ import annotations

import asyncio
import html
import re
import time
from collections.abc import Awaitable, Callable
from itertools import count
from random import Random
from typing import Any

import lxml.html

from app.demo.people import People
from bench.load.cast import Role
from bench.load.ledger import DONE, REFUSED, UNKNOWN, Ledger, Write
from bench.load.web import Answer, Broken, Person, Web

_TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"|value="([^"]+)"[^>]*name="csrf_token"')
_NEXT = re.compile(r'href="(/archive/list/\?[^"]*key=[^"]+)"')
_COUNTS = re.compile(r'hx-get="(/archive/counts[^"]*)"')
_SHOWN = re.compile(r"/archive/show/(\d+)")

#: districts of Ürümqi, where the bench's own files do not come from
DIVISIONS = ("650102", "650103", "650104", "650105", "650106", "650107", "650109")

#: kind of request, outcome (ok, refused, rule, wrong, broken), seconds, status, whether it named a Retry-After
Note = Callable[[str, str, float, int, bool], None]


class Ended(Exception):
    """The visit cannot go on: its page did not come."""

    def __init__(self, outcome: str, why: str) -> None:
        super().__init__(why)
        self.outcome, self.why = outcome, why


class Visits:
    """Everything that clerks do, one method a kind of day.json."""

    def __init__(
        self, web: Web, ledger: Ledger, note: Note, password: str, think: tuple[float, float], seed: int
    ) -> None:
        self.web, self.ledger, self.note, self.password, self.think = web, ledger, note, password, think
        self.random = Random(seed)
        # numbers of a run meet nobody's: the divisions are few, the days and orders many
        self.people = People(seed, self.random.choice(DIVISIONS), "乌鲁木齐市")
        self._next: dict[str, str] = {}
        self._marks = count(1)

    def kind(self, name: str) -> Callable[[Role, float], Awaitable[None]]:
        """The method of a kind."""
        found: Callable[[Role, float], Awaitable[None]] = getattr(self, name)
        return found

    async def ask(
        self,
        kind: str,
        person: Person,
        path: str,
        form: list[tuple[str, str]] | None = None,
        *,
        due: float = 0.0,
        script: bool = False,
        expected: int = 200,
    ) -> Answer:
        """One request, noted. Raises Ended unless the answer is the expected one."""
        start = due or time.perf_counter()
        try:
            answer = await self.web.ask(person, path, form, due=due, script=script)
        except Broken as broken:
            self.note(kind, "broken", time.perf_counter() - start, 0, False)
            raise Ended(UNKNOWN if broken.began else REFUSED, "broken") from broken
        again = "retry-after" in answer.headers
        if answer.status == expected:
            self.note(kind, "ok", answer.seconds, answer.status, again)
            return answer
        outcome = "wrong"
        if answer.status == 503 or again:
            outcome = "refused"
        elif answer.status in {409, 422}:
            outcome = "rule"
        self.note(kind, outcome, answer.seconds, answer.status, again)
        raise Ended(UNKNOWN if answer.status == 500 else REFUSED, outcome)

    async def pause(self) -> None:
        """Think."""
        await asyncio.sleep(self.random.uniform(*self.think))

    # --- looking -------------------------------------------------------------------------------------------------

    async def _list(self, kind: str, role: Role, path: str, due: float, *, script: bool = True) -> None:
        """A list, and the counts of its tabs where it asks for them; with ``script`` as htmx fetches it into the page."""
        answer = await self.ask(kind, role.person, path, due=due, script=script)
        page = answer.body.decode()
        if found := _NEXT.search(page):
            self._next[role.person.login] = html.unescape(found[1])
        if found := _COUNTS.search(page):
            await self.ask("counts", role.person, html.unescape(found[1]), script=True)

    async def list(self, role: Role, due: float) -> None:
        await self._list("list", role, "/archive/list/", due, script=False)

    async def list_next(self, role: Role, due: float) -> None:
        await self._list("list, next page", role, self._next.pop(role.person.login, "/archive/list/"), due)

    async def list_state(self, role: Role, due: float) -> None:
        state = self.random.choice(("pending", "pending", "returned", "reported"))
        await self._list("list, a state", role, f"/archive/list/?state={state}", due)

    async def search_name(self, role: Role, due: float) -> None:
        name = self.random.choice(role.seen)[1][:2] if role.seen else "王"
        await self._list("search, name", role, f"/archive/list/?full_name={name}", due)

    async def search_id(self, role: Role, due: float) -> None:
        number = self.random.choice(role.seen)[2] if role.seen else "110101199001011237"
        await self._list("search, ID", role, f"/archive/list/?id_card_no={number}", due)

    async def show(self, role: Role, due: float) -> None:
        if not role.seen:
            return await self.list(role, due)
        await self.ask("show", role.person, f"/archive/show/{self.random.choice(role.seen)[0]}", due=due)
        return None

    async def home(self, role: Role, due: float) -> None:
        await self.ask("home", role.person, "/", due=due)
        await self.ask("home, figures", role.person, "/overview", script=True)

    async def statistics(self, role: Role, due: float) -> None:
        by = self.random.choice(("hardship_category", "gender", "health_status"))
        await self.ask("statistics", role.person, f"/archive/statistics?by={by}", due=due)

    async def print(self, role: Role, due: float) -> None:
        if not role.seen:
            return await self.list(role, due)
        await self.ask("print", role.person, f"/archive/print/{self.random.choice(role.seen)[0]}", due=due)
        return None

    async def export(self, role: Role, due: float) -> None:
        if role.person.depth < 4:
            return await self.statistics(role, due)
        await self.ask("export, small", role.person, "/archive/export?format=csv", due=due)
        return None

    async def log_in(self, role: Role, due: float) -> None:
        """Through the form, as a newcomer; the session replaces the former one."""
        person = Person(role.person.login, role.person.unit, role.person.depth, role.person.path)
        page = await self.ask("log-in page", person, "/login/", due=due)
        typed = [("username", person.login), ("password", self.password), ("csrf_token", _token(page))]
        await self.ask("log in", person, "/login/", typed, expected=302)
        await self.ask("page after log-in", person, "/")
        role.person = person

    # --- writing -------------------------------------------------------------------------------------------------

    async def form_new(self, role: Role, due: float) -> None:
        """A form, what a family would say, and the page of the new file."""
        path = "/archive/add?shelf=hardship"
        person = role.person  # a log-in meanwhile begins another session
        answer = await self.ask("form, new", person, path, due=due)
        typed = self.people.household(hardship_category="low_income")
        write = Write(REFUSED, number=typed["id_card_no"], members=len(typed["family_members"]))
        await self.pause()
        await self._save("save, new", person, answer, path, typed, self.ledger.created, write)

    async def form_edit(self, role: Role, due: float) -> None:
        """A file of the own unit, another address."""
        if not role.to_edit:
            return await self.form_new(role, due)
        archive = role.to_edit.popleft()
        try:
            path, person = f"/archive/edit/{archive}", role.person
            answer = await self.ask("form, edit", person, path, due=due)
            mark = f"测试路{self.random.randrange(10**6)}-{next(self._marks)}号"
            await self.pause()
            write = Write(REFUSED, archive, mark=mark)
            await self._save(
                "save, edit", person, answer, path, {"home_address": mark}, self.ledger.edited, write
            )
        finally:
            role.to_edit.append(archive)
        return None

    async def _save(
        self,
        kind: str,
        person: Person,
        page: Answer,
        path: str,
        typed: dict[str, Any],
        book: list[Write],
        write: Write,
    ) -> None:
        form = _filled(page.body, typed)
        book.append(write)
        try:
            answer = await self.ask(kind, person, path, form, expected=302)
        except Ended as ended:
            write.outcome = ended.outcome
            raise
        except BaseException:
            write.outcome = UNKNOWN
            raise
        write.outcome = DONE
        where = answer.headers.get("location", "")
        if shown := _SHOWN.search(where):
            write.archive = write.archive or int(shown[1])
        if where.startswith("/"):
            await self.ask("page after saving", person, where)

    async def report(self, role: Role, due: float) -> None:
        await self._step("report", role, role.to_report, due)

    async def send_back(self, role: Role, due: float) -> None:
        await self._step("send_back", role, role.to_send_back, due)

    async def _step(self, step: str, role: Role, files: Any, due: float) -> None:
        """The dialog, a message, the step."""
        if not files:
            await self.list(role, due)
            return
        archive = files.popleft()
        person, write = role.person, Write(REFUSED, archive)
        try:
            page = await self.ask(
                f"{step}, dialog", person, f"/archive/dialog/{step}?ids={archive}", due=due, script=True
            )
            await self.pause()
            typed = [("ids", str(archive)), ("message", "请审核。"), ("csrf_token", _token(page))]
            self.ledger.steps[step].append(write)
            await self.ask(step, person, f"/archive/steps/{step}", typed, script=True, expected=204)
            write.outcome = DONE
        except Ended as ended:
            write.outcome = ended.outcome
            if ended.why == "refused":  # for want of room: another time
                files.append(archive)
            raise
        await self.ask("page after step", person, "/archive/list/")


def _token(page: Answer) -> str:
    found = _TOKEN.search(page.body.decode())
    return (found[1] or found[2]) if found else ""


def _filled(page: bytes, typed: dict[str, Any]) -> list[tuple[str, str]]:
    """The form of a page with what is typed; lists are inline rows in place of those that stood there."""
    document = lxml.html.document_fromstring(page.decode())
    for blank in document.iter("template"):
        blank.clear()
    values = [(name, value or "") for name, value in document.get_element_by_id("kit-form").form_values()]
    flat: dict[str, str] = {}
    for name, value in typed.items():
        if isinstance(value, list):
            values = [(key, kept) for key, kept in values if not key.startswith(f"{name}-")]
            flat[f"{name}-shown"] = "1"
            flat |= {
                f"{name}-{i}-{key}": _typed(one) for i, row in enumerate(value) for key, one in row.items()
            }
        else:
            flat[name] = _typed(value)
    return [(key, kept) for key, kept in values if key not in flat] + list(flat.items())


def _typed(value: Any) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    return "" if value is None else str(value)
