"""A few tiny studies, as a scanner would send them, and what must become of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from hospital_sim.scu import Pacs
from tests.chaos.auditor import Wanted
from tests.dicom_maker import CHEST_CT, CHEST_DX, Study, store

SLICES = 12
"""Ten are the least that the filter takes."""
_ABDOMEN = {
    "BodyPartExamined": "ABDOMEN", "ProtocolName": "Abdomen", "SeriesDescription": "Abdomen 5.0", "StudyDescription": "222",
}  # fmt: skip


@dataclass(frozen=True)
class Day:
    """Studies to send and those of them that are wanted."""

    studies: tuple[Study, ...]
    wanted: tuple[Wanted, ...]

    def send(self, pacs: Pacs) -> int:
        """All images to the PACS; how many."""
        return sum(store(pacs, study.images) for study in self.studies)


def small_day(name: str, zone: str, cts: int = 1) -> Day:
    """
    Chest CTs of a thin and a thick series, one chest radiograph, one CT that nobody wants.

    Args:
        name: Part of the labels and accession numbers; another name, other studies.
        zone: The hospital's time zone, whose today is the StudyDate.
        cts: How many chest CTs.
    """
    today = datetime.now(ZoneInfo(zone)).strftime("%Y%m%d")
    studies, wanted = [], []
    for number in range(1, cts + 1):
        study = Study(f"{name}-CT{number}", today)
        thin = study.add_series(SLICES, CHEST_CT)
        study.add_series(SLICES - 2, CHEST_CT, SliceThickness="5.0", SeriesDescription="Lung 5.0")
        studies.append(study)
        wanted.append(_wanted(study, [thin]))
    radiograph = Study(f"{name}-DX", today)
    wanted.append(_wanted(radiograph, [radiograph.add_series(1, CHEST_DX), radiograph.add_series(1, CHEST_DX)]))
    abdomen = Study(f"{name}-AB", today)
    abdomen.add_series(SLICES, CHEST_CT, **_ABDOMEN)
    return Day((*studies, radiograph, abdomen), tuple(wanted))


def _wanted(study: Study, series: Sequence[str]) -> Wanted:
    return Wanted(study.uid, study.name, tuple(series))
