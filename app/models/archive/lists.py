"""Which files stand in which list: the three kinds, and those that have left the normal lists."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, and_

from app.kit.scope import class_of_table

TEMPORARY = "temporary"
MIGRANT = "migrant"


def _archive() -> Any:
    return class_of_table("archive")


def is_formal() -> ColumnElement[bool]:
    """困难职工 and 农民工: every file but the temporary ones."""
    return _archive().hardship_category != TEMPORARY


def in_normal_lists() -> ColumnElement[bool]:
    """Neither cancelled nor merged away (AID-R069)."""
    return and_(_archive().is_cancelled.is_(False), _archive().merged_into_id.is_(None))


def in_cancelled_lists() -> ColumnElement[bool]:
    """注销职工档案库: cancelled, and not merged away (AID-R070)."""
    return and_(_archive().is_cancelled.is_(True), _archive().merged_into_id.is_(None))


def is_migrant() -> ColumnElement[bool]:
    """农民工档案: formal files of migrant workers."""
    return is_formal() & (_archive().worker_identity == MIGRANT)


def is_temporary() -> ColumnElement[bool]:
    """临时救助档案."""
    return _archive().hardship_category == TEMPORARY
