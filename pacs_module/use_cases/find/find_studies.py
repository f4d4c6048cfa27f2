"""Find: ask one PACS for the studies of one day and take note of what it answers (M1, M2, M11)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ...domain.dicom.attributes import FoundStudy
from ...domain.errors import InvalidTransition, Unreadable
from ...domain.explain import loglines
from ...domain.find.go_live import NO_BACKLOG, Backlog
from ...domain.find.merging import merged
from ...domain.find.sighting import Seen, new_study, see, unpullable_key
from ...domain.find.stability import StabilityPolicy
from ...domain.find.traits import TraitsByPacs, traits_of
from ...domain.find.windows import Window
from ...domain.instants import iso
from ...domain.rules.switches import Switches
from ...domain.study.growth_checks import has_grown
from ...domain.study.history import Note
from ...domain.study.lifecycle import BY_HAND, SETTLED, Event, State
from ...domain.study.study import PULL, Study
from ...ports import Clock, EventLog, StudyStore
from ...shared.crash_points import reach
from ..update_study import update_study
from .ask_window import Answers, AskWindow
from .confirm_missing import ConfirmMissing
from .note_vanished import NoteVanished
from .resolve_uid import ResolveUid

STUDY_KEYS = (
    "StudyInstanceUID",
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "PatientID",
    "StudyDescription",
    "ModalitiesInStudy",
    "NumberOfStudyRelatedInstances",
)
MOST_QUIET = 100_000
AT_ONCE = 200
"""Studies that are written in one transaction: some tens of milliseconds in which nobody else can write."""


@dataclass(frozen=True)
class FindResult:
    """
    What a find brought.

    ``stable``: studies that became due to be pulled; ``undecided``: wanted ones whose instances are still
    being counted;
    ``complete``: False when the PACS capped its answers and no split helped.
    """

    stable: int
    undecided: int
    complete: bool
    answers: int
    queries: int


@dataclass
class _Slots:
    """When the backlog's next study may be pulled: those of a batch are not in the store yet."""

    store: StudyStore
    last: int | None = None

    def last_given(self) -> int | None:
        """The time of the last pull that the backlog has been given, epoch milliseconds."""
        return self.store.last_backlog_slot() if self.last is None else self.last


@dataclass
class FindStudies:
    """
    Finds at STUDY level; what is done with a wanted study before its pull is the business of
    ``pull_studies``.
    """

    store: StudyStore
    ask: AskWindow
    resolve: ResolveUid
    clock: Clock
    log: EventLog
    switches: Switches
    stability: StabilityPolicy
    backlog: Backlog = NO_BACKLOG
    traits: TraitsByPacs = field(default_factory=dict)
    notice: Callable[[str, Study], None] = lambda pacs, study: None
    """Told of each study that is still being counted, and by which PACS."""
    passed_by: Callable[[], Callable[[str], bool]] = lambda: lambda uid: False
    """Gives a question: whether a study that is not known here is not to be taken up (it was forgotten)."""
    vanished: NoteVanished = field(init=False)
    confirm: ConfirmMissing = field(init=False)
    _quiet: dict[tuple[str, str], FoundStudy] = field(default_factory=dict)
    """
    Answers that changed nothing in a settled study: the same answer again needs no look into the store. A
    cache.
    """

    def __post_init__(self) -> None:
        """What the PACS has no more is noted in the same store."""
        self.vanished = NoteVanished(self.store, self.clock, self.log)
        self.confirm = ConfirmMissing(self.ask.finder, self.log)

    def __call__(self, pacs: str, window: Window) -> FindResult:
        """
        Find the studies of one day (in the hospital's time zone), or of a part of it, at one PACS.

        Raises:
            RetriableError: The PACS did not answer.
            PermanentError: Its answers cannot be read.
        """
        day = window.day.isoformat()
        self.log.line(loglines.find_list(day))
        answers = self.ask(pacs, window, STUDY_KEYS)
        if window.whole_day and self.vanished.lacking(pacs, window.day, answers.studies):
            answers = self._asked_again(pacs, window, answers)
        self.log.line(loglines.found_list(day, len(answers.studies)))
        proved = answers.proof and window.whole_day
        before = self.vanished.known_at(pacs, window.day) if proved else None
        stable, undecided = self.take_note(answers.studies)
        if before is not None:
            in_parts = answers.queries > 1
            for uid in self.vanished(pacs, window.day, answers.studies, in_parts, before):
                self._quiet.pop((pacs, uid), None)
        return FindResult(stable, undecided, answers.complete, len(answers.studies), answers.queries)

    def _asked_again(self, pacs: str, window: Window, before: Answers) -> Answers:
        """Of a list that lacks what the PACS had: asked again before anything is called gone, and by UID."""
        answers = self.ask.once_more(pacs, window, before, STUDY_KEYS)
        missing = self.vanished.lacking(pacs, window.day, answers.studies)
        if not missing or not answers.proof:
            return answers
        another = self.vanished.another(pacs, window.day)
        confirmed = self.confirm(pacs, missing, bool(answers.studies), another, STUDY_KEYS)
        if confirmed.still_there and answers.studies:
            # It was whole before: where a cap has come, or a smaller one, halves bring what it hides now.
            doubted = replace(answers, doubtful=len(answers.studies))
            answers = self.ask.control(pacs, window, doubted, STUDY_KEYS)
        studies = tuple(merged([*answers.studies, *confirmed.still_there]))
        return replace(answers, studies=studies, proof=confirmed.believed)

    def take_rules(self, switches: Switches) -> None:
        """Other rules are in force: what was not wanted may be."""
        self.switches = switches
        self.ask.modalities = switches.ct_modalities + switches.dx_modalities
        self._quiet.clear()

    def take_note(self, answers: Iterable[FoundStudy]) -> tuple[int, int]:
        """Write down what the answers tell; returns how many are stable now, and how many still undecided."""
        news = [found for found in self._usable(answers) if not self._is_quiet(found)]
        fresh: list[Study] = []
        stable = undecided = 0
        for begin in range(0, len(news), AT_ONCE):
            for found, (seen, study) in self._sight(news[begin : begin + AT_ONCE], fresh):
                stable += seen.stable
                if study.is_counted:
                    undecided += 1
                    self.notice(found.pacs, study)
                self._remember_quiet(found, seen, study)
        wanted = [study for study in fresh if study.state is not None]
        self.log.line(loglines.not_in_db(len(fresh)))
        self.log.line(loglines.after_modality(len(wanted)))
        self.log.line(loglines.added(len(wanted)))
        self.log.line(loglines.stable_found(stable))
        return stable, undecided

    def _is_quiet(self, found: FoundStudy) -> bool:
        kept = self._quiet.get((found.pacs, found.study_uid))
        return kept is found or kept == found

    def _remember_quiet(self, found: FoundStudy, seen: Seen, study: Study) -> None:
        key = (found.pacs, found.study_uid)
        if seen.changed or study.state not in (None, *SETTLED):
            self._quiet.pop(key, None)
            return
        if len(self._quiet) >= MOST_QUIET:
            self._quiet.clear()
        self._quiet[key] = found

    def _usable(self, answers: Iterable[FoundStudy]) -> list[FoundStudy]:
        named: list[FoundStudy] = []
        for told in merged(answers):
            trusted = traits_of(self.traits, told.pacs).trust_modalities
            found = told if trusted else replace(told, modalities=())
            study = found if found.study_uid else self.with_uid(found)
            named += [study] if study is not None else []
        return merged(named)  # of two rows one may have come without its UID

    def _sight(
        self, batch: Sequence[FoundStudy], fresh: list[Study]
    ) -> Iterator[tuple[FoundStudy, tuple[Seen, Study]]]:
        """
        Write some answers down: all new studies in one write, all changed ones in another.

        Yields:
            What became of each. A study that cannot be read is left out: the store tells which it is, and the
            other answers are no worse for it.
        """
        known = self.store.get_many([found.study_uid for found in batch])
        passed_by = self.passed_by() if len(known) < len(batch) else None
        if passed_by is not None:
            batch = [one for one in batch if one.study_uid in known or not passed_by(one.study_uid)]
        new, changed, results = self._judged(batch, known)
        inserted = self.store.insert_many(new) if new else set()
        replaced = self.store.replace_many(changed) if changed else set()
        fresh += [study for study in new if study.study_uid in inserted]
        for found in batch:
            uid = found.study_uid
            result = results.get(uid)
            if uid in inserted:
                reach("found")
            elif uid not in replaced and (result is None or result[0].changed or uid not in known):
                try:
                    result = self._sight_known(found)
                except Unreadable:
                    continue
            if result is not None:
                self._tell_stable(found, *result)
                yield found, result

    def _judged(
        self, batch: Sequence[FoundStudy], known: Mapping[str, Study]
    ) -> tuple[list[Study], list[Study], dict[str, tuple[Seen, Study]]]:
        """
        What the answers mean for the studies as they were read: new ones, changed ones, and the result of
        each. Without a result: the life cycle has no such row.
        """
        new, changed, slots = [], [], _Slots(self.store)
        results: dict[str, tuple[Seen, Study]] = {}
        for found in batch:
            study = known.get(found.study_uid)
            if study is None:
                study = new_study(found, self.clock.now(), self.switches)
                new.append(study)
                results[found.study_uid] = self._see(study, found, slots), study
                continue
            try:
                seen = self._see(study, found, slots)
            except InvalidTransition:
                continue
            results[found.study_uid] = seen, study
            if seen.changed:
                changed.append(study)
        return new, changed, results

    def _tell_stable(self, found: FoundStudy, seen: Seen, study: Study) -> None:
        if seen.stable:
            reach("stable")
            self.log.line(
                loglines.is_stable(study.patient_id, study.accession_number, study.study_uid, found.count)
            )

    def _sight_known(self, found: FoundStudy) -> tuple[Seen, Study] | None:
        """One by itself, as it is stored now; None where it is neither known nor could be made."""
        seen = Seen(False)

        def edit(study: Study) -> bool:
            nonlocal seen
            seen = self._see(study, found, _Slots(self.store))
            return seen.changed

        study = update_study(self.store, found.study_uid, edit)
        if study is not None:
            return seen, study
        # Its document was damaged and is set aside: it is new.
        return self._sight_anew(found)

    def _sight_anew(self, found: FoundStudy) -> tuple[Seen, Study] | None:
        study = new_study(found, self.clock.now(), self.switches)
        seen = self._see(study, found, _Slots(self.store))
        return (seen, study) if self.store.insert(study) else None

    def _see(self, study: Study, found: FoundStudy, slots: _Slots) -> Seen:
        now = self.clock.now()
        seen = see(study, found, now, self.stability, self.switches)
        if seen.stable and self.backlog.has(study):
            self._put_into_slot(study, slots, now)
        return seen

    def _put_into_slot(self, study: Study, slots: _Slots, now: int) -> None:
        """One from before going live is pulled at a limited rate."""
        slot = slots.last = self.backlog.next_slot(slots.last_given(), now)
        study.backlog, study.waits_since_at = True, iso(slot)
        study.note(Note.BACKLOG, f"from before going live: at most {self.backlog.per_hour} an hour", now)
        study.schedule(PULL, slot)

    def with_uid(self, found: FoundStudy, by: str = "") -> FoundStudy | None:
        """
        A study without a UID as it is known at another level, or None: then it is kept under a key of its own
        (field case 12).

        Args:
            found: The answer.
            by: The person who asks for it: the PACS is asked again at once. Without, one that is not wanted
                is left alone, and the pauses between the questions grow.
        """
        now = self.clock.now()
        study = new_study(found, now, self.switches)
        if study.state is None and not by:
            return None
        key = unpullable_key(found)
        uid = self.resolve(key, found, at_once=bool(by))
        if uid:
            update_study(self.store, key, lambda kept: _found_at_last(kept, uid, now))
            return replace(found, study_uid=uid)
        _make_unpullable(study, key, found, now)
        if self.store.insert(study):
            values = {"pacs": found.pacs, "accession": found.accession_number}
            self.log.event("unpullable", "unpullable", "WARNING", state=State.UNPULLABLE.value, **values)
        else:
            update_study(self.store, key, lambda kept: _still_without(kept, found, now, by))
        return None


def _make_unpullable(study: Study, key: str, found: FoundStudy, now: int) -> None:
    study.study_uid, study.state, study.history = key, None, []
    why = f"{found.pacs} gives it no StudyInstanceUID, neither at SERIES nor at IMAGE level"
    study.apply(Event.NO_UID, why, now)
    study.saw(found.pacs, found.count, now)


def _still_without(study: Study, found: FoundStudy, now: int, by: str) -> bool:
    """It grew, or a person asked for it, and it has no UID all the same."""
    before = study.count
    counted = study.saw(found.pacs, found.count, now)
    grew = counted and has_grown(found.count, before or 0)
    if study.state in BY_HAND and (grew or by):
        study.apply(Event.NO_UID, "grew or asked for again", now)
    if by:
        study.apply(Event.MANUAL, f"asked again: {found.pacs} gives it no StudyInstanceUID", now, by=by)
    elif grew:
        study.apply(Event.GREW, f"{found.pacs} has {found.count} instances, and no StudyInstanceUID", now)
    return counted or bool(by)


def _found_at_last(study: Study, uid: str, now: int) -> bool:
    if study.state is not State.UNPULLABLE:
        return False
    study.apply(Event.UID_FOUND, f"it is {uid}", now)
    return True
