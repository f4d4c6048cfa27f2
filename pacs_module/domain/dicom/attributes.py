"""
What C-FIND and received images tell, as plain values.

Attributes are kept under their DICOM keyword with the value as text, several values joined by a backslash. A
key that is absent was not told (the PACS did not return it); an empty text was told to be empty. That
difference decides whether a rule may judge.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache

from .numbers import ascii_digits, read_largest_whole, read_thickness

Attributes = Mapping[str, str]

# Facts of a received series that are no attributes, kept beside them (series_agreement/agreement.py).
AGREEING = "images agreeing"
FRAMES = "frames"
MULTI_FRAME = "multi-frame"
SLICE_SPACING = "slice spacing"
POSITION_GAPS = "position gaps"
DUPLICATE_POSITIONS = "duplicate positions"
ORIENTATIONS = "orientations"
MISSING_IMAGES = "missing images"
RECEIVED_FACTS = frozenset(
    {
        AGREEING,
        FRAMES,
        MULTI_FRAME,
        SLICE_SPACING,
        POSITION_GAPS,
        DUPLICATE_POSITIONS,
        ORIENTATIONS,
        MISSING_IMAGES,
    }
)

FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: " "}
"""For ``str.translate``: letters, digits and the space of full width as others."""
_CODES = re.compile(r"[^\W_]+")
_SPELLED_DATE = re.compile(r"(\d{4})\D{1,3}(\d{1,2})\D{1,3}(\d{1,2})(?:\D.*)?", re.DOTALL)
_MOMENT = re.compile(r"(\d{4})(\d\d)(\d\d)(?:[ T].*|(?:\d{4}|\d{6})(?:\.\d+)?(?:[+-]\d{4})?)")
_EIGHT = re.compile(r"(\d{4})(\d\d)(\d\d)")
_SPELLED_TIME = re.compile(r"\D*(\d{1,2})\D{1,2}(\d{1,2})(?:\D{1,2}(\d{1,2}))?(?:\D.*)?", re.DOTALL)
_CLOCK = re.compile(r"(?:[01]\d|2[0-3])[0-5]\d(?:[0-5]\d|60)")
OFFSET = re.compile(r"[+-]\d{4}$")
"""From UTC, at the end of a DT; some write it behind a TM, too."""
_AFTERNOON = ("pm", "p.m", "下午", "午後", "오후")
_MORNING = ("am", "a.m", "上午", "午前", "오전")
_NOON = 12
_NO_COUNT = 1_000_000
"""From here on it is no number of instances, whatever the PACS says: the largest studies have some 30,000."""
_COUNT_PLACEHOLDERS = frozenset({65_535, 99_999, 999_999})
"""What a field is filled with by who does not count."""


@dataclass(frozen=True)
class SeriesFacts:
    """
    What is known of one series, from a SERIES level find or from its first image.

    ``instances`` is the number of instances, None when nobody said. ``raw`` holds the bytes (spaced hex) of
    values that are not ASCII, where they are known.
    """

    series_uid: str
    attributes: Attributes
    instances: int | None = None
    raw: Mapping[str, str] = field(default_factory=dict)

    def text(self, keyword: str) -> str:
        """The attribute's value, empty when it is absent."""
        return unpadded(self.attributes.get(keyword, ""))

    @property
    def modality(self) -> str:
        """Modality (0008,0060), upper case; of several the first."""
        return first_value(self.attributes.get("Modality", ""))

    @property
    def volume(self) -> bool:
        """
        Whether these are or may be multi-frame objects of axial slices.

        VOLUME is their flavour in ImageType (PS3.3 C.8.15.3.8); whether the objects have many frames only
        they tell.
        """
        image_type = self.text("ImageType").upper()
        if "VOLUME" not in image_type or "VOLUME" not in split_image_type(image_type):
            return False
        return bool(self.text(MULTI_FRAME)) or not self.text(FRAMES)

    @property
    def slices(self) -> int | None:
        """
        Slices that agree where the images were looked at, else the number of instances.

        None where nobody said, and where an instance may have many slices.
        """
        frames = self.text(FRAMES)
        if frames.isdecimal():
            return int(frames)
        return None if self.volume else self.instances


@dataclass(frozen=True)
class Sighting:
    """One C-FIND answer about a study: ``at`` epoch milliseconds, ``count`` None when the PACS gave none."""

    at: int
    pacs: str
    count: int | None


@dataclass(frozen=True)
class FoundStudy:
    """
    One answer of a STUDY level find, cleaned: UIDs without spaces, modalities a tuple, the count a number or
    None.

    ``study_date`` is YYYY-MM-DD or empty, ``study_time`` HHMMSS or empty. A study has an instance at the
    least: a count of 0 is none.
    """

    pacs: str
    study_uid: str
    study_date: str
    study_time: str
    accession_number: str
    patient_id: str
    study_description: str
    modalities: tuple[str, ...]
    count: int | None


def found_study(pacs: str, attributes: Attributes) -> FoundStudy:
    """Read a STUDY level answer (PS3.4 C.6.2.1) however untidily the PACS wrote it; never raises."""
    return FoundStudy(
        pacs=pacs,
        study_uid=clean_uid(attributes.get("StudyInstanceUID", "")),
        study_date=dashed_date(attributes.get("StudyDate", "")),
        study_time=plain_time(attributes.get("StudyTime", "")),
        accession_number=unpadded(attributes.get("AccessionNumber", "")),
        patient_id=unpadded(attributes.get("PatientID", "")),
        study_description=attributes.get("StudyDescription", "").strip(),
        modalities=split_values(attributes.get("ModalitiesInStudy", "")),
        count=parse_count(attributes.get("NumberOfStudyRelatedInstances"))
        or None,  # 0: of a PACS that does not count
    )


def clean_uid(text: str) -> str:
    """A UID without inner and outer spaces and trailing NUL padding (field case 12)."""
    return "".join(text.replace("\0", "").split())


def unpadded(text: str) -> str:
    """A value without the padding that it has in a header: spaces, for UIDs NUL (PS3.5 6.2, 9.1)."""
    return text.strip() if "\0" not in text else text.replace("\0", " ").strip()


def without_unseen(text: str) -> str:
    """
    A text without characters that nobody sees: a BOM, soft hyphens, what has no width or tells a direction.
    """
    return "".join(one for one in text if unicodedata.category(one) != "Cf")


def split_values(text: str) -> tuple[str, ...]:
    r"""
    ``CT\PR`` (some write ``CT,PR``, ``CT_PR``, ``CT PR`` or ``['CT', 'PR']``) as ("CT", "PR"), upper case.

    Whatever is neither letter nor digit stands between two values; full width is read as any other.
    """
    return tuple(_CODES.findall(unicodedata.normalize("NFKC", text).upper()))


@lru_cache(maxsize=256)
def first_value(text: str) -> str:
    """The first of :func:`split_values`, empty where there is none."""
    return next(iter(split_values(unpadded(text))), "")


def split_image_type(text: str) -> tuple[str, ...]:
    r"""
    The values of ImageType, upper case, without empty ones.

    ``ORIGINAL/PRIMARY/AXIAL`` is read as if it had backslashes, full width as any other.
    """
    plain = (text if text.isascii() else unicodedata.normalize("NFKC", text)).replace("\0", " ").upper()
    values = plain.split("\\") if "\\" in plain else re.split("[/,;|]", plain)
    return tuple(value.strip() for value in values if value.strip())


_THOUSANDS = re.compile(r"\d[.,'’\u00a0\u202f ]\d{3}(?!\d)")


def parse_count(value: object) -> int | None:
    r"""
    A number of instances however it is written: ``12``, ``' 12 '``, ``12.0``; None for what is none.

    Of several (``2\300``, one a node) the largest, as of several rows (K7). ``1,000`` may be one or a
    thousand: not told.
    """
    text = str(value)
    count = None if _THOUSANDS.search(text) else read_largest_whole(text)
    if count is None or count in _COUNT_PLACEHOLDERS:
        return None
    return count if 0 <= count < _NO_COUNT else None


def parse_thickness(text: str) -> float | None:
    """
    SliceThickness (0018,0050) in mm, None when it is not told or cannot be true (``numbers.read_thickness``
    says why).
    """
    return read_thickness(text).value


@lru_cache(maxsize=1024)
def dashed_date(text: str) -> str:
    """
    ``20200612``, ``2020.06.12`` (ACR-NEMA), ``2020-6-12``, ``２０２０年６月１２日`` and the date of a moment as
    ``2020-06-12``; anything else, and a day that no calendar has, as empty.
    """
    plain = ascii_digits(text).strip(" \0")
    found = _SPELLED_DATE.fullmatch(plain) or _MOMENT.fullmatch(plain) or _EIGHT.fullmatch(_digits_of(plain))
    if found is None:
        return ""
    try:
        return date(int(found[1]), int(found[2]), int(found[3])).isoformat()
    except ValueError:
        return ""


def plain_time(text: str) -> str:
    """
    ``101530.25``, ``10:15:30``, ``10:15:30 AM``, ``１０：１５：３０``, ``101530+0800`` and the time of the moment
    ``20200612101530`` as ``101530``, ``73015`` as ``073015``; anything without hours and minutes, and
    what no clock shows, as empty.
    """
    if text.isascii() and text.isdigit() and len(text) == len("HHMMSS"):
        return on_clock(text)  # the usual one, of which a day's list has 10,000
    plain = OFFSET.sub("", ascii_digits(text).strip(" \0"))
    digits = _spelled_digits(plain) or _digits_of(plain.split(".")[0])
    if len(digits) == len("YYYYMMDDHHMMSS"):
        digits = digits[len("YYYYMMDD") :] if dashed_date(digits) else ""
    if len(digits) < len("HHMM"):
        return ""
    return on_clock(_of_whole_day(with_lost_zero(digits).ljust(6, "0")[:6], plain))


def with_lost_zero(digits: str) -> str:
    """``73015``, which somebody has kept as a number, is ``073015``; ``10153`` may be two times."""
    lost = len(digits) == len("HMMSS") and not on_clock(f"{digits[:4]}00")
    return f"0{digits}" if lost else digits


def on_clock(time: str) -> str:
    """HHMMSS, empty for a time that no clock shows; a leap second is the last of its minute."""
    if _CLOCK.fullmatch(time) is None:
        return ""
    return f"{time[:4]}59" if time.endswith("60") else time


def _spelled_digits(plain: str) -> str:
    """Of a time with signs between its parts; empty where it is none."""
    spelled = _SPELLED_TIME.fullmatch(plain)
    return "".join((part or "0").zfill(2) for part in spelled.groups()) if spelled is not None else ""


def _of_whole_day(time: str, text: str) -> str:
    """HHMMSS of a clock with twelve hours, where a text names the half of the day."""
    said, hour = text.casefold(), int(time[:2])
    if hour <= _NOON and any(mark in said for mark in _AFTERNOON):
        return f"{hour % _NOON + _NOON:02d}{time[2:]}"
    morning = hour == _NOON and any(mark in said for mark in _MORNING)
    return f"00{time[2:]}" if morning else time


def _digits_of(text: str) -> str:
    return "".join(character for character in text if character.isascii() and character.isdigit())
