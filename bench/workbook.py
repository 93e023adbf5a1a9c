"""A workbook of synthetic households as a union would upload it: 30 columns, members, shared strings, as Excel writes it.

python -m bench.workbook households.xlsx 100000
"""

from __future__ import annotations

import sys
from pathlib import Path
from random import Random
from typing import Any
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile

from flask import current_app
from openpyxl.utils import get_column_letter

from app import create_app
from app.demo.people import People
from app.kit import codes, identity
from app.kit.columns import CodeField, YesNoField
from app.kit.layout import KEY_NAME, Layout
from app.kit.scope import SYSTEM, acting

COLUMNS = 30
#: columns that clerks leave out: numbers are given by the system
LEFT_OUT = {"archive_no", "remarks"}
#: households drawn in full; the others are these under other names and numbers
TEMPLATES = 2000
SURNAMES = "王李张刘陈杨黄赵周吴徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦"
GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂英华文辉建国志红玉秀梅春云海龙凤波斌宇浩然子轩梓涵欣怡佳雪婷鑫鹏飞博"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"


def write_workbook(path: Path, households: int, members: int | None = None, seed: int = 1) -> int:
    """A workbook of so many households, every one valid and new, and their members (None: as many as families have).

    Works inside an application context whose database holds the code tables. Returns the rows written.
    """
    layout = Layout(current_app.extensions["views"]["archive"])
    main, child = layout.pages
    optional = [head for head in main.heads if not head.required and head.name not in LEFT_OUT]
    spare = COLUMNS - sum(head.required for head in main.heads)
    heads = [head for head in main.heads if head.required or head in optional[:spare]]
    numbers = Numbers(seed)
    drawn = _drawn(seed, members, households)
    random, strings = Random(seed), Strings()
    with ZipFile(path, "w", ZIP_DEFLATED, compresslevel=3) as archive:
        lines: list[list[Any]] = []
        with archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as part:
            part.write(_begin())
            part.write(strings.row(1, [head.label for head in heads]).encode())
            for number in range(households):
                typed = numbers.fresh(drawn[random.randrange(len(drawn))], random)
                part.write(
                    strings.row(number + 2, [_shown(head, typed.get(head.name)) for head in heads]).encode()
                )
                lines.extend(
                    [
                        typed["id_card_no"] if head.name == KEY_NAME else _shown(head, member.get(head.name))
                        for head in child.heads
                    ]
                    for member in typed["family_members"]
                )
            part.write(_END)
        with archive.open("xl/worksheets/sheet2.xml", "w", force_zip64=True) as part:
            part.write(_begin())
            part.write(strings.row(1, [head.label for head in child.heads]).encode())
            for number, line in enumerate(lines, 2):
                part.write(strings.row(number, line).encode())
            part.write(_END)
        strings.write(archive)
        _frame(archive, [main.title, child.title])
    return households + len(lines)


def _drawn(seed: int, members: int | None, households: int) -> list[dict[str, Any]]:
    people = People(seed, "110101", "北京市东城区")
    return [people.household(members) for _each in range(min(TEMPLATES, households))]


class Numbers:
    """Identity numbers that are given once."""

    def __init__(self, seed: int) -> None:
        self._next: dict[str, int] = {}
        self._division = 110101 + seed % 1000

    def fresh(self, typed: dict[str, Any], random: Random) -> dict[str, Any]:
        """The same household under other names and numbers."""
        made = dict(typed) | self._person(typed, random) | {"phone": f"139{random.randrange(10**8):08d}"}
        made["home_address"] = (
            f"{typed['home_address']}{random.randrange(1, 30)}单元{random.randrange(101, 2400)}室"
        )
        made["family_members"] = [member | self._person(member, random) for member in typed["family_members"]]
        return made

    def _person(self, person: dict[str, Any], random: Random) -> dict[str, Any]:
        born = person["birth_date"].replace("-", "")
        is_male = person["gender"] == "male"
        key = f"{born}{is_male:d}"
        order = self._next[key] = self._next.get(key, -1) + 1
        place, rank = divmod(order, 499)
        first17 = f"{self._division + place}{born}{rank * 2 + (1 if is_male else 2):03d}"
        name = random.choice(SURNAMES) + "".join(random.choices(GIVEN, k=random.choice((1, 2, 2))))
        return {"id_card_no": first17 + identity.check_digit(first17), "full_name": name}


def _shown(head: Any, value: Any) -> Any:
    """A value as people write it into a cell."""
    if value in (None, ""):
        return None
    if isinstance(head.field, CodeField):
        return value if head.field.table == "admin_division" else codes.label(head.field.table, str(value))
    if isinstance(head.field, YesNoField):
        return str(head.field.words[0] if value else head.field.words[1])
    if head.field is not None and head.field.kind in {"int", "money", "decimal"}:
        return float(value)
    return str(value)


class Strings:
    """Shared strings, and rows that point at them."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}

    def row(self, number: int, values: list[Any]) -> str:
        """One row of a sheet."""
        cells = []
        for column, value in enumerate(values, 1):
            place = f"{_LETTERS[column]}{number}"
            if isinstance(value, float):
                cells.append(f'<c r="{place}"><v>{value:.15g}</v></c>')
            elif value is not None:
                at = self._places.setdefault(value, len(self._places))
                cells.append(f'<c r="{place}" s="1" t="s"><v>{at}</v></c>')
        return f'<row r="{number}" spans="1:{len(values)}">{"".join(cells)}</row>'

    def write(self, archive: ZipFile) -> None:
        """The part of the strings."""
        with archive.open("xl/sharedStrings.xml", "w", force_zip64=True) as part:
            part.write(
                f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<sst xmlns="{_MAIN}">'.encode()
            )
            for text in self._places:
                part.write(f"<si><t>{escape(text)}</t></si>".encode())
            part.write(b"</sst>")


_LETTERS = ["", *(get_column_letter(number) for number in range(1, 101))]
_END = b"</sheetData></worksheet>"


def _begin() -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<worksheet xmlns="{_MAIN}"><sheetData>'.encode()


def _frame(archive: ZipFile, titles: list[str]) -> None:
    numbers = range(1, len(titles) + 1)
    sheets = "".join(
        f'<sheet name="{escape(title)}" sheetId="{n}" r:id="rId{n}"/>'
        for n, title in zip(numbers, titles, strict=True)
    )
    links = "".join(
        f'<Relationship Id="rId{n}" Type="{_OFFICE}/worksheet" Target="worksheets/sheet{n}.xml"/>'
        for n in numbers
    )
    links += f'<Relationship Id="rId8" Type="{_OFFICE}/styles" Target="styles.xml"/><Relationship Id="rId9" Type="{_OFFICE}/sharedStrings" Target="sharedStrings.xml"/>'
    styles = '<fonts count="1"><font/></fonts><fills count="1"><fill/></fills><borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="2"><xf/><xf numFmtId="49" applyNumberFormat="1"/></cellXfs><cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles>'
    kinds = [(f"/xl/worksheets/sheet{n}.xml", "worksheet") for n in numbers]
    kinds += [
        ("/xl/workbook.xml", "sheet.main"),
        ("/xl/styles.xml", "styles"),
        ("/xl/sharedStrings.xml", "sharedStrings"),
    ]
    parts = "".join(f'<Override PartName="{part}" ContentType="{_TYPE}.{kind}+xml"/>' for part, kind in kinds)
    archive.writestr(
        "xl/workbook.xml",
        f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{sheets}</sheets></workbook>',
    )
    archive.writestr(
        "xl/_rels/workbook.xml.rels",
        f'<Relationships xmlns="{_PACKAGE}/relationships">{links}</Relationships>',
    )
    archive.writestr("xl/styles.xml", f'<styleSheet xmlns="{_MAIN}">{styles}</styleSheet>')
    archive.writestr(
        "_rels/.rels",
        f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    )
    archive.writestr(
        "[Content_Types].xml",
        f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>{parts}</Types>',
    )


if __name__ == "__main__":
    flask = create_app()
    with flask.app_context(), acting(SYSTEM):
        print(
            write_workbook(
                Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else None
            ),
            "rows",
        )
