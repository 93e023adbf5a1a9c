"""单位管理: the promises of every record type; what is special stands in test_administration."""

from __future__ import annotations

from app.views.unit import UnitView
from tests.cases.records import RecordViewCases


class TestUnit(RecordViewCases):
    view = UnitView
    edit = {"leader_name": "王秀英", "office_phone": "010-55501234", "introduction": "受理帮扶申请。"}
    wrong = [
        ("postcode", "1234", "6位"),
        ("area_code", "12", "3至4位"),
        ("leader_phone", "没有", "数字"),
        ("email", "a@b", "不完整"),
        ("level", "火星", "代码表"),
        ("name", "长" * 101, "最多100个字"),
    ]

    def form(self, people):
        number = len(self.country.all(UnitView.model)) + people.random.randrange(10**6)
        return {
            "parent_id": self.country.unit("dewai").id,
            "name": f"第{number}社区工会",
            "level": "grassroots",
            "address": "乌鲁木齐市天山区某街1号",
            "postcode": "830000",
            "area_code": "0991",
            "leader_name": people.name("female"),
            "leader_phone": people.faker.phone_number(),
            "office_phone": "0991-5550123",
        }

    def derived_free(self, names):
        return [name for name in names if name not in {"parent_id", "level"}]
