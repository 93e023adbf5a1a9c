"""Contestants in a case, asked in turn, and the figures of each."""

from __future__ import annotations

import os
import re
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.client import Answer, Browser, rate

CLIENTS = 8
PAGE_SIZE = 20
#: a case is measured for so many seconds, with so many rounds at the least and at the most
LATENCY = float(os.environ.get("BENCH_SECONDS") or 3)
ROUNDS = (3, 60)
#: under load each contestant twice for so many seconds
LOAD = LATENCY / 3
#: who takes longer than so many seconds for one answer is asked three times and not put under load
SLOW = 2.0
#: … and of so many seconds, once
SLOWEST = 8.0


@dataclass
class Entry:
    """One contestant in one case: a page, a piece of bare SQL, or the words why there is nothing to measure."""

    who: str
    get: Callable[[], Answer] | None = None
    browser: Browser | None = None
    path: str = ""
    words: str = ""
    #: it may show other files than ours: it looks in other columns as well
    is_loose: bool = False
    answers: list[Answer] = field(default_factory=list)
    per_second: list[float] = field(default_factory=list)

    def figures(self) -> dict[str, Any]:
        """What is reported of it."""
        if not self.answers:
            return {"words": self.words}
        times = sorted(answer.seconds * 1000 for answer in self.answers)
        figures: dict[str, Any] = {
            "p50_ms": round(statistics.median(times), 2),
            "p95_ms": round(times[min(len(times) - 1, int(len(times) * 0.95))], 2),
            "times": len(times),
        }
        if self.browser:
            last = self.answers[-1]
            figures |= {
                "sql": last.statements,
                "sql_ms": round(statistics.median(answer.sql_ms for answer in self.answers), 2),
                "cpu_ms": round(statistics.median(answer.cpu_ms for answer in self.answers), 2),
                "bytes": len(last.body),
                "per_second": round(statistics.mean(self.per_second), 1) if self.per_second else None,
            }
        return figures | ({"words": self.words} if self.words else {})


@dataclass
class Case:
    """One row of the table; ``detail`` is what was asked this time.

    ``numbered``: the pages show files, which must be the same in the same order.
    """

    name: str
    entries: list[Entry]
    numbered: bool = False
    #: pages that show the same files in another order (equal names), or fewer than a page of them
    loose: bool = False
    load: bool = True
    detail: str = ""


def web(who: str, browser: Browser, path: str) -> Entry:
    """A page as a contestant, with a connection of its own."""
    window = browser.again()
    return Entry(who, lambda: window.get(path), window, path)


def cannot(who: str, words: str) -> Entry:
    """A contestant that has no such thing."""
    return Entry(who, words=words)


def check(case: Case) -> None:
    """Warm everybody up, and see that the pages of one case show the same files in the same order.

    Ours must answer and agree with the rest; a rival that fails is reported in words and left out.
    """
    shown: dict[str, list[str]] = {}
    for entry in [entry for entry in case.entries if entry.get]:
        answer = _warm(entry)
        if answer.status != 200:
            if entry.who == "ours":
                raise RuntimeError(f"{case.name}: ours answered {answer.status} to {entry.path}")
            entry.words, entry.get = f"answered {answer.status}", None
        elif entry.browser and case.numbered:
            shown[entry.who] = numbers(answer.body.decode())
    ours = shown.get("ours")
    for who, found in shown.items():
        is_loose = case.loose or any(entry.is_loose for entry in case.entries if entry.who == who)
        if not is_loose and (found != ours or len(found) != PAGE_SIZE):
            raise RuntimeError(f"{case.name}: ours shows {ours}, {who} shows {found}")


def _warm(entry: Entry) -> Answer:
    """Both workers on fresh connections; the slow once."""
    for _each in range(5):
        answer = entry.browser.get(entry.path, fresh=True) if entry.browser else entry.get()
        if answer.seconds > SLOW:
            break
    return answer


def numbers(page: str) -> list[str]:
    """The 职工编号 on a page, in order."""
    return list(dict.fromkeys(re.findall(r"(?<!\d)1[0-9]{5}[0-9]{6}(?!\d)", page)))


def measure(case: Case) -> None:
    """In turn, one answer each, until the time is over; then under load, in turn, twice."""
    asked = [entry for entry in case.entries if entry.get]
    until = time.perf_counter() + LATENCY
    rounds = 0
    while rounds < ROUNDS[0] or (rounds < ROUNDS[1] and time.perf_counter() < until):
        for entry in asked:
            if not _is_told(entry):
                entry.answers.append(entry.get())
        rounds += 1
    if not case.load:
        return
    quick = [e for e in asked if e.browser and statistics.median(a.seconds for a in e.answers) <= SLOW]
    for _each in range(2):
        for entry in quick:
            entry.per_second.append(rate(entry.browser, entry.path, LOAD, CLIENTS))


def _is_told(entry: Entry) -> bool:
    """Whether a slow contestant has been asked often enough; the others go on."""
    last = entry.answers[-1].seconds if entry.answers else 0.0
    return last > SLOWEST or (last > SLOW and len(entry.answers) >= ROUNDS[0])


def told(entries: Sequence[Entry]) -> str:
    """The figures of a case in one line."""
    return " · ".join(
        f"{entry.who} {statistics.median(a.seconds * 1000 for a in entry.answers):,.1f} ms"
        + (f" {statistics.mean(entry.per_second):.0f}/s" if entry.per_second else "")
        for entry in entries
        if entry.answers
    )
