"""培训机构: what stands above the classes (REC-22, SM-AID-11, AID-R155, R156, R161)."""

from __future__ import annotations

import pytest

from app.kit.errors import Invalid
from app.views.training_institution import TrainingInstitutionView
from tests.cases.steps import StepCases
from tests.training import School
from tests.world import words_of


class TestTrainingInstitution(StepCases):
    view = TrainingInstitutionView
    edit = {"staff_count": 12, "contact_phone": "010-55500001"}
    wrong = [
        ("registered_on", "2999-01-01", "不能晚于今天"),
        ("staff_count", "-1", "不能为负"),
        ("contact_phone", "无", "电话号码应为数字"),
    ]
    # AID-R161: the owner edits it in any state
    moves = """
        owner:                          report            -> 已上报
        returned owner:                 report            -> 已上报
        parent, returned parent:        report, send_back -> 已上报, 退回
        root:                           send_back         -> 已上报
        owner after, parent before, parent after, sibling, child, stranger: nothing
    """

    @pytest.fixture(autouse=True)
    def _with_a_school(self, country, people):
        self.school = School(country, people)

    def form(self, people):
        return {
            "registered_on": "2026-03-02",
            "name": f"{people.faker.company()}培训学校",
            "qualification": "初级至高级",
            "is_accredited": True,
            "has_subsidy": False,
        }

    def test_a_name_stands_once_in_a_unit(self, country, people):
        """REC-22 #2."""
        self.make(country, people, name="同名培训学校")
        self.make(country, people, self.sibling, name="同名培训学校")
        with pytest.raises(Invalid) as told:
            self.make(country, people, name="同名培训学校")
        assert told.value.errors == {"name": ["本单位已登记过这个培训机构"]}

    def test_one_with_classes_is_not_deleted(self, login, rest, country):
        """AID-R155."""
        one = self.school.hold()
        institution = country.again(self.school.of("dewai"))
        institution = country.step(institution, "send_back", "root_clerk")
        for above in ("bj_clerk", "xicheng_clerk"):
            institution = country.step(institution, "send_back", above)
        answer = rest("dewai_clerk").delete(self.api(institution.id))
        assert answer.status_code == 409
        assert "删除失败" in answer.json["message"]
        assert "培训班" in answer.json["message"]
        assert country.again(institution) is not None
        assert rest("dewai_clerk").delete(f"/api/v1/training_class/{one.id}").status_code == 200
        assert login("dewai_clerk").post(self.page(f"delete/{institution.id}")).status_code == 302
        assert country.again(institution) is None

    def test_one_comes_back_after_its_classes(self, rest, country):
        """AID-R156: words before, possible after."""
        institution = self.school.institution(at="xicheng")
        one = self.school.hold(institution=institution, at="xicheng")
        client, url = rest("xicheng_clerk"), self.api(f"{institution.id}/steps/send_back")
        answer = client.post(url, json={"message": "请补资质"})
        assert answer.status_code == 409
        assert "先退回" in answer.json["message"]
        assert "培训班" in answer.json["message"]
        assert self.same(country, institution)
        country.step(one, "send_back", "xicheng_clerk")
        assert client.post(url, json={"message": "请补资质"}).status_code == 200

    def test_its_classes_stand_in_a_tab(self, login):
        one = self.school.hold(topic="焊工培训")
        page = login("dewai_clerk").get(self.page(f"show/{one.institution_id}?tab=training_class"))
        assert "焊工培训" in words_of(page.text)
