"""Web and worker processes keep nothing for themselves: two of them, as on two machines, serve one session and one job.

Each has a data folder of its own in which only the folders of files are shared, and its keys from the environment.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from socket import socket
from typing import Any
from urllib.error import HTTPError

import pytest
import sqlalchemy as sa
from werkzeug.test import EnvironBuilder

from app.kit.clock import now
from app.kit.jobs import Job
from app.models.account import Account
from app.models.assignment import Assignment
from tests.browser.conftest import PREPARE
from tests.scratch import scratch_database
from tests.security.browser import answer_to
from tests.world import PASSWORD, Form, errors_of, words_of

ROOT = Path(__file__).parents[2]
#: what machines share below UNIONDESK_HOME (docs/scaling.md)
SHARED = ("attachments", "exports", "results", "uploads")
KEYS = {
    "UNIONDESK_SECRET_KEY": "one secret for all machines" + "0" * 16,
    "UNIONDESK_TOKEN_KEY": "one token key for all machines" + "0" * 16,
    "UNIONDESK_IDENTITY_KEY": "one identity key for all machines",
    "UNIONDESK_FACTOR_KEY": "one factor key for all machines",
}
PNG = bytes.fromhex("89504e470d0a1a0a0000000d4948445200000001000000010806000000") + bytes(40)


class _Stay(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer."""

    def redirect_request(self, *_request: Any) -> None:
        return None


@dataclass
class Traveller:
    """A browser whose every request may go to another machine, as behind a proxy."""

    cookies: dict[str, str] = field(default_factory=dict)
    csrf: str = ""

    def ask(self, url: str, posted: Any = None, **headers: str) -> tuple[int, bytes]:
        """Status and body; what is ``posted`` goes as a form with the CSRF token."""
        body = None
        if posted is not None:
            posted.setdefault("csrf_token", self.csrf)
            built = EnvironBuilder(method="POST", data=posted)
            environ = built.get_environ()
            body = environ["wsgi.input"].read()
            headers["Content-Type"] = environ["CONTENT_TYPE"]
            built.close()
        request = urllib.request.Request(url, data=body, headers=headers)
        request.add_header("Cookie", "; ".join(f"{name}={value}" for name, value in self.cookies.items()))
        opener = urllib.request.build_opener(_Stay, urllib.request.ProxyHandler({}))
        try:
            answer: Any = opener.open(request, timeout=30)
        except HTTPError as error:
            answer = error
        with closing(answer):
            content = answer.read()
            for line in answer.headers.get_all("Set-Cookie") or []:
                name, _equals, value = line.partition(";")[0].partition("=")
                self.cookies[name] = value
        found = re.search(rb'name="csrf_token"[^>]*value="([^"]+)"', content)
        self.csrf = found.group(1).decode() if found else self.csrf
        return answer.status, content

    def page(self, url: str) -> str:
        status, content = self.ask(url)
        assert status == 200, (url, status)
        return words_of(content.decode())

    def form(self, url: str) -> Form:
        """The form of a page."""
        return Form.of(self.ask(url)[1].decode())

    def one_of(self, here: str) -> int:
        """The id of a new file that the person sees; the newest two of the demo country share a number."""
        return int(json.loads(self.ask(f"{here}/api/v1/archive/")[1])["ids"][2])

    def log_in(self, here: str, there: str, name: str, password: str = PASSWORD) -> int:
        """Take the form from one machine and send it to another. Returns the status."""
        page = self.ask(f"{here}/login/")[1].decode()
        typed = {"username": name, "password": password} | answer_to(
            page
        )  # the other machine knows the puzzle
        return self.ask(f"{there}/login/", typed)[0]


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[list[dict[str, str]]]:
    """The environments of three machines before one database; the country is made by the third."""
    shared = tmp_path_factory.mktemp("shared")
    environments = []
    with scratch_database(tmp_path_factory.mktemp("database"), f"machines_{worker_id}") as url:
        for number in range(3):
            home = tmp_path_factory.mktemp(f"machine-{number}")
            for name in SHARED:
                (shared / name).mkdir(exist_ok=True)
                (home / name).symlink_to(shared / name)
            given = {"UNIONDESK_HOME": str(home), "DATABASE_URL": url, "UNIONDESK_DEMO_PASSWORD": PASSWORD}
            environments.append(os.environ | KEYS | given | {"PYTHONWARNINGS": "ignore"})
        subprocess.run([sys.executable, "-c", PREPARE], cwd=ROOT, env=environments[2], check=True)
        yield environments


@pytest.fixture(scope="module")
def web(machines: list[dict[str, str]]) -> Iterator[tuple[str, str]]:
    """The addresses of two web processes."""
    with ExitStack() as stack:
        started = [stack.enter_context(_serving(machine)) for machine in machines[:2]]
        for address, process in started:
            _wait_for(address, process)
        yield started[0][0], started[1][0]


@contextlib.contextmanager
def _serving(environment: dict[str, str]) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A web process that is starting, and its address."""
    with closing(socket()) as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    gunicorn = [sys.executable, "-m", "gunicorn", "-k", "gthread", "-w", "1", "--threads", "2", "-b", address]
    command = [*gunicorn, "--no-control-socket", "--log-level", "warning", "run:app"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment)
    try:
        yield f"http://{address}", process
    finally:
        process.terminate()
        process.wait(20)


def _wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 60
    while True:
        assert process.poll() is None, "the web process ended"
        assert time.monotonic() < until, "the web process did not start"
        with contextlib.suppress(OSError, http.client.HTTPException):
            urllib.request.urlopen(f"{address}/readyz", timeout=2).close()
            return
        time.sleep(0.05)


def work(environment: dict[str, str]) -> None:
    """Let a worker on a machine do what is due."""
    command = [sys.executable, "-m", "flask", "--app", "run", "worker", "--once"]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, timeout=60)


def ask_for_an_export(url: str, name: str) -> int:
    """The id of a job; the page asks for one only when thousands of files are wanted."""
    engine = sa.create_engine(url)
    users, units = Account.__table__, Assignment.__table__
    asked = {"kind": "export", "account_name": name, "state": "waiting", "created_at": now(), "run_at": now()}
    asked |= {"args": {"resource": "archive", "query": {}}, "done": 0, "total": 0, "failed": 0, "errors": []}
    with engine.begin() as connection:
        found = sa.select(users.c.id, units.c.unit_id).join(units, units.c.account_id == users.c.id)
        account, unit = connection.execute(found.where(users.c.username == name)).one()
        asked |= {"account_id": account, "unit_id": unit, "attempts": 0}
        made = sa.insert(Job.__table__).values(asked)
        number = connection.execute(made).inserted_primary_key[0]
    engine.dispose()
    return int(number)


def test_one_session_is_served_by_both_and_ends_on_both(web):
    here, there = web
    clerk = Traveller()
    assert clerk.log_in(here, there, "dewai_clerk") == 302
    assert "职工档案" in clerk.page(f"{here}/archive/list/")
    assert "职工档案" in clerk.page(f"{there}/archive/list/")
    form = clerk.form(f"{here}/archive/edit/{clerk.one_of(here)}").fill({"remarks": "两台机器"})
    status, content = clerk.ask(f"{there}{form.url}", form.values)
    assert status == 302, errors_of(content.decode())
    assert "两台机器" in clerk.page(f"{here}/archive/show/{clerk.one_of(here)}")
    token = json.dumps({"username": "dewai_clerk", "password": PASSWORD, "provider": "db"}).encode()
    asked = urllib.request.Request(
        f"{here}/api/v1/security/login", token, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(asked, timeout=30) as answer:
        bearer = f"Bearer {json.load(answer)['access_token']}"
    assert Traveller().ask(f"{there}/api/v1/archive/", Authorization=bearer)[0] == 200
    kept = dict(clerk.cookies)
    assert clerk.ask(f"{here}/logout/", {})[0] in (200, 302)
    assert Traveller(kept).ask(f"{there}/archive/list/")[0] == 401


def test_a_file_given_to_one_is_handed_out_by_the_other(web, machines):
    here, there = web
    clerk = Traveller()
    assert clerk.log_in(here, here, "dewai_clerk") == 302
    number = clerk.one_of(here)
    page = clerk.ask(f"{here}/archive/show/{number}")[1].decode()
    kind = re.search(r'name="attachment_type".*?value="(\w+)"', page, re.DOTALL)
    assert kind, page
    posted = {"file": (io.BytesIO(PNG), "证明.png", "image/png"), "attachment_type": kind.group(1)}
    url = f"/api/v1/archive/{number}/attachments"
    status, content = clerk.ask(f"{here}{url}", posted, **{"X-CSRFToken": clerk.csrf})
    assert status == 201, content.decode()
    assert clerk.ask(f"{there}{url}/{json.loads(content)['id']}")[1] == PNG


def test_a_job_asked_for_on_one_is_done_on_a_second_and_fetched_from_a_third(web, machines):
    here, there = web
    clerk = Traveller()
    assert clerk.log_in(here, there, "root") == 302
    number = ask_for_an_export(machines[0]["DATABASE_URL"], "root")
    assert "等待" in clerk.page(f"{here}/job/show/{number}")
    work(machines[2])
    assert "成功" in clerk.page(f"{there}/job/show/{number}")
    for address in (here, there):
        status, content = clerk.ask(f"{address}/job/result/{number}")
        assert (status, content[:2]) == (200, b"PK")


def test_a_changed_label_is_seen_by_the_other_at_once(web):
    here, there = web
    root = Traveller()
    assert root.log_in(here, there, "root") == 302
    assert (
        root.ask(f"{here}/archive/add")[0] == root.ask(f"{there}/archive/add")[0] == 200
    )  # both know the labels
    table = json.loads(
        root.ask(f"{here}/api/v1/code_value/?q=(filters:!((col:code,opr:eq,value:low_income)))")[1]
    )
    value = table["ids"][0]
    form = root.form(f"{here}/code_value/edit/{value}").fill({"label": "低保户（新）"})
    status, content = root.ask(f"{here}{form.url}", form.values)
    assert status == 302, words_of(content.decode())
    assert "低保户（新）" in root.page(f"{there}/archive/add")


def test_failed_log_ins_are_counted_over_both(web):
    here, there = web
    guesser = Traveller()
    for number in range(5):
        first, second = (here, there) if number % 2 else (there, here)
        assert guesser.log_in(first, second, "sh_clerk", "wrong") == 401
    assert guesser.log_in(here, here, "sh_clerk") == guesser.log_in(there, there, "sh_clerk") == 429


def test_no_machine_made_keys_or_files_of_its_own(web, machines):
    for machine in machines:
        home = Path(machine["UNIONDESK_HOME"])
        assert {path.name for path in home.iterdir()} == set(SHARED)
        assert all(path.is_symlink() for path in home.iterdir())
