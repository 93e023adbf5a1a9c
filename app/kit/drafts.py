"""What was typed and not saved, and which submissions were saved already.

A draft survives a closed window and a time-out; a form's token makes a double click save once (AID-R020).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask_appbuilder import Model
from sqlalchemy import JSON, DateTime, ForeignKey, String, UniqueConstraint, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.kit.scope import Actor, Personal

#: characters of a draft's JSON; a household with a hundred members stays below
MAX_LENGTH = 200_000


class FormDraft(Personal, Model):
    """The latest unsaved content of one form of one account."""

    __tablename__ = "form_draft"
    __table_args__ = (UniqueConstraint("account_id", "form"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"))
    form: Mapped[str] = mapped_column(String(100))
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
    saved_at: Mapped[datetime] = mapped_column(DateTime)


class FormToken(Personal, Model):
    """A form that has been saved: its token and the record that came of it."""

    __tablename__ = "form_token"

    token: Mapped[str] = mapped_column(String(64), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"))
    record_id: Mapped[int] = mapped_column()
    saved_at: Mapped[datetime] = mapped_column(DateTime)


def draft_of(session: Session, form: str, actor: Actor) -> FormDraft | None:
    """The account's draft of a form."""
    return session.scalar(
        select(FormDraft).where(FormDraft.account_id == actor.account_id, FormDraft.form == form)
    )


def keep(session: Session, form: str, content: dict[str, Any], actor: Actor) -> None:
    """Store the draft of a form in place of the former one."""
    draft = draft_of(session, form, actor) or FormDraft(account_id=actor.account_id, form=form)
    draft.content, draft.saved_at = content, actor.at
    session.add(draft)


def drop(session: Session, form: str, actor: Actor) -> None:
    """Forget the draft of a form."""
    session.execute(delete(FormDraft).where(FormDraft.account_id == actor.account_id, FormDraft.form == form))


def token_in(form: Mapping[str, Any]) -> str:
    """The token that came with a form; empty for what is none of ours."""
    token = str(form.get("token", ""))
    return token if len(token) <= 64 and token.isascii() and token.isalnum() else ""


def saved_as(session: Session, token: str, actor: Actor) -> int | None:
    """The record that a submission with this token made before."""
    statement = select(FormToken.record_id).where(
        FormToken.token == token, FormToken.account_id == actor.account_id
    )
    return session.scalar(statement)


def spend(session: Session, token: str, record_id: int, actor: Actor) -> None:
    """Note that a token has been used; a second use at the same moment breaks its primary key."""
    session.add(FormToken(token=token, account_id=actor.account_id, record_id=record_id, saved_at=actor.at))
    session.flush()  # the clash belongs here
