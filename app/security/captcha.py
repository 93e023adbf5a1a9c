"""The puzzle of the login page: a picture of characters, and a sum in words for who cannot see it; either answer will do.

What is asked travels sealed in the form, good for three minutes; which ones have been answered stands in a table, so that
none is good twice, wherever and however often at once it is tried.
"""

from __future__ import annotations

import hmac
import json
import secrets
import time
from base64 import b64encode
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

from captcha.image import ImageCaptcha
from flask_babel import lazy_gettext as _
from sqlalchemy import delete
from sqlalchemy.dialects import postgresql, sqlite

from app.kit import clock
from app.kit.database import db
from app.models.login_attempt import LoginPuzzle
from app.security import factors, sealing

#: seconds that a puzzle is good for
GOOD_FOR = 180
#: characters that nobody takes for another, however they are bent
_CLEAR = "ACEFHJKLMNPRTUVWXY34679"
_PURPOSE = "puzzle"
_DIGITS = (_("零"), _("一"), _("二"), _("三"), _("四"), _("五"), _("六"), _("七"), _("八"), _("九"))


@dataclass
class Puzzle:
    """The picture as an address of its own, and the question in words; ``sealed`` goes back with the answer."""

    sealed: str
    picture: str
    question: Any


def puzzle() -> Puzzle:
    """A new one."""
    one, other, shown = secrets.randbelow(8) + 2, secrets.randbelow(8) + 2, characters()
    question = _("%(one)s加%(other)s等于几？", one=_DIGITS[one], other=_DIGITS[other])
    picture = b64encode(_painter().generate(shown).getvalue()).decode()
    return Puzzle(_sealed(shown, str(one + other)), f"data:image/png;base64,{picture}", question)


def characters() -> str:
    """What a picture shows."""
    return "".join(secrets.choice(_CLEAR) for _place in range(4))


@cache
def _painter() -> ImageCaptcha:
    return ImageCaptcha(width=150, height=50, font_sizes=(36, 40, 44))


def _sealed(*answers: str) -> str:
    nonce, until = secrets.token_hex(16), int(time.time()) + GOOD_FOR
    return sealing.seal(_PURPOSE, json.dumps([nonce, until, [sealing.digest(nonce, one) for one in answers]]))


def is_solved(sealed: Any, typed: Any) -> bool:
    """Whether the puzzle was answered in time, rightly, and for the first time. The caller commits."""
    told = sealing.unseal(_PURPOSE, sealed) if isinstance(sealed, str) else None
    if told is None:
        return False
    nonce, until, answers = json.loads(told)
    given = factors.spelled(typed).upper()
    if time.time() > until or not given:
        return False
    found = sealing.digest(nonce, given)
    return _is_first(nonce) and any(hmac.compare_digest(found, answer) for answer in answers)


def _is_first(nonce: str) -> bool:
    """Note the answer; false for one that was given before. What is too old to be tried again is forgotten."""
    now, session = clock.now(), db.session
    session.execute(delete(LoginPuzzle).where(LoginPuzzle.at < now - timedelta(seconds=2 * GOOD_FOR)))
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    noted = dialect.insert(LoginPuzzle).values(id=nonce, at=now).on_conflict_do_nothing()
    return session.scalar(noted.returning(LoginPuzzle.id)) is not None
