"""Where files meet: their keys, stored beside them, and who stands under the same."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import delete, func, insert, or_, select
from sqlalchemy.orm import Session

from app.kit import bulk
from app.kit.clock import now
from app.kit.likeness import KEYED_AS, SIGNS, Entries
from app.kit.scope import Actor
from app.models.likeness.keys import LikenessFile, LikenessKey
from app.models.likeness.reading import File, among

#: ranges of keys that are asked for together
AT_ONCE = 64


def key(session: Session, files: Sequence[File], entries: Mapping[int, Entries], actor: Actor) -> None:
    """Store the keys of these files in place of what was stored of them."""
    ids = [file.id for file in files]
    for cls in (LikenessKey, LikenessFile):
        session.execute(
            delete(cls).where(among(session, cls.file_id, ids)).execution_options(synchronize_session=False)
        )
    # in the order of the index that they go to
    _insert_keys(session, sorted((one, pk) for pk in ids for one in entries[pk].kept))
    made = {"edition": KEYED_AS, "keyed_at": now(), "unit_id": actor.unit_id}
    stamps = [{"file_id": file.id, "version": file.version, **made} for file in files]
    bulk.insert_values(session, LikenessFile, stamps)


def _insert_keys(session: Session, rows: Sequence[tuple[int, int]]) -> None:
    """Some twenty rows a file: two numbers need none of what `bulk.insert_values` does for others."""
    if not rows:
        return
    if session.get_bind().dialect.name == "postgresql":
        driver: Any = session.connection().connection.driver_connection
        with driver.cursor() as cursor, cursor.copy("COPY likeness_key (key, file_id) FROM STDIN") as copy:
            copy.write("".join([f"{one}\t{pk}\n" for one, pk in rows]))
    else:
        session.connection().execute(
            insert(LikenessKey.__table__), [{"key": one, "file_id": pk} for one, pk in rows]
        )


def meet(
    session: Session, entries: Mapping[int, Entries], most: int
) -> tuple[set[tuple[int, int]], dict[int, int]]:
    """Pairs of ids that stand under one key, the lesser first, one of them of these files; and the crowds.

    A key that more than ``most`` files share is a crowd, key → files, and not followed.
    """
    seekers, crowds = _seekers(session, entries, most)
    pairs = set()
    for one, pk in _under(session, seekers):
        for mine in seekers[one]:
            if mine != pk:
                pairs.add((mine, pk) if mine < pk else (pk, mine))
    return pairs, crowds


def _seekers(
    session: Session, entries: Mapping[int, Entries], most: int
) -> tuple[dict[int, list[int]], dict[int, int]]:
    """Stored key → who of these files wants to know who stands there; and the crowds, that nobody looks at."""
    counted = _counted(session, set().union(*(its.sought for its in entries.values())))
    crowds = {one & ~SIGNS: count for one, count in counted.items() if count > most}
    followed = {one for one, count in counted.items() if count <= most}
    signed = _counted_wide(session, set().union(*(its.wide for its in entries.values())))
    crowds |= {one: count for one, its in signed.items() if (count := sum(its.values())) > most}
    seekers = defaultdict[int, list[int]](list)
    for pk, its in entries.items():
        for one in its.sought & followed:
            if counted[one] > 1 or one not in its.kept:  # more than the file itself
                seekers[one].append(pk)
        for one in its.wide - crowds.keys():
            for stored in signed[one]:
                seekers[stored].append(pk)
    return seekers, crowds


def words_of(entries: Iterable[Entries], crowds: Collection[int]) -> Iterator[tuple[int, str, str]]:
    """Key, kind and what it was made of, of each crowd once."""
    left = set(crowds)
    for its in entries:
        for stored, made_of in its.kept.items():
            if (one := stored & ~SIGNS) in left:
                left.discard(one)
                kind, _stroke, words = made_of.partition("|")
                yield one, kind, words
        if not left:
            return


def _counted(session: Session, keys: Collection[int]) -> dict[int, int]:
    """Stored key and the files under it, where there may be others than the one that looks."""
    is_unsigned = LikenessKey.key.op("&")(SIGNS) == 0
    look = select(LikenessKey.key, func.count()).where(among(session, LikenessKey.key, sorted(keys)))
    look = look.group_by(LikenessKey.key).having(or_(func.count() > 1, is_unsigned))
    return {row[0]: row[1] for row in session.execute(look)}


def _counted_wide(session: Session, keys: Collection[int]) -> dict[int, dict[int, int]]:
    """Key → stored key of every sign → the files under it."""
    found = defaultdict[int, dict[int, int]](dict)
    listed = sorted(keys)
    for start in range(0, len(listed), AT_ONCE):
        # ranges by OR: a join by BETWEEN is planned as one look at every key that there is
        ranges = [LikenessKey.key.between(one, one + SIGNS) for one in listed[start : start + AT_ONCE]]
        look = select(LikenessKey.key, func.count()).where(or_(*ranges)).group_by(LikenessKey.key)
        for stored, count in session.execute(look):
            found[stored & ~SIGNS][stored] = count
    return found


def _under(session: Session, keys: Collection[int]) -> Iterable[Any]:
    """Key and file of all that stand under these stored keys."""
    if not keys:
        return ()
    look = select(LikenessKey.key, LikenessKey.file_id).where(among(session, LikenessKey.key, sorted(keys)))
    return session.execute(look)
