"""The lock: so many failures within ten minutes close the door for ten minutes.

Counted in the database, so that several workers agree; derived from the log, so that there is nothing to reset.
A name that does not exist locks like one that does.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from flask import has_request_context, request
from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import Session

from app.models.account import Account
from app.models.login_attempt import COUNTED, ENDS_A_RUN, LoginAttempt
from app.security import sealing

WINDOW = timedelta(minutes=10)
#: failures in a row of one account, from wherever they come (DESIGN §10)
PER_ACCOUNT = 5
#: failures from one address over all names; more than for an account, since a whole office may share an address
PER_ADDRESS = 50
#: failures of an account, or from an address, after which the login page shows a picture too
BEFORE_PUZZLE = 3
#: what anybody can bring about without end, in a log that nobody can prune: one line of each in this time
REPEATED, SPARE = ("locked", "captcha"), timedelta(minutes=1)


def address() -> str:
    """Where the request comes from."""
    return (request.remote_addr or "")[:45] if has_request_context() else ""


def note(
    session: Session,
    typed: str,
    outcome: str,
    account: Account | None,
    at: datetime,
    factor: str | None = None,
) -> None:
    """Write one line of the log; the caller commits. A repeated refusal of the same knock is written once a minute."""
    if outcome in REPEATED and _is_noted(session, _who(typed, account.id if account else None), outcome, at):
        return
    unit = account.unit if account else None
    session.add(
        LoginAttempt(
            at=at,
            login_name=account.login_name[:100] if account else _unknown(typed),
            account_id=account.id if account else None,
            person_name=account.full_name if account else None,
            unit_id=unit.id if unit else None,
            unit_name=unit.name if unit else None,
            address=address(),
            factor=factor,
            outcome=outcome,
        )
    )


def _is_noted(session: Session, who: ColumnElement[bool], outcome: str, now: datetime) -> bool:
    """Whether the log says so already, of him and from this address, a moment ago."""
    same = (LoginAttempt.address == address(), LoginAttempt.outcome == outcome, LoginAttempt.at > now - SPARE)
    return bool(session.scalar(select(exists().where(who, *same))))


def _unknown(typed: str) -> str:
    """A name that nobody has, as the log keeps it: it may be a password in the wrong field."""
    return f"?{sealing.digest('unknown name', typed.strip().lower())[:16]}"


def locked_until(session: Session, typed: str, account_id: int | None, now: datetime) -> datetime | None:
    """When the door opens again for this account, or name, and this address; None when it is open."""
    until = [_end(session, _who(typed, account_id), PER_ACCOUNT, ENDS_A_RUN, now)]
    if address():
        until.append(_end(session, LoginAttempt.address == address(), PER_ADDRESS, (), now))
    return max((end for end in until if end), default=None)


def is_doubtful(session: Session, typed: str, account_id: int | None, now: datetime) -> bool:
    """Whether who logs in has to answer a puzzle first: three failures of the account, or from the address, lately."""
    if typed and _end(session, _who(typed, account_id), BEFORE_PUZZLE, ENDS_A_RUN, now):
        return True
    if not address():
        return False
    lately = (
        select(LoginAttempt.id)
        .where(
            LoginAttempt.address == address(),
            LoginAttempt.outcome.in_(COUNTED),
            LoginAttempt.at > now - WINDOW,
        )
        .order_by(LoginAttempt.id.desc())
        .limit(BEFORE_PUZZLE)
    )
    return session.scalar(select(func.count()).select_from(lately.subquery())) == BEFORE_PUZZLE


def _who(typed: str, account_id: int | None) -> ColumnElement[bool]:
    """The lines of an account, or of a name that nobody has."""
    if account_id is None:
        return LoginAttempt.login_name == _unknown(typed)
    return LoginAttempt.account_id == account_id


def _end(
    session: Session, who: ColumnElement[bool], allowed: int, ended_by: tuple[str, ...], now: datetime
) -> datetime | None:
    rows = session.execute(
        select(LoginAttempt.at, LoginAttempt.outcome)
        .where(
            who,
            LoginAttempt.outcome.in_((*COUNTED, *ended_by)),
            LoginAttempt.at > now - 2 * WINDOW,  # a lock that still holds, and the run that made it
        )
        .order_by(LoginAttempt.id.desc())
        .limit(allowed)
    ).all()
    if len(rows) < allowed or any(row.outcome not in COUNTED for row in rows):
        return None
    last, first = rows[0].at, rows[-1].at
    return last + WINDOW if last - first < WINDOW and now < last + WINDOW else None
