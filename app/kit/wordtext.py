"""Formatted text in a Word file: headings that Word's navigation knows, marks, lists, quotations, tables."""

from __future__ import annotations

from typing import Any

from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml.ns import qn
from docx.shared import Pt, RGBColor

from app.kit import richtext
from app.kit.richtext import MOST_COLUMNS, Block, Run

BODY, HEADING = "宋体", "黑体"
#: points of a heading, and of everything else
SIZES = {"h2": 16, "h3": 14, "h4": 12}
SIZE = 10.5
#: points by which an item stands to the right of its list's surroundings, a first line of a paragraph of its margin
INDENT = 21
ALIGNED = {
    "center": WD_ALIGN_PARAGRAPH.CENTER,
    "right": WD_ALIGN_PARAGRAPH.RIGHT,
    "justify": WD_ALIGN_PARAGRAPH.JUSTIFY,
}


def write(document: Any, html: str) -> None:
    """Add a text that `richtext.clean` has made at the end of a document."""
    for block in richtext.blocks(html):
        if block.kind == "table":
            _table(document, block)
        else:
            _fill(_paragraph(document, block), block)


def _paragraph(document: Any, block: Block) -> Any:
    is_heading = block.kind in SIZES
    made = document.add_heading(level=int(block.kind[1]) - 1) if is_heading else document.add_paragraph()
    about = made.paragraph_format
    about.space_before, about.space_after = Pt(8 if is_heading else 0), Pt(4)
    about.line_spacing = 1.5
    if block.kind == "li":
        about.left_indent, about.first_line_indent = Pt(INDENT * max(block.depth, 1)), Pt(-INDENT * 0.8)
    elif block.kind == "quote":
        about.left_indent = Pt(INDENT)
    return made


def _fill(paragraph: Any, block: Block) -> None:
    if block.align in ALIGNED:
        paragraph.alignment = ALIGNED[block.align]
    runs = [Run(f"{block.sign} "), *block.runs] if block.sign else block.runs
    for number, run in enumerate(runs, 1):
        _run(paragraph, block, run)
        is_last = number == len(runs) or runs[number].href != run.href
        if run.href and is_last and run.href != run.words:
            _run(paragraph, block, Run(f"（{run.href}）"))  # paper has no links


def _run(paragraph: Any, block: Block, run: Run) -> None:
    made = paragraph.add_run(run.words)
    is_heading = block.kind in SIZES
    made.bold = "strong" in run.marks or block.kind == "th" or None
    made.italic, made.underline = "em" in run.marks or None, "u" in run.marks or None
    made.font.strike = "s" in run.marks or None
    made.font.size = Pt(SIZES.get(block.kind, SIZE))
    if is_heading:
        made.font.color.rgb = RGBColor(0, 0, 0)
    fonts = made._element.get_or_add_rPr().get_or_add_rFonts()  # noqa: SLF001 - python-docx has no w:eastAsia
    for script in ("w:ascii", "w:hAnsi", "w:eastAsia", "w:cs"):
        fonts.set(qn(script), HEADING if is_heading else BODY)


def _table(document: Any, block: Block) -> None:
    columns = min(max((len(row) for row in block.rows), default=0), MOST_COLUMNS)
    if not columns:
        return
    table = document.add_table(rows=len(block.rows), cols=columns, style="Table Grid")
    for line, row in zip(table.rows, block.rows, strict=True):
        for cell, content in zip(line.cells, row, strict=False):  # a short row leaves its last cells empty
            _fill(cell.paragraphs[0], content)
    _fill(document.add_paragraph(), Block("p"))
