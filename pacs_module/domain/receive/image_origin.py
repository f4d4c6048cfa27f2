"""Where an image comes from: its sender, its PatientID, and what the PACS says of it (K1)."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import ip_address

from ..dicom.attributes import FULL_WIDTH, unpadded, without_unseen
from ..dicom.text_repair import readable

_MAPPED = "::ffff:"


@dataclass(frozen=True, order=True)
class Sender:
    """Who sent an image: calling AE title and address of the association; both may be empty."""

    ae_title: str = ""
    address: str = ""

    @property
    def words(self) -> str:
        """``NODE2 at 192.168.1.7``."""
        return f"{self.ae_title or 'no AE title'} at {self.address or 'no address'}"


@dataclass(frozen=True)
class KnownSenders:
    """Senders that speak for a PACS; an empty AE title or address stands for any."""

    entries: frozenset[Sender] = frozenset()

    def knows(self, sender: Sender) -> bool:
        """Whether images of this sender are the PACS's."""
        if not sender.ae_title:
            return False  # not by DICOM
        ae_title, address = sender.ae_title.strip(), _plain_address(sender.address)
        named = (sender, Sender(ae_title, address), Sender(ae_title), Sender("", address))
        return any(one in self.entries for one in named)

    def __or__(self, other: KnownSenders) -> KnownSenders:
        return KnownSenders(self.entries | other.entries)


def read_senders(texts: Iterable[str]) -> KnownSenders:
    """Read ``AET``, ``AET@address``, ``@address`` and an IP address."""
    return KnownSenders(frozenset(map(_read_sender, texts)) - {Sender()})


def _read_sender(text: str) -> Sender:
    if _is_address(text.strip()):
        return Sender(address=_plain_address(text))
    ae_title, _, address = text.partition("@")
    return Sender(ae_title.strip(), _plain_address(address))


def _plain_address(text: str) -> str:
    """An address as it is compared: ``::ffff:10.0.0.1`` is 10.0.0.1, which a socket of both kinds tells."""
    bare = text.strip()
    return bare.lower().removeprefix(_MAPPED) if bare.lower().startswith(_MAPPED) and "." in bare else bare


@lru_cache(maxsize=1024)  # a study has some thousand images of one patient
def patient_key(patient_id: str) -> str:
    """
    A PatientID as it is compared: without padding, and where it is not ASCII as it was meant.

    The finder and Orthanc may read the same bytes by two character sets; that is no other patient. Nor are
    characters that nobody sees, as a form that was pasted leaves them.
    """
    bare = unpadded(patient_id)
    if bare.isascii():
        return bare
    meant = unicodedata.normalize("NFC", readable(bare).translate(FULL_WIDTH))
    return unpadded(without_unseen(meant))


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


@dataclass(frozen=True)
class Image:
    """
    One stored image.

    Args:
        orthanc_id: Of this copy.
        sop_uid: SOPInstanceUID.
        series_uid: SeriesInstanceUID.
        patient_id: PatientID (0010,0020) as in the header.
        sender: Who sent this copy.
        in_pull: It came since the pull was asked for; of images without a pull always true.
        repeated: It came more than once since then: an earlier copy was overwritten.
    """

    orthanc_id: str
    sop_uid: str
    series_uid: str
    patient_id: str
    sender: Sender = Sender()
    in_pull: bool = True
    repeated: bool = False

    @property
    def patient(self) -> str:
        """PatientID without its padding; capitals matter (VR LO, PS3.5 6.2)."""
        return unpadded(self.patient_id)

    @property
    def who(self) -> str:
        """The PatientID to compare by."""
        return patient_key(self.patient_id)

    @property
    def came_twice(self) -> bool:
        """Two copies came in this pull, and the later one has overwritten the other."""
        return self.repeated and self.in_pull


@dataclass(frozen=True)
class PacsWord:
    """
    What the PACS answers when it is asked about a study that is here.

    Args:
        patient_id: Of the study; None: not told.
        study: Instances of the study; None: not told.
        series: Instances by SeriesInstanceUID, as far as told.
        sop_uids: SOPInstanceUIDs by SeriesInstanceUID, of the series that it listed.
        whole: By SeriesInstanceUID whether its list is whole, where images that are here and not in the list
            were asked for by their own UIDs.
    """

    patient_id: str | None = None
    study: int | None = None
    series: Mapping[str, int] = field(default_factory=dict)
    sop_uids: Mapping[str, frozenset[str]] = field(default_factory=dict)
    whole: Mapping[str, bool] = field(default_factory=dict)

    def has(self, image: Image) -> bool | None:
        """Whether the PACS has this image; None: it did not list its series, or its list may be cut."""
        listed = self.sop_uids.get(image.series_uid)
        if not listed:
            return None
        if image.sop_uid in listed:
            return True
        return False if self._is_whole(image.series_uid, len(listed)) else None

    def _is_whole(self, series_uid: str, listed: int) -> bool:
        """
        Whether what a list does not have the PACS does not have: by the control, else by the count. A list
        may be cut at any number.
        """
        controlled = self.whole.get(series_uid)
        return controlled if controlled is not None else 0 < self.series.get(series_uid, 0) <= listed

    def is_other_patient(self, image: Image) -> bool:
        """Whether the PACS has the study under another PatientID."""
        return bool(self.patient_id) and patient_key(self.patient_id or "") != image.who
