"""谁能看到什么: what a person may open and why, and who sees a record and why.

Nothing is listed here: modules, rights and steps come from the register and what it grants, whose data from the scope of
the record type itself, asked as each unit would ask it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from inspect import getattr_static
from typing import Any

from flask import current_app
from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session, contains_eager

from app.kit import audit, tree
from app.kit.module import Module
from app.kit.scope import SYSTEM, Actor, Child, Owned, door
from app.kit.workflow import StepLog
from app.models.account import Account
from app.models.assignment import Assignment
from app.models.unit import Unit
from app.security import grants
from app.workflows.reporting import Reportable

#: people named of one unit, and looks told of one record
MOST_PEOPLE, MOST_LOOKS = 100, 50
READ = "can_read"
#: the scopes that ask for no more than the asker's unit, and end with the owner and the units above it
_UPWARDS = [getattr_static(kind, "scope") for kind in (Owned, Reportable)]


# --- a person -------------------------------------------------------------------------------------------------


@dataclass
class Opening:
    """A module that is open to somebody: by which rights, to do what, and with whose data."""

    label: Any
    group: Any
    #: names of rights; empty where none is needed
    rights: list[str]
    deeds: list[Any]
    reach: Any
    #: what can be reached in the whole country by a number
    look_ups: list[Any] = field(default_factory=list)


def modules() -> tuple[Module, ...]:
    """The register."""
    found: tuple[Module, ...] = current_app.extensions["modules"]
    return found


def view_of(module: Module) -> Any:
    """The pages of a module's record type; None of one that has none, e.g. 跨区域维权."""
    return current_app.extensions["views"].get(module.name)


def actor_at(account: Account, post: Assignment) -> Actor:
    """The person as he acts at one of his posts."""
    held = frozenset(post.rights)
    unit = post.unit
    return Actor(
        account_id=account.id,
        name=account.full_name,
        unit_id=unit.id,
        unit_name=unit.name,
        path=unit.path,
        level=unit.level,
        rights=held,
        grants=grants.of(held),
    )


def opened(who: Actor) -> list[Opening]:
    """The modules of the register that are open to somebody."""
    found = []
    for module in modules():
        view = view_of(module)
        if view is None:
            labels = "、".join(str(item.label) for item in module.items(who))
            found.append(Opening(labels, module.group, [], [_("查看")], _("人人都能打开，看到的都一样")))
            continue
        deeds = _deeds(module, view, who)
        if not deeds or view.closed(who, "read"):
            continue
        by = [right for right in grants.rights() if right in who.rights and _grants_of(module, right)]
        label, reach = view.list_title or view.model.__label__, view.model.reach
        found.append(Opening(label, module.group, by, deeds, reach, list(_look_ups(view, who))))
    return found


def closed(who: Actor) -> list[tuple[str, list[Any]]]:
    """The rights that somebody does not hold, each with the modules that it would open."""
    missing = []
    for right in grants.rights():
        shut = [
            m.group or view_of(m).list_title
            for m in modules()
            if right == m.right and right not in who.rights
        ]
        if shut:
            missing.append((right, list(dict.fromkeys(map(str, shut)))))
    return missing


def _grants_of(module: Module, right: str) -> set[tuple[str, str]]:
    """What a right opens of a module."""
    own = module.grants() if right == module.right else set()
    return own | module.more_grants().get(right, set())


def _deeds(module: Module, view: Any, who: Actor) -> list[Any]:
    """What may be done in a module, in the words of its buttons."""
    resource, made = module.name, list[Any]()
    if who.may("read", resource):
        made.append(_("查看"))
    if who.may("write", resource) and not view.closed(who, "write"):
        made += [
            words
            for can, words in (
                (view.can_add, _("新增")),
                (view.can_edit, _("修改")),
                (view.can_delete, _("删除")),
            )
            if can
        ]
        made += [_("导入")] if view.can_import else []
    steps = view.steps().values()
    made += [view.step_labels.get(one.name, one.label) for one in steps if who.may(one.name, resource)]
    return list({str(words): words for words in made}.values())


def _look_ups(view: Any, who: Actor) -> Iterator[Any]:
    """The doors past the scope that the module opens."""
    words, _target = view.looks_up
    if words and who.may("write", view.resource):
        yield words
    for step in view.steps().values():
        if step.by_number is not None and who.may(step.name, view.resource):
            label = view.model.fields()[view.model.known_by].label
            yield _("%(step)s：按%(label)s，全国范围", step=step.label, label=label)


# --- a record -------------------------------------------------------------------------------------------------


@dataclass
class Seer:
    """A unit on the way from the owner up: whether it sees the record, why, and who of it may."""

    unit: Unit
    sees: bool
    why: Any
    #: whether its people are named to who asks
    is_named: bool
    people: list[Account] = field(default_factory=list)
    more: int = 0


@dataclass
class Look:
    """Somebody has looked at the record, printed it or taken it away."""

    at: str
    what: Any
    unit: str
    #: empty for people of other units
    name: str


def can_be_asked(module: Module, who: Actor) -> bool:
    """Whether records of a module can be asked about: they belong to units, and the asker may see them himself."""
    view = view_of(module)
    return view is not None and hasattr(view.model, "owner_path") and who.may("read", module.name)


def keys_to(module: Module) -> list[str]:
    """The rights by which the records of a module are read."""
    return [right for right in grants.rights() if (READ, module.name) in _grants_of(module, right)]


def is_seen_upwards(model: Any) -> bool:
    """Whether the owner and the units above it are all that can see a record, and each of their people alike."""
    scope = getattr_static(model, "scope")
    if scope is getattr_static(Child, "scope"):
        return is_seen_upwards(model.parent_class())
    return scope in _UPWARDS


def seers(session: Session, module: Module, record: Any, who: Actor) -> list[Seer]:
    """The units from the owner up to the root, each asked through the very scope that its people have.

    Empty where others see it too, or not all of them: the answer would be a wrong one, and ``reach`` gives it in words.
    """
    if not is_seen_upwards(type(record)):
        return []
    paths = tree.ancestors(record.owner_path)
    chain = select(Unit).where(Unit.path.in_(paths)).order_by(Unit.path.desc())
    units = session.scalars(chain.execution_options(**door("names of superior units"))).all()
    found = []
    for unit in units:
        sees = _sees(session, module, record, unit)
        seer = Seer(unit, sees, _why(record, unit, sees=sees), who.sees_unit(unit.path))
        if sees and seer.is_named:
            seer.people, seer.more = _people(session, module, unit)
        found.append(seer)
    return found


def _sees(session: Session, module: Module, record: Any, unit: Unit) -> bool:
    """Whether somebody of a unit with every right finds the record."""
    model: Any = module.view.model
    anybody = replace(
        SYSTEM,
        account_id=0,
        unit_id=unit.id,
        unit_name=unit.name,
        path=unit.path,
        level=unit.level,
        rights=frozenset(grants.rights()),
        grants=grants.of(frozenset(grants.rights())),
        everywhere=False,
    )
    seen: ColumnElement[bool] = model.scope(anybody)
    mine = select(model.id).where(model.id == record.id, seen)
    return session.scalar(mine.execution_options(**door("who sees a record"))) is not None


def _why(record: Any, unit: Unit, *, sees: bool) -> Any:
    """The reason in words."""
    holder = getattr(record, "holder_depth", None)
    if unit.path == record.owner_path:
        return _("所属单位")
    if not sees:
        return _("还没有上报到这一级，看不到") if holder is not None else _("不对上级开放，看不到")
    if holder is None:
        return type(record).reach
    if unit.depth == holder:
        return _("已上报到这一级")
    return _("已由这一级上报")


def _people(session: Session, module: Module, unit: Unit) -> tuple[list[Account], int]:
    """People who may read the module by their post at a unit, and how many of them are not named."""
    here = select(Assignment).join(Assignment.account).options(contains_eager(Assignment.account))
    here = here.where(Assignment.unit_id == unit.id, Account.is_active.is_(True))
    order = (Assignment.display_layer, Assignment.sort_order, Account.id)
    posts = session.scalars(here.order_by(*order)).all()
    found = [post.account for post in posts if actor_at(post.account, post).may("read", module.name)]
    return found[:MOST_PEOPLE], max(len(found) - MOST_PEOPLE, 0)


def looks(session: Session, module: Module, record: Any) -> list[Look]:
    """Who has looked at it, printed it or taken it away lately; people of other units are not named."""
    mine = select(StepLog).where(
        StepLog.record_type == module.name,
        StepLog.record_id == record.id,
        StepLog.step.in_(audit.LOOKS),
    )
    logs = session.scalars(mine.order_by(StepLog.id.desc()).limit(MOST_LOOKS)).all()
    ids = {log.from_unit_id for log in logs if log.from_unit_id}
    named = select(Unit.id, Unit.name).where(Unit.id.in_(ids))
    near = {row.id for row in session.execute(named)}
    names = {row.id: row.name for row in session.execute(named.execution_options(**door("names of units")))}
    return [
        Look(
            log.at.strftime("%Y-%m-%d %H:%M"),
            audit.LOOKS[log.step],
            names.get(log.from_unit_id or 0, ""),
            log.account_name if log.from_unit_id in near else "",
        )
        for log in logs
    ]


def find(session: Session, module: Module, text: str) -> list[Any]:
    """Records in the asker's scope by what they are known by on paper, else the one by its number in addresses.

    ``#12`` is the latter alone.
    """
    view, model = view_of(module), module.view.model
    asked, number = [], text.removeprefix("#")
    if view.paper_number:
        asked.append(getattr(model, view.paper_number) == text)
    if number.isascii() and number.isdigit() and len(number) < 10:
        asked.append(model.id == int(number))
    for clause in asked:
        if found := session.scalars(select(model).where(clause).order_by(model.id).limit(20)).all():
            return list(found)
    return []


def doors_to(module: Module) -> list[Any]:
    """Who else may reach records of a module, wherever in the country: by a number, and each time noted."""
    view, doors = view_of(module), dict[str, list[str]]()
    for other in modules():
        words, target = getattr(view_of(other), "looks_up", ("", ""))
        if words and target == module.name:
            doors.setdefault(str(words), []).append(f"「{other.right}」")
    told = [
        _("持有%(rights)s的人：%(words)s", rights="".join(rights), words=words)
        for words, rights in doors.items()
    ]
    label = view.model.fields()[view.model.known_by].label if view.model.known_by else ""
    told += [
        _(
            "持有「%(right)s」的人办理「%(step)s」时：按%(label)s，全国范围",
            right=step.right or module.right,
            step=step.label,
            label=label,
        )
        for step in view.steps().values()
        if step.by_number is not None
    ]
    return told
