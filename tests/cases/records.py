"""What every record type promises on pages and over REST. A module's test inherits it and declares data.

class TestPetition(RecordViewCases):
    view = PetitionView
    form = {"received_on": "2026-03-02", …}      or a method form(self, people)
    edit = {"people": 12}
    wrong = [("people", "-1", "不能为负")]
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

import lxml.html
import prison
import pytest

from app.kit import columns
from app.kit.scope import SYSTEM, acting
from app.kit.view import RecordView
from tests.cases.applying import when
from tests.cases.sampling import share
from tests.world import Form, as_form, errors_of, words_of

COUNTS = Path(__file__).parents[1] / "query_counts.json"
MOST_STATEMENTS, MOST_BYTES = 6, 80 * 1024
#: a megabyte, NUL, half a character, markup, a formula, a format, a path
HOSTILE = (
    "甲" * 9_000,
    "a\x00b",
    "\ud800",
    "<script>alert(1)</script>",
    "=1+1",
    "%s%n{0}",
    "../../etc/passwd",
    "' OR 1=1 --",
)
NUMBERS = ("-1", "1e400", "NaN", "Infinity", "9" * 400, "1.005", "٣", "0x10", "-0.01", "1__0")
HOSTILE_RISON = (
    "(page:",
    "!(1,2)",
    "(filters:!((col:password,opr:eq,value:x)))",
    "(filters:!((col:id,opr:nope,value:1)))",
    "(filters:!((col:!(a),opr:eq,value:1)))",
    "(filters:!((col:id,opr:eq,value:(a:1))))",
    "(filters:!((col:id,opr:in,value:7)))",
    "(filters:!((col:id,opr:eq,value:99999999999999999999999)))",
    "(filters:x)",
    "(filters:!(x))",
    "(order_column:password)",
    "(order_column:__class__)",
    "(order_column:!(a))",
    "(page:a)",
    "(page:-1)",
    "(page_size:!t)",
    "(page:999999999999999999999)",
    "(columns:x)",
    "%00",
    "(" * 3000,
)
DATES = ("2026-02-30", "0000-00-00", "9999-99-99", "昨天", "20260230", "2026-1-1-1", "-2026-01-01")


class RecordViewCases:
    """A record type keeps the kit's promises."""

    view: ClassVar[type[RecordView]]
    #: what is changed by an edit, as typed, and still valid
    edit: ClassVar[Mapping[str, Any]] = {}
    #: (field, what is typed, words that are told beside it)
    wrong: ClassVar[list[tuple[str, Any, str]]] = []
    #: units: where the records are made, one beside it, one above, one far away
    owner: ClassVar[str] = "dewai"
    sibling: ClassVar[str] = "xinjiekou"
    stranger: ClassVar[str] = "caohejing"
    #: False where every row is everybody's
    is_scoped: ClassVar[bool] = True
    #: False where the record type has no history or no versions
    is_versioned: ClassVar[bool] = True
    #: True where everybody may read over REST, since forms need it
    is_read_by_all: ClassVar[bool] = False
    #: parts of the list's URL
    list_args: ClassVar[str] = ""

    # --- what a module declares -------------------------------------------------------------------------------

    def form_of(self, people: Any) -> dict[str, Any]:
        """A valid record as typed; a method ``form(self, people)`` or a dictionary."""
        form: Any = self.form  # type: ignore[attr-defined]
        return dict(form(people) if callable(form) else form)

    def make(self, country: Any, people: Any, unit: str | None = None, **overrides: Any) -> Any:
        """A stored record of a unit."""
        who = country.actor(self.person(country, unit))
        return country.make(self.view.model, self.form_of(people) | overrides, who)

    # --- tools ------------------------------------------------------------------------------------------------

    @pytest.fixture(autouse=True)
    def _in_this_house(self, app, country):
        self.app, self.country = app, country

    @contextmanager
    def inside(self):
        """Code tables can be read within; no request is made here."""
        with self.app.app_context(), acting(SYSTEM):
            yield

    @property
    def resource(self) -> str:
        return str(self.view.model.resource())

    def person(self, country: Any, unit: str | None = None) -> str:
        return str(country.person_of(unit or self.owner, self.view.right))

    def page(self, rest_of_url: str) -> str:
        return f"/{self.resource}/{rest_of_url}"

    def api(self, rest_of_url: Any = "") -> str:
        return f"/api/v1/{self.resource}/{rest_of_url}"

    def typed_fields(self) -> dict[str, columns.Field]:
        """The fields of the sheet that a person types."""
        fields = self.view.model.fields()
        names = [name for _label, part in self.view.sheet if not isinstance(part, str) for name in part]
        return {name: fields[name] for name in names if not fields[name].automatic}

    def same(self, country: Any, record: Any) -> bool:
        """Whether the stored row is as it was."""
        now = country.again(record)
        return now is not None and (
            not self.is_versioned or (now.version, now.updated_at) == (record.version, record.updated_at)
        )

    def value(self, record: Any, name: str) -> Any:
        """A stored value as it would be typed."""
        with self.inside():
            return type(record).fields()[name].typed(getattr(record, name))

    def as_stored(self, name: str, raw: Any) -> str:
        """Typed text as it would be typed again."""
        field = self.view.model.fields()[name]
        with self.inside():
            return field.typed(field.read(raw))

    # --- pages ------------------------------------------------------------------------------------------------

    def test_the_list_shows_what_there_is(self, login, country, people):
        self.make(country, people)
        clerk = login(self.person(country))
        answer = clerk.get(self.page(f"list/{self.list_args}"))
        assert answer.status_code == 200
        document = lxml.html.fromstring(answer.text)
        assert document.xpath("//table//tbody/tr"), "no rows"
        words = words_of(answer.text)
        with self.inside():
            assert all(str(self.view().label_of(name)) in words for name in self.view.columns)

    def test_the_list_of_each_shelf_opens(self, login, country):
        clerk = login(self.person(country))
        for shelf in self.view.shelves:
            assert clerk.get(self.page(f"list/?shelf={shelf.name}")).status_code == 200

    def test_a_record_is_shown_with_every_field(self, login, country, people):
        record = self.make(country, people)
        answer = login(self.person(country)).get(self.page(f"show/{record.id}"))
        assert answer.status_code == 200
        words = words_of(answer.text)
        for name, field in self.typed_fields().items():
            assert str(field.label) in words, name
            if not field.masked and not isinstance(field, columns.ReferenceField):
                with self.inside():
                    assert field.text(getattr(record, name)) in words, name

    @when(lambda cases: any(field.masked for field in cases.view.model.fields().values()))
    def test_a_masked_number_is_shown_on_demand_and_the_look_is_noted(self, login, country, people):
        masked = [name for name, field in self.typed_fields().items() if field.masked]
        assert masked
        from app.kit.workflow import StepLog

        record, clerk = self.make(country, people), login(self.person(country))
        for name in masked:
            assert getattr(record, name) not in clerk.get(self.page(f"show/{record.id}")).text
            answer = clerk.post(self.page(f"reveal/{record.id}?field={name}"))
            assert answer.json == {"text": getattr(record, name)}
        looks = country.all(StepLog, StepLog.record_id == record.id, StepLog.step == "reveal")
        assert [look.answers for look in looks] == [{"field": name} for name in masked]
        assert clerk.post(self.page(f"reveal/{record.id}?field=id")).status_code == 404

    @when("can_add")
    @when("has_add_form")
    def test_a_record_is_added_through_the_form(self, login, country, people):
        clerk, typed = login(self.person(country)), self.form_of(people)
        answer = clerk.submit(clerk.form(self.page("add")).fill(typed))
        assert answer.status_code in {200, 302}, errors_of(answer.text)
        record = country.all(self.view.model)[-1]
        record = country.again(record)
        for name in self.typed_fields():
            if name in typed:
                assert self.value(record, name) == self.as_stored(name, typed[name]), name
        for child in self.view.model.children:
            assert len(getattr(record, child)) == len(typed.get(child) or [])
        assert answer.status_code == 200 or clerk.get(answer.location).status_code == 200
        if self.is_versioned:
            assert [version.step for version in country.versions(record)] == ["add"]

    @when("can_edit")
    @when("has_edit_form")
    def test_a_record_is_edited_through_the_form(self, login, country, people):
        record, clerk = self.make(country, people), login(self.person(country))
        answer = clerk.submit(clerk.form(self.page(f"edit/{record.id}")).fill(self.edit))
        assert answer.status_code == 302, errors_of(answer.text)
        now = country.again(record)
        for name in self.typed_fields():
            expected = (
                self.as_stored(name, self.edit[name]) if name in self.edit else self.value(record, name)
            )
            assert self.value(now, name) == expected, name
        if self.is_versioned:  # AID-R065: with the content before the change
            last = country.versions(record)[-1]
            assert last.step == "edit"
            assert {name for name, _before, _after in last.diff} >= set(self.edit)
            assert last.snapshot["id"] == record.id
            page = clerk.get(self.page(f"show/{record.id}?tab=history")).text
            assert all(str(self.view.model.fields()[name].label) in page for name in self.edit)

    @when("can_edit")
    @when("has_edit_form")
    def test_an_untouched_form_changes_nothing(self, login, country, people):
        record, clerk = self.make(country, people), login(self.person(country))
        answer = clerk.submit(clerk.form(self.page(f"edit/{record.id}")))
        assert answer.status_code == 302, errors_of(answer.text)
        now = country.again(record)
        assert {n: self.value(now, n) for n in self.typed_fields()} == {
            n: self.value(record, n) for n in self.typed_fields()
        }
        for child in self.view.model.children:
            assert [row.id for row in getattr(now, child)] == [row.id for row in getattr(record, child)]

    @when("can_delete")
    def test_a_record_is_deleted(self, login, country, people):
        record, clerk = self.make(country, people), login(self.person(country))
        assert clerk.get(self.page(f"delete/{record.id}")).status_code == 405  # steps only by POST
        assert clerk.post(self.page(f"delete/{record.id}")).status_code == 302
        assert self.is_gone(country, record)
        assert clerk.get(self.page(f"show/{record.id}")).status_code == 404

    @when("can_delete")
    def test_ticked_records_are_deleted(self, login, country, people):  # AID-R063
        records = [self.make(country, people, **self.another(n)) for n in range(2)]
        answer = login(self.person(country)).post(self.page("delete"), {"ids": [str(r.id) for r in records]})
        assert answer.status_code == 302
        assert all(self.is_gone(country, record) for record in records)

    def is_gone(self, country: Any, record: Any) -> bool:
        """Whether a deleted record has left the database, or what stands for that."""
        return country.again(record) is None

    def another(self, number: int) -> dict[str, Any]:
        """What makes a second record of the same form possible."""
        return {}

    def test_paper_and_files(self, login, country, people):
        record, clerk = self.make(country, people), login(self.person(country))
        if self.view.can_print:
            for url in (f"print/{record.id}", "print?rows=page&fields=shown", "print?rows=result&fields=all"):
                answer = clerk.get(self.page(url))
                assert answer.status_code == 200, url
                assert answer.mimetype == "text/html"
            answer = clerk.get(self.page(f"word/{record.id}"))
            assert answer.status_code == 200
            assert answer.data[:2] == b"PK"
        for kind, begins in (("xlsx", b"PK"), ("csv", b"\xef\xbb\xbf")):
            answer = clerk.get(self.page(f"export?format={kind}"))
            assert answer.status_code == 200
            assert answer.data.startswith(begins)
            assert answer.headers["Content-Disposition"].startswith("attachment")
        assert clerk.get(self.page("export?format=exe")).status_code == 400
        if self.view.can_add and self.view.has_add_form:
            assert clerk.get(self.page("blank")).status_code == 200  # AID-R085

    @when("statistics")
    def test_every_statistic_adds_up(self, login, rest, country, people):  # AID-R083, AID-R084
        self.make(country, people)
        clerk, client = login(self.person(country)), rest(self.person(country))
        assert clerk.get(self.page("statistics")).status_code == 200
        for dimension in self.view.statistics.names:
            assert clerk.get(self.page(f"statistics?by={dimension}")).status_code == 200
            assert client.get(self.api(f"statistics?by={dimension}")).status_code == 200
        for dimension in share(self.resource, self.view.statistics.names):
            assert clerk.get(self.page(f"statistics?by={dimension}&format=xlsx")).data[:2] == b"PK"
        assert client.get(self.api("statistics?by=id_card_no")).status_code == 400

    # --- wrong input ------------------------------------------------------------------------------------------

    @when("can_add")
    @when("has_add_form")
    def test_a_missing_required_field_is_told_beside_it_and_nothing_typed_is_lost(
        self, login, country, people
    ):
        # AID-R051
        clerk, typed = login(self.person(country)), self.form_of(people)
        required = [
            name for name, field in self.typed_fields().items() if field.required and field.default is None
        ]
        empty = {name: [] if field.kind == "rights" else "" for name, field in self.typed_fields().items()}
        answer = clerk.submit(clerk.form(self.page("add")).fill(empty))
        assert answer.status_code == 422
        assert set(errors_of(answer.text)) >= set(self.derived_free(required))
        name = self.derived_free(required)[0]
        answer = clerk.submit(clerk.form(self.page("add")).fill(typed | {name: ""}))
        assert answer.status_code == 422
        assert errors_of(answer.text)[name]
        self.nothing_lost(answer.text, {key: value for key, value in typed.items() if key != name})

    def derived_free(self, names: list[str]) -> list[str]:
        """Required fields that are not filled in from others when left empty."""
        return names

    @when("can_add")
    @when("has_add_form")
    def test_a_wrong_value_is_told_beside_its_field(self, login, rest, country, people):
        clerk, client = login(self.person(country)), rest(self.person(country))
        for name, raw, words in self.wrong:
            typed = self.form_of(people)
            _put(typed, name, raw)
            answer = clerk.submit(clerk.form(self.page("add")).fill(typed))
            assert answer.status_code == 422, (name, raw)
            page_name = name.replace(".", "-")
            assert words in errors_of(answer.text).get(page_name, ""), (name, raw, errors_of(answer.text))
            self.nothing_lost(answer.text, typed)
            answer = client.post(self.api(), json=typed)
            assert answer.status_code == 422, (name, raw)
            assert any(words in told for told in answer.json["errors"].get(name, [])), (name, answer.json)

    def nothing_lost(self, page: str, typed: Mapping[str, Any]) -> None:
        stands = Form.of(page).values
        for name, value in as_form(typed).items():
            if value != "" and not name.endswith("-shown"):
                expected = value if isinstance(value, list) else [value]
                assert stands.getlist(name) == expected, name

    # --- scope and rights -------------------------------------------------------------------------------------

    def doors(self, pk: int) -> list[tuple[str, str]]:
        """Every page of one record: method and address."""
        found = [
            ("GET", f"show/{pk}"),
            ("GET", f"show/{pk}?tab=history"),
            ("POST", f"reveal/{pk}?field=id_card_no"),
        ]
        if self.view.can_print:
            found += [("GET", f"print/{pk}"), ("GET", f"word/{pk}")]
        if self.view.can_edit:
            found += [("GET", f"edit/{pk}"), ("POST", f"edit/{pk}")]
        if self.view.can_delete:
            found.append(("POST", f"delete/{pk}"))
        if self.view.has_attachments:
            found += [("POST", f"attach/{pk}"), ("GET", f"file/{pk}/1"), ("POST", f"file/{pk}/1/delete")]
        return [(method, self.page(address)) for method, address in found]

    def steps(self) -> list[str]:
        """The steps that the module's own right opens; those of another right have tests of their own."""
        return [name for name, step in self.view.steps().items() if not step.right]

    def api_doors(self, pk: int) -> list[tuple[str, str]]:
        """Every REST address of one record."""
        found = [("GET", self.api(pk)), ("GET", self.api(f"{pk}/history"))]
        found += [("PUT", self.api(pk))] if self.view.can_edit else []
        found += [("DELETE", self.api(pk))] if self.view.can_delete else []
        return found + [("POST", self.api(f"{pk}/steps/{name}")) for name in self.steps()]

    @when(lambda cases: cases.is_scoped)
    def test_other_units_rows_are_404(self, login, rest, country, people):
        theirs = self.make(country, people)
        for unit in (self.sibling, self.stranger):
            clerk, client = login(self.person(country, unit)), rest(self.person(country, unit))
            for method, url in self.doors(theirs.id):
                assert clerk.open(url, method=method, data={"csrf_token": clerk.csrf}).status_code == 404, (
                    method,
                    url,
                )
            for method, url in self.api_doors(theirs.id):
                assert client.open(url, method=method, json=dict(self.edit)).status_code == 404, (method, url)
            assert str(theirs.id) not in self.listed(client)
            for step in self.steps():
                url = self.page(f"dialog/{step}?ids={theirs.id}")
                assert clerk.get(url).status_code == 400
                assert (
                    clerk.post(self.page(f"steps/{step}"), {"ids": theirs.id, "message": "x"}).status_code
                    == 404
                )
                told = client.post(self.api(f"steps/{step}"), json={"ids": [theirs.id], "message": "x"}).json
                assert told["done"] == []
                assert [one["id"] for one in told["refused"]] == [theirs.id]
            if self.view.can_delete:
                clerk.post(self.page("delete"), {"ids": theirs.id})
            assert theirs.title not in clerk.get(self.page("export?format=csv")).text
        assert self.same(country, theirs)

    def listed(self, client: Any) -> set[str]:
        found = client.get(
            self.api(f"?q={prison.dumps({'page_size': -1, 'order_column': 'id', 'order_direction': 'desc'})}")
        )
        assert found.status_code == 200, found.json
        return {str(i) for i in found.json["ids"]}

    def test_a_number_that_no_record_has_is_404(self, login, rest, country):
        clerk, client = login(self.person(country)), rest(self.person(country))
        for pk in (0, 2**31 - 1, 2**31, 10**30):
            assert clerk.get(self.page(f"show/{pk}")).status_code == 404
            assert client.get(self.api(pk)).status_code == 404

    @when(lambda cases: cases.view.right is not None)
    def test_without_the_right_everything_is_403(self, login, rest, country, people):  # AID-R002
        record = self.make(country, people)
        country.give("dewai_reader")
        clerk, client = login("dewai_reader"), rest("dewai_reader")
        for method, url in [*self.doors(record.id), *self.whole_pages()]:
            assert clerk.open(url, method=method, data={"csrf_token": clerk.csrf}).status_code == 403, (
                method,
                url,
            )
        for method, url in [*self.api_doors(record.id), ("GET", self.api()), ("GET", self.api("_info"))]:
            if method == "GET" and self.is_read_by_all:
                continue
            assert client.open(url, method=method, json=dict(self.edit)).status_code == 403, (method, url)
        assert f"/{self.resource}/" not in clerk.menu()  # and no menu line
        assert self.same(country, record)

    def whole_pages(self) -> list[tuple[str, str]]:
        """Pages that are not about one record."""
        found = [
            ("GET", "list/"),
            ("GET", "print"),
            ("GET", "export"),
            ("GET", "statistics"),
            ("GET", "counts"),
            ("GET", "panel"),
        ]
        found += [("GET", "blank"), ("GET", "add"), ("POST", "add")] if self.view.can_add else []
        return [(method, self.page(address)) for method, address in found]

    def test_nobody_is_served_without_logging_in(self, anonymous, country, people):  # AID-R001
        record = self.make(country, people)
        for method, url in [*self.doors(record.id), *self.whole_pages(), *self.api_doors(record.id)]:
            answer = anonymous.open(url, method=method)
            assert answer.status_code == 401 or (method == "POST" and answer.status_code == 400), (
                method,
                url,
            )
            assert record.title not in answer.text or len(record.title) < 3
        assert self.same(country, record)

    def test_a_post_without_the_token_of_a_page_is_refused(self, login, country, people):
        record, clerk = self.make(country, people), login(self.person(country))
        for method, url in self.doors(record.id):
            if method == "POST":
                assert clerk.open(url, method="POST", data=as_form(self.edit)).status_code == 400
        assert self.same(country, record)

    # --- REST -------------------------------------------------------------------------------------------------

    def test_rest_adds_reads_changes_and_deletes(self, rest, country, people):
        client = rest(self.person(country))
        if self.view.can_add:
            typed = self.form_of(people)
            answer = client.post(self.api(), json=typed)
            assert answer.status_code == 201, answer.json
            pk, shown = answer.json["id"], answer.json["result"]
            for name in self.typed_fields():
                if name in typed:
                    assert self.as_stored(name, shown[name]) == self.as_stored(name, typed[name]), name
        else:
            pk = self.make(country, people).id
        before = client.get(self.api(pk)).json["result"]
        assert before["id"] == pk
        if self.view.can_edit:
            answer = client.put(self.api(pk), json=dict(self.edit))
            assert answer.status_code == 200, answer.json
            after = client.get(self.api(pk)).json["result"]
            for name in self.typed_fields():
                expected = self.edit.get(name, before[name])
                assert self.as_stored(name, after[name]) == self.as_stored(name, expected), name
            if self.is_versioned:
                told = client.get(self.api(f"{pk}/history")).json["result"]
                assert told[0]["step"] == "edit"
                assert {line["field"] for line in told[0]["diff"]} >= set(self.edit)
        if self.view.can_delete:
            assert client.delete(self.api(pk)).status_code == 200
            assert client.get(self.api(pk)).status_code == 404

    @when("can_edit")
    def test_what_is_read_can_be_written_back(self, rest, country, people):
        record, client = self.make(country, people), rest(self.person(country))
        shown = client.get(self.api(record.id)).json["result"]
        fields = self.typed_fields()
        body = {
            name: value for name, value in shown.items() if name in fields or name in self.view.model.children
        }
        answer = client.put(self.api(record.id), json=body)
        assert answer.status_code == 200, answer.json
        assert {n: answer.json["result"][n] for n in fields} == {n: shown[n] for n in fields}

    def test_rest_lists_by_filters_order_and_page(self, rest, country, people):
        record, client = self.make(country, people), rest(self.person(country))
        answer = client.get(
            self.api(f"?q={prison.dumps({'filters': [{'col': 'id', 'opr': 'eq', 'value': record.id}]})}")
        )
        assert (answer.status_code, answer.json["count"], answer.json["ids"]) == (200, 1, [record.id]), (
            answer.json
        )
        answer = client.get(
            self.api(
                f"?q={prison.dumps({'page_size': 1, 'order_column': 'id', 'order_direction': 'desc', 'columns': ['id']})}"
            )
        )
        assert answer.json["ids"] == [max(int(i) for i in self.listed(client))]
        assert set(answer.json["result"][0]) == {"id"}

    def test_rest_tells_its_fields(self, rest, country):
        answer = rest(self.person(country)).get(self.api("_info"))
        assert answer.status_code == 200
        assert {field["name"] for field in answer.json["columns"]} == set(self.view.model.fields())
        assert {step["name"] for step in answer.json["steps"]} == set(self.view.steps())

    @when("can_edit")
    def test_rest_refuses_a_field_that_there_is_not(self, rest, country, people):
        record, client = self.make(country, people), rest(self.person(country))
        answer = client.put(self.api(record.id), json={"no_such_field": 1})
        assert answer.status_code == 422
        assert "no_such_field" in answer.json["errors"]

    @when("can_edit")
    def test_automatic_fields_are_never_obeyed(self, rest, country, people):
        record, client = self.make(country, people), rest(self.person(country))
        stolen = country.unit(self.stranger)
        body = {
            "owner_unit_id": stolen.id,
            "owner_path": stolen.path,
            "holder_depth": 1,
            "returned": True,
            "created_at": "1999-01-01",
        }
        for name, value in body.items():
            assert client.put(self.api(record.id), json={name: value}).status_code in {200, 422}
        now = country.again(record)
        for name in body:
            if hasattr(record, name):
                assert getattr(now, name) == getattr(record, name), name

    # --- saved once, never overwritten, never lost ------------------------------------------------------------

    @when("can_add")
    @when("has_add_form")
    def test_a_double_click_saves_once(self, login, country, people):  # AID-R020
        clerk = login(self.person(country))
        form = clerk.form(self.page("add")).fill(self.form_of(people))
        before = len(country.all(self.view.model))
        first, second = clerk.submit(form), clerk.submit(form)
        assert {first.status_code, second.status_code} <= {200, 302}, errors_of(second.text)
        assert len(country.all(self.view.model)) == before + 1

    @when("can_edit")
    @when("has_edit_form")
    @when(lambda cases: cases.is_locked)
    def test_a_concurrent_edit_is_refused_with_who_and_when(self, login, rest, country, people):  # AID-R232
        record, clerk = self.make(country, people), login(self.person(country))
        mine = clerk.form(self.page(f"edit/{record.id}")).fill(self.edit)
        client = rest(self.person(country))
        name = next(iter(self.edit))
        assert client.put(self.api(record.id), json={name: self.edit[name]}).status_code == 200
        changed = country.again(record)
        answer = clerk.submit(mine)
        assert answer.status_code == 409
        words = words_of(answer.text)
        assert changed.updated_by_name in words
        assert changed.updated_at.strftime("%Y-%m-%d %H:%M") in words
        self.nothing_lost(answer.text, self.edit)
        answer = client.put(self.api(record.id), json=dict(self.edit) | {"version": record.version})
        assert answer.status_code == 409
        assert changed.updated_by_name in answer.json["message"]

    #: False where no version guards the record
    is_locked: ClassVar[bool] = True

    def needs_draft(self, clerk: Any, form: Form, address: str) -> Any:
        page = lxml.html.fromstring(clerk.get(self.page(address)).text)
        return clerk.post(page.get_element_by_id("kit-form").get("data-draft"), form.values)

    @pytest.mark.parametrize("which", ["add", "edit"])
    @when("can_{which}")
    @when("has_{which}_form")
    def test_a_draft_is_kept_and_restored(self, login, country, people, which):
        address = "add" if which == "add" else f"edit/{self.make(country, people).id}"
        clerk, typed = (
            login(self.person(country)),
            self.form_of(people) if which == "add" else dict(self.edit),
        )
        answer = self.needs_draft(clerk, clerk.form(self.page(address)).fill(typed), address)
        assert answer.status_code == 200
        assert answer.json["saved_at"]
        page = lxml.html.fromstring(clerk.get(self.page(address)).text)
        links = page.xpath("//*[@data-restore-draft]/@href")
        assert links
        self.nothing_lost(clerk.get(links[0]).text, typed)
        saved = clerk.submit(clerk.form(links[0]))
        assert saved.status_code in {200, 302}, errors_of(saved.text)
        assert "data-restore-draft" not in clerk.get(self.page(address)).text  # a saved form has no draft

    @when("can_add")
    @when("has_add_form")
    def test_a_draft_is_discarded_and_is_nobody_elses(self, login, country, people):
        clerk = login(self.person(country))
        self.needs_draft(clerk, clerk.form(self.page("add")).fill(self.form_of(people)), "add")
        other = self.person(country, self.sibling)
        assert (
            other == self.person(country)
            or "data-restore-draft" not in login(other).get(self.page("add")).text
        )
        page = lxml.html.fromstring(clerk.get(self.page("add")).text)
        clerk.post(page.xpath("//*[@data-discard-draft]/@formaction")[0])
        assert "data-restore-draft" not in clerk.get(self.page("add")).text

    # --- hostile input ----------------------------------------------------------------------------------------

    def test_hostile_list_arguments_do_no_harm(self, login, country):
        clerk = login(self.person(country))
        name = self.view.conditions[0] if self.view.conditions else "id"
        queries = (
            "size=1000000",
            "size=-1",
            "size=0",
            "size=abc",
            "page=999999999999999999999999",
            "page=-5",
            "page=١",
            "order=password:asc",
            "order=__class__:asc",
            "order=id;drop table archive",
            "key=%00",
            "key=AAAA",
            "key=W10=",
            "key=bnVsbA==",
            f"key={quote('甲乙')}",
            "state=%27",
            "unit=999999999999999999999",
            "unit=-1",
            "unit=abc",
            "shelf=../..",
            "sub=7",
            "count=exact",
            f"{name}=%00",
            f"{name}=%ED%A0%80",
            f"{name}={quote('%_')}",
            f"{name}={'x' * 5000}",
            f"{name}_from=9&{name}_to=1",
            "created_at_from=2026-02-30",
        )
        for query in share(self.resource, queries):
            for page in ("list/", "counts", "print", "export"):
                if page == "counts" and not hasattr(self.view.model, "state_is"):
                    continue
                status = clerk.get(self.page(f"{page}?{query}")).status_code
                assert status < 500, (page, query, status)

    @when("can_add")
    @when("has_add_form")
    def test_what_a_form_carries_along_does_no_harm(self, login, country, people):
        """Beside its fields: which shelf, which draft, which token."""
        clerk = login(self.person(country))
        for raw in ("\x00", "\ud800", "x" * 5000, "../.."):
            odd = raw.encode("utf-8", "surrogatepass")
            add = self.page("add")
            shelf = f"{add}{'&' if '?' in add else '?'}draft=1&shelf={quote(odd)}"
            assert clerk.get(shelf).status_code < 500
            data = as_form(self.form_of(people)) | {"token": odd, "version": odd, "confirmed": odd}
            assert clerk.post(add, data).status_code < 500
            assert clerk.post(self.page("draft"), data, query_string={"form": odd}).status_code < 500
            assert clerk.post(self.page("draft/discard"), {}, query_string={"form": odd}).status_code < 500

    def test_a_page_has_at_most_200_rows(self, rest, country):
        for size in (10**6, -1, 201):
            answer = rest(self.person(country)).get(self.api(f"?q={prison.dumps({'page_size': size})}"))
            assert answer.status_code == 200
            assert len(answer.json["result"]) <= 200

    def test_hostile_rison_is_4xx_or_harmless(self, rest, country):
        client = rest(self.person(country))
        for q in share(self.resource, HOSTILE_RISON):
            answer = client.get(self.api(f"?q={quote(q, safe='()!:,%')}"))
            assert answer.status_code < 500, q
            assert answer.status_code != 200 or "result" in answer.json, q

    @when("can_add")
    def test_hostile_bodies_are_4xx(self, rest, country):
        client = rest(self.person(country))
        for body in (b"", b"[]", b"1", b"null", b'"x"', b"{", b"\xff\xfe", b'{"a":' * 5000, b'{"id": NaN}'):
            answer = client.post(self.api(), data=body, content_type="application/json")
            assert answer.status_code in {400, 422}, (body[:20], answer.status_code)
            assert answer.json["message"]

    @when("can_edit")
    def test_hostile_values_are_refused_or_kept_as_they_are(self, login, rest, country, people):
        record, clerk, client = (
            self.make(country, people),
            login(self.person(country)),
            rest(self.person(country)),
        )
        fields = self.typed_fields()
        texts = [
            n for n, f in fields.items() if isinstance(f, columns.TextField) and not f.rules and not f.masked
        ]
        tries: list[Any] = [
            *HOSTILE,
            *NUMBERS,
            *DATES,
            True,
            [1],
            {"a": 1},
            {"code": ["x"]},
            10**400,
            -5,
            0.1,
        ]
        for names in (list(fields), texts):
            for raw in share(self.resource, tries):
                body = json.dumps(dict.fromkeys(names, raw))
                answer = client.put(self.api(record.id), data=body, content_type="application/json")
                assert answer.status_code in {200, 409, 422}, (str(raw)[:20], answer.status_code)
        for raw in ("NaN", "Infinity", "-Infinity", "1e400", "1" + "0" * 400, "1" * 5000):
            body = "{" + ",".join(f'"{name}": {raw}' for name in fields) + "}"
            answer = client.put(self.api(record.id), data=body, content_type="application/json")
            assert answer.status_code in {400, 409, 422}, raw[:20]
        for name in texts[:1]:
            assert client.put(self.api(record.id), json={name: "甲" * 10**6}).status_code in {413, 422}
        numbers = [name for name, field in fields.items() if isinstance(field, columns.NumberField)]
        for raw in ("NaN", "1e400", "-0.01") if numbers else ():
            errors = client.put(self.api(record.id), json=dict.fromkeys(numbers, raw)).json["errors"]
            assert set(errors) >= set(numbers), raw
        form = clerk.form(self.page(f"edit/{record.id}")) if self.view.has_edit_form else None
        for raw in HOSTILE[:5] if form else ():
            hostile = {name: raw.encode("utf-8", "surrogatepass") for name in self.typed_fields()}
            data = dict(form.values) | hostile
            answer = clerk.post(self.page(f"edit/{record.id}"), data)
            assert answer.status_code in {302, 409, 413, 422}, raw[:10]
            assert "<script>alert" not in answer.text
        assert clerk.get(self.page(f"show/{record.id}")).status_code == 200
        assert "<script>alert" not in clerk.get(self.page(f"list/{self.list_args}")).text

    def test_hostile_steps_are_4xx(self, login, rest, country, people):
        record, clerk, client = (
            self.make(country, people),
            login(self.person(country)),
            rest(self.person(country)),
        )
        for step in ("edit", "delete", "__init__", "on_report", "x" * 500):
            assert client.post(self.api(f"{record.id}/steps/{step}"), json={}).status_code in {400, 404}
            assert clerk.post(self.page(f"steps/{step}"), {"ids": record.id}).status_code in {400, 404}
            assert clerk.get(self.page(f"dialog/{step}?ids={record.id}")).status_code in {400, 404}
        for step in self.steps():
            for ids in (None, "x", [1.5], [True], list(range(1001)), [[1]], {"a": 1}):
                assert (
                    client.post(self.api(f"steps/{step}"), json={"ids": ids, "message": "x"}).status_code
                    == 422
                )
            for answers in (
                {"message": "\x00"},
                {"message": 1.5e308},
                {"message": ["x"]},
                {"message": "x" * 10**6},
            ):
                status = client.post(self.api(f"{record.id}/steps/{step}"), json=answers).status_code
                assert status in {200, 409, 422}, (step, status)
            assert clerk.post(self.page(f"steps/{step}"), {"ids": ["x", "-1", "9" * 30]}).status_code in {
                400,
                404,
            }

    # --- what it costs ----------------------------------------------------------------------------------------

    def test_what_a_list_costs(self, login, country, people, statements):
        for number in range(3):
            self.make(country, people, **self.another(number))
        clerk = login(self.person(country))
        url = self.page(f"list/{self.list_args}")
        clerk.get(url)  # code tables are read once per process
        with statements() as sent:
            answer = clerk.get(url)
        assert answer.status_code == 200
        _compare(self.resource, len(sent), sent)
        assert len(sent) <= MOST_STATEMENTS, "\n".join(sent)
        assert len(answer.data) <= MOST_BYTES

    def test_what_a_record_costs(self, login, country, people, statements):
        record, clerk = self.make(country, people), login(self.person(country))
        for kind in ("show", "edit") if self.view.can_edit and self.view.has_edit_form else ("show",):
            url = self.page(f"{kind}/{record.id}")
            clerk.get(url)
            with statements() as sent:
                assert clerk.get(url).status_code == 200
            _compare(f"{self.resource} {kind}", len(sent), sent)


def _put(typed: dict[str, Any], path: str, raw: Any) -> None:
    """Type a value at ``name`` or ``child.index.name``."""
    child, _dot, rest = path.partition(".")
    if not rest:
        typed[path] = raw
        return
    index, _dot, name = rest.partition(".")
    rows = [dict(row) for row in typed[child]]
    rows[int(index)][name] = raw
    typed[child] = rows


def _compare(name: str, number: int, sent: list[str]) -> None:
    """Compare with tests/query_counts.json; UPDATE_QUERY_COUNTS=1 accepts what is found."""
    known = json.loads(COUNTS.read_text()) if COUNTS.exists() else {}
    if os.environ.get("UPDATE_QUERY_COUNTS"):
        known[name] = number
        COUNTS.write_text(json.dumps(known, indent=2, sort_keys=True, ensure_ascii=False) + "\n")
    else:
        assert number <= known.get(name, 0), (
            f"{name}: {number} statements, {known.get(name)} in {COUNTS.name}\n" + "\n".join(sent)
        )
