"""合并重复档案, 合并不同档案, 合并记录: finding what is to become one, and where that can be taken back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from flask import redirect, request
from flask_appbuilder.baseviews import expose
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from markupsafe import Markup
from sqlalchemy import select, union
from sqlalchemy.orm import joinedload, selectinload

from app.kit import columns, identity, scope, stepping
from app.kit.access import needs
from app.kit.clock import today
from app.kit.columns import Wrong
from app.kit.errors import Invalid, Missing, Problem, Refused
from app.kit.face import render
from app.kit.pages import Action, Chip, FieldView, Page
from app.kit.query import spellings
from app.kit.question import tree_limit
from app.kit.sheetpage import crumbs
from app.models.archive import Archive
from app.models.family_member import FamilyMember
from app.views.archive.sidebyside import MergePage, chosen_in, side_by_side
from app.workflows.mergers import Merger, last_of
from app.workflows.merging import MOST_SOURCES, days_left, is_standing, survivor_of

#: merges on one page of 合并记录
AT_ONCE = 50

MERGE_DUPLICATES, MERGE_DIFFERENT, MERGERS = _("合并重复档案"), _("合并不同档案"), _("合并记录")


@dataclass
class Candidate:
    """One file in which the number stands."""

    id: int
    url: str
    archive_no: str
    name: str
    unit: str
    place: Any
    chips: list[Chip]
    refusal: Any = None
    chosen: bool = False


@dataclass
class FindPage(Page):
    """One number or two, and the files that were found."""

    url: str = ""
    fields: list[FieldView] = field(default_factory=list)
    submit: Any = ""
    errors: list[Any] = field(default_factory=list)
    candidates: list[Candidate] | None = None
    advice: Any = ""
    log_url: str = ""


@dataclass
class MergerLine:
    """One merge of 合并记录."""

    at: str
    who: str
    survivor: tuple[str, str]
    sources: list[tuple[str, str]]
    state: Chip
    undo: Action | None = None


@dataclass
class MergersPage(Page):
    """合并记录."""

    lines: list[MergerLine] = field(default_factory=list)
    next_url: str = ""
    merge_url: str = ""


class MergingPages:
    """The routes of merging; the unit's administrator alone opens them (AID-R090)."""

    session: Any
    url: Any

    def dress_sheet(self, page: Any, record: Any, actor: Any) -> None:
        """A swallowed file says where it has gone, with a link where the reader may follow it."""
        super().dress_sheet(page, record, actor)  # type: ignore[misc]
        if record.merged_into_id is None:
            return
        into = survivor_of(record)
        link: Any = into.title
        if into.is_seen_by(actor):
            link = Markup('<a href="{}">{}</a>').format(self.url("show", pk=into.id), into.title)
        words = gettext("已合并到「%(into)s」，附件和相关记录都在那份档案中。")
        page.notes.append(Markup(words) % {"into": link})  # noqa: S704 - our own words

    @expose("/merge_duplicates")
    @needs("merge")
    def merge_duplicates(self) -> Any:
        """合并重复档案: a number, the files in which it stands, and which of them stays (SM-AID-05)."""
        page = FindPage(
            MERGE_DUPLICATES,
            crumbs(self, MERGE_DUPLICATES),
            url=self.url("merge_duplicates"),
            submit=_("查询"),
        )
        page.log_url = self.url("mergers")
        page.notes = [
            _(
                "查找本单位及下级单位中含有同一身份证号（户主或家庭成员）的档案，选定一份作为户主档案，其余并入。"
            )
        ]
        number, wrong = _number("id_card_no")
        page.fields = [_number_field("id_card_no", _("身份证号"), number, wrong)]
        if "id_card_no" not in request.args or wrong:
            return render(
                "archive/merge_find.html", page
            ), 422 if wrong and "id_card_no" in request.args else 200
        files = files_with(self.session, number)
        survivor = _id("survivor")
        if "merge" in request.args:
            if survivor in {file.id for file in files}:
                ids = [file.id for file in files if file.id != survivor]
                return redirect(self.url("merge", survivor=survivor, ids=",".join(map(str, ids))))
            page.errors = [_("请选择一份档案作为合并后的户主档案")]  # AID-R092
        page.candidates = [self._candidate(file, number, survivor) for file in files]
        page.advice = _advice(files)
        return render("archive/merge_find.html", page), 422 if page.errors else 200

    def _candidate(self, file: Archive, number: str, chosen: int | None) -> Candidate:
        actor = scope.actor()
        is_head = identity.normal(file.id_card_no or "") == identity.normal(number)
        kin = next((m for m in file.family_members if m.id_card_no in spellings(number)), None)
        place = (
            _("户主")
            if is_head
            else _("家庭成员（%(relation)s）", relation=kin.text("relation") if kin else "")
        )
        return Candidate(
            file.id,
            self.url("show", pk=file.id),
            file.archive_no,
            file.full_name,
            file.owner_unit.name,
            place,
            self.chips(file, actor),  # type: ignore[attr-defined]
            file.merge_refusal([], actor),
            file.id == chosen,
        )

    @expose("/merge_different")
    @needs("merge")
    def merge_different(self) -> Any:
        """合并不同档案: the source goes into the target (SM-AID-06)."""
        page = FindPage(
            MERGE_DIFFERENT, crumbs(self, MERGE_DIFFERENT), url=self.url("merge_different"), submit=_("合并")
        )
        page.log_url = self.url("mergers")
        page.notes = [_("把源档案并入目的档案：目的档案保留，源档案的家庭成员、附件和各项记录转入。")]
        source, source_wrong = _number("source_id_card_no")
        target, target_wrong = _number("target_id_card_no")
        asked = "source_id_card_no" in request.args or "target_id_card_no" in request.args
        page.fields = [
            _number_field("source_id_card_no", _("源身份证号"), source, source_wrong),
            _number_field("target_id_card_no", _("目的身份证号"), target, target_wrong),
        ]
        if not asked:
            return render("archive/merge_find.html", page)
        if not (source_wrong or target_wrong):
            try:
                one, other = self._two(source, target)
                return redirect(self.url("merge", survivor=other.id, ids=one.id))
            except Refused as why:
                page.errors = [why.words]
        return render("archive/merge_find.html", page), 409 if page.errors else 422

    def _two(self, source: str, target: str) -> tuple[Archive, Archive]:
        """The source's file and the target's, exactly one each. Raises Refused (AID-R096 – R099)."""
        if identity.normal(source) == identity.normal(target):
            raise Refused(
                _("源身份证号与目的身份证号相同，请核对；同一身份证号的多份档案请使用“合并重复档案”")
            )
        sources, targets = files_with(self.session, source), files_with(self.session, target)
        if not sources:
            raise Refused(_("源档案不存在，或不属于本单位及下级单位"))
        if not targets:
            raise Refused(_("目的档案不存在，或不属于本单位及下级单位"))
        if len(targets) > 1:
            raise Refused(_("请先使用“合并重复档案”合并目标档案,再合并不同档案"))
        if len(sources) > 1:
            raise Refused(_("源档案有多份，请先使用“合并重复档案”合并源档案,再合并不同档案"))
        if sources[0].id == targets[0].id:
            raise Refused(_("两个身份证号在同一份档案「%(file)s」中，不用合并", file=targets[0].title))
        return sources[0], targets[0]

    @expose("/merge", methods=["GET", "POST"])
    @needs("merge")
    def merge(self) -> Any:
        """The files side by side, field by field, and the button that makes them one."""
        if not request.args.get("survivor"):
            return redirect(self.url("merge_duplicates"))
        survivor, sources = self._asked()
        if (why := survivor.merge_refusal(sources, scope.actor())) is not None:
            raise Refused(why)
        if request.method == "POST":
            return self._merge(survivor, sources)
        return self._shown(survivor, sources)

    def _asked(self) -> tuple[Archive, list[Archive]]:
        """The survivor and the sources of the address, each of them in scope. Raises Missing."""
        survivor_id = _id("survivor")
        parts = [part for given in request.args.getlist("ids") for part in given.split(",")]
        ids = {int(part) for part in parts if part.isascii() and part.isdigit() and len(part) < 10}
        ids -= {survivor_id}
        if survivor_id is None or not ids or len(ids) > MOST_SOURCES:
            raise Missing
        found = {file.id: file for file in _files(self.session, Archive.id.in_(ids | {survivor_id}))}
        if len(found) <= len(ids):
            raise Missing
        return found.pop(survivor_id), [found[pk] for pk in sorted(found)]

    def _merge(self, survivor: Archive, sources: list[Archive]) -> Any:
        actor, files = scope.actor(), [survivor, *sources]
        chosen = chosen_in(request.form, self, files)
        ids = [source.id for source in sources]
        try:
            survivor.perform("merge", actor, source_ids=ids, chosen=chosen)
        except Invalid as wrong:
            self.session.rollback()
            return self._shown(*self._asked(), wrong.problems), 422
        except Refused as why:
            self.session.rollback()
            return self._shown(*self._asked(), [Problem("", why.words)]), 409
        return stepping.finish(self.session, survivor.step_table()["merge"], self.url("show", pk=survivor.id))

    def _shown(self, survivor: Archive, sources: list[Archive], problems: Sequence[Problem] = ()) -> Any:
        page: MergePage = side_by_side(self, [survivor, *sources], request.form, problems)
        return render("archive/merge.html", page)

    @expose("/mergers")
    @needs("merge")
    def mergers(self) -> Any:
        """合并记录: what was merged within the subtree, and what can be undone."""
        page = MergersPage(MERGERS, crumbs(self, MERGERS), merge_url=self.url("merge_duplicates"))
        statement = select(Merger, Archive).join(Archive, Archive.id == Merger.record_id)
        statement = statement.where(Merger.record_type == "archive").order_by(Merger.id.desc())
        if before := _id("before"):
            statement = statement.where(Merger.id < before)
        rows = self.session.execute(statement.limit(AT_ONCE + 1)).all()
        if len(rows) > AT_ONCE:
            page.next_url = self.url("mergers", before=rows[AT_ONCE - 1][0].id)
        shown = rows[:AT_ONCE]
        wanted = {pk for merger, _survivor in shown for pk in merger.source_ids}
        titles = {
            file.id: file.title
            for file in self.session.scalars(select(Archive).where(Archive.id.in_(wanted)))
        }
        latest = last_of(self.session, [survivor for _merger, survivor in shown])
        page.lines = [
            self._line(merger, survivor, titles, latest.get(survivor.id)) for merger, survivor in shown
        ]
        return render("archive/mergers.html", page)

    def _line(
        self, merger: Merger, survivor: Archive, titles: dict[int, str], latest: int | None
    ) -> MergerLine:
        actor = scope.actor()
        line = MergerLine(
            merger.at.strftime("%Y-%m-%d %H:%M"),
            f"{merger.unit_name} {merger.account_name}",
            (survivor.title, self.url("show", pk=survivor.id)),
            [(titles[pk], self.url("show", pk=pk)) for pk in merger.source_ids if pk in titles],
            Chip(_("已撤销"), "grey"),
        )
        left = days_left(merger, actor.at)
        if merger.undone_at is not None:
            when = merger.undone_at.strftime("%Y-%m-%d")
            line.state = Chip(_("%(who)s于%(when)s撤销", who=merger.undone_by_name, when=when), "grey")
        elif left < 0:
            line.state = Chip(_("已满30天"), "grey")
        else:
            line.state = Chip(_("还可撤销%(days)s天", days=left) if left else _("今天还可撤销"), "green")
            line.undo = Action(
                "unmerge",
                _("撤销合并"),
                f"{self.url('dialog', step='unmerge')}?ids={survivor.id}",
                "arrow-back-up",
                "dialog",
                refusal=is_standing(survivor, actor)
                or (_("请先撤销在这之后并入的档案") if merger.id != latest else None),
            )
        return line


def files_with(session: Any, number: str) -> list[Archive]:
    """The files of the subtree in which a number stands, as householder or member, merged ones apart (AID-R091)."""
    spelled = spellings(number)
    heads = select(Archive.id).where(Archive.id_card_no.in_(spelled))
    members = select(FamilyMember.archive_id).where(FamilyMember.id_card_no.in_(spelled))
    # a union, not an OR: each half is read by the index of its table
    return _files(session, Archive.id.in_(union(heads, members)), Archive.merged_into_id.is_(None))


def _files(session: Any, *where: Any) -> list[Archive]:
    statement = select(Archive).where(*where).order_by(Archive.id).limit(MOST_SOURCES + 1)
    eager = (joinedload(Archive.owner_unit), selectinload(Archive.family_members))
    return list(session.scalars(statement.options(*eager)))


def _advice(files: Sequence[Archive]) -> Any:
    """What the list means."""
    if not files:
        return _("本单位及下级单位（已上报到本单位）的档案中没有这个身份证号，请核对。")
    if len(files) == 1:
        return _("只有一份档案含有这个身份证号，不用合并。")
    return ""


def _id(name: str) -> int | None:
    raw = request.args.get(name, "")
    return (
        int(raw) if raw.isascii() and raw.isdigit() and len(raw) < 10 and int(raw) <= tree_limit() else None
    )


def _number(name: str) -> tuple[str, list[Any]]:
    """A typed number and what is wrong with it."""
    raw = request.args.get(name, "")
    try:
        number = identity.clean(columns.clean(raw))
    except Wrong as wrong:
        return "", [wrong.args[0]]
    fault = identity.fault(number, today()) if number else _("请填写身份证号")
    return number[:30], [fault] if fault else []


def _number_field(name: str, label: Any, number: str, wrong: list[Any]) -> FieldView:
    shown = wrong if name in request.args else []
    return FieldView(name, label, "id_card", number, required=True, max_length=18, errors=shown)
