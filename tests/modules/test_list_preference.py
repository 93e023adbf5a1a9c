"""自定义显示选项: the promises of every record type, and what a person may ask of a list (AID-R113 – R117)."""

from __future__ import annotations

import re

import lxml.html
import pytest
from flask import current_app
from sqlalchemy import select

from app.kit import preferences
from app.kit.preferences import ListPreference
from app.views.list_preference import ListPreferenceView
from tests.cases.records import RecordViewCases
from tests.world import words_of

KEY = "archive:hardship"
LIST = "/archive/list/?shelf=hardship"
PAGE = f"/list_preference/options?list={KEY}"


class TestListPreference(RecordViewCases):
    view = ListPreferenceView
    edit = {"columns": ["full_name", "phone"], "page_size": 7}

    def form(self, people):
        return {
            "list_key": KEY,
            "columns": ["full_name", "gender", "household_size"],
            "sort_column": "full_name",
            "sort_direction": "desc",
            "page_size": "50",
        }

    def another(self, number):
        return {"list_key": (KEY, "archive:migrant", "archive:temporary")[number]}


def choose(clerk, **options):
    """Save display options as the page does."""
    return clerk.post("/list_preference/options", {"list_key": KEY} | options)


def heads(clerk, url=LIST):
    """The labels of a list's columns."""
    page = lxml.html.fromstring(clerk.get(url).text)
    found = page.xpath("//table//th[not(contains(@class, 'kit-tick')) and not(contains(@class, 'kit-ends'))]")
    return [" ".join(one.text_content().split()) for one in found]


BUILT_IN = ["职工编号", "姓名", "性别", "出生日期", "家庭住址", "工作单位", "致困原因", "建档日期", "状态"]


def test_a_list_shows_what_was_chosen_and_nobody_else_sees_a_difference(login, make_archive):  # AID-R113
    make_archive("dewai")
    mine, admin = login("dewai_clerk"), login("dewai")
    answer = choose(mine, columns=["full_name", "phone", "report_state", "household_annual_income"])
    assert answer.status_code == 302
    assert heads(mine) == ["姓名", "联系电话", "状态", "家庭年度总收入"]
    assert heads(admin) == BUILT_IN
    assert heads(mine, "/archive/list/?shelf=migrant") == BUILT_IN  # each list its own (REC-11)


def test_without_saved_options_the_built_in_columns_are_shown_and_clearing_brings_them_back(
    login, country, make_archive
):  # AID-R114
    make_archive("dewai")
    clerk = login("dewai_clerk")
    assert heads(clerk) == BUILT_IN
    choose(clerk, columns=["full_name"], page_size="3")
    assert heads(clerk) == ["姓名"]
    assert "恢复默认" in clerk.get(PAGE).text
    assert clerk.post(f"/list_preference/clear?list={KEY}").status_code == 302
    assert heads(clerk) == BUILT_IN
    assert country.all(ListPreference) == []
    assert "恢复默认" not in clerk.get(PAGE).text
    assert choose(clerk).status_code == 302  # nothing ticked is the same as nothing chosen
    assert heads(clerk) == BUILT_IN


def test_the_preview_shows_real_rows_before_anything_is_saved(login, country, make_archive):  # AID-R115
    file = make_archive("dewai", full_name="甄预览")
    clerk = login("dewai_clerk")
    answer = clerk.get(f"/list_preference/preview?list={KEY}&columns=full_name&columns=id_card_no")
    words = words_of(answer.text)
    assert heads(clerk, f"/list_preference/preview?list={KEY}&columns=full_name&columns=id_card_no") == [
        "姓名",
        "身份证号",
    ]
    assert "甄预览" in words
    assert file.id_card_no not in answer.text  # masked, as on every page
    assert f"{file.id_card_no[:6]}" in words
    assert country.all(ListPreference) == []
    assert heads(clerk) == BUILT_IN


@pytest.mark.parametrize(
    ("direction", "first"), [("asc", ["1901-01-01", "1902-02-02"]), ("desc", ["2001-01-01", "2000-12-12"])]
)
def test_rows_are_sorted_by_the_chosen_column(login, make_archive, direction, first):  # AID-R116
    for day in ("1902-02-02", "2000-12-12", "1901-01-01", "2001-01-01"):
        make_archive("dewai", birth_date=day)
    clerk = login("dewai_clerk")
    choose(clerk, columns=["birth_date", "full_name"], sort_column="birth_date", sort_direction=direction)
    page = lxml.html.fromstring(clerk.get(LIST).text)
    days = [one.text_content().strip() for one in page.xpath("//tbody/tr/td[2]")]
    assert days[:2] == first
    other = lxml.html.fromstring(
        clerk.get(f"{LIST}&order=full_name:asc").text
    )  # what the address asks for wins
    assert other.xpath("//th[@aria-sort='ascending']")[0].text_content().split() == ["姓名"]


def test_the_sort_column_is_one_of_those_shown(login, rest, make_archive):  # AID-R116
    clerk, client = login("dewai_clerk"), rest("dewai_clerk")
    answer = choose(clerk, columns=["full_name"], sort_column="birth_date")
    assert answer.status_code == 422
    assert "排序项目应是显示项目之一" in answer.text
    typed = {"list_key": KEY, "columns": ["full_name"], "sort_column": "birth_date"}
    answer = client.post("/api/v1/list_preference/", json=typed)
    assert (answer.status_code, list(answer.json["errors"])) == (422, ["sort_column"])
    typed |= {"columns": [], "sort_column": "birth_date"}  # of the built-in ones
    assert client.post("/api/v1/list_preference/", json=typed).status_code == 201


@pytest.mark.parametrize(("size", "good"), [("1", True), ("200", True), ("201", False), ("0", False)])
def test_a_page_holds_1_to_200_rows(login, rest, country, size, good):  # AID-R117
    clerk, client = login("dewai_clerk"), rest("dewai_clerk")
    answer = choose(clerk, columns=["full_name", "phone"], page_size=size)
    assert answer.status_code == (302 if good else 422)
    if not good:
        assert f"每页记录数应为1至200，现为{size}" in answer.text
        page = lxml.html.fromstring(answer.text)  # and nothing that was chosen is lost
        assert page.xpath("//ol/li//input[@name='columns']/@value") == ["full_name", "phone"]
        assert page.xpath("//input[@name='page_size']/@value") == [size]
        answer = client.post("/api/v1/list_preference/", json={"list_key": KEY, "page_size": int(size)})
        assert answer.status_code == 422
        assert "1至200" in answer.json["message"]
    assert bool(country.all(ListPreference)) is good


def test_as_many_rows_stand_on_a_page_as_was_chosen(login, make_archive):  # AID-R117
    for _number in range(3):
        make_archive("dewai")
    clerk = login("dewai_clerk")
    choose(clerk, page_size="2")
    count = lambda url: len(lxml.html.fromstring(clerk.get(url).text).xpath("//tbody/tr"))  # noqa: E731
    assert count(LIST) == 2
    assert count(f"{LIST}&size=20") > 2  # the address wins
    assert "2条/页" in words_of(clerk.get(LIST).text)


def test_print_and_word_show_the_chosen_columns(login, make_archive):  # AID-R082, L12
    file = make_archive("dewai")
    clerk = login("dewai_clerk")
    choose(clerk, columns=["full_name", "id_card_no", "owner_unit_id"])
    for rows in ("page", "result"):
        shown = clerk.get(f"/archive/print?shelf=hardship&rows={rows}&fields=shown").text
        assert heads_of_paper(shown) == ["姓名", "身份证号", "所属单位"]
        assert file.id_card_no not in shown
        assert "德外街道总工会" in words_of(shown)
        every = clerk.get(f"/archive/print?shelf=hardship&rows={rows}&fields=all").text
        assert file.id_card_no in every
        assert "家庭年度总收入" in words_of(every)


@pytest.mark.parametrize("rows", ["page", "result"])
def test_no_print_asks_once_a_row(login, make_archive, statements, rows):  # L12
    clerk = login("dewai_clerk")
    choose(clerk, columns=["full_name", "owner_unit_id"])
    for owner in ("xinfeng", "dewai"):
        make_archive(owner, at="dewai")
    with statements() as sent:
        assert clerk.get(f"/archive/print?shelf=hardship&rows={rows}&fields=shown").status_code == 200
    assert not [one for one in sent if re.search(r"FROM unit\s+WHERE unit\.id = ", one)]


def heads_of_paper(html):
    return [one.text_content().strip() for one in lxml.html.fromstring(html).xpath("//table//th")]


def test_exactly_four_prints_are_offered(login, make_archive):  # AID-R082
    make_archive("dewai")
    page = lxml.html.fromstring(login("dewai_clerk").get(f"{LIST}&panel=all").text)
    prints = [a.text_content().strip() for a in page.xpath("//a[contains(@href, '/archive/print?')]")]
    assert prints == [
        "打印当前页已显示字段",
        "打印当前页全部字段",
        "打印全部查询结果已显示字段",
        "打印全部查询结果全部字段",
    ]


def test_every_field_but_the_family_may_be_chosen(country):  # spec 3.16
    with country.acting("dewai_clerk"):
        view = current_app.extensions["views"]["archive"]
        offered = view.offered(country.actor("dewai_clerk"))
        fields = set(view.model.fields())
    assert set(offered) >= (fields - {"merged_into_id"}) | {"report_state"}  # a merged file is in no list
    assert not {name for name in offered if name.startswith("family")} | {"merged_into_id"} & set(offered)


def test_every_column_of_every_list_can_be_shown_without_a_statement_a_row(
    login, country, make_archive, people, statements
):
    for _number in range(4):
        make_archive("dewai")
    make_archive("xinfeng", at="dewai")
    with country.acting("root"):
        who = country.actor("root")
        views = current_app.extensions["views"].values()
        lists = [
            (view.url("list"), shelf, view.list_key(shelf), view.offered(who))
            for view, shelf in places(views)
        ]
    clerk, wide = login("root"), 0
    for address, shelf, key, offered in lists:
        url = f"{address}?shelf={shelf.name}" if shelf else address
        if f"list={key}".replace(":", "%3A") not in clerk.get(url).text:
            continue  # a page of its own in place of a list, e.g. the tree of units
        saved = clerk.post("/list_preference/options", {"list_key": key, "columns": list(offered)})
        assert saved.status_code == 302, (key, words_of(saved.text))
        with statements() as sent:
            answer = clerk.get(url)
        assert answer.status_code == 200, url
        assert len(sent) <= 6, (url, sent)
        wide += 1
    assert wide >= 5


def places(views):
    """Every list of every module."""
    return [(view, shelf) for view in views for shelf in view.shelves or (None,)]


def test_a_column_that_the_list_no_longer_has_is_passed_over(login, country, make_archive):
    make_archive("dewai")
    clerk = login("dewai_clerk")
    choose(clerk, columns=["full_name", "phone"], sort_column="phone", sort_direction="asc")
    for stored, shown in (("shoe_size,full_name", ["姓名"]), ("shoe_size", BUILT_IN)):
        with country.acting() as session:
            wish = session.scalars(select(ListPreference)).one()
            wish.columns, wish.sort_column = stored, "shoe_size"
            session.commit()
        assert heads(clerk) == shown
    assert clerk.get(PAGE).status_code == 200


def test_a_list_that_is_closed_to_the_person_has_no_options(login, rest, country):
    country.give("dewai_reader")
    clerk, client = login("dewai_reader"), rest("dewai_reader")
    for url in (PAGE, f"/list_preference/preview?list={KEY}", "/list_preference/options?list=nothing"):
        assert clerk.get(url).status_code == 404
    assert choose(clerk, columns=["full_name"]).status_code == 404
    answer = client.post("/api/v1/list_preference/", json={"list_key": KEY})
    assert (answer.status_code, list(answer.json["errors"])) == (422, ["list_key"])
    assert "自定义显示选项" not in clerk.menu()


def test_one_list_has_one_record_and_it_is_ones_own(rest, country):  # AID-R113
    client, other = rest("dewai_clerk"), rest("dewai")
    made = client.post("/api/v1/list_preference/", json={"list_key": KEY, "columns": "full_name，gender"})
    assert made.json["result"]["columns"] == ["full_name", "gender"]
    again = client.post("/api/v1/list_preference/", json={"list_key": KEY})
    assert (again.status_code, list(again.json["errors"])) == (422, ["list_key"])
    assert other.post("/api/v1/list_preference/", json={"list_key": KEY}).status_code == 201
    assert other.get(f"/api/v1/list_preference/{made.json['id']}").status_code == 404
    assert client.put(f"/api/v1/list_preference/{made.json['id']}", json={"account_id": 1}).status_code == 422


@pytest.mark.parametrize(
    "wrong",
    [
        {"columns": ["id_card_no; drop"]},
        {"columns": ["家庭"]},
        {"columns": ["family_members"]},
        {"columns": [["full_name"]]},
        {"columns": ["a"] * 300},
        {"columns": {"a": 1}},
        {"columns": 7.5},
        {"sort_column": "full_name", "sort_direction": "sideways"},
        {"list_key": "archive:hardship\tx"},
        {"list_key": "archive:nothing"},
        {"page_size": 1.5},
    ],
)
def test_hostile_options_are_told_in_words(rest, login, country, wrong):
    answer = rest("dewai_clerk").post("/api/v1/list_preference/", json={"list_key": KEY} | wrong)
    assert answer.status_code == 422, wrong
    assert answer.json["message"]
    assert country.all(ListPreference) == []
    for key in ("\x00", "archive:", "archive:hardship:x", "é", "a" * 5000):
        assert (
            login("dewai_clerk").get("/list_preference/options", query_string={"list": key}).status_code
            == 404
        )


def test_the_rights_tell_what_was_chosen_without_a_statement_of_their_own(login, country, statements):
    clerk = login("dewai_clerk")
    clerk.get(LIST)
    with statements() as before:
        clerk.get(LIST)
    choose(clerk, columns=["full_name", "owner_unit_id"], sort_column="full_name", page_size="50")
    choose(clerk, list_key="archive:migrant", columns=["gender"])
    with statements() as after:
        clerk.get(LIST)
    assert len(after) <= len(before)
    actor = country.actor("dewai_clerk")
    found = preferences.of(actor, KEY)
    assert (found.columns, found.order.name, found.order.descending, found.size) == (
        ("full_name", "owner_unit_id"),
        "full_name",
        False,
        50,
    )
    assert preferences.of(actor, "archive:migrant").columns == ("gender",)
    assert preferences.of(actor, "archive:temporary") == preferences.Options()
