"""后台任务: the promises of every record type; the work itself is proved in tests/kit/test_jobs."""

from __future__ import annotations

from app.kit import jobs
from app.kit.jobs import Job
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
