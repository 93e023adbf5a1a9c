"""How a list is read: pages by key and by number, the cap of a count, orders that no index keeps."""

from __future__ import annotations

import re

import lxml.html
import pytest
from sqlalchemy import select

from app.kit import listing
from app.kit.listing import Order
from app.models.archive import Archive
from tests.world import words_of


def _shown(page: str) -> list[str]:
    return re.findall(r'data-href="/archive/show/(\d+)"', page)


@pytest.mark.parametrize("name", ["id", *Archive.ordered, "gender", "home_address"])
@pytest.mark.parametrize("descending", [True, False])
def test_pages_by_key_are_the_pages_by_number(country, make_archive, name, descending):
    for number in range(7):
        make_archive("xinfeng", gender="male" if number % 2 else "female")
    with country.acting("dewai_clerk") as session:
        statement, order = select(Archive), Order(name, descending)
        whole = [row.id for row in listing.page(session, statement, Archive, order, 200).rows]
        found, key = [], ""
        for number in range(-(-len(whole) // 3)):
            piece = listing.page(session, statement, Archive, order, 3, key)
            jumped = listing.page(session, statement, Archive, order, 3, number=number)
            assert [row.id for row in piece.rows] == [row.id for row in jumped.rows]
            found += [row.id for row in piece.rows]
            key = piece.next_key
        assert found == whole
        assert not key
        back = listing.page(session, statement, Archive, order, 3, "last")
        assert [row.id for row in back.rows] == whole[-3:]


def test_a_page_is_one_statement_that_finds_the_ids_first(country, make_archive, statements):
    """So that an index that holds what is asked is read alone, however many rows it passes over."""
    make_archive("dewai")
    with country.acting("dewai_clerk") as session, statements() as sent:
        listing.page(session, select(Archive), Archive, Order(), 20)
    assert len(sent) == 1
    inner = sent[0].rpartition("(SELECT archive.id")[2]
    assert "holder_depth <=" in inner, "the scope holds where the ids are found"
    assert "LIMIT" in inner


def test_too_many_rows_are_sorted_by_an_index_or_not_at_all(login, rest, make_archive, monkeypatch):
    files = [make_archive("dewai", gender=gender) for gender in ("male", "female", "male", "female")]
    clerk, program = login("dewai_clerk"), rest("dewai_clerk")
    by_gender = clerk.get("/archive/list/?order=gender:asc").text
    assert "请先缩小范围" not in by_gender
    monkeypatch.setattr(listing, "MOST_SORTED", 3)
    page = clerk.get("/archive/list/?order=gender:asc").text
    assert "超过3条，不能按「性别」排序，请先缩小范围" in words_of(page)
    assert _shown(page)[: len(files)] == [str(file.id) for file in reversed(files)]
    answer = program.get("/api/v1/archive/?q=(order_column:gender,order_direction:asc)")
    assert (answer.status_code, "请先缩小范围" in answer.json["message"]) == (400, True)
    for name in Archive.ordered:
        assert "请先缩小范围" not in clerk.get(f"/archive/list/?order={name}:asc").text
    narrow = clerk.get(f"/archive/list/?order=gender:asc&archive_no={files[0].archive_no}").text
    assert _shown(narrow) == [str(files[0].id)]


def test_a_jump_stays_within_the_counted_rows(login, make_archive):
    """OFFSET walks: nobody is sent ten million rows deep."""
    make_archive("dewai")
    for page in ("10001", "999999999", "0", "-1", "x"):
        assert login("dewai_clerk").get(f"/archive/list/?size=200&page={page}").status_code == 200


def test_the_number_of_a_dear_question_comes_with_the_counts_of_the_tabs(login, make_archive, statements):
    """A frequent name is shown at once: its hits are counted after the first paint."""
    for _each in range(3):
        make_archive("dewai", full_name="龗麤靐")
    clerk, asked = login("dewai_clerk"), "full_name=龗麤&size=2"
    with statements() as sent:
        page = clerk.get(f"/archive/list/?{asked}").text
    assert "正在计数" in words_of(page)
    assert "count=exact" in page, "the way without a script"
    assert not [statement for statement in sent if "count(*)" in statement and "FROM archive" in statement]
    later = clerk.get(f"/archive/counts?{asked}").text
    assert 'id="kit-count" hx-swap-oob="true"' in later
    assert "共3条 共2页" in words_of(later)
    assert "共3条" in words_of(clerk.get(f"/archive/list/?{asked}&count=exact").text)
    few = clerk.get("/archive/list/?full_name=龗麤").text
    assert "共3条 共1页" in words_of(few), "all rows are at hand: nothing need be counted"
    plain = clerk.get("/archive/list/?size=2").text
    assert "正在计数" not in words_of(plain)
    assert "hx-swap-oob" not in clerk.get("/archive/counts?size=2").text


def test_the_tabs_bring_their_counts_along_unless_conditions_make_them_dear(login, make_archive, statements):
    """AID L4: they are those that `/counts` tells, by one statement; what is asked by conditions is counted later."""
    for _each in range(3):
        make_archive("dewai")
    make_archive("dewai", back_at="dewai")
    make_archive("dewai", at="xicheng")
    clerk = login("dewai_clerk")
    for asked in ("size=2", "size=2&state=pending", "size=2&page=2", "size=200", "size=200&state=returned"):
        with statements() as sent:
            page = clerk.get(f"/archive/list/?{asked}").text
        counting = [
            statement for statement in sent if "FROM archive" in statement and "count(*)" in statement
        ]
        assert _counts(page) == _counts(clerk.get(f"/archive/counts?{asked}").text), asked
        assert all(_counts(page).values()), "each state is at hand in this test"
        assert "/archive/counts" not in page
        assert len(counting) <= 1
    late = clerk.get("/archive/list/?size=2&gender=male").text
    assert "/archive/counts" in late
    assert not any(_counts(late).values())


def test_what_may_take_a_look_at_every_record_is_counted_after_the_rows(login, make_archive, monkeypatch):
    """Beyond the cap 已上报 is no difference of known numbers any more: its tab waits, the others do not."""
    make_archive("dewai", at="xicheng")
    make_archive("dewai", back_at="dewai")
    clerk = login("dewai_clerk")
    whole = _counts(clerk.get("/archive/counts?size=2").text)
    monkeypatch.setattr(listing, "COUNT_CAP", 3)
    page = clerk.get("/archive/list/?size=2").text
    early, later = _counts(page), _counts(clerk.get("/archive/counts?size=2").text)
    assert "/archive/counts" in page
    assert not early["tab-reported"]
    assert early | {"tab-reported": later["tab-reported"]} == later
    assert later["tab-reported"] in {whole["tab-reported"], "3+"}
    assert clerk.get("/archive/list/?size=1&state=reported").status_code == 200


def _counts(page: str) -> dict[str, str]:
    """Tab → its count; empty where it is still to come."""
    tabs = lxml.html.fromstring(f"<div>{page}</div>").xpath("//a[starts-with(@id, 'tab-')]")
    return {tab.get("id"): "".join(tab.xpath(".//*[@class='kit-count']/text()")) for tab in tabs}
