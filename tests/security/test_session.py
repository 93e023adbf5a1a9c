"""What surrounds a request."""

from __future__ import annotations

import pytest
from flask import request

from app.kit import database
from app.kit.access import writes


@pytest.mark.parametrize(
    ("method", "path", "quiet"), [("GET", "/login/", True), ("HEAD", "/", True), ("POST", "/login/", False)]
)
def test_a_request_that_reads_takes_no_write_lock(house, method, path, quiet):
    from app.security import session

    with house.test_request_context(path, method=method):
        session._begin()
        assert database._read_only.get() is quiet
        session._end(None)
        assert database._read_only.get() is False


def test_a_get_that_leaves_a_note_takes_it_at_once(house, monkeypatch):
    from app.security import session

    @writes
    def export():
        """Nothing."""

    with house.test_request_context("/login/"):
        monkeypatch.setitem(house.view_functions, request.endpoint, export)
        session._begin()
        assert database._read_only.get() is False
        session._end(None)


def test_identity_does_not_leak_where_the_context_is_shared(house):
    from tests.security.browser import Browser

    with house.app_context():  # as a careless test, or a command, might
        known, stranger = Browser(house.test_client()), house.test_client()
        known.login("bj")
        assert known.get("/").status_code == 200
        assert stranger.get("/").status_code == 401
        assert stranger.get("/password/").status_code == 401
        other = Browser(house.test_client())
        other.login("sh")
        assert "bj管理员" not in other.get("/").text
