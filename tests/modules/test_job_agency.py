"""职介机构: what others stand under goes last and comes back last (REC-17, SM-AID-10)."""

from __future__ import annotations

import pytest

from app.models.job_agency import JobAgency
from app.views.job_agency import JobAgencyView
from tests.agencies import Placement
from tests.cases.steps import StepCases
from tests.world import words_of


@pytest.fixture
def placement(country):
    return Placement(country)


class TestJobAgency(StepCases):
    view = JobAgencyView
    edit = {"staff_count": "12", "has_subsidy": True}
    wrong = [("registered_on", "2999-01-01", "不能晚于今天"), ("staff_count", "-1", "不能为负")]
    # AID-R147: the owner edits it in any state
    moves = """
        owner:                          report            -> 已上报
        returned owner:                 report            -> 已上报
        parent, returned parent:        report, send_back -> 已上报, 退回
        root:                           send_back         -> 已上报
        owner after, parent before, parent after, sibling, child, stranger: nothing
    """

    def form(self, people):
        return {"registered_on": "2026-03-02", "name": f"{people.name('female')}职业介绍所"}

    def test_what_is_mandatory_and_what_is_no_unless_said(self, rest):  # AID-R153
        client = rest("dewai_clerk")
        told = client.post(self.api(), json={"staff_count": 3}).json["errors"]
        assert set(told) == {"registered_on", "name"}
        made = client.post(self.api(), json={"registered_on": "2026-03-02", "name": "便民职业介绍所"})
        assert made.json["result"]["has_subsidy"] is False

    def test_a_name_stands_once_in_a_unit(self, rest, country, placement):
        mine = placement.agency()
        typed = {"registered_on": "2026-03-02", "name": mine.name}
        answer = rest("dewai_clerk").post(self.api(), json=typed)
        assert answer.status_code == 422
        assert "同名的职介机构" in answer.json["errors"]["name"][0]
        assert rest("xinjiekou_clerk").post(self.api(), json=typed).status_code == 201

    def test_an_agency_with_employers_is_not_deleted(self, login, rest, country, placement):  # AID-R143
        agency = placement.agency()
        employer = placement.employer(agency=agency)
        answer = rest("dewai_clerk").delete(self.api(agency.id))
        assert answer.status_code == 409
        assert "删除失败，当前机构下有信息" in answer.json["message"]
        clerk = login("dewai_clerk")
        assert "删除失败，当前机构下有信息" in clerk.get(self.page(f"show/{agency.id}")).text
        clerk.post(self.page("delete"), {"ids": [str(agency.id)]})
        assert "删除失败，当前机构下有信息" in words_of(clerk.get(self.page("list/")).text)
        assert self.same(country, agency)
        assert rest("dewai_clerk").delete(f"/api/v1/employer/{employer.id}").status_code == 200
        assert rest("dewai_clerk").delete(self.api(agency.id)).status_code == 200

    def test_it_comes_back_once_all_its_employers_have(self, rest, country, placement):  # AID-R144
        agency = placement.agency(at="bj")
        employer = placement.employer(agency=agency, at="xicheng")
        # at 北京市 nothing of it is reported, at 西城区 it is
        back = country.step(agency, "send_back", "bj_clerk")
        client, message = rest("xicheng_clerk"), {"message": "请核对"}
        answer = client.post(self.api(f"{agency.id}/steps/send_back"), json=message)
        assert answer.status_code == 409
        assert "下有已上报的招聘单位信息，不能退回" in answer.json["message"]
        assert self.same(country, back)
        country.step(employer, "send_back", "xicheng_clerk")
        assert client.post(self.api(f"{agency.id}/steps/send_back"), json=message).status_code == 200

    def test_there_is_no_quick_report(self, login, rest, country):  # SM-AID-10 #6
        body = {"unit": country.unit("dewai").id, "message": "请查收"}
        assert rest("dewai_clerk").post(self.api("steps/report"), json=body).status_code == 400
        assert login("dewai_clerk").get(self.page("sweep/report")).status_code == 400

    def test_a_picker_offers_ones_own_alone_where_that_is_asked(self, login, placement):  # SM-AID-10 #1
        below, own = placement.agency("dewai", at="xicheng"), placement.agency("xicheng")
        clerk = login("xicheng_clerk")

        def offered(url):
            return {one["value"] for one in clerk.get(url).json["results"]}

        assert offered("/job_agency/pick") == {str(below.id), str(own.id)}
        assert offered("/job_agency/pick?own=1") == {str(own.id)}
        assert 'data-remote="/job_agency/pick?own=1"' in clerk.get("/employer/add").text

    def test_its_page_lists_its_employers(self, login, placement):
        agency = placement.agency(at="root")
        employer = placement.employer(agency=agency)
        page = login("dewai_clerk").get(self.page(f"show/{agency.id}?tab=employer")).text
        assert employer.name in page
        assert f"/employer/add?agency_id={agency.id}" in page
        assert (
            f"/employer/add?agency_id={agency.id}"
            not in login("xicheng_clerk").get(self.page(f"show/{agency.id}?tab=employer")).text
        )

    def test_the_model_is_seen_by_name(self, login, placement):
        agency = placement.agency(name="和平里职业介绍所")
        found = login("dewai_clerk").get("/job_agency/pick?q=hepingli").json["results"]
        assert [one["value"] for one in found] == [str(agency.id)]
        assert JobAgency.resource() == "job_agency"
