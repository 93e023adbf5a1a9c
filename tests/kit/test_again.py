"""A transaction that the database broke off is done again, whole; what was committed is never repeated."""

from __future__ import annotations

import io

import lxml.html
import psycopg
import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from werkzeug.datastructures import FileStorage

from app.kit import again, audit
from app.kit.attachments import Attachment
from app.kit.limits import LOCKED
from app.kit.workflow import StepLog

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 60


@pytest.fixture
def broken_off():
    """``broken_off(2)`` → the next two commits end as deadlocks; the list tells of each commit that was asked for."""
    asked, left = [], [0]

    def on_commit(session):
        if session.in_nested_transaction():
            return
        asked.append(session)
        if left[0]:
            left[0] -= 1
            raise OperationalError("COMMIT", {}, psycopg.errors.DeadlockDetected("deadlock detected"))

    def begin(times):
        asked.clear()
        left[0] = times
        return asked

    event.listen(Session, "before_commit", on_commit)
    yield begin
    event.remove(Session, "before_commit", on_commit)


def flashed(answer):
    """What stands above a page."""
    return [
        box.text_content().strip() for box in lxml.html.fromstring(answer.text).xpath("//*[@data-alert]/div")
    ]


def logs_of(country, file, step):
    return country.all(StepLog, StepLog.record_id == file.id, StepLog.step == step)


def test_a_step_is_done_again_and_once(country, rest, make_archive, broken_off):
    file, client = make_archive("dewai"), rest("dewai_clerk")
    asked = broken_off(again.TIMES - 1)
    answer = client.post(f"/api/v1/archive/{file.id}/steps/report", json={"message": "请查收"})
    assert answer.status_code == 200, answer.json
    assert len(asked) == again.TIMES
    now = country.again(file)
    assert (now.holder_depth, now.version) == (file.holder_depth - 1, file.version + 1)
    assert len(logs_of(country, file, "report")) == 1
    assert [version.step for version in country.versions(file)].count("report") == 1


def test_a_body_is_read_again_from_its_beginning(country, rest, make_archive, broken_off):
    """The route takes ``ids`` out of what it has read; the next attempt finds them all the same."""
    files, client = [make_archive("dewai") for _n in range(2)], rest("dewai_clerk")
    broken_off(2)
    body = {"ids": [file.id for file in files], "message": "请查收"}
    answer = client.post("/api/v1/archive/steps/report", json=body)
    assert (answer.status_code, answer.json["done"]) == (200, body["ids"]), answer.json
    for file in files:
        assert len(logs_of(country, file, "report")) == 1


def test_who_has_bad_luck_each_time_is_told_and_nothing_has_happened(country, rest, make_archive, broken_off):
    file, client = make_archive("dewai"), rest("dewai_clerk")
    asked = broken_off(again.TIMES)
    answer = client.post(f"/api/v1/archive/{file.id}/steps/report", json={"message": "请查收"})
    assert (answer.status_code, answer.json["message"]) == (409, str(LOCKED.words))
    assert answer.headers["Retry-After"] == str(LOCKED.retry_after)
    assert len(asked) == again.TIMES
    assert country.again(file).version == file.version
    assert not logs_of(country, file, "report")


def test_a_page_is_done_again_and_says_it_once(country, login, make_archive, broken_off):
    file, clerk = make_archive("dewai"), login("dewai_clerk")
    broken_off(1)
    answer = clerk.post("/archive/steps/report", {"ids": [file.id], "message": "请查收"})
    assert answer.status_code == 302
    assert country.again(file).holder_depth == file.holder_depth - 1
    assert flashed(clerk.get("/archive/list/")) == ["上报成功：1条"]


def test_an_upload_is_read_again_from_its_beginning(country, login, make_archive, broken_off):
    """The file is flashed before the commit, and is told and stored once."""
    file, clerk = make_archive("dewai"), login("dewai_clerk")
    broken_off(2)
    sent = {"attachment_type": "id_card", "file": FileStorage(io.BytesIO(PNG), "照片.png")}
    assert clerk.post(f"/archive/attach/{file.id}", sent).status_code == 302
    [stored] = country.all(Attachment, Attachment.record_id == file.id)
    with country.acting():
        assert stored.path.read_bytes() == PNG
    assert flashed(clerk.get(f"/archive/show/{file.id}")) == ["已上传「照片.png」"]


def test_what_was_committed_is_not_repeated(app, country, rest, make_archive, broken_off, monkeypatch):
    """A route that commits and is then broken off is told of it: the first half stands and is not done twice."""
    file, clerk, times = make_archive("dewai"), rest("dewai_clerk"), []
    view = app.extensions["views"]["archive"]

    def two_halves(self, pk):
        times.append(pk)
        who = country.actor("dewai_clerk")
        audit.note(self.session, who, "archive", pk, "look_up", {})
        self.session.commit()
        broken_off(1)
        self.session.commit()

    monkeypatch.setitem(app.view_functions, "archive.show", lambda pk: two_halves(view, pk))
    assert clerk.get(f"/archive/show/{file.id}").status_code == LOCKED.status
    assert times == [file.id]
    assert len(logs_of(country, file, "look_up")) == 1


def test_another_fault_is_not_tried_again(country, rest, make_archive, broken_off, monkeypatch):
    file, client = make_archive("dewai"), rest("dewai_clerk")
    monkeypatch.setattr(again, "BROKEN_OFF", frozenset({"40001"}))
    asked = broken_off(1)
    answer = client.post(f"/api/v1/archive/{file.id}/steps/report", json={"message": "请查收"})
    assert (answer.status_code, len(asked)) == (409, 1)
