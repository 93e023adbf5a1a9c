"""Arrivals by chance at a rate, whatever became of those before; and what is measured of them."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from bench.load.cast import Role
from bench.load.visits import Ended, Visits

#: visits under way at most; one more is not begun, and that is told
MOST = 4000


@dataclass
class Part:
    """One stretch of the run at one rate (visits/s), and every request of it."""

    name: str
    rate: float
    seconds: float
    began: float = 0.0
    took: float = 0.0
    visits: int = 0
    not_begun: int = 0
    #: kind, outcome, ms, second of the part in which it ended
    notes: list[tuple[str, str, float, float]] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    without_retry_after: int = 0
    client_cpu: float = 0.0
    machine_cpu: float = 0.0
    late_ms: float = 0.0

    def figures(self) -> dict[str, Any]:
        """What is reported of it."""
        by_kind: dict[str, list[float]] = defaultdict(list)
        for kind, outcome, ms, _at in self.notes:
            if outcome in {"ok", "rule"}:
                by_kind[kind].append(ms)
        served = [ms for times in by_kind.values() for ms in times]
        outcomes = Counter(outcome for _kind, outcome, _ms, _at in self.notes)
        refusals = [ms for _kind, outcome, ms, _at in self.notes if outcome == "refused"]
        return {
            "visits_per_second": round(self.rate, 1),
            "seconds": round(self.took, 1),
            "visits": self.visits,
            "requests": len(self.notes),
            "served_per_second": round(len(served) / self.took, 1) if self.took else 0,
            **quantiles(served),
            "outcomes": dict(outcomes),
            "errors": outcomes["broken"] + outcomes["wrong"],
            "refused": outcomes["refused"],
            "refused_share": round(outcomes["refused"] / max(1, len(self.notes)), 4),
            "refused_ms": quantiles(refusals),
            "without_retry_after": self.without_retry_after,
            "statuses": dict(self.statuses),
            "not_begun": self.not_begun,
            "client_cpu": round(self.client_cpu, 3),
            "machine_cpu": round(self.machine_cpu, 3),
            "client_late_p99_ms": round(self.late_ms, 1),
            "kinds": {kind: {"n": len(times), **quantiles(times)} for kind, times in sorted(by_kind.items())},
        }

    def last_refusal(self) -> float:
        """Seconds from the part's beginning to the last refusal or error; 0 when there was none."""
        return max(
            (round(at, 1) for _kind, outcome, _ms, at in self.notes if outcome not in {"ok", "rule"}),
            default=0.0,
        )

    def recovered_after(self, limit_ms: float) -> float | None:
        """Seconds from the part's beginning until every following second had no refusal, no error and p95 below the limit."""
        last = int(self.seconds)
        for second in range(last - 1, -1, -1):
            inside = [note for note in self.notes if second <= note[3] < second + 1]
            times = [ms for _kind, outcome, ms, _at in inside if outcome in {"ok", "rule"}]
            is_bad = any(outcome not in {"ok", "rule"} for _kind, outcome, _ms, _at in inside)
            if is_bad or quantiles(times)["p95"] > limit_ms:
                return None if second == last - 1 else second + 1.0
        return 0.0


def quantiles(times: Sequence[float]) -> dict[str, float]:
    """p50, p95, p99 and the worst, in ms."""
    if not times:
        return {"p50": 0.0, "p95": 0.0, "p99": 0.0, "max": 0.0}
    ordered = sorted(times)
    at = {
        name: ordered[min(len(ordered) - 1, int(len(ordered) * q))]
        for name, q in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
    }
    return {name: round(ms, 1) for name, ms in (at | {"max": ordered[-1]}).items()}


class Driver:
    """Sends clerks to work."""

    def __init__(self, roles: list[Role], mix: dict[str, float], seed: int = 1) -> None:
        self.mix, self.random = mix, Random(seed)
        self.roles = roles
        self.writers = [role for role in roles if role.person.depth >= 4]
        self.reporters = [role for role in roles if role.to_report]
        self.returners = [role for role in roles if role.to_send_back]
        self.part = Part("", 0, 0)
        self.visits: Visits

    def note(self, kind: str, outcome: str, seconds: float, status: int, again: bool) -> None:  # noqa: FBT001 - as `visits.Note` says
        """One request has ended."""
        part = self.part
        part.notes.append((kind, outcome, seconds * 1000, time.perf_counter() - part.began))
        part.statuses[f"{kind}: {status}" if outcome in {"wrong", "rule"} else str(status)] += 1
        if outcome == "refused" and not again:
            part.without_retry_after += 1

    async def run(self, part: Part) -> Part:
        """Let visits arrive for the part's time, then wait for those under way."""
        self.part = part
        part.began = time.perf_counter()
        cpu, ticks = time.process_time(), _ticks()
        beats: list[float] = []
        pulse = asyncio.create_task(_pulse(beats))
        under_way: set[asyncio.Task[None]] = set()
        due = part.began
        while (due := due + self.random.expovariate(part.rate)) < part.began + part.seconds:
            if (wait := due - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            part.visits += 1
            if len(under_way) >= MOST:
                part.not_begun += 1
                continue
            task = asyncio.create_task(self._visit(due))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
            if part.visits % 50 == 0:
                await asyncio.sleep(0)
        took = time.perf_counter() - part.began
        part.client_cpu = (time.process_time() - cpu) / took / (os.cpu_count() or 1)
        part.machine_cpu = _busy(ticks, _ticks())
        if under_way:
            await asyncio.wait(under_way)
        part.took = max(took, part.seconds)
        pulse.cancel()
        part.late_ms = quantiles([beat * 1000 for beat in beats])["p99"]
        return part

    async def _visit(self, due: float) -> None:
        kind = self.random.choices(list(self.mix), list(self.mix.values()))[0]
        some = {
            "form_new": self.writers,
            "form_edit": self.writers,
            "report": self.reporters,
            "send_back": self.returners,
        }
        role = self.random.choice(some.get(kind) or self.roles)
        try:
            await self.visits.kind(kind)(role, due)
        except Ended:
            return


async def _pulse(beats: list[float]) -> None:
    """How late the client itself is."""
    while True:
        planned = time.perf_counter() + 0.05
        await asyncio.sleep(0.05)
        beats.append(max(0.0, time.perf_counter() - planned))


def _ticks() -> tuple[int, int]:
    """All and idle ticks of the machine; zeros where the system does not tell."""
    try:
        with Path("/proc/stat").open() as stat:
            values = [int(value) for value in stat.readline().split()[1:9]]
    except OSError:
        return 0, 0
    return sum(values), values[3] + values[4]


def _busy(before: tuple[int, int], after: tuple[int, int]) -> float:
    every = after[0] - before[0]
    return 1 - (after[1] - before[1]) / every if every else 0.0
