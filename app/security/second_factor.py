"""The second factor asked again before data are taken away (AID-R110): the one place that pages and REST ask.

Which factor an account has stands in :mod:`app.security.factors`, how it is shown at the door in :mod:`app.security.door`.
"""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _

from app.kit.errors import Anonymous
from app.kit.pages import FieldView
from app.kit.scope import Actor
from app.security import door
from app.security.visitor import Visitor, visitor

#: what the proof is called in a form and over REST
FIELD = "otp"


def required(who: Actor) -> str:
    """Which factor the person of this request has to show again, empty for none."""
    return _asking(who).factor


def field(errors: list[Any]) -> FieldView:
    """What is asked for: a code, or that the card stays where it is."""
    who = visitor()
    if who is not None and who.factor == "certificate":
        words = _("请保持USBKey插入，点“下载”后系统再次核对数字证书")
        return FieldView(FIELD, _("数字证书"), readonly=True, text=words, errors=errors)
    return FieldView(
        FIELD,
        _("动态口令"),
        required=True,
        mono=True,
        max_length=20,
        errors=errors,
        hint=_("手机上动态口令App的6位数字，或一个恢复码；下载档案数据须再次验证本人身份"),
    )


def fault(typed: Any) -> Any:
    """Why the proof is not accepted; None when it is. A failure counts; commits. Raises Locked."""
    who = visitor()
    if who is None:
        raise Anonymous
    if who.factor == "totp" and (not isinstance(typed, str) or not typed.strip()):
        return _("请填写动态口令，以验证本人身份")
    outcome = door.confirm_code(who, typed)
    words = {"used": door.USED_CODE, "no_card": door.NO_CARD}
    return None if outcome == "in" else words.get(outcome, door.WRONG_CODE)


def _asking(who: Actor) -> Visitor:
    found = visitor()
    if found is None or found.actor.account_id != who.account_id:
        raise Anonymous
    return found
