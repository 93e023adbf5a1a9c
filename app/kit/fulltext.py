"""Records found by any words of theirs, two Chinese characters or more, whatever the length and number of the texts.

A `Searched` record has a row of ``full_text``: its words, and every pair of characters that stand side by side in them.
The pairs are looked up – by an inverted index on PostgreSQL, by ``full_text_pair`` on SQLite – and only texts that have
all of them are read, to see whether they stand one after the other.

    declare   the base `Searched`, and ``search_in``: its fields, the shortest first
    ask       `Anywhere` and `Within` among the conditions of a view
    show      `excerpts`: where the words stand, for the rows of a page
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

from flask_appbuilder import Model
from flask_babel import lazy_gettext as _
from markupsafe import Markup, escape
from sqlalchemy import (
    ColumnElement,
    Connection,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
    and_,
    bindparam,
    case,
    delete,
    func,
    insert,
    inspect,
    literal_column,
    select,
    true,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.kit import columns
from app.kit.database import db
from app.kit.query import Condition
from app.kit.record import Row
from app.kit.scope import Actor, Scoped

#: characters of which pairs are made; what stands between them parts them
_LETTERS = re.compile(r"[^\W_]+")
_HALF = {code + 0xFEE0: chr(code) for code in range(ord("0"), ord("z") + 1) if chr(code).isalnum()} | {
    0x3000: " "
}
#: words of one question, and characters of it
MOST_WORDS, MOST_ASKED = 8, 100
#: of an excerpt: characters before the words, and altogether
LEAD, LENGTH = 24, 120


class FullText(Scoped, Model):
    """What one record is found by."""

    __tablename__ = "full_text"
    __table_args__ = (UniqueConstraint("source", "record_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(String(40))
    record_id: Mapped[int] = mapped_column(Integer)
    content: Mapped[str] = mapped_column(Text)
    #: each once, with a blank between two
    pairs: Mapped[str] = mapped_column(Text)

    @classmethod
    def scope(cls, who: Actor) -> ColumnElement[bool]:
        """A pointer; the record that it points at has a scope of its own."""
        return true()

    def in_scope(self, who: Actor) -> bool:
        """As its record."""
        return True


class FullTextPair(Scoped, Model):
    """One pair of one record, where the database has no index over the parts of a text."""

    __tablename__ = "full_text_pair"
    __table_args__ = (
        Index("ix_full_text_pair_record", "record_id", "source"),
        {"sqlite_with_rowid": False},
    )

    pair: Mapped[str] = mapped_column(String(2), primary_key=True)
    source: Mapped[str] = mapped_column(String(40), primary_key=True)
    record_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)

    @classmethod
    def scope(cls, who: Actor) -> ColumnElement[bool]:
        """As `FullText`."""
        return true()

    def in_scope(self, who: Actor) -> bool:
        """As its record."""
        return True


# --- words ------------------------------------------------------------------------------------------------------


def plain(text: str) -> str:
    """A text as it is compared: half-width letters and digits, small ones."""
    return text.translate(_HALF).lower()


def pairs(text: str) -> list[str]:
    """Every two letters, digits or Chinese characters that stand side by side, each once, in order."""
    runs = _LETTERS.findall(plain(text))
    return list(dict.fromkeys(a + b for run in runs for a, b in pairwise(run)))


def words_of(typed: str) -> list[str]:
    """The words of a question, each to be found as it stands."""
    return plain(typed[:MOST_ASKED]).split()[:MOST_WORDS]


# --- asking -----------------------------------------------------------------------------------------------------


def holding(model: Any, typed: str) -> ColumnElement[bool]:
    """The records in which all the words of a question stand. Each has two letters side by side at least."""
    words, source = words_of(typed), model.resource()
    wanted = list(dict.fromkeys(pair for word in words for pair in pairs(word)))
    found = select(FullText.record_id).where(FullText.source == source, *_having(source, wanted))
    longer = [word for word in words if len(word) > 2]
    found = found.where(*(FullText.content.contains(word, autoescape=True) for word in longer))
    within: ColumnElement[bool] = model.id.in_(found)
    return within


def _having(source: str, wanted: Sequence[str]) -> list[ColumnElement[bool]]:
    if _on_postgresql():
        # written into the statement: PostgreSQL plans for these very pairs, not for average ones
        literal = bindparam("pairs", " ".join(wanted), Text, unique=True, literal_execute=True)
        there = func.text_pairs(FullText.pairs)  # a function of the migration's own, that says what it costs
        return [there.op("@>")(func.string_to_array(literal, literal_column("' '")))]
    having = [
        select(FullTextPair.record_id).where(FullTextPair.pair == pair, FullTextPair.source == source)
        for pair in wanted[:MOST_WORDS]
    ]
    return [FullText.record_id.in_(one) for one in having]


def _on_postgresql() -> bool:
    return bool(db.session.get_bind().dialect.name == "postgresql")


@dataclass
class _Words(Condition):
    """Words that stand anywhere in a record, or in the condition's own column alone."""

    is_whole: bool = True

    @property
    def is_dear(self) -> bool:
        """Words that stand in every text are counted text by text."""
        return True

    def _one(self, raw: Any) -> tuple[list[ColumnElement[bool]], list[Any], list[Any]]:
        text = columns.clean(raw)[:MOST_ASKED]
        told = [f"{self.label}：{text}"]
        inside = [self.column.contains(word, autoescape=True) for word in text.split()[:MOST_WORDS]]
        if all(pairs(word) for word in words_of(text)):
            return [holding(self.column.class_, text), *([] if self.is_whole else inside)], [], told
        if self.is_whole:
            raise columns.Wrong(_("每个词请至少输入两个字"))
        return [and_(*inside)], [], told


@dataclass(frozen=True)
class Anywhere:
    """A condition over all that a record is searched in."""

    name: str
    label: Any

    def condition(self, model: type[Searched]) -> Condition:
        """As the query panel reads it."""
        return _Words(
            self.name, columns.TextField(self.label, MOST_ASKED), getattr(model, model.search_in[0])
        )


@dataclass(frozen=True)
class Within:
    """A condition over one of the fields that a record is searched in: of one letter, every row is looked at."""

    name: str

    def condition(self, model: type[Searched]) -> Condition:
        """As the query panel reads it."""
        return _Words(self.name, model.fields()[self.name], getattr(model, self.name), is_whole=False)


def excerpts(session: Session, model: Any, ids: Sequence[int], typed: str) -> dict[int, Markup]:
    """Record → where the words of a question stand beyond its title, marked. One statement."""
    words = words_of(typed)
    if not words or not ids:
        return {}
    position = func.strpos if _on_postgresql() else func.instr
    rest = func.substr(FullText.content, position(FullText.content, "\n") + 1)
    at = position(rest, words[0])
    piece = func.substr(rest, case((at > LEAD, at - LEAD), else_=1), LENGTH)
    mine = select(FullText.record_id, at, piece).where(
        FullText.source == model.resource(), FullText.record_id.in_(ids), at > 0
    )
    return {
        pk: marked(("…" if begins > LEAD else "") + " ".join(words_there.split()), typed)
        for pk, begins, words_there in session.execute(mine)
    }


def marked(text: str, typed: str) -> Markup:
    """A text with the words of a question marked in it."""
    words = sorted(words_of(typed), key=len, reverse=True)
    if not words:
        return escape(text)
    found = re.split(f"({'|'.join(map(re.escape, words))})", text, flags=re.IGNORECASE)
    return Markup("").join(
        Markup("<mark>{}</mark>").format(part) if number % 2 else escape(part)
        for number, part in enumerate(found)
    )


# --- keeping ----------------------------------------------------------------------------------------------------


class Searched(Row):
    """A record that is found by its words."""

    search_in: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def follow_up(cls, session: Session, before: Mapping[str, Any], now: Any, actor: Actor) -> None:
        """What a record is found by follows it, in the transaction of the change."""
        super().follow_up(session, before, now, actor)
        fields = cls.fields()
        kept = fields if now is not None and before else {}
        if kept and all(before.get(name) == kept[name].json(getattr(now, name)) for name in cls.search_in):
            return
        connection = session.connection(bind_arguments={"mapper": inspect(FullText)})
        _forget(connection, cls.resource(), before["id"] if before else now.id)
        if now is not None:
            text = "\n".join(filter(None, (fields[name].text(getattr(now, name)) for name in cls.search_in)))
            _keep(connection, cls.resource(), now.id, text)


def _forget(connection: Connection, source: str, pk: int) -> None:
    for table in (FullText, FullTextPair):
        connection.execute(delete(table).where(table.source == source, table.record_id == pk))


def _keep(connection: Connection, source: str, pk: int, text: str) -> None:
    found, about = pairs(text), {"source": source, "record_id": pk}
    connection.execute(insert(FullText), about | {"content": plain(text), "pairs": " ".join(found)})
    if found and connection.dialect.name != "postgresql":
        connection.execute(insert(FullTextPair), [about | {"pair": pair} for pair in found])
