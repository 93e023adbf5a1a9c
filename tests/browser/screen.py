"""What a person does before a browser: words for reading, typing and clicking."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from playwright.sync_api import ConsoleMessage, Locator, Page, Request, Response, expect

from tests.security.browser import DIGITS
from tests.world import PASSWORD

#: Chromium reports every answer of 4xx as an error; of a page, or of what a page asks for, a refusal is an answer
ANSWERS = re.compile(r"Failed to load resource: .*status of (4\d\d)")
#: what a page is made of may not be missing
PARTS = {"script", "stylesheet", "image", "font", "manifest", "media"}

#: choose in a searchable select; what the server would have found is added first
CHOOSE = """(one, value) => {
  if (!one.tomselect.options[value]) one.tomselect.addOption({ value, text: value });
  one.tomselect.setValue(value);
}"""


class Screen:
    """One window."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.on("console", self._note)
        page.on("response", self._judge)
        page.on("requestfailed", self._lost)
        page.on("pageerror", lambda error: self.complaints.append(f"{page.url}: {error}"))

    def _note(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not ANSWERS.search(message.text):
            self.complaints.append(f"{self.page.url}: {message.text}")

    def _judge(self, answer: Response) -> None:
        if answer.status >= 500 or (answer.status >= 400 and answer.request.resource_type in PARTS):
            self.complaints.append(f"{self.page.url}: {answer.status} {answer.url}")

    def _lost(self, request: Request) -> None:
        if request.resource_type in PARTS and "ERR_ABORTED" not in (request.failure or ""):
            self.complaints.append(f"{self.page.url}: {request.failure} {request.url}")

    def log_in(self, name: str, password: str = PASSWORD) -> None:
        """Through the login page."""
        self.page.goto("/login/")
        self.enter(name, password)
        expect(self.page.locator("main h1")).to_contain_text("您好")

    def enter(self, name: str, password: str = PASSWORD) -> None:
        """Name and password into the login page that is open."""
        self.page.fill("#username", name)
        self.page.fill("#password", password)
        self.solve()
        with self.page.expect_navigation():
            self.page.click("button[type=submit]")

    def solve(self) -> None:
        """Answer the puzzle of the login page in words, if it asks one: somebody has failed before."""
        if self.page.locator("#captcha").count():
            self.page.click("#captcha-hint summary")
            one, _and, other, *_rest = self.page.locator("#captcha-hint b").inner_text()
            self.page.fill("#captcha", str(DIGITS.index(one) + DIGITS.index(other)))

    # --- forms ------------------------------------------------------------------------------------------------

    def field(self, name: str) -> Locator:
        """An input by its name."""
        return self.page.locator(f'#kit-form [name="{name}"]')

    def fill(self, values: Mapping[str, Any], prefix: str = "") -> None:
        """Type into the fields of the form what REST would send; inline rows are added as a clerk would."""
        for name, value in values.items():
            if isinstance(value, list):
                self._fill_rows(name, value)
            elif value is not None:
                self._put(f"{prefix}{name}", value)

    def _fill_rows(self, name: str, rows: list[Mapping[str, Any]]) -> None:
        for index, row in enumerate(rows):
            if not self.page.locator(f'[name="{name}-{index}-id"]').count():
                self.page.click(f'[data-child="{name}"] [data-add-row]')
            self.fill(row, f"{name}-{index}-")

    def _put(self, name: str, value: Any) -> None:
        field = self.field(name)
        assert field.count(), f"the form has no field {name}"
        text = {True: "1", False: "0"}.get(value, str(value)) if isinstance(value, bool) else str(value)
        one = field.first
        kind = one.evaluate(
            "one => one.tomselect ? 'search' : one.tagName === 'SELECT' ? 'select' : one.type"
        )
        if kind == "search":
            one.evaluate(CHOOSE, text)
        elif kind == "select":
            one.select_option(text)
        elif kind == "radio":
            self.page.check(f'#kit-form [name="{name}"][value="{text}"]')
        else:
            one.fill(text)
            one.blur()

    def save(self) -> None:
        """The first button of the form; waits for the next page."""
        with self.page.expect_navigation():
            self.page.click("#kit-form [data-save]")

    # --- archives ---------------------------------------------------------------------------------------------

    def add_archive(self, typed: Mapping[str, Any]) -> None:
        """A household entered and saved; its page is open then."""
        self.page.goto("/archive/add?shelf=hardship")
        self.fill(typed)
        self.save()
        expect(self.page).to_have_url(re.compile(r"/archive/show/\d+"))

    def find_archive(self, typed: Mapping[str, Any]) -> Locator:
        """The line of a household in the list."""
        self.page.goto(f"/archive/list/?shelf=hardship&id_card_no={typed['id_card_no']}")
        return self.page.locator("tbody tr")

    def state_of(self, typed: Mapping[str, Any]) -> str:
        """The word of a household's state in the list; a dash when it is not there."""
        line = self.find_archive(typed)
        expect(self.page.locator("#kit-count")).to_contain_text("共")
        return line.locator(".kit-state").inner_text() if line.count() else "–"

    def step(self, typed: Mapping[str, Any], label: str, message: str) -> None:
        """Tick the household, take a step in the dialog, and come back to the list."""
        self.find_archive(typed).locator("[data-tick]").check()
        self.page.click(f".kit-toolbar button:has-text('{label}')")
        if label == "退回":  # asked before the dialog opens (L18)
            self.page.click("#kit-confirm button[value=ok]")
        self.page.fill("#kit-dialog [name=message]", message)
        with self.page.expect_navigation():
            self.page.click("#kit-dialog [data-save]")
        expect(self.page.locator(".kit-alert-green")).to_be_visible()
