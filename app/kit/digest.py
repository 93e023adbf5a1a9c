"""每日摘要: what a unit has been told and nobody has seen to yet, by category and age; mailed once every working day.

    of(session, day)             the actor's own open reminders, as his unit and rights let him see them
    digest                       the task of every working day, a slice of the accounts at a time

A letter is noted (`DigestMail`, one for each account and day) just before it is handed over; the note is taken back when
the server did not take the letter. So two workers send it once, and so does one that takes over from a dead one: what
that had in its hands is most likely with the server, and tomorrow's letter tells of everything again. The task hands on
to the next slice, so that other jobs are not kept waiting.
"""

from __future__ import annotations

import smtplib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from flask_appbuilder import Model
from flask_babel import lazy_gettext as _
from sqlalchemy import Date, DateTime, ForeignKey, UniqueConstraint, case, delete, func, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.kit import clock, codes, columns, jobs, mail, schedule
from app.kit.jobs import JobContext
from app.kit.reminders import Reminder, in_chinese
from app.kit.scope import SYSTEM, Actor, Personal, acting, class_of_table

#: letters of one job; the next one begins behind the jobs that wait
SLICE = 100
#: days for which it is known who got one
KEPT = 30
#: the oldest reminders of a page
OLDEST = 10
#: what a server says of one letter; any other OSError is of the line. Not supported: an address beyond ASCII
REFUSALS = (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError, smtplib.SMTPNotSupportedError)


@dataclass(frozen=True)
class Age:
    """How long something has been waiting: from so many days to so many."""

    label: Any
    least: int
    most: int | None

    def ends(self, day: date) -> tuple[str, str]:
        """The first and the last date that it stands for on a day; empty where there is none."""
        first = f"{day - timedelta(days=self.most)}" if self.most is not None else ""
        return first, f"{day - timedelta(days=self.least)}"

    def holds(self, column: Any, day: date) -> Any:
        """The moments of that age."""
        clause = column < columns.day_after(day - timedelta(days=self.least))
        if self.most is None:
            return clause
        return clause & (column >= columns.day_start(day - timedelta(days=self.most)))


AGES = (
    Age(_("今天"), 0, 0),
    Age(_("1至3天"), 1, 3),
    Age(_("4至7天"), 4, 7),
    Age(_("超过7天"), 8, None),
)


@dataclass(frozen=True)
class Line:
    """The open reminders of one category: a number an age, then all of them; when the oldest came."""

    category: str
    numbers: tuple[int, ...]
    oldest: datetime

    @property
    def label(self) -> str:
        """What the category is called."""
        return codes.label("reminder_category", self.category)


@dataclass(frozen=True)
class Digest:
    """Everything that waits on a day, the category with the oldest first."""

    day: date
    lines: list[Line]

    @property
    def whole(self) -> Line:
        """All categories together."""
        sums = tuple(map(sum, zip(*(line.numbers for line in self.lines), strict=True)))
        return Line(
            "", sums or (0,) * (len(AGES) + 1), min((one.oldest for one in self.lines), default=clock.now())
        )


def of(session: Session, day: date) -> Digest:
    """What waits for the acting person. One statement."""
    ages = [func.sum(case((age.holds(Reminder.created_at, day), 1), else_=0)) for age in AGES]
    oldest = func.min(Reminder.created_at)
    found = session.execute(
        select(Reminder.category, oldest, *ages, func.count(Reminder.id))
        .where(Reminder.state == "open")
        .group_by(Reminder.category)
        .order_by(oldest, Reminder.category)
    )
    return Digest(day, [Line(category, tuple(numbers), first) for category, first, *numbers in found])


def oldest(session: Session) -> Sequence[Reminder]:
    """Those that have been waiting longest."""
    statement = select(Reminder).where(Reminder.state == "open").order_by(Reminder.id).limit(OLDEST)
    return session.scalars(statement).all()


# --- by mail ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Choice:
    """Where a person's digest goes, and whether he wants it."""

    address: str
    wants: bool


def choice(session: Session, who: Actor) -> Choice | None:
    """None for who has no address."""
    accounts: Any = class_of_table("ab_user")
    mine = select(accounts.email, accounts.wants_digest).where(accounts.id == who.account_id)
    email, wants = session.execute(mine).one()
    return Choice(email, wants is not False) if email else None


def choose(session: Session, who: Actor, *, wants: bool) -> None:
    """Say whether one wants it; commits."""
    accounts: Any = class_of_table("ab_user")
    mine = update(accounts).where(accounts.id == who.account_id).values(wants_digest=wants)
    session.execute(mine, execution_options={"synchronize_session": False})
    session.commit()


class DigestMail(Personal, Model):
    """One letter to one account on one day."""

    __tablename__ = "digest_mail"
    __table_args__ = (UniqueConstraint("day", "account_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(Date)
    account_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"))
    at: Mapped[datetime] = mapped_column(DateTime)


@jobs.task("digest", label=_("发送每日摘要"))
def send(ctx: JobContext) -> None:
    """The letters of one slice of the accounts; a day that is over, or is no working day, has none."""
    day = date.fromisoformat(ctx.args.get("day") or str(ctx.job.key).rpartition("/")[2])
    if not mail.is_configured() or day != clock.today() or day.weekday() >= 5:
        ctx.message = in_chinese(_("%(day)s没有要发送的摘要", day=day))
        return
    old = delete(DigestMail).where(DigestMail.day < day - timedelta(days=KEPT))
    ctx.session.execute(old, execution_options={"synchronize_session": False})
    people = _readers(ctx.session, ctx.args.get("after", 0))
    with ExitStack() as office:
        post = None
        for number, reader in enumerate(people, 1):
            words = _words(ctx.session, reader, day)
            if words and not _has_gone(ctx, reader.id, day):
                post = post or office.enter_context(mail.post())
                _deliver(ctx, post, reader, words, day)
            ctx.progress(number, len(people))
            ctx.checkpoint()
    if len(people) == SLICE:
        last = people[-1].id
        jobs.enqueue(ctx.session, "digest", SYSTEM, key=f"digest/{day}/{last}", day=f"{day}", after=last)


def _readers(session: Session, after: int) -> Sequence[Any]:
    """Who has an address, wants letters, and belongs to a unit for which something waits."""
    accounts: Any = class_of_table("ab_user")
    places: Any = class_of_table("assignment")
    waits = select(Reminder.id).where(Reminder.receiver_unit_id == places.unit_id, Reminder.state == "open")
    wanted = (accounts.email.is_not(None), accounts.active.is_(True), accounts.wants_digest.is_not(False))
    found = (
        select(accounts.id, accounts.email, accounts.first_name)
        .join(places, places.account_id == accounts.id)
        .where(accounts.id > after, *wanted, waits.exists())
        .group_by(accounts.id, accounts.email, accounts.first_name)
        .order_by(accounts.id)
        .limit(SLICE)
    )
    return session.execute(found).all()


def _posts(session: Session, reader: Any) -> Iterator[Actor]:
    """The reader at each of his units; what waits for him is read in the name of each."""
    places: Any = class_of_table("assignment")
    units = select(places.unit_id).where(places.account_id == reader.id).order_by(places.unit_id)
    for unit in session.scalars(units).all():
        if who := jobs.actor_loader(session, reader.id, unit):
            yield who


def _words(session: Session, reader: Any, day: date) -> tuple[str, str] | None:
    """Subject and text, of counts and dates alone: what people have written of people stays inside."""
    total, told = 0, [_("%(name)s，您好！", name=reader.first_name), ""]
    for who in _posts(session, reader):
        with acting(who):
            found = of(session, day)
        if found.lines:
            total += found.whole.numbers[-1]
            told += [*_told(who, found), ""]
    if not total:
        return None
    subject = _("%(n)s条待处理提醒（%(day)s）", n=total, day=day)
    told.append(_("办理：%(url)s", url=mail.address("/reminder/list/?shelf=open")))
    told.append(_("摘要，或不再接收：%(url)s", url=mail.address("/reminder/digest")))
    return in_chinese(subject), "\n".join(map(in_chinese, told)) + "\n"


def _told(who: Actor, found: Digest) -> Iterator[Any]:
    """What waits at one unit: all of it, then a line a category."""
    n = found.whole.numbers[-1]
    yield _("截至%(day)s，%(unit)s有%(n)s条待处理提醒：", day=found.day, unit=who.unit_name, n=n)
    for line in found.lines:
        parts = [_("%(age)s%(n)s条", age=a.label, n=n) for a, n in zip(AGES, line.numbers, strict=False) if n]
        yield _(
            "· %(category)s：共%(n)s条（%(parts)s），最早的是%(oldest)s",
            category=line.label,
            n=line.numbers[-1],
            parts="，".join(map(in_chinese, parts)),
            oldest=f"{line.oldest:%Y-%m-%d}",
        )


def _has_gone(ctx: JobContext, account: int, day: date) -> bool:
    """Whether the letter of the day went before."""
    mine = (DigestMail.day == day, DigestMail.account_id == account)
    return ctx.session.scalar(select(DigestMail.id).where(*mine)) is not None


def _deliver(ctx: JobContext, post: Any, reader: Any, words: tuple[str, str], day: date) -> None:
    """Hand one letter over. An address that the server refuses is told; the others get theirs."""
    ctx.session.add(DigestMail(day=day, account_id=reader.id, at=clock.now()))
    ctx.checkpoint()
    subject, text = words
    number = f"digest-{day}-{reader.id}"
    try:
        letter = mail.letter(
            to=reader.email, name=reader.first_name, subject=subject, text=text, number=number
        )
    except Exception:  # noqa: BLE001 - an address that is none breaks the library in more ways than ValueError
        ctx.fail_row(in_chinese(_("电子邮件地址不完整")), id=reader.id)
        return
    try:
        post(letter)
    except (*REFUSALS, ValueError):
        ctx.fail_row(in_chinese(_("邮件服务器不接受这个账号的电子邮件地址")), id=reader.id)
    except OSError:  # the line is dead; the job is taken up again
        mine = delete(DigestMail).where(DigestMail.day == day, DigestMail.account_id == reader.id)
        ctx.session.execute(mine, execution_options={"synchronize_session": False})
        ctx.checkpoint()
        raise


schedule.daily("digest", "DIGEST_HOUR")
