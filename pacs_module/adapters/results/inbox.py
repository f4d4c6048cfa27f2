"""The folder in which a backend leaves results, when it does not post them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from ...domain.errors import RetriableError
from ...shared.files import short_name, write_whole
from ..files.handover_folders import regular_files
from ..watched_folder.refused_folder import trim

REFUSED = "refused"
_UNFINISHED = (".tmp", ".part", ".partial", ".crdownload")
_AROUND = 40
"""Bytes for the time before a name, and for what stands behind that of the reason."""
MOST = 200
"""Files that are looked at in one round."""


class FolderInbox:
    """
    Args:
        folder: Read and emptied by us; a backend renames a file when it is whole, or leaves it alone for
            ``quiet_s`` seconds.
        quiet_s: How long a file has not been written before it counts as whole.
        now: Seconds since the epoch.
    """

    def __init__(self, folder: Path, quiet_s: float, now: Callable[[], float] = time.time) -> None:
        self._folder, self._quiet, self._now = folder, quiet_s, now
        self._sizes: dict[Path, int] = {}
        """At the last look: a copy that keeps the file's old time is seen to grow."""

    def whole(self) -> list[Path]:
        """The oldest names first, so many at once."""
        try:
            found = list(islice(self._candidates(), MOST))
            sizes = {file: file.stat().st_size for file in found}
        except FileNotFoundError:
            return []  # it goes while we look: the next round sees what is there
        except OSError as error:
            raise RetriableError(f"the folder of results cannot be read: {error.strerror}") from error
        before, self._sizes = self._sizes, sizes
        return [file for file in found if before.get(file) == sizes[file] and self._is_quiet(file)]

    def done(self, file: Path) -> None:
        """A file that is gone is no error."""
        with contextlib.suppress(FileNotFoundError):
            file.unlink()

    def refuse(self, file: Path, why: str) -> None:
        """Moved to ``refused``, under a name of its own."""
        aside = self._folder / REFUSED
        aside.mkdir(exist_ok=True)
        target = aside / f"{int(self._now() * 1000)}-{short_name(file.name, _AROUND)}"
        with contextlib.suppress(FileNotFoundError):
            file.rename(target)
        write_whole(target.with_name(f"{target.name}.why.txt"), f"{why}\n")

    def trim_refused(self, keep_s: float) -> int:
        """Remove what was refused longer ago, or is too much; how many files."""
        return trim(self._folder / REFUSED, keep_s, self._now())

    def _candidates(self) -> Iterator[Path]:
        for file in regular_files(self._folder):
            inner = file.relative_to(self._folder)
            hidden = any(part.startswith(".") for part in inner.parts)
            if not hidden and inner.parts[0] != REFUSED and file.suffix.lower() not in _UNFINISHED:
                yield file

    def _is_quiet(self, file: Path) -> bool:
        try:
            return self._now() - file.stat().st_mtime >= self._quiet
        except OSError:
            return False
