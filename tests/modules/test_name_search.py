"""People are found by their names: characters, pinyin, initials; in one's own scope only (DESIGN §5)."""

from __future__ import annotations

import prison
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select

from app.kit import names, query
from app.kit.name_search import NameSearch
from app.kit.scope import acting
from app.models.archive import Archive
from app.models.family_member import FamilyMember

#: few characters, so that names share their pairs
HAN = st.text("龘靐齉爩", min_size=2, max_size=5)


@pytest.fixture
def found(login):
    """``found("dewai_clerk", full_name="张三")`` → the ids on the list page."""

    def ask(who="dewai_clerk", **typed):
        page = login(who).get("/archive/list/", query_string={"size": 200, **typed}).text
        return {int(part.split('"')[0]) for part in page.split('href="/archive/show/')[1:]}

    return ask


@pytest.mark.parametrize(
    "typed",
    [
        "龘靐",
        "靐齉",  # in the middle
        "齉爩",
        "龘靐齉",
        "靐齉爩",
        "龘靐齉爩",
        "龘 靐",
        " 龘靐 ",
        "龘·靐齉",
        "爩",  # one character: as before
        "龘",
    ],
)
def test_a_part_of_the_name_finds_the_person(found, make_archive, typed):
    file, other = make_archive(full_name="龘靐齉爩"), make_archive(full_name="龗麤")
    assert file.id in found(full_name=typed)
    assert other.id not in found(full_name=typed)


@pytest.mark.parametrize("typed", ["靐龘", "龘齉", "龘爩", "龘靐爩", "靐齉龘", "龘靐齉爩龘", "龘靐齉爩" * 50])
def test_characters_that_do_not_stand_so_find_nobody(found, make_archive, typed):
    make_archive(full_name="龘靐齉爩")
    assert found(full_name=typed) == set()


def test_pairs_alone_do_not_make_a_name(found, make_archive):
    file = make_archive(full_name="龘靐龗齉靐爩")  # 龘靐 and 靐爩, but nowhere 龘靐爩
    assert found(full_name="龘靐爩") == set()
    assert found(full_name="靐爩") == {file.id}


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("万俟龗逑", "moqi"),
        ("万俟龗逑", "MoqiLing"),
        ("万俟龗逑", "moqi ling qiu"),
        ("万俟龗逑", "mqlq"),
        ("万俟龗逑", "MQL"),
        ("尉迟逑逑", "yuchiqiuqiu"),
        ("吕逑逑逑", "lüqiuqiuqiu"),
        ("吕逑逑逑", "lqqq"),
        ("阿龗Q", "alingq"),
        ("买合木提·逑逑", "maihemutiqiu"),
    ],
)
def test_pinyin_and_initials_from_the_start(found, make_archive, name, typed):
    file = make_archive(full_name=name)
    assert file.id in found(full_name=typed)


@pytest.mark.parametrize("typed", ["lingqiu", "moq", "moqil", "lq", "moqilingqiuqiu", "m"])
def test_pinyin_from_the_middle_or_within_a_syllable_finds_nobody(found, make_archive, typed):
    file = make_archive(full_name="万俟龗逑")
    assert file.id not in found(full_name=typed)


def test_dots_and_blanks_of_a_name_need_not_be_typed(found, make_archive):
    file = make_archive(full_name="麦麦·龗逑 ．木")
    for typed in ("麦麦龗", "麦麦·龗", "逑木", "麦麦龗逑木", "麦麦 · 龗逑．木"):
        assert found(full_name=typed) == {file.id}


def test_a_member_of_the_same_number_is_somebody_else(country, found, make_archive):
    file = make_archive(full_name="龘靐")
    with country.acting() as session:
        session.execute(insert(NameSearch), names.rows("family_member", [(file.id, "龗麤")]))
        session.commit()
    assert found(full_name="龗麤") == set()


def test_what_is_neither_is_searched_as_it_stands(found, make_archive):
    file = make_archive(full_name="龘靐(小)2")
    for typed in ("靐(小)", "(小)", "2"):
        assert file.id in found(full_name=typed)
    for typed in ("%", "龘%", "龘_", "靐(大)"):
        assert file.id not in found(full_name=typed)


def test_a_renamed_person_is_found_by_the_new_name(rest, found, make_archive):
    file = make_archive(full_name="龘靐")
    answer = rest("dewai_clerk").put(f"/api/v1/archive/{file.id}", json={"full_name": "龗逑逑"})
    assert answer.status_code == 200, answer.json
    assert found(full_name="龘靐") == set()
    assert found(full_name="龗逑") == found(full_name="lingqiuqiu") == {file.id}


# --- members --------------------------------------------------------------------------------------------------


def test_a_member_is_found_by_name_pinyin_and_initials(found, make_archive, people):
    son = people.member(
        "son", "male", 20, full_name="万俟龗逑", health_status="good", disability_category=None
    )
    file = make_archive(full_name="龘靐", family_members=[son])
    for typed in ("龗逑", "俟龗逑", "moqilingqiu", "mqlq", "逑"):
        assert file.id in found(**{"family_members.full_name": typed})
        assert file.id not in found(full_name=typed)
    assert file.id not in found(**{"family_members.full_name": "龘靐"})


def test_name_and_health_hold_for_one_and_the_same_member(found, make_archive, people):
    son = people.member("son", "male", 20, full_name="龗逑逑", health_status="good", disability_category=None)
    wife = people.member(
        "wife", "female", 44, full_name="麤逑逑", health_status="cancer", disability_category=None
    )
    file = make_archive(family_members=[son, wife])
    for typed, health, is_found in (
        ("龗逑", "good", True),
        ("龗逑", "cancer", False),
        ("lingqiuqiu", "good", True),
        ("lingqiuqiu", "cancer", False),
    ):
        ids = found(**{"family_members.full_name": typed, "family_members.health_status": health})
        assert (file.id in ids) is is_found


# --- scope ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["龗逑", "龗逑逑", "lingqiuqiu", "lqq", "逑"])
def test_nobody_is_found_outside_the_scope(found, make_archive, people, typed):
    member = people.member("wife", "female", 40, full_name="龗逑逑")
    file = make_archive("caohejing", full_name="龗逑逑", family_members=[member])
    for field in ("full_name", "family_members.full_name"):
        assert file.id in found("caohejing_clerk", **{field: typed})
        assert file.id not in found("dewai_clerk", **{field: typed})
        assert file.id not in found("xuhui_clerk", **{field: typed})  # not reported yet


def test_without_an_actor_nobody_is_found(app, make_archive, country):
    make_archive(full_name="龗逑逑")
    asked = query.ask(Archive, query.conditions_of(Archive, ["full_name"]), {"full_name": "lqq"})
    with country.acting() as session, acting(None):
        assert session.scalars(select(Archive).where(asked.where)).all() == []


# --- pickers and REST -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["龗逑", "逑逑", "lingqiuqiu", "LQQ", "龗"])
def test_a_picker_finds_by_name(login, make_archive, typed):
    file = make_archive(full_name="龗逑逑")

    def offered(who):
        answer = login(who).get("/archive/pick", query_string={"q": typed})
        return {int(choice["value"]) for choice in answer.json["results"]}

    assert file.id in offered("dewai_clerk")
    assert file.id not in offered("xuhui_clerk")


@pytest.mark.parametrize(
    ("typed", "is_found"),
    [
        ("龗·逑", True),
        ("·逑", True),
        ("逑2", True),
        ("龗", True),
        ("龗逑", False),  # ct is what stands there, dot and all
        ("lingqiu", False),
        ("逑龗", False),
        ("%", False),
        ("", True),
    ],
)
def test_ct_over_rest_means_contains(rest, make_archive, typed, is_found):
    file = make_archive(full_name="龗·逑2")
    q = prison.dumps({"filters": [{"col": "full_name", "opr": "ct", "value": typed}], "page_size": 100})
    answer = rest("dewai_clerk").get("/api/v1/archive/", query_string={"q": q})
    assert answer.status_code == 200, answer.json
    assert (file.id in answer.json["ids"]) is is_found


def test_nct_over_rest_means_what_it_says(rest, make_archive):
    file, other = make_archive(full_name="龗逑"), make_archive(full_name="龘靐")
    q = prison.dumps({"filters": [{"col": "full_name", "opr": "nct", "value": "龗逑"}], "page_size": 100})
    ids = rest("dewai_clerk").get("/api/v1/archive/", query_string={"q": q}).json["ids"]
    assert other.id in ids
    assert file.id not in ids


# --- any name at all ------------------------------------------------------------------------------------------


@pytest.fixture
def named(country, make_archive):
    """``named(["龘靐", …])`` gives the household's members these names; returns how to look for one among them."""
    with country.acting() as session:
        file = session.get(Archive, make_archive(full_name="王秀", members=5).id)

        def rename(wanted):
            for member, name in zip(file.family_members, wanted, strict=False):
                member.full_name = name
            session.flush()

            def look(typed):
                asked = query.ask(
                    FamilyMember, query.conditions_of(FamilyMember, ["full_name"]), {"full_name": typed}
                )
                mine = select(FamilyMember.full_name).where(FamilyMember.archive_id == file.id, asked.where)
                return set(session.scalars(mine))

            return look

        yield rename


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wanted=st.lists(HAN, min_size=5, max_size=5), typed=HAN)
def test_any_part_of_two_characters_or_more_finds_its_names_and_no_other(named, wanted, typed):
    look = named(wanted)
    assert look(typed) == {name for name in wanted if typed in name}
    for name in wanted:
        for start in range(len(name) - 1):
            for end in range(start + 2, len(name) + 1):
                assert look(name[start:end]) == {one for one in wanted if name[start:end] in one}
