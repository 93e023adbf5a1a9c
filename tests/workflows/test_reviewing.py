"""The reviewer's side of 上报 and 退回: what changed since his level last saw it, and what became of his points."""

from __future__ import annotations

import io
from copy import deepcopy
from random import Random

import pytest
from sqlalchemy import select

from app.kit.reminders import Reminder
from app.models.archive import Archive
from app.workflows.reviewing import numbered, points_in
from tests.workflows.sweeping import ask, work
from tests.workflows.test_reporting import PARENT, Paper, chain
from tests.world import words_of

MESSAGE = "1. 请补充收入证明\n2、核对联系电话\n（3）12.5万元的收入不对"
POINTS = ["请补充收入证明", "核对联系电话", "12.5万元的收入不对"]


def step(client, file, name, message="请查收", **more):
    return client.post(f"/api/v1/archive/{file.id}/steps/{name}", json={"message": message} | more)


def points_of(client, file):
    answer = client.get(f"/api/v1/archive/{file.id}/points")
    assert answer.status_code == 200, answer.json
    return answer.json["result"]


def since(client, file):
    answer = client.get(f"/api/v1/archive/{file.id}/since")
    assert answer.status_code == 200, answer.json
    return answer.json["result"]


@pytest.fixture
def returned(rest, make_archive):
    """A file of dewai that xicheng has returned with three points."""
    file = make_archive("dewai", at="xicheng")
    assert step(rest("xicheng_clerk"), file, "send_back", MESSAGE).status_code == 200
    return file


# --- what did my level see last? ----------------------------------------------------------------------------------


class Desk(Paper):
    """What each unit was handed, in the tester's own words: a pile of copies, the latest on top."""

    def __init__(self, owner, content):
        super().__init__(owner)
        self.content, self.piles, self.returned_by = content, {}, set()

    def do(self, deed):
        giver = self.holder
        super().do(deed)
        if deed == "report":
            self.piles.setdefault(self.holder, []).append(deepcopy(self.content))
        elif deed == "send_back":
            self.returned_by.add(giver)

    def differs(self, unit):
        """Field → (what the unit saw last, what stands now); None when it has seen it at most once."""
        pile = self.piles.get(unit, [])
        if len(pile) < 2 or unit == self.owner:
            return None
        before = pile[-2]
        return {name: (before[name], now) for name, now in self.content.items() if before[name] != now}

    def came_again(self, unit):
        return self.holder == unit and unit in self.returned_by and not self.returned


def told(result):
    """What REST says of a difference, as the model says it."""
    if result is None:
        return None
    found = {one["field"]: (one["before"], one["after"]) for one in result["diff"]}
    if "family_members" in found:
        found["family_members"] = tuple(
            [member["full_name"] for member in side] for side in found["family_members"]
        )
    files = sorted(result["attachments_added"]), sorted(result["attachments_removed"])
    kept = {"remarks", "phone", "home_address", "family_members"}
    return {name: pair for name, pair in found.items() if name in kept}, files


@pytest.mark.parametrize("seed", range(5))
def test_random_histories_agree_with_what_each_level_was_handed(app, rest, country, make_archive, seed):
    """DESIGN §3: a resubmission shows the reviewer only what changed since his level saw it."""
    chance = Random(seed)
    owner = chance.choice(["xinfeng", "dewai", "dewai"])
    file = make_archive(owner, members=2)
    members = {member.id: member.full_name for member in file.family_members}
    content = {name: getattr(file, name) for name in ("remarks", "phone", "home_address")}
    desk = Desk(owner, content | {"family_members": list(members.values()), "files": []})
    for turn in range(32):
        deed = chance.choices(("move", "edit", "attach"), (60, 30, 10))[0]
        if deed == "move":
            goes_up = PARENT[desk.holder] is not None and (desk.holder == owner or chance.random() < 0.5)
            _move(app, rest, country, chance, file, desk, "report" if goes_up else "send_back")
        elif deed == "edit":
            _edit(rest(f"{owner}_clerk"), chance, file, desk, members, turn)
        else:
            _attach(rest(f"{owner}_clerk"), chance, file, desk)
        _everybody_is_told(rest, country, file, desk, (seed, turn))


def _move(app, rest, country, chance, file, desk, deed):
    unit = desk.holder
    client = rest(f"{unit}_clerk")
    is_fast = chance.random() < 0.25 and not (deed == "send_back" and unit == desk.owner)
    if is_fast:
        answer = ask(client, country, deed, desk.owner)
        assert answer.status_code == 202, answer.json
        work(app)
    else:
        assert step(client, file, deed).status_code == 200
    desk.do(deed)


def _edit(client, chance, file, desk, members, turn):
    typed = {}
    for name, value in (
        ("remarks", f"第{turn}次"),
        ("phone", f"138{turn:08d}"),
        ("home_address", f"{turn}号"),
    ):
        if chance.random() < 0.4:
            typed[name] = chance.choice([value, desk.content[name], value]) or value
    if members and chance.random() < 0.2:
        del members[chance.choice(sorted(members))]
        typed["family_members"] = [{"id": pk} for pk in members]
        typed["household_size"] = len(members) + 1
    answer = client.put(f"/api/v1/archive/{file.id}", json=typed)
    assert answer.status_code == 200, answer.json
    desk.content |= {name: value for name, value in typed.items() if name in desk.content}
    desk.content["family_members"] = list(members.values())


def _attach(client, chance, file, desk):
    url = f"/api/v1/archive/{file.id}/attachments"
    there = client.get(url).json["result"]
    if there and chance.random() < 0.5:
        gone = chance.choice(there)
        assert client.delete(f"{url}/{gone['id']}").status_code == 200
        desk.content["files"].remove(gone["filename"])
        return
    name = f"证明{chance.randrange(10**6)}.pdf"
    upload = {"file": (io.BytesIO(b"%PDF-1.4\n1 0 obj\n"), name), "attachment_type": "other"}
    kinds = client.get("/api/v1/archive/_info").json and upload | {"attachment_type": KIND}
    assert client.post(url, data=kinds, content_type="multipart/form-data").status_code == 201
    desk.content["files"].append(name)


KIND = "id_card"


def _everybody_is_told(rest, country, file, desk, where):
    for unit in chain(desk.owner):
        client = rest(f"{unit}_clerk")
        if not desk.seen_by(unit):
            assert client.get(f"/api/v1/archive/{file.id}/since").status_code == 404
        else:
            expected = desk.differs(unit)
            if expected is not None:
                files = expected.pop("files", ([], []))
                came = sorted(set(files[1]) - set(files[0]))
                went = sorted(set(files[0]) - set(files[1]))
                expected = (expected, (came, went))
            assert told(since(client, file)) == expected, (where, unit)
        actor = country.actor(f"{unit}_clerk")
        with country.acting(actor) as session:
            again = session.scalars(
                select(Archive.id).where(Archive.came_again(actor), Archive.id == file.id)
            )
            assert (again.first() is not None) == desk.came_again(unit), (where, unit)


# --- the tab --------------------------------------------------------------------------------------------------------


def test_the_reviewer_sees_before_and_after(login, rest, country, returned):
    owner, reviewer = rest("dewai_clerk"), login("xicheng_clerk")
    first = reviewer.get(f"/archive/show/{returned.id}")
    assert first.status_code == 404  # returned: not his any more
    assert owner.put(f"/api/v1/archive/{returned.id}", json={"phone": "13900001111"}).status_code == 200
    step(owner, returned, "report")
    page = words_of(reviewer.get(f"/archive/show/{returned.id}").text)
    assert "以来修改了1处" in page
    page = words_of(reviewer.get(f"/archive/show/{returned.id}?tab=since").text)
    assert "与上次上报相比" in page
    assert returned.phone in page
    assert "13900001111" in page
    # the level above sees it for the first time
    step(rest("xicheng_clerk"), returned, "report")
    above = login("bj_clerk").get(f"/archive/show/{returned.id}")
    assert "与上次上报相比" not in above.text
    assert "与上次上报相比" not in login("dewai_clerk").get(f"/archive/show/{returned.id}").text


def test_a_resubmission_without_change_says_so(login, rest, returned):
    step(rest("dewai_clerk"), returned, "report")
    page = words_of(login("xicheng_clerk").get(f"/archive/show/{returned.id}?tab=since").text)
    assert "以来没有修改" in page


# --- points ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "points"),
    [
        (MESSAGE, POINTS),
        ("请核对", ["请核对"]),
        ("  \n一行\r\n\r\n二行 ", ["一行", "二行"]),
        ("12.5万元不对", ["12.5万元不对"]),
        ("3．2024年的收入", ["3．2024年的收入"]),
        ("(1)电话\n10) 住址", ["电话", "住址"]),
    ],
)
def test_the_lines_of_a_return_are_its_points(message, points):
    assert points_in(message) == points
    assert points_in(numbered(points)) == points


def test_points_are_answered_judged_and_asked_again(rest, login, country, returned):
    owner, reviewer = rest("dewai_clerk"), rest("xicheng_clerk")
    [mine] = points_of(owner, returned)
    assert [one["words"] for one in mine["points"]] == POINTS
    assert mine["answered_at"] is None
    clerk = login("dewai_clerk")
    for url in (f"/archive/show/{returned.id}", f"/archive/edit/{returned.id}"):
        told = words_of(clerk.get(url).text)
        assert "上级的退回意见" in told
        assert "核对联系电话" in told
    answers = ["已改", None, "原件如此"]
    assert step(owner, returned, "report", answers=answers).status_code == 200
    [asked] = points_of(reviewer, returned)
    assert [one["answer"] for one in asked["points"]] == answers
    url = f"/api/v1/archive/{returned.id}/points"
    assert owner.put(url, json={"settled": [True, True, True]}).status_code == 409  # it is not his to say
    answer = reviewer.put(url, json={"settled": [True, None, False]})
    assert answer.status_code == 200, answer.json
    assert [one["settled"] for one in answer.json["result"][0]["points"]] == [True, None, False]
    dialog = login("xicheng_clerk").get(f"/archive/dialog/send_back?ids={returned.id}")
    assert "12.5万元的收入不对" in dialog.text
    assert "核对联系电话" not in dialog.text
    assert country.again(returned).version == country.read(Archive, returned.id).version


def test_the_pages_ask_for_answers_and_verdicts(login, rest, returned):
    clerk, reviewer = login("dewai_clerk"), login("xicheng_clerk")
    dialog = clerk.get(f"/archive/dialog/report?ids={returned.id}").text
    assert "2. 核对联系电话" in dialog
    typed = {
        "ids": [str(returned.id)],
        "message": "已改",
        "answers-1": "已补",
        "answers-2": "",
        "answers-3": "已核对",
    }
    assert clerk.post("/archive/steps/report", typed).status_code == 302
    page = reviewer.get(f"/archive/show/{returned.id}").text
    assert "已核对" in words_of(page)
    assert f"/archive/points/{returned.id}" in page
    assert (
        reviewer.post(f"/archive/points/{returned.id}", {"point-1": "yes", "point-3": "no"}).status_code
        == 302
    )
    [asked] = points_of(rest("xicheng_clerk"), returned)
    assert [one["settled"] for one in asked["points"]] == [True, None, False]
    assert reviewer.post(f"/archive/points/{returned.id}", {"point-1": "maybe"}).status_code == 422


def test_many_at_once_are_asked_for_no_answers(login, rest, make_archive, returned):
    other = make_archive("dewai")
    dialog = login("dewai_clerk").get(f"/archive/dialog/report?ids={returned.id}&ids={other.id}").text
    assert "answers-1" not in dialog
    answer = rest("dewai_clerk").post(
        "/api/v1/archive/steps/report", json={"ids": [returned.id, other.id], "message": "x"}
    )
    assert sorted(answer.json["done"]) == sorted([returned.id, other.id])


def test_a_point_that_came_from_above_goes_on_down(login, rest, make_archive):
    file = make_archive("dewai", at="bj")
    step(rest("bj_clerk"), file, "send_back", "甲\n乙")
    dialog = login("xicheng_clerk").get(f"/archive/dialog/send_back?ids={file.id}").text
    assert "1. 甲\n2. 乙" in dialog
    assert step(rest("xicheng_clerk"), file, "send_back", "1. 甲\n2. 乙").status_code == 200
    [mine] = points_of(rest("dewai_clerk"), file)
    assert [one["words"] for one in mine["points"]] == ["甲", "乙"]
    assert step(rest("dewai_clerk"), file, "report", answers=["改了", "改了"]).status_code == 200
    rounds = points_of(rest("xicheng_clerk"), file)
    assert [one["points"][0]["answer"] for one in rounds] == ["改了", None]
    assert step(rest("xicheng_clerk"), file, "report", answers=["下级已改"]).status_code == 200
    [above] = points_of(rest("bj_clerk"), file)
    assert [one["answer"] for one in above["points"]] == ["下级已改", None]


def test_a_fast_return_is_one_point_and_a_fast_report_answers_none(app, rest, country, make_archive):
    """SM-AID-02: the points stay unanswered."""
    file = make_archive("dewai", at="xicheng")
    reviewer = rest("xicheng_clerk")
    assert ask(reviewer, country, "send_back", "dewai", message="一\n二").status_code == 202
    work(app)
    [mine] = points_of(rest("dewai_clerk"), file)
    assert [one["words"] for one in mine["points"]] == ["一\n二"]
    refused = ask(rest("dewai_clerk"), country, "report", "dewai", answers=["改"])
    assert refused.status_code == 422
    assert ask(rest("dewai_clerk"), country, "report", "dewai").status_code == 202
    work(app)
    [asked] = points_of(reviewer, file)
    assert [one["answer"] for one in asked["points"]] == [None]
    assert asked["answered_at"]


@pytest.mark.parametrize(
    "answers", ["已改", 7, {"1": "x"}, [[1]], ["\x00"], ["长" * 501], ["a"] * 51, [True], ["1"] * 4]
)
def test_hostile_answers_are_refused_in_words(rest, country, returned, answers):
    answer = step(rest("dewai_clerk"), returned, "report", answers=answers)
    assert answer.status_code == 422, answer.json
    assert "answers" in answer.json["errors"]
    assert country.again(returned).returned


@pytest.mark.parametrize("settled", [None, "yes", [1, 0, 1], [True], [True] * 4, {"1": True}])
def test_hostile_verdicts_are_refused_in_words(rest, returned, settled):
    step(rest("dewai_clerk"), returned, "report")
    answer = rest("xicheng_clerk").put(f"/api/v1/archive/{returned.id}/points", json={"settled": settled})
    assert answer.status_code == 422, answer.json


def test_nobody_else_reads_or_judges(rest, country, returned):
    step(rest("dewai_clerk"), returned, "report")
    url = f"/api/v1/archive/{returned.id}"
    for stranger in ("haidian_clerk", "xinjiekou_clerk", "bj_clerk"):
        for path in ("points", "since"):
            assert rest(stranger).get(f"{url}/{path}").status_code == 404
        assert rest(stranger).put(f"{url}/points", json={"settled": [True] * 3}).status_code == 404
    country.give("xicheng_clerk", "信访接待")  # without the module's right
    assert rest("xicheng_clerk").get(f"{url}/points").status_code == 403
    assert rest("xicheng_clerk").put(f"{url}/points", json={"settled": [True] * 3}).status_code == 403


# --- 退回后再报 ---------------------------------------------------------------------------------------------------------


def test_the_list_of_what_came_again(login, rest, country, returned, make_archive):
    fresh = make_archive("dewai", at="xicheng")
    reviewer = login("xicheng_clerk")
    url = "/archive/list/?shelf=hardship&came=again"
    assert returned.archive_no not in reviewer.get(url).text
    step(rest("dewai_clerk"), returned, "report")
    page = reviewer.get(url).text
    assert returned.archive_no in page
    assert fresh.archive_no not in page
    assert "报送经过：退回后再报" in words_of(page)
    step(rest("xicheng_clerk"), returned, "report")
    assert returned.archive_no not in reviewer.get(url).text  # not held any more
    assert returned.archive_no not in login("bj_clerk").get(url).text  # bj has never returned it


# --- reminders lead to their records -----------------------------------------------------------------------------------


def test_a_reminder_leads_to_its_very_records(app, login, rest, country, make_archive):
    """AID Q27: one reminder an action, and the way from it to just these records, of every kind."""
    files = [make_archive("dewai"), make_archive("dewai", hardship_category="temporary")]
    other = make_archive("dewai", at="xicheng")
    assert ask(rest("dewai_clerk"), country, "report", "dewai").status_code == 202
    work(app)
    reminder = country.all(Reminder, Reminder.record_type == "archive")[-1]
    reviewer = login("xicheng_clerk")
    sheet = reviewer.get(f"/reminder/show/{reminder.id}").text
    url = f"/archive/list/?reminder={reminder.id}"
    assert url in sheet
    page = reviewer.get(f"{url}&size=200").text
    assert all(file.archive_no in page for file in files)
    assert other.archive_no not in page
    step(rest("xicheng_clerk"), files[0], "send_back")  # has left his sight
    page = reviewer.get(f"{url}&size=200").text
    assert files[0].archive_no not in page
    assert files[1].archive_no in page
    assert (
        files[1].archive_no not in login("bj_clerk").get(url).text
    )  # another unit's reminder is about nothing
    for wrong in ("0", "-1", "99999999999999999999", "x", "%00"):
        assert reviewer.get(f"/archive/list/?reminder={wrong}").status_code == 200
