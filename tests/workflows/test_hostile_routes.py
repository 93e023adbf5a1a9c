"""Every route with every kind of nonsense: ids, arguments, forms and bodies. Never a failure of ours, never a record lost.

Generated from the routes, as `test_matrix`: a new route is covered the moment it is there. The pages that have a form
of their own are then asked through it, field by field.
"""

from __future__ import annotations

from collections import Counter

import pytest
from sqlalchemy import func, select

from app.kit.api import RecordApi
from app.kit.view import RecordView
from app.models.archive import Archive
from tests.cases.sampling import on_postgresql
from tests.workflows.test_all_steps import Books
from tests.workflows.test_matrix import INSIDE, VIEWS, address, everything, routes

__all__ = ["everything"]  # a fixture

#: as bytes where no text could be sent: NUL, a lone surrogate, digits of another script, what a formula begins with
NONSENSE = (
    "",
    "\x00",
    b"\xed\xa0\x80",
    b"\xff\xfe",
    "١٢٣",
    "-1",
    "1.5",
    "1e400",
    str(10**9),
    str(2**31),
    str(10**30),
    "NaN",
    "' OR 1=1 --",
    "<script>alert(1)</script>",
    "=cmd|' /C calc'!A0",
    "%s%n{}[]",
    "[" * 400,
    "x" * 20000,
)
#: resources whose records may not be lost by it
BOOKS = (
    "archive",
    "unit",
    "likeness",
    "export_application",
    "saved_query",
    "list_preference",
    "job",
    "reminder",
)
#: ids that no record has, and that no column could hold
NUMBERS = (2**31, 10**30)
#: what the pages read from addresses and forms, beside the conditions of lists
ARGUMENTS = (
    "ids", "survivor", "before", "unit", "target_unit_id", "parent_id", "id_card_no", "source_id_card_no",
    "target_id_card_no", "merge", "list", "of", "shelf", "q", "by", "field", "form", "tab", "but", "number", "id_no",
    "columns", "sort_column", "sort_direction", "page_size", "name", "is_shared", "version", "layer-1", "layer-7",
    "reminder", "came", "next", "whole", "panel", "state", "order", "key", "page", "size", "sub", "message",
    "point-1", "answers-1", "take-0", "pick-full_name", "other-full_name", "family_members-shown", "confirmed",
    "export_unit_id", "archive_kinds", "file", "token", "_l_",
)  # fmt: skip
#: so many of them are asked one by one too
ALONE = 20
BODIES = (
    b"",
    b"null",
    b"[]",
    b'"x"',
    b"{",
    b"\xff\xfe",
    b'{"a":' * 50000,
    b"[" * 100000,
    b'{"ids": NaN}',
    b'{"ids": ["\\ud800", "\\u0000"]}',
    b'{"version": 1e400, "ids": [1e400]}',
)


def some(found):
    """All of them on PostgreSQL, which takes less from anybody; every third on SQLite (docs/decisions/0041)."""
    return list(found)[:: 1 if on_postgresql else 3]


def special(app):
    """The routes that no other type has: merging, the holder, options, queries, moving, sorting, downloading …

    What every type has is asked by `tests.cases`.
    """
    for method, pattern, endpoint, resource, _permission in routes(app):
        name = endpoint.rpartition(".")[2]
        if not hasattr(RecordView, name) and not hasattr(RecordApi, name):
            yield method, pattern, resource


def values():
    """One answer to all that is asked, in each kind of nonsense that JSON can say."""
    for raw in ("", "\x00", "\ud800", None, True, 10**30, -1, 1.5):
        yield raw
        yield [raw]
        yield {"id": raw, "code": raw}


def tried(client, method, url, **sent):
    """The status of an answer; the words of what broke in place of it."""
    try:
        return client.open(url, method=method, **sent).status_code
    except Exception as broken:  # noqa: BLE001 - a failure of ours, told with the others
        return f"{type(broken).__name__}: {broken}"[:200]


def is_ours(status):
    """Whether it is our failure."""
    return not isinstance(status, int) or (status >= 500 and status != 503)


@pytest.fixture
def whole(country):
    """At the end no record is lost and the books are right."""
    with country.acting() as session:
        number = session.scalar(select(func.count(Archive.id)))
    yield
    with country.acting() as session:
        assert session.scalar(select(func.count(Archive.id))) >= number
    Books(country).audit()


def test_no_number_in_an_address_breaks_a_page(app, login, rest):
    browser, program, wrong = login(INSIDE), rest(INSIDE), []
    for method, pattern, *_rest in some(routes(app)):
        for pk in NUMBERS if "<int:" in pattern else ():
            url = address(pattern, pk)
            is_api = pattern.startswith("/api/")
            sent = {"json": {}} if is_api and method in {"POST", "PUT"} else {}
            if method == "POST" and not is_api:
                sent = {"data": {"csrf_token": browser.csrf}}
            status = tried(program if is_api else browser, method, url, **sent)
            if is_ours(status) or status in {200, 201, 202}:
                wrong.append((method, url, status))
    assert not wrong


def test_no_word_in_an_address_breaks_a_page(app, login, rest):
    browser, program, wrong = login(INSIDE), rest(INSIDE), []
    for method, pattern, *_rest in some(routes(app)):
        parts = pattern.split("/")
        holes = [n for n, part in enumerate(parts) if part.startswith("<") and not part.startswith("<int:")]
        for word in (
            ("%00", "%ED%A0%80", "%FF", "..", "x" * 3000, "__class__", "<script>", "%25s") if holes else ()
        ):
            url = "/".join(word if n in holes else part for n, part in enumerate(parts))
            is_api = pattern.startswith("/api/")
            sent = {"data": {"csrf_token": browser.csrf}} if method == "POST" and not is_api else {}
            status = tried(program if is_api else browser, method, address(url), **sent)
            if is_ours(status):
                wrong.append((method, url[:80], status))
    assert not wrong


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_argument_breaks_a_page(app, login, everything, whole, method):
    """All arguments at once with the same nonsense: in the address of a GET, in the form of a POST."""
    browser, wrong = login(INSIDE), []
    for verb, pattern, resource in special(app):
        if verb != method or pattern.startswith("/api/"):
            continue
        url = address(pattern, everything.get(resource) or 1)
        for raw in NONSENSE:
            named = dict.fromkeys(ARGUMENTS, raw)
            sent = (
                {"query_string": named} if method == "GET" else {"data": named | {"csrf_token": browser.csrf}}
            )
            if method == "POST":  # the same in the address, where some of them are read
                sent["query_string"] = dict.fromkeys(("ids", "survivor", "form", "field", "of", "list"), raw)
            status = tried(browser, method, url, **sent)
            if is_ours(status):
                wrong.append((method, url, raw[:20], status))
    assert not wrong


def test_no_argument_alone_breaks_a_page(app, login, everything):
    """One at a time, so that no other is refused before it."""
    browser, wrong = login(INSIDE), []
    for method, pattern, resource in some(special(app)):
        if method != "GET" or pattern.startswith("/api/"):
            continue
        url = address(pattern, everything.get(resource) or 1)
        for name in ARGUMENTS[:ALONE]:
            for raw in (b"\x00\xed\xa0\x80", str(10**30)):
                status = tried(browser, "GET", url, query_string={name: raw})
                if is_ours(status):
                    wrong.append((url, name, raw, status))
    assert not wrong


def test_no_body_breaks_a_resource(app, rest, everything, whole):
    """Steps and what is special over REST: broken JSON, deep JSON, and every name with every kind of value."""
    client, wrong = rest(INSIDE), []
    names = (
        *ARGUMENTS,
        "source_ids",
        "settled",
        "layers",
        "answers",
        "family_members",
        "id",
        "message",
        "password",
    )
    for method, pattern, _endpoint, resource, _permission in routes(app):
        if method not in {"POST", "PUT"} or not pattern.startswith("/api/v1/") or resource not in BOOKS:
            continue
        url = address(pattern, everything.get(resource) or 1)
        for body in BODIES:
            status = tried(client, method, url, data=body, content_type="application/json")
            if is_ours(status):
                wrong.append((method, url, body[:20], status))
        for value in values():
            status = tried(client, method, url, json=dict.fromkeys(names, value))
            if is_ours(status):
                wrong.append((method, url, str(value)[:20], status))
    assert not wrong


def test_no_answer_breaks_a_step(rest, everything, whole):
    """Each ask of each step of a file and of a unit, with every kind of value, for one record and for many."""
    client, wrong, told = rest(INSIDE), [], Counter()
    for resource in ("archive", "unit", "export_application", "likeness"):
        model = VIEWS[resource].model
        for name, step in model.step_table().items():
            for ask in step.asks:
                for value in values():
                    pk = everything.get(resource) or 1
                    for url, more in ((f"{pk}/steps/{name}", {}), (f"steps/{name}", {"ids": [pk]})):
                        body = more | {ask.name: value}
                        status = tried(client, "POST", f"/api/v1/{resource}/{url}", json=body)
                        told[status] += 1
                        if is_ours(status):
                            wrong.append((url, ask.name, str(value)[:20], status))
    assert not wrong
    assert told[422]
