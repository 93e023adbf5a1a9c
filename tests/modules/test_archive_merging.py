"""合并重复档案, 合并不同档案, 合并记录: what the administrator sees, and what a program is told."""

from __future__ import annotations

from io import BytesIO

import lxml.html
import pytest

from app.kit import identity
from app.kit.claims import IdentityClaim
from app.models.archive import Archive
from app.workflows.mergers import Merger
from tests.world import errors_of, words_of

PDF = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<<>>\nendobj\n"


@pytest.fixture
def double(country, people, make_archive):
    """``double(file)`` → another file of the same householder, as an old system left it."""

    def make(file, owner="dewai", **more):
        other = make_archive(owner, **more)
        with country.acting() as session:
            found = session.get(Archive, other.id)
            for claim in session.query(IdentityClaim).filter_by(record_id=other.id, role="head"):
                session.delete(claim)
            for name in ("id_card_no", "full_name", "gender", "birth_date"):
                setattr(found, name, getattr(file, name))
            found.problem_flags = ["duplicate_id"]
            session.commit()
        return country.again(other)

    return make


def api(file, step):
    return f"/api/v1/archive/{file.id}/steps/{step}"


def listed(client, number):
    """The files that the list over REST finds by a number."""
    q = f"(filters:!((col:id_card_no,opr:eq,value:'{number}')))"
    return client.get(f"/api/v1/archive/?q={q}").json["ids"]


def claims_of(country, *files):
    found = country.all(IdentityClaim, IdentityClaim.record_id.in_([file.id for file in files]))
    return sorted((claim.id_key, claim.record_id) for claim in found)


# --- REST ---------------------------------------------------------------------------------------------------------


def test_a_program_merges_and_undoes(rest, country, make_archive):  # AID-R093, R095
    survivor, source = make_archive(members=1), make_archive(members=1)
    client = rest("dewai")
    answer = client.post(api(survivor, "merge"), json={"source_ids": [source.id], "phone": "13911112222"})
    assert answer.status_code == 200, answer.json
    assert answer.json["result"]["phone"] == "13911112222"
    assert [m["id"] for m in answer.json["result"]["family_members"]] == [
        m.id for m in survivor.family_members
    ]
    tombstone = client.get(f"/api/v1/archive/{source.id}")
    assert tombstone.json["result"]["merged_into_id"] == survivor.id
    assert tombstone.json["result"]["full_name"] == source.full_name
    assert client.post(api(survivor, "unmerge"), json={}).status_code == 200
    assert client.get(f"/api/v1/archive/{source.id}").json["result"]["merged_into_id"] is None
    assert client.get(f"/api/v1/archive/{survivor.id}").json["result"]["phone"] == survivor.phone
    history = client.get(f"/api/v1/archive/{survivor.id}/history").json["result"]
    assert [line["action"] for line in history[:3]] == ["撤销合并", "合并", "合并"]
    assert history[2]["snapshot"]["id_card_no"] == source.id_card_no  # AID-R094


def test_members_may_be_named_by_their_ids(rest, make_archive):  # SM-AID-05 #3
    survivor, source = make_archive(members=1), make_archive(members=2)
    kept, added = survivor.family_members[0], source.family_members[1]
    body = {
        "source_ids": [source.id],
        "household_size": 3,
        "family_members": [{"id": kept.id}, {"id": added.id, "relation": "wife"}],
    }
    answer = rest("dewai").post(api(survivor, "merge"), json=body)
    assert answer.status_code == 200, answer.json
    members = answer.json["result"]["family_members"]
    assert [m["id_card_no"] for m in members] == [kept.id_card_no, added.id_card_no]
    assert members[1]["full_name"] == added.full_name
    assert members[1]["relation"]["code"] == "wife"


@pytest.mark.parametrize("step", ["merge", "unmerge"])
def test_only_the_administrator_merges(rest, login, make_archive, step):  # AID-R090
    survivor, source = make_archive(), make_archive()
    assert rest("dewai_clerk").post(api(survivor, step), json={"source_ids": [source.id]}).status_code == 403
    clerk = login("dewai_clerk")
    for page in (
        "merge_duplicates",
        "merge_different",
        f"merge?survivor={survivor.id}&ids={source.id}",
        "mergers",
    ):
        assert clerk.get(f"/archive/{page}").status_code == 403, page
    assert clerk.post(f"/archive/merge?survivor={survivor.id}&ids={source.id}").status_code == 403
    assert clerk.post(f"/archive/steps/{step}", {"ids": survivor.id}).status_code == 403
    assert "合并重复档案" not in words_of(clerk.get("/archive/list/").text)
    assert "合并重复档案" in words_of(login("dewai").get("/archive/list/").text)


def test_what_is_out_of_sight_is_not_there(rest, login, country, make_archive):  # AID-R090
    survivor, theirs = make_archive(), make_archive("caohejing")
    for source_id in (theirs.id, 2**31 - 1):
        answer = rest("dewai").post(api(survivor, "merge"), json={"source_ids": [source_id]})
        assert answer.status_code == 404
        assert theirs.full_name not in answer.text
        assert theirs.archive_no not in answer.text
        page = login("dewai").get(f"/archive/merge?survivor={survivor.id}&ids={source_id}")
        assert page.status_code == 404
        assert theirs.full_name not in page.text
    assert rest("dewai").post(api(theirs, "merge"), json={"source_ids": [survivor.id]}).status_code == 404
    assert login("dewai").get(f"/archive/merge?survivor={theirs.id}&ids={survivor.id}").status_code == 404
    assert country.again(theirs).merged_into_id is None


@pytest.mark.parametrize(
    "source_ids",
    [
        None,
        [],
        "",
        "x",
        [True],
        [1.5],
        [[1]],
        [-1],
        [2**31],
        {"a": 1},
        "1;2",
        ["１"],
        list(range(1, 30)),
        "\x00",
        10**40,
    ],
)
def test_ids_that_are_none(rest, country, make_archive, source_ids):
    survivor = make_archive()
    body = {} if source_ids is None else {"source_ids": source_ids}
    answer = rest("dewai").post(api(survivor, "merge"), json=body)
    assert answer.status_code == 422, answer.json
    assert answer.json["errors"]["source_ids"]
    assert country.again(survivor).version == survivor.version


@pytest.mark.parametrize(
    ("chosen", "field"),
    [
        ({"phone": ""}, "phone"),
        ({"phone": "\x00"}, "phone"),
        ({"id_card_no": "123"}, "id_card_no"),
        ({"household_size": 9}, "household_size"),
        ({"nothing": 1}, "nothing"),
        ({"confirmed": [1]}, "confirmed"),
        ({"versions": "x"}, "versions"),
        ({"chosen": {"phone": "1"}}, "chosen"),
        ({"family_members": [1]}, "family_members"),
        ({"family_members": [{"full_name": "甲"}], "household_size": 2}, "family_members.0.id_card_no"),
    ],
)
def test_what_is_wrong_stands_beside_its_field(rest, country, make_archive, chosen, field):  # SM-AID-05 #4
    survivor, source = make_archive(members=0), make_archive(members=0)
    answer = rest("dewai").post(api(survivor, "merge"), json={"source_ids": [source.id], **chosen})
    assert answer.status_code == 422, answer.json
    assert field in answer.json["errors"]
    assert country.again(source).merged_into_id is None


def test_a_refusal_is_409(rest, make_archive):
    a, b, c = make_archive(), make_archive(), make_archive()
    client = rest("dewai")
    assert client.post(api(a, "unmerge"), json={}).status_code == 409
    assert client.post(api(a, "merge"), json={"source_ids": [a.id]}).status_code == 409
    assert client.post(api(a, "merge"), json={"source_ids": [b.id]}).status_code == 200
    for survivor, source in ((c, b), (b, c)):
        answer = client.post(api(survivor, "merge"), json={"source_ids": [source.id]})
        assert answer.status_code == 409
        assert a.archive_no in answer.json["message"]  # where it has gone
    for step in ("report", "send_back"):
        assert client.post(api(b, step), json={"message": "请查收"}).status_code == 409
    assert client.put(f"/api/v1/archive/{b.id}", json={"phone": "13911112222"}).status_code == 409
    assert client.delete(f"/api/v1/archive/{b.id}").status_code == 409


def test_a_tombstone_leaves_every_list(rest, login, make_archive):
    survivor, source = make_archive(members=1), make_archive(members=1)
    client, clerk = rest("dewai"), login("dewai")

    def total():
        return client.get("/api/v1/archive/statistics?by=gender").json["total"]

    before, pages = total(), {}
    assert listed(client, source.id_card_no) == [source.id]
    assert client.post(api(survivor, "merge"), json={"source_ids": [source.id]}).status_code == 200
    assert total() != before
    assert listed(client, source.id_card_no) == []
    for name in ("list/", "export?format=csv", "print"):
        for asked in (f"id_card_no={source.id_card_no}", f"full_name={source.full_name}"):
            joiner = "&" if "?" in name else "?"
            pages[name, asked] = clerk.get(f"/archive/{name}{joiner}{asked}").get_data(as_text=True)
    assert all(source.archive_no not in page for page in pages.values())
    found = client.get(f"/archive/pick?q={source.archive_no}")
    assert source.archive_no not in found.text
    assert clerk.get(f"/archive/show/{source.id}").status_code == 200


# --- 合并重复档案 ------------------------------------------------------------------------------------------------------


def test_a_number_is_found_wherever_it_stands(login, country, make_archive, double):  # AID-R091
    file = make_archive(members=1)
    again = double(file)
    page = words_of(login("dewai").get(f"/archive/merge_duplicates?id_card_no={file.id_card_no}").text)
    assert file.archive_no in page
    assert again.archive_no in page
    member = file.family_members[0]
    page = words_of(login("dewai").get(f"/archive/merge_duplicates?id_card_no={member.id_card_no}").text)
    assert file.archive_no in page
    assert "家庭成员" in page
    assert "不用合并" in page


@pytest.mark.parametrize("stored", [15, 18])
def test_a_number_is_found_in_both_spellings(login, country, make_archive, stored):  # AID-R042, R091
    file = make_archive(birth_date="1970-05-05")
    full = identity.normal("650102700505111")
    short = "650102700505111"
    with country.acting() as session:
        session.get(Archive, file.id).id_card_no = short if stored == 15 else full
        session.commit()
    for typed in (short, full):
        page = login("dewai").get(f"/archive/merge_duplicates?id_card_no={typed}").text
        assert file.archive_no in page, typed


@pytest.mark.parametrize("typed", ["", "123", "\x00", "x" * 3000, "11010219800230123X"])
def test_a_number_that_is_none_is_told(login, typed):
    answer = login("dewai").get("/archive/merge_duplicates", query_string={"id_card_no": typed})
    assert answer.status_code == 422
    assert errors_of(answer.text)["id_card_no"]


def test_one_of_them_stays(login, make_archive, double):  # AID-R092
    file = make_archive()
    again = double(file)
    admin = login("dewai")
    url = f"/archive/merge_duplicates?id_card_no={file.id_card_no}&merge=1"
    for survivor in ("", "&survivor=999999", "&survivor=x"):
        answer = admin.get(url + survivor)
        assert answer.status_code == 422
        assert "请选择一份档案" in words_of(answer.text)
    answer = admin.get(f"{url}&survivor={again.id}")
    assert answer.status_code == 302
    assert f"survivor={again.id}" in answer.location
    assert f"ids={file.id}" in answer.location


def test_the_demo_pair_is_merged_in_the_browser(login, country):  # AID-R088, Q05
    pair = [
        file
        for file in country.all(Archive, Archive.merged_into_id.is_(None))
        if "duplicate_id" in file.problem_flags
    ]
    assert len(pair) == 2
    first, second = (country.again(file) for file in pair)
    held = claims_of(country, first, second)
    admin = login("dewai")
    form = admin.form(f"/archive/merge?survivor={first.id}&ids={second.id}")
    form.values["pick-phone"] = str(second.id)
    answer = admin.submit(form)
    assert answer.status_code == 302, errors_of(answer.text)
    assert "合并成功" in words_of(admin.get(answer.location).text)
    now = country.again(first)
    assert now.problem_flags == []  # AID-R088
    assert now.phone == second.phone
    numbers = {m.id_card_no for m in (*first.family_members, *second.family_members)}
    assert {m.id_card_no for m in now.family_members} == numbers
    assert now.household_size == len(numbers) + 1  # AID-R049
    assert {record_id for _key, record_id in claims_of(country, first, second)} == {first.id}
    assert admin.post("/archive/steps/unmerge", {"ids": first.id}).status_code == 302
    assert claims_of(country, first, second) == held
    assert (
        sorted(country.again(first).problem_flags + country.again(second).problem_flags)
        == ["duplicate_id"] * 2
    )


def test_a_third_file_keeps_the_survivor_flagged(rest, country, make_archive, double):  # AID-R088
    """The flag goes with the last file that has the number too; other faults are mended in the merge itself."""
    file = make_archive()
    survivor, third = double(file), double(file)
    client = rest("dewai")
    assert client.post(api(survivor, "merge"), json={"source_ids": [third.id]}).status_code == 200
    assert country.again(survivor).problem_flags == ["duplicate_id"]
    assert client.post(api(survivor, "merge"), json={"source_ids": [file.id]}).status_code == 200
    assert country.again(survivor).problem_flags == []
    assert client.post(api(survivor, "unmerge"), json={}).status_code == 200
    assert country.again(survivor).problem_flags == ["duplicate_id"]


def test_a_faulty_survivor_is_mended_in_the_merge(rest, country, make_archive, double):  # SM-AID-05 #4
    survivor = make_archive(members=1)
    source = double(survivor)
    with country.acting() as session:
        found = session.get(Archive, survivor.id)
        found.household_size, found.phone, found.problem_flags = 7, None, ["incomplete", "family_size"]
        session.commit()
    client = rest("dewai")
    answer = client.post(api(survivor, "merge"), json={"source_ids": [source.id]})
    assert answer.status_code == 422
    assert {"household_size", "phone"} <= set(answer.json["errors"])
    body = {"source_ids": [source.id], "household_size": 2, "phone": "13911112222"}
    assert client.post(api(survivor, "merge"), json=body).status_code == 200
    assert country.again(survivor).problem_flags == []


# --- side by side ---------------------------------------------------------------------------------------------------


def test_the_page_shows_what_differs(login, make_archive):
    survivor = make_archive(members=1, remarks=None, phone="13911112222", ethnicity="01")
    source = make_archive(members=1, remarks="住院中", phone="13933334444", ethnicity="01")
    page = login("dewai").get(f"/archive/merge?survivor={survivor.id}&ids={source.id}").text
    document = lxml.html.fromstring(page)
    differs = document.get_element_by_id("merge-differs").text_content()
    assert "13911112222" in differs
    assert "13933334444" in differs
    assert "民族" not in differs
    assert "民族" in document.get_element_by_id("merge-same").text_content()
    checked = document.xpath("//input[@name='pick-phone'][@checked]/@value")
    assert checked == [str(survivor.id)]  # the survivor's value, as a rule
    assert document.xpath("//input[@name='pick-remarks'][@checked]/@value") == [
        str(source.id)
    ]  # an empty one
    people = document.find_class("merge-person")
    assert len(people) == 3
    assert document.xpath("//output[@data-merge-size]")[0].text_content() == "4"


def test_a_householder_becomes_a_member(login, country, make_archive):  # SM-AID-06 #3
    survivor, source = make_archive(members=0), make_archive(members=1)
    admin = login("dewai")
    url = f"/archive/merge?survivor={survivor.id}&ids={source.id}"
    form = admin.form(url)
    assert form.values["who-0"] == f"h{source.id}"
    form.values["pick-home_address"] = "other"
    form.values["other-home_address"] = "新搬的地方9号"
    answer = admin.submit(form)
    assert answer.status_code == 422  # the relation is to be chosen
    assert errors_of(answer.text)["family_members-0-relation"]
    assert "新搬的地方9号" in answer.text  # nothing is lost
    assert country.again(source).merged_into_id is None
    form.values["family_members-0-relation"] = "wife"
    del form.values["take-1"]
    answer = admin.submit(form)
    assert answer.status_code == 302, errors_of(answer.text)
    now = country.again(survivor)
    assert [m.id_card_no for m in now.family_members] == [source.id_card_no]
    assert now.family_members[0].relation == "wife"
    assert now.home_address == "新搬的地方9号"
    assert now.household_size == 2


def test_the_same_person_is_listed_once(login, country, make_archive):  # AID-R040
    survivor, source = make_archive(members=0), make_archive(members=1)
    with country.acting() as session:
        found = session.get(Archive, source.id)
        found.family_members[0].id_card_no = survivor.id_card_no
        session.commit()
    page = login("dewai").get(f"/archive/merge?survivor={survivor.id}&ids={source.id}").text
    assert len(lxml.html.fromstring(page).find_class("merge-person")) == 1  # the source's householder alone
    assert "只列一次" in words_of(page)


def test_a_doubtful_number_is_confirmed(login, country, make_archive):  # AID-R044
    survivor, source = make_archive(members=0), make_archive(members=0)
    number = source.id_card_no
    wrong = number[:17] + ("0" if number[17] != "0" else "1")
    admin = login("dewai")
    form = admin.form(f"/archive/merge?survivor={survivor.id}&ids={source.id}")
    del form.values["take-0"]
    form.values["pick-id_card_no"] = "other"
    form.values["other-id_card_no"] = wrong
    answer = admin.submit(form)
    assert answer.status_code == 422
    assert "校验位不符" in words_of(answer.text)
    confirmed = lxml.html.fromstring(answer.text).xpath("//input[@name='confirmed']/@value")
    form.values.setlist("confirmed", confirmed)
    assert admin.submit(form).status_code == 302
    assert country.again(survivor).id_card_no == wrong


def test_what_changed_meanwhile_is_told(login, country, make_archive):  # AID-R232
    survivor, source = make_archive(members=0), make_archive(members=0)
    admin = login("dewai")
    form = admin.form(f"/archive/merge?survivor={survivor.id}&ids={source.id}")
    del form.values["take-0"]
    with country.acting("dewai_clerk") as session:
        session.get(Archive, source.id).remarks = "改过"
        session.commit()
    answer = admin.submit(form)
    assert answer.status_code == 409
    assert "修改" in words_of(answer.text)
    assert country.again(source).merged_into_id is None


def test_every_address_is_answered(login, make_archive):
    survivor, source = make_archive(), make_archive()
    admin = login("dewai")
    assert admin.get("/archive/merge").status_code == 302
    for query in (
        "survivor=x&ids=1",
        f"survivor={survivor.id}",
        f"survivor={survivor.id}&ids=",
        "survivor=1e9&ids=a,b",
    ):
        assert admin.get(f"/archive/merge?{query}").status_code in {302, 404}, query
    for before in ("x", "-1", "9" * 40, "1"):
        assert admin.get(f"/archive/mergers?before={before}").status_code == 200
    own = admin.get(f"/archive/merge?survivor={survivor.id}&ids={survivor.id}")
    assert own.status_code == 404
    url = f"/archive/merge?survivor={survivor.id}&ids={source.id},{source.id},{survivor.id}"
    assert admin.get(url).status_code == 200
    for form in (
        {"who-0": "x"},
        {"who-x": "1", "take-x": "1"},
        {"pick-phone": "999"},
        {"family_members-0-id": "1"},
    ):
        assert admin.post(url, form).status_code in {302, 409, 422}, form


# --- 合并不同档案 -------------------------------------------------------------------------------------------------------


def test_two_files_become_one(login, make_archive):  # AID-R096
    source, target = make_archive(), make_archive(members=1)
    numbers = {"source_id_card_no": source.id_card_no, "target_id_card_no": target.id_card_no}
    answer = login("dewai").get("/archive/merge_different", query_string=numbers)
    assert answer.status_code == 302
    assert f"survivor={target.id}" in answer.location
    assert f"ids={source.id}" in answer.location


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("same", "相同"),  # AID-R099
        ("no source", "源档案不存在"),  # AID-R098
        ("no target", "目的档案不存在"),  # AID-R098
        ("source elsewhere", "源档案不存在"),  # AID-R098
        ("target elsewhere", "目的档案不存在"),  # AID-R098
        ("target twice", "请先使用“合并重复档案”合并目标档案,再合并不同档案"),  # AID-R097
        ("source twice", "源档案有多份"),
        ("one household", "同一份档案"),
    ],
)
def test_what_two_files_are_refused(login, people, make_archive, double, case, words):
    source, target = make_archive(members=1), make_archive()
    elsewhere = make_archive("caohejing")
    nobody = people.household(members=0)["id_card_no"]
    numbers = {
        "same": (source.id_card_no, source.id_card_no),
        "no source": (nobody, target.id_card_no),
        "no target": (source.id_card_no, nobody),
        "source elsewhere": (elsewhere.id_card_no, target.id_card_no),
        "target elsewhere": (source.id_card_no, elsewhere.id_card_no),
        "one household": (source.family_members[0].id_card_no, source.id_card_no),
    }.get(case, (source.id_card_no, target.id_card_no))
    if case.endswith("twice"):
        double(target if case == "target twice" else source)
    asked = dict(zip(("source_id_card_no", "target_id_card_no"), numbers, strict=True))
    answer = login("dewai").get("/archive/merge_different", query_string=asked)
    assert answer.status_code == 409
    assert words in words_of(answer.text)
    assert elsewhere.archive_no not in answer.text


# --- afterwards -------------------------------------------------------------------------------------------------------


def test_the_tombstone_says_where_it_has_gone(login, rest, make_archive):
    survivor, source = make_archive(), make_archive(members=1)
    assert rest("dewai").post(api(survivor, "merge"), json={"source_ids": [source.id]}).status_code == 200
    page = login("dewai_clerk").get(f"/archive/show/{source.id}").text
    assert f"已合并到「{survivor.title}」" in words_of(page)
    assert f'href="/archive/show/{survivor.id}"' in page


def test_the_former_file_is_read_in_the_history(login, rest, make_archive):  # AID-R094
    survivor, source = make_archive(), make_archive(members=1, home_address="老房子三号")
    assert rest("dewai").post(api(survivor, "merge"), json={"source_ids": [source.id]}).status_code == 200
    page = login("dewai_clerk").get(f"/archive/show/{survivor.id}?tab=history").text
    text = words_of(page)
    assert "老房子三号" in text
    assert source.full_name in text
    assert source.family_members[0].full_name in text
    assert source.id_card_no not in page  # a number is shown masked
    assert identity.mask(source.id_card_no) in text


def test_attachments_are_read_at_the_survivor(login, rest, make_archive):  # AID-R093
    survivor, source = make_archive(), make_archive()
    upload = {"file": (BytesIO(PDF), "低保证.pdf"), "attachment_type": "id_card"}
    clerk = rest("dewai_clerk")
    assert clerk.post(f"/api/v1/archive/{source.id}/attachments", data=upload).status_code == 201
    assert rest("dewai").post(api(survivor, "merge"), json={"source_ids": [source.id]}).status_code == 200
    [file] = clerk.get(f"/api/v1/archive/{survivor.id}/attachments").json["result"]
    assert clerk.get(f"/api/v1/archive/{survivor.id}/attachments/{file['id']}").get_data() == PDF
    assert clerk.get(f"/api/v1/archive/{source.id}/attachments").json["result"] == []
    assert (
        clerk.post(
            f"/api/v1/archive/{source.id}/attachments", data={"file": (BytesIO(PDF), "b.pdf")}
        ).status_code
        == 409
    )


def test_the_book_of_merges(login, rest, country, make_archive):
    survivor, one, two = make_archive(), make_archive(), make_archive()
    admin = login("dewai")
    for source in (one, two):
        assert rest("dewai").post(api(survivor, "merge"), json={"source_ids": [source.id]}).status_code == 200
    page = lxml.html.fromstring(admin.get("/archive/mergers").text)
    lines = [row.text_content() for row in page.get_element_by_id("mergers").iter("tr")][1:3]
    assert two.archive_no in lines[0]
    assert "还可撤销30天" in lines[0]
    assert one.archive_no in lines[1]
    assert "请先撤销" in lxml.html.tostring(page.get_element_by_id("mergers"), encoding="unicode")
    dialog = admin.get(f"/archive/dialog/unmerge?ids={survivor.id}")
    assert dialog.status_code == 200
    assert admin.post("/archive/steps/unmerge", {"ids": survivor.id}).status_code == 302
    assert country.again(two).merged_into_id is None
    assert country.again(one).merged_into_id == survivor.id
    text = words_of(admin.get("/archive/mergers").text)
    assert "撤销" in text
    assert len(country.all(Merger, Merger.undone_at.is_not(None))) == 1
    assert survivor.archive_no not in words_of(login("caohejing").get("/archive/mergers").text)


def test_a_superior_merges_what_has_come_up_to_him(rest, country, make_archive):  # AID-R090, R095
    survivor, source = make_archive(at="xicheng"), make_archive("xinjiekou", at="xicheng")
    assert rest("xicheng").post(api(survivor, "merge"), json={"source_ids": [source.id]}).status_code == 200
    now = country.again(survivor)
    assert (now.owner_path, now.holder_depth, now.returned) == (
        survivor.owner_path,
        survivor.holder_depth,
        False,
    )
    assert rest("dewai").post(api(survivor, "unmerge"), json={}).status_code == 409  # the source is not his
    assert rest("xicheng").post(api(survivor, "unmerge"), json={}).status_code == 200
    assert country.again(source).merged_into_id is None
