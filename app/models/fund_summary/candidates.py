"""增加新的职工: the money that may still go into a table, by what is asked for; a whole year of it at once, as a job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from app.kit import jobs, query, tree
from app.kit.errors import Missing, Refused
from app.kit.jobs import Job, JobContext
from app.kit.query import Asked
from app.kit.scope import Actor
from app.models.aid import Aid
from app.models.aid_measure import AidMeasure
from app.models.fund_summary import FundSummary
from app.models.fund_summary.lines import measures_of, of_year

#: what candidates are asked by, as the inputs of the aid module's own panel
CONDITIONS = ("full_name", "id_card_no", "aid_date")
#: the switch of Q18: subordinates' money that has been reported up to the table's unit
BELOW = "below"
#: more than these are put in by a job, so many at a time
CHUNK = 500
KIND = "fund_summary_fill"


@dataclass(frozen=True)
class Wanted:
    """What of the money that fits a table is asked for."""

    asked: Asked
    with_subordinates: bool

    @classmethod
    def of(cls, args: Mapping[str, str]) -> Wanted:
        """As a page's address or a job's arguments say it."""
        return cls(query.ask(Aid, query.conditions_of(Aid, CONDITIONS), args), args.get(BELOW) == "1")


def candidates(table: FundSummary, wanted: Wanted, actor: Actor) -> Select[Any]:
    """The amounts that the table may still take: the category's measures, its year, in no table (SM-AID-15 #2)."""
    of_units = (
        tree.at_level(Aid.owner_path, actor.path)
        if wanted.with_subordinates
        else Aid.owner_path == actor.path
    )
    return (
        select(AidMeasure)
        .join(Aid, Aid.id == AidMeasure.aid_id)
        .where(
            AidMeasure.summarised_line_id.is_(None),
            AidMeasure.measure.in_(measures_of(table.category)),
            Aid.is_aided.is_(True),
            of_year(table.year),
            of_units,
            wanted.asked.where,
        )
    )


def ids_of(session: Session, statement: Select[Any], most: int, after: int = 0) -> list[int]:
    """The next of some amounts, in the order of their ids."""
    following = statement.with_only_columns(AidMeasure.id).where(AidMeasure.id > after)
    return list(session.scalars(following.order_by(AidMeasure.id).limit(most)))


def ask(session: Session, table: FundSummary, args: Mapping[str, str], actor: Actor) -> Job:
    """The job that puts in all that is asked for, in the caller's transaction."""
    if (why := table.refusal("insert_lines", actor)) is not None:
        raise Refused(why)
    asked = {name: value for name, value in args.items() if value}
    job = jobs.enqueue(
        session, KIND, actor, table=table.id, asked=asked, resource=table.resource(), opens=table.id
    )
    session.flush()  # its id is the address
    return job


@jobs.task(KIND, label=_("汇总表增加职工"), needs=("insert_lines", "fund_summary"))
def run(ctx: JobContext) -> None:
    """Chunk after chunk in the order of ids; a chunk is the step itself, committed with the job's place."""
    wanted = Wanted.of(ctx.args["asked"])
    place: dict[str, Any] = dict(ctx.result or {"after": 0, "lines": 0})
    while True:
        table = ctx.session.scalar(select(FundSummary).where(FundSummary.id == ctx.args["table"]))
        if table is None:
            raise Missing
        ids = ids_of(ctx.session, candidates(table, wanted, ctx.actor), CHUNK, place["after"])
        if not ids:
            break
        if (closed := table.refusal("insert_lines", ctx.actor)) is not None:
            raise Refused(closed)
        try:
            table.perform("insert_lines", ctx.actor, measure_line_ids=ids)
        except Refused as why:
            ctx.fail_row(why.words)
        else:
            for pk, words in table.inserted.refused:
                ctx.fail_row(words, id=pk)
            place["lines"] += table.inserted.lines
        place["after"] = ids[-1]
        ctx.result = dict(place)
        ctx.progress(ctx.done + len(ids), ctx.done + len(ids))
        ctx.message = gettext("插入成功：%(n)s名职工", n=place["lines"])
        ctx.session.expunge_all()
        ctx.checkpoint()
