"""A file that is read from columns alone holds what one read by way of the records holds."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from app.kit import exporting
from app.kit.question import Question


@pytest.mark.parametrize("who", ["root_clerk", "bj_clerk", "dewai_clerk"])
def test_columns_alone_tell_what_the_records_tell(app, country, make_archive, who, monkeypatch):
    make_archive("dewai", at="xicheng", is_single_parent=None, remarks="=1+1")
    make_archive("xinfeng", at="dewai", back_at="xinfeng", floor_area="35.5")
    monkeypatch.setattr(exporting, "CHUNK", 2)
    with app.test_request_context(), country.acting(who) as session:
        view = app.extensions["views"]["archive"]
        asked = Question(view, country.actor(who), {})
        assert isinstance(exporting._Columns.of(asked), exporting._Columns)
        quick = list(exporting._rows(session, asked))
        monkeypatch.setattr(exporting._Columns, "of", classmethod(lambda _cls, _asked: None))
        slow = list(exporting._rows(session, asked))
    assert len(quick) > 2
    assert [list(map(str, line)) for line in quick] == [list(map(str, line)) for line in slow]
    assert [numbers(line) for line in quick] == [numbers(line) for line in slow]


def numbers(line):
    """What Excel is to keep as a number or a date."""
    return [value for value in line if isinstance(value, int | Decimal | date)]


@pytest.mark.parametrize("name", ["merged_into_id", "shown only"])
def test_what_columns_cannot_tell_goes_by_way_of_the_records(app, country, name, monkeypatch):
    """A reference is told by another record's words, a shown column by a function of the record."""
    with app.test_request_context(), country.acting("root_clerk"):
        view = app.extensions["views"]["archive"]
        who = country.actor("root_clerk")
        assert exporting._Columns.of(Question(view, who, {})) is not None
        monkeypatch.setattr(type(view), "columns", (*view.columns, name))
        assert exporting._Columns.of(Question(view, who, {})) is None


def test_the_scope_holds_for_columns_too(app, country, make_archive):
    elsewhere = make_archive("caohejing")
    with app.test_request_context(), country.acting("bj_clerk") as session:
        asked = Question(app.extensions["views"]["archive"], country.actor("bj_clerk"), {})
        lines = list(exporting._rows(session, asked))
    assert lines
    assert all(elsewhere.archive_no not in line for line in lines)
