"""人才信息管理."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import current_app, url_for
from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement

from app.kit import codes, listpage, scope
from app.kit.declaration import Shelf, Shown
from app.kit.forms import Typed, only_told
from app.kit.listing import Order
from app.kit.module import Entry
from app.kit.pages import Action, Cell, Column, FormPage, ListPage, Row, Tab
from app.kit.scope import Actor
from app.kit.view import RecordView
from app.models.job_seeker import JobSeeker, matching
from app.models.recommendation import Recommendation
from app.views.archive.entrance import Entrance

TALENT = _("人才信息")


class JobSeekerView(Entrance, RecordView):
    """The talents of the unit; those of others stand in the tab of an archive that the reader sees (1.3, 3.13)."""

    model = JobSeeker
    right = "职业介绍"
    list_title = _("求职人才信息")
    columns = (
        "archive_no",
        "full_name",
        "gender",
        "education",
        "desired_position",
        "registered_on",
        "is_employed",
    )
    shown = {
        "archive_no": Shown(_("职工编号"), lambda one: one.archive_no),
        "gender": Shown(_("性别"), lambda one: codes.label("gender", one.gender)),
        "age": Shown(_("年龄"), lambda one: one.age or ""),
    }
    shelves = (Shelf("own", _("求职人才信息"), is_own=True),)
    sheet = (
        (_("求职职工"), ("full_name", "id_card_no", "registered_on", "phone", "is_employed", "valid_until")),
        (_("学历和技能"), ("education", "major", "skill_level", "skills", "experience")),
        (_("求职意向"), ("desired_position", "desired_salary", "desired_location", "remarks")),
    )
    conditions = (
        "full_name",
        "id_card_no",
        "desired_position",
        "education",
        "skill_level",
        "is_employed",
        "registered_on",
        "valid_until",
    )
    deed, give_label, give_icon = TALENT, _("增加求职人才信息"), "briefcase"
    tab_label, tab_order, addressed = TALENT, Order("registered_on"), ("archive_id",)
    eager, eager_columns = ("owner_unit", "archive"), {"archive": ("archive_no",)}
    add_label, next_form = give_label, "add"
    delete_label = _("删除选中的人才信息")
    delete_more = _("该职工的推荐信息将一并删除。")
    empty_words = _("还没有求职人才信息。点击「增加求职人才信息」，按身份证号查到职工后填写。")

    def base_clauses(self) -> list[ColumnElement[bool]]:
        """One's own (1.3)."""
        return [JobSeeker.owner_path == scope.actor().path]

    def addressed_clauses(self) -> list[ColumnElement[bool]]:
        """With the worker's file, those of every unit."""
        return []

    def begins(self, actor: Actor) -> Typed:
        """Today; the telephone is that of the file, where the clerk sees it."""
        begun = {"registered_on": f"{actor.at:%Y-%m-%d}"}
        file = self.chosen()
        return begun | ({"phone": file.phone or ""} if file.is_seen_by(actor) else {})

    def dress(self, page: FormPage, record: Any, typed: Typed) -> None:
        """就业状态 follows from the recommendations."""
        super().dress(page, record, typed)
        only_told(page, record, "is_employed")

    def beside(self, shelf: Shelf | None) -> list[Tab]:
        """What was done for all of them."""
        return talents_and_recommendations(self.resource)

    def row_actions(self, record: Any, actor: Actor) -> list[Action]:
        """推荐 (3.13)."""
        return recommending(record, None, actor)

    def own_tabs(self, record: Any, actor: Actor) -> list[Tab]:
        """合适的职位, for who may see positions."""
        url = self.url("show", pk=record.id, tab="suiting")
        return [Tab("suiting", _("合适的职位"), url)] if actor.may("read", "job_position") else []

    def own_tab(self, record: Any, actor: Actor, name: str) -> ListPage | None:
        """Which positions suit the talent, and why."""
        if name != "suiting":
            return None
        names = ("title", "employer_id", "openings", "salary", "work_location")
        matches = matching.positions_for(self.session, record)
        view = current_app.extensions["views"]["job_position"]
        page = suiting(view, _("合适的职位"), names, matches, actor)
        for row, match in zip(page.rows, matches, strict=True):
            row.actions = recommending(record, match.record.id, actor)
        page.empty = matching.why_none_to(record) or _("没有找到合适的职位")
        return page


def suiting(
    view: RecordView, title: Any, names: Sequence[str], matches: Sequence[matching.Match], actor: Actor
) -> ListPage:
    """Records of a view that suit, the best first, each with the reasons."""
    page = ListPage(title, notes=[_("系统推算，仅供参考；点行尾的「推荐」填写推荐信息")])
    fields = view.model.fields()
    page.columns = [
        Column(
            name,
            view.label_of(name),
            look="kit-right" if name in fields and fields[name].align == "right" else "",
        )
        for name in names
    ]
    page.columns.append(Column("reasons", _("合适之处"), look="kit-wrap"))
    for match in matches:
        cells = [listpage.cell(view, match.record, name, actor) for name in names]
        cells.append(Cell("；".join(str(words) for words in match.reasons)))
        page.rows.append(Row(match.record.id, view.url("show", pk=match.record.id), cells))
    return page


def talents_and_recommendations(here: str) -> list[Tab]:
    """The two lists of 人才信息管理, beside each other."""
    lists = (("job_seeker", _("求职人才信息")), ("recommendation", _("推荐人才信息")))
    return [Tab(name, label, url_for(f"{name}.list"), active=name == here) for name, label in lists]


def recommending(seeker: JobSeeker, position_id: int | None, actor: Actor) -> list[Action]:
    """推荐: the form with what is known already; greyed where the talent is another unit's."""
    if not actor.may("write", "recommendation"):
        return []
    known = {"job_seeker_id": seeker.id} | ({"job_position_id": position_id} if position_id else {})
    refusal = Recommendation.why_not_under(seeker, actor)
    return [
        Action("recommend", _("推荐"), url_for("recommendation.add", **known), "user-check", refusal=refusal)
    ]


MENU = (Entry(_("人才信息管理"), "list"),)
