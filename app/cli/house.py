"""Commands that prove the house: do the migrations make the models, are the translations complete."""

from __future__ import annotations

import re
import tempfile
import warnings
from pathlib import Path
from typing import Any

import click
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from babel.messages.pofile import read_po
from flask import Flask, current_app
from flask.cli import AppGroup
from flask_appbuilder import Model
from flask_migrate import downgrade, upgrade
from sqlalchemy import create_engine

from app.kit import name_search
from app.kit.database import db
from app.kit.scope import SYSTEM, acting

house = AppGroup("house", help="检查本仓库自身。")
ROOT = Path(__file__).parents[2]


def differences(flask: Flask) -> list[Any]:
    """What autogenerate would still change after every migration has run."""
    with flask.app_context(), db.engine.connect() as connection, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Skipped unsupported reflection of expression-based index")
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "include_object": comparable}
        )
        return list(compare_metadata(context, Model.metadata))


def comparable(thing: Any, name: str | None, kind: str, reflected: bool, _compare_to: Any) -> bool:  # noqa: FBT001
    """What autogenerate can compare on both databases: not the expressions of an index."""
    if kind == "index" and (name or "").startswith("ix_expr_"):
        return False
    return not (kind == "table" and reflected and name == "alembic_version")


@house.command("drift")
def drift() -> None:
    """模型与迁移不一致时以状态码 1 退出。"""
    from app import create_app

    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/drift.db"

        class Scratch:
            SQLALCHEMY_DATABASE_URI = url

        from config import Base

        flask = create_app(type("Drift", (Scratch, Base), {}))
        with flask.app_context():
            upgrade()
            found = differences(flask)
            downgrade(revision="base")
            left = [
                name
                for name in create_engine(url).connect().dialect.get_table_names(db.engine.connect())
                if name != "alembic_version"
            ]
            db.engine.dispose()
    for difference in found:
        click.echo(str(difference))
    if left:
        click.echo(f"降级后仍有表：{', '.join(left)}")
    if found or left:
        raise SystemExit(1)
    click.echo("模型与迁移一致。", err=True)


@house.command("translations")
def translations() -> None:
    """有未翻译的词条时以状态码 1 退出。"""
    missing = []
    for file in sorted((ROOT / "translations").glob("*/LC_MESSAGES/messages.po")):
        with file.open("rb") as source:
            catalogue = read_po(source)
        missing += [
            f"{file.parts[-3]}: {m.id}" for m in catalogue if m.id and (not m.string or "fuzzy" in m.flags)
        ]
        missing += [
            f"{file.parts[-3]}: {m.id}: 占位符不符"
            for m in catalogue
            if m.id
            and isinstance(m.id, str)
            and isinstance(m.string, str)
            and m.string
            and _holes(m.id) != _holes(m.string)
        ]
    for line in missing:
        click.echo(line)
    if missing:
        raise SystemExit(1)


def _holes(text: str) -> set[str]:
    return set(re.findall(r"%\((\w+)\)s", text))


@house.command("prepare")
def prepare_house() -> None:
    """升级数据库结构，补齐代码表，登记权限；可重复执行。"""
    from app.cli.serve import prepare

    prepare(current_app._get_current_object())  # type: ignore[attr-defined]  # noqa: SLF001 - the proxy's target


@house.command("names")
@click.option("--dry-run", is_flag=True, help="只清点，不改动；有出入时以状态码 1 退出。")
def mend_names(dry_run: bool) -> None:  # noqa: FBT001 - click's
    """核对并补齐姓名检索表（二字组、拼音、首字母）；可重复执行。"""
    found = 0
    with acting(SYSTEM):
        for cls in name_search.searched():
            added = removed = 0
            for missing, extra in name_search.faults(db.session, cls):
                added, removed = added + len(missing), removed + len(extra)
                if not dry_run:
                    name_search.mend(db.session, cls, {pk for _key, pk in missing | extra})
                    db.session.commit()
            found += added + removed
            click.echo(f"{cls.resource()}: 缺{added}条，多{removed}条。")
    if dry_run and found:
        raise SystemExit(1)


def register(flask: Flask) -> None:
    """Make the commands known."""
    flask.cli.add_command(house)
