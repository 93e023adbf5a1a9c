"""跨区域维权: how any unit of the country is reached, for everybody; nothing else of it (AID-R227, R228, 3.15)."""

from __future__ import annotations

import json

import lxml.html
import pytest
from sqlalchemy import func, insert, select

from app.kit import tree
from app.models.directory import CONTACT
from app.models.unit import Unit, search_key
from tests.world import words_of

API = "/api/v1/directory/"
#: 单位名称 … 中心简介 as 3.15 lists them
SHOWN = [
    "单位名称",
    "所属单位",
    "地址",
    "邮政编码",
    "区号",
    "负责人电话",
    "办公电话",
    "传真",
    "值班电话",
    "电子邮件",
    "中心简介",
]


@pytest.fixture
def nobody(country):
    """A person without any right, in 德外街道."""
    country.give("dewai_reader")
    return "dewai_reader"


def names(answer):
    assert answer.status_code == 200, answer.json
    return [one["name"] for one in answer.json["result"]]


def test_who_has_no_right_finds_any_unit(login, rest, nobody, country):  # AID-R227, Q40
    clerk, far = login(nobody), country.read(Unit, country.unit("caohejing").id)
    assert "跨区域维权" in clerk.menu()
    page = clerk.get("/directory/?name=漕河泾")
    assert f"{far.name} ({far.unit_no})" in words_of(page.text)
    assert "中华全国总工会->上海市总工会->徐汇区总工会" in words_of(page.text)
    shown = lxml.html.fromstring(clerk.get(f"/directory/?unit={far.id}").text)
    assert [one.text for one in shown.xpath("//dl[contains(@class, 'unit-facts')]//dt")] == SHOWN
    words = words_of(clerk.get(f"/directory/?unit={far.id}").text)
    assert all((getattr(far, name) or "—") in words for name in CONTACT)
    one = rest(nobody).get(f"{API}{far.id}").json["result"]
    assert {name: one[name] for name in CONTACT} == {name: getattr(far, name) for name in CONTACT}
    assert names(rest(nobody).get("/api/v1/unit/directory?q=漕河泾")) == [far.name]


def test_of_a_unit_its_contact_is_shown_and_nothing_else(
    login, rest, nobody, make_archive, country
):  # AID-R228
    far = country.read(Unit, country.unit("caohejing").id)
    worker = make_archive("caohejing")
    found = rest(nobody).get(f"{API}?q=漕河泾").json
    assert set(found["result"][0]) == {"id", "name", "unit_no", "parent", *CONTACT}
    told = json.dumps(found, ensure_ascii=False) + login(nobody).get(f"/directory/?unit={far.id}").text
    assert far.leader_name not in told
    assert worker.full_name not in told
    assert country.actor("caohejing").name not in told
    for method in ("POST", "PUT", "DELETE"):
        assert rest(nobody).open(f"{API}{far.id}", method=method, json={"name": "x"}).status_code == 405
    assert rest(nobody).get(f"/api/v1/unit/{far.id}").status_code == 403  # the door is this one alone


@pytest.mark.parametrize(
    ("asked", "first"),
    [
        ("q=徐汇", "徐汇区总工会"),
        ("q=xuhuiqu", "徐汇区总工会"),
        ("q=xhqzgh", "徐汇区总工会"),
        ("q=北京市总工会", "北京市总工会"),
        ("place=徐汇区", "徐汇区总工会"),
        ("place=上海", "上海市总工会"),
        ("q=总工会&place=海淀", "海淀区总工会"),
    ],
)
def test_it_is_found_by_name_pinyin_initials_and_place(rest, nobody, asked, first):
    assert names(rest(nobody).get(f"{API}?{asked}"))[0] == first


def test_a_place_holds_what_is_inside_it(rest, nobody, country):
    with country.acting() as session:  # where its address does not say so, its 行政区划 does
        session.get_one(Unit, country.unit("caohejing").id).address = "滨江路1号"
        session.commit()
    inside = names(rest(nobody).get(f"{API}?place=上海市&page_size=200"))
    assert inside == ["上海市总工会", "徐汇区总工会", "漕河泾街道总工会"]
    number = country.read(Unit, country.unit("xuhui").id).unit_no
    assert names(rest(nobody).get(f"{API}?q={number}")) == ["徐汇区总工会"]


def test_pages_and_the_tree_are_read_by_pieces(login, rest, nobody, country, statements):
    parent = country.unit("sh")
    with country.acting() as session:
        first = (session.scalar(select(func.max(Unit.id))) or 0) + 1
        rows = [
            {
                "id": first + n,
                "name": f"测试{n:03d}工会",
                "search_key": search_key(f"测试{n:03d}工会"),
                "parent_id": parent.id,
                "path": parent.path + tree.segment(first + n),
                "unit_no": 900_000 + n,
                "sort_order": 1000 + n,
                "level": "county",
                "version": 1,
                "updated_by_name": "",
            }
            for n in range(120)
        ]
        moments = dict.fromkeys(("created_at", "updated_at"), country.actor("sh").at)
        session.execute(insert(Unit), [row | moments for row in rows])
        session.commit()
    client, clerk = rest(nobody), login(nobody)
    seen, page = [], client.get(f"{API}?q=ceshi&page_size=50")
    assert page.json["count"] == 120
    for number in range(3):
        seen += names(client.get(f"{API}?q=ceshi&page_size=50&page={number}"))
    assert seen == [row["name"] for row in rows]
    branch = client.get(f"{API}tree?parent={parent.id}").json
    assert (len(branch["result"]), branch["more"]) == (50, True)
    lines = clerk.get(f"/directory/branch?parent={parent.id}&after=50").text
    assert lines.count("unit-node") == 50
    assert "after=100" in lines
    whole = clerk.get(f"/directory/?unit={first + 110}").text  # the way to it is open, wherever it stands
    assert lxml.html.fromstring(whole).xpath("//*[@id='unit-tree']//a[@aria-current]/text()") == [
        "测试110工会"
    ]
    for url in ("/directory/?name=测试&page=2", f"/directory/?unit={first}", "/directory/"):
        clerk.get(url)
        with statements() as sent:
            assert clerk.get(url).status_code == 200
        assert len(sent) <= 6, "\n".join(sent)


def test_what_there_is_not_and_nonsense(login, rest, nobody, anonymous):
    clerk, client = login(nobody), rest(nobody)
    for url in (
        "unit=999999",
        "unit=99999999999999999999",
        "name=没有这个单位",
        "name=%25_",
        "page=99999999999",
    ):
        assert clerk.get(f"/directory/?{url}").status_code in {200, 404}, url
    assert "没有找到符合条件的单位" in clerk.get("/directory/?name=没有这个单位").text
    assert clerk.get("/directory/?name=%00").status_code == 400
    for url in (
        "?q=%00",
        "?place=%ED%A0%80",
        "?page=-1&page_size=1000000",
        "tree?parent=-3&after=x",
        "2147483648",
    ):
        assert client.get(f"{API}{url}").status_code in {200, 400, 404}, url
    assert anonymous.get("/directory/").status_code == anonymous.get(API).status_code == 401
