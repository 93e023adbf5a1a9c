"""The one clock: wall time of China, which has a single zone and no summer time."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Asia/Shanghai")


def now() -> datetime:
    """The present moment in Asia/Shanghai, without a zone, to the second (as the database keeps it)."""
    return datetime.now(ZONE).replace(tzinfo=None, microsecond=0)


def today() -> date:
    """The date in Asia/Shanghai."""
    return datetime.now(ZONE).date()
