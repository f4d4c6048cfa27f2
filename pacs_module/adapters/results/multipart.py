"""
A posted body as files, while it comes: one DICOM object, ``multipart/related`` as STOW-RS has it (PS3.18
10.5), or ``multipart/form-data``. The parts are found by python-multipart.
"""

from __future__ import annotations

from email.message import Message
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, MultipartState

from ...domain.errors import MessageError

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

DICOM = "application/dicom"
MULTIPART = ("multipart/related", "multipart/form-data")
MOST_PARTS = 2000


class BodyFiles:
    """
    Writes what comes into files of a folder.

    Args:
        folder: Of this body alone.
        content_type: As the request says it.

    Raises:
        MessageError: It is none of the three.
    """

    def __init__(self, folder: Path, content_type: str) -> None:
        header = Message()
        header["Content-Type"] = content_type
        kind, boundary = header.get_content_type(), header.get_param("boundary")
        self.files: list[Path] = []
        self._folder, self._file, self._parser = folder, None, None
        self._ended = False
        if kind in MULTIPART and isinstance(boundary, str) and boundary:
            self._parser = MultipartParser(boundary.encode("latin-1", "replace"), self._callbacks())
        elif kind == DICOM:
            self._begin()
        else:
            allowed = f"{DICOM}, or {' or '.join(MULTIPART)} with a boundary"
            raise MessageError("Content-Type", content_type[:100], allowed)

    _file: BinaryIO | None
    _parser: MultipartParser | None

    def write(self, piece: bytes) -> None:
        """
        The next piece.

        Raises:
            MessageError: It is no such body.
            OSError: The disk cannot be written.
        """
        if self._parser is None:
            self._data(piece, 0, len(piece))
            return
        try:
            self._parser.write(piece)
        except MultipartParseError as error:
            raise MessageError("body", "(not shown)", f"a multipart body ({error})") from error

    def finish(self) -> list[Path]:
        """
        The files of the whole body.

        Raises:
            MessageError: It broke off.
        """
        self.close()
        if self._parser is not None and self._parser.state is not MultipartState.END:
            raise MessageError("body", "(not shown)", "a multipart body with its last boundary")
        return [file for file in self.files if file.stat().st_size]

    def close(self) -> None:
        """Whatever came."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _callbacks(self) -> MultipartCallbacks:
        return {"on_part_begin": self._begin, "on_part_data": self._data, "on_part_end": self.close}

    def _begin(self) -> None:
        if len(self.files) >= MOST_PARTS:
            raise MessageError("body", f"more than {MOST_PARTS} parts", f"at most {MOST_PARTS}")
        self.files.append(self._folder / f"{len(self.files) + 1:04d}.dcm")
        self._file = open(self.files[-1], "wb")  # noqa: SIM115 - closed at the part's end

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._file is not None:
            self._file.write(data[start:end])
