"""疑似重复档案: pairs of files side by side, for the unit's administrator to merge or to put aside."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

from flask import current_app, has_request_context, jsonify, request, url_for
from flask_appbuilder.baseviews import expose
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement

from app.kit import identity, listpage, query, scope, stepping
from app.kit.access import needs
from app.kit.apidoor import read_body, secured
from app.kit.declaration import Shelf, Shown
from app.kit.errors import Invalid, Problem, Refused
from app.kit.face import render
from app.kit.listing import Order
from app.kit.pages import Action, Chip, ListPage, Row, Tab, Words
from app.kit.question import Question
from app.kit.scope import Actor
from app.kit.sweeppage import started
from app.kit.view import RecordView
from app.models.archive import Archive
from app.models.assignment import ADMINISTRATION
from app.models.likeness import Likeness, search
from app.models.unit import full_names

#: reasons by which pairs are asked for
REASONS = {
    "number": _("身份证号相同"),
    "number_slip": _("身份证号一两位之差"),
    "name": _("姓名相同"),
    "sound": _("姓名同音"),
    "birthday": _("出生日期相同"),
    "address": _("同一住址"),
    "phone": _("同一电话"),
    "family": _("涉及家庭成员"),
}
#: least score, what it is called, its tone
LEVELS = ((90, _("很可能"), "red"), (75, _("较可能"), "amber"), (0, _("可能"), "blue"))


def _between(least: int, below: int) -> ColumnElement[bool]:
    return (Likeness.score >= least) & (Likeness.score < below)


def level_chip(score: int) -> Chip:
    """A score in words and colour."""
    label, tone = next((label, tone) for least, label, tone in LEVELS if score >= least)
    return Chip(f"{score} {label}", tone)


@dataclass
class Side:
    """One file of a pair: what it is and what was compared. Of one that the reader does not see, the unit alone."""

    path: str
    unit: str = ""
    url: str = ""
    title: str = ""
    facts: list[tuple[Words, bool]] = field(default_factory=list)


@dataclass
class Pair:
    """Two files one above the other, so that the eye goes down a column."""

    score: Chip
    reasons: str
    sides: list[Side]
    note: Words = ""


class SearchApi:
    """重新查找 over REST: ``POST /api/v1/likeness/steps/search`` → ``{"job": id}``, as 快速上报 (DESIGN §8)."""

    session: Any

    @expose("/steps/search", methods=["POST"])
    @secured("read")
    def search(self, who: Actor) -> Any:
        """``{"whole": true}`` compares everything anew, not just what has changed since."""
        asked = read_body(optional=True)
        whole = asked.pop("whole", False)
        problems = [Problem(name, _("没有这一项")) for name in asked]
        if not isinstance(whole, bool):
            problems.append(Problem("whole", _("应为 true 或 false")))
        if problems:
            raise Invalid(problems)
        return jsonify(job=stepping.begun(self.session, search.ask(self.session, who, whole=whole))), 202


class LikenessView(RecordView):
    """The pairs that the last run told."""

    model = Likeness
    right = ADMINISTRATION
    list_title = _("疑似重复档案")
    columns = ("score", "grounds", "left", "right")
    shown = {
        "left": Shown(_("档案甲"), lambda pair: said(pair, 0)),
        "right": Shown(_("档案乙"), lambda pair: said(pair, 1)),
    }
    sheet = ((_("比对结果"), ("score", "grounds", "is_dismissed", "dismiss_reason")),)
    conditions = (
        query.Choice(
            "reason",
            _("理由"),
            tuple((name, label, partial(Likeness.marked, name)) for name, label in REASONS.items()),
        ),
        query.Choice(
            "level",
            _("相似度"),
            tuple(
                (str(least), label, partial(_between, least, below))
                for (least, label, _tone), below in zip(LEVELS, (101, 90, 75), strict=True)
            ),
        ),
    )
    shelves = (
        Shelf("open", _("疑似重复档案"), lambda: Likeness.is_dismissed.is_(False), steps=("dismiss",)),
        Shelf("dismissed", _("已排除"), lambda: Likeness.is_dismissed.is_(True), steps=("recall",)),
    )
    more_api = (SearchApi,)
    eager = ("left", "right")
    order = Order("score")
    counts_later = True
    can_add = can_edit = can_delete = can_print = False
    measure_word = _("对")

    def beside(self, shelf: Shelf | None) -> list[Tab]:
        """待核对 and 已排除."""
        here, words = shelf.name if shelf else "open", {"open": _("待核对"), "dismissed": _("已排除")}
        return [Tab(n, w, f"{self.url('list')}?shelf={n}", active=n == here) for n, w in words.items()]

    def base_clauses(self) -> list[ColumnElement[bool]]:
        """Pairs of which a file belongs to the chosen unit's subtree."""
        if not has_request_context() or not request.args.get("unit"):
            return []
        unit = Question(self, scope.actor(), request.args).unit(self.session)
        return [Likeness.within(unit.path)] if unit else []

    def chips(self, record: Any, actor: Actor) -> list[Chip]:
        """How alike they are."""
        return [level_chip(record.score)]

    def more_actions(self, record: Any, actor: Actor) -> list[Action]:
        """The two files, and merging them."""
        files = [file for file in record.files if file is not None]
        opened = [
            Action(
                f"file_{file.id}", _("查看%(file)s", file=file.title), _file_url("show", pk=file.id), "eye"
            )
            for file in files
            if actor.may("read", Archive.resource())
        ]
        return opened + merging(record, actor)

    def more_json(self, record: Any, actor: Actor) -> dict[str, Any]:
        """Both files; of one that the reader does not see, the unit alone."""
        names = full_names(self.session, [record.left_path, record.right_path])
        paths = (record.left_path, record.right_path)
        sides = [_json(f, "->".join(names[p])) for f, p in zip(record.files, paths, strict=True)]
        return {"left": sides[0], "right": sides[1]}

    @expose("/list/")
    @needs("read")
    def list(self) -> Any:
        """The pairs, each as two rows."""
        actor = scope.actor()
        page = listpage.build(self, self.session, actor, request.args)
        asked = Question(self, actor, request.args)
        page.unit = listpage.unit_box(asked, asked.unit(self.session))
        page.unit.subordinates = None
        page.options = None
        self._dress(page, actor, asked)
        names = full_names(self.session, [side.path for row in page.rows for side in row.more.sides])
        for side in (side for row in page.rows for side in row.more.sides):
            whole = names[side.path]
            side.unit = whole[-1] if side.facts and whole else "->".join(whole)
        return render("likeness/list.html", page)

    def _dress(self, page: ListPage, actor: Actor, asked: Question) -> None:
        """When the unit last looked, and the way to look again."""
        last = search.last_run(self.session, actor)
        url = url_for("likeness.search", _external=False)
        again = Action("search", _("重新查找"), url, "refresh", "post", primary=True)
        whole = Action("search_all", _("全部重新比对"), f"{url}?whole=1", "rotate-clockwise", "post")
        whole.confirm = _("把本单位和下级报来的全部档案重新比对一遍吗？档案多时需要较长时间，可以离开页面。")
        if asked.shelf and asked.shelf.name == "open":
            page.toolbar = [again, *([whole] if last else []), *page.toolbar]
        if page.asked or page.errors or request.args.get("unit"):
            page.empty = _("没有符合条件的疑似重复档案")
            return
        if asked.shelf and asked.shelf.name == "dismissed":
            page.empty = _("没有排除过的档案。核对后确认不是同一户的，会移到这里。")
        elif last is None:  # one button: the first thing to do stands where the eye is
            page.empty, page.empty_action = _("还没有查找过。点击「重新查找」开始比对。"), again
            page.toolbar = [] if not page.rows else page.toolbar
        else:
            page.empty = _("没有待核对的疑似重复档案，上次查找于%(when)s。", when=f"{last:%Y-%m-%d %H:%M}")

    def dress_row(self, row: Row, record: Any, actor: Actor) -> None:
        """Both files, and merging them."""
        row.more = _pair(record, links=actor.may("read", Archive.resource()))
        row.actions += merging(record, actor)

    @expose("/search", methods=["POST"])
    @needs("read")
    def search(self) -> Any:
        """重新查找: a job, whose page shows how far it is."""
        try:
            job = search.ask(self.session, scope.actor(), whole="whole" in request.args)
        except Refused as why:
            self.session.rollback()
            page = ListPage(self.list_title, notes=[why.words], empty=why.words)
            return render("likeness/list.html", page), 409
        return started(self.session, job)


def merging(record: Likeness, actor: Actor) -> list[Action]:
    """合并: into the older of the two files; offered to who may merge and sees both."""
    left, right = record.files
    if record.is_dismissed or left is None or right is None or not actor.may("merge", Archive.resource()):
        return []
    return [Action("merge", _("合并"), _file_url("merge", survivor=left.id, ids=right.id), "git-merge")]


def _file_url(endpoint: str, **values: Any) -> str:
    url: str = current_app.extensions["views"][Archive.resource()].url(endpoint, **values)
    return url


def said(pair: Likeness, side: int) -> str:
    """A file in a line, for papers and files."""
    file = pair.files[side]
    if file is None:
        return gettext("由【%(unit)s】建档", unit=pair.unit_elsewhere())
    return f"{file.title} {file.text('birth_date')} {file.text('home_address')} {file.text('phone')}"


def _pair(record: Likeness, *, links: bool) -> Pair:
    facts = [_facts(file) if file is not None else [] for file in record.files]
    agreed = {ground[0] for ground in record.grounds}
    differs = [
        len(set(words)) > 1 and reason not in agreed
        for reason, words in zip(
            ("name", "number", "birthday", "phone", "address"), zip(*facts, strict=False), strict=False
        )
    ]
    sides = []
    for file, path, mine in zip(record.files, (record.left_path, record.right_path), facts, strict=True):
        side = Side(path)
        if file is not None:
            side.title, side.path = file.archive_no, file.owner_path
            side.url = _file_url("show", pk=file.id) if links else ""
            side.facts = [(words, bool(differs) and differs[at]) for at, words in enumerate(mine)]
        sides.append(side)
    pair = Pair(level_chip(record.score), record.text("grounds"), sides)
    if any(file is not None and file.updated_at > record.updated_at for file in record.files):
        pair.note = _("比对后档案有改动")
    if record.is_dismissed:
        pair.note = _("已排除：%(why)s", why=record.dismiss_reason)
    return pair


def _facts(file: Archive) -> list[str]:
    """What was compared, as shown: the number with its middle hidden."""
    return [
        file.full_name or "",
        identity.mask(file.id_card_no),
        file.text("birth_date"),
        file.phone or "",
        file.home_address or "",
    ]


def _json(file: Archive | None, unit: str) -> dict[str, Any]:
    if file is None:
        return {"owner_unit": unit}
    names = ("archive_no", "full_name", "birth_date", "phone", "home_address")
    fields = type(file).fields()
    facts = {name: fields[name].json(getattr(file, name)) for name in names}
    return {"id": file.id, **facts, "id_card_no": identity.mask(file.id_card_no), "owner_unit": unit}
