"""
The plan of a day: which studies arrive, in which parts, and which series an AI backend must get in the end.

Pure: same kind, date, seed and time give the same plan, UIDs included. Nothing is rendered here.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from hospital_sim import devices
from hospital_sim.devices import Device


class Content(StrEnum):
    """What a series shows, that is how its images are made."""

    SCOUT = "scout"
    THICK = "thick"
    THIN_SOFT = "thin_soft"
    THIN_SHARP = "thin_sharp"
    MPR = "mpr"
    DOSE_REPORT = "dose_report"
    DOSE_PICTURE = "dose_picture"
    PRESENTATION_STATE = "presentation_state"
    FRONTAL = "frontal"
    LATERAL = "lateral"
    HAND = "hand"
    BREAST = "breast"
    MR = "mr"
    OTHER = "other"


class Region(StrEnum):
    """Which phantom the patient is."""

    CHEST = "chest"
    HEAD = "head"
    ABDOMEN = "abdomen"
    HAND = "hand"
    BREAST = "breast"


AXIAL = (Content.THICK, Content.THIN_SOFT, Content.THIN_SHARP)
RADIOGRAPHS = (Content.FRONTAL, Content.LATERAL)


@dataclass(frozen=True)
class Patient:
    """Who is examined; ``name`` as written in PatientName (0010,0010)."""

    patient_id: str
    name: str
    sex: str
    birth_date: dt.date


@dataclass(frozen=True)
class PlannedSeries:
    """
    One series to be sent.

    Attributes:
        uid: SeriesInstanceUID.
        number: SeriesNumber.
        content: What it shows.
        modality: Modality (0008,0060).
        description: SeriesDescription (0008,103E).
        protocol: ProtocolName (0018,1030).
        body_part: BodyPartExamined (0018,0015), may be empty.
        instances: Number of images.
        image_type: ImageType (0008,0008).
        thickness_mm: SliceThickness (0018,0050), None where the modality has none.
        kernel: ConvolutionKernel (0018,1210), empty where there is none.
        made_at: SeriesDate and SeriesTime; None: soon after the study's beginning.
    """

    uid: str
    number: int
    content: Content
    modality: str
    description: str
    protocol: str
    body_part: str
    instances: int
    image_type: tuple[str, ...]
    thickness_mm: float | None = None
    kernel: str = ""
    made_at: dt.datetime | None = None


@dataclass(frozen=True)
class PlannedStudy:
    """
    One study to be sent, with the truth about it.

    Attributes:
        uid: StudyInstanceUID.
        label: What the study is in the day, in a few words.
        wanted: Whether the AI backend should compute it.
        expected_series: SeriesInstanceUIDs that the backend gets in the end; empty when unwanted.
        device: The modality that made it.
        region: Which phantom.
        patient: Whose.
        accession_number: AccessionNumber (0008,0050).
        started_at: StudyDate and StudyTime in the hospital's time zone.
        description: StudyDescription (0008,1030).
        character_set: SpecificCharacterSet (0008,0005).
        matrix: Rows and columns of a CT slice, in pixels.
        base_slices: Slices of the volume that all reconstructions come from.
        series: What is sent.
        seed: Of the phantom.
    """

    uid: str
    label: str
    wanted: bool
    expected_series: tuple[str, ...]
    device: Device
    region: Region
    patient: Patient
    accession_number: str
    started_at: dt.datetime
    description: str
    character_set: str
    matrix: int
    base_slices: int
    series: tuple[PlannedSeries, ...]
    seed: int

    @property
    def instances(self) -> int:
        """Number of images of all series."""
        return sum(one.instances for one in self.series)


@dataclass(frozen=True)
class Slice:
    """Instances ``begin`` to ``end`` (exclusive, from 0) of one series."""

    series: PlannedSeries
    begin: int
    end: int


@dataclass(frozen=True)
class Part:
    """
    What goes through one association.

    Attributes:
        study: The study.
        slices: What of it is sent.
        pause: Least time since the previous part of the same study.
    """

    study: PlannedStudy
    slices: tuple[Slice, ...]
    pause: dt.timedelta = dt.timedelta(0)

    @property
    def instances(self) -> int:
        """Number of images of this part."""
        return sum(one.end - one.begin for one in self.slices)


@dataclass(frozen=True)
class DayPlan:
    """A day: the studies, and the parts in the order in which they are sent."""

    kind: str
    date: dt.date
    seed: int
    studies: tuple[PlannedStudy, ...]
    parts: tuple[Part, ...]

    @property
    def instances(self) -> int:
        """Number of images of the day."""
        return sum(study.instances for study in self.studies)

    def as_json(self) -> list[dict[str, Any]]:
        """Ground truth for a checker: one object a study."""
        return [_study_as_json(study) for study in self.studies]


def _study_as_json(study: PlannedStudy) -> dict[str, Any]:
    return {
        "studyUID": study.uid,
        "label": study.label,
        "wanted": study.wanted,
        "expectedSeries": list(study.expected_series),
        "patientID": study.patient.patient_id,
        "accessionNumber": study.accession_number,
        "studyDate": study.started_at.date().isoformat(),
        "description": study.description,
        "manufacturer": study.device.manufacturer,
        "instances": study.instances,
        "series": [
            {
                "uid": one.uid,
                "description": one.description,
                "modality": one.modality,
                "instances": one.instances,
                "thickness": one.thickness_mm,
                "kernel": one.kernel,
                "imageType": "\\".join(one.image_type),
                "content": one.content.value,
            }
            for one in study.series
        ],
    }


def stable_uid(*names: object) -> str:
    """A UID derived from names: 2.25 and a 128-bit number (PS3.5 B.2)."""
    digest = hashlib.sha256("/".join(str(name) for name in names).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:16], 'big')}"


def sop_instance_uid(series: PlannedSeries, index: int) -> str:
    """SOPInstanceUID of instance ``index`` (from 0) of a series."""
    return stable_uid(series.uid, index)


def gbk_taken_for_latin1(text: str) -> str:
    """What `胸` becomes at some sites: GBK bytes d0 d8 declared Latin-1, then written as UTF-8 (c3 90 c3 98)."""
    return text.encode("gbk").decode("latin-1")


# ---------------------------------------------------------------------------------------------- catalogue


@dataclass(frozen=True)
class _Recipe:
    """A study of the catalogue before date, seed and size are known."""

    key: str
    label: str
    device: Device
    region: Region
    name: str
    description: str
    contents: tuple[Content, ...]
    wanted: bool = True
    modality: str = "CT"
    body_part: str = "CHEST"
    protocol: str = "Chest Routine"
    character_set: str = "ISO_IR 192"
    base_slices: int = 96
    parts: tuple[tuple[tuple[Content, float, float], ...], ...] = ()
    damaged_text: bool = False
    texts: dict[Content, str] = field(default_factory=dict)


FULL_CT = (
    Content.SCOUT,
    Content.THICK,
    Content.THIN_SOFT,
    Content.THIN_SHARP,
    Content.MPR,
    Content.DOSE_REPORT,
)
SHORT_CT = (Content.SCOUT, Content.THICK, Content.THIN_SOFT)
GROWING_CT = (Content.SCOUT, Content.THICK, Content.THIN_SOFT, Content.THIN_SHARP)
GROWING_PARTS = (
    ((Content.SCOUT, 0.0, 1.0), (Content.THICK, 0.0, 1.0), (Content.THIN_SOFT, 0.0, 0.4)),
    ((Content.THIN_SOFT, 0.4, 1.0),),
    ((Content.THIN_SHARP, 0.0, 1.0),),
)
CHINESE_TEXTS = {Content.SCOUT: "定位像", Content.THICK: "胸部平扫 5.0", Content.THIN_SOFT: "胸部平扫 1.0"}

SIEMENS_CHEST = _Recipe(
    "siemens", "chest CT, Siemens", devices.SIEMENS_CT, Region.CHEST, "Wang^Fang=王^芳", "Thorax Routine",
    FULL_CT, protocol="Thorax_Routine",
)  # fmt: skip
GE_CHEST = _Recipe(
    "ge", "chest CT, GE", devices.GE_CT, Region.CHEST, "Zhang^Wei=张^伟", "CHEST CT PLAIN", FULL_CT,
    protocol="5.1 CHEST ROUTINE", character_set="GB18030",
)  # fmt: skip
PHILIPS_CHEST = _Recipe(
    "philips", "chest CT, Philips", devices.PHILIPS_CT, Region.CHEST, "Li^Na=李^娜", "CT Chest", FULL_CT,
    protocol="CHEST/Thorax",
)  # fmt: skip
CANON_CHEST = _Recipe(
    "canon", "chest CT, Canon", devices.CANON_CT, Region.CHEST, "LIU^YANG", "Chest Plain", FULL_CT,
    protocol="Chest Volume",
)  # fmt: skip
UIH_CHEST = _Recipe(
    "uih", "chest CT, United Imaging", devices.UIH_CT, Region.CHEST, "Chen^Jie=陈^洁", "胸部CT平扫", FULL_CT,
    protocol="Chest_Lung", character_set="GB18030",
)  # fmt: skip
GROWING_CHEST = _Recipe(
    "growing", "chest CT that goes on growing", devices.SIEMENS_CT, Region.CHEST, "Yang^Min=杨^敏", "Thorax Routine",
    GROWING_CT, protocol="Thorax_Routine", parts=GROWING_PARTS,
)  # fmt: skip
GB18030_CHEST = _Recipe(
    "gb18030", "chest CT, BodyPartExamined empty, 胸部 in GB18030", devices.UIH_CT, Region.CHEST, "Zhao^Lei=赵^磊",
    "胸部平扫", SHORT_CT, body_part="", protocol="Routine", character_set="GB18030", base_slices=80,
    texts=CHINESE_TEXTS,
)  # fmt: skip
DAMAGED_CHEST = _Recipe(
    "damaged", "chest CT, BodyPartExamined empty, 胸 damaged to c3 90 c3 98", devices.CANON_CT, Region.CHEST,
    "HUANG^YONG", "胸部平扫", SHORT_CT, body_part="", protocol="Routine", base_slices=80, damaged_text=True,
    texts=CHINESE_TEXTS,
)  # fmt: skip
PR_CHEST = _Recipe(
    "pr", "chest CT with a presentation state (CT\\PR)", devices.PHILIPS_HELICAL_CT, Region.CHEST, "Wu^Qiang=吴^强",
    "111", (*SHORT_CT, Content.PRESENTATION_STATE), protocol="Lung screening", base_slices=80,
)  # fmt: skip
HEAD_CT = _Recipe(
    "head", "head CT", devices.SIEMENS_CT, Region.HEAD, "Zhou^Ming=周^明", "Head Routine",
    (Content.SCOUT, Content.THICK), wanted=False, body_part="HEAD", protocol="HeadSeq", base_slices=32,
)  # fmt: skip
HEAD_BY_PROTOCOL = _Recipe(
    "head2", "head CT, BodyPartExamined empty", devices.GE_CT, Region.HEAD, "XU^JING", "HEAD",
    (Content.SCOUT, Content.THIN_SOFT), wanted=False, body_part="", protocol="1.1 HEAD", base_slices=48,
    texts={Content.THIN_SOFT: "SKULL 1.25MM"},
)  # fmt: skip
ABDOMEN_CT = _Recipe(
    "abdomen", "abdomen CT", devices.CANON_CT, Region.ABDOMEN, "Sun^Li=孙^丽", "上腹部平扫",
    (Content.SCOUT, Content.THICK, Content.THIN_SOFT), wanted=False, body_part="ABDOMEN", protocol="Abdomen Plain",
    character_set="GB18030", base_slices=60,
)  # fmt: skip
CHEST_DX = _Recipe(
    "dx1", "chest DX, frontal and lateral in two series", devices.SIEMENS_DX, Region.CHEST, "Ma^Chao=马^超",
    "Chest PA and LAT", RADIOGRAPHS, modality="DX", protocol="Chest p.a./lat",
)  # fmt: skip
CHINESE_DX = _Recipe(
    "dx2", "chest DX, Chinese descriptions", devices.UIH_DX, Region.CHEST, "Hu^Yan=胡^燕", "胸部正侧位", RADIOGRAPHS,
    modality="DX", protocol="胸部", character_set="GB18030",
    texts={Content.FRONTAL: "胸部正位", Content.LATERAL: "胸部侧位"},
)  # fmt: skip
CHEST_CR = _Recipe(
    "cr", "chest radiograph of modality CR", devices.PHILIPS_CR, Region.CHEST, "GUO^TAO", "Chest 2 views",
    RADIOGRAPHS, modality="CR", protocol="Chest",
)  # fmt: skip
HAND_DX = _Recipe(
    "hand", "hand DX", devices.SIEMENS_DX, Region.HAND, "He^Ping=何^平", "Hand left", (Content.HAND,), wanted=False,
    modality="DX", body_part="HAND", protocol="Hand",
)  # fmt: skip
MAMMOGRAM = _Recipe(
    "mg", "mammogram (another modality)", devices.GE_MG, Region.BREAST, "LIN^XIA", "Mammography screening",
    (Content.BREAST,), wanted=False, modality="MG", body_part="BREAST", protocol="ROUTINE",
)  # fmt: skip
HEAD_MR = _Recipe(
    "mr", "head MR (another modality)", devices.SIEMENS_MR, Region.HEAD, "Luo^Bin=罗^斌", "Head MR", (Content.MR,),
    wanted=False, modality="MR", body_part="HEAD", protocol="t2_tse_tra", base_slices=12,
)  # fmt: skip

DEMO_DAY = (
    SIEMENS_CHEST, HEAD_CT, CHEST_DX, GE_CHEST, HAND_DX, GROWING_CHEST, GB18030_CHEST, MAMMOGRAM, PHILIPS_CHEST,
    DAMAGED_CHEST, CHINESE_DX, ABDOMEN_CT, HEAD_MR, CANON_CHEST, CHEST_CR, HEAD_BY_PROTOCOL, PR_CHEST, UIH_CHEST,
)  # fmt: skip
SMALL_DAY = (
    replace(SIEMENS_CHEST, contents=(*GROWING_CT, Content.DOSE_REPORT), base_slices=16),
    HEAD_CT,
    CHEST_DX,
    replace(GROWING_CHEST, base_slices=20),
    replace(GB18030_CHEST, base_slices=16),
    HAND_DX,
    replace(DAMAGED_CHEST, base_slices=16),
)
SMALL_BASE_SLICES = 12


@dataclass(frozen=True)
class _Size:
    """How big the images and the pauses of a day are."""

    matrix: int
    spread: dt.timedelta
    pause: dt.timedelta


SIZES = {
    "demo": _Size(512, dt.timedelta(minutes=45), dt.timedelta(seconds=4)),
    "small": _Size(64, dt.timedelta(minutes=20), dt.timedelta(seconds=2)),
}
RECIPES = {"demo": DEMO_DAY, "small": SMALL_DAY}


def plan_day(kind: str, date: dt.date, *, seed: int = 1, now: dt.time = dt.time(10, 0)) -> DayPlan:
    """
    Plan a day.

    Args:
        kind: ``demo`` (18 studies, some 2,000 images of 512 x 512) or ``small`` (7 studies, some 160 of 64 x 64).
        date: StudyDate of every study, in the hospital's time zone.
        seed: Another seed gives other UIDs and other patients.
        now: The hospital's time of day; StudyTimes lie in the minutes before it, on the same date.

    Raises:
        ValueError: Unknown kind.
    """
    if kind not in RECIPES:
        raise ValueError(f"unknown day {kind!r}; allowed: {', '.join(RECIPES)}")
    size = SIZES[kind]
    recipes = RECIPES[kind]
    end = dt.datetime.combine(date, now)
    spread = min(size.spread, end - dt.datetime.combine(date, dt.time()))
    studies = []
    for order, recipe in enumerate(recipes):
        started = (end - spread * (len(recipes) - order) / (len(recipes) + 1)).replace(microsecond=0)
        if kind == "small" and recipe.base_slices > 20:
            recipe = replace(recipe, base_slices=SMALL_BASE_SLICES)
        studies.append(_study(recipe, order, size.matrix, started, seed))
    parts = _in_sending_order(recipes, studies, size.pause)
    return DayPlan(kind, date, seed, tuple(studies), parts)


def _study(recipe: _Recipe, order: int, matrix: int, started_at: dt.datetime, seed: int) -> PlannedStudy:
    uid = stable_uid("study", recipe.key, started_at.date(), seed, matrix)
    series = tuple(_series(recipe, uid, number, content) for number, content in enumerate(recipe.contents, start=1))
    number = int(hashlib.sha256(f"{recipe.key}/{seed}".encode()).hexdigest()[:6], 16)
    patient = Patient(f"{10_000_000 + number}", recipe.name, "MF"[number % 2], dt.date(1940 + number % 60, 1 + number % 12, 15))
    return PlannedStudy(
        uid=uid,
        label=recipe.label,
        wanted=recipe.wanted,
        expected_series=expected_series(series) if recipe.wanted else (),
        device=recipe.device,
        region=recipe.region,
        patient=patient,
        accession_number=f"{recipe.modality}{started_at:%y%m%d}{seed % 100:02d}{order + 1:02d}",
        started_at=started_at,
        description=gbk_taken_for_latin1(recipe.description) if recipe.damaged_text else recipe.description,
        character_set=recipe.character_set,
        matrix=matrix,
        base_slices=recipe.base_slices,
        series=series,
        seed=seed * 1000 + order,
    )


def expected_series(series: Sequence[PlannedSeries]) -> tuple[str, ...]:
    """
    The series that a chest backend should get: all radiographs, or the one thinnest CT acquisition.

    Thinnest: smallest thickness, then most images, then the soft kernel.
    """
    radiographs = tuple(one.uid for one in series if one.content in RADIOGRAPHS)
    if radiographs:
        return radiographs
    axial = [one for one in series if one.content in AXIAL]
    best = min(axial, key=lambda one: (one.thickness_mm or 0.0, -one.instances, one.content is Content.THIN_SHARP))
    return (best.uid,)


def _series(recipe: _Recipe, study_uid: str, number: int, content: Content) -> PlannedSeries:
    device = recipe.device
    if content is Content.DOSE_REPORT and device.dose_as_picture:
        content = Content.DOSE_PICTURE
    planned = PlannedSeries(
        uid=stable_uid("series", study_uid, content.value),
        number=number if content not in (Content.DOSE_REPORT, Content.DOSE_PICTURE) else 999,
        content=content,
        modality={Content.DOSE_REPORT: "SR", Content.PRESENTATION_STATE: "PR"}.get(content, recipe.modality),
        description=_description(recipe, content),
        protocol=recipe.protocol,
        body_part=recipe.body_part,
        instances=_count(recipe.base_slices, content),
        image_type=image_type_of(device, content),
        thickness_mm=thickness_of(device, content),
        kernel=kernel_of(device, content),
    )
    return replace(planned, description=gbk_taken_for_latin1(planned.description)) if recipe.damaged_text else planned


def _count(base_slices: int, content: Content) -> int:
    counts = {
        Content.THIN_SOFT: base_slices,
        Content.THIN_SHARP: base_slices,
        Content.THICK: base_slices // 2 if base_slices > 20 else max(10, base_slices // 2),
        Content.MPR: 30,
        Content.SCOUT: 2 if base_slices > 90 else 1,
        Content.BREAST: 4,
        Content.MR: base_slices,
    }
    return counts.get(content, 1)


def thickness_of(device: Device, content: Content) -> float | None:
    """SliceThickness in mm, None where the modality has none."""
    thin = device.thin_mm
    values = {Content.THICK: 5.0, Content.THIN_SOFT: thin, Content.THIN_SHARP: thin, Content.MPR: 3.0, Content.MR: 5.0}
    return values.get(content)


def kernel_of(device: Device, content: Content) -> str:
    """ConvolutionKernel, empty where there is none."""
    if content in (Content.THICK, Content.THIN_SOFT, Content.MPR):
        return device.soft_kernel
    return device.sharp_kernel if content is Content.THIN_SHARP else ""


def image_type_of(device: Device, content: Content) -> tuple[str, ...]:
    """ImageType as the maker writes it."""
    if content in AXIAL:
        return device.axial_type
    fixed: dict[Content, tuple[str, ...]] = {
        Content.SCOUT: ("ORIGINAL", "PRIMARY", "LOCALIZER"),
        Content.MPR: device.mpr_type,
        Content.DOSE_PICTURE: ("DERIVED", "SECONDARY", "SCREEN SAVE"),
        Content.DOSE_REPORT: (),
        Content.PRESENTATION_STATE: (),
        Content.MR: ("ORIGINAL", "PRIMARY", "M", "ND"),
    }
    return fixed.get(content, ("ORIGINAL", "PRIMARY"))


def _description(recipe: _Recipe, content: Content) -> str:
    if content in recipe.texts:
        return recipe.texts[content]
    device, part = recipe.device, recipe.region.value.capitalize()
    texts = {
        Content.SCOUT: "Topogram" if device.manufacturer == "SIEMENS" else "Scout",
        Content.THICK: f"{part} 5.0 {device.soft_kernel}",
        Content.THIN_SOFT: f"{part} {device.thin_mm} {device.soft_kernel}",
        Content.THIN_SHARP: f"{part} {device.thin_mm} {device.sharp_kernel}",
        Content.MPR: f"{part} Cor MPR 3.0",
        Content.DOSE_REPORT: "Patient Protocol" if device.manufacturer == "SIEMENS" else "Dose Report",
        Content.DOSE_PICTURE: "Dose Report",
        Content.PRESENTATION_STATE: "Presentation State",
        Content.FRONTAL: "Chest PA",
        Content.LATERAL: "Chest LAT",
        Content.HAND: "Hand PA",
        Content.BREAST: "R CC, L CC, R MLO, L MLO",
        Content.MR: "t2_tse_tra",
    }
    return texts[content]


# ---------------------------------------------------------------------------------------------- order of sending


def _in_sending_order(recipes: Sequence[_Recipe], studies: Sequence[PlannedStudy], pause: dt.timedelta) -> tuple[Part, ...]:
    """Each study in one part; the later parts of a growing one come after other studies."""
    parts: list[Part] = []
    waiting: list[Part] = []
    for recipe, study in zip(recipes, studies, strict=True):
        own = [_part(study, spec, pause if index else dt.timedelta(0)) for index, spec in enumerate(recipe.parts)] or [
            Part(study, tuple(Slice(one, 0, one.instances) for one in study.series))
        ]
        parts.append(own[0])
        if waiting:
            parts.append(waiting.pop(0))
        waiting.extend(own[1:])
    return (*parts, *waiting)


def _part(study: PlannedStudy, spec: Sequence[tuple[Content, float, float]], pause: dt.timedelta) -> Part:
    by_content = {one.content: one for one in study.series}
    slices = []
    for content, begin, end in spec:
        one = by_content[content]
        slices.append(Slice(one, round(begin * one.instances), round(end * one.instances)))
    return Part(study, tuple(slices), pause)
