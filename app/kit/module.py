"""What the register holds: a module, its right and its entries in the menu."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from flask import current_app, url_for
from flask_appbuilder import AppBuilder
from flask_appbuilder.api import BaseApi
from flask_appbuilder.baseviews import BaseView
from flask_babel import lazy_gettext as _

from app.kit.api import api_of
from app.kit.menu import MenuItem
from app.kit.reviewapi import ReviewApi
from app.kit.scope import Actor
from app.kit.view import RecordView
from app.kit.workflow import Hop, Stateful


@dataclass(frozen=True)
class Entry:
    """A line of the menu: a page, or a heading over further lines.

    ``permission`` and ``resource`` say who sees it; a heading shows when one of its lines does.
    """

    label: Any
    endpoint: str = ""
    values: tuple[tuple[str, str], ...] = ()
    permission: str = "read"
    entries: tuple[Entry, ...] = ()
    only: Callable[[Actor], bool] | None = None

    def item(self, actor: Actor, resource: str) -> MenuItem | None:
        """The line as the actor sees it; None when he does not."""
        children = [item for entry in self.entries if (item := entry.item(actor, resource))]
        if self.entries:
            return MenuItem(self.label, children=children) if children else None
        own = self.endpoint.partition(".")[0] if "." in self.endpoint else resource
        if (self.only and not self.only(actor)) or not actor.may(self.permission, own):
            return None
        endpoint = self.endpoint if "." in self.endpoint else f"{resource}.{self.endpoint}"
        return MenuItem(self.label, _address(endpoint, self.values))


def plain_entries(noun: Any) -> tuple[Entry, ...]:
    """填报, 查询, 统计: the lines of a module that has no others, e.g. 信访接待信息填报."""
    return (
        Entry(_("%(noun)s信息填报", noun=noun), "list"),
        Entry(_("%(noun)s情况查询", noun=noun), "list", (("panel", "all"),)),
        Entry(_("%(noun)s情况统计", noun=noun), "statistic"),
    )


def display_options(resource: str) -> Entry:
    """自定义显示选项 of a module's list: the page is everybody's, the line is for who sees the list (AID-R113)."""
    values = (("list", resource),)
    return Entry(
        _("自定义显示选项"), "list_preference.choose", values, only=lambda who: who.may("read", resource)
    )


def sweeps(model: type[Stateful]) -> tuple[Entry, ...]:
    """快速上报, 快速退回: the lines for the steps that can be done to everything that a unit holds."""
    hops = [(step, step.hop) for step in model.step_table().values() if step.hop]
    return tuple(
        Entry(hop.sweep, "sweep", (("step", step.name),), step.name, only=partial(_is_offered, hop))
        for step, hop in hops
    )


def _is_offered(hop: Hop, actor: Actor) -> bool:
    return hop.refusal(None, actor) is None


@cache
def _address(endpoint: str, values: tuple[tuple[str, str], ...]) -> str:
    """Where a line leads; the same on every page."""
    return url_for(endpoint, _external=False, **dict[str, Any](values))


@dataclass(frozen=True)
class Module:
    """One line of the register: a record type's view, and where it stands in the menu.

    Modules with the same ``group`` share one heading, in the register's order.
    """

    name: str
    view: type[RecordView]
    group: Any = ""
    icon: str = "files"
    entries: tuple[Entry, ...] = ()
    in_menu: bool = True
    has_api: bool = True

    @property
    def right(self) -> str | None:
        """The right that opens the module; None is everybody."""
        return self.view.right

    @property
    def resource(self) -> str:
        """What its addresses begin with."""
        return str(self.view.model.resource())

    def grants(self) -> set[tuple[str, str]]:
        """What the right opens: pairs (permission, resource)."""
        return self.view.grants()

    def more_grants(self) -> dict[str, set[tuple[str, str]]]:
        """What other rights open of it."""
        return self.view.more_grants()

    def register(self, builder: AppBuilder) -> None:
        """Make the pages and the REST resource known to FAB."""
        view = self.view()
        view.group_label = self.group or view.list_title
        current_app.extensions.setdefault("views", {})[view.resource] = view
        builder.add_view_no_menu(view, endpoint=view.resource)
        if self.has_api:
            builder.add_api(api_of(view, *((ReviewApi,) if view.is_reportable else ())))

    def items(self, actor: Actor) -> list[MenuItem]:
        """The module's lines as the actor sees them."""
        resource = self.view.model.resource()
        entries = self.entries or (Entry(self.view.list_title or self.view.model.__label__, "list"),)
        return [item for entry in entries if (item := entry.item(actor, resource))] if self.in_menu else []


@dataclass(frozen=True)
class OpenPages:
    """A line of the register that is no record type: pages, and REST beside them, for everybody who is logged in."""

    name: str
    view: type[BaseView]
    group: Any
    icon: str = "files"
    entries: tuple[Entry, ...] = ()
    apis: tuple[type[BaseApi], ...] = ()
    right: None = None
    in_menu: bool = True

    @property
    def resource(self) -> str:
        """What its addresses begin with."""
        return self.name

    def grants(self) -> set[tuple[str, str]]:
        """What everybody may do there: read."""
        return {("can_read", self.name)}

    def more_grants(self) -> dict[str, set[tuple[str, str]]]:
        """No right is needed, so none opens anything."""
        return {}

    def register(self, builder: AppBuilder) -> None:
        """Make the pages and the REST routes known to FAB."""
        builder.add_view_no_menu(self.view(), endpoint=self.name)
        for api in self.apis:
            builder.add_api(api)

    def items(self, actor: Actor) -> list[MenuItem]:
        """The lines of its group."""
        return [item for entry in self.entries if (item := entry.item(actor, self.name))]
