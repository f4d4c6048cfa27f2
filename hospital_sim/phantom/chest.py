"""The chest."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from hospital_sim.phantom.canvas import Canvas, Point
from hospital_sim.phantom.chest_shape import ChestShape
from hospital_sim.phantom.trunk import paint_spine, paint_table
from hospital_sim.phantom.volume import BLOOD_HU, CORTEX_HU, FAT_HU, MARROW_HU, MUSCLE_HU, Volume, volume_of

CHEST_FOV_MM = 380.0
CHEST_LENGTH_MM = 300.0


def chest(
    matrix: int, slices: int, seed: int, *, table: bool = True, length_mm: float = CHEST_LENGTH_MM
) -> Volume:
    """
    A chest from above the apex to below the base.

    Args:
        matrix: Rows and columns, in pixels.
        slices: Number of slices over ``length_mm``.
        seed: Patient; same seed, same anatomy.
        table: Whether the couch is in the picture.
        length_mm: Scanned length from the top, in mm.

    Returns:
        The volume, with its lung volume in ml.
    """
    rng = np.random.default_rng((seed, 11))
    canvas = Canvas(matrix, slices, CHEST_FOV_MM, length_mm / slices)
    shape = ChestShape(canvas, rng)
    lungs = [_paint_trunk_slice(canvas, shape, index) for index in range(slices)]
    _paint_mediastinum(canvas)
    _paint_vessels(canvas, shape, rng)
    _paint_chest_bones(canvas, shape)
    _paint_airways(canvas)
    _paint_nodule(canvas, shape, rng)
    if table:
        paint_table(canvas, 122.0)
    lung_pixels = sum(int((lung & (hu < -500)).sum()) for lung, hu in zip(lungs, canvas.hu, strict=True))
    lung_ml = lung_pixels * canvas.pixel_mm**2 * canvas.spacing_mm / 1000.0
    return volume_of(canvas, lung_ml)


def _paint_trunk_slice(canvas: Canvas, shape: ChestShape, index: int) -> npt.NDArray[np.bool_]:
    """
    Skin, fat, muscle, mediastinal fat, lungs and what lies under the diaphragm; returns where the lung is.
    """
    depth = float(canvas.z[index])
    hu = canvas.hu[index]
    body, cage = np.float32(shape.body_scale(depth)), np.float32(shape.cage_scale(depth))
    reach = np.float32(shape.half_depth)
    hu += canvas.coverage((body - shape.body) * reach) * np.float32(FAT_HU - -1000.0)
    hu += canvas.coverage((body - np.float32(0.10) - shape.body) * reach) * np.float32(MUSCLE_HU - FAT_HU)
    inside = (cage - shape.cage) * np.float32(shape.cage_depth)
    above = (shape.dome - np.float32(depth)) * np.float32(0.7)
    hu += canvas.coverage(np.minimum(inside, above)) * np.float32(-75.0 - MUSCLE_HU)
    lung = canvas.coverage(np.minimum(np.minimum(inside - np.float32(3.0), above), shape.beside_midline))
    hu += lung * (shape.lung_hu - hu)
    return np.asarray(lung > 0.5, dtype=np.bool_)


_VESSELS: tuple[tuple[tuple[Point, ...], float], ...] = (
    (((-14.0, -24.0, 150.0), (-16.0, -24.0, 100.0), (0.0, -8.0, 84.0), (18.0, 16.0, 88.0)), 15.0),
    (((18.0, 16.0, 88.0), (21.0, 34.0, 110.0), (14.0, 38.0, 320.0)), 12.5),
    (((-26.0, -18.0, 40.0), (-27.0, -16.0, 150.0)), 9.0),
    (((10.0, -28.0, 128.0), (8.0, -12.0, 116.0), (-30.0, -4.0, 124.0)), 12.0),
    (((8.0, -12.0, 116.0), (34.0, 2.0, 122.0)), 11.0),
)
"""
Aortic arch, descending aorta, upper vena cava, right and left pulmonary artery: points along each and its
radius, mm.
"""


def _paint_mediastinum(canvas: Canvas) -> None:
    """Heart with its fat, great vessels, gullet, and stomach gas under the left dome."""
    canvas.ellipsoid((24.0, -32.0, 190.0), (60.0, 45.0, 56.0), -80.0)
    canvas.ellipsoid((25.0, -31.0, 190.0), (55.0, 40.0, 52.0), BLOOD_HU)
    canvas.ellipsoid((38.0, -28.0, 192.0), (22.0, 18.0, 26.0), BLOOD_HU + 8)
    for points, radius in _VESSELS:
        canvas.chain(points, radius, BLOOD_HU)
    canvas.chain([(4.0, 24.0, 0.0), (4.0, 26.0, 320.0)], 6.0, 35.0)
    for x, y in ((-20.0, -12.0), (14.0, -8.0), (24.0, 2.0)):
        canvas.chain([(x, y, 0.0), (x * 0.8, y, 82.0)], 5.0, BLOOD_HU)
    canvas.ellipsoid((62.0, -30.0, 292.0), (34.0, 26.0, 20.0), -950.0)
    canvas.ellipsoid((85.0, 30.0, 290.0), (30.0, 34.0, 34.0), 52.0)


def _paint_vessels(canvas: Canvas, shape: ChestShape, rng: np.random.Generator) -> None:
    """Two trees that branch from the hila to the periphery."""
    for side in (-1.0, 1.0):
        for _ in range(20):
            direction = _unit((side * rng.uniform(0.4, 1.0), rng.uniform(-1.0, 1.0), rng.uniform(-0.9, 1.6)))
            _grow(canvas, shape, rng, ((side * 34.0, 2.0, 126.0), direction, 4.4, 36.0, 0))


def _grow(
    canvas: Canvas,
    shape: ChestShape,
    rng: np.random.Generator,
    bud: tuple[Point, Point, float, float, int],
) -> None:
    """Grow one branch (start, direction, radius mm, length mm, generation) and its two children."""
    start, direction, radius, length, generation = bud
    end = (
        start[0] + direction[0] * length,
        start[1] + direction[1] * length,
        start[2] + direction[2] * length,
    )
    if generation > 5 or (generation > 0 and not shape.is_lung(end)):
        return
    canvas.capsule(start, end, radius, 35.0, only_denser=True)
    for _ in range(2):
        bend = rng.normal(0.0, 0.55, 3)
        turned = _unit((direction[0] + bend[0], direction[1] + bend[1], direction[2] + bend[2]))
        _grow(
            canvas, shape, rng, (end, turned, radius * 0.72, length * rng.uniform(0.66, 0.9), generation + 1)
        )


def _unit(vector: tuple[float, float, float]) -> Point:
    length = math.sqrt(sum(v * v for v in vector)) or 1.0
    return vector[0] / length, vector[1] / length, vector[2] / length


def _paint_chest_bones(canvas: Canvas, shape: ChestShape) -> None:
    """Spine with discs and canal, ribs, breastbone, collarbones, shoulder blades."""
    paint_spine(canvas, 60.0)
    for rib in range(11):
        _paint_rib(canvas, shape, 18.0 + 25.0 * rib)
    _paint_breastbone(canvas, shape)
    for side in (-1.0, 1.0):
        _paint_shoulder(canvas, side)


def _paint_breastbone(canvas: Canvas, shape: ChestShape) -> None:
    front = -8.0 - shape.cage_depth
    breastbone: list[Point] = [
        (0.0, front * 0.72, 62.0),
        (0.0, front + 1.0, 120.0),
        (0.0, front - 2.0, 190.0),
    ]
    for offset in (-9.0, 0.0, 9.0):
        shifted = [(x + offset, y, z) for x, y, z in breastbone]
        canvas.chain(shifted, 6.0, 420.0)
        canvas.chain(shifted, 3.5, 180.0)


def _paint_shoulder(canvas: Canvas, side: float) -> None:
    """Collarbone and shoulder blade; ``side``: -1 right, 1 left."""
    collar: list[Point] = [
        (side * 14.0, -52.0, 52.0),
        (side * 60.0, -62.0, 34.0),
        (side * 120.0, -30.0, 16.0),
    ]
    canvas.chain(collar, 6.5, CORTEX_HU)
    canvas.chain(collar, 3.5, MARROW_HU)
    for row in range(9):
        z = 20.0 + 12.0 * row
        inner, outer = side * (84.0 - row), side * (134.0 - 5.0 * row)
        canvas.capsule((inner, 78.0, z), (outer, 44.0 + 3.0 * row, z), 3.0, 520.0)


def _paint_rib(canvas: Canvas, shape: ChestShape, head_depth: float) -> None:
    """One pair of ribs: from the spine round the cage, falling towards the front; cartilage is left out."""
    angles = np.radians(np.linspace(74.0, -52.0, 15))
    for side in (-1.0, 1.0):
        points: list[Point] = []
        for step, angle in enumerate(angles):
            z = head_depth + 62.0 * (step / 14.0) ** 1.15
            scale = max(shape.cage_scale(z), 0.30) + 0.045
            points.append(
                (
                    side * scale * shape.cage_width * math.cos(angle),
                    scale * shape.cage_depth * math.sin(angle) - 8.0,
                    z,
                )
            )
        canvas.chain(points, 5.2, CORTEX_HU)
        canvas.chain(points, 3.2, MARROW_HU)


def _paint_airways(canvas: Canvas) -> None:
    """Windpipe and main bronchi, wall and lumen."""
    branches: list[tuple[list[Point], float]] = [
        ([(0.0, 6.0, -10.0), (0.0, 8.0, 108.0)], 9.0),
        ([(0.0, 8.0, 108.0), (-34.0, 10.0, 132.0)], 6.5),
        ([(0.0, 8.0, 108.0), (40.0, 12.0, 138.0)], 5.8),
        ([(-34.0, 10.0, 132.0), (-58.0, 22.0, 170.0)], 3.6),
        ([(40.0, 12.0, 138.0), (60.0, 26.0, 176.0)], 3.4),
    ]
    for wall, hu in ((1.6, 30.0), (0.0, -990.0)):
        for points, radius in branches:
            canvas.chain(points, radius + wall, hu)


def _paint_nodule(canvas: Canvas, shape: ChestShape, rng: np.random.Generator) -> None:
    """One solid nodule of 5 to 9 mm radius, somewhere in a lung."""
    radius = float(rng.uniform(5.0, 9.0))
    for _ in range(200):
        centre = (float(rng.uniform(-110, 110)), float(rng.uniform(-60, 60)), float(rng.uniform(70, 200)))
        if shape.is_lung(centre, 0.85) and abs(centre[0]) > 60.0:
            canvas.ellipsoid(centre, (radius, radius * 0.9, radius), 38.0)
            return
