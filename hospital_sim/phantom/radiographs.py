"""Radiographs of chest, hand and breast."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hospital_sim.phantom.canvas import Canvas, Floats, Point
from hospital_sim.phantom.chest import chest
from hospital_sim.phantom.noise import noise_tile
from hospital_sim.phantom.reconstruction import projection
from hospital_sim.phantom.volume import resampled

Grey = npt.NDArray[np.uint16]


def chest_radiograph(matrix: int, seed: int, *, lateral: bool = False) -> Grey:
    """A chest radiograph, frontal or lateral, (matrix, matrix), MONOCHROME2: dense is bright, 0 to 4095."""
    volume = chest(min(matrix, 320), min(matrix, 240), seed, table=False, length_mm=340.0)
    path_cm = resampled(projection(volume, lateral=lateral), matrix, matrix)
    return _exposed(path_cm, seed)


def hand_radiograph(matrix: int, seed: int) -> Grey:
    """A radiograph of a hand, (matrix, matrix), MONOCHROME2, 0 to 4095."""
    canvas = Canvas(min(matrix, 512), 1, 240.0, 4.0, start_mm=-2.0)
    canvas.capsule((0.0, 70.0, 0.0), (0.0, 130.0, 0.0), 27.0, -300.0)
    canvas.ellipsoid((-4.0, 22.0, 0.0), (42.0, 50.0, 40.0), -250.0)
    for index, (tip_x, tip_y, radius) in enumerate(_FINGERS):
        root: Point = (-30.0 + 13.0 * index, 45.0, 0.0)
        tip: Point = (tip_x, tip_y, 0.0)
        canvas.capsule(_between(root, tip, 0.1), tip, 9.5, -350.0)
        _paint_finger(canvas, root, tip, radius)
    _paint_wrist(canvas)
    path_cm = (canvas.hu[0] + np.float32(1000.0)) * np.float32(0.002)
    return _exposed(resampled(path_cm, matrix, matrix), seed)


_FINGERS = (
    (-62.0, -4.0, 4.0),
    (-30.0, -92.0, 3.7),
    (-8.0, -104.0, 3.8),
    (14.0, -96.0, 3.6),
    (36.0, -76.0, 3.2),
)
"""From the thumb on: x and y of the tip, radius of the bones, mm."""


def _paint_wrist(canvas: Canvas) -> None:
    """Eight carpal bones, radius and ulna."""
    for index in range(8):
        centre: Point = (-24.0 + 15.0 * (index % 4), 54.0 + 13.0 * (index // 4), 0.0)
        canvas.ellipsoid(centre, (7.5, 7.0, 9.0), 480.0)
    for x, width in ((-14.0, 10.0), (13.0, 7.5)):
        canvas.capsule((x, 84.0, 0.0), (x, 140.0, 0.0), width, 900.0)
        canvas.capsule((x, 86.0, 0.0), (x, 140.0, 0.0), width - 3.0, 450.0)


def _paint_finger(canvas: Canvas, root: Point, tip: Point, radius: float) -> None:
    """Metacarpal and phalanges along one ray, with joint gaps."""
    for begin, end in ((0.04, 0.40), (0.45, 0.66), (0.70, 0.83), (0.87, 0.95)):
        canvas.capsule(_between(root, tip, begin), _between(root, tip, end), radius, 1000.0)
        canvas.capsule(
            _between(root, tip, begin + 0.02), _between(root, tip, end - 0.02), radius * 0.5, 600.0
        )


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
        canvas.ellipsoid(
            spot, (float(rng.uniform(6, 18)), float(rng.uniform(4, 12)), 9.0), float(rng.uniform(-200, 60))
        )
    path_cm = (canvas.hu[0] + np.float32(1000.0)) * np.float32(0.004)
    return _exposed(resampled(path_cm, matrix, matrix), seed)


def _exposed(path_cm: Floats, seed: int) -> Grey:
    """From water-equivalent path (cm) to 12-bit values, with quantum noise."""
    high = float(np.percentile(path_cm, 99.5)) or 1.0
    tone = np.clip(path_cm / np.float32(high), 0.0, 1.0) ** np.float32(0.8)
    rows, columns = path_cm.shape
    noise = np.tile(noise_tile(True), (rows // 1024 + 1, columns // 1024 + 1))[:rows, :columns]
    grey = (
        tone * np.float32(3800.0) + np.roll(noise, seed % 997, axis=1) * np.float32(16.0) + np.float32(60.0)
    )
    exposed: Grey = np.rint(np.clip(grey, 0, 4095)).astype(np.uint16)
    return exposed
