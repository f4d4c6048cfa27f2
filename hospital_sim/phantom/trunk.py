"""What chest and abdomen have in common: the spine, and the couch under them."""

from __future__ import annotations

from hospital_sim.phantom.canvas import Canvas


def paint_spine(canvas: Canvas, y: float) -> None:
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


def paint_table(canvas: Canvas, y: float) -> None:
    """A flat couch: shell and foam."""
    top, bottom = float(canvas.z[0]) - 1.0, float(canvas.z[-1]) + 1.0
    canvas.plate((-170.0, y, top), (170.0, y + 26.0, bottom), -60.0)
    canvas.plate((-167.0, y + 3.0, top), (167.0, y + 23.0, bottom), -930.0)
