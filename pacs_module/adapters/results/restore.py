"""
In the child process: an object that a backend sent is read through, and gets its patient back where it was
computed under pseudonyms.
"""

from __future__ import annotations

import hashlib
import shutil
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pydicom import Dataset, dcmread
from pydicom.charset import python_encoding
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import FileDataset
from pydicom.multival import MultiValue

from ...domain.results.judge_result_object import UIDS
from ...domain.results.pseudonyms import ALWAYS, CHARSET, MADE_ANONYMOUS, WHERE_TOLD, PseudonymRecord
from ...domain.upload.destination import READ
from ...shared.dicom_header import MAX_DEPTH, Unreadable, read_header

UTF_8 = "ISO_IR 192"
_LOOKED_AT = frozenset({*UIDS, *READ, "PatientID", CHARSET})
_UNDEFINED = 0xFFFFFFFF
_WRONG_TEXT = ("Failed to decode", "Unknown encoding", "Incorrect value for Specific")
"""How pydicom's warnings begin when a text is not in the charset that it is said to be in."""


def look(source: Path) -> dict[str, Any]:
    """
    What an object says of itself, read up to its pixels, within the limits of :mod:`read_header`.

    Raises:
        ValueError: It cannot be read.
    """
    with open(source, "rb") as content:
        header = read_header(content, _LOOKED_AT)
    if isinstance(header, Unreadable):
        raise ValueError(header.why)
    with open(source, "rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    return {"tags": {keyword: header.text(keyword) for keyword in _LOOKED_AT}, "sha256": digest}


def check(source: Path, target: Path) -> None:
    """
    Read an object to its end, and copy its bytes as they are.

    Raises:
        ValueError: It is damaged, or its text is not in its charset.
    """
    _read(source)
    shutil.copyfile(source, target)


def restore(source: Path, target: Path, identity: PseudonymRecord) -> None:
    """
    Write an object with the patient, the study and the UIDs of the PACS.

    Raises:
        ValueError: It is damaged, or its text is not in its charset.
    """
    dataset = _read(source)
    give_back(dataset, identity)
    dataset.save_as(target, enforce_file_format=True)


def give_back(dataset: FileDataset, identity: PseudonymRecord) -> None:
    """Change a data set in place."""
    _give_back_elements(dataset, identity)
    for keyword in MADE_ANONYMOUS:
        dataset.pop(keyword, None)
    for keyword in ALWAYS:
        setattr(dataset, keyword, identity.attributes.get(keyword, ""))
    for keyword in WHERE_TOLD:
        _set_or_remove(dataset, keyword, identity.attributes.get(keyword))
    _declare(dataset, identity.attributes.get(CHARSET, ""))


def _give_back_elements(dataset: FileDataset, identity: PseudonymRecord) -> None:
    """UIDs as they were, and names without the bytes in their former character set."""
    for element in _elements(dataset):
        if element.VR == "UI":
            element.value = _original(element.value, identity)
        elif element.VR == "PN":
            element.value = _plain(element.value)  # without the bytes in its former charset


def _read(source: Path) -> FileDataset:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        dataset = dcmread(source)
        _check_whole(dataset)
        plain = all(str(one.value or "").isascii() for one in _elements(dataset) if one.VR in _TEXT)
    if not plain and not _declares(dataset):
        raise ValueError("its text is not in its SpecificCharacterSet: it has none, and is not all ASCII")
    _check_told([str(one.message) for one in told])
    return dataset


def _check_told(warned: Sequence[str]) -> None:
    """What pydicom warns of a text that is not in the character set that is named."""
    wrong = next((one for one in warned if one.startswith(_WRONG_TEXT)), None)
    if wrong is not None:
        raise ValueError(f"its text is not in its SpecificCharacterSet: {wrong}")


def _declares(dataset: Dataset) -> bool:
    return bool(dataset.get(CHARSET)) or any(bool(item.get(CHARSET)) for item in _items(dataset))


def _check_whole(dataset: FileDataset) -> None:
    """Pydicom reads what is there of a value, and says nothing when it is less than was promised."""
    for tag in dataset.keys():  # noqa: SIM118 - iterating a Dataset converts its elements
        element = dataset.get_item(tag)
        if isinstance(element, RawDataElement) and _is_cut(element):
            raise ValueError(f"it is cut off in {element.tag}")


def _is_cut(element: RawDataElement) -> bool:
    return element.length != _UNDEFINED and len(element.value or b"") < element.length


def _elements(dataset: Dataset, depth: int = 0) -> Iterator[DataElement]:
    """Every element, decoded; those of sequences as well."""
    if depth > MAX_DEPTH:
        raise ValueError(f"sequences are nested more than {MAX_DEPTH} deep")
    for element in dataset:
        yield element
        if element.VR == "SQ":
            for item in element.value:
                yield from _elements(item, depth + 1)


def _original(value: Any, identity: PseudonymRecord) -> Any:
    if isinstance(value, MultiValue):
        return [identity.original(str(one)) for one in value]
    return value if value is None else identity.original(str(value))


def _plain(value: Any) -> Any:
    if isinstance(value, MultiValue):
        return [str(one) for one in value]
    return str(value or "")


def _set_or_remove(dataset: Dataset, keyword: str, value: str | None) -> None:
    if value:
        setattr(dataset, keyword, value)
    else:
        dataset.pop(keyword, None)


def _declare(dataset: FileDataset, of_images: str) -> None:
    """One charset for all of it: that of the images where every text can be written in it, else UTF-8."""
    texts = [str(element.value) for element in _elements(dataset) if element.VR in _TEXT]
    charset = of_images if _all_encode(texts, of_images) else UTF_8
    for item in _items(dataset):
        item.pop(CHARSET, None)
    if charset:
        dataset.SpecificCharacterSet = charset
    else:
        dataset.pop(CHARSET, None)


_TEXT = frozenset({"PN", "LO", "LT", "SH", "ST", "UC", "UT"})


def _all_encode(texts: list[str], charset: str) -> bool:
    # With code extensions (ISO 2022) each piece of a text has a table of its own: not worth it for a result.
    codec = python_encoding.get(charset) if not charset.startswith("ISO 2022") else None
    if not codec:
        return False
    try:
        "".join(texts).encode(codec)
    except UnicodeEncodeError:
        return False
    return True


def _items(dataset: Dataset) -> Iterator[Dataset]:
    for element in _elements(dataset):
        if element.VR == "SQ":
            yield from element.value
