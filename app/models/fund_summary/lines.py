"""Money into a table and out of it: who holds an amount of aid, and what the line says of the worker.

The aid records are held ``FOR UPDATE`` in the order of their ids before anything is judged, as a save of an aid
holds its own: of two that want the same money one waits, and then reads in words who has it (AID-R188, R189).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement, Row, Select, case, delete, func, select, update
from sqlalchemy.orm import Session, selectinload

from app.kit import bulk, codes, history
from app.kit.record import last_change, session_of
from app.kit.scope import Actor, class_of_table, door
from app.models.aid import Aid
from app.models.aid_measure import AidMeasure
from app.models.archive import Archive
from app.models.fund_summary_line import FundSummaryLine

if TYPE_CHECKING:
    from app.models.fund_summary import FundSummary

#: the money of a line is held wherever its aid record is by now: it may have been sent back since
_MONEY = door("the money of a table's own lines")
_WORKERS = door("what a summary table repeats of its workers' files")


@dataclass
class Inserted:
    """What became of the amounts that were asked for: ids of measures with the words why not."""

    lines: int = 0
    total: Decimal = Decimal(0)
    refused: list[tuple[int, Any]] = field(default_factory=list)

    @property
    def words(self) -> Any:
        """插入成功, in figures."""
        return gettext("插入%(n)s名职工，%(total)s元", n=self.lines, total=f"{self.total:,.2f}")


def of_year(year: int) -> ColumnElement[bool]:
    """The aids of a year."""
    return Aid.aid_date.between(date(year, 1, 1), date(year, 12, 31))


def measures_of(category: str) -> list[str]:
    """The measures whose money is summarised under a category: an attribute of CT-19."""
    known = codes.values("aid_measure")
    return [value.code for value in known if value.attributes.get("summary_category") == category]


# --- in -------------------------------------------------------------------------------------------------------


def insert(table: FundSummary, ids: Sequence[int], actor: Actor) -> Inserted:
    """Put amounts into a locked table, set by set. Those that may not go in are told with the reason."""
    session, result = session_of(table), Inserted()
    _hold(session, select(AidMeasure.aid_id).where(AidMeasure.id.in_(ids)))
    found = {row.id: row for row in session.execute(_asked(ids))}
    holders = _holders(session, [row.summarised_line_id for row in found.values() if row.summarised_line_id])
    wanted = []
    for pk in ids:
        why = _why_not(table, found.get(pk), holders)
        if why is None:
            wanted.append(found[pk])
        else:
            result.refused.append((pk, why))
    if not wanted:
        return result
    with _noted(session, {row.aid_id for row in wanted}, actor, _entered(table)):
        _store(session, table, wanted, actor)
    result.lines, result.total = len(wanted), sum((row.amount for row in wanted), Decimal(0))
    count_anew(table)
    return result


def _hold(session: Session, aids: Select[Any], **door_: str) -> None:
    """Lock aid records in the order of their ids."""
    mine = select(Aid.id).where(Aid.id.in_(aids)).order_by(Aid.id).with_for_update(of=Aid)
    session.execute(mine.execution_options(**door_)).all()


def _asked(ids: Iterable[int]) -> Any:
    """The amounts as they now are, with what is judged: only of aids that the actor sees (Q18)."""
    return (
        select(
            AidMeasure.id,
            AidMeasure.aid_id,
            AidMeasure.measure,
            AidMeasure.amount,
            AidMeasure.fund_category,
            AidMeasure.summarised_line_id,
            Aid.archive_id,
            Aid.full_name,
            Aid.is_aided,
            Aid.aid_date,
        )
        .join(Aid, Aid.id == AidMeasure.aid_id)
        .where(AidMeasure.id.in_(list(ids)))
    )


def _why_not(table: FundSummary, row: Row[Any] | None, holders: dict[int, str]) -> Any:
    """Why an amount may not go into a table, in words; None when it may."""
    if row is None:
        return _("没有找到这笔帮扶资金，它可能已被删除，或不在您单位的范围内")
    about = {
        "money": gettext(
            "%(name)s %(date)s %(measure)s%(amount)s元",
            name=row.full_name,
            date=row.aid_date,
            measure=codes.label("aid_measure", row.measure),
            amount=f"{row.amount:,.2f}",
        )
    }
    if row.summarised_line_id is not None:
        where = holders.get(row.summarised_line_id, "")
        return _("「%(money)s」已列入%(where)s，一笔帮扶资金只能进一个汇总表", where=where, **about)
    if not row.is_aided:
        return _("「%(money)s」是未帮扶的记录，不能列入汇总表", **about)
    if row.aid_date.year != table.year:
        return _("「%(money)s」不是%(year)s年的帮扶，不能列入本表", year=table.year, **about)
    if row.measure not in measures_of(table.category):
        category = table.text("category")
        return _("「%(money)s」的帮扶措施不属于%(category)s，不能列入本表", category=category, **about)
    return None


def _holders(session: Session, line_ids: Sequence[int]) -> dict[int, str]:
    """Line → whose table it stands in: unit, year, fund and category, whoever asks."""
    if not line_ids:
        return {}
    tables, units = class_of_table("fund_summary"), class_of_table("unit")
    mine = (
        select(FundSummaryLine.id, units.name, tables)
        .join(tables, tables.id == FundSummaryLine.fund_summary_id)
        .join(units, units.id == tables.owner_unit_id)
        .where(FundSummaryLine.id.in_(line_ids))
    )
    rows = session.execute(mine.execution_options(**door("who has an amount of money already"))).all()
    return {row[0]: gettext("%(unit)s的「%(table)s」汇总表", unit=row[1], table=row[2].title) for row in rows}


def _store(session: Session, table: FundSummary, wanted: Sequence[Row[Any]], actor: Actor) -> None:
    """The lines, and the pointers to them; both or, by the caller's savepoint, none."""
    workers = _workers(session, {row.archive_id for row in wanted})
    ids = list(bulk.reserve(session, FundSummaryLine, len(wanted)))
    stamp = {"created_at": actor.at, "created_by_id": actor.account_id, "version": 1, **last_change(actor)}
    values = [
        {
            "id": pk,
            "fund_summary_id": table.id,
            "measure_line_id": row.id,
            "amount": row.amount,
            "fund_category_before": row.fund_category,
            **workers[row.archive_id],
            **stamp,
        }
        for pk, row in zip(ids, wanted, strict=True)
    ]
    bulk.insert_values(session, FundSummaryLine, values)
    line = (
        select(FundSummaryLine.id).where(FundSummaryLine.measure_line_id == AidMeasure.id).scalar_subquery()
    )
    _point(session, [row.id for row in wanted], line, table.source, actor)


def _point(session: Session, measures: Any, line: Any, fund: Any, actor: Actor) -> None:
    """Say of measures in which line they stand and of which fund they are."""
    changes = {"summarised_line_id": line, "fund_category": fund, "version": AidMeasure.version + 1}
    mine = update(AidMeasure).where(AidMeasure.id.in_(measures)).values(changes | last_change(actor))
    session.execute(mine.execution_options(synchronize_session=False, **_MONEY))


# --- out ------------------------------------------------------------------------------------------------------


def release(table: FundSummary, actor: Actor, *which: ColumnElement[bool]) -> None:
    """Delete lines of a locked table; their money is free again and of the fund that it was of before (AID-R190)."""
    session = session_of(table)
    measures = select(FundSummaryLine.measure_line_id).where(*which)
    aids = select(AidMeasure.aid_id).where(AidMeasure.id.in_(measures))
    _hold(session, aids, **_MONEY)
    held = set(session.scalars(aids.execution_options(**_MONEY)))
    before = (
        select(FundSummaryLine.fund_category_before)
        .where(FundSummaryLine.measure_line_id == AidMeasure.id)
        .scalar_subquery()
    )
    with _noted(session, held, actor, _left(table)):
        _point(session, measures, None, before, actor)
        gone = delete(FundSummaryLine).where(*which)
        session.execute(gone.execution_options(synchronize_session=False, **_MONEY))
    count_anew(table)


def count_anew(table: FundSummary) -> None:
    """职工数 and 帮扶资金总额 are those of the lines (AID-R187)."""
    mine = select(func.count(), func.sum(FundSummaryLine.amount))
    mine = mine.where(FundSummaryLine.fund_summary_id == table.id)
    number, total = session_of(table).execute(mine).one()
    table.line_count, table.total_amount = number, total or Decimal(0)


def _entered(table: FundSummary) -> str:
    return gettext("列入「%(table)s」汇总表", table=table.title)


def _left(table: FundSummary) -> str:
    return gettext("从「%(table)s」汇总表中删除", table=table.title)


@contextmanager
def _noted(session: Session, aids: set[int], actor: Actor, message: str) -> Iterator[None]:
    """Within it measures are summarised or set free; the history of their aid records says so."""
    before = {aid.id: kept for aid, kept in _snapshots(session, aids)}
    yield
    versions = [
        history.line(aid, "edit", actor, message, before[aid.id], history.difference(before[aid.id], now))
        for aid, now in _snapshots(session, aids)
    ]
    bulk.insert_values(session, history.RecordVersion, versions)


def _snapshots(session: Session, aids: set[int]) -> list[tuple[Aid, history.Snapshot]]:
    """The content of aid records as it now stands, by two statements."""
    mine = select(Aid).where(Aid.id.in_(aids)).order_by(Aid.id).options(selectinload(Aid.measures))
    found = session.scalars(mine.execution_options(populate_existing=True, **_MONEY))
    json = history.remembering()
    return [(aid, history.snapshot(aid, json)) for aid in found]


# --- what a line says of its worker ---------------------------------------------------------------------------


def _said() -> dict[str, Any]:
    """Column of a line → what the archive says; the home's address where there is no employer (REC-30 #6)."""
    employer = func.trim(func.coalesce(Archive.employer_name, ""))
    return {
        "full_name": Archive.full_name,
        "gender": Archive.gender,
        "birth_date": Archive.birth_date,
        "id_card_no": Archive.id_card_no,
        "employer_or_address": case((employer == "", Archive.home_address), else_=Archive.employer_name),
        "phone": Archive.phone,
    }


def _workers(session: Session, archives: Iterable[int]) -> dict[int, dict[str, Any]]:
    """Archive → what a line repeats of it; the file may be another unit's (Q07)."""
    said = _said()
    mine = select(Archive.id, *(column.label(f"said_{name}") for name, column in said.items()))
    rows = session.execute(mine.where(Archive.id.in_(archives)).execution_options(**_WORKERS))
    return {row.id: {name: getattr(row, f"said_{name}") for name in said} for row in rows}


def repeat_workers(table: FundSummary) -> None:
    """Take anew what the archives say by now of the workers of a table that is not reported."""
    if not table.line_count:
        return
    session = session_of(table)
    of_line = (AidMeasure.id == FundSummaryLine.measure_line_id, Aid.id == AidMeasure.aid_id)
    mine = (
        update(FundSummaryLine)
        .where(FundSummaryLine.fund_summary_id == table.id, *of_line, Archive.id == Aid.archive_id)
        .values(_said() | {"version": FundSummaryLine.version + 1})
    )
    session.execute(mine.execution_options(synchronize_session=False, **_WORKERS))


# --- reading ----------------------------------------------------------------------------------------------------


def told(*which: ColumnElement[bool]) -> Any:
    """What pages, papers and files say of lines, in the order in which they came: no record is loaded for it."""
    cls = FundSummaryLine
    return (
        select(
            cls.id,
            cls.measure_line_id,
            cls.full_name,
            cls.gender,
            cls.birth_date,
            cls.id_card_no,
            cls.employer_or_address,
            cls.amount,
            cls.phone,
        )
        .where(*which)
        .order_by(cls.id)
    )
