"""
Anatomy-like volumes in Hounsfield units and radiographs computed from them. Pure numpy, no I/O.

Not an atlas: proportions are those of an adult, edges are smooth, vessels branch, lungs end in an apex and in a domed
base, so that filters, viewers and a threshold-based lung volume see what they would see in a patient. Axes as in
``canvas``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from hospital_sim.canvas import Canvas, Floats, Point

Hounsfield = npt.NDArray[np.int16]
Grey = npt.NDArray[np.uint16]

CHEST_FOV_MM = 380.0
CHEST_LENGTH_MM = 300.0
HEAD_FOV_MM = 240.0
HEAD_LENGTH_MM = 160.0
ABDOMEN_FOV_MM = 400.0
ABDOMEN_LENGTH_MM = 250.0

FAT_HU, MUSCLE_HU, BLOOD_HU, LIVER_HU = -100.0, 55.0, 42.0, 60.0
CORTEX_HU, MARROW_HU, LUNG_HU = 700.0, 260.0, -860.0
SOFT_NOISE_HU, SHARP_NOISE_HU = 11.0, 38.0


@dataclass(frozen=True)
class Volume:
    """
    A noise-free scan.

    Attributes:
        hu: Hounsfield units, (slices, rows, columns).
        pixel_mm: Edge of a pixel, in mm.
        spacing_mm: Distance between slice centres, in mm.
        lung_ml: Volume of the aerated lungs (painted as lung and below -500 HU in the end, so without heart, nodule and
            vessels), in ml; 0 for other regions.
    """

    hu: Hounsfield
    pixel_mm: float
    spacing_mm: float
    lung_ml: float


# ---------------------------------------------------------------------------------------------- chest


class _ChestShape:
    """The in-plane fields of one patient's chest, computed once and scaled slice by slice."""

    def __init__(self, canvas: Canvas, rng: np.random.Generator) -> None:
        self.size = float(rng.uniform(0.93, 1.03))
        self.half_width = 162.0 * self.size
        self.half_depth = 112.0 * self.size
        self.cage_width = 130.0 * self.size
        self.cage_depth = 88.0 * self.size
        self.dome_top = float(rng.uniform(212.0, 228.0))
        x, y = canvas.x[None, :], canvas.y[:, None] + np.float32(8.0)
        self.body = ((np.abs(x) / self.half_width) ** 2.5 + (np.abs(y) / self.half_depth) ** 2.5) ** np.float32(0.4)
        self.cage = np.sqrt((x / self.cage_width) ** 2 + (y / self.cage_depth) ** 2)
        self.beside_midline = self._beside_midline(x, y)
        self.dome = self._dome(x, y)
        gradient = np.clip(y / np.float32(self.cage_depth), -1, 1) * np.float32(28.0)
        self.lung_hu = np.float32(LUNG_HU) + gradient + _texture(canvas, rng) * np.float32(14.0)

    @staticmethod
    def _beside_midline(x: Floats, y: Floats) -> Floats:
        """Distance to the mediastinum in mm (positive in the lung): narrow in front, wide at hilum and spine."""
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
        return 1.0 + 0.05 * math.exp(-(((depth - 10.0) / 45.0) ** 2)) - 0.03 * math.exp(-(((depth - 250.0) / 60.0) ** 2))

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
    return _resize(coarse, len(canvas.y), len(canvas.x))


def chest(matrix: int, slices: int, seed: int, *, table: bool = True, length_mm: float = CHEST_LENGTH_MM) -> Volume:
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
    shape = _ChestShape(canvas, rng)
    lungs = [_paint_trunk_slice(canvas, shape, index) for index in range(slices)]
    _paint_mediastinum(canvas)
    _paint_vessels(canvas, shape, rng)
    _paint_chest_bones(canvas, shape)
    _paint_airways(canvas)
    _paint_nodule(canvas, shape, rng)
    if table:
        _paint_table(canvas, 122.0)
    lung_pixels = sum(int((lung & (hu < -500)).sum()) for lung, hu in zip(lungs, canvas.hu, strict=True))
    lung_ml = lung_pixels * canvas.pixel_mm**2 * canvas.spacing_mm / 1000.0
    return Volume(_rounded(canvas.hu), canvas.pixel_mm, canvas.spacing_mm, lung_ml)


def _paint_trunk_slice(canvas: Canvas, shape: _ChestShape, index: int) -> npt.NDArray[np.bool_]:
    """Skin, fat, muscle, mediastinal fat, lungs and what lies under the diaphragm; returns where the lung is."""
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


def _paint_mediastinum(canvas: Canvas) -> None:
    """Heart with its fat, great vessels, gullet, and stomach gas under the left dome."""
    canvas.ellipsoid((24.0, -32.0, 190.0), (60.0, 45.0, 56.0), -80.0)
    canvas.ellipsoid((25.0, -31.0, 190.0), (55.0, 40.0, 52.0), BLOOD_HU)
    canvas.ellipsoid((38.0, -28.0, 192.0), (22.0, 18.0, 26.0), BLOOD_HU + 8)
    canvas.chain([(-14.0, -24.0, 150.0), (-16.0, -24.0, 100.0), (0.0, -8.0, 84.0), (18.0, 16.0, 88.0)], 15.0, BLOOD_HU)
    canvas.chain([(18.0, 16.0, 88.0), (21.0, 34.0, 110.0), (14.0, 38.0, 320.0)], 12.5, BLOOD_HU)
    canvas.chain([(-26.0, -18.0, 40.0), (-27.0, -16.0, 150.0)], 9.0, BLOOD_HU)
    canvas.chain([(10.0, -28.0, 128.0), (8.0, -12.0, 116.0), (-30.0, -4.0, 124.0)], 12.0, BLOOD_HU)
    canvas.chain([(8.0, -12.0, 116.0), (34.0, 2.0, 122.0)], 11.0, BLOOD_HU)
    canvas.chain([(4.0, 24.0, 0.0), (4.0, 26.0, 320.0)], 6.0, 35.0)
    for x, y in ((-20.0, -12.0), (14.0, -8.0), (24.0, 2.0)):
        canvas.chain([(x, y, 0.0), (x * 0.8, y, 82.0)], 5.0, BLOOD_HU)
    canvas.ellipsoid((62.0, -30.0, 292.0), (34.0, 26.0, 20.0), -950.0)
    canvas.ellipsoid((85.0, 30.0, 290.0), (30.0, 34.0, 34.0), 52.0)


def _paint_vessels(canvas: Canvas, shape: _ChestShape, rng: np.random.Generator) -> None:
    """Two trees that branch from the hila to the periphery."""
    for side in (-1.0, 1.0):
        for _ in range(20):
            direction = _unit((side * rng.uniform(0.4, 1.0), rng.uniform(-1.0, 1.0), rng.uniform(-0.9, 1.6)))
            _grow(canvas, shape, rng, ((side * 34.0, 2.0, 126.0), direction, 4.4, 36.0, 0))


def _grow(
    canvas: Canvas,
    shape: _ChestShape,
    rng: np.random.Generator,
    bud: tuple[Point, Point, float, float, int],
) -> None:
    """Grow one branch (start, direction, radius mm, length mm, generation) and its two children."""
    start, direction, radius, length, generation = bud
    end = (start[0] + direction[0] * length, start[1] + direction[1] * length, start[2] + direction[2] * length)
    if generation > 5 or (generation > 0 and not shape.is_lung(end)):
        return
    canvas.capsule(start, end, radius, 35.0, only_denser=True)
    for _ in range(2):
        bend = rng.normal(0.0, 0.55, 3)
        turned = _unit((direction[0] + bend[0], direction[1] + bend[1], direction[2] + bend[2]))
        _grow(canvas, shape, rng, (end, turned, radius * 0.72, length * rng.uniform(0.66, 0.9), generation + 1))


def _unit(vector: tuple[float, float, float]) -> Point:
    length = math.sqrt(sum(v * v for v in vector)) or 1.0
    return vector[0] / length, vector[1] / length, vector[2] / length


def _paint_chest_bones(canvas: Canvas, shape: _ChestShape) -> None:
    """Spine with discs and canal, ribs, breastbone, collarbones, shoulder blades."""
    _paint_spine(canvas, 60.0)
    for rib in range(11):
        _paint_rib(canvas, shape, 18.0 + 25.0 * rib)
    front = -8.0 - shape.cage_depth
    breastbone: list[Point] = [(0.0, front * 0.72, 62.0), (0.0, front + 1.0, 120.0), (0.0, front - 2.0, 190.0)]
    for offset in (-9.0, 0.0, 9.0):
        shifted = [(x + offset, y, z) for x, y, z in breastbone]
        canvas.chain(shifted, 6.0, 420.0)
        canvas.chain(shifted, 3.5, 180.0)
    for side in (-1.0, 1.0):
        collar: list[Point] = [(side * 14.0, -52.0, 52.0), (side * 60.0, -62.0, 34.0), (side * 120.0, -30.0, 16.0)]
        canvas.chain(collar, 6.5, CORTEX_HU)
        canvas.chain(collar, 3.5, MARROW_HU)
        for row in range(9):
            z = 20.0 + 12.0 * row
            inner, outer = side * (84.0 - row), side * (134.0 - 5.0 * row)
            canvas.capsule((inner, 78.0, z), (outer, 44.0 + 3.0 * row, z), 3.0, 520.0)


def _paint_spine(canvas: Canvas, y: float) -> None:
    """Vertebral bodies every 24 mm with discs between, canal, arch and processes."""
    bottom = float(canvas.z[-1]) + 24.0
    canvas.chain([(0.0, y, -10.0), (0.0, y, bottom)], 17.5, 85.0)
    for level in range(int(bottom // 24.0) + 1):
        z = 24.0 * level
        for radius, hu in ((18.0, 480.0), (15.5, 210.0)):
            canvas.capsule((-3.0, y, z - 3.0), (3.0, y, z - 3.0), radius, hu)
            canvas.capsule((0.0, y, z - 8.0), (0.0, y, z + 6.0), radius - 1.0, hu)
        for side in (-1.0, 1.0):
            canvas.chain([(side * 12.0, y + 14.0, z), (side * 30.0, y + 24.0, z - 3.0)], 4.5, 480.0)
        canvas.chain([(0.0, y + 30.0, z), (0.0, y + 42.0, z + 10.0)], 4.0, 520.0)
    canvas.chain([(0.0, y + 22.0, -10.0), (0.0, y + 22.0, bottom)], 12.5, 420.0)
    canvas.chain([(0.0, y + 22.0, -10.0), (0.0, y + 22.0, bottom)], 9.0, 30.0)


def _paint_rib(canvas: Canvas, shape: _ChestShape, head_depth: float) -> None:
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


def _paint_nodule(canvas: Canvas, shape: _ChestShape, rng: np.random.Generator) -> None:
    """One solid nodule of 5 to 9 mm radius, somewhere in a lung."""
    radius = float(rng.uniform(5.0, 9.0))
    for _ in range(200):
        centre = (float(rng.uniform(-110, 110)), float(rng.uniform(-60, 60)), float(rng.uniform(70, 200)))
        if shape.is_lung(centre, 0.85) and abs(centre[0]) > 60.0:
            canvas.ellipsoid(centre, (radius, radius * 0.9, radius), 38.0)
            return


def _paint_table(canvas: Canvas, y: float) -> None:
    """A flat couch: shell and foam."""
    top, bottom = float(canvas.z[0]) - 1.0, float(canvas.z[-1]) + 1.0
    canvas.plate((-170.0, y, top), (170.0, y + 26.0, bottom), -60.0)
    canvas.plate((-167.0, y + 3.0, top), (167.0, y + 23.0, bottom), -930.0)


# ---------------------------------------------------------------------------------------------- head, abdomen


def head(matrix: int, slices: int, seed: int) -> Volume:
    """A head from the crown to the skull base: skull, grey and white matter, ventricles."""
    rng = np.random.default_rng((seed, 12))
    size = float(rng.uniform(0.95, 1.05))
    canvas = Canvas(matrix, slices, HEAD_FOV_MM, HEAD_LENGTH_MM / slices)
    centre = (0.0, 0.0, 100.0)
    for margin, hu in ((0.0, 40.0), (4.0, 900.0), (6.5, 350.0), (9.0, 950.0), (12.0, 8.0), (15.0, 37.0), (24.0, 28.0)):
        radii = (74.0 * size - margin, 94.0 * size - margin, 98.0 - margin)
        canvas.ellipsoid(centre, radii, hu)
    for side in (-1.0, 1.0):
        canvas.ellipsoid((side * 12.0, -12.0, 78.0), (7.0, 26.0, 16.0), 6.0)
        canvas.ellipsoid((side * 19.0, 22.0, 88.0), (7.0, 18.0, 14.0), 6.0)
        canvas.ellipsoid((side * 22.0, -4.0, 92.0), (9.0, 16.0, 12.0), 38.0)
        canvas.ellipsoid((side * 46.0, 44.0, 152.0), (16.0, 20.0, 14.0), 600.0)
    canvas.capsule((0.0, -80.0 * size, 60.0), (0.0, 80.0 * size, 60.0), 1.2, 55.0)
    canvas.ellipsoid((0.0, -4.0, 98.0), (3.0, 14.0, 10.0), 6.0)
    return Volume(_rounded(canvas.hu), canvas.pixel_mm, canvas.spacing_mm, 0.0)


def abdomen(matrix: int, slices: int, seed: int) -> Volume:
    """An abdomen: liver, spleen, kidneys, great vessels, spine, bowel gas."""
    rng = np.random.default_rng((seed, 13))
    canvas = Canvas(matrix, slices, ABDOMEN_FOV_MM, ABDOMEN_LENGTH_MM / slices)
    x, y = canvas.x[None, :], canvas.y[:, None] + np.float32(8.0)
    body = ((np.abs(x) / 168.0) ** 2.4 + (np.abs(y) / 118.0) ** 2.4) ** np.float32(1 / 2.4)
    trunk = np.full_like(body, -1000.0)
    for border, before, hu in ((1.0, -1000.0, FAT_HU), (0.84, FAT_HU, MUSCLE_HU), (0.74, MUSCLE_HU, FAT_HU + 5)):
        trunk += canvas.coverage((np.float32(border) - body) * np.float32(118.0)) * np.float32(hu - before)
    canvas.hu[:] = trunk
    canvas.ellipsoid((-56.0, -20.0, 70.0), (66.0, 66.0, 80.0), LIVER_HU)
    canvas.ellipsoid((92.0, 30.0, 60.0), (26.0, 38.0, 45.0), 52.0)
    canvas.ellipsoid((50.0, -42.0, 60.0), (44.0, 30.0, 40.0), 30.0)
    canvas.ellipsoid((52.0, -52.0, 60.0), (30.0, 14.0, 26.0), -960.0)
    for side in (-1.0, 1.0):
        canvas.ellipsoid((side * 58.0, 42.0, 130.0), (26.0, 24.0, 54.0), 34.0)
        canvas.ellipsoid((side * 50.0, 40.0, 130.0), (10.0, 10.0, 28.0), -60.0)
        canvas.capsule((side * 34.0, 52.0, 90.0), (side * 46.0, 48.0, 260.0), 19.0, 58.0)
    for _ in range(26):
        spot = (float(rng.uniform(-95, 95)), float(rng.uniform(-72, 5)), float(rng.uniform(120, 245)))
        canvas.ellipsoid(spot, (15.0, 13.0, 16.0), 25.0)
        if rng.random() < 0.4:
            canvas.ellipsoid(spot, (9.0, 7.0, 9.0), -900.0)
    canvas.chain([(8.0, 22.0, -5.0), (4.0, 24.0, 260.0)], 10.0, BLOOD_HU)
    canvas.chain([(-20.0, 20.0, -5.0), (-18.0, 24.0, 260.0)], 10.0, BLOOD_HU)
    _paint_spine(canvas, 58.0)
    _paint_table(canvas, 124.0)
    return Volume(_rounded(canvas.hu), canvas.pixel_mm, canvas.spacing_mm, 0.0)


# ---------------------------------------------------------------------------------------------- reconstructions


def soft_kernel(volume: Volume, index: int) -> Floats:
    """One slice as a smooth kernel shows it (HU, low correlated noise)."""
    noisy: Floats = volume.hu[index].astype(np.float32)
    noisy += _noise(volume, index, sharp=False) * np.float32(SOFT_NOISE_HU)
    return noisy


def sharp_kernel(volume: Volume, index: int) -> Floats:
    """The same slice as an edge-enhancing kernel shows it (HU, strong fine noise)."""
    sharp: Floats = volume.hu[index].astype(np.float32)
    blurred = sharp[:-2, 1:-1] + sharp[2:, 1:-1]
    blurred += sharp[1:-1, :-2]
    blurred += sharp[1:-1, 2:]
    edges = sharp[1:-1, 1:-1] - blurred * np.float32(0.25)
    sharp[1:-1, 1:-1] += edges * np.float32(0.9)
    sharp += _noise(volume, index, sharp=True) * np.float32(SHARP_NOISE_HU)
    return sharp


def thick_slice(volume: Volume, index: int, count: int) -> Floats:
    """Slice ``index`` of ``count`` thick ones: the mean of its share of the thin slices (HU)."""
    total = len(volume.hu)
    begin = index * total // count
    end = max((index + 1) * total // count, begin + 1)
    mean = volume.hu[begin:end].mean(axis=0, dtype=np.float32)
    return np.asarray(mean + _noise(volume, index, sharp=False) * np.float32(SOFT_NOISE_HU * 0.6), dtype=np.float32)


def coronal(volume: Volume, index: int, count: int) -> Floats:
    """Coronal reformation ``index`` of ``count``, square pixels as in the axial slices (HU)."""
    rows = len(volume.hu[0])
    row = int(rows * (0.18 + 0.62 * (index + 0.5) / count))
    plane = volume.hu[:, row, :].astype(np.float32)
    height = max(1, round(len(plane) * volume.spacing_mm / volume.pixel_mm))
    return _resize(plane, height, plane.shape[1])


def scout(volume: Volume, *, lateral: bool = False) -> Floats:
    """A localizer: the projection of the volume, scaled to CT-like values (HU)."""
    path_cm = projection(volume, lateral=lateral)
    height = max(1, round(len(path_cm) * volume.spacing_mm / volume.pixel_mm))
    return _resize(path_cm, height, path_cm.shape[1]) * np.float32(45.0) - np.float32(900.0)


def projection(volume: Volume, *, lateral: bool = False) -> Floats:
    """Water-equivalent path in cm for parallel rays, front to back or side to side; (slices, columns)."""
    density = np.maximum(volume.hu, -1000).sum(axis=2 if lateral else 1, dtype=np.float32)
    rays = volume.hu.shape[1]
    path_cm: Floats = (density / np.float32(1000.0) + np.float32(rays)) * np.float32(volume.pixel_mm / 10.0)
    return path_cm


@lru_cache(maxsize=2)
def _noise_tile(sharp: bool) -> Floats:
    """Noise of unit variance, 1024 x 1024; its spectrum is that of a smooth or of a sharp kernel."""
    white = np.random.default_rng(7).standard_normal((1024, 1024)).astype(np.float32)
    frequency = np.hypot(np.fft.fftfreq(1024)[:, None], np.fft.rfftfreq(1024)[None, :])
    weight = np.sqrt(frequency) * (np.exp(-((frequency / 0.45) ** 4)) if sharp else np.exp(-((frequency / 0.13) ** 2)))
    shaped = np.fft.irfft2(np.fft.rfft2(white) * weight, s=(1024, 1024)).astype(np.float32)
    return np.asarray(shaped / shaped.std(), dtype=np.float32)


def _noise(volume: Volume, index: int, *, sharp: bool) -> Floats:
    """A piece of the noise tile, another one for each slice."""
    rows, columns = volume.hu.shape[1:]
    tile = _noise_tile(sharp)
    return tile[(index * 97) % (1024 - rows + 1) :, (index * 61) % (1024 - columns + 1) :][:rows, :columns]


def _resize(image: Floats, rows: int, columns: int) -> Floats:
    """Bilinear resampling."""
    y = np.clip((np.arange(rows) + 0.5) * image.shape[0] / rows - 0.5, 0, image.shape[0] - 1)
    x = np.clip((np.arange(columns) + 0.5) * image.shape[1] / columns - 0.5, 0, image.shape[1] - 1)
    y0, x0 = y.astype(np.intp), x.astype(np.intp)
    y1, x1 = np.minimum(y0 + 1, image.shape[0] - 1), np.minimum(x0 + 1, image.shape[1] - 1)
    fy, fx = (y - y0).astype(np.float32)[:, None], (x - x0).astype(np.float32)[None, :]
    lines = image[y0] + (image[y1] - image[y0]) * fy
    return np.asarray(lines[:, x0] + (lines[:, x1] - lines[:, x0]) * fx, dtype=np.float32)


def _rounded(hu: Floats) -> Hounsfield:
    """To int16, slice by slice to keep memory low."""
    whole = np.empty(hu.shape, dtype=np.int16)
    for source, target in zip(hu, whole, strict=True):
        target[...] = np.rint(np.clip(source, -1024, 3071, out=source))
    return whole


# ---------------------------------------------------------------------------------------------- radiographs


def chest_radiograph(matrix: int, seed: int, *, lateral: bool = False) -> Grey:
    """A chest radiograph, frontal or lateral, (matrix, matrix), MONOCHROME2: dense is bright, 0 to 4095."""
    volume = chest(min(matrix, 320), min(matrix, 240), seed, table=False, length_mm=340.0)
    path_cm = _resize(projection(volume, lateral=lateral), matrix, matrix)
    return _exposed(path_cm, seed)


def hand_radiograph(matrix: int, seed: int) -> Grey:
    """A radiograph of a hand, (matrix, matrix), MONOCHROME2, 0 to 4095."""
    canvas = Canvas(min(matrix, 512), 1, 240.0, 4.0, start_mm=-2.0)
    canvas.capsule((0.0, 70.0, 0.0), (0.0, 130.0, 0.0), 27.0, -300.0)
    canvas.ellipsoid((-4.0, 22.0, 0.0), (42.0, 50.0, 40.0), -250.0)
    rays = ((-62.0, -4.0, 4.0), (-30.0, -92.0, 3.7), (-8.0, -104.0, 3.8), (14.0, -96.0, 3.6), (36.0, -76.0, 3.2))
    for index, (tip_x, tip_y, radius) in enumerate(rays):
        root: Point = (-30.0 + 13.0 * index, 45.0, 0.0)
        tip: Point = (tip_x, tip_y, 0.0)
        canvas.capsule(_between(root, tip, 0.1), tip, 9.5, -350.0)
        _paint_finger(canvas, root, tip, radius)
    for index in range(8):
        canvas.ellipsoid((-24.0 + 15.0 * (index % 4), 54.0 + 13.0 * (index // 4), 0.0), (7.5, 7.0, 9.0), 480.0)
    for x, width in ((-14.0, 10.0), (13.0, 7.5)):
        canvas.capsule((x, 84.0, 0.0), (x, 140.0, 0.0), width, 900.0)
        canvas.capsule((x, 86.0, 0.0), (x, 140.0, 0.0), width - 3.0, 450.0)
    path_cm = (canvas.hu[0] + np.float32(1000.0)) * np.float32(0.002)
    return _exposed(_resize(path_cm, matrix, matrix), seed)


def _paint_finger(canvas: Canvas, root: Point, tip: Point, radius: float) -> None:
    """Metacarpal and phalanges along one ray, with joint gaps."""
    for begin, end in ((0.04, 0.40), (0.45, 0.66), (0.70, 0.83), (0.87, 0.95)):
        canvas.capsule(_between(root, tip, begin), _between(root, tip, end), radius, 1000.0)
        canvas.capsule(_between(root, tip, begin + 0.02), _between(root, tip, end - 0.02), radius * 0.5, 600.0)


def _between(start: Point, end: Point, share: float) -> Point:
    return (
        start[0] + (end[0] - start[0]) * share,
        start[1] + (end[1] - start[1]) * share,
        start[2] + (end[2] - start[2]) * share,
    )


def breast_radiograph(matrix: int, seed: int) -> Grey:
    """A mammogram-like picture, (matrix, matrix), MONOCHROME2, 0 to 4095."""
    canvas = Canvas(min(matrix, 512), 1, 240.0, 4.0, start_mm=-2.0)
    rng = np.random.default_rng((seed, 14))
    canvas.ellipsoid((-120.0, 0.0, 0.0), (130.0, 100.0, 60.0), -300.0)
    for _ in range(40):
        spot = (float(rng.uniform(-110, -30)), float(rng.uniform(-60, 60)), 0.0)
        canvas.ellipsoid(spot, (float(rng.uniform(6, 18)), float(rng.uniform(4, 12)), 9.0), float(rng.uniform(-200, 60)))
    path_cm = (canvas.hu[0] + np.float32(1000.0)) * np.float32(0.004)
    return _exposed(_resize(path_cm, matrix, matrix), seed)


def _exposed(path_cm: Floats, seed: int) -> Grey:
    """From water-equivalent path (cm) to 12-bit values, with quantum noise."""
    high = float(np.percentile(path_cm, 99.5)) or 1.0
    tone = np.clip(path_cm / np.float32(high), 0.0, 1.0) ** np.float32(0.8)
    rows, columns = path_cm.shape
    noise = np.tile(_noise_tile(True), (rows // 1024 + 1, columns // 1024 + 1))[:rows, :columns]
    grey = tone * np.float32(3800.0) + np.roll(noise, seed % 997, axis=1) * np.float32(16.0) + np.float32(60.0)
    exposed: Grey = np.rint(np.clip(grey, 0, 4095)).astype(np.uint16)
    return exposed
