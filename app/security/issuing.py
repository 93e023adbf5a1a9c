"""One-time passwords of many people: made by a job, handed out once, never stored (in place of AID-R216).

    begin(session, issue, actor)      asks for the job; again for those who have not logged in yet
    lines(session, issue, actor)      who is on the slip, and his password as long as it is to be had
    fetch(session, issue, actor)      the same for the file, for the last time

A password follows from the issue's secret, the server's key and the account. Whoever has the database alone, or the key
alone, has none of them; when the secret goes, nobody can work them out any more.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import current_app
from flask_babel import lazy_gettext as _
from sqlalchemy import select, update
from sqlalchemy.orm import Session, selectinload

from app.kit import audit, jobs
from app.kit.errors import Missing, Refused
from app.kit.jobs import Job, JobContext
from app.kit.record import lock
from app.kit.scope import Actor
from app.models.account import Account
from app.models.password_issue import STATES, PasswordIssue, PasswordSlip
from app.models.unit import full_names
from app.security import attempts, policy

#: people whose passwords are made together: hashing them takes about a second
CHUNK = 20


@dataclass
class Line:
    """One person of an issue; without a password where he has another by now."""

    unit: str
    name: str
    login_name: str
    password: str = ""


def password_of(secret: str, account_id: int) -> str:
    """The password of an account in an issue: of the shape of every one-time password."""
    key = str(current_app.config["SECRET_KEY"]).encode()
    for time in range(1000):
        digest = hmac.new(key, f"one-time {secret} {account_id} {time}".encode(), hashlib.sha512).digest()
        if password := policy.spelled(digest):
            return password
    raise RuntimeError("no password in a thousand digests")


def making(session: Session, issue: PasswordIssue) -> Job | None:
    """The job that makes the passwords."""
    return session.scalar(select(Job).where(Job.id == issue.making_id)) if issue.making_id else None


def why_not(session: Session, issue: PasswordIssue, deed: str) -> Any:
    """Why passwords may not be made (``make``) or taken (``fetch``) now; None when they may."""
    state = issue.state(making(session, issue))
    if deed == "make":
        return _("口令正在生成，请稍候") if state == "making" else None
    told = {
        "waiting": _("还没有生成口令"),
        "making": _("口令正在生成，请稍候"),
        "fetched": _("口令表已经下载过，只能下载一次；没有登录过的人可以重新生成"),
        "expired": _("口令已超过72小时，不能再用，请重新生成"),
    }
    return told.get(state)


def begin(session: Session, issue: PasswordIssue, actor: Actor) -> int:
    """Ask for new passwords; commits. Returns the job's id. Raises Refused."""
    lock(issue)
    if why := why_not(session, issue, "make"):
        raise Refused(why)
    issue.secret = secrets.token_hex(32)
    issue.made_at = issue.fetched_at = issue.expires_at = None
    job = jobs.enqueue(session, "issue_passwords", actor, issue=issue.id)
    session.flush()  # the issue remembers its job
    issue.making_id = number = job.id
    session.commit()
    return number


@jobs.task("issue_passwords", label=_("生成一次性口令"), needs=("write", "account"))
def run(ctx: JobContext) -> None:
    """Give each person his password; the hashes are worked out before the database is asked for anything."""
    issue_id = ctx.args["issue"]
    found = select(PasswordSlip.account_id).where(PasswordSlip.issue_id == issue_id).order_by(PasswordSlip.id)
    people = list(ctx.session.scalars(found))
    secret = ctx.session.scalar(select(PasswordIssue.secret).where(PasswordIssue.id == issue_id))
    if not secret:
        raise Missing(_("口令表已不在，请重新生成"))
    ctx.progress(ctx.done, len(people))
    ctx.checkpoint()
    while ctx.done < len(people):
        some = people[ctx.done : ctx.done + CHUNK]
        stored = {pk: policy.hashed(password_of(secret, pk)) for pk in some}
        _give(ctx, issue_id, stored)
        ctx.progress(ctx.done + len(some))
        if ctx.done < len(people):
            ctx.checkpoint()
    issue = ctx.session.scalars(select(PasswordIssue).where(PasswordIssue.id == issue_id)).one()
    issue.made_at = ctx.actor.at
    ctx.message = str(_("口令已生成，请下载口令表；只能下载一次，72小时内有效"))
    link = {"url": f"/account/passwords?issue={issue_id}", "label": str(_("下载口令表"))}
    ctx.result = {"links": [link]}


def _give(ctx: JobContext, issue_id: int, stored: dict[int, str]) -> None:
    """Some people's passwords; who has another by now, or has logged in, keeps what he has."""
    session, at = ctx.session, ctx.actor.at
    slips = select(PasswordSlip).where(PasswordSlip.issue_id == issue_id, PasswordSlip.account_id.in_(stored))
    accounts = {
        one.id: one
        for one in session.scalars(
            select(Account).where(Account.id.in_(stored)).order_by(Account.id).with_for_update(of=Account)
        ).unique()
    }
    for slip in session.scalars(slips):
        account = accounts.get(slip.account_id)
        if account is None or not slip.is_of(account):
            continue
        account.password, account.must_change_password = stored[account.id], True
        account.password_changed_at, account.password_expires_at = at, at + policy.ONE_TIME
        slip.made_at = at
        policy.end_sessions(account)
        attempts.note(session, account.login_name, "reset", account, at)
    mine = update(PasswordIssue).where(PasswordIssue.id == issue_id, PasswordIssue.expires_at.is_(None))
    session.execute(mine.values(expires_at=at + policy.ONE_TIME))


def lines(session: Session, issue: PasswordIssue, *, with_passwords: bool) -> list[Line]:
    """The people of an issue in the order of their units."""
    both = select(PasswordSlip, Account).join(Account, Account.id == PasswordSlip.account_id)
    both = both.where(PasswordSlip.issue_id == issue.id).options(selectinload(Account.assignments))
    found = session.execute(both.order_by(PasswordSlip.id)).unique().all()
    paths = {one.unit.path for _slip, one in found if one.unit is not None}
    names = full_names(session, sorted(paths))
    made = []
    for slip, account in found:
        unit = "->".join(names[account.unit.path]) if account.unit is not None else ""
        line = Line(unit, account.full_name, account.login_name)
        if with_passwords and issue.secret and slip.made_at is not None and slip.is_of(account):
            line.password = password_of(issue.secret, account.id)
        made.append(line)
    return made


def fetch(session: Session, issue: PasswordIssue, actor: Actor) -> tuple[list[Line], datetime]:
    """The passwords, for the only time: the secret goes with this transaction, which is committed. Raises Refused."""
    lock(issue)
    if why := why_not(session, issue, "fetch"):
        raise Refused(why)
    told, until = lines(session, issue, with_passwords=True), issue.expires_at
    if until is None:
        raise Refused(STATES["waiting"])
    issue.secret, issue.fetched_at = None, actor.at
    audit.note(session, actor, "password_issue", issue.id, "download", {"people": len(told)})
    session.commit()
    return told, until
