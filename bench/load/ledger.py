"""What the client was told of every write, and whether the database says the same: all or nothing, exactly once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg

#: of a write that got no whole answer nothing is known: it may stand or not, but not by half and not twice
DONE, REFUSED, UNKNOWN = "done", "refused", "unknown"


@dataclass
class Write:
    """One write as the client knows it."""

    outcome: str
    archive: int = 0
    #: of a new file: its ID number and how many live with the householder
    number: str = ""
    members: int = 0
    #: of a change: what now stands in the address
    mark: str = ""


@dataclass
class Ledger:
    """Every write of a run."""

    since: datetime
    created: list[Write] = field(default_factory=list)
    edited: list[Write] = field(default_factory=list)
    steps: dict[str, list[Write]] = field(default_factory=lambda: {"report": [], "send_back": []})

    def check(self, server: psycopg.Connection[Any]) -> dict[str, Any]:
        """Compare with the database. ``wrong`` lists what differs, in words; it must be empty."""
        wrong = [*self._created(server), *self._edited(server)]
        for step, writes in self.steps.items():
            wrong += self._stepped(server, step, writes)
        wrong += _halves(server, self.since)
        outcomes = {
            name: dict(Counter(write.outcome for write in writes))
            for name, writes in {"new files": self.created, "changes": self.edited, **self.steps}.items()
        }
        return {"writes": outcomes, "wrong": wrong}

    def _created(self, server: psycopg.Connection[Any]) -> Iterable[str]:
        numbers = [write.number for write in self.created]
        rows = server.execute(
            "SELECT id_card_no, array_agg(id) FROM archive WHERE id_card_no = ANY(%s) AND created_at >= %s GROUP BY 1",
            [numbers, self.since],
        ).fetchall()
        found: dict[str, list[int]] = dict(rows)
        ids = [archive for archives in found.values() for archive in archives]
        members = _count(
            server, "SELECT archive_id, count(*) FROM family_member WHERE archive_id = ANY(%s)", ids
        )
        claims = _count(server, f"SELECT record_id, count(*) FROM identity_claim WHERE {_OF}", ids)
        versions = _count(
            server, f"SELECT record_id, count(*) FROM record_version WHERE {_OF} AND step = 'add'", ids
        )
        for write in self.created:
            stand = found.get(write.number, [])
            if len(stand) not in _allowed([write.outcome]):
                yield f"new file {write.number[:6]}…: told {write.outcome}, stands {len(stand)} times"
            for archive in stand:
                if write.archive and archive != write.archive:
                    yield f"new file {archive}: was told it is {write.archive}"
                have = (members[archive], claims[archive], versions[archive])
                if have != (write.members, write.members + 1, 1):
                    yield f"new file {archive}: members, numbers, versions are {have}, not {write.members}, + 1, 1"

    def _edited(self, server: psycopg.Connection[Any]) -> Iterable[str]:
        ids = list({write.archive for write in self.edited})
        addresses = dict(
            server.execute("SELECT id, home_address FROM archive WHERE id = ANY(%s)", [ids]).fetchall()
        )
        versions = _count(
            server,
            f"SELECT record_id, count(*) FROM record_version WHERE {_OF} AND step = 'edit' AND at >= %s",
            ids,
            self.since,
        )
        for archive in ids:
            writes = [write for write in self.edited if write.archive == archive]
            if versions[archive] not in _allowed([write.outcome for write in writes]):
                told = Counter(write.outcome for write in writes)
                yield f"changed file {archive}: told {dict(told)}, has {versions[archive]} versions"
            possible = set[str]()
            for write in writes:  # the last that is known to stand, or any of the unknown after it
                if write.outcome == DONE:
                    possible = {write.mark}
                elif write.outcome == UNKNOWN and possible:
                    possible.add(write.mark)
            if possible and addresses.get(archive) not in possible:
                yield f"changed file {archive}: the last change told as done does not stand"

    def _stepped(self, server: psycopg.Connection[Any], step: str, writes: list[Write]) -> Iterable[str]:
        ids = list({write.archive for write in writes})
        asked = f"WHERE {_OF} AND step = %s AND at >= %s"
        logs = _count(server, f"SELECT record_id, count(*) FROM step_log {asked}", ids, step, self.since)
        versions = _count(
            server, f"SELECT record_id, count(*) FROM record_version {asked}", ids, step, self.since
        )
        for archive in ids:
            told = [write.outcome for write in writes if write.archive == archive]
            if logs[archive] not in _allowed(told) or versions[archive] != logs[archive]:
                have = f"{logs[archive]} lines in the log and {versions[archive]} versions"
                yield f"{step} of {archive}: told {dict(Counter(told))}, has {have}"


_OF = "record_type = 'archive' AND record_id = ANY(%s)"


def _count(server: psycopg.Connection[Any], statement: str, ids: list[int], *more: Any) -> Counter[int]:
    return Counter(dict(server.execute(f"{statement} GROUP BY 1", [ids, *more]).fetchall()))


def _allowed(outcomes: list[str]) -> range:
    """How many of such writes may stand."""
    done = outcomes.count(DONE)
    return range(done, done + outcomes.count(UNKNOWN) + 1)


def _halves(server: psycopg.Connection[Any], since: datetime) -> list[str]:
    """Writes of the run that stand by half, whoever made them."""
    questions = {
        "new files without a version": "SELECT count(*) FROM archive a WHERE created_at >= %s AND created_by_id IS NOT NULL"
        " AND NOT EXISTS (SELECT 1 FROM record_version v WHERE v.record_type = 'archive' AND v.record_id = a.id AND v.step = 'add')",
        "versions of no file": "SELECT count(*) FROM record_version v WHERE at >= %s AND record_type = 'archive'"
        " AND NOT EXISTS (SELECT 1 FROM archive a WHERE a.id = v.record_id)",
        "steps without their reminder": "SELECT count(*) FROM step_log s WHERE at >= %s AND record_type = 'archive'"
        " AND step IN ('report', 'send_back') AND account_name LIKE 'load%%'"
        " AND NOT EXISTS (SELECT 1 FROM reminder r WHERE r.id = s.reminder_id)",
    }
    found = {name: server.execute(statement, [since]).fetchone() for name, statement in questions.items()}
    return [f"{row[0]} {name}" for name, row in found.items() if row and row[0]]
