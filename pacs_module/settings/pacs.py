"""``[[pacs]]``: what each hospital PACS can do, and how it is spared; ``[pull]``: repeats of pulls."""

from __future__ import annotations

from dataclasses import fields
from datetime import time
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, FilePath, model_validator

from ..domain.circuit import CircuitPolicy
from ..domain.find.traits import PacsTraits
from ..domain.pull.move_circuit import PATH_POLICY
from ..domain.pull.throttle import Hours
from ..domain.study.priority import BACKLOG, EMERGENCY, GREEN_CHANNEL, MANUAL
from .section import YEAR_S, Pause, Seconds, Section, retry_policy

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_KEYWORD = r"^[A-Z][A-Za-z0-9]{0,63}$"
_SENDER = r"^[!-\[\]-~]([ -\[\]-~]{0,62}[!-\[\]-~])?$"
"""An AE title or an address: printable ASCII without backslash (PS3.5 6.2), no space at either end."""
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class HoursSettings(Section):
    """Hours of the day in which a PACS is spared; over midnight when ``end`` is not after ``begin``."""

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
        return Hours(
            self.begin,
            self.end,
            frozenset(DAYS.index(day) for day in self.days),
            self.parallel_pulls,
            least[self.pull],
        )


class PacsTlsSettings(Section):
    """
    ``[pacs.tls]``: pacs_module's own associations with a PACS that wants TLS; Orthanc has options of its own.
    """

    ca_file: FilePath
    """Who has signed the PACS's certificate, PEM."""
    certificate: FilePath
    key: FilePath
    """Ours, PEM."""
    check_host: bool = True
    """The PACS's certificate names ``host``; false where it names something else."""


class PacsSettings(Section):
    """
    One hospital PACS; ``name`` is its alias in Orthanc's DicomModalities.

    What it can do is the value :attr:`traits`: each of its fields is a key here.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")
    series_level: bool = True
    """Ask at SERIES level for the counts of each series before a pull; off for a PACS that refuses it."""
    count_by_image: bool = False
    """
    Its counts are missing or not to be trusted: every SOPInstanceUID is asked for at IMAGE level before a
    pull.
    """
    repair: Literal["STUDY", "SERIES", "IMAGE"] = "SERIES"
    """
    What it can move of a study that came short: the series that lack images, only the missing images, or the
    whole study.
    """
    parallel_pulls: int = Field(default=1, ge=1, le=16)
    """How many pulls at once with MOVE_SYNC = false; with true it is one."""
    pulls_per_hour: int | None = Field(default=None, ge=1)
    images_per_hour: int | None = Field(default=None, ge=1)
    """Rates, kept evenly over the hour; emergencies and what people ask for are counted and not held."""
    hours: tuple[HoursSettings, ...] = ()
    """Hours in which it is spared."""
    finder: Literal["orthanc", "pynetdicom"] = "orthanc"
    """
    Who asks it: Orthanc, or pacs_module itself where Orthanc cannot read the answers. Pulls always go by
    Orthanc.
    """
    direct_fallback: bool = True
    """
    Where Orthanc cannot read its answers, pacs_module asks it directly; false where it lets nobody but
    Orthanc in.
    """
    host: str = ""
    port: int = Field(default=104, ge=1, le=65535)
    ae_title: str = Field(default="", max_length=16)
    calling_ae_title: str = Field(default="AIPULL", min_length=1, max_length=16)
    """
    Our AE title there; ``host``, ``port`` and both AE titles are for ``pynetdicom`` only, Orthanc has its
    own.
    """
    tls: PacsTlsSettings | None = None
    trust_modalities: bool = True
    """False for a PACS that tells only one of a study's modalities: they are asked at SERIES level then."""
    use_series: bool | None = None
    """FIND_PACS_USE_SERIES for this PACS; None: as the switch says."""
    caps: tuple[Annotated[int, Field(gt=0)], ...] = ()
    """Numbers of answers at which it is known to stop."""
    ignores: tuple[Annotated[str, Field(pattern=_KEYWORD)], ...] = ()
    """
    Matching keys (DICOM keywords) that it does not honour; what it answers besides is dropped in any case.
    """
    senders: tuple[Annotated[str, Field(pattern=_SENDER)], ...] = ()
    """
    AE titles and addresses that it sends images from, besides those in Orthanc's DicomModalities: nodes,
    DICOM routers, NAT.
    """
    find_deadline_s: Seconds | None = None
    """How long one C-FIND may take; None: ``orthanc.find_timeout_s``."""
    follow: bool = True
    """
    While a CT study grows it is asked for by itself at SERIES level, and the series to compute is pulled as
    soon as it stands still, ahead of the rest.
    """
    queries_per_second: float = Field(default=2.0, ge=0.05, le=50)
    """Of those queries, at most so many; the finds of the day come on top."""
    recent_min: float = Field(default=0.0, ge=0, le=YEAR_S / 60)
    """
    Each round asks only for studies of the last so many minutes; 0 for a PACS that does not honour StudyTime
    ranges.
    """
    whole_day_s: Pause = 0.0
    """Pause between asking for the whole day; 0: in each round."""
    earlier_days_s: Pause = 60.0
    """Pause between asking for each of the days before today."""
    look_again: bool = True
    """
    Where it tells no counts: look into each study again, ever more rarely, for what has grown since the pull.
    """
    profile: Path | None = None
    """
    What ``pacs-module probe`` wrote of it; default profiles/NAME.toml beside the settings. What is set here
    wins over it.
    """

    @property
    def traits(self) -> PacsTraits:
        """What it can do, as the use cases know it."""
        return PacsTraits(**{trait.name: getattr(self, trait.name) for trait in fields(PacsTraits)})

    @model_validator(mode="after")
    def _where_it_is(self) -> PacsSettings:
        if self.finder == "pynetdicom" and not (self.host and self.ae_title):
            raise ValueError("finder pynetdicom needs host and ae_title of the PACS")
        return self


class PullSettings(Section):
    """Repeats of a pull that failed or came short."""

    attempts: int = Field(default=5, ge=1)
    first_pause_s: Seconds = 30.0
    longest_pause_s: Seconds = 1800.0
    watch_s: Seconds = 15.0
    """How often a running pull is asked after when no report has come."""
    ageing_min: float = Field(default=60.0, gt=0, le=YEAR_S / 60)
    """
    A study that has waited so long goes with the next class: routine with the green channel; never with
    emergencies.
    """
    room_pause_s: Seconds = 5.0
    """How long a pull waits when the RAM disk had no room."""
    receiver_away_s: Seconds = 60.0
    """With several receiving Orthancs: one that has not answered for so long loses its pulls to another."""
    path_pause_s: Seconds = 10.0
    """
    While nothing can be pulled from a PACS one study is tried after this, then after twice as long, and so
    on.
    """
    path_longest_pause_s: Seconds = 60.0
    """But never after more than this."""

    @property
    def path(self) -> CircuitPolicy:
        """When the path of the moves from a PACS counts as broken, and how often it is tried then."""
        pauses = retry_policy(1, self.path_pause_s, self.path_longest_pause_s)
        return CircuitPolicy(PATH_POLICY.failures, pauses)
