"""剪切单位, 粘贴单位: a mark in the person's session, then a dialog that says what goes along (SM-AID-18 #4, #5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask import flash, request, session, url_for
from flask_appbuilder.baseviews import expose
from flask_babel import gettext
from flask_babel import lazy_gettext as _

from app.kit import scope, stepping
from app.kit.access import needs
from app.kit.errors import Invalid, Refused
from app.kit.face import leave, render
from app.kit.pages import Action, DialogPage, Words
from app.kit.scope import Actor
from app.models.unit import Unit
from app.workflows import moving

#: where the session keeps the unit that was cut
_CUT = "cut_unit"
NOTHING_CUT = _("请先在左边选中要移动的单位，点“剪切单位”")


@dataclass
class PastePage(DialogPage):
    """What would go where, and why not."""

    refusal: Words = ""
    facts: tuple[Words, ...] = ()


class Moving:
    """The routes of 剪切 and 粘贴, and their buttons in the tree."""

    if TYPE_CHECKING:
        session: Any
        resource: str

        def find(self, pk: int) -> Any: ...
        def chosen(self, raw: str | None) -> Unit | None: ...
        def url(self, endpoint: str, **values: Any) -> str: ...
        def landing(self, record: Any) -> str: ...
        def refusal(self, record: Any, name: str, actor: Actor, *, wide: bool = False) -> Any: ...

    def handed_over(self, record: Any, step: str, actor: Actor, answers: Mapping[str, Any]) -> Any:
        """A large subtree is moved by a job."""
        return moving.hand_over(self.session, record, actor, answers) if step == "move" else None

    def cut_one(self) -> Unit | None:
        """The unit that was cut in this session, while the person sees it."""
        marked = session.get(_CUT)
        return self.chosen(str(marked)) if isinstance(marked, int) else None

    def moving_actions(self, unit: Unit, who: Actor, cut: Unit | None) -> list[Action]:
        """剪切单位, 粘贴单位: the second only after the first (AID-R211)."""
        if not who.may("move", self.resource):
            return []
        refusal = NOTHING_CUT if cut is None else cut.misplaced(unit)
        words = _(
            "剪切“%(unit)s”吗？剪切后选中新的上级单位，再点“粘贴单位”。粘贴以前什么都不改变。", unit=unit.name
        )
        return [
            Action(
                "cut",
                _("剪切单位"),
                self.url("cut", pk=unit.id),
                "scissors",
                "post",
                words,
                self.refusal(unit, "move", who),
            ),
            Action(
                "paste",
                _("粘贴单位"),
                self.url("paste", pk=unit.id),
                "clipboard-check",
                "dialog",
                refusal=refusal,
            ),
        ]

    @expose("/cut/<int:pk>", methods=["POST"])
    @needs("move")
    def cut(self, pk: int) -> Any:
        """Mark a unit; nothing changes yet."""
        unit = self.find(pk)
        if why := self.refusal(unit, "move", scope.actor()):
            raise Refused(why)
        session[_CUT] = unit.id
        return leave(self.landing(unit))

    @expose("/uncut", methods=["POST"])
    @needs("move")
    def uncut(self) -> Any:
        """Take the mark back."""
        unit = self.cut_one()
        session.pop(_CUT, None)
        return leave(self.landing(unit) if unit else self.url("tree"))

    @expose("/paste/<int:pk>", methods=["GET", "POST"])
    @needs("move")
    def paste(self, pk: int) -> Any:
        """The dialog that says what goes along; then it is done, or given to a job."""
        above, unit, who = self.find(pk), self.cut_one(), scope.actor()
        if unit is None or request.method == "GET":
            return render(
                "unit/paste.html", self._paste_page(unit, above)
            ), 409 if request.method == "POST" else 200
        name = unit.name
        try:
            job_id = stepping.carry_out(self, self.session, unit, "move", who, {"parent_id": above.id})  # type: ignore[arg-type]
        except (Refused, Invalid) as why:
            self.session.rollback()
            page = self._paste_page(self.cut_one(), self.find(pk))
            page.refusal, page.submit = why.words, ""
            return render("unit/paste.html", page), 409
        session.pop(_CUT, None)
        if job_id is not None:
            return leave(url_for("job.show", pk=job_id))
        flash(
            gettext("移动完成：“%(unit)s”和它的下级单位、人员、数据都已归入新的上级单位", unit=name),
            "success",
        )
        return leave(self.landing(self.find(unit.id)))

    def _paste_page(self, unit: Unit | None, above: Unit) -> PastePage:
        page = PastePage(_("粘贴单位"), url=self.url("paste", pk=above.id), next_url=self.landing(above))
        page.refusal = NOTHING_CUT if unit is None else unit.misplaced(above)
        if unit is None or page.refusal:
            return page
        page.text = _("把“%(unit)s”移到“%(above)s”下面。", unit=unit.name, above=above.name)
        number = moving.along(self.session, unit.path)
        units, people = number["unit"], number["assignment"]
        records = sum(number[cls.resource()] for cls in moving.reportables())
        page.facts = (
            _("一起移动的单位：%(n)s个（含它自己）", n=units),
            _("一起移动的人员：%(n)s人，权限和口令不变", n=people),
            _("一起移动的业务数据：%(n)s条，全部恢复为未上报，要由各单位重新上报", n=records),
        )
        if sum(number.values()) > moving.AT_ONCE:
            page.notes = [_("数据较多，由后台任务办理；办理期间这些单位暂时不能保存数据。")]
        page.submit = _("粘贴单位")
        return page
