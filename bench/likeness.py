"""疑似重复档案 over the bench's rows: time, memory and pairs of a whole run by 全总, then of one after a few changes.

BENCH_ROWS=200000 python -m bench.likeness      the database must stand (python -m bench build)
"""

from __future__ import annotations

import resource
import time
from random import Random
from typing import Any

import psycopg

from bench import nation

#: one file in so many stands a second time, with two neighbours of its number exchanged
PLANTED = 500


def plant(at: psycopg.Connection[Any]) -> int:
    """Copies of some files as another clerk might have typed them. Returns how many."""
    random = Random(20260302)
    names = [
        row[0]
        for row in at.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = 'archive'::regclass AND attnum > 0 AND NOT attisdropped"
        )
    ]
    ours = {"id": "nextval('archive_id_seq')", "archive_no": "'D' || archive_no", "id_card_no": "%(no)s"}
    rows = at.execute(
        "SELECT id, id_card_no FROM archive WHERE id %% %s = 0 AND NOT is_cancelled AND holder_depth = 1",
        [PLANTED],
    ).fetchall()
    columns, values = ", ".join(names), ", ".join(ours.get(name, name) for name in names)
    count = 0
    for pk, no in rows:
        place = random.choice([n for n in range(9, 16) if no[n] != no[n + 1]] or [0])
        if place:
            wrong = no[:place] + no[place + 1] + no[place] + no[place + 2 :]
            at.execute(
                f"INSERT INTO archive ({columns}) SELECT {values} FROM archive WHERE id = %(id)s",
                {"no": wrong, "id": pk},
            )
            count += 1
    return count


def main() -> None:
    """Plant, run, change a few files, run again; figures on stdout."""
    with nation.settings() as _settings:
        from sqlalchemy import func, select

        from app import create_app
        from app.kit.database import db
        from app.kit.jobs import Job
        from app.kit.scope import acting
        from app.kit.worker import Worker
        from app.models.account import Account
        from app.models.likeness import Likeness, search
        from app.security.visitor import load

        app = create_app()
        with psycopg.connect(nation.plain_url(), autocommit=True) as at:
            print("planted", plant(at), flush=True)
        for words, change in (
            ("whole", ""),
            ("after a few changes", "UPDATE archive SET version = version + 1 WHERE id %% 4096 = 7"),
        ):
            with psycopg.connect(nation.plain_url(), autocommit=True) as at:
                if change:
                    print(at.execute(change.replace("%%", "%")).rowcount, "changed", flush=True)
                at.execute("ANALYZE likeness_key; ANALYZE likeness_file; ANALYZE likeness")
            with app.app_context():
                from app.kit.scope import SYSTEM

                with acting(SYSTEM):
                    name = db.session.scalar(
                        select(Account.username)
                        .join(Account.assignments)
                        .where(Account.assignments.any(unit_id=1))
                        .limit(1)
                    )
                    who = db.session.execute(
                        select(Account.id, Account.session_version).where(Account.username == name)
                    ).one()
                actor = load(f"{who.id}.{who.session_version}").actor
                with acting(actor):
                    pk = search.ask(db.session, actor, whole=False).id
                    db.session.commit()
            start, cpu = time.perf_counter(), time.process_time()
            Worker(app, lease=60).run(once=True)
            took = f"{time.perf_counter() - start:.0f} s, {time.process_time() - cpu:.0f} s of it here"
            with app.app_context(), acting(SYSTEM):
                job = db.session.get(Job, pk)
                total = db.session.scalar(select(func.count()).select_from(Likeness))
                print(words, job.state, job.done, "files", took, total, "pairs", job.message, flush=True)
                db.session.remove()
            print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, "MB at most", flush=True)
        with psycopg.connect(nation.plain_url(), autocommit=True) as at:
            for table in ("likeness", "likeness_file", "likeness_key"):
                size = at.execute("SELECT pg_total_relation_size(%s::regclass) / 1048576", [table]).fetchone()
                print(table, at.execute(f"SELECT count(*) FROM {table}").fetchone()[0], "rows", size[0], "MB")


if __name__ == "__main__":
    main()
