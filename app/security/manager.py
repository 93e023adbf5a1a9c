"""FAB's security manager on our accounts, rights and pages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import session
from flask_appbuilder.security.sqla.manager import SecurityManager as FabSecurityManager
from flask_babel import lazy_gettext as _
from flask_jwt_extended import JWTManager
from flask_login import LoginManager
from sqlalchemy import select

from app.kit import scope
from app.kit.database import db
from app.kit.errors import AppError
from app.models.account import Account
from app.security.door import authenticate
from app.security.first import FirstLoginView
from app.security.login import LoginView, PasswordView
from app.security.safety import SafetyView
from app.security.token import TokenApi
from app.security.visitor import Visitor, admit, load, visitor


class SecurityManager(FabSecurityManager):
    """FAB's security manager on our accounts, rights and pages."""

    user_model = Account
    authdbview = LoginView
    security_api = TokenApi

    def register_views(self) -> None:
        """Log-in, change of password and tokens; FAB's screens of users and roles are not ours."""
        self.appbuilder.add_api(self.security_api)
        self.auth_view = self.authdbview()
        self.appbuilder.add_view_no_menu(self.auth_view)
        for view in (PasswordView, FirstLoginView, SafetyView):
            self.appbuilder.add_view_no_menu(view)

    def create_login_manager(self, app: Any) -> LoginManager:
        """Cookies are resolved by `load_user`."""
        manager = LoginManager(app)
        manager.user_loader(self.load_user)
        return manager

    def create_jwt_manager(self, app: Any) -> JWTManager:
        """Tokens are resolved by `load_user_jwt`; a bad one is refused in the clerk's words."""
        app.config.setdefault("JWT_ERROR_MESSAGE_KEY", "message")
        manager = JWTManager(app)
        manager.user_lookup_loader(self.load_user_jwt)
        manager.unauthorized_loader(lambda _why: _refuse_token(_("请先登录")))
        manager.invalid_token_loader(lambda _why: _refuse_token(_("登录凭证无效，请重新登录")))
        for loader in (
            manager.expired_token_loader,
            manager.user_lookup_error_loader,
            manager.revoked_token_loader,
        ):
            loader(lambda _header, _data: _refuse_token(_("登录已失效，请重新登录")))
        return manager

    # --- who is it -------------------------------------------------------------------------------------------

    def load_user(self, pk: str) -> Visitor | None:
        """The visitor that a cookie speaks of; None when it is dead."""
        return _shown(load(pk, session.get("assignment_id")), session.get("factor"))

    def load_user_jwt(self, _header: dict[str, Any], data: dict[str, Any]) -> Visitor | None:
        """The visitor that a token speaks of; None when it is dead."""
        known = visitor()
        if known and known.get_id() == data["sub"]:  # a route may verify the token again
            return known
        came = _shown(load(str(data["sub"])), data.get("factor"))
        if came:
            admit(came)
        return came

    def get_user_by_id(self, pk: Any) -> Account | None:
        """The account behind a visitor."""
        return db.session.scalar(
            select(Account).where(Account.id == int(pk)).execution_options(**scope.door("FAB"))
        )

    # --- may he ----------------------------------------------------------------------------------------------

    def has_access(self, permission_name: str, view_name: str) -> bool:
        """Whether the visitor's rights hold the pair; read from memory (AID-R002)."""
        actor = scope.current()
        return actor is not None and (actor.everywhere or (permission_name, view_name) in actor.grants)

    def is_item_public(self, permission_name: str, view_name: str) -> bool:
        """Nothing is public (AID-R001)."""
        return False

    def get_user_menu_access(self, menu_names: Iterable[str] | None = None) -> set[str]:
        """The menu is ours."""
        return set()

    # --- name and password -----------------------------------------------------------------------------------

    def auth_user_db(self, username: str, password: str) -> Visitor | None:
        """FAB's question, for whoever asks it: the visitor or None."""
        try:
            return authenticate(username, password).visitor
        except AppError:
            return None


def _shown(came: Visitor | None, factor: Any) -> Visitor | None:
    """The visitor, if cookie or token was given for the second factor that he needs (AID-R004)."""
    good = {"totp": ("totp", "recovery"), "certificate": ("certificate",)}
    return came if came is None or not came.factor or factor in good[came.factor] else None


def _refuse_token(words: Any) -> tuple[dict[str, str], int]:
    return {"message": str(words)}, 401
