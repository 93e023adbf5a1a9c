"""Display options in the kit: which list follows which, what is offered to whom, and what an order without index tells."""

from __future__ import annotations

from dataclasses import replace

import lxml.html
import pytest

from app.kit import listing, preferences
from app.kit.listing import Order
from app.kit.preferences import ListPreference, Options
from app.kit.question import Question
from tests.world import words_of

KEY = "archive:hardship"
LIST = "/archive/list/?shelf=hardship"


@pytest.fixture
def view(app):
    """The view of the archives."""
    return app.extensions["views"]["archive"]


def wish(country, login="dewai_clerk", **typed):
    """Stored display options."""
    return country.make(ListPreference, {"list_key": KEY} | typed, country.actor(login))


def shelf(view, name):
    return next(one for one in view.shelves if one.name == name)


def asked(view, country, args, **options):
    return Question(view, country.actor("dewai_clerk"), args, **options)


def test_a_list_that_follows_another_shows_what_that_shows(view, country):
    wish(country, columns=["phone", "full_name"])
    own, other = asked(view, country, {"shelf": "hardship"}), asked(view, country, {"shelf": "migrant"})
    assert own.columns == ("phone", "full_name")
    assert other.columns == view.columns
    followers = [one for one in view.shelves if one.follows == "hardship"]
    assert followers
    for one in followers:
        assert asked(view, country, {"shelf": one.name}).columns == ("phone", "full_name")
    assert all(shelf(view, one.follows) for one in view.shelves if one.follows)


def test_a_list_that_follows_has_no_options_of_its_own(login, rest, view):
    follower = next(one for one in view.shelves if one.follows == "hardship")
    typed = {"list_key": f"archive:{follower.name}", "columns": ["full_name"]}
    answer = rest("dewai_clerk").post("/api/v1/list_preference/", json=typed)
    assert (answer.status_code, list(answer.json["errors"])) == (422, ["list_key"])
    page = lxml.html.fromstring(
        login("dewai_clerk").get(f"/list_preference/options?list=archive:{follower.name}").text
    )
    assert page.xpath("//input[@name='list_key']/@value") == [KEY]


def test_size_and_order_of_the_address_win(view, country):
    wish(country, columns=["full_name", "phone"], sort_column="phone", sort_direction="desc", page_size="30")
    chosen = asked(view, country, {"shelf": "hardship"})
    assert (chosen.size, chosen.order) == (30, Order("phone", True))
    explicit = asked(view, country, {"shelf": "hardship", "size": "7", "order": "full_name:asc"})
    assert (explicit.size, explicit.order) == (7, Order("full_name", False))
    hidden = asked(view, country, {"shelf": "hardship", "order": "gender:asc"})  # AID-R116: it is not shown
    assert hidden.order == Order("phone", True)


def test_an_order_by_a_column_that_is_not_shown_any_more_is_passed_over(view, country):  # AID-R116
    options = Options(("full_name",), Order("phone", False))
    assert asked(view, country, {"shelf": "hardship"}, options=options).order == view.order


def test_a_column_that_names_records_of_a_closed_type_is_not_offered(view, country, monkeypatch):
    who = country.actor("dewai_clerk")
    monkeypatch.setattr(view.model.fields()["owner_unit_id"], "target", "account")
    assert not who.may("read", "account")
    assert "owner_unit_id" not in view.offered(who)
    assert "owner_unit_id" in view.offered(replace(who, everywhere=True))
    options = Options(("owner_unit_id", "full_name"))
    assert asked(view, country, {"shelf": "hardship"}, options=options).columns == ("full_name",)


def test_a_chosen_order_that_no_index_keeps_is_told_on_the_list_and_in_the_preview(
    login, country, make_archive, monkeypatch
):
    for _number in range(3):
        make_archive("dewai")
    wish(country, columns=["full_name", "phone"], sort_column="phone")
    clerk = login("dewai_clerk")
    told = "超过2条，不能按「联系电话」排序"
    preview = f"/list_preference/preview?list={KEY}&columns=phone&sort_column=phone&sort_direction=asc"
    assert told not in words_of(clerk.get(LIST).text)
    monkeypatch.setattr(listing, "MOST_SORTED", 2)
    for url in (LIST, preview):
        assert told in words_of(clerk.get(url).text), url
    page = lxml.html.fromstring(clerk.get(f"/list_preference/options?list={KEY}").text)
    labels = {
        one.get("value"): one.text_content() for one in page.xpath("//select[@name='sort_column']/option")
    }
    assert labels == {"": "默认顺序", "full_name": "姓名", "phone": "联系电话 *"}  # the star says so before


def test_every_list_leads_to_its_options_and_back(login):
    clerk = login("dewai")
    for url, key in (
        (LIST, KEY),
        ("/reminder/list/?shelf=all", "reminder:all"),
        ("/account/list/", "account"),
    ):
        page = lxml.html.fromstring(clerk.get(url).text)
        link = page.xpath("//a[contains(., '显示选项') and contains(@class, 'btn')]/@href")[0]
        answer = clerk.get(link, headers={"Referer": f"http://localhost{url}"})
        page = lxml.html.fromstring(answer.text)
        assert page.xpath("//input[@name='list_key']/@value") == [key]
        assert page.xpath("//input[@name='next']/@value") == [url]
    far = clerk.get(
        f"/list_preference/options?list={KEY}", headers={"Referer": "http://elsewhere/archive/list/"}
    )
    assert lxml.html.fromstring(far.text).xpath("//input[@name='next']/@value") == [LIST]


def test_what_is_packed_is_what_was_stored(country):
    wish(country, columns=["full_name"], page_size="9")
    wish(country, list_key="archive:migrant", sort_column="gender", sort_direction="desc")
    wish(country, "dewai", columns=["phone"])
    mine, admin = country.actor("dewai_clerk"), country.actor("dewai")
    assert preferences.of(mine, KEY) == Options(("full_name",), None, 9)
    assert preferences.of(mine, "archive:migrant") == Options((), Order("gender", True), None)
    assert preferences.of(admin, KEY) == Options(("phone",), None, None)
    assert preferences.of(country.actor("root"), KEY) == Options()
