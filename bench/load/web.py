"""A small HTTP/1.1 client for many persons at once, in one thread: connections are kept and shared, as a proxy does."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

#: the server closes a connection that was idle for two seconds; one that has been idle for so long is left alone
FRESH = 1.0
TIMEOUT = 60.0


class Broken(Exception):
    """No whole answer came: the connection was refused, cut or silent. ``began``: the request had been sent."""

    def __init__(self, why: str, *, began: bool) -> None:
        super().__init__(why)
        self.began = began


@dataclass
class Answer:
    """One answer; ``seconds`` from the planned time of the request to the last byte."""

    status: int
    headers: dict[str, str]
    body: bytes
    seconds: float


@dataclass
class Person:
    """Who asks: an account and its cookies."""

    login: str
    unit: int
    depth: int
    path: str
    cookies: dict[str, str] = field(default_factory=dict)


class Web:
    """The way to one port of loopback."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._idle: deque[tuple[float, asyncio.StreamReader, asyncio.StreamWriter]] = deque()

    async def ask(
        self,
        person: Person,
        path: str,
        form: list[tuple[str, str]] | None = None,
        *,
        due: float = 0.0,
        script: bool = False,
    ) -> Answer:
        """One request. ``due`` is its planned time (perf_counter), ``script`` that a script of the page asks. Raises Broken."""
        start = due or time.perf_counter()
        lines = [
            f"{'GET' if form is None else 'POST'} {quote(path, safe='/?&=%:+')} HTTP/1.1",
            f"Host: 127.0.0.1:{self.port}",
            "Accept: text/html",
        ]
        if person.cookies:
            lines.append("Cookie: " + "; ".join(f"{name}={value}" for name, value in person.cookies.items()))
        if script:
            lines.append("HX-Request: true")
        body = b""
        if form is not None:
            body = urlencode(form).encode()
            lines += ["Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(body)}"]
        request = ("\r\n".join(lines) + "\r\n\r\n").encode() + body
        try:
            async with asyncio.timeout(TIMEOUT):
                status, headers, content = await self._exchange(request, person, again=form is None)
        except TimeoutError:
            raise Broken("silent", began=True) from None
        return Answer(status, headers, content, time.perf_counter() - start)

    async def _exchange(
        self, request: bytes, person: Person, *, again: bool
    ) -> tuple[int, dict[str, str], bytes]:
        connection = self._kept() if again else None
        while True:
            is_kept = connection is not None
            try:
                reader, writer = connection or await asyncio.open_connection(
                    "127.0.0.1", self.port, limit=2**20
                )
            except OSError as why:
                raise Broken(f"no connection: {why}", began=False) from why
            try:
                writer.write(request)
                answer = await self._read(reader, person)
            except (OSError, EOFError, ValueError) as why:
                writer.close()
                if is_kept:  # it was closed while it was idle: reading once more does no harm
                    connection = None
                    continue
                raise Broken(f"cut: {type(why).__name__}", began=True) from why
            except BaseException:
                writer.close()
                raise
            if answer[1].get("connection", "").lower() == "close":
                writer.close()
            else:
                self._idle.append((time.monotonic(), reader, writer))
            return answer

    def _kept(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """The connection that was used last, if it is fresh."""
        now = time.monotonic()
        while self._idle and now - self._idle[0][0] > FRESH:
            self._idle.popleft()[2].close()
        return self._idle.pop()[1:] if self._idle else None

    @staticmethod
    async def _read(reader: asyncio.StreamReader, person: Person) -> tuple[int, dict[str, str], bytes]:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        status = int(head[0].split(" ", 2)[1])
        headers: dict[str, str] = {}
        for line in head[1:-2]:
            name, _sep, value = line.partition(": ")
            if name.lower() == "set-cookie":
                key, _equals, rest = value.partition("=")
                person.cookies[key] = rest.partition(";")[0]
            else:
                headers[name.lower()] = value
        if status in {204, 304}:
            return status, headers, b""
        if "content-length" in headers:
            return status, headers, await reader.readexactly(int(headers["content-length"]))
        pieces = []
        while size := int((await reader.readline()).split(b";")[0], 16):
            pieces.append((await reader.readexactly(size + 2))[:-2])
        await reader.readline()
        return status, headers, b"".join(pieces)

    def close(self) -> None:
        """Close what is kept."""
        while self._idle:
            self._idle.pop()[2].close()
