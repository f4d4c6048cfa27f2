"""What one more C-FIND answer means for a study: new, grown, stable, or nothing at all (M1, M2, M11, M12, M20)."""

from __future__ import annotations

from dataclasses import dataclass

from .filters import is_dx, judge_modalities
from .lifecycle import Event, State
from .stability import StabilityPolicy, judge_stability
from .study import MOST_SIGHTINGS, PULL, PacsCopy, Study, iso
from .switches import Switches
from .values import FoundStudy, Sighting

_REOPENS = (State.PULL_DATA_END, State.UNSUPPORTED_SERIES, State.COMPLETED, State.PULL_FAILED, State.DEAD_LETTER)


@dataclass(frozen=True)
class Seen:
    """What changed: ``stable`` now (and due to be pulled), or merely ``changed`` (to be written), or neither."""

    changed: bool
    stable: bool = False


def new_study(found: FoundStudy, now: int, switches: Switches) -> Study:
    """A study seen for the first time, without a sighting: wanted, or kept without a state."""
    study = Study(
        study_uid=found.study_uid,
        study_date=found.study_date,
        study_time=found.study_time,
        accession_number=found.accession_number,
        patient_id=found.patient_id,
        study_description=found.study_description,
        modality=list(found.modalities),
        first_seen_at=iso(now),
    )
    verdict = judge_modalities(found.modalities, switches)
    event = Event.WANTED if verdict.taken else Event.NOT_WANTED
    study.apply(event, f"{found.pacs}: {verdict.because}", now)
    return study


def see(study: Study, found: FoundStudy, now: int, policy: StabilityPolicy, switches: Switches) -> Seen:
    """
    Take a sighting of a known study into account.

    A settled study is written only when its count grew, so that a find of a quiet day writes nothing.

    Args:
        study: Changed in place.
        found: The answer.
        now: Epoch milliseconds.
        policy: When a study counts as stable.
        switches: Which modalities are DX (pulled without waiting).
    """
    changed = _remember_copy(study, found, now)
    if set(found.modalities) - set(study.modality):
        study.modality = [*study.modality, *(m for m in found.modalities if m not in study.modality)]
        changed = True
    if study.state is None:
        verdict = judge_modalities(tuple(study.modality), switches)
        if not verdict.taken:
            return Seen(changed)
        study.apply(Event.WANTED, f"{found.pacs}: {verdict.because}", now)
    if study.state in _REOPENS:
        if not _grew(study):
            return Seen(changed)
        study.apply(Event.GREW, f"{found.pacs} has {found.count} instances, {_known_count(study)} when last pulled", now)
        study.attempts = 0
        study.sightings = []
    if study.state is not State.META_ONLY or PULL in study.due:
        return Seen(changed)
    return _judge(study, found, now, policy, switches)


def _judge(study: Study, found: FoundStudy, now: int, policy: StabilityPolicy, switches: Switches) -> Seen:
    here = _with([s for s in study.sightings if s.pacs == found.pacs], Sighting(now, found.pacs, found.count))
    study.sightings = [*(s for s in study.sightings if s.pacs != found.pacs), *here]
    stability = judge_stability(here, policy, now)
    if is_dx(study.modality, switches):
        study.note("to be pulled", "DX: pulled as soon as it is found", now)
    elif stability.stable:
        study.note("stable", f"{found.pacs}: {stability.why}", now)
    else:
        study.why = stability.why
        return Seen(True)
    study.schedule(PULL, now)
    return Seen(True, stable=True)


def _with(earlier: list[Sighting], new: Sighting) -> list[Sighting]:
    """The sightings at one PACS: the first (the fixed delay counts from it) and the newest ones."""
    return [*earlier[:1], *earlier[1:][-(MOST_SIGHTINGS - 2) :], new]


def _remember_copy(study: Study, found: FoundStudy, now: int) -> bool:
    known = study.pacs.get(found.pacs)
    if known is not None and known.count == found.count:
        return False
    study.pacs = {**study.pacs, found.pacs: PacsCopy(found.count, iso(now))}
    return True


def _known_count(study: Study) -> int | None:
    if study.baseline is not None:
        return study.baseline
    return study.pull.received if study.pull else None


def _grew(study: Study) -> bool:
    known, count = _known_count(study), study.count
    return known is not None and count is not None and count > known
