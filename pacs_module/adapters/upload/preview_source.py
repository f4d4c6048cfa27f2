"""
A picture of each series beside its images, where a platform wants one: the middle image, small.

It lies beside the image under its name with ``.png`` or ``.jpeg`` behind it. A series that has no pixels, or
none that can be shown, goes without one.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ...domain.errors import FilesGone, PermanentError, RetriableError
from ...domain.upload.files import UploadFile
from ...domain.upload.storage_path import StoragePath
from ...ports import EventLog, UploadSource
from ..files.reader_process import ReaderProcess
from .converted_source import MEMORY, NICE, SECONDS

PREVIEWS = ".previews"
"""Below the folder of the offline cache."""


@dataclass
class PreviewSource:
    """
    Args:
        source: The images.
        form: png or jpeg.
        pixels: Longer side of a picture.
        folder: Of this worker alone.
        log: For events.
        reader: The process that draws.
    """

    source: UploadSource
    form: str
    pixels: int
    folder: Path
    log: EventLog
    reader: ReaderProcess = field(default_factory=lambda: ReaderProcess({"nice": NICE}, SECONDS, MEMORY))
    _of: str = ""
    _made: dict[str, UploadFile | None] = field(default_factory=dict)

    def facts(self, folder: str) -> tuple[Mapping[str, str], ...]:
        """Of the images."""
        return self.source.facts(folder)

    def images(self, folder: str, names: StoragePath, hospital: str) -> list[UploadFile]:
        """All images, then the pictures; a repeat for the same folder finds them made."""
        files = self.source.images(folder, names, hospital)
        try:
            self._begin(folder)
            pictures = [self._picture(one) for one in _middle_of_each(files)]
        except FileNotFoundError as error:
            raise FilesGone(f"the folder {folder} is gone") from error
        except OSError as error:
            raise RetriableError(f"previews cannot be written: {error.strerror}") from error
        finally:
            self.reader.close()
        return [*files, *(one for one in pictures if one is not None)]

    def _begin(self, folder: str) -> None:
        if folder == self._of and self.folder.is_dir():
            return
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self._of, self._made = folder, {}

    def _picture(self, image: UploadFile) -> UploadFile | None:
        if image.name not in self._made:
            self._made[image.name] = self._draw(image)
        return self._made[image.name]

    def _draw(self, image: UploadFile) -> UploadFile | None:
        target = self.folder / f"{len(self._made) + 1:06d}.{self.form}"
        try:
            self.reader.ask("preview", Path(image.path), target, {"form": self.form, "pixels": self.pixels})
        except PermanentError as error:
            self.log.event(
                "no_preview", "an image has no preview", "WARNING", sopUID=image.sop_uid, why=str(error)
            )
            return None
        name = f"{image.name}.{self.form}"
        return replace(image, name=name, path=str(target), size=target.stat().st_size)


def _middle_of_each(files: list[UploadFile]) -> list[UploadFile]:
    """Of each series, in the order of its files."""
    series: dict[str, list[UploadFile]] = {}
    for one in files:
        series.setdefault(one.series_uid, []).append(one)
    return [some[len(some) // 2] for some in series.values()]
