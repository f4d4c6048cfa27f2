"""
The parameters that a platform may set, and the judgement on what it says: a set is taken as a whole or not at
all.

A platform that says nonsense once, or is asked in the middle of a change, must not leave half of it in force.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import ConfigurationError
from ..upload.storage_path import read_storage_path

_MAX_TEXT = 1024
_SHOWN = 120
HIDDEN = "(hidden)"
Value = str | int | float


@dataclass(frozen=True)
class Parameter:
    """
    One parameter.

    Args:
        name: As the platform calls it.
        setting: Of ``[[destination]]``, where it takes effect.
        allowed: In words.
        read: The value as it is used; None: it cannot be used.
        secret: It is shown nowhere.
    """

    name: str
    setting: str
    allowed: str
    read: Callable[[Any], Value | None]
    secret: bool = False

    def shown(self, value: Any) -> str:
        """For people: a secret by a digest, so that a change of it can be seen."""
        if value is None:
            return ""
        if self.secret:
            return f"{HIDDEN} {hashlib.sha256(str(value).encode('utf-8', 'replace')).hexdigest()[:6]}"
        text = "".join(one if one.isprintable() else "?" for one in str(value))
        return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."


def _whole(least: int, most: int) -> Callable[[Any], int | None]:
    def read(value: Any) -> int | None:
        return value if type(value) is int and least <= value <= most else None

    return read


def _number(value: Any) -> float | None:
    is_number = type(value) in (int, float) and 0 <= value <= 1e9  # a NaN is neither
    return float(value) if is_number else None


def _text(value: Any) -> str | None:
    is_text = isinstance(value, str) and 0 < len(value) <= _MAX_TEXT and value.isprintable()
    return value.strip() or None if is_text else None


def _address(value: Any) -> str | None:
    text = _text(value)
    is_address = text is not None and text.lower().startswith(("http://", "https://")) and " " not in text
    return text if is_address and "@" not in (text or "") else None


def _code(value: Any) -> str | None:
    text = _text(value)
    plain = (text or "").replace("_", "").replace("-", "")
    return text if text and len(text) <= 64 and plain.isascii() and plain.isalnum() else None


def _bucket(value: Any) -> str | None:
    text = _text(value) or ""
    plain = text.replace(".", "").replace("-", "")
    ends = text[:1].isalnum() and text[-1:].isalnum()
    fits = 3 <= len(text) <= 63 and plain.isascii() and plain.isalnum() and text == text.lower()
    return text if fits and ends else None


def _path(value: Any) -> str | None:
    text = _text(value)
    try:
        if text is not None:
            read_storage_path("storage_path", text)
    except ConfigurationError:
        return None
    return text


_ALL = (
    Parameter("batch_size", "batch", "a whole number, 1 to 5000", _whole(1, 5000)),
    Parameter("threads", "threads", "a whole number, 1 to 16", _whole(1, 16)),
    Parameter("kilobytes_per_second", "kilobytes_per_second", "a number, 0 to 1e9", _number),
    Parameter("hospital_code", "hospital", "1 to 64 letters, digits, _ and -", _code),
    Parameter("gateway_url", "url", "an address without a user, http:// or https://", _address),
    Parameter("storage_path", "path", "a storage path rule", _path),
    Parameter("s3_endpoint", "endpoint", "an address without a user, http:// or https://", _address),
    Parameter("s3_bucket", "bucket", "the name of a bucket", _bucket),
    Parameter("s3_region", "region", "1 to 64 letters, digits, _ and -", _code),
    Parameter("s3_access_key", "access_key", "a text", _text, secret=True),
    Parameter("s3_secret_key", "secret_key", "a text", _text, secret=True),
)
PARAMETERS: Mapping[str, Parameter] = {one.name: one for one in _ALL}


@dataclass(frozen=True)
class Told:
    """
    What a platform says.

    Args:
        version: Counted up with each change; None: it has none.
        values: By name, as they came.
    """

    version: int | None
    values: Mapping[str, Any]


@dataclass(frozen=True)
class ParameterSet:
    """A set that was judged good; ``at``: when it came into force, ISO 8601."""

    version: int | None
    values: Mapping[str, Value]
    at: str = ""


@dataclass(frozen=True)
class Fault:
    """What is wrong with a value: its name, the value as it may be shown, and what is allowed."""

    name: str
    value: str
    allowed: str

    @property
    def words(self) -> str:
        """``threads is -3: a whole number, 1 to 16``."""
        return f"{self.name} is {self.value or 'empty'}: {self.allowed}"


@dataclass(frozen=True)
class Change:
    """One parameter that has another value now; both as they may be shown, empty: there was, or is, none."""

    name: str
    old: str
    new: str


@dataclass(frozen=True)
class Judged:
    """
    The judgement on what a platform said.

    Args:
        taken: The set that comes into force; None: what is in force stays.
        faults: Why it is not taken.
        unknown: Names that this version does not know; they are told and do no harm.
        changes: Between what was in force and what is.
    """

    taken: ParameterSet | None
    faults: tuple[Fault, ...] = ()
    unknown: tuple[str, ...] = ()
    changes: tuple[Change, ...] = field(default=())


def judge(told: Told, in_force: ParameterSet | None, needed: tuple[str, ...] = ()) -> Judged:
    """
    Say whether what a platform says comes into force.

    Args:
        told: What it says.
        in_force: The last good set; None: there was none.
        needed: Names that a set must have; what was told before must be told again, too.
    """
    read = {name: one.read(told.values[name]) for name, one in PARAMETERS.items() if name in told.values}
    before = in_force.values if in_force is not None else {}
    unknown = tuple(sorted(_short(name) for name in told.values.keys() - PARAMETERS.keys()))
    values = {name: value for name, value in read.items() if value is not None}
    faults = [*_unreadable(told, read), *_missing(told, dict.fromkeys([*needed, *before]))]
    if in_force is not None and not faults:
        faults += _version_faults(told.version, values, in_force)
    if faults:
        return Judged(None, tuple(faults), unknown)
    changed = changes(before, values)
    if in_force is not None and not changed and told.version == in_force.version:
        return Judged(None, (), unknown)
    return Judged(ParameterSet(told.version, values), (), unknown, changed)


def _unreadable(told: Told, read: Mapping[str, object]) -> Iterator[Fault]:
    for name, value in read.items():
        if value is None:
            one = PARAMETERS[name]
            yield Fault(name, one.shown(told.values[name]), one.allowed)


def _missing(told: Told, needed: Iterable[str]) -> Iterator[Fault]:
    for name in needed:
        if name not in told.values:
            yield Fault(name, "missing", "it was told before, or the site needs it")


def _version_faults(version: int | None, values: Mapping[str, Value], in_force: ParameterSet) -> list[Fault]:
    """A platform in the middle of a change tells an older set, or another one under the same number."""
    if version is None or in_force.version is None:
        return []
    if version < in_force.version:
        return [Fault("version", str(version), f"{in_force.version} or later, which is in force")]
    if version == in_force.version and changes(in_force.values, values):
        return [Fault("version", str(version), "another number, because the values are others")]
    return []


def changes(before: Mapping[str, Value], after: Mapping[str, Value]) -> tuple[Change, ...]:
    """What differs, with secrets hidden."""
    names = [name for name in PARAMETERS if before.get(name) != after.get(name)]
    return tuple(
        Change(name, PARAMETERS[name].shown(before.get(name)), PARAMETERS[name].shown(after.get(name)))
        for name in names
    )


def _short(name: str) -> str:
    plain = "".join(one if one.isprintable() else "?" for one in name)
    return plain[:64]
