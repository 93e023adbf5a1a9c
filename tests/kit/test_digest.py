"""每日摘要: by category and age on its page; by mail once every working day, whatever dies on the way."""

from __future__ import annotations

import email
import socket
import threading
from collections import Counter
from datetime import date, datetime, timedelta
from email import policy

import lxml.html
import pytest
from sqlalchemy import select, update

from app.kit import clock, digest, mail, rules
from app.kit.digest import AGES, DigestMail
from app.kit.jobs import Job
from app.kit.reminders import Reminder
from app.kit.schedule import Calendar
from app.kit.worker import Worker
from app.models.account import Account
from app.models.assignment import Assignment
from app.models.unit import Unit
from tests.world import words_of

MONDAY = date(2026, 11, 23)


@pytest.fixture
def monday(monkeypatch):
    """It is Monday, nine in the morning."""
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 11, 23, 9))  # noqa: DTZ001 - wall time
    monkeypatch.setattr(clock, "today", lambda: MONDAY)
    monkeypatch.setattr("app.kit.worker.now", clock.now)
    monkeypatch.setattr("app.kit.jobs.now", clock.now)


class Office:
    """A mail server of the house: takes letters, refuses an address, or breaks off at a letter."""

    def __init__(self):
        self.letters, self.breaks_at, self.refuses = [], None, ""
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while True:
            try:
                caller, _address = self.listening.accept()
            except OSError:
                return
            with caller, caller.makefile("rwb") as line:
                self._talk(line)

    def _talk(self, line):
        def say(words):
            line.write(f"{words}\r\n".encode())
            line.flush()

        say("220 office")
        while heard := line.readline().decode().strip():
            verb = heard.partition(" ")[0].upper()
            if verb == "DATA":
                if len(self.letters) == self.breaks_at:
                    self.breaks_at = None
                    return  # the line is dead
                say("354 go on")
                self.letters.append(b"".join(iter(line.readline, b".\r\n")).decode())
                say("250 taken")
            elif verb == "RCPT" and self.refuses and self.refuses in heard:
                say("550 no such person")
            else:
                say("221 bye" if verb == "QUIT" else "250 ok")

    @property
    def readers(self):
        return Counter(
            line[4:] for one in self.letters for line in one.splitlines() if line.startswith("To: ")
        )


@pytest.fixture
def office(app, monkeypatch):
    """Mail is set up."""
    made = Office()
    server = {
        "host": "127.0.0.1",
        "port": made.port,
        "user": "",
        "password": "",
        "sender": "desk@example.org",
    }
    monkeypatch.setitem(app.config, "SMTP", server | {"url": "https://desk.example.org"})
    monkeypatch.setitem(app.config, "DIGEST_HOUR", 8)
    yield made
    made.listening.close()


@pytest.fixture
def told(country, make_archive):
    """西城区 has been told of two files, eight days and today; nobody else of anything."""
    with country.acting() as session:
        session.query(Reminder).delete()
        session.commit()
    for days in (8, 0):
        make_archive("dewai", at="xicheng")
        with country.acting() as session:
            last = session.query(Reminder).order_by(Reminder.id.desc()).first()
            last.created_at = datetime(2026, 11, 23, 8) - timedelta(days=days)  # noqa: DTZ001 - wall time
            last.message = "身份证号110101199003071234请核对"
            session.commit()


def opened(letter):
    return email.message_from_string(letter.replace("\r\n", "\n"), policy=policy.default)


def work(app, times=1):
    for _each in range(times):
        Worker(app, lease=6000, calendar=Calendar(), backoff=(0, 0)).run(once=True)


def test_the_page_tells_category_and_age_and_each_figure_opens_its_reminders(login, country, told, monday):
    clerk = login("xicheng_clerk")
    page = lxml.html.fromstring(clerk.get("/reminder/digest").text)
    [row] = page.xpath("//table[contains(@class, 'kit-matrix')]//tbody/tr")
    assert [cell.text_content().strip() for cell in row] == [
        "困难职工档案",
        "1",
        "0",
        "0",
        "1",
        "2",
        "2026-11-15",
    ]
    for cell in row.xpath("./td[a]"):
        link = cell.find("a").get("href")
        rows = lxml.html.fromstring(clerk.get(link).text).xpath("//table//tbody/tr")
        assert len(rows) == int(cell.text_content())
    assert "8天" in words_of(lxml.html.tostring(page, encoding="unicode"))
    assert not page.xpath("//form[contains(@action, 'mailed')]")  # nothing is mailed here
    assert "没有待处理的提醒" in login("dewai_clerk").get("/reminder/digest").text  # AID-R223


def test_every_day_has_one_age():
    for days in range(40):
        moment = datetime(2026, 11, 23, 8) - timedelta(days=days)  # noqa: DTZ001 - wall time
        held = [a for a in AGES if (a.ends(MONDAY)[0] or "0") <= f"{moment:%Y-%m-%d}" <= a.ends(MONDAY)[1]]
        assert len(held) == 1, days


def test_it_is_mailed_once_to_each_reader_with_numbers_alone(app, country, told, office, monday):
    country.give("xicheng_clerk", "信访接待")  # who may not see them is not told of them
    work(app, times=2)
    assert [sum(office.readers.values()), len(office.readers)] == [1, 1]
    [job] = country.all(Job, Job.kind == "digest")
    assert (job.state, job.key) == ("done", "digest/2026-11-23")
    [letter] = office.letters
    assert "digest-2026-11-23-" in letter
    read = opened(letter)
    assert read["Subject"] == "2条待处理提醒（2026-11-23）"
    assert "西城区总工会有2条待处理提醒" in read.get_content()
    assert "今天1条，超过7天1条" in read.get_content()
    assert "https://desk.example.org/reminder/list/?shelf=open" in read.get_content()
    assert "110101" not in read.get_content()


def test_a_line_that_breaks_doubles_nothing_and_loses_nothing(app, country, told, office, monday):
    office.breaks_at = 1
    work(app)
    assert set(office.readers.values()) == {1}
    assert len(office.readers) == 2  # administrator and clerk
    assert len(country.all(DigestMail)) == 2


def test_a_server_that_is_away_is_asked_again(app, country, told, office, monday, monkeypatch):
    monkeypatch.setitem(app.config, "SMTP", app.config["SMTP"] | {"port": 9})  # nobody listens there
    work(app)
    [job] = country.all(Job, Job.kind == "digest")
    assert (job.state, job.attempts) == ("failed", 3)
    assert not country.all(DigestMail)  # nobody is noted as having got one


def test_what_a_dead_worker_had_in_its_hands_is_not_sent_again(app, country, told, office, monday):
    """kill -9 while the server is about to take a letter: the note of it stands, and the others get theirs."""
    with country.acting() as session:
        account = country.account("xicheng").id
        session.add(DigestMail(day=MONDAY, account_id=account, at=clock.now()))
        session.commit()
    work(app)
    assert sum(office.readers.values()) == 1
    assert "xicheng_clerk.person" in next(iter(office.readers))


def test_who_does_not_want_it_and_whom_the_server_refuses(app, login, country, told, office, monday):
    clerk = login("xicheng_clerk")
    page = clerk.get("/reminder/digest").text
    assert "xicheng_clerk.person@example.org" in page
    assert clerk.post("/reminder/digest/mailed", {"wants": "0"}).status_code == 302
    assert "现在不发送摘要邮件" in clerk.get("/reminder/digest").text
    office.refuses = "xicheng.person@"
    work(app)
    assert office.letters == []
    [job] = country.all(Job, Job.kind == "digest")
    assert job.state == "failed"
    assert job.errors[0]["id"] == country.account("xicheng").id


@pytest.mark.parametrize("bad", ["a@中.cn", "b@x..com", "a@[x.y"])
def test_an_address_that_is_none_keeps_nobody_else_from_his_letter(app, country, told, office, monday, bad):
    """A server without SMTPUTF8, and two at which the library of letters breaks."""
    assert rules.email(bad)
    mine = country.account("xicheng").id
    with country.acting() as session:
        session.execute(update(Account).where(Account.id == mine).values(email=bad))
        session.commit()
    work(app, times=2)
    assert [to.partition("<")[2] for to in office.readers] == ["xicheng_clerk.person@example.org>"]
    [job] = country.all(Job, Job.kind == "digest")
    assert (job.state, job.attempts, [told["id"] for told in job.errors]) == ("partly", 1, [mine])


def test_who_has_posts_in_two_units_gets_one_letter_of_both(app, country, told, office, monday, make_archive):
    make_archive("dewai", at="bj")
    with country.acting() as session:
        clerk = session.scalars(select(Account).where(Account.username == "xicheng_clerk")).one()
        city = session.get_one(Unit, country.unit("bj").id)
        clerk.assignments.append(
            Assignment(unit=city, unit_path=city.path, roles=list(clerk.assignments[0].roles))
        )
        session.commit()
    work(app)
    assert set(office.readers.values()) == {1}
    [letter] = [read for read in map(opened, office.letters) if "xicheng_clerk.person@" in read["To"]]
    assert "西城区总工会有3条待处理提醒" in letter.get_content()
    assert "北京市总工会有1条待处理提醒" in letter.get_content()
    assert letter["Subject"] == "4条待处理提醒（2026-11-23）"


@pytest.mark.parametrize("today", [date(2026, 11, 28), date(2026, 11, 24)])
def test_no_letters_on_a_day_of_rest_nor_for_a_day_that_is_over(
    app, country, told, office, monday, monkeypatch, today
):
    with country.acting() as session:
        from app.kit import jobs
        from app.kit.scope import SYSTEM

        day = today if today.weekday() >= 5 else MONDAY
        jobs.enqueue(session, "digest", SYSTEM, key=f"digest/{day}")
        session.commit()
    monkeypatch.setattr(clock, "today", lambda: today)
    Worker(app, lease=6000).run(once=True)
    assert office.letters == []


def test_without_a_server_nothing_is_enqueued(app, country, told, monday):
    with app.app_context():
        assert not mail.is_configured()
    work(app)
    assert not country.all(Job, Job.kind == "digest")


def test_a_slice_hands_on_to_the_next(app, country, told, office, monday, monkeypatch):
    monkeypatch.setattr(digest, "SLICE", 1)
    work(app)
    assert len(office.readers) == 2
    assert len(country.all(Job, Job.kind == "digest")) == 3
