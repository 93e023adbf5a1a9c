"""One record as a page to read: its sections, what may be done to it, and what became of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from flask import jsonify
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.kit import attachments, audit, codes, columns, identity, linked, reviewpage
from app.kit.changes import changes, json_text
from app.kit.errors import Missing
from app.kit.forms import read_sections
from app.kit.history import RecordVersion, Snapshot
from app.kit.pages import Action, AttachedFile, AttachmentBox, Crumb, HistoryLine, Option, SheetPage, Tab
from app.kit.question import unit_class
from app.kit.record import Row
from app.kit.scope import Actor, door

if TYPE_CHECKING:
    from app.kit.view import RecordView

#: what other parts of the house put behind the tabs of any record's page
BESIDE: list[Callable[[Any, Any, Actor], list[Tab]]] = []


def build(view: RecordView, session: Session, record: Any, actor: Actor, tab: str) -> SheetPage:
    """The record's page; ``tab`` is empty for the record itself, or ``history``."""
    page = SheetPage(record.title, crumbs=crumbs(view, record.title))
    page.chips = view.chips(record, actor)
    page.subtitle = record.owner_unit.full_name if view.is_owned else ""
    page.actions = actions(view, record, actor)
    page.since = reviewpage.since(record, actor)
    page.tabs = tabs(view, record, actor, tab, with_since=bool(page.since))
    page.since_url = next((one.url for one in page.tabs if one.key == "since"), "")
    opened = next(one.key for one in page.tabs if one.active)
    page.counts_url = tabs_url(view, record, actor, opened)
    page.linked = linked.tab(view, session, record, actor, opened) or view.own_tab(record, actor, opened)
    if page.linked:
        return page
    page.points = reviewpage.points(view, session, record, actor) if opened != "history" else None
    if opened == "since":
        return page
    if opened == "history":
        page.history = history_of(session, record)
        return page
    page.faults = view.faults(record, actor)
    page.sections = read_sections(record, view.sheet, masked=True, reveal=view.url("reveal", pk=record.id))
    if view.has_attachments:
        page.attachments = files_of(view, session, record, actor)
    page.footer = [
        (_("录入日期"), type(record).fields()["created_at"].text(record.created_at)),
        (
            _("最后修改"),
            f"{record.updated_by_name or ''} {record.updated_at.strftime('%Y-%m-%d %H:%M') if record.updated_at else ''}",
        ),
    ]
    page.linked = linked.beside(view, session, record, actor)
    view.dress_sheet(page, record, actor)
    return page


def tabs(view: RecordView, record: Any, actor: Actor, opened: str, *, with_since: bool) -> list[Tab]:
    """The record itself, what changed, what hangs on it, its history; one of them is open."""
    here = view.url("show", pk=record.id)
    made = [Tab("", view.model.__label__, here)]
    made += [Tab("since", _("与上次上报相比"), f"{here}?tab=since")] if with_since else []
    made += linked.tabs(view, record, actor) + view.own_tabs(record, actor)
    made.append(Tab("history", _("历史信息"), f"{here}?tab=history"))
    made += [one for more in BESIDE for one in more(view, record, actor)]
    next((tab for tab in made if tab.key == opened), made[0]).active = True
    return made


def tabs_url(view: RecordView, record: Any, actor: Actor, opened: str) -> str:
    """Where the tabs are with their numbers; nowhere when there is nothing to count."""
    if not linked.links_to(view, actor):
        return ""
    where = view.url("tabs", pk=record.id)
    return f"{where}?tab={opened}" if opened else where


def counted_tabs(view: RecordView, session: Session, record: Any, actor: Actor, opened: str) -> SheetPage:
    """The tabs of a record's page with their numbers."""
    page = SheetPage(record.title)
    page.tabs = tabs(view, record, actor, opened, with_since=bool(reviewpage.since(record, actor)))
    linked.count(view, session, record, actor, page.tabs)
    return page


def crumbs(view: RecordView, *titles: Any) -> list[Crumb]:
    """The path above a page of the module."""
    return [Crumb(view.group_label), Crumb(view.list_title, view.home()), *(Crumb(title) for title in titles)]


def actions(view: RecordView, record: Any, actor: Actor) -> list[Action]:
    """The buttons of the record's page, greyed with the reason where they may not be used now."""
    made = []
    if view.can_edit and view.has_edit_form and actor.may("write", view.resource):
        refusal = view.refusal(record, "edit", actor, wide=True)
        made.append(
            Action("edit", _("编辑"), view.url("edit", pk=record.id), "edit", refusal=refusal, primary=True)
        )
    for step in view.steps().values():
        if actor.may(step.name, view.resource) and step.applies(record, actor):
            url = f"{view.url('dialog', step=step.name)}?ids={record.id}"
            refusal = view.refusal(record, step.name, actor, wide=True)
            made.append(
                Action(
                    step.name,
                    view.step_labels.get(step.name, step.label),
                    url,
                    step.icon,
                    "dialog",
                    step.asked_first,
                    refusal=refusal,
                    danger=step.danger,
                )
            )
    made += view.more_actions(record, actor)
    if view.can_print:
        made.append(Action("print", _("打印"), view.url("print_one", pk=record.id), "printer", new_tab=True))
        made.append(Action("word", _("另存为Word"), view.url("word", pk=record.id), "file-text"))
        made.append(Action("excel", _("另存为Excel"), view.url("excel", pk=record.id), "file-spreadsheet"))
    if view.can_delete and actor.may("write", view.resource):
        refusal = view.refusal(record, "delete", actor, wide=True)
        made.append(view.delete_action(record, refusal))
    return made


def files_of(view: RecordView, session: Session, record: Any, actor: Actor) -> AttachmentBox:
    """The record's files, and the form to add one for who may edit it."""
    may_change = actor.may("write", view.resource) and not view.refusal(record, "edit", actor)
    stored = [
        AttachedFile(
            file.id,
            file.filename,
            "" if view.attachment_kind else codes.label("attachment_type", file.attachment_type),
            _size(file.size),
            f"{file.uploaded_by_name} {file.uploaded_at:%Y-%m-%d %H:%M}",
            view.url("download", pk=record.id, file=file.id),
            view.url("discard_file", pk=record.id, file=file.id) if may_change else "",
        )
        for file in attachments.of(session, view.resource, record.id)
    ]
    offered = [] if view.attachment_kind else codes.values("attachment_type")
    kinds = [Option(value.code, value.label) for value in offered]
    hint = _("jpg、png、pdf、doc、docx、xls、xlsx，每个不超过10MB")
    return AttachmentBox(stored, view.url("attach", pk=record.id) if may_change else "", kinds, hint)


def _size(size: int) -> str:
    return f"{size / 1024:.0f} KB" if size < 1024 * 1024 else f"{size / 1024 / 1024:.1f} MB"


def history_of(session: Session, record: Any) -> list[HistoryLine]:
    """Every change of the record, latest first, with the values before and after."""
    statement = select(RecordVersion).where(
        RecordVersion.record_type == type(record).resource(), RecordVersion.record_id == record.id
    )
    versions = session.scalars(statement.order_by(RecordVersion.id.desc()).limit(200))
    return [
        HistoryLine(
            version.at.strftime("%Y-%m-%d %H:%M"),
            version.account_name,
            version.unit_name,
            step_words(record, version.step),
            version.message or "",
            []
            if version.step == "add"
            else moves(session, version.diff) + changes(type(record), version.diff),
            former(type(record), version.snapshot or {}) if _is_of_another(version) else [],
        )
        for version in versions
    ]


def moves(session: Session, diff: list[list[Any]]) -> list[tuple[Any, Any, Any]]:
    """Whose the record was before a change, where it went to another unit (AID Q12): names only, past the scope."""
    ids = next(((old, new) for name, old, new in diff if name == "owner_unit_id" and old), None)
    if ids is None:
        return []
    unit = unit_class()
    found = session.scalars(
        select(unit).where(unit.id.in_(ids)).execution_options(**door("names of former owners"))
    )
    names = {one.id: one.full_name for one in found}
    return [(_("所属单位"), *(names.get(pk, gettext("(单位已删除)")) for pk in ids))]


def _is_of_another(version: RecordVersion) -> bool:
    """Whether a version keeps a record that was merged into this one, whole."""
    kept = version.snapshot or {}
    return bool(kept.get("id", version.record_id) != version.record_id)


def former(model: type[Row], kept: Snapshot) -> list[tuple[Any, str]]:
    """The content of a record that is no longer: what was filled in, its inline rows, the names of its files."""
    told: list[tuple[Any, str]] = []
    for name, field in model.fields().items():
        value = kept.get(name)
        if value not in (None, "", []) and not isinstance(field, columns.ReferenceField):
            told.append((field.label, _told(field, value)))
    for name, child in model.child_classes().items():
        shown = [(key, field) for key, field in child.fields().items() if not field.automatic]
        for line in kept.get(name) or ():
            words = [_told(field, line[key]) for key, field in shown if line.get(key) not in (None, "")]
            told.append((child.__label__, "，".join(words)))
    if files := kept.get("attachments"):
        told.append((_("附件"), "、".join(files)))
    return told


def _told(field: columns.Field, value: Any) -> str:
    return identity.mask(value) if field.masked and isinstance(value, str) else json_text(field, value)


def step_words(record: Any, step: str) -> Any:
    """What a version was made by."""
    own = {
        "add": _("新增"),
        "edit": _("修改"),
        "delete": _("删除"),
        "merge": _("合并"),
        "attach": _("上传附件"),
        "detach": _("删除附件"),
        "reset_report": _("重置未上报"),
        "recheck": _("重新检查"),
        "export": _("导出"),
    }
    table = record.step_table() if hasattr(record, "step_table") else {}
    return own.get(step) or (table[step].label if step in table else step)


def reveal(view: RecordView, session: Session, record: Any, actor: Actor, name: str) -> Any:
    """The masked value in full, as JSON ``{"text"}``; the look is noted."""
    field = type(record).fields().get(name)
    if field is None or not field.masked:
        raise Missing
    audit.note(session, actor, view.resource, record.id, "reveal", {"field": name})
    session.commit()
    return jsonify(text=record.text(name))
