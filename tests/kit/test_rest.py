"""What a client of the REST interface relies on (DESIGN §8), whatever it sends."""

from __future__ import annotations

from typing import Any

import prison
import pytest
from sqlalchemy import delete

from app.kit.claims import IdentityClaim
from app.kit.errors import Missing
from app.kit.record import lock
from app.kit.reminders import Reminder
from app.models.archive import Archive
from app.models.code_table import CodeTable
from app.models.code_value import CodeValue
from app.modules import RIGHTS

RESOURCES = ("archive", "unit", "account", "code_table", "code_value", "reminder", "job")
VALUES = (
    None,
    "",
    "张",
    "x" * 500,
    -1,
    2**31,
    10**30,
    1.5,
    True,
    [],
    [1],
    {"a": 1},
    {"code": "x"},
    "1960-01-01",
)
OPERATORS = ("eq", "neq", "gt", "lte", "ct", "sw", "in", "rel_o_m", "nothing")


def asked(client: Any, resource: str, **q: Any) -> Any:
    return client.get(f"/api/v1/{resource}/", query_string={"q": prison.dumps(q)})


@pytest.mark.parametrize("resource", RESOURCES)
def test_no_filter_and_no_order_breaks_the_list(app, rest, resource):
    """Everything for one column of each kind, first of all of archives; of a kind that was met, ``eq`` and ``in``."""
    client, fields = rest("root"), app.extensions["views"][resource].model.fields()
    met = set() if resource == "archive" else {type(field) for field in Archive.fields().values()}
    names = [field["name"] for field in client.get(f"/api/v1/{resource}/_info").json["columns"]]
    for name in [*names, "id", "report_state", "nothing"]:
        assert asked(client, resource, order_column=name, page_size=1).status_code in {200, 400}, name
        kind = type(fields[name]) if name in fields else name
        is_new = kind not in met
        met.add(kind)
        for operator in OPERATORS if is_new else ("eq", "in"):
            for value in VALUES if is_new else VALUES[::4]:
                filters = [{"col": name, "opr": operator, "value": value}]
                answer = asked(client, resource, filters=filters, page_size=1)
                assert answer.status_code in {200, 400}, (name, operator, value)


def test_people_are_found_by_unit_and_ordered_by_name(rest, country):
    at = country.unit("dewai").id
    found = asked(
        rest("xicheng"),
        "account",
        filters=[{"col": "unit_id", "opr": "rel_o_m", "value": at}],
        order_column="login_name",
        order_direction="asc",
    ).json["result"]
    assert [person["login_name"] for person in found] == ["dewai", "dewai_clerk", "dewai_reader"]
    outside = country.unit("sh").id
    assert (
        asked(rest("xicheng"), "account", filters=[{"col": "unit_id", "opr": "eq", "value": outside}]).json[
            "count"
        ]
        == 0
    )


def test_keys_choose_what_stands_beside_the_rows(rest):
    assert set(asked(rest("root"), "unit", keys=["none"]).json) == {"count", "ids", "next_key", "result"}
    assert "list_columns" in asked(rest("root"), "unit", keys=["list_columns"]).json


def test_what_was_read_may_be_sent_back(rest, country, people):  # DESIGN §8: derived fields are never obeyed
    file = country.make(Archive, people.household(members=2), "dewai")
    country.step(file, "report", "dewai_clerk")
    reminder = country.all(Reminder, Reminder.receiver_unit_id == country.unit("xicheng").id)[-1]
    for resource, pk, person in (
        ("archive", file.id, "dewai_clerk"),
        ("reminder", reminder.id, "xicheng_clerk"),
        ("unit", country.unit("dewai").id, "xicheng"),
        ("account", country.account("dewai_clerk").id, "dewai"),
    ):
        url = f"/api/v1/{resource}/{pk}"
        read = rest(person).get(url).json["result"]
        answer = rest(person).put(url, json=read)
        assert answer.status_code == 200, answer.json
        again = rest(person).get(url).json["result"]
        assert {k: v for k, v in again.items() if k != "version"} == {
            k: v for k, v in read.items() if k != "version"
        }


def test_the_statistic_counts_what_the_list_shows(rest, country, people):  # AID-R083
    for category in ("low_income", "temporary"):
        country.make(Archive, people.household(hardship_category=category), "dewai")
    table = rest("dewai_clerk").get("/api/v1/archive/statistics?by=hardship_category").json
    listed = asked(rest("dewai_clerk"), "archive", page_size=1).json["count"]
    assert table["total"]["total.archives"] == listed
    assert table["total"]["temporary.archives"] > 0


def test_a_retired_code_is_kept_but_not_chosen_again(rest, country, people):  # AID-R203
    table = country.all(CodeTable, CodeTable.name == "hardship_cause")[0]
    made = rest("root").post("/api/v1/code_value/", json={"code_table_id": table.id, "label": "山洪"}).json
    client, typed = rest("dewai_clerk"), people.household(main_hardship_cause="own_serious_illness")
    file = client.post("/api/v1/archive/", json=typed | {"main_hardship_cause": "山洪"})
    assert file.status_code == 201, file.json
    rest("root").delete(f"/api/v1/code_value/{made['id']}")
    assert not country.read(CodeValue, made["id"]).is_active
    url = f"/api/v1/archive/{file.json['id']}"
    assert client.put(url, json=client.get(url).json["result"]).status_code == 200
    other = country.make(Archive, people.household(main_hardship_cause="own_serious_illness"), "dewai")
    answer = client.put(f"/api/v1/archive/{other.id}", json={"main_hardship_cause": "山洪"})
    assert answer.status_code == 422
    assert "已停用" in answer.json["errors"]["main_hardship_cause"][0]


@pytest.mark.parametrize("number", [2**31, 10**12, 10**30])
def test_a_key_beyond_every_id_is_refused(rest, country, number):
    typed = {"unit_id": number, "full_name": "陆远", "login_name": "luyuan", "phone": "13800002222"}
    answer = rest("dewai").post("/api/v1/account/", json=typed | {"rights": ["信访接待"]})
    assert answer.status_code == 422
    assert "unit_id" in answer.json["errors"]


def test_every_right_of_the_manual_can_be_given(rest, country):  # AID-R002, R217; DESIGN §8
    reader = country.account("dewai_reader").id
    url = f"/api/v1/account/{reader}"
    assert rest("dewai").get(url).json["result"]["rights"] == ["信访接待"]
    wanted = [right for right in RIGHTS if right != "用户管理"]
    assert rest("dewai").put(url, json={"rights": wanted}).json["result"]["rights"] == wanted
    assert rest("dewai_reader").get("/api/v1/archive/").status_code == 200  # at the next request
    rest("dewai").put(url, json={"rights": ["信访接待"]})
    assert rest("dewai_reader").get("/api/v1/archive/").status_code == 403


def test_a_record_that_goes_meanwhile_is_missing(country, people):
    file = country.make(Archive, people.household(), "dewai")
    with country.acting("dewai_clerk") as session:
        mine = session.get(Archive, file.id)
        table = Archive.__table__
        session.connection().execute(
            delete(IdentityClaim.__table__).where(IdentityClaim.record_id == file.id)
        )
        session.connection().execute(table.delete().where(table.c.id == file.id))
        with pytest.raises(Missing):
            lock(mine)
        assert mine.full_name == file.full_name  # still there to be named
        session.rollback()
