"""A browser without a face: logs in, gets pages, and counts how many a second eight of it can have."""

from __future__ import annotations

import http.client
import json
import re
import threading
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from bench.counting import HEADER

#: the hidden field of a login form: ours and Flask-AppBuilder's, and Django's
_TOKEN = re.compile(
    r'name="(?P<field>csrf_token|csrfmiddlewaretoken)"[^>]*value="(?P<value>[^"]+)"'
    r'|value="(?P<value2>[^"]+)"[^>]*name="(?P<field2>csrf_token)"'
)
#: seconds after which an answer is given up
PATIENCE = 300


@dataclass
class Answer:
    """One page as it came."""

    status: int
    body: bytes
    seconds: float
    statements: int = 0
    sql_ms: float = 0.0
    cpu_ms: float = 0.0
    #: where it sends us
    location: str = ""


@dataclass
class Browser:
    """One logged-in person at one port of loopback."""

    port: int
    cookies: dict[str, str] = field(default_factory=dict)
    token: str = ""
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

    def log_in(self, name: str, password: str, door: str = "/login/") -> None:
        """Through the login page, as anybody does. Raises RuntimeError when it does not work."""
        found = _TOKEN.search(self.get(door).body.decode())
        if found is None:
            raise RuntimeError(f"port {self.port}: no login form")
        token = {found["field"] or found["field2"]: found["value"] or found["value2"]}
        self.close()
        answer = self._ask("POST", door, urlencode({"username": name, "password": password, **token}))
        if answer.status != 302:
            raise RuntimeError(f"port {self.port}: {name} could not log in ({answer.status})")

    def post(self, path: str, body: bytes, kind: str) -> Answer:
        """A form as the browser sends it; ``kind`` is its content type."""
        return self._ask("POST", path, body, {"Content-Type": kind})

    def post_json(self, path: str, body: dict[str, Any]) -> Answer:
        """One request of REST, with the token of `let_in`."""
        return self._ask("POST", path, json.dumps(body), {"Content-Type": "application/json"})

    def let_in(self, name: str, password: str) -> None:
        """A token of REST. Raises RuntimeError when there is none."""
        typed = {"username": name, "password": password, "provider": "db"}
        answer = self.post_json("/api/v1/security/login", typed)
        if answer.status != 200:
            raise RuntimeError(f"port {self.port}: {name} got no token ({answer.status})")
        self.token = json.loads(answer.body)["access_token"]

    def again(self) -> Browser:
        """The same person at another window."""
        return Browser(self.port, dict(self.cookies), self.token)

    def close(self) -> None:
        if self._connection:
            self._connection.close()
        self._connection = None

    def headers(self) -> dict[str, str]:
        """Who is asking."""
        cookies = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        return {
            **(cookies if self.cookies else {}),
            **({"Authorization": f"Bearer {self.token}"} if self.token else {}),
        }

    def _ask(
        self, method: str, path: str, body: str | bytes | None = None, more: dict[str, str] | None = None
    ) -> Answer:
        headers = self.headers() | (more or {})
        if body is not None:
            headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
        if self._connection is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
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
        where = response.headers.get("Location") or ""
        return Answer(response.status, content, seconds, int(statements), float(sql_ms), float(cpu_ms), where)


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
