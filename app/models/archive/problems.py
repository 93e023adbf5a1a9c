"""有问题档案: what may be wrong with a file that came from an older system (SM-AID-04)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from flask_babel import lazy_gettext as _
from sqlalchemy import and_, or_, select

from app.kit import identity
from app.kit.clock import today
from app.kit.errors import Problem
from app.kit.record import session_of
from app.kit.scope import door
from app.models.archive.lists import in_normal_lists
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


class Faulty:
    """A file that may be kept in spite of its problems, which it names."""

    full_name: Any
    id_card_no: Any
    household_size: Any
    problem_flags: Any

    def flag(self, problems: Sequence[Problem], unread: set[str]) -> Any:
        """Note on a file of an older system what is wrong with it (SM-AID-04); it needs a name or a number."""
        if not self.full_name and not self.id_card_no:
            return _("姓名和身份证号都没有，不能导入")
        found = {self._flag_of(problem, unread) for problem in problems}
        self.problem_flags = [flag for flag in PROBLEM_FLAGS if flag in found]
        return None

    def _flag_of(self, problem: Problem, unread: set[str]) -> str:
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


def has_double(archive: Archive) -> bool:
    """Whether one of the household's numbers stands in another file that is neither cancelled nor merged away."""
    numbers = {claim.number for claim in archive.identity_claims()}
    numbers |= {identity.normal(number) for number in numbers}
    numbers |= {number[:6] + number[8:17] for number in numbers if len(number) == 18}
    cls = type(archive)
    others = and_(cls.id != archive.id, in_normal_lists())
    members = select(FamilyMember.archive_id).where(FamilyMember.id_card_no.in_(numbers))
    where = or_(cls.id_card_no.in_(numbers), cls.id.in_(members))
    look = select(cls.id).where(others, where).limit(1)
    return (
        session_of(archive).scalar(look.execution_options(**door("identity uniqueness is national")))
        is not None
    )
