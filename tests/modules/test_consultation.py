"""政策咨询: a question and its answer (REC-15, AID-R137, R138)."""

from __future__ import annotations

from app.views.consultation import ConsultationView
from tests.cases.steps import StepCases


class TestConsultation(StepCases):
    view = ConsultationView
    edit = {"reply": "已告知申请材料和办理地点", "is_satisfied": True}
    wrong = [("consulted_on", "2999-01-01", "不能晚于今天"), ("visitor_count", "0", "不能小于1")]
    moves = """
        owner:                          report            -> 已上报
        returned owner:                 report            -> 已上报
        parent, returned parent:        report, send_back -> 已上报, 退回
        root:                           send_back         -> 已上报
        owner after, parent before, parent after, sibling, child, stranger: nothing
    """

    def derived_free(self, names):
        return [name for name in names if name != "receptionist"]

    def form(self, people):
        person = people.person("male", 38)
        return {
            "consulted_on": "2026-03-02",
            "visitor_name": person["full_name"],
            "id_card_no": person["id_card_no"],
            "channel": "phone",
            "category": "wages",
            "content": "最低工资标准",
        }
