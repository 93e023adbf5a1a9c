"""``flask ledger``: prove that the books are as they were written."""

from __future__ import annotations

import click
from flask import Flask
from flask.cli import AppGroup

from app.kit.database import db, reading
from app.kit.ledger import books
from app.kit.scope import SYSTEM, acting
from app.kit.verifying import Verification

ledger = AppGroup("ledger", help="核对只增不改的账本。")


@ledger.command("verify")
def verify() -> None:
    """重算每一笔账的印记；有改动、缺失、换位、插入、截尾的，逐笔列出，以状态码 1 退出。只读。"""
    found = 0
    with acting(SYSTEM), reading():
        for book in books():
            looked = Verification(db.session(), book)
            for fault in looked.faults():
                found += 1
                click.echo(str(fault))
            click.echo(
                f"{book.__label__}：核对了{looked.chains}本账的{looked.entries}笔，发现{found}处问题。",
                err=True,
            )
    if found:
        raise SystemExit(1)


def register(flask: Flask) -> None:
    """Make the commands known."""
    flask.cli.add_command(ledger)
