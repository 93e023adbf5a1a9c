"""信访接待: a visitor, what he asks, what was done (REC-14, AID-R137, R138, R141)."""

from __future__ import annotations

import pytest

from app.kit import saving
from app.kit.errors import Invalid
from app.models.archive import Archive
from app.views.petition import PetitionView
from tests.cases.steps import StepCases


class TestPetition(StepCases):
    view = PetitionView
    edit = {"handling": "已转有关部门", "result": "forwarded"}
    wrong = [
        ("visited_on", "2999-01-01", "不能晚于今天"),
        ("visitor_count", "0", "不能小于1"),
        ("closed_on", "2026-03-01", "不能早于来访日期"),
        ("id_card_no", "123", "15位数字"),
    ]
    # AID-R137: the envelope and the delete guards of the archives; AID-R138: the owner edits it in any state
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
        person = people.person("female", 45)
        return {
            "visited_on": "2026-03-02",
            "visitor_name": person["full_name"],
            "gender": "female",
            "id_card_no": person["id_card_no"],
            "channel": "visit",
            "category": "remuneration",
            "content": "单位拖欠两个月工资",
        }

    def test_numbers_run_in_each_unit_and_year(self, country, people):
        made = [self.make(country, people, visited_on=f"{year}-03-02") for year in (2025, 2026, 2026)]
        other = self.make(country, people, "xinjiekou")
        unit_no = made[0].petition_no.removesuffix("20250001")
        assert [one.petition_no.removeprefix(unit_no) for one in made] == ["20250001", "20260001", "20260002"]
        assert other.petition_no.endswith("20260001")
        assert not other.petition_no.startswith(unit_no)

    def test_who_has_a_file_is_linked_and_what_is_left_empty_comes_from_it(self, country, people):
        file = country.make(Archive, people.household(), "dewai")
        seen = self.make(country, people, id_card_no=file.id_card_no)
        assert (seen.archive_id, seen.phone, seen.employer_name) == (file.id, file.phone, file.employer_name)
        far = self.make(country, people, self.stranger, id_card_no=file.id_card_no)
        assert (far.archive_id, far.phone) == (file.id, None)

    def test_a_petition_lets_its_archive_go(self, country, people):
        """AID-R061 names aid, talent and legal aid; a petition stays without the file."""
        file = country.make(Archive, people.household(), "dewai")
        petition = self.make(country, people, id_card_no=file.id_card_no)
        with country.acting(country.actor("dewai_clerk")) as session:
            saving.delete(session, session.get_one(Archive, file.id), country.actor("dewai_clerk"))
            session.commit()
        assert country.again(petition).archive_id is None

    def test_many_who_come_together_are_five_at_least(self, country, people):
        """REC-14 #15."""
        with pytest.raises(Invalid, match="5人以上"):
            self.make(country, people, is_collective=True, visitor_count=4)
        assert self.make(country, people, is_collective=True, visitor_count=5).visitor_count == 5

    def test_the_receiver_is_who_writes_unless_another_is_named(self, country, people):
        clerk = country.actor("dewai_clerk").name
        assert self.make(country, people).receptionist == clerk
        assert self.make(country, people, receptionist="值班员").receptionist == "值班员"
