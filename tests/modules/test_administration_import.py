"""Units and people of a new province from one workbook, and the one-time passwords of these people."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import openpyxl
import pytest
from sqlalchemy import select

from app.kit import clock
from app.kit.history import RecordVersion
from app.kit.worker import Worker
from app.models.account import Account
from app.models.enrolment import ABOVE, Enrolment, Sheets
from app.models.password_issue import PasswordIssue
from app.models.unit import Unit
from app.security import issuing
from tests.importing import Books, attached, column, content, reasons
from tests.world import words_of

WHO = "bj"
UNIT = {
    "address": "月坛南街1号",
    "postcode": "100045",
    "area_code": "010",
    "leader_name": "陈静",
    "leader_phone": "13800001111",
    "office_phone": "010-55501111",
}
PERSON = {"full_name": "陆远", "phone": "13800002222", "rights": "困难职工档案、帮扶救助"}


class Enrolments(Books):
    """Workbooks of units and people."""

    def book(self, units: Any, people: Any = ()) -> openpyxl.Workbook:  # type: ignore[override]
        with self.country.acting():
            pages = Sheets(self.app.extensions["views"]["unit"]).pages
            book = openpyxl.Workbook()
            book.remove(book.active)
            for page, rows in zip(pages, (units, people), strict=True):
                sheet = book.create_sheet(page.title)
                sheet.append([head.label for head in page.heads])
                for typed in rows:
                    sheet.append([typed.get(head.name) for head in page.heads])
        return book

    def upload(self, clerk: Any, book: Any, **options: str) -> Any:
        data = {"file": attached(content(book)), **options}
        return clerk.post("/unit/import", data=data, headers={"Accept": "application/json"})

    def told(self, clerk: Any, job: Any) -> dict[str, dict[int, str]]:
        """Sheet → row → the reason in red, in the person's own workbook."""
        book = self.result(clerk, job)
        return {sheet.title: reasons(sheet) for sheet in book if column_of(sheet)}


def column_of(sheet: Any) -> Any:
    return any(cell.value == "导入结果" for cell in sheet[1]) and column(sheet, "导入结果")


def unit(name: str, above: str, **more: Any) -> dict[str, Any]:
    return UNIT | {"name": name, ABOVE: above} | more


def person(login_name: str, of: str, **more: Any) -> dict[str, Any]:
    return PERSON | {"login_name": login_name, "*key": of} | more


def named(country: Any, name: str) -> Any:
    return country.all(Unit, Unit.name == name)[0]


def called(country: Any, login_name: str) -> Any:
    found = country.all(Account, Account.username == login_name)
    return country.again(found[0]) if found else None


def rights_of(country: Any, login_name: str) -> list[str]:
    with country.acting() as session:
        return list(session.scalars(select(Account).where(Account.username == login_name)).one().rights)


@pytest.fixture
def books(app, country):
    return Enrolments(app, country)


@pytest.fixture
def admin(login):
    return login(WHO)


PROVINCE = (
    [
        unit("丰台区总工会", "北京市总工会", level="县级"),
        unit("卢沟桥街道总工会", "丰台区总工会"),
        unit("五里店社区工会", "丰台区总工会->卢沟桥街道总工会", level="基层/帮扶中心", is_aid_centre="是"),
    ],
    [
        person("fengtai", "丰台区总工会", is_unit_admin="是"),
        person("lugouqiao", "北京市总工会->丰台区总工会->卢沟桥街道总工会", rights="用户管理"),
        person("wulidian", "五里店社区工会", gender="女"),
    ],
)


def province(country: Any) -> tuple[Any, Any]:
    """The same with the number of a unit that is there already in place of its name."""
    with country.acting() as session:
        number = session.scalar(select(Unit.unit_no).where(Unit.id == country.unit("bj").id))
    units, people = ([dict(row) for row in rows] for rows in PROVINCE)
    units[0][ABOVE] = number
    return units, people


def test_units_and_people_come_from_one_workbook(books, admin, country):
    """AID-R206, R207, R217; SM-AID-18 #1, SM-AID-19 #1: parents above their children; a second time changes nothing."""
    book = books.book(*province(country))
    job = books.bring(admin, book)
    assert (job.state, job.message) == ("done", "成功 6 条，未改动 0 条，失败 0 条")
    county, street, base = (named(country, row["name"]) for row in PROVINCE[0])
    assert (county.parent_id, street.parent_id, base.parent_id) == (
        country.unit("bj").id,
        county.id,
        street.id,
    )
    assert base.path.startswith(street.path)
    assert (street.level, base.level, base.is_aid_centre) == ("township", "grassroots", True)
    boss, clerk = called(country, "fengtai"), called(country, "wulidian")
    assert (boss.unit_id, rights_of(country, "fengtai")) == (
        county.id,
        ["困难职工档案", "帮扶救助", "用户管理"],
    )
    assert (clerk.unit_id, clerk.gender, clerk.assignments[0].admin_slot) == (base.id, "female", None)
    assert [one.step for one in country.versions(boss)] == ["add"]
    before = len(country.all(RecordVersion))
    again = books.bring(admin, book)
    assert (again.message, again.result.get("links")) == ("成功 0 条，未改动 6 条，失败 0 条", None)
    assert len(country.all(RecordVersion)) == before


def test_every_faulty_row_gets_its_reason_and_the_others_are_kept(books, admin, country):
    """AID-R009, R205, R206: told beside the row, in the person's own workbook."""
    units = [
        unit("石景山区总工会", "北京市总工会"),
        unit("八角街道总工会", "上海市总工会"),
        unit("古城街道总工会", "鲁谷街道总工会"),
        unit("鲁谷街道总工会", "石景山区总工会"),
        unit("鲁谷街道总工会", "石景山区总工会"),
        unit("金顶街街道总工会", "石景山区总工会", postcode="1234", level="省(区、市)"),
    ]
    people = [
        person("shijingshan", "石景山区总工会", rights="用户管理"),
        person("second", "石景山区总工会", is_unit_admin="是"),
        person("caohejing", "石景山区总工会"),
        person("shijingshan", "鲁谷街道总工会"),
        person("elsewhere", "徐汇区总工会"),
        person("norights", "石景山区总工会", rights="开飞机"),
        person("lugu", "鲁谷街道总工会", is_unit_admin="否", rights="用户管理"),
    ]
    job = books.bring(admin, books.book(units, people))
    assert (job.state, job.message) == ("partly", "成功 3 条，未改动 0 条，失败 10 条")
    told = books.told(admin, job)
    wrong = {row: words for sheet in ("单位", "人员") for row, words in told[sheet].items()}
    expected = {
        ("单位", 3): "没有找到上级单位「上海市总工会」",
        ("单位", 4): "要写在下级上面",
        ("单位", 6): "与第5行重复",
        ("单位", 7): "6位数字",
        ("人员", 3): "该单位已有用户管理员",
        ("人员", 4): "已被使用",
        ("人员", 5): "与第2行重复",
        ("人员", 6): "没有找到所属单位「徐汇区总工会」",
        ("人员", 7): "没有「开飞机」这项权限",
        ("人员", 8): "请改成一致",
    }
    assert {(sheet, row) for sheet in told for row in told[sheet]} == expected.keys(), wrong
    for (sheet, row), words in expected.items():
        assert words in told[sheet][row]
    assert not country.all(Unit, Unit.name == "八角街道总工会")
    assert {one.unit_id for one in [called(country, "shijingshan")]} == {named(country, "石景山区总工会").id}


def test_a_name_that_is_not_the_only_one_needs_its_path(books, admin, country):
    units = [
        unit("门头沟区总工会", "北京市总工会"),
        unit("大台街道总工会", "门头沟区总工会"),
        unit("房山区总工会", "北京市总工会"),
        unit("大台街道总工会", "房山区总工会"),
    ]
    people = [person("datai", "大台街道总工会"), person("datai2", "房山区总工会→大台街道总工会")]
    job = books.bring(admin, books.book(units, people))
    assert job.message == "成功 5 条，未改动 0 条，失败 1 条"
    assert "请写出路径" in books.told(admin, job)["人员"][2]
    fangshan = named(country, "房山区总工会")
    assert country.read(Unit, called(country, "datai2").unit_id).parent_id == fangshan.id


def test_a_name_that_gets_a_namesake_half_way_needs_its_path_from_then_on(books, admin, country):
    """What a name stood for is not remembered past the row that adds another unit of that name."""
    street = country.unit("dewai")
    units = [
        unit("六铺炕社区工会", street.name),
        unit("昌平区总工会", "北京市总工会"),
        unit(street.name, "昌平区总工会"),
        unit("双秀社区工会", street.name),
    ]
    job = books.bring(admin, books.book(units, [person("dewai9", street.name)]))
    assert job.message == "成功 3 条，未改动 0 条，失败 2 条"
    assert named(country, "六铺炕社区工会").parent_id == street.id
    told = books.told(admin, job)
    for words in (told["单位"][5], told["人员"][2]):
        assert f"有2个单位叫「{street.name}」" in words
    assert called(country, "dewai9") is None


def test_what_is_there_is_changed_only_when_asked_for(books, admin, country):
    """AID-R208: units below, never one's own; 更新已有的记录."""
    books.bring(admin, books.book(*province(country)))
    units, people = province(country)
    units[1] |= {"leader_name": "周平", "fax": ""}
    people[2] |= {"phone": 13900003333, "rights": "信访接待"}
    job = books.bring(admin, books.book(units, people))
    assert job.message == "成功 0 条，未改动 4 条，失败 2 条"
    assert "更新已有的记录" in books.told(admin, job)["单位"][3]
    job = books.bring(admin, books.book(units, people), update="1")
    assert job.message == "成功 0 条，更新 2 条，未改动 4 条，失败 0 条"
    assert named(country, "卢沟桥街道总工会").leader_name == "周平"
    assert rights_of(country, "wulidian") == ["信访接待"]
    own = books.bring(admin, books.book([unit("北京市总工会", "中华全国总工会")]), update="1")
    assert "没有找到上级单位" in books.told(admin, own)["单位"][2]


def test_an_import_that_breaks_off_goes_on_where_it_was(books, admin, country, monkeypatch):
    """What was stored with the last chunk stays, nothing is stored twice."""
    monkeypatch.setattr(Sheets, "at_once", 2)
    work, calls = Enrolment.work, []

    def breaks(self, rows):
        calls.append(len(rows))
        if len(calls) == 3:
            raise OSError("the machine is gone")
        return work(self, rows)

    monkeypatch.setattr(Enrolment, "work", breaks)
    asked = books.upload(admin, books.book(*province(country)))
    Worker(books.app, lease=6000, backoff=(0,)).run(once=True)
    job = books.job(asked.json["job"])
    assert (job.state, job.attempts, calls) == ("done", 2, [2, 2, 2, 2])
    assert job.message == "成功 6 条，未改动 0 条，失败 0 条"
    assert [issue.people for issue in country.all(PasswordIssue)] == [3]


def test_the_template_tells_how_and_another_file_is_told(books, admin):
    book = openpyxl.load_workbook(io.BytesIO(admin.get("/unit/template").data))
    assert book.sheetnames[:2] == ["单位", "人员"]
    assert [cell.value for cell in book["人员"][1]][:2] == ["所属单位*", "姓名*"]
    explained = "\n".join(str(cell.value) for row in book["填表说明"] for cell in row)
    assert "西城区总工会->德外街道总工会" in explained
    assert "困难职工档案、帮扶救助" in explained
    assert "单位和人员" in words_of(admin.get("/unit/import").text)
    other = openpyxl.Workbook()
    other.active.title = "单位"
    other.active.append(["名字"])
    job = books.bring(admin, other)
    assert job.state == "failed"
    assert "没有找到工作表「人员」" in job.message


# --- one-time passwords ---------------------------------------------------------------------------------------


@pytest.fixture
def issue(books, admin, country):
    books.bring(admin, books.book(*province(country)))
    (found,) = country.all(PasswordIssue)
    return found


def deed(clerk: Any, issue: Any, name: str) -> Any:
    return clerk.post("/account/passwords", {"issue": str(issue.id), "deed": name})


def make(books: Any, clerk: Any, issue: Any) -> None:
    assert deed(clerk, issue, "make").status_code == 302
    books.work()


def passwords(answer: Any) -> dict[str, str]:
    """Login name → what stands in the last column of the file."""
    assert answer.status_code == 200, answer.text
    sheet = openpyxl.load_workbook(io.BytesIO(answer.data)).active
    return {row[2]: row[3] for row in sheet.iter_rows(min_row=2, values_only=True)}


def knock(app: Any, name: str, password: str) -> int:
    body = {"username": name, "password": password, "provider": "db"}
    return int(app.test_client().post("/api/v1/security/login", json=body).status_code)


def test_passwords_are_made_when_asked_for_and_given_once(app, books, admin, login, country, issue):
    """In place of AID-R216; AID-R007: never stored, fetched once, by who has imported the people."""
    assert called(country, "fengtai").must_change_password
    assert "还没有生成口令" in deed(admin, issue, "fetch").text
    make(books, admin, issue)
    assert deed(login("root"), issue, "fetch").status_code == 404
    told = passwords(deed(admin, issue, "fetch"))
    assert told.keys() == {"fengtai", "lugouqiao", "wulidian"}
    assert len({*told.values()}) == 3
    assert {len(password) for password in told.values()} == {12}
    assert knock(app, "fengtai", told["fengtai"]) == 200
    again = deed(admin, issue, "fetch")
    assert (again.status_code, "只能下载一次" in again.text) == (409, True)
    kept = country.again(issue)
    assert (kept.secret, kept.fetched_at is not None) == (None, True)
    assert all(told["wulidian"] not in str(vars(row)) for row in country.all(Account))


def test_who_has_a_second_factor_shows_it_first(books, admin, country, issue, monkeypatch):  # AID-R110
    make(books, admin, issue)
    monkeypatch.setattr("app.security.second_factor.required", lambda _who: "totp")
    monkeypatch.setattr(
        "app.security.second_factor.fault", lambda typed: None if typed == "123456" else "不正确"
    )
    asked = deed(admin, issue, "fetch")
    assert (asked.status_code, asked.mimetype, "动态口令" in asked.text) == (200, "text/html", True)
    form = {"ids": str(issue.id), "otp": "000000"}
    assert admin.post("/account/passwords", form).status_code == 422
    assert country.again(issue).secret
    assert len(passwords(admin.post("/account/passwords", form | {"otp": "123456"}))) == 3


def test_who_has_not_come_gets_a_new_one(app, books, admin, country, issue):
    make(books, admin, issue)
    first = passwords(deed(admin, issue, "fetch"))
    assert knock(app, "fengtai", first["fengtai"]) == 200
    make(books, admin, issue)
    told = passwords(deed(admin, issue, "fetch"))
    assert told["fengtai"] == "已登录过，或已另行重置"
    assert told["wulidian"] != first["wulidian"]
    assert knock(app, "fengtai", first["fengtai"]) == 200
    assert knock(app, "wulidian", first["wulidian"]) == 401
    assert knock(app, "wulidian", told["wulidian"]) == 200


def test_passwords_die_after_three_days(app, books, admin, country, issue, monkeypatch):
    make(books, admin, issue)
    with country.acting() as session:
        stored = session.get(PasswordIssue, issue.id)
        told = {
            line.login_name: line.password for line in issuing.lines(session, stored, with_passwords=True)
        }
    later = clock.now() + timedelta(hours=73)
    for place in ("app.kit.clock.now", "app.models.password_issue.now"):
        monkeypatch.setattr(place, lambda: later)
    assert knock(app, "wulidian", told["wulidian"]) == 401


def test_nobody_without_the_right_sees_the_page(login, issue):  # AID-R002
    assert login("dewai_clerk").get("/account/passwords").status_code == 403
    page = login("xicheng").get("/account/passwords").text
    assert "还没有导入过人员" in page


@pytest.mark.parametrize("typed", ["", "x", "²", "9" * 40, "-1"])
def test_strange_issues_are_told(admin, typed):
    answer = admin.post("/account/passwords", {"issue": typed, "deed": "make"})
    assert answer.status_code == 400


def test_people_are_found_by_name_pinyin_and_login_name(login, country, issue):  # 查询人员
    for words in ("陆远", "luyuan", "ly", "LuYuan", "wulid"):
        page = login("bj").get("/unit/tree", query_string={"person": words}).text
        assert "wulidian" in page, words
    assert "wulidian" not in login("bj").get("/unit/tree", query_string={"person": "uyuan"}).text
    assert "wulidian" not in login("sh").get("/unit/tree", query_string={"person": "luyuan"}).text
