"""
The header of a stored image, read from its file by ourselves.

Orthanc 1.10.1 is not asked for it: its HTTP threads have a stack of 100 KB, and whatever parses an object
there (``simplified-tags``, ``content``) ends the process at some fifty nested sequences.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import NamedTuple

from pacs_module.shared.dicom_header import MAX_DEPTH, READ_OF_RECEIVED, Header, Unreadable, read_header

from .first_bytes import HEAD_BYTES, Said, Stamp, said_by, stamp_of
from .nesting import look
from .orthanc_client import InstanceHere, OrthancClient, absent_as_none

__all__ = ["MAX_DEPTH", "Header", "StoredFiles", "Unreadable", "read_header"]

_REMEMBERED = 20_000


class _Look(NamedTuple):
    """What a first look at a file has found."""

    deeper: bool = False
    said: Said | None = None
    stamp: Stamp | None = None


class StoredFiles:
    """
    Reads headers.

    Args:
        storage: Orthanc's StorageDirectory, None when its files cannot be read as they are (compressed).
        rest: For the bytes of a file that cannot be opened.
    """

    def __init__(self, storage: Path | None, rest: OrthancClient) -> None:
        self._storage = storage
        self._rest = rest
        self._looks: dict[str, _Look] = {}
        """
        By the name of the file, which Orthanc gives to nothing else: a study is looked at several times.
        """

    def header(self, instance: InstanceHere) -> Header | Unreadable | None:
        """
        What is asked of a received image out of its header, or why it cannot be read; None when the image is
        gone.

        Raises:
            RetriableError: Orthanc is away.
        """
        if self.is_poison(instance):
            return Unreadable(f"more than {MAX_DEPTH} nested sequences")
        path = self.path(instance)
        try:
            if path:
                with open(path, "rb") as file:
                    return read_header(file, READ_OF_RECEIVED)
        except OSError:  # just overwritten, or another mount
            pass
        content = absent_as_none(lambda: self._rest.get_bytes(f"/instances/{instance.orthanc_id}/file"))
        return None if content is None else read_header(io.BytesIO(content), READ_OF_RECEIVED)

    def content(self, instance: InstanceHere) -> bytes | None:
        """
        The whole file; None when the image is gone.

        Raises:
            RetriableError: Orthanc is away.
        """
        path = self.path(instance)
        try:
            if path:
                with open(path, "rb") as file:
                    return file.read()
        except OSError:  # just overwritten, or another mount
            pass
        return absent_as_none(lambda: self._rest.get_bytes(f"/instances/{instance.orthanc_id}/file"))

    def is_poison(self, instance: InstanceHere) -> bool:
        """
        Whether an image has more nested sequences than whoever reads it after us can bear.

        None is where the files cannot be read as they are.
        """
        if self._storage is None:
            return False
        return self._look(instance).deeper

    def says(self, instance: InstanceHere, stamp: Stamp) -> Said | None:
        """
        Who the file said that it is when it was looked at; None where it was not, or is another one by now.

        Args:
            instance: The image.
            stamp: Of the file as it is now, or of a hard link to it.
        """
        known = self._looks.get(instance.file)
        return known.said if known is not None and known.stamp == stamp else None

    def _look(self, instance: InstanceHere) -> _Look:
        known = self._looks.get(instance.file)
        if known is None:
            if len(self._looks) >= _REMEMBERED:
                self._looks.clear()
            known = self._looks[instance.file] = _looked_at(self.path(instance))
        return known

    def path(self, instance: InstanceHere) -> str:
        """Where Orthanc keeps the file; empty where that cannot be read as it is."""
        name = instance.file
        return f"{self._storage}/{name[0:2]}/{name[2:4]}/{name}" if self._storage is not None else ""


def _looked_at(path: str) -> _Look:
    seen = look(path, MAX_DEPTH)
    if seen is None:
        return _Look()
    return _Look(seen.deeper, said_by(seen.head[:HEAD_BYTES]), stamp_of(seen.status))
