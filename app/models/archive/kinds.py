"""转为临时救助 and 转为困难职工: a file changes its kind (SM-AID-03 #3, #10, #11).

    formal ──to_temporary──▶ temporary ──to_formal──▶ formal

Its owner changes the kind and nothing else: where it has been reported to stays (AID Q36). By its number a temporary
file becomes another unit's formal one, from anywhere in the country (AID-R057).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask_babel import lazy_gettext as _

from app.kit import columns
from app.kit.scope import Actor
from app.kit.workflow import Ask, ByNumber, Move, Step
from app.models.archive.lists import TEMPORARY
from app.workflows.lifecycle import is_ours, is_still_there, stands, take_over

if TYPE_CHECKING:
    from app.models.archive import Archive

#: one of the formal categories; with 临时救助 the file would stay what it is (AID-R058)
CATEGORY = Ask(
    "hardship_category",
    columns.CodeField(
        _("困难类别"),
        "hardship_category",
        required=True,
        without={TEMPORARY: _("困难类别仍是临时救助，请改选其他类别后再转为困难职工")},
    ),
)


def is_formal_file(archive: Archive, actor: Actor) -> Any:
    """What is temporary already need not become so (AID-R076)."""
    if archive.hardship_category == TEMPORARY:
        return _("「%(archive)s」已是临时救助档案", archive=archive.title)
    return None


def is_temporary_file(archive: Archive, actor: Actor) -> Any:
    """What is formal already need not become so (AID-R079)."""
    if archive.hardship_category != TEMPORARY:
        return _(
            "「%(archive)s」不是临时救助档案，不用转为困难职工，现属于%(unit)s",
            archive=archive.title,
            unit=archive.owner_unit.name,
        )
    return None


def _all(*guards: Any) -> Any:
    """Whether nothing of this stands against a step, so that its button is shown."""
    return lambda archive, actor: all(guard(archive, actor) is None for guard in guards)


_DOWN = (is_still_there, is_ours, is_formal_file, stands)
_UP = (is_still_there, is_ours, is_temporary_file, stands)


class Convertible:
    """A file that may change from formal to temporary and back."""

    hardship_category: Any
    owner_path: Any

    steps = (
        Step(
            "to_temporary",
            _("转为临时救助"),
            guards=_DOWN,
            icon="clock",
            confirm=_("转为临时救助后，在临时救助档案里，不再是困难职工档案。"),
            success=_("修改成功"),
            listed=False,
            applies=_all(*_DOWN),
        ),
        Step(
            "to_formal",
            _("转为困难职工"),
            asks=(CATEGORY,),
            guards=_UP,
            by_number=ByNumber(
                (is_still_there, is_temporary_file, stands),
                _("没有找到该身份证号的临时救助档案,请核对"),
            ),
            icon="user-check",
            success=_("保存成功"),
            listed=False,
            is_single=True,
            applies=_all(*_UP),
        ),
    )

    def on_to_temporary(self, actor: Actor) -> None:
        """Where it has been reported to stays (AID Q36)."""
        self.hardship_category = TEMPORARY

    def on_to_formal(self, actor: Actor, hardship_category: str) -> Move | None:
        """One's own file stays where it is (AID Q36); another unit's becomes one's own (AID-R057)."""
        move = take_over(self, actor) if self.owner_path != actor.path else None
        self.hardship_category = hardship_category
        return move
