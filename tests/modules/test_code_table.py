"""代码表: the promises of every record type; what is special stands in test_administration."""

from __future__ import annotations

from app.models.code_table import CodeTable
from app.views.code_table import CodeTableView
from tests.cases.records import RecordViewCases


class TestCodeTable(RecordViewCases):
    view = CodeTableView
    owner = "root"
    is_scoped = False
    is_read_by_all = True

    def make(self, country, people, unit=None, **overrides):
        return country.all(CodeTable, CodeTable.name == "petition_channel")[0]

    def test_the_list_shows_what_there_is(
        self, login, country, people
    ):  # one page: tables, and values of one
        page = login("root").get("/code_table/list/")
        assert page.status_code == 200
        assert all(table.label in page.text for table in country.all(CodeTable))
