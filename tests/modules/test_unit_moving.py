"""剪切单位 and 粘贴单位: the whole subtree, in every module, before or after and nothing between (SM-AID-18)."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from flask_appbuilder import Model
from sqlalchemy import select

from app.kit import bulk, record, saving, transplant, tree
from app.kit.errors import Missing, Refused
from app.kit.history import RecordVersion
from app.kit.jobs import Job
from app.kit.reminders import Reminder
from app.kit.workflow import StepLog
from app.models.archive import Archive
from app.models.assignment import Assignment
from app.models.unit import Unit
from app.workflows import moving
from tests.workflows.sweeping import everything, seen_by_all, work
from tests.workflows.test_reporting import PARENT
from tests.world import words_of


def move(client, country, unit, target, **more):
    """粘贴单位 over REST."""
    url = f"/api/v1/unit/{country.unit(unit).id}/steps/move"
    return client.post(url, json={"parent_id": country.unit(target).id} | more)


def moved(rest, country, unit="dewai", target="haidian", by="bj"):
    answer = move(rest(by), country, unit, target)
    assert answer.status_code == 200, answer.json
    return answer.json["result"]


@pytest.fixture
def files(make_archive):
    """Files of the subtree at dewai in every state, and of its surroundings."""
    made = {
        "at home": make_archive("dewai"),
        "reported": make_archive("dewai", at="xicheng"),
        "reported high": make_archive("dewai", at="root"),
        "returned": make_archive("dewai", back_at="dewai"),
        "returned on the way": make_archive("dewai", back_at="xicheng"),
        "below": make_archive("xinfeng", at="bj"),
    }
    around = [make_archive("xinjiekou", at="xicheng"), make_archive("xueyuanlu", at="haidian")]
    return made, around


# --- what it does ---------------------------------------------------------------------------------------------


def test_everything_of_the_subtree_is_pending_at_its_owner(rest, country, files):
    # AID-R212; SM-AID-01 #7; SM-AID-18 #5
    made, around = files
    owner = {name: file.owner_unit_id for name, file in made.items()}
    moved(rest, country)
    for name, file in made.items():
        now = country.again(file)
        assert now.owner_unit_id == owner[name], name
        assert (now.holder_depth, now.returned) == (tree.depth_of(now.owner_path), False), name
        assert now.owner_path == country.unit("xinfeng" if name == "below" else "dewai").path
        assert now.version == file.version + 1
    for file in around:
        again = country.again(file)
        assert (again.owner_path, again.holder_depth, again.version) == (
            file.owner_path,
            file.holder_depth,
            file.version,
        )


def test_the_worked_example(rest, country, make_archive):
    """SM-AID-01, the last line of the worked example: S sees 未上报, nobody else sees it, the new D2 neither."""
    file = make_archive("dewai", at="bj")
    moved(rest, country)
    seen = seen_by_all(country)
    assert {unit for unit in PARENT if file.id in seen[unit]} == {"dewai"}
    assert seen["dewai"][file.id] == "pending"
    file = country.step(file, "report", "dewai_clerk")
    seen = seen_by_all(country)
    assert {unit: seen[unit][file.id] for unit in PARENT if file.id in seen[unit]} == {
        "dewai": "reported",
        "haidian": "pending",
    }


def test_the_scope_follows_for_everybody(rest, login, country, files):
    """New superiors see it, old ones do not, those who moved go on in the sessions that they have."""
    clerk, old, new = login("dewai_clerk"), login("xicheng"), login("haidian")
    assert clerk.get("/archive/list/").status_code == 200
    moved(rest, country)
    unit = country.unit("dewai").id
    assert old.get(f"/unit/tree?unit={unit}").status_code == 404
    assert new.get(f"/unit/tree?unit={unit}").status_code == 200
    assert "德外街道总工会" in str(new.get("/unit/pick?q=dewai").json)
    assert old.get("/unit/pick?q=dewai").json["results"] == []
    made, _around = files
    for file in made.values():
        status = clerk.get(f"/archive/show/{file.id}").status_code
        assert status == (200 if file is not made["below"] else 404)  # xinfeng has not reported it yet
        assert old.get(f"/archive/show/{file.id}").status_code == 404
    answer = country.step(made["at home"], "report", "dewai_clerk")
    assert answer.holder_depth == tree.depth_of(country.unit("haidian").path)


def test_no_path_of_the_old_place_is_left_anywhere(rest, country, files):
    old = country.unit("dewai").path
    before = {column: under(country, column, old) for column in transplant.carriers(Model.metadata)}
    assert {column.table.name for column in before} >= {"unit", "archive", "assignment"}
    assert all(before[column] for column in before if column.table.name in {"unit", "archive", "assignment"})
    moved(rest, country)
    new = country.unit("dewai").path
    assert old != new
    for column, number in before.items():
        assert (under(country, column, old), under(country, column, new)) == (0, number), column


def under(country, column, path):
    with country.acting() as session:
        count = select(sa.func.count()).select_from(column.table).where(tree.under(column, path))
        return session.connection().execute(count).scalar_one()


def test_every_column_that_says_path_is_known_as_one():
    """A module that is still to come is moved along, or this fails."""
    for table in Model.metadata.sorted_tables:
        for column in table.columns:
            if column.name == "path" or column.name.endswith("_path"):
                assert isinstance(column.type, tree.Path), f"{table.name}.{column.name}"


def test_a_module_that_nobody_has_thought_of_is_moved_along(country):
    """A toy with two paths of its own, one of them without an owner."""
    metadata = sa.MetaData()
    toy = sa.Table(
        "toy_of_moving",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("owner_path", tree.PathType),
        sa.Column("asked_path", tree.PathType),
        sa.Column("note", sa.String(20)),
    )
    old, new = "000100020003", "00010009"
    rows = [
        (1, old, "0001", old),
        (2, f"{old}0004", old, ""),
        (3, "000100020004", f"{old}00050006", ""),
        (4, None, "00010002", ""),
    ]
    with country.acting() as session:
        connection = session.connection()
        metadata.create_all(connection)
        names = [column.name for column in toy.columns]
        connection.execute(sa.insert(toy), [dict(zip(names, row, strict=True)) for row in rows])
        transplant.transplant(session, metadata, old, new)
        found = [tuple(row) for row in connection.execute(select(toy).order_by(toy.c.id))]
        metadata.drop_all(connection)
    assert found == [
        (1, new, "0001", old),  # what only looks like a path stays
        (2, f"{new}0004", new, ""),
        (3, "000100020004", f"{new}00050006", ""),
        (4, None, "00010002", ""),
    ]


@pytest.mark.parametrize(("unit", "target", "by"), [("xinfeng", "sh", "root"), ("xueyuanlu", "root", "root")])
def test_the_depth_may_change(rest, country, make_archive, unit, target, by):
    file = make_archive(unit, at="bj")
    moved(rest, country, unit, target, by)
    now, place = country.again(file), country.unit(unit)
    assert place.depth == country.unit(target).depth + 1
    assert (now.owner_path, now.holder_depth) == (place.path, place.depth)


def test_what_became_of_each_record_is_noted(login, rest, country, files):  # REC-02 重置未上报; AID-R065
    made, _around = files
    held = {
        name: tree.last_id(tree.ancestor(file.owner_path, file.holder_depth)) for name, file in made.items()
    }
    path = country.unit("dewai").path
    moved(rest, country)
    words = "「德外街道总工会」由西城区总工会移到海淀区总工会"
    for name, file in made.items():
        (log,) = country.all(StepLog, StepLog.record_id == file.id, StepLog.step == moving.RESET)
        assert (log.record_type, log.from_unit_id, log.to_unit_id) == (
            "archive",
            held[name],
            file.owner_unit_id,
        )
        assert (log.account_id, log.message, log.answers) == (country.account("bj").id, words, {})
        version = country.versions(file)[-1]
        assert (version.step, version.message, version.unit_name) == (moving.RESET, words, "北京市总工会")
        before = {"owner_path": file.owner_path, "holder_depth": file.holder_depth, "returned": file.returned}
        now = country.again(file)
        assert {field: (old, new) for field, old, new in version.diff} == {
            field: (old, getattr(now, field)) for field, old in before.items() if getattr(now, field) != old
        }
    page = login("dewai_clerk").get(f"/archive/show/{made['reported'].id}?tab=history").text
    assert "重置未上报" in page
    assert words in words_of(page)
    unit = country.unit("dewai").id
    (log,) = country.all(StepLog, StepLog.record_type == "unit", StepLog.step == "move")
    ids = (country.unit("xicheng").id, country.unit("haidian").id)
    assert (log.record_id, log.from_unit_id, log.to_unit_id, log.message) == (unit, *ids, words)
    version = country.all(RecordVersion, RecordVersion.record_type == "unit")[-1]
    assert ["parent_id", *ids] in version.diff
    assert ["path", path, country.unit("dewai").path] in version.diff


def test_reminders_of_pending_reports_are_closed(rest, country, make_archive):  # SM-AID-18 #5 (推断)
    mine, other = make_archive("dewai", at="xicheng"), make_archive("xinjiekou", at="xicheng")
    back = make_archive("dewai", back_at="dewai")
    with country.acting("xicheng_clerk") as session:  # one reminder for two files, one of which stays
        who = country.actor("xicheng_clerk")
        for file in session.scalars(select(Archive).where(Archive.id.in_([mine.id, other.id]))):
            file.perform("report", who, message="一并上报")
        session.commit()
    moved(rest, country)

    def open_about(file, step):
        ids = [
            one.reminder_id
            for one in country.all(StepLog, StepLog.record_id == file.id, StepLog.step == step)
        ]
        return {one.state for one in country.all(Reminder, Reminder.id.in_(ids))}

    assert open_about(mine, "report") == {"done"}
    assert open_about(other, "report") == {"open"}
    assert open_about(back, "send_back") == {"open"}
    done = country.all(Reminder, Reminder.state == "done", Reminder.handled_by_name.is_not(None))
    assert {one.handled_by_name for one in done if mine.id in one.record_ids} == {
        country.account("bj").first_name
    }


def test_a_reminder_that_tells_of_others_too_stays_open(app, rest, country, make_archive):
    """快速上报 of a whole district tells once of many units' files; those that stay still wait."""
    for owner in ("dewai", "xinjiekou"):
        make_archive(owner, at="bj")
    body = {"unit": country.unit("xicheng").id, "message": "全区"}
    assert rest("bj_clerk").post("/api/v1/archive/steps/report", json=body).status_code == 202
    work(app)
    moved(rest, country)
    (told,) = country.all(Reminder, Reminder.message == "全区")
    assert told.record_count >= 2
    assert told.state == "open"


def test_people_go_along(rest, country):
    before = {
        one.id: one
        for one in country.all(Assignment, tree.under(Assignment.unit_path, country.unit("dewai").path))
    }
    moved(rest, country)
    for pk, one in before.items():
        now = country.read(Assignment, pk)
        assert (now.unit_id, now.admin_slot) == (one.unit_id, one.admin_slot)
        assert now.unit_path == country.read(Unit, one.unit_id).path
    assert rest("haidian").get(f"/api/v1/account/{country.account('dewai_clerk').id}").status_code == 200
    assert rest("xicheng").get(f"/api/v1/account/{country.account('dewai_clerk').id}").status_code == 404


def test_it_comes_last_below_its_new_superior(rest, country):
    moved(rest, country)
    sisters = country.all(Unit, Unit.parent_id == country.unit("haidian").id)
    assert max(sisters, key=lambda one: one.sort_order).name == "德外街道总工会"


# --- what it refuses ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("by", "unit", "target", "status", "words"),
    [
        ("bj", "dewai", "dewai", 409, "不能将「德外街道总工会」粘贴到其自身或其下级单位"),  # AID-R213
        ("bj", "dewai", "xinfeng", 409, "不能将「德外街道总工会」粘贴到其自身或其下级单位"),
        ("bj", "dewai", "xicheng", 409, "已经是「西城区总工会」的下级单位"),
        ("bj", "dewai", "xuhui", 422, "不在您单位的范围内"),  # AID-R214
        ("bj", "dewai", "root", 422, "不在您单位的范围内"),
        ("bj", "caohejing", "haidian", 404, "范围"),
        ("xicheng", "xicheng", "dewai", 409, "不是您的下级单位"),  # SM-AID-18 #4
        ("root", "sh", "bj", 409, "不能是"),  # docs/decisions/0011: a province hangs below 全总
        ("bj_clerk", "dewai", "haidian", 403, "用户管理"),
    ],
)
def test_what_is_refused(rest, country, by, unit, target, status, words):
    before = country.unit(unit)
    answer = move(rest(by), country, unit, target)
    assert (answer.status_code, words in answer.json["message"]) == (status, True), answer.json
    assert country.unit(unit) == before


@pytest.mark.parametrize("parent_id", [None, "", "x", 0, -1, 2**40, 1.5, True, [1], {"id": 2**31}, "\x00"])
def test_strange_targets_are_422(rest, country, parent_id):
    url = f"/api/v1/unit/{country.unit('dewai').id}/steps/move"
    assert rest("bj").post(url, json={"parent_id": parent_id}).status_code == 422


def test_a_namesake_is_told(rest, country):
    with country.acting() as session:
        session.get(Unit, country.unit("xueyuanlu").id).name = "德外街道总工会"
        session.commit()
    answer = move(rest("bj"), country, "dewai", "haidian")
    assert answer.status_code == 409
    assert "已有名称同为" in answer.json["message"]


def test_the_tree_has_a_bottom(rest, country, monkeypatch):
    monkeypatch.setattr(tree, "MOST_LEVELS", 4)
    answer = move(rest("bj"), country, "haidian", "xicheng")
    assert (answer.status_code, "4级" in answer.json["message"]) == (409, True)
    body = {"name": "太深", "parent_id": country.unit("dewai").id, "level": "grassroots"}
    answer = rest("bj").post("/api/v1/unit/", json=body)
    assert "4级" in str(answer.json["errors"]["parent_id"])


# --- beside others --------------------------------------------------------------------------------------------


def test_who_acts_from_the_old_place_writes_nothing(rest, country, people, make_archive):
    """A request that began before the move ends in words: nothing is stored below a path that is gone."""
    file = make_archive("dewai")
    clerk = country.actor("dewai_clerk")  # as a request that has looked up who asks, and then waits
    moved(rest, country)
    with country.acting(clerk) as session, pytest.raises(Refused, match="调整了隶属关系"):
        saving.save(session, Archive(), people.household(hardship_category="low_income"), clerk)
    with country.acting(clerk) as session:
        session.rollback()
        assert session.scalar(select(Archive).where(Archive.id == file.id)) is None
    with country.acting(clerk) as session:
        mine = session.scalar(select(Archive).where(Archive.id == file.id).execution_options(door="test"))
        with pytest.raises((Refused, Missing)):
            mine.perform("report", clerk, message="x")
        session.rollback()
    assert country.again(file).holder_depth == tree.depth_of(country.unit("dewai").path)


def test_a_person_is_not_placed_where_the_unit_was(rest, country):
    who = country.actor("bj")
    with country.acting(who) as session:
        unit = session.get(Unit, country.unit("dewai").id)
        stale = unit.path
        moved(rest, country)
        post = session.scalars(
            select(Assignment).where(Assignment.unit_id == country.unit("xinjiekou").id)
        ).first()
        post.unit_id, post.unit_path = unit.id, stale
        with pytest.raises(Refused, match="调整了隶属关系"):
            session.flush()
        session.rollback()


# --- a large one ----------------------------------------------------------------------------------------------


def test_a_large_subtree_is_a_job_and_comes_to_the_same(app, rest, country, files, monkeypatch):
    with app.app_context():
        connection = moving_connection()
    client = rest("bj")
    undone = connection.begin_nested()
    moved(rest, country)
    expected, seen = everything(country), seen_by_all(country)
    undone.rollback()
    monkeypatch.setattr(moving, "AT_ONCE", 0)
    answer = move(client, country, "dewai", "haidian")
    assert answer.status_code == 202, answer.json
    assert move(client, country, "dewai", "haidian").json == answer.json  # a second click is the same job
    other = move(client, country, "dewai", "bj")
    assert (other.status_code, "正在办理" in other.json["message"]) == (409, True)
    work(app)
    job = country.read(Job, answer.json["job"])
    assert (job.state, job.done) == ("done", job.total), job.message
    assert "移动完成" in job.message
    made = everything(country)
    for table, rows in expected.items():
        assert made[table] == rows, table
    assert seen_by_all(country) == seen


def moving_connection():
    from app.kit.database import db

    return db.engine


def test_a_large_subtree_is_not_moved_among_many(rest, country, monkeypatch):
    monkeypatch.setattr(moving, "AT_ONCE", 0)
    body = {"ids": [country.unit("dewai").id], "parent_id": country.unit("haidian").id}
    answer = rest("bj").post("/api/v1/unit/steps/move", json=body)
    assert answer.json["done"] == []
    assert "单独移动" in answer.json["refused"][0]["message"]


def test_a_job_that_may_not_be_done_any_more_says_why(app, rest, country, monkeypatch):
    monkeypatch.setattr(moving, "AT_ONCE", 0)
    job_id = move(rest("bj"), country, "dewai", "haidian").json["job"]
    with country.acting() as session:
        session.get(Unit, country.unit("xueyuanlu").id).name = "德外街道总工会"
        session.commit()
    before = country.unit("dewai")
    work(app)
    job = country.read(Job, job_id)
    assert (job.state, "已有名称同为" in job.message) == ("failed", True)
    assert country.unit("dewai") == before


# --- the pages ------------------------------------------------------------------------------------------------


def test_paste_is_open_only_after_cut_and_the_mark_can_be_taken_back(
    login, country
):  # AID-R211; SM-AID-18 #4
    clerk, unit = login("bj"), country.unit("dewai")
    target = country.unit("haidian")
    url = f"/unit/tree?unit={target.id}"
    assert "请先在左边选中要移动的单位" in clerk.get(url).text
    assert clerk.post(f"/unit/paste/{target.id}").status_code == 409
    answer = clerk.post(f"/unit/cut/{unit.id}")
    assert answer.status_code == 302
    assert country.unit("dewai") == unit  # nothing changes yet
    page = clerk.get(url).text
    assert "已剪切" in page
    assert "请先在左边选中要移动的单位" not in page
    clerk.post("/unit/uncut")
    assert "已剪切" not in clerk.get(url).text
    assert "请先在左边" in clerk.get(f"/unit/paste/{target.id}").text


def test_the_dialog_says_what_goes_along(login, country, files):
    clerk, target = login("bj"), country.unit("haidian")
    path = country.unit("dewai").path
    clerk.post(f"/unit/cut/{country.unit('dewai').id}")
    dialog = words_of(clerk.get(f"/unit/paste/{target.id}").text)
    units = len(country.all(Unit, tree.under(Unit.path, path)))
    posts = len(country.all(Assignment, tree.under(Assignment.unit_path, path)))
    records = len(country.all(Archive, tree.under(Archive.owner_path, path)))
    assert f"一起移动的单位：{units}个" in dialog
    assert f"一起移动的人员：{posts}人" in dialog
    assert f"业务数据：{records}条" in dialog
    answer = clerk.post(f"/unit/paste/{target.id}")
    assert answer.status_code == 302
    assert country.unit("dewai").path.startswith(target.path)
    page = clerk.get(answer.location).text
    assert "移动完成" in page
    assert "取消剪切" not in page


def test_the_page_refuses_as_the_door_does(login, country):
    clerk = login("bj")
    clerk.post(f"/unit/cut/{country.unit('dewai').id}")
    own = clerk.post(f"/unit/paste/{country.unit('xinfeng').id}")
    assert (own.status_code, "粘贴到其自身或其下级单位" in own.text) == (409, True)
    assert clerk.post(f"/unit/paste/{country.unit('xuhui').id}").status_code == 404
    assert clerk.post(f"/unit/cut/{country.unit('bj').id}").status_code == 409
    assert clerk.post(f"/unit/cut/{country.unit('sh').id}").status_code == 404


def test_a_large_one_leads_to_its_job(app, login, country, monkeypatch):
    monkeypatch.setattr(moving, "AT_ONCE", 0)
    clerk, target = login("bj"), country.unit("haidian")
    clerk.post(f"/unit/cut/{country.unit('dewai').id}")
    assert "由后台任务办理" in clerk.get(f"/unit/paste/{target.id}").text
    answer = clerk.post(f"/unit/paste/{target.id}")
    assert "/job/show/" in answer.location
    work(app)
    assert "移动完成" in clerk.get(answer.location).text
    assert country.unit("dewai").path.startswith(target.path)


def test_many_sisters_come_fifty_at_a_time(login, country):
    above = country.unit("xinjiekou")
    with country.acting() as session:
        for number in range(120):
            unit = Unit(name=f"第{number:03d}社区工会", parent_id=above.id, level="grassroots")
            unit.stamp(country.actor("root"))
            session.add(unit)
            session.flush()
            unit.settle(country.actor("root"))
        session.commit()
        last = session.scalars(select(Unit.id).where(Unit.name == "第119社区工会")).one()
    clerk = login("xicheng")
    page = clerk.get(f"/unit/tree?unit={last}").text  # it stands far behind the first fifty, and is there
    assert f'id="node-{last}"' in page
    assert len([line for line in page.split() if line.startswith('id="node-')]) < 70
    page = clerk.get(f"/unit/branch?parent={above.id}").text
    assert page.count('class="unit-node"') == 50
    assert f"parent={above.id}&amp;after=50" in page
    assert clerk.get(f"/unit/branch?parent={above.id}&after=50").text.count('class="unit-node"') == 50
    page = clerk.get(f"/unit/branch?parent={above.id}&after=100").text
    assert (page.count('class="unit-node"'), "after=" in page) == (20, False)
    for strange in ("x", "-1", "9" * 30, "\x00"):
        query = {"parent": above.id, "after": strange}
        assert clerk.get("/unit/branch", query_string=query).status_code == 200


def test_an_import_from_the_old_place_stores_nothing(rest, country, people):
    """Rows that are stored past the session are held to the same."""
    clerk = country.actor("dewai_clerk")
    moved(rest, country)
    before = len(country.all(Archive))
    with country.acting(clerk) as session:
        judge = bulk.Judge(Archive, clerk)
        typed = people.household(hardship_category="low_income")
        with record.judging(session):
            made, _problems = judge.read(typed)
            made.own(clerk)
        with pytest.raises(Refused, match="调整了隶属关系"):
            bulk.store(session, judge, [made])
        session.rollback()
    assert len(country.all(Archive)) == before
