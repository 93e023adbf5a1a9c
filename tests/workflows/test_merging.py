"""合并 and 撤销合并: everything moves, nothing is lost, and all of it comes back."""

from __future__ import annotations

import uuid
from datetime import timedelta
from random import Random

import pytest
from sqlalchemy import ForeignKey, func, select, update
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from app.kit import clock, saving
from app.kit.attachments import Attachment
from app.kit.claims import IdentityClaim
from app.kit.errors import Invalid, Missing, Refused
from app.kit.name_search import NameSearch
from app.kit.reminders import Reminder
from app.kit.scope import door
from app.kit.workflow import StepLog
from app.models.archive import Archive
from app.models.family_member import FamilyMember
from app.workflows import mergers
from app.workflows.mergers import Merger
from app.workflows.merging import Chosen

LOOK = door("a test")
#: what a change of any kind writes
STAMPS = {"version", "updated_at", "updated_by_id", "updated_by_name"}


class ToyBase(DeclarativeBase):
    """Tables of this test alone."""


class ToyAid(ToyBase):
    """A record of a module still to come: it belongs to a file."""

    __tablename__ = "toy_aid"
    __label__ = "帮扶记录"
    merge_moves = ("archive_id",)

    id: Mapped[int] = mapped_column(primary_key=True)
    archive_id: Mapped[int] = mapped_column(ForeignKey(Archive.__table__.c.id))
    is_summarised: Mapped[bool] = mapped_column(default=False)

    @classmethod
    def merge_stays(cls, session, ids):
        """Summarised aid stays where it is counted."""
        locked = select(cls.id).where(cls.id.in_(ids), cls.is_summarised)
        return "帮扶记录已列入实名制汇总表" if session.scalar(locked.execution_options(**LOOK)) else None


@pytest.fixture
def aid(country, monkeypatch):
    """``aid(file)`` → the id of a linked record."""
    linking = mergers.linking
    monkeypatch.setattr(mergers, "linking", lambda: [*linking(), ToyAid])
    with country.acting() as session:
        ToyAid.__table__.create(session.connection(bind_arguments={"mapper": Archive}))
        session.commit()

    def give(file):
        with country.acting() as session:
            made = ToyAid(archive_id=file.id)
            session.add(made)
            session.flush()
            pk = made.id
            session.commit()
        return pk

    return give


@pytest.fixture
def merge(country):
    """``merge(survivor, source, …, by="dewai")`` with the fields chosen; committed."""

    def do(survivor, *sources, by="dewai", **chosen):
        who = country.actor(by)
        with country.acting(who) as session:
            found = session.get(Archive, survivor.id)
            found.perform("merge", who, source_ids=[source.id for source in sources], **chosen)
            session.commit()
        return country.again(survivor)

    return do


@pytest.fixture
def undo(country):
    def do(survivor, by="dewai", at=None):
        who = country.actor(by)
        with country.acting(who) as session:
            if at:
                object.__setattr__(who, "at", at)
            session.get(Archive, survivor.id).perform("unmerge", who)
            session.commit()
        return country.again(survivor)

    return do


def columns_of(session, model, *where):
    """Rows as they stand in the database, but for the stamps of a change."""
    table = model.__table__
    names = [column for column in table.c if column.name not in STAMPS]
    rows = session.connection(bind_arguments={"mapper": Archive}).execute(
        select(*names).where(*where).order_by(*table.primary_key)
    )
    return [dict(row._mapping) for row in rows]


def everything(country, files):
    """The whole content of these files in the database."""
    ids = [file.id for file in files]
    with country.acting() as session:
        kin = FamilyMember.__table__.c
        claim = IdentityClaim.__table__.c
        members = columns_of(session, FamilyMember, kin.archive_id.in_(ids))
        found = {
            "files": columns_of(session, Archive, Archive.__table__.c.id.in_(ids)),
            "members": members,
            "claims": sorted(
                (row["id_key"], row["record_id"], row["role"])
                for row in columns_of(session, IdentityClaim, claim.record_id.in_(ids))
            ),
            "attachments": columns_of(session, Attachment, Attachment.__table__.c.record_id.in_(ids)),
            "aid": columns_of(session, ToyAid, ToyAid.__table__.c.archive_id.in_(ids)),
            "reminders": columns_of(session, Reminder),
            "names": sorted(
                (row["key"], row["source"], row["record_id"])
                for row in columns_of(session, NameSearch)
                if row["record_id"] in {*ids, *(member["id"] for member in members)}
            ),
        }
        session.rollback()
    return found


def file_of(country, archive, name="证明.pdf"):
    """An attachment without bytes."""
    with country.acting() as session:
        stored = Attachment(
            record_type="archive",
            record_id=archive.id,
            attachment_type="id_card",
            filename=name,
            stored_as=uuid.uuid4().hex,
            size=1,
            sha256="0",
            mime="application/pdf",
            uploaded_by_name="王",
            uploaded_at=clock.now(),
        )
        session.add(stored)
        session.flush()
        pk = stored.id
        session.commit()
    return pk


def members_of(*files):
    """The members of files as a client would send them to the survivor."""
    return [{"id": member.id} for file in files for member in file.family_members]


# --- 合并 --------------------------------------------------------------------------------------------------------


def test_what_belonged_to_the_sources_belongs_to_the_survivor(country, make_archive, merge, aid):  # AID-R093
    survivor, one, two = (make_archive(members=1) for _n in range(3))
    linked = [aid(file) for file in (survivor, one, one, two)]
    files = [file_of(country, file) for file in (survivor, one, two)]
    merge(survivor, one, two)
    with country.acting() as session:
        assert set(session.scalars(select(ToyAid.archive_id).where(ToyAid.id.in_(linked)))) == {survivor.id}
        assert set(session.scalars(select(Attachment.record_id).where(Attachment.id.in_(files)))) == {
            survivor.id
        }
        session.rollback()


def test_the_survivor_keeps_its_place(country, make_archive, merge):  # AID-R095
    survivor, source = make_archive(at="xicheng"), make_archive("xinjiekou", at="bj")
    now = merge(survivor, source, by="xicheng", phone="13911112222")
    place = ("owner_unit_id", "owner_path", "holder_depth", "returned", "archive_no", "created_at")
    assert [getattr(now, name) for name in place] == [getattr(survivor, name) for name in place]
    assert now.phone == "13911112222"


def test_the_numbers_of_the_sources_are_the_survivors(country, people, make_archive, merge):
    """SM-AID-05 #4: what is carried over is registered for the survivor, what is dropped is free."""
    survivor, source = make_archive(members=0), make_archive(members=2)
    kept, dropped = source.family_members
    merge(survivor, source, household_size=2, family_members=[{"id": kept.id}])
    held = {
        row.record_id
        for row in country.all(IdentityClaim, IdentityClaim.record_id.in_([survivor.id, source.id]))
    }
    assert held == {survivor.id}
    again = people.household(members=0, hardship_category="low_income", id_card_no=dropped.id_card_no)
    again.pop("birth_date"), again.pop("gender")
    assert country.make(Archive, again, "dewai").id
    now = country.again(survivor)
    assert [member.id_card_no for member in now.family_members] == [kept.id_card_no]
    assert now.family_members[0].full_name == kept.full_name
    assert now.family_members[0].id != kept.id


@pytest.mark.parametrize(
    ("chosen", "field"),
    [
        ({"household_size": 5}, "household_size"),  # AID-R049
        ({"phone": ""}, "phone"),
        ({"no_such": 1}, "no_such"),
        ({"family_members": "x"}, "family_members"),
    ],
)
def test_the_form_is_judged_as_in_an_edit(country, make_archive, merge, chosen, field):  # SM-AID-05 #4
    survivor, source = make_archive(members=1), make_archive(members=1)
    before = country.again(survivor), country.again(source)
    with pytest.raises(Invalid) as wrong:
        merge(survivor, source, **chosen)
    assert field in wrong.value.errors
    assert [country.again(file).version for file in before] == [file.version for file in before]
    assert country.again(source).merged_into_id is None


def test_a_person_is_once_in_the_merged_household(make_archive, merge):  # AID-R040
    survivor, source = make_archive(members=0), make_archive(members=1)
    twice = members_of(source, source)
    with pytest.raises(Invalid) as wrong:
        merge(survivor, source, household_size=3, family_members=twice)
    assert "family_members.0.id_card_no" in wrong.value.errors


def test_a_merged_file_is_a_tombstone(country, make_archive, merge):
    survivor, source = make_archive(), make_archive()
    merge(survivor, source)
    gone = country.again(source)
    assert gone.merged_into_id == survivor.id
    who = country.actor("dewai_clerk")
    with country.acting(who) as session:
        found = session.get(Archive, gone.id)
        for step in ("report", "edit", "delete", "merge", "unmerge"):
            assert survivor.archive_no in str(found.refusal(step, who)), step


def test_former_files_stay_readable(country, make_archive, merge):  # AID-R094
    survivor, source = make_archive(members=1), make_archive(members=2)
    file_of(country, source, "低保证.pdf")
    merge(survivor, source, phone=source.phone)
    own, swallowed = None, None
    for version in country.versions(survivor):
        if version.step == "merge":
            own, swallowed = (version, swallowed) if version.snapshot["id"] == survivor.id else (own, version)
    assert own.snapshot["phone"] == survivor.phone
    assert swallowed.snapshot["id_card_no"] == source.id_card_no
    assert len(swallowed.snapshot["family_members"]) == 2
    assert swallowed.snapshot["attachments"] == ["低保证.pdf"]
    assert source.full_name in swallowed.message
    assert [version.step for version in country.versions(source)][-1] == "merge"


def test_the_log_keeps_no_personal_data(country, make_archive, merge):  # AID-R036
    survivor, source = make_archive(), make_archive()
    merge(survivor, source, phone="13911112222", home_address="新搬的地方9号")
    [log] = country.all(StepLog, StepLog.record_type == "archive", StepLog.record_id == survivor.id)
    assert log.step == "merge"
    assert log.answers == {"source_ids": f"({source.id},)", "chosen": "home_address, phone"}


@pytest.mark.parametrize("wrong", ["itself", "merged source", "merged survivor", "cancelled survivor"])
def test_what_may_not_be_merged(country, make_archive, merge, wrong):
    survivor, source, other = make_archive(), make_archive(), make_archive()
    if wrong == "itself":
        source = survivor
    elif wrong == "merged source":
        merge(other, source)
    elif wrong == "merged survivor":
        merge(other, survivor)
    else:
        with country.acting() as session:
            session.get(Archive, survivor.id).is_cancelled = True
            session.commit()
    with pytest.raises(Refused) as why:
        merge(survivor, source)
    assert survivor.archive_no in str(why.value) or other.archive_no in str(why.value)


def test_a_cancelled_file_may_be_swallowed(country, make_archive, merge):
    survivor, source = make_archive(), make_archive()
    with country.acting() as session:
        session.get(Archive, source.id).is_cancelled = True
        session.commit()
    assert merge(survivor, source)
    assert country.again(source).merged_into_id == survivor.id


@pytest.mark.parametrize("where", ["sibling", "stranger", "unreported child"])
def test_nobody_swallows_what_he_does_not_see(country, make_archive, merge, where):  # AID-R090
    survivor = make_archive()
    source = make_archive(
        {"sibling": "xinjiekou", "stranger": "caohejing", "unreported child": "xinfeng"}[where]
    )
    with pytest.raises(Missing):
        merge(survivor, source)
    assert country.again(source).merged_into_id is None


def test_what_was_seen_is_what_is_merged(country, make_archive, merge):  # AID-R232
    survivor, source = make_archive(), make_archive()
    seen = {survivor.id: survivor.version, source.id: source.version}
    with country.acting("dewai_clerk") as session:
        session.get(Archive, source.id).remarks = "改过"
        session.commit()
    with pytest.raises(Refused):
        merge(survivor, source, version=seen[survivor.id] - 1)
    chosen = Chosen()
    chosen.versions = seen
    with pytest.raises(Refused):
        merge(survivor, source, chosen=chosen)


def test_nothing_new_is_linked_to_a_tombstone(country, make_archive, merge, aid):
    survivor, source = make_archive(), make_archive()
    merge(survivor, source)
    with pytest.raises(Invalid):
        aid(source)
    assert aid(survivor)


def test_every_link_to_a_file_says_that_it_moves(app):
    """What would not be deleted with a file follows it; what would is a part of it."""
    follows = {(cls.__tablename__, name) for cls in mergers.linking() for name in cls.merge_moves}
    for table in Archive.metadata.tables.values():
        for key in (key for column in table.c for key in column.foreign_keys):
            if key.column.table.name == "archive" and key.ondelete != "CASCADE" and table.name != "archive":
                assert (table.name, key.parent.name) in follows, key.parent


# --- 撤销合并 -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(8))
def test_merge_and_unmerge_leave_everything_as_it_was(country, make_archive, merge, undo, aid, seed):
    random = Random(seed)
    units = ["dewai", "xinjiekou", "xicheng"]
    files = []
    for _n in range(random.randint(2, 4)):
        owner = random.choice(units)
        at = random.choice(["xicheng", "bj"]) if owner != "xicheng" else random.choice(["", "bj"])
        files.append(make_archive(owner, at=at, members=random.randint(0, 3)))
    for file in files:
        for _n in range(random.randint(0, 2)):
            aid(file), file_of(country, file)
    survivor, *sources = files
    before = everything(country, files)
    own = [{"id": member.id} for member in survivor.family_members if random.random() < 0.5]
    theirs = [line for line in members_of(*sources) if random.random() < 0.7]
    chosen = {"family_members": own + theirs, "household_size": len(own + theirs) + 1}
    for name in (
        "phone",
        "home_address",
        "full_name",
        "floor_area",
        "work_start_date",
        "household_annual_income",
    ):
        if random.random() < 0.6:
            chosen[name] = getattr(random.choice(files), name)
    merge(survivor, *sources, by="xicheng", **chosen)
    assert everything(country, files) != before
    undo(survivor, by="xicheng")
    assert everything(country, files) == before
    with country.acting() as session:
        assert session.scalar(select(func.count()).where(Merger.undone_at.is_not(None))) == 1
        session.rollback()


def test_undoing_is_in_the_history(country, make_archive, merge, undo):
    survivor, source = make_archive(), make_archive()
    merge(survivor, source, phone="13911112222")
    undo(survivor)
    assert country.versions(survivor)[-1].step == "unmerge"
    assert country.versions(source)[-1].step == "unmerge"


def test_a_chain_is_undone_from_its_end(country, make_archive, merge, undo, aid):
    a, b, c = (make_archive(members=1) for _n in range(3))
    linked = aid(a)
    start = everything(country, [a, b, c])
    merge(b, a)
    middle = everything(country, [a, b, c])
    merge(c, b)
    with country.acting() as session:
        assert session.scalar(select(ToyAid.archive_id).where(ToyAid.id == linked)) == c.id
        session.rollback()
    for early in (a, b):
        with pytest.raises(Refused) as why:
            undo(early)
        assert c.archive_no in str(why.value)
    undo(c)
    assert everything(country, [a, b, c]) == middle
    undo(b)
    assert everything(country, [a, b, c]) == start


def test_the_latest_merge_is_undone_first(country, make_archive, merge, undo, aid):
    survivor, one, two = (make_archive() for _n in range(3))
    start = everything(country, [survivor, one, two])
    merge(survivor, one, phone="13911112222")
    middle = everything(country, [survivor, one, two])
    merge(survivor, two, phone="13933334444")
    undo(survivor)
    assert everything(country, [survivor, one, two]) == middle
    undo(survivor)
    assert everything(country, [survivor, one, two]) == start
    with pytest.raises(Refused, match="没有可以撤销的合并"):
        undo(survivor)


def test_a_report_does_not_stand_against_undoing(country, make_archive, merge, undo):
    survivor, source = make_archive(), make_archive()
    merge(survivor, source, phone="13911112222")
    country.step(survivor, "report", "dewai_clerk")
    now = undo(survivor)
    assert now.phone == survivor.phone
    assert now.holder_depth == survivor.holder_depth - 1
    assert country.again(source).holder_depth == source.holder_depth


def test_an_edit_stands_against_undoing(country, make_archive, merge, undo):
    survivor, source = make_archive(), make_archive()
    merge(survivor, source)
    who = country.actor("dewai_clerk")
    with country.acting(who) as session:
        saving.save(session, session.get(Archive, survivor.id), {"remarks": "合并后又补充"}, who)
        session.commit()
    with pytest.raises(Refused, match=r"备注.*请先改回原来的内容"):
        undo(survivor)
    assert country.again(source).merged_into_id == survivor.id
    with country.acting(who) as session:
        saving.save(session, session.get(Archive, survivor.id), {"remarks": survivor.remarks}, who)
        session.commit()
    undo(survivor)  # the way out that was told
    assert country.again(source).merged_into_id is None


def test_a_removed_member_stands_against_undoing_for_good(country, make_archive, merge, undo):
    survivor, source = make_archive(members=1), make_archive(members=0)
    merge(survivor, source)
    who = country.actor("dewai_clerk")
    with country.acting(who) as session:
        typed = {"family_members": [], "household_size": 1}
        saving.save(session, session.get(Archive, survivor.id), typed, who)
        session.commit()
    with pytest.raises(Refused) as why:
        undo(survivor)
    assert "不能撤销合并" in str(why.value)
    assert "改回" not in str(why.value)


def test_a_transfer_stands_against_undoing_until_it_is_taken_back(country, make_archive, merge, undo):
    """Who transferred the survivor is told where to transfer it back, and then it can be undone (AID-R095, R102)."""
    survivor, source = make_archive(at="xicheng"), make_archive(at="xicheng")
    merge(survivor, source, by="xicheng", phone="13911112222")
    moved = country.step(survivor, "transfer", "xicheng", target_unit_id=country.unit("xicheng").id)
    with pytest.raises(Refused) as why:
        undo(survivor, by="xicheng")
    for unit in ("xicheng", "dewai"):
        assert country.unit(unit).name in str(why.value)
    assert f"请先转移回{country.unit('dewai').name}，再撤销合并" in str(why.value)
    back = country.step(moved, "transfer", "xicheng", target_unit_id=country.unit("dewai").id)
    country.bring(back, at="xicheng")
    assert undo(survivor, by="xicheng").phone == survivor.phone
    assert country.again(source).merged_into_id is None


def test_a_transfer_that_changed_the_number_says_so(country, make_archive, merge, undo):
    """职工编号 gives way in another unit: it is changed back too, as the words say."""
    survivor, source = make_archive(at="xicheng"), make_archive(at="xicheng")
    make_archive("xinjiekou", archive_no=survivor.archive_no)
    merge(survivor, source, by="xicheng")
    country.step(survivor, "transfer", "xicheng", target_unit_id=country.unit("xinjiekou").id)
    country.bring(country.again(survivor), at="xicheng")
    with pytest.raises(Refused, match="职工编号也已改动；请先转移回"):
        undo(survivor, by="xicheng")
    back = country.step(survivor, "transfer", "xicheng", target_unit_id=country.unit("dewai").id)
    who = country.actor("dewai_clerk")
    with country.acting(who) as session:
        found = session.get(Archive, survivor.id)
        saving.save(session, found, {"archive_no": survivor.archive_no}, who)
        session.commit()
    country.bring(country.again(back), at="xicheng")
    undo(survivor, by="xicheng")
    assert country.again(source).merged_into_id is None


def test_a_number_that_was_taken_stands_against_undoing(country, people, make_archive, merge, undo):
    survivor, source = make_archive(members=0), make_archive(members=0)
    merge(survivor, source)
    typed = people.household(members=0, hardship_category="low_income", id_card_no=source.id_card_no)
    typed.pop("birth_date"), typed.pop("gender")
    country.make(Archive, typed, "caohejing")
    before = country.again(survivor).version
    with pytest.raises(Refused, match="漕河泾"):
        undo(survivor)
    assert country.again(survivor).version == before
    assert country.again(source).merged_into_id == survivor.id


def test_summarised_aid_stands_against_undoing(country, make_archive, merge, undo, aid):  # AID-R095
    survivor, source = make_archive(), make_archive()
    pk = aid(source)
    merge(survivor, source)
    with country.acting() as session:
        session.execute(update(ToyAid).where(ToyAid.id == pk).values(is_summarised=True))
        session.commit()
    with pytest.raises(Refused, match="汇总表"):
        undo(survivor)


def test_a_deleted_attachment_stands_against_undoing(country, make_archive, merge, undo):
    survivor, source = make_archive(), make_archive()
    pk = file_of(country, source)
    merge(survivor, source)
    with country.acting() as session:
        session.delete(session.get(Attachment, pk))
        session.commit()
    with pytest.raises(Refused, match="附件"):
        undo(survivor)


@pytest.mark.parametrize(("days", "allowed"), [(30, True), (31, False)])
def test_a_merge_can_be_undone_for_thirty_days(country, make_archive, merge, undo, days, allowed):
    survivor, source = make_archive(), make_archive()
    merge(survivor, source)
    later = clock.now() + timedelta(days=days)
    if allowed:
        undo(survivor, at=later)
        assert country.again(source).merged_into_id is None
    else:
        with pytest.raises(Refused, match="已超过30天"):
            undo(survivor, at=later)


def test_a_file_that_swallowed_another_is_not_deleted(country, make_archive, merge):
    survivor, source = make_archive(), make_archive()
    merge(survivor, source)
    who = country.actor("dewai_clerk")
    with country.acting(who) as session:
        assert source.archive_no in str(session.get(Archive, survivor.id).refusal("delete", who))
