"""法律援助: legal help that hangs on a worker's file (REC-16, AID-R137 – R141)."""

from __future__ import annotations

import pytest

from app.kit import saving
from app.kit.errors import Refused
from app.models.archive import Archive
from app.views.legal_aid import LegalAidView
from tests.cases.linked import LinkedCases
from tests.world import words_of


class TestLegalAid(LinkedCases):
    view = LegalAidView
    edit = {"result": "won", "recovered_amount": "12000.50"}
    wrong = [
        ("aided_on", "2999-01-01", "不能晚于今天"),
        ("closed_on", "2026-03-01", "不能早于援助日期"),
        ("beneficiary_count", "0", "不能小于1"),
    ]
    # AID-R137: the envelope of the archives; AID-R138: the owner edits it in any state
    moves = """
        owner:                          report            -> 已上报
        returned owner:                 report            -> 已上报
        parent, returned parent:        report, send_back -> 已上报, 退回
        root:                           send_back         -> 已上报
        owner after, parent before, parent after, sibling, child, stranger: nothing
    """

    def form(self, people):
        return {
            "id_card_no": self.worker.id_card_no,
            "aided_on": "2026-03-02",
            "legal_aid_form": "arbitration",
            "cause": "work_injury",
            "case_summary": "工伤认定后单位拒付医疗费",
            "handler": people.name("female"),
        }

    def test_an_archive_with_legal_aid_is_not_deleted(self, country, people):
        """AID-R140."""
        self.make(country, people)
        who = country.actor("dewai_clerk")
        with country.acting(who) as session, pytest.raises(Refused, match="法律援助"):
            saving.delete(session, session.get_one(Archive, self.worker.id), who)

    def test_the_file_shows_its_legal_aid_in_a_tab(self, login, country, people):
        """AID-R067."""
        self.make(country, people)
        answer = login("dewai_clerk").get(f"/archive/show/{self.worker.id}?tab=legal_aid")
        assert "工伤认定后单位拒付医疗费" in words_of(answer.text)

    def test_who_has_no_file_gets_one_first(self, login, people):
        """AID-R139: as for aid, an unknown number leads to a new file and from there to the case."""
        clerk = login("dewai_clerk")
        form = clerk.form("/legal_aid/add").fill({"id_card_no": people.person("male", 40)["id_card_no"]})
        answer = clerk.submit(form)
        assert answer.status_code == 200
        assert "保存后接着填写法律援助信息" in words_of(answer.text)
        assert "保存档案，填写法律援助" in words_of(answer.text)
