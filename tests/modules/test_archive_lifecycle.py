"""注销、恢复、转为临时救助、转正, and the file that stands in the way of a number: pages and REST."""

from __future__ import annotations

import io
import re

import lxml.html
import pytest

from app.kit import anywhere
from app.kit.workflow import StepLog
from app.models.archive import Archive
from tests.world import errors_of, words_of

STEPS = "/api/v1/archive/steps"
REASON = {"cancel_reason": "left_unit"}


@pytest.fixture
def cancelled(country, make_archive):
    """``cancelled("dewai", at="xicheng")`` → a file that its owner has put aside."""

    def make(owner="dewai", **how):
        return country.step(make_archive(owner, **how), "deactivate", f"{owner}_clerk", **REASON)

    return make


def rows(page):
    """职工编号 of the lines of a list."""
    document = lxml.html.fromstring(page)
    return {line.text_content().strip() for line in document.xpath("//tbody/tr/td[2]")}


def buttons(page):
    """The words of the buttons and icons of a page."""
    document = lxml.html.fromstring(page)
    found = document.xpath("//main//a | //main//button")
    return {(one.get("title") or one.text_content()).strip() for one in found}


def listed(clerk, shelf, file):
    return file.archive_no in rows(
        clerk.get(f"/archive/list/?shelf={shelf}&archive_no={file.archive_no}").text
    )


def link_of(page):
    """Where the dialog of a conflict leads, and what the link is called."""
    (link,) = lxml.html.fromstring(page).xpath("//dialog[contains(@class, 'kit-conflict')]//a")
    return link.get("href"), link.text_content().strip()


def looked_up(clerk, number, but=""):
    """What the form is told as soon as a number has been typed."""
    return clerk.post(f"/archive/lookup?but={but}", {"number": number})


def looks(country, file):
    return country.all(StepLog, StepLog.record_id == file.id, StepLog.step == "look_up")


# --- the menu ---------------------------------------------------------------------------------------------------


def test_the_menu_has_the_lines_of_the_manual_in_its_order(login):  # AID-R077, AID-R078
    words = words_of(login("dewai_clerk").get("/archive/list/").text)
    order = [
        "职工档案列表", "修改职工档案", "转为临时救助档案", "恢复注销职工档案", "注销职工档案库", "职工档案查询",
        "农民工档案列表", "修改农民工档案", "恢复注销农民工档案", "注销农民工档案库", "农民工档案查询",
        "临时救助职工档案列表", "修改临时救助职工档案", "临时救助职工档案转正", "临时救助职工档案查询",
    ]  # fmt: skip
    places = [words.find(line) for line in order]
    assert -1 not in places
    assert places == sorted(places)
    assert words.count("转为临时救助档案") == 1  # R077: not for 农民工
    assert "恢复注销临时" not in words  # R078


# --- 注销 -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "code"), [("脱贫", "out_of_hardship"), ("left_unit", "left_unit"), ("其他", "other")]
)
def test_a_file_is_cancelled_with_a_reason(rest, country, make_archive, raw, code):  # REC-06 #43, #44; Q29
    file = make_archive()
    answer = rest("dewai_clerk").post(
        f"/api/v1/archive/{file.id}/steps/deactivate", json={"cancel_reason": raw}
    )
    assert answer.status_code == 200
    now = country.again(file)
    assert (now.is_cancelled, now.cancel_reason, now.cancelled_unit_id) == (
        True,
        code,
        country.unit("dewai").id,
    )
    assert answer.json["result"]["cancel_reason"] == {
        "code": code,
        "label": {"left_unit": "离开本单位"}.get(code, raw),
    }
    assert now.cancelled_by == country.actor("dewai_clerk").name
    assert now.cancelled_unit == country.unit("dewai").name
    assert now.cancelled_at


@pytest.mark.parametrize("raw", [None, "", "搬家", ["脱贫"], 5, {"code": "x"}, "\x00"])
def test_the_reason_is_one_of_the_table(rest, country, make_archive, raw):
    file = make_archive()
    body = {} if raw is None else {"cancel_reason": raw}
    answer = rest("dewai_clerk").post(f"/api/v1/archive/{file.id}/steps/deactivate", json=body)
    assert answer.status_code == 422
    assert answer.json["errors"]["cancel_reason"]
    assert not country.again(file).is_cancelled


def test_only_the_owner_cancels_and_only_formal_files(rest, make_archive):  # AID-R068, AID-R078, AID-R026
    reported, temporary = make_archive(at="xicheng"), make_archive(hardship_category="temporary")
    answer = rest("xicheng_clerk").post(f"/api/v1/archive/{reported.id}/steps/deactivate", json=REASON)
    assert answer.status_code == 409
    assert "只有该单位可以办理" in answer.json["message"]
    answer = rest("dewai_clerk").post(f"/api/v1/archive/{temporary.id}/steps/deactivate", json=REASON)
    assert answer.status_code == 409
    assert "临时救助档案，没有注销" in answer.json["message"]
    assert (
        rest("xinjiekou_clerk")
        .post(f"/api/v1/archive/{reported.id}/steps/deactivate", json=REASON)
        .status_code
        == 404
    )


def test_a_cancelled_file_is_in_the_library_and_nowhere_else(
    login, rest, country, make_archive
):  # AID-R069, AID-R070
    file, clerk, client = make_archive(at="xicheng"), login("dewai_clerk"), rest("dewai_clerk")
    total = "/api/v1/archive/statistics?by=gender"
    before = client.get(total).json["total"]
    country.step(file, "deactivate", "dewai_clerk", **REASON)
    assert not listed(clerk, "hardship", file)
    assert listed(clerk, "cancelled", file)
    assert listed(login("xicheng_clerk"), "cancelled", file)  # Q36: its superior sees it in the other list
    assert not listed(login("bj_clerk"), "cancelled", file)
    assert file.id not in {
        one["id"] for one in client.get("/api/v1/archive/?q=(page_size:200)").json["result"]
    }
    assert client.get(total).json["total"] != before
    export = clerk.get(f"/archive/export?format=csv&archive_no={file.archive_no}").data.decode("utf-8-sig")
    assert file.full_name not in export
    assert str(file.id) not in {
        one["value"] for one in clerk.get(f"/archive/pick?q={file.archive_no}").json["results"]
    }
    assert (
        client.get(f"/api/v1/archive/{file.id}").json["result"]["is_cancelled"] is True
    )  # still read by its id
    page = words_of(clerk.get(f"/archive/show/{file.id}").text)
    assert "注销，原因：离开本单位" in page


def test_the_library_is_asked_by_the_day_of_cancelling(login, cancelled):  # spec 3.5
    file, clerk = cancelled(), login("dewai_clerk")
    day = file.cancelled_at.strftime("%Y-%m-%d")
    url = f"/archive/list/?shelf=cancelled&archive_no={file.archive_no}"
    assert file.archive_no in rows(clerk.get(f"{url}&cancelled_at_from={day}&cancelled_at_to={day}").text)
    assert file.archive_no not in rows(clerk.get(f"{url}&cancelled_at_from=2999-01-01").text)


def test_a_cancelled_file_is_reported_from_the_library(login, country, cancelled):  # AID-R071
    file, clerk = cancelled(), login("dewai_clerk")
    assert "上报" in buttons(clerk.get("/archive/list/?shelf=cancelled").text)
    answer = clerk.post(
        "/archive/steps/report",
        {"ids": file.id, "message": "请查收", "next": "/archive/list/?shelf=cancelled"},
    )
    assert answer.status_code == 302
    now = country.again(file)
    assert (now.holder_depth, now.is_cancelled) == (country.unit("xicheng").depth, True)
    assert listed(login("xicheng_clerk"), "cancelled", file)


def test_a_cancelled_file_is_neither_edited_nor_deleted(rest, country, cancelled):  # SM-AID-03 #12
    file, client = cancelled(), rest("dewai_clerk")
    for answer in (
        client.put(f"/api/v1/archive/{file.id}", json={"remarks": "x"}),
        client.delete(f"/api/v1/archive/{file.id}"),
    ):
        assert answer.status_code == 409
        assert "已注销" in answer.json["message"]
    assert country.again(file).version == file.version


def test_what_is_on_the_page_of_a_file_follows_its_life(login, country, make_archive):  # aid.md 3.1
    file, own, above = make_archive(at="xicheng"), login("dewai_clerk"), login("xicheng_clerk")
    url = f"/archive/show/{file.id}"
    shown = {"注销职工", "恢复困难职工", "转为临时救助", "转为困难职工"}
    assert buttons(own.get(url).text) & shown == {"注销职工", "转为临时救助"}
    assert buttons(above.get(url).text) & shown == set()
    country.step(file, "deactivate", "dewai_clerk", **REASON)
    assert buttons(own.get(url).text) & shown == {"恢复困难职工"}
    country.step(file, "restore", "dewai_clerk")
    country.step(file, "to_temporary", "dewai_clerk")
    assert buttons(own.get(url).text) & shown == {"转为困难职工"}


# --- 恢复 -------------------------------------------------------------------------------------------------------


def test_a_file_is_restored_by_its_number_from_anywhere(
    login, rest, country, make_archive
):  # AID-R072, AID-R075, Q12
    file = make_archive(members=2)
    upload = {
        "file": (io.BytesIO(b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\n"), "id.pdf"),
        "attachment_type": "id_card",
    }
    stored = rest("dewai_clerk").post(f"/api/v1/archive/{file.id}/attachments", data=upload)
    assert stored.status_code == 201, stored.json
    file = country.bring(country.again(file), at="bj")
    file = country.step(file, "deactivate", "dewai_clerk", **REASON)
    clerk = login("caohejing_clerk")
    page = clerk.get("/archive/restore?shelf=restoring").text
    assert "按身份证恢复" in page
    assert "批量恢复" in page
    answer = clerk.post("/archive/restore?shelf=restoring", {"id_card_no": file.id_card_no})
    assert answer.status_code == 302
    assert file.id_card_no not in answer.location
    shown = clerk.get(answer.location)
    assert shown.status_code == 200
    words = words_of(shown.text)
    assert file.full_name in words
    assert "德外街道总工会" in words
    assert file.id_card_no not in shown.text
    assert file.phone not in shown.text
    assert all(
        member.full_name in words and member.id_card_no not in shown.text for member in file.family_members
    )
    assert buttons(shown.text) & {"恢复困难职工", "编辑", "删除", "打印"} == {"恢复困难职工"}
    dialog = clerk.get(f"{answer.location}/restore")
    assert "恢复后成为本单位的未上报档案" in dialog.text
    done = clerk.post(f"{answer.location}/restore")
    assert done.status_code == 302
    assert done.location.endswith(f"/archive/show/{file.id}")
    assert "恢复困难职工成功" in clerk.get(done.location).text
    now = country.again(file)
    here = country.unit("caohejing")
    assert (now.owner_unit_id, now.holder_depth, now.returned) == (here.id, here.depth, False)
    assert (now.is_cancelled, now.cancelled_at, now.cancel_reason, now.cancelled_by) == (
        False,
        None,
        None,
        None,
    )
    assert len(now.family_members) == 2
    assert "id.pdf" in clerk.get(f"/archive/show/{file.id}").text  # linked records stay
    assert login("dewai_clerk").get(f"/archive/show/{file.id}").status_code == 404
    last = country.versions(file)[-1]
    assert last.step == "restore"
    assert len(last.snapshot["family_members"]) == 2
    history = words_of(clerk.get(f"/archive/show/{file.id}?tab=history").text)
    assert "德外街道总工会" in history
    assert "漕河泾街道总工会" in history
    (log,) = country.all(StepLog, StepLog.record_id == file.id, StepLog.step == "restore")
    assert (log.from_unit_id, log.to_unit_id) == (country.unit("dewai").id, here.id)
    assert len(looks(country, file)) == 1


def test_a_wrong_number_restores_nothing(login, rest, country, people, make_archive, cancelled):  # AID-R073
    unknown = people.household()["id_card_no"]
    formal, temporary = make_archive("dewai"), make_archive("dewai", hardship_category="temporary")
    member = cancelled("dewai", members=1).family_members[0]
    clerk, client = login("caohejing_clerk"), rest("caohejing_clerk")
    cases = [
        (unknown, 404, "没有找到该身份证号的注销档案,请核对"),
        (formal.id_card_no, 409, "没有注销，不用恢复"),
        (temporary.id_card_no, 409, "没有注销，不用恢复"),
        (member.id_card_no, 409, "已作为家庭成员登记"),
    ]
    for number, status, words in cases:
        answer = client.post(f"{STEPS}/restore", json={"id_card_no": number})
        assert (answer.status_code, words in answer.json["message"]) == (status, True), (number, answer.json)
        page = clerk.post("/archive/restore", {"id_card_no": number})
        assert page.status_code == status
        assert words in words_of(page.text)
    assert country.again(formal).owner_unit_id == country.unit("dewai").id


@pytest.mark.parametrize(
    "raw", ["", None, "123", "11010219800230123X", ["x"], {"a": 1}, 12, True, "\x00", "９" * 900]
)
@pytest.mark.parametrize("step", ["restore", "to_formal"])
def test_what_is_no_number_is_told_beside_it(rest, login, raw, step):
    body = {"id_card_no": raw} | ({"hardship_category": "accident"} if step == "to_formal" else {})
    answer = rest("dewai_clerk").post(f"{STEPS}/{step}", json=body)
    assert answer.status_code == 422, answer.json
    assert answer.json["errors"]["id_card_no"]
    page = login("dewai_clerk").post("/archive/restore", {"id_card_no": raw if isinstance(raw, str) else ""})
    assert page.status_code == 422
    assert errors_of(page.text)["id_card_no"]


def test_a_body_cannot_name_what_is_not_asked(rest, country, make_archive, cancelled):
    theirs = cancelled("caohejing")
    mine, client = make_archive(hardship_category="temporary"), rest("dewai_clerk")
    for more in (
        {"by_number": True},
        {"actor": 1},
        {"name": "x"},
        {"self": 1},
        {"step": "x"},
        {"owner_unit_id": 1},
    ):
        body = {"hardship_category": "accident"} | more
        assert client.post(f"/api/v1/archive/{mine.id}/steps/to_formal", json=body).status_code == 422, more
        assert (
            client.post(f"{STEPS}/restore", json={"id_card_no": theirs.id_card_no} | more).status_code == 422
        ), more
    assert country.again(theirs).is_cancelled
    assert (
        client.post(f"{STEPS}/report", json={"id_card_no": mine.id_card_no, "message": "x"}).status_code
        == 422
    )


def test_fifteen_digits_restore_too(rest, country, people, cancelled):  # AID-R042, AID-R072
    born = people.born(40).replace(year=1975)
    number = people.id_card_no(born, "female")
    file = cancelled("dewai", id_card_no=number, birth_date=str(born), gender="female")
    answer = rest("sh_clerk").post(f"{STEPS}/restore", json={"id_card_no": number[:6] + number[8:17]})
    assert answer.status_code == 200
    assert answer.json["result"]["report_state"] == "未上报"
    assert country.again(file).owner_unit_id == country.unit("sh").id


def test_of_two_cancelled_files_with_one_number_none_is_restored(
    rest, country, cancelled
):  # AID-R072: exactly one
    first, second = cancelled("dewai"), cancelled("xinjiekou")
    with country.acting() as session:  # as an old system left them
        session.get(Archive, second.id).id_card_no = first.id_card_no
        session.commit()
    answer = rest("caohejing_clerk").post(f"{STEPS}/restore", json={"id_card_no": first.id_card_no})
    assert answer.status_code == 409
    assert "合并重复档案" in answer.json["message"]


def test_who_comes_second_is_told(rest, cancelled, country):
    file = cancelled("dewai")
    body = {"id_card_no": file.id_card_no}
    assert rest("xinjiekou_clerk").post(f"{STEPS}/restore", json=body).status_code == 200
    answer = rest("caohejing_clerk").post(f"{STEPS}/restore", json=body)
    assert answer.status_code == 409
    assert "新街口街道总工会" in answer.json["message"]


def test_a_restored_file_keeps_its_number_where_it_is_free(login, country, make_archive, cancelled):  # Q35
    file = cancelled("dewai", archive_no="A-1")
    make_archive("caohejing", archive_no="A-1")
    clerk = login("caohejing_clerk")
    url = clerk.post("/archive/restore", {"id_card_no": file.id_card_no}).location
    page = clerk.get(clerk.post(f"{url}/restore").location).text
    now = country.again(file)
    assert now.archive_no not in {"A-1", ""}
    assert f"职工编号A-1在本单位已有人用，改为{now.archive_no}" in words_of(page)


def test_many_are_restored_after_confirmation(login, country, cancelled):  # AID-R074, Q11
    own, below, hidden = cancelled("xicheng"), cancelled("dewai", at="xicheng"), cancelled("xinjiekou")
    clerk = login("xicheng_clerk")
    page = clerk.get("/archive/list/?shelf=restoring")
    assert {"恢复所有档案", "按身份证恢复", "批量恢复"} <= buttons(page.text)
    assert not {"增加新的职工档案", "删除选中的职工档案", "上报"} & buttons(page.text)
    assert {own.archive_no, below.archive_no} <= rows(page.text)
    assert hidden.archive_no not in rows(page.text)
    ids = [own.id, below.id]
    dialog = clerk.get(f"/archive/dialog/restore?ids={own.id}&ids={below.id}")
    assert "已选中2条记录。恢复后成为本单位的未上报档案。" in words_of(dialog.text)
    assert clerk.post("/archive/steps/restore", {"ids": ids}).status_code == 302
    here = country.unit("xicheng")
    for file in map(country.again, (own, below)):
        assert (file.owner_unit_id, file.holder_depth, file.is_cancelled) == (here.id, here.depth, False)
    assert country.again(hidden).is_cancelled


def test_the_lists_of_migrant_workers_hold_only_them(login, cancelled):  # aid.md 3.8
    migrant, other = cancelled(worker_identity="migrant"), cancelled(worker_identity="on_duty")
    clerk = login("dewai_clerk")
    for shelf in ("restoring", "cancelled"):
        assert listed(clerk, f"{shelf}_migrant", migrant)
        assert not listed(clerk, f"{shelf}_migrant", other)
        assert listed(clerk, shelf, migrant)
        assert listed(clerk, shelf, other)


# --- 转为临时救助, 转正 -----------------------------------------------------------------------------------------


def test_own_formal_files_become_temporary(login, rest, country, make_archive):  # AID-R076, Q36
    one, two, temporary = (
        make_archive(at="xicheng"),
        make_archive(),
        make_archive(hardship_category="temporary"),
    )
    below, clerk = make_archive("xinfeng", at="dewai"), login("dewai_clerk")
    page = clerk.get("/archive/list/?shelf=to_temporary").text
    assert "将选中的档案转为临时职工" in buttons(page)
    assert "转为临时救助" in buttons(page)
    assert {one.archive_no, two.archive_no} <= rows(page)
    assert not {temporary.archive_no, below.archive_no} & rows(page)
    assert "填报单位" not in words_of(page)  # own unit alone: nothing to choose
    answer = clerk.post("/archive/steps/to_temporary", {"ids": [one.id, two.id, below.id, temporary.id]})
    assert answer.status_code == 302
    words = words_of(clerk.get(answer.location).text)
    assert "修改成功：2条" in words
    assert "只有该单位可以办理" in words
    assert "已是临时救助档案" in words
    assert country.again(one).hardship_category == country.again(two).hardship_category == "temporary"
    assert country.again(one).holder_depth == one.holder_depth
    assert country.again(below).hardship_category == "low_income"
    answer = rest("xicheng_clerk").post(f"/api/v1/archive/{one.id}/steps/to_temporary", json={})
    assert answer.status_code == 409


def test_own_temporary_files_become_formal_one_by_one(
    login, country, make_archive
):  # AID-R079, AID-R234, AID-R058
    file = make_archive(at="xicheng", hardship_category="temporary")
    below, clerk = make_archive("xinfeng", at="dewai", hardship_category="temporary"), login("dewai_clerk")
    page = clerk.get(f"/archive/list/?shelf=to_formal&archive_no={file.archive_no}").text
    document = lxml.html.fromstring(page)
    assert "转为困难职工" not in {
        one.text_content().strip() for one in document.find_class("kit-toolbar")[0].iter("button")
    }
    assert document.xpath("//tbody//a[@title='转为困难职工']")
    assert not document.xpath("//input[@name='ids']")  # nothing to tick: one at a time
    assert below.archive_no not in rows(clerk.get("/archive/list/?shelf=to_formal").text)
    dialog = lxml.html.fromstring(clerk.get(f"/archive/dialog/to_formal?ids={file.id}").text)
    offered = [one.get("value") for one in dialog.xpath("//select[@name='hardship_category']/option")]
    assert offered == ["", "low_income", "near_low_income", "accident"]
    for category in ("temporary", "", "x"):
        answer = clerk.post("/archive/steps/to_formal", {"ids": file.id, "hardship_category": category})
        assert answer.status_code == 422
    assert country.again(file).version == file.version
    answer = clerk.post("/archive/steps/to_formal", {"ids": file.id, "hardship_category": "accident"})
    assert "保存成功" in clerk.get(answer.location).text
    now = country.again(file)
    assert (now.hardship_category, now.holder_depth) == ("accident", file.holder_depth)  # Q36
    assert (
        clerk.post("/archive/steps/to_formal", {"ids": below.id, "hardship_category": "accident"}).status_code
        == 409
    )


def test_still_temporary_is_refused_over_rest(rest, country, make_archive):  # AID-R058
    file = make_archive(hardship_category="temporary")
    by_number = {"id_card_no": file.id_card_no}
    for url, more in ((f"/api/v1/archive/{file.id}/steps/to_formal", {}), (f"{STEPS}/to_formal", by_number)):
        answer = rest("dewai_clerk").post(url, json={"hardship_category": "临时救助"} | more)
        assert answer.status_code == 422, (url, answer.json)
        assert "困难类别仍是临时救助" in answer.json["errors"]["hardship_category"][0]
    assert country.again(file).version == file.version


def test_one_may_cancel_from_the_list_of_ones_own_files(login, make_archive):  # aid.md 3.2
    file, temporary = make_archive(), make_archive(hardship_category="temporary")
    clerk = login("dewai_clerk")
    url = f"/archive/list/?shelf=hardship&archive_no={file.archive_no}"
    icon = "//tbody//a[@title='注销职工']"
    assert lxml.html.fromstring(clerk.get(f"{url}&sub=0").text).xpath(icon)
    assert not lxml.html.fromstring(clerk.get(url).text).xpath(icon)
    url = f"/archive/list/?shelf=temporary&archive_no={temporary.archive_no}&sub=0"
    assert not lxml.html.fromstring(clerk.get(url).text).xpath(icon)


def test_another_units_temporary_file_becomes_ones_own_formal_one(rest, country, make_archive):  # AID-R057
    file, mine = (
        make_archive(owner, hardship_category="temporary", at=at)
        for owner, at in (("dewai", "bj"), ("caohejing", "xuhui"))
    )
    client = rest("caohejing_clerk")
    body = {"hardship_category": "低保户"}
    answer = client.post(f"{STEPS}/to_formal", json=body | {"id_card_no": file.id_card_no})
    assert answer.status_code == 200
    assert answer.json["result"]["archive_kind"] in {"hardship", "migrant"}
    here = country.unit("caohejing")
    now = country.again(file)
    assert (now.owner_unit_id, now.holder_depth, now.hardship_category) == (here.id, here.depth, "low_income")
    assert client.post(f"{STEPS}/to_formal", json=body | {"id_card_no": mine.id_card_no}).status_code == 200
    assert country.again(mine).holder_depth == mine.holder_depth  # Q36: one's own stays where it is
    answer = client.post(f"{STEPS}/to_formal", json=body | {"id_card_no": file.id_card_no})
    assert answer.status_code == 409
    assert "不是临时救助档案" in answer.json["message"]
    unknown = {"id_card_no": "11010119900307109X"}
    answer = client.post(f"{STEPS}/to_formal", json=body | unknown)
    assert answer.status_code == 404
    assert answer.json["message"] == "没有找到该身份证号的临时救助档案,请核对"


def test_the_superior_is_refused_by_id_and_served_by_number(
    rest, country, make_archive
):  # AID-R026, AID-R057, AID-R079
    file, client = make_archive(at="xicheng", hardship_category="temporary"), rest("xicheng_clerk")
    body = {"hardship_category": "accident"}
    assert client.post(f"/api/v1/archive/{file.id}/steps/to_formal", json=body).status_code == 409
    assert client.post(f"{STEPS}/to_formal", json=body | {"id_card_no": file.id_card_no}).status_code == 200
    assert country.again(file).owner_unit_id == country.unit("xicheng").id


# --- a number that is taken -------------------------------------------------------------------------------------


def test_a_cancelled_file_is_offered_and_restored(login, country, cancelled):  # AID-R056, SM-AID-03 #2
    file, clerk = cancelled("dewai"), login("caohejing_clerk")
    answer = looked_up(clerk, file.id_card_no)
    assert answer.status_code == 200
    assert "德外街道总工会】注销" in words_of(answer.text)
    url, label = link_of(answer.text)
    assert label == "查看"
    assert file.id_card_no not in url
    clerk.post(f"{url}/restore")
    assert country.again(file).owner_unit_id == country.unit("caohejing").id


@pytest.mark.parametrize("owner", ["dewai", "caohejing"])
def test_a_temporary_file_is_offered_and_turned(
    login, country, make_archive, owner
):  # AID-R057, SM-AID-03 #3
    file, clerk = make_archive(owner, hardship_category="temporary"), login("caohejing_clerk")
    url, label = link_of(looked_up(clerk, file.id_card_no).text)
    assert label == "查看"
    assert "转为困难职工" in buttons(clerk.get(url).text)
    assert clerk.post(f"{url}/to_formal", {"hardship_category": "temporary"}).status_code == 422  # R058
    answer = clerk.post(f"{url}/to_formal", {"hardship_category": "accident"})
    assert answer.status_code == 302
    assert "保存成功" in clerk.get(answer.location).text
    now = country.again(file)
    assert (now.owner_unit_id, now.hardship_category) == (country.unit("caohejing").id, "accident")


def test_another_units_formal_file_is_only_read(login, country, make_archive):  # AID-R059, SM-AID-03 #4
    file, clerk = make_archive("dewai", members=1), login("caohejing_clerk")
    url, label = link_of(looked_up(clerk, file.id_card_no).text)
    assert label == "请与所属单位联系"
    page = clerk.get(url)
    words = words_of(page.text)
    assert "中华全国总工会->北京市总工会->西城区总工会->德外街道总工会" in words
    assert "请与所属单位联系" in words
    assert "010-" in words
    assert file.id_card_no not in page.text
    assert file.phone not in page.text
    assert not buttons(page.text) & {
        "恢复困难职工",
        "转为困难职工",
        "编辑",
        "注销职工",
        "删除",
        "上报",
        "打开档案",
        "查看",
    }
    for step in ("restore", "to_formal"):
        answer = clerk.post(f"{url}/{step}", {"hardship_category": "accident"})
        assert answer.status_code == 409
        assert "kit-refused" in answer.text
    assert clerk.post(f"{url}/deactivate", REASON).status_code == 404
    assert country.again(file).version == file.version


def test_ones_own_file_and_a_family_member(login, make_archive):  # AID-R060, SM-AID-03 #5
    own, theirs = make_archive("caohejing", members=1), make_archive("dewai", members=1)
    clerk = login("caohejing_clerk")
    assert link_of(looked_up(clerk, own.id_card_no).text) == (f"/archive/edit/{own.id}", "编辑")
    assert link_of(looked_up(clerk, own.family_members[0].id_card_no).text) == (
        f"/archive/edit/{own.id}",
        "编辑",
    )
    answer = looked_up(clerk, theirs.family_members[0].id_card_no)
    assert f"登记在职工编号【{theirs.archive_no}】的档案中" in words_of(answer.text)
    url, label = link_of(answer.text)
    assert label == "查看"
    assert theirs.family_members[0].full_name in words_of(clerk.get(url).text)


def test_saving_tells_the_same_and_keeps_what_was_typed(login, people, cancelled):  # AID-R056
    file, clerk = cancelled("dewai"), login("caohejing_clerk")
    typed = people.household(id_card_no=file.id_card_no, hardship_category="low_income")
    answer = clerk.submit(clerk.form("/archive/add?shelf=hardship").fill(typed))
    assert answer.status_code == 422
    assert "填写的内容都还在" in answer.text
    assert typed["home_address"] in answer.text
    url, _label = link_of(answer.text)
    assert "恢复困难职工" in buttons(clerk.get(url).text)


def test_a_free_number_is_told_nothing_and_noted_nowhere(login, country, people, make_archive):
    clerk, mine = login("dewai_clerk"), make_archive()
    before = len(country.all(StepLog, StepLog.step == "look_up"))
    for number in (people.household()["id_card_no"], "", "123", "x" * 5000, "\x00", "11010219800230123X"):
        answer = looked_up(clerk, number)
        assert (answer.status_code, answer.text) == (204, ""), number
    assert looked_up(clerk, mine.id_card_no, but=mine.id).status_code == 204
    assert looked_up(clerk, mine.id_card_no, but="x").status_code == 200
    assert len(country.all(StepLog, StepLog.step == "look_up")) == before + 1


def test_a_pass_is_ones_own_and_cannot_be_made_up(login, make_archive):
    file, clerk = make_archive("dewai"), login("caohejing_clerk")
    url, _label = link_of(looked_up(clerk, file.id_card_no).text)
    assert clerk.get(url).status_code == 200
    assert login("xuhui_clerk").get(url).status_code == 404
    for wrong in (url[:-2], url + "x", f"/archive/holder/{file.id}", "/archive/holder/" + "a" * 3000):
        assert clerk.get(wrong).status_code == 404, wrong
        assert clerk.post(f"{wrong}/restore").status_code == 404
    login("dewai_clerk").post(f"/archive/delete/{file.id}")
    assert clerk.get(url).status_code == 404


def test_looking_up_has_an_end(login, rest, monkeypatch, make_archive):  # Q32
    monkeypatch.setattr(anywhere, "MOST_LOOKS", 3)
    file, clerk = make_archive("dewai"), login("sh_clerk")
    assert [looked_up(clerk, file.id_card_no).status_code for _each in range(4)] == [200, 200, 200, 429]
    answer = rest("sh_clerk").get(f"/api/v1/archive/lookup?id_no={file.id_card_no}")
    assert answer.status_code == 429
    assert "过于频繁" in answer.json["message"]
    assert looked_up(login("xuhui_clerk"), file.id_card_no).status_code == 200


def test_rest_tells_who_holds_a_number(rest, country, people, make_archive, cancelled):  # unified §8, Q32
    file, client = cancelled("dewai", members=1), rest("caohejing_clerk")
    answer = client.get(f"/api/v1/archive/lookup?id_no={file.id_card_no}")
    assert answer.status_code == 200
    (told,) = answer.json["result"]
    assert (told["id"], told["role"], told["is_cancelled"], told["steps"]) == (
        file.id,
        "head",
        True,
        ["restore"],
    )
    assert told["owner_unit"].endswith("德外街道总工会")
    assert told["id_card_no"] == re.sub(r"(?<=^.{6}).{8}", "*" * 8, file.id_card_no)
    assert file.phone not in answer.text
    assert [look.account_id for look in looks(country, file)] == [country.actor("caohejing_clerk").account_id]
    (near,) = rest("dewai_clerk").get(f"/api/v1/archive/lookup?id_no={file.id_card_no}").json["result"]
    assert (near["id_card_no"], near["phone"]) == (file.id_card_no, file.phone)
    (member,) = client.get(f"/api/v1/archive/lookup?id_no={file.family_members[0].id_card_no}").json["result"]
    assert (member["id"], member["role"], member["steps"]) == (file.id, "member", [])
    assert client.get(f"/api/v1/archive/lookup?id_no={people.household()['id_card_no']}").json == {
        "count": 0,
        "result": [],
    }
    for wrong in ("", "123", "%00", "x" * 500, "11010219800230123X"):
        answer = client.get(f"/api/v1/archive/lookup?id_no={wrong}")
        assert answer.status_code == 422, wrong
        assert answer.json["errors"]["id_no"]
    assert client.get("/api/v1/archive/lookup").status_code == 422


def test_what_a_file_was_goes_with_it_out_of_scope(rest, country, make_archive):  # AID-R065
    """The snapshot of a file from elsewhere holds its family, although the family was out of scope."""
    file = make_archive("dewai", members=2, hardship_category="temporary")
    body = {"id_card_no": file.id_card_no, "hardship_category": "accident"}
    assert rest("caohejing_clerk").post(f"{STEPS}/to_formal", json=body).status_code == 200
    last = country.versions(file)[-1]
    assert {one["full_name"] for one in last.snapshot["family_members"]} == {
        one.full_name for one in file.family_members
    }
    assert {name for name, _old, _new in last.diff} >= {"owner_unit_id", "hardship_category"}
    assert "family_members" not in {name for name, _old, _new in last.diff}


def test_the_file_of_another_unit_says_that_it_is_only_shown(login, country, make_archive):  # AID-R059
    """Of a file that one may do something to, or sees anyway, that would not be true."""
    far, near = make_archive("caohejing"), make_archive("dewai")
    cancelled = country.step(make_archive("caohejing"), "deactivate", "caohejing_clerk", **REASON)
    clerk = login("dewai_clerk")

    def shown(file):
        with country.app.test_request_context():
            url = country.app.extensions["views"]["archive"].holder_url(file, country.actor("dewai_clerk"))
        return words_of(clerk.get(url).text)

    assert "只能查看" in shown(far)
    assert "只能查看" not in shown(cancelled)
    assert "只能查看" not in shown(near)
