"""What files are found by, kept beside them: made anew whenever it is missing or older than the file."""

from __future__ import annotations

from datetime import datetime

from flask_appbuilder import Model
from sqlalchemy import BigInteger, ColumnElement, DateTime, ForeignKey, Index, Integer, true
from sqlalchemy.orm import Mapped, mapped_column

from app.kit.scope import Actor, Scoped


class _Pointer(Scoped):
    """National: a row says nothing but that there is a file; the file has a scope of its own."""

    @classmethod
    def scope(cls, who: Actor) -> ColumnElement[bool]:
        """Every row."""
        return true()

    def in_scope(self, who: Actor) -> bool:
        """As its file."""
        return True


class LikenessFile(_Pointer, Model):
    """In which version a file's keys were made, by which edition of the rules, and when."""

    __tablename__ = "likeness_file"

    file_id: Mapped[int] = mapped_column(
        ForeignKey("archive.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    version: Mapped[int] = mapped_column(Integer)
    edition: Mapped[int] = mapped_column(Integer)
    keyed_at: Mapped[datetime] = mapped_column(DateTime)
    #: whose run made them, and compared the file at once with all that this unit sees
    unit_id: Mapped[int | None] = mapped_column(Integer)


class LikenessKey(_Pointer, Model):
    """One file is found by one key. A key of a file that is deleted stays until the key is met again; it meets nothing."""

    __tablename__ = "likeness_key"
    __table_args__ = (Index("ix_likeness_key_file", "file_id"), {"sqlite_with_rowid": False})

    key: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    file_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
