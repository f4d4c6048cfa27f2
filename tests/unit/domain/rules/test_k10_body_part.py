"""
K10: the body part rule meets real headers. Spellings are those of public headers and of vendors' protocols;
values are made up.

The measurement over 287,000 public series is ``python -m benchmarks.headers``; its table stands in
docs/field-guide.md.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pacs_module.domain.dicom.attributes import SeriesFacts
from pacs_module.domain.rules.attribute_rules import judge_body_part
from pacs_module.domain.rules.filters import ASKED_AT_FIND, goes_with, judge_series
from pacs_module.domain.rules.read_switches import parse_switches, with_companions
from pacs_module.domain.rules.switches import Switches

SITE = Switches()


def series(modality: str = "CT", /, **attributes: str) -> SeriesFacts:
    return SeriesFacts("1.2.3", {**dict.fromkeys(ASKED_AT_FIND, ""), "Modality": modality, **attributes}, 300)


def because(switches: Switches = SITE, modality: str = "CT", /, **attributes: str) -> str:
    verdict = judge_body_part(series(modality, **attributes), switches)
    assert verdict is not None
    return "taken" if verdict.taken else verdict.because


# --- keywords that ship ---


@pytest.mark.parametrize(
    "body_part",
    [
        "CAP", "C_A_P", "C/A/P", "C-A-P", "c.a.p.", "CAP INFUSION", "CT_CAP", "CTCAP", "CHABDPELV",
        "CT_CHABD", "CHES_ABD_PEL", "PET_CT SCAN CHE", "AP PORTABLE CHE", "NECKCHESTABDPELV",
        "NECKCHESTABDPEL", "NECKCHEST", "CHESTABDOMEN", "CHESTABDPELVIS", "CHEST TO PELVIS",
        "NECK TO PELVIS", "THORAXABD", "TH CT CHEST WO C", "TAP", "T/A/P", "TORAX", "Tórax", "TORACE",
        "THORAKAL", "POITRINE", "BRUST", "BRUSTKORB", "BORSTKAS", "BRÖSTKORG", "KLATKA PIERSIOWA", "KLP",
        "HRUDNÍK", "MELLKAS", "ГРУДНАЯ КЛЕТКА", "Лёгкие", "ΘΩΡΑΚΑΣ", "흉부", "胸部", "両肺", "纵隔",
        "MEDIASTINUM", "WHOLEBODY", "WHOLE BODY", "WHOLE_BODY", "Ganzkörper", "CXR", "PORT CXR", "THX",
        "TRUNK", "TORSO", "HNCAP", "CAPWO", "THORA", "PULM", "C H E S T", "BORST", "LONGEN", "PLÍCE", "HRUĎ",
        "PARU",
        "GÖĞÜS", "ОГК", "ГРУДЬ", "흉곽", "가슴", "폐 CT", "छाती",
        "ＣＨＥＳＴ", "ｃｈｅｓｔ", "PNEUMONIE", "TORÁCICO", "PLEURA", "BRONCHUS",
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "attribute", ["BodyPartExamined", "StudyDescription", "ProtocolName", "SeriesDescription"]
)
def test_a_spelling_of_the_chest(body_part: str, attribute: str) -> None:
    assert because(**{attribute: body_part}) == "taken"


@pytest.mark.parametrize(
    "text",
    [
        "ESCAPE", "LANDSCAPE", "CAPSULE", "HANDICAP", "KNEE CAP", "TAPE", "STAPLER", "CHEEK", "CHECK",
        "MUCHES", "Höchste Stufe", "FACHSTATION", "THORN", "ACETABULUM CAPTURE", "C A PHASE", "estudo",
        "CHT", "CXRAYS2GO", "TRUNKS", "BORSTEL", "PARUSHA", "폐쇄", "celiac trunk", "Thorakale Wirbelsäule",
        "THORACICSPINE",
    ],
)  # fmt: skip
def test_a_short_keyword_is_no_part_of_another_word(text: str) -> None:
    assert because(SeriesDescription=text).startswith("BodyPartExamined: ")


def test_parts_of_words_are_found_and_words_in_camel_case() -> None:
    assert because(StudyDescription="LowDoseLung") == "taken"
    assert because(StudyDescription="AbdomenCAP_Adult_") == "taken"
    assert because(StudyDescription="CT1CAP2") == "taken"


@pytest.mark.parametrize(
    "text",
    ["MANCHESTER", "Rochester General", "CHESTNUT HILL", "Winchester", "Behandlung", "Knieschwellung",
     "Darstellung",
     "ABTEILUNG 3", "Wiederholung", "Bestrahlung", "Ansammlung", "Fehlstellung", "PLUNGER"],
)  # fmt: skip
def test_a_word_that_contains_a_keyword_by_chance_says_nothing(text: str) -> None:
    assert because(SeriesDescription=text).startswith("BodyPartExamined: ")
    assert because(replace(SITE, no_keywords=()), SeriesDescription=text) == "taken"
    for chest in (f"{text} Lunge", f"CHEST {text}", f"{text}_THORAX"):
        assert because(SeriesDescription=chest) == "taken"
    assert because(BodyPartExamined="CHEST", SeriesDescription=text) == "taken"


# --- placeholders ---


@pytest.mark.parametrize(
    "placeholder",
    [
        "UNKNOWN", "unknown ", "Undefined", "DEFAULT", "BODY", "SERVICE", "NONE", "XXX", "N/A", "NA",
        "Unspecified", "OTHER", "---", "?", "0", "111", ".", "未知", "ＮＯＮＥ", "OUTSIDE FIL",
        "nil", "TBD", "[x]", "XXXX", "undef.", "Not_Applicable", "NOT DEFINED", "<BODY PART>",
        "unknown\\unknown", "Portable",
        "unbekannt", "INCONNU", "Desconocido", "Неизвестно", "不明", "未定义", "なし",
    ],
)  # fmt: skip
def test_a_placeholder_counts_as_empty(placeholder: str) -> None:
    assert because(BodyPartExamined=placeholder, SeriesDescription="Thorax 1.0") == "taken"
    words = because(BodyPartExamined=placeholder, SeriesDescription="Skull 1.0")
    assert words.startswith("BodyPartExamined: ProtocolName:")


def test_without_the_list_a_placeholder_decides_as_before() -> None:
    site = replace(SITE, empty_body_parts=(), overrule_body_part_by=())
    assert because(site, BodyPartExamined="UNKNOWN", SeriesDescription="Thorax") == "BodyPartExamined UNKNOWN"


@pytest.mark.parametrize("body_part", ["WHOLE BODY", "BODYCHEST", "HAND", "HEAD", "NONECHEST"])
def test_a_word_that_only_contains_a_placeholder_is_none(body_part: str) -> None:
    assert "ProtocolName" not in because(BodyPartExamined=body_part)


# --- a wrong BodyPartExamined ---


@pytest.mark.parametrize(
    ("body_part", "study", "description"),
    [
        ("HEAD", "PETCT_Skull_MidThigh", "LUNG AXIAL CT 2.5 MM"),
        ("HEAD", "", "LUNG AXIAL CT 2.5 MM"),
        ("HEAD", "NM Pet Image W CT Skull Thigh", "LUNG AXIAL CT 2.5 MM"),
        ("KIDNEY", "CT THORAX W/CONTRAST", "CHEST"),
        ("ABDOMEN", "CT_CAP", "LUNG"),
        ("ABDOMEN", "CT_CAP", "COR CAP"),
        ("ABDOMEN", "", "Thorax 1.0 B60f"),
        ("NECK", "ct_chest_abd_pel", "AXIAL LUNG MIPS"),
        ("AORTA", "CT", "CHEST_1_1'S_iDose_4_"),
        ("SPINE", "平扫", "胸部 1mm"),
        ("LIVER", "CT CAP (LIV)", "Recon 2: LIVER 2 PHASE (C/A/P)"),
        ("STOMACH", "TX AS", "LUNG 5.0mm"),
        ("T SPINE", "CT CHEST", "CHEST 1.0"),
    ],
)
def test_a_series_description_overrules_a_wrong_body_part(
    body_part: str, study: str, description: str
) -> None:
    told = {"BodyPartExamined": body_part, "StudyDescription": study, "SeriesDescription": description}
    verdict = judge_body_part(series(**told), SITE)
    assert verdict is not None
    assert (verdict.taken, verdict.attribute) == (True, "SeriesDescription")
    assert because(replace(SITE, overrule_body_part_by=()), **told) == f"BodyPartExamined {body_part}"


@pytest.mark.parametrize(
    ("body_part", "study", "description"),
    [
        ("ABDOMEN", "CT ABDOMEN PELVIS W CONT", "LUNG WINDOW 5.0"),
        ("ABDOMEN", "腹部CT", "肺窗"),
        ("HAND", "", "LUNG"),  # a bare window, and nobody says what was ordered
        ("ABDOMEN", "", "Lung 3.0 B60f"),
        ("ABDOMEN", "", "LUNG WINDOW 5mm"),
        ("ABDOMEN", "CT ABDOMEN", "LUNG BASES"),
        ("SPINE", "T-SPINE", "LUNG"),
        ("HEAD", "Head Routine", "Head 1.0 LUNG"),
        ("HAND", "CHEST PA", "AP"),  # what was ordered does not overrule it
    ],
)
def test_a_lung_window_of_another_part_overrules_nothing(
    body_part: str, study: str, description: str
) -> None:
    words = because(BodyPartExamined=body_part, StudyDescription=study, SeriesDescription=description)
    assert words.startswith(f"BodyPartExamined {body_part}")


@pytest.mark.parametrize(
    "limb", ["HAND", "HAND LEFT", "KNEE", "L_KNEE", "LOWER LEG", "FOREARM", "左手", "膝関節", "EXTREMITY"]
)
def test_a_limb_is_believed(limb: str) -> None:
    told = {"BodyPartExamined": limb, "SeriesDescription": "Chest 1.0", "StudyDescription": "Thorax"}
    assert because(**told).startswith(f"BodyPartExamined {limb}")
    assert because(replace(SITE, never_overruled=()), **told) == "taken"


def test_a_lung_of_whihich_the_pacs_does_not_tell_what_was_ordered_is_judged_when_it_is_here() -> None:
    told = {"Modality": "CT", "BodyPartExamined": "HEAD", "SeriesDescription": "LUNG", "ProtocolName": ""}
    assert judge_series(SeriesFacts("1", told, 300), SITE).taken
    here = SeriesFacts("1", {**told, "StudyDescription": ""}, 300)
    assert judge_series(here, SITE).because == "BodyPartExamined HEAD"


def test_the_study_description_may_overrule_where_the_site_says_so() -> None:
    site = replace(SITE, overrule_body_part_by=("SeriesDescription", "StudyDescription"))
    assert (
        because(site, BodyPartExamined="ABDOMEN", StudyDescription="CT CHEST", SeriesDescription="AXIAL")
        == "taken"
    )
    assert (
        because(BodyPartExamined="ABDOMEN", StudyDescription="CT CHEST", SeriesDescription="AXIAL") != "taken"
    )


# --- words that speak against it ---


@pytest.mark.parametrize(
    "description",
    [
        "胸椎CT平扫", "胸锁关节", "颈胸椎", "胸腰段", "胸骨", "胸壁肿块", "T-SPINE", "T SPINE 1.0",
        "TSPINE", "T_Spine_Recon", "THORACIC SPINE", "Thoracic_Spine_Bone", "THORACOLUMBAR SPINE",
        "Thoraco-lumbar", "Spine thoracic", "CHEST WALL BIOPSY", "Chest_Wall", "ChestWall 1mm",
        "BRUSTWIRBELSÄULE", "BWS", "Brustbein", "RACHIS THORACIQUE", "Colonne thoracique",
        "Columna torácica", "LUNG BASES", "Lung Base", "STERNOCLAVICULAR", "흉추",
        "грудной отдел позвоночника", "LUNG BIOPSY", "Biopsy of lung", "CT guided lung biopsies",
        "FNA LUNG", "肺穿刺", "胸部穿刺活检",
    ],
)  # fmt: skip
def test_a_word_against_drops_the_series_and_is_told(description: str) -> None:
    alone = because(SeriesDescription=description)
    assert alone.startswith("BodyPartExamined: ProtocolName:")
    filled = because(BodyPartExamined="CHEST", SeriesDescription=description)
    assert filled.startswith("BodyPartExamined CHEST, but SeriesDescription says ")


@pytest.mark.parametrize(
    "description",
    [
        "胸部及胸椎", "CHEST AND T-SPINE", "Thorax + BWS", "CHEST WALL AND LUNGS", "胸主动脉",
        "THORACIC AORTA", "CHEST STERNUM", "LUNG 1.0",
    ],
)  # fmt: skip
def test_a_chest_beside_it_is_a_chest(description: str) -> None:
    assert because(SeriesDescription=description) == "taken"
    assert because(BodyPartExamined="CHEST", SeriesDescription=description) == "taken"


def test_the_words_of_the_log_keep_their_shape() -> None:
    told = {"StudyDescription": "CHEST", "SeriesDescription": "T-SPINE"}
    values = "ProtocolName: StudyDescription:CHEST SeriesDescription:T-SPINE ImageComments:"
    assert because(**told) == f"BodyPartExamined: {values} (SeriesDescription says t spine)"
    assert (
        because(BodyPartExamined="CHEST", **told)
        == "BodyPartExamined CHEST, but SeriesDescription says t spine"
    )
    damaged = "胸椎".encode("gb18030").decode("latin-1")
    assert "胸椎" in because(SeriesDescription=damaged)


@pytest.mark.parametrize(
    ("study", "description", "taken"),
    [
        ("CT ABDOMEN", "LUNG 5mm", False),
        ("CT ABD AND PELVIS WITH IV CONT", "Lung Window", False),
        ("", "ABDOMEN LUNG WINDOW", False),
        ("", "腹部 肺窗", False),
        ("上腹部平扫", "肺窗 5mm", False),
        ("Abdomen^Poumon", "LUNG", True),
        ("CT CHEST ABDOMEN", "LUNG 5mm", True),
        ("PET/CT WHOLE BODY", "LUNG", True),
        ("CT LUNG AND ABDOMEN", "5mm", True),
        ("111", "Lung", True),
        ("", "LUNG", True),
        ("", "LUNG WINDOW", True),
        ("CT ABDOMEN", "CHEST 5mm", True),
        ("Head", "1.1 LUNG", False),
    ],
)
def test_a_lung_window_of_another_part_is_no_lung(study: str, description: str, taken: bool) -> None:
    assert (because(StudyDescription=study, SeriesDescription=description) == "taken") is taken


def test_what_another_part_is_called_drops_a_series_only_where_the_site_says_so() -> None:
    told = {"StudyDescription": "CT CHEST ABD PELVIS", "SeriesDescription": "ABD COR"}
    assert because(**told) == "taken"
    assert because(replace(SITE, filter_other_body_parts=True), **told) != "taken"
    assert because(replace(SITE, filter_other_body_parts=True), BodyPartExamined="CHEST", **told) == "taken"


# --- radiography ---


def test_a_radiograph_after_a_biopsy_is_a_chest() -> None:
    assert (
        because(
            SITE, "DX", BodyPartExamined="CHEST", SeriesDescription="PA", StudyDescription="CXR post biopsy"
        )
        == "taken"
    )


@pytest.mark.parametrize(
    ("description", "goes"), [("", True), ("LAT", True), ("T-SPINE LAT", False), ("胸椎侧位", False)]
)
def test_what_says_that_it_is_something_else_does_not_go_with_a_chest(description: str, goes: bool) -> None:
    one = series("DX", SeriesDescription=description)
    assert goes_with(one, judge_series(one, SITE), "9", SITE).taken is goes


# --- sites' own switches ---


def test_keywords_of_a_site_stand_alone_as_before() -> None:
    site = parse_switches({"KEYWORDS": ["head", "brain", "胸"]})
    assert (
        site.keywords_further,
        site.keywords_whole_words,
        site.keywords_against,
        site.other_body_parts,
    ) == ((), (), (), ())
    assert because(site, SeriesDescription="胸椎CT平扫") == "taken"
    assert because(site, BodyPartExamined="CAP") == "BodyPartExamined CAP"
    assert because(site, BodyPartExamined="HEAD", SeriesDescription="LUNG BIOPSY") == "taken"


def test_a_site_may_keep_the_lists_that_ship_beside_its_own_keywords() -> None:
    values = {"KEYWORDS": ["CHEST", "STND"], "KEYWORDS_AGAINST": ["T SPINE"]}
    assert with_companions(values)["KEYWORDS_AGAINST"] == ["T SPINE"]
    assert with_companions({"KEYWORDS_AGAINST": []}) == {"KEYWORDS_AGAINST": []}


@pytest.mark.parametrize(
    ("switch", "value", "told"),
    [
        ("keywords_further", (), {"BodyPartExamined": "TORAX"}),
        ("keywords_whole_words", (), {"BodyPartExamined": "CAP"}),
        ("overrule_body_part_by", (), {"BodyPartExamined": "HEAD", "SeriesDescription": "CHEST"}),
        ("empty_body_parts", (), {"BodyPartExamined": "UNKNOWN", "StudyDescription": "CHEST"}),
    ],
)
def test_each_list_can_be_switched_off_by_itself(switch: str, value: Any, told: dict[str, str]) -> None:
    assert because(**told) == "taken"
    off: dict[str, Any] = {switch: value}
    assert because(replace(SITE, **off), **told) != "taken"


@pytest.mark.parametrize(
    ("switch", "told"),
    [
        ("keywords_against", {"SeriesDescription": "胸椎CT平扫"}),
        ("descriptions_unwanted", {"SeriesDescription": "LUNG BIOPSY"}),
        ("window_keywords", {"StudyDescription": "CT ABDOMEN", "SeriesDescription": "LUNG"}),
        ("other_body_parts", {"StudyDescription": "CT ABDOMEN", "SeriesDescription": "LUNG"}),
    ],
)
def test_each_list_that_drops_can_be_switched_off_by_itself(switch: str, told: dict[str, str]) -> None:
    assert because(**told) != "taken"
    off: dict[str, Any] = {switch: ()}
    assert because(replace(SITE, **off), **told) == "taken"
