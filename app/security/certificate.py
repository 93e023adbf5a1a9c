"""A client certificate, checked by the proxy in front and told in a header (AID-R004, DEPS 7e).

The proxy ends TLS, asks for the certificate (the USBKey asks for its PIN), checks it against the authority and writes its
serial number, or its subject, into the header, **always**: an empty one where there is no certificate. The header is
believed from the named proxies alone, whatever anybody else sends.
"""

from __future__ import annotations

import hmac

from flask import current_app, request

from app.models.account import Account, plain_serial


def is_on() -> bool:
    """Whether this installation has such a proxy."""
    return bool(current_app.config["CERTIFICATE_HEADER"] and current_app.config["CERTIFICATE_PROXIES"])


def is_shown_by(account: Account) -> bool:
    """Whether the request comes with the certificate that is registered for the account."""
    wanted, shown = account.certificate_serial or "", _shown()
    return bool(wanted) and hmac.compare_digest(wanted.encode(), shown.encode())


def _shown() -> str:
    """What a proxy of ours says of the certificate; empty when it says nothing, or somebody else does."""
    if not is_on() or _peer() not in current_app.config["CERTIFICATE_PROXIES"]:
        return ""
    told = request.headers.get(current_app.config["CERTIFICATE_HEADER"], "")[:400]
    told = told.encode("latin-1", "replace").decode("utf-8", "replace")  # WSGI reads every byte as a letter
    return plain_serial(told)


def _peer() -> str:
    """Who is at the other end of the connection itself; forwarded addresses are words of his."""
    before = request.environ.get("werkzeug.proxy_fix.orig") or request.environ
    return before.get("REMOTE_ADDR") or "unix"
