"""Who holds a number: the look-up while it is typed, the file of another unit to read, what may be done to it.

A file out of scope is opened by a pass only: signed, given to the account that knew the number, good for an hour. So
nobody leafs through the country by ids, and no number stands in an address. Every look is noted (AID Q32).
"""

from __future__ import annotations

from typing import Any

from flask import current_app, flash, jsonify, request
from flask_appbuilder.baseviews import expose
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from itsdangerous import BadData, URLSafeTimedSerializer
from sqlalchemy.orm import Session

from app.kit import anywhere, columns, identity, scope
from app.kit.access import needs, require, writes
from app.kit.apidoor import secured
from app.kit.clock import today
from app.kit.errors import Invalid, Missing, Problem, Refused
from app.kit.face import leave, render
from app.kit.forms import Sheet, input_view, read_sections
from app.kit.pages import Action, Chip, DialogPage, FieldView, FormPage, Section, SheetPage
from app.kit.scope import Actor
from app.kit.sheetpage import crumbs
from app.kit.workflow import Step
from app.models.archive import Archive
from app.models.archive.lists import TEMPORARY
from app.models.archive.lookup import find_whole, holding
from app.models.unit import full_names
from app.views.archive.conflict import holder_of, told_of, way_out

#: a pass is good for so long
SECONDS = 3600
#: a telephone number shorter than this is hidden whole
LONG_ENOUGH = 8


def mask_phone(text: str) -> str:
    """A telephone number with its middle hidden."""
    return f"{text[:3]}****{text[-4:]}" if len(text) >= LONG_ENOUGH else "*" * len(text)


def full_name(session: Session, archive: Archive) -> str:
    """The owner from the root down."""
    return "->".join(full_names(session, [archive.owner_path])[archive.owner_path])


def pass_to(archive: Archive, who: Actor) -> str:
    """What opens a file to an account that knew its number."""
    return str(_passes().dumps([archive.id, who.account_id]))


def opened(session: Session, token: str, who: Actor) -> Archive:
    """The file that the pass opens to this account, with its family. Raises Missing."""
    try:
        pk, account = _passes().loads(token, max_age=SECONDS)
    except (BadData, ValueError, TypeError):
        pk = account = 0
    archive = find_whole(session, pk) if account == who.account_id else None
    if archive is None:
        raise Missing(_("这个链接已失效，请重新查询身份证号"))
    return archive


def masked_sections(
    archive: Archive, sheet: Sheet, who: Actor, owner: str, reveal: str = ""
) -> list[Section]:
    """A file to read, with whom to ask about it; out of scope its telephone number is masked too (AID Q32)."""
    made = [_contact(archive, owner), *read_sections(archive, sheet, masked=True, reveal=reveal)]
    is_near = archive.is_seen_by(who)
    for number, section in enumerate(made, 1):
        section.number = number
        for one in section.fields:
            if one.name == "phone" and not is_near:
                one.text = mask_phone(str(one.text))
    return made


class Holder:
    """The routes, for the view of archives."""

    def holder_url(self: Any, archive: Archive, who: Actor) -> str:
        """The address under which this account may read a file that is not in its scope."""
        return str(self.url("holder", token=pass_to(archive, who)))

    def dress(self: Any, page: FormPage, record: Any, typed: Any) -> None:
        """A number is looked up as soon as it is typed."""
        super().dress(page, record, typed)  # type: ignore[misc]
        page.lookup_url = f"{self.url('look_up')}?but={record.id or ''}"

    @expose("/lookup", methods=["POST"])
    @needs("write")
    def look_up(self: Any) -> Any:
        """Whether a number that was just typed is taken: the dialog of a conflict, or nothing."""
        number, but = _typed(request.form.get("number", "")), request.args.get("but", "")
        if identity.fault(number, today()):
            return "", 204
        mine = int(but) if but.isascii() and but.isdigit() and len(but) <= 10 else None
        holder = holder_of(self.session, number, mine)
        if holder is None:
            return "", 204
        told, found = told_of(self, *holder), {holder[0].id: holder[1]}
        anywhere.note(self.session, scope.actor(), self.resource, found)
        return render("kit/_conflict.html", conflict=told)

    @expose("/holder/<token>")
    @needs("read")
    @writes
    def holder(self: Any, token: str) -> Any:
        """A file to read, with what may be done to it from here."""
        pk = self._by_pass(token).id
        anywhere.note(self.session, scope.actor(), self.resource, {pk: "read"})
        return render("kit/sheet.html", self._holder_page(self._by_pass(token), scope.actor(), token))

    @expose("/holder/<token>/<step>", methods=["GET", "POST"])
    @needs("read")
    def take(self: Any, token: str, step: str) -> Any:
        """恢复困难职工 or 转为困难职工: what it asks, and the deed."""
        found = self.steps().get(step)
        if found is None or found.by_number is None:
            raise Missing
        require(scope.actor(), step, self.resource)
        archive = self._by_pass(token)
        if request.method == "GET":
            return render("kit/dialog.html", self._dialog(archive, found, token, {}, []))
        asked = {ask.name: request.form.get(ask.name, "") for ask in found.asks}
        return self._taken(archive, found, token, asked)

    def _taken(self: Any, archive: Archive, step: Step, token: str, asked: dict[str, str]) -> Any:
        number, former = archive.id_card_no, archive.archive_no
        asked_for = asked | {"id_card_no": number}
        try:
            done = anywhere.take(self, self.session, step.name, scope.actor(), asked_for)
        except (Invalid, Refused, Missing) as why:
            self.session.rollback()
            archive, problems = self._by_pass(token), getattr(why, "problems", [])
            page = self._dialog(archive, step, token, asked, problems)
            page.refused = page.refused or ([] if problems else [(archive.title, why.words)])
            return render("kit/dialog.html", page), why.status
        url, now = self.url("show", pk=done.id), done.archive_no
        flash(str(step.success), "success")
        if now != former:
            flash(gettext("职工编号%(old)s在本单位已有人用，改为%(new)s", old=former, new=now), "warning")
        return leave(url)

    def _by_pass(self: Any, token: str) -> Archive:
        """The file that the pass opens to this account, with its family. Raises Missing."""
        return opened(self.session, token, scope.actor())

    def _holder_page(self: Any, archive: Archive, who: Actor, token: str) -> SheetPage:
        page = SheetPage(archive.title, crumbs=crumbs(self, archive.title))
        page.subtitle = full_name(self.session, archive)
        page.chips = [Chip(archive.text("hardship_category"), "blue")]
        if archive.is_cancelled:
            page.chips.append(Chip(_("已注销"), "red"))
        is_ours, is_near = archive.owner_path == who.path, archive.is_seen_by(who)
        page.actions = self._ways(archive, who, token)
        page.notes = [] if page.actions else [way_out(archive, "head", is_ours=is_ours)[1]]
        if not (is_near or page.actions):  # AID-R059
            page.chips.append(Chip(_("只能查看"), "grey"))
        reveal = self.url("reveal", pk=archive.id) if is_near else ""
        page.sections = masked_sections(archive, self.sheet, who, page.subtitle, reveal)
        return page

    def _ways(self: Any, archive: Archive, who: Actor, token: str) -> list[Action]:
        """What may be done from here; nothing at all to another unit's formal file (AID-R059)."""
        made = []
        is_known = not identity.fault(archive.id_card_no or "", today())
        for step in self.steps().values():
            is_open = is_known and step.by_number is not None and who.may(step.name, self.resource)
            if is_open and archive.refusal(step.name, who, wide=False, by_number=True) is None:
                url = self.url("take", token=token, step=step.name)
                why = archive.refusal(step.name, who, by_number=True)
                made.append(
                    Action(step.name, step.label, url, step.icon, "dialog", refusal=why, primary=True)
                )
        if archive.is_seen_by(who):
            made.append(Action("open", _("打开档案"), self.url("show", pk=archive.id), "external-link"))
        return made

    def _dialog(
        self: Any, archive: Archive, step: Step, token: str, asked: dict[str, str], problems: list[Problem]
    ) -> DialogPage:
        page = DialogPage(step.label, url=self.url("take", token=token, step=step.name), submit=step.label)
        page.text = step.confirm
        wrong: dict[str, list[Any]] = {}
        for problem in problems:
            wrong.setdefault(problem.field, []).append(problem.words)
        page.fields = [input_view(ask.field, ask.name, asked.get(ask.name, ""), wrong) for ask in step.asks]
        page.ids = [str(archive.id)]
        why = archive.refusal(step.name, scope.actor(), by_number=True)
        page.refused = [(archive.title, why)] if why else []
        page.next_url = self.url("holder", token=token)
        return page


class HolderApi:
    """The same over REST: ``GET /api/v1/archive/lookup?id_no=`` (spec/unified.md §8)."""

    @expose("/lookup", methods=["GET"])
    @secured("read")
    @writes
    def look_up(self: Any, who: Actor) -> Any:
        """Who holds a number, wherever in the country: few columns, those of others masked."""
        number = _typed(request.args.get("id_no", ""))
        if words := identity.fault(number, today()):
            raise Invalid([Problem("id_no", words)])
        found = holding(self.session, number)
        told = [_json(self.session, archive, role, who) for archive, role in found]
        anywhere.note(self.session, who, self.resource_name, {archive.id: role for archive, role in found})
        return jsonify(count=len(told), result=told)


def _json(session: Session, archive: Archive, role: str, who: Actor) -> dict[str, Any]:
    is_near, unit = archive.is_seen_by(who), archive.owner_unit
    steps = [
        step.name
        for step in archive.step_table().values()
        if step.by_number and role == "head" and who.may(step.name, "archive")
        if archive.refusal(step.name, who, by_number=True) is None
    ]
    return {
        "id": archive.id,
        "role": role,
        "archive_no": archive.archive_no,
        "full_name": archive.full_name,
        "id_card_no": archive.id_card_no if is_near else identity.mask(archive.id_card_no),
        "phone": archive.phone if is_near else mask_phone(archive.phone or ""),
        "archive_kind": archive.archive_kind,
        "is_cancelled": archive.is_cancelled,
        "owner_unit_id": archive.owner_unit_id,
        "owner_unit": full_name(session, archive),
        "owner_phone": unit.office_phone or unit.leader_phone,
        "steps": steps,
    }


def _contact(archive: Archive, path: str) -> Section:
    """The owner, and how to reach him: the contact columns of a unit (AID-R227)."""
    unit = archive.owner_unit
    fields = [FieldView("owner_unit_id", _("所属单位"), text=path, wide=True)]
    names = ("leader_name", "office_phone", "leader_phone", "duty_phone", "email", "address", "postcode")
    fields += [FieldView(name, type(unit).fields()[name].label, text=unit.text(name)) for name in names]
    is_standing = not archive.is_cancelled and archive.hardship_category != TEMPORARY
    return Section(1, _("请与所属单位联系") if is_standing else _("所属单位"), fields)


def _typed(raw: str) -> str:
    try:
        return identity.clean(columns.clean(raw[:40]))
    except columns.Wrong:
        return ""


def _passes() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(str(current_app.secret_key), salt="a file by its number")
