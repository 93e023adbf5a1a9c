"""A declared view becomes pages: list, record, form, steps, statistics, print, export.

A view says only what a clerk would point at on the screen::

    class PetitionView(RecordView):
        model = Petition
        right = "信访接待"
        columns = ("received_on", "petitioner_name", "category", "report_state")
        sheet = ((_("来访情况"), ("received_on", "petitioner_name")), …)
        conditions = ("received_on", "category")

Route, rights, labels, code lists, scope, steps, print and export come from here; REST from :mod:`app.kit.api`.
"""

from __future__ import annotations

from typing import Any

from flask import jsonify, request
from flask_appbuilder.baseviews import BaseView, expose
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload
from werkzeug.wrappers import Response

from app.kit import (
    exporting,
    filing,
    formpage,
    importing,
    listing,
    listpage,
    parts,
    picking,
    reviewpage,
    scope,
    sheetpage,
    statpage,
    stepping,
    sweeppage,
)
from app.kit.access import needs, writes
from app.kit.database import db
from app.kit.declaration import Declaration
from app.kit.errors import Missing, Refused
from app.kit.face import render
from app.kit.pages import ListPage
from app.kit.question import Question, tree_limit


class RecordView(Declaration, BaseView):
    """The pages of one record type."""

    default_view = "list"

    def __init__(self) -> None:
        self.route_base = f"/{self.model.resource()}"
        self.class_permission_name = self.model.resource()
        self.base_permissions = sorted(permission for permission, _resource in self.grants())
        super().__init__()

    def create_blueprint(self, *args: Any, **kwargs: Any) -> Any:
        """The routes; that of an upload takes more than the others."""
        blueprint = super().create_blueprint(*args, **kwargs)
        blueprint.url_value_preprocessor(importing.make_room)
        return blueprint

    # --- what every route needs ------------------------------------------------------------------------------

    @property
    def session(self) -> Session:
        """The request's session."""
        session: Session = db.session()
        return session

    def find(self, pk: int, *, lock: bool = False) -> Any:
        """A record in scope, with ``lock`` held until the transaction ends. Raises Missing."""
        if pk > tree_limit():
            raise Missing
        statement = select(self.model).where(self.model.id == pk)
        if lock:
            statement = statement.with_for_update(of=self.model).execution_options(populate_existing=True)
        elif self.is_reportable:  # its page, form and paper all say whose it is
            statement = statement.options(joinedload(self.model.owner_unit))
        found = self.session.scalar(statement)
        if found is None:
            raise Missing
        return found

    def find_many(self, raw: list[str]) -> list[Any]:
        """The ticked records in scope, in the order of their ids; at most a page of them."""
        ids = {int(i) for i in raw[: listing.MAX_SIZE] if i.isascii() and i.isdigit() and len(i) < 10}
        statement = select(self.model).where(self.model.id.in_(ids)).order_by(self.model.id)
        return list(self.session.scalars(listpage.eager(self, statement)))

    # --- routes ----------------------------------------------------------------------------------------------

    @expose("/list/")
    @needs("read")
    def list(self) -> Any:
        """The list."""
        return render("kit/list.html", listpage.build(self, self.session, scope.actor(), request.args))

    @expose("/counts")
    @needs("read")
    def counts(self) -> Any:
        """The state tabs with their counts, after the first paint; the list's own number too, where it waited."""
        asked = Question(self, scope.actor(), request.args)
        if not self.is_reportable:
            number = listing.count(self.session, asked.statement(self.session))
            return render("kit/_tabs.html", ListPage(self.list_title, pager=listpage.counted(asked, number)))
        counts = listpage.every_count(asked, self.session)
        page = ListPage(self.list_title, tabs=listpage.state_tabs(asked, counts))
        if asked.asked.is_dear:
            page.pager = listpage.counted(asked, counts[asked.state])
        return render("kit/_tabs.html", page)

    @expose("/panel")
    @needs("read")
    def panel(self) -> Any:
        """更多条件 of the query panel, when they are unfolded."""
        asked = Question(self, scope.actor(), request.args)
        if not asked.more:
            raise Missing
        page = ListPage(self.list_title, more_conditions=listpage.more_conditions(asked))
        return render("kit/_more.html", page)

    @expose("/show/<int:pk>")
    @needs("read")
    def show(self, pk: int) -> Any:
        """One record."""
        page = sheetpage.build(self, self.session, self.find(pk), scope.actor(), request.args.get("tab", ""))
        return render("kit/sheet.html", page)

    @expose("/tabs/<int:pk>")
    @needs("read")
    def tabs(self, pk: int) -> Any:
        """The tabs of a record's page with the numbers of what hangs on it, after the first paint."""
        asked = request.args.get("tab", "")
        page = sheetpage.counted_tabs(self, self.session, self.find(pk), scope.actor(), asked)
        return render("kit/_sheet_tabs.html", page)

    @expose("/pick")
    @needs("read")
    def pick(self) -> Any:
        """Records to choose from in a form, by a part of their name; ``own``: of one's own unit alone."""
        own = scope.actor() if "own" in request.args and self.is_owned else None
        return jsonify(results=picking.found(self, self.session, request.args.get("q", ""), own))

    @expose("/reveal/<int:pk>", methods=["POST"])
    @needs("read")
    def reveal(self, pk: int) -> Any:
        """A masked number in full; who looked is noted."""
        return sheetpage.reveal(
            self, self.session, self.find(pk), scope.actor(), request.args.get("field", "")
        )

    @expose("/add", methods=["GET", "POST"])
    @needs("write")
    def add(self) -> Any:
        """A new record."""
        if not (self.can_add and self.has_add_form):
            raise Missing
        if (why := self.why_not_add(scope.actor())) is not None:
            raise Refused(why)
        return formpage.serve(self, self.session, self.new(), scope.actor())

    @expose("/edit/<int:pk>", methods=["GET", "POST"])
    @needs("write")
    def edit(self, pk: int) -> Any:
        """A stored record to change."""
        if not (self.can_edit and self.has_edit_form):
            raise Missing
        return formpage.serve(self, self.session, self.find(pk), scope.actor())

    @expose("/draft", methods=["POST"])
    @needs("write")
    def draft(self) -> Any:
        """Keep what was typed so far."""
        return formpage.keep_draft(self, self.session, scope.actor())

    @expose("/draft/discard", methods=["POST"])
    @needs("write")
    def discard_draft(self) -> Any:
        """Forget what was typed."""
        return formpage.discard_draft(self, self.session, scope.actor())

    @expose("/delete/<int:pk>", methods=["POST"])
    @needs("write")
    def delete(self, pk: int) -> Response:
        """Delete one record."""
        return stepping.delete(self, self.session, [self.find(pk)], scope.actor())

    @expose("/delete", methods=["POST"])
    @needs("write")
    def delete_many(self) -> Response:
        """Delete the ticked records."""
        return stepping.delete(self, self.session, self.find_many(request.form.getlist("ids")), scope.actor())

    @expose("/dialog/<step>")
    @needs("read")
    def dialog(self, step: str) -> Any:
        """What a step asks, for the ticked records."""
        return stepping.dialog(self, self.find_many(request.args.getlist("ids")), step, scope.actor())

    @expose("/steps/<step>", methods=["POST"])
    @needs("read")
    def step(self, step: str) -> Any:
        """Perform a step on the ticked records."""
        return stepping.perform(
            self, self.session, self.find_many(request.form.getlist("ids")), step, scope.actor()
        )

    @expose("/points/<int:pk>", methods=["POST"])
    @needs("read")
    def settle(self, pk: int) -> Response:
        """Which points of a 退回 are settled."""
        return reviewpage.settle(self, self.session, self.find(pk), scope.actor())

    @expose("/sweep/<step>", methods=["GET", "POST"])
    @needs("read")
    def sweep(self, step: str) -> Any:
        """A step on everything that a unit holds."""
        return sweeppage.serve(self, self.session, step, scope.actor())

    @expose("/statistics")
    @needs("read")
    @writes
    def statistic(self) -> Any:
        """A dimension × the units below."""
        if self.statistics is None:
            raise Missing
        return statpage.serve(self, self.session, scope.actor(), request.args)

    @expose("/print/<int:pk>")
    @needs("read")
    @writes
    def print_one(self, pk: int) -> Any:
        """One record on A4."""
        return render("kit/print.html", exporting.sheet(self, self.session, self.find(pk), scope.actor()))

    @expose("/word/<int:pk>")
    @needs("read")
    @writes
    def word(self, pk: int) -> Response:
        """One record as a Word file."""
        return exporting.word(self, self.session, self.find(pk), scope.actor())

    @expose("/excel/<int:pk>")
    @needs("read")
    @writes
    def excel(self, pk: int) -> Response:
        """One record as an Excel file."""
        return exporting.excel(self, self.session, self.find(pk), scope.actor())

    @expose("/print")
    @needs("read")
    @writes
    def print_list(self) -> Any:
        """The list on A4, in one of the four ways."""
        return render("kit/print.html", exporting.listed(self, self.session, scope.actor(), request.args))

    @expose("/export")
    @needs("read")
    @writes
    def export(self) -> Response:
        """The list as a file."""
        return exporting.file(self, self.session, scope.actor(), request.args)

    @expose("/template")
    @needs("write")
    def template(self) -> Response:
        """The workbook to fill in for an import."""
        if not self.can_import:
            raise Missing
        return importing.hand_out(self, scope.actor(), migrate="migrate" in request.args)

    @expose("/import", methods=["GET", "POST"])
    @needs("write")
    def import_file(self) -> Any:
        """Records from an Excel workbook: the page, and the upload that becomes a job."""
        if not self.can_import:
            raise Missing
        whole = parts.whole_of(self, scope.actor(), request.values)
        if request.method == "POST":
            return importing.serve(self, self.session, scope.actor(), whole)
        return importing.page(self, scope.actor(), whole)

    @expose("/blank")
    @needs("read")
    def blank(self) -> Any:
        """The empty paper form (AID-R085)."""
        if not (self.can_add and self.has_add_form):
            raise Missing
        return render("kit/print.html", exporting.blank(self, request.args.get("shelf", "")))

    @expose("/attach/<int:pk>", methods=["POST"])
    @needs("write")
    def attach(self, pk: int) -> Response:
        """Add a file to a record."""
        return filing.attach(self, self.session, self.find(pk), scope.actor())

    @expose("/file/<int:pk>/<int:file>")
    @needs("read")
    @writes
    def download(self, pk: int, file: int) -> Response:
        """A file of a record."""
        return filing.download(self, self.session, self.find(pk), file, scope.actor())

    @expose("/file/<int:pk>/<int:file>/delete", methods=["POST"])
    @needs("write")
    def discard_file(self, pk: int, file: int) -> Response:
        """Remove a file of a record."""
        return filing.discard(self, self.session, self.find(pk), file, scope.actor())
