"""The room before the application: so many are served at once, so many wait a while, the rest is refused at once.

::

    request ── kind? ──▶ a seat is free ─────────────────────▶ served ──▶ the next who waits is called in
                     ├─▶ the bench has room ── called in ─────▲
                     │                      └─ patience ends ─▶ 503
                     └─▶ the bench is full ───────────────────▶ 503, before any SQL or template

Each kind of request has seats of its own, so that lists stay quick while somebody exports a nation: *page* (lists,
forms, saves, steps), *figure* (statistics, prints, exact counts) and *file* (exports, downloads, large uploads). Who saves
is called in before who reads, and when the bench is full he takes the place of the reader who came last. A seat is
held while we work, not while a slow browser receives: an answer of known length is finished when it is returned.

One room a process; the server's threads outnumber seats and benches (`threads`), so that refusing is always possible.
``/healthz``, ``/readyz`` and static files need no seat. See docs/decisions/0013.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from bisect import insort
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from itertools import count
from typing import Any
from urllib.parse import parse_qsl, quote

from flask import Flask
from markupsafe import Markup, escape

from app.kit import limits
from app.kit.limits import Limit, limited

log = logging.getLogger(__name__)

#: parts of an address that say what kind of work it is; everything else is a page
KINDS = {
    "statistics": "figure",
    "print": "figure",
    "word": "figure",
    "excel": "figure",
    "export": "file",
    "import": "file",
    "attach": "file",
    "download": "file",
    "file": "file",
    "attachments": "file",
    "result": "file",
}
#: always answered
OPEN = ("/healthz", "/readyz", "/static/")
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
#: a body up to this many bytes is read before a seat is taken; a larger one is a file
SMALL_BODY = 256 * 1024
#: a form of more fields is not repeated on the page of a refusal
MOST_FIELDS = 3000
#: a client that takes or sends nothing for so many seconds is left
STALLED = 60.0
#: threads beyond seats and benches, to refuse with
SPARE = 12
#: seconds between two lines of the log about refusals
TELL_EVERY = 10.0


class Full(Exception):
    """No seat could be had. ``why`` is ``full``, ``late`` (patience ended) or ``displaced`` (by one who saves)."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(order=True)
class _Waiter:
    """One who waits: the lower rank first, then who came first."""

    rank: int
    number: int
    outcome: str = field(default="", compare=False)
    called: threading.Event = field(default_factory=threading.Event, compare=False)


class Hall:
    """The seats of one kind, and the bench before them. ``patience`` in seconds."""

    def __init__(self, seats: int, bench: int, patience: float) -> None:
        self.seats, self.bench, self.patience = seats, bench, patience
        self.counted: Counter[str] = Counter()
        self._free = seats
        self._waiting: list[_Waiter] = []
        self._numbers = count()
        self._lock = threading.Lock()

    def enter(self, rank: int) -> None:
        """Take a seat, waiting for one if need be. Raises Full. Who has entered must leave."""
        with self._lock:
            if self._free:
                self._free -= 1
                self.counted["served"] += 1
                return
            me = self._sit_down(rank)
        me.called.wait(self.patience)
        with self._lock:
            if not me.outcome:
                self._waiting.remove(me)
                me.outcome = "late"
            self.counted[me.outcome] += 1
        if me.outcome != "served":
            raise Full(me.outcome)

    def _sit_down(self, rank: int) -> _Waiter:
        """A place on the bench; that of a lower-ranking late-comer when there is no other."""
        if len(self._waiting) >= self.bench:
            last = self._waiting[-1] if self._waiting else None
            if last is None or last.rank <= rank:
                self.counted["full"] += 1
                raise Full("full")
            self._call(self._waiting.pop(), "displaced")
        me = _Waiter(rank, next(self._numbers))
        insort(self._waiting, me)
        self.counted["waited"] += 1
        return me

    def leave(self) -> None:
        """Give the seat to the next who waits."""
        with self._lock:
            if self._waiting:
                self._call(self._waiting.pop(0), "served")
            else:
                self._free += 1

    @staticmethod
    def _call(waiter: _Waiter, outcome: str) -> None:
        waiter.outcome = outcome
        waiter.called.set()

    def state(self) -> dict[str, int]:
        """Seats, who sits and waits now, and what has become of all who came."""
        with self._lock:
            names = ("served", "waited", "full", "late", "displaced")
            now = {"seats": self.seats, "busy": self.seats - self._free, "waiting": len(self._waiting)}
            return now | {name: self.counted[name] for name in names}


@dataclass(frozen=True)
class Kind:
    """What the requests of one kind may have."""

    seats: int
    bench: int
    limit: Limit


Start = Callable[..., Any]
Wsgi = Callable[[dict[str, Any], Start], Iterable[bytes]]


class Room:
    """WSGI: lets a bounded number of requests through to ``inner``. ``refusal`` answers the rest."""

    def __init__(self, inner: Wsgi, kinds: Mapping[str, Kind], patience: float, refusal: Refusal) -> None:
        self.inner, self.kinds, self.refusal = inner, dict(kinds), refusal
        self.halls = {name: Hall(kind.seats, kind.bench, patience) for name, kind in kinds.items()}
        self._told_at, self._told = time.monotonic(), 0
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
        if environ.get("PATH_INFO", "").startswith(OPEN):
            return self.inner(environ, start_response)
        if connection := environ.get("gunicorn.socket"):
            connection.settimeout(STALLED)
        name = kind_of(environ)
        hall, limit = self.halls[name], self.kinds[name].limit
        try:
            read_ahead(environ)
            hall.enter(rank_of(environ))
        except Full as full:
            self._tell(name, full.why)
            return self.refusal(environ, start_response)
        return self._serve(environ, start_response, hall, limit)

    def _serve(
        self, environ: dict[str, Any], start_response: Start, hall: Hall, limit: Limit
    ) -> Iterable[bytes]:
        finished = False

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            nonlocal finished
            length_known = any(name.lower() == "content-length" for name, _value in headers)
            finished = length_known or status[:3] in {"204", "304"}
            return start_response(status, headers, *more)

        try:
            with limited(limit):
                body = self.inner(environ, start)
        except BaseException:
            hall.leave()
            raise
        if finished:
            hall.leave()
            return body
        return _Stream(body, hall, limit)

    def state(self) -> dict[str, Any]:
        """Counters of this process, for ``/readyz``."""
        halls = {name: hall.state() for name, hall in self.halls.items()}
        return {"process": os.getpid(), "room": halls, "database": limits.met()}

    def _tell(self, name: str, why: str) -> None:
        """A line in the log about refusals, at most every ten seconds."""
        now = time.monotonic()
        with self._lock:
            self._told += 1
            if now - self._told_at < TELL_EVERY:
                return
            number, self._told = self._told, 0
            seconds, self._told_at = now - self._told_at, now
        log.warning(
            "%s requests refused within %.0f s, the last: %s, %s; %s",
            number,
            seconds,
            name,
            why,
            self.state(),
        )


class _Stream:
    """An answer that is made while it is sent: it keeps its seat until it has ended or was broken off."""

    def __init__(self, body: Iterable[bytes], hall: Hall, limit: Limit) -> None:
        self._body, self._pieces = body, iter(body)
        self._hall, self._limit, self._is_seated = hall, limit, True

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            with limited(self._limit):
                return next(self._pieces)
        except BaseException:
            self._leave()
            raise

    def close(self) -> None:
        try:
            if close := getattr(self._body, "close", None):
                close()
        finally:
            self._leave()

    def _leave(self) -> None:
        if self._is_seated:
            self._is_seated = False
            self._hall.leave()


# --- who comes --------------------------------------------------------------------------------------------------


def kind_of(environ: Mapping[str, Any]) -> str:
    """``page``, ``figure`` or ``file``, by the address and the size of what is sent."""
    if _length(environ) > SMALL_BODY or environ.get("HTTP_TRANSFER_ENCODING"):
        return "file"
    for part in environ.get("PATH_INFO", "").strip("/").split("/")[1:]:
        if part in KINDS:
            return KINDS[part]
    return "figure" if "count=exact" in environ.get("QUERY_STRING", "") else "page"


def rank_of(environ: Mapping[str, Any]) -> int:
    """0 for somebody with a session or a token who saves, 1 for everybody else; a draft is no saving."""
    if environ.get("REQUEST_METHOD") in SAFE or environ.get("PATH_INFO", "").endswith(
        ("/login/", "/login", "/draft")
    ):
        return 1
    return 0 if environ.get("HTTP_COOKIE") or environ.get("HTTP_AUTHORIZATION") else 1


def read_ahead(environ: dict[str, Any]) -> None:
    """Read a small body, so that nobody sits on a seat while his line is slow."""
    if 0 < (length := _length(environ)) <= SMALL_BODY and "wsgi.input" in environ:
        environ["wsgi.input"] = BytesIO(environ["wsgi.input"].read(length))


def _length(environ: Mapping[str, Any]) -> int:
    raw = environ.get("CONTENT_LENGTH") or "0"
    return int(raw) if raw.isascii() and raw.isdigit() else 0


def is_program(environ: Mapping[str, Any]) -> bool:
    """Whether the answer is read by a program: REST, or a script of our own pages."""
    return (
        environ.get("PATH_INFO", "").startswith("/api/")
        or "HTTP_HX_REQUEST" in environ
        or environ.get("HTTP_ACCEPT", "").startswith("application/json")
    )


# --- the refusal ------------------------------------------------------------------------------------------------


_POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
#: where a prepared page takes what was sent
_ACTION, _INPUTS = "@@action@@", "@@inputs@@"


class Refusal:
    """503 with Retry-After, prepared once: JSON for a program, a small page for a person.

    The page after a form carries what was typed and sends it again by one button; passwords are not repeated.
    Retry-After runs from 2 to 6 seconds in turn, so that those who were refused together do not return together.
    """

    def __init__(self, words: str, reading: str, sending: str, again: str) -> None:
        self._json = json.dumps({"message": words}, ensure_ascii=False).encode()
        self._reading, self._sending, self._again = reading.encode(), sending.encode(), again
        self._turn = count()

    @classmethod
    def of(cls, flask: Flask) -> Refusal:
        """The refusal in the application's own language."""
        with flask.app_context():
            words = str(limits.CROWDED.words)
            page = flask.jinja_env.get_template("kit/busy.html")  # no frame: that belongs to a request
            reading, sending = (page.render(words=words, sending=sending) for sending in (False, True))
            return cls(words, reading, sending, page.render(words=words, action=_ACTION, inputs=_INPUTS))

    def __call__(self, environ: Mapping[str, Any], start_response: Start) -> Iterable[bytes]:
        kind = "application/json" if is_program(environ) else "text/html; charset=utf-8"
        body = self._json if is_program(environ) else self._page(environ)
        headers = [
            ("Content-Type", kind),
            ("Content-Length", str(len(body))),
            ("Retry-After", str(2 + next(self._turn) % 5)),
            ("Cache-Control", "no-store"),
            ("Vary", "HX-Request"),
            ("X-Content-Type-Options", "nosniff"),
            ("Content-Security-Policy", _POLICY),
        ]
        start_response("503 Service Unavailable", headers)
        return [] if environ.get("REQUEST_METHOD") == "HEAD" else [body]

    def _page(self, environ: Mapping[str, Any]) -> bytes:
        if environ.get("REQUEST_METHOD") in SAFE:
            return self._reading
        typed = environ.get("wsgi.input")
        if not isinstance(typed, BytesIO) or "urlencoded" not in environ.get("CONTENT_TYPE", ""):
            return self._sending
        try:
            pairs = parse_qsl(typed.getvalue().decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS)
        except ValueError:
            return self._sending
        if any("password" in name for name, _value in pairs):
            return self._sending
        query = environ.get("QUERY_STRING", "")
        action = quote(environ.get("PATH_INFO", "").encode("latin-1")) + (f"?{query}" if query else "")
        page = self._again.replace(_ACTION, escape(action), 1)
        return page.replace(_INPUTS, hidden(pairs), 1).encode()


def hidden(pairs: Iterable[tuple[str, str]]) -> Markup:
    """What was typed, as inputs that nobody sees."""
    line = Markup('<input type="hidden" name="{}" value="{}">')
    return Markup("").join(line.format(name, value) for name, value in pairs)


def kinds(config: Mapping[str, Any]) -> dict[str, Kind]:
    """Seats, benches and limits as configured."""
    bench, lock = config["WAITING"], config["LOCK_SECONDS"]
    longer = Limit(config["LONG_STATEMENT_SECONDS"], lock)
    return {
        "page": Kind(config["PAGE_SEATS"], bench, Limit(config["STATEMENT_SECONDS"], lock)),
        "figure": Kind(config["FIGURE_SEATS"], -(-bench // 4), longer),
        "file": Kind(config["FILE_SEATS"], -(-bench // 8), longer),
    }


def threads(config: Mapping[str, Any]) -> int:
    """How many threads the server of one process needs."""
    return sum(kind.seats + kind.bench for kind in kinds(config).values()) + SPARE


def init_app(flask: Flask) -> None:
    """Put the room before the application; static files are to be served in front of it."""
    room = Room(flask.wsgi_app, kinds(flask.config), flask.config["PATIENCE"], Refusal.of(flask))
    flask.extensions["admission"] = room
    flask.wsgi_app = room  # type: ignore[method-assign]
