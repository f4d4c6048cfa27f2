"""
Validates the images of a study as they come, in the reception's thread: C-STORE itself waits for nothing.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from pacs_module.domain.image_validation.image import MAY_HAVE_UIDS, READ_OF_PIXELS, UIDS, ImageRead, Origin
from pacs_module.domain.image_validation.policy import Policy
from pacs_module.domain.image_validation.quarantine import PASSES, STAYS_AWAY, WITH_FILE
from pacs_module.domain.image_validation.rates import Tally
from pacs_module.domain.image_validation.validate_image import Validation, judge
from pacs_module.domain.receive.image_origin import Sender

from ..receive.arriving_study import ArrivingStudy
from ..runtime.clock import now_ms
from ..server.orthanc_client import InstanceHere, OrthancClient
from ..server.stored_file import Header, StoredFiles
from .echoes import Echoes
from .quarantine import Failed, Quarantine, digest_of
from .read_image import read_bytes, read_file, wanted_tags

SHOWN = (
    "PatientID", "AccessionNumber", "StudyDate", "Modality", "SeriesInstanceUID", "SeriesDescription",
    "InstanceNumber", "Manufacturer", "ManufacturerModelName", "StationName", "SOPClassUID", "Rows",
    "Columns", "BitsAllocated", "NumberOfFrames",
)  # fmt: skip
"""Attributes that people see of an image in quarantine."""


def tags_of(policy: Policy) -> Mapping[int, str]:
    """
    What is read of each file.

    Raises:
        KeyError: A mandatory attribute is none.
    """
    return wanted_tags((*UIDS, *MAY_HAVE_UIDS, *READ_OF_PIXELS, *policy.mandatory, *SHOWN))


@dataclass
class Counts:
    """
    Verdicts by AE title that are not in the journal yet; added by the reception, taken by another thread.
    """

    _tallies: dict[str, Tally] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, ae_title: str, passed: bool) -> None:
        """Count one image."""
        with self._lock:
            before = self._tallies.get(ae_title, Tally())
            self._tallies[ae_title] = before + Tally(int(passed), int(not passed))

    def take(self) -> dict[str, Tally]:
        """What was added since this was called last."""
        with self._lock:
            found, self._tallies = self._tallies, {}
        return found


@dataclass(frozen=True)
class _Judged:
    """An image, what was read of its file, how it came, and what the policy says of it."""

    image: InstanceHere
    read: ImageRead
    origin: Origin
    verdict: Validation


@dataclass(frozen=True)
class Validator:
    """
    Tests every image once, and takes out of Orthanc what fails.

    Args:
        policy: The site's.
        tags: What is read of each file, from :func:`tags_of`.
        rest: Orthanc.
        files: Its store.
        quarantine: Keeps what fails.
        echoes: Whether a sender answers.
        counts: Of verdicts.
        begun: When this process began, epoch milliseconds: what came earlier was counted by the one before.
    """

    policy: Policy
    tags: Mapping[int, str]
    rest: OrthancClient
    files: StoredFiles
    quarantine: Quarantine
    echoes: Echoes
    counts: Counts = field(default_factory=Counts)
    begun: int = field(default_factory=now_ms)

    def __call__(self, arrival: ArrivingStudy) -> None:
        """
        Validate what is new of a study.

        Raises:
            RetriableError: Orthanc is away.
            OSError: The quarantine cannot be written; the image stays in Orthanc, to be looked at again.
        """
        new = arrival.instances - arrival.validated
        if not new:
            return
        failed = [one for one in self._told_of(arrival, new) if not self._passes(arrival, one)]
        arrival.validated |= new
        if failed:
            self.rest.delete_instances([one.orthanc_id for one in failed])
            arrival.refresh(self.rest)
            arrival.quarantined = self.words(arrival.row.study_uid, arrival.row.opened_at)

    def words(self, study_uid: str, since: int) -> str:
        """What of a study came after a moment and lies in quarantine; empty: nothing."""
        rows = [one for one in self.quarantine.of_study(study_uid, since) if one.state not in PASSES]
        if not rows:
            return ""
        reasons = Counter(one.words for one in rows)
        told = "; ".join(f"{number} x {words}" for words, number in reasons.most_common(3))
        return f"{len(rows)} images failed validation and are in quarantine: {told}"

    def _told_of(self, arrival: ArrivingStudy, new: set[str]) -> list[InstanceHere]:
        known = [one for name in sorted(new) if (one := arrival.told_of(name)) is not None]
        missing = sorted(new - {one.orthanc_id for one in known})
        asked = self.rest.with_senders(missing)
        arrival.note(asked)
        return [*known, *asked]

    def _passes(self, arrival: ArrivingStudy, image: InstanceHere) -> bool:
        """Whether an image stays; one that does not is in quarantine then."""
        read = self._read(image)
        if read is None:
            return True  # gone, or not whole in the store: reception's own affair
        sender = Sender(image.ae_title, image.address)
        origin = Origin(sender, image.called)
        verdict = judge(read, origin, self.policy, self.echoes.answers(sender))
        stays = verdict.passed or not self._kept_out(arrival, _Judged(image, read, origin, verdict))
        if sender.ae_title and not (verdict.passed and self._is_of_earlier_process(image)):
            self.counts.add(sender.ae_title, verdict.passed)
        return stays

    def _is_of_earlier_process(self, image: InstanceHere) -> bool:
        """Whether the process before this one has counted it; Orthanc notes whole seconds."""
        return (image.received_at or 0) + 1000 < self.begun

    def _read(self, image: InstanceHere) -> ImageRead | None:
        """The file as it stands in the store; None: it cannot be looked at."""
        path = self.files.path(image)
        try:
            if path:
                return read_file(path, self.tags) if _size_of(path) == image.size else None
        except OSError:  # just overwritten, or another mount
            pass
        content = self.files.content(image)
        return None if content is None else read_bytes(content, self.tags)

    def _kept_out(self, arrival: ArrivingStudy, judged: _Judged) -> bool:
        """
        Whether an image that failed is in quarantine now. It is not when it is gone, when a person has
        released it, or when the quarantine is full and the site wants it to pass on.
        """
        content = self.files.content(judged.image)
        if content is None:
            return False
        digest = digest_of(memoryview(content)[judged.read.dataset_at :])
        known = self.quarantine.find(judged.image.sop_instance_uid, digest)
        if known is not None and known.state in PASSES:
            return False
        if known is not None and (known.state in (*WITH_FILE, *STAYS_AWAY)):
            self.quarantine.again(known)
            return True
        if known is not None:
            self.quarantine.forget(known)
        return self.quarantine.take(self._failed(arrival, judged, content, digest))

    def _failed(self, arrival: ArrivingStudy, judged: _Judged, content: bytes, digest: str) -> Failed:
        return Failed(
            study_uid=arrival.row.study_uid,
            sop_uid=judged.image.sop_instance_uid,
            orthanc_id=judged.image.orthanc_id,
            digest=digest,
            origin=judged.origin,
            is_push=arrival.row.is_push,
            failures=judged.verdict.failures,
            header=self._header(judged.image, judged.read),
            content=content,
        )

    def _header(self, image: InstanceHere, read: ImageRead) -> dict[str, str]:
        """What people see: decoded by its character set where the header can be read."""
        header = self.files.header(image)
        of: Callable[[str], str] = header.text if isinstance(header, Header) else read.text
        told = {keyword: value[:200] for keyword in SHOWN if (value := of(keyword) or read.text(keyword))}
        return {**told, **({"TransferSyntaxUID": read.syntax} if read.syntax else {})}


def _size_of(path: str) -> int:
    return os.stat(path).st_size


def noted(images: Sequence[InstanceHere]) -> Counter[str]:
    """How many of these images each AE title sent."""
    return Counter(one.ae_title for one in images if one.ae_title)
