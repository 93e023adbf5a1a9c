"""Mail that goes out, where a mail server is set up (``UNIONDESK_SMTP_HOST``); nothing is mailed otherwise.

    with mail.post() as send:
        send(mail.letter(to=…, name=…, subject=…, text=…, number=…))

Always over TLS but to a server on this very machine; the server's certificate is judged. A letter carries no more than
what its writer says, and no answer is expected.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate
from typing import Any
from urllib.parse import urlsplit

from flask import current_app

#: seconds after which a server that does not answer is left
PATIENCE = 20
LOCAL = ("localhost", "127.0.0.1", "::1")


def is_configured() -> bool:
    """Whether there is a server to send by."""
    return bool(current_app.config.get("SMTP"))


def address(path: str) -> str:
    """A page of ours as a link in a letter."""
    return f"{current_app.config['SMTP']['url'].rstrip('/')}{path}"


def letter(*, to: str, name: str, subject: str, text: str, number: str) -> EmailMessage:
    """A letter in plain text; ``number`` stays the same when it is sent again. Raises ValueError for a bad address."""
    settings, made = current_app.config["SMTP"], EmailMessage()
    made["From"] = Address(current_app.config["APP_NAME"], addr_spec=settings["sender"])
    made["To"] = Address(name, addr_spec=to)
    made["Subject"] = subject
    made["Date"] = formatdate(localtime=True)
    made["Message-ID"] = f"<{number}@{urlsplit(settings['url']).hostname}>"
    made["Auto-Submitted"] = "auto-generated"
    made.set_content(text)
    return made


@contextmanager
def post() -> Iterator[Callable[[EmailMessage], Any]]:
    """One connection for many letters. Raises OSError (smtplib's errors are such) when the server does not take them."""
    settings = current_app.config["SMTP"]
    host, port = settings["host"], settings["port"]
    trust = ssl.create_default_context()
    if port == 465:
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=PATIENCE, context=trust)
    else:
        server = smtplib.SMTP(host, port, timeout=PATIENCE)
    with server:
        if port != 465 and host not in LOCAL:
            server.starttls(context=trust)
        if settings["user"]:
            server.login(settings["user"], settings["password"])
        yield server.send_message
