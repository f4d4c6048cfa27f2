"""
A reconciliation as a whole: its lines, counted by cause, by device, by AccessionNumber and by manual pull
(M26).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from ..json_messages.documents import to_document
from .at_destination import AtDestination, There
from .compare import AGAIN, DELAY, MISS
from .report_line import Cause, PacsList, ReportLine, Role

NOTHING_MISSING, SOMETHING_MISSING, NOT_COMPARED = 0, 1, 2

SEVERAL, RECONSTRUCTED, PATIENTS = "several examinations", "plain and reconstruction", "different patients"


@dataclass(frozen=True)
class Answered:
    """
    How one PACS answered for one day: number of studies, whether these are all, error words, number of
    queries.
    """

    pacs: str
    day: str
    studies: int
    complete: bool
    error: str = ""
    queries: int = 0


@dataclass(frozen=True)
class Duplicate:
    """
    Studies of one AccessionNumber: ``kind`` tells plain ones with reconstructions from a clash of patients.
    """

    accession_number: str
    kind: str
    study_uids: tuple[str, ...]
    patient_ids: tuple[str, ...]
    causes: tuple[str, ...]


@dataclass(frozen=True)
class Report:
    """
    ``made_at`` ISO 8601 UTC; ``repaired``: StudyInstanceUIDs put to be pulled, with what was done;
    ``destinations``: each study at each destination beside the backend that it was meant for.
    """

    first_day: str
    last_day: str
    made_at: str
    answered: tuple[Answered, ...]
    lines: tuple[ReportLine, ...]
    repaired: dict[str, str]
    destinations: tuple[AtDestination, ...] = ()

    @property
    def compared(self) -> bool:
        """
        Whether every PACS answered with its whole list of every day, and every destination with its own.
        """
        asked = all(one.verdict is not There.AWAY for one in self.destinations)
        return asked and all(one.complete and not one.error for one in self.answered)

    @property
    def lacking(self) -> list[AtDestination]:
        """What destinations lack, or wait for in vain."""
        return [one for one in self.destinations if one.verdict in (There.LACKS, There.GIVEN_UP)]

    @property
    def by_destination(self) -> dict[str, dict[str, int]]:
        """By destination: number of studies by how they stand there, and of images sent and listed."""
        counted: dict[str, Counter[str]] = {}
        for one in self.destinations:
            of = counted.setdefault(one.destination, Counter())
            of[one.verdict.value] += 1
            of["images sent"] += one.sent
            of["images there"] += one.there or 0
        return {name: dict(of) for name, of in sorted(counted.items())}

    @property
    def missing(self) -> list[ReportLine]:
        """What should have been computed and is not."""
        return [line for line in self.lines if line.missing]

    @property
    def by_cause(self) -> dict[str, int]:
        """Number of studies by cause, the causes in their own order."""
        counted = Counter(line.cause for line in self.lines)
        return {cause.value: counted[cause] for cause in Cause if counted[cause]}

    @property
    def by_device(self) -> dict[str, dict[str, int]]:
        """By device, the worst first: number of studies by cause, of those whose device was asked for."""
        counted: dict[str, Counter[str]] = {}
        for line in self.lines:
            for device in line.devices:
                counted.setdefault(device.words, Counter())[line.cause.value] += 1
        worst_first = sorted(counted.items(), key=lambda item: (-sum(item[1].values()), item[0]))
        return {device: dict(causes) for device, causes in worst_first}

    @property
    def manual(self) -> dict[str, int]:
        """Manual pulls: misses, delays, and those of what had been received already."""
        counted = Counter(line.manual for line in self.lines)
        return {kind: counted[kind] for kind in (MISS, DELAY, AGAIN)}

    @property
    def duplicates(self) -> list[Duplicate]:
        """AccessionNumbers that several studies have."""
        return duplicates(self.lines)

    @property
    def instances(self) -> dict[str, int]:
        """
        Of the pulled studies with both counts: ours against what was asked for, and how many studies differ.
        """
        pulled = [
            line.counts
            for line in self.lines
            if line.counts.received is not None and line.counts.asked is not None
        ]
        return {
            "studies": len(pulled),
            "asked": sum(counts.asked or 0 for counts in pulled),
            "received": sum(counts.received or 0 for counts in pulled),
            "lacking": sum(counts.lacking for counts in pulled),
        }

    @property
    def exit_status(self) -> int:
        """
        For cron, as diff and grep have it: 2 when not all could be compared, even if something is missing.
        """
        if not self.compared:
            return NOT_COMPARED
        return SOMETHING_MISSING if self.missing or self.lacking else NOTHING_MISSING

    def to_document(self) -> dict[str, Any]:
        """As JSON: the summary first, then the lines."""
        in_pacs = [line for line in self.lines if line.pacs]
        return {
            "firstDay": self.first_day,
            "lastDay": self.last_day,
            "madeAt": self.made_at,
            "compared": self.compared,
            "exitStatus": self.exit_status,
            "studiesInPacs": len(in_pacs),
            "accessionNumbers": len({line.accession_number for line in in_pacs if line.accession_number}),
            "missing": len(self.missing),
            "byCause": self.by_cause,
            "byDevice": self.by_device,
            "manual": self.manual,
            "instances": self.instances,
            "byDestination": self.by_destination,
            "destinations": to_document(self.destinations),
            "duplicates": to_document(self.duplicates),
            "repaired": self.repaired,
            "answered": to_document(self.answered),
            "lines": to_document(self.lines),
        }


def answered(lists: Iterable[PacsList]) -> tuple[Answered, ...]:
    """How each PACS answered, without its answers."""
    return tuple(
        Answered(one.pacs, one.day.isoformat(), len(one.studies), one.complete, one.error, one.queries)
        for one in lists
    )


def report(
    days: Sequence[date], made_at: str, lists: Sequence[PacsList], lines: tuple[ReportLine, ...]
) -> Report:
    """Put a report together; nothing is repaired yet."""
    return Report(min(days).isoformat(), max(days).isoformat(), made_at, answered(lists), lines, {})


def duplicates(lines: Iterable[ReportLine]) -> list[Duplicate]:
    """
    Studies that a count by AccessionNumber would take for one (field case 13), told apart.

    ``different patients`` comes before the rest: it is a clash of numbers, whatever the images are.
    """
    by_number: dict[str, list[ReportLine]] = {}
    for line in lines:
        if line.accession_number and line.pacs:
            by_number.setdefault(line.accession_number, []).append(line)
    return [_duplicate(number, same) for number, same in by_number.items() if len(same) > 1]


def _duplicate(number: str, same: Sequence[ReportLine]) -> Duplicate:
    patients = tuple(dict.fromkeys(line.patient_id for line in same if line.patient_id))
    studies = tuple(line.study_uid for line in same)
    causes = tuple(line.cause.value for line in same)
    return Duplicate(number, _kind(same, len(patients)), studies, patients, causes)


def _kind(same: Sequence[ReportLine], patients: int) -> str:
    """What it is that several studies have one AccessionNumber."""
    roles = {line.role for line in same}
    if patients > 1:
        return PATIENTS
    return RECONSTRUCTED if Role.RECONSTRUCTION in roles and len(roles) > 1 else SEVERAL
