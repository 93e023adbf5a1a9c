"""跨区域维权: every unit of the country and how it is reached, for whoever is logged in (3.15, AID-R227, R228)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from flask import jsonify, request, url_for
from flask_appbuilder.api import BaseApi
from flask_appbuilder.api import expose as expose_api
from flask_appbuilder.baseviews import BaseView, expose
from flask_babel import lazy_gettext as _
from sqlalchemy import Row
from sqlalchemy.orm import Session

from app.kit import picking, scope, tree
from app.kit.access import everybody, needs
from app.kit.database import db
from app.kit.errors import BadRequest, Missing
from app.kit.face import render
from app.kit.module import Entry
from app.kit.pages import Crumb, Page, Pager
from app.kit.question import tree_limit
from app.models import directory
from app.models.directory import CONTACT, Wanted
from app.models.unit import Unit

TITLE = _("跨区域维权")
SIZE, MOST = 20, 200


@dataclass
class Node:
    """One unit of the tree; ``below`` is filled where it is open."""

    id: int
    name: str
    url: str
    branch_url: str = ""
    active: bool = False
    below: list[Node] = field(default_factory=list)
    more_url: str = ""


@dataclass
class DirectoryPage(Page):
    """The tree, and at the right what was found, or one unit."""

    nodes: list[Node] = field(default_factory=list)
    more_url: str = ""
    name: str = ""
    place: str = ""
    is_asked: bool = False
    #: name, number, 所属单位, address of its page
    results: list[tuple[str, Any, str, str]] = field(default_factory=list)
    pager: Pager | None = None
    unit_name: str = ""
    unit_no: Any = ""
    facts: list[tuple[Any, str]] = field(default_factory=list)
    back_url: str = ""


class DirectoryView(BaseView):
    """One page with its parts; nothing can be changed."""

    route_base = "/directory"
    resource = class_permission_name = "directory"
    default_view = "index"

    @expose("/")
    @needs("read")
    def index(self) -> Any:
        """What is asked for by the form, or chosen in the tree, or the tree alone."""
        wanted, chosen = _wanted(request.args), _number(request.args.get("unit"))
        page = DirectoryPage(TITLE, crumbs=[Crumb(TITLE)], name=wanted.name, place=wanted.place)
        path = ""
        if chosen:
            path = self._show(page, chosen, wanted)
        elif not wanted.is_empty:
            self._find(page, wanted)
        if not request.headers.get("HX-Request"):  # the tree stays as it is
            page.nodes = _tree(directory.line(_session(), path or _root()), path)
        return render("directory/index.html", page)

    @expose("/branch")
    @needs("read")
    def branch(self) -> Any:
        """Units below one: lines for the tree."""
        parent, shown = _number(request.args.get("parent")), _number(request.args.get("after"))
        page = DirectoryPage(TITLE)
        rows = directory.below(_session(), parent, shown)
        page.nodes, page.more_url = _lines(rows), _more(parent, rows, shown)
        return render("directory/branch.html", page)

    def _show(self, page: DirectoryPage, pk: int, wanted: Wanted) -> str:
        """One unit; answers where it stands."""
        row = _one(pk)
        page.unit_name, page.unit_no, page.is_asked = row.name, row.unit_no, True
        page.facts = [(_("所属单位"), directory.superiors(_session(), [row])[row.id])]
        page.facts += [(Unit.fields()[name].label, getattr(row, name) or "") for name in CONTACT]
        page.back_url = _url(wanted) if not wanted.is_empty else ""
        return str(row.path)

    def _find(self, page: DirectoryPage, wanted: Wanted) -> None:
        number, rows = directory.found(_session(), wanted)
        above = directory.superiors(_session(), rows)
        page.is_asked = True
        page.results = [(row.name, row.unit_no, above[row.id], _url(wanted, unit=row.id)) for row in rows]
        pages = max(1, -(-number // wanted.size))
        page.pager = Pager(_("共%(n)s个单位 共%(m)s页", n=f"{number:,}", m=pages), size=wanted.size)
        page.pager.number = _("第%(n)s页", n=wanted.page + 1)
        if wanted.page:
            page.pager.first_url, page.pager.previous_url = _url(wanted), _url(wanted, page=wanted.page)
        if wanted.page + 1 < pages:
            page.pager.next_url, page.pager.last_url = (
                _url(wanted, page=wanted.page + 2),
                _url(wanted, page=pages),
            )


class DirectoryApi(BaseApi):
    """``/api/v1/directory/``: the same over REST, to be read only."""

    resource_name = resource = class_permission_name = "directory"
    openapi_spec_tag = "directory"

    @expose_api("/", methods=["GET"])
    @needs("read")
    def get_list(self) -> Any:
        """Units by name, number, pinyin or initials, and by place.
        ---
        get:
          summary: 跨区域维权：按名称、编号、拼音和地区查单位
          parameters:
            - {in: query, name: q, schema: {type: string}, description: 单位名称、编号、拼音或首字母}
            - {in: query, name: place, schema: {type: string}, description: 行政区划或地址}
            - {in: query, name: page, schema: {type: integer}, description: 从0起}
            - {in: query, name: page_size, schema: {type: integer, maximum: 200}}
          responses:
            200: {description: OK}
        """
        return _listed()

    @expose_api("/<int:pk>", methods=["GET"])
    @needs("read")
    def get(self, pk: int) -> Any:
        """How one unit is reached.
        ---
        get:
          summary: 跨区域维权：一个单位的联系方式
          parameters:
            - {in: path, name: pk, required: true, schema: {type: integer}}
          responses:
            200: {description: OK}
        """
        row = _one(pk)
        return jsonify(id=pk, result=_json(row, directory.superiors(_session(), [row])))

    @expose_api("/tree", methods=["GET"])
    @needs("read")
    def tree(self) -> Any:
        """Units below one, fifty at a time; without ``parent`` the root.
        ---
        get:
          summary: 跨区域维权：单位树
          parameters:
            - {in: query, name: parent, schema: {type: integer}}
            - {in: query, name: after, schema: {type: integer}, description: 已列出的个数}
          responses:
            200: {description: OK}
        """
        parent, shown = _number(request.args.get("parent")), _number(request.args.get("after"))
        rows: Sequence[Row[Any]]
        if parent:
            rows = directory.below(_session(), parent, shown)
        else:
            rows = [row for row in directory.line(_session(), _root()) if row.parent_id is None]
        told = [
            {"id": row.id, "name": row.name, "unit_no": row.unit_no, "has_children": row.has_below}
            for row in rows[: picking.MOST]
        ]
        return jsonify(result=told, more=len(rows) > picking.MOST)


class UnitDirectoryApi(BaseApi):
    """``/api/v1/unit/directory``: the look-up under the name that unified §8 gives it."""

    resource_name, resource, class_permission_name = "unit", "directory", "directory"
    openapi_spec_tag = "directory"

    @expose_api("/directory", methods=["GET"])
    @everybody
    def find(self) -> Any:
        """As ``/api/v1/directory/``.
        ---
        get:
          summary: 跨区域维权（同 /api/v1/directory/）
          parameters:
            - {in: query, name: q, schema: {type: string}}
          responses:
            200: {description: OK}
        """
        return _listed()


def _listed() -> Any:
    wanted = _wanted(request.args, "q")
    number, rows = directory.found(_session(), wanted)
    above = directory.superiors(_session(), rows)
    return jsonify(count=number, ids=[row.id for row in rows], result=[_json(row, above) for row in rows])


def _json(row: Row[Any], above: Mapping[int, str]) -> dict[str, Any]:
    told = {"id": row.id, "name": row.name, "unit_no": row.unit_no, "parent": above[row.id]}
    return told | {name: getattr(row, name) for name in CONTACT}


def _one(pk: int) -> Row[Any]:
    row = directory.contact(_session(), pk) if pk <= tree_limit() else None
    if row is None:
        raise Missing
    return row


def _session() -> Session:
    session: Session = db.session()
    return session


def _root() -> str:
    """Where everybody's tree begins."""
    return next(iter(tree.ancestors(scope.actor().path)), "")


def _wanted(args: Mapping[str, str], name: str = "name") -> Wanted:
    """What is asked; a page beyond the last one is empty. Raises BadRequest for what no database keeps."""
    typed = [picking.typed(args.get(key, "")) for key in (name, "place")]
    if None in typed:
        raise BadRequest(_("含有无法保存的字符"))
    number, first = _number(args.get("page")), 0 if name == "q" else 1
    size = min(max(_number(args.get("page_size")) or SIZE, 1), MOST)
    return Wanted(typed[0] or "", typed[1] or "", max(min(number, 10**6) - first, 0), size)


def _number(raw: str | None) -> int:
    return int(raw) if raw and raw.isascii() and raw.isdigit() and len(raw) < 10 else 0


def _url(wanted: Wanted, **more: Any) -> str:
    asked = {"name": wanted.name, "place": wanted.place} | more
    kept = urlencode({key: value for key, value in asked.items() if value})
    return f"{url_for('directory.index')}{'?' if kept else ''}{kept}"


def _more(parent: int, rows: Sequence[Row[Any]], shown: int) -> str:
    if len(rows) <= picking.MOST:
        return ""
    return url_for("directory.branch", parent=parent, after=shown + picking.MOST)


def _lines(rows: Sequence[Row[Any]]) -> list[Node]:
    return [_node(row) for row in rows[: picking.MOST]]


def _node(row: Row[Any]) -> Node:
    branch = url_for("directory.branch", parent=row.id) if row.has_below else ""
    return Node(row.id, row.name, url_for("directory.index", unit=row.id), branch)


def _tree(rows: Sequence[Row[Any]], path: str) -> list[Node]:
    """The root with the provinces, open down to the chosen unit."""
    way = [tree.last_id(step) for step in tree.ancestors(path)]
    by_parent: dict[Any, list[Row[Any]]] = {}
    for row in rows:
        by_parent.setdefault(row.parent_id, []).append(row)

    def hang(parent: Any) -> list[Node]:
        every = by_parent.get(parent, [])
        made = []
        for number, row in enumerate(every):
            if number < picking.MOST or row.id in way:
                node = _node(row)
                node.active, node.below = row.id == (way or [0])[-1], hang(row.id)
                node.more_url = _more(row.id, by_parent.get(row.id, []), 0)
                made.append(node)
        return made

    return hang(None)


MENU = (Entry(TITLE, "directory.index"),)
APIS = (DirectoryApi, UnitDirectoryApi)
