"""注销、恢复、转为临时救助、转正: the lists of these menu lines, and 按身份证恢复."""

from __future__ import annotations

from typing import Any

from flask import redirect, request
from flask_appbuilder.baseviews import expose
from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement

from app.kit import anywhere, scope
from app.kit.access import needs
from app.kit.declaration import Shelf
from app.kit.errors import Invalid, Missing, Refused
from app.kit.face import render
from app.kit.forms import input_view
from app.kit.pages import Action, Crumb, FormPage, Section, SheetPage, Tab
from app.kit.scope import Actor
from app.models.archive.lists import in_cancelled_lists, is_formal, is_migrant, is_temporary

FOUND_BY = ("archive_no", "full_name", "id_card_no", "employer_name")


def _cancelled() -> list[ColumnElement[bool]]:
    return [in_cancelled_lists()]


def _library(name: str, label: Any, where: Any) -> Shelf:
    """注销职工档案库: one's own cancelled files and those reported here; what is still here goes up from here."""
    return Shelf(
        name,
        label,
        where,
        base=_cancelled,
        steps=("report", "send_back"),
        columns=(
            "archive_no",
            "full_name",
            "gender",
            "birth_date",
            "employer_name",
            "cancelled_at",
            "cancel_reason",
            "cancelled_unit",
            "report_state",
        ),
        conditions=(*FOUND_BY, "hardship_category", "cancelled_at"),
        empty_words=_("没有注销的档案。在档案页面点「注销职工」，注销的档案在这里。"),
    )


def _restoring(name: str, label: Any, where: Any) -> Shelf:
    """批量恢复: the cancelled files of one's own unit and of those below it."""
    return Shelf(
        name,
        label,
        where,
        base=_cancelled,
        steps=("restore",),
        step_labels={"restore": _("恢复所有档案")},
        columns=(
            "archive_no",
            "full_name",
            "gender",
            "birth_date",
            "owner_unit_id",
            "employer_name",
            "cancelled_at",
            "cancel_reason",
        ),
        conditions=("archive_no", "id_card_no", "full_name", "employer_name"),
        advice=_("打勾选择要恢复的档案，再点「恢复所有档案」。恢复后都成为本单位的未上报档案。"),
        empty_words=_("没有可以恢复的档案。其他单位注销的档案，请用「按身份证恢复」。"),
    )


SHELVES = (
    Shelf(
        "to_temporary",
        _("转为临时救助档案"),
        is_formal,
        is_own=True,
        steps=("to_temporary",),
        step_labels={"to_temporary": _("将选中的档案转为临时职工")},
        conditions=FOUND_BY,
        empty_words=_("本单位没有可以转为临时救助的困难职工档案。"),
        follows="hardship",
    ),
    _restoring("restoring", _("恢复注销职工档案"), is_formal),
    _library("cancelled", _("注销职工档案库"), is_formal),
    _restoring("restoring_migrant", _("恢复注销农民工档案"), is_migrant),
    _library("cancelled_migrant", _("注销农民工档案库"), is_migrant),
    Shelf(
        "to_formal",
        _("临时救助职工档案转正"),
        is_temporary,
        is_own=True,
        steps=("to_formal",),
        conditions=FOUND_BY,
        advice=_("点行尾的「转为困难职工」，选择困难类别，一次办理一份。"),
        empty_words=_("本单位没有临时救助档案。"),
        follows="temporary",
    ),
)
RESTORING = {shelf.name: shelf for shelf in SHELVES if shelf.steps == ("restore",)}


class LifeCycle:
    """The pages beside the lists."""

    def beside(self: Any, shelf: Shelf | None) -> list[Tab]:
        """按身份证恢复 and 批量恢复 are two ways to the same end."""
        return self._ways_back(shelf.name, "many") if shelf is not None and shelf.name in RESTORING else []

    def _ways_back(self: Any, shelf: str, way: str) -> list[Tab]:
        return [
            Tab("by_number", _("按身份证恢复"), self.url("restore", shelf=shelf), active=way == "by_number"),
            Tab("many", _("批量恢复"), self.url("list", shelf=shelf), active=way == "many"),
        ]

    def dress_sheet(self: Any, page: SheetPage, record: Any, actor: Actor) -> None:
        """Of a cancelled file, when and why it was put aside, and by whom."""
        super().dress_sheet(page, record, actor)  # type: ignore[misc]
        if record.is_cancelled:
            told = {
                name: record.text(name)
                for name in ("cancelled_at", "cancelled_unit", "cancelled_by", "cancel_reason")
            }
            page.notes.append(
                _(
                    "已于%(cancelled_at)s由%(cancelled_unit)s%(cancelled_by)s注销，原因：%(cancel_reason)s",
                    **told,
                )
            )

    @expose("/restore", methods=["GET", "POST"])
    @needs("restore")
    def restore(self: Any) -> Any:
        """按身份证恢复: a number leads to the cancelled file that has it, wherever it is (AID-R072, R073)."""
        shelf = RESTORING.get(request.args.get("shelf", ""), RESTORING["restoring"])
        typed, wrong, words, status = request.form.get("id_card_no", ""), {}, None, 200
        if request.method == "POST":
            try:
                found = anywhere.find(self, self.session, typed)
                archive = anywhere.the_one(self.steps()["restore"], found, scope.actor())
                return redirect(self.holder_url(archive, scope.actor()))
            except Invalid as why:
                wrong, status = {"id_card_no": [one.words for one in why.problems]}, why.status
            except (Missing, Refused) as why:
                words, status = why.words, why.status
        page = FormPage(shelf.label, crumbs=[Crumb(self.group_label), Crumb(shelf.label)])
        page.beside = self._ways_back(shelf.name, "by_number")
        page.url = self.url("restore", shelf=shelf.name)
        number = input_view(self.model.fields()["id_card_no"], "id_card_no", typed, wrong)
        number.autofill, number.hint = "", _("在全国的注销档案中查找，找到后可以恢复到本单位")
        page.sections = [Section(1, "", [number])]
        page.errors = [words] if words else []
        page.buttons = [Action("find", _("查询"), "", "search", "post", primary=True)]
        return render("kit/form.html", page), status
