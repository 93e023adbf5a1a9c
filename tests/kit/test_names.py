"""A name's keys, and the table that keeps them: whoever writes, by whatever way, the keys follow the names."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, func, insert, inspect, select, update
from sqlalchemy.exc import IntegrityError

from app.cli.house import mend_names
from app.kit import name_search, names
from app.kit.database import db
from app.kit.errors import NotDeclared
from app.kit.name_search import NameSearch
from app.kit.scope import SYSTEM, door
from app.models.archive import Archive
from app.models.family_member import FamilyMember

ROOT = Path(__file__).parents[2]
HAN = st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5)
ANY = st.text(max_size=50)


# --- keys -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "keys"),
    {
        "张三": "张三 zhang zhangsan zs",
        "张三丰": "张三 三丰 zhang zhangsan zhangsanfeng zs zsf",
        "吕布": "吕布 lv lvbu lb",
        "张": "zhang",
        " 张　三 ": "张三 zhang zhangsan zs",
        "买买提·艾力": "买买 买提 提艾 艾力 mai maimai maimaiti maimaitiai maimaitiaili mm mmt mmta mmtal",
        "阿Q": "a aq",
        "A张三": "张三 a azhang azhangsan az azs",
        "张3三": "zhang zhangsan zs",
        "John Smith": "john johnsmith js",
        "ＯBrien": "obrien",
        "O'Brien": "obrien",
        "12·?": "",
        "": "",
    }.items(),
)
def test_what_a_name_is_found_by(name, keys):
    assert names.keys(name) == set(keys.split())


def test_a_character_beyond_the_first_plane_is_one():
    assert "𠮷田" in names.keys("𠮷田")


@pytest.mark.parametrize(
    ("name", "readings"),
    [
        ("曾国藩", "zengguofan"),
        ("仇英", "qiuying"),
        ("解缙", "xiejin"),
        ("区寄", "ouji"),
        ("单雄信", "shanxiongxin"),
        ("查良镛", "zhaliangyong"),
        ("朴正", "piaozheng"),
        ("尉迟恭", "yuchigong"),
        ("万俟丑", "moqichou"),
        ("单于夜", "chanyuye"),
        ("长孙无忌", "zhangsunwuji"),
        ("澹台明", "tantaiming"),
        ("华佗", "huatuo"),
        ("任安", "renan"),
        ("盖聂", "genie gainie"),
        ("覃勇", "qinyong tanyong"),
        ("翟让", "zhairang dirang"),
        ("缪荃", "miaoquan"),
        ("乐毅", "yueyi leyi"),
        ("李乐", "lile liyue"),
        ("张长", "zhangchang zhangzhang"),
        ("女娲", "nvwa"),
    ],
)
def test_surnames_are_read_as_surnames_and_doubtful_characters_both_ways(name, readings):
    assert names.keys(name) >= set(readings.split())


def test_a_surname_is_read_so_only_in_front():
    assert "wangceng" not in names.keys("曾王")
    assert {"zeng", "zengdan", "zengshan"} <= names.keys("曾单")
    assert "dan" not in names.keys("单曾")


@pytest.mark.parametrize(
    ("typed", "key"),
    [
        ("zhangsan", "zhangsan"),
        ("Zhang San", "zhangsan"),
        ("ＺＳ", "zs"),
        ("xi'an", "xian"),
        ("lü bu", "lvbu"),
        ("zs1", ""),
        ("张z", ""),
        ("%", ""),
        ("", ""),
    ],
)
def test_typed_letters(typed, key):
    assert names.latin(typed) == key


@given(ANY)
def test_any_text_has_keys_that_the_table_can_hold(name):
    assert all(0 < len(key) <= names.KEY_LENGTH for key in names.keys(name))


@given(st.text("曾单张乐长翟 ·aZ'３", max_size=400))
def test_a_name_of_doubtful_readings_does_not_explode(name):
    assert len(names.keys(name)) < 30 * (len(name) + 1)
    assert all(len(key) <= names.KEY_LENGTH for key in names.keys(name))


def test_a_key_is_never_longer_than_its_column():
    assert max(map(len, names.keys("庄" * 60))) == names.KEY_LENGTH
    assert names.latin("Zhuang" * 60) in names.keys("庄" * 60)


@given(st.text(HAN, min_size=2, max_size=12), st.data())
def test_every_pair_is_a_key_and_no_other_pair_is(name, data):
    start = data.draw(st.integers(0, len(name) - 2))
    assert name[start : start + 2] in names.keys(name)
    pairs = {key for key in names.keys(name) if names.is_han(key)}
    assert all(pair in name for pair in pairs)


def test_rows_for_those_who_write_in_bulk():
    assert sorted(names.rows("archive", [(7, "张三"), (8, None), (9, "")]), key=str) == [
        {"source": "archive", "key": key, "record_id": 7} for key in ("zhang", "zhangsan", "zs", "张三")
    ]


# --- upkeep ---------------------------------------------------------------------------------------------------


def kept(session, record):
    """The keys that find a record."""
    mine = select(NameSearch.key).where(
        NameSearch.source == record.resource(), NameSearch.record_id == record.id
    )
    return set(session.scalars(mine.execution_options(**door("test"))))


@pytest.fixture
def system(country):
    with country.acting() as session:
        yield session


def test_the_demo_country_is_complete(system):
    for cls in (Archive, FamilyMember):
        assert system.scalar(select(func.count()).select_from(cls)) > 50
        assert not list(name_search.faults(system, cls))
    assert {Archive, FamilyMember} <= set(name_search.searched())


def test_a_saved_record_is_found_by_its_name_and_so_are_its_children(system, make_archive, people):
    file = make_archive(
        full_name="张三丰", family_members=[people.member("wife", "female", 40, full_name="曾秀")]
    )
    assert kept(system, file) == names.keys("张三丰")
    assert kept(system, file.family_members[0]) == names.keys("曾秀")


def test_a_changed_name_is_found_by_what_it_is_and_not_by_what_it_was(system, make_archive):
    found = system.get(Archive, make_archive(full_name="张三丰").id)
    found.full_name = "李四"
    system.flush()
    assert kept(system, found) == names.keys("李四")


def test_a_name_that_is_set_without_being_read_first(system, make_archive):
    found = system.get(Archive, make_archive(full_name="张三丰").id)
    system.expire(found)
    found.full_name = "李四"
    system.flush()
    assert kept(system, found) == names.keys("李四")


def test_a_name_changed_twice_before_one_flush_and_once_more_after_it(system, make_archive):
    found = system.get(Archive, make_archive(full_name="张三丰").id)
    found.full_name = "李四"
    found.full_name = "王五"
    system.flush()
    assert kept(system, found) == names.keys("王五")
    found.full_name = "赵六"
    system.flush()
    assert kept(system, found) == names.keys("赵六")


def test_a_record_added_and_renamed_in_two_flushes_of_one_transaction(system, make_archive):
    file = system.get(Archive, make_archive(full_name="张三丰", members=1).id)
    member = FamilyMember(
        **{
            c.key: getattr(file.family_members[0], c.key)
            for c in FamilyMember.__mapper__.column_attrs
            if c.key != "id"
        }
    )
    member.full_name = "李四"
    file.family_members.append(member)
    system.flush()
    member.full_name = "王五"
    system.flush()
    assert kept(system, member) == names.keys("王五")


def test_a_save_that_leaves_the_name_alone_leaves_the_table_alone(system, make_archive, statements):
    found = system.get(Archive, make_archive(full_name="张三丰").id)
    with statements() as sent:
        found.remarks = "另有说明"
        system.flush()
    assert not [one for one in sent if "name_search" in one]


def test_a_save_costs_one_statement_more_and_a_renaming_two_whatever_the_members(
    system, make_archive, people, statements
):
    with statements() as sent:
        file = make_archive(members=4)
    assert len([one for one in sent if "name_search" in one]) == 1
    found = system.get(Archive, file.id)
    found.full_name = "李四"
    for member in found.family_members:
        member.full_name = "李五"
    with statements() as sent:
        system.flush()
    assert len([one for one in sent if "name_search" in one]) == 2


def test_members_that_leave_the_household_and_a_deleted_file_leave_no_keys(system, make_archive):
    found = system.get(Archive, make_archive(full_name="张三丰", members=3).id)
    gone, stays = found.family_members[0], found.family_members[1:]
    found.family_members = stays
    system.flush()
    assert kept(system, gone) == set()
    assert all(kept(system, member) == names.keys(member.full_name) for member in stays)
    system.delete(found)
    system.flush()
    assert kept(system, found) == set()
    assert not any(kept(system, member) for member in stays)


def test_what_is_rolled_back_was_never_found(system, make_archive):
    found = system.get(Archive, make_archive(full_name="张三丰").id)
    savepoint = system.begin_nested()
    found.full_name = "李四"
    system.flush()
    savepoint.rollback()
    assert kept(system, found) == names.keys("张三丰")


def test_a_flush_that_fails_leaves_nothing_to_the_next(system, make_archive):
    file = system.get(Archive, make_archive(full_name="张三丰", members=1).id)
    member, name = file.family_members[0], file.family_members[0].full_name
    other = system.get(Archive, make_archive(full_name="李四").id)
    for breaks, renamed in ((file, member), (member, file)):  # whichever is written first
        savepoint = system.begin_nested()
        renamed.full_name = "王五"
        breaks.owner_unit_id, breaks.archive_id = 10**9, 10**9  # the one has this key, the other that
        with pytest.raises(IntegrityError):
            system.flush()
        savepoint.rollback()
        other.full_name += "六"
        system.flush()
        assert kept(system, file) == names.keys("张三丰")
        assert kept(system, member) == names.keys(name)
        assert kept(system, other) == names.keys(other.full_name)


def test_many_records_of_one_flush(system, make_archive, monkeypatch):
    monkeypatch.setattr(name_search, "BATCH", 3)
    files = [system.get(Archive, make_archive(members=1).id) for _ in range(4)]
    for order, file in enumerate(files):
        file.full_name = "甲乙丙丁"[order] + "某"
        file.family_members[0].full_name = "戊己庚辛"[order] + "某"
    system.flush()
    for file in files:
        assert kept(system, file) == names.keys(file.full_name)
        assert kept(system, file.family_members[0]) == names.keys(file.family_members[0].full_name)


def test_bulk_rows_are_what_the_session_would_have_kept(system, make_archive):
    file = make_archive(full_name="张三丰", members=0)
    system.execute(
        delete(NameSearch).where(NameSearch.record_id == file.id).execution_options(**door("test"))
    )
    system.execute(insert(NameSearch), names.rows("archive", [(file.id, "张三丰")]))
    assert not list(name_search.faults(system, Archive))


def test_a_name_is_not_changed_behind_the_back_of_the_search(system, make_archive):
    file = make_archive()
    with pytest.raises(RuntimeError, match="bulk change of full_name"):
        system.execute(update(Archive).where(Archive.id == file.id).values(full_name="李四"))
    with pytest.raises(RuntimeError, match="bulk change of full_name"):
        system.execute(update(Archive), [{"id": file.id, "full_name": "李四"}])
    system.execute(update(Archive).where(Archive.id == file.id).values(remarks="可以"))


def test_a_record_type_has_one_name(monkeypatch):
    class Two:
        @classmethod
        def fields(cls):
            return {"one": Archive.fields()["full_name"], "two": FamilyMember.fields()["full_name"]}

    with pytest.raises(NotDeclared, match="two names"):
        name_search.field_of(Two)


# --- mending --------------------------------------------------------------------------------------------------


def test_the_command_finds_and_mends_what_was_written_past_the_session(app, system, make_archive):
    lost, renamed, gone = (make_archive(full_name=name, members=0) for name in ("张三丰", "李四", "王五"))
    system.execute(
        delete(NameSearch).where(NameSearch.record_id == lost.id).execution_options(**door("test"))
    )
    system.execute(insert(NameSearch), names.rows("archive", [(renamed.id, "赵六")]))
    system.execute(insert(NameSearch), names.rows("archive", [(gone.id + 1000, "钱七")]))
    system.commit()
    runner = app.test_cli_runner()

    counted = runner.invoke(mend_names, ["--dry-run"])
    assert counted.exit_code == 1
    assert f"archive: 缺{len(names.keys('张三丰'))}条，多8条。" in counted.output
    assert kept(db.session, lost) == set()

    assert runner.invoke(mend_names).exit_code == 0
    assert kept(db.session, lost) == names.keys("张三丰")
    assert kept(db.session, renamed) == names.keys("李四")
    again = runner.invoke(mend_names, ["--dry-run"])
    assert (again.exit_code, again.output.count("缺0条，多0条")) == (0, len(name_search.searched()))


def test_a_pointer_says_nothing_that_its_record_does_not():
    assert NameSearch().in_scope(SYSTEM)
    assert str(NameSearch.scope(SYSTEM)) == "true"


# --- the migration --------------------------------------------------------------------------------------------


def test_the_migration_goes_and_comes_back_filled(system, make_archive):
    make_archive(full_name="买买提·艾力", members=2)
    path = next((ROOT / "app" / "migrations" / "versions").glob("*_name_search.py"))
    spec = importlib.util.spec_from_file_location("name_search_migration", path)
    migration = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(migration)
    migration.BATCH = 7
    connection = system.connection()
    with Operations.context(MigrationContext.configure(connection)):
        migration.downgrade()
        assert "name_search" not in inspect(connection).get_table_names()
        migration.upgrade()
    for cls in (Archive, FamilyMember):
        assert not list(name_search.faults(system, cls))
