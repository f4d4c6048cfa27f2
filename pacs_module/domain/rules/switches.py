"""
The site's switches (``orthanc/config/config.py`` and the site's own file), checked and typed.

Both processes read the same file through :func:`parse_switches`; an unknown key or a bad value stops the start with the key,
the value and what is allowed.
"""

from __future__ import annotations

import difflib
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields

from ..errors import ConfigurationError

CHOICE_CRITERIA = ("thickness", "instances", "kernel", "kernel class", "image type", "contrast", "latest")
KERNEL_CLASSES = ("lung", "mediastinum")
CONTRAST_PHASES = ("plain", "arterial", "venous", "delayed", "contrast")
ELSEWHERE = {
    "HANDOVER_RETENTION": "retention_s in [backend] of pacs_module's settings",
    "MOVE_SYNC": "MOVE_SYNC in pacs_module's settings",
    "CROSSDAY": "crossday in pacs_module's settings",
    "STABILITY_RULE": "stability_rule in pacs_module's settings",
}
"""Names that people write here and that are set elsewhere."""


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
    choice_order: tuple[str, ...] = ("thickness", "instances", "kernel")
    kernel_class_preferred: tuple[str, ...] = KERNEL_CLASSES
    kernels_lung: tuple[str, ...] = (
        "B[5-9]*", "BL*", "BR[5-9]*", "I[5-9]*", "LUNG", "BONE*", "EDGE", "ULTRA", "YA", "YB", "YC", "YD", "L", "D", "E",
        "FC[3589]*", "*SHARP*",
    )  # fmt: skip
    kernels_mediastinum: tuple[str, ...] = (
        "B[1-4]*", "BF*", "BR[1-4]*", "I[1-4]*", "STANDARD", "SOFT", "DETAIL", "CHST", "UA", "UB", "UC", "A", "B", "C",
        "FC[012]*", "*SOFT*",
    )  # fmt: skip
    image_types_preferred: tuple[str, ...] = ()
    contrast_preferred: tuple[str, ...] = CONTRAST_PHASES
    contrast_arterial_keywords: tuple[str, ...] = ("ARTERIAL", "动脉")
    contrast_venous_keywords: tuple[str, ...] = ("VENOUS", "PORTAL", "静脉", "门脉")
    contrast_delayed_keywords: tuple[str, ...] = ("DELAY", "延迟")

    # Receiving
    stable_age: float = 30.0
    handover_checksums: bool = False
    ram_disk_reserve_mb: int = 256
    ram_disk_alarm_percent: int = 85


NAMES = tuple(field.name.upper() for field in fields(Switches))
"""Of the switches, as they stand in the file."""


def parse_switches(values: Mapping[str, object]) -> Switches:
    """
    Check the values of a configuration file over the defaults.

    Args:
        values: Upper-case names as they stand in the file, with Python values.

    Raises:
        ConfigurationError: For an unknown key (with the nearest known one) or a value of the wrong kind.
    """
    known = dict(zip(NAMES, fields(Switches), strict=True))
    checked: dict[str, object] = {}
    for key, value in values.items():
        if key not in known:
            raise ConfigurationError(key, value, _unknown(key, tuple(known)))
        default = getattr(Switches, known[key].name)
        checked[known[key].name] = _CHECKS[type(default)](key, value)
    for name in ("ct_modalities", "dx_modalities"):
        if name in checked:
            checked[name] = tuple(str(word).strip().upper() for word in typing.cast(tuple[str, ...], checked[name]))
    switches = Switches(**checked)  # type: ignore[arg-type]
    _check_together(switches)
    return switches


def _unknown(key: str, known: tuple[str, ...]) -> str:
    if key.upper() in ELSEWHERE:
        return f"it is no switch of this file; it is {ELSEWHERE[key.upper()]}"
    near = difflib.get_close_matches(key.upper(), known, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    return f"there is no such switch; {hint}known are {', '.join(sorted(known))}"


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
    if not isinstance(value, list | tuple) or not all(isinstance(word, str) and word.strip() for word in value):
        raise ConfigurationError(key, value, "a list of texts, none of them empty")
    return tuple(value)


_CHECKS: dict[type, Callable[[str, object], object]] = {bool: _boolean, int: _whole, float: _number, tuple: _words}


def _check_together(switches: Switches) -> None:
    words = {
        "choice_order": CHOICE_CRITERIA,
        "kernel_class_preferred": KERNEL_CLASSES,
        "contrast_preferred": CONTRAST_PHASES,
    }
    for name, allowed in words.items():
        for word in getattr(switches, name):
            if word not in allowed:
                raise ConfigurationError(name.upper(), word, f"any of {', '.join(allowed)}")
    if switches.filter_body_part and not switches.keywords:
        raise ConfigurationError("KEYWORDS", switches.keywords, "at least one, or FILTER_BODY_PART = False")
    if not 20 <= switches.ram_disk_alarm_percent <= 100:
        raise ConfigurationError("RAM_DISK_ALARM_PERCENT", switches.ram_disk_alarm_percent, "20 to 100")
    if not switches.ct_modalities and not switches.dx_modalities:
        raise ConfigurationError("CT_MODALITIES", switches.ct_modalities, "at least one modality here or in DX_MODALITIES")
    if switches.thin_slice_max > switches.slice_thickness_max:
        raise ConfigurationError(
            "THIN_SLICE_MAX", switches.thin_slice_max, f"at most SLICE_THICKNESS_MAX ({switches.slice_thickness_max})"
        )
