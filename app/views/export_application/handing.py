"""下载: who may take the data, what he is asked for first, and who has taken it."""

from __future__ import annotations

from typing import Any

from flask import request
from flask_appbuilder import expose
from flask_babel import lazy_gettext as _
from werkzeug.wrappers import Response

from app.kit import filing, scope
from app.kit.access import needs
from app.kit.apidoor import read_body, secured
from app.kit.errors import Invalid, Problem, Refused
from app.kit.face import render
from app.kit.pages import ChildRow, ChildTable, DialogPage, FieldView, Section
from app.kit.scope import Actor
from app.kit.sheetpage import crumbs
from app.models.export_application import EXPORTED
from app.models.export_application.checks import download_refusal
from app.models.export_application.night import file_of
from app.security import second_factor


def _size(number: int) -> str:
    return f"{max(number, 1024) / 1024:.0f} KB" if number < 1024**2 else f"{number / 1024**2:.1f} MB"


def data_file(record: Any) -> tuple[Any, dict[str, Any] | None]:
    """数据文件 in words, and over REST; None while there is none."""
    if record.export_state != EXPORTED:
        return "—", None
    facts = {
        "filename": _filename(record),
        "rows": record.row_count,
        "size": record.file_size,
        "expires_on": record.expires_on.isoformat(),
        "expired": record.is_expired,
        "url": f"/api/v1/export_application/{record.id}/download",
    }
    return _("文件已过期") if record.is_expired else _size(record.file_size), facts


def _filename(record: Any) -> str:
    return f"{record.export_unit.name if record.export_unit else ''}档案数据{record.exported_at:%Y%m%d}.zip"


def downloads_of(record: Any) -> Section:
    """下载记录 (AID-R112)."""
    heads = [FieldView("at", _("下载时间")), FieldView("account", _("下载人"))]
    rows = [
        ChildRow(
            str(one.id),
            [
                FieldView("at", "", text=f"{one.at:%Y-%m-%d %H:%M}"),
                FieldView("account", "", text=one.account_name),
            ],
        )
        for one in record.downloads
    ]
    return Section(0, _("下载记录"), child=ChildTable("downloads", _("下载记录"), heads, rows))


def _handed_out(view: Any, record: Any, actor: Actor, typed: Any) -> Response:
    """The file, once whoever asks has proved who he is. Raises Refused, Invalid or Locked."""
    if why := download_refusal(record, actor):
        raise Refused(why)
    factor = second_factor.required(actor)
    if factor and (words := second_factor.fault(typed)):
        raise Invalid([Problem(second_factor.FIELD, words)])
    facts = {"file": _filename(record), "second_factor": factor}
    return filing.hand_out(view, view.session, record, file_of(record.id), _filename(record), actor, facts)


class Downloading:
    """The page from which the file is taken."""

    @expose("/download/<int:pk>", methods=["GET", "POST"])
    @needs("read")
    def fetch(self: Any, pk: int) -> Any:
        """What is about to be taken, and with it the proof of who asks (AID-R110); POST hands it out."""
        record, who = self.find(pk), scope.actor()
        if request.method != "POST":
            if why := download_refusal(record, who):
                raise Refused(why)
            return render("kit/dialog.html", self.page_before(record, who, []))
        try:
            return _handed_out(self, record, who, request.form.get(second_factor.FIELD, ""))
        except Invalid as wrong:
            words = [problem.words for problem in wrong.problems]
            return render("kit/dialog.html", self.page_before(record, who, words)), 422

    def page_before(self: Any, record: Any, who: Actor, errors: list[Any]) -> DialogPage:
        """The question before the download."""
        page = DialogPage(_("下载数据"), url=self.url("fetch", pk=record.id), submit=_("下载"))
        page.crumbs = crumbs(self, record.title, page.title)
        page.text = _(
            "%(name)s，%(rows)s户，%(size)s，保留至%(day)s。文件含个人信息，请妥善保管；每次下载都有记录。",
            name=_filename(record),
            rows=record.row_count,
            size=_size(record.file_size),
            day=record.expires_on,
        )
        if second_factor.required(who):
            page.fields = [second_factor.field(errors)]
        page.next_url = self.url("show", pk=record.id)
        return page


class DownloadApi:
    """The same over REST."""

    @expose("/<int:pk>/download", methods=["POST"])
    @secured("read")
    def fetch(self: Any, who: Actor, pk: int) -> Any:
        """The zip; ``otp`` where the account has a second factor."""
        body = read_body(optional=True)
        return _handed_out(self.view, self.view.find(pk), who, body.get(second_factor.FIELD, ""))
