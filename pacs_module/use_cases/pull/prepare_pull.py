"""Before a pull: what does the PACS say of the study's series, and which of them are wanted (M3, M15)."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from ...domain.dicom.attributes import SeriesFacts, Sighting
from ...domain.dicom.device import DEVICE_ATTRIBUTES, device_of
from ...domain.errors import PermanentError, PipelineError, RetriableError, TooManyAnswers
from ...domain.explain import loglines
from ...domain.find.series_answers import SERIES_KEYS, series_of
from ...domain.find.traits import TraitsByPacs, traits_of
from ...domain.instants import iso, milliseconds
from ...domain.json_messages.messages import PullRequest, SeriesOutcome
from ...domain.pull.series_to_pull import WHOLE, Part, What, dropped_after_reception, is_received, part_of
from ...domain.receive.image_origin import patient_key
from ...domain.receive.needed_series import told
from ...domain.rules.filters import ACCOMPANYING, is_dx, judge_series, named_by_person
from ...domain.rules.reasons import grouped
from ...domain.rules.switches import Switches
from ...domain.rules.verdict import Verdict
from ...domain.study.growth_checks import GrowthCheck, GrowthPolicy
from ...domain.study.lifecycle import Event
from ...domain.study.other_series import OtherSeries
from ...domain.study.priority import ROUTINE
from ...domain.study.pull_state import TO_REPEAT, PullOutcome
from ...domain.study.series_pulled_early import Ahead
from ...domain.study.study import GROWTH_CHECK, PULL, Pull, SeriesRecord, Study
from ...ports import Clock, EventLog, PacsFinder, Puller
from ..find.judge_told import judge_told
from ..rehearse.record_headers import RecordHeaders
from ..upload import other_series
from .list_images import list_images
from .record_pull_end import nothing_new_event

_FOR_THE_CHOICE = SERIES_KEYS[2:-1]
"""What the plugins need to know of a series that has not come yet: whether it may be the one to compute."""
_WITH_DEVICE = (*SERIES_KEYS, *DEVICE_ATTRIBUTES)
"""A series that is dropped before the pull has no image that could tell its device."""


@dataclass
class PreparePull:
    """
    Makes the request for a pull out of a study; ``traits`` say at which levels each PACS can be asked and
    moved from.
    """

    finder: PacsFinder
    puller: Puller
    clock: Clock
    log: EventLog
    switches: Switches
    traits: TraitsByPacs
    look: GrowthPolicy = field(default_factory=GrowthPolicy)
    count_on: timedelta = timedelta(minutes=10)
    """
    After this a study that was to be pulled ahead, and grew again, is pulled all the same, when no find
    counts it; and one that was to be filtered at SERIES level is pulled whole, when that is not answered.
    """
    learn: Callable[[str, Sequence[SeriesFacts], bool], None] = lambda pacs, series, final: None
    """Told what a PACS announces of a study that is pulled; ``final``: it has stopped growing."""
    find_timeout_s: float | None = None
    """Deadline of a C-FIND inside the pull, where the PACS has none of its own; None: the plugins'."""
    headers: RecordHeaders | None = None
    _unanswered_since: dict[str, int] = field(default_factory=dict)
    """By StudyInstanceUID: since when (epoch milliseconds) its series were not told."""

    def __call__(self, study: Study, pacs: str, final: bool) -> PullRequest | None:
        """
        Ask the PACS for the series and, with FIND_PACS_USE_SERIES, filter them.

        Args:
            study: Changed in place: verdicts, and the state when every series was dropped.
            pacs: Where the study is moved from.
            final: Whether this is the last attempt.

        Returns:
            The request, or None when every series was dropped: the study is settled then.

        Raises:
            RetriableError: With FIND_PACS_USE_SERIES the PACS did not answer at SERIES level, for less than
            ``count_on``, or the plugins took no verdicts.
        """
        series = self._series_of(pacs, study)
        wanted_by = other_series.begun_for(study)
        if wanted_by:
            return self._others(study, pacs, series, wanted_by, final)
        if study.count is None:
            self._look_again(study, pacs, series)
        now, by_series = self.clock.now(), self._filters(pacs)
        part = part_of(study, pacs, series, self.switches, now, by_series=by_series, final=final)
        if part.what is not What.NOT_YET and not study.named:
            self.learn(pacs, series, study.ahead is None)
        if part.what is not What.WHOLE:
            return self._part(study, pacs, series, part, final)
        return self._whole(study, pacs, series, final)

    def _others(
        self, study: Study, pacs: str, series: list[SeriesFacts], wanted_by: list[OtherSeries], final: bool
    ) -> PullRequest | None:
        """Ask for series that destinations want and do not have; they are handed over as they come."""
        names = tuple(sorted(one.destination for one in wanted_by))
        lacking = self._lacking_at(study, pacs, series, wanted_by)
        if series and not lacking:
            self._no_others(study, names)
            return None
        uids = tuple(facts.series_uid for facts in lacking)
        part = Part(What.SERIES, "other series", uids, forced=True)
        request = self._request(study, pacs, lacking, {}, final, part)
        request = replace(request, for_destinations=names, skip_filter=uids, priority=ROUTINE)
        return self._by_image(request) if request.expected_instances else request

    def _lacking_at(
        self, study: Study, pacs: str, series: list[SeriesFacts], wanted_by: list[OtherSeries]
    ) -> list[SeriesFacts]:
        """The series that they want, and of which they have not all images."""
        here = other_series.here_for(study, [one.destination for one in wanted_by])
        lacking = [one for one in series if (one.instances or 1) > here.get(one.series_uid, 0)]
        lost = {uid for one in wanted_by for uid in one.series}
        if lost:
            return [one for one in lacking if one.series_uid in lost]
        if all(one.passed_only for one in wanted_by):
            return [one for one in lacking if self._passes(pacs, study, one)]
        return lacking

    def _no_others(self, study: Study, names: Sequence[str]) -> None:
        now = self.clock.now()
        other_series.nothing_more(study, names, now)
        study.apply(nothing_new_event(study), "no other series", now)
        study.schedule(PULL, None)

    def _passes(self, pacs: str, study: Study, facts: SeriesFacts) -> bool:
        """As it was judged, by its images where they were here."""
        known = study.series.get(facts.series_uid)
        return known.taken if known is not None else self._judge(pacs, study, facts).taken

    def _whole(self, study: Study, pacs: str, series: list[SeriesFacts], final: bool) -> PullRequest | None:
        """Ask for all series that the filter leaves, or for those that a person named."""
        if study.named:
            named = [facts for facts in series if facts.series_uid in study.named]
            return self._request(study, pacs, named, {}, final)
        dropped = dropped_after_reception(study, series)
        filtered = self._filter(study, pacs, series) if self._is_filtered(study, pacs, series) else {}
        if filtered and len(filtered) == len(series):
            return None
        wanted = [facts for facts in series if facts.series_uid not in filtered]
        if filtered and self._was_filtered_out(study, wanted, dropped):
            return None
        return self._request(study, pacs, wanted, filtered, final)

    def _is_filtered(self, study: Study, pacs: str, series: list[SeriesFacts]) -> bool:
        return bool(series) and (self._filters(pacs) or self._no_wanted_modality(study, series))

    def _was_filtered_out(self, study: Study, wanted: list[SeriesFacts], dropped: Collection[str]) -> bool:
        """Whether all that the filter leaves was pulled ahead, and filtered out by its images."""
        last = study.pull
        if last is None or not last.early or study.forced:
            return False
        if any(facts.series_uid not in dropped for facts in wanted):
            return False
        self._settle_filtered_out(study)
        return True

    def _settle_filtered_out(self, study: Study) -> None:
        reasons = grouped(record.why_not for record in study.series.values() if not record.taken)
        study.apply(Event.FILTERED_AT_FIND, f"all series: {reasons}", self.clock.now())
        study.baseline, study.sightings = study.count, []
        study.schedule(PULL, None)

    def _part(
        self, study: Study, pacs: str, series: list[SeriesFacts], part: Part, final: bool
    ) -> PullRequest | None:
        if part.what is What.NOTHING:
            self._nothing(study, part)
            return None
        if part.what is What.NOT_YET:
            self._not_yet(study, pacs, series, part)
            return None
        return self._request_part(study, pacs, series, part, final)

    def _nothing(self, study: Study, part: Part) -> None:
        """
        The study has stopped growing, and what was pulled ahead of its rest is its best: settled without a
        pull.
        """
        study.apply(nothing_new_event(study), part.why, self.clock.now())
        study.baseline, study.guessed_at, study.sightings = study.count, "", []
        study.schedule(PULL, None)

    def _not_yet(self, study: Study, pacs: str, series: list[SeriesFacts], part: Part) -> None:
        """Counted on, as if nothing had been decided."""
        now = self.clock.now()
        count = sum(facts.instances or 0 for facts in series) or None
        study.ahead, study.sightings, study.why = None, [Sighting(now, pacs, count)], part.why
        study.schedule(PULL, now + milliseconds(self.count_on))

    def _request_part(
        self, study: Study, pacs: str, series: list[SeriesFacts], part: Part, final: bool
    ) -> PullRequest | None:
        """Ask for some series; of the others the document says why not."""
        filtered = self._filter(study, pacs, series) if series else {}
        if series and len(filtered) == len(series):
            return None
        filtered = {uid: verdict for uid, verdict in filtered.items() if uid not in part.series}
        others = _not_asked_for(study, series, {*part.series, *filtered})
        wanted = [facts for facts in series if facts.series_uid in part.series]
        self._note_part(study, pacs, part, wanted, others)
        request = self._request(study, pacs, wanted, filtered, final, part)
        return request if series else _counted_as_before(request, study.pull)

    def _note_part(
        self,
        study: Study,
        pacs: str,
        part: Part,
        wanted: list[SeriesFacts],
        others: Iterable[SeriesFacts],
    ) -> None:
        """In the document: which series are pulled ahead, and why the others are not."""
        at = iso(self.clock.now())
        study.keep_series([_kept_back(facts, part.why, at) for facts in others])
        study.guessed_at = at if study.ahead is not None else ""
        study.ahead = Ahead(pacs, _counts_or_none(wanted), part.why)

    def _look_again(self, study: Study, pacs: str, series: list[SeriesFacts]) -> None:
        """
        No count will tell whether it grows: what its series are now is what later looks are compared with.
        """
        number = self.look.begins_at(self._is_of_other_modalities(series))
        known = study.look.series if study.look and study.look.pacs == pacs else {}
        study.look = GrowthCheck(pacs, number, known)
        study.look.take(_counts_or_none(series))
        pause = self.look.pauses.pause_after(number + 1)
        study.schedule(GROWTH_CHECK, self.clock.now() + milliseconds(pause))

    def _is_of_other_modalities(self, series: list[SeriesFacts]) -> bool:
        """Whether all series say what they are, and none is of a modality that is wanted."""
        wanted = self.switches.ct_modalities + self.switches.dx_modalities
        return bool(series) and all(facts.modality and facts.modality not in wanted for facts in series)

    def expected_at_pacs(self, study: Study, pacs: str, images: bool = False) -> PullRequest:
        """
        What a PACS says of a study that is here already: it came unasked, or its images are compared with
        what the PACS has.

        Args:
            study: As the PACS has it.
            pacs: Who is asked.
            images: Whether the SOPInstanceUIDs are wanted, too.
        """
        request = self._request(study, pacs, self._series_of(pacs, study), {}, final=False)
        if images and not request.expected_instances:
            listed = self._by_image(request).expected_instances
            request = replace(request, expected_instances=listed)
        return replace(request, pull_id="")

    def _filters(self, pacs: str) -> bool:
        """FIND_PACS_USE_SERIES for this PACS."""
        return traits_of(self.traits, pacs).filters_series(self.switches.find_pacs_use_series)

    def _no_wanted_modality(self, study: Study, series: list[SeriesFacts]) -> bool:
        """
        Where the PACS gave no ModalitiesInStudy its series tell: not every MR is pulled to find out that it
        is one.
        """
        if set(study.modality) <= ACCOMPANYING:
            told = {facts.modality for facts in series if facts.modality}
            study.modality = sorted(told | set(study.modality))
        wanted = self.switches.ct_modalities + self.switches.dx_modalities
        return not any(modality in wanted for modality in study.modality)

    def _request(
        self,
        study: Study,
        pacs: str,
        wanted: list[SeriesFacts],
        filtered: dict[str, Verdict],
        final: bool,
        part: Part = WHOLE,
    ) -> PullRequest:
        traits = traits_of(self.traits, pacs)
        patient_id = _patient_id(study, pacs)
        asked = _asked(study, pacs, wanted, part, some=bool(filtered or study.named or part.series))
        request = PullRequest(
            pull_id=uuid.uuid4().hex,
            study_uid=study.study_uid,
            pacs=pacs,
            level=asked.level,
            series_uids=asked.series_uids,
            priority=study.priority,
            expected=asked.expected,
            expected_series=asked.counts,
            filtered=filtered,
            skip_filter=tuple(study.skip_filter),
            final=final,
            forced=study.forced or part.forced or _is_of_another_patient(study, pacs, patient_id),
            dx=is_dx(study.modality, self.switches),
            announced={facts.series_uid: _told(facts) for facts in wanted},
            repair=_repair(study, pacs, traits.repair_level),
            known_handover=_last_handover_id(study),
            patient_id=patient_id,
            senders=traits.senders,
            find_timeout_s=traits.find_deadline_s or self.find_timeout_s,
            rules=self.switches.version,
            count_again_after_s=_seconds(part.proof_ms),
        )
        return self._by_image(request) if traits.count_by_image else request

    def _is_taken(self, uid: str, attributes: Mapping[str, str]) -> bool:
        return judge_series(told(SeriesFacts(uid, attributes)), self.switches).taken

    def _by_image(self, request: PullRequest) -> PullRequest:
        """
        With the SOPInstanceUIDs of every series that may be handed over, and without the counts of this PACS.
        """
        images: dict[str, tuple[str, ...]] = {}
        for uid, attributes in request.announced.items():
            if uid in request.skip_filter or self._is_taken(uid, attributes):
                images[uid] = self._images_told(request, uid)
        known = {uid: uids for uid, uids in images.items() if uids}
        return replace(request, expected=None, expected_series={}, expected_instances=known)

    def _images_told(self, request: PullRequest, series_uid: str) -> tuple[str, ...]:
        """The images of a series; none when IMAGE level failed, or does not list all of them."""
        pacs, study_uid = request.pacs, request.study_uid
        try:
            return list_images(self.finder, pacs, study_uid, series_uid)
        except PipelineError as error:
            self._tell_no_images(pacs, study_uid, error)
            return ()

    def _tell_no_images(self, pacs: str, study_uid: str, error: PipelineError) -> None:
        told = {"pacs": pacs, "studyUID": study_uid, "error": str(error)}
        self.log.event("image_level_failed", "no IMAGE level", "WARNING", **told)

    def _series_of(self, pacs: str, study: Study) -> list[SeriesFacts]:
        """What the PACS says of the study's series; empty where it cannot be asked."""
        if not traits_of(self.traits, pacs).series_level:
            return []
        try:
            answers = self.finder.find(pacs, "SERIES", {"StudyInstanceUID": study.study_uid}, _WITH_DEVICE)
        except PipelineError as error:
            if self._filters(pacs) and self._may_answer_later(study, error):
                raise
            self.log.event(
                "series_counts_missing",
                "no series counts",
                "WARNING",
                pacs=pacs,
                studyUID=study.study_uid,
                error=str(error),
            )
            return []
        self._unanswered_since.pop(study.study_uid, None)
        return series_of(study.study_uid, answers)

    def _may_answer_later(self, study: Study, error: PipelineError) -> bool:
        """
        Whether a pull waits for its series, to be filtered by them: some PACS never answer for a large study.
        Its images are filtered as well when they are here.
        """
        if not isinstance(error, RetriableError) or isinstance(error, TooManyAnswers):
            return False
        now = self.clock.now()
        since = self._unanswered_since.setdefault(study.study_uid, now)
        return now - since < milliseconds(self.count_on)

    def _filter(self, study: Study, pacs: str, series: list[SeriesFacts]) -> dict[str, Verdict]:
        """Verdicts into the document and, those that are new, as lines to the plugins' log."""
        verdicts = {facts.series_uid: self._judge(pacs, study, facts) for facts in series}
        dropped = {uid: verdict for uid, verdict in verdicts.items() if not verdict.taken}
        filtered = {uid: verdict for uid, verdict in dropped.items() if uid not in study.skip_filter}
        all_dropped = len(filtered) == len(series)
        if is_dx(study.modality, self.switches) and not all_dropped:
            return {}  # pulled whole (M12, field case 16): its images tell what belongs together
        lines = _filter_lines(study, filtered)  # before they are remembered: those that are new
        named = {uid: named_by_person(self.switches) for uid in dropped.keys() - filtered.keys()}
        self._remember(study, pacs, series, {**verdicts, **named})
        if all_dropped:
            lines.append(_line_of_filtered(study))
            _drop(study, filtered, self.clock.now())
        self._write_lines(lines)
        return filtered

    def _judge(self, pacs: str, study: Study, facts: SeriesFacts) -> Verdict:
        return judge_told(self.finder, pacs, study.study_uid, facts, self.switches, self._tell_no_images)

    def _remember(
        self, study: Study, pacs: str, series: list[SeriesFacts], verdicts: dict[str, Verdict]
    ) -> None:
        if self.headers is not None:
            self.headers.at_find(study, pacs, series, verdicts)
        at = iso(self.clock.now())
        study.remember_found([_record(facts, verdicts[facts.series_uid], at) for facts in series])

    def _write_lines(self, lines: list[str]) -> None:
        """Before the verdicts are written down: plugins that are away get the lines with the next try."""
        if not lines:
            return
        try:
            self.puller.write_verdicts(lines)
        except PermanentError as error:
            self.log.event(
                "filter_lines_not_written",
                "filter lines not in orthanc-python.log",
                "WARNING",
                error=str(error),
                lines=lines,
            )


def _filter_lines(study: Study, filtered: Mapping[str, Verdict]) -> list[str]:
    """A line for each series whose verdict is new to the document."""
    names = (study.accession_number, study.patient_id, study.study_uid)
    lines = []
    for uid, verdict in filtered.items():
        known = study.series.get(uid)
        if known is None or known.because != verdict.because:
            lines.append(loglines.series_filtered(*names, uid, verdict.because))
    return lines


def _drop(study: Study, filtered: Mapping[str, Verdict], now: int) -> None:
    """Every series was filtered: nothing is pulled until the study grows or a person asks."""
    reasons = grouped(verdict.because for verdict in filtered.values())
    study.apply(Event.FILTERED_AT_FIND, f"all {len(filtered)} series: {reasons}", now)
    study.baseline = study.count
    study.sightings = []
    study.forget_wish()
    study.schedule(PULL, None)


def _patient_id(study: Study, pacs: str) -> str:
    """As this PACS told it last."""
    told = study.pacs[pacs].told if pacs in study.pacs else None
    return (told.patient_id if told is not None else "") or study.patient_id


def _is_of_another_patient(study: Study, pacs: str, patient_id: str) -> bool:
    """
    Whether what was handed over last was pushed under another PatientID than the PACS has, or pulled under
    one that this PACS has corrected since.
    """
    last = study.last_handover
    if last is None or not patient_id:
        return False
    handed_over = patient_key(last.patient_id or "")
    if handed_over == patient_key(patient_id) or last.message.get("isPush") == 1:
        return handed_over != patient_key(patient_id)
    copy = study.pacs.get(pacs)
    corrected = copy.earlier.get("patientID", []) if copy is not None else []
    return handed_over in set(map(patient_key, corrected))


def _counted_as_before(request: PullRequest, last: Pull | None) -> PullRequest:
    """
    The same series once more, of which the PACS tells nothing now: what it announced for the last pull is
    still expected. Without a count half of them would pass for all.
    """
    if last is None or last.request.series_uids != request.series_uids:
        return request
    before = last.request
    return replace(
        request,
        expected=before.expected,
        expected_series=before.expected_series,
        expected_instances=before.expected_instances,
        announced=before.announced,
    )


def _larger(found: int | None, counted: int) -> int | None:
    """The study may have grown since it was found: the series were counted just now."""
    return max(found or 0, counted) or None


def _told(facts: SeriesFacts) -> dict[str, str]:
    return {name: text for name in _FOR_THE_CHOICE if (text := facts.text(name))}


def _last_handover_id(study: Study) -> str:
    last = study.last_handover
    return last.handover_id if last is not None else ""


def _seconds(ms: int) -> float | None:
    """Of milliseconds; none of 0."""
    return ms / 1000 if ms else None


def _line_of_filtered(study: Study) -> str:
    return loglines.study_filtered(study.accession_number, study.patient_id, study.study_uid)


def _repair(study: Study, pacs: str, level: str) -> str:
    """What did not help is not tried again: after a repair that brought nothing the whole study is pulled."""
    last, before = _last_two(study)
    if last is None or last.outcome not in TO_REPEAT:
        return "STUDY"
    if last.request.pacs == pacs and last.request.repair != "STUDY":
        earlier = (before.received if before is not None else None) or 0
        if last.outcome is PullOutcome.FAILED or (last.received or 0) <= earlier:
            return "STUDY"
    return level


def _last_two(study: Study) -> tuple[Pull | None, Pull | None]:
    """The last pull, where the next one repeats it, and the one before it."""
    pulls = [*study.pulls, study.pull] if study.pull else study.pulls
    if not pulls or not (study.attempts or pulls[-1].went_on):
        return None, None
    return pulls[-1], pulls[-2] if len(pulls) > 1 else None


@dataclass(frozen=True)
class _Asked:
    """What a request names: the level, series alone, and how many images are expected."""

    level: str
    series_uids: tuple[str, ...]
    expected: int | None
    counts: dict[str, int]


def _asked(study: Study, pacs: str, wanted: list[SeriesFacts], part: Part, *, some: bool) -> _Asked:
    """Ask for the whole study, or for ``some`` of its series."""
    counts = {facts.series_uid: facts.instances for facts in wanted if facts.instances is not None}
    told = sum(counts.values())
    if not some:
        return _Asked("STUDY", (), _larger(study.pacs[pacs].count, told), counts)
    alone = tuple(study.named) or part.series or tuple(facts.series_uid for facts in wanted)
    return _Asked("SERIES", alone, told or None, counts)


def _counts_or_none(series: list[SeriesFacts]) -> dict[str, int]:
    """Images by series, as far as they are told; 0 where not."""
    return {facts.series_uid: facts.instances or 0 for facts in series}


def _not_asked_for(study: Study, series: list[SeriesFacts], settled: set[str]) -> list[SeriesFacts]:
    """Series that are neither asked for nor dropped, and of which nothing is here."""
    others = [facts for facts in series if facts.series_uid not in settled]
    return [facts for facts in others if not is_received(study, facts.series_uid, 1)]


def _kept_back(facts: SeriesFacts, why: str, at: str) -> SeriesRecord:
    taken = Verdict(True, "kept back", "", "another series was chosen by what the PACS announces")
    return replace(_record(facts, taken, at), outcome=SeriesOutcome.KEPT_BACK, outcome_why=why)


def _record(facts: SeriesFacts, verdict: Verdict, at: str) -> SeriesRecord:
    return SeriesRecord(
        series_uid=facts.series_uid,
        taken=verdict.taken,
        rule=verdict.rule,
        because=verdict.because,
        verdict=verdict,
        outcome="" if verdict.taken else SeriesOutcome.FILTERED,
        stage="find",
        modality=facts.modality,
        series_description=facts.text("SeriesDescription"),
        in_pacs=facts.instances,
        at=at,
        device=device_of(facts.attributes).name,
    )
