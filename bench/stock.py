"""A stock Flask-AppBuilder application over the very same table, as a newcomer writes it from the documentation.

Same database, same rows, same page size, same order, same base conditions as our list of 困难职工档案, Bootstrap 3
templates as shipped. Its ``ab_*`` tables are ours: they are compatible, and a role ``Admin`` with its permissions
is all it adds. It differs from ours where a newcomer's would:

- ``owner_unit`` stands in the list in place of the report state, which stock has no word for;
- the unit is among the searched columns, so FAB puts a select of all units into every list and every form;
- whoever logs in is Admin. Row scope is asked for in the URL (``owner_path`` starts with, ``holder_depth`` smaller
  than), as ``base_filters`` would add it: the same rows as our scope shows;
- codes are plain text inputs and raw codes in the list, which is less work than our labels and selects.

``TunedView`` is the same without the unit in search and list: what the first afternoon of tuning gives.
"""

from __future__ import annotations

import os
from typing import Any

from flask import Flask
from flask_appbuilder import AppBuilder, Model, ModelView
from flask_appbuilder.models.sqla.base import SQLA
from flask_appbuilder.models.sqla.filters import FilterEqualFunction, FilterNotEqual
from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_wtf.csrf import CSRFProtect
from sqlalchemy import Column, Integer, String, Table, create_engine
from sqlalchemy.orm import relationship

from bench.counting import counted

ADMIN = "bench_stock"

flask = Flask(__name__)
flask.config.update(
    SQLALCHEMY_DATABASE_URI=os.environ["DATABASE_URL"],
    SECRET_KEY=os.environ["UNIONDESK_SECRET_KEY"],
    AUTH_TYPE=1,
    BABEL_DEFAULT_LOCALE="zh",
    LANGUAGES={"zh": {"flag": "cn", "name": "中文"}},
    # the tables are there, and two workers must not write the permissions at once: `prepare` has done it
    FAB_CREATE_DB=False,
    FAB_UPDATE_PERMS=False,
)
db = SQLA()
db.init_app(flask)
CSRFProtect(flask)


class Unit(Model):
    __tablename__ = "unit"

    id = Column(Integer, primary_key=True)
    name = Column(String(100))

    def __repr__(self) -> str:
        return self.name


class Archive(Model):
    __table__ = Table("archive", Model.metadata, autoload_with=create_engine(os.environ["DATABASE_URL"]))
    owner_unit = relationship(Unit)

    def __repr__(self) -> str:
        return f"{self.archive_no} {self.full_name}"


COLUMNS = [
    "archive_no",
    "full_name",
    "gender",
    "birth_date",
    "home_address",
    "employer_name",
    "main_hardship_cause",
    "created_at",
]
SEARCHED = [
    "archive_no",
    "full_name",
    "id_card_no",
    "employer_name",
    "hardship_category",
    "owner_path",
    "holder_depth",
]
FORM = [
    "hardship_category",
    "archive_no",
    "full_name",
    "id_card_no",
    "gender",
    "birth_date",
    "ethnicity",
    "political_status",
    "worker_identity",
    "health_status",
    "disability_category",
    "marital_status",
    "model_worker_type",
    "phone",
    "employer_name",
    "employer_nature",
    "enterprise_condition",
    "industry",
    "work_start_date",
    "household_size",
    "household_annual_income",
    "personal_monthly_income",
    "household_registration_type",
    "registration_division",
    "housing_type",
    "floor_area",
    "postcode",
    "home_address",
    "is_single_parent",
    "is_zero_employment",
    "has_medical_insurance",
    "has_self_help_capacity",
    "main_hardship_cause",
    "remarks",
]


class TunedView(ModelView):
    datamodel = SQLAInterface(Archive)
    route_base = "/tuned"
    list_columns = COLUMNS
    search_columns = SEARCHED
    add_columns = edit_columns = show_columns = FORM
    base_order = ("id", "desc")
    base_filters = [
        ["is_cancelled", FilterEqualFunction, lambda: False],
        ["hardship_category", FilterNotEqual, "temporary"],
    ]
    page_size = 20


class StockView(TunedView):
    datamodel = SQLAInterface(Archive)
    route_base = "/stock"
    list_columns = [*COLUMNS, "owner_unit"]
    search_columns = [*SEARCHED, "owner_unit"]
    add_columns = edit_columns = show_columns = ["owner_unit", *FORM]


with flask.app_context():
    builder = AppBuilder(flask, db.session)
    builder.add_view(StockView, "职工档案", category="帮扶")
    builder.add_view(TunedView, "职工档案（调优）", category="帮扶")


def prepare(password: str) -> None:
    """FAB's role Admin with every permission, and one account that holds it."""
    from flask_appbuilder.security.manager import BaseSecurityManager

    with flask.app_context():
        BaseSecurityManager.create_db(builder.sm)
        builder.add_permissions(update_perms=True)
        admin: Any = builder.sm.find_role("Admin")
        if known := builder.sm.find_user(ADMIN):
            builder.sm.reset_password(known.id, password)
        elif not builder.sm.add_user(ADMIN, "Stock", "Admin", "stock@example.org", admin, password):
            raise RuntimeError("the stock account was not made")
        db.session.remove()


app = counted(flask)

if __name__ == "__main__":
    prepare(os.environ["BENCH_PASSWORD"])
