"""
Painting of solids into a volume of Hounsfield units. Pure numpy, no I/O.

Axes as in an axial CT of a supine patient: ``x`` grows to the patient's left, ``y`` to the back, ``z``
(depth) downwards from the top of the scan. All lengths in mm, all values in HU.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Point = tuple[float, float, float]

AIR_HU = -1000.0


class Canvas:
    """A volume (slices, rows, columns) of HU into which solids are painted with anti-aliased borders."""

    def __init__(
        self, matrix: int, slices: int, fov_mm: float, spacing_mm: float, start_mm: float = 0.0
    ) -> None:
        """
        Begin with air.

        Args:
            matrix: Rows and columns of a slice, in pixels.
            slices: Number of slices.
            fov_mm: Width and height of a slice, in mm.
            spacing_mm: Distance between slice centres, in mm.
            start_mm: Depth of the upper border of the first slice, in mm.
        """
        self.pixel_mm = fov_mm / matrix
        self.spacing_mm = spacing_mm
        self.x = ((np.arange(matrix) + 0.5) * self.pixel_mm - fov_mm / 2).astype(np.float32)
        self.y = self.x
        self.z = ((np.arange(slices) + 0.5) * spacing_mm + start_mm).astype(np.float32)
        self.hu: Floats = np.full((slices, matrix, matrix), AIR_HU, dtype=np.float32)

    def coverage(self, distance_mm: Floats) -> Floats:
        """Share of a pixel that is inside, from the signed distance to the border (mm, positive inside)."""
        share = distance_mm * np.float32(1.0 / self.pixel_mm)
        share += np.float32(0.5)
        return np.clip(share, 0.0, 1.0, out=share)

    def _box(self, low: Sequence[float], high: Sequence[float]) -> tuple[slice, slice, slice] | None:
        """Index ranges (z, y, x) of the box between two (x, y, z) corners, None when it lies outside."""
        ranges = []
        for axis, lowest, highest in zip(
            (self.z, self.y, self.x), reversed(low), reversed(high), strict=True
        ):
            begin, end = np.searchsorted(axis, (lowest, highest))
            if begin >= end:
                return None
            ranges.append(slice(int(begin), int(end)))
        return ranges[0], ranges[1], ranges[2]

    def _grid(self, box: tuple[slice, slice, slice], origin: Point) -> tuple[Floats, Floats, Floats]:
        """Broadcastable x, y, z coordinates of a box, relative to ``origin``."""
        x = (self.x[box[2]] - np.float32(origin[0]))[None, None, :]
        y = (self.y[box[1]] - np.float32(origin[1]))[None, :, None]
        z = (self.z[box[0]] - np.float32(origin[2]))[:, None, None]
        return x, y, z

    def _blend(self, box: tuple[slice, slice, slice], share: Floats, hu: float, only_denser: bool) -> None:
        view = self.hu[box]
        mixed = view + share * (np.float32(hu) - view)
        view[...] = np.maximum(view, mixed) if only_denser else mixed

    def ellipsoid(self, centre: Point, radii: Point, hu: float) -> None:
        """Fill an ellipsoid with axes along x, y and z."""
        margin = self.pixel_mm
        low = [c - r - margin for c, r in zip(centre, radii, strict=True)]
        high = [c + r + margin for c, r in zip(centre, radii, strict=True)]
        box = self._box(low, high)
        if box is None:
            return
        x, y, z = self._grid(box, centre)
        radius = np.sqrt((x / radii[0]) ** 2 + (y / radii[1]) ** 2 + (z / radii[2]) ** 2)
        self._blend(
            box, self.coverage((np.float32(1.0) - radius) * np.float32(min(radii))), hu, only_denser=False
        )

    def capsule(
        self, start: Point, end: Point, radius: float, hu: float, *, only_denser: bool = False
    ) -> None:
        """Fill a tube with round ends; ``only_denser`` never lowers a value (vessels within the lung)."""
        margin = radius + self.pixel_mm
        low = [min(a, b) - margin for a, b in zip(start, end, strict=True)]
        high = [max(a, b) + margin for a, b in zip(start, end, strict=True)]
        box = self._box(low, high)
        if box is not None:
            distance = self._distance_to_line(box, start, end)
            self._blend(box, self.coverage(np.float32(radius) - distance), hu, only_denser)

    def _distance_to_line(self, box: tuple[slice, slice, slice], start: Point, end: Point) -> Floats:
        """Of each voxel of a box to the line from ``start`` to ``end``, mm."""
        x, y, z = self._grid(box, start)
        dx, dy, dz = (np.float32(b - a) for a, b in zip(start, end, strict=True))
        length2 = max(float(dx * dx + dy * dy + dz * dz), 1e-6)
        along = np.clip((x * dx + y * dy + z * dz) * np.float32(1.0 / length2), 0.0, 1.0)
        distance = np.sqrt((x - along * dx) ** 2 + (y - along * dy) ** 2 + (z - along * dz) ** 2)
        return np.asarray(distance, dtype=np.float32)

    def chain(self, points: Sequence[Point], radius: float, hu: float) -> None:
        """Fill a tube along a polyline."""
        for start, end in pairwise(points):
            self.capsule(start, end, radius, hu)

    def plate(self, low: Point, high: Point, hu: float) -> None:
        """Fill an axis-parallel box."""
        box = self._box(low, high)
        if box is not None:
            self.hu[box] = hu
