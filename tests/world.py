"""What tests hold in their hands: the demo country, a clerk's browser, a program with a token, a form."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import lxml.html
from flask import Flask
from flask.testing import FlaskClient
from flask_appbuilder.security.sqla.models import Role
from sqlalchemy import select
from werkzeug.datastructures import MultiDict

from app.kit import saving, tree
from app.kit.database import db
from app.kit.history import RecordVersion
from app.kit.scope import SYSTEM, Actor, acting
from app.models.account import Account
from app.models.unit import Unit
from app.security.visitor import load

PASSWORD = "Gong-hui-2026"  # the demo accounts' in this run only


@dataclass(frozen=True)
class Place:
    """The plain facts of one unit."""

    login: str
    id: int
    name: str
    path: str

    @property
    def depth(self) -> int:
        return tree.depth_of(self.path)


class Country:
    """The demo country by login name."""

    def __init__(self, app: Flask) -> None:
        self.app = app

    @contextmanager
    def acting(self, who: Actor | str = SYSTEM) -> Iterator[Any]:
        """A session in which ``who`` acts; nothing is committed for him."""
        with self.app.app_context():
            actor = self.actor(who) if isinstance(who, str) else who
            with acting(actor):
                yield db.session

    def unit(self, login: str) -> Place:
        """The unit whose administrator is called so."""
        with self.acting() as session:
            account = session.scalars(select(Account).where(Account.username == login)).one()
            unit = account.assignments[0].unit
            return Place(login, unit.id, unit.name, unit.path)

    def account(self, login: str) -> Any:
        """The id and session version of an account."""
        with self.acting() as session:
            return session.execute(
                select(Account.id, Account.session_version, Account.first_name).where(
                    Account.username == login
                )
            ).one()

    def actor(self, login: str) -> Actor:
        """A person as he would act now."""
        who = self.account(login)
        with self.app.app_context():
            visitor = load(f"{who.id}.{who.session_version}")
        assert visitor is not None, login
        return visitor.actor

    def person_of(self, unit: str, right: str | None) -> str:
        """Somebody of a unit who holds a right: its clerk, or its administrator for 用户管理."""
        return unit if right == "用户管理" else f"{unit}_clerk"

    def give(self, login: str, *rights: str) -> None:
        """Let an account hold exactly these rights."""
        with self.acting() as session:
            account = session.scalars(select(Account).where(Account.username == login)).one()
            account.assignments[0].roles = list(session.scalars(select(Role).where(Role.name.in_(rights))))
            session.commit()

    def make(self, model: type[Any], typed: Mapping[str, Any], owner: str | Actor) -> Any:
        """A record saved by the clerk of a unit through the kit's own door."""
        who = owner if isinstance(owner, Actor) else self.actor(f"{owner}_clerk")
        with self.acting(who) as session:
            record = model()
            saving.save(session, record, dict(typed), who)
            pk = record.id
            session.commit()
        return self.read(model, pk)

    def read(self, model: type[Any], pk: int) -> Any:
        """A record as it now stands in the database, past every scope; None when it has gone."""
        with self.acting() as session:
            found = session.scalar(select(model).where(model.id == pk))
            if found is not None:
                for name in (*getattr(model, "children", ()), "owner_unit", "assignments"):
                    if hasattr(model, name):
                        getattr(found, name)
            session.expunge_all()
            return found

    def again(self, record: Any) -> Any:
        """The record as it now stands."""
        return self.read(type(record), record.id)

    def step(self, record: Any, step: str, by: str, **answers: Any) -> Any:
        """Perform a step and commit. Returns the record as it then stands."""
        who = self.actor(by)
        asks = type(record).step_table()[step].asks
        answers = {"message": "请查收。"} | answers if any(ask.name == "message" for ask in asks) else answers
        with self.acting(who) as session:
            found = session.scalars(select(type(record)).where(type(record).id == record.id)).one()
            found.perform(step, who, **answers)
            session.commit()
        return self.again(record)

    def bring(self, record: Any, *, at: str = "", back_at: str = "") -> Any:
        """Report a record up to a unit, or have it returned down to one, by the clerks on its way."""
        goal = self.unit(at or back_at)
        while record.holder_depth > goal.depth - bool(back_at):
            record = self.step(record, "report", self._clerk_of(record))
        if back_at:
            record = self.step(record, "send_back", self._clerk_of(record))
        return record

    def _clerk_of(self, record: Any) -> str:
        path = tree.ancestor(record.owner_path, record.holder_depth)
        with self.acting() as session:
            login = session.scalars(
                select(Account.username)
                .join(Account.assignments)
                .join(Unit)
                .where(Unit.path == path, Account.username.endswith("_clerk"))
            ).one()
        return str(login)

    def versions(self, record: Any) -> list[Any]:
        """The history of a record, the oldest first."""
        with self.acting() as session:
            statement = select(RecordVersion).where(
                RecordVersion.record_type == type(record).resource(), RecordVersion.record_id == record.id
            )
            found = list(session.scalars(statement.order_by(RecordVersion.id)))
            session.expunge_all()
            return found

    def all(self, model: type[Any], *clauses: Any) -> list[Any]:
        """Records past every scope."""
        with self.acting() as session:
            found = list(session.scalars(select(model).where(*clauses).order_by(model.id)))
            session.expunge_all()
            return found


class Clerk(FlaskClient):
    """A person's browser: adds the CSRF token to what it posts, follows no redirect."""

    csrf = ""

    def login(self, name: str, password: str = PASSWORD) -> tuple[str, str]:
        """Log in through the page. Returns cookie and CSRF token."""
        self._take_token(self.get("/login/").text)
        answer = self.post("/login/", {"username": name, "password": password})
        assert answer.status_code == 302, (name, answer.status_code)
        self._take_token(self.get("/password/").text)
        return self.get_cookie("uniondesk").value, self.csrf

    def resume(self, cookie: str, csrf: str) -> None:
        """Go on with a session."""
        self.set_cookie("uniondesk", cookie)
        self.csrf = csrf

    def menu(self) -> str:
        """The home page with every group of the menu opened."""
        page = self.get("/").text
        groups = lxml.html.fromstring(page).xpath("//nav//ul/@data-lines")
        lines = "".join(self.get(f"/menu/{group}").text for group in groups)
        return page.replace("</body>", f"<ul>{lines}</ul></body>")

    def _take_token(self, page: str) -> None:
        found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
        self.csrf = found.group(1) if found else self.csrf

    def post(self, *args: Any, data: Any = None, **more: Any) -> Any:
        url, *rest = args
        data = rest[0] if rest else data
        if "json" not in more and not isinstance(data, str | bytes):
            data = MultiDict(data or {})
            data.setdefault("csrf_token", self.csrf)
        return super().post(url, data=data, **more)

    def open(self, *args: Any, **more: Any) -> Any:
        more.setdefault("buffered", True)  # a streamed file is read to its end and closed
        return super().open(*args, **more)

    def form(self, url: str, form_id: str = "kit-form") -> Form:
        """The form of a page, as the browser would show it."""
        answer = self.get(url)
        assert answer.status_code == 200, (url, answer.status_code, answer.text[:2000])
        return Form.of(answer.text, form_id)

    def submit(self, form: Form, **more: Any) -> Any:
        """Send a form to where it says."""
        return self.post(form.url, form.values, **more)


class Rest(FlaskClient):
    """A program with a bearer token; ``json=`` and the answer's ``.json``."""

    token = ""

    def login(self, name: str, password: str = PASSWORD) -> str:
        """A token for name and password."""
        body = {"username": name, "password": password, "provider": "db"}
        answer = super().open("/api/v1/security/login", method="POST", json=body)
        assert answer.status_code == 200, (name, answer.json)
        return str(answer.json["access_token"])

    def open(self, *args: Any, **more: Any) -> Any:
        headers = dict(more.pop("headers", None) or {})
        more.setdefault("buffered", True)
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        return super().open(*args, headers=headers, **more)


@dataclass
class Form:
    """A form as it stands on a page: where it goes and what it sends."""

    url: str
    values: MultiDict[str, str]

    @classmethod
    def of(cls, page: str, form_id: str = "kit-form") -> Form:
        """Read a form from a page; rows that only a script would use are left out."""
        document = lxml.html.fromstring(page)
        for blank in document.iter("template"):
            blank.clear()
        found = document.get_element_by_id(form_id)
        return cls(found.get("action"), MultiDict(found.form_values()))

    def fill(self, typed: Mapping[str, Any]) -> Form:
        """Type values as a person would; lists are inline rows in place of those that stood there."""
        for name in as_form(typed):
            if name.endswith("-shown"):
                prefix = name.removesuffix("shown")
                for key in [key for key in self.values if key.startswith(prefix)]:
                    del self.values[key]
        for name, value in as_form(typed).items():
            if isinstance(value, list):
                self.values.setlist(name, value)
            else:
                self.values[name] = value
        return self


def as_form(typed: Mapping[str, Any]) -> dict[str, Any]:
    """Typed values under the names that a page gives them; lists of rows become numbered inputs."""
    flat: dict[str, Any] = {}
    for name, value in typed.items():
        if isinstance(value, list) and all(isinstance(row, Mapping) for row in value):
            flat[f"{name}-shown"] = "1"
            for index, row in enumerate(value):
                flat |= {f"{name}-{index}-{key}": _typed(one) for key, one in row.items()}
        else:
            flat[name] = value if isinstance(value, list) else _typed(value)
    return flat


def _typed(value: Any) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    return "" if value is None else str(value)


def errors_of(page: str) -> dict[str, str]:
    """Field → the words beside it, as a page shows them."""
    document = lxml.html.fromstring(page)
    found = {}
    for box in document.find_class("kit-error"):
        name = (box.get("id") or "").removeprefix("f-").removesuffix("-error")
        if name:
            found[name] = box.text_content().strip()
    return found


def words_of(page: str) -> str:
    """The text of a page."""
    return str(lxml.html.fromstring(page).text_content())
