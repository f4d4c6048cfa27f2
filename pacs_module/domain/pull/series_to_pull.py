"""
Which part of a study is pulled: series ahead of the rest while it grows, and then only what may still be
better (N1).

A study of which a series was pulled ahead is not pulled whole when it has stopped growing. What the PACS
announces then decides again, by the same rules: the series to compute is here and whole, or it is pulled.
So it is with the first pull of a study that nobody followed, at a PACS that is filtered at SERIES level.
Where the PACS does not tell enough, all that the filter leaves is pulled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from ..dicom.attributes import SeriesFacts
from ..growing_study.scan import needed_of
from ..instants import iso, milliseconds
from ..json_messages.messages import PullRequest
from ..receive.needed_series import told
from ..rules.filters import judge_series
from ..rules.switches import Switches
from ..study.handover import HandOver
from ..study.pull_state import TO_REPEAT
from ..study.series_pulled_early import Ahead
from ..study.study import Study


class What(StrEnum):
    """What a due study is pulled as."""

    WHOLE = "whole"
    SERIES = "series"
    NOTHING = "nothing"
    """The series to compute is here already."""
    NOT_YET = "not yet"
    """It was to be pulled ahead, and grows again."""


@dataclass(frozen=True)
class Part:
    """
    ``series``: their SeriesInstanceUIDs; ``forced``: handed over whatever was handed over before; ``why`` in
    words. ``proof_ms``: after so long the PACS is asked once more how many images they have; 0: it is not.
    """

    what: What
    why: str = ""
    series: tuple[str, ...] = ()
    forced: bool = False
    proof_ms: int = 0


WHOLE = Part(What.WHOLE)
REPEATED_PROOF_MS = 2_000
"""A series that had not ended when its pull began is counted once more while it is pulled again, too."""
GUESS_LASTS = timedelta(hours=1)
"""A series that comes later is a late one: handed over again only by the resend rule (M17)."""


def part_of(
    study: Study,
    pacs: str,
    series: Sequence[SeriesFacts],
    switches: Switches,
    now: int,
    *,
    by_series: bool = False,
    final: bool = False,
) -> Part:
    """
    Say what of a due study is pulled now.

    Args:
        study: Due to be pulled.
        pacs: Where it is pulled from.
        series: What this PACS says of its series now; empty where it was not told.
        switches: The site's.
        now: Epoch milliseconds.
        by_series: Whether this PACS is filtered at SERIES level (FIND_PACS_USE_SERIES).
        final: Whether this is the last attempt.
    """
    first = study.pull is None and by_series
    if study.named or (study.forced and not first):
        return WHOLE
    counts = {facts.series_uid: facts.instances or 0 for facts in series}
    if study.ahead is not None and not study.forced:
        return _ahead(study, study.ahead, counts, now)
    if study.attempts and study.pull is not None and study.pull.early and study.pull.outcome in TO_REPEAT:
        # The PACS may have none of it to send: then the others are better than nothing.
        return WHOLE if final else _as_before(study.pull.request)
    if not _is_told(study, pacs, series):
        return WHOLE
    if study.partial and study.last_handover is not None:
        return _rest(study, study.last_handover, series, switches, now)
    return _best(study, series, switches) if first else WHOLE


def _best(study: Study, series: Sequence[SeriesFacts], switches: Switches) -> Part:
    """Only the series that may be the one to compute; all, where that is what the filter leaves."""
    outlook = needed_of(series, dropped_after_reception(study, series), switches)
    wanted = [facts for facts in series if judge_series(told(facts), switches).taken]
    if outlook.dx or study.skip_filter or len(outlook.needed) in (0, len(wanted)):
        return WHOLE
    why = f"{len(outlook.needed)} of {len(series)} series may be the one to compute"
    return Part(What.SERIES, why, tuple(sorted(outlook.needed)))


def _as_before(request: PullRequest) -> Part:
    proof = 0 if request.count_again_after_s is None else REPEATED_PROOF_MS
    return Part(What.SERIES, "as before", request.series_uids, request.forced, proof)


def _ahead(study: Study, ahead: Ahead, counts: Mapping[str, int], now: int) -> Part:
    if not counts:
        return Part(What.NOT_YET, "the PACS does not tell its series now: what was to be pulled ahead waits")
    if any(counts.get(uid, 0) != count for uid, count in ahead.series.items()):
        return Part(What.NOT_YET, "the series that was to be pulled ahead has another count now")
    last = study.last_handover
    other = is_guess(study, now) and last is not None and last.series_uid not in ahead.series
    return Part(What.SERIES, ahead.why, tuple(sorted(ahead.series)), other, ahead.proof_ms)


def _is_told(study: Study, pacs: str, series: Sequence[SeriesFacts]) -> bool:
    """
    Whether the list has a count for each series, and all instances that the study is known to have (K12).
    """
    copy = study.pacs.get(pacs)
    announced = (copy.count or 0) if copy is not None else 0
    told = [facts.instances or 0 for facts in series]
    return bool(told) and all(told) and sum(told) >= announced


def _rest(study: Study, last: HandOver, series: Sequence[SeriesFacts], switches: Switches, now: int) -> Part:
    outlook = needed_of(series, dropped_after_reception(study, series), switches)
    if outlook.dx:
        return WHOLE
    needed = [facts for facts in series if facts.series_uid in outlook.needed]
    if all(is_received(study, facts.series_uid, facts.instances or 0) for facts in needed):
        why = f"{len(series)} series announced, none of them better than what was received"
        return Part(What.NOTHING, why)
    # What was handed over while the study grew was the best so far; the study's own choice follows it.
    other = is_guess(study, now) and last.series_uid != outlook.best
    why = f"{len(needed)} of {len(series)} series may be the one to compute"
    return Part(What.SERIES, why, tuple(sorted(outlook.needed)), other)


def is_guess(study: Study, now: int) -> bool:
    """
    Whether what was handed over last was pulled ahead, and the choice of the whole study is still to come.
    """
    return bool(study.guessed_at) and study.guessed_at > iso(now - milliseconds(GUESS_LASTS))


def is_received(study: Study, series_uid: str, count: int) -> bool:
    """Whether so many instances of a series have come."""
    record = study.series.get(series_uid)
    return record is not None and (record.received or 0) >= count


def dropped_after_reception(study: Study, series: Sequence[SeriesFacts]) -> frozenset[str]:
    """
    Series whose images came and were filtered out, and that the PACS has no more of now: to pull them again
    would bring the same.
    """
    dropped = set()
    for facts in series:
        record = study.series.get(facts.series_uid)
        if record is None or record.taken or record.stage != "reception":
            continue
        if (facts.instances or 0) <= max(record.received or 0, record.in_pacs or 0):
            dropped.add(facts.series_uid)
    return frozenset(dropped)
