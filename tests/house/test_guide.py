"""The user guide knows every line of the menu and every right, and its pictures are all there and all used."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.kit.menu import MenuItem

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "guide"
PAGES = sorted(GUIDE.glob("*.md"))
WORDS = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


def labels(items: list[MenuItem]) -> set[str]:
    """The words of these lines and of all below them."""
    return {str(item.label) for item in items}.union(*(labels(item.children) for item in items))


def test_every_line_of_the_menu_is_explained(app, country):
    modules = app.extensions["modules"]
    with app.test_request_context(), country.acting("root"):
        who = country.actor("root")
        lines = labels([item for module in modules for item in module.items(who)])
    lines |= {str(module.group) for module in modules if module.in_menu}
    assert len(lines) > 20
    assert [line for line in sorted(lines) if line not in WORDS] == []


def test_every_right_is_explained(app):
    assert [right for right in app.extensions["rights"] if right not in WORDS] == []


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md"], ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    text = page.read_text(encoding="utf-8")
    assert [target for target in LINK.findall(text) if not (page.parent / target).exists()] == []


def test_every_picture_is_shown():
    assert {file.name for file in (GUIDE / "images").iterdir()} == set(
        re.findall(r"images/([\w.-]+)\)", WORDS)
    )
