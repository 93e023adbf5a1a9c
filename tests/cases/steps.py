"""What every record type with steps promises: the spec's table of moves, typed again, on pages and over REST.

    moves = '''
        owner:  report            -> 已上报
        parent: report, send_back -> 已上报, 退回
        sibling, child, stranger: nothing
    '''

A line names who acts and the steps that he may perform; every other step is refused. After the arrow stands what
he then sees, or the owner where the record has left his sight.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from app.kit.reminders import Reminder
from app.kit.workflow import StepLog
from tests.cases.applying import when
from tests.cases.records import RecordViewCases
from tests.cases.sampling import WHOLE, on_postgresql
from tests.world import words_of


@dataclass(frozen=True)
class Situation:
    """Who acts, and where the record has come to."""

    unit: str
    at: str = ""
    back_at: str = ""
    sees: bool = True


SITUATIONS = {
    "owner": Situation("dewai"),
    "owner after": Situation("dewai", at="xicheng"),
    "returned owner": Situation("dewai", back_at="dewai"),
    "parent": Situation("xicheng", at="xicheng"),
    "parent before": Situation("xicheng", sees=False),
    "parent after": Situation("xicheng", at="bj"),
    "returned parent": Situation("xicheng", back_at="xicheng"),
    "root": Situation("root", at="root"),
    "sibling": Situation("xinjiekou", at="xicheng", sees=False),
    "child": Situation("xinfeng", sees=False),
    "stranger": Situation("caohejing", sees=False),
}


def table_of(moves: str) -> dict[str, dict[str, str]]:
    """Who → step → the word after it."""
    table: dict[str, dict[str, str]] = {}
    for line in filter(None, map(str.strip, moves.splitlines())):
        who, _colon, rest = line.partition(":")
        steps, _arrow, words = rest.partition("->")
        names = [name.strip() for name in steps.split(",") if name.strip() != "nothing"]
        told = [word.strip() for word in words.split(",")] if words.strip() else []
        for name in who.split(","):
            table[name.strip()] = dict(zip(names, told, strict=True))
    return table


class StepCases(RecordViewCases):
    """A reportable record type moves as the spec's table says, and only so."""

    moves: ClassVar[str] = ""
    #: what the steps ask, each by its name
    answers: ClassVar[dict[str, Any]] = {"message": "请核对后办理。"}

    def answers_of(self, step: str) -> dict[str, Any]:
        """What is answered to one step; what is asked of one record's lines may stay unanswered."""
        asks = (ask for ask in self.view.steps()[step].asks if ask.each is None)
        return {ask.name: self.answers[ask.name] for ask in asks}

    def in_situation(self, country: Any, people: Any, situation: Situation) -> Any:
        record = self.make(country, people)
        if situation.at or situation.back_at:
            record = country.bring(record, at=situation.at, back_at=situation.back_at)
        return record

    def state_seen(self, country: Any, record: Any, by: str) -> str:
        """The word of the record's state for whoever looks, over REST; empty where it is not seen."""
        with country.acting(by) as session:
            found = session.get(type(record), record.id)
            if found is None:
                return ""
            return {"pending": "未上报", "reported": "已上报", "returned": "退回"}[
                found.report_state(country.actor(by))
            ]

    def judge(self, country: Any, record: Any, person: str, word: str) -> None:
        now = country.again(record)
        owner = self.person(country, "dewai")
        assert (self.state_seen(country, now, person) or self.state_seen(country, now, owner)) == word

    def cases(self, country: Any, people: Any) -> Iterator[tuple[str, Situation, Any, str, str]]:
        """(who, situation, a record in it, step, the word after it or empty where it is refused), each to be tried.

        What is refused leaves the record as it was: the next step is tried on the same.
        """
        table = table_of(self.moves)
        assert set(table) <= set(SITUATIONS)
        for who, allowed in table.items():
            record = None
            for step in sorted(self.steps(), key=lambda step: step in allowed):
                record = record or self.in_situation(country, people, SITUATIONS[who])
                yield who, SITUATIONS[who], record, step, allowed.get(step, "")
                record = None if step in allowed else record

    @when(lambda cases: cases.view.model.resource() in WHOLE or not on_postgresql)
    def test_the_table_of_moves_over_rest(self, rest, country, people):
        for who, situation, record, step, word in self.cases(country, people):
            person = self.person(country, situation.unit)
            answer = rest(person).post(self.api(f"{record.id}/steps/{step}"), json=self.answers_of(step))
            expected = 200 if word else 409 if situation.sees else 404
            assert answer.status_code == expected, (who, step, answer.json)
            if word:
                self.judge(country, record, person, word)
            else:
                assert answer.json["message"]
                assert self.same(country, record), (who, step)

    @when(lambda cases: cases.view.model.resource() in WHOLE or on_postgresql)
    def test_the_table_of_moves_on_pages(self, login, country, people):
        for who, situation, record, step, word in self.cases(country, people):
            person = self.person(country, situation.unit)
            clerk = login(person)
            dialog = clerk.get(self.page(f"dialog/{step}?ids={record.id}"))
            assert dialog.status_code == (200 if situation.sees else 400), (who, step)
            answer = clerk.post(self.page(f"steps/{step}"), {"ids": record.id, **self.answers_of(step)})
            assert answer.status_code == (302 if word else 409 if situation.sees else 404), (who, step)
            if word:
                self.judge(country, record, person, word)
            else:
                assert self.same(country, record), (who, step)
            if situation.sees and not word:
                assert "kit-refused" in dialog.text, (who, step)

    def test_many_at_once_is_judged_one_by_one(self, login, rest, country, people):
        mine, gone = self.make(country, people), country.bring(self.make(country, people), at="xicheng")
        theirs = self.make(country, people, "caohejing")
        person = self.person(country, "dewai")
        body = {"ids": [mine.id, gone.id, theirs.id, 2**31 - 1], **self.answers_of("report")}
        answer = rest(person).post(self.api("steps/report"), json=body)
        assert answer.status_code == 200
        assert answer.json["done"] == [mine.id]
        assert {one["id"] for one in answer.json["refused"]} == {gone.id, theirs.id, 2**31 - 1}
        assert all(one["message"] for one in answer.json["refused"])
        assert self.same(country, gone)
        assert self.same(country, theirs)

    @pytest.mark.parametrize("message", [None, "", "  ", "长" * 501])
    def test_a_step_wants_its_reminder(self, login, rest, country, people, message):  # AID-R018
        record, person = self.make(country, people), self.person(country, "dewai")
        answer = rest(person).post(
            self.api(f"{record.id}/steps/report"), json={} if message is None else {"message": message}
        )
        assert answer.status_code == 422
        assert answer.json["errors"]["message"]
        clerk = login(person)
        answer = clerk.post(self.page("steps/report"), {"ids": record.id, "message": message or ""})
        assert answer.status_code == 422
        assert self.same(country, record)

    def test_every_move_is_logged_reminded_and_kept(self, country, people):  # AID-R036, AID-R065, AID-R222
        record = country.bring(self.make(country, people), at="xicheng")
        record = country.step(record, "send_back", self.person(country, "xicheng"), message="电话有误")
        dewai, xicheng = country.unit("dewai"), country.unit("xicheng")
        logs = country.all(StepLog, StepLog.record_type == self.resource, StepLog.record_id == record.id)
        assert [(log.step, log.from_unit_id, log.to_unit_id) for log in logs] == [
            ("report", dewai.id, xicheng.id),
            ("send_back", xicheng.id, dewai.id),
        ]
        assert all(log.account_id and log.at and log.reminder_id for log in logs)
        reminders = country.all(Reminder, Reminder.id.in_([log.reminder_id for log in logs]))
        assert [(r.receiver_unit_id, r.state, r.record_ids) for r in reminders] == [
            (xicheng.id, "open", [record.id]),
            (dewai.id, "open", [record.id]),
        ]
        assert reminders[1].message == "电话有误"
        if self.is_versioned:
            assert [v.step for v in country.versions(record)] == ["add", "report", "send_back"]

    def test_the_dialog_shows_what_was_typed_when_it_is_refused(self, login, country, people):
        record, clerk = self.make(country, people), login(self.person(country, "dewai"))
        answer = clerk.post(self.page("steps/report"), {"ids": record.id, "message": "长" * 501})
        assert answer.status_code == 422
        assert "长" * 501 in answer.text
        assert "500" in words_of(answer.text)
