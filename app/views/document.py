"""What the pages of policy documents, briefings and notices have in common."""

from __future__ import annotations

from typing import Any

from flask import request
from flask_appbuilder.baseviews import expose
from flask_babel import lazy_gettext as _
from markupsafe import Markup

from app.kit import attachments, fulltext, richtext, scope
from app.kit.access import needs
from app.kit.errors import Forbidden
from app.kit.exporting import rows_of
from app.kit.forms import Typed
from app.kit.listing import Order
from app.kit.pages import Action, ListPage, Row, SheetPage
from app.kit.papers import PrintPage
from app.kit.question import Question
from app.kit.scope import Actor
from app.kit.view import RecordView
from app.models.document import DOCUMENTS, NOT_A_PUBLISHER, Document, publishes

#: what a reader asks by any words of a document, as the address says it
WORDS = fulltext.Anywhere("words", _("关键字/内容"))
TITLE = fulltext.Within("title")
#: the list for readers, which offers nothing but to read
READING = "read"
#: what only who publishes does
KEPT = frozenset({"edit", "delete"})


class DocumentView(RecordView):
    """Read, print and save as Word, found by any words; the unit's name stands with the document."""

    has_attachments = True
    attachment_kind = "other"
    order = Order("published_on")
    #: the facts above the text on paper
    facts: tuple[str, ...] = ()

    def __init__(self) -> None:
        super().__init__()
        self.is_owned = False  # whose it is, is no matter of who sees it: no unit is chosen

    def begins(self, actor: Actor) -> Typed:
        """Today."""
        return {"published_on": f"{actor.at:%Y-%m-%d}"}

    def dress_list(self, page: ListPage, asked: Question) -> None:
        """The title takes the room that there is, and under it stand the words that were asked for."""
        for number, column in enumerate(page.columns):
            column.elastic = column.name == "title"
            column.look = "kit-elastic kit-broad" if column.elastic else f"kit-{column.align}"
            if column.elastic:
                self._mark(page, number, "" if asked.asked.problems else asked.args.get(WORDS.name, ""))

    def _mark(self, page: ListPage, place: int, typed: str) -> None:
        if not typed.strip():
            return
        found = fulltext.excerpts(self.session, self.model, [row.id for row in page.rows], typed)
        for row in page.rows:
            cell = row.cells[place]
            cell.text = fulltext.marked(str(cell.text), typed)
            if row.id in found:
                cell.text += Markup('<div class="kit-excerpt">{}</div>').format(found[row.id])

    def dress_sheet(self, page: SheetPage, record: Any, actor: Actor) -> None:
        """Who wrote it."""
        page.subtitle = record.owner_unit_name
        page.footer.insert(0, (_("录入人"), f"{record.owner_unit_name} {record.entered_by}"))

    def more_json(self, record: Any, actor: Actor) -> dict[str, Any]:
        """Whose it is."""
        return {"owner_unit_id": record.owner_unit_id}

    def paper(self, record: Document) -> PrintPage:
        """The document as one reads it: title, facts, text, and what is attached."""
        fields = type(record).fields()
        page = PrintPage(record.title)
        told = [(fields[name].label, record.text(name), False) for name in self.facts]
        page.form = rows_of([fact for fact in told if fact[1]], 2)
        body = fields["body"]
        page.texts = [(body.label, richtext.clean(record.body or ""))]  # type: ignore[attr-defined]
        files = attachments.of(self.session, self.resource, record.id)
        if files:
            names = "；".join(f"{number}. {file.filename}" for number, file in enumerate(files, 1))
            page.foot = [(_("附件"), names)]
        return page


class BulletinView(DocumentView):
    """Kept by those who publish (AID-R196), read by everybody: no right is asked for (AID Q40)."""

    right = None

    @classmethod
    def grants(cls) -> set[tuple[str, str]]:
        """Everybody reads."""
        return {("can_read", cls.model.resource())}

    @classmethod
    def more_grants(cls) -> dict[str, set[tuple[str, str]]]:
        """Who holds 政策文件 may write, if he is one of those who publish."""
        return {DOCUMENTS: {("can_write", cls.model.resource())}}

    def closed(self, actor: Actor, permission: str, *, over_rest: bool = False) -> Any:
        """Written by those who publish alone."""
        return None if permission == "read" or publishes(actor) else NOT_A_PUBLISHER

    def home(self, record: Any = None) -> str:
        """The management, or the list for readers."""
        return self.url("list") if publishes(scope.actor()) else self.url("list", shelf=READING)

    @expose("/list/")
    @needs("read")
    def list(self) -> Any:
        """The management, for those who publish; the list for readers is everybody's."""
        if request.args.get("shelf") != READING and not publishes(scope.actor()):
            raise Forbidden(NOT_A_PUBLISHER)
        return super().list()

    def dress_row(self, row: Row, record: Any, actor: Actor) -> None:
        """A reader sees no icons that are not for him, a publisher none for what others published."""
        row.actions = [one for one in row.actions if one.name not in KEPT or _is_for(actor, one)]

    def dress_list(self, page: ListPage, asked: Question) -> None:
        """Nor buttons."""
        super().dress_list(page, asked)
        if not publishes(asked.actor):
            page.toolbar, page.tickable = [], False

    def dress_sheet(self, page: SheetPage, record: Any, actor: Actor) -> None:
        """Nor there."""
        super().dress_sheet(page, record, actor)
        page.actions = [one for one in page.actions if one.name not in KEPT or _is_for(actor, one)]


def _is_for(actor: Actor, action: Action) -> bool:
    return publishes(actor) and action.refusal is None
