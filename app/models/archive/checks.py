"""What must hold of a household file, and what stands against changing it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from flask_babel import lazy_gettext as _
from sqlalchemy import false, or_, select

from app.kit import claims, identity
from app.kit.errors import Problem
from app.kit.record import session_of
from app.kit.scope import Actor, door
from app.models.archive.lookup import conflict_words
from app.models.archive.problems import PROBLEM_FLAGS, in_the_way
from app.workflows.mergers import links_to

if TYPE_CHECKING:
    from app.models.archive import Archive


def household_size_counts_members(archive: Archive) -> Iterator[Problem]:
    """家庭人口 = members + 1 (AID-R049)."""
    if archive.household_size is not None and archive.household_size != len(archive.family_members) + 1:
        yield Problem("household_size", _("家庭人口数必须等于家庭成员人数加1"))


def id_cards_differ(archive: Archive) -> Iterator[Problem]:
    """One number once within the household (AID-R040)."""
    wanted = archive.identity_claims()
    numbers = [identity.normal(claim.number) for claim in wanted]
    if len(set(numbers)) == len(numbers):
        return
    for claim, number in zip(wanted, numbers, strict=True):
        if numbers.count(number) > 1:
            yield Problem(claim.field, _("同一份档案中身份证号重复"))


def id_cards_are_free(archive: Archive) -> Iterator[Problem]:
    """One number once in the country, over householders and members of all archives (AID-R039)."""
    others = in_the_way(archive)
    for claim in archive.identity_claims() if others else ():
        if other := others.get(claims.id_key(claim.number)):
            yield Problem(claim.field, conflict_words(session_of(archive), *other))


def has_no_problem_flags(archive: Archive) -> Iterator[Problem]:
    """A flagged file cannot be reported (AID-R031, R032)."""
    if archive.problem_flags:
        told = "、".join(str(PROBLEM_FLAGS[flag]) for flag in archive.problem_flags)
        yield Problem("", _("属于有问题档案（%(flags)s）", flags=told))


def has_no_linked_information(archive: Archive, actor: Actor) -> Any:
    """Aid, talent and legal-aid records keep their archive (AID-R061): what says ``merge_moves`` and does not let go."""
    links = [link for link in links_to(type(archive)) if not link.lets_go]
    some = [select(link.cls.id).where(link.column == archive.id).exists() for link in links]
    is_linked = select(or_(false(), *some)).execution_options(**door("links to a file"))
    if session_of(archive).scalar(is_linked):
        return _("「%(archive)s」已有帮扶、人才或法律援助信息，不能删除", archive=archive.title)
    return None


def is_not_cancelled(archive: Archive, actor: Actor) -> Any:
    """A cancelled or merged file is not edited any more."""
    if archive.merged_into_id:
        return _("「%(archive)s」已合并到其他档案，不能再修改", archive=archive.title)
    if archive.is_cancelled:
        return _("「%(archive)s」已注销，恢复后才能修改", archive=archive.title)
    return None
