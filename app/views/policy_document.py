"""政策文件管理: five kinds of documents, each with a list of its own, and one query over all of them."""

from __future__ import annotations

from functools import partial
from typing import Any

from flask import request
from flask_babel import lazy_gettext as _

from app.kit import scope
from app.kit.declaration import Shelf
from app.kit.errors import Forbidden
from app.kit.forms import Typed
from app.kit.module import Entry
from app.kit.pages import Action, FormPage, ListPage, Row, SheetPage
from app.kit.question import Question
from app.kit.scope import Actor
from app.models.document import DOCUMENTS
from app.models.policy_document import LOCAL_LAW, PolicyDocument, why_not_written
from app.views.document import TITLE, WORDS, DocumentView

#: the kinds of CT-38 in the order of the menu
KINDS = {
    "national_law": _("国家政策法规"),
    LOCAL_LAW: _("地方政策法规"),
    "acftu": _("全国总工会文件"),
    "provincial_union": _("省(区、市)总工会文件"),
    "other_local_union": _("其他地方工会文件"),
}
QUERY = "query"


def is_of(category: str) -> Any:
    """The documents of a kind."""
    return PolicyDocument.category == category


def kind_of(name: str) -> Shelf:
    """The list of one kind; where it holds is asked of laws for one place alone."""
    return Shelf(
        name,
        KINDS[name],
        partial(is_of, name),
        begins={"category": name},
        without=("category",) if name == LOCAL_LAW else ("category", "region"),
    )


class PolicyDocumentView(DocumentView):
    """Documents for all who hold the right; which unit writes which kind is said in the model (3.15)."""

    model = PolicyDocument
    right = DOCUMENTS
    list_title = _("政策文件")
    columns = ("published_on", "title", "document_no", "issuing_body")
    facts = ("document_no", "issuing_body", "published_on", "keywords", "region")
    sheet = (
        (
            _("文件信息"),
            ("title", "category", "issuing_body", "document_no", "published_on", "keywords", "region"),
        ),
        (_("正文"), ("body",)),
    )
    conditions = ("published_on", TITLE, WORDS, "issuing_body")
    shelves = (
        *(kind_of(name) for name in KINDS),
        Shelf(
            QUERY,
            _("政策文件查询"),
            columns=("published_on", "title", "category", "issuing_body"),
            conditions=("category", "published_on", TITLE, WORDS, "issuing_body"),
            steps=(),
            can_delete=True,
        ),
    )
    measure_word = _("件")
    add_label, delete_label = _("增加新的政策法规信息"), _("删除选中的政策法规信息")
    empty_words = _("还没有这一类文件。")

    def begins(self, actor: Actor) -> Typed:
        """Today, issued by the unit itself."""
        return super().begins(actor) | {"issuing_body": actor.unit_name}

    def new(self) -> PolicyDocument:
        """Raises Forbidden where the unit writes no documents of the list's kind."""
        if (why := why_not_written(request.args.get("shelf"), scope.actor())) is not None:
            raise Forbidden(why)
        return PolicyDocument()

    def dress_list(self, page: ListPage, asked: Question) -> None:
        """The button to add one is grey where others write."""
        super().dress_list(page, asked)
        for action in page.toolbar:
            if action.name == "add" and asked.shelf:
                action.refusal = why_not_written(asked.shelf.name, asked.actor)

    def dress_row(self, row: Row, record: Any, actor: Actor) -> None:
        """Its pages are those of its kind's line in the menu."""
        row.url = self.landing(record)
        _keep_kind(row.actions, record)

    def dress_sheet(self, page: SheetPage, record: Any, actor: Actor) -> None:
        """As its row."""
        super().dress_sheet(page, record, actor)
        _keep_kind(page.actions, record)

    def landing(self, record: Any) -> str:
        """As in its row."""
        return self.url("show", pk=record.id) + f"?shelf={record.category}"

    def dress(self, page: FormPage, record: Any, typed: Typed) -> None:
        """The kinds that the unit writes."""
        for one in (field for section in page.sections for field in section.fields):
            if one.name == "category":
                one.options = [o for o in one.options if why_not_written(o.value, scope.actor()) is None]


def _keep_kind(actions: list[Action], record: Any) -> None:
    for action in actions:
        if action.name == "edit":
            action.url += f"?shelf={record.category}"


MENU = (
    *(Entry(label, "list", (("shelf", name),)) for name, label in KINDS.items()),
    Entry(_("政策文件查询"), "list", (("shelf", QUERY), ("panel", "all"))),
)
