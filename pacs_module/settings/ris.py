"""``[ris]``: where the orders are, and how they are read."""

from __future__ import annotations

from pydantic import Field, SecretStr

from ..domain.pull.orders import RisPolicy
from .section import Pause, Seconds, Section


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
