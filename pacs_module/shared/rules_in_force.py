"""
The rules that are in force in this process, and how other ones come into force while it runs.

``pacs-module rules apply`` writes the site's file with another RULES_VERSION; a file with another number is
taken over. Any other edit takes effect at the next start, as ever: nobody is judged by a half-saved file.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ..domain.errors import ConfigurationError
from ..domain.rules.switches import AT_START_ONLY, Switches
from .logs import ContractLog

_AT_START = tuple(sorted(name.lower() for name in AT_START_ONLY))


class RulesInForce:
    """
    Holds the switches; :meth:`look` takes over what ``apply`` has written.

    Args:
        switches: As they were at the start.
        file: The site's file; None: there is none, and the rules stay as they are.
        read: Reads and checks all switches.
        log: Gets what came into force, and why a file did not.
    """

    def __init__(
        self,
        switches: Switches,
        file: Path | None = None,
        read: Callable[[], Switches] | None = None,
        log: ContractLog | None = None,
    ) -> None:
        self._current = switches
        self._file = file
        self._read = read or (lambda: switches)
        self._log = log
        self._seen = self._stamp()
        self._lock = threading.Lock()

    @property
    def current(self) -> Switches:
        """What is judged by now. Take it once for what must be judged by one version."""
        return self._current

    def look(self) -> Switches | None:
        """
        See whether the file has another RULES_VERSION than what is in force.

        Returns:
            The switches that have come into force just now; None where nothing has changed.
        """
        with self._lock:
            stamp = self._stamp()
            if stamp == self._seen:
                return None
            self._seen = stamp
            return self._take_over()

    def _take_over(self) -> Switches | None:
        try:
            there = self._read()
        except ConfigurationError as error:
            words = "the site's file cannot be read: the rules stay as they are"
            self._tell("rules_not_read", words, "ERROR", error=str(error))
            return None
        before = self._current
        if there.rules_version == before.rules_version:
            words = "the site's file was edited by hand: it takes effect at the next start"
            self._tell("rules_edited_by_hand", words, version=before.version)
            return None
        kept = {name: getattr(before, name) for name in _AT_START}
        self._current = replace(there, **kept)
        versions = {"version": self._current.version, "before": before.version}
        self._tell("rules_in_force", "other rules are in force", **versions)
        return self._current

    def _tell(self, key: str, words: str, level: str = "INFO", **values: object) -> None:
        if self._log is not None:
            self._log.event(key, words, level, **values)

    def _stamp(self) -> tuple[int, int, int] | None:
        """Another one whenever the file was written; None where it is not there."""
        if self._file is None:
            return None
        try:
            found = os.stat(self._file)
        except OSError:
            return None
        return found.st_ino, found.st_size, found.st_mtime_ns
