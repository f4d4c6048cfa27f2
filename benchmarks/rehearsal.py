"""
Recording and rehearsal, measured: bytes a study, time of a rehearsal over recorded days, verdicts a second.

``python -m benchmarks.rehearsal`` makes ``--days`` days of ``--studies`` studies out of the public headers of
``benchmarks/headers`` (with the kernels, thicknesses and image types of a catalogue, for the index has none),
records them in a SQLite file as the service does, and rehearses changes over all of them.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from benchmarks.headers.measure import Study, facts_of, read_headers, read_studies
from benchmarks.headers.truth import Header
from pacs_module.adapters.machine import SystemClock
from pacs_module.adapters.stores.judged_headers import SqliteRecords
from pacs_module.adapters.stores.memory import MemoryStore
from pacs_module.adapters.stores.sqlite import SqliteStore
from pacs_module.domain.dicom.attributes import SeriesFacts
from pacs_module.domain.rehearse.record import RECEPTION, JudgedStudy, encode, header
from pacs_module.domain.rules.filters import judge_plainly, judge_series
from pacs_module.domain.rules.switches import Switches
from pacs_module.ports import StoredRecord
from pacs_module.use_cases.rehearse.rehearse import Rehearse

LAST = date(2026, 11, 30)
CHANGES = ("KEYWORDS+=STND", "KEYWORDS-=LUNG", "SLICE_THICKNESS_MAX=3", "CHOICE_ORDER=kernel class,thickness")
_TYPES = (
    "ORIGINAL\\PRIMARY\\AXIAL",
    "ORIGINAL\\PRIMARY\\AXIAL\\CT_SOM5 SPI",
    "DERIVED\\SECONDARY\\MPR",
    "ORIGINAL\\PRIMARY\\LOCALIZER",
)
_KERNELS = ("B30f", "B70f", "STANDARD", "LUNG", "FC08", "Br40d", "YA")
_DEVICES = [("GE MEDICAL SYSTEMS", "Revolution CT", f"CT{number}") for number in range(1, 7)]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--studies", type=int, default=800, help="a day")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), asked.days, asked.studies)
    if asked.json:
        print(json.dumps(found, indent=1))
        return
    for name, value in found.items():
        print(f"{name:48} {value}")


def measure(folder: Path, days: int, studies_a_day: int, *, verdicts: bool = True) -> dict[str, float | int]:
    """All numbers by name; those of the rules alone only with ``verdicts``."""
    store = SqliteStore(folder / "studies.db")
    records = SqliteRecords(store)
    series, sizes = _record(store, days, studies_a_day)
    studies = days * studies_a_day
    switches = Switches()
    rehearse = Rehearse(records, MemoryStore(), lambda: switches, SystemClock(ZoneInfo("UTC")))
    first = LAST - timedelta(days=days - 1)
    found: dict[str, float | int] = {
        "studies": studies,
        "series": series,
        "bytes a study, median": sorted(sizes)[len(sizes) // 2],
        "bytes a study, mean": round(sum(sizes) / len(sizes)),
        "MB in all": round(sum(sizes) / 1e6, 1),
    }
    for change in CHANGES:
        begun, cpu = time.perf_counter(), time.process_time()
        made = rehearse([change], first, LAST)
        found[f"rehearsal of {change}, s"] = round(time.perf_counter() - begun, 2)
        found[f"rehearsal of {change}, CPU s"] = round(time.process_time() - cpu, 2)
        found[f"rehearsal of {change}, groups"] = len(made.groups)
    store.close()
    return {**found, **verdicts_a_second()} if verdicts else found


def verdicts_a_second(number: int = 40_000) -> dict[str, float | int]:
    """The rules alone, on distinct headers that name a body part and on those that name none."""
    full, silent = drawn_series(number)
    rates = {"full headers": _rates(full), "BodyPartExamined silent": _rates(silent)}
    found: dict[str, float | int] = {}
    for name, (first, again, plain) in rates.items():
        found[f"verdicts a CPU s, {name}, first time"] = first
        found[f"verdicts a CPU s, {name}, again"] = again
        found[f"verdicts a CPU s, {name}, without memory"] = plain
    return found


def drawn_series(number: int) -> tuple[list[SeriesFacts], list[SeriesFacts]]:
    """So many series of public headers that name a body part, or fewer, and the same without it."""
    drawn = list(_drawn(random.Random(7), max(1, number // 4)))  # noqa: S311 - no secret
    facts = [one for study in drawn for one in study][:number]
    full = [one for one in facts if one.text("BodyPartExamined")]
    silent = [
        SeriesFacts(one.series_uid, {**one.attributes, "BodyPartExamined": ""}, one.instances)
        for one in facts
    ]
    return full, silent


def _rates(facts: Sequence[SeriesFacts]) -> tuple[int, int, int]:
    """With a memory that is empty, with one that has seen these headers, and rule by rule."""
    switches = Switches()
    judge_series(facts[0], switches)  # the lists are compiled
    return (
        _rate(facts, switches, judge_series),
        _rate(facts, switches, judge_series),
        _rate(facts, switches, judge_plainly),
    )


def _rate(
    facts: Sequence[SeriesFacts], switches: Switches, judge: Callable[[SeriesFacts, Switches], object]
) -> int:
    fresh = [SeriesFacts(one.series_uid, one.attributes, one.instances) for one in facts]
    begun = time.process_time()
    for one in fresh:
        judge(one, switches)
    return round(len(fresh) / (time.process_time() - begun))


def _record(store: SqliteStore, days: int, studies_a_day: int) -> tuple[int, list[int]]:
    """Written in one transaction a day: how fast single studies are written is not what is asked here."""
    random_ = random.Random(11)  # noqa: S311 - no secret
    switches, series, sizes = Switches(), 0, []
    for back in range(days):
        day = (LAST - timedelta(days=back)).isoformat()
        rows = []
        for number, facts in enumerate(_drawn(random_, studies_a_day)):
            study = JudgedStudy(f"1.2.{back}.{number}", day, "A").with_headers(
                header(one, judge_series(one, switches), RECEPTION) for one in facts
            )
            data = encode(study)
            rows.append(StoredRecord(study.study_uid, day, data))
            series += len(facts)
            sizes.append(len(data))
        with store.writing() as connection:
            connection.executemany("INSERT INTO judged_headers (studyUID, day, data) VALUES (?, ?, ?)", rows)
    return series, sizes


def _drawn(random_: random.Random, number: int) -> Iterator[list[SeriesFacts]]:
    headers, studies, weights = _public()
    for study in random_.choices(studies, weights, k=number):
        yield _series(random_, headers, study)


@cache
def _public() -> tuple[list[Header], list[Study], list[int]]:
    studies = read_studies()
    return read_headers(), studies, [one.weight for one in studies]


def _series(random_: random.Random, headers: list[Header], study: Study) -> list[SeriesFacts]:
    """With what the public index does not have, as a device would write it."""
    root = f"1.2.840.113619.2.{random_.randrange(10**12)}"
    device = random_.choice(_DEVICES)
    found = []
    for number, (place, images) in enumerate(study.series, 1):
        facts = facts_of(headers[place], f"{root}.{number}", images)
        told = {
            "ImageType": random_.choice(_TYPES),
            "SliceThickness": random_.choice(("0.625", "1.25", "5", "8")),
            "ConvolutionKernel": random_.choice(_KERNELS),
            "ImageComments": "",
            "ContrastBolusAgent": "",
            "SeriesNumber": str(number),
            "SeriesDate": "20261130",
            "SeriesTime": f"{random_.randrange(80000, 180000):06}",
            "frames": str(images),
            "slice spacing": "1.25",
            "position gaps": "0",
            "duplicate positions": "0",
            "orientations": "1",
        }
        names = dict(zip(("Manufacturer", "ManufacturerModelName", "StationName"), device, strict=True))
        found.append(SeriesFacts(facts.series_uid, {**told, **facts.attributes, **names}, images))
    return found


if __name__ == "__main__":
    main()
