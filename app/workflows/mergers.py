"""The book of merges: what each of them changed, and the way back.

``kept`` of a `Merger` holds what cannot be read from the rows afterwards:

    survivor   its columns and children before, as they stood in the database
    after      its content right after, by which a later change is known
    claims     who held which number
    moved      the attachments and linked records that came from each source, by id

A swallowed record keeps its own row and children untouched; all that marks it is ``merged_into_id``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from flask_appbuilder import Model
from flask_babel import lazy_gettext as _
from sqlalchemy import (
    JSON,
    ColumnElement,
    DateTime,
    Index,
    String,
    delete,
    event,
    func,
    inspect,
    select,
    true,
    update,
)
from sqlalchemy.orm import Mapped, Session, UOWTransaction, mapped_column

from app.kit import history
from app.kit.attachments import Attachment
from app.kit.claims import IdentityClaim
from app.kit.errors import Invalid, NotDeclared, Problem, Refused
from app.kit.record import session_of
from app.kit.scope import Actor, Scoped, class_of_table, door

#: what a later step may move without touching what a merge wrote: where the record stands between the units
ENVELOPE = frozenset(
    {"owner_path", "holder_depth", "returned", "returned_from", "last_reported_at", "last_returned_at"}
)
#: written by every change
STAMPS = frozenset({"version", "updated_at", "updated_by_id", "updated_by_name"})


class Merger(Scoped, Model):
    """One merge: who had which records swallowed by which, and what has to be known to undo it."""

    __tablename__ = "merger"
    __table_args__ = (Index("ix_merger_record", "record_type", "record_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    record_type: Mapped[str] = mapped_column(String(40))
    record_id: Mapped[int] = mapped_column()
    at: Mapped[datetime] = mapped_column(DateTime)
    account_id: Mapped[int | None] = mapped_column()
    account_name: Mapped[str] = mapped_column(String(64))
    unit_id: Mapped[int | None] = mapped_column()
    unit_name: Mapped[str] = mapped_column(String(100))
    source_ids: Mapped[list[int]] = mapped_column(JSON)
    kept: Mapped[dict[str, Any]] = mapped_column(JSON, deferred=True)
    undone_at: Mapped[datetime | None] = mapped_column(DateTime)
    undone_by_name: Mapped[str | None] = mapped_column(String(64))

    @classmethod
    def scope(cls, who: Actor) -> ColumnElement[bool]:
        """Read only by the id of a record that the reader has been shown."""
        return true()

    def in_scope(self, who: Actor) -> bool:
        """As its record."""
        return True


def latest(survivor: Any) -> Merger | None:
    """The last merge into a record that has not been undone."""
    mine = (
        Merger.record_type == survivor.resource(),
        Merger.record_id == survivor.id,
        Merger.undone_at.is_(None),
    )
    return session_of(survivor).scalar(select(Merger).where(*mine).order_by(Merger.id.desc()).limit(1))


def last_of(session: Session, survivors: Sequence[Any]) -> dict[int, int]:
    """Survivor → its last merge that has not been undone, by id."""
    if not survivors:
        return {}
    ids = [survivor.id for survivor in survivors]
    mine = (
        Merger.record_type == survivors[0].resource(),
        Merger.record_id.in_(ids),
        Merger.undone_at.is_(None),
    )
    last = select(Merger.record_id, func.max(Merger.id).label("last")).where(*mine)
    return {row.record_id: row.last for row in session.execute(last.group_by(Merger.record_id))}


# --- what follows a merge -----------------------------------------------------------------------------------------


class Link(NamedTuple):
    """Rows that belong to a record by a column: the class says so, once, in ``merge_moves``."""

    cls: Any
    column: Any
    more: tuple[ColumnElement[bool], ...] = ()

    @property
    def lets_go(self) -> bool:
        """Whether the record may be deleted all the same: its files go with it, some links are cut by the database."""
        return bool(self.more) or any(key.ondelete for key in self.column.property.columns[0].foreign_keys)


def links_to(model: Any) -> Iterator[Link]:
    """Everything that follows a merge of this type, its files first.

    A linking class says ``merge_moves = ("archive_id",)``; of rows that may no longer move back it tells in words
    with ``merge_stays(session, ids)``, e.g. 已列入实名制汇总表; with ``merge_moved(session, id)`` it sees to what it
    repeats of the record that its rows hang on now.
    """
    yield Link(Attachment, Attachment.record_id, (Attachment.record_type == model.resource(),))
    for cls in linking():
        for name in cls.merge_moves:
            column = getattr(cls, name)
            targets = {key.column.table.name for key in column.property.columns[0].foreign_keys}
            if not targets:
                raise NotDeclared(f"{cls.__name__}.{name} follows a merge and points at nothing")
            if model.resource() in targets:
                yield Link(cls, column)


def linking() -> list[Any]:
    """The classes that declare ``merge_moves``, in the order of their tables."""
    classes = {mapper.class_ for mapper in Model.registry.mappers if hasattr(mapper.class_, "merge_moves")}
    return sorted(classes, key=lambda cls: str(cls.__tablename__))


def move(session: Session, sources: Sequence[Any], survivor: Any) -> list[dict[str, Any]]:
    """Give the survivor everything that belongs to the sources (AID-R093). Returns what came from where."""
    moved, look = [], door("what belongs to a merged record follows it")
    for link in links_to(type(survivor)):
        for source in sources:
            mine = select(link.cls.id).where(link.column == source.id, *link.more).order_by(link.cls.id)
            if ids := list(session.scalars(mine.with_for_update().execution_options(**look))):
                _point(session, link, ids, source.id, survivor.id)
                moved.append({**_name(link), "source": source.id, "ids": ids})
    _tell(session, moved, [survivor.id])
    return moved


def _tell(session: Session, moved: Iterable[dict[str, Any]], owners: Iterable[int]) -> None:
    """Let the classes whose rows have moved see to what they repeat of their owner: ``merge_moved(session, id)``."""
    tables = {one["table"] for one in moved}
    for cls in linking():
        if cls.__tablename__ in tables and (told := getattr(cls, "merge_moved", None)) is not None:
            for pk in owners:
                told(session, pk)


def move_back(
    session: Session, moved: Iterable[dict[str, Any]], survivor: Any, titles: dict[int, str]
) -> None:
    """Give the sources what came from them. Raises Refused, naming what has gone or may no longer move."""
    links, moved = {tuple(_name(link).values()): link for link in links_to(type(survivor))}, list(moved)
    for one in moved:
        link, ids = links[one["table"], one["column"]], one["ids"]
        stays = getattr(link.cls, "merge_stays", None)
        if stays is not None and (why := stays(session, ids)) is not None:
            raise Refused(why)
        if _point(session, link, ids, survivor.id, one["source"]) != len(ids):
            raise Refused(
                _(
                    "原属于「%(source)s」的%(what)s在合并后已被删除或改动，不能撤销合并",
                    source=titles.get(one["source"], ""),
                    what=getattr(link.cls, "__label__", "") or _("附件"),
                )
            )
    _tell(session, moved, [survivor.id, *dict.fromkeys(one["source"] for one in moved)])


def _name(link: Link) -> dict[str, str]:
    return {"table": link.cls.__tablename__, "column": link.column.key}


def _point(session: Session, link: Link, ids: Sequence[int], now: int, then: int) -> int:
    """Point rows that belong to one record at another. Returns how many there were."""
    mine = update(link.cls).where(link.cls.id.in_(ids), link.column == now, *link.more)
    moved = mine.values({link.column: then}).execution_options(
        synchronize_session=False, **door("what belongs to a merged record follows it")
    )
    return int(session.execute(moved).rowcount)  # type: ignore[attr-defined]


@event.listens_for(Session, "before_flush")
def _keep_off_the_swallowed(session: Session, _context: UOWTransaction, _instances: Any) -> None:
    """Nothing new is linked to a record that has been swallowed, not even while that happens."""
    with session.no_autoflush:
        for row in (*session.new, *session.dirty):
            for name in getattr(type(row), "merge_moves", ()):
                if (pk := getattr(row, name)) and inspect(row).attrs[name].history.added:
                    _refuse_swallowed(session, type(row), name, pk)


def _refuse_swallowed(session: Session, cls: Any, name: str, pk: int) -> None:
    [column] = getattr(cls, name).property.columns
    target = class_of_table(next(iter(column.foreign_keys)).column.table.name)
    mine = select(target.merged_into_id).where(target.id == pk).with_for_update(read=True, key_share=True)
    if session.scalar(mine.execution_options(**door("whether a record has been merged away"))) is not None:
        raise Invalid([Problem(name, _("所选的记录已合并到其他记录，请重新选择"))])


# --- numbers ------------------------------------------------------------------------------------------------------


def _claims_of(records: Sequence[Any]) -> tuple[ColumnElement[bool], ...]:
    ids = [record.id for record in records]
    return IdentityClaim.record_type == records[0].resource(), IdentityClaim.record_id.in_(ids)


def claims_of(session: Session, records: Sequence[Any]) -> list[list[Any]]:
    """Which of these records holds which number in which role."""
    held = select(
        IdentityClaim.within, IdentityClaim.id_key, IdentityClaim.record_id, IdentityClaim.role
    ).where(*_claims_of(records))
    rows = session.execute(held.order_by(IdentityClaim.id).execution_options(**_OWN)).all()
    return [list(row) for row in rows]


_OWN = door("a record's own claims")


def let_go(session: Session, records: Sequence[Any]) -> None:
    """Give every number of these records free."""
    session.flush()
    session.execute(
        delete(IdentityClaim)
        .where(*_claims_of(records))
        .execution_options(synchronize_session="fetch", **_OWN)
    )


def claim_again(session: Session, records: Sequence[Any], held: Sequence[Sequence[Any]]) -> Any:
    """Make the claims of these records exactly those; the row of who has taken one meanwhile, or None."""
    let_go(session, records)
    keys = [key for _within, key, _record_id, _role in held]
    registries = {within for within, _key, _record_id, _role in held}
    taken = select(IdentityClaim).where(IdentityClaim.id_key.in_(keys), IdentityClaim.within.in_(registries))
    if (other := session.scalar(taken.limit(1).execution_options(**_OWN))) is not None:
        return other
    session.add_all(
        IdentityClaim(
            within=within, id_key=key, record_type=records[0].resource(), record_id=record_id, role=role
        )
        for within, key, record_id, role in held
    )
    session.flush()
    return None


# --- the survivor's own content -----------------------------------------------------------------------------------


def stored(record: Any) -> dict[str, Any]:
    """A record's columns and children as they stand in the database."""
    kept = {
        attribute.key: _tagged(getattr(record, attribute.key))
        for attribute in inspect(type(record)).column_attrs
    }
    return kept | {name: [stored(child) for child in getattr(record, name)] for name in type(record).children}


def restore(record: Any, kept: dict[str, Any]) -> None:
    """Make a record what it was, but for where it stands between the units and who wrote last.

    A child that had gone comes back under its own number, which nobody else was given.
    """
    _set(record, kept, ENVELOPE | STAMPS | {"id"})
    for name, cls in type(record).child_classes().items():
        there = {child.id: child for child in getattr(record, name)}
        rows = []
        for line in kept[name]:
            child = there.get(line["id"])
            if child is None:
                child = cls()
                _set(child, line, frozenset({"version"}))
            else:
                _set(child, line, STAMPS | {"id"})
            rows.append(child)
        setattr(record, name, rows)


def _set(row: Any, kept: dict[str, Any], but: frozenset[str]) -> None:
    for attribute in inspect(type(row)).column_attrs:
        if attribute.key in kept and attribute.key not in but:
            value = _value(kept[attribute.key])
            if getattr(row, attribute.key) != value:
                setattr(row, attribute.key, value)


def _tagged(value: Any) -> Any:
    """A stored value as JSON that says what it was."""
    if isinstance(value, datetime):
        return {"moment": value.isoformat()}
    if isinstance(value, date):
        return {"day": value.isoformat()}
    return {"number": str(value)} if isinstance(value, Decimal) else value


def _value(kept: Any) -> Any:
    match kept:
        case {"moment": text}:
            return datetime.fromisoformat(text)
        case {"day": text}:
            return date.fromisoformat(text)
        case {"number": text}:
            return Decimal(text)
    return kept


def changes_since(record: Any, after: history.Snapshot, but: frozenset[str]) -> list[list[Any]]:
    """What of the record's content has changed since a merge; being reported or returned is no change of content."""
    changed = history.difference(after, history.snapshot(record))
    return [line for line in changed if line[0] not in ENVELOPE | but]
