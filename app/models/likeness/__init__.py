"""疑似重复档案: pairs of files that are probably of one household, as the last run of the finder told them."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import (
    JSON,
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    String,
    UniqueConstraint,
    and_,
    column,
    exists,
    false,
    or_,
    table,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.kit import columns, likeness, tree
from app.kit.columns import Field
from app.kit.record import Record, session_of
from app.kit.scope import Actor, current
from app.kit.workflow import Ask, Stateful, Step
from app.models.archive import Archive
from app.models.unit import full_names

#: reasons by which pairs are asked for → the bit that a pair has for it
MARKS = {
    "number": 1,
    "number_slip": 2,
    "name": 4,
    "sound": 8,
    "birthday": 16,
    "address": 32,
    "phone": 64,
    "family": 128,
}
_MARKED = {
    "number_digit": "number_slip",
    "number_swap": "number_slip",
    "number_twice": "number_slip",
    "member": "family",
    "members": "family",
}


def marks(grounds: Any) -> int:
    """The bits of a pair's reasons."""
    return sum(
        MARKS[name] for name in {_MARKED.get(ground[0], ground[0]) for ground in grounds} & MARKS.keys()
    )


def is_ours(pair: Likeness, actor: Actor) -> Any:
    """Who does not see both files cannot judge them."""
    if pair.sees_both:
        return None
    unit = pair.unit_elsewhere()
    return _("另一份档案由【%(unit)s】建档，请与该单位联系核对，不能由您单位排除", unit=unit)


def not_put_aside(pair: Likeness, actor: Actor) -> Any:
    """Only what has not been put aside can be."""
    return _("这一对档案已经排除过，原因：%(why)s", why=pair.dismiss_reason) if pair.is_dismissed else None


def was_put_aside(pair: Likeness, actor: Actor) -> Any:
    """Only what was put aside can be taken up again."""
    return None if pair.is_dismissed else _("这一对档案没有排除，不必恢复核对")


class GroundsField(Field):
    """Reasons, in the clerk's words."""

    def text(self, value: Any) -> str:
        return "；".join(likeness.said(ground) for ground in value or ())

    def json(self, value: Any) -> Any:
        return [{"code": ground[0], "label": likeness.said(ground)} for ground in value or ()]

    def schema(self) -> dict[str, Any]:
        return {"type": "array", "items": {"type": "object"}}


REASON = Ask(
    "dismiss_reason",
    columns.TextField(
        _("原因"), 200, required=True, hint=_("如：同名同姓，已电话核实为两人；双胞胎；已分户")
    ),
)


class Likeness(Stateful, Record):
    """Two files that may be one household; it is seen by whoever sees both.

    Who sees only one of two files with the very same number is told that, and the other's unit, and nothing else:
    the look-up of AID-R056 – R060 says no less.
    """

    __tablename__ = "likeness"
    __label__ = _("疑似重复档案")
    __table_args__ = (
        CheckConstraint("left_id < right_id", name="is_written_once"),
        CheckConstraint("score BETWEEN 0 AND 100", name="score"),
        CheckConstraint("is_dismissed = (dismiss_reason IS NOT NULL)", name="dismissed_for_a_reason"),
        UniqueConstraint("left_id", "right_id", name="uq_likeness_left_id_right_id"),
        Index("ix_likeness_right", "right_id"),
        Index("ix_likeness_left_path", "left_path"),
        Index("ix_likeness_right_path", "right_path"),
    )
    ordered = ("score",)
    echoed = frozenset({"left", "right"})

    left_id: Mapped[int] = mapped_column(ForeignKey("archive.id", ondelete="CASCADE"))
    right_id: Mapped[int] = mapped_column(ForeignKey("archive.id", ondelete="CASCADE"))
    #: the units of the two files when they were compared; what is seen is judged by where they stand now
    left_path: Mapped[str] = mapped_column(tree.PathType)
    right_path: Mapped[str] = mapped_column(tree.PathType)
    score: Mapped[int] = columns.count(_("相似度"), automatic=True, nullable=False)
    marks: Mapped[int] = mapped_column(default=0)
    grounds: Mapped[list[list[str]]] = columns.column(
        GroundsField(_("理由"), automatic=True), JSON, nullable=False
    )
    #: fingerprints of both files as the score used them
    basis: Mapped[str] = mapped_column(String(40))
    is_dismissed: Mapped[bool] = columns.yes_no(_("已排除"), automatic=True, default=False, nullable=False)
    dismiss_reason: Mapped[str | None] = columns.text(_("排除原因"), 200, automatic=True)

    #: None where the reader does not see the file
    left: Mapped[Archive | None] = relationship(Archive, foreign_keys=[left_id], viewonly=True)
    right: Mapped[Archive | None] = relationship(Archive, foreign_keys=[right_id], viewonly=True)

    steps = (
        Step(
            "dismiss",
            _("不是同一户"),
            asks=(REASON,),
            guards=(not_put_aside, is_ours),
            icon="x",
            success=_("已排除。两份档案中任一份的有关内容改动后，会重新列出"),
            applies=lambda pair, _actor: not pair.is_dismissed,
        ),
        Step(
            "recall",
            _("恢复核对"),
            guards=(was_put_aside, is_ours),
            icon="arrow-back-up",
            success=_("已恢复到待核对"),
            listed=False,
            applies=lambda pair, _actor: pair.is_dismissed,
        ),
    )

    reach = _("两份档案都看得到的；证件号码相同的，看得到其中一份就行")

    @classmethod
    def scope(cls, who: Actor) -> ColumnElement[bool]:
        """Both files stand and are seen, or they have one number and one of them is seen."""
        left, right = cls._is_seen(cls.left_id, who), cls._is_seen(cls.right_id, who)
        if not who.path:
            return false()
        here, there = tree.under(cls.left_path, who.path), tree.under(cls.right_path, who.path)
        is_told = and_(cls.marked("number"), _stands(cls.left_id), _stands(cls.right_id))
        one = or_(and_(here, left), and_(there, right))
        return or_(and_(here, there, left, right), and_(is_told, one))

    @staticmethod
    def _is_seen(key: Any, who: Actor) -> ColumnElement[bool]:
        """The file stands, and the actor sees it where it is now."""
        file = Archive
        seen = and_(
            file.id == key, file.is_cancelled.is_(False), file.merged_into_id.is_(None), file.scope(who)
        )
        return exists().where(seen).correlate_except(file)

    @classmethod
    def marked(cls, name: str) -> ColumnElement[bool]:
        """Pairs for which this is one of the reasons."""
        return cls.marks.op("&")(MARKS[name]) != 0

    @classmethod
    def within(cls, path: str) -> ColumnElement[bool]:
        """Pairs of which a file belongs to a unit's subtree."""
        return or_(tree.under(cls.left_path, path), tree.under(cls.right_path, path))

    def in_scope(self, who: Actor) -> bool:
        """Only who sees both may change what is said of them."""
        return who.sees_unit(self.left_path) and who.sees_unit(self.right_path)

    @property
    def files(self) -> tuple[Archive | None, Archive | None]:
        """The two files; None in place of one that the reader does not see."""
        who = current()
        if who is None:
            return None, None
        seen = [
            f if f is not None and (who.everywhere or f.is_seen_by(who)) else None
            for f in (self.left, self.right)
        ]
        return seen[0], seen[1]

    @property
    def sees_both(self) -> bool:
        """Whether the reader has both files before him."""
        return None not in self.files

    @property
    def title(self) -> str:
        """Both files, as far as the reader sees them."""
        return " / ".join(file.title for file in self.files if file is not None) or f"#{self.id}"

    def unit_elsewhere(self) -> str:
        """The unit of the file that the reader does not see, from the root down."""
        path = self.right_path if self.files[1] is None else self.left_path
        return "->".join(full_names(session_of(self), [path])[path])

    def on_dismiss(self, _actor: Actor, dismiss_reason: str) -> None:
        """Put aside until one of the files changes in what was compared."""
        self.is_dismissed, self.dismiss_reason = True, dismiss_reason

    def on_recall(self, _actor: Actor) -> None:
        """Back among those to look at."""
        self.is_dismissed, self.dismiss_reason = False, None


def _stands(key: Any) -> ColumnElement[bool]:
    """The file is neither cancelled nor merged away, whoever's it is."""
    file = table("archive", column("id"), column("is_cancelled"), column("merged_into_id")).alias("standing")
    here = and_(file.c.id == key, file.c.is_cancelled.is_(False), file.c.merged_into_id.is_(None))
    return exists().where(here).correlate_except(file)
