"""The plugins in the receiving Orthanc."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from ..domain.json_messages.messages import PullReport, PullRequest
from ..domain.recover.consistency import PluginRecords


class Puller(Protocol):
    """The plugins in the receiving Orthanc, as pacs_module sees them."""

    def ask(self, request: PullRequest) -> None:
        """
        Ask for a pull; the same ``pull_id`` again changes nothing.

        Raises:
            NoRoom: The RAM disk cannot take it now.
            TooLarge: The RAM disk can never take it.
            RetriableError: Orthanc is not reachable.
            PermanentError: Orthanc refuses it (an unknown PACS).
        """
        ...

    def report_of(self, pull_id: str, receiver: str = "") -> PullReport | str | None:
        """
        What became of a pull: its report when it has ended, ``"running"`` until then, None when the plugins
        do not know it. ``receiver``: which of several was asked for it.
        """
        ...

    def write_verdicts(self, lines: Sequence[str]) -> None:
        """Filter lines of a SERIES level find, for orthanc-python.log."""
        ...

    def release(self, handover_id: str, receiver: str = "") -> None:
        """
        The folder of a hand-over is needed no more; unknown ones are no error. ``receiver``: which of several
        has it.
        """
        ...

    def audit(self) -> PluginRecords:
        """
        What the plugins' journal, the hand-over folder and Orthanc's index have.

        Raises:
            RetriableError: Orthanc is not reachable.
            PermanentError: An earlier version of the plugins, which does not tell.
        """
        ...

    def set_installation(self, installation: str) -> None:
        """Have the plugins' journal belong to this installation."""
        ...

    def room(self) -> Mapping[str, Any]:
        """
        The RAM disk: ``totalBytes``, ``freeBytes``, ``handoverBytes`` ..., ``pullsWaiting``, ``alarm``; and
        ``recordsWhole``: whether the plugins' journal and hand-over folder are where they belong.
        """
        ...


class PluginRecordsKept(Protocol):
    """What the plugins keep of patients."""

    def remove_old(self, now: int, days: int, log_days: int) -> Mapping[str, int]:
        """
        Remove what nobody needs and is older than its age.

        Args:
            now: Epoch milliseconds.
            days: Of journal rows and of folders that nobody knows; 0: for ever.
            log_days: Of log files; 0: for ever.

        Returns:
            How many of what.

        Raises:
            RetriableError: Orthanc is not reachable.
            PermanentError: An earlier version of the plugins, which cannot.
        """
        ...


class PluginMemory(Protocol):
    """What the plugins know of single studies."""

    def forget(self, study_uids: Sequence[str], words: Sequence[str], dry_run: bool) -> Mapping[str, Any]:
        """
        Remove all that the plugins keep of some studies, unless something of them is in flight.

        Args:
            study_uids: Whose.
            words: That name the patient in the log.
            dry_run: Only look.

        Returns:
            ``inFlight``: why nothing was removed, by StudyInstanceUID; ``journalRows``, ``logLines``.

        Raises:
            RetriableError: Orthanc is not reachable.
            PermanentError: An earlier version of the plugins, which cannot.
        """
        ...


class Quarantine(Protocol):
    """Images that failed validation, in the plugins' keeping; each raises as :meth:`PluginLog.log_level`."""

    def validation(self) -> Mapping[str, Any]:
        """``policy`` (None: off), ``senders`` with their rates, ``quarantine``: how much lies there."""
        ...

    def quarantined(self, states: Sequence[str], before: int, limit: int) -> Mapping[str, Any]:
        """``images`` in these states with a smaller number, the newest first; ``counts`` of all states."""
        ...

    def decide_quarantined(
        self, action: str, numbers: Sequence[int], study_uid: str, by: str, why: str
    ) -> Mapping[str, Any]:
        """
        Release or drop: ``decided``, ``refused``, ``studies``, and ``pullAgain``: studies to be pulled for
        it.
        """
        ...


class PluginLog(Protocol):
    """The log of the plugins."""

    def log_level(self) -> Mapping[str, Any]:
        """
        ``level``, and ``seconds`` until it is the usual one again.

        Raises:
            RetriableError: Orthanc is not reachable.
            PermanentError: An earlier version of the plugins, which has no level.
        """
        ...

    def set_log_level(self, level: str, seconds: float) -> None:
        """Write this level and what is graver for so many seconds; raises as :meth:`log_level`."""
        ...


class ReceivedImages(Protocol):
    """What the receiving Orthanc has now, for people who look: bounded, and soon given up."""

    def preview(self, series_uid: str) -> bytes | None:
        """
        A PNG of the middle slice; None when the series is not there (any more).

        Raises:
            RetriableError: Orthanc is not reachable.
        """
        ...

    def reception(self, study_uid: str) -> Mapping[str, Any] | None:
        """Where the newest reception of a study stands and what it waits for; None: there is none."""
        ...

    def patient_name(self, study_uid: str) -> str:
        """PatientName (0010,0010) as Orthanc tells it; empty when the study is not there."""
        ...
