"""疑点核查: the same person in two units, aid after cancellation, one telephone for several households (issue 5)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from app.kit.clock import today
from app.kit.jobs import Job
from app.models.aid import Aid
from app.models.aid_doubt import AFTER_CANCELLATION, ONE_PHONE, TWO_UNITS, AidDoubt, search
from app.models.archive import Archive
from app.views.aid_doubt import AidDoubtView
from tests.cases.records import RecordViewCases
from tests.workflows.sweeping import work

YEAR = today().year


def worker(country, people, unit="dewai", **overrides):
    return country.make(Archive, people.household(hardship_category="low_income") | overrides, unit)


def aided(country, archive, unit="dewai", on=None, amount="300", up_to=""):
    typed = {
        "id_card_no": archive.id_card_no,
        "aid_category": "own_serious_illness",
        "aid_date": on or f"{YEAR}-01-05",
        "measures": [{"measure": "living", "amount": amount}],
    }
    aid = country.make(Aid, typed, unit)
    return country.bring(aid, at=up_to) if up_to else aid


def check(app, country, unit="xicheng", year=YEAR):
    """The list of a unit after a check, by its clerk."""
    who = country.actor(f"{unit}_clerk")
    with country.acting(who) as session:
        job = search.ask(session, who, year).id
        session.commit()
    work(app)
    done = country.read(Job, job)
    assert done.state == "done", done.message
    return seen(country, unit, year)


def seen(country, unit="xicheng", year=YEAR):
    with country.acting(country.actor(f"{unit}_clerk")) as session:
        found = session.query(AidDoubt).filter(AidDoubt.year == year).order_by(AidDoubt.id).all()
        for one in found:
            one.aids = [item.aid_id for item in one.items]
        session.expunge_all()
        return found


class TestAidDoubt(RecordViewCases):
    view = AidDoubtView
    owner = "xicheng"
    list_args = "?shelf=two_units"

    def make(self, country, people, unit=None, **overrides):
        archive = worker(country, people)
        for one in ("dewai", "xinjiekou"):
            aided(country, archive, one, up_to="xicheng")
        return check(self.app, country, unit or self.owner)[-1]


def test_one_person_in_two_units_is_listed_once_with_both_aids(app, country, people):
    archive = worker(country, people)
    aids = [aided(country, archive, unit, up_to="xicheng") for unit in ("dewai", "xinjiekou")]
    [doubt] = check(app, country)
    assert (doubt.kind, doubt.aids) == (TWO_UNITS, [aid.id for aid in aids])
    assert (doubt.aid_count, doubt.total_amount) == (2, Decimal(600))
    assert archive.full_name in doubt.subject
    assert archive.id_card_no not in doubt.subject


@pytest.mark.parametrize(
    ("second", "on"),
    [("dewai", f"{YEAR}-01-06"), ("xinjiekou", f"{YEAR - 1}-12-31")],
    ids=["the same unit", "another year"],
)
def test_one_unit_or_another_year_is_no_doubt(app, country, people, second, on):
    archive = worker(country, people)
    aided(country, archive, "dewai", up_to="xicheng")
    aided(country, archive, second, on, up_to="xicheng")
    assert check(app, country) == []


def test_what_has_not_come_up_is_not_told(app, country, people):
    archive = worker(country, people)
    aided(country, archive, "dewai", up_to="xicheng")
    aided(country, archive, "xinjiekou")
    assert check(app, country) == []


def test_a_doubt_hides_as_soon_as_one_of_its_aids_has_left_the_sight(app, country, people):
    archive = worker(country, people)
    _first, second = (aided(country, archive, unit, up_to="xicheng") for unit in ("dewai", "xinjiekou"))
    assert len(check(app, country)) == 1
    country.step(second, "send_back", "xicheng_clerk")
    assert seen(country) == []


def test_aid_after_the_file_was_cancelled(app, country, people):
    archive = worker(country, people)
    before = aided(country, archive, on=f"{YEAR}-01-05", up_to="xicheng")
    country.step(archive, "deactivate", "dewai_clerk", cancel_reason="left_unit")
    late = aided(country, archive, on=today().isoformat())
    with country.acting() as session:  # it was cancelled some days ago
        session.get_one(Archive, archive.id).cancelled_at = date(YEAR, 1, 10)
        session.commit()
    country.bring(late, at="xicheng")
    [doubt] = [one for one in check(app, country) if one.kind == AFTER_CANCELLATION]
    assert doubt.aids == [late.id]
    assert before.id not in doubt.aids


def test_several_households_with_one_telephone(app, country, people):
    phones = ("010-6655 4433", "01066554433", "13900112233")
    files = [worker(country, people, phone=phone) for phone in phones]
    aids = [aided(country, file, up_to="xicheng") for file in files]
    for file in files:
        country.bring(file, at="xicheng")
    [doubt] = check(app, country)
    assert (doubt.kind, doubt.aids) == (ONE_PHONE, [aid.id for aid in aids[:2]])
    assert "01066554433" in doubt.subject


def test_one_that_was_put_aside_stays_so_until_an_aid_changes(app, country, people):
    archive = worker(country, people)
    aids = [aided(country, archive, unit, up_to="xicheng") for unit in ("dewai", "xinjiekou")]
    [doubt] = check(app, country)
    country.step(doubt, "dismiss", "xicheng_clerk", dismiss_reason="已核实")
    [again] = check(app, country)
    assert (again.id, again.is_dismissed, again.dismiss_reason) == (doubt.id, True, "已核实")
    country.step(aids[0], "record_exit", "dewai_clerk", exit_method="employed", exit_date=today().isoformat())
    [anew] = check(app, country)
    assert (anew.id, anew.is_dismissed, anew.dismiss_reason) == (doubt.id, False, None)


def test_what_is_no_longer_so_goes_and_other_units_and_years_stay(app, country, people):
    archive = worker(country, people)
    aids = [aided(country, archive, unit, up_to="bj") for unit in ("dewai", "xinjiekou")]
    assert len(check(app, country)) == len(check(app, country, "bj")) == 1
    with country.acting() as session:
        session.get_one(Aid, aids[1].id).aid_date = date(YEAR - 1, 3, 1)
        session.commit()
    assert check(app, country) == []
    assert len(country.all(AidDoubt, AidDoubt.unit_id == country.unit("bj").id)) == 1


def test_a_second_check_of_the_unit_waits_for_the_first(country):
    first, second = country.actor("xicheng_clerk"), country.actor("xicheng")
    with country.acting(first) as session:
        search.ask(session, first, YEAR)
        session.commit()
    with country.acting(second) as session, pytest.raises(Exception, match="请等它完成"):
        search.ask(session, second, YEAR)


def test_a_program_starts_the_check(app, rest, country, people):
    archive = worker(country, people)
    for unit in ("dewai", "xinjiekou"):
        aided(country, archive, unit, up_to="xicheng")
    client = rest("xicheng_clerk")
    answer = client.post("/api/v1/aid_doubt/steps/search", json={"year": YEAR})
    assert answer.status_code == 202
    work(app)
    assert client.get(f"/api/v1/job/{answer.json['job']}").json["result"]["state"] == "成功"
    assert client.get("/api/v1/aid_doubt/?shelf=two_units").json["count"] == 1
    for wrong in ({"year": "１９９９"}, {"year": YEAR + 1}, {"year": None}, {"jahr": 1}):
        assert client.post("/api/v1/aid_doubt/steps/search", json=wrong).status_code in (400, 422), wrong
