"""The files that become one, side by side: every field of each, the persons of all, and what was chosen.

pick-<field>             the id of the file whose value is taken, or ``other`` for what is typed beside it
other-<field>            what is typed
who-<n>, take-<n>        a person, and whether he is carried over; his fields are ``family_members-<n>-<field>``
version-<id>             the file as it was seen
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask import request
from flask_babel import lazy_gettext as _

from app.kit import forms, identity, scope
from app.kit.errors import Problem
from app.kit.forms import Typed
from app.kit.pages import Chip, FieldView, Page
from app.kit.sheetpage import crumbs
from app.models.archive import Archive
from app.models.family_member import FamilyMember
from app.workflows.merging import Chosen

#: the survivor keeps its number; the size follows from the persons
NOT_CHOSEN = frozenset({"archive_no", "household_size"})
#: what a householder's file says of him, as a member's row names it
AS_MEMBER = {
    "full_name": "full_name",
    "gender": "gender",
    "political_status": "political_status",
    "id_card_no": "id_card_no",
    "birth_date": "birth_date",
    "health_status": "health_status",
    "disability_category": "disability_category",
    "personal_monthly_income": "monthly_income",
    "worker_identity": "member_identity",
    "employer_name": "employer_or_school",
}
OTHER = "other"


@dataclass
class FileHead:
    """A column: one of the files."""

    id: int
    title: str
    unit: str
    url: str
    version: int
    chips: list[Chip]
    is_survivor: bool


@dataclass
class Pick:
    """One file's value of a field."""

    value: str
    text: str
    chosen: bool


@dataclass
class MergeRow:
    """One field over all files, and the input for a value that none of them has."""

    name: str
    label: Any
    required: bool
    picks: list[Pick]
    other: FieldView
    is_other: bool
    differs: bool
    unit: Any = ""

    @property
    def is_open(self) -> bool:
        """Whether there is something to decide."""
        return self.differs or self.is_other or bool(self.other.errors or self.other.warnings)


@dataclass
class Person:
    """Somebody of one of the households who may be a member of the merged one."""

    key: str
    name: str
    relation: str
    number: str
    source: Any
    fields: list[FieldView]
    id: str = ""
    taken: bool = True

    @property
    def is_open(self) -> bool:
        """Whether something about him is to be filled in."""
        return self.taken and any(
            one.errors or one.warnings or (one.required and not one.value) for one in self.fields
        )


@dataclass
class MergePage(Page):
    """The decision: fields, persons, and the button."""

    url: str = ""
    files: list[FileHead] = field(default_factory=list)
    sections: list[tuple[Any, list[MergeRow]]] = field(default_factory=list)
    same: list[tuple[Any, list[MergeRow]]] = field(default_factory=list)
    people: list[Person] = field(default_factory=list)
    left_out: list[Any] = field(default_factory=list)
    size: int = 1
    errors: list[Any] = field(default_factory=list)
    warnings: list[Any] = field(default_factory=list)
    back_url: str = ""


def side_by_side(
    view: Any, files: Sequence[Archive], form: Mapping[str, str], problems: Sequence[Problem]
) -> MergePage:
    """The page; ``form`` is empty at first, afterwards nothing that was typed is lost."""
    title, actor = _("选择合并内容"), scope.actor()
    page = MergePage(title, crumbs(view, title), url=request.full_path.rstrip("?"))
    page.files = [
        FileHead(
            file.id,
            file.title,
            file.owner_unit.name,
            view.url("show", pk=file.id),
            file.version,
            view.chips(file, actor),
            file is files[0],
        )
        for file in files
    ]
    told = _Told(problems)
    typed = [forms.typed_of(file) for file in files]
    for label, names in view.sheet:
        if isinstance(names, str):
            continue
        rows = [_row(name, files, typed, form, told) for name in names if name not in NOT_CHOSEN]
        for part, is_open in ((page.sections, True), (page.same, False)):
            if some := [row for row in rows if row.is_open is is_open]:
                part.append((label, some))
    page.people, page.left_out = _people(files, form, told)
    page.size = 1 + sum(person.taken for person in page.people)
    page.errors, page.warnings = told.left(page)
    page.back_url = view.url("merge_duplicates", id_card_no=files[0].id_card_no or "")
    return page


class _Told:
    """What is wrong, by field and by person."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = problems
        self.wrong: dict[str, list[Any]] = {}
        self.doubtful: dict[str, list[Any]] = {}
        for problem in problems:
            found = self.doubtful if problem.warning else self.wrong
            found.setdefault(problem.field, []).append(problem.words)

    def mark(self, view: FieldView, path: str) -> FieldView:
        view.errors, view.warnings = self.wrong.get(path, []), self.doubtful.get(path, [])
        return view

    def left(self, page: MergePage) -> tuple[list[str], list[str]]:
        """Errors that stand beside no field, and the warnings, which are confirmed together."""
        beside = {str(w) for _label, rows in page.sections for row in rows for w in row.other.errors}
        beside |= {str(w) for person in page.people for one in person.fields for w in one.errors}
        errors = forms.plain(p.words for p in self.problems if not p.warning)
        warnings = [] if errors else forms.plain(p.words for p in self.problems if p.warning)
        return [words for words in errors if words not in beside], warnings


def _row(
    name: str, files: Sequence[Archive], typed: Sequence[Typed], form: Mapping[str, str], told: _Told
) -> MergeRow:
    one = Archive.fields()[name]
    chosen = form.get(f"pick-{name}") or str(_default(name, files, typed))
    picks = [Pick(str(file.id), file.text(name), chosen == str(file.id)) for file in files]
    value = form.get(f"{OTHER}-{name}", "")
    other = told.mark(forms.input_view(one, f"{OTHER}-{name}", value, {}), name)
    other.required = False
    is_missing = one.required and not any(given[name] for given in typed)
    return MergeRow(
        name,
        one.label,
        one.required,
        picks,
        other,
        chosen == OTHER,
        len({given[name] for given in typed}) > 1 or is_missing,
        one.unit,
    )


def _default(name: str, files: Sequence[Archive], typed: Sequence[Typed]) -> int | str:
    """The survivor's value; an empty one takes another's, and what nobody has is typed."""
    given = next((file.id for file, values in zip(files, typed, strict=True) if values[name]), None)
    if given is not None:
        return given
    return OTHER if Archive.fields()[name].required else files[0].id


def _people(files: Sequence[Archive], form: Mapping[str, str], told: _Told) -> tuple[list[Person], list[Any]]:
    """Everybody but the householder who stays, each once by number; and who was left out for that."""
    seen, people, left_out = {identity.normal(files[0].id_card_no or "")}, list[Person](), list[Any]()
    typed_again = _typed_again(form)
    taken = 0
    for file in files:
        for key, line, source in _of(file, is_survivor=file is files[0]):
            number = identity.normal(line.get("id_card_no") or "")
            if number and number in seen:
                left_out.append(
                    _("%(name)s（%(file)s）已在其中，只列一次", name=line["full_name"], file=file.title)
                )
                continue
            seen.add(number)
            again = typed_again.get(key)
            is_taken = again is None or again[1]
            shown = line if again is None else again[0] | {"id": line.get("id", "")}
            people.append(_person(key, shown, source, len(people), told, taken if is_taken else None))
            taken += is_taken
    return people, left_out


def _of(file: Archive, *, is_survivor: bool) -> Iterable[tuple[str, Typed, Any]]:
    """The persons of a file: key, fields as typed, and where they come from."""
    if not is_survivor:
        head = forms.typed_of(file)
        line = {theirs: head[mine] for mine, theirs in AS_MEMBER.items()}
        yield f"h{file.id}", line, _("%(file)s的户主", file=file.title)
    for member in file.family_members:
        line = forms.typed_of(member) | ({"id": str(member.id)} if is_survivor else {})
        yield f"m{member.id}", line, _("原有成员") if is_survivor else _("%(file)s的成员", file=file.title)


def _person(key: str, line: Typed, source: Any, number: int, told: _Told, place: int | None) -> Person:
    fields = {name: one for name, one in FamilyMember.fields().items() if not one.automatic}
    views = [
        told.mark(
            forms.input_view(one, f"family_members-{number}-{name}", line.get(name), {}),
            "" if place is None else f"family_members.{place}.{name}",
        )
        for name, one in fields.items()
    ]
    if place is None:
        for view in views:
            view.errors, view.warnings = [], []
    relation = fields["relation"].text(line.get("relation") or None)
    shown = (line.get("full_name") or "", relation, identity.mask(line.get("id_card_no")))
    return Person(key, *shown, source, views, line.get("id") or "", taken=place is not None)


def _numbered(form: Mapping[str, str]) -> list[tuple[int, str]]:
    """Place on the page and key of every person of a sent form."""
    found = [(name.removeprefix("who-"), key) for name, key in form.items() if name.startswith("who-")]
    return sorted((int(n), key) for n, key in found if n.isascii() and n.isdigit() and len(n) < 5)


def _line(form: Mapping[str, str], number: int) -> Typed:
    names = [name for name, one in FamilyMember.fields().items() if not one.automatic]
    return {name: form.get(f"family_members-{number}-{name}", "") for name in names}


def _typed_again(form: Mapping[str, str]) -> dict[str, tuple[Typed, bool]]:
    """Person → what was typed about him, and whether he was ticked."""
    return {key: (_line(form, number), f"take-{number}" in form) for number, key in _numbered(form)}


def chosen_in(form: Any, view: Any, files: Sequence[Archive]) -> Chosen:
    """A sent form as the answers of the step: field by field, the ticked persons, and what was seen."""
    by_id = {str(file.id): file for file in files[1:]}
    chosen = Chosen()
    for _label, names in view.sheet:
        for name in () if isinstance(names, str) else names:
            pick = form.get(f"pick-{name}", "")
            if pick == OTHER:
                chosen[name] = form.get(f"{OTHER}-{name}", "")
            elif pick in by_id:
                chosen[name] = forms.typed_of(by_id[pick])[name]
    own = {f"m{member.id}": str(member.id) for member in files[0].family_members}
    lines = [
        _line(form, number) | ({"id": own[key]} if key in own else {})
        for number, key in _numbered(form)
        if f"take-{number}" in form
    ]
    chosen |= {"family_members": lines, "household_size": len(lines) + 1}
    chosen.versions = {file.id: form.get(f"version-{file.id}") for file in files}
    chosen.confirmed = frozenset(form.getlist("confirmed"))
    return chosen
