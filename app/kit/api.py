"""REST from the same declaration: FAB's ModelRestApi protocol, steps, statistics, history and OpenAPI included.

Authentication is FAB's JSON web token; rights, scope, rules and steps are those of the pages.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import prison
from apispec import APISpec
from flask import jsonify, request
from flask_appbuilder.api import BaseApi, expose
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_jwt_extended import verify_jwt_in_request
from sqlalchemy import Select, select
from sqlalchemy.orm import Session
from werkzeug.exceptions import BadRequest as HttpBadRequest

from app.kit import codes, columns, listing, query, saving, scope, sheetpage, statpage
from app.kit.access import require
from app.kit.database import db
from app.kit.errors import BadRequest, Forbidden, Invalid, Missing, Problem
from app.kit.history import RecordVersion
from app.kit.listing import Order
from app.kit.listpage import Question, eager, state_chip, unit_class
from app.kit.record import Row
from app.kit.scope import Actor
from app.kit.view import RecordView
from app.kit.workflow import perform_many

#: the ids of one call to a step
MOST_IDS = 1000


def secured(permission: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A route for the bearer of a token whose right opens ``permission`` of the resource."""

    def wrap(route: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(route)
        def guarded(self: RecordApi, *args: Any, **kwargs: Any) -> Any:
            verify_jwt_in_request()
            who = scope.actor()
            require(who, permission, self.view.resource)
            return route(self, who, *args, **kwargs)

        guarded._permission_name = permission  # type: ignore[attr-defined]  # noqa: SLF001 - FAB collects it
        return guarded

    return wrap


class RecordApi(BaseApi):  # type: ignore[misc]
    """``/api/v1/<resource>/`` of one view."""

    view: RecordView

    def __init__(self, view: RecordView) -> None:
        self.view = view
        self.resource_name = view.resource
        self.class_permission_name = view.resource
        self.base_permissions = view.base_permissions
        self.openapi_spec_tag = view.resource
        super().__init__()

    @property
    def session(self) -> Session:
        """The request's session."""
        return db.session

    # --- routes ----------------------------------------------------------------------------------------------

    @expose("/", methods=["GET"])
    @secured("read")
    def get_list(self, who: Actor) -> Any:
        """Records by FAB's rison ``q``: filters, order_column, order_direction, page, page_size, columns."""
        asked = _rison()
        statement = self._asked(asked, who)
        size = _bounded(asked.get("page_size"), self.view.page_size, listing.MAX_SIZE)
        order = self._order(asked)
        number = _bounded(asked.get("page"), 0, 10**6)
        piece = listing.page(self.session, eager(self.view, statement), self.view.model, order, size, str(asked.get("key") or ""), number)
        fields = self._columns(asked)
        return jsonify(
            count=listing.count(self.session, statement, exact=True),
            ids=[record.id for record in piece.rows],
            result=[self._json(record, who, fields) for record in piece.rows],
            next_key=piece.next_key,
            list_columns=list(self.view.columns),
            label_columns={name: str(self.view.label_of(name)) for name in self.view.columns},
            list_title=str(self.view.list_title),
        )

    @expose("/<int:pk>", methods=["GET"])
    @secured("read")
    def get(self, who: Actor, pk: int) -> Any:
        """One record with its inline rows."""
        record = self.view.find(pk)
        return jsonify(id=record.id, result=self._json(record, who, self._columns(_rison()), children=True))

    @expose("/", methods=["POST"])
    @secured("write")
    def post(self, who: Actor) -> Any:
        """Add a record; warnings are accepted and told."""
        if not self.view.can_add:
            raise Forbidden(_("这类记录由系统生成，不能新增"))
        record = self.view.new(who)
        warnings = saving.save(self.session, record, _body(), who)
        told = self.view.added_json(record, who)
        result = self._json(record, who, None, children=True)
        self.session.commit()
        return jsonify(id=result["id"], result=result, **told, **_warned(warnings)), 201

    @expose("/<int:pk>", methods=["PUT"])
    @secured("write")
    def put(self, who: Actor, pk: int) -> Any:
        """Change the fields that are sent; a stale ``version`` is refused."""
        if not self.view.can_edit:
            raise Forbidden(_("这类记录不能修改"))
        record = self.view.find(pk)
        warnings = saving.save(self.session, record, _body(), who)
        result = self._json(record, who, None, children=True)
        self.session.commit()
        return jsonify(id=pk, result=result, **_warned(warnings))

    @expose("/<int:pk>", methods=["DELETE"])
    @secured("write")
    def delete(self, who: Actor, pk: int) -> Any:
        """Delete a record, if its guards allow."""
        if not self.view.can_delete:
            raise Forbidden(_("这类记录不能删除"))
        saving.delete(self.session, self.view.find(pk), who)
        self.session.commit()
        return jsonify(message=gettext("删除成功"))

    @expose("/<int:pk>/steps/<step>", methods=["POST"])
    @secured("read")
    def step(self, who: Actor, pk: int, step: str) -> Any:
        """Perform one step on one record."""
        self._may(who, step)
        record = self.view.find(pk)
        record.perform(step, who, **_body(optional=True))
        result = self._json(record, who, None, children=True)
        self.session.commit()
        return jsonify(id=pk, result=result)

    @expose("/steps/<step>", methods=["POST"])
    @secured("read")
    def steps(self, who: Actor, step: str) -> Any:
        """Perform one step on many records; each is judged alone."""
        self._may(who, step)
        answers = _body()
        ids = answers.pop("ids", None)
        if not isinstance(ids, list) or not all(isinstance(i, int) and not isinstance(i, bool) for i in ids) or len(ids) > MOST_IDS:
            raise Invalid([Problem("ids", _("ids 应为编号的列表，最多%(most)s个", most=MOST_IDS))])
        model = self.view.model
        wanted = [i for i in ids if 0 < i < 2**31]
        records = self.session.scalars(select(model).where(model.id.in_(wanted)).order_by(model.id)).all()
        done, refused = perform_many(records, step, who, answers)
        told = [{"id": record.id, "message": str(words)} for record, words in refused]
        found = {record.id for record in records}
        told += [{"id": i, "message": str(Missing())} for i in dict.fromkeys(ids) if i not in found]
        numbers = [record.id for record in done]
        self.session.commit()
        return jsonify(done=numbers, refused=told)

    @expose("/statistics", methods=["GET"])
    @secured("read")
    def statistics(self, who: Actor) -> Any:
        """``?by=<dimension>&unit=<id>&<conditions>`` → ``{"columns", "rows", "total"}``."""
        asked = Question(self.view, who, request.args)
        if asked.asked.problems:
            raise Invalid(asked.asked.problems)
        unit = asked.unit(self.session)
        if unit is None and request.args.get("unit") not in (None, "", str(who.unit_id)):
            raise Missing
        unit = unit or self.session.get(unit_class(), who.unit_id)
        table = statpage.compute(self.view, self.session, asked, unit, request.args.get("by", ""))
        return jsonify(statpage.as_json(self.view, table))

    @expose("/<int:pk>/history", methods=["GET"])
    @secured("read")
    def history(self, who: Actor, pk: int) -> Any:  # noqa: ARG002 - the scope has judged
        """Every change, latest first, with the content before it."""
        record = self.view.find(pk)
        statement = select(RecordVersion).where(RecordVersion.record_type == self.view.resource, RecordVersion.record_id == pk)
        return jsonify(
            result=[
                {
                    "at": version.at.isoformat(),
                    "account": version.account_name,
                    "unit": version.unit_name,
                    "action": str(sheetpage.step_words(record, version.step)),
                    "step": version.step,
                    "message": version.message,
                    "snapshot": version.snapshot,
                    "diff": [{"field": name, "before": old, "after": new} for name, old, new in version.diff],
                }
                for version in self.session.scalars(statement.order_by(RecordVersion.id.desc()).limit(500))
            ]
        )

    @expose("/_info", methods=["GET"])
    @secured("read")
    def info(self, who: Actor) -> Any:
        """The fields with labels, kinds and choices, and what the caller may do."""
        return jsonify(
            permissions=sorted(p for p, resource in self.view.grants() if (p, resource) in who.grants),
            columns=[_field_info(field) for field in self.view.model.fields().values()],
            steps=[
                {"name": step.name, "label": str(step.label), "asks": [_field_info(a.field, a.name) for a in step.asks]}
                for step in self.view.steps().values()
            ],
        )

    # --- reading what was asked --------------------------------------------------------------------------------

    def _asked(self, asked: dict[str, Any], who: Actor) -> Select[Any]:
        statement = Question(self.view, who, {}).statement(self.session) if not self.view.shelves else select(self.view.model)
        for clause in self.view.base_clauses():
            statement = statement.where(clause)
        filters = asked.get("filters") or []
        if not isinstance(filters, list) or len(filters) > 50:  # noqa: PLR2004 - a bound on input
            raise BadRequest(_("filters 应为列表"))
        for one in filters:
            if not isinstance(one, dict):
                raise BadRequest(_("filters 的每一项应有 col、opr、value"))
            statement = statement.where(self._filter(one, who))
        return statement

    def _filter(self, one: dict[str, Any], who: Actor) -> Any:
        if one.get("col") == "report_state" and self.view.is_reportable:
            found = codes.find("report_state", str(one.get("value")))
            if found is None:
                raise BadRequest(_("没有「%(state)s」这个状态", state=str(one.get("value"))[:20]))
            return self.view.model.state_is(found.code, who)
        return query.rest_filter(self.view.model, one.get("col"), one.get("opr"), one.get("value"))

    def _order(self, asked: dict[str, Any]) -> Order:
        name = asked.get("order_column") or self.view.order.name
        if name != "id" and (not isinstance(name, str) or not self.view.sortable(name)):
            raise BadRequest(_("不能按「%(name)s」排序", name=str(name)[:40]))
        direction = asked.get("order_direction") or ("desc" if self.view.order.descending else "asc")
        return Order(name, direction == "desc")

    def _columns(self, asked: dict[str, Any]) -> set[str] | None:
        wanted = asked.get("columns")
        return {str(name) for name in wanted} if isinstance(wanted, list) and wanted else None

    def _may(self, who: Actor, step: str) -> None:
        if step not in self.view.steps():
            raise BadRequest(_("没有「%(step)s」这个操作", step=step[:30]))
        require(who, step, self.view.resource)

    def _json(self, record: Any, who: Actor, wanted: set[str] | None, *, children: bool = False) -> dict[str, Any]:
        """A record as JSON: fields as named in the spec, inline rows nested, the state as the viewer's word."""
        shown = _row_json(record, children=children) | self.view.more_json(record, who)
        if self.view.is_reportable:
            shown["report_state"] = str(state_chip(record.report_state(who)).text)
        return {key: value for key, value in shown.items() if wanted is None or key in wanted or key == "id"}

    # --- OpenAPI -----------------------------------------------------------------------------------------------

    def add_api_spec(self, api_spec: APISpec) -> None:
        """Describe the resource from its declaration."""
        name = self.view.resource
        read, write = _schema(self.view.model, write=False), _schema(self.view.model, write=True)
        api_spec.components.schema(name, component=read)
        api_spec.components.schema(f"{name}.write", component=write)
        base = f"/api/{self.version}/{name}"
        one = {"in": "path", "name": "pk", "required": True, "schema": {"type": "integer"}}
        q = {"in": "query", "name": "q", "schema": {"type": "string"}, "description": "rison: filters, order_column, order_direction, page, page_size, columns"}
        reads = {"operation": "read", "schema": f"#/components/schemas/{name}"}
        writes = {"$ref": f"#/components/schemas/{name}.write"}
        paths: dict[str, dict[str, Any]] = {
            f"{base}/": {"get": _operation(name, f"列出{self.view.list_title}", [q], reads)},
            f"{base}/{{pk}}": {"get": _operation(name, f"读取{self.view.list_title}", [one, q], reads)},
            f"{base}/{{pk}}/history": {"get": _operation(name, "历史信息", [one])},
            f"{base}/_info": {"get": _operation(name, "字段与权限")},
        }
        if self.view.can_add:
            paths[f"{base}/"]["post"] = _operation(name, "新增", body=writes, status=201)
        if self.view.can_edit:
            paths[f"{base}/{{pk}}"]["put"] = _operation(name, "修改", [one], body=writes)
        if self.view.can_delete:
            paths[f"{base}/{{pk}}"]["delete"] = _operation(name, "删除", [one])
        if self.view.statistics:
            by = {"in": "query", "name": "by", "required": True, "schema": {"type": "string", "enum": list(self.view.statistics.dimensions)}}
            unit = {"in": "query", "name": "unit", "schema": {"type": "integer"}}
            paths[f"{base}/statistics"] = {"get": _operation(name, "统计", [by, unit])}
        for step in self.view.steps().values():
            asks = {a.name: a.field.schema() for a in step.asks}
            body = {"type": "object", "properties": asks, "required": [a.name for a in step.asks if a.field.required]}
            many = body | {"properties": asks | {"ids": {"type": "array", "items": {"type": "integer"}}}}
            if not body["required"]:
                del body["required"]
            paths[f"{base}/{{pk}}/steps/{step.name}"] = {"post": _operation(name, str(step.label), [one], body=body)}
            paths[f"{base}/steps/{step.name}"] = {"post": _operation(name, f"{step.label}（多条）", body=many)}
        for path, operations in paths.items():
            api_spec.path(path=path, operations=operations)


def _operation(tag: str, summary: str, parameters: Any = (), reads: Any = None, body: Any = None, status: int = 200) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": reads["schema"]} if reads else {"type": "object"}}}
    made: dict[str, Any] = {
        "tags": [tag],
        "summary": summary,
        "parameters": list(parameters),
        "security": [{"jwt": []}],
        "responses": {str(status): {"description": "OK", "content": content}}
        | {code: {"description": words} for code, words in (("400", "请求有误"), ("401", "未登录"), ("403", "无权限"), ("404", "不存在或不在范围内"), ("409", "被拒绝"), ("422", "内容不符合要求"))},
    }
    if body:
        made["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return made


def _schema(model: type[Row], *, write: bool) -> dict[str, Any]:
    fields = {n: f for n, f in model.fields().items() if not (write and f.automatic)}
    properties = {name: field.schema() | {"title": str(field.label)} for name, field in fields.items()}
    for name, cls in model.child_classes().items():
        properties[name] = {"type": "array", "items": _schema(cls, write=write)}
    if not write:
        properties |= {"id": {"type": "integer"}, "version": {"type": "integer"}}
    return {"type": "object", "properties": properties}


def _field_info(field: columns.Field, name: str = "") -> dict[str, Any]:
    made = {"name": name or field.name, "label": str(field.label), "type": field.kind, "required": field.required, "automatic": field.automatic, "unit": str(field.unit)}
    if isinstance(field, columns.CodeField):
        values = codes.values(field.table)
        made["code_table"] = field.table
        if len(values) <= query.MOST_OPTIONS:
            made["choices"] = [{"code": value.code, "label": value.label} for value in values]
    return made


def _row_json(row: Any, *, children: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {"id": row.id, "version": getattr(row, "version", None)}
    shown |= {name: field.json(getattr(row, name)) for name, field in type(row).fields().items()}
    if children:
        shown |= {name: [_row_json(child, children=False) for child in getattr(row, name)] for name in type(row).children}
    return shown


def _warned(warnings: list[Problem]) -> dict[str, Any]:
    return {"warnings": Invalid(warnings).errors} if warnings else {}


def _rison() -> dict[str, Any]:
    raw = request.args.get("q")
    if not raw:
        return {}
    try:
        asked = prison.loads(raw)
    except (prison.decoder.ParserException, ValueError, RecursionError, IndexError, AttributeError):
        raise BadRequest(_("参数 q 不是有效的 rison")) from None
    if not isinstance(asked, dict):
        raise BadRequest(_("参数 q 不是有效的 rison"))
    return asked


def _bounded(value: Any, default: int, most: int) -> int:
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadRequest(_("页码与每页条数应为整数"))
    return most if value == -1 else max(min(value, most), 0 if default == 0 else 1)


def _body(*, optional: bool = False) -> dict[str, Any]:
    """The JSON object of the request. Raises BadRequest when there is none."""
    if optional and not request.data:
        return {}
    try:
        body = request.get_json(force=True)
    except (HttpBadRequest, RecursionError, UnicodeDecodeError):
        raise BadRequest(_("请求内容不是有效的 JSON")) from None
    if not isinstance(body, dict):
        raise BadRequest(_("请求内容应为一个 JSON 对象"))
    return body


def api_of(view: RecordView) -> RecordApi:
    """The REST resource of a view."""
    name = "".join(part.title() for part in view.resource.split("_"))
    cls: type[RecordApi] = type(f"{name}Api", (RecordApi,), {})
    return cls(view)
