"""The ledger: numbered without gaps, sealed, kept by the database; what is done past it is found and named."""

from __future__ import annotations

import random
from decimal import Decimal

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from app.kit import ledger
from app.kit.ledger import LedgerHead
from app.kit.verifying import Verification
from app.models.fund_entry import FundEntry
from tests.modules.test_fund_entry import FUND, OTHER_FUND, expense, income

#: what three entries of 德外's and one of 新街口's book say; the numbers are their seq
UNIT = "德外街道总工会"


@pytest.fixture
def books(country):
    """Entries of three chains; returns those of 德外's 工会经费拨款 in order."""
    mine = [
        country.make(FundEntry, typed, "dewai")
        for typed in (income(100), expense(30), income(7, remarks="利息"), expense(2), income(1))
    ]
    country.make(FundEntry, income(50, income_type=OTHER_FUND), "dewai")
    country.make(FundEntry, income(9), "xinjiekou")
    return mine


def faults(country):
    """What `verify` says, one line a fault."""
    with country.acting() as session:
        return [str(fault) for fault in Verification(session(), FundEntry).faults()]


def sql(country, *statements, **values):
    """Write past the application, with the triggers off as who owns the database could have them."""
    with country.acting() as session:
        connection = session.connection()
        if connection.dialect.name == "postgresql":
            for table in ("fund_entry", "ledger_head"):
                connection.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        else:
            named = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
            for (name,) in connection.exec_driver_sql(named).all():
                connection.exec_driver_sql(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(sa.text(statement), values)
        session.commit()
        session.remove()


# --- as it should be ------------------------------------------------------------------------------------------


def test_numbers_rise_without_gaps_and_every_seal_holds(country, books):
    assert [entry.seq for entry in books] == [1, 2, 3, 4, 5]
    assert len({entry.seal for entry in books}) == 5
    (head,) = country.all(LedgerHead, LedgerHead.chain == books[0].chain)
    assert (head.seq, head.seal) == (5, books[-1].seal)
    assert faults(country) == []


def test_a_refused_entry_leaves_no_gap(country, books):
    from app.kit.errors import Invalid

    with pytest.raises(Invalid):
        country.make(FundEntry, expense(10**6), "dewai")
    assert country.make(FundEntry, income(3), "dewai").seq == 6
    assert faults(country) == []


def test_money_is_sealed_as_the_whole_number_that_is_stored(country, books):
    told = ledger.content(books[1])
    assert (told["income_amount"], told["expense_amount"]) == (0, 3000)
    assert not any(isinstance(value, float) for value in told.values())
    assert {"created_at", "created_by_id", "entry_date", "remarks", "seq"} <= told.keys()
    assert {"owner_path", "id", "seal"}.isdisjoint(told)


def test_every_column_is_sealed_but_those_that_say_nothing(country):
    """A column added later is sealed unless it is named here."""
    assert {column.key for column in FundEntry.__table__.c} - dict(
        ledger.sealed_columns(FundEntry)
    ).keys() == ledger.UNSEALED


def test_the_key_is_not_that_of_the_claims(app):
    with app.app_context():
        first = ledger.seal_of("fund_entry", "", {"a": 1})
        app.config["IDENTITY_KEY"], kept = b"another", app.config["IDENTITY_KEY"]
        try:
            assert ledger.seal_of("fund_entry", "", {"a": 1}) != first
            assert ledger._own_key(b"another") != b"another"
        finally:
            app.config["IDENTITY_KEY"] = kept


# --- the database refuses -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE fund_entry SET income_amount = 1 WHERE id = :id",
        "UPDATE fund_entry SET remarks = 'x' WHERE id = :id",
        "UPDATE fund_entry SET owner_unit_id = owner_unit_id + 1 WHERE id = :id",
        "UPDATE fund_entry SET seq = 77, owner_path = owner_path WHERE id = :id",
        "UPDATE fund_entry SET id = 987654 WHERE id = :id",
        "DELETE FROM fund_entry WHERE id = :id",
        "DELETE FROM fund_entry",
    ],
)
def test_the_database_refuses_every_change(country, books, statement):  # AID-R173
    refused = pytest.raises(IntegrityError, match="账目一经登记不得修改或删除")
    with country.acting() as session, refused, session.begin_nested():
        session.connection().execute(sa.text(statement), {"id": books[0].id})
    assert faults(country) == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_head SET seq = seq - 1",
        "UPDATE ledger_head SET seal = 'x'",
        "UPDATE ledger_head SET seq = seq + 2",
        "DELETE FROM ledger_head",
    ],
)
def test_a_head_goes_on_by_one_only(country, books, statement):
    refused = pytest.raises(IntegrityError, match="账本的末号与印记由系统续写")
    with country.acting() as session, refused, session.begin_nested():
        session.connection().execute(sa.text(statement))


def test_nothing_is_truncated_or_replaced(country, books):
    with country.acting() as session:
        connection = session.connection()
        if connection.dialect.name == "postgresql":
            ways = ["TRUNCATE fund_entry", "TRUNCATE ledger_head"]
        else:
            ways = [
                "INSERT OR REPLACE INTO fund_entry SELECT * FROM fund_entry",
                "INSERT OR REPLACE INTO ledger_head SELECT * FROM ledger_head",
            ]
        for way in ways:
            with pytest.raises(IntegrityError, match="不得"), connection.begin_nested():
                connection.exec_driver_sql(way)
    assert faults(country) == []


def test_a_unit_that_moves_takes_its_book_along_whole(country, rest, books):  # SM-AID-18 #5
    target = country.unit("haidian")
    url = f"/api/v1/unit/{country.unit('dewai').id}/steps/move"
    answer = rest("bj").post(url, json={"parent_id": target.id})
    assert answer.status_code == 200, answer.json
    now = country.again(books[0])
    assert now.owner_path.startswith(target.path)
    assert (now.seal, now.version) == (books[0].seal, books[0].version)
    assert country.make(FundEntry, income(4), "dewai").seq == 6
    assert faults(country) == []
    assert rest("haidian_clerk").get(f"/api/v1/fund_entry/{now.id}").status_code == 200
    assert rest("xicheng_clerk").get(f"/api/v1/fund_entry/{now.id}").status_code == 404


def test_a_unit_with_entries_is_not_deleted(country, rest):  # AID-R210
    country.make(FundEntry, income(1), "xinfeng")
    answer = rest("dewai").delete(f"/api/v1/unit/{country.unit('xinfeng').id}")
    assert answer.status_code == 409
    assert "不能删除" in answer.json["message"]


# --- what is done past it is found and named ------------------------------------------------------------------


def test_a_changed_amount_is_named_with_both_values(country, books):
    sql(country, "UPDATE fund_entry SET income_amount = 90000 WHERE id = :id", id=books[2].id)
    assert faults(country) == [f"{UNIT} 工会经费拨款 第3号：内容被改动：收入 7.00 → 900.00"]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("entry_date", "'2026-01-01'"),
        ("remarks", "'别的'"),
        ("created_by_id", "NULL"),
        ("created_at", "'2020-01-01 00:00:00'"),
        ("is_fiscal_budget", "true"),
        ("offsets_entry_id", "id"),
        ("seal", "'0000'"),
    ],
)
def test_every_changed_column_is_found(country, books, column, value):
    sql(country, f"UPDATE fund_entry SET {column} = {value} WHERE id = :id", id=books[2].id)
    (fault,) = faults(country)
    assert fault.startswith(f"{UNIT} 工会经费拨款 第3号：内容")
    assert "改动" in fault


def test_a_changed_entry_whose_history_was_changed_along_is_found(country, books):
    sql(
        country,
        "UPDATE fund_entry SET income_amount = 90000 WHERE id = :id",
        "UPDATE record_version SET diff = CAST(replace(CAST(diff AS TEXT), '7.0', '900.0') AS JSON)"
        " WHERE record_type = 'fund_entry' AND record_id = :id"
        if country.app.config["SQLALCHEMY_DATABASE_URI"].startswith("postgresql")
        else "UPDATE record_version SET diff = replace(diff, '7.0', '900.0')"
        " WHERE record_type = 'fund_entry' AND record_id = :id",
        id=books[2].id,
    )
    assert faults(country) == [f"{UNIT} 工会经费拨款 第3号：内容或印记被改动"]


def test_a_missing_entry_is_named_with_what_it_said(country, books):
    sql(country, "DELETE FROM fund_entry WHERE id = :id", id=books[1].id)
    (fault,) = faults(country)
    assert fault.startswith(f"{UNIT} 工会经费拨款 第2号：缺失，被删除（")
    assert "支出 30.00" in fault
    assert "日期 2026-03-02" in fault


def test_a_gap_that_was_closed_by_new_numbers_is_found(country, books):
    sql(
        country,
        "DELETE FROM fund_entry WHERE id = :id",
        "UPDATE fund_entry SET seq = seq - 1 WHERE seq = 3 AND owner_unit_id = :unit AND income_type = :fund",
        "UPDATE fund_entry SET seq = seq - 1 WHERE seq = 4 AND owner_unit_id = :unit AND income_type = :fund",
        "UPDATE fund_entry SET seq = seq - 1 WHERE seq = 5 AND owner_unit_id = :unit AND income_type = :fund",
        id=books[1].id,
        unit=books[1].owner_unit_id,
        fund=FUND,
    )
    told = "\n".join(faults(country))
    assert "第2号：被换了位置，登记时为德外街道总工会 工会经费拨款 第3号" in told
    assert "第5号：缺失，账本末尾被截去" in told
    assert "第2号：缺失，被删除" in told


def test_swapped_entries_are_named(country, books):
    two, three = books[1].id, books[2].id
    sql(
        country,
        "UPDATE fund_entry SET seq = 999 WHERE id = :two",
        "UPDATE fund_entry SET seq = 2 WHERE id = :three",
        "UPDATE fund_entry SET seq = 3 WHERE id = :two",
        two=two,
        three=three,
    )
    assert faults(country) == [
        f"{UNIT} 工会经费拨款 第2号：被换了位置，登记时为{UNIT} 工会经费拨款 第3号",
        f"{UNIT} 工会经费拨款 第3号：被换了位置，登记时为{UNIT} 工会经费拨款 第2号",
    ]


def test_entries_that_have_exchanged_their_ids_are_named(country, books):
    """The seals hold then: only the history knows."""
    two, three = books[1].id, books[2].id
    sql(
        country,
        "UPDATE fund_entry SET id = 987654 WHERE id = :two",
        "UPDATE fund_entry SET id = :two WHERE id = :three",
        "UPDATE fund_entry SET id = :three WHERE id = 987654",
        two=two,
        three=three,
    )
    assert ["被换了位置" in fault for fault in faults(country)] == [True, True]


def test_an_entry_that_went_to_another_chain_is_named_in_both(country, books):
    sql(country, "UPDATE fund_entry SET income_type = 'other', seq = 1 WHERE id = :id", id=books[1].id)
    told = faults(country)
    assert any(f"第1号：被换了位置，登记时为{UNIT} 工会经费拨款 第2号" in fault for fault in told)
    assert any(fault.startswith(f"{UNIT} 工会经费拨款 第2号：缺失") for fault in told)


COPIED = (
    "INSERT INTO fund_entry (owner_unit_id, owner_path, seq, seal, entry_date, direction, income_type,"
    " expense_type, income_amount, expense_amount, is_fiscal_budget, remarks, created_at, created_by_id,"
    " updated_at, updated_by_id, updated_by_name, version) SELECT owner_unit_id, owner_path, :seq, seal,"
    " entry_date, direction, income_type, expense_type, income_amount, expense_amount, is_fiscal_budget,"
    " remarks, created_at, created_by_id, updated_at, updated_by_id, updated_by_name, version"
    " FROM fund_entry WHERE id = :id"
)


def test_an_inserted_entry_is_named(country, books):
    sql(country, COPIED, id=books[2].id, seq=6)
    told = faults(country)
    assert told[0] == f"{UNIT} 工会经费拨款 第6号：不是系统登记的，是另外插入的"
    assert "末号记录只到第5号" in told[1]


def test_an_entry_put_into_the_place_of_another_is_named(country, books):
    sql(
        country,
        "UPDATE fund_entry SET seq = seq + 100 WHERE id = :id",
        COPIED,
        id=books[2].id,
        seq=3,
    )
    told = "\n".join(faults(country))
    assert "第3号：内容完好，但没有登记它的历史记录" in told
    assert "第103号：被换了位置" in told
    assert "第4号" not in told  # what was left alone is sound
    assert "缺失" not in told


def test_a_cut_tail_is_named(country, books):
    sql(country, "DELETE FROM fund_entry WHERE id IN (:four, :five)", four=books[3].id, five=books[4].id)
    told = faults(country)
    assert [fault.split("（")[0] for fault in told] == [
        f"{UNIT} 工会经费拨款 第4号：缺失，账本末尾被截去",
        f"{UNIT} 工会经费拨款 第5号：缺失，账本末尾被截去",
    ]


def test_a_cut_tail_with_a_head_that_was_set_back_is_named(country, books):
    """The head of yesterday is genuine: the history tells."""
    four = country.all(LedgerHead, LedgerHead.chain == books[0].chain)[0]
    country.make(FundEntry, income(8), "dewai")
    (last,) = country.all(FundEntry, FundEntry.income_amount == Decimal(8))
    sql(
        country,
        "DELETE FROM fund_entry WHERE id = :id",
        "UPDATE ledger_head SET seq = :seq, seal = :seal, mark = :mark WHERE id = :head",
        id=last.id,
        seq=four.seq,
        seal=four.seal,
        mark=four.mark,
        head=four.id,
    )
    (fault,) = faults(country)
    assert fault.startswith(f"{UNIT} 工会经费拨款 第6号：缺失，被删除")


def test_a_cut_tail_without_its_history_is_named_by_the_head(country, books):
    sql(
        country,
        "DELETE FROM record_version WHERE record_type = 'fund_entry' AND record_id = :id",
        "DELETE FROM fund_entry WHERE id = :id",
        "UPDATE ledger_head SET seq = 4, seal = :seal WHERE chain = :chain",
        id=books[4].id,
        seal=books[3].seal,
        chain=books[0].chain,
    )
    assert faults(country) == [f"{UNIT} 工会经费拨款 第4号：这本账的末号记录被改动"]


def test_a_whole_book_that_is_gone_is_named(country, books):
    sql(country, "DELETE FROM fund_entry WHERE owner_unit_id = :unit", unit=books[0].owner_unit_id)
    assert len(faults(country)) == 6  # five of one fund, one of the other


def test_a_head_that_is_gone_is_named(country, books):
    sql(country, "DELETE FROM ledger_head WHERE chain = :chain", chain=books[0].chain)
    assert faults(country) == [f"{UNIT} 工会经费拨款 第5号：这本账的末号记录缺失"]


def test_a_lost_history_is_told(country, books):
    sql(
        country,
        "DELETE FROM record_version WHERE record_type = 'fund_entry' AND record_id = :id",
        id=books[1].id,
    )
    assert faults(country) == [
        f"{UNIT} 工会经费拨款 第2号：内容完好，但没有登记它的历史记录：历史被删除，或这是另外插入的副本"
    ]


@pytest.mark.parametrize("seed", range(4))
def test_any_one_change_of_any_entry_is_named_there_and_nowhere_else(country, books, seed):
    chance = random.Random(seed)
    more = [country.make(FundEntry, income(n + 1), "dewai") for n in range(5)]
    victim = chance.choice([*books, *more])
    change = chance.choice([f"{victim.direction}_amount = {victim.direction}_amount + 1", "remarks = 'x'"])
    sql(country, f"UPDATE fund_entry SET {change} WHERE id = :id", id=victim.id)
    (fault,) = faults(country)
    assert f"第{victim.seq}号：内容被改动" in fault


# --- the command ----------------------------------------------------------------------------------------------


def test_the_command_names_what_is_wrong_and_fails(app, country, books):
    runner = app.test_cli_runner()
    fine = runner.invoke(args=["ledger", "verify"])
    assert fine.exit_code == 0, fine.output
    assert "收支明细信息：核对了3本账的7笔，发现0处问题。" in fine.output
    sql(country, "UPDATE fund_entry SET income_amount = 90000 WHERE id = :id", id=books[2].id)
    wrong = runner.invoke(args=["ledger", "verify"])
    assert wrong.exit_code == 1
    assert f"{UNIT} 工会经费拨款 第3号：内容被改动：收入 7.00 → 900.00" in wrong.output
