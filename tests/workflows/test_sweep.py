"""快速上报 and 快速退回: a step on one file and on all that a unit holds are one truth (SM-AID-02)."""

from __future__ import annotations

from random import Random

import lxml.html
import pytest
from sqlalchemy import select, update

from app.kit import jobs, sweep
from app.kit.database import db
from app.kit.errors import Refused
from app.kit.jobs import Job, enqueue
from app.kit.reminders import MOST_NAMED, Reminder
from app.kit.workflow import StepLog
from app.models.archive import Archive
from tests.workflows.sweeping import DEPTH, alter, ask, everything, seen_by_all, spoil, work
from tests.workflows.test_reporting import PARENT, chain
from tests.world import errors_of, words_of


@pytest.fixture
def swept(app, rest, country):
    """``swept("dewai_clerk", "report", "xinfeng")`` → the finished job."""

    def go(who, step, unit, **more):
        answer = ask(rest(who), country, step, unit, **more)
        assert answer.status_code == 202, answer.json
        work(app)
        return country.read(Job, answer.json["job"])

    return go


@pytest.fixture
def hold(country, make_archive):
    """``hold("xicheng", "dewai", 3)`` → files of dewai that xicheng holds."""

    def make(holder, owner, number=1, **more):
        at = {} if holder == owner else {"at": holder}
        return [make_archive(owner, **at, **more) for _n in range(number)]

    return make


# --- one truth ------------------------------------------------------------------------------------------------


def owners_of(unit, chosen):
    """The owners whose files are meant: a unit's own, or a subordinate's and those below it (AID-R028)."""
    return {chosen} if chosen == unit else {one for one in PARENT if chosen in chain(one)}


def singly(country, step, unit, chosen):
    """The same by hand: every file that is meant, one after the other. Returns the refusals by id."""
    who = country.actor(f"{unit}_clerk")
    paths = {country.unit(one).path for one in owners_of(unit, chosen)}
    refused = {}
    with country.acting(who) as session:
        ids = [
            file.id
            for file in session.scalars(select(Archive).order_by(Archive.id))
            if file.owner_path in paths
            and file.holder_depth == DEPTH[unit]
            and not file.is_cancelled
            and file.merged_into_id is None
        ]
        for pk in ids:
            try:
                session.get(Archive, pk).perform(step, who, message="请查收")
            except Refused as why:
                refused[pk] = str(why.words)
        session.commit()
        session.expunge_all()
    return refused, len(ids) - len(refused)


@pytest.mark.parametrize("seed", range(6))
def test_one_by_one_and_all_at_once_come_to_the_same(app, rest, swept, country, monkeypatch, seed):
    # SM-AID-02; AID-R016, R021, R027–R036; AID Q27, Q41
    chance = Random(seed)
    monkeypatch.setattr(sweep, "CHUNK", chance.choice((1, 3, 7, 500)))
    spoil(country, chance)
    with app.app_context():
        connection = db.engine
    for _turn in range(5):
        step = chance.choice(("report", "send_back"))
        unit = chance.choice([one for one in PARENT if PARENT[one] or step == "send_back"])
        below = [one for one in PARENT if unit in chain(one) and (one != unit or step == "report")]
        if not below:
            continue
        chosen = chance.choice(below)
        rest(f"{unit}_clerk")  # a log-in is counted
        undone = connection.begin_nested()
        refused, moved = singly(country, step, unit, chosen)
        expected, seen = everything(country), seen_by_all(country)
        undone.rollback()
        if not refused and not moved:
            continue
        job = swept(f"{unit}_clerk", step, chosen)
        assert {one["id"]: one["words"] for one in job.errors} == refused
        assert (job.result["moved"], job.result["skipped"], job.done) == (
            moved,
            len(refused),
            moved + len(refused),
        )
        assert job.state == ("failed" if not moved else "partly" if refused else "done")
        made = everything(country)
        for table, rows in expected.items():
            assert made[table] == rows, (seed, table)
        assert seen_by_all(country) == seen


def test_the_spec_has_said_whom_it_reaches(swept, country, hold):
    # SM-AID-02 #1, #2, #4; AID-R028, R030, Q41
    own, below, deeper, not_yet = (
        hold("xicheng", "xicheng"),
        hold("xicheng", "dewai"),
        hold("xicheng", "xinfeng"),
        hold("dewai", "dewai"),
    )
    sister = hold("xicheng", "xinjiekou")
    swept("xicheng_clerk", "report", "dewai")
    at = {
        name: country.again(files[0]).holder_depth
        for name, files in locals().items()
        if isinstance(files, list)
    }
    assert at == {"own": 3, "below": 2, "deeper": 2, "not_yet": 4, "sister": 3}
    swept("bj_clerk", "send_back", "xinfeng")
    again = country.again(deeper[0])
    assert (again.holder_depth, again.returned) == (3, True)  # one level, however deep the unit is
    assert country.again(below[0]).holder_depth == 2
    swept("xicheng_clerk", "send_back", "dewai")  # what the superior returned goes on down (AID-R030)
    again = country.again(deeper[0])
    assert (again.holder_depth, again.returned) == (4, True)


def test_all_three_kinds_go_together(swept, country, make_archive):  # AID-R033
    kinds = ({}, {"worker_identity": "migrant"}, {"hardship_category": "temporary"})
    files = [make_archive("xueyuanlu", **kind) for kind in kinds]
    assert {file.archive_kind for file in files} == {"hardship", "migrant", "temporary"}
    swept("xueyuanlu_clerk", "report", "xueyuanlu")
    assert {country.again(file).holder_depth for file in files} == {3}


def test_unqualified_files_stay_and_are_listed(swept, country, hold):  # AID-R031
    good, bad = hold("caohejing", "caohejing", 2)
    alter(country, [bad], problem_flags=["bad_id"])
    job = swept("caohejing_clerk", "report", "caohejing")
    assert country.again(bad).holder_depth == 4
    assert country.again(good).holder_depth == 3
    assert [one["words"] for one in job.errors if one["id"] == bad.id] == [
        f"「{bad.title}」还有1处未填妥：属于有问题档案（身份证号不符合标准）"
    ]
    assert job.state == "partly"
    assert "跳过" in job.message


def test_what_comes_in_later_waits_for_the_next_time(app, rest, country, hold):
    """A file that the superior returns while the job waits is not sent up again unseen."""
    stays, comes_back = hold("dewai", "dewai")[0], hold("xicheng", "dewai")[0]
    job_id = ask(rest("dewai_clerk"), country, "report", "dewai").json["job"]
    earlier = country.read(Job, job_id).created_at.replace(year=2020)
    alter(country, [stays], created_at=earlier)
    with country.acting() as session:
        session.execute(update(Job).where(Job.id == job_id).values(created_at=earlier))
        session.commit()
    country.step(comes_back, "send_back", "xicheng_clerk")
    work(app)
    assert country.again(stays).holder_depth == 3
    again = country.again(comes_back)
    assert (again.holder_depth, again.returned) == (4, True)


def test_one_reminder_for_an_action(swept, country, hold, monkeypatch):  # AID-R018, Q27
    monkeypatch.setattr(sweep, "CHUNK", 2)
    monkeypatch.setattr("app.kit.reminders.MOST_NAMED", 3)
    assert MOST_NAMED >= 3
    files = hold("xueyuanlu", "xueyuanlu", 5)
    before = {one.id for one in country.all(Reminder)}
    job = swept("xueyuanlu_clerk", "report", "xueyuanlu", message="本季度的全部档案")
    (made,) = [one for one in country.all(Reminder) if one.id not in before]
    assert (made.receiver_unit_id, made.message, made.state) == (
        country.unit("haidian").id,
        "本季度的全部档案",
        "open",
    )
    assert made.record_count == job.result["moved"] >= 5
    assert len(made.record_ids) == 3
    logs = country.all(StepLog, StepLog.record_id.in_([file.id for file in files]), StepLog.step == "report")
    assert {(log.reminder_id, log.answers["job"], log.message) for log in logs} == {
        (made.id, job.id, "本季度的全部档案")
    }


def test_a_reminder_that_has_been_seen_to_is_counted_on(country, make_archive):
    from app.kit.reminders import remind_more

    file = make_archive("dewai", at="xicheng")
    (told,) = country.all(Reminder, Reminder.record_type == "archive", Reminder.record_ids.is_not(None))[-1:]
    with country.acting("dewai_clerk") as session:
        session.execute(
            update(Reminder)
            .where(Reminder.id == told.id)
            .values(state="done")
            .execution_options(door="test", synchronize_session=False)
        )
        remind_more(session, told.id, [file, file])
        remind_more(session, 2**31 - 1, [file])
        session.commit()
    again = country.again(told)
    assert (again.state, again.record_count) == ("done", told.record_count + 2)


# --- the doors ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "step", "unit", "more", "refusal"),
    [
        ("dewai_reader", "report", "dewai", {}, (403, "困难职工档案")),
        ("dewai_clerk", "report", "xicheng", {}, (404, "范围")),
        ("dewai_clerk", "report", "caohejing", {}, (404, "范围")),
        ("dewai_clerk", "report", "dewai", {"unit": 2**40}, (404, "范围")),
        ("dewai_clerk", "report", "dewai", {"unit": "4"}, (422, "单位")),
        ("dewai_clerk", "report", "dewai", {"unit": None}, (422, "单位")),
        ("dewai_clerk", "report", "dewai", {"unit": True}, (422, "单位")),
        ("dewai_clerk", "report", "dewai", {"message": " "}, (422, "提醒内容")),
        ("dewai_clerk", "report", "dewai", {"message": "长" * 501}, (422, "500")),
        ("dewai_clerk", "report", "dewai", {"shelf": "x"}, (422, "没有这一项")),
        ("dewai_clerk", "report", "dewai", {"ids": [1]}, (422, "只能写一个")),
        ("root_clerk", "report", "root", {}, (409, "没有上级")),  # AID-R035
        ("root_clerk", "report", "bj", {}, (409, "没有上级")),
        ("dewai_clerk", "send_back", "dewai", {}, (409, "没有快速退回")),  # AID-R027, R029
        ("dewai_clerk", "fly", "dewai", {}, (400, "没有")),
        ("dewai_clerk", "edit", "dewai", {}, (400, "没有")),
    ],
)
def test_what_the_door_refuses(rest, country, hold, who, step, unit, more, refusal):
    status, words = refusal
    file = hold("dewai", "dewai")[0]
    answer = ask(rest(who), country, step, unit, **more)
    assert answer.status_code == status, answer.json
    assert words in str(answer.json)
    assert country.all(Job) == []
    assert country.again(file).version == file.version


def test_nothing_to_do_is_said(swept, rest, country, hold):
    hold("xinfeng", "xinfeng")
    swept("xinfeng_clerk", "report", "xinfeng")
    answer = ask(rest("xinfeng_clerk"), country, "report", "xinfeng")
    assert (answer.status_code, answer.json["message"]) == (409, "「新风社区工会」没有可以上报的记录")


def test_a_second_click_is_the_same_job(app, rest, country, hold):
    hold("dewai", "dewai")
    clerk, other = rest("dewai_clerk"), rest("dewai")
    first = ask(clerk, country, "report", "dewai").json["job"]
    assert ask(clerk, country, "report", "dewai").json["job"] == first
    refused = ask(other, country, "report", "dewai")
    assert refused.status_code == 409
    assert "正在办理" in refused.json["message"]
    assert country.read(Job, first).account_name in refused.json["message"]
    work(app)
    hold("dewai", "dewai")
    again = ask(other, country, "report", "dewai")
    assert again.status_code == 202
    assert again.json["job"] != first


def test_a_job_says_what_came_of_it(rest, swept, country, hold):
    hold("xinfeng", "xinfeng", 3)
    job = swept("xinfeng_clerk", "report", "xinfeng")
    shown = rest("xinfeng_clerk").get(f"/api/v1/job/{job.id}").json["result"]
    assert (shown["state"], shown["done"], shown["total"]) == (job.text("state"), job.done, job.done)
    assert shown["result"]["moved"] + shown["result"]["skipped"] == job.done >= 3
    assert rest("dewai_clerk").get(f"/api/v1/job/{job.id}").status_code == 404


# --- the page -------------------------------------------------------------------------------------------------


def counted(page):
    """State → number, as the page shows them."""
    document = lxml.html.fromstring(page)
    chips = [
        one
        for one in document.find_class("kit-chip")
        if one.getnext() is not None and one.getnext().tag == "b"
    ]
    return {one.text_content(): one.getnext().text_content() for one in chips}


def test_the_page_counts_asks_and_hands_over_to_a_job(app, login, country, hold):
    good, bad = hold("caohejing", "caohejing", 2)
    alter(country, [bad], phone="")
    held = (Archive.owner_path == good.owner_path, Archive.holder_depth == 4, Archive.is_cancelled.is_(False))
    files = country.all(Archive, *held)
    states = (("未上报", False), ("退回", True))
    expected = {word: str(sum(one.returned is back for one in files)) for word, back in states}
    clerk = login("caohejing_clerk")
    form = clerk.form("/archive/sweep/report")
    assert counted(clerk.get("/archive/sweep/report").text) == expected
    answer = clerk.submit(form)
    assert (answer.status_code, list(errors_of(answer.text))) == (422, ["message"])
    answer = clerk.submit(form.fill({"message": "请审核"}))
    assert answer.status_code == 302
    work(app)
    page = clerk.get(answer.location).text
    assert f"「{bad.title}」还有1处未填妥" in words_of(page)
    assert f"/archive/edit/{bad.id}" in page  # one's own file is mended where it was typed
    assert f"/archive/edit/{good.id}" not in page
    assert country.again(good).holder_depth == 3


def test_a_subordinates_file_is_only_shown(app, login, country, hold):
    bad = hold("xuhui", "caohejing")[0]
    alter(country, [bad], phone="")
    clerk = login("xuhui_clerk")
    form = clerk.form(f"/archive/sweep/report?unit={country.unit('caohejing').id}")
    answer = clerk.submit(form.fill({"message": "请审核"}))
    work(app)
    page = clerk.get(answer.location).text
    assert f"/archive/show/{bad.id}" in page
    assert f"/archive/edit/{bad.id}" not in page


def test_the_page_says_why_there_is_nothing_to_send(login, country, hold):
    hold("xicheng", "dewai")
    clerk = login("xicheng_clerk")
    page = clerk.get("/archive/sweep/send_back")
    assert page.status_code == 200
    assert "没有快速退回" in words_of(page.text)
    assert "data-save" not in page.text
    chosen = country.unit("dewai").id
    assert "data-save" in clerk.get(f"/archive/sweep/send_back?unit={chosen}").text
    own = clerk.post("/archive/sweep/send_back", {"message": "退"})
    assert own.status_code == 409
    assert "没有快速退回" in words_of(own.text)
    for strange in (country.unit("caohejing").id, 0, "x", 10**12):
        assert clerk.get(f"/archive/sweep/report?unit={strange}").status_code == 404
        assert clerk.post("/archive/sweep/report", {"unit": strange, "message": "报"}).status_code == 404
    assert clerk.get("/archive/sweep/fly").status_code == 400
    assert clerk.get("/job/sweep/cancel").status_code == 400
    assert login("dewai_reader").get("/archive/sweep/report").status_code == 403


def test_the_menu_offers_what_the_unit_may(login):  # aid.md 6; AID-R035
    def lines(who):
        return [a.get("href") for a in lxml.html.fromstring(login(who).menu()).iter("a")]

    both = {"/archive/sweep/report", "/archive/sweep/send_back"}
    assert both <= set(lines("dewai_clerk"))
    assert both & set(lines("root_clerk")) == {"/archive/sweep/send_back"}
    assert not both & set(lines("dewai_reader"))


# --- the work -------------------------------------------------------------------------------------------------


def between(monkeypatch, chunks, deed):
    """Have ``deed()`` happen after so many chunks are committed."""
    real, count = jobs.JobContext.checkpoint, [0]

    def checkpoint(self):
        real(self)
        count[0] += 1
        if count[0] == chunks:
            deed(self)

    monkeypatch.setattr(jobs.JobContext, "checkpoint", checkpoint)


def test_a_cancelled_job_keeps_what_is_done(swept, country, hold, monkeypatch):
    monkeypatch.setattr(sweep, "CHUNK", 2)
    files = hold("xinfeng", "xinfeng", 7)

    def cancel(ctx):
        with jobs.books_of(ctx._engine) as books:
            books.get(Job, ctx.job.id).cancel(ctx.actor)
            books.commit()

    between(monkeypatch, 2, cancel)
    job = swept("xinfeng_clerk", "report", "xinfeng")
    gone = [file for file in files if country.again(file).holder_depth == 4]
    assert (job.state, job.done, job.result["moved"]) == ("cancelled", 4, 4)
    assert (
        country.all(Reminder, Reminder.id == job.result["reminders"][str(country.unit("dewai").id)])[
            0
        ].record_count
        == 4
    )
    logs = country.all(StepLog, StepLog.step == "report", StepLog.record_id.in_([file.id for file in files]))
    assert {log.record_id for log in logs} == {file.id for file in gone}


def test_a_right_taken_away_stops_the_job(swept, country, hold, monkeypatch):
    monkeypatch.setattr(sweep, "CHUNK", 2)
    hold("xinfeng", "xinfeng", 5)
    between(monkeypatch, 1, lambda _ctx: country.give("xinfeng_clerk", "信访接待"))
    job = swept("xinfeng_clerk", "report", "xinfeng")
    assert (job.state, job.done, job.result["moved"]) == (
        "failed",
        4,
        4,
    )  # the chunk at hand was begun with the right
    assert "困难职工档案" in job.message


def test_a_job_whose_unit_has_left_the_scope_does_nothing(app, country, hold):
    file = hold("dewai", "dewai")[0]
    who = country.actor("dewai_clerk")
    with country.acting(who) as session:
        about = {"resource": "archive", "step": "report", "answers": {"message": "报"}, "mend": "edit"}
        enqueue(session, "sweep_report", who, unit=country.unit("caohejing").id, **about)
        session.commit()
    work(app)
    (job,) = country.all(Job)
    assert (job.state, job.done) == ("failed", 0)
    assert "范围" in job.message
    assert country.again(file).version == file.version


def test_a_chunk_costs_the_same_statements_whatever_it_holds(app, swept, country, hold, statements):
    def cost(number):
        hold("xinfeng", "xinfeng", number)
        with statements() as sent:
            swept("xinfeng_clerk", "report", "xinfeng")
        return len(sent)

    cost(1)
    assert cost(2) == cost(9)


def test_one_step_costs_few_statements(rest, hold, statements):
    clerk = rest("xinfeng_clerk")
    first, second = hold("xinfeng", "xinfeng", 2)
    clerk.post(f"/api/v1/archive/{first.id}/steps/report", json={"message": "报"})
    with statements() as sent:
        answer = clerk.post(f"/api/v1/archive/{second.id}/steps/report", json={"message": "报"})
    assert answer.status_code == 200
    assert len(sent) <= 8, "\n".join(line[:150] for line in sent)
