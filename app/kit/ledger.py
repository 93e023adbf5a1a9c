"""Books that only grow: every entry is numbered and sealed over the one before it, so that no change stays unseen.

A record type that is a book mixes in `Sealed` and says what its chains are kept by, e.g. unit and fund::

    1 ──▶ 2 ──▶ 3 ──▶ … ──▶ n      seq without gaps; seal = HMAC(key, seal before + content)
                            ▲
                       ledger_head  last number and seal, under a mark of its own; locked while an entry is added

Who adds an entry holds the head of its chain first: what the rules then read is the truth, whoever adds meanwhile.
The database refuses to change or delete (triggers of the book's migration); `verify` finds what was done past them,
from three witnesses: the seals, the heads, and the history of records (:mod:`app.kit.verifying`). See docs/decisions/0035.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any, ClassVar

from flask import current_app
from flask_appbuilder import Model
from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement, String, UniqueConstraint, inspect, select, true, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, declared_attr, mapped_column

from app.kit import columns
from app.kit.database import FixedPoint
from app.kit.record import Record, session_of
from app.kit.scope import Actor, Scoped, door
from app.kit.workflow import Stateful

#: what the first entry of a chain is sealed over
BEGINNING = ""
#: columns outside the seal: the seal itself, and what says nothing of the entry's content. A unit may be moved
#: (``owner_path``); the id is bound by the history, since it is known only after the seal
UNSEALED = frozenset(
    {"id", "seal", "owner_path", "updated_at", "updated_by_id", "updated_by_name", "version"}
)


class LedgerHead(Scoped, Model):
    """The end of one chain: its last number and seal."""

    __tablename__ = "ledger_head"
    __table_args__ = (UniqueConstraint("book", "chain"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    book: Mapped[str] = mapped_column(String(40))
    chain: Mapped[str] = mapped_column(String(100))
    seq: Mapped[int] = mapped_column()
    seal: Mapped[str] = mapped_column(String(64))
    #: HMAC over all of it, so that a head cannot be set back by who has not the key
    mark: Mapped[str] = mapped_column(String(64))

    @classmethod
    def scope(cls, who: Actor) -> ColumnElement[bool]:
        """Numbers and hashes only; the entries have a scope of their own."""
        return true()

    def in_scope(self, who: Actor) -> bool:
        """Written by the kit alone."""
        return True


@dataclass(frozen=True)
class End:
    """Number and seal of a chain's last entry."""

    seq: int = 0
    seal: str = BEGINNING


def is_sealed(record: Any, actor: Actor) -> Any:
    """An entry stays as it was written (AID-R173)."""
    if record.id is None:
        return None
    return _("「%(entry)s」已登记入账，不能修改或删除；登记有误的，请冲账后重新登记", entry=record.title)


class Sealed(Stateful, Record):
    """Adds number and seal: a record that is written once. No edit, no delete, no step changes it.

    One transaction adds to one chain, or to several in the order of their names.
    """

    __abstract__ = True

    #: the columns by whose values entries are counted together
    chain_keys: ClassVar[tuple[str, ...]] = ()

    seq: Mapped[int] = columns.count(_("流水号"), automatic=True, nullable=False)

    @declared_attr
    def seal(cls) -> Mapped[str]:  # noqa: N805 - a class method to SQLAlchemy
        """The entry's HMAC, in hex; kept in its history too."""
        return mapped_column(String(64), nullable=False)

    edit_guards = (is_sealed,)
    delete_guards = (is_sealed,)

    @property
    def chain(self) -> str:
        """What the entry's chain is called by programs: ``12/union_funds``."""
        return chain_of(self.chain_values)

    @property
    def chain_values(self) -> tuple[Any, ...]:
        """The values of the columns that the chain is kept by."""
        return tuple(getattr(self, key) for key in self.chain_keys)

    def derive(self, actor: Actor) -> None:
        """A new entry holds its chain before anything is judged."""
        super().derive(actor)
        if self.id is None and None not in self.chain_values:
            hold(session_of(self), self.resource(), self.chain)

    def stamp(self, actor: Actor) -> None:
        """Number and seal a new entry: it has been judged, and is stored next."""
        super().stamp(actor)
        if self.seq is not None:
            return
        session, book = session_of(self), self.resource()
        before = hold(session, book, self.chain)
        self.seq = before.seq + 1
        self.seal = seal_of(book, before.seal, content(self))
        _go_on(session, book, self.chain, End(self.seq, self.seal))


def chain_of(values: Iterable[Any]) -> str:
    """The name of the chain with these key values."""
    return "/".join(str(value) for value in values)


# --- sealing --------------------------------------------------------------------------------------------------


@cache
def _own_key(key: bytes) -> bytes:
    """The ledger's own key, derived from the installation's."""
    return hmac.digest(key, b"ledger", hashlib.sha256)


def _hmac(*parts: Any) -> str:
    key = _own_key(current_app.config["IDENTITY_KEY"])
    return hmac.digest(key, _canonical(parts).encode(), "sha256").hex()


#: one text for one content
_canonical = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode


def seal_of(book: str, before: str, told: Mapping[str, Any]) -> str:
    """The seal of an entry over the one before it."""
    return _hmac("entry", book, before, told)


def mark_of(book: str, chain: str, end: End) -> str:
    """The mark of a head."""
    return _hmac("head", book, chain, end.seq, end.seal)


@cache
def sealed_columns(cls: Any) -> tuple[tuple[str, Any], ...]:
    """The columns under the seal, by name."""
    kept = {one.key: one.columns[0] for one in inspect(cls).column_attrs if one.key not in UNSEALED}
    return tuple(sorted(kept.items()))


def content(entry: Any) -> dict[str, Any]:
    """What is sealed of an entry; the same before it is stored and after it is read."""
    cls: Any = type(entry)
    return {name: plain(column, getattr(entry, name)) for name, column in sealed_columns(cls)}


#: money is kept alike on both databases: what is asked for its whole number does not matter
_ANY = sqlite.dialect()


def plain(column: Any, value: Any) -> Any:
    """A value as JSON says it on both databases: money as a whole number of its last digit."""
    if isinstance(column.type, FixedPoint):
        return column.type.process_bind_param(value, _ANY)
    return value.isoformat() if isinstance(value, date) else value


# --- the head -------------------------------------------------------------------------------------------------


def hold(session: Session, book: str, chain: str) -> End:
    """Lock a chain until the transaction ends. Returns where it stands; a new one begins."""
    mine = (LedgerHead.book == book) & (LedgerHead.chain == chain)
    look = select(LedgerHead.seq, LedgerHead.seal).where(mine).with_for_update()
    look = look.execution_options(**door("the head of a chain"))
    found = session.execute(look).one_or_none()
    if found is None:
        _begin(session, book, chain)
        found = session.execute(look).one()
    return End(found.seq, found.seal)


def _begin(session: Session, book: str, chain: str) -> None:
    """The head of a chain that has no entries yet; somebody may be doing the same at this moment."""
    insert: Any = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}[session.get_bind().dialect.name]
    row = {"book": book, "chain": chain, "seq": 0, "seal": BEGINNING, "mark": mark_of(book, chain, End())}
    first = insert(LedgerHead).values(row).on_conflict_do_nothing()
    session.execute(first.execution_options(**door("the head of a chain")))


def _go_on(session: Session, book: str, chain: str, end: End) -> None:
    """The chain ends at a new entry."""
    session.execute(
        update(LedgerHead)
        .where(LedgerHead.book == book, LedgerHead.chain == chain)
        .values(seq=end.seq, seal=end.seal, mark=mark_of(book, chain, end))
        .execution_options(synchronize_session=False, **door("the head of a chain"))
    )


# --- books ----------------------------------------------------------------------------------------------------


def books() -> Sequence[type[Sealed]]:
    """Every record type that is a book."""
    found = [one.class_ for one in Model.registry.mappers if issubclass(one.class_, Sealed)]
    return sorted(found, key=lambda cls: cls.resource())
