"""
Reads the site's switches from a configuration file: every value checked, every error with key and remedy.
"""

from __future__ import annotations

import difflib
import typing
from collections.abc import Callable, Mapping
from dataclasses import fields

from ..errors import ConfigurationError
from .body_part import KEYWORD_ATTRIBUTES
from .switches import CHOICE_CRITERIA, CONTRAST_PHASES, KERNEL_CLASSES, NAMES, WHEN_QUARANTINE_FULL, Switches

ELSEWHERE = {
    "HANDOVER_RETENTION": "retention_s in [backend] of pacs_module's settings",
    "MOVE_SYNC": "MOVE_SYNC in pacs_module's settings",
    "CROSSDAY": "crossday in pacs_module's settings",
    "STABILITY_RULE": "stability_rule in pacs_module's settings",
}
"""Names that people write here and that are set elsewhere."""
COMPANIONS = (
    "KEYWORDS_FURTHER",
    "KEYWORDS_WHOLE_WORDS",
    "KEYWORDS_AGAINST",
    "NO_KEYWORDS",
    "PROTOCOL_KEYWORDS",
    "DESCRIPTIONS_UNWANTED",
    "WINDOW_KEYWORDS",
    "OTHER_BODY_PARTS",
)
"""
Lists that go with the KEYWORDS that ship: a file with KEYWORDS of its own and none of these means these
keywords alone.
"""


def parse_switches(values: Mapping[str, object]) -> Switches:
    """
    Check the values of a configuration file over the defaults.

    Args:
        values: Upper-case names as they stand in the file, with Python values.

    Raises:
        ConfigurationError: For an unknown key (with the nearest known one) or a value of the wrong kind.
    """
    checked = _checked(with_companions(values))
    for name in ("ct_modalities", "dx_modalities"):
        if name in checked:
            checked[name] = _upper(typing.cast(tuple[str, ...], checked[name]))
    switches = Switches(**checked)  # type: ignore[arg-type]
    _check_together(switches)
    return switches


def _checked(values: Mapping[str, object]) -> dict[str, object]:
    """By the name of its field each value that a file gives."""
    known = dict(zip(NAMES, fields(Switches), strict=True))
    checked: dict[str, object] = {}
    for key, value in values.items():
        if key not in known:
            raise ConfigurationError(key, value, _unknown(key, tuple(known)))
        name = known[key].name
        checked[name] = _CHECKS[type(getattr(Switches, name))](key, value)
    return checked


def _upper(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(str(word).strip().upper() for word in words)


def with_companions(values: Mapping[str, object]) -> dict[str, object]:
    """
    One file's values; KEYWORDS that stand in it without their companions stand alone, as they did before
    there were any.

    Args:
        values: Upper-case names with their values, of one file.
    """
    if "KEYWORDS" not in values:
        return dict(values)
    return {**dict.fromkeys(COMPANIONS, ()), **values}


def _unknown(key: str, known: tuple[str, ...]) -> str:
    if key.upper() in ELSEWHERE:
        return f"it is no switch of this file; it is {ELSEWHERE[key.upper()]}"
    near = difflib.get_close_matches(key.upper(), known, n=1)
    words = f"did you mean {near[0]}?" if near else f"known are {', '.join(sorted(known))}"
    return f"there is no such switch; {words}"


def _boolean(key: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise ConfigurationError(key, value, "True or False")
    return value


def _whole(key: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ConfigurationError(key, value, "a whole number, 0 or more")
    return value


def _number(key: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1e9:
        raise ConfigurationError(key, value, "a number, 0 to 1e9")
    return float(value)


def _words(key: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(
        isinstance(word, str) and word.strip() for word in value
    ):
        raise ConfigurationError(key, value, "a list of texts, none of them empty")
    return tuple(value)


def _text(key: str, value: object) -> str:
    if not isinstance(value, str):
        raise ConfigurationError(key, value, "a text")
    return value


_CHECKS: dict[type, Callable[[str, object], object]] = {
    str: _text,
    bool: _boolean,
    int: _whole,
    float: _number,
    tuple: _words,
}


def _check_together(switches: Switches) -> None:
    _check_words(switches)
    if switches.filter_body_part and not switches.keywords:
        raise ConfigurationError("KEYWORDS", switches.keywords, "at least one, or FILTER_BODY_PART = False")
    if not 20 <= switches.ram_disk_alarm_percent <= 100:
        raise ConfigurationError("RAM_DISK_ALARM_PERCENT", switches.ram_disk_alarm_percent, "20 to 100")
    _check_validation(switches)
    if not switches.ct_modalities and not switches.dx_modalities:
        allowed = "at least one modality here or in DX_MODALITIES"
        raise ConfigurationError("CT_MODALITIES", switches.ct_modalities, allowed)
    if switches.thin_slice_max > switches.slice_thickness_max:
        allowed = f"at most SLICE_THICKNESS_MAX ({switches.slice_thickness_max})"
        raise ConfigurationError("THIN_SLICE_MAX", switches.thin_slice_max, allowed)


def _check_validation(switches: Switches) -> None:
    if switches.quarantine_when_full not in WHEN_QUARANTINE_FULL:
        allowed = f"one of {', '.join(WHEN_QUARANTINE_FULL)}"
        raise ConfigurationError("QUARANTINE_WHEN_FULL", switches.quarantine_when_full, allowed)
    if switches.validation_tolerance_percent > 100:
        raise ConfigurationError(
            "VALIDATION_TOLERANCE_PERCENT", switches.validation_tolerance_percent, "0 to 100"
        )
    if not 1 <= switches.validation_window_min <= 24 * 60:
        raise ConfigurationError("VALIDATION_WINDOW_MIN", switches.validation_window_min, "1 to 1440")


_WORDS_OF = {
    "choice_order": CHOICE_CRITERIA,
    "overrule_body_part_by": KEYWORD_ATTRIBUTES[1:],
    "kernel_class_preferred": KERNEL_CLASSES,
    "contrast_preferred": CONTRAST_PHASES,
}


def _check_words(switches: Switches) -> None:
    for name, allowed in _WORDS_OF.items():
        for word in getattr(switches, name):
            if word not in allowed:
                raise ConfigurationError(name.upper(), word, f"any of {', '.join(allowed)}")
