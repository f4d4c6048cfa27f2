"""
Which series of a study must be whole before its hand-over is proved, while the others may still
arrive (M15-M17).

Of a CT study one series is computed: the best by CHOICE_ORDER of those here and those announced. It is
decided when nobody can beat it any more, and then its own count decides: neither the other series nor objects
that the PACS counts and never sends are waited for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ..dicom.attributes import SeriesFacts
from ..rules.choice import Candidate, choose, rivals
from ..rules.filters import is_dx, judge_series
from ..rules.kernel_and_contrast import candidate_announced, candidate_here
from ..rules.switches import Switches


@dataclass(frozen=True)
class Arrived:
    """
    A series of which at least one image is here: the facts of that image, its verdict, and the images so far.
    """

    facts: SeriesFacts
    taken: bool
    count: int


@dataclass(frozen=True)
class NeededSeries:
    """
    What has to be whole.

    Args:
        needed: SeriesInstanceUIDs; for CT the best and those that may still beat it, for DX all that are not
            dropped.
        best: The CT series to compute as far as is known; empty for DX and where nothing is left.
        dx: Whether the study is radiography.
    """

    needed: frozenset[str]
    best: str
    dx: bool


def needed_series(
    here: Mapping[str, Arrived],
    announced: Mapping[str, SeriesFacts],
    named: frozenset[str],
    dx: bool,
    ended: bool,
    switches: Switches,
) -> NeededSeries:
    """
    Say which series must be whole.

    Args:
        here: What has arrived.
        announced: What the PACS says of the series that were pulled, by UID, with their numbers of instances.
        named: Series that a person named: never dropped.
        dx: What the find said; a CT series here or announced says otherwise.
        ended: Whether no more images come.
        switches: The site's.
    """
    coming = _coming(here, announced, named, switches)
    taken = {uid: one for uid, one in here.items() if one.taken}
    modalities = [one.facts.modality for one in here.values()] + [facts.modality for facts in coming.values()]
    if is_radiography(modalities, dx, switches):
        return NeededSeries(frozenset({*taken, *coming}), "", True)
    candidates = [_here(one, announced.get(uid), switches, ended) for uid, one in taken.items()]
    candidates += [candidate_announced(facts, switches) for facts in coming.values()]
    facts_of = {uid: one.facts for uid, one in taken.items()}
    return _of_ct(only_ct(candidates, {**facts_of, **coming}, switches), switches)


def _of_ct(candidates: Sequence[Candidate], switches: Switches) -> NeededSeries:
    """The one that would be chosen now, and those that may yet become better."""
    if not candidates:
        return NeededSeries(frozenset(), "", False)
    (best,) = choose(candidates, dx=False, switches=switches).series
    needed = {best.series_uid, *(one.series_uid for one in rivals(best, candidates, switches))}
    return NeededSeries(frozenset(needed), best.series_uid, False)


def _coming(
    here: Mapping[str, Arrived],
    announced: Mapping[str, SeriesFacts],
    named: frozenset[str],
    switches: Switches,
) -> dict[str, SeriesFacts]:
    """Announced series of which no image is here, without those that the filter drops."""
    found = {}
    for uid, facts in announced.items():
        if uid in here:
            continue
        facts = told(facts)
        if uid in named or judge_series(facts, switches).taken:
            found[uid] = facts
    return found


def told(facts: SeriesFacts) -> SeriesFacts:
    """
    Only what the PACS filled in: an empty attribute of an answer is no evidence that the images have none.
    """
    return replace(facts, attributes={name: text for name, text in facts.attributes.items() if text.strip()})


def is_radiography(modalities: list[str], told_dx: bool, switches: Switches) -> bool:
    """By the series where they tell, else by what the find said."""
    if any(modality in switches.ct_modalities for modality in modalities):
        return False
    return is_dx(modalities, switches) or told_dx


def only_ct(
    candidates: list[Candidate], facts: Mapping[str, SeriesFacts], switches: Switches
) -> list[Candidate]:
    """The CT series among them where there are any; one whose modality nobody told may be one."""
    ct = [one for one in candidates if facts[one.series_uid].modality in ("", *switches.ct_modalities)]
    return ct or candidates


def _here(one: Arrived, announced: SeriesFacts | None, switches: Switches, ended: bool) -> Candidate:
    expected = announced.instances if announced is not None else None
    return candidate_here(
        one.facts, max(one.count, expected or 0), switches, final=ended or expected is not None
    )
