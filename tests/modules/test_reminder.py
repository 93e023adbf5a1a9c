"""提醒: the promises of every record type, and who is told what (SM-AID-17)."""

from __future__ import annotations

from sqlalchemy import select

from app.kit.reminders import Reminder
from app.models.archive import Archive
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
    assert f"您有{waiting}条待处理提醒" in anonymous.get("/").text


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
