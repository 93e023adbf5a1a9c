"""通知: of 全总 for everybody, of a province for its own; shown or not, and for how long (REC-33, AID-R198 – R200)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.kit.clock import today
from app.models.notice import Notice
from app.views.notice import NoticeView
from tests.cases.records import RecordViewCases

TYPED = {"title": "关于开展走访的通知", "is_visible": True, "body": "<p>请做好走访。</p>"}


class TestNotice(RecordViewCases):
    view = NoticeView
    owner, sibling, stranger = "bj", "sh", "sh"
    edit = {"title": "关于开展走访的补充通知", "is_visible": False}
    form = TYPED | {"shown_from": "2026-01-01", "shown_to": "2999-01-01"}
    wrong = [("shown_to", "2025-12-31", "不能早于开始日期")]

    def person(self, country, unit=None):
        return unit or self.owner


def make(country, unit, **more):
    return country.make(Notice, TYPED | more, country.actor(unit))


def on_home(clerk, notice):
    return f"/notice/show/{notice.id}" in clerk.get("/").text


def reads(client, clerk, notice):
    seen = client.get(f"/api/v1/notice/{notice.id}").status_code == 200
    assert clerk.get(f"/notice/show/{notice.id}").status_code == (200 if seen else 404)
    assert (f"/notice/show/{notice.id}" in clerk.get("/notice/list/?shelf=read").text) == seen
    return seen


def test_a_notice_is_for_its_own_province_that_of_the_nation_for_all(login, rest, country):  # AID-R198, R012
    country.give("dewai_reader")
    ours, theirs, all_of_us = make(country, "bj"), make(country, "sh"), make(country, "root")
    expected = {
        "dewai_reader": {ours, all_of_us},
        "xicheng_clerk": {ours, all_of_us},
        "bj": {ours, all_of_us},
        "caohejing_clerk": {theirs, all_of_us},
        "root_clerk": {all_of_us},
    }
    for name, seen in expected.items():
        clerk, client = login(name), rest(name)
        for notice in (ours, theirs, all_of_us):
            case = (name, notice.owner_unit_name)
            assert reads(client, clerk, notice) == (notice in seen), case
            assert on_home(clerk, notice) == (notice in seen), case


def test_what_is_not_shown_stands_in_the_management_alone(login, rest, country):  # AID-R199, SM-AID-16
    hidden = make(country, "bj", is_visible=False)
    for name in ("xicheng_clerk", "bj_clerk", "root"):
        assert not reads(rest(name), login(name), hidden), name
        assert not on_home(login(name), hidden), name
    publisher = login("bj")
    assert not on_home(publisher, hidden)
    assert f"/notice/show/{hidden.id}" in publisher.get("/notice/list/").text
    rest("bj").put(f"/api/v1/notice/{hidden.id}", json={"is_visible": True})
    assert on_home(login("xicheng_clerk"), hidden)


def test_a_notice_is_shown_from_its_first_day_to_its_last(login, rest, country):
    now, day = today(), timedelta(days=1)
    coming = make(country, "bj", shown_from=f"{now + day}")
    over = make(country, "bj", shown_from=f"{now - 2 * day}", shown_to=f"{now - day}")
    last = make(country, "bj", shown_from=f"{now}", shown_to=f"{now}")
    clerk, client = login("xicheng_clerk"), rest("xicheng_clerk")
    for notice, home, read in ((coming, False, False), (over, False, True), (last, True, True)):
        assert on_home(clerk, notice) == on_home(login("bj"), notice) == home
        assert reads(client, clerk, notice) == read


@pytest.mark.parametrize("name", ["bj_clerk", "xicheng"])
def test_who_does_not_publish_does_not_come_in(login, rest, country, name):  # AID-R196
    clerk, client = login(name), rest(name)
    assert clerk.get("/notice/list/").status_code == 403
    assert clerk.get("/notice/add").status_code == 403
    assert client.post("/api/v1/notice/", json=TYPED).status_code == 403
    assert "通知管理" not in clerk.menu()


def test_the_day_of_a_notice_is_that_of_its_first_saving(rest, country):
    """REC-33 #5."""
    notice = make(country, "bj")
    assert notice.published_on == today()
    rest("bj").put(f"/api/v1/notice/{notice.id}", json={"published_on": "2020-01-01", "title": "改"})
    assert country.again(notice).published_on == today()
