"""The workers of a table on its page and over REST, some at a time: a table may have any number (AID-R191)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flask import jsonify, request
from flask_appbuilder.api import expose
from flask_babel import lazy_gettext as _
from sqlalchemy import Row, select

from app.kit import codes, identity
from app.kit.apidoor import secured
from app.kit.pages import Action, Pager, Words
from app.kit.record import session_of
from app.kit.scope import Actor
from app.models.aid import Aid
from app.models.aid_measure import AidMeasure
from app.models.fund_summary import FundSummary, lines
from app.models.fund_summary_line import FundSummaryLine, age_on

if TYPE_CHECKING:
    from app.views.fund_summary import FundSummaryView

SIZE = 50
#: lines that come with one table over REST
MOST_WITH_TABLE = 200


@dataclass
class Worker:
    """One line: what is shown of it, the way to its aid record, what may be done."""

    number: int
    cells: list[str]
    url: str = ""
    remove: Action | None = None


@dataclass
class LinesBox:
    """Some of the workers, with the sum of all."""

    total: Words
    columns: list[Words]
    workers: list[Worker] = field(default_factory=list)
    pager: Pager | None = None
    add: Action | None = None


HEADS = (
    _("姓名"),
    _("性别"),
    _("年龄"),
    _("身份证号"),
    _("工作单位或家庭地址"),
    _("帮扶金额"),
    _("联系电话"),
)


def cells_of(table: FundSummary, row: Row[Any], number: str) -> list[Any]:
    """The columns of the paper form but for the signature."""
    return [
        row.full_name,
        codes.label("gender", row.gender),
        age_on(row.birth_date, table.filled_on),
        number,
        row.employer_or_address,
        row.amount,
        row.phone,
    ]


def lines_box(view: FundSummaryView, table: FundSummary, actor: Actor, args: Mapping[str, str]) -> LinesBox:
    """A page of the table's workers."""
    session = session_of(table)
    pages = max(1, -(-table.line_count // SIZE))
    raw = args.get("page", "")
    number = min(max(int(raw) if raw.isascii() and raw.isdigit() and len(raw) < 9 else 1, 1), pages)
    mine = lines.told(FundSummaryLine.fund_summary_id == table.id)
    rows = session.execute(mine.offset((number - 1) * SIZE).limit(SIZE)).all()
    seen = select(AidMeasure.id, AidMeasure.aid_id).where(
        AidMeasure.id.in_([row.measure_line_id for row in rows])
    )
    aids = dict(session.execute(seen).all()) if actor.may("read", Aid.resource()) else {}
    box = LinesBox(
        _("共%(n)s条，帮扶资金总额 %(total)s 元", n=table.line_count, total=table.text("total_amount")),
        [*HEADS],
    )
    refusal = table.refusal("remove_line", actor)
    for at, row in enumerate(rows, (number - 1) * SIZE + 1):
        cells = cells_of(table, row, identity.mask(row.id_card_no))
        cells[5] = f"{row.amount:,.2f}"
        worker = Worker(at, ["" if one is None else str(one) for one in cells])
        aid = aids.get(row.measure_line_id)
        worker.url = f"/aid/show/{aid}" if aid else ""
        if actor.may("remove_line", view.resource) and table.owner_path == actor.path:
            worker.remove = _remove(view, table, row, refusal)
        box.workers.append(worker)
    box.add = next((one for one in view.more_actions(table, actor)), None)
    if pages > 1:
        box.pager = _pager(view, table, number, pages)
    return box


def _remove(view: FundSummaryView, table: FundSummary, row: Row[Any], refusal: Any) -> Action:
    words = _("确定从本表删除「%(name)s」吗？这笔帮扶资金可以再列入汇总表。", name=row.full_name)
    where = view.url("take_out", pk=table.id) + f"?line_id={row.id}"
    return Action("remove_line", _("删除"), where, "trash", "post", words, refusal, danger=True)


def _pager(view: FundSummaryView, table: FundSummary, number: int, pages: int) -> Pager:
    here = view.url("show", pk=table.id)
    pager = Pager(_("共%(n)s条 共%(m)s页", n=table.line_count, m=pages), size=SIZE)
    pager.number = _("第%(n)s页", n=number)
    if number > 1:
        pager.first_url, pager.previous_url = here, f"{here}?page={number - 1}"
    if number < pages:
        pager.next_url, pager.last_url = f"{here}?page={number + 1}", f"{here}?page={pages}"
    pager.jump_url = here
    return pager


# --- REST -------------------------------------------------------------------------------------------------------


def lines_json(table: FundSummary, start: int = 0, most: int = MOST_WITH_TABLE) -> list[dict[str, Any]]:
    """Lines as the spec names them."""
    mine = lines.told(FundSummaryLine.fund_summary_id == table.id).offset(start).limit(most)
    fields = FundSummaryLine.fields()
    return [
        {
            "id": row.id,
            "measure_line_id": row.measure_line_id,
            "full_name": row.full_name,
            "gender": fields["gender"].json(row.gender),
            "age": age_on(row.birth_date, table.filled_on),
            "id_card_no": row.id_card_no,
            "employer_or_address": row.employer_or_address,
            "amount": fields["amount"].json(row.amount),
            "phone": row.phone,
        }
        for row in session_of(table).execute(mine)
    ]


class LinesApi:
    """``GET …/<id>/lines?page=0&page_size=100``: the workers of a table, however many."""

    if TYPE_CHECKING:
        view: Any

    @expose("/<int:pk>/lines", methods=["GET"])
    @secured("read")
    def lines(self, who: Actor, pk: int) -> Any:
        """Some of the lines, and how many there are."""
        table = self.view.find(pk)
        size = min(max(request.args.get("page_size", 100, int), 1), MOST_WITH_TABLE)
        page = min(max(request.args.get("page", 0, int), 0), 10**6)
        return jsonify(count=table.line_count, result=lines_json(table, page * size, size))
