"""The one place that makes an identity number unique over several tables.

``identity_claim`` is unique over (registry, id_key); ``id_key`` is a keyed hash of the normalised number, so
that the numbers themselves may be encrypted without losing uniqueness or look-up (AID-R039).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, NamedTuple

from flask import current_app
from flask_appbuilder import Model
from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Index,
    String,
    UniqueConstraint,
    delete,
    func,
    literal,
    select,
    true,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.kit import identity
from app.kit.scope import Actor, Scoped, door


class IdentityClaim(Scoped, Model):
    """One number, registered by one record in one role."""

    __tablename__ = "identity_claim"
    __table_args__ = (
        UniqueConstraint("registry", "id_key"),
        Index("ix_identity_claim_record", "record_type", "record_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    within: Mapped[str] = mapped_column("registry", String(20))
    id_key: Mapped[str] = mapped_column(String(64))
    record_type: Mapped[str] = mapped_column(String(40))
    record_id: Mapped[int] = mapped_column()
    role: Mapped[str] = mapped_column(String(20))

    @classmethod
    def scope(cls, who: Actor) -> ColumnElement[bool]:
        """National: a row holds a hash and a pointer; the record that it points at has a scope of its own."""
        return true()

    def in_scope(self, who: Actor) -> bool:
        """As its record."""
        return True


class Claim(NamedTuple):
    """What a record says: this number is mine, in this role (``head``, ``member``)."""

    number: str
    role: str
    field: str


def id_key(number: str) -> str:
    """HMAC-SHA256 of the normalised number under the installation's index key, in hex."""
    looked_up = _known.get()
    if looked_up is not None and number in looked_up.keys:
        return looked_up.keys[number]
    key: bytes = current_app.config["IDENTITY_KEY"]
    return hmac.digest(key, identity.normal(number).encode(), hashlib.sha256).hex()


@dataclass(frozen=True)
class _Known:
    """What was looked up: number → key, and key → the row of who holds it."""

    registry: str
    keys: dict[str, str]
    taken: dict[str, Any]


_known: ContextVar[_Known | None] = ContextVar("known", default=None)
#: keys asked for in one statement; SQLite takes 32,766 values
_AT_ONCE = 10_000


@contextmanager
def known(session: Session, registry: str, numbers: Iterable[str]) -> Iterator[None]:
    """Within it `holders` answers for these numbers without asking again: one look-up for many records."""
    keys = {number: id_key(number) for number in numbers}
    token = _known.set(_Known(registry, keys, _taken(session, registry, set(keys.values()))))
    try:
        yield
    finally:
        _known.reset(token)


def holders(session: Session, registry: str, numbers: Iterable[str]) -> dict[str, Any]:
    """id_key → the row of who holds it, for those of ``numbers`` that are taken. One statement, or none."""
    asked, looked_up = list(numbers), _known.get()
    if looked_up is not None and looked_up.registry == registry and all(n in looked_up.keys for n in asked):
        keys, taken = looked_up.keys, looked_up.taken
        return {keys[number]: taken[keys[number]] for number in asked if keys[number] in taken}
    return _taken(session, registry, {id_key(number) for number in asked})


def _taken(session: Session, registry: str, keys: Iterable[str]) -> dict[str, Any]:
    asked, found = list(keys), dict[str, Any]()
    for start in range(0, len(asked), _AT_ONCE):
        rows = session.execute(
            select(
                IdentityClaim.id_key, IdentityClaim.record_type, IdentityClaim.record_id, IdentityClaim.role
            )
            .where(
                IdentityClaim.within == registry,
                IdentityClaim.id_key.in_(_listed(session, asked[start : start + _AT_ONCE])),
            )
            .execution_options(**door("identity uniqueness is national"))
        )
        found |= {row.id_key: row for row in rows}
    return found


def _listed(session: Session, keys: list[str]) -> Any:
    """Keys for IN: on PostgreSQL one array, which nobody reads key by key and for which no table is scanned."""
    if session.get_bind().dialect.name != "postgresql":
        return keys
    return select(func.unnest(literal(keys, ARRAY(String))))


def register(
    session: Session, registry: str, record_type: str, record_id: int, claims: Iterable[Claim]
) -> None:
    """Make the record's claims exactly these. A number taken meanwhile raises IntegrityError at the flush."""
    wanted = {id_key(claim.number): claim.role for claim in claims}
    mine = session.scalars(
        select(IdentityClaim)
        .where(IdentityClaim.record_type == record_type, IdentityClaim.record_id == record_id)
        .execution_options(**door("a record's own claims"))
    ).all()
    for claim in mine:
        if claim.id_key not in wanted:
            session.delete(claim)
        else:
            claim.role = wanted.pop(claim.id_key)
    session.flush()  # let go before taking: one file may hand a number to another
    session.add_all(
        IdentityClaim(within=registry, id_key=key, record_type=record_type, record_id=record_id, role=role)
        for key, role in wanted.items()
    )
    session.flush()  # so that a clash is reported here


def rows(registry: str, record_type: str, record_id: int, claims: Iterable[Claim]) -> list[dict[str, Any]]:
    """The rows of a new record's claims, for who writes many at once; a number that is taken raises at the insert."""
    return [
        {
            "within": registry,
            "id_key": id_key(claim.number),
            "record_type": record_type,
            "record_id": record_id,
            "role": claim.role,
        }
        for claim in claims
    ]


def let_go(session: Session, registry: str, keys: Iterable[str]) -> None:
    """Give these keys free, whoever holds them."""
    wanted = list(keys)
    if wanted:
        session.execute(
            delete(IdentityClaim)
            .where(IdentityClaim.within == registry, IdentityClaim.id_key.in_(wanted))
            .execution_options(**door("numbers of records that have gone"))
        )


def release(session: Session, record_type: str, record_id: int) -> None:
    """Give every number of a deleted record free."""
    session.execute(
        delete(IdentityClaim)
        .where(IdentityClaim.record_type == record_type, IdentityClaim.record_id == record_id)
        .execution_options(**door("a record's own claims"))
    )
