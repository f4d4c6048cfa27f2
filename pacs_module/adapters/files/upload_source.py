"""
The images of a hand-over, as destinations are sent them: only regular files, each read up to its pixels.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydicom import dcmread

from ...domain.errors import FilesGone, PermanentError, RetriableError
from ...domain.upload.destination import READ
from ...domain.upload.files import UploadFile
from ...domain.upload.storage_path import TEXTS, UIDS, StoragePath
from ...shared.dicom_header import Header, read_header
from .handover_folders import regular_files

MOST_SERIES = 500
"""Of a hand-over; the first images of more are not looked at."""
_WANTED = [*UIDS, *TEXTS, "SOPClassUID", "SpecificCharacterSet"]


class FolderSource:
    """
    Reads hand-overs from the folders that they lie in.

    Args:
        is_inside: Whether a folder is one that may be read.
    """

    def __init__(self, is_inside: Callable[[str], bool] = lambda path: True) -> None:
        self._is_inside = is_inside

    def facts(self, folder: str) -> tuple[Mapping[str, str], ...]:
        """
        The attributes of the first image of each series: a hand-over of several has a sub-folder for each.
        """
        files = self._files(folder)
        first: dict[Path, Path] = {}
        for file in files:
            first.setdefault(file.parent, file)
        return tuple(_facts(file) for file in list(first.values())[:MOST_SERIES])

    def images(self, folder: str, names: StoragePath, hospital: str) -> list[UploadFile]:
        """All images, each with its name; no two have one."""
        found = [_file(file, names, hospital) for file in self._files(folder)]
        if len({one.name for one in found}) < len(found):
            raise PermanentError("two images of a hand-over have one name at the destination", folder)
        return found

    def _files(self, folder: str) -> list[Path]:
        if not os.path.isdir(folder) or not self._is_inside(folder):
            raise FilesGone(f"the folder {folder} is gone")
        try:
            return list(regular_files(Path(folder)))
        except FileNotFoundError as error:
            raise FilesGone(f"the folder {folder} is gone") from error
        except OSError as error:
            raise RetriableError(f"the folder {folder} cannot be read: {error.strerror}") from error


def _facts(file: Path) -> dict[str, str]:
    try:
        with open(file, "rb") as content:
            header = read_header(content)
    except FileNotFoundError as error:
        raise FilesGone(f"{file} is gone") from error
    except OSError as error:
        raise RetriableError(f"{file.name} cannot be read: {error.strerror}") from error
    return {keyword: header.text(keyword) for keyword in READ} if isinstance(header, Header) else {}


def _file(file: Path, names: StoragePath, hospital: str) -> UploadFile:
    try:
        size = file.stat().st_size
        header = dcmread(file, stop_before_pixels=True, specific_tags=_WANTED)
        values = {keyword: _text(header.get(keyword)) for keyword in _WANTED}
        syntax = str(header.file_meta.get("TransferSyntaxUID", ""))
    except FileNotFoundError as error:
        raise FilesGone(f"{file} is gone") from error
    except Exception as error:  # a foreign file: whatever it makes a parser do, it costs only its hand-over
        if isinstance(error, OSError) and error.errno is not None:
            raise RetriableError(f"{file.name} cannot be read: {error.strerror}") from error
        raise PermanentError(f"{file.name} is no readable DICOM file ({type(error).__name__})") from error
    return UploadFile(
        name=names.name(hospital, values),
        path=str(file),
        size=size,
        study_uid=values["StudyInstanceUID"],
        series_uid=values["SeriesInstanceUID"],
        sop_uid=values["SOPInstanceUID"],
        sop_class=values["SOPClassUID"],
        transfer_syntax=syntax,
    )


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip(" \0")
