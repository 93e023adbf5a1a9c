"""What is done every day at its hour, by whichever worker comes first.

    @jobs.task("purge", label=…)                       a task as any other
    schedule.daily("purge", "PURGE_HOUR")              … enqueued every day at the hour of that setting

A day's job has the key ``<kind>/<date>``, which the database keeps unique: two workers enqueue it once. A worker that
starts, or wakes, after the hour finds the latest day not enqueued and does it then; of several missed days only the
last one, since such a task does all that has piled up.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from flask import current_app
from sqlalchemy.orm import Session

from app.kit import jobs
from app.kit.errors import NotDeclared
from app.kit.scope import SYSTEM

#: kind → the setting that holds its hour, 0 to 23, wall time of China
DAILY: dict[str, str] = {}


def daily(kind: str, setting: str) -> None:
    """Have a task done every day."""
    if kind in DAILY or kind not in jobs.TASKS:
        raise NotDeclared(f"{kind} must be a task, and daily once")
    DAILY[kind] = setting


def latest(hour: int, now: datetime) -> datetime:
    """The last moment at which it was ``hour`` o'clock."""
    today = now.replace(hour=hour, minute=0, second=0, microsecond=0)
    return today if today <= now else today - timedelta(days=1)


class Calendar:
    """What one worker knows to be enqueued, so that it asks the database once a day."""

    def __init__(self) -> None:
        self._enqueued: dict[str, datetime] = {}

    def due(self, now: datetime) -> dict[str, datetime]:
        """Kind → its latest moment, of those that this worker has not enqueued yet."""
        moments = {
            kind: latest(current_app.config[setting], now)
            for kind, setting in DAILY.items()
            if setting in current_app.config
        }
        return {kind: at for kind, at in moments.items() if self._enqueued.get(kind) != at}

    def enqueue(self, session: Session, due: dict[str, datetime]) -> None:
        """A job for each; the caller commits and then notes it by `done`."""
        for kind, at in due.items():
            jobs.enqueue(session, kind, SYSTEM, key=f"{kind}/{at:%Y-%m-%d}")

    def done(self, due: dict[str, datetime]) -> None:
        """Nothing is left to enqueue until the next moment."""
        self._enqueued |= due
