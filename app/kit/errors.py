"""Everything the kit raises on purpose.

* AppError
  + Refused      a step was asked for and may not happen now  (409)
  + Invalid      a record breaks its own rules                (422)
  + Anonymous    nobody is logged in                          (401)
  + Forbidden    the right is missing                         (403)
  + Missing      not there, or out of scope                   (404)
  + BadRequest   the request itself cannot be understood      (400)
  + NotDeclared  a declaration is wrong; raised at start-up   (500)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _


@dataclass(frozen=True)
class Problem:
    """What is wrong with one field, in the clerk's words.

    ``field`` is a name, or ``child.index.name`` inside an inline table; empty when it is the whole record.
    A ``warning`` may be confirmed, an error may not.
    """

    field: str
    words: Any
    warning: bool = False


class AppError(Exception):
    """The root of every error that has words for the clerk."""

    status = 500

    def __init__(self, words: Any = "") -> None:
        super().__init__(words)
        self.words = words

    def __str__(self) -> str:
        return str(self.words)


class Refused(AppError):
    """A step was asked for and may not happen now."""

    status = 409


class Invalid(AppError):
    """A record breaks its own rules; carries every problem at once."""

    status = 422

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = list(problems)
        super().__init__(self.problems[0].words if self.problems else _("内容不符合要求"))

    @property
    def errors(self) -> dict[str, list[str]]:
        """Field → messages, as REST shows them."""
        found: dict[str, list[str]] = {}
        for problem in self.problems:
            found.setdefault(problem.field or "_", []).append(str(problem.words))
        return found


class Anonymous(AppError):
    """Nobody is logged in, or the session has ended."""

    status = 401

    def __init__(self, words: Any = None) -> None:
        super().__init__(words or _("请先登录"))


class Forbidden(AppError):
    """The account lacks the right."""

    status = 403


class Missing(AppError):
    """The record is not there, or not within the scope of who asks."""

    status = 404

    def __init__(self, words: Any = None) -> None:
        super().__init__(words or _("没有找到这条记录，或它不在您单位的范围内"))


class BadRequest(AppError):
    """The request cannot be understood; nothing was done."""

    status = 400


class NotDeclared(AppError):
    """A declaration is wrong; raised at start-up, in the developer's words."""
