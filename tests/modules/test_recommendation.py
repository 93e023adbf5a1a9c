"""推荐信息: added and deleted, never changed; a success gets the talent work (REC-21, AID-R151, R152)."""

from __future__ import annotations

import pytest

from app.kit import saving
from app.views.recommendation import RecommendationView
from tests.agencies import Placement
from tests.cases.records import RecordViewCases
from tests.world import errors_of, words_of


class TestRecommendation(RecordViewCases):
    view = RecommendationView
    wrong = [("recommended_on", "2999-01-01", "不能晚于今天"), ("contact_phone", "电话", "电话号码应为数字")]

    @pytest.fixture(autouse=True)
    def _with_talents(self, country):
        self.placement = Placement(country)
        self.talents = {"dewai": self.placement.talent("dewai")}

    def form(self, people):
        return {
            "job_seeker_id": self.talents["dewai"].id,
            "recommended_on": "2026-03-03",
            "recommended_to": "第一机械厂",
            "result": "failure",
            "contact_phone": "010-55510003",
        }

    def make(self, country, people, unit=None, **overrides):
        if unit and unit not in self.talents:
            self.talents[unit] = self.placement.talent(unit)
        talent = self.talents[unit or self.owner]
        return super().make(country, people, unit, **{"job_seeker_id": talent.id} | overrides)

    def test_it_is_never_changed(self, login, rest, country, people):  # AID-R151
        record = self.make(country, people)
        assert rest("dewai_clerk").put(self.api(record.id), json={"result": "success"}).status_code == 403
        assert login("dewai_clerk").get(self.page(f"edit/{record.id}")).status_code == 404
        assert self.same(country, record)

    def test_what_is_mandatory_and_what_is_success_unless_said(self, login, rest):  # AID-R152
        client, talent = rest("dewai_clerk"), self.talents["dewai"]
        told = client.post(self.api(), json={"job_seeker_id": talent.id}).json["errors"]
        assert set(told) == {"recommended_on", "recommended_to", "contact_phone"}
        form = login("dewai_clerk").form(self.page(f"add?job_seeker_id={talent.id}"))
        assert form.values["result"] == "success"

    def test_a_success_gets_him_work_as_long_as_it_stands(self, country, people):  # SM-AID-12
        talent = self.talents["dewai"]

        def is_employed():
            return country.again(talent).is_employed

        self.make(country, people)
        assert not is_employed()
        first, second = (self.make(country, people, result="success") for _time in range(2))
        assert is_employed()
        for one, still in ((first, True), (second, False)):
            with country.acting("dewai_clerk") as session:
                found = session.get_one(type(one), one.id)
                saving.delete(session, found, country.actor("dewai_clerk"))
                session.commit()
            assert is_employed() is still
        assert country.again(talent).version == talent.version

    def test_it_begins_on_the_page_of_the_talent(self, login, country, people):
        clerk, talent = login("dewai_clerk"), self.talents["dewai"]
        employer = self.placement.employer("dewai")
        page = clerk.get(self.page(f"add?job_seeker_id={talent.id}")).text
        assert f'<option value="{employer.name}">' in page  # to be taken, any other may be typed
        typed = {name: value for name, value in self.form_of(people).items() if name != "job_seeker_id"}
        answer = clerk.submit(clerk.form(self.page(f"add?job_seeker_id={talent.id}")).fill(typed))
        assert answer.status_code == 302, errors_of(answer.text)
        assert answer.location == f"/job_seeker/show/{talent.id}?tab=recommendation"
        assert "第一机械厂" in words_of(clerk.get(answer.location).text)

    def test_a_position_tells_its_employer_and_counts_whom_it_has_taken(self, rest, country):
        position, client = self.placement.position(openings=1), rest("dewai_clerk")
        typed = {"recommended_on": "2026-03-03", "job_position_id": position.id}
        answer = client.post(self.api(), json=typed | {"job_seeker_id": self.talents["dewai"].id})
        assert answer.status_code == 201, answer.json
        assert answer.json["result"]["recommended_to"].endswith("机械厂")
        other = self.placement.talent("dewai")
        second = client.post(self.api(), json=typed | {"job_seeker_id": other.id})
        assert "已推荐成功1人" in second.json["warnings"]["job_position_id"][0]
        assert country.again(position).taken == 2
        client.delete(self.api(second.json["id"]))
        assert country.again(position).taken == 1
        assert client.delete(f"/api/v1/job_position/{position.id}").status_code == 200
        assert client.get(self.api(answer.json["id"])).json["result"]["job_position_id"] is None
