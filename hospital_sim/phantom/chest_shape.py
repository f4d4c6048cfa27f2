"""The outlines of a chest: body, thoracic cage, mediastinum, diaphragm."""

from __future__ import annotations

import math

import numpy as np

from hospital_sim.phantom.canvas import Canvas, Floats, Point
from hospital_sim.phantom.volume import LUNG_HU, resampled


class ChestShape:
    """The in-plane fields of one patient's chest, computed once and scaled slice by slice."""

    def __init__(self, canvas: Canvas, rng: np.random.Generator) -> None:
        self.size = float(rng.uniform(0.93, 1.03))
        self.half_width = 162.0 * self.size
        self.half_depth = 112.0 * self.size
        self.cage_width = 130.0 * self.size
        self.cage_depth = 88.0 * self.size
        self.dome_top = float(rng.uniform(212.0, 228.0))
        x, y = canvas.x[None, :], canvas.y[:, None] + np.float32(8.0)
        self.body = (
            (np.abs(x) / self.half_width) ** 2.5 + (np.abs(y) / self.half_depth) ** 2.5
        ) ** np.float32(0.4)
        self.cage = np.sqrt((x / self.cage_width) ** 2 + (y / self.cage_depth) ** 2)
        self.beside_midline = self._beside_midline(x, y)
        self.dome = self._dome(x, y)
        gradient = np.clip(y / np.float32(self.cage_depth), -1, 1) * np.float32(28.0)
        self.lung_hu = np.float32(LUNG_HU) + gradient + _texture(canvas, rng) * np.float32(14.0)

    @staticmethod
    def _beside_midline(x: Floats, y: Floats) -> Floats:
        """
        Distance to the mediastinum in mm (positive in the lung): narrow in front, wide at hilum and spine.
        """
        width = 7.0 + 25.0 / (1.0 + np.exp(-(y + 45.0) / 9.0)) - 5.0 * np.exp(-(((y - 38.0) / 14.0) ** 2))
        spine = np.sqrt((x / 30.0) ** 2 + ((y - 68.0) / 34.0) ** 2)
        return np.asarray(np.minimum(np.abs(x) - width, (spine - 1.0) * 27.0), dtype=np.float32)

    def _dome(self, x: Floats, y: Floats) -> Floats:
        """Depth of the diaphragm in mm; the right half stands higher, both fall off towards the ribs."""
        side = np.where(x < 0, -66.0, 66.0) * self.size
        top = np.where(x < 0, self.dome_top, self.dome_top + 12.0)
        fall = ((x - side) / 64.0) ** 2 + ((y + 6.0) / 66.0) ** 2
        return np.asarray(top + 42.0 * fall, dtype=np.float32)

    def cage_scale(self, depth: float) -> float:
        """Size of the thoracic cage at a depth (mm), 1 at the widest; it closes at the apex."""
        if depth < 12.0:
            return 0.0
        rise = min((depth - 12.0) / 150.0, 1.0)
        return 0.98 * math.sqrt(1.0 - (1.0 - rise) ** 2.4)

    def body_scale(self, depth: float) -> float:
        """Size of the body at a depth (mm): shoulders, armpits, trunk."""
        return (
            1.0
            + 0.05 * math.exp(-(((depth - 10.0) / 45.0) ** 2))
            - 0.03 * math.exp(-(((depth - 250.0) / 60.0) ** 2))
        )

    def is_lung(self, point: Point, scale: float = 0.93) -> bool:
        """Whether a point lies well within a lung (for growing vessels)."""
        x, y, z = point
        if math.hypot(x / self.cage_width, (y + 8.0) / self.cage_depth) > scale * self.cage_scale(z) - 0.03:
            return False
        side, top = (-66.0, self.dome_top) if x < 0 else (66.0, self.dome_top + 12.0)
        fall = ((x - side * self.size) / 64.0) ** 2 + ((y + 2.0) / 66.0) ** 2
        return abs(x) > 16.0 and z < top + 42.0 * fall - 4.0


def _texture(canvas: Canvas, rng: np.random.Generator) -> Floats:
    """Smooth random field with values about -1 to 1, a few cm coarse."""
    coarse = rng.standard_normal((12, 12)).astype(np.float32)
    return resampled(coarse, len(canvas.y), len(canvas.x))
