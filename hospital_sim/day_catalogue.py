"""The studies of the department's days, before date, seed and size are known: data."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from hospital_sim import devices
from hospital_sim.devices import Device
from hospital_sim.planned_study import RADIOGRAPHS, Content, Region


@dataclass(frozen=True)
class Recipe:
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

SIEMENS_CHEST = Recipe(
    "siemens", "chest CT, Siemens", devices.SIEMENS_CT, Region.CHEST, "Wang^Fang=王^芳", "Thorax Routine",
    FULL_CT, protocol="Thorax_Routine",
)  # fmt: skip
GE_CHEST = Recipe(
    "ge", "chest CT, GE", devices.GE_CT, Region.CHEST, "Zhang^Wei=张^伟", "CHEST CT PLAIN", FULL_CT,
    protocol="5.1 CHEST ROUTINE", character_set="GB18030",
)  # fmt: skip
PHILIPS_CHEST = Recipe(
    "philips", "chest CT, Philips", devices.PHILIPS_CT, Region.CHEST, "Li^Na=李^娜", "CT Chest", FULL_CT,
    protocol="CHEST/Thorax",
)  # fmt: skip
CANON_CHEST = Recipe(
    "canon", "chest CT, Canon", devices.CANON_CT, Region.CHEST, "LIU^YANG", "Chest Plain", FULL_CT,
    protocol="Chest Volume",
)  # fmt: skip
UIH_CHEST = Recipe(
    "uih", "chest CT, United Imaging", devices.UIH_CT, Region.CHEST, "Chen^Jie=陈^洁", "胸部CT平扫", FULL_CT,
    protocol="Chest_Lung", character_set="GB18030",
)  # fmt: skip
GROWING_CHEST = Recipe(
    "growing", "chest CT that goes on growing", devices.SIEMENS_CT, Region.CHEST, "Yang^Min=杨^敏",
    "Thorax Routine",
    GROWING_CT, protocol="Thorax_Routine", parts=GROWING_PARTS,
)  # fmt: skip
GB18030_CHEST = Recipe(
    "gb18030", "chest CT, BodyPartExamined empty, 胸部 in GB18030", devices.UIH_CT, Region.CHEST,
    "Zhao^Lei=赵^磊",
    "胸部平扫", SHORT_CT, body_part="", protocol="Routine", character_set="GB18030", base_slices=80,
    texts=CHINESE_TEXTS,
)  # fmt: skip
DAMAGED_CHEST = Recipe(
    "damaged", "chest CT, BodyPartExamined empty, 胸 damaged to c3 90 c3 98", devices.CANON_CT, Region.CHEST,
    "HUANG^YONG", "胸部平扫", SHORT_CT, body_part="", protocol="Routine", base_slices=80, damaged_text=True,
    texts=CHINESE_TEXTS,
)  # fmt: skip
PR_CHEST = Recipe(
    "pr", "chest CT with a presentation state (CT\\PR)", devices.PHILIPS_HELICAL_CT, Region.CHEST,
    "Wu^Qiang=吴^强",
    "111", (*SHORT_CT, Content.PRESENTATION_STATE), protocol="Lung screening", base_slices=80,
)  # fmt: skip
HEAD_CT = Recipe(
    "head", "head CT", devices.SIEMENS_CT, Region.HEAD, "Zhou^Ming=周^明", "Head Routine",
    (Content.SCOUT, Content.THICK), wanted=False, body_part="HEAD", protocol="HeadSeq", base_slices=32,
)  # fmt: skip
HEAD_BY_PROTOCOL = Recipe(
    "head2", "head CT, BodyPartExamined empty", devices.GE_CT, Region.HEAD, "XU^JING", "HEAD",
    (Content.SCOUT, Content.THIN_SOFT), wanted=False, body_part="", protocol="1.1 HEAD", base_slices=48,
    texts={Content.THIN_SOFT: "SKULL 1.25MM"},
)  # fmt: skip
ABDOMEN_CT = Recipe(
    "abdomen", "abdomen CT", devices.CANON_CT, Region.ABDOMEN, "Sun^Li=孙^丽", "上腹部平扫",
    (Content.SCOUT, Content.THICK, Content.THIN_SOFT), wanted=False, body_part="ABDOMEN",
    protocol="Abdomen Plain",
    character_set="GB18030", base_slices=60,
)  # fmt: skip
CHEST_DX = Recipe(
    "dx1", "chest DX, frontal and lateral in two series", devices.SIEMENS_DX, Region.CHEST, "Ma^Chao=马^超",
    "Chest PA and LAT", RADIOGRAPHS, modality="DX", protocol="Chest p.a./lat",
)  # fmt: skip
CHINESE_DX = Recipe(
    "dx2", "chest DX, Chinese descriptions", devices.UIH_DX, Region.CHEST, "Hu^Yan=胡^燕", "胸部正侧位", RADIOGRAPHS,
    modality="DX", protocol="胸部", character_set="GB18030",
    texts={Content.FRONTAL: "胸部正位", Content.LATERAL: "胸部侧位"},
)  # fmt: skip
CHEST_CR = Recipe(
    "cr", "chest radiograph of modality CR", devices.PHILIPS_CR, Region.CHEST, "GUO^TAO", "Chest 2 views",
    RADIOGRAPHS, modality="CR", protocol="Chest",
)  # fmt: skip
HAND_DX = Recipe(
    "hand", "hand DX", devices.SIEMENS_DX, Region.HAND, "He^Ping=何^平", "Hand left", (Content.HAND,),
    wanted=False,
    modality="DX", body_part="HAND", protocol="Hand",
)  # fmt: skip
MAMMOGRAM = Recipe(
    "mg", "mammogram (another modality)", devices.GE_MG, Region.BREAST, "LIN^XIA", "Mammography screening",
    (Content.BREAST,), wanted=False, modality="MG", body_part="BREAST", protocol="ROUTINE",
)  # fmt: skip
HEAD_MR = Recipe(
    "mr", "head MR (another modality)", devices.SIEMENS_MR, Region.HEAD, "Luo^Bin=罗^斌", "Head MR",
    (Content.MR,),
    wanted=False, modality="MR", body_part="HEAD", protocol="t2_tse_tra", base_slices=12,
)  # fmt: skip

DEMO_DAY = (
    SIEMENS_CHEST, HEAD_CT, CHEST_DX, GE_CHEST, HAND_DX, GROWING_CHEST, GB18030_CHEST, MAMMOGRAM,
    PHILIPS_CHEST,
    DAMAGED_CHEST, CHINESE_DX, ABDOMEN_CT, HEAD_MR, CANON_CHEST, CHEST_CR, HEAD_BY_PROTOCOL, PR_CHEST,
    UIH_CHEST,
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

RECIPES = {"demo": DEMO_DAY, "small": SMALL_DAY}
