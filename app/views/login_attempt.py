"""登录日志: who came in, when, from where and how, and who was refused why."""

from __future__ import annotations

from typing import Any

from flask_appbuilder import expose
from flask_babel import lazy_gettext as _

from app.kit import forms, scope
from app.kit.access import needs
from app.kit.face import render
from app.kit.module import Entry
from app.kit.pages import Chip, SheetPage
from app.kit.scope import Actor
from app.kit.sheetpage import crumbs
from app.kit.view import RecordView
from app.models.login_attempt import LoginAttempt

#: what let somebody in, and what kept somebody out; the rest happened inside
TONES = {
    "in": "green",
    "wrong": "red",
    "code": "red",
    "no_card": "red",
    "captcha": "amber",
    "locked": "amber",
}


class LoginAttemptView(RecordView):
    """The log-ins of the administrator's unit and of those below; read only (DESIGN §10)."""

    model = LoginAttempt
    right = "用户管理"
    list_title = _("登录日志")
    columns = ("at", "person_name", "login_name", "unit_name", "outcome", "factor", "address")
    sheet = ((_("登录"), columns),)
    conditions = ("person_name", "login_name", "unit_id", "at", "outcome", "factor", "address")
    can_add = can_edit = can_delete = can_print = False
    is_tickable = False
    empty_words = _("还没有登录记录")

    def chips(self, record: Any, actor: Actor) -> list[Chip]:
        """The outcome in colour."""
        return [Chip(record.text("outcome"), TONES.get(record.outcome, "grey"))]

    @expose("/show/<int:pk>")
    @needs("read")
    def show(self, pk: int) -> Any:
        """One line; it has no history, since nothing ever changes it."""
        line = self.find(pk)
        page = SheetPage(line.title, crumbs=crumbs(self, line.title), chips=self.chips(line, scope.actor()))
        page.sections = forms.read_sections(line, self.sheet)
        return render("kit/sheet.html", page)


MENU = (Entry(_("登录日志"), "list"),)
