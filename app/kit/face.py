"""What surrounds every page: the frame with menu and bell, templates, errors in words, the way back."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from flask import (
    Flask,
    Response,
    current_app,
    g,
    has_request_context,
    jsonify,
    redirect,
    render_template,
    request,
    url_for,
)
from flask_babel import lazy_gettext as _
from flask_wtf.csrf import CSRFError
from jinja2.ext import Extension
from markupsafe import Markup
from sqlalchemy import func, select
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

from app.kit import admission, limits, menu, replica, scope, words
from app.kit.database import db
from app.kit.errors import AppError, Invalid
from app.kit.menu import Frame
from app.kit.pages import ErrorPage
from app.kit.reminders import Reminder

if TYPE_CHECKING:
    from app.kit.module import Module, OpenPages

#: HTTP status → what a clerk should know of it
WORDS = {
    400: _("请求的内容有误，没有做任何改动"),
    401: _("请先登录"),
    403: _("您没有这项权限；如需开通，请联系本单位的用户管理员"),
    404: _("没有找到这个页面或这条记录，或它不在您单位的范围内"),
    405: _("不能这样打开这个地址"),
    409: _("现在不能进行这项操作"),
    413: _("上传的内容过大：附件不能超过10MB，导入的Excel文件不能超过50MB"),
    422: _("内容不符合要求"),
    429: _("操作过于频繁，请稍后再试"),
    500: _("系统出错，您的操作没有完成；已记录，请稍后再试或联系管理员"),
    503: limits.CROWDED.words,
}

TITLES = {
    400: _("请求有误"),
    401: _("请先登录"),
    403: _("没有权限"),
    404: _("没有找到"),
    405: _("请求有误"),
    409: _("现在不能办理"),
    413: _("文件过大"),
    422: _("内容不符合要求"),
    429: _("请稍后再试"),
    500: _("系统出错"),
    503: _("请稍后再试"),
}


def render(template: str, page: Any = None, **more: Any) -> str:
    """A template with its page; the frame comes from the context processor."""
    return render_template(template, page=page, **more)


def leave(url: str) -> BaseResponse:
    """Go to another page: by a header for htmx, by a redirect otherwise."""
    if request.headers.get("HX-Request"):
        return Response(status=204, headers={"HX-Redirect": url})
    return redirect(url)


def back_to(otherwise: str) -> str:
    """The page of this house that the request came from."""
    came = urlsplit(
        request.form.get("next") or request.headers.get("HX-Current-URL") or request.referrer or ""
    )
    if came.netloc not in ("", request.host) or not came.path.startswith("/") or came.path.startswith("//"):
        return otherwise
    return f"{came.path}{'?' + came.query if came.query else ''}" if came.path != "/" else otherwise


def wants_json() -> bool:
    """Whether the caller is a program."""
    return request.path.startswith(("/api/", "/readyz"))


# --- the frame --------------------------------------------------------------------------------------------------


def frame(modules: Sequence[Module | OpenPages]) -> Frame | None:
    """The frame of who is logged in; None for everybody else. One statement: the bell."""
    who = scope.current()
    if who is None or who.everywhere:
        return None
    bell = db.session.scalar(select(func.count(Reminder.id)).where(Reminder.state == "open"))
    made = Frame(who.unit_name, who.unit_name, who.name, menu.of(modules, who))
    made.edition = menu.edition(who)
    made.bell = str(bell) if bell else ""
    made.bell_url = url_for("reminder.list", shelf="open")
    languages = current_app.config["LANGUAGES"].items()
    made.account_links = [(_("修改密码"), "/password/"), (_("账号安全"), "/safety/")]
    made.account_links += [(it["name"], f"/lang/{code}") for code, it in languages]
    made.logout_url = "/logout/"
    return made


# --- the application --------------------------------------------------------------------------------------------


@cache
def static(name: str) -> str:
    """The address of a static file, with a digest of its content, so that it may be cached for ever."""
    file = Path(str(current_app.static_folder)) / name
    digest = hashlib.sha256(file.read_bytes()).hexdigest()[:8] if file.is_file() else "0"
    return f"{url_for('static', filename=name, _external=False)}?v={digest}"


@cache
def icon(name: str) -> Markup:
    """A sign of the sprite as it stands in a page."""
    sign = Markup('<svg class="ti" aria-hidden="true"><use href="{}#ti-{}" /></svg>')
    return sign.format(static("kit/icons.svg"), name)


class Flush(Extension):
    """Templates with one space for the indentation of a line: the rest would be a tenth of a page."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        """The source as it is compiled; its lines keep their numbers."""
        return _INDENTATION.sub(" ", source)


_INDENTATION = re.compile(r"^[ \t]+", re.MULTILINE)


def init_app(flask: Flask, modules: Sequence[Module | OpenPages]) -> None:
    """Give the templates what they need, and every error a page."""
    words.init_app(flask)
    flask.jinja_env.trim_blocks = flask.jinja_env.lstrip_blocks = True
    flask.jinja_env.add_extension(Flush)
    flask.jinja_env.policies["json.dumps_kwargs"] = {
        "ensure_ascii": False
    }  # a Chinese character is half as long
    flask.jinja_env.globals |= {"static": static, "icon": icon}
    flask.extensions["modules"] = tuple(modules)

    @flask.context_processor
    def _frame() -> dict[str, Any]:
        if "frame" not in g:
            is_whole = has_request_context() and not request.headers.get("HX-Request")
            g.frame = frame(modules) if is_whole else None
        return {"frame": g.frame}

    @flask.after_request
    def _vary(response: Response) -> Response:
        response.vary.add("HX-Request")
        return response

    flask.register_error_handler(AppError, _on_app_error)
    flask.register_error_handler(CSRFError, _on_csrf)
    flask.register_error_handler(HTTPException, _on_http)
    for trouble in limits.TROUBLES:
        flask.register_error_handler(trouble, _on_trouble)
    flask.register_error_handler(Exception, _on_failure)
    _health(flask)


def answer(status: int, words: Any, errors: dict[str, list[str]] | None = None) -> Any:
    """An error as a page, or as JSON for a program."""
    db.session.rollback()
    if wants_json():
        body: dict[str, Any] = {"message": str(words)}
        return jsonify(body | ({"errors": errors} if errors else {})), status
    return render_template(
        "kit/error.html", page=ErrorPage(TITLES.get(status, TITLES[500]), status=status, message=words)
    ), status


def _on_app_error(error: AppError) -> Any:
    if error.status >= 500:
        return _on_failure(error)
    login: Callable[[AppError], Any] | None = current_app.extensions.get("login_page")
    if error.status == 401 and login and not wants_json():
        return login(error)
    errors = error.errors if isinstance(error, Invalid) else None
    return answer(error.status, error.words or WORDS.get(error.status, ""), errors)


def _on_csrf(_error: CSRFError) -> Any:
    return answer(400, _("页面已过期，请刷新后重试；您填写的内容已存为草稿"))


def _on_http(error: HTTPException) -> Any:
    if error.code is None or error.code < 400 or error.response is not None:
        return error
    return answer(error.code, WORDS.get(error.code) or WORDS[400 if error.code < 500 else 500])


def _on_trouble(error: Exception) -> Any:
    """The database cannot serve this request now: words and Retry-After, by a page that needs no SQL.

    A script of our own pages gets JSON too: it shows the words and keeps the page with what was typed.
    """
    found = limits.trouble(error)
    if found is None:
        return _on_failure(error)
    current_app.logger.warning("database: %s on %s %s: %s", found.kind, request.method, request.path, error)
    try:
        db.session.rollback()
    except limits.TROUBLES:
        db.session.invalidate()
    g.frame = None
    g.setdefault("_login_user", None)  # Flask-Login would ask the database who it is
    if wants_json() or request.headers.get("HX-Request"):
        answered = jsonify(message=str(found.words))
    elif request.form and not any("password" in name for name in request.form):
        inputs = admission.hidden(request.form.items(multi=True))
        again = {"words": found.words, "action": request.full_path.rstrip("?"), "inputs": inputs}
        answered = current_app.make_response(render_template("kit/busy.html", **again))
    else:
        page = ErrorPage(TITLES[503], status=found.status, message=found.words)
        answered = current_app.make_response(render_template("kit/error.html", page=page))
    answered.status_code = found.status
    answered.headers["Retry-After"] = str(found.retry_after)
    return answered


def _on_failure(error: Exception) -> Any:
    current_app.logger.error("unexpected error on %s %s", request.method, request.path, exc_info=error)
    if current_app.testing and current_app.config.get("PROPAGATE_EXCEPTIONS"):
        raise error
    return answer(500, WORDS[500])


def _health(flask: Flask) -> None:
    """``/healthz``: the process lives; ``/readyz``: the database answers, how the replica stands, how full the room is."""

    @flask.get("/healthz")
    def healthz() -> Any:
        return jsonify(status="ok")

    @flask.get("/readyz")
    def readyz() -> Any:
        with scope.acting(scope.SYSTEM), limits.limited(limits.Limit(5, 5)):
            db.session.execute(select(1))
        facts = replica.facts() | current_app.extensions["admission"].state()
        return jsonify(status="ok", **facts)
