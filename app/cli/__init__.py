"""Flask commands: noun then verb."""

from __future__ import annotations

from flask import Flask


def init_app(flask: Flask) -> None:
    """Register every command."""
    from app.cli import account, demo, export, house, ledger, worker

    for room in (account, demo, export, house, ledger, worker):
        room.register(flask)
