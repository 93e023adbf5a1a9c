"""有问题档案管理: the files of an older system that cannot be reported yet, and how each is put right (SM-AID-04)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask_appbuilder.baseviews import expose
from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement, or_

from app.kit import claims
from app.kit.access import needs
from app.kit.declaration import Shelf, Shown
from app.kit.errors import Problem
from app.kit.face import render
from app.kit.module import Entry
from app.kit.pages import Chip, Crumb, Fault, FaultBox, Page
from app.kit.scope import Actor
from app.kit.sheetpage import crumbs
from app.models.archive import Archive
from app.models.archive.lists import in_normal_lists, is_formal, is_migrant, is_temporary
from app.models.archive.lookup import find_anywhere
from app.models.archive.problems import PROBLEM_FLAGS, in_the_way, is_flagged

if TYPE_CHECKING:
    from app.views.archive import ArchiveView

#: flag → what to do
MENDING = {
    "duplicate_id": _("改正号码，或合并、删除一份"),
    "bad_id": _("照身份证改正号码"),
    "incomplete": _("补齐必填内容"),
    "family_size": _("改家庭人口或成员"),
}
COLUMNS = (
    "archive_no",
    "full_name",
    "problems",
    "how_to_mend",
    "created_at",
    "report_state",
)
ADVICE = _(
    "这些档案暂时不能上报。点行尾的「编辑」改正并保存，可以分几次改；最后一个问题改好，就不再列在这里。"
)


def problem_chips(archive: Archive) -> list[Chip]:
    """The flags in the order of the spec."""
    return [Chip(PROBLEM_FLAGS[flag], "red") for flag in archive.problem_flags or ()]


def how_to_mend(archive: Archive) -> str:
    """What to do about each flag."""
    return "；".join(str(MENDING[flag]) for flag in archive.problem_flags or ())


SHOWN = {
    "problems": Shown(
        _("问题"), lambda one: "、".join(str(chip.text) for chip in problem_chips(one)), problem_chips
    ),
    "how_to_mend": Shown(_("如何改正"), how_to_mend, is_elastic=True),
}


def is_formal_or_unsaid() -> ColumnElement[bool]:
    """困难职工档案, and those whose 困难类别 is missing: else they would stand in no list at all."""
    return or_(is_formal(), Archive.hardship_category.is_(None))


def _base() -> list[ColumnElement[bool]]:
    return [in_normal_lists(), is_flagged()]


def _shelf(name: str, label: Any, where: Any, steps: tuple[str, ...]) -> Shelf:
    return Shelf(
        name,
        label,
        where,
        base=_base,
        is_own=True,
        steps=steps,
        can_delete=True,
        columns=COLUMNS,
        advice=ADVICE,
        help="problem_help",
        empty_words=_("本单位没有这样的有问题档案。"),
    )


SHELVES = (
    _shelf("faulty", _("有问题的困难职工档案"), is_formal_or_unsaid, ("deactivate",)),
    _shelf("faulty_migrant", _("有问题的农民工档案"), is_migrant, ("deactivate",)),
    _shelf("faulty_temporary", _("有问题的临时救助档案"), is_temporary, ()),
)

ENTRY = Entry(
    _("有问题档案管理"),
    entries=(
        Entry(_("困难职工档案"), "list", (("shelf", "faulty"),)),
        Entry(_("农民工档案"), "list", (("shelf", "faulty_migrant"),)),
        Entry(_("临时救助档案"), "list", (("shelf", "faulty_temporary"),)),
    ),
)


def box_of(view: ArchiveView, archive: Archive, actor: Actor) -> FaultBox | None:
    """Every problem of a flagged file: in which field of whom, and the way out."""
    if not archive.is_faulty:
        return None
    others = in_the_way(archive)
    faults = [_fault(view, archive, problem, others, actor) for problem in archive.faults()]
    if actor.may("write", view.resource) and view.refusal(archive, "edit", actor) is None:
        for fault in faults:
            fault.edit_url = f"{view.url('edit', pk=archive.id)}#f-{fault.anchor}"
    title = (
        _("有问题档案，改正后才能上报")
        if faults
        else _("问题都已改正：打开「编辑」再保存一次，就不再是有问题档案")
    )
    return FaultBox(title, faults, view.url("problem_help", shelf="faulty"), _("怎样改正"))


def _fault(
    view: ArchiveView,
    archive: Archive,
    problem: Problem,
    others: dict[str, tuple[int, str]],
    actor: Actor,
) -> Fault:
    child, _dot, rest = problem.field.partition(".")
    person: Any = archive
    who = _("户主")
    name = child
    if rest:
        index, _dot, name = rest.partition(".")
        person = getattr(archive, child)[int(index)]
        who = _("家庭成员「%(name)s」", name=person.full_name or _("第%(n)s行", n=int(index) + 1))
    field = type(person).fields().get(name)
    where = f"{who} {field.label}" if field else str(who)
    fault = Fault(where, problem.words, anchor=problem.field.replace(".", "-"))
    if name == "id_card_no" and person.id_card_no:
        other = others.get(claims.id_key(person.id_card_no))
        if other:
            _show_way_out(view, fault, find_anywhere(view.session, other[0]), actor)
        else:
            fault.advice = MENDING["bad_id"]
    elif name == "household_size" and person.household_size is not None:
        fault.advice = _(
            "现在填的是%(said)s，表里有%(n)s名成员，连同户主应为%(all)s",
            said=archive.household_size,
            n=len(archive.family_members),
            all=len(archive.family_members) + 1,
        )
    return fault


def _show_way_out(view: ArchiveView, fault: Fault, other: Archive, actor: Actor) -> None:
    """Which file has the number too, and who can do something about it (AID-R088)."""
    unit = other.owner_unit
    is_ours = other.owner_path == actor.path
    if actor.may("merge", view.resource) and actor.sees_unit(other.owner_path):
        fault.advice = _(
            "同一个人的，用「合并重复档案」合并；号码填错的，改正号码。另一份是%(unit)s的%(no)s",
            unit=unit.name,
            no=other.archive_no,
        )
        fault.url, fault.url_label = view.url("merge_duplicates"), _("合并重复档案")
    elif is_ours:
        fault.advice = _(
            "另一份也是本单位的（%(no)s）：号码填错的，改正号码；同一个人的，注销或删除一份，或请本单位用户管理员合并",
            no=other.archive_no,
        )
        fault.url, fault.url_label = view.url("show", pk=other.id), _("打开另一份")
    else:
        fault.advice = _(
            "另一份是%(unit)s的%(no)s。先核对号码；确是同一个人的，请与该单位联系（电话%(phone)s），或由共同上级的用户管理员合并",
            unit=unit.name,
            no=other.archive_no,
            phone=unit.office_phone or unit.leader_phone or _("未登记"),
        )


class ProblemPages:
    """The page that says how the four problems are mended (AID Q34)."""

    group_label: Any
    list_title: Any

    @expose("/problems/help")
    @needs("read")
    def problem_help(self) -> Any:
        """有问题档案的解决方法."""
        view: Any = self
        title = _("有问题档案的解决方法")
        page = Page(
            title,
            crumbs=[
                *crumbs(view)[:1],
                Crumb(_("有问题档案管理"), view.url("list", shelf="faulty")),
                Crumb(title),
            ],
        )
        return render("archive/problems.html", page, flags=PROBLEM_FLAGS)
