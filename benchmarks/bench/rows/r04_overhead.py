"""Row 4: what the whole pipeline adds to the bare C-MOVE of the same images."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.bench.row import Line, Row, Scale, Target
from benchmarks.bench.whole_way import BY_SERIES, measured


def run(scale: Scale) -> Sequence[Line]:
    """The same series, through the pipeline and by an Orthanc without plugins."""
    found = measured(scale)
    ours = [one for one in found.ours if one.level == BY_SERIES]
    what = f"{ours[0].images} images of one series"
    return [
        Line(
            f"{what}: asked to accepted by the backend", "s", tuple(one.asked_to_accepted for one in ours),
            "bare C-MOVE of them, tuned Orthanc", found.bare_series, target=Target(1.08, ratio=True),
            reason="question, SERIES level find and hand-over are in ours; of a longer series they are a smaller part",
        ),
        Line(
            f"{what}: asked to last image sent", "s", tuple(one.asked_to_last for one in ours),
            "bare C-MOVE of them, tuned Orthanc", found.bare_series,
        ),
    ]  # fmt: skip


ROW = Row(
    4,
    "overhead",
    "the whole pipeline, from the question by hand to the backend's 2xx, against the C-MOVE alone of the same series",
    run,
    needs=("Orthanc", "movescu", "storescp", "rabbitmqctl"),
)
