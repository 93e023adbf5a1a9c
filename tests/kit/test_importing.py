"""An import survives `kill -9` at any moment, on real processes; and what the bulk door stores is what a save stores.

Run as a program it is a worker that takes small bites: ``python tests/kit/test_importing.py``, database in DATABASE_URL.
"""

from __future__ import annotations

import contextlib
import gc
import io
import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pytest
import sqlalchemy as sa
from openpyxl.utils import get_column_letter

from app.demo.people import People
from app.kit import bulk, history, importing, template
from app.kit.bulk import Judge
from app.kit.layout import KEY_NAME, Layout, plain
from app.kit.name_search import NameSearch
from app.kit.record import check, fill, judging
from app.models.archive import Archive
from app.models.family_member import FamilyMember
from tests.importing import shown
from tests.scratch import scratch_database

ROOT = Path(__file__).parents[2]
HOUSEHOLDS, FAULTY = 240, 10
LEASE = 2
COUNT = sa.select(sa.func.count()).select_from(NameSearch).where(NameSearch.record_id < 0)
#: makes the country, uploads argv[1] as the clerk of 德外街道 and prints the job's number
UPLOAD = """
import sys
from pathlib import Path
from sqlalchemy import select
from app.cli.serve import prepare
from app.demo.country import load
from app.kit import importing
from app.kit.database import db
from app.kit.scope import SYSTEM, acting
from app.models.account import Account
from app.security.visitor import actor_of
from run import app

prepare(app)
with app.app_context():
    with acting(SYSTEM):
        if db.session.scalar(select(Account).where(Account.username == "dewai_clerk")) is None:
            load(db.session, 10)
            db.session.commit()
        account = db.session.scalars(select(Account).where(Account.username == "dewai_clerk")).one()
        who = actor_of(db.session, account.id, account.assignments[0].unit_id)
        db.session.rollback()
    with acting(who), Path(sys.argv[1]).open("rb") as file:
        view = app.extensions["views"]["archive"]
        job = importing.upload(view, db.session, who, file, "a.xlsx", importing.Options())
        db.session.flush()
        print(job.id)
        db.session.commit()
"""


# --- kill -9 ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a system of its own, with real processes on it."""
    folder = tmp_path_factory.mktemp("killed")
    with scratch_database(folder, "killed") as url:
        yield os.environ | {
            "DATABASE_URL": url,
            "UNIONDESK_HOME": str(folder),
            "UNIONDESK_DEMO_PASSWORD": "Gong-hui-2026",
            "PYTHONPATH": str(ROOT),
            "PYTHONWARNINGS": "ignore",
        }


def run(place: dict[str, str], *words: str) -> str:
    done = subprocess.run([sys.executable, *words], cwd=ROOT, env=place, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()[-3000:]
    return done.stdout.decode().strip()


def workbook(layout: Layout, seed: int) -> bytes:
    """Households, some of them faulty."""
    source = People(seed, f"65{seed:02d}02", "乌鲁木齐市天山区")
    book = openpyxl.Workbook()
    main, child = layout.pages
    heads, lines = book.active, book.create_sheet(child.title)
    heads.title = main.title
    heads.append([head.label for head in main.heads])
    lines.append([head.label for head in child.heads])
    for number in range(HOUSEHOLDS):
        typed = source.household(number % 3)
        if number % (HOUSEHOLDS // FAULTY) == 5:
            typed["household_size"] = 50
        heads.append([shown(head, typed.get(head.name)) for head in main.heads])
        for member in typed["family_members"]:
            lines.append(
                [
                    typed["id_card_no"] if h.name == KEY_NAME else shown(h, member.get(h.name))
                    for h in child.heads
                ]
            )
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


@pytest.mark.real_commits
def test_a_killed_worker_loses_and_doubles_nothing(app, country, place, tmp_path):
    """Two imports, each killed twice at a moment of chance; the third worker ends them."""
    chance = random.Random()
    with country.acting():
        files = [workbook(Layout(app.extensions["views"]["archive"]), seed) for seed in (1, 2)]
    for number, content in enumerate(files, 1):
        path = tmp_path / f"{number}.xlsx"
        path.write_bytes(content)
        job = int(run(place, "-c", UPLOAD, str(path)))
        engine = sa.create_engine(place["DATABASE_URL"])
        before = tables(engine)
        kills = [kill_at(place, engine, job, chance.randrange(0, HOUSEHOLDS * 2 // 3)) for _kill in range(2)]
        run(place, __file__)
        after = tables(engine)
        state, message, done, failed, result = facts(engine, job)
        engine.dispose()
        assert (state, done, failed) == ("partly", HOUSEHOLDS, FAULTY), (kills, message)
        assert message == f"成功 {HOUSEHOLDS - FAULTY} 户，未改动 0 户，失败 {FAULTY} 户", kills
        good = HOUSEHOLDS - FAULTY
        assert after["archive"] - before["archive"] == good
        assert after["record_version"] - before["record_version"] == good
        people = after["family_member"] - before["family_member"]
        assert after["identity_claim"] - before["identity_claim"] == good + people
        assert after["named"] == after["archive"] + after["family_member"]
        book = openpyxl.load_workbook(Path(place["UNIONDESK_HOME"]) / "results" / f"{job}.xlsx")
        told = [row[-1] for row in book["职工档案"].iter_rows(min_row=2, values_only=True) if row[-1]]
        assert len(told) == FAULTY
        assert f"/job/result/{job}" in result


def kill_at(place: dict[str, str], engine: sa.Engine, job: int, rows: int) -> int:
    """Start a worker and kill it when it has done so many rows, or anywhere before if it has done them already."""
    worker = subprocess.Popen([sys.executable, __file__], cwd=ROOT, env=place, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 60
    try:
        while time.monotonic() < until and worker.poll() is None:
            state, _message, done, *_rest = facts(engine, job)
            if state == "running" and done >= rows:
                break
            time.sleep(0.003)
    finally:
        worker.kill()
        worker.wait()
    time.sleep(LEASE + 1)  # its lease runs out
    return int(facts(engine, job)[2])


def facts(engine: sa.Engine, job: int) -> tuple[str, str, int, int, str]:
    with engine.connect() as connection:
        asked = sa.text("SELECT state, message, done, failed, result FROM job WHERE id = :id")
        row = connection.execute(asked, {"id": job}).one()
        return row.state, row.message, row.done, row.failed, str(row.result)


def tables(engine: sa.Engine) -> dict[str, int]:
    with engine.connect() as connection:
        found = {
            name: connection.scalar(sa.text(f"SELECT count(*) FROM {name}"))
            for name in ("archive", "family_member", "identity_claim", "record_version")
        }
        named = "SELECT count(*) FROM (SELECT DISTINCT source, record_id FROM name_search) AS named"
        return found | {"named": connection.scalar(sa.text(named))}


# --- one truth ----------------------------------------------------------------------------------------------------


def cells(people: People, count: int) -> Iterator[dict[str, object]]:
    """Typed households, every second one spoilt at random."""
    chance = random.Random(7)
    wrong = ("", "x", "2999-01-01", "-1", "火星", 1.5, 10**20, True, "1" * 300, "１２", "\x00")
    for number in range(count):
        typed = people.household(number % 4)
        if number % 2:
            for _spoil in range(chance.randrange(1, 4)):
                rows = [typed, *typed["family_members"]]
                row = chance.choice(rows)
                row[chance.choice([name for name in row if name != "family_members"])] = chance.choice(wrong)
        yield typed


def test_a_row_is_judged_exactly_as_a_save_would_judge_it(country, people):
    """The quick way and the door of the form: the same values, the same problems, word for word."""
    who = country.actor("dewai_clerk")
    with country.acting(who) as session, session.no_autoflush:
        judge = Judge(Archive, who)
        for typed in cells(people, 120):
            slow = Archive()
            session.add(slow)
            found, unread = fill(slow, typed)
            slow.archive_no = slow.archive_no or "1"
            slow.derive(who)
            found += check(slow, skip=unread)
            with bulk.giving(()), judging(session):
                quick, told = judge.read({key: value for key, value in typed.items() if value is not None})
                vars(quick)["archive_no"] = quick.archive_no or "1"
                told += judge.problems(quick, {problem.field for problem in told})
            assert {(p.field, str(p.words), p.warning) for p in told} == {
                (p.field, str(p.words), p.warning) for p in found
            }
            for name in Archive.fields():
                if name not in unread and name not in {"created_at", "is_cancelled"}:
                    assert getattr(quick, name) == getattr(slow, name), name
            session.expunge(slow)


def test_the_version_of_an_imported_record_is_that_of_a_save(country, make_archive):
    """The snapshot that remembers its words says the same as the one that does not."""
    file = make_archive("dewai")
    with country.acting() as session:
        archive = session.get(Archive, file.id)
        judge = Judge(Archive, country.actor("dewai_clerk"))
        kept = history.snapshot(archive)
        assert history.snapshot(archive, judge._json) == kept
        # the difference from nothing, reckoned the short way and the long way, and without a snapshot
        assert history.difference({}, kept) == history.difference({"none": None}, kept)
        assert history.beginning(archive, judge._json) == history.difference({}, kept)


# --- the template -------------------------------------------------------------------------------------------------


@pytest.fixture
def sheets(app, country):
    with country.acting():
        yield Layout(app.extensions["views"]["archive"])


def test_the_template_is_made_from_the_declaration(app, country, sheets):
    """The order of the paper form; required ones marked; text where Excel would spoil numbers; lists of codes."""
    with app.test_request_context(), country.acting():
        book = openpyxl.load_workbook(template.blank(sheets))
    assert book.sheetnames == ["职工档案", "家庭成员", "填表说明", "选项"]
    assert book["选项"].sheet_state == "hidden"
    main = book["职工档案"]
    heads = [cell.value for cell in main[1]]
    fields = Archive.fields()
    wanted = [
        name
        for _l, names in app.extensions["views"]["archive"].sheet
        if not isinstance(names, str)
        for name in names
    ]
    assert [plain(head) for head in heads] == [plain(fields[name].label) for name in wanted]
    assert "身份证号*" in heads
    assert "备注" in heads
    assert "出生日期" in heads  # follows from the number: no star
    letter = get_column_letter(heads.index("身份证号*") + 1)
    assert main.column_dimensions[letter].number_format == "@"
    rules = {str(rule.sqref).partition("2:")[0]: rule for rule in main.data_validations.dataValidation}
    gender = rules[get_column_letter(heads.index("性别") + 1)]
    assert gender.formula1.startswith("选项!") or gender.formula1.startswith("'选项'!")
    child = book["家庭成员"]
    assert child["A1"].value == "户主身份证号*"
    assert len(child[1]) == len([f for f in FamilyMember.fields().values() if not f.automatic]) + 1
    words = "\n".join(str(cell.value) for row in book["填表说明"].iter_rows() for cell in row if cell.value)
    for told in ("男、女", "日期，如 2026-03-02", "最多50个字", "户主身份证号"):
        assert told in words


def test_the_template_is_handed_out_and_empty_it_imports_nothing(login, country):
    clerk = login("dewai_clerk")
    answer = clerk.get("/archive/template")
    assert answer.status_code == 200
    assert "filename*=UTF-8''" in answer.headers["Content-Disposition"]
    owner = openpyxl.load_workbook(io.BytesIO(login("root").get("/archive/template?migrate=1").data))
    assert owner["职工档案"]["A1"].value == "所属单位*"
    mine = openpyxl.load_workbook(io.BytesIO(clerk.get("/archive/template?migrate=1").data))
    assert mine["职工档案"]["A1"].value != "所属单位*"
    assert login("dewai_reader").get("/archive/template").status_code == 403
    assert clerk.get("/unit/import").status_code in {403, 404}


if __name__ == "__main__":
    from app.kit.worker import Worker
    from run import app as flask

    importing.CHUNK = 10
    Worker(flask, lease=LEASE).run(once=True)


def test_a_statement_waits_for_what_is_still_on_its_way(country, monkeypatch):
    """Rows that are being sent are there for whatever is asked next on the same connection."""
    write = bulk._write
    monkeypatch.setattr(bulk, "_write", lambda *what: (time.sleep(0.2), write(*what)))
    keys = [{"source": "archive", "key": f"k{n}", "record_id": -n} for n in range(1, 5001)]
    with country.acting() as session, bulk._sending(session):
        bulk.insert_values(session, NameSearch, keys)
        assert session.scalar(COUNT) == 5000


def test_what_was_refused_on_its_way_is_a_clash_and_leaves_nothing(country, people):
    """Two households of one number, found out only by the server: none is stored, and the session lives on."""
    who, typed = country.actor("dewai_clerk"), people.household(2)
    with country.acting(who) as session, session.no_autoflush:
        judge, count = Judge(Archive, who), sa.select(sa.func.count()).select_from(Archive)
        before = session.scalar(count)
        with bulk.giving(()), judging(session):
            twins = [judge.read(typed)[0] for _each in range(2)]
            for one in twins:
                one.own(who)
                judge.problems(one, set())
            with pytest.raises(bulk.Clash):
                bulk.store(session, judge, twins)
            assert session.scalar(count) == before
            bulk.store(session, judge, twins[:1])
        assert session.scalar(count) == before + 1


def test_the_collector_is_as_it_was_after_an_import():
    """It is told to look less often only while rows are gone through, whatever comes of them."""
    before = gc.get_threshold()
    with contextlib.suppress(ZeroDivisionError), importing._rarely_collected():
        assert gc.get_threshold()[0] == importing.OBJECTS
        raise ZeroDivisionError
    assert gc.get_threshold() == before


def test_rows_read_the_same_however_quickly_they_are_written_for_copy():
    """Rows whose marks are all ours are taken as they stand; any others are escaped value by value."""
    texts = ["", "张三", r"\N", r"a\b", "a\tb", "a\nb", "a\rb", "\\", "\\\t\\n", None, 7, True, False, 1.5]
    written = {None: None, True: "t", False: "f"}
    for _each in range(2000):
        width = random.randint(1, 6)
        rows = [random.choices(texts, k=width) for _row in range(random.randint(1, 3))]
        text = bulk._copy_text([list(one) for one in zip(*rows, strict=True)], [None] * width)
        assert text.endswith("\n")
        assert [[_read(value) for value in line.split("\t")] for line in text[:-1].split("\n")] == [
            [value if value.__class__ is str else written.get(value, str(value)) for value in row]
            for row in rows
        ]


def _read(text: str) -> str | None:
    """One value as COPY reads it."""
    if text == r"\N":
        return None
    meant = {"\\\\": "\\", r"\t": "\t", r"\n": "\n", r"\r": "\r"}
    return re.sub(r"\\.", lambda found: meant[found[0]], text)
