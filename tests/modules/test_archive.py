"""职工档案: what is declared, and what is special."""

from __future__ import annotations

from app.views.archive import ArchiveView
from tests.cases.steps import StepCases


class TestArchive(StepCases):
    view = ArchiveView
    edit = {"phone": "13900001111", "remarks": "已入户走访", "floor_area": "45.5"}
    wrong = [
        ("id_card_no", "11010219800230123X", "出生日期不存在"),  # AID-R043
        ("id_card_no", "110102299001011234", "晚于今天"),  # AID-R043
        ("id_card_no", "1101021980010112", "15位数字"),  # AID-R041
        ("id_card_no", "11010219800101123A", "15位数字"),  # AID-R041
        ("household_annual_income", "-1", "不能为负"),
        ("personal_monthly_income", "1.005", "小数"),
        ("household_size", "9", "家庭人口数必须等于家庭成员人数加1"),  # AID-R049
        ("household_size", "1.5", "整数"),
        ("birth_date", "2999-01-01", "不能晚于今天"),
        ("birth_date", "2026-02-30", "日期应写作"),  # AID-R229
        ("postcode", "12345", "6位"),
        ("phone", "无", "数字"),
        ("hardship_category", "没有这一类", "代码表"),
        ("family_members.0.id_card_no", "123", "15位数字"),  # AID-R038
        ("family_members.0.full_name", "", "请填写"),
        ("family_members.0.relation", "远亲", "代码表"),
    ]
    moves = """
        owner:           report            -> 已上报
        owner after:     nothing
        returned owner:  report            -> 已上报
        parent before:   nothing
        parent:          report, send_back -> 已上报, 退回
        parent after:    nothing
        returned parent: report, send_back -> 已上报, 退回
        root:            send_back         -> 已上报
        sibling, child, stranger: nothing
    """

    def form(self, people):
        return people.household(members=2, hardship_category="low_income", health_status="good")

    def derived_free(self, names):
        return [name for name in names if name not in {"birth_date", "gender"}]
