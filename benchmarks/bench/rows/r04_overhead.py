"""Row 4: what the whole pipeline adds to the bare C-MOVE of the same images."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from benchmarks.bench.row import Line, Row, Scale, Target
from benchmarks.bench.whole_way import BY_SERIES, Way, measured


def run(scale: Scale) -> Sequence[Line]:
    """The same series, through the pipeline and by an Orthanc without plugins."""
    found = measured(scale)
    ours = [one for one in found.ours if one.level == BY_SERIES]
    what = f"{ours[0].images} images of one series"
    return [
        Line(
            f"{what}: asked to accepted by the backend", "s", tuple(one.asked_to_accepted for one in ours),
            "bare C-MOVE of them, tuned Orthanc", found.bare_series, target=Target(1.08, ratio=True),
            reason=_reason(ours),
        ),
        Line(
            f"{what}: asked to last image sent", "s", tuple(one.asked_to_last for one in ours),
            "bare C-MOVE of them, tuned Orthanc", found.bare_series,
        ),
    ]  # fmt: skip


def _reason(ours: Sequence[Way]) -> str:
    """What of ours is no overhead of the pipeline, by numbers."""
    more = statistics.median(one.pulled / one.images for one in ours) - 1
    after = statistics.median(one.to_accepted for one in ours)
    return (
        f"asked for by hand the other series that the filter takes are moved, too: {100 * more:.0f} % more images; "
        f"{after:.2f} s are after the last image; the rest is the transfer beside pacs_module on the same cores"
    )


ROW = Row(
    4,
    "overhead",
    "the whole pipeline, from the question by hand to the backend's 2xx, against the C-MOVE alone of the same series",
    run,
    needs=("Orthanc", "movescu", "storescp", "rabbitmqctl"),
)
