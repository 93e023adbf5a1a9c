"""脱困: the list in which it is filled in, what its dialog shows, and the offer to put the file aside (AID-R125, R130)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import flash
from flask_babel import gettext
from flask_babel import lazy_gettext as _

from app.kit.declaration import Shelf
from app.kit.face import leave
from app.kit.forms import read_view
from app.kit.pages import Action, DialogPage, FieldView, SheetPage
from app.kit.scope import Actor
from app.models.aid import Aid
from app.models.archive import Archive
from app.views.aid.lists import measures_of
from app.views.archive.entrance import archives

#: what of the aid has to be known to fill in how the worker has left hardship (3.11)
KNOWN = (
    "full_name",
    "id_card_no",
    "aid_category",
    "aid_date",
    "is_aided",
    "total_amount",
    "measure_detail",
    "not_aided_reason",
    "remarks",
)

SHELF = Shelf(
    "exit",
    _("填写脱困信息"),
    is_own=True,
    steps=("record_exit",),
    columns=(
        "archive_no",
        "full_name",
        "aid_category",
        "aid_date",
        "measures_text",
        "total_amount",
        "is_out_of_hardship",
        "exit_method",
        "exit_date",
        "report_state",
    ),
    advice=_("点行尾的「填写脱困信息」，填写脱困方式和日期；已上报的帮扶信息也可以填写。"),
    empty_words=_("本单位还没有帮扶救助信息，无须填写脱困信息。"),
)


def file_to_leave(aid: Aid, actor: Actor) -> Archive | None:
    """The file that may be put aside: one's own formal file of a worker out of hardship (AID-R125)."""
    if not aid.is_out_of_hardship or not actor.may("deactivate", Archive.resource()) or aid.archive is None:
        return None
    archive: Archive = aid.archive
    return archive if archive.step_table()["deactivate"].applies(archive, actor) else None


class Leaving:
    """What the pages of aids have of it."""

    def dress_dialog(self: Any, page: DialogPage, records: Sequence[Aid], step: str, actor: Actor) -> None:
        """The aid to read, above the three fields."""
        super().dress_dialog(page, records, step, actor)  # type: ignore[misc]
        if step == "record_exit" and len(records) == 1:
            aid = records[0]
            page.text, page.submit = "", _("保存")
            page.facts = [read_view(aid, name, masked=True) for name in KNOWN]
            page.facts.insert(5, FieldView("measures", _("帮扶措施"), text=measures_of(aid)))

    def more_actions(self: Any, record: Aid, actor: Actor) -> list[Action]:
        """The worker's file, where it is seen, and 注销职工 once he is out of hardship."""
        made: list[Action] = super().more_actions(record, actor)  # type: ignore[misc]
        view = archives()
        if (archive := file_to_leave(record, actor)) is not None:
            step, url = (
                view.steps()["deactivate"],
                f"{view.url('dialog', step='deactivate')}?ids={archive.id}",
            )
            refusal = view.refusal(archive, "deactivate", actor, wide=True)
            made.append(
                Action("deactivate", step.label, url, step.icon, "dialog", refusal=refusal, danger=True)
            )
        if actor.may("read", Archive.resource()) and record.archive is not None:
            made.append(Action("archive", _("查看职工档案"), view.url("show", pk=record.archive_id), "users"))
        return made

    def dress_sheet(self: Any, page: SheetPage, record: Aid, actor: Actor) -> None:
        """Which measures stand in a summary table, and what may be done for who is out of hardship."""
        super().dress_sheet(page, record, actor)  # type: ignore[misc]
        if file_to_leave(record, actor) is not None:
            page.notes.append(_("该职工已脱困，不再需要帮扶的，可以点「注销职工」注销其档案。"))

    def stepped_page(self: Any, records: Sequence[Aid], step: str, actor: Actor) -> Any:
        """After 填写脱困信息 the aid's page, if the file may be put aside there."""
        if step == "record_exit" and file_to_leave(records[0], actor) is not None:
            flash(gettext("保存成功"), "success")
            return leave(self.url("show", pk=records[0].id))
        return super().stepped_page(records, step, actor)  # type: ignore[misc]

    def stepped_json(self: Any, record: Aid, step: str, actor: Actor) -> dict[str, Any]:
        """The same offer over REST."""
        told: dict[str, Any] = super().stepped_json(record, step, actor)  # type: ignore[misc]
        return told | (_offer(record, actor) if step == "record_exit" else {})

    def added_json(self: Any, record: Aid, actor: Actor) -> dict[str, Any]:
        """The offer for who was out of hardship at once."""
        return super().added_json(record, actor) | _offer(record, actor)  # type: ignore[misc, no-any-return]


def _offer(aid: Aid, actor: Actor) -> dict[str, Any]:
    archive = file_to_leave(aid, actor)
    if archive is None:
        return {}
    return {
        "may_deactivate": {
            "archive_id": archive.id,
            "step": "deactivate",
            "message": gettext("该职工已脱困，可以注销其档案"),
        }
    }
