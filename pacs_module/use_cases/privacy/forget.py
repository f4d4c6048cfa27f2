"""
Forget one patient everywhere at once: store, headers, reports, archive, logs, and the plugins' journal and
log.

Nothing is removed as long as anything of him is in flight. The store comes last: after a kill the command is
called again, and the store still has the words by which the rest is found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...domain.errors import MessageError, RetriableError
from ...domain.instants import iso
from ...domain.privacy.patient_identifiers import Traces, is_unsent, names_patient, traces_of
from ...domain.privacy.pseudonym import Pseudonyms
from ...domain.privacy.retention import in_flight
from ...domain.report_exchange.entry import Entry, EntryKind
from ...domain.study.study import Study
from ...ports import Clock, EventLog, Ledger, PluginMemory, StudyStore
from ...shared.crash_points import reach
from .forgotten import Forgotten

_ALL_DAYS = ("", "~")
_UNSENT = "a report or quality record of it was not sent yet"


@dataclass(frozen=True)
class Asked:
    """Whom to forget, who asks, and why; ``dry_run``: only look."""

    patient_id: str
    by: str
    why: str
    dry_run: bool = False


@dataclass(frozen=True)
class Told:
    """
    What was found and done, without an identifier but where it says what holds.

    ``patient`` is the pseudonym; ``in_flight`` why nothing was removed, by StudyInstanceUID; ``did`` how many
    of what.
    """

    patient: str
    studies: int
    in_flight: Mapping[str, str] = field(default_factory=dict)
    did: Mapping[str, int] = field(default_factory=dict)
    done: bool = False


@dataclass
class ForgetPatient:
    """
    Forgets; ``elsewhere`` removes what names one of the words from files of this process (logs, reports,
    archive) and says how many of what.
    """

    store: StudyStore
    ledger: Ledger
    plugins: PluginMemory
    elsewhere: Callable[[Traces, Sequence[Study]], Mapping[str, int]]
    forgotten: Forgotten
    pseudonyms: Pseudonyms
    pacs: Sequence[str]
    clock: Clock
    log: EventLog
    clear_memos: Callable[[], int] = lambda: 0
    """
    Takes StudyInstanceUIDs that the store does not know out of what processes wrote down for each other.
    """
    told: Callable[[Asked, Told], None] = lambda asked, told: None

    def __call__(self, asked: Asked) -> Told:
        """
        Forget, or say what holds.

        Raises:
            MessageError: PatientID, who or why is missing, or the reason names the patient.
            RetriableError: Store or plugins are away, or a study changed meanwhile: nothing or a part is
                done, and the same call does the rest.
        """
        _check(asked)
        studies = self.store.of_patient(asked.patient_id, self.pacs)
        traces = traces_of(asked.patient_id, studies, self.pseudonyms)
        entries = list(self._entries(traces.words))
        patient = self.pseudonyms.of(asked.patient_id)
        holds = self._holds(traces, studies, entries)
        if holds or asked.dry_run:
            return self._say(asked, Told(patient, len(studies), holds, {"entries": len(entries)}))
        did = self._remove(traces, studies, entries)
        return self._say(asked, Told(patient, len(studies), {}, did, done=True))

    def _entries(self, words: frozenset[str]) -> Iterable[Entry]:
        for kind in EntryKind:
            yield from (one for one in self.ledger.between(kind, *_ALL_DAYS) if names_patient(one, words))

    def _holds(self, traces: Traces, studies: Sequence[Study], entries: Sequence[Entry]) -> dict[str, str]:
        holds = {study.study_uid: hold.value for study in studies if (hold := in_flight(study)) is not None}
        holds.update({f"{one.kind.value} {one.key}": _UNSENT for one in entries if is_unsent(one)})
        looked = self.plugins.forget(traces.studies, sorted(traces.words), True)
        return {**_texts(looked.get("inFlight")), **holds}

    def _remove(self, traces: Traces, studies: Sequence[Study], entries: Sequence[Entry]) -> dict[str, int]:
        did = self.plugins.forget(traces.studies, sorted(traces.words), False)
        if did.get("inFlight"):
            raise RetriableError("something of the patient came in meanwhile: once more")
        reach("patient_at_plugins")
        counts = {f"plugins.{name}": int(did.get(name) or 0) for name in ("journalRows", "logLines")}
        counts.update(self.elsewhere(traces, studies))
        reach("patient_in_files")
        counts["entries"] = sum(self.ledger.remove(entry) for entry in entries)
        self.forgotten.add((study.study_uid, study.study_date) for study in studies)
        reach("patient_noted")
        gone = self.store.remove_many(studies)
        if len(gone) < len(studies):
            raise RetriableError("a study of the patient was changed meanwhile: once more")
        reach("patient_removed")
        counts["memos"] = self.clear_memos()
        self.store.scrub(iso(self.clock.now()))
        return {**counts, "studies": len(gone)}

    def _say(self, asked: Asked, told: Told) -> Told:
        words = "a patient was forgotten" if told.done else "a patient is to be forgotten"
        self.log.event(
            "patient_forgotten" if told.done else "patient_looked_for", words,
            patient=told.patient, by=asked.by, why=asked.why, studies=told.studies, did=dict(told.did),
            inFlight=len(told.in_flight), dryRun=asked.dry_run,
        )  # fmt: skip
        self.told(asked, told)
        return told


def _check(asked: Asked) -> None:
    for key, value in (("PatientID", asked.patient_id), ("by", asked.by), ("why", asked.why)):
        if not value.strip():
            raise MessageError(key, value, "a text that is not empty")
    if asked.patient_id in asked.why:
        raise MessageError("why", "", "a reason that does not name the patient: it is kept")


def _texts(value: Any) -> dict[str, str]:
    return {str(key): str(why) for key, why in value.items()} if isinstance(value, Mapping) else {}
