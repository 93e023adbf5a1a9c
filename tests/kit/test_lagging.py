"""Where there is no replica, nothing changes; but what may lag only reads, everywhere (the replica: test_replica)."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from app.kit import replica
from app.kit.replica import COOKIE, lagging
from app.models.archive import Archive

AS_OF = "数据截至"


def test_without_a_replica_the_session_itself_is_asked_and_nothing_is_dated(country):
    with country.acting() as session:
        assert lagging(session(), lambda source: source) == (session(), None)
        assert replica.as_of_words(None) == ""


def test_without_a_replica_nobody_gets_a_stamp_and_readyz_says_none(login, app):
    browser = login("dewai_clerk")
    assert browser.post("/archive/draft", {"form": "add"}).status_code < 500
    assert browser.get_cookie(COOKIE) is None
    assert browser.get("/readyz").json["replica"] == "none"
    assert AS_OF not in browser.get("/archive/statistics?by=gender").text


@pytest.mark.parametrize("how", ["a changed row", "a new row", "an update", "a delete"])
def test_a_write_inside_lagging_is_refused_without_a_replica_too(country, make_archive, how):
    record = make_archive()

    def write(source):
        found = source.scalars(sa.select(Archive).where(Archive.id == record.id)).one()
        if how == "a changed row":
            found.remarks = "x"
            source.flush()
        elif how == "a new row":
            source.add(Archive())
            source.flush()
        elif how == "an update":
            source.execute(sa.update(Archive).values(remarks="x"))
        else:
            source.execute(sa.delete(Archive))

    with country.acting() as session:
        with pytest.raises(RuntimeError, match="a write inside lagging"):
            lagging(session(), write)
        session.rollback()
    assert country.again(record).remarks == record.remarks


def test_after_the_reading_the_session_writes_again(country, make_archive):
    record = make_archive()
    with country.acting() as session:
        lagging(session(), lambda source: source.scalar(sa.select(Archive.id)))
        session.scalars(sa.select(Archive).where(Archive.id == record.id)).one().remarks = "补充"
        session.commit()
    assert country.again(record).remarks == "补充"


def test_a_replica_beside_sqlite_is_not_asked_for(app):
    flask = type(app)("scrap")
    flask.config |= {
        "REPLICA_URL": "postgresql+psycopg://127.0.0.1:1/none",
        "SQLALCHEMY_DATABASE_URI": "sqlite://",
    }
    replica.init_app(flask)
    assert "replica" not in flask.extensions
