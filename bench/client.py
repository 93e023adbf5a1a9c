"""A browser without a face: logs in, gets pages, and counts how many a second eight of it can have."""

from __future__ import annotations

import http.client
import re
import threading
import time
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

from bench.counting import HEADER

_TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"|value="([^"]+)"[^>]*name="csrf_token"')


@dataclass
class Answer:
    """One page as it came."""

    status: int
    body: bytes
    seconds: float
    statements: int = 0
    sql_ms: float = 0.0
    cpu_ms: float = 0.0


@dataclass
class Browser:
    """One logged-in person at one port of loopback."""

    port: int
    cookies: dict[str, str] = field(default_factory=dict)
    _connection: http.client.HTTPConnection | None = None

    def get(self, path: str, *, fresh: bool = False) -> Answer:
        """One page; the connection is kept unless ``fresh``."""
        if fresh:
            self.close()
        try:
            return self._ask("GET", path)
        except (http.client.HTTPException, ConnectionError):  # the server closed an idle connection
            self.close()
            return self._ask("GET", path)

    def log_in(self, name: str, password: str) -> None:
        """Through the login page, as anybody does. Raises RuntimeError when it does not work."""
        found = _TOKEN.search(self.get("/login/").body.decode())
        if found is None:
            raise RuntimeError(f"port {self.port}: no login form")
        typed = {"username": name, "password": password, "csrf_token": found[1] or found[2]}
        self.close()
        answer = self._ask("POST", "/login/", urlencode(typed))
        if answer.status != 302:
            raise RuntimeError(f"port {self.port}: {name} could not log in ({answer.status})")

    def again(self) -> Browser:
        """The same person at another window."""
        return Browser(self.port, dict(self.cookies))

    def close(self) -> None:
        if self._connection:
            self._connection.close()
        self._connection = None

    def _ask(self, method: str, path: str, body: str | None = None) -> Answer:
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        if self._connection is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
            self._connection.connect()
        start = time.perf_counter()
        self._connection.request(method, quote(path, safe="/?&=%:"), body, headers)
        response = self._connection.getresponse()
        content = response.read()
        seconds = time.perf_counter() - start
        for line in response.headers.get_all("Set-Cookie") or ():
            name, _sep, rest = line.partition("=")
            self.cookies[name] = rest.partition(";")[0]
        statements, sql_ms, cpu_ms = (response.headers.get(HEADER) or "0 0 0").split()
        if response.will_close:
            self.close()
        return Answer(response.status, content, seconds, int(statements), float(sql_ms), float(cpu_ms))


def rate(browser: Browser, path: str, seconds: float, clients: int = 8) -> float:
    """Pages a second that ``clients`` windows get together, each asking again as soon as it was answered."""
    done, failed = [0] * clients, []
    until = time.perf_counter() + seconds

    def work(place: int) -> None:
        window = browser.again()
        while time.perf_counter() < until:
            answer = window.get(path, fresh=True)  # a fresh connection, so that both workers get their share
            if answer.status != 200:
                failed.append(answer.status)
                return
            done[place] += 1
        window.close()

    threads = [threading.Thread(target=work, args=(place,)) for place in range(clients)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise RuntimeError(f"{path} answered {failed[0]} under load")
    return sum(done) / (time.perf_counter() - start)
