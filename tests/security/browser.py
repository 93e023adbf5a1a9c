"""A person's browser."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pyotp
from flask.testing import FlaskClient

from app.security import attempts, factors

PASSWORD = "Gong-hui-2026"
DIGITS = "零一二三四五六七八九"
LATER = attempts.WINDOW + timedelta(seconds=1)


def answer_to(page: str) -> dict[str, str]:
    """The puzzle of a login page with its answer, as its form sends them; nothing where there is none."""
    sealed = re.search(r'name="puzzle" value="([^"]+)"', page)
    if not sealed:
        return {}
    one, other = (DIGITS.index(digit) for digit in re.search(r"<b>(.)加(.)等于几", page).groups())
    return {"puzzle": sealed[1], "captcha": str(one + other)}


@dataclass
class Device:
    """A telephone with the app: codes of the step before, of now and of the next one, in this order, none twice."""

    secret: str
    shown: int = -2

    def code(self) -> str:
        self.shown += 1
        assert self.shown <= 1, "three codes are good at any moment"
        return pyotp.TOTP(self.secret).generate_otp(int(time.time()) // factors.STEP + self.shown)


@dataclass
class Browser:
    """A person's browser: follows no redirect, reads the token of the page it has open."""

    client: FlaskClient
    page: str = ""

    def get(self, path: str, **more: Any) -> Any:
        answer = self.client.get(path, **more)
        self.page = answer.text if answer.mimetype == "text/html" else self.page
        return answer

    @property
    def token(self) -> str:
        found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', self.page)
        return found.group(1) if found else ""

    def post(self, path: str, data: dict[str, str] | None = None, **more: Any) -> Any:
        answer = self.client.post(path, data={"csrf_token": self.token, **(data or {})}, **more)
        self.page = answer.text if answer.mimetype == "text/html" else self.page
        return answer

    def login(self, name: str, password: str = PASSWORD, **fields: str) -> Any:
        """Through the login page; a puzzle that it shows is answered in words."""
        if 'name="captcha"' not in self.page:
            self.get("/login/")
        typed = {"username": name, "password": password} | self.answer() | fields
        told = self.post("/login/", typed)
        if "请填写验证码" in self.page and "captcha" not in typed:
            return self.post("/login/", typed | self.answer())
        return told

    def answer(self) -> dict[str, str]:
        """The puzzle of the open page with its answer."""
        return answer_to(self.page)

    def cookie(self) -> str:
        return self.client.get_cookie("uniondesk").value
