"""批量帮扶: workers to choose from, one form for all of them, what became of it (3.2.4, SM-AID-09 #9, AID-R132, R133).

Who holds 帮扶救助 alone chooses here too: he sees name, masked number, cause and unit, and opens no file.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from flask import current_app, jsonify, redirect, request, url_for
from flask_appbuilder.baseviews import expose
from flask_babel import lazy_gettext as _

from app.kit import batch, drafts, forms, listpage, scope
from app.kit.access import needs
from app.kit.apidoor import read_body, secured
from app.kit.batch import Result
from app.kit.clock import today
from app.kit.declaration import Declaration
from app.kit.errors import Invalid, Missing, Problem, Refused
from app.kit.face import render
from app.kit.forms import Typed
from app.kit.jobs import Job
from app.kit.module import Entry
from app.kit.pages import Action, Chip, Crumb, FormPage, Option, Page, Row
from app.kit.question import Question
from app.kit.scope import Actor
from app.kit.workflow import Step
from app.models.aid import Aid
from app.models.aid.batch import BATCH, OWN, may_be_chosen
from app.models.archive import Archive
from app.views.aid.entry import fit

TITLE, GIVE = _("批量帮扶"), _("为选中人员增加新帮扶救助信息")
ENTRY = Entry(TITLE, "batch", permission="write")
#: fields of the form of one aid that say whose it is, or follow from the rest
NOT_TYPED = frozenset({"id_card_no", "full_name"})
#: what names the workers in a program's request, beside the fields of the aid
NAMED = frozenset({"archive_ids", "ids", "archive_id", "batch_id", "id_card_no", "full_name"})
#: records of a batch that its page names; the rest is in the list
MOST_SHOWN = 200


class Workers(Declaration):
    """The list to choose from: formal files of one's own, and those that subordinates have reported."""

    model = Archive
    list_title = TITLE
    columns = ("full_name", "id_card_no", "main_hardship_cause", "owner_unit_id")
    #: what who may open the files sees besides
    more_columns = ("archive_no", "full_name", "id_card_no", "hardship_category", "main_hardship_cause")
    conditions = ("archive_no", "full_name", "id_card_no", "employer_name", "hardship_category")
    is_reportable = False  # its states are the business of the lists of files
    can_add = can_edit = can_delete = can_print = can_import = False
    empty_words = _("没有可以选择的职工。本单位的正式困难职工档案，和下级单位上报的，会列在这里。")

    def url(self, endpoint: str, **values: Any) -> str:
        """The list is a page of the aids."""
        return url_for("aid.batch") if endpoint == "list" else super().url(endpoint, **values)

    def list_key(self, shelf: Any) -> str:
        """No display options: who may not open a file chooses no columns of it."""
        return "aid:batch"

    def built_in(self, shelf: Any) -> tuple[str, ...]:
        """More of a file for who may open it."""
        if not scope.actor().may("read", Archive.resource()):
            return self.columns
        return (*self.more_columns, "employer_name", "owner_unit_id")

    def base_clauses(self) -> list[Any]:
        """Formal files that stand (AID-R133)."""
        return [may_be_chosen()]

    def listed_steps(self, shelf: Any = None) -> list[Step]:
        """What is done to files is done elsewhere."""
        return []

    def dress_row(self, row: Row, record: Any, actor: Actor) -> None:
        """A file opens for who may read files."""
        row.url = row.url if actor.may("read", Archive.resource()) else ""

    def tools(self, asked: Question) -> list[Action]:
        """One form for who is ticked, or for everybody whom the question finds."""
        everybody = url_for("aid.batch_form", all=1, **asked.essence())
        return [
            Action(
                "batch", GIVE, url_for("aid.batch_form"), "heart-handshake", primary=True, needs_rows=True
            ),
            Action("batch_all", _("为符合条件的全部人员增加"), everybody, "users"),
        ]


@dataclass
class BatchPage(Page):
    """What became of a batch: who got a record, who did not and why; of a job, how far it is."""

    made: list[tuple[Any, str]] = field(default_factory=list)
    refused: list[Any] = field(default_factory=list)
    number_made: int = 0
    number_refused: int = 0
    list_url: str = ""
    back_url: str = ""
    chips: list[Chip] = field(default_factory=list)
    job: Job | None = None


class BatchPages:
    """The routes, for the view of aids."""

    def why_not_on(self: Any, parent: Archive, actor: Actor) -> Any:
        """A file that was merged away gets no aid any more; the survivor does."""
        return parent.why_gone()

    @expose("/batch")
    @needs("write")
    def batch(self: Any) -> Any:
        """Workers to tick."""
        workers = Workers()
        workers.group_label = self.group_label
        page = listpage.build(workers, self.session, scope.actor(), request.args)  # type: ignore[arg-type]
        page.exports, page.options, page.queries_url = [], None, ""
        return render("kit/list.html", page)

    @expose("/batch/add", methods=["GET", "POST"])
    @needs("write")
    def batch_form(self: Any) -> Any:
        """The one form; saved once it was told what it comes to (AID-R132)."""
        actor, ids = scope.actor(), self._batch_ids(scope.actor())
        if request.method == "GET":
            typed = forms.typed_of(Aid(is_aided=True, is_out_of_hardship=False, aid_date=today()))
            page = self._batch_page(ids, typed | {"aid_category": OWN, "measures": [{}]})
            return render("kit/form.html", page)
        typed, token = forms.typed_from(request.form, Aid), drafts.token_in(request.form)
        try:
            told = str(batch.preview(self.session, BATCH, ids, typed, actor))
            if told in request.form.getlist("confirmed"):
                return self._batch_told(batch.carry_out(self.session, BATCH, ids, typed, actor, token))
            problems, status = [Problem("", told, warning=True)], 200
        except Invalid as wrong:
            problems, status = wrong.problems, wrong.status
        except Refused as why:
            problems, status = [Problem("", why.words)], why.status
        self.session.rollback()
        return render("kit/form.html", self._batch_page(ids, typed, problems)), status

    def _batch_ids(self: Any, actor: Actor) -> list[int]:
        """The ticked workers, or everybody whom the question finds."""
        if request.args.get("all"):
            return batch.everybody(self.session, Question(Workers(), actor, request.args))  # type: ignore[arg-type]
        raw = request.args.getlist("ids")[: batch.MOST]
        ids = [int(pk) for pk in raw if pk.isascii() and pk.isdigit() and len(pk) < 10]
        if not ids:
            raise Refused(_("请先在批量帮扶的列表中选择职工"))
        return sorted(set(ids))

    def _batch_page(
        self: Any, ids: Sequence[int], typed: Typed, problems: Sequence[Problem] = ()
    ) -> FormPage:
        page = FormPage(GIVE, crumbs=self._batch_crumbs())
        page.url, page.back_url = request.full_path.rstrip("?"), url_for("aid.batch")
        page.notes = [_("已选中%(n)s名职工，保存后每人各增加一条内容相同的帮扶救助信息", n=len(ids))]
        if len(ids) > batch.AT_ONCE:
            page.notes.append(_("人数较多，确认后在后台办理，进度和结果随时可以查看"))
        wrong = [problem for problem in problems if not problem.warning]
        page.sections = forms.sections(Aid, self._batch_sheet(), typed, wrong)
        shown = {one.name for section in page.sections for one in section.fields} | {*Aid.children}
        page.errors = forms.plain(p.words for p in wrong if p.field.partition(".")[0] not in shown)
        page.warnings = forms.plain(problem.words for problem in problems if problem.warning)
        page.token = drafts.token_in(request.form) or uuid.uuid4().hex
        page.buttons = [Action("save", _("保存"), "", "device-floppy", "post", primary=True)]
        fit(page, Aid())
        for one in (one for section in page.sections for one in section.fields if one.name == "aid_category"):
            each = Option(OWN, _("按各人致困主要原因"), one.value == OWN)
            one.options = [each, *(option for option in one.options if option.value != OWN)]
        return page

    def _batch_crumbs(self: Any) -> list[Crumb]:
        return [Crumb(self.group_label), Crumb(TITLE, url_for("aid.batch"))]

    def _batch_sheet(self: Any) -> forms.Sheet:
        """The form of one aid without the worker."""
        parts = [
            (label, names if isinstance(names, str) else [n for n in names if n not in NOT_TYPED])
            for label, names in self.sheet
        ]
        return [(label, names) for label, names in parts if names]

    # --- what became of it ------------------------------------------------------------------------------------

    def _batch_told(self: Any, made: Result) -> Any:
        if made.job_id:
            return redirect(self.url("batch_result", pk=made.job_id))
        page = self._batch_result_page(made.number)
        page.made = [(one.chosen[1], self.url("show", pk=one.record_id)) for one in made.done]
        page.refused = [batch.refusal_words(one) for one in made.refused]
        page.number_made, page.number_refused = len(made.done), len(made.refused)
        if made.done and not any(one.is_new for one in made.done):
            page.notes = [_("这张表单已经保存过，没有重复增加；以下是当时增加的记录")]
        return render("aid/batch.html", page)

    @expose("/batch/result/<int:pk>")
    @needs("write")
    def batch_result(self: Any, pk: int) -> Any:
        """The same for a batch that is a job, while it runs and afterwards."""
        jobs: Any = current_app.extensions["views"][Job.resource()]
        job: Job = jobs.find(pk)
        if job.kind != BATCH.kind:
            raise Missing
        page = self._batch_result_page(job.args["batch"])
        page.job, page.chips = job, jobs.chips(job, scope.actor())
        names = dict(job.args["chosen"])
        records = batch.made_by(self.session, BATCH, job.args["batch"], MOST_SHOWN)
        page.made = [
            (names.get(aid.archive_id) or aid.full_name, self.url("show", pk=aid.id)) for aid in records
        ]
        page.refused = [one["words"] for one in job.errors[:MOST_SHOWN]]
        page.number_made, page.number_refused = (job.result or {}).get("made", 0), job.failed
        return render("aid/batch.html", page)

    def _batch_result_page(self: Any, number: str) -> BatchPage:
        page = BatchPage(_("批量帮扶结果"), crumbs=self._batch_crumbs())
        page.list_url, page.back_url = self.url("list", batch_id=number), url_for("aid.batch")
        return page


class BatchApi:
    """The same over REST: ``POST /api/v1/aid/batch``; unified §8 calls it the step ``aid_many``."""

    session: Any

    @expose("/batch", methods=["POST"])
    @secured("write")
    def batch(self: Any, who: Actor) -> Any:
        """``{"archive_ids": […], …aid fields}`` → ``done`` and ``refused``, or ``job`` for many.

        With a ``batch_id`` of the caller's own the same request may be sent again: nobody gets a second record.
        """
        return self._carried_out(who, "archive_ids")

    @expose("/steps/aid_many", methods=["POST"])
    @secured("write")
    def aid_many(self: Any, who: Actor) -> Any:
        """As a step on many: ``ids`` are those of the archives."""
        return self._carried_out(who, "ids")

    def _carried_out(self: Any, who: Actor, name: str) -> Any:
        body = read_body()
        ids = batch.read_ids(body.get(name), name)
        token = str(body.get("batch_id") or uuid.uuid4().hex)[:64]
        typed = {key: value for key, value in body.items() if key not in NAMED}
        made = batch.carry_out(self.session, BATCH, ids, typed, who, token)
        return jsonify(batch.as_json(BATCH, made)), 202 if made.job_id else 200


__all__ = ["ENTRY", "BatchApi", "BatchPages"]
