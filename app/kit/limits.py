"""How long a statement of a request may run, and what a database under strain means for who asks.

On PostgreSQL every connection that a request borrows carries the limits of that request: `statement_timeout` and
`lock_timeout`. They are set only when they differ from what the connection carries, outside any transaction, so that
an ordinary request pays nothing. Jobs and commands have no limits. SQLite waits for its lock by itself (10 s).
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, DisconnectionError, InvalidRequestError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import Pool

#: what a pool or a driver raises when the database cannot serve us now
TROUBLES = (DBAPIError, PoolTimeout, InvalidRequestError)


@dataclass(frozen=True)
class Limit:
    """Seconds that one statement may run, and may wait for somebody else's lock; 0 is without end."""

    statement: float = 0
    lock: float = 0


NO_LIMIT = Limit()
_limit: ContextVar[Limit] = ContextVar("limit", default=NO_LIMIT)


@contextmanager
def limited(limit: Limit) -> Iterator[None]:
    """Within it a connection that is borrowed from the pool carries the limits."""
    token = _limit.set(limit)
    try:
        yield
    finally:
        _limit.reset(token)


@event.listens_for(Pool, "checkout")
def _on_checkout(connection: Any, record: Any, _proxy: Any) -> None:
    wanted = _limit.get()
    if record.info.get("limit", NO_LIMIT) == wanted or not type(connection).__module__.startswith("psycopg"):
        return
    values = [f"{round(seconds * 1000)}ms" for seconds in (wanted.statement, wanted.lock)]
    before = connection.autocommit
    try:
        connection.autocommit = True  # a setting made inside a transaction would go with its rollback
        connection.execute(
            "SELECT set_config('statement_timeout', %s, false), set_config('lock_timeout', %s, false)", values
        )
        connection.autocommit = before
    except Exception as dead:
        raise DisconnectionError("the connection took no limits") from dead
    record.info["limit"] = wanted


# --- what it means ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Trouble:
    """Why the database did not serve a request, in the clerk's words; ``retry_after`` in seconds."""

    kind: str
    status: int
    words: Any
    retry_after: int


GONE = Trouble("gone", 503, _("系统暂时无法使用数据库，您的操作可能没有完成；请稍后查看，再重新办理"), 5)
CROWDED = Trouble("crowded", 503, _("现在使用的人太多，您的操作没有进行；请稍等几秒再试"), 3)
SLOW = Trouble(
    "slow", 503, _("这次查询用时过长，已经停止，没有做任何改动；请缩小范围（例如选择单位或日期）后再试"), 10
)
LOCKED = Trouble("locked", 409, _("这条记录正由他人或后台任务办理，您的操作没有进行；请稍等几秒再试"), 2)

#: SQLSTATE, or its first two characters → what it means
_STATES = {
    "57014": SLOW,  # statement_timeout
    "55P03": LOCKED,  # lock_timeout
    "40P01": LOCKED,  # deadlock
    "40001": LOCKED,  # serialization failure
    "25006": GONE,  # the primary has become a standby
    "08": GONE,
    "53": CROWDED,  # too many connections, out of memory
    "57": GONE,  # shutting down, starting up
}

_lock = threading.Lock()
_met: Counter[str] = Counter()


def trouble(error: BaseException) -> Trouble | None:
    """What an error of pool or driver means for who asks; None when it is a fault of ours. Counts what it tells."""
    found = _meaning(error)
    if found:
        with _lock:
            _met[found.kind] += 1
    return found


def met() -> dict[str, int]:
    """How often each kind of trouble has been met in this process."""
    with _lock:
        return dict(_met)


def _meaning(error: BaseException) -> Trouble | None:
    if isinstance(error, PoolTimeout):  # every connection of the pool is in use
        return CROWDED
    if isinstance(error, InvalidRequestError):  # the pool gave up on connections that took no limits
        return GONE if isinstance(error.__cause__ or error.__context__, DisconnectionError) else None
    return _of_driver(error) if isinstance(error, DBAPIError) else None


def _of_driver(error: DBAPIError) -> Trouble | None:
    said = str(error.orig).lower()
    if state := getattr(error.orig, "sqlstate", None):
        return _STATES.get(state) or _STATES.get(state[:2])
    if type(error.orig).__module__.startswith("sqlite3"):
        return LOCKED if "locked" in said or "busy" in said else None
    if "too many clients" in said or "remaining connection slots" in said:
        return CROWDED
    return GONE if error.connection_invalidated or isinstance(error, OperationalError) else None
