"""选择转移档案, 批量转移档案: files go over to another unit of the administrator's subtree (SM-AID-07)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flask import flash, redirect, request, url_for
from flask_appbuilder.baseviews import expose
from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement

from app.kit import columns, scope, stepping
from app.kit.access import needs
from app.kit.declaration import Shelf
from app.kit.errors import Invalid, Problem, Refused
from app.kit.face import render
from app.kit.forms import input_view
from app.kit.module import Entry
from app.kit.pages import FieldView, Page, Words
from app.kit.scope import Actor
from app.kit.sheetpage import crumbs
from app.models.archive import Archive
from app.models.assignment import ADMINISTRATION


def _unmerged() -> list[ColumnElement[bool]]:
    """Files of all three kinds, cancelled ones too; a merged one is a pointer, nothing to choose."""
    return [Archive.merged_into_id.is_(None)]


def is_administrator(actor: Actor) -> bool:
    """Both rights: the files are looked at, and given away."""
    return ADMINISTRATION in actor.rights and actor.may("read", "archive")


SHELF = Shelf(
    "transfer",
    _("选择转移档案"),
    base=_unmerged,
    steps=("transfer",),
    step_labels={"transfer": _("移动选中的困难职工档案")},
    columns=(
        "archive_no",
        "full_name",
        "gender",
        "hardship_category",
        "owner_unit_id",
        "employer_name",
        "is_cancelled",
        "report_state",
    ),
    conditions=("archive_no", "full_name", "id_card_no", "employer_name", "hardship_category"),
    advice=_("勾选要转移的档案，点「移动选中的困难职工档案」。转移后归目的单位所有，在那里为未上报。"),
    empty_words=_("没有可以转移的档案。下级单位的档案上报后会出现在这里；没有上报的，用「批量转移档案」。"),
)
ENTRIES = (
    Entry(_("选择转移档案"), "list", (("shelf", "transfer"),), "transfer", only=is_administrator),
    Entry(_("批量转移档案"), "transfer_all", (), "transfer", only=is_administrator),
)
SOURCE = columns.ReferenceField(_("源单位"), "unit", required=True)


@dataclass
class TransferPage(Page):
    """From which unit to which."""

    url: str = ""
    fields: list[FieldView] = field(default_factory=list)
    refusal: Words = ""


class Transferring:
    """The page of 批量转移档案, and what a transfer tells."""

    if TYPE_CHECKING:
        session: Any

        def url(self, endpoint: str, **values: Any) -> str: ...
        def steps(self) -> Any: ...

    def stepped_page(self, records: Sequence[Any], step: str, actor: Actor) -> Any:
        """Nothing but the numbers that had to change."""
        for words in [str(one.gave_way) for one in records if step == "transfer" and one.gave_way][:20]:
            flash(words, "warning")
        return super().stepped_page(records, step, actor)  # type: ignore[misc]

    def stepped_json(self, record: Any, step: str, actor: Actor) -> dict[str, Any]:
        """As `stepped_page`."""
        told: dict[str, Any] = super().stepped_json(record, step, actor)  # type: ignore[misc]
        if step == "transfer" and record.gave_way:
            told = told | {"warnings": {"archive_no": [str(record.gave_way)]}}
        return told

    @expose("/transfer", methods=["GET", "POST"])
    @needs("transfer")
    def transfer_all(self) -> Any:
        """批量转移档案: everything that a unit owns, as a job (AID-R101)."""
        typed = request.form if request.method == "POST" else request.args
        if request.method == "GET":
            return render("archive/transfer.html", self._transfer_page(typed))
        try:
            source, target = self._read_units(typed)
            answers = {"target_unit_id": target}
            job_id = stepping.carry_out_all(self, self.session, "transfer", scope.actor(), source, answers)  # type: ignore[arg-type]
        except Invalid as wrong:
            return render("archive/transfer.html", self._transfer_page(typed, wrong.problems)), 422
        except Refused as why:
            self.session.rollback()
            page = self._transfer_page(typed)
            page.refusal = why.words
            return render("archive/transfer.html", page), 409
        return redirect(url_for("job.show", pk=job_id))

    def _read_units(self, typed: Mapping[str, str]) -> tuple[Any, Any]:
        """The two ids. Raises Invalid with everything that is wrong."""
        problems, values = [], []
        for one, name in ((SOURCE, "unit"), (self.steps()["transfer"].asks[0].field, "target_unit_id")):
            try:
                value = one.read(typed.get(name))
            except columns.Wrong as wrong:
                problems.append(Problem(name, wrong.args[0]))
                continue
            problems += [Problem(name, words) for words in one.judge(value)]
            values.append(value)
        if problems:
            raise Invalid(problems)
        return values[0], values[1]

    def _transfer_page(self, typed: Mapping[str, str], problems: Sequence[Problem] = ()) -> TransferPage:
        page = TransferPage(
            _("批量转移档案"), crumbs=crumbs(self, _("批量转移档案")), url=self.url("transfer_all")
        )  # type: ignore[arg-type]
        wrong: dict[str, list[Any]] = {}
        for problem in problems:
            wrong.setdefault(problem.field, []).append(problem.words)
        target = self.steps()["transfer"].asks[0].field
        page.fields = [
            input_view(SOURCE, "unit", typed.get("unit", ""), wrong),
            input_view(target, "target_unit_id", typed.get("target_unit_id", ""), wrong),
        ]
        return page
