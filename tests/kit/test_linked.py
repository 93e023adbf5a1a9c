"""Records that hang on an archive: tabs of its page, and on the page of each all that hang beside it."""

from __future__ import annotations

import lxml.html
import pytest
from sqlalchemy import select

from app.kit import linked
from app.models.aid import Aid
from app.models.archive import Archive
from app.views.aid import AidView
from app.views.job_seeker import JobSeekerView
from app.views.legal_aid import LegalAidView
from tests.world import words_of


def aid_of(archive, day="2026-03-02", amount="300", **more):
    """An aid as typed."""
    return {
        "archive_id": archive.id,
        "aid_category": "own_serious_illness",
        "aid_date": day,
        "aid_form": "home_visit",
        "measures": [{"measure": "living", "amount": amount}],
    } | more


@pytest.fixture
def give(country):
    """``give(archive, "dewai", day=…)`` → a stored aid of that unit."""
    return lambda archive, unit="dewai", **more: country.make(Aid, aid_of(archive, **more), unit)


def table(page):
    """The cells of the linked table, row by row."""
    document = lxml.html.fromstring(page)
    return [
        [" ".join(cell.text_content().split()) for cell in row.xpath("td")]
        for row in document.xpath("//*[@id='linked']//tbody/tr")
    ]


def buttons(page):
    """Label → address, empty for one that is greyed."""
    document = lxml.html.fromstring(page)
    return {
        " ".join(one.text_content().split()): one.get("href") or one.get("formaction") or ""
        for one in document.xpath(
            "//*[@id='linked']//*[contains(@class, 'kit-actions')]//*[self::a or self::button]"
        )
    }


# --- the tab ----------------------------------------------------------------------------------------------------------


def test_the_tab_shows_newest_first_with_the_columns_of_the_list(login, give, make_archive):  # AID-R067
    archive = make_archive()
    give(archive, day="2026-01-05", amount="100")
    give(archive, day="2026-05-05", amount="300")
    give(archive, day="2026-03-05", amount="200")
    page = login("dewai_clerk").get(f"/archive/show/{archive.id}?tab=aid").text
    rows = table(page)
    assert [row[4] for row in rows] == ["2026-05-05", "2026-03-05", "2026-01-05"]
    heads = lxml.html.fromstring(page).xpath("//*[@id='linked']//th/text()")
    assert [head.strip() for head in heads][:5] == [
        "职工编号",
        "职工姓名",
        "帮扶单位",
        "帮扶类别",
        "帮扶日期",
    ]


def test_an_empty_tab_says_so_and_offers_to_add(login, make_archive):
    archive = make_archive()
    page = login("dewai_clerk").get(f"/archive/show/{archive.id}?tab=aid").text
    assert "没有帮扶信息" in words_of(page)
    assert buttons(page) == {"增加新的帮扶救助信息": f"/aid/add?archive_id={archive.id}"}
    assert login("dewai_clerk").get(f"/aid/add?archive_id={archive.id}").status_code == 200


def test_a_long_tab_shows_the_first_page_and_leads_to_all(login, give, make_archive):
    archive, other = make_archive(), make_archive()
    for day in range(1, 25):
        give(archive, day=f"2026-03-{day:02}")
    give(other)
    clerk = login("dewai_clerk")
    page = clerk.get(f"/archive/show/{archive.id}?tab=aid").text
    assert len(table(page)) == linked.FIRST
    whole = clerk.get(buttons(page)["查看全部"]).text
    assert archive.title in words_of(whole)  # which records these are is said above the list
    assert "共24条" in words_of(whole)
    assert f'name="archive_id" value="{archive.id}"' in whole  # further conditions stay within them
    assert (
        clerk.get(f"/aid/list/?archive_id={archive.id}&aid_category=disability").text.count("data-tick") < 24
    )


def test_the_numbers_come_after_the_first_paint(login, give, make_archive, statements):
    archive = make_archive()
    give(archive)
    give(archive, day="2026-04-02")
    clerk = login("dewai_clerk")
    document = lxml.html.fromstring(clerk.get(f"/archive/show/{archive.id}").text)
    assert not document.xpath("//*[@id='tab-aid']//*[@class='kit-count']")
    [url] = document.xpath("//*[@class='kit-tabs-host']/@hx-get")
    with statements() as sent:
        tabs = lxml.html.fromstring(clerk.get(url).text)
    assert tabs.xpath("//*[@id='tab-aid']//*[@class='kit-count']/text()") == ["2"]
    assert len(sent) <= 6, sent
    order = [str(one) for one in document.xpath("//*[@class='kit-tabs-host']//a/@id")]
    assert order == ["tab-all", "tab-aid", "tab-legal_aid", "tab-job_seeker", "tab-history"]  # aid.md 3.1


def test_without_the_right_there_is_no_tab(country, login, give, make_archive):  # AID-R002
    archive = make_archive()
    give(archive, amount="777")
    country.give("dewai_reader", "困难职工档案")
    page = login("dewai_reader").get(f"/archive/show/{archive.id}?tab=aid").text
    assert "帮扶信息" not in words_of(
        lxml.html.tostring(lxml.html.fromstring(page).xpath("//main")[0], encoding="unicode")
    )
    assert "777" not in page


def test_the_tab_has_the_scope_of_the_aids_not_of_the_archive(country, login, give, make_archive):  # AID-R014
    archive = make_archive(at="bj")
    own, up = give(archive, amount="111"), give(archive, day="2026-03-03", amount="222")
    country.bring(up, at="xicheng")
    page = login("xicheng_clerk").get(f"/archive/show/{archive.id}?tab=aid").text
    assert [row[6] for row in table(page)] == ["222.00"]
    assert [
        row[6] for row in table(login("dewai_clerk").get(f"/archive/show/{archive.id}?tab=aid").text)
    ] == [
        "222.00",
        "111.00",
    ]
    assert own.id


def test_rest_finds_them_by_the_archive(rest, give, make_archive):
    archive, other = make_archive(), make_archive()
    wanted = {give(archive).id, give(archive, day="2026-04-01").id}
    give(other)
    answer = rest("dewai_clerk").get(
        f"/api/v1/aid/?q=(filters:!((col:archive_id,opr:eq,value:{archive.id})))"
    )
    assert set(answer.json["ids"]) == wanted
    assert answer.json["count"] == 2


def test_who_is_linked_to_is_not_deleted(country, login, give, make_archive):  # AID-R061
    archive = make_archive()
    give(archive)
    clerk = login("dewai_clerk")
    clerk.post(f"/archive/delete/{archive.id}")
    assert country.again(archive) is not None
    assert "已有帮扶、人才或法律援助信息" in clerk.get(f"/archive/show/{archive.id}").text


def test_hostile_tabs_are_the_record_itself(login, make_archive):
    clerk, archive = login("dewai_clerk"), make_archive()
    for tab in ("nothing", "account", "'; --", "since"):
        page = clerk.get(f"/archive/show/{archive.id}", query_string={"tab": tab})
        assert page.status_code == 200
        assert archive.home_address in page.text
        assert clerk.get(f"/archive/tabs/{archive.id}", query_string={"tab": tab}).status_code == 200
    for raw in ("x", "0", "-1", "99999999999999999999", "1 or 1"):
        answer = clerk.get("/aid/list/", query_string={"archive_id": raw})
        assert answer.status_code == 200
        assert not lxml.html.fromstring(answer.text).xpath("//table//tbody/tr")


# --- beside one another -----------------------------------------------------------------------------------------------


def test_an_aid_shows_all_of_the_same_worker(login, give, make_archive):  # AID-R136
    archive, other = make_archive(), make_archive()
    first, second, third = (give(archive, day=f"2026-0{month}-01") for month in (1, 2, 3))
    give(other, amount="999")
    clerk = login("dewai_clerk")
    page = clerk.get(f"/aid/show/{second.id}").text
    assert [row[4] for row in table(page)] == ["2026-03-01", "2026-02-01", "2026-01-01"]
    here = lxml.html.fromstring(page).xpath("//*[@id='linked']//tr[@aria-current]//a/@href")
    assert here[0] == f"/aid/show/{second.id}"
    found = buttons(page)
    assert (found["上一条"], found["下一条"]) == (f"/aid/show/{third.id}", f"/aid/show/{first.id}")
    assert buttons(clerk.get(f"/aid/show/{third.id}").text)["上一条"] == ""
    assert buttons(clerk.get(f"/aid/show/{first.id}").text)["下一条"] == ""


def test_the_list_of_one_worker_is_printed(login, give, make_archive):  # AID-R136
    archive, other = make_archive(), make_archive()
    one = give(archive, amount="310")
    give(archive, day="2026-04-01", amount="320")
    give(other, amount="990")
    clerk = login("dewai_clerk")
    paper = clerk.get(buttons(clerk.get(f"/aid/show/{one.id}").text)["打印信息列表"])
    assert paper.status_code == 200
    words = words_of(paper.text)
    assert [words.count(one) for one in ("310.00", "320.00", "990.00")] == [1, 1, 0]
    assert archive.full_name in words


def test_the_file_is_seen_and_printed_where_it_is_seen(country, login, give, make_archive):  # AID-R136
    archive = make_archive()
    mine = give(archive)
    theirs = country.make(
        Aid, {**aid_of(archive), "archive_id": None, "id_card_no": archive.id_card_no}, "xinjiekou"
    )
    found = buttons(login("dewai_clerk").get(f"/aid/show/{mine.id}").text)
    assert found["打印职工档案"] == f"/archive/print/{archive.id}"
    assert "打印职工档案" not in buttons(login("xinjiekou_clerk").get(f"/aid/show/{theirs.id}").text)
    country.give("dewai_reader", "帮扶救助")
    assert "打印职工档案" not in buttons(login("dewai_reader").get(f"/aid/show/{mine.id}").text)


def test_other_units_aids_of_the_same_worker_stay_unseen(country, login, give, make_archive):  # AID-R014
    archive = make_archive()
    mine = give(archive)
    country.make(
        Aid,
        {**aid_of(archive, amount="888"), "archive_id": None, "id_card_no": archive.id_card_no},
        "xinjiekou",
    )
    assert len(table(login("dewai_clerk").get(f"/aid/show/{mine.id}").text)) == 1


def test_a_long_row_of_aids_stands_around_the_one_that_is_open(login, give, make_archive):
    archive = make_archive()
    made = [give(archive, day=f"2026-03-{day:02}") for day in range(1, 31)]
    page = login("dewai_clerk").get(f"/aid/show/{made[4].id}").text
    days = [row[4] for row in table(page)]
    assert len(days) == linked.FIRST
    assert "2026-03-05" in days
    assert "第26条，共30条" in words_of(page)


def test_the_declaration_alone_makes_the_tab(app, country):
    """No list of modules stands in the archive: the linking record type says it (aid.md 3.1)."""
    with country.acting("dewai_clerk"):
        links = linked.links_to(app.extensions["views"]["archive"], country.actor("dewai_clerk"))
        assert [(type(link.view), link.name, link.target) for link in links] == [
            (AidView, "archive_id", "archive"),
            (LegalAidView, "archive_id", "archive"),
            (JobSeekerView, "archive_id", "archive"),
        ]
        assert not linked.links_to(app.extensions["views"]["aid"], country.actor("dewai_clerk"))


def test_a_merged_file_hands_its_aids_to_the_survivor(country, login, give, make_archive):  # AID-R093
    keeps, goes = make_archive(), make_archive()
    given = give(goes)
    country.step(keeps, "merge", "dewai", source_ids=[goes.id])
    clerk = login("dewai_clerk")
    assert len(table(clerk.get(f"/archive/show/{keeps.id}?tab=aid").text)) == 1
    page = clerk.get(f"/archive/show/{goes.id}?tab=aid").text
    assert not table(page)
    assert buttons(page)["增加新的帮扶救助信息"] == ""  # greyed: the survivor is aided
    assert country.again(given).archive_id == keeps.id
    with country.acting() as session:
        assert session.scalar(select(Archive.merged_into_id).where(Archive.id == goes.id)) == keeps.id
