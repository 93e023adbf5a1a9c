"""OpenAPI from the declaration: the schemas and paths of one resource, steps included."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from apispec import APISpec

from app.kit.record import Row

if TYPE_CHECKING:
    from app.kit.view import RecordView


def describe(api_spec: APISpec, view: RecordView, version: str) -> None:
    """Add the schemas and paths of one view to the description."""
    name = view.resource
    read, write = _schema(view.model, write=False), _schema(view.model, write=True)
    api_spec.components.schema(name, component=read)
    api_spec.components.schema(f"{name}.write", component=write)
    base = f"/api/{version}/{name}"
    one = {"in": "path", "name": "pk", "required": True, "schema": {"type": "integer"}}
    q = {
        "in": "query",
        "name": "q",
        "schema": {"type": "string"},
        "description": "rison: filters, order_column, order_direction, page, page_size, columns",
    }
    reads = {"operation": "read", "schema": f"#/components/schemas/{name}"}
    writes = {"$ref": f"#/components/schemas/{name}.write"}
    paths: dict[str, dict[str, Any]] = {
        f"{base}/": {"get": _operation(name, f"列出{view.list_title}", [q], reads)},
        f"{base}/{{pk}}": {"get": _operation(name, f"读取{view.list_title}", [one, q], reads)},
        f"{base}/{{pk}}/history": {"get": _operation(name, "历史信息", [one])},
        f"{base}/_info": {"get": _operation(name, "字段与权限")},
    }
    if view.can_add:
        paths[f"{base}/"]["post"] = _operation(name, "新增", body=writes, status=201)
    if view.can_edit:
        paths[f"{base}/{{pk}}"]["put"] = _operation(name, "修改", [one], body=writes)
    if view.can_delete:
        paths[f"{base}/{{pk}}"]["delete"] = _operation(name, "删除", [one])
    if view.statistics:
        by = {
            "in": "query",
            "name": "by",
            "required": True,
            "schema": {"type": "string", "enum": view.statistics.names},
        }
        unit = {"in": "query", "name": "unit", "schema": {"type": "integer"}}
        paths[f"{base}/statistics"] = {"get": _operation(name, "统计", [by, unit])}
    paths |= _of_steps(view, base, one)
    if view.is_reportable:
        paths |= _of_reviews(name, base, one)
    if view.has_attachments:
        file = {"in": "path", "name": "file", "required": True, "schema": {"type": "integer"}}
        paths[f"{base}/{{pk}}/attachments"] = {
            "get": _operation(name, "附件", [one]),
            "post": _operation(name, "上传附件", [one], status=201),
        }
        paths[f"{base}/{{pk}}/attachments/{{file}}"] = {
            "get": _operation(name, "下载附件", [one, file]),
            "delete": _operation(name, "删除附件", [one, file]),
        }
    for path, operations in paths.items():
        api_spec.path(path=path, operations=operations)


def _of_steps(view: RecordView, base: str, one: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Each step, of one record and of many."""
    name, paths = view.resource, dict[str, dict[str, Any]]()
    for step in view.steps().values():
        asks = {a.name: a.field.schema() for a in step.asks}
        body = {
            "type": "object",
            "properties": asks,
            "required": [a.name for a in step.asks if a.field.required],
        }
        which: dict[str, Any] = {"ids": {"type": "array", "items": {"type": "integer"}}}
        if step.hop:
            which["unit"] = {
                "type": "integer",
                "description": "代替 ids：该单位由本单位保管的全部记录，答 job",
            }
        if step.by_number:
            number = view.model.fields()[view.model.known_by]
            which[number.name] = {"type": "string", "description": f"代替 ids：{number.label}，全国范围"}
        many = body | {"properties": asks | which}
        if not body["required"]:
            del body["required"]
        paths[f"{base}/{{pk}}/steps/{step.name}"] = {
            "post": _operation(name, str(step.label), [one], body=body)
        }
        paths[f"{base}/steps/{step.name}"] = {"post": _operation(name, f"{step.label}（多条）", body=many)}
    return paths


def _of_reviews(name: str, base: str, one: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What a reviewer asks of a record that comes up again."""
    settled = {"type": "array", "items": {"type": "boolean", "nullable": True}}
    body = {"type": "object", "properties": {"settled": settled}, "required": ["settled"]}
    points = _operation(name, "退回意见和答复", [one])
    return {
        f"{base}/{{pk}}/points": {
            "get": points,
            "put": _operation(name, "审核对退回意见的答复", [one], body=body),
        },
        f"{base}/{{pk}}/since": {"get": _operation(name, "与上次上报相比", [one])},
    }


def _operation(
    tag: str, summary: str, parameters: Any = (), reads: Any = None, body: Any = None, status: int = 200
) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": reads["schema"]} if reads else {"type": "object"}}}
    made: dict[str, Any] = {
        "tags": [tag],
        "summary": summary,
        "parameters": list(parameters),
        "security": [{"jwt": []}],
        "responses": {str(status): {"description": "OK", "content": content}}
        | {
            code: {"description": words}
            for code, words in (
                ("400", "请求有误"),
                ("401", "未登录"),
                ("403", "无权限"),
                ("404", "不存在或不在范围内"),
                ("409", "被拒绝"),
                ("422", "内容不符合要求"),
            )
        },
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
