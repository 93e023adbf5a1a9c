"""Exports through death and beside others, over connections of their own.

Run as a program it is a worker that dies: ``python tests/workflows/test_export_alone.py <url> <home> <where>``.
"""

from __future__ import annotations

import signal
import sys
import zipfile
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.kit.clock import now
from app.kit.database import db
from app.kit.errors import Refused
from app.kit.jobs import Job, JobContext
from app.kit.reminders import Reminder
from app.kit.worker import Worker
from app.models.export_application import ExportApplication, night
from tests.alone import application, at_once, country, die, nation, place, run_program

__all__ = ["country", "nation", "place"]  # fixtures
#: where a worker dies: with half a file, with a whole one and the job open, with the file in its place uncommitted
PLACES = ("half", "whole", "placed")


@pytest.fixture
def record(country):
    """An application of 德外街道总工会, not yet approved."""
    typed = {"export_unit_id": country.unit("dewai").id, "archive_kinds": ["hardship", "temporary"]}
    return country.make(ExportApplication, typed, country.actor("dewai"))


def approve(country, record):
    """By 西城区总工会, committed; the words when it is refused."""
    who = country.actor("xicheng")
    with country.acting(who) as session:
        try:
            session.get_one(ExportApplication, record.id).perform("approve", who)
        except Refused as why:
            session.rollback()
            return str(why)
        session.commit()
    return None


@pytest.mark.real_commits
@pytest.mark.parametrize("where", PLACES)
def test_after_kill_9_there_is_a_whole_file_with_its_state_or_neither(nation, country, place, record, where):
    # AID-R108
    assert approve(country, record) is None
    with country.acting() as session:
        night.begin_all(session)
        session.commit()
    dead = run_program(__file__, *place, where)
    assert dead.returncode == -signal.SIGKILL, dead.stderr
    assert country.again(record).export_state == "not_exported"
    assert not told(country, record)
    with country.acting() as session:  # its lease runs out
        session.execute(
            sa.update(Job).where(Job.state == "running").values(lease_until=now() - timedelta(minutes=1))
        )
        session.commit()
    Worker(nation).run(once=True)
    done = country.again(record)
    assert done.export_state == "exported"
    _url, home = place
    file = home / "exports" / f"{record.id}.zip"
    assert file.stat().st_size == done.file_size
    with zipfile.ZipFile(file) as parcel:
        assert parcel.testzip() is None
        rows = sum(
            parcel.read(name).count(b"\r\n") - 1 for name in parcel.namelist() if name.endswith(".csv")
        )
    assert rows == done.row_count > 0
    assert [version.step for version in country.versions(done)] == ["add", "approve", "export"]
    assert len(told(country, record)) == 1


def told(country, record):
    """The reminders that its data has been exported."""
    found = country.all(Reminder, Reminder.subject == "申请的数据已导出")
    return [reminder for reminder in found if reminder.record_ids == [record.id]]


@pytest.mark.real_commits
def test_of_two_administrators_at_once_one_wins(nation, country, record):
    words = []

    def click():
        words.append(approve(country, record))
        with nation.app_context():
            db.session.remove()

    at_once(click, click, within=60)
    assert sorted(one is None for one in words) == [False, True]
    assert "不必再批准" in next(one for one in words if one)
    assert [version.step for version in country.versions(record)] == ["add", "approve"]


def die_at(where):
    """Patch the programme so that its worker dies there."""
    if where == "half":

        def half(file, _parts):
            file.write(b"PK half")
            file.flush()
            die()

        night.exchange.zip_file = half
    elif where == "whole":
        store = JobContext._store

        def closing(self, **facts):
            if "finished_at" in facts and self.task.kind == "export_archives":
                die()
            store(self, **facts)

        JobContext._store = closing
    else:
        settle = night._settle

        def settled(*args):
            settle(*args)
            die()

        night._settle = settled


if __name__ == "__main__":
    database, folder, place_of_death = sys.argv[1:]
    die_at(place_of_death)
    Worker(application(database, folder)).run(once=True)
