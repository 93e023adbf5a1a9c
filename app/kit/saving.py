"""The doors for writing: save, delete. Judge everything, tell everything at once, note the change."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import UniqueConstraint
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from app.kit import claims, history
from app.kit.attachments import discard_all
from app.kit.errors import Invalid, Problem, Refused
from app.kit.record import check, expect_version, fill, lock, place_of
from app.kit.scope import Actor
from app.kit.workflow import Stateful


def save(
    session: Session,
    record: Any,
    typed: Mapping[str, Any],
    actor: Actor,
    *,
    confirmed: frozenset[str] | None = None,
) -> list[Problem]:
    """Fill, derive, judge and store one record; the caller commits.

    Of a record that is known to be faulty, what was wrong and is left alone may stay; what is typed must be right.
    ``confirmed`` holds the words of the warnings that a person has seen and accepts; any other warning is raised
    too. Without it (REST, imports) every warning is accepted. Returns the warnings that were accepted.

    Raises:
        Invalid: with every problem at once; nothing is stored, the caller rolls back.
        Refused: somebody else changed the record meanwhile, or it may not be edited now.

    """
    is_new = record.id is None
    with session.no_autoflush:
        if not is_new:
            if isinstance(record, Stateful):
                record.hold_before("edit", typed)
            lock(record)
            if isinstance(record, Stateful) and (why := record.refusal("edit", actor)):
                raise Refused(why)
            expect_version(record, typed.get("version"))
        else:
            session.add(record)
        with (
            _clashes_in_words(record),
            history.recorded(record, "add" if is_new else "edit", actor, is_new=is_new),
        ):
            return _enter(session, record, typed, actor, confirmed=confirmed)


def enter(
    session: Session,
    record: Any,
    typed: Mapping[str, Any],
    actor: Actor,
    *,
    confirmed: frozenset[str] | None = None,
    leaves: Callable[[Problem], bool],
) -> list[Problem]:
    """`save` within a step: for a record that the step has locked, judged and notes in the history itself.

    ``leaves`` says which faults a faulty record may keep.
    """
    with session.no_autoflush, _clashes_in_words(record):
        return _enter(session, record, typed, actor, confirmed=confirmed, leaves=leaves)


def _enter(
    session: Session,
    record: Any,
    typed: Mapping[str, Any],
    actor: Actor,
    *,
    confirmed: frozenset[str] | None,
    leaves: Callable[[Problem], bool] = lambda _fault: True,
) -> list[Problem]:
    warnings = _judge(record, typed, actor, confirmed=confirmed, leaves=leaves)
    record.stamp(actor)
    session.flush()
    record.settle(actor)
    return warnings


@contextmanager
def _clashes_in_words(record: Any) -> Iterator[None]:
    """A number taken, or a record changed, at this very moment is told as if it had been seen before."""
    try:
        yield
    except IntegrityError as clash:
        raise Invalid([_words_of(clash, record)]) from clash
    except StaleDataError as stale:
        raise Refused(_("这条记录刚刚被他人修改，请重新打开后再改")) from stale


def _judge(
    record: Any,
    typed: Mapping[str, Any],
    actor: Actor,
    *,
    confirmed: frozenset[str] | None,
    leaves: Callable[[Problem], bool],
) -> list[Problem]:
    known = record.faults() if record.is_faulty else []
    faults = [place_of(record, fault) for fault in known if leaves(fault)]
    problems, unread = fill(record, typed)
    record.derive(actor)
    problems += [
        problem
        for problem in check(record, skip=unread)
        if problem.warning or place_of(record, problem) not in faults
    ]
    warnings = [problem for problem in problems if problem.warning]
    unseen = [w for w in warnings if confirmed is not None and str(w.words) not in confirmed]
    if len(warnings) < len(problems) or unseen:
        raise Invalid(problems)
    return warnings


def _words_of(clash: IntegrityError, record: Any) -> Problem:
    """The broken constraint in words: PostgreSQL names it, SQLite names its columns."""
    told = f"{getattr(getattr(clash.orig, 'diag', None), 'constraint_name', '')} {clash.orig}"
    tables = type(record).metadata.tables
    for cls in (type(record), *type(record).child_classes().values()):
        for name, (field, words) in cls.constraint_words.items():
            for table in tables.values():
                for constraint in table.constraints:
                    if isinstance(constraint, UniqueConstraint) and str(constraint.name) == name:
                        spelled = ", ".join(f"{table.name}.{column.name}" for column in constraint.columns)
                        if name in told or spelled in told:
                            return Problem(field, words)
    return Problem("", _("与已有的记录重复或仍被其他记录引用，未能保存"))


def delete(session: Session, record: Any, actor: Actor) -> Any:
    """Delete one record with its children, files and claims; the history keeps what it was. The caller commits.

    Returns words when the record did not simply go, e.g. a code value in use was retired instead.
    Raises Refused when a guard says no or something still points at the record.
    """
    if isinstance(record, Stateful):
        record.hold_before("delete", {})
        lock(record)
        if why := record.refusal("delete", actor):
            raise Refused(why)
    before = history.snapshot(record)
    history.write(record, "delete", actor, None, before, [])
    claims.release(session, type(record).resource(), record.id)
    discard_all(session, type(record).resource(), record.id)
    try:
        with session.begin_nested():
            words = record.remove(actor)
            record.follow_up(session, before, None, actor)
            return words
    except IntegrityError as clash:
        raise Refused(_("「%(record)s」仍被其他记录引用，不能删除", record=record.title)) from clash
