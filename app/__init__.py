"""The application factory: the only place that wires."""

from __future__ import annotations

from typing import Any

from flask import Flask
from flask_appbuilder import AppBuilder
from flask_migrate import Migrate
from flask_wtf.csrf import CSRFProtect
from whitenoise import WhiteNoise

import app.models  # noqa: F401 - every table is mapped before FAB looks
from app import cli
from app.kit import admission, again, face, replica, scope
from app.kit.database import db
from app.modules import MODULES, OPEN, RIGHTS
from app.security import grants, session
from app.security.manager import SecurityManager
from app.views.home import HomeView


def create_app(config: Any = "config.Base") -> Flask:
    """A configured application; nothing is created in the database."""
    flask = Flask(__name__, template_folder="templates", static_folder="static")
    flask.config.from_object(config)
    db.init_app(flask)
    Migrate(flask, db, directory=f"{flask.root_path}/migrations", render_as_batch=True)
    CSRFProtect(flask)
    with flask.app_context():
        scope.check_declarations()
        grants.declare(flask, (*MODULES, *OPEN), RIGHTS)
        builder = AppBuilder(flask, db.session, indexview=HomeView, security_manager_class=SecurityManager)
        for module in (*MODULES, *OPEN):
            module.register(builder)
    session.init_app(flask)
    replica.init_app(flask)
    again.init_app(flask)
    face.init_app(flask, (*MODULES, *OPEN))
    cli.init_app(flask)
    admission.init_app(flask)
    flask.wsgi_app = WhiteNoise(  # type: ignore[method-assign]
        flask.wsgi_app, root=flask.static_folder, prefix="static/", max_age=3600
    )
    return flask
