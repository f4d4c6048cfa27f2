"""
K10, further words of real headers: by language, by vendor, protocols without a body part, wrong spellings.

Each list was written down as somebody at a hospital of that language would, before the rules were looked at.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from pacs_module.domain.dicom.attributes import SeriesFacts
from pacs_module.domain.rules.attribute_rules import judge_body_part, judge_image_type
from pacs_module.domain.rules.kernel_and_contrast import kernel_class
from pacs_module.domain.rules.read_switches import parse_switches
from pacs_module.domain.rules.switches import Switches

SITE = Switches()

CHEST = {
    "protocols": "HRCT|HR-CT|HRCT INSP|HRCT SUPINE|LDCT|LDCT SCREENING|LCS|CT PE|CTA PE|PE PROTOCOL|"
    "PE STUDY|COVID-19|PAN SCAN",
    "English": "CHST|CH/ABD/PEL|ChestAbdPelvis|CAPWC|PCXR|HIRES CHEST|THORACIC INLET TO PELVIS|Pulm Emb|"
    "LUNG APEX|CT WB",
    "German": "Thorax nativ|NT Thorax|Thx a.p.|Lungenembolie|LAE|Hals-Thorax-Abdomen|TH/AB/BE|"
    "Staging Th/Abd|Ganzkörper",
    "French": "TDM TAP|T.A.P|TAP injecté|thoraco-abdo-pelvien|Poumon fin|Parenchyme|embolie pulmonaire",
    "Spanish, Portuguese, Italian": "TÓRAX|tórax y abdomen|Pulmão|TORAX PA E PERFIL|Parénquima|"
    "TORACE-ADDOME|polmoni|parenchima",
    "Turkish": "Toraks BT|Akciğer|AKCİĞER GRAFİSİ|Göğüs",
    "Chinese": "胸部平扫|双肺|胸部HRCT|纵膈|支气管|胸腹盆|新冠|胸廓|躯干",
    "Japanese": "胸部単純|頸部～骨盤|気管支|縦隔条件|ムネ|チェスト|ｷｮｳﾌﾞ|体幹部",
    "Korean": "흉부|저선량 흉부|폐암|가슴",
    "Russian and neighbours": "ОГК|ОГП|КТ груди|лёгкие|легочная артерия|ТЭЛА|легені|гръден кош|OGK|LEGKIE",
    "others": "Klatka piersiowa|plíce|TÜDŐ|plămân|PRSNI KOŠ|pljuča|plaučiai|krūškurvis|plaušas|kopsud|"
    "keuhkot|θώρακας|phổi|الرئتين|ریه|ריאות|CT plic|CT prsnega koša|CT krūšu",
    "letters in a wrong order, one more or one less": "CEHST|CHSET|HCEST|CHEAST|CHESR|CHRST W/O|THROAX|"
    "CT_THOARX|TOHRAX|HTORAX nativ|THRAX|THORX AP|TORASE|GRUDI",
    "short": "TACAR|TDM Tho-Abd-Pelv|CT Tho/Abd",
}  # fmt: skip
NO_CHEST = {
    "protocols of other parts": "HRCT temporal bone|颞骨HRCT|HRCT Felsenbein|HRCT PNS|HRCT EAR|LDCT KUB|"
    "LDCT Abdomen|CT STONE LDCT|側頭骨HRCT",
    "English": "THORACIC AND LUMBAR SPINE|Thoracic & Lumbar Spine|THOR SPINE|THORACIC SPN|"
    "THORACIC MYELOGRAM|CT MYELO THORACIC|THORACIC DISC",
    "German": "Brust-WS|Brust-LWS|thorakale WS|Thorakolumbal|Lungenbiopsie|Lungenbasis|Brustkrebs Screening",
    "French, Spanish, Portuguese, Italian, Romanian": "rachis thoraco-lombaire|columna toracolumbar|"
    "COLUNA TORACOLOMBAR|"
    "COLONNA TORACO-LOMBARE|COLOANA TORACALA|ponction pulmonaire",
    "Turkish": "torakal vertebra BT|TORAKAL OMURGA|Torakal spinal|akciğer biyopsi",
    "Chinese, Japanese": "脊柱胸段|胸段脊柱|胸大肌|肺底|肺生検|胸锁关节",
    "Russian": "грудной позвоночник|позвоночник грудной отдел|грудные позвонки|биопсия легкого|"
    "pozvonochnik grudnoj otdel",
    "others": "hrudní páteř|páteř hrudní|hrudná chrbtica|thoracale wervelkolom|torakalrygg|"
    "Columna thoracalis|ΘΩΡΑΚΙΚΗ ΜΟΙΡΑ ΣΠΟΝΔΥΛΙΚΗΣ",
    "names": "Chesterton|Colchester|Manchester",
    "words that are nearly a chest": "ILIAC CREST|CHESS STUDY|CREST|WRIST REST|HEST|CHRIST HOSPITAL|GUEST",
    "spines of other languages": "TC rachide toracico|rachide dorsale|MSCT cột sống ngực",
}  # fmt: skip
SAYS_NOTHING = (
    "UNKOWN|UKNOWN|NOT AVAILABLE|N/D|None Specified|NO VALUE|UNSET|UNMAPPED|NONSPECIFIC|MULTIPLE REGIONS|"
    "USER DEFINED|ADULT BODY|"
    "BODY ROUTINE|CT BODY|XRAY|X-RAY|SCAN|SPIRAL|OUTSIDE CT|EMERGENCY|keine Angabe|k.A.|nicht definiert|"
    "Andere|NON SPECIFICATO|AUTRE|"
    "NO ESPECIFICADO|SIN ESPECIFICAR|Не указано|Прочее|その他|未設定|其他部位|未填写|全部|"
    "无部位|기타|없음|BİLİNMEYEN|DİĞER|ONBEKEND"
)  # fmt: skip


def taken(site: Switches = SITE, /, **told: str) -> bool:
    filled = dict.fromkeys(("BodyPartExamined", "ProtocolName", "StudyDescription", "SeriesDescription"), "")
    verdict = judge_body_part(SeriesFacts("1", {"Modality": "CT", **filled, **told}, 300), site)
    return verdict is None or verdict.taken


@pytest.mark.parametrize(
    "attribute", ["SeriesDescription", "StudyDescription", "ProtocolName", "BodyPartExamined"]
)
@pytest.mark.parametrize("kind", CHEST)
def test_a_chest_is_found_in_each_language(kind: str, attribute: str) -> None:
    assert [text for text in CHEST[kind].split("|") if not taken(**{attribute: text})] == []


@pytest.mark.parametrize("kind", NO_CHEST)
def test_what_only_sounds_like_a_chest_is_none(kind: str) -> None:
    assert [text for text in NO_CHEST[kind].split("|") if taken(SeriesDescription=text)] == []


def test_a_value_of_words_that_say_nothing_counts_as_empty() -> None:
    values = SAYS_NOTHING.split("|")
    assert [v for v in values if not taken(BodyPartExamined=v, StudyDescription="CT THORAX")] == []
    assert not any(taken(BodyPartExamined=value, StudyDescription="CT ABDOMEN") for value in values)


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        ({"StudyDescription": "HRCT", "SeriesDescription": "1.0 B70f"}, True),
        ({"StudyDescription": "HRCT", "SeriesDescription": "Temporal bone left"}, False),
        ({"StudyDescription": "HRCT", "ProtocolName": "InnerEar"}, False),
        ({"StudyDescription": "CT TEMPORAL BONE", "SeriesDescription": "HRCT 0.6"}, False),
        ({"StudyDescription": "腹部", "SeriesDescription": "LDCT"}, False),
        ({"StudyDescription": "CT ABDOMEN", "SeriesDescription": "LDCT CHEST"}, True),
        ({"BodyPartExamined": "HEAD", "SeriesDescription": "HRCT"}, False),
        ({"BodyPartExamined": "EAR", "StudyDescription": "HRCT", "SeriesDescription": "HRCT 0.6"}, False),
        ({"BodyPartExamined": "UNKNOWN", "SeriesDescription": "HRCT"}, True),
        ({"StudyDescription": "CT AB/PE", "SeriesDescription": "5mm"}, False),
    ],
)
def test_a_protocol_is_the_chest_s_where_nobody_names_another_part(
    told: dict[str, str], wanted: bool
) -> None:
    assert taken(**told) is wanted


def test_protocols_can_be_switched_off_and_go_with_the_site_s_own_keywords() -> None:
    assert not taken(replace(SITE, protocol_keywords=()), SeriesDescription="HRCT")
    assert parse_switches({"KEYWORDS": ["CHEST"]}).protocol_keywords == ()
    own = parse_switches({"PROTOCOL_KEYWORDS": ["GATED"]})
    assert taken(own, SeriesDescription="GATED")
    assert not taken(own, SeriesDescription="HRCT")


@pytest.mark.parametrize(
    ("kernels", "name"),
    [
        ("B70f|Bl57d|Br64d\\3|I70f\\3|Bv59|Hr60|Qr59|Ur77|LUNG|BONEPLUS|LUNG/HD|HD LUNG|YC|FC51|FC81|"
        "B_SHARP_C|B-LUNG|F60|D70f", "lung"),
        ("B30f|Br40|Bf37|I30f\\3|Bv40|Hr40|Qr40|STANDARD|STND|HD STND|CHST|UB|FC18-H|B_SOFT_B|F20|BODY|D30f|"
        "SMOOTH", "mediastinum"),
        ("BRAIN|HEAD|", ""),
    ],
)  # fmt: skip
def test_the_kernels_of_each_vendor_have_their_class(kernels: str, name: str) -> None:
    assert {kernel_class(kernel, SITE) for kernel in kernels.split("|")} == {name}


@pytest.mark.parametrize(
    ("image_type", "wanted"),
    [
        ("ORIGINAL/PRIMARY/AXIAL", True), ("original, primary, axial", True),
        ("ORIGINAL\\PRIMARY\\AXIAL\\CT_SOM7 SPI DUAL", True),
        ("ORIGINAL\\PRIMARY\\AXIAL\\A/B", True), ("DERIVED/SECONDARY/MPR", False),
        ("ORIGINAL/PRIMARY/LOCALIZER", False),
    ],
)  # fmt: skip
def test_an_image_type_is_read_however_its_values_are_parted(image_type: str, wanted: bool) -> None:
    verdict = judge_image_type(SeriesFacts("1", {"Modality": "CT", "ImageType": image_type}, 100), SITE)
    assert verdict is not None
    assert verdict.taken is wanted


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        ("ORIGINAL\\PRIMARY", True),
        ("ORIGINAL\\PRIMARY\\", True),
        ("ORIGINAL\\\\AXIAL", True),
        ("\\\\AXIAL", True),
        ("\\\\", True),
        ("original\\primary", True),
        ("ORIGINAL\\PRIMARY\\LOCALIZER", False),
        ("ORIGINAL\\PRIMARY\\OTHER", False),
        ("DERIVED\\PRIMARY", False),
        ("ORIGINAL\\SECONDARY", False),
        ("LOCALIZER", False),
        ("DERIVED", False),
    ],
)
def test_an_image_type_that_is_not_told_whole_speaks_against_nothing(told: str, wanted: bool) -> None:
    verdict = judge_image_type(SeriesFacts("1", {"Modality": "CT", "ImageType": told}, 300), SITE)
    assert (verdict is None or verdict.taken) is wanted


@pytest.mark.parametrize("text", ["HRCT LUNG 1.25", "LUNG HRCT", "흉복부 CT"])
def test_further_words_of_a_chest_beside_a_wrong_body_part(text: str) -> None:
    assert taken(BodyPartExamined="HEAD", SeriesDescription=text)
    assert taken(SeriesDescription=text)
