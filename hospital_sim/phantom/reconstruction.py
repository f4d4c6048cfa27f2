"""What a scanner makes of a volume: kernels, thick slices, reformations, localizers."""

from __future__ import annotations

import numpy as np

from hospital_sim.phantom.canvas import Floats
from hospital_sim.phantom.noise import noise_of
from hospital_sim.phantom.volume import Volume, resampled

SOFT_NOISE_HU, SHARP_NOISE_HU = 11.0, 38.0


def soft_kernel(volume: Volume, index: int) -> Floats:
    """One slice as a smooth kernel shows it (HU, low correlated noise)."""
    noisy: Floats = volume.hu[index].astype(np.float32)
    noisy += noise_of(volume, index, sharp=False) * np.float32(SOFT_NOISE_HU)
    return noisy


def sharp_kernel(volume: Volume, index: int) -> Floats:
    """The same slice as an edge-enhancing kernel shows it (HU, strong fine noise)."""
    sharp: Floats = volume.hu[index].astype(np.float32)
    blurred = sharp[:-2, 1:-1] + sharp[2:, 1:-1]
    blurred += sharp[1:-1, :-2]
    blurred += sharp[1:-1, 2:]
    edges = sharp[1:-1, 1:-1] - blurred * np.float32(0.25)
    sharp[1:-1, 1:-1] += edges * np.float32(0.9)
    sharp += noise_of(volume, index, sharp=True) * np.float32(SHARP_NOISE_HU)
    return sharp


def thick_slice(volume: Volume, index: int, count: int) -> Floats:
    """Slice ``index`` of ``count`` thick ones: the mean of its share of the thin slices (HU)."""
    total = len(volume.hu)
    begin = index * total // count
    end = max((index + 1) * total // count, begin + 1)
    mean = volume.hu[begin:end].mean(axis=0, dtype=np.float32)
    return np.asarray(
        mean + noise_of(volume, index, sharp=False) * np.float32(SOFT_NOISE_HU * 0.6), dtype=np.float32
    )


def coronal(volume: Volume, index: int, count: int) -> Floats:
    """Coronal reformation ``index`` of ``count``, square pixels as in the axial slices (HU)."""
    rows = len(volume.hu[0])
    row = int(rows * (0.18 + 0.62 * (index + 0.5) / count))
    plane = volume.hu[:, row, :].astype(np.float32)
    height = max(1, round(len(plane) * volume.spacing_mm / volume.pixel_mm))
    return resampled(plane, height, plane.shape[1])


def scout(volume: Volume, *, lateral: bool = False) -> Floats:
    """A localizer: the projection of the volume, scaled to CT-like values (HU)."""
    path_cm = projection(volume, lateral=lateral)
    height = max(1, round(len(path_cm) * volume.spacing_mm / volume.pixel_mm))
    return resampled(path_cm, height, path_cm.shape[1]) * np.float32(45.0) - np.float32(900.0)


def projection(volume: Volume, *, lateral: bool = False) -> Floats:
    """Water-equivalent path in cm for parallel rays, front to back or side to side; (slices, columns)."""
    density = np.maximum(volume.hu, -1000).sum(axis=2 if lateral else 1, dtype=np.float32)
    rays = volume.hu.shape[1]
    path_cm: Floats = (density / np.float32(1000.0) + np.float32(rays)) * np.float32(volume.pixel_mm / 10.0)
    return path_cm
