"""用户管理 and 代码表管理: what only these pages know. Units, people and codes as records are in their own modules."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from sqlalchemy import delete

from app.kit.reminders import Reminder
from app.models.account import Account
from app.models.assignment import ADMINISTRATION, Assignment
from app.models.code_table import CodeTable
from app.models.code_value import CodeValue
from app.models.unit import Unit
from tests.world import words_of

ARCHIVES = "困难职工档案"


def unit_of(country: Any, above: str, name: str = "月坛街道总工会") -> dict[str, Any]:
    return {
        "name": name,
        "parent_id": country.unit(above).id,
        "level": "township",
        "address": "月坛南街1号",
        "postcode": "100045",
        "area_code": "010",
        "leader_name": "陈静",
        "leader_phone": "13800001111",
        "office_phone": "010-55501111",
    }


def person_of(unit_id: int, login_name: str, *rights: str) -> dict[str, Any]:
    return {
        "unit_id": unit_id,
        "full_name": "陆远",
        "login_name": login_name,
        "phone": "13800002222",
        "rights": list(rights or [ARCHIVES]),
    }


@pytest.fixture
def new_unit(rest, country) -> int:
    answer = rest("xicheng").post("/api/v1/unit/", json=unit_of(country, "xicheng"))
    assert answer.status_code == 201, answer.json
    return answer.json["id"]


@pytest.fixture
def new_person(rest, country) -> dict[str, Any]:
    answer = rest("xicheng").post("/api/v1/account/", json=person_of(country.unit("dewai").id, "luyuan"))
    assert answer.status_code == 201, answer.json
    return answer.json


class TestTree:
    def test_own_unit_is_open_and_others_are_not_there(self, login):  # AID-R206
        page = login("xicheng").get("/unit/tree").text
        assert "德外街道总工会" in page
        assert "新街口街道总工会" in page
        assert "海淀区总工会" not in page

    def test_a_unit_outside_is_not_found(self, login, country):  # AID-R206
        assert login("xicheng").get(f"/unit/tree?unit={country.unit('sh').id}").status_code == 404
        assert "徐汇区" not in login("xicheng").get(f"/unit/branch?parent={country.unit('sh').id}").text

    @pytest.mark.parametrize("unit", ["x", "-1", "9" * 30, "²", "\x00", "2147483648"])
    def test_a_strange_unit_is_not_found(self, login, unit):
        assert login("xicheng").get("/unit/tree", query_string={"unit": unit}).status_code == 404

    def test_a_branch_is_read_when_opened(self, login, country):
        page = login("bj").get(f"/unit/branch?parent={country.unit('xicheng').id}").text
        assert "德外街道总工会" in page
        assert "<html" not in page

    @pytest.mark.parametrize("words", ["德外", "dewai", "dw", "DEWAI"])
    def test_units_are_found_by_name_and_pinyin(self, login, words):
        assert "德外街道总工会" in login("bj").get(f"/unit/branch?q={words}").text

    def test_people_are_found_in_the_subtree(self, login, country):  # 查询人员
        url = f"/unit/tree?unit={country.unit('dewai').id}&person=clerk"
        page = login("xicheng").get(url).text
        assert "xinfeng_clerk" in page
        assert "xinjiekou_clerk" not in page

    def test_without_the_right_it_is_closed(self, login):  # AID-R002
        assert login("dewai_clerk").get("/unit/tree").status_code == 403

    def test_a_new_unit_hangs_below_the_chosen_one_a_level_lower(self, login, country):  # AID-R207
        above = country.unit("xicheng")
        form = login("bj").form(f"/unit/add?parent_id={above.id}")
        assert form.values["parent_id"] == str(above.id)
        assert form.values["level"] == "township"


class TestUnits:
    def test_the_parent_of_a_unit_stays(self, rest, country, new_unit):
        answer = rest("xicheng").put(f"/api/v1/unit/{new_unit}", json={"parent_id": country.unit("dewai").id})
        assert answer.status_code == 422
        assert "不能改变上级单位" in answer.json["message"]

    def test_the_parent_must_be_in_the_subtree(self, rest, country):  # AID-R207
        answer = rest("xicheng").post("/api/v1/unit/", json=unit_of(country, "haidian"))
        assert answer.status_code == 422
        assert "parent_id" in answer.json["errors"]

    @pytest.mark.parametrize("level", ["national", "province"])
    def test_levels_that_carry_rights_are_not_taken(self, rest, country, level):
        answer = rest("xicheng").post("/api/v1/unit/", json=unit_of(country, "xicheng") | {"level": level})
        assert answer.status_code == 422
        assert "level" in answer.json["errors"]

    def test_a_unit_with_people_stays(self, rest, country):  # AID-R210
        answer = rest("xicheng").delete(f"/api/v1/unit/{country.unit('xinjiekou').id}")
        assert answer.status_code == 409
        assert "有人员" in answer.json["message"]

    def test_a_unit_with_data_stays(self, rest, country, make_archive):  # AID-R210
        archive = make_archive("xinfeng")
        with country.acting() as session:
            session.execute(delete(Assignment).where(Assignment.unit_id == archive.owner_unit_id))
            session.commit()
        answer = rest("xicheng").delete(f"/api/v1/unit/{archive.owner_unit_id}")
        assert answer.status_code == 409
        assert "有业务数据" in answer.json["message"]

    def test_the_own_unit_stays(self, rest, country):  # AID-R208
        assert rest("xicheng").delete(f"/api/v1/unit/{country.unit('xicheng').id}").status_code == 409

    def test_deleting_asks_twice_and_takes_the_subordinates_along(
        self, login, rest, country, new_unit
    ):  # AID-R209
        below = (
            rest("xicheng")
            .post("/api/v1/unit/", json=unit_of(country, "xicheng", "汽南社区工会") | {"parent_id": new_unit})
            .json["id"]
        )
        with country.acting() as session:
            told = Reminder(
                receiver_unit_id=below,
                sender_unit_id=new_unit,
                sender_unit_name="月坛",
                subject="旧",
                message="",
                category="hardship_archive",
                record_type="archive",
            )
            told.stamp(country.actor("root"))
            session.add(told)
            session.commit()
        dialog = login("xicheng").get(f"/unit/dismiss/{new_unit}").text
        assert "共2个" in words_of(dialog)
        assert "请再次确认" in dialog
        answer = login("xicheng").post(f"/unit/delete/{new_unit}")
        assert answer.status_code == 302
        assert country.read(Unit, new_unit) is None
        assert country.read(Unit, below) is None


class TestPicker:
    def test_everybody_may_choose_a_unit_of_his_subtree(self, login):
        results = login("dewai_reader").get("/unit/pick").json["results"]
        assert [one["text"] for one in results] == ["德外街道总工会", "新风社区工会"]

    def test_branches_open_by_parent(self, login, country):
        results = login("root").get(f"/unit/pick?parent={country.unit('bj').id}").json["results"]
        assert [(one["text"], one["children"]) for one in results] == [
            ("西城区总工会", True),
            ("海淀区总工会", True),
        ]

    @pytest.mark.parametrize("q", ["\x00", "%' OR 1=1", "\\", "9" * 500, "😀"])
    def test_hostile_words_find_nothing(self, login, q):
        for url in ("/unit/pick", "/code_value/pick/admin_division"):
            answer = login("root").get(url, query_string={"q": q})
            assert (answer.status_code, answer.json["results"]) == (200, [])

    def test_strangers_choose_nothing(self, anonymous):
        assert anonymous.get("/unit/pick").status_code == 401

    def test_divisions_are_found_by_pinyin_with_their_full_name(self, login):
        results = login("dewai_reader").get("/code_value/pick/admin_division?q=xicheng").json["results"]
        assert {"value": "110102", "text": "北京市西城区", "note": "110102", "children": False} in results

    @pytest.mark.parametrize("table", ["nope", "%00", "a-b", "x" * 300])
    def test_other_tables_are_not_found(self, login, table):
        assert login("dewai").get(f"/code_value/pick/{table}").status_code == 404


class TestPeople:
    def test_the_one_time_password_is_shown_once(self, login, country):  # AID-R218; in place of AID-R216
        clerk = login("xicheng")
        form = clerk.form(f"/account/add?unit_id={country.unit('dewai').id}")
        assert form.values["gender"] == "male"
        form.fill({"full_name": "陆远", "login_name": "luyuan", "phone": "13800002222"}).values.setlist(
            "rights", [ARCHIVES]
        )
        told = clerk.submit(form)
        assert told.status_code == 200
        assert "继续增加" in told.text
        again = clerk.submit(form)
        assert again.status_code == 302
        password = words_of(told.text).split("一次性口令")[-1].split()[0]
        assert len(password) == 12
        assert password not in clerk.get(again.location).text
        made = country.all(Account, Account.username == "luyuan")
        assert len(made) == 1
        assert made[0].must_change_password
        assert password not in made[0].password

    def test_the_password_opens_the_door_to_its_change_only(self, app, rest, new_person):  # AID-R007
        client = app.test_client()
        body = {"username": "luyuan", "password": new_person["one_time_password"], "provider": "db"}
        token = client.post("/api/v1/security/login", json=body).json["access_token"]
        answer = client.get("/api/v1/archive/", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 403
        assert "one_time_password" not in rest("xicheng").get(f"/api/v1/account/{new_person['id']}").text

    def test_a_reset_gives_a_new_one(self, login, rest, new_person):
        answer = rest("xicheng").post(f"/api/v1/account/{new_person['id']}/steps/reset_password", json={})
        assert answer.status_code == 200
        assert answer.json["one_time_password"] != new_person["one_time_password"]
        page = login("xicheng").post("/account/steps/reset_password", {"ids": str(new_person["id"])})
        assert page.status_code == 200
        assert "口令已重置" in page.text

    @pytest.mark.parametrize(
        ("whose", "status"),
        [("xicheng", 409), ("bj", 404), ("sh", 404), ("xicheng_clerk", 200), ("xinfeng", 200)],
    )
    def test_whose_password_may_be_reset(self, rest, country, whose, status):
        url = f"/api/v1/account/{country.account(whose).id}/steps/reset_password"
        assert rest("xicheng").post(url, json={}).status_code == status

    @pytest.mark.parametrize(
        ("name", "free"),
        [("xicheng", False), ("XiCheng", False), ("nobody.yet", True), ("a b", False), ("\x00", False)],
    )
    def test_is_it_taken(self, login, name, free):  # AID-R009
        answer = login("dewai").get("/account/available", query_string={"login_name": name})
        assert answer.json["available"] is free

    def test_a_second_administrator_is_refused_and_greyed(self, login, rest, country):  # AID-R205
        unit = country.unit("dewai").id
        answer = rest("xicheng").post("/api/v1/account/", json=person_of(unit, "luyuan", ADMINISTRATION))
        assert answer.status_code == 422
        assert "已有用户管理员" in answer.json["errors"]["rights"][0]
        assert "该单位已有用户管理员" in login("xicheng").get(f"/account/add?unit_id={unit}").text

    def test_is_unit_admin_and_the_right_are_one(self, rest, new_unit, new_person):
        pk = (
            rest("xicheng")
            .post("/api/v1/account/", json=person_of(new_unit, "luyuan2") | {"is_unit_admin": True})
            .json["id"]
        )
        url = f"/api/v1/account/{pk}"
        read = rest("xicheng").get(url).json["result"]
        assert (read["is_unit_admin"], read["rights"]) == (True, [ARCHIVES, ADMINISTRATION])
        read = rest("xicheng").put(url, json=read | {"rights": [ARCHIVES]}).json["result"]
        assert (read["is_unit_admin"], read["rights"]) == (False, [ARCHIVES])

    @pytest.mark.parametrize(
        "change", [{"rights": [ARCHIVES]}, {"is_active": False}, {"is_unit_admin": False}]
    )
    def test_nobody_locks_himself_out(self, rest, country, change):
        answer = rest("xicheng").put(f"/api/v1/account/{country.account('xicheng').id}", json=change)
        assert answer.status_code == 422

    def test_nobody_is_placed_outside(self, rest, country, new_person):
        typed = person_of(country.unit("sh").id, "luyuan3")
        assert rest("xicheng").post("/api/v1/account/", json=typed).status_code == 422
        moved = rest("xicheng").put(
            f"/api/v1/account/{new_person['id']}", json={"unit_id": country.unit("bj").id}
        )
        assert moved.status_code == 422

    def test_seven_layers_are_refused(self, rest, new_person):  # AID-R220
        answer = rest("xicheng").put(f"/api/v1/account/{new_person['id']}", json={"display_layer": 7})
        assert answer.status_code == 422
        assert (
            rest("xicheng").put(f"/api/v1/account/{new_person['id']}", json={"display_layer": 6}).status_code
            == 200
        )

    def test_rights_act_on_the_next_request(self, rest, country):  # AID-R217
        clerk, pk = rest("dewai_clerk"), country.account("dewai_clerk").id
        assert clerk.get("/api/v1/unit/").status_code == 403
        rest("xicheng").put(f"/api/v1/account/{country.account('dewai').id}", json={"rights": [ARCHIVES]})
        rest("xicheng").put(f"/api/v1/account/{pk}", json={"rights": [ARCHIVES, ADMINISTRATION]})
        assert clerk.get("/api/v1/unit/").status_code == 200

    def test_a_person_goes_and_his_records_stay(self, rest, country, make_archive):  # AID-R219
        archive = make_archive("dewai")
        clerk, pk = rest("dewai_clerk"), country.account("dewai_clerk").id
        assert rest("dewai").delete(f"/api/v1/account/{pk}").status_code == 200
        assert rest("dewai").get(f"/api/v1/account/{pk}").status_code == 404
        assert clerk.get("/api/v1/archive/").status_code == 401
        assert country.again(archive).created_by_id == pk
        again = person_of(country.unit("dewai").id, "dewai_clerk")
        assert rest("dewai").post("/api/v1/account/", json=again).status_code == 201

    def test_the_history_tells_rights_but_no_secrets(self, rest, new_person):
        rest("xicheng").put(f"/api/v1/account/{new_person['id']}", json={"full_name": "陆远行"})
        history = rest("xicheng").get(f"/api/v1/account/{new_person['id']}/history")
        assert {line["field"] for line in history.json["result"][0]["diff"]} >= {"full_name"}
        assert "scrypt" not in history.text
        assert "pbkdf2" not in history.text


@pytest.mark.real_commits
def test_of_two_administrators_at_once_one_is_told(rest, country):  # AID-R205
    who = rest("xicheng")
    unit = who.post("/api/v1/unit/", json=unit_of(country, "xicheng", "竞争街道总工会")).json["id"]
    start, answers = threading.Barrier(2), []

    def hire(name: str) -> None:
        client = rest("xicheng")
        start.wait()
        answers.append(client.post("/api/v1/account/", json=person_of(unit, name, ADMINISTRATION)))

    threads = [threading.Thread(target=hire, args=(f"rival{n}",)) for n in range(2)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(answer.status_code for answer in answers) == [201, 422]
        (told,) = [answer.json["message"] for answer in answers if answer.status_code == 422]
        assert "已有用户管理员" in told
    finally:
        with country.acting() as session:
            for account in session.query(Account).filter(Account.username.like("rival%")):
                session.delete(account)
            session.flush()
            session.execute(delete(Unit).where(Unit.id == unit))
            session.commit()


class TestCodes:
    @pytest.fixture
    def table(self, country) -> CodeTable:
        return country.all(CodeTable, CodeTable.name == "hardship_category")[0]

    def keep(self, login, table, deed, **typed):
        return login("root").post(f"/code_table/values/{table.id}/{deed}", typed)

    def told(self, login, table, deed, **typed):
        """The page that the browser shows next."""
        clerk = login("root")
        return clerk.get(clerk.post(f"/code_table/values/{table.id}/{deed}", typed).location).text

    def values(self, country, table):
        found = country.all(CodeValue, CodeValue.code_table_id == table.id)
        return {value.label: value for value in sorted(found, key=lambda value: value.sort_order)}

    @pytest.mark.parametrize("name", ["bj", "root_clerk", "dewai"])
    def test_the_root_administrator_alone_keeps_them(self, login, rest, table, name):  # AID-R201
        assert login(name).get("/code_table/list/").status_code == 403
        assert login(name).get("/code_value/list/").status_code == 403
        assert login(name).post(f"/code_table/values/{table.id}/add", {"label": "新"}).status_code == 403
        typed = {"code_table_id": table.id, "label": "新"}
        assert rest(name).post("/api/v1/code_value/", json=typed).status_code == 403
        assert rest(name).get("/api/v1/code_value/").status_code == 200  # forms need them
        assert "代码表管理" not in login(name).menu()

    def test_add_change_delete_each_say_so(self, login, country, table):  # AID-R202
        assert "增加成功" in self.told(login, table, "add", label="特困职工")
        value = self.values(country, table)["特困职工"]
        assert value.code == "te_kun_zhi_gong"
        assert "修改成功" in self.told(login, table, "change", value=value.id, label="深度困难")
        assert self.values(country, table)["深度困难"].code == value.code
        assert "删除成功" in self.told(login, table, "delete", value=value.id)
        assert "深度困难" not in self.values(country, table)

    def test_a_duplicate_is_refused_and_what_was_typed_stays(self, login, table):  # AID-R204
        answer = self.keep(login, table, "add", label="低保户")
        assert answer.status_code == 422
        assert "本代码表中已有「低保户」" in answer.text
        assert 'value="低保户"' in answer.text

    def test_a_value_in_use_is_retired(self, login, rest, country, table, make_archive):  # AID-R203
        archive = make_archive("dewai", hardship_category="low_income")
        value = self.values(country, table)["低保户"]
        told = self.told(login, table, "delete", value=value.id)
        assert "已改为停用" in told
        assert country.again(value).is_active is False
        assert (
            rest("dewai").get(f"/api/v1/archive/{archive.id}").json["result"]["hardship_category"]["label"]
            == "低保户"
        )
        assert "低保户" not in login("dewai_clerk").get("/archive/add?shelf=hardship").text
        self.keep(login, table, "restore", value=value.id)
        assert "低保户" in login("dewai_clerk").get("/archive/add?shelf=hardship").text

    def test_values_change_places(self, login, country, table):
        before = list(self.values(country, table))
        value = self.values(country, table)[before[1]]
        self.keep(login, table, "up", value=value.id)
        assert list(self.values(country, table)) == [before[1], before[0], *before[2:]]
        self.keep(login, table, "up", value=value.id)
        self.keep(login, table, "down", value=value.id)
        assert list(self.values(country, table)) == before

    def test_fixed_tables_are_shown_with_the_reason(self, login, country):
        fixed = country.all(CodeTable, CodeTable.is_editable.is_(False))[0]
        assert "系统固定的代码表" in login("root").get(f"/code_table/list/?table={fixed.id}").text
        assert self.keep(login, fixed, "add", label="新").status_code == 422
        value = country.all(CodeValue, CodeValue.code_table_id == fixed.id)[0]
        for deed in ("change", "delete", "up", "retire"):
            assert self.keep(login, fixed, deed, value=value.id, label="新").status_code == 409

    @pytest.mark.parametrize("value", ["", "x", "9" * 30, "999999"])
    def test_without_a_value_nothing_happens(self, login, table, value):
        assert self.keep(login, table, "delete", value=value).status_code in {404, 409}
        assert self.keep(login, table, "explode", value=value).status_code == 400
