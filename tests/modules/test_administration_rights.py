"""权限一览: many people's rights by one save. 谁能看到什么: what is told is what opens."""

from __future__ import annotations

import io
import re
from typing import Any

import lxml.html
import openpyxl
import pytest
from sqlalchemy import select

from app.kit.workflow import StepLog
from app.models.account import Account
from app.models.assignment import ADMINISTRATION
from app.models.notice import Notice
from app.security import insight
from tests.world import Form, words_of

ARCHIVES, AIDS, PETITIONS = "困难职工档案", "帮扶救助", "信访接待"


def pk_of(country: Any, login_name: str) -> int:
    return int(country.account(login_name).id)


def rights_of(country: Any, login_name: str) -> list[str]:
    with country.acting() as session:
        found = session.scalars(select(Account).where(Account.username == login_name)).one()
        return list(found.rights)


def tick(form: Form, pk: int, *rights: str) -> Form:
    form.values.setlist(f"r-{pk}", list(rights))
    return form


class TestMatrix:
    PAGE = "/account/matrix?sub=1"

    def test_one_save_for_many_changes(self, login, country):  # AID-R217
        clerk, reader = pk_of(country, "dewai_clerk"), pk_of(country, "dewai_reader")
        admin, idle = login("xicheng"), country.all(Account, Account.username == "xinfeng_clerk")[0]
        form = tick(tick(admin.form(self.PAGE), clerk, ARCHIVES, AIDS), reader, PETITIONS, AIDS)
        answer = admin.submit(form)
        assert answer.status_code == 302
        assert "已保存2人的权限" in admin.get(answer.location).text
        assert rights_of(country, "dewai_clerk") == [ARCHIVES, AIDS]
        assert rights_of(country, "dewai_reader") == [AIDS, PETITIONS]
        (version,) = country.versions(country.read(Account, clerk))
        assert version.step == "edit"
        assert {name: new for name, _old, new in version.diff}["rights"] == [ARCHIVES, AIDS]
        assert country.again(idle).version == idle.version  # who was not touched is not written

    def test_all_or_none_and_what_was_ticked_stays(self, login, rest, country):  # AID-R232
        clerk, reader = pk_of(country, "dewai_clerk"), pk_of(country, "dewai_reader")
        admin = login("xicheng")
        form = tick(tick(admin.form(self.PAGE), clerk, ARCHIVES), reader, AIDS)
        rest("xicheng").put(f"/api/v1/account/{clerk}", json={"rights": [PETITIONS]})
        answer = admin.submit(form)
        assert answer.status_code == 409
        assert "您打开的是旧内容" in answer.text
        assert (rights_of(country, "dewai_clerk"), rights_of(country, "dewai_reader")) == (
            [PETITIONS],
            [PETITIONS],
        )
        again = Form.of(answer.text)
        assert (again.values.getlist(f"r-{clerk}"), again.values.getlist(f"r-{reader}")) == (
            [ARCHIVES],
            [AIDS],
        )
        assert admin.submit(again).status_code == 302
        assert rights_of(country, "dewai_reader") == [AIDS]

    def test_one_administrator_a_unit(self, login, country):  # AID-R205
        admin, clerk, boss = login("xicheng"), pk_of(country, "dewai_clerk"), pk_of(country, "dewai")
        page = lxml.html.fromstring(admin.get(self.PAGE).text)
        box = page.xpath(f'//td[input or label][.//input[@name="r-{clerk}"][@value="{ADMINISTRATION}"]]')[0]
        assert "已有用户管理员" in box.get("title")
        assert box.xpath(".//input[@disabled]")
        answer = admin.submit(tick(admin.form(self.PAGE), clerk, ARCHIVES, ADMINISTRATION))
        assert (answer.status_code, "已有用户管理员" in answer.text) == (409, True)
        for gets, gives in ((clerk, boss), (boss, clerk)):  # one gives it up, the other gets it, in one save
            form = tick(tick(admin.form(self.PAGE), gets, ARCHIVES, ADMINISTRATION), gives, ARCHIVES)
            assert admin.submit(form).status_code == 302
        assert (rights_of(country, "dewai"), rights_of(country, "dewai_clerk")) == (
            [ARCHIVES, ADMINISTRATION],
            [ARCHIVES],
        )

    @pytest.mark.parametrize("rights", [[ARCHIVES], []], ids=["without 用户管理", "none"])
    def test_nobody_locks_himself_out(self, login, country, rights):
        before = rights_of(country, "xicheng")
        form = tick(login("xicheng").form(self.PAGE), pk_of(country, "xicheng"), *rights)
        assert login("xicheng").submit(form).status_code == 409
        assert rights_of(country, "xicheng") == before

    def test_nobody_outside_is_there_or_changed(self, login, country):  # AID-R206
        admin, stranger = login("xicheng"), pk_of(country, "haidian_clerk")
        assert "haidian_clerk" not in admin.get(self.PAGE).text
        assert admin.get(f"/account/matrix?unit={country.unit('sh').id}").status_code == 404
        form = admin.form(self.PAGE)
        form.values.add("line", f"{stranger}:1:0")
        assert admin.submit(tick(form, stranger, ARCHIVES)).status_code == 404
        assert AIDS in rights_of(country, "haidian_clerk")

    @pytest.mark.parametrize("line", ["", "x:1:0", "1", "²:1:0", f"{'9' * 30}:1:0"])
    def test_strange_lines_change_nothing(self, login, line):
        assert login("xicheng").post(self.PAGE, {"line": line, "r-1": ARCHIVES}).status_code == 404

    def test_a_page_costs_the_same_for_any_number_of_people(self, login, statements):
        admin = login("root")
        admin.get(self.PAGE)
        with statements() as sent:
            admin.get(self.PAGE)
        assert len(sent) <= 10, sent

    def test_excel_holds_every_person_of_the_subtree(self, login, country):
        answer = login("xicheng").get("/account/matrix/export?sub=1")
        sheet = openpyxl.load_workbook(io.BytesIO(answer.data)).active
        heads, *rows = list(sheet.iter_rows(values_only=True))
        ticks = {row[2]: {head for head, cell in zip(heads, row, strict=True) if cell == "√"} for row in rows}
        assert ticks["dewai_reader"] == {PETITIONS}
        assert ADMINISTRATION in ticks["xinfeng"]
        assert not any(name.startswith(("bj", "haidian")) for name in ticks)
        (note,) = country.all(StepLog, StepLog.step == "export", StepLog.record_type == "account")
        assert note.answers["rows"] == len(rows)


class TestPerson:
    def test_what_is_told_is_what_opens(self, app, login, country):  # AID-R002
        """Every module told opens for the person himself, and no other."""
        reader = login("dewai_reader")
        page = login("xicheng").get(f"/account/access/{pk_of(country, 'dewai_reader')}").text
        told = set(re.findall(r'class="access-module">([^<]+)', page))
        for module in app.extensions["modules"]:
            if module.right is not None:
                opens = reader.get(f"/{module.name}/list/").status_code == 200
                label = app.extensions["views"][module.name].list_title
                assert opens == (str(label) in told), (module.name, told)
        words = words_of(page)
        assert "下级单位已上报到本单位" in words
        assert "没有开通的权限" in words

    def test_administrators_are_told_from_clerks(self, login, country):
        page = words_of(login("bj").get(f"/account/access/{pk_of(country, 'xicheng')}").text)
        assert "任职单位：中华全国总工会->北京市总工会->西城区总工会（下级单位3个）" in page
        assert "本单位和全部下级单位" in page
        assert "按身份证号查职工档案，全国范围" in page
        assert "代码表管理" not in page  # the root's administrator alone opens it (AID-R201)
        assert "代码表管理" in words_of(login("root").get(f"/account/access/{pk_of(country, 'root')}").text)

    def test_only_people_of_the_subtree(self, login, country):  # AID-R206
        assert login("xicheng").get(f"/account/access/{pk_of(country, 'bj_clerk')}").status_code == 404
        found = login("xicheng").get("/account/access?person=clerk").text
        assert "dewai_clerk" in found
        assert "haidian_clerk" not in found
        assert login("dewai_clerk").get("/account/access").status_code == 403

    @pytest.mark.parametrize("q", ["\x00", "%", "\\", "9" * 500, "<b>"])
    def test_hostile_words_find_nothing(self, login, q):
        for asked in ({"person": q}, {"kind": "archive", "number": q}, {"kind": q, "number": "1"}):
            answer = login("xicheng").get("/account/access", query_string=asked)
            assert answer.status_code == 200
            assert "<b>" not in answer.text.partition("access-questions")[2].partition("</form>")[2][:9000]


class TestRecord:
    def seen(self, clerk: Any, archive: Any) -> dict[str, tuple[str, str]]:
        """Unit → whether it sees the record, and who is named."""
        page = clerk.get("/account/access", query_string={"kind": "archive", "number": f"#{archive.id}"})
        assert page.status_code == 200
        rows = lxml.html.fromstring(page.text).xpath('//table[contains(@class, "access-table")]//tbody/tr')
        cells = [[" ".join(cell.itertext()).split() for cell in row.xpath("td")] for row in rows]
        return {name: (sees, " ".join(people)) for (name,), (sees,), _why, people in cells}

    @pytest.mark.parametrize("at", ["dewai", "xicheng", "root"])
    def test_what_is_told_of_units_is_what_they_see(self, login, country, make_archive, at):  # AID-R014
        archive = make_archive("dewai", at="" if at == "dewai" else at)
        told = self.seen(login("dewai"), archive)
        for unit in ("dewai", "xicheng", "bj", "root"):
            opens = login(f"{unit}_clerk").get(f"/archive/show/{archive.id}").status_code == 200
            assert told[country.unit(unit).name][0] == ("能" if opens else "不能"), unit

    def test_what_does_not_go_by_superiors_is_told_in_words(self, app, login, rest, country):
        """A notice is read by the units below and, while hidden, not by all of its own: no list would be true."""
        country.give("bj", "政策文件", ADMINISTRATION)
        typed = {"title": "关于走访的通知", "body": "<p>请准备。</p>"}
        for is_visible, readers in ((True, {"bj", "bj_clerk", "xicheng"}), (False, {"bj"})):
            notice = country.make(Notice, typed | {"is_visible": is_visible}, country.actor("bj"))
            for one in ("bj", "bj_clerk", "xicheng", "root_clerk"):
                status = rest(one).get(f"/api/v1/notice/{notice.id}").status_code
                assert status == (200 if one in readers else 404), one
            page = login("bj").get(f"/account/access?kind=notice&number=%23{notice.id}").text
            assert str(Notice.reach) in words_of(page)
            assert "access-table" not in page
            assert country.account("bj_clerk").first_name not in page
        views = app.extensions["views"].values()
        owned = [view.model for view in views if hasattr(view.model, "owner_path")]
        assert {one.resource() for one in owned if not insight.is_seen_upwards(one)} == {
            "notice",
            "briefing",
            "policy_document",
            "job_seeker",
            "recommendation",
        }

    def test_people_above_are_not_named(self, login, country, make_archive):
        archive = make_archive("dewai", at="xicheng")
        street, county = country.unit("dewai").name, country.unit("xicheng").name
        clerk, boss = (country.account(name).first_name for name in ("dewai_clerk", "xicheng_clerk"))
        reader = country.account("dewai_reader").first_name
        told = self.seen(login("dewai"), archive)
        assert clerk in told[street][1].split()
        assert reader not in told[street][1].split()
        assert told[county][1] == "上级单位，不列出人员"
        assert boss in self.seen(login("xicheng"), archive)[county][1].split()

    def test_who_has_looked_lately(self, login, country, make_archive):
        archive = make_archive("dewai", at="xicheng")
        login("xicheng_clerk").post(f"/archive/reveal/{archive.id}?field=id_card_no")
        login("dewai_clerk").get(f"/archive/print/{archive.id}")
        asked = {"kind": "archive", "number": archive.archive_no}
        page = words_of(login("dewai").get("/account/access", query_string=asked).text)
        assert "查看完整号码" in page
        assert "其他单位的人员" in page
        assert country.account("xicheng_clerk").first_name not in page
        assert country.account("dewai_clerk").first_name in page.partition("最近谁查看过")[2]

    def test_a_record_out_of_scope_is_not_found(self, login, make_archive):  # AID-R014
        archive = make_archive("dewai")
        for name in ("xicheng", "caohejing"):
            page = login(name).get(f"/account/access?kind=archive&number=%23{archive.id}").text
            assert "没有找到，或不在您能看到的范围内" in page
            assert archive.full_name not in page
