"""Code tables (代码表): a stable code, a label that may change, values that retire but never vanish.

The seed stands in ``app/codes/*.csv``; the truth is the tables ``code_table`` and ``code_value``, which the
administrator of the root unit edits in the browser. They are read once per process and again when the sum of
their versions, which every request reads with its account, has moved.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flask import current_app
from flask_appbuilder import Model
from sqlalchemy import ScalarSelect, func, insert, select

from app.kit import names
from app.kit.clock import now
from app.kit.database import db

FOLDER = Path(__file__).parents[1] / "codes"


@dataclass(frozen=True)
class Value:
    """One value of a code table."""

    code: str
    label: str
    parent: str = ""
    active: bool = True
    attributes: dict[str, Any] = field(default_factory=dict, hash=False)


@dataclass
class _Table:
    """One code table as this process knows it; never changed, only replaced."""

    by_code: dict[str, Value]
    by_label: dict[str, Value]
    #: what a value of a large table is found by: its code, its full label, the pinyin and the initials of that
    keys: dict[str, str] = field(default_factory=dict)


class _Cache:
    """What this process knows of the code tables. A thread works on the tables that it took; a refresh brings new ones."""

    def __init__(self) -> None:
        self.stamp: int | None = None
        self.tables: dict[str, _Table] = {}


def _cache() -> _Cache:
    found: _Cache = current_app.extensions.setdefault("codes", _Cache())
    return found


def stamp() -> ScalarSelect[Any]:
    """The sum of all versions, to ride along in another query."""
    table = Model.metadata.tables["code_table"]
    return select(func.coalesce(func.sum(table.c.version), 0)).scalar_subquery()


def refresh(now: int | None = None) -> None:
    """Forget what is known when the stamp has moved; without one, always."""
    cache = _cache()
    if now is None or now != cache.stamp:
        cache.stamp, cache.tables = now, {}


def edition() -> int | None:
    """Which state of the code tables this process works on; another number, other tables."""
    return _cache().stamp


def _table(name: str) -> _Table:
    tables = _cache().tables
    if name not in tables:
        values, heads = Model.metadata.tables["code_value"], Model.metadata.tables["code_table"]
        rows = db.session.execute(
            select(values.c.code, values.c.label, values.c.parent, values.c.is_active, values.c.attributes)
            .join(heads, heads.c.id == values.c.code_table_id)
            .where(heads.c.name == name)
            .order_by(values.c.sort_order, values.c.id)
        )
        found = {
            r.code: Value(r.code, r.label, r.parent or "", bool(r.is_active), r.attributes or {})
            for r in rows
        }
        tables[name] = _Table(found, {v.label: v for v in reversed(found.values())})
    return tables[name]


def _load(name: str) -> dict[str, Value]:
    return _table(name).by_code


def values(name: str) -> list[Value]:
    """The values in use, in order."""
    return [value for value in _load(name).values() if value.active]


def find(name: str, code_or_label: str) -> Value | None:
    """The value of that code, or else of that label; retired ones included."""
    table = _table(name)
    return table.by_code.get(code_or_label) or table.by_label.get(code_or_label)


def label(name: str, code: str | None) -> str:
    """The label of a code; the code itself when the table has lost it."""
    value = _load(name).get(code) if code else None
    return value.label if value else code or ""


def full_label(name: str, code: str | None) -> str:
    """The labels from the top of a nested table down to the code, joined: 北京市西城区."""
    table, parts = _load(name), list[str]()
    step = code
    while step and step in table and len(parts) < 9:  # a bound for a table that names itself
        parts.insert(0, table[step].label)
        step = table[step].parent
    return "".join(parts) or code or ""


def _search_key(name: str, value: Value) -> str:
    return f"{value.code.lower()} {names.spelled(full_label(name, value.code))}"


def search(name: str, words: str, most: int) -> list[Value]:
    """The values in use that hold every word, by code, label, pinyin or initials; shorter names first."""
    wanted = words.lower().split()
    if not wanted:
        return values(name)[:most]
    table = _table(name)
    active = [value for value in table.by_code.values() if value.active]
    keys = table.keys or {value.code: _search_key(name, value) for value in active}
    table.keys = keys
    hits = [value for value in active if all(word in keys[value.code] for word in wanted)]
    return sorted(hits, key=lambda value: (not value.label.startswith(wanted[-1]), len(keys[value.code])))[
        :most
    ]


def exists(name: str) -> bool:
    """Whether there is such a code table; a strange name is not remembered."""
    tables = Model.metadata.tables["code_table"]
    return (
        name.isidentifier()
        and db.session.scalar(select(tables.c.id).where(tables.c.name == name)) is not None
    )


def attribute(name: str, code: str | None, key: str) -> Any:
    """An attribute of a value, e.g. ``default_gender`` of a family relation; None when there is none."""
    value = _load(name).get(code) if code else None
    return value.attributes.get(key) if value else None


def seed() -> int:
    """Load the CSV files: new tables and values are added, nothing is renamed or removed. Returns how many."""
    tables, rows = Model.metadata.tables["code_table"], Model.metadata.tables["code_value"]
    known = {name: id_ for id_, name in db.session.execute(select(tables.c.id, tables.c.name))}
    added = 0
    with (FOLDER / "tables.csv").open(encoding="utf-8") as index:
        for order, table in enumerate(csv.DictReader(index)):
            if table["name"] not in known:
                made = db.session.execute(
                    insert(tables).values(
                        name=table["name"],
                        label=table["label"],
                        number=table["ct"],
                        is_editable=table["editable"] == "1",
                        edition=table["edition"],
                        sort_order=order,
                        **_written(),
                    )
                )
                known[table["name"]] = made.inserted_primary_key[0]
            added += _seed_values(table["name"], known[table["name"]], rows)
    refresh()
    return added


def _written() -> dict[str, Any]:
    """What every record has."""
    return {"created_at": now(), "updated_at": now(), "version": 1}


def _seed_values(name: str, table_id: int, rows: Any) -> int:
    have = set(db.session.scalars(select(rows.c.code).where(rows.c.code_table_id == table_id)))
    with (FOLDER / f"{name}.csv").open(encoding="utf-8") as file:
        new = [
            {
                "code_table_id": table_id,
                "code": line["code"],
                "label": line["label"],
                "parent": line["parent"],
                "sort_order": order,
                "is_active": not line["valid_to"],
                "attributes": json.loads(line["attributes"] or "{}"),
                **_written(),
            }
            for order, line in enumerate(csv.DictReader(file))
            if line["code"] not in have
        ]
    if new:
        db.session.execute(insert(rows), new)
    return len(new)
