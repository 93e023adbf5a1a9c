"""Rights: which permissions each name on the rights form opens, read from the register.

What a right opens is code and held in memory; who holds it is data and read with every request. FAB's tables
are written too, so that ``assignment_role`` has something to point at and other tools can look.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from flask import Flask, current_app
from flask_appbuilder.security.sqla.models import (
    Permission,
    PermissionView,
    Role,
    ViewMenu,
    assoc_permissionview_role,
)
from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

Grants = frozenset[tuple[str, str]]

#: what every logged-in account may do beside the modules that need no right (spec/unified.md §7, "none")
EVERYBODY: Grants = frozenset(
    {
        ("can_read", "home"),
        ("can_read", "code_table"),
        ("can_read", "code_value"),
        ("can_get", "OpenApi"),
        ("can_show", "SwaggerView"),
    }
)


class Module(Protocol):
    """As much of a module as rights are about."""

    @property
    def right(self) -> str | None:
        """The name on the rights form; None when everybody may."""

    def grants(self) -> set[tuple[str, str]]:
        """Pairs (permission, resource) that the right opens."""

    def more_grants(self) -> Mapping[str, set[tuple[str, str]]]:
        """Other rights → what they open of the module."""


def declare(flask: Flask, modules: Sequence[Module], names: Sequence[str] = ()) -> None:
    """Keep what each right opens, in the order of ``names`` and then of the register."""
    rights: dict[str, Grants] = dict.fromkeys(names, frozenset())
    for module in modules:
        if module.right:
            rights[str(module.right)] = rights.get(str(module.right), frozenset()) | frozenset(
                module.grants()
            )
        for right, opened in module.more_grants().items():
            rights[right] = rights.get(right, frozenset()) | frozenset(opened)
    free = (module.grants() for module in modules if not module.right)
    flask.extensions["everybody"] = EVERYBODY.union(*free)
    flask.extensions["rights"] = rights
    flask.extensions["grants"] = {}


def rights() -> Mapping[str, Grants]:
    """Name of a right → what it opens."""
    found: Mapping[str, Grants] = current_app.extensions["rights"]
    return found


def of(names: frozenset[str]) -> Grants:
    """What these rights open together; a name that is no right any more opens nothing."""
    known: dict[frozenset[str], Grants] = current_app.extensions["grants"]
    if names not in known:
        if len(known) > 1000:
            known.clear()
        known[names] = current_app.extensions["everybody"].union(
            *(rights()[name] for name in names if name in rights())
        )
    return known[names]


def sync(session: Session) -> None:
    """Write one FAB role per right with its permissions; the caller commits.

    Every row is inserted only where it is missing and in sorted order, so that two processes may run it at
    once. A right that has left the register keeps its role, since persons may hold it, and opens nothing.
    """
    wanted = rights()
    pairs = sorted(current_app.extensions["everybody"].union(*wanted.values()))
    _add(session, Role, [{"name": name} for name in sorted(wanted)])
    _add(
        session,
        Permission,
        [{"name": name} for name in sorted({permission for permission, _resource in pairs})],
    )
    _add(
        session, ViewMenu, [{"name": name} for name in sorted({resource for _permission, resource in pairs})]
    )
    roles, permissions, menus = (_ids(session, model) for model in (Role, Permission, ViewMenu))
    _add(
        session,
        PermissionView,
        [{"permission_id": permissions[p], "view_menu_id": menus[r]} for p, r in pairs],
    )
    known = session.execute(
        select(PermissionView.id, PermissionView.permission_id, PermissionView.view_menu_id)
    )
    ids = {(row.permission_id, row.view_menu_id): row.id for row in known}
    held = [
        {"permission_view_id": ids[permissions[p], menus[r]], "role_id": roles[name]}
        for name in sorted(wanted)
        for p, r in sorted(wanted[name])
    ]
    table = assoc_permissionview_role
    for name in sorted(wanted):
        keep = [row["permission_view_id"] for row in held if row["role_id"] == roles[name]]
        session.execute(
            delete(table).where(table.c.role_id == roles[name], table.c.permission_view_id.not_in(keep))
        )
    _add(session, table, held)


def _ids(session: Session, model: Any) -> dict[str, int]:
    return {name: id_ for id_, name in session.execute(select(model.id, model.name))}


def _add(session: Session, target: Any, rows: list[dict[str, Any]]) -> None:
    """Insert the rows that are not there yet."""
    if rows:
        table = getattr(target, "__table__", target)
        dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
        session.execute(dialect.insert(table).on_conflict_do_nothing(), rows)
