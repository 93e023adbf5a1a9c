"""Fields: how a value is typed, read, judged, shown and told over REST, one class a kind.

A model does not make them itself; :mod:`app.kit.columns` has a word for each.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from flask_babel import lazy_gettext as _

from app.kit import codes, identity

#: a column rule looks at one value and returns words, or nothing
ColumnRule = Callable[[Any], Any]

#: what no database or no Word file keeps
FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


class Wrong(ValueError):
    """A typed value cannot be understood; the argument is the words."""


def clean(raw: Any) -> str:
    """Typed text without surrounding blanks. Raises Wrong for what no database keeps (NUL, lone surrogates)."""
    if isinstance(raw, bool) or not isinstance(raw, str | int | float | Decimal):
        raise Wrong(_("内容的类型不对"))
    text_ = str(raw)
    if FORBIDDEN.search(text_):
        raise Wrong(_("含有无法保存的字符"))
    return text_.strip()


class Field:
    """One column as a person sees it.

    ``search`` says how a typed text is looked for: ``name`` by pairs of characters and by pinyin, ``start`` by the
    beginning, else anywhere. A field that says so is also what pickers look in.
    """

    kind = "text"
    #: whether a value is chosen among those that are offered, not typed
    is_chosen = False
    align = "left"
    #: conditions of a query panel: "equals", "contains" or "range"
    asked_by = "equals"
    #: whether what a query asks for between two ends includes them, in words
    with_ends = False

    def __init__(  # noqa: PLR0913 - a declaration names what it needs
        self,
        label: Any,
        *,
        required: bool = False,
        rules: Sequence[ColumnRule] = (),
        unit: Any = "",
        hint: Any = "",
        automatic: bool = False,
        default: Any = None,
        wide: bool = False,
        masked: bool = False,
        autofill: str = "",
        search: str = "",
    ) -> None:
        self.name = ""
        self.label, self.required, self.rules = label, required, tuple(rules)
        self.unit, self.hint, self.automatic, self.default = unit, hint, automatic, default
        self.wide, self.masked, self.autofill, self.search = wide, masked, autofill, search

    def parse(self, raw: Any) -> Any:
        """What was typed (a string, or a JSON value) as the value to store. Raises Wrong."""
        return clean(raw) or None

    def read(self, raw: Any) -> Any:
        """`parse`, where nothing typed is nothing stored."""
        return None if raw is None or raw == "" else self.parse(raw)

    def text(self, value: Any) -> str:
        """The value for a reader."""
        return "" if value is None else str(value)

    def short(self, value: Any) -> str:
        """The value in a list."""
        return self.text(value)

    def typed(self, value: Any) -> str:
        """The value as it stands in an input."""
        return self.text(value)

    def json(self, value: Any) -> Any:
        """The value over REST and in a snapshot."""
        return value

    @property
    def missing(self) -> Any:
        """What is said where nothing was typed, or chosen, although something must be."""
        if self.is_chosen:
            return _("请选择%(label)s", label=self.label)
        return _("请填写%(label)s", label=self.label)

    def judge(self, value: Any) -> list[Any]:
        """Every reason why the value is not accepted; empty when it is."""
        if value is None or value == "":
            return [self.missing] if self.required else []
        if not self.rules:
            return []
        return [words for words in (rule(value) for rule in self.rules) if words]

    def retired(self, value: Any, before: Any) -> Any:
        """Why a value that was not there before may not be chosen any more, in words; None when it may."""
        return None

    def schema(self) -> dict[str, Any]:
        """The OpenAPI schema of the value."""
        return {"type": "string", "nullable": not self.required}


class TextField(Field):
    """One line of text, at most ``length`` characters."""

    asked_by = "contains"

    def __init__(self, label: Any, length: int, **more: Any) -> None:
        super().__init__(label, **more)
        self.length = length

    def parse(self, raw: Any) -> Any:
        value = clean(raw)
        if len(value) > self.length:
            raise Wrong(_("最多%(most)s个字，现有%(now)s个字", most=self.length, now=len(value)))
        return value or None

    def schema(self) -> dict[str, Any]:
        return super().schema() | {"maxLength": self.length}


class LongTextField(TextField):
    """Several lines of text."""

    kind = "long_text"


class IdCardField(TextField):
    """A resident identity number, normalised as typed; whether it is right is a rule of the record."""

    kind = "id_card"
    asked_by = "equals"

    def __init__(self, label: Any, **more: Any) -> None:
        super().__init__(label, 18, masked=True, **more)

    def parse(self, raw: Any) -> Any:
        if isinstance(raw, float):
            raise Wrong(_("身份证号被存成了数值，末几位已丢失，请按文本重新填写"))
        value = identity.clean(clean(raw))
        if len(value) > self.length:
            raise Wrong(_("身份证号应为18位或15位，现有%(now)s位", now=len(value)))
        return value or None


class CodeField(Field):
    """A stable code of a code table; shown and accepted by label too.

    ``without`` names codes that this field does not take, each with the words why: they are not offered.
    """

    kind = "code"
    is_chosen = True

    def __init__(
        self, label: Any, table: str, *, without: Mapping[str, Any] | None = None, **more: Any
    ) -> None:
        self.table, self.without = table, dict(without or {})
        if self.without:
            more["rules"] = (*more.get("rules", ()), self.without.get)
        super().__init__(label, **more)

    def parse(self, raw: Any) -> Any:
        if isinstance(raw, dict):
            raw = raw.get("code") or raw.get("label") or ""
        value = clean(raw)
        if not value:
            return None
        found = codes.find(self.table, value)
        if found is None:
            raise Wrong(_("「%(value)s」不在代码表中，请从列表选择", value=value[:30]))
        return found.code

    def text(self, value: Any) -> str:
        return codes.full_label(self.table, value)

    def retired(self, value: Any, before: Any) -> Any:
        found = codes.find(self.table, value) if value and value != before else None
        if found is None or found.active:
            return None
        return _("「%(value)s」已停用，请从列表另选", value=found.label)

    def typed(self, value: Any) -> str:
        return value or ""

    def json(self, value: Any) -> Any:
        return None if value is None else {"code": value, "label": codes.label(self.table, value)}

    def schema(self) -> dict[str, Any]:
        return {
            "type": "object",
            "nullable": not self.required,
            "properties": {"code": {"type": "string"}, "label": {"type": "string"}},
        }


class DayField(Field):
    """A date; YYYY-MM-DD, YYYYMMDD and YYYY/MM/DD are understood (AID-R229, unified U16)."""

    kind, align, asked_by = "day", "center", "range"
    _FORM = re.compile(r"(\d{4})[-/.年]?(\d{1,2})[-/.月]?(\d{1,2})日?$")

    def parse(self, raw: Any) -> Any:
        if isinstance(raw, datetime):
            return raw.date()
        if isinstance(raw, date):
            return raw
        match = self._FORM.match(clean(raw))
        try:
            value = date(*map(int, match.groups())) if match else None
        except ValueError:
            value = None
        if value is None:
            raise Wrong(_("日期应写作 2026-03-02 的样子"))
        if not 1850 <= value.year <= 2999:
            raise Wrong(_("日期不合理"))
        return value

    def text(self, value: Any) -> str:
        return value.strftime("%Y-%m-%d") if value else ""

    def json(self, value: Any) -> Any:
        return value.strftime("%Y-%m-%d") if value else None

    def schema(self) -> dict[str, Any]:
        return super().schema() | {"format": "date"}


class MomentField(DayField):
    """A moment kept by the system; asked for, and listed, by its date."""

    kind = "moment"

    def text(self, value: Any) -> str:
        return value.strftime("%Y-%m-%d %H:%M") if value else ""

    def short(self, value: Any) -> str:
        return super().text(value)

    def json(self, value: Any) -> Any:
        return value.isoformat() if value else None


class NumberField(Field):
    """A number with ``scale`` decimals between ``least`` and ``most``.

    A query asks for what lies between two ends; ``with_ends`` says that they belong to it (大于等于, 小于等于).
    """

    kind, align, asked_by = "decimal", "right", "range"

    def __init__(
        self,
        label: Any,
        *,
        scale: int = 0,
        least: Any = 0,
        most: Any = 10**9,
        with_ends: bool = False,
        **more: Any,
    ) -> None:
        super().__init__(label, **more)
        self.scale, self.least, self.most, self.with_ends = scale, least, most, with_ends

    def parse(self, raw: Any) -> Any:
        if isinstance(raw, float) and not math.isfinite(raw):
            raise Wrong(_("请填写数字"))
        typed = clean(repr(raw) if isinstance(raw, float) else raw).replace(",", "").replace("，", "")
        if not re.fullmatch(
            r"[+-]?\d{1,20}(\.\d{0,20})?(e[+-]?\d{1,2})?", typed.translate(_FULL_WIDTH), re.IGNORECASE
        ):
            raise Wrong(_("请填写数字"))
        try:
            value = Decimal(typed.translate(_FULL_WIDTH))
        except InvalidOperation:
            raise Wrong(_("请填写数字")) from None
        if value < self.least:
            raise Wrong(_("不能为负") if self.least == 0 else _("不能小于%(least)s", least=self.least))
        if value > self.most:
            raise Wrong(_("数值过大"))
        if value != round(value, self.scale):
            raise Wrong(_("最多%(scale)s位小数", scale=self.scale) if self.scale else _("请填写整数"))
        return int(value) if not self.scale else round(value, self.scale)

    def text(self, value: Any) -> str:
        return "" if value is None else f"{value:.{self.scale}f}" if self.scale else str(value)

    def json(self, value: Any) -> Any:
        return None if value is None else float(value) if self.scale else value

    def schema(self) -> dict[str, Any]:
        return {
            "type": "number" if self.scale else "integer",
            "nullable": not self.required,
            "minimum": self.least,
        }


class CountField(NumberField):
    """A whole number of things."""

    kind = "int"


class MoneyField(NumberField):
    """元 with two decimals; grouped by thousands for a reader (AID-R230)."""

    kind = "money"

    def __init__(self, label: Any, **more: Any) -> None:
        super().__init__(label, scale=2, most=Decimal("999999999999.99"), unit=_("元"), **more)

    def text(self, value: Any) -> str:
        return "" if value is None else f"{value:,.2f}"

    def typed(self, value: Any) -> str:
        return "" if value is None else f"{value:.2f}"


class YesNoField(Field):
    """Yes, no, or not filled in."""

    kind = "yes_no"
    is_chosen = True

    def __init__(self, label: Any, *, words: tuple[Any, Any] = (_("是"), _("否")), **more: Any) -> None:
        super().__init__(label, **more)
        self.words = words

    def parse(self, raw: Any) -> Any:
        if isinstance(raw, dict):
            raw = raw.get("code") or raw.get("label")
        if isinstance(raw, bool):
            return raw
        typed = clean(raw).lower()
        if typed in {"1", "true", "yes", "y", "on", "是", "有", str(self.words[0])}:
            return True
        if typed in {"0", "false", "no", "n", "off", "否", "非", "无", "没有", str(self.words[1])}:
            return False
        raise Wrong(_("请选择%(yes)s或%(no)s", yes=self.words[0], no=self.words[1]))

    def text(self, value: Any) -> str:
        return "" if value is None else str(self.words[0] if value else self.words[1])

    def typed(self, value: Any) -> str:
        return "" if value is None else "1" if value else "0"

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean", "nullable": not self.required}


class ChoicesField(Field):
    """Some of a few named things, ticked in check boxes; ``offers`` gives them as (code, label), in order.

    ``nothing`` is what a reader sees where none is chosen, e.g. 全部.
    """

    kind = "choices"
    is_chosen = True

    def __init__(
        self,
        label: Any,
        offers: Callable[[], Sequence[tuple[str, Any]]],
        *,
        nothing: Any = "",
        **more: Any,
    ) -> None:
        super().__init__(label, wide=True, **more)
        self.offers, self.nothing = offers, nothing

    def parse(self, raw: Any) -> Any:
        """Codes or labels, as a list or as one string with commas; kept as codes in the order of the offer."""
        known = self.offers()
        codes_of = {str(label): code for code, label in known} | {code: code for code, _label in known}
        wanted = set()
        for one in raw if isinstance(raw, list) else re.split("[,，、]", clean(raw)):
            name = clean(one.get("code") or one.get("label") or "" if isinstance(one, dict) else one)
            if name and name not in codes_of:
                raise Wrong(_("没有「%(value)s」这一项，请从列表勾选", value=name[:30]))
            wanted.add(codes_of.get(name))
        return [code for code, _label in known if code in wanted] or None

    def _labels(self, value: Any) -> list[tuple[str, str]]:
        known = dict(self.offers())
        return [(code, str(known.get(code, code))) for code in value or ()]

    def text(self, value: Any) -> str:
        return "、".join(label for _code, label in self._labels(value)) or str(self.nothing)

    def typed(self, value: Any) -> Any:
        """Check boxes are typed as a list."""
        return list(value or [])

    def json(self, value: Any) -> Any:
        return [{"code": code, "label": label} for code, label in self._labels(value)]

    def judge(self, value: Any) -> list[Any]:
        if self.required and not value:
            return [_("请至少勾选一项%(label)s", label=self.label)]
        return super().judge(value)

    def schema(self) -> dict[str, Any]:
        return {"type": "array", "items": {"type": "object"}, "nullable": not self.required}


class ReferenceField(Field):
    """Another record, found by search; written as its id. ``shown`` names the relationship to read it by.

    With ``own_unit_only`` a form offers the records of the actor's own unit alone. ``via`` is that relationship where
    it cannot be called as the column is: ``class``.
    """

    kind = "reference"
    is_chosen = True

    def __init__(
        self, label: Any, target: str, *, own_unit_only: bool = False, via: str = "", **more: Any
    ) -> None:
        super().__init__(label, **more)
        self.target, self.own_unit_only, self.via = target, own_unit_only, via

    @property
    def shown(self) -> str:
        """The relationship beside the column: ``owner_unit`` for ``owner_unit_id``."""
        return self.via or self.name.removesuffix("_id")

    def parse(self, raw: Any) -> Any:
        if isinstance(raw, dict):
            raw = raw.get("id")
        typed = clean(raw)
        if not re.fullmatch(r"[0-9]{1,10}", typed) or int(typed) >= 2**31:
            raise Wrong(_("请从列表选择"))
        return int(typed)

    def schema(self) -> dict[str, Any]:
        return {"type": "integer", "nullable": not self.required}


_FULL_WIDTH = str.maketrans("０１２３４５６７８９．－＋", "0123456789.-+")
