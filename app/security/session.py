"""What surrounds every request: who asks, what the database may do, and what the browser may do."""

from __future__ import annotations

import secrets
from contextlib import ExitStack
from typing import Any
from urllib.parse import quote, urlsplit

from flask import Flask, Response, current_app, g, has_request_context, jsonify, request, session
from flask_babel import lazy_gettext as _
from flask_jwt_extended import verify_jwt_in_request
from flask_login import current_user
from flask_wtf.csrf import CSRFError
from werkzeug.middleware.proxy_fix import ProxyFix

from app.kit import face, scope
from app.kit.database import reading
from app.kit.errors import Anonymous, Forbidden
from app.security.login import login_page
from app.security.visitor import (
    DEVICE_FIRST,
    PASSWORD_FIRST,
    PERSON_FIRST,
    PROFILE_FIRST,
    UNIT_FIRST,
    Visitor,
    admit,
    visitor,
)

#: what can be had without logging in (AID-R001)
PUBLIC = (
    "/static/",
    "/login/",
    "/logout/",
    "/healthz",
    "/readyz",
    "/api/v1/security/",
    "/lang/",
    "/favicon.ico",
)
#: page of a first login → what a program is told meanwhile
FIRST = {
    UNIT_FIRST: _("首次登录请先在网页核实单位和个人信息，再使用接口"),
    PERSON_FIRST: _("首次登录请先在网页核实个人信息，再使用接口"),
    PASSWORD_FIRST: _("请先登录网页修改密码，再使用接口"),
    DEVICE_FIRST: _("请先登录网页绑定动态口令，再使用接口"),
    PROFILE_FIRST: _("请先登录网页补全本单位信息，再使用接口"),
}
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


def init_app(flask: Flask) -> None:
    """Put the guards round the application."""
    flask.config["WTF_CSRF_CHECK_DEFAULT"] = False  # asked for in _guard, by one rule for pages and REST
    flask.config.setdefault("FAB_API_SWAGGER_TEMPLATE", "security/swagger.html")
    flask.before_request_funcs.setdefault(None, []).insert(0, _begin)
    flask.teardown_request(_end)
    flask.before_request(_guard)
    flask.after_request(_headers)
    flask.register_error_handler(Anonymous, _on_anonymous)
    flask.add_template_global(csp_nonce)
    flask.extensions["babel"].locale_selector = _locale
    if proxies := flask.config.get("PROXIES"):  # whose word about the address is taken
        flask.wsgi_app = ProxyFix(flask.wsgi_app, x_for=proxies, x_proto=proxies)  # type: ignore[method-assign]


def is_api() -> bool:
    """Whether the answer is to be JSON."""
    return request.path.startswith("/api/")


# --- before -------------------------------------------------------------------------------------------------


def _begin() -> None:
    """Nobody acts yet; a GET takes no write lock."""
    stack = ExitStack()
    stack.enter_context(scope.acting(None))
    view = current_app.view_functions.get(request.endpoint or "")
    if request.method in SAFE and not getattr(view, "_writes", False):
        stack.enter_context(reading())
    for name in ("actor", "user", "frame", "csp_nonce", "_login_user"):
        g.pop(name, None)
    g.around = stack


def _end(_error: BaseException | None) -> None:
    if stack := g.pop("around", None):
        stack.close()


def _guard() -> Any:
    """Resolve who asks; refuse what he may not begin. None lets the request pass."""
    if request.path.startswith("/static/") or request.path in {"/healthz", "/readyz"}:
        return None
    is_safe = _resolve() or request.method in SAFE or not current_app.config["WTF_CSRF_ENABLED"]
    came = visitor()
    if came is None and request.endpoint and not request.path.startswith(PUBLIC):
        raise Anonymous
    if not is_safe and (refusal := _check_csrf()):
        return refusal
    detour = _detour(came) if came else ""
    if detour and not request.path.startswith((*PUBLIC, detour)):
        if is_api():
            raise Forbidden(FIRST[detour])
        return face.leave(detour)
    return None


def _detour(came: Visitor) -> str:
    """The page that is next; of the first two the session knows whether the unit's data have been seen."""
    return PERSON_FIRST if came.detour == UNIT_FIRST and session.get("unit_seen") else came.detour


def _resolve() -> bool:
    """Find the visitor; True when no foreign page could have sent the request in his name.

    A token wins over a cookie, and is not asked for a CSRF token: no foreign page can send it. The two
    addresses that give out tokens look at no cookie.
    """
    if request.path.startswith("/api/v1/security/"):
        return True
    if request.headers.get("Authorization", "").startswith("Bearer "):
        verify_jwt_in_request()
        return True
    found = current_user._get_current_object() if "_user_id" in session else None  # noqa: SLF001 - werkzeug's proxy
    if isinstance(found, Visitor):
        admit(found)
        return False
    return is_api()


def _check_csrf() -> Any:
    """Ask for the form's token. On the login page a stale form is simply shown again."""
    try:
        current_app.extensions["csrf"].protect()
    except CSRFError:
        if request.path != "/login/":
            raise
        words = _("页面已过期，请重新登录")
        return login_page(words, request.form.get("username", ""), request.form.get("next", "")), 400
    return None


# --- after --------------------------------------------------------------------------------------------------


def csp_nonce() -> str:
    """The number that the scripts of this answer carry."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(16)
    return str(g.csp_nonce)


def _headers(response: Response) -> Response:
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    script = f"script-src 'self' 'nonce-{g.csp_nonce}'" if "csp_nonce" in g else "script-src 'self'"
    response.headers.setdefault(
        "Content-Security-Policy",
        f"default-src 'self'; {script}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    )
    if current_app.config["SESSION_COOKIE_SECURE"]:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    if not request.path.startswith("/static/") and "Cache-Control" not in response.headers:
        response.headers["Cache-Control"] = "no-store"
    return response


def _on_anonymous(error: Anonymous) -> Any:
    """401: JSON for REST, the login page itself for a page."""
    if is_api():
        return jsonify(message=str(error)), 401
    target = request.full_path.rstrip("?") if request.method == "GET" else face.back_to("/")
    if request.headers.get("HX-Request"):
        here = urlsplit(request.headers.get("HX-Current-URL", ""))
        response = Response(status=401)
        back = f"{here.path or '/'}{'?' + here.query if here.query else ''}"
        response.headers["HX-Redirect"] = f"/login/?next={quote(back)}"
        return response
    return login_page(target=target), 401


def _locale() -> str:
    """The language asked for; nothing is written into a stranger's session."""
    languages, default = current_app.config["LANGUAGES"], current_app.config["BABEL_DEFAULT_LOCALE"]
    if not has_request_context():
        return str(default)
    asked = request.args.get("_l_") or session.get("locale")
    return str(asked) if asked in languages else str(default)
