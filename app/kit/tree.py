"""Materialised paths: where a node stands in a tree, as one comparable string.

A path has four base-36 characters of the node's id per level, so a subtree is the half-open range
``path >= p AND path < successor(p)``: one b-tree range on both databases (docs: DESIGN §3).
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, String, and_, false, func, literal_column

WIDTH = 4
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Path(String):
    """Known by its type, so that a subtree that moves finds every column that holds a path (`app.kit.transplant`)."""


#: the type of every path column: compared byte by byte, whatever the database's locale
PathType = Path(200).with_variant(Path(200, collation="C"), "postgresql")
#: levels of the tree; real ones have eight, a path has room for 50, a column of bits with one for each depth for 30
MOST_LEVELS = 30


def segment(node_id: int) -> str:
    """The four characters of one level. Raises ValueError beyond 36⁴ - 1 nodes."""
    if not 0 < node_id < 36**WIDTH:
        raise ValueError(node_id)
    characters = ""
    for _ in range(WIDTH):
        node_id, digit = divmod(node_id, 36)
        characters = _DIGITS[digit] + characters
    return characters


def depth_of(path: str) -> int:
    """Levels in a path; the root is 1."""
    return len(path) // WIDTH


def ancestor(path: str, depth: int) -> str:
    """The path of the ancestor-or-self at ``depth``."""
    return path[: WIDTH * depth]


def ancestors(path: str) -> list[str]:
    """The paths from the root down to the node itself."""
    return [path[:end] for end in range(WIDTH, len(path) + 1, WIDTH)]


def last_id(path: str) -> int:
    """The id of the node that a path ends in."""
    return int(path[-WIDTH:], 36)


def successor(path: str) -> str:
    """The least string above every path of the subtree."""
    return path[:-1] + chr(ord(path[-1]) + 1)


def contains(path: str, other: str) -> bool:
    """Whether ``other`` lies in the subtree of ``path``; the node itself does."""
    return bool(path) and other.startswith(path)


def branch(column: Any, depth: int) -> ColumnElement[str]:
    """The path of the ancestor-or-self at ``depth``, in literal numbers so that an index over it is recognised."""
    return func.substr(column, literal_column("1"), literal_column(str(WIDTH * depth)))


def at_level(column: Any, path: str) -> ColumnElement[bool]:
    """The subtree of ``path`` as an equality: with an index over (branch, id) a list keeps its order (DESIGN §5)."""
    return branch(column, depth_of(path)) == path if path else false()


def under(column: Any, path: str) -> ColumnElement[bool]:
    """The subtree of ``path`` as a predicate; an empty path holds nothing (fail-closed)."""
    return and_(column >= path, column < successor(path)) if path else false()
