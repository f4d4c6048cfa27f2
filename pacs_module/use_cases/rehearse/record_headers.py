"""
Records every header that was judged: at find, and as the plugins report it (never while images arrive).

A record that cannot be written is said and costs nothing else: no study waits for its statistics.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from ...domain.dicom.attributes import SeriesFacts
from ...domain.errors import PipelineError, RetriableError
from ...domain.json_messages.messages import SeriesOutcome, SeriesReport
from ...domain.rehearse.record import FIND, RECEPTION, JudgedHeader, JudgedStudy, decode, encode, header
from ...domain.rules.verdict import Verdict
from ...domain.study.study import Study
from ...ports import Clock, EventLog, HeaderRecords, StoredRecord

_TRIES = 20


@dataclass
class RecordHeaders:
    """
    Writes the records; ``keep_days``: how long they are kept, 0: nothing is recorded.
    """

    records: HeaderRecords
    clock: Clock
    log: EventLog
    keep_days: int

    def at_find(
        self, study: Study, pacs: str, series: Iterable[SeriesFacts], verdicts: Mapping[str, Verdict]
    ) -> None:
        """Verdicts on what a PACS told of a study's series."""
        self._guarded(study, pacs, [_at_find(facts, verdicts[facts.series_uid]) for facts in series])

    def reported(self, study: Study, reports: Iterable[SeriesReport]) -> None:
        """
        Verdicts of the plugins, with the attributes that they judged by; older plugins tell none, and nothing
        is recorded.
        """
        headers = [found for report in reports if (found := _of_report(report)) is not None]
        pacs = study.pull.request.pacs if study.pull is not None else ""
        self._guarded(study, pacs, headers)

    def purge(self) -> None:
        """Drop what is older than ``keep_days``."""
        first_kept = self.clock.today() - timedelta(days=self.keep_days)
        gone = self.records.purge(first_kept.isoformat())
        if gone:
            self.log.event(
                "judged_headers_purged", "recorded headers are dropped", records=gone, before=str(first_kept)
            )

    def _guarded(self, study: Study, pacs: str, headers: list[JudgedHeader]) -> None:
        if not headers or self.keep_days <= 0:
            return
        try:
            self._write(study, pacs, headers)
        except PipelineError as error:
            self.log.event(
                "judged_headers_not_recorded",
                "the headers of a study are not recorded",
                "WARNING",
                studyUID=study.study_uid,
                error=str(error),
            )

    def _write(self, study: Study, pacs: str, headers: list[JudgedHeader]) -> None:
        day = study.study_date or self.clock.today().isoformat()
        for _ in range(_TRIES):
            there = self.records.get(study.study_uid)
            known = None if there is None else decode(*there)
            before = known or JudgedStudy(study.study_uid, day)
            after = replace(before.with_headers(headers), day=day, pacs=pacs or before.pacs)
            if known == after:
                return
            record = StoredRecord(study.study_uid, day, encode(after))
            if self.records.put(record, None if there is None else there.data):
                return
        raise RetriableError(f"the record of study {study.study_uid} is being changed by others all the time")


def _at_find(facts: SeriesFacts, verdict: Verdict) -> JudgedHeader:
    return header(facts, verdict, FIND, "" if verdict.taken else SeriesOutcome.FILTERED)


def _of_report(report: SeriesReport) -> JudgedHeader | None:
    if report.verdict is None or not report.attributes or not report.series_uid:
        return None
    counts = (report.instances, report.received, report.in_pacs)
    instances = max((count for count in counts if count is not None), default=None)
    facts = SeriesFacts(report.series_uid, report.attributes, instances)
    return header(facts, report.verdict, report.stage or RECEPTION, report.outcome)
