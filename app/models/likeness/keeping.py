"""The stored pairs of some files, made what was found of them now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from app.kit import bulk, likeness
from app.kit.likeness import EDITION
from app.kit.scope import Actor, door
from app.models.likeness import Likeness, marks
from app.models.likeness.reading import File, among

Ids = tuple[int, int]


class Alike(NamedTuple):
    """Two files that a clerk should look at, and why."""

    one: File
    other: File
    verdict: likeness.Likeness

    @property
    def facts(self) -> dict[str, Any]:
        """What is stored of them."""
        return {
            "left_path": self.one.path,
            "right_path": self.other.path,
            "score": self.verdict.score,
            "marks": marks(self.verdict.grounds),
            "grounds": [list(ground) for ground in self.verdict.grounds],
            "basis": f"{EDITION}/{self.one.said.fingerprint}/{self.other.said.fingerprint}",
        }


def keep(
    session: Session,
    actor: Actor,
    mine: Mapping[int, File],
    pairs: Mapping[Ids, Alike],
    told: Mapping[Ids, tuple[str, str]],
) -> int:
    """Pairs that were found come or stay, the others of these files go. Returns how many are new."""
    known = _known(session, mine)
    gone = [pair.id for ids, pair in known.items() if ids not in pairs and ids not in told]
    if gone:  # of which the scope leaves those that the actor does not see
        session.execute(
            delete(Likeness).where(Likeness.id.in_(gone)).execution_options(synchronize_session=False)
        )
    new = []
    for ids, alike in pairs.items():
        facts = alike.facts
        if ids not in known:
            new.append((ids, facts))
        elif any(getattr(known[ids], name) != facts[name] for name in ("basis", "left_path", "right_path")):
            _change(known[ids], facts, actor)
    for ids, (left, right) in told.items():
        if ids not in pairs and ids not in known:
            new.append((ids, _same_number(left, right)))
    _add(session, new, actor)
    session.flush()
    return len(new)


def _known(session: Session, mine: Mapping[int, File]) -> dict[Ids, Likeness]:
    of_mine = or_(*(among(session, one, mine) for one in (Likeness.left_id, Likeness.right_id)))
    look = select(Likeness).where(of_mine).with_for_update(of=Likeness)
    stored = session.scalars(look.execution_options(**door("a pair is stored once, whoever found it")))
    return {(pair.left_id, pair.right_id): pair for pair in stored}


def _same_number(left: str, right: str) -> dict[str, Any]:
    """What is stored of two files of which the actor sees one."""
    grounds = [["number"]]
    facts = {"left_path": left, "right_path": right, "score": 100, "marks": marks(grounds)}
    return facts | {"grounds": grounds, "basis": "number"}


def _change(pair: Likeness, facts: Mapping[str, Any], actor: Actor) -> None:
    """A pair whose files have changed in what is compared is looked at again, whatever was said of it before."""
    if pair.basis != facts["basis"]:
        pair.is_dismissed, pair.dismiss_reason = False, None
    for name, value in facts.items():
        setattr(pair, name, value)
    pair.stamp(actor)


def _add(session: Session, new: Sequence[tuple[Ids, Mapping[str, Any]]], actor: Actor) -> None:
    common = {"is_dismissed": False, "dismiss_reason": None, "version": 1} | {
        "created_at": actor.at,
        "created_by_id": actor.account_id,
        "updated_at": actor.at,
        "updated_by_id": actor.account_id,
        "updated_by_name": actor.name,
    }
    rows = [{"left_id": ids[0], "right_id": ids[1], **facts, **common} for ids, facts in new]
    bulk.insert_values(session, Likeness, rows)
