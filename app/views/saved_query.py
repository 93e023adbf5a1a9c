"""常用查询: kept from the query panel of a list, opened from there, shared in the unit."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from flask import flash, request
from flask_appbuilder import expose
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import select

from app.kit import formpage, preferences, scope, sheetpage
from app.kit.access import needs
from app.kit.declaration import Shown
from app.kit.errors import Missing, Problem
from app.kit.face import leave, render
from app.kit.forms import Typed, input_view
from app.kit.listpage import state_chip
from app.kit.pages import Action, Chip, DialogPage, FormPage, QueryMenu
from app.kit.question import Question
from app.kit.scope import Actor
from app.kit.view import RecordView
from app.models.saved_query import SavedQuery


def words_of(query: SavedQuery) -> str:
    """What is asked, as the list would say it."""
    asked = query.asked()
    if asked is None:
        return gettext("列表已不存在，或您没有它的权限")
    told = [str(words) for words in asked.asked.words] + [
        str(problem.words) for problem in asked.asked.problems
    ]
    if asked.state:
        told.append(gettext("状态：%(state)s", state=str(state_chip(asked.state).text)))
    return "；".join(told) or gettext("没有条件")


class SavedQueryView(RecordView):
    """One's own queries and those shared in the unit."""

    model = SavedQuery
    list_title = _("常用查询")
    columns = ("name", "list_key", "asked", "is_shared", "author_name", "created_at")
    shown = {"asked": Shown(_("查询条件"), words_of)}
    sheet = ((_("常用查询"), ("name", "is_shared", "list_key", "question", "author_name")),)
    conditions = ("name", "author_name", "is_shared")
    can_print = False
    has_add_form = False
    delete_label = _("删除选中的常用查询")
    empty_words = _("还没有常用查询。在列表的查询区选好条件后，点击「常用查询」中的「保存当前查询」。")

    def label_of(self, name: str) -> Any:
        """建档日期 is called 保存日期 here."""
        return _("保存日期") if name == "created_at" else super().label_of(name)

    def chips(self, record: Any, actor: Actor) -> list[Chip]:
        """Shared, or one's own."""
        return [Chip(_("本单位共享"), "blue") if record.is_shared else Chip(_("仅自己可见"))]

    def dress(self, page: FormPage, record: Any, typed: Typed) -> None:
        """Name and sharing can be changed; another question is another query."""
        for one in (one for section in page.sections for one in section.fields):
            if one.name in {"list_key", "question", "author_name"}:
                one.readonly, one.required = True, False
                one.text = (words_of(record) if one.name == "question" else record.text(one.name)) or "—"

    def more_json(self, record: Any, actor: Actor) -> dict[str, Any]:
        """Where the query opens."""
        return {"url": record.url, "list_title": record.text("list_key")}

    @expose("/show/<int:pk>")
    @needs("read")
    def show(self, pk: int) -> Any:
        """One query, and the way into its list."""
        query, who = self.find(pk), scope.actor()
        page = sheetpage.build(self, self.session, query, who, request.args.get("tab", ""))
        page.subtitle = words_of(query)
        page.actions.insert(0, Action("open", _("打开查询"), query.url, "search"))
        return render("kit/sheet.html", page)

    @expose("/menu")
    @needs("read")
    def menu(self) -> Any:
        """常用查询 of one list, for its query panel."""
        who, here = scope.actor(), request.args.to_dict()
        place = self._place(here)
        found = self.session.scalars(
            select(SavedQuery).where(SavedQuery.list_key == place).order_by(SavedQuery.name)
        ).all()
        menu = QueryMenu(manage_url=self.url("list"))
        menu.keep_url = f"{self.url('ask_name')}?{urlencode(here)}"
        menu.own = [(query.name, query.url) for query in found if query.account_id == who.account_id]
        menu.shared = [
            (query.name, query.url, query.author_name)
            for query in found
            if query.account_id != who.account_id
        ]
        return render("kit/_queries.html", menu)

    @expose("/keep")
    @needs("write")
    def ask_name(self) -> Any:
        """保存当前查询: under which name, and whether for the unit too."""
        return render("kit/dialog.html", self._dialog(request.args.to_dict(), {}, []))

    @expose("/keep", methods=["POST"])
    @needs("write")
    def keep(self) -> Any:
        """Save the question of a list."""
        who, here = scope.actor(), request.args.to_dict()
        asked, query = self._asked(here), SavedQuery()
        typed = {name: request.form.get(name, "") for name in ("name", "is_shared")}
        question = {"list_key": here["of"], "question": urlencode(asked.essence())}
        if problems := formpage.kept(self.session, query, typed | question, who):
            return render("kit/dialog.html", self._dialog(here, typed, problems)), 422
        flash(gettext("已保存常用查询「%(name)s」", name=query.name), "success")
        return leave(query.url)

    def _place(self, here: dict[str, str]) -> str:
        """The list that is meant. Raises Missing for one that is not there, or closed to the actor."""
        place = here.get("of", "")
        if preferences.listed(place, scope.actor()) is None:
            raise Missing(_("没有找到这个列表，或您没有它的权限"))
        return place

    def _asked(self, here: dict[str, str]) -> Question:
        """The question that stands in the address."""
        asked = SavedQuery(list_key=self._place(here), question=urlencode(here)).asked()
        if asked is None:
            raise Missing
        return asked

    def _dialog(self, here: dict[str, str], typed: dict[str, str], problems: list[Problem]) -> DialogPage:
        asked, fields = self._asked(here), SavedQuery.fields()
        page = DialogPage(_("保存当前查询"), submit=_("保存"), url=f"{self.url('keep')}?{urlencode(here)}")
        told = words_of(SavedQuery(list_key=here["of"], question=urlencode(asked.essence())))
        page.text = _("「%(list)s」：%(asked)s", list=asked.view.title_of(asked.shelf), asked=told)
        wrong: dict[str, list[Any]] = {}
        for problem in problems:
            wrong.setdefault(problem.field, []).append(problem.words)
        page.notes = [
            words
            for name, all_words in wrong.items()
            if name not in {"name", "is_shared"}
            for words in all_words
        ]
        page.fields = [
            input_view(fields["name"], "name", typed.get("name", ""), wrong),
            input_view(fields["is_shared"], "is_shared", typed.get("is_shared", "0"), wrong),
        ]
        page.next_url = asked.url()
        return page
