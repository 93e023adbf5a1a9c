"""What every REST route begins with: who asks and with which right, the address's question, the body."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

import prison
from flask import request
from flask_babel import lazy_gettext as _
from werkzeug.exceptions import BadRequest as HttpBadRequest

from app.kit import scope
from app.kit.access import require
from app.kit.errors import BadRequest, Forbidden

if TYPE_CHECKING:
    from app.kit.api import RecordApi


def secured(permission: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A route for who has logged in, by token or by the pages' cookie, and whose right opens ``permission``."""

    def wrap(route: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(route)
        def guarded(self: RecordApi, *args: Any, **kwargs: Any) -> Any:
            who = require(scope.current(), permission, self.view.resource)
            if why := self.view.closed(who, permission, over_rest=True):
                raise Forbidden(why)
            return route(self, who, *args, **kwargs)

        guarded._permission_name = permission  # type: ignore[attr-defined]  # noqa: SLF001 - FAB collects it
        return guarded

    return wrap


def rison() -> dict[str, Any]:
    """What ``q`` asks, in rison as FAB's clients write it; empty without one. Raises BadRequest."""
    raw = request.args.get("q")
    if not raw:
        return {}
    try:
        asked = prison.loads(raw)
    except (
        prison.decoder.ParserException,
        ValueError,
        TypeError,
        RecursionError,
        IndexError,
        AttributeError,
    ):
        raise BadRequest(_("参数 q 不是有效的 rison")) from None
    if not isinstance(asked, dict):
        raise BadRequest(_("参数 q 不是有效的 rison"))
    return asked


def bounded(value: Any, default: int, most: int) -> int:
    """A number that a program asked for, from 0 to ``most``. Raises BadRequest for what is none."""
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadRequest(_("页码与每页条数应为整数"))
    return most if value == -1 else max(min(value, most), 0 if default == 0 else 1)


def read_body(*, optional: bool = False) -> dict[str, Any]:
    """The JSON object of the request. Raises BadRequest when there is none."""
    if optional and not request.data:
        return {}
    try:
        body = request.get_json(force=True)
    except (HttpBadRequest, RecursionError, UnicodeDecodeError):
        raise BadRequest(_("请求内容不是有效的 JSON")) from None
    if not isinstance(body, dict):
        raise BadRequest(_("请求内容应为一个 JSON 对象"))
    return body
