"""合适的职位, 合适的人才: what suits whom, and why, in words. A help to the clerk; nothing is decided by it.

SQL narrows to what is open, to both sides' demands and to the words that they share; Python ranks what is left by
one rule, `judged`, whoever asks. Only records of the reader's scope are looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement, false, func, or_, select, true
from sqlalchemy.orm import Session, joinedload

from app.kit import codes, names
from app.kit.clock import today
from app.models.job_position import ANY, JobPosition
from app.models.job_seeker import JobSeeker

#: candidates that are ranked, and those that are shown
CANDIDATES, SHOWN = 200, 20
#: pairs of characters that SQL looks for
PAIRS = 12
#: what half of all notices say
COMMON = frozenset(
    (
        "工作",
        "人员",
        "以上",
        "以下",
        "能力",
        "经验",
        "优先",
        "相关",
        "要求",
        "负责",
        "熟悉",
        "熟练",
        "不限",
        "职位",
        "岗位",
        "员工",
    )
)
#: a wish for any position at all
ANYTHING = ("不限", "均可", "皆可", "都可以", "服从安排")
_RUN = re.compile(f"[{names.HAN}]+|[A-Za-z0-9+#]+")


@dataclass(frozen=True)
class Match:
    """A record that suits, how well, and why."""

    record: Any
    score: int
    reasons: tuple[Any, ...]


# --- one seeker, one position -----------------------------------------------------------------------------------------


def judged(seeker: JobSeeker, position: JobPosition) -> Match | None:
    """How a seeker suits a position; None when a demand is not met, or nothing they say has to do with each other."""
    demands = list(_demands(seeker, position))
    if any(not is_met for is_met, _words in demands):
        return None
    points = list(_words(seeker, position))
    if not points and not takes_any(seeker):
        return None
    points += [*_places(seeker, position), *_salaries(seeker, position)]
    points += [(2, words) for _is_met, words in demands]
    points.sort(key=lambda one: -one[0])
    return Match(position, sum(number for number, _words in points), tuple(words for _n, words in points))


def _demands(seeker: JobSeeker, position: JobPosition) -> Iterator[tuple[bool, Any]]:
    """What the position asks for: whether the seeker has it, and so in words."""
    if position.gender_required not in (None, ANY):
        gender = position.text("gender_required")
        yield seeker.gender == position.gender_required, _("性别符合（%(it)s）", it=gender)
    if position.age_min is not None or position.age_max is not None:
        age, low, high = seeker.age, position.age_min or 0, position.age_max or 999
        yield age is not None and low <= age <= high, _("年龄符合（%(age)s岁）", age=age)
    if (wanted := rank("education", position.education_required)) > 0:
        has = rank("education", seeker.education)
        yield has >= wanted, _("学历符合（%(it)s）", it=seeker.text("education"))
    if (wanted := rank("skill_level", position.skill_level_required)) > 0:
        has = rank("skill_level", seeker.skill_level)
        yield has >= wanted, _("技术等级符合（%(it)s）", it=seeker.text("skill_level"))


def rank(table: str, code: str | None) -> int:
    """How high a code of an ascending table stands. The lowest, e.g. 无, asks for nothing, as one not filled in."""
    order = [value.code for value in codes.values(table)]
    return order.index(code) if code in order else 0


def _words(seeker: JobSeeker, position: JobPosition) -> Iterator[tuple[int, Any]]:
    """What the seeker wants and can do, in the words of the position."""
    said = f"{position.title} {position.requirements or ''}"
    if wanted := shared(seeker.desired_position, position.title):
        yield min(20 * _length(wanted), 60), _("求职意向相合：%(words)s", words="、".join(wanted))
    elif wanted := shared(seeker.desired_position, position.requirements):
        yield min(10 * _length(wanted), 20), _("职位要求提到：%(words)s", words="、".join(wanted))
    if able := shared(f"{seeker.major or ''} {seeker.skills or ''}", said):
        yield min(10 * _length(able), 30), _("专业、特长相合：%(words)s", words="、".join(able))


def _places(seeker: JobSeeker, position: JobPosition) -> Iterator[tuple[int, Any]]:
    if places := shared(seeker.desired_location, position.work_location):
        yield min(5 * _length(places), 20), _("工作地点相合：%(words)s", words="、".join(places))


def _salaries(seeker: JobSeeker, position: JobPosition) -> Iterator[tuple[int, Any]]:
    wanted, most = seeker.desired_salary, position.salary_max or position.salary_min
    if wanted is None or most is None:
        return
    if wanted <= most:
        yield 10, _("月薪达到期望（%(it)s元）", it=f"{wanted:,.0f}")
    else:
        yield -10, _("月薪低于期望（期望%(it)s元）", it=f"{wanted:,.0f}")


def shared(one: str | None, other: str | None) -> list[str]:
    """The longest pieces of a text, of two characters at least, that stand in another too."""
    found: list[str] = []
    text = (other or "").lower()
    for run in _RUN.findall((one or "").lower()):
        start = 0
        while start < len(run) - 1:
            end = start + 1
            while end < len(run) and run[start : end + 1] in text:
                end += 1
            if end - start >= 2:
                found.append(run[start:end])
            start = max(end, start + 1) if end - start >= 2 else start + 1
    whole = {*_RUN.findall((one or "").lower()), *_RUN.findall(text)}
    return [piece for piece in dict.fromkeys(found) if piece in whole or not _is_common(piece)]


def _is_common(piece: str) -> bool:
    """Whether a piece says nothing: a word of every notice, or the end of a calling, e.g. 理员 of 管理员."""
    return piece in COMMON or (len(piece) == 2 and piece[1] in "员师")


def _length(pieces: Iterable[str]) -> int:
    """Pairs of characters in pieces."""
    return sum(len(piece) - 1 for piece in pieces)


# --- many -------------------------------------------------------------------------------------------------------------


def positions_for(session: Session, seeker: JobSeeker) -> list[Match]:
    """The open positions that suit a seeker best, of those that the reader sees."""
    if not looks_for_work(seeker):
        return []
    said = f"{seeker.desired_position} {seeker.major or ''} {seeker.skills or ''}"
    wanted = _any(said, JobPosition.title, JobPosition.requirements)
    mine = (
        select(JobPosition)
        .where(
            _lasts(JobPosition.valid_until),
            JobPosition.taken < JobPosition.openings,
            JobPosition.gender_required.in_((ANY, seeker.gender)) | JobPosition.gender_required.is_(None),
            _at_most("education", JobPosition.education_required, seeker.education),
            _at_most("skill_level", JobPosition.skill_level_required, seeker.skill_level),
            true() if takes_any(seeker) else or_(false(), *wanted),
        )
        .options(joinedload(JobPosition.employer), joinedload(JobPosition.owner_unit))
    )
    if (age := seeker.age) is not None:
        mine = mine.where(
            or_(JobPosition.age_min.is_(None), JobPosition.age_min <= age),
            or_(JobPosition.age_max.is_(None), JobPosition.age_max >= age),
        )
    found = session.scalars(mine.order_by(JobPosition.id.desc()).limit(CANDIDATES)).all()
    return _best((one, judged(seeker, one)) for one in found)


def seekers_for(session: Session, position: JobPosition) -> list[Match]:
    """Who suits a position best, of those who look for work and whom the reader sees."""
    if not is_open(position):
        return []
    said = f"{position.title} {position.requirements or ''}"
    mine = (
        select(JobSeeker)
        .where(
            JobSeeker.is_employed.is_(False),
            _lasts(JobSeeker.valid_until),
            *_of_gender(position.gender_required),
            *_of_age(position.age_min, position.age_max),
            _at_least("education", JobSeeker.education, position.education_required),
            _at_least("skill_level", JobSeeker.skill_level, position.skill_level_required),
            or_(
                *_any(said, JobSeeker.desired_position, JobSeeker.major, JobSeeker.skills),
                *(JobSeeker.desired_position.contains(word) for word in ANYTHING),
            ),
        )
        .options(joinedload(JobSeeker.owner_unit))
    )
    found = session.scalars(mine.order_by(JobSeeker.id.desc()).limit(CANDIDATES)).all()
    return _best((one, judged(one, position)) for one in found)


def looks_for_work(seeker: JobSeeker) -> bool:
    """Whether he has none yet, and his wish stands."""
    return not seeker.is_employed and (seeker.valid_until is None or seeker.valid_until >= today())


def takes_any(seeker: JobSeeker) -> bool:
    """Whether he asks for no position in particular."""
    return any(word in (seeker.desired_position or "") for word in ANYTHING)


def is_open(position: JobPosition) -> bool:
    """Whether the notice stands, and somebody is still looked for."""
    lasts = position.valid_until is None or position.valid_until >= today()
    return lasts and position.taken < position.openings


def why_none_to(seeker: JobSeeker) -> Any:
    """Why nothing is looked for for a seeker, in words; None when it is."""
    if seeker.is_employed:
        return _("该职工已就业")
    return None if looks_for_work(seeker) else _("该职工的求职信息已过有效期")


def why_none_for(position: JobPosition) -> Any:
    """Why nobody is looked for for a position, in words; None when somebody is."""
    if position.taken >= position.openings:
        return _("该职位已招满")
    return None if is_open(position) else _("该职位已过有效期")


def _best(found: Iterable[tuple[Any, Match | None]]) -> list[Match]:
    """The best first; of equals the newer one."""
    made = [Match(one, match.score, match.reasons) for one, match in found if match is not None]
    return sorted(made, key=lambda match: (-match.score, -match.record.id))[:SHOWN]


# --- what SQL can ask -------------------------------------------------------------------------------------------------


def _lasts(until: Any) -> ColumnElement[bool]:
    return or_(until.is_(None), until >= today())


def _any(text: str | None, *columns: Any) -> Iterator[ColumnElement[bool]]:
    """Where a pair of characters of a text stands in one of the columns."""
    told = (text or "").lower()
    pairs = sorted(names.pairs(told) - COMMON, key=told.index)[:PAIRS]
    words = [run for run in _RUN.findall(told) if run.isascii() and len(run) > 1][:PAIRS]
    for piece in (*pairs, *words):
        for column in columns:
            yield func.lower(column).contains(piece, autoescape=True)


def _at_most(table: str, column: Any, code: str | None) -> ColumnElement[bool]:
    """Where no more is asked than there is."""
    known = [value.code for value in codes.values(table)]
    return or_(column.is_(None), column.in_(known[: rank(table, code) + 1]))


def _at_least(table: str, column: Any, code: str | None) -> ColumnElement[bool]:
    """Where there is as much as is asked."""
    known, wanted = [value.code for value in codes.values(table)], rank(table, code)
    return column.in_(known[wanted:]) if wanted else true()


def _of_gender(gender: str | None) -> Iterator[ColumnElement[bool]]:
    """As the 17th digit of a full number says: odd is a man."""
    if gender not in (None, ANY):
        odd = func.substr(JobSeeker.id_card_no, 17, 1).in_(tuple("13579"))
        yield or_(func.length(JobSeeker.id_card_no) != 18, odd if gender == "male" else ~odd)


def _of_age(least: int | None, most: int | None) -> Iterator[ColumnElement[bool]]:
    """As the birthday in a full number says."""
    born, now = func.substr(JobSeeker.id_card_no, 7, 8), today()
    is_short = func.length(JobSeeker.id_card_no) != 18
    if least is not None:
        yield or_(is_short, born <= _years_ago(now, least))
    if most is not None:
        yield or_(is_short, born > _years_ago(now, most + 1))


def _years_ago(day: date, years: int) -> str:
    """The birthday, as a number spells it, of who is that old today."""
    return f"{day.year - years:04}{day:%m%d}"
