"""首页: what waits for the person, and how the unit's archives stand."""

from __future__ import annotations

from typing import Any

from flask import current_app, url_for
from flask_appbuilder import IndexView, expose
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import case, func, select

from app.kit import scope
from app.kit.access import needs
from app.kit.database import db
from app.kit.face import render
from app.kit.listpage import TONES, state_chip
from app.kit.module import Module
from app.kit.pages import Card, HomePage
from app.kit.reminders import Reminder
from app.kit.scope import Actor
from app.models.archive import Archive, in_normal_lists
from app.views.archive import ArchiveView


class HomeView(IndexView):  # type: ignore[misc]
    """The page after log-in."""

    resource = "home"
    class_permission_name = "home"

    @expose("/")
    @needs("read")
    def index(self) -> Any:
        """Cards of the modules that a right opens, reminders, a chart of the unit's archives (AID Q24)."""
        who = scope.actor()
        page = HomePage(_("首页"), greeting=gettext("%(name)s，您好", name=who.name))
        page.cards = cards(who)
        page.reminders = latest_reminders()
        page.reminders_url = url_for("reminder.list", shelf="open")
        if who.may("read", "archive"):
            page.charts = [archive_chart(who)]
        return render("kit/home.html", page)


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


def archive_chart(who: Actor) -> dict[str, Any]:
    """The archives that the unit sees: kinds on the axis, states stacked. One statement a kind."""
    state = case(
        *((Archive.state_is(name, who), name) for name in TONES),
        else_="pending",
    )
    counts = {shelf.name: dict.fromkeys(TONES, 0) for shelf in ArchiveView.shelves}
    for shelf in ArchiveView.shelves:
        if shelf.where is None:
            continue
        statement = (
            select(state.label("state"), func.count())
            .where(in_normal_lists(), shelf.where())
            .group_by("state")
        )
        counts[shelf.name] |= dict(db.session.execute(statement).all())
    return {
        "title": {
            "text": gettext("本单位及下级上报的档案"),
            "textStyle": {"fontSize": 14, "fontWeight": 600},
        },
        "tooltip": {"trigger": "axis", "axisPointer": {"type": "shadow"}},
        "legend": {"bottom": 0},
        "grid": {"left": 8, "right": 16, "top": 40, "bottom": 32, "containLabel": True},
        "xAxis": {"type": "category", "data": [str(shelf.label) for shelf in ArchiveView.shelves]},
        "yAxis": {"type": "value", "minInterval": 1},
        "series": [
            {
                "name": str(state_chip(name).text),
                "type": "bar",
                "stack": "all",
                "barMaxWidth": 56,
                "data": [counts[shelf.name][name] for shelf in ArchiveView.shelves],
            }
            for name in TONES
        ],
    }
