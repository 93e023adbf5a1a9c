"""The one place that makes an identity number unique over several tables.

``identity_claim`` is unique over (registry, id_key); ``id_key`` is a keyed hash of the normalised number, so
that the numbers themselves may be encrypted without losing uniqueness or look-up (AID-R039).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass

from flask import current_app
from flask_appbuilder import Model
from sqlalchemy import ColumnElement, Index, String, UniqueConstraint, delete, select, true
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


@dataclass(frozen=True)
class Claim:
    """What a record says: this number is mine, in this role (``head``, ``member``)."""

    number: str
    role: str
    field: str


def id_key(number: str) -> str:
    """HMAC-SHA256 of the normalised number under the installation's index key, in hex."""
    key: bytes = current_app.config["IDENTITY_KEY"]
    return hmac.new(key, identity.normal(number).encode(), hashlib.sha256).hexdigest()


def holders(session: Session, registry: str, numbers: Iterable[str]) -> dict[str, IdentityClaim]:
    """id_key → who holds it, for those of ``numbers`` that are taken. One statement."""
    keys = {id_key(number) for number in numbers}
    if not keys:
        return {}
    found = session.scalars(
        select(IdentityClaim)
        .where(IdentityClaim.within == registry, IdentityClaim.id_key.in_(keys))
        .execution_options(**door("identity uniqueness is national"))
    )
    return {claim.id_key: claim for claim in found}


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


def release(session: Session, record_type: str, record_id: int) -> None:
    """Give every number of a deleted record free."""
    session.execute(
        delete(IdentityClaim)
        .where(IdentityClaim.record_type == record_type, IdentityClaim.record_id == record_id)
        .execution_options(**door("a record's own claims"))
    )
