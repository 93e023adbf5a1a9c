"""Reads that may lag: a streaming replica answers statistics, exports and overviews while it keeps up.

    table, as_of = lagging(session, lambda source: statistics.table(source, …))

``source`` is a session of the replica, or ``session`` itself when there is none or it cannot be trusted now; what the
work hands back is plain values, so that nothing loaded from the replica outlives it or is ever written back. Every
statement passes the scope as everywhere. Who asks, the code tables, notes and books come from the primary.

        ok ──── lag > REPLICA_MAX_LAG ────▶ behind       the primary answers while it is behind or down;
        ▲ ╰──── no answer, no replica ────▶ down         each change is logged once, and it recovers by itself
        ╰──────────── looked at anew ───────────╯
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from flask import Flask, Response, current_app, has_request_context, request
from flask_babel import lazy_gettext as _
from sqlalchemy import (
    Boolean,
    DateTime,
    Float,
    Row,
    cast,
    create_engine,
    event,
    extract,
    func,
    make_url,
    select,
)
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.orm import ORMExecuteState, Session

from app.kit.clock import ZONE

log = logging.getLogger(__name__)

Value = TypeVar("Value")

#: seconds that a look at the replica holds good, and that one which did not answer is left alone
LOOK, REST = 3.0, 15.0
#: seconds by which clocks differ, and by which the newest commit is still on its way
MARGIN = 2.0
#: tells a browser's next reads when it last wrote; beside the session's cookie, which parallel answers overwrite
COOKIE = "uniondesk_wrote"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

#: a dead machine is noticed in seconds, not when the kernel gives up (libpq's words)
_CONNECT = {
    "connect_timeout": 2,
    "tcp_user_timeout": 5000,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
}

#: what the replica's pool takes over from the primary's
_POOL = frozenset({"pool_size", "max_overflow", "pool_timeout"})

_RECEIVER = func.pg_stat_get_wal_receiver().table_valued("pid")
_AGE = func.clock_timestamp(type_=DateTime) - func.pg_last_xact_replay_timestamp(type_=DateTime)
# received is read before replayed: what is replayed by then is at least as new as the question
_LOOK = select(
    func.pg_is_in_recovery(type_=Boolean).label("is_replica"),
    select(_RECEIVER.c.pid.is_not(None)).scalar_subquery().label("is_fed"),
    (func.pg_last_wal_receive_lsn() <= func.pg_last_wal_replay_lsn()).label("has_caught_up"),
    cast(extract("epoch", _AGE), Float).label("age"),
)


@dataclass(frozen=True)
class State:
    """How the replica stood at the last look: ``ok``, ``behind`` or ``down``.

    ``lag`` is in seconds, None when it cannot be known; everything committed before ``as_of`` (seconds of the epoch)
    is there; ``until`` is when it is looked at anew, on the monotonic clock.
    """

    word: str
    lag: float | None = None
    as_of: float = 0.0
    until: float = 0.0
    why: str = ""


class Replica:
    """The streaming replica of one application, looked at by this process every few seconds at most.

    ``most_lag`` is in seconds; ``options`` are those of an engine's pool.
    """

    def __init__(self, url: str, most_lag: float, **options: Any) -> None:
        self.most_lag = most_lag
        options |= {"pool_pre_ping": True, "connect_args": dict(_CONNECT)}
        engine = create_engine(make_url(url), **options)
        #: each transaction begins READ ONLY, so that a wrong URL can do no harm either
        self.engine = engine.execution_options(postgresql_readonly=True)
        self._state = State("ok")
        self._lock = threading.Lock()

    def look(self) -> State:
        """How it stands; while one thread looks the others take what was known."""
        is_first = self._state.until == 0
        if (is_first or time.monotonic() >= self._state.until) and self._lock.acquire(blocking=is_first):
            try:
                if time.monotonic() >= self._state.until:
                    self._note(self._measured())
            finally:
                self._lock.release()
        return self._state

    def failed(self, error: DBAPIError) -> None:
        """Take note that it did not answer; a query that was only cancelled leaves it in use."""
        number = getattr(error.orig, "sqlstate", None) or "08"  # none when there was no connection to tell it
        if error.connection_invalidated or number.startswith(("08", "57P")):
            with self._lock:
                self._note(State("down", until=time.monotonic() + REST, why=_first_line(error)))
        else:
            log.warning("the replica broke off a query, the primary answers it: %s", _first_line(error))

    def dispose(self) -> None:
        """Close its connections."""
        self.engine.dispose()

    def _note(self, state: State) -> None:
        if state.word != self._state.word:
            if state.word == "ok":
                log.warning("the replica answers again")
            else:
                log.warning("the replica is %s (%s): the primary answers", state.word, state.why)
        self._state = state

    def _measured(self) -> State:
        try:
            with self.engine.connect() as connection:
                asked = time.time()
                row = connection.execute(_LOOK).one()
                # an idle primary's last commit is old; a moment later its newest record has been replayed
                if not row.has_caught_up and (row.age is None or row.age > self.most_lag):
                    connection.rollback()
                    time.sleep(0.1)
                    row = connection.execute(_LOOK).one()
        except (OperationalError, InterfaceError) as error:
            return State("down", until=time.monotonic() + REST, why=_first_line(error))
        return self._judged(row, asked)

    def _judged(self, row: Row[Any], asked: float) -> State:
        until = time.monotonic() + LOOK
        if not row.is_replica:
            return State("down", until=until, why="the server is not in recovery")
        if row.is_fed and row.has_caught_up:
            return State("ok", 0.0, asked, until)
        # what it had at an earlier look it still has
        as_of = max(self._state.as_of, asked - max(row.age, 0.0) if row.age is not None else 0.0)
        if not as_of:
            return State("behind", until=until, why="nothing has been replayed yet")
        lag = asked - as_of
        return State("behind" if lag > self.most_lag else "ok", lag, as_of, until, f"{lag:.0f} s")


def _first_line(error: DBAPIError) -> str:
    return (str(error.orig).strip().splitlines() or [type(error.orig).__name__])[0]


# --- asking ----------------------------------------------------------------------------------------------------


def lagging(
    session: Session, work: Callable[[Session], Value], *, after: datetime | None = None
) -> tuple[Value, datetime | None]:
    """What ``work`` reads, and as of when; None when the primary has answered.

    The replica is asked if it holds all that the asking browser has written, and all that was written by ``after``
    (wall time, see `clock.now`). ``work`` runs again on the primary when the replica breaks off. It only reads:
    a write raises RuntimeError, on either.
    """
    replica = _replica()
    state = replica.look() if replica else None
    if replica and state and state.word == "ok" and state.as_of - MARGIN >= max(_wrote(), _epoch(after)):
        try:
            with Session(replica.engine, info={"lagging": True}) as source:
                return work(source), datetime.fromtimestamp(int(state.as_of), ZONE).replace(tzinfo=None)
        except (OperationalError, InterfaceError) as error:
            if (
                getattr(error.orig, "sqlstate", "") == "57014"
            ):  # a query's own time was up: not the replica's fault
                raise
            replica.failed(error)
    return _read(session, work), None


def _read(session: Session, work: Callable[[Session], Value]) -> Value:
    outer = session.info.get("lagging", False)
    session.info["lagging"] = True
    try:
        return work(session)
    finally:
        session.info["lagging"] = outer


def _replica() -> Replica | None:
    found: Replica | None = current_app.extensions.get("replica")
    return found


def _epoch(moment: datetime | None) -> float:
    """Seconds of the epoch; the clock is cut to the second, so that all of it counts."""
    return moment.replace(tzinfo=ZONE).timestamp() + 1 if moment else 0.0


def _wrote() -> float:
    """When the asking browser last wrote, in seconds of the epoch; 0 when it has not of late."""
    raw = request.cookies.get(COOKIE, "") if has_request_context() else ""
    return float(raw) if raw.isascii() and raw.isdigit() and len(raw) < 12 else 0.0


def as_of_words(as_of: datetime | None) -> Any:
    """What a page says of figures from the replica; nothing of the primary's."""
    return _("数据截至 %(time)s", time=as_of.strftime("%H:%M:%S")) if as_of else ""


def facts() -> dict[str, Any]:
    """For ``/readyz``: ``replica`` is ok, behind, down or none; ``replica_lag`` is in seconds."""
    replica = _replica()
    if replica is None:
        return {"replica": "none"}
    state = replica.look()
    return {"replica": state.word} | ({} if state.lag is None else {"replica_lag": round(state.lag, 1)})


# --- no write --------------------------------------------------------------------------------------------------


@event.listens_for(Session, "before_flush")
def _refuse_rows(session: Session, _context: Any, _instances: Any) -> None:
    if session.info.get("lagging"):
        raise RuntimeError("a write inside lagging(): it only reads, and may read a replica")


@event.listens_for(Session, "do_orm_execute")
def _refuse_statements(state: ORMExecuteState) -> None:
    if state.session.info.get("lagging") and not state.is_select:
        raise RuntimeError("a write inside lagging(): it only reads, and may read a replica")


# --- the application -------------------------------------------------------------------------------------------


def init_app(flask: Flask) -> None:
    """Use ``REPLICA_URL`` beside a primary on PostgreSQL; without it nothing changes."""
    url, primary = flask.config.get("REPLICA_URL"), flask.config["SQLALCHEMY_DATABASE_URI"]
    if not url or make_url(primary).get_backend_name() != "postgresql":
        return
    options = {k: v for k, v in flask.config["SQLALCHEMY_ENGINE_OPTIONS"].items() if k in _POOL}
    replica = flask.extensions["replica"] = Replica(url, flask.config["REPLICA_MAX_LAG"], **options)

    @flask.after_request
    def _stamp(response: Response) -> Response:
        """Whoever has written reads the primary until the replica has his change too."""
        if request.method not in SAFE and response.status_code < 400:
            response.set_cookie(
                COOKIE,
                str(int(time.time()) + 1),
                max_age=int(replica.most_lag + LOOK + MARGIN) + 5,
                secure=flask.config["SESSION_COOKIE_SECURE"],
                httponly=True,
                samesite="Lax",
            )
        return response
