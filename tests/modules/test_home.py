"""首页: what is published for the person, what waits for him, how the archives stand (§1, AID-R012, Q24)."""

from __future__ import annotations

from datetime import timedelta

import lxml.html

from app.kit.clock import today
from app.models.briefing import Briefing
from app.models.notice import Notice
from tests.cases.records import MOST_BYTES, MOST_STATEMENTS
from tests.world import words_of

TEXT = {"body": "<p>正文</p>"}


def board(page, label):
    """The lines of a board: title, whose, day."""
    document = lxml.html.fromstring(page)
    [found] = document.xpath(f"//section[contains(@class, 'kit-board')][.//h2/span[text()='{label}']]")
    return [
        (line.find("a").text, *(one.text_content() for one in line.find_class("kit-hint")))
        for line in found.xpath(".//li")
    ], found.xpath(".//h2/a/@href")[0]


def test_the_newest_come_first_with_whose_they_are_and_a_way_to_the_rest(login, country):
    for number, unit in enumerate(("sh", "root", "bj", "sh", "bj", "root", "sh", "bj")):
        day = f"{today() - timedelta(days=20 - number)}"
        typed = TEXT | {"title": f"简报{number}", "published_on": day}
        country.make(Briefing, typed, country.actor(unit))
    country.make(Notice, TEXT | {"title": "通知一"}, country.actor("root"))
    clerk = login("caohejing_clerk")
    page = clerk.get("/").text
    lines, more = board(page, "工作简报")
    assert [title for title, *_rest in lines] == [f"简报{n}" for n in (7, 6, 5, 4, 3, 2)]
    assert lines[0][1:] == ("北京市", f"{today() - timedelta(days=13):%m-%d}")
    assert "简报0" in clerk.get(more).text
    assert board(page, "通知")[0][0][:2] == ("通知一", "全总")


def test_what_it_costs(login, country, statements):
    """The figures come after the first paint."""
    country.make(Notice, TEXT | {"title": "通知一"}, country.actor("root"))
    clerk = login("xicheng_clerk")
    clerk.get("/")
    with statements() as sent:
        answer = clerk.get("/")
    assert len(sent) <= MOST_STATEMENTS, "\n".join(sent)
    assert len(answer.data) <= MOST_BYTES
    assert all(".body" not in line for line in sent)


def test_who_has_no_right_reads_and_is_told_whom_to_ask(login, country):  # AID Q40
    country.give("dewai_reader")
    country.make(Notice, TEXT | {"title": "通知一"}, country.actor("bj"))
    words = words_of(login("dewai_reader").get("/").text)
    assert "通知一" in words
    assert "本单位及下级上报的档案" not in words
