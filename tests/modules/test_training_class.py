"""培训班: under an institution, above its trainees (REC-23, SM-AID-11, AID-R154, R157, R159 – R161)."""

from __future__ import annotations

import lxml.html
import pytest

from app.views.training_class import TrainingClassView
from tests.cases.steps import StepCases
from tests.training import School
from tests.world import errors_of, words_of

URL = "/api/v1/training_class/"


class TestTrainingClass(StepCases):
    """Its mandatory fields are those of `form` (AID-R159)."""

    view = TrainingClassView
    edit = {"trainee_count": 32, "description": "理论与实操"}
    wrong = [
        ("ends_on", "2026-03-01", "不能早于开课日期"),  # AID-R160
        ("trainee_count", "0", "不能小于1"),
        ("institution_id", "2147483647", "没有找到所选的培训机构"),
    ]
    # AID-R161: the owner edits it in any state; its institution has been reported to the top
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
        self.school.of("dewai")

    def form(self, people):
        return self.school.form()

    def make(self, country, people, unit=None, **overrides):
        overrides.setdefault("institution_id", self.school.of(unit or self.owner).id)
        return super().make(country, people, unit, **overrides)

    def nothing_lost(self, page, typed):
        """An institution that is not there cannot stand in the list."""
        super().nothing_lost(page, {k: v for k, v in typed.items() if v != "2147483647"})

    def test_it_goes_up_after_its_institution_only(self, rest, country):
        """AID-R157, with the words of §5.17."""
        institution = self.school.institution()
        one, client = self.school.hold(institution=institution), rest("dewai_clerk")
        answer = client.post(self.api(f"{one.id}/steps/report"), json={"message": "请审核"})
        assert answer.status_code == 409
        assert "所属的培训机构" in answer.json["message"]
        assert "请先上报培训机构" in answer.json["message"]
        assert self.same(country, one)
        country.bring(institution, at="xicheng")
        assert client.post(self.api(f"{one.id}/steps/report"), json={"message": "请审核"}).status_code == 200
        answer = rest("xicheng_clerk").post(self.api(f"{one.id}/steps/report"), json={"message": "请审核"})
        assert answer.status_code == 409  # not higher than the institution has gone

    def test_another_number_of_trainees_is_told_and_may_be_confirmed(self, login, rest, country):
        """REC-23 #2: on the page, at a save, and before it goes up; nobody is held up by it."""
        one, clerk = self.school.hold(trainee_count=2), login("dewai_clerk")
        for _each in range(3):
            self.school.enter(one)
        words = "培训人数填的是2人，已登记学员3人"
        page = words_of(clerk.get(self.page(f"show/{one.id}")).text)
        assert words in page
        assert "已登记学员" in page
        answer = clerk.submit(clerk.form(self.page(f"edit/{one.id}")).fill({"topic": "电工"}))
        assert answer.status_code == 422
        assert words in words_of(answer.text)
        assert words in words_of(clerk.get(self.page(f"dialog/report?ids={one.id}")).text)
        answer = rest("dewai_clerk").put(self.api(one.id), json={"topic": "电工"})
        assert answer.status_code == 200
        assert answer.json["warnings"]
        clerk.submit(clerk.form(self.page(f"edit/{one.id}")).fill({"trainee_count": 3}))
        assert "请核对" not in words_of(clerk.get(self.page(f"show/{one.id}")).text)

    def test_the_list_shows_the_days_and_is_asked_by_institution(self, login):
        """3.13: 培训日期 is 开课~结课; the conditions of 技能培训信息查询."""
        institution = self.school.institution(name="百工职业技能学校")
        self.school.hold(institution=institution, topic="焊工", starts_on="2026-03-02", ends_on="2026-03-09")
        self.school.hold(topic="木工")
        clerk = login("dewai_clerk")
        page = words_of(clerk.get(self.page("list/?institution.name=百工")).text)
        assert "2026-03-02~2026-03-09" in page
        assert "焊工" in page
        assert "木工" not in page
        page = words_of(clerk.get(self.page("list/?ends_on_from=2026-03-03&panel=all")).text)
        assert "焊工" in page
        assert "木工" not in page

    def test_trainees_are_counted_by_category(self, rest, login):
        """3.13: by 培训类型 班数 and 培训人数, by 人员类别 those named and those certified; a figure opens its classes."""
        first = self.school.hold(trainee_count=3)
        second = self.school.hold("xinfeng", at="dewai", trainee_count=5, training_type="computer")
        self.school.hold("xinfeng", trainee_count=7)  # not reported: nobody above counts it
        for category, certified in (("migrant", True), ("migrant", None), ("on_duty", False)):
            self.school.enter(first, trainee_category=category, has_certificate=certified)
        told = rest("dewai_clerk").get(self.api("statistics?by=training_type")).json
        assert {"total.classes", "total.trained"} == {
            c["name"] for c in told["columns"] if "total" in c["name"]
        }
        assert (told["total"]["total.classes"], told["total"]["total.trained"]) == (2, 8)
        assert told["total"]["computer.trained"] == 5
        told = rest("dewai_clerk").get(self.api("statistics?by=trainee_category")).json["total"]
        found = {
            name: told[name] for name in told if name.partition(".")[0] in ("migrant", "on_duty", "total")
        }
        assert found == {
            "migrant.named": 2,
            "migrant.certified": 1,
            "on_duty.named": 1,
            "on_duty.certified": 0,
            "total.named": 3,
            "total.certified": 1,
        }
        page = login("dewai_clerk").get(self.page("list/?trainees.trainee_category=on_duty"))
        ids = lxml.html.fromstring(page.text).xpath("//tbody//input[@data-tick]/@value")
        assert ids == [str(first.id)]
        assert second.id


def test_a_class_needs_an_institution_of_the_own_unit(login, rest, country, people):
    """AID-R154: the button is greyed with the reason, form and REST refuse with the same words."""
    school, clerk, client = School(country, people), login("dewai_clerk"), rest("dewai_clerk")
    theirs = school.of("xinfeng")  # reported through 德外街道: seen there, and no help
    page = lxml.html.fromstring(clerk.get("/training_class/list/").text)
    words = "请先增加培训机构"
    [greyed] = page.xpath("//*[contains(@class, 'kit-toolbar')]/button[@aria-disabled and @title]")
    assert words in greyed.get("title")
    assert "增加新的培训班信息" in greyed.text_content()
    assert clerk.get("/training_class/add").status_code == 409
    answer = client.post(URL, json=school.form(institution=theirs))
    assert answer.status_code == 409
    assert words in answer.json["message"]
    own = school.institution()
    assert [one["value"] for one in clerk.get("/training_institution/pick?own=1&q=").json["results"]] == [
        str(own.id)
    ]
    answer = client.post(URL, json=school.form(institution=theirs))
    assert answer.status_code == 422
    assert "不是本单位的" in answer.json["errors"]["institution_id"][0]
    far = school.of("caohejing")  # out of sight: not even named
    answer = client.post(URL, json=school.form(institution=far))
    assert answer.status_code == 422
    assert far.name not in answer.text
    answer = clerk.submit(clerk.form("/training_class/add").fill(school.form(institution=own)))
    assert answer.status_code == 302, errors_of(answer.text)
