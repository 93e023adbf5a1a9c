"""What tests of 快速上报 and 快速退回 share: asking for one, having it done, and all that a country is, as plain values."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime

from sqlalchemy import select, update

from app.kit.worker import Worker
from app.models.archive import Archive
from tests.workflows.test_reporting import PARENT

STEPS = "/api/v1/archive/steps"
#: login → its number of levels from the root
DEPTH = dict.fromkeys(PARENT, 1)
for _unit, _parent in PARENT.items():  # parents stand before their children
    DEPTH[_unit] = DEPTH[_parent] + 1 if _parent else 1
#: what differs between one doing and the next
ASIDE = {"reminder_id", "answers"}
#: tables whose rows are not compared one by one
BOOKS = {"job", "reminder", "login_attempt"}


def work(app):
    """Do every job that is due."""
    Worker(app, lease=6000).run(once=True)


def ask(client, country, step, chosen, **more):
    """快速上报 or 快速退回 over REST."""
    body = {"unit": country.unit(chosen).id, "message": "请查收"} | more
    return client.post(f"{STEPS}/{step}", json=body)


def alter(country, files, **values):
    """Write past every rule, as a migration may."""
    with country.acting() as session:
        ids = [getattr(file, "id", file) for file in files]
        session.execute(update(Archive).where(Archive.id.in_(ids)).values(values))
        session.commit()


def spoil(country, chance, share=0.4):
    """Make some files such as no clerk could save and a migration may bring: unqualified in every way."""
    with country.acting() as session:
        every = list(session.scalars(select(Archive.id).order_by(Archive.id)))
        numbers = list(session.scalars(select(Archive.id_card_no).order_by(Archive.id)))
    wrongs = (
        lambda: {"problem_flags": ["incomplete"]},
        lambda: {"phone": ""},
        lambda: {"household_size": 9},
        lambda: {"id_card_no": "110102199002301234"},
        lambda: {"id_card_no": chance.choice(numbers)},
        lambda: {"disability_category": "hearing"},
        lambda: {"is_cancelled": True},
    )
    for pk in chance.sample(every, int(len(every) * share)):
        alter(country, [pk], **chance.choice(wrongs)())


def everything(country):
    """Every row of every table but the books, ids and moments aside; the reminders by what they say."""
    found = {}
    with country.acting() as session:
        connection = session.connection()
        for table in Archive.metadata.sorted_tables:
            if table.name not in BOOKS:
                rows = connection.execute(select(table).order_by(*table.primary_key)).mappings()
                own_id = table.name not in {"record_version", "step_log"}
                found[table.name] = [plain(row, own_id=own_id) for row in rows]
        reminder = Archive.metadata.tables["reminder"]
        told = defaultdict(int)
        for row in connection.execute(select(reminder)).mappings():
            told[row["sender_unit_id"], row["receiver_unit_id"], row["subject"], row["message"]] += row[
                "record_count"
            ]
        found["reminder"] = dict(told)
    return found


def plain(row, *, own_id):
    shown = {}
    for name, value in row.items():
        if name in ASIDE or (name == "id" and not own_id):
            continue
        shown[name] = timeless(value)
    return shown


def timeless(value):
    """A value without its moments: that there is one stays."""
    if isinstance(value, datetime):
        return "a moment"
    if isinstance(value, dict):
        return {
            key: "a moment" if key.endswith("_at") and one else timeless(one) for key, one in value.items()
        }
    if isinstance(value, list):
        return [timeless(one) for one in value]
    return value.isoformat() if isinstance(value, date) else value


def seen_by_all(country):
    """Unit → the files that its clerk sees, each with its state."""
    seen = {}
    for unit in PARENT:
        actor = country.actor(f"{unit}_clerk")
        with country.acting(actor) as session:
            seen[unit] = {file.id: file.report_state(actor) for file in session.scalars(select(Archive))}
    return seen
