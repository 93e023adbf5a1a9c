"""A request whose transaction PostgreSQL broke off is done again from its beginning, never from the middle.

Who lock the same rows in different orders wait for each other; PostgreSQL lets one of them go (40P01) and undoes all
of it. Nothing was written, and by now the others have what they waited for: the route runs once more on a new session,
from its first reading. What was committed is never repeated: a request that has committed something is told instead,
as is one that had bad luck each time (:mod:`app.kit.limits`).
"""

from __future__ import annotations

import logging
import time
from contextvars import ContextVar
from copy import deepcopy
from typing import Any

from flask import Flask, request, session
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from app.kit.database import db

log = logging.getLogger(__name__)

#: how often a request is begun at most; the seconds that the others are given before, each time so many more
TIMES, PAUSE = 4, 0.3
#: SQLSTATE of a transaction that the server undid for the sake of others
BROKEN_OFF = frozenset({"40P01", "40001"})

_has_committed: ContextVar[bool] = ContextVar("has_committed", default=False)


@event.listens_for(Session, "after_commit")
def _on_commit(one: Session) -> None:
    if not one.in_nested_transaction():
        _has_committed.set(True)


def init_app(flask: Flask) -> None:
    """Let every route be done again, pages and REST alike."""
    dispatch = flask.dispatch_request

    def patient(*args: Any) -> Any:
        _has_committed.set(False)
        told = deepcopy(dict(session))  # what is flashed is appended in place
        for times in range(1, TIMES + 1):
            try:
                return dispatch(*args)
            except DBAPIError as error:
                if times == TIMES or not is_broken_off(error) or _has_committed.get():
                    raise
                log.warning("done again: %s %s: %s", request.method, request.path, error.orig)
                _begin_again(told)
                time.sleep(PAUSE * times)
        raise AssertionError  # the last time returns or raises

    flask.dispatch_request = patient  # type: ignore[method-assign]


def is_broken_off(error: DBAPIError) -> bool:
    """Whether the server undid the transaction although nothing was wrong with it."""
    return getattr(error.orig, "sqlstate", None) in BROKEN_OFF


def _begin_again(told: dict[str, Any]) -> None:
    """As if the route had not been entered: nothing loaded, nothing flashed, body and uploads unread."""
    db.session.rollback()  # what was put on the disk goes with it
    db.session.remove()
    if dict(session) != told:
        session.clear()
        session.update(told)
    request._cached_json = (..., ...)  # noqa: SLF001 - werkzeug's own; the route may have taken values out of it
    for upload in (one for some in request.files.listvalues() for one in some):
        upload.stream.seek(0)
