"""A stored difference in words: what stood before, what stands now, of the record and of its inline rows."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext

from app.kit import columns, richtext
from app.kit.record import Row


def changes(model: type[Row], diff: list[list[Any]]) -> list[tuple[Any, Any, Any]]:
    """A stored difference in words: label, before, after; inline rows are told by what came and went."""
    fields, kin = model.fields(), model.child_classes()
    told: list[tuple[Any, Any, Any]] = []
    for name, before, after in diff:
        if name in kin:
            told += _child_changes(kin[name], before or [], after or [])
        elif name in fields and isinstance(fields[name], columns.RichTextField):
            told.append((fields[name].label, *richtext.changed(before, after)))
        elif name in fields and not isinstance(fields[name], columns.ReferenceField):
            told.append((fields[name].label, json_text(fields[name], before), json_text(fields[name], after)))
    return told


def _child_changes(model: type[Row], before: list[Any], after: list[Any]) -> list[tuple[Any, Any, Any]]:
    old, new = {row.get("id"): row for row in before}, {row.get("id"): row for row in after}
    told: list[tuple[Any, Any, Any]] = []
    for key in {**old, **new}:
        name = (new.get(key) or old[key]).get("full_name") or ""
        if key not in old or key not in new:
            told.append(
                (
                    f"{model.__label__} {name}",
                    "" if key not in old else name,
                    name if key in new else gettext("(已移除)"),
                )
            )
            continue
        told += [
            (
                f"{name} {field.label}",
                json_text(field, old[key].get(field_name)),
                json_text(field, new[key].get(field_name)),
            )
            for field_name, field in model.fields().items()
            if old[key].get(field_name) != new[key].get(field_name)
        ]
    return told


def json_text(field: columns.Field, value: Any) -> str:
    """A value as a snapshot keeps it, for a reader."""
    if value is None or value == "":
        return str(gettext("(空)"))
    if isinstance(value, dict):
        return str(value.get("label") or value.get("code") or "")
    if isinstance(value, list):
        return "、".join(json_text(field, one) for one in value) or json_text(field, None)
    if field.kind == "moment":
        return str(value).replace("T", " ")[:16]
    is_plain = isinstance(value, bool) or field.kind in {"money", "decimal", "int", "rich_text"}
    return str(field.text(value) if is_plain else value)
