"""The frame of a page and its menu: the lines that a person's rights open, with the one marked that is open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from zlib import crc32

from flask import request
from flask_babel import get_locale
from flask_babel import lazy_gettext as _

from app.kit.errors import Missing
from app.kit.pages import Words
from app.kit.scope import Actor

if TYPE_CHECKING:
    from app.kit.module import Module, OpenPages


@dataclass
class MenuItem:
    """An entry of the menu tree."""

    label: Words
    url: str = ""
    icon: str = ""
    active: bool = False
    children: list[MenuItem] = field(default_factory=list)
    #: by which name the lines of a closed group are fetched when it is opened: ``/menu/<lines>?of=<edition>``
    lines: str = ""

    @property
    def is_open(self) -> bool:
        """Whether the page shown is this one or one below it."""
        return self.active or any(child.is_open for child in self.children)


@dataclass
class Frame:
    """What surrounds every page of a logged-in person."""

    unit_name: str
    unit_path: str
    person: str
    menu: list[MenuItem]
    #: changes with all that the menu depends on, so that a browser may keep lines under it
    edition: str = ""
    bell: str = ""
    bell_url: str = ""
    account_links: list[tuple[Words, str]] = field(default_factory=list)
    logout_url: str = ""


def of(modules: Sequence[Module | OpenPages], who: Actor) -> list[MenuItem]:
    """The menu tree: the register's groups in order, each with the lines that the actor's rights open.

    A page carries the lines of the group that is open; those of the others come when a person opens them, and are
    kept by his browser as long as his rights are the same. A group of the one line that it is called by is that line.
    """
    groups: dict[str, MenuItem] = {}
    for module in modules:
        group = groups.setdefault(
            str(module.group), MenuItem(module.group, icon=module.icon, lines=module.name)
        )
        group.children += module.items(who)
        group.active |= request.path.startswith(f"/{module.resource}/")
    home = MenuItem(_("首页"), "/", "home", active=request.path == "/")
    return [home, *_mark([_plain(group) for group in groups.values() if group.children])]


def edition(who: Actor) -> str:
    """What the menu of a person depends on, as a short word that is the same in every process."""
    return _edition(who.grants, who.depth, str(get_locale()))


def _plain(group: MenuItem) -> MenuItem:
    only = group.children[0]
    if len(group.children) > 1 or only.children or str(only.label) != str(group.label):
        return group
    return MenuItem(group.label, only.url, group.icon, group.active)


def group_of(modules: Sequence[Module | OpenPages], who: Actor, name: str) -> MenuItem:
    """The group that begins with a module. Raises Missing when none does, or none of its lines is the actor's."""
    first = next((module for module in modules if module.name == name), None)
    found = [item for item in of(modules, who) if first and str(item.label) == str(first.group)]
    if not found:
        raise Missing
    return found[0]


@lru_cache(maxsize=1024)
def _edition(grants: frozenset[tuple[str, str]], depth: int, language: str) -> str:
    return f"{crc32(repr((sorted(grants), depth, language)).encode()):08x}"


def _mark(items: list[MenuItem]) -> list[MenuItem]:
    """Mark the line whose page is open: the longest match of path and arguments."""
    best: tuple[int, list[MenuItem]] = (0, [])

    def walk(item: MenuItem, above: list[MenuItem]) -> None:
        nonlocal best
        score = _match(item.url)
        if score > best[0]:
            best = (score, [*above, item])
        for child in item.children:
            walk(child, [*above, item])

    for item in items:
        walk(item, [])
    for item in best[1]:
        item.active = True
    return items


def _match(url: str) -> int:
    if not url:
        return 0
    path, root, wanted = _parts(url)
    is_asked = all(request.args.get(key) == value for key, value in wanted.items())
    if path != request.path:
        if wanted and is_asked and request.path.startswith(f"/{path.split('/')[1]}/"):
            return 3  # a page beside it, e.g. 批量恢复 beside 按身份证恢复
        if request.path.startswith(f"{path}/") or path.startswith(f"{request.path}_"):
            return 2  # what is below it, e.g. batch/add, or follows on it, e.g. merge after merge_duplicates
        return 1 if root and request.path.startswith(root) else 0
    if not is_asked:
        return 2 if not wanted or "panel" not in wanted else 0
    return 3 + len(wanted)


@cache
def _parts(url: str) -> tuple[str, str, dict[str, str]]:
    """Of a line's address: the path, what the paths of its records begin with if it is a list, the arguments."""
    parts = urlsplit(url)
    root = parts.path.strip("/").partition("/")[0]
    is_list = root and parts.path.endswith(("/list/", "/tree"))
    wanted = dict(pair.partition("=")[::2] for pair in parts.query.split("&") if pair)
    return parts.path, f"/{root}/" if is_list else "", wanted
