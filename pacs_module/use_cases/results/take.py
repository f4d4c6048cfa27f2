"""
Take: objects that a backend posted or left are judged, given their patient, kept, and owed to the
destinations for results, before the backend is answered (M25).

An answer is sent only after the study's document says so: what is asked again is known.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ...domain.errors import PermanentError, PipelineError
from ...domain.instants import iso
from ...domain.results.judge_result_object import Answer, Expected, Incoming, Judgement, judge
from ...domain.results.kinds import ResultKind, kind_of
from ...domain.results.pseudonyms import PseudonymRecord
from ...domain.results.result_set import (
    MOST_OBJECTS,
    MOST_REFUSED,
    MOST_SETS,
    RefusedResult,
    ResultObject,
    ResultSet,
    known_objects,
)
from ...domain.study.handover import HandOver
from ...domain.study.history import Note
from ...domain.study.study import Study
from ...domain.study.uploads import queue_upload
from ...domain.upload.destination import HandedOver, route
from ...domain.upload.storage_path import DEFAULT, StoragePath
from ...domain.upload.upload import Upload
from ...ports import Clock, EventLog, StudyStore, UploadSource
from ...ports.results import PseudonymRecords, ResultFiles, ResultReader
from ...shared.crash_points import reach
from ..resolve_ids import study_named
from ..update_study import update_study
from ..upload.upload_policy import DestinationPlan

_NOT_NAMED = Judgement(Answer.REFUSED, "no study that was handed over", "StudyInstanceUID")


@dataclass(frozen=True)
class Answered:
    """What became of one file; ``why`` for people."""

    file: Path
    answer: Answer
    why: str = ""
    sop_uid: str = ""


@dataclass(frozen=True)
class _Candidate:
    file: Path
    incoming: Incoming

    @property
    def key(self) -> tuple[str, str]:
        """What stays together: the series."""
        return self.incoming.text("StudyInstanceUID"), self.incoming.text("SeriesInstanceUID")


@dataclass
class TakeResults:
    """
    Args:
        store: The studies.
        reader: Reads objects.
        files: Keeps them.
        pseudonyms: Who stands behind them.
        source: Headers of what was handed over.
        plans: Destinations for results.
        clock: The hospital's.
        log: For events.
        kinds: What the site lets through.
    """

    store: StudyStore
    reader: ResultReader
    files: ResultFiles
    pseudonyms: PseudonymRecords
    source: UploadSource
    plans: Sequence[DestinationPlan]
    clock: Clock
    log: EventLog
    kinds: frozenset[ResultKind] = frozenset(ResultKind)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, files: Sequence[Path], by: str, handover_id: str = "") -> list[Answered]:
        """
        Take objects.

        Args:
            files: As they came; they stay where they are.
            by: posted, folder or rendered.
            handover_id: Whose result they are; empty: the study's newest hand-over's.

        Raises:
            RetriableError: The store or the disk is away: nothing, or a part, was taken; ask again.
        """
        with self._lock:
            candidates, answers = self._look(files)
            draft = self.files.draft()
            try:
                for some in _together(candidates):
                    answers += self._take(some, by, handover_id, draft)
            finally:
                self.files.discard(draft)
        self._tell_refused(answers, by)
        return answers

    def _tell_refused(self, answers: Sequence[Answered], by: str) -> None:
        words = "a result object is refused"
        for one in answers:
            if one.answer is Answer.REFUSED:
                self.log.event("result_refused", words, "WARNING", why=one.why, sopUID=one.sop_uid, by=by)

    def _look(self, files: Sequence[Path]) -> tuple[list[_Candidate], list[Answered]]:
        """What can be read, and the answers to what cannot."""
        found: list[_Candidate] = []
        unreadable: list[Answered] = []
        for file in files:
            try:
                found.append(_Candidate(file, self.reader.look(file)))
            except PermanentError as error:
                unreadable.append(Answered(file, Answer.REFUSED, str(error)))
        return found, unreadable

    def _take(self, some: Sequence[_Candidate], by: str, handover_id: str, draft: Path) -> list[Answered]:
        """Objects of one series."""
        study = study_named(self.store, some[0].incoming.text("StudyInstanceUID"))
        item = _handover_of(study, handover_id)
        if study is None or item is None:
            return [_answered(one, _NOT_NAMED) for one in some]
        expected = self._expected(study, item)
        answers: list[Answered] = []
        taken: list[tuple[_Candidate, Path]] = []
        for one in some:
            said, written = self._judge(one, expected, draft)
            answers.append(_answered(one, said))
            if written is not None:
                taken.append((one, written))
                expected = _also_taken(expected, one.incoming)
        self._write(study, item, by, taken, answers)
        return answers

    def _judge(self, one: _Candidate, expected: Expected, draft: Path) -> tuple[Judgement, Path | None]:
        """The judgement, and where the object is written when it is taken."""
        said = judge(one.incoming, expected)
        if said.answer is not Answer.TAKEN:
            return said, None
        target = draft / f"{uuid.uuid4().hex}.dcm"
        identity = expected.identity if expected.under_pseudonyms(one.incoming) else None
        try:
            self.reader.restore(one.file, target, identity)
        except PermanentError as error:
            return Judgement(Answer.REFUSED, str(error)), None
        reach("result_restored")
        return said, target

    def _expected(self, study: Study, item: HandOver) -> Expected:
        identity = self.pseudonyms.of_study(study.study_uid) if study.pseudonym_uid else None
        return Expected(
            study_uid=study.study_uid,
            pseudonym_uid=study.pseudonym_uid or "",
            patient_ids=_patient_ids(study, item, identity),
            series=frozenset(study.series),
            images=self._images(item),
            taken=known_objects(study.results),
            kinds=self.kinds,
            identity=identity,
        )

    def _images(self, item: HandOver) -> frozenset[str]:
        """SOPInstanceUIDs of what was handed over, as long as its folder is there."""
        if item.released_at:
            return frozenset()
        try:
            return frozenset(
                one.sop_uid for one in self.source.images(item.filepath, StoragePath(DEFAULT), "_")
            )
        except PipelineError:
            return frozenset()

    def _write(
        self,
        study: Study,
        item: HandOver,
        by: str,
        taken: Sequence[tuple[_Candidate, Path]],
        answers: Sequence[Answered],
    ) -> None:
        sets = [self._kept(study, item, by, some) for some in _sets(taken)]
        reach("result_kept")
        refused = [one for one in answers if one.answer is Answer.REFUSED]
        if sets or refused:
            update_study(self.store, study.study_uid, lambda stored: self._note(stored, sets, refused))
        reach("result_taken")

    def _kept(
        self, study: Study, item: HandOver, by: str, some: Sequence[tuple[_Candidate, Path]]
    ) -> tuple[ResultSet, Mapping[str, str]]:
        """A set whose files are kept, and what its first object says of itself."""
        result = self._set(study, item, by, some)
        self.files.keep(result.result_id, study.study_uid, [path for _, path in some])
        return result, dict(some[0][0].incoming.tags)

    def _set(
        self, study: Study, item: HandOver, by: str, some: Sequence[tuple[_Candidate, Path]]
    ) -> ResultSet:
        first = some[0][0].incoming
        identity = self.pseudonyms.of_study(study.study_uid) if study.pseudonym_uid else None
        series = first.text("SeriesInstanceUID")
        return ResultSet(
            result_id=uuid.uuid4().hex,
            series_uid=series if identity is None else identity.original(series),
            modality=first.text("Modality"),
            received_at=iso(self.clock.now()),
            by=by,
            handover_id=item.handover_id,
            objects=[_object(one.incoming) for one, _ in some],
        )

    def _note(
        self,
        stored: Study,
        sets: Sequence[tuple[ResultSet, Mapping[str, str]]],
        refused: Sequence[Answered],
    ) -> bool:
        now, known = self.clock.now(), known_objects(stored.results)
        for result, facts in sets:
            # Another process may have taken the same objects meanwhile: they are sent once.
            result.objects = [one for one in result.objects if one.sop_uid not in known]
            if result.objects:
                self._owe(stored, result, facts, now)
        if refused:
            told = [RefusedResult(iso(now), one.sop_uid, one.why) for one in refused]
            stored.refused_results = [*stored.refused_results, *told][-MOST_REFUSED:]
            stored.note(Note.RESULTS_REFUSED, f"{len(refused)} objects, {refused[0].why}", now, by="backend")
        return True

    def _owe(self, stored: Study, result: ResultSet, facts: Mapping[str, str], now: int) -> None:
        stored.results = [*stored.results, result][-MOST_SETS:]
        uploads = self._uploads(stored, result, facts, now)
        for upload in uploads:
            queue_upload(stored, upload)
        stored.note(Note.RESULTS_TAKEN, _taken_words(result, uploads), now, by="backend")

    def _uploads(self, stored: Study, result: ResultSet, facts: Mapping[str, str], now: int) -> list[Upload]:
        """One for each destination whose rule takes the set."""
        judged = HandedOver((facts,), stored.priority, next(iter(stored.pacs), ""))
        decided = [(plan, route(plan.rule, judged)) for plan in self.plans]
        return [
            Upload(plan.name, result.result_id, iso(now), said.words, next_at=plan.first_due(now))
            for plan, said in decided
            if said.taken
        ]


def _together(candidates: Sequence[_Candidate]) -> Iterator[list[_Candidate]]:
    """Each series by itself."""
    keys = dict.fromkeys(one.key for one in candidates)
    for key in keys:
        yield [one for one in candidates if one.key == key]


def _sets(taken: Sequence[tuple[_Candidate, Path]]) -> Iterator[Sequence[tuple[_Candidate, Path]]]:
    """No more objects in one than a set has."""
    for place in range(0, len(taken), MOST_OBJECTS):
        yield taken[place : place + MOST_OBJECTS]


def _handover_of(study: Study | None, handover_id: str) -> HandOver | None:
    if study is None:
        return None
    return study.handover(handover_id) if handover_id else study.last_handover


def _patient_ids(study: Study, item: HandOver, identity: PseudonymRecord | None) -> frozenset[str]:
    """PatientIDs that the images of a hand-over had; where they had one, it is the study's."""
    told = [*(item.message.get("patientIDs") or ()), study.patient_id]
    if identity is not None:
        told.append(identity.attributes.get("PatientID", ""))
    return frozenset(str(one).strip() for one in told)


def _also_taken(expected: Expected, incoming: Incoming) -> Expected:
    taken = {**expected.taken, incoming.text("SOPInstanceUID"): incoming.sha256}
    return Expected(**{**vars(expected), "taken": taken})


def _answered(one: _Candidate, said: Judgement) -> Answered:
    return Answered(one.file, said.answer, said.words, one.incoming.text("SOPInstanceUID"))


def _object(incoming: Incoming) -> ResultObject:
    sop_class = incoming.text("SOPClassUID")
    return ResultObject(
        incoming.text("SOPInstanceUID"),
        sop_class,
        str(kind_of(sop_class) or ""),
        incoming.sha256,
        incoming.size,
    )


def _taken_words(result: ResultSet, uploads: Sequence[Upload]) -> str:
    where = ", ".join(one.destination for one in uploads) or "no destination"
    return f"{len(result.objects)} {result.modality} objects, {result.by}, to {where}"
