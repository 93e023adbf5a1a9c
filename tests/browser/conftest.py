"""A live server of its own, and people in real browsers before it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from app.demo.people import People
from tests.browser.screen import Screen
from tests.scratch import scratch_database
from tests.world import PASSWORD

ROOT = Path(__file__).parents[2]
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
#: what one who makes a demo country of 60 households has to do before the server starts
PREPARE = """
from app.cli.serve import prepare
from app.demo.country import load
from app.kit.database import db
from app.kit.scope import SYSTEM, acting
from run import app

prepare(app)
with app.app_context(), acting(SYSTEM):
    load(db.session, 60)
    db.session.commit()
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here drives Chromium."""
    for item in items:
        if Path(item.path).is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def live_database(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[str]:
    """An empty database for the server: a file, or one beside TEST_DATABASE_URL."""
    with scratch_database(tmp_path_factory.mktemp("live"), f"browser_{worker_id}") as url:
        yield url


@pytest.fixture(scope="session")
def live_place(live_database: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of the server, and of a worker beside it."""
    return os.environ | {
        "UNIONDESK_HOME": str(tmp_path_factory.mktemp("live-home")),
        "DATABASE_URL": live_database,
        "UNIONDESK_DEMO_PASSWORD": PASSWORD,
        "PYTHONWARNINGS": "ignore",
    }


@pytest.fixture(scope="session")
def live(live_place: dict[str, str]) -> Iterator[str]:
    """The address of a running server with the demo country."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment, home = live_place, Path(live_place["UNIONDESK_HOME"])
    subprocess.run([sys.executable, "-c", PREPARE], cwd=ROOT, env=environment, check=True)
    gunicorn = [
        sys.executable,
        "-m",
        "gunicorn",
        "-k",
        "gthread",
        "-w",
        "1",
        "--threads",
        "8",
        "--no-control-socket",
    ]
    gunicorn += ["-b", f"127.0.0.1:{port}", "--log-level", "warning", "run:app"]
    log = (home / "server.log").open("w")
    process = subprocess.Popen(gunicorn, cwd=ROOT, env=environment, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_until_ready(process, f"{url}/readyz")
        yield url
    finally:
        process.terminate()
        process.wait(timeout=20)
        log.close()


def _wait_until_ready(process: subprocess.Popen[bytes], url: str) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("the live server did not start")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One browser for all windows."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def people() -> People:
    """Synthetic people; no number is given twice in a run."""
    return People(11, "650102", "乌鲁木齐市天山区")


@pytest.fixture(scope="session")
def passes() -> dict[str, Any]:
    """Cookies of who has logged in before."""
    return {}


@pytest.fixture
def window(live: str, chromium: Browser) -> Iterator[Callable[..., Screen]]:
    """``window()`` → an empty browser window; what its console complains of fails the test."""
    contexts: list[BrowserContext] = []
    screens: list[Screen] = []

    def open_window(state: Any = None, **options: Any) -> Screen:
        options = {
            "viewport": {"width": 1366, "height": 768},
            "locale": "zh-CN",
            "reduced_motion": "reduce",
        } | options
        context = chromium.new_context(base_url=live, storage_state=state, **options)
        context.set_default_timeout(10_000)
        contexts.append(context)
        screens.append(Screen(context.new_page()))
        return screens[-1]

    yield open_window
    for context in contexts:
        context.close()
    complaints = [line for screen in screens for line in screen.complaints]
    assert not complaints, complaints


@pytest.fixture
def sit(window: Callable[..., Screen], passes: dict[str, Any]) -> Callable[..., Screen]:
    """``sit("dewai_clerk")`` → a window in which that person is logged in."""

    def sit_down(name: str, **options: Any) -> Screen:
        screen = window(passes.get(name), **options)
        if name not in passes:
            screen.log_in(name)
            passes[name] = screen.page.context.storage_state()
        return screen

    return sit_down
