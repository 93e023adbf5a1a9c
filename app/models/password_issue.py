"""口令发放: the one-time passwords of many new people, made when they are asked for and handed out once.

No password is stored. An issue keeps a random secret; what stands in the file follows from that, the server's own key and
the account, and can be worked out again until the file is fetched: then the secret goes.

        waiting ──issue──▶ making ──▶ ready ──fetch──▶ fetched
           ▲                            ╰──72 hours──▶ expired
           ╰──────────── issue again, for who has not logged in ────────────╯
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask_appbuilder import Model
from flask_babel import lazy_gettext as _
from sqlalchemy import DateTime, ForeignKey, Index, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.kit.clock import now
from app.kit.jobs import Job
from app.kit.scope import Actor, Child, Personal

#: state → its word
STATES = {
    "waiting": _("未生成"),
    "making": _("正在生成"),
    "ready": _("待下载"),
    "fetched": _("已下载"),
    "expired": _("已过期"),
}
#: states in which passwords may be made (again)
OPEN = frozenset(STATES) - {"making"}


class PasswordIssue(Personal, Model):
    """The new people of one import, whose passwords are given out together by who has imported them."""

    __tablename__ = "password_issue"
    __table_args__ = (UniqueConstraint("job_id"), Index("ix_password_issue_account_id", "account_id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(
        ForeignKey("ab_user.id", ondelete="CASCADE"), info={"system": True}
    )
    #: the import, and what its file was called
    job_id: Mapped[int] = mapped_column()
    title: Mapped[str] = mapped_column(String(200))
    people: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(DateTime)
    #: the job that makes the passwords, and with the server's key what they are made of
    making_id: Mapped[int | None] = mapped_column()
    secret: Mapped[str | None] = mapped_column(String(64), info={"secret": True})
    expires_at: Mapped[datetime | None] = mapped_column(DateTime)
    made_at: Mapped[datetime | None] = mapped_column(DateTime)
    fetched_at: Mapped[datetime | None] = mapped_column(DateTime)

    def state(self, making: Job | None) -> str:
        """The state of today; ``making`` is the job that makes the passwords, if there is one."""
        if making is not None and making.state in {"waiting", "running"}:
            return "making"
        if self.made_at is None or self.expires_at is None:
            return "waiting"
        if self.fetched_at is not None:
            return "fetched"
        return "ready" if self.secret and self.expires_at > now() else "expired"

    @classmethod
    def of_import(cls, session: Session, job: Job, actor: Actor) -> PasswordIssue:
        """The issue of an import; made with its first new person."""
        found = session.scalar(select(cls).where(cls.job_id == job.id))
        if found is None:
            title = str(job.args.get("filename") or "")
            found = cls(
                account_id=actor.account_id, job_id=job.id, title=title, people=0, created_at=actor.at
            )
            session.add(found)
            session.flush()  # slips point at it
        return found

    def add(self, session: Session, account_id: int) -> None:
        """One more person gets a password with the others."""
        self.people += 1
        session.add(PasswordSlip(issue_id=self.id, account_id=account_id))


class PasswordSlip(Child, Model):
    """One person of an issue. ``made_at`` is when his password was made: who has another by now is told so."""

    __tablename__ = "password_slip"
    __table_args__ = (
        UniqueConstraint("issue_id", "account_id"),
        Index("ix_password_slip_account_id", "account_id"),
    )
    parent_key = "issue_id"

    id: Mapped[int] = mapped_column(primary_key=True)
    issue_id: Mapped[int] = mapped_column(ForeignKey("password_issue.id", ondelete="CASCADE"))
    account_id: Mapped[int] = mapped_column(
        ForeignKey("ab_user.id", ondelete="CASCADE"), info={"system": True}
    )
    made_at: Mapped[datetime | None] = mapped_column(DateTime)

    def is_of(self, account: Any) -> bool:
        """Whether the account still waits for, or has never used, the password of this slip."""
        return bool(account.active and account.must_change_password and account.last_login is None) and (
            account.password_changed_at == self.made_at
        )
