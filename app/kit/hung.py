"""Pages of records that stand under another: nothing is added without one above, and what is added to one stays there.

The model says why not (``why_not_add``, ``why_not_under``), and by which column it stands: ``parent_key``.
"""

from __future__ import annotations

from typing import Any

from flask import current_app, request

from app.kit import picking, scope
from app.kit.errors import Refused
from app.kit.forms import Typed
from app.kit.pages import FormPage
from app.kit.scope import Actor


class Hung:
    """The words and the form, for the view of such records; it stands before ``RecordView`` among the bases."""

    def why_not_add(self: Any, actor: Actor) -> Any:
        """The unit needs a record to add to (AID-R142, R154)."""
        return self.model.why_not_add(self.session, actor)

    def why_not_on(self: Any, parent: Any, actor: Actor) -> Any:
        """As the model says."""
        return self.model.why_not_under(parent, actor)

    def new(self: Any) -> Any:
        """A record under the one that the address names. Raises Refused before anything is typed in vain."""
        raw = request.args.get(self.model.parent_key, "")
        given = int(raw) if raw.isascii() and raw.isdigit() and len(raw) < 10 else None
        is_asked = given is not None and request.method == "GET"
        if is_asked and (why := self.why_not_on(self._above().find(given), scope.actor())) is not None:
            raise Refused(why)
        return self.model(**{self.model.parent_key: given})

    def _above(self: Any) -> Any:
        """The view of what these stand under."""
        return current_app.extensions["views"][self.model.fields()[self.model.parent_key].target]

    def dress(self: Any, page: FormPage, record: Any, typed: Typed) -> None:
        """The record above is to be read only once it is given, and that of a part for good."""
        super().dress(page, record, typed)  # type: ignore[misc]  # of the view that this stands before
        name, given = self.model.parent_key, getattr(record, self.model.parent_key)
        if given is None or (record.id is not None and not self.model.stays_under):
            return
        field = self.model.fields()[name]
        if words := picking.title_of(field.target, str(given)):
            for one in (one for section in page.sections for one in section.fields if one.name == name):
                one.text, one.readonly, one.required = words, True, False
            page.back_url = self.landing(record) if record.id is None else page.back_url

    def landing(self: Any, record: Any) -> str:
        """A part stands among the others of its record."""
        if not self.model.stays_under:
            return str(super().landing(record))  # type: ignore[misc]  # as above
        pk = getattr(record, self.model.parent_key)
        return str(self._above().url("show", pk=pk, tab=self.resource))
