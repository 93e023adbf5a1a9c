"""职工档案: what is declared, and what is special."""

from __future__ import annotations

from collections import Counter
from datetime import date
from decimal import Decimal

import lxml.html
import pytest
from sqlalchemy import select

from app.kit.claims import IdentityClaim
from app.models.archive import Archive
from app.models.family_member import FamilyMember
from app.views.archive import ArchiveView
from tests.cases.steps import StepCases
from tests.world import Form, words_of


class TestArchive(StepCases):
    view = ArchiveView
    edit = {"phone": "13900001111", "remarks": "已入户走访", "floor_area": "45.5"}
    wrong = [
        ("id_card_no", "11010219800230123X", "出生日期不存在"),  # AID-R043
        ("id_card_no", "110102299001011234", "晚于今天"),  # AID-R043
        ("id_card_no", "1101021980010112", "15位数字"),  # AID-R041
        ("id_card_no", "11010219800101123A", "15位数字"),  # AID-R041
        ("household_annual_income", "-1", "不能为负"),
        ("personal_monthly_income", "1.005", "小数"),
        ("household_size", "9", "家庭人口数必须等于家庭成员人数加1"),  # AID-R049
        ("household_size", "1.5", "整数"),
        ("birth_date", "2999-01-01", "不能晚于今天"),
        ("birth_date", "2026-02-30", "日期应写作"),  # AID-R229
        ("postcode", "12345", "6位"),
        ("phone", "无", "数字"),
        ("hardship_category", "没有这一类", "代码表"),
        ("family_members.0.id_card_no", "123", "15位数字"),  # AID-R038
        ("family_members.0.full_name", "", "请填写"),
        ("family_members.0.relation", "远亲", "代码表"),
    ]
    answers = StepCases.answers | {"cancel_reason": "left_unit", "hardship_category": "low_income"}
    moves = """
        owner:           report, deactivate, to_temporary -> 已上报, 未上报, 未上报
        owner after:     deactivate, to_temporary -> 已上报, 已上报
        returned owner:  report, deactivate, to_temporary -> 已上报, 退回, 退回
        parent before:   nothing
        parent:          report, send_back -> 已上报, 退回
        parent after:    nothing
        returned parent: report, send_back -> 已上报, 退回
        root:            send_back         -> 已上报
        sibling, child, stranger: nothing
    """

    def form(self, people):
        return people.household(members=2, hardship_category="low_income", health_status="good")

    def derived_free(self, names):
        return [name for name in names if name not in {"birth_date", "gender"}]


# --- numbers of persons (AID-R038 – R045) -----------------------------------------------------------------------


def typed_errors(rest, typed, person="dewai_clerk"):
    answer = rest(person).post("/api/v1/archive/", json=typed)
    return {} if answer.status_code == 201 else answer.json["errors"]


def test_a_household_is_kept_with_its_members(make_archive):  # AID-R037
    file = make_archive(members=3)
    assert len(file.family_members) == 3
    assert [member.line_no for member in file.family_members] == [1, 2, 3]


def test_the_history_of_a_deleted_file_becomes_nobody_elses(rest, people):  # AID-R065
    clerk = rest("dewai_clerk")
    typed = [people.household(hardship_category="low_income") for _file in range(2)]
    deleted = clerk.post("/api/v1/archive/", json=typed[0]).json["id"]
    assert clerk.delete(f"/api/v1/archive/{deleted}").status_code == 200
    new = clerk.post("/api/v1/archive/", json=typed[1]).json["id"]
    assert new != deleted
    assert [line["step"] for line in clerk.get(f"/api/v1/archive/{new}/history").json["result"]] == ["add"]


@pytest.mark.parametrize("place", ["id_card_no", "family_members.0.id_card_no"])
def test_every_person_has_a_number(rest, people, place):  # AID-R038
    typed = people.household(members=1, hardship_category="low_income")
    _type(typed, place, "")
    assert place in typed_errors(rest, typed)


@pytest.mark.parametrize("owner", ["dewai", "xinjiekou", "caohejing"])
@pytest.mark.parametrize("held_as", ["head", "member"])
@pytest.mark.parametrize("typed_as", ["id_card_no", "family_members.0.id_card_no"])
def test_a_number_is_given_once_in_the_country(
    rest, people, make_archive, owner, held_as, typed_as
):  # AID-R039
    held = make_archive(owner, members=1)
    number = held.id_card_no if held_as == "head" else held.family_members[0].id_card_no
    typed = people.household(members=1, hardship_category="low_income")
    _type(typed, typed_as, number)
    typed.pop("birth_date") if typed_as == "id_card_no" else typed["family_members"][0].pop("birth_date")
    errors = typed_errors(rest, typed)
    assert set(errors) == {typed_as}, errors
    assert ("家庭成员" in errors[typed_as][0]) == (held_as == "member")
    assert "总工会" in errors[typed_as][0]  # AID-R059: whose it is


def test_a_temporary_file_holds_its_numbers_too(rest, people, make_archive):  # AID-R039, AID-R057
    held = make_archive("xinjiekou", hardship_category="temporary")
    errors = typed_errors(rest, people.household(id_card_no=held.id_card_no, hardship_category="low_income"))
    assert "临时救助" in errors["id_card_no"][0]


def test_a_cancelled_file_holds_its_numbers_too(rest, country, people, make_archive):  # AID-R039, AID-R056
    held = make_archive("xinjiekou")
    with country.acting() as session:
        session.get(Archive, held.id).is_cancelled = True
        session.commit()
    errors = typed_errors(rest, people.household(id_card_no=held.id_card_no, hardship_category="low_income"))
    assert "注销" in errors["id_card_no"][0]


def test_a_deleted_file_gives_its_numbers_free(rest, people, make_archive):
    held = make_archive("xinjiekou", members=1)
    assert rest("xinjiekou_clerk").delete(f"/api/v1/archive/{held.id}").status_code == 200
    family = [people.member("son", "male", 20) | {"id_card_no": held.family_members[0].id_card_no}]
    family[0].pop("birth_date")
    typed = people.household(
        id_card_no=held.id_card_no, hardship_category="low_income", family_members=family
    )
    assert typed_errors(rest, typed) == {}


def test_a_number_that_is_changed_or_removed_is_free_again(rest, people, make_archive):
    held, client = make_archive(members=1), rest("dewai_clerk")
    born = held.birth_date
    new = people.id_card_no(born, held.gender)
    body = {"id_card_no": new, "family_members": [], "household_size": 1}
    assert client.put(f"/api/v1/archive/{held.id}", json=body).status_code == 200
    again = people.household(id_card_no=held.id_card_no, members=0, hardship_category="low_income")
    assert typed_errors(rest, again) == {}
    again = people.household(
        id_card_no=held.family_members[0].id_card_no, members=0, hardship_category="low_income"
    )
    assert typed_errors(rest, again) == {}


def test_one_number_once_in_a_household(rest, people):  # AID-R040
    typed = people.household(members=2, hardship_category="low_income")
    typed["family_members"][1]["id_card_no"] = typed["id_card_no"]
    errors = typed_errors(rest, typed)
    assert {"id_card_no", "family_members.1.id_card_no"} <= set(errors)


@pytest.mark.parametrize(
    "number",
    [
        "1",
        "11010219800101",
        "1101021980010112",
        "11010219800101123",
        "1101021980010112345",
        "A10102198001011234",
        "110102198013011230",
        "110102198002301239",
        "110102299901011234",
        "000000198001011234",
        "11010219800101123Y",
    ],
)
def test_a_malformed_number_is_refused(rest, people, number):  # AID-R041, AID-R043
    typed = people.household(members=0, hardship_category="low_income") | {"id_card_no": number}
    assert "id_card_no" in typed_errors(rest, typed)


def test_fifteen_digits_and_eighteen_are_the_same_person(rest, people, make_archive):  # AID-R042
    held = make_archive(id_card_no=_within_1900s(people), members=0)
    short = held.id_card_no[:6] + held.id_card_no[8:17]
    typed = people.household(members=0, hardship_category="low_income") | {"id_card_no": short}
    assert "id_card_no" in typed_errors(rest, typed)


def test_fifteen_digits_are_accepted_and_found_by_eighteen(rest, people):  # AID-R041, AID-R042
    full = _within_1900s(people)
    short = full[:6] + full[8:17]
    typed = people.household(members=0, hardship_category="low_income") | {"id_card_no": short}
    assert typed_errors(rest, typed) == {}
    typed = people.household(members=0, hardship_category="low_income") | {"id_card_no": full}
    assert "id_card_no" in typed_errors(rest, typed)


@pytest.mark.parametrize("spell", [str.lower, lambda n: f" {n[:6]} {n[6:]} ", lambda n: n.translate(_WIDE)])
def test_a_number_is_the_same_however_it_is_typed(rest, people, make_archive, spell):  # AID-R042
    number = next(
        n for n in (people.id_card_no(date(1980, 1, 1), "male") for _each in range(200)) if n.endswith("X")
    )
    make_archive(id_card_no=number, members=0)
    typed = people.household(members=0, hardship_category="low_income") | {"id_card_no": spell(number)}
    assert "id_card_no" in typed_errors(rest, typed)


def test_a_wrong_check_digit_is_a_warning_that_can_be_confirmed(login, rest, country, people):  # AID-R044
    number = people.id_card_no(date(1980, 1, 1), "female")
    wrong = number[:17] + ("1" if number[17] != "1" else "2")
    typed = people.household(members=0, hardship_category="low_income", id_card_no=wrong)
    clerk = login("dewai_clerk")
    before = len(country.all(Archive))
    answer = clerk.submit(clerk.form("/archive/add").fill(typed))
    assert answer.status_code == 422
    assert "校验位" in words_of(answer.text)
    assert len(country.all(Archive)) == before
    assert clerk.submit(Form.of(answer.text)).status_code == 302  # the same form again, seen and confirmed
    assert country.all(Archive)[-1].id_card_no == wrong
    typed = people.household(members=0, hardship_category="low_income", id_card_no=wrong[:16] + "90")
    answer = rest("dewai_clerk").post("/api/v1/archive/", json=typed)
    assert answer.status_code in {201, 422}


def test_birthday_and_sex_follow_from_the_number_and_stay_editable(
    rest, country, people
):  # AID-R045, AID-R050
    typed = people.household(members=1, hardship_category="low_income", gender="male")
    number = people.id_card_no(date(1979, 5, 6), "female")
    for row in (typed, typed["family_members"][0]):
        row["birth_date"], row["gender"] = "", ""
    typed["id_card_no"] = number
    pk = rest("dewai_clerk").post("/api/v1/archive/", json=typed).json["id"]
    file = country.read(Archive, pk)
    assert (file.birth_date, file.gender) == (date(1979, 5, 6), "female")
    member = file.family_members[0]
    expected = {"wife": "female", "husband": "male", "son": "male", "daughter": "female", "mother": "female"}
    expected |= {"father": "male", "sister": "female", "brother": "male"}
    assert member.gender == expected[member.relation]  # AID-R050: from 关系
    assert member.birth_date.strftime("%Y%m%d") == member.id_card_no[6:14]
    answer = rest("dewai_clerk").put(
        f"/api/v1/archive/{pk}", json={"birth_date": "1979-05-07", "gender": "male"}
    )
    assert answer.status_code == 200
    file = country.read(Archive, pk)
    assert (file.birth_date, file.gender) == (date(1979, 5, 7), "male")


# --- what follows from what (AID-R046 – R052) -------------------------------------------------------------------


@pytest.mark.parametrize("path", ["", "family_members.0."])
def test_disability_follows_health(rest, people, path):  # AID-R046, AID-R047
    for health, category, is_wrong in (
        ("disabled", "", True),
        ("disabled", "visual", False),
        ("good", "visual", True),
        ("good", "", False),
    ):
        typed = people.household(members=1, hardship_category="low_income")
        _type(typed, f"{path}health_status", health)
        _type(typed, f"{path}disability_category", category)
        assert (f"{path}disability_category" in typed_errors(rest, typed)) is is_wrong, (health, category)


def test_the_employer_is_carried_to_the_next_file(login, people):  # AID-R048
    clerk = login("dewai_clerk")
    clerk.submit(
        clerk.form("/archive/add").fill(
            people.household(employer_name="第三棉纺厂", hardship_category="low_income")
        )
    )
    form = clerk.form("/archive/add")
    assert form.values["employer_name"] == "第三棉纺厂"
    clerk.submit(form.fill(people.household(employer_name="第一机床厂", hardship_category="low_income")))
    assert clerk.form("/archive/add").values["employer_name"] == "第一机床厂"


@pytest.mark.parametrize(
    ("size", "members", "is_wrong"), [(3, 2, False), (2, 2, True), (4, 2, True), (1, 0, False), (0, 0, True)]
)
def test_the_family_counts_its_members_and_the_householder(rest, people, size, members, is_wrong):  # AID-R049
    typed = people.household(members=members, hardship_category="low_income") | {"household_size": size}
    errors = typed_errors(rest, typed)
    assert ("household_size" in errors) is is_wrong


def test_income_per_head(make_archive):  # AID-R052
    file = make_archive(members=2, household_annual_income="10000.00")
    assert file.household_income_per_capita == Decimal("3333.33")
    assert file.monthly_income_per_capita == Decimal("277.78")


def test_derived_sums_are_not_typed(rest, country, make_archive):
    file = make_archive(members=1, household_annual_income="10000.00")
    rest("dewai_clerk").put(f"/api/v1/archive/{file.id}", json={"household_income_per_capita": 1})
    assert country.again(file).household_income_per_capita == Decimal("5000.00")


def test_the_second_button_leaves_the_form_open(login, country, people):  # AID-R053, AID-R054
    clerk = login("dewai_clerk")
    page = clerk.get("/archive/add?shelf=hardship").text
    assert "保存当前档案,增加新档案" in page
    form = Form.of(page).fill(people.household(hardship_category="low_income"))
    button = lxml.html.fromstring(page).xpath("//button[contains(., '增加新档案')]")[0]
    form.values[button.get("name")] = button.get("value")
    answer = clerk.submit(form)
    assert answer.status_code == 302
    assert "/archive/add" in answer.location
    assert "保存成功" in clerk.get(answer.location).text
    form = clerk.form("/archive/add").fill(people.household(hardship_category="low_income"))
    answer = clerk.submit(form)
    assert f"/archive/show/{country.all(Archive)[-1].id}" in answer.location


def test_numbers_run_within_the_unit(rest, country, people, make_archive):  # REC-06 #1
    first, second = make_archive("xinfeng"), make_archive("xinfeng")
    assert int(second.archive_no) == int(first.archive_no) + 1
    assert first.archive_no.startswith(str(100_000 + country.unit("xinfeng").id))
    errors = typed_errors(
        rest,
        people.household(hardship_category="low_income") | {"archive_no": first.archive_no},
        "xinfeng_clerk",
    )
    assert "archive_no" in errors
    typed = people.household(hardship_category="low_income") | {"archive_no": first.archive_no}
    assert typed_errors(rest, typed, "dewai_clerk") == {}  # unique inside the owning unit


# --- whose (AID-R013 – R026) ------------------------------------------------------------------------------------


def test_a_new_file_is_ones_own(rest, country, people):  # AID-R013
    far = country.unit("caohejing")
    typed = people.household(hardship_category="low_income")
    for extra in ({"owner_unit_id": far.id}, {"owner_path": far.path}, {"owner_unit": far.id}):
        answer = rest("dewai_clerk").post("/api/v1/archive/", json=typed | extra)
        assert answer.status_code in {201, 422}
        if answer.status_code == 201:
            assert country.read(Archive, answer.json["id"]).owner_unit_id == country.unit("dewai").id
            typed = people.household(hardship_category="low_income")


#: the worked example of SM-AID-01: S = xinfeng, D = dewai, C = xicheng, P = bj; states seen by S, D, C, P
EXAMPLE = (
    ("save", "xinfeng_clerk", "未上报", "", "", ""),
    ("report", "xinfeng_clerk", "已上报", "未上报", "", ""),
    ("report", "dewai_clerk", "已上报", "已上报", "未上报", ""),
    ("send_back", "xicheng_clerk", "已上报", "退回", "", ""),
    ("send_back", "dewai_clerk", "退回", "", "", ""),
    ("edit", "xinfeng_clerk", "退回", "", "", ""),
    ("report", "xinfeng_clerk", "已上报", "未上报", "", ""),
    ("report", "dewai_clerk", "已上报", "已上报", "未上报", ""),
    ("edit", "xinfeng_clerk", "已上报", "已上报", "未上报", ""),
)


def test_the_worked_example_of_the_spec(
    rest, country, people
):  # SM-AID-01; AID-R014, R016, R017, R019, R022, R023, R025
    pk = 0
    for step, who, *expected in EXAMPLE:
        client = rest(who)
        if step == "save":
            pk = client.post("/api/v1/archive/", json=people.household(hardship_category="low_income")).json[
                "id"
            ]
        elif step == "edit":
            assert client.put(f"/api/v1/archive/{pk}", json={"remarks": f"{expected}"}).status_code == 200
        else:
            answer = client.post(f"/api/v1/archive/{pk}/steps/{step}", json={"message": "请查收"})
            assert answer.status_code == 200, answer.json
        seen = []
        for viewer in ("xinfeng_clerk", "dewai_clerk", "xicheng_clerk", "bj_clerk"):
            shown = rest(viewer).get(f"/api/v1/archive/{pk}")
            seen.append(shown.json["result"]["report_state"] if shown.status_code == 200 else "")
        assert seen == expected, (step, who)
    assert rest("xicheng_clerk").get(f"/api/v1/archive/{pk}").json["result"]["remarks"]  # the new content


def test_superiors_read_and_do_not_edit(rest, country, make_archive):  # AID-R026
    file = make_archive(at="root")
    for who in ("xicheng", "bj", "root"):
        answer = rest(who).put(f"/api/v1/archive/{file.id}", json={"remarks": "改"})
        assert answer.status_code == 409
        assert "德外街道总工会" in answer.json["message"]
        assert rest(who).delete(f"/api/v1/archive/{file.id}").status_code == 409
    assert country.again(file).version == file.version


def test_a_reported_file_is_edited_but_not_deleted(rest, country, make_archive):  # AID-R024, AID-R025
    file = make_archive(at="xicheng")
    answer = rest("dewai_clerk").put(f"/api/v1/archive/{file.id}", json={"remarks": "补充"})
    assert (answer.status_code, answer.json["result"]["report_state"]) == (200, "已上报")
    answer = rest("dewai_clerk").delete(f"/api/v1/archive/{file.id}")
    assert answer.status_code == 409
    assert "已上报的数据不能删除" in answer.json["message"]
    assert country.again(file).holder_depth == file.holder_depth


def test_a_returned_file_is_corrected_reported_or_deleted(rest, country, make_archive):  # AID-R023
    file, client = make_archive(back_at="dewai"), rest("dewai_clerk")
    assert client.put(f"/api/v1/archive/{file.id}", json={"phone": "13900002222"}).status_code == 200
    assert (
        client.post(f"/api/v1/archive/{file.id}/steps/report", json={"message": "已更正"}).status_code == 200
    )
    gone = make_archive(back_at="dewai")
    assert client.delete(f"/api/v1/archive/{gone.id}").status_code == 200
    assert country.again(gone) is None


def test_the_root_reports_to_nobody(rest, country, make_archive):  # AID-R035
    file = make_archive(at="root")
    answer = rest("root").post(f"/api/v1/archive/{file.id}/steps/report", json={"message": "x"})
    assert answer.status_code == 409
    assert "没有上级" in answer.json["message"]


@pytest.mark.parametrize("flag", ["duplicate_id", "bad_id", "incomplete", "family_size"])
def test_a_flagged_file_is_not_reported(rest, country, make_archive, flag):  # AID-R031, AID-R032
    file = make_archive()
    with country.acting() as session:
        session.get(Archive, file.id).problem_flags = [flag]
        session.commit()
    answer = rest("dewai_clerk").post(f"/api/v1/archive/{file.id}/steps/report", json={"message": "x"})
    assert answer.status_code == 409
    assert country.again(file).holder_depth == file.holder_depth


def test_an_incomplete_file_is_not_reported(rest, country, make_archive):  # AID-R032
    file = make_archive()
    with country.acting() as session:
        session.get(Archive, file.id).phone = None
        session.commit()
    answer = rest("dewai_clerk").post(f"/api/v1/archive/{file.id}/steps/report", json={"message": "x"})
    assert answer.status_code == 409
    assert "联系电话" in answer.json["message"]


def test_the_flagged_pair_of_the_demo_is_there_and_can_be_edited(rest, country):
    pair = [file for file in country.all(Archive) if "duplicate_id" in (file.problem_flags or [])]
    assert len(pair) == 2
    assert pair[0].id_card_no == pair[1].id_card_no
    client = rest("dewai_clerk")
    assert client.get(f"/api/v1/archive/{pair[0].id}").json["result"]["problem_flags"] == ["duplicate_id"]
    assert client.put(f"/api/v1/archive/{pair[0].id}", json={"remarks": "核对中"}).status_code == 200


# --- deleting (AID-R061 – R064) ---------------------------------------------------------------------------------


def test_of_several_those_that_may_go_go_and_the_rest_is_named(
    login, country, make_archive
):  # AID-R061 – R063
    mine, gone_up = make_archive(), make_archive(at="xicheng")
    clerk = login("dewai_clerk")
    answer = clerk.post("/archive/delete", {"ids": [str(mine.id), str(gone_up.id)]})
    page = words_of(clerk.get(answer.location).text)
    assert "删除成功：1条" in page
    assert gone_up.title in page
    assert "已上报的数据不能删除" in page
    assert country.again(mine) is None
    assert country.again(gone_up) is not None


def test_deletion_asks_first(login, make_archive):  # AID-R064, AID-R233
    file = make_archive()
    page = lxml.html.fromstring(login("dewai_clerk").get(f"/archive/show/{file.id}").text)
    assert page.xpath(
        f"//*[@data-confirm][@formaction='/archive/delete/{file.id}' or ancestor::form[@action='/archive/delete/{file.id}']]"
    )
    at = make_archive(at="xicheng")
    page = lxml.html.fromstring(login("xicheng_clerk").get(f"/archive/show/{at.id}").text)
    asked = page.xpath("//*[@data-dialog][contains(@href, '/dialog/send_back')]/@data-confirm")
    assert asked == ["确定退回选中的记录吗？"]  # L18: before the reminder is written


def test_a_deleted_file_leaves_nothing_but_its_history(country, rest, make_archive):
    file = make_archive(members=2)
    assert rest("dewai_clerk").delete(f"/api/v1/archive/{file.id}").status_code == 200
    assert not country.all(FamilyMember, FamilyMember.archive_id == file.id)
    assert not country.all(IdentityClaim, IdentityClaim.record_id == file.id)
    last = country.versions(file)[-1]
    assert last.step == "delete"
    assert len(last.snapshot["family_members"]) == 2


# --- history (AID-R065) -----------------------------------------------------------------------------------------


def test_every_change_keeps_what_was_before(rest, country, make_archive):  # AID-R065
    file = make_archive(members=1, remarks="旧")
    body = {"remarks": "新", "family_members": [], "household_size": 1}
    assert rest("dewai_clerk").put(f"/api/v1/archive/{file.id}", json=body).status_code == 200
    version = country.versions(file)[-1]
    assert version.snapshot["remarks"] == "旧"
    assert version.snapshot["family_members"][0]["full_name"] == file.family_members[0].full_name
    changed = {name: (old, new) for name, old, new in version.diff}
    assert changed["remarks"] == ("旧", "新")
    assert changed["family_members"][1] == []
    assert version.unit_name == "德外街道总工会"


# --- lists, queries, statistics (AID-R069 – R085) ---------------------------------------------------------------


def test_each_kind_has_its_list(rest, login, make_archive):  # AID-R080
    kinds = {
        "hardship": make_archive(worker_identity="on_duty"),
        "migrant": make_archive(worker_identity="migrant"),
        "temporary": make_archive(worker_identity="on_duty", hardship_category="temporary"),
    }
    seen = {shelf: login("dewai_clerk").get(f"/archive/list/?shelf={shelf}&size=200").text for shelf in kinds}
    for shelf, expected in {
        "hardship": {"hardship", "migrant"},
        "migrant": {"migrant"},
        "temporary": {"temporary"},
    }.items():
        shown = {kind for kind, file in kinds.items() if f"/archive/show/{file.id}" in seen[shelf]}
        assert shown == expected, shelf
    for kind, file in kinds.items():
        assert rest("dewai_clerk").get(f"/api/v1/archive/{file.id}").json["result"]["archive_kind"] == kind


def test_a_cancelled_file_leaves_the_lists(country, login, rest, make_archive):  # AID-R069
    file = make_archive()
    with country.acting() as session:
        session.get(Archive, file.id).is_cancelled = True
        session.commit()
    assert f"/archive/show/{file.id}" not in login("dewai_clerk").get("/archive/list/?size=200").text
    assert rest("dewai_clerk").get(f"/api/v1/archive/{file.id}").status_code == 200


def test_the_unit_selector_takes_the_subordinates_along(login, country, make_archive):  # AID-R015, AID-R081
    near, far = make_archive("dewai", at="bj"), make_archive("xinfeng", at="bj")
    other, own_only = make_archive("xueyuanlu", at="bj"), make_archive("dewai")
    clerk = login("bj_clerk")

    def shown(args):
        page = clerk.get(f"/archive/list/?size=200&{args}").text
        return {file.id for file in (near, far, other, own_only) if f"/archive/show/{file.id}" in page}

    assert shown("") == {near.id, far.id, other.id}
    assert shown(f"unit={country.unit('dewai').id}") == {near.id, far.id}
    assert shown(f"unit={country.unit('dewai').id}&sub=0") == {near.id}
    assert shown(f"unit={country.unit('xinfeng').id}") == {far.id}
    assert shown("sub=0") == set()
    assert shown(f"unit={country.unit('sh').id}") == {near.id, far.id, other.id}  # not his: his own instead


def test_the_state_tabs_part_the_list(login, rest, country):  # AID-R014, L4
    for who in ("dewai_clerk", "xicheng_clerk", "bj_clerk"):
        with country.acting(who) as session:
            actor = country.actor(who)
            files = session.scalars(
                select(Archive).where(Archive.hardship_category != "temporary", ~Archive.is_cancelled)
            ).all()
            expected = Counter(file.report_state(actor) for file in files)
        for state in ("pending", "reported", "returned"):
            page = login(who).get(f"/archive/list/?size=200&state={state}").text
            rows = lxml.html.fromstring(page).xpath(
                "//table//tbody/tr[@data-row or .//a[contains(@href, '/archive/show/')]]"
            )
            assert len(rows) == expected[state], (who, state)
        tabs = words_of(login(who).get("/archive/counts").text)
        assert all(str(expected[state]) in tabs for state in expected)


def test_ranges_are_open_at_both_ends_and_must_not_be_crossed(login, make_archive):  # AID-R231
    file = make_archive(personal_monthly_income="500.00")
    clerk = login("dewai_clerk")

    def shown(low, high):
        url = f"/archive/list/?size=200&personal_monthly_income_from={low}&personal_monthly_income_to={high}"
        return f"/archive/show/{file.id}" in clerk.get(url).text

    assert shown("499.99", "500.01")
    assert not shown("500", "600")
    assert not shown("400", "500")
    assert (
        "起点不能大于终点"
        in clerk.get("/archive/list/?personal_monthly_income_from=9&personal_monthly_income_to=1").text
    )


def test_conditions_of_a_member_hold_for_one_and_the_same(login, people, make_archive):
    son = people.member("son", "male", 20, health_status="good", disability_category=None)
    wife = people.member("wife", "female", 44, health_status="cancer", disability_category=None)
    file = make_archive(family_members=[son, wife])
    clerk = login("dewai_clerk")
    url = "/archive/list/?size=200&family_members.relation={}&family_members.health_status={}"
    assert f"/archive/show/{file.id}" in clerk.get(url.format("wife", "cancer")).text
    assert f"/archive/show/{file.id}" not in clerk.get(url.format("son", "cancer")).text


def test_an_id_is_found_by_either_of_its_spellings(login, people, make_archive):
    file = make_archive(id_card_no=_within_1900s(people), members=0)
    short = file.id_card_no[:6] + file.id_card_no[8:17]
    for number in (file.id_card_no, short, file.id_card_no.lower()):
        assert (
            f"/archive/show/{file.id}" in login("dewai_clerk").get(f"/archive/list/?id_card_no={number}").text
        )


def test_there_are_exactly_four_ways_to_print(login):  # AID-R066, AID-R082
    page = lxml.html.fromstring(login("dewai_clerk").get("/archive/list/").text)
    ways = {
        link.get("href").partition("?")[2] for link in page.xpath("//a[contains(@href, '/archive/print?')]")
    }
    assert ways == {
        f"rows={rows}&fields={fields}" for rows in ("page", "result") for fields in ("shown", "all")
    }


def test_a_row_is_printed_and_saved_as_word(login, make_archive):  # AID-R066
    file = make_archive()
    page = login("dewai_clerk").get("/archive/list/?size=200").text
    assert f"/archive/print/{file.id}" in page
    assert f"/archive/word/{file.id}" in page


@pytest.mark.parametrize("who", ["root", "bj", "xicheng", "dewai_clerk"])
@pytest.mark.parametrize("dimension", ["gender", "health_status", "hardship_category", "main_hardship_cause"])
@pytest.mark.parametrize("shelf", ["", "hardship"])
def test_a_statistic_is_the_sum_of_its_parts(rest, country, who, dimension, shelf):  # AID-R083, AID-R084
    with country.acting(who) as session:
        wanted = select(Archive).where(~Archive.is_cancelled)
        if shelf:  # 困难职工档案 with the migrant workers' (AID-R080)
            wanted = wanted.where(Archive.hardship_category != "temporary")
        files = session.scalars(wanted).all()
        people = Counter()
        for file in files:
            people[getattr(file, dimension) or "(none)"] += file.household_size
        counts = Counter(getattr(file, dimension) or "(none)" for file in files)
    table = rest(who).get(f"/api/v1/archive/statistics?by={dimension}&shelf={shelf}").json
    total, rows = table["total"], table["rows"]
    assert files
    assert (total["total.archives"], total["total.people"]) == (len(files), sum(people.values()))
    assert {name: total[f"{name}.archives"] for name in counts} == dict(counts)
    assert {name: total[f"{name}.people"] for name in people} == dict(people)
    for row in [*rows, total]:
        for measure in ("archives", "people"):
            parts = [
                value for name, value in row.items() if name.endswith(f".{measure}") and name[:6] != "total."
            ]
            assert sum(parts) == row[f"total.{measure}"]
    for name in total.keys() - {"unit"}:
        assert total[name] == sum(row[name] for row in rows), name


def test_the_blank_form_carries_no_data(login, country):  # AID-R085
    page = words_of(login("dewai_clerk").get("/archive/blank").text)
    assert "致困主要原因" in page
    assert not any(file.full_name in page for file in country.all(Archive))


def test_amounts_are_shown_in_yuan_with_two_decimals(login, make_archive):  # AID-R230
    file = make_archive(household_annual_income="12345.6")
    assert "12,345.60" in words_of(login("dewai_clerk").get(f"/archive/show/{file.id}").text)


@pytest.mark.parametrize("raw", ["2001-02-03", "20010203", "2001/2/3", "2001年2月3日"])
def test_dates_are_understood(rest, country, make_archive, raw):  # AID-R229
    file = make_archive()
    assert (
        rest("dewai_clerk").put(f"/api/v1/archive/{file.id}", json={"work_start_date": raw}).status_code
        == 200
    )
    assert country.again(file).work_start_date == date(2001, 2, 3)


def test_what_people_type_is_never_markup(login, make_archive):
    bad = '<b onmouseover=alert(1)>"&lt;'
    file = make_archive(full_name=bad, at="xicheng")
    for url in (f"/archive/show/{file.id}", "/archive/list/?size=200", f"/archive/print/{file.id}"):
        assert bad not in login("dewai_clerk").get(url).text
    page = (
        login("dewai_clerk").get(f"/archive/dialog/report?ids={file.id}").text
    )  # the refusal names the file
    assert "onmouseover" in page
    assert "<b onmouseover" not in page


def test_formulas_are_neutral_in_files(login, make_archive):
    make_archive(full_name="=1+1", home_address="@SUM(A1)", employer_name="+8613800001111")
    page = login("dewai_clerk").get("/archive/export?format=csv").text
    assert ",=1+1" not in page
    assert ",@SUM" not in page


def test_a_code_is_typed_by_label_or_code_and_shown_with_both(rest, make_archive):
    file, client = make_archive(), rest("dewai_clerk")
    for raw in ("meng", "蒙古族", {"code": "02"}, {"label": "蒙古族"}, "02"):
        answer = client.put(f"/api/v1/archive/{file.id}", json={"ethnicity": raw})
        assert answer.status_code == (422 if raw == "meng" else 200)
    assert answer.json["result"]["ethnicity"] == {"code": "02", "label": "蒙古族"}


_WIDE = str.maketrans("0123456789X", "０１２３４５６７８９Ｘ")


def _within_1900s(people):
    return people.id_card_no(date(1971, 3, 4), "male")


def _type(typed, path, raw):
    child, _dot, rest_of_path = path.partition(".")
    if not rest_of_path:
        typed[path] = raw
    else:
        index, _dot, name = rest_of_path.partition(".")
        typed[child][int(index)][name] = raw
