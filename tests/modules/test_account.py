"""人员管理: the promises of every record type; what is special stands in test_administration."""

from __future__ import annotations

from app.views.account import AccountView
from tests.cases.records import RecordViewCases


class TestAccount(RecordViewCases):
    view = AccountView
    edit = {"phone": "13900001111", "job_title": "干事"}
    wrong = [
        ("login_name", "dewai", "已被使用"),  # AID-R009
        ("login_name", "DEWAI", "已被使用"),
        ("login_name", "有 空格", "不含空格"),
        ("phone", "没有", "数字"),
        ("email", "不是地址", "不完整"),
    ]

    def form(self, people):
        return {
            "unit_id": self.country.unit("dewai").id,
            "full_name": people.name("female"),
            "gender": "female",
            "login_name": f"person_{people.random.randrange(10**9)}",
            "phone": people.faker.phone_number(),
            "rights": ["困难职工档案"],
        }

    def derived_free(self, names):
        return [name for name in names if name not in {"unit_id", "rights", "gender"}]

    def is_gone(self, country, record):  # AID-R219: the name stays beside what the person recorded
        now = country.again(record)
        return not now.active and not now.assignments
