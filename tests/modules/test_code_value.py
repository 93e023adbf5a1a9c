"""代码值: the promises of every record type; what is special stands in test_administration."""

from __future__ import annotations

from app.models.code_table import CodeTable
from app.views.code_value import CodeValueView
from tests.cases.records import RecordViewCases


class TestCodeValue(RecordViewCases):
    view = CodeValueView
    owner = sibling = "root"
    is_scoped = False
    is_read_by_all = True
    edit = {"label": "其他来信"}
    wrong = [("label", "长" * 61, "最多60个字"), ("label", "来访", "已有"), ("sort_order", "-1", "不能为负")]

    def form(self, people):
        table = self.country.all(CodeTable, CodeTable.name == "petition_channel")[0]
        return {"code_table_id": table.id, "label": f"来信{people.random.randrange(10**6)}"}
