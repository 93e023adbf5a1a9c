"""Is a book still what was written? Every seal worked out anew, every number asked for, every entry named that is not.

Three witnesses are heard, and each tells what the others cannot: the seals (what an entry said), the heads (how far a
chain had come), the history of records (which entry had which number). One pass over the book in the order of its
chains, with memory for its heads and faults alone: a million entries take about a minute.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from itertools import groupby
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import BigInteger, select, type_coerce
from sqlalchemy.orm import Session

from app.kit import columns, history
from app.kit.changes import json_text
from app.kit.database import FixedPoint
from app.kit.history import RecordVersion
from app.kit.ledger import (
    BEGINNING,
    End,
    LedgerHead,
    Sealed,
    chain_of,
    mark_of,
    seal_of,
    sealed_columns,
)
from app.kit.scope import class_of_table, door

#: rows fetched at a time
AT_ONCE = 2000
#: missing numbers in a row that are named one by one
MOST_NAMED = 100
_LOOK = door("a book is verified as a whole")


@dataclass(frozen=True)
class Fault:
    """One thing that is not as it was written: which chain, which number, what."""

    where: Any
    seq: int
    words: Any

    def __str__(self) -> str:
        return str(_("%(where)s 第%(seq)s号：%(words)s", where=self.where, seq=self.seq, words=self.words))


@dataclass(frozen=True)
class Told:
    """What the history says of an entry's beginning."""

    chain: str
    seq: int
    seal: str
    facts: dict[str, Any]

    @classmethod
    def of(cls, book: type[Sealed], diff: list[list[Any]] | None) -> Told | None:
        """From the version that adding it has written; None without one."""
        if not diff:
            return None
        facts = {name: value for name, _before, value in diff}
        keys = [_code(facts.get(key)) for key in book.chain_keys]
        return cls(chain_of(keys), int(facts.get("seq") or 0), str(facts.get("seal") or ""), facts)


def _code(value: Any) -> Any:
    """A value of the history as the column holds it."""
    return value.get("code") if isinstance(value, dict) else value


@dataclass
class Verification:
    """One look at a whole book; ``entries`` and ``chains`` count what was looked at."""

    session: Session
    book: type[Sealed]
    entries: int = 0
    chains: int = 0
    _names: dict[str, str] = field(default_factory=dict)

    def faults(self) -> Iterator[Fault]:
        """Every fault, chain by chain; none when the book is whole."""
        heads = self._heads()
        for chain, some in groupby(self._rows(), key=self._chain_of):
            self.chains += 1
            yield from self._chain(chain, some, heads.pop(chain, None))
        for chain, head in heads.items():
            self.chains += bool(head.seq)
            yield from self._end(chain, 0, {0: BEGINNING}, head, is_sound=True)
        for (chain, seq), told in self._lost.items():
            yield self._fault(chain, seq, self._gone(told))

    @property
    def _book(self) -> Any:
        """The book, for who takes a mapped class as it comes."""
        return self.book

    @cached_property
    def _names_sealed(self) -> list[str]:
        return [name for name, _column in sealed_columns(self._book)]

    # --- what is read -----------------------------------------------------------------------------------------

    def _rows(self) -> Iterator[tuple[Any, Told | None]]:
        """Every entry in the order of the chains, with what its history tells; fetched in pieces of both."""
        book = self._book
        sealed = [_raw(getattr(book, name), column).label(name) for name, column in sealed_columns(book)]
        keys = [getattr(book, key) for key in book.chain_keys]
        every = select(book.id, book.seal, *sealed).order_by(*keys, book.seq, book.id)
        every = every.execution_options(yield_per=AT_ONCE, **_LOOK)
        for rows in self.session.execute(every).partitions(AT_ONCE):
            diffs = self._diffs([row.id for row in rows])
            for row in rows:
                yield row, Told.of(book, diffs.get(row.id))

    def _diffs(self, ids: list[int]) -> dict[int, list[list[Any]]]:
        """Entry → what adding it has written; its oldest version, since another that says ``add`` was written later."""
        added = (
            select(RecordVersion.record_id, RecordVersion.diff)
            .where(RecordVersion.record_type == self.book.resource(), RecordVersion.record_id.in_(ids))
            .where(RecordVersion.step == "add")
            .order_by(RecordVersion.id.desc())
            .execution_options(**_LOOK)
        )
        return {row.record_id: row.diff for row in self.session.execute(added)}

    def _heads(self) -> dict[str, Any]:
        """Chain → its head."""
        mine = select(LedgerHead.chain, LedgerHead.seq, LedgerHead.seal, LedgerHead.mark)
        mine = mine.where(LedgerHead.book == self.book.resource()).execution_options(**_LOOK)
        return {head.chain: head for head in self.session.execute(mine)}

    @cached_property
    def _lost(self) -> dict[tuple[str, int], Told]:
        """What the history knows of entries that are not there: (chain, number) → its content. Told ones are taken out."""
        book = self._book
        gone = (
            select(RecordVersion.diff)
            .outerjoin(book, book.id == RecordVersion.record_id)
            .where(RecordVersion.record_type == book.resource(), RecordVersion.step == "add")
            .where(book.id.is_(None))
            .execution_options(**_LOOK)
        )
        found = (Told.of(self.book, diff) for diff in self.session.scalars(gone))
        return {(told.chain, told.seq): told for told in found if told}

    def _chain_of(self, entry: tuple[Any, Told | None]) -> str:
        told = entry[0]._mapping
        return chain_of(told[key] for key in self.book.chain_keys)

    # --- one chain --------------------------------------------------------------------------------------------

    def _chain(self, chain: str, rows: Iterable[tuple[Any, Told | None]], head: Any) -> Iterator[Fault]:
        last, true = 0, {0: BEGINNING}  # number → the seal that it was given, as far as a witness knows
        is_sound = True
        for row, said in rows:
            self.entries += 1
            end = row.seq if head is None else min(row.seq, head.seq + 1)
            yield from self._missing(chain, range(last + 1, end), true, self._gone)
            before = true.get(row.seq - 1)
            words = self._wrong(chain, row, said, before)
            is_sound = words is None
            if words is not None:
                yield self._fault(chain, row.seq, words)
            if said is not None and said.chain == chain:
                true[said.seq] = said.seal  # its own number, wherever it stands now
            elif said is None and self._is_whole(row, before):
                true.setdefault(row.seq, row.seal)
            true.pop(row.seq - 2, None)
            last = row.seq
        yield from self._end(chain, last, true, head, is_sound=is_sound)

    def _missing(
        self, chain: str, numbers: range, true: dict[int, str], words: Callable[[Told | None], Any]
    ) -> Iterator[Fault]:
        """A fault for each number that no entry has; many are told together."""
        for seq in numbers[:MOST_NAMED]:
            told = self._lost.pop((chain, seq), None)
            if told is not None:
                true[seq] = told.seal
            yield self._fault(chain, seq, words(told))
        if more := len(numbers[MOST_NAMED:]):
            yield self._fault(chain, numbers[-1], _("到这一号为止，还有%(more)s笔缺失", more=more))

    def _is_whole(self, row: Any, before: str | None) -> bool:
        """Whether an entry's seal is that of its content over the one before it."""
        return before is not None and row.seal == seal_of(self.book.resource(), before, self._content(row))

    def _wrong(self, chain: str, row: Any, said: Told | None, before: str | None) -> Any:
        """Why an entry is not what was written, in words; None when it is. ``before`` is unknown after a gap."""
        is_whole = self._is_whole(row, before)
        if said is None:
            if is_whole:
                return _("内容完好，但没有登记它的历史记录：历史被删除，或这是另外插入的副本")
            return _("不是系统登记的，是另外插入的")
        if (said.chain, said.seq) != (chain, row.seq):
            return _("被换了位置，登记时为%(where)s 第%(seq)s号", where=self._where(said.chain), seq=said.seq)
        if is_whole and row.seal == said.seal:
            return None
        if changed := self._changed(row, said):
            return _("内容被改动：%(what)s", what="；".join(changed))
        return None if before is None and row.seal == said.seal else _("内容或印记被改动")

    def _content(self, row: Any) -> dict[str, Any]:
        """What is sealed of a row; whole numbers, money among them, are as they were sealed."""
        values = [one.isoformat() if isinstance(one, date) else one for one in row[2:]]
        return dict(zip(self._names_sealed, values, strict=True))

    def _changed(self, row: Any, said: Told) -> list[str]:
        """What the entry says otherwise than its history: 收入 100.0 → 900.0."""
        cls = self._book
        now = history.snapshot(
            self.session.scalars(select(cls).where(cls.id == row.id).execution_options(**_LOOK)).one()
        )
        fields, names = cls.fields(), [name for name, _column in sealed_columns(cls)]
        return [
            f"{_label(fields, name)} {_text(fields, name, said.facts.get(name))} → {_text(fields, name, now[name])}"
            for name in names
            if now[name] != said.facts.get(name)
        ]

    def _end(
        self, chain: str, last: int, true: dict[int, str], head: Any, *, is_sound: bool
    ) -> Iterator[Fault]:
        """What the head says against the last entry."""
        if head is None:
            yield self._fault(chain, last, _("这本账的末号记录缺失"))
            return
        if head.mark != mark_of(self.book.resource(), chain, End(head.seq, head.seal)):
            yield self._fault(chain, head.seq, _("这本账的末号记录被改动"))
        yield from self._missing(chain, range(last + 1, head.seq + 1), true, self._cut)
        if head.seq < last:
            words = _("末号记录只到第%(seq)s号，其后的各笔不是系统登记的，或末号记录被退回", seq=head.seq)
            yield self._fault(chain, last, words)
        elif head.seq == last and is_sound and head.seal != true.get(last, head.seal):
            yield self._fault(chain, last, _("末号记录的印记与末笔不符"))

    # --- in words ---------------------------------------------------------------------------------------------

    def _fault(self, chain: str, seq: int, words: Any) -> Fault:
        return Fault(self._where(chain), seq, words)

    def _where(self, chain: str) -> str:
        """What a chain is called by people: its unit, its fund."""
        if chain not in self._names:
            fields = self.book.fields()
            parts = zip(self.book.chain_keys, chain.split("/"), strict=False)
            self._names[chain] = " ".join(self._named(fields[key], raw) for key, raw in parts)
        return self._names[chain]

    def _named(self, one: columns.Field, raw: str) -> str:
        if not isinstance(one, columns.ReferenceField):
            return one.text(raw)
        cls = class_of_table(one.target)
        mine = select(cls).where(cls.id == int(raw)).execution_options(**_LOOK)
        found = self.session.scalar(mine) if raw.isdigit() else None
        return str(found.title) if found is not None else raw

    def _gone(self, told: Told | None) -> Any:
        return _("缺失，被删除%(what)s", what=self._was(told))

    def _cut(self, told: Told | None) -> Any:
        return _("缺失，账本末尾被截去%(what)s", what=self._was(told))

    def _was(self, told: Told | None) -> str:
        """What a lost entry said, as its history has it."""
        if told is None:
            return ""
        fields = self.book.fields()
        names = [name for name, _column in sealed_columns(self._book) if name in fields and name != "seq"]
        said = [
            f"{fields[n].label} {_text(fields, n, told.facts[n])}"
            for n in names
            if told.facts.get(n) is not None
        ]
        return f"（{'，'.join(said)}）"


def _raw(attribute: Any, column: Any) -> Any:
    """A column as the seal reads it: money as the database keeps it."""
    return type_coerce(attribute, BigInteger) if isinstance(column.type, FixedPoint) else attribute


Fields = dict[str, columns.Field]


def _label(fields: Fields, name: str) -> str:
    """What a column is called; one that no person sees keeps its own name."""
    return str(fields[name].label) if name in fields else name


def _text(fields: Fields, name: str, value: Any) -> str:
    """A value of the history for a reader."""
    return json_text(fields[name], value) if name in fields else str(value)
