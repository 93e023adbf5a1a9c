"""单位排序, 人员排序: saved as a whole, restored to the order of creation, never over somebody else's (SM-AID-18, -19)."""

from __future__ import annotations

import lxml.html
import pytest

from app.models.assignment import Assignment
from app.models.unit import Unit
from tests.modules.test_administration import person_of, unit_of
from tests.world import Form, words_of


@pytest.fixture
def children(rest, country):
    """Five units below xinjiekou, in the order in which they were made."""
    above, made = country.unit("xinjiekou"), []
    for number in range(5):
        body = unit_of(country, "xinjiekou", f"第{number}社区工会") | {"level": "grassroots"}
        answer = rest("xicheng").post("/api/v1/unit/", json=body)
        assert answer.status_code == 201, answer.json
        made.append(answer.json["id"])
    return above.id, made


@pytest.fixture
def staff(rest, country):
    """Eight people of xinjiekou, those of the demo among them, in the order in which they were made."""
    unit = country.unit("xinjiekou").id
    for number in range(6):
        answer = rest("xicheng").post("/api/v1/account/", json=person_of(unit, f"staff{number}"))
        assert answer.status_code == 201, answer.json
    return unit, sorted(one.account_id for one in country.all(Assignment, Assignment.unit_id == unit))


def order_of(country, unit):
    found = country.all(Unit, Unit.parent_id == unit)
    return [one.id for one in sorted(found, key=lambda one: (one.sort_order, one.id))]


def layers_of(country, unit):
    found = country.all(Assignment, Assignment.unit_id == unit)
    found.sort(key=lambda one: (one.display_layer, one.sort_order, one.account_id))
    layers = [[] for _n in range(6)]
    for one in found:
        layers[one.display_layer - 1].append(one.account_id)
    return layers


def step(client, unit, name, **body):
    return client.post(f"/api/v1/unit/{unit}/steps/{name}", json=body)


# --- units ----------------------------------------------------------------------------------------------------


def test_the_order_is_kept_and_restored(rest, country, children):  # AID-R215; SM-AID-18 #6, #7
    unit, ids = children
    wanted = [ids[3], ids[0], ids[4], ids[2], ids[1]]
    answer = step(rest("xicheng"), unit, "reorder", ids=wanted)
    assert answer.status_code == 200, answer.json
    assert order_of(country, unit) == wanted
    body = unit_of(country, "xinjiekou", "最后一个社区工会") | {"level": "grassroots"}
    last = rest("xicheng").post("/api/v1/unit/", json=body).json["id"]
    assert order_of(country, unit) == [*wanted, last]  # SM-AID-18 #1: appended last
    assert step(rest("xicheng"), unit, "reset_order").status_code == 200
    assert order_of(country, unit) == [*ids, last]


def test_the_tree_and_the_picker_show_that_order(login, rest, children):  # AID-R215
    unit, ids = children
    wanted = ids[::-1]
    step(rest("xicheng"), unit, "reorder", ids=wanted)
    page = lxml.html.fromstring(login("xicheng").get(f"/unit/tree?unit={unit}").text)
    lines = [int(one.get("id").removeprefix("node-")) for one in page.find_class("unit-node")]
    assert [line for line in lines if line in ids] == wanted
    results = login("xicheng").get(f"/unit/pick?parent={unit}").json["results"]
    assert [int(one["value"]) for one in results] == wanted


def test_one_may_sort_below_ones_own_unit(rest, country):
    xicheng = country.unit("xicheng")
    ids = order_of(country, xicheng.id)
    assert step(rest("xicheng"), xicheng.id, "reorder", ids=ids[::-1]).status_code == 200
    assert order_of(country, xicheng.id) == ids[::-1]


@pytest.mark.parametrize(
    ("ids", "status", "words"),
    [
        (lambda ids: ids[:-1], 409, "不同"),
        (lambda ids: [*ids, ids[0]], 409, "不同"),
        (lambda ids: [*ids[:-1], 1], 409, "不同"),
        (lambda _ids: [], 409, "不同"),
        (lambda _ids: None, 422, "请填写"),
        (lambda _ids: "x", 422, "列表"),
        (lambda ids: [str(ids), 1.5], 422, "列表"),
        (lambda _ids: [True], 422, "列表"),
        (lambda _ids: [-1], 422, "列表"),
        (lambda _ids: [2**40], 422, "列表"),
        (lambda _ids: [[1]], 422, "列表"),
        (lambda _ids: list(range(1, 2002)), 422, "最多2000"),
        (lambda _ids: {"a": 1}, 422, ""),
    ],
)
def test_strange_orders_are_refused(rest, country, children, ids, status, words):
    unit, made = children
    answer = step(rest("xicheng"), unit, "reorder", ids=ids(made))
    assert (answer.status_code, words in str(answer.json)) == (status, True), answer.json
    assert order_of(country, unit) == made


@pytest.mark.parametrize(("who", "status"), [("haidian", 404), ("xinjiekou_clerk", 403), ("dewai", 404)])
@pytest.mark.parametrize("name", ["reorder", "reset_order", "reorder_people", "reset_people_order"])
def test_who_may_not_sort(rest, country, children, who, status, name):
    unit, ids = children
    body = {"reorder": {"ids": ids}, "reorder_people": {"layers": [ids]}}.get(name, {})
    assert step(rest(who), unit, name, **body).status_code == status
    assert order_of(country, unit) == ids


def test_of_two_who_sort_the_later_is_told(login, rest, country, children):
    """The page carries the version that it began from (AID-R232)."""
    unit, ids = children
    clerk = login("xicheng")
    mine = clerk.form(f"/unit/sort/{unit}")
    assert mine.values.getlist("ids") == [str(pk) for pk in ids]
    assert step(rest("bj"), unit, "reorder", ids=ids[::-1]).status_code == 200
    answer = clerk.submit(mine)
    assert answer.status_code == 409
    assert country.account("bj").first_name in words_of(answer.text)
    shown = Form.of(answer.text)
    assert shown.values.getlist("ids") == [
        str(pk) for pk in ids[::-1]
    ]  # the order as it now is, to begin again
    shown.values.setlist("ids", [str(pk) for pk in ids])
    assert clerk.submit(shown).status_code == 302
    assert order_of(country, unit) == ids
    answer = step(rest("bj"), unit, "reorder", ids=ids, version=1)
    assert (answer.status_code, "修改" in answer.json["message"]) == (409, True)


def test_a_unit_that_came_meanwhile_is_told(login, rest, country, children):
    unit, _ids = children
    clerk = login("xicheng")
    mine = clerk.form(f"/unit/sort/{unit}")
    body = unit_of(country, "xinjiekou", "新来的社区工会") | {"level": "grassroots"}
    assert rest("bj").post("/api/v1/unit/", json=body).status_code == 201
    answer = clerk.submit(mine)
    assert (answer.status_code, "刚有增减" in answer.text) == (409, True)


def test_the_pages_save_and_restore(login, country, children):  # AID-R215: 确定, 重来, 重排
    unit, ids = children
    clerk = login("xicheng")
    page = clerk.get(f"/unit/sort/{unit}").text
    assert all(words in page for words in ("确定", "重来", "重排单位"))
    form = clerk.form(f"/unit/sort/{unit}")
    form.values.setlist("ids", [str(pk) for pk in ids[::-1]])
    answer = clerk.submit(form)
    assert answer.location.endswith(f"/unit/tree?unit={unit}")
    assert order_of(country, unit) == ids[::-1]
    assert clerk.post(f"/unit/unsort/{unit}").status_code == 302
    assert order_of(country, unit) == ids
    assert "没有下级单位" in clerk.get(f"/unit/sort/{ids[0]}").text


# --- people ---------------------------------------------------------------------------------------------------


def test_people_stand_in_layers(login, rest, country, staff):  # AID-R220, R236; SM-AID-19 #6
    unit, ids = staff
    wanted = [[ids[2]], [ids[7], ids[0]], [], ids[3:6], [ids[1]], [ids[6]]]
    answer = step(rest("xicheng"), unit, "reorder_people", layers=wanted)
    assert answer.status_code == 200, answer.json
    assert layers_of(country, unit) == wanted
    people = country.all(Assignment, Assignment.account_id == ids[6])
    assert people[0].display_layer == 6
    page = login("xicheng").get(f"/unit/tree?unit={unit}").text
    shown = [page.index(f'/account/show/{pk}"') for layer in wanted for pk in layer]
    assert shown == sorted(shown)
    assert step(rest("xicheng"), unit, "reset_people_order").status_code == 200
    assert layers_of(country, unit) == [ids, [], [], [], [], []]


def test_a_seventh_layer_is_refused(login, rest, country, staff):  # AID-R220
    unit, ids = staff
    before = layers_of(country, unit)
    layers = [[pk] for pk in ids[:6]] + [ids[6:]]
    answer = step(rest("xicheng"), unit, "reorder_people", layers=layers)
    assert (answer.status_code, "最多分6层" in answer.json["message"]) == (422, True)
    clerk = login("xicheng")
    form = clerk.form(f"/unit/sort_people/{unit}")
    moved = form.values.getlist("layer-1")
    form.values.setlist("layer-1", moved[:-1])
    form.values.setlist("layer-7", moved[-1:])
    answer = clerk.submit(form)
    assert (answer.status_code, "最多分6层" in answer.text) == (422, True)
    assert layers_of(country, unit) == before
    body = {"display_layer": 7}
    assert rest("xicheng").put(f"/api/v1/account/{ids[-1]}", json=body).status_code == 422


@pytest.mark.parametrize(
    "layers", [None, "", "x", [1], [["x"]], [[True]], [[[1]]], {"a": []}, [[2**40]], [[1.5]]]
)
def test_strange_layers_are_refused(rest, country, staff, layers):
    unit, _ids = staff
    before = layers_of(country, unit)
    assert step(rest("xicheng"), unit, "reorder_people", layers=layers).status_code == 422
    assert layers_of(country, unit) == before


def test_who_is_not_of_the_unit_is_not_sorted_into_it(rest, country, staff):
    unit, ids = staff
    stranger = country.account("dewai_clerk").id
    before = country.all(Assignment, Assignment.account_id == stranger)[0]
    for layers in ([], [[*ids, stranger]], [[*ids[1:], stranger]], [ids[1:]], [[*ids, ids[0]]]):
        assert step(rest("xicheng"), unit, "reorder_people", layers=layers).status_code == 409
    now = country.all(Assignment, Assignment.account_id == stranger)[0]
    assert (now.sort_order, now.display_layer, now.unit_id) == (
        before.sort_order,
        before.display_layer,
        before.unit_id,
    )


def test_a_new_person_comes_last(rest, country, staff):
    unit, ids = staff
    step(rest("xicheng"), unit, "reorder_people", layers=[ids[::-1]])
    new = rest("xicheng").post("/api/v1/account/", json=person_of(unit, "newcomer")).json["id"]
    assert layers_of(country, unit)[0] == [*ids[::-1], new]


def test_the_page_of_people_saves(login, country, staff):
    unit, ids = staff
    clerk = login("xicheng")
    form = clerk.form(f"/unit/sort_people/{unit}")
    assert form.values.getlist("layer-1") == [str(pk) for pk in layers_of(country, unit)[0]]
    form.values.setlist("layer-1", [str(ids[1])])
    form.values.setlist("layer-2", [str(pk) for pk in ids if pk != ids[1]])
    assert clerk.submit(form).status_code == 302
    assert layers_of(country, unit)[0] == [ids[1]]
    assert clerk.post(f"/unit/unsort_people/{unit}").status_code == 302
    assert layers_of(country, unit)[0] == ids


@pytest.mark.parametrize("ids", [["x"], ["\x00"], ["9" * 40], ["١"], []])
def test_hostile_forms_are_4xx(login, children, ids):
    unit, _made = children
    clerk = login("xicheng")
    assert clerk.post(f"/unit/sort/{unit}", {"ids": ids, "version": "x"}).status_code in {409, 422}
    assert clerk.post(f"/unit/sort_people/{unit}", {"layer-1": ids, "version": "\x00"}).status_code in {
        409,
        422,
    }
    for page in ("sort", "sort_people"):
        assert clerk.get(f"/unit/{page}/2147483647").status_code == 404
