"""A workbook laid out row by row in a small database file of its own, while it is being imported.

Members find their householder, the same number its other rows, and a worker that takes over its place, without the
workbook being read twice or held in memory. The file lies beside the upload and goes with it; all that is in it can
be made again from the upload, but for the reasons, which are written before the chunk that they belong to.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_TABLES = """
CREATE TABLE row (sheet INT, number INT, key TEXT, cells TEXT, PRIMARY KEY (sheet, number)) WITHOUT ROWID;
CREATE TABLE person (number TEXT, sheet INT, row INT);
CREATE TABLE fault (sheet INT, row INT, kind TEXT, words TEXT);
CREATE TABLE reason (sheet INT, row INT, words TEXT, PRIMARY KEY (sheet, row)) WITHOUT ROWID;
CREATE TABLE fact (name TEXT PRIMARY KEY, value TEXT);
"""
_INDEXES = """
CREATE INDEX row_key ON row (sheet, key);
CREATE INDEX person_number ON person (number);
CREATE INDEX fault_row ON fault (sheet, row);
"""

Cells = list[Any]
Fault = tuple[str, str]


@dataclass(frozen=True)
class StagedRow:
    """One row of a sheet: its number in the workbook, what it is known by, its cells in the order of the plan."""

    number: int
    key: str
    cells: Cells
    #: which of the sheets it stands in
    sheet: int = 0


class Stage:
    """The rows of one upload. Sheet 0 holds the records, the others the inline rows of each child.

    A layout with several kinds of records says how many of the first sheets hold some (`Layout.kinds`).
    """

    def __init__(self, path: Path) -> None:
        self._file = sqlite3.connect(path, isolation_level=None)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    @property
    def is_ready(self) -> bool:
        """Whether the whole workbook has been laid out."""
        asked = "SELECT count(*) FROM sqlite_master WHERE name = 'person_number'"
        return bool(self._file.execute(asked).fetchone()[0])

    # --- laying out -------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Start afresh; nothing is kept before `finish`."""
        self._file.execute("BEGIN IMMEDIATE")
        for line in filter(str.strip, _TABLES.split(";")):
            self._file.execute(line)

    def add(
        self, rows: Sequence[tuple[int, int, str, Cells]], people: Iterable[tuple[str, int, int]]
    ) -> None:
        """Rows as (sheet, number, key, cells), and the identity numbers that stand in them."""
        packed = [(sheet, number, key, _pack(cells)) for sheet, number, key, cells in rows]
        self._file.executemany("INSERT INTO row VALUES (?, ?, ?, ?)", packed)
        self._file.executemany("INSERT INTO person VALUES (?, ?, ?)", people)

    def blame(self, sheet: int, first: int, last: int, kind: str, words: Any) -> None:
        """Say what is wrong with some rows whatever they hold; ``kind`` is for who reads it."""
        told = (
            "INSERT INTO fault SELECT sheet, number, ?, ? FROM row WHERE sheet = ? AND number BETWEEN ? AND ?"
        )
        self._file.execute(told, (kind, str(words), sheet, first, last))

    def finish(self, facts: dict[str, Any]) -> None:
        """Keep it, and what is to be known of it."""
        told = [(name, json.dumps(value)) for name, value in facts.items()]
        self._file.executemany("INSERT INTO fact VALUES (?, ?)", told)
        for line in filter(str.strip, _INDEXES.split(";")):
            self._file.execute(line)
        self._file.execute("COMMIT")

    def fact(self, name: str) -> Any:
        """What was to be known of it."""
        (value,) = self._file.execute("SELECT value FROM fact WHERE name = ?", (name,)).fetchone()
        return json.loads(value)

    # --- reading ----------------------------------------------------------------------------------------------

    def count(self, kinds: int = 1) -> int:
        """The records: the rows of the first sheets."""
        return int(self._file.execute("SELECT count(*) FROM row WHERE sheet < ?", (kinds,)).fetchone()[0])

    def records(self, skip: int, most: int, kinds: int = 1) -> list[StagedRow]:
        """Records in the order of sheets and rows, ``skip`` of them left out."""
        asked = "SELECT number, key, cells, sheet FROM row WHERE sheet < ? ORDER BY sheet, number LIMIT ? OFFSET ?"
        return [
            StagedRow(number, key, json.loads(cells), sheet)
            for number, key, cells, sheet in self._file.execute(asked, (kinds, most, skip))
        ]

    def lines(self, sheet: int, keys: Iterable[str]) -> dict[str, list[StagedRow]]:
        """The inline rows of some records by what these are known by, in the order of the workbook."""
        found: dict[str, list[StagedRow]] = {}
        asked = (
            "SELECT number, key, cells FROM row WHERE sheet = ? AND key IN "
            "(SELECT value FROM json_each(?)) ORDER BY number"
        )
        for number, key, cells in self._file.execute(asked, (sheet, json.dumps([k for k in keys if k]))):
            found.setdefault(key, []).append(StagedRow(number, key, json.loads(cells)))
        return found

    def orphans(self, sheet: int) -> Iterator[StagedRow]:
        """Inline rows that name no record of this workbook."""
        asked = (
            "SELECT number, key, cells FROM row WHERE sheet = ? AND (key = '' OR key NOT IN "
            "(SELECT key FROM row WHERE sheet = 0)) ORDER BY number"
        )
        for number, key, cells in self._file.execute(asked, (sheet,)):
            yield StagedRow(number, key, json.loads(cells))

    def faults(self, rows: Iterable[tuple[int, int]]) -> dict[tuple[int, int], list[Fault]]:
        """What was said of some rows, each (sheet, number), while they were laid out: kind and words."""
        found: dict[tuple[int, int], list[Fault]] = {}
        asked = (
            "SELECT fault.sheet, fault.row, kind, words FROM json_each(?) AS asked JOIN fault "
            "ON fault.sheet = json_extract(asked.value, '$[0]') AND fault.row = json_extract(asked.value, '$[1]')"
        )
        places = json.dumps([list(place) for place in rows])
        for sheet, row, kind, words in self._file.execute(asked, (places,)):
            found.setdefault((sheet, row), []).append((kind, words))
        return found

    def first_rows(self, keys: Iterable[str]) -> dict[str, int]:
        """What records are known by → the first row that is."""
        asked = (
            "SELECT key, min(number) FROM row WHERE sheet = 0 AND key IN (SELECT value FROM json_each(?)) "
            "GROUP BY key"
        )
        return dict(self._file.execute(asked, (json.dumps(list(keys)),)))

    def doubles(self) -> Iterator[list[tuple[int, int]]]:
        """The places, each (sheet, row), of every identity number that stands in the workbook more than once."""
        asked = (
            "SELECT json_group_array(json_array(sheet, row)) FROM (SELECT number, sheet, row FROM person "
            "WHERE number IN (SELECT number FROM person GROUP BY number HAVING count(*) > 1) "
            "ORDER BY number, sheet, row) GROUP BY number"
        )
        for (places,) in self._file.execute(asked).fetchall():
            yield sorted((sheet, row) for sheet, row in json.loads(places))

    # --- what came of it --------------------------------------------------------------------------------------

    def judge(self, reasons: Iterable[tuple[int, int, str]]) -> None:
        """Note (sheet, row, words); a chunk that is done again says it again."""
        self._file.execute("BEGIN IMMEDIATE")
        self._file.executemany("INSERT OR REPLACE INTO reason VALUES (?, ?, ?)", reasons)
        self._file.execute("COMMIT")

    def reasons(self, sheet: int) -> dict[int, str]:
        """Row → words."""
        return dict(self._file.execute("SELECT row, words FROM reason WHERE sheet = ?", (sheet,)))


def _odd(cell: Any) -> dict[str, str]:
    """A cell that cannot be taken, in its place."""
    return {"text": cell.text, "odd": str(cell.words)}


_pack = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), default=_odd).encode
