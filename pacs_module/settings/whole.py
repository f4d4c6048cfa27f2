"""All settings together: the sections, and what stands before the first of them."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, NaiveDatetime, PrivateAttr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from ..domain.find.go_live import Backlog
from ..domain.find.stability import FIXED_DELAY, UNCHANGED_COUNT, StabilityPolicy
from ..domain.find.traits import PacsTraits
from ..domain.growing_study.quiet import QuietPolicy
from ..domain.growing_study.scan import FollowPolicy
from ..domain.privacy.retention import RetentionAges, capped
from ..domain.pull.throttle import PacsLimits
from ..domain.retry import RetryPolicy
from .alarms import AlarmSettings
from .backend import BackendSettings
from .destinations import AnyDestination, ParametersSettings, UploadCacheSettings
from .optional import (
    AnonymiseSettings,
    ArchiveSettings,
    BackupSettings,
    PrivacySettings,
    ReconcileSettings,
    RehearseSettings,
    ResultSettings,
    WatchedFolderSettings,
)
from .pacs import PacsSettings, PullSettings
from .ris import ReportSettings, RisSettings
from .section import Seconds, retry_policy
from .servers import (
    OrthancSettings,
    PlatformSettings,
    RabbitSettings,
    ReceiverSettings,
    StoreSettings,
    WebSettings,
)

ENVIRONMENT_PREFIX = "PACS_MODULE_"


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
    go_live: NaiveDatetime | None = None
    """
    Hospital time; studies from before it are pulled at ``backlog_per_hour`` at most: going live does not
    flood the PACS.
    """
    backlog_per_hour: int = Field(default=60, ge=1)
    stability_rule: Literal["unchanged_count", "fixed_delay"] = "unchanged_count"
    stability_delay_s: Seconds = 600.0
    series_quiet_s: float = Field(default=2.0, ge=0.2, le=3600)
    """
    A series whose count has stood still for so long is whole, where growing studies are followed
    (``follow``).
    """
    lease_s: float = Field(default=30.0, ge=3, le=3600)
    """With several processes on one store: after this the work of one that died is taken over."""
    stuck_after_s: Seconds = 300.0
    """A step that takes so much longer than the time-outs of those it asks is told as stuck."""
    log_folder: Path = Path("log")
    handover_folder: Path | None = None
    """
    As pacs_module sees it; a hand-over outside of it is refused. None: not known here, any absolute path will
    do.
    """
    config: Path | None = None
    site_config: Path | None = None
    pacs: tuple[PacsSettings, ...] = Field(min_length=1)
    orthanc: OrthancSettings = OrthancSettings()
    receiver: tuple[ReceiverSettings, ...] = ()
    """``[[receiver]]`` in the file: further receiving Orthancs beside ``[orthanc]``."""
    web: WebSettings
    store: StoreSettings = StoreSettings()
    rabbitmq: RabbitSettings
    backend: BackendSettings
    destination: tuple[AnyDestination, ...] = ()
    """``[[destination]]`` in the file: where hand-overs go beside the backend."""
    upload_cache: UploadCacheSettings | None = Field(default=None, validate_default=True)
    watched_folder: WatchedFolderSettings | None = None
    results: ResultSettings | None = Field(default=None, validate_default=True)
    pull: PullSettings = PullSettings()
    ris: RisSettings | None = None
    anonymise: AnonymiseSettings | None = None
    archive: ArchiveSettings | None = None
    reconcile: ReconcileSettings = ReconcileSettings()
    rehearse: RehearseSettings = RehearseSettings()
    backup: BackupSettings = BackupSettings()
    alarms: AlarmSettings = AlarmSettings()
    platform: PlatformSettings | None = None
    parameters: ParametersSettings | None = None
    """The regional platform's parameters; None: the settings file alone decides."""
    reports: ReportSettings = ReportSettings()
    privacy: PrivacySettings = PrivacySettings()
    _file: Path | None = PrivateAttr(default=None)
    """The settings file; None: all came from the environment."""

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError("an IANA name such as Asia/Shanghai")
        return value

    @field_validator("site_config", "handover_folder", mode="before")
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        return value or None

    @field_validator("destination")
    @classmethod
    def _different_destinations(cls, value: tuple[AnyDestination, ...]) -> tuple[AnyDestination, ...]:
        if len({one.name for one in value}) != len(value):
            raise ValueError("each destination needs a name of its own")
        return value

    @field_validator("parameters")
    @classmethod
    def _known_destinations(
        cls, value: ParametersSettings | None, info: ValidationInfo
    ) -> ParametersSettings | None:
        names = {one.name for one in info.data.get("destination", ())}
        strange = [one for one in value.destinations if one not in names] if value is not None else []
        if strange:
            raise ValueError(f"there is no destination {strange[0]}")
        return value

    @field_validator("receiver")
    @classmethod
    def _different_receivers(
        cls, value: tuple[ReceiverSettings, ...], info: ValidationInfo
    ) -> tuple[ReceiverSettings, ...]:
        first = info.data.get("orthanc", OrthancSettings())
        names = [first.name, *(one.name for one in value)]
        if len(set(names)) != len(names):
            raise ValueError("orthanc and each receiver need names of their own")
        return value

    @field_validator("upload_cache")
    @classmethod
    def _converted_somewhere(
        cls, value: UploadCacheSettings | None, info: ValidationInfo
    ) -> UploadCacheSettings | None:
        told = info.data.get("destination", ())
        if value is None and any(one.transfer_syntax != "as_is" for one in told):
            raise ValueError(
                "there, because a destination has a transfer_syntax: converted images lie in its folder"
            )
        if value is None and any(getattr(one, "preview", "none") != "none" for one in told):
            raise ValueError("there, because a destination has a preview: pictures lie in its folder")
        return value

    @field_validator("results")
    @classmethod
    def _results_have_a_way(cls, value: ResultSettings | None, info: ValidationInfo) -> ResultSettings | None:
        destined = any(one.what == "results" for one in info.data.get("destination", ()))
        if destined and value is None:
            raise ValueError('there, because a destination has what = "results"')
        if value is not None and not destined and "destination" in info.data:
            raise ValueError('with a [[destination]] that has what = "results"')
        return value

    @field_validator("anonymise")
    @classmethod
    def _no_names_beside_it(
        cls, value: AnonymiseSettings | None, info: ValidationInfo
    ) -> AnonymiseSettings | None:
        more = [one.name for one in info.data.get("destination", ()) if one.what in ("wanted", "study")]
        if value is not None and more:
            raise ValueError(
                f"left out: destination {more[0]} gets series beside those to compute, which are not copied "
                "without names"
            )
        return value

    @field_validator("pacs")
    @classmethod
    def _different_names(cls, value: tuple[PacsSettings, ...]) -> tuple[PacsSettings, ...]:
        names = [pacs.name for pacs in value]
        if len(set(names)) != len(names):
            raise ValueError("each PACS needs a name of its own")
        return value

    @property
    def receivers(self) -> tuple[OrthancSettings, ...]:
        """Every receiving Orthanc, ``[orthanc]`` first."""
        return (self.orthanc, *(one.beside(self.orthanc) for one in self.receiver))

    @property
    def file(self) -> Path | None:
        """The settings file; None: all came from the environment."""
        return self._file

    def read_from(self, file: Path | None) -> Settings:
        """Remember the settings file."""
        self._file = file
        return self

    @property
    def traits(self) -> dict[str, PacsTraits]:
        """What each PACS can do, by name."""
        return {pacs.name: pacs.traits for pacs in self.pacs}

    def limits_of(self, pacs: PacsSettings) -> PacsLimits:
        """What a PACS may be asked for."""
        hours = tuple(hours.hours for hours in pacs.hours)
        return PacsLimits(
            1 if self.move_sync else pacs.parallel_pulls,
            pacs.pulls_per_hour,
            pacs.images_per_hour,
            hours,
            pacs.queries_per_second,
        )

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
    def follow(self) -> FollowPolicy:
        """How growing studies are followed."""
        quiet_ms = round(1000 * self.series_quiet_s)
        quiet = QuietPolicy(quiet_ms, min(quiet_ms, QuietPolicy.even_ms))
        return FollowPolicy(quiet=quiet, study_quiet_ms=round(1000 * self.find_interval_s))

    @property
    def backlog(self) -> Backlog:
        """What is from before going live, and how fast it is pulled."""
        return Backlog(
            self.go_live.strftime("%Y-%m-%d %H%M%S") if self.go_live else "", self.backlog_per_hour
        )

    @property
    def reconcile_folder(self) -> Path:
        """Where the reports of reconciliation are kept."""
        return self.reconcile.folder or self.log_folder / "reconcile"

    @property
    def trail_file(self) -> Path:
        """Who saw and did what, one JSON object a line."""
        return self.log_folder / "audit-trail.jsonl"

    @property
    def rules_history(self) -> Path:
        """Who applied which rules and why, one JSON object a line."""
        return self.log_folder / "rules-history.jsonl"

    @property
    def ages(self) -> RetentionAges:
        """How long what names patients is kept: ages of its own, none longer than that of the studies."""
        own, most = self.privacy, self.privacy.keep_days
        headers = min(self.rehearse.keep_days, most) if most else self.rehearse.keep_days
        return RetentionAges(
            studies=most,
            headers=headers,
            reports=capped(self.reconcile.keep_days, most),
            ledger=capped(self.reports.keep_days, most),
            logs=capped(own.keep_log_days, most),
            audit=own.keep_audit_days,
        )

    @property
    def pull_retry(self) -> RetryPolicy:
        """Pauses between pulls."""
        return retry_policy(self.pull.attempts, self.pull.first_pause_s, self.pull.longest_pause_s)

    @property
    def delivery_retry(self) -> RetryPolicy:
        """Pauses between deliveries."""
        return retry_policy(self.backend.attempts, self.backend.first_pause_s, self.backend.longest_pause_s)

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
