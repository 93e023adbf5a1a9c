"""The product as it is served, plus the counting of statements."""

from __future__ import annotations

from app import create_app
from bench.counting import counted

app = counted(create_app())
