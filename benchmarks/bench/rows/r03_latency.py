"""Row 3: from the last image received to the notification and to the backend."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.bench.row import Line, Row, Scale, Target
from benchmarks.bench.whole_way import measured


def run(scale: Scale) -> Sequence[Line]:
    """Milliseconds from the moment in which the PACS sends the last image of the series."""
    ours = measured(scale).ours
    told = tuple(1000 * one.to_notification for one in ours)
    accepted = tuple(1000 * one.to_accepted for one in ours)
    ages = (5_000.0,)
    lines = []
    for what, values, median, p95 in (
        ("last image sent to notification", told, 60.0, 150.0),
        ("last image sent to accepted by the backend", accepted, 150.0, 300.0),
    ):
        lines.append(Line(what, "ms", values, "StableAge 5", ages, target=Target(median), reason=_REASON))
        lines.append(Line(f"{what}, p95", "ms", values, target=Target(p95, p95=True), reason=_REASON))
    return lines


_REASON = (
    "the image's own C-STORE and Orthanc's parsing are in it, then its header is judged, 400 files are checked "
    "and linked, and one journal write is synced, beside a simulated PACS that still sends the other series on "
    "the same two cores"
)

ROW = Row(
    3,
    "latency",
    "the series' last image leaves the PACS (its C-STORE is in the time) to the notification in pacs_module "
    "and "
    "the backend's 2xx",
    run,
    needs=("Orthanc", "movescu", "storescp", "rabbitmqctl"),
)
