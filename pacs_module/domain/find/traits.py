"""What one hospital PACS can do: one value from settings, probe and profile to the use cases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from .schedule import FindSchedule


@dataclass(frozen=True)
class PacsTraits:
    """
    What a PACS can do, and how it is asked.

    Every field is a key of ``[[pacs]]`` with the same name (``pacs_module.settings.pacs``), and so it may
    stand in a profile. A new trait is a field here, the key there, and a recommendation of the probe; a test
    holds the three together.
    """

    series_level: bool = True
    """SERIES level answers."""
    use_series: bool | None = None
    """FIND_PACS_USE_SERIES for this PACS; None: as the switch says."""
    count_by_image: bool = False
    """Its counts are missing or wrong: SOPInstanceUIDs are listed at IMAGE level instead."""
    repair: str = "SERIES"
    """The smallest thing it can move of a study that came short: STUDY, SERIES or IMAGE."""
    trust_modalities: bool = True
    """False: ModalitiesInStudy holds only one of the study's modalities."""
    caps: tuple[int, ...] = ()
    """Numbers of answers at which it is known to stop."""
    ignores: tuple[str, ...] = ()
    """Matching keys (DICOM keywords) that it does not honour: it answers others too."""
    senders: tuple[str, ...] = ()
    """AE titles and addresses that it sends images from, besides those it is asked at."""
    finder: str = "orthanc"
    """Who asks it: ``orthanc`` or ``pynetdicom``."""
    direct_fallback: bool = True
    """Where Orthanc cannot read its answers, pacs_module asks it directly."""
    find_deadline_s: float | None = None
    """Seconds that one C-FIND may take; None: ``orthanc.find_timeout_s``."""
    look_again: bool = True
    """Where it tells no counts: check each study for growth after its pull."""
    follow: bool = True
    """
    While a CT study grows it is asked for by itself, and the series to compute is pulled ahead of the rest.
    """
    recent_min: float = 0.0
    """Each round asks for the studies of the last so many minutes only; 0: for the whole day."""
    whole_day_s: float = 0.0
    """Pause between asking for the whole day."""
    earlier_days_s: float = 60.0
    """Pause between asking for each day before today."""

    @property
    def repair_level(self) -> str:
        """What can be moved of a short study: without SERIES level nobody knows which series is short."""
        return self.repair if self.series_level else "STUDY"

    @property
    def schedule(self) -> FindSchedule:
        """Which windows are asked for how often."""
        return FindSchedule(
            recent=timedelta(minutes=self.recent_min),
            whole_day=timedelta(seconds=self.whole_day_s),
            earlier_days=timedelta(seconds=self.earlier_days_s),
        )

    def filters_series(self, switch: bool) -> bool:
        """Whether series are filtered before the pull; ``switch`` is FIND_PACS_USE_SERIES."""
        return switch if self.use_series is None else self.use_series


TraitsByPacs = Mapping[str, PacsTraits]
NO_LEVELS = PacsTraits(series_level=False)
"""Of a PACS that nothing is known of: it is asked at STUDY level only."""


def traits_of(traits: TraitsByPacs, pacs: str) -> PacsTraits:
    """The traits of one PACS; cautious ones for a PACS that is not configured."""
    return traits.get(pacs, NO_LEVELS)
