"""The head."""

from __future__ import annotations

import numpy as np

from hospital_sim.phantom.canvas import Canvas
from hospital_sim.phantom.volume import Volume, volume_of

HEAD_FOV_MM = 240.0
HEAD_LENGTH_MM = 160.0


def head(matrix: int, slices: int, seed: int) -> Volume:
    """A head from the crown to the skull base: skull, grey and white matter, ventricles."""
    rng = np.random.default_rng((seed, 12))
    size = float(rng.uniform(0.95, 1.05))
    canvas = Canvas(matrix, slices, HEAD_FOV_MM, HEAD_LENGTH_MM / slices)
    centre = (0.0, 0.0, 100.0)
    for margin, hu in (
        (0.0, 40.0),
        (4.0, 900.0),
        (6.5, 350.0),
        (9.0, 950.0),
        (12.0, 8.0),
        (15.0, 37.0),
        (24.0, 28.0),
    ):
        radii = (74.0 * size - margin, 94.0 * size - margin, 98.0 - margin)
        canvas.ellipsoid(centre, radii, hu)
    for side in (-1.0, 1.0):
        canvas.ellipsoid((side * 12.0, -12.0, 78.0), (7.0, 26.0, 16.0), 6.0)
        canvas.ellipsoid((side * 19.0, 22.0, 88.0), (7.0, 18.0, 14.0), 6.0)
        canvas.ellipsoid((side * 22.0, -4.0, 92.0), (9.0, 16.0, 12.0), 38.0)
        canvas.ellipsoid((side * 46.0, 44.0, 152.0), (16.0, 20.0, 14.0), 600.0)
    canvas.capsule((0.0, -80.0 * size, 60.0), (0.0, 80.0 * size, 60.0), 1.2, 55.0)
    canvas.ellipsoid((0.0, -4.0, 98.0), (3.0, 14.0, 10.0), 6.0)
    return volume_of(canvas)
