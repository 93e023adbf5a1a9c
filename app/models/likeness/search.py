"""重新查找: the job that compares files and keeps the pairs, chunk after chunk in the order of ids.

    ask(session, actor, whole)      the door: one run at a time for a unit
    run(ctx)                        the task: files that changed since the unit's last run, or all

        reading     what the files say
        meeting     their keys, and who stands under the same
        numbers     who else in the country has the very same number
        keeping     the stored pairs

A file is compared with every file that the unit sees and that shares a key with it. Keys are made anew where the file
has changed since they were made; rows, keys and the job's place are committed together, so that whatever dies, the
next worker goes on from the last chunk. A key that too many files share is told and not followed.

The one look past the scope is `numbers`, of whose finds only the file's id and unit are kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement, Select, and_, func, or_, select, true
from sqlalchemy.orm import Session

from app.kit import jobs, likeness, listing, sweep, tree
from app.kit.errors import Refused
from app.kit.jobs import Job, JobContext
from app.kit.likeness import KEYED_AS, Entries
from app.kit.scope import Actor, door
from app.models.archive import Archive
from app.models.archive.lists import in_normal_lists
from app.models.likeness import Likeness, keeping, meeting, numbers, reading
from app.models.likeness.keeping import Alike
from app.models.likeness.keys import LikenessFile
from app.models.likeness.reading import File, among

KIND = "likeness"
#: files compared at a time
CHUNK = 1000
#: a key that more files share says too little to compare each with each
MOST_SHARING = 100
#: so many of the keys that were left aside are told word for word
MOST_TOLD = 10

#: a run over more files than this asks once for all numbers that stand twice, not number by number
MANY = 50_000

_SAME = door("one run at a time for a unit, whoever asked")


# --- the door -------------------------------------------------------------------------------------------------


def ask(session: Session, actor: Actor, *, whole: bool) -> Job:
    """The job in the caller's transaction: a new one, or the actor's own that is at it. Raises Refused."""
    key = f"{KIND}/{actor.unit_id}"
    sweep.release(session, key)
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


# --- the work -------------------------------------------------------------------------------------------------


_IS_KEYED = and_(LikenessFile.version == Archive.version, LikenessFile.edition == KEYED_AS)


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
        self.repeated = None
        if self.ctx.total - self.ctx.done > MANY:
            self.repeated = numbers.repeated(self.session)
        while files := reading.files(self.session, self._next()):
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
        statement = select(*reading.COLUMNS, keyed.exists().label("is_keyed")).where(
            Archive.id > self.place["after"], *self._focus()
        )
        return statement.order_by(Archive.id).limit(CHUNK)

    def _do(self, files: list[File]) -> None:
        reading.by_index(self.session)
        mine = {file.id: file for file in files}
        entries = {file.id: likeness.entries(file.said) for file in files}
        meeting.key(self.session, [file for file in files if not file.is_keyed], entries, self.ctx.actor)
        met, crowds = meeting.meet(self.session, entries, MOST_SHARING)
        self._tell(entries, crowds)
        told = numbers.same(self.session, mine, self.repeated)
        pairs = self._compared(mine, met)
        self.place["found"] += keeping.keep(self.session, self.ctx.actor, mine, pairs, told)
        self.session.expunge_all()
        self.place["after"] = files[-1].id
        self.ctx.result = dict(self.place)
        self.ctx.progress(self.ctx.done + len(files), max(self.ctx.total, self.ctx.done + len(files)))
        self.ctx.message = self._message()

    def _tell(self, entries: Mapping[int, Entries], crowds: Mapping[int, int]) -> None:
        """Remember of a key that too many files share that it was not followed."""
        told = {key for key, _words in self.place["told"]}
        if crowds.keys() <= told or len(told) > MOST_TOLD:
            return
        for key, kind, words in meeting.words_of(entries.values(), crowds.keys() - told):
            self.place["told"].append([key, f"{CROWDED[kind]}（{words}，{crowds[key]}份）"])

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
    ) -> dict[tuple[int, int], Alike]:
        """The pairs that a clerk should look at."""
        known = dict(mine)
        others = sorted({pk for pair in met for pk in pair} - known.keys())
        for start in range(0, len(others), CHUNK):
            statement = select(*reading.COLUMNS, true().label("is_keyed")).where(
                among(self.session, Archive.id, others[start : start + CHUNK]), *self._seen()
            )
            known |= {file.id: file for file in reading.files(self.session, statement)}
        found = {}
        for a, b in met:
            if a in known and b in known:
                verdict = likeness.compare(known[a].said, known[b].said)
                if verdict.is_told:
                    found[a, b] = Alike(known[a], known[b], verdict)
        return found


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
