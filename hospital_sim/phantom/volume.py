"""A scan without noise, the tissues in it, and how pictures are resampled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hospital_sim.phantom.canvas import Canvas, Floats

Hounsfield = npt.NDArray[np.int16]
Places = npt.NDArray[np.intp]

FAT_HU, MUSCLE_HU, BLOOD_HU, LIVER_HU = -100.0, 55.0, 42.0, 60.0
CORTEX_HU, MARROW_HU, LUNG_HU = 700.0, 260.0, -860.0


@dataclass(frozen=True)
class Volume:
    """
    A noise-free scan.

    Attributes:
        hu: Hounsfield units, (slices, rows, columns).
        pixel_mm: Edge of a pixel, in mm.
        spacing_mm: Distance between slice centres, in mm.
        lung_ml: Volume of the aerated lungs (painted as lung and below -500 HU in the end, so without heart,
            nodule and vessels), in ml; 0 for other regions.
    """

    hu: Hounsfield
    pixel_mm: float
    spacing_mm: float
    lung_ml: float


def volume_of(canvas: Canvas, lung_ml: float = 0.0) -> Volume:
    """What has been painted, as a scan; the canvas is of no more use."""
    return Volume(_rounded(canvas.hu), canvas.pixel_mm, canvas.spacing_mm, lung_ml)


def _rounded(hu: Floats) -> Hounsfield:
    """To int16, slice by slice to keep memory low."""
    whole = np.empty(hu.shape, dtype=np.int16)
    for source, target in zip(hu, whole, strict=True):
        target[...] = np.rint(np.clip(source, -1024, 3071, out=source))
    return whole


def resampled(image: Floats, rows: int, columns: int) -> Floats:
    """Bilinear resampling."""
    y0, y1, fy = _neighbours(image.shape[0], rows)
    x0, x1, fx = _neighbours(image.shape[1], columns)
    lines = image[y0] + (image[y1] - image[y0]) * fy[:, None]
    return np.asarray(lines[:, x0] + (lines[:, x1] - lines[:, x0]) * fx[None, :], dtype=np.float32)


def _neighbours(before: int, after: int) -> tuple[Places, Places, Floats]:
    """For each new pixel along an axis: the old ones before and behind it, and the share of the latter."""
    place = np.clip((np.arange(after) + 0.5) * before / after - 0.5, 0, before - 1)
    low = place.astype(np.intp)
    return low, np.minimum(low + 1, before - 1), (place - low).astype(np.float32)
