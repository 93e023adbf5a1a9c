"""The door of every route: who is not logged in gets 401, who lacks the right 403."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import current_app
from flask_babel import lazy_gettext as _

from app.kit import scope
from app.kit.errors import Anonymous, Forbidden
from app.kit.scope import Actor

View = Callable[..., Any]


def require(actor: Actor | None, permission: str, resource: str) -> Actor:
    """The actor, if a right of his opens the permission. Raises Anonymous or Forbidden."""
    if actor is None:
        raise Anonymous
    if not actor.may(permission, resource):
        raise Forbidden(_words(permission, resource))
    return actor


def needs(permission: str) -> Callable[[View], View]:
    """A view's method that asks for a permission of the view's ``resource`` (AID-R002)."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(self: Any, *args: Any, **kwargs: Any) -> Any:
            who = require(scope.current(), permission, self.resource)
            if why := getattr(self, "closed", lambda *_: None)(who, permission):
                raise Forbidden(why)
            return view(self, *args, **kwargs)

        guarded._permission_name = permission  # type: ignore[attr-defined] # noqa: SLF001 - FAB's mark of a right
        return guarded

    return decorate


def everybody(view: View) -> View:
    """A view's method that is open to every logged-in person, whatever his rights: pickers."""

    @wraps(view)
    def guarded(self: Any, *args: Any, **kwargs: Any) -> Any:
        if scope.current() is None:
            raise Anonymous
        return view(self, *args, **kwargs)

    guarded._permission_name = "read"  # type: ignore[attr-defined] # noqa: SLF001 - as above
    return guarded


def writes(view: View) -> View:
    """Marks a GET that leaves a note (export, print, download), so that SQLite takes its write lock at the start.

    Without it a note written after a reading has begun fails when somebody else has written meanwhile.
    """
    view._writes = True  # type: ignore[attr-defined] # noqa: SLF001 - our own mark
    return view


def _words(permission: str, resource: str) -> Any:
    """Which right would help; nothing is named that nobody can be given."""
    pair = (f"can_{permission}", resource)
    for right, grants in current_app.extensions.get("rights", {}).items():
        if pair in grants:
            return _("您没有「%(right)s」权限，如工作需要请联系本单位管理员", right=right)
    return _("您没有这项操作的权限")
