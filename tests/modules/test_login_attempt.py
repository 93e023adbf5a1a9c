"""登录日志: the promises of every record type; that the database keeps it, and what each administrator sees."""

from __future__ import annotations

import lxml.html
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from app.models.account import Account
from app.models.login_attempt import LoginAttempt
from app.security import attempts
from app.views.login_attempt import LoginAttemptView
from tests.cases.records import RecordViewCases


def knock(country, login, outcome="in", factor="password"):
    """A line of the log."""
    with country.acting() as session:
        account = session.query(Account).filter_by(username=login).one()
        attempts.note(session, "", outcome, account, country.actor(login).at, factor)
        session.commit()
    return country.all(LoginAttempt)[-1]


class TestLoginAttempt(RecordViewCases):
    view = LoginAttemptView
    is_versioned = False

    def make(self, country, people, unit=None, **overrides):
        return knock(country, f"{unit or self.owner}_clerk")


def test_it_is_asked_by_person_unit_time_and_outcome(login, country):
    knock(country, "dewai_clerk", "wrong", None)
    knock(country, "xinjiekou_clerk", "wrong", None)
    knock(country, "dewai_clerk", "captcha", None)
    name = country.account("dewai_clerk").first_name
    unit, admin = country.unit("dewai").id, login("xicheng")
    for asked, rows in (
        (f"person_name={name}&outcome=wrong", 1),
        (f"unit_id={unit}&outcome=captcha", 1),
        ("outcome=wrong", 2),
        ("outcome=wrong&at_from=2999-01-01", 0),
        ("address=10.0.0.1", 0),
    ):
        answer = admin.get(f"/login_attempt/list/?{asked}")
        assert answer.status_code == 200
        lines = lxml.html.fromstring(answer.text).xpath("//table//tbody/tr[@data-row or .//a]")
        assert len(lines) == rows, asked
    assert admin.get("/login_attempt/export?format=xlsx&outcome=wrong").data[:2] == b"PK"


def test_it_has_a_line_of_its_own_under_user_administration(login):
    assert "登录日志" in login("dewai").get("/login_attempt/list/").text
    assert login("dewai_clerk").get("/login_attempt/list/").status_code == 403


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE login_attempt SET outcome = 'in' WHERE id = :pk",
        "DELETE FROM login_attempt WHERE id = :pk",
        "UPDATE login_attempt SET account_id = NULL",
    ],
)
def test_the_database_itself_refuses_to_change_it(country, statement):  # DESIGN §10
    line = knock(country, "dewai_clerk", "wrong", None)
    with (
        country.acting() as session,
        pytest.raises(IntegrityError, match="不得修改或删除"),
        session.begin_nested(),
    ):
        session.connection().execute(text(statement), {"pk": line.id} if ":pk" in statement else {})
    assert country.again(line).outcome == "wrong"


def test_a_line_outlives_its_account_and_unit(country, rest, login):  # AID-R219
    admin, unit = rest("xicheng"), country.unit("xicheng").id
    body = {"unit_id": unit, "full_name": "陆远", "gender": "male", "login_name": "luyuan"}
    body |= {"phone": "13800002222", "rights": ["困难职工档案"]}
    pk = admin.post("/api/v1/account/", json=body).json["id"]
    line = knock(country, "luyuan")
    assert admin.delete(f"/api/v1/account/{pk}").status_code == 200
    row = admin.get(f"/api/v1/login_attempt/{line.id}").json["result"]
    assert (row["person_name"], row["login_name"], row["outcome"]["code"]) == ("陆远", "luyuan", "in")
