"""``[platform]`` and ``[reports]``: what is exchanged with the regional platform and the RIS beside images."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, FilePath, SecretStr, model_validator

from .section import Address, Seconds, Section

_COLUMN = Field(default="", pattern=r"^[\w$#]*$")


def _network(value: str) -> str:
    try:
        ipaddress.ip_network(value)
    except ValueError:
        raise ValueError("a network such as 10.0.0.0/8, or one address") from None
    return value


Network = Annotated[str, AfterValidator(_network)]


class PlatformSettings(Section):
    """The regional platform: reports and quality records are sent to it; off when the table is not there."""

    url: Address
    """Before ``/api/v1``."""
    hospital: str = Field(min_length=1, max_length=64)
    """Our code there."""
    key: SecretStr = SecretStr("")
    """Sent as ``Authorization: Bearer``."""
    ca_file: FilePath | None = None
    timeout_s: Seconds = 60.0
    batch: int = Field(default=100, ge=1, le=1000)
    """So many are sent at once."""
    first_pause_s: Seconds = 10.0
    longest_pause_s: Seconds = 900.0
    """Pauses after which one is sent again that was not taken."""


class ReportColumnSettings(Section):
    """Names of the columns of the report view; an empty one means that the view has none."""

    serial: str = Field(default="report_no", min_length=1)
    day: str = Field(default="report_date", min_length=1)
    version: str = ""
    status: str = ""
    accession_number: str = "accession_number"
    patient_id: str = "patient_id"
    study_uid: str = ""
    modality: str = ""
    body_part: str = ""
    department: str = ""
    author: str = ""
    verified_by: str = ""
    findings: str = "findings"
    conclusion: str = "conclusion"


class ReportViewSettings(Section):
    """The reports are read from a view of the RIS, too, every ``interval_s``."""

    url: SecretStr
    view: str = Field(pattern=r"^[\w$#.]+$")
    columns: ReportColumnSettings = ReportColumnSettings()
    day_format: str = ""
    """How a text column writes the day (``%Y%m%d``); empty for a date or time column."""
    statuses: dict[str, Literal["preliminary", "final", "corrected", "cancelled"]] = Field(
        default_factory=dict
    )
    """The site's words: ``"已审核" = "final"``."""
    timeout_s: Seconds = 30.0


class MllpSettings(Section):
    """A listener for hospitals that send reports as HL7 ORU^R01 over MLLP."""

    host: str = "127.0.0.1"
    port: int = Field(default=2575, ge=1, le=65535)
    allowed: tuple[Network, ...] = ("127.0.0.0/8",)
    """Networks that may connect: MLLP has no key."""


class RisDeliverySettings(Section):
    """How the centre's reports reach the RIS."""

    kind: Literal["folder", "mllp", "fhir"]
    folder: Path | None = None
    form: Literal["json", "hl7", "fhir"] = "json"
    """Of a file."""
    host: str = ""
    port: int = Field(default=2575, ge=1, le=65535)
    url: Address | None = None
    key: SecretStr = SecretStr("")
    ca_file: FilePath | None = None
    timeout_s: Seconds = 30.0
    first_pause_s: Seconds = 10.0
    longest_pause_s: Seconds = 900.0

    @model_validator(mode="after")
    def _complete(self) -> RisDeliverySettings:
        needed = {"folder": self.folder, "mllp": self.host, "fhir": self.url}
        if not needed[self.kind]:
            name = {"folder": "folder", "mllp": "host", "fhir": "url"}[self.kind]
            raise ValueError(f'kind = "{self.kind}" needs {name}')
        return self


class ReportSettings(Section):
    """Reports: where they come from and how long they are kept."""

    interval_s: Seconds = 600.0
    """How often the view is read and both sides are compared, for today and the day before."""
    keep_days: int = Field(default=400, ge=2, le=36_500)
    """Reports and quality records that were sent are dropped after so long."""
    view: ReportViewSettings | None = None
    mllp: MllpSettings | None = None
    to_ris: RisDeliverySettings | None = None
