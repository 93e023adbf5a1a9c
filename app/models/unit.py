"""单位: one union organisation in the only tree that there is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    Index,
    Integer,
    String,
    UniqueConstraint,
    delete,
    exists,
    func,
    inspect,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from app.kit import codes, columns, rules, tree
from app.kit.errors import Problem
from app.kit.names import spelled
from app.kit.record import Record, session_of
from app.kit.reminders import Reminder
from app.kit.scope import Actor, door
from app.kit.workflow import Stateful
from app.workflows.moving import Movable
from app.workflows.sorting import Sortable


def is_strict_subordinate(unit: Unit, actor: Actor) -> Any:
    """An administrator edits and deletes the units below his own, never his own (AID-R208)."""
    if actor.everywhere or (unit.path != actor.path and tree.contains(actor.path, unit.path)):
        return None
    return _("「%(unit)s」不是您的下级单位，不能修改或删除；本单位的信息由上级单位管理员维护", unit=unit.name)


def has_no_accounts(unit: Unit, actor: Actor) -> Any:
    """A unit with people stays (AID-R210)."""
    people = _table("assignment")
    under = tree.under(people.c.unit_path, unit.path)
    if session_of(unit).scalar(
        select(exists().where(under)).execution_options(**door("people of a subtree"))
    ):
        return _("「%(unit)s」或其下级单位有人员，不能删除", unit=unit.name)
    return None


def has_no_records(unit: Unit, actor: Actor) -> Any:
    """A unit with business data stays (AID-R210)."""
    owned = [table for table in Unit.metadata.sorted_tables if "owner_path" in table.c]
    owned = [table for table in owned if table not in _parts()]
    some = [exists().where(tree.under(table.c.owner_path, unit.path)) for table in owned]
    look = select(or_(*some)).execution_options(**door("data of a subtree"))
    if session_of(unit).scalar(look):
        return _("「%(unit)s」或其下级单位有业务数据，不能删除", unit=unit.name)
    return None


def parent_is_given(unit: Unit) -> Iterator[Problem]:
    """Every unit but the first hangs below another of the actor's subtree (AID-R207), and stays there."""
    if unit.id is not None:
        if inspect(unit).attrs.parent_id.history.deleted:
            yield Problem("parent_id", _("编辑单位时不能改变上级单位；调整隶属关系请用剪切、粘贴单位"))
    elif unit.parent_id is None:
        if _has_root(session_of(unit)):
            yield Problem("parent_id", _("请选择上级单位"))
    elif unit.superior() is None:
        yield Problem("parent_id", _("没有找到所选的上级单位，或它不在您单位的范围内"))


def level_is_below(unit: Unit) -> Iterator[Problem]:
    """全总 is the root alone, a province hangs below it: these levels carry rights of their own (docs/decisions/0011)."""
    above = unit.superior() if unit.parent_id else None
    if above is not None and (words := unit.misfit(above)):
        yield Problem("level", words)


def tree_is_not_too_deep(unit: Unit) -> Iterator[Problem]:
    """A path has room for so many levels; no union has them."""
    above = unit.superior() if unit.id is None and unit.parent_id else None
    if above is not None and above.depth >= tree.MOST_LEVELS:
        yield Problem("parent_id", _("单位最多%(most)s级，请选择级别更高的单位", most=tree.MOST_LEVELS))


def _has_root(session: Any) -> bool:
    root = (
        select(Unit.id)
        .where(Unit.parent_id.is_(None))
        .limit(1)
        .execution_options(**door("whether there is a root"))
    )
    return session.scalar(root) is not None


def _table(name: str) -> Any:
    return Unit.metadata.tables[name]


def _parts() -> list[Any]:
    """The tables whose rows are parts of a unit, e.g. its aid centre: they hold nothing back and go with it."""
    return [table for table in Unit.metadata.sorted_tables if table.info.get("part_of_unit")]


class Unit(Movable, Sortable, Stateful, Record):
    """A union organisation, an aid centre, or the office that either reports to.

    Source: spec/aid.md REC-03, spec/unified.md §2.
    """

    __tablename__ = "unit"
    __label__ = _("单位")
    reach = _("本单位和全部下级单位")
    __table_args__ = (
        UniqueConstraint("path"),
        UniqueConstraint("unit_no"),
        UniqueConstraint("parent_id", "name", name="uq_unit_parent_name"),
        CheckConstraint("parent_id IS NULL OR parent_id <> id", name="not_its_own_parent"),
        Index("ix_unit_parent", "parent_id", "sort_order"),
    )

    name: Mapped[str] = columns.text(_("单位名称"), 100, required=True, nullable=False)
    unit_no: Mapped[int | None] = columns.count(_("单位编号"), automatic=True)
    parent_id: Mapped[int | None] = columns.reference(_("上级单位"), "unit")
    level: Mapped[str] = columns.code(_("单位级别"), "unit_level", required=True)
    admin_division: Mapped[str | None] = columns.code(_("行政区划"), "admin_division")
    address: Mapped[str | None] = columns.text(_("地址"), 200, required=True, wide=True)
    postcode: Mapped[str | None] = columns.text(_("邮政编码"), 6, required=True, rules=(rules.postcode,))
    area_code: Mapped[str | None] = columns.text(_("区号"), 4, required=True, rules=(rules.area_code,))
    leader_name: Mapped[str | None] = columns.text(_("负责人"), 50, required=True)
    leader_phone: Mapped[str | None] = columns.text(
        _("负责人电话"), 30, required=True, rules=(rules.telephone,)
    )
    office_phone: Mapped[str | None] = columns.text(
        _("办公电话"), 30, required=True, rules=(rules.telephone,)
    )
    fax: Mapped[str | None] = columns.text(_("传真"), 30, rules=(rules.telephone,))
    duty_phone: Mapped[str | None] = columns.text(_("值班电话"), 30, rules=(rules.telephone,))
    email: Mapped[str | None] = columns.text(_("电子邮件"), 100, rules=(rules.email,))
    is_aid_centre: Mapped[bool | None] = columns.yes_no(_("是否帮扶中心"))
    introduction: Mapped[str | None] = columns.long_text(_("中心简介"))
    profile_confirmed_at: Mapped[datetime | None] = columns.moment(_("信息核实时间"))

    path: Mapped[str] = mapped_column(tree.PathType, nullable=False, default="")
    search_key: Mapped[str] = mapped_column(String(600), default="")
    sort_order: Mapped[int] = mapped_column(Integer, default=0)
    created_seq: Mapped[int] = mapped_column(Integer, default=0)

    parent: Mapped[Unit | None] = relationship("Unit", remote_side="Unit.id", foreign_keys=[parent_id])

    known_by = "name"
    edit_guards = (is_strict_subordinate,)
    delete_guards = (is_strict_subordinate,)
    delete_wide_guards = (has_no_accounts, has_no_records)
    rules = (parent_is_given, level_is_below, tree_is_not_too_deep)
    constraint_words = {"uq_unit_parent_name": ("name", _("同一上级单位下已有同名单位"))}

    @validates("name")
    def _index_name(self, _key: str, name: str | None) -> str | None:
        self.search_key = search_key(name or "")
        return name

    @classmethod
    def scope(cls, who: Actor) -> ColumnElement[bool]:
        """The actor's unit and everything below it (AID-R206)."""
        return tree.under(cls.path, who.path)

    def in_scope(self, who: Actor) -> bool:
        """A unit, or the parent of a new one, inside the actor's subtree."""
        above = None if self.path else self.superior()
        return tree.contains(who.path, above.path if above else self.path or "")

    def superior(self) -> Unit | None:
        """The unit above, if the actor sees it."""
        return (
            session_of(self).scalar(select(Unit).where(Unit.id == self.parent_id)) if self.parent_id else None
        )

    @property
    def title(self) -> str:
        """The name."""
        return self.name or ""

    @property
    def depth(self) -> int:
        """The level in the tree; the root is 1."""
        return tree.depth_of(self.path)

    @property
    def full_name(self) -> str:
        """The names from the root down to the unit, joined with ``->`` as the manual prints them."""
        return "->".join(full_names(session_of(self), [self.path])[self.path])

    def settle(self, actor: Actor) -> None:
        """A new unit gets its path, its number and its place: after its sisters."""
        super().settle(actor)
        if self.path:
            return
        parent = self.superior()
        self.path = (parent.path if parent else "") + tree.segment(self.id)
        self.unit_no = self.unit_no or 100_000 + self.id
        self.created_seq = self.id
        self.settle_below(parent)
        session_of(self).flush()  # the path is what everything else is judged by

    def misfit(self, above: Unit) -> Any:
        """全总 is the root alone, a province hangs below it (docs/decisions/0011)."""
        if self.level != "national" and (self.level != "province" or above.level == "national"):
            return None
        return _("「%(parent)s」的下级单位不能是%(level)s级别", parent=above.name, level=self.text("level"))

    def settle_below(self, above: Unit | None) -> None:
        """After the sisters that there are."""
        last = func.coalesce(func.max(Unit.sort_order), 0)
        sisters = select(last).where(Unit.parent_id == (above.id if above else None), Unit.id != self.id)
        self.sort_order = 1 + (session_of(self).scalar(sisters) or 0)

    def remove(self, actor: Actor) -> Any:
        """The unit goes with all its subordinate units (AID-R209), and with what it was told about data long gone."""
        session, below = session_of(self), tree.under(Unit.path, self.path)
        ids = select(Unit.id).where(below)
        told = {"synchronize_session": False} | door("reminders of units that go")
        session.execute(delete(Reminder).where(Reminder.receiver_unit_id.in_(ids)).execution_options(**told))
        session.execute(
            update(Reminder)
            .where(Reminder.sender_unit_id.in_(ids))
            .values(sender_unit_id=None)
            .execution_options(**told)
        )
        for table in _parts():
            gone = delete(table).where(tree.under(table.c.owner_path, self.path))
            session.execute(gone.execution_options(**door("parts of units that go")))
        session.execute(delete(Unit).where(below).execution_options(synchronize_session=False))
        session.expunge(self)


def next_level(level: str) -> str:
    """The level that a unit below one of this level usually has."""
    known = [value.code for value in codes.values("unit_level")]
    below = known[known.index(level) + 1 :] if level in known else []
    below = [code for code in below if code != "sub_provincial_city"]  # the exception, not the rule
    return below[0] if below else level


def search_key(name: str) -> str:
    """What a unit is found by: its name, its pinyin and the initials of that."""
    return spelled(name)[:600]


def full_names(session: Any, paths: list[str]) -> dict[str, list[str]]:
    """Path → the names of the units from the root down to it. One statement, past the scope: names only."""
    wanted = {step for path in paths for step in tree.ancestors(path)}
    rows = session.execute(
        select(Unit.path, Unit.name)
        .where(Unit.path.in_(wanted))
        .execution_options(**door("names of superior units"))
    )
    names = {row.path: row.name for row in rows}
    return {path: [names[step] for step in tree.ancestors(path) if step in names] for path in paths}
