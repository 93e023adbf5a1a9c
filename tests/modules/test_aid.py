"""帮扶救助: who was aided, how, with what money (REC-12, SM-AID-09)."""

from __future__ import annotations

from app.views.aid import AidView
from tests.cases.linked import LinkedCases


class TestAid(LinkedCases):
    view = AidView
    edit = {"measure_detail": "上门送去慰问金"}
    wrong = [
        ("aid_date", "2999-01-01", "不能晚于今天"),
        ("aid_category", "", "请选择帮扶类别"),
        ("measures.0.amount", "0", "大于0"),
    ]
    answers = LinkedCases.answers | {
        "is_out_of_hardship": "1",
        "exit_method": "employed",
        "exit_date": "2026-05-04",
    }
    moves = """
        owner:           report, record_exit -> 已上报, 未上报
        owner after:     record_exit -> 已上报
        returned owner:  report, record_exit -> 已上报, 退回
        parent before:   nothing
        parent:          report, send_back -> 已上报, 退回
        parent after:    nothing
        returned parent: report, send_back -> 已上报, 退回
        root:            send_back         -> 已上报
        sibling, child, stranger: nothing
    """

    def form(self, people):
        return {
            "id_card_no": self.worker.id_card_no,
            "aid_category": "own_serious_illness",
            "aid_date": "2026-03-02",
            "aid_form": "home_visit",
            "measures": [{"measure": "living", "amount": "300"}],
        }
