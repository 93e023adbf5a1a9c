"""The words of the interface: every one in the language of the request, and escaped in every page.

A page says a hundred words and more. Flask-Babel finds language and catalogue anew for each of them, which took a
sixth of a list's time; here the words of a catalogue are found once a process, and the catalogue is kept with the
request for as long as its language stays the same. Escaping, a thousand times a page, costs no object either.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from flask import Flask, g, has_app_context
from flask_babel import get_translations, gettext
from flask_babel.speaklater import LazyString
from jinja2.compiler import CodeGenerator, Frame
from jinja2.nodes import Expr
from markupsafe import Markup, _escape_inner, escape


class _Said(dict[str, str]):
    """The words of a catalogue as they were asked for. Templates and code ask, nobody else: it ends of itself."""

    def __init__(self, catalogue: Any) -> None:
        super().__init__()
        self._catalogue = catalogue

    def __missing__(self, words: str) -> str:
        said: str = self._catalogue.ugettext(words)
        self[words] = said
        return said


_said = cache(_Said)


def translate(words: str) -> str:
    """A word of the interface in the language of the request; as it stands where nobody asks."""
    if not has_app_context():
        return words
    here = g._get_current_object()  # noqa: SLF001 - werkzeug's proxy
    kept = here.get("catalogue")
    if kept is None or kept[0] is not here._flask_babel.babel_locale:  # noqa: SLF001 - where force_locale leaves its word
        words_of = _said(get_translations())
        kept = here.catalogue = (here._flask_babel.babel_locale, words_of)  # noqa: SLF001
    said: str = kept[1][words]
    return said


def _spoken(words: LazyString) -> str:
    """A lazy message, now that somebody reads it."""
    if words._func is not gettext:  # noqa: SLF001 - a plural, or a word with its context
        return str(words._func(*words._args, **words._kwargs))  # noqa: SLF001
    said, values = translate(*words._args), words._kwargs  # noqa: SLF001
    return said % values if values else said


def _escaped(words: LazyString) -> Markup:
    """A lazy message in a page. Flask-Babel takes it for safe HTML, but ours repeat what people typed."""
    return escape(_spoken(words))


def markup(words: str, /, **values: Any) -> Markup:
    """A word of a template: ours, so it is taken as it stands; what it repeats is escaped."""
    said = Markup(translate(words))  # noqa: S704 - msgids stand in templates, translations in our catalogue
    return said % values if values else said


class _Pages(CodeGenerator):
    """Compiles templates as Jinja does, but for the making of a Markup of every value that is written out."""

    def _output_child_pre(self, node: Expr, frame: Frame, finalize: CodeGenerator._FinalizeInfo) -> None:
        if frame.eval_ctx.volatile or not frame.eval_ctx.autoescape or finalize.src is not None:
            super()._output_child_pre(node, frame, finalize)
        else:
            self.write("environment.shown(")


def _shown(value: Any) -> str:
    """What stands in a page for a value."""
    if type(value) is str:
        return _escape_inner(value)
    return value if type(value) is Markup else escape(value)


def init_app(flask: Flask) -> None:
    """Teach lazy messages and templates."""
    flask.jinja_env.code_generator_class, flask.jinja_env.shown = _Pages, _shown  # type: ignore[attr-defined]
    LazyString.__str__ = _spoken
    LazyString.__html__ = _escaped
    flask.jinja_env.globals |= {"_": markup, "gettext": markup}
