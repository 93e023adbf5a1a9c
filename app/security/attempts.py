"""The lock: so many failures within ten minutes close the door for ten minutes.

Counted in the database, so that several workers agree; derived from the log, so that there is nothing to reset.
A name that does not exist locks like one that does.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from flask import has_request_context, request
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from app.models.login_attempt import ENDS_A_RUN, LoginAttempt

WINDOW = timedelta(minutes=10)
#: failures in a row of one account, from wherever they come (DESIGN §10)
PER_ACCOUNT = 5
#: failures from one address over all names; more than for an account, since a whole office may share an address
PER_ADDRESS = 50


def address() -> str:
    """Where the request comes from."""
    return (request.remote_addr or "")[:45] if has_request_context() else ""


def note(session: Session, login_name: str, outcome: str, account_id: int | None, at: datetime) -> None:
    """Write one line of the log; the caller commits."""
    name = login_name.strip().lower()[:100]
    session.add(
        LoginAttempt(at=at, login_name=name, account_id=account_id, address=address(), outcome=outcome)
    )


def locked_until(session: Session, login_name: str, account_id: int | None, now: datetime) -> datetime | None:
    """When the door opens again for this account, or name, and this address; None when it is open."""
    if account_id is None:
        who = LoginAttempt.login_name == login_name.strip().lower()[:100]
    else:
        who = LoginAttempt.account_id == account_id
    until = [_end(session, who, PER_ACCOUNT, ENDS_A_RUN, now)]
    if address():
        until.append(_end(session, LoginAttempt.address == address(), PER_ADDRESS, (), now))
    return max((end for end in until if end), default=None)


def _end(
    session: Session, who: ColumnElement[bool], allowed: int, ended_by: tuple[str, ...], now: datetime
) -> datetime | None:
    rows = session.execute(
        select(LoginAttempt.at, LoginAttempt.outcome)
        .where(who, LoginAttempt.outcome.in_(("wrong", *ended_by)))
        .order_by(LoginAttempt.id.desc())
        .limit(allowed)
    ).all()
    if len(rows) < allowed or any(row.outcome != "wrong" for row in rows):
        return None
    last, first = rows[0].at, rows[-1].at
    return last + WINDOW if last - first < WINDOW and now < last + WINDOW else None
