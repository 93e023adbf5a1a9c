"""招聘职位."""

from __future__ import annotations

from typing import Any

from flask import current_app
from flask_babel import lazy_gettext as _

from app.kit.declaration import Shown
from app.kit.forms import Typed, only_told
from app.kit.hung import Hung
from app.kit.pages import FormPage, ListPage, Tab
from app.kit.scope import Actor
from app.kit.view import RecordView
from app.models.job_position import JobPosition
from app.models.job_seeker import matching
from app.views.job_seeker import recommending, suiting


class JobPositionView(Hung, RecordView):
    """The positions of the employers that the unit sees: a list, and a tab of each employer (3.13)."""

    model = JobPosition
    right = "职业介绍"
    list_title = _("招聘职位")
    columns = (
        "title",
        "employer_id",
        "openings",
        "education_required",
        "salary",
        "work_location",
        "valid_until",
    )
    shown = {"salary": Shown(_("月薪（元）"), lambda position: position.salary)}
    sheet = (
        (
            _("职位"),
            (
                "employer_id",
                "title",
                "openings",
                "taken",
                "work_location",
                "salary_min",
                "salary_max",
                "published_on",
                "valid_until",
            ),
        ),
        (
            _("要求"),
            (
                "gender_required",
                "age_min",
                "age_max",
                "education_required",
                "skill_level_required",
                "requirements",
                "remarks",
            ),
        ),
    )
    conditions = (
        "title",
        ("employer.name", _("招聘单位")),
        "education_required",
        "skill_level_required",
        "gender_required",
        "work_location",
        "salary_max",
        "published_on",
        "valid_until",
    )
    tab_label, addressed = _("招聘职位"), ("employer_id",)
    eager = ("owner_unit", "employer")
    eager_columns = {"employer": ("name", "owner_unit_id", "owner_path", "holder_depth")}
    add_label = _("增加招聘职位信息")
    delete_label = _("删除选中的招聘职位")
    empty_words = _("还没有招聘职位。打开招聘单位，在「招聘职位」页签增加。")

    def begins(self, actor: Actor) -> Typed:
        """Today."""
        return {"published_on": f"{actor.at:%Y-%m-%d}"}

    def dress(self, page: FormPage, record: Any, typed: Typed) -> None:
        """已推荐成功 is counted."""
        super().dress(page, record, typed)
        only_told(page, record, "taken")

    def own_tabs(self, record: Any, actor: Actor) -> list[Tab]:
        """合适的人才, for who may see talents."""
        url = self.url("show", pk=record.id, tab="suiting")
        return [Tab("suiting", _("合适的人才"), url)] if actor.may("read", "job_seeker") else []

    def own_tab(self, record: Any, actor: Actor, name: str) -> ListPage | None:
        """Who suits the position, and why."""
        if name != "suiting":
            return None
        names = ("full_name", "gender", "age", "education", "desired_position", "desired_salary")
        matches = matching.seekers_for(self.session, record)
        view = current_app.extensions["views"]["job_seeker"]
        page = suiting(view, _("合适的人才"), names, matches, actor)
        for row, match in zip(page.rows, matches, strict=True):
            row.actions = recommending(match.record, record.id, actor)
        page.empty = matching.why_none_for(record) or _("没有找到合适的人才")
        return page


MENU = ()
