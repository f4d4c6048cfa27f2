"""C-MOVE: which images a request means, and sending them (PS3.4 C.4.2)."""

from __future__ import annotations

import datetime as dt
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from hospital_sim.pacs.content.identity import with_attributes
from hospital_sim.pacs.content.studies import IMPLICIT, Archive, Series, Study
from hospital_sim.pacs.find.query import DOES_NOT_MATCH, Level, QueryRefusedError
from hospital_sim.pacs.habits import Habits
from hospital_sim.pacs.wire.text import TextCoding, coding_of
from hospital_sim.sending.scu import (
    SUCCESS,
    WARNINGS,
    Association,
    Originator,
    Pacs,
    PacsUnreachableError,
    check_listening,
)

# Patient root and study root (PS3.4 C.6.1, C.6.2).
MOVE_CLASSES = ("1.2.840.10008.5.1.4.1.2.1.2", "1.2.840.10008.5.1.4.1.2.2.2")
PENDING = 0xFF00
SUBOPERATIONS_FAILED = 0xB000  # complete, one or more failures
CANNOT_PERFORM = 0xA702
UNKNOWN_DESTINATION = 0xA801
CANCELLED = 0xFE00


@dataclass(frozen=True)
class Wanted:
    """One image that is to be moved."""

    study: Study
    series: Series
    index: int

    @property
    def uid(self) -> str:
        """SOPInstanceUID."""
        return self.series.images.uid(self.index)


@dataclass
class Progress:
    """The sub-operations of one move (PS3.7 9.1.4.1)."""

    total: int
    completed: int = 0
    failed: int = 0
    sent: int = 0
    failed_uids: list[str] = field(default_factory=list)

    @property
    def remaining(self) -> int:
        """Not tried yet."""
        return self.total - self.completed - self.failed


def wanted_images(archive: Archive, values: Mapping[str, str], now: dt.datetime) -> list[Wanted]:
    """
    The images that a C-MOVE identifier means, as far as they have arrived.

    Raises:
        QueryRefusedError: No such level, or the key of the level is missing.
    """
    level = Level.of(values)
    if not values.get(_UNIQUE_KEY[level]):
        raise QueryRefusedError(DOES_NOT_MATCH, f"{_UNIQUE_KEY[level]} missing")
    series_uids, image_uids = _uids(values, "SeriesInstanceUID"), _uids(values, "SOPInstanceUID")
    found = []
    for study in _studies(archive, values, now):
        for series in study.series_at(now):
            if level >= Level.SERIES and series_uids and series.uid not in series_uids:
                continue
            images = (Wanted(study, series, index) for index in range(series.visible(now)))
            found += [one for one in images if level < Level.IMAGE or one.uid in image_uids]
    return found


_UNIQUE_KEY = {
    Level.PATIENT: "PatientID",
    Level.STUDY: "StudyInstanceUID",
    Level.SERIES: "SeriesInstanceUID",
    Level.IMAGE: "SOPInstanceUID",
}


def _uids(values: Mapping[str, str], name: str) -> set[str]:
    return {uid.replace(" ", "") for uid in values.get(name, "").split("\\") if uid.strip()}


def _studies(archive: Archive, values: Mapping[str, str], now: dt.datetime) -> list[Study]:
    studies: Iterable[Study | None]
    if values.get("StudyInstanceUID"):
        studies = [archive.study(uid) for uid in _uids(values, "StudyInstanceUID")]
    elif values.get("SeriesInstanceUID"):
        studies = dict.fromkeys(map(archive.study_of_series, sorted(_uids(values, "SeriesInstanceUID"))))
    elif values.get("PatientID"):
        studies = [one for one in archive if one.attributes_at(now).get("PatientID") == values["PatientID"]]
    else:
        raise QueryRefusedError(DOES_NOT_MATCH, "StudyInstanceUID missing")
    return [one for one in studies if one is not None and one.is_visible(now)]


def group_of(images: Iterable[Wanted]) -> str:
    """What a move is remembered by: its series, in order."""
    return " ".join(sorted({one.series.uid for one in images}))


def is_nth(image: Wanted, count: int) -> bool:
    """
    Whether a habit that hits every n-th image hits this one: of each study another place of n, the same each
    time.
    """
    place = image.index + zlib.crc32(image.series.uid.encode())
    return place % count == 0


def _unchanged(image: Wanted) -> Mapping[str, str]:
    del image
    return {}


@dataclass(frozen=True)
class Sending:
    """
    How the images of a move are sent.

    Attributes:
        destination: Where to.
        ae_title: Ours, as calling AE.
        originator: Who asked, None where the PACS does not tell.
        stopped: Set when the PACS ends.
        changed: What an image says in place of what it was made with.
        address: Of ours, from which the association is opened; empty: the system's choice.
    """

    destination: Pacs
    ae_title: str
    originator: Originator | None
    stopped: threading.Event
    changed: Callable[[Wanted], Mapping[str, str]] = _unchanged
    address: str = ""


def send_images(images: list[Wanted], sending: Sending, habits: Habits) -> Iterator[bool]:
    """
    Send images over one association; yields for each whether it arrived.

    An association that cannot be opened or is lost makes the rest fail, as a PACS does it.
    """
    contexts = set().union(
        *(one.images.contexts() for one in {one.series.uid: one.series for one in images}.values())
    )
    proposed = [(sop_class, (syntax,)) for sop_class, syntax in sorted(contexts)]
    done = 0
    try:
        check_listening(sending.destination)
        with Association(
            sending.destination, sending.ae_title, proposed, address=sending.address
        ) as association:
            for one in images:
                if sending.stopped.wait(habits.seconds("move-slow")):
                    return
                arrived = _send(association, one, done % 65535 + 1, sending, habits.text())
                done += 1
                yield arrived
    except PacsUnreachableError:
        yield from [False] * (len(images) - done)


def _send(
    association: Association, one: Wanted, message_id: int, sending: Sending, coding: TextCoding | None
) -> bool:
    images = one.series.images
    accepted = association.accepted(images.sop_class(one.index))
    image = images.encoded(one.index, coding, tuple(accepted))
    changed = sending.changed(one)
    if changed:
        implicit = image.transfer_syntax == IMPLICIT
        image = with_attributes(
            image, changed, coding or coding_of(one.study.character_set), implicit=implicit
        )
    context_id = accepted.get(image.transfer_syntax)
    if context_id is None:
        return False
    status = association.store_bytes(
        image.sop_class,
        image.sop_instance,
        image.data,
        context_id,
        message_id=message_id,
        originator=sending.originator,
    )
    return status == SUCCESS or status in WARNINGS
