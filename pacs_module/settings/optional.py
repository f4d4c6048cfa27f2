"""
``[anonymise]``, ``[archive]``, ``[reconcile]`` and ``[backup]``: copies without names, what is kept of
computed series, reports, and what a backup holds.
"""

from __future__ import annotations

from datetime import time
from pathlib import Path

from pydantic import Field, SecretStr

from .section import Section


class AnonymiseSettings(Section):
    """
    Hand-overs are copied without names before the backend learns of them; off when the table is not there.
    """

    folder: Path
    """For the copies, under the same path for pacs_module and the backend."""
    key: SecretStr = Field(min_length=16)
    """Secret of the site: the pseudonyms come from it. With another one every UID gets another pseudonym."""


class ArchiveSettings(Section):
    """Computed series are kept, compressed without loss; off when the table is not there."""

    folder: Path
    keep_days: int = Field(default=30, ge=1, le=36_500)


class RehearseSettings(Section):
    """What is recorded of judged headers, to rehearse other rules with."""

    keep_days: int = Field(default=60, ge=0, le=36_500)
    """Some hundred bytes a study; 0: nothing is recorded."""


class ReconcileSettings(Section):
    """The nightly comparison with the PACS's lists."""

    nightly: bool = True
    at: time = time(3, 0)
    """Hospital time."""
    days_back: int = Field(default=1, ge=1, le=31)
    """So many days before today are compared each night."""
    repair: bool = False
    """Have what is missing pulled."""
    folder: Path | None = None
    """Of the kept reports; None: ``reconcile`` in the log folder."""
    keep_days: int = Field(default=90, ge=1, le=36_500)


class BackupSettings(Section):
    """What ``pacs-module backup`` reads besides the store and the files that the settings name."""

    folder: Path | None = None
    """For the archives; None: it must be told with ``--to``."""
    journal: Path | None = None
    """The plugins' journal (AIPULL_JOURNAL), where pacs_module can read it."""
    files: tuple[Path, ...] = ()
    """Files and folders beside them: keys, secrets, Orthanc's configuration."""
    keep: int = Field(default=14, ge=1, le=10_000)
    """So many archives stay in the folder."""
