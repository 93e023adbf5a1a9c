"""单位排序, 人员排序: lines to drag, saved by 确定, put back by 重来 (AID-R215, R220, R236)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flask import flash, request
from flask_appbuilder.baseviews import expose
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import select

from app.kit import scope, stepping
from app.kit.access import needs
from app.kit.errors import Invalid, Refused
from app.kit.face import leave, render
from app.kit.pages import Action, Crumb, Page, Words
from app.kit.scope import Actor
from app.models.account import Account
from app.models.assignment import Assignment
from app.models.unit import Unit
from app.workflows.sorting import MOST, MOST_LAYERS


@dataclass
class Line:
    """One unit or person to put in its place."""

    id: int
    text: str
    note: Words = ""


@dataclass
class SortPage(Page):
    """Lines in one list, or in layers; ``name`` is what their inputs are called."""

    url: str = ""
    back_url: str = ""
    version: int | None = None
    subtitle: Words = ""
    layers: list[list[Line]] = field(default_factory=list)
    is_layered: bool = False
    reset: Action | None = None
    error: Words = ""
    empty: Words = ""


class Sorting:
    """The routes of sorting, and their buttons in the tree."""

    if TYPE_CHECKING:
        session: Any
        resource: str
        group_label: Any
        list_title: Any

        def find(self, pk: int) -> Any: ...
        def url(self, endpoint: str, **values: Any) -> str: ...
        def home(self, record: Any = None) -> str: ...
        def landing(self, record: Any) -> str: ...

    def sorting_actions(self, unit: Unit, who: Actor, *, number: int) -> list[Action]:
        """单位排序, 重排单位."""
        if not who.may("reorder", self.resource):
            return []
        few = _("下级单位不到两个，不用排序") if number < 2 else None
        sort = Action("sort", _("单位排序"), self.url("sort", pk=unit.id), "selector", refusal=few)
        return [sort, self._unsort(unit, few)]

    def people_sorting_actions(self, unit: Unit, who: Actor, *, number: int) -> list[Action]:
        """人员排序, 重排人员."""
        if not who.may("reorder_people", self.resource):
            return []
        none = _("本单位没有人员") if not number else None
        url = self.url("sort_people", pk=unit.id)
        return [
            Action("sort_people", _("人员排序"), url, "selector", refusal=none),
            self._unsort_people(unit, none),
        ]

    def _unsort(self, unit: Unit, refusal: Any = None) -> Action:
        url, words = self.url("unsort", pk=unit.id), _("把下级单位恢复为新建的先后顺序吗？")
        return Action("unsort", _("重排单位"), url, "rotate-clockwise", "post", words, refusal)

    def _unsort_people(self, unit: Unit, refusal: Any = None) -> Action:
        url = self.url("unsort_people", pk=unit.id)
        words = _("把本单位人员恢复为一层，按新增的先后排列吗？")
        return Action("unsort_people", _("重排人员"), url, "rotate-clockwise", "post", words, refusal)

    @expose("/sort/<int:pk>", methods=["GET", "POST"])
    @needs("reorder")
    def sort(self, pk: int) -> Any:
        """单位排序."""
        unit = self.find(pk)
        if request.method == "POST":
            return self._save_order(unit, "reorder", {"ids": request.form.getlist("ids")}, self._units)
        return render("unit/sort.html", self._units(unit))

    @expose("/sort_people/<int:pk>", methods=["GET", "POST"])
    @needs("reorder_people")
    def sort_people(self, pk: int) -> Any:
        """人员排序, in at most six layers (AID-R220)."""
        unit = self.find(pk)
        if request.method == "POST":
            layers = [request.form.getlist(f"layer-{n}") for n in range(1, MOST_LAYERS + 2)]
            while layers and not layers[-1]:
                layers.pop()
            return self._save_order(unit, "reorder_people", {"layers": layers}, self._people_of)
        return render("unit/sort.html", self._people_of(unit))

    @expose("/unsort/<int:pk>", methods=["POST"])
    @needs("reset_order")
    def unsort(self, pk: int) -> Any:
        """重排单位."""
        return self._save_order(self.find(pk), "reset_order", {}, self._units)

    @expose("/unsort_people/<int:pk>", methods=["POST"])
    @needs("reset_people_order")
    def unsort_people(self, pk: int) -> Any:
        """重排人员."""
        return self._save_order(self.find(pk), "reset_people_order", {}, self._people_of)

    def _save_order(self, unit: Unit, step: str, answers: Mapping[str, Any], shown: Any) -> Any:
        """Do it and go back to the tree; what was refused is told over the order as it now is."""
        version = request.form.get("version")
        try:
            stepping.carry_out(
                self,  # type: ignore[arg-type]
                self.session,
                unit,
                step,
                scope.actor(),
                dict(answers) | ({"version": version} if version else {}),
            )
        except (Refused, Invalid) as why:
            self.session.rollback()
            page = shown(self.find(unit.id))
            page.error = why.words
            return render("unit/sort.html", page), why.status
        flash(gettext("顺序已保存"), "success")
        return leave(self.landing(self.find(unit.id)))

    def _sort_page(self, unit: Unit, title: Words, url: str) -> SortPage:
        page = SortPage(
            title, crumbs=[Crumb(self.group_label), Crumb(self.list_title, self.home()), Crumb(title)]
        )
        page.url, page.back_url, page.version, page.subtitle = (
            url,
            self.landing(unit),
            unit.version,
            unit.name,
        )
        return page

    def _units(self, unit: Unit) -> SortPage:
        page = self._sort_page(unit, _("单位排序"), self.url("sort", pk=unit.id))
        below = select(Unit).where(Unit.parent_id == unit.id).order_by(Unit.sort_order, Unit.id)
        found = self.session.scalars(below.limit(MOST + 1)).all()
        page.layers = [[Line(one.id, one.name, f"{one.unit_no}") for one in found]]
        page.reset, page.empty = self._unsort(unit), _("没有下级单位")
        return _bounded(page, found)

    def _people_of(self, unit: Unit) -> SortPage:
        page = self._sort_page(unit, _("人员排序"), self.url("sort_people", pk=unit.id))
        post = (Assignment.display_layer, Assignment.sort_order, Account.id)
        here = select(Account.id, Account.first_name, Account.job_title, Account.username, post[0])
        here = here.join(Assignment, Assignment.account_id == Account.id).where(Assignment.unit_id == unit.id)
        found = self.session.execute(here.order_by(*post).limit(MOST + 1)).all()
        page.is_layered, page.layers = True, [[] for _n in range(MOST_LAYERS)]
        for one in found:
            layer = min(max(one.display_layer, 1), MOST_LAYERS)
            page.layers[layer - 1].append(Line(one.id, one.first_name, one.job_title or one.username))
        page.reset, page.empty = self._unsort_people(unit), _("本单位没有人员")
        return _bounded(page, found)


def _bounded(page: SortPage, found: Sequence[Any]) -> SortPage:
    """Nobody drags thousands of lines."""
    if not found:
        page.layers = []
    elif len(found) > MOST:
        page.layers, page.empty = [], _("超过%(most)s个，不能手工排序；可以用“重排”恢复新建的顺序", most=MOST)
    return page
