"""核查: the job that looks for doubtful aids of one year among all that a unit sees.

    ask(session, actor, year)     the door: one check at a time for a unit
    run(ctx)                      the task: three checks, each a list of keys, taken so many at a time

What is found is known by (unit, year, kind, key), so that a check that dies is begun again and doubles nothing; what
the check has not seen any more goes when it ends. A doubt that was put aside stays so while its aids are the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement, Select, and_, delete, func, select
from sqlalchemy.orm import Session

from app.kit import claims, identity, jobs, sweep
from app.kit.errors import Refused
from app.kit.jobs import Job, JobContext
from app.kit.scope import Actor, class_of_table, door
from app.models.aid import Aid
from app.models.aid_doubt import AFTER_CANCELLATION, MOST_ITEMS, ONE_PHONE, TWO_UNITS, AidDoubt, AidDoubtItem
from app.models.archive import Archive

KIND = "aid_doubt"
#: keys looked at together
CHUNK = 200
#: a shorter telephone number is none
SHORTEST_PHONE = 7


def ask(session: Session, actor: Actor, year: int) -> Job:
    """The job in the caller's transaction: a new one, or the actor's own that is at it. Raises Refused."""
    key = f"{KIND}/{actor.unit_id}"
    sweep.release(session, key)
    job = jobs.enqueue(session, KIND, actor, key=key, year=year)
    if job.account_id != actor.account_id or job.args["year"] != year:
        raise Refused(
            _(
                "%(who)s已于%(when)s开始核查%(year)s年度的帮扶信息，请等它完成",
                who=job.account_name,
                when=job.created_at.strftime("%H:%M"),
                year=job.args["year"],
            )
        )
    session.flush()  # its id is the answer
    return job


# --- the three checks -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Check:
    """One check: ``key`` is what doubtful aids have in common, ``having`` when they are doubtful.

    ``subject`` says in words what a key with its first aid is about.
    """

    kind: str
    key: Any
    having: ColumnElement[bool] | None
    subject: Callable[[Any], str]
    joined: Callable[[Select[Any]], Select[Any]] = lambda statement: statement


def _with_archive(statement: Select[Any]) -> Select[Any]:
    return statement.join(Archive, Archive.id == Aid.archive_id)


def _after_cancellation(statement: Select[Any]) -> Select[Any]:
    """Whose file was cancelled before the day of the aid; that it was is told to everybody who looks it up."""
    file = class_of_table("archive").__table__
    late = and_(file.c.is_cancelled, func.date(file.c.cancelled_at) < Aid.aid_date)
    return statement.join(file, and_(file.c.id == Aid.archive_id, late))


def _phone() -> Any:
    squeezed = Archive.phone
    for mark in ("-", " ", "(", ")", "（", "）"):
        squeezed = func.replace(squeezed, mark, "")
    return squeezed


def _person(row: Any) -> str:
    return f"{row.full_name} {identity.mask(row.id_card_no)}"


def checks() -> tuple[Check, ...]:
    """In the order of the list's tabs."""
    phone = _phone()
    return (
        Check(TWO_UNITS, Aid.id_card_no, func.count(Aid.owner_unit_id.distinct()) > 1, _person),
        Check(AFTER_CANCELLATION, Aid.id_card_no, None, _person, _after_cancellation),
        Check(
            ONE_PHONE,
            phone,
            and_(func.count(Aid.archive_id.distinct()) > 1, func.length(phone) >= SHORTEST_PHONE),
            lambda row: gettext("电话 %(phone)s", phone=row.key),
            _with_archive,
        ),
    )


# --- the task -------------------------------------------------------------------------------------------------


@jobs.task(KIND, label=_("核查帮扶疑点"), needs=("read", "aid_doubt"))
def run(ctx: JobContext) -> None:
    """Every check over the aids of a year, then away with what is no longer so."""
    year, found = int(ctx.args["year"]), 0
    ctx.progress(0)
    for check in checks():
        keys = list(ctx.session.scalars(_keys(check, year)))
        ctx.progress(ctx.done, ctx.done + len(keys))
        for start in range(0, len(keys), CHUNK):
            part = keys[start : start + CHUNK]
            found += _keep(ctx, check, year, part)
            ctx.session.expunge_all()
            ctx.progress(ctx.done + len(part))
            ctx.checkpoint()
    _forget(ctx, year)
    ctx.message = gettext("核查了%(year)s年度的帮扶信息，列出疑点%(n)s项", year=year, n=found)


def _of_year(year: int) -> tuple[ColumnElement[bool], ...]:
    return Aid.aid_date >= date(year, 1, 1), Aid.aid_date <= date(year, 12, 31), Aid.is_aided.is_(True)


def _keys(check: Check, year: int) -> Select[Any]:
    """What more than one aid has in common, within the actor's scope."""
    statement = check.joined(select(check.key).select_from(Aid)).where(*_of_year(year)).group_by(check.key)
    return (statement.having(check.having) if check.having is not None else statement).order_by(check.key)


def _groups(
    session: Session, check: Check, year: int, keys: Sequence[str]
) -> Iterator[tuple[str, list[Any]]]:
    """Key → its aids, the earliest first."""
    wanted = select(
        check.key.label("key"),
        Aid.id,
        Aid.version,
        Aid.full_name,
        Aid.id_card_no,
        Aid.aid_date,
        Aid.total_amount,
    )
    statement = check.joined(wanted.select_from(Aid)).where(*_of_year(year), check.key.in_(keys))
    rows = session.execute(statement.order_by(check.key, Aid.aid_date, Aid.id)).all()
    for key, some in groupby(rows, lambda row: row.key):
        yield key, list(some)


def _keep(ctx: JobContext, check: Check, year: int, keys: Sequence[str]) -> int:
    """Make the unit's list say of these keys what is so now. Returns how many doubts are open."""
    actor, session, is_open = ctx.actor, ctx.session, 0
    groups = {claims.id_key(key): rows for key, rows in _groups(session, check, year, keys)}
    mine = select(AidDoubt).where(
        AidDoubt.unit_id == actor.unit_id,
        AidDoubt.year == year,
        AidDoubt.kind == check.kind,
        AidDoubt.key.in_(groups),
    )
    look = mine.execution_options(**door("the unit's own list, with what it does not see any more"))
    known = {doubt.key: doubt for doubt in session.scalars(look.with_for_update())}
    for key, rows in groups.items():
        doubt = known.get(key) or AidDoubt(unit_id=actor.unit_id, year=year, kind=check.kind, key=key)
        if doubt.id is None:
            session.add(doubt)
        _say(doubt, check, rows, actor)
        doubt.seen_by = ctx.job.id
        is_open += not doubt.is_dismissed
    session.flush()
    return is_open


def _say(doubt: AidDoubt, check: Check, rows: Sequence[Any], actor: Actor) -> None:
    """What the aids are by now; a doubt that was put aside is looked at again when they have changed."""
    basis = hashlib.sha256(repr([(row.id, row.version) for row in rows]).encode()).hexdigest()
    if doubt.basis == basis:
        return
    doubt.basis, doubt.is_dismissed, doubt.dismiss_reason = basis, False, None
    doubt.subject = check.subject(rows[0])[:100]
    doubt.aid_count, doubt.total_amount = len(rows), sum(row.total_amount for row in rows)
    doubt.first_date, doubt.last_date = rows[0].aid_date, rows[-1].aid_date
    doubt.stamp(actor)
    there = {item.aid_id: item for item in doubt.items}
    doubt.items = [there.get(row.id) or AidDoubtItem(aid_id=row.id) for row in rows[:MOST_ITEMS]]
    for item in doubt.items:
        item.stamp(actor)


def _forget(ctx: JobContext, year: int) -> None:
    """What this check has not met is no longer so."""
    gone = delete(AidDoubt).where(
        AidDoubt.unit_id == ctx.actor.unit_id, AidDoubt.year == year, AidDoubt.seen_by != ctx.job.id
    )
    ctx.session.execute(
        gone.execution_options(
            synchronize_session=False, **door("the unit's own list, whatever it sees of it")
        )
    )
