"""
A study's whole life as one document that anybody can read.

Written to the collection ``study_info_list`` with camelCase names (``studyUID``, ``studyDate`` ...). Instants
that people read are ISO 8601 UTC texts ending in ``At``; instants that are compared (``due``) are epoch
milliseconds.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from ..dicom.attributes import Sighting
from ..dicom.device import device_of
from ..errors import InvalidTransition
from ..instants import iso
from ..json_messages.documents import from_document, to_document
from ..json_messages.messages import PullRequest, SeriesOutcome, SeriesReport
from ..json_messages.pull_failure import PullFailure
from ..results.result_set import RefusedResult, ResultSet
from ..rules.verdict import Verdict
from ..upload.upload import Upload
from .growth_checks import WHOLE, GrowthCheck
from .handover import HandOver
from .history import HistoryEntry, What
from .lifecycle import IN_LINE, STUDY_STATES, Event, State
from .other_series import BEFORE_OTHER_SERIES, OtherSeries
from .pacs_attributes import StudyNames
from .priority import BACKLOG, GREEN_CHANNEL, ROUTINE, Ageing, rank, rises_from, turn
from .pull_state import PULL_STATES, Charge, PullOutcome, PullStatus
from .series_pulled_early import Ahead

# Kinds of work that a study can be due for; a claim moves the due time on by the length of the lease.
PULL, WATCH, PUBLISH, RELEASE, GROWTH_CHECK, ANONYMISE = (
    "pull",
    "watch",
    "publish",
    "release",
    "look",
    "anonymise",
)
WORK = (PULL, WATCH, PUBLISH, RELEASE, GROWTH_CHECK, ANONYMISE)
ROUTE = "route"
"""
A hand-over is to be sent to destinations; which, is to be decided. Asked for only where there are
destinations.
"""
RENDER = "render"
"""A result in JSON is to be made a DICOM object."""
UPLOAD_STUCK = "upload_stuck"
"""Never claimed: since when an upload waits for a person."""
_UPLOAD = "upload_to_"
_DESTINATION = re.compile(r"[a-z][a-z0-9_]{0,31}")
_SETTLED = (SeriesOutcome.HANDED_OVER, SeriesOutcome.KEPT_BACK)


def upload_work(destination: str) -> str:
    """The kind of work of the uploads to one destination: a slow one is in no other's queue."""
    return f"{_UPLOAD}{destination}"


def is_work(work: str) -> bool:
    """Whether there is such a kind of work: those of :data:`WORK`, and those that only destinations bring."""
    named = work.removeprefix(_UPLOAD)
    return work in (*WORK, ROUTE, RENDER, UPLOAD_STUCK) or (
        named != work and _DESTINATION.fullmatch(named) is not None
    )


MOST_HISTORY = 200
MOST_SIGHTINGS = 6  # of each PACS
MOST_PULLS = 20
MOST_COUNTS = 50
MOST_FALLS = 4
LATELY = timedelta(hours=24)
"""
A number of instances that has fallen so often, the last time so lately, is told in turn with larger ones.
"""


@dataclass
class PacsCopy:
    """
    What one PACS has of the study: ``count`` instances (None: not told), seen last at ``seen_at``.

    ``tried`` is the count when it was last asked for a pull: a mirror that announces more than the others and
    cannot deliver it is not asked again until it announces still more.
    """

    count: int | None = None
    seen_at: str = ""
    tried: int | None = None
    told: StudyNames | None = None
    """
    Names and dates as this PACS told them last: what differs then was corrected there. None: never told.
    """
    earlier: dict[str, list[str]] = field(default_factory=dict)
    """By name (as in the document) what it told before each correction."""
    corrected_at: str = ""
    """When it told a correction last."""
    in_turn: list[str] = field(default_factory=list)
    """Names that it tells now so and now so; noted once."""
    missed: int | None = None
    """Complete finds of its day in a row, at this PACS, that were without it."""
    missing_at: str | None = None
    """The first of them."""
    gone_at: str | None = None
    """When so many had been without it that it counts as gone from there."""


@dataclass
class FoundCount:
    """A find that told something new: this PACS has so many instances (None: not told)."""

    at: str
    pacs: str
    count: int | None = None


@dataclass
class SeriesRecord:
    """
    What is known and decided about one series; ``stage`` is where it was judged: find or reception.

    ``outcome`` (handed_over, kept_back, filtered, missing, set_aside) and ``outcome_why`` say what became of
    it. ``device``: manufacturer, model and station that its images, or the PACS, told; empty: not told.
    """

    series_uid: str
    taken: bool
    rule: str
    because: str
    stage: str
    modality: str = ""
    series_description: str = ""
    in_pacs: int | None = None
    received: int | None = None
    at: str = ""
    verdict: Verdict | None = None
    outcome: str = ""
    outcome_why: str = ""
    device: str = ""

    @property
    def why_not(self) -> str:
        """
        Why it is not handed over: of images that were set aside whose they are, and not that none came.
        """
        return (
            self.outcome_why if self.outcome == SeriesOutcome.SET_ASIDE and self.outcome_why else self.because
        )

    def with_find(self, found: SeriesRecord) -> SeriesRecord:
        """This verdict with what a later find tells of the series."""
        in_pacs = _told(found.in_pacs, self.in_pacs)
        return replace(self, in_pacs=in_pacs, device=self.device or found.device)

    def filled_from(self, before: SeriesRecord) -> SeriesRecord:
        """This verdict with what it does not tell itself as the one before it told it."""
        return replace(
            self,
            in_pacs=_told(self.in_pacs, before.in_pacs),
            modality=self.modality or before.modality,
            series_description=self.series_description or before.series_description,
            device=self.device or before.device,
        )


@dataclass
class Pull:
    """
    One attempt to pull: what was asked, ``status``, and ``outcome``, what the plugins reported.

    ``claimed_at``: when it was chosen as the most urgent one, with the effective priority ``rank``; then the
    PACS was asked for
    its series. ``asked_by``: the process.
    """

    request: PullRequest
    attempt: int
    asked_at: str
    status: PullStatus = PullStatus.ASKED
    outcome: PullOutcome = PullOutcome.NONE
    completeness: str = ""
    received: int | None = None
    job_id: str = ""
    move_seconds: float | None = None
    ended_at: str = ""
    claimed_at: str = ""
    asked_by: str = ""
    rank: int = ROUTINE
    failure: PullFailure | None = None
    """Why its job failed, where the plugins say so."""
    charge: Charge = Charge.CHARGED
    """Whether it counts as an attempt."""
    blamed: str = ""
    """Where it does not: what is wrong with the path, and what to do, in words."""
    early: bool = False
    """Only the series that may be the one to compute, chosen by what the PACS announces."""
    left: bool = False
    """Its receiver did not answer any more: the same was asked for at another one."""

    @property
    def running(self) -> bool:
        """Whether its end is not known yet."""
        return self.status is PullStatus.ASKED

    @property
    def went_on(self) -> bool:
        """
        Whether it began when its series had only stopped for a moment: all that was announced came, and the
        PACS had more by then.
        """
        began_early = self.early and self.request.count_again_after_s is not None
        came = (self.received or 0) >= sum(self.request.expected_series.values())
        return began_early and self.outcome is PullOutcome.SHORT and came

    def is_running(self, pull_id: str) -> bool:
        """Whether this is that pull and its end is not known yet."""
        return self.request.pull_id == pull_id and self.running

    def end(self, outcome: PullOutcome, at: int) -> None:
        """
        Note its end; ``at``: epoch milliseconds.

        Raises:
            InvalidTransition: It has ended already.
        """
        self.status = PULL_STATES.next(self.status, outcome)
        self.outcome, self.ended_at = outcome, iso(at)


@dataclass
class Study:
    """
    The document. ``revision`` is counted up by the store at each write and guards against a lost update.
    """

    study_uid: str
    study_date: str = ""
    study_time: str = ""
    accession_number: str = ""
    patient_id: str = ""
    study_description: str = ""
    modality: list[str] = field(default_factory=list)
    state: State | None = None
    priority: int = ROUTINE
    own_priority: int = ROUTINE
    """What it has by its order, or was given for good: what it falls back to when a manual pull is done."""
    why: str = ""
    pacs: dict[str, PacsCopy] = field(default_factory=dict)
    sightings: list[Sighting] = field(default_factory=list)
    """
    While its instances are being counted: what the finds said. Empty from the moment it is to be pulled.
    """
    counts: list[FoundCount] = field(default_factory=list)
    """Every find whose count differed from that PACS's last one."""
    baseline: int | None = None
    """The PACS's count when the study was last pulled or judged: more than that is growth."""
    skip_filter: list[str] = field(default_factory=list)
    """SeriesInstanceUIDs that a person named: they skip the filter."""
    named: list[str] = field(default_factory=list)
    """Those of them that the next pull is for: it brings them and nothing else."""
    forced: bool = False
    """Hand over at the next reception whatever was handed over before."""
    attempts: int = 0
    """Pulls asked since the study was last found wanted, grown or asked for."""
    pull: Pull | None = None
    pulls: list[Pull] = field(default_factory=list)
    series: dict[str, SeriesRecord] = field(default_factory=dict)
    series_uids: list[str] = field(default_factory=list)
    """The keys of ``series``, to be asked for."""
    handovers: list[HandOver] = field(default_factory=list)
    uploads: list[Upload] = field(default_factory=list)
    """
    Each hand-over at each destination that it goes to, beside the AI backend; and each set of results at each
    destination for results.
    """
    other_series: list[OtherSeries] = field(default_factory=list)
    """Destinations that get more than the backend computes."""
    results: list[ResultSet] = field(default_factory=list)
    """What the backend sent back as DICOM objects."""
    refused_results: list[RefusedResult] = field(default_factory=list)
    notified: list[str] = field(default_factory=list)
    """Ids of all notifications taken in, so that a repeated one changes nothing."""
    look: GrowthCheck | None = None
    """At a PACS that tells no counts."""
    ahead: Ahead | None = None
    """Series that stand still while the study grows: the next pull is for them."""
    guessed_at: str = ""
    """
    When a series was pulled ahead, as long as the study has not stopped growing since: its own choice is to
    come.
    """
    due: dict[str, int] = field(default_factory=dict)
    waits_since_at: str = ""
    """Since when it waits to be pulled, repeats included; empty when it does not."""
    dropped_by_order: bool = False
    """Unsupported because of its order alone: a correction in the RIS brings it back."""
    history: list[HistoryEntry] = field(default_factory=list)
    first_seen_at: str = ""
    found_at: str = ""
    """When a find brought it for the first time; empty: it came unasked, or a person named it."""
    changed_at: str = ""
    is_push: bool = False
    moved_to: str | None = None
    """The StudyInstanceUID under which a PACS seems to have it now."""
    moved_from: str | None = None
    """The one under which it seems to have been there before."""
    pseudonym_uid: str | None = None
    """What a backend that must not learn names knows it by."""
    backlog: bool = False
    """From before going live: pulled at a limited rate."""
    claims: dict[str, str] = field(default_factory=dict)
    """Who has claimed which kind of work; what anybody schedules is claimed no more."""
    revision: int = 0

    def apply(self, event: Event, why: str, at: int, by: str = "pacs_module", kind: str = "") -> None:
        """
        Take an event: the next state from the life cycle's table, and a line in the history.

        Args:
            event: What happened.
            why: In words, for people.
            at: Epoch milliseconds.
            by: Who did it.
            kind: For programs, where something tells it closer than the event does.

        Raises:
            InvalidTransition: The table has no such row; nothing was changed.
        """
        before = self.state or State.NONE
        after = _next_state(before, event, why, at)
        self.state = after if after is not State.NONE else None
        self.why = why
        if event in BEFORE_OTHER_SERIES:
            self._other_series_wait(at)
        self._stand_in_line(before, after, at)
        if event is Event.PULL_GIVEN_UP:
            self.priority = self.own_priority
        if after is not State.UNSUPPORTED_SERIES:
            self.dropped_by_order = False
        self._write_history(HistoryEntry(iso(at), event.value, why, before.value, after.value, by, kind), at)

    def _other_series_wait(self, at: int) -> None:
        """The next pull is for the backend; the destinations' own is asked for when that is over."""
        if any(one.begun for one in self.other_series):
            self.other_series = [replace(one, begun=False) for one in self.other_series]
            self.schedule(ROUTE, at)

    def _stand_in_line(self, before: State, after: State, at: int) -> None:
        """Waiting begins when it is to be pulled and ends when it is settled: repeats keep their place."""
        if after not in IN_LINE:
            self.waits_since_at = ""
        elif before not in IN_LINE:
            self.waits_since_at = iso(at)

    @property
    def rank(self) -> int:
        """
        Its class in the order of pulls, without ageing; series that only destinations want are the last.
        """
        if any(one.begun for one in self.other_series):
            return BACKLOG
        return rank(self.priority, self.backlog)

    @property
    def turn(self) -> str:
        """Its place in its class."""
        return turn(self.study_date, self.study_time, self.waits_since_at)

    @property
    def rises_from(self) -> str:
        """Since when it waits to go with the green channel."""
        return rises_from(self.rank, self.waits_since_at)

    def saw(self, pacs: str, count: int | None, at: int) -> bool:
        """
        A PACS has the study, with so many instances (0 is what some say that do not count); whether that is
        news.

        A smaller number (or none) that it told between two larger ones is told in turn with them: no news,
        the larger one stays. Where one counts nobody need look into it any more.
        """
        known, count = self.pacs.get(pacs), count or None
        if known is not None and self._is_no_news(pacs, known, count, at):
            return False
        self.pacs = {**self.pacs, pacs: replace(known or PacsCopy(), count=count, seen_at=iso(at))}
        self.counts = [*self.counts, FoundCount(iso(at), pacs, count)][-MOST_COUNTS:]
        if count:
            self.look = None
            self.schedule(GROWTH_CHECK, None)
        return True

    def _is_no_news(self, pacs: str, known: PacsCopy, count: int | None, at: int) -> bool:
        return known.count == count or self._told_in_turn(pacs, count or 0, known.count or 0, at)

    def _told_in_turn(self, pacs: str, count: int, known: int, at: int) -> bool:
        """Whether a smaller number stood between larger ones before, or numbers have fallen often of late."""
        if count >= known:
            return False
        of_pacs = [entry for entry in self.counts if entry.pacs == pacs]
        told = [entry.count or 0 for entry in of_pacs]
        if _stood_between_larger(count, told):
            return True
        falls = sum(later < earlier for earlier, later in itertools.pairwise(told))
        return falls >= MOST_FALLS and of_pacs[-1].at > iso(at - LATELY // timedelta(milliseconds=1))

    @property
    def waits_for_pull(self) -> bool:
        """
        Whether only the time of its pull is awaited; while its instances are counted the due pull is the last
        resort.
        """
        return self.state is State.META_ONLY and PULL in self.due and not self.sightings

    @property
    def is_counted(self) -> bool:
        """Whether a find has seen it, and its instances are still being counted."""
        return self.state is State.META_ONLY and not self.waits_for_pull

    def satisfied_by(self, request: PullRequest, handed_over: bool) -> bool:
        """Whether a pull brought what was wished for: a wish that came after it was asked is not in it."""
        made_for = not self.named or set(self.named) == set(request.series_uids)
        return made_for and (handed_over or request.forced or not self.forced)

    def forget_wish(self) -> None:
        """
        What a person asked for, or what was lost, is dealt with; a manual pull that is done gives its
        priority back.
        """
        self.forced, self.named = False, []
        self.priority = self.own_priority

    def pull_now(self, at: int) -> None:
        """To be pulled at once, with all attempts before it."""
        self.attempts = 0
        self.sightings, self.ahead = [], None
        self.schedule(PULL, at)

    def note(self, what: What, why: str, at: int, by: str = "pacs_module") -> None:
        """Write a line in the history without a change of state."""
        stays = self.state or State.NONE
        self._write_history(HistoryEntry(iso(at), what.value, why, stays.value, stays.value, by), at)

    def _write_history(self, entry: HistoryEntry, at: int) -> None:
        self.history = [*self.history, entry][-MOST_HISTORY:]
        self.changed_at = iso(at)

    def remember_series(self, reports: Sequence[SeriesReport], at: int) -> None:
        """
        Take the plugins' verdicts on the series into the document.

        A verdict stays as it was made: a report that only repeats what was decided at find, or that no image
        came this time of a series that was dropped or has come before, brings its counts and no other reason.
        What was handed over stays so while a report decides nothing.
        """
        told = [_series_record(report, iso(at)) for report in reports if report.series_uid]
        self.keep_series([self._merged(record) for record in told])

    def _merged(self, record: SeriesRecord) -> SeriesRecord:
        before = self.series.get(record.series_uid)
        if before is None:
            return record
        settled = before.outcome in _SETTLED
        if not before.taken and (record.stage == "find" or record.rule == "missing"):
            return replace(before.with_find(record), received=record.received)
        if settled and record.rule == "missing":
            return replace(before, in_pacs=_told(record.in_pacs, before.in_pacs))
        if settled and record.taken and not record.outcome:
            record = replace(record, outcome=before.outcome, outcome_why=before.outcome_why)
        return record.filled_from(before)

    def remember_found(self, records: Sequence[SeriesRecord]) -> None:
        """
        Take the verdicts of a find at SERIES level into the document.

        That a series would be taken is no news of one whose images have been judged.
        """
        for record in records:
            self.keep_series([self._found(record)])

    def _found(self, record: SeriesRecord) -> SeriesRecord:
        before = self.series.get(record.series_uid)
        if before is None:
            return record
        if before.outcome in _SETTLED and record.taken:
            return before.with_find(record)
        return replace(record, device=before.device or record.device)

    def keep_series(self, records: Sequence[SeriesRecord]) -> None:
        """Write the newest word on each series down."""
        self.series = {**self.series, **{record.series_uid: record for record in records}}
        self.series_uids = sorted(self.series)

    def schedule(self, work: str, at: int | None) -> None:
        """Make the study due for a kind of work at epoch milliseconds; None: not due any more."""
        self.due = {kind: when for kind, when in self.due.items() if kind != work}
        self.claims = {kind: owner for kind, owner in self.claims.items() if kind != work}
        if at is not None:
            self.due[work] = at

    def claim_on(self, work: str) -> tuple[str, int] | None:
        """
        Who has claimed a kind of work, and until when: another one when that was taken over or decided since.
        """
        owner, until = self.claims.get(work), self.due.get(work)
        return None if owner is None or until is None else (owner, until)

    def handover(self, handover_id: str) -> HandOver | None:
        """The hand-over with that id."""
        return next((item for item in self.handovers if item.handover_id == handover_id), None)

    def result(self, result_id: str) -> ResultSet | None:
        """The set of results with that id."""
        return next((one for one in self.results if one.result_id == result_id), None)

    def told_patient_id(self, pacs: str) -> str:
        """PatientID as a PACS told it last; empty: it did not. That of a push is no word of a PACS."""
        copy = self.pacs.get(pacs)
        if copy is not None and copy.told is not None:
            return copy.told.patient_id
        return self.patient_id if list(self.pacs) == [pacs] and not self.is_push else ""

    @property
    def last_handover(self) -> HandOver | None:
        """The newest hand-over to the backend."""
        return next((item for item in reversed(self.handovers) if not item.destinations), None)

    @property
    def every_pull(self) -> list[Pull]:
        """All attempts, the oldest first, each once."""
        newest = [self.pull] if self.pull is not None else []
        return list({pull.request.pull_id: pull for pull in (*self.pulls, *newest)}.values())

    @property
    def went_on_before(self) -> bool:
        """Whether the pull before the last one began too early as well."""
        return bool(self.pulls) and self.pulls[-1].went_on

    @property
    def partial(self) -> bool:
        """Whether what was received is only what series were pulled ahead, or after it."""
        for pull in (self.pull, *reversed(self.pulls)):
            if pull is not None and (pull.early or pull.request.level == "STUDY"):
                return pull.early
        return False

    @property
    def count(self) -> int | None:
        """The largest number of instances that any PACS announced, None when none did."""
        counts = [copy.count for copy in self.pacs.values() if copy.count is not None]
        return max(counts, default=None)

    @property
    def received(self) -> dict[str, int]:
        """
        Instances that came by SeriesInstanceUID, and of the whole study with the last pull of all of it.
        """
        counts = {uid: record.received or 0 for uid, record in self.series.items()}
        whole = self.pull is not None and self.pull.request.level == "STUDY" and self.pull.received
        return {**counts, WHOLE: whole} if whole else counts

    def to_document(self) -> dict[str, Any]:
        """The document as the store keeps it."""
        document: dict[str, Any] = to_document(self)
        return {
            **document,
            "rank": self.rank,
            "turn": self.turn,
            "risesFrom": self.rises_from,
        }  # to sort by; not read back


def _next_state(before: State, event: Event, why: str, at: int) -> State:
    try:
        return STUDY_STATES.next(before, event)
    except InvalidTransition as error:
        raise InvalidTransition(f"{error} ({why})", at) from error


def _stood_between_larger(count: int, told: Sequence[int]) -> bool:
    larger = [place for place, number in enumerate(told) if number > count]
    return bool(larger) and count in told[larger[0] : larger[-1]]


def _told(now: int | None, before: int | None) -> int | None:
    """A number as it is told now; where it is not, as it was told before."""
    return before if now is None else now


def _series_record(report: SeriesReport, at: str) -> SeriesRecord:
    """
    Of what it was judged by only the device: the rest is recorded elsewhere, by day
    (``use_cases/rehearse/record_headers.py``).
    """
    told = {name: value for name, value in vars(report).items() if name not in ("attributes", "instances")}
    return SeriesRecord(**told, at=at, device=device_of(report.attributes).name)


def read_study(document: dict[str, Any]) -> Study:
    """A study from its document."""
    return from_document(Study, document)


def effective_priority(study: Study, now: int, ageing: Ageing) -> int:
    """The class that a study is in at a time (epoch milliseconds)."""
    return max(study.rank, GREEN_CHANNEL) if study.rises_from <= ageing.since(now) else study.rank
