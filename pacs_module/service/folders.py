"""
Folders that pacs_module itself writes to, where a site wants them: copies without names, and the archive.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from ..adapters.files.archive import CompressedArchive
from ..adapters.files.handover_folders import HandoverFolders
from ..adapters.files.upload_cache import DiskCache
from ..adapters.machine import SystemClock
from ..adapters.results.pseudonyms import PSEUDONYMS, DiskPseudonyms
from ..adapters.watched_folder.folder import WatchedFolder
from ..adapters.watched_folder.orthanc import OrthancStore
from ..domain.errors import ConfigurationError
from ..domain.privacy.retention import capped
from ..ports import CopyMaker, StudyStore, UploadCache
from ..settings import Settings
from ..shared.logs import ContractLog
from ..use_cases.deliver.archive import KeepArchive
from ..use_cases.receive.take_folder import TakeFolder


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

    folder, key = _writable("anonymise.folder", told.folder), told.key.get_secret_value().encode()
    results = results_folder(settings)
    keep = DiskPseudonyms(results / PSEUDONYMS).keep if results is not None else None
    return AnonymousCopies(folder, key, keep_identity=keep)


def results_folder(settings: Settings) -> Path | None:
    """
    The folder of ``[results]``, None when they are off.

    Raises:
        ConfigurationError: It cannot be used.
    """
    return None if settings.results is None else _writable("results.folder", settings.results.folder)


def handover_folders(settings: Settings) -> HandoverFolders:
    """Where hand-overs may lie: the hand-over folder, and the copies without names."""
    if settings.handover_folder is None:
        return HandoverFolders()
    copies = [settings.anonymise.folder] if settings.anonymise is not None else []
    others = [one.handover_folder for one in settings.receiver if one.handover_folder is not None]
    return HandoverFolders((settings.handover_folder, *others, *copies))


def watched_folder(settings: Settings, full: Callable[[], bool], log: ContractLog) -> TakeFolder | None:
    """
    What takes in files that lie in a folder, None when that is not wanted.

    Raises:
        ConfigurationError: The folder cannot be used.
    """
    told = settings.watched_folder
    if told is None:
        return None
    orthanc = settings.orthanc
    password = orthanc.password.get_secret_value()
    store = OrthancStore(orthanc.url, orthanc.username, password, orthanc.timeout_s)
    folder = WatchedFolder(_writable("watched_folder.folder", told.folder), told.settle_s, told.keep)
    kept = timedelta(days=told.refused_days)
    return TakeFolder(folder, store.put, full, log, told.files_per_second, keep_refused=kept)


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
    days = capped(told.keep_days, settings.privacy.keep_days)
    return KeepArchive(store, CompressedArchive(_writable("archive.folder", told.folder), days), clock, log)


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
