"""
``[[destination]]``, ``[upload_cache]`` and ``[parameters]``: where hand-overs go beside the AI backend.
Nothing goes anywhere without them.
"""

from __future__ import annotations

from datetime import time, timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, FilePath, SecretStr, field_validator, model_validator

from ..domain.errors import ConfigurationError
from ..domain.platform_parameters.parameter import PARAMETERS
from ..domain.pull.throttle import Hours
from ..domain.retry import RetryPolicy
from ..domain.upload.cache_limits import CacheLimits, WhenFull
from ..domain.upload.destination import Arrival, DestinationRule
from ..domain.upload.storage_path import DEFAULT, StoragePath, read_storage_path
from .pacs import DAYS, Day
from .section import YEAR_S, Address, Pause, Seconds, Section, retry_policy


class ClosedHours(Section):
    """Hours of the day in which nothing is sent; over midnight when ``end`` is not after ``begin``."""

    begin: time
    end: time
    days: tuple[Day, ...] = DAYS

    @property
    def hours(self) -> Hours:
        """As the domain knows them."""
        return Hours(self.begin, self.end, frozenset(DAYS.index(day) for day in self.days))


class DestinationSettings(Section):
    """What all kinds of destinations have in common."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")
    """Stands in the study's document and cannot be changed while something waits for it."""
    hospital: str = Field(default="", pattern=r"^([A-Za-z0-9_-]{1,64})?$")
    """The hospital's code, for names at the destination."""
    what: Literal["chosen", "wanted", "study", "results"] = "chosen"
    """
    ``chosen``: what is handed over to the backend. ``wanted``: that, and the other series that pass the
    filter; ``study``: that, and all other series: pulled for this destination alone. ``results``: the objects
    that come back from the backend (``[results]``).
    """
    transfer_syntax: Literal["as_is", "explicit", "deflated", "rle", "jpegls", "jpeg2000", "htj2k"] = "as_is"
    """What images are converted to before they are sent, without loss; needs ``[upload_cache]``."""
    modalities: tuple[str, ...] = ()
    body_parts: tuple[str, ...] = ()
    """Keywords: parts of BodyPartExamined, or of the descriptions where that is empty."""
    devices: tuple[str, ...] = ()
    """Keywords: parts of Manufacturer, ManufacturerModelName or StationName."""
    priorities: tuple[Literal[0, 1, 2, 4], ...] = ()
    pacs: tuple[str, ...] = ()
    """Only what was pulled from one of these."""
    arrival: Literal["any", "pulled", "pushed"] = "any"
    threads: int = Field(default=2, ge=1, le=32)
    """Connections at once: images of one upload (http, s3, sftp, ftp, cstore), or several uploads."""
    batch: int = Field(default=50, ge=1, le=5000)
    """Images in one request (STOW-RS) or association (C-STORE)."""
    kilobytes_per_second: float = Field(default=0.0, ge=0, le=1e9)
    """All threads together; 0: as much as the line takes."""
    closed: tuple[ClosedHours, ...] = ()
    order: Literal["oldest", "newest"] = "oldest"
    """What goes first of what waits."""
    timeout_s: Seconds = 60.0
    attempts: int = Field(default=20, ge=1)
    """Tries that failed by something else than an absent destination."""
    first_pause_s: Seconds = 15.0
    longest_pause_s: Seconds = 1800.0
    circuit_failures: int = Field(default=5, ge=1)
    circuit_pause_s: Seconds = 5.0
    circuit_longest_pause_s: Seconds = 60.0

    @property
    def rule(self) -> DestinationRule:
        """As the domain knows it."""
        return DestinationRule(
            modalities=tuple(one.strip().upper() for one in self.modalities),
            body_parts=self.body_parts,
            devices=self.devices,
            priorities=self.priorities,
            pacs=self.pacs,
            arrival=Arrival(self.arrival),
        )

    @property
    def retry(self) -> RetryPolicy:
        """Attempts and pauses."""
        return retry_policy(self.attempts, self.first_pause_s, self.longest_pause_s)

    @property
    def bytes_per_second(self) -> float:
        """The rate; 0: none."""
        return self.kilobytes_per_second * 1000

    @property
    def storage_path(self) -> StoragePath:
        """What images are called there; DICOM destinations have names of their own."""
        return StoragePath(DEFAULT)


class _NamedDestination(DestinationSettings):
    """A destination that keeps images under names that we give."""

    path: str = DEFAULT
    """The names, made of {hospital}, {StudyDate}, {StudyInstanceUID} and others; checked at the start."""
    preview: Literal["none", "png", "jpeg"] = "none"
    """A small picture of each series' middle image beside it; needs ``[upload_cache]``."""
    preview_pixels: int = Field(default=512, ge=16, le=4096)
    """Its longer side at most."""

    @field_validator("path")
    @classmethod
    def _usable(cls, value: str) -> str:
        try:
            read_storage_path("path", value)
        except ConfigurationError as error:
            raise ValueError(error.allowed) from error
        return value

    @model_validator(mode="after")
    def _has_a_code(self) -> _NamedDestination:
        if "{hospital}" in self.path and not self.hospital:
            raise ValueError("a destination whose path has {hospital} needs the setting hospital")
        return self

    @property
    def storage_path(self) -> StoragePath:
        """As the domain knows it."""
        return StoragePath(self.path)


class HttpDestination(_NamedDestination):
    """By plain HTTP."""

    kind: Literal["http"]
    url: Address
    """The folder that names are put behind."""
    mode: Literal["put", "form", "resumable"] = "put"
    """PUT; one multipart/form-data POST; or tus 1.0 in pieces."""
    post_url: Address | None = None
    """Where forms and resumable uploads go; not given: ``url``."""
    staged: bool = True
    """It can rename (WebDAV MOVE): an image is seen only when it is whole."""
    list_url: Address | None = None
    """Asked with ``?StudyInstanceUID=``, answers ``{"images": [SOPInstanceUID ...]}``: for reconciliation."""
    piece_mb: int = Field(default=8, ge=1, le=1024)
    """Of a resumable upload, in MiB."""
    token: SecretStr | None = None
    """Sent as ``Authorization: Bearer``."""
    username: str = ""
    password: SecretStr = SecretStr("")
    proxy: Address | None = None
    ca_file: FilePath | None = None


class S3Destination(_NamedDestination):
    """In an S3 bucket."""

    kind: Literal["s3"]
    bucket: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")
    endpoint: Address | None = None
    """Not given: Amazon's."""
    region: str = "us-east-1"
    access_key: SecretStr = SecretStr("")
    secret_key: SecretStr = SecretStr("")
    addressing: Literal["path", "virtual_host"] = "path"
    part_mb: int = Field(default=8, ge=5, le=5120)
    """A larger image goes in parts of so many MiB."""
    encryption: Literal["", "AES256", "aws:kms"] = ""
    """At the server."""
    kms_key: str = ""
    staged: bool = True
    """Compared below ``.incoming/`` before it gets its name."""
    proxy: Address | None = None
    """The only one that is used; none is taken from the environment."""
    ca_file: FilePath | None = None


class SftpDestination(_NamedDestination):
    """By SFTP."""

    kind: Literal["sftp"]
    host: str = Field(min_length=1)
    port: int = Field(default=22, ge=1, le=65535)
    username: str = Field(min_length=1)
    password: SecretStr = SecretStr("")
    key_file: FilePath | None = None
    host_key: str = Field(
        pattern=r"^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)) [A-Za-z0-9+/=]+( .*)?$"
    )
    """The server's public key, as in known_hosts."""
    folder: str = "."
    read_back: bool = False
    """Compare every byte of what is there, not only its size."""


class FtpDestination(_NamedDestination):
    """By FTP, with or without TLS."""

    kind: Literal["ftp", "ftps"]
    host: str = Field(min_length=1)
    port: int = Field(default=21, ge=1, le=65535)
    username: str = Field(min_length=1)
    password: SecretStr
    folder: str = "."
    ca_file: FilePath | None = None
    read_back: bool = False


class StowDestination(DestinationSettings):
    """By DICOMweb STOW-RS; it is asked by QIDO-RS what it has."""

    kind: Literal["stow"]
    url: Address
    token: SecretStr | None = None
    username: str = ""
    password: SecretStr = SecretStr("")
    proxy: Address | None = None
    ca_file: FilePath | None = None


class CStoreDestination(DestinationSettings):
    """By C-STORE."""

    kind: Literal["cstore"]
    host: str = Field(min_length=1)
    port: int = Field(default=104, ge=1, le=65535)
    ae_title: str = Field(min_length=1, max_length=16)
    calling_ae_title: str = Field(default="AIPULL", min_length=1, max_length=16)
    proof: Literal["status", "find", "commitment"] = "status"
    """What counts as proof that images are there: the status of C-STORE, a C-FIND, or storage commitment."""
    commit_port: int = Field(default=0, ge=0, le=65535)
    """Where answers of storage commitment come to; 0: on the association that asked."""


AnyDestination = Annotated[
    HttpDestination | S3Destination | SftpDestination | FtpDestination | StowDestination | CStoreDestination,
    Field(discriminator="kind"),
]


class UploadCacheSettings(Section):
    """The offline cache: on a disk that stays, not on the RAM disk; off when the table is not there."""

    folder: Path
    max_files: int = Field(default=500_000, ge=1)
    max_gb: float = Field(default=200.0, gt=0, le=1e6)
    max_age_h: Pause = Field(default=0.0, le=YEAR_S / 3600)
    """0: however long it takes."""
    when_full: Literal["wait", "drop_oldest"] = "wait"
    """``wait``: nothing new is taken in; ``drop_oldest``: the oldest goes, although it is not uploaded."""
    when_old: Literal["wait", "drop_oldest"] = "wait"
    """``wait``: it is told and kept."""

    @property
    def limits(self) -> CacheLimits:
        """As the domain knows them."""
        age = timedelta(hours=self.max_age_h) if self.max_age_h else None
        return CacheLimits(
            self.max_files, int(self.max_gb * 1e9), age, WhenFull(self.when_full), WhenFull(self.when_old)
        )


class ParametersSettings(Section):
    """
    ``[parameters]``: what the regional platform sets at this gateway. A parameter that is not ``pinned`` is
    the platform's: what it said last wins over the settings file.
    """

    url: Address
    """Of the parameter API, the whole address."""
    file: Path
    """Where the last good set is kept, with its history; on a disk that stays."""
    destinations: tuple[str, ...] = Field(min_length=1)
    """Names of the destinations that follow it."""
    hospital: str = Field(default="", pattern=r"^([A-Za-z0-9_-]{1,64})?$")
    key: SecretStr = SecretStr("")
    ca_file: FilePath | None = None
    interval_s: Seconds = 300.0
    timeout_s: Seconds = 20.0
    pinned: tuple[str, ...] = ()
    """Parameters that the site keeps to itself, whatever the platform says."""
    needed: tuple[str, ...] = ()
    """Parameters without which a set is not taken."""

    @field_validator("pinned", "needed")
    @classmethod
    def _known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [one for one in value if one not in PARAMETERS]
        if unknown:
            raise ValueError(f"there is no parameter {unknown[0]}; known are {', '.join(PARAMETERS)}")
        return value
