"""What must be kept and may not be read: sealed texts, and digests that only this installation can make.

AES-GCM and HMAC-SHA256, each under a key of its own that is derived from FACTOR_KEY. ``purpose`` is bound in: what was
sealed for one account opens for no other. The ``1.`` in front names the way, so that another may follow.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from flask import current_app

_WAY, _NONCE = "1.", 12


def digest(purpose: str, text: str) -> str:
    """64 hexadecimal digits that say nothing of the text without the key."""
    return hmac.new(
        _key(b"digest"), purpose.encode() + b"\0" + text.encode("utf-8", "replace"), hashlib.sha256
    ).hexdigest()


def seal(purpose: str, text: str) -> str:
    """The text as it may be stored, or handed to a browser."""
    nonce = secrets.token_bytes(_NONCE)
    hidden = AESGCM(_key(b"seal")).encrypt(nonce, text.encode(), purpose.encode())
    return _WAY + urlsafe_b64encode(nonce + hidden).decode()


def unseal(purpose: str, sealed: str | None) -> str | None:
    """The text again; None for what was not sealed here for this purpose."""
    if not sealed or not sealed.startswith(_WAY):
        return None
    try:
        raw = urlsafe_b64decode(sealed.removeprefix(_WAY))
        return AESGCM(_key(b"seal")).decrypt(raw[:_NONCE], raw[_NONCE:], purpose.encode()).decode()
    except (ValueError, InvalidTag):  # no base 64, too short, or not sealed so
        return None


def _key(use: bytes) -> bytes:
    """256 bits for one use."""
    return hmac.digest(current_app.config["FACTOR_KEY"], use, hashlib.sha256)
