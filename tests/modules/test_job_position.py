"""招聘职位: part of an employer, open while that is its owner's (REC-19, AID-R146, R148)."""

from __future__ import annotations

import lxml.html
import pytest

from app.models.job_position import JobPosition
from app.views.job_position import JobPositionView
from tests.agencies import Placement
from tests.cases.records import RecordViewCases
from tests.world import errors_of, words_of


class TestJobPosition(RecordViewCases):
    view = JobPositionView
    edit = {"openings": "5", "work_location": "德外大街"}
    wrong = [
        ("openings", "0", "不能小于1"),
        ("openings", "100000", "数值过大"),
        ("age_max", "17", "不能小于年龄下限"),
        ("salary_max", "3000", "不能小于月薪下限"),
        ("valid_until", "2026-03-01", "不能早于发布日期"),
    ]

    @pytest.fixture(autouse=True)
    def _with_employers(self, country):
        self.placement = Placement(country)
        self.employers = {"dewai": self.placement.employer("dewai")}

    def form(self, people):
        return {
            "employer_id": self.employers["dewai"].id,
            "title": "电工",
            "openings": "2",
            "gender_required": "male",
            "age_min": "18",
            "salary_min": "3500",
            "published_on": "2026-03-02",
        }

    def make(self, country, people, unit=None, **overrides):
        if unit and unit not in self.employers:
            self.employers[unit] = self.placement.employer(unit)
        employer = self.employers[unit or self.owner]
        return super().make(country, people, unit, **{"employer_id": employer.id} | overrides)

    def test_once_the_employer_is_reported_it_is_closed_and_opens_when_that_comes_back(
        self, login, rest, country, people
    ):  # AID-R146, R148
        employer, words = self.employers["dewai"], "已上报，其招聘职位不能增加、修改或删除"
        position = self.make(country, people)
        employer = country.bring(employer, at="xicheng")
        client, clerk = rest("dewai_clerk"), login("dewai_clerk")
        typed = self.form_of(people)
        for answer in (
            client.post(self.api(), json=typed),
            client.put(self.api(position.id), json=dict(self.edit)),
            client.delete(self.api(position.id)),
        ):
            assert answer.status_code == 409
            assert words in answer.json["message"]
        assert self.same(country, position)
        assert clerk.get(self.page(f"edit/{position.id}")).status_code == 409
        assert clerk.get(self.page(f"add?employer_id={employer.id}")).status_code == 409
        late = clerk.submit(clerk.form(self.page("add")).fill(typed))  # the form was open before
        assert late.status_code == 409
        assert words in words_of(late.text)
        self.nothing_lost(late.text, typed)
        tab = lxml.html.fromstring(clerk.get(f"/employer/show/{employer.id}?tab=job_position").text)
        (add,) = tab.xpath("//*[@id='linked']//button[contains(., '增加招聘职位信息')]")
        assert words in add.get("title")
        for url in ("show", "print", "word", "excel"):
            assert clerk.get(self.page(f"{url}/{position.id}")).status_code == 200
        country.step(employer, "send_back", "xicheng_clerk")
        assert client.put(self.api(position.id), json=dict(self.edit)).status_code == 200

    def test_it_is_added_from_the_employers_page(self, login, country, people):
        clerk, employer = login("dewai_clerk"), self.employers["dewai"]
        form = clerk.form(self.page(f"add?employer_id={employer.id}"))
        assert "employer_id" not in form.values
        typed = {name: value for name, value in self.form_of(people).items() if name != "employer_id"}
        answer = clerk.submit(form.fill(typed))
        assert answer.status_code == 302, errors_of(answer.text)
        assert answer.location == f"/employer/show/{employer.id}?tab=job_position"
        assert country.all(JobPosition)[-1].employer_id == employer.id

    def test_whom_it_asks_for_is_said_in_words_too(self, rest, people):  # REC-19 #4
        client, typed = rest("dewai_clerk"), self.form_of(people)
        told = client.post(self.api(), json=typed | {"gender_required": "都行"}).json["errors"]
        assert "应为男、女、不限之一" in told["gender_required"][0]
        made = client.post(self.api(), json=typed | {"gender_required": "不限"}).json["result"]
        assert made["gender_required"] == {"code": "any", "label": "不限"}

    def test_it_is_nobodys_but_its_employers(self, rest, country, people):
        position, client = self.make(country, people), rest("dewai_clerk")
        other = self.placement.employer("dewai")
        answer = client.put(self.api(position.id), json={"employer_id": other.id})
        assert answer.status_code == 422
        assert "不能改到另一" in answer.json["errors"]["employer_id"][0]
        hidden = self.placement.employer("caohejing")
        for pk in (hidden.id, 10**9):
            answer = client.post(self.api(), json=self.form_of(people) | {"employer_id": pk})
            assert answer.status_code == 422
            assert "没有找到所选的招聘单位信息" in answer.json["errors"]["employer_id"][0]

    def test_a_superior_sees_it_with_its_employer_and_leaves_it(self, rest, country, people):  # 1.3
        position = self.make(country, people)
        client = rest("xicheng_clerk")
        assert client.get(self.api(position.id)).status_code == 404
        country.bring(self.employers["dewai"], at="xicheng")
        assert client.get(self.api(position.id)).status_code == 200
        answer = client.put(self.api(position.id), json=dict(self.edit))
        assert answer.status_code == 409
        assert "只有该单位可以修改或删除" in answer.json["message"]
