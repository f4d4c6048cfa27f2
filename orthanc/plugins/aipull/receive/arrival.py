"""
A study that is arriving or waits to be deleted, as the reception worker holds it in memory; all of it can be read
again after a restart.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from pacs_module.domain.receive.judged import Judged
from pacs_module.domain.wire.messages import PullRequest

from ..journal.receptions import Reception
from ..server.rest import OrthancRest, SeriesHere

_IDENTITY = ("AccessionNumber", "PatientID", "StudyDate", "StudyTime", "StudyDescription")


@dataclass(frozen=True)
class Told:
    """
    What a PACS has of a study that came unasked; ``request`` None: no PACS knows it.

    ``last_image`` is the arrival's when it was asked, ``settled`` whether two answers, some seconds apart, were the same.
    """

    request: PullRequest | None
    last_image: float
    settled: bool


@dataclass
class Arrival:
    """
    Times are of ``time.monotonic``: after a restart every quiet period begins anew, so that nothing is called stable that
    nobody watched.

    Args:
        row: In the journal.
        series: What Orthanc has, by SeriesInstanceUID; two entries when a series is filed under two PatientIDs.
        judged: Verdicts so far.
        last_image: When the last image was noticed.
        grew: Whether an image came since the study was concluded.
        told: What the PACS has, where it came unasked.
        sop_uids: SOPInstanceUIDs here by SeriesInstanceUID, where they were asked for.
    """

    row: Reception
    series: dict[str, list[SeriesHere]] = field(default_factory=dict)
    judged: dict[str, Judged] = field(default_factory=dict)
    last_image: float = field(default_factory=lambda: time.monotonic())
    grew: bool = False
    sop_uids: dict[str, frozenset[str]] = field(default_factory=dict)
    told: Told | None = None

    def refresh(self, rest: OrthancRest) -> None:
        """Read from Orthanc what is here."""
        deleting = set(self.row.deleting)
        found: dict[str, list[SeriesHere]] = {}
        for orthanc_id in self.row.orthanc_ids:
            for series in rest.series_of(orthanc_id):
                if series.instances and not deleting.issuperset(series.instances):
                    found.setdefault(series.series_uid, []).append(series)
        self.series = found

    def touch(self) -> None:
        """An image came."""
        self.last_image = time.monotonic()
        self.grew = True

    @property
    def told_now(self) -> Told | None:
        """What the PACS has, unless an image came after it was asked."""
        return self.told if self.told is not None and self.told.last_image == self.last_image else None

    @property
    def counts(self) -> dict[str, int]:
        """Instances here by SeriesInstanceUID."""
        return {uid: sum(len(one.instances) for one in parts) for uid, parts in self.series.items()}

    @property
    def instances(self) -> set[str]:
        """The ids of all images here."""
        return {instance for parts in self.series.values() for one in parts for instance in one.instances}

    def orthanc_series(self, uid: str) -> tuple[str, ...]:
        """The ids of a series in Orthanc."""
        return tuple(one.orthanc_id for one in self.series.get(uid, ()))

    def first_instance(self, uids: Iterable[str]) -> str | None:
        """Some image of the first of these series that is here."""
        return next((self.series[uid][0].instances[0] for uid in uids if uid in self.series), None)

    def identity(self) -> dict[str, str]:
        """What the images say of their study, as DICOM keywords to text; the first series that says it decides."""
        facts = [one.facts for one in self.judged.values()]
        known = {keyword: next((text for one in facts if (text := one.text(keyword))), "") for keyword in _IDENTITY}
        return {**known, "ModalitiesInStudy": "\\".join(sorted({one.modality for one in facts if one.modality}))}

    def quiet_for(self) -> float:
        """Seconds since the last image."""
        return time.monotonic() - self.last_image
