"""
Named places on the way of a study, where a test may stop or kill the process: ``AIPULL_FAULT``, read once at
import.

Not set, as in production, ``reach`` does nothing. Its forms::

    place[:n][:action]    the n-th time (1) that this process gets there
    /folder               a file ``/folder/place`` whose text is ``action`` arms the place for the first
                          process that gets there; it is renamed to ``place.reached`` before anything
                          happens, so it acts once for all

Actions: ``kill`` (SIGKILL to oneself, the default) or a path: the file is made with the pid in it, and the
thread waits there until it is gone.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

VARIABLE = "AIPULL_FAULT"
PLACES = (
    "found", "stable", "claimed", "pull_asked", "pull_journaled", "submitted", "moving", "received",
    "filtered", "exported",
    "journaled", "notified", "outbox_written", "published", "consumed", "posted", "result_in",
)  # fmt: skip
"""In the order in which a study passes them."""
STEPS = (
    "followed", "exporting", "notifying", "doomed", "deleted",
    "to_copy", "copying", "copied", "to_archive", "archiving", "archived",
    "cached", "routed", "to_upload", "uploading", "uploaded", "upload_verified",
    "studies_removed", "part_removed", "patient_at_plugins", "patient_in_files", "patient_noted",
    "patient_removed",
    "result_restored", "result_kept", "result_taken",
)  # fmt: skip
"""
Steps between those places, which few sites switch on or few studies pass: of the plugins
(tests/long/receive/test_reception_kills.py), of copies without names and the archive
(tests/chaos/proofs/test_copies.py), and of destinations, which are stages of the matrix of kills on a stack
of their own (tests/chaos/cells.py) and meet every protocol in tests/chaos/proofs/test_uploads.py. Results
that come back: tests/long/results/test_results_killed.py. What is removed by age or forgotten:
tests/chaos/proofs/test_retention_kills.py.
"""
KILL = "kill"
_LOOK_S = 0.01


def act(action: str) -> None:
    """Die, or wait until the file is gone."""
    if action == KILL:
        os.kill(os.getpid(), signal.SIGKILL)
    file = Path(action)
    file.write_text(str(os.getpid()), encoding="ascii")
    while file.exists():
        time.sleep(_LOOK_S)


class OnePlace:
    """The first form: one place, counted in this process."""

    def __init__(self, place: str, number: int, action: str) -> None:
        self._place, self._left, self._action = place, number, action
        self._lock = threading.Lock()

    def reach(self, place: str) -> None:
        """Count, and act when it is time."""
        if place != self._place:
            return
        with self._lock:
            self._left -= 1
            due = self._left == 0
        if due:
            act(self._action)


class Folder:
    """The second form: armed and disarmed from outside while the process runs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def reach(self, place: str) -> None:
        """Act where a file says so; nobody else acts on the same one."""
        armed, reached = self._folder / place, self._folder / f"{place}.reached"
        try:
            armed.rename(reached)  # of several threads and processes one succeeds
            action = reached.read_text(encoding="utf-8").strip()
        except OSError:
            return
        act(action or KILL)


def read(text: str) -> Callable[[str], None]:
    """
    The ``reach`` that a value of the variable asks for.

    Raises:
        ValueError: There is no such place, or the number is none.
    """
    if not text:
        return lambda place: None
    if text.startswith("/"):
        return Folder(Path(text)).reach
    place, _, rest = text.partition(":")
    if place not in PLACES + STEPS:
        raise ValueError(f"{VARIABLE}={text}: the places are {', '.join(PLACES + STEPS)}")
    number, action = _number_and_action(rest)
    return OnePlace(place, number, action or KILL).reach


def _number_and_action(text: str) -> tuple[int, str]:
    """``2:stop``, ``2``, ``stop``: without a number it is the first time."""
    number, _, action = text.partition(":")
    return (int(number), action) if number.isdigit() else (1, text)


reach = read(os.environ.get(VARIABLE, ""))
