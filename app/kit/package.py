"""The zip file that a workbook is, and the XML in it: judged before it is opened, read without surprises.

fault(file)                      why these bytes may not be opened, in words, or None
elements(archive, part)          the elements of a small part
parser(start, end, text)         expat without document types, so that no entity can be declared
Shared(archive)                  the shared strings, packed
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterator
from typing import IO, Any
from xml.parsers import expat
from zipfile import BadZipFile, ZipFile

from flask_babel import lazy_gettext as _

from app.kit.errors import Invalid, Problem

#: bytes of a workbook once unpacked; 200,000 rows of 30 columns need a third of it
MAX_UNPACKED = 800 * 1024 * 1024
#: unpacked ÷ packed: what people write stays below 100
MAX_RATIO = 250
#: a file smaller than this unpacks to something harmless whatever its ratio
HARMLESS = 20 * 1024 * 1024
MAX_PARTS = 2000
#: bytes read at a time
CHUNK = 256 * 1024


class Unreadable(Invalid):
    """The whole file cannot be taken; carries one sentence that says why and what helps."""

    def __init__(self, words: Any) -> None:
        super().__init__([Problem("file", words)])


# --- before anything is opened --------------------------------------------------------------------------------


def fault(file: IO[bytes]) -> Any:
    """Why these bytes are no workbook that may be opened, in words; None when they may be tried."""
    file.seek(0)
    head = file.read(4096)
    file.seek(0)
    if not head:
        return _("文件是空的，请重新选择")
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        sealed = "EncryptedPackage".encode("utf-16-le") in head + file.read(1024 * 1024)
        file.seek(0)
        if sealed:
            return _("工作簿设了打开密码。请在Excel里取消密码，另存后再上传")
        return _("这是旧格式的xls文件。请在Excel里另存为“Excel工作簿(*.xlsx)”再上传")
    if not head.startswith(b"PK"):
        return _wrong_kind(head)
    try:
        with ZipFile(file) as archive:
            return _wrong_parts(archive)
    except (BadZipFile, OSError, ValueError, NotImplementedError, EOFError):  # zipfile's, of a crooked file
        return _("文件已损坏或不完整，请在Excel里重新另存后再上传")
    finally:
        file.seek(0)


def _wrong_kind(head: bytes) -> Any:
    text = head.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").lower()
    if text.startswith(b"%pdf"):
        return _("这是PDF文件。请填写下载的Excel模板后上传")
    if text.startswith((b"<!doctype", b"<html", b"<table", b"<?xml", b"<meta", b"mime-version")):
        return _("这是网页格式的文件，只是改了扩展名。请在Excel里另存为“Excel工作簿(*.xlsx)”再上传")
    return _("这不是Excel工作簿（csv或文本文件改扩展名也不行）。请在Excel里另存为“Excel工作簿(*.xlsx)”再上传")


def _wrong_parts(archive: ZipFile) -> Any:
    parts = archive.infolist()
    names = {part.filename for part in parts}
    if len(parts) > MAX_PARTS:
        return _("工作簿里的部件过多，不予打开")
    if any(part.flag_bits & 1 for part in parts):
        return _("工作簿设了打开密码。请在Excel里取消密码，另存后再上传")
    size, packed = sum(part.file_size for part in parts), sum(part.compress_size for part in parts)
    if size > MAX_UNPACKED or (size > HARMLESS and size > MAX_RATIO * max(packed, 1)):
        return _("工作簿解压后过大，不予打开。请删除多余的空行、空列和格式，或分成几个文件")
    if "xl/workbook.bin" in names:
        return _("这是xlsb格式的文件。请在Excel里另存为“Excel工作簿(*.xlsx)”再上传")
    if "xl/workbook.xml" not in names:
        return _("这不是Excel工作簿。请填写下载的Excel模板后上传")
    return None


# --- XML without surprises ------------------------------------------------------------------------------------


def parser(
    start: Callable[[str, dict[str, str]], None], end: Callable[[str], None], text: Callable[[str], None]
) -> Any:
    """An expat parser that tells local names and takes no document type, so that no entity can be declared."""
    made = expat.ParserCreate(namespace_separator="}")
    made.buffer_text = True

    def refuse(*_args: Any) -> None:
        raise Unreadable(_("工作簿里有不允许的内容（DTD），不予打开"))

    made.StartDoctypeDeclHandler = made.EntityDeclHandler = refuse
    made.StartElementHandler = lambda name, facts: start(name.rpartition("}")[2], facts)
    made.EndElementHandler = lambda name: end(name.rpartition("}")[2])
    made.CharacterDataHandler = text
    return made


def _nothing(_text: str) -> None:
    """Ignores what is said."""


def elements(archive: ZipFile, part: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The elements of a small part, with the local names of their attributes."""
    found: list[tuple[str, dict[str, str]]] = []

    def start(name: str, facts: dict[str, str]) -> None:
        found.append((name, {key.rpartition("}")[2]: value for key, value in facts.items()}))

    reader = parser(start, _nothing, _nothing)
    with archive.open(part) as file:
        while chunk := file.read(CHUNK):
            reader.Parse(chunk)
            yield from found
            found.clear()
    reader.Parse(b"", True)


_ENTITY = re.compile(r"&(?:#x([0-9A-Fa-f]{1,6})|#(\d{1,7})|(amp|lt|gt|quot|apos));")
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}


def is_utf8(raw: bytes) -> bool:
    """Whether the beginning of a part says nothing else of its encoding."""
    head = raw[:200]
    said = re.search(rb'encoding=["\']([\w-]+)["\']', head)
    return not head.startswith((b"\xff\xfe", b"\xfe\xff")) and (not said or said[1].lower() == b"utf-8")


def unescaped(raw: str) -> str:
    """Text between marks with its entities resolved; only those that XML itself knows."""

    def sign(found: re.Match[str]) -> str:
        code = int(found[1], 16) if found[1] else int(found[2]) if found[2] else 0
        return _NAMED[found[3]] if found[3] else chr(code) if 0 < code < 0x110000 else "\ufffd"

    return _ENTITY.sub(sign, raw)


#: a shared string as spreadsheet programs write it, without fonts and readings; it has four marks
_PLAIN = re.compile(rb'<si><t(?: xml:space="preserve")?>([^<]*)</t></si>')
_HEAD = re.compile(rb"[^<]*(?:<\?xml[^<>]*\?>)?[^<]*<sst\b[^<>]*[^<>/]>")


class Shared:
    """The shared strings, packed end to end: a Python string a cell would take three times the room."""

    def __init__(self, archive: ZipFile) -> None:
        self._bytes, self._ends = bytearray(), array("Q", [0])
        if "xl/sharedStrings.xml" not in archive.namelist():
            return
        if not self._quick(archive):
            self._bytes, self._ends = bytearray(), array("Q", [0])
            self._thorough(archive)

    def _quick(self, archive: ZipFile) -> bool:
        """Take plain strings, four times as fast. False when there is anything else, and none of it counts."""
        with archive.open("xl/sharedStrings.xml") as file:
            rest = file.read(CHUNK)
            head = _HEAD.match(rest)
            if head is None or not is_utf8(rest):
                return False
            rest = rest[head.end() :]
            while True:
                end = rest.rfind(b"</si>") + 5
                found = _PLAIN.findall(rest, 0, end) if end >= 5 else []
                if rest.count(b"<", 0, end if found else 0) != 4 * len(found) or b"\r" in rest:
                    return False
                rest[:end].decode()  # what is no text is told at once, as the whole file's fault
                for raw in found:
                    self._bytes += (
                        unescaped(raw.decode()).encode("utf-8", "surrogatepass") if b"&" in raw else raw
                    )
                    self._ends.append(len(self._bytes))
                rest = rest[end if found else 0 :]
                more = file.read(CHUNK)
                if not more or len(rest) > CHUNK:
                    return not more and rest.strip() == b"</sst>"
                rest += more

    def _thorough(self, archive: ZipFile) -> None:
        """Take the strings by a real XML parser."""
        pieces: list[str] = []
        skipped = 0
        takes = False

        def start(name: str, _facts: dict[str, str]) -> None:
            nonlocal skipped, takes
            skipped += name == "rPh"  # how the text is read aloud is no part of it
            takes = name == "t" and not skipped
            if name == "si":
                pieces.clear()

        def end(name: str) -> None:
            nonlocal skipped, takes
            takes = False
            skipped -= name == "rPh"
            if name == "si":
                self._bytes.extend("".join(pieces).encode("utf-8", "surrogatepass"))
                self._ends.append(len(self._bytes))

        def text(words: str) -> None:
            if takes:
                pieces.append(words)

        reader = parser(start, end, text)
        with archive.open("xl/sharedStrings.xml") as file:
            while chunk := file.read(CHUNK):
                reader.Parse(chunk)
        reader.Parse(b"", True)

    def __getitem__(self, number: int) -> str:
        begin, end = self._ends[number], self._ends[number + 1]
        return self._bytes[begin:end].decode("utf-8", "surrogatepass")
