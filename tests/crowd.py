"""A crowd before a room: a slow application, and people who come to it in threads of their own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from app.kit.admission import Kind, Refusal, Room
from app.kit.limits import Limit

#: nothing here takes long; what waits longer has hung
LONG = 20.0


def until(holds: Callable[[], Any]) -> None:
    """Wait for what another thread is about to do."""
    end = time.monotonic() + LONG
    while not holds():
        assert time.monotonic() < end, "it never came about"
        time.sleep(0.002)


class Slow:
    """An application that tells who has come in, and lets each go when it is told to."""

    def __init__(self) -> None:
        self.served: list[str] = []
        self._doors: dict[str, threading.Event] = {}

    def door(self, path: str) -> threading.Event:
        return self._doors.setdefault(path, threading.Event())

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        path = environ["PATH_INFO"]
        door = self.door(path)
        self.served.append(path)
        if not path.startswith("/healthz"):
            assert door.wait(LONG)
        if path.startswith("/broken"):
            raise ValueError(path)
        if path.endswith("/export"):
            start_response("200 OK", [("Content-Type", "text/csv")])
            return iter([b"one\n", b"two\n"])
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
        return [b"ok"]


class Street:
    """People who come to a room, each in a thread of his own."""

    def __init__(self, *, seats: int = 1, bench: int = 1, patience: float = LONG) -> None:
        self.slow = Slow()
        kinds = {name: Kind(seats, bench, Limit()) for name in ("page", "figure", "file")}
        refusal = Refusal(
            "人太多", "<p>请稍后再试</p>", "<p>没有保存</p>", "<form>@@action@@ @@inputs@@</form>"
        )
        self.room = Room(self.slow, kinds, patience, refusal)
        self.threads: dict[str, threading.Thread] = {}
        self.answers: dict[str, str] = {}
        self.headers: dict[str, dict[str, str]] = {}
        self.bodies: dict[str, Any] = {}

    def ask(self, path: str, method: str = "GET", **environ: Any) -> str:
        """A request, here and now. Returns its status."""

        def start(status: str, headers: list[tuple[str, str]], *_more: Any) -> None:
            self.answers[path], self.headers[path] = status, dict(headers)

        request = {"PATH_INFO": path, "REQUEST_METHOD": method, "QUERY_STRING": ""} | environ
        self.bodies[path] = self.room(request, start)
        return self.answers[path]

    def come(self, path: str, method: str = "GET", **environ: Any) -> None:
        """A request in a thread."""
        thread = threading.Thread(target=self.ask, args=(path, method), kwargs=environ)
        self.threads[path] = thread
        thread.start()

    def sit(self, path: str) -> None:
        """Somebody who takes a seat and keeps it."""
        self.come(path)
        until(lambda: path in self.slow.served)

    def wait(self, path: str, method: str = "GET", kind: str = "page", **environ: Any) -> None:
        """Somebody who finds no seat and sits down on the bench."""
        before = self.room.halls[kind].state()["waited"]
        self.come(path, method, **environ)
        until(lambda: self.room.halls[kind].state()["waited"] > before)

    def finish(self, *paths: str) -> None:
        """Let them go, and wait until they have gone."""
        for path in paths:
            self.slow.door(path).set()
        for path in paths:
            self.threads[path].join(LONG)

    def busy(self, kind: str = "page") -> int:
        return self.room.halls[kind].state()["busy"]
