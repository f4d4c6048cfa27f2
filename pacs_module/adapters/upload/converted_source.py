"""
Images in the transfer syntax that a destination wants, made when they are sent.

A worker sends one hand-over at a time: its folder holds the images of that one, and is emptied for the next.
An image that cannot be converted, or over which the converting process dies, is sent as it is.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from ...domain.errors import FilesGone, PermanentError, RetriableError
from ...domain.upload.files import UploadFile
from ...domain.upload.storage_path import StoragePath
from ...ports import EventLog, UploadSource
from ..files.reader_process import ReaderProcess

CONVERTED = ".converted"
"""Below the folder of the offline cache: on a disk, not on the RAM disk."""
MEMORY = 2 << 30
SECONDS = 60.0
NICE = 10
"""Converting gives way to receiving and delivering."""


class ConvertedSource:
    """
    Args:
        source: The images as they are.
        form: Of :data:`pacs_module.adapters.files.compression.SYNTAXES`.
        folder: Of this worker alone.
        log: For events.
        reader: The converting process.
    """

    def __init__(
        self,
        source: UploadSource,
        form: str,
        folder: Path,
        log: EventLog,
        reader: ReaderProcess | None = None,
    ) -> None:
        self._source, self._form, self._folder, self._log = source, form, folder, log
        self._reader = reader or ReaderProcess({"nice": NICE}, SECONDS, MEMORY)
        self._of, self._made = "", dict[str, UploadFile]()

    def facts(self, folder: str) -> tuple[Mapping[str, str], ...]:
        """As they are: a transfer syntax changes no header."""
        return self._source.facts(folder)

    def images(self, folder: str, names: StoragePath, hospital: str) -> list[UploadFile]:
        """All images; a repeat for the same folder finds them converted."""
        files = self._source.images(folder, names, hospital)
        try:
            self._begin(folder)
            return [self._converted(file) for file in files]
        except FileNotFoundError as error:
            raise FilesGone(f"the folder {folder} is gone") from error
        except OSError as error:
            raise RetriableError(f"converted images cannot be written: {error.strerror}") from error
        finally:
            self._reader.close()

    def _begin(self, folder: str) -> None:
        if folder == self._of and self._folder.is_dir():
            return
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        self._of, self._made = folder, {}

    def _converted(self, file: UploadFile) -> UploadFile:
        made = self._made.get(file.path)
        if made is None:
            made = self._made[file.path] = self._convert(file)
        return made

    def _convert(self, file: UploadFile) -> UploadFile:
        target = self._folder / f"{len(self._made) + 1:06d}.dcm"
        try:
            told = self._reader.ask("convert", Path(file.path), target, {"form": self._form})
        except PermanentError as error:
            words = "an image is not converted, and sent as it is"
            self._log.event("not_converted", words, "WARNING", sopUID=file.sop_uid, why=str(error))
            return file
        if not told["syntax"]:
            return file
        size = target.stat().st_size
        return replace(file, path=str(target), size=size, transfer_syntax=str(told["syntax"]))
