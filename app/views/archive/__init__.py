"""职工档案: what a clerk sees of a household file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement

from app.kit import query
from app.kit.declaration import Shelf
from app.kit.errors import Problem
from app.kit.pages import Chip, Conflict, FaultBox
from app.kit.scope import Actor
from app.kit.statistics import Measure, Statistics
from app.kit.view import RecordView
from app.models.archive import Archive
from app.models.archive.lists import (
    MIGRANT,
    TEMPORARY,
    in_normal_lists,
    is_formal,
    is_migrant,
    is_temporary,
)
from app.models.assignment import ADMINISTRATION
from app.views.archive.aiding import Aiding
from app.views.archive.conflict import conflict_of
from app.views.archive.holder import Holder, HolderApi
from app.views.archive.lifecycle import SHELVES as LIFE_SHELVES
from app.views.archive.lifecycle import LifeCycle
from app.views.archive.merging import MergingPages
from app.views.archive.problems import SHELVES as PROBLEM_SHELVES
from app.views.archive.problems import SHOWN as PROBLEM_COLUMNS
from app.views.archive.problems import ProblemPages, box_of, problem_chips
from app.views.archive.transferring import SHELF as TRANSFER_SHELF
from app.views.archive.transferring import Transferring


class ArchiveView(Aiding, MergingPages, ProblemPages, Holder, LifeCycle, Transferring, RecordView):
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
        Shelf(
            "hardship",
            _("困难职工档案"),
            is_formal,
            add_title=_("新增困难职工档案"),
            is_counted=True,
            own_steps=("deactivate",),
        ),
        Shelf(
            "migrant",
            _("农民工档案"),
            is_migrant,
            {"worker_identity": MIGRANT},
            _("新增农民工档案"),
            is_counted=True,
            own_steps=("deactivate",),
        ),
        Shelf(
            "temporary",
            _("临时救助档案"),
            is_temporary,
            {"hardship_category": TEMPORARY},
            _("新增临时救助档案"),
            is_counted=True,
        ),
        *PROBLEM_SHELVES,
        TRANSFER_SHELF,
        *LIFE_SHELVES,
    )
    more_api = (HolderApi,)
    shown = PROBLEM_COLUMNS
    carried = ("employer_name",)
    has_attachments = True
    can_import = True
    import_key = _("户主身份证号")
    measure_word = _("户")
    paper_number = "archive_no"
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

    def known_clauses(self) -> list[ColumnElement[bool]]:
        """A merged file is in no list at all."""
        return [Archive.merged_into_id.is_(None)]

    def chips(self, record: Any, actor: Actor) -> list[Chip]:
        """State, category, and what is wrong with a file."""
        chips = [*super().chips(record, actor), Chip(record.text("hardship_category"), "blue")]
        if record.is_cancelled:
            chips.append(Chip(_("已注销"), "red"))
        if record.merged_into_id:
            chips.append(Chip(_("已合并"), "grey"))
        return chips + problem_chips(record)

    def faults(self, record: Any, actor: Actor) -> FaultBox | None:
        """What is wrong with a flagged file, one by one (SM-AID-04)."""
        return box_of(self, record, actor)

    def conflict(self, record: Any, problems: Sequence[Problem]) -> Conflict | None:
        """The file that holds a number already: whose it is and whom to call (AID-R056 – R060)."""
        clashes = [p for p in problems if p.field.endswith("id_card_no") and not p.warning]
        return next((found for clash in clashes if (found := conflict_of(self, record, clash))), None)

    def more_json(self, record: Any, actor: Actor) -> dict[str, Any]:
        """The derived kind, the problem flags, the household's own number of changes."""
        return {"archive_kind": record.archive_kind, "problem_flags": record.problem_flags or []}
