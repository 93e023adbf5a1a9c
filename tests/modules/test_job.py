"""后台任务: the promises of every record type; the work itself is proved in tests/kit/test_jobs."""

from __future__ import annotations

from app.kit import jobs
from app.kit.jobs import Job
from app.kit.worker import Worker
from app.views.job import JobView
from tests.cases.records import RecordViewCases


class TestJob(RecordViewCases):
    view = JobView
    is_versioned = False

    def make(self, country, people, unit=None, **overrides):
        kind = min(jobs.TASKS, default="export")
        who = country.actor(self.person(country, unit))
        with country.acting(who) as session:
            job = jobs.enqueue(session, kind, who)
            session.flush()
            pk = job.id
            session.commit()
        return country.read(Job, pk)


def test_a_job_leads_back_to_the_list_that_it_was_asked_for_from(login, country):
    who = country.actor("dewai_clerk")
    with country.acting(who) as session:
        job = jobs.enqueue(session, "export", who, resource="archive", query={})
        session.commit()
        address = f"/job/show/{job.id}"
    assert 'href="/archive/list/"' in login("dewai_clerk").get(address).text.split('id="kit-job"')[1]


def test_to_cancel_one_job_leaves_another_of_its_kind(app, country, rest, anonymous, make_archive):
    """Of two 批量转移 the one is cancelled by who asked for it: the other is done, and the first can be asked anew."""
    mine, his, client = make_archive("xinfeng"), make_archive("xinjiekou"), rest("xicheng")
    target = country.unit("xicheng").id

    def ask(source):
        body = {"unit": country.unit(source).id, "target_unit_id": target}
        return client.post("/api/v1/archive/steps/transfer", json=body).json["job"]

    one, other = ask("xinfeng"), ask("xinjiekou")
    assert one != other
    cancel = f"/api/v1/job/{one}/steps/cancel"
    assert anonymous.post(cancel, json={}).status_code == 401
    for stranger in ("dewai", "bj", "xicheng_clerk"):
        assert rest(stranger).post(cancel, json={}).status_code == 404, stranger
    assert client.post(cancel, json={}).status_code == 200
    assert client.post(cancel, json={}).status_code == 409  # twice is once
    Worker(app, lease=6000).run(once=True)
    assert [country.read(Job, pk).state for pk in (one, other)] == ["cancelled", "done"]
    assert country.again(mine).version == mine.version
    assert country.again(his).owner_unit_id == target
    assert ask("xinfeng") not in {one, other}
    Worker(app, lease=6000).run(once=True)
    assert country.again(mine).owner_unit_id == target
