"""Forms: a declared sheet as a page to fill in, and a posted form as typed values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from flask import url_for
from werkzeug.datastructures import MultiDict

from app.kit import codes, columns, identity, picking
from app.kit.columns import Field
from app.kit.errors import Problem
from app.kit.oneof import OneOfField
from app.kit.pages import ChildRow, ChildTable, FieldView, FormPage, Option, Section
from app.kit.query import code_options
from app.kit.record import Row

#: what was typed: field → text, child → list of such
Typed = dict[str, Any]
#: the numbered parts of a paper form: (label, fields), or (label, name of a child relationship)
Sheet = Sequence[tuple[Any, Sequence[str] | str]]

#: kinds of fields that are check boxes, of which a browser sends only those that are ticked
TICKED = frozenset({"choices", "rights"})

_CHILD = re.compile(r"([a-z_]+)-(\d{1,4})-([a-z_]+)$")


def typed_from(form: MultiDict[str, str], model: type[Row]) -> Typed:
    """A posted form as typed values; inline rows are named ``<child>-<index>-<field>``, blank new ones are left out."""
    fields, kin = model.fields(), model.child_classes()
    typed: Typed = {}
    rows: dict[str, dict[int, Typed]] = {name: {} for name in kin if f"{name}-shown" in form}
    for key in form:
        match = _CHILD.match(key)
        if match and match[1] in kin:
            rows.setdefault(match[1], {}).setdefault(int(match[2]), {})[match[3]] = form[key]
        elif key in fields:
            typed[key] = form.getlist(key) if fields[key].kind in TICKED else form[key]
    for name, field in fields.items():
        if field.kind in TICKED and f"{name}-shown" in form:
            typed.setdefault(name, [])  # every box was unticked
    for name, numbered in rows.items():
        blank = _blank_values(kin[name])
        typed[name] = [
            line for _index, line in sorted(numbered.items()) if line.get("id") or _is_filled(line, blank)
        ]
    if "version" in form:
        typed["version"] = form["version"]
    return typed


def _blank_values(model: type[Row]) -> Typed:
    """What an untouched new row posts: its defaults."""
    return {name: field.typed(field.default) for name, field in model.fields().items()}


def _is_filled(line: Typed, blank: Typed) -> bool:
    return any(str(value).strip() and str(value).strip() != blank.get(name) for name, value in line.items())


def typed_of(row: Row) -> Typed:
    """A stored record as it stands in its form."""
    typed: Typed = {name: field.typed(getattr(row, name)) for name, field in type(row).fields().items()}
    for name in type(row).children:
        typed[name] = [typed_of(child) | {"id": str(child.id)} for child in getattr(row, name)]
    return typed


def sections(
    model: type[Row],
    sheet: Sheet,
    typed: Mapping[str, Any],
    problems: Iterable[Problem] = (),
    row: Row | None = None,
) -> list[Section]:
    """The numbered parts of a form, filled with what was typed and what is wrong with it."""
    wrong: dict[str, list[Any]] = {}
    for problem in problems:
        wrong.setdefault(problem.field, []).append(problem.words)
    made = []
    for number, (label, names) in enumerate(sheet, 1):
        if isinstance(names, str):
            made.append(Section(number, label, child=_child_table(model, names, typed, wrong)))
        else:
            views = [input_view(model.fields()[name], name, typed.get(name), wrong, row) for name in names]
            made.append(Section(number, label, views))
    return made


def _child_table(
    model: type[Row], name: str, typed: Mapping[str, Any], wrong: Mapping[str, list[Any]]
) -> ChildTable:
    cls = model.child_classes()[name]
    fields = {key: field for key, field in cls.fields().items() if not field.automatic}
    rows = [
        ChildRow(
            str(line.get("id") or ""),
            [
                _shared(
                    input_view(
                        field, f"{name}-{index}-{key}", line.get(key), wrong, path=f"{name}.{index}.{key}"
                    )
                )
                for key, field in fields.items()
            ],
        )
        for index, line in enumerate(typed.get(name) or [])
        if isinstance(line, Mapping)
    ]
    blank = [
        input_view(field, f"{name}-__index__-{key}", field.typed(field.default), {})
        for key, field in fields.items()
    ]
    return ChildTable(name, cls.__label__, blank, rows, errors=wrong.get(name, []))


def _shared(view: FieldView) -> FieldView:
    """An input of an inline row: its list stands once, in the blank row, and is copied from there by the page."""
    if view.kind == "code" and not view.picker_url:
        view.shared, view.options = True, [option for option in view.options if option.chosen]
    return view


def input_view(
    field: Field,
    name: str,
    value: Any,
    wrong: Mapping[str, list[Any]],
    row: Row | None = None,
    path: str = "",
) -> FieldView:
    """One input."""
    view = FieldView(
        name,
        field.label,
        field.kind,
        value=value
        if isinstance(value, str)
        else ""
        if value is None or isinstance(value, list)
        else str(value),
        required=field.required,
        wide=field.wide,
        unit=field.unit,
        hint=field.hint,
        autofill=field.autofill,
        max_length=getattr(field, "length", None),
        errors=wrong.get(path or name, []),
        mono=field.masked,
    )
    if isinstance(field, columns.CodeField):
        view.options, view.picker_url = code_options(field.table, view.value)
        if field.without:
            view.options = [option for option in view.options if option.value not in field.without]
        if field.autofill == "gender":
            for option in view.options:
                option.data = {"gender": codes.attribute(field.table, option.value, "default_gender") or ""}
    elif isinstance(field, OneOfField | columns.YesNoField):
        view.kind = "code" if isinstance(field, OneOfField) else field.kind
        offers = _offers(field).items()
        view.options = [Option(code, words, view.value == code) for code, words in offers]
    elif isinstance(field, columns.ChoicesField):
        ticked = value if isinstance(value, list) else []
        view.options = [Option(code, label, code in ticked) for code, label in field.offers()]
    elif isinstance(field, columns.ReferenceField):
        view.picker_url = url_for(f"{field.target}.pick", own="1" if field.own_unit_only else None)
        if view.value and row is not None and str(getattr(row, field.name) or "") == view.value:
            view.options = [Option(view.value, row.text(field.name), chosen=True)]
        elif view.value:
            name = picking.title_of(field.target, view.value)
            view.options = [Option(view.value, name, chosen=True)] if name else []
            view.value = view.value if name else ""
    return view


def only_told(page: FormPage, record: Row, *names: str) -> None:
    """What nobody types stands in the form of a stored record to read, and in that of a new one not at all."""
    is_new = getattr(record, "id", None) is None
    for section in page.sections:
        section.fields = [one for one in section.fields if not (is_new and one.name in names)]
        for one in section.fields:
            if one.name in names:
                one.text, one.readonly, one.required = record.text(one.name), True, False


def _offers(field: OneOfField | columns.YesNoField) -> dict[str, Any]:
    """The few values of a field, each with its words."""
    if isinstance(field, OneOfField):
        return field.words
    return dict(zip(("1", "0"), field.words, strict=True))


def read_view(row: Row, name: str, *, masked: bool = False, reveal_url: str = "") -> FieldView:
    """One value to read; a masked number shows its ends only."""
    field = type(row).fields()[name]
    text = row.text(name)
    if masked and field.masked and text:
        text = identity.mask(text)
    if isinstance(field, columns.RichTextField):
        text = field.markup(getattr(row, name))
    view = FieldView(
        name, field.label, field.kind, text=text, unit=field.unit if text else "", wide=field.wide
    )
    view.mono = field.masked
    view.reveal_url = reveal_url if masked and field.masked and getattr(row, name) else ""
    return view


def read_sections(row: Row, sheet: Sheet, *, masked: bool = False, reveal: str = "") -> list[Section]:
    """The numbered parts of a record to read."""
    made = []
    for number, (label, names) in enumerate(sheet, 1):
        if isinstance(names, str):
            cls = type(row).child_classes()[names]
            shown = [name for name, field in cls.fields().items() if not field.automatic]
            blank = [FieldView(name, cls.fields()[name].label, cls.fields()[name].kind) for name in shown]
            rows = [
                ChildRow(str(child.id), [read_view(child, name, masked=masked) for name in shown])
                for child in getattr(row, names)
            ]
            made.append(Section(number, label, child=ChildTable(names, cls.__label__, blank, rows)))
        else:
            views = [
                read_view(row, name, masked=masked, reveal_url=f"{reveal}?field={name}" if reveal else "")
                for name in names
            ]
            made.append(Section(number, label, views))
    return made


def plain(words: Iterable[Any]) -> list[str]:
    """Words as strings, each once, in order."""
    return list(dict.fromkeys(str(word) for word in words))


def value_at(typed: Mapping[str, Any], path: str) -> str:
    """What was typed at a problem's path: ``name``, or ``child.index.name``."""
    child, _dot, rest = path.partition(".")
    if not rest:
        return str(typed.get(path) or "")
    index, _dot, name = rest.partition(".")
    rows = typed.get(child) or []
    return str(rows[int(index)].get(name) or "") if index.isdigit() and int(index) < len(rows) else ""
