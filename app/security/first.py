"""首次登录: the unit's data are confirmed, then one's own; who is first of his unit completes the unit's too.

    log in ─▶ 单位信息确认 ─确定─▶ 个人信息核实 ─我已阅读，并确认─▶ log in again ─▶ 本单位信息补全 ─▶ home
                  ╰─取消─▶ the session ends                                      (first of the unit only)

SM-AID-19, SM-AID-20. The guard of :mod:`app.security.session` keeps everything else shut meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from flask import flash, g, redirect, render_template, request, session
from flask_appbuilder import BaseView, expose
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import select

from app.kit import clock, codes, forms, picking, saving, scope
from app.kit.database import db
from app.kit.errors import Anonymous, Invalid, Problem, Refused
from app.kit.face import render
from app.kit.pages import Action, FieldView, FormPage, Option, Page, Section
from app.models.account import Account, administrator_of, login_name_taken
from app.models.unit import Unit
from app.security import attempts, policy
from app.security.login import forget, leave
from app.security.visitor import PERSON_FIRST, PROFILE_FIRST, UNIT_FIRST, Visitor, visitor

CONTACT = (
    "address",
    "postcode",
    "area_code",
    "leader_name",
    "leader_phone",
    "office_phone",
    "fax",
    "duty_phone",
    "email",
    "introduction",
)
#: what is shown of the unit before it is confirmed
UNIT_SHEET = ((_("单位信息"), ("name", "unit_no", "level", *CONTACT[:-1])),)
#: what the first person of a unit fills in
PROFILE_SHEET = ((_("本单位信息"), CONTACT),)
#: what a person fills in of himself: never his unit, his rights, or whether he may log in
PERSON_SHEET = (
    (
        _("个人信息"),
        ("full_name", "gender", "login_name", "phone", "mobile", "email", "job_title"),
    ),
)
CONFIRM = Action("save", _("我已阅读，并确认"), "", "check", "post", primary=True)


@dataclass
class UnitPage(Page):
    """单位信息确认: facts to read, and two answers."""

    url: str = UNIT_FIRST
    place: Any = ""
    sections: list[Section] = field(default_factory=list)


class FirstLoginView(BaseView):
    """The pages of a first login (AID-R005 – R008, R011)."""

    route_base = "/first"
    resource = "first"
    default_view = "unit"

    @expose("/unit", methods=["GET", "POST"])
    def unit(self) -> Any:
        """单位信息确认: 确定 leads on, 取消 ends the session with the hint whom to call (AID-R005, Q33)."""
        who = _expected(UNIT_FIRST)
        if who is None or session.get("unit_seen"):
            return redirect("/")
        with scope.acting(scope.SYSTEM):
            unit = _unit_of(who)
            if request.method != "POST":
                page = UnitPage(_("首次登录：单位信息确认"), place=unit.full_name)
                page.sections = forms.read_sections(unit, UNIT_SHEET)
                return _bare("security/unit.html", page)
            hint = _whom_to_call(unit)
        if request.form.get("button") == "ok":
            session["unit_seen"] = True
            return redirect(PERSON_FIRST)
        leave(who, "declined")
        flash(hint, "warning")
        return redirect("/login/")

    @expose("/person", methods=["GET", "POST"])
    def person(self) -> Any:
        """个人信息核实, with a password of one's own; then one logs in again (AID-R006 – R008, R010)."""
        who = _expected(UNIT_FIRST, PERSON_FIRST)
        if who is None:
            return redirect("/")
        with scope.acting(replace(who.actor, everywhere=True)):
            account = db.session.scalars(select(Account).where(Account.id == who.id).with_for_update()).one()
            if request.method != "POST":
                typed = forms.typed_of(account) | {"version": str(account.version)}
                return self._person_page(who, account, typed)
            typed = _only(PERSON_SHEET, Account)
            problems = _password_problems(account) if account.must_change_password else []
            if problems := self._kept(account, typed, who, problems):
                account = db.session.scalars(select(Account).where(Account.id == who.id)).one()
                return self._person_page(who, account, typed, problems), 422
            self._confirm(account)
            db.session.commit()
        forget()
        flash(gettext("信息已核实，请重新登录"), "success")
        return redirect("/login/")

    def _kept(
        self, record: Any, typed: forms.Typed, who: Visitor, problems: Sequence[Problem] = ()
    ) -> list[Problem]:
        """Save what was typed; with any problem nothing is, and all of them are told."""
        try:
            saving.save(db.session(), record, typed, replace(who.actor, everywhere=True))
            found = list(problems)
        except Invalid as wrong:
            found = [*wrong.problems, *problems]
        except Refused as why:
            found = [Problem("", why.words)]
        if found:
            db.session.rollback()
        return found

    def _confirm(self, account: Account) -> None:
        now = clock.now()
        if account.must_change_password:
            policy.set_password(account, request.form["password"], now)
        else:
            policy.end_sessions(account)
        account.profile_confirmed_at = now
        attempts.note(db.session(), "", "confirmed", account, now)

    def _person_page(
        self, who: Visitor, account: Account, typed: forms.Typed, problems: Sequence[Problem] = ()
    ) -> str:
        page = FormPage(
            _("首次登录：个人信息核实"), url=PERSON_FIRST, version=str(typed.get("version") or "")
        )
        page.notes = [_("请核对并补全带*的各项。确认后须用登录名和新密码重新登录。")]
        page.sections = forms.sections(Account, PERSON_SHEET, typed, problems, account)
        page.sections[0].fields.insert(
            0, FieldView("unit", _("所属单位"), readonly=True, text=who.actor.unit_name or "—", wide=True)
        )
        _dress(page, account)
        if account.must_change_password:
            page.notes.append(_("您正在使用一次性口令，请同时设置自己的密码。"))
            page.sections.append(_password_section(problems))
        shown = {view.name for section in page.sections for view in section.fields}
        page.errors = forms.plain(problem.words for problem in problems if problem.field not in shown)
        page.buttons = [CONFIRM]
        return _bare("security/first.html", page)

    @expose("/profile", methods=["GET", "POST"])
    def profile(self) -> Any:
        """The unit's * fields, by whoever is first of its people; later ones are not asked (AID-R011)."""
        who = _expected(PROFILE_FIRST)
        if who is None:
            return redirect("/")
        with scope.acting(replace(who.actor, everywhere=True)):
            unit = _unit_of(who)
            if request.method != "POST":
                typed = forms.typed_of(unit) | {"version": str(unit.version)}
                return self._profile_page(unit, typed)
            typed = _only(PROFILE_SHEET, Unit)
            if problems := self._kept(unit, typed, who):
                unit = _unit_of(who)
                if unit.profile_confirmed_at:  # a colleague was a moment earlier
                    return redirect("/")
                return self._profile_page(unit, typed, problems), 422
            unit.profile_confirmed_at = clock.now()
            db.session.commit()
        flash(gettext("本单位信息已核实"), "success")
        return redirect("/")

    def _profile_page(self, unit: Unit, typed: forms.Typed, problems: Sequence[Problem] = ()) -> str:
        page = FormPage(_("本单位信息核实"), url=PROFILE_FIRST, version=str(typed.get("version") or ""))
        page.notes = [
            _("您是本单位第一位登录的用户，请补全带*的各项；确认后，以后由上级单位的用户管理员修改。")
        ]
        page.sections = forms.sections(Unit, PROFILE_SHEET, typed, problems, unit)
        facts = (("name", unit.text("name")), ("place", unit.full_name), ("level", unit.text("level")))
        labels = {"name": _("单位名称"), "place": _("隶属关系"), "level": _("单位级别")}
        page.sections[0].fields[:0] = [
            FieldView(name, labels[name], readonly=True, text=text, wide=True) for name, text in facts
        ]
        shown = {view.name for section in page.sections for view in section.fields}
        page.errors = forms.plain(problem.words for problem in problems if problem.field not in shown)
        page.buttons = [CONFIRM]
        return _bare("security/first.html", page)

    @expose("/person/available")
    def available(self) -> Any:
        """有重复么? (AID-R009), for the person's own form."""
        who = _expected(UNIT_FIRST, PERSON_FIRST)
        if who is None:
            return redirect("/")
        name = picking.typed(request.args.get("login_name", ""))
        problems = [_("含有无法保存的字符")] if name is None else Account.fields()["login_name"].judge(name)
        if not problems and login_name_taken(name or "", who.id):
            problems = [_("登录名「%(name)s」已被使用，请换一个", name=name)]
        words = problems[0] if problems else _("登录名「%(name)s」没有重复，可以使用", name=name)
        return render_template("unit/available.html", good=not problems, words=words)


def _expected(*pages: str) -> Visitor | None:
    """The visitor, if one of these pages is the one that he has to see to; None for who has nothing to do here."""
    who = visitor()
    if who is None:
        raise Anonymous
    return who if who.detour in pages else None


def _unit_of(who: Visitor) -> Unit:
    return db.session.scalars(select(Unit).where(Unit.id == who.actor.unit_id)).one()


def _whom_to_call(unit: Unit) -> str:
    """Who can put the unit's data right: the administrator of the unit above (AID-R208)."""
    above = unit.superior()
    if above is None:
        return gettext("单位信息有误的，请联系系统维护人员更正后再登录")
    whom = administrator_of(above.id) or ""
    return gettext(
        "您没有确认单位信息，已退出登录。单位信息有误的，请联系上级单位「%(unit)s」的用户管理员%(whom)s（%(phone)s）"
        "更正后再登录",
        unit=above.name,
        whom=whom,
        phone=above.office_phone or gettext("办公电话未登记"),
    )


def _only(sheet: forms.Sheet, model: Any) -> forms.Typed:
    """What was typed into the fields of this sheet, and the version; nothing else is obeyed."""
    asked = {name for _label, names in sheet for name in names} | {"version"}
    return {name: value for name, value in forms.typed_from(request.form, model).items() if name in asked}


def _password_problems(account: Account) -> list[Problem]:
    new, again = request.form.get("password", ""), request.form.get("password_confirm", "")
    if not new:
        return [Problem("password", _("请填写新密码"))]
    found = [Problem("password", words) for words in policy.problems(account, new)]
    return [*found, Problem("password_confirm", _("两次填写的密码不一致"))] if new != again else found


def _password_section(problems: Sequence[Problem]) -> Section:
    told = {name: [p.words for p in problems if p.field == name] for name in ("password", "password_confirm")}
    return Section(
        2,
        _("设置密码"),
        [
            FieldView(
                "password",
                _("新密码"),
                "password",
                required=True,
                hint=policy.policy().hint,
                errors=told["password"],
            ),
            FieldView(
                "password_confirm", _("确认"), "password", required=True, errors=told["password_confirm"]
            ),
        ],
    )


def _dress(page: FormPage, account: Account) -> None:
    """Radio buttons, and 有重复么? beside the login name."""
    views = {view.name: view for view in page.sections[0].fields}
    gender, name = views["gender"], views["login_name"]
    gender.kind = "yes_no"
    gender.options = [
        Option(value.code, value.label, gender.value == value.code) for value in codes.values("gender")
    ]
    name.check_url, name.check_label = f"{PERSON_FIRST}/available", _("有重复么？")


def _bare(template: str, page: Page) -> str:
    """A page without menu: every line of it would lead back here."""
    g.frame = None
    return render(template, page)
