"""收支明细信息: the ledger of a unit's aid funds, fund by fund (§14.1.1)."""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import urlencode

from flask_babel import gettext
from flask_babel import lazy_gettext as _

from app.kit import forms
from app.kit.declaration import Shelf, Shown
from app.kit.dimension import Dimension
from app.kit.forms import Typed
from app.kit.listing import Order
from app.kit.module import Entry
from app.kit.pages import Action, FieldView, FormPage, SheetPage
from app.kit.query import Choice
from app.kit.scope import Actor
from app.kit.statistics import Measure, Statistics
from app.kit.totals import Total
from app.kit.view import RecordView
from app.models.fund_entry import BALANCE, EXPENSE, INCOME, FundEntry, change_of, is_of
from app.models.fund_summary import FUNDS

MONTH = Dimension("month", _("月份"), month_of="entry_date")
DIRECTION = Choice(
    "direction",
    _("资金情况"),
    (
        (INCOME, _("收入"), lambda: FundEntry.direction == INCOME),
        (EXPENSE, _("支出"), lambda: FundEntry.direction == EXPENSE),
    ),
)
FUND = Choice(
    "source",
    _("资金来源"),
    tuple((code, label, partial(is_of, code)) for code, label in FUNDS.items()),
)
SUMS = {
    "income_amount": lambda: FundEntry.income_amount,
    "expense_amount": lambda: FundEntry.expense_amount,
    "balance": change_of,
}


class FundEntryView(RecordView):
    """Entries of one unit and fund at a time; superiors read them at once, only the unit itself adds (AID-R173 – R183)."""

    model = FundEntry
    right = "财政专项资金"
    list_title = _("收支明细信息")
    columns = (
        "entry_date",
        "direction",
        "type_label",
        "income_amount",
        "expense_amount",
        "balance",
        "is_fiscal_budget",
        "remarks",
    )
    shown = {
        "type_label": Shown(_("类型"), lambda entry: entry.type_label),
        "balance": Shown(_("余额"), lambda entry: entry.balance, field=BALANCE),
    }
    sheet = (
        (_("账目"), ("entry_date", "income_type", "expense_type", "income_amount", "expense_amount")),
        (_("说明"), ("is_fiscal_budget", "offsets_entry_id", "remarks")),
    )
    conditions = ("income_type", MONTH)
    totals = (Total(_("本月合计"), SUMS, MONTH), Total(_("累计"), SUMS))
    asks_first = ("income_type",)
    of_one_unit = True
    ask_label = _("查看")
    order = Order("entry_date", descending=False)
    page_size = 100
    shelves = (
        Shelf("all", _("收支明细信息")),
        Shelf(
            INCOME,
            _("收入"),
            lambda: FundEntry.direction == INCOME,
            begins={"direction": INCOME},
            add_title=_("增加新的收入信息"),
            without=("expense_type", "expense_amount"),
        ),
        Shelf(
            EXPENSE,
            _("支出"),
            lambda: FundEntry.direction == EXPENSE,
            begins={"direction": EXPENSE},
            add_title=_("增加新的支出信息"),
            without=("income_amount",),
        ),
        Shelf(
            "figures",
            _("资金情况"),
            steps=(),
            columns=("owner_unit_id", *columns[:-3], "is_fiscal_budget", "remarks"),
            conditions=("entry_date", "income_type", "is_fiscal_budget", DIRECTION, "expense_type", FUND),
            is_across=True,
        ),
    )
    #: AID-R184; by 支出类型 expenses alone are counted, whatever fund they are charged to
    statistics = Statistics(
        dimensions=(
            "income_type",
            Dimension("expense_type", asks={"direction": EXPENSE}, measures=("expense",)),
        ),
        measures=(
            Measure("income", _("收入"), "income_amount"),
            Measure("expense", _("支出"), "expense_amount"),
            Measure("balance", _("余额"), "income_amount", minus="expense_amount"),
        ),
        total=_("合计"),
        always_blank=False,
        title=_("资金情况统计"),
        shelf="figures",
    )
    can_edit = can_delete = is_tickable = False
    measure_word = _("笔")
    empty_words = _("这本账还没有记录，请点击「增加新的收入信息」登记第一笔。")

    def sortable(self, name: str) -> bool:
        """A running balance reads in the order of its days alone."""
        return name == "entry_date"

    def begins(self, actor: Actor) -> Typed:
        """Most entries are made on their day."""
        return {"entry_date": f"{actor.at:%Y-%m-%d}"}

    def dress(self, page: FormPage, record: Any, typed: Typed) -> None:
        """What the form's own button makes required; that what is saved is final."""
        for section in page.sections:
            for one in section.fields:
                one.required |= one.name in {"income_amount", "expense_amount", "expense_type"}
        page.back_url = self.home() + (f"?income_type={fund}" if (fund := typed.get("income_type")) else "")
        page.notes.append(
            _("收支信息一经保存即入账，不能修改或删除，上级单位随即可以看到；登记有误的，请冲账后重新登记。")
        )

    def row_actions(self, record: Any, actor: Actor) -> list[Action]:
        """冲账: the form with the negative amount and the remark begun (AID-R175)."""
        if record.owner_path != actor.path or not actor.may("write", self.resource):
            return []
        return [Action("offset", _("冲账"), self.offset_url(record), "arrow-back-up")]

    more_actions = row_actions

    def offset_url(self, record: Any) -> str:
        """The form that takes an entry back."""
        name = f"{record.direction}_amount"
        begun = {
            "shelf": record.direction,
            "income_type": record.income_type,
            "expense_type": record.expense_type or "",
            name: type(record).fields()[name].typed(-record.amount),
            "is_fiscal_budget": "1" if record.is_fiscal_budget else "0",
            "offsets_entry_id": record.id,
            "remarks": gettext("冲销%(entry)s：", entry=record.title),
        }
        return f"{self.url('add')}?{urlencode(begun)}"

    def dress_sheet(self, page: SheetPage, record: Any, actor: Actor) -> None:
        """What the system has given the entry: direction, number, balance."""
        (section,) = forms.read_sections(record, ((_("入账"), ("direction", "seq")),))
        section.number = len(page.sections) + 1
        balance = FieldView("balance", BALANCE.label, text=BALANCE.text(record.balance), unit=BALANCE.unit)
        section.fields.append(balance)
        page.sections.append(section)

    def landing(self, record: Any) -> str:
        """The book of the entry's fund, at its end."""
        return f"{self.home()}?{urlencode({'income_type': record.income_type, 'key': 'last'})}"

    def more_json(self, record: Any, actor: Actor) -> dict[str, Any]:
        """类型 and 余额."""
        return {"type_label": record.type_label, "balance": BALANCE.json(record.balance)}


MENU = (
    Entry(
        _("帮扶资金管理"), entries=(Entry(_("收支明细信息"), "list"), Entry(_("资金情况统计"), "statistic"))
    ),
)
