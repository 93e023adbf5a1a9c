"""From a file to an aid: the button on its page (AID-R055); and on from a file that was made for an aid or the like (AID-R118)."""

from __future__ import annotations

from typing import Any

from flask import current_app, request, url_for
from flask_babel import lazy_gettext as _

from app.kit.pages import Action, FormPage
from app.kit.scope import Actor
from app.views.archive.entrance import Entrance

AID = "aid"


class Aiding:
    """What the pages of archives have for who may give aid."""

    def more_actions(self: Any, record: Any, actor: Actor) -> list[Action]:
        """增加帮扶救助信息, for a file that has been saved and is one still."""
        made: list[Action] = super().more_actions(record, actor)  # type: ignore[misc]
        if actor.may("write", AID) and not record.merged_into_id:
            url = url_for("aid.add", archive_id=record.id)
            made.append(Action("aid", _("增加帮扶救助信息"), url, "heart-handshake"))
        return made

    def landing(self: Any, record: Any) -> str:
        """A file that was made for something else leads on to it."""
        onward = _onward()
        return str(onward.url("first", archive_id=record.id) if onward else super().landing(record))  # type: ignore[misc]

    def dress(self: Any, page: FormPage, record: Any, typed: Any) -> None:
        """Its form goes on to that, and nowhere else."""
        super().dress(page, record, typed)  # type: ignore[misc]
        if onward := _onward():
            self.leads_on(page, onward)

    def leads_on(self: Any, page: FormPage, onward: Any) -> None:
        """One button: what comes next is what the file is made for."""
        label = _("保存档案，填写%(deed)s", deed=onward.deed)
        page.buttons = [Action("save", label, "", "device-floppy", "post", primary=True)]
        page.back_url = onward.url("add")


def _onward() -> Any:
    """The view of what a new file is made for, as its address says; None for a file of its own."""
    view = current_app.extensions["views"].get(request.args.get("then", ""))
    return view if isinstance(view, Entrance) else None
