"""
A destination by plain HTTP: PUT, one form (multipart/form-data), or in resumable pieces (tus 1.0).

Where the platform can rename (WebDAV MOVE, RFC 4918 9.9), an image is sent under ``NAME~part``, compared
there, and only then gets its name: half an image is never seen. What it has is compared by its own checksum
(``Repr-Digest``, RFC 9530), else by reading it back; an ETag says nothing of the bytes. One that knows no
HEAD is asked by a GET of one byte; where it knows no GET either, what it answered to the upload has to do.
"""

from __future__ import annotations

import base64
import hashlib
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import BinaryIO
from urllib.parse import quote, urljoin, urlsplit

from ...domain.errors import PermanentError, Refused, RetriableError, Unreachable, about
from ...domain.json_messages.json_text import MIB, JsonLimits
from ...domain.upload.files import ImagePlace, Lacking, UploadFile
from ...shared.http import Answer, HttpLink, address_of, checked, redirected
from .lanes import Lanes
from .pacing import PIECE, Digests, PacedFile, Pacer

PUT, FORM, TUS = "put", "form", "resumable"
PART = "~part"
"""Behind the name of an image that is not whole yet; no name of ours has it (:func:`escaped`)."""
_DICOM = "application/dicom"
_TUS = {"Tus-Resumable": "1.0.0"}
_CREATED, _PARTIAL, _CONFLICT, _NOT_FOUND, _GONE = 201, 206, 409, 404, 410
_NO_METHOD = frozenset({405, 501})
_ONE_BYTE = {"Range": "bytes=0-0"}
_ITS_FAULT = frozenset({400, 406, 411, 413, 414, 415, 422})
"""Statuses that blame the image and no other."""
_MAX_DIGITS = 18
_LIST = JsonLimits(size=64 * MIB, values=2_000_000)
_MOST_TAKEN = 100_000
"""Forgotten beyond that: what is not known to be there is sent again."""
_RESUMES = 5
"""How often one image is resumed after a broken connection, in one try."""


@dataclass(frozen=True)
class HttpPlace:
    """
    Where and how.

    Args:
        url: The folder that names are put behind; for tus and forms the address that takes uploads is
            ``post_url``.
        mode: put, form or resumable.
        post_url: Where forms and tus uploads go; empty: ``url``.
        staged: It can rename.
        timeout: Seconds for an answer.
        piece: Bytes of a piece of a resumable upload.
        list_url: Asked by StudyInstanceUID for the images that it has; empty: it offers no list.
    """

    url: str
    mode: str = PUT
    post_url: str = ""
    staged: bool = True
    timeout: float = 60.0
    piece: int = 8 * 2**20
    list_url: str = ""


@dataclass
class HttpUploader:
    """A connection for each lane: the link keeps them by thread."""

    place: HttpPlace
    link: HttpLink
    pacer: Pacer = field(default_factory=Pacer)
    lanes: Lanes = field(default_factory=Lanes)
    _digests: Digests = field(default_factory=lambda: Digests("sha256"))
    _unasked: bool = False
    """It knew no way to be asked, the last time."""
    _heads: bool = True
    """It knows HEAD, as far as we have heard."""
    _taken: set[tuple[str, str]] = field(default_factory=set)
    """Path and address of what it acknowledged, of late."""
    _begun: dict[str, str] = field(default_factory=dict)
    """Addresses of resumable uploads that are not at their end, by path and name."""

    def put(self, files: Sequence[UploadFile]) -> list[Lacking]:
        """Bring images there, several at once."""
        with self._about():
            told = self.lanes.each(self._send, files)
        return [Lacking(file, why) for file, why in zip(files, told, strict=True) if why]

    def missing(self, files: Sequence[UploadFile]) -> list[Lacking]:
        """Ask for each image by its name."""
        with self._about():
            told = self.lanes.each(lambda file: self._differs(file, self._url(file.name)), files)
        return [Lacking(file, why) for file, why in zip(files, told, strict=True) if why]

    @property
    def proof(self) -> str:
        """A checksum, as long as it can be asked; else the answers to our uploads."""
        return "answer" if self._unasked else "checksum"

    def list_images(self, place: ImagePlace) -> frozenset[str] | None:
        """By the platform's own API, where the settings name it: ``{"images": [SOPInstanceUID ...]}``."""
        if not self.place.list_url:
            return None
        with self._about():
            answer = self.link.call(
                "GET",
                self.place.list_url,
                params={"StudyInstanceUID": place.study_uid},
                timeout=self.place.timeout,
            )
            if answer.status == _NOT_FOUND:
                return frozenset()
            told = checked(self.link.who, answer).json(_LIST)
        images = told.get("images") if isinstance(told, Mapping) else None
        if not isinstance(images, list):
            raise RetriableError(f"{self.link.who} tells no list of images")
        return frozenset(str(one) for one in images)

    def close(self) -> None:
        """Nothing: the link keeps its connection for its thread."""

    def _about(self) -> AbstractContextManager[None]:
        return about(f"destination at {address_of(self.place.url)}")

    def _send(self, file: UploadFile) -> str:
        """Why the destination refuses this image; empty: it has it."""
        name = f"{file.name}{PART}" if self.place.staged else file.name
        answer = {PUT: self._put_one, FORM: self._post_form, TUS: self._resumable}[self.place.mode](
            file, name
        )
        if answer.status in _ITS_FAULT:
            return f"answered {answer.status}: {answer.words}"
        if answer.status != _CONFLICT:  # it is there already: whether it is whole is looked at
            checked(self.link.who, answer)
            self._take(file, name)
        if self.place.staged:
            self._make_visible(file, name)
        return ""

    def _take(self, file: UploadFile, name: str) -> None:
        """Remember that it was acknowledged under a name."""
        if len(self._taken) >= _MOST_TAKEN:
            self._taken = set()  # not emptied: another lane may look at it
        self._taken.add((file.path, self._url(name)))

    def _make_visible(self, file: UploadFile, name: str) -> None:
        why = self._differs(file, self._url(name))
        if why:
            self.link.call("DELETE", self._url(name), timeout=self.place.timeout)
            raise RetriableError(f"{self.link.who} took an image and has it otherwise", why)
        headers = {"Destination": self._url(file.name), "Overwrite": "T"}
        answer = self.link.call("MOVE", self._url(name), headers=headers, timeout=self.place.timeout)
        checked(self.link.who, answer)
        self._take(file, file.name)

    def _put_one(self, file: UploadFile, name: str) -> Answer:
        digest = self._digests.of(file.path)
        with _opened(file) as content:
            return self.link.call(
                "PUT",
                self._url(name),
                data=PacedFile(content, file.size, self.pacer),
                headers={"Content-Type": _DICOM, "Repr-Digest": told_digest(digest)},
                timeout=self.place.timeout,
            )

    def _post_form(self, file: UploadFile, name: str) -> Answer:
        digest = self._digests.of(file.path).hex()
        with _opened(file) as content:
            form = _Form({"name": name, "sha256": digest}, PacedFile(content, file.size, self.pacer))
            return self.link.call(
                "POST",
                self._post_url,
                data=form,
                headers={"Content-Type": form.media_type},
                timeout=self.place.timeout,
            )

    # --- resumable: https://tus.io/protocols/resumable-upload, version 1.0 ---

    def _resumable(self, file: UploadFile, name: str) -> Answer:
        key = f"{file.path}\n{name}"
        where, offset = self._go_on(key, file.size)
        if not where:
            answer = self._create(file, name)
            if answer.status != _CREATED:
                return answer
            where, offset = self._place_of(answer), 0
            self._begun[key] = where
        answer = self._pieces(file, where, offset)
        self._begun.pop(key, None)
        return answer

    def _create(self, file: UploadFile, name: str) -> Answer:
        digest = self._digests.of(file.path).hex()
        told = {"filename": name, "filetype": _DICOM, "sha256": digest}
        metadata = ",".join(
            f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in told.items()
        )
        headers = {**_TUS, "Upload-Length": str(file.size), "Upload-Metadata": metadata}
        return self.link.call("POST", self._post_url, headers=headers, timeout=self.place.timeout)

    def _place_of(self, answer: Answer) -> str:
        """
        Where an upload that was created goes on.

        Raises:
            Refused: At another server, or nowhere: only the one that was asked gets images and keys.
        """
        told = answer.headers.get("Location", "")
        where = urljoin(self._post_url, told)
        if not told or urlsplit(where)[:2] != urlsplit(self._post_url)[:2]:
            raise Refused(self.link.who, answer.status, redirected(answer))
        return where

    def _go_on(self, key: str, size: int) -> tuple[str, int]:
        """The address of an upload that was begun, and how many bytes it has; empty: there is none."""
        where = self._begun.get(key, "")
        offset = self._offset(where, size) if where else None
        if offset is None:
            self._begun.pop(key, None)
            return "", 0
        return where, offset

    def _offset(self, where: str, size: int) -> int | None:
        """How many bytes of an upload are there; None where that is not told, or cannot be true."""
        answer = self.link.call("HEAD", where, headers=_TUS, timeout=self.place.timeout)
        told = read_size(answer.headers.get("Upload-Offset", ""))
        return told if answer.ok and told is not None and told <= size else None

    def _pieces(self, file: UploadFile, where: str, offset: int) -> Answer:
        resumed = 0
        while True:
            try:
                answer = self._piece(file, where, offset)
            except Unreachable:
                raise
            except RetriableError:
                resumed += 1
                there = self._offset(where, file.size) if resumed <= _RESUMES else None
                if there is None:
                    raise
                offset = there
                continue
            if not answer.ok:
                return answer
            offset += min(self.place.piece, file.size - offset)
            if offset >= file.size:
                return answer

    def _piece(self, file: UploadFile, where: str, offset: int) -> Answer:
        size = min(self.place.piece, file.size - offset)
        headers = {**_TUS, "Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
        with _opened(file) as content:
            content.seek(offset)
            body = PacedFile(content, size, self.pacer)
            return self.link.call("PATCH", where, data=body, headers=headers, timeout=self.place.timeout)

    # --- what is there ---

    def _differs(self, file: UploadFile, url: str) -> str:
        """Why what lies at an address is not this image; empty: it is."""
        answer = self._look(file, url)
        self._unasked = answer.status in _NO_METHOD
        if self._unasked:
            return "" if (file.path, url) in self._taken else "this process has no upload of it acknowledged"
        if answer.status in (_NOT_FOUND, _GONE):
            return "not there"
        checked(self.link.who, answer)
        length = _size_told(answer)
        if length is not None and length != file.size:
            return f"{length} of {file.size} bytes"
        return self._compare_bytes(file, url, answer)

    def _look(self, file: UploadFile, url: str) -> Answer:
        """Status and headers of what lies at an address: by HEAD, or by a GET of one byte."""
        if self._heads:
            answer = self.link.call("HEAD", url, timeout=self.place.timeout)
            if answer.status not in _NO_METHOD:
                return answer
            self._heads = False
        return self._whole_link(file.size).call("GET", url, headers=_ONE_BYTE, timeout=self.place.timeout)

    def _compare_bytes(self, file: UploadFile, url: str, answer: Answer) -> str:
        """By the digest that the server tells, or by reading it back."""
        wanted = self._digests.of(file.path)
        told = read_digest(answer.headers)
        there = told if told is not None else self._read_back(url, file.size)
        return "" if there == wanted else "other bytes"

    def _read_back(self, url: str, size: int) -> bytes:
        answer = checked(
            self.link.who, self._whole_link(size).call("GET", url, timeout=self.place.timeout)
        )
        return hashlib.sha256(answer.body).digest()

    def _whole_link(self, size: int) -> HttpLink:
        """One whose answers may be as long as an image."""
        link = self.link
        return HttpLink(link.who, link.headers, link.auth, link.proxy, link.ca_file, size + 1)

    def _url(self, name: str) -> str:
        return f"{self.place.url.rstrip('/')}/{quote(name)}"

    @property
    def _post_url(self) -> str:
        return self.place.post_url or self.place.url


class _Form:
    """multipart/form-data (RFC 7578): texts, then the file, read at the pace of the line."""

    def __init__(self, texts: Mapping[str, str], file: PacedFile) -> None:
        boundary = uuid.uuid4().hex
        self.media_type = f"multipart/form-data; boundary={boundary}"
        head = "".join(
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'
            for name, text in texts.items()
        )
        head += f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="image.dcm"\r\n'
        self._head = f"{head}Content-Type: {_DICOM}\r\n\r\n".encode()
        self._tail = f"\r\n--{boundary}--\r\n".encode()
        self._file = file

    def __len__(self) -> int:
        return len(self._head) + len(self._file) + len(self._tail)

    def __iter__(self) -> Iterator[bytes]:
        yield self._head
        while data := self._file.read(PIECE):
            yield data
        yield self._tail


def told_digest(digest: bytes) -> str:
    """As Repr-Digest has it (RFC 9530)."""
    return f"sha-256=:{base64.b64encode(digest).decode()}:"


def read_size(text: str) -> int | None:
    """A number of bytes as a server tells it; None for what is none, or is absurd."""
    plain = text.strip()
    return int(plain) if plain.isascii() and plain.isdigit() and len(plain) <= _MAX_DIGITS else None


def _size_told(answer: Answer) -> int | None:
    """Of the whole: behind the slash of Content-Range, where only a part was asked for (RFC 9110 14.4)."""
    if answer.status == _PARTIAL:
        return read_size(answer.headers.get("Content-Range", "").rpartition("/")[2])
    return read_size(answer.headers.get("Content-Length", ""))


def read_digest(headers: Mapping[str, str]) -> bytes | None:
    """The SHA-256 that a server tells of what it has; None: it tells none."""
    for part in headers.get("Repr-Digest", "").split(","):
        kind, _, value = part.strip().partition("=:")
        if kind.lower() == "sha-256":
            try:
                return base64.b64decode(value.rstrip(":"), validate=True)
            except ValueError:  # no base64, or no ASCII
                return None
    return None


def _opened(file: UploadFile) -> BinaryIO:
    try:
        return open(file.path, "rb")
    except OSError as error:
        raise PermanentError(f"an image cannot be read: {error.strerror}", file.path) from error
