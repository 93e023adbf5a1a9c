"""PostgreSQL servers of a test's own: a primary and its streaming replica, in a folder that goes when they go."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

#: nothing here has to survive anything
_QUICK = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "max_connections": "30",
    "wal_level": "replica",
    "autovacuum": "off",
    "listen_addresses": "127.0.0.1",
}


def programs() -> Path | None:
    """The folder of ``initdb`` and ``postgres``, the newest version first; None where no server is installed."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    found += [Path(path).parent for path in [shutil.which("initdb")] if path]
    whole = [folder for folder in found if (folder / "pg_basebackup").exists()]
    return max(
        whole, key=lambda folder: int("".join(filter(str.isdigit, folder.parent.name)) or 0), default=None
    )


def _as_server(*command: str | Path) -> list[str]:
    """A command as the user who may run the server: PostgreSQL refuses root."""
    first = str((programs() or Path()) / command[0])
    whole = [first, *map(str, command[1:])]
    prefix = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--pdeathsig=QUIT"]
    return [*prefix, *whole] if os.geteuid() == 0 else whole


def _free_port() -> int:
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@dataclass
class Server:
    """One server over a data folder."""

    data: Path
    port: int = field(default_factory=_free_port)
    _process: subprocess.Popen[bytes] | None = None

    def url(self, database: str = "postgres") -> str:
        """As SQLAlchemy wants it."""
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{database}"

    def ask(self, statement: Any, database: str = "postgres") -> Any:
        """One value, or None, from a statement of its own transaction."""
        where = f"host=127.0.0.1 port={self.port} user=postgres dbname={database} connect_timeout=5"
        with psycopg.connect(where, autocommit=True) as connection:
            answer = connection.execute(statement)
            row = answer.fetchone() if answer.description else None
            return row[0] if row else None

    def start(self) -> None:
        """Start, and wait until it answers."""
        options = [f"-c{name}={value}" for name, value in (_QUICK | {"port": str(self.port)}).items()]
        options.append(f"-cunix_socket_directories={self.data.parent}")
        log = self.data.parent / f"{self.data.name}.log"
        with log.open("ab") as words:
            command = _as_server("postgres", "-D", self.data, *options)
            self._process = subprocess.Popen(command, stdout=words, stderr=words, cwd=self.data.parent)
        until = time.monotonic() + 20
        while self._process.poll() is None and time.monotonic() < until:
            try:
                self.ask("SELECT 1")
            except psycopg.OperationalError:
                time.sleep(0.05)
            else:
                return
        raise RuntimeError(log.read_text())

    def stop(self) -> None:
        """Stop at once; nothing that it keeps is wanted any more."""
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(20)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Within it a replica receives and does not replay."""
        self.ask("SELECT pg_wal_replay_pause()")
        wait_for(lambda: self.ask("SELECT pg_get_wal_replay_pause_state()") == "paused")
        try:
            yield
        finally:
            self.ask("SELECT pg_wal_replay_resume()")


def wait_for(what: Callable[[], Any], seconds: float = 15) -> None:
    """Wait until something holds; fail when it has not by then."""
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "in vain"
        time.sleep(0.03)


@contextmanager
def primary() -> Iterator[Server]:
    """A running primary that may be replicated; it and what stands beside it go at the end."""
    folder = Path(tempfile.mkdtemp(prefix="uniondesk-clusters-"))
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    server = Server(folder / "primary")
    try:
        settings = ["--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8"]
        _run("initdb", "-D", server.data, *settings)
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


@contextmanager
def replica_of(server: Server) -> Iterator[Server]:
    """A running streaming replica of a primary, beside it."""
    copy = Server(server.data.parent / "replica")
    source = ["-h", "127.0.0.1", "-p", str(server.port), "-U", "postgres"]
    _run("pg_basebackup", "-D", copy.data, *source, "-R", "-X", "stream", "-c", "fast", "--no-sync")
    try:
        copy.start()
        yield copy
    finally:
        copy.stop()


def _run(*command: str | Path) -> None:
    done = subprocess.run(_as_server(*command), capture_output=True, text=True, cwd="/", check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
