"""
The names that images get at a destination: a rule such as
``{hospital}/{StudyDate}/{StudyInstanceUID}/{SOPInstanceUID}.dcm``.

The rule is checked at the start. A value of an image never leads out of its place: UIDs are checked for
syntax, of all other values every byte outside ``A-Z a-z 0-9 . _ -`` is written as ``~`` and two hexadecimal
digits, and so is a dot at the beginning.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ..errors import ConfigurationError, PermanentError
from ..json_messages.uid_syntax import is_uid

HOSPITAL = "hospital"
UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
TEXTS = ("StudyDate", "Modality", "AccessionNumber", "PatientID", "StationName", "SeriesNumber")
FIELDS = (HOSPITAL, *UIDS, *TEXTS)
DEFAULT = "{hospital}/{StudyDate}/{StudyInstanceUID}/{SeriesInstanceUID}/{SOPInstanceUID}.dcm"
MOST_BYTES = 1000
"""Of a whole name: S3 allows 1,024, and a name is made longer while it is not whole."""
MOST_PART_BYTES = 200
"""Of a part between two slashes: file systems allow 255."""
NOTHING = "_"
"""For an empty value."""
_PIECE = re.compile(r"\{([^{}]*)\}|([^{}]+)")
_LITERAL = re.compile(r"[A-Za-z0-9._/-]+")
_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")


@dataclass(frozen=True)
class StoragePath:
    """A checked rule: literal texts, and names of fields in braces."""

    rule: str

    def name(self, hospital: str, values: Mapping[str, str]) -> str:
        """
        Make the name of one image.

        Args:
            hospital: The hospital's code.
            values: Attributes of the image by keyword.

        Raises:
            PermanentError: A UID of the image is none, or the name becomes too long.
        """
        known = {**values, HOSPITAL: hospital}
        name = "".join(literal or _value(field, known) for field, literal in _PIECE.findall(self.rule))
        if len(name) > MOST_BYTES or any(len(part) > MOST_PART_BYTES for part in name.split("/")):
            raise PermanentError("the name of an image at the destination is too long", name)
        return name

    def sop_uid(self, name: str) -> str:
        """The SOPInstanceUID in the last part of a name; empty: this rule did not make it."""
        last = self.rule.rpartition("/")[2]
        pieces = (_pattern(field, literal) for field, literal in _PIECE.findall(last))
        found = re.fullmatch("".join(pieces), name.rpartition("/")[2])
        uid = (found.groupdict().get("sop") if found is not None else None) or ""
        return uid if is_uid(uid) else ""


def read_storage_path(key: str, rule: str) -> StoragePath:
    """
    Check a rule.

    Raises:
        ConfigurationError: It is none, leads out of its folder, or gives two images one name.
    """
    fields = [field for field, _ in _PIECE.findall(rule) if field]
    unknown = [field for field in fields if field not in FIELDS]
    literals = [literal for _, literal in _PIECE.findall(rule) if literal]
    whole = "".join(f"{{{field}}}" if field else literal for field, literal in _PIECE.findall(rule))
    if whole != rule or unknown:
        raise ConfigurationError(key, rule, f"of {', '.join(f'{{{field}}}' for field in FIELDS)}")
    if not all(_LITERAL.fullmatch(literal) for literal in literals):
        raise ConfigurationError(key, rule, "letters, digits, . _ - and / between the fields")
    parts = rule.split("/")
    if any(part == "" or part.startswith(".") for part in parts):
        raise ConfigurationError(key, rule, "a relative path whose parts are not empty and begin with no dot")
    if "SOPInstanceUID" not in fields:
        raise ConfigurationError(key, rule, "a rule with {SOPInstanceUID}: two images never have one name")
    return StoragePath(rule)


def _pattern(field: str, literal: str) -> str:
    if literal:
        return re.escape(literal)
    return "(?P<sop>[0-9.]+)" if field == "SOPInstanceUID" else "[A-Za-z0-9._~-]+"


def _value(field: str, values: Mapping[str, str]) -> str:
    value = values.get(field, "").strip()
    if field not in UIDS:
        return escaped(value)
    if not is_uid(value):
        raise PermanentError(f"{field} of an image is no UID", value)
    return value


def escaped(value: str) -> str:
    """A value as one harmless part of a name; two values that differ stay different."""
    if not value:
        return NOTHING
    data = value.encode("utf-8", "surrogatepass")
    text = "".join(chr(byte) if byte in _SAFE else f"~{byte:02X}" for byte in data)
    if text == NOTHING:
        return "~5F"
    return f"~2E{text[1:]}" if text.startswith(".") else text
