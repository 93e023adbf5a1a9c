"""The bench cannot rot: its code imports, and its nation loads into today's schema as valid files that our pages show."""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import func, select
from sqlalchemy.engine import make_url

import bench
import config
from app import create_app
from app.cli.house import differences
from app.kit import claims, names
from app.kit.claims import IdentityClaim
from app.kit.database import db
from app.kit.record import check
from app.kit.scope import SYSTEM, acting, door
from app.models.archive import Archive
from app.models.archive.lists import in_normal_lists
from app.models.family_member import FamilyMember
from bench import report, verdict, world
from bench.world import lines, units
from tests.cases.applying import when
from tests.scratch import scratch_database

#: rows that a bench of this size has
ROWS = 300
# COPY FREEZE and half of the indexes are PostgreSQL's
on_postgresql = when(lambda _cases: bool(os.environ.get("TEST_DATABASE_URL")))
PASSWORD = "Only-for-tests-1"
#: each needs an application's environment of its own to be imported
APPLICATIONS = {"bench.ours", "bench.stock", "bench.django_admin", "bench.__main__"}


@pytest.mark.parametrize(
    "name",
    sorted({m.name for m in pkgutil.walk_packages(bench.__path__, "bench.")} - APPLICATIONS),
)
def test_every_part_of_the_bench_imports(name: str) -> None:
    assert importlib.import_module(name).__name__ == name


def test_the_page_of_results_is_what_the_report_makes_of_the_stored_figures() -> None:
    folder = Path(report.__file__).parent
    found = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    assert report.page(found) == (folder / "RESULTS.md").read_text(encoding="utf-8")


def test_a_budget_without_a_figure_is_not_met() -> None:
    told = verdict.lines({"figures": {}, "heavy": {"export": {"words": "not measured: OSError"}}})
    assert {line.verdict for line in told} == {"not measured"}


def test_the_nation_has_five_levels_and_thirty_seven_thousand_units() -> None:
    made = units.places(4_700_000, units.Random(1))
    assert 36_000 < len(made) < 39_000
    assert {place.depth for place in made} == {1, 2, 3, 4, 5}
    assert sum(place.level == "province" for place in made) == 31
    assert len({place.path for place in made}) == len(made)
    assert len({(place.parent_id, place.name) for place in made}) == len(made)


def test_no_bigram_of_a_surname_and_a_first_character_is_more_than_one_name_in_a_thousand() -> None:
    some = lines.called.names(lines.Random(1), 200_000)
    heads = [name[:2] for name in some]
    assert (
        max(heads.count(head) for head in set(heads[:500])) < 1.35 * len(some) / 1000
    )  # chance has its part


def schema(url: str) -> list[Any]:
    """Every index and constraint in words."""
    with psycopg.connect(url) as server:
        indexes = server.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1"
        ).fetchall()
        constraints = server.execute(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint ORDER BY 1"
        ).fetchall()
    return [*indexes, *constraints]


@pytest.fixture(scope="module")
def nation(
    tmp_path_factory: pytest.TempPathFactory, worker_id: str
) -> Iterator[tuple[Flask, dict[str, Any]]]:
    """An application over a nation of its own, and the facts of that."""
    with scratch_database(tmp_path_factory.mktemp("nation"), f"{worker_id}_nation") as url:
        home = str(tmp_path_factory.mktemp("home"))
        settings = {"SQLALCHEMY_DATABASE_URI": url, "UNIONDESK_HOME": home, "PROPAGATE_EXCEPTIONS": True}
        flask = create_app(type("Nation", (config.Testing,), settings))
        plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        with flask.app_context():
            upgrade()
            db.engine.dispose()
        before = schema(plain)
        facts = world.build(flask, plain, ROWS, say=lambda *_words: None)
        yield flask, facts | {"url": plain, "before": before}
        with flask.app_context():
            db.engine.dispose()


@on_postgresql
def test_the_nation_is_whole_and_every_index_is_back(nation: tuple[Flask, dict[str, Any]]) -> None:
    flask, facts = nation
    assert facts["counts"]["archive"] == ROWS
    assert facts["counts"]["identity_claim"] == ROWS + facts["counts"]["family_member"]
    assert not differences(flask)
    with psycopg.connect(facts["url"]) as server:
        invalid = server.execute("SELECT conname FROM pg_constraint WHERE NOT convalidated").fetchall()
        visible = server.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relallvisible < relpages "
            "AND relname IN ('archive', 'family_member', 'identity_claim', 'name_search')"
        ).fetchall()
    assert (invalid, visible) == ([], [])


@on_postgresql
def test_taking_off_and_putting_back_leaves_the_very_same_schema(
    nation: tuple[Flask, dict[str, Any]],
) -> None:
    _flask, facts = nation
    assert facts["before"] == schema(facts["url"])


@on_postgresql
def test_every_file_of_the_nation_obeys_every_rule(nation: tuple[Flask, dict[str, Any]]) -> None:
    flask, _facts = nation
    with flask.app_context(), acting(SYSTEM):
        told = {
            (file.id, problem.field, str(problem.words))
            for file in db.session.scalars(select(Archive))
            for problem in [*check(file), *(p for rule in Archive.report_rules for p in rule(file))]
        }
    assert not told


@on_postgresql
def test_numbers_are_claimed_and_names_are_found_as_the_kit_would(
    nation: tuple[Flask, dict[str, Any]],
) -> None:
    flask, _facts = nation
    with flask.app_context(), acting(SYSTEM):
        files = db.session.scalars(select(Archive)).all()
        wanted = {
            (claims.id_key(claim.number), claim.role, file.id)
            for file in files
            for claim in file.identity_claims()
        }
        made = db.session.scalars(select(IdentityClaim).execution_options(**door("all of them")))
        assert {(claim.id_key, claim.role, claim.record_id) for claim in made} == wanted
        keys = {
            (source, row["key"], row["record_id"])
            for source, model in (("archive", Archive), ("family_member", FamilyMember))
            for row in names.rows(source, db.session.execute(select(model.id, model.full_name)).all())
        }
        rows = db.session.connection().exec_driver_sql("SELECT source, key, record_id FROM name_search")
        assert {tuple(row) for row in rows} == keys


@on_postgresql
def test_our_list_shows_the_nation(nation: tuple[Flask, dict[str, Any]]) -> None:
    flask, _facts = nation
    world.set_passwords(flask, ["root"], PASSWORD)
    flask.config["WTF_CSRF_ENABLED"] = False
    client = flask.test_client()
    assert client.post("/login/", data={"username": "root", "password": PASSWORD}).status_code == 302
    page = client.get("/archive/list/?size=200").text
    with flask.app_context(), acting(SYSTEM):
        seen = in_normal_lists(), Archive.holder_depth == 1, Archive.hardship_category != "temporary"
        numbers = set(db.session.scalars(select(Archive.archive_no).where(*seen)))
        total = db.session.scalar(select(func.count(Archive.id)).where(*seen))
    assert f"共{total}条" in page
    assert all(number in page for number in sorted(numbers)[:20])
