"""``flask worker``: the process that does the background work."""

from __future__ import annotations

import gc
import signal

import click
from flask import Flask, current_app
from flask.cli import with_appcontext


@click.command("worker")
@click.option("--once", is_flag=True, help="办完到期的任务就退出，供定时任务调用。")
@with_appcontext
def worker(once):
    """办理后台任务，直到收到 SIGTERM 或 Ctrl+C；已办完的部分保留，其余留给下一个进程。"""
    from app.kit.schedule import Calendar
    from app.kit.worker import Worker

    gc.collect()
    gc.freeze()  # what the application is made of stays; the collector need not go through it during every job
    application = current_app._get_current_object()  # noqa: SLF001 - Flask's own way to the application
    hand = Worker(application, calendar=Calendar())

    def stop(number, _frame):
        signal.signal(number, signal.SIG_DFL)  # a second one ends it at once
        hand.stop()

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    click.echo(f"后台任务进程 {hand.name} 已启动。", err=True)
    try:
        hand.run(once=once)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    click.echo("后台任务进程已停止。", err=True)


def register(app: Flask) -> None:
    """Add the command to the application."""
    app.cli.add_command(worker)
