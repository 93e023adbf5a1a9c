"""Too many at once: who is let in, who waits, who is refused in words, before any SQL (DESIGN §9, issue 3.5)."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from typing import Any

import lxml.html
import pytest
from flask import Flask

from app.cli.serve import web_server
from app.kit import admission
from app.kit.admission import Room
from tests.crowd import LONG, Street, until


@pytest.fixture
def street() -> Iterator[Callable[..., Street]]:
    """``street(seats=…, bench=…, patience=…)``; nobody is left behind."""
    made: list[Street] = []

    def build(**how: Any) -> Street:
        made.append(Street(**how))
        return made[-1]

    yield build
    for one in made:
        one.finish(*one.threads)


# --- the room ---------------------------------------------------------------------------------------------------


def test_a_request_too_many_is_refused_at_once_and_never_reaches_the_application(street):
    here = street(seats=1, bench=0)
    here.sit("/list/a")
    assert here.ask("/list/b") == "503 Service Unavailable"
    assert int(here.headers["/list/b"]["Retry-After"]) >= 1
    assert here.slow.served == ["/list/a"]


def test_who_waits_is_called_in_as_soon_as_a_seat_is_free_the_first_first(street):
    here = street(seats=1, bench=2)
    here.sit("/list/a")
    here.wait("/list/b")
    here.wait("/list/c")
    here.finish("/list/a")
    until(lambda: len(here.slow.served) == 2)
    here.finish("/list/b", "/list/c")
    assert here.slow.served == ["/list/a", "/list/b", "/list/c"]
    assert set(here.answers.values()) == {"200 OK"}
    assert here.busy() == 0


def test_patience_ends_and_the_place_on_the_bench_is_given_up(street):
    here = street(seats=1, bench=1, patience=0.01)
    here.sit("/list/a")
    assert here.ask("/list/b") == "503 Service Unavailable"
    assert here.ask("/list/c") == "503 Service Unavailable"
    state = here.room.halls["page"].state()
    assert (state["late"], state["waiting"]) == (2, 0)
    assert here.slow.served == ["/list/a"]


def test_who_saves_is_called_in_before_who_reads(street):
    here = street(seats=1, bench=3)
    here.sit("/list/a")
    here.wait("/list/b")
    here.wait("/x/add", "POST", HTTP_COOKIE="uniondesk=1")
    here.finish("/list/a")
    until(lambda: len(here.slow.served) == 2)
    assert here.slow.served[1] == "/x/add"


def test_who_saves_takes_the_place_of_the_reader_who_came_last(street):
    here = street(seats=1, bench=2)
    here.sit("/list/a")
    here.wait("/list/b")
    here.wait("/list/c")
    here.wait("/x/add", "POST", HTTP_COOKIE="uniondesk=1")
    here.threads["/list/c"].join(LONG)
    assert here.answers == {"/list/c": "503 Service Unavailable"}
    assert here.room.halls["page"].state()["displaced"] == 1


def test_savers_do_not_displace_each_other(street):
    here = street(seats=1, bench=1)
    here.sit("/list/a")
    here.wait("/x/add", "POST", HTTP_COOKIE="uniondesk=1")
    assert here.ask("/x/edit/1", "POST", HTTP_COOKIE="uniondesk=1") == "503 Service Unavailable"


@pytest.mark.parametrize(
    ("method", "path", "more", "rank"),
    [
        ("POST", "/archive/add", {"HTTP_COOKIE": "uniondesk=1"}, 0),
        ("PUT", "/api/v1/archive/7", {"HTTP_AUTHORIZATION": "Bearer x"}, 0),
        ("POST", "/archive/steps/report", {"HTTP_COOKIE": "uniondesk=1"}, 0),
        ("GET", "/archive/list/", {"HTTP_COOKIE": "uniondesk=1"}, 1),
        ("POST", "/archive/add", {}, 1),
        ("POST", "/archive/draft", {"HTTP_COOKIE": "uniondesk=1"}, 1),
        ("POST", "/login/", {"HTTP_COOKIE": "uniondesk=1"}, 1),
        ("POST", "/api/v1/security/login", {"HTTP_COOKIE": "uniondesk=1"}, 1),
    ],
)
def test_only_a_logged_in_person_who_saves_comes_first(method, path, more, rank):
    assert admission.rank_of({"REQUEST_METHOD": method, "PATH_INFO": path} | more) == rank


def test_lists_have_seats_while_every_seat_of_exports_and_figures_is_taken(street):
    here = street(seats=1, bench=0)
    here.sit("/archive/export")
    here.sit("/archive/statistics")
    assert here.ask("/unit/export") == here.ask("/archive/print/7") == "503 Service Unavailable"
    here.sit("/archive/list/")
    here.finish("/archive/list/")
    assert here.answers["/archive/list/"] == "200 OK"


@pytest.mark.parametrize(
    ("path", "more", "kind"),
    [
        ("/archive/list/", {}, "page"),
        ("/archive/add", {"REQUEST_METHOD": "POST", "CONTENT_LENGTH": "9000"}, "page"),
        ("/file/list/", {}, "page"),
        ("/archive/list/", {"QUERY_STRING": "state=pending&count=exact"}, "figure"),
        ("/archive/statistics", {}, "figure"),
        ("/api/v1/archive/statistics", {}, "figure"),
        ("/archive/print", {}, "figure"),
        ("/archive/word/7", {}, "figure"),
        ("/archive/export", {}, "file"),
        ("/archive/import", {"REQUEST_METHOD": "POST"}, "file"),
        ("/archive/attach/7", {"REQUEST_METHOD": "POST"}, "file"),
        ("/archive/file/7/3", {}, "file"),
        ("/job/result/7", {}, "file"),
        ("/archive/edit/7", {"REQUEST_METHOD": "POST", "CONTENT_LENGTH": str(2**20)}, "file"),
        ("/archive/edit/7", {"REQUEST_METHOD": "POST", "HTTP_TRANSFER_ENCODING": "chunked"}, "file"),
    ],
)
def test_an_address_tells_the_kind_of_its_work(path, more, kind):
    assert admission.kind_of({"PATH_INFO": path, "QUERY_STRING": ""} | more) == kind


def test_health_is_answered_when_nobody_else_is(street):
    here = street(seats=1, bench=0)
    here.sit("/list/a")
    assert here.ask("/healthz") == "200 OK"
    assert here.ask("/list/b") == "503 Service Unavailable"


def test_an_answer_of_known_length_gives_its_seat_back_while_it_is_still_being_sent(street):
    here = street(seats=1, bench=0)
    here.sit("/list/a")
    here.finish("/list/a")
    assert list(here.bodies["/list/a"]) == [b"ok"]
    assert here.busy() == 0


def test_a_stream_keeps_its_seat_until_its_end(street):
    here = street(seats=1, bench=0)
    here.slow.door("/archive/export").set()
    here.ask("/archive/export")
    pieces = here.bodies["/archive/export"]
    assert next(pieces) == b"one\n"
    assert here.busy("file") == 1
    assert list(pieces) == [b"two\n"]
    assert here.busy("file") == 0
    pieces.close()
    assert here.busy("file") == 0, "the seat was given back twice"


def test_a_stream_that_is_broken_off_gives_its_seat_back(street):
    here = street(seats=1, bench=0)
    here.slow.door("/archive/export").set()
    here.ask("/archive/export")
    next(here.bodies["/archive/export"])
    here.bodies["/archive/export"].close()
    assert here.busy("file") == 0


def test_a_failure_gives_its_seat_back(street):
    here = street(seats=1, bench=0)
    here.slow.door("/broken").set()
    with pytest.raises(ValueError, match="/broken"):
        here.ask("/broken")
    assert here.busy() == 0


def test_a_slow_line_is_waited_for_before_the_seat_is_taken(street):
    here = street(seats=1, bench=0)
    arriving, arrived = threading.Event(), threading.Event()

    class Line(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            arriving.set()
            assert arrived.wait(LONG)
            return super().read(size)

    here.come("/x/add", "POST", **{"CONTENT_LENGTH": "3", "wsgi.input": Line(b"a=1")})
    assert arriving.wait(LONG)
    assert here.busy() == 0
    here.sit("/list/a")
    here.finish("/list/a")
    arrived.set()
    here.finish("/x/add")
    assert here.answers["/x/add"] == "200 OK"


def test_a_client_that_stands_still_is_left(street):
    here, waits = street(), []

    class Connection:
        def settimeout(self, seconds: float) -> None:
            waits.append(seconds)

    here.slow.door("/list/a").set()
    here.ask("/list/a", **{"gunicorn.socket": Connection()})
    assert waits == [admission.STALLED]


def test_those_who_were_refused_together_do_not_return_together(street):
    here = street(seats=1, bench=0)
    here.sit("/list/a")
    times = set()
    for _each in range(10):
        here.ask("/list/b")
        times.add(here.headers["/list/b"]["Retry-After"])
    assert times == {"2", "3", "4", "5", "6"}


def test_the_server_has_threads_to_refuse_with(app):
    kinds = admission.kinds(app.config).values()
    assert admission.threads(app.config) > sum(kind.seats + kind.bench for kind in kinds)
    command = web_server(app, "127.0.0.1:8080")
    assert command[command.index("--threads") + 1] == str(admission.threads(app.config))
    assert app.config["SQLALCHEMY_ENGINE_OPTIONS"]["pool_size"] >= sum(kind.seats for kind in kinds)


# --- the room of the application --------------------------------------------------------------------------------


@pytest.fixture
def crowded(app: Flask, login: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    """The application's room with somebody on every seat and nowhere to wait; a clerk came in before."""
    login("dewai_clerk")
    room: Room = app.extensions["admission"]
    taken = []
    for hall in room.halls.values():
        monkeypatch.setattr(hall, "bench", 0)
        for _each in range(hall.seats):
            hall.enter(0)
            taken.append(hall)
    yield room
    for hall in taken:
        hall.leave()


def test_a_person_is_refused_in_words_without_any_sql_and_stays_logged_in(
    login, crowded, statements, monkeypatch
):
    clerk = login("dewai_clerk")
    with statements() as sent:
        answer = clerk.get("/archive/list/")
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert "现在使用的人太多" in answer.text
    assert "您的登录仍然有效" in answer.text
    assert "Set-Cookie" not in answer.headers
    assert sent == []
    crowded.halls["page"].leave()
    assert clerk.get("/archive/list/").status_code == 200
    crowded.halls["page"].enter(0)


def test_a_form_that_is_refused_comes_back_with_everything_that_was_typed(login, crowded):
    clerk = login("dewai_clerk")
    typed = {"full_name": "王<秀>英", "remarks": 'a&b "c"', "token": "7", "empty": ""}
    answer = clerk.post("/archive/add?shelf=hardship", typed)
    assert answer.status_code == 503
    form = lxml.html.fromstring(answer.text).forms[0]
    assert (form.get("action"), form.method) == ("/archive/add?shelf=hardship", "POST")
    assert dict(form.form_values()) == typed | {"csrf_token": clerk.csrf}
    crowded.halls["page"].leave()
    again = clerk.post(form.get("action"), dict(form.form_values()))
    assert again.status_code == 422
    assert "王&lt;秀&gt;英" in again.text
    crowded.halls["page"].enter(0)


def test_a_password_is_not_repeated(anonymous, crowded):
    answer = anonymous.post("/login/", {"username": "dewai_clerk", "password": "Very-secret-1"})
    assert answer.status_code == 503
    assert "没有保存" in answer.text
    assert "Very-secret-1" not in answer.text


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/api/v1/archive/", {}),
        ("/archive/list/", {"HX-Request": "true"}),
        ("/unit/pick", {"Accept": "application/json"}),
    ],
)
def test_a_program_and_a_script_of_ours_are_refused_in_json(login, crowded, path, headers):
    answer = login("dewai_clerk").get(path, headers=headers)
    assert answer.status_code == 503
    assert "请稍等几秒再试" in answer.json["message"]
    assert answer.headers["Retry-After"]


def test_health_readiness_and_static_files_are_answered_in_a_crowd(anonymous, crowded):
    assert anonymous.get("/healthz").json == {"status": "ok"}
    assert anonymous.get("/static/kit/kit.css").status_code == 200
    before = anonymous.get("/readyz").json["room"]["page"]
    assert before["busy"] == before["seats"]
    anonymous.get("/login/")
    assert anonymous.get("/readyz").json["room"]["page"]["full"] == before["full"] + 1
