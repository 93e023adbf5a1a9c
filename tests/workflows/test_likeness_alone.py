"""重新查找 through death: killed at any chunk, the next worker goes on, and finds what an undisturbed run finds.

Run as a program it is a worker that dies: ``python tests/workflows/test_likeness_alone.py <url> <home> <chunk> <before|after>``.
"""

from __future__ import annotations

import signal
import sys
import time
from itertools import count

import pytest
from sqlalchemy import delete, select

from app.demo.people import People
from app.kit.database import db
from app.kit.jobs import Job, JobContext
from app.kit.scope import acting
from app.kit.worker import Worker
from app.models.archive import Archive
from app.models.likeness import Likeness, search
from app.models.likeness.keys import LikenessFile, LikenessKey
from tests.alone import application, country, die, nation, place, run_program

__all__ = ["country", "nation", "place"]  # fixtures
pytestmark = pytest.mark.real_commits
LEASE = 1


def ask(country):
    actor = country.actor("dewai")
    with country.acting(actor) as session:
        job = search.ask(session, actor, whole=True)
        session.commit()
        return job.id


def kept(country):
    """Everything that a run leaves, but for ids and moments."""
    with country.acting() as session:
        pairs = session.execute(
            select(Likeness.left_id, Likeness.right_id, Likeness.score, Likeness.basis).order_by(
                Likeness.left_id, Likeness.right_id
            )
        ).all()
        keys = session.execute(
            select(LikenessKey.key, LikenessKey.file_id).order_by(LikenessKey.key, LikenessKey.file_id)
        ).all()
        files = session.scalars(select(LikenessFile.file_id).order_by(LikenessFile.file_id)).all()
    return pairs, keys, files


def worker_dies(place, chunk, when):
    """A worker of its own process that is killed at a chunk, before or after its commit."""
    done = run_program(__file__, *place, chunk, when)
    assert done.returncode == -signal.SIGKILL, done.stderr
    time.sleep(LEASE + 1.1)  # its lease runs out; moments are kept to the second


@pytest.mark.parametrize("deaths", [[(1, "before"), (3, "after")], [(4, "before"), (2, "before")]])
def test_killed_at_any_chunk_it_finds_what_an_undisturbed_run_finds(
    place, nation, country, deaths, monkeypatch
):
    monkeypatch.setattr(search, "CHUNK", 2)
    people = People(deaths[0][0], f"65010{2 + deaths[0][0] // 4}", "乌鲁木齐市")
    for _ in range(8):  # a chunk each, besides what the demo country has
        typed = people.household(0, hardship_category="low_income")
        no = typed["id_card_no"]
        country.make(Archive, typed, "dewai")
        again = people.household(0, hardship_category="low_income", full_name=typed["full_name"])
        again |= {"birth_date": typed["birth_date"], "gender": typed["gender"]}
        wrong = no[:16] + str((int(no[16]) + 2) % 10) + no[17]
        country.make(Archive, again | {"id_card_no": wrong}, "dewai")
    with country.acting() as session:
        for cls in (Likeness, LikenessKey, LikenessFile):
            session.execute(delete(cls))
        session.commit()
    pk = ask(country)
    for chunk, when in deaths:
        worker_dies(place, chunk, when)
    Worker(nation, lease=60).run(once=True)
    job = country.read(Job, pk)
    assert (job.state, job.attempts, job.done) == ("done", 3, job.total), job.message
    disturbed = kept(country)
    with country.acting() as session:
        for cls in (Likeness, LikenessKey, LikenessFile):
            session.execute(delete(cls))
        session.commit()
    ask(country)
    Worker(nation, lease=60).run(once=True)
    assert kept(country) == disturbed
    assert len(disturbed[0]) >= 8


if __name__ == "__main__":
    search.CHUNK = 2
    url, home, chunk, when = sys.argv[1:]
    fatal, ends = int(chunk), count(1)
    checkpoint = JobContext.checkpoint

    def deadly(ctx: JobContext) -> None:
        """The chunk's end, at which this process may end too."""
        seen = next(ends)
        if seen == fatal and when == "before":
            die()
        checkpoint(ctx)
        if seen == fatal:
            die()

    JobContext.checkpoint = deadly
    flask = application(url, home)
    Worker(flask, lease=LEASE).run(once=True)
    with flask.app_context(), acting(None):
        db.session.remove()
