"""Row 2: a study that nobody knows, from the question to the wanted series in the backend's hand."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from benchmarks.bench.row import Line, Row, Scale, Target
from benchmarks.bench.whole_way import BY_SERIES, STABLE_AGES_S, Measured, measured


def run(scale: Scale) -> Sequence[Line]:
    """Against the whole study by movescu, and Orthanc with StableAge."""
    found = measured(scale)
    ours = tuple(one.asked_to_accepted for one in found.ours if one.level == BY_SERIES)
    what = "study known to nobody: asked by hand to accepted by the backend"
    lines = [
        Line(
            what,
            "s",
            ours,
            "whole study by movescu, headers read",
            found.movescu,
            target=Target(1.0, ratio=True),
            reason="asked by hand a study is moved series by series, question and hand-over are in ours",
        )
    ]
    for age, bound in zip(STABLE_AGES_S, (5.0, 60.0), strict=True):
        waited = tuple(one + age for one in found.bare_study)
        against = f"Orthanc, whole study and StableAge {age:g} s"
        reason = _floor(found, statistics.median(waited))
        lines.append(
            Line(what, "s", ours, against, waited, target=Target(1 / bound, ratio=True), reason=reason)
        )
    return lines


def _floor(found: Measured, reference: float) -> str:
    """What no pipeline can be faster than, in the same run."""
    alone = statistics.median(found.bare_series)
    return (
        f"the bare C-MOVE of the wanted series alone took {alone:.2f} s in the same run, "
        f"{alone / reference:.3f} x: only the age can be saved"
    )


ROW = Row(
    2,
    "wanted series",
    "a chest CT whose series to compute has 400 images, from the simulated PACS, each way in turn; "
    "StableAge is the measured C-MOVE of the whole study and then the age",
    run,
    needs=("Orthanc", "movescu", "storescp", "rabbitmqctl"),
    limit_s=300,
)
