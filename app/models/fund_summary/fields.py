"""A year, and ids as the steps of a table ask for them."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _

from app.kit.fields import CountField, Field, ReferenceField, Wrong, clean

#: amounts put in by one call; the step can be repeated without end (AID-R191)
MOST_AT_ONCE = 1000


class YearField(CountField):
    """A year: asked for as it is, no number of things."""

    align, asked_by = "center", "equals"


class IdsField(Field):
    """Ids, as a list or as one text with commas; each is kept once, in order."""

    kind = "text"

    def parse(self, raw: Any) -> list[int] | None:
        """Raises Wrong for what is no list of ids, and for too many."""
        parts = raw if isinstance(raw, list) else clean(raw).split(",")
        one = ReferenceField(self.label, "aid_measure")
        ids = sorted({one.parse(part) for part in parts if part not in ("", None)})
        if len(ids) > MOST_AT_ONCE:
            raise Wrong(_("一次最多插入%(most)s笔，请分几次办理", most=MOST_AT_ONCE))
        return ids or None

    def text(self, value: Any) -> str:
        return ",".join(map(str, value or ()))

    def schema(self) -> dict[str, Any]:
        return {"type": "array", "items": {"type": "integer"}, "maxItems": MOST_AT_ONCE}
