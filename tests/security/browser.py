"""A person's browser."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask.testing import FlaskClient

from app.security import attempts

PASSWORD = "Gong-hui-2026"
LATER = attempts.WINDOW + timedelta(seconds=1)


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
        self.get("/login/")
        return self.post("/login/", {"username": name, "password": password, **fields})

    def cookie(self) -> str:
        return self.client.get_cookie("uniondesk").value
