"""重新查找: the job that compares files and keeps the pairs, chunk after chunk in the order of ids.

    ask(session, actor, whole)      the door: one run at a time for a unit
    run(ctx)                        the task: files that changed since the unit's last run, or all

A file is compared with every file that the unit sees and that shares a key with it. Keys are made anew where the file
has changed since they were made; rows, keys and the job's place are committed together, so that whatever dies, the
next worker goes on from the last chunk. A key that too many files share is told and not followed.

The one look past the scope: who else in the country has the very same number (AID-R039), of which only the file's id
and unit are kept.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Select,
    and_,
    any_,
    delete,
    func,
    literal,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.orm import Session

from app.kit import bulk, jobs, likeness, listing, query, tree
from app.kit.clock import now
from app.kit.errors import Refused
from app.kit.jobs import Job, JobContext
from app.kit.likeness import EDITION, Household
from app.kit.scope import Actor, door
from app.models.archive import Archive
from app.models.archive.lists import in_normal_lists
from app.models.family_member import FamilyMember
from app.models.likeness import Likeness, marks
from app.models.likeness.keys import LikenessFile, LikenessKey

KIND = "likeness"
#: files compared at a time
CHUNK = 500
#: a key that more files share says too little to compare each with each
MOST_SHARING = 100
#: so many of the keys that were left aside are told word for word
MOST_TOLD = 10

_SAME = door("one run at a time for a unit, whoever asked")


# --- the door -------------------------------------------------------------------------------------------------


def ask(session: Session, actor: Actor, *, whole: bool) -> Job:
    """The job in the caller's transaction: a new one, or the actor's own that is at it. Raises Refused."""
    key = f"{KIND}/{actor.unit_id}"
    ended = and_(Job.key == key, Job.state.not_in(("waiting", "running")))
    release = update(Job).where(ended).values(key=None)
    session.execute(release.execution_options(synchronize_session=False, **_SAME))
    job = jobs.enqueue(session, KIND, actor, key=key, whole=whole)
    if job.account_id != actor.account_id:
        raise Refused(
            _(
                "%(who)s已于%(when)s开始为本单位查找重复档案，请等它完成",
                who=job.account_name,
                when=job.created_at.strftime("%H:%M"),
            )
        )
    session.flush()  # its id is the answer
    return job


def last_run(session: Session, actor: Actor) -> datetime | None:
    """When the unit's last complete run was asked for."""
    mine = and_(Job.kind == KIND, Job.unit_id == actor.unit_id, Job.state.in_(("done", "partly")))
    found: datetime | None = session.scalar(
        select(func.max(Job.created_at)).where(mine).execution_options(**_SAME)
    )
    return found


# --- what a file says -----------------------------------------------------------------------------------------


class File(NamedTuple):
    """A file as it is compared."""

    id: int
    version: int
    path: str
    said: Household
    is_keyed: bool


def _files(session: Session, statement: Select[Any]) -> list[File]:
    """The files of a statement over `_COLUMNS`, with their members."""
    rows = session.execute(statement).all()
    members = defaultdict[int, list[Any]](list)
    look = select(
        FamilyMember.archive_id, FamilyMember.full_name, FamilyMember.id_card_no, FamilyMember.birth_date
    ).where(_among(session, FamilyMember.archive_id, [row.id for row in rows]))
    look = look.order_by(FamilyMember.line_no, FamilyMember.id)
    for row in session.execute(look.execution_options(**door("members of files that the actor sees"))):
        members[row.archive_id].append(row)
    return [
        File(
            row.id,
            row.version,
            row.owner_path,
            likeness.household(map(_person, (row, *members[row.id])), row.phone, row.home_address),
            row.is_keyed,
        )
        for row in rows
    ]


def _person(row: Any) -> likeness.Person:
    born = row.birth_date if isinstance(row.birth_date, date) else None
    return likeness.person(row.full_name, row.id_card_no, born)


_IS_KEYED = and_(LikenessFile.version == Archive.version, LikenessFile.edition == EDITION)
_COLUMNS = (
    Archive.id,
    Archive.version,
    Archive.owner_path,
    Archive.full_name,
    Archive.id_card_no,
    Archive.birth_date,
    Archive.phone,
    Archive.home_address,
)


# --- the work -------------------------------------------------------------------------------------------------


@jobs.task(KIND, label=_("查找疑似重复档案"), needs=("read", Likeness.resource()))
def run(ctx: JobContext) -> None:
    """Everything that is to be compared, from where the job stands."""
    _Run(ctx).run()


class _Run:
    """One job at its work. ``ctx.result`` is its place: the last id, what was found, the keys that were told."""

    def __init__(self, ctx: JobContext) -> None:
        self.ctx, self.session = ctx, ctx.session
        place: dict[str, Any] = {"after": 0, "found": 0, "since": None, "told": []}
        if ctx.result is None:
            since = None if ctx.args["whole"] else last_run(self.session, ctx.actor)
            place["since"] = since.isoformat() if since else None
        self.place = place | (ctx.result or {})

    def run(self) -> None:
        if self.ctx.result is None:
            self.ctx.progress(
                0, listing.count(self.session, select(Archive).where(*self._focus()), exact=True)
            )
        while files := _files(self.session, self._next()):
            self._do(files)
            self.ctx.checkpoint()
        self.ctx.progress(self.ctx.done, self.ctx.done)

    def _seen(self) -> list[ColumnElement[bool]]:
        """Files that stand, in the actor's subtree; the session's scope adds what he sees of it."""
        at_level = (
            [tree.at_level(Archive.owner_path, self.ctx.actor.path)] if self.ctx.actor.depth > 1 else []
        )
        return [in_normal_lists(), *at_level]

    def _focus(self) -> list[ColumnElement[bool]]:
        """What is compared: without an earlier run all; else what has changed, or was keyed by another's run."""
        if self.place["since"] is None:
            return self._seen()
        since = datetime.fromisoformat(self.place["since"])
        own = LikenessFile.unit_id == self.ctx.actor.unit_id
        fresh = select(LikenessFile.file_id).where(
            LikenessFile.file_id == Archive.id, _IS_KEYED, or_(own, LikenessFile.keyed_at < since)
        )
        return [*self._seen(), ~fresh.exists()]

    def _next(self) -> Select[Any]:
        keyed = select(LikenessFile.file_id).where(LikenessFile.file_id == Archive.id, _IS_KEYED)
        statement = select(*_COLUMNS, keyed.exists().label("is_keyed")).where(
            Archive.id > self.place["after"], *self._focus()
        )
        return statement.order_by(Archive.id).limit(CHUNK)

    def _do(self, files: list[File]) -> None:
        self._key([file for file in files if not file.is_keyed])
        mine = {file.id: file for file in files}
        pairs = self._compared(mine, self._met(mine))
        self._keep(mine, pairs, self._same_numbers(mine))
        self.session.expunge_all()
        self.place["after"] = files[-1].id
        self.ctx.result = dict(self.place)
        self.ctx.progress(self.ctx.done + len(files), max(self.ctx.total, self.ctx.done + len(files)))
        self.ctx.message = self._message()

    def _key(self, files: Sequence[File]) -> None:
        """Make the keys of these files anew."""
        ids = [file.id for file in files]
        for cls in (LikenessKey, LikenessFile):
            self.session.execute(
                delete(cls).where(cls.file_id.in_(ids)).execution_options(synchronize_session=False)
            )
        made = {"edition": EDITION, "keyed_at": now(), "unit_id": self.ctx.actor.unit_id}
        found = [(key, file.id) for file in files for key in likeness.keys(file.said)]
        keys = [{"key": key, "file_id": pk} for key, pk in found]
        bulk.insert_values(self.session, LikenessKey, keys)
        stamps = [{"file_id": file.id, "version": file.version, **made} for file in files]
        bulk.insert_values(self.session, LikenessFile, stamps)

    def _met(self, mine: Mapping[int, File]) -> set[tuple[int, int]]:
        """Pairs of ids that share a key, the lesser first."""
        own = (
            select(LikenessKey.key)
            .where(_among(self.session, LikenessKey.file_id, mine))
            .distinct()
            .subquery()
        )
        shared = self.session.execute(
            select(LikenessKey.key, func.count().label("files"))
            .join(own, own.c.key == LikenessKey.key)
            .group_by(LikenessKey.key)
            .having(func.count() > 1)
        ).all()
        self._tell(mine, {row.key: row.files for row in shared if row.files > MOST_SHARING})
        sharing = defaultdict[int, list[int]](list)
        followed = [row.key for row in shared if row.files <= MOST_SHARING]
        look = select(LikenessKey.key, LikenessKey.file_id).where(
            _among(self.session, LikenessKey.key, followed)
        )
        for row in self.session.execute(look):
            sharing[row.key].append(row.file_id)
        return {
            (min(a, b), max(a, b))
            for ids in sharing.values()
            for a in ids
            if a in mine
            for b in ids
            if a != b
        }

    def _tell(self, mine: Mapping[int, File], crowded: Mapping[int, int]) -> None:
        """Remember of a key that too many files share that it was not followed."""
        told = {key for key, _words in self.place["told"]}
        if crowded.keys() <= told or len(told) > MOST_TOLD:
            return
        for file in mine.values():
            for key, (kind, words) in likeness.keys(file.said).items():
                if key in crowded and key not in told:
                    told.add(key)
                    self.place["told"].append([key, f"{CROWDED[kind]}（{words}，{crowded[key]}份）"])

    def _message(self) -> str:
        found = gettext(
            "比对了%(n)s份档案，新发现疑似重复%(found)s对", n=self.ctx.done, found=self.place["found"]
        )
        if not self.place["told"]:
            return found
        told = [words for _key, words in self.place["told"][:MOST_TOLD]]
        more = "…" if len(self.place["told"]) > MOST_TOLD else ""
        aside = gettext("下列信息由过多档案共用，未仅凭其逐份比对：%(what)s", what="；".join(told) + more)
        return f"{found}。{aside}"

    def _compared(
        self, mine: Mapping[int, File], met: Iterable[tuple[int, int]]
    ) -> dict[tuple[int, int], tuple[File, File, likeness.Likeness]]:
        """The pairs that a clerk should look at."""
        known = dict(mine)
        others = sorted({pk for pair in met for pk in pair} - known.keys())
        for part in _parts(others, CHUNK):
            statement = select(*_COLUMNS, true().label("is_keyed")).where(
                _among(self.session, Archive.id, part), *self._seen()
            )
            known |= {file.id: file for file in _files(self.session, statement)}
        found = {}
        for a, b in met:
            if a in known and b in known:
                verdict = likeness.compare(known[a].said, known[b].said)
                if verdict.is_told:
                    found[a, b] = (known[a], known[b], verdict)
        return found

    def _same_numbers(self, mine: Mapping[int, File]) -> dict[tuple[int, int], tuple[str, str]]:
        """Files anywhere in the country that have the very same number, as pairs of ids with both units' paths."""
        holders = defaultdict[str, set[int]](set)
        for file in mine.values():
            for one in file.said.people:
                for number in query.spellings(one.number) if one.number else ():
                    holders[number].add(file.id)
        found = dict[tuple[int, int], tuple[str, str]]()
        for number_of, archive_id in (
            (Archive.id_card_no, Archive.id),
            (FamilyMember.id_card_no, FamilyMember.archive_id),
        ):
            statement = select(number_of, Archive.id, Archive.owner_path).where(
                _among(self.session, number_of, holders),
                Archive.id == archive_id,
                in_normal_lists(),
                ~_among(self.session, Archive.id, mine),
            )
            for number, other, path in self.session.execute(
                statement.execution_options(**door("identity uniqueness is national"))
            ):
                for pk in holders[number]:
                    pair = (pk, other) if pk < other else (other, pk)
                    paths = (mine[pk].path, path)
                    found[pair] = paths if pk < other else (paths[1], paths[0])
        return found

    # --- the pairs ------------------------------------------------------------------------------------------

    def _keep(
        self,
        mine: Mapping[int, File],
        pairs: Mapping[tuple[int, int], tuple[File, File, likeness.Likeness]],
        told: Mapping[tuple[int, int], tuple[str, str]],
    ) -> None:
        """Make the stored pairs of these files what was found now."""
        of_mine = or_(*(_among(self.session, one, mine) for one in (Likeness.left_id, Likeness.right_id)))
        look = select(Likeness).where(of_mine).with_for_update(of=Likeness)
        stored = self.session.scalars(
            look.execution_options(**door("a pair is stored once, whoever found it"))
        )
        known = {(pair.left_id, pair.right_id): pair for pair in stored}
        gone = [pair.id for ids, pair in known.items() if ids not in pairs and ids not in told]
        if gone:  # of which the scope leaves those that the actor does not see
            self.session.execute(
                delete(Likeness).where(Likeness.id.in_(gone)).execution_options(synchronize_session=False)
            )
        new = []
        for ids, (one, other, verdict) in pairs.items():
            facts = {
                "left_path": one.path,
                "right_path": other.path,
                "score": verdict.score,
                "marks": marks(verdict.grounds),
                "grounds": [list(ground) for ground in verdict.grounds],
                "basis": f"{EDITION}/{one.said.fingerprint}/{other.said.fingerprint}",
            }
            if ids not in known:
                new.append((ids, facts))
            elif known[ids].basis != facts["basis"] or (known[ids].left_path, known[ids].right_path) != (
                one.path,
                other.path,
            ):
                self._change(known[ids], facts)
        for ids, (left, right) in told.items():
            if ids not in pairs and ids not in known:
                grounds = [["number"]]
                facts = {"left_path": left, "right_path": right, "score": 100, "marks": marks(grounds)}
                new.append((ids, facts | {"grounds": grounds, "basis": "number"}))
        self._add(new)
        self.session.flush()

    def _change(self, pair: Likeness, facts: Mapping[str, Any]) -> None:
        """A pair whose files have changed in what is compared is looked at again, whatever was said of it before."""
        if pair.basis != facts["basis"]:
            pair.is_dismissed, pair.dismiss_reason = False, None
        for name, value in facts.items():
            setattr(pair, name, value)
        pair.stamp(self.ctx.actor)

    def _add(self, new: Sequence[tuple[tuple[int, int], Mapping[str, Any]]]) -> None:
        actor = self.ctx.actor
        common = {"is_dismissed": False, "dismiss_reason": None, "version": 1} | {
            "created_at": actor.at,
            "created_by_id": actor.account_id,
            "updated_at": actor.at,
            "updated_by_id": actor.account_id,
            "updated_by_name": actor.name,
        }
        rows = [{"left_id": ids[0], "right_id": ids[1], **facts, **common} for ids, facts in new]
        bulk.insert_values(self.session, Likeness, rows)
        self.place["found"] += len(rows)


#: what too many files have in common, by the kind of the key
CROWDED: dict[str, Any] = {
    "division": _("姓氏读音和身份证号后11位"),
    "year": _("姓氏读音和身份证号（年份除外）"),
    "day": _("姓氏读音和身份证号（月日除外）"),
    "order": _("姓氏读音和身份证号前14位"),
    "swap": _("身份证号"),
    "birthday": _("姓名读音和出生日期"),
    "phone": _("姓名读音和电话"),
    "address": _("姓名读音和住址"),
}


def _among(session: Session, of: Any, values: Iterable[Any]) -> ColumnElement[bool]:
    """``of IN (…)`` for thousands of values: on PostgreSQL one array, which the driver need not read number by number."""
    listed = list(values)
    if session.get_bind().dialect.name != "postgresql":
        found: ColumnElement[bool] = of.in_(listed)
        return found
    return of == any_(literal(listed, ARRAY(of.type)))


def _parts(ids: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    for start in range(0, len(ids), size):
        yield ids[start : start + size]
