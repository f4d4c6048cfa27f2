"""Puts validation together; decides nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pacs_module.domain.errors import ConfigurationError
from pacs_module.domain.image_validation.policy import Policy, read_policy
from pacs_module.domain.image_validation.quarantine import DAY_MS, MB, QuarantineLimits, WhenFull
from pacs_module.domain.receive.image_origin import KnownSenders
from pacs_module.domain.rules.switches import Switches
from pacs_module.shared.logs import ContractLog

from ..journal.journal import Journal
from ..receive.arriving_study import ArrivingStudy
from ..server.orthanc_client import OrthancClient
from ..server.stored_file import StoredFiles
from .echoes import Echoes
from .quarantine import Quarantine
from .quarantine_upkeep import QuarantineWorker
from .validations import ValidationRows
from .validator import Counts, Validator, tags_of


@dataclass(frozen=True)
class Validation:
    """
    What the plugins have of it: a test for each image, a worker beside the reception, and the quarantine.
    """

    is_on: bool
    validate: Callable[[ArrivingStudy], None]
    words: Callable[[str, int], str]
    worker: QuarantineWorker
    policy: Policy
    limits: QuarantineLimits
    quarantine: Quarantine
    rows: ValidationRows


def open_validation(
    folder: Path, switches: Switches, known: KnownSenders, journal: Journal, rest: OrthancClient,
    files: StoredFiles, log: ContractLog,
) -> Validation:  # fmt: skip
    """
    Validation as the switches have it; switched off it tests nothing, and what lies in quarantine can be
    decided.

    Args:
        folder: Of the quarantine, on disk.
        switches: The site's.
        known: Who stands in DicomModalities.
        journal: The plugins' memory.
        rest: Orthanc.
        files: Its store.
        log: For events.

    Raises:
        ConfigurationError: The policy names an attribute that there is none of, or a port that is none.
    """
    policy = read_policy(switches, known)
    limits = limits_of(switches)
    quarantine = Quarantine(folder, journal, limits, log)
    rows, counts = ValidationRows(journal), Counts()
    worker = QuarantineWorker(quarantine, rows, counts, rest, log)
    validator = Validator(policy, _tags(policy), rest, files, quarantine, Echoes(rest, policy.ports), counts)
    validate = validator if switches.validate else _nothing
    return Validation(switches.validate, validate, validator.words, worker, policy, limits, quarantine, rows)


def limits_of(switches: Switches) -> QuarantineLimits:
    """QUARANTINE_* as the domain knows them."""
    return QuarantineLimits(
        files=switches.quarantine_max_files,
        size=switches.quarantine_max_mb * MB,
        age_ms=int(switches.quarantine_max_days * DAY_MS),
        when_full=WhenFull(switches.quarantine_when_full),
    )


def _tags(policy: Policy) -> dict[int, str]:
    try:
        return dict(tags_of(policy))
    except KeyError as error:
        keyword = error.args[0]
        raise ConfigurationError(
            "VALIDATION_MANDATORY", keyword, "keywords of DICOM attributes, as PatientID"
        ) from error


def _nothing(_arrival: ArrivingStudy) -> None:
    """Validation is off."""
