"""What a device writes into a series, by what the series shows."""

from __future__ import annotations

from hospital_sim.devices import Device
from hospital_sim.planned_study import AXIAL, Content


def made_as(device: Device, content: Content) -> Content:
    """A dose report is a picture where the device makes it so."""
    return Content.DOSE_PICTURE if content is Content.DOSE_REPORT and device.dose_as_picture else content


def modality_of(content: Content, modality: str) -> str:
    """Modality of a series in a study of a modality: documents have one of their own."""
    return {Content.DOSE_REPORT: "SR", Content.PRESENTATION_STATE: "PR"}.get(content, modality)


def thickness_of(device: Device, content: Content) -> float | None:
    """SliceThickness in mm, None where the modality has none."""
    thin = device.thin_mm
    values = {
        Content.THICK: 5.0,
        Content.THIN_SOFT: thin,
        Content.THIN_SHARP: thin,
        Content.MPR: 3.0,
        Content.MR: 5.0,
    }
    return values.get(content)


def kernel_of(device: Device, content: Content) -> str:
    """ConvolutionKernel, empty where there is none."""
    if content in (Content.THICK, Content.THIN_SOFT, Content.MPR):
        return device.soft_kernel
    return device.sharp_kernel if content is Content.THIN_SHARP else ""


def ct_descriptions(device: Device, word: str, sharp_kernel: str) -> dict[Content, str]:
    """SeriesDescription of what a CT makes of a region for which the department has a word."""
    return {
        Content.SCOUT: "Topogram" if device.manufacturer == "SIEMENS" else "Scout",
        Content.THICK: f"{word} 5.0 {device.soft_kernel}",
        Content.THIN_SOFT: f"{word} {device.thin_mm} {device.soft_kernel}",
        Content.THIN_SHARP: f"{word} {device.thin_mm} {sharp_kernel}",
        Content.MPR: f"{word} Cor MPR 3.0",
    }


def image_type_of(device: Device, content: Content) -> tuple[str, ...]:
    """ImageType as the maker writes it."""
    if content in AXIAL:
        return device.axial_type
    fixed: dict[Content, tuple[str, ...]] = {
        Content.SCOUT: ("ORIGINAL", "PRIMARY", "LOCALIZER"),
        Content.MPR: device.mpr_type,
        Content.DOSE_PICTURE: ("DERIVED", "SECONDARY", "SCREEN SAVE"),
        Content.DOSE_REPORT: (),
        Content.PRESENTATION_STATE: (),
        Content.MR: ("ORIGINAL", "PRIMARY", "M", "ND"),
    }
    return fixed.get(content, ("ORIGINAL", "PRIMARY"))
