"""职工档案: what a clerk sees of a household file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import request
from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement

from app.kit import claims, forms, query, scope
from app.kit.declaration import Shelf
from app.kit.errors import Problem
from app.kit.module import Entry, sweeps
from app.kit.pages import Chip, Conflict
from app.kit.scope import Actor
from app.kit.statistics import Measure, Statistics
from app.kit.view import RecordView
from app.models.archive import (
    MIGRANT,
    PROBLEM_FLAGS,
    REGISTRY,
    TEMPORARY,
    Archive,
    find_anywhere,
    in_normal_lists,
    is_formal,
)
from app.models.assignment import ADMINISTRATION
from app.models.unit import full_names


def is_migrant() -> ColumnElement[bool]:
    """农民工档案: formal files of migrant workers."""
    return is_formal() & (Archive.worker_identity == MIGRANT)


def is_temporary() -> ColumnElement[bool]:
    """临时救助档案."""
    return Archive.hardship_category == TEMPORARY


class ArchiveView(RecordView):
    """The three kinds of archives, in lists of their own."""

    model = Archive
    right = "困难职工档案"
    list_title = _("职工档案")
    columns = (
        "archive_no",
        "full_name",
        "gender",
        "birth_date",
        "home_address",
        "employer_name",
        "main_hardship_cause",
        "created_at",
        "report_state",
    )
    sheet = (
        (
            _("户主基本情况"),
            (
                "hardship_category",
                "archive_no",
                "full_name",
                "id_card_no",
                "gender",
                "birth_date",
                "ethnicity",
                "political_status",
                "worker_identity",
                "health_status",
                "disability_category",
                "marital_status",
                "model_worker_type",
                "phone",
            ),
        ),
        (
            _("工作情况"),
            ("employer_name", "employer_nature", "enterprise_condition", "industry", "work_start_date"),
        ),
        (
            _("家庭情况"),
            (
                "household_size",
                "household_annual_income",
                "personal_monthly_income",
                "household_registration_type",
                "registration_division",
                "housing_type",
                "floor_area",
                "postcode",
                "home_address",
                "is_single_parent",
                "is_zero_employment",
                "has_medical_insurance",
                "has_self_help_capacity",
            ),
        ),
        (_("家庭成员"), "family_members"),
        (_("致困情况"), ("main_hardship_cause", "remarks")),
    )
    conditions = ("archive_no", "full_name", "id_card_no", "employer_name", "hardship_category")
    more_conditions = (
        (
            _("户主情况"),
            (
                "created_at",
                "birth_date",
                query.Choice("kind", _("困难类别合计"), (("formal", _("困难职工"), is_formal),)),
                "gender",
                ("worker_identity", _("职工身份")),
                "ethnicity",
                "political_status",
                "health_status",
                "marital_status",
                "model_worker_type",
            ),
        ),
        (
            _("工作与家庭"),
            (
                "employer_nature",
                "industry",
                "housing_type",
                "household_registration_type",
                ("main_hardship_cause", _("致困原因")),
                ("personal_monthly_income", _("个人月收入")),
                "monthly_income_per_capita",
                "household_size",
                "is_single_parent",
                ("is_zero_employment", _("是否零就业")),
                ("has_medical_insurance", _("是否医保")),
                ("has_self_help_capacity", _("是否有自救能力")),
            ),
        ),
        (
            _("家庭成员（同一名成员须同时符合）"),
            (
                ("family_members.full_name", _("家属姓名")),
                ("family_members.id_card_no", _("家属身份证号")),
                ("family_members.relation", _("家属关系")),
                ("family_members.health_status", _("家属健康状况")),
                ("family_members.member_identity", _("家属身份")),
                ("family_members.political_status", _("家属政治面貌")),
            ),
        ),
    )
    statistics = Statistics(
        dimensions=(
            "gender",
            "political_status",
            "health_status",
            "marital_status",
            "household_registration_type",
            "hardship_category",
            "worker_identity",
            "main_hardship_cause",
        ),
        measures=(Measure("archives", _("职工人数")), Measure("people", _("供养人口数"), "household_size")),
    )
    shelves = (
        Shelf("hardship", _("困难职工档案"), is_formal, add_title=_("新增困难职工档案")),
        Shelf("migrant", _("农民工档案"), is_migrant, {"worker_identity": MIGRANT}, _("新增农民工档案")),
        Shelf(
            "temporary",
            _("临时救助档案"),
            is_temporary,
            {"hardship_category": TEMPORARY},
            _("新增临时救助档案"),
        ),
    )
    carried = ("employer_name",)
    has_attachments = True
    can_import = True
    import_key = _("户主身份证号")
    measure_word = _("户")
    add_label = _("增加新的职工档案")
    delete_label = _("删除选中的职工档案")
    save_label = _("保存当前档案")
    save_more_label = _("保存当前档案,增加新档案")
    step_labels = {"send_back": _("退回职工档案")}
    empty_words = _("还没有职工档案。点击「增加新的职工档案」开始录入；下级单位上报后也会出现在这里。")
    signature = (_("填表人（签字）："), _("审核人（签字）："), _("单位（盖章）："), _("日期：    年  月  日"))

    def may_migrate(self, actor: Actor) -> bool:
        """The administrator of 全总 alone brings the files of the older system."""
        return actor.depth == 1 and ADMINISTRATION in actor.rights

    def label_of(self, name: str) -> Any:
        """The list says 致困原因 (spec 3.1)."""
        return _("致困原因") if name == "main_hardship_cause" else super().label_of(name)

    def base_clauses(self) -> list[ColumnElement[bool]]:
        """Cancelled and merged files are elsewhere (AID-R069)."""
        return [in_normal_lists()]

    def chips(self, record: Any, actor: Actor) -> list[Chip]:
        """State, category, and what is wrong with a file."""
        chips = [*super().chips(record, actor), Chip(record.text("hardship_category"), "blue")]
        if record.is_cancelled:
            chips.append(Chip(_("已注销"), "red"))
        return chips + [Chip(PROBLEM_FLAGS[flag], "red") for flag in record.problem_flags or ()]

    def conflict(self, record: Any, problems: Sequence[Problem]) -> Conflict | None:
        """The file that holds a number already: whose it is and whom to call (AID-R056 – R060)."""
        clashes = [p for p in problems if p.field.endswith("id_card_no") and not p.warning]
        return next((found for clash in clashes if (found := _conflict_of(self, record, clash))), None)

    def more_json(self, record: Any, actor: Actor) -> dict[str, Any]:
        """The derived kind, the problem flags, the household's own number of changes."""
        return {"archive_kind": record.archive_kind, "problem_flags": record.problem_flags or []}


def _conflict_of(view: ArchiveView, record: Any, clash: Problem) -> Conflict | None:
    number = forms.value_at(forms.typed_from(request.form, Archive), clash.field)
    holder = next(iter(claims.holders(view.session, REGISTRY, [number]).values()), None) if number else None
    if holder is None or holder.record_id == record.id:
        return None
    archive = find_anywhere(view.session, holder.record_id)
    unit, is_ours = archive.owner_unit, archive.owner_path == scope.actor().path
    conflict = Conflict(clash.words)
    conflict.title, conflict.advice = _way_out(archive, holder.role, is_ours=is_ours)
    conflict.facts = [
        (_("所属单位"), "->".join(full_names(view.session, [archive.owner_path])[archive.owner_path])),
        (_("职工编号"), archive.archive_no),
        (_("联系电话"), unit.office_phone or unit.leader_phone or _("未登记")),
    ]
    if is_ours and not archive.is_cancelled:
        conflict.url, conflict.url_label = view.url("edit", pk=archive.id), _("打开这份档案")
    elif archive.is_seen_by(scope.actor()):
        conflict.url, conflict.url_label = view.url("show", pk=archive.id), _("查看")
    return conflict


def _way_out(archive: Archive, role: str, *, is_ours: bool) -> tuple[Any, Any]:
    """What kind of conflict it is, and what may be done about it (spec 5.17)."""
    if role == "member":
        return _("已登记为家庭成员"), _(
            "一个人只能登记在一份档案中。请核对号码；确已分户的，请先从那份档案的家庭成员中移除。"
        )
    if archive.is_cancelled:
        return _("档案已注销"), _("该职工的档案已注销，应恢复原档案，不能另建新档。")
    if archive.archive_kind == TEMPORARY:
        return _("已有临时救助档案"), _("该职工已有临时救助档案，应将其转为困难职工，不能另建新档。")
    if is_ours:
        return _("本单位已建档"), _("本单位已有该职工的档案，请打开原档案修改。")
    return _("其他单位已建档"), _("一名职工在全国只有一份档案。如该职工已到本单位，请与所属单位联系。")


def entries(shelf: str, title: Any, noun: Any) -> Entry:
    """The menu of one kind of archives (aid.md 6)."""
    here = (("shelf", shelf),)
    return Entry(
        title,
        entries=(
            Entry(_("%(noun)s列表", noun=noun), "list", here),
            Entry(_("增加新的档案"), "add", here, permission="write"),
            Entry(_("修改%(noun)s", noun=noun), "list", (*here, ("sub", "0")), permission="write"),
            Entry(_("%(noun)s查询", noun=noun), "list", (*here, ("panel", "all"))),
            Entry(_("%(noun)s统计", noun=noun), "statistic", here),
            Entry(_("下载档案表格"), "blank", here),
        ),
    )


MENU = (
    entries("hardship", _("困难职工档案管理"), _("职工档案")),
    entries("migrant", _("农民工档案管理"), _("农民工档案")),
    entries("temporary", _("临时救助档案管理"), _("临时救助职工档案")),
    Entry(_("快速上报和退回"), entries=sweeps(Archive)),
)
