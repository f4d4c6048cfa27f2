"""Measure the project's own rules on the extract: recall, losses, false takes and choices."""

from __future__ import annotations

import csv
import io
import lzma
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pacs_module.domain.dicom.attributes import SeriesFacts
from pacs_module.domain.rules.attribute_rules import judge_body_part
from pacs_module.domain.rules.choice import choose
from pacs_module.domain.rules.filters import judge_series
from pacs_module.domain.rules.kernel_and_contrast import candidate_here
from pacs_module.domain.rules.switches import Switches
from pacs_module.domain.rules.verdict import Verdict

from .truth import Header, Region, series_region, speaks, study_region

FOLDER = Path(__file__).parent
_NLST_FIELDS = 8


@dataclass(frozen=True)
class Study:
    """So many studies that have these series: number of the header and number of images."""

    weight: int
    series: tuple[tuple[int, int], ...]


def _rows(name: str) -> Iterator[list[str]]:
    text = lzma.decompress((FOLDER / name).read_bytes()).decode("utf-8")
    return csv.reader(io.StringIO(text))


def read_headers() -> list[Header]:
    """All distinct headers; a study refers to them by place."""
    return [Header(*row) for row in _rows("headers.csv.xz")]


def read_studies() -> list[Study]:
    """All kinds of studies."""
    studies = []
    for row in _rows("studies.csv.xz"):
        weight, *numbers = map(int, row)
        studies.append(Study(weight, tuple(zip(numbers[::2], numbers[1::2], strict=True))))
    return studies


def facts_of(header: Header, uid: str, images: int | None) -> SeriesFacts:
    """
    The series as the rules are given it: what the index does not have is not told.

    The screening trial NLST writes ``year,kind,manufacturer,model,kernel,FOV,thickness,...`` into
    SeriesDescription; kind is O or D (original, derived), P or S, A or L (axial, localizer). These are given
    as ImageType, ConvolutionKernel and SliceThickness.
    """
    attributes = {
        "Modality": header.modality,
        "BodyPartExamined": header.body_part,
        "StudyDescription": header.study,
        "SeriesDescription": header.series,
        "ProtocolName": "",
    }
    parts = header.series.split(",")
    if header.collection == "nlst" and len(parts) >= _NLST_FIELDS:
        attributes |= {
            "ImageType": _nlst_type(parts[1]),
            "ConvolutionKernel": parts[4],
            "SliceThickness": parts[6],
        }
    return SeriesFacts(uid, attributes, images)


def _nlst_type(kind: str) -> str:
    words = (
        {"O": "ORIGINAL", "D": "DERIVED"},
        {"P": "PRIMARY", "S": "SECONDARY"},
        {"A": "AXIAL", "L": "LOCALIZER"},
    )
    return "\\".join(names.get(letter, "OTHER") for names, letter in zip(words, kind, strict=False))


@dataclass
class Result:
    """Counts, each a number of series or of studies as its name says."""

    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, Counter[tuple[str, str, str, str]]] = field(default_factory=dict)

    def add(self, name: str, weight: int, header: Header | None = None) -> None:
        """Count, and keep the header as an example."""
        self.counts[name] += weight
        if header is not None:
            row = (header.body_part, header.study, header.series, header.collection)
            self.examples.setdefault(name, Counter())[row] += weight

    def share(self, name: str, of: str) -> float:
        """One count as percent of another one."""
        return 100.0 * self.counts[name] / self.counts[of] if self.counts[of] else 0.0


def measure(switches: Switches, headers: list[Header], studies: list[Study], choices: bool = True) -> Result:
    """Judge the body part of every series and, with ``choices``, choose a series of every CT study."""
    result = Result()
    found = {number for study in studies for number, _ in study.series}
    bodies = {number: judge_body_part(facts_of(headers[number], "1", None), switches) for number in found}
    regions = {number: series_region(headers[number]) for number in found}
    for study in studies:
        if headers[study.series[0][0]].modality in switches.ct_modalities:
            _measure_body_part(study, headers, bodies, regions, result)
            if choices:
                _measure_choice(study, headers, switches, result)
        else:
            _measure_radiography(study, headers, bodies, result)
    return result


def _taken(verdict: Verdict | None) -> bool:
    return verdict is None or verdict.taken


def _measure_body_part(
    study: Study,
    headers: list[Header],
    bodies: dict[int, Verdict | None],
    regions: dict[int, Region],
    result: Result,
) -> None:
    numbers = [number for number, _ in study.series]
    for number in numbers:
        _measure_series(headers[number], regions[number], _taken(bodies[number]), study.weight, result)
    first = headers[numbers[0]]
    taken_any = any(_taken(bodies[number]) for number in numbers)
    if study_region(first) is Region.CHEST and any(speaks(headers[number]) for number in numbers):
        result.add("chest studies that speak", study.weight)
        if taken_any:
            result.add("chest studies taken", study.weight)
        else:
            result.add("chest studies lost", study.weight, first)
    chest = [headers[number] for number in numbers if regions[number] is Region.CHEST]
    if chest and not taken_any and all(header.body_part for header in chest):
        result.add("studies lost, BodyPartExamined", study.weight, first)
    if all(regions[number] is Region.OTHER for number in numbers):
        result.add("other studies", study.weight)
        result.add("other studies taken", study.weight if taken_any else 0, first if taken_any else None)


def _measure_series(header: Header, region: Region, taken: bool, weight: int, result: Result) -> None:
    kind = f"series {region}"
    result.add(kind, weight)
    result.add("series taken", weight if taken else 0)
    if taken:
        result.add(f"{kind} taken", weight, header if region is Region.OTHER else None)
    elif region is Region.CHEST:
        by = "BodyPartExamined" if header.body_part else "no keyword" if speaks(header) else "silent"
        result.add(f"{kind} lost, {by}", weight, header)


def _measure_radiography(
    study: Study, headers: list[Header], bodies: dict[int, Verdict | None], result: Result
) -> None:
    numbers = [number for number, _ in study.series]
    taken = any(_taken(bodies[number]) for number in numbers)
    if any(speaks(headers[number]) for number in numbers):
        result.add("radiography of the chest", study.weight)
        result.add("radiography of the chest taken", study.weight if taken else 0)


def _measure_choice(study: Study, headers: list[Header], switches: Switches, result: Result) -> None:
    here = {str(place): pair for place, pair in enumerate(study.series)}
    facts = {uid: facts_of(headers[number], uid, images) for uid, (number, images) in here.items()}
    passed = [one for one in facts.values() if judge_series(one, switches).taken]
    if len(passed) < 2:
        return
    choice = choose(
        [candidate_here(one, one.instances or 0, switches, True) for one in passed], False, switches
    )
    result.add("choices", study.weight)
    screening = headers[study.series[0][0]].collection == "nlst"
    result.add("choices in screening", study.weight if screening else 0)
    if not choice.why.endswith("by UID"):
        return
    result.add("by UID", study.weight)
    result.add("by UID in screening", study.weight if screening else 0)
    chosen, second = choice.series[0].series_uid, choice.why.split("equal to ")[1].split(",")[0]
    if differ(facts[chosen], facts[second]):
        result.add("by UID though an attribute differs", study.weight, headers[here[second][0]])


def differ(one: SeriesFacts, other: SeriesFacts) -> bool:
    """Whether any told attribute tells the two apart."""
    return one.attributes != other.attributes or one.instances != other.instances


Line = tuple[str, Callable[[Result], str]]


def _count_of(name: str, of: str) -> Callable[[Result], str]:
    return lambda result: f"{result.counts[name]:,} of {result.counts[of]:,} ({result.share(name, of):.2f} %)"


LINES: tuple[Line, ...] = (
    ("CT chest studies taken", _count_of("chest studies taken", "chest studies that speak")),
    (
        "CT studies lost by a wrong BodyPartExamined",
        lambda result: f"{result.counts['studies lost, BodyPartExamined']:,}",
    ),
    (
        "CT chest series lost by a wrong BodyPartExamined",
        _count_of("series chest lost, BodyPartExamined", "series chest"),
    ),
    (
        "CT chest series lost for want of a keyword",
        _count_of("series chest lost, no keyword", "series chest"),
    ),
    ("CT series of other regions taken", _count_of("series other taken", "series other")),
    ("the same, of all series taken", _count_of("series other taken", "series taken")),
    ("CT studies of other regions taken", _count_of("other studies taken", "other studies")),
    (
        "DX and CR chest studies taken",
        _count_of("radiography of the chest taken", "radiography of the chest"),
    ),
    ("choices decided by UID", _count_of("by UID", "choices")),
    ("the same, screening (NLST)", _count_of("by UID in screening", "choices in screening")),
    ("by UID though a told attribute differs", _count_of("by UID though an attribute differs", "choices")),
)
"""The table: words and how the value is written."""
