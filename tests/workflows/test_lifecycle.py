"""注销, 恢复, 转为临时救助, 转正 against a model of their own: random units do random things (SM-AID-03).

The model is the spec's table typed again: a file has an owner, a holder, a flag, a kind, and may be put aside. After
each deed every list of several units holds what the model says.
"""

from __future__ import annotations

import threading
from random import Random

import pytest
from sqlalchemy import select

from app.kit import claims
from app.kit.history import RecordVersion
from app.kit.question import Question
from app.kit.workflow import StepLog, perform_many
from app.models.archive import Archive
from tests.workflows.test_reporting import PARENT, Paper, chain

FORMAL = ("low_income", "near_low_income", "accident")
OWN_LISTS = {"to_temporary", "to_formal"}


class File(Paper):
    """One file of SM-AID-03."""

    def __init__(self, owner, number, category, identity):
        super().__init__(owner)
        self.number, self.category, self.is_migrant = number, category, identity == "migrant"
        self.is_cancelled = False

    @property
    def is_formal(self):
        return self.category != "temporary"

    def lists(self, unit):
        """The shelves of a unit in which the file stands."""
        if not self.seen_by(unit):
            return set()
        kinds = (
            {"temporary"}
            if not self.is_formal
            else {"hardship", "migrant"}
            if self.is_migrant
            else {"hardship"}
        )
        if self.is_cancelled:
            words = {
                "hardship": ("restoring", "cancelled"),
                "migrant": ("restoring_migrant", "cancelled_migrant"),
            }
            return {shelf for kind in kinds for shelf in words[kind]}
        if unit == self.owner:
            kinds = kinds | ({"to_temporary"} if self.is_formal else {"to_formal"})
        return kinds

    def may(self, unit, deed):
        """True, False (refused) or None (not seen); by number nobody needs to see it."""
        stands, is_ours = not self.is_cancelled, unit == self.owner
        if deed == "restore_by_number":
            return self.is_cancelled
        if deed == "to_formal_by_number":
            return not self.is_formal
        if not self.seen_by(unit):
            return None
        return {
            "deactivate": is_ours and self.is_formal and stands,
            "to_temporary": is_ours and self.is_formal and stands,
            "to_formal": is_ours and not self.is_formal,
            "restore": self.is_cancelled,
            "report": self.holder == unit and PARENT[unit] is not None,
            "send_back": self.holder == unit and not is_ours,
            "edit": is_ours and stands,
            "delete": is_ours and stands and self.holder == unit,
        }[deed]

    def do(self, deed, unit="", category=""):
        if deed == "deactivate":
            self.is_cancelled = True  # Q36: where it is
        elif deed in {"restore", "restore_by_number"}:
            self.is_cancelled = False
            self.comes_to(unit)
        elif deed == "to_temporary":
            self.category = "temporary"
        elif deed in {"to_formal", "to_formal_by_number"}:
            self.category = category
            if unit != self.owner:
                self.comes_to(unit)
        else:
            super().do(deed)

    def comes_to(self, unit):
        self.owner, self.holder, self.returned = unit, unit, False


def perform(client, pk, file, deed, category):
    """The deed over REST."""
    url, steps = f"/api/v1/archive/{pk}", "/api/v1/archive/steps"
    if deed == "edit":
        return client.put(url, json={"remarks": "改"})
    if deed == "delete":
        return client.delete(url)
    answers = {
        "deactivate": {"cancel_reason": "脱贫"},
        "to_formal": {"hardship_category": category},
        "report": {"message": "请查收"},
        "send_back": {"message": "请改正"},
    }
    step = deed.removesuffix("_by_number")
    if deed != step:
        return client.post(f"{steps}/{step}", json={"id_card_no": file.number} | answers.get(step, {}))
    return client.post(f"{url}/steps/{step}", json=answers.get(step, {}))


DEEDS = {
    "report": 22,
    "send_back": 12,
    "deactivate": 18,
    "restore": 8,
    "restore_by_number": 10,
    "to_temporary": 10,
    "to_formal": 8,
    "to_formal_by_number": 8,
    "edit": 3,
    "delete": 3,
}


@pytest.mark.parametrize("seed", range(10))
def test_random_lives_agree_with_the_spec(app, rest, country, people, make_archive, seed):
    # SM-AID-03; AID-R025, R026, R056–R060, R068–R071, R074–R076, R078, R079; Q05, Q06, Q36
    chance, files = Random(seed), {}

    def add(owner):
        category = chance.choice([*FORMAL, "temporary"])
        identity = chance.choice(["migrant", "worker", "worker"])
        made = make_archive(owner, hardship_category=category, worker_identity=IDENTITIES[identity])
        files[made.id] = File(owner, made.id_card_no, category, identity)

    for owner in [*chance.sample(sorted(PARENT), 4), "xinfeng", "dewai"]:
        add(owner)
    for _turn in range(45):
        pk = chance.choice(sorted(files))
        file = files[pk]
        near = [*chain(file.owner), file.holder, file.owner, file.owner]
        unit = chance.choice(near) if chance.random() < 0.8 else chance.choice(sorted(PARENT))
        if chance.random() < 0.1:
            a_taken_number_is_refused(rest, people, file, unit)
            continue
        deed = chance.choices(list(DEEDS), list(DEEDS.values()))[0]
        category = chance.choice(FORMAL)
        expected = file.may(unit, deed)
        answer = perform(rest(f"{unit}_clerk"), pk, file, deed, category)
        told = (seed, unit, deed, vars(file), answer.json)
        assert answer.status_code == {True: 200, False: 409, None: 404}[expected], told
        if expected and deed == "delete":
            del files[pk]
            add(file.owner)
        elif expected and deed != "edit":
            file.do(deed, *([unit, category] if deed not in {"report", "send_back"} else []))
        everybody_finds(app, country, files, chance)


IDENTITIES = {"migrant": "migrant", "worker": "on_duty"}


def a_taken_number_is_refused(rest, people, file, unit):
    """AID-R039, R056–R060: whatever has become of the file, its numbers are not free."""
    typed = people.household(hardship_category="low_income", id_card_no=file.number)
    typed.pop("birth_date"), typed.pop("gender")
    answer = rest(f"{unit}_clerk").post("/api/v1/archive/", json=typed)
    assert answer.status_code == 422, answer.json
    word = "注销" if file.is_cancelled else "建档" if file.is_formal else "临时救助"
    assert word in answer.json["errors"]["id_card_no"][0]


def everybody_finds(app, country, files, chance):
    """Of some units every list: which of our files, and in which state."""
    view = app.extensions["views"]["archive"]
    shelves = ("hardship", "migrant", "temporary", "to_temporary", "to_formal")
    shelves += ("restoring", "cancelled", "restoring_migrant", "cancelled_migrant")
    for unit in chance.sample(sorted(PARENT), 4):
        actor = country.actor(f"{unit}_clerk")
        with country.acting(actor) as session:
            found = {}
            for shelf in shelves:
                asked = Question(view, actor, {"shelf": shelf}).statement(session)
                found[shelf] = set(
                    session.scalars(asked.where(Archive.id.in_(files)).with_only_columns(Archive.id))
                )
            seen = {one.id: one for one in session.scalars(select(Archive).where(Archive.id.in_(files)))}
            states = {pk: one.report_state(actor) for pk, one in seen.items()}
        expected = {shelf: {pk for pk, one in files.items() if shelf in one.lists(unit)} for shelf in shelves}
        assert found == expected, unit
        words = {"未上报": "pending", "已上报": "reported", "退回": "returned"}
        assert states == {pk: words[one.seen_by(unit)] for pk, one in files.items() if one.seen_by(unit)}, (
            unit
        )


# --- many at once -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["deactivate", "restore", "to_temporary", "to_formal"])
def test_many_at_once_end_as_one_by_one(country, make_archive, step):  # AID-R074, AID-R076
    chance = Random(step)
    answers = {"deactivate": {"cancel_reason": "other"}, "to_formal": {"hardship_category": "accident"}}.get(
        step, {}
    )
    pairs = [_twins(chance, country, make_archive) for _each in range(14)]
    actor = country.actor("xicheng_clerk" if step == "restore" else "dewai_clerk")
    with country.acting(actor) as session:
        many = session.scalars(
            select(Archive).where(Archive.id.in_([one for one, _ in pairs])).order_by(Archive.id)
        ).all()
        done, refused = perform_many(many, step, actor, answers)
        of_many = {one.id: "done" for one in done} | {one.id: str(words) for one, words in refused}
        session.commit()
    of_one = {}
    for _first, pk in pairs:
        with country.acting(actor) as session:
            alone = session.scalars(select(Archive).where(Archive.id == pk)).all()
            done, refused = perform_many(alone, step, actor, answers)
            of_one[pk] = "done" if done else str(refused[0][1]) if refused else None
            session.commit()
    assert {"done"} < set(of_many.values()), "nothing was done, or nothing refused"
    for first, second in pairs:
        one, other = country.read(Archive, first), country.read(Archive, second)
        words = (
            (of_many.get(first) or "").replace(one.title, "·"),
            (of_one[second] or "").replace(other.title, "·"),
        )
        assert words[0] == words[1]
        assert _outside(one) == _outside(other)


def _outside(file):
    names = (
        "owner_path",
        "holder_depth",
        "returned",
        "hardship_category",
        "is_cancelled",
        "cancel_reason",
        "version",
    )
    return [getattr(file, name) for name in names]


def _twins(chance, country, make_archive):
    """Two files in the same random situation."""
    owner = chance.choice(["dewai", "dewai", "xinjiekou", "xinfeng"])
    category = chance.choice(["low_income", "accident", "temporary"])
    at = chance.choice(["", "", "xicheng", "bj"])
    is_cancelled = category != "temporary" and chance.random() < 0.5
    made = []
    for _each in range(2):
        file = make_archive(owner, at=at, hardship_category=category)
        if is_cancelled:
            file = country.step(file, "deactivate", f"{owner}_clerk", cancel_reason="other")
        made.append(file.id)
    return made


# --- two at the same moment -------------------------------------------------------------------------------------


@pytest.mark.real_commits
def test_of_two_units_that_restore_a_file_at_once_one_has_it(app, country, rest, make_archive):  # AID-R072
    file = country.step(make_archive("dewai"), "deactivate", "dewai_clerk", cancel_reason="left_unit")
    units = ["xinjiekou", "caohejing", "haidian", "xuhui"]
    clients, answers, gate = (
        {unit: rest(f"{unit}_clerk") for unit in units},
        {},
        threading.Barrier(len(units)),
    )

    def restore(unit):
        gate.wait()
        body = {"id_card_no": file.id_card_no}
        answers[unit] = clients[unit].post("/api/v1/archive/steps/restore", json=body)

    try:
        threads = [threading.Thread(target=restore, args=(unit,)) for unit in units]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        winners = [unit for unit, answer in answers.items() if answer.status_code == 200]
        assert len(winners) == 1, {unit: answer.json for unit, answer in answers.items()}
        assert country.again(file).owner_unit_id == country.unit(winners[0]).id
        winner = country.unit(winners[0]).name
        losers = [answer for unit, answer in answers.items() if unit not in winners]
        assert all(answer.status_code == 409 and winner in answer.json["message"] for answer in losers)
    finally:
        with country.acting() as session:
            session.delete(session.get(Archive, file.id))
            for book in (RecordVersion, StepLog):
                for line in session.scalars(
                    select(book).where(book.record_type == "archive", book.record_id == file.id)
                ):
                    session.delete(line)
            from app.kit import claims

            claims.release(session, "archive", file.id)
            session.commit()


def test_who_takes_a_number_a_moment_earlier_wins_and_the_other_is_told(
    country, people, rest, monkeypatch
):  # AID-R039: between the guards and the writing
    typed = people.household(members=0, hardship_category="low_income")
    put_aside = country.make(Archive, typed, "dewai")
    country.step(put_aside, "deactivate", "dewai_clerk", cancel_reason="left_unit")
    with country.acting() as session:
        claims.release(session, "archive", put_aside.id)
        session.commit()
    country.make(Archive, typed | {"archive_no": ""}, "xinjiekou")
    monkeypatch.setattr(Archive, "why_not_back", lambda _self: None)  # he looked while it was still free
    answer = rest("dewai_clerk").post(f"/api/v1/archive/{put_aside.id}/steps/restore", json={})
    assert (answer.status_code, "冲突" in answer.json["message"]) == (409, True)
    assert country.again(put_aside).is_cancelled
