"""帮扶资金收支明细: the ledger of a unit's aid funds, one chain of entries a fund."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar

from flask import current_app
from flask_babel import lazy_gettext as _
from sqlalchemy import CheckConstraint, Index, String, UniqueConstraint, func, select, type_coerce
from sqlalchemy.orm import Mapped, Session, relationship

from app.kit import columns, rules
from app.kit.database import FixedPoint
from app.kit.errors import Problem
from app.kit.ledger import Sealed
from app.kit.oneof import OneOfField
from app.kit.record import session_of
from app.kit.scope import Actor
from app.workflows.owned import Owned

INCOME, EXPENSE = "income", "expense"
#: income type that is central money; every other one is local money (docs/decisions/0036)
CENTRAL_INCOME = "central_finance"
ZERO = Decimal(0)
#: either way, since a correction is negative
LEAST = Decimal("-999999999999.99")
BALANCE = columns.MoneyField(_("余额"), least=LEAST)


def one_amount_is_given(entry: FundEntry) -> Iterator[Problem]:
    """An income has an income, an expense an expense; neither is nothing (REC-27 #7, #8, AID-R177)."""
    if entry.direction is None:
        yield Problem("income_amount", _("请填写收入金额或支出金额"))
        return
    words = {INCOME: _("请填写收入金额"), EXPENSE: _("请填写支出金额")}
    other = EXPENSE if entry.direction == INCOME else INCOME
    if entry.amount is None:
        yield Problem(f"{entry.direction}_amount", words[entry.direction])
    elif entry.amount == 0:
        yield Problem(f"{entry.direction}_amount", _("金额不能为0"))
    if getattr(entry, f"{other}_amount"):
        yield Problem(f"{other}_amount", _("收入与支出分开登记，一笔只填一个金额"))


def expense_says_for_what(entry: FundEntry) -> Iterator[Problem]:
    """支出类型 belongs to expenses (REC-27 #6)."""
    if entry.direction == EXPENSE and not entry.expense_type:
        yield Problem("expense_type", _("请填写支出类型"))
    if entry.direction == INCOME and entry.expense_type:
        yield Problem("expense_type", _("收入不填支出类型"))


def offset_says_which(entry: FundEntry) -> Iterator[Problem]:
    """A negative amount is a correction, and its remark names the wrong entry (AID-R175, R176)."""
    if entry.amount and entry.amount < 0 and not entry.remarks:
        yield Problem("remarks", _("金额为负是冲账，请在备注中注明冲的是哪一笔"))


def offset_fits(entry: FundEntry) -> Iterator[Problem]:
    """What is pointed at is one's own, of the same fund and direction, and is taken back once at most (REC-27 #12)."""
    if entry.offsets_entry_id is None or not entry.amount:
        return
    session = session_of(entry)
    wrong = session.scalar(select(FundEntry).where(FundEntry.id == entry.offsets_entry_id))
    if wrong is None or wrong.owner_unit_id != entry.owner_unit_id:
        yield Problem("offsets_entry_id", _("只能冲本单位账上的记录，请重新选择"))
        return
    if (wrong.income_type, wrong.direction) != (entry.income_type, entry.direction):
        words = _(
            "%(wrong)s：冲账须与被冲记录的收入类型和收支方向相同，请改为该笔的类型，或重新选择",
            wrong=wrong.title,
        )
        yield Problem("offsets_entry_id", words)
        return
    left = wrong.amount + _offset_so_far(session, wrong)
    if entry.amount * wrong.amount > 0 or abs(entry.amount) > abs(left):
        yield Problem(
            f"{entry.direction}_amount",
            _(
                "%(wrong)s：尚可冲账%(left)s元，冲账金额应在%(most)s元以内",
                wrong=wrong.title,
                left=BALANCE.text(left),
                most=BALANCE.text(-left),
            ),
        )


def _offset_so_far(session: Session, wrong: FundEntry) -> Decimal:
    """What earlier corrections have taken back of an entry."""
    amount = func.sum(FundEntry.income_amount + FundEntry.expense_amount, type_=FixedPoint())
    return session.scalar(select(amount).where(FundEntry.offsets_entry_id == wrong.id)) or ZERO


def fund_is_not_overdrawn(entry: FundEntry) -> Iterator[Problem]:
    """No balance falls below nothing, on the day or later, unless the administrator allows it (AID-R182)."""
    if current_app.config["FUND_OVERDRAFT"] or entry.change is None or entry.change >= 0:
        return
    if entry.entry_date is None or entry.income_type is None:
        return
    there, lowest = balances_from(session_of(entry), entry)
    name = f"{entry.direction}_amount"
    fund = entry.text("income_type")
    if there + entry.change < 0:
        words = _(
            "「%(fund)s」在%(day)s的余额为%(balance)s元，不够这笔%(amount)s元；请核对金额，或先登记收入",
            fund=fund,
            day=entry.entry_date,
            balance=BALANCE.text(there),
            amount=BALANCE.text(-entry.change),
        )
        yield Problem(name, words)
    elif lowest is not None and lowest.balance + entry.change < 0:
        words = _(
            "登记后「%(fund)s」在%(day)s的余额会变为%(balance)s元；请核对日期和金额，或先登记收入",
            fund=fund,
            day=lowest.entry_date,
            balance=BALANCE.text(lowest.balance + entry.change),
        )
        yield Problem(name, words)


class FundEntry(Sealed, Owned):
    """One income or expense of a unit's aid funds; final once it is saved.

    The balance is never stored: it runs over unit and fund in the order of dates, then numbers, and an entry with an
    earlier date moves those after it. Within a chain ids rise with numbers, since both are given under its lock.

    Source: spec/aid.md REC-27, SM-AID-14, AID-R173 – R183.
    """

    __tablename__ = "fund_entry"
    __label__ = _("收支明细信息")
    __table_args__ = (
        UniqueConstraint("owner_unit_id", "income_type", "seq"),
        CheckConstraint("seq >= 1", name="seq_is_positive"),
        CheckConstraint(
            "(direction = 'income' AND income_amount <> 0 AND expense_amount = 0 AND expense_type IS NULL)"
            " OR (direction = 'expense' AND expense_amount <> 0 AND income_amount = 0"
            " AND expense_type IS NOT NULL)",
            name="one_amount",
        ),
        CheckConstraint("income_amount + expense_amount > 0 OR remarks IS NOT NULL", name="offset_says_why"),
        Index("ix_fund_entry_running", "owner_unit_id", "income_type", "entry_date", "seq"),
    )
    chain_keys = ("owner_unit_id", "income_type")
    ordered = ("entry_date",)
    echoed = frozenset({"balance", "type_label"})

    entry_date: Mapped[date] = columns.day(
        _("日期"), required=True, rules=(rules.not_in_future,), nullable=False
    )
    direction: Mapped[str] = columns.column(
        OneOfField(_("资金情况"), {INCOME: _("收入"), EXPENSE: _("支出")}), String(10), nullable=False
    )
    income_type: Mapped[str] = columns.code(_("收入类型"), "income_type", required=True, nullable=False)
    expense_type: Mapped[str | None] = columns.code(_("支出类型"), "expense_type")
    income_amount: Mapped[Decimal] = columns.money(_("收入"), least=LEAST, nullable=False)
    expense_amount: Mapped[Decimal] = columns.money(_("支出"), least=LEAST, nullable=False)
    is_fiscal_budget: Mapped[bool] = columns.yes_no(_("是否财政预算"), required=True, nullable=False)
    remarks: Mapped[str | None] = columns.long_text(_("备注"), 500)
    offsets_entry_id: Mapped[int | None] = columns.reference(
        _("被冲账记录"),
        "fund_entry",
        index=True,
        hint=_("冲账时选择被冲的那一笔；从列表点「冲账」会自动带入"),
    )

    offsets_entry: Mapped[FundEntry | None] = relationship(
        "FundEntry", remote_side="FundEntry.id", foreign_keys=[offsets_entry_id]
    )

    rules = (
        one_amount_is_given,
        expense_says_for_what,
        offset_says_which,
        offset_fits,
        fund_is_not_overdrawn,
    )
    #: the running balance, once `complete` has given it
    _balance: ClassVar[Decimal | None] = None

    @property
    def title(self) -> str:
        """Number, day, direction and amount, as a remark names an entry."""
        if self.seq is None:
            return str(_("新的一笔"))
        return str(
            _(
                "第%(seq)s号 %(day)s %(direction)s%(amount)s元",
                seq=self.seq,
                day=self.entry_date,
                direction=self.text("direction"),
                amount=BALANCE.text(self.amount),
            )
        )

    @property
    def amount(self) -> Decimal | None:
        """The one amount that the entry has; None while it has none."""
        amount: Decimal | None = getattr(self, f"{self.direction}_amount", None)
        return amount

    @property
    def change(self) -> Decimal | None:
        """What the entry adds to the balance."""
        return None if self.amount is None else self.amount if self.direction == INCOME else -self.amount

    @property
    def type_label(self) -> str:
        """类型: where an income comes from, what an expense is for (REC-27 #5)."""
        return self.text("income_type" if self.direction == INCOME else "expense_type")

    @property
    def balance(self) -> Decimal:
        """余额 after this entry (AID-R180)."""
        if self._balance is None:
            self.complete(session_of(self), [self])
        return self._balance or ZERO

    def derive(self, actor: Actor) -> None:
        """The direction follows from the amount that is given; the other amount is 0.00."""
        super().derive(actor)
        if self.direction is None and self.expense_amount is not None and not self.income_amount:
            self.direction = EXPENSE if self.income_amount is None or self.expense_amount else INCOME
        elif self.direction is None and self.income_amount is not None:
            self.direction = INCOME
        for one in (INCOME, EXPENSE):
            if self.direction not in (None, one) and getattr(self, f"{one}_amount") is None:
                setattr(self, f"{one}_amount", ZERO)

    @classmethod
    def complete(cls, session: Session, rows: Sequence[Any]) -> None:
        """The running balances of these entries, by one statement over their chains."""
        if not rows:
            return
        running = (
            select(cls.id, _running())
            .where(cls.owner_unit_id.in_({row.owner_unit_id for row in rows}))
            .where(cls.income_type.in_({row.income_type for row in rows}))
            .subquery()
        )
        mine = select(running.c.id, running.c.balance).where(running.c.id.in_([row.id for row in rows]))
        found = dict(session.execute(mine).all())
        for row in rows:
            vars(row)["_balance"] = found.get(row.id)


def is_of(fund: str) -> Any:
    """Entries of central money, or of all other kinds, as 对账 sets them against the aids."""
    if fund == "central":
        return FundEntry.income_type == CENTRAL_INCOME
    return FundEntry.income_type != CENTRAL_INCOME


def change_of() -> Any:
    """What an entry adds to its balance, in SQL."""
    return type_coerce(FundEntry.income_amount - FundEntry.expense_amount, FixedPoint())


def _running() -> Any:
    """余额 in SQL: over unit and fund, in the order of dates, then numbers."""
    chain = (FundEntry.owner_unit_id, FundEntry.income_type)
    order = (FundEntry.entry_date, FundEntry.seq)
    return func.sum(change_of(), type_=FixedPoint()).over(partition_by=chain, order_by=order).label("balance")


def balances_from(session: Session, entry: FundEntry) -> tuple[Decimal, Any]:
    """The balance on an entry's day before it is added, and the lowest one of later days with its date, or None."""
    chain = (FundEntry.owner_unit_id == entry.owner_unit_id) & (FundEntry.income_type == entry.income_type)
    before = select(func.sum(change_of(), type_=FixedPoint())).where(
        chain, FundEntry.entry_date <= entry.entry_date
    )
    running = select(FundEntry.entry_date, _running()).where(chain).subquery()
    later = select(running).where(running.c.entry_date > entry.entry_date).order_by(running.c.balance)
    return session.scalar(before) or ZERO, session.execute(later.limit(1)).one_or_none()
