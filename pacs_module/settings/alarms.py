"""``[alarms]``: who is told when something is wrong, and from when on something is."""

from __future__ import annotations

from datetime import time
from typing import Annotated, Literal

from pydantic import Field, FilePath, SecretStr

from ..domain.alarm.checks import Limits
from ..domain.pull.throttle import Hours
from .pacs import DAYS, Day
from .section import Address, Pause, Section

MailAddress = Annotated[str, Field(pattern=r"^[^@\s,<>\"]{1,64}@[^@\s,<>\"]{1,255}$")]


class WebhookSettings(Section):
    """Each alarm is posted there as JSON."""

    url: Address
    key: SecretStr = SecretStr("")
    """Sent as ``Authorization: Bearer``."""
    ca_file: FilePath | None = None


class MailSettings(Section):
    """Each alarm is sent as one mail to all of ``to``."""

    host: str = Field(min_length=1)
    port: int = Field(default=587, ge=1, le=65535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str = ""
    password: SecretStr = SecretStr("")
    ca_file: FilePath | None = None
    sender: MailAddress
    to: tuple[MailAddress, ...] = Field(min_length=1)


class QuietHours(Section):
    """
    Hours of the hospital's day in which only critical alarms are told; over midnight when ``end`` is not
    after ``begin``.
    """

    begin: time
    end: time
    days: tuple[Day, ...] = DAYS

    @property
    def hours(self) -> Hours:
        """As the domain knows them."""
        return Hours(self.begin, self.end, frozenset(DAYS.index(day) for day in self.days))


class AlarmSettings(Section):
    """Without ``webhook`` and ``mail`` alarms are shown on the page and told to nobody."""

    webhook: WebhookSettings | None = None
    mail: MailSettings | None = None
    quiet: tuple[QuietHours, ...] = ()
    site: str = Field(default="", max_length=64)
    """Name of the site, in every message."""
    page_url: Address | None = None
    """Where people reach the web page: alarms link to it."""
    hold_s: Pause = 120.0
    """What comes and goes within this is told to nobody."""
    away_min: int = Field(default=5, ge=1)
    """A server has been away for so long."""
    backlog: int = Field(default=50, ge=1)
    """So many studies wait to be pulled, and there are more than half an hour ago."""
    result_min: int = Field(default=30, ge=1)
    """The backend has had a study for so long without a result; the page Today counts from the hand-over."""
    complete_percent: float = Field(default=95.0, ge=0, le=100)
    """Of the studies handed over today so many have to be complete."""
    silent_min: int = Field(default=120, ge=10, le=1440)
    """A device that usually sends at this hour has sent nothing for so long."""

    arrivals_per_second: float = Field(default=0.0, ge=0, le=100_000)
    """So many images a second of one AE title within the last minute; 0: no alarm."""

    @property
    def limits(self) -> Limits:
        """As the domain knows them."""
        minute = 60_000
        return Limits(
            away_ms=self.away_min * minute,
            backlog=self.backlog,
            result_ms=self.result_min * minute,
            complete_share=self.complete_percent / 100,
            silent_ms=self.silent_min * minute,
            arrivals_per_second=self.arrivals_per_second,
        )
