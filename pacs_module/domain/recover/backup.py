"""What a backup says of itself, and whether this version can restore it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

FORMAT = 1
"""Of the archive: counted up when an older version could not read it."""
STORE, JOURNAL = "store", "journal"
"""Whose schemas a manifest names."""
JOURNAL_SCHEMA = 1
"""
Of the plugins' journal (``PRAGMA user_version``): counted up when an older version could not work with it.
Columns that are added and have a default do not count.
"""


class Kind(StrEnum):
    """What a part of a backup is."""

    STORE = "store"
    """The SQLite file of the study store."""
    COLLECTION = "collection"
    """One collection of a MongoDB store: BSON documents, one behind the other."""
    JOURNAL = "journal"
    """The SQLite file of the plugins' journal."""
    FILE = "file"
    """Settings, switches, keys."""


@dataclass(frozen=True)
class Part:
    """One file of the archive."""

    name: str
    """In the archive."""
    kind: Kind
    path: str
    """Where it was and goes back to; of a collection its name."""
    size: int
    """Bytes."""
    sha256: str
    mode: int = 0o600
    owner: str = ""
    group: str = ""


@dataclass(frozen=True)
class Manifest:
    """``manifest.json``, the first file of an archive."""

    format: int
    version: str
    """Of the program that wrote it."""
    made_at: str
    """UTC, ISO 8601."""
    installation: str
    """Which store it is a copy of; empty: not told."""
    schemas: dict[str, int]
    """Of store and journal."""
    parts: tuple[Part, ...]


def refusals(manifest: Manifest, known: Mapping[str, int]) -> list[str]:
    """
    Why this version cannot restore a backup; empty: it can.

    Args:
        manifest: Of the backup.
        known: The newest schema of store and journal that this version reads.
    """
    if manifest.format > FORMAT:
        return [f"a newer version ({manifest.version}) wrote it: format {manifest.format}, known {FORMAT}"]
    return [
        f"a newer version ({manifest.version}) wrote its {name}: schema {schema}, known {known.get(name, 0)}"
        for name, schema in sorted(manifest.schemas.items())
        if schema > known.get(name, 0)
    ]


def file_name(made_at: str) -> str:
    """Name of the archive; names sort by time."""
    return f"aipull-backup-{re.sub(r'[^0-9TZ]', '', made_at)}.tar.gz"


NAME = re.compile(r"aipull-backup-\d{8}T\d{6}Z\.tar\.gz")
"""So are archives called, and nothing else is removed for being old."""


def superseded(names: list[str], keep: int) -> list[str]:
    """The archives beyond the newest ``keep``; other files are nobody's business."""
    ours = sorted(name for name in names if NAME.fullmatch(name))
    return ours[: max(len(ours) - keep, 0)]
