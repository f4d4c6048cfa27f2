"""
What a public series shows, as a person reads it from everything that is known of it.

The rules may not judge themselves, so this knows more than they do: the collection's design and a wider
vocabulary, read off all 2,767 study descriptions. It is not used outside this benchmark.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class Region(StrEnum):
    """What was imaged."""

    CHEST = "chest"
    OTHER = "other"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Header:
    """The attributes of one series; empty: not told."""

    collection: str
    modality: str
    body_part: str
    study: str
    series: str


CHEST_COLLECTIONS = frozenset(
    {
        "nlst", "lidc_idri", "4d_lung", "nsclc_radiomics", "nsclc_radiomics_genomics",
        "nsclc_radiomics_interobserver1", "rider_lung_ct", "lctsc", "midrc_ricord_1a", "midrc_ricord_1b",
        "midrc_ricord_1c", "spie_aapm_lung_ct_challenge", "lungct_diagnosis", "qin_lung_ct",
    }
)  # fmt: skip
"""Collections of chest examinations only."""
OTHER_COLLECTIONS = frozenset(
    {
        "ct_colonography", "prostate_anatomical_edge_cases", "pelvic_reference_data", "pancreas_ct",
        "c4kc_kits", "colorectal_liver_metastases", "hcc_tace_seg", "spinal_multiple_myeloma_seg",
        "stageii_colorectal_ct", "qiba_ct_liver_phantom", "cc_tumor_heterogeneity",
    }
)  # fmt: skip
"""Collections of other examinations; a series of them that names the chest is not counted as other."""

# "Chest" in the languages and spellings of these headers: THORACIC, TORAX, TX AS (torax, abdomen superior),
# klatka piersiowa (KLP), grudnaja, hrudnik; C/A/P, T/A/P, CTNCAPW; CH, CHE, CHT, CHST before an abdomen.
_GAP = r"[\s/_.,&+-]*"
_REGIONS = re.compile(
    r"CHEST|CHST|THORA|THOR\b|(?<![A-Z])T[HX]_|TORAX|PULMO|PULM_|KLATK|GRUDN|HRUDN|LTRC|NSCLC|MEDIASTIN"
    r"|(?<![A-Z])(?:CT|CTN|N|CTN?C?)?CAP(?:W|C|WO)?(?![A-Z])|CAP_|(?<![A-Z])K\.?L\.?P(?![A-Z])"
    rf"|(?<![A-Z])[CT]{_GAP}A{_GAP}P(?![A-Z])|(?<![A-Z])CH(?:E|T|EST)?{_GAP}(?:A(?:B|{_GAP}P)|PEL)|(?<![A-Z])TX{_GAP}AS"
    r"|(?<![A-Z])CH(?:T|E)?(?:[.+]|$)|(?<![A-Z])CXR(?![A-Z])"
)
_LUNG = re.compile(r"LUNG|PULM(?!O_ANG)")
_NO_CHEST = re.compile(
    r"THORACIC[\s_]*SPINE|THORACOLUMBAR|THOR_LMBR|T[\s_-]*SPINE|TH/L|CHEST[\s_]*WALL|LUNG[\s_]*BAS|BASES|BIOPSY|BX_|RIBS?\b|STERN"
)
_OTHER = re.compile(
    r"ABD|ABPEL|AB\b|PELV|MIEDNIC|BRZU|COLO|HEAD|BRAIN|SKULL|NECK|SPINE|LIVER|KIDNEY|RENAL|PROSTAT|BREAST|BLADDER|UROGRA|PANCR"
    r"|HIP\b|FEMUR|KNEE|FOOT|EXTREM|ADRENAL|UTER|OVAR|RECT|ANUS|GI\b|ENTERO|SHOULDER|MARROW|(?<![A-Z])A[/_-]?P(?![A-Z])|URETER|CRANI"
)
_WHOLE_BODY = re.compile(r"PET|WHOLE|WB|BODY|THIGH|TORSO|TRUNK|FDG|GANZK|TEILK|TUMOR")
_INTERVENTION = re.compile(r"BIOPSY|FNA\b|ASPIRATION|GUIDED|GUIDANCE|NEEDLE|_BX")
_VIEWS = re.compile(r"SCOUT.*|AP[/ _]*LAT\w*|HEAD[ _]*(?:IN|FIRST)|LOCALI[SZ]ER.*|TOPOGRAM.*")
"""Views and positions: ``AP`` is no abdomen and pelvis here."""
_CHEST_PARTS = re.compile(r"CHEST|THORAX|LUNG|MEDIASTIN")


def names_chest(text: str) -> bool:
    """Whether a text names the chest as a region of the body (a lung window does not)."""
    return bool(_REGIONS.search(_NO_CHEST.sub(" ", text.upper())))


def speaks(header: Header) -> bool:
    """Whether any attribute of this series says chest or lung, in any spelling."""
    texts = (header.body_part, header.study, header.series)
    return any(names_chest(text) or _LUNG.search(text.upper()) for text in texts)


def study_region(header: Header) -> Region:
    """
    What was ordered, by the collection and StudyDescription (0008,1030); a biopsy is no examination of a
    region.
    """
    if _INTERVENTION.search(header.study.upper()):
        return Region.UNKNOWN
    if header.collection in CHEST_COLLECTIONS or names_chest(header.study):
        return Region.CHEST
    if header.collection in OTHER_COLLECTIONS:
        return Region.OTHER
    text = header.study.upper()
    if _WHOLE_BODY.search(text) or not _OTHER.search(text):
        return Region.UNKNOWN
    return Region.OTHER


def series_region(header: Header) -> Region:
    """
    What this series shows.

    ``LUNG`` is a window of an abdomen where the order names another region only, else the lung. A bare
    ``AXIAL 5.0`` of a study of chest and abdomen is unknown; so is a series whose BodyPartExamined
    contradicts all other attributes.
    """
    ordered = study_region(header)
    if _INTERVENTION.search(f"{header.study} {header.series}".upper()):
        return Region.UNKNOWN
    text = _NO_CHEST.sub(" ", _VIEWS.sub(" ", header.series.upper()))
    elsewhere = bool(_OTHER.search(text) or _NO_CHEST.search(header.series.upper()))
    if _REGIONS.search(text) or (_LUNG.search(text) and ordered is not Region.OTHER and not elsewhere):
        return Region.CHEST
    told_chest = bool(_CHEST_PARTS.search(header.body_part.upper()))
    if ordered is Region.OTHER or elsewhere:
        return Region.UNKNOWN if told_chest else Region.OTHER
    return Region.CHEST if header.collection in CHEST_COLLECTIONS or told_chest else Region.UNKNOWN
