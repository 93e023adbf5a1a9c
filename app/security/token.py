"""Tokens over REST: name, password and the code of the second factor in, a JWT out."""

from __future__ import annotations

from typing import Any

from flask import request
from flask_appbuilder.api import expose
from flask_appbuilder.security.api import SecurityApi
from flask_babel import gettext
from flask_jwt_extended import (
    create_access_token,
    create_refresh_token,
    get_jwt,
    get_jwt_identity,
    jwt_required,
)

from app.kit.errors import AppError
from app.security.door import authenticate


class TokenApi(SecurityApi):
    """FAB's two addresses, with our lock and our words."""

    @expose("/login", methods=["POST"])
    def login(self) -> Any:
        try:
            body = request.get_json(silent=True)
        except RecursionError:  # nested deeper than anybody means it
            body = None
        if not isinstance(body, dict):
            return self.response(400, message=gettext("请以JSON提交username、password和provider"))
        if body.get("provider", "db") != "db":
            return self.response(400, message=gettext("provider只支持db"))
        try:
            code = body.get("otp", body.get("second_factor"))
            came = authenticate(body.get("username"), body.get("password"), code)
        except AppError as refusal:
            return self.response(refusal.status, message=str(refusal))
        who, claims = came.visitor.get_id(), {"factor": came.factor}
        tokens = {"access_token": create_access_token(identity=who, fresh=True, additional_claims=claims)}
        if body.get("refresh") is True:
            tokens["refresh_token"] = create_refresh_token(identity=who, additional_claims=claims)
        return self.response(200, **tokens)

    @expose("/refresh", methods=["POST"])
    @jwt_required(refresh=True)
    def refresh(self) -> Any:
        claims = {"factor": get_jwt().get("factor")}
        made = create_access_token(identity=get_jwt_identity(), fresh=False, additional_claims=claims)
        return self.response(200, access_token=made)

    login.__doc__, refresh.__doc__ = SecurityApi.login.__doc__, SecurityApi.refresh.__doc__
