"""Who is asking: account, unit and rights of one request, read by one statement."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from flask import current_app, g
from flask_appbuilder.security.sqla.models import Role
from flask_login import AnonymousUserMixin, UserMixin
from sqlalchemy import Row, Select, bindparam, select
from sqlalchemy.orm import Session

from app.kit import clock, codes, jobs, preferences, scope
from app.kit.database import db
from app.kit.scope import Actor
from app.models.account import Account
from app.models.assignment import Assignment, assignment_role
from app.models.unit import Unit
from app.security import factors, grants, policy

#: the pages of a first login: the unit's data (AID-R005), one's own (R006), the password, the device, the unit's form (R011)
UNIT_FIRST, PERSON_FIRST, PROFILE_FIRST = "/first/unit", "/first/person", "/first/profile"
PASSWORD_FIRST, DEVICE_FIRST = "/password/", "/safety/device"
#: two numbers that a database can hold
_KEY = re.compile(r"[0-9]{1,9}\.[0-9]{1,9}")


@dataclass(frozen=True, eq=False)
class Visitor(UserMixin):
    """The person of this request: plain facts, nothing that could expire or be written."""

    actor: Actor
    login_name: str
    session_version: int
    must_change: bool
    is_first_login: bool
    #: the second factor that the session must have shown: ``totp``, ``certificate`` or none
    factor: str = ""
    #: whether the account may not be without one
    is_factor_due: bool = False
    #: the page that has to be seen to first; nothing else is open until then (AID-R005, R006, R011)
    detour: str = ""

    @property
    def id(self) -> int | None:
        """The account's id, as FAB asks for it."""
        return self.actor.account_id

    def get_id(self) -> str:
        """What cookie and token carry: the account and the version of its sessions."""
        return f"{self.id}.{self.session_version}"


def load(key: str, assignment_id: Any = None, session: Session | None = None) -> Visitor | None:
    """Account, assignment in force, unit, rights and the stamp of the code tables, by one statement.

    ``key`` is what `Visitor.get_id` gave; a key of an earlier session version is dead.
    """
    if not _KEY.fullmatch(key):
        return None
    pk, _dot, version = key.partition(".")
    rows = (session or db.session).execute(_who_is(), {"pk": int(pk)}).all()
    if not rows or not rows[0].active or str(rows[0].session_version or 1) != version:
        return None
    codes.refresh(rows[0].stamp)
    return _visitor(int(pk), rows, assignment_id)


def actor_of(session: Session, account_id: int | None, unit_id: int | None) -> Actor | None:
    """Whom a job works for, with the rights of this moment; None when the account may not log in there any more."""
    there = (Assignment.account_id == Account.id) & (Assignment.unit_id == unit_id)
    asked = select(Account.session_version, Assignment.id).outerjoin(Assignment, there)
    asked = asked.where(Account.id == account_id).execution_options(**scope.door("who asked for the job"))
    version, post = session.execute(asked).one_or_none() or (None, None)
    found = load(f"{account_id}.{version or 1}", post, session)
    return found.actor if found and found.actor.unit_id == unit_id else None


@cache
def _who_is() -> Select[Any]:
    """The statement of `load`, built once."""
    return (
        select(
            Account.username,
            Account.first_name,
            Account.__table__.c.active,  # type: ignore[attr-defined]
            Account.session_version,
            Account.must_change_password,
            Account.password_changed_at,
            Account.profile_confirmed_at,
            Account.certificate_required,
            Account.certificate_serial,
            Account.factor_at,
            Account.is_synthetic,
            Assignment.id.label("assignment_id"),
            Unit.id.label("unit_id"),
            Unit.name.label("unit_name"),
            Unit.path,
            Unit.level,
            Unit.profile_confirmed_at.label("unit_confirmed_at"),
            Role.name.label("right"),
            codes.stamp().label("stamp"),
            preferences.packed(bindparam("pk")).label("lists"),
        )
        .select_from(Account)
        .outerjoin(Assignment, Assignment.account_id == Account.id)
        .outerjoin(Unit, Unit.id == Assignment.unit_id)
        .outerjoin(assignment_role, assignment_role.c.assignment_id == Assignment.id)
        .outerjoin(Role, Role.id == assignment_role.c.role_id)
        .where(Account.id == bindparam("pk"))
        .order_by(Assignment.id)
        .execution_options(**scope.door("who is asking"))
    )


def _visitor(pk: int, rows: Any, assignment_id: Any) -> Visitor:
    ours = [row for row in rows if row.assignment_id == assignment_id] or [
        row for row in rows if row.assignment_id == rows[0].assignment_id
    ]
    first: Row[Any] = ours[0]
    known = grants.rights()
    names = frozenset(row.right for row in ours if row.right in known)
    now = clock.now()
    actor = Actor(
        account_id=pk,
        name=first.first_name or first.username,
        unit_id=first.unit_id,
        unit_name=first.unit_name or "",
        path=first.path or "",
        level=first.level or "",
        rights=names,
        lists=first.lists or "",
        grants=grants.of(names),
        at=now,
    )
    is_first = bool(first.must_change_password)
    overdue = policy.policy().is_overdue(first.password_changed_at, now)
    factor, is_due = factors.kind_of(first), factors.is_due(first, first.level, names)
    return Visitor(
        actor,
        first.username,
        first.session_version or 1,
        is_first or overdue,
        is_first,
        factor,
        is_due,
        _detour(first, must_change=is_first or overdue, must_bind=is_due and not factor),
    )


def _detour(row: Row[Any], *, must_change: bool, must_bind: bool) -> str:
    """The one page that is open, in the order in which they come; empty when everything is."""
    if row.profile_confirmed_at is None:
        return UNIT_FIRST if row.unit_id else PERSON_FIRST
    if must_change:
        return PASSWORD_FIRST
    if must_bind:
        return DEVICE_FIRST
    return PROFILE_FIRST if row.unit_id and row.unit_confirmed_at is None else ""


def admit(visitor: Visitor) -> None:
    """From here on the request is the visitor's: scope, ``g.actor`` and ``g.user``."""
    g.actor, g.user = visitor.actor, visitor
    current_app.login_manager._update_request_context_with_user(visitor)  # type: ignore[attr-defined] # noqa: SLF001 - as its own loaders do
    scope.enter(visitor.actor)


def visitor() -> Visitor | None:
    """The visitor of this request."""
    found = g.get("user")
    return found if isinstance(found, Visitor) else None


def dismiss() -> None:
    """Nobody is asking any more."""
    g.actor, g.user = None, AnonymousUserMixin()
    scope.enter(None)


jobs.actor_loader = actor_of
