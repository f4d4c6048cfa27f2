"""
``[anonymise]``, ``[results]``, ``[archive]``, ``[reconcile]``, ``[backup]`` and ``[privacy]``: copies without
names, what comes back, what is kept of computed series, reports, what a backup holds, and how long what names
patients is kept.
"""

from __future__ import annotations

from datetime import time
from pathlib import Path
from typing import Literal

from pydantic import Field, FilePath, SecretStr, model_validator

from ..domain.privacy.masking import Masking
from ..domain.privacy.pseudonym import Pseudonyms
from ..shared.pseudonym_key import key_of
from .section import Seconds, Section

Kind = Literal["sr", "sc", "seg", "rtstruct", "pr", "pdf"]
KINDS: tuple[Kind, ...] = ("sr", "sc", "seg", "rtstruct", "pr", "pdf")


class AnonymiseSettings(Section):
    """
    Hand-overs are copied without names before the backend learns of them; off when the table is not there.
    """

    folder: Path
    """For the copies, under the same path for pacs_module and the backend."""
    key: SecretStr = Field(min_length=16)
    """Secret of the site: the pseudonyms come from it. With another one every UID gets another pseudonym."""


class ResultSettings(Section):
    """
    DICOM objects that come back from the backend: where they are kept, which are taken, and what is made of
    results in JSON. Off when the table is not there.
    """

    folder: Path
    """On a disk that stays, for pacs_module alone."""
    inbox: Path | None = None
    """A folder in which the backend leaves results; None: it posts them."""
    quiet_s: Seconds = 5.0
    """A file there is whole when it was not written for so long."""
    kinds: tuple[Kind, ...] = KINDS
    """What is let through; anything else is refused."""
    render: tuple[Literal["sr", "pdf"], ...] = ()
    """What is made of a result in JSON."""
    algorithm: str = Field(default="AI", min_length=1, max_length=64)
    """Name of the backend's algorithm, in what is rendered."""
    algorithm_version: str = Field(default="", max_length=64)
    max_object_mb: int = Field(default=256, ge=1, le=4096)
    max_post_mb: int = Field(default=1024, ge=1, le=16384)
    """Of one POST with all its objects."""
    post_timeout_s: Seconds = 300.0
    """So long one POST may take to arrive."""
    keep_days: int = Field(default=7, ge=0, le=36_500)
    """Files are kept so long, and until every destination has them."""
    pseudonym_days: int = Field(default=90, ge=1, le=36_500)
    """
    With ``[anonymise]``: so long it is remembered who stands behind the pseudonyms, from the hand-over on.
    """


class ArchiveSettings(Section):
    """Computed series are kept, compressed without loss; off when the table is not there."""

    folder: Path
    keep_days: int = Field(default=30, ge=1, le=36_500)


class RehearseSettings(Section):
    """What is recorded of judged headers, to rehearse other rules with."""

    keep_days: int = Field(default=60, ge=0, le=36_500)
    """Some hundred bytes a study; 0: nothing is recorded."""


class ReconcileSettings(Section):
    """The nightly comparison with the PACS's lists."""

    nightly: bool = True
    at: time = time(3, 0)
    """Hospital time."""
    days_back: int = Field(default=1, ge=1, le=31)
    """So many days before today are compared each night."""
    repair: bool = False
    """Have what is missing pulled."""
    folder: Path | None = None
    """Of the kept reports; None: ``reconcile`` in the log folder."""
    keep_days: int = Field(default=90, ge=1, le=36_500)


class BackupSettings(Section):
    """What ``pacs-module backup`` reads besides the store and the files that the settings name."""

    folder: Path | None = None
    """For the archives; None: it must be told with ``--to``."""
    journal: Path | None = None
    """The plugins' journal (AIPULL_JOURNAL), where pacs_module can read it."""
    files: tuple[Path, ...] = ()
    """Files and folders beside them: keys, secrets, Orthanc's configuration."""
    keep: int = Field(default=14, ge=1, le=10_000)
    """So many archives stay in the folder."""


class AtnaSettings(Section):
    """
    The receiver of audit messages (IHE ATNA): syslog over TLS, RFC 5425; off when the table is not there.
    """

    host: str = Field(min_length=1, max_length=253)
    port: int = Field(default=6514, ge=1, le=65535)
    ca_file: FilePath | None = None
    """Authorities of its certificate, PEM; not given: the system's."""
    certificate: FilePath | None = None
    key: FilePath | None = None
    """Ours, PEM, for a receiver that wants them."""
    site: str = Field(default="", max_length=64)
    """AuditEnterpriseSiteID."""
    spool: int = Field(default=100_000, ge=1, le=10_000_000)
    """So many entries wait at most while it is away; then the oldest are passed over."""
    timeout_s: Seconds = 10.0


class PrivacySettings(Section):
    """
    Ages in days; 0: for ever. The nightly job is off as long as both ``keep_days`` and ``keep_log_days`` are
    0.
    """

    keep_days: int = Field(default=0, ge=0, le=36_500)
    """
    Everything that names patients goes so long after its last change: studies, headers, reports, journal,
    logs. What has a shorter age of its own goes earlier.
    """
    keep_log_days: int = Field(default=0, ge=0, le=36_500)
    """Logs of both processes; 0: as ``keep_days``."""
    keep_audit_days: int = Field(default=0, ge=0, le=36_500)
    """Audit trail; after ``keep_days`` it holds pseudonyms only."""
    at: time = time(4, 0)
    """Hospital time."""
    key_file: Path | None = None
    """The secret of the pseudonyms, made where it is not there; None: drawn and kept in the store."""
    audit_trail: bool = True
    """Who saw and did what is kept in ``audit-trail.jsonl`` in the log folder."""
    atna: AtnaSettings | None = None
    log_without_identifiers: bool = False
    """
    ``dcm_end.jsonl`` has pseudonyms in the place of patients' identifiers; the contract's plain lines stay.
    """

    @model_validator(mode="after")
    def _shared_key(self) -> PrivacySettings:
        if self.log_without_identifiers and self.key_file is None:
            raise ValueError("log_without_identifiers needs key_file: the plugins use the same one")
        return self

    @property
    def masking(self) -> Masking | None:
        """
        Of the JSON log; None: it names patients.

        Raises:
            ConfigurationError: The key cannot be used.
        """
        if not self.log_without_identifiers or self.key_file is None:
            return None
        return Masking(Pseudonyms(key_of(self.key_file)))


class WatchedFolderSettings(Section):
    """Files in a folder are taken in as if they had been pushed; off when the table is not there."""

    folder: Path
    keep: bool = False
    """Files that were taken are moved to ``taken`` in it instead of removed."""
    settle_s: float = Field(default=10.0, ge=0, le=86_400)
    """So long a file must not have been changed."""
    files_per_second: int = Field(default=20, ge=1, le=1000)
    refused_days: int = Field(default=30, ge=1, le=36_500)
    """Files that cannot be taken are kept in ``refused`` so long, and 1 GiB of them at most."""
