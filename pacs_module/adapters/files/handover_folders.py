"""
Hand-over folders as this machine sees them.

The plugins put hard links and copies into them, never symbolic links: such a one was made by somebody else
and leads anywhere. It is neither counted nor read, and a folder counts only where it really lies below the
hand-over folder.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from ...domain.json_messages.messages import SeriesFolder


class HandoverFolders:
    """
    What delivery needs to know of hand-over folders.

    Args:
        roots: The hand-over folder, and the one of copies without names; none: not known, so any folder will
        do.
    """

    def __init__(self, roots: Sequence[Path] = ()) -> None:
        self._roots = tuple(roots)

    def is_inside(self, filepath: str) -> bool:
        """Whether a folder lies below one of the roots and is none itself, symbolic links resolved."""
        if not self._roots:
            return True
        try:
            path = Path(os.path.realpath(filepath))
            return any(Path(os.path.realpath(root)) in path.parents for root in self._roots)
        except ValueError:  # a NUL
            return False

    def count_files(self, folders: Sequence[SeriesFolder], filepath: str) -> int:
        """
        Regular files in the folder and below that are not empty, as a loss of power leaves them; 0 when any
        of the folders is gone or lies elsewhere.
        """
        paths = [filepath, *(folder.filepath for folder in folders)]
        if not all(os.path.isdir(path) and self.is_inside(path) for path in paths):
            return 0
        return sum(1 for file in regular_files(Path(filepath)) if file.stat().st_size)


def regular_files(folder: Path) -> Iterator[Path]:
    """
    The regular files in a folder and below, in the order of their names; symbolic links are left out.

    No call within a call: a folder may lie thousands deep.

    Raises:
        OSError: The folder cannot be read.
    """
    left = [_entries(folder)]
    while left:
        entry = next(left[-1], None)
        if entry is None:
            left.pop()
        elif entry.is_dir(follow_symlinks=False):
            left.append(_entries(Path(entry.path)))
        elif entry.is_file(follow_symlinks=False):
            yield Path(entry.path)


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as found:
        return iter(sorted(found, key=lambda entry: entry.name))
