"""人员管理: who may log in, and with which rights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from flask import jsonify, render_template, request, url_for
from flask_appbuilder.baseviews import expose
from flask_babel import lazy_gettext as _

from app.kit import codes, forms, picking
from app.kit.access import needs
from app.kit.face import render
from app.kit.listing import Order
from app.kit.pages import Action, Chip, FieldView, FormPage, Option, Page
from app.kit.question import tree_limit
from app.kit.scope import Actor
from app.kit.sheetpage import crumbs
from app.kit.view import RecordView
from app.models.account import Account, administrator_of, login_name_taken
from app.models.assignment import ADMINISTRATION, rights_on_offer
from app.security import policy
from app.views.account.access import Access
from app.views.account.issuing import Passwords
from app.views.account.matrix import Matrix

Account.issue_password = policy.issue_one_time_password
#: steps after which there is a new one-time password to be told
ISSUING = frozenset({"reset_password", "reset_factor"})


@dataclass
class PasswordPage(Page):
    """One-time passwords, shown this once."""

    people: list[tuple[str, str, str]] = field(default_factory=list)
    done_url: str = ""
    more_url: str = ""
    is_new: bool = False


class AccountView(Matrix, Access, Passwords, RecordView):
    """The people of the administrator's unit and of those below (AID-R205, R206, R217 – R219)."""

    model = Account
    right = "用户管理"
    list_title = _("人员管理")
    columns = ("full_name", "login_name", "unit_id", "rights", "phone", "is_active", "last_login_at")
    sheet = (
        (
            _("个人信息"),
            (
                "unit_id",
                "full_name",
                "gender",
                "login_name",
                "phone",
                "mobile",
                "email",
                "job_title",
                "display_layer",
                "is_active",
                "certificate_required",
                "certificate_serial",
            ),
        ),
        (_("用户权限"), ("rights",)),
    )
    conditions = ("full_name", "login_name", "phone", "is_active")
    order = Order("id", descending=False)
    eager = ("assignments",)
    add_label = _("新增人员")
    save_more_label = ""
    delete_label = _("删除选中的人员")
    step_labels = {"reset_password": _("重置口令"), "reset_factor": _("重置动态口令")}

    def home(self, record: Any = None) -> str:
        """The person's unit in the tree."""
        return url_for("unit.tree", unit=record.unit_id if record is not None else None)

    def landing(self, record: Any) -> str:
        """The person among the people of the unit."""
        return self.home(record)

    def chips(self, record: Any, actor: Actor) -> list[Chip]:
        """Whether the person can log in."""
        if not record.is_active:
            return [Chip(_("停用"), "red")]
        return [Chip(_("待首次登录"), "amber")] if record.must_change_password else []

    def more_actions(self, record: Any, actor: Actor) -> list[Action]:
        """What the person may open, and whose data he sees."""
        return [Action("access", _("能看到什么"), self.url("access_of", pk=record.id), "eye")]

    def delete_action(self, record: Any, refusal: Any) -> Action:
        """Deleting a person keeps what he recorded (AID-R219)."""
        made = super().delete_action(record, refusal)
        made.confirm = _(
            "确定要删除“%(name)s”吗？该人员不能再登录，他录入的数据仍然保留。", name=record.title
        )
        return made

    def begins(self, actor: Actor) -> forms.Typed:
        """A person of the administrator's own unit, unless another was chosen."""
        return {"unit_id": str(actor.unit_id or ""), "is_active": "1", "display_layer": "1"}

    def dress(self, page: FormPage, record: Any, typed: forms.Typed) -> None:
        """Radio buttons, 有重复么?, and one check box per right (AID-R009, R205)."""
        views = {view.name: view for section in page.sections for view in section.fields}
        gender = views["gender"]
        gender.kind = "yes_no"
        gender.options = [
            Option(value.code, value.label, gender.value == value.code) for value in codes.values("gender")
        ]
        views["login_name"].check_url = self.url("available", but=record.id)
        views["login_name"].check_label = _("有重复么？")
        unit_id = str(typed.get("unit_id") or "")
        _offer_rights(
            views["rights"],
            typed,
            int(unit_id) if unit_id.isascii() and unit_id.isdigit() and int(unit_id) <= tree_limit() else 0,
            record.id,
        )
        if record.id is None:
            views["is_active"].hint = ""
            page.notes.append(_("保存后系统给出一个一次性口令，只显示一次；本人首次登录时须修改。"))

    def added_page(self, record: Any, actor: Actor) -> Any:
        """The one-time password, once; then 确定 or the next person (AID-R218)."""
        return self._told([record], is_new=True)

    def added_json(self, record: Any, actor: Actor) -> dict[str, Any]:
        """The one-time password, once."""
        return {"one_time_password": record.one_time_password}

    def stepped_page(self, records: Sequence[Any], step: str, actor: Actor) -> Any:
        """The new one-time passwords, once."""
        return self._told(records) if step in ISSUING else None

    def stepped_json(self, record: Any, step: str, actor: Actor) -> dict[str, Any]:
        """The new one-time password, once."""
        return {"one_time_password": record.one_time_password} if step in ISSUING else {}

    def _told(self, people: Sequence[Any], *, is_new: bool = False) -> str:
        page = PasswordPage(
            _("人员已保存") if is_new else _("口令已重置"),
            crumbs=crumbs(self, _("一次性口令")),
            is_new=is_new,
        )
        page.people = [(person.full_name, person.login_name, person.one_time_password) for person in people]
        page.done_url = self.home(people[0])
        page.more_url = self.url("add", unit_id=people[0].unit_id) if is_new else ""
        return render("unit/password.html", page)

    @expose("/available")
    @needs("write")
    def available(self) -> Any:
        """有重复么?: whether a login name is free (AID-R009); a line of HTML for the form, JSON otherwise."""
        name = picking.typed(request.args.get("login_name", ""))
        but = request.args.get("but", "")
        problems = (
            Account.fields()["login_name"].judge(name or "")
            if name is not None
            else [_("含有无法保存的字符")]
        )
        if not problems and login_name_taken(
            name or "", int(but) if but.isascii() and but.isdigit() and len(but) < 10 else None
        ):
            problems = [_("登录名「%(name)s」已被使用，请换一个", name=name)]
        words = problems[0] if problems else _("登录名「%(name)s」没有重复，可以使用", name=name)
        if request.headers.get("HX-Request"):
            return render_template("unit/available.html", good=not problems, words=words)
        return jsonify(available=not problems, message=str(words))


def _offer_rights(view: FieldView, typed: forms.Typed, unit_id: int, but: int | None) -> None:
    """The rights in the order of the register; 用户管理 is greyed when somebody else of the unit holds it."""
    chosen = typed.get("rights") or []
    holder = administrator_of(unit_id, but) if unit_id else None
    for name in rights_on_offer():
        option = Option(name, name, name in chosen)
        if name == ADMINISTRATION and holder and not option.chosen:
            option.refusal = _("该单位已有用户管理员：%(name)s", name=holder)
        view.options.append(option)
