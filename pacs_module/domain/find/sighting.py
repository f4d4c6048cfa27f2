"""What one more C-FIND answer means for a study: new, grown, stable, or nothing (M1, M2, M11, M12, M20)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from ..dicom.attributes import FoundStudy, Sighting
from ..instants import iso
from ..rules.filters import is_dx, judge_modalities
from ..rules.switches import Switches
from ..study.growth_checks import GrowthCheck, has_grown
from ..study.history import Note
from ..study.lifecycle import SETTLED, Event, State
from ..study.message_state import MessageState
from ..study.pacs_attributes import NAMES
from ..study.study import GROWTH_CHECK, MOST_SIGHTINGS, PULL, Study
from .corrections import take_names
from .stability import Stability, StabilityPolicy, judge_stability
from .vanished import seen_again


@dataclass(frozen=True)
class Seen:
    """What changed: ``stable`` now (due to be pulled), or merely ``changed`` (to be written), or neither."""

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

    A settled study is written only when its count changed, so that a find of a quiet day writes nothing. A
    study that is still being counted is due to be pulled all the same, after the policy's delay without
    another sighting: at midnight, or when the PACS stops answering, there may be none.

    Args:
        study: Changed in place.
        found: The answer.
        now: Epoch milliseconds.
        policy: When a study counts as stable.
        switches: Which modalities are DX (pulled without waiting).
    """
    found = replace(found, count=found.count or None)
    counted, changed = _take_answer(study, found, now)
    if study.state is None and not _is_wanted_now(study, found, now, switches):
        return Seen(changed)
    if study.state in SETTLED or (study.waits_for_pull and counted):
        if not _grew(study, found):
            return Seen(_begin_growth_checks(study, found, now, policy) or changed)
        _pull_again(study, found, now)
    if study.state is not State.META_ONLY or study.waits_for_pull:
        return Seen(changed)
    return _judge(study, found, now, policy, switches)


def _take_answer(study: Study, found: FoundStudy, now: int) -> tuple[bool, bool]:
    """Write down what the answer tells; whether its count is news, and whether anything is."""
    again = seen_again(study, found.pacs, now)
    counted = study.saw(found.pacs, found.count, now)
    corrected = take_names(study, found, now)
    filled_in = _fill_in(study, found)
    first = not study.found_at
    study.found_at = study.found_at or iso(now)
    return counted, counted or again or corrected or filled_in or first


def _is_wanted_now(study: Study, found: FoundStudy, now: int, switches: Switches) -> bool:
    """Whether a study that was not wanted has got a wanted modality."""
    verdict = judge_modalities(tuple(study.modality), switches)
    if verdict.taken:
        study.apply(Event.WANTED, f"{found.pacs}: {verdict.because}", now)
    return verdict.taken


def _pull_again(study: Study, found: FoundStudy, now: int) -> None:
    study.apply(
        Event.GREW, f"{found.pacs} has {found.count} instances, {_known_count(study)} when last pulled", now
    )
    study.attempts, study.sightings, study.ahead = 0, [], None
    if study.last_handover is not None and study.last_handover.message_state is MessageState.CANCELLED:
        study.forced = True  # what was received before was not computed


def _begin_growth_checks(study: Study, found: FoundStudy, now: int, policy: StabilityPolicy) -> bool:
    """
    What came unasked, and is found at a PACS that tells no counts, is checked for growth as if it had been
    pulled.
    """
    if study.look is not None or study.count is not None:
        return False
    study.look = GrowthCheck(found.pacs)
    study.schedule(GROWTH_CHECK, now + policy.delay // timedelta(milliseconds=1))
    return True


def unpullable_key(found: FoundStudy) -> str:
    """Under which key a study without a StudyInstanceUID is kept."""
    return "unpullable:" + ":".join(
        (found.pacs, found.accession_number, found.patient_id, found.study_date, found.study_time)
    )


def _fill_in(study: Study, found: FoundStudy) -> bool:
    """
    What was not known yet: modalities that came later, names of a study that came unasked or was not
    registered yet.
    """
    more = [modality for modality in found.modalities if modality not in study.modality]
    study.modality = [*study.modality, *more]
    missing = [name for name in NAMES if getattr(found, name) and not getattr(study, name)]
    for name in missing:
        setattr(study, name, getattr(found, name))
    return bool(more or missing)


def _judge(study: Study, found: FoundStudy, now: int, policy: StabilityPolicy, switches: Switches) -> Seen:
    here = _with([s for s in study.sightings if s.pacs == found.pacs], Sighting(now, found.pacs, found.count))
    study.sightings = [*(s for s in study.sightings if s.pacs != found.pacs), *here]
    return _go_on(study, found.pacs, judge_stability(here, policy, now), now, policy, switches)


def _go_on(
    study: Study, pacs: str, stability: Stability, now: int, policy: StabilityPolicy, switches: Switches
) -> Seen:
    """Pull it, or wait for the next sighting."""
    if is_dx(study.modality, switches):
        return _to_be_pulled(study, Note.TO_BE_PULLED, "DX: pulled as soon as it is found", now)
    if stability.stable:
        return _to_be_pulled(study, Note.STABLE, f"{pacs}: {stability.why}", now)
    study.why = stability.why
    study.schedule(PULL, now + policy.delay // timedelta(milliseconds=1))
    return Seen(True)


def _to_be_pulled(study: Study, note: Note, why: str, now: int) -> Seen:
    study.why = why
    study.note(note, why, now)
    study.sightings = []
    study.schedule(PULL, now)
    return Seen(True, stable=True)


def _with(earlier: list[Sighting], new: Sighting) -> list[Sighting]:
    """
    The sightings at one PACS that decide: the first, from which the fixed delay counts, the largest, and the
    newest ones.

    Of an even count the first sighting stays, so that it is known since when it has been so.
    """
    every = [*earlier, new]
    if len(every) <= MOST_SIGHTINGS:
        return every
    largest = max(range(len(every)), key=lambda place: (every[place].count or 0, -place))
    kept = {0, largest, *range(len(every) - MOST_SIGHTINGS + 2, len(every))}
    return [every[place] for place in sorted(kept)]


def _known_count(study: Study) -> int | None:
    if study.baseline is not None:
        return study.baseline
    return study.pull.received if study.pull else None


def _grew(study: Study, found: FoundStudy) -> bool:
    """
    Whether this PACS has more than was last pulled, and more than it announced when it was last asked.

    Another PACS that has more and does not answer is no reason: it would be one again after every pull from
    this one.
    """
    known = _known_count(study)
    return has_grown(found.count, known, study.pacs[found.pacs].tried)
