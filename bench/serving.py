"""Applications and workers as processes of the bench's own, ended by their process ids; how much memory they took."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from bench.client import Browser

ROOT = Path(__file__).parents[1]
#: the same for every contestant
GUNICORN = (
    "-k",
    "gthread",
    "-w",
    "2",
    "--threads",
    "4",
    "--no-control-socket",
    "--log-level",
    "warning",
    "-t",
    "600",
)


@contextlib.contextmanager
def _ended(child: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    try:
        yield child
    finally:
        child.terminate()
        try:
            child.wait(timeout=15)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


@dataclass(frozen=True)
class Served:
    """An application under gunicorn: its port on loopback, and the process that leads its workers."""

    port: int
    pid: int


@contextlib.contextmanager
def served(module: str, environment: dict[str, str], door: str) -> Iterator[Served]:
    """An application on a free port; ``door`` is the page that says it is up. Raises RuntimeError when it never is."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", *GUNICORN, "-b", f"127.0.0.1:{port}", f"{module}:app"]
    with _ended(subprocess.Popen(command, cwd=ROOT, env=environment)) as child:
        _await(port, child, door)
        yield Served(port, child.pid)


def _await(port: int, child: subprocess.Popen[bytes], door: str) -> None:
    for _each in range(240):
        if child.poll() is not None:
            raise RuntimeError("the server ended before it began")
        with contextlib.suppress(OSError, http.client.HTTPException):
            if Browser(port).get(door).status == 200:
                return
        time.sleep(0.25)
    raise RuntimeError("the server did not come up")


@contextlib.contextmanager
def worker(environment: dict[str, str]) -> Iterator[int]:
    """The product's own worker for background jobs. Yields its process id."""
    command = [sys.executable, "-m", "flask", "--app", "run", "worker"]
    with _ended(subprocess.Popen(command, cwd=ROOT, env=environment)) as child:
        yield child.pid


def children(pid: int) -> list[int]:
    """The processes that a process has started, and itself."""
    found = [pid]
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += children(int(child))
    return found


def _memory(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1])
    return 0


@dataclass
class Watch:
    """Looks at the memory of a process and its children every tenth of a second while something long runs."""

    pid: int
    peak: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(self, *_why: object) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def peak_mb(self) -> float:
        """The most that one process held, in MB."""
        return round(self.peak / 1024, 1)

    def _look(self) -> None:
        while not self._stop.wait(0.1):
            for one in children(self.pid):
                with contextlib.suppress(OSError):
                    self.peak = max(self.peak, _memory(one, "VmRSS"))


def environment_of(settings: dict[str, str], **more: str) -> dict[str, str]:
    """The environment of a child: that of the bench, without what belongs to this terminal."""
    return {**os.environ, **settings, **more}
