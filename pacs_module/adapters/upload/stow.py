"""
A DICOMweb destination: STOW-RS (PS3.18 10.5), asked by QIDO-RS (10.6) what it has.

Each answer is read image by image: one that is refused costs only itself.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from ...domain.errors import FilesGone, Refused, RetriableError, about
from ...domain.json_messages.json_text import MIB, JsonLimits
from ...domain.upload.files import ImagePlace, Lacking, UploadFile
from ...shared.http import Answer, HttpLink, address_of, checked
from .pacing import PIECE, PacedFile, Pacer

ANSWER = JsonLimits(size=64 * MIB, values=2_000_000)
"""Of a list of some thousand images."""
_JSON = "application/dicom+json"
_FAILED, _STORED, _REASON = "00081198", "00081199", "00081197"
_SOP, _SERIES_IMAGE = "00081155", "00080018"
_PAGE = 1000
_OK, _ACCEPTED, _NO_CONTENT, _NOT_FOUND, _CONFLICT = 200, 202, 204, 404, 409
_OUT_OF_RESOURCES = range(0xA700, 0xA800)
_PROCESSING = 0x0110


@dataclass(frozen=True)
class StowPlace:
    """``url``: of the DICOMweb service, without ``/studies``; ``timeout``: seconds for an answer."""

    url: str
    timeout: float = 120.0


@dataclass
class StowUploader:
    """One worker's connection."""

    place: StowPlace
    link: HttpLink
    pacer: Pacer = field(default_factory=Pacer)

    def put(self, files: Sequence[UploadFile]) -> list[Lacking]:
        """One request for each study."""
        refused: list[Lacking] = []
        with self._about():
            for study in dict.fromkeys(one.study_uid for one in files):
                refused += self._store(study, [one for one in files if one.study_uid == study])
        return refused

    def missing(self, files: Sequence[UploadFile]) -> list[Lacking]:
        """Ask for the images of each series."""
        wanted = _by_series(files)
        with self._about():
            there = {key: self._images_of(*key, uids) for key, uids in wanted.items()}
        lacking = [one for one in files if one.sop_uid not in there[one.study_uid, one.series_uid]]
        return [Lacking(one, "not there") for one in lacking]

    @property
    def proof(self) -> str:
        """Its own list, by QIDO-RS."""
        return "list"

    def list_images(self, place: ImagePlace) -> frozenset[str]:
        """By QIDO-RS."""
        with self._about():
            each = [self._images_of(place.study_uid, series, None) for series in place.series_uids]
        return frozenset().union(*each)

    def close(self) -> None:
        """Nothing: the link keeps its connection for its thread."""

    def _about(self) -> AbstractContextManager[None]:
        return about(f"destination at {address_of(self.place.url)}")

    def _store(self, study: str, files: Sequence[UploadFile]) -> list[Lacking]:
        body = _Related(files, self.pacer)
        headers = {"Content-Type": body.media_type, "Accept": _JSON}
        url = f"{self.place.url.rstrip('/')}/studies/{study}"
        answer = self.link.call("POST", url, data=body, headers=headers, timeout=self.place.timeout)
        if answer.status != _CONFLICT:
            checked(self.link.who, answer)
        return _read_answer(self.link.who, answer, files)

    def _images_of(self, study: str, series: str, wanted: Collection[str] | None) -> set[str]:
        """
        The SOPInstanceUIDs that it lists, page by page, until all that are wanted are among them: a server's
        pages may be shorter than was asked for. None: all that it has.
        """
        url = f"{self.place.url.rstrip('/')}/studies/{study}/series/{series}/instances"
        found: set[str] = set()
        while True:
            params = {"limit": str(_PAGE), "offset": str(len(found))}
            answer = self.link.call(
                "GET", url, params=params, headers={"Accept": _JSON}, timeout=self.place.timeout
            )
            if answer.status in (_NO_CONTENT, _NOT_FOUND):
                return found
            told = {
                _text(one, _SERIES_IMAGE) for one in _list(checked(self.link.who, answer).json(ANSWER))
            } - {""}
            if not told - found:  # the end, or a server that knows no offset
                return found
            found |= told
            if wanted is not None and found.issuperset(wanted):
                return found


def _read_answer(who: str, answer: Answer, files: Sequence[UploadFile]) -> list[Lacking]:
    """
    Which images it refused for good.

    Raises:
        RetriableError: It failed for a reason that passes, or its answer does not say of each image what
        became of it.
    """
    told = answer.json(ANSWER) if answer.body else {}
    told = told[0] if isinstance(told, list) and told else told
    stored = {_text(one, _SOP) for one in _items(told, _STORED)}
    failed = {_text(one, _SOP): _number(one, _REASON) for one in _items(told, _FAILED)}
    _check_none_passes(who, failed.values())
    silent = [one for one in files if one.sop_uid not in stored and one.sop_uid not in failed]
    if silent and not stored and not failed and answer.status == _CONFLICT:
        raise Refused(who, answer.status, answer.words)
    if silent:
        raise RetriableError(f"{who} does not say what became of {len(silent)} of {len(files)} images")
    return [
        Lacking(one, f"failure reason {failed[one.sop_uid]:04X}") for one in files if one.sop_uid in failed
    ]


def _check_none_passes(who: str, reasons: Iterable[int]) -> None:
    """A reason that passes is one to try again for."""
    passing = [f"{one:04X}" for one in reasons if one in _OUT_OF_RESOURCES or one == _PROCESSING]
    if passing:
        raise RetriableError(f"{who} could not store images now", f"failure reasons {', '.join(passing[:3])}")


class _Related:
    """multipart/related (RFC 2387) with one part for each image, read at the pace of the line."""

    def __init__(self, files: Sequence[UploadFile], pacer: Pacer) -> None:
        self._boundary = uuid.uuid4().hex
        self.media_type = f'multipart/related; type="application/dicom"; boundary={self._boundary}'
        self._files, self._pacer = files, pacer
        self._head = f"--{self._boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
        self._tail = f"--{self._boundary}--\r\n".encode()

    def __len__(self) -> int:
        return sum(len(self._head) + one.size + len(b"\r\n") for one in self._files) + len(self._tail)

    def __iter__(self) -> Iterator[bytes]:
        for one in self._files:
            yield self._head
            yield from _pieces(one, self._pacer)
            yield b"\r\n"
        yield self._tail


def _pieces(file: UploadFile, pacer: Pacer) -> Iterator[bytes]:
    try:
        content = open(file.path, "rb")  # noqa: SIM115 - its errors are told apart from the server's
    except OSError as error:
        raise FilesGone(f"an image cannot be read: {error.strerror}", file.path) from error
    with content:
        paced = PacedFile(content, file.size, pacer)
        while data := paced.read(PIECE):
            yield data


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _items(told: Any, tag: str) -> list[Any]:
    element = told.get(tag) if isinstance(told, Mapping) else None
    return _list(element.get("Value")) if isinstance(element, Mapping) else []


def _first(item: Any, tag: str) -> Any:
    return next(iter(_items(item, tag)), None)


def _text(item: Any, tag: str) -> str:
    return str(_first(item, tag) or "").strip(" \0")


def _number(item: Any, tag: str) -> int:
    value = _first(item, tag)
    return value if isinstance(value, int) else 0


def _by_series(files: Sequence[UploadFile]) -> dict[tuple[str, str], set[str]]:
    """SOPInstanceUIDs by study and series."""
    wanted: dict[tuple[str, str], set[str]] = defaultdict(set)
    for one in files:
        wanted[one.study_uid, one.series_uid].add(one.sop_uid)
    return wanted
