"""The pages of the door: log in, log out, change the password."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlsplit

from flask import flash, redirect, render_template, request, session
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.views import AuthDBView
from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _
from flask_login import login_user, logout_user
from flask_wtf.csrf import generate_csrf
from markupsafe import Markup
from sqlalchemy import Select, func, select

from app.kit import clock, scope
from app.kit.database import db
from app.kit.errors import Anonymous, AppError
from app.kit.pages import Action, FieldView, FormPage, LoginPage, Section
from app.kit.reminders import Reminder
from app.models.account import Account
from app.models.login_attempt import COUNTED, LoginAttempt
from app.security import attempts, captcha, door, policy
from app.security.visitor import Visitor, admit, dismiss, visitor

#: seconds between the two pages of a login
HALF_WAY = 300


def safe_next(target: str | None) -> str:
    """A page of ours to go on to; the home page for anything else."""
    if not target or not target.startswith("/") or not target.isprintable() or "\\" in target:
        return "/"
    try:
        parts = urlsplit(target)
    except ValueError:
        return "/"
    if (
        parts.scheme
        or parts.netloc
        or target.startswith("//")
        or parts.path.startswith(("/login", "/logout"))
    ):
        return "/"
    return target


def login_page(message: Any = "", username: str = "", target: str = "") -> str:
    """The login page; the same for /login/ and for any page that nobody may see yet."""
    page = LoginPage(
        _("登录"), next=safe_next(target) if target else "", username=username[:100], message=message
    )
    if door.is_doubtful(username):
        page.puzzle = captcha.puzzle()
    return render_template("security/login.html", page=page)


def begin(came: door.Came, target: str) -> Any:
    """Into the house, and on to the page that was asked for."""
    enter(came)
    tell_last(came.visitor)
    if not came.visitor.detour:
        tell_reminders()
    return redirect(safe_next(target))


class LoginView(AuthDBView):
    """登录, 退出 (AID-R001, R003)."""

    @expose("/login/", methods=["GET", "POST"])
    def login(self) -> Any:
        target = request.form.get("next") or request.args.get("next") or ""
        if request.method != "POST":
            return redirect(safe_next(target)) if visitor() else login_page(target=target)
        username = request.form.get("username", "")
        try:
            return begin(
                door.authenticate(username, request.form.get("password", ""), is_solved=_is_solved), target
            )
        except door.CodeWanted as half:
            session.clear()
            session.permanent = True
            session["half"] = {"key": half.key, "at": int(time.time()), "next": safe_next(target)}
            return redirect("/login/code")
        except AppError as refusal:
            return login_page(refusal.words, username, target), refusal.status

    @expose("/login/code", methods=["GET", "POST"])
    def code(self) -> Any:
        """The second page: the code of the device, or a recovery code (AID-R004)."""
        half = session.get("half") or {}
        if time.time() - half.get("at", 0) > HALF_WAY:
            session.pop("half", None)
            flash(gettext("验证已超时，请重新登录"), "warning")
            return redirect("/login/")
        if request.method != "POST":
            return _code_page()
        try:
            return begin(door.complete(half["key"], request.form.get("otp", "")), half["next"])
        except door.CodeWanted:
            return _code_page(_("请填写动态口令")), 422
        except AppError as refusal:
            return _code_page(refusal.words), refusal.status

    @expose("/logout/", methods=["GET", "POST"])
    def logout(self) -> Any:
        leaving = visitor()
        if leaving is None:
            return redirect("/login/")
        if request.method != "POST":  # a link in a foreign page logs nobody out
            page = FormPage(_("退出登录"), url="/logout/", back_url="/", notes=[_("确定要退出登录吗？")])
            page.buttons = [Action("logout", _("退出登录"), "", method="post", primary=True)]
            return render_template("kit/form.html", page=page)
        leave(leaving, "out")
        return redirect("/login/")


class PasswordView(BaseView):
    """修改密码: at the first login, when it is overdue, and whenever the person likes (AID-R007, R008, R010)."""

    route_base = "/password"
    resource = "password"
    default_view = "change"

    @expose("/", methods=["GET", "POST"])
    def change(self) -> Any:
        who = visitor()
        if who is None:
            raise Anonymous
        if request.method != "POST":
            return self._page(who, {})
        if errors := self._errors(who):
            return self._page(who, errors), 422
        with scope.acting(scope.SYSTEM):
            account = db.session.scalars(select(Account).where(Account.id == who.id).with_for_update()).one()
            if words := policy.problems(account, request.form["password"]):
                db.session.rollback()
                return self._page(who, {"password": words}), 422
            policy.set_password(account, request.form["password"], clock.now())
            attempts.note(db.session, "", "changed", account, clock.now())
            key = f"{who.id}.{account.session_version}"
            db.session.commit()
        if who.is_first_login:  # AID-R008
            forget()
            flash(gettext("密码已修改，请用新密码重新登录"), "success")
            return redirect("/login/")
        renew(key)
        flash(gettext("密码已修改，其他地方的登录都已退出"), "success")
        return redirect("/")

    def _errors(self, who: Visitor) -> dict[str, list[Any]]:
        """What is wrong before the profile is asked."""
        old, new, again = (
            request.form.get(name, "") for name in ("old_password", "password", "password_confirm")
        )
        errors: dict[str, list[Any]] = {}
        if not new:
            errors["password"] = [_("请填写新密码")]
        if new != again:
            errors["password_confirm"] = [_("两次填写的密码不一致")]
        try:
            if not door.confirm(who, old):
                errors["old_password"] = [_("原密码不正确")]
        except AppError as locked:
            errors["old_password"] = [locked.words]
        return errors

    def _page(self, who: Visitor, errors: dict[str, list[Any]]) -> str:
        page = FormPage(_("修改密码"), url="/password/", back_url="" if who.must_change else "/")
        page.sections = [
            Section(
                1,
                "",
                [
                    FieldView(name, label, "password", required=True, hint=hint, errors=errors.get(name, []))
                    for name, label, hint in (
                        ("old_password", _("原密码"), ""),
                        ("password", _("新密码"), policy.policy().hint),
                        ("password_confirm", _("确认"), ""),
                    )
                ],
            )
        ]
        if who.is_first_login:
            page.notes = [_("您正在使用一次性密码，请先设置自己的密码；设置后需重新登录")]
        elif who.must_change:
            page.notes = [_("密码已到期，请设置新密码")]
        return render_template("security/password.html", page=page)


def _is_solved() -> bool:
    return captcha.is_solved(request.form.get("puzzle"), request.form.get("captcha"))


def _code_page(message: Any = "") -> str:
    page = LoginPage(_("验证动态口令"), url="/login/code", message=message)
    return render_template("security/code.html", page=page)


def enter(came: door.Came) -> None:
    """Begin a session of its own: nothing of the former one survives."""
    session.clear()
    session.permanent = True
    session["factor"] = came.factor
    login_user(came.visitor)
    admit(came.visitor)
    generate_csrf()  # in this answer's cookie: two pages that are opened at once would each make one


def renew(key: str) -> None:
    """Go on with the session after the account's session version has moved."""
    session["_user_id"] = key
    session.modified = True


def leave(leaving: Visitor, outcome: str) -> None:
    """End every session and token of the account, copies included."""
    with scope.acting(scope.SYSTEM):
        account = db.session.scalars(select(Account).where(Account.id == leaving.id).with_for_update()).one()
        policy.end_sessions(account)
        attempts.note(db.session, "", outcome, account, clock.now())
        db.session.commit()
    forget()


def forget() -> None:
    """Let this browser know nobody any more."""
    logout_user()
    session.clear()
    dismiss()


def own_log(who: Visitor) -> Select[tuple[LoginAttempt]]:
    """The person's own lines of the log, wherever his unit was by then."""
    mine = select(LoginAttempt).where(LoginAttempt.account_id == who.id)
    return mine.execution_options(**scope.door("one's own log-ins"))


def tell_last(came: Visitor) -> None:
    """When and whence the account was last logged in to, and how often somebody failed since."""
    mine = own_log(came)
    logins = mine.where(LoginAttempt.outcome == "in").order_by(LoginAttempt.id.desc()).limit(2)
    before = db.session.scalars(logins).all()[1:]
    if not before:
        return
    last = before[0]
    words = gettext(
        "上次登录：%(at)s，来自%(address)s", at=last.text("at"), address=last.address or gettext("未知地址")
    )
    failed = mine.where(LoginAttempt.id > last.id, LoginAttempt.outcome.in_(COUNTED))
    number = len(db.session.scalars(failed.limit(100)).all())
    if number:
        words += gettext("；此后有%(n)s次登录失败，如不是您本人，请修改密码并告知管理员", n=number)
    flash(words, "warning" if number else "info")


def tell_reminders() -> None:
    """How many reminders wait, with a link to them (AID-R224)."""
    waiting = db.session.scalar(select(func.count()).select_from(Reminder).where(Reminder.state == "open"))
    if waiting:
        words = ngettext("您有%(num)s条待处理提醒", "您有%(num)s条待处理提醒", waiting)
        flash(Markup('<a href="/reminder/list/?shelf=open">{}</a>').format(words), "info")
