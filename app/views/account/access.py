"""谁能看到什么: ask for a person, or for a record; read only, and only people of one's own subtree are named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flask import current_app, request, url_for
from flask_appbuilder.baseviews import expose
from flask_babel import lazy_gettext as _
from sqlalchemy import func, select
from sqlalchemy.orm import selectinload

from app.kit import picking, scope, sheetpage, tree
from app.kit.access import needs
from app.kit.face import render
from app.kit.pages import Crumb, Option, Page, Tab, Words
from app.kit.scope import Actor
from app.models.account import Account
from app.models.assignment import Assignment
from app.models.unit import Unit, full_names
from app.security import insight

TITLE = _("谁能看到什么")


@dataclass
class Post:
    """What a person may do at one of his units."""

    unit: str
    below: int
    opened: list[insight.Opening]
    closed: list[tuple[str, list[Any]]]


@dataclass
class AccessPage(Page):
    """Two questions, and the answer to one of them."""

    url: str = ""
    person: str = ""
    people: list[tuple[Account, str, str]] = field(default_factory=list)
    account: Account | None = None
    posts: list[Post] = field(default_factory=list)
    kinds: list[Option] = field(default_factory=list)
    number: str = ""
    #: records with the same number: their words and addresses
    records: list[tuple[str, str]] = field(default_factory=list)
    record: str = ""
    record_url: str = ""
    record_kind: Words = ""
    keys: list[str] = field(default_factory=list)
    seers: list[insight.Seer] = field(default_factory=list)
    #: whose records somebody sees, in words, where there are no seers
    reach: Words = ""
    doors: list[Words] = field(default_factory=list)
    looks: list[insight.Look] = field(default_factory=list)
    asked: bool = False


def who_sees(view: Any, record: Any, actor: Actor) -> list[Tab]:
    """The way from a record's page to the answer."""
    if not actor.may("read", Account.resource()) or not hasattr(record, "owner_path"):
        return []
    url = url_for("account.access", kind=view.resource, number=f"#{record.id}")
    return [Tab("who_sees", _("谁能看到"), url)]


sheetpage.BESIDE.append(who_sees)


class Access:
    """The routes, for the view of people."""

    if TYPE_CHECKING:
        session: Any
        group_label: Any

        def find(self, pk: int) -> Any: ...
        def url(self, endpoint: str, **values: Any) -> str: ...

    @expose("/access")
    @needs("read")
    def access(self) -> Any:
        """The questions; people by name, a record by its kind and number."""
        page = self._page()
        if words := page.person:
            self._find_people(page, words)
        elif page.number:
            self._find_record(page, request.args.get("kind", ""), page.number)
        return render("account/access.html", page)

    @expose("/access/<int:pk>")
    @needs("read")
    def access_of(self, pk: int) -> Any:
        """What one person may open, and whose data he sees."""
        account, page = self.find(pk), self._page()
        page.account, page.person = account, account.full_name
        page.posts = [self._post(account, post) for post in account.assignments if account.active]
        return render("account/access.html", page)

    def _page(self) -> AccessPage:
        page = AccessPage(TITLE, crumbs=[Crumb(self.group_label), Crumb(TITLE)], url=self.url("access"))
        page.person = picking.typed(request.args.get("person", "")) or ""
        page.number = picking.typed(request.args.get("number", "")) or ""
        who, kind = scope.actor(), request.args.get("kind", "")
        page.kinds = [
            Option(module.name, module.view.model.__label__, module.name == kind)
            for module in insight.modules()
            if insight.can_be_asked(module, who)
        ]
        return page

    # --- a person ---------------------------------------------------------------------------------------------

    def _find_people(self, page: AccessPage, words: str) -> None:
        page.asked = True
        found = select(Account).where(Account.called(words)).options(selectinload(Account.assignments))
        people = self.session.scalars(found.order_by(Account.id).limit(picking.MOST)).unique().all()
        names = full_names(self.session, sorted({one.unit.path for one in people if one.unit is not None}))
        for one in people:
            unit = "->".join(names[one.unit.path]) if one.unit is not None else ""
            page.people.append((one, unit, self.url("access_of", pk=one.id)))

    def _post(self, account: Account, post: Assignment) -> Post:
        who = insight.actor_at(account, post)
        below = select(func.count()).select_from(
            select(Unit.id).where(tree.under(Unit.path, post.unit.path)).subquery()
        )
        name = "->".join(full_names(self.session, [post.unit.path])[post.unit.path])
        number = (self.session.scalar(below) or 1) - 1
        return Post(name, number, insight.opened(who), insight.closed(who))

    # --- a record ---------------------------------------------------------------------------------------------

    def _find_record(self, page: AccessPage, kind: str, number: str) -> None:
        page.asked, who = True, scope.actor()
        modules = [one for one in insight.modules() if one.name == kind and insight.can_be_asked(one, who)]
        found: Sequence[Any] = insight.find(self.session, modules[0], number) if modules else []
        if len(found) == 1:
            self._tell(page, modules[0], found[0], who)
        for one in found if len(found) > 1 else ():
            told = f"{one.title} {one.owner_unit.full_name if hasattr(one, 'owner_unit') else ''}"
            page.records.append((told, self.url("access", kind=kind, number=f"#{one.id}")))

    def _tell(self, page: AccessPage, module: Any, record: Any, who: Actor) -> None:
        view = current_app.extensions["views"][module.name]
        page.record, page.record_kind = record.title, module.view.model.__label__
        page.record_url, page.keys = view.url("show", pk=record.id), insight.keys_to(module)
        page.seers, page.reach = insight.seers(self.session, module, record, who), record.reach
        page.doors = insight.doors_to(module)
        page.looks = insight.looks(self.session, module, record)
