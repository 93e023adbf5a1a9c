"""Formatted text: what of it is kept, and how it is read by a person, a search, a spreadsheet and Word.

    clean(html)        what may stand on a page of ours; run when text comes in and again when it is shown
    from_plain(text)   the same of text without marks: a paragraph a line
    blocks(html)       paragraphs, headings, items of lists and tables, in order
    text_of(html)      the words alone, a line a block

Nothing that is kept can run, fetch or cover anything: no scripts, no pictures, no styles but the alignment.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from html import escape
from html.parser import HTMLParser

import nh3

from app.kit.fields import FORBIDDEN

#: the marks of words, and how Word and HTML call what older pages call otherwise
MARKS = frozenset({"strong", "em", "u", "s"})
HEADINGS = ("h2", "h3", "h4")
TABLES = frozenset({"table", "thead", "tbody", "tr", "th", "td"})
TAGS = MARKS | TABLES | {"p", *HEADINGS, "ol", "ul", "li", "blockquote", "a", "br"}
RENAMED = {"b": "strong", "i": "em", "strike": "s", "del": "s", "ins": "u", "div": "p", "section": "p"} | {
    "caption": "p",  # which the parser moves before the table
    "h1": "h2",
    "h5": "h4",
    "h6": "h4",
}
ALIGNED = frozenset({"center", "right", "justify"})
#: what goes with all that is in it
DROPPED = frozenset({"script", "style", "svg", "math", "iframe", "noscript", "template", "title", "textarea"})
#: lists, quotations and tables within each other; marks of words that are open at once
MOST_DEEP = MOST_MARKED = 20
#: a form of a table that nobody writes: columns that Word is given and a cell may stand over, cells of a text
MOST_COLUMNS, MOST_CELLS = 30, 5000
#: lines that are compared in their order (which is cubic), and characters that are told of them
MOST_COMPARED, MOST_TOLD = 200, 600
#: times that a text is cleaned until it stays as it is
MOST_ROUNDS = 5

_ALIGN = re.compile(r"(?:^|;)\s*text-align\s*:\s*(\w+)\s*(?:;|$)")
_SPAN = re.compile(r"[1-9]\d?")
_OLD = re.compile(rf"<(/?)({'|'.join(RENAMED)})(?=[ >])")
_NESTS = re.compile(r"<(/?)(ul|ol|blockquote|table|div|section)\b", re.IGNORECASE)
#: what a parser opens again in every paragraph until it is closed; one without an end reaches to the end of the text
_REOPENED = re.compile(
    r"<(/?)(a|big|b|code|em|font|i|nobr|small|strike|strong|s|tt|u)(?:[\s/][^>]*)?(?:>|\Z)", re.IGNORECASE
)
_CELLS = re.compile(r'<t[dh]\b(?: rowspan="\d+")?(?: colspan="(\d+)")?')
_BETWEEN = re.compile(r"(</(?:p|h\d|[uo]l|li|blockquote|table|thead|tbody|tr|t[dh])>)\s+(?=<)")
_BLOCK = re.compile(r"<(?:p|h\d|[uo]l|blockquote|table)\b")
_LONE_BLANK = re.compile(r"(?<!&nbsp;)&nbsp;(?!&nbsp;)")
_KNOWN = "|".join(
    sorted(TAGS | RENAMED.keys() | DROPPED | {"img", "span", "font", "object", "embed", "form"})
)
_MARKUP = re.compile(rf"</?(?:{_KNOWN})(?:\s*/?|[\s/]+[\w:-]+\s*=[^<>]*|\s+[\w-]+)>|<!--", re.IGNORECASE)
_SIMPLE = re.compile(r"(?:<p>[^<]*(?:<br>[^<]*)*</p>\s*)+")


def is_markup(text: str) -> bool:
    """Whether a typed text is HTML, and not words in which there is a ``<``."""
    return _MARKUP.search(text) is not None


def is_too_deep(html: str) -> bool:
    """Whether lists and tables are within each other as no writer has them."""
    return _opens(_NESTS, html, MOST_DEEP)


def is_too_marked(html: str) -> bool:
    """Whether more marks of words are open at once than a writer sets."""
    return _opens(_REOPENED, html, MOST_MARKED)


def _opens(tags: re.Pattern[str], html: str, most: int) -> bool:
    """Whether more than so many are open somewhere; an end closes nothing but its own kind."""
    count: Counter[str] = Counter()
    for found in tags.finditer(html):
        name = found[2].lower()
        count[name] = max(count[name] - 1, 0) if found[1] else count[name] + 1
        if count.total() > most:
            return True
    return False


def has_too_many_cells(html: str) -> bool:
    """Whether the tables of a text that is `safe` are larger than a page bears."""
    return sum(min(int(span or 1), MOST_COLUMNS) for span in _CELLS.findall(html)) > MOST_CELLS


def clean(html: str) -> str:
    """What of an HTML text may stand on a page; empty when no words are left."""
    for _round in range(MOST_ROUNDS):
        before, html = html, _cleaned(html)
        if html == before:
            break
    return html


def _cleaned(html: str) -> str:
    kept = safe(html)
    if _OLD.search(kept):
        kept = _sanitised(_OLD.sub(lambda old: f"<{old[1]}{RENAMED[old[2]]}", kept), TAGS)
    kept = _BETWEEN.sub(r"\1", _LONE_BLANK.sub(" ", kept)).strip()
    if not text_of(kept).strip():
        return ""
    return kept if _BLOCK.search(kept) else f"<p>{kept}</p>"


def safe(html: str) -> str:
    """What of an HTML text is harmless, as long and as deep as the parser makes it."""
    return _sanitised(_REOPENED.sub(_bare, html), TAGS | RENAMED.keys())


def _bare(found: re.Match[str]) -> str:
    """A mark without attributes: of those that are alike a parser keeps three open, of others all."""
    name = found[2].lower()
    name = RENAMED.get(name, name)
    return found[0] if name == "a" else f"<{found[1]}{name if name in MARKS else 'span'}>"


def _sanitised(html: str, tags: set[str] | frozenset[str]) -> str:
    kept = nh3.clean(
        html,
        tags=set(tags),
        clean_content_tags=set(DROPPED),
        attributes={"a": {"href"}, "td": {"colspan", "rowspan"}, "th": {"colspan", "rowspan"}}
        | {tag: {"style"} for tag in ("p", *HEADINGS, "li", "div", "h1", "h5", "h6")},
        attribute_filter=_attribute,
        url_schemes={"http", "https", "mailto"},
        url_relative="deny",
        link_rel="noopener noreferrer",
        set_tag_attribute_values={"a": {"target": "_blank"}},
    )
    return FORBIDDEN.sub("", kept)  # written as &#1;


def _attribute(_tag: str, name: str, value: str) -> str | None:
    """The value of an attribute as it is kept; None when it is not."""
    if name == "style":
        found = _ALIGN.search(value.lower())
        return f"text-align: {found[1]}" if found and found[1] in ALIGNED else None
    if name.endswith("span"):
        return value if _SPAN.fullmatch(value) else None
    return value


def from_plain(text: str) -> str:
    """Words without marks: a paragraph a line."""
    return "".join(f"<p>{escape(line.strip(), quote=False)}</p>" for line in text.splitlines())


def as_plain(html: str) -> str | None:
    """The words of a text that is nothing but paragraphs, as they would be typed; None for any other."""
    if not _SIMPLE.fullmatch(html):
        return None
    words = "\n".join(block.words for block in blocks(html))
    return None if is_markup(words) or from_plain(words) != html else words


# --- reading ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Run:
    """Words that look alike; ``href`` is where they lead."""

    words: str
    marks: frozenset[str] = frozenset()
    href: str = ""


@dataclass
class Block:
    """A paragraph, heading, item (``li``), quotation or cell; of a table the rows of its cells.

    ``sign`` stands before an item: its number, or a dot; ``depth`` is that of its list.
    """

    kind: str
    align: str = ""
    sign: str = ""
    depth: int = 0
    runs: list[Run] = field(default_factory=list)
    rows: list[list[Block]] = field(default_factory=list)

    @property
    def words(self) -> str:
        """Its words alone."""
        return "".join(run.words for run in self.runs)


class _Reader(HTMLParser):
    """Blocks of an HTML text that `clean` has made."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks: list[Block] = []
        self.marks: list[str] = []
        self.hrefs: list[str] = []
        self.lists: list[tuple[str, list[int]]] = []
        self.quotes = self.tables = 0
        self.open: Block | None = None
        self.table: Block | None = None
        self.cell: Block | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        about = {name: value or "" for name, value in attrs}
        if tag in MARKS:
            self.marks.append(tag)
        elif tag == "a":
            self.hrefs.append(about.get("href", ""))
        elif tag == "br":
            self._say("\n")
        elif tag in ("ul", "ol"):
            self.lists.append((tag, [0]))
            self.open = None
        elif tag == "blockquote":
            self.quotes += 1
            self.open = None
        elif tag in TABLES:
            self._begin_table(tag, about)
        elif tag == "li" or not (self.open and self.open.kind == "li" and not self.open.runs):
            self._begin(tag, _ALIGN.search(about.get("style", "")))

    def handle_endtag(self, tag: str) -> None:
        if tag in MARKS and tag in self.marks:
            self.marks.remove(tag)
        elif tag == "a" and self.hrefs:
            self.hrefs.pop()
        elif tag in ("ul", "ol") and self.lists:
            self.lists.pop()
            self.open = None
        elif tag == "blockquote":
            self.quotes -= 1
            self.open = None
        elif tag in ("td", "th"):
            self.open = self.cell = None
        elif tag == "table":
            self.tables -= 1
            self.open = self.cell = None
        elif tag in ("p", "li", *HEADINGS):
            self.open = None

    def handle_data(self, data: str) -> None:
        words = re.sub(r"[ \t\r\n]+", " ", data)
        self._say(words if self.open and self.open.runs else words.lstrip(" "))

    def _say(self, words: str) -> None:
        if not words or (self.open is None and not words.strip()):
            return
        if self.open is None:
            self._begin("p", None)
        if self.open is not None:
            self.open.runs.append(Run(words, frozenset(self.marks), self.hrefs[-1] if self.hrefs else ""))

    def _begin(self, tag: str, align: re.Match[str] | None) -> None:
        if self.cell is not None:  # a cell is one block, whatever stands in it
            if self.cell.runs:
                self.cell.runs.append(Run("\n"))
            self.open = self.cell
            return
        kind = "quote" if tag == "p" and self.quotes else tag
        self.open = Block(kind, align[1] if align else "", depth=len(self.lists))
        if tag == "li" and self.lists:
            of, count = self.lists[-1]
            count[0] += 1
            self.open.sign = f"{count[0]}." if of == "ol" else "•"
        self.blocks.append(self.open)

    def _begin_table(self, tag: str, about: dict[str, str]) -> None:
        """Of a table within a table the words alone are kept."""
        if tag == "table":
            self.tables += 1
            if self.tables == 1:
                self.table = Block("table")
                self.blocks.append(self.table)
        elif self.table is None or self.tables != 1:
            self.open = self.cell
        elif tag == "tr":
            self.table.rows.append([])
        elif tag in ("td", "th") and self.table.rows:
            row = self.table.rows[-1]
            self.open = self.cell = Block(tag)
            row.append(self.cell)
            beside = min(int(about.get("colspan") or 1) - 1, MOST_COLUMNS - len(row))
            row += [Block(tag) for _more in range(beside)]


def blocks(html: str) -> list[Block]:
    """A text that `clean` has made, block by block."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.blocks


def _lines(html: str) -> Iterator[str]:
    for block in blocks(html):
        if block.kind == "table":
            yield from ("\t".join(cell.words.replace("\n", " ") for cell in row) for row in block.rows)
        else:
            yield f"{block.sign} {block.words}" if block.sign else block.words


def text_of(html: str | None) -> str:
    """The words alone, a line a block."""
    return "\n".join(_lines(html or ""))


def changed(before: str | None, after: str | None) -> tuple[str, str]:
    """The lines that a change took away and those that it brought, not more of either than one reads."""
    old, new = (list(_lines(html or "")) for html in (before, after))
    head = _alike(old, new)
    old, new = old[head:], new[head:]
    tail = _alike(old[::-1], new[::-1])
    gone, come = _difference(old[: len(old) - tail], new[: len(new) - tail])
    return _bounded(gone), _bounded(come)


def _alike(old: Sequence[str], new: Sequence[str]) -> int:
    """The lines with which both begin."""
    pairs = enumerate(zip(old, new, strict=False))
    return next((number for number, (a, b) in pairs if a != b), min(len(old), len(new)))


def _difference(old: list[str], new: list[str]) -> tuple[list[str], list[str]]:
    if max(len(old), len(new)) > MOST_COMPARED:  # a line that was moved is then none that changed
        was, now = Counter(old), Counter(new)
        return list((was - now).elements()), list((now - was).elements())
    gone, come = [], []
    for what, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if what != "equal":
            gone += old[a:b]
            come += new[c:d]
    return gone, come


def _bounded(lines: list[str]) -> str:
    told = "\n".join(lines)
    return told if len(told) <= MOST_TOLD else f"{told[:MOST_TOLD]}…"
