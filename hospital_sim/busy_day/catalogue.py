"""What a hospital examines, how often, on which devices, and how its departments describe it: data."""

from __future__ import annotations

from dataclasses import dataclass

from hospital_sim import devices
from hospital_sim.devices import Device
from hospital_sim.planned_study import DAMAGED, Content, Region


@dataclass(frozen=True)
class Text:
    """
    How one department describes an examination: (BodyPartExamined, ProtocolName, StudyDescription, word in
    the series).
    """

    body_part: str
    protocol: str
    study: str
    series: str
    character_set: str = "ISO_IR 192"


@dataclass(frozen=True)
class Kind:
    """A kind of examination: how frequent, on which devices, with which series."""

    label: str
    share: float
    modality: str
    devices: tuple[Device, ...]
    texts: tuple[Text, ...]
    contents: tuple[tuple[Content, ...], ...]
    chest: bool = False
    region: Region = Region.CHEST
    extra: tuple[str, ...] = ()


_CT = (
    devices.SIEMENS_CT, devices.GE_CT, devices.PHILIPS_CT, devices.CANON_CT, devices.UIH_CT,
    devices.PHILIPS_HELICAL_CT,
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
_SHORT_CT = (
    (Content.SCOUT, Content.THICK),
    (Content.SCOUT, Content.THICK, Content.THIN_SOFT),
    (Content.SCOUT, Content.THICK),
)
_CHEST_CT_TEXTS = (
    Text("CHEST", "Thorax_Routine", "Thorax Routine", "Thorax"),
    Text("CHEST", "5.1 CHEST ROUTINE", "111", "Chest"),
    Text("CHEST", "Lung screening", "胸部CT平扫", "肺", "GB18030"),
    Text("", "Routine", "胸部平扫", "胸部平扫", "GB18030"),
    Text("", "Routine", "胸部平扫", "胸部平扫", DAMAGED),
    Text("", "PULMO HR", "111", "Helical"),
    Text("THORAX", "Volume", "CT", "Vol"),
)
_RADIOGRAPH_TEXTS = (
    Text("CHEST", "Chest p.a.", "Chest PA and LAT", "Chest"),
    Text("CHEST", "胸部", "胸部正侧位", "胸部", "GB18030"),
    Text("", "胸部正位", "111", "正位", "GB18030"),
    Text("CHEST", "Chest", "DR", "Chest"),
)
_LIMB_TEXTS = (
    Text("HAND", "Hand", "Hand left", "Hand"),
    Text("KNEE", "Knee ap/lat", "膝关节正侧位", "膝", "GB18030"),
    Text("", "L-Spine", "腰椎正侧位", "腰椎", "GB18030"),
    Text("PELVIS", "Pelvis", "111", "Pelvis"),
)
_TWO_VIEWS = ((Content.FRONTAL, Content.LATERAL), (Content.FRONTAL,))
KINDS = (
    Kind("chest CT", 0.17, "CT", _CT, _CHEST_CT_TEXTS, _CT_SERIES, chest=True),
    Kind("head CT", 0.10, "CT", _CT, (
        Text("HEAD", "HeadSeq", "Head Routine", "Head"), Text("", "1.1 HEAD", "HEAD", "SKULL"),
        Text("HEAD", "头颅", "头颅平扫", "头颅", "GB18030"),
    ), _SHORT_CT, region=Region.HEAD),
    Kind("abdomen CT", 0.09, "CT", _CT, (
        Text("ABDOMEN", "Abdomen Plain", "上腹部平扫", "腹部", "GB18030"),
        Text("ABDOMEN", "AbdRoutine", "111", "Abdomen"),
        Text("", "LIVER 3PH", "Liver", "Liver"),
    ), _CT_SERIES, region=Region.ABDOMEN),
    Kind("chest DX", 0.17, "DX", _DX, _RADIOGRAPH_TEXTS, _TWO_VIEWS, chest=True),
    Kind("limb DX", 0.13, "DX", _DX, _LIMB_TEXTS, _TWO_VIEWS, region=Region.HAND),
    Kind("chest DR", 0.03, "DR", (devices.UIH_DR,), _RADIOGRAPH_TEXTS, _TWO_VIEWS, chest=True),
    Kind("chest CR", 0.03, "CR", (devices.PHILIPS_CR,), _RADIOGRAPH_TEXTS[:1], _TWO_VIEWS, chest=True),
    Kind("limb CR", 0.02, "CR", (devices.PHILIPS_CR,), _LIMB_TEXTS, _TWO_VIEWS, region=Region.HAND),
    Kind("MR", 0.09, "MR", (devices.SIEMENS_MR, devices.PHILIPS_MR), (
        Text("HEAD", "t2_tse_tra", "Head MR", "t2_tse_tra"),
        Text("LSPINE", "t1_sag", "腰椎平扫", "t1_sag", "GB18030"),
    ), ((Content.MR,) * 4, (Content.MR,) * 6), region=Region.HEAD),
    Kind("ultrasound", 0.10, "US", (devices.GE_US, devices.MINDRAY_US), (
        Text("ABDOMEN", "", "腹部超声", "", "GB18030"), Text("", "", "Echo", ""),
    ), ((Content.OTHER,),)),
    Kind("mammogram", 0.02, "MG", (devices.GE_MG,), (Text("BREAST", "ROUTINE", "Mammography", ""),),
         ((Content.BREAST,),),
          region=Region.BREAST),
    # Wanted at STUDY level, for ModalitiesInStudy contains CT, and nothing in it to compute.
    Kind("mammogram with a CT picture", 0.005, "MG", (devices.GE_MG,),
         (Text("BREAST", "ROUTINE", "Mammography", ""),),
          ((Content.BREAST,),), region=Region.BREAST, extra=("CT",)),
    Kind("PET-CT", 0.01, "CT", (devices.GE_PET,), (Text("WHOLEBODY", "WB PET", "PET-CT", "WB"),),
          ((Content.SCOUT, Content.THICK),), chest=True, extra=("PT",)),  # the whole body has a chest
    Kind("angiography", 0.015, "XA", (devices.PHILIPS_XA,), (Text("HEART", "Coro", "冠脉造影", "Coro", "GB18030"),
                                                             ),
          ((Content.OTHER,) * 3,)),
    Kind("fluoroscopy", 0.015, "RF", (devices.SIEMENS_RF,), (
        Text("CHEST", "Thorax", "Chest fluoroscopy", "Chest"),
        Text("STOMACH", "GI", "上消化道造影", "GI", "GB18030"),
    ), ((Content.OTHER,),)),
    Kind("scanned film", 0.005, "OT", (devices.SCANNER,), (Text("", "", "胶片", "", "GB18030"),),
         ((Content.OTHER,),)),
)  # fmt: skip
NAMES = (
    ("Wang^Fang", "王^芳"), ("Zhang^Wei", "张^伟"), ("Li^Na", "李^娜"), ("Liu^Yang", "刘^洋"), ("Chen^Jie", "陈^洁"),
    ("Yang^Min", "杨^敏"), ("Zhao^Lei", "赵^磊"), ("Huang^Yong", "黄^勇"), ("Wu^Qiang", "吴^强"),
    ("Zhou^Ming", "周^明"),
    ("Xu^Jing", "徐^静"), ("Sun^Li", "孙^丽"), ("Ma^Chao", "马^超"), ("Hu^Yan", "胡^燕"), ("Guo^Tao", "郭^涛"),
    ("He^Ping", "何^平"), ("Lin^Xia", "林^霞"), ("Luo^Bin", "罗^斌"), ("Zheng^Hao", "郑^浩"), ("Xie^Yu", "谢^宇"),
)  # fmt: skip
FOREIGN_NAMES = ("Müller^Jürgen", "Łódź^Jan", "Kim^Minsu=김^민수", "Smith^John")
