"""Money between aid records and summary tables: any deeds in any order, in bulk, through merges and moves."""

from __future__ import annotations

import random
from decimal import Decimal

import pytest
from sqlalchemy import select

from app.kit import saving
from app.kit.errors import AppError
from app.kit.jobs import Job
from app.kit.worker import Worker
from app.models.aid import Aid
from app.models.aid_measure import AidMeasure
from app.models.archive import Archive
from app.models.fund_summary import FundSummary
from app.models.fund_summary_line import FundSummaryLine
from tests.summaries import HEAD, Money

MESSAGE = {"message": "请查收"}


@pytest.fixture
def money(country, people):
    return Money(country, people)


def work(app):
    """Do every job that is due."""
    Worker(app, lease=6000).run(once=True)


# --- any deeds in any order -----------------------------------------------------------------------------------


class Books:
    """A small model of one unit's money, told again in dictionaries: what each deed must do, or refuse."""

    def __init__(self, country, money, seed):
        self.country, self.money, self.chance = country, money, random.Random(seed)
        self.who = country.actor("dewai_clerk")
        self.workers = [money.worker() for _n in range(3)]
        #: measure → [aid, amount]
        self.amounts: dict[int, list] = {}
        #: table → [source, measures in it, reported]
        self.tables: dict[int, list] = {}
        self.inserted = 0

    def holder(self, measure):
        return next((pk for pk, (_source, held, _up) in self.tables.items() if measure in held), None)

    def attempt(self, model, pk, deed):
        """Do it as the clerk. Returns whether it was done."""
        with self.country.acting(self.who) as session:
            found = session.scalars(select(model).where(model.id == pk)).one()
            try:
                deed(session, found)
                session.commit()
            except AppError:
                session.rollback()
                return False
            return True

    def perform(self, table, step, **answers):
        return self.attempt(FundSummary, table, lambda _s, found: found.perform(step, self.who, **answers))

    def pick(self, of):
        return self.chance.choice(list(of)) if of else None

    # --- the deeds: each says what it expects, and keeps the model -----------------------------------------------

    def aid(self):
        amount = str(self.chance.randint(1, 500))
        made = self.money.aid(worker=self.pick(self.workers), living=amount)
        self.amounts[made.measures[0].id] = [made.id, Decimal(amount)]

    def table(self):
        source = self.chance.choice(["central", "local"])
        self.tables[self.money.table("dewai", source=source).id] = [source, set(), False]

    def insert(self):
        table, wanted = (
            self.pick(self.tables),
            self.chance.sample(list(self.amounts), min(3, len(self.amounts))),
        )
        if table is None or not wanted:
            return
        free = {one for one in wanted if self.holder(one) is None}
        expected = bool(free) and not self.tables[table][2]
        assert self.perform(table, "insert_lines", measure_line_ids=wanted) is expected
        if expected:
            self.tables[table][1] |= free
            self.inserted += len(free)

    def remove(self):
        table = self.pick([pk for pk, (_source, held, _up) in self.tables.items() if held])
        if table is None:
            return
        measure = self.pick(self.tables[table][1])
        [line] = self.country.all(FundSummaryLine, FundSummaryLine.measure_line_id == measure)
        expected = not self.tables[table][2]
        assert self.perform(table, "remove_line", line_id=line.id) is expected
        if expected:
            self.tables[table][1].remove(measure)

    def delete_table(self):
        table = self.pick(self.tables)
        if table is None:
            return
        expected = not self.tables[table][2]
        assert self.attempt(FundSummary, table, lambda s, one: saving.delete(s, one, self.who)) is expected
        if expected:
            del self.tables[table]

    def report(self):
        table = self.pick(self.tables)
        if table is None:
            return
        _source, held, up = self.tables[table]
        expected = bool(held) and not up
        assert self.perform(table, "report", **MESSAGE) is expected
        self.tables[table][2] = up or expected

    def send_back(self):
        table = self.pick([pk for pk, (_source, _held, up) in self.tables.items() if up])
        if table is not None:
            self.country.step(self.country.read(FundSummary, table), "send_back", "xicheng_clerk")
            self.tables[table][2] = False

    def edit_aid(self):
        measure = self.pick(self.amounts)
        if measure is None:
            return
        amount = Decimal(self.chance.randint(501, 900))
        typed = {"measures": [{"id": measure, "measure": "living", "amount": str(amount)}]}
        expected = self.holder(measure) is None
        done = self.attempt(
            Aid, self.amounts[measure][0], lambda s, one: saving.save(s, one, typed, self.who)
        )
        assert done is expected
        if expected:
            self.amounts[measure][1] = amount

    def delete_aid(self):
        measure = self.pick(self.amounts)
        if measure is None:
            return
        expected = self.holder(measure) is None
        done = self.attempt(Aid, self.amounts[measure][0], lambda s, one: saving.delete(s, one, self.who))
        assert done is expected
        if expected:
            del self.amounts[measure]

    def compare(self):
        """The database says what the model says."""
        self.money.check_books()
        tables = {one.id: one for one in self.country.all(FundSummary)}
        assert set(tables) == set(self.tables)
        for pk, (source, held, up) in self.tables.items():
            assert {line.measure_line_id for line in self.money.lines(tables[pk])} == held
            assert tables[pk].total_amount == sum((self.amounts[one][1] for one in held), Decimal(0))
            assert (tables[pk].source, tables[pk].holder_depth == 3) == (source, up)
        stored = {one.id: one for one in self.country.all(AidMeasure, AidMeasure.id.in_(self.amounts))}
        assert {pk: one.amount for pk, one in stored.items()} == {
            pk: two[1] for pk, two in self.amounts.items()
        }
        assert {pk for pk, one in stored.items() if one.is_summarised} == {
            pk for pk in self.amounts if self.holder(pk) is not None
        }
        assert all(one.fund_category is None for one in stored.values() if not one.is_summarised)


DEEDS = (
    "aid",
    "table",
    "insert",
    "insert",
    "insert",
    "remove",
    "delete_table",
    "report",
    "send_back",
    "edit_aid",
    "delete_aid",
)


@pytest.mark.parametrize("seed", range(3))
def test_the_books_are_right_after_any_deeds(country, money, seed):  # AID-R187, R188, R189, R190, SM-AID-15
    books = Books(country, money, seed)
    for deed in books.chance.sample(DEEDS * 7, len(DEEDS) * 7):
        getattr(books, deed)()
        books.compare()
    assert books.inserted > 5


# --- all at once ------------------------------------------------------------------------------------------------


def test_candidates_are_the_money_that_fits_and_is_free(login, money):  # SM-AID-15 2, R188
    clerk, table = login("dewai_clerk"), money.table()
    worker = money.worker(full_name="欧阳修竹")
    fits = money.amount(worker=worker)
    others = [
        money.amount(medical="8"),
        money.amount(day="2025-12-31"),
        money.amount("caohejing"),
        money.amount("xinfeng"),
    ]
    taken = money.amount()
    money.insert(money.table("dewai", source="local"), taken)
    page = clerk.get(f"/fund_summary/candidates/{table.id}").text
    assert f'name="ids" value="{fits}"' in page
    assert [pk for pk in [*others, taken] if f'name="ids" value="{pk}"' in page] == []
    assert worker.id_card_no not in page  # masked, as in every list
    for asked, there in (
        ("full_name=欧阳修竹", True),
        ("full_name=司马", False),
        (f"id_card_no={worker.id_card_no}", True),
        ("aid_date_from=2026-03-02&aid_date_to=2026-03-02", True),
        ("aid_date_from=2026-03-03", False),
    ):
        found = clerk.get(f"/fund_summary/candidates/{table.id}?{asked}").text
        assert (f'name="ids" value="{fits}"' in found) is there, asked
    assert "应写作" in clerk.get(f"/fund_summary/candidates/{table.id}?aid_date_from=昨天").text


def test_subordinates_money_is_offered_on_demand_once_it_was_reported(login, country, money):  # Q18
    clerk, table = login("dewai_clerk"), money.table()
    below = money.aid("xinfeng")
    box = f'name="ids" value="{below.measures[0].id}"'
    url = f"/fund_summary/candidates/{table.id}"
    assert box not in clerk.get(f"{url}?below=1").text
    country.bring(below, at="dewai")
    assert box not in clerk.get(url).text
    assert box in clerk.get(f"{url}?below=1").text


def test_ticked_money_goes_in_with_its_number_and_the_rest_is_named(login, country, money):  # SM-AID-15 2
    clerk, table = login("dewai_clerk"), money.table()
    first, second, late = money.amount(), money.amount(living="50"), money.amount()
    clerk.get(f"/fund_summary/candidates/{table.id}")
    money.insert(money.table("dewai", source="local"), late)  # somebody is faster
    answer = clerk.post(f"/fund_summary/insert/{table.id}", {"ids": [str(first), str(second), str(late)]})
    assert answer.location.endswith(f"/fund_summary/show/{table.id}")
    page = clerk.get(answer.location).text
    assert "插入成功：2名职工，350.00元" in page
    assert "已列入德外街道总工会的「2026年地方帮扶资金生活救助类" in page
    answer = clerk.post(f"/fund_summary/insert/{table.id}", {"ids": [str(late)]})
    assert "/candidates/" in answer.location
    assert "一笔帮扶资金只能进一个汇总表" in clerk.get(answer.location).text
    answer = clerk.post(f"/fund_summary/insert/{table.id}", {})
    assert "请先选择要增加的职工" in clerk.get(answer.location).text
    assert country.again(table).line_count == 2
    money.check_books()


def test_all_that_is_asked_for_goes_in_at_once(login, country, money):  # SM-AID-15 2, R191
    clerk, table = login("dewai_clerk"), money.table()
    june = [money.amount(day="2026-06-01") for _n in range(3)]
    money.amount(day="2026-03-01")
    clerk.post(f"/fund_summary/insert_all/{table.id}?aid_date_from=2026-06-01&aid_date_to=2026-06-30")
    assert {line.measure_line_id for line in money.lines(table)} == set(june)
    clerk.post(f"/fund_summary/insert_all/{table.id}")
    assert country.again(table).line_count == 4
    money.check_books()


def test_more_than_a_chunk_is_put_in_by_a_job(app, login, country, money, monkeypatch):  # R191
    monkeypatch.setattr("app.models.fund_summary.candidates.CHUNK", 4)
    monkeypatch.setattr("app.views.fund_summary.adding.CHUNK", 4)
    clerk, table = login("dewai_clerk"), money.table()
    worker = money.worker()
    amounts = [money.amount(worker=worker, living=str(n)) for n in range(1, 12)]
    answer = clerk.post(f"/fund_summary/insert_all/{table.id}")
    assert "/job/show/" in answer.location
    work(app)
    [job] = country.all(Job, Job.kind == "fund_summary_fill")
    assert (job.state, job.done, job.message) == ("done", 11, "插入成功：11名职工")
    assert f"/fund_summary/show/{table.id}" in clerk.get(answer.location).text
    assert {line.measure_line_id for line in money.lines(table)} == set(amounts)
    assert [v.step for v in country.versions(table)] == [
        "add",
        "insert_lines",
        "insert_lines",
        "insert_lines",
    ]
    money.check_books()


def test_a_job_for_a_table_that_was_reported_meanwhile_ends_in_words(app, login, country, money, monkeypatch):
    monkeypatch.setattr("app.views.fund_summary.adding.CHUNK", 1)
    table = money.table("dewai", money.amount())
    money.amount()
    money.amount()
    login("dewai_clerk").post(f"/fund_summary/insert_all/{table.id}")
    country.bring(table, at="xicheng")
    work(app)
    [job] = country.all(Job, Job.kind == "fund_summary_fill")
    assert job.state == "failed"
    assert "已上报" in job.message
    money.check_books()


def test_nobody_opens_the_candidates_of_a_table_that_is_closed_to_him(
    login, country, money
):  # R186, SM-AID-15 6
    table = money.table("dewai", money.amount())
    assert login("caohejing_clerk").get(f"/fund_summary/candidates/{table.id}").status_code == 404
    country.bring(table, at="xicheng")
    for person in ("dewai_clerk", "xicheng_clerk"):
        assert login(person).get(f"/fund_summary/candidates/{table.id}").status_code == 409
    for deed in ("insert", "insert_all", "take_out"):
        answer = login("caohejing_clerk").post(f"/fund_summary/{deed}/{table.id}?line_id=1", {"ids": ["1"]})
        assert answer.status_code == 404


# --- 快速上报, 快速退回 -----------------------------------------------------------------------------------------


def test_the_sweep_of_tables_leaves_archives_and_aids_and_lists_empty_ones(
    app, rest, country, money
):  # AID-R034, R031
    aid = money.aid()
    full, empty = money.table("dewai", aid.measures[0].id), money.table()
    body = {"unit": country.unit("dewai").id, "message": "请查收"}
    answer = rest("dewai_clerk").post("/api/v1/fund_summary/steps/report", json=body)
    assert answer.status_code == 202
    work(app)
    told = rest("dewai_clerk").get(f"/api/v1/job/{answer.json['job']}").json["result"]
    assert told["state"] in ("部分成功", {"code": "partly", "label": "部分成功"})
    job = country.read(Job, answer.json["job"])
    assert [error["id"] for error in job.errors] == [empty.id]
    assert "表中还没有职工" in job.errors[0]["words"]
    depth = country.unit("dewai").depth
    assert [country.again(one).holder_depth for one in (full, empty)] == [depth - 1, depth]
    assert country.again(aid).holder_depth == depth
    assert {one.holder_depth for one in country.all(Archive, Archive.id == aid.archive_id)} == {depth}
    # and the other way round: what is done to archives and aids leaves the tables
    for resource in ("archive", "aid"):
        assert rest("dewai_clerk").post(f"/api/v1/{resource}/steps/report", json=body).status_code == 202
    work(app)
    assert country.again(aid).holder_depth == depth - 1
    assert country.again(empty).holder_depth == depth
    # 快速退回 gives them back to the unit, where they are open again
    answer = rest("xicheng_clerk").post("/api/v1/fund_summary/steps/send_back", json=body)
    work(app)
    back = country.again(full)
    assert (back.holder_depth, back.returned) == (depth, True)
    assert country.again(aid).holder_depth == depth - 1
    money.check_books()


def test_the_menu_sweeps_tables_by_itself(login):  # AID-R034, manual 14.4
    page = login("xicheng_clerk").menu()
    assert "/fund_summary/sweep/report" in page
    assert "/fund_summary/sweep/send_back" in page
    assert login("xicheng_clerk").get("/fund_summary/sweep/report").status_code == 200


# --- merges, moves, aid that goes elsewhere -----------------------------------------------------------------------


def test_a_merge_and_its_end_leave_what_was_signed(country, money):  # decision 0036, AID-R093
    first, second = money.worker("dewai"), money.worker("dewai")
    reported, own = money.aid(worker=second), money.aid(worker=second, living="40")
    signed = country.bring(money.table("dewai", reported.measures[0].id), at="xicheng")
    open_ = money.table("dewai", own.measures[0].id)
    before = [line.full_name for line in money.lines(signed)]
    country.step(first, "merge", "dewai", source_ids=[second.id])
    assert country.again(reported).archive_id == first.id
    assert [line.full_name for line in money.lines(signed)] == before == [second.full_name]
    with country.acting("dewai_clerk") as session:
        saving.save(
            session,
            session.get(FundSummary, open_.id),
            {"phone": "010-66007777"},
            country.actor("dewai_clerk"),
        )
        session.commit()
    assert [line.full_name for line in money.lines(open_)] == [first.full_name]
    money.check_books()
    country.step(first, "unmerge", "dewai")
    assert country.again(reported).archive_id == second.id
    assert [line.full_name for line in money.lines(signed)] == before
    money.check_books()


def test_a_unit_that_moves_has_its_tables_to_report_anew(country, money):  # AID-R212
    table = country.bring(money.table("dewai", money.amount()), at="bj")
    with country.acting("root") as session:
        from app.models.unit import Unit

        unit = session.get(Unit, country.unit("dewai").id)
        unit.perform("move", country.actor("root"), parent_id=country.unit("haidian").id)
        session.commit()
    moved = country.again(table)
    assert moved.holder_depth == country.unit("dewai").depth
    assert moved.owner_path == country.unit("dewai").path
    money.check_books()


def test_money_of_a_subordinate_is_freed_after_its_aid_has_gone_back(country, money):  # AID-R190, Q18
    below = country.bring(money.aid("xinfeng"), at="dewai")
    table = money.table("dewai", below.measures[0].id)
    country.step(below, "send_back", "dewai_clerk")
    [line] = money.lines(table)
    country.step(table, "remove_line", "dewai_clerk", line_id=line.id)
    assert money.measure(below.measures[0].id).summarised_line_id is None
    money.check_books()


def test_a_superior_reads_every_line_though_the_aid_was_not_reported(rest, country, money):  # AID-R014
    table = country.bring(money.table("dewai", money.amount(), money.amount()), at="xicheng")
    shown = rest("xicheng_clerk").get(f"/api/v1/fund_summary/{table.id}").json["result"]
    assert len(shown["lines"]) == shown["line_count"] == 2


def test_a_head_without_lines_over_rest_is_a_table(rest):
    answer = rest("dewai_clerk").post("/api/v1/fund_summary/", json=HEAD)
    shown = rest("dewai_clerk").get(f"/api/v1/fund_summary/{answer.json['id']}").json["result"]
    assert (shown["lines"], shown["line_count"], shown["total_amount"]) == ([], 0, 0)
