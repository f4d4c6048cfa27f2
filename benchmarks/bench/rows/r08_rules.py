"""Row 8: verdicts a second on one core, for headers that were never seen before."""

from __future__ import annotations

import gc
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.bench.row import Line, Row, Scale, Target
from benchmarks.rehearsal import drawn_series, measure
from pacs_module.domain.dicom.attributes import SeriesFacts
from pacs_module.domain.dicom.text_folding import contains_keyword, folded
from pacs_module.domain.rules.filters import judge_plainly, judge_series
from pacs_module.domain.rules.switches import Switches

Judge = Callable[[SeriesFacts, Switches], object]


def run(scale: Scale) -> Sequence[Line]:
    """Full headers, silent ones, and a rehearsal of a day."""
    full, silent = drawn_series(scale.of(40_000, 1_000))
    gc.collect()
    gc.freeze()  # the headers of the measurement are none of a service's garbage
    lines = []
    for what, facts, bound in (("full headers", full, 250_000), ("BodyPartExamined empty", silent, 150_000)):
        first, plain, again = [], [], []
        for _ in range(scale.of(3, 1)):
            switches = Switches()
            judge_series(facts[0], switches)  # its lists are compiled
            plain.append(_rate(facts, Switches(), judge_plainly))
            first.append(_rate(facts, switches, judge_series))
            again.append(_rate(facts, switches, judge_series))
        told = f"verdicts a second of CPU, {what}"
        reason = "what a new text costs: see Rules below"
        lines.append(
            Line(
                f"{told}, as they come", "verdicts/s", tuple(first), "rule by rule, nothing remembered",
                tuple(plain), target=Target(bound, least=True), reason=reason,
            )
        )  # fmt: skip
        lines.append(Line(f"{told}, seen before", "verdicts/s", tuple(again)))
    return [*lines, _rehearsal(scale)]


def _rate(facts: Sequence[SeriesFacts], switches: Switches, judge: Judge) -> float:
    folded.cache_clear()
    contains_keyword.cache_clear()
    fresh = [SeriesFacts(one.series_uid, one.attributes, one.instances) for one in facts]
    begin = time.process_time()
    for one in fresh:
        judge(one, switches)
    return len(fresh) / (time.process_time() - begin)


def _rehearsal(scale: Scale) -> Line:
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), 1, scale.of(900, 30), verdicts=False)
    seconds = [value for name, value in found.items() if name.endswith("CPU s")]
    return Line("rehearsal of a day of 900 studies, CPU", "s", tuple(float(one) for one in seconds))


ROW = Row(
    8,
    "rules",
    "all rules on the 40,000 series of public headers, on one core, against every rule in turn",
    run,
)
