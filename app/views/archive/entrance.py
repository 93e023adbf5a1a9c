"""What is done for a worker: his number leads to his file wherever it is, or to a new one, and from there to the form.

No number stands in an address: a file that is seen is named by its id, any other by the pass of
:mod:`app.views.archive.holder`. Every look is noted and counted (AID-R118, Q07, Q32).
"""

from __future__ import annotations

from typing import Any, ClassVar

from flask import current_app, redirect, request
from flask_appbuilder.baseviews import expose
from flask_babel import lazy_gettext as _

from app.kit import anywhere, formpage, identity, scope
from app.kit.access import needs, writes
from app.kit.clock import today
from app.kit.errors import Invalid, Refused
from app.kit.face import render
from app.kit.forms import Typed, input_view, read_view
from app.kit.pages import Action, Chip, FormPage, Section, SheetPage
from app.kit.scope import Actor
from app.kit.sheetpage import crumbs
from app.models.archive import Archive
from app.models.archive.lookup import conflict_words, holding
from app.views.archive.holder import full_name, masked_sections, opened, pass_to

#: which of the worker's facts stand in the form to read
WORKER = ("id_card_no", "full_name")
AGAIN = _("查询其他身份证号")


def archives() -> Any:
    """The pages of the files."""
    return current_app.extensions["views"][Archive.resource()]


class Entrance:
    """The routes, for the view of records that hang on an archive (`Linked`): aids, legal aid, job seekers."""

    #: what is done for the worker, e.g. 帮扶, and the button that begins it
    deed: ClassVar[Any]
    give_label: ClassVar[Any]
    give_icon: ClassVar[str] = "plus"
    looks_up = (_("按身份证号查职工档案，全国范围，每次查询都有记录"), Archive.resource())

    @expose("/add", methods=["GET", "POST"])
    @needs("write")
    def add(self: Any) -> Any:
        """The form of a worker who has been found; before that, the question for his number."""
        if {"worker", "archive_id"} & set(request.args):
            return formpage.serve(self, self.session, self.new(), scope.actor())
        if request.method == "POST":
            return self._look_up(request.form.get("id_card_no", ""))
        return render("kit/form.html", self._question())

    @expose("/worker/<token>")
    @needs("write")
    @writes
    def worker(self: Any, token: str) -> Any:
        """来访职工信息: the whole archive to read, and the way to the aid (SM-AID-09)."""
        who = scope.actor()
        pk = opened(self.session, token, who).id
        anywhere.note(self.session, who, Archive.resource(), {pk: self.resource})
        return render("kit/sheet.html", self._worker_page(opened(self.session, token, who), who, token))

    @expose("/first/<int:archive_id>")
    @needs("write")
    def first(self: Any, archive_id: int) -> Any:
        """第一次帮扶: the archive has just been made, the aid comes next (SM-AID-09 #2)."""
        archive = archives().find(archive_id)
        return render("archive/first.html", self._first_page(archive))

    # --- the number -------------------------------------------------------------------------------------------

    def _question(self: Any, typed: str = "", wrong: Any = ()) -> FormPage:
        page = FormPage(self.add_label, crumbs=crumbs(self, self.add_label))
        page.url, page.back_url = self.url("add"), self.home()
        number = input_view(
            self.model.fields()["id_card_no"],
            "id_card_no",
            typed,
            {"id_card_no": list(wrong)} if wrong else {},
        )
        number.wide = True
        number.hint = _("在全国的职工档案中查找；没有档案的，接着新增档案")
        page.sections = [Section(1, "", [number])]
        page.buttons = [Action("find", _("查询"), "", "search", "post", primary=True)]
        return page

    def _look_up(self: Any, raw: str) -> Any:
        """Where a number leads: to the worker, to a new file, or to words."""
        try:
            number = anywhere.number_of(archives(), raw)
        except Invalid as why:
            return self._told(raw, [problem.words for problem in why.problems])
        if fault := identity.fault(number, today()):
            return self._told(raw, [fault])
        who, found = scope.actor(), holding(self.session, number)
        heads = [archive for archive, role in found if role == "head"]
        if len(heads) == 1:
            return redirect(self.url("worker", token=pass_to(heads[0], who)))
        if not found:
            return self._new_file(number, who)
        anywhere.note(self.session, who, Archive.resource(), {archive.id: role for archive, role in found})
        return self._several(raw, heads) if heads else self._member(raw, found[0][0], who)

    def _told(self: Any, raw: str, words: list[Any]) -> Any:
        return render("kit/form.html", self._question(raw, words)), 422

    def _several(self: Any, raw: str, heads: list[Archive]) -> Any:
        """Files with the same number have to become one before anybody can say which of them is aided."""
        page = self._question(raw)
        files = [
            _("「%(file)s」（%(unit)s）", file=archive.title, unit=full_name(self.session, archive))
            for archive in heads
        ]
        page.errors = [
            _(
                "该身份证号有%(n)s份档案，请先合并重复档案，再填写%(deed)s：%(files)s",
                deed=self.deed,
                n=len(heads),
                files="、".join(map(str, files)),
            )
        ]
        return render("kit/form.html", page), 409

    def _member(self: Any, raw: str, archive: Archive, who: Actor) -> Any:
        """The number of somebody in another's household: aid is given to the householder."""
        page = self._question(raw)
        page.errors = [
            conflict_words(self.session, archive.id, "member"),
            _(
                "%(deed)s记在户主名下，请点「查看户主档案」为这一户填写；确已分户的，请先从那份档案的家庭成员中移除",
                deed=self.deed,
            ),
        ]
        url = self.url("worker", token=pass_to(archive, who))
        page.buttons.append(Action("head", _("查看户主档案"), url, "users"))
        return render("kit/form.html", page), 409

    def _new_file(self: Any, number: str, who: Actor) -> Any:
        """Nobody has a file with this number: a new one, formal or temporary by its 困难类别 (AID-R118, R119)."""
        if not who.may("write", Archive.resource()):
            page = self._question(number)
            page.errors = [
                _(
                    "没有该身份证号的职工档案。新增档案需要「困难职工档案」权限：请有这项权限的同事先建档，或请本单位的用户管理员开通"
                )
            ]
            return render("kit/form.html", page), 404
        view = archives()
        known: Typed = {"id_card_no": number, "gender": identity.gender(number) or ""}
        known["birth_date"] = str(identity.birth_date(number) or "")
        page = formpage.begun(view, self.session, who, known, view.url("add", then=self.resource))
        page.notes = [
            _(
                "没有该身份证号的职工档案，请先建档。属于正式困难职工的，困难类别选低保户、低保边缘户或意外致困户；"
                "其他的选临时救助。保存后接着填写%(what)s。",
                what=self.model.__label__,
            )
        ]
        view.leads_on(page, self)
        return render("kit/form.html", page)

    # --- the worker -------------------------------------------------------------------------------------------

    def _worker_page(self: Any, archive: Archive, who: Actor, token: str) -> SheetPage:
        page = SheetPage(_("来访职工信息"), crumbs=crumbs(self, _("来访职工信息")))
        owner = full_name(self.session, archive)
        page.subtitle = f"{archive.title} {owner}"
        page.chips = [Chip(archive.text("hardship_category"), "blue")]
        page.actions = [
            Action("give", self.give_label, self.url("add", worker=token), self.give_icon, primary=True)
        ]
        view, is_near = archives(), archive.is_seen_by(who) and who.may("read", Archive.resource())
        if archive.is_cancelled:
            page.chips.append(Chip(_("已注销"), "red"))
            page.notes = [_cancelled(archive, self.deed)]
            if who.may("restore", Archive.resource()):
                restore, url = view.steps()["restore"], view.url("take", token=token, step="restore")
                page.actions.append(Action("restore", restore.label, url, restore.icon, "dialog"))
        if is_near:
            printed = view.url("print_one", pk=archive.id)
            page.actions.append(Action("print", _("打印职工档案"), printed, "printer", new_tab=True))
        page.actions.append(Action("again", AGAIN, self.url("add"), "search"))
        reveal = view.url("reveal", pk=archive.id) if is_near else ""
        page.sections = masked_sections(archive, view.sheet, who, owner, reveal)
        page.sections[0].label = _("所属单位")
        return page

    def _first_page(self: Any, archive: Archive) -> FormPage:
        title = _("第一次%(deed)s", deed=self.deed)
        page = FormPage(title, crumbs=crumbs(self, title))
        page.notes = [
            _(
                "「%(worker)s」的职工档案已保存（%(kind)s）。点「确定」填写%(what)s。",
                what=self.model.__label__,
                worker=archive.title,
                kind=archive.text("hardship_category"),
            )
        ]
        page.url = self.url("add", archive_id=archive.id)
        page.back_url = archives().url("show", pk=archive.id)
        return page

    # --- the form ---------------------------------------------------------------------------------------------

    def chosen(self: Any) -> Archive:
        """The worker whose form it is: by a pass, or by the id of a file that is seen."""
        if token := request.args.get("worker", ""):
            return opened(self.session, token, scope.actor())
        raw = request.args.get("archive_id", "")
        archive: Archive = archives().find(
            int(raw) if raw.isascii() and raw.isdigit() and len(raw) < 16 else 0
        )
        return archive

    def new(self: Any) -> Any:
        """A record of the chosen worker."""
        archive = self.chosen()
        if why := archive.why_gone():
            raise Refused(why)
        return self.model(archive_id=archive.id, full_name=archive.full_name, id_card_no=archive.id_card_no)

    def dress(self: Any, page: FormPage, record: Any, typed: Typed) -> None:
        """The worker is to be read only, and whose he is, is said."""
        fix_worker(page, record)
        if record.id is None:
            page.notes += self._whose(self.chosen())

    def _whose(self: Any, archive: Archive) -> list[Any]:
        """Another unit's worker is helped all the same, and it is said whose he is (Q07)."""
        if archive.owner_path == scope.actor().path:
            return []
        owner = full_name(self.session, archive)
        what = self.model.__label__
        return [_("该职工的档案属于%(unit)s；填写的%(what)s属于本单位。", unit=owner, what=what)]


def fix_worker(page: FormPage, record: Any) -> None:
    """Who the record is about is looked up, not typed."""
    for one in (one for section in page.sections for one in section.fields if one.name in WORKER):
        one.text = read_view(record, one.name, masked=True).text
        one.readonly, one.required = True, False


def _cancelled(archive: Archive, deed: Any) -> Any:
    """Who has put the file aside; help is given all the same, and restoring is offered."""
    told = {name: archive.text(name) for name in ("cancelled_at", "cancelled_unit", "cancel_reason")}
    return _(
        "该职工的档案已于%(cancelled_at)s由【%(cancelled_unit)s】注销，原因：%(cancel_reason)s。"
        "仍可以填写%(deed)s；如又陷入困难，请先「恢复困难职工」。",
        deed=deed,
        **told,
    )


__all__ = ["Entrance", "archives"]
