"""Which device made a series: Manufacturer, ManufacturerModelName and StationName."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .text_repair import readable

DEVICE_ATTRIBUTES = ("Manufacturer", "ManufacturerModelName", "StationName")
"""(0008,0070), (0008,1090), (0008,1010): no rule reads them; they say which device writes a value."""
NO_IMAGES = frozenset({"SR", "PR", "KO", "DOC"})
"""Objects of a workstation rather than of the device."""
_BETWEEN = " / "
MAX_PART = 64
"""Characters of each that are kept: LO and SH hold no more (PS3.5 6.2)."""


@dataclass(frozen=True)
class Device:
    """
    Manufacturer (0008,0070), ManufacturerModelName (0008,1090) and StationName (0008,1010), empty where not
    told.
    """

    manufacturer: str = ""
    model: str = ""
    station: str = ""

    @property
    def name(self) -> str:
        """For lists and filters, the parts that are told; empty where nothing is."""
        return _BETWEEN.join(part for part in (self.manufacturer, self.model, self.station) if part)

    @property
    def words(self) -> str:
        """For a table."""
        return self.name or "not told"


def device_of(attributes: Mapping[str, str]) -> Device:
    """
    The device that a header or an answer tells.

    Each part is repaired where its characters are damaged, its blanks are single ones, and it is bounded: a
    name stands in lists, filters and alarms.
    """
    return Device(*(_part(attributes.get(name, "")) for name in DEVICE_ATTRIBUTES))


def devices_of_study(series: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """
    The devices that made a study, each once, sorted.

    Args:
        series: Modality and device of each series. A report's device is the workstation: it counts only where
            no other is known.
    """
    told = [(modality.strip().upper(), device) for modality, device in series if device]
    images = {device for modality, device in told if modality not in NO_IMAGES}
    return tuple(sorted({*in_full(images or {device for _, device in told}).values()}))


def in_full(names: Iterable[str]) -> dict[str, str]:
    """
    Each name of a study's devices with the one that tells more of the same device.

    At SERIES level many PACS tell the manufacturer alone, where an image tells the station.
    """
    parts = {name: set(name.split(_BETWEEN)) for name in names}
    ranked = sorted(parts, key=lambda name: (-len(parts[name]), name))
    return {name: next(other for other in ranked if parts[name] <= parts[other]) for name in parts}


def _part(text: str) -> str:
    return " ".join(readable(text[: 4 * MAX_PART]).split())[:MAX_PART].rstrip()
