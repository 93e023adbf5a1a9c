"""有问题档案: judged by the rules that refuse a report, mended step by step, found in three lists (SM-AID-04)."""

from __future__ import annotations

from random import Random

import pytest
from sqlalchemy import select, text, update

from app.kit import claims
from app.kit.errors import Refused
from app.models.archive import Archive
from app.models.archive.problems import is_flagged
from app.models.family_member import FamilyMember
from tests.workflows.sweeping import alter, ask, work
from tests.world import errors_of, words_of

HAN = "01"
ALL = ["duplicate_id", "bad_id", "incomplete", "family_size"]


@pytest.fixture
def clerk(login):
    return login("dewai_clerk")


@pytest.fixture
def spoilt(country, make_archive):
    """``spoilt(phone=None, flags=[…])`` → a file of dewai as a migration has left it; its claims are kept right."""

    def make(owner="dewai", *, flags, members=1, **wrong):
        file = make_archive(owner, members=members)
        with country.acting() as session:
            session.execute(update(Archive).where(Archive.id == file.id).values(**wrong, problem_flags=flags))
            session.expire_all()
            found = session.get(Archive, file.id)
            found.judge_anew()
            session.commit()
        return country.again(file)

    return make


@pytest.fixture
def twins(country, make_archive):
    """``twins("dewai", "xinjiekou")`` → two files of one person: the first holds the number, the second is flagged."""

    def make(first="dewai", second="dewai"):
        one, other = make_archive(first, members=0), make_archive(second, members=0)
        with country.acting() as session:
            claims.release(session, "archive", other.id)
            session.execute(update(Archive).where(Archive.id == other.id).values(id_card_no=one.id_card_no))
            session.expire_all()
            found = session.get(Archive, other.id)
            found.problem_flags = ["duplicate_id"]
            found.judge_anew()
            session.commit()
        return one, country.again(other)

    return make


def holder_of(country, number):
    with country.acting() as session:
        found = claims.holders(session, "hardship", [number])
        return next((holder.record_id for holder in found.values()), None)


def listed(client, shelf):
    page = client.get(f"/archive/list/?shelf={shelf}")
    assert page.status_code == 200
    return page.text


# --- one truth ------------------------------------------------------------------------------------------------


WRONGS = {
    "incomplete": lambda chance: {chance.choice(("phone", "ethnicity", "home_address", "industry")): None},
    "bad_id": lambda chance: {"id_card_no": chance.choice(("11010219900230123X", "1101021990", "ABC"))},
    "family_size": lambda _chance: {"household_size": 9},
}


@pytest.mark.parametrize("seed", range(8))
def test_the_flags_are_what_refuses_a_report(rest, country, spoilt, seed):
    """AID-R031, R032, R041 – R043: a file has the flags of just those parts of Q(archive) that fail, after each save."""
    chance = Random(seed)
    wrong = chance.sample(sorted(WRONGS), chance.randint(1, 3))
    values = {}
    for flag in wrong:
        values |= WRONGS[flag](chance)
    file = spoilt(flags=ALL, **values)
    assert file.problem_flags == [flag for flag in ALL if flag in wrong], values
    client = rest("dewai_clerk")
    answer = client.put(f"/api/v1/archive/{file.id}", json={"remarks": "核对中"})
    assert answer.status_code == 200, answer.json
    assert answer.json["result"]["problem_flags"] == [flag for flag in ALL if flag in wrong]
    refused = client.post(f"/api/v1/archive/{file.id}/steps/report", json={"message": "x"})
    assert refused.status_code == 409
    good = {"phone": "13800001111", "ethnicity": HAN, "home_address": "一号", "industry": "textile"}
    good = {name: value for name, value in good.items() if name in values}
    with country.acting():
        from app.demo.people import People

        number = People(seed + 50, "650102", "乌鲁木齐市天山区").household(0)["id_card_no"]
    good |= {"household_size": 2} if "household_size" in values else {}
    good |= {"id_card_no": number} if "id_card_no" in values else {}
    for name, value in good.items():  # one after the other
        assert country.again(file).problem_flags
        assert client.put(f"/api/v1/archive/{file.id}", json={name: value}).status_code == 200
    assert country.again(file).problem_flags == []  # AID-R087
    assert client.post(f"/api/v1/archive/{file.id}/steps/report", json={"message": "x"}).status_code == 200


def test_a_flagged_file_is_mended_step_by_step(rest, country, spoilt):  # AID-R086, R087; decision 0032
    file = spoilt(flags=ALL, phone=None, ethnicity=None, household_size=5)
    client = rest("dewai_clerk")

    def put(**typed):
        return client.put(f"/api/v1/archive/{file.id}", json=typed)

    assert put(phone="13800001111").json["result"]["problem_flags"] == ["incomplete", "family_size"]
    assert put(ethnicity=HAN).json["result"]["problem_flags"] == ["family_size"]
    # what is typed must be right, and what was right may not become wrong
    assert put(household_size=4).json["errors"] == {"household_size": ["家庭人口数必须等于家庭成员人数加1"]}
    assert set(put(phone="").json["errors"]) == {"phone"}
    assert set(put(phone="abc").json["errors"]) == {"phone"}
    assert set(put(birth_date="1999-13-40").json["errors"]) == {"birth_date"}
    assert put(household_size=2).json["result"]["problem_flags"] == []
    assert set(put(household_size=5).json["errors"]) == {
        "household_size"
    }  # sound again: judged as every file


def test_the_members_of_a_flagged_file_are_judged_one_by_one(rest, country, spoilt, people):
    file = spoilt(flags=ALL, members=2)
    first, second = file.family_members
    with country.acting() as session:
        session.execute(update(FamilyMember).where(FamilyMember.id == first.id).values(relation=None))
        session.execute(update(FamilyMember).where(FamilyMember.id == second.id).values(id_card_no="123"))
        session.execute(
            update(Archive).where(Archive.id == file.id).values(problem_flags=["incomplete", "bad_id"])
        )
        session.commit()
    client = rest("dewai_clerk")
    kept = [{"id": second.id}, {"id": first.id}]  # in another order
    answer = client.put(f"/api/v1/archive/{file.id}", json={"family_members": kept})
    assert answer.status_code == 200, answer.json
    assert answer.json["result"]["problem_flags"] == ["bad_id", "incomplete"]
    answer = client.put(
        f"/api/v1/archive/{file.id}",
        json={"family_members": [*kept, {"full_name": "李新"}], "household_size": 4},
    )
    assert answer.status_code == 422  # a new member is entered whole
    assert {name.split(".")[1] for name in answer.json["errors"]} == {"2"}
    mended = [
        {"id": first.id, "relation": "son"},
        {"id": second.id, "id_card_no": people.household(0)["id_card_no"]},
    ]
    answer = client.put(f"/api/v1/archive/{file.id}", json={"family_members": mended})
    assert answer.json["result"]["problem_flags"] == []


def test_a_sound_file_is_saved_only_when_it_is_right(rest, make_archive):
    file = make_archive()
    answer = rest("dewai_clerk").put(f"/api/v1/archive/{file.id}", json={"phone": ""})
    assert answer.status_code == 422


# --- duplicates (AID-R088) --------------------------------------------------------------------------------------


def test_a_duplicate_is_not_cleared_by_editing_alone(rest, country, twins):  # AID-R088
    one, other = twins("dewai", "xinjiekou")
    assert holder_of(country, one.id_card_no) == one.id
    answer = rest("xinjiekou_clerk").put(f"/api/v1/archive/{other.id}", json={"remarks": "核对"})
    assert answer.status_code == 200
    assert answer.json["result"]["problem_flags"] == ["duplicate_id"]
    assert holder_of(country, one.id_card_no) == one.id


def test_a_number_that_is_taken_elsewhere_is_refused_to_a_flagged_file_too(rest, make_archive, twins):
    third = make_archive("bj")
    _one, other = twins()
    answer = rest("dewai_clerk").put(f"/api/v1/archive/{other.id}", json={"id_card_no": third.id_card_no})
    assert answer.status_code == 422
    assert "建档" in answer.json["errors"]["id_card_no"][0]


@pytest.mark.parametrize("way", ["delete", "cancel", "correct", "correct itself"])
def test_when_the_other_file_lets_go_the_flagged_one_is_judged_anew(rest, country, people, twins, way):
    # AID-R088: by itself, whosever it is; the number is then its own
    one, other = twins("dewai", "xinjiekou")
    mine, theirs = rest("dewai_clerk"), rest("xinjiekou_clerk")
    number = people.household(0)["id_card_no"]
    if way == "delete":
        answer = mine.delete(f"/api/v1/archive/{one.id}")
    elif way == "cancel":
        answer = mine.post(f"/api/v1/archive/{one.id}/steps/deactivate", json={"cancel_reason": "离开本单位"})
    elif way == "correct":
        answer = mine.put(f"/api/v1/archive/{one.id}", json={"id_card_no": number})
    else:
        answer = theirs.put(f"/api/v1/archive/{other.id}", json={"id_card_no": number})
    assert answer.status_code == 200, answer.json
    again = country.again(other)
    assert again.problem_flags == []
    assert holder_of(country, again.id_card_no) == other.id
    if way == "correct itself":
        assert holder_of(country, one.id_card_no) == one.id
        return
    last = country.versions(other)[-1]
    assert (last.step, last.account_name) == ("recheck", "系统")
    assert ["problem_flags", ["duplicate_id"], []] in last.diff
    assert theirs.post(f"/api/v1/archive/{other.id}/steps/report", json={"message": "x"}).status_code == 200
    if way == "cancel":  # it cannot come back while the person stands in another file
        back = mine.post(f"/api/v1/archive/{one.id}/steps/restore", json={})
        assert back.status_code == 409, back.json


def test_both_of_a_flagged_pair_are_mended_when_one_goes(rest, country, twins):
    one, other = twins()
    alter(country, [one], problem_flags=["duplicate_id"])
    client = rest("dewai_clerk")
    assert client.put(f"/api/v1/archive/{one.id}", json={"remarks": "核对"}).json["result"]["problem_flags"]
    assert client.delete(f"/api/v1/archive/{other.id}").status_code == 200
    assert country.again(one).problem_flags == []


def test_other_problems_stay_when_the_number_is_free(rest, country, twins):
    one, other = twins()
    alter(country, [other], phone=None, problem_flags=["duplicate_id", "incomplete"])
    assert rest("dewai_clerk").delete(f"/api/v1/archive/{one.id}").status_code == 200
    assert country.again(other).problem_flags == ["incomplete"]


def test_a_double_among_the_members_counts(rest, country, make_archive, twins):
    """AID-R039: householders and members alike."""
    one, other = twins("dewai", "dewai")
    family = make_archive("dewai", members=1)
    with country.acting() as session:
        session.execute(
            update(FamilyMember)
            .where(FamilyMember.archive_id == family.id)
            .values(id_card_no=other.id_card_no)
        )
        session.commit()
    assert rest("dewai_clerk").delete(f"/api/v1/archive/{one.id}").status_code == 200
    assert country.again(other).problem_flags == ["duplicate_id"]


def test_a_sound_change_touches_no_other_file(country, rest, make_archive, statements):
    file = make_archive()
    client = rest("dewai_clerk")
    client.get("/api/v1/archive/")
    with statements() as sent:
        assert client.put(f"/api/v1/archive/{file.id}", json={"remarks": "好"}).status_code == 200
    assert not [one for one in sent if "json_array_length" in one]


# --- the three lists ----------------------------------------------------------------------------------------------


def test_each_kind_has_its_list_of_the_own_unit(clerk, login, country, spoilt):  # AID-R086
    formal = spoilt(flags=ALL, phone=None, worker_identity="on_duty")
    migrant = spoilt(flags=ALL, phone=None, worker_identity="migrant")
    temporary = spoilt(flags=ALL, phone=None, hardship_category="temporary")
    unsaid = spoilt(flags=ALL, hardship_category=None, worker_identity="on_duty")
    below = spoilt("xinfeng", flags=ALL, phone=None)
    at = {
        shelf: {
            file.archive_no
            for file in (formal, migrant, temporary, unsaid, below)
            if file.archive_no in listed(clerk, shelf)
        }
        for shelf in ("faulty", "faulty_migrant", "faulty_temporary")
    }
    assert at == {
        "faulty": {formal.archive_no, migrant.archive_no, unsaid.archive_no},
        "faulty_migrant": {migrant.archive_no},
        "faulty_temporary": {temporary.archive_no},
    }
    page = listed(clerk, "faulty")
    for words in ("信息不完整", "补齐必填内容", "如何改正", "注销职工", "删除选中的职工档案", "怎样改正"):
        assert words in words_of(page) or words in page, words
    assert "增加新的职工档案" not in page
    assert "dialog/deactivate" in page
    assert "dialog/deactivate" not in listed(clerk, "faulty_temporary")  # AID-R089
    help_page = clerk.get("/archive/problems/help")
    assert "合并重复档案" in words_of(help_page.text)
    home = words_of(clerk.get("/overview").text)
    assert "有问题的临时救助档案1份" in home  # AID Q24
    assert "有问题" not in words_of(login("xueyuanlu_clerk").get("/overview").text)


def test_a_mended_file_leaves_the_list(clerk, country, spoilt):  # AID-R087
    file = spoilt(flags=ALL, phone=None)
    assert file.archive_no in listed(clerk, "faulty")
    answer = clerk.submit(clerk.form(f"/archive/edit/{file.id}").fill({"phone": "13800001111"}))
    assert answer.status_code == 302
    assert file.archive_no not in listed(clerk, "faulty")


def test_a_problem_file_is_deleted_from_its_list(clerk, country, spoilt):  # AID-R089
    file = spoilt(flags=ALL, phone=None)
    assert clerk.post("/archive/delete", {"ids": [str(file.id)]}).status_code == 302
    assert country.again(file) is None
    assert clerk.get(f"/archive/print/{spoilt(flags=ALL, phone=None).id}").status_code == 200


def test_the_box_names_each_problem_and_its_field(clerk, login, spoilt, twins, country):
    file = spoilt(flags=ALL, phone=None, household_size=7)
    for url in (f"/archive/show/{file.id}", f"/archive/edit/{file.id}"):
        page = clerk.get(url).text
        told = words_of(page)
        assert "有问题档案，改正后才能上报" in told
        assert "户主 联系电话：请填写联系电话" in told
        assert "现在填的是7，表里有1名成员，连同户主应为2" in told
    assert 'href="#f-phone"' in page
    one, other = twins("dewai", "xinjiekou")
    unit = country.unit("dewai")
    told = words_of(login("xinjiekou_clerk").get(f"/archive/show/{other.id}").text)
    assert f"另一份是{unit.name}的{one.archive_no}" in told
    assert "请与该单位联系（电话" in told


def test_the_form_of_a_flagged_file_keeps_old_problems_and_shows_new_ones(clerk, country, spoilt):
    file = spoilt(flags=ALL, phone=None, ethnicity=None)
    form = clerk.form(f"/archive/edit/{file.id}").fill({"ethnicity": HAN, "postcode": "12"})
    answer = clerk.submit(form)
    assert answer.status_code == 422
    assert set(errors_of(answer.text)) == {"postcode"}
    form = clerk.form(f"/archive/edit/{file.id}").fill({"ethnicity": HAN})
    assert clerk.submit(form).status_code == 302
    assert country.again(file).problem_flags == ["incomplete"]


# --- reporting ------------------------------------------------------------------------------------------------------


def test_a_sweep_skips_flagged_files_and_leads_to_them(app, clerk, rest, country, spoilt, make_archive):
    """AID-R031, R033: skipped, listed with the reason, and a link to mend them."""
    file, good = spoilt(flags=ALL, phone=None), make_archive()
    answer = ask(rest("dewai_clerk"), country, "report", "dewai")
    work(app)
    page = clerk.get(f"/job/show/{answer.json['job']}").text
    assert f"/archive/edit/{file.id}" in page
    assert "请填写联系电话" in page
    assert country.again(good).holder_depth == 3
    assert country.again(file).holder_depth == 4


def test_the_guard_is_the_rule_of_the_report(country, spoilt):  # AID-R032
    file = spoilt(flags=ALL, phone=None)
    who = country.actor("dewai_clerk")
    with country.acting(who) as session, pytest.raises(Refused, match="联系电话"):
        session.get(Archive, file.id).perform("report", who, message="x")


def test_the_predicate_finds_just_the_flagged(app, country, spoilt):
    file = spoilt(flags=ALL, phone=None)
    with country.acting() as session:
        found = set(session.scalars(select(Archive.id).where(is_flagged())))
        every = session.scalars(select(Archive)).all()
        assert found == {one.id for one in every if one.problem_flags}
        assert file.id in found
        if session.get_bind().dialect.name == "sqlite":
            statement = select(Archive.id).where(
                Archive.owner_path == "x",
                Archive.is_cancelled.is_(False),
                Archive.merged_into_id.is_(None),
                is_flagged(),
            )
            sql = str(statement.compile(compile_kwargs={"literal_binds": True}))
            plan = session.connection().execute(text(f"EXPLAIN QUERY PLAN {sql}")).all()
            assert "ix_expr_archive_faulty" in str(plan)


def test_a_cancelled_file_gives_up_no_more_than_is_waited_for(rest, country, twins, make_archive):
    """AID-R039, R070: its other numbers stay its own; what the waiting file lets go of is its own again."""
    one, other = twins()
    member = make_archive("dewai", members=1).family_members[0]
    client = rest("dewai_clerk")
    with country.acting() as session:
        session.execute(update(FamilyMember).where(FamilyMember.id == member.id).values(archive_id=one.id))
        session.expire_all()
        session.get(Archive, member.archive_id).judge_anew()
        session.execute(update(Archive).where(Archive.id == one.id).values(household_size=2))
        session.expire_all()
        session.get(Archive, one.id).judge_anew()
        session.commit()
    reason = {"cancel_reason": "left_unit"}
    assert client.post(f"/api/v1/archive/{one.id}/steps/deactivate", json=reason).status_code == 200
    assert holder_of(country, one.id_card_no) == other.id
    assert holder_of(country, member.id_card_no) == one.id
    assert client.delete(f"/api/v1/archive/{other.id}").status_code == 200
    assert holder_of(country, one.id_card_no) == one.id
