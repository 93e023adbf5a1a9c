"""招聘单位: under an agency of its own unit, reported after it, closed to changes of its positions then (REC-18)."""

from __future__ import annotations

import lxml.html
import pytest

from app.models.employer import Employer
from app.views.employer import EmployerView
from tests.agencies import Placement
from tests.cases.steps import StepCases
from tests.world import errors_of, words_of


@pytest.fixture
def placement(country):
    return Placement(country)


class TestEmployer(StepCases):
    view = EmployerView
    edit = {"contact_phone": "010-55510009", "address": "德外大街1号"}
    wrong = [("registered_on", "2999-01-01", "不能晚于今天"), ("contact_phone", "电话", "电话号码应为数字")]
    # AID-R147: the owner edits it in any state; the agencies of these have gone before
    moves = """
        owner:                          report            -> 已上报
        returned owner:                 report            -> 已上报
        parent, returned parent:        report, send_back -> 已上报, 退回
        root:                           send_back         -> 已上报
        owner after, parent before, parent after, sibling, child, stranger: nothing
    """

    @pytest.fixture(autouse=True)
    def _with_agencies(self, country):
        self.placement = Placement(country)
        self.agencies = {"dewai": self.placement.agency("dewai", at="root")}

    def form(self, people):
        return self.placement.employer_form(self.agencies["dewai"])

    def make(self, country, people, unit=None, **overrides):
        if unit and unit not in self.agencies:
            self.agencies[unit] = self.placement.agency(unit, at="root")
        agency = self.agencies[unit or self.owner]
        return super().make(country, people, unit, **{"agency_id": agency.id} | overrides)

    # --- its agency -----------------------------------------------------------------------------------------------

    def test_without_an_agency_nothing_is_added(self, login, rest):  # AID-R142
        clerk, words = login("xinjiekou_clerk"), "本单位还没有职介机构，请先增加职介机构"
        page = lxml.html.fromstring(clerk.get(self.page("list/")).text)
        buttons = page.xpath("//*[contains(., '增加新的招聘单位信息')][self::a or self::button]")
        assert buttons
        assert all(words in one.get("title") and not one.get("href") for one in buttons)
        typed = self.placement.employer_form(self.agencies["dewai"])
        for answer in (clerk.get(self.page("add")), clerk.post(self.page("add"), typed)):
            assert answer.status_code == 409
            assert words in words_of(answer.text)
        answer = rest("xinjiekou_clerk").post(self.api(), json=typed)
        assert answer.status_code == 409
        assert words in answer.json["message"]

    def test_it_stands_under_an_agency_of_its_own_unit(self, rest, login):  # SM-AID-10 #1
        own, client = self.placement.agency("xicheng"), rest("xicheng_clerk")
        hidden = self.placement.agency("caohejing")
        told = {}
        for name, pk in {"below": self.agencies["dewai"].id, "hidden": hidden.id, "none": 10**9}.items():
            form = self.placement.employer_form(own) | {"agency_id": pk}
            answer = client.post(self.api(), json=form)
            assert answer.status_code == 422, name
            told[name] = answer.json["errors"]["agency_id"][0]
        assert f"「{self.agencies['dewai'].name}」不是本单位的" in told["below"]
        assert told["hidden"] == told["none"] == "没有找到所选的职介机构，或它不在您单位的范围内"
        assert client.post(self.api(), json=self.placement.employer_form(own)).status_code == 201

    def test_it_is_reported_after_its_agency(self, login, rest, country):  # AID-R145
        agency = self.placement.agency()
        employer = self.placement.employer(agency=agency)
        client, message = rest("dewai_clerk"), {"message": "请审核"}
        url = self.api(f"{employer.id}/steps/report")
        answer = client.post(url, json=message)
        assert answer.status_code == 409
        assert f"所属的职介机构「{agency.name}」尚未上报，请先上报职介机构" in answer.json["message"]
        assert "尚未上报，请先上报职介机构" in login("dewai_clerk").get(self.page(f"show/{employer.id}")).text
        many = client.post(self.api("steps/report"), json={"ids": [employer.id], **message})
        assert [one["id"] for one in many.json["refused"]] == [employer.id]
        assert self.same(country, employer)
        country.step(agency, "report", "dewai_clerk")
        assert client.post(url, json=message).status_code == 200
        # and so at every level
        assert rest("xicheng_clerk").post(url, json=message).status_code == 409
        country.step(agency, "report", "xicheng_clerk")
        assert rest("xicheng_clerk").post(url, json=message).status_code == 200

    def test_a_reported_one_stays_under_what_was_reported(self, rest):  # AID-R147
        employer = self.placement.employer(agency=self.agencies["dewai"], at="xicheng")
        client, low, high = rest("dewai_clerk"), self.placement.agency(), self.placement.agency(at="xicheng")
        answer = client.put(self.api(employer.id), json={"agency_id": low.id})
        assert answer.status_code == 422
        assert "尚未上报" in answer.json["errors"]["agency_id"][0]
        answer = client.put(self.api(employer.id), json={"agency_id": high.id, "name": "新名称"})
        assert answer.status_code == 200
        assert answer.json["result"]["report_state"] == "已上报"

    def test_the_form_of_an_agencys_tab_has_the_agency(self, login, country):
        clerk, agency = login("dewai_clerk"), self.agencies["dewai"]
        form = clerk.form(self.page(f"add?agency_id={agency.id}"))
        assert "agency_id" not in form.values
        typed = self.placement.employer_form(agency)
        del typed["agency_id"]
        answer = clerk.submit(form.fill(typed))
        assert answer.status_code == 302, errors_of(answer.text)
        assert country.all(Employer)[-1].agency_id == agency.id
        assert clerk.get(self.page("add?agency_id=999999")).status_code == 404

    # --- its positions --------------------------------------------------------------------------------------------

    def test_it_counts_whom_it_looks_for(self, rest, country):  # REC-18 #9
        employer, client = self.placement.employer(agency=self.agencies["dewai"]), rest("dewai_clerk")
        first, second = (self.placement.position(employer=employer, openings=n) for n in (2, 3))
        assert country.again(employer).openings_total == 5
        assert client.put(f"/api/v1/job_position/{first.id}", json={"openings": 7}).status_code == 200
        assert client.get(self.api(employer.id)).json["result"]["openings_total"] == 10
        assert client.delete(f"/api/v1/job_position/{second.id}").status_code == 200
        now = country.again(employer)
        assert (now.openings_total, now.version) == (7, employer.version)
        client.put(self.api(employer.id), json={"openings_total": 1000})
        assert country.again(employer).openings_total == 7

    def test_one_with_positions_is_not_deleted(self, rest):  # SM-AID-10 #2, one level below
        position, client = self.placement.position(), rest("dewai_clerk")
        answer = client.delete(self.api(position.employer_id))
        assert answer.status_code == 409
        assert "请先删除其下的招聘职位" in answer.json["message"]
