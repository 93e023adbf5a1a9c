"""提醒: the promises of every record type, and who is told what (SM-AID-17)."""

from __future__ import annotations

import lxml.html
from sqlalchemy import select

from app.kit.reminders import Reminder
from app.models.archive import Archive
from app.models.export_application import ExportApplication
from app.views.reminder import ReminderView
from tests.cases.records import RecordViewCases
from tests.world import PASSWORD, words_of


class TestReminder(RecordViewCases):
    view = ReminderView
    edit = {"state": "done"}
    list_args = "?shelf=all"

    def make(self, country, people, unit=None, **overrides):
        child = {"dewai": "xinfeng", "xicheng": "dewai", "caohejing": None}[unit or "dewai"]
        country.bring(country.make(Archive, people.household(), child), at=unit or "dewai")
        return country.again(country.all(Reminder)[-1])


def test_every_move_tells_the_receiving_unit(country, make_archive):  # AID-R222
    file = make_archive("dewai", at="xicheng")
    country.step(file, "send_back", "xicheng_clerk", message="请补充收入证明")
    up, down = country.all(Reminder)[-2:]
    assert (up.receiver_unit_id, up.state) == (country.unit("xicheng").id, "open")
    assert (down.receiver_unit_id, down.state, down.message) == (
        country.unit("dewai").id,
        "open",
        "请补充收入证明",
    )
    assert (up.sender_unit_name, down.sender_unit_name) == ("德外街道总工会", "西城区总工会")


def test_only_the_receiving_unit_with_the_right_sees_it(country, make_archive):  # AID-R223
    make_archive("dewai", at="xicheng")
    reminder = country.all(Reminder)[-1]
    country.give("dewai_reader")
    for login, sees in (
        ("xicheng", True),
        ("xicheng_clerk", True),
        ("dewai_clerk", False),
        ("bj_clerk", False),
        ("root", False),
        ("dewai_reader", False),
    ):
        with country.acting(login) as session:
            assert (session.get(Reminder, reminder.id) is not None) is sees, login
    country.give("xicheng_clerk")
    with country.acting("xicheng_clerk") as session:
        assert session.get(Reminder, reminder.id) is None


def test_the_login_tells_how_many_are_open(login, anonymous, country, make_archive):  # AID-R224
    make_archive("dewai", at="xicheng")
    with country.acting("xicheng_clerk") as session:
        waiting = len(session.scalars(select(Reminder.id).where(Reminder.state == "open")).all())
    anonymous._take_token(anonymous.get("/login/").text)
    anonymous.post("/login/", {"username": "xicheng_clerk", "password": PASSWORD})
    assert waiting
    page = anonymous.get("/").text
    assert f"您有{waiting}条待处理提醒" in page
    assert '<a href="/reminder/list/?shelf=open">' in page


def test_it_is_closed_by_done_and_may_be_opened_again(
    rest, login, country, make_archive
):  # AID-R225, AID-R226
    make_archive("dewai", at="xicheng")
    reminder, client, clerk = country.all(Reminder)[-1], rest("xicheng_clerk"), login("xicheng_clerk")
    assert reminder.subject in words_of(clerk.get("/reminder/list/?shelf=open").text)
    answer = client.put(f"/api/v1/reminder/{reminder.id}", json={"state": "处理"})
    assert answer.status_code == 200, answer.json
    assert answer.json["result"]["state"] == "处理"
    now = country.again(reminder)
    assert (now.state, now.handled_by_name) == ("done", country.actor("xicheng_clerk").name)
    assert now.handled_at
    assert f"/reminder/show/{reminder.id}" not in clerk.get("/reminder/list/?shelf=open&size=200").text
    assert f"/reminder/show/{reminder.id}" in clerk.get("/reminder/list/?shelf=all&size=200").text
    assert client.put(f"/api/v1/reminder/{reminder.id}", json={"state": "未处理"}).status_code == 200
    now = country.again(reminder)
    assert (now.state, now.handled_by_name, now.handled_at) == ("open", None, None)


def test_what_it_says_is_not_changed(rest, country, make_archive):
    make_archive("dewai", at="xicheng")
    reminder = country.all(Reminder)[-1]
    for name in ("message", "subject", "record_ids", "receiver_unit_id", "handled_by_name"):
        assert rest("xicheng_clerk").put(f"/api/v1/reminder/{reminder.id}", json={name: "x"}).status_code in {
            200,
            422,
        }
    now = country.again(reminder)
    assert (now.message, now.subject, now.record_ids) == (
        reminder.message,
        reminder.subject,
        reminder.record_ids,
    )
    assert rest("xicheng_clerk").delete(f"/api/v1/reminder/{reminder.id}").status_code == 403


def bell(clerk):
    """The number beside the bell."""
    found = lxml.html.fromstring(clerk.get("/reminder/list/?shelf=open").text).find_class("kit-badge")
    return int(found[0].text_content()) if found else 0


def test_the_dialog_beside_it_closes_and_opens_it_where_it_stands(login, country, make_archive):
    """AID-R225, 3.15: 未处理/处理 and 保存 in both lists; the number on the bell follows at once."""
    make_archive("dewai", at="xicheng")
    reminder, clerk = country.all(Reminder)[-1], login("xicheng_clerk")
    waiting = bell(clerk)
    for shelf, after, left in (("open", "done", waiting - 1), ("all", "open", waiting)):
        page = f"/reminder/list/?shelf={shelf}"
        assert f"/reminder/dialog/handle?ids={reminder.id}" in clerk.get(page).text
        dialog = clerk.get(f"/reminder/dialog/handle?ids={reminder.id}", headers={"Referer": page})
        form = lxml.html.fromstring(dialog.text).forms[0]
        assert dict(form.form_values())["state"] == after  # what is wanted stands there already
        answer = clerk.post(form.action, dict(form.form_values()))
        assert answer.location == page
        assert country.again(reminder).state == after
        assert bell(clerk) == left


def test_many_are_closed_at_once_and_others_left_alone(login, rest, country, make_archive):
    for _each in range(3):
        make_archive("dewai", at="xicheng")
    *ticked, last = country.all(Reminder)[-3:]
    clerk = login("xicheng_clerk")
    ids = [str(one.id) for one in ticked]
    assert clerk.post("/reminder/steps/handle", {"ids": ids, "state": "done"}).status_code == 302
    assert [country.again(one).state for one in (*ticked, last)] == ["done", "done", "open"]
    answer = rest("dewai_clerk").post(
        "/api/v1/reminder/steps/handle", json={"ids": [last.id], "state": "done"}
    )
    assert answer.json["done"] == []
    assert country.again(last).state == "open"
    assert clerk.post("/reminder/steps/handle", {"ids": ids, "state": "nonsense"}).status_code == 422


def test_its_link_leads_to_the_very_records_or_says_where_they_went(login, country, make_archive):
    file = make_archive("dewai", at="xicheng")
    reminder, clerk = country.all(Reminder)[-1], login("xicheng_clerk")
    link = f"/archive/list/?reminder={reminder.id}"
    assert link in clerk.get("/reminder/list/?shelf=open&size=200").text
    assert file.full_name in words_of(clerk.get(link).text)
    country.step(file, "send_back", "xicheng_clerk")
    words = words_of(clerk.get(link).text)
    assert file.full_name not in words
    assert "提醒中的记录已不在本单位" in words


def test_those_whose_records_are_done_with_are_listed_apart(login, country, make_archive):
    """Nothing closes by itself (SM-AID-17); what no longer waits for anybody is closed together."""
    up, back, waits = (make_archive("dewai", at="xicheng") for _each in range(3))
    told = country.all(Reminder)[-3:]
    country.step(up, "report", "xicheng_clerk")
    country.step(back, "send_back", "xicheng_clerk")
    clerk = login("xicheng_clerk")
    page = clerk.get("/reminder/list/?shelf=finished&size=200").text
    assert [f"/reminder/show/{one.id}" in page for one in told] == [True, True, False]
    assert [country.again(one).state for one in told] == ["open"] * 3
    assert waits.holder_depth == country.unit("xicheng").depth


def test_what_moves_by_no_step_is_opened_itself(login, country):
    typed = {"export_unit_id": country.unit("dewai").id, "archive_kinds": ["hardship"], "reason": "核对"}
    application = country.make(ExportApplication, typed, country.actor("dewai"))
    link, chief = f"/export_application/show/{application.id}", login("xicheng")
    assert link in chief.get("/reminder/list/?shelf=open&size=200").text
    assert chief.get(link).status_code == 200
