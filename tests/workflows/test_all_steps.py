"""Every step of the files in any order: whatever is asked, by whom and when, the books stay right.

A random person asks for a random deed over REST: own files and others', standing, cancelled and merged ones, units
that move meanwhile. Each deed is done or refused in words; after it `Books` holds over the whole database.
"""

from __future__ import annotations

import csv
import io
from collections import Counter, defaultdict
from random import Random

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import selectinload

from app.demo.people import People
from app.kit import claims, identity, name_search, tree
from app.kit.claims import IdentityClaim
from app.kit.clock import today
from app.kit.jobs import Job
from app.models.archive import Archive
from app.models.archive.lookup import REGISTRY
from app.models.likeness import search
from app.models.unit import Unit
from app.workflows.mergers import Merger
from tests.workflows.sweeping import work
from tests.workflows.test_reporting import PARENT, chain

FILES = "/api/v1/archive"
DEEDS = 40


class Books:
    """What must hold of the whole database, whatever has been done."""

    def __init__(self, country):
        self.country = country

    def audit(self):
        """All of it."""
        with self.country.acting() as session:
            whole = select(Archive).options(selectinload(Archive.family_members))
            self.files = list(session.scalars(whole.order_by(Archive.id)))
            self.standing = [f for f in self.files if not f.is_cancelled and not f.merged_into_id]
            self.units(session)
            self.envelopes()
            self.merges(session)
            self.numbers(session)
            with Archive.looked_up(session, self.standing):
                self.flags()
            session.expunge_all()

    def units(self, session):
        units = {unit.id: unit for unit in session.scalars(select(Unit))}
        for unit in units.values():
            above = units[unit.parent_id].path if unit.parent_id else ""
            assert unit.path == above + tree.segment(unit.id), unit.name
        self.paths = {unit.id: unit.path for unit in units.values()}

    def envelopes(self):
        """An owner that stands where its path says, a holder between the root and it (SM-AID-01)."""
        for file in self.files:
            assert file.owner_path == self.paths[file.owner_unit_id], file.title
            depth = tree.depth_of(file.owner_path)
            assert 1 <= file.holder_depth <= depth, file.title
            if file.returned:  # by the unit above the holder
                assert file.returned_from & 1 << file.holder_depth - 1, file.title
            assert not file.returned_from >> depth, file.title
            cancelled = (file.cancelled_at, file.cancel_reason, file.cancelled_by, file.cancelled_unit_id)
            assert all(one is None for one in cancelled) or file.is_cancelled, file.title
        numbers = Counter((file.owner_unit_id, file.archive_no) for file in self.files)
        assert max(numbers.values()) == 1

    def merges(self, session):
        """A tombstone points at a file that stands or has gone into another; the book of merges says the same."""
        by_id = {file.id: file for file in self.files}
        told = defaultdict(set)
        for merger in session.scalars(select(Merger).where(Merger.undone_at.is_(None))):
            told[merger.record_id] |= set(merger.source_ids)
        found = defaultdict(set)
        for file in self.files:
            if file.merged_into_id:
                found[file.merged_into_id].add(file.id)
                assert file.merged_into_id in by_id
                walked, into = {file.id}, by_id[file.merged_into_id]
                while into.merged_into_id:
                    assert into.id not in walked
                    walked.add(into.id)
                    into = by_id[into.merged_into_id]
        assert found == told

    def numbers(self, session):
        """AID-R039: each number of a file that is not merged away is claimed once, by a file in which it stands."""
        held = {
            row.id_key: row
            for row in session.scalars(select(IdentityClaim).where(IdentityClaim.within == REGISTRY))
        }
        wanted = defaultdict(set)
        for file in self.files:
            if not file.merged_into_id:
                for claim in file.identity_claims():
                    if not identity.fault(claim.number, today()):
                        wanted[claims.id_key(claim.number)].add((file.id, claim.role))
        assert set(held) == set(wanted)
        for key, row in held.items():
            assert row.record_type == "archive"
            assert (row.record_id, row.role) in wanted[key]
        sound = defaultdict(set)
        for file in self.standing:
            if not file.problem_flags:
                for claim in file.identity_claims():
                    sound[claims.id_key(claim.number)].add(file.id)
        for key, ids in sound.items():
            assert ids == {held[key].record_id}

    def flags(self):
        """SM-AID-04: a standing file has just the flags of what is wrong with it."""
        for file in self.standing:
            before = list(file.problem_flags)
            file._note(file.faults())
            assert file.problem_flags == before, file.title

    def names(self):
        """Every name is found by its keys, and no key is left of one that has gone."""
        with self.country.acting() as session:
            for cls in name_search.searched():
                assert not list(name_search.faults(session, cls)), cls

    def lists(self, login, rest):
        """No list, figure, file or pair shows a cancelled or merged file, or one that has not come up."""
        for unit in PARENT:
            actor, client = self.country.actor(f"{unit}_clerk"), rest(f"{unit}_clerk")
            seen = {
                file.id: file
                for file in self.standing
                if file.owner_path.startswith(actor.path) and file.holder_depth <= actor.depth
            }
            shown = client.get(f"{FILES}/?q=(page_size:-1)").json
            assert (shown["count"], set(shown["ids"])) == (len(seen), set(seen)), unit
            total = client.get(f"{FILES}/statistics?by=hardship_category").json["total"]
            assert total["total.archives"] == len(seen), unit
            browser = login(f"{unit}_clerk")
            for shelf in ("hardship", "migrant", "temporary"):
                kind = Counter(file.archive_no for file in seen.values() if on_shelf(file, shelf))
                told = browser.get(f"/archive/export?format=csv&shelf={shelf}").get_data()
                lines = list(csv.DictReader(io.StringIO(told.decode("utf-8-sig"))))
                assert Counter(line["职工编号"].strip() for line in lines) == kind, (unit, shelf)
            pairs = rest(unit).get("/api/v1/likeness/?q=(page_size:-1)").json["result"]
            for pair in pairs:
                ids = {one["id"] for one in (pair["left"], pair["right"]) if "id" in one}
                assert ids <= set(seen), pair


def on_shelf(file, shelf):
    if shelf == "hardship":
        return file.archive_kind != "temporary"
    return file.archive_kind == shelf


class Deeds:
    """Random deeds of random people. Each returns what was answered; None when there was nothing to do."""

    def __init__(self, app, country, rest, seed):
        self.app, self.country, self.rest = app, country, rest
        self.chance, self.people = Random(seed), People(seed + 900, "650102", "乌鲁木齐市天山区")
        self.done, self.refused = Counter(), Counter()
        self.logins = {country.unit(login).id: login for login in PARENT}

    def files(self, *clauses):
        with self.country.acting() as session:
            whole = select(Archive).options(selectinload(Archive.family_members))
            found = list(session.scalars(whole.where(*clauses).order_by(Archive.id)))
            session.expunge_all()
            return found

    def some(self, *clauses):
        found = self.files(*clauses)
        return self.chance.choice(found[-25:]) if found else None

    def standing(self):
        return self.some(Archive.merged_into_id.is_(None), Archive.is_cancelled.is_(False))

    def any_file(self):
        return self.some() if self.chance.random() < 0.25 else self.standing()

    def owner(self, file):
        return self.logins[file.owner_unit_id] if self.chance.random() < 0.9 else self.anybody()

    def holder(self, file):
        return self.logins[tree.last_id(tree.ancestor(file.owner_path, file.holder_depth))]

    def anybody(self):
        return self.chance.choice(list(PARENT))

    def above(self, file):
        """An administrator of the owner or of a unit above."""
        return self.logins[tree.last_id(self.chance.choice(tree.ancestors(file.owner_path)))]

    def post(self, who, url, **body):
        return self.rest(who).post(f"{FILES}{url}", json=body)

    def a_number(self):
        """A number that stands somewhere: a householder's or a member's, of any file."""
        file = self.some()
        return self.chance.choice([file, *file.family_members]).id_card_no or file.id_card_no

    # --- what a clerk does

    def add(self):
        typed = self.people.household(self.chance.randrange(3))
        if self.chance.random() < 0.4:
            typed["id_card_no"] = self.a_number()
            typed["birth_date"] = typed["gender"] = None
        return self.post(f"{self.anybody()}_clerk", "/", **typed)

    def edit(self):
        file = self.any_file()
        typed = self.people.household(self.chance.randrange(3))
        names = self.chance.choice(
            [
                ("full_name",),
                ("phone", "home_address"),
                ("family_members", "household_size"),
                ("id_card_no", "birth_date", "gender"),
            ]
        )
        change = {name: typed[name] for name in names}
        if self.chance.random() < 0.3 and "id_card_no" in change:
            number = self.a_number()
            change = {
                "id_card_no": number,
                "birth_date": str(identity.birth_date(number) or ""),
                "gender": identity.gender(number),
            }
        return self.rest(f"{self.owner(file)}_clerk").put(f"{FILES}/{file.id}", json=change)

    def delete(self):
        file = self.any_file()
        return self.rest(f"{self.owner(file)}_clerk").delete(f"{FILES}/{file.id}")

    def report(self):
        file = self.any_file()
        return self.post(f"{self.holder(file)}_clerk", f"/{file.id}/steps/report", message="请审核")

    def send_back(self):
        file = self.any_file()
        return self.post(f"{self.holder(file)}_clerk", f"/{file.id}/steps/send_back", message="请核对")

    def deactivate(self):
        file = self.any_file()
        answer = {"cancel_reason": "out_of_hardship"}
        return self.post(f"{self.owner(file)}_clerk", f"/{file.id}/steps/deactivate", **answer)

    def restore(self):
        file = self.some(Archive.is_cancelled) or self.any_file()
        return self.post(f"{self.owner(file)}_clerk", f"/{file.id}/steps/restore")

    def restore_by_number(self):
        file = self.some(Archive.is_cancelled) if self.chance.random() < 0.6 else None
        number = file.id_card_no if file else self.a_number()
        return self.post(f"{self.anybody()}_clerk", "/steps/restore", id_card_no=number)

    def to_temporary(self):
        file = self.any_file()
        return self.post(f"{self.owner(file)}_clerk", f"/{file.id}/steps/to_temporary")

    def to_formal(self):
        file = self.some(Archive.hardship_category == "temporary") or self.any_file()
        kind = {"hardship_category": "low_income"}
        return self.post(f"{self.owner(file)}_clerk", f"/{file.id}/steps/to_formal", **kind)

    def to_formal_by_number(self):
        file = self.some(Archive.hardship_category == "temporary")
        number = file.id_card_no if file and self.chance.random() < 0.6 else self.a_number()
        kind = {"hardship_category": "low_income", "id_card_no": number}
        return self.post(f"{self.anybody()}_clerk", "/steps/to_formal", **kind)

    # --- what an administrator does

    def merge(self):
        into = self.any_file()
        others = [self.any_file() for _times in range(self.chance.randint(1, 2))]
        who = self.chance.choice(["root", self.above(into)])
        ids = [other.id for other in others]
        chosen = self.chance.choice([{}, {"full_name": others[0].full_name}, self.family_of(others[0])])
        return self.post(who, f"/{into.id}/steps/merge", source_ids=ids, **chosen)

    def family_of(self, file):
        rows = [{"id": member.id} for member in file.family_members]
        return {"family_members": rows, "household_size": len(rows) + 1}

    def merge_what_all_hold(self):
        """Two files that the national administrator has before him."""
        held = self.files(Archive.holder_depth == 1, Archive.merged_into_id.is_(None))
        if len(held) < 2:
            return None
        into, other = self.chance.sample(held, 2)
        return self.post("root", f"/{into.id}/steps/merge", source_ids=[other.id])

    def unmerge(self):
        with self.country.acting() as session:
            ids = list(session.scalars(select(Merger.record_id).order_by(Merger.id)))
        file = self.some(Archive.id.in_(ids)) or self.any_file()
        who = self.chance.choice(["root", self.above(file)])
        return self.post(who, f"/{file.id}/steps/unmerge")

    def transfer(self):
        file = self.any_file()
        target = self.chance.choice(list(self.logins))
        return self.post(self.above(file), f"/{file.id}/steps/transfer", target_unit_id=target)

    def transfer_some(self):
        ids = [file.id for file in self.chance.sample(self.files()[-40:], 5)]
        target = self.chance.choice(list(self.logins))
        who = self.chance.choice(["root", "bj", "xicheng"])
        return self.post(who, "/steps/transfer", ids=ids, target_unit_id=target)

    def job(self, answer):
        if answer.status_code == 202:
            work(self.app)
            job = self.country.read(Job, answer.json["job"])
            assert job.state in {"done", "partly"}, job.message
        return answer

    def transfer_unit(self):
        source, target = self.chance.sample(list(self.logins), 2)
        return self.job(self.post("root", "/steps/transfer", unit=source, target_unit_id=target))

    def sweep(self):
        unit = self.chance.choice(list(self.logins))
        step, login = self.chance.choice(["report", "send_back"]), self.logins[unit]
        who = self.chance.choice(chain(login))
        return self.job(self.post(f"{who}_clerk", f"/steps/{step}", unit=unit, message="全部"))

    def move_unit(self):
        unit, above = self.chance.sample([pk for pk, login in self.logins.items() if login != "root"], 2)
        who = self.chance.choice(["root", "root", "bj"])
        return self.job(self.rest(who).post(f"/api/v1/unit/{unit}/steps/move", json={"parent_id": above}))

    def find_likenesses(self):
        with self.country.acting("root") as session:
            search.ask(session, self.country.actor("root"), whole=self.chance.random() < 0.3)
            session.commit()
        work(self.app)

    # --- what an older system left

    def migrate_double(self):
        """A file of a person who has one already: flagged, without the number (AID-R088)."""
        one, owner = self.standing(), self.anybody()
        if one.problem_flags:
            return
        typed = self.people.household(self.chance.randrange(3))
        other = self.country.make(Archive, typed, owner)
        with self.country.acting() as session:
            claims.release(session, "archive", other.id)
            session.execute(update(Archive).where(Archive.id == other.id).values(id_card_no=one.id_card_no))
            session.expire_all()
            found = session.get(Archive, other.id)
            found.problem_flags = ["duplicate_id"]
            found.judge_anew()
            session.commit()


#: how often each is asked for
WEIGHTS = {
    "add": 3, "edit": 3, "delete": 2, "report": 5, "send_back": 2, "deactivate": 3, "restore": 2,
    "restore_by_number": 3, "to_temporary": 2, "to_formal": 1, "to_formal_by_number": 2, "merge": 6,
    "merge_what_all_hold": 2, "unmerge": 4, "transfer": 3, "transfer_some": 1, "transfer_unit": 1, "sweep": 1,
    "move_unit": 2, "find_likenesses": 1, "migrate_double": 2,
}  # fmt: skip
ANSWERS = {200, 201, 202, 400, 403, 404, 409, 422}


@pytest.mark.parametrize("seed", range(6))
def test_the_books_stay_right_whatever_is_done(app, country, login, rest, seed):
    """AID-R025 – R120 together: claims, names, envelopes, flags, merges and lists after each deed."""
    deeds, books = Deeds(app, country, rest, seed), Books(country)
    books.audit()
    for number in range(DEEDS):
        name = deeds.chance.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        answer = getattr(deeds, name)()
        code = answer.status_code if answer is not None else 0
        assert code in ANSWERS | {0}, (number, name, answer.text)
        (deeds.done if code < 300 else deeds.refused)[name] += 1
        try:
            books.audit()
        except AssertionError as broken:
            pytest.fail(f"deed {number}, {name}: {broken} {answer and answer.text[:300]}")
    books.names()
    books.lists(login, rest)
    assert sum(deeds.done.values()) >= DEEDS // 4, (deeds.done, deeds.refused)
