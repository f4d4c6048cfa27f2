"""
Settings of pacs_module: a TOML file, overridden by environment variables ``PACS_MODULE_...`` (``__`` between the levels).

An unknown key or a bad value stops the start with the key, the value and what is allowed.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from .domain.backlog import Backlog
from .domain.circuit import CircuitPolicy
from .domain.errors import ConfigurationError
from .domain.look_back import LookBack
from .domain.ordering import BACKLOG, EMERGENCY, GREEN_CHANNEL, MANUAL
from .domain.retry import RetryPolicy
from .domain.ris import RisPolicy
from .domain.sparing import Hours, Sparing
from .domain.stability import FIXED_DELAY, UNCHANGED_COUNT, StabilityPolicy
from .profiles import with_profiles

ENVIRONMENT_PREFIX = "PACS_MODULE_"
SETTINGS_FILE = "PACS_MODULE_SETTINGS"

Seconds = Annotated[float, Field(gt=0)]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class HoursSettings(_Section):
    """Hours of the hospital's day in which a PACS is spared; over midnight when ``end`` is not after ``begin``."""

    begin: time
    end: time
    days: tuple[Day, ...] = DAYS
    parallel_pulls: int | None = Field(default=None, ge=0, le=16)
    """How many at once; 0: none, not by hand either."""
    pull: Literal["all", "green_channel", "emergency", "manual"] = "all"
    """What is pulled then: this and what is more urgent."""

    @property
    def hours(self) -> Hours:
        """As the domain knows them."""
        least = {"all": BACKLOG, "green_channel": GREEN_CHANNEL, "emergency": EMERGENCY, "manual": MANUAL}
        return Hours(self.begin, self.end, frozenset(DAYS.index(day) for day in self.days), self.parallel_pulls, least[self.pull])


class PacsSettings(_Section):
    """One hospital PACS; ``name`` is its alias in Orthanc's DicomModalities."""

    name: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")
    series_level: bool = True
    """Ask at SERIES level for the counts of each series before a pull; off for a PACS that refuses it."""
    count_by_image: bool = False
    """Its counts are missing or not to be trusted: every SOPInstanceUID is asked for at IMAGE level before a pull."""
    repair: Literal["STUDY", "SERIES", "IMAGE"] = "SERIES"
    """What it can move of a study that came short: the series that lack images, only the missing images, or the whole study."""
    parallel_pulls: int = Field(default=1, ge=1, le=16)
    """How many pulls at once with MOVE_SYNC = false; with true it is one."""
    pulls_per_hour: int | None = Field(default=None, ge=1)
    images_per_hour: int | None = Field(default=None, ge=1)
    """Rates, kept evenly over the hour; emergencies and what people ask for are counted and not held."""
    hours: tuple[HoursSettings, ...] = ()
    """Hours in which it is spared."""
    finder: Literal["orthanc", "pynetdicom"] = "orthanc"
    """Who asks it: Orthanc, or pacs_module itself where Orthanc cannot read the answers. Pulls always go by Orthanc."""
    host: str = ""
    port: int = Field(default=104, ge=1, le=65535)
    ae_title: str = Field(default="", max_length=16)
    calling_ae_title: str = Field(default="AIPULL", min_length=1, max_length=16)
    """Our AE title there; ``host``, ``port`` and both AE titles are for ``pynetdicom`` only, Orthanc has its own."""
    trust_modalities: bool = True
    """False for a PACS that tells only one of a study's modalities: they are asked at SERIES level then."""
    use_series: bool | None = None
    """FIND_PACS_USE_SERIES for this PACS; None: as the switch says."""
    caps: tuple[Annotated[int, Field(gt=0)], ...] = ()
    """Numbers of answers at which it is known to stop."""
    recent_min: float = Field(default=0.0, ge=0)
    """Each round asks only for studies of the last so many minutes; 0 for a PACS that does not honour StudyTime ranges."""
    whole_day_s: float = Field(default=0.0, ge=0)
    """Pause between asking for the whole day; 0: in each round."""
    earlier_days_s: float = Field(default=60.0, ge=0)
    """Pause between asking for each of the days before today."""
    look_again: bool = True
    """Where it tells no counts: look into each study again, ever more rarely, for what has grown since the pull."""
    profile: Path | None = None
    """What ``pacs-module probe`` wrote of it; default profiles/NAME.toml beside the settings. What is set here wins over it."""

    @property
    def look_back(self) -> LookBack:
        """What is asked how often."""
        recent, whole_day = timedelta(minutes=self.recent_min), timedelta(seconds=self.whole_day_s)
        return LookBack(recent, whole_day, timedelta(seconds=self.earlier_days_s))

    @model_validator(mode="after")
    def _where_it_is(self) -> PacsSettings:
        if self.finder == "pynetdicom" and not (self.host and self.ae_title):
            raise ValueError("finder pynetdicom needs host and ae_title of the PACS")
        return self


class OrthancSettings(_Section):
    """The receiving Orthanc."""

    url: str = "http://127.0.0.1:8042"
    username: str = ""
    password: SecretStr = SecretStr("")
    timeout_s: Seconds = 30.0
    find_timeout_s: Seconds = 120.0
    """Deadline of one C-FIND."""
    concurrent_jobs: int = Field(default=4, ge=1)
    """Its ConcurrentJobs: C-MOVEs beyond that wait in its queue."""


class WebSettings(_Section):
    """Our own HTTP server. From loopback the debug API needs no key, from elsewhere it does."""

    host: str = "127.0.0.1"
    port: int = Field(default=7000, ge=1, le=65535)
    api_key: SecretStr = Field(min_length=8)
    debug_asks_pacs: bool = True
    """Whether the debug API asks the PACS about what is not known here."""


class StoreSettings(_Section):
    """``sqlite:///path`` (default, one machine), ``mongodb://...`` or ``memory:`` (tests)."""

    url: str = "sqlite:///study_info.db"


class RabbitSettings(_Section):
    """RabbitMQ."""

    url: SecretStr


class BackendSettings(_Section):
    """The AI backend."""

    url: str
    key: SecretStr
    workers: int = Field(default=2, ge=1, le=64)
    """Deliveries at once: as many as the backend shall compute at a time."""
    timeout_s: Seconds = 30.0
    transfer: Literal["path", "bytes"] = "path"
    """``path``: the backend reads the hand-over folder itself; ``bytes``: one request brings it the files as a tar."""
    result_timeout_s: Seconds = 1500.0
    """A delivery without a result in this time is sent again. Below RabbitMQ's consumer_timeout of 30 minutes."""
    attempts: int = Field(default=8, ge=1)
    first_pause_s: Seconds = 10.0
    longest_pause_s: Seconds = 1800.0
    retention_s: float = Field(default=600.0, ge=0)
    """How long a hand-over folder is kept after its result."""
    circuit_failures: int = Field(default=5, ge=1)
    """After so many failures in a row (5xx, time-outs) nobody delivers for a while; at once when nobody is there."""
    circuit_pause_s: Seconds = 5.0
    circuit_longest_pause_s: Seconds = 60.0
    """Until one delivery is tried again; doubled with each that fails."""

    @property
    def circuit(self) -> CircuitPolicy:
        """When nobody delivers, and for how long."""
        return CircuitPolicy(self.circuit_failures, _policy(1, self.circuit_pause_s, self.circuit_longest_pause_s))


class RisColumnSettings(_Section):
    """Names of the columns of the RIS view; an empty one means that the view has none."""

    accession_number: str = Field(default="accession_number", min_length=1)
    patient_id: str = "patient_id"
    day: str = "order_date"
    body_part: str = Field(default="body_part", min_length=1)
    urgency: str = ""


class RisSettings(_Section):
    """Orders from a view of the RIS: only chest orders are pulled, in the order of their urgency."""

    url: SecretStr
    """SQLAlchemy's: ``oracle+oracledb://``, ``mssql+pymssql://``, ``mysql+pymysql://``, ``postgresql+psycopg://``, ``sqlite:///``."""
    view: str = Field(pattern=r"^[\w$#.]+$")
    columns: RisColumnSettings = RisColumnSettings()
    day_format: str = ""
    """How a text column writes the day (``%Y%m%d``); empty for a date or time column."""
    timeout_s: Seconds = 5.0
    tolerant: bool = False
    """Join all of the patient's orders of the day: chest images are filed under the abdomen order."""
    body_parts: dict[str, str] = {}
    """The site's codes and what they mean: ``"1001" = "CHEST"``."""
    emergency: tuple[str, ...] = ()
    green_channel: tuple[str, ...] = ()
    """What the urgency column says for them."""
    wait_s: float = Field(default=600.0, ge=0)
    """How long a study is held whose order the RIS does not know; then it is pulled by the filters alone."""
    again_s: Seconds = 60.0
    """Pause between questions about such a study."""

    @property
    def policy(self) -> RisPolicy:
        """How the orders are read."""
        return RisPolicy(self.body_parts, self.emergency, self.green_channel, self.tolerant)


class AnonymiseSettings(_Section):
    """Hand-overs are copied without names before the backend learns of them; off when the table is not there."""

    folder: Path
    """For the copies, under the same path for pacs_module and the backend."""
    key: SecretStr = Field(min_length=16)
    """Secret of the site: the pseudonyms come from it. With another one every UID gets another pseudonym."""


class ArchiveSettings(_Section):
    """Computed series are kept, compressed without loss; off when the table is not there."""

    folder: Path
    keep_days: int = Field(default=30, ge=1)


class PullSettings(_Section):
    """Repeats of a pull that failed or came short."""

    attempts: int = Field(default=5, ge=1)
    first_pause_s: Seconds = 30.0
    longest_pause_s: Seconds = 1800.0
    watch_s: Seconds = 15.0
    """How often a running pull is asked after when no report has come."""
    ageing_min: float = Field(default=60.0, gt=0)
    """A study that has waited so long goes with the next class: routine with the green channel; never with emergencies."""
    room_pause_s: Seconds = 5.0
    """How long a pull waits when the RAM disk had no room."""


class ReconcileSettings(_Section):
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
    keep_days: int = Field(default=90, ge=1)


class Settings(BaseSettings):
    """All settings; ``time_zone`` is mandatory: StudyDate, ``crossday`` and "today" are the hospital's."""

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        env_prefix=ENVIRONMENT_PREFIX,
        env_nested_delimiter="__",
        env_ignore_empty=True,  # docker-compose cannot leave a variable out, only empty
        hide_input_in_errors=True,
    )

    time_zone: str
    crossday: int = Field(default=0, ge=-31, le=0)
    move_sync: bool = True
    """``MOVE_SYNC`` in the file: the name that the sites know."""
    find_interval_s: Seconds = 10.0
    find_dates: tuple[date, ...] = ()
    start_date: date | None = None
    go_live: datetime | None = None
    """Hospital time; studies from before it are pulled at ``backlog_per_hour`` at most: going live does not flood the PACS."""
    backlog_per_hour: int = Field(default=60, ge=1)
    stability_rule: Literal["unchanged_count", "fixed_delay"] = "unchanged_count"
    stability_delay_s: Seconds = 600.0
    lease_s: float = Field(default=30.0, ge=3)
    """With several processes on one store: after this the work of one that died is taken over."""
    log_folder: Path = Path("log")
    config: Path | None = None
    site_config: Path | None = None
    pacs: tuple[PacsSettings, ...] = Field(min_length=1)
    orthanc: OrthancSettings = OrthancSettings()
    web: WebSettings
    store: StoreSettings = StoreSettings()
    rabbitmq: RabbitSettings
    backend: BackendSettings
    pull: PullSettings = PullSettings()
    ris: RisSettings | None = None
    anonymise: AnonymiseSettings | None = None
    archive: ArchiveSettings | None = None
    reconcile: ReconcileSettings = ReconcileSettings()

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError("an IANA name such as Asia/Shanghai")
        return value

    @field_validator("site_config", mode="before")
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        return value or None

    @field_validator("pacs")
    @classmethod
    def _different_names(cls, value: tuple[PacsSettings, ...]) -> tuple[PacsSettings, ...]:
        names = [pacs.name for pacs in value]
        if len(set(names)) != len(names):
            raise ValueError("each PACS needs a name of its own")
        return value

    def sparing(self, pacs: PacsSettings) -> Sparing:
        """What a PACS may be asked for."""
        hours = tuple(hours.hours for hours in pacs.hours)
        return Sparing(1 if self.move_sync else pacs.parallel_pulls, pacs.pulls_per_hour, pacs.images_per_hour, hours)

    @property
    def zone(self) -> ZoneInfo:
        """The hospital's time zone."""
        return ZoneInfo(self.time_zone)

    @property
    def stability(self) -> StabilityPolicy:
        """The stability rule."""
        rule = FIXED_DELAY if self.stability_rule == FIXED_DELAY else UNCHANGED_COUNT
        return StabilityPolicy(rule, timedelta(seconds=self.stability_delay_s))

    @property
    def backlog(self) -> Backlog:
        """What is from before going live, and how fast it is pulled."""
        return Backlog(self.go_live.strftime("%Y-%m-%d %H%M%S") if self.go_live else "", self.backlog_per_hour)

    @property
    def reconcile_folder(self) -> Path:
        """Where the reports of reconciliation are kept."""
        return self.reconcile.folder or self.log_folder / "reconcile"

    @property
    def pull_retry(self) -> RetryPolicy:
        """Pauses between pulls."""
        return _policy(self.pull.attempts, self.pull.first_pause_s, self.pull.longest_pause_s)

    @property
    def delivery_retry(self) -> RetryPolicy:
        """Pauses between deliveries."""
        return _policy(self.backend.attempts, self.backend.first_pause_s, self.backend.longest_pause_s)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment over file; no other source."""
        return (env_settings, init_settings)


def _policy(attempts: int, first: float, longest: float) -> RetryPolicy:
    return RetryPolicy(attempts, timedelta(seconds=first), timedelta(seconds=longest))


def load_settings(path: Path | None, environment: Mapping[str, str] = os.environ) -> Settings:
    """
    Read the settings.

    Args:
        path: TOML file; None: the one that ``PACS_MODULE_SETTINGS`` names, or environment variables alone.
        environment: For the check of variable names.

    Raises:
        ConfigurationError: Naming the key, its value and what is allowed.
    """
    path = path or (Path(environment[SETTINGS_FILE]) if environment.get(SETTINGS_FILE) else None)
    values = _read_file(path)
    _check_environment(environment)
    try:
        return with_profiles(Settings(**values), path)
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigurationError(".".join(map(str, first["loc"])), _printable(first), _allowed(first)) from error
    except SettingsError as error:  # a list or a table in a variable that is no JSON; its words name the field
        raise ConfigurationError(ENVIRONMENT_PREFIX + "...", "(not shown)", f"JSON for lists and tables ({error})") from None


def _read_file(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError("settings file", str(path), f"a readable TOML file ({error})") from error
    if "MOVE_SYNC" in values:
        values["move_sync"] = values.pop("MOVE_SYNC")
    return values


def _check_environment(environment: Mapping[str, str]) -> None:
    known = {name.upper() for name in Settings.model_fields}
    for name, value in environment.items():
        if name.startswith(ENVIRONMENT_PREFIX) and name != SETTINGS_FILE:
            first = name.removeprefix(ENVIRONMENT_PREFIX).split("__")[0].upper()
            if first not in known:
                shown = _HIDDEN if _is_secret(name) else value
                raise ConfigurationError(name, shown, f"{ENVIRONMENT_PREFIX} and one of {', '.join(sorted(known))}")


_HIDDEN = "(not shown)"
_SECTIONS_WITH_SECRETS = ("orthanc", "web", "rabbitmq", "backend", "store", "anonymise")


def _is_secret(name: str) -> bool:
    return any(word in name.lower() for word in ("key", "password", "url", "secret", "token"))


def _printable(error: Any) -> object:
    """The value, unless it is a secret or may be one: a whole section, or a misspelt key beside one."""
    place, value = error["loc"], error["input"]
    if error["type"] == "missing":
        return None
    misspelt = error["type"] == "extra_forbidden" and place[0] in _SECTIONS_WITH_SECRETS
    whole = len(place) == 1 and place[0] in _SECTIONS_WITH_SECRETS
    hidden = misspelt or whole or isinstance(value, dict) or any(_is_secret(str(part)) for part in place)
    return _HIDDEN if hidden else value


def _allowed(error: Any) -> str:
    if error["type"] == "missing":
        return "it must be given"
    if error["type"] == "extra_forbidden":
        return "there is no such setting"
    return str(error["msg"]).removeprefix("Value error, ")
