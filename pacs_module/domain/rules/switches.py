"""
The site's switches (``orthanc/config/config.py`` and the site's own file), checked and typed.

Both processes read the same file through :func:`parse_switches`; an unknown key or a bad value stops the
start with the key, the value and what is allowed.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, TypeVar

from ..dicom.attributes import MISSING_IMAGES, MULTI_FRAME, SLICE_SPACING, split_image_type
from ..dicom.text_folding import words
from .body_part import BodyPartRules
from .keywords import Keywords

T = TypeVar("T")
_REMEMBERED = 50_000
"""Values that are remembered of each kind."""
CHOICE_CRITERIA = ("thickness", "instances", "kernel", "kernel class", "image type", "contrast", "latest")
KERNEL_CLASSES = ("lung", "mediastinum")
CONTRAST_PHASES = ("plain", "arterial", "venous", "delayed", "contrast")
WHEN_QUARANTINE_FULL = ("drop_oldest", "drop_new", "pass_on")
AT_START_ONLY = frozenset(
    {
        "FIND_PACS_USE_SERIES",
        "DELETE_AFTER_SEND",
        "STABLE_AGE",
        "HANDOVER_CHECKSUMS",
        "RAM_DISK_RESERVE_MB",
        "RAM_DISK_ALARM_PERCENT",
        "VALIDATE",
        "VALIDATE_HEADER",
        "VALIDATE_UIDS",
        "VALIDATE_PIXELS",
        "VALIDATION_SENDERS",
        "VALIDATION_CALLED_AETS",
        "VALIDATION_MANDATORY",
        "VALIDATION_THRESHOLD",
        "VALIDATION_TOLERANCE_PERCENT",
        "VALIDATION_WINDOW_MIN",
        "QUARANTINE_MAX_FILES",
        "QUARANTINE_MAX_MB",
        "QUARANTINE_MAX_DAYS",
        "QUARANTINE_WHEN_FULL",
    }
)
"""Switches that judge nothing and are read when a process starts; all others can change while it runs."""


class Memory:
    """
    Verdicts by the values that they depend on, of one set of rules: bounded, and shared by all threads.
    """

    def __init__(self) -> None:
        self.texts: dict[Any, Any] = {}
        self.examined: dict[Any, Any] = {}
        self.images: dict[Any, Any] = {}
        self.counts: dict[Any, Any] = {}

    def keep(self, memory: dict[Any, Any], key: Any, verdict: T) -> T:
        """Remember; a full memory begins anew."""
        if len(memory) >= _REMEMBERED:
            memory.clear()
        memory[key] = verdict
        return verdict


@dataclass(frozen=True)
class Switches:
    """Every switch with its default; names are the contract's, lower case here, upper case in the file."""

    # What is asked and what happens around it
    find_pacs_use_series: bool = False
    delete_after_send: bool = True
    resend_only_thicker_series: bool = True

    # Modalities: study filter (contains) and series filter
    ct_modalities: tuple[str, ...] = ("CT",)
    dx_modalities: tuple[str, ...] = ("DX", "DR", "CR")

    # Body part
    filter_body_part: bool = True
    keywords: tuple[str, ...] = ("CHEST", "THORAX", "LUNG", "PULMO", "胸", "肺")
    keywords_further: tuple[str, ...] = (
        "THORAC", "THORAK", "TORAX", "TORAC", "TORAKS",
        "TORAKAL", "POITRINE", "POUMON", "POLMON", "PULMA", "PECHO", "PEITO", "BRUST", "BORSTKAS",
        "BROSTKORG", "BRYSTKASSE", "RINTAKEH", "KEUHKO", "KLATK", "PLUC", "HRUDN", "MELLKAS", "AKCIGER",
        "KRUTIN", "RINDKERE", "GRUDN", "ГРУДН", "ЛЕГК", "ТОРАК", "ΘΩΡΑΚ", "ΠΝΕΥΜΟΝ", "흉부", "ทรวงอก", "ปอด",
        "صدر", "חזה", "MEDIAST", "PLEURA", "BRONCH", "PNEUMONI", "CHABD", "WHOLEBODY", "GANZKORPER",
        "GANZKOERPER", "全身", "纵隔", "縱隔", "縦隔",
        "흉곽", "가슴", "छाती", "رئة", "GOGUS",
        "支气管", "支氣管", "気管支", "纵膈", "頸部~骨盤", "頚部~骨盤", "頸部-骨盤", "頚部-骨盤", "頸部骨盤", "体幹", "躯幹",
        "躯干", "軀幹",
        "チェスト", "キョウブ", "ЛЕГЕН", "ЛЕГОЧ", "ГРЪД", "ДРОБОВЕ", "БЯЛ ДРОБ", "PLAMAN", "PRSNI KOS",
        "PLJUC", "PLAUC", "KRUSKURV", "KOPSU", "رئت", "قفسه سینه", "ریه", "ריאות", "फेफड़",
        "გულმკერდ", "կրծքավանդակ", "폐암",
    )  # fmt: skip
    keywords_whole_words: tuple[str, ...] = (
        "CAP", "C A P", "TAP", "T A P", "NCAP", "CTCAP", "CTCAPW", "CTCAPC", "CTCAPWO", "CTNCAP",
        "CTNCAPW", "CAPW", "CH A P", "CH AB", "CH ABD", "CH ABDO", "CH ABDOMEN", "CH PEL", "CH PELVIS",
        "CHT ABD", "CHT ABDOMEN", "CHE", "CHES", "CHST", "THOR", "THX", "TH ABD", "TX ABD", "KLP", "KL P",
        "CXR", "CXRAY", "CTPA", "CTPE", "NECK TO PELVIS", "NECK TO PEL", "WHOLE BODY", "ENTIRE BODY",
        "TOTAL BODY", "FULL BODY", "CORPS ENTIER", "CORPO INTERO", "CORPO INTEIRO", "CUERPO ENTERO",
        "NGUC", "PHOI",
        "TRUNK", "TORSO", "HNCAP", "CAPWO", "THORA", "PULM", "C H E S T", "BORST", "LONGEN",
        "PLICE", "HRUD", "PARU", "DADA", "ОГК", "ГРУДЬ", "폐",
        "CAPWC", "ОГП", "ГРУДИ", "OGK", "PLICNI", "TUDO", "LEGKIE", "PCXR", "TH AB BE", "TH AB",
        "THABD", "THXABD", "THORABD", "ムネ", "PLAUSAS", "PLAUSU",
        "TACAR", "THO ABD", "PLIC", "PRSNEGA KOSA", "KRUSU",
        "흉복부", "HRCT LUNG", "LUNG HRCT",
        "CEHST", "CHSET", "CHETS", "HCEST", "CHEAST", "CHESR", "CHRST", "THROAX", "THOARX",
        "TOHRAX", "HTORAX", "THORXA", "THRAX", "THORX", "TORASE", "GRUDI",
    )  # fmt: skip
    keywords_against: tuple[str, ...] = (
        "T SPINE", "TSPINE", "T L SPINE", "TL SPINE", "TLSPINE", "CT SPINE", "THORACIC SPINE",
        "THORACIC VERTEB", "SPINE THORACIC", "THORACOLUMB", "THORACO LUMB", "DORSAL SPINE", "BRUSTWIRBEL",
        "BWS", "BRUSTBEIN", "BRUSTDRUS", "RACHIS THORACIQUE", "RACHIS DORSAL",
        "RACHIDE TORAC", "RACHIDE DORS", "COT SONG NGUC",
        "COLONNE THORACIQUE",
        "COLONNA DORSALE", "COLONNA TORACICA", "COLUMNA DORSAL", "COLUMNA TORACICA", "COLUNA TORACICA",
        "COLUNA DORSAL", "CHEST WALL", "CHESTWALL", "THORACIC WALL", "STERNUM", "STERNOCLAV", "LUNG BASE",
        "LUNG BASES", "KNEE CAP", "胸椎", "胸腰椎", "胸腰段", "胸锁", "胸鎖",
        "胸骨", "胸壁", "흉추", "ГРУДНОЙ ОТДЕЛ ПОЗВОН",
        "ГРУДНОГО ОТДЕЛА ПОЗВОН",
        "THORAKALE WIRBEL", "THORAKALWIRBEL", "THORACICSPINE", "THORAXSPINE", "CELIAC TRUNK",
        "COELIAC TRUNK",
        "THORAC SPN", "THOR SPIN", "THORAC SPIN", "THORAC LUMB", "THORAC AND LUMB", "THORAC MYELO",
        "MYELO THORAC", "MYELOGRA THORAC", "THORAC DISC", "THORAC DISK", "BRUST WS", "BRUST LWS",
        "THORAK WS", "THORAK WIRBEL", "THORAKOLUMB", "THORACOLOMB", "THORACO LOMB", "TORACOLUMB",
        "TORACO LUMB", "TORACOLOMB", "TORACO LOMB", "TORAKAL VERTEB", "TORAKAL OMURGA",
        "TORAKAL SPIN", "TORAKOLOMB", "COLOAN TORAC", "COLUMN THORAC", "COLUMN TORAC", "COLONN TORAC",
        "THORAC WERVEL", "THORAKALRYGG", "TORAKALRYGG", "HRUDN PATER", "PATER HRUDN", "HRUDN CHRBTIC",
        "ГРУДН ПОЗВОН", "ПОЗВОН ГРУДН", "GRUDN OTDEL", "POZVON GRUDN", "GRUDN POZVON",
        "ΘΩΡΑΚΙΚ ΜΟΙΡΑ", "ΘΩΡΑΚΙΚ ΣΠΟΝΔΥΛ", "LUNGENBAS", "ГРЪДЕН ОТДЕЛ", "脊柱胸段", "胸段脊柱", "胸大肌", "肺底",
    )  # fmt: skip
    no_keywords: tuple[str, ...] = (
        "CHESTNUT", "CHESTERFIELD", "*TELLUNG", "*EILUNG", "*NDLUNG", "*AHLUNG", "*WELLUNG",
        "*MMLUNG", "*ICKLUNG", "*HOLUNG", "*ULLUNG", "*IELUNG", "PLUNG*",
        "*CHESTER*", "BRUSTKREBS", "BRUSTIMPLANT*", "HRCT EAR", "EAR HRCT",
    )  # fmt: skip
    protocol_keywords: tuple[str, ...] = (
        "HRCT", "HR CT", "LDCT", "LD CT", "LCS", "LDLS", "CT PE", "CTA PE", "PE CT", "PE PROTOCOL",
        "PE STUDY", "CT PA", "LAE", "ТЭЛА", "COVID", "新冠", "PARENCHYME", "PARENQUIMA", "PARENCHIMA",
        "PAN SCAN", "PANSCAN", "POLYTRAUMA", "CT WB", "WB CT", "WB PET",
    )  # fmt: skip
    descriptions_unwanted: tuple[str, ...] = (
        "BIOPS", "FNA", "PUNKTION", "PUNCION", "穿刺", "活检", "活檢", "BIYOPS", "LUNGENBIOPS",
        "LUNGENPUNKT", "PONCTION", "БИОПСИ", "ПУНКЦИ", "生検",
    )  # fmt: skip
    window_keywords: tuple[str, ...] = ("LUNG", "肺", "POUMON", "POLMON", "PULMA", "PLUC")
    other_body_parts: tuple[str, ...] = (
        "ABD", "ABPEL", "PELV", "LIVER", "HEPAT", "KIDNEY", "RENAL", "ADRENAL", "PANCREA", "SPLEEN",
        "STOMACH", "COLON", "BLADDER", "UROGR", "URETER", "PROSTAT", "UTER", "OVAR", "RECT", "HEAD",
        "BRAIN", "CRANI", "SINUS", "ORBIT", "NECK", "CERVICAL", "SPINE", "LUMBAR", "SACR", "HIP", "KNEE",
        "FEMUR", "ANKLE", "FOOT", "HAND", "WRIST", "ELBOW", "SHOULDER", "EXTREM", "BAUCH", "BECKEN",
        "SCHADEL", "KOPF", "HALS", "WIRBEL", "VENTRE", "BASSIN", "CRANE", "RACHIS", "ADDOM", "BACINO",
        "BRZUCH", "BRZUSZ", "MIEDNIC", "BRICH", "ЖИВОТ", "БРЮШН", "ТАЗ", "ГОЛОВ",
        "腹", "盆", "头", "頭", "颅",
        "顱", "脑", "腦", "颈", "頸", "肝", "肾", "腎", "胰", "脾", "胆", "膀胱",
        "腰", "骶", "髋", "膝", "踝", "肩", "腕",
        "肘", "복부", "골반",
        "TEMPORAL", "PETROUS", "MASTOID", "EARS", "INNER EAR", "MIDDLE EAR", "IAC", "IAM", "PNS",
        "KUB", "STONE", "URINARY", "SACROIL", "FELSENBEIN", "NNH", "颞", "顳", "内耳", "中耳", "乳突", "側頭",
        "骨盤", "尿路", "泌尿",
    )  # fmt: skip
    filter_other_body_parts: bool = False
    empty_body_parts: tuple[str, ...] = (
        "UNKNOWN", "UNK", "UNDEFINED", "UNSPECIFIED", "NOT SPECIFIED", "DEFAULT", "BODY", "SERVICE",
        "NONE", "NO", "NULL", "NA", "N A", "XXX", "OTHER", "OTHERS", "ANY", "ALL", "MISC", "GENERAL",
        "STANDARD", "ROUTINE", "TEST", "OUTSIDE", "OUTSIDE FIL", "OUTSIDE FILM", "WO INTER", "未知", "不详",
        "其他", "其它", "无", "默认",
        "NIL", "TBD", "X", "XX", "XXXX", "UNDEF", "UNDEFINE", "NOT DEFINED", "NOT APPLICABLE",
        "NOT SET", "NOTSPECIFIED", "UNASSIGNED", "INVALID", "EMPTY", "BLANK", "BODY PART",
        "BODYPART", "NO BODY PART", "DEFAULT BODY PART", "UNKNOWN BODY PART", "UNKNOWN UNKNOWN",
        "SPECIAL", "CUSTOM", "IMPORT", "EXTERNAL", "PORTABLE", "CT", "EXAM", "UNBEKANNT",
        "SONSTIGE", "INCONNU", "DESCONOCIDO", "DESCONHECIDO", "SCONOSCIUTO", "НЕИЗВЕСТНО", "不明",
        "未定义", "なし",
        "UNKOWN", "UNKNOW", "UKNOWN", "UNKN", "UNKNOWED", "UNDEFINIERT", "UNDEFINDED",
        "NOT AVAILABLE", "N D", "ND", "NOT KNOWN", "NOT GIVEN", "NOT ENTERED", "NOT RECORDED",
        "NOT IN LIST", "NONE SPECIFIED", "NOVALUE", "NO VALUE", "NOTHING", "MISSING", "UNSET",
        "UNMAPPED", "UNCLASSIFIED", "UNIDENTIFIED", "UNLISTED", "UNAVAILABLE", "NON SPECIFIC",
        "NONSPECIFIC", "NOBODYPART", "SEE DESCRIPTION", "PLEASE SELECT", "SELECT", "DUMMY", "TEMP",
        "GENERIC", "USER", "DEFINED", "USERDEFINED", "MULTIPLE", "MULTI", "VARIOUS", "REGION",
        "REGIONS", "PART", "PARTS", "ADULT", "BODYROUTINE", "AXIAL", "HELICAL", "SPIRAL", "SCAN",
        "STUDY", "SERIES", "PROCEDURE", "PROTOCOL", "XRAY", "X RAY", "CR", "DX", "DR", "RADIOLOGY",
        "SPECIALS", "INTERNAL", "FOREIGN", "COPY", "CD", "OUTSIDE CT", "SECOND OPINION", "CONSULT",
        "TRAUMA", "EMERGENCY", "ONBEKEND", "OKAND", "UKJENT", "UKENDT", "TUNTEMATON", "NEZNAMY",
        "NIEZNANY", "NIEOKRESLONA", "BILINMEYEN", "DIGER", "AUTRE", "AUTRES", "OTRO", "OTROS",
        "OUTRO", "OUTROS", "ALTRO", "ANDERE", "SONSTIGES", "KEINE", "KEINE ANGABE", "K A",
        "NICHT DEFINIERT", "NON SPECIFICATO", "NON DEFINI", "NON SPECIFIE", "NO ESPECIFICADO",
        "SIN ESPECIFICAR", "INDEFINIDO", "INDEFINI", "NON PRECISE", "INDETERMINE", "ПРОЧЕЕ", "ДРУГОЕ",
        "НЕ УКАЗАНО", "НЕТ", "НЕ ОПРЕДЕЛЕНО", "その他", "未設定", "不詳", "未指定", "其他部位", "其它部位", "未填写", "未填",
        "暂无", "空", "全部", "部位", "无部位", "未分类",
        "不明部位", "기타", "미상", "없음",
    )  # fmt: skip
    overrule_body_part_by: tuple[str, ...] = ("SeriesDescription",)
    never_overruled: tuple[str, ...] = (
        "HAND", "WRIST", "FINGER", "THUMB", "ARM", "FOREARM", "ELBOW", "HUMERUS", "FOOT", "TOE", "ANKLE",
        "LEG",
        "TIBIA", "FIBULA", "KNEE", "PATELLA", "FEMUR", "EXTREM", "手", "腕", "肘", "足", "踝", "膝", "四肢",
    )  # fmt: skip
    filter_body_part_dx: bool = True
    keywords_dx: tuple[str, ...] = ()

    # ImageType: any one of these, each of its values in any position
    filter_image_type: bool = True
    image_types_ct: tuple[str, ...] = ("ORIGINAL\\PRIMARY\\AXIAL", "ORIGINAL\\PRIMARY\\HELICAL")
    image_types_dx: tuple[str, ...] = ()

    # Slice thickness, mm
    filter_slice_thickness: bool = True
    slice_thickness_max: float = 5.0
    thin_only: bool = False
    thin_slice_max: float = 2.0
    thin_min_instances: int = 100

    # Number of instances of a series
    filter_min_instances: bool = True
    min_instances_ct: int = 10
    min_instances_dx: int = 1

    # Contrast: on, a series whose SeriesDescription has none of the keywords is dropped
    filter_contrast: bool = False
    contrast_keywords: tuple[str, ...] = ("C+", "CE", "CONTRAST", "增强")

    # Convolution kernel: names or parts of names, case-insensitive
    filter_kernel: bool = False
    kernels_unwanted: tuple[str, ...] = ()
    kernel_preferred: tuple[str, ...] = ()

    # Images that lie behind one another without a gap (unstable, therefore off)
    filter_consecutive_images: bool = False

    # Images of a series that do not agree with most of it (a scout, a dose page, another thickness)
    odd_images_go_along: bool = False

    # Which of the remaining CT series is computed
    choice_order: tuple[str, ...] = ("thickness", "instances", "kernel", "kernel class")
    kernel_class_preferred: tuple[str, ...] = KERNEL_CLASSES
    kernels_lung: tuple[str, ...] = (
        "B[5-9]*", "BL*", "BR[5-9]*", "I[5-9]*", "LUNG", "BONE*", "EDGE", "ULTRA", "YA", "YB",
        "YC", "YD", "L", "D", "E",
        "FC[3589]*", "*SHARP*",
        "*LUNG*", "BV[5-9]*", "HR[5-9]*", "QR[5-9]*", "UR[5-9]*", "U[5-9]*", "D[5-9]*", "J[5-9]*", "S[5-9]*",
        "T[5-9]*", "H[5-9]*", "F[5-9]*", "YE",
    )  # fmt: skip
    kernels_mediastinum: tuple[str, ...] = (
        "B[1-4]*", "BF*", "BR[1-4]*", "I[1-4]*", "STANDARD", "SOFT", "DETAIL", "CHST", "UA",
        "UB", "UC", "A", "B", "C",
        "FC[012]*", "*SOFT*",
        "*STND*", "*STANDARD*", "BV[1-4]*", "HR[1-4]*", "QR[1-4]*", "HF*", "D[1-4]*", "J[1-4]*", "S[1-4]*",
        "T[1-4]*", "H[1-4]*", "F[1-4]*", "SA", "BODY*", "SMOOTH*",
    )  # fmt: skip
    image_types_preferred: tuple[str, ...] = ()
    contrast_preferred: tuple[str, ...] = CONTRAST_PHASES
    contrast_arterial_keywords: tuple[str, ...] = ("ARTERIAL", "动脉")
    contrast_venous_keywords: tuple[str, ...] = ("VENOUS", "PORTAL", "静脉", "门脉")
    contrast_delayed_keywords: tuple[str, ...] = ("DELAY", "延迟")

    # Receiving
    stable_age: float = 30.0
    handover_checksums: bool = False
    hold_back_different_patient_ids: bool = False
    ram_disk_reserve_mb: int = 256
    ram_disk_alarm_percent: int = 85

    # Validation of what arrives (E1), off: an image that fails goes into quarantine
    validate: bool = False
    validate_header: bool = True
    validate_uids: bool = True
    validate_pixels: bool = True
    validation_senders: tuple[str, ...] = ()
    validation_called_aets: tuple[str, ...] = ()
    validation_mandatory: tuple[str, ...] = (
        "PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID", "Modality",
    )  # fmt: skip
    validation_threshold: int = 0
    validation_tolerance_percent: float = 5.0
    validation_window_min: int = 60
    quarantine_max_files: int = 20_000
    quarantine_max_mb: int = 10_000
    quarantine_max_days: float = 90.0
    quarantine_when_full: str = "drop_oldest"

    # Counted up whenever the rules are changed while the processes run
    rules_version: int = 0

    @cached_property
    def version(self) -> str:
        """
        Which rules these are, as it stands in every verdict: RULES_VERSION, and a digest of all switches that
        judge (``12-9f2c41aa``). Equal texts mean equal rules, also where somebody edited a file by hand.
        """
        rules = {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if field.name != "rules_version" and field.name.upper() not in AT_START_ONLY
        }
        digest = hashlib.sha256(json.dumps(rules, sort_keys=True).encode("utf-8")).hexdigest()
        return f"{self.rules_version}-{digest[:8]}"

    @cached_property
    def memory(self) -> Memory:
        """What these rules have judged (``filters.judge_series``)."""
        return Memory()

    @cached_property
    def judged_by_image(self) -> tuple[str, ...]:
        """The attributes that the rules behind the body part look at, of those that are switched on."""
        names = ["ImageType", "SliceThickness", SLICE_SPACING, "ConvolutionKernel", MULTI_FRAME]
        names += ["SeriesDescription"] if self.filter_contrast else []
        return (*names, *([MISSING_IMAGES] if self.filter_consecutive_images else []))

    @cached_property
    def body_part_ct(self) -> BodyPartRules:
        """The body part rule of CT, compiled."""
        return self._body_part_rules(self._keywords(self.descriptions_unwanted))

    @cached_property
    def body_part_dx(self) -> BodyPartRules:
        """
        The same of radiography. KEYWORDS_DX stand alone.

        A radiograph is taken after a biopsy, to look at the lung: such a description drops none.
        """
        own = Keywords(self.keywords_dx) if self.keywords_dx else None
        return self._body_part_rules(own or self._keywords(unwanted=()))

    @cached_property
    def wanted_types_ct(self) -> tuple[frozenset[str], ...]:
        """IMAGE_TYPES_CT as sets of values."""
        return tuple(frozenset(split_image_type(kind)) for kind in self.image_types_ct)

    @cached_property
    def wanted_types_dx(self) -> tuple[frozenset[str], ...]:
        """IMAGE_TYPES_DX as sets of values."""
        return tuple(frozenset(split_image_type(kind)) for kind in self.image_types_dx)

    def _keywords(self, unwanted: tuple[str, ...]) -> Keywords:
        return Keywords(
            self.keywords + self.keywords_further,
            self.keywords_whole_words,
            self.keywords_against,
            self.window_keywords,
            self.other_body_parts,
            unwanted,
            self.no_keywords,
            self.protocol_keywords,
        )

    def _body_part_rules(self, keywords: Keywords) -> BodyPartRules:
        placeholders = frozenset(words(value).strip() for value in self.empty_body_parts)
        believed = Keywords((), against=self.never_overruled)
        return BodyPartRules(
            keywords, placeholders, self.overrule_body_part_by, believed, self.filter_other_body_parts
        )


NAMES = tuple(field.name.upper() for field in fields(Switches))
"""Of the switches, as they stand in the file."""
