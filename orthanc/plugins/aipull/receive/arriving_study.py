"""
A study that is arriving or waits to be deleted, as the reception worker holds it in memory; all of it can be
read again after a restart.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from pacs_module.domain.dicom.attributes import SeriesFacts
from pacs_module.domain.dicom.images import ImageFacts
from pacs_module.domain.json_messages.messages import PullRequest
from pacs_module.domain.receive.judged import Judged
from pacs_module.domain.receive.why_open import WhyOpen
from pacs_module.domain.rules.switches import Switches
from pacs_module.domain.series_agreement.agreement import Agreement

from ..journal.receptions import Reception
from ..server.orthanc_client import InstanceHere, OrthancClient, SeriesHere

_IDENTITY = ("AccessionNumber", "PatientID", "StudyDate", "StudyTime", "StudyDescription")


@dataclass(frozen=True)
class Told:
    """
    What a PACS has of a study that came unasked; ``request`` None: no PACS knows it.

    ``last_image`` is the arrival's when it was asked, ``settled`` whether two answers, some seconds apart,
    were the same.
    """

    request: PullRequest | None
    last_image: float
    settled: bool


@dataclass(frozen=True)
class Census:
    """
    All images here of a study at one moment.

    Args:
        state: Of the arrival at that moment.
        images: By their ids in Orthanc.
        series: SeriesInstanceUID of each image, by its id.
        patients: PatientID of each image, by its id.
    """

    state: tuple[object, ...]
    images: Mapping[str, InstanceHere]
    series: Mapping[str, str]
    patients: Mapping[str, str]


@dataclass
class ArrivingStudy:
    """
    Times are of ``time.monotonic``: after a restart every quiet period begins anew, so that nothing is called
    stable that nobody watched.

    Args:
        row: In the journal.
        series: What Orthanc has, by SeriesInstanceUID; two entries when a series is filed under two
            PatientIDs.
        judged: Verdicts so far.
        last_image: When the last image was noticed.
        grew: Whether an image came since the study was concluded.
        told: What the PACS has, where it came unasked.
        looked_at: The image that the verdict on a series rests on so far, by SeriesInstanceUID.
        from_index: What Orthanc's index says of each image, by its file: another one after it was
            overwritten.
        from_header: What an image says itself, by its file, where it was read.
        agreements: The images of a series that were compared (SOPInstanceUIDs), and which of them agree.
        why_open: What it still waits for.
        reported: What was here when the report of its pull was made.
        lacks: How many images, of those that were announced, it waits for at the least.
        rules: By which all of it is judged; None: nothing was judged yet.
        validated: Images that were validated, by their ids in Orthanc.
        quarantined: What of it failed validation, in words; empty: nothing.
    """

    row: Reception
    series: dict[str, list[SeriesHere]] = field(default_factory=dict)
    judged: dict[str, Judged] = field(default_factory=dict)
    last_image: float = field(default_factory=lambda: time.monotonic())
    grew: bool = False
    told: Told | None = None
    looked_at: dict[str, str] = field(default_factory=dict)
    from_index: dict[str, ImageFacts] = field(default_factory=dict)
    from_header: dict[str, ImageFacts] = field(default_factory=dict)
    agreements: dict[str, tuple[frozenset[str], Agreement]] = field(default_factory=dict)
    why_open: WhyOpen | None = None
    reported: dict[str, int] | None = None
    lacks: int = 0
    rules: Switches | None = None
    validated: set[str] = field(default_factory=set)
    quarantined: str = ""
    _studies: dict[str, str] = field(default_factory=dict)
    _patients: dict[str, str] = field(default_factory=dict)
    _images: dict[str, InstanceHere] = field(default_factory=dict)
    _fresh: list[InstanceHere] = field(default_factory=list)
    _census: Census | None = None
    _read_at: float = 0.0

    def refresh(self, rest: OrthancClient) -> None:
        """Read from Orthanc what is here."""
        deleting = set(self.row.deleting)
        self._read_at = time.monotonic()
        found: dict[str, list[SeriesHere]] = {}
        for series in self._all_series(rest):
            if series.instances and not deleting.issuperset(series.instances):
                found.setdefault(series.series_uid, []).append(series)
        self.series = found

    def _all_series(self, rest: OrthancClient) -> Iterator[SeriesHere]:
        for orthanc_id in self.row.orthanc_ids:
            for series in rest.series_of(orthanc_id):
                self._studies[series.orthanc_id] = orthanc_id
                yield series

    def take(self, images: Iterable[InstanceHere]) -> set[str]:
        """
        Images that have just come into series that are known here; their ids.

        The study is not read again for each of them: with thousands of images that would cost more than
        receiving them.
        """
        parts = {part.orthanc_id: part for here in self.series.values() for part in here}
        mine = [one for one in images if one.series_id in parts]
        if not mine:
            return set()
        self.touch(one.orthanc_id for one in mine)
        self.note(mine)
        for orthanc_id in {one.series_id for one in mine}:
            self._grow(parts[orthanc_id], (one.orthanc_id for one in mine if one.series_id == orthanc_id))
        return {one.orthanc_id for one in mine}

    def _grow(self, part: SeriesHere, came: Iterable[str]) -> None:
        grown = replace(part, instances=tuple(dict.fromkeys([*part.instances, *came])))
        here = self.series[part.series_uid]
        here[here.index(part)] = grown

    def note(self, images: Iterable[InstanceHere]) -> None:
        """What Orthanc has told of images, so that it is not asked again."""
        told = {one.orthanc_id: one for one in images}
        self._images.update(told)
        self._fresh.extend(told.values())

    def told_of(self, orthanc_id: str) -> InstanceHere | None:
        """What Orthanc has told of an image; None: it was not asked, or the image was overwritten since."""
        return self._images.get(orthanc_id)

    def fresh(self) -> list[InstanceHere]:
        """Images that Orthanc has told of since this was asked last."""
        found, self._fresh = self._fresh, []
        return found

    def read_s_ago(self) -> float:
        """Seconds since Orthanc was asked for all that is here."""
        return time.monotonic() - self._read_at

    def census(self, rest: OrthancClient) -> Census:
        """All images here with their senders; asked of Orthanc only when something has changed."""
        if self._census is None or self._census.state != self.state:
            self._census = self._take_census(rest)
        return self._census

    def _take_census(self, rest: OrthancClient) -> Census:
        state, deleting = self.state, set(self.row.deleting)
        uids = {part.orthanc_id: uid for uid, parts in self.series.items() for part in parts}
        self._ask_patients(rest, uids)
        here = self.instances
        self.note(rest.with_senders(sorted(here - self._images.keys())))
        here -= deleting
        images: dict[str, InstanceHere] = {}
        series: dict[str, str] = {}
        patients: dict[str, str] = {}
        for orthanc_id, one in self._images.items():
            if orthanc_id in here and one.series_id in uids:
                images[orthanc_id] = one
                series[orthanc_id] = uids[one.series_id]
                patients[orthanc_id] = self._patients[self._studies[one.series_id]]
        return Census(state, images, series, patients)

    def _ask_patients(self, rest: OrthancClient, series: Iterable[str]) -> None:
        """Ask for the PatientID of each study of some series (ids in Orthanc), once."""
        for study in sorted({self._studies[series_id] for series_id in series}):
            if study not in self._patients:
                self._patients[study] = rest.patient_of(study)

    @property
    def state(self) -> tuple[object, ...]:
        """Another one whenever an image has come or gone."""
        return self.last_image, len(self.instances)

    def agreement(self, series_uid: str, sop_uids: frozenset[str]) -> Agreement | None:
        """Which images of a series agree; None where they, and no others, were not compared."""
        compared, agreement = self.agreements.get(series_uid, (None, None))
        return agreement if compared == sop_uids else None

    def touch(self, images: Iterable[str] = ()) -> None:
        """Images came; one that came before was overwritten, and is another one now."""
        for orthanc_id in images:
            self._images.pop(orthanc_id, None)
            self.validated.discard(orthanc_id)
        self.last_image = time.monotonic()
        self.grew = True

    @property
    def told_now(self) -> Told | None:
        """What the PACS has, unless an image came after it was asked."""
        return self.told if self.told is not None and self.told.last_image == self.last_image else None

    @property
    def counts(self) -> dict[str, int]:
        """Copies here by SeriesInstanceUID: under two PatientIDs an image counts twice (``census``)."""
        return {uid: sum(len(one.instances) for one in parts) for uid, parts in self.series.items()}

    @property
    def instances(self) -> set[str]:
        """The ids of all images here."""
        return {instance for parts in self.series.values() for one in parts for instance in one.instances}

    def identity(self, series: Collection[str]) -> dict[str, str]:
        """
        What the images of these series say of their study, as DICOM keywords to text; the first that says it
        decides.
        """
        facts = [one.facts for uid, one in self.judged.items() if uid in series]
        known = {keyword: _first_text(facts, keyword) for keyword in _IDENTITY}
        modalities = sorted({one.modality for one in facts if one.modality})
        return {**known, "ModalitiesInStudy": "\\".join(modalities)}

    def quiet_for(self) -> float:
        """Seconds since the last image."""
        return time.monotonic() - self.last_image


def _first_text(facts: Iterable[SeriesFacts], keyword: str) -> str:
    return next((text for one in facts if (text := one.text(keyword))), "")
