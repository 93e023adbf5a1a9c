"""A field that holds one of a few words which the system itself knows, and which no code table may change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import lazy_gettext as _

from app.kit.fields import Field, Wrong, clean


class OneOfField(Field):
    """One of a few codes; read, over REST too, as a code or by its words: 收入, 支出."""

    kind = "one_of"

    def __init__(self, label: Any, words: Mapping[str, Any], **more: Any) -> None:
        super().__init__(label, **more)
        self.words = dict(words)

    def parse(self, raw: Any) -> Any:
        """The code of what was typed."""
        typed = clean(raw.get("code") or raw.get("label") or "" if isinstance(raw, dict) else raw)
        found = next((code for code, words in self.words.items() if typed in {code, str(words)}), None)
        if typed and found is None:
            known = "、".join(str(words) for words in self.words.values())
            raise Wrong(_("应为%(known)s之一", known=known))
        return found

    def text(self, value: Any) -> str:
        """The words of a code."""
        return str(self.words.get(value, value or ""))

    def typed(self, value: Any) -> str:
        """The code itself."""
        return value or ""

    def json(self, value: Any) -> Any:
        """Code and words."""
        return None if value is None else {"code": value, "label": self.text(value)}

    def schema(self) -> dict[str, Any]:
        """As a code of a table, with the few codes there are."""
        one = {"code": {"type": "string", "enum": list(self.words)}, "label": {"type": "string"}}
        return {"type": "object", "nullable": not self.required, "properties": one}
