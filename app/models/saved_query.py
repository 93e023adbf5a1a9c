"""常用查询: a question to a list that a person has named, for himself or for his unit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlencode

from flask import current_app
from flask_babel import lazy_gettext as _
from sqlalchemy import (
    ColumnElement,
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
    and_,
    false,
    func,
    inspect,
    select,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.kit import columns, scope
from app.kit.errors import Problem
from app.kit.preferences import KeyField, listed
from app.kit.question import Question
from app.kit.record import Record, session_of
from app.kit.scope import Actor
from app.kit.workflow import Stateful
from app.models.assignment import ADMINISTRATION

#: queries that one person keeps of one list
MOST_KEPT = 50


def is_ones_own_or_of_ones_unit(query: SavedQuery, actor: Actor) -> Any:
    """A query that was shared is changed by its author, or by the administrator of the unit."""
    is_administrator = query.unit_id == actor.unit_id and ADMINISTRATION in actor.rights
    if query.account_id == actor.account_id or is_administrator:
        return None
    return _(
        "「%(query)s」由%(author)s共享，只有本人或本单位的用户管理员可以修改、删除；您可以另存一份自己的",
        query=query.name,
        author=query.author_name,
    )


def list_is_readable(query: SavedQuery) -> Iterator[Problem]:
    """A list that there is and that the author may read."""
    if query.list_key and listed(query.list_key, scope.actor()) is None:
        yield Problem("list_key", _("没有「%(key)s」这个列表，或您没有它的权限", key=query.list_key))


def question_is_understood(query: SavedQuery) -> Iterator[Problem]:
    """Every part of a new question is one that the list understands; an old one may have aged."""
    asked = query.asked()
    if asked is None or not inspect(query).attrs.question.history.has_changes():
        return
    known = {*asked.inputs, "state", "unit", "sub", "order"}
    if strange := next((name for name in query.arguments if name not in known), ""):
        yield Problem("question", _("这个列表没有「%(name)s」这个查询条件", name=strange[:40]))
    for problem in asked.asked.problems:
        yield Problem("question", problem.words)


def not_too_many(query: SavedQuery) -> Iterator[Problem]:
    """Fifty of one list are more than a menu holds already."""
    mine = select(func.count(SavedQuery.id)).where(
        SavedQuery.account_id == query.account_id,
        SavedQuery.list_key == query.list_key,
        SavedQuery.id != (query.id or 0),
    )
    if query.list_key and (session_of(query).scalar(mine) or 0) >= MOST_KEPT:
        yield Problem("name", _("每个列表最多保存%(most)s个常用查询，请先删除不用的", most=MOST_KEPT))


class QuestionField(columns.TextField):
    """The arguments of a list's address: ``gender=female&state=pending``."""

    kind = "long_text"

    def parse(self, raw: Any) -> Any:
        return (super().parse(raw) or "").removeprefix("?") or None


class SavedQuery(Stateful, Record):
    """One question with a name. To open it is to open the list at an address.

    Seen by its author, and when shared by every person of his unit who may read the records.
    """

    __tablename__ = "saved_query"
    __label__ = _("常用查询")
    __table_args__ = (
        UniqueConstraint("account_id", "list_key", "name", name="uq_saved_query_account_list_name"),
        Index("ix_saved_query_unit", "unit_id", "list_key", "is_shared"),
    )
    echoed = frozenset({"url", "list_title"})

    account_id: Mapped[int | None] = mapped_column(
        ForeignKey("ab_user.id", ondelete="CASCADE"), info={"system": True}, nullable=False
    )
    unit_id: Mapped[int | None] = mapped_column(
        ForeignKey("unit.id", ondelete="SET NULL"), info={"system": True}
    )
    name: Mapped[str] = columns.text(_("名称"), 50, required=True)
    list_key: Mapped[str] = columns.column(KeyField(_("列表"), 80, required=True), String(80))
    record_type: Mapped[str] = mapped_column(String(40), nullable=False)
    question: Mapped[str | None] = columns.column(QuestionField(_("查询条件"), 2000, wide=True), Text)
    is_shared: Mapped[bool] = columns.yes_no(
        _("本单位共享"),
        default=False,
        nullable=False,
        hint=_("共享后，本单位有权查看这类记录的人员都能使用"),
    )
    author_name: Mapped[str | None] = columns.text(_("保存人"), 64, automatic=True)

    rules = (list_is_readable, question_is_understood, not_too_many)
    edit_guards = (is_ones_own_or_of_ones_unit,)
    delete_guards = (is_ones_own_or_of_ones_unit,)
    constraint_words = {
        "uq_saved_query_account_list_name": (
            "name",
            _("您在这个列表已有同名的常用查询，请换一个名称，或先删除原来的"),
        ),
    }

    reach = _("本人的，和本单位共用的")

    @classmethod
    def scope(cls, who: Actor) -> ColumnElement[bool]:
        """One's own, and those shared in one's unit, of records that one may read."""
        readable = [resource for permission, resource in who.grants if permission == "can_read"]
        if not who.account_id or not readable:
            return false()
        shared = and_(cls.is_shared.is_(True), cls.unit_id == who.unit_id)
        return and_(cls.record_type.in_(readable), (cls.account_id == who.account_id) | shared)

    def in_scope(self, who: Actor) -> bool:
        """Written by its author, or by the administrator of his unit: the guards tell which."""
        return self.account_id == who.account_id or self.unit_id == who.unit_id

    @property
    def title(self) -> str:
        """Its name."""
        return self.name or ""

    def derive(self, actor: Actor) -> None:
        """Whose it is, and of which records."""
        super().derive(actor)
        if self.account_id is None:
            self.account_id, self.unit_id, self.author_name = actor.account_id, actor.unit_id, actor.name
        self.is_shared = bool(self.is_shared)
        self.record_type = (self.list_key or "").partition(":")[0][:40]

    @property
    def arguments(self) -> dict[str, str]:
        """What is asked: the arguments of the list's address."""
        return dict(parse_qsl(self.question or ""))

    def asked(self) -> Question | None:
        """The question as its list reads it; None when the list has gone or is closed."""
        found = listed(self.list_key or "", scope.actor())
        if found is None:
            return None
        view, shelf = found
        return Question(view, scope.actor(), self.arguments | ({"shelf": shelf.name} if shelf else {}))

    @property
    def url(self) -> str:
        """The list with this question."""
        resource, _colon, shelf = self.list_key.partition(":")
        view = current_app.extensions["views"].get(resource)
        arguments = ({"shelf": shelf} if shelf else {}) | self.arguments
        return f"{view.url('list')}?{urlencode(arguments)}" if view else ""
