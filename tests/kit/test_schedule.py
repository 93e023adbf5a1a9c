"""What is done every day: once, by whoever comes first, and after a night that was missed."""

from __future__ import annotations

from datetime import datetime

import pytest

from app.kit import jobs, schedule
from app.kit.errors import NotDeclared
from app.kit.jobs import Job
from app.kit.schedule import Calendar, latest
from app.kit.worker import Worker


@pytest.fixture
def daily(app, monkeypatch):
    """A task of every day at three, and nothing else; its runs are counted."""
    runs = []
    jobs.TASKS.pop("toy_daily", None)
    jobs.task("toy_daily", label="每天")(lambda ctx: runs.append(ctx.actor.everywhere))
    monkeypatch.setattr(schedule, "DAILY", {})
    monkeypatch.setitem(app.config, "TOY_HOUR", 3)
    schedule.daily("toy_daily", "TOY_HOUR")
    yield runs
    jobs.TASKS.pop("toy_daily")


def at(day, hour, minute=0):
    return datetime(2026, 11, day, hour, minute)  # noqa: DTZ001 - wall time


@pytest.mark.parametrize(
    ("now", "moment"),
    [
        (at(21, 2, 59), at(20, 3)),
        (at(21, 3), at(21, 3)),
        (at(21, 23, 59), at(21, 3)),
        (at(1, 0), datetime(2026, 10, 31, 3)),  # noqa: DTZ001 - wall time
    ],
)
def test_the_latest_moment_is_today_or_yesterday(now, moment):
    assert latest(3, now) == moment


def test_it_is_due_once_a_day(app, daily):
    calendar = Calendar()
    with app.app_context():
        due = calendar.due(at(21, 3, 1))
        assert due == {"toy_daily": at(21, 3)}
        calendar.done(due)
        assert calendar.due(at(21, 23)) == calendar.due(at(22, 2, 59)) == {}
        assert calendar.due(at(22, 3)) == {"toy_daily": at(22, 3)}


def test_several_missed_days_are_one_catching_up(app, daily):
    calendar = Calendar()
    with app.app_context():
        calendar.done(calendar.due(at(3, 4)))
        assert calendar.due(at(21, 12)) == {"toy_daily": at(21, 3)}


def test_two_workers_do_it_once(app, country, daily):
    for _worker in range(2):
        Worker(app, lease=6000, calendar=Calendar()).run(once=True)
    found = country.all(Job, Job.kind == "toy_daily")
    assert [(job.state, job.account_id) for job in found] == [("done", None)]
    assert daily == [True]  # with the system's own rights


def test_a_worker_without_a_calendar_does_what_it_is_asked_for_only(app, country, daily):
    Worker(app, lease=6000).run(once=True)
    assert not country.all(Job, Job.kind == "toy_daily")


def test_what_is_no_task_or_daily_already_does_not_start(daily):
    for kind in ("toy_daily", "no_such_task"):
        with pytest.raises(NotDeclared):
            schedule.daily(kind, "TOY_HOUR")
