"""Applies the filter rules to received series and journals the verdicts, once for each series and reception."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from pacs_module.domain.dicom.attributes import SeriesFacts
from pacs_module.domain.explain import loglines
from pacs_module.domain.receive.decision import expectations
from pacs_module.domain.receive.judged import Judged
from pacs_module.domain.rules.filters import WHOLE_STUDY, Verdict, goes_with, is_dx, judge_series
from pacs_module.domain.rules.switches import Switches
from pacs_module.domain.wire.messages import PullRequest
from pacs_module.shared.logs import ContractLog

from ..journal.receptions import ReceptionRows
from ..server.rest import OrthancRest
from .arrival import Arrival
from .first_image import holes, read_facts

_COUNT_RULES = ("min instances", "slice thickness")
_HOLES = "missing images"


class Judge:
    """
    The rules on what was received.

    Args:
        rest: For the first image of a series.
        receptions: Where verdicts are journaled.
        switches: The site's.
        log: Gets the ``filter because`` lines, before the verdict is journaled: a crash between the two repeats a line
            and loses none.
    """

    def __init__(self, rest: OrthancRest, receptions: ReceptionRows, switches: Switches, log: ContractLog) -> None:
        self._rest = rest
        self._receptions = receptions
        self._switches = switches
        self._log = log

    def new_series(self, arrival: Arrival, request: PullRequest | None) -> None:
        """Judge every series that is here and not judged yet, on its first image; radiography is taken whole."""
        judged = dict(arrival.judged)
        for uid, parts in arrival.series.items():
            if uid in arrival.judged:
                continue
            facts = read_facts(self._rest, parts[0], expectations(request).series.get(uid))
            if facts is not None:
                judged[uid] = self._judged(facts, request)
        for uid, one in self._whole(judged).items():
            if one != arrival.judged.get(uid):
                self._note(arrival, one)

    def _whole(self, judged: dict[str, Judged]) -> dict[str, Judged]:
        """Of radiography, what goes with a series that is taken."""
        modalities = [one.facts.modality for one in judged.values()]
        taken = next((uid for uid, one in judged.items() if one.verdict.taken), None)
        if taken is None or not is_dx(modalities, self._switches):
            return judged
        return {
            uid: replace(one, verdict=goes_with(one.facts, one.verdict, taken, self._switches)) for uid, one in judged.items()
        }

    def counts(self, arrival: Arrival, request: PullRequest | None, only: Collection[str] | None = None) -> bool:
        """
        Judge again, now that series are received, by the numbers of images that nobody had announced.

        Args:
            arrival: The study.
            request: The pull.
            only: The series that are received; None: all of them.

        Returns:
            Whether a verdict changed.
        """
        changed = False
        for uid, judged in tuple(arrival.judged.items()):
            named = request is not None and uid in request.skip_filter
            here, due = arrival.counts.get(uid, 0), only is None or uid in only
            if judged.at_find or named or not self._needs_count(judged) or not (due or here > (judged.facts.instances or here)):
                continue
            facts = self._counted(arrival, judged.facts, here)
            again = Judged(facts, judge_series(facts, self._switches))
            if again.verdict != judged.verdict:
                self._note(arrival, again)
                changed = changed or again.verdict.taken != judged.verdict.taken
        return changed

    def matched(self, arrival: Arrival, request: PullRequest | None) -> dict[str, int]:
        """
        Instances here by SeriesInstanceUID; of a series whose SOPInstanceUIDs are known only those that are expected.

        Orthanc is asked for the UIDs only when there are enough images to be whole.
        """
        counts = arrival.counts
        for uid, expected in (request.expected_instances if request else {}).items():
            wanted = set(expected)
            if counts.get(uid, 0) >= len(wanted):
                counts[uid] = len(wanted & self._sop_uids(arrival, uid))
        return counts

    def _sop_uids(self, arrival: Arrival, uid: str) -> frozenset[str]:
        known = arrival.sop_uids.get(uid)
        here = sum(len(one.instances) for one in arrival.series[uid])
        if known is None or len(known) != here:
            parts = arrival.orthanc_series(uid)
            known = frozenset(one.sop_instance_uid for part in parts for one in self._rest.instances_of(part))
            arrival.sop_uids[uid] = known
        return known

    def _needs_count(self, judged: Judged) -> bool:
        if judged.verdict.rule == WHOLE_STUDY:
            return False
        if judged.verdict.taken:
            return judged.facts.instances is None or self._switches.filter_consecutive_images
        return judged.verdict.rule in _COUNT_RULES and judged.verdict.attribute == "instance nums"

    def _counted(self, arrival: Arrival, facts: SeriesFacts, received: int) -> SeriesFacts:
        facts = replace(facts, instances=max(received, facts.instances or 0))
        if not self._switches.filter_consecutive_images:
            return facts
        parts = arrival.orthanc_series(facts.series_uid)
        numbers = [instance.number for part in parts for instance in self._rest.instances_of(part)]
        return replace(facts, attributes={**facts.attributes, _HOLES: str(holes(numbers))})

    def _judged(self, facts: SeriesFacts, request: PullRequest | None) -> Judged:
        uid = facts.series_uid
        if request is not None and uid in request.skip_filter:
            return Judged(facts, Verdict(True, "named", "", "a person named this series"))
        if request is not None and uid in request.filtered:
            return Judged(facts, request.filtered[uid], at_find=True)
        return Judged(facts, judge_series(facts, self._switches))

    def _note(self, arrival: Arrival, judged: Judged) -> None:
        facts, verdict = judged.facts, judged.verdict
        if not verdict.taken and not judged.at_find:
            accession, patient = loglines.facts_names(facts)
            self._log.line(loglines.series_filtered(accession, patient, arrival.row.study_uid, facts.series_uid, verdict.because))
        self._receptions.judge(arrival.row, judged)
        arrival.judged[facts.series_uid] = judged
