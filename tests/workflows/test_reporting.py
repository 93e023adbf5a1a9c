"""上报 and 退回 against a model of their own: random persons do random things, and every unit sees what it should."""

from __future__ import annotations

from random import Random

import pytest
from sqlalchemy import select

from app.kit.worker import Worker
from app.models.archive import Archive

#: login → (parent, children are below it); the chain of every unit, typed again from DESIGN §8
PARENT = {
    "root": None,
    "bj": "root",
    "sh": "root",
    "xicheng": "bj",
    "haidian": "bj",
    "xuhui": "sh",
    "dewai": "xicheng",
    "xinjiekou": "xicheng",
    "xueyuanlu": "haidian",
    "caohejing": "xuhui",
    "xinfeng": "dewai",
}
WORDS = {"": None, "未上报": "pending", "已上报": "reported", "退回": "returned"}


def chain(unit):
    """The unit and those above it, the lowest first."""
    return [unit, *chain(PARENT[unit])] if unit else []


class Paper:
    """SM-AID-01 in the spec's own words: an owner, a holder, a flag."""

    def __init__(self, owner):
        self.owner, self.holder, self.returned = owner, owner, False

    def seen_by(self, unit):
        way = chain(self.owner)
        if unit not in way[: way.index(self.holder) + 1]:
            return ""
        if unit != self.holder:
            return "已上报"
        return "退回" if self.returned else "未上报"

    def may(self, unit, deed):
        """True, False (refused) or None (not seen)."""
        if not self.seen_by(unit):
            return None
        return {
            "report": self.holder == unit and PARENT[unit] is not None,
            "send_back": self.holder == unit and unit != self.owner,
            "edit": unit == self.owner,
            "delete": unit == self.owner == self.holder,
        }[deed]

    def is_swept(self, unit, chosen):
        """SM-AID-02: whether 快速上报 or 快速退回 of ``unit`` on a chosen unit reaches the file."""
        return self.holder == unit and (
            self.owner == chosen if chosen == unit else chosen in chain(self.owner)
        )

    def do(self, deed):
        way = chain(self.owner)
        if deed == "report":
            self.holder, self.returned = PARENT[self.holder], False
        elif deed == "send_back":
            self.holder, self.returned = way[way.index(self.holder) - 1], True


def perform(client, pk, deed):
    url = f"/api/v1/archive/{pk}"
    if deed == "edit":
        return client.put(url, json={"remarks": "改"})
    if deed == "delete":
        return client.delete(url)
    return client.post(f"{url}/steps/{deed}", json={"message": "请查收"})


@pytest.mark.parametrize("seed", range(12))
def test_random_deeds_agree_with_the_spec(app, rest, country, make_archive, seed):
    # SM-AID-01, SM-AID-02; AID-R014, R016, R017, R019, R021–R030, R035
    chance = Random(seed)
    papers = {}
    for owner in [*chance.sample(sorted(PARENT), 4), "xinfeng"]:
        papers[make_archive(owner).id] = Paper(owner)
    for _turn in range(40):
        pk = chance.choice(sorted(papers))
        paper = papers[pk]
        near = [*chain(paper.owner), paper.holder, paper.holder]
        unit = chance.choice(near) if chance.random() < 0.85 else chance.choice(sorted(PARENT))
        if chance.random() < 0.2:
            everything_of_a_unit(app, rest, country, papers, chance, unit)
            everybody_sees(country, papers)
            continue
        deed = chance.choices(("report", "send_back", "edit", "delete"), (50, 30, 15, 5))[0]
        expected = paper.may(unit, deed)
        answer = perform(rest(f"{unit}_clerk"), pk, deed)
        told = (seed, unit, deed, paper.owner, paper.holder, answer.json)
        assert answer.status_code == {True: 200, False: 409, None: 404}[expected], told
        if expected and deed == "delete":
            del papers[pk]
            papers[make_archive(paper.owner).id] = Paper(paper.owner)
        elif expected:
            paper.do(deed)
        everybody_sees(country, papers)


def everything_of_a_unit(app, rest, country, papers, chance, unit):
    """快速上报 or 快速退回 of a unit on another, mostly one that it may choose."""
    deed = chance.choice(("report", "send_back"))
    below = [one for one in PARENT if unit in chain(one)]
    chosen = chance.choice(below) if chance.random() < 0.85 else chance.choice(sorted(PARENT))
    reached = [paper for paper in papers.values() if paper.is_swept(unit, chosen)]
    body = {"unit": country.unit(chosen).id, "message": "请查收"}
    answer = rest(f"{unit}_clerk").post(f"/api/v1/archive/steps/{deed}", json=body)
    told = (unit, deed, chosen, answer.json)
    if unit not in chain(chosen):
        assert answer.status_code == 404, told
    elif (deed == "report" and PARENT[unit] is None) or (deed == "send_back" and chosen == unit):
        assert answer.status_code == 409, told
    else:
        assert answer.status_code == 202 or (answer.status_code == 409 and not reached), told
        Worker(app, lease=6000).run(once=True)
        for paper in reached:
            paper.do(deed)


def everybody_sees(country, papers):
    """For every unit: which files, and in which state."""
    for unit in PARENT:
        actor = country.actor(f"{unit}_clerk")
        with country.acting(actor) as session:
            found = {pk: session.get(Archive, pk) for pk in papers}
            states = {pk: file and file.report_state(actor) for pk, file in found.items()}
        assert states == {pk: WORDS[paper.seen_by(unit)] for pk, paper in papers.items()}, unit


@pytest.mark.parametrize("owner", ["xinfeng", "dewai", "xicheng", "bj", "root"])
def test_all_the_way_up_and_all_the_way_down(country, make_archive, owner):
    file, paper = make_archive(owner), Paper(owner)
    while PARENT[paper.holder]:
        file = country.step(file, "report", f"{paper.holder}_clerk")
        paper.do("report")
    assert file.holder_depth == 1
    while paper.holder != owner:
        file = country.step(file, "send_back", f"{paper.holder}_clerk")
        paper.do("send_back")
    assert file.holder_depth == len(chain(owner))
    assert file.returned is (owner != "root")


def test_the_predicate_and_the_word_agree(country, make_archive):
    """``state_is`` (tabs, counts) and ``report_state`` (chips) are one truth for every unit and file."""
    for unit in PARENT:
        actor = country.actor(f"{unit}_clerk")
        with country.acting(actor) as session:
            for state in ("pending", "reported", "returned"):
                by_predicate = set(session.scalars(select(Archive.id).where(Archive.state_is(state, actor))))
                files = session.query(Archive).all()
                assert by_predicate == {file.id for file in files if file.report_state(actor) == state}


def test_the_demo_country_is_in_every_state_at_every_level(country):
    seen = {(len(f.owner_path) // 4, f.holder_depth, f.returned) for f in country.all(Archive)}
    for holder in range(1, 5):
        assert (4, holder, False) in seen
        assert holder == 1 or (4, holder, True) in seen
