"""Households from Excel: the rules of a save, whatever way they come; the same file twice changes nothing."""

from __future__ import annotations

import pytest

from app.kit import history, saving
from app.kit.history import RecordVersion
from app.models.archive import Archive
from tests.importing import Books, attached, column, reasons
from tests.importing import content as bytes_of
from tests.world import words_of

WHO = "dewai_clerk"


@pytest.fixture
def books(app, country):
    return Books(app, country)


@pytest.fixture
def clerk(login):
    return login(WHO)


@pytest.fixture
def households(people):
    """``households(3)`` → so many, each valid and new, with members."""

    def make(count, members=2, **overrides):
        overrides.setdefault("hardship_category", "low_income")
        return [people.household(members, **overrides) for _each in range(count)]

    return make


def found(country, typed):
    """The stored file of a household."""
    files = country.all(Archive, Archive.id_card_no == typed["id_card_no"])
    return country.again(files[-1]) if files else None


# --- what a good file becomes ---------------------------------------------------------------------------------


def test_an_imported_household_is_what_the_form_would_have_made(books, clerk, country, households, people):
    """AID-R037 – R052, R065: columns, members, derived values, history, claims and name keys, one by one."""
    typed = households(1)[0] | {"birth_date": "", "gender": "", "remarks": "两行\n备注"}
    typed["family_members"][0] |= {"gender": "", "birth_date": ""}
    job = books.bring(clerk, books.book([typed]))
    assert (job.state, job.message) == ("done", "成功 1 户，未改动 0 户，失败 0 户")
    mine = found(country, typed)
    with country.acting(WHO) as session:
        who = country.actor(WHO)
        twin = Archive()
        session.add(twin)
        other = people.household(2)
        swap = {"id_card_no": other["id_card_no"]}
        lines = [
            dict(line) | {"id_card_no": new["id_card_no"]}
            for line, new in zip(typed["family_members"], other["family_members"], strict=True)
        ]
        saving.save(
            session, twin, typed | swap | {"family_members": lines, "birth_date": typed["birth_date"]}, who
        )
        session.commit()
        pk = twin.id
    formed = country.read(Archive, pk)
    own = {
        "id",
        "archive_no",
        "id_card_no",
        "family_members",
        "birth_date",
        "gender",
        "created_at",
        "updated_at",
    }
    taken, given = content(country, mine), content(country, formed)
    assert {k: v for k, v in taken.items() if k not in own} == {
        k: v for k, v in given.items() if k not in own
    }
    assert mine.birth_date.isoformat().replace("-", "") == typed["id_card_no"][6:14]
    kept = {
        "full_name",
        "relation",
        "health_status",
        "monthly_income",
        "member_identity",
        "line_no",
        "employer_or_school",
    }
    for line, twin_line in zip(taken["family_members"], given["family_members"], strict=True):
        assert {k: line[k] for k in kept} == {k: twin_line[k] for k in kept}
    # the version reads like that of a save
    [version], [other_version] = country.versions(mine), country.versions(formed)
    assert (version.step, version.account_name, version.unit_name) == (
        "add",
        other_version.account_name,
        other_version.unit_name,
    )
    assert {name for name, _old, _new in version.diff} == {name for name, _old, _new in other_version.diff}
    same = own | {"family_members", "owner_unit_id"}
    assert [one for one in version.diff if one[0] not in same] == [
        one for one in other_version.diff if one[0] not in same
    ]
    assert formed.archive_no == f"{int(mine.archive_no) + 1}"
    # and it is found by its name, and taken for good
    assert clerk.get(f"/archive/list/?full_name={mine.full_name}").text.count(mine.archive_no)
    clash = clerk.form("/archive/add?shelf=hardship").fill(
        people.household(0, hardship_category="low_income", id_card_no=typed["id_card_no"])
    )
    assert clerk.submit(clash).status_code == 422


def content(country, archive):
    with country.acting() as session:
        return history.snapshot(session.get(Archive, archive.id))


def test_the_same_file_twice_changes_nothing(books, clerk, households):
    book = books.book(households(7))
    assert books.bring(clerk, book).message == "成功 7 户，未改动 0 户，失败 0 户"
    before = books.everything()
    job = books.bring(clerk, book)
    assert (job.state, job.message) == ("done", "成功 0 户，未改动 7 户，失败 0 户")
    assert books.everything() == before


def test_a_double_click_is_one_job(books, clerk, households):
    book = bytes_of(books.book(households(1)))  # saved once: a workbook holds the second of its saving
    first, second = books.upload(clerk, book), books.upload(clerk, book)
    other = books.upload(clerk, book, update="1")
    assert first.json == second.json != other.json
    books.work()
    assert books.upload(clerk, book).json["job"] > other.json["job"]  # asked for again on purpose


def test_numbers_run_on_without_gaps(books, clerk, country, households):
    """Q35: a refused row takes no number; a typed one is kept and not given again."""
    homes = households(6, 0)
    homes[2]["household_size"] = 9
    first = books.bring(clerk, books.book(homes[:1]))
    last = int(found(country, homes[0]).archive_no)
    homes[4]["archive_no"] = str(last + 2)
    job = books.bring(clerk, books.book(homes[1:]))
    assert (first.state, job.message) == ("done", "成功 4 户，未改动 0 户，失败 1 户")
    numbers = [int(found(country, homes[n]).archive_no) - last for n in (1, 3, 4, 5)]
    assert numbers == [1, 3, 2, 4]
    again = households(1, 0)[0] | {"archive_no": str(last + 2)}
    assert "本单位已有这个职工编号" in books.bring(clerk, books.book([again])).errors[0]["words"]


# --- what a faulty row becomes --------------------------------------------------------------------------------


def test_bad_rows_never_stop_good_ones_and_come_back_with_red_reasons(books, clerk, country, households):
    """AID-R040 – R051: each fault on its own row, in the words of the form; mended, the workbook goes in as it is."""
    homes = households(8)
    homes[1]["id_card_no"] = homes[1]["id_card_no"][:12]
    homes[2]["household_size"] = 9
    homes[3]["ethnicity"] = "火星族"
    homes[4]["family_members"][1]["birth_date"] = "昨天"
    homes[5]["full_name"] = ""
    homes[6]["health_status"] = "disabled"
    homes[6]["disability_category"] = ""
    book = books.book(homes)
    job = books.bring(clerk, book)
    assert (job.state, job.message, job.failed) == ("partly", "成功 2 户，未改动 0 户，失败 6 户", 6)
    assert job.result["filename"] == "住户 导入结果.xlsx"
    result = books.result(clerk, job)
    assert result.sheetnames == book.sheetnames
    told = reasons(result["职工档案"])
    assert set(told) == {3, 4, 5, 6, 7, 8}
    for row, words in {
        3: "身份证号应为15位数字",
        4: "家庭人口数必须等于家庭成员人数加1",
        5: "「火星族」不在代码表中",
        6: "「家庭成员」第11行 出生日期：日期应写作",
        7: "请填写姓名",
        8: "健康状况为残疾时，请选择残疾类别",
    }.items():
        assert words in told[row]
    lines = reasons(result["家庭成员"])
    assert lines[11].startswith("出生日期：日期应写作")
    assert lines[10] == "所属的行没有导入，见「职工档案」第6行"
    # the texts are the person's own
    for sheet in ("职工档案", "家庭成员"):
        ours = [[cell.value for cell in row][: book[sheet].max_column] for row in result[sheet].iter_rows()]
        assert ours == [[cell.value for cell in row] for row in book[sheet].iter_rows()]
    # mended where the reasons point, it goes in as it is
    sheet = result["职工档案"]
    for row, label, value in (
        (4, "家庭人口", 3),
        (5, "民族", "汉族"),
        (7, "姓名", "王秀英"),
        (8, "残疾类别", "肢体残疾"),
    ):
        sheet.cell(row, column(sheet, label)).value = value
    with country.acting():
        from app.kit import codes

        sheet.cell(8, column(sheet, "残疾类别")).value = codes.values("disability_category")[0].label
    sheet = result["家庭成员"]
    sheet.cell(11, column(sheet, "出生日期")).value = "2001-02-03"
    again = books.bring(clerk, result)
    assert again.message == "成功 5 户，未改动 2 户，失败 1 户"
    assert set(reasons(books.result(clerk, again)["职工档案"])) == {3}


def test_another_content_needs_the_option(books, clerk, country, households):
    """The edit goes through the form's own door: version, history, guards (AID-R026, R065)."""
    homes = households(3)
    books.bring(clerk, books.book(homes))
    before = [found(country, home) for home in homes]
    homes[1]["employer_name"] = "更名后的工厂"
    homes[1]["family_members"][0]["employer_or_school"] = "第三中学"
    refused = books.bring(clerk, books.book(homes))
    assert refused.message == "成功 0 户，未改动 2 户，失败 1 户"
    assert "已存在，内容与本行不同" in refused.errors[0]["words"]
    changed = books.bring(clerk, books.book(homes), update="1")
    assert changed.message == "成功 0 户，更新 1 户，未改动 2 户，失败 0 户"
    after = [found(country, home) for home in homes]
    assert [file.version for file in after] == [before[0].version, before[1].version + 1, before[2].version]
    assert after[1].employer_name == "更名后的工厂"
    assert [line.id for line in after[1].family_members] == [line.id for line in before[1].family_members]
    assert {name for name, _old, _new in country.versions(after[1])[-1].diff} == {
        "employer_name",
        "family_members",
    }
    country.step(after[2], "report", WHO)
    homes[2]["phone"] = "13900001111"
    assert books.bring(clerk, books.book(homes), update="1").message.startswith("成功 0 户，更新 1 户")


def test_a_cancelled_file_is_not_changed(books, clerk, country, households):
    """AID-R056: the words of the form's conflict."""
    [home] = households(1)
    books.bring(clerk, books.book([home]))
    with country.acting() as session:
        session.get(Archive, found(country, home).id).is_cancelled = True
        session.commit()
    job = books.bring(clerk, books.book([home]), update="1")
    assert job.state == "failed"
    assert "注销" in job.errors[0]["words"]


def test_a_number_that_stands_elsewhere_is_refused_in_the_words_of_the_form(books, clerk, login, households):
    """AID-R039, R057, R059: one number once in the country."""
    theirs, mine = households(2), households(3)
    books.bring(login("caohejing_clerk"), books.book(theirs))
    mine[0]["id_card_no"] = theirs[0]["id_card_no"]
    mine[1]["family_members"][0]["id_card_no"] = theirs[1]["family_members"][1]["id_card_no"]
    for line in (mine[0], mine[1]["family_members"][0]):
        line |= {"birth_date": "", "gender": line["gender"]}
    job = books.bring(clerk, books.book(mine))
    told = reasons(books.result(clerk, job)["职工档案"])
    assert "建档" in told[2]
    assert "漕河泾街道总工会" in told[2]
    assert "已作为家庭成员登记在职工编号" in told[3]
    assert job.message == "成功 1 户，未改动 0 户，失败 2 户"


def test_a_number_twice_in_one_file_is_told_with_its_rows(books, clerk, households):
    """AID-R039, R042: a number of fifteen digits and its conversion are one."""
    homes = households(4, 1)
    homes[3]["family_members"][0]["id_card_no"] = homes[1]["id_card_no"]
    homes[2]["id_card_no"] = homes[0]["id_card_no"]
    homes[2]["family_members"][0]["id_card_no"] = homes[0]["family_members"][0]["id_card_no"][:17] + "０"
    job = books.bring(clerk, books.book(homes))
    told = reasons(books.result(clerk, job)["职工档案"])
    assert set(told) == {2, 3, 4, 5}
    assert "「职工档案」第2行、「职工档案」第4行" in told[2]
    assert "「职工档案」第3行、「家庭成员」第5行" in told[3]
    assert "「家庭成员」第5行" in told[5]


def test_members_without_a_householder_are_told(books, clerk, households):
    homes = households(2, 1)
    book = books.book(homes)
    book["家庭成员"].append(["110102198001011234", "孤儿"])
    book["家庭成员"].append([None, "无主"])
    job = books.bring(clerk, book)
    assert job.message == "成功 2 户，未改动 0 户，失败 2 户"
    told = reasons(books.result(clerk, job)["家庭成员"])
    assert set(told) == {4, 5}
    assert "没有找到这个户主身份证号对应的行" in told[4]


# --- what Excel does to values --------------------------------------------------------------------------------


def test_an_identity_number_typed_as_a_number_is_refused_with_the_way_out(books, clerk, households):
    homes = households(2, 0)
    book = books.book(homes)
    sheet = book["职工档案"]
    at = column(sheet, "身份证号")
    sheet.cell(2, at).value = int(homes[0]["id_card_no"][:17] + "0")
    job = books.bring(clerk, book)
    assert job.message == "成功 1 户，未改动 0 户，失败 1 户"
    result = books.result(clerk, job)["职工档案"]
    assert "身份证号被存成了数值，末几位已丢失，请按文本重新填写" in reasons(result)[2]
    assert result.cell(2, at).number_format == "General" or result.column_dimensions["C"].style is not None


def test_dates_numbers_and_words_are_taken_as_people_write_them(books, clerk, country, households):
    from datetime import date

    homes = households(4, 0)
    book = books.book(homes)
    sheet = book["职工档案"]
    born, started = column(sheet, "出生日期"), column(sheet, "工作年限")
    phone, income = column(sheet, "联系电话"), column(sheet, "本人月平均收入")
    sheet.cell(2, born).value, sheet.cell(2, started).value = date(1970, 1, 2), 20010203
    sheet.cell(3, started).value = 36925
    sheet.cell(3, phone).value, sheet.cell(3, income).value = 13800000000, "1，200.5"
    sheet.cell(4, started).value = "2001年2月3日"
    sheet.cell(5, started).value, sheet.cell(5, phone).value = 9_999_999, True
    job = books.bring(clerk, book)
    assert job.message == "成功 3 户，未改动 0 户，失败 1 户"
    files = [found(country, home) for home in homes]
    assert files[0].birth_date == date(1970, 1, 2)
    assert [str(file.work_start_date) for file in files[:3]] == ["2001-02-03"] * 3
    assert files[1].phone == "13800000000"
    assert files[1].personal_monthly_income == 1200.5
    assert {"工作年限", "联系电话"} <= {part.split("：")[0] for part in job.errors[0]["words"].split("；")}


def test_what_no_database_keeps_is_refused_on_its_row(books, clerk, households):
    homes = households(4, 0)
    book = books.book(homes)
    sheet = book["职工档案"]
    at = column(sheet, "工作单位")
    for row, value in enumerate(("空_x0000_字", "半个_xD800_字", "长" * 32_000, "#N/A"), 2):
        sheet.cell(row, at).value = value
    job = books.bring(clerk, book)
    assert job.state == "failed"
    told = reasons(books.result(clerk, job)["职工档案"])
    assert [words.partition("：")[2] for words in told.values()] == [
        "含有无法保存的字符",
        "含有无法保存的字符",
        "最多100个字，现有32000个字",
        "是错误值#N/A，请改成实际内容",
    ]


def test_a_formula_does_not_come_back_to_life(books, clerk, households):
    homes = households(1, 0)
    homes[0] |= {"employer_name": '=HYPERLINK("http://x","y")', "full_name": "=1+1", "remarks": "@SUM(A1)"}
    homes[0]["household_size"] = 9
    book = books.book(homes)
    for cell in book["职工档案"][2]:
        if isinstance(cell.value, str):
            cell.data_type = "s"
    back = books.result(clerk, books.bring(clerk, book))["职工档案"]
    cells = [cell for cell in back[2] if isinstance(cell.value, str) and cell.value.startswith(("=", "@"))]
    assert len(cells) == 3
    assert {cell.data_type for cell in cells} == {"s"}


def test_merged_rows_are_refused_one_by_one(books, clerk, households):
    homes = households(4, 0)
    book = books.book(homes)
    book["职工档案"].merge_cells("E3:E4")
    job = books.bring(clerk, book)
    assert job.message == "成功 2 户，未改动 0 户，失败 2 户"
    assert "第3至4行有合并的单元格" in job.errors[0]["words"]


# --- what a whole file is refused for -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda book: setattr(book["职工档案"]["B1"], "value", "星座"), "B列的「星座」不是本表的栏目"),
        (lambda book: book["职工档案"].delete_cols(1), "缺少必填的「困难类别」一栏"),
        (lambda book: setattr(book["职工档案"]["B1"], "value", "姓名"), "有两栏「姓名」"),
        (lambda book: book["职工档案"].merge_cells("A1:B1"), "表头有合并的单元格"),
        (lambda book: setattr(book["职工档案"]["B1"], "value", "所属单位"), "只用于旧系统数据迁移"),
        (lambda book: setattr(book["家庭成员"]["A1"], "value", None), "缺少必填的「户主身份证号」一栏"),
        (lambda book: setattr(book["职工档案"], "sheet_state", "hidden"), "是隐藏的"),
        (lambda book: book["职工档案"].delete_rows(1), "没有找到表头"),
    ],
    ids=["strange", "missing", "twice", "merged", "owner", "key", "hidden", "none"],
)
def test_a_file_with_wrong_heads_is_refused_as_a_whole(books, clerk, country, households, spoil, words):
    homes = households(2, 1)
    book = books.book(homes)
    spoil(book)
    job = books.bring(clerk, book)
    assert job.state == "failed"
    assert words in job.message
    assert [found(country, home) for home in homes] == [None, None]


def test_heads_are_known_however_they_are_written(books, clerk, households):
    """Stars, blanks, full width, units in brackets; a title above; columns that the system fills in itself."""
    book = books.book(households(2, 1))
    sheet = book["职工档案"]
    sheet["A1"].value, sheet["C1"].value = " 困难 类别＊", "姓名*"
    sheet.cell(1, column(sheet, "建筑面积")).value = "建筑面积（平方米）"
    last = sheet.max_column
    sheet.cell(1, last + 1).value, sheet.cell(1, last + 2).value = "建档日期", "导入结果"
    sheet.cell(2, last + 2).value = "上次的原因"
    sheet.insert_rows(1)
    sheet["A1"].value = "二〇二六年困难职工花名册"
    sheet.title = "Sheet1"
    assert books.bring(clerk, book).message == "成功 2 户，未改动 0 户，失败 0 户"


@pytest.mark.parametrize("name", ["csv", "empty", "none"])
def test_what_is_no_workbook_is_refused_at_the_upload(books, clerk, name):
    answer = books.upload(clerk, {"csv": "姓名,身份证号\n".encode(), "empty": b"", "none": b"%PDF-1.4"}[name])
    assert answer.status_code == 422
    assert answer.json["errors"]["file"]
    page = clerk.post("/archive/import", data={"file": attached(b"%PDF-1.4")})
    assert page.status_code == 422
    assert "PDF" in words_of(page.text)
    assert clerk.post("/archive/import").status_code == 422


def test_more_households_than_the_bound_are_refused(books, clerk, households, monkeypatch):
    from app.kit import importing

    monkeypatch.setattr(importing, "MAX_RECORDS", 3)
    assert "最多3户" in books.bring(clerk, books.book(households(4, 0))).message


def test_a_file_larger_than_the_bound_is_refused(clerk, monkeypatch):
    from app.kit import importing

    monkeypatch.setattr(importing, "MAX_BYTES", 13 * 1024 * 1024)
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.xlsx"\r\n\r\n'
    told = {"headers": {"X-CSRFToken": clerk.csrf}, "content_type": "multipart/form-data; boundary=b"}
    for size, status in ((12_600_000, 422), (15_000_000, 413)):  # other pages take twelve megabytes
        answer = clerk.post("/archive/import", data=head + b"x" * size + b"\r\n--b--\r\n", **told)
        assert answer.status_code == status


# --- who may --------------------------------------------------------------------------------------------------


def test_the_right_is_asked_again_in_the_job(books, clerk, country, households, monkeypatch):
    """AID-R002: a right that goes while the job waits stops it."""
    answer = books.upload(clerk, books.book(households(1)))
    country.give(WHO, "信访接待")
    books.work()
    job = books.job(answer.json["job"])
    assert job.state == "failed"
    assert "权限" in job.message


def test_a_program_imports_with_its_token(books, rest, households):
    data = {"file": attached(bytes_of(books.book(households(1))))}
    answer = rest(WHO).post("/archive/import", data=data)
    assert answer.status_code == 202
    books.work()
    told = rest(WHO).get(f"/api/v1/job/{answer.json['job']}").json["result"]
    assert (told["state"], told["done"], told["total"], told["errors"]) == ("成功", 1, 1, [])
    assert told["result"]["counts"] == {"added": 1}


def test_a_cancelled_job_keeps_what_is_done_and_does_no_more(books, clerk, country, households, monkeypatch):
    from app.kit import importing, intake

    monkeypatch.setattr(importing, "CHUNK", 2)
    homes = households(6, 0)
    answer = books.upload(clerk, books.book(homes))
    job, work, chunks = answer.json["job"], intake.Chunk.work, []

    def cancel_in_the_second(self, rows):
        chunks.append(1)
        if len(chunks) == 2:
            clerk.post("/job/steps/cancel", {"ids": job})
        return work(self, rows)

    monkeypatch.setattr(intake.Chunk, "work", cancel_in_the_second)
    books.work()
    assert books.job(job).state == "cancelled"
    assert [found(country, home) is not None for home in homes] == [True, True, False, False, False, False]


# --- the older system -----------------------------------------------------------------------------------------


@pytest.fixture
def root(login):
    return login("root")


def test_a_migration_keeps_faulty_files_and_flags_them(books, root, login, country, households):
    """SM-AID-04, AID-R086: kept, flagged, owned by the unit that the row names; a duplicate holds no claim."""
    homes = households(7, 1)
    for home, owner in zip(
        homes, ("德外街道总工会", None, "xinfeng", "dewai", "dewai", "dewai", "dewai"), strict=True
    ):
        home["owner"] = str(country_number(country, owner)) if owner in {"xinfeng", "dewai"} else owner
    homes[1]["owner"] = "中华全国总工会->北京市总工会->西城区总工会->德外街道总工会"
    homes[2]["id_card_no"] = homes[2]["id_card_no"][:10]
    homes[3]["household_size"] = 9
    homes[4] |= {"phone": "", "ethnicity": "火星族"}
    homes[5] |= {"id_card_no": homes[0]["id_card_no"], "family_members": [], "household_size": 1}
    homes[6] |= {"full_name": "", "id_card_no": ""}
    homes[6]["family_members"] = []
    book = books.book(homes, owner=True)
    job = books.bring(root, book, migrate="1")
    assert job.message == "成功 2 户，列为有问题 4 户，未改动 0 户，失败 1 户"
    files = {
        file.full_name: file
        for file in country.all(Archive)
        if file.full_name in {h["full_name"] for h in homes}
    }
    flags = [files[home["full_name"]].problem_flags for home in homes[:6]]
    assert flags[:2] == [[], []]
    assert flags[2][0] == "bad_id"
    assert flags[3] == ["family_size"]
    assert flags[4] == ["incomplete"]
    assert flags[5] == ["duplicate_id"]
    assert files[homes[2]["full_name"]].owner_unit_id == country.unit("xinfeng").id
    assert files[homes[1]["full_name"]].owner_path == country.unit("dewai").path
    assert files[homes[4]["full_name"]].ethnicity is None
    told = reasons(books.result(root, job)["职工档案"])
    assert "「火星族」不在代码表中" in told[6]
    assert "姓名和身份证号都没有" in told[8]
    # the number is the first one's
    with country.acting() as session:
        from app.kit import claims

        [holder] = claims.holders(session, "hardship", [homes[0]["id_card_no"]]).values()
        assert holder.record_id == files[homes[0]["full_name"]].id
    before = books.everything()
    again = books.bring(root, book, migrate="1")
    assert again.message == "成功 0 户，未改动 6 户，失败 1 户"
    assert books.everything() == before


def country_number(country, login):
    from app.models.unit import Unit

    return country.read(Unit, country.unit(login).id).unit_no


def test_an_unknown_owner_is_refused(books, root, households):
    homes = households(3, 0)
    for home, owner in zip(homes, ("火星总工会", "999999999", None), strict=True):
        home["owner"] = owner
    job = books.bring(root, books.book(homes, owner=True), migrate="1")
    assert job.state == "failed"
    assert ["没有找到所属单位" in error["words"] for error in job.errors] == [True, True, False]
    assert "请填写所属单位" in job.errors[2]["words"]


@pytest.mark.parametrize("name", ["root_clerk", "bj", "dewai"])
def test_only_the_administrator_of_the_root_migrates(books, login, households, name):
    who = login(name)
    answer = books.upload(who, books.book(households(1, 0), owner=True), migrate="1")
    assert answer.status_code == 403
    assert "旧系统数据迁移" not in words_of(who.get("/archive/import").text)


def test_a_flagged_file_that_passes_every_rule_loses_its_flags(login, country, make_archive):
    """AID-R087: at its next save."""
    file = make_archive("dewai")
    with country.acting() as session:
        session.get(Archive, file.id).problem_flags = ["incomplete", "family_size"]
        session.commit()
    clerk = login(WHO)
    assert clerk.submit(clerk.form(f"/archive/edit/{file.id}")).status_code == 302
    assert country.again(file).problem_flags == []
    assert ["problem_flags", ["incomplete", "family_size"], []] in country.versions(file)[-1].diff


def test_a_duplicate_stays_flagged_until_the_other_file_goes(login, country, make_archive, people):
    """AID-R088: only merging, cancelling, deleting or another number clears it."""
    first = make_archive("dewai", id_card_no=people.household(0)["id_card_no"])
    second = make_archive("xinjiekou")
    with country.acting() as session:
        session.get(Archive, second.id).id_card_no = first.id_card_no
        session.get(Archive, first.id).problem_flags = ["duplicate_id", "incomplete"]
        session.commit()
    clerk = login(WHO)
    assert clerk.submit(clerk.form(f"/archive/edit/{first.id}")).status_code == 302
    assert country.again(first).problem_flags == ["duplicate_id"]
    with country.acting() as session:
        session.get(Archive, second.id).is_cancelled = True
        session.commit()
    assert clerk.submit(clerk.form(f"/archive/edit/{first.id}")).status_code == 302
    assert country.again(first).problem_flags == []


def test_versions_are_counted_once(books, clerk, country, households):
    """One version for each new file, none for one that is unchanged."""
    homes = households(3)
    book = books.book(homes)
    books.bring(clerk, book)
    books.bring(clerk, book)
    files = [found(country, home) for home in homes]
    with country.acting() as session:
        from sqlalchemy import func, select

        count = select(func.count()).where(
            RecordVersion.record_type == "archive", RecordVersion.record_id.in_([f.id for f in files])
        )
        assert session.scalar(count) == 3
