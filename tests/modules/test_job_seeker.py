"""求职人才信息: kept by one unit, seen by others with the worker's file, and what suits him (REC-20, SM-AID-12)."""

from __future__ import annotations

import re

import lxml.html
import pytest

from app.kit import saving
from app.kit.errors import Refused
from app.models.archive import Archive
from app.models.recommendation import Recommendation
from app.views.job_seeker import JobSeekerView
from tests.agencies import Placement
from tests.cases.linked import LookedUpCases
from tests.world import words_of


@pytest.fixture
def placement(country):
    return Placement(country)


def rows(page):
    """The cells of the linked table, row by row."""
    document = lxml.html.fromstring(page)
    found = document.xpath("//*[@id='linked']//tbody/tr")
    return [[" ".join(cell.text_content().split()) for cell in row.xpath("td")] for row in found]


class TestJobSeeker(LookedUpCases):
    view = JobSeekerView
    edit = {"skill_level": "senior", "desired_location": "西城区"}
    wrong = [
        ("registered_on", "2999-01-01", "不能晚于今天"),
        ("valid_until", "2026-03-01", "不能早于登记日期"),
        ("desired_salary", "-1", "不能为负"),
    ]

    def form(self, people):
        return {
            "id_card_no": self.worker.id_card_no,
            "registered_on": "2026-03-02",
            "education": "bachelor",
            "desired_position": "电工",
            "phone": "010-55510002",
        }

    def derived_free(self, names):
        """The number and the telephone come with the worker."""
        return [name for name in super().derived_free(names) if name != "phone"]

    def test_it_has_no_reporting(self, rest, country, people):  # AID-R149
        record = self.make(country, people)
        assert self.view.steps() == {}
        answer = rest("dewai_clerk").post(self.api(f"{record.id}/steps/report"), json={"message": "请审核"})
        assert answer.status_code == 400

    def test_the_telephone_is_that_of_the_file(self, login, rest, country, people):  # REC-20 #12
        typed = {name: value for name, value in self.form_of(people).items() if name != "phone"}
        form = login("dewai_clerk").form(self.page("add"))
        assert form.values["phone"] == self.worker.phone
        answer = rest("dewai_clerk").post(self.api(), json=typed)
        assert answer.json["result"]["phone"] == self.worker.phone
        answer = rest("caohejing_clerk").post(self.api(), json=typed)  # who does not see the file
        assert answer.status_code == 422
        assert set(answer.json["errors"]) == {"phone"}

    def test_who_looks_for_work_already_is_told(self, login, rest, country, people, placement):
        first = self.make(country, people)
        told = rest("dewai_clerk").post(self.api(), json=self.form_of(people)).json["warnings"]
        assert "已于2026-03-02登记过" in told["id_card_no"][0]
        clerk = login("dewai_clerk")
        asked = clerk.submit(clerk.form(self.page("add")).fill(self.form_of(people)))
        assert asked.status_code == 422
        assert "已于2026-03-02登记过" in words_of(asked.text)
        assert "warnings" not in rest("dewai_clerk").put(self.api(first.id), json=dict(self.edit)).json

    def test_a_superior_sees_it_in_the_tab_of_a_file_that_he_sees(self, login, rest, country, people):  # 1.3
        record = self.make(country, people)
        superior, client = login("xicheng_clerk"), rest("xicheng_clerk")
        assert client.get(self.api(record.id)).status_code == 404
        country.bring(self.worker, at="xicheng")
        tab = superior.get(f"/archive/show/{self.worker.id}?tab=job_seeker")
        assert rows(tab.text)[0][1] == self.worker.full_name
        assert superior.get(self.page(f"show/{record.id}")).status_code == 200
        assert str(record.id) not in self.listed(client)  # his own list has his own
        assert record.full_name not in words_of(superior.get(self.page("list/")).text)
        assert client.get(self.api(f"?archive_id={self.worker.id}")).json["ids"] == [record.id]
        answer = client.put(self.api(record.id), json=dict(self.edit))
        assert answer.status_code == 409
        assert "只有该单位可以修改或删除" in answer.json["message"]
        assert client.delete(self.api(record.id)).status_code == 409
        answer = client.post("/api/v1/recommendation/", json={"job_seeker_id": record.id})
        assert answer.status_code == 409

    def test_a_file_with_a_talent_is_not_deleted(self, country, people):  # AID-R150
        self.make(country, people)
        who = country.actor("dewai_clerk")
        with country.acting(who) as session, pytest.raises(Refused, match="人才"):
            saving.delete(session, session.get_one(Archive, self.worker.id), who)

    def test_a_merged_file_brings_its_talents(self, rest, country, people):  # AID-R093
        record, survivor = self.make(country, people), country.make(Archive, people.household(), "dewai")
        url = f"/api/v1/archive/{survivor.id}/steps"
        answer = rest("dewai").post(f"{url}/merge", json={"source_ids": [self.worker.id]})
        assert answer.status_code == 200, answer.json
        now = country.again(record)
        assert (now.archive_id, now.full_name) == (survivor.id, survivor.full_name)
        assert rest("dewai").post(f"{url}/unmerge", json={}).status_code == 200
        assert country.again(record).archive_id == self.worker.id

    def test_the_recommendations_go_with_it_and_that_is_said_before(self, login, country, people, placement):
        """SM-AID-12."""
        record = self.make(country, people)
        one = placement.recommendation(record)
        clerk = login("dewai_clerk")
        page = clerk.get(self.page(f"show/{record.id}")).text
        assert "推荐信息将一并删除" in page
        assert "推荐信息将一并删除" in clerk.get(self.page("list/")).text
        assert clerk.post(self.page(f"delete/{record.id}")).status_code == 302
        assert country.again(record) is None
        assert country.again(one) is None
        assert [version.step for version in country.versions(one)] == ["add", "delete"]

    def test_what_suits_is_told_with_the_reasons_and_leads_to_the_form(
        self, login, country, people, placement
    ):
        worker = placement.archive("dewai", "female", 40)
        more = {"desired_location": "西城区", "desired_salary": "4000", "skills": "高压电工证"}
        seeker = placement.talent(archive=worker, desired_position="维修电工", **more)
        employer = placement.employer("dewai")

        def position(title, **typed):
            return placement.position(employer=employer, title=title, **typed)

        best = position(
            "维修电工", work_location="北京市西城区", salary_max="5000", education_required="bachelor"
        )
        good = position("电工", requirements="高压电工证优先", gender_required="female", age_max="45")
        for typed in (
            {"gender_required": "male"},
            {"age_max": "30"},
            {"education_required": "postgraduate"},
            {"skill_level_required": "junior"},
            {"valid_until": "2026-03-03"},
            {"title": "会计"},
        ):
            position(**{"title": "维修电工"} | typed)
        placement.position("caohejing", title="维修电工")  # out of sight
        clerk = login("dewai_clerk")
        page = clerk.get(self.page(f"show/{seeker.id}?tab=suiting")).text
        table = rows(page)
        assert [row[0] for row in table] == [best.title, good.title]
        for words in (
            "求职意向相合：维修电工",
            "工作地点相合：西城区",
            "学历符合（本科）",
            "月薪达到期望（4,000元）",
        ):
            assert words in table[0][5]
        for words in ("性别符合（女）", f"年龄符合（{seeker.age}岁）", "专业、特长相合：高压电工证"):
            assert words in table[1][5]
        (url,) = set(re.findall(r'href="(/recommendation/add[^"]*)"', page)) & {
            f"/recommendation/add?job_seeker_id={seeker.id}&amp;job_position_id={best.id}"
        }
        form = clerk.form(url.replace("&amp;", "&"))
        assert form.values["recommended_to"] == employer.name
        assert form.values["contact_phone"] == employer.contact_phone
        # and the other way round
        other = clerk.get(f"/job_position/show/{best.id}?tab=suiting").text
        assert [row[0] for row in rows(other)] == [seeker.full_name]
        assert clerk.submit(form).status_code == 302
        (made,) = country.all(Recommendation, Recommendation.job_seeker_id == seeker.id)
        assert (made.job_position_id, made.result) == (best.id, "success")
        assert country.again(best).taken == 1
        assert "该职工已就业" in words_of(clerk.get(self.page(f"show/{seeker.id}?tab=suiting")).text)
        assert rows(clerk.get(f"/job_position/show/{best.id}?tab=suiting").text) == []

    def test_what_a_match_costs(self, login, placement, statements):
        seeker = placement.talent()
        employer = placement.employer("dewai")
        for number in range(3):
            placement.position(employer=employer, title=f"电工{number}")
        clerk, url = login("dewai_clerk"), self.page(f"show/{seeker.id}?tab=suiting")
        clerk.get(url)
        with statements() as sent:
            assert len(rows(clerk.get(url).text)) == 3
        assert len(sent) <= 8, "\n".join(sent)
