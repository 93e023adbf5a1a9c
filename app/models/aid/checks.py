"""What must hold of an aid record, and what stands against changing it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from flask_babel import lazy_gettext as _
from sqlalchemy import inspect

from app.kit.errors import Problem
from app.kit.scope import Actor

if TYPE_CHECKING:
    from app.models.aid import Aid

MOST_MEASURES = 3
#: what of a measure may not change once it stands in a summary table
LOCKED = ("measure", "amount", "fund_category")


def measures_are_few(aid: Aid) -> Iterator[Problem]:
    """帮扶措施一, 二, 三, each another one (AID-R121, REC-13 #2)."""
    if len(aid.measures) > MOST_MEASURES:
        yield Problem("measures", _("帮扶措施最多填写三项"))
    seen: set[str] = set()
    for index, line in enumerate(aid.measures):
        if line.measure and line.measure in seen:
            yield Problem(f"measures.{index}.measure", _("同一项帮扶措施只填一次，请合并金额"))
        seen.add(line.measure)


def aided_says_how(aid: Aid) -> Iterator[Problem]:
    """已帮扶 needs a measure; 未帮扶 has none, and says why (AID-R123)."""
    if aid.is_aided:
        if not aid.measures:
            yield Problem("measures", _("已帮扶的，请至少填写一项帮扶措施和金额"))
        if aid.not_aided_reason:
            yield Problem("not_aided_reason", _("已帮扶的，不填未帮原因"))
        return
    if aid.measures:
        yield Problem("measures", _("未帮扶的，不填帮扶措施；请先删除各项措施"))
    if aid.aid_form:
        yield Problem("aid_form", _("未帮扶的，不填帮扶形式"))
    if not aid.not_aided_reason:
        yield Problem("not_aided_reason", _("未帮扶的，请填写未帮原因"))


def exit_is_whole(aid: Aid) -> Iterator[Problem]:
    """已脱困 says how and when, not before the aid; 未脱困 says neither (AID-R124)."""
    fields = {"exit_method": _("脱困方式"), "exit_date": _("脱困日期")}
    for name, label in fields.items():
        if aid.is_out_of_hardship and not getattr(aid, name):
            yield Problem(name, _("已脱困的，请填写%(label)s", label=label))
        if not aid.is_out_of_hardship and getattr(aid, name):
            yield Problem(name, _("未脱困的，不填%(label)s", label=label))
    if aid.exit_date and aid.aid_date and aid.exit_date < aid.aid_date:
        yield Problem("exit_date", _("脱困日期不能早于帮扶日期"))


def summarised_money_stays(aid: Aid) -> Iterator[Problem]:
    """A measure in a summary table is neither changed nor taken away, nor is its year (AID-R129, R189)."""
    kept = inspect(aid).attrs.measures.history
    if not any(line.is_summarised for line in (*aid.measures, *(kept.deleted or ()))):
        return
    for line in kept.deleted or ():
        if line.is_summarised:
            yield Problem(
                "measures", _("「%(measure)s」已汇总到财政专项资金汇总表，不能删除", measure=line.title)
            )
    for index, line in enumerate(aid.measures):
        if line.is_summarised:
            for name in LOCKED:
                if inspect(line).attrs[name].history.deleted:
                    yield Problem(f"measures.{index}.{name}", _("该帮扶措施已汇总，不能修改"))
    before = inspect(aid).attrs.aid_date.history.deleted
    if before and aid.aid_date and before[0].year != aid.aid_date.year:
        yield Problem(
            "aid_date",
            _("有帮扶资金已汇总到%(year)s年度的汇总表，帮扶日期不能改到其他年度", year=before[0].year),
        )


def has_no_summarised_money(aid: Aid, actor: Actor) -> Any:
    """Money in a summary table keeps its aid record (AID-R126, R127)."""
    if any(line.is_summarised for line in aid.measures):
        return _("「%(aid)s」：该帮扶资金已汇总到财政专项资金汇总表，不能删除", aid=aid.title)
    return None
