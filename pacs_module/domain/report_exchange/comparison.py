"""Is every report of a day on both sides, in the same version? The two lists, and what follows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import MessageError

MAX_SERIALS = 100_000


@dataclass(frozen=True)
class Difference:
    """
    One comparison of a day.

    Args:
        day: YYYY-MM-DD.
        here: Reports that we have.
        there: Reports that the platform says it has; None: it gave no count.
        missing: Serial numbers that it lacks, or has in another version, of those that we have.
        strange: Serial numbers that it has for that day and we do not.
    """

    day: str
    here: int
    there: int | None
    missing: tuple[str, ...] = ()
    strange: tuple[str, ...] = ()

    @property
    def equal(self) -> bool:
        """Whether both sides have the same reports."""
        return not self.missing and not self.strange and self.there == self.here


def compare(day: str, ours: Mapping[str, int], answer: Any) -> Difference:
    """
    Read the platform's answer to our list, against that list.

    Args:
        day: YYYY-MM-DD.
        ours: Version by serial number, as they were asked.
        answer: ``{"count": n, "reports": [{"serial": ..., "version": ...}, ...]}``: what the platform has of
            the day.

    Raises:
        MessageError: The answer is none that we can read; nothing follows from it.
    """
    theirs = _versions(_reports_of(answer))
    count = answer.get("count")
    told = count if isinstance(count, int) and not isinstance(count, bool) else None
    missing = sorted(serial for serial, version in ours.items() if theirs.get(serial) != version)
    return Difference(day, len(ours), told, tuple(missing), tuple(sorted(set(theirs) - set(ours))))


def _reports_of(answer: Any) -> list[Any]:
    if not isinstance(answer, Mapping) or not isinstance(answer.get("reports"), list):
        raise MessageError("reports", answer, "a list of serial numbers with their versions")
    reports: list[Any] = answer["reports"]
    if len(reports) > MAX_SERIALS:
        raise MessageError("reports", len(reports), f"at most {MAX_SERIALS} of a day")
    return reports


def _versions(reports: Iterable[Any]) -> dict[str, int]:
    """By serial number the highest version that is told."""
    theirs: dict[str, int] = {}
    for one in reports:
        if not isinstance(one, Mapping) or not isinstance(one.get("serial"), str):
            raise MessageError("serial", one, "a text")
        version = one.get("version")
        if not isinstance(version, int) or isinstance(version, bool):
            raise MessageError("version", version, "a whole number")
        theirs[one["serial"]] = max(version, theirs.get(one["serial"], version))
    return theirs
