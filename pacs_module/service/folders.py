"""
Folders that pacs_module itself writes to, where a site wants them: copies without names, and the archive.
"""

from __future__ import annotations

import os
from pathlib import Path

from ..adapters.files.archive import CompressedArchive
from ..adapters.files.handover_folders import HandoverFolders
from ..adapters.files.upload_cache import DiskCache
from ..adapters.machine import SystemClock
from ..domain.errors import ConfigurationError
from ..ports import CopyMaker, StudyStore, UploadCache
from ..settings import Settings
from ..shared.logs import ContractLog
from ..use_cases.deliver.archive import KeepArchive


def open_copies(settings: Settings) -> CopyMaker | None:
    """
    Where copies without names are made, None when they are not wanted.

    Raises:
        ConfigurationError: The folder cannot be used.
    """
    told = settings.anonymise
    if told is None:
        return None
    from ..adapters.files.copies import (
        AnonymousCopies,
    )  # with it comes the table of the standard, which takes a while

    return AnonymousCopies(_writable("anonymise.folder", told.folder), told.key.get_secret_value().encode())


def handover_folders(settings: Settings) -> HandoverFolders:
    """Where hand-overs may lie: the hand-over folder, and the copies without names."""
    if settings.handover_folder is None:
        return HandoverFolders()
    copies = [settings.anonymise.folder] if settings.anonymise is not None else []
    return HandoverFolders((settings.handover_folder, *copies))


def open_archive(
    settings: Settings, store: StudyStore, clock: SystemClock, log: ContractLog
) -> KeepArchive | None:
    """
    The archive of computed series, None when it is not wanted.

    Raises:
        ConfigurationError: The folder cannot be used.
    """
    told = settings.archive
    if told is None:
        return None
    return KeepArchive(
        store, CompressedArchive(_writable("archive.folder", told.folder), told.keep_days), clock, log
    )


def open_upload_cache(settings: Settings) -> UploadCache | None:
    """
    The offline cache of destinations, None when it is not wanted.

    Raises:
        ConfigurationError: The folder cannot be used.
    """
    told = settings.upload_cache
    return None if told is None else DiskCache(_writable("upload_cache.folder", told.folder))


def _writable(key: str, folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o750)
    except OSError as error:
        raise ConfigurationError(
            key, str(folder), f"a folder that is there or can be made ({error.strerror})"
        ) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigurationError(key, str(folder), "a folder that pacs_module may write to")
    return folder
