"""The lists of the menu over REST: ``?shelf=`` and the conditions of a page, beside FAB's ``q``."""

from __future__ import annotations

import pytest

from app.models.archive import Archive
from app.modules import MODULES

FILES = "/api/v1/archive/"
SHELVES = [(module.view.model.resource(), shelf) for module in MODULES for shelf in module.view.shelves]


@pytest.mark.parametrize(("resource", "shelf"), SHELVES, ids=[f"{r}-{s.name}" for r, s in SHELVES])
def test_every_list_of_the_menu_can_be_had(rest, login, resource, shelf):
    """And its file, for who may see the page, has as many lines."""
    answer = rest("root").get(f"/api/v1/{resource}/?shelf={shelf.name}&q=(page_size:-1)")
    assert answer.status_code == 200, answer.json
    assert answer.json["count"] == len(answer.json["ids"]) or answer.json["count"] > 200
    assert login("root").get(f"/{resource}/list/?shelf={shelf.name}").status_code == 200


def test_cancelled_files_are_on_their_shelf_and_nowhere_else(
    rest, country, make_archive
):  # AID-R069, AID-R070
    file = country.step(
        make_archive("dewai", at="xicheng"), "deactivate", "dewai_clerk", cancel_reason="left_unit"
    )
    standing = make_archive("dewai", at="xicheng")
    for who in ("dewai_clerk", "xicheng_clerk"):
        client = rest(who)
        cancelled = client.get(f"{FILES}?shelf=cancelled&q=(page_size:-1)").json["ids"]
        assert file.id in cancelled
        assert standing.id not in cancelled
        for url in (FILES, f"{FILES}?shelf=hardship"):
            ids = client.get(url, query_string={"q": "(page_size:-1)"} if "?" not in url else None).json[
                "ids"
            ]
            assert file.id not in ids
    assert file.id not in rest("caohejing_clerk").get(f"{FILES}?shelf=cancelled").json["ids"]
    assert rest("dewai_reader").get(f"{FILES}?shelf=cancelled").status_code == 403
    assert country.all(Archive, Archive.id == file.id)[0].is_cancelled


def test_a_shelf_and_filters_go_together(rest, country, make_archive):
    names = ("钱一诺", "孙二喜")
    files = [make_archive("dewai", full_name=name) for name in names]
    for file in files:
        country.step(file, "deactivate", "dewai_clerk", cancel_reason="left_unit")
    q = "(filters:!((col:full_name,opr:ct,value:钱一诺)))"
    answer = rest("dewai_clerk").get(FILES, query_string={"shelf": "cancelled", "q": q}).json
    assert (answer["count"], answer["ids"]) == (1, [files[0].id])
    by_condition = rest("dewai_clerk").get(FILES, query_string={"shelf": "cancelled", "full_name": names[1]})
    assert by_condition.json["ids"] == [files[1].id]


def test_what_came_again(rest, country, make_archive):
    """退回后再报: what the unit has returned and has again."""
    file, fresh = make_archive("dewai", at="xicheng"), make_archive("dewai", at="xicheng")
    client = rest("xicheng_clerk")
    file = country.step(file, "send_back", "xicheng_clerk")
    assert client.get(f"{FILES}?came=again").json["ids"] == []
    country.step(file, "report", "dewai_clerk")
    assert client.get(f"{FILES}?came=again").json["ids"] == [file.id]
    assert client.get(f"{FILES}?came=again&state=reported").json["ids"] == []
    assert fresh.id in client.get(f"{FILES}?q=(page_size:-1)").json["ids"]


def test_a_unit_below(rest, country, make_archive):
    file, other = make_archive("dewai", at="xicheng"), make_archive("xinjiekou", at="xicheng")
    url = f"{FILES}?unit={country.unit('dewai').id}&q=(page_size:-1)"
    ids = rest("xicheng_clerk").get(url).json["ids"]
    assert file.id in ids
    assert other.id not in ids


@pytest.mark.parametrize("path", ["", "statistics"])
def test_what_there_is_not_is_told(rest, country, path):
    client, by = rest("xicheng_clerk"), {"by": "gender"} if path else {}
    answer = client.get(FILES + path, query_string=by | {"shelf": "nothing"})
    assert answer.status_code == 400
    assert "hardship" in answer.json["message"]
    assert client.get(FILES + path, query_string=by | {"came": "never"}).status_code in {200, 422}
    for unit in (country.unit("caohejing").id, "x", 10**12):
        assert client.get(FILES + path, query_string=by | {"unit": unit}).status_code == 404, unit
    answer = client.get(FILES + path, query_string=by | {"birth_date_from": "昨天"})
    assert answer.status_code == 422
    assert "birth_date" in str(answer.json["errors"])
