"""实名制汇总表: whom a unit has helped with which money (REC-29, REC-30, SM-AID-15)."""

from __future__ import annotations

from decimal import Decimal

import pytest

from app.models.fund_summary import FundSummary, lines
from app.models.fund_summary_line import FundSummaryLine
from app.views.fund_summary import FundSummaryView
from app.views.fund_summary.shelves import LISTS
from tests.cases.steps import StepCases
from tests.summaries import HEAD, Money
from tests.world import errors_of, words_of


@pytest.fixture
def money(country, people):
    return Money(country, people)


class TestFundSummary(StepCases):
    view = FundSummaryView
    form = HEAD
    edit = {"phone": "010-66005678"}
    wrong = [
        ("year", "1999", "不能小于2000"),
        ("year", "2999", "不能晚于今年"),
        ("year", "", "请填写年份"),
        ("phone", "无", "电话号码应为数字"),
        ("filled_on", "2999-01-01", "不能晚于今天"),
    ]
    moves = """
        owner:           report, insert_lines, remove_line -> 已上报, 未上报, 未上报
        owner after:     nothing
        returned owner:  report, insert_lines, remove_line -> 已上报, 退回, 退回
        parent before:   nothing
        parent:          report, send_back -> 已上报, 退回
        parent after:    nothing
        returned parent: report, send_back -> 已上报, 退回
        root:            send_back         -> 已上报
        sibling, child, stranger: nothing
    """

    @pytest.fixture(autouse=True)
    def _is_named_outside_a_request_too(self, monkeypatch):
        """The cases look for the title of a record where no code table can be read."""
        monkeypatch.setattr(FundSummary, "title", property(lambda table: f"第{table.id}号汇总表"))

    def make(self, country, people, unit=None, **overrides):
        """With a worker in it, and money for another one."""
        money, unit = Money(country, people), unit or self.owner
        table = super().make(country, people, unit, **overrides)
        who = country.actor(f"{unit}_clerk")
        with country.acting(who) as session:
            lines.insert(session.get(FundSummary, table.id), [money.amount(unit)], who)
            session.commit()
        [line] = money.lines(table)
        self.answers = StepCases.answers | {"line_id": line.id, "measure_line_ids": [money.amount(unit)]}
        return country.again(table)

    def derived_free(self, names):
        """The person and today are filled in."""
        return [name for name in names if name not in {"filled_by", "filled_on"}]


# --- the head ---------------------------------------------------------------------------------------------------


def test_the_menu_has_six_lists_of_central_and_seven_of_local_money(login, country):  # AID-R185
    of = {source: [one for one in LISTS if one.begins["source"] == source] for source in ("central", "local")}
    assert [str(one.label) for one in of["central"]] == [
        "生活救助类",
        "医疗救助类",
        "职业介绍类",
        "助学救助类",
        "职业培训类",
        "法律援助类",
    ]
    assert [str(one.label) for one in of["local"]] == [
        *map(str, (one.label for one in of["central"])),
        "其他帮扶类",
    ]
    page = login("dewai_clerk").menu()
    for shelf in LISTS:
        assert f"/fund_summary/list/?shelf={shelf.name}" in page


def test_a_category_that_the_fund_does_not_have_is_refused(rest):  # AID-R185
    client = rest("dewai_clerk")
    answer = client.post("/api/v1/fund_summary/", json=HEAD | {"category": "other"})
    assert answer.status_code == 422
    assert answer.json["errors"]["category"] == ["中央财政没有「其他帮扶类」的汇总表"]
    local = HEAD | {"category": "other", "source": "local"}
    assert client.post("/api/v1/fund_summary/", json=local).status_code == 201


def test_several_tables_of_one_kind_and_year_are_allowed(rest):  # REC-29
    client = rest("dewai_clerk")
    assert [client.post("/api/v1/fund_summary/", json=HEAD).status_code for _n in range(2)] == [201, 201]


def test_a_new_table_begins_with_the_person_and_today(login, rest, country):  # REC-29 5, 7
    clerk = login("dewai_clerk")
    form = clerk.form("/fund_summary/add?shelf=local_other")
    who = country.actor("dewai_clerk").name
    assert (form.values["filled_by"], form.values["year"]) == (who, form.values["filled_on"][:4])
    assert "source" not in form.values  # the menu has chosen it
    answer = clerk.submit(form.fill({"phone": "010-66001234"}))
    assert answer.status_code == 302, errors_of(answer.text)
    table = country.all(FundSummary)[-1]
    assert (table.source, table.category, table.filled_by) == ("local", "other", who)
    head = {name: HEAD[name] for name in ("source", "category", "year", "phone")}
    answer = rest("dewai_clerk").post("/api/v1/fund_summary/", json=head)
    assert answer.json["result"]["filled_by"] == who


def test_fund_and_category_stay_and_the_year_does_once_there_are_workers(rest, money):  # REC-29 1 - 3
    client, table = rest("dewai_clerk"), money.table()
    url = f"/api/v1/fund_summary/{table.id}"
    assert "不能改到另一类" in client.put(url, json={"category": "medical"}).json["errors"]["category"][0]
    assert "不能改到另一类" in client.put(url, json={"source": "local"}).json["errors"]["source"][0]
    assert client.put(url, json={"year": 2025}).status_code == 200
    assert client.put(url, json={"year": 2026}).status_code == 200
    money.insert(table, money.amount())
    assert "年份不能修改" in client.put(url, json={"year": 2025}).json["errors"]["year"][0]


def test_workers_come_in_only_once_the_head_is_saved(login, money):  # AID-R186
    clerk, table = login("dewai_clerk"), money.table()
    page = clerk.get("/fund_summary/add?shelf=central_living").text
    assert "请先保存汇总表，再增加职工" in page
    assert "/fund_summary/candidates/" not in page
    for page in (f"show/{table.id}", f"edit/{table.id}"):
        assert f"/fund_summary/candidates/{table.id}" in clerk.get(f"/fund_summary/{page}").text


# --- the lines --------------------------------------------------------------------------------------------------


def test_an_inserted_amount_is_locked_marked_and_counted(rest, country, money):  # SM-AID-15 2, AID-R187
    client, table = rest("dewai_clerk"), money.table()
    worker = money.worker(employer_name="第一棉纺厂", phone="13800138000")
    aid = money.aid(worker=worker, living="300.50", goods="20")
    first, goods = aid.measures
    answer = client.post(
        f"/api/v1/fund_summary/{table.id}/steps/insert_lines", json={"measure_line_ids": [first.id]}
    )
    assert answer.status_code == 200, answer.json
    shown = answer.json["result"]
    assert (shown["total_amount"], shown["line_count"]) == (300.5, 1)
    assert answer.json["inserted"] == 1
    assert answer.json["refused"] == []
    [line] = shown["lines"]
    assert line["full_name"] == worker.full_name
    assert line["id_card_no"] == worker.id_card_no
    assert line["employer_or_address"] == "第一棉纺厂"
    assert (line["phone"], line["amount"], line["measure_line_id"]) == ("13800138000", 300.5, first.id)
    assert line["age"] == (2026 - worker.birth_date.year) - (
        (worker.birth_date.month, worker.birth_date.day) > (6, 30)
    )
    locked = money.measure(first.id)
    assert (locked.summarised_line_id, locked.fund_category) == (line["id"], "central")
    assert money.measure(goods.id).summarised_line_id is None
    assert "列入" in country.versions(aid)[-1].message  # the aid's history says so (AID-R065)
    money.check_books()


def test_an_employer_that_is_empty_gives_way_to_the_home(country, money):  # REC-30 6
    worker = money.worker(home_address="德外大街乙10号")
    with country.acting() as session:
        from app.models.archive import Archive

        session.get(Archive, worker.id).employer_name = " "
        session.commit()
    [line] = money.lines(money.table("dewai", money.amount(worker=worker)))
    assert line.employer_or_address == "德外大街乙10号"


def test_a_typed_sum_is_never_obeyed(rest, money):  # AID-R187
    client, table = rest("dewai_clerk"), money.table("dewai", money.amount())
    for typed in ({"total_amount": 9999}, {"line_count": 7}, {"lines": []}):
        client.put(f"/api/v1/fund_summary/{table.id}", json=typed)
    shown = client.get(f"/api/v1/fund_summary/{table.id}").json["result"]
    assert (shown["total_amount"], shown["line_count"], len(shown["lines"])) == (300, 1, 1)
    answer = client.post("/api/v1/fund_summary/", json=HEAD | {"total_amount": 5, "line_count": 2})
    assert answer.status_code in {201, 422}
    if answer.status_code == 201:
        assert (answer.json["result"]["total_amount"], answer.json["result"]["line_count"]) == (0, 0)


def refused(client, table, *ids):
    answer = client.post(
        f"/api/v1/fund_summary/{table.id}/steps/insert_lines", json={"measure_line_ids": list(ids)}
    )
    assert answer.status_code == 409, answer.json
    return answer.json["message"]


def test_one_amount_is_in_one_table_central_or_local(rest, money):  # AID-R188
    client, amount = rest("dewai_clerk"), money.amount()
    central, local, again = money.table(), money.table("dewai", source="local"), money.table()
    money.insert(central, amount)
    for table in (local, again, central):
        words = refused(client, table, amount)
        assert "已列入德外街道总工会的「2026年中央财政资金生活救助类" in words
    money.check_books()


def test_the_database_itself_keeps_an_amount_in_one_table(country, money):  # AID-R188
    from sqlalchemy.exc import IntegrityError

    amount = money.amount()
    table = money.table("dewai", amount)
    other = money.table()
    [line] = money.lines(table)
    facts = {
        "measure_line_id": amount,
        "full_name": "甲",
        "id_card_no": line.id_card_no,
        "amount": Decimal(1),
    }
    with country.acting() as session:
        twice = FundSummaryLine(fund_summary_id=other.id, **facts)
        twice.stamp(country.actor("dewai_clerk"))
        session.add(twice)
        with pytest.raises(IntegrityError):
            session.flush()
        session.rollback()


def test_what_does_not_fit_the_table_is_refused_in_words(rest, money):  # SM-AID-15 2
    client, table = rest("dewai_clerk"), money.table()
    assert "不是2026年的帮扶" in refused(client, table, money.amount(day="2025-12-31"))
    assert "帮扶措施不属于生活救助类" in refused(client, table, money.amount(medical="80"))
    assert "没有找到这笔帮扶资金" in refused(client, table, 2**31 - 1)
    assert "没有找到这笔帮扶资金" in refused(client, table, money.amount("caohejing"))
    below = money.aid("xinfeng")
    assert "没有找到这笔帮扶资金" in refused(client, table, below.measures[0].id)  # not reported yet
    money.country.bring(below, at="dewai")
    money.insert(table, below.measures[0].id)  # Q18
    goods = money.table("dewai", source="local", category="other")
    money.insert(goods, money.amount(goods="35"), money.amount(other="12"))
    money.check_books()


def test_what_fits_goes_in_and_the_rest_is_named(rest, money):  # SM-AID-15 2
    client, table = rest("dewai_clerk"), money.table()
    good, bad = money.amount(), money.amount(medical="80")
    answer = client.post(
        f"/api/v1/fund_summary/{table.id}/steps/insert_lines", json={"measure_line_ids": [bad, good]}
    )
    assert (answer.status_code, answer.json["inserted"]) == (200, 1)
    assert [one["id"] for one in answer.json["refused"]] == [bad]
    assert money.measure(bad).summarised_line_id is None


@pytest.mark.parametrize(
    "typed", [None, [], "", ["x"], {"a": 1}, [True], [-1], [10**30], list(range(1, 1002))]
)
def test_ids_that_are_none_are_told(rest, money, typed):
    table = money.table()
    answer = rest("dewai_clerk").post(
        f"/api/v1/fund_summary/{table.id}/steps/insert_lines", json={"measure_line_ids": typed}
    )
    assert answer.status_code == 422, answer.json
    assert answer.json["errors"]["measure_line_ids"]


def test_a_removed_worker_is_free_again(rest, money):  # AID-R190, SM-AID-15 3
    client, first, second = rest("dewai_clerk"), money.amount(), money.amount(living="70")
    table = money.table("dewai", first, second)
    line = next(one for one in money.lines(table) if one.measure_line_id == first)
    url = f"/api/v1/fund_summary/{table.id}/steps/remove_line"
    assert client.post(url, json={"line_id": line.id}).json["result"]["total_amount"] == 70
    assert money.measure(first).summarised_line_id is None
    assert money.measure(first).fund_category is None
    answer = client.post(url, json={"line_id": line.id})
    assert answer.status_code == 409
    assert "没有这一行" in answer.json["message"]
    money.insert(money.table("dewai", source="local"), first)
    money.check_books()


def test_a_deleted_table_frees_all_and_gives_back_the_fund(rest, country, money):  # AID-R190, SM-AID-15 4
    aid = money.aid(living="300")
    typed = [{"id": aid.measures[0].id, "measure": "living", "amount": "300", "fund_category": "local"}]
    client = rest("dewai_clerk")
    assert client.put(f"/api/v1/aid/{aid.id}", json={"measures": typed}).status_code == 200
    table = money.table("dewai", aid.measures[0].id, money.amount())
    assert money.measure(aid.measures[0].id).fund_category == "central"
    assert client.delete(f"/api/v1/fund_summary/{table.id}").status_code == 200
    free = money.measure(aid.measures[0].id)
    assert (free.summarised_line_id, free.fund_category) == (None, "local")
    assert money.lines(table) == []
    assert client.delete(f"/api/v1/aid/{aid.id}").status_code == 200
    money.check_books()


def test_summarised_money_is_not_changed_in_the_aid_module(rest, country, money):  # AID-R189, R126, R127
    client, aid = rest("dewai_clerk"), money.aid(living="300", medical="50")
    living, medical = aid.measures
    table = money.table("dewai", living.id)
    url = f"/api/v1/aid/{aid.id}"
    rows = [
        {"id": living.id, "measure": "living", "amount": "301"},
        {"id": medical.id, "measure": "medical", "amount": "50"},
    ]
    assert client.put(url, json={"measures": rows}).status_code == 422
    assert client.put(url, json={"measures": rows[1:]}).status_code == 422
    assert client.put(url, json={"aid_date": "2025-03-02"}).status_code == 422
    rows[0]["amount"], rows[1]["amount"] = "300", "60"
    assert client.put(url, json={"measures": rows}).status_code == 200  # the other money may change
    answer = client.delete(url)
    assert answer.status_code == 409
    assert "已汇总" in answer.json["message"]
    assert country.again(table).total_amount == 300
    money.check_books()


def test_a_save_takes_the_workers_anew_until_the_table_is_reported(
    rest, country, money
):  # decision 0036, REC-30 10
    worker = money.worker(phone="13800138000")
    table = money.table("dewai", money.amount(worker=worker))
    client = rest("dewai_clerk")
    archive, here = f"/api/v1/archive/{worker.id}", f"/api/v1/fund_summary/{table.id}"
    assert client.put(archive, json={"phone": "13900139000"}).status_code == 200
    assert money.lines(table)[0].phone == "13800138000"  # what is at hand does not change by itself
    assert client.put(here, json={"phone": "010-66009999"}).status_code == 200
    assert money.lines(table)[0].phone == "13900139000"
    country.bring(table, at="xicheng")
    assert client.put(archive, json={"phone": "13700137000"}).status_code == 200
    assert client.put(here, json={"phone": "010-66001111"}).status_code == 409
    assert money.lines(table)[0].phone == "13900139000"


def test_a_table_of_any_length_is_shown_page_by_page(login, rest, money, statements):  # AID-R191
    table = money.table()
    worker = money.worker()
    aids = [money.aid(worker=worker, living=str(n + 1)).measures[0].id for n in range(120)]
    money.insert(table, *aids[:70])
    money.insert(table, *aids[70:])
    clerk, client = login("dewai_clerk"), rest("dewai_clerk")
    clerk.get(f"/fund_summary/show/{table.id}")
    with statements() as sent:
        first = clerk.get(f"/fund_summary/show/{table.id}").text
    assert len(sent) <= 12, sent
    assert len(first.encode()) < 120 * 1024
    third = clerk.get(f"/fund_summary/show/{table.id}?page=3").text
    assert "第3页" in words_of(third)
    assert "共120条" in words_of(third)
    assert third.count("/fund_summary/take_out/") == 20
    told = client.get(f"/api/v1/fund_summary/{table.id}/lines?page=1&page_size=100").json
    assert (told["count"], len(told["result"])) == (120, 20)
    assert told["result"][-1]["amount"] == 120
    with statements() as sent:
        money.insert(table, *(money.aid(worker=worker, living="9").measures[0].id for _n in range(2)))
    money.check_books()


def test_putting_in_a_hundred_costs_what_putting_in_one_costs(country, money, statements):  # AID-R191
    worker, table, costs = money.worker(), money.table(), []
    for number in (2, 60):
        ids = [money.aid(worker=worker, living="5").measures[0].id for _n in range(number)]
        with country.acting("dewai_clerk") as session:
            found = session.get(FundSummary, table.id)
            with statements() as sent:
                found.perform("insert_lines", country.actor("dewai_clerk"), measure_line_ids=ids)
                session.commit()
            costs.append(len(sent))
    assert costs[1] <= costs[0] + 3, costs


# --- reported and returned --------------------------------------------------------------------------------------


def test_an_empty_table_is_not_reported(rest, money):  # SM-AID-15 5
    answer = rest("dewai_clerk").post(
        f"/api/v1/fund_summary/{money.table().id}/steps/report", json={"message": "请查收"}
    )
    assert answer.status_code == 409
    assert "表中还没有职工" in answer.json["message"]


def test_a_reported_table_is_closed_in_words_and_opens_when_it_comes_back(
    rest, country, money
):  # SM-AID-15 6
    client, spare = rest("dewai_clerk"), money.amount()
    table = country.bring(money.table("dewai", money.amount()), at="xicheng")
    url = f"/api/v1/fund_summary/{table.id}"
    [line] = money.lines(table)
    deeds = [
        client.put(url, json={"phone": "010-66001111"}),
        client.post(f"{url}/steps/insert_lines", json={"measure_line_ids": [spare]}),
        client.post(f"{url}/steps/remove_line", json={"line_id": line.id}),
        client.delete(url),
    ]
    assert [one.status_code for one in deeds] == [409] * 4
    assert all("已上报" in one.json["message"] for one in deeds)
    assert client.get(f"{url}").json["result"]["line_count"] == 1
    country.step(table, "send_back", "xicheng_clerk")
    assert client.post(f"{url}/steps/insert_lines", json={"measure_line_ids": [spare]}).status_code == 200
    money.check_books()
