"""``[ris]`` and ``[reports]``: where orders and reports are, how they are read, and how reports come back."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, FilePath, SecretStr, model_validator

from ..domain.pull.ris_orders import RisPolicy
from .section import Address, Pause, Seconds, Section
from .servers import Network


class RisColumnSettings(Section):
    """Names of the columns of the RIS view; an empty one means that the view has none."""

    accession_number: str = Field(default="accession_number", min_length=1)
    patient_id: str = "patient_id"
    day: str = "order_date"
    body_part: str = Field(default="body_part", min_length=1)
    urgency: str = ""


class RisSettings(Section):
    """Orders from a view of the RIS: only chest orders are pulled, in the order of their urgency."""

    url: SecretStr
    """
    SQLAlchemy's: ``oracle+oracledb://``, ``mssql+pymssql://``, ``mysql+pymysql://``,
    ``postgresql+psycopg://``, ``sqlite:///``.
    """
    view: str = Field(pattern=r"^[\w$#.]+$")
    columns: RisColumnSettings = RisColumnSettings()
    day_format: str = ""
    """How a text column writes the day (``%Y%m%d``); empty for a date or time column."""
    timeout_s: Seconds = 5.0
    tolerant: bool = False
    """Join all of the patient's orders of the day: chest images are filed under the abdomen order."""
    body_parts: dict[str, str] = Field(default_factory=dict)
    """The site's codes and what they mean: ``"1001" = "CHEST"``."""
    emergency: tuple[str, ...] = ()
    green_channel: tuple[str, ...] = ()
    """What the urgency column says for them."""
    wait_s: Pause = 600.0
    """How long a study is held whose order the RIS does not know; then it is pulled by the filters alone."""
    again_s: Seconds = 60.0
    """Pause between questions about such a study."""

    @property
    def policy(self) -> RisPolicy:
        """How the orders are read."""
        return RisPolicy(self.body_parts, self.emergency, self.green_channel, self.tolerant)


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
