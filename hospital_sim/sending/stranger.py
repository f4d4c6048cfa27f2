"""
Images that somebody else pushes: under the UIDs of a real study, of another patient, or with other pixels.

For tests of what a receiver believes: a device with a wrong worklist entry, another archive, an attack.

Example::

    images = of_archive(pacs.archive[uid], pacs.now)
    push(disguised(images, patient_id="STRANGER", new_instances=True), Pacs("127.0.0.1", 4242, "AIPULL"))
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from io import BytesIO

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset
from pydicom.uid import UID

from hospital_sim.pacs.content.odd_images import CONTENT_SEQUENCE, DEEP
from hospital_sim.pacs.content.studies import EXPLICIT, IMPLICIT, NATIVE, Encoded, Study
from hospital_sim.planned_study import stable_uid
from hospital_sim.sending.scu import SUCCESS, Association, Originator, Pacs, PacsUnreachableError

STRANGER = "STRANGER"
_VERIFICATION = "1.2.840.10008.1.1"


def of_archive(study: Study, now: dt.datetime, series_uid: str = "") -> list[Encoded]:
    """The images of a study in a simulated PACS, or of one of its series, as they would be sent."""
    chosen = [one for one in study.series_at(now) if series_uid in ("", one.uid)]
    return [
        one.images.encoded(index, None, (EXPLICIT,)) for one in chosen for index in range(one.visible(now))
    ]


def of_datasets(datasets: Iterable[Dataset]) -> list[Encoded]:
    """Datasets with their UIDs, encoded in explicit VR."""
    found = []
    for one in datasets:
        found.append(
            Encoded(str(one.SOPClassUID), str(one.SOPInstanceUID), EXPLICIT, _written(one, EXPLICIT))
        )
    return found


def as_datasets(images: Iterable[Encoded]) -> tuple[Dataset, ...]:
    """Encoded images as datasets with file meta information."""
    found = []
    for image in images:
        dataset = read_dataset(BytesIO(image.data), image.transfer_syntax == IMPLICIT, True)
        dataset.set_original_encoding(image.transfer_syntax == IMPLICIT, True)
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.MediaStorageSOPClassUID = UID(image.sop_class)
        dataset.file_meta.MediaStorageSOPInstanceUID = UID(image.sop_instance)
        dataset.file_meta.TransferSyntaxUID = UID(image.transfer_syntax)
        found.append(dataset)
    return tuple(found)


def poisoned(image: Encoded) -> Encoded:
    """An image more beside this one, with sequences inside each other as deep as ``odd_images.DEPTH``."""
    dataset = read_dataset(BytesIO(image.data), image.transfer_syntax == IMPLICIT, True)
    dataset.SOPInstanceUID = stable_uid("poison", image.sop_instance)
    above, below = Dataset(), Dataset()
    for element in dataset:
        (above if element.tag < CONTENT_SEQUENCE else below).add(element)
    _, nested = DEEP.tail(image.transfer_syntax == IMPLICIT) if DEEP.tail else (0, b"")
    parts = (_written(above, image.transfer_syntax), nested, _written(below, image.transfer_syntax))
    return Encoded(image.sop_class, str(dataset.SOPInstanceUID), image.transfer_syntax, b"".join(parts))


def disguised(
    images: Iterable[Encoded],
    *,
    patient_id: str | None = None,
    new_instances: bool = False,
    other_pixels: bool = False,
) -> list[Encoded]:
    """
    The same images as a stranger's.

    Args:
        images: Uncompressed ones; StudyInstanceUID and SeriesInstanceUID stay.
        patient_id: Another PatientID; None: the right one.
        new_instances: Under other SOPInstanceUIDs, always the same for the same images.
        other_pixels: Every bit of PixelData turned.
    """
    found = []
    for image in images:
        dataset = read_dataset(BytesIO(image.data), image.transfer_syntax == IMPLICIT, True)
        if patient_id is not None:
            dataset.PatientID = patient_id
        if new_instances:
            dataset.SOPInstanceUID = stable_uid(STRANGER, image.sop_instance)
        if other_pixels and "PixelData" in dataset:
            dataset.PixelData = bytes(byte ^ 0xFF for byte in dataset.PixelData)
        data = _written(dataset, image.transfer_syntax)
        found.append(Encoded(image.sop_class, str(dataset.SOPInstanceUID), image.transfer_syntax, data))
    return found


def push(
    images: Sequence[Encoded],
    to: Pacs,
    ae_title: str = STRANGER,
    *,
    originator: Originator | None = None,
    address: str = "",
) -> int:
    """
    Send images by C-STORE over one association.

    Args:
        images: What to send.
        to: The receiver.
        ae_title: As whom.
        originator: Of a C-MOVE that nobody asked for, if one is to be pretended.
        address: Of ours, from which they come; empty: the system's choice.

    Returns:
        How many were taken.

    Raises:
        PacsUnreachableError: There is no association, or it was lost.
    """
    offered = {(one.sop_class, syntax) for one in images for syntax in _syntaxes(one)}
    contexts = [(sop_class, (syntax,)) for sop_class, syntax in sorted(offered)]
    taken = 0
    with Association(to, ae_title, contexts, address=address) as association:
        for number, one in enumerate(images, start=1):
            context_id = association.accepted(one.sop_class).get(one.transfer_syntax)
            if context_id is None:
                continue
            status = association.store_bytes(
                one.sop_class,
                one.sop_instance,
                one.data,
                context_id,
                message_id=number % 65535 + 1,
                originator=originator,
            )
            taken += status == SUCCESS
    return taken


@contextmanager
def idle_associations(to: Pacs, number: int, ae_title: str = STRANGER) -> Iterator[int]:
    """
    Associations that are opened and never used, for as long as the block runs; gives how many were accepted.

    A receiver has a thread for each (Orthanc: ``DicomThreadsCount``) until its time-out
    (``DicomScpTimeout``).
    """
    with ExitStack() as stack:
        opened = 0
        for _ in range(number):
            with suppress(PacsUnreachableError):
                stack.enter_context(Association(to, ae_title, [(_VERIFICATION, NATIVE)]))
                opened += 1
        yield opened


class EndlessPush(threading.Thread):
    """
    A C-STORE whose data set comes byte by byte and never ends; begun by ``start()``, given up by ``end()``.

    Attributes:
        sent: Bytes so far.
        error: Why it ended before it was given up; None while it goes on.
    """

    def __init__(
        self, image: Encoded, to: Pacs, ae_title: str = STRANGER, *, chunk: int = 16, pause_s: float = 0.5
    ) -> None:
        """
        Prepare.

        Args:
            image: Its bytes are sent again and again.
            to: The receiver.
            ae_title: As whom.
            chunk: Bytes at a time.
            pause_s: Between two chunks.
        """
        super().__init__(name="endless push", daemon=True)
        self._image, self._to, self._calling = image, to, ae_title
        self._chunk, self._pause_s = chunk, pause_s
        self._ended = threading.Event()
        self.sent = 0
        self.error: str | None = None

    def run(self) -> None:
        """Until ``end()`` or the other side hangs up."""
        contexts = [(self._image.sop_class, (self._image.transfer_syntax,))]
        try:
            with Association(self._to, self._calling, contexts) as association:
                context_id = association.accepted(self._image.sop_class)[self._image.transfer_syntax]
                association.begin_store(self._image.sop_class, self._image.sop_instance, context_id)
                while not self._ended.wait(self._pause_s):
                    place = self.sent % max(1, len(self._image.data) - self._chunk)
                    association.send_fragment(self._image.data[place : place + self._chunk], context_id)
                    self.sent += self._chunk
                raise _GivenUpError  # which aborts: nobody waits for an answer
        except _GivenUpError:
            return
        except (PacsUnreachableError, KeyError) as error:
            self.error = str(error)

    def end(self) -> None:
        """Hang up."""
        self._ended.set()
        self.join()


class _GivenUpError(Exception):
    """The sender hangs up in the middle."""


def _syntaxes(image: Encoded) -> tuple[str, ...]:
    return NATIVE if image.transfer_syntax in NATIVE else (image.transfer_syntax,)


def _written(dataset: Dataset, transfer_syntax: str) -> bytes:
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, transfer_syntax == IMPLICIT
    write_dataset(buffer, dataset)
    return buffer.getvalue()
