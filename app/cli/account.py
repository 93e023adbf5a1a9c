"""``flask account``: what nobody above can do for the administrator at the very top."""

from __future__ import annotations

import click
from flask import Flask
from flask.cli import AppGroup
from sqlalchemy import func, select

from app.kit.database import db
from app.kit.errors import Refused
from app.kit.scope import SYSTEM, acting, actor
from app.models.account import Account

account = AppGroup("account", help="账号。")


@account.command("forget-factor")
@click.argument("login_name")
def forget_factor(login_name: str) -> None:
    """重置一个账号的动态口令：忘记其设备和恢复码，发放一次性口令（输出一次，72小时内有效）；有记录。"""
    with acting(SYSTEM):
        named = func.lower(Account.username) == login_name.strip().lower()
        found = db.session.scalar(select(Account).where(named))
        if found is None:
            raise click.ClickException(f"没有登录名为「{login_name}」的账号。")
        try:
            found.perform("reset_factor", actor())
        except Refused as why:
            raise click.ClickException(str(why.words)) from why
        password = found.one_time_password
        db.session.commit()
    click.echo(password)


def register(flask: Flask) -> None:
    """Make the commands known."""
    flask.cli.add_command(account)
