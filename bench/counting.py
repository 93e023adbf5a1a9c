"""Count the SQL statements and the processor time of each answer, inside the application, and tell them in a header.

Processor time is what a busy machine disturbs least: it leaves out waiting for the turn, and the database's own work.

Both contestants are wrapped by this and by nothing else, so the counting costs both the same. The product itself
knows nothing of it.
"""

from __future__ import annotations

import threading
import time
from typing import Any

from flask import Flask
from sqlalchemy import event
from sqlalchemy.engine import Engine

HEADER = "X-Bench-SQL"

_here = threading.local()


@event.listens_for(Engine, "before_cursor_execute")
def _begin(*_arguments: Any) -> None:
    _here.since = time.perf_counter()


@event.listens_for(Engine, "after_cursor_execute")
def _end(*_arguments: Any) -> None:
    _here.count = getattr(_here, "count", 0) + 1
    _here.seconds = getattr(_here, "seconds", 0.0) + time.perf_counter() - _here.since


def counted(flask: Flask) -> Flask:
    """The application, with ``X-Bench-SQL: <statements> <their ms> <processor ms>`` on every answer."""
    inner = flask.wsgi_app

    def outer(environ: Any, start_response: Any) -> Any:
        _here.count, _here.seconds = 0, 0.0
        since = time.thread_time()

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            spent = time.thread_time() - since
            told = f"{_here.count} {_here.seconds * 1000:.2f} {spent * 1000:.2f}"
            return start_response(status, [*headers, (HEADER, told)], exc_info)

        return inner(environ, start)

    flask.wsgi_app = outer
    return flask
