"""后台任务: what runs for the person in the background, how far it is, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import current_app, send_file
from flask_appbuilder import expose
from flask_babel import lazy_gettext as _

from app.kit import jobs, scope
from app.kit.access import needs
from app.kit.declaration import Shown
from app.kit.errors import Missing
from app.kit.face import render
from app.kit.jobs import Job
from app.kit.pages import Action, Chip, SheetPage
from app.kit.scope import Actor
from app.kit.sheetpage import actions, crumbs
from app.kit.view import RecordView

#: state of a job → the tone of its chip
TONES = {
    "waiting": "grey",
    "running": "blue",
    "done": "green",
    "partly": "amber",
    "failed": "red",
    "cancelled": "grey",
}


class JobView(RecordView):
    """The person's own jobs."""

    model = Job
    list_title = _("后台任务")
    columns = ("created_at", "kind", "state", "progress", "finished_at")
    shown = {"progress": Shown(_("进度"), lambda job: f"{job.percent}%")}
    sheet = (
        (
            _("任务"),
            (
                "kind",
                "state",
                "done",
                "total",
                "failed",
                "created_at",
                "started_at",
                "finished_at",
                "message",
            ),
        ),
    )
    can_add = can_edit = can_delete = can_print = False
    is_tickable = False
    empty_words = _("没有后台任务。较大的导出会在这里排队办理。")

    def chips(self, record: Any, actor: Actor) -> list[Chip]:
        """The state in colour."""
        return [Chip(record.text("state"), TONES[record.state])]

    @expose("/show/<int:pk>")
    @needs("read")
    def show(self, pk: int) -> Any:
        """One job with its progress; the page asks again while the job is open."""
        job = self.find(pk)
        page = SheetPage(job.title, crumbs=crumbs(self, job.title))
        page.chips = self.chips(job, scope.actor())
        page.actions = [*actions(self, job, scope.actor()), *_back(job)]
        return render("kit/job.html", page, job=job, mend=_mend(job))

    @expose("/result/<int:pk>")
    @needs("read")
    def result(self, pk: int) -> Any:
        """The file that a job left."""
        job = self.find(pk)
        file = jobs.result_file(job.id)
        if not job.result or "filename" not in job.result or not file.exists():
            raise Missing
        return send_file(file, as_attachment=True, download_name=job.result["filename"])


def _back(job: Job) -> list[Action]:
    """The way to the list, or the record, that the job was asked for from."""
    if "back" in job.args:
        return [Action("back", _("返回"), job.args["back"])]
    view, opens = current_app.extensions["views"].get(job.args.get("resource")), job.args.get("opens")
    if view and opens:  # the one record that the job has worked on
        return [Action("back", _("返回"), view.url("show", pk=opens))]
    return [Action("back", _("返回列表"), view.home())] if view else []


def _mend(job: Job) -> Callable[[int], str] | None:
    """Where a record that could not be done is put right; a job that tells no ids has no such place."""
    resource, page = job.args.get("resource"), job.args.get("mend")
    view = current_app.extensions["views"].get(resource)
    return (lambda pk: view.url(page, pk=pk)) if view and page in {"edit", "show"} else None
