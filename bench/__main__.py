"""The bench: ours beside stock Flask-AppBuilder, Django's admin and bare SQL, in one run, over the same rows.

make bench                          4,700,000 files: built unless they stand, measured, dropped
BENCH_ROWS=200000 make bench        a quick look
BENCH_KEEP=1 make bench             keep the database for the next run (make bench B=drop removes it)
BENCH_CASES=list,export make bench  only the cases whose names hold one of the words: list, tabs, page far behind, form, one file,
                                    exact ID, name, sorted, family, statistic, home page; steps, sweep, export, import; plans
BENCH_SIZES="200000 1000000" …      also our pages at these sizes, for the table of growth
BENCH_SECONDS=1                     so long a case is measured (default 3); its load twice for a third of that
BENCH_DATABASE_URL=…                the PostgreSQL server; databases uniondesk_bench_<rows> are made there
BENCH_REUSE=1                       take a database that stands, though the code has changed since

python -m bench build | drop | run (the default)
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from bench import nation


def say(*words: Any) -> None:
    """At once, even into a pipe."""
    print(*words, flush=True)


def _over(*_signal: Any) -> None:
    raise SystemExit("told to stop; everything has been put away")


def build() -> None:
    """Make the database of BENCH_ROWS files, or find it."""
    with nation.settings() as _settings:
        nation.ensure(nation.ROWS, say)


def drop() -> None:
    """Away with the database of BENCH_ROWS files."""
    nation.drop()
    say(f"{nation.database()} is gone")


def run() -> None:
    """Build, measure, write RESULTS.md and results.json, drop unless BENCH_KEEP=1."""
    from bench import report, session

    found = session.everything(say)
    report.write(found)
    say(f"done in {found['seconds']} s: bench/RESULTS.md")


def pages() -> None:
    """Measure only our pages, for the table of growth; the figures as JSON into the file that is named."""
    from bench import session

    found = session.small(say)
    Path(sys.argv[2]).write_text(json.dumps(found, ensure_ascii=False), encoding="utf-8")


COMMANDS = {"build": build, "drop": drop, "run": run, "pages": pages}


def main() -> None:
    """One command."""
    signal.signal(signal.SIGTERM, _over)
    name = sys.argv[1] if len(sys.argv) > 1 else "run"
    if name not in COMMANDS:
        raise SystemExit(__doc__)
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    COMMANDS[name]()


if __name__ == "__main__":
    main()
