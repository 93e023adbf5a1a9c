"""The demo country by hand."""

from __future__ import annotations

import click
from flask import Flask, current_app
from flask.cli import AppGroup

demo = AppGroup("demo", help="演示数据。")


@demo.command("load")
def load() -> None:
    """准备数据库，并在空库中生成演示国家。"""
    from app.cli.serve import prepare, seed_demo

    flask = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 - the proxy's target
    prepare(flask)
    password = seed_demo(flask)
    click.echo(f"演示账号的口令：{password}" if password else "库中已有单位，未生成演示数据。", err=True)


def register(flask: Flask) -> None:
    """Make the commands known."""
    flask.cli.add_command(demo)
