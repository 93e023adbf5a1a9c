"""One chunk of an import: its rows are read, judged by the rules of a save, and stored together.

Nothing is committed here, and a chunk that is done again after a crash comes to the same end: a record that is stored
already, with what the row says, is left alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.kit import bulk, layout, saving, scope
from app.kit.bulk import Clash, Judge
from app.kit.columns import Field
from app.kit.errors import Invalid, Problem, Refused
from app.kit.layout import KEY_NAME, OWNER_NAME, Layout
from app.kit.record import judging
from app.kit.scope import Actor
from app.kit.staging import Fault, Stage, StagedRow

#: inline rows of one record
MAX_LINES = 100
#: how often a chunk is judged again because somebody else stored what it was about to
MOST_CLASHES = 20

ADDED, UNCHANGED, CHANGED, FLAGGED, FAILED = "added", "unchanged", "changed", "flagged", "failed"
#: what may be wrong with a row whatever it says: merged cells; a number that another row has too
MERGED, DOUBLED = "merged", "doubled"

#: what came of a row, and words where there are any
Outcome = tuple[str, str]


@dataclass(frozen=True)
class Options:
    """What the person ticked: 更新已有档案, 旧系统数据迁移."""

    update: bool = False
    migrate: bool = False


@dataclass
class Draft:
    """One record on its way: its row, what was typed, what it became, what is wrong with it."""

    row: StagedRow
    typed: dict[str, Any]
    #: child → the rows of the workbook that its lines stand in
    lines: dict[str, list[int]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    #: what cannot be mended by anything but another workbook: an unknown owner, merged cells
    final: list[str] = field(default_factory=list)
    owner: Actor | None = None
    record: Any = None
    #: paths of the fields that hold something unreadable
    unread: set[str] = field(default_factory=set)
    #: (path, kind, words) of what was wrong before it was read
    faults: list[tuple[str, str, str]] = field(default_factory=list)
    stored: Any = None

    @property
    def errors(self) -> list[Problem]:
        """The problems that nobody may confirm."""
        return [problem for problem in self.problems if not problem.warning]


class Chunk:
    """Some rows of an import and what they need."""

    def __init__(
        self,
        session: Session,
        judge: Judge,
        stage: Stage,
        sheets: Layout,
        options: Options,
        given: Mapping[str, Any],
    ) -> None:
        self.session, self.judge, self.actor = session, judge, judge.actor
        #: what every row says without a column, e.g. of which class it is a trainee
        self.stage, self.sheets, self.options, self.given = stage, sheets, options, given
        self.model = sheets.model
        self.matches: list[dict[str, Any]] = stage.fact("matches")
        self._owners: dict[str, Actor | str] = {}
        self._columns = [self._columns_of(match) for match in self.matches]

    def _columns_of(self, match: Mapping[str, Any]) -> list[tuple[str, Field | None]]:
        fields = (self.model.child_classes()[match["child"]] if match["child"] else self.model).fields()
        return [(name, fields.get(name)) for name in match["names"]]

    def work(self, rows: Sequence[StagedRow]) -> list[Outcome]:
        """Judge and store; what came of each row, in their order."""
        for _time in range(MOST_CLASHES):
            drafts = self._drafts(rows)
            try:
                return self._stored(drafts)
            except Clash:
                self.session.expire_all()
        raise Refused(_("有其他人正在大量录入相同的身份证号，请稍后重新上传"))

    # --- reading ----------------------------------------------------------------------------------------------

    def _drafts(self, rows: Sequence[StagedRow]) -> list[Draft]:
        keys = [row.key for row in rows]
        lines = [self.stage.lines(number, keys) for number in range(1, len(self.matches))]
        first = self.stage.first_rows(keys)  # two records of one number: the lines are the first one's
        none: Sequence[Mapping[str, Sequence[StagedRow]]] = [{}] * len(lines)
        drafts = [self._draft(row, lines if first[row.key] == row.number else none) for row in rows]
        places = [(0, row.number) for row in rows]
        places += [
            (number, line.number)
            for number, found in enumerate(lines, 1)
            for some in found.values()
            for line in some
        ]
        faults = self.stage.faults(places)
        for draft in drafts if faults else ():
            self._add_faults(draft, faults)
        return drafts

    def _draft(self, row: StagedRow, lines: Sequence[Mapping[str, Sequence[StagedRow]]]) -> Draft:
        draft = Draft(row, {})
        draft.typed = self._typed(0, row, "", draft)
        draft.typed.update(self.given)
        for number, found in enumerate(lines, 1):
            child = self.matches[number]["child"]
            mine = found.get(row.key, ()) if row.key else ()
            if len(mine) > MAX_LINES:
                draft.final.append(gettext("最多%(most)s行", most=MAX_LINES))
            draft.lines[child] = [line.number for line in mine]
            draft.typed[child] = [
                self._typed(number, line, f"{child}.{index}.", draft) for index, line in enumerate(mine)
            ]
        return draft

    def _typed(self, number: int, row: StagedRow, prefix: str, draft: Draft) -> dict[str, Any]:
        """The cells of a row as typed values by field; empty ones are left out."""
        typed: dict[str, Any] = {}
        fields = self._fields(number)
        for (name, one), cell in zip(fields, row.cells, strict=True):
            if cell is None or name == KEY_NAME:
                continue
            if cell.__class__ is dict:
                draft.problems.append(Problem(f"{prefix}{name}", cell["odd"]))
            elif name == OWNER_NAME:
                draft.owner = self._owner(str(cell), draft)
            elif cell.__class__ is str:
                if cell:
                    typed[name] = cell
            elif one is not None:
                typed[name] = layout.typed_cell(one, cell)
        return typed

    def _fields(self, number: int) -> list[tuple[str, Field | None]]:
        """The columns of a sheet: name, and the field where there is one."""
        return self._columns[number]

    def _add_faults(self, draft: Draft, faults: Mapping[tuple[int, int], Sequence[Fault]]) -> None:
        """What was said of the rows while they were laid out."""
        known_by = self.model.known_by
        draft.faults = [(known_by, *fault) for fault in faults.get((0, draft.row.number), ())]
        for number, match in enumerate(self.matches[1:], 1):
            for index, line in enumerate(draft.lines.get(match["child"], ())):
                path = f"{match['child']}.{index}.{known_by}"
                draft.faults += [(path, *fault) for fault in faults.get((number, line), ())]

    def _owner(self, typed: str, draft: Draft) -> Actor | None:
        """The unit that a migrated record belongs to, as an actor of it."""
        name = typed.strip()
        if name not in self._owners:
            self._owners[name] = _actor_of_unit(self.session, self.actor, name)
        found = self._owners[name]
        if isinstance(found, str):
            draft.final.append(found)
            return None
        return found

    # --- judging ----------------------------------------------------------------------------------------------

    def _stored(self, drafts: list[Draft]) -> list[Outcome]:
        self._read(drafts)
        sound = [draft for draft in drafts if not draft.final]
        records = [draft.record for draft in sound]
        with judging(self.session), self.model.looked_up(self.session, records):
            self._find_stored(sound)
            with bulk.giving(self._typed_values(sound)) as numbers:
                for draft in sound:
                    before = dict(numbers)
                    self._judge(draft)
                    if draft.stored is not None or (draft.errors and not self.options.migrate):
                        numbers.clear()  # a number that nobody gets is given to the next
                        numbers.update(before)
            self._find_clashes(sound)
            if self.options.migrate:
                self._flag(sound)
            new = [
                draft for draft in sound if draft.stored is None and not draft.final and self._may_pass(draft)
            ]
            bulk.store(self.session, self.judge, [draft.record for draft in new])
        added = {id(draft) for draft in new}
        return [self._outcome(draft, is_added=id(draft) in added) for draft in drafts]

    def _read(self, drafts: list[Draft]) -> None:
        for draft in drafts:
            draft.record, problems = self.judge.read(draft.typed)
            draft.problems += problems
            draft.unread = {problem.field for problem in draft.problems}
            draft.problems += [Problem(path, words) for path, _kind, words in draft.faults]
            if self.options.migrate:
                draft.final += [words for _path, kind, words in draft.faults if kind == MERGED]
                if draft.owner is None and not draft.final:
                    draft.final.append(gettext("请填写所属单位"))
            if hasattr(draft.record, "own"):
                draft.record.own(draft.owner or self.actor)

    def _find_stored(self, drafts: Sequence[Draft]) -> None:
        """Find the records that their owners have already. A double is no record of its own yet."""
        single = [
            draft for draft in drafts if not any(kind == DOUBLED for _path, kind, _words in draft.faults)
        ]
        found = self.model.stored_as(self.session, [draft.record for draft in single])
        for index, stored in found.items():
            single[index].stored = stored
            vars(single[index].record)["id"] = stored.id

    def _typed_values(self, drafts: Sequence[Draft]) -> set[str]:
        """What was typed where a running number could have been given."""
        names = [words[0] for words in self.model.constraint_words.values()]
        return {str(draft.typed[name]) for draft in drafts for name in names if name in draft.typed}

    def _judge(self, draft: Draft) -> None:
        if draft.stored is not None:  # what the workbook does not say stays as it is
            named = self.matches[0]["names"]
            for name, one in self.model.fields().items():
                is_silent = name not in named or (name in self._numbered() and name not in draft.typed)
                if is_silent and not one.automatic:
                    vars(draft.record)[name] = getattr(draft.stored, name)
            for child in self.model.children:
                if child not in draft.lines:
                    vars(draft.record)[child] = [bulk.copy_of(row) for row in getattr(draft.stored, child)]
        draft.problems += self.judge.problems(draft.record, draft.unread)

    def _numbered(self) -> set[str]:
        """The fields that are filled by the system when nothing is typed and must be the only one of their value."""
        return {words[0] for words in self.model.constraint_words.values()} - {self.model.known_by}

    def _find_clashes(self, drafts: Sequence[Draft]) -> None:
        new = [draft for draft in drafts if draft.stored is None and self._may_pass(draft)]
        for index, problems in bulk.clashes(
            self.session, self.model, [draft.record for draft in new]
        ).items():
            if self.options.migrate:  # the old number is taken: nothing else is wrong with the file
                new[index].final += [layout.labelled(self.sheets, problem, {}) for problem in problems]
            new[index].problems += problems

    def _may_pass(self, draft: Draft) -> bool:
        return self.options.migrate or not draft.errors

    def _flag(self, drafts: Sequence[Draft]) -> None:
        """A migration keeps what is faulty and says what is wrong with it (SM-AID-04)."""
        faulty = [draft for draft in drafts if draft.errors and draft.stored is None and not draft.final]
        for draft in faulty:
            if words := draft.record.flag(draft.errors, draft.unread):
                draft.final.append(str(words))
        faulty = [draft for draft in faulty if not draft.final]
        copies = self.model.copies_of(self.session, [draft.record for draft in faulty])
        for index, stored in copies.items():
            same = [one for one in stored if self._is_same(faulty[index], one)]
            if same:
                faulty[index].stored = same[0]

    # --- the end of a row -------------------------------------------------------------------------------------

    def _outcome(self, draft: Draft, *, is_added: bool) -> Outcome:
        if draft.final:
            return FAILED, self._failed(draft)
        if draft.stored is not None and self._is_same(draft, draft.stored):
            return UNCHANGED, ""
        if is_added and draft.errors:
            return FLAGGED, gettext("已导入，列为有问题档案：%(words)s", words=self._words(draft))
        if is_added:
            return ADDED, ""
        if draft.errors:
            return FAILED, self._failed(draft)
        return self._change(draft)

    def _is_same(self, draft: Draft, stored: Any) -> bool:
        """Whether a stored record holds what the row says, as far as it says anything."""
        names = [name for name, one in self._fields(0) if one is not None]
        if any(_differs(draft, stored, name, self._numbered()) for name in names):
            return False
        for number, match in enumerate(self.matches[1:], 1):
            lines, kept = getattr(draft.record, match["child"]), getattr(stored, match["child"])
            fields = [name for name, one in self._fields(number) if one is not None]
            if len(lines) != len(kept) or any(
                getattr(line, name) != getattr(one, name)
                for line, one in zip(lines, kept, strict=True)
                for name in fields
            ):
                return False
        return True

    def _change(self, draft: Draft) -> Outcome:
        """Another content for a record that is there: by the door of the form, if that was asked for."""
        if not self.options.update:
            words = gettext(
                "「%(record)s」已存在，内容与本行不同；如要改成本行的内容，请勾选“更新已有的记录”后重新上传",
                record=draft.stored.title,
            )
            return FAILED, words
        try:
            with self.session.begin_nested():
                saving.save(self.session, draft.stored, self._as_typed(draft), self.actor)
        except Invalid as wrong:
            draft.problems = wrong.problems
            return FAILED, self._failed(draft)
        except Refused as why:
            return FAILED, str(why.words)
        return CHANGED, ""

    def _as_typed(self, draft: Draft) -> dict[str, Any]:
        """What a form would send: an empty cell empties its field; a line is the stored one of the same number."""
        typed = {
            name: draft.typed.get(name)
            for name, one in self._fields(0)
            if one is not None and (name in draft.typed or name not in self._numbered())
        }
        for number, match in enumerate(self.matches[1:], 1):
            child = match["child"]
            ids = {getattr(one, self.model.known_by, None): one.id for one in getattr(draft.stored, child)}
            blank = dict.fromkeys(name for name, one in self._fields(number) if one is not None)
            typed[child] = [
                blank | line | {"id": str(ids.get(getattr(row, self.model.known_by, None)) or "")}
                for line, row in zip(draft.typed[child], getattr(draft.record, child), strict=True)
            ]
        return typed

    def _failed(self, draft: Draft) -> str:
        """The reason of a row; the lines that are to blame get theirs."""
        marks = []
        for number, match in enumerate(self.matches[1:], 1):
            for index, line in enumerate(draft.lines.get(match["child"], ())):
                prefix = f"{match['child']}.{index}."
                mine = [
                    replace(p, field=p.field.removeprefix(prefix))
                    for p in draft.errors
                    if p.field.startswith(prefix)
                ]
                cls = self.model.child_classes()[match["child"]]
                told = [layout.sentence(cls.fields().get(problem.field), problem) for problem in mine]
                words = "；".join(told) or gettext(
                    "所属的行没有导入，见「%(sheet)s」第%(row)s行",
                    sheet=self.matches[0]["sheet"],
                    row=draft.row.number,
                )
                marks.append((number, line, words))
        self.stage.judge(marks)
        return "；".join(filter(None, [*draft.final, self._words(draft)]))

    def _words(self, draft: Draft) -> str:
        told = [layout.labelled(self.sheets, problem, draft.lines) for problem in draft.errors]
        return "；".join(dict.fromkeys(told))


def _differs(draft: Draft, stored: Any, name: str, numbered: set[str]) -> bool:
    if name in numbered and name not in draft.typed:
        return False
    return bool(getattr(draft.record, name) != getattr(stored, name))


def _actor_of_unit(session: Session, actor: Actor, name: str) -> Actor | str:
    """Who would have entered the records of a unit, by the unit's number or name; words when there is no such one."""
    unit = scope.class_of_table("unit")
    last = name.rsplit("->", maxsplit=1)[-1].strip()
    where = (
        unit.unit_no == int(name)
        if name.isascii() and name.isdigit() and len(name) < 10
        else unit.name == last
    )
    found = list(session.scalars(select(unit).where(where).order_by(unit.id).limit(50)))
    if len(found) > 1 and "->" in name:
        found = [one for one in found if one.full_name.endswith(name.replace(" ", ""))]
    if not found:
        return str(gettext("没有找到所属单位「%(name)s」，请填写单位编号或全称", name=name[:50]))
    if len(found) > 1:
        return str(gettext("有%(n)s个单位叫「%(name)s」，请填写单位编号", n=len(found), name=name[:50]))
    one = found[0]
    return replace(actor, unit_id=one.id, unit_name=one.name, path=one.path)
