"""The field of a formatted text: typed in an editor, or as plain lines where no script runs; read as what is safe."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _
from markupsafe import Markup
from sqlalchemy import Text
from sqlalchemy.types import TypeDecorator

from app.kit import richtext
from app.kit.fields import Field, Wrong, clean

#: characters with their marks; as a form sends it, every Chinese character counts nine of Flask's 500,000 bytes
MOST = 50_000


class Html(TypeDecorator[str]):
    """A text that has no order, and no part of which is looked for in the database itself (see `app.kit.fulltext`)."""

    impl = Text
    cache_ok = True

    @property
    def python_type(self) -> type[Any]:
        """None of those that a list can be sorted by."""
        return object


class RichTextField(Field):
    """Paragraphs, headings, lists, tables and links; kept as HTML of few tags."""

    kind = "rich_text"

    def __init__(self, label: Any, length: int = MOST, **more: Any) -> None:
        super().__init__(label, wide=True, **more)
        self.length = length

    def parse(self, raw: Any) -> Any:
        """What is safe of typed HTML; of typed words a paragraph a line."""
        typed = clean(raw)
        self._bear(typed)
        safe = richtext.safe(typed if richtext.is_markup(typed) else richtext.from_plain(typed))
        self._bear(safe)  # a parser reads some tags otherwise than they look
        if richtext.has_too_many_cells(safe):
            raise Wrong(_("表格最多%(most)s个单元格，更大的请作为附件上传", most=richtext.MOST_CELLS))
        made = richtext.clean(safe)
        if len(made) > self.length:
            raise Wrong(self._too_long(len(made)))
        return made or None

    def _bear(self, html: str) -> None:
        """Refuse what would take long to read."""
        if len(html) > 4 * self.length:
            raise Wrong(self._too_long(len(html)))
        if richtext.is_too_deep(html):
            raise Wrong(_("列表、引用或表格套得太深，请清除格式后再粘贴"))
        if richtext.is_too_marked(html):
            raise Wrong(_("粗体、字体等格式层层相套或没有结束，请清除格式后再粘贴"))

    def _too_long(self, now: int) -> Any:
        return _(
            "连同格式最多%(most)s个字符，现有%(now)s个；更长的内容请作为附件上传", most=self.length, now=now
        )

    def text(self, value: Any) -> str:
        """The words alone."""
        return richtext.text_of(value)

    def markup(self, value: Any) -> Markup:
        """What a page shows; judged again, whatever the database holds."""
        return Markup(richtext.clean(value or ""))  # noqa: S704 - made safe just now

    def typed(self, value: Any) -> str:
        """The words as they were typed, where there is nothing but paragraphs; else the HTML."""
        plain = richtext.as_plain(value or "")
        return (value or "") if plain is None else plain

    def json(self, value: Any) -> Any:
        return None if value is None else richtext.clean(value)

    def schema(self) -> dict[str, Any]:
        return super().schema() | {"format": "html", "maxLength": self.length}
