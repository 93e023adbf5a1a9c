"""The scope holds whatever the statement looks like, and without an actor there is nothing."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import delete, exists, func, insert, literal, select, text, union, union_all, update
from sqlalchemy.orm import aliased, joinedload, selectinload, subqueryload

from app.kit import scope
from app.kit.claims import IdentityClaim
from app.kit.errors import Invalid, Missing, NotDeclared
from app.kit.scope import SYSTEM, Actor, acting, door
from app.models.account import Account
from app.models.archive import Archive
from app.models.assignment import Assignment
from app.models.family_member import FamilyMember
from app.models.unit import Unit

ROOT = Path(__file__).parents[2]


@pytest.fixture
def foreign(make_archive):
    """A file that dewai does not see, with two members."""
    return make_archive("caohejing", members=2)


@pytest.fixture
def own(make_archive):
    return make_archive("dewai", members=2)


@pytest.fixture
def dewai(country):
    with country.acting("dewai_clerk") as session:
        yield session


Head, Kin = aliased(Archive), aliased(FamilyMember)

READS = {
    "entity": select(Archive.id),
    "columns": select(Archive.full_name, Archive.id).with_only_columns(Archive.id),
    "alias": select(Head.id),
    "count": select(func.max(Archive.id)),
    "subquery": select(select(Archive.id).subquery().c.id),
    "nested subquery": select(select(select(Archive.id).subquery().c.id).subquery().c.id),
    "cte": select(select(Archive.id).cte().c.id),
    "scalar subquery": select(select(func.max(Archive.id)).scalar_subquery()),
    "union": select(union(select(Archive.id), select(Archive.id)).subquery().c.id),
    "union all of aliases": select(union_all(select(Head.id), select(Archive.id)).subquery().c.id),
    "bare union": union_all(select(Archive.id), select(Head.id)),
    "join": select(Archive.id).join(Archive.family_members),
    "outer join from children": select(Archive.id)
    .select_from(FamilyMember)
    .outerjoin(Archive, Archive.id == FamilyMember.archive_id),
    "join of aliases": select(Head.id).join(Kin, Kin.archive_id == Head.id),
    "join from the unit": select(Archive.id)
    .select_from(Unit)
    .join(Archive, Archive.owner_unit_id == Unit.id),
    "children": select(FamilyMember.archive_id),
    "alias of children": select(Kin.archive_id),
    "exists": select(Unit.id)
    .where(exists().where(Archive.owner_unit_id == Unit.id))
    .with_only_columns(Archive.id),
    "in": select(Archive.id).where(Archive.id.in_(select(Head.id))),
    "or true": select(Archive.id).where(sa.or_(Archive.id > 0, sa.true())),
    "alias joined by a condition": select(Head.id).select_from(Archive).join(Head, Head.id > 0),
    "alias of children joined by a condition": select(Kin.archive_id)
    .select_from(Archive)
    .join(Kin, Kin.id > 0),
    "window": select(func.first_value(Archive.id).over(order_by=Archive.id.desc())).select_from(Archive),
    "lateral": select(Archive.id).join(
        select(Kin.archive_id).where(Kin.archive_id == Archive.id).lateral(), sa.true()
    ),
    "distinct": select(Archive.id).distinct(),
    "group": select(Archive.id).group_by(Archive.id),
    "ordered": select(Archive.id).order_by(Archive.id.desc()),
}


@pytest.mark.parametrize("name", READS)
def test_no_statement_reads_past_the_scope(app, dewai, own, foreign, name):
    if name == "lateral" and dewai.get_bind().dialect.name == "sqlite":
        with pytest.raises(sa.exc.SQLAlchemyError):  # SQLite knows no LATERAL
            dewai.scalars(READS[name])
        return
    found = set(dewai.scalars(READS[name]))
    assert own.id in found or name in {"count", "scalar subquery", "window"}
    assert foreign.id not in found


def test_a_count_counts_what_is_seen(dewai, country, own, foreign):
    seen = set(dewai.scalars(select(Archive.id)))
    assert dewai.scalar(select(func.count()).select_from(Archive)) == len(seen)
    assert dewai.scalar(select(func.count(Archive.id))) == len(seen)
    assert dewai.scalar(select(func.count()).select_from(select(Archive).subquery())) == len(seen)
    assert dewai.query(Archive).count() == len(seen)
    assert len(seen) < len(country.all(Archive))


def test_get_and_identity_map_do_not_leak(app, country, own, foreign):
    with country.acting("dewai_clerk") as session:
        assert session.get(Archive, own.id) is not None
        assert session.get(Archive, foreign.id) is None
        assert session.get(Unit, country.unit("caohejing").id) is None
        assert session.get(FamilyMember, foreign.family_members[0].id) is None
        assert session.scalar(select(Archive).where(Archive.id == foreign.id)) is None


@pytest.mark.parametrize("load", [joinedload, selectinload, subqueryload], ids=lambda load: load.__name__)
def test_eager_loads_do_not_leak(app, country, own, foreign, load):
    """From an account that dewai sees, no way leads to a unit that it does not see."""
    with country.acting() as session:
        clerk = session.scalars(select(Account).where(Account.username == "dewai_clerk")).one()
        far = session.scalars(select(Unit).where(Unit.id == country.unit("caohejing").id)).one()
        clerk.assignments.append(Assignment(unit=far, unit_path=far.path))
        session.commit()
    with country.acting("xinjiekou") as session:  # a sister: sees neither
        assert (
            session.scalars(
                select(Account).where(Account.username == "dewai_clerk").options(load(Account.assignments))
            )
            .unique()
            .all()
            == []
        )
    with country.acting("dewai") as session:
        who = (
            session.scalars(
                select(Account).where(Account.username == "dewai_clerk").options(load(Account.assignments))
            )
            .unique()
            .one()
        )
        assert {a.unit_path for a in who.assignments} == {country.unit("dewai").path}
        files = (
            session.scalars(select(Archive).options(load(Archive.family_members), load(Archive.owner_unit)))
            .unique()
            .all()
        )
        assert foreign.id not in {file.id for file in files}
        assert all(file.owner_unit is not None for file in files)


def test_lazy_loads_do_not_leak(app, country, own):
    with country.acting("dewai_clerk") as session:
        file = session.get(Archive, own.id)
        assert len(file.family_members) == 2
        unit = file.owner_unit
        assert unit.parent is None  # 西城区 is above, and not seen
        assert unit.full_name.startswith("中华全国总工会->")  # but its name is, by a named door


def test_a_returned_file_leaves_the_superiors_sight_with_its_members(app, country, make_archive):  # AID-R022
    file = make_archive("dewai", members=2, at="xicheng")
    member = file.family_members[0].id
    with country.acting("xicheng_clerk") as session:
        assert session.get(FamilyMember, member) is not None
    country.step(file, "send_back", "xicheng_clerk")
    with country.acting("xicheng_clerk") as session:
        assert session.get(FamilyMember, member) is None
        assert session.get(Archive, file.id) is None


# --- writing --------------------------------------------------------------------------------------------------


def test_set_based_update_and_delete_touch_nothing_outside(app, country, own, foreign):
    with country.acting("dewai_clerk") as session:
        session.execute(update(Archive).values(remarks="改"))
        session.execute(update(FamilyMember).values(employer_or_school="改"))
        session.commit()
        session.execute(delete(FamilyMember).where(FamilyMember.archive_id == foreign.id))
        session.execute(delete(Archive).where(Archive.id == foreign.id))
        session.commit()
    now = country.again(foreign)
    assert now.remarks != "改"
    assert len(now.family_members) == 2
    assert all(member.employer_or_school != "改" for member in now.family_members)
    assert country.again(own).remarks == "改"


def test_a_row_outside_is_not_written_even_when_it_is_in_hand(app, country, foreign):
    with country.acting() as session:
        file = session.get(Archive, foreign.id)
        file.remarks = "改"
        with acting(country.actor("dewai_clerk")), pytest.raises(Missing):
            session.flush()
        session.rollback()
        file = session.get(Archive, foreign.id)
        session.delete(file)
        with acting(country.actor("dewai_clerk")), pytest.raises(Missing):
            session.flush()
        session.rollback()
    assert country.again(foreign) is not None


def test_a_row_cannot_be_given_away(app, country, own):
    far = country.unit("caohejing")
    with country.acting("dewai_clerk") as session:
        file = session.get(Archive, own.id)
        file.owner_path = far.path
        with pytest.raises(Missing):
            session.flush()
        session.rollback()


def test_a_foreign_key_out_of_scope_is_refused(app, country, own, foreign):
    far = country.unit("caohejing")
    with country.acting("dewai_clerk") as session:
        file = session.get(Archive, own.id)
        file.owner_unit_id = far.id
        with pytest.raises(Invalid) as refused:
            session.flush()
        assert "owner_unit_id" in refused.value.errors
        session.rollback()
    assert country.again(own).owner_unit_id == country.unit("dewai").id


def test_a_child_cannot_be_hung_on_a_foreign_parent(app, country, own, foreign):
    with country.acting("dewai_clerk") as session:
        member = session.get(FamilyMember, own.family_members[0].id)
        member.archive_id = foreign.id
        with pytest.raises((Missing, Invalid)):
            session.flush()
        session.rollback()
    with country.acting() as session:  # in hand by mistake: not even its name
        member = session.get(FamilyMember, foreign.family_members[0].id)
        member.full_name = "改"
        with acting(country.actor("dewai_clerk")), pytest.raises(Missing):
            session.flush()
        session.rollback()
    assert len(country.again(foreign).family_members) == 2


def test_a_set_based_write_cannot_give_rows_away(app, country, own):
    far = country.unit("caohejing")
    with country.acting("dewai_clerk") as session:
        for statement in (
            update(Archive).where(Archive.id == own.id).values(owner_path=far.path),
            update(Archive).where(Archive.id == own.id).values({Archive.owner_unit_id: far.id}),
            update(FamilyMember).values(archive_id=own.id),
            insert(FamilyMember).values(archive_id=own.id),
        ):
            with pytest.raises(RuntimeError, match="unscoped write"):
                session.execute(statement)
        for parameters in (
            [{"id": own.id, "owner_unit_id": far.id}],
            [{"id": own.id, "owner_path": far.path}],
        ):
            with pytest.raises(RuntimeError, match="unscoped write"):
                session.execute(update(Archive), parameters)
        with pytest.raises(RuntimeError, match="unscoped write"):
            session.execute(insert(Archive), [{"owner_path": far.path}])
    assert country.again(own).owner_path == own.owner_path


# --- no actor, no statement without entities ------------------------------------------------------------------


def test_nobody_sees_nothing(app, own):
    with app.app_context(), acting(None):
        from app.kit.database import db

        for cls in (Archive, FamilyMember, Unit, Account, Assignment):
            assert db.session.scalars(select(cls.id)).all() == [], cls
        assert db.session.get(Archive, own.id) is None
        assert db.session.scalar(select(func.count()).select_from(Archive)) == 0
        assert db.session.execute(update(Archive).values(remarks="改")).rowcount == 0
        assert db.session.execute(delete(Archive)).rowcount == 0
        db.session.add(Unit(name="无主", level="county"))
        with pytest.raises(Missing):
            db.session.flush()
        db.session.rollback()


def test_an_actor_without_a_unit_sees_nothing(app, country, own):
    nobody = Actor(99, "无单位")
    with country.acting(nobody) as session:
        for cls in (Archive, FamilyMember, Unit, Assignment):
            assert session.scalars(select(cls.id)).all() == [], cls


def test_a_new_thread_has_no_actor(app, country, own):
    found: list[object] = []
    with country.acting("dewai_clerk"):
        assert scope.current() is not None
        thread = threading.Thread(target=lambda: found.append(scope.current()))
        thread.start()
        thread.join()
    assert found == [None]


def test_an_actor_does_not_outlive_his_block(country):
    with pytest.raises(ZeroDivisionError), country.acting("dewai_clerk"):
        raise ZeroDivisionError
    assert scope.current() is None
    with pytest.raises(Missing):
        scope.actor()


CORE = {
    "table": lambda: select(Archive.__table__.c.id),
    "insert into table": lambda: insert(Archive.__table__).values(id=1),
    "update of table": lambda: update(Archive.__table__).values(remarks="x"),
    "delete of table": lambda: delete(Archive.__table__),
    "join of tables": lambda: select(literal(1)).select_from(Unit.__table__.join(Archive.__table__)),
    "subquery of a table": lambda: select(select(Archive.__table__.c.id).subquery().c.id),
    "exists of a table": lambda: select(exists().where(Archive.__table__.c.id == 1)),
    "text": lambda: text("SELECT id FROM archive"),
    "claims": lambda: select(IdentityClaim.__table__.c.id),
}


@pytest.mark.parametrize("name", CORE)
def test_a_statement_without_entities_is_refused(app, dewai, name):
    with pytest.raises(RuntimeError, match="unscoped"):
        dewai.execute(CORE[name]())


def test_a_door_says_why(app, dewai, foreign):
    assert foreign.id in set(
        dewai.scalars(select(Archive.id).execution_options(**door("the proof of the door")))
    )


def test_the_system_sees_everything_and_says_so(app, country, own, foreign):
    with country.acting(SYSTEM) as session:
        assert {own.id, foreign.id} <= set(session.scalars(select(Archive.id)))


def test_a_record_type_without_a_scope_does_not_start():
    code = """
import config
from sqlalchemy.orm import Mapped, mapped_column
from app.kit.record import Record
import app.models

class Toy(Record):
    __tablename__ = "toy"

from app import create_app
from app.kit.errors import NotDeclared
try:
    create_app("config.Testing")
except NotDeclared as told:
    print(told)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "Toy must declare scope" in done.stdout, done.stderr
    assert issubclass(NotDeclared, Exception)
