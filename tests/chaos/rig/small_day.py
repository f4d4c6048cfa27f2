"""A few tiny studies, as devices would send them, and what must become of them."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from pydicom.dataset import Dataset

from hospital_sim.sending.scu import Pacs
from hospital_sim.sending.stranger import STRANGER, as_datasets, disguised, of_datasets
from tests.chaos.audit.auditor import Wanted
from tests.chaos.audit.identity import Truth, pixels_of
from tests.support.images.dicom_maker import CHEST_CT, CHEST_DX, Study, store

SLICES = 12
"""Ten are the least that the filter takes."""
LATE_S = (15.0, 60.0)
"""After the first images: the study may have been found stable, pulled, even computed by then."""
STRANGER_S = (0.0, 20.0)
"""After the first images a stranger comes."""
CORRECTED_S = (3.0, 25.0)
OLD = "OLD"
"""Before the number of a patient that is not corrected yet."""
HEAVY_MATRIX = 256
"""Rows and columns of a heavy study's images, 128 KiB each."""
_THICK: dict[str, Any] = {"SliceThickness": "5.0", "SeriesDescription": "Lung 5.0"}
_ABDOMEN: dict[str, Any] = {
    "BodyPartExamined": "ABDOMEN", "ProtocolName": "Abdomen", "SeriesDescription": "Abdomen 5.0",
    "StudyDescription": "222",
}  # fmt: skip


@dataclass(frozen=True)
class Day:
    """Studies to send and those of them that are wanted."""

    studies: tuple[Study, ...]
    wanted: tuple[Wanted, ...]

    def send(self, pacs: Pacs) -> int:
        """All images to the PACS; how many."""
        return sum(store(pacs, study.images) for study in self.studies)


@dataclass(frozen=True)
class Part:
    """
    What is sent together.

    Attributes:
        images: Of one study.
        after_s: Seconds after the day's begin.
        pushed: Into the receiving Orthanc, not to the PACS.
        calling: As whom.
        replaces: What the PACS has of the study is deleted first.
    """

    images: tuple[Dataset, ...]
    after_s: float = 0.0
    pushed: bool = False
    calling: str = "CT1"
    replaces: bool = False


def small_day(name: str, zone: str, cts: int = 1, heavy: int = 0) -> Day:
    """
    Chest CTs of a thin and a thick series, one chest radiograph, one CT that nobody wants; and a heavy CT
    where asked for.

    Args:
        name: Part of the labels and accession numbers; another name, other studies.
        zone: The hospital's time zone, whose today is the StudyDate.
        cts: How many chest CTs.
        heavy: How many images of ``HEAVY_MATRIX`` the thin series of one more CT has, the day's first study;
            0: there is none.
    """
    today = datetime.now(ZoneInfo(zone)).strftime("%Y%m%d")
    studies, wanted = [], []
    large: dict[str, Any] = {
        "Rows": HEAVY_MATRIX,
        "Columns": HEAVY_MATRIX,
        "PixelData": bytes(2 * HEAVY_MATRIX**2),
    }
    chests: list[tuple[str, int, dict[str, Any]]] = [
        (f"CT{number}", SLICES, {}) for number in range(1, cts + 1)
    ]
    for label, slices, tags in ([("HEAVY", heavy, large)] if heavy else []) + chests:
        study = Study(f"{name}-{label}", today)
        thin = study.add_series(slices, CHEST_CT, **tags)
        study.add_series(SLICES - 2, CHEST_CT, **_THICK)
        studies.append(study)
        wanted.append(_wanted(study, [thin]))
    radiograph = Study(f"{name}-DX", today)
    wanted.append(
        _wanted(radiograph, [radiograph.add_series(1, CHEST_DX), radiograph.add_series(1, CHEST_DX)])
    )
    abdomen = Study(f"{name}-AB", today)
    abdomen.add_series(SLICES, CHEST_CT, **_ABDOMEN)
    return Day((*studies, radiograph, abdomen), tuple(wanted))


def nasty_parts(day: Day, chance: random.Random, lies: bool = False) -> tuple[Part, ...]:
    """
    How a small day's studies arrive: whole, late in part, or pushed into the receiving Orthanc as well.

    With ``lies`` some of them are met by a stranger's images, too, or have their PatientID corrected.

    Whatever comes late is wanted: a study is judged and pulled again from any state when the PACS's count
    grows, and a CT is handed over again when the chosen series has more images than last time.
    """
    wanted = {study.study_uid: study.series_uids for study in day.wanted}
    parts: list[Part] = []
    for study in day.studies:
        way = chance.choice(WAYS + LIES if lies else WAYS) if study.uid in wanted else whole
        parts += way(study.images, wanted.get(study.uid, ()), chance)
    return tuple(parts)


def whole(images: Sequence[Dataset], wanted: Sequence[str], chance: random.Random) -> list[Part]:
    """All at once."""
    return [Part(tuple(images))]


def half_late(images: Sequence[Dataset], wanted: Sequence[str], chance: random.Random) -> list[Part]:
    """
    The second half of the last wanted series is late: of a thin one too few are there at first, and the thick
    one is taken.
    """
    series = [image for image in images if image.SeriesInstanceUID == wanted[-1]]
    return _late(images, series[len(series) // 2 :], chance)


def series_late(images: Sequence[Dataset], wanted: Sequence[str], chance: random.Random) -> list[Part]:
    """The last wanted series is late: the thin one of a CT, the second view of a radiograph."""
    return _late(images, [image for image in images if image.SeriesInstanceUID == wanted[-1]], chance)


def few_late(images: Sequence[Dataset], wanted: Sequence[str], chance: random.Random) -> list[Part]:
    """The last image of each wanted series is late: what is there is taken, computed, and one short."""
    last = {image.SeriesInstanceUID: image for image in images if image.SeriesInstanceUID in wanted}
    return _late(images, [last[uid] for uid in wanted], chance)


def pushed(images: Sequence[Dataset], wanted: Sequence[str], chance: random.Random) -> list[Part]:
    """The device sends all to both, to the receiving Orthanc a moment before or after."""
    there, here = chance.sample((0.0, chance.uniform(0.0, 10.0)), 2)
    return [Part(tuple(images), there), Part(tuple(images), here, pushed=True)]


def half_pushed(images: Sequence[Dataset], wanted: Sequence[str], chance: random.Random) -> list[Part]:
    """What is pushed is not all that the PACS has, and that has its last images late."""
    return [Part(tuple(images[::2]), pushed=True), *few_late(images, wanted, chance)]


WAYS: tuple[Callable[[Sequence[Dataset], Sequence[str], random.Random], list[Part]], ...] = (
    whole, whole, half_late, series_late, few_late, pushed, half_pushed,
)  # fmt: skip


def corrected(images: Sequence[Dataset], wanted: Sequence[str], chance: random.Random) -> list[Part]:
    """The PACS has the study under an old PatientID first, and then all of it under the right one."""
    old = tuple(_under(image, OLD + str(image.PatientID)) for image in images)
    return [Part(old), Part(tuple(images), chance.uniform(*CORRECTED_S), replaces=True)]


def met_by_a_stranger(images: Sequence[Dataset], wanted: Sequence[str], chance: random.Random) -> list[Part]:
    """Somebody pushes images of another patient under the UIDs of study and series."""
    theirs = disguised(of_datasets(images), patient_id=STRANGER, new_instances=True)
    return [
        Part(tuple(images)),
        Part(as_datasets(theirs), chance.uniform(*STRANGER_S), pushed=True, calling=STRANGER),
    ]


def overwritten_by_a_stranger(
    images: Sequence[Dataset], wanted: Sequence[str], chance: random.Random
) -> list[Part]:
    """Somebody pushes the same instances with other pixels."""
    theirs = disguised(of_datasets(images), other_pixels=True)
    return [
        Part(tuple(images)),
        Part(as_datasets(theirs), chance.uniform(*STRANGER_S), pushed=True, calling=STRANGER),
    ]


LIES = (corrected, met_by_a_stranger, overwritten_by_a_stranger)


def _under(image: Dataset, patient_id: str) -> Dataset:
    other = copy.deepcopy(image)
    other.PatientID = patient_id
    return other


def _late(images: Sequence[Dataset], late: Sequence[Dataset], chance: random.Random) -> list[Part]:
    uids = {image.SOPInstanceUID for image in late}
    first = tuple(image for image in images if image.SOPInstanceUID not in uids)
    parts = [Part(first), Part(tuple(late), chance.uniform(*LATE_S))]
    return [part for part in parts if part.images]


def _wanted(study: Study, series: Sequence[str]) -> Wanted:
    pixels = {str(image.SOPInstanceUID): pixels_of(image) for image in study.images}
    patient = str(study.images[0].PatientID)
    return Wanted(study.uid, study.name, tuple(series), Truth(pixels, (OLD + patient, patient)))
