"""
A busy day of a whole hospital: hundreds to thousands of studies of all modalities, over two midnights, with the truth about each.

Pure: the same arguments give the same day, UIDs included. ``day.py`` plans a few studies picture by picture; here the number
of studies, when they reach the PACS and what is odd about them is the point. Images are made when somebody pulls them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, TypeVar

import numpy as np

from hospital_sim import devices
from hospital_sim.acquisition import ct_descriptions, image_type_of, kernel_of, made_as, modality_of, thickness_of
from hospital_sim.devices import Device
from hospital_sim.planned_study import Content, Patient, PlannedSeries, PlannedStudy, Region, expected_series, stable_uid

# Studies begun in each hour of the day, relative; two peaks with a lunch break, emergencies at night.
HOURLY = (
    2.0, 1.5, 1.0, 1.0, 1.0, 1.5, 3.0, 6.0, 10.0, 11.0, 11.0, 9.0,
    5.0, 5.0, 9.0, 10.0, 9.0, 7.0, 4.0, 3.5, 3.0, 3.0, 2.5, 2.0,
)  # fmt: skip
T = TypeVar("T")
DAMAGED = "damaged"  # in place of a character set: text once damaged for good, see pacs/text.py

EVENING = dt.timedelta(hours=6)  # before the first midnight
NIGHT = dt.timedelta(hours=6)  # after the second
CLOCK_OFF = dt.timedelta(hours=8)  # a CT that counts in UTC in a hospital of UTC+8
CLOCK_OFF_DEVICE = devices.PHILIPS_HELICAL_CT
IMAGES_PER_SECOND = 12.0  # that a modality sends


class Oddity(StrEnum):
    """What is special about a study."""

    LATE_SERIES = "late series"
    NEXT_DAY_SERIES = "late series on the next day, another SeriesDate"
    LATE_ARCHIVED = "archived hours late"
    CORRECTED = "demographics corrected"
    VANISHES = "deleted"
    CLOCK = "clock of the device eight hours behind"
    DUPLICATE = "AccessionNumber of another study"
    PRIOR = "prior of an earlier date"


# Of all studies that can have it, at least one.
SHARES = {
    Oddity.LATE_SERIES: 0.05,
    Oddity.NEXT_DAY_SERIES: 0.02,
    Oddity.LATE_ARCHIVED: 0.02,
    Oddity.CORRECTED: 0.015,
    Oddity.VANISHES: 0.005,
}
DUPLICATE_SHARE = 0.01
PRIOR_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class SeriesArrival:
    """When the images of one series reach the PACS: evenly from the first to the last."""

    planned: PlannedSeries
    begins_at: dt.datetime
    ends_at: dt.datetime


@dataclass(frozen=True, slots=True)
class StudyCorrection:
    """From ``at`` on the PACS gives these values (keyword to text)."""

    at: dt.datetime
    attributes: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class BusyStudy:
    """
    One study of the day, with the truth about it.

    Attributes:
        planned: What the modality wrote; ``planned.wanted`` says whether the backend should compute it (``chest``).
        arrivals: When each series comes, in the order of arrival.
        oddities: What is special.
        corrections: Changes of demographics.
        vanishes_at: When it is deleted from the PACS.
    """

    planned: PlannedStudy
    arrivals: tuple[SeriesArrival, ...]
    oddities: frozenset[Oddity] = frozenset()
    corrections: tuple[StudyCorrection, ...] = ()
    vanishes_at: dt.datetime | None = None

    @property
    def uid(self) -> str:
        """StudyInstanceUID."""
        return self.planned.uid

    @property
    def arrives_at(self) -> dt.datetime:
        """When the first image reaches the PACS."""
        return min(one.begins_at for one in self.arrivals)

    @property
    def complete_at(self) -> dt.datetime:
        """When the last image has reached the PACS."""
        return max(one.ends_at for one in self.arrivals)

    @property
    def modalities(self) -> frozenset[str]:
        """ModalitiesInStudy once all is there."""
        return frozenset(one.planned.modality for one in self.arrivals)

    @property
    def wanted(self) -> bool:
        """Whether the study is wanted at STUDY level by the default modalities: CT, or DX, DR, CR."""
        return bool(self.modalities & {"CT", "DX", "DR", "CR"})

    @property
    def chest(self) -> bool:
        """Whether a chest series remains under the default rules."""
        return self.planned.wanted

    @property
    def expected_series(self) -> tuple[str, ...]:
        """SeriesInstanceUIDs that the backend should get once all is there."""
        return self.planned.expected_series

    def as_json(self) -> dict[str, Any]:
        """The truth about the study for a checker."""
        return {
            "studyUID": self.uid,
            "label": self.planned.label,
            "patientID": self.planned.patient.patient_id,
            "accessionNumber": self.planned.accession_number,
            "studyDate": self.planned.started_at.date().isoformat(),
            "arrivesAt": self.arrives_at.isoformat(),
            "completeAt": self.complete_at.isoformat(),
            "vanishesAt": self.vanishes_at.isoformat() if self.vanishes_at else None,
            "modalities": sorted(self.modalities),
            "wanted": self.wanted,
            "chest": self.chest,
            "expectedSeries": list(self.expected_series),
            "instances": self.planned.instances,
            "oddities": sorted(self.oddities),
        }


@dataclass(frozen=True)
class BusyDay:
    """
    The studies of a day, priors included, in the order in which they reach the PACS.

    Attributes:
        date: The day in the middle.
        begins_at: First moment: the evening before ``date``.
        ends_at: Last moment: the morning after ``date``.
    """

    date: dt.date
    seed: int
    begins_at: dt.datetime
    ends_at: dt.datetime
    studies: tuple[BusyStudy, ...]

    @property
    def new_studies(self) -> tuple[BusyStudy, ...]:
        """All but the priors."""
        return tuple(one for one in self.studies if Oddity.PRIOR not in one.oddities)

    @property
    def wanted(self) -> tuple[BusyStudy, ...]:
        """The new studies that are wanted at STUDY level."""
        return tuple(one for one in self.new_studies if one.wanted)

    @property
    def settled_at(self) -> dt.datetime:
        """When the last image, however late, has arrived."""
        return max(one.complete_at for one in self.studies)

    def as_json(self) -> list[dict[str, Any]]:
        """The truth, one object a study."""
        return [one.as_json() for one in self.studies]


# ---------------------------------------------------------------------------------------------- catalogue


@dataclass(frozen=True)
class _Text:
    """How one department describes an examination: (BodyPartExamined, ProtocolName, StudyDescription, word in the series)."""

    body_part: str
    protocol: str
    study: str
    series: str
    character_set: str = "ISO_IR 192"


@dataclass(frozen=True)
class _Kind:
    """A kind of examination: how frequent, on which devices, with which series."""

    label: str
    share: float
    modality: str
    devices: tuple[Device, ...]
    texts: tuple[_Text, ...]
    contents: tuple[tuple[Content, ...], ...]
    chest: bool = False
    region: Region = Region.CHEST
    extra: tuple[str, ...] = ()


_CT = (
    devices.SIEMENS_CT, devices.GE_CT, devices.PHILIPS_CT, devices.CANON_CT, devices.UIH_CT, devices.PHILIPS_HELICAL_CT,
)  # fmt: skip
_DX = (devices.SIEMENS_DX, devices.UIH_DX, devices.ANGELL_DX)
_CT_SERIES = (
    (Content.SCOUT, Content.THICK, Content.THIN_SOFT, Content.THIN_SHARP, Content.MPR, Content.DOSE_REPORT),
    (Content.SCOUT, Content.THICK, Content.THIN_SOFT, Content.THIN_SHARP, Content.DOSE_REPORT),
    (Content.SCOUT, Content.THICK, Content.THIN_SOFT, Content.MPR),
    (Content.SCOUT, Content.THICK, Content.THIN_SOFT),
    (Content.SCOUT, Content.THICK, Content.THIN_SOFT, Content.THIN_SHARP, Content.PRESENTATION_STATE),
    (Content.SCOUT, Content.THICK),
)
_SHORT_CT = ((Content.SCOUT, Content.THICK), (Content.SCOUT, Content.THICK, Content.THIN_SOFT), (Content.SCOUT, Content.THICK))
_CHEST_CT_TEXTS = (
    _Text("CHEST", "Thorax_Routine", "Thorax Routine", "Thorax"),
    _Text("CHEST", "5.1 CHEST ROUTINE", "111", "Chest"),
    _Text("CHEST", "Lung screening", "胸部CT平扫", "肺", "GB18030"),
    _Text("", "Routine", "胸部平扫", "胸部平扫", "GB18030"),
    _Text("", "Routine", "胸部平扫", "胸部平扫", DAMAGED),
    _Text("", "PULMO HR", "111", "Helical"),
    _Text("THORAX", "Volume", "CT", "Vol"),
)
_RADIOGRAPH_TEXTS = (
    _Text("CHEST", "Chest p.a.", "Chest PA and LAT", "Chest"),
    _Text("CHEST", "胸部", "胸部正侧位", "胸部", "GB18030"),
    _Text("", "胸部正位", "111", "正位", "GB18030"),
    _Text("CHEST", "Chest", "DR", "Chest"),
)
_LIMB_TEXTS = (
    _Text("HAND", "Hand", "Hand left", "Hand"),
    _Text("KNEE", "Knee ap/lat", "膝关节正侧位", "膝", "GB18030"),
    _Text("", "L-Spine", "腰椎正侧位", "腰椎", "GB18030"),
    _Text("PELVIS", "Pelvis", "111", "Pelvis"),
)
_TWO_VIEWS = ((Content.FRONTAL, Content.LATERAL), (Content.FRONTAL,))
KINDS = (
    _Kind("chest CT", 0.17, "CT", _CT, _CHEST_CT_TEXTS, _CT_SERIES, chest=True),
    _Kind("head CT", 0.10, "CT", _CT, (
        _Text("HEAD", "HeadSeq", "Head Routine", "Head"), _Text("", "1.1 HEAD", "HEAD", "SKULL"),
        _Text("HEAD", "头颅", "头颅平扫", "头颅", "GB18030"),
    ), _SHORT_CT, region=Region.HEAD),
    _Kind("abdomen CT", 0.09, "CT", _CT, (
        _Text("ABDOMEN", "Abdomen Plain", "上腹部平扫", "腹部", "GB18030"), _Text("ABDOMEN", "AbdRoutine", "111", "Abdomen"),
        _Text("", "LIVER 3PH", "Liver", "Liver"),
    ), _CT_SERIES, region=Region.ABDOMEN),
    _Kind("chest DX", 0.17, "DX", _DX, _RADIOGRAPH_TEXTS, _TWO_VIEWS, chest=True),
    _Kind("limb DX", 0.13, "DX", _DX, _LIMB_TEXTS, _TWO_VIEWS, region=Region.HAND),
    _Kind("chest DR", 0.03, "DR", (devices.UIH_DR,), _RADIOGRAPH_TEXTS, _TWO_VIEWS, chest=True),
    _Kind("chest CR", 0.03, "CR", (devices.PHILIPS_CR,), _RADIOGRAPH_TEXTS[:1], _TWO_VIEWS, chest=True),
    _Kind("limb CR", 0.02, "CR", (devices.PHILIPS_CR,), _LIMB_TEXTS, _TWO_VIEWS, region=Region.HAND),
    _Kind("MR", 0.09, "MR", (devices.SIEMENS_MR, devices.PHILIPS_MR), (
        _Text("HEAD", "t2_tse_tra", "Head MR", "t2_tse_tra"), _Text("LSPINE", "t1_sag", "腰椎平扫", "t1_sag", "GB18030"),
    ), ((Content.MR,) * 4, (Content.MR,) * 6), region=Region.HEAD),
    _Kind("ultrasound", 0.10, "US", (devices.GE_US, devices.MINDRAY_US), (
        _Text("ABDOMEN", "", "腹部超声", "", "GB18030"), _Text("", "", "Echo", ""),
    ), ((Content.OTHER,),)),
    _Kind("mammogram", 0.02, "MG", (devices.GE_MG,), (_Text("BREAST", "ROUTINE", "Mammography", ""),), ((Content.BREAST,),),
          region=Region.BREAST),
    # Wanted at STUDY level, for ModalitiesInStudy contains CT, and nothing in it to compute.
    _Kind("mammogram with a CT picture", 0.005, "MG", (devices.GE_MG,), (_Text("BREAST", "ROUTINE", "Mammography", ""),),
          ((Content.BREAST,),), region=Region.BREAST, extra=("CT",)),
    _Kind("PET-CT", 0.01, "CT", (devices.GE_PET,), (_Text("WHOLEBODY", "WB PET", "PET-CT", "WB"),),
          ((Content.SCOUT, Content.THICK),), extra=("PT",)),
    _Kind("angiography", 0.015, "XA", (devices.PHILIPS_XA,), (_Text("HEART", "Coro", "冠脉造影", "Coro", "GB18030"),),
          ((Content.OTHER,) * 3,)),
    _Kind("fluoroscopy", 0.015, "RF", (devices.SIEMENS_RF,), (
        _Text("CHEST", "Thorax", "Chest fluoroscopy", "Chest"), _Text("STOMACH", "GI", "上消化道造影", "GI", "GB18030"),
    ), ((Content.OTHER,),)),
    _Kind("scanned film", 0.005, "OT", (devices.SCANNER,), (_Text("", "", "胶片", "", "GB18030"),), ((Content.OTHER,),)),
)  # fmt: skip
_NAMES = (
    ("Wang^Fang", "王^芳"), ("Zhang^Wei", "张^伟"), ("Li^Na", "李^娜"), ("Liu^Yang", "刘^洋"), ("Chen^Jie", "陈^洁"),
    ("Yang^Min", "杨^敏"), ("Zhao^Lei", "赵^磊"), ("Huang^Yong", "黄^勇"), ("Wu^Qiang", "吴^强"), ("Zhou^Ming", "周^明"),
    ("Xu^Jing", "徐^静"), ("Sun^Li", "孙^丽"), ("Ma^Chao", "马^超"), ("Hu^Yan", "胡^燕"), ("Guo^Tao", "郭^涛"),
    ("He^Ping", "何^平"), ("Lin^Xia", "林^霞"), ("Luo^Bin", "罗^斌"), ("Zheng^Hao", "郑^浩"), ("Xie^Yu", "谢^宇"),
)  # fmt: skip
_FOREIGN_NAMES = ("Müller^Jürgen", "Łódź^Jan", "Kim^Minsu=김^민수", "Smith^John")


# ---------------------------------------------------------------------------------------------- planning


@dataclass(frozen=True)
class _Settings:
    date: dt.date
    seed: int
    matrix: int
    max_slices: int | None


def plan_busy_day(
    date: dt.date, studies: int = 800, *, seed: int = 1, matrix: int = 64, max_slices: int | None = None
) -> BusyDay:
    """
    Plan a busy day, from 18:00 of the evening before to 06:00 of the morning after.

    Args:
        date: The day in the middle, in the hospital's time zone.
        studies: New studies in these 36 hours; the priors of their patients come on top (some 35 %).
        seed: Another seed, another day.
        matrix: Rows and columns of the images, in pixels.
        max_slices: The most images of one series; None: as many as in life (thin series of 240 to 420). At least 12.

    Raises:
        ValueError: No study, or fewer than 12 slices.
    """
    if studies < 1:
        raise ValueError(f"a day of {studies} studies; at least one is needed")
    if max_slices is not None and max_slices < 12:
        raise ValueError(f"max_slices {max_slices}: at least 12, or no series is long enough to be computed")
    settings = _Settings(date, seed, matrix, max_slices)
    midnight = dt.datetime.combine(date, dt.time())
    begins_at, ends_at = midnight - EVENING, midnight + dt.timedelta(days=1) + NIGHT
    rng = np.random.default_rng([seed, date.toordinal(), studies])
    duplicates = max(1, round(DUPLICATE_SHARE * studies)) if studies >= 20 else 0
    times = _times(rng, begins_at, ends_at, studies - duplicates)
    kinds = _kinds(rng, len(times))
    plain = [_study(rng, settings, kind, number, at) for number, (kind, at) in enumerate(zip(kinds, times, strict=True))]
    new = _with_oddities(rng, plain)
    new += _reconstructions(rng, new, duplicates)
    priors = [one for study in new if rng.random() < PRIOR_SHARE for one in _priors(rng, study, begins_at)]
    in_order = sorted([*priors, *new], key=lambda one: (one.arrives_at, one.uid))
    return BusyDay(date, seed, begins_at, ends_at, tuple(in_order))


def _times(rng: np.random.Generator, begins_at: dt.datetime, ends_at: dt.datetime, number: int) -> list[dt.datetime]:
    """Moments of the day by the profile, at whole seconds, the last half hour left free for the images to arrive."""
    hours = int((ends_at - begins_at).total_seconds() // 3600)
    weights = np.array([HOURLY[(begins_at.hour + hour) % 24] for hour in range(hours)])
    chosen = rng.choice(hours, size=number, p=weights / weights.sum())
    seconds = np.minimum(chosen * 3600 + rng.integers(0, 3600, size=number), hours * 3600 - 1800)
    return [begins_at + dt.timedelta(seconds=int(one)) for one in sorted(seconds)]


def _pick(rng: np.random.Generator, items: Sequence[T]) -> T:
    return items[int(rng.integers(len(items)))]


def _kinds(rng: np.random.Generator, number: int) -> list[_Kind]:
    """The mix by its shares, in any order; of a day of 100 studies and more every kind at least once."""
    least = 1 if number >= 100 else 0
    quotas = [max(least, round(kind.share * number)) for kind in KINDS]
    quotas[0] += max(0, number - sum(quotas))  # what rounding leaves are chest CTs
    pool = [index for index, quota in enumerate(quotas) for _ in range(quota)]
    return [KINDS[pool[int(place)]] for place in rng.permutation(len(pool))[:number]]


def _study(rng: np.random.Generator, settings: _Settings, kind: _Kind, number: int, started_at: dt.datetime) -> BusyStudy:
    device, text = _pick(rng, kind.devices), _pick(rng, kind.texts)
    off = CLOCK_OFF if device is CLOCK_OFF_DEVICE else dt.timedelta(0)
    uid = stable_uid("busy", settings.date, settings.seed, number, settings.matrix)
    makers = _SeriesMaker(rng, kind, device, text, uid, settings.max_slices)
    series = makers.all(_pick(rng, kind.contents))
    planned = PlannedStudy(
        uid=uid,
        label=f"{kind.label}, {device.manufacturer}",
        wanted=kind.chest,
        expected_series=expected_series(series) if kind.chest else (),
        device=device,
        region=kind.region,
        patient=_patient(rng, settings.seed, number, text.character_set),
        accession_number=f"{kind.modality}{settings.date:%y%m%d}{settings.seed % 10}{number:05d}",
        started_at=started_at - off,
        description=text.study,
        character_set=text.character_set,
        matrix=settings.matrix,
        base_slices=max(one.instances for one in series),
        series=series,
        seed=settings.seed * 100_000 + number,
    )
    arrivals = _arrivals(rng, planned, started_at)
    return BusyStudy(planned, arrivals, frozenset({Oddity.CLOCK} if off else ()))


def _patient(rng: np.random.Generator, seed: int, number: int, character_set: str) -> Patient:
    latin, chinese = _pick(rng, _NAMES)
    name = f"{latin}={chinese}" if rng.random() < 0.7 else latin.upper()
    if character_set == "ISO_IR 192" and rng.random() < 0.03:
        name = _pick(rng, _FOREIGN_NAMES)
    born = dt.date(int(rng.integers(1935, 2020)), int(rng.integers(1, 13)), int(rng.integers(1, 29)))
    return Patient(f"{10_000_000 + (seed % 100) * 200_000 + number * 7}", name, _pick(rng, "MF"), born)


class _SeriesMaker:
    """Makes the series of one study."""

    def __init__(
        self, rng: np.random.Generator, kind: _Kind, device: Device, text: _Text, study_uid: str, max_slices: int | None
    ) -> None:
        self._kind, self._device, self._text, self._study_uid = kind, device, text, study_uid
        self._thin = int(rng.integers(240, 421))
        self._few = int(rng.integers(10, 31))
        self._most = max_slices or 10_000

    def all(self, contents: Sequence[Content]) -> tuple[PlannedSeries, ...]:
        """The series of a study in the order in which they are made."""
        own = [self._one(number, content, self._kind.modality) for number, content in enumerate(contents, start=1)]
        further = [self._further(len(own) + 1 + index, modality) for index, modality in enumerate(self._kind.extra)]
        return (*own, *further)

    def _further(self, number: int, modality: str) -> PlannedSeries:
        return self._one(number, Content.DOSE_PICTURE if modality == "CT" else Content.OTHER, modality)

    def _one(self, number: int, content: Content, modality: str) -> PlannedSeries:
        content = made_as(self._device, content)
        return PlannedSeries(
            uid=stable_uid("series", self._study_uid, number, modality),
            number=number,
            content=content,
            modality=modality_of(content, modality),
            description=self._description(content),
            protocol=self._text.protocol,
            body_part=self._text.body_part,
            instances=self._count(content, modality),
            image_type=image_type_of(self._device, content),
            thickness_mm=thickness_of(self._device, content) if modality in ("CT", "MR") else None,
            kernel=kernel_of(self._device, content) if modality == "CT" else "",
        )

    def _count(self, content: Content, modality: str) -> int:
        counts = {
            Content.THIN_SOFT: self._thin,
            Content.THIN_SHARP: self._thin,
            Content.THICK: max(10, self._thin // 5),
            Content.MPR: 60,
            Content.MR: 24,
            Content.SCOUT: 2,
            Content.BREAST: 4,
            Content.OTHER: {"OT": 1, "PT": self._thin}.get(modality, self._few),
        }
        return min(counts.get(content, 1), self._most)

    def _description(self, content: Content) -> str:
        word, device = self._text.series, self._device
        # GE calls its sharp kernel LUNG: in a description of another region it would be a chest keyword.
        sharp = device.sharp_kernel if self._kind.chest else "Sharp"
        texts = {
            **ct_descriptions(device, word, sharp),
            Content.DOSE_REPORT: "Dose Report",
            Content.DOSE_PICTURE: "Dose Report",
            Content.PRESENTATION_STATE: "Presentation State",
            Content.FRONTAL: f"{word} PA",
            Content.LATERAL: f"{word} LAT",
        }
        return texts.get(content, word).strip()


def _arrivals(rng: np.random.Generator, planned: PlannedStudy, started_at: dt.datetime) -> tuple[SeriesArrival, ...]:
    """One series after the other, some minutes after the examination began, with the pauses of reconstruction."""
    at = started_at + dt.timedelta(seconds=int(rng.integers(90, 420)))
    arrivals = []
    for one in planned.series:
        end = at + dt.timedelta(seconds=max(1, round(one.instances / IMAGES_PER_SECOND)))
        arrivals.append(SeriesArrival(one, at, end))
        at = end + dt.timedelta(seconds=int(rng.integers(5, 90)))
    return tuple(arrivals)


# ---------------------------------------------------------------------------------------------- what is odd


def _with_oddities(rng: np.random.Generator, studies: list[BusyStudy]) -> list[BusyStudy]:
    """Each kind of oddity on its share of the studies that can have it, no study with two of them."""
    taken: set[int] = set()
    for oddity, share in SHARES.items():
        able = [index for index, one in enumerate(studies) if index not in taken and _can(oddity, one)]
        number = min(len(able), max(1, round(share * len(able))))
        for index in rng.choice(able, size=number, replace=False) if able else ():
            taken.add(int(index))
            studies[index] = _ODD[oddity](rng, studies[index])
    return studies


def _can(oddity: Oddity, study: BusyStudy) -> bool:
    if oddity in (Oddity.LATE_SERIES, Oddity.NEXT_DAY_SERIES):
        return len(study.arrivals) > 2 and "CT" in study.modalities
    return True


def _late_one(study: BusyStudy) -> SeriesArrival:
    """The series whose lateness hurts most: the one that is to be computed, else the last."""
    chosen = [one for one in study.arrivals if one.planned.uid in study.expected_series]
    return chosen[0] if chosen else study.arrivals[-1]


def made_late(study: BusyStudy, by: dt.timedelta) -> BusyStudy:
    """One series made and archived later, with a SeriesDate and SeriesTime of its own; the same UIDs."""
    last = _late_one(study)
    made = replace(last.planned, made_at=(study.planned.started_at + by).replace(microsecond=0))
    planned = replace(study.planned, series=tuple(made if one.uid == made.uid else one for one in study.planned.series))
    late = SeriesArrival(made, last.begins_at + by, last.ends_at + by)
    arrivals = tuple(late if one is last else one for one in study.arrivals)
    return replace(study, planned=planned, arrivals=arrivals, oddities=study.oddities | {Oddity.LATE_SERIES})


def _late_series(rng: np.random.Generator, study: BusyStudy) -> BusyStudy:
    return made_late(study, dt.timedelta(minutes=int(rng.integers(60, 300))))


def _next_day_series(rng: np.random.Generator, study: BusyStudy) -> BusyStudy:
    midnight = dt.datetime.combine(study.arrives_at.date() + dt.timedelta(days=1), dt.time())
    by = midnight - study.arrives_at + dt.timedelta(minutes=int(rng.integers(10, 300)))
    late = made_late(study, by)
    return replace(late, oddities=study.oddities | {Oddity.NEXT_DAY_SERIES})


def _late_archived(rng: np.random.Generator, study: BusyStudy) -> BusyStudy:
    by = dt.timedelta(minutes=int(rng.integers(120, 480)))
    arrivals = tuple(SeriesArrival(one.planned, one.begins_at + by, one.ends_at + by) for one in study.arrivals)
    return replace(study, arrivals=arrivals, oddities=study.oddities | {Oddity.LATE_ARCHIVED})


def _corrected(rng: np.random.Generator, study: BusyStudy) -> BusyStudy:
    at = study.arrives_at + dt.timedelta(minutes=int(rng.integers(5, 120)))
    right = _patient(rng, 99, int(rng.integers(0, 20_000)), "")
    change = (("PatientID", right.patient_id), ("PatientName", right.name.split("=")[0]))
    return replace(study, corrections=(StudyCorrection(at, change),), oddities=study.oddities | {Oddity.CORRECTED})


def _vanishes(rng: np.random.Generator, study: BusyStudy) -> BusyStudy:
    at = study.complete_at + dt.timedelta(minutes=int(rng.integers(10, 180)))
    return replace(study, vanishes_at=at, oddities=study.oddities | {Oddity.VANISHES})


_ODD: dict[Oddity, Callable[[np.random.Generator, BusyStudy], BusyStudy]] = {
    Oddity.LATE_SERIES: _late_series,
    Oddity.NEXT_DAY_SERIES: _next_day_series,
    Oddity.LATE_ARCHIVED: _late_archived,
    Oddity.CORRECTED: _corrected,
    Oddity.VANISHES: _vanishes,
}


def _reconstructions(rng: np.random.Generator, studies: list[BusyStudy], number: int) -> list[BusyStudy]:
    """3D reconstructions of plain chests, archived as studies of their own under the same AccessionNumber: nothing to compute."""
    able = [index for index, one in enumerate(studies) if one.chest and "CT" in one.modalities and not one.oddities]
    chosen = rng.choice(able, size=min(number, len(able)), replace=False) if able else ()
    return [_reconstruction(rng, studies[int(index)]) for index in chosen]


def _reconstruction(rng: np.random.Generator, study: BusyStudy) -> BusyStudy:
    plain = study.planned
    uid = stable_uid("3d", plain.uid)
    template = plain.series[1]
    series = replace(
        template, uid=stable_uid("series", uid), number=1, content=Content.MPR, description="3D VR", instances=12,
        image_type=("DERIVED", "SECONDARY", "VRT"), kernel="", thickness_mm=None,
    )  # fmt: skip
    by = dt.timedelta(minutes=int(rng.integers(20, 60)))
    planned = replace(
        plain, uid=uid, label="3D reconstruction of a chest CT", wanted=False, expected_series=(), series=(series,),
        started_at=plain.started_at + by, description=f"{plain.description} 3D",
    )  # fmt: skip
    return BusyStudy(planned, _arrivals(rng, planned, study.arrives_at + by), study.oddities | {Oddity.DUPLICATE})


def _priors(rng: np.random.Generator, study: BusyStudy, begins_at: dt.datetime) -> list[BusyStudy]:
    """One or two examinations of the same patient on the same device, days to years ago, long complete."""
    found = []
    for number in range(int(rng.integers(1, 3))):
        days = int(rng.choice((3, 7, 30, 90, 180, 365, 730)))
        at = begins_at - dt.timedelta(days=days, seconds=int(rng.integers(0, 36_000)))
        uid = stable_uid("prior", study.uid, number)
        series = tuple(replace(one, uid=stable_uid("series", uid, one.number), made_at=None) for one in study.planned.series)
        planned = replace(
            study.planned,
            uid=uid,
            accession_number=f"{study.planned.accession_number[:2]}{at:%y%m%d}{int(rng.integers(0, 1_000_000)):06d}",
            started_at=at,
            series=series,
            expected_series=expected_series(series) if study.chest else (),
        )
        found.append(BusyStudy(planned, _arrivals(rng, planned, at), frozenset({Oddity.PRIOR})))
    return found
