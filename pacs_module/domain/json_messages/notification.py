"""
The notification of a hand-over (operator contract, section 4): plugins, pacs_module, RabbitMQ, backend.

The contract's keys stand first, letter by letter; ours stand behind them; keys that nobody here knows are
kept and passed on. It is validated once, where it arrives: an acknowledged notification cannot be rejected
later.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from ..errors import MessageError
from .documents import named, to_document, wire_names
from .messages import IMAGES, ReceptionNote, SeriesFolder, SeriesReport
from .reading import read_message
from .uid_syntax import checked_handover_id, checked_uid

PRIORITIES = (0, 1, 2, 4)
"""Routine, green channel, emergency, manual."""
MAX_IMAGES = 2**31
MAX_TEXT = 4_096
MAX_MORE = 100
_LAST_UPDATE = "%Y%m%dT%H%M%S"


@dataclass(frozen=True)
class Notification:
    """
    One hand-over, or (another ``statecode`` than 800) the word that a whole study was filtered out.

    Args:
        study_uid: StudyInstanceUID.
        series_uid: Of the first series; empty only where nothing is handed over.
        number_received: Images in the hand-over.
        statecode: 800: images to compute.
        message: Why there is nothing to compute.
        filepath: Folder of the images, as pacs_module and the backend see it.
        calling_ae_title: Who sent the images.
        calling_address: From which address.
        series_count: Series in the hand-over.
        received_seconds: From the first image to now, in seconds, as text.
        priority: 0 routine, 1 green channel, 2 emergency, 4 manual.
        is_push: 1: the images came without our asking.
        last_update_time: YYYYMMDDTHHMMSS in the hospital's time zone.
        handover_id: 32 hexadecimal digits; the same at each repeat.
        pull_id: Of the pull that brought the images; empty: none did.
        completeness: COMPLETE, UNVERIFIED, SHORT n of m, MORE n of m.
        series: Each series with its folder, in the hand-over's order.
        reports: Each series of the study as it was judged.
        identity: Of a study that came unasked: DICOM keywords to text.
        announced: What such a study was counted against: ``pacs`` and ``expected``; empty for a pull and
            where no PACS knows it.
        notes: What a reader of the study's history must know.
        patient_ids: PatientIDs in the hand-over, where there is more than one.
        receiver: The receiving Orthanc that has the folder, where there are several; empty: there is one.
        more: Keys that are not known here, as they came.
    """

    study_uid: str
    series_uid: str
    number_received: int
    statecode: int
    message: str = ""
    filepath: str = ""
    calling_ae_title: str = named("callingAPTitle", default="")
    calling_address: str = named("callingPresentationAddress", default="")
    series_count: int = named("seriesnum", default=0)
    received_seconds: str = named("totalRecievedtime", default="")
    priority: int = named("priorities", default=0)
    is_push: int = 0
    last_update_time: str = ""
    handover_id: str = ""
    pull_id: str = ""
    completeness: str = ""
    series: tuple[SeriesFolder, ...] = ()
    reports: tuple[SeriesReport, ...] = named("seriesReports", default=())
    identity: dict[str, str] = field(default_factory=dict)
    announced: dict[str, Any] = field(default_factory=dict)
    notes: tuple[ReceptionNote, ...] = ()
    patient_ids: tuple[str, ...] = named("patientIDs", default=())
    receiver: str = ""
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def has_images(self) -> bool:
        """Whether there are images to compute; else the whole study was filtered out."""
        return self.statecode == IMAGES

    @property
    def pushed_against(self) -> tuple[str, int | None] | None:
        """The PACS that a study which came unasked was counted against, and what it has; None: none."""
        pacs, expected = self.announced.get("pacs"), self.announced.get("expected")
        return (pacs, expected) if pacs else None

    def to_message(self) -> dict[str, Any]:
        """As it is sent: the contract's keys first; the only receiver needs no name."""
        document: dict[str, Any] = to_document(replace(self, more={}))
        del document["more"]
        if not self.receiver:
            del document["receiver"]
        return {**document, **self.more}


KEYS = frozenset(wire_names(Notification).values()) - {"more"}
_MANDATORY = (
    "studyUID",
    "seriesUID",
    "numberReceived",
    "statecode",
    "filepath",
    "priorities",
    "isPush",
    "handoverID",
)


def read_notification(message: Mapping[str, Any]) -> Notification:
    """
    Check a notification where it arrives.

    Raises:
        MessageError: A key is missing, of the wrong kind, or holds what cannot be right.
    """
    known: Mapping[str, Any] = message
    more: dict[str, Any] = {}
    if isinstance(message, Mapping):
        _check_mandatory(message)
        known = {key: value for key, value in message.items() if key in KEYS}
        more = {key: value for key, value in message.items() if key not in KEYS}
    read = replace(read_message(Notification, known), more=more)
    _check_values(read)
    _check_texts(read)
    _check_series(read)
    _check_announced(read)
    return read


def _check_mandatory(message: Mapping[str, Any]) -> None:
    for key in _MANDATORY:
        if message.get(key) is None:
            raise MessageError(key, None, "a notification needs it")


def checked_path(key: str, text: str) -> str:
    """
    A folder's path as it is.

    Raises:
        MessageError: It is not absolute, or has parts that lead elsewhere.
    """
    parts = text.split("/")[1:]
    plain = text.startswith("/") and text.isprintable() and 1 < len(text) <= MAX_TEXT
    if not plain or any(part in ("", ".", "..") for part in parts[:-1]) or parts[-1] in (".", ".."):
        raise MessageError(key, text, "an absolute path without . and ..")
    return text


def is_below(path: str, folder: str) -> bool:
    """Whether a path is that folder or lies below it, by its words alone."""
    base = folder.rstrip("/")
    return path.rstrip("/") == base or path.startswith(f"{base}/")


def _check_values(read: Notification) -> None:
    checked_uid("studyUID", read.study_uid)
    checked_handover_id("handoverID", read.handover_id)
    if read.series_uid or read.has_images:
        checked_uid("seriesUID", read.series_uid)
    if read.filepath or read.has_images:
        checked_path("filepath", read.filepath)
    _check_number("numberReceived", read.number_received)
    _check_number("statecode", read.statecode)
    _check_number("seriesnum", read.series_count)
    if read.priority not in PRIORITIES:
        raise MessageError("priorities", read.priority, ", ".join(map(str, PRIORITIES)))
    if read.is_push not in (0, 1):
        raise MessageError("isPush", read.is_push, "0 or 1")
    if read.last_update_time:
        _check_time(read.last_update_time)


def _check_number(key: str, number: int) -> None:
    if not 0 <= number < MAX_IMAGES:
        raise MessageError(key, number, f"0 or more, below {MAX_IMAGES}")


def _check_time(text: str) -> None:
    try:
        # in the hospital's time zone, which it does not name
        datetime.strptime(text, _LAST_UPDATE)  # noqa: DTZ007
    except ValueError as error:
        raise MessageError("lastUpdateTime", text, "YYYYMMDDTHHMMSS") from error


def _check_texts(read: Notification) -> None:
    """Long texts are not cut: a hand-over whose values are not those that were sent is another one."""
    keys = wire_names(Notification)
    texts = {keys[name]: value for name, value in vars(read).items() if isinstance(value, str)}
    texts |= {f"identity.{key}": text for key, text in read.identity.items()}
    for key, text in texts.items():
        if len(text) > MAX_TEXT:
            raise MessageError(key, text, f"at most {MAX_TEXT} characters")
    if len(read.more) > MAX_MORE:
        allowed = f"at most {MAX_MORE} keys that are not known"
        raise MessageError("notification", sorted(read.more)[MAX_MORE], allowed)


def _check_series(read: Notification) -> None:
    """The folders lie in the hand-over's own, and their numbers add up to it."""
    for one in read.series:
        _check_folder(one, read.filepath)
    uids = [one.series_uid for one in read.series]
    if not uids:
        return
    if len(set(uids)) < len(uids):
        raise MessageError("series", uids, "each series once")
    if read.series_uid not in uids:
        raise MessageError("seriesUID", read.series_uid, "one of the series that are listed")
    _check_sum(read)


def _check_sum(read: Notification) -> None:
    number = sum(one.number_received for one in read.series)
    if number != read.number_received:
        raise MessageError("numberReceived", read.number_received, f"the sum of its series: {number}")


def _check_folder(one: SeriesFolder, whole: str) -> None:
    checked_uid("series.seriesUID", one.series_uid)
    checked_path("series.filepath", one.filepath)
    if not is_below(one.filepath, whole):
        raise MessageError("series.filepath", one.filepath, f"a folder below {whole}")
    _check_number("series.numberReceived", one.number_received)


def _check_announced(read: Notification) -> None:
    pacs, expected = read.announced.get("pacs", ""), read.announced.get("expected")
    if not isinstance(pacs, str):
        raise MessageError("announced.pacs", pacs, "text")
    if expected is not None and (
        not isinstance(expected, int) or isinstance(expected, bool) or not 0 <= expected < MAX_IMAGES
    ):
        raise MessageError("announced.expected", expected, f"a number from 0, below {MAX_IMAGES}, or nothing")
