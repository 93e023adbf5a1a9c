"""有问题档案: what is wrong with a file, by the very rules that refuse a save or a report (SM-AID-04).

A file of an older system is kept in spite of its problems and carries their names. It is judged anew at each save, and
when another file lets go of a number that stands in both (`rejudge`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement, Integer, literal_column, select, union
from sqlalchemy.orm import Session
from sqlalchemy.sql.functions import Function

from app.kit import claims, history, identity
from app.kit.claims import Claim
from app.kit.clock import today
from app.kit.errors import Problem
from app.kit.query import spellings
from app.kit.record import check, session_of
from app.kit.scope import SYSTEM, Actor, acting, actor, class_of_table, door
from app.models.archive.linked import repeat_when_changed
from app.models.archive.lists import in_cancelled_lists, in_normal_lists
from app.models.archive.lookup import REGISTRY
from app.models.family_member import FamilyMember

if TYPE_CHECKING:
    from app.models.archive import Archive

#: SM-AID-04
PROBLEM_FLAGS = {
    "duplicate_id": _("身份证号重复"),
    "bad_id": _("身份证号不符合标准"),
    "incomplete": _("信息不完整"),
    "family_size": _("家庭人口数不符"),
}

_NATIONAL = door("identity uniqueness is national")


def is_flagged() -> ColumnElement[bool]:
    """Files with at least one flag; written as the index over them says it."""
    flags = class_of_table("archive").problem_flags
    number = Function("json_array_length", flags, type_=Integer)
    found: ColumnElement[bool] = number > literal_column("0")
    return found


class Faulty:
    """A file that may be kept in spite of its problems, which it names."""

    id: Any
    full_name: Any
    id_card_no: Any
    household_size: Any
    family_members: Any
    problem_flags: Any

    @property
    def is_faulty(self) -> bool:
        """Whether it may be mended step by step: only what is known to be faulty."""
        return bool(self.problem_flags)

    def faults(self) -> list[Problem]:
        """Everything that is wrong with the file as it is now."""
        return [problem for problem in check(self) if not problem.warning]  # type: ignore[arg-type]

    def flag(self, problems: Sequence[Problem], unread: set[str]) -> Any:
        """Note on a file of an older system what is wrong with it (SM-AID-04); it needs a name or a number."""
        if not self.full_name and not self.id_card_no:
            return _("姓名和身份证号都没有，不能导入")
        self._note(problems, unread)
        return None

    def judge_anew(self) -> None:
        """Register the numbers that are this file's alone, and keep the flags that still hold (AID-R087, R088)."""
        mine: Any = self
        claims.register(session_of(self), REGISTRY, "archive", self.id, claimable(mine))
        self._note(self.faults())

    def _note(self, problems: Sequence[Problem], unread: Iterable[str] = ()) -> None:
        found = {self._flag_of(problem, unread) for problem in problems}
        flags = [flag for flag in PROBLEM_FLAGS if flag in found]
        if flags != self.problem_flags:
            self.problem_flags = flags

    def _flag_of(self, problem: Problem, unread: Iterable[str]) -> str:
        child, _dot, rest = problem.field.partition(".")
        index, _dot, name = rest.partition(".")
        person: Any = getattr(self, child)[int(index)] if rest else self
        match name or child:
            case "household_size" if self.household_size is not None:
                return "family_size"
            case "id_card_no" if problem.field in unread:
                return "bad_id"
            case "id_card_no" if person.id_card_no:
                return "bad_id" if identity.fault(person.id_card_no, today()) else "duplicate_id"
        return "incomplete"

    @classmethod
    def follow_up(cls, session: Session, before: Mapping[str, Any], now: Any, who: Actor) -> None:
        """What hangs on the file learns its name; another may be in order once it has let go of a number (AID-R088)."""
        stays = now is not None and not now.is_cancelled and now.merged_into_id is None
        kept = {claim.number for claim in now.identity_claims()} if stays else set()
        rejudge(session, _numbers_in(before) - kept, who)
        repeat_when_changed(session, before, now)


def claimable(archive: Archive, taken: Iterable[str] = ()) -> list[Claim]:
    """The numbers that a file may register: each once, well-formed, nobody else's; ``taken`` are keys given already."""
    wanted = [claim for claim in archive.identity_claims() if not identity.fault(claim.number, today())]
    held = claims.holders(session_of(archive), REGISTRY, [claim.number for claim in wanted])
    free: dict[str, Claim] = {}
    for claim in wanted:
        key = claims.id_key(claim.number)
        holder = held.get(key)
        is_mine = holder is None or (holder.record_type, holder.record_id) == ("archive", archive.id)
        if is_mine and key not in taken:
            free.setdefault(key, claim)
    return list(free.values())


def in_the_way(archive: Archive) -> dict[str, tuple[int, str]]:
    """Key of a number → the other file that has it, and as whose: ``head`` or ``member`` (AID-R039)."""
    numbers = [claim.number for claim in archive.identity_claims()]
    taken = claims.holders(session_of(archive), REGISTRY, numbers)
    others = {
        key: (holder.record_id, holder.role)
        for key, holder in taken.items()
        if (holder.record_type, holder.record_id) != ("archive", archive.id)
    }
    return doubles(archive) | others if archive.is_faulty else others


def doubles(archive: Archive) -> dict[str, tuple[int, str]]:
    """The standing files that an older system has left with the same numbers, whether they could register them or not."""
    numbers = [claim.number for claim in archive.identity_claims()]
    sound = [number for number in numbers if not identity.fault(number, today())]
    spelled = {spelling for number in sound for spelling in spellings(number)}
    if not spelled:
        return {}
    cls = type(archive)
    others = (cls.id != archive.id, in_normal_lists())
    members = select(FamilyMember.id_card_no, cls.id).join(cls, FamilyMember.archive_id == cls.id)
    looks = {
        "member": members.where(FamilyMember.id_card_no.in_(spelled), *others),
        "head": select(cls.id_card_no, cls.id).where(cls.id_card_no.in_(spelled), *others),
    }
    session = session_of(archive)
    return {
        claims.id_key(number): (pk, role)
        for role, look in looks.items()
        for number, pk in session.execute(look.execution_options(**_NATIONAL))
    }


def rejudge(session: Session, numbers: Iterable[str], who: Actor) -> list[int]:
    """Judge the flagged files with these numbers anew, whosever they are: another file has let go of one (AID-R088).

    Called by itself after every save, step and deletion of a file; who changes further files in his step (合并) calls it
    with the numbers that they had. A file that is cancelled or merged away gives up what a flagged one waits for.
    Returns the ids of the files whose flags changed.
    """
    spelled = {spelling for number in numbers if number for spelling in spellings(number)}
    if not spelled:
        return []
    session.flush()  # what was changed is judged by its own actor, and seen by what follows
    with acting(SYSTEM):
        waiting = _flagged_with(session, spelled)
        if waiting:
            _give_up(session, spelled & _spelled_in(waiting))
        mended = [archive.id for archive in waiting if _is_mended(archive)]
        _take_back(session, spelled)
        return mended


def _spelled_in(archives: Iterable[Archive]) -> set[str]:
    """Every number in these files, in each of its spellings."""
    numbers = (claim.number for archive in archives for claim in archive.identity_claims())
    return {spelling for number in numbers for spelling in spellings(number)}


def _flagged_with(session: Session, spelled: set[str]) -> list[Archive]:
    """The flagged files in which one of these numbers stands, held until the transaction ends."""
    return _with(session, spelled, in_normal_lists(), is_flagged())


def _with(session: Session, spelled: set[str], *clauses: ColumnElement[bool]) -> list[Archive]:
    cls = class_of_table("archive")
    heads = select(cls.id).where(cls.id_card_no.in_(spelled))
    members = select(FamilyMember.archive_id).where(FamilyMember.id_card_no.in_(spelled))
    wanted = cls.id.in_(union(heads, members))
    statement = select(cls).where(wanted, *clauses).order_by(cls.id)
    return list(session.scalars(statement.with_for_update(of=cls)))


def _give_up(session: Session, spelled: set[str]) -> None:
    """Files that are cancelled or merged away let go of the numbers that others wait for."""
    cls = class_of_table("archive")
    held = claims.holders(session, REGISTRY, spelled)
    ids = {holder.record_id for holder in held.values() if holder.record_type == "archive"}
    gone = set(session.scalars(select(cls.id).where(cls.id.in_(ids), ~in_normal_lists()))) if ids else set()
    keys = [key for key, holder in held.items() if holder.record_id in gone]
    claims.let_go(session, REGISTRY, keys)


def _take_back(session: Session, spelled: set[str]) -> None:
    """What nobody holds any more is again that of the cancelled file in which it stands (AID-R039, R058)."""
    held = claims.holders(session, REGISTRY, spelled)
    free = {number for number in spelled if claims.id_key(number) not in held}
    for archive in _with(session, free, in_cancelled_lists()) if free else ():
        claims.register(session, REGISTRY, "archive", archive.id, claimable(archive))


def _is_mended(archive: Archive) -> bool:
    before, flags = history.snapshot(archive), list(archive.problem_flags)
    archive.judge_anew()
    if archive.problem_flags == flags:
        return False
    archive.stamp(actor())
    session_of(archive).flush()  # the version counts this change
    diff = history.difference(before, history.snapshot(archive))
    history.write(archive, "recheck", actor(), None, before, diff)
    return True


def _numbers_in(content: Mapping[str, Any]) -> set[str]:
    """The numbers of a household as a version keeps them."""
    if content.get("is_cancelled") or content.get("merged_into_id"):
        return set()
    people = [content, *content.get("family_members", ())]
    return {person["id_card_no"] for person in people if person.get("id_card_no")}
