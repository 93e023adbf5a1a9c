"""用户管理: the tree of units at the left, the chosen unit with its people at the right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from flask import jsonify, request, url_for
from flask_appbuilder.baseviews import expose
from flask_babel import lazy_gettext as _
from sqlalchemy import String, cast, func, or_, select
from sqlalchemy.orm import aliased, selectinload

from app.kit import forms, picking, scope, tree
from app.kit.access import everybody, needs
from app.kit.errors import Missing
from app.kit.face import render
from app.kit.listing import Order
from app.kit.module import Entry
from app.kit.pages import Action, Chip, Crumb, DialogPage, FormPage, Page
from app.kit.question import tree_limit
from app.kit.scope import Actor
from app.kit.view import RecordView
from app.models.account import Account
from app.models.assignment import Assignment
from app.models.unit import Unit, full_names, next_level
from app.views.unit.enrolling import Enrolling
from app.views.unit.moving import Moving
from app.views.unit.sorting import Sorting


@dataclass
class Node:
    """One unit of the tree; ``below`` is filled where the tree is open."""

    unit: Unit
    url: str
    active: bool = False
    has_children: bool = False
    is_open: bool = False
    below: list[Node] = field(default_factory=list)
    note: str = ""
    #: where the sisters come from that follow those below it; empty when there are none
    more_url: str = ""


@dataclass
class Person:
    """One line of the people of a unit."""

    account: Account
    unit_name: str
    rights: list[Chip]
    actions: list[Action]


@dataclass
class TreePage(Page):
    """The tree, and the chosen unit in short: data, child units, people."""

    nodes: list[Node] = field(default_factory=list)
    #: more sisters of these lines, as in `Node`
    more_url: str = ""
    #: the unit that was cut, and may be pasted
    cut: Unit | None = None
    q: str = ""
    unit: Unit | None = None
    path: str = ""
    actions: list[Action] = field(default_factory=list)
    person_actions: list[Action] = field(default_factory=list)
    child_actions: list[Action] = field(default_factory=list)
    children: list[Node] = field(default_factory=list)
    child_count: int = 0
    people: list[Person] = field(default_factory=list)
    people_count: int = 0
    person: str = ""
    limit: int = picking.MOST


class UnitView(Enrolling, Moving, Sorting, RecordView):
    """The units of the subtree (AID-R206 – R210)."""

    model = Unit
    right = "用户管理"
    list_title = _("用户管理")
    columns = ("name", "unit_no", "level", "parent_id", "leader_name", "office_phone")
    sheet = (
        (_("单位情况"), ("parent_id", "name", "level", "admin_division", "is_aid_centre")),
        (
            _("联系方式"),
            (
                "leader_name",
                "leader_phone",
                "office_phone",
                "duty_phone",
                "area_code",
                "fax",
                "postcode",
                "email",
                "address",
            ),
        ),
        (_("中心简介"), ("introduction",)),
    )
    conditions = ("name", "level", "leader_name")
    order = Order("id", descending=False)
    add_label = _("新建单位")
    is_tickable = False

    def home(self, record: Any = None) -> str:
        """The tree; for a unit that goes, at the unit above."""
        return self.url("tree", unit=record.parent_id if record is not None else None)

    def landing(self, record: Any) -> str:
        """The unit in the tree."""
        return self.url("tree", unit=record.id)

    def begins(self, actor: Actor) -> forms.Typed:
        """Below the unit that was chosen, one level lower."""
        above = self.chosen(request.args.get("parent_id"))
        return {"parent_id": str(above.id), "level": next_level(above.level)} if above else {}

    def dress(self, page: FormPage, record: Any, typed: forms.Typed) -> None:
        """An existing unit stays where it hangs."""
        if record.id is None:
            above = self.chosen(str(typed.get("parent_id") or ""))
            page.back_url = self.url("tree", unit=above.id if above else None)
            page.sections[0].fields[0].required = True
            return
        for one in page.sections[0].fields:
            if one.name == "parent_id":
                one.readonly, one.required = True, False
                one.text = full_names(self.session, [record.path])[record.path][-2:-1]
                one.text = one.text[0] if one.text else _("无")

    def delete_action(self, record: Any, refusal: Any) -> Action:
        """A dialog that says what goes, then a second question (AID-R209)."""
        return Action(
            "delete",
            _("删除单位"),
            self.url("dismiss", pk=record.id),
            "trash",
            "dialog",
            refusal=refusal,
            danger=True,
        )

    # --- the tree ---------------------------------------------------------------------------------------------

    @expose("/tree")
    @needs("read")
    def tree(self) -> Any:
        """The page; for htmx its right part."""
        who = scope.actor()
        unit = self.chosen(request.args.get("unit"))
        if unit is None:
            raise Missing
        page = TreePage(_("用户管理"), crumbs=[Crumb(self.group_label), Crumb(self.list_title)], unit=unit)
        page.q = picking.typed(request.args.get("q", "")) or ""
        page.person = picking.typed(request.args.get("person", "")) or ""
        page.nodes = self._hits(page.q, unit) if page.q else self._open_nodes(unit, who)
        page.path = "->".join(full_names(self.session, [unit.path])[unit.path])
        page.cut = self.cut_one()
        page.actions = self._unit_actions(unit, who, page.cut)
        below = select(Unit).where(Unit.parent_id == unit.id)
        page.child_count = self._count(below)
        page.children = self._nodes(
            self.session.scalars(below.order_by(Unit.sort_order, Unit.id).limit(picking.MOST)).all(), unit
        )
        self._people(page, unit, who)
        people = self._count(select(Assignment.id).where(Assignment.unit_id == unit.id))
        page.person_actions = self._person_actions(unit, who, people)
        page.child_actions = self.sorting_actions(unit, who, number=page.child_count)
        return render("unit/tree.html", page)

    @expose("/branch")
    @needs("read")
    def branch(self) -> Any:
        """The units below one, or those that are found: lines for the tree."""
        words = picking.typed(request.args.get("q", ""))
        above = self.chosen(request.args.get("parent"))
        page = TreePage(_("用户管理"), unit=above, q=words or "", cut=self.cut_one())
        if words:
            page.nodes = self._hits(words, None)
        elif request.args.get("parent") and above is not None:
            after = request.args.get("after", "")
            shown = int(after) if after.isascii() and after.isdigit() and len(after) < 8 else 0
            sisters = self._sisters([above.id], shown)
            page.nodes = self._nodes(sisters[: picking.MOST], None)
            page.more_url = self._more(above.id, sisters, shown)
        else:
            page.nodes = self._open_nodes(self.chosen("") or above, scope.actor())
        return render("unit/branch.html", page)

    def chosen(self, raw: str | None) -> Unit | None:
        """The unit of that id; the actor's own when none is given; None when it is not in scope."""
        raw = raw or str(scope.actor().unit_id or "")
        if not (raw.isascii() and raw.isdigit() and len(raw) < 11 and int(raw) <= tree_limit()):
            return None
        return self.session.scalar(select(Unit).where(Unit.id == int(raw)))

    def _count(self, statement: Any) -> int:
        return self.session.scalar(select(func.count()).select_from(statement.subquery())) or 0

    def _sisters(self, parents: Sequence[int], shown: int = 0) -> Sequence[Unit]:
        """Of the units below each of these fifty after those ``shown``, and one that says whether there are more.

        Units that are parents themselves are there wherever they stand: the way to the chosen one.
        """
        place = func.row_number().over(partition_by=Unit.parent_id, order_by=(Unit.sort_order, Unit.id))
        some = select(Unit.id, place.label("place")).where(Unit.parent_id.in_(parents)).subquery()
        near = some.c.place.between(shown + 1, shown + picking.MOST + 1)
        wanted = select(Unit).join(some, some.c.id == Unit.id).where(or_(near, Unit.id.in_(parents)))
        return self.session.scalars(wanted.order_by(some.c.place)).all()

    def _more(self, parent: int, sisters: Sequence[Unit], shown: int) -> str:
        """Where the sisters after these come from."""
        return (
            self.url("branch", parent=parent, after=shown + picking.MOST)
            if len(sisters) > picking.MOST
            else ""
        )

    def _nodes(self, units: Sequence[Unit], active: Unit | None) -> list[Node]:
        below = aliased(Unit)
        ids = [unit.id for unit in units]
        parents = (
            set(self.session.scalars(select(below.parent_id).where(below.parent_id.in_(ids)).distinct()))
            if ids
            else set()
        )
        return [
            Node(unit, self.url("tree", unit=unit.id), unit is active, unit.id in parents) for unit in units
        ]

    def _open_nodes(self, unit: Unit, who: Actor) -> list[Node]:
        """The actor's own unit, open down to the chosen one and its children."""
        line = [
            tree.last_id(path)
            for path in tree.ancestors(unit.path)
            if tree.contains(who.path or unit.path, path)
        ]
        own = self.session.scalar(select(Unit).where(Unit.id == line[0]))
        nodes = self._nodes([own, *self._sisters(line)], unit)
        by_id = {node.unit.id: node for node in nodes}
        for node in nodes[1:]:
            by_id[node.unit.parent_id].below.append(node)  # type: ignore[index]
        for parent in line:
            self._shorten(by_id[parent], line)
        for node in nodes:
            node.is_open = node.unit.id in line and node.has_children
        return nodes[:1]

    def _shorten(self, parent: Node, line: Sequence[int]) -> None:
        """Fifty below a unit, and the one on the way wherever it stands; the rest is asked for."""
        below = parent.below
        parent.more_url = self._more(parent.unit.id, [node.unit for node in below], 0)
        parent.below = below[: picking.MOST] + [n for n in below[picking.MOST :] if n.unit.id in line]

    def _hits(self, words: str, active: Unit | None) -> list[Node]:
        units = self.search(words)
        names = full_names(self.session, [unit.path for unit in units])
        nodes = self._nodes(units, active)
        for node in nodes:
            node.has_children, node.note = False, "->".join(names[node.unit.path][-3:-1])
        return nodes

    def search(self, words: str) -> Sequence[Unit]:
        """Units of the subtree by name, number, pinyin or initials; the highest first."""
        low = words.lower()
        found = Unit.search_key.contains(low, autoescape=True)
        if low.isascii() and low.isdigit():
            found = or_(found, cast(Unit.unit_no, String).startswith(low))
        order = (Unit.name != words, func.length(Unit.path), Unit.sort_order, Unit.id)
        return self.session.scalars(select(Unit).where(found).order_by(*order).limit(picking.MOST)).all()

    # --- what can be done -------------------------------------------------------------------------------------

    def _unit_actions(self, unit: Unit, who: Actor, cut: Unit | None) -> list[Action]:
        if not who.may("write", self.resource):
            return []
        add = Action("add", _("新建单位"), self.url("add", parent_id=unit.id), "plus")
        edit = Action(
            "edit",
            _("编辑单位"),
            self.url("edit", pk=unit.id),
            "edit",
            refusal=self.refusal(unit, "edit", who),
        )
        gone = self.delete_action(unit, self.refusal(unit, "delete", who, wide=True))
        return [add, edit, *self.moving_actions(unit, who, cut), gone]

    def _person_actions(self, unit: Unit, who: Actor, number: int) -> list[Action]:
        if not who.may("write", "account"):
            return []
        return [
            Action(
                "add_person",
                _("新增人员"),
                url_for("account.add", unit_id=unit.id),
                "user-plus",
                primary=True,
            ),
            *self.people_sorting_actions(unit, who, number=number),
            Action("matrix", _("权限一览"), url_for("account.matrix", unit=unit.id), "table"),
        ]

    def _people(self, page: TreePage, unit: Unit, who: Actor) -> None:
        """The unit's people, or those of the subtree whose name was asked for (查询人员)."""
        mine = select(Account).join(Assignment, Assignment.account_id == Account.id)
        if page.person:
            mine = mine.where(tree.under(Assignment.unit_path, unit.path), Account.called(page.person))
        else:
            mine = mine.where(Assignment.unit_id == unit.id)
        page.people_count = self._count(mine.with_only_columns(Account.id))
        order = (Assignment.unit_path, Assignment.display_layer, Assignment.sort_order, Account.id)
        mine = mine.options(selectinload(Account.assignments))
        for account in self.session.scalars(mine.order_by(*order).limit(picking.MOST)).unique():
            rights = [Chip(name, "blue" if name == "用户管理" else "grey") for name in account.rights]
            page.people.append(Person(account, account.unit.name, rights, self._row_actions(account, who)))

    def _row_actions(self, account: Account, who: Actor) -> list[Action]:
        if not who.may("write", "account"):
            return []
        ids = f"{url_for('account.dialog', step='reset_password')}?ids={account.id}"
        reset = Action(
            "reset_password",
            _("重置口令"),
            ids,
            "key",
            "dialog",
            refusal=account.refusal("reset_password", who),
        )
        edit = Action(
            "edit",
            _("编辑人员"),
            url_for("account.edit", pk=account.id),
            "edit",
            refusal=account.refusal("edit", who),
        )
        confirm = _("确定要删除“%(name)s”吗？该人员不能再登录，他录入的数据仍然保留。", name=account.title)
        gone = Action(
            "delete",
            _("删除人员"),
            url_for("account.delete", pk=account.id),
            "trash",
            "post",
            confirm,
            account.refusal("delete", who),
            danger=True,
        )
        return [edit, reset, gone]

    @expose("/dismiss/<int:pk>")
    @needs("write")
    def dismiss(self, pk: int) -> Any:
        """The first of two confirmations: what would go."""
        unit = self.find(pk)
        page = DialogPage(_("删除单位"), url=self.url("delete", pk=pk), submit=_("删除单位"), danger=True)
        count = self._count(select(Unit.id).where(tree.under(Unit.path, unit.path))) - 1
        page.text = _("将删除“%(unit)s”。", unit=unit.name)
        if count:
            page.text = _("将删除“%(unit)s”及其全部下级单位，共%(n)s个。", unit=unit.name, n=count + 1)
        if why := self.refusal(unit, "delete", scope.actor(), wide=True):
            page.refused, page.submit, page.text = [("", why)], "", ""
        page.next_url = self.landing(unit)
        return render(
            "unit/dismiss.html",
            page,
            again=_("请再次确认：“%(unit)s”删除后不能恢复，确定删除吗？", unit=unit.name),
        )

    @expose("/pick")
    @everybody
    def pick(self) -> Any:
        """Units to choose from: ``q`` searches, ``parent`` opens a branch, else the own unit and those below it."""
        words = picking.typed(request.args.get("q", ""))
        if words:
            nodes = self._hits(words, None)
        elif words is None:
            nodes = []
        elif request.args.get("parent"):
            above = self.chosen(request.args["parent"])
            nodes = self._nodes(self._sisters([above.id])[: picking.MOST], None) if above else []
        else:
            own = self.chosen("")
            nodes = self._nodes([own, *self._sisters([own.id])[: picking.MOST - 1]], None) if own else []
            if nodes:
                nodes[0].has_children = False  # they follow at once
        return jsonify(
            results=[
                {
                    "value": str(node.unit.id),
                    "text": node.unit.name,
                    "note": " ".join(part for part in (str(node.unit.unit_no or ""), node.note) if part),
                    "children": node.has_children,
                }
                for node in nodes
            ]
        )


MENU = (
    Entry(_("用户管理"), "tree"),
    Entry(_("导入单位和人员"), "import_file", permission="write"),
    Entry(_("一次性口令"), "account.passwords", permission="write"),
    Entry(_("权限一览"), "account.matrix", (("sub", "1"),)),
    Entry(_("谁能看到什么"), "account.access"),
    # the manual reaches them from here too (AID Q20)
    Entry(_("合并重复档案"), "archive.merge_duplicates", permission="merge"),
    Entry(_("合并不同档案"), "archive.merge_different", permission="merge"),
)
