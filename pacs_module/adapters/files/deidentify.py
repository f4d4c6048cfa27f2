"""
One image without names: the basic profile of PS3.15 Annex E.

The table of attributes and what is done with each come from the library dicom-anonymizer (edition 2024b of
the standard). Ours is what it leaves to its user: it is carried into every nested sequence, UIDs become
pseudonyms by a keyed hash (the same one each time, in every hand-over and after every restart), and whatever
is left of the identifiers that went in, in an attribute that the table does not know, is emptied.
"""

from __future__ import annotations

import hashlib
import hmac
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from dicomanonymizer.simpledicomanonymizer import initialize_actions_2024b
from pydicom import Dataset
from pydicom.datadict import keyword_for_tag
from pydicom.dataelem import DataElement
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag

from ...domain.results.pseudonyms import READ_OF_IMAGES
from ...shared.dicom_header import Unreadable, read_header
from ..dicom.pixel_end import cut_behind_pixels

METHOD = "PS3.15 Annex E basic profile"
Action = Callable[[Dataset, tuple[int, int]], None]

_STANDARD_UIDS = "1.2.840.10008."
_CLASS_UIDS = (
    "ClassUID", "TransferSyntaxUID", "CodingSchemeUID", "ContextUID", "MappingResourceUID",
    "ContextGroupExtensionCreatorUID",
)  # fmt: skip
_PIXELS = frozenset({
    "PixelData", "FloatPixelData", "DoubleFloatPixelData", "ExtendedOffsetTable",
    "ExtendedOffsetTableLengths", "LUTData",
    "RedPaletteColorLookupTableData", "GreenPaletteColorLookupTableData", "BluePaletteColorLookupTableData",
    "SegmentedRedPaletteColorLookupTableData", "SegmentedGreenPaletteColorLookupTableData",
    "SegmentedBluePaletteColorLookupTableData",
})  # fmt: skip
_BINARY = frozenset({"OB", "OW", "OF", "OD", "OL", "OV", "UN"})
_TEXT = frozenset({"AE", "CS", "LO", "LT", "SH", "ST", "UC", "UR", "UT"})
_TERMS = frozenset({
    "ImageType", "Modality", "PatientPosition", "SpecificCharacterSet", "PhotometricInterpretation",
    "RescaleType",
    "PresentationLUTShape", "ViewPosition",
})  # fmt: skip
"""Attributes of defined terms without which an image cannot be used."""
_KNOWN_TERMS = frozenset({
    "original", "derived", "primary", "secondary", "axial", "helical", "localizer", "volume", "volumetric",
    "reformatted",
    "mpr", "mip", "minip", "average", "maximum", "minimum", "none", "mixed", "resampled", "sequenced",
    "screen save",
    "ct", "cr", "dx", "dr", "mg", "mr", "rf", "ot", "xa", "px", "io", "us", "nm", "pt", "sc",
    "hfs", "hfp", "hfdr", "hfdl", "ffs", "ffp", "ffdr", "ffdl", "hu", "od", "identity", "inverse",
    "ap", "pa", "ll", "rl", "lat", "rld", "lld", "rlo", "llo", "cc", "mlo", "ml",
})  # fmt: skip
"""Of them: a patient may be called so, and nobody learns it from them."""
_FREE_TEXT = frozenset({"LO", "LT", "SH", "ST", "UC", "UR", "UT"})
_IMAGE_GROUP = 0x0028
_NUMBERS_OF_PEOPLE = (
    "PatientID",
    "OtherPatientIDs",
    "AccessionNumber",
    "PatientAddress",
    "InstitutionName",
    "IssuerOfPatientID",
)
_NEEDED = frozenset({
    "SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "Rows", "Columns",
    "BitsAllocated", "BitsStored",
    "HighBit", "PixelRepresentation", "SamplesPerPixel", "PhotometricInterpretation", "NumberOfFrames",
    "PixelData",
    "RescaleSlope", "RescaleIntercept",
})  # fmt: skip
"""Without one of these an image is another one, or none."""
MAX_DEPTH = 32
_SHORTEST = 3
"""A shorter word says nothing of anybody, and stands in everything."""


class Deidentifier:
    """
    Takes the names out of data sets.

    Args:
        key: Of the site, secret: who has it can tell whether a pseudonym belongs to a UID.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.given: dict[str, str] = {}
        """PseudonymRecord of UIDs that were given since it was emptied last, with the UIDs."""
        rules: Mapping[tuple[int, ...], Action] = initialize_actions_2024b()
        self._single = {
            tag: rule for tag, rule in rules.items() if len(tag) == 2 and rule.__name__ != "replace_UID"
        }
        self._repeating = [(tag, rule) for tag, rule in rules.items() if len(tag) == 4]

    def uid(self, original: str) -> str:
        """The pseudonym of a UID (a UUID-derived one, PS3.5 B.2); empty stays empty."""
        if not original:
            return ""
        given = f"2.25.{uuid.UUID(bytes=self._hash('uid', original)[:16], version=4).int}"
        self.given[given] = original
        return given

    def patient(self, original: str) -> str:
        """The pseudonym of a PatientID."""
        return f"P{self._hash('patient', original)[:6].hex().upper()}"

    def clean(self, image: FileDataset) -> tuple[str, ...]:
        """
        Change an image in place; its pixels stay as they are, burned-in text included.

        Private elements go before anything is read. So does an element that cannot be decoded: nobody knows
        what is in it.

        Returns:
            The elements that could not be decoded.

        Raises:
            ValueError: One of them is needed to identify or to show the image.
        """
        self.given.clear()
        removed = tuple(_remove_unreadable(image))
        patient, words = str(image.get("PatientID", "")), identifiers(image)
        self._clean(image)
        self._blot_out(image, words)
        _cut(image)
        image.PatientID = image.PatientName = self.patient(patient)
        _mark(image)
        image.file_meta = _new_meta(image)
        image.preamble = b"\0" * 128
        return removed

    def _clean(self, dataset: Dataset) -> None:
        for tag in list(dataset.keys()):
            rule = self._rule(tag.group, tag.element)
            if tag.is_private:
                del dataset[tag]
            elif rule is not None:
                self._apply(rule, dataset, tag)
        for element in list(dataset):
            if element.VR == "SQ":
                for item in element.value:
                    self._clean(item)
            else:
                self._beside_the_table(dataset, element)

    def _apply(self, rule: Action, dataset: Dataset, tag: Any) -> None:
        """
        A sequence that only must not be missing is emptied as a whole: what is in it are references and
        persons.
        """
        if rule.__name__ != "delete" and dataset[tag].VR == "SQ":
            dataset[tag].value = []
            return
        try:
            rule(dataset, (tag.group, tag.element))
        except NotImplementedError:  # a VR that the library has no dummy for
            del dataset[tag]

    def _beside_the_table(self, dataset: Dataset, element: DataElement) -> None:
        if element.VR == "UI":
            if not element.keyword.endswith(_CLASS_UIDS):
                element.value = self._uids(element.value)
        elif element.VR == "PN":
            element.value = ""
        elif (element.VR in _BINARY and element.keyword not in _PIXELS) or _explains_pixels(element):
            del dataset[element.tag]

    def _uids(self, value: Any) -> Any:
        if isinstance(value, str) or value is None:
            return value if not value or value.startswith(_STANDARD_UIDS) else self.uid(str(value))
        return [self._uids(one) for one in value]

    def _blot_out(self, dataset: Dataset, words: frozenset[str]) -> None:
        for element in _elements(dataset):
            if element.keyword in _TERMS:
                _blot_out_terms(element, words)
            elif element.VR in _TEXT:
                text = str(element.value or "").casefold()
                if any(word in text for word in words):
                    element.value = ""

    def _rule(self, group: int, element: int) -> Action | None:
        for (first, second, mask, inner), rule in self._repeating:
            if group & mask == first & mask and element & inner == second & inner:
                return rule
        return self._single.get((group, element))

    def _hash(self, kind: str, text: str) -> bytes:
        return hmac.new(self._key, f"{kind}:{text}".encode(), hashlib.sha256).digest()


def whose(source: Path, cleaned: Dataset, cleaner: Deidentifier) -> dict[str, Any]:
    """
    Whose image it was: for results that come back under the pseudonyms.

    Returns:
        ``uids`` by pseudonym, the ``patient``'s pseudonym, and ``attributes`` as the image had them.
    """
    with open(source, "rb") as content:
        header = read_header(content, frozenset(READ_OF_IMAGES))
    attributes = {} if isinstance(header, Unreadable) else {key: header.text(key) for key in READ_OF_IMAGES}
    return {
        "uids": dict(cleaner.given),
        "patient": str(cleaned.PatientID),
        "attributes": {key: text for key, text in attributes.items() if text},
    }


def _explains_pixels(element: DataElement) -> bool:
    """
    Free text beside the numbers of the pixels, as WindowCenterWidthExplanation: the table of the standard
    keeps it.
    """
    free = element.VR in _FREE_TEXT and element.keyword not in _TERMS
    return free and element.tag.group == _IMAGE_GROUP


def _blot_out_terms(element: DataElement, words: frozenset[str]) -> None:
    """Empty the values of a list of terms that hold an identifier and are no term that everybody uses."""
    if element.keyword in _NEEDED or element.keyword == "SpecificCharacterSet":
        return
    values = [str(one) for one in element.value] if element.VM > 1 else [str(element.value or "")]
    kept = ["" if _names_somebody(value, words) else value for value in values]
    if kept != values:
        element.value = kept if len(kept) > 1 else kept[0]


def _names_somebody(value: str, words: frozenset[str]) -> bool:
    """Whether a text has one of a person's words and is no usual term."""
    known = value.strip().casefold() in _KNOWN_TERMS
    return not known and any(word in value.casefold() for word in words)


def _mark(image: FileDataset) -> None:
    """Say in the image what was done with it (PS3.3 C.12.1.1.1)."""
    image.PatientIdentityRemoved = "YES"
    image.DeidentificationMethod = METHOD
    image.DeidentificationMethodCodeSequence = Sequence([_basic_profile()])
    image.LongitudinalTemporalInformationModified = "REMOVED"


def _new_meta(image: FileDataset) -> FileMetaDataset:
    """The file's head without who wrote or sent it."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = image.file_meta.TransferSyntaxUID
    meta.MediaStorageSOPClassUID = image.SOPClassUID
    meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
    return meta


def _remove_unreadable(dataset: Dataset, depth: int = 0) -> Iterator[str]:
    """Remove what is private, without looking into it, and what cannot be decoded, at every depth."""
    if depth > MAX_DEPTH:
        raise ValueError(f"sequences are nested more than {MAX_DEPTH} deep")
    for tag in list(dataset.keys()):
        if tag.is_private:
            del dataset[tag]
            continue
        element = _decoded(dataset, tag)
        if element is None:
            del dataset[tag]
            yield f"{tag} {keyword_for_tag(tag)}"
        elif element.VR == "SQ":
            for item in element.value:
                yield from _remove_unreadable(item, depth + 1)


def _decoded(dataset: Dataset, tag: BaseTag) -> DataElement | None:
    """None: it cannot be decoded, and is not needed."""
    try:
        return dataset[tag]
    except Exception as error:  # whatever pydicom throws at a damaged value
        if keyword_for_tag(tag) in _NEEDED:
            raise ValueError(f"{keyword_for_tag(tag)} cannot be decoded: {error}") from error
        return None


def identifiers(image: Dataset) -> frozenset[str]:
    """
    Names and numbers of people and places, and UIDs, that stand in an image: in lower case, names also part
    by part.
    """
    words: set[str] = set()
    for element in _elements(image):
        words.update(word.strip() for word in _words(element))
    return frozenset(word.casefold() for word in words if len(word) >= _SHORTEST or not word.isascii())


def _words(element: DataElement) -> Iterator[str]:
    """The identifiers in one element."""
    values = element.value if element.VM > 1 else [element.value]
    texts = [str(value) for value in values or () if value]
    if element.VR == "PN":
        yield from _parts_of_names(texts)
    elif element.keyword in _NUMBERS_OF_PEOPLE:
        yield from texts
    elif element.VR == "UI" and not element.keyword.endswith(_CLASS_UIDS):
        yield from (text for text in texts if not text.startswith(_STANDARD_UIDS))


def _parts_of_names(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        yield from text.replace("=", "^").replace(" ", "^").split("^")


def _cut(image: FileDataset) -> None:
    """What stands behind the pixels."""
    syntax = image.file_meta.TransferSyntaxUID
    cut_behind_pixels(image, syntax.is_compressed, syntax)


def _elements(dataset: Dataset) -> Iterator[DataElement]:
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                yield from _elements(item)
        else:
            yield element


def _basic_profile() -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator = "113100", "DCM"
    code.CodeMeaning = "Basic Application Confidentiality Profile"
    return code
