"""What tests of imports hold in their hands: workbooks made on the fly, uploads, and what came of them."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import openpyxl
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.datastructures import FileStorage

from app.kit import codes
from app.kit.columns import CodeField, YesNoField
from app.kit.database import db
from app.kit.jobs import Job
from app.kit.layout import KEY_NAME, OWNER_NAME, Layout
from app.kit.scope import SYSTEM, acting
from app.kit.worker import Worker
from tests.world import Country

Typed = Mapping[str, Any]


@dataclass
class Books:
    """Makes workbooks of households, uploads them, runs the worker."""

    app: Flask
    country: Country

    def layout(self, *, owner: bool = False) -> Layout:
        return Layout(self.app.extensions["views"]["archive"], with_owner=owner)

    def book(self, households: Iterable[Typed], *, owner: bool = False) -> openpyxl.Workbook:
        """A workbook as a clerk fills it in; ``owner`` adds 所属单位 from the key ``owner`` of each household."""
        with self.country.acting():
            main, child = self.layout(owner=owner).pages
            book = openpyxl.Workbook()
            heads, lines = book.active, book.create_sheet(child.title)
            heads.title = main.title
            heads.append([head.label for head in main.heads])
            lines.append([head.label for head in child.heads])
            for typed in households:
                heads.append(
                    [
                        typed.get("owner") if h.name == OWNER_NAME else shown(h, typed.get(h.name))
                        for h in main.heads
                    ]
                )
                for member in typed.get("family_members", ()):
                    lines.append(
                        [
                            typed["id_card_no"] if h.name == KEY_NAME else shown(h, member.get(h.name))
                            for h in child.heads
                        ]
                    )
        return book

    def upload(self, clerk: Any, book: openpyxl.Workbook | bytes, **options: str) -> Any:
        """The answer to an upload; a program's when it asks for JSON."""
        headers = {"Accept": "application/json"}
        data = {"file": attached(content(book)), **options}
        return clerk.post("/archive/import", data=data, headers=headers)

    def bring(self, clerk: Any, book: openpyxl.Workbook | bytes, **options: str) -> Job:
        """Upload and import; the job as it ended."""
        answer = self.upload(clerk, book, **options)
        assert answer.status_code == 202, answer.text
        self.work()
        return self.job(answer.json["job"])

    def work(self) -> None:
        Worker(self.app, lease=6000).run(once=True)

    def job(self, pk: int) -> Job:
        with self.app.app_context(), acting(SYSTEM), Session(db.engine) as session:
            found = session.get_one(Job, pk)
            session.expunge(found)
            return found

    def result(self, clerk: Any, job: Job) -> openpyxl.Workbook:
        """The workbook that was handed back."""
        answer = clerk.get(job.result["url"])
        assert answer.status_code == 200
        return openpyxl.load_workbook(io.BytesIO(answer.data))

    def everything(self) -> dict[str, list[Any]]:
        """Every row of the tables that an import writes, to be compared."""
        found = {}
        with self.app.app_context(), acting(SYSTEM):
            for name in ("archive", "family_member", "identity_claim", "record_version", "name_search"):
                table = Job.metadata.tables[name]
                rows = db.session.execute(select(table).execution_options(door="the test looks at all of it"))
                found[name] = sorted(map(repr, rows))
        return found


def attached(content: bytes) -> FileStorage:
    """A file as a browser sends it along."""
    return FileStorage(io.BytesIO(content), "住户.xlsx")


def content(book: openpyxl.Workbook | bytes) -> bytes:
    if isinstance(book, bytes):
        return book
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def shown(head: Any, value: Any) -> Any:
    """A typed value as it stands in a cell."""
    if value in (None, ""):
        return None
    if isinstance(head.field, CodeField) and head.field.table != "admin_division":
        return codes.label(head.field.table, str(value))
    if isinstance(head.field, YesNoField):
        return str(head.field.words[0] if value in (True, "1") else head.field.words[1])
    if head.field is not None and head.field.kind in {"int", "money", "decimal"}:
        return float(value)
    return str(value)


def column(sheet: Any, label: str) -> int:
    """The number of a column by its head."""
    return next(cell.column for cell in sheet[1] if str(cell.value).strip("*") == label)


def reasons(sheet: Any) -> dict[int, str]:
    """Row → what the result column says; every reason is red."""
    at = column(sheet, "导入结果")
    told = {}
    for row in range(2, sheet.max_row + 1):
        cell = sheet.cell(row, at)
        if cell.value:
            assert cell.font.color.rgb == "FFFF0000"
            told[row] = cell.value
    return told
