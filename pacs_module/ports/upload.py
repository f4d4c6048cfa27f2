"""A destination beside the AI backend, and the files that go there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from ..domain.upload.cache_limits import Cached
from ..domain.upload.files import ImagePlace, Lacking, UploadFile
from ..domain.upload.storage_path import StoragePath


class Uploader(Protocol):
    """
    The way to a destination, which its workers share: several threads may use it at once.

    Everything may be done again: what is there already is left or written over with the same bytes.
    """

    @property
    def proof(self) -> str:
        """
        By what :meth:`missing` knew, the last time: ``checksum``, ``size``, ``list``, ``find``,
        ``commitment``, ``status`` or ``answer``.
        """
        ...

    def put(self, files: Sequence[UploadFile]) -> list[Lacking]:
        """
        Bring images there. Where the protocol lets it, one is seen under its name only when it is whole.

        Returns:
            Those that the destination refused for good; all others are there, as far as it says.

        Raises:
            Unreachable: Nobody answers.
            Busy: It says "not now".
            Refused: It refuses us, not an image: a wrong key, a wrong address.
            RetriableError: The connection broke, or it failed.
        """
        ...

    def missing(self, files: Sequence[UploadFile]) -> list[Lacking]:
        """
        Those that are not there as they are here, by what the destination itself says now.

        Raises:
            RetriableError: It could not be asked; and as :meth:`put`.
        """
        ...

    def list_images(self, place: ImagePlace) -> frozenset[str] | None:
        """
        SOPInstanceUIDs that its own list shows in a place; None: it offers no list.

        Raises:
            RetriableError: It could not be asked; and as :meth:`put`.
        """
        ...

    def close(self) -> None:
        """Close connections."""
        ...


class UploadSource(Protocol):
    """The files of hand-overs, to be sent."""

    def facts(self, folder: str) -> tuple[Mapping[str, str], ...]:
        """
        Attributes of the first image of each series in a hand-over's folder, by keyword.

        Raises:
            FilesGone: The folder is not there.
            RetriableError: It cannot be read.
        """
        ...

    def images(self, folder: str, names: StoragePath, hospital: str) -> list[UploadFile]:
        """
        All images below a folder, each with its name at a destination.

        Raises:
            FilesGone: The folder is not there.
            PermanentError: A file in it is no image, or has no usable name.
            RetriableError: It cannot be read.
        """
        ...


class UploadCache(Protocol):
    """The offline cache: copies of hand-overs on disk, until the last destination has them."""

    def keep(self, handover_id: str, study_uid: str, folder: str, at: int) -> Cached:
        """
        Copy a hand-over's folder, whole or not at all, and safe from a loss of power; one that is there is
        not copied again.

        Raises:
            FilesGone: The folder is not there.
            RetriableError: The cache cannot be written.
        """
        ...

    def size_of(self, folder: str) -> tuple[int, int]:
        """
        Files and bytes in a hand-over's folder.

        Raises:
            FilesGone: The folder is not there.
        """
        ...

    def folder(self, handover_id: str) -> str:
        """Where its copy lies."""
        ...

    def all(self) -> Sequence[Cached]:
        """What is in it."""
        ...

    def remove(self, handover_id: str) -> None:
        """The copy is needed no more; one that is gone is no error."""
        ...

    def sweep(self, kept: Iterable[str]) -> list[str]:
        """Remove half copies, and those of hand-overs that are not kept; which."""
        ...
