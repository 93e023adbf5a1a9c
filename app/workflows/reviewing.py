"""What a reviewer needs when a record comes up again: what changed since, and what became of his points.

    退回 「1 … 2 …」 ──▶ the unit below answers each point with its 上报 ──▶ the reviewer says: settled, or not
           ▲                                                                          │
           └──────────────── what is not settled begins the next 退回 ◀───────────────┘

Everything is read from what the steps have written: the words of a 退回 are its points, line by line (those of a
快速退回 are one), the answers stand in the log of the 上报, the verdicts in a log of their own. What a level last saw is
the snapshot that the report before the present one has frozen (DESIGN §3).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import select

from app.kit import columns, history, tree
from app.kit.errors import Forbidden, Invalid, Problem, Refused
from app.kit.history import RecordVersion
from app.kit.record import append, lock, session_of
from app.kit.scope import Actor
from app.kit.workflow import Ask, Move, Stateful, StepLog

#: a number before a point: 1. 1、 （1）
_NUMBERED = re.compile(r"^\s*(?:[（(]\d{1,2}[)）]|\d{1,2}\s*[.、．)）](?!\d))\s*")
#: the steps that points are made of
_ABOUT = ("send_back", "report", "settle")
MOST_POINTS, LONGEST = 50, 500


class AnswersField(columns.Field):
    """One line of text for each point, in their order; an empty one is no answer."""

    kind = "answers"

    def parse(self, raw: Any) -> list[str] | None:
        if not isinstance(raw, list | tuple) or len(raw) > MOST_POINTS:
            raise columns.Wrong(_("答复应为一列文字，按退回意见的顺序，最多%(most)s条", most=MOST_POINTS))
        answers = [columns.clean(one) if one is not None else "" for one in raw]
        if any(len(one) > LONGEST for one in answers):
            raise columns.Wrong(_("每条答复最多%(most)s个字", most=LONGEST))
        return answers if any(answers) else None

    def schema(self) -> dict[str, Any]:
        return {"type": "array", "items": {"type": "string", "nullable": True}, "nullable": True}


@dataclass
class Round:
    """One 退回: who wanted what of whom, what was answered and what the reviewer then said of it."""

    number: int
    asker_id: int | None
    asked_id: int | None
    at: datetime
    by: str
    points: list[str]
    answers: list[str] = field(default_factory=list)
    answered_at: datetime | None = None
    answered_by: str = ""
    verdicts: list[bool | None] = field(default_factory=list)

    def answer(self, index: int) -> str:
        """What was answered to a point."""
        return self.answers[index] if index < len(self.answers) else ""

    def verdict(self, index: int) -> bool | None:
        """Whether a point is settled; None when nobody has said."""
        return self.verdicts[index] if index < len(self.verdicts) else None

    @property
    def unsettled(self) -> list[str]:
        """The points that were looked at and are not settled."""
        return [point for index, point in enumerate(self.points) if self.verdict(index) is False]


def points_in(message: str | None, *, is_one: bool = False) -> list[str]:
    """The points of a 退回: one a line, without the numbers before them; ``is_one`` takes the whole as one."""
    text = (message or "").strip()
    if is_one:
        return [text] if text else []
    lines = (_NUMBERED.sub("", line).strip() for line in text.splitlines())
    return [line for line in lines if line]


def numbered(points: Sequence[str]) -> str:
    """Points as the words of a 退回; a single one needs no number."""
    if len(points) == 1:
        return points[0]
    return "\n".join(f"{number}. {point}" for number, point in enumerate(points, 1))


def to_answer(record: Any, actor: Actor) -> list[str]:
    """The points that the actor's 上报 may answer."""
    wanted = record.returned_to(actor)
    return wanted.points if wanted else []


ANSWERS = Ask(
    "answers",
    AnswersField(_("对退回意见的答复"), hint=_("可以写“已改”或说明原因，不写也能上报")),
    each=to_answer,
)


class Reviewed(Stateful):
    """Adds to a reportable record what its reviewers have seen, wanted and been told."""

    owner_path: Any
    holder_depth: Any
    returned: Any
    last_returned_at: Any

    # --- what changed since --------------------------------------------------------------------------------------

    def last_seen(self, who: Actor) -> RecordVersion | None:
        """What the 上报 before the present one brought to the unit; None when this is the first that it sees of it."""
        if who.path == self.owner_path:
            return None
        mine = (RecordVersion.record_type == type(self).resource(), RecordVersion.record_id == self.id)
        reports = select(RecordVersion).where(*mine, RecordVersion.step == "report")
        found = session_of(self).scalars(reports.order_by(RecordVersion.id.desc()))
        to_me = [version for version in found if _receiver(version) == who.unit_id]
        return to_me[1] if len(to_me) > 1 else None

    def files_since(self, version: RecordVersion) -> tuple[list[str], list[str]]:
        """The names of the files that have come and gone since a version; one that came and went is neither."""
        mine = (RecordVersion.record_type == type(self).resource(), RecordVersion.record_id == self.id)
        events = select(RecordVersion.step, RecordVersion.message).where(
            *mine, RecordVersion.id > version.id, RecordVersion.step.in_(("attach", "detach"))
        )
        came, went = list[str](), list[str]()
        for step, name in session_of(self).execute(events.order_by(RecordVersion.id)):
            if step == "attach":
                came.append(name)
            elif name in came:
                came.remove(name)
            else:
                went.append(name)
        return came, went

    def difference_since(self, version: RecordVersion) -> list[list[Any]]:
        """What is different from a version: ``[field, before, after]``."""
        return history.difference(version.snapshot or {}, history.snapshot(self))

    # --- points --------------------------------------------------------------------------------------------------

    def rounds(self) -> list[Round]:
        """Every 退回 of the record with its answers and verdicts, the oldest first."""
        if self.last_returned_at is None:
            return []
        mine = (StepLog.record_type == type(self).resource(), StepLog.record_id == self.id)
        logs = select(StepLog).where(*mine, StepLog.step.in_(_ABOUT)).order_by(StepLog.id)
        rounds: list[Round] = []
        for log in session_of(self).scalars(logs):
            _READ[log.step](rounds, log)
        return rounds

    def returned_to(self, who: Actor) -> Round | None:
        """The 退回 that the actor's unit has yet to answer, while it has the record."""
        if self.holder_depth != who.depth:
            return None
        mine = (one for one in reversed(self.rounds()) if one.asked_id == who.unit_id)
        return next((one for one in mine if one.answered_at is None), None)

    def returned_by(self, who: Actor) -> Round | None:
        """The latest 退回 by the actor's unit."""
        return next((one for one in reversed(self.rounds()) if one.asker_id == who.unit_id), None)

    def suggested(self, step: str, who: Actor) -> dict[str, Any]:
        """A further 退回 begins with what is not settled; what came back from above goes on down (AID-R030)."""
        if step != "send_back":
            return super().suggested(step, who)
        own, above = self.returned_by(who), self.returned_to(who)
        is_passed_on = above is not None and (own is None or own.number < above.number)
        points = above.points if above and is_passed_on else own.unsettled if own else []
        return {"message": numbered(points)[:LONGEST]} if points else {}

    def why_not_settle(self, who: Actor) -> Any:
        """Why the actor cannot say now which points are settled, in words; None when he can."""
        if self.holder_depth != who.depth or not who.sees_unit(self.owner_path):
            return _("「%(record)s」不在本单位，请由保管的单位审核", record=self.title)
        wanted = self.returned_by(who)
        if wanted is None or wanted.answered_at is None:
            return _("「%(record)s」没有等待本单位审核的退回意见", record=self.title)
        return None

    def settle_points(self, verdicts: Any, who: Actor) -> Round:
        """Note which points of the actor's latest 退回 are settled: one of True, False, None for each."""
        if not who.may("send_back", type(self).resource()):
            raise Forbidden(_("您没有审核退回意见的权限"))
        lock(self)
        if (why := self.why_not_settle(who)) is not None:
            raise Refused(why)
        wanted = self.returned_by(who)
        assert wanted is not None  # noqa: S101 - else there were words
        if not _are_verdicts(verdicts, len(wanted.points)):
            words = _("应为%(n)s个是或否，按退回意见的顺序", n=len(wanted.points))
            raise Invalid([Problem("settled", words)])
        line = StepLog.line(self, "settle", who, Move(), {}, round=wanted.number, settled=list(verdicts))
        append(session_of(self), StepLog, line)
        wanted.verdicts = list(verdicts)
        return wanted

    def _hop(self, name: str, hop: Any, actor: Actor, values: dict[str, Any]) -> Move:
        answers = values.get("answers") or ()
        if len(answers) > (most := len(to_answer(self, actor)) if answers else 0):
            raise Invalid([Problem("answers", _("退回意见共%(n)s条，答复不能多于它", n=most))])
        return super()._hop(name, hop, actor, values)


def _are_verdicts(raw: Any, number: int) -> bool:
    return (
        isinstance(raw, list)
        and len(raw) == number
        and all(one is None or isinstance(one, bool) for one in raw)
    )


def _receiver(report: RecordVersion) -> int | None:
    """The unit that a report brought the record to, by what the record was before."""
    before: Mapping[str, Any] = report.snapshot or {}
    path, depth = before.get("owner_path") or "", before.get("holder_depth") or 0
    return tree.last_id(tree.ancestor(path, depth - 1)) if path and depth > 1 else None


def _read_return(rounds: list[Round], log: StepLog) -> None:
    points = points_in(log.message, is_one="job" in (log.answers or {}))
    rounds.append(Round(log.id, log.from_unit_id, log.to_unit_id, log.at, log.account_name, points))


def _read_report(rounds: list[Round], log: StepLog) -> None:
    """The report between the same two units answers the latest return between them."""
    for one in reversed(rounds):
        if (one.asked_id, one.asker_id) == (log.from_unit_id, log.to_unit_id):
            if one.answered_at is None:
                one.answers = list((log.answers or {}).get("answers") or ())
                one.answered_at, one.answered_by = log.at, log.account_name
            return


def _read_verdicts(rounds: list[Round], log: StepLog) -> None:
    for one in rounds:
        if one.number == log.answers.get("round"):
            one.verdicts = list(log.answers.get("settled") or ())


_READ = {"send_back": _read_return, "report": _read_report, "settle": _read_verdicts}
