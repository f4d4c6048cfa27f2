"""What one more C-FIND answer means for a study: new, grown, stable, or nothing at all (M1, M2, M11, M12, M20)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from ..dicom.attributes import FoundStudy, Sighting
from ..instants import iso
from ..rules.filters import is_dx, judge_modalities
from ..rules.switches import Switches
from ..study.growth_checks import Look
from ..study.history import Note
from ..study.lifecycle import SETTLED, Event, State
from ..study.message_state import MessageState
from ..study.names import NAMES, StudyNames
from ..study.study import LOOK, MOST_SIGHTINGS, PULL, Study
from ..wire.documents import camel
from .stability import StabilityPolicy, judge_stability
from .vanished import seen_again


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

    A settled study is written only when its count changed, so that a find of a quiet day writes nothing. A study that is still
    being counted is due to be pulled all the same, after the policy's delay without another sighting: at midnight, or when the
    PACS stops answering, there may be none.

    Args:
        study: Changed in place.
        found: The answer.
        now: Epoch milliseconds.
        policy: When a study counts as stable.
        switches: Which modalities are DX (pulled without waiting).
    """
    found = replace(found, count=found.count or None)
    again = seen_again(study, found.pacs, now)
    counted = study.saw(found.pacs, found.count, now)
    corrected = _corrected(study, found, now)
    changed = _fill_in(study, found) or again or counted or corrected or not study.found_at
    study.found_at = study.found_at or iso(now)
    if study.state is None:
        verdict = judge_modalities(tuple(study.modality), switches)
        if not verdict.taken:
            return Seen(changed)
        study.apply(Event.WANTED, f"{found.pacs}: {verdict.because}", now)
    if study.state in SETTLED or (study.waits_for_pull and counted):
        if not _grew(study, found):
            return Seen(_look_again(study, found, now, policy) or changed)
        study.apply(Event.GREW, f"{found.pacs} has {found.count} instances, {_known_count(study)} when last pulled", now)
        study.attempts, study.sightings = 0, []
        if study.last_handover is not None and study.last_handover.message_state is MessageState.CANCELLED:
            study.forced = True  # what was received before was not computed
    if study.state is not State.META_ONLY or study.waits_for_pull:
        return Seen(changed)
    return _judge(study, found, now, policy, switches)


def _look_again(study: Study, found: FoundStudy, now: int, policy: StabilityPolicy) -> bool:
    """What came unasked, and is found at a PACS that tells no counts, is looked into as if it had been pulled."""
    if study.look is not None or study.count is not None:
        return False
    study.look = Look(found.pacs)
    study.schedule(LOOK, now + policy.delay // timedelta(milliseconds=1))
    return True


def unpullable_key(found: FoundStudy) -> str:
    """Under which key a study without a StudyInstanceUID is kept."""
    return "unpullable:" + ":".join((found.pacs, found.accession_number, found.patient_id, found.study_date, found.study_time))


def _corrected(study: Study, found: FoundStudy, now: int) -> bool:
    """
    Names and dates that this PACS tells otherwise than before: noted, and taken over where ours was its old word.

    Two PACS that always told differently correct nothing.
    """
    copy = study.pacs[found.pacs]
    told = StudyNames.of(found)
    # Before a PACS's own words were kept, the document of a study that only one PACS has was in its words.
    assumed = StudyNames.of(study) if len(study.pacs) == 1 and not study.is_push else StudyNames()
    before = copy.told or assumed
    now_told = told.told_over(before)
    if now_told == before:
        return False
    for one in told.corrections_of(before):
        study.note(Note.CORRECTED, f"{found.pacs}: {camel(one.name)} {one.old} -> {one.new}", now)
        if getattr(study, one.name) == one.old:
            setattr(study, one.name, one.new)
    copy.told = now_told
    return True


def _fill_in(study: Study, found: FoundStudy) -> bool:
    """What was not known yet: modalities that came later, names of a study that came unasked or was not registered yet."""
    more = [modality for modality in found.modalities if modality not in study.modality]
    study.modality = [*study.modality, *more]
    missing = [name for name in NAMES if getattr(found, name) and not getattr(study, name)]
    for name in missing:
        setattr(study, name, getattr(found, name))
    return bool(more or missing)


def _judge(study: Study, found: FoundStudy, now: int, policy: StabilityPolicy, switches: Switches) -> Seen:
    here = _with([s for s in study.sightings if s.pacs == found.pacs], Sighting(now, found.pacs, found.count))
    study.sightings = [*(s for s in study.sightings if s.pacs != found.pacs), *here]
    stability = judge_stability(here, policy, now)
    if is_dx(study.modality, switches):
        study.why = "DX: pulled as soon as it is found"
        study.note(Note.TO_BE_PULLED, study.why, now)
    elif stability.stable:
        study.why = f"{found.pacs}: {stability.why}"
        study.note(Note.STABLE, study.why, now)
    else:
        study.why = stability.why
        study.schedule(PULL, now + policy.delay // timedelta(milliseconds=1))
        return Seen(True)
    study.sightings = []
    study.schedule(PULL, now)
    return Seen(True, stable=True)


def _with(earlier: list[Sighting], new: Sighting) -> list[Sighting]:
    """The sightings at one PACS: the first (the fixed delay counts from it) and the newest ones."""
    return [*earlier[:1], *earlier[1:][-(MOST_SIGHTINGS - 2) :], new]


def _known_count(study: Study) -> int | None:
    if study.baseline is not None:
        return study.baseline
    return study.pull.received if study.pull else None


def _grew(study: Study, found: FoundStudy) -> bool:
    """
    Whether this PACS has more than was last pulled, and more than it announced when it was last asked.

    Another PACS that has more and does not answer is no reason: it would be one again after every pull from this one.
    """
    known, tried = _known_count(study), study.pacs[found.pacs].tried
    return known is not None and found.count is not None and found.count > max(known, tried or 0)
