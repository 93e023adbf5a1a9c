"""首页: what waits for the person, and how the unit's archives stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from flask import Response, current_app, make_response, url_for
from flask_appbuilder import IndexView, expose
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import and_, case, func, select
from sqlalchemy.orm import Session

from app.kit import menu, scope, tree
from app.kit.access import needs
from app.kit.database import db
from app.kit.face import render
from app.kit.listing import Order
from app.kit.listpage import state_chip
from app.kit.module import Module
from app.kit.pages import Card, HomePage, Overview, StatisticsCell, Words
from app.kit.question import TONES
from app.kit.reminders import Reminder
from app.kit.replica import as_of_words, lagging
from app.kit.scope import Actor
from app.models.archive import Archive
from app.models.archive.lists import in_normal_lists
from app.models.archive.problems import is_flagged
from app.models.briefing import Briefing
from app.models.notice import Notice
from app.views.archive import ArchiveView
from app.views.archive.problems import SHELVES as PROBLEM_SHELVES
from app.views.document import READING

#: seconds for which a browser keeps the lines of a menu
KEPT = 86_400
#: in the order in which a clerk works on them
STATES = ("pending", "returned", "reported")
#: lines of a board, and days for which one is new
LINES, NEW = 6, 7


@dataclass
class Board:
    """The newest of what is published: title, whose, day, address, whether it is new."""

    label: Words
    icon: str
    more_url: str
    empty: Words
    lines: list[tuple[str, str, str, str, bool]] = field(default_factory=list)


@dataclass
class Desk(HomePage):
    """首页 with its boards."""

    boards: Sequence[Board] = ()


class HomeView(IndexView):  # type: ignore[misc]
    """The page after log-in."""

    resource = "home"
    class_permission_name = "home"

    @expose("/")
    @needs("read")
    def index(self) -> Any:
        """What is published for the person (AID-R012), reminders, the unit's archives by state (Q24), the modules."""
        who = scope.actor()
        page = Desk(_("首页"), greeting=gettext("%(name)s，您好", name=who.name))
        page.boards = (notices(who), briefings(who))
        page.cards = cards(who)
        page.reminders = latest_reminders()
        page.reminders_url = url_for("reminder.list", shelf="open")
        if who.may("read", "archive"):
            page.overview_url = url_for(f"{self.endpoint}.overview")
        return render("kit/home.html", page)

    @expose("/overview")
    @needs("read")
    def overview(self) -> Any:
        """The figures of the home page, asked for when it has been painted."""
        who = scope.actor()
        if not who.may("read", "archive"):
            return render("kit/_overview.html", Overview(""))
        page, as_of = lagging(db.session(), lambda source: archive_overview(source, who))
        page.as_of = as_of_words(as_of)
        return render("kit/_overview.html", page)

    @expose("/menu/<name>")
    @needs("read")
    def menu(self, name: str) -> Response:
        """The lines of a group, as the person's rights open them; the address changes with them."""
        group = menu.group_of(current_app.extensions["modules"], scope.actor(), name)
        answer = make_response(render("kit/_group.html", group))
        answer.cache_control.private, answer.cache_control.max_age = True, KEPT
        return answer


def notices(who: Actor) -> Board:
    """Of 全总 and the person's own province, as long as they are shown (AID-R198, R199)."""
    board = Board(_("通知"), "speakerphone", url_for("notice.list", shelf=READING), _("没有通知"))
    board.lines = newest(Notice, who, Notice.is_current(who))
    return board


def briefings(who: Actor) -> Board:
    """Of 全总 and of every province (AID-R197)."""
    board = Board(_("工作简报"), "news", url_for("briefing.list", shelf=READING), _("没有工作简报"))
    board.lines = newest(Briefing, who)
    return board


def newest(model: Any, who: Actor, *where: Any) -> list[tuple[str, str, str, str, bool]]:
    """The lines of a board. One statement, without the texts."""
    resource, since = model.resource(), who.at.date() - timedelta(days=NEW)
    wanted = select(model.id, model.title, model.owner_unit_name, model.owner_path, model.published_on)
    found = db.session.execute(wanted.where(*where).order_by(*Order("published_on").ends(model)).limit(LINES))
    return [
        (title, short(unit, path), f"{day:%m-%d}", url_for(f"{resource}.show", pk=pk), day >= since)
        for pk, title, unit, path, day in found
    ]


def short(unit: str, path: str) -> str:
    """全总, or a province without what all of them are called."""
    return str(_("全总")) if tree.depth_of(path) == 1 else unit.removesuffix("总工会")


def cards(who: Actor) -> list[Card]:
    """One card a group of the register, with the lines that the rights open."""
    found: dict[str, Card] = {}
    modules: tuple[Module, ...] = current_app.extensions["modules"]
    for module in modules:
        for item in module.items(who):
            card = found.setdefault(str(module.group), Card(module.group, "", module.icon))
            url = item.url or item.children[0].url
            card.url = card.url or url
            card.links.append((item.label, url))
    return list(found.values())


def latest_reminders() -> list[tuple[str, Any, Any, str]]:
    """The newest open reminders: date, sender, subject, address."""
    statement = select(Reminder).where(Reminder.state == "open").order_by(Reminder.id.desc()).limit(6)
    return [
        (
            reminder.created_at.strftime("%m-%d"),
            reminder.sender_unit_name,
            f"{reminder.subject}：{reminder.message}"[:60],
            url_for("reminder.show", pk=reminder.id),
        )
        for reminder in db.session.scalars(statement)
    ]


def faulty_files(session: Session, who: Actor) -> list[tuple[Any, str]]:
    """How many files of the unit cannot be reported yet, by kind (AID Q24). One statement, by an index of just these."""
    numbers = [func.sum(case((shelf.where(), 1), else_=0)) for shelf in PROBLEM_SHELVES]
    mine = (Archive.owner_path == who.path, in_normal_lists(), is_flagged())
    found = session.execute(select(*numbers).select_from(Archive).where(*mine)).one()
    return [
        (_("%(kind)s%(n)s份", kind=shelf.label, n=number), url_for("archive.list", shelf=shelf.name))
        for shelf, number in zip(PROBLEM_SHELVES, found, strict=True)
        if number
    ]


def archive_overview(session: Session, who: Actor) -> Overview:
    """The archives that the unit sees, by kind and state, each figure leading to its list."""
    shelves = [shelf for shelf in ArchiveView.shelves if shelf.is_counted]
    cells = [(shelf, state) for shelf in shelves for state in STATES]
    wanted = [
        func.sum(case((and_(shelf.where(), Archive.state_is(state, who)), 1), else_=0))
        for shelf, state in cells
    ]
    found = session.execute(select(*wanted).select_from(Archive).where(in_normal_lists())).one()
    counts = {(shelf.name, state): number or 0 for (shelf, state), number in zip(cells, found, strict=True)}
    page = Overview(
        _("本单位及下级上报的档案"), columns=[*(state_chip(state).text for state in STATES), _("合计")]
    )
    for shelf in shelves:
        url = url_for("archive.list", shelf=shelf.name)
        line = [
            (counts[shelf.name, state], url_for("archive.list", shelf=shelf.name, state=state))
            for state in STATES
        ]
        line.append((sum(number for number, _url in line), url))
        page.rows.append(
            (
                StatisticsCell(str(shelf.label), url),
                [StatisticsCell(f"{n:,}", u if n else "") for n, u in line],
            )
        )
    page.faulty = faulty_files(session, who)
    page.chart = {
        "tooltip": {"trigger": "axis", "axisPointer": {"type": "shadow"}},
        "legend": {},
        "xAxis": {
            "type": "category",
            "data": [str(shelf.label) for shelf in shelves],
            "axisLabel": {"interval": 0},
        },
        "yAxis": {"type": "value", "minInterval": 1},
        "series": [
            {
                "name": str(state_chip(state).text),
                "tone": TONES[state],
                "type": "bar",
                "stack": "all",
                "barMaxWidth": 56,
                "data": [counts[shelf.name, state] for shelf in shelves],
            }
            for state in STATES
        ],
    }
    return page
