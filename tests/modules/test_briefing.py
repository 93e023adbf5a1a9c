"""工作简报: published by 全总 and the provinces, read by everybody (REC-32, AID-R196, R197, R200)."""

from __future__ import annotations

import pytest

from app.kit.errors import Forbidden
from app.models.briefing import Briefing
from app.views.briefing import BriefingView
from tests.cases.records import RecordViewCases

TYPED = {
    "title": "送温暖简报",
    "issue_no": "第1期",
    "published_on": "2026-03-02",
    "body": "<p>走访<em>慰问</em></p>",
}


class TestBriefing(RecordViewCases):
    view = BriefingView
    owner, sibling, stranger = "bj", "sh", "sh"
    is_scoped = False  # everybody reads them all
    edit = {"title": "送温暖简报（更正）", "body": "走访慰问"}
    wrong = [("published_on", "2999-01-01", "不能晚于今天"), ("issue_no", "期" * 31, "最多30个字")]
    form = TYPED

    def person(self, country, unit=None):
        return unit or self.owner


def make(country, unit="bj"):
    return country.make(Briefing, TYPED, country.actor(unit))


#: has not 用户管理; is of no province; has no right at all
@pytest.mark.parametrize("name", ["bj_clerk", "xicheng", "dewai_reader"])
def test_who_does_not_publish_reads_and_nothing_else(login, rest, country, name):  # AID-R196, R197, Q40
    country.give("dewai_reader")
    issue, clerk, client = make(country), login(name), rest(name)
    for url in ("list/", "list/?shelf=own", "add", f"edit/{issue.id}"):
        assert clerk.get(f"/briefing/{url}").status_code == 403, url
    assert clerk.post(f"/briefing/delete/{issue.id}").status_code == 403
    assert client.post("/api/v1/briefing/", json=TYPED).status_code == 403
    assert client.put(f"/api/v1/briefing/{issue.id}", json={"title": "改"}).status_code == 403
    assert client.delete(f"/api/v1/briefing/{issue.id}").status_code == 403
    page = clerk.get("/briefing/list/?shelf=read").text
    assert issue.title in page
    assert "增加新的简报信息" not in page
    assert f"/briefing/edit/{issue.id}" not in page
    shown = clerk.get(f"/briefing/show/{issue.id}").text
    assert "<em>慰问</em>" in shown
    assert "data-refusal" not in shown
    for url in (f"print/{issue.id}", f"word/{issue.id}"):
        assert clerk.get(f"/briefing/{url}").status_code == 200  # AID-R200
    assert client.get(f"/api/v1/briefing/{issue.id}").json["result"]["owner_unit_name"] == "北京市总工会"
    assert "工作简报管理" not in clerk.menu()
    assert country.again(issue).version == issue.version


def test_both_rights_are_asked_for(login, country):  # AID-R196
    for rights, status in ((("政策文件", "用户管理"), 200), (("用户管理",), 403), (("政策文件",), 403)):
        country.give("bj_clerk", *rights)
        assert login("bj_clerk").get("/briefing/list/").status_code == status, rights


def test_another_publishers_briefing_is_read_and_not_changed(login, rest, country):  # SM-AID-16
    issue = make(country, "root")
    clerk, client = login("sh"), rest("sh")
    assert issue.title in clerk.get("/briefing/list/?shelf=read&panel=all").text
    assert issue.title not in clerk.get("/briefing/list/").text  # 工作简报列表 is of one's own
    assert client.put(f"/api/v1/briefing/{issue.id}", json={"title": "改"}).status_code == 409
    assert client.delete(f"/api/v1/briefing/{issue.id}").status_code == 409
    lines = clerk.menu()
    assert "工作简报列表" in lines
    assert "工作简报查询" in lines


def test_no_other_door_publishes_either(country):  # AID-R196
    with pytest.raises(Forbidden, match="用户管理员"):
        country.make(Briefing, TYPED, "bj")
