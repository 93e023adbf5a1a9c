"""The form of an aid: what it begins with, and what of it is to be read only."""

from __future__ import annotations

from typing import Any, ClassVar

from flask_babel import lazy_gettext as _

from app.kit.clock import today
from app.kit.forms import Typed, read_view
from app.kit.pages import Chip, FormPage
from app.kit.scope import Actor
from app.models.aid import Aid
from app.models.aid.checks import MOST_MEASURES
from app.views.archive.entrance import Entrance, fix_worker


class AidEntry(Entrance):
    """The way to an aid, for the view of aids."""

    deed: ClassVar[Any] = _("帮扶")
    give_label: ClassVar[Any] = _("增加新帮扶救助信息")
    give_icon: ClassVar[str] = "heart-handshake"

    def begins(self: Any, actor: Actor) -> Typed:
        """帮扶类别 begins as the archive's 致困主要原因, 帮扶日期 today, one measure to fill in (REC-12)."""
        return {
            "aid_category": self.chosen().main_hardship_cause or "",
            "aid_date": str(today()),
            "measures": [{}],
        }

    def dress(self, page: FormPage, record: Aid, typed: Typed) -> None:
        """The sum, and what stands in a summary table, are to be read only."""
        super().dress(page, record, typed)
        fit(page, record)


def fit(page: FormPage, record: Aid) -> None:
    """The worker and the sum are to be read only; so are measures that stand in a summary table (AID-R129)."""
    fix_worker(page, record)
    for section in page.sections:
        for one in section.fields:
            if one.name == "total_amount":
                one.readonly, one.autofill = True, "sum:measures-amount"
        if section.child:
            section.child.most = MOST_MEASURES
            _lock_rows(section.child, record)
            section.child.hint = _("帮扶措施一、二、三：最多三项，帮扶金额是各项之和")


def _lock_rows(table: Any, record: Aid) -> None:
    summarised = {str(line.id): line for line in record.measures if line.is_summarised}
    for row in table.rows:
        if line := summarised.get(row.id):
            row.fixed = True
            for one in row.fields:
                one.text = read_view(line, one.name.rpartition("-")[2]).text
                one.readonly, one.shared = True, False
            row.fields[0].chips = [Chip(_("已汇总"), "blue")]
