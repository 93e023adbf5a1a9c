"""REST from the same declaration: FAB's ModelRestApi protocol, steps, statistics, history and OpenAPI included.

Authentication is FAB's JSON web token (or the pages' own session with its CSRF token); rights, scope, rules and
steps are those of the pages.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apispec import APISpec
from flask import jsonify, request
from flask_appbuilder.api import BaseApi, expose
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from app.kit import (
    anywhere,
    attachments,
    codes,
    columns,
    filing,
    listing,
    openapi,
    query,
    saving,
    sheetpage,
    statpage,
    sweep,
)
from app.kit.access import require, writes
from app.kit.apidoor import bounded, read_body, rison, secured
from app.kit.database import db
from app.kit.errors import BadRequest, Forbidden, Invalid, Missing, Problem, Refused
from app.kit.history import RecordVersion
from app.kit.listing import Order
from app.kit.listpage import loading, state_chip, without_texts
from app.kit.question import Question, unit_class
from app.kit.scope import Actor
from app.kit.view import RecordView
from app.kit.workflow import perform_many

#: the ids of one call to a step
MOST_IDS = 1000


class RecordApi(BaseApi):
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
        session: Session = db.session()
        return session

    # --- routes ----------------------------------------------------------------------------------------------

    @expose("/", methods=["GET"])
    @secured("read")
    def get_list(self, who: Actor) -> Any:
        """Records by FAB's rison ``q``: filters, order_column, order_direction, page, page_size, columns."""
        asked = rison()
        statement = self._asked(asked, who)
        size = bounded(asked.get("page_size"), self.view.page_size, listing.MAX_SIZE)
        order = self._order(asked)
        number = bounded(asked.get("page"), 0, 10**6)
        if why := listing.too_many_to_sort(self.session, statement, self.view.model, order):
            raise BadRequest(why)
        fields = self._columns(asked)
        piece = listing.page(
            self.session,
            statement,
            self.view.model,
            order,
            size,
            str(asked.get("key") or ""),
            number,
            [*loading(self.view), *(without_texts(self.view, fields) if fields else ())],
        )
        return jsonify(
            count=listing.count(self.session, statement, exact=True),
            ids=[record.id for record in piece.rows],
            result=[self._json(record, who, fields) for record in piece.rows],
            next_key=piece.next_key,
            **self._about(asked.get("keys")),
        )

    @expose("/<int:pk>", methods=["GET"])
    @secured("read")
    def get(self, who: Actor, pk: int) -> Any:
        """One record with its inline rows."""
        record = self.view.find(pk)
        return jsonify(id=record.id, result=self._json(record, who, self._columns(rison()), children=True))

    @expose("/", methods=["POST"])
    @secured("write")
    def post(self, who: Actor) -> Any:
        """Add a record; warnings are accepted and told."""
        if not self.view.can_add:
            raise Forbidden(_("这类记录由系统生成，不能新增"))
        if (why := self.view.why_not_add(who)) is not None:
            raise Refused(why)
        record = self.view.model()
        warnings = saving.save(self.session, record, read_body(), who)
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
        warnings = saving.save(self.session, record, read_body(), who)
        result = self._json(record, who, None, children=True)
        self.session.commit()
        return jsonify(id=pk, result=result, **_warned(warnings))

    @expose("/<int:pk>", methods=["DELETE"])
    @secured("write")
    def delete(self, who: Actor, pk: int) -> Any:
        """Delete a record, if its guards allow."""
        if not self.view.can_delete:
            raise Forbidden(_("这类记录不能删除"))
        words = saving.delete(self.session, self.view.find(pk), who)
        self.session.commit()
        return jsonify(message=str(words or gettext("删除成功")))

    @expose("/<int:pk>/steps/<step>", methods=["POST"])
    @secured("read")
    def step(self, who: Actor, pk: int, step: str) -> Any:
        """Perform one step on one record."""
        self._may(who, step)
        is_alone = self.view.steps()[step].is_alone
        record = self.view.find(pk, lock=is_alone)
        perform, answers = record.perform_locked if is_alone else record.perform, read_body(optional=True)
        if (job := self.view.handed_over(record, step, who, answers)) is not None:
            job_id = job.id
            self.session.commit()
            return jsonify(job=job_id), 202
        perform(step, who, **answers)
        told = self.view.stepped_json(record, step, who)
        result = self._json(record, who, None, children=True)
        self.session.commit()
        return jsonify(id=pk, result=result, **told)

    @expose("/steps/<step>", methods=["POST"])
    @secured("read")
    def steps(self, who: Actor, step: str) -> Any:
        """Perform one step on many records; each is judged alone. ``unit`` in place of ``ids``: all that it holds."""
        self._may(who, step)
        answers = read_body()
        if anywhere.is_asked(self.view, step, answers):
            return self._by_number(who, step, answers)
        if "unit" in answers:
            if "ids" in answers:
                raise Invalid([Problem("unit", _("unit 与 ids 只能写一个"))])
            job_id = sweep.ask(self.view, self.session, step, who, answers.pop("unit"), answers).id
            self.session.commit()
            return jsonify(job=job_id), 202
        ids = answers.pop("ids", None)
        if (
            not isinstance(ids, list)
            or not all(isinstance(i, int) and not isinstance(i, bool) for i in ids)
            or len(ids) > MOST_IDS
        ):
            raise Invalid([Problem("ids", _("ids 应为编号的列表，最多%(most)s个", most=MOST_IDS))])
        model = self.view.model
        wanted = [i for i in ids if 0 < i < 2**31]
        records = self.session.scalars(select(model).where(model.id.in_(wanted)).order_by(model.id)).all()
        done, refused = perform_many(records, step, who, answers)
        told = [{"id": record.id, "message": str(words)} for record, words in refused]
        found = {record.id for record in records}
        told += [{"id": i, "message": str(Missing())} for i in dict.fromkeys(ids) if i not in found]
        numbers = [record.id for record in done]
        more = {record.id: facts for record in done if (facts := self.view.stepped_json(record, step, who))}
        self.session.commit()
        return jsonify(done=numbers, refused=told, **({"told": more} if more else {}))

    def _by_number(self, who: Actor, step: str, answers: dict[str, Any]) -> Any:
        """One step on the record with a number, wherever it is: 200 with the record, as for one in scope."""
        record = anywhere.perform(self.view, self.session, step, who, answers)
        result = self._json(record, who, None, children=True)
        self.session.commit()
        return jsonify(id=result["id"], result=result)

    @expose("/statistics", methods=["GET"])
    @secured("read")
    def statistics(self, who: Actor) -> Any:
        """``?by=<dimension>&unit=<id>&<conditions>`` → ``{"columns", "rows", "total"}``."""
        by = request.args.get("by", "")
        asked = self._question(who, statpage.asks(self.view, by))
        unit = asked.unit(self.session) or self.session.get(unit_class(), who.unit_id)
        table, as_of = statpage.compute(self.view, self.session, asked, unit, by)
        return jsonify(statpage.as_json(table, as_of))

    @expose("/<int:pk>/history", methods=["GET"])
    @secured("read")
    def history(self, who: Actor, pk: int) -> Any:
        """Every change, latest first, with the content before it."""
        record = self.view.find(pk)
        statement = select(RecordVersion).where(
            RecordVersion.record_type == self.view.resource, RecordVersion.record_id == pk
        )
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
                {
                    "name": step.name,
                    "label": str(step.label),
                    "asks": [_field_info(a.field, a.name) for a in step.asks],
                }
                for step in self.view.steps().values()
            ],
        )

    # --- reading what was asked --------------------------------------------------------------------------------

    def _question(self, who: Actor, more: Mapping[str, str] | None = None) -> Question:
        """What the address asks as on a page: ``shelf``, ``unit``, ``state``, conditions. Without a shelf every kind."""
        asked = Question(self.view, who, {**request.args, **(more or {})})
        if not (shelf := asked.args.get("shelf")):
            asked.shelf = None
        elif asked.shelf is None or asked.shelf.name != shelf:
            names = ", ".join(one.name for one in self.view.shelves)
            raise BadRequest(
                _("没有「%(shelf)s」这个列表，可用的有：%(names)s", shelf=shelf[:30], names=names)
            )
        if asked.asked.problems:
            raise Invalid(asked.asked.problems)
        if asked.unit(self.session) is None and request.args.get("unit") not in (None, "", str(who.unit_id)):
            raise Missing
        return asked

    def _asked(self, asked: dict[str, Any], who: Actor) -> Select[Any]:
        statement = self._question(who).statement(self.session)
        filters = asked.get("filters") or []
        if not isinstance(filters, list) or len(filters) > 50:
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

    def _about(self, keys: Any) -> dict[str, Any]:
        """What stands beside the rows: all of it, or what FAB's ``keys`` names (``none`` is nothing)."""
        names = self.view.columns
        about = {
            "list_columns": list(names),
            "label_columns": {name: str(self.view.label_of(name)) for name in names},
            "list_title": str(self.view.list_title),
        }
        return {k: v for k, v in about.items() if k in keys} if isinstance(keys, list) and keys else about

    def _columns(self, asked: dict[str, Any]) -> set[str] | None:
        wanted = asked.get("columns")
        return {str(name) for name in wanted} if isinstance(wanted, list) and wanted else None

    def _may(self, who: Actor, step: str) -> None:
        if step not in self.view.steps():
            raise BadRequest(_("没有「%(step)s」这个操作", step=step[:30]))
        require(who, step, self.view.resource)

    def _json(
        self, record: Any, who: Actor, wanted: set[str] | None, *, children: bool = False
    ) -> dict[str, Any]:
        """A record as JSON: fields as named in the spec, inline rows nested, the state as the viewer's word."""
        shown = _row_json(record, wanted, children=children) | self.view.more_json(record, who)
        if self.view.is_reportable:
            shown["report_state"] = str(state_chip(record.report_state(who)).text)
        return {key: value for key, value in shown.items() if wanted is None or key in wanted or key == "id"}

    @expose("/<int:pk>/attachments", methods=["GET"])
    @secured("read")
    def attachments(self, who: Actor, pk: int) -> Any:
        """The files of a record."""
        record = self._with_files(pk)
        return jsonify(
            result=[_file_json(file) for file in attachments.of(self.session, self.view.resource, record.id)]
        )

    @expose("/<int:pk>/attachments", methods=["POST"])
    @secured("write")
    def attach(self, who: Actor, pk: int) -> Any:
        """Add a file: multipart ``file`` and ``attachment_type``."""
        stored = filing.add(self.view, self.session, self._with_files(pk), request.files.get("file"), who)
        result = _file_json(stored)
        self.session.commit()
        return jsonify(id=result["id"], result=result), 201

    @expose("/<int:pk>/attachments/<int:file>", methods=["GET"])
    @secured("read")
    @writes
    def download(self, who: Actor, pk: int, file: int) -> Any:
        """The bytes of a file."""
        return filing.download(self.view, self.session, self._with_files(pk), file, who)

    @expose("/<int:pk>/attachments/<int:file>", methods=["DELETE"])
    @secured("write")
    def detach(self, who: Actor, pk: int, file: int) -> Any:
        """Remove a file."""
        filing.remove(self.view, self.session, self._with_files(pk), file, who)
        self.session.commit()
        return jsonify(message=gettext("删除成功"))

    def _with_files(self, pk: int) -> Any:
        if not self.view.has_attachments:
            raise Missing
        return self.view.find(pk)

    def add_api_spec(self, api_spec: APISpec) -> None:
        """Describe the resource from its declaration."""
        openapi.describe(api_spec, self.view, self.version)


def _file_json(file: attachments.Attachment) -> dict[str, Any]:
    kind = {"code": file.attachment_type, "label": codes.label("attachment_type", file.attachment_type)}
    return {
        "id": file.id,
        "attachment_type": kind,
        "filename": file.filename,
        "size": file.size,
        "sha256": file.sha256,
        "mime": file.mime,
        "uploaded_by": file.uploaded_by_name,
        "uploaded_at": file.uploaded_at.isoformat(),
    }


def _field_info(field: columns.Field, name: str = "") -> dict[str, Any]:
    made = {
        "name": name or field.name,
        "label": str(field.label),
        "type": field.kind,
        "required": field.required,
        "automatic": field.automatic,
        "unit": str(field.unit),
    }
    if isinstance(field, columns.CodeField):
        values = codes.values(field.table)
        made["code_table"] = field.table
        if len(values) <= query.MOST_OPTIONS:
            made["choices"] = [{"code": value.code, "label": value.label} for value in values]
    elif isinstance(field, columns.ChoicesField):
        made["choices"] = [{"code": code, "label": str(label)} for code, label in field.offers()]
    return made


def _row_json(row: Any, wanted: set[str] | None, *, children: bool) -> dict[str, Any]:
    """The fields that are ``wanted``, or all of them; no other is loaded."""
    shown: dict[str, Any] = {"id": row.id, "version": getattr(row, "version", None)}
    shown |= {
        name: field.json(getattr(row, name))
        for name, field in type(row).fields().items()
        if wanted is None or name in wanted
    }
    if children:
        shown |= {
            name: [_row_json(child, None, children=False) for child in getattr(row, name)]
            for name in type(row).children
            if wanted is None or name in wanted
        }
    return shown


def _warned(warnings: list[Problem]) -> dict[str, Any]:
    return {"warnings": Invalid(warnings).errors} if warnings else {}


def api_of(view: RecordView, *more: type[Any]) -> RecordApi:
    """The REST resource of a view, with the routes of ``more``."""
    name = "".join(part.title() for part in view.resource.split("_"))
    cls: type[RecordApi] = type(f"{name}Api", (*more, *view.more_api, RecordApi), {})
    return cls(view)
