"""Look again into studies at a PACS that tells no counts: what has grown is pulled again (M10, M20)."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...domain.dicom.attributes import Attributes, clean_uid
from ...domain.errors import PermanentError
from ...domain.find.series_answers import series_of
from ...domain.find.stability import StabilityPolicy
from ...domain.find.traits import TraitsByPacs, traits_of
from ...domain.instants import milliseconds
from ...domain.rules.filters import is_dx
from ...domain.rules.switches import Switches
from ...domain.study.growth_checks import WHOLE, GrowthCheck, GrowthPolicy, growth
from ...domain.study.lifecycle import SETTLED, Event
from ...domain.study.study import GROWTH_CHECK, PULL, Study
from ...ports import Clock, EventLog, PacsFinder, StudyStore
from ..update_study import update_study

LEASE_MS = 15 * 60 * 1000
"""When a PACS did not answer: the pause until the next try, which takes nothing from the budget."""


@dataclass
class CheckGrowth:
    """One study at a time; when and how often stands in the study's document."""

    store: StudyStore
    finder: PacsFinder
    clock: Clock
    log: EventLog
    switches: Switches
    stability: StabilityPolicy
    traits: TraitsByPacs
    owner: str
    policy: GrowthPolicy = field(default_factory=GrowthPolicy)

    def __call__(self, pacs: str) -> int | None:
        """
        Look into the study of one PACS that has been due longest.

        Returns:
            How many queries it took, None when none was due.

        Raises:
            RetriableError: The PACS did not answer; the study is due again after the lease.
        """
        study = self.store.claim_growth_check(pacs, self.owner, self.clock.now(), LEASE_MS)
        if study is None:
            return None
        if study.state not in SETTLED or study.count is not None:
            update_study(self.store, study.study_uid, self._not_now)
            return 0
        ask = _Ask(self.finder, pacs, study)
        shown = self._shown(ask, pacs, study)
        if not shown:
            told = {"pacs": pacs, "studyUID": study.study_uid}
            self.log.event("growth_unknown", "growth cannot be told", "WARNING", **told)
        update_study(self.store, study.study_uid, lambda kept: self._take(kept, shown))
        return ask.queries

    def _shown(self, ask: _Ask, pacs: str, study: Study) -> dict[str, int]:
        """What the PACS shows of a study, at the level that tells most; images only at the first looks."""
        assert study.look is not None, "claimed by it"  # noqa: S101
        shown = ask.series() if traits_of(self.traits, pacs).series_level else {}
        if not shown:
            return ask.whole()
        if study.look.number < self.policy.images and not growth(shown, study.look.series, study.received):
            shown |= ask.images(shown, self.policy.most_series)
        return shown

    def _not_now(self, study: Study) -> bool:
        """During a pull there is nothing to compare with; where counts are told nothing needs to be."""
        told = study.count is not None or study.look is None
        study.schedule(
            GROWTH_CHECK, None if told else self.clock.now() + milliseconds(self.policy.pauses.first)
        )
        return True

    def _take(self, study: Study, shown: dict[str, int]) -> bool:
        look, now = study.look, self.clock.now()
        if look is None or study.count is not None or study.state not in SETTLED:
            return self._not_now(study)
        why = growth(shown, look.series, study.received)
        look.take(shown)
        if why:
            self._grew(study, f"{look.pacs}, which tells no counts: {why}", now)
            return True
        self._look_again(study, look, now)
        return True

    def _look_again(self, study: Study, look: GrowthCheck, now: int) -> None:
        look.number += 1
        study.schedule(GROWTH_CHECK, self._next(look.number, now))

    def _next(self, number: int, now: int) -> int | None:
        """When it is looked at again; None: never, it has been quiet for long enough."""
        pauses = self.policy.pauses
        return None if pauses.exhausted(number) else now + milliseconds(pauses.pause_after(number + 1))

    def _grew(self, study: Study, why: str, now: int) -> None:
        """What has just come may still be coming: pulled after the delay that is due without counts."""
        study.apply(Event.GREW, why, now)
        study.attempts, study.sightings = 0, []
        at = now if is_dx(study.modality, self.switches) else now + milliseconds(self.stability.delay)
        study.schedule(PULL, at)
        study.schedule(GROWTH_CHECK, at + milliseconds(self.policy.pauses.first))
        self.log.event(
            "grown_without_counts", "grown at a PACS without counts", studyUID=study.study_uid, why=why
        )


@dataclass
class _Ask:
    """One study's queries."""

    finder: PacsFinder
    pacs: str
    study: Study
    queries: int = 0

    def series(self) -> dict[str, int]:
        """Its series with the instances of each, 0 where not counted; empty when it cannot be asked."""
        answers = self._find(
            "SERIES", {}, ("StudyInstanceUID", "SeriesInstanceUID", "NumberOfSeriesRelatedInstances")
        )
        return {facts.series_uid: facts.instances or 0 for facts in series_of(self.study.study_uid, answers)}

    def images(self, shown: dict[str, int], most: int) -> dict[str, int]:
        """The instances of those taken series that the PACS did not count."""
        uncounted = [uid for uid, record in self.study.series.items() if record.taken and shown.get(uid) == 0]
        return {uid: self._count({"SeriesInstanceUID": uid}) for uid in uncounted[:most]}

    def whole(self) -> dict[str, int]:
        """All instances of the study, empty when the PACS does not tell these either."""
        count = self._count({})
        return {WHOLE: count} if count else {}

    def _count(self, keys: dict[str, str]) -> int:
        answers = self._find("IMAGE", keys, ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"))
        return len({clean_uid(answer.get("SOPInstanceUID", "")) for answer in answers} - {""})

    def _find(self, level: str, keys: dict[str, str], returned: tuple[str, ...]) -> list[Attributes]:
        """A level that a PACS refuses tells nothing."""
        self.queries += 1
        uid = self.study.study_uid
        try:
            answers = self.finder.find(self.pacs, level, {"StudyInstanceUID": uid, **keys}, returned)
        except PermanentError:
            return []
        return [answer for answer in answers if clean_uid(answer.get("StudyInstanceUID", "")) in ("", uid)]
