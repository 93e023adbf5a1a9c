"""Configuration: values only, read from the environment."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

HERE = Path(__file__).parent


def _home() -> Path:
    home = Path(os.environ.get("UNIONDESK_HOME") or HERE / "instance").resolve()
    home.mkdir(parents=True, exist_ok=True)
    return home


def _secret(home: Path, name: str) -> bytes:
    """A key of this installation: from the environment, or generated once into the data folder."""
    if given := os.environ.get(f"UNIONDESK_{name.upper()}"):
        return given.encode()
    file = home / "keys" / name
    if not file.exists():
        file.parent.mkdir(mode=0o700, exist_ok=True)
        try:
            with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as key:
                key.write(secrets.token_urlsafe(48))
        except FileExistsError:
            pass  # another process was first
    return file.read_bytes()


def _number(name: str, default: int, least: int = 1) -> int:
    """A whole number from the environment."""
    raw = os.environ.get(name) or str(default)
    if not (raw.isascii() and raw.isdigit()) or int(raw) < least:
        raise SystemExit(f"{name} must be a whole number of at least {least}, not {raw!r}")
    return int(raw)


def _mail_server() -> dict[str, object] | None:
    """Where mail goes out, and under which address people reach this installation; None where nothing is mailed."""
    host = os.environ.get("UNIONDESK_SMTP_HOST")
    if not host:
        return None
    for name in ("UNIONDESK_SMTP_FROM", "UNIONDESK_URL"):
        if not os.environ.get(name):
            raise SystemExit(f"{name} must be set where UNIONDESK_SMTP_HOST is")
    return {
        "host": host,
        "port": _number("UNIONDESK_SMTP_PORT", 587),
        "user": os.environ.get("UNIONDESK_SMTP_USER") or "",
        "password": os.environ.get("UNIONDESK_SMTP_PASSWORD") or "",
        "sender": os.environ["UNIONDESK_SMTP_FROM"],
        "url": os.environ["UNIONDESK_URL"],
    }


class Base:
    """What holds everywhere."""

    APP_NAME = "工会业务平台"
    UNIONDESK_HOME = str(_home())
    SECRET_KEY = _secret(_home(), "secret_key").decode()
    IDENTITY_KEY = _secret(_home(), "identity_key")
    JWT_SECRET_KEY = _secret(_home(), "token_key").decode()
    JWT_ACCESS_TOKEN_EXPIRES = 3600
    #: seals the secrets of second factors and what must be known again without being kept, see app/security/sealing.py
    FACTOR_KEY = _secret(_home(), "factor_key")

    SQLALCHEMY_DATABASE_URI = os.environ.get("DATABASE_URL") or f"sqlite:///{_home() / 'uniondesk.db'}"

    #: how many requests of each kind one process works on at a time, see app/kit/admission.py
    PAGE_SEATS = _number("UNIONDESK_PAGE_SEATS", 4)
    FIGURE_SEATS = _number("UNIONDESK_FIGURE_SEATS", 2)
    FILE_SEATS = _number("UNIONDESK_FILE_SEATS", 2)
    #: how many more may wait for a page, and for how many seconds; a quarter for figures, an eighth for files
    WAITING = _number("UNIONDESK_WAITING", 40, 0)
    PATIENCE = _number("UNIONDESK_PATIENCE", 3)
    #: seconds that a statement of a request may run (figures and files: the longer), and may wait for a lock; 0: no end
    STATEMENT_SECONDS = _number("UNIONDESK_STATEMENT_SECONDS", 30, 0)
    LONG_STATEMENT_SECONDS = _number("UNIONDESK_LONG_STATEMENT_SECONDS", 120, 0)
    LOCK_SECONDS = _number("UNIONDESK_LOCK_SECONDS", 5, 0)

    #: every seat has its connection, a stream one more beside it, and a few are spare; who finds none gets 503
    SQLALCHEMY_ENGINE_OPTIONS: dict[str, object] = {
        "pool_pre_ping": True,
        "pool_size": PAGE_SEATS + FIGURE_SEATS + 2 * FILE_SEATS,
        "max_overflow": 4,
        "pool_timeout": 5,
    }
    #: a streaming replica of DATABASE_URL for reads that may lag, and by how many seconds they may; docs/scaling.md
    REPLICA_URL = os.environ.get("REPLICA_URL") or ""
    REPLICA_MAX_LAG = float(os.environ.get("REPLICA_MAX_LAG") or 30)

    BABEL_DEFAULT_LOCALE = "zh"
    BABEL_DEFAULT_TIMEZONE = "Asia/Shanghai"
    BABEL_TRANSLATION_DIRECTORIES = str(HERE / "translations")
    LANGUAGES = {"zh": {"flag": "cn", "name": "中文"}, "en": {"flag": "gb", "name": "English"}}

    AUTH_TYPE = 1
    AUTH_ROLE_PUBLIC = "Public"
    FAB_CREATE_DB = False
    FAB_UPDATE_PERMS = False
    FAB_API_SWAGGER_UI = True
    FAB_ADD_SECURITY_PERMISSION_VIEW = False
    FAB_ADD_SECURITY_VIEW_MENU_VIEW = False
    FAB_ADD_SECURITY_PERMISSION_VIEWS_VIEW = False
    FAB_BASE_TEMPLATE = "layout.html"
    RATELIMIT_STORAGE_URI = "memory://"

    MAX_CONTENT_LENGTH = 12 * 1024 * 1024
    MAX_FORM_PARTS = 5000
    SESSION_COOKIE_NAME = "uniondesk"
    SESSION_COOKIE_HTTPONLY = True
    SESSION_COOKIE_SAMESITE = "Lax"
    SESSION_COOKIE_SECURE = False
    PERMANENT_SESSION_LIFETIME = 1800
    WTF_CSRF_TIME_LIMIT = None

    #: the hour of the night (wall time of China) when approved export applications are carried out, see docs/decisions/0030
    EXPORT_HOUR = _number("UNIONDESK_EXPORT_HOUR", 2, 0) % 24
    #: the mail server, see app/kit/mail.py; with one the digest of reminders goes out at this hour of working days
    SMTP = _mail_server()
    if SMTP:
        DIGEST_HOUR = _number("UNIONDESK_DIGEST_HOUR", 8, 0) % 24
    #: days that an exported file is kept
    EXPORT_DAYS = _number("UNIONDESK_EXPORT_DAYS", 30)
    #: whether the synthetic accounts of the demo country need the second factor too (DESIGN §8)
    SECOND_FACTOR = os.environ.get("UNIONDESK_SECOND_FACTOR") == "1"

    #: the header in which a proxy in front hands over the serial number of the client certificate that it has checked, and
    #: the proxies that are believed: fixed addresses, "unix" for a socket; both or neither, see docs/decisions/0040
    CERTIFICATE_HEADER = os.environ.get("UNIONDESK_CERTIFICATE_HEADER") or ""
    CERTIFICATE_PROXIES = frozenset(
        (os.environ.get("UNIONDESK_CERTIFICATE_PROXIES") or "").replace(",", " ").split()
    )

    #: whether a fund may be overdrawn: an expense larger than its balance is then accepted, see docs/decisions/0035
    FUND_OVERDRAFT = os.environ.get("UNIONDESK_FUND_OVERDRAFT") == "1"

    #: how many proxies in front may say whose address it is
    PROXIES = int(os.environ.get("UNIONDESK_PROXIES") or 0)

    #: named password and session policy, see app/security/policy.py
    PASSWORD_POLICY = os.environ.get("UNIONDESK_PASSWORD_POLICY", "mlps3")


class Production(Base):
    """Behind a proxy that speaks TLS."""

    SESSION_COOKIE_SECURE = True


class Testing(Base):
    """Quiet, sealed and cheap."""

    TESTING = True
    SMTP = None
    SERVER_NAME = "localhost"
    FAB_PASSWORD_HASH_METHOD = "pbkdf2:sha256:1"  # noqa: S105 - a method, not a password
    SECRET_KEY = "only-for-tests-" + "0" * 32
    JWT_SECRET_KEY = "only-for-tests-" + "1" * 32
    IDENTITY_KEY = b"only-for-tests"
    FACTOR_KEY = b"only-for-tests"
