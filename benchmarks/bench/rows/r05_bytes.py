"""Row 5: images that came over the network for each one that was used."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.bench.row import Line, Row, Scale, Target
from benchmarks.bench.whole_way import BY_SERIES, BY_STUDY, measured


def run(scale: Scale) -> Sequence[Line]:
    """By level of the find; images of one size, so that images are bytes."""
    lines = []
    for level, target in ((BY_SERIES, Target(1.05)), (BY_STUDY, None)):
        ratios = tuple(one.pulled / one.used for one in measured(scale).ours if one.level == level)
        name = "SERIES" if level == BY_SERIES else "STUDY"
        lines.append(Line(f"pulled / used, find at {name} level", "", ratios, target=target, reason=_REASON))
    return lines


_REASON = "what the PACS does not tell at SERIES level may still be the best, and is moved with it"

ROW = Row(
    5,
    "bytes",
    "images that the PACS sent / images handed over, asked for by hand; followed studies are in row 11",
    run,
    needs=("Orthanc", "movescu", "storescp", "rabbitmqctl"),
)
