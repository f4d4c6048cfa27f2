"""The abdomen."""

from __future__ import annotations

import numpy as np

from hospital_sim.phantom.canvas import Canvas
from hospital_sim.phantom.trunk import paint_spine, paint_table
from hospital_sim.phantom.volume import BLOOD_HU, FAT_HU, LIVER_HU, MUSCLE_HU, Volume, volume_of

ABDOMEN_FOV_MM = 400.0
ABDOMEN_LENGTH_MM = 250.0


def abdomen(matrix: int, slices: int, seed: int) -> Volume:
    """An abdomen: liver, spleen, kidneys, great vessels, spine, bowel gas."""
    rng = np.random.default_rng((seed, 13))
    canvas = Canvas(matrix, slices, ABDOMEN_FOV_MM, ABDOMEN_LENGTH_MM / slices)
    _paint_trunk(canvas)
    _paint_liver_spleen_stomach(canvas)
    for side in (-1.0, 1.0):
        _paint_kidney(canvas, side)
    _paint_bowel(canvas, rng)
    _paint_great_vessels(canvas)
    paint_spine(canvas, 58.0)
    paint_table(canvas, 124.0)
    return volume_of(canvas)


def _paint_trunk(canvas: Canvas) -> None:
    """Skin, fat, muscle and the fat of the abdominal cavity, the same in every slice."""
    x, y = canvas.x[None, :], canvas.y[:, None] + np.float32(8.0)
    body = ((np.abs(x) / 168.0) ** 2.4 + (np.abs(y) / 118.0) ** 2.4) ** np.float32(1 / 2.4)
    trunk = np.full_like(body, -1000.0)
    for border, before, hu in (
        (1.0, -1000.0, FAT_HU),
        (0.84, FAT_HU, MUSCLE_HU),
        (0.74, MUSCLE_HU, FAT_HU + 5),
    ):
        trunk += canvas.coverage((np.float32(border) - body) * np.float32(118.0)) * np.float32(hu - before)
    canvas.hu[:] = trunk


def _paint_liver_spleen_stomach(canvas: Canvas) -> None:
    """The stomach holds gas."""
    canvas.ellipsoid((-56.0, -20.0, 70.0), (66.0, 66.0, 80.0), LIVER_HU)
    canvas.ellipsoid((92.0, 30.0, 60.0), (26.0, 38.0, 45.0), 52.0)
    canvas.ellipsoid((50.0, -42.0, 60.0), (44.0, 30.0, 40.0), 30.0)
    canvas.ellipsoid((52.0, -52.0, 60.0), (30.0, 14.0, 26.0), -960.0)


def _paint_kidney(canvas: Canvas, side: float) -> None:
    """Kidney, its fat, and the psoas muscle behind it; ``side``: -1 right, 1 left."""
    canvas.ellipsoid((side * 58.0, 42.0, 130.0), (26.0, 24.0, 54.0), 34.0)
    canvas.ellipsoid((side * 50.0, 40.0, 130.0), (10.0, 10.0, 28.0), -60.0)
    canvas.capsule((side * 34.0, 52.0, 90.0), (side * 46.0, 48.0, 260.0), 19.0, 58.0)


def _paint_bowel(canvas: Canvas, rng: np.random.Generator) -> None:
    """Loops at random places, some with gas."""
    for _ in range(26):
        spot = (float(rng.uniform(-95, 95)), float(rng.uniform(-72, 5)), float(rng.uniform(120, 245)))
        canvas.ellipsoid(spot, (15.0, 13.0, 16.0), 25.0)
        if rng.random() < 0.4:
            canvas.ellipsoid(spot, (9.0, 7.0, 9.0), -900.0)


def _paint_great_vessels(canvas: Canvas) -> None:
    """Aorta and vena cava."""
    canvas.chain([(8.0, 22.0, -5.0), (4.0, 24.0, 260.0)], 10.0, BLOOD_HU)
    canvas.chain([(-20.0, 20.0, -5.0), (-18.0, 24.0, 260.0)], 10.0, BLOOD_HU)
