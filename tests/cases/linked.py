"""What every record that hangs on an archive promises beside the others: its worker is looked up, never typed again."""

from __future__ import annotations

import pytest

from app.models.archive import Archive
from tests.cases.records import RecordViewCases
from tests.cases.steps import StepCases


class LookedUpCases(RecordViewCases):
    """`RecordViewCases` of a record type whose form is opened for a worker who has been found."""

    @pytest.fixture(autouse=True)
    def _with_a_worker(self, country, people):
        self.worker = country.make(Archive, people.household(), "dewai")

    def page(self, rest_of_url):
        """The form of a new record is one of a worker who has been found."""
        return super().page(f"add?archive_id={self.worker.id}" if rest_of_url == "add" else rest_of_url)

    def derived_free(self, names):
        """The number comes with the worker."""
        return [name for name in names if name != "id_card_no"]

    def nothing_lost(self, page, typed):
        """The number stands there to read, with its middle hidden."""
        super().nothing_lost(page, {name: value for name, value in typed.items() if name != "id_card_no"})


class LinkedCases(LookedUpCases, StepCases):
    """The same of a record type that is reported: `StepCases`."""
