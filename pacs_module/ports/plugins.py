"""The plugins in the receiving Orthanc."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from ..domain.recover.records import PluginRecords
from ..domain.wire.messages import PullReport, PullRequest


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

    def report_of(self, pull_id: str) -> PullReport | str | None:
        """
        What became of a pull: its report when it has ended, ``"running"`` until then, None when the plugins
        do not know it.
        """
        ...

    def write_verdicts(self, lines: Sequence[str]) -> None:
        """Filter lines of a SERIES level find, for orthanc-python.log."""
        ...

    def release(self, handover_id: str) -> None:
        """The folder of a hand-over is needed no more; unknown ones are no error."""
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
        """The RAM disk: ``totalBytes``, ``freeBytes``, ``handoverBytes`` ..., ``pullsWaiting``, ``alarm``."""
        ...
