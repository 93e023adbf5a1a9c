"""账号安全: a person's password, device, recovery codes and last log-ins; and the page on which a device is bound."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from flask import flash, g, redirect, request, session
from flask_appbuilder import BaseView, expose
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from markupsafe import Markup
from sqlalchemy import select

from app.kit import clock, scope
from app.kit.database import db
from app.kit.errors import Anonymous, AppError, Refused
from app.kit.face import render
from app.kit.pages import Action, Crumb, FieldView, FormPage, Page, Section
from app.models.account import Account
from app.models.login_attempt import LoginAttempt
from app.security import attempts, door, factors, sealing, second_factor
from app.security.login import own_log, renew
from app.security.visitor import DEVICE_FIRST, Visitor, visitor

#: lines of 最近登录
LINES = 20


@dataclass
class SafetyPage(Page):
    """账号安全."""

    name: str = ""
    factor: str = ""
    is_due: bool = False
    bound_at: str = ""
    codes_left: int = 0
    lines: list[LoginAttempt] = field(default_factory=list)


@dataclass
class DevicePage(FormPage):
    """绑定动态口令: a picture for the app, the same in letters, and what is asked."""

    picture: Markup = field(default_factory=Markup)
    secret: str = ""
    fields: list[FieldView] = field(default_factory=list)
    is_first: bool = False


@dataclass
class CodesPage(Page):
    """恢复码, shown this once."""

    codes: list[str] = field(default_factory=list)
    next_url: str = "/"


class SafetyView(BaseView):
    """The person's own account (Q01)."""

    route_base = "/safety"
    resource = "safety"
    default_view = "mine"

    @expose("/")
    def mine(self) -> Any:
        """How the account is kept, and who has logged in to it lately."""
        who = _who()
        account = _account(who)
        page = SafetyPage(_("账号安全"), [Crumb(_("账号安全"))], name=who.login_name)
        page.factor, page.is_due = who.factor, who.is_factor_due
        page.bound_at = f"{account.factor_at:%Y-%m-%d %H:%M}" if account.factor_at else ""
        page.codes_left = len(account.recovery_codes or ())
        latest = own_log(who).order_by(LoginAttempt.id.desc()).limit(LINES)
        page.lines = list(db.session.scalars(latest))
        return render("security/safety.html", page)

    @expose("/device", methods=["GET", "POST"])
    def device(self) -> Any:
        """绑定、更换动态口令. The secret waits sealed in the session until a code of the device has proved it."""
        who = _who()
        if who.factor == "certificate":
            raise Refused(_("您使用数字证书登录，不需要绑定动态口令"))
        secret = sealing.unseal(f"binding {who.id}", session.get("binding"))
        if request.method != "POST" or secret is None:
            secret = secret or factors.new_secret()
            session["binding"] = sealing.seal(f"binding {who.id}", secret)
            return self._device_page(who, secret, {})
        errors, step = self._judge(who, secret)
        if errors or step is None:
            return self._device_page(who, secret, errors), 422
        with scope.acting(scope.SYSTEM):
            account = _account(who, is_locked=True)
            codes = factors.bind(account, secret, step, clock.now())
            attempts.note(db.session(), "", "bound", account, clock.now())
            key = f"{account.id}.{account.session_version}"
            db.session.commit()
        session.pop("binding", None)
        session["factor"] = "totp"
        renew(key)
        return _codes_page(_("动态口令已绑定"), codes, _is_led(who))

    def _judge(self, who: Visitor, secret: str) -> tuple[dict[str, list[Any]], int | None]:
        """What is wrong, and the step whose code was typed. The new device is asked first: it costs nobody a try.

        Who is led here proves himself like anybody: the session may be older than the duty, and in other hands.
        """
        step = factors.step_of(secret, request.form.get("code"))
        if step is None:
            words = _("动态口令不正确：请填手机上现在显示的6位数字，并确认手机时间准确")
            return {"code": [words]}, None
        if who.factor == "totp":
            return _proof_errors(), step
        try:
            is_known = door.confirm(who, request.form.get("password", ""))
        except AppError as locked:
            return {"password": [locked.words]}, None
        return ({} if is_known else {"password": [_("登录密码不正确")]}), step

    def _device_page(self, who: Visitor, secret: str, errors: dict[str, list[Any]]) -> str:
        is_bound = who.factor == "totp"
        title = _("更换动态口令设备") if is_bound else _("绑定动态口令")
        page = DevicePage(title, [Crumb(_("账号安全"), "/safety/"), Crumb(title)], url=DEVICE_FIRST)
        page.picture = Markup(factors.picture_of(secret, who.login_name))  # noqa: S704 - our own drawing
        page.secret = " ".join(secret[i : i + 4] for i in range(0, len(secret), 4))
        page.is_first = _is_led(who)
        page.fields = [_input("code", _("新设备口令") if is_bound else _("动态口令"), errors)]
        if is_bound:
            page.fields.append(_input("otp", _("原设备口令"), errors))
        else:
            page.fields.append(_input("password", _("登录密码"), errors, "password"))
        if page.is_first:
            g.frame = None
        return render("security/device.html", page)

    @expose("/codes", methods=["GET", "POST"])
    def codes(self) -> Any:
        """更换恢复码: those before are dead."""
        return self._changed(_("更换恢复码"), "codes", "renewed")

    @expose("/remove", methods=["GET", "POST"])
    def remove(self) -> Any:
        """解除动态口令, for who may be without."""
        if _who().is_factor_due:
            raise Refused(_("您的账号必须使用动态口令，不能解除；更换手机请用“更换设备”"))
        return self._changed(_("解除动态口令"), "remove", "unbound")

    def _changed(self, title: Any, page_name: str, outcome: str) -> Any:
        """One of the two deeds, once the present device, or a recovery code, has been shown."""
        who = _who()
        if who.factor != "totp":
            raise Refused(_("您还没有绑定动态口令"))
        errors = _proof_errors() if request.method == "POST" else {}
        if errors or request.method != "POST":
            page = FormPage(
                title, [Crumb(_("账号安全"), "/safety/"), Crumb(title)], url=f"/safety/{page_name}"
            )
            page.back_url = "/safety/"
            page.sections = [Section(1, "", [_input("otp", _("动态口令"), errors)])]
            page.buttons = [Action("save", title, "", "check", "post", primary=True)]
            return render("security/password.html", page), 422 if errors else 200
        with scope.acting(scope.SYSTEM):
            account = _account(who, is_locked=True)
            codes = factors.renew_codes(account) if outcome == "renewed" else []
            if outcome == "unbound":
                account.forget_factor()
            attempts.note(db.session(), "", outcome, account, clock.now())
            db.session.commit()
        if codes:
            return _codes_page(_("恢复码已更换"), codes, is_led=False)
        flash(gettext("动态口令已解除"), "success")
        return redirect("/safety/")


def _who() -> Visitor:
    who = visitor()
    if who is None:
        raise Anonymous
    return who


def _is_led(who: Visitor) -> bool:
    """Whether this page is the only one that is open."""
    return who.detour == DEVICE_FIRST


def _account(who: Visitor, *, is_locked: bool = False) -> Account:
    found = select(Account).where(Account.id == who.id)
    if is_locked:
        found = found.with_for_update().execution_options(populate_existing=True)
    return db.session.scalars(found).one()


def _proof_errors() -> dict[str, list[Any]]:
    try:
        words = second_factor.fault(request.form.get("otp", ""))
    except AppError as locked:
        words = locked.words
    return {"otp": [words]} if words else {}


def _input(name: str, label: Any, errors: dict[str, list[Any]], kind: str = "text") -> FieldView:
    view = FieldView(name, label, kind, required=True, mono=kind == "text", errors=errors.get(name, []))
    if kind == "text":
        view.max_length = 20
    if name == "otp":
        view.hint = _("已绑定的手机上的6位数字，或一个恢复码")
    return view


def _codes_page(title: Any, codes: list[str], is_led: bool) -> str:  # noqa: FBT001 - one caller says which
    page = CodesPage(title, [Crumb(_("账号安全"), "/safety/"), Crumb(title)], codes=codes)
    page.next_url = "/" if is_led else "/safety/"
    if is_led:
        g.frame = None
    return render("security/codes.html", page)
