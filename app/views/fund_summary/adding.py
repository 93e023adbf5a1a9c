"""增加新的职工: choose among the money that may still go into a table, or take all of it; and take a worker out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from flask import flash, request
from flask_appbuilder.baseviews import expose
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from app.kit import identity, listing, query, scope, stepping
from app.kit.access import needs
from app.kit.errors import Invalid, Refused
from app.kit.face import leave, render
from app.kit.listing import Order
from app.kit.pages import Action, Cell, Column, FieldView, ListPage, Option, Pager, Row
from app.kit.scope import Actor
from app.kit.sheetpage import crumbs
from app.kit.sweeppage import started
from app.models.aid import Aid
from app.models.aid_measure import AidMeasure
from app.models.fund_summary import FundSummary, candidates
from app.models.fund_summary.candidates import BELOW, CHUNK, CONDITIONS, Wanted

SIZE = 50
#: refused amounts told one by one
MOST_TOLD = 20
#: what of the address is asked, and goes with 全部加入
ASKED = ("full_name", "id_card_no", "aid_date_from", "aid_date_to", BELOW)
HEADS = (
    Column("full_name", _("职工姓名")),
    Column("id_card_no", _("身份证号")),
    Column("owner_unit_id", _("帮扶单位")),
    Column("aid_date", _("帮扶日期"), "center", look="kit-center"),
    Column("measure", _("帮扶措施")),
    Column("amount", _("帮扶金额"), "right", look="kit-right"),
    Column("fund_category", _("帮扶资金类别")),
)


class Adding:
    """The pages on which workers come into a table and leave it."""

    if TYPE_CHECKING:
        session: Any
        resource: str

        def url(self, endpoint: str, **values: Any) -> str: ...
        def find(self, pk: int, *, lock: bool = False) -> Any: ...
        def steps(self) -> Any: ...

    @expose("/candidates/<int:pk>")
    @needs("insert_lines")
    def candidates(self, pk: int) -> Any:
        """The money that may still go into the table (SM-AID-15 #2)."""
        table, actor = self.find(pk), scope.actor()
        if (why := table.refusal("insert_lines", actor)) is not None:
            raise Refused(why)
        return render("fund_summary/candidates.html", self._candidates(table, actor, request.args))

    @expose("/insert/<int:pk>", methods=["POST"])
    @needs("insert_lines")
    def insert(self, pk: int) -> Any:
        """Put in what is ticked; where somebody was faster, say who has it."""
        return self._insert(self.find(pk), ",".join(request.form.getlist("ids")))

    @expose("/insert_all/<int:pk>", methods=["POST"])
    @needs("insert_lines")
    def insert_all(self, pk: int) -> Any:
        """Put in all that is asked for: at once, or by a job where it is more than a chunk."""
        table, actor = self.find(pk), scope.actor()
        asked = {name: request.args[name] for name in ASKED if request.args.get(name)}
        statement = candidates.candidates(table, Wanted.of(asked), actor)
        ids = candidates.ids_of(self.session, statement, CHUNK + 1)
        if len(ids) > CHUNK:
            return started(self.session, candidates.ask(self.session, table, asked, actor))
        return self._insert(table, ",".join(map(str, ids)))

    def _insert(self, table: FundSummary, ids: str) -> Any:
        back = (
            self.url("candidates", pk=table.id)
            + "?"
            + urlencode({name: request.args[name] for name in ASKED if request.args.get(name)})
        )
        try:
            table.perform("insert_lines", scope.actor(), measure_line_ids=ids)
        except Refused as why:
            self.session.rollback()
            flash(str(why.words), "warning")
            return leave(back)
        except Invalid:
            self.session.rollback()
            flash(gettext("请先选择要增加的职工"), "warning")
            return leave(back)
        done = table.inserted
        for _pk, words in done.refused[:MOST_TOLD]:
            flash(str(words), "warning")
        if len(done.refused) > MOST_TOLD:
            flash(gettext("共有%(n)s笔没有插入", n=len(done.refused)), "warning")
        words = gettext("插入成功：%(n)s名职工，%(sum)s元", n=done.lines, sum=f"{done.total:,.2f}")
        step = replace(self.steps()["insert_lines"], success=words)
        return stepping.finish(self.session, step, self.url("show", pk=table.id))

    @expose("/take_out/<int:pk>", methods=["POST"])
    @needs("remove_line")
    def take_out(self, pk: int) -> Any:
        """Delete one worker's row; his money is free again (AID-R190)."""
        table = self.find(pk)
        table.perform("remove_line", scope.actor(), line_id=request.args.get("line_id"))
        return stepping.finish(self.session, self.steps()["remove_line"], self.url("show", pk=pk))

    def stepped_json(self, record: Any, step: str, actor: Actor) -> dict[str, Any]:
        """What became of each amount."""
        told: dict[str, Any] = super().stepped_json(record, step, actor)  # type: ignore[misc]
        if step == "insert_lines":
            done = record.inserted
            refused = [{"id": pk, "message": str(words)} for pk, words in done.refused]
            told = told | {"inserted": done.lines, "refused": refused}
        return told

    # --- the page ---------------------------------------------------------------------------------------------

    def _candidates(self, table: FundSummary, actor: Actor, args: Mapping[str, str]) -> ListPage:
        wanted = Wanted.of(args)
        statement = candidates.candidates(table, wanted, actor)
        piece = listing.page(
            self.session, statement, AidMeasure, Order("id", descending=False), SIZE, args.get("key", "")
        )
        number = listing.count(self.session, statement)
        title = _("增加新的职工")
        page = ListPage(title, crumbs=crumbs(self, table.title, title))  # type: ignore[arg-type]
        page.crumbs[-2].url = self.url("show", pk=table.id)
        page.url = self.url("candidates", pk=table.id)
        page.notes = [
            _(
                "「%(table)s」现有%(n)s名职工，%(total)s元。这里列出%(year)s年可以列入本表、还没有列入任何汇总表的帮扶资金。",
                table=table.title,
                n=table.line_count,
                total=table.text("total_amount"),
                year=table.year,
            )
        ]
        page.conditions = query.panel(query.conditions_of(Aid, CONDITIONS), args, wanted.asked.problems)
        page.conditions.append(_whose(args.get(BELOW, "")))
        page.errors = [problem.words for problem in wanted.asked.problems]
        page.asked = wanted.asked.words
        page.reset_url = page.url
        page.columns = [*HEADS]
        page.rows = self._rows(piece.rows)
        page.toolbar = self._buttons(table, args, number)
        page.pager = _pager(page.url, args, piece, number)
        page.empty = _("没有可以列入本表的帮扶资金：年份、帮扶措施要相符，且还没有列入任何汇总表")
        return page

    def _rows(self, measures: list[AidMeasure]) -> list[Row]:
        """One row an amount, with the worker and the unit of its aid."""
        mine = select(Aid).where(Aid.id.in_({one.aid_id for one in measures}))
        aids = {aid.id: aid for aid in self.session.scalars(mine.options(joinedload(Aid.owner_unit)))}
        rows = []
        for one in measures:
            aid = aids[one.aid_id]
            texts = (
                aid.full_name,
                identity.mask(aid.id_card_no),
                aid.owner_unit.name,
                aid.text("aid_date"),
                one.text("measure"),
                one.text("amount"),
                one.text("fund_category"),
            )
            rows.append(Row(one.id, "", [Cell(text) for text in texts]))
        return rows

    def _buttons(self, table: FundSummary, args: Mapping[str, str], number: int) -> list[Action]:
        asked = urlencode({name: args[name] for name in ASKED if args.get(name)})
        end = f"?{asked}" if asked else ""
        chosen = Action(
            "insert",
            _("插入选中的职工"),
            self.url("insert", pk=table.id) + end,
            "plus",
            "post",
            primary=True,
            needs_rows=True,
        )
        everything = Action(
            "insert_all",
            _("全部加入"),
            self.url("insert_all", pk=table.id) + end,
            "users-group",
            "post",
            _("把符合条件的%(n)s笔帮扶资金全部加入本表吗？", n=listing.total_words(number)),
            refusal=None if number else _("没有可以加入的职工"),
        )
        back = Action("back", _("返回汇总表"), self.url("show", pk=table.id), "arrow-left")
        return [chosen, everything, back]


def _whose(chosen: str) -> FieldView:
    """Q18: one's own money, or also what subordinates have reported."""
    options = [Option("1", _("含下级已上报"), chosen == "1")]
    return FieldView(BELOW, _("帮扶单位"), "choices", options=options)


def _pager(url: str, args: Mapping[str, str], piece: listing.Slice, number: int) -> Pager:
    asked = {name: args[name] for name in ASKED if args.get(name)}

    def at(key: str) -> str:
        return f"{url}?{urlencode(asked | ({'key': key} if key else {}))}"

    pager = Pager(_("共%(n)s笔", n=listing.total_words(number)), size=SIZE)
    if piece.previous_key:
        pager.first_url, pager.previous_url = at(""), at(piece.previous_key)
    if piece.next_key:
        pager.next_url, pager.last_url = at(piece.next_key), at("last")
    return pager
