"""一次性口令: those of the people that an import has brought, made at a click and downloaded once by who imported them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flask import request, url_for
from flask_appbuilder.baseviews import expose
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import select

from app.kit import exchange, scope
from app.kit.access import needs
from app.kit.errors import BadRequest, Missing, Refused
from app.kit.face import leave, render
from app.kit.pages import Chip, Crumb, DialogPage, Page, Words
from app.kit.scope import Actor
from app.models.password_issue import STATES, PasswordIssue
from app.security import issuing, second_factor

TITLE = _("一次性口令")
TONES = {"waiting": "amber", "making": "blue", "ready": "green", "fetched": "grey", "expired": "red"}


@dataclass
class Batch:
    """One import and its people."""

    issue: PasswordIssue
    chip: Chip
    until: str = ""
    job_url: str = ""
    #: why passwords cannot be made or taken now
    no_make: Words = ""
    no_fetch: Words = ""


@dataclass
class IssuesPage(Page):
    """The account's imports that brought people, the latest first."""

    batches: list[Batch] = field(default_factory=list)
    url: str = ""
    back_url: str = ""
    chosen: int = 0
    error: Words = ""


class Passwords:
    """The routes, for the view of people."""

    if TYPE_CHECKING:
        session: Any
        group_label: Any

        def url(self, endpoint: str, **values: Any) -> str: ...

    @expose("/passwords", methods=["GET"])
    @needs("write")
    def passwords(self) -> Any:
        """Every import of one's own that brought people."""
        return render("account/passwords.html", self._issues(request.args.get("issue", "")))

    @expose("/passwords", methods=["POST"])
    @needs("write")
    def give_passwords(self) -> Any:
        """Make the passwords, or take them away."""
        who, chosen = scope.actor(), request.form.get("issue") or request.form.get("ids", "")
        try:
            issue = self._asked(chosen)
            if request.form.get("deed") == "make":
                return leave(url_for("job.show", pk=issuing.begin(self.session, issue, who)))
            return self._proof_of(issue, who) or self._file(issue, who)
        except (Refused, BadRequest) as why:
            self.session.rollback()
            page = self._issues(chosen)
            page.error = why.words
            return render("account/passwords.html", page), why.status

    def _asked(self, raw: str) -> PasswordIssue:
        """One's own issue. Raises BadRequest or Missing."""
        if not (raw.isascii() and raw.isdigit() and len(raw) < 10):
            raise BadRequest(_("请选择一次导入"))
        found = self.session.scalar(select(PasswordIssue).where(PasswordIssue.id == int(raw)))
        if found is None:
            raise Missing
        return found  # type: ignore[no-any-return] # the session of a mixin

    def _proof_of(self, issue: PasswordIssue, who: Actor) -> Any:
        """The page that asks for the second factor, of who has one; None once he has shown it (AID-R110)."""
        if why := issuing.why_not(self.session, issue, "fetch"):
            raise Refused(why)
        if not second_factor.required(who):
            return None
        typed, pk, people = request.form.get(second_factor.FIELD), issue.id, issue.people
        words = second_factor.fault(typed) if typed is not None else ""
        if words is None:
            return None
        page = DialogPage(_("下载口令表"), url=self.url("passwords"), submit=_("下载"), ids=[str(pk)])
        page.crumbs = [Crumb(self.group_label), Crumb(TITLE, self.url("passwords")), Crumb(page.title)]
        page.text = _("%(n)s人的一次性口令，只能下载一次。请验证本人身份。", n=people)
        page.fields = [second_factor.field([words] if words else [])]
        page.next_url = self.url("passwords", issue=pk)
        return render("kit/dialog.html", page), 422 if words else 200

    def _file(self, issue: PasswordIssue, who: Actor) -> Any:
        """The passwords as an Excel file, for the only time."""
        people, until = issuing.fetch(self.session, issue, who)
        had = gettext("已登录过，或已另行重置")
        rows = [[one.unit, one.name, one.login_name, one.password or had] for one in people]
        header = [_("单位"), _("姓名"), _("登录名"), _("一次性口令")]
        title = gettext("一次性口令，%(until)s前有效", until=until.strftime("%Y-%m-%d %H:%M"))
        file = exchange.xlsx_file(header, rows, gettext("一次性口令"))
        return exchange.attachment(file, f"{title.replace(':', '点')}.xlsx")

    def _issues(self, chosen: str) -> IssuesPage:
        page = IssuesPage(TITLE, crumbs=[Crumb(self.group_label), Crumb(TITLE)])
        page.url, page.back_url = self.url("passwords"), url_for("unit.tree")
        page.chosen = int(chosen) if chosen.isascii() and chosen.isdigit() and len(chosen) < 10 else 0
        found = select(PasswordIssue).order_by(PasswordIssue.id.desc()).limit(50)
        for issue in self.session.scalars(found):
            making = issuing.making(self.session, issue)
            state = issue.state(making)
            batch = Batch(issue, Chip(STATES[state], TONES[state]))
            batch.no_make = issuing.why_not(self.session, issue, "make")
            batch.no_fetch = issuing.why_not(self.session, issue, "fetch")
            if state == "ready" and issue.expires_at is not None:
                batch.until = issue.expires_at.strftime("%Y-%m-%d %H:%M")
            if state == "making" and making is not None:
                batch.job_url = url_for("job.show", pk=making.id)
            page.batches.append(batch)
        return page
