"""What the kit promises of every input is tried whole on a few record types, and in shares on all the others.

Each share is chosen by the name of the record type, so that together they try everything several times over, on both
databases; see docs/decisions/0041.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TypeVar
from zlib import crc32

Thing = TypeVar("Thing")

on_postgresql = os.environ.get("TEST_DATABASE_URL", "").startswith("postgresql")
#: a household with members, a plain reportable record, a book that nobody edits, a person
WHOLE = {"archive", "petition", "fund_entry", "account"}
SHARES = 3


def share(resource: str, every: Iterable[Thing]) -> list[Thing]:
    """All of it for a record type that takes the whole, else every third."""
    every = list(every)
    return (
        every if resource in WHOLE else every[(crc32(resource.encode()) + on_postgresql) % SHARES :: SHARES]
    )
